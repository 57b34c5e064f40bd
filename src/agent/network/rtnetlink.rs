//! The few rtnetlink requests that are needed. Of the kernel's answers only the attributes that
//! are used are looked at, so that a newer kernel's cannot make them unreadable.

use super::netlink::{Failure, Requests};
use super::{HardwareAddress, InterfaceAddress};
use core::num::NonZeroU32;
use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE, NlasIterator};
use netlink_packet_route::address::{
    AddressAttribute, AddressHeader, AddressMessage, CacheInfo as Lifetimes,
};
use netlink_packet_route::link::{
    LinkAttribute, LinkFlags, LinkHeader, LinkLayerType, LinkMessage,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use nix::errno::Errno;
use std::net::{IpAddr, Ipv4Addr};

/// Message types.
pub(super) const NEW_LINK: u16 = 16;
pub(super) const DELETE_LINK: u16 = 17;
pub(super) const NEW_ADDRESS: u16 = 20;
pub(super) const DELETE_ADDRESS: u16 = 21;

/// Multicast groups as bits: RTMGRP_LINK and RTMGRP_IPV4_IFADDR.
pub(super) const LINK_AND_ADDRESS_GROUPS: u32 = 0x1 | 0x10;

/// Lengths of the fixed parts of messages.
const LINK_HEADER: usize = 16;
const ADDRESS_HEADER: usize = 8;
/// Attributes of links and of addresses.
const LINK_HARDWARE: u16 = 1;
const LINK_NAME: u16 = 3;
const ADDRESS_LOCAL: u16 = 2;
const ADDRESS_LIFETIMES: u16 = 6;
const FOR_EVER: u32 = u32::MAX;

/// An interface.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Link {
    pub(super) index: u32,
    pub(super) name: String,
    /// Set up, with carrier, and allowed to pass traffic.
    pub(super) up: bool,
    /// Of Ethernet interfaces.
    pub(super) hardware: Option<HardwareAddress>,
}

/// An address on an interface.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Row {
    pub(super) key: Key,
    /// Seconds that it has left; none: for ever.
    pub(super) valid: Option<u32>,
}

/// What makes an address one for the kernel.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Key {
    pub(super) index: u32,
    pub(super) address: Ipv4Addr,
    pub(super) prefix_length: u8,
}

/// Reads a message about a link; none if it is about something else.
pub(super) fn parse_link(payload: &[u8]) -> Option<Link> {
    let header = LinkHeader::parse(payload).ok()?;
    // A bridge tells of its ports in the same form: a port that leaves it is not deleted.
    if header.interface_family != AddressFamily::Unspec {
        return None;
    }
    let mut name = None;
    let mut hardware = None;
    for attribute in NlasIterator::new(payload.get(LINK_HEADER..)?).map_while(Result::ok) {
        match attribute.kind() {
            LINK_NAME => {
                let bytes = attribute.value().split(|byte| *byte == 0).next()?;
                name = Some(String::from_utf8_lossy(bytes).into_owned());
            }
            LINK_HARDWARE => hardware = attribute.value().try_into().ok().map(HardwareAddress),
            _ => {}
        }
    }
    // IFF_RUNNING is the operational state: up, or unknown to the driver.
    let needed = LinkFlags::Up | LinkFlags::LowerUp | LinkFlags::Running;
    let ethernet = header.link_layer_type == LinkLayerType::Ether;
    let hardware = hardware.filter(|_| ethernet);
    Some(Link { index: header.index, name: name?, up: header.flags.contains(needed), hardware })
}

/// Reads a message about an IPv4 address; none if it is about something else.
pub(super) fn parse_address(payload: &[u8]) -> Option<Row> {
    let header = AddressHeader::parse(payload).ok()?;
    if header.family != AddressFamily::Inet {
        return None;
    }
    let mut address = None;
    let mut valid = None;
    for attribute in NlasIterator::new(payload.get(ADDRESS_HEADER..)?).map_while(Result::ok) {
        let value = attribute.value();
        match attribute.kind() {
            ADDRESS_LOCAL => address = value.first_chunk::<4>().map(|four| Ipv4Addr::from(*four)),
            ADDRESS_LIFETIMES => {
                valid =
                    value.get(4..8).and_then(|four| four.try_into().ok().map(u32::from_ne_bytes));
            }
            _ => {}
        }
    }
    let key = Key { index: header.index, address: address?, prefix_length: header.prefix_len };
    Some(Row { key, valid: valid.filter(|valid| *valid != FOR_EVER) })
}

