//! Nodes that are paused: they take part in the cluster and are given no groups; a drain moves
//! away what they have (wsfc.md §2).

use super::coordinator::came_back;
use super::placement::{Hosts, Placement};
use super::seam::{Failback, Note, Why};
use super::state::{ClusterDatabase, Drain, NodeEntry};
use super::{Ctx, config::Config};
use crate::base::{GroupId, NodeId, NodeSet};

/// Nodes that are paused.
pub(super) fn paused(database: &ClusterDatabase) -> NodeSet {
    let paused = database.nodes.iter().filter(|(_, entry)| entry.paused);
    paused.map(|(node, _)| node).collect()
}

/// `Suspend-ClusterNode`. With a target that cannot take groups it is refused.
pub(super) fn suspend(
    ctx: &mut Ctx,
    database: &mut ClusterDatabase,
    node: NodeId,
    drain: Option<Option<NodeId>>,
    hosts: Hosts,
) {
    let target = drain.flatten();
    let able = hosts.members.minus(hosts.paused).minus(hosts.draining).without(node);
    let known = database.nodes.get(node).is_some() && hosts.members.contains(node);
    if !known || target.is_some_and(|to| !able.contains(to)) {
        ctx.note(Note::NodeNotPaused { node });
        return;
    }
    let entry = &mut database.nodes[node];
    if !entry.paused {
        ctx.note(Note::NodePaused { node, paused: true });
        *entry = NodeEntry { paused: true, ..NodeEntry::default() };
    }
    if drain.is_some() && entry.drain != Drain::InProgress {
        entry.drain = Drain::InProgress;
        ctx.note(Note::NodeDrain { node, drain: Drain::InProgress });
    }
    entry.drain_to = target;
    database.changed();
}

/// `Resume-ClusterNode`.
pub(super) fn resume(
    ctx: &mut Ctx,
    database: &mut ClusterDatabase,
    node: NodeId,
    failback: Failback,
    mut hosts: Hosts,
) {
    let Some(entry) = database.nodes.get(node).filter(|entry| entry.paused).cloned() else {
        return;
    };
    ctx.note(Note::NodePaused { node, paused: false });
    hosts.paused = hosts.paused.without(node);
    database.nodes[node] = NodeEntry::default();
    for group in database.groups.values_mut() {
        // What had nowhere to go may go there now.
        group.try_again();
        group.returned = group.returned.without(node);
    }
    if failback == Failback::Policy {
        came_back(ctx, database, NodeSet::only(node));
    }
    database.changed();
    if failback != Failback::Immediate {
        return;
    }
    for group in entry.drained {
        let now = &mut database.groups[group];
        if now.owner == Some(node) {
            // It is still here, and on its way.
            now.moving_to = None;
        }
        let now = &database.groups[group];
        let free = now.exists && now.owner != Some(node) && now.moving_to.is_none();
        let fits = Placement { config: ctx.config, database, hosts }.fits(group);
        if free && fits.contains(node) {
            let from = now.owner;
            database.groups[group].moving_to = Some(node);
            ctx.note(Note::GroupMove { group, from, to: node, why: Why::Asked });
        }
    }
}

/// Moves groups away from nodes that are being drained, the core group last, and says when that
/// has come to an end.
pub(super) fn settle(ctx: &mut Ctx, database: &mut ClusterDatabase, hosts: Hosts) {
    for node in database.nodes.ids() {
        if database.nodes[node].drain != Drain::InProgress || !hosts.members.contains(node) {
            continue;
        }
        let core = ctx.config.core_group();
        let mine: Vec<GroupId> = database
            .groups
            .iter()
            .filter(|(_, group)| group.exists && group.owner == Some(node))
            .map(|(id, _)| id)
            .collect();
        let leaves = |group: &GroupId| {
            database.groups[*group].moving_to.is_some()
                || target(ctx.config, database, node, *group, hosts).is_some()
        };
        let leaving: Vec<GroupId> = mine.iter().copied().filter(leaves).collect();
        for group in leaving.iter().copied() {
            let last = group != core || leaving.len() == 1;
            if !last || database.groups[group].moving_to.is_some() {
                continue;
            }
            if let Some(to) = target(ctx.config, database, node, group, hosts) {
                database.groups[group].moving_to = Some(to);
                database.nodes[node].drained.push(group);
                database.changed();
                let from = Some(node);
                ctx.note(Note::GroupMove { group, from, to, why: Why::NodePaused });
            }
        }
        if leaving.is_empty() {
            let drain = if mine.is_empty() { Drain::Completed } else { Drain::Failed };
            database.nodes[node].drain = drain;
            database.changed();
            ctx.note(Note::NodeDrain { node, drain });
        }
    }
}

/// Where a group of a node that is being drained goes: the target that was asked for if it can,
/// else the next in the group's list.
fn target(
    config: &Config,
    database: &ClusterDatabase,
    node: NodeId,
    group: GroupId,
    hosts: Hosts,
) -> Option<NodeId> {
    let placement = Placement { config, database, hosts };
    let fits = placement.fits(group);
    let asked = database.nodes[node].drain_to.filter(|to| fits.contains(*to));
    asked.or_else(|| placement.next(group, node, false))
}
