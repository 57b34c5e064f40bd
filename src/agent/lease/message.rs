//! The few messages of nf_tables that a lease needs (linux/netfilter/nf_tables.h and
//! nfnetlink.h): elements of sets, tables, and the questions whether they are there.

use netlink_packet_core::{
    DecodeError, ErrorBuffer, NLA_F_NESTED, NLA_HEADER_SIZE, NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP,
    NLM_F_DUMP_INTR, NLM_F_EXCL, NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR, NetlinkBuffer,
    NlasIterator,
};
use std::time::Duration;

/// Subsystem nftables of nfnetlink.
const SUBSYSTEM: u16 = 10;
const BATCH_BEGIN: u16 = 16;
const BATCH_END: u16 = 17;
const NEW_TABLE: u16 = SUBSYSTEM << 8;
const DELETE_TABLE: u16 = SUBSYSTEM << 8 | 2;
const GET_SET: u16 = SUBSYSTEM << 8 | 10;
const NEW_ELEMENTS: u16 = SUBSYSTEM << 8 | 12;
const GET_ELEMENTS: u16 = SUBSYSTEM << 8 | 13;
const DELETE_ELEMENTS: u16 = SUBSYSTEM << 8 | 14;
const GET_GENERATION: u16 = SUBSYSTEM << 8 | 16;

const TABLE_NAME: u16 = 1;
const SET_TABLE: u16 = 1;
const SET_NAME: u16 = 2;
const LIST_TABLE: u16 = 1;
const LIST_SET: u16 = 2;
const LIST_ELEMENTS: u16 = 3;
const LIST_ELEMENT: u16 = 1;
const ELEMENT_KEY: u16 = 1;
const ELEMENT_TIMEOUT: u16 = 4;
const ELEMENT_EXPIRATION: u16 = 5;
const DATA_VALUE: u16 = 1;

const NETLINK_HEADER: usize = 16;
/// Header of netlink, and that of nfnetlink after it.
const HEADERS: usize = NETLINK_HEADER + 4;

/// A family of tables.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Family {
    Inet,
    Netdev,
}

impl Family {
    const fn number(self) -> u8 {
        match self {
            Family::Inet => 1,
            Family::Netdev => 5,
        }
    }
}

/// A set of a table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Set<'a> {
    pub(super) family: Family,
    pub(super) table: &'a str,
    pub(super) name: &'a str,
}

/// Messages for one `send`. Keeps its memory from one to the next.
#[derive(Debug, Default)]
pub(super) struct Messages {
    bytes: Vec<u8>,
    sequence: u32,
    /// Where the last message begins.
    last: usize,
}

impl Messages {
    /// Forgets the messages, but not the numbers that were used: late answers fit to none.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.last = 0;
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Begins a transaction. The number of this message stands for the transaction as a whole.
    pub(super) fn begin(&mut self) -> u32 {
        self.message(BATCH_BEGIN, NLM_F_REQUEST, 0, |_| {})
    }

    /// Ends a transaction; the message before is acknowledged if all went well. Its number.
    pub(super) fn end(&mut self) -> u32 {
        let acknowledged = self.sequence;
        let mut message = NetlinkBuffer::new(&mut self.bytes[self.last..]);
        message.set_flags(message.flags() | NLM_F_ACK);
        self.message(BATCH_END, NLM_F_REQUEST, 0, |_| {});
        acknowledged
    }

    /// Adds an element; with `exclusive` it is an error if it is there.
    pub(super) fn add(&mut self, set: Set, key: &[u8], timeout: Duration, exclusive: bool) -> u32 {
        let flags = NLM_F_REQUEST | NLM_F_CREATE | if exclusive { NLM_F_EXCL } else { 0 };
        let timeout = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        self.message(NEW_ELEMENTS, flags, set.family.number(), |bytes| {
            list(bytes, set, |bytes| {
                data(bytes, key);
                attribute(bytes, ELEMENT_TIMEOUT, |b| b.extend(timeout.to_be_bytes()));
            });
        })
    }

