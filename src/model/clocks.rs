//! The clocks of the members, as the faults of a plan set them. Whoever runs a plan and whoever
//! reads a journal of it knows by the same rule what a member's clock showed.

use super::fault::{Fault, Planned};
use crate::base::clock::Clock;
use crate::base::{Id, IdVec, Instant, MachineId, NodeId, Ratio};

/// The clock of every member.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Clocks {
    clocks: IdVec<NodeId, Clock>,
    /// Clocks that nobody sets: they run fast or slow as the others, and never jump.
    steady: IdVec<NodeId, Clock>,
    /// Rates that faults in force give, by their place in the plan: the newest counts.
    rates: Vec<(u16, NodeId, Ratio)>,
}

impl Clocks {
    /// So many clocks that are right.
    pub fn right(nodes: usize) -> Self {
        let clocks = IdVec::filled(nodes, Clock::RIGHT);
        Clocks { steady: clocks.clone(), clocks, rates: Vec::new() }
    }

    /// What a member's clock shows at a moment.
    pub fn local(&self, node: NodeId, at: Instant) -> Instant {
        self.clocks[node].local(at)
    }

    /// What a member's clock shows that nobody sets (CLOCK_BOOTTIME).
    pub fn steady(&self, node: NodeId, at: Instant) -> Instant {
        self.steady[node].local(at)
    }

    /// When a member's clock that nobody sets shows a moment.
    pub fn steady_at(&self, node: NodeId, local: Instant) -> Instant {
        self.steady[node].at(local)
    }

    /// When a member's clock shows a moment.
    pub fn at(&self, node: NodeId, local: Instant) -> Instant {
        self.clocks[node].at(local)
    }

    /// A fault of a plan strikes or heals: the member whose clock is another from now on, if it is
    /// one of a clock.
    pub fn follow(
        &mut self,
        plan: &[Planned],
        index: u16,
        healed: bool,
        at: Instant,
    ) -> Option<NodeId> {
        let fault = plan.get(usize::from(index))?.fault;
        let node = |machine: MachineId| NodeId::at(machine.index());
        match fault {
            Fault::ClockStep { machine, by } => {
                self.clocks[node(machine)].step(at, by);
                Some(node(machine))
            }
            Fault::ClockRate { machine, rate } => {
                let node = node(machine);
                self.rates.retain(|(other, ..)| *other != index);
                if !healed {
                    self.rates.push((index, node, rate));
                }
                let newest = self.rates.iter().rev().find(|(_, of, _)| *of == node);
                let rate = newest.map_or(Ratio::ONE, |(.., rate)| *rate);
                self.clocks[node].run_at(at, rate);
                self.steady[node].run_at(at, rate);
                Some(node)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Span;

    fn seconds(seconds: u64) -> Instant {
        Instant::ZERO + Span::from_secs(seconds)
    }

    #[test]
    fn of_several_rates_the_newest_counts_and_each_member_has_its_own() {
        let machine = MachineId(1);
        let rate =
            |percent| Fault::ClockRate { machine, rate: Ratio::new(percent, 100).expect("a rate") };
        let step = Fault::ClockStep { machine: MachineId(0), by: Span::from_secs(3) };
        let faults = [rate(200), rate(50), step, Fault::Reboot { machine }];
        let plan = faults.map(|fault| Planned { at: Instant::ZERO, lasts: None, fault });
        let mut clocks = Clocks::right(2);
        let (first, second) = (NodeId(0), NodeId(1));
        assert_eq!(clocks.follow(&plan, 0, false, seconds(10)), Some(second));
        assert_eq!(clocks.local(second, seconds(12)), seconds(14));
        clocks.follow(&plan, 1, false, seconds(12));
        assert_eq!(clocks.local(second, seconds(14)), seconds(15));
        clocks.follow(&plan, 1, true, seconds(14));
        assert_eq!(clocks.local(second, seconds(15)), seconds(17), "the other one is in force");
        clocks.follow(&plan, 0, true, seconds(15));
        assert_eq!(clocks.local(second, seconds(16)), seconds(18));
        assert_eq!(clocks.at(second, seconds(18)), seconds(16));
        assert_eq!(clocks.local(first, seconds(16)), seconds(16));
        assert_eq!(clocks.follow(&plan, 2, false, seconds(16)), Some(first));
        assert_eq!(clocks.local(first, seconds(16)), seconds(19));
        assert_eq!(clocks.follow(&plan, 3, false, seconds(16)), None);
    }
}
