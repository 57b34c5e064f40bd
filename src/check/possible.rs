//! What could be in service at the end of a run: worked out from power, cables, services and
//! faults alone, with no word of the cluster's own.

use crate::base::{CopyId, DbId, GroupId, MachineId, NetId, NodeId, NodeSet};
use crate::failover::quorum::{Standing, Witness};
use crate::failover::seam::{ActivationPolicy, CopyStatus};
use crate::journal::record::ServiceState;
use crate::model::topology::{ClientGroup, MachineRole, NetworkRole, ServerName};
use crate::model::{Fault, Service, Topology};
use crate::view::Scene;
use std::collections::BTreeSet;

/// Which networks lead from one machine to another.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Over {
    /// Any that the cluster uses.
    Cluster,
    /// Those that clients use too: file shares and directories are behind them.
    Clients,
}

/// Members whose Cluster service an administrator has stopped are out; stale ones, of which the
/// witness knows a newer configuration, cannot win it.
pub(super) struct Possible<'s, 't> {
    scene: &'s Scene<'t>,
    stopped: &'s BTreeSet<NodeId>,
    stale: &'s BTreeSet<NodeId>,
}

impl<'s, 't> Possible<'s, 't> {
    pub(super) fn new(
        scene: &'s Scene<'t>,
        stopped: &'s BTreeSet<NodeId>,
        stale: &'s BTreeSet<NodeId>,
    ) -> Self {
        Possible { scene, stopped, stale }
    }