    /// Deletes an element; it is an error if it is not there or has expired.
    pub(super) fn delete(&mut self, set: Set, key: &[u8]) -> u32 {
        self.message(DELETE_ELEMENTS, NLM_F_REQUEST, set.family.number(), |bytes| {
            list(bytes, set, |bytes| data(bytes, key));
        })
    }

    /// Deletes all elements of a set; there need not be any.
    pub(super) fn flush(&mut self, set: Set) -> u32 {
        self.message(DELETE_ELEMENTS, NLM_F_REQUEST, set.family.number(), |bytes| {
            string(bytes, LIST_TABLE, set.table);
            string(bytes, LIST_SET, set.name);
        })
    }

    /// Makes a table unless it is there.
    pub(super) fn add_table(&mut self, family: Family, table: &str) -> u32 {
        let flags = NLM_F_REQUEST | NLM_F_CREATE;
        self.message(NEW_TABLE, flags, family.number(), |bytes| string(bytes, TABLE_NAME, table))
    }

    /// Deletes a table with all that is in it; it is an error if it is not there.
    pub(super) fn delete_table(&mut self, family: Family, table: &str) -> u32 {
        let (kind, flags) = (DELETE_TABLE, NLM_F_REQUEST);
        self.message(kind, flags, family.number(), |bytes| string(bytes, TABLE_NAME, table))
    }

    /// Asks for the description of a set.
    pub(super) fn get_set(&mut self, set: Set) -> u32 {
        self.message(GET_SET, NLM_F_REQUEST | NLM_F_ACK, set.family.number(), |bytes| {
            string(bytes, SET_TABLE, set.table);
            string(bytes, SET_NAME, set.name);
        })
    }

    /// Asks for the elements of a set.
    pub(super) fn get_elements(&mut self, set: Set) -> u32 {
        self.message(GET_ELEMENTS, NLM_F_REQUEST | NLM_F_DUMP, set.family.number(), |bytes| {
            string(bytes, LIST_TABLE, set.table);
            string(bytes, LIST_SET, set.name);
        })
    }

    /// Asks for the number of the last transaction: whether there is nf_tables at all.
    pub(super) fn get_generation(&mut self) -> u32 {
        self.message(GET_GENERATION, NLM_F_REQUEST | NLM_F_ACK, 0, |_| {})
    }

    fn message(&mut self, kind: u16, flags: u16, family: u8, body: impl Fn(&mut Vec<u8>)) -> u32 {
        // Zero is what the kernel uses for what nobody asked for.
        self.sequence = self.sequence.checked_add(1).unwrap_or(1);
        self.last = self.bytes.len();
        self.bytes.resize(self.last + NETLINK_HEADER, 0);
        // Of a transaction this names the subsystem; elsewhere nobody reads it.
        self.bytes.extend([family, 0]);
        self.bytes.extend(SUBSYSTEM.to_be_bytes());
        body(&mut self.bytes);
        let length = self.bytes.len() - self.last;
        let mut header = NetlinkBuffer::new(&mut self.bytes[self.last..]);
        header.set_length(u32::try_from(length).unwrap_or(u32::MAX));
        header.set_message_type(kind);
        header.set_flags(flags);
        header.set_sequence_number(self.sequence);
        header.set_port_number(0);
        self.sequence
    }
}

/// An attribute whose value `body` writes; padded to four bytes.
fn attribute(bytes: &mut Vec<u8>, kind: u16, body: impl Fn(&mut Vec<u8>)) {
    let start = bytes.len();
    bytes.resize(start + NLA_HEADER_SIZE, 0);
    body(bytes);
    // Names are checked to be short, and everything else has a fixed length.
    let length = u16::try_from(bytes.len() - start).unwrap_or(u16::MAX);
    bytes[start..start + 2].copy_from_slice(&length.to_ne_bytes());
    bytes[start + 2..start + 4].copy_from_slice(&kind.to_ne_bytes());
    bytes.resize(bytes.len().next_multiple_of(4), 0);
}

