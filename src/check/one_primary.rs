//! One Primary Active Manager among the members of a view.

use super::hazards::FORCED_QUORUM;
use super::{Findings, Kind, Promise, Violation, Watch};
use crate::base::{GroupId, Id, IdVec, Instant, MachineId, NodeId, NodeSet};
use crate::failover::seam::{Effect, Note};
use crate::journal::record::{Plant, ServiceState};
use crate::journal::{Record, RecordNo, What};
use crate::model::{Service, Topology};
use crate::view::Scene;

pub(super) const PROMISE: Promise = Promise {
    name: "one-primary",
    statement: "among the members of a view the Primary Active Manager changes only as the core \
                group moves",
    source: "exchange.md §1.1",
    applies: "whenever a member becomes Primary Active Manager",
    not: "that there is one at all times",
    kind: Kind::Safety,
    sees_traffic: false,
    watch: |topology, _| Box::new(OnePrimary::new(topology)),
};

struct OnePrimary {
    /// The view that each member is in.
    views: IdVec<NodeId, u64>,
    /// The last primary, and the members to which the core group was moved since.
    last: Option<NodeId>,
    heirs: NodeSet,
    /// The last move of the core group: its owner may become primary while it hands it over.
    moves: Option<(NodeId, NodeId)>,
    /// Members on which an administrator forced quorum in the view that they are in: what theirs is
    /// to be the others have not heard of.
    forced: NodeSet,
    findings: Findings,
}

impl OnePrimary {
    fn new(topology: &Topology) -> Self {
        let views = IdVec::filled(topology.nodes, 0);
        OnePrimary {
            views,
            last: None,
            heirs: NodeSet::EMPTY,
            moves: None,
            forced: NodeSet::EMPTY,
            findings: Findings::default(),
        }
    }

    /// Whether another member that has not handed the role over may still have it.
    fn is_second(&self, scene: &Scene<'_>, node: NodeId) -> Option<NodeId> {
        let shares = |other: &NodeId| {
            *other != node
                && scene.nodes[*other].running
                && self.views[*other] == self.views[node]
                && scene.nodes[node].members.contains(*other)
        };
        self.last.filter(|_| !self.heirs.contains(node)).filter(shares)
    }
}

impl Watch for OnePrimary {
    fn see(&mut self, number: RecordNo, record: &Record, scene: &Scene<'_>) {
        match &record.what {
            What::Out(node, Effect::Note(Note::View { view, .. })) => {
                self.views[*node] = *view;
                self.forced = self.forced.without(*node);
            }
            What::Out(node, Effect::Note(Note::Forced { .. })) => {
                self.forced = self.forced.with(*node);
            }
            What::Out(_, Effect::Note(Note::GroupMove { group, from, to, .. })) => {
                let core = *group == GroupId::at(0);
                let handed = |from: NodeId| self.last == Some(from) || self.heirs.contains(from);
                if core && from.is_some_and(handed) {
                    self.heirs = self.heirs.with(*to);
                }
                if core {
                    self.moves = from.map(|from| (from, *to));
                }
            }
            What::Out(node, Effect::Note(Note::PrimaryActiveManager)) => {
                if let Some(other) = self.is_second(scene, *node) {
                    let name = |id| scene.topology().node_name(id);
                    let (name, other) = (name(*node), name(other));
                    let why = format!("{name} and {other} are both Primary Active Manager");
                    let (promise, record_no) = (PROMISE.name, Some(number));
                    let hazard = self.forced.contains(*node).then_some(FORCED_QUORUM);
                    let violation =
                        Violation { promise, at: record.at, record: record_no, why, hazard };
                    self.findings.violations.push(violation);
                }
                self.last = Some(*node);
                self.heirs = self.heirs.without(*node);
                if let Some((_, to)) = self.moves.filter(|(from, _)| from == node) {
                    self.heirs = self.heirs.with(to);
                }
            }
            // The next life of its service takes the role anew, like any other. A move that was
            // under way may still end there.
            What::Plant(Plant::Service { machine, service: Service::Cluster, state })
                if *state != ServiceState::Running =>
            {
                self.last = self.last.filter(|node| MachineId::from(*node) != *machine);
            }
            _ => {}
        }
    }

    fn end(self: Box<Self>, _: Instant, _: &Scene<'_>) -> Findings {
        self.findings
    }
}

#[cfg(test)]
mod tests {
    use super::super::story::Story;
    use super::*;
    use crate::failover::seam::Why;

    fn in_one_view(story: &mut Story) {
        story.quorum(1, "EX01", &["EX01", "EX02"]);
        story.quorum(1, "EX02", &["EX01", "EX02"]);
    }

    fn moved(story: &mut Story, second: u64, from: &str, to: &str) {
        let (from, to) = (Some(story.node(from)), story.node(to));
        let (group, why) = (GroupId(0), Why::Asked);
        story.note(second, "EX01", Note::GroupMove { group, from, to, why });
    }

    #[test]
    fn a_second_one_in_a_view_breaks_it() {
        let mut story = Story::new();
        in_one_view(&mut story);
        story.note(2, "EX01", Note::PrimaryActiveManager);
        story.note(3, "EX02", Note::PrimaryActiveManager);
        assert_eq!(story.judge(&PROMISE).violations.len(), 1);
    }

    #[test]
    fn it_moves_with_the_core_group_and_is_another_in_another_view() {
        let mut story = Story::new();
        in_one_view(&mut story);
        story.note(2, "EX01", Note::PrimaryActiveManager);
        moved(&mut story, 3, "EX01", "EX02");
        story.note(4, "EX02", Note::PrimaryActiveManager);
        assert_eq!(story.judge(&PROMISE), Findings::default());
        story.quorum(5, "EX01", &["EX01"]);
        story.note(6, "EX01", Note::PrimaryActiveManager);
        assert_eq!(story.judge(&PROMISE), Findings::default());
    }

    #[test]
    fn an_owner_that_becomes_primary_while_it_hands_the_group_over_is_no_second_one() {
        let mut story = Story::new();
        in_one_view(&mut story);
        moved(&mut story, 2, "EX01", "EX02");
        story.note(3, "EX01", Note::PrimaryActiveManager);
        story.note(3, "EX02", Note::PrimaryActiveManager);
        assert_eq!(story.judge(&PROMISE), Findings::default());
        story.note(4, "EX01", Note::PrimaryActiveManager);
        assert_eq!(story.judge(&PROMISE).violations.len(), 1, "nothing moves back");
    }

    #[test]
    fn one_on_whom_quorum_was_forced_is_a_hazard() {
        let mut story = Story::new();
        in_one_view(&mut story);
        story.note(2, "EX01", Note::PrimaryActiveManager);
        story.note(3, "EX02", Note::Forced { votes: 1, needed: 2 });
        story.note(3, "EX02", Note::PrimaryActiveManager);
        let broken = story.judge(&PROMISE).violations;
        assert_eq!(broken.iter().map(|one| one.hazard).collect::<Vec<_>>(), [Some(FORCED_QUORUM)]);
    }
}
