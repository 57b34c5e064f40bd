//! What the core group's owner does for all: it writes the cluster database, places groups and
//! carries out orders. Exactly one node at a time writes.

use super::Ctx;
use super::config::Flaw;
use super::message::GroupReport;
use super::placement::{Hosts, Placement, within};
use super::seam::{GroupState, Note, Order, OrderRefusal, ResourceState, Timer, Why};
use super::state::ClusterDatabase;
use crate::base::{GroupId, Instant, NodeId, NodeSet, Span};

const HOUR: Span = Span::from_secs(3600);

/// What the coordinator keeps to itself.
#[derive(Clone, Debug, Hash)]
pub(super) struct Coordinator {
    /// When the cluster started, if it did so in this node's life.
    started: Option<Instant>,
    /// Local time of day at the moment zero of this node's clock.
    time_of_day: Span,
}

impl Coordinator {
    /// `time_of_day` is the local time of day at `now`.
    pub(super) fn new(time_of_day: Span, now: Instant) -> Self {
        let day = Span::from_secs(24 * 3600).as_nanos();
        let since = now.as_nanos() % day;
        let time_of_day = Span::from_nanos((time_of_day.as_nanos() + day - since) % day);
        Coordinator { started: None, time_of_day }
    }

    /// Every member is new: the cluster starts now. Groups that do not start by themselves stay
    /// offline (wsfc.md §4.3 Priority), and nobody goes on with a move that was under way.
    pub(super) fn cluster_starts(&mut self, ctx: &Ctx, database: &mut ClusterDatabase) {
        self.started = Some(ctx.now);
        for (group, entry) in database.groups.iter_mut() {
            entry.wanted &= ctx.config.groups[group].priority > 0;
            entry.moving_to = None;
        }
    }

