//! Whether a lease may be renewed: from moments alone, without a clock or a kernel.

use super::{Error, Thing};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::time::Duration;

/// How much earlier than its whole second the kernel may take an address away: it looks for what
/// has ended up to HZ/50 ahead (ADDRCONF_TIMER_FUZZ_MINUS).
const ADDRESS_EARLY: Duration = Duration::from_millis(20);

/// The lengths that make a lease safe.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Policy {
    /// Length of a lease from its renewal in the kernel. Whole milliseconds.
    pub length: Duration,
    /// Time between renewals.
    pub interval: Duration,
    /// Largest age that the knowledge of being in quorum may have when the kernel renews a lease:
    /// the peer's wait begins no earlier than that knowledge.
    pub age: Duration,
    /// Largest part of `age` that may pass between the decision and the kernel, which refuses
    /// later ([`Gate::ticket`](super::Gate::ticket)).
    pub send: Duration,
    /// By how much the two nodes' clocks and the kernel's timers may differ over a lease: at least
    /// one tick of the kernel (4 ms at 250 Hz, 10 ms at 100 Hz).
    pub clock_error: Duration,
    /// How long the peer waits after it last heard from this node before it takes over.
    pub peer_wait: Duration,
}

impl Default for Policy {
    /// Length 1500 ms, interval 250 ms and the peer's wait 2000 ms as in linux-ha.md §10.1; age
    /// 300 ms, of it 50 ms to send, and clock error 20 ms are assumed.
    fn default() -> Policy {
        Policy {
            length: Duration::from_millis(1500),
            interval: Duration::from_millis(250),
            age: Duration::from_millis(300),
            send: Duration::from_millis(50),
            clock_error: Duration::from_millis(20),
            peer_wait: Duration::from_millis(2000),
        }
    }
}

impl Policy {
    /// Asserts that length + age + clock error < the peer's wait (linux-ha.md §10.1), and that
    /// renewals come in time. Gives what is left of the peer's wait.
    ///
    /// # Errors
    /// [`Error::Policy`], which says by how much they miss.
    pub fn check(&self) -> Result<Duration, Error> {
        let wrong = |what: String| Err(Error::Policy { what });
        let is_whole = |length: Duration| length.subsec_nanos().is_multiple_of(1_000_000);
        if !is_whole(self.length) || !is_whole(self.send) {
            return wrong("length and send: expected whole milliseconds".to_owned());
        }
        if self.interval.is_zero() || self.send.is_zero() {
            return wrong("interval and send: expected more than 0".to_owned());
        }
        if self.send >= self.age {
            return wrong(format!("send {:?}: expected less than age {:?}", self.send, self.age));
        }
        let limit = self.longest_turn();
        if self.interval + self.send > limit {
            return wrong(format!(
                "interval {:?} + send {:?}: expected at most half the length, {limit:?}",
                self.interval, self.send
            ));
        }
        let needs = self.length + self.age + self.clock_error;
        match self.peer_wait.checked_sub(needs) {
            Some(left) if !left.is_zero() => Ok(left),
            _ => wrong(format!(
                "length {:?} + age {:?} + clock error {:?} = {needs:?}: expected less than the \
                 peer's wait {:?}; {:?} too long",
                self.length,
                self.age,
                self.clock_error,
                self.peer_wait,
                needs.saturating_sub(self.peer_wait)
            )),
        }
    }

    /// Half of a lease: a turn that took longer has lost touch with the world (linux-ha.md §10.3).
    pub const fn longest_turn(&self) -> Duration {
        match self.length.checked_div(2) {
            Some(half) => half,
            None => Duration::ZERO,
        }
    }

    /// The `valid_lft` in whole seconds of a floating address that is set anew in every turn that
    /// renews its lease, in either order: the smallest that ends after the lease. So the address is
    /// cut off before it vanishes, and vanishes from a node that does nothing any more. The kernel
    /// ends `n` at n + 0.0 to 0.4 s (linux-ha.md §10.1).
    pub fn valid_lft(&self) -> u32 {
        let after = self.length + self.interval + ADDRESS_EARLY;
        u32::try_from(after.as_secs()).unwrap_or(u32::MAX - 1).saturating_add(1)
    }
}

/// What a turn found that has to be done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Turn {
    /// Nothing was asked for.
    Idle,
    /// The next renewal is due at this moment.
    NotDue {
        /// The moment.
        at: Duration,
    },
    /// Renew what is held, and grant what was asked for.
    Renew,
    /// The knowledge is too old: nothing is renewed, and the leases run out.
    Stale {
        /// Its age.
        age: Duration,
        /// Its largest age at the decision.
        limit: Duration,
    },
    /// Withdraw everything at once. Nothing is held any more; what shall be served is to be
    /// asked for anew, after the world was looked at again.
    Withdraw(Why),
}

