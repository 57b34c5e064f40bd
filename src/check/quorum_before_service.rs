//! Nothing is started without quorum, and nothing comes up on a node that has lost it.

use super::{Findings, Kind, Promise, Violation, Watch};
use crate::base::{Id, IdVec, Instant, NodeId, NodeSet};
use crate::failover::seam::{Act, Effect, GroupState, Note};
use crate::journal::record::{Plant, ServiceState};
use crate::journal::{Record, RecordNo, What};
use crate::model::{Service, Topology};
use crate::view::Scene;

pub(super) const PROMISE: Promise = Promise {
    name: "quorum-before-service",
    statement: "no resource starts and no database is mounted on a node without quorum",
    source: "wsfc.md §3.1, exchange.md §1.1",
    applies: "whenever a resource is brought online, a database mounted, or either has come up",
    not: "that what runs stops in the moment in which quorum is lost",
    kind: Kind::Safety,
    sees_traffic: false,
    watch: |topology, _| Box::new(QuorumBeforeService::new(topology)),
};

struct QuorumBeforeService {
    standing: IdVec<NodeId, Standing>,
    /// Members whose Cluster service has ended and whose lease still runs.
    killed: NodeSet,
    findings: Findings,
}

/// A node's quorum. In between, after a new view, the node waits for the witness: it starts
/// nothing, and what was on its way may still arrive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Standing {
    None,
    Undecided,
    Held,
}

impl QuorumBeforeService {
    fn new(topology: &Topology) -> Self {
        let standing = IdVec::filled(topology.nodes, Standing::None);
        let (killed, findings) = (NodeSet::EMPTY, Findings::default());
        QuorumBeforeService { standing, killed, findings }
    }

    fn demand(
        &mut self,
        (number, at): (RecordNo, Instant),
        node: NodeId,
        least: &[Standing],
        why: impl FnOnce() -> String,
    ) {
        if !least.contains(&self.standing[node]) {
            let (promise, record) = (PROMISE.name, Some(number));
            self.findings.violations.push(Violation {
                promise,
                at,
                record,
                why: why(),
                hazard: None,
            });
        }
    }
}

impl Watch for QuorumBeforeService {
    fn see(&mut self, number: RecordNo, record: &Record, scene: &Scene<'_>) {
        const STARTS: &[Standing] = &[Standing::Held];
        const ARRIVES: &[Standing] = &[Standing::Held, Standing::Undecided];
        let topology = scene.topology();
        let moment = (number, record.at);
        match &record.what {
            What::Out(node, Effect::Note(note)) => match note {
                Note::View { .. } if self.standing[*node] == Standing::Held => {
                    self.standing[*node] = Standing::Undecided;
                }
                Note::QuorumHeld { .. } => self.standing[*node] = Standing::Held,
                Note::QuorumLost { .. } => self.standing[*node] = Standing::None,
                Note::Group { group, state: GroupState::Online, owner } if owner == node => {
                    self.demand(moment, *node, ARRIVES, || {
                        let group = &topology.groups[*group].name;
                        format!("{group} is online on {} without quorum", topology.node_name(*node))
                    });
                }
                _ => {}
            },
            What::Out(node, Effect::Do { act: Act::Online(resource), .. }) => {
                self.demand(moment, *node, STARTS, || {
                    let resource = &topology.resources[*resource].name;
                    format!("{} brings {resource} online without quorum", topology.node_name(*node))
                });
            }
            What::Out(node, Effect::Do { act: Act::Mount(database), .. }) => {
                self.demand(moment, *node, STARTS, || {
                    let database = &topology.databases[*database].name;
                    format!("{} mounts {database} without quorum", topology.node_name(*node))
                });
            }
            What::Plant(Plant::Mounted { copy, .. }) => {
                self.demand(moment, copy.node, ARRIVES, || {
                    let database = &topology.databases[copy.database].name;
                    let node = topology.node_name(copy.node);
                    format!("{database} is mounted on {node} without quorum")
                });
            }
            What::Plant(Plant::Service {
                machine,
                service: Service::Cluster,
                state: ServiceState::Stopped,
            }) if machine.index() < topology.nodes => {
                // A killed member's kernel goes on until the lease ends, which was granted in
                // quorum: what was on its way may still arrive.
                let kept = topology.settings.lease.enabled && scene.leases[*machine];
                let standing = if kept { Standing::Undecided } else { Standing::None };
                let node = NodeId::at(machine.index());
                self.standing[node] = standing;
                self.killed = if kept { self.killed.with(node) } else { self.killed };
            }
            What::Plant(Plant::Service {
                machine,
                service: Service::Cluster,
                state: ServiceState::Running,
            }) if machine.index() < topology.nodes => {
                self.killed = self.killed.without(NodeId::at(machine.index()));
            }
            What::Plant(Plant::Lease { machine, runs: false }) => {
                let node = NodeId::at(machine.index());
                if self.killed.contains(node) {
                    self.killed = self.killed.without(node);
                    self.standing[node] = Standing::None;
                }
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

    #[test]
    fn a_mount_after_quorum_was_lost_breaks_it() {
        let mut story = Story::new();
        story.quorum(1, "EX01", &["EX01", "EX02"]);
        story.mounted(2, "EX01", 0);
        assert_eq!(story.judge(&PROMISE), Findings::default());
        story.quorum_lost(60, "EX01");
        story.mounted(61, "EX01", 0);
        assert_eq!(story.judge(&PROMISE).violations.len(), 1);
    }

    #[test]
    fn an_order_to_mount_while_undecided_breaks_it_and_an_arrival_does_not() {
        let mut story = Story::new();
        story.quorum(1, "EX01", &["EX01", "EX02"]);
        story.view(60, "EX01", &["EX01"]);
        story.mounted(61, "EX01", 0);
        assert_eq!(story.judge(&PROMISE), Findings::default());
        story.mount_asked(62, "EX01");
        assert_eq!(story.judge(&PROMISE).violations.len(), 1);
    }

    #[test]
    fn a_group_online_on_a_node_that_never_had_quorum_breaks_it() {
        let mut story = Story::new();
        story.group(1, "EX02", GroupState::Online);
        assert_eq!(story.judge(&PROMISE).violations.len(), 1);
    }
}
