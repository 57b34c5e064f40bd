//! Generic resources: a systemd unit, plain commands, a supervised child, or a resource agent of
//! the Open Cluster Framework, behind the five things that the core asks of a resource: Online,
//! Offline, Terminate, LooksAlive and IsAlive.
//!
//! [`Settings`] are checked, which names what is wrong before anything starts, and a [`Service`]
//! is started from what was [`Checked`]. It is one task. Online, Offline and Terminate are done
//! one after the other, and a newer one calls an older one off; only Terminate is never called
//! off. Each kind of probe has at most one under way, and whoever asks meanwhile gets its answer.
//! Every order is told as [`Done`] exactly once.
//!
//! Children start in `/` with standard input closed, in a process group of their own, and with
//! nothing in their environment but `PATH` ([`Settings::path`]), `LC_ALL=C`, `HOME=/`,
//! `DAGTWIN_RESOURCE` (the mark, `<run_directory>/<name>`), [`Settings::environment`], and for a
//! resource agent the `OCF_` variables of the standard. Their output is told line by line
//! ([`Notice::Line`]): at most 1000 bytes of a line and 100 lines a second of each program.
//!
//! Needs Linux 5.3 (pidfd_open) and no signal handler: children are waited for by pidfd, so
//! nothing else in the agent may wait for children that it did not start.

mod actor;
mod check;
mod error;
mod metadata;
mod ocf;
mod output;
mod process;
mod program;
mod settings;
mod supervise;
mod unit;
mod work;

#[cfg(test)]
mod tests;

pub use check::Checked;
pub use error::ServiceError;
pub use metadata::{AgentAction, MetaData, Parameter};
pub use settings::{Command, Kind, Limits, Ocf, Run, Settings, Unit};

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// Is told what happens besides what was asked for. Called from the resource's tasks: it must not
/// block.
pub type Teller = Arc<dyn Fn(&Notice) + Send + Sync>;

/// What is done to a resource.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Action {
    /// Its settings are checked.
    Check,
    /// What an earlier life of the agent left running is stopped.
    LeftOver,
    /// Brought online.
    Online,
    /// Taken offline in good order.
    Offline,
    /// Stopped at once.
    Terminate,
    /// The cheap health check.
    LooksAlive,
    /// The thorough health check.
    IsAlive,
}

impl Action {
    /// Whether it only looks.
    const fn is_probe(self) -> bool {
        matches!(self, Action::LooksAlive | Action::IsAlive)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Action::Check => "check",
            Action::LeftOver => "clean-up",
            Action::Online => "online",
            Action::Offline => "offline",
            Action::Terminate => "terminate",
            Action::LooksAlive => "LooksAlive",
            Action::IsAlive => "IsAlive",
        })
    }
}

/// How an order ended. Told once for each.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Done {
    /// What was asked.
    pub action: Action,
    /// From the order to this.
    pub took: Duration,
    /// Whether it went well. Terminate always does, unless the resource's task has ended.
    pub result: Result<(), ServiceError>,
    /// On failure the last lines of standard error, at most 20 of 1000 bytes.
    pub last_lines: Vec<String>,
    /// What an earlier life had left running ([`Service::left_over`]).
    pub found: Vec<String>,
    /// What Terminate or the clean-up could not end: a process stuck in the kernel, a stop command
    /// that failed twice. For the log, and for whoever must know that the resource may still act.
    pub remains: Vec<String>,
}

/// Something told without having been asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Notice {
    /// A line of output.
    Line(Line),
    /// Lines that came too fast and are not told.
    LinesLeftOut {
        /// What the program that wrote them does.
        action: Action,
        /// How many.
        lines: u64,
    },
    /// The pending resource has written something, so it is at work. At most once a second of each
    /// program.
    AtWork,
    /// The supervised child of a resource that is online has ended without having been asked to.
    Ended(Ended),
}

/// A line of output, without line feed and control characters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// What the program that wrote it does.
    pub action: Action,
    /// Where it wrote to.
    pub stream: Stream,
    /// The line, cut at 1000 bytes.
    pub text: String,
}

