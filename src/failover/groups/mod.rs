//! Groups and resources on their owner: dependency order, restarts, what is told of them
//! (wsfc.md §4).

mod health;
mod want;

use super::config::{Config, Flaw, ResourceKind, RestartAction};
use super::message::GroupReport;
use super::seam::{Act, Failure, GroupState, Note, Outcome, ResourceState, Why};
use super::state::ClusterDatabase;
use super::transitions::State;
use super::{Ctx, Pending};
use crate::base::{GroupId, IdVec, Instant, OpId, ResourceId};
use std::collections::VecDeque;
use want::Wanted;

/// A resource on this node.
#[derive(Clone, Debug, Hash, Default)]
struct Local {
    state: ResourceState,
    op: Option<OpId>,
    /// When it became pending, or last told that it is at work.
    pending_since: Instant,
    /// Moments of the restarts within the period.
    restarts: VecDeque<Instant>,
    /// Not before then: the restart delay.
    not_before: Instant,
    /// Failed beyond its restarts.
    given_up: bool,
    /// It cannot be online on this node, where another does for it.
    spare: bool,
    retry_at: Option<Instant>,
    /// The one more attempt after RetryPeriodOnFailure has begun.
    retried: bool,
    failure: Option<Failure>,
    looks_alive_at: Instant,
    is_alive_at: Instant,
    /// The health check under way, and when it was asked for.
    probe: Option<(OpId, Instant)>,
    /// It did not answer once, and has a monitor of its own since.
    separate: bool,
}

impl Local {
    /// Back to the start, with what is remembered of it beyond that.
    fn fresh(&mut self) -> Local {
        let restarts = core::mem::take(&mut self.restarts);
        Local { restarts, separate: self.separate, ..Local::default() }
    }
}

/// The groups of this node.
#[derive(Clone, Debug, Hash)]
pub(super) struct Groups {
    /// Groups in the order in which they come online: the highest priority first.
    order: Vec<GroupId>,
    locals: IdVec<ResourceId, Local>,
    states: IdVec<GroupId, GroupState>,
    /// Groups that this node knows to be its own.
    owned: IdVec<GroupId, bool>,
    /// A group that cannot stay here, and why.
    leaves: IdVec<GroupId, Option<Why>>,
    told: IdVec<GroupId, Option<GroupReport>>,
    /// The operator's starts of each group that this node has followed.
    starts: IdVec<GroupId, u32>,
    /// The witness server that its resource is for.
    witness_server: u8,
    /// Whether this node is paused.
    paused: bool,
}

impl Groups {
    pub(super) fn new(config: &Config) -> Self {
        let (resources, groups) = (config.resources.len(), config.groups.len());
        let mut order: Vec<GroupId> = config.groups.ids().collect();
        order.sort_by_key(|group| core::cmp::Reverse(config.groups[*group].priority));
        Groups {
            order,
            locals: IdVec::filled(resources, Local::default()),
            states: IdVec::filled(groups, GroupState::Offline),
            owned: IdVec::filled(groups, false),
            leaves: IdVec::filled(groups, None),
            told: IdVec::filled(groups, None),
            starts: IdVec::filled(groups, 0),
            witness_server: 0,
            paused: false,
        }
    }

    /// Brings every resource one step nearer to where the cluster database wants it.
    pub(super) fn settle(&mut self, ctx: &mut Ctx, database: &ClusterDatabase, allowed: bool) {
        let me = ctx.config.me;
        self.paused = database.nodes[me].paused;
        if allowed && self.witness_server != database.witness_server {
            self.witness_server = database.witness_server;
            self.witness_moved(ctx);
        }
        for place in 0..self.order.len() {
            let group = self.order[place];
            let entry = &database.groups[group];
            if entry.owner != Some(me) {
                self.leaves[group] = None;
            }
            if core::mem::replace(&mut self.starts[group], entry.starts) != entry.starts {
                self.start_again(ctx.config, group);
            }
            let wanted = allowed
                && entry.exists
                && entry.wanted
                && entry.owner == Some(me)
                && entry.moving_to.is_none();
            if allowed || entry.owner != Some(me) {
                let spare = |id| self.locals[id].spare;
                let wanted = Wanted::of(ctx.config, database, group, wanted, spare);
                self.settle_group(ctx, group, &wanted);
            }
            let owner = entry.owner == Some(me);
            self.note_state(ctx, group, owner, owner && allowed);
        }
        self.arm(ctx);
    }

