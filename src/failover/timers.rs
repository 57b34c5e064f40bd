//! One slot per timer: setting replaces, clearing empties, and each slot knows who armed it.

use super::seam::{Deadline, Timer};
use crate::base::{Instant, StepNo};
use std::hash::{Hash, Hasher};

/// The timers of a node. An empty slot's moment is never.
#[derive(Clone, Debug)]
pub(super) struct Timers {
    at: [Instant; Timer::COUNT],
    by: [StepNo; Timer::COUNT],
    armed: u16,
    step: StepNo,
}

const NEVER: Instant = Instant::MAX;

/// Only the moments decide anything: who armed a timer is for the driver's records.
impl Hash for Timers {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.at.hash(state);
    }
}

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

    /// Whether a timer other than the heartbeat's and that of the polls has expired.
    pub(super) fn any_but_routine(&self, now: Instant) -> bool {
        const ROUTINE: [usize; 2] = [Timer::Beat as usize, Timer::Probe as usize];
        self.at.iter().enumerate().any(|(slot, at)| *at <= now && !ROUTINE.contains(&slot))
    }

    /// Whether a timer is set that settling clears and sets anew.
    pub(super) fn is_set_by_settling(&self) -> bool {
        self.is_set(Timer::Placement) || self.is_set(Timer::Coordination)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Span;

    fn at(secs: u64) -> Instant {
        Instant::ZERO + Span::from_secs(secs)
    }

    #[test]
    fn the_earliest_is_the_deadline_and_knows_its_step() {
        let mut timers = Timers::new();
        assert_eq!(timers.deadline(), None);
        timers.begin();
        timers.set(Timer::Regroup, at(5));
        timers.begin();
        timers.set(Timer::Join, at(3));
        timers.set(Timer::Regroup, at(5));
        let deadline = |at, why, armed| Some(Deadline { at, why, armed: StepNo(armed) });
        assert_eq!(timers.deadline(), deadline(at(3), Timer::Join, 2));
        timers.clear(Timer::Join);
        assert!(!timers.is_set(Timer::Join) && timers.is_set(Timer::Regroup));
        assert_eq!(
            timers.deadline(),
            deadline(at(5), Timer::Regroup, 1),
            "armed by the first step"
        );
    }

    #[test]
    fn a_step_tells_what_it_armed() {
        let mut timers = Timers::new();
        timers.begin();
        timers.set(Timer::Regroup, at(5));
        timers.set(Timer::Beat, at(1));
        let armed: Vec<Timer> = timers.armed().collect();
        assert!(armed.len() == 2 && armed.contains(&Timer::Regroup));
        timers.begin();
        timers.set(Timer::Regroup, at(5));
        assert_eq!(timers.armed().count(), 0, "it was set to that moment before");
    }

    #[test]
    fn an_expired_timer_is_empty_and_routine_is_not_counted() {
        let mut timers = Timers::new();
        timers.set(Timer::Beat, at(1));
        timers.set(Timer::Probe, at(1));
        timers.set(Timer::Join, at(3));
        assert!(!timers.any_but_routine(at(2)) && timers.any_but_routine(at(3)));
        assert!(!timers.expired(Timer::Join, at(2)));
        assert!(timers.expired(Timer::Join, at(3)) && !timers.expired(Timer::Join, at(4)));
        assert!(!timers.any_but_routine(at(9)) && !timers.expired(Timer::Regroup, Instant::MAX));
        timers.set(Timer::Join, at(7));
        timers.set_earlier(Timer::Join, at(8));
        assert_eq!(timers.deadline().map(|next| next.at), Some(at(1)));
        assert!(!timers.any_but_routine(at(6)) && timers.any_but_routine(at(7)));
    }
}
