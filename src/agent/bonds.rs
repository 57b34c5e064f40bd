//! How long this member is bound not to take over from others: what it tells each of them, and
//! keeps. The other half of [`fence`](super::fence).
//!
//! It is bound to a member for a span from that one's last answer to a heartbeat on. The span is
//! less than the core takes to count a silent member for lost, so that it costs no time; it holds
//! as well where the core is faster, as when this host's own adapter loses its carrier.

use super::wire::Binding;
use crate::base::{IdVec, Instant, NodeId, NodeSet, Span};

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
    peers: IdVec<NodeId, Peer>,
}

impl Bonds {
    /// Bound to nobody. A member is bound for `span` from each answer on.
    pub fn new(members: usize, span: Span) -> Bonds {
        Bonds { span, peers: IdVec::filled(members, Peer::default()) }
    }

    /// A datagram of another member came, with its clock's stamp.
    pub fn stamped(&mut self, from: NodeId, stamp: Instant) {
        let peer = &mut self.peers[from];
        peer.stamp = peer.stamp.max(stamp);
    }

    /// Another member answered a heartbeat.
    pub fn answered(&mut self, from: NodeId, now: Instant) {
        let peer = &mut self.peers[from];
        peer.until = peer.until.max(now + self.span);
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
    use super::super::fence::{Fence, Margins, Voter};
    use super::*;

    const EX01: NodeId = NodeId(0);
    const EX02: NodeId = NodeId(1);

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
            let mut other = Bonds::new(2, span);
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
    fn who_never_answered_binds_nobody() {
        let bonds = Bonds::new(2, Span::from_secs(4));
        assert_eq!(bonds.free(NodeSet::only(EX01)), Instant::ZERO);
        assert_eq!(bonds.binding(EX01, at(500)).bound, Span::ZERO);
        assert_eq!(bonds.free(NodeSet::EMPTY), Instant::ZERO);
    }
}
