//! What a node is configured with: checked numbers only. Built by `model` from a topology, or by
//! a case file over a bare pair.

pub use super::flaw::Flaw;
use super::quorum::{Automatic, Counting, Mode, Rules};
use super::seam::{ActivationPolicy, MountDial};
use crate::base::{DbId, GroupId, IdVec, NetId, NicId, NodeId, NodeSet, ResourceId, SiteId, Span};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Everything that the core of one node needs to know.
#[derive(Clone, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
pub struct Config {
    /// This node.
    pub me: NodeId,
    /// Every configured member, with the networks that it is attached to.
    pub nodes: IdVec<NodeId, NodeConfig>,
    /// Networks and what they may be used for.
    pub networks: IdVec<NetId, NetworkConfig>,
    /// Heartbeats.
    pub heartbeat: HeartbeatConfig,
    /// Regroup, join.
    pub membership: MembershipConfig,
    /// Quorum and witness.
    pub quorum: QuorumConfig,
    /// Groups; exactly one is the core group.
    pub groups: IdVec<GroupId, GroupConfig>,
    /// Where groups go.
    pub placement: PlacementConfig,
    /// Resources of all groups.
    pub resources: IdVec<ResourceId, ResourceConfig>,
    /// Mailbox databases.
    pub databases: IdVec<DbId, DatabaseConfig>,
    /// Active Manager.
    pub active_manager: ActiveManagerConfig,
    /// A bug that is planted to prove that it is found; none at any site.
    pub flaw: Option<Flaw>,
}

