//! Groups and resources on their owner: dependency order, health checks, restarts
//! (wsfc.md §4).

use super::config::{Config, ResourceKind, RestartAction};
use super::message::GroupReport;
use super::seam::{Act, Failure, GroupState, Note, Outcome, ResourceState, Timer, Why};
use super::state::{ClusterDatabase, GroupEntry};
use super::transitions::State;
use super::{Ctx, Pending};
use crate::base::{GroupId, IdVec, Instant, OpId, ResourceId};
use std::collections::VecDeque;

/// A resource on this node.
#[derive(Clone, Debug, Default)]
struct Local {
    state: ResourceState,
    op: Option<OpId>,
    pending_since: Instant,
    /// Moments of the restarts within the period.
    restarts: VecDeque<Instant>,
    /// Not before then: the restart delay.
    not_before: Instant,
    /// Failed beyond its restarts.
    given_up: bool,
    retry_at: Option<Instant>,
    failure: Option<Failure>,
    looks_alive_at: Instant,
    is_alive_at: Instant,
    probe: Option<OpId>,
}

/// The groups of this node.
#[derive(Clone, Debug)]
pub(super) struct Groups {
    locals: IdVec<ResourceId, Local>,
    states: IdVec<GroupId, GroupState>,
    /// A group that cannot stay here, and why.
    leaves: IdVec<GroupId, Option<Why>>,
    told: IdVec<GroupId, Option<GroupReport>>,
}

impl Groups {
    pub(super) fn new(resources: usize, groups: usize) -> Self {
        Groups {
            locals: IdVec::filled(resources, Local::default()),
            states: IdVec::filled(groups, GroupState::Offline),
            leaves: IdVec::filled(groups, None),
            told: IdVec::filled(groups, None),
        }
    }

    /// Brings every resource one step nearer to where the cluster database wants it.
    pub(super) fn settle(&mut self, ctx: &mut Ctx, database: &ClusterDatabase, allowed: bool) {
        let me = ctx.config.me;
        for group in database.groups.ids() {
            let entry = &database.groups[group];
            if entry.owner != Some(me) {
                self.leaves[group] = None;
            }
            let wanted = allowed
                && entry.exists
                && entry.wanted
                && entry.owner == Some(me)
                && entry.moving_to.is_none()
                && !self.held_back(ctx, database, group);
            if allowed || entry.owner != Some(me) {
                self.settle_group(ctx, group, wanted);
            }
            self.note_state(ctx, group, entry.owner == Some(me));
        }
        self.arm(ctx);
    }

    /// Whether a group stays offline because this node is paused: what is offline on a paused node
    /// is not brought online there (wsfc.md §2 Paused). The core group is, or there would be no
    /// cluster.
    fn held_back(&self, ctx: &Ctx, database: &ClusterDatabase, group: GroupId) -> bool {
        let mut resources = ctx.config.resources.iter().filter(|(_, r)| r.group == group);
        database.nodes[ctx.config.me].paused
            && group != ctx.config.core_group()
            && resources.all(|(id, _)| self.locals[id].state == ResourceState::Offline)
    }

    fn settle_group(&mut self, ctx: &mut Ctx, group: GroupId, wanted: bool) {
        for id in ctx.config.resources.ids() {
            let config = &ctx.config.resources[id];
            if config.group != group {
                continue;
            }
            if wanted {
                self.try_online(ctx, id);
            } else {
                self.try_offline(ctx, id);
            }
        }
    }