fn address_message(key: Key) -> AddressMessage {
    let mut message = AddressMessage::default();
    message.header.family = AddressFamily::Inet;
    message.header.prefix_len = key.prefix_length;
    message.header.index = key.index;
    let address = IpAddr::V4(key.address);
    message.attributes = vec![AddressAttribute::Local(address), AddressAttribute::Address(address)];
    message
}

/// Whether a name can be that of an interface.
fn is_name(name: &str) -> bool {
    (1..=15).contains(&name.len()) && !name.contains('\0')
}

impl Requests {
    /// The interface with this name; none: there is none.
    pub(super) fn link(&mut self, name: &str) -> Result<Option<Link>, Failure> {
        if !is_name(name) {
            return Ok(None);
        }
        let mut message = LinkMessage::default();
        message.attributes = vec![LinkAttribute::IfName(name.to_owned())];
        let mut link = None;
        let sequence = self.next_sequence();
        let asked =
            self.ask(sequence, RouteNetlinkMessage::GetLink(message), 0, |kind, payload| {
                if kind == NEW_LINK {
                    link = parse_link(payload);
                }
            });
        match asked {
            Ok(()) => Ok(link),
            Err(Failure::Refused(Errno::ENODEV)) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Every interface.
    pub(super) fn links(&mut self) -> Result<Vec<Link>, Failure> {
        let message = RouteNetlinkMessage::GetLink(LinkMessage::default());
        self.dump(&message, |kind, payload| {
            (kind == NEW_LINK).then(|| parse_link(payload)).flatten()
        })
    }

    /// Every IPv4 address.
    pub(super) fn addresses(&mut self) -> Result<Vec<Row>, Failure> {
        let mut message = AddressMessage::default();
        message.header.family = AddressFamily::Inet;
        self.dump(&RouteNetlinkMessage::GetAddress(message), |kind, payload| {
            (kind == NEW_ADDRESS).then(|| parse_address(payload)).flatten()
        })
    }

    /// Adds an address that must not be there yet.
    pub(super) fn add(&mut self, sequence: u32, key: Key) -> Result<(), Failure> {
        let message = RouteNetlinkMessage::NewAddress(address_message(key));
        self.ask(sequence, message, NLM_F_CREATE | NLM_F_EXCL, |_, _| {})
    }

    /// Adds an address, or renews it, for so many seconds.
    pub(super) fn replace(
        &mut self,
        sequence: u32,
        key: Key,
        valid: NonZeroU32,
    ) -> Result<(), Failure> {
        let mut lifetimes = Lifetimes::default();
        lifetimes.ifa_valid = valid.get();
        lifetimes.ifa_preferred = valid.get();
        let mut message = address_message(key);
        message.attributes.push(AddressAttribute::CacheInfo(lifetimes));
        let message = RouteNetlinkMessage::NewAddress(message);
        self.ask(sequence, message, NLM_F_CREATE | NLM_F_REPLACE, |_, _| {})
    }

    /// Deletes an address; tells whether it was there.
    pub(super) fn delete(&mut self, key: Key) -> Result<bool, Failure> {
        let sequence = self.next_sequence();
        let message = RouteNetlinkMessage::DelAddress(address_message(key));
        match self.ask(sequence, message, 0, |_, _| {}) {
            Ok(()) => Ok(true),
            Err(Failure::Refused(Errno::EADDRNOTAVAIL | Errno::ENODEV)) => Ok(false),
            Err(failure) => Err(failure),
        }
    }
}

impl Key {
    /// The key of an address on the interface with this index.
    pub(super) fn new(index: u32, place: &InterfaceAddress) -> Key {
        Key { index, address: place.address, prefix_length: place.prefix_length }
    }
}
