//! `dagtwin agent`: serves one member of a site on this host. `dagtwin ctl`: asks it.

use super::failure::{Answer as Answered, Done, Failure, plain};
use super::input;
use crate::agent::clock::boot_id;
use crate::agent::control::{self, Control, Request};
use crate::agent::driver::Driver;
use crate::agent::host;
use crate::agent::metrics::Metrics;
use crate::agent::recorder::Recorder;
use crate::agent::run::{Incoming, Member};
use crate::base::Instant;
use crate::journal::record::AgentEvent;
use crate::journal::{Header, Origin, What};
use crate::model::host::HostSettings;
use crate::model::{Scenario, Topology, load};
use clap::{Args, Subcommand, ValueHint};
use std::fs::File;
use std::io::{self, BufWriter, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};

/// Serve one member of a site on this host: the same state machine as in the simulator, with real
/// sockets, addresses, names, witness, databases and services.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Exit status: 0 when it was asked to end and has; 2 if a setting is wrong; 3 if the machine failed.

Examples:
  dagtwin agent /etc/dagtwin/agent.toml --check
  dagtwin agent /etc/dagtwin/agent.toml
  dagtwin ctl --socket /run/dagtwin/control.sock status")]
pub(super) struct Agent {
    /// The agent's own file.
    #[arg(value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// Read and judge the settings, and end.
    #[arg(long)]
    pub check: bool,
    /// Make what has to be there once, the witness's record and the copies of databases here, and
    /// end. What is there already stays as it is.
    #[arg(long, conflicts_with = "check")]
    pub prepare: bool,
}

/// Ask the agent of this host how it is, or give it an order.
#[derive(Args, Clone, Debug)]
pub(super) struct Ctl {
    /// The agent's socket.
    #[arg(long, default_value = "/run/dagtwin/control.sock", value_hint = ValueHint::FilePath)]
    pub socket: PathBuf,
    #[command(subcommand)]
    pub question: Question,
}

/// What is asked.
#[derive(Subcommand, Clone, Debug)]
pub(super) enum Question {
    /// How the member is, as JSON.
    Status,
    /// Give an order, as the cmdlet's own line; `dagtwin list orders` shows them.
    Order {
        /// Such as "Move-ClusterGroup CASArray -Node EX02".
        line: String,
    },
    /// Hand over what can be handed over, and end.
    Stop,
}

/// What the agent's file and the topology that it names say.
fn read(path: &Path) -> Result<(Topology, Scenario, HostSettings), Failure> {
    let own = input::read(path)?;
    let named = load::host_topology(&own.file, &own.text).map_err(Failure::Input)?;
    let topology = input::topology(&named.display().to_string(), &[])?.topology;
    let settings = load::host(&own.file, &own.text, &topology).map_err(Failure::Input)?;
    let text = "title = \"as it is\"\nuntil = \"1m\"\n";
    let scenario = load::scenario("agent", "agent", text, &topology).map_err(Failure::Input)?;
    Ok((topology, scenario, settings))
}

pub(super) fn agent(args: &Agent) -> Answered {
    let (topology, scenario, settings) = read(&args.file)?;
    if args.check {
        let name = topology.node_name(settings.node);
        let text = format!("{}: it can serve {name} of {}\n", args.file.display(), topology.name);
        return Ok(Done { output: text.into_bytes(), ..Done::default() });
    }
    let color = io::stderr().is_terminal();
    tracing_subscriber::fmt().with_writer(io::stderr).with_ansi(color).init();
    let runtime = tokio::runtime::Runtime::new();
    let runtime = runtime.map_err(|error| Failure::at(&args.file, &error))?;
    if args.prepare && settings.shadow {
        let name = args.file.display();
        let expected = "expected a member that serves; this one is a shadow and makes nothing";
        return Err(Failure::Call(format!("{name}: --prepare: {expected}")));
    }
    if args.prepare {
        let done = runtime.block_on(host::prepare(&topology, &settings));
        let done = done.map_err(|error| Failure::Call(error.to_string()))?;
        return Ok(Done { output: (done.join("\n") + "\n").into_bytes(), ..Done::default() });
    }
    let served = runtime.block_on(serve(Arc::new(topology), &scenario, &settings));
    // What still runs has been told to end, and may take a moment for it.
    runtime.shutdown_timeout(std::time::Duration::from_secs(5));
    served.map(|()| Done::default())
}

