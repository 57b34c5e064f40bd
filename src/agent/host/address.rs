//! An IP Address resource: probed, added with a life of its own that leases prolong, announced, and
//! removed.

use super::Wanted;
use crate::agent::network::{
    Addresses, Announcer, Arp, Error, InterfaceAddress, ProbeAnswer, Schedule,
};
use crate::agent::run::News;
use crate::base::{Address, MachineId, NicId};
use crate::failover::seam::{Act, Failure, Outcome};
use crate::journal::record::Plant;
use std::num::NonZeroU32;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::sync::watch;

/// How long an answer to a probe is waited for (linux-ha.md §10.6: 50 to 100 ms).
const PROBE: Duration = Duration::from_millis(80);

/// Serves one address.
pub(super) struct AddressWorker {
    pub place: InterfaceAddress,
    pub address: Address,
    pub machine: MachineId,
    pub nic: NicId,
    pub addresses: Addresses,
    pub arp: Arp,
    /// How long the kernel keeps it without a renewal.
    pub life: NonZeroU32,
    /// Counts renewals of the leases.
    pub renewed: watch::Receiver<u64>,
    pub news: UnboundedSender<News>,
}

impl AddressWorker {
    /// Does one thing after the other.
    pub(super) async fn run(mut self, mut wanted: UnboundedReceiver<Wanted>) {
        // What an earlier life left is never taken over (linux-ha.md §10.5).
        let address = self.place.address;
        if let Err(error) = self.addresses.remove_everywhere(address).await {
            tracing::error!(%address, %error, "an address of an earlier life could not be removed");
        }
        let mut announcer = None;
        loop {
            tokio::select! {
                biased;
                next = wanted.recv() => {
                    let Some(next) = next else { break };
                    self.perform(&next, &mut announcer).await;
                }
                Ok(()) = self.renewed.changed(), if announcer.is_some() => {
                    if let Err(error) = self.addresses.replace(&self.place, self.life).await {
                        tracing::warn!(%error, "an address could not be kept; it ends by itself");
                    }
                }
            }
        }
        drop(announcer);
        // The kernel removes it if this does not.
        let _ = self.addresses.remove(&self.place).await;
    }

    async fn perform(&mut self, wanted: &Wanted, announcer: &mut Option<Announcer>) {
        let (facts, outcome) = match &wanted.act {
            Act::Online(_) => match self.online().await {
                Ok(begun) => {
                    *announcer = Some(begun);
                    let (address, machine, nic) = (self.address, self.machine, self.nic);
                    let up = Plant::AddressUp { address, machine, nic };
                    let told = Plant::GratuitousArp { address, machine, blocked: false };
                    (vec![up, told], Outcome::Ok)
                }
                Err(failure) => (Vec::new(), Outcome::Failed(failure)),
            },
            Act::Offline(_) | Act::Terminate(_) => {
                let had = announcer.take().is_some();
                let removed = self.addresses.remove(&self.place).await;
                if let Err(error) = &removed {
                    tracing::error!(%error, "an address could not be removed; its lease is gone");
                }
                let (address, machine) = (self.address, self.machine);
                let down = had.then_some(Plant::AddressDown { address, machine });
                (down.into_iter().collect(), Outcome::Ok)
            }
            _ => (Vec::new(), self.alive(announcer.is_some()).await),
        };
        // Nobody listens any more when everything ends.
        let _ = self.news.send(wanted.ended(facts, outcome));
    }

    async fn online(&self) -> Result<Announcer, Failure> {
        let (interface, address) = (&self.place.interface, self.place.address);
        let failed = |error: Error| {
            tracing::warn!(%interface, %address, %error, "an address cannot come online");
            match error {
                Error::NoInterface { .. } => Failure::NoInterface,
                Error::InterfaceDown { .. } => Failure::InterfaceDown,
                _ => Failure::NotAlive,
            }
        };
        match self.arp.probe(interface, address, PROBE).await.map_err(failed)? {
            ProbeAnswer::Silence | ProbeAnswer::Prober(_) => {}
            ProbeAnswer::Holder(hardware) => {
                tracing::warn!(%address, ?hardware, "another host answers for the address");
                return Err(Failure::DuplicateAddress);
            }
        }
        self.addresses.replace(&self.place, self.life).await.map_err(failed)?;
        let announcer = Announcer::start(&self.arp, interface, address, Schedule::default());
        announcer.first(PROBE).await;
        Ok(announcer)
    }

    /// Whether the address is still here.
    async fn alive(&self, online: bool) -> Outcome {
        let listed = self.addresses.list().await;
        let here = |listed: Vec<crate::agent::network::Listed>| {
            listed.iter().any(|it| it.place == self.place)
        };
        match listed.map(here) {
            Ok(true) if online => Outcome::Ok,
            _ => Outcome::Failed(Failure::NotAlive),
        }
    }
}
