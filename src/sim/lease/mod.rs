//! Fencing by time: what a member serves is reachable only while its lease runs, which the kernel
//! ends by itself. The rules are those of [`fencing`](crate::failover::fencing), as `dagtwin agent`
//! keeps them on real hosts; docs/AGENT.md says why they suffice. Without `lease.enabled` nothing
//! here happens.
//!
//! A process looks at its leases at every turn, and they are renewed only as long as nobody can
//! have taken over. The kernel goes on when the process is killed or stands still.

mod keeper;

pub(super) use keeper::{Judged, claimed, judge, released, reserves};

use super::event::Event as Planned;
use super::plant::Plant;
use super::{faults, host, mail, resources, storage};
use crate::base::{Id, IdVec, Instant, MachineId, NodeId, NodeSet, OpId, Span};
use crate::failover::config::Flaw;
use crate::failover::fencing::{Binding, Bonds, Bound, Fence, Margins, Voter, majority};
use crate::failover::message::Message;
use crate::failover::seam::Act;
use crate::journal::RecordNo;
use crate::journal::record::Plant as Change;
use crate::model::{Service, Topology};
use bevy_ecs::prelude::Resource;
use keeper::Keeper;

/// What members and their kernels keep of leases.
#[derive(Resource)]
pub(super) struct Leases {
    bound: Bound,
    patience: Span,
    look: Span,
    /// None without leases.
    members: IdVec<NodeId, Member>,
}

/// One member's part.
struct Member {
    bonds: Bonds,
    fence: Fence,
    /// Who has a vote beside it, and whether it has one.
    voters: Vec<Voter>,
    votes: bool,
    keeper: Keeper,
    /// When the process last looked, by its clock.
    turn: Option<Instant>,
    /// What may not begin before this member is bound to nobody that it takes over from.
    waits: Vec<(OpId, Act, RecordNo)>,
    /// Until when the kernel lets clients reach what is served here.
    until: Instant,
    /// Whether it does, and the record of the last change.
    runs: bool,
    since: RecordNo,
    /// An end of the lease is planned.
    planned: bool,
}

/// What happens later to leases.
#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    /// The process looks at its leases.
    Turn { node: NodeId, life: u32 },
    /// What waited may be free to begin.
    Free { node: NodeId, life: u32 },
    /// The kernel's lease ends, unless it was renewed.
    End { node: NodeId },
    /// The process looks at the witness's record, or renews it.
    Look { node: NodeId, life: u32 },
    /// The file server has answered what was asked at a moment of the process's clock.
    Looked { node: NodeId, life: u32, server: u8, asked: Instant },
    /// A claim looks once more.
    Claim { server: u8, node: NodeId, life: u32, op: OpId, cause: RecordNo },
}

impl Leases {
    /// Nobody has one yet.
    pub(super) fn new(topology: &Topology) -> Self {
        let (settings, bound) = (&topology.settings.lease, topology.settings.lease_bound());
        let servers = topology.witness_servers().len().max(1);
        let member = |node: NodeId| Member {
            bonds: Bonds::begun(topology.nodes, bound.wait, bound.drift, Instant::ZERO),
            fence: Fence::new(Margins { drift: bound.drift, slack: bound.send }),
            voters: topology.voters_beside(node),
            votes: topology.machines[node.into()].vote,
            keeper: Keeper::new(servers, settings.witness_patience),
            turn: None,
            waits: Vec::new(),
            until: Instant::ZERO,
            runs: false,
            since: RecordNo(0),
            planned: false,
        };
        let nodes = if settings.enabled { topology.nodes } else { 0 };
        let (patience, look) = (settings.witness_patience, settings.witness_interval);
        Leases { bound, patience, look, members: (0..nodes).map(NodeId::at).map(member).collect() }
    }

    /// Whether there are leases at all.
    pub(super) fn enabled(&self) -> bool {
        !self.members.is_empty()
    }

    fn of(&self, machine: MachineId) -> Option<&Member> {
        self.members.get(NodeId(machine.0))
    }

    /// Whether clients can reach what floats to a machine, as far as its lease goes.
    pub(super) fn open(&self, machine: MachineId) -> bool {
        self.of(machine).is_none_or(|member| member.runs)
    }

