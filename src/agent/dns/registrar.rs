//! Registers, withdraws and looks up host records at one server.

use super::exchange::Exchange;
use super::message::{self, Answer, Builder, Change};
use super::registration::Act;
use super::signature::Signed;
use super::{Error, HostName, Key};
use domain::base::Message;
use domain::base::iana::Rcode;
use domain::base::message_builder::PushError;
use ring::rand::{SecureRandom, SystemRandom};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// The usual time-out of one exchange (linux-ha.md §10 item 7).
pub const TIMEOUT: Duration = Duration::from_secs(1);
/// The product's HostRecordTTL, in seconds (wsfc.md §5.2).
pub const HOST_RECORD_TTL: u32 = 1200;
/// How often a registration begins anew because the record changed meanwhile. Assumed.
const TRIES: u32 = 3;

/// What a server has for a name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    /// Its addresses in their order; none if there is no such name.
    pub addresses: Vec<Ipv4Addr>,
    /// Their time to live in seconds; none without an address.
    pub ttl: Option<u32>,
}

/// How a registration ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Registered {
    /// The name has this address now and no other.
    Changed {
        /// What it had.
        before: Vec<Ipv4Addr>,
    },
    /// The name had this address already; its time to live was changed.
    TtlChanged {
        /// What it was, in seconds.
        before: u32,
    },
    /// All was so already; nothing was changed.
    Already,
    /// The name has neither the address that it was known to have nor the new one; nothing was
    /// changed.
    Conflict {
        /// What it has.
        addresses: Vec<Ipv4Addr>,
    },
}

/// How a withdrawal ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Withdrawn {
    /// The record was there and is no more.
    Removed,
    /// The name does not have this address; nothing was changed.
    NotOurs {
        /// What it has.
        addresses: Vec<Ipv4Addr>,
    },
}

/// How an [`Act`] ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// A registration.
    Registered(Registered),
    /// A withdrawal.
    Withdrawn(Withdrawn),
}

/// Writes host records of one zone at its primary server. Every request is signed, lookups too,
/// and no answer counts that is not.
#[derive(Clone, Debug)]
pub struct Registrar {
    server: SocketAddr,
    zone: HostName,
    key: Key,
    timeout: Duration,
    wall_clock: fn() -> u64,
}

impl Registrar {
    /// A registrar. `server` is the primary of `zone`, not a resolver and not a secondary;
    /// `timeout`, usually [`TIMEOUT`], bounds each exchange with it with both its attempts.
    ///
    /// # Errors
    /// [`Error::Timeout`] unless it is 10 ms to 60 s (assumed).
    pub fn new(
        server: SocketAddr,
        zone: HostName,
        key: Key,
        timeout: Duration,
    ) -> Result<Registrar, Error> {
        if !(Duration::from_millis(10)..=Duration::from_secs(60)).contains(&timeout) {
            return Err(Error::Timeout { timeout });
        }
        Ok(Registrar { server, zone, key, timeout, wall_clock })
    }

    /// The same with another wall clock.
    #[cfg(test)]
    pub(super) fn with_wall_clock(self, wall_clock: fn() -> u64) -> Registrar {
        Registrar { wall_clock, ..self }
    }

    /// Does what a [`Registration`](super::Registration) wants done.
    ///
    /// Takes what [`register`](Registrar::register) and [`withdraw`](Registrar::withdraw) take and
    /// may be dropped as they may.
    ///
    /// # Errors
    /// As theirs.
    pub async fn perform(&self, name: &HostName, act: Act) -> Result<Outcome, Error> {
        match act {
            Act::Register { address, ttl, known } => {
                self.register(name, address, ttl, known).await.map(Outcome::Registered)
            }
            Act::Withdraw { address } => self.withdraw(name, address).await.map(Outcome::Withdrawn),
        }
    }

    /// Makes `address` the only address of the name, in one update that is done whole or not at
    /// all; `ttl` is its time to live, 0 to 2^31 - 1 s. With `known` only if the name has just
    /// that address when the server does it, so that a stale writer overwrites nothing. Without,
    /// whatever is there is replaced.
    ///
    /// Takes at most seven time-outs; one if the server does not answer. May be dropped at any
    /// await; the update may then have been made, as after [`Error::NoAnswer`]. To call it again
    /// is right in both cases.
    ///
    /// # Errors
    /// All but those of keys and names.
    pub async fn register(
        &self,
        name: &HostName,
        address: Ipv4Addr,
        ttl: u32,
        known: Option<Ipv4Addr>,
    ) -> Result<Registered, Error> {
        if address.is_unspecified() || address.is_multicast() || address.is_broadcast() {
            return Err(Error::Address { name: name.clone(), address });
        }
        if i32::try_from(ttl).is_err() {
            return Err(Error::TimeToLive { name: name.clone(), ttl });
        }
        let mut found = self.lookup(name).await?;
        for _ in 0..TRIES {
            let only = (found.addresses == [address]).then_some(found.ttl).flatten();
            if only == Some(ttl) {
                return Ok(Registered::Already);
            }
            // A new time to live is no reason to overwrite what came meanwhile.
            let exactly = if only.is_some() { Some(address) } else { known };
            let change = Change::Set { address, ttl };
            if self.update(name, exactly, change).await? {
                return Ok(match only {
                    Some(before) => Registered::TtlChanged { before },
                    None => Registered::Changed { before: found.addresses },
                });
            }
            found = self.lookup(name).await?;
            let expected = [Some(address), known].into_iter().flatten();
            if !expected.into_iter().any(|expected| found.addresses == [expected]) {
                return Ok(Registered::Conflict { addresses: found.addresses });
            }
        }
        let (server, name) = (self.server, name.clone());
        Err(Error::Unsettled { server, name, addresses: found.addresses })
    }

