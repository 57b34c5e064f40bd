//! Floor 4: what the site looked like at a moment, folded from records. Pure.

mod client;
pub mod film;
pub mod frames;
pub mod headline;
pub mod lanes;
pub mod outage;
pub mod plots;
mod subject;
pub mod transitions;
mod weight;
pub mod why;
pub mod why_not;
pub mod words;

pub use client::{Client, Standing};
pub use subject::Subject;
pub use weight::Weight;

use crate::base::{
    Address, ClientId, CopyId, DbId, GroupId, Id, IdVec, Instant, MachineId, MailId, NetId, NicId,
    NodeId, NodeSet, ResourceId,
};
use crate::failover::config::ResourceKind;
use crate::failover::quorum::Votes;
use crate::failover::seam::{
    ContentIndex, CopyStatus, Effect, GroupState, InterfaceState, NetworkState, NodeState, Note,
    ResourceState,
};
use crate::journal::record::{ClientEvent, MailEvent, Plant, ServiceState};
use crate::journal::{Record, What};
use crate::model::topology::NetworkRole;
use crate::model::{Fault, Scenario, Service, Topology};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;

/// The site at a moment.
#[derive(Clone, Debug)]
pub struct Scene<'t> {
    topology: &'t Topology,
    scenario: &'t Scenario,
    state: State,
}

impl Deref for Scene<'_> {
    type Target = State;
    fn deref(&self) -> &State {
        &self.state
    }
}

/// What changes in a [`Scene`]: kept without the site, so that it can be kept beside it.
#[derive(Clone, Debug)]
pub struct State {
    /// Machines that run.
    pub machines: IdVec<MachineId, bool>,
    /// Carrier of their adapters.
    pub adapters: IdVec<MachineId, IdVec<NicId, bool>>,
    /// Networks that forward.
    pub networks: IdVec<NetId, bool>,
    /// Services that are not as they were at the start.
    pub services: BTreeMap<(MachineId, Service), ServiceState>,
    /// Each member's cluster, as it sees it.
    pub nodes: IdVec<NodeId, Member>,
    /// State of each network interface that a cluster told of; up otherwise while its node is.
    pub interface_states: BTreeMap<(NodeId, NetId), InterfaceState>,
    /// Paths that a node told to be lost: from whom, to whom, over which of its adapters.
    pub lost_paths: BTreeSet<(NodeId, NodeId, NicId)>,
    /// State of each network that a cluster told of; up otherwise.
    pub network_states: BTreeMap<NetId, NetworkState>,
    /// Votes in force, as the last coordinator told.
    pub votes: Votes,
    /// Members that are paused.
    pub paused: NodeSet,
    /// The witness server, by its place among those that there are.
    pub witness_server: u8,
    /// Who holds the witness's lock.
    pub witness: Option<NodeId>,
    /// Groups.
    pub groups: IdVec<GroupId, Group>,
    /// Resources: their state on each node that told of it.
    pub resources: IdVec<ResourceId, BTreeMap<NodeId, ResourceState>>,
    /// Databases.
    pub databases: IdVec<DbId, Database>,
    /// Copies.
    pub copies: BTreeMap<CopyId, Copy>,
    /// Logs kept on the disks of copies, and whether no more fit, where something is told of it.
    pub log_disks: BTreeMap<CopyId, (u64, bool)>,
    /// Addresses bound by resources, and every machine on which one is bound.
    pub addresses: BTreeMap<Address, BTreeSet<MachineId>>,
    /// Machines whose lease runs, or that need none.
    pub leases: IdVec<MachineId, bool>,
    /// Faults that are in force, by their place in the plan.
    pub faults: BTreeSet<u16>,
    /// Names registered in DNS.
    pub dns: BTreeMap<ResourceId, Address>,
    /// Whether the client access array object exists.
    pub array: bool,
    /// Clients.
    pub clients: IdVec<ClientId, Client>,
    /// Messages by state.
    pub mail: BTreeMap<MailId, Mail>,
    /// The messages that steps of the scenario had written.
    written: BTreeMap<u16, MailId>,
    /// Messages that were delivered twice and dropped.
    pub duplicates: u64,
}

