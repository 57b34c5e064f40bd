//! Until when this member may serve: a bound that holds by time, whatever becomes of its process.
//!
//! Others can take over what it owns only with votes enough without its own. Each voter that could
//! be among them is bound for a while: another member has said that it will not count this one for
//! lost before a certain moment, and the witness's record names this member until its counter has
//! stood still for so long that a challenger may take it. As long as so many voters are bound that
//! the rest has no majority, nobody can have taken over. The kernel's leases end by that moment
//! (linux-ha.md §10.1); docs/AGENT.md says why.
//!
//! A member that says how long it is bound says so by its own clock, and names the newest stamp of
//! this member's clock that it had heard by then. It is bound at least for so long from that stamp
//! on: no two clocks have to agree, they only have to run at like rates.

use crate::base::{Instant, NodeId, Span};
use std::collections::BTreeMap;

/// Who can be bound.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Voter {
    /// Another member.
    Member(NodeId),
    /// The witness.
    Witness,
}

/// What bounds how fast clocks run apart, and what the kernel and this program take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Margins {
    /// Clocks run apart by at most this many parts in a million.
    pub drift: u32,
    /// A lease ends this much before it would have to: renewals take time, timers are late.
    pub slack: Span,
}

/// Keeps what binds other voters.
#[derive(Clone, Debug)]
pub struct Fence {
    margins: Margins,
    bound: BTreeMap<Voter, Instant>,
}

impl Fence {
    /// A fence with nobody bound.
    pub fn new(margins: Margins) -> Fence {
        Fence { margins, bound: BTreeMap::new() }
    }

    /// Another member will not count this one for lost before `span` has passed since it said so;
    /// `stamp` is the newest moment of this member's clock that it had heard of by then.
    pub fn promised(&mut self, by: NodeId, stamp: Instant, span: Span) {
        self.binds(Voter::Member(by), stamp, span);
    }

    /// The witness's record was renewed. `began` is the moment before the renewal was sent; a
    /// challenger takes the record for abandoned when it has seen it unchanged for `stale`.
    pub fn renewed(&mut self, began: Instant, stale: Span) {
        self.binds(Voter::Witness, began, stale);
    }

    /// What a voter said holds no more: it began a new life, or its record is another's.
    pub fn released(&mut self, voter: Voter) {
        self.bound.remove(&voter);
    }

    /// Nobody is bound any more: this process stood still, and knows nothing for sure.
    pub fn forget(&mut self) {
        self.bound.clear();
    }

    fn binds(&mut self, voter: Voter, from: Instant, span: Span) {
        let apart = span.scaled(u64::from(self.margins.drift), 1_000_000);
        let until = from + span.saturating_sub(apart).saturating_sub(self.margins.slack);
        let known = self.bound.entry(voter).or_insert(until);
        // What was said last may have been said before what is known; it takes nothing back.
        *known = until.max(*known);
    }

    /// The moment up to which nobody can have taken over; none if somebody may have already, as far
    /// as this member knows. `voters` are all that have a vote but this member, `votes` how many
    /// make a majority without it.
    pub fn until(&self, voters: &[Voter], votes: usize) -> Option<Instant> {
        // So many have to be bound that the others are one vote short.
        let Some(needed) = (voters.len() + 1).checked_sub(votes) else { return Some(Instant::MAX) };
        if needed == 0 {
            return Some(Instant::MAX);
        }
        let mut ends: Vec<Instant> =
            voters.iter().filter_map(|voter| self.bound.get(voter)).copied().collect();
        ends.sort_unstable_by(|one, other| other.cmp(one));
        ends.get(needed - 1).copied()
    }
}

/// How many votes make a majority of those of so many others and of this member, if it has one.
pub fn majority(others: usize, votes: bool) -> usize {
    (others + usize::from(votes)) / 2 + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    const EX02: NodeId = NodeId(1);
    const PAIR: [Voter; 2] = [Voter::Member(EX02), Voter::Witness];

    fn second(second: u64) -> Instant {
        Instant::ZERO + Span::from_secs(second)
    }

    fn fence() -> Fence {
        Fence::new(Margins { drift: 0, slack: Span::ZERO })
    }

    #[test]
    fn of_a_pair_either_the_other_or_the_witness_suffices() {
        let mut fence = fence();
        assert_eq!(fence.until(&PAIR, 2), None, "nobody is bound");
        fence.promised(EX02, second(10), Span::from_secs(4));
        assert_eq!(fence.until(&PAIR, 2), Some(second(14)));
        fence.renewed(second(12), Span::from_secs(5));
        assert_eq!(fence.until(&PAIR, 2), Some(second(17)));
        fence.released(Voter::Witness);
        assert_eq!(fence.until(&PAIR, 2), Some(second(14)));
        fence.forget();
        assert_eq!(fence.until(&PAIR, 2), None);
    }

    #[test]
    fn a_pair_without_a_witness_takes_nothing_over_from_each_other() {
        assert_eq!(fence().until(&PAIR[..1], 2), Some(Instant::MAX));
    }

    #[test]
    fn of_many_so_many_are_needed_that_the_rest_has_no_majority() {
        let others: Vec<Voter> = (1..5).map(|node| Voter::Member(NodeId(node))).collect();
        let mut fence = fence();
        // Of five, three make a majority; of the other four, two have to be bound.
        fence.promised(NodeId(1), second(10), Span::from_secs(9));
        assert_eq!(fence.until(&others, 3), None, "three others are free");
        fence.promised(NodeId(2), second(10), Span::from_secs(4));
        assert_eq!(fence.until(&others, 3), Some(second(14)));
        fence.promised(NodeId(3), second(10), Span::from_secs(6));
        assert_eq!(fence.until(&others, 3), Some(second(16)));
    }

    #[test]
    fn who_has_no_vote_leaves_the_others_a_smaller_majority() {
        assert_eq!([majority(2, true), majority(3, true), majority(4, true)], [2, 3, 3]);
        assert_eq!([majority(0, true), majority(3, false), majority(4, false)], [1, 2, 3]);
    }

    #[test]
    fn what_comes_late_takes_nothing_back_and_margins_are_kept() {
        let mut fence = Fence::new(Margins { drift: 1_000, slack: Span::from_millis(100) });
        fence.promised(EX02, second(10), Span::from_secs(4));
        let until = second(14).as_nanos() - 4_000_000 - 100_000_000;
        assert_eq!(fence.until(&PAIR, 2), Some(Instant::from_nanos(until)));
        fence.promised(EX02, second(9), Span::from_secs(4));
        assert_eq!(fence.until(&PAIR, 2), Some(Instant::from_nanos(until)));
    }
}
