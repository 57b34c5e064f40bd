//! One slot per timer: setting replaces, clearing empties, and each slot knows who armed it.

use super::seam::{Deadline, Timer};
use crate::base::{Instant, StepNo};

/// The timers of a node.
#[derive(Clone, Debug)]
pub(super) struct Timers {
    slots: [Option<(Instant, StepNo)>; Timer::COUNT],
    armed: u16,
    step: StepNo,
}

impl Timers {
    pub(super) fn new() -> Self {
        Timers { slots: [None; Timer::COUNT], armed: 0, step: StepNo(0) }
    }

    /// A new step begins: from now on timers are armed by it.
    pub(super) fn begin(&mut self) {
        self.step.0 = self.step.0.wrapping_add(1);
        self.armed = 0;
    }

    /// Sets a timer. An unchanged moment keeps the step that armed it.
    pub(super) fn set(&mut self, timer: Timer, at: Instant) {
        let slot = &mut self.slots[timer as usize];
        if slot.is_none_or(|(before, _)| before != at) {
            *slot = Some((at, self.step));
            self.armed |= 1 << timer as u16;
        }
    }

    pub(super) fn clear(&mut self, timer: Timer) {
        self.slots[timer as usize] = None;
    }

    pub(super) fn is_set(&self, timer: Timer) -> bool {
        self.slots[timer as usize].is_some()
    }

    /// Whether a timer has expired; if so its slot is empty now.
    pub(super) fn expired(&mut self, timer: Timer, now: Instant) -> bool {
        let slot = &mut self.slots[timer as usize];
        let expired = slot.is_some_and(|(at, _)| at <= now);
        if expired {
            *slot = None;
        }
        expired
    }

    /// The earliest slot.
    pub(super) fn deadline(&self) -> Option<Deadline> {
        let slots = Timer::ALL.iter().filter_map(|why| {
            self.slots[*why as usize].map(|(at, armed)| Deadline { at, why: *why, armed })
        });
        slots.min_by_key(|deadline| (deadline.at, deadline.why))
    }

    /// Timers that the last step armed.
    pub(super) fn armed(&self) -> impl Iterator<Item = Timer> + '_ {
        Timer::ALL.iter().copied().filter(|timer| self.armed & 1 << *timer as u16 != 0)
    }
}
