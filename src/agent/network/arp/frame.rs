//! ARP on Ethernet for IPv4 (RFC 826), in bytes.

use super::super::HardwareAddress;
use std::net::Ipv4Addr;

/// Bytes of a frame that is sent.
pub(super) const LENGTH: usize = 42;
const BROADCAST: [u8; 6] = [0xff; 6];
const NOBODY: HardwareAddress = HardwareAddress([0; 6]);
const REQUEST: u16 = 1;
const REPLY: u16 = 2;
/// EtherType of ARP; hardware type Ethernet, protocol IPv4, and their address lengths.
const ETHER_TYPE: [u8; 2] = [0x08, 0x06];
const PROTOCOLS: [u8; 6] = [0, 1, 8, 0, 6, 4];

/// Which of the two forms a frame has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// A request.
    Request,
    /// A reply.
    Reply,
}

impl Form {
    /// Both, in the order in which they are sent.
    pub const BOTH: [Form; 2] = [Form::Request, Form::Reply];
}

/// What an ARP frame says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Frame {
    pub(super) form: Form,
    pub(super) sender: HardwareAddress,
    pub(super) sender_address: Ipv4Addr,
    pub(super) target: HardwareAddress,
    pub(super) target_address: Ipv4Addr,
}

impl Frame {
    /// Asks whether anybody has an address, without claiming one (RFC 5227 §2.1.1).
    pub(super) fn probe(sender: HardwareAddress, address: Ipv4Addr) -> Frame {
        Frame {
            form: Form::Request,
            sender,
            sender_address: Ipv4Addr::UNSPECIFIED,
            target: NOBODY,
            target_address: address,
        }
    }

    /// Tells that the sender has an address. A reply names the sender as its target too, or Linux
    /// does not take it for an announcement and may ignore it.
    pub(super) fn announcement(form: Form, sender: HardwareAddress, address: Ipv4Addr) -> Frame {
        let target = match form {
            Form::Request => NOBODY,
            Form::Reply => sender,
        };
        Frame { form, sender, sender_address: address, target, target_address: address }
    }

    /// Whether it announces an address.
    pub(super) fn is_announcement(&self) -> bool {
        self.sender_address == self.target_address && !self.sender_address.is_unspecified()
    }

    /// The frame to everybody.
    pub(super) fn bytes(&self) -> [u8; LENGTH] {
        let operation = match self.form {
            Form::Request => REQUEST,
            Form::Reply => REPLY,
        };
        let mut bytes = [0; LENGTH];
        let parts: [&[u8]; 9] = [
            &BROADCAST,
            &self.sender.0,
            &ETHER_TYPE,
            &PROTOCOLS,
            &operation.to_be_bytes(),
            &self.sender.0,
            &self.sender_address.octets(),
            &self.target.0,
            &self.target_address.octets(),
        ];
        let mut rest = &mut bytes[..];
        for part in parts {
            let (place, after) = rest.split_at_mut(part.len());
            place.copy_from_slice(part);
            rest = after;
        }
        bytes
    }

    /// Reads a frame; none if it is not one of these.
    pub(super) fn parse(bytes: &[u8]) -> Option<Frame> {
        let body = bytes.get(12..LENGTH)?;
        let (head, body) = body.split_at(8);
        if head[..2] != ETHER_TYPE || head[2..] != PROTOCOLS {
            return None;
        }
        let form = match u16::from_be_bytes(*body.first_chunk()?) {
            REQUEST => Form::Request,
            REPLY => Form::Reply,
            _ => return None,
        };
        let hardware = |at: usize| body[at..at + 6].try_into().ok().map(HardwareAddress);
        let address = |at: usize| body[at..].first_chunk::<4>().map(|four| Ipv4Addr::from(*four));
        Some(Frame {
            form,
            sender: hardware(2)?,
            sender_address: address(8)?,
            target: hardware(12)?,
            target_address: address(18)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENDER: HardwareAddress = HardwareAddress([2, 0, 0, 0, 0, 1]);
    const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 5);

    #[test]
    fn frames_are_as_the_rfcs_have_them() {
        let head = "ffffffffffff020000000001080600010800060400";
        let table = [
            (Frame::probe(SENDER, ADDRESS), "01020000000001000000000000000000000a000005", false),
            (
                Frame::announcement(Form::Request, SENDER, ADDRESS),
                "010200000000010a0000050000000000000a000005",
                true,
            ),
            (
                Frame::announcement(Form::Reply, SENDER, ADDRESS),
                "020200000000010a0000050200000000010a000005",
                true,
            ),
        ];
        for (frame, expected, announcement) in table {
            let bytes = frame.bytes();
            let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(text, format!("{head}{expected}"));
            assert_eq!(frame.is_announcement(), announcement);
            assert_eq!(Frame::parse(&bytes), Some(frame));
        }
    }

    #[test]
    fn what_is_no_arp_is_not_read() {
        let whole = Frame::probe(SENDER, ADDRESS).bytes();
        for length in 0..LENGTH {
            assert_eq!(Frame::parse(&whole[..length]), None, "{length} bytes");
        }
        for at in 12..22 {
            let mut bytes = whole;
            bytes[at] ^= 0x40;
            assert_eq!(Frame::parse(&bytes), None, "byte {at} is wrong");
        }
        let padded = [&whole[..], &[0; 18]].concat();
        assert!(Frame::parse(&padded).is_some(), "short frames are padded on the wire");
    }
}
