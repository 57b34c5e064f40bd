//! What can go wrong with addresses and adapters.

use super::InterfaceAddress;
use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

/// Why an address or an adapter could not be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No path: there is no such interface.
    #[error(
        "interface {interface}: not found in this network namespace; \
         check its name in the configuration"
    )]
    NoInterface {
        /// The name that was looked for.
        interface: String,
    },
    /// No path: the interface is set down or has no carrier.
    #[error("interface {interface}: set down or without carrier, expected up; check the cable")]
    InterfaceDown {
        /// The interface.
        interface: String,
    },
    /// The interface has no Ethernet address, so there is no ARP on it.
    #[error("interface {interface}: not an Ethernet interface, expected one with ARP")]
    NotEthernet {
        /// The interface.
        interface: String,
    },
    /// No host can have this address.
    #[error("{address}: not an address for an interface: {reason}")]
    BadAddress {
        /// The address.
        address: InterfaceAddress,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The address is not on the interface any more, so it was not announced.
    #[error(
        "address {address}: not on interface {interface}, so it was not announced; add it first"
    )]
    NotHeld {
        /// The interface.
        interface: String,
        /// The address.
        address: Ipv4Addr,
    },
    /// The kernel refused.
    #[error("cannot {operation} {place}: the kernel refused: {source}; CAP_NET_ADMIN is needed")]
    Refused {
        /// What was asked for.
        operation: &'static str,
        /// The interface and address.
        place: String,
        /// What it said.
        source: io::Error,
    },
    /// No answer: the kernel did not answer in time. What was asked for was not done; only a
    /// removal may still be done later.
    #[error(
        "cannot {operation} {place}: no answer from the kernel within {} ms; \
         something else holds its network configuration lock",
        waited.as_millis()
    )]
    NoAnswer {
        /// What was asked for.
        operation: &'static str,
        /// The interface and address.
        place: String,
        /// How long it was waited for.
        waited: Duration,
    },
    /// So many frames came in that some could not be looked at; whether one of them was the answer
    /// is not known.
    #[error(
        "address {address}: {frames} ARP frames were lost while {interface} was asked; ask again"
    )]
    FramesLost {
        /// The interface.
        interface: String,
        /// The address that was asked for.
        address: Ipv4Addr,
        /// How many were lost.
        frames: u64,
    },
    /// The machine failed us.
    #[error("cannot {operation} {place}: {source}; CAP_NET_ADMIN and CAP_NET_RAW are needed")]
    Machine {
        /// What was tried.
        operation: &'static str,
        /// Where.
        place: String,
        /// What the system said.
        source: io::Error,
    },
}

impl Error {
    /// The thread or task that does the work has ended.
    pub(super) fn ended(operation: &'static str, place: &str) -> Error {
        let source = io::Error::other("the worker for it has ended");
        Error::Machine { operation, place: place.to_owned(), source }
    }
}
