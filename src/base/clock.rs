//! A clock that may run fast or slow, or jump: moments of the driver to moments that it shows, and
//! back. It never shows an earlier moment after a later one.

use super::{Instant, Ratio, Span};

/// What one machine's clock shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Clock {
    /// When its rate last changed, or it jumped.
    since: Instant,
    /// What it showed then.
    shown: Instant,
    /// What it counts in a second; above zero.
    rate: Ratio,
}

impl Clock {
    /// A clock that is right.
    pub const RIGHT: Clock = Clock { since: Instant::ZERO, shown: Instant::ZERO, rate: Ratio::ONE };

    /// What it shows at a moment. Parts of a nanosecond are cut off.
    ///
    /// # Panics
    /// If the moment is before the clock's last change.
    pub fn local(&self, at: Instant) -> Instant {
        if self.rate == Ratio::ONE {
            return self.shown.saturating_add(at.since(self.since));
        }
        let (counts, of) = (u64::from(self.rate.numerator()), u64::from(self.rate.denominator()));
        self.shown.saturating_add(at.since(self.since).scaled(counts, of))
    }

    /// The first moment at which it shows a moment or a later one; the end of time if it never
    /// does. For what it showed before its last change, that is the moment of the change.
    pub fn at(&self, local: Instant) -> Instant {
        if self.rate == Ratio::ONE {
            return self.since.saturating_add(local.saturating_since(self.shown));
        }
        let counted = u128::from(local.saturating_since(self.shown).as_nanos());
        let (counts, of) = (u128::from(self.rate.numerator()), u128::from(self.rate.denominator()));
        let nanos = u64::try_from((counted * of).div_ceil(counts)).unwrap_or(u64::MAX);
        self.since.saturating_add(Span::from_nanos(nanos))
    }

    /// From a moment on it runs at a rate.
    ///
    /// # Panics
    /// If the rate is zero.
    pub fn run_at(&mut self, at: Instant, rate: Ratio) {
        assert!(!rate.is_zero(), "a clock does not stand still");
        *self = Clock { since: at, shown: self.local(at), rate };
    }

    /// At a moment it jumps forward.
    pub fn step(&mut self, at: Instant, by: Span) {
        *self = Clock { since: at, shown: self.local(at).saturating_add(by), rate: self.rate };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(millis: u64) -> Instant {
        Instant::ZERO + Span::from_millis(millis)
    }

    fn percent(percent: u32) -> Ratio {
        Ratio::new(percent, 100).expect("the denominator is not zero")
    }

    #[test]
    fn a_clock_that_is_right_shows_every_moment_as_it_is() {
        for at in [Instant::ZERO, millis(1), millis(86_400_000)] {
            assert_eq!((Clock::RIGHT.local(at), Clock::RIGHT.at(at)), (at, at));
        }
        assert_eq!(Clock::RIGHT.at(Instant::MAX), Instant::MAX);
    }

    #[test]
    fn rates_and_steps_add_up() {
        let mut clock = Clock::RIGHT;
        clock.run_at(millis(10_000), percent(150));
        assert_eq!(clock.local(millis(14_000)), millis(16_000));
        clock.step(millis(14_000), Span::from_secs(5));
        assert_eq!(clock.local(millis(14_000)), millis(21_000));
        clock.run_at(millis(16_000), Ratio::ONE);
        assert_eq!(clock.local(millis(16_000)), millis(24_000), "it goes on from where it was");
        assert_eq!(clock.local(millis(17_000)), millis(25_000), "and stays off");
    }

    #[test]
    fn what_a_clock_leaps_over_is_shown_at_the_step() {
        let mut clock = Clock::RIGHT;
        clock.step(millis(1_000), Span::from_secs(10));
        assert_eq!(clock.at(millis(5_000)), millis(1_000));
        assert_eq!(clock.at(millis(11_500)), millis(1_500));
    }

    #[test]
    fn a_wake_up_is_never_early_and_time_never_goes_back() {
        for rate in [50, 67, 98, 99, 100, 101, 102, 133, 200] {
            let mut clock = Clock::RIGHT;
            clock.run_at(millis(333), percent(rate));
            let start = clock.local(millis(333)).as_nanos();
            let mut before = Instant::ZERO;
            for nanos in (start..start + 1_000).chain([start + 86_400_000_000_001]) {
                let local = Instant::from_nanos(nanos);
                let at = clock.at(local);
                assert!(clock.local(at) >= local, "{rate} % {nanos}: early");
                if at > millis(333) {
                    let just_before = Instant::from_nanos(at.as_nanos() - 1);
                    assert!(clock.local(just_before) < local, "{rate} % {nanos}: late");
                }
                assert!(at >= before, "{rate} % {nanos}");
                before = at;
            }
        }
    }

    #[test]
    fn the_end_of_time_stays_where_it_is() {
        let mut clock = Clock::RIGHT;
        clock.run_at(millis(1), percent(50));
        assert_eq!(clock.at(Instant::MAX), Instant::MAX);
    }
}
