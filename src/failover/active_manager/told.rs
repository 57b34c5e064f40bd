//! What members tell the Primary Active Manager of their copies.

use super::operation::Phase;
use super::{Primary, Servers};
use crate::base::{DbId, NodeId};
use crate::failover::Ctx;
use crate::failover::seam::{CopyReport, Failure};
use crate::failover::state::ClusterDatabase;

impl Primary {
    /// A member told how its copy is.
    pub(in crate::failover) fn told_copy(
        &mut self,
        from: NodeId,
        database: DbId,
        report: Option<CopyReport>,
    ) {
        if let Some(running) = self.operations.get_mut(&database) {
            running.reports.insert(from, report);
        }
    }

    /// A member dismounted.
    pub(in crate::failover) fn told_dismounted(
        &mut self,
        ctx: &mut Ctx,
        shared: &mut ClusterDatabase,
        database: DbId,
        operation: u32,
        servers: Servers,
    ) {
        let running = self.operations.get(&database);
        match running.filter(|running| running.number == operation).map(|running| running.phase) {
            Some(Phase::Dismounting) => self.dismounted(ctx, shared, database, servers),
            Some(Phase::Withdrawing(target)) => {
                self.not_activated(ctx, shared, database, target, servers);
            }
            Some(Phase::Asking | Phase::Activating(_)) | None => {}
        }
    }

    /// A member mounted, or could not.
    #[expect(clippy::too_many_arguments, reason = "the parts of one answer")]
    pub(in crate::failover) fn told_activated(
        &mut self,
        ctx: &mut Ctx,
        shared: &mut ClusterDatabase,
        from: NodeId,
        database: DbId,
        (operation, attempt): (u32, u8),
        result: Result<(), Failure>,
        last_log: u64,
        servers: Servers,
    ) {
        let here = self.operations.get(&database).is_some_and(|running| {
            (running.number, running.attempts) == (operation, attempt)
                && running.phase == Phase::Activating(from)
        });
        if !here {
            return;
        }
        if result.is_ok() {
            let entry = &mut shared.databases[database];
            entry.mounted = true;
            entry.came_from = None;
            entry.last_log = entry.last_log.max(last_log);
            // An active copy copies nothing, so there is nothing to be suspended.
            entry.suspended = entry.suspended.without(from);
            shared.changed();
            self.end(ctx, shared, database, true);
        } else {
            self.not_activated(ctx, shared, database, from, servers);
        }
    }
}