    /// Removes `address` from the name if it has it; other addresses of the name stay.
    ///
    /// Takes at most two time-outs; one if the server does not answer. May be dropped at any
    /// await; the record may then be gone, as after [`Error::NoAnswer`].
    ///
    /// # Errors
    /// All but those of keys and names.
    pub async fn withdraw(&self, name: &HostName, address: Ipv4Addr) -> Result<Withdrawn, Error> {
        let found = self.lookup(name).await?;
        if !found.addresses.contains(&address) {
            return Ok(Withdrawn::NotOurs { addresses: found.addresses });
        }
        // Names the record by its value: one that was put in its place meanwhile stays.
        self.update(name, None, Change::Remove { address }).await?;
        Ok(Withdrawn::Removed)
    }

    /// Asks the server itself what it has for the name.
    ///
    /// Takes at most one time-out. May be dropped at any await.
    ///
    /// # Errors
    /// All but those of keys, names and updates.
    pub async fn lookup(&self, name: &HostName) -> Result<Found, Error> {
        self.check(name)?;
        let answer = self.exchange(|id| message::lookup(id, name)).await?;
        match answer.header().rcode() {
            Rcode::NOERROR | Rcode::NXDOMAIN if !answer.header().aa() => {
                Err(self.not_authoritative())
            }
            Rcode::NOERROR | Rcode::NXDOMAIN => match message::addresses(&answer, name) {
                Ok(Answer::Addresses(addresses, ttl)) => Ok(Found { addresses, ttl }),
                Ok(Answer::Alias) => Err(Error::Alias { server: self.server, name: name.clone() }),
                Err(problem) => {
                    let (server, name) = (self.server, name.clone());
                    Err(Error::Unreadable { server, name, problem })
                }
            },
            Rcode::REFUSED => Err(Error::LookupRefused {
                server: self.server,
                name: name.clone(),
                key: self.key.name().to_string(),
            }),
            code => Err(self.answered(name, code)),
        }
    }

    /// One update; false if the name does not have `exactly` that address.
    async fn update(
        &self,
        name: &HostName,
        exactly: Option<Ipv4Addr>,
        change: Change,
    ) -> Result<bool, Error> {
        self.check(name)?;
        let message = |id| message::update(id, &self.zone, name, exactly, change);
        let answer = self.exchange(message).await?;
        let server = self.server;
        match answer.header().rcode() {
            Rcode::NOERROR => Ok(true),
            Rcode::NXRRSET if exactly.is_some() => Ok(false),
            Rcode::YXRRSET => Err(Error::Alias { server, name: name.clone() }),
            Rcode::REFUSED => Err(Error::UpdateRefused {
                server,
                name: name.clone(),
                zone: self.zone.clone(),
                key: self.key.name().to_string(),
            }),
            Rcode::NOTZONE => {
                Err(Error::NotZone { server, name: name.clone(), zone: self.zone.clone() })
            }
            code => Err(self.answered(name, code)),
        }
    }

    fn check(&self, name: &HostName) -> Result<(), Error> {
        if name.is_inside(&self.zone) {
            return Ok(());
        }
        Err(Error::OutsideZone { name: name.clone(), zone: self.zone.clone() })
    }

    /// Signs a request, sends it and brings the answer.
    async fn exchange(
        &self,
        message: impl FnOnce(u16) -> Result<Builder, PushError>,
    ) -> Result<Message<Vec<u8>>, Error> {
        let server = self.server;
        let failed = |what| Error::Machine { server, what, source: io::Error::other("no more") };
        let mut id = [0; 2];
        SystemRandom::new().fill(&mut id).map_err(|_| failed("making a random number"))?;
        let request = message(u16::from_be_bytes(id))
            .ok()
            .and_then(|message| Signed::new(message, &self.key, (self.wall_clock)()))
            .ok_or_else(|| failed("writing a request"))?;
        let (key, timeout, wall_clock) = (&self.key, self.timeout, self.wall_clock);
        Exchange { server, key, request, timeout, wall_clock }.run().await
    }

    fn not_authoritative(&self) -> Error {
        Error::NotAuthoritative { server: self.server, zone: self.zone.clone() }
    }

    /// The codes that mean the same for lookups and updates.
    fn answered(&self, name: &HostName, code: Rcode) -> Error {
        let (server, name) = (self.server, name.clone());
        match code {
            Rcode::NOTAUTH => self.not_authoritative(),
            Rcode::SERVFAIL => Error::ServerFailed { server, zone: self.zone.clone() },
            _ => Error::Answered { server, name, code: code.to_string() },
        }
    }
}

/// Seconds since 1970; signatures have wall time, nothing else here does.
#[allow(clippy::disallowed_types, reason = "a signature's time is wall time (RFC 8945 §4.2)")]
fn wall_clock() -> u64 {
    std::time::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs())
}
