//! The leases: renewed while nobody can have taken over, and granted anew after they had ended.

use super::{Host, duration};
use crate::agent::clock::boottime;
use crate::agent::lease::{Error, Gate, Kept, Settings, Thing};
use crate::base::{Instant, Span};
use crate::failover::View;
use std::time::Duration;
use tokio::sync::oneshot;

/// How long it takes after a table could not be made until it is tried again (assumed).
const AGAIN: Duration = Duration::from_secs(1);

impl Host {
    /// Renews the leases, or has them end.
    pub(super) fn renew(&mut self, now: Instant) {
        let until = self.safe_until();
        let clock = self.clock;
        if self.is_without_table() {
            return;
        }
        let Some(guard) = &mut self.guard else { return };
        let policy = *guard.lease.policy();
        // A renewal at its latest moment must still end before `until`.
        let known = until.map(|until| {
            let until = duration(clock.boottime_at(until.min(now + Span::from_secs(3_600))));
            until.saturating_sub(policy.length + policy.age)
        });
        let known = known.unwrap_or_default().min(duration(boottime()));
        let grants = u64::from(guard.lease.asked().next().is_some());
        match guard.gate.keep(&mut guard.lease, known, || duration(boottime())) {
            Ok(Kept::Renewed) => {
                self.counts.renewals += 1;
                guard.renewed.send_modify(|it| {
                    it.count += 1;
                    it.doubts += grants;
                });
                guard.again.clear();
            }
            Ok(Kept::Withdrawn(why)) => {
                tracing::warn!(%why, "every lease is withdrawn");
                self.counts.stood_still += 1;
                self.fence.forget();
                self.serve_again();
            }
            Ok(Kept::Idle | Kept::NotDue { .. } | Kept::Stale { .. } | Kept::Late) => {}
            Err(error) => {
                tracing::error!(%error, "leases could not be renewed; they end");
                if let Error::Gone { .. } = error {
                    self.counts.tables_lost += 1;
                    guard.making = Some(another(guard.gate.settings().clone()));
                }
            }
        }
    }

    /// Whether the leases' table has gone and is not there again. Once it is, everything that is
    /// served has to be granted anew.
    fn is_without_table(&mut self) -> bool {
        let Some(guard) = &mut self.guard else { return false };
        let Some(made) = guard.making.as_mut().map(oneshot::Receiver::try_recv) else {
            return false;
        };
        let settings = guard.gate.settings().clone();
        match made {
            Ok(Ok(gate)) => {
                tracing::warn!("the leases' table is there again");
                (guard.gate, guard.making) = (gate, None);
                guard.lease.release_all();
                self.serve_again();
                return false;
            }
            Ok(Err(error)) => {
                tracing::error!(%error, "the leases' table cannot be made; NOTHING IS FENCED");
                guard.making = Some(another(settings));
            }
            Err(oneshot::error::TryRecvError::Closed) => guard.making = Some(another(settings)),
            Err(oneshot::error::TryRecvError::Empty) => {}
        }
        true
    }

    /// What is served is asked for anew: it is granted when somebody vouches for this member again.
    fn serve_again(&mut self) {
        if let Some(guard) = &mut self.guard {
            guard.serves.iter().for_each(|thing| guard.lease.ask(*thing));
            guard.again.clone_from(&guard.serves);
        }
    }

    /// What another has by now, as far as this member's core knows, is not granted anew: it is
    /// still here only because nobody could tell this member to let it go.
    pub(super) fn give_up(&mut self, view: &View) {
        let (me, topology) = (self.me, &self.topology);
        let Some(guard) = self.guard.as_mut().filter(|guard| !guard.again.is_empty()) else {
            return;
        };
        let resources = guard.of_resource.iter().filter(|(id, _)| {
            let group = view.database.groups.get(topology.resources[**id].group);
            group.is_some_and(|group| group.owner == Some(me))
        });
        let databases = guard.of_database.iter().filter(|(id, _)| {
            view.database.databases.get(**id).is_some_and(|entry| entry.active == Some(me))
        });
        let own: Vec<Thing> = resources.map(|it| *it.1).chain(databases.map(|it| *it.1)).collect();
        let others: Vec<Thing> =
            guard.again.iter().filter(|thing| !own.contains(thing)).copied().collect();
        for thing in others {
            tracing::warn!(%thing, "another member has it: it is not served again");
            guard.again.remove(&thing);
            guard.serves.remove(&thing);
            guard.lease.release(thing);
        }
    }
}

/// Makes a table in place of one that somebody has removed; a failure is told after a pause.
fn another(settings: Settings) -> oneshot::Receiver<Result<Gate, Error>> {
    let (tell, made) = oneshot::channel();
    tokio::spawn(async move {
        let gate = async {
            let mut gate = Gate::open(settings)?;
            gate.install().await?;
            Ok(gate)
        };
        let gate: Result<Gate, Error> = gate.await;
        if gate.is_err() {
            tokio::time::sleep(AGAIN).await;
        }
        // Nobody listens any more when everything ends.
        let _ = tell.send(gate);
    });
    made
}
