//! The leases: renewed while nobody can have taken over, and granted anew after they had ended.

use super::{Host, duration};
use crate::agent::clock::boottime;
use crate::agent::lease::{Kept, Thing};
use crate::base::{Instant, Span};
use crate::failover::View;

impl Host {
    /// Renews the leases, or has them end.
    pub(super) fn renew(&mut self, now: Instant) {
        let until = self.safe_until();
        let clock = self.clock;
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
            Err(error) => tracing::error!(%error, "leases could not be renewed; they end"),
        }
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
