//! Whoever can be a member of the cluster is one again, when the site had time to settle.

use super::possible::Possible;
use super::{Findings, Kind, Promise, Violation, Watch, due};
use crate::base::{Id, Instant, NodeId};
use crate::failover::seam::{Effect, Input, Note, Order, Why};
use crate::journal::record::{Plant, ServiceState};
use crate::journal::{Record, RecordNo, What};
use crate::model::Service;
use crate::view::Scene;
use std::collections::BTreeSet;

pub(super) const PROMISE: Promise = Promise {
    name: "members-back",
    statement: "a node that reaches every member of the side with quorum is a member of it when \
                the site had time to settle",
    source: "wsfc.md §2",
    applies: "at the end of a run that leaves the settle time after its last fault or order; not \
              while a fault that loses or delays frames is in force",
    not: "anything of nodes that were stopped, evicted or quarantined, that miss a path to a \
          member, or of a cluster without quorum",
    kind: Kind::Liveness,
    sees_traffic: false,
    watch: |_, scenario| Box::new(MembersBack { due: due(scenario), kept_out: BTreeSet::new() }),
};

struct MembersBack {
    /// From when they must be back.
    due: Instant,
    /// Nodes that were stopped, evicted or quarantined, and have not started since.
    kept_out: BTreeSet<NodeId>,
}

impl Watch for MembersBack {
    fn see(&mut self, _: RecordNo, record: &Record, scene: &Scene<'_>) {
        match &record.what {
            What::In(node, Input::Order(Order::StopService)) => {
                self.kept_out.insert(*node);
            }
            What::Out(
                node,
                Effect::Note(Note::Stopping {
                    why: Why::NoMember | Why::Quarantined | Why::Stopping,
                }),
            ) => {
                self.kept_out.insert(*node);
            }
            What::Plant(Plant::StoppedMembers { nodes }) => self.kept_out.extend(nodes.iter()),
            What::Plant(Plant::Service {
                machine,
                service: Service::Cluster,
                state: ServiceState::Running,
            }) if machine.index() < scene.topology().nodes => {
                self.kept_out.remove(&NodeId::at(machine.index()));
            }
            _ => {}
        }
    }

    fn end(self: Box<Self>, at: Instant, scene: &Scene<'_>) -> Findings {
        let mut findings = Findings::default();
        if at < self.due {
            let until = self.due;
            let why = format!("the run ends at {at}, before the site had until {until} to settle");
            findings.not_judged = Some(why);
            return findings;
        }
        let nobody = BTreeSet::new();
        let possible = Possible::new(scene, &self.kept_out, &nobody);
        if let Some(word) = possible.unsteady() {
            findings.not_judged = Some(format!("{word} is in force: no moment is a quiet one"));
            return findings;
        }
        let holders = scene.quorum_holders();
        let Some(members) = holders.lowest().map(|node| scene.nodes[node].members) else {
            return findings;
        };
        for node in scene.topology().node_ids().filter(|node| !members.contains(*node)) {
            if possible.fits(node, members) {
                let name = scene.topology().node_name(node);
                let why = format!("{name} reaches every member and is none");
                let (promise, record) = (PROMISE.name, None);
                findings.violations.push(Violation { promise, at, record, why, hazard: None });
            }
        }
        findings
    }
}

#[cfg(test)]
mod tests {
    use super::super::story::Story;
    use super::*;

    /// EX01 has quorum alone; EX02's service does not run.
    fn alone() -> Story {
        let mut story = Story::of("power-off");
        story.quorum(1, "EX01", &["EX01"]);
        story.service(2, "EX02", Service::Cluster, ServiceState::Stopped);
        story
    }

    #[test]
    fn a_node_that_stays_away_without_a_reason_breaks_it() {
        let findings = alone().judge(&PROMISE);
        assert_eq!(findings.violations.len(), 1, "{findings:?}");
        let mut story = alone();
        story.quorum(3, "EX01", &["EX01", "EX02"]);
        assert_eq!(story.judge(&PROMISE), Findings::default());
    }

    #[test]
    fn power_cables_and_orders_are_reasons() {
        let mut story = alone();
        story.machine(3, "EX02", false);
        assert_eq!(story.judge(&PROMISE), Findings::default());
        let mut story = alone();
        story.adapters(3, "EX02", false);
        assert_eq!(story.judge(&PROMISE), Findings::default());
        let mut story = alone();
        story.order(3, "EX02", Order::StopService);
        assert_eq!(story.judge(&PROMISE), Findings::default());
        story.service(4, "EX02", Service::Cluster, ServiceState::Running);
        assert_eq!(story.judge(&PROMISE).violations.len(), 1, "it was started again");
    }
}
