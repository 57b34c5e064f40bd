//! What the core group's owner does for all: it writes the cluster database, places groups and
//! carries out orders. Exactly one node at a time writes.

use super::message::GroupReport;
use super::seam::{GroupState, Note, Order, Why};
use super::state::ClusterDatabase;
use super::{Ctx, config::Config};
use crate::base::{GroupId, IdVec, Instant, NodeId, NodeSet};
use std::collections::VecDeque;

/// What the coordinator keeps to itself.
#[derive(Clone, Debug)]
pub(super) struct Coordinator {
    /// Moments of failovers by resource failure within the period, by group.
    failovers: IdVec<GroupId, VecDeque<Instant>>,
}

/// Who can host what now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hosts {
    /// Members of the view.
    pub members: NodeSet,
    /// Of those, the ones that are being stopped.
    pub draining: NodeSet,
    /// Nodes that are paused.
    pub paused: NodeSet,
    /// Nodes to which no group goes back by itself.
    pub keep_off: NodeSet,
}

impl Coordinator {
    pub(super) fn new(groups: usize) -> Self {
        Coordinator { failovers: IdVec::filled(groups, VecDeque::new()) }
    }

    /// Places groups without an owner, ends moves whose old owner has let go, and moves groups
    /// away from nodes that are being stopped.
    pub(super) fn settle(&mut self, ctx: &mut Ctx, database: &mut ClusterDatabase, hosts: Hosts) {
        for group in database.groups.ids() {
            let entry = database.groups[group].clone();
            if !entry.exists {
                continue;
            }
            match entry.owner.filter(|owner| hosts.members.contains(*owner)) {
                None => place(ctx, database, group, hosts),
                Some(owner) => {
                    let going = entry.moving_to.filter(|to| hosts.members.contains(*to));
                    if entry.moving_to.is_some() && going.is_none() {
                        database.groups[group].moving_to = None;
                        database.version += 1;
                    }
                    if let Some(to) = going
                        && matches!(entry.state, GroupState::Offline)
                    {
                        give(database, group, to);
                    } else if going.is_none() && hosts.draining.contains(owner) {
                        drain(ctx, database, group, hosts);
                    } else if going.is_none() {
                        fail_back(ctx, database, group, hosts);
                    }
                }
            }
        }
    }

    /// An owner told of its group.
    pub(super) fn told(
        &mut self,
        ctx: &mut Ctx,
        database: &mut ClusterDatabase,
        from: NodeId,
        report: &GroupReport,
        hosts: Hosts,
    ) {
        let group = report.group;
        let Some(entry) = database.groups.get(group) else { return };
        if entry.owner != Some(from) {
            return;
        }
        if entry.state != report.state {
            database.groups[group].state = report.state;
            database.groups[group].stuck &= report.state != GroupState::Online;
            database.version += 1;
        }
        for (resource, state) in &report.resources {
            if database.resources.get(*resource).is_some_and(|known| known != state) {
                database.resources[*resource] = *state;
                database.version += 1;
            }
        }
        let entry = &database.groups[group];
        if let Some(why) = report.leaves
            && entry.moving_to.is_none()
            && !entry.stuck
        {
            self.fail_over(ctx, database, group, why, hosts);
        }
    }

    /// A group cannot stay with its owner: the next one in line, if its threshold allows.
    fn fail_over(
        &mut self,
        ctx: &mut Ctx,
        database: &mut ClusterDatabase,
        group: GroupId,
        why: Why,
        hosts: Hosts,
    ) {
        let config = &ctx.config.groups[group];
        let now = ctx.now;
        let past = &mut self.failovers[group];
        while past.front().is_some_and(|at| now.since(*at) >= config.failover_period) {
            past.pop_front();
        }
        let owner = database.groups[group].owner.expect("a told group has an owner");
        let target = next_after(ctx.config, group, owner, hosts);
        let within = past.len() < config.failover_threshold as usize;
        match target.filter(|_| within) {
            Some(to) => {
                past.push_back(now);
                database.groups[group].moving_to = Some(to);
                ctx.note(Note::GroupMove { group, from: Some(owner), to, why });
            }
            None => {
                database.groups[group].stuck = true;
                let why = if within { why } else { Why::ThresholdExceeded };
                ctx.note(Note::GroupStays { group, why });
            }
        }
        database.version += 1;
    }

    /// Carries out an order about groups; `on` is where it was given.
    pub(super) fn order(
        &mut self,
        ctx: &mut Ctx,
        database: &mut ClusterDatabase,
        on: NodeId,
        order: Order,
        hosts: Hosts,
    ) {
        match order {
            Order::CreateGroup(group) => {
                let entry = &mut database.groups[group];
                entry.exists = true;
                entry.wanted = true;
                let config = &ctx.config.groups[group];
                let first = config.preferred.first().copied().unwrap_or(on);
                let fits = candidates(ctx.config, group, hosts).contains(first);
                if entry.owner.is_none() && fits {
                    entry.owner = Some(first);
                    ctx.note(Note::GroupMove { group, from: None, to: first, why: Why::Asked });
                }
            }
            Order::MoveGroup { group, to } => {
                let Some(owner) = database.groups[group].owner else { return };
                let fits = candidates(ctx.config, group, hosts).without(owner);
                let target = match to {
                    Some(to) => Some(to).filter(|to| fits.contains(*to)),
                    None => best_possible(ctx.config, group, fits),
                };
                match target {
                    Some(to) => {
                        let entry = &mut database.groups[group];
                        entry.moving_to = Some(to);
                        entry.stuck = false;
                        let from = Some(owner);
                        ctx.note(Note::GroupMove { group, from, to, why: Why::Asked });
                    }
                    None if to == Some(owner) => {}
                    None => ctx.note(Note::GroupStays { group, why: Why::Asked }),
                }
            }
            Order::OnlineGroup(group)
                if database.groups[group].state == GroupState::Offline
                    && database.groups[group].owner.is_some_and(|on| hosts.paused.contains(on)) =>
            {
                ctx.note(Note::GroupStays { group, why: Why::NodePaused });
                return;
            }
            Order::OnlineGroup(group) => {
                database.groups[group].wanted = true;
                database.groups[group].stuck = false;
            }
            Order::OfflineGroup(group) => database.groups[group].wanted = false,
            Order::MoveDatabase { .. }
            | Order::MountDatabase(_)
            | Order::DismountDatabase(_)
            | Order::StopService
            | Order::SuspendNode { .. }
            | Order::ResumeNode { .. } => return,
        }
        database.version += 1;
    }

