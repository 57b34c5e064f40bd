//! A Network Name resource: online at once, and registered when the DNS server takes it; a server
//! that does not answer delays nobody (linux-ha.md §10.7).

use super::Wanted;
use crate::agent::clock::boottime;
use crate::agent::dns::{Error, Outcome as Written, Registrar, Registration, Status};
use crate::agent::run::{News, Told};
use crate::base::{Address, ResourceId};
use crate::failover::seam::{Act, Outcome};
use crate::journal::record::Plant;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

/// How long nothing is waited for: longer than a life.
const FOR_EVER: Duration = Duration::from_secs(365 * 86_400);

/// Serves one name.
pub(super) struct NameWorker {
    pub resource: ResourceId,
    pub address: Address,
    pub ttl: u32,
    pub registrar: Registrar,
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
        loop {
            let due = self.registration.deadline();
            let wait = due.map_or(FOR_EVER, |due| due.saturating_sub(now()));
            tokio::select! {
                biased;
                next = wanted.recv() => match next {
                    Some(next) => self.perform(&next, &mut running),
                    None => return,
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
                self.registration.want(now(), Ipv4Addr::from(self.address.0), self.ttl);
            }
            // The record stays, for its address moves with the group; but whoever has the name now
            // is not to be written over.
            Act::Offline(_) | Act::Terminate(_) => {
                self.registration.rest();
                if let Some(dropped) = running.take() {
                    self.registration.abandon(now(), dropped.number);
                }
            }
            _ => {}
        }
        // Nobody listens any more when everything ends.
        let _ = self.news.send(wanted.ended(Vec::new(), Outcome::Ok));
    }

    /// Begins what is due. The core brings a name online only on the owner in quorum, and what is
    /// not online has nothing due: a record that somebody else has written or removed is overruled.
    fn begin(&mut self) -> Option<Running> {
        self.registration.overrule(now());
        let attempt = self.registration.begin(now())?;
        let (registrar, name) = (self.registrar.clone(), self.registration.name().clone());
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
