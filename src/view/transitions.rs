//! Which state followed which, folded from records or from a core's notes.

use crate::base::{CopyId, GroupId, NetId, NodeId, NodeSet, ResourceId};
use crate::failover::seam::{
    CopyStatus, Effect, GroupState, InterfaceState, NetworkState, NodeState, Note, ResourceState,
};
use crate::failover::transitions::{Kind, QuorumState, State};
use crate::journal::record::{Plant, ServiceState};
use crate::journal::{Record, What};
use crate::model::{Scenario, Service};
use std::collections::{BTreeMap, BTreeSet};

/// A change of state that was seen.
#[derive(Clone, Debug)]
pub struct Change {
    /// Of which machine.
    pub kind: Kind,
    /// The state before and the state after, by their places in the machine's table; none if
    /// the table does not have one of them.
    pub places: Option<(usize, usize)>,
    /// Whether the table has such an edge.
    pub known: bool,
    /// On which node; none for a network.
    pub node: Option<NodeId>,
    /// Whose state, in words.
    pub who: String,
    /// The states' names.
    pub names: (String, String),
}

/// The states of everything that has states, and how often each change was seen.
#[derive(Clone, Debug, Default)]
pub struct Transitions {
    groups: BTreeMap<GroupId, (NodeId, GroupState)>,
    resources: BTreeMap<(NodeId, ResourceId), ResourceState>,
    nodes: BTreeMap<NodeId, NodeState>,
    quorum: BTreeMap<NodeId, QuorumState>,
    copies: BTreeMap<CopyId, CopyStatus>,
    interfaces: BTreeMap<(NodeId, NetId), InterfaceState>,
    networks: BTreeMap<NetId, NetworkState>,
    paused: NodeSet,
    counts: BTreeMap<(Kind, usize, usize), u64>,
    changes: Vec<Change>,
}

impl Transitions {
    /// Before the first record of a run: active copies are dismounted, the others healthy.
    pub fn at_start_of(scenario: &Scenario) -> Self {
        let mut fresh = Transitions::default();
        for (place, active) in scenario.start.databases.iter().enumerate() {
            let database = crate::base::Id::at(place);
            fresh.copies.insert(CopyId { database, node: *active }, CopyStatus::Dismounted);
        }
        fresh
    }

    /// How often each edge was taken, by machine and places.
    pub fn counts(&self) -> &BTreeMap<(Kind, usize, usize), u64> {
        &self.counts
    }

    /// The states of what is on a node, by machine and place, each once: its own, its quorum, and
    /// those of its resources, the groups that it owns, its copies and interfaces.
    pub fn on(&self, node: NodeId) -> BTreeSet<(Kind, usize)> {
        fn place<S: State>(state: S) -> Option<(Kind, usize)> {
            Some((S::KIND, state.place()?))
        }
        let resources = self.resources.iter().filter(|((on, _), _)| *on == node);
        let groups = self.groups.values().filter(|(owner, _)| *owner == node);
        let copies = self.copies.iter().filter(|(copy, _)| copy.node == node);
        let interfaces = self.interfaces.iter().filter(|((on, _), _)| *on == node);
        let own = self.nodes.get(&node).and_then(|state| place(*state));
        let quorum = self.quorum.get(&node).and_then(|state| place(*state));
        let found = own.into_iter().chain(quorum);
        let found = found.chain(resources.filter_map(|(_, state)| place(*state)));
        let found = found.chain(groups.filter_map(|(_, state)| place(*state)));
        let found = found.chain(copies.filter_map(|(_, state)| place(*state)));
        found.chain(interfaces.filter_map(|(_, state)| place(*state))).collect()
    }

    /// Takes in the next record; what changed by it.
    pub fn apply(&mut self, record: &Record) -> &[Change] {
        self.changes.clear();
        match &record.what {
            What::Out(node, Effect::Note(note)) => self.note(*node, note),
            What::Plant(Plant::Copy { copy, status, .. }) => {
                let before = self.copies.insert(*copy, *status).unwrap_or(CopyStatus::Healthy);
                let who = || format!("copy {} on node {}", copy.database.0, copy.node.0);
                self.changed(before, *status, Some(copy.node), who);
            }
            What::Plant(Plant::Service { machine, service: Service::Cluster, state }) => {
                if *state == ServiceState::Stopped {
                    self.ended(NodeId(machine.0));
                }
            }
            What::In(..)
            | What::Out(..)
            | What::Fault { .. }
            | What::Step { .. }
            | What::Plant(_)
            | What::Client(..)
            | What::Mail(..)
            | What::Agent(..) => {}
        }
        &self.changes
    }

