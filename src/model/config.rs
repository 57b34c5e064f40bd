//! What the core of a node is configured with, made from a topology; and look-ups by name.

use super::scenario::{Action, Scenario};
use super::topology::{ClientGroup, ExchangeVersion, Network, NetworkRole, Topology};
use super::version::Ability;
use crate::base::{
    Address, ClientId, DbId, GroupId, Id, IdVec, MachineId, NicId, NodeId, NodeSet, ResourceId,
    SiteId,
};
use crate::failover::config::{
    ActiveManagerConfig, Config, DatabaseConfig, GroupConfig, GroupKind, HeartbeatConfig,
    MembershipConfig, NetworkConfig, NicConfig, NodeConfig, PlacementConfig, QuarantineConfig,
    QuorumConfig, ResourceConfig, ResourceKind, Rhythm,
};
use crate::failover::seam::{Order, ResourceState};
use crate::failover::state::{
    ClusterDatabase, DatabaseEntry, GroupEntry, NodeEntry, QuorumEntry, ServerEntry,
};
use std::collections::{BTreeMap, BTreeSet};

impl Network {
    /// The number of the subnet that holds an address: 0 for the first one, none if it is in no
    /// subnet of this network.
    pub fn subnet_of(&self, address: Address) -> Option<u8> {
        let first = (self.subnet, self.prefix);
        let mut all = core::iter::once(&first).chain(&self.routed_subnets);
        let inside = |(subnet, prefix): &(Address, u8)| {
            let host = u32::MAX >> prefix;
            address.0 & !host == subnet.0 && address.0 & host != 0 && address.0 & host != host
        };
        all.position(inside).and_then(|number| u8::try_from(number).ok())
    }
}

impl Topology {
    /// The machines that can be witness server: the one that is, and the others with that role.
    pub fn witness_servers(&self) -> Vec<MachineId> {
        let able = self.machines.iter().skip(self.nodes);
        let able = able
            .filter(|(_, machine)| machine.roles.contains(&super::topology::MachineRole::Witness));
        let others = able.map(|(id, _)| id).filter(|id| Some(*id) != self.dag.witness);
        self.dag.witness.into_iter().chain(others).collect()
    }

    /// Active Directory sites, and the members in each.
    pub fn sites_of_members(&self) -> Vec<(String, NodeSet)> {
        let members = |site: SiteId| {
            self.node_ids().filter(|node| self.machines[(*node).into()].site == site).collect()
        };
        let sites = self.sites.iter().map(|(id, name)| (name.clone(), members(id)));
        sites.filter(|(_, nodes): &(String, NodeSet)| !nodes.is_empty()).collect()
    }

    /// Every cluster member.
    pub fn node_ids(&self) -> impl DoubleEndedIterator<Item = NodeId> + use<> {
        (0..self.nodes).map(NodeId::at)
    }

    /// Nodes on which a group can be: the possible owners that all its resources share
    /// (wsfc.md §4.3).
    pub fn possible_owners(&self, group: GroupId) -> NodeSet {
        let resources = self.groups[group].resources.iter();
        let all = NodeSet::first(self.nodes);
        resources.fold(all, |set, id| set.intersection(self.resources[*id].possible_owners))
    }

    /// The adapter that an IP Address can be on: the machine's own on its network, if that is in
    /// the address's subnet (wsfc.md §5.1 online preconditions).
    pub fn interface_for(&self, machine: MachineId, resource: ResourceId) -> Option<NicId> {
        let resource = &self.resources[resource];
        let ResourceKind::IpAddress { network } = resource.kind else { return None };
        let subnet = |address| self.networks[network].subnet_of(address);
        let (nic, own) =
            self.machines[machine].nics.iter().find(|(_, nic)| nic.network == network)?;
        (resource.address.and_then(subnet) == subnet(own.address)).then_some(nic)
    }

    /// Whether a machine does without an address of a subnet that it is not in: what depends on it
    /// may do with another, which the machine can have.
    pub fn does_without(&self, machine: MachineId, resource: ResourceId) -> bool {
        let address = self.resources[resource].address.is_some();
        let clauses = self.resources.values().flat_map(|other| &other.depends_on);
        let mut naming = clauses.filter(|any| any.contains(&resource)).peekable();
        let here = |other: &ResourceId| self.interface_for(machine, *other).is_some();
        address
            && !here(&resource)
            && naming.peek().is_some()
            && naming.all(|any| any.iter().any(here))
    }

    /// Whether every resource of a group can be online on a machine, or is done without there.
    pub fn has_interfaces(&self, machine: MachineId, group: GroupId) -> bool {
        self.groups[group].resources.iter().all(|id| {
            self.resources[*id].address.is_none()
                || self.interface_for(machine, *id).is_some()
                || self.does_without(machine, *id)
        })
    }

    /// A machine's name.
    pub fn machine_name(&self, id: MachineId) -> &str {
        &self.machines[id].name
    }

    /// The machine of a name, in upper or lower case.
    pub fn machine_id(&self, name: &str) -> Option<MachineId> {
        let mut all = self.machines.iter();
        all.find(|(_, machine)| machine.name.eq_ignore_ascii_case(name)).map(|(id, _)| id)
    }

