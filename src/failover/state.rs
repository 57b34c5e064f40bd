//! The cluster database: what every member knows and keeps.

use super::config::NodeConfig;
use super::quorum::Votes;
use super::seam::{ActivationPolicy, GroupState, MountDial, ResourceState, Why};
use crate::base::{DbId, GroupId, IdVec, Instant, NodeId, NodeSet, ResourceId};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The replicated cluster database.
#[derive(Clone, PartialEq, Eq, Debug, Hash, Default, Serialize, Deserialize)]
pub struct ClusterDatabase {
    /// Counts changes; the higher one is newer within an epoch.
    pub version: u64,
    /// Votes in force.
    pub quorum: QuorumEntry,
    /// The witness server in use, by its place among those that there are.
    pub witness_server: u8,
    /// Members.
    pub nodes: IdVec<NodeId, NodeEntry>,
    /// Groups.
    pub groups: IdVec<GroupId, GroupEntry>,
    /// Resources.
    pub resources: IdVec<ResourceId, ResourceState>,
    /// Resources that an operator took offline (their PersistentState is off).
    pub stopped: BTreeSet<ResourceId>,
    /// Mailbox servers, by their node.
    pub servers: IdVec<NodeId, ServerEntry>,
    /// Configured nodes that were evicted: they are members of the cluster no more.
    pub evicted: NodeSet,
    /// Members that left the membership without a word, and who of them is quarantined.
    pub isolations: BTreeMap<NodeId, Isolations>,
    /// Whether datacenter activation coordination is on (DatacenterActivationMode DagOnly).
    pub activation_coordination: bool,
    /// Where each database is.
    pub databases: IdVec<DbId, DatabaseEntry>,
}

impl ClusterDatabase {
    /// It is newer than what the others have, who will be told.
    pub fn changed(&mut self) {
        self.version += 1;
    }
}

/// Quorum in the cluster database (wsfc.md §3.1, §3.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Default, Serialize, Deserialize)]
pub struct QuorumEntry {
    /// DynamicWeight and WitnessDynamicWeight; none before the first change: as configured.
    pub in_force: Option<Votes>,
    /// Votes that come into force once every member of the view knows of them. Until then a view
    /// must stand by both.
    pub proposed: Option<Votes>,
    /// FixQuorum: votes do not count until a majority of them is back.
    pub forced: bool,
}

/// A member in the cluster database.
#[derive(Clone, PartialEq, Eq, Debug, Hash, Default, Serialize, Deserialize)]
pub struct NodeEntry {
    /// Whether it is paused: it hosts no group that it does not have already (wsfc.md §2 Paused).
    pub paused: bool,
    /// How far its drain is (StatusInformation, wsfc.md §2).
    pub drain: Drain,
    /// Where the drain moves its groups, if the order named a node.
    pub drain_to: Option<NodeId>,
    /// Groups that the drain moved away.
    pub drained: Vec<GroupId>,
}

/// How often a member left the membership without a word (wsfc.md §2 QuarantineThreshold).
#[derive(Clone, PartialEq, Eq, Debug, Hash, Default, Serialize, Deserialize)]
pub struct Isolations {
    /// When it was missed, within the last hour.
    pub at: Vec<Instant>,
    /// Until when it may not join, if it is quarantined.
    pub quarantined_until: Option<Instant>,
}

/// How far the drain of a paused node is.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Default, Serialize, Deserialize,
)]
pub enum Drain {
    /// It was not asked for.
    #[default]
    None,
    /// DrainInProgress: groups are being moved away.
    InProgress,
    /// DrainCompleted: no group is left on the node.
    Completed,
    /// DrainFailed: a group has no other node to go to.
    Failed,
}

/// A group in the cluster database.
#[derive(Clone, PartialEq, Eq, Debug, Hash, Default, Serialize, Deserialize)]
pub struct GroupEntry {
    /// Whether it has been created.
    pub exists: bool,
    /// Its owner; none before its first placement.
    pub owner: Option<NodeId>,
    /// Its state as its owner last told.
    pub state: GroupState,
    /// Whether it is wanted online (PersistentState).
    pub wanted: bool,
    /// Where it goes once its owner has taken it offline.
    pub moving_to: Option<NodeId>,
    /// Why it stays where it cannot run, if it does: no more attempts until an order or, but for
    /// a threshold that was exceeded, until the membership changes.
    pub stuck: Option<Why>,
    /// Counts the operator's starts of a group in which something had failed: its owner tries
    /// again.
    pub starts: u32,
    /// Moments of the failovers within the period (wsfc.md §4.3 FailoverThreshold).
    pub failovers: VecDeque<Instant>,
    /// Nodes that came back while the group was elsewhere: it may fail back to them (wsfc.md §4.3
    /// AutoFailbackType).
    pub returned: NodeSet,
}

impl GroupEntry {
    /// There may be somewhere to go now (wsfc.md §2.1 1254: not after too many failovers).
    pub(super) fn try_again(&mut self) {
        if self.stuck != Some(Why::ThresholdExceeded) {
            self.stuck = None;
        }
    }
}

/// A mailbox server in the cluster database (exchange.md §1.7).
#[derive(Clone, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
pub struct ServerEntry {
    /// AutoDatabaseMountDial.
    pub dial: MountDial,
    /// DatabaseCopyAutoActivationPolicy.
    pub activation_policy: ActivationPolicy,
    /// MaximumActiveDatabases; none for no limit.
    pub maximum_active: Option<u16>,
    /// The policy that comes back when maintenance ends; none while there is no maintenance.
    pub before_maintenance: Option<ActivationPolicy>,
}

impl ServerEntry {
    /// What a server is configured with.
    pub fn of(config: &NodeConfig) -> ServerEntry {
        ServerEntry {
            dial: config.dial,
            activation_policy: config.activation_policy,
            maximum_active: config.maximum_active,
            before_maintenance: None,
        }
    }
}

/// A database in the cluster database (Active Manager's state, exchange.md §1.1).
#[derive(Clone, PartialEq, Eq, Debug, Hash, Default, Serialize, Deserialize)]
pub struct DatabaseEntry {
    /// Where it is active.
    pub active: Option<NodeId>,
    /// Where it was mounted before, as long as it has not been mounted where it is active: the last
    /// logs are there.
    pub came_from: Option<NodeId>,
    /// Whether it is mounted there.
    pub mounted: bool,
    /// Whether it is wanted mounted (an administrator did not dismount it).
    pub wanted: bool,
    /// Highest log generation that its active copy has told.
    pub last_log: u64,
    /// Nodes whose copy is suspended: it copies nothing (Suspend-MailboxDatabaseCopy).
    pub suspended: NodeSet,
    /// Nodes whose copy may not be activated (Suspend-MailboxDatabaseCopy -ActivationOnly).
    pub activation_suspended: NodeSet,
}
