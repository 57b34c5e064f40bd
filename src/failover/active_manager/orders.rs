//! What administrators order of Active Manager (exchange.md §1.7).

use super::{Primary, Servers, Wish};
use crate::base::{DbId, NodeId};
use crate::failover::Ctx;
use crate::failover::seam::{MountDial, Note, Operation, ServerSettings, SkipChecks, Why};
use crate::failover::state::ClusterDatabase;

impl Primary {
    /// `Move-ActiveMailboxDatabase`: one database.
    pub(in crate::failover) fn switch_over(
        &mut self,
        ctx: &mut Ctx,
        shared: &mut ClusterDatabase,
        database: DbId,
        (to, dial, skip): (Option<NodeId>, Option<MountDial>, SkipChecks),
        servers: Servers,
    ) {
        let here = shared.databases.get(database).map(|entry| entry.active);
        if here.is_some_and(|active| to.is_none() || active != to) {
            let wish = Wish { kind: Operation::Switchover, why: Why::Asked, to, dial, skip };
            self.begin(ctx, shared, database, wish, servers);
        }
    }

    /// `Move-ActiveMailboxDatabase -Server`: every database that is active on a server.
    pub(in crate::failover) fn switch_server_over(
        &mut self,
        ctx: &mut Ctx,
        shared: &mut ClusterDatabase,
        from: NodeId,
        how: (Option<NodeId>, Option<MountDial>, SkipChecks),
        servers: Servers,
    ) {
        for database in shared.databases.ids() {
            let entry = &shared.databases[database];
            if entry.active == Some(from) && entry.mounted {
                self.switch_over(ctx, shared, database, how, servers);
            }
        }
    }

    /// `Mount-Database` and `Dismount-Database`.
    pub(in crate::failover) fn mount(
        &mut self,
        ctx: &mut Ctx,
        shared: &mut ClusterDatabase,
        database: DbId,
        mount: bool,
        servers: Servers,
    ) {
        let Some(entry) = shared.databases.get(database) else { return };
        let (mounted, active) = (entry.mounted, entry.active);
        shared.databases[database].wanted = mount;
        shared.changed();
        let kind = if mount { Operation::Mount } else { Operation::Dismount };
        let may = !mount
            || active.is_some_and(|active| {
                servers.may_mount.contains(active) && !self.is_full(ctx, shared, active)
            });
        if mounted != mount && active.is_some() && may {
            let skip = SkipChecks::default();
            let wish = Wish { kind, why: Why::Asked, to: None, dial: None, skip };
            self.begin(ctx, shared, database, wish, servers);
        }
    }
}

/// `Set-MailboxServer`: what is given changes, the rest stays. In the product this is in the
/// directory; here the cluster database carries it to every member.
pub(in crate::failover) fn set_server(
    ctx: &mut Ctx,
    shared: &mut ClusterDatabase,
    node: NodeId,
    settings: ServerSettings,
) {
    let Some(mut entry) = shared.servers.get(node).cloned() else { return };
    entry.dial = settings.dial.unwrap_or(entry.dial);
    entry.activation_policy = settings.activation_policy.unwrap_or(entry.activation_policy);
    entry.maximum_active = settings.maximum_active.unwrap_or(entry.maximum_active);
    shared.servers[node] = entry;
    shared.changed();
    ctx.note(Note::ServerSet { node, settings });
}
