//! What can go wrong, and what the caller has to tell apart.

use super::HostName;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// The kinds of failure that a caller tells apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Fault {
    /// What was configured or asked for cannot be right; trying again does not help.
    Configuration,
    /// This host has no way to the server.
    NoPath,
    /// The host of the server says that nobody listens there.
    NotListening,
    /// Nothing that can be trusted came in time. The update may have been made all the same.
    NoAnswer,
    /// The server answered and did not do it.
    Refused,
    /// This host failed us.
    Machine,
}

/// Why a registration, withdrawal or lookup was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not a host name.
    #[error("host name {text:?}: {problem}")]
    Name {
        /// What was given.
        text: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The name is not in the registrar's zone.
    #[error("host name {name} is not inside the zone {zone}; give its full name")]
    OutsideZone {
        /// The name.
        name: HostName,
        /// The zone.
        zone: HostName,
    },
    /// No host can have this address.
    #[error("{address} for {name} is not the address of a host")]
    Address {
        /// The name.
        name: HostName,
        /// The address.
        address: Ipv4Addr,
    },
    /// A time to live that RFC 2181 §8 does not allow.
    #[error("time to live {ttl} s for {name} is more than {} s", i32::MAX)]
    TimeToLive {
        /// The name.
        name: HostName,
        /// What was given, in seconds.
        ttl: u32,
    },
    /// A time-out with which nothing can work.
    #[error("DNS time-out {timeout:?} is not between 10 ms and 60 s")]
    Timeout {
        /// What was given.
        timeout: Duration,
    },
    /// A key that is of no use.
    #[error("TSIG key {name:?}: {problem}")]
    Key {
        /// Its name.
        name: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A key file that is of no use.
    #[error("TSIG key file {path}: {problem}", path = path.display())]
    KeyFile {
        /// Where it is.
        path: PathBuf,
        /// What is wrong with it, with the line. Never its secret.
        problem: String,
    },
    /// This host has no way to the server.
    #[error("DNS server {server}: no path to it: {source}")]
    NoPath {
        /// The server.
        server: SocketAddr,
        /// What the kernel said.
        source: io::Error,
    },
    /// The host of the server is there and nobody listens at the port.
    #[error("DNS server {server}: nobody listens there; is the server running?")]
    NotListening {
        /// The server.
        server: SocketAddr,
    },
    /// Nothing that can be trusted came in time.
    #[error("DNS server {server}: no answer within {waited:?}{heard}")]
    NoAnswer {
        /// The server.
        server: SocketAddr,
        /// How long it was waited for.
        waited: Duration,
        /// What came that could not be trusted.
        heard: Heard,
    },
    /// REFUSED to a lookup.
    #[error(
        "DNS server {server} refused to look up {name}: it does not hold the zone, or its \
         allow-query does not admit key {key}"
    )]
    LookupRefused {
        /// The server.
        server: SocketAddr,
        /// The name.
        name: HostName,
        /// The key's name.
        key: String,
    },
    /// REFUSED to an update.
    #[error(
        "DNS server {server} refused to update {name}: its update-policy or allow-update for \
         zone {zone} does not grant key {key} the A records of this name"
    )]
    UpdateRefused {
        /// The server.
        server: SocketAddr,
        /// The name.
        name: HostName,
        /// The zone.
        zone: HostName,
        /// The key's name.
        key: String,
    },
    /// NOTAUTH with BADKEY.
    #[error(
        "DNS server {server} does not know TSIG key {key} (BADKEY); compare its name and \
         algorithm with the server's"
    )]
    UnknownKey {
        /// The server.
        server: SocketAddr,
        /// The key's name.
        key: String,
    },
    /// NOTAUTH with BADSIG.
    #[error(
        "DNS server {server} has another secret for TSIG key {key} (BADSIG); copy the key file"
    )]
    WrongSecret {
        /// The server.
        server: SocketAddr,
        /// The key's name.
        key: String,
    },
    /// NOTAUTH with BADTIME, by a server that has the key.
    #[error(
        "DNS server {server}: its clock is {} s {} ours, more than the {fudge} s that TSIG allows \
         (BADTIME); synchronise the clocks",
        .ahead.unsigned_abs(),
        direction(.ahead)
    )]
    ClockSkew {
        /// The server.
        server: SocketAddr,
        /// By how much its clock is ahead of ours, in seconds; negative if it is behind.
        ahead: i64,
        /// What TSIG allows, in seconds.
        fudge: u16,
    },
    /// NOTAUTH, or a lookup's answer without authority.
    #[error("DNS server {server} does not hold the zone {zone}; name the zone's primary server")]
    NotAuthoritative {
        /// The server.
        server: SocketAddr,
        /// The zone.
        zone: HostName,
    },
    /// NOTZONE.
    #[error("DNS server {server}: {name} is not inside zone {zone} there (NOTZONE)")]
    NotZone {
        /// The server.
        server: SocketAddr,
        /// The name.
        name: HostName,
        /// The zone.
        zone: HostName,
    },
    /// SERVFAIL.
    #[error("DNS server {server} failed (SERVFAIL) at zone {zone}; its log says why")]
    ServerFailed {
        /// The server.
        server: SocketAddr,
        /// The zone.
        zone: HostName,
    },
    /// The name is an alias, beside which no address can be; YXRRSET to our own condition.
    #[error("DNS server {server}: {name} is an alias (CNAME) there; remove the alias")]
    Alias {
        /// The server.
        server: SocketAddr,
        /// The name.
        name: HostName,
    },
    /// The conditions of the update and the lookups after it contradict each other.
    #[error(
        "DNS server {server}: {name} looked up is {addresses:?} and yet the server says that it \
         is not; others change it, or a wildcard record answers for it"
    )]
    Unsettled {
        /// The server.
        server: SocketAddr,
        /// The name.
        name: HostName,
        /// What the last lookup found.
        addresses: Vec<Ipv4Addr>,
    },
    /// An answer code that nothing here provokes.
    #[error("DNS server {server} answered {code} for {name}")]
    Answered {
        /// The server.
        server: SocketAddr,
        /// The name.
        name: HostName,
        /// The answer code.
        code: String,
    },
    /// An answer with a right signature that is not readable.
    #[error("DNS server {server} answered for {name} what is no DNS message: {problem}")]
    Unreadable {
        /// The server.
        server: SocketAddr,
        /// The name.
        name: HostName,
        /// What is wrong with it.
        problem: String,
    },
    /// This host failed us.
    #[error("this host failed at {what} for DNS server {server}: {source}")]
    Machine {
        /// The server.
        server: SocketAddr,
        /// What failed.
        what: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
}

