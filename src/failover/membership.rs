//! Membership: numbered views, made by a regroup among those who can all reach each other
//! (wsfc.md §2).

use super::Ctx;
use super::config::Flaw;
use super::message::{Message, Regroup};
use super::seam::{Note, Timer};
use crate::base::{Id, IdVec, Instant, NodeId, NodeSet, Span};

/// A regroup under way.
#[derive(Clone, Debug, Hash)]
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
#[derive(Clone, Debug, Hash)]
pub(super) struct Membership {
    /// Number of the view; zero before the first.
    pub view: u64,
    /// Members of the view; empty while this node is in none.
    pub members: NodeSet,
    /// Highest number seen anywhere.
    highest: u64,
    round: Option<Round>,
    /// Who issued the view.
    issuer: Option<NodeId>,
    /// Members that have not confirmed the view that this node issued.
    unconfirmed: NodeSet,
    /// Whether every member has taken the view. Before that nobody acts on it: a member may have
    /// taken another one.
    in_force: bool,
    /// The life of each member when the view was made, and of those that left since quorum was held
    /// last; none for all others.
    lives: IdVec<NodeId, Option<Instant>>,
    /// Members whose service was new when the view was made.
    new: NodeSet,
    /// When this life of the service began.
    life: Instant,
    /// When this node entered the view.
    entered: Instant,
}

/// What a regroup came to.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub(super) struct Decided {
    pub view: u64,
    pub members: NodeSet,
    /// The lives of the members, in their order.
    pub lives: Vec<Instant>,
    /// Members whose service is new.
    pub new: NodeSet,
    /// Reachable nodes that do not belong to it.
    pub evicted: NodeSet,
}

impl Membership {
    pub(super) fn new(epoch: u64, nodes: usize, life: Instant) -> Self {
        Membership {
            view: 0,
            members: NodeSet::EMPTY,
            highest: epoch,
            round: None,
            issuer: None,
            unconfirmed: NodeSet::EMPTY,
            in_force: false,
            lives: IdVec::filled(nodes, None),
            new: NodeSet::EMPTY,
            life,
            entered: Instant::ZERO,
        }
    }

    pub(super) fn is_member(&self) -> bool {
        !self.members.is_empty()
    }

    pub(super) fn regrouping(&self) -> bool {
        self.round.is_some()
    }

    /// Whether every member has taken the view.
    pub(super) fn in_force(&self) -> bool {
        self.in_force
    }

    /// Every member has taken the view.
    pub(super) fn put_in_force(&mut self) {
        self.in_force = true;
    }

    /// When this life of the service began.
    pub(super) fn life(&self) -> Instant {
        self.life
    }

    /// Whether a member's service began anew since the view was made.
    pub(super) fn began_anew(&self, member: NodeId, life: Instant) -> bool {
        self.members.contains(member) && self.lives[member].is_some_and(|known| known < life)
    }

    /// Whether a member that asks to join may have asked before it heard of the view.
    pub(super) fn just_entered(&self, now: Instant, tick: Span, member: NodeId) -> bool {
        self.members.contains(member) && now.since(self.entered) < tick
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
    /// `newest` is the epoch and version of this node's cluster database, `forced` whether its
    /// quorum is.
    pub(super) fn tick(
        &mut self,
        ctx: &mut Ctx,
        reach: NodeSet,
        newest: (u64, u64),
        forced: bool,
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
            forced,
            member,
            life: self.life,
        };
        let staged = ctx.config.membership.opening + ctx.config.membership.stage;
        if waited >= staged {
            step.mesh = round.best_mesh(me, &step);
        }
        if waited >= staged + ctx.config.membership.pruning {
            // In a chain each one hopes for a neighbour that hopes for another.
            step.mesh = NodeSet::only(me);
        }
        let oldest = ctx.config.has(Flaw::LostClusterDatabase);
        if round.ticks >= ctx.config.membership.minimum_ticks {
            let members = if round.agreed(me, &step) {
                Some(reach)
            } else if round.same_mesh(me, step.mesh) {
                Some(step.mesh)
            } else {
                None
            };
            if let Some(members) = members
                && round.issuer(me, members, &step, oldest) == me
            {
                return Some(self.decide(me, members, reach.minus(members)));
            }
        }
        self.round.as_mut()?.ticks += 1;
        for peer in reach.without(me).iter() {
            ctx.send(peer, Message::Regroup(step));
        }
        ctx.timers.set(Timer::Regroup, ctx.now + ctx.config.membership.tick);
        None
    }