    /// The record of the last change of a machine's lease; of none the first record.
    pub(super) fn since(&self, machine: MachineId) -> RecordNo {
        self.of(machine).map_or(RecordNo(0), |member| member.since)
    }
}

/// What a process's clock shows: one that goes on whatever happens and never jumps.
pub(super) fn now(p: &Plant, node: NodeId, at: Instant) -> Instant {
    p.faults.clocks.steady(node, at)
}

/// When a process's clock shows a moment, but not before now.
fn when(p: &Plant, node: NodeId, at: Instant, local: Instant) -> Instant {
    p.faults.clocks.steady_at(node, local).max(at)
}

fn planted(p: &Plant, flaw: Flaw) -> bool {
    p.settings().test.planted == Some(flaw)
}

/// A life of a member's Cluster service begins: left-overs of an earlier one go first.
pub(super) fn begin(p: &mut Plant, at: Instant, node: NodeId, cause: RecordNo) {
    if !p.leases.enabled() {
        return;
    }
    close(p, at, node, cause);
    clean(p, at, node, cause);
    let (nodes, now) = (p.setup.topology.nodes, now(p, node, at));
    let Bound { wait, drift, .. } = p.leases.bound;
    let member = &mut p.leases.members[node];
    member.bonds = Bonds::begun(nodes, wait, drift, now);
    member.fence.forget();
    member.keeper.forget();
    member.waits.clear();
    member.turn = None;
}

/// A life has begun: it looks at its leases and at the witness from now on.
pub(super) fn begun(p: &mut Plant, at: Instant, node: NodeId) {
    if p.leases.enabled() {
        let life = host::life(p, node);
        p.plan(at, Planned::Lease(Event::Turn { node, life }));
        p.plan(at, Planned::Lease(Event::Look { node, life }));
    }
}

/// A life ends in good order: everything is withdrawn at once.
pub(super) fn ended(p: &mut Plant, at: Instant, node: NodeId, cause: RecordNo) {
    if p.leases.enabled() {
        let member = &mut p.leases.members[node];
        member.waits.clear();
        member.fence.forget();
        close(p, at, node, cause);
    }
}

/// The process is killed: what the kernel has goes on until the lease ends. Whether there are
/// leases.
pub(super) fn killed(p: &mut Plant, at: Instant, node: NodeId, cause: RecordNo) -> bool {
    if !p.leases.enabled() {
        return false;
    }
    let member = &mut p.leases.members[node];
    member.waits.clear();
    member.fence.forget();
    if !member.runs {
        clean(p, at, node, cause);
    }
    true
}

/// The machine is off: nothing of it is reachable.
pub(super) fn machine_off(p: &mut Plant, at: Instant, machine: MachineId, cause: RecordNo) {
    if p.leases.of(machine).is_some() {
        close(p, at, NodeId(machine.0), cause);
    }
}

/// Removes what is left of a life: nothing answers for it any more.
fn clean(p: &mut Plant, at: Instant, node: NodeId, cause: RecordNo) {
    resources::machine_off(p, at, node.into(), cause);
    storage::killed(p, at, node, |_, _| true, cause);
}

/// What a frame to another member says of how long its sender is bound to it.
pub(super) fn binding(p: &Plant, at: Instant, from: NodeId, to: NodeId) -> Option<Binding> {
    let now = now(p, from, at);
    p.leases.members.get(from).map(|member| member.bonds.binding(to, now))
}

/// A frame of another member came.
pub(super) fn came(
    p: &mut Plant,
    at: Instant,
    node: NodeId,
    (from, binding): (NodeId, Binding),
    message: &Message,
) {
    let now = now(p, node, at);
    let member = &mut p.leases.members[node];
    member.bonds.stamped(from, binding.stamp);
    if matches!(message, Message::Reply { .. }) {
        member.bonds.answered(from, now);
    }
    if *message == Message::Leave {
        member.bonds.dismissed(from);
    }
    member.fence.promised(from, binding.echo, binding.bound);
}

/// The core has taken a step: what it is bound to holds for all that it wants done.
pub(super) fn stepped(p: &mut Plant, at: Instant, node: NodeId) {
    if !p.leases.enabled() {
        return;
    }
    let now = now(p, node, at);
    let view = p.host(node).node.as_ref().map(|core| core.view());
    let (members, in_force) =
        view.map_or((NodeSet::EMPTY, false), |view| (view.members, view.in_force));
    p.leases.members[node].bonds.viewed(members, in_force, now);
}

