//! Database copies: their states, part of the [`seam`](super::seam) where drivers find them; and
//! what administrators suspend and resume (exchange.md §1.7, §1.8). That is written in the cluster
//! database, so that it outlives the Primary Active Manager that took the order.

use super::Ctx;
use super::seam::{Note, Order, OrderRefusal};
use super::state::ClusterDatabase;
use crate::base::{DbId, NodeId};
use serde::{Deserialize, Serialize};

/// State of a database copy (exchange.md §1.8).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Serialize, Deserialize)]
pub enum CopyStatus {
    /// Active copy, online.
    Mounted,
    /// Active copy, coming online.
    Mounting,
    /// Active copy, going offline.
    Dismounting,
    /// Active copy, offline.
    Dismounted,
    /// Passive, copying and replaying.
    Healthy,
    /// Replication is starting.
    Initializing,
    /// Being compared with the active copy for divergence.
    Resynchronizing,
    /// The link to the active copy was lost while healthy.
    DisconnectedAndHealthy,
    /// The link to the active copy was lost while resynchronizing.
    DisconnectedAndResynchronizing,
    /// Cannot copy or replay.
    Failed,
    /// Suspended by an administrator.
    Suspended,
    /// Failed and suspended by the system.
    FailedAndSuspended,
    /// Being seeded.
    Seeding,
    /// Source of a seed.
    SeedingSource,
    /// The Replication service cannot be reached.
    ServiceDown,
}

/// State of a copy's content index, as far as best copy selection tells it apart.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Serialize, Deserialize)]
pub enum ContentIndex {
    /// Usable.
    Healthy,
    /// Being built.
    Crawling,
    /// Neither.
    Failed,
}

/// A Replication service's answer about its copy. Generations count logs of 1 MB.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
pub struct CopyReport {
    /// State of the copy.
    pub status: CopyStatus,
    /// State of its content index.
    pub content_index: ContentIndex,
    /// Highest generation that this server knows to exist (LastLogGenerated).
    pub generated: u64,
    /// Highest generation copied and inspected (LastLogInspected).
    pub inspected: u64,
    /// Highest generation replayed (LastLogReplayed).
    pub replayed: u64,
    /// Activation suspended for this copy by an administrator.
    pub activation_suspended: bool,
}

impl CopyReport {
    /// Logs waiting to be copied and inspected.
    pub fn copy_queue(&self) -> u64 {
        self.generated.saturating_sub(self.inspected)
    }
    /// Logs waiting to be replayed.
    pub fn replay_queue(&self) -> u64 {
        self.inspected.saturating_sub(self.replayed)
    }
}

/// Suspends a copy: it copies and replays nothing, or it only may not be activated. The active
/// copy cannot be suspended.
pub(super) fn suspend(
    ctx: &mut Ctx,
    shared: &mut ClusterDatabase,
    database: DbId,
    node: NodeId,
    activation_only: bool,
) {
    if !hosts(ctx, database, node) || shared.databases[database].active == Some(node) {
        let order = Order::SuspendCopy { database, node, activation_only };
        ctx.note(Note::OrderRefused { order, why: OrderRefusal::NoPassiveCopy });
        return;
    }
    let entry = &mut shared.databases[database];
    if activation_only {
        entry.activation_suspended = entry.activation_suspended.with(node);
    } else {
        entry.suspended = entry.suspended.with(node);
    }
    told(ctx, shared, database, node);
}

/// Lets a copy go on, and be activated again unless only its replication is to be resumed.
pub(super) fn resume(
    ctx: &mut Ctx,
    shared: &mut ClusterDatabase,
    database: DbId,
    node: NodeId,
    replication_only: bool,
) {
    if !hosts(ctx, database, node) {
        let order = Order::ResumeCopy { database, node, replication_only };
        ctx.note(Note::OrderRefused { order, why: OrderRefusal::NoPassiveCopy });
        return;
    }
    let entry = &mut shared.databases[database];
    entry.suspended = entry.suspended.without(node);
    if !replication_only {
        entry.activation_suspended = entry.activation_suspended.without(node);
    }
    told(ctx, shared, database, node);
}

fn hosts(ctx: &Ctx, database: DbId, node: NodeId) -> bool {
    let config = ctx.config.databases.get(database);
    config.is_some_and(|config| config.copies.iter().any(|(host, _)| *host == node))
}

fn told(ctx: &mut Ctx, shared: &mut ClusterDatabase, database: DbId, node: NodeId) {
    shared.changed();
    let entry = &shared.databases[database];
    let suspended = entry.suspended.contains(node);
    let activation_suspended = entry.activation_suspended.contains(node);
    ctx.note(Note::CopySuspended { database, node, suspended, activation_suspended });
}

/// A Replication service's report of its copy, with what administrators have ordered since.
pub(super) fn as_ordered(
    report: CopyReport,
    shared: &ClusterDatabase,
    database: DbId,
    node: NodeId,
) -> CopyReport {
    let entry = &shared.databases[database];
    let activation_suspended =
        report.activation_suspended || entry.activation_suspended.contains(node);
    let status = match report.status {
        // A copy that copies stands still; one that was told to resume is about to.
        CopyStatus::Healthy
        | CopyStatus::Initializing
        | CopyStatus::Resynchronizing
        | CopyStatus::DisconnectedAndHealthy
        | CopyStatus::DisconnectedAndResynchronizing
        | CopyStatus::Failed
            if entry.suspended.contains(node) =>
        {
            CopyStatus::Suspended
        }
        CopyStatus::Mounted
        | CopyStatus::Mounting
        | CopyStatus::Dismounting
        | CopyStatus::Dismounted
        | CopyStatus::Healthy
        | CopyStatus::Initializing
        | CopyStatus::Resynchronizing
        | CopyStatus::DisconnectedAndHealthy
        | CopyStatus::DisconnectedAndResynchronizing
        | CopyStatus::Failed
        | CopyStatus::Suspended
        | CopyStatus::FailedAndSuspended
        | CopyStatus::Seeding
        | CopyStatus::SeedingSource
        | CopyStatus::ServiceDown => report.status,
    };
    CopyReport { status, activation_suspended, ..report }
}
