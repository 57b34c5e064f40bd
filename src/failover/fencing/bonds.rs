//! How long this member is bound not to take over from others: what it tells each of them, and
//! keeps. The other half of the [`Fence`](super::Fence).
//!
//! It is bound to a member for a span from that one's last answer to a heartbeat on, as long as
//! both are in one view. The span is less than the core takes to count a silent member for lost, so
//! that it costs no time; it holds as well where the core is faster, as when this host's own
//! adapter loses its carrier.

use crate::base::{IdVec, Instant, NodeId, NodeSet, Span};

/// What each datagram says of how long its sender is bound not to take over from its receiver.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Binding {
    /// The sender's clock.
    pub stamp: Instant,
    /// The newest stamp that the sender had heard from the receiver in these lives of both.
    pub echo: Instant,
    /// For how long from then on the sender will not count the receiver for lost.
    pub bound: Span,
}

/// What is known of another member.
#[derive(Clone, Copy, Debug, Default)]
struct Peer {
    /// The newest stamp of its clock that came.
    stamp: Instant,
    /// Until when this member is bound to it.
    until: Instant,
}

/// What this member is bound to.
#[derive(Clone, Debug)]
pub struct Bonds {
    span: Span,
    /// The span by the clock of a fellow member, which may run slower than this one's.
    longest: Span,
    peers: IdVec<NodeId, Peer>,
    /// Who was in every view that this member has taken since the last one that was in force.
    fellows: NodeSet,
    /// Who has left them since.
    left: NodeSet,
    /// Who has taken leave, and has answered nothing since.
    gone: NodeSet,
}

impl Bonds {
    /// A life of this member begins. A member is bound for `span` from each answer on; an earlier
    /// life may have said so just before it ended, so that a new one is bound to everybody first.
    /// Clocks run apart by at most `drift` parts in a million.
    pub fn begun(members: usize, span: Span, drift: u32, now: Instant) -> Bonds {
        let longest = span + span.scaled(u64::from(drift), 1_000_000);
        let peer = Peer { stamp: Instant::ZERO, until: now + span };
        let peers = IdVec::filled(members, peer);
        let (fellows, left, gone) = (NodeSet::EMPTY, NodeSet::EMPTY, NodeSet::EMPTY);
        Bonds { span, longest, peers, fellows, left, gone }
    }

    /// A datagram of another member came, with its clock's stamp.
    pub fn stamped(&mut self, from: NodeId, stamp: Instant) {
        let peer = &mut self.peers[from];
        peer.stamp = peer.stamp.max(stamp);
    }

    /// Another member begins a new life: stamps of its earlier one mean nothing to it.
    pub fn reborn(&mut self, who: NodeId) {
        self.peers[who].stamp = Instant::ZERO;
    }

    /// Another member takes leave: it serves nothing any more, and relies on nobody's word.
    pub fn dismissed(&mut self, who: NodeId) {
        self.peers[who].until = Instant::ZERO;
        self.gone = self.gone.with(who);
    }

    /// Another member answered a heartbeat. Who is in no view with it has perhaps taken over
    /// already, and says nothing more.
    pub fn answered(&mut self, from: NodeId, now: Instant) {
        if self.fellows.contains(from) {
            self.gone = self.gone.without(from);
            let peer = &mut self.peers[from];
            peer.until = peer.until.max(now + self.span);
        }
    }

    /// The view in which this member is now, and whether it is in force: then every member of it
    /// has taken it. Told after each step of the core. Until it took the view, each of the others
    /// could bind itself to one that is no member any more; since it takes all their votes to take
    /// over, this member keeps what any of them may have said.
    pub fn viewed(&mut self, members: NodeSet, in_force: bool, now: Instant) {
        if !in_force {
            self.left = self.left.union(self.fellows.minus(members));
            self.fellows = self.fellows.intersection(members);
            return;
        }
        if members == self.fellows && self.left.is_empty() {
            return;
        }
        let stayed = members.minus(self.fellows).is_empty();
        let left = self.left.union(self.fellows).minus(members);
        let alone = members.len() < 2;
        for (node, peer) in self.peers.iter_mut().filter(|(node, _)| !members.contains(*node)) {
            if !alone && (!stayed || left.contains(node)) && !self.gone.contains(node) {
                peer.until = peer.until.max(now + self.longest);
            }
        }
        (self.fellows, self.left) = (members, NodeSet::EMPTY);
    }

    /// What a datagram to another member says.
    pub fn binding(&self, to: NodeId, now: Instant) -> Binding {
        let Peer { stamp, until } = self.peers[to];
        Binding { stamp: now, echo: stamp, bound: until.saturating_since(now) }
    }

    /// When this member is bound to none of some others any more.
    pub fn free(&self, from: NodeSet) -> Instant {
        from.iter().map(|node| self.peers[node].until).fold(Instant::ZERO, Instant::max)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Fence, Margins, Voter};
    use super::*;

    const EX01: NodeId = NodeId(0);
    const EX02: NodeId = NodeId(1);

    fn both() -> NodeSet {
        NodeSet::first(2)
    }

    fn at(millis: u64) -> Instant {
        Instant::ZERO + Span::from_millis(millis)
    }

