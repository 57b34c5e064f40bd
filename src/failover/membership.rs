//! Membership: numbered views, made by a regroup among those who can all reach each other
//! (wsfc.md §2).

use super::Ctx;
use super::message::{Message, Regroup};
use super::seam::{Note, Timer};
use crate::base::{Id, IdVec, Instant, NodeId, NodeSet};

/// A regroup under way.
#[derive(Clone, Debug)]
struct Round {
    number: u64,
    candidates: NodeSet,
    began: Instant,
    ticks: u32,
    /// What the others said last.
    heard: IdVec<NodeId, Option<Regroup>>,
    /// Announced to this node's own journal with this reach.
    noted: NodeSet,
}

/// The view that this node is in, and the regroup that makes the next.
#[derive(Clone, Debug)]
pub(super) struct Membership {
    /// Number of the view; zero before the first.
    pub view: u64,
    /// Members of the view; empty while this node is in none.
    pub members: NodeSet,
    /// Highest number seen anywhere.
    highest: u64,
    round: Option<Round>,
    /// Members that have not confirmed the view that this node issued.
    unconfirmed: NodeSet,
    /// When this node entered the view.
    entered: Instant,
}

/// What a regroup came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Decided {
    pub view: u64,
    pub members: NodeSet,
    /// Reachable nodes that do not belong to it.
    pub evicted: NodeSet,
}

impl Membership {
    pub(super) fn new(epoch: u64) -> Self {
        Membership {
            view: 0,
            members: NodeSet::EMPTY,
            highest: epoch,
            round: None,
            unconfirmed: NodeSet::EMPTY,
            entered: Instant::ZERO,
        }
    }

    pub(super) fn is_member(&self) -> bool {
        !self.members.is_empty()
    }

    pub(super) fn regrouping(&self) -> bool {
        self.round.is_some()
    }

    /// Whether a member that asks to join may have asked before it heard of the view.
    pub(super) fn just_entered(&self, ctx: &Ctx, member: NodeId) -> bool {
        let tick = ctx.config.membership.tick;
        self.members.contains(member) && ctx.now.since(self.entered) < tick
    }

    /// Epoch by which databases are compared.
    pub(super) fn epoch(&self) -> u64 {
        self.highest
    }

    /// From now on views are numbered from at least this epoch.
    pub(super) fn begin_epoch(&mut self, epoch: u64) {
        self.highest = self.highest.max(epoch);
    }

    /// Takes part in a regroup with these candidates beside the present members.
    pub(super) fn regroup(&mut self, ctx: &mut Ctx, with: NodeSet) {
        let candidates = self.members.union(with).with(ctx.config.me);
        match &mut self.round {
            Some(round) => round.candidates = round.candidates.union(candidates),
            None => {
                self.round = Some(Round {
                    number: self.highest + 1,
                    candidates,
                    began: ctx.now,
                    ticks: 0,
                    heard: IdVec::filled(ctx.config.nodes.len(), None),
                    noted: NodeSet::EMPTY,
                });
                ctx.timers.set(Timer::Regroup, ctx.now);
            }
        }
    }

    /// A peer's step of a regroup.
    pub(super) fn hear(&mut self, ctx: &mut Ctx, from: NodeId, step: Regroup) {
        if step.round <= self.view && self.members.contains(from) {
            return;
        }
        self.regroup(ctx, step.candidates.with(from));
        let round = self.round.as_mut().expect("just begun");
        round.number = round.number.max(step.round);
        round.heard[from] = Some(step);
    }

    /// The next tick: tells the others, and decides if all agree or waited long enough.
    /// `newest` is the epoch and version of this node's cluster database.
    pub(super) fn tick(
        &mut self,
        ctx: &mut Ctx,
        reach: NodeSet,
        newest: (u64, u64),
    ) -> Option<Decided> {
        let member = self.is_member();
        let round = self.round.as_mut()?;
        let me = ctx.config.me;
        let waited = ctx.now.since(round.began);
        let mut reach = reach.intersection(round.candidates).with(me);
        if waited >= ctx.config.membership.opening {
            let answered = reach.iter().filter(|n| *n == me || round.heard[*n].is_some());
            reach = answered.collect();
        }
        if round.noted != reach {
            round.noted = reach;
            ctx.note(Note::Regroup { round: round.number, reach });
        }
        let mut step = Regroup {
            round: round.number,
            candidates: round.candidates,
            reach,
            mesh: NodeSet::EMPTY,
            newest,
            member,
        };
        if waited >= ctx.config.membership.opening + ctx.config.membership.stage {
            step.mesh = round.best_mesh(me, &step);
        }
        if round.ticks >= ctx.config.membership.minimum_ticks {
            let members = if round.agreed(me, &step) {
                Some(reach)
            } else if round.same_mesh(me, step.mesh) {
                Some(step.mesh)
            } else {
                None
            };
            if let Some(members) = members
                && round.issuer(me, members, &step) == me
            {
                return Some(self.decide(members, reach.minus(members)));
            }
        }
        self.round.as_mut()?.ticks += 1;
        for peer in reach.without(me).iter() {
            ctx.send(peer, Message::Regroup(step));
        }
        ctx.timers.set(Timer::Regroup, ctx.now + ctx.config.membership.tick);
        None
    }

