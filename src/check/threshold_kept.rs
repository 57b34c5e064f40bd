//! A path is given up only after as many missed heartbeats as its threshold says.

use super::{Findings, Kind, Promise, Violation, Watch};
use crate::base::{Id, IdVec, Instant, MachineId, NicId, NodeId};
use crate::failover::message::Message;
use crate::failover::seam::{Effect, Input, Note};
use crate::journal::record::{Plant, ServiceState};
use crate::journal::{Record, RecordNo, What};
use crate::model::{Service, Topology};
use crate::view::Scene;

pub(super) const PROMISE: Promise = Promise {
    name: "threshold-kept",
    statement: "a path with carrier is given up after as many unanswered heartbeats as its \
                threshold says, and not before",
    source: "wsfc.md §1.1 SameSubnetThreshold",
    applies: "whenever a node gives up a path to a peer",
    not: "that a dead peer is noticed sooner than the threshold allows, or that a slow one is \
          told from it",
    kind: Kind::Safety,
    sees_traffic: true,
    watch: |topology, _| Box::new(ThresholdKept::new(topology)),
};

/// The heartbeats of one path, counted from what was sent and what came in.
#[derive(Clone, Copy, Default)]
struct Path {
    sent: u32,
    answered: u32,
    cut: bool,
}

struct ThresholdKept {
    /// Of each member, one for every peer and adapter.
    paths: IdVec<NodeId, Vec<Path>>,
    adapters: usize,
    findings: Findings,
}

impl ThresholdKept {
    fn new(topology: &Topology) -> Self {
        let adapters = topology.machines.values().map(|machine| machine.nics.len()).max();
        let adapters = adapters.unwrap_or(0);
        let none = vec![Path::default(); adapters * topology.nodes];
        let paths = IdVec::filled(topology.nodes, none);
        ThresholdKept { paths, adapters, findings: Findings::default() }
    }

    fn path(&mut self, node: NodeId, peer: NodeId, nic: NicId) -> Option<&mut Path> {
        let place = peer.index() * self.adapters + nic.index();
        self.paths.get_mut(node)?.get_mut(place)
    }

    /// An adapter lost or gained carrier: its paths go at once, and begin anew.
    fn link(&mut self, node: NodeId, nic: NicId, up: bool) {
        let adapters = self.adapters.max(1);
        let Some(paths) = self.paths.get_mut(node) else { return };
        for path in paths.iter_mut().skip(nic.index()).step_by(adapters) {
            *path = Path { answered: path.sent, cut: !up, ..*path };
        }
    }

    fn lost(
        &mut self,
        scene: &Scene<'_>,
        node: NodeId,
        peer: NodeId,
        nic: NicId,
    ) -> Option<String> {
        let topology = scene.topology();
        let threshold = threshold(topology, node, peer, nic);
        let path = *self.path(node, peer, nic)?;
        let missed = path.sent.saturating_sub(path.answered);
        (!path.cut && missed < threshold).then(|| {
            let (node, peer) = (topology.node_name(node), topology.node_name(peer));
            format!("{node} gives up a path to {peer} after {missed} of {threshold} heartbeats")
        })
    }
}

/// The threshold of the path from a member over one of its adapters to a peer.
fn threshold(topology: &Topology, node: NodeId, peer: NodeId, nic: NicId) -> u32 {
    let (set, machine) =
        (&topology.settings.cluster, |node| &topology.machines[MachineId::from(node)]);
    let network = machine(node).nics[nic].network;
    let subnet = |node: NodeId| {
        let nic = machine(node).nics.values().find(|nic| nic.network == network);
        nic.and_then(|nic| topology.networks[network].subnet_of(nic.address))
    };
    if machine(node).cluster_site != machine(peer).cluster_site {
        set.cross_site_threshold
    } else if subnet(node) != subnet(peer) {
        set.cross_subnet_threshold
    } else {
        set.same_subnet_threshold
    }
}

impl Watch for ThresholdKept {
    fn see(&mut self, number: RecordNo, record: &Record, scene: &Scene<'_>) {
        match &record.what {
            What::Out(
                node,
                Effect::Send { nic, to, message: Message::Request { sequence, .. } },
            ) => {
                if let Some(path) = self.path(*node, *to, *nic) {
                    path.sent = *sequence;
                }
            }
            What::In(node, Input::Frame { nic, from, message: Message::Reply { sequence } }) => {
                // A reply that was long on its way may answer an earlier life of the service.
                if let Some(path) = self.path(*node, *from, *nic).filter(|it| *sequence <= it.sent)
                {
                    path.answered = path.answered.max(*sequence);
                }
            }
            What::In(node, Input::Link { nic, up }) => self.link(*node, *nic, *up),
            What::Out(node, Effect::Note(Note::PathLost { peer, nic, .. })) => {
                if let Some(why) = self.lost(scene, *node, *peer, *nic) {
                    let (promise, record_no) = (PROMISE.name, Some(number));
                    let violation =
                        Violation { promise, at: record.at, record: record_no, why, hazard: None };
                    self.findings.violations.push(violation);
                }
            }
            What::Plant(Plant::Service {
                machine,
                service: Service::Cluster,
                state: ServiceState::Running,
            }) => {
                if let Some(paths) = self.paths.get_mut(NodeId(machine.0)) {
                    paths.fill(Path::default());
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

    /// EX01 has sent so many heartbeats and has had an answer to the first few.
    fn beats(story: &mut Story, sent: u32, answered: u32) {
        let (node, to, nic) = (story.node("EX01"), story.node("EX02"), NicId(0));
        for sequence in 1..=sent {
            let flags = crate::failover::message::Flags::at_start(node, Instant::ZERO);
            let message = Message::Request { sequence, flags };
            story.push(u64::from(sequence), What::Out(node, Effect::Send { nic, to, message }));
            if sequence <= answered {
                let message = Message::Reply { sequence };
                let input = Input::Frame { nic, from: to, message };
                story.push(u64::from(sequence), What::In(node, input));
            }
        }
    }

    fn lost(story: &mut Story, second: u64) {
        let (peer, nic) = (story.node("EX02"), NicId(0));
        // What the core says of how many it missed is not believed.
        story.note(second, "EX01", Note::PathLost { peer, nic, missed: 5 });
    }

    #[test]
    fn a_path_that_is_given_up_too_early_breaks_it() {
        let mut story = Story::new();
        beats(&mut story, 7, 3);
        lost(&mut story, 8);
        let broken = story.judge(&PROMISE).violations;
        assert_eq!(broken.len(), 1);
        assert!(broken[0].why.contains("4 of 5"), "{}", broken[0].why);
    }

    #[test]
    fn the_threshold_holds_it_and_so_does_an_adapter_without_carrier() {
        let mut story = Story::new();
        beats(&mut story, 8, 3);
        lost(&mut story, 9);
        assert_eq!(story.judge(&PROMISE), Findings::default());
        let mut story = Story::new();
        beats(&mut story, 8, 8);
        let node = story.node("EX01");
        story.push(9, What::In(node, Input::Link { nic: NicId(0), up: false }));
        lost(&mut story, 9);
        assert_eq!(story.judge(&PROMISE), Findings::default());
    }
}