fn nested(bytes: &mut Vec<u8>, kind: u16, body: impl Fn(&mut Vec<u8>)) {
    attribute(bytes, kind | NLA_F_NESTED, body);
}

fn string(bytes: &mut Vec<u8>, kind: u16, text: &str) {
    attribute(bytes, kind, |bytes| {
        bytes.extend(text.as_bytes());
        bytes.push(0);
    });
}

/// Set and one element.
fn list(bytes: &mut Vec<u8>, set: Set, element: impl Fn(&mut Vec<u8>)) {
    string(bytes, LIST_TABLE, set.table);
    string(bytes, LIST_SET, set.name);
    nested(bytes, LIST_ELEMENTS, |bytes| nested(bytes, LIST_ELEMENT, &element));
}

fn data(bytes: &mut Vec<u8>, key: &[u8]) {
    nested(bytes, ELEMENT_KEY, |bytes| attribute(bytes, DATA_VALUE, |b| b.extend(key)));
}

/// What the kernel says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Answer {
    /// The message was carried out, or a list has ended.
    Done,
    /// It was refused: a positive error number.
    Refused(i32),
    /// Elements of a set; the list has changed under the reader if `torn`.
    Elements { elements: Vec<Element>, torn: bool },
    /// Something else that was asked for.
    Other,
}

/// A live element.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Element {
    pub(super) key: Vec<u8>,
    /// Time until it ends; none if it never does.
    pub(super) remaining: Option<Duration>,
}

/// Takes a datagram apart: number of the message that each answer is for, and the answer.
pub(super) fn answers(mut bytes: &[u8]) -> Result<Vec<(u32, Answer)>, DecodeError> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let message = NetlinkBuffer::new_checked(bytes)?;
        found.push((message.sequence_number(), answer(&message)?));
        let length = usize::try_from(message.length()).unwrap_or(usize::MAX);
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or(&[]);
    }
    Ok(found)
}

fn answer(message: &NetlinkBuffer<&[u8]>) -> Result<Answer, DecodeError> {
    Ok(match message.message_type() {
        NLMSG_ERROR => match ErrorBuffer::new_checked(message.payload())?.code() {
            Some(code) => Answer::Refused(code.get().saturating_neg()),
            None => Answer::Done,
        },
        // A list can end with an error; it has the place of the error in both.
        NLMSG_DONE => match message.payload().first_chunk::<4>() {
            Some(&code) if i32::from_ne_bytes(code) < 0 => {
                Answer::Refused(i32::from_ne_bytes(code).saturating_neg())
            }
            _ => Answer::Done,
        },
        NEW_ELEMENTS => {
            let torn = message.flags() & NLM_F_DUMP_INTR != 0;
            let body = message.payload().get(HEADERS - NETLINK_HEADER..).unwrap_or(&[]);
            Answer::Elements { elements: elements(body)?, torn }
        }
        _ => Answer::Other,
    })
}

fn elements(body: &[u8]) -> Result<Vec<Element>, DecodeError> {
    let mut found = Vec::new();
    for list in NlasIterator::new(body) {
        let list = list?;
        if list.kind() != LIST_ELEMENTS {
            continue;
        }
        for element in NlasIterator::new(list.value()) {
            found.push(self::element(element?.value())?);
        }
    }
    Ok(found)
}

