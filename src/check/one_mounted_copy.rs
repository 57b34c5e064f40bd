//! One mounted copy per database among the sides that clients can reach.

use super::overlap::Overlaps;
use super::{Findings, Kind, Promise, Watch};
use crate::base::{DbId, Instant};
use crate::journal::record::Plant;
use crate::journal::{Record, RecordNo, What};
use crate::model::Service;
use crate::view::Scene;

pub(super) const PROMISE: Promise = Promise {
    name: "one-mounted-copy",
    statement: "a database is mounted on one server among those that clients can reach",
    source: "exchange.md §1.1",
    applies: "whenever a mount, a dismount, power, a cable or a fault changes; an old copy that \
              clients cannot reach is measured, not counted",
    not: "that an isolated old owner has dismounted before another copy is mounted: for some \
          seconds it has not, and what it writes then is lost",
    kind: Kind::Safety,
    sees_traffic: false,
    watch: |topology, _| {
        let overlaps = Overlaps::new(PROMISE.name, topology);
        Box::new(OneMountedCopy(overlaps.told_by(Service::Replication)))
    },
};

struct OneMountedCopy(Overlaps<DbId>);

impl Watch for OneMountedCopy {
    fn see(&mut self, number: RecordNo, record: &Record, scene: &Scene<'_>) {
        self.0.follow(record, scene);
        let changed = matches!(
            record.what,
            What::Fault { .. }
                | What::Plant(
                    Plant::Machine { .. }
                        | Plant::Adapter { .. }
                        | Plant::Mounted { .. }
                        | Plant::Lease { .. }
                        | Plant::Service { service: Service::Replication, .. }
                        | Plant::Dismounted { .. }
                )
        );
        if !changed {
            return;
        }
        for database in scene.topology().databases.ids() {
            let copies = scene.copies.iter();
            let mounted = copies.filter(|(id, copy)| id.database == database && copy.mounted);
            let machines = mounted.map(|(id, _)| id.node.into());
            let name = || database_name(scene, database);
            self.0.see((number, record.at), scene, database, machines, name);
        }
    }

    fn end(self: Box<Self>, at: Instant, scene: &Scene<'_>) -> Findings {
        self.0.end(at, scene, |database| database_name(scene, database))
    }
}

fn database_name(scene: &Scene<'_>, database: DbId) -> String {
    format!("database {} mounted", scene.topology().databases[database].name)
}

#[cfg(test)]
mod tests {
    use super::super::hazards::{CANNOT_BE_TOLD, REMOVED_OWNER};
    use super::super::story::Story;
    use super::*;
    use crate::base::Span;
    use crate::failover::seam::Note;
    use crate::journal::record::ServiceState;

    #[test]
    fn two_reachable_mounted_copies_break_it() {
        let mut story = Story::new();
        story.mounted(1, "EX01", 0);
        story.mounted(5, "EX02", 0);
        assert_eq!(story.judge(&PROMISE).violations.len(), 1);
    }

    #[test]
    fn a_copy_that_nobody_can_have_dismounted_is_a_hazard() {
        let back = |dismounted: u64| {
            let mut story = Story::new();
            story.mounted(1, "EX01", 0);
            story.service(60, "EX01", Service::Replication, ServiceState::Stopped);
            story.mounted(62, "EX02", 0);
            story.service(120, "EX01", Service::Replication, ServiceState::Running);
            story.dismounted(dismounted, "EX01");
            story.judge(&PROMISE).violations[0].hazard
        };
        assert_eq!(back(122), Some(CANNOT_BE_TOLD));
        assert_eq!(back(200), None, "it could be told long since");
    }

    /// A side that waits for its witness tells nobody that it went on without them; how long it
    /// waits is the witness's affair.
    #[test]
    fn a_copy_of_who_was_removed_by_a_side_that_waited_is_a_hazard() {
        let wins = |waits: bool, mounts: u64| {
            let mut story = Story::new();
            for node in ["EX01", "EX02"] {
                story.quorum(1, node, &["EX01", "EX02"]);
            }
            story.mounted(2, "EX01", 0);
            story.view(60, "EX02", &["EX02"]);
            let (votes, needed, delay, claimant) = (1, 2, Span::ZERO, true);
            if waits {
                story.note(60, "EX02", Note::OneVoteShort { votes, needed, delay, claimant });
            }
            story.note(90, "EX02", Note::QuorumHeld { votes: 2, needed, witness: true });
            story.mounted(mounts, "EX02", 0);
            story.dismounted(mounts + 1, "EX01");
            story.judge(&PROMISE).violations[0].hazard
        };
        assert_eq!(wins(true, 92), Some(REMOVED_OWNER));
        assert_eq!(wins(false, 92), None, "it was removed half a minute ago");
        assert_eq!(wins(true, 120), None, "it was told half a minute ago");
    }

    #[test]
    fn a_clean_switchover_holds_it() {
        let mut story = Story::new();
        story.mounted(1, "EX01", 0);
        story.dismounted(5, "EX01");
        story.mounted(5, "EX02", 0);
        assert_eq!(story.judge(&PROMISE), Findings::default());
    }

    #[test]
    fn an_isolated_old_copy_is_measured_and_one_without_power_is_none() {
        let mut story = Story::new();
        story.mounted(1, "EX01", 0);
        story.adapters(60, "EX01", false);
        story.mounted(70, "EX02", 0);
        story.dismounted(75, "EX01");
        let findings = story.judge(&PROMISE);
        assert_eq!((findings.violations.len(), findings.measures.len()), (0, 1));
        let mut story = Story::new();
        story.mounted(1, "EX01", 0);
        story.machine(60, "EX01", false);
        story.mounted(70, "EX02", 0);
        assert_eq!(story.judge(&PROMISE), Findings::default());
    }
}