    /// Whether a resource may not begin to come online because this node is paused: only what holds
    /// quorum may there (MS-CMRP 3.1.4.1.70).
    fn barred(&self, config: &Config, id: ResourceId) -> bool {
        self.paused && config.resources[id].kind != ResourceKind::FileShareWitness
    }

    /// An operator starts a group again: what has failed is tried, and its counts begin anew.
    fn start_again(&mut self, config: &Config, group: GroupId) {
        self.leaves[group] = None;
        for (id, _) in config.resources.iter().filter(|(_, resource)| resource.group == group) {
            let local = &mut self.locals[id];
            local.restarts.clear();
            local.given_up = false;
            local.spare = false;
            local.retried = false;
            local.retry_at = None;
            local.not_before = Instant::ZERO;
        }
    }

    fn settle_group(&mut self, ctx: &mut Ctx, group: GroupId, wanted: &Wanted) {
        let waits = self.waits_for_another(ctx.config, group, wanted);
        for id in ctx.config.resources.ids() {
            let config = &ctx.config.resources[id];
            if config.group != group {
                continue;
            }
            if !wanted.contains(id) {
                self.try_offline(ctx, id, wanted);
            } else if !waits && !self.barred(ctx.config, id) {
                self.try_online(ctx, id);
            }
        }
    }

    /// Whether a group has not begun to come online, and one of higher priority on this node is
    /// still on its way (wsfc.md §4.3 Priority).
    fn waits_for_another(&self, config: &Config, group: GroupId, wanted: &Wanted) -> bool {
        let begun = wanted.iter().any(|id| self.locals[id].state != ResourceState::Offline);
        let priority = config.groups[group].priority;
        let higher = |other: &GroupId| config.groups[*other].priority > priority;
        !begun && config.groups.ids().filter(higher).any(|other| self.on_its_way(config, other))
    }

    /// Whether a group is coming online: something of it is pending.
    fn on_its_way(&self, config: &Config, group: GroupId) -> bool {
        let mut of = config.resources.iter().filter(|(_, resource)| resource.group == group);
        of.any(|(id, _)| self.locals[id].state == ResourceState::OnlinePending)
    }

    /// Whether what a resource depends on is online.
    fn ready(&self, config: &Config, id: ResourceId) -> bool {
        let online = |on: &ResourceId| self.locals[*on].state == ResourceState::Online;
        config.resources[id].depends_on.iter().all(|any| any.iter().any(online))
    }

    fn try_online(&mut self, ctx: &mut Ctx, id: ResourceId) {
        let ready = self.ready(ctx.config, id);
        let local = &mut self.locals[id];
        if local.given_up && local.retry_at.is_some_and(|at| at <= ctx.now) {
            local.given_up = false;
            local.retry_at = None;
            local.retried = true;
            local.state = ResourceState::Offline;
        }
        let startable = match local.state {
            ResourceState::Offline | ResourceState::Failed => !local.given_up,
            ResourceState::OnlinePending
            | ResourceState::Online
            | ResourceState::OfflinePending => false,
        };
        if startable && ready && local.op.is_none() && local.not_before <= ctx.now {
            local.state = ResourceState::OnlinePending;
            local.pending_since = ctx.now;
            local.op = Some(ctx.act(Act::Online(id), Pending::Online(id)));
            ctx.note(Note::Resource { resource: id, state: local.state, failure: None });
        }
    }

