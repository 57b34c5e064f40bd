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
use crate::model::host::{HostSettings, LogLevel};
use crate::model::{Scenario, Topology, load};
use clap::{Args, Subcommand, ValueHint};
use std::fs::File;
use std::io::{self, BufWriter, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use tracing_subscriber::filter::LevelFilter;

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
    /// How the member is.
    Status {
        /// Form of the answer.
        #[arg(long, value_enum, default_value_t = StatusFormat::Text)]
        format: StatusFormat,
    },
    /// Move a group to another member, or to the best possible owner.
    Move {
        /// The group, such as CASArray.
        group: String,
        /// Where to.
        #[arg(long, value_name = "NODE")]
        to: Option<String>,
    },
    /// Switch a database over to another copy.
    Switchover {
        /// The database.
        database: String,
        /// Where to; Active Manager chooses if nothing is named.
        #[arg(long, value_name = "SERVER")]
        to: Option<String>,
    },
    /// Suspend a passive copy: it copies and replays nothing.
    Suspend {
        /// The copy, such as VIP\\EX02.
        copy: String,
    },
    /// Let a suspended copy go on.
    Resume {
        /// The copy, such as VIP\\EX02.
        copy: String,
    },
    /// Pause a member: it hosts no new groups.
    Pause {
        /// The member.
        node: String,
    },
    /// Let a paused member host groups again.
    Unpause {
        /// The member.
        node: String,
    },
    /// Give an order, as the cmdlet's own line; `dagtwin list orders` shows them.
    Order {
        /// Such as "Move-ClusterGroup CASArray -Node EX02".
        line: String,
    },
    /// Read the agent's file again, and take over what can be taken over; SIGHUP does the same.
    Reload,
    /// Hand over what can be handed over, and end; SIGTERM does the same.
    Stop,
}

/// Form of a status.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub(super) enum StatusFormat {
    /// For a person.
    Text,
    /// One JSON document.
    Json,
}

impl Question {
    /// The request that it is.
    fn request(&self) -> Request {
        let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
        let line = match self {
            Question::Status { .. } => return Request::Status,
            Question::Reload => return Request::Reload,
            Question::Stop => return Request::Stop,
            Question::Order { line } => line.clone(),
            Question::Move { group, to } => {
                let to = to.as_ref().map(|node| format!(" -Node {}", quoted(node)));
                format!("Move-ClusterGroup {}{}", quoted(group), to.unwrap_or_default())
            }
            Question::Switchover { database, to } => {
                let to = to.as_ref().map(|node| format!(" -ActivateOnServer {}", quoted(node)));
                let database = quoted(database);
                format!("Move-ActiveMailboxDatabase {database}{}", to.unwrap_or_default())
            }
            Question::Suspend { copy } => format!("Suspend-MailboxDatabaseCopy {}", quoted(copy)),
            Question::Resume { copy } => format!("Resume-MailboxDatabaseCopy {}", quoted(copy)),
            Question::Pause { node } => format!("Suspend-ClusterNode {}", quoted(node)),
            Question::Unpause { node } => format!("Resume-ClusterNode {}", quoted(node)),
        };
        Request::Order(line)
    }
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
    let log = log(settings.log);
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
    let reload =
        Reload { file: args.file.clone(), log, known: (topology.clone(), settings.clone()) };
    let served = runtime.block_on(serve(Arc::new(topology), &scenario, &settings, reload));
    // What still runs has been told to end, and may take a moment for it.
    runtime.shutdown_timeout(std::time::Duration::from_secs(5));
    served.map(|()| Done::default())
}