/// A member's cluster as it sees it.
#[derive(Clone, Copy, Default, Debug)]
pub struct Member {
    /// Whether its Cluster service runs.
    pub running: bool,
    /// Members of its view.
    pub members: NodeSet,
    /// Whether that view has quorum.
    pub quorum: bool,
    /// Votes of the view, and votes needed.
    pub votes: (u8, u8),
    /// Whether it is Primary Active Manager.
    pub primary: bool,
}

/// A group.
#[derive(Clone, Copy, Default, Debug)]
pub struct Group {
    /// Its owner.
    pub owner: Option<NodeId>,
    /// Its state at its owner.
    pub state: GroupState,
    /// How often it changed its owner.
    pub moves: u32,
}

/// A database.
#[derive(Clone, Copy, Default, Debug)]
pub struct Database {
    /// Where it is or was last active.
    pub active: Option<NodeId>,
    /// Logs lost by activations.
    pub lost_logs: u64,
    /// How often the active copy changed.
    pub moves: u32,
}

/// A copy.
#[derive(Clone, Copy, Debug)]
pub struct Copy {
    /// Its state.
    pub status: CopyStatus,
    /// Copy queue length.
    pub copy_queue: u64,
    /// Replay queue length.
    pub replay_queue: u64,
    /// Its content index.
    pub content_index: ContentIndex,
    /// Whether it is mounted.
    pub mounted: bool,
}

/// Where a message is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mail {
    /// The step that named it.
    pub step: Option<u16>,
    /// The system took responsibility.
    pub submitted: bool,
    /// It is in the recipient's mailbox.
    pub delivered: bool,
    /// No place has it any more.
    pub lost: bool,
}

impl<'t> Scene<'t> {
    /// The site before the first record.
    pub fn new(topology: &'t Topology, scenario: &'t Scenario) -> Self {
        let passive = |database: DbId, node: NodeId| {
            let active = scenario.start.databases[database.index()] == node;
            let status = if active { CopyStatus::Dismounted } else { CopyStatus::Healthy };
            let content_index = ContentIndex::Healthy;
            Copy { status, copy_queue: 0, replay_queue: 0, content_index, mounted: false }
        };
        let copies = topology.databases.iter().flat_map(|(database, config)| {
            let of = move |node: &NodeId| CopyId { database, node: *node };
            config.copies.iter().map(move |node| (of(node), passive(database, *node)))
        });
        let state = State {
            votes: topology.rules().initial(),
            machines: IdVec::filled(topology.machines.len(), true),
            adapters: topology
                .machines
                .values()
                .map(|machine| IdVec::filled(machine.nics.len(), true))
                .collect(),
            networks: IdVec::filled(topology.networks.len(), true),
            services: BTreeMap::new(),
            nodes: IdVec::filled(topology.nodes, Member::default()),
            interface_states: BTreeMap::new(),
            lost_paths: BTreeSet::new(),
            network_states: BTreeMap::new(),
            paused: NodeSet::EMPTY,
            witness_server: 0,
            witness: None,
            groups: IdVec::filled(topology.groups.len(), Group::default()),
            resources: IdVec::filled(topology.resources.len(), BTreeMap::new()),
            databases: IdVec::filled(topology.databases.len(), Database::default()),
            copies: copies.collect(),
            log_disks: BTreeMap::new(),
            addresses: BTreeMap::new(),
            leases: topology
                .machines
                .ids()
                .map(|id| id.index() >= topology.nodes || !topology.settings.lease.enabled)
                .collect(),
            faults: BTreeSet::new(),
            dns: BTreeMap::new(),
            array: scenario.start.client_access_array,
            clients: IdVec::filled(topology.total_clients() as usize, Client::default()),
            mail: BTreeMap::new(),
            written: BTreeMap::new(),
            duplicates: 0,
        };
        Scene { topology, scenario, state }
    }

    /// The site as it was kept.
    pub fn with(topology: &'t Topology, scenario: &'t Scenario, state: State) -> Self {
        Scene { topology, scenario, state }
    }

    /// What is to be kept of it.
    pub fn into_state(self) -> State {
        self.state
    }

    /// Takes in the next record.
    pub fn apply(&mut self, record: &Record) {
        match &record.what {
            What::In(..) | What::Step { .. } | What::Agent(..) => {}
            What::Out(node, Effect::Note(note)) => self.note(*node, note),
            What::Out(..) => {}
            What::Fault { index, healed } => self.fault(*index, *healed),
            What::Plant(plant) => self.plant(plant),
            What::Client(client, event) => self.client(*client, event),
            What::Mail(mail, event) => self.mail(*mail, event),
        }
    }

