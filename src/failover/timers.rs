//! One slot per timer: setting replaces, clearing empties, and each slot knows who armed it.

use super::seam::{Deadline, Timer};
use crate::base::{Instant, StepNo};

/// The timers of a node. An empty slot's moment is never.
#[derive(Clone, Debug)]
pub(super) struct Timers {
    at: [Instant; Timer::COUNT],
    by: [StepNo; Timer::COUNT],
    armed: u16,
    step: StepNo,
}

const NEVER: Instant = Instant::MAX;

impl Timers {
    pub(super) fn new() -> Self {
        let (at, by) = ([NEVER; Timer::COUNT], [StepNo(0); Timer::COUNT]);
        Timers { at, by, armed: 0, step: StepNo(0) }
    }

    /// A new step begins: from now on timers are armed by it.
    pub(super) fn begin(&mut self) {
        self.step.0 = self.step.0.wrapping_add(1);
        self.armed = 0;
    }

    /// Sets a timer. An unchanged moment keeps the step that armed it.
    pub(super) fn set(&mut self, timer: Timer, at: Instant) {
        let slot = timer as usize;
        if self.at[slot] != at {
            (self.at[slot], self.by[slot]) = (at, self.step);
            self.armed |= 1 << slot as u16;
        }
    }

    /// Sets a timer unless it is set to an earlier moment.
    pub(super) fn set_earlier(&mut self, timer: Timer, at: Instant) {
        self.set(timer, at.min(self.at[timer as usize]));
    }

    pub(super) fn clear(&mut self, timer: Timer) {
        self.at[timer as usize] = NEVER;
    }

    pub(super) fn is_set(&self, timer: Timer) -> bool {
        self.at[timer as usize] != NEVER
    }

    /// Whether a timer has expired; if so its slot is empty now.
    pub(super) fn expired(&mut self, timer: Timer, now: Instant) -> bool {
        let slot = &mut self.at[timer as usize];
        let expired = *slot <= now && *slot != NEVER;
        if expired {
            *slot = NEVER;
        }
        expired
    }

    /// Whether a timer other than the heartbeat's has expired.
    pub(super) fn any_but_beat(&self, now: Instant) -> bool {
        const BEAT: usize = Timer::Beat as usize;
        self.at.iter().enumerate().any(|(slot, at)| *at <= now && slot != BEAT)
    }

    /// The earliest slot; of equal ones the first.
    pub(super) fn deadline(&self) -> Option<Deadline> {
        let earliest = self.at.iter().copied().fold(NEVER, Instant::min);
        let slot = self.at.iter().position(|at| *at == earliest)?;
        let deadline = Deadline { at: earliest, why: Timer::ALL[slot], armed: self.by[slot] };
        (earliest != NEVER).then_some(deadline)
    }

    /// Timers that the last step armed.
    pub(super) fn armed(&self) -> impl Iterator<Item = Timer> + '_ {
        Timer::ALL.iter().copied().filter(|timer| self.armed & 1 << *timer as u16 != 0)
    }
}