    /// A resource goes offline once nothing that stays needs it and what goes with it is gone.
    fn try_offline(&mut self, ctx: &mut Ctx, id: ResourceId, wanted: &Wanted) {
        let needs = |other: ResourceId| {
            let config = &ctx.config.resources[other];
            config.depends_on.iter().any(|any| any.contains(&id)) && !wanted.contains(other)
        };
        let free = ctx.config.resources.ids().filter(|other| needs(*other)).all(|other| {
            matches!(self.locals[other].state, ResourceState::Offline | ResourceState::Failed)
        });
        let local = &mut self.locals[id];
        match local.state {
            ResourceState::Online if free => {
                local.state = ResourceState::OfflinePending;
                local.pending_since = ctx.now;
                local.probe = None;
                local.op = Some(ctx.act(Act::Offline(id), Pending::Offline(id)));
                ctx.note(Note::Resource { resource: id, state: local.state, failure: None });
            }
            ResourceState::OnlinePending => {
                ctx.act(Act::Terminate(id), Pending::Nothing);
                self.off(ctx, id);
            }
            ResourceState::Failed | ResourceState::Offline => {
                let changed = local.state != ResourceState::Offline;
                *local = local.fresh();
                if changed {
                    let state = ResourceState::Offline;
                    ctx.note(Note::Resource { resource: id, state, failure: None });
                }
            }
            ResourceState::Online | ResourceState::OfflinePending => {}
        }
    }

    fn off(&mut self, ctx: &mut Ctx, id: ResourceId) {
        let local = &mut self.locals[id];
        local.state = ResourceState::Offline;
        local.op = None;
        local.probe = None;
        ctx.note(Note::Resource { resource: id, state: local.state, failure: None });
    }

    /// An operation on a resource ended.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the rest is late or another part's")]
    pub(super) fn done(&mut self, ctx: &mut Ctx, pending: Pending, op: OpId, outcome: Outcome) {
        match pending {
            Pending::Online(id) if self.locals[id].op == Some(op) => {
                self.locals[id].op = None;
                match failure_of(outcome) {
                    None => self.on(ctx, id),
                    Some(failure) => self.fail(ctx, id, failure),
                }
            }
            Pending::Offline(id) if self.locals[id].op == Some(op) => self.off(ctx, id),
            Pending::LooksAlive(id) | Pending::IsAlive(id) => {
                let cheap = pending == Pending::LooksAlive(id);
                self.checked(ctx, id, op, cheap, failure_of(outcome));
            }
            _ => {}
        }
    }

    fn on(&mut self, ctx: &mut Ctx, id: ResourceId) {
        let config = &ctx.config.resources[id];
        let local = &mut self.locals[id];
        local.state = ResourceState::Online;
        local.failure = None;
        local.retried = false;
        local.looks_alive_at = config.looks_alive.map_or(Instant::MAX, |after| ctx.now + after);
        local.is_alive_at = ctx.now + config.is_alive;
        ctx.note(Note::Resource { resource: id, state: local.state, failure: None });
    }

    /// A resource signals its own failure.
    pub(super) fn reported(&mut self, ctx: &mut Ctx, id: ResourceId, failure: Failure) {
        let known = self.locals.get(id).map(|local| local.state);
        if matches!(known, Some(ResourceState::Online | ResourceState::OnlinePending)) {
            self.fail(ctx, id, failure);
        }
    }

    /// A pending resource tells that it is at work: PendingTimeout limits its silence, not the
    /// whole of it (wsfc.md §4.2).
    pub(super) fn at_work(&mut self, now: Instant, id: ResourceId) {
        if self.locals.get(id).is_some() {
            self.locals[id].pending_since = now;
        }
    }

    /// A resource failed: it and what cannot be without it are terminated; it is restarted here
    /// within its budget, or its restart action decides.
    fn fail(&mut self, ctx: &mut Ctx, id: ResourceId, failure: Failure) {
        self.locals[id].state = ResourceState::Failed;
        self.terminate_dependents(ctx, id);
        ctx.act(Act::Terminate(id), Pending::Nothing);
        let config = &ctx.config.resources[id];
        let now = ctx.now;
        let barred = self.barred(ctx.config, id);
        let spare = failure == Failure::NoInterface && self.is_spare(ctx.config, id);
        let local = &mut self.locals[id];
        local.op = None;
        local.probe = None;
        local.failure = Some(failure);
        while local.restarts.front().is_some_and(|at| now.since(*at) >= config.restart_period) {
            local.restarts.pop_front();
        }
        let restarts = local.restarts.len() as u32;
        let stays = config.restart_action == RestartAction::DontRestart || spare;
        let within =
            restarts < config.restart_threshold || ctx.config.has(Flaw::RestartBudgetIgnored);
        let budget = !stays && within && !local.retried;
        local.given_up = !budget;
        let budget = budget && !barred;
        // One more attempt after the period; after that the operator is waited for. The witness is
        // tried again and again (wsfc.md §3.2 witness failed).
        let ever = config.kind == ResourceKind::FileShareWitness;
        let again = config.retry_period_on_failure.filter(|_| !stays && (ever || !local.retried));
        let leaves = config.restart_action == RestartAction::RestartNotify && !local.retried;
        if budget {
            local.restarts.push_back(now);
            local.not_before = now + config.restart_delay;
        } else {
            local.retry_at = again.map(|after| now.saturating_add(after));
        }
        let state = ResourceState::Failed;
        ctx.note(Note::Resource { resource: id, state, failure: Some(failure) });
        if budget {
            ctx.note(Note::ResourceRestart { resource: id, restarts: restarts + 1 });
        } else if spare {
            self.locals[id].spare = true;
            self.off(ctx, id);
        } else if leaves {
            self.leaves[config.group] = Some(Why::ResourceFailed);
        }
    }