    fn fault(&mut self, index: u16, healed: bool) {
        let fault = self.scenario.faults.get(usize::from(index)).map(|planned| planned.fault);
        let over = fault.is_some_and(|fault| fault.kind().is_momentary());
        if healed || over {
            self.state.faults.remove(&index);
        } else {
            self.state.faults.insert(index);
        }
        if let Some(Fault::NetworkDown { network }) = fault {
            self.state.networks[network] = healed;
        }
    }

    fn note(&mut self, node: NodeId, note: &Note) {
        match note {
            Note::View { members, .. } => {
                self.state.nodes[node].members = *members;
                self.state.nodes[node].quorum = false;
            }
            Note::QuorumHeld { votes, needed, .. } => {
                self.state.nodes[node].quorum = true;
                self.state.nodes[node].votes = (*votes, *needed);
            }
            Note::OneVoteShort { votes, needed, .. } => {
                self.state.nodes[node].votes = (*votes, *needed);
            }
            Note::WitnessServer { server } => {
                (self.state.witness_server, self.state.witness) = (*server, None);
            }
            Note::Votes(votes) => self.state.votes = *votes,
            Note::Interface { node, network, state } => {
                self.state.interface_states.insert((*node, *network), *state);
            }
            Note::Network { network, state } => {
                self.state.network_states.insert(*network, *state);
            }
            Note::QuorumLost { votes, needed } => {
                self.state.nodes[node] =
                    Member { running: true, votes: (*votes, *needed), ..Member::default() };
            }
            Note::PathLost { peer, nic, .. } => {
                self.state.lost_paths.insert((node, *peer, *nic));
            }
            Note::PathUp { peer, nic } => {
                self.state.lost_paths.remove(&(node, *peer, *nic));
            }
            Note::NodePaused { node, paused: true } => {
                self.state.paused = self.state.paused.with(*node)
            }
            Note::NodePaused { node, paused: false } => {
                self.state.paused = self.state.paused.without(*node)
            }
            Note::PrimaryActiveManager => {
                for member in self.state.nodes.values_mut() {
                    member.primary = false;
                }
                self.state.nodes[node].primary = true;
            }
            Note::Resource { resource, state, .. } => {
                self.state.resources[*resource].insert(node, *state);
            }
            Note::Group { group, owner, state } => {
                if self.left_behind(node, self.state.groups[*group].owner) {
                    return;
                }
                let entry = &mut self.state.groups[*group];
                // Whoever lost it without knowing may tell that it is off there; a new owner tells
                // that it has it while it runs nowhere.
                let runs = matches!(state, GroupState::Online | GroupState::Pending);
                if runs || entry.owner == Some(*owner) || entry.state == GroupState::Offline {
                    entry.moves += u32::from(entry.owner.is_some() && entry.owner != Some(*owner));
                    entry.owner = Some(*owner);
                    entry.state = *state;
                }
            }
            _ => {}
        }
    }

    /// Whether another member, which has quorum, has gone on without a node.
    fn left_behind(&self, node: NodeId, other: Option<NodeId>) -> bool {
        other.filter(|other| *other != node).is_some_and(|other| {
            let other = &self.state.nodes[other];
            other.quorum && !other.members.contains(node)
        })
    }

    fn service(&mut self, machine: MachineId, service: Service, state: ServiceState) {
        self.state.services.insert((machine, service), state);
        if machine.index() >= self.topology.nodes {
            return;
        }
        let (member, running) = (NodeId(machine.0), state == ServiceState::Running);
        if service == Service::Replication {
            self.state.nodes[member].primary &= running;
        }
        if service == Service::Cluster {
            self.state.nodes[member] = Member { running, ..Member::default() };
            if !running {
                for states in self.state.resources.values_mut() {
                    states.remove(&member);
                }
                for group in self.state.groups.values_mut() {
                    if group.owner == Some(member) {
                        group.state = GroupState::Offline;
                    }
                }
            }
        }
    }

