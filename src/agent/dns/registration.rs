//! Decides when a name is registered or withdrawn, apart from whether its resource is online.
//!
//! The caller's loop, beside everything else that it waits for:
//! 1. at [`Registration::deadline`], [`Registration::begin`], and what that gives is run by
//!    [`Registrar::perform`](super::Registrar::perform) as a task of its own;
//! 2. when the task ends, [`Registration::end`]; what that returns is to be logged.
//!
//! Moments are durations since any zero that the caller keeps to.

use super::registrar::{Outcome, Registered, Withdrawn};
use super::{Error, Fault, HostName};
use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::Duration;

/// The delay after the first failure. Assumed; wsfc.md §5.2 has "retried later" only.
pub const SHORTEST_DELAY: Duration = Duration::from_secs(1);
/// The delay that doubling ends at. Assumed.
pub const LONGEST_DELAY: Duration = Duration::from_secs(600);

/// What is to be done at the server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Act {
    /// See [`Registrar::register`](super::Registrar::register).
    Register {
        /// The address.
        address: Ipv4Addr,
        /// Its time to live in seconds.
        ttl: u32,
        /// What the name has to have.
        known: Option<Ipv4Addr>,
    },
    /// See [`Registrar::withdraw`](super::Registrar::withdraw).
    Withdraw {
        /// The address.
        address: Ipv4Addr,
    },
}

/// An act that was begun.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Attempt {
    /// Names the attempt when it ends.
    pub number: u64,
    /// What is to be done.
    pub act: Act,
}