    /// Takes in the next note of a core; what changed by it.
    pub fn told(&mut self, node: NodeId, note: &Note) -> &[Change] {
        self.changes.clear();
        self.note(node, note);
        &self.changes
    }

    /// A node's Cluster service ended, in good order or not: the next life begins anew.
    pub fn ended(&mut self, node: NodeId) {
        self.node(node, NodeState::Down);
        self.stand(node, QuorumState::NoQuorum);
        self.resources.retain(|(on, _), _| *on != node);
        self.groups.retain(|_, (owner, _)| *owner != node);
    }

    fn note(&mut self, node: NodeId, note: &Note) {
        match note {
            Note::Started => {
                self.ended(node);
                self.node(node, NodeState::Joining);
            }
            Note::Joining => self.stand(node, QuorumState::NoQuorum),
            Note::OneVoteShort { .. } => self.stand(node, QuorumState::OneVoteShort),
            Note::QuorumHeld { .. } => {
                self.stand(node, QuorumState::Quorum);
                let paused = self.paused.contains(node);
                self.node(node, if paused { NodeState::Paused } else { NodeState::Up });
            }
            Note::Stopping { .. } => {
                self.stand(node, QuorumState::NoQuorum);
                self.node(node, NodeState::Down);
            }
            Note::NodePaused { node, paused } => {
                let known = self.nodes.get(node).copied();
                self.paused =
                    if *paused { self.paused.with(*node) } else { self.paused.without(*node) };
                if let Some(NodeState::Up | NodeState::Paused) = known {
                    self.node(*node, if *paused { NodeState::Paused } else { NodeState::Up });
                }
            }
            Note::Resource { resource, state, .. } => {
                let before = self.resources.insert((node, *resource), *state).unwrap_or_default();
                let who = || format!("resource {} on node {}", resource.0, node.0);
                self.changed(before, *state, Some(node), who);
            }
            Note::Interface { node, network, state } => {
                let before = self.interfaces.insert((*node, *network), *state);
                let who = || format!("interface of node {} on network {}", node.0, network.0);
                let before = before.unwrap_or(InterfaceState::Up);
                self.changed(before, *state, Some(*node), who);
            }
            Note::Network { network, state } => {
                let before = self.networks.insert(*network, *state).unwrap_or(NetworkState::Up);
                self.changed(before, *state, None, || format!("network {}", network.0));
            }
            Note::Group { group, owner, state } => self.group(*group, *owner, *state),
            _ => {}
        }
    }

    /// A group on another owner begins anew there; what that owner told of it while it had another
    /// is not known.
    fn group(&mut self, group: GroupId, owner: NodeId, state: GroupState) {
        let before = self.groups.insert(group, (owner, state));
        let here = before.filter(|(on, _)| *on == owner).map(|(_, state)| state);
        let before = here.unwrap_or_default();
        if here.is_some() || before.may_become(state) {
            let who = || format!("group {} on node {}", group.0, owner.0);
            self.changed(before, state, Some(owner), who);
        }
    }

    fn node(&mut self, node: NodeId, state: NodeState) {
        let before = self.nodes.insert(node, state).unwrap_or(NodeState::Down);
        self.changed(before, state, Some(node), || format!("node {}", node.0));
    }

    fn stand(&mut self, node: NodeId, state: QuorumState) {
        let before = self.quorum.insert(node, state).unwrap_or(QuorumState::NoQuorum);
        self.changed(before, state, Some(node), || format!("node {}", node.0));
    }

    fn changed<S: State>(
        &mut self,
        before: S,
        after: S,
        node: Option<NodeId>,
        who: impl Fn() -> String,
    ) {
        if before == after {
            return;
        }
        let places = before.place().zip(after.place());
        if let Some((from, to)) = places {
            *self.counts.entry((S::KIND, from, to)).or_default() += 1;
        }
        self.changes.push(Change {
            kind: S::KIND,
            places,
            known: before.may_become(after),
            node,
            who: who(),
            names: (format!("{before:?}"), format!("{after:?}")),
        });
    }
}