    fn decide(&mut self, me: NodeId, members: NodeSet, evicted: NodeSet) -> Decided {
        let round = self.round.take().expect("a regroup is under way");
        let view = self.highest.max(round.number);
        let life = |node: NodeId| {
            let heard = round.heard[node].map(|step| step.life);
            if node == me { self.life } else { heard.expect("a member of the view was heard") }
        };
        let lives: Vec<Instant> = members.iter().map(life).collect();
        let known = members.iter().zip(&lives).map(|(node, life)| (node, Some(*life)));
        let new = known.filter(|(node, life)| self.lives[*node] != *life).map(|(node, _)| node);
        Decided { view, members, new: new.collect(), lives, evicted }
    }

    /// This node is in a new view. `new` are members whose service is, as its issuer knows.
    pub(super) fn enter(
        &mut self,
        ctx: &mut Ctx,
        view: u64,
        members: NodeSet,
        (lives, new): (&[Instant], NodeSet),
        issuer: NodeId,
    ) {
        let me = ctx.config.me;
        let before = self.members;
        self.round = None;
        ctx.timers.clear(Timer::Regroup);
        self.view = view;
        self.entered = ctx.now;
        self.highest = self.highest.max(view);
        self.members = members;
        self.issuer = Some(issuer);
        self.unconfirmed = if issuer == me { members.without(me) } else { NodeSet::EMPTY };
        self.in_force = members == NodeSet::only(me);
        self.new = new;
        for (node, life) in members.iter().zip(lives) {
            self.lives[node] = Some(*life);
        }
        let joined = if before.is_empty() { NodeSet::only(me) } else { members.minus(before) };
        ctx.note(Note::View { view, members, gone: before.minus(members), joined });
    }

    /// Members whose service was new when the view was made.
    pub(super) fn new_members(&self) -> NodeSet {
        self.new
    }

    /// The view has quorum: it goes on without those that are not in it, and if they come back
    /// nothing of theirs is left. Before that they may come back as they were.
    pub(super) fn goes_on(&mut self) {
        for (node, life) in self.lives.iter_mut() {
            *life = life.filter(|_| self.members.contains(node));
        }
    }

    /// This node is in no view any more and looks for a cluster.
    pub(super) fn leave(&mut self, ctx: &mut Ctx) {
        self.members = NodeSet::EMPTY;
        self.lives = IdVec::filled(self.lives.len(), None);
        self.round = None;
        self.unconfirmed = NodeSet::EMPTY;
        self.in_force = false;
        ctx.timers.clear(Timer::Regroup);
    }

    /// A member confirmed the view that this node issued. Tells whether all have.
    pub(super) fn confirmed(&mut self, me: NodeId, from: NodeId, view: u64) -> bool {
        if view != self.view || self.issuer != Some(me) || !self.members.contains(from) {
            return false;
        }
        self.unconfirmed = self.unconfirmed.without(from);
        self.unconfirmed.is_empty()
    }

    /// Whether a member says that the view is in force which this node waits for.
    pub(super) fn told_in_force(&self, from: NodeId, view: u64) -> bool {
        view == self.view && self.issuer == Some(from) && !self.in_force && self.is_member()
    }

    /// Whether this is the view that this node is in.
    pub(super) fn issued_by(&self, issuer: NodeId, view: u64) -> bool {
        view == self.view && self.issuer == Some(issuer)
    }

    /// Whom this node has to ask whether the view that it took is in force.
    pub(super) fn waits_for(&self) -> Option<NodeId> {
        self.issuer.filter(|_| self.is_member() && !self.in_force)
    }

    /// The lives of the members, in their order.
    pub(super) fn lives(&self) -> Vec<Instant> {
        self.members.iter().filter_map(|node| self.lives[node]).collect()
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
        let mutual = |n: NodeId| -> NodeSet {
            let reached = said(n).intersection(self.candidates).iter();
            reached.filter(|other| said(*other).contains(n)).collect()
        };
        let mutual: IdVec<NodeId, NodeSet> =
            (0..self.heard.len()).map(|n| mutual(NodeId::at(n))).collect();
        let mut best = NodeSet::EMPTY;
        grow(&mutual, NodeSet::EMPTY, self.candidates, &mut best);
        best
    }

    /// Who issues the view: a node whose quorum is forced, then the member with the newest cluster
    /// database, then the lowest number.
    fn issuer(&self, me: NodeId, members: NodeSet, mine: &Regroup, oldest: bool) -> NodeId {
        let rank = |n: NodeId| {
            let step = if n == me { Some(*mine) } else { self.heard[n] };
            let known = step.map(|step| (step.forced, step.member, step.newest));
            (known, core::cmp::Reverse(n.index()))
        };
        let chosen = match oldest {
            true => members.iter().min_by_key(|n| rank(*n)),
            false => members.iter().max_by_key(|n| rank(*n)),
        };
        chosen.unwrap_or(me)
    }
}