/// Where a line was written to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stream {
    /// Standard output.
    Output,
    /// Standard error.
    Error,
}

/// The end of a supervised child.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ended {
    /// Its exit status or signal, in words.
    pub how: String,
    /// From its start to its end.
    pub lived: Duration,
    /// The last lines of its standard error, at most 20 of 1000 bytes.
    pub last_lines: Vec<String>,
}

/// An order, until it is told how it ended.
#[derive(Debug)]
struct Ask {
    action: Action,
    asked: Instant,
    told: oneshot::Sender<Done>,
}

/// The answer to an order. It is a future; dropping it changes nothing about the order. It ends
/// within the order's time limit, the limits of the orders that have to end before (Terminate and
/// the clean-up), and a few seconds.
#[derive(Debug)]
pub struct Pending {
    action: Action,
    resource: Arc<str>,
    asked: Instant,
    answer: oneshot::Receiver<Done>,
}

impl Future for Pending {
    type Output = Done;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Done> {
        Pin::new(&mut self.answer).poll(context).map(|answer| {
            answer.unwrap_or_else(|_| {
                let (resource, action) = (self.resource.to_string(), self.action);
                let result = Err(ServiceError::LetGo { resource, action });
                Done::new(action, self.asked.elapsed(), result)
            })
        })
    }
}

impl Done {
    fn new(action: Action, took: Duration, result: Result<(), ServiceError>) -> Self {
        let (last_lines, found, remains) = (Vec::new(), Vec::new(), Vec::new());
        Done { action, took, result, last_lines, found, remains }
    }
}

/// A resource. When it is dropped, what was asked is still done; then a supervised child is killed,
/// for nobody would watch it, and everything else stays as it is.
#[derive(Debug)]
pub struct Service {
    resource: Arc<str>,
    asks: mpsc::UnboundedSender<Ask>,
}

impl Service {
    /// Takes a resource over. Nothing is done to it yet. Within a tokio runtime with time and
    /// input/output.
    pub fn start(checked: Checked, teller: Teller) -> Service {
        let resource = Arc::from(checked.settings().name.as_str());
        let (asks, receiver) = mpsc::unbounded_channel();
        tokio::spawn(actor::Actor::new(checked, teller, receiver).run());
        Service { resource, asks }
    }

    /// Brings it online (Act::Online). If it is, that is well too.
    pub fn online(&self) -> Pending {
        self.ask(Action::Online)
    }

    /// Takes it offline in good order (Act::Offline). If it is, that is well too.
    pub fn offline(&self) -> Pending {
        self.ask(Action::Offline)
    }

    /// Ends it at once (Act::Terminate), whatever state it is in; never fails, see
    /// [`Done::remains`].
    ///
    /// Unit: stop without waiting, and SIGKILL to all of it. Supervised child: SIGKILL to its
    /// group. Commands and agents, which alone know what besides processes there is to undo: their
    /// stop, and if it fails once more when all processes are gone. At the end every process of
    /// the resource gets SIGKILL until none is left.
    pub fn terminate(&self) -> Pending {
        self.ask(Action::Terminate)
    }

    /// The cheap health check (Act::LooksAlive).
    pub fn looks_alive(&self) -> Pending {
        self.ask(Action::LooksAlive)
    }

    /// The thorough health check (Act::IsAlive).
    pub fn is_alive(&self) -> Pending {
        self.ask(Action::IsAlive)
    }

    /// Finds what an earlier life of the agent left running, and stops it: in good order, then by
    /// SIGKILL. It is never adopted (linux-ha.md §10 item 5). To be asked before anything else.
    pub fn left_over(&self) -> Pending {
        self.ask(Action::LeftOver)
    }

    fn ask(&self, action: Action) -> Pending {
        let (told, answer) = oneshot::channel();
        let asked = Instant::now();
        // If the task has ended, the answer's other end is gone, which says so.
        let _ = self.asks.send(Ask { action, asked, told });
        Pending { action, resource: Arc::clone(&self.resource), asked, answer }
    }
}