fn element(body: &[u8]) -> Result<Element, DecodeError> {
    let mut element = Element { key: Vec::new(), remaining: None };
    for part in NlasIterator::new(body) {
        let part = part?;
        match part.kind() {
            ELEMENT_KEY => {
                for value in NlasIterator::new(part.value()) {
                    element.key = value?.value().to_vec();
                }
            }
            ELEMENT_EXPIRATION => {
                let left = netlink_packet_core::parse_u64_be(part.value())?;
                element.remaining = Some(Duration::from_millis(left));
            }
            _ => {}
        }
    }
    Ok(element)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SET: Set<'static> = Set { family: Family::Netdev, table: "dagtwin", name: "addresses" };

    /// The bytes that `nft --debug=mnl add element netdev dagtwin addresses { 10.0.0.9 timeout
    /// 1500ms }` shows (nftables 1.0.6), less its zero ELEMENT_FLAGS-free form of the numbers.
    #[test]
    fn an_element_as_nft_writes_it() {
        let mut messages = Messages::default();
        messages.add(SET, &[10, 0, 0, 9], Duration::from_millis(1500), false);
        let expected: &[u8] = &[
            5, 0, 0, 10, // netdev, nftables
            12, 0, 1, 0, b'd', b'a', b'g', b't', b'w', b'i', b'n', 0, //
            14, 0, 2, 0, b'a', b'd', b'd', b'r', b'e', b's', b's', b'e', b's', 0, 0, 0, //
            32, 0, 3, 0x80, 28, 0, 1, 0x80, 12, 0, 1, 0x80, 8, 0, 1, 0, 10, 0, 0, 9, //
            12, 0, 4, 0, 0, 0, 0, 0, 0, 0, 5, 0xdc,
        ];
        if cfg!(target_endian = "little") {
            assert_eq!(&messages.bytes()[NETLINK_HEADER..], expected);
        }
        let header = NetlinkBuffer::new_checked(messages.bytes()).unwrap();
        assert_eq!(header.message_type(), 2572);
        assert_eq!(header.flags(), NLM_F_REQUEST | NLM_F_CREATE);
        assert_eq!(header.length() as usize, messages.bytes().len());
    }

    #[test]
    fn a_transaction_is_framed_and_only_its_last_step_acknowledged() {
        let mut messages = Messages::default();
        let begin = messages.begin();
        let delete = messages.delete(SET, &[10, 0, 0, 9]);
        let add = messages.add(SET, &[10, 0, 0, 9], Duration::from_secs(1), true);
        assert_eq!((delete, add), (begin + 1, begin + 2));
        assert_eq!(messages.end(), add);
        let mut seen = Vec::new();
        let mut rest = messages.bytes();
        while !rest.is_empty() {
            let message = NetlinkBuffer::new_checked(rest).unwrap();
            assert_eq!(message.length() % 4, 0);
            seen.push((message.message_type(), message.flags()));
            rest = &rest[message.length() as usize..];
        }
        let add = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK;
        assert_eq!(seen, [(16, 1), (2574, 1), (2572, add), (17, 1)]);
    }

    #[test]
    fn numbers_go_on_after_clear_and_are_never_zero() {
        let mut messages = Messages { sequence: u32::MAX - 1, ..Messages::default() };
        assert_eq!(messages.get_generation(), u32::MAX);
        messages.clear();
        assert!(messages.bytes().is_empty());
        assert_eq!(messages.get_generation(), 1);
    }

    #[test]
    fn what_was_written_is_read_back() {
        let mut messages = Messages::default();
        let number = messages.add(SET, &[1, 2], Duration::from_millis(7), false);
        let mut bytes = messages.bytes().to_vec();
        // What is the length of life to the kernel is the rest of it to a reader.
        let place = bytes.len() - 10;
        assert_eq!(bytes[place], 4);
        bytes[place] = 5;
        let remaining = Some(Duration::from_millis(7));
        let elements = vec![Element { key: vec![1, 2], remaining }];
        let answer = Answer::Elements { elements, torn: false };
        assert_eq!(answers(&bytes).unwrap(), [(number, answer)]);
    }

    #[test]
    fn damaged_answers_are_errors_not_panics() {
        let mut messages = Messages::default();
        messages.add(SET, &[1, 2], Duration::from_millis(7), false);
        let whole = messages.bytes().to_vec();
        for cut in 1..whole.len() {
            assert!(answers(&whole[..cut]).is_err(), "cut at {cut}");
        }
        for place in 0..whole.len() {
            for value in [0, 1, 3, 0x7f, 0xff] {
                let mut damaged = whole.clone();
                damaged[place] = value;
                let _ = answers(&damaged);
            }
        }
    }
}