impl Config {
    /// Whether this bug is planted.
    pub(super) fn has(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    /// A resource and everything that it depends on.
    pub fn needs(&self, resource: ResourceId) -> BTreeSet<ResourceId> {
        let mut needs = BTreeSet::from([resource]);
        loop {
            let on = needs.iter().flat_map(|id| self.resources[*id].depends_on.iter().flatten());
            let more: BTreeSet<ResourceId> = needs.iter().chain(on).copied().collect();
            if more == needs {
                return needs;
            }
            needs = more;
        }
    }
}

/// One member.
#[derive(Clone, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
pub struct NodeConfig {
    /// Its adapters.
    pub nics: IdVec<NicId, NicConfig>,
    /// The cluster's site that it stands in (a fault domain): heartbeats between sites have their
    /// own delay and threshold.
    pub cluster_site: u8,
    /// Whether it has a vote (NodeWeight).
    pub vote: bool,
    /// AutoDatabaseMountDial of its mailbox server.
    pub dial: MountDial,
    /// DatabaseCopyAutoActivationPolicy of its mailbox server.
    pub activation_policy: ActivationPolicy,
    /// The Active Directory site that it is in.
    pub site: SiteId,
    /// MaximumActiveDatabases; none for no limit.
    pub maximum_active: Option<u16>,
}

/// One adapter of a member.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
pub struct NicConfig {
    /// The network that it is attached to.
    pub network: NetId,
    /// Its subnet, counted within the network: subnets of one network are routed to each other.
    pub subnet: u8,
}

/// One network.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
pub struct NetworkConfig {
    /// Whether the cluster may talk over it (Role Cluster or ClusterAndClient).
    pub cluster_use: bool,
    /// Whether clients reach the servers over it (Role ClusterAndClient); Active Manager calls
    /// that the MAPI network.
    pub client_access: bool,
    /// Metric: of several live routes the one with the lowest is used (wsfc.md §1.2 route
    /// selection).
    pub metric: u32,
}

/// Heartbeats (wsfc.md §1.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
pub struct HeartbeatConfig {
    /// Between two adapters on one subnet (SameSubnetDelay, SameSubnetThreshold).
    pub same_subnet: Rhythm,
    /// How long a reply is waited for, but never beyond the next heartbeat; above zero.
    pub reply_time: Span,
    /// Between subnets (CrossSubnetDelay, CrossSubnetThreshold).
    pub cross_subnet: Rhythm,
    /// Between sites (CrossSiteDelay, CrossSiteThreshold); from 2016 on.
    pub cross_site: Rhythm,
    /// Whether paths across subnets are kept even to a peer with which a subnet is shared
    /// (PlumbAllCrossSubnetRoutes 1).
    pub all_cross_subnet: bool,
    /// Whether two interfaces on different subnets that do not hear each other have both failed
    /// (wsfc.md §1.3 same on 2008 and later).
    pub cross_subnet_interfaces_fail: bool,
    /// Whether it is told when a path has missed two fifths of its threshold in a row (event 1650,
    /// from 2012 on).
    pub tells_misses: bool,
}

/// Delay and threshold of a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
pub struct Rhythm {
    /// Time between heartbeats; above zero.
    pub delay: Span,
    /// Heartbeats missed in a row after which a path is down; above zero.
    pub threshold: u32,
}

/// Regroup and join (wsfc.md §2).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
pub struct MembershipConfig {
    /// Time between membership messages.
    pub tick: Span,
    /// Ticks that a regroup lasts at least.
    pub minimum_ticks: u32,
    /// How long a regroup waits for nodes that do not answer.
    pub opening: Span,
    /// How long the reachable nodes may disagree before the best full mesh is cut out.
    pub stage: Span,
    /// How long a node then waits for the others of its mesh, before it goes on alone.
    pub pruning: Span,
    /// How long a starting node looks for a cluster before it tries to form one.
    pub form_after: Span,
    /// Quarantine of members that leave too often; none before 2016.
    pub quarantine: Option<QuarantineConfig>,
}

/// Quarantine of a member that leaves the membership without a word too often (wsfc.md §2).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
pub struct QuarantineConfig {
    /// QuarantineThreshold: with so many isolations within an hour it is quarantined.
    pub threshold: u32,
    /// QuarantineDuration: how long it may not join.
    pub duration: Span,
}

/// Quorum and its witness (wsfc.md §3).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
pub struct QuorumConfig {
    /// Mode: who votes beside the nodes.
    pub mode: Mode,
    /// Whether votes follow the membership.
    pub counting: Counting,
    /// LowerQuorumPriorityNodeID: whose vote an even number drops.
    pub lower_priority: Option<NodeId>,
    /// Whose vote it drops where that names nobody.
    pub automatic: Automatic,
    /// Whether the last two nodes keep three votes when their witness fails.
    pub two_keep_three: bool,
    /// How long a side that does not own the core group waits before it claims the witness.
    pub arbitration_delay: Span,
    /// Time between tries to claim.
    pub claim_retry: Span,
    /// Tries before the side gives up.
    pub claim_tries: u32,
    /// Whether a lock that another side holds decides against this one at once; if not, it tries
    /// again until the tries or the time are used up.
    pub refusal_ends: bool,
    /// How long a side may stay one vote short.
    pub termination: Span,
}

impl Config {
    /// The rules by which votes are counted.
    pub fn rules(&self) -> Rules {
        let configured = self.nodes.iter().filter(|(_, node)| node.vote).map(|(id, _)| id);
        Rules {
            mode: self.quorum.mode,
            counting: self.quorum.counting,
            configured: configured.collect(),
            lower_priority: self.quorum.lower_priority,
            automatic: self.quorum.automatic,
            two_keep_three: self.quorum.two_keep_three,
        }
    }
}

/// What a group is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
pub enum GroupKind {
    /// The cluster core group ("Cluster Group"): its owner is Primary Active Manager.
    Core,
    /// Any other.
    Role,
}

/// A group (wsfc.md §4.3).
#[derive(Clone, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
pub struct GroupConfig {
    /// Core group or not.
    pub kind: GroupKind,
    /// Preferred owners in order; may be empty.
    pub preferred: Vec<NodeId>,
    /// Failovers within the period after which it stays failed.
    pub failover_threshold: u32,
    /// The period.
    pub failover_period: Span,
    /// Whether it moves back to a preferred owner that returns.
    pub auto_failback: bool,
    /// Hours of the local day within which it moves back: from the first, up to the beginning of
    /// the second, across midnight if that is lower. None: at any time.
    pub failback_window: Option<(u8, u8)>,
    /// Priority: groups with a higher one come online first; 0: not by themselves.
    pub priority: u16,
    /// AntiAffinityClassNames, by number: groups that share one are kept on different nodes.
    pub anti_affinity: Vec<u16>,
    /// Whether it exists from the start (false: an order creates it).
    pub exists: bool,
}

/// Where groups go (wsfc.md §4.3, §4.4).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
pub struct PlacementConfig {
    /// DisableGroupPreferredOwnerRandomization: a group without preferred owners goes to the next
    /// node by number after a node failure, and to the first when it is moved to the best possible
    /// owner. False: to any, by the number of the view.
    pub ordered: bool,
    /// ClusterEnforcedAntiAffinity: a group stays offline rather than beside one that it is to be
    /// kept from.
    pub enforced_anti_affinity: bool,
    /// ClusterGroupWaitDelay: how long a group waits for its preferred owner when the cluster
    /// starts.
    pub wait_delay: Span,
    /// Whether a move because its owner went down counts towards a group's failover threshold.
    pub node_down_counts: bool,
    /// Whether an operator who starts or moves a group begins a new count of its failovers.
    pub operator_clears_failovers: bool,
}

/// What a resource is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
pub enum ResourceKind {
    /// IP Address on a network.
    IpAddress {
        /// The network that it belongs to.
        network: NetId,
    },
    /// Network Name; depends on an IP Address.
    NetworkName,
    /// The quorum resource: File Share Witness, or the disk that is the witness.
    FileShareWitness,
    /// Generic Service: a service of the machine.
    GenericService,
    /// Generic Application: a process.
    GenericApplication,
    /// A resource for experiments, which takes the time that it is told to.
    Wait,
}

/// What happens when a resource fails beyond its restarts (wsfc.md §4.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RestartAction {
    /// It stays failed, not restarted.
    DontRestart,
    /// It is restarted; when that is used up it stays failed, its group does not move.
    RestartNoNotify,
    /// It is restarted; when that is used up its group fails over.
    RestartNotify,
}

