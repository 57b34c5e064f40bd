//! Which lengths of a lease fit what other members wait: the one place where that is asserted.

use crate::base::Span;
use crate::failover::config::Rhythm;

/// The lengths that belong together (linux-ha.md §10.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bound {
    /// How long a lease holds from its renewal in the kernel on.
    pub length: Span,
    /// Time between renewals.
    pub interval: Span,
    /// Longest time from the decision to renew to the kernel.
    pub send: Span,
    /// Clocks run apart by at most this many parts in a million.
    pub drift: u32,
    /// How long another member is bound from each answer on.
    pub wait: Span,
}

/// Why lengths do not fit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Misfit {
    /// A lease with all that is added to it lasts as long as the wait, or longer.
    TooLong {
        /// What is needed.
        needs: Span,
        /// The wait.
        wait: Span,
    },
    /// A renewal that comes late finds half of the lease gone.
    TooSeldom {
        /// Interval and sending together.
        needs: Span,
        /// Half of the length.
        half: Span,
    },
    /// A length, interval or sending of nothing.
    Nothing,
    /// Clocks may differ by more than a tenth.
    Drift,
}

impl Bound {
    /// Most that clocks may run apart, in parts of a million.
    pub const MOST_DRIFT: u32 = 100_000;

    /// How long a member is bound to another from each of its answers on: one heartbeat less than
    /// the core takes to count a silent one for lost, so that it costs no time.
    pub fn wait(rhythm: Rhythm) -> Span {
        rhythm.delay * u64::from(rhythm.threshold.saturating_sub(1))
    }

    /// The lengths for a wait where nothing else is wanted (linux-ha.md §10.1: 1500 ms and 250 ms).
    pub fn usual(wait: Span) -> Bound {
        Bound {
            length: wait.scaled(3, 8).min(Span::from_millis(1_500)),
            interval: wait.scaled(1, 16).min(Span::from_millis(250)),
            send: wait.scaled(1, 80).min(Span::from_millis(50)),
            drift: 1_000,
            wait,
        }
    }

    /// What clocks may run apart over a span.
    pub fn apart(&self, span: Span) -> Span {
        span.scaled(u64::from(self.drift), 1_000_000)
    }

    /// How long after the other member's word a lease can end that was renewed by it: length +
    /// interval + send + drift over the wait.
    pub fn needs(&self) -> Span {
        self.length + self.interval + self.send + self.apart(self.wait)
    }

    /// Asserts that length + interval + send + drift < the peer's wait, and that renewals come in
    /// time. Gives what is left of the wait.
    ///
    /// # Errors
    /// How they miss.
    pub fn check(&self) -> Result<Span, Misfit> {
        if self.length.is_zero() || self.interval.is_zero() || self.send.is_zero() {
            return Err(Misfit::Nothing);
        }
        if self.drift > Bound::MOST_DRIFT {
            return Err(Misfit::Drift);
        }
        let (late, half) = (self.interval + self.send, self.length.scaled(1, 2));
        if late > half {
            return Err(Misfit::TooSeldom { needs: late, half });
        }
        let (needs, wait) = (self.needs(), self.wait);
        if needs >= wait { Err(Misfit::TooLong { needs, wait }) } else { Ok(wait - needs) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_lengths_fit_every_rhythm_that_a_cluster_can_have() {
        for (delay, threshold) in [(250, 3), (250, 5), (1_000, 5), (2_000, 120)] {
            let rhythm = Rhythm { delay: Span::from_millis(delay), threshold };
            let bound = Bound::usual(Bound::wait(rhythm));
            assert!(bound.check().is_ok(), "{delay} x {threshold}: {:?}", bound.check());
        }
    }

    #[test]
    fn a_lease_that_outlasts_the_wait_is_refused() {
        let wait = Span::from_secs(4);
        let usual = Bound::usual(wait);
        let just = wait - usual.interval - usual.send - usual.apart(wait);
        let long = Bound { length: just, ..usual };
        assert_eq!(long.check(), Err(Misfit::TooLong { needs: wait, wait }));
        let fits = Bound { length: just - Span::from_nanos(1), ..usual };
        assert_eq!(fits.check(), Ok(Span::from_nanos(1)));
        let seldom = Bound { interval: Span::from_millis(701), ..usual };
        assert!(matches!(seldom.check(), Err(Misfit::TooSeldom { .. })));
        assert_eq!(Bound { drift: 100_001, ..usual }.check(), Err(Misfit::Drift));
        assert_eq!(Bound { send: Span::ZERO, ..usual }.check(), Err(Misfit::Nothing));
    }
}
