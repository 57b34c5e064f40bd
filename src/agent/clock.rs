//! The agent's clock. It goes on while the machine sleeps (CLOCK_BOOTTIME, linux-ha.md §10.3),
//! never goes back, and its zero is such that moments of a later life of the service, also after
//! the machine has booted again, are later than all of an earlier one.

use crate::base::{Instant, Span};
use rustix::time::{ClockId, clock_gettime};

/// Tells moments of one life of the service.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// The moment at which the clock was made, and what CLOCK_BOOTTIME showed then.
    zero: Instant,
    began: Span,
}

impl Clock {
    /// A clock that begins at the wall clock's time since 1970, or just after the last moment that
    /// an earlier life is known to have seen, if that is later: wall clocks are set back.
    pub fn after(earlier: Instant) -> Clock {
        let wall = Instant::from_nanos(nanos(ClockId::Realtime));
        let next = earlier.saturating_add(Span::from_nanos(1));
        Clock { zero: wall.max(next), began: boottime() }
    }

    /// Now.
    pub fn now(&self) -> Instant {
        self.at(boottime())
    }

    /// The moment at which CLOCK_BOOTTIME shows this.
    pub fn at(&self, boottime: Span) -> Instant {
        self.zero.saturating_add(boottime.saturating_sub(self.began))
    }

    /// The moment at which CLOCK_BOOTTIME showed 0.
    pub fn booted(&self) -> Instant {
        let before = self.zero.as_nanos().saturating_sub(self.began.as_nanos());
        Instant::from_nanos(before)
    }

    /// What CLOCK_BOOTTIME shows at a moment.
    pub fn boottime_at(&self, moment: Instant) -> Span {
        let since = moment.saturating_since(self.zero);
        Span::from_nanos(self.began.as_nanos().saturating_add(since.as_nanos()))
    }
}

/// Time since the machine was booted, asleep or not.
pub fn boottime() -> Span {
    Span::from_nanos(nanos(ClockId::Boottime))
}

/// Which boot of which machine this is; 0 if the system does not tell.
pub fn boot_id() -> u128 {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
    u128::from_str_radix(&digits, 16).unwrap_or(0)
}

fn nanos(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(time.tv_nsec as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_life_has_later_moments_whatever_the_wall_clock_says() {
        let first = Clock::after(Instant::ZERO);
        let seen = first.now();
        let far = seen.saturating_add(Span::from_secs(1 << 30));
        let second = Clock::after(far);
        assert!(second.now() > far, "the wall clock was set back by thirty years");
        assert!(Clock::after(seen).now() > seen);
    }

    #[test]
    fn a_moment_and_the_boottime_shown_at_it_belong_together() {
        let clock = Clock::after(Instant::ZERO);
        let later = clock.now() + Span::from_secs(5);
        assert_eq!(clock.at(clock.boottime_at(later)), later);
        assert_eq!(clock.at(Span::ZERO), clock.at(clock.began), "before it was made is its zero");
        let since = later.since(clock.booted());
        assert_eq!(since, clock.boottime_at(later), "moments count from the boot");
        assert_ne!(boot_id(), 0, "Linux tells which boot it is");
    }
}
