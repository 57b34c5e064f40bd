//! What administrators order of Active Manager (exchange.md §1.7).

use super::{Primary, Servers, Wish};
use crate::base::{DbId, NodeId};
use crate::failover::Ctx;
use crate::failover::seam::{
    MountDial, Note, Operation, Order, OrderRefusal, ServerSettings, SkipChecks, Why,
};
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
        let Some(entry) = shared.databases.get(database) else { return };
        let (active, mounted) = (entry.active, entry.mounted);
        let deaf = servers.members.minus(servers.running);
        let refused = if self.is_under_way(database) {
            Some(OrderRefusal::UnderWay)
        } else if mounted && active.is_some_and(|active| deaf.contains(active)) {
            Some(OrderRefusal::CannotBeDismounted)
        } else if to.is_some() && active == to {
            Some(OrderRefusal::AlreadySo)
        } else {
            None
        };
        if let Some(why) = refused {
            let order = Order::MoveDatabase { database, to, dial, skip };
            ctx.note(Note::OrderRefused { order, why });
            return;
        }
        let wish = Wish { kind: Operation::Switchover, why: Why::Asked, to, dial, skip };
        self.begin(ctx, shared, database, wish, servers);
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
        let here = shared.databases.iter().filter(|(_, it)| it.active == Some(from) && it.mounted);
        let here: Vec<DbId> = here.map(|(database, _)| database).collect();
        if here.is_empty() {
            let (to, dial, skip) = how;
            let order = Order::MoveServer { from, to, dial, skip };
            ctx.note(Note::OrderRefused { order, why: OrderRefusal::NothingMounted });
        }
        for database in here {
            self.switch_over(ctx, shared, database, how, servers);
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
        let order = match mount {
            true => Order::MountDatabase(database),
            false => Order::DismountDatabase(database),
        };
        let deaf = servers.members.minus(servers.running);
        let refused = match active {
            _ if self.is_under_way(database) => Some(OrderRefusal::UnderWay),
            _ if mounted == mount => Some(OrderRefusal::AlreadySo),
            Some(on) if !mount && deaf.contains(on) => Some(OrderRefusal::CannotBeDismounted),
            Some(on) if mount && !servers.members.contains(on) => Some(OrderRefusal::NodeIsDown),
            Some(on) if mount && !servers.may_mount.contains(on) => Some(OrderRefusal::MayNotMount),
            Some(on) if mount && self.is_full(ctx, shared, on) => Some(OrderRefusal::MaximumActive),
            // Where it has never been active, the primary finds the first place for it.
            None | Some(_) => None,
        };
        if refused.is_none_or(|why| why == OrderRefusal::AlreadySo) {
            shared.databases[database].wanted = mount;
            shared.changed();
        }
        if let Some(why) = refused {
            ctx.note(Note::OrderRefused { order, why });
        } else if active.is_some() {
            let kind = match mount {
                true => Operation::Mount,
                false if ctx.config.active_manager.dismount_fails_over => Operation::Failover,
                false => Operation::Dismount,
            };
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
