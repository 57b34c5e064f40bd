//! Quorum on one side only.

use super::sides::Sides;
use super::{Findings, Kind, Measure, Promise, Violation, Watch};
use crate::base::{Instant, NodeId};
use crate::failover::seam::{Effect, Note};
use crate::journal::record::Plant;
use crate::journal::{Record, RecordNo, What};
use crate::view::Scene;
use std::collections::BTreeMap;

pub(super) const PROMISE: Promise = Promise {
    name: "one-quorum",
    statement: "of two sides that do not know each other, one at most has quorum",
    source: "wsfc.md §3.1",
    applies: "whenever a side takes quorum",
    not: "that a node that was left behind notices at once: how long it goes on is measured",
    kind: Kind::Safety,
    sees_traffic: false,
    watch: |_, _| Box::new(OneQuorum::default()),
};

/// Also measures for how long a node went on in a view that others had left behind.
#[derive(Default)]
struct OneQuorum {
    findings: Findings,
    behind: BTreeMap<NodeId, Instant>,
    sides: Sides,
}

impl Watch for OneQuorum {
    fn see(&mut self, number: RecordNo, record: &Record, scene: &Scene<'_>) {
        self.sides.follow(record, scene);
        let changed = match &record.what {
            What::Out(_, Effect::Note(note)) => matches!(
                note,
                Note::View { .. }
                    | Note::QuorumHeld { .. }
                    | Note::QuorumLost { .. }
                    | Note::Stopping { .. }
            ),
            What::Plant(Plant::Machine { .. } | Plant::Service { .. }) => true,
            _ => false,
        };
        if !changed {
            return;
        }
        let holders = scene.quorum_holders();
        if let What::Out(node, Effect::Note(Note::QuorumHeld { .. })) = &record.what {
            let ours = scene.nodes[*node].members;
            let other = holders
                .iter()
                .find(|other| scene.nodes[*other].members.intersection(ours).is_empty());
            if let Some(other) = other {
                let name = |id| scene.topology().node_name(id);
                let why = format!("{} and {} both have quorum apart", name(*node), name(other));
                let (promise, record_no) = (PROMISE.name, Some(number));
                let hazard = self.sides.explain([*node, other].into_iter());
                let violation =
                    Violation { promise, at: record.at, record: record_no, why, hazard };
                self.findings.violations.push(violation);
            }
        }
        for node in scene.topology().node_ids() {
            let left = holders.contains(node)
                && holders.iter().any(|other| !scene.nodes[other].members.contains(node));
            if left {
                self.behind.entry(node).or_insert(record.at);
            } else if let Some(from) = self.behind.remove(&node) {
                self.measure(scene, node, from, record.at);
            }
        }
    }

    fn end(mut self: Box<Self>, at: Instant, scene: &Scene<'_>) -> Findings {
        for (node, from) in std::mem::take(&mut self.behind) {
            self.measure(scene, node, from, at);
        }
        self.findings
    }
}

impl OneQuorum {
    fn measure(&mut self, scene: &Scene<'_>, node: NodeId, from: Instant, to: Instant) {
        let value = to.since(from);
        if !value.is_zero() {
            let node = scene.topology().node_name(node);
            let name = format!("{node} went on in a view that the others had left");
            self.findings.measures.push(Measure { promise: PROMISE.name, name, value, from });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::hazards::{FORCED_QUORUM, RESTORED_WITNESS};
    use super::super::story::Story;
    use super::*;
    use crate::model::Fault;

    #[test]
    fn two_sides_with_quorum_break_it() {
        let mut story = Story::new();
        story.quorum(1, "EX01", &["EX01"]);
        story.quorum(2, "EX02", &["EX02"]);
        let broken = story.judge(&PROMISE).violations;
        assert_eq!(broken.len(), 1);
        assert!(broken[0].why.contains("both have quorum"));
    }

    #[test]
    fn an_outdated_view_is_measured() {
        let mut story = Story::new();
        story.quorum(1, "EX01", &["EX01", "EX02"]);
        story.quorum(1, "EX02", &["EX01", "EX02"]);
        story.quorum(66, "EX02", &["EX02"]);
        story.quorum_lost(67, "EX01");
        let findings = story.judge(&PROMISE);
        assert_eq!(findings.violations, []);
        assert_eq!(findings.measures.len(), 1);
        assert_eq!(findings.measures[0].value.as_nanos(), 1_000_000_000);
    }

    #[test]
    fn a_node_that_lost_its_power_has_no_quorum() {
        let mut story = Story::new();
        story.quorum(1, "EX01", &["EX01"]);
        story.machine(2, "EX01", false);
        story.quorum(3, "EX02", &["EX02"]);
        assert_eq!(story.judge(&PROMISE), Findings::default());
    }

    #[test]
    fn a_forced_side_and_a_restored_witness_are_hazards() {
        let mut story = Story::new();
        story.quorum(1, "EX01", &["EX01"]);
        story.note(2, "EX02", Note::Forced { votes: 1, needed: 2 });
        story.quorum(2, "EX02", &["EX02"]);
        let broken = story.judge(&PROMISE).violations;
        assert_eq!(broken.iter().map(|one| one.hazard).collect::<Vec<_>>(), [Some(FORCED_QUORUM)]);
        let mut story = Story::of("witness-restored");
        story.quorum(1, "EX01", &["EX01"]);
        let restored = |planned: &crate::model::fault::Planned| {
            matches!(planned.fault, Fault::WitnessStale { .. })
        };
        let index = story.scenario.faults.iter().position(restored).expect("such a fault");
        story.fault(60, index as u16, false);
        story.quorum(61, "EX02", &["EX02"]);
        let broken = story.judge(&PROMISE).violations;
        let hazards: Vec<_> = broken.iter().map(|one| one.hazard).collect();
        assert_eq!(hazards, [Some(RESTORED_WITNESS)]);
    }
}