    /// Whether every group has left a node that can be left.
    pub(super) fn left(
        &self,
        config: &Config,
        database: &ClusterDatabase,
        node: NodeId,
        hosts: Hosts,
        core: GroupId,
    ) -> bool {
        database.groups.iter().all(|(group, entry)| {
            group == core
                || !entry.exists
                || entry.owner != Some(node)
                || candidates(config, group, hosts).without(node).is_empty()
        })
    }
}

/// A group without an owner among the members gets one.
fn place(ctx: &mut Ctx, database: &mut ClusterDatabase, group: GroupId, hosts: Hosts) {
    let entry = &database.groups[group];
    let (before, wanted) = (entry.owner, entry.moving_to);
    let fits = candidates(ctx.config, group, hosts);
    let target = wanted.filter(|to| fits.contains(*to)).or_else(|| match before {
        Some(before) => next_after(ctx.config, group, before, hosts),
        None => best_possible(ctx.config, group, fits),
    });
    match target {
        Some(to) => {
            give(database, group, to);
            let why = if before.is_some() { Why::NodeDown } else { Why::Startup };
            ctx.note(Note::GroupMove { group, from: before, to, why });
        }
        None if !entry.stuck => {
            database.groups[group].stuck = true;
            database.version += 1;
            let unpaused = Hosts { paused: NodeSet::EMPTY, ..hosts };
            let paused = !candidates(ctx.config, group, unpaused).is_empty();
            let why = if paused { Why::NodePaused } else { Why::NodeDown };
            ctx.note(Note::GroupStays { group, why });
        }
        None => {}
    }
}

/// The cluster database names a new owner.
fn give(database: &mut ClusterDatabase, group: GroupId, to: NodeId) {
    let entry = &mut database.groups[group];
    entry.owner = Some(to);
    entry.moving_to = None;
    entry.stuck = false;
    entry.state = GroupState::Offline;
    database.version += 1;
}

/// A group leaves a node that is being stopped.
fn drain(ctx: &mut Ctx, database: &mut ClusterDatabase, group: GroupId, hosts: Hosts) {
    let owner = database.groups[group].owner.expect("checked by the caller");
    let core = ctx.config.core_group() == group;
    let others_left = database.groups.iter().all(|(other, entry)| {
        other == group
            || !entry.exists
            || entry.owner != Some(owner)
            || candidates(ctx.config, other, hosts).without(owner).is_empty()
    });
    if core && !others_left {
        return;
    }
    if let Some(to) = next_after(ctx.config, group, owner, hosts) {
        database.groups[group].moving_to = Some(to);
        database.version += 1;
        ctx.note(Note::GroupMove { group, from: Some(owner), to, why: Why::Stopping });
    }
}

/// A group whose first preferred owner is back goes back to it, if it is set so.
fn fail_back(ctx: &mut Ctx, database: &mut ClusterDatabase, group: GroupId, hosts: Hosts) {
    let config = &ctx.config.groups[group];
    let owner = database.groups[group].owner;
    if !config.auto_failback {
        return;
    }
    let fits = candidates(ctx.config, group, hosts).minus(hosts.keep_off);
    let Some(first) = config.preferred.iter().copied().find(|node| fits.contains(*node)) else {
        return;
    };
    if owner != Some(first) && database.groups[group].state == GroupState::Online {
        database.groups[group].moving_to = Some(first);
        database.version += 1;
        ctx.note(Note::GroupMove { group, from: owner, to: first, why: Why::Startup });
    }
}

/// Members that can host a group: possible owners of all its resources, neither being stopped nor
/// paused.
pub(super) fn candidates(config: &Config, group: GroupId, hosts: Hosts) -> NodeSet {
    let of = config.resources.values().filter(|resource| resource.group == group);
    let able = hosts.members.minus(hosts.draining).minus(hosts.paused);
    of.fold(able, |able, resource| able.intersection(resource.possible_owners))
}

/// Every node in the order of the group's list: preferred owners, then the rest by number.
fn node_list(config: &Config, group: GroupId) -> Vec<NodeId> {
    let mut list = config.groups[group].preferred.clone();
    list.extend(config.nodes.ids().filter(|node| !config.groups[group].preferred.contains(node)));
    list
}

/// The next node after the failed one in the list, not back to the top (wsfc.md §4.4).
pub(super) fn next_after(
    config: &Config,
    group: GroupId,
    failed: NodeId,
    hosts: Hosts,
) -> Option<NodeId> {
    let fits = candidates(config, group, hosts).without(failed);
    let list = node_list(config, group);
    let place = list.iter().position(|node| *node == failed)?;
    let round = list.iter().cycle().skip(place + 1).take(list.len());
    round.copied().find(|node| fits.contains(*node))
}

/// The best possible owner, from the top of the list (wsfc.md §4.4).
fn best_possible(config: &Config, group: GroupId, fits: NodeSet) -> Option<NodeId> {
    node_list(config, group).into_iter().find(|node| fits.contains(*node))
}