async fn serve(
    topology: Arc<Topology>,
    scenario: &Scenario,
    settings: &HostSettings,
    reload: Reload,
) -> Result<(), Failure> {
    let failed = |error: &io::Error| Failure::at(&settings.state, error);
    let (news, told_news) = mpsc::unbounded_channel();
    let (into, datagrams) = mpsc::channel(1_024);
    let (requests, front) = mpsc::channel(16);
    let (member_asks, asked) = mpsc::channel(16);
    tokio::spawn(reload.stand_before(front, member_asks));
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

/// The level of what is logged, which can be changed.
type Log = tracing_subscriber::reload::Handle<LevelFilter, tracing_subscriber::Registry>;

/// Logs to standard error.
fn log(level: LogLevel) -> Log {
    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::util::SubscriberInitExt;
    let (filter, handle) = tracing_subscriber::reload::Layer::new(filter(level));
    let color = io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(color);
    tracing_subscriber::registry().with(filter).with(lines).init();
    handle
}

fn filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
    }
}

/// Reads the agent's file again when it is asked to.
struct Reload {
    file: PathBuf,
    log: Log,
    /// What is in force.
    known: (Topology, HostSettings),
}

impl Reload {
    /// Answers what is asked of the file, and passes everything else on to the member.
    async fn stand_before(
        mut self,
        mut from: mpsc::Receiver<control::Asked>,
        member: mpsc::Sender<control::Asked>,
    ) {
        while let Some((request, tell)) = from.recv().await {
            if request != Request::Reload {
                if member.send((request, tell)).await.is_err() {
                    return;
                }
                continue;
            }
            let file = self.file.clone();
            let found = tokio::task::spawn_blocking(move || read(&file)).await;
            let answer = match found {
                Ok(Ok((topology, _, settings))) => self.take(&topology, &settings),
                Ok(Err(failure)) => {
                    let message = failure.message().unwrap_or_default();
                    control::Answer::Refused(message.trim_end().to_owned())
                }
                Err(error) => control::Answer::Refused(error.to_string()),
            };
            // Who asked may have gone.
            let _ = tell.send(answer);
        }
    }

    /// Takes over what can be; the rest waits for the next start.
    fn take(&mut self, topology: &Topology, settings: &HostSettings) -> control::Answer {
        let (old_topology, old) = &mut self.known;
        let mut taken = Vec::new();
        if settings.log != old.log && self.log.reload(filter(settings.log)).is_ok() {
            old.log = settings.log;
            taken.push("log".to_owned());
        }
        let mut at_restart: Vec<String> =
            settings.differs_in(old).into_iter().map(str::to_owned).collect();
        if topology != old_topology {
            at_restart.push("what the topology says".to_owned());
        }
        control::Answer::Reloaded { taken, at_restart }
    }
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
    let answer = control::call(&args.socket, &args.question.request());
    let answer = answer.map_err(|error| {
        let socket = args.socket.display();
        let remedy = "an agent's `control` says where its socket is, and --socket names it";
        Failure::Machine(format!("{socket}: no agent answers: {}; {remedy}", plain(&error)))
    })?;
    let wrong = |error: serde_json::Error| {
        Failure::Machine(format!("{}: {error} in {answer:?}", args.socket.display()))
    };
    let read: control::Answer = serde_json::from_str(&answer).map_err(wrong)?;
    let broken = matches!(read, control::Answer::Refused(_));
    let as_json = matches!(args.question, Question::Status { format: StatusFormat::Json });
    let output = match read {
        control::Answer::Status(status) if as_json => {
            serde_json::to_string_pretty(&status).map_err(wrong)? + "\n"
        }
        control::Answer::Status(status) => status.text(),
        control::Answer::Taken => "taken\n".to_owned(),
        control::Answer::Reloaded { taken, at_restart } => {
            let list = |what: &[String]| match what {
                [] => "nothing".to_owned(),
                some => some.join(", "),
            };
            let later = list(&at_restart);
            format!("taken over: {}\nat the next start: {later}\n", list(&taken))
        }
        control::Answer::Refused(why) => format!("refused: {why}\n"),
    };
    Ok(Done { output: output.into_bytes(), broken, ..Done::default() })
}