/// A resource (wsfc.md §4.2).
#[derive(Clone, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
pub struct ResourceConfig {
    /// Type.
    pub kind: ResourceKind,
    /// The group that it belongs to.
    pub group: GroupId,
    /// Resources of the same group that must be online before it: of each list, one.
    pub depends_on: Vec<Vec<ResourceId>>,
    /// Nodes that can host it.
    pub possible_owners: NodeSet,
    /// Time between cheap polls; none for a resource that signals its own failure.
    pub looks_alive: Option<Span>,
    /// Time between thorough polls.
    pub is_alive: Span,
    /// What happens on failure.
    pub restart_action: RestartAction,
    /// Restarts within the period.
    pub restart_threshold: u32,
    /// The period.
    pub restart_period: Span,
    /// Time before a restart.
    pub restart_delay: Span,
    /// When a resource that stayed failed is tried once more; none for never.
    pub retry_period_on_failure: Option<Span>,
    /// How long it may be pending without telling that it is at work.
    pub pending_timeout: Span,
    /// How long a health check may go without an answer before its monitor is ended.
    pub deadlock_timeout: Span,
    /// Whether it runs in a monitor of its own.
    pub separate_monitor: bool,
}

/// A mailbox database.
#[derive(Clone, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
pub struct DatabaseConfig {
    /// Nodes with a copy, with the activation preference of each (1 is most preferred).
    pub copies: Vec<(NodeId, u8)>,
}

/// Active Manager (exchange.md §1).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
pub struct ActiveManagerConfig {
    /// How long it waits for the copy states of other members.
    pub status_timeout: Span,
    /// How long attempt copy last logs may take.
    pub last_logs_timeout: Span,
    /// How long a mount or dismount may take before the next copy is tried.
    pub mount_timeout: Span,
    /// When an operation that found no copy is tried again.
    pub retry: Span,
    /// Whether a source that the cluster counts as down is skipped by attempt copy last logs
    /// (true), or tried until the time-out.
    pub skip_down_source: bool,
    /// With datacenter activation coordination: whether a node that reaches every member may mount
    /// although nobody's bit is set.
    pub all_members_suffice: bool,
    /// Longest copy queue of the target that a switchover names (exchange.md §1.7 admin overrides).
    pub switchover_copy_queue: u32,
    /// Longest replay queue of the target that a switchover names.
    pub switchover_replay_queue: u32,
    /// Whether a database that an administrator dismounts fails over (exchange.md §1.2).
    pub dismount_fails_over: bool,
}
