//! `dagtwin agent`: serves one member of a site on this host. `dagtwin ctl`: asks it.

mod ctl;
mod reload;

use super::failure::{Answer as Answered, Done, Failure, plain};
use super::input;
use crate::agent::clock::boot_id;
use crate::agent::control::{self, Control, Request};
use crate::agent::driver::Driver;
use crate::agent::host::{self, Vigil};
use crate::agent::lease::{self, Supervisor};
use crate::agent::metrics::Metrics;
use crate::agent::priority;
use crate::agent::recorder::Recorder;
use crate::agent::run::{Incoming, Member};
use crate::base::Instant;
use crate::journal::record::AgentEvent;
use crate::journal::{Header, Origin, What};
use crate::model::host::{HostSettings, WatchdogSettings};
use crate::model::{Scenario, Topology, load};
use clap::{Args, ValueHint};
pub(super) use ctl::{Ctl, ctl};
use reload::Reload;
use std::fs::File;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot, watch};

/// Serve one member of a site on this host: the same state machine as in the simulator, with real
/// sockets, addresses, names, witness, databases and services.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Exit status: 0 when it was asked to end and has; 2 if a setting is wrong; 3 if the machine failed.

Examples:
  dagtwin agent /etc/dagtwin/agent.toml --check
  dagtwin agent /etc/dagtwin/agent.toml
  dagtwin agent /etc/dagtwin/agent.toml --clear
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
    /// Take away what an agent that ended has left, the floating addresses on this host and the
    /// leases' table, and end. Refused while an agent or a database of it runs.
    #[arg(long, conflicts_with_all = ["check", "prepare"])]
    pub clear: bool,
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
    let log = reload::log(settings.log);
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
    if args.clear {
        let done = runtime.block_on(host::clear(&topology, &settings));
        let done = done.map_err(|error| Failure::Machine(error.to_string()))?;
        return Ok(Done { output: (done.join("\n") + "\n").into_bytes(), ..Done::default() });
    }
    let names = settings.names.as_ref().map(host::NameServer::new).transpose();
    let names = names.map_err(|error| Failure::Call(error.to_string()))?;
    let (names, server) = names.map(watch::channel).unzip();
    let known = (topology.clone(), settings.clone());
    let reload = Reload { file: args.file.clone(), log, names, known };
    let told = (reload, server);
    let served = runtime.block_on(serve(Arc::new(topology), &scenario, &settings, told));
    // What still runs has been told to end, and may take a moment for it.
    runtime.shutdown_timeout(Duration::from_secs(5));
    served.map(|()| Done::default())
}

async fn serve(
    topology: Arc<Topology>,
    scenario: &Scenario,
    settings: &HostSettings,
    (reload, names): (Reload, Option<watch::Receiver<host::NameServer>>),
) -> Result<(), Failure> {
    let failed = |error: &io::Error| Failure::at(&settings.state, error);
    let (news, told_news) = mpsc::unbounded_channel();
    let (into, datagrams) = mpsc::channel(1_024);
    let (requests, front) = mpsc::channel(16);
    let (member_asks, asked) = mpsc::channel(16);
    tokio::spawn(reload.stand_before(front, member_asks));
    let supervisor = supervisor().map_err(|error| Failure::Call(error.to_string()))?;
    // First of all: an agent that runs already must not lose its table and its addresses.
    let control = Control::open(&settings.control).await;
    let control = control.map_err(|error| Failure::at(&settings.control, &error))?;
    let around = host::start(Arc::clone(&topology), scenario, settings, names, into, news).await;
    let mut around = around.map_err(|error| Failure::Call(error.to_string()))?;
    let clock = around.clock();
    let recorder = journal(&topology, settings, clock.now()).map_err(|error| failed(&error))?;
    // Last of all: once it is open, an end without good order resets the machine.
    let watchdog = match &settings.watchdog {
        Some(settings) => Some(watchdog(settings).await?),
        None => None,
    };
    around.watched_by(Vigil::new(supervisor, watchdog));
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
    let mut member = Member::new(driver, around, clock);
    tracing::info!(node = topology.node_name(settings.node), "it serves");
    let incoming = Incoming { news: told_news, datagrams, asked };
    // Its alarm has a thread of its own, which is there when the loop waits for the first time.
    let (ran, ()) = tokio::join!(biased; member.run(incoming), priority::raise_and_tell());
    ran.map_err(|error| failed(&error))?;
    member.around.finish();
    member.finish().map_err(|error| failed(&error))
}

/// The service manager, if one has started this process.
#[allow(clippy::disallowed_methods, reason = "systemd tells by the environment (sd_notify(3))")]
fn supervisor() -> Result<Supervisor, lease::Error> {
    let variable = |name: &str| std::env::var_os(name);
    let [socket, usec, pid] = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"].map(variable);
    Supervisor::new(socket.as_deref(), usec.as_deref(), pid.as_deref(), std::process::id())
}

async fn watchdog(settings: &WatchdogSettings) -> Result<lease::Watchdog, Failure> {
    let timeout = settings.timeout.map(|timeout| Duration::from_nanos(timeout.as_nanos()));
    let device = settings.device.clone();
    let settings =
        lease::WatchdogSettings { device, timeout, ..lease::WatchdogSettings::default() };
    let opened = lease::Watchdog::open(&settings).await;
    opened.map_err(|error| Failure::Call(error.to_string()))
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