/// All that a step wants done has begun. What nobody vouched for before it may be granted at once.
pub(super) fn seen(p: &mut Plant, at: Instant, node: NodeId, step: RecordNo) {
    if !p.leases.enabled() {
        return;
    }
    stepped(p, at, node);
    let now = now(p, node, at);
    let member = &p.leases.members[node];
    let half = p.leases.bound.length.scaled(1, 2);
    let looked = member.turn.is_some_and(|last| now.saturating_since(last) <= half);
    if looked && !member.runs && is_safe(p, node, now) {
        renew(p, at, node, now, step);
    }
}

/// Whether something has to wait until this member is bound to nobody that it takes over from;
/// then it is kept.
pub(super) fn waits(
    p: &mut Plant,
    at: Instant,
    node: NodeId,
    op: OpId,
    act: &Act,
    cause: RecordNo,
) -> bool {
    let takes_over = matches!(act, Act::Online(_) | Act::Mount(_) | Act::ClaimWitness { .. });
    if !p.leases.enabled() || !takes_over || planted(p, Flaw::BondsNotKept) {
        return false;
    }
    let Some(core) = &p.host(node).node else { return false };
    let members = core.view().members;
    let absent: NodeSet =
        p.setup.topology.node_ids().filter(|other| !members.contains(*other)).collect();
    let free = p.leases.members[node].bonds.free(absent);
    if free <= now(p, node, at) {
        return false;
    }
    p.leases.members[node].waits.push((op, act.clone(), cause));
    let (free, life) = (when(p, node, at, free), host::life(p, node));
    p.plan(free, Planned::Lease(Event::Free { node, life }));
    true
}

/// Until when nobody can have taken over from a member, as far as it knows.
fn safe_until(p: &Plant, node: NodeId) -> Option<Instant> {
    let view = p.host(node).node.as_ref()?.view();
    if !view.quorum {
        return None;
    }
    if view.database.quorum.forced {
        // An administrator has said that nobody else serves.
        return Some(Instant::MAX);
    }
    let member = &p.leases.members[node];
    let evicted = view.database.evicted;
    let has_vote = |voter: &&Voter| match voter {
        Voter::Member(other) => !evicted.contains(*other),
        Voter::Witness => true,
    };
    let voters: Vec<Voter> = member.voters.iter().filter(has_vote).copied().collect();
    member.fence.until(&voters, majority(voters.len(), member.votes))
}

/// The process looks at its leases. One that stood still knows nothing any more.
fn turn(p: &mut Plant, at: Instant, node: NodeId) {
    let (now, bound) = (now(p, node, at), p.leases.bound);
    let member = &mut p.leases.members[node];
    let last = member.turn.replace(now).unwrap_or(now);
    if now.saturating_since(last) > bound.length.scaled(1, 2) {
        member.fence.forget();
        let cause = stood_still(p, node);
        close(p, at, node, cause);
    }
    if is_safe(p, node, now) {
        let cause = p.service(node.into(), Service::Cluster).since;
        renew(p, at, node, now, cause);
    }
    let life = host::life(p, node);
    let next = when(p, node, at, now + bound.interval);
    p.plan(next, Planned::Lease(Event::Turn { node, life }));
}

/// Whether a lease that is renewed now ends before anybody can have taken over.
fn is_safe(p: &Plant, node: NodeId, now: Instant) -> bool {
    let lasts = p.leases.bound.length + p.leases.bound.send;
    safe_until(p, node).is_some_and(|until| {
        let latest = until.saturating_since(Instant::ZERO).saturating_sub(lasts);
        now.since(Instant::ZERO) <= latest
    })
}

/// The kernel renews the lease, at the latest moment that is allowed to it.
fn renew(p: &mut Plant, at: Instant, node: NodeId, now: Instant, cause: RecordNo) {
    let Bound { length, send, wait, .. } = p.leases.bound;
    let longer = if planted(p, Flaw::LeaseOutlivesBound) { wait * 4 } else { Span::ZERO };
    if !p.leases.members[node].runs {
        give_up(p, at, node, cause);
        let machine = MachineId::from(node);
        let record = p.change(at, Some(cause), Change::Lease { machine, runs: true });
        let member = &mut p.leases.members[node];
        (member.runs, member.since) = (true, record);
        mail::service_changed(p, at, machine, record);
    }
    let until = when(p, node, at, now + send + length + longer);
    let member = &mut p.leases.members[node];
    member.until = until.max(member.until);
    if !std::mem::replace(&mut member.planned, true) {
        let until = member.until;
        p.plan(until, Planned::Lease(Event::End { node }));
    }
}