    /// A member's name.
    pub fn node_name(&self, id: NodeId) -> &str {
        self.machine_name(id.into())
    }

    /// The group that a client belongs to.
    ///
    /// # Panics
    /// If there is no such client.
    pub fn client_group(&self, client: ClientId) -> &ClientGroup {
        let groups = self.clients.iter();
        let mut found = groups.filter(|group| client.0 >= group.first.0 && group.count > 0);
        found.rfind(|group| client.0 - group.first.0 < group.count).expect("a known client")
    }

    /// Number of clients of all groups.
    pub fn total_clients(&self) -> u32 {
        self.clients.iter().map(|group| group.count).sum()
    }

    /// The Network Name resource of a group.
    pub fn network_name(&self, group: GroupId) -> Option<ResourceId> {
        let resources = self.groups[group].resources.iter().copied();
        resources.into_iter().find(|id| self.resources[*id].dns_name.is_some())
    }

    /// Why datacenter activation coordination cannot be on here, if it cannot (exchange.md §3.2):
    /// before SP1 it needs three members in two sites.
    pub fn no_coordination(&self) -> Option<String> {
        let sites: BTreeSet<_> = self.node_ids().map(|id| self.machines[id.into()].site).collect();
        let enough = match self.exchange {
            ExchangeVersion::Rtm => self.nodes >= 3 && sites.len() >= 2,
            ExchangeVersion::Sp1 => self.nodes >= 2,
        };
        let expected = match self.exchange {
            ExchangeVersion::Rtm => "three members in two sites, or SP1",
            ExchangeVersion::Sp1 => "two members",
        };
        (!enough).then(|| {
            format!("at least {expected}, for DatacenterActivationMode DagOnly (exchange.md §3.2)")
        })
    }

    /// The core's configuration on one member.
    pub fn config(&self, me: NodeId) -> Config {
        let (set, rules) = (&self.settings, self.rules());
        Config {
            me,
            nodes: self.node_ids().map(|node| self.node_config(node)).collect(),
            networks: self
                .networks
                .values()
                .map(|network| NetworkConfig {
                    cluster_use: network.role != NetworkRole::None,
                    client_access: network.role == NetworkRole::ClusterAndClient,
                    metric: network.metric,
                })
                .collect(),
            heartbeat: self.heartbeat_config(),
            membership: MembershipConfig {
                tick: set.cluster.clus_svc_regroup_tick,
                minimum_ticks: set.cluster.regroup_minimum_ticks,
                opening: set.cluster.clus_svc_regroup_opening_timeout,
                stage: set.cluster.clus_svc_regroup_stage_timeout,
                pruning: set.cluster.clus_svc_regroup_pruning_timeout,
                form_after: set.cluster.form_after,
                quarantine: self.windows.can(Ability::Quarantine).then_some(QuarantineConfig {
                    threshold: set.cluster.quarantine_threshold,
                    duration: set.cluster.quarantine_duration,
                }),
            },
            quorum: QuorumConfig {
                mode: rules.mode,
                counting: rules.counting,
                lower_priority: rules.lower_priority,
                automatic: rules.automatic,
                two_keep_three: rules.two_keep_three,
                arbitration_delay: set.cluster.arbitration_delay,
                claim_retry: set.cluster.witness_claim_interval,
                claim_tries: set.cluster.witness_claim_tries,
                refusal_ends: set.cluster.witness_refusal_ends,
                termination: set.cluster.termination_timer,
            },
            groups: self.groups.ids().map(|id| self.group_config(id)).collect(),
            placement: self.placement_config(),
            resources: self.resources.ids().map(|id| self.resource_config(id)).collect(),
            databases: self
                .databases
                .values()
                .map(|database| DatabaseConfig {
                    copies: (1u8..).zip(&database.copies).map(|(p, n)| (*n, p)).collect(),
                })
                .collect(),
            active_manager: ActiveManagerConfig {
                status_timeout: set.active_manager.copy_status_timeout,
                last_logs_timeout: set.active_manager.attempt_copy_last_logs_timeout,
                mount_timeout: set.active_manager.mount_timeout,
                retry: set.active_manager.retry,
                skip_down_source: set.active_manager.skip_down_source,
                all_members_suffice: set.active_manager.all_members_suffice,
                switchover_copy_queue: set.active_manager.switchover_copy_queue,
                switchover_replay_queue: set.active_manager.switchover_replay_queue,
                dismount_fails_over: set.active_manager.dismount_fails_over,
            },
            flaw: set.test.planted,
        }
    }

    fn heartbeat_config(&self) -> HeartbeatConfig {
        let set = &self.settings.cluster;
        HeartbeatConfig {
            reply_time: set.heartbeat_reply_time,
            same_subnet: Rhythm {
                delay: set.same_subnet_delay,
                threshold: set.same_subnet_threshold,
            },
            cross_subnet: Rhythm {
                delay: set.cross_subnet_delay,
                threshold: set.cross_subnet_threshold,
            },
            cross_site: Rhythm { delay: set.cross_site_delay, threshold: set.cross_site_threshold },
            cross_subnet_interfaces_fail: set.cross_subnet_interfaces_fail,
            all_cross_subnet: set.plumb_all_cross_subnet_routes == 1,
            tells_misses: self.windows.can(Ability::MissedHeartbeats),
        }
    }

