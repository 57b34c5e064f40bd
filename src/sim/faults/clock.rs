//! Clocks that run fast or slow, or jump.

use super::super::host;
use super::super::plant::Plant;
use crate::base::Instant;

/// A fault of a clock strikes or heals: the member's timers fire by the clock as it is now.
pub(super) fn changed(p: &mut Plant, at: Instant, index: u16, healed: bool) {
    let node = p.faults.clocks.follow(&p.setup.scenario.faults, index, healed, at);
    let node = node.expect("only faults of clocks come here");
    host::clock_changed(p, at, node);
}
