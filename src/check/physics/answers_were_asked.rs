//! An operation ends once, and only if it was begun.

use crate::base::{Id, IdVec, Instant, NodeId, OpId};
use crate::check::{Findings, Kind, Promise, Watch, broken};
use crate::failover::seam::{Effect, Input};
use crate::journal::record::Plant;
use crate::journal::{Record, RecordNo, What};
use crate::model::{Service, Topology};
use crate::view::Scene;
use std::collections::BTreeSet;

pub(super) const PROMISE: Promise = Promise {
    name: "answers-were-asked",
    statement: "an operation ends at most once, and in the life of the service that began it",
    source: "docs/ARCHITECTURE.md, the seam",
    applies: "at every operation that a core begins or is answered",
    not: "that an operation ends",
    kind: Kind::Safety,
    sees_traffic: true,
    watch: |topology, _| Box::new(AnswersWereAsked::new(topology)),
};

struct AnswersWereAsked {
    /// What each member has begun in this life and had no answer to.
    begun: IdVec<NodeId, BTreeSet<OpId>>,
    findings: Findings,
}

impl AnswersWereAsked {
    fn new(topology: &Topology) -> Self {
        let begun = IdVec::filled(topology.nodes, BTreeSet::new());
        AnswersWereAsked { begun, findings: Findings::default() }
    }
}

impl Watch for AnswersWereAsked {
    fn see(&mut self, number: RecordNo, record: &Record, scene: &Scene<'_>) {
        match &record.what {
            What::Out(node, Effect::Do { op, .. }) => {
                self.begun[*node].insert(*op);
            }
            What::In(node, Input::Done { op, .. }) if !self.begun[*node].remove(op) => {
                let name = scene.topology().node_name(*node);
                let why = format!("{name} is told how op{} ended, which is not under way", op.0);
                self.findings.violations.push(broken(&PROMISE, number, record, why));
            }
            What::Plant(Plant::Service { machine, service: Service::Cluster, .. })
                if machine.index() < scene.topology().nodes =>
            {
                self.begun[NodeId::at(machine.index())].clear();
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
    use super::*;
    use crate::check::story::Story;
    use crate::failover::seam::Outcome;
    use crate::journal::record::ServiceState;

    fn done(story: &mut Story, second: u64) {
        let (node, op) = (story.node("EX01"), OpId(0));
        story.push(second, What::In(node, Input::Done { op, outcome: Outcome::Ok }));
    }

    #[test]
    fn a_second_answer_breaks_it() {
        let mut story = Story::new();
        story.mount_asked(1, "EX01");
        done(&mut story, 2);
        assert_eq!(story.judge(&PROMISE), Findings::default());
        done(&mut story, 3);
        assert_eq!(story.judge(&PROMISE).violations.len(), 1);
    }

    #[test]
    fn an_answer_to_an_earlier_life_breaks_it() {
        let mut story = Story::new();
        story.mount_asked(1, "EX01");
        story.service(2, "EX01", Service::Cluster, ServiceState::Stopped);
        story.service(3, "EX01", Service::Cluster, ServiceState::Running);
        done(&mut story, 4);
        assert_eq!(story.judge(&PROMISE).violations.len(), 1);
    }
}