    /// Whether all that depends on a resource may do with another that has not failed for good: an
    /// address of a subnet that this node is not in is no loss then, and stays offline here.
    fn is_spare(&self, config: &Config, id: ResourceId) -> bool {
        let lives = |other: &&ResourceId| **other != id && !self.locals[**other].given_up;
        let clauses = config.resources.values().flat_map(|resource| &resource.depends_on);
        let mut naming = clauses.filter(|any| any.contains(&id)).peekable();
        naming.peek().is_some() && naming.all(|any| any.iter().any(|other| lives(&other)))
    }

    /// What ran on a resource that is gone, and cannot run on another.
    fn terminate_dependents(&mut self, ctx: &mut Ctx, id: ResourceId) {
        for (other, dependent) in ctx.config.resources.iter() {
            let runs = matches!(
                self.locals[other].state,
                ResourceState::Online | ResourceState::OnlinePending
            );
            let depends = dependent.depends_on.iter().any(|any| any.contains(&id));
            if runs && depends && !self.ready(ctx.config, other) {
                self.locals[other].state = ResourceState::Offline;
                self.terminate_dependents(ctx, other);
                ctx.act(Act::Terminate(other), Pending::Nothing);
                self.off(ctx, other);
            }
        }
    }

    /// Whether the witness's resource is here and failed beyond its restarts.
    pub(super) fn witness_failed(&self, config: &Config) -> bool {
        config.resources.iter().any(|(id, resource)| {
            resource.kind == ResourceKind::FileShareWitness
                && self.locals[id].state == ResourceState::Failed
                && self.locals[id].given_up
        })
    }

    /// The witness has just been won: its resource is worth another try at once.
    pub(super) fn witness_works(&mut self, ctx: &Ctx) {
        for (id, resource) in ctx.config.resources.iter() {
            if resource.kind == ResourceKind::FileShareWitness {
                let local = &mut self.locals[id];
                local.given_up = false;
                local.retry_at = None;
                local.not_before = ctx.now;
            }
        }
    }

    /// The witness is on another server: its resource, where it is not offline, begins anew there.
    fn witness_moved(&mut self, ctx: &mut Ctx) {
        for (id, resource) in ctx.config.resources.iter() {
            let quiet = matches!(
                self.locals[id].state,
                ResourceState::Offline | ResourceState::OfflinePending
            );
            if resource.kind == ResourceKind::FileShareWitness && !quiet {
                ctx.act(Act::Terminate(id), Pending::Nothing);
                self.locals[id] = self.locals[id].fresh();
                let state = ResourceState::Offline;
                ctx.note(Note::Resource { resource: id, state, failure: None });
            }
        }
    }

    /// Everything here ends at once.
    pub(super) fn terminate(&mut self, ctx: &mut Ctx) {
        for id in ctx.config.resources.ids() {
            match self.locals[id].state {
                ResourceState::Online
                | ResourceState::OnlinePending
                | ResourceState::OfflinePending => {
                    ctx.act(Act::Terminate(id), Pending::Nothing);
                    self.off(ctx, id);
                }
                ResourceState::Offline | ResourceState::Failed => {}
            }
        }
    }