    fn plant(&mut self, plant: &Plant) {
        match *plant {
            // A machine without power has told that its Cluster service has ended; one that stands
            // still goes on where it was.
            Plant::Machine { machine, up } => self.state.machines[machine] = up,
            Plant::Adapter { machine, nic, up } => self.state.adapters[machine][nic] = up,
            Plant::Service { machine, service, state } => self.service(machine, service, state),
            Plant::AddressUp { address, machine, .. } => {
                self.state.addresses.entry(address).or_default().insert(machine);
            }
            Plant::AddressDown { address, machine } => {
                if let Some(machines) = self.state.addresses.get_mut(&address) {
                    machines.remove(&machine);
                }
            }
            Plant::Lease { machine, runs } => self.state.leases[machine] = runs,
            Plant::DnsRecord { resource, address } => {
                self.state.dns.insert(resource, address);
            }
            Plant::WitnessLock { server, holder } => {
                if holder.is_some() || server == self.state.witness_server {
                    self.state.witness = holder;
                }
                if holder.is_some() {
                    self.state.witness_server = server;
                }
            }
            Plant::Copy { copy, status, copy_queue, replay_queue, content_index } => {
                let mounted = self.state.copies.get(&copy).is_some_and(|known| known.mounted);
                let now = Copy { status, copy_queue, replay_queue, content_index, mounted };
                self.state.copies.insert(copy, now);
            }
            Plant::LogDisk { copy, logs, full } => {
                self.state.log_disks.insert(copy, (logs, full));
            }
            Plant::CircularLogging { .. } | Plant::OrderRefused { .. } => {}
            Plant::Mounted { copy, lost_logs, .. } => {
                let database = &mut self.state.databases[copy.database];
                let moved = database.active.is_some_and(|active| active != copy.node);
                database.moves += u32::from(moved);
                database.active = Some(copy.node);
                database.lost_logs += lost_logs;
                if let Some(known) = self.state.copies.get_mut(&copy) {
                    known.mounted = true;
                    known.status = CopyStatus::Mounted;
                }
            }
            Plant::Dismounted { copy } => {
                if let Some(known) = self.state.copies.get_mut(&copy) {
                    known.mounted = false;
                }
            }
            Plant::ClientAccessArray => self.state.array = true,
            Plant::FrameLost { .. }
            | Plant::ServerMarked { .. }
            | Plant::Convergence { .. }
            | Plant::StoppedMembers { .. }
            | Plant::GratuitousArp { .. }
            | Plant::ClusterStart { .. }
            | Plant::Neighbour { .. }
            | Plant::DnsUpdateFailed { .. }
            | Plant::Operation { .. }
            | Plant::NamesServer { .. }
            | Plant::AlternateWitness { .. }
            | Plant::RpcClientAccessServer { .. } => {}
        }
    }

    fn client(&mut self, id: ClientId, event: &ClientEvent) {
        if let Some(client) = self.state.clients.get_mut(id) {
            client.apply(event);
        }
    }

    /// The message that a step of the scenario had written, if it was.
    pub fn message_of_step(&self, step: usize) -> Option<&Mail> {
        let step = u16::try_from(step).ok()?;
        self.state.mail.get(self.state.written.get(&step)?)
    }

    fn mail(&mut self, id: MailId, event: &MailEvent) {
        let unknown = Mail { step: None, submitted: false, delivered: false, lost: false };
        let mail = self.state.mail.entry(id).or_insert(unknown);
        match event {
            MailEvent::Written { step, .. } => {
                mail.step = *step;
                self.state.written.extend(step.map(|step| (step, id)));
            }
            MailEvent::Submitted { .. } => mail.submitted = true,
            MailEvent::Delivered { .. } => {
                mail.delivered = true;
                mail.lost = false;
            }
            MailEvent::LostFromDatabase { .. } => mail.delivered = false,
            MailEvent::Lost => mail.lost = true,
            MailEvent::Resubmitted { .. } => mail.lost = false,
            MailEvent::Duplicate => {
                mail.delivered = true;
                self.state.duplicates += 1;
            }
            MailEvent::Queued { .. } | MailEvent::Shadowed { .. } | MailEvent::Deferred { .. } => {}
        }
    }

    /// Whether clients can reach a machine: it runs, and has carrier on a network that they use
    /// and that forwards.
    pub fn reachable(&self, machine: MachineId) -> bool {
        let nics = self.topology.machines[machine].nics.iter();
        self.machines[machine]
            && nics.into_iter().any(|(nic, adapter)| {
                let client =
                    self.topology.networks[adapter.network].role == NetworkRole::ClusterAndClient;
                client && self.networks[adapter.network] && self.adapters[machine][nic]
            })
    }