    fn decide(&mut self, members: NodeSet, evicted: NodeSet) -> Decided {
        let round = self.round.take().expect("a regroup is under way");
        let view = self.highest.max(round.number).max(self.view + 1);
        Decided { view, members, evicted }
    }

    /// This node is in a new view.
    pub(super) fn enter(&mut self, ctx: &mut Ctx, view: u64, members: NodeSet, issued: bool) {
        let me = ctx.config.me;
        let before = self.members;
        self.round = None;
        ctx.timers.clear(Timer::Regroup);
        self.view = view;
        self.entered = ctx.now;
        self.highest = self.highest.max(view);
        self.members = members;
        self.unconfirmed = if issued { members.without(me) } else { NodeSet::EMPTY };
        let joined = if before.is_empty() { NodeSet::only(me) } else { members.minus(before) };
        ctx.note(Note::View { view, members, gone: before.minus(members), joined });
    }

    /// This node is in no view any more and looks for a cluster.
    pub(super) fn leave(&mut self, ctx: &mut Ctx) {
        self.members = NodeSet::EMPTY;
        self.round = None;
        self.unconfirmed = NodeSet::EMPTY;
        ctx.timers.clear(Timer::Regroup);
    }

    /// A member confirmed the view.
    pub(super) fn confirmed(&mut self, from: NodeId, view: u64) {
        if view == self.view {
            self.unconfirmed = self.unconfirmed.without(from);
        }
    }

    /// Members that are to be told the view (again).
    pub(super) fn unconfirmed(&self) -> NodeSet {
        self.unconfirmed
    }
}

impl Round {
    /// Whether everybody in reach sees the same candidates and the same reach.
    fn agreed(&self, me: NodeId, mine: &Regroup) -> bool {
        mine.reach.iter().filter(|n| *n != me).all(|n| {
            self.heard[n].is_some_and(|step| {
                step.candidates == mine.candidates
                    && step.reach == mine.reach
                    && step.round == mine.round
            })
        })
    }

    /// Whether every node of a mesh would cut out the same one.
    fn same_mesh(&self, me: NodeId, mesh: NodeSet) -> bool {
        let mut others = mesh.without(me).iter();
        mesh.contains(me) && others.all(|n| self.heard[n].is_some_and(|step| step.mesh == mesh))
    }

    /// The largest set in which every node reaches every other (wsfc.md §2 full mesh rule); of
    /// equals the one with the lowest numbers.
    fn best_mesh(&self, me: NodeId, mine: &Regroup) -> NodeSet {
        let said = |n: NodeId| {
            if n == me { mine.reach } else { self.heard[n].map_or(NodeSet::only(n), |s| s.reach) }
        };
        let nodes: Vec<NodeId> = self.candidates.iter().collect();
        let mut best = NodeSet::only(me);
        for choice in 1u32..1 << nodes.len() {
            let chosen = nodes.iter().enumerate().filter(|(i, _)| choice & 1 << i != 0);
            let set: NodeSet = chosen.map(|(_, n)| *n).collect();
            let mesh = set.iter().all(|n| said(n).contains_all(set));
            let better =
                set.len() > best.len() || set.len() == best.len() && set.iter().lt(best.iter());
            if mesh && better {
                best = set;
            }
        }
        best
    }

    /// Who issues the view: the member with the newest cluster database, then the lowest number.
    fn issuer(&self, me: NodeId, members: NodeSet, mine: &Regroup) -> NodeId {
        let rank = |n: NodeId| {
            let step = if n == me { Some(*mine) } else { self.heard[n] };
            let (member, newest) = step.map_or((false, (0, 0)), |s| (s.member, s.newest));
            (member, newest, core::cmp::Reverse(n.index()))
        };
        members.iter().max_by_key(|n| rank(*n)).unwrap_or(me)
    }
}