/// What another has by now is still here only because nobody could tell this member to let it go:
/// it is removed before a lease is granted anew.
fn give_up(p: &mut Plant, at: Instant, node: NodeId, cause: RecordNo) {
    let Some(core) = &p.host(node).node else { return };
    let database = core.view().database.clone();
    for id in p.setup.topology.resources.ids() {
        let group = database.groups.get(p.setup.topology.resources[id].group);
        if group.is_none_or(|group| group.owner != Some(node)) {
            resources::remove(p, at, node, id, cause);
        }
    }
    let elsewhere =
        |_: &Plant, id| database.databases.get(id).is_none_or(|entry| entry.active != Some(node));
    storage::killed(p, at, node, elsewhere, cause);
}

/// What let a lease end: what made the process stand still or end, or the first frame that was
/// lost, or nothing that is known but that it was granted.
fn stood_still(p: &Plant, node: NodeId) -> RecordNo {
    let (machine, granted) = (MachineId::from(node), p.leases.members[node].since);
    let (power, service) = (p.machine(machine).since, p.service(machine, Service::Cluster).since);
    let silence = p.host(node).first_loss().unwrap_or(granted);
    let newest = power.max(service).max(p.host(node).hung_by).max(granted);
    if newest > granted { newest } else { silence.max(granted) }
}

/// What a machine serves is not reachable from now on.
fn close(p: &mut Plant, at: Instant, node: NodeId, cause: RecordNo) {
    let machine = MachineId::from(node);
    if !p.leases.members[node].runs {
        return;
    }
    let record = p.change(at, Some(cause), Change::Lease { machine, runs: false });
    let member = &mut p.leases.members[node];
    (member.runs, member.since, member.until) = (false, record, Instant::ZERO);
}

/// The kernel's lease ends, unless it was renewed. Nobody serves what a life left behind.
fn end(p: &mut Plant, at: Instant, node: NodeId) {
    let until = p.leases.members[node].until;
    if until > at {
        return p.plan(until, Planned::Lease(Event::End { node }));
    }
    p.leases.members[node].planned = false;
    if p.leases.members[node].runs {
        let cause = stood_still(p, node);
        close(p, at, node, cause);
        if p.host(node).node.is_none() {
            let record = p.leases.members[node].since;
            clean(p, at, node, record);
        }
    }
}

/// Whoever would do something stands still: it is done when it goes on.
fn waits_for(p: &mut Plant, node: NodeId, event: Event) -> bool {
    faults::postponed(p, node.into(), Planned::Lease(event))
        || host::postponed(p, node, Planned::Lease(event))
}

/// Something planned happens.
pub(super) fn handle(p: &mut Plant, at: Instant, event: Event) {
    let (node, life) = match event {
        Event::End { node } => return end(p, at, node),
        Event::Turn { node, life }
        | Event::Free { node, life }
        | Event::Look { node, life }
        | Event::Looked { node, life, .. }
        | Event::Claim { node, life, .. } => (node, life),
    };
    if let Event::Claim { server, op, .. } = event
        && host::life(p, node) != life
    {
        return super::witness::forgotten(p, server, node, life, op);
    }
    if host::life(p, node) != life || waits_for(p, node, event) {
        return;
    }
    match event {
        Event::End { .. } => {}
        Event::Turn { .. } => turn(p, at, node),
        Event::Free { .. } => {
            for (op, act, cause) in std::mem::take(&mut p.leases.members[node].waits) {
                host::begin(p, at, node, op, act, cause);
            }
        }
        Event::Look { .. } => keeper::look(p, at, node),
        Event::Looked { server, asked, .. } => keeper::looked(p, at, node, server, asked),
        Event::Claim { server, op, cause, .. } => {
            super::witness::claim_again(p, at, (node, op), server, cause);
        }
    }
}