    fn node_config(&self, node: NodeId) -> NodeConfig {
        let machine = &self.machines[MachineId::from(node)];
        NodeConfig {
            nics: machine
                .nics
                .values()
                .map(|nic| NicConfig {
                    network: nic.network,
                    subnet: self.networks[nic.network].subnet_of(nic.address).unwrap_or(0),
                })
                .collect(),
            cluster_site: machine.cluster_site,
            vote: machine.vote,
            dial: machine.dial,
            activation_policy: machine.activation_policy,
            site: machine.site,
            maximum_active: machine.maximum_active,
        }
    }

    fn group_config(&self, id: GroupId) -> GroupConfig {
        let group = &self.groups[id];
        GroupConfig {
            kind: if id.index() == 0 { GroupKind::Core } else { GroupKind::Role },
            preferred: group.preferred_owners.clone(),
            failover_threshold: group.failover_threshold,
            failover_period: group.failover_period,
            auto_failback: group.auto_failback,
            failback_window: group.failback_window,
            priority: group.priority,
            anti_affinity: group.anti_affinity.clone(),
            exists: true,
        }
    }

    fn placement_config(&self) -> PlacementConfig {
        let set = &self.settings.cluster;
        PlacementConfig {
            ordered: set.disable_group_preferred_owner_randomization,
            enforced_anti_affinity: set.cluster_enforced_anti_affinity,
            wait_delay: set.cluster_group_wait_delay,
            node_down_counts: set.node_down_counts_as_failover,
            operator_clears_failovers: set.operator_clears_failovers,
        }
    }

    fn resource_config(&self, id: ResourceId) -> ResourceConfig {
        let resource = &self.resources[id];
        let (set, own) = (&self.settings.cluster, &resource.own);
        ResourceConfig {
            kind: resource.kind,
            group: resource.group,
            depends_on: resource.depends_on.clone(),
            possible_owners: resource.possible_owners,
            looks_alive: (!own.signals_failure)
                .then(|| own.looks_alive_poll_interval.unwrap_or(set.looks_alive_poll_interval)),
            is_alive: own.is_alive_poll_interval.unwrap_or(set.is_alive_poll_interval),
            restart_action: resource.restart_action,
            restart_threshold: own.restart_threshold.unwrap_or(set.restart_threshold),
            restart_period: own.restart_period.unwrap_or(set.restart_period),
            restart_delay: own.restart_delay.unwrap_or(set.restart_delay),
            retry_period_on_failure: own.retry_period_on_failure.unwrap_or(Some(
                match resource.kind {
                    ResourceKind::FileShareWitness => set.witness_restart_interval,
                    ResourceKind::IpAddress { .. }
                    | ResourceKind::NetworkName
                    | ResourceKind::GenericService
                    | ResourceKind::GenericApplication
                    | ResourceKind::Wait => set.retry_period_on_failure,
                },
            )),
            pending_timeout: own.pending_timeout.unwrap_or(set.pending_timeout),
            deadlock_timeout: own.deadlock_timeout.unwrap_or(set.deadlock_timeout),
            separate_monitor: own.separate_monitor,
        }
    }

    /// The cluster database that members find on their disks when a run begins: who owned what
    /// before. A group that the scenario creates does not exist yet.
    pub fn boot_database(&self, scenario: &Scenario) -> ClusterDatabase {
        let created: Vec<GroupId> = scenario
            .steps
            .iter()
            .filter_map(|step| match step.action {
                Some(Action::Order { order: Order::CreateGroup(group), .. }) => Some(group),
                _ => None,
            })
            .collect();
        ClusterDatabase {
            witness_server: 0,
            version: 1,
            evicted: NodeSet::EMPTY,
            isolations: BTreeMap::new(),
            quorum: QuorumEntry::default(),
            nodes: IdVec::filled(self.nodes, NodeEntry::default()),
            groups: (self.groups.ids())
                .map(|id| GroupEntry {
                    exists: !created.contains(&id),
                    owner: scenario.start.groups[id.index()],
                    wanted: self.groups[id].persistent_state,
                    ..GroupEntry::default()
                })
                .collect(),
            resources: IdVec::filled(self.resources.len(), ResourceState::Offline),
            stopped: (self.resources.iter())
                .filter(|(_, resource)| resource.own.stays_offline)
                .map(|(id, _)| id)
                .collect(),
            servers: (self.node_ids())
                .map(|node| ServerEntry::of(&self.node_config(node)))
                .collect(),
            activation_coordination: self.dag.activation_coordination,
            databases: (self.databases.ids())
                .map(|id: DbId| DatabaseEntry {
                    active: Some(scenario.start.databases[id.index()]),
                    mounted: false,
                    wanted: true,
                    last_log: 0,
                    ..DatabaseEntry::default()
                })
                .collect(),
        }
    }
}