/// What came from a server's address that could not be trusted, if anything.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Heard(pub(super) Option<String>);

impl std::fmt::Display for Heard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Some(what) => write!(f, " that can be trusted; heard: {what}"),
            None => Ok(()),
        }
    }
}

fn direction(ahead: &i64) -> &'static str {
    if *ahead < 0 { "behind" } else { "ahead of" }
}

impl Error {
    /// Of which kind it is.
    pub fn fault(&self) -> Fault {
        match self {
            Error::Name { .. }
            | Error::OutsideZone { .. }
            | Error::Address { .. }
            | Error::TimeToLive { .. }
            | Error::Timeout { .. }
            | Error::Key { .. }
            | Error::KeyFile { .. } => Fault::Configuration,
            Error::NoPath { .. } => Fault::NoPath,
            Error::NotListening { .. } => Fault::NotListening,
            Error::NoAnswer { .. } => Fault::NoAnswer,
            Error::LookupRefused { .. }
            | Error::UpdateRefused { .. }
            | Error::UnknownKey { .. }
            | Error::WrongSecret { .. }
            | Error::ClockSkew { .. }
            | Error::NotAuthoritative { .. }
            | Error::NotZone { .. }
            | Error::ServerFailed { .. }
            | Error::Alias { .. }
            | Error::Unsettled { .. }
            | Error::Answered { .. }
            | Error::Unreadable { .. } => Fault::Refused,
            Error::Machine { .. } => Fault::Machine,
        }
    }
}
