//! What does not change while a space is explored: the site, reduced to what decides, and its
//! numbers.

use super::plant::Copy;
use super::world::MEMBERS;
use crate::base::draw::{Purpose, Stream};
use crate::base::{DbId, Id, IdVec, Instant, NetId, NicId, NodeId, ResourceId, Span};
use crate::failover::config::{Config, ResourceKind};
use crate::failover::quorum::Witness;
use crate::failover::seam::{CopyStatus, Durable};
use crate::model::topology::{Database, MachineRole, NetworkRole};
use crate::model::{Scenario, Settings, Topology};

/// The seed whose starts of services the canonical start-up has: that of `dagtwin run`.
pub(super) const SEED: u64 = 1;

/// The site.
pub(super) struct Site {
    /// The topology without clients, and with one database of each class.
    pub topology: Topology,
    /// Its placement and time of day.
    pub scenario: Scenario,
    configs: [Config; MEMBERS],
    starts: [Instant; MEMBERS],
    controlled: bool,
}

/// Why a site cannot be explored.
pub fn refusal(topology: &Topology) -> Option<String> {
    if topology.nodes != MEMBERS {
        let of = if topology.nodes == 1 { "member" } else { "members" };
        return Some(format!(
            "{} has {} {of}: a space is exhausted for two members and a witness only",
            topology.name, topology.nodes
        ));
    }
    if topology.rules().witness() == Some(Witness::Disk) {
        return Some(format!(
            "{} has a disk witness: spaces are explored with a file share witness or none",
            topology.name
        ));
    }
    None
}

impl Site {
    /// A site reduced to what decides.
    pub(super) fn new(topology: &Topology, scenario: &Scenario) -> Self {
        let (topology, scenario) = reduced(topology, scenario);
        let mut nodes = topology.node_ids();
        let mut both = || nodes.next().expect("two members, as was checked");
        let configs = [topology.config(both()), topology.config(both())];
        let start = |node: u64| {
            let mut draws = Stream::new(SEED, node, Purpose::Start);
            Instant::ZERO + draws.between(Span::ZERO, Span::from_secs(1))
        };
        let controlled = topology.with_role(MachineRole::DomainController).next().is_some();
        Site { starts: [start(0), start(1)], configs, controlled, topology, scenario }
    }

    pub(super) fn nodes(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0..MEMBERS).map(NodeId::at)
    }

    /// The other member.
    pub(super) fn other(&self, node: NodeId) -> NodeId {
        NodeId::at(1 - node.index())
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.topology.settings
    }

    pub(super) fn config(&self, node: NodeId) -> Config {
        self.configs[node.index()].clone()
    }

    /// The configuration of a member's core, for a flaw to be planted.
    #[cfg(test)]
    pub(super) fn config_mut(&mut self, node: NodeId) -> &mut Config {
        &mut self.configs[node.index()]
    }

    /// When a member's Cluster service starts.
    pub(super) fn starts(&self, node: NodeId) -> Instant {
        self.starts[node.index()]
    }

    /// Whether there is a domain controller at all.
    pub(super) fn is_controlled(&self) -> bool {
        self.controlled
    }

    /// What a member finds on its disk.
    pub(super) fn durable(&self) -> Durable {
        let database = self.topology.boot_database(&self.scenario);
        Durable { epoch: 1, database, ..Durable::default() }
    }

    /// Copies as a run finds them: the active one not mounted, the other healthy.
    pub(super) fn copies(&self) -> IdVec<DbId, [Copy; MEMBERS]> {
        let copy = |database: DbId| {
            let active = self.scenario.start.databases[database.index()];
            [0, 1].map(|place| {
                let here = NodeId::at(place) == active;
                let status = if here { CopyStatus::Dismounted } else { CopyStatus::Healthy };
                Copy::new(status, active)
            })
        };
        self.topology.databases.ids().map(copy).collect()
    }

    /// Every adapter of a member has carrier: cuts are in switches.
    pub(super) fn links(&self, node: NodeId) -> Vec<bool> {
        vec![true; self.topology.machines[node.into()].nics.len()]
    }

    pub(super) fn time_of_day(&self, at: Instant) -> Span {
        self.scenario.time_of_day_at(at)
    }

    /// The network of a member's adapter.
    pub(super) fn network(&self, node: NodeId, nic: NicId) -> NetId {
        self.topology.machines[node.into()].nics[nic].network
    }

    /// A member's adapter on a network.
    pub(super) fn adapter(&self, node: NodeId, network: NetId) -> Option<NicId> {
        let mut nics = self.topology.machines[node.into()].nics.iter();
        nics.find(|(_, nic)| nic.network == network).map(|(id, _)| id)
    }

    /// Networks that both members are on and that carry what the cluster says.
    pub(super) fn shared(&self) -> impl Iterator<Item = NetId> + '_ {
        let on = |network: NetId| self.nodes().all(|node| self.adapter(node, network).is_some());
        let networks = self.topology.networks.iter();
        let used = networks.filter(|(_, network)| network.role != NetworkRole::None);
        used.map(|(id, _)| id).filter(move |id| on(*id))
    }

    /// How long a frame takes, at least and at most.
    pub(super) fn flight(&self) -> (Span, Span) {
        let ethernet = &self.settings().ethernet;
        (ethernet.latency, ethernet.latency + ethernet.jitter)
    }

    /// How long a request and its answer take, with work between.
    pub(super) fn round(&self, work: Span) -> (Span, Span) {
        let (least, most) = self.flight();
        (work + least * 2, work + most * 2)
    }

    pub(super) fn kind(&self, resource: ResourceId) -> ResourceKind {
        self.topology.resources[resource].kind
    }

    /// Whether a member can have an IP Address resource's address.
    pub(super) fn has_interface(&self, node: NodeId, resource: ResourceId) -> bool {
        self.topology.interface_for(node.into(), resource).is_some()
    }
}

/// A topology without clients, and with one database of each class: databases with the same
/// copies in the same order that start at the same place. Active Manager decides for each database
/// by itself, unless a server may only have so many.
fn reduced(topology: &Topology, scenario: &Scenario) -> (Topology, Scenario) {
    let (mut topology, mut scenario) = (topology.clone(), scenario.clone());
    topology.clients.clear();
    if topology.machines.values().any(|machine| machine.maximum_active.is_some()) {
        return (topology, scenario);
    }
    let starts = std::mem::take(&mut scenario.start.databases);
    let all: Vec<(Database, NodeId)> = topology.databases.values().cloned().zip(starts).collect();
    let mut kept: Vec<(Database, NodeId)> = Vec::new();
    for (database, start) in all {
        let alike = |(other, at): &(Database, NodeId)| {
            let named = Database { name: other.name.clone(), ..database.clone() };
            *at == start && *other == named
        };
        if !kept.iter().any(alike) {
            kept.push((database, start));
        }
    }
    scenario.start.databases = kept.iter().map(|(_, start)| *start).collect();
    topology.databases = kept.into_iter().map(|(database, _)| database).collect();
    (topology, scenario)
}
