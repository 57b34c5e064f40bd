//! Health checks and time-outs of resources (wsfc.md §4.2).

use super::Groups;
use crate::base::{Instant, OpId, ResourceId};
use crate::failover::config::Config;
use crate::failover::seam::{Act, Failure, Note, ResourceState, Timer};
use crate::failover::{Ctx, Pending};

impl Groups {
    /// A health check answered. A failed cheap one is followed by the thorough one at once.
    pub(super) fn checked(
        &mut self,
        ctx: &mut Ctx,
        id: ResourceId,
        op: OpId,
        cheap: bool,
        failure: Option<Failure>,
    ) {
        if self.locals[id].probe.is_none_or(|(mine, _)| mine != op) {
            return;
        }
        self.locals[id].probe = None;
        match failure {
            None => {}
            Some(_) if cheap => self.ask_is_alive(ctx, id),
            Some(failure) => self.fail(ctx, id, failure),
        }
    }

    fn ask_is_alive(&mut self, ctx: &mut Ctx, id: ResourceId) {
        let op = ctx.act(Act::IsAlive(id), Pending::IsAlive(id));
        self.locals[id].probe = Some((op, ctx.now));
    }

    /// The moment of a poll, a restart or a time-out may have come. Whether nothing but polls was
    /// due.
    pub(in crate::failover) fn wake(&mut self, ctx: &mut Ctx) -> bool {
        let mut routine = true;
        for id in ctx.config.resources.ids() {
            let config = &ctx.config.resources[id];
            let local = &mut self.locals[id];
            let silent = ctx.now.since(local.pending_since) >= config.pending_timeout;
            match (local.state, local.probe) {
                (ResourceState::OnlinePending, _) if silent => {
                    routine = false;
                    self.fail(ctx, id, Failure::NoAnswer);
                }
                (ResourceState::OfflinePending, _) if silent => {
                    routine = false;
                    ctx.act(Act::Terminate(id), Pending::Nothing);
                    self.off(ctx, id);
                }
                (ResourceState::Online, Some((_, since))) => {
                    if ctx.now.since(since) >= config.deadlock_timeout {
                        routine = false;
                        self.deadlock(ctx, id);
                    }
                }
                (ResourceState::Online, None) if local.is_alive_at <= ctx.now => {
                    local.is_alive_at = ctx.now + config.is_alive;
                    if let Some(after) = config.looks_alive {
                        local.looks_alive_at = ctx.now + after;
                    }
                    self.ask_is_alive(ctx, id);
                }
                (ResourceState::Online, None) if local.looks_alive_at <= ctx.now => {
                    let after = config.looks_alive.expect("only what is polled has a moment");
                    local.looks_alive_at = ctx.now + after;
                    let op = ctx.act(Act::LooksAlive(id), Pending::LooksAlive(id));
                    local.probe = Some((op, ctx.now));
                }
                (
                    ResourceState::Online
                    | ResourceState::Offline
                    | ResourceState::OnlinePending
                    | ResourceState::OfflinePending
                    | ResourceState::Failed,
                    _,
                ) => {}
            }
        }
        routine
    }

    /// A health check was not answered within DeadlockTimeout: the resource monitor is ended and
    /// started again, and with it everything that ran in it fails. From then on the culprit has a
    /// monitor of its own (wsfc.md §4.2 RHS hang, SeparateMonitor).
    fn deadlock(&mut self, ctx: &mut Ctx, id: ResourceId) {
        ctx.note(Note::MonitorEnded { resource: id });
        let alone = self.separate(ctx.config, id);
        self.locals[id].separate = true;
        self.fail(ctx, id, Failure::NoAnswer);
        if alone {
            return;
        }
        for other in ctx.config.resources.ids() {
            let shared = !self.separate(ctx.config, other);
            match self.locals[other].state {
                ResourceState::Online | ResourceState::OnlinePending if shared => {
                    self.fail(ctx, other, Failure::Terminated);
                }
                ResourceState::OfflinePending if shared => self.off(ctx, other),
                ResourceState::Online
                | ResourceState::OnlinePending
                | ResourceState::OfflinePending
                | ResourceState::Offline
                | ResourceState::Failed => {}
            }
        }
    }

    /// Whether a resource has a monitor of its own.
    fn separate(&self, config: &Config, id: ResourceId) -> bool {
        config.resources[id].separate_monitor || self.locals[id].separate
    }

    /// Sets the timers to the next moment of a poll, a restart or a time-out.
    pub(in crate::failover) fn arm(&self, ctx: &mut Ctx) {
        let (mut probe, mut resource) = (Instant::MAX, Instant::MAX);
        for (id, local) in self.locals.iter() {
            let config = &ctx.config.resources[id];
            match (local.state, local.probe) {
                (ResourceState::Online, None) => {
                    probe = probe.min(local.looks_alive_at).min(local.is_alive_at);
                }
                (ResourceState::Online, Some((_, since))) => {
                    probe = probe.min(since.saturating_add(config.deadlock_timeout));
                }
                (ResourceState::OnlinePending | ResourceState::OfflinePending, _) => {
                    let late = local.pending_since.saturating_add(config.pending_timeout);
                    resource = resource.min(late);
                }
                (ResourceState::Failed, _) if !local.given_up => {
                    resource = resource.min(local.not_before);
                }
                (ResourceState::Failed, _) => {
                    resource = resource.min(local.retry_at.unwrap_or(Instant::MAX));
                }
                (ResourceState::Offline, _) => {}
            }
        }
        for (timer, at) in [(Timer::Probe, probe), (Timer::Resource, resource)] {
            if at > ctx.now && at != Instant::MAX {
                ctx.timers.set(timer, at);
            } else {
                ctx.timers.clear(timer);
            }
        }
    }
}
