//! The agent's file read again, and its log.

use crate::agent::control::{self, Request};
use crate::agent::host::NameServer;
use crate::model::Topology;
use crate::model::host::{HostSettings, LogLevel};
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use tokio::sync::{mpsc, watch};
use tracing_subscriber::filter::LevelFilter;

/// The level of what is logged, which can be changed.
pub(super) type Log = tracing_subscriber::reload::Handle<LevelFilter, tracing_subscriber::Registry>;

/// Logs to standard error.
pub(super) fn log(level: LogLevel) -> Log {
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
pub(super) struct Reload {
    /// The agent's file.
    pub file: PathBuf,
    /// Where its level is changed.
    pub log: Log,
    /// Where the server of names is replaced; none without one.
    pub names: Option<watch::Sender<NameServer>>,
    /// What is in force.
    pub known: (Topology, HostSettings),
}

impl Reload {
    /// Answers what is asked of the file, and passes everything else on to the member.
    pub(super) async fn stand_before(
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
            let found = tokio::task::spawn_blocking(move || super::read(&file)).await;
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
        if let (Some(sender), Some(was), Some(is)) = (&self.names, &old.names, &settings.names)
            && was.zone == is.zone
        {
            // Also as it was before: the key in its file may be another one.
            match NameServer::new(is) {
                Ok(server) => drop(sender.send(server)),
                Err(error) => return control::Answer::Refused(error.to_string()),
            }
            if was != is {
                old.names = settings.names.clone();
                taken.push("names".to_owned());
            }
        }
        let mut at_restart: Vec<String> =
            settings.differs_in(old).into_iter().map(str::to_owned).collect();
        if topology != old_topology {
            at_restart.push("what the topology says".to_owned());
        }
        control::Answer::Reloaded { taken, at_restart }
    }
}
