//! A Network Name resource: online at once, and registered when the DNS server takes it; a server
//! that does not answer delays nobody (linux-ha.md §10.7).

use super::Wanted;
use super::error::StartError;
use crate::agent::clock::boottime;
use crate::agent::dns::{Error, Key, Outcome as Written, Registrar, Registration, Status, TIMEOUT};
use crate::agent::run::{News, Told};
use crate::base::{Address, ResourceId};
use crate::failover::seam::{Act, Outcome};
use crate::journal::record::Plant;
use crate::model::host::NameSettings;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::sync::watch;

/// How long nothing is waited for: longer than a life.
const FOR_EVER: Duration = Duration::from_secs(365 * 86_400);

/// The DNS server that names are registered with; it may be replaced while they are online.
#[derive(Clone, Debug)]
pub struct NameServer {
    registrar: Registrar,
    /// Time to live of records, in seconds.
    ttl: u32,
}

impl NameServer {
    /// The server of the agent's file; reads the key file.
    ///
    /// # Errors
    /// If the key or the zone's name cannot be used.
    pub fn new(settings: &NameSettings) -> Result<NameServer, StartError> {
        let key = Key::read(&settings.key_file, None)?;
        let registrar = Registrar::new(settings.server, settings.zone.parse()?, key, TIMEOUT)?;
        let ttl = u32::try_from(settings.ttl.as_millis() / 1_000).unwrap_or(u32::MAX);
        Ok(NameServer { registrar, ttl })
    }
}

/// Serves one name.
pub(super) struct NameWorker {
    pub resource: ResourceId,
    pub address: Address,
    pub server: watch::Receiver<NameServer>,
    pub registration: Registration,
    pub news: UnboundedSender<News>,
}

/// An attempt that runs, and how it ends.
struct Running {
    number: u64,
    ends: Pin<Box<dyn Future<Output = Result<Written, Error>> + Send>>,
}

impl NameWorker {
    /// Does one thing after the other; an attempt at the server goes on beside that.
    pub(super) async fn run(mut self, mut wanted: UnboundedReceiver<Wanted>) {
        let mut running = None;
        let mut replaceable = true;
        loop {
            let due = self.registration.deadline();
            let wait = due.map_or(FOR_EVER, |due| due.saturating_sub(now()));
            tokio::select! {
                biased;
                next = wanted.recv() => match next {
                    Some(next) => self.perform(&next, &mut running),
                    None => return,
                },
                changed = self.server.changed(), if replaceable => match changed {
                    Ok(()) => self.register_anew(&mut running),
                    Err(_) => replaceable = false,
                },
                (number, result) = ended(&mut running) => {
                    running = None;
                    self.end(number, result);
                }
                () = tokio::time::sleep(wait) => running = self.begin(),
            }
        }
    }

    fn perform(&mut self, wanted: &Wanted, running: &mut Option<Running>) {
        match wanted.act {
            Act::Online(_) => {
                let ttl = self.server.borrow().ttl;
                self.registration.want(now(), Ipv4Addr::from(self.address.0), ttl);
            }
            // The record stays, for its address moves with the group; but whoever has the name now
            // is not to be written over.
            Act::Offline(_) | Act::Terminate(_) => {
                self.registration.rest();
                self.abandon(running);
            }
            _ => {}
        }
        // Nobody listens any more when everything ends.
        let _ = self.news.send(wanted.ended(Vec::new(), Outcome::Ok));
    }

    /// Registers with the server that there is now; what runs is with the one before.
    fn register_anew(&mut self, running: &mut Option<Running>) {
        self.abandon(running);
        if *self.registration.status() != Status::Idle {
            let ttl = self.server.borrow().ttl;
            self.registration.want(now(), Ipv4Addr::from(self.address.0), ttl);
            self.registration.again(now());
        }
    }

    fn abandon(&mut self, running: &mut Option<Running>) {
        if let Some(dropped) = running.take() {
            self.registration.abandon(now(), dropped.number);
        }
    }

    /// Begins what is due. The core brings a name online only on the owner in quorum, and what is
    /// not online has nothing due: a record that somebody else has written or removed is overruled.
    fn begin(&mut self) -> Option<Running> {
        self.registration.overrule(now());
        let attempt = self.registration.begin(now())?;
        let registrar = self.server.borrow().registrar.clone();
        let name = self.registration.name().clone();
        let ends = Box::pin(async move { registrar.perform(&name, attempt.act).await });
        Some(Running { number: attempt.number, ends })
    }

    fn end(&mut self, number: u64, result: Result<Written, Error>) {
        let Some(status) = self.registration.end(now(), number, result) else { return };
        let fact = match status {
            Status::Registered => {
                tracing::info!(?status, "the name's record");
                Plant::DnsRecord { resource: self.resource, address: self.address }
            }
            _ => {
                tracing::warn!(?status, "the name's record; the name stays online");
                Plant::DnsUpdateFailed { resource: self.resource }
            }
        };
        let told = Told { life: None, cause: None, facts: vec![fact], input: None };
        let _ = self.news.send(News::Told(told));
    }
}

/// Waits for the end of the attempt that runs; for ever if none does.
async fn ended(running: &mut Option<Running>) -> (u64, Result<Written, Error>) {
    match running {
        Some(running) => (running.number, running.ends.as_mut().await),
        None => std::future::pending().await,
    }
}

fn now() -> Duration {
    Duration::from_nanos(boottime().as_nanos())
}

#[cfg(test)]
#[path = "name_tests.rs"]
mod tests;
