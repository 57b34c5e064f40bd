//! An IP Address resource: probed, added with a life of its own that leases prolong, announced, and
//! removed.

use super::{Renewals, Wanted};
use crate::agent::network::{
    Addresses, Announcer, Arp, Error, HardwareAddress, Heard, InterfaceAddress, Listener,
    ProbeAnswer, Schedule,
};
use crate::agent::run::News;
use crate::base::{Address, MachineId, NicId};
use crate::failover::seam::{Act, Failure, Outcome};
use crate::journal::record::Plant;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::sync::watch;
use tokio::time::Instant;

/// How long an answer to a probe is waited for (linux-ha.md §10.6: 50 to 100 ms).
const PROBE: Duration = Duration::from_millis(80);

/// How long the address is not defended again: as long as the announcements of one defence go on,
/// so that one of them follows every claim. Two hosts that both defend it at once would otherwise
/// keep each other busy without end (RFC 5227 §2.4 has 10 s).
const DEFENCE: Duration = Duration::from_secs(5);
/// How long is waited when the kernel does not tell which adapters are this host's (assumed).
const AGAIN: Duration = Duration::from_secs(1);

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
    pub renewed: watch::Receiver<Renewals>,
    /// Counts other hosts' claims.
    pub conflicts: Arc<AtomicU64>,
    pub news: UnboundedSender<News>,
}

/// An address that is online.
struct Online {
    announcer: Announcer,
    listener: Listener,
    /// When it was defended last.
    defended: Option<Instant>,
    /// Renewals and doubts that were heeded.
    seen: Renewals,
}

impl AddressWorker {
    /// Does one thing after the other.
    pub(super) async fn run(mut self, mut wanted: UnboundedReceiver<Wanted>) {
        // What an earlier life left is never taken over (linux-ha.md §10.5).
        let address = self.place.address;
        if let Err(error) = self.addresses.remove_everywhere(address).await {
            tracing::error!(%address, %error, "an address of an earlier life could not be removed");
        }
        let mut online = None;
        loop {
            tokio::select! {
                biased;
                next = wanted.recv() => {
                    let Some(next) = next else { break };
                    self.perform(&next, &mut online).await;
                }
                Ok(()) = self.renewed.changed(), if online.is_some() => {
                    let now = *self.renewed.borrow_and_update();
                    if let Some(online) = &mut online {
                        self.renew(online, now).await;
                    }
                }
                heard = hear(&mut online) => {
                    if let Some(online) = &mut online {
                        self.heard(online, &heard);
                    }
                }
            }
        }
        drop(online);
        // The kernel removes it if this does not.
        let _ = self.addresses.remove(&self.place).await;
    }

    /// Has the kernel keep the address, and announces it if another's claim may have ended unheard
    /// (linux-ha.md §10.4).
    async fn renew(&self, online: &mut Online, now: Renewals) {
        let before = std::mem::replace(&mut online.seen, now);
        if now.count != before.count
            && let Err(error) = self.addresses.replace(&self.place, self.life).await
        {
            tracing::warn!(%error, "an address could not be kept; it ends by itself");
        }
        if now.doubts != before.doubts {
            online.announcer.announce_again();
        }
    }

    /// Another host claims the address, or may have: it is told, and announced again. Who is to
    /// have it is the core's to decide, by votes and not by who announces last.
    fn heard(&self, online: &mut Online, heard: &Heard) {
        let claims: Option<&HardwareAddress> = match heard {
            Heard::Conflict { interface, address, hardware }
                if *address == self.place.address && *interface == self.place.interface =>
            {
                self.conflicts.fetch_add(1, Ordering::Relaxed);
                Some(hardware)
            }
            Heard::Lost { .. } => None,
            Heard::Conflict { .. } | Heard::Announcement { .. } => return,
        };
        if online.defended.is_some_and(|at| at.elapsed() < DEFENCE) {
            return;
        }
        online.defended = Some(Instant::now());
        if let Some(hardware) = claims {
            let place = &self.place;
            tracing::warn!(%place, %hardware, "another host claims an address that is online here");
        }
        online.announcer.announce_again();
    }

    async fn perform(&mut self, wanted: &Wanted, online: &mut Option<Online>) {
        let (facts, outcome) = match &wanted.act {
            Act::Online(_) => match self.online().await {
                Ok(begun) => {
                    *online = Some(begun);
                    let (address, machine, nic) = (self.address, self.machine, self.nic);
                    let up = Plant::AddressUp { address, machine, nic };
                    let told = Plant::GratuitousArp { address, machine, blocked: false };
                    (vec![up, told], Outcome::Ok)
                }
                Err(failure) => (Vec::new(), Outcome::Failed(failure)),
            },
            Act::Offline(_) | Act::Terminate(_) => {
                let had = online.take().is_some();
                let removed = self.addresses.remove(&self.place).await;
                if let Err(error) = &removed {
                    tracing::error!(%error, "an address could not be removed; its lease is gone");
                }
                let (address, machine) = (self.address, self.machine);
                let down = had.then_some(Plant::AddressDown { address, machine });
                (down.into_iter().collect(), Outcome::Ok)
            }
            _ => (Vec::new(), self.alive(online.is_some()).await),
        };
        // Nobody listens any more when everything ends.
        let _ = self.news.send(wanted.ended(facts, outcome));
    }

    async fn online(&self) -> Result<Online, Failure> {
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
        let (listener, seen) = (self.arp.listen(), *self.renewed.borrow());
        Ok(Online { announcer, listener, defended: None, seen })
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

/// What is heard while the address is online; waits for ever if it is not. May be dropped.
async fn hear(online: &mut Option<Online>) -> Heard {
    let Some(online) = online else { return std::future::pending().await };
    loop {
        match online.listener.next().await {
            Ok(heard) => return heard,
            Err(error) => {
                tracing::warn!(%error, "who else claims an address cannot be told");
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}