/// Why everything is withdrawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Why {
    /// A turn took longer than half of the lease: the process or the machine stood still.
    TurnTooLong {
        /// How long it took.
        took: Duration,
        /// Half of the lease.
        limit: Duration,
    },
    /// The clock went back, so that no moment can be trusted.
    ClockWentBack {
        /// By how much.
        by: Duration,
    },
    /// The lease of this ended before its renewal.
    Lapsed(Thing),
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::TurnTooLong { took, limit } => {
                write!(f, "a turn took {took:?}, longer than half of the lease, {limit:?}")
            }
            Why::ClockWentBack { by } => write!(f, "the clock went back by {by:?}"),
            Why::Lapsed(thing) => write!(f, "the lease of {thing} ended before its renewal"),
        }
    }
}

/// What this node holds and may go on holding. Moments are durations since some zero, of
/// `CLOCK_BOOTTIME` ([`boottime`](super::boottime)).
#[derive(Clone, Debug)]
pub struct Lease {
    policy: Policy,
    /// What was asked for, and whether it was granted.
    things: BTreeMap<Thing, bool>,
    /// The last turn.
    turn: Option<Duration>,
    /// The last renewal; none if one is due.
    renewed: Option<Duration>,
}

impl Lease {
    /// Nothing is held yet.
    ///
    /// # Errors
    /// Those of [`Policy::check`].
    pub fn new(policy: Policy) -> Result<Lease, Error> {
        policy.check()?;
        Ok(Lease { policy, things: BTreeMap::new(), turn: None, renewed: None })
    }

    /// Its lengths.
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Asks for something that this node shall serve from now on. Granted in the next turn, which
    /// may find that it is too late for it.
    pub fn ask(&mut self, thing: Thing) {
        if let Entry::Vacant(place) = self.things.entry(thing) {
            place.insert(false);
            self.renewed = None;
        }
    }

    /// Forgets something that this node shall not serve any more. Withdrawing it from the kernel
    /// is the caller's.
    pub fn release(&mut self, thing: Thing) {
        self.things.remove(&thing);
    }

    /// Forgets everything, whatever the reason; see [`release`](Self::release).
    pub fn release_all(&mut self) {
        self.things.clear();
        self.renewed = None;
    }

    /// What is granted and to be renewed.
    pub fn held(&self) -> impl Iterator<Item = Thing> {
        self.things.iter().filter(|(_, granted)| **granted).map(|(thing, _)| *thing)
    }

    /// What was asked for and is to be granted.
    pub fn asked(&self) -> impl Iterator<Item = Thing> {
        self.things.iter().filter(|(_, granted)| !**granted).map(|(thing, _)| *thing)
    }

    /// One turn of the caller: what is to be done about the leases `now`, if this node was last
    /// known to be in quorum at the moment `known`. To be called in every turn, also when nothing
    /// is due: that is how a turn that took too long is noticed.
    pub fn turn(&mut self, now: Duration, known: Duration) -> Turn {
        let last = self.turn.replace(now).unwrap_or(now);
        let limit = self.policy.longest_turn();
        let Some(took) = now.checked_sub(last) else {
            return self.end(Why::ClockWentBack { by: last - now });
        };
        if took > limit {
            return self.end(Why::TurnTooLong { took, limit });
        }
        if self.things.is_empty() {
            return Turn::Idle;
        }
        if let Some(at) = self.renewed.map(|renewed| renewed + self.policy.interval)
            && now < at
        {
            return Turn::NotDue { at };
        }
        // Knowledge from the future is a mistake of the caller, and no reason to renew.
        let age = now.checked_sub(known).unwrap_or(Duration::MAX);
        let limit = self.policy.age - self.policy.send;
        if age > limit { Turn::Stale { age, limit } } else { Turn::Renew }
    }

    /// The kernel has renewed and granted what [`turn`](Self::turn) said at the moment `at`.
    pub fn renewed(&mut self, at: Duration) {
        self.things.values_mut().for_each(|granted| *granted = true);
        self.renewed = Some(at);
    }

    /// The kernel refused a renewal: the lease of `thing` has ended.
    pub fn lapsed(&mut self, thing: Thing) -> Turn {
        self.end(Why::Lapsed(thing))
    }

    /// Nothing is held any more. If nothing was, there is nothing to withdraw either, but whatever
    /// a caller keeps of its own it has to look at again.
    fn end(&mut self, why: Why) -> Turn {
        self.release_all();
        Turn::Withdraw(why)
    }
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