    /// Whatever two clocks show, and however long datagrams take: what one takes for the moment up
    /// to which it may serve is never later than the one from which the other may take over.
    #[test]
    fn who_serves_has_ended_before_who_is_bound_is_free() {
        let span = Span::from_millis(4_000);
        for (ahead, there, back) in [(0, 1, 1), (50_000, 300, 20), (7, 20, 900), (0, 0, 3_000)] {
            // By true time the owner sends at 1 s; the other hears it `there` later and answers
            // with what it is bound to, which comes `back` later. Its clock is `ahead`.
            let (sent, heard) = (1_000, 1_000 + there);
            let mut other = Bonds::begun(2, span, 0, Instant::ZERO);
            other.viewed(both(), true, Instant::ZERO);
            other.stamped(EX01, at(sent));
            other.answered(EX01, at(heard + ahead));
            let told = other.binding(EX01, at(heard + ahead + 10));
            let mut owner = Fence::new(Margins { drift: 0, slack: Span::ZERO });
            owner.promised(EX02, told.echo, told.bound);
            let serves = owner.until(&[Voter::Member(EX02), Voter::Witness], 2).expect("bound");
            let free = other.free(NodeSet::only(EX01));
            let free_by_true_time = free.as_nanos() - at(ahead).as_nanos();
            assert!(serves.as_nanos() <= free_by_true_time, "{ahead} {there} {back}");
        }
    }

    #[test]
    fn a_new_life_keeps_what_an_earlier_one_may_have_said() {
        let mut bonds = Bonds::begun(2, Span::from_millis(4_000), 0, at(500));
        assert_eq!(bonds.free(NodeSet::only(EX01)), at(4_500));
        assert_eq!(bonds.free(NodeSet::EMPTY), Instant::ZERO);
        bonds.answered(EX01, at(3_000));
        assert_eq!(bonds.free(NodeSet::only(EX01)), at(4_500), "they are in no view together");
    }

    #[test]
    fn who_may_have_taken_over_says_nothing_more_until_both_are_in_a_view() {
        let mut bonds = Bonds::begun(2, Span::from_millis(4_000), 0, Instant::ZERO);
        bonds.viewed(both(), true, at(1_000));
        bonds.answered(EX01, at(1_000));
        bonds.viewed(NodeSet::only(EX02), true, at(2_000));
        bonds.answered(EX01, at(3_000));
        assert_eq!(bonds.binding(EX01, at(3_000)).bound, Span::from_millis(2_000));
        bonds.viewed(both(), false, at(9_000));
        bonds.answered(EX01, at(9_000));
        assert_eq!(bonds.binding(EX01, at(9_000)).bound, Span::ZERO, "not in force");
        bonds.viewed(both(), true, at(9_100));
        bonds.answered(EX01, at(9_100));
        assert_eq!(bonds.free(NodeSet::only(EX01)), at(13_100));
    }

    #[test]
    fn of_many_each_keeps_what_the_others_of_its_view_may_have_said() {
        let (all, rest) = (NodeSet::first(3), both());
        let mut bonds = Bonds::begun(3, Span::from_millis(4_000), 1_000, Instant::ZERO);
        bonds.viewed(all, true, at(1_000));
        let third = NodeSet::only(NodeId(2));
        assert_eq!(bonds.free(third), at(4_000));
        bonds.viewed(rest, false, at(10_000));
        assert_eq!(bonds.free(third), at(4_000), "the others may still bind themselves");
        bonds.viewed(rest, true, at(10_600));
        assert_eq!(bonds.free(third), at(14_604));
        bonds.viewed(NodeSet::only(EX01), true, at(20_000));
        assert_eq!(bonds.free(third), at(14_604), "alone it needs nobody's vote");
    }

    #[test]
    fn who_takes_leave_binds_nobody_until_it_is_back() {
        let all = NodeSet::first(3);
        let third = NodeSet::only(NodeId(2));
        let mut bonds = Bonds::begun(3, Span::from_millis(4_000), 0, Instant::ZERO);
        bonds.viewed(all, true, at(5_000));
        bonds.answered(NodeId(2), at(6_000));
        assert_eq!(bonds.free(third), at(10_000));
        bonds.dismissed(NodeId(2));
        bonds.viewed(both(), true, at(6_500));
        assert_eq!(bonds.free(third), Instant::ZERO, "nor do the others' words");
        bonds.viewed(all, true, at(9_000));
        bonds.answered(NodeId(2), at(9_000));
        bonds.viewed(both(), true, at(15_000));
        assert_eq!(bonds.free(third), at(19_000));
        // Back before anybody took a view without it.
        bonds.viewed(all, true, at(30_000));
        bonds.dismissed(NodeId(2));
        bonds.viewed(all, true, at(30_000));
        bonds.answered(NodeId(2), at(31_000));
        assert_eq!(bonds.free(third), at(35_000));
    }

    #[test]
    fn stamps_of_an_earlier_life_mean_nothing() {
        let mut bonds = Bonds::begun(2, Span::from_millis(4_000), 0, Instant::ZERO);
        bonds.stamped(EX01, at(900));
        bonds.reborn(EX01);
        assert_eq!(bonds.binding(EX01, at(1_000)).echo, Instant::ZERO);
    }
}