/// Looks for a mesh that is larger than the best so far: `chosen` is one, and every node that may
/// still come to it reaches all of it. The lowest numbers are tried first, so that of equal ones
/// the first found is the one to take; what cannot become larger is not looked at, so that 16 nodes
/// are a matter of microseconds.
fn grow(mutual: &IdVec<NodeId, NodeSet>, chosen: NodeSet, open: NodeSet, best: &mut NodeSet) {
    if chosen.len() > best.len() {
        *best = chosen;
    }
    let enough = |_: &NodeId| open.iter().nth(best.len() - chosen.len()).is_some();
    let Some(next) = open.lowest().filter(enough) else { return };
    let open = open.without(next);
    grow(mutual, chosen.with(next), open.intersection(mutual[next]), best);
    grow(mutual, chosen, open, best);
}

#[cfg(test)]
mod tests {
    use super::*;

    const ME: NodeId = NodeId(0);

    /// Node 0 in view 7, which it issued a second into the run, with 1 and 2.
    fn in_view_7() -> Membership {
        let others = NodeSet::first(3).without(ME);
        Membership {
            view: 7,
            members: NodeSet::first(3),
            issuer: Some(ME),
            unconfirmed: others,
            entered: Instant::ZERO + Span::from_secs(1),
            ..Membership::new(7, 4, Instant::ZERO)
        }
    }

    #[test]
    fn a_view_is_confirmed_by_its_members_to_its_issuer() {
        let mut view = in_view_7();
        assert!(!view.confirmed(ME, NodeId(1), 7), "node 2 has not");
        assert!(!view.confirmed(ME, NodeId(2), 6), "an older view");
        assert!(!view.confirmed(ME, NodeId(3), 7), "no member");
        assert!(!view.confirmed(NodeId(1), NodeId(2), 7), "another one issued it");
        assert_eq!(view.unconfirmed(), NodeSet::only(NodeId(2)));
        assert!(view.confirmed(ME, NodeId(2), 7));
        assert!(view.confirmed(ME, NodeId(2), 7), "said again");
        assert!(!view.confirmed(ME, NodeId(2), 6) && !view.confirmed(ME, NodeId(3), 7));
        assert!(!view.confirmed(NodeId(1), NodeId(2), 7));
    }

    #[test]
    fn a_view_is_known_by_its_number_and_its_issuer() {
        let view = in_view_7();
        assert!(view.issued_by(ME, 7));
        assert!(!view.issued_by(NodeId(1), 7) && !view.issued_by(ME, 6));
        assert!(view.told_in_force(ME, 7));
        assert!(!view.told_in_force(NodeId(1), 7) && !view.told_in_force(ME, 8));
    }

    #[test]
    fn a_member_may_have_asked_to_join_within_the_first_tick_of_a_view() {
        let (view, tick) = (in_view_7(), Span::from_millis(300));
        let after = |millis| Instant::ZERO + Span::from_secs(1) + Span::from_millis(millis);
        assert!(view.just_entered(after(0), tick, NodeId(1)));
        assert!(view.just_entered(after(299), tick, NodeId(1)));
        assert!(!view.just_entered(after(300), tick, NodeId(1)), "a tick is over");
        assert!(!view.just_entered(after(0), tick, NodeId(3)), "no member");
    }

    /// Every set, one after the other.
    fn by_trial(mutual: &IdVec<NodeId, NodeSet>) -> NodeSet {
        let mut best = NodeSet::EMPTY;
        for choice in 1u32..1 << mutual.len() {
            let set: NodeSet =
                (0..mutual.len()).filter(|n| choice & 1 << n != 0).map(NodeId::at).collect();
            let mesh = set.iter().all(|n| mutual[n].with(n).contains_all(set));
            let lower = set.len() == best.len() && set.iter().lt(best.iter());
            if mesh && (set.len() > best.len() || lower) {
                best = set;
            }
        }
        best
    }

    #[test]
    fn the_best_mesh_is_found() {
        let mut state = 7u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state >> 16
        };
        for round in 0..400 {
            let nodes = 1 + round % 9;
            let mut mutual: IdVec<NodeId, NodeSet> =
                (0..nodes).map(|n| NodeSet::only(NodeId::at(n))).collect();
            for (a, b) in (0..nodes).flat_map(|a| (0..a).map(move |b| (a, b))) {
                if next() % 3 > 0 {
                    let (a, b) = (NodeId::at(a), NodeId::at(b));
                    mutual[a] = mutual[a].with(b);
                    mutual[b] = mutual[b].with(a);
                }
            }
            let mut best = NodeSet::EMPTY;
            grow(&mutual, NodeSet::EMPTY, NodeSet::first(nodes), &mut best);
            assert_eq!(best, by_trial(&mutual), "{mutual:?}");
        }
    }
}