    /// State of a group from those of its resources (wsfc.md §4.1).
    fn state(&self, ctx: &Ctx, group: GroupId) -> GroupState {
        let of = ctx.config.resources.iter().filter(|(_, r)| r.group == group);
        GroupState::of(of.map(|(id, _)| self.locals[id].state))
    }

    /// Tells the state of a group that changed it, or that has just come to this node.
    fn note_state(&mut self, ctx: &mut Ctx, group: GroupId, owner: bool, known: bool) {
        let state = self.state(ctx, group);
        let new = known && !self.owned[group];
        self.owned[group] = known || owner && self.owned[group];
        if self.states[group] == state && new {
            ctx.note(Note::Group { group, owner: ctx.config.me, state });
        } else if self.states[group] != state {
            self.states[group].demand(state);
            self.states[group] = state;
            if state == GroupState::Online {
                self.leaves[group] = None;
            }
            if owner {
                ctx.note(Note::Group { group, owner: ctx.config.me, state });
            }
        }
    }

    /// What the owner tells of a group.
    pub(super) fn report(&self, ctx: &Ctx, group: GroupId) -> GroupReport {
        let of = ctx.config.resources.iter().filter(|(_, r)| r.group == group);
        GroupReport {
            group,
            state: self.states[group],
            resources: of.map(|(id, _)| (id, self.locals[id].state)).collect(),
            leaves: self.leaves[group],
        }
    }

    /// Whether a report says something that was not told before; it counts as told then.
    pub(super) fn news(&mut self, report: &GroupReport) -> bool {
        let told = &mut self.told[report.group];
        let news = told.as_ref() != Some(report);
        if news {
            *told = Some(report.clone());
        }
        news
    }

    /// Whether the cluster database has a group of this node as it is.
    pub(super) fn agrees(
        &self,
        config: &Config,
        database: &ClusterDatabase,
        group: GroupId,
    ) -> bool {
        let entry = &database.groups[group];
        let of = config.resources.iter().filter(|(_, resource)| resource.group == group);
        entry.state == self.states[group]
            && (self.leaves[group].is_none() || entry.moving_to.is_some() || entry.stuck.is_some())
            && of.map(|(id, _)| id).all(|id| database.resources[id] == self.locals[id].state)
    }
}

impl GroupState {
    /// The state of a group whose resources have these states (wsfc.md §4.1 group state rule).
    pub fn of(states: impl Iterator<Item = ResourceState>) -> GroupState {
        let states: Vec<ResourceState> = states.collect();
        let any = |wanted: &[ResourceState]| states.iter().any(|state| wanted.contains(state));
        if any(&[ResourceState::Failed]) {
            GroupState::Failed
        } else if any(&[ResourceState::OnlinePending, ResourceState::OfflinePending]) {
            GroupState::Pending
        } else if !states.is_empty() && states.iter().all(|s| *s == ResourceState::Online) {
            GroupState::Online
        } else if any(&[ResourceState::Online]) {
            GroupState::PartialOnline
        } else {
            GroupState::Offline
        }
    }
}

fn failure_of(outcome: Outcome) -> Option<Failure> {
    match outcome {
        Outcome::Ok | Outcome::Copy(_) | Outcome::LastLogs { .. } | Outcome::WitnessBoot(_) => None,
        Outcome::Failed(failure) => Some(failure),
        Outcome::Refused(_) => Some(Failure::NotAlive),
        Outcome::TimedOut => Some(Failure::NoAnswer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_groups_state_follows_from_its_resources() {
        use ResourceState::{Failed, Offline, OfflinePending, Online, OnlinePending};
        for (states, expected) in [
            (&[][..], GroupState::Offline),
            (&[Offline, Offline], GroupState::Offline),
            (&[Online, Online], GroupState::Online),
            (&[Online, Offline], GroupState::PartialOnline),
            (&[Online, OnlinePending, Offline], GroupState::Pending),
            (&[Offline, OfflinePending], GroupState::Pending),
            (&[Online, Failed, OnlinePending], GroupState::Failed),
            (&[Failed], GroupState::Failed),
        ] {
            assert_eq!(GroupState::of(states.iter().copied()), expected, "{states:?}");
        }
    }
}
