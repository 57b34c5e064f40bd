//! The agent's hands on the addresses and adapters of a Linux host, IPv4.
//!
//! * [`Addresses`] puts addresses on interfaces and takes them off, for ever or for a lease that
//!   the kernel itself ends.
//! * [`Watch`] tells when an interface loses or gets its carrier, and when an address that
//!   `Addresses` holds is gone without its doing.
//! * [`Arp`] asks whether an address is in use, announces it ([`Announcer`] again and again), and
//!   hears who else claims it ([`Listener`]).
//!
//! No process is started. Everything works in the network namespace of the thread that calls
//! [`Addresses::open`] and [`Arp::open`], so both are to be called from the same one.
//!
//! Needs CAP_NET_ADMIN for addresses and CAP_NET_RAW for ARP.

mod addresses;
mod arp;
mod error;
mod ledger;
mod links;
mod netlink;
mod rtnetlink;

pub use addresses::{Added, Addresses, DEFAULT_WAIT, Listed, Removed};
pub use arp::{Announcements, Announcer, Arp, Form, Heard, Listener, ProbeAnswer, Schedule};
pub use error::Error;
pub use links::{Event, Watch};

use core::fmt;
use std::net::Ipv4Addr;

/// An address on an interface.
///
/// A prefix length of 32 is the safe choice for an address that moves: a shorter one can make it
/// the first address of its subnet, and with the first one the kernel takes away all the others of
/// that subnet unless the sysctl `promote_secondaries` is set.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct InterfaceAddress {
    /// Name of the interface, 1 to 15 bytes.
    pub interface: String,
    /// The address.
    pub address: Ipv4Addr,
    /// Length of its prefix in bits, 0 to 32.
    pub prefix_length: u8,
}

impl InterfaceAddress {
    /// An address on an interface.
    pub fn new(interface: &str, address: Ipv4Addr, prefix_length: u8) -> InterfaceAddress {
        InterfaceAddress { interface: interface.to_owned(), address, prefix_length }
    }
}

impl fmt::Display for InterfaceAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} on {}", self.address, self.prefix_length, self.interface)
    }
}

/// Hardware address of an Ethernet adapter.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct HardwareAddress(pub [u8; 6]);

impl fmt::Display for HardwareAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}