/// How far it is. None of these says whether the resource is online.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Status {
    /// Nothing was wanted yet.
    Idle,
    /// Not tried yet, or being tried.
    Pending,
    /// The server has the wanted address and time to live.
    Registered,
    /// The server has no address of ours.
    Withdrawn,
    /// The last attempt failed; it is tried again (the product's event 1196).
    Failing {
        /// How.
        fault: Fault,
        /// What there is to say of it.
        text: String,
        /// When it began to fail.
        since: Duration,
        /// How many attempts failed.
        attempts: u32,
    },
    /// The name has what is neither known nor wanted. It is looked at again, and overwritten only
    /// after [`Registration::overrule`].
    Conflict {
        /// What it has.
        addresses: Vec<Ipv4Addr>,
        /// When that was first found.
        since: Duration,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Aim {
    Nothing,
    Registered { address: Ipv4Addr, ttl: u32 },
    Withdrawn,
}

/// One name's registration.
#[derive(Clone, Debug)]
pub struct Registration {
    name: HostName,
    aim: Aim,
    status: Status,
    /// What the server was last known to have.
    known: Option<Ipv4Addr>,
    /// What we wrote, or may have written when no answer came.
    ours: BTreeSet<Ipv4Addr>,
    due: Option<Duration>,
    /// Attempts without success since the aim was last set.
    failures: u32,
    running: Option<Attempt>,
    /// The running attempt is for an aim that is no more.
    outdated: bool,
    begun: u64,
}

impl Registration {
    /// A registration of a name of which nothing is wanted yet. `known` is what the server was
    /// last known to have, if the caller remembers; none overwrites whatever is there.
    pub fn new(name: HostName, known: Option<Ipv4Addr>) -> Registration {
        Registration {
            name,
            aim: Aim::Nothing,
            status: Status::Idle,
            known,
            ours: BTreeSet::new(),
            due: None,
            failures: 0,
            running: None,
            outdated: false,
            begun: 0,
        }
    }

    /// The name.
    pub fn name(&self) -> &HostName {
        &self.name
    }

    /// How far it is.
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// What the server was last known to have; for [`Registration::new`] in a later life.
    pub fn known(&self) -> Option<Ipv4Addr> {
        self.known
    }

    /// The address is up: registers it at once and until it succeeds. The same again changes
    /// nothing. `ttl` is in seconds.
    pub fn want(&mut self, now: Duration, address: Ipv4Addr, ttl: u32) {
        let aim = Aim::Registered { address, ttl };
        if self.aim != aim {
            self.aim_at(now, aim);
        }
    }

    /// The name is no more: withdraws what this registration wrote. A group that goes offline or
    /// moves with its address needs this not; the product leaves the record.
    pub fn withdraw(&mut self, now: Duration) {
        if self.aim != Aim::Withdrawn {
            self.aim_at(now, Aim::Withdrawn);
        }
    }

    /// This node has the name no more: nothing is registered or tried again from now on, and what
    /// is there stays, since the address moves with its group. Wanted again, even as it was, the
    /// name is looked at anew: others may have written meanwhile.
    pub fn rest(&mut self) {
        self.aim = Aim::Nothing;
        self.failures = 0;
        self.outdated = self.running.is_some();
        (self.due, self.status) = (None, Status::Idle);
    }

    /// An administrator's order to write the record again without interruption (the product's
    /// `Update-ClusterNetworkNameResource`, wsfc.md §5.2); also ends a delay.
    pub fn again(&mut self, now: Duration) {
        if self.aim != Aim::Nothing {
            self.aim_at(now, self.aim);
        }
    }

    /// After a [`Status::Conflict`], by whoever knows that this node owns the name: the next
    /// attempt, at once, replaces what was found there. If it is one address, no other is
    /// overwritten. Should a rival be faster all the time, delays grow as after failures.
    pub fn overrule(&mut self, now: Duration) {
        if let Status::Conflict { addresses, .. } = &self.status {
            self.known = only(addresses);
            let failures = self.failures;
            self.aim_at(now, self.aim);
            self.failures = failures;
        }
    }

    fn aim_at(&mut self, now: Duration, aim: Aim) {
        self.aim = aim;
        self.failures = 0;
        self.outdated = self.running.is_some();
        let nothing_to_do = aim == Aim::Withdrawn && self.ours.is_empty();
        (self.due, self.status) = match nothing_to_do {
            true => (None, Status::Withdrawn),
            false => (Some(now), Status::Pending),
        };
    }

    /// When to call [`begin`](Registration::begin); none while an attempt is running or if there
    /// is nothing to do. Read it again after every call.
    pub fn deadline(&self) -> Option<Duration> {
        if self.running.is_some() { None } else { self.due }
    }

    /// The attempt that is due, if one is. To call it early or twice is harmless.
    pub fn begin(&mut self, now: Duration) -> Option<Attempt> {
        if self.deadline().is_none_or(|due| now < due) {
            return None;
        }
        let act = match self.aim {
            Aim::Nothing => return None,
            Aim::Registered { address, ttl } => {
                self.ours.insert(address);
                Act::Register { address, ttl, known: self.known }
            }
            Aim::Withdrawn => Act::Withdraw { address: *self.ours.first()? },
        };
        self.due = None;
        self.outdated = false;
        self.begun += 1;
        let attempt = Attempt { number: self.begun, act };
        self.running = Some(attempt);
        Some(attempt)
    }

    /// The attempt ended. Returns the status if there is something new to log; a failure of the
    /// same kind as the one before is not new.
    pub fn end(
        &mut self,
        now: Duration,
        number: u64,
        result: Result<Outcome, Error>,
    ) -> Option<&Status> {
        let attempt = self.running.take_if(|running| running.number == number)?;
        let status = match result {
            Ok(outcome) => self.learn(now, attempt.act, outcome),
            Err(error) => Some(self.failing(now, &error)),
        };
        if std::mem::take(&mut self.outdated) {
            // What it did is remembered; how it went is of no interest any more.
            self.settle();
            return None;
        }
        let status = status?;
        self.delay(now, &status);
        let news = match (&self.status, &status) {
            (Status::Failing { fault: old, .. }, Status::Failing { fault, .. }) => old != fault,
            (Status::Conflict { addresses: old, .. }, Status::Conflict { addresses, .. }) => {
                old != addresses
            }
            (old, status) => old != status,
        };
        self.status = status;
        news.then_some(&self.status)
    }

    /// The attempt was dropped before it ended; its update may have been made. It counts as
    /// failed without anything to log.
    pub fn abandon(&mut self, now: Duration, number: u64) {
        if self.running.take_if(|running| running.number == number).is_some()
            && !std::mem::take(&mut self.outdated)
        {
            self.failures = self.failures.saturating_add(1);
            self.due = Some(now + delay(self.failures));
        }
    }

    /// What the server has now. Returns the status, none if it is to be tried on at once.
    fn learn(&mut self, now: Duration, act: Act, outcome: Outcome) -> Option<Status> {
        let (Act::Register { address, .. } | Act::Withdraw { address }) = act;
        match outcome {
            Outcome::Registered(Registered::Conflict { addresses }) => {
                let found = only(&addresses);
                // An earlier update of ours of which no answer came.
                let late = found.filter(|found| self.ours.contains(found));
                if late.is_some() && late != self.known {
                    self.known = late;
                    self.due = Some(now);
                    return None;
                }
                let mut since = now;
                if let Status::Conflict { addresses: old, since: first } = &self.status
                    && *old == addresses
                {
                    since = *first;
                }
                Some(Status::Conflict { addresses, since })
            }
            Outcome::Registered(
                Registered::Changed { .. } | Registered::TtlChanged { .. } | Registered::Already,
            ) => {
                self.known = Some(address);
                self.ours = BTreeSet::from([address]);
                Some(Status::Registered)
            }
            Outcome::Withdrawn(how) => {
                self.ours.remove(&address);
                self.known = None;
                if let Withdrawn::NotOurs { addresses } = how {
                    self.ours.retain(|ours| addresses.contains(ours));
                    self.known = only(&addresses);
                }
                if self.ours.is_empty() {
                    return Some(Status::Withdrawn);
                }
                self.due = Some(now);
                None
            }
        }
    }

    fn failing(&self, now: Duration, error: &Error) -> Status {
        let (mut since, mut attempts) = (now, 0_u32);
        if let Status::Failing { since: first, attempts: before, .. } = &self.status {
            (since, attempts) = (*first, *before);
        }
        let attempts = attempts.saturating_add(1);
        Status::Failing { fault: error.fault(), text: error.to_string(), since, attempts }
    }

    /// When it is tried again, if at all.
    fn delay(&mut self, now: Duration, status: &Status) {
        match status {
            Status::Failing { .. } | Status::Conflict { .. } => {
                self.failures = self.failures.saturating_add(1);
                self.due = Some(now + delay(self.failures));
            }
            Status::Idle | Status::Pending | Status::Registered | Status::Withdrawn => {
                self.failures = 0;
                self.due = None;
            }
        }
    }

    /// After an attempt for an aim that is no more: is there anything to do for the present one?
    fn settle(&mut self) {
        match self.aim {
            Aim::Nothing => self.due = None,
            Aim::Withdrawn if self.ours.is_empty() => {
                (self.due, self.status) = (None, Status::Withdrawn);
            }
            Aim::Registered { .. } | Aim::Withdrawn => {}
        }
    }
}

/// The delay after so many failures in a row, which is at least one.
fn delay(failures: u32) -> Duration {
    let factor = 2_u32.saturating_pow(failures.saturating_sub(1));
    SHORTEST_DELAY.saturating_mul(factor).min(LONGEST_DELAY)
}

/// The sole address, if it is one.
fn only(addresses: &[Ipv4Addr]) -> Option<Ipv4Addr> {
    match addresses {
        [address] => Some(*address),
        _ => None,
    }
}
