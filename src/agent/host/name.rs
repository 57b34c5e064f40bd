//! A Network Name resource: online at once, and registered when the DNS server takes it; a server
//! that does not answer delays nobody (linux-ha.md §10.7).

use super::Wanted;
use crate::agent::clock::boottime;
use crate::agent::dns::{Registrar, Registration, Status};
use crate::agent::run::{News, Told};
use crate::base::{Address, ResourceId};
use crate::failover::seam::{Act, Outcome};
use crate::journal::record::Plant;
use std::net::Ipv4Addr;
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

impl NameWorker {
    /// Does one thing after the other, and registers in between.
    pub(super) async fn run(mut self, mut wanted: UnboundedReceiver<Wanted>) {
        loop {
            let due = self.registration.deadline();
            let wait = due.map_or(FOR_EVER, |due| due.saturating_sub(now()));
            tokio::select! {
                biased;
                next = wanted.recv() => match next {
                    Some(next) => self.perform(&next),
                    None => return,
                },
                () = tokio::time::sleep(wait) => self.register().await,
            }
        }
    }

    fn perform(&mut self, wanted: &Wanted) {
        // The record stays when the group moves: its address moves with it.
        if let Act::Online(_) = wanted.act {
            self.registration.want(now(), Ipv4Addr::from(self.address.0), self.ttl);
        }
        let _ = self.news.send(wanted.ended(Vec::new(), Outcome::Ok));
    }

    async fn register(&mut self) {
        let Some(attempt) = self.registration.begin(now()) else { return };
        let result = self.registrar.perform(self.registration.name(), attempt.act).await;
        let Some(status) = self.registration.end(now(), attempt.number, result) else { return };
        tracing::info!(?status, "the name's record");
        let (resource, address) = (self.resource, self.address);
        let fact = match status {
            Status::Registered => Plant::DnsRecord { resource, address },
            _ => Plant::DnsUpdateFailed { resource },
        };
        let told = Told { life: None, cause: None, facts: vec![fact], input: None };
        let _ = self.news.send(News::Told(told));
    }
}

fn now() -> Duration {
    Duration::from_nanos(boottime().as_nanos())
}
