//! What a life of a node starts from. Part of the [`seam`](super::seam); drivers find these types
//! there.

use super::state::ClusterDatabase;
use crate::base::{Instant, NodeSet, Span};
use serde::{Deserialize, Serialize};

/// What survives a stop of the Cluster service: the last view and the cluster database.
#[derive(Clone, PartialEq, Eq, Debug, Hash, Default, Serialize, Deserialize)]
pub struct Durable {
    /// The epoch that the node last saw, as in the witness's tag.
    pub epoch: u64,
    /// The replicated cluster database.
    pub database: ClusterDatabase,
    /// When the bit of datacenter activation coordination was last set here (exchange.md §3.2).
    pub may_mount_since: Option<Instant>,
}

/// What a node starts from.
#[derive(Clone, PartialEq, Eq, Debug, Hash, Default, Serialize, Deserialize)]
pub struct Boot {
    /// What an earlier life stored; a default value for a node that never ran.
    pub durable: Durable,
    /// Which of its adapters have carrier now, by number.
    pub links: Vec<bool>,
    /// Whether the local Replication service runs.
    pub replication_service: bool,
    /// How the Cluster service was started.
    pub start: Start,
    /// Local time of day, since midnight.
    pub time_of_day: Span,
}

/// How a Cluster service is started (wsfc.md §3.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Default, Serialize, Deserialize)]
pub struct Start {
    /// What it does about quorum.
    pub quorum: StartQuorum,
    /// IgnorePersistentState (`/ips`): if it forms the cluster, no role is brought online.
    pub ignore_persistent_state: bool,
    /// ClearQuarantine (`-CQ`): a quarantine does not keep it from joining (wsfc.md §2).
    pub clear_quarantine: bool,
    /// `Restore-DatabaseAvailabilityGroup` starts it: its Active Manager may mount databases.
    pub restores: Option<Restore>,
}

/// What `Restore-DatabaseAvailabilityGroup` changes (exchange.md §3.1, §3.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Default, Serialize, Deserialize)]
pub struct Restore {
    /// Members that were marked as stopped: they are evicted from the cluster.
    pub evicts: NodeSet,
    /// AlternateWitnessServer: the witness server from now on, by its place among those that there
    /// are.
    pub witness_server: Option<u8>,
}

/// What a Cluster service that starts does about quorum (wsfc.md §3.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Default, Serialize, Deserialize)]
pub enum StartQuorum {
    /// Joins a cluster, or forms one if it has the votes.
    #[default]
    Normal,
    /// ForceQuorum (`/fq`): forms at once, whatever the votes; its own configuration holds.
    Force,
    /// PreventQuorum (`/pq`): joins only, never forms.
    Prevent,
}