    fn topology(&self) -> &'t Topology {
        self.scene.topology()
    }

    fn active_faults(&self) -> impl Iterator<Item = Fault> {
        self.scene.active_faults()
    }

    /// Whether a service runs, or would if nobody and nothing kept it from it.
    fn can_run(&self, machine: MachineId, service: Service) -> bool {
        let kept = self.active_faults().any(|fault| match fault {
            Fault::ServiceStop { machine: of, service: which }
            | Fault::ServiceHang { machine: of, service: which } => {
                of == machine && which == service
            }
            Fault::NicDown { .. }
            | Fault::PowerOff { .. }
            | Fault::Freeze { .. }
            | Fault::ServiceSlow { .. }
            | Fault::ResourceFail { .. }
            | Fault::ResourceHang { .. }
            | Fault::NetworkDown { .. }
            | Fault::PathCut { .. }
            | Fault::PathLoss { .. }
            | Fault::FrameLoss { .. }
            | Fault::NetworkDelay { .. }
            | Fault::LogCorruption { .. }
            | Fault::GratuitousArpBlocked { .. }
            | Fault::FrameDuplication { .. }
            | Fault::FrameReordering { .. }
            | Fault::PathDelay { .. }
            | Fault::ServiceCrash { .. }
            | Fault::Reboot { .. }
            | Fault::ClockRate { .. }
            | Fault::ClockStep { .. }
            | Fault::WitnessLockHeld { .. }
            | Fault::WitnessStale { .. }
            | Fault::DnsUpdateRefused { .. }
            | Fault::DnsStale { .. }
            | Fault::DiskSlow { .. }
            | Fault::DiskFull { .. }
            | Fault::MountFail { .. }
            | Fault::DismountSlow { .. } => false,
        });
        self.scene.machines[machine] && !kept
    }

    fn is_cut(&self, network: NetId, a: MachineId, b: MachineId) -> bool {
        self.active_faults().any(|fault| match fault {
            Fault::PathCut { network: on, from, to, .. } => {
                on == network && ((from, to) == (a, b) || (from, to) == (b, a))
            }
            _ => false,
        })
    }

    fn attached(&self, machine: MachineId, network: NetId) -> bool {
        let nics = self.topology().machines[machine].nics.iter();
        nics.into_iter().any(|(nic, at)| at.network == network && self.scene.adapters[machine][nic])
    }

    fn linked(&self, a: MachineId, b: MachineId, over: Over) -> bool {
        let networks = self.topology().networks.iter();
        a == b
            || networks.into_iter().any(|(id, network)| {
                let used = match over {
                    Over::Cluster => network.role != NetworkRole::None,
                    Over::Clients => network.role == NetworkRole::ClusterAndClient,
                };
                used && self.scene.networks[id]
                    && self.attached(a, id)
                    && self.attached(b, id)
                    && !self.is_cut(id, a, b)
            })
    }

    /// Members that could be running and are linked with one another: the biggest side that
    /// could have quorum, or why none could.
    pub(super) fn side(&self) -> Result<NodeSet, String> {
        let topology = self.topology();
        let mut best: Result<NodeSet, String> = Err("no cluster member runs".to_owned());
        for side in self.sides() {
            let names: Vec<&str> = side.iter().map(|node| topology.node_name(node)).collect();
            let names = names.join(" and ");
            let found = match self.scene.votes.standing(side) {
                Standing::Majority { .. } => Ok(side),
                Standing::OneShort { votes, needed } => self
                    .witness(side)
                    .map(|()| side)
                    .map_err(|why| format!("{names}: {votes} of {needed} votes needed, and {why}")),
                Standing::Minority { votes, needed } => {
                    Err(format!("{names}: {votes} of {needed} votes needed"))
                }
            };
            if found.is_ok() || best.is_err() {
                best = found;
            }
        }
        best
    }

    /// Whether a node could be a member beside these: it may run, and reaches each of them.
    pub(super) fn fits(&self, node: NodeId, members: NodeSet) -> bool {
        let mut others = members.iter().map(MachineId::from);
        self.is_able(node) && others.all(|other| self.linked(node.into(), other, Over::Cluster))
    }

    fn is_able(&self, node: NodeId) -> bool {
        !self.stopped.contains(&node) && self.can_run(node.into(), Service::Cluster)
    }

    fn sides(&self) -> Vec<NodeSet> {
        let topology = self.topology();
        let mut left: NodeSet = topology.node_ids().filter(|node| self.is_able(*node)).collect();
        let mut sides = Vec::new();
        while let Some(first) = left.lowest() {
            let mut side = NodeSet::only(first);
            loop {
                let joins = left.minus(side).iter().find(|node| {
                    let linked = |other| self.linked((*node).into(), other, Over::Cluster);
                    side.iter().any(|other| linked(other.into()))
                });
                match joins {
                    Some(node) => side = side.with(node),
                    None => break,
                }
            }
            left = left.minus(side);
            sides.push(side);
        }
        sides
    }

    fn witness(&self, side: NodeSet) -> Result<(), String> {
        let topology = self.topology();
        let machine = match topology.rules().witness() {
            Some(Witness::Disk) => return Ok(()),
            Some(Witness::FileShare) => {
                let servers = topology.witness_servers();
                servers.get(usize::from(self.scene.witness_server)).copied()
            }
            None => None,
        };
        let Some(machine) = machine else { return Err("there is no witness".into()) };
        let name = topology.machine_name(machine);
        if !self.scene.machines[machine] {
            return Err(format!("the witness {name} is off"));
        }
        if !self.can_run(machine, Service::FileServer) {
            return Err(format!("the witness {name} shares no files"));
        }
        let kept = || self.active_faults().any(|fault| fault == Fault::WitnessLockHeld { machine });
        if let Some(holder) = self.scene.witness.filter(|holder| !side.contains(*holder))
            && kept()
        {
            let holder = topology.node_name(holder);
            return Err(format!("the witness {name} keeps the lock of {holder}"));
        }
        if side.iter().all(|node| self.stale.contains(&node)) {
            return Err(format!("the witness {name} knows a newer configuration (event 5925)"));
        }
        let reached = side.iter().any(|node| self.linked(node.into(), machine, Over::Clients));
        if reached { Ok(()) } else { Err(format!("the witness {name} cannot be reached")) }
    }

    /// Members of a side that clients can reach.
    pub(super) fn reached(&self, side: NodeSet) -> NodeSet {
        side.iter().filter(|node| self.scene.reachable((*node).into())).collect()
    }

    /// Whether a machine that does this work is linked with one of these members.
    pub(super) fn has(&self, side: &[MachineId], role: MachineRole, service: Service) -> bool {
        let machines = self.topology().machines.iter();
        machines.into_iter().any(|(id, machine)| {
            machine.roles.contains(&role)
                && self.can_run(id, service)
                && side.iter().any(|other| self.linked(*other, id, Over::Clients))
        })
    }

    /// Members of a side on which a group could be online for clients, or why it could not.
    pub(super) fn group(&self, side: NodeSet, group: GroupId) -> Result<NodeSet, String> {
        let topology = self.topology();
        let possible = side.intersection(topology.possible_owners(group)).iter();
        let possible = possible.filter(|node| topology.has_interfaces((*node).into(), group));
        let possible: NodeSet = possible.collect();
        let hosts = self.reached(possible);
        if hosts.is_empty() {
            let name = &topology.groups[group].name;
            return Err(format!("{name}: clients reach no possible owner with quorum"));
        }
        Ok(hosts)
    }

    /// Members of a side on which a database could be mounted for clients, or why it could not.
    /// `former` is the server on which it was active last, `ordered` the activation policy under
    /// which an administrator put a server's copy.
    pub(super) fn database(
        &self,
        side: NodeSet,
        database: DbId,
        former: Option<NodeId>,
        ordered: impl Fn(CopyId) -> Option<ActivationPolicy>,
    ) -> Result<NodeSet, String> {
        let topology = self.topology();
        let config = &topology.databases[database];
        let with_copy: NodeSet = config.copies.iter().copied().collect();
        let hosts: NodeSet = self
            .reached(side.intersection(with_copy))
            .iter()
            .filter(|node| {
                let machine = (*node).into();
                let copy = CopyId { database, node: *node };
                self.is_usable(copy)
                    && self.can_run(machine, Service::Store)
                    && self.can_run(machine, Service::Replication)
                    && (former == Some(*node) || self.may_activate(*node, former, ordered(copy)))
            })
            .collect();
        if hosts.is_empty() {
            let name = &config.name;
            return Err(format!("{name}: clients reach no server with a copy that may be mounted"));
        }
        Ok(hosts)
    }

    /// Whether a copy is one that can be mounted, now or after what the system does by itself.
    fn is_usable(&self, copy: CopyId) -> bool {
        let damaged = || {
            let hits =
                |fault: Fault| matches!(fault, Fault::LogCorruption { copy: of } if of == copy);
            self.active_faults().any(hits)
        };
        let fails = || self.active_faults().any(|fault| fault == Fault::MountFail { copy });
        match self.scene.copies.get(&copy).map(|copy| copy.status) {
            Some(CopyStatus::Mounted | CopyStatus::SeedingSource) => true,
            _ if fails() => false,
            Some(CopyStatus::Initializing) => !self.began_slowly(copy.node),
            Some(
                CopyStatus::Failed
                | CopyStatus::FailedAndSuspended
                | CopyStatus::Suspended
                | CopyStatus::Seeding,
            ) => false,
            Some(CopyStatus::Dismounted) => {
                let full = self.scene.log_disks.get(&copy).is_some_and(|(_, full)| *full);
                !full && !damaged()
            }
            _ => true,
        }
    }

    /// Whether the Replication service of a server was slow at some time: what it began then ends
    /// as slowly, long after the fault has healed.
    fn began_slowly(&self, node: NodeId) -> bool {
        let mut faults = self.scene.scenario().faults.iter();
        faults.any(|planned| match planned.fault {
            Fault::ServiceSlow { machine, service, .. } => {
                machine == node.into() && service == Service::Replication
            }
            _ => false,
        })
    }

    /// Whether the policy in force lets a copy on a node be activated after one on another.
    fn may_activate(
        &self,
        node: NodeId,
        former: Option<NodeId>,
        ordered: Option<ActivationPolicy>,
    ) -> bool {
        let machine = |node: NodeId| &self.topology().machines[MachineId::from(node)];
        match ordered.unwrap_or(machine(node).activation_policy) {
            ActivationPolicy::Unrestricted => true,
            ActivationPolicy::IntrasiteOnly => {
                former.is_none_or(|former| machine(former).site == machine(node).site)
            }
            ActivationPolicy::Blocked => false,
        }
    }

    /// A fault in force that makes a network lose or delay frames: with enough of it, heartbeats
    /// fail now and then, and no moment is a quiet one.
    pub(super) fn unsteady(&self) -> Option<&'static str> {
        self.active_faults().find_map(|fault| match fault {
            Fault::FrameLoss { .. }
            | Fault::PathLoss { .. }
            | Fault::NetworkDelay { .. }
            | Fault::FrameReordering { .. }
            | Fault::PathDelay { .. } => Some(fault.word()),
            _ => None,
        })
    }

    /// A fault in force that takes no machine away but may keep a client's request, or a message,
    /// from its way for as long as it lasts.
    pub(super) fn hindrance(&self) -> Option<&'static str> {
        self.active_faults().find_map(|fault| match fault {
            Fault::ServiceStop { .. }
            | Fault::ServiceHang { .. }
            | Fault::ServiceSlow { .. }
            | Fault::ResourceFail { .. }
            | Fault::ResourceHang { .. }
            | Fault::PathCut { .. }
            | Fault::PathLoss { .. }
            | Fault::FrameLoss { .. }
            | Fault::NetworkDelay { .. }
            | Fault::LogCorruption { .. }
            | Fault::NetworkDown { .. }
            | Fault::FrameReordering { .. }
            | Fault::PathDelay { .. }
            | Fault::DnsUpdateRefused { .. }
            | Fault::DnsStale { .. }
            | Fault::DiskSlow { .. }
            | Fault::DiskFull { .. }
            | Fault::MountFail { .. }
            | Fault::DismountSlow { .. } => Some(fault.word()),
            Fault::NicDown { .. }
            | Fault::PowerOff { .. }
            | Fault::Freeze { .. }
            | Fault::GratuitousArpBlocked { .. }
            | Fault::FrameDuplication { .. }
            | Fault::ServiceCrash { .. }
            | Fault::Reboot { .. }
            | Fault::ClockRate { .. }
            | Fault::ClockStep { .. }
            | Fault::WitnessLockHeld { .. }
            | Fault::WitnessStale { .. } => None,
        })
    }

    /// The machines that may have to do with what a client group asks of a service, and why they
    /// do not answer, if there is a reason.
    pub(super) fn front(
        &self,
        clients: &ClientGroup,
        service: Service,
    ) -> (Vec<MachineId>, Option<String>) {
        let topology = self.topology();
        let mounted = self.scene.served_by(clients.database).map(MachineId::from);
        let away = |machine: &MachineId| {
            !self.scene.reachable(*machine) || self.not_running(*machine, service).is_some()
        };
        match clients.server {
            Some(ServerName::LoadBalancer(id)) => {
                let balancer = &topology.load_balancers[id];
                let (devices, servers) = (balancer.devices(), &balancer.servers);
                let passed = devices.iter().any(|device| self.scene.reachable(*device));
                let name = &balancer.name;
                let why = if !devices.is_empty() && !passed {
                    Some(format!("the load balancer {name} cannot be reached"))
                } else if servers.iter().all(away) {
                    Some(format!("no server behind {name} answers"))
                } else if devices.is_empty() {
                    // Network Load Balancing does not see services (exchange.md §5).
                    let mut there = servers.iter().filter(|server| self.scene.reachable(**server));
                    there.find_map(|server| self.not_running(*server, service))
                } else {
                    None
                };
                (servers.iter().copied().chain(mounted).collect(), why)
            }
            Some(ServerName::Machine(machine)) => {
                let name = topology.machine_name(machine);
                let off = (!self.scene.reachable(machine))
                    .then(|| format!("{name}, whose name they use, cannot be reached"));
                let why = off.or_else(|| self.not_running(machine, service));
                ([machine].into_iter().chain(mounted).collect(), why)
            }
            Some(ServerName::Group(_)) | None => {
                let group = clients.server.and_then(ServerName::group);
                let owner = group.and_then(|id| self.scene.groups[id].owner).map(MachineId::from);
                let servers: Vec<MachineId> = owner.into_iter().chain(mounted).collect();
                let why = servers.iter().find_map(|server| self.not_running(*server, service));
                (servers, why)
            }
        }
    }

    /// Why this service does not answer there; none if it runs.
    pub(super) fn not_running(&self, machine: MachineId, service: Service) -> Option<String> {
        let state = self.scene.services.get(&(machine, service));
        let name = self.topology().machine_name(machine);
        match state.copied().unwrap_or(ServiceState::Running) {
            ServiceState::Running => None,
            ServiceState::Stopped => Some(format!("a service is stopped on {name}")),
            ServiceState::Hung => Some(format!("a service hangs on {name}")),
        }
    }
}