    /// Whether clients reach what floats to a machine and is mounted there: they can reach it, and
    /// its lease runs.
    pub fn serves(&self, machine: MachineId) -> bool {
        self.leases[machine] && self.reachable(machine)
    }

    /// Whether a service runs, as far as the records tell.
    pub fn runs(&self, machine: MachineId, service: Service) -> bool {
        let known = self.services.get(&(machine, service));
        self.machines[machine] && known.is_none_or(|state| *state == ServiceState::Running)
    }

    /// The copy of a database that is mounted where clients can reach it.
    pub fn served_by(&self, database: DbId) -> Option<NodeId> {
        let copies = self.copies.iter().filter(|(id, copy)| {
            let machine = MachineId::from(id.node);
            id.database == database
                && copy.mounted
                && matches!(copy.status, CopyStatus::Mounted | CopyStatus::SeedingSource)
                && self.serves(machine)
                && self.runs(machine, Service::Store)
        });
        copies.map(|(id, _)| id.node).next()
    }

    /// Whether a group serves where clients can reach it: its owner is reachable, and every
    /// resource is online there but a witness, and an address of another subnet that is done
    /// without.
    pub fn group_served(&self, group: GroupId) -> bool {
        self.groups[group].owner.is_some_and(|owner| self.group_served_by(group, owner))
    }

    /// Whether a node has all of a group online that can be there, and clients can reach it.
    pub fn group_served_by(&self, group: GroupId, owner: NodeId) -> bool {
        let resources = self.topology.groups[group].resources.iter();
        self.serves(owner.into())
            && resources.into_iter().all(|id| {
                self.topology.resources[*id].kind == ResourceKind::FileShareWitness
                    || self.resources[*id].get(&owner) == Some(&ResourceState::Online)
                    || self.topology.does_without(owner.into(), *id)
            })
    }

    /// Whether a database is mounted anywhere.
    pub fn mounted(&self, database: DbId) -> Option<NodeId> {
        let mut copies = self.copies.iter();
        copies.find(|(id, copy)| id.database == database && copy.mounted).map(|(id, _)| id.node)
    }

    /// State of a member as the cluster has it (wsfc.md §2 node states).
    pub fn node_state(&self, node: NodeId) -> NodeState {
        let holders = self.quorum_holders();
        let running = self.nodes[node].running && self.machines[MachineId::from(node)];
        let member = holders.iter().any(|holder| self.nodes[holder].members.contains(node));
        match (running, member, self.paused.contains(node)) {
            (true, true, true) => NodeState::Paused,
            (true, true, false) => NodeState::Up,
            (true, false, _) => NodeState::Joining,
            (false, ..) => NodeState::Down,
        }
    }

    /// Members that hold quorum together, on the side that has it.
    pub fn quorum_holders(&self) -> NodeSet {
        self.nodes
            .iter()
            .filter(|(node, member)| {
                member.quorum && member.running && self.machines[MachineId::from(*node)]
            })
            .map(|(node, _)| node)
            .collect()
    }

    /// Faults that are in force.
    pub fn active_faults(&self) -> impl Iterator<Item = Fault> {
        let plan = &self.scenario.faults;
        self.faults.iter().filter_map(|index| plan.get(usize::from(*index))).map(|p| p.fault)
    }

    /// The site's topology.
    pub fn topology(&self) -> &'t Topology {
        self.topology
    }

    /// What was planned to happen in it.
    pub fn scenario(&self) -> &'t Scenario {
        self.scenario
    }
}

/// The moment of the first thing that disturbs the site: a fault or an order.
pub fn first_disturbance(scenario: &Scenario) -> Option<Instant> {
    use crate::model::scenario::Action;
    let fault = scenario.faults.iter().map(|planned| planned.at).min();
    let order = scenario.steps.iter().filter(|step| {
        matches!(
            step.action,
            Some(
                Action::Order { .. }
                    | Action::StartClusterService { .. }
                    | Action::RestoreGroup { .. }
                    | Action::StopMembers { .. }
                    | Action::StartMembers { .. }
            )
        )
    });
    let order = order.map(|step| step.at.max(scenario.clients_from)).min();
    fault.into_iter().chain(order).min()
}