    fn try_online(&mut self, ctx: &mut Ctx, id: ResourceId) {
        let config = &ctx.config.resources[id];
        let ready =
            config.depends_on.iter().all(|on| self.locals[*on].state == ResourceState::Online);
        let local = &mut self.locals[id];
        if local.given_up && local.retry_at.is_some_and(|at| at <= ctx.now) {
            local.given_up = false;
            local.retry_at = None;
            local.state = ResourceState::Offline;
        }
        let startable = match local.state {
            ResourceState::Offline => true,
            ResourceState::Failed => !local.given_up,
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

    fn try_offline(&mut self, ctx: &mut Ctx, id: ResourceId) {
        let mut dependents =
            ctx.config.resources.iter().filter(|(_, r)| r.depends_on.contains(&id));
        let free = dependents.all(|(other, _)| {
            matches!(self.locals[other].state, ResourceState::Offline | ResourceState::Failed)
        });
        let local = &mut self.locals[id];
        match local.state {
            ResourceState::Online if free => {
                local.state = ResourceState::OfflinePending;
                local.pending_since = ctx.now;
                local.op = Some(ctx.act(Act::Offline(id), Pending::Offline(id)));
                ctx.note(Note::Resource { resource: id, state: local.state, failure: None });
            }
            ResourceState::OnlinePending if free => {
                ctx.act(Act::Terminate(id), Pending::Nothing);
                self.off(ctx, id);
            }
            ResourceState::Failed | ResourceState::Offline => {
                let changed = local.state != ResourceState::Offline;
                *local =
                    Local { restarts: core::mem::take(&mut local.restarts), ..Local::default() };
                if changed {
                    let state = ResourceState::Offline;
                    ctx.note(Note::Resource { resource: id, state, failure: None });
                }
            }
            ResourceState::Online
            | ResourceState::OnlinePending
            | ResourceState::OfflinePending => {}
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
            Pending::LooksAlive(id) if self.locals[id].probe == Some(op) => {
                self.locals[id].probe = None;
                if failure_of(outcome).is_some() {
                    let probe = ctx.act(Act::IsAlive(id), Pending::IsAlive(id));
                    self.locals[id].probe = Some(probe);
                }
            }
            Pending::IsAlive(id) if self.locals[id].probe == Some(op) => {
                self.locals[id].probe = None;
                if let Some(failure) = failure_of(outcome) {
                    self.fail(ctx, id, failure);
                }
            }
            _ => {}
        }
    }

    fn on(&mut self, ctx: &mut Ctx, id: ResourceId) {
        let config = &ctx.config.resources[id];
        let local = &mut self.locals[id];
        local.state = ResourceState::Online;
        local.failure = None;
        local.looks_alive_at = ctx.now + config.looks_alive;
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

    /// A resource failed: it and what depends on it are terminated; it is restarted here within
    /// its budget, or its restart action decides.
    fn fail(&mut self, ctx: &mut Ctx, id: ResourceId, failure: Failure) {
        let config = &ctx.config.resources[id];
        for (other, dependent) in ctx.config.resources.iter() {
            let runs = matches!(
                self.locals[other].state,
                ResourceState::Online | ResourceState::OnlinePending
            );
            if runs && dependent.depends_on.contains(&id) {
                ctx.act(Act::Terminate(other), Pending::Nothing);
                self.off(ctx, other);
            }
        }
        ctx.act(Act::Terminate(id), Pending::Nothing);
        let now = ctx.now;
        let local = &mut self.locals[id];
        local.state = ResourceState::Failed;
        local.op = None;
        local.probe = None;
        local.failure = Some(failure);
        while local.restarts.front().is_some_and(|at| now.since(*at) >= config.restart_period) {
            local.restarts.pop_front();
        }
        let restarts = local.restarts.len() as u32;
        let budget = config.restart_action != RestartAction::DontRestart
            && restarts < config.restart_threshold;
        local.given_up = !budget;
        if budget {
            local.restarts.push_back(now);
            local.not_before = now + config.restart_delay;
        } else {
            local.retry_at = config.retry_period_on_failure.map(|after| now.saturating_add(after));
        }
        ctx.note(Note::Resource {
            resource: id,
            state: ResourceState::Failed,
            failure: Some(failure),
        });
        if budget {
            ctx.note(Note::ResourceRestart { resource: id, restarts: restarts + 1 });
        } else if config.restart_action == RestartAction::RestartNotify {
            self.leaves[config.group] = Some(Why::ResourceFailed);
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

    /// The moment of a poll, a restart or a pending time-out may have come.
    pub(super) fn wake(&mut self, ctx: &mut Ctx) {
        for id in ctx.config.resources.ids() {
            let config = &ctx.config.resources[id];
            let local = &mut self.locals[id];
            let pending = match local.state {
                ResourceState::OnlinePending | ResourceState::OfflinePending => true,
                ResourceState::Online | ResourceState::Offline | ResourceState::Failed => false,
            };
            if pending && ctx.now.since(local.pending_since) >= config.pending_timeout {
                if local.state == ResourceState::OnlinePending {
                    self.fail(ctx, id, Failure::NoAnswer);
                } else {
                    ctx.act(Act::Terminate(id), Pending::Nothing);
                    self.off(ctx, id);
                }
            } else if local.state == ResourceState::Online && local.probe.is_none() {
                if local.is_alive_at <= ctx.now {
                    local.is_alive_at = ctx.now + config.is_alive;
                    local.looks_alive_at = ctx.now + config.looks_alive;
                    local.probe = Some(ctx.act(Act::IsAlive(id), Pending::IsAlive(id)));
                } else if local.looks_alive_at <= ctx.now {
                    local.looks_alive_at = ctx.now + config.looks_alive;
                    local.probe = Some(ctx.act(Act::LooksAlive(id), Pending::LooksAlive(id)));
                }
            }
        }
    }

    fn arm(&self, ctx: &mut Ctx) {
        let (mut probe, mut resource) = (None::<Instant>, None::<Instant>);
        let earliest = |slot: &mut Option<Instant>, at: Instant| {
            *slot = Some(slot.map_or(at, |before| before.min(at)));
        };
        for (id, local) in self.locals.iter() {
            let config = &ctx.config.resources[id];
            match local.state {
                ResourceState::Online if local.probe.is_none() => {
                    earliest(&mut probe, local.looks_alive_at.min(local.is_alive_at));
                }
                ResourceState::OnlinePending | ResourceState::OfflinePending => {
                    earliest(&mut resource, local.pending_since + config.pending_timeout);
                }
                ResourceState::Failed if !local.given_up => {
                    earliest(&mut resource, local.not_before);
                }
                ResourceState::Failed => {
                    if let Some(at) = local.retry_at {
                        earliest(&mut resource, at);
                    }
                }
                ResourceState::Online | ResourceState::Offline => {}
            }
        }
        for (timer, at) in [(Timer::Probe, probe), (Timer::Resource, resource)] {
            match at {
                Some(at) if at > ctx.now => ctx.timers.set(timer, at),
                _ => ctx.timers.clear(timer),
            }
        }
    }

    /// State of a group from those of its resources (wsfc.md §4.1).
    fn state(&self, ctx: &Ctx, group: GroupId) -> GroupState {
        let of = ctx.config.resources.iter().filter(|(_, r)| r.group == group);
        let states: Vec<ResourceState> = of.map(|(id, _)| self.locals[id].state).collect();
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

    fn note_state(&mut self, ctx: &mut Ctx, group: GroupId, owner: bool) {
        let state = self.state(ctx, group);
        if self.states[group] != state {
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
    pub(super) fn agrees(&self, group: GroupId, entry: &GroupEntry) -> bool {
        entry.state == self.states[group]
            && (self.leaves[group].is_none() || entry.moving_to.is_some() || entry.stuck)
    }
}

fn failure_of(outcome: Outcome) -> Option<Failure> {
    match outcome {
        Outcome::Ok | Outcome::Copy(_) | Outcome::LastLogs { .. } => None,
        Outcome::Failed(failure) => Some(failure),
        Outcome::Refused(_) => Some(Failure::NotAlive),
        Outcome::TimedOut => Some(Failure::NoAnswer),
    }
}