async fn serve(
    topology: Arc<Topology>,
    scenario: &Scenario,
    settings: &HostSettings,
) -> Result<(), Failure> {
    let failed = |error: &io::Error| Failure::at(&settings.state, error);
    let (news, told_news) = mpsc::unbounded_channel();
    let (into, datagrams) = mpsc::channel(1_024);
    let (requests, asked) = mpsc::channel(16);
    let around = host::start(Arc::clone(&topology), scenario, settings, into, news).await;
    let around = around.map_err(|error| Failure::Call(error.to_string()))?;
    let clock = around.clock();
    let recorder = journal(&topology, settings, clock.now()).map_err(|error| failed(&error))?;
    let control = Control::open(&settings.control).await;
    let control = control.map_err(|error| Failure::at(&settings.control, &error))?;
    tokio::spawn(control.serve(requests.clone()));
    if let Some(address) = settings.metrics {
        let metrics = Metrics::open(address).await;
        let metrics = metrics
            .map_err(|error| Failure::Machine(format!("metrics {address}: {}", plain(&error))))?;
        tokio::spawn(metrics.serve(requests.clone()));
    }
    tokio::spawn(signals(requests));
    let mut driver = Driver::new(settings.node, recorder);
    let told = AgentEvent::Clock { booted: clock.booted(), boot: boot_id() };
    driver.record(clock.now(), None, What::Agent(settings.node, told));
    let mut member = Member { driver, around, clock };
    tracing::info!(node = topology.node_name(settings.node), "it serves");
    let incoming = Incoming { news: told_news, datagrams, asked };
    member.run(incoming).await.map_err(|error| failed(&error))?;
    member.finish().map_err(|error| failed(&error))
}

/// The journal of this process; earlier ones stay beside it.
fn journal(
    topology: &Topology,
    settings: &HostSettings,
    now: Instant,
) -> io::Result<Recorder<BufWriter<File>>> {
    let folder = settings.state.join("journals");
    std::fs::create_dir_all(&folder)?;
    // The moment is the wall clock's, and no two processes begin at the same.
    let path = folder.join(format!("{}.dagtwin", now.as_nanos() / 1_000_000));
    let file = File::options().write(true).create_new(true).open(path)?;
    let header = Header {
        format: Header::FORMAT,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        origin: Origin::Agent { host: topology.node_name(settings.node).to_owned() },
        topology: topology.clone(),
        scenario: None,
        sources: None,
        capsule: None,
    };
    Recorder::new(BufWriter::with_capacity(1 << 16, file), &header)
}

/// SIGTERM and Ctrl-C hand over and end; SIGHUP reads again what can be read again.
async fn signals(requests: mpsc::Sender<control::Asked>) {
    let kinds = [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()];
    let (Ok(mut terminate), Ok(mut interrupt), Ok(mut hangup)) =
        (signal(kinds[0]), signal(kinds[1]), signal(kinds[2]))
    else {
        tracing::warn!("signals cannot be taken; `dagtwin ctl stop` ends it");
        return;
    };
    loop {
        let request = tokio::select! {
            Some(()) = terminate.recv() => Request::Stop,
            Some(()) = interrupt.recv() => Request::Stop,
            Some(()) = hangup.recv() => Request::Reload,
            else => return,
        };
        let (tell, told) = oneshot::channel();
        if requests.send((request, tell)).await.is_err() {
            return;
        }
        let answer = told.await;
        tracing::info!(?answer, "a signal");
    }
}

pub(super) fn ctl(args: &Ctl) -> Answered {
    let request = match &args.question {
        Question::Status => Request::Status,
        Question::Order { line } => Request::Order(line.clone()),
        Question::Stop => Request::Stop,
    };
    let answer = control::call(&args.socket, &request);
    let answer = answer.map_err(|error| Failure::at(&args.socket, &error))?;
    let broken = answer.contains("\"refused\"");
    Ok(Done { output: answer.into_bytes(), broken, ..Done::default() })
}
