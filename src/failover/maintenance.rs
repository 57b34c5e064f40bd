//! `StartDagServerMaintenance.ps1` and its counterpart: what they do, and no more (exchange.md §5).
//! They know the node, its databases and the core group; any other group stays where it is.

use super::Ctx;
use super::active_manager::{Primary, Servers};
use super::pause;
use super::placement::{Hosts, Placement};
use super::seam::{ActivationPolicy, Failback, MountDial, Note, SkipChecks, Why};
use super::state::{ClusterDatabase, DatabaseEntry};
use crate::base::NodeId;

/// Pauses the node, blocks activation on its server, and moves its databases away, if there is a
/// Primary Active Manager to do it.
pub(super) fn start(
    ctx: &mut Ctx,
    shared: &mut ClusterDatabase,
    primary: Option<&mut Primary>,
    node: NodeId,
    (hosts, servers): (Hosts, Servers),
) {
    pause::suspend(ctx, shared, node, None, hosts);
    let Some(entry) = shared.servers.get(node).cloned() else { return };
    if entry.before_maintenance.is_none() {
        shared.servers[node].before_maintenance = Some(entry.activation_policy);
        shared.servers[node].activation_policy = ActivationPolicy::Blocked;
    }
    shared.changed();
    let active = |it: &DatabaseEntry| it.active == Some(node) && it.mounted;
    if let Some(primary) = primary.filter(|_| shared.databases.values().any(active)) {
        let how = (None, Some(MountDial::Lossless), SkipChecks::default());
        primary.switch_server_over(ctx, shared, node, how, servers);
    }
}

/// The core group follows once no database is on its way from the node: whoever is primary sees
/// their moves to an end.
pub(super) fn settle(ctx: &mut Ctx, shared: &mut ClusterDatabase, primary: &Primary, hosts: Hosts) {
    let core = ctx.config.core_group();
    let entry = &shared.groups[core];
    let Some(owner) = entry.owner.filter(|_| entry.moving_to.is_none()) else { return };
    let maintained = shared.servers[owner].before_maintenance.is_some();
    if !maintained || primary.moves_from(owner) {
        return;
    }
    let placement = Placement { config: ctx.config, database: shared, hosts };
    if let Some(to) = placement.next(core, owner, false) {
        shared.groups[core].moving_to = Some(to);
        shared.changed();
        ctx.note(Note::GroupMove { group: core, from: Some(owner), to, why: Why::Asked });
    }
}

/// Resumes the node and lets its server's policy hold again. Databases do not come back by
/// themselves.
pub(super) fn stop(ctx: &mut Ctx, shared: &mut ClusterDatabase, node: NodeId, hosts: Hosts) {
    pause::resume(ctx, shared, node, Failback::NoFailback, hosts);
    let Some(entry) = shared.servers.get(node).cloned() else { return };
    if let Some(policy) = entry.before_maintenance {
        shared.servers[node].activation_policy = policy;
        shared.servers[node].before_maintenance = None;
        shared.changed();
    }
}