    /// Places groups without an owner, ends moves whose old owner has let go, and moves groups
    /// away from nodes that are being stopped.
    pub(super) fn settle(&mut self, ctx: &mut Ctx, database: &mut ClusterDatabase, hosts: Hosts) {
        ctx.timers.clear(Timer::Placement);
        for group in database.groups.ids() {
            let entry = database.groups[group].clone();
            if !entry.exists {
                continue;
            }
            match entry.owner.filter(|owner| hosts.members.contains(*owner)) {
                None => self.place(ctx, database, group, hosts),
                Some(owner) => {
                    // Whoever was paused meanwhile hosts nothing new (wsfc.md §2 Paused).
                    let able = hosts.members.minus(hosts.paused);
                    let going = entry.moving_to.filter(|to| able.contains(*to));
                    if entry.moving_to.is_some() && going.is_none() {
                        database.groups[group].moving_to = None;
                        database.changed();
                    }
                    let early = ctx.config.has(Flaw::GroupOnlineBeforeOffline);
                    if let Some(to) = going
                        && (matches!(entry.state, GroupState::Offline) || early)
                    {
                        give(database, group, to);
                    } else if going.is_none() && hosts.draining.contains(owner) {
                        drain(ctx, database, group, hosts);
                    } else if hosts.paused.contains(owner)
                        && entry.state == GroupState::Offline
                        && entry.wanted
                        && entry.stuck.is_none()
                    {
                        stand(ctx, database, group);
                    } else if going.is_none() {
                        self.fail_back(ctx, database, group, hosts);
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
            if report.state == GroupState::Online {
                database.groups[group].stuck = None;
            }
            database.changed();
        }
        for (resource, state) in &report.resources {
            if database.resources.get(*resource).is_some_and(|known| known != state) {
                database.resources[*resource] = *state;
                database.changed();
            }
        }
        let entry = &database.groups[group];
        if let Some(why) = report.leaves
            && entry.moving_to.is_none()
            && entry.stuck.is_none()
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
        let owner = database.groups[group].owner.expect("a told group has an owner");
        let target = Placement { config: ctx.config, database, hosts }.next(group, owner, false);
        let within = target.is_none() || within_threshold(ctx, database, group);
        match target.filter(|_| within) {
            Some(to) => {
                database.groups[group].moving_to = Some(to);
                ctx.note(Note::GroupMove { group, from: Some(owner), to, why });
            }
            None => {
                let why = if within { why } else { Why::ThresholdExceeded };
                database.groups[group].stuck = Some(why);
                ctx.note(Note::GroupStays { group, why });
            }
        }
        database.changed();
    }

    /// A group without an owner among the members gets one.
    fn place(
        &mut self,
        ctx: &mut Ctx,
        database: &mut ClusterDatabase,
        group: GroupId,
        hosts: Hosts,
    ) {
        if self.waits_for_owner(ctx, database, group) {
            return;
        }
        let (before, wanted, stuck) = {
            let entry = &database.groups[group];
            (entry.owner, entry.moving_to, entry.stuck)
        };
        let up = Placement { config: ctx.config, database, hosts };
        // On a paused node it stays offline, but is owned (MS-CMRP 3.1.4.1.70).
        let paused = Placement { hosts: Hosts { paused: NodeSet::EMPTY, ..hosts }, ..up };
        let target = [up, paused].iter().find_map(|placement| {
            let fits = placement.fits(group);
            wanted.filter(|to| fits.contains(*to)).or_else(|| match before {
                Some(before) => placement.next(group, before, true),
                None => placement.best(group, fits),
            })
        });
        let counts = ctx.config.placement.node_down_counts && before.is_some();
        // No more attempts until somebody starts it, or its owner is back (wsfc.md §2.1 1254).
        if counts && stuck == Some(Why::ThresholdExceeded) {
            return;
        }
        let within = target.is_none() || !counts || within_threshold(ctx, database, group);
        match target.filter(|_| within) {
            Some(to) => {
                give(database, group, to);
                let why = if before.is_some() { Why::NodeDown } else { Why::Startup };
                ctx.note(Note::GroupMove { group, from: before, to, why });
            }
            None if stuck.is_none() => {
                let why = if within { Why::NodeDown } else { Why::ThresholdExceeded };
                strand(database, group, why);
                ctx.note(Note::GroupStays { group, why });
            }
            None => {}
        }
    }

    /// While the cluster starts, a group waits for the node that it was on, or for its first
    /// preferred owner, before it goes elsewhere (wsfc.md §4.3 ClusterGroupWaitDelay).
    fn waits_for_owner(&self, ctx: &mut Ctx, database: &ClusterDatabase, group: GroupId) -> bool {
        let config = &ctx.config.groups[group];
        let awaited = database.groups[group].owner.or(config.preferred.first().copied());
        let until = self.started.map(|at| at.saturating_add(ctx.config.placement.wait_delay));
        let Some(until) = until.filter(|until| awaited.is_some() && ctx.now < *until) else {
            return false;
        };
        ctx.timers.set_earlier(Timer::Placement, until);
        true
    }

    /// A group goes back to a preferred owner that came back, if it is set so, within its window.
    fn fail_back(
        &self,
        ctx: &mut Ctx,
        database: &mut ClusterDatabase,
        group: GroupId,
        hosts: Hosts,
    ) {
        let config = &ctx.config.groups[group];
        let owner = database.groups[group].owner;
        let state = database.groups[group].state;
        let runs = matches!(state, GroupState::Online | GroupState::PartialOnline);
        if !config.auto_failback || !runs {
            return;
        }
        let first = Placement { config: ctx.config, database, hosts }.returned(group);
        let Some(first) = first else { return };
        let open = config.failback_window.is_none_or(|window| within(window, self.hour(ctx.now)));
        if open {
            database.groups[group].moving_to = Some(first);
            database.changed();
            ctx.note(Note::GroupMove { group, from: owner, to: first, why: Why::Failback });
        } else {
            let passed = (self.time_of_day.as_nanos() + ctx.now.as_nanos()) % HOUR.as_nanos();
            let next = ctx.now + Span::from_nanos(HOUR.as_nanos() - passed);
            ctx.timers.set_earlier(Timer::Placement, next);
        }
    }

    /// Hours since the beginning of the local day at the moment zero.
    fn hour(&self, now: Instant) -> u64 {
        (self.time_of_day.as_nanos() + now.as_nanos()) / HOUR.as_nanos()
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
            Order::CreateGroup(group) if database.groups[group].exists => {
                ctx.note(Note::OrderRefused { order, why: OrderRefusal::AlreadySo });
                return;
            }
            Order::CreateGroup(group) => create(ctx, database, group, on, hosts),
            Order::MoveGroup { group, to } => self.move_group(ctx, database, group, to, hosts),
            Order::OnlineGroup(group) => {
                if stands_paused(database, group, hosts) {
                    ctx.note(Note::GroupStays { group, why: Why::NodePaused });
                    return;
                }
                for (id, _) in ctx.config.resources.iter().filter(|(_, one)| one.group == group) {
                    database.stopped.remove(&id);
                }
                self.start_group(ctx, database, group);
            }
            Order::OfflineGroup(group) => database.groups[group].wanted = false,
            Order::OnlineResource(resource) => {
                let group = ctx.config.resources[resource].group;
                if stands_paused(database, group, hosts) {
                    ctx.note(Note::GroupStays { group, why: Why::NodePaused });
                    return;
                }
                let needed = ctx.config.needs(resource);
                if !database.groups[group].wanted {
                    // The rest of an offline group stays offline.
                    let of = ctx.config.resources.iter().filter(|(_, one)| one.group == group);
                    database.stopped.extend(of.map(|(id, _)| id));
                }
                for resource in needed {
                    database.stopped.remove(&resource);
                }
                self.start_group(ctx, database, group);
            }
            Order::OfflineResource(resource) => drop(database.stopped.insert(resource)),
            Order::MoveServer { .. }
            | Order::SetServer { .. }
            | Order::SetActivationCoordination(_)
            | Order::SetWitnessServer(_)
            | Order::RestoreGroup(_)
            | Order::AddMembers(_)
            | Order::StartMaintenance { .. }
            | Order::StopMaintenance { .. }
            | Order::MoveDatabase { .. }
            | Order::MountDatabase(_)
            | Order::DismountDatabase(_)
            | Order::SuspendCopy { .. }
            | Order::ResumeCopy { .. }
            | Order::StopService
            | Order::SuspendNode { .. }
            | Order::ResumeNode { .. } => return,
        }
        database.changed();
    }

    fn start_group(&mut self, ctx: &Ctx, database: &mut ClusterDatabase, group: GroupId) {
        begin_count(ctx, database, group);
        let of = ctx.config.resources.iter().filter(|(_, resource)| resource.group == group);
        let failed = of.map(|(id, _)| database.resources[id]).any(|s| s == ResourceState::Failed);
        let entry = &mut database.groups[group];
        entry.wanted = true;
        entry.stuck = None;
        if failed {
            entry.starts = entry.starts.wrapping_add(1);
        }
    }

    fn move_group(
        &mut self,
        ctx: &mut Ctx,
        database: &mut ClusterDatabase,
        group: GroupId,
        to: Option<NodeId>,
        hosts: Hosts,
    ) {
        let order = Order::MoveGroup { group, to };
        let Some(owner) = database.groups[group].owner else {
            ctx.note(Note::OrderRefused { order, why: OrderRefusal::NotCreated });
            return;
        };
        let placement = Placement { config: ctx.config, database, hosts };
        let target = match to {
            Some(to) => Some(to).filter(|to| placement.able(group).without(owner).contains(*to)),
            None => placement.best(group, placement.fits(group).without(owner)),
        };
        match target {
            Some(to) => {
                begin_count(ctx, database, group);
                let entry = &mut database.groups[group];
                entry.moving_to = Some(to);
                entry.stuck = None;
                // It was put there: it does not go back before a preferred owner returns again.
                entry.returned = NodeSet::EMPTY;
                let from = Some(owner);
                ctx.note(Note::GroupMove { group, from, to, why: Why::Asked });
            }
            None => {
                let why = match to {
                    None => OrderRefusal::NoOtherNode,
                    Some(to) if to == owner => OrderRefusal::AlreadySo,
                    Some(to) if hosts.paused.contains(to) => OrderRefusal::NodeIsPaused,
                    Some(to) if !hosts.members.minus(hosts.draining).contains(to) => {
                        OrderRefusal::NodeIsDown
                    }
                    Some(_) => OrderRefusal::NoPossibleOwner,
                };
                ctx.note(Note::OrderRefused { order, why });
            }
        }
    }
}

/// Whether one more failover of a group is within its threshold; it counts as one then.
fn within_threshold(ctx: &Ctx, database: &mut ClusterDatabase, group: GroupId) -> bool {
    let config = &ctx.config.groups[group];
    let past = &mut database.groups[group].failovers;
    // Another coordinator's clock may have been ahead of this one's.
    let over = |at: &Instant| ctx.now.saturating_since(*at) >= config.failover_period;
    while past.front().is_some_and(over) {
        past.pop_front();
    }
    let within = past.len() < config.failover_threshold as usize;
    if within {
        past.push_back(ctx.now);
    }
    within
}

/// An operator starts or moves a group: its failovers are counted anew, if it is set so.
fn begin_count(ctx: &Ctx, database: &mut ClusterDatabase, group: GroupId) {
    if ctx.config.placement.operator_clears_failovers {
        database.groups[group].failovers.clear();
    }
}

/// Nodes came back: groups that are elsewhere may fail back to them (wsfc.md §4.3
/// AutoFailbackType).
pub(super) fn came_back(ctx: &Ctx, database: &mut ClusterDatabase, nodes: NodeSet) {
    for (group, config) in ctx.config.groups.iter().filter(|(_, config)| config.auto_failback) {
        let owner = database.groups[group].owner;
        let better = config.preferred.iter().take_while(|node| Some(**node) != owner);
        let better: NodeSet = better.copied().collect();
        let entry = &mut database.groups[group];
        entry.returned = entry.returned.union(better.intersection(nodes));
    }
}

/// Whether a group's owner is paused, so that nothing of it can be brought online
/// (MS-CMRP 3.1.4.2.50).
fn stands_paused(database: &ClusterDatabase, group: GroupId, hosts: Hosts) -> bool {
    database.groups[group].owner.is_some_and(|on| hosts.paused.contains(on))
}

/// A group that shall be online stands on a paused node, until that is resumed.
fn stand(ctx: &mut Ctx, database: &mut ClusterDatabase, group: GroupId) {
    database.groups[group].stuck = Some(Why::NodePaused);
    database.changed();
    ctx.note(Note::GroupStays { group, why: Why::NodePaused });
}

fn create(ctx: &mut Ctx, database: &mut ClusterDatabase, group: GroupId, on: NodeId, hosts: Hosts) {
    let entry = &mut database.groups[group];
    entry.exists = true;
    entry.wanted = true;
    let first = ctx.config.groups[group].preferred.first().copied().unwrap_or(on);
    let fits = Placement { config: ctx.config, database, hosts }.fits(group).contains(first);
    let entry = &mut database.groups[group];
    if fits {
        entry.owner = Some(first);
        ctx.note(Note::GroupMove { group, from: None, to: first, why: Why::Asked });
    }
}

/// The cluster database names a new owner.
fn give(database: &mut ClusterDatabase, group: GroupId, to: NodeId) {
    let entry = &mut database.groups[group];
    entry.owner = Some(to);
    entry.moving_to = None;
    entry.stuck = None;
    entry.state = GroupState::Offline;
    entry.returned = entry.returned.without(to);
    database.changed();
}

/// A group stays with an owner that is gone: nothing of it is online any more.
fn strand(database: &mut ClusterDatabase, group: GroupId, why: Why) {
    let entry = &mut database.groups[group];
    entry.stuck = Some(why);
    entry.state = GroupState::Offline;
    database.changed();
}

/// A group leaves a node that is being stopped, the core group last.
fn drain(ctx: &mut Ctx, database: &mut ClusterDatabase, group: GroupId, hosts: Hosts) {
    let owner = database.groups[group].owner.expect("checked by the caller");
    let placement = Placement { config: ctx.config, database, hosts };
    let core = ctx.config.core_group() == group;
    if core && !have_left(placement, owner) {
        return;
    }
    if let Some(to) = placement.next(group, owner, false) {
        database.groups[group].moving_to = Some(to);
        database.changed();
        ctx.note(Note::GroupMove { group, from: Some(owner), to, why: Why::Stopping });
    }
}

/// Whether every group but the core group has left a node, as far as it can.
pub(super) fn have_left(placement: Placement, node: NodeId) -> bool {
    let core = placement.config.core_group();
    placement.database.groups.iter().all(|(group, entry)| {
        group == core
            || !entry.exists
            || entry.owner != Some(node)
            || placement.fits(group).without(node).is_empty()
    })
}
