//! What is asked of a server, and what its answers mean.

use super::HostName;
use domain::base::iana::{Class, Opcode, Rcode, Rtype};
use domain::base::message_builder::{AdditionalBuilder, AnswerBuilder, PushError, QuestionBuilder};
use domain::base::rdata::UnknownRecordData;
use domain::base::{Message, MessageBuilder, ToName, Ttl};
use domain::rdata::A;
use std::net::Ipv4Addr;

/// A message that is being written.
pub(super) type Builder = AdditionalBuilder<Vec<u8>>;

/// What an update does, all of it or nothing (RFC 2136 §2.5).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Change {
    /// The name's addresses become just this one.
    Set { address: Ipv4Addr, ttl: u32 },
    /// This one is removed if it is there.
    Remove { address: Ipv4Addr },
}

/// The addresses that a lookup found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Answer {
    /// These, with the smallest of their times to live in seconds.
    Addresses(Vec<Ipv4Addr>, Option<u32>),
    /// None; the name is an alias.
    Alias,
}

/// A lookup of a name's addresses, of this server only.
pub(super) fn lookup(id: u16, name: &HostName) -> Result<Builder, PushError> {
    let mut question = start(id, Opcode::QUERY);
    question.push((name.wire(), Rtype::A, Class::IN))?;
    Ok(question.additional())
}

/// An update of a name. With `exactly` the server does it only if the name's addresses are just
/// that one (RFC 2136 §2.4.2).
pub(super) fn update(
    id: u16,
    zone: &HostName,
    name: &HostName,
    exactly: Option<Ipv4Addr>,
    change: Change,
) -> Result<Builder, PushError> {
    let name = name.wire();
    let mut section = start(id, Opcode::UPDATE);
    section.push((zone.wire(), Rtype::SOA, Class::IN))?;
    let mut section: AnswerBuilder<_> = section.answer();
    if let Change::Set { .. } = change {
        // A server passes over an address for an alias without a word (RFC 2136 §3.4.2.2).
        section.push((name, Class::NONE, Ttl::ZERO, nothing(Rtype::CNAME)))?;
    }
    if let Some(address) = exactly {
        section.push((name, Class::IN, Ttl::ZERO, A::new(address)))?;
    }
    let mut section = section.authority();
    match change {
        Change::Set { address, ttl } => {
            section.push((name, Class::ANY, Ttl::ZERO, nothing(Rtype::A)))?;
            section.push((name, Class::IN, Ttl::from_secs(ttl), A::new(address)))?;
        }
        Change::Remove { address } => {
            section.push((name, Class::NONE, Ttl::ZERO, A::new(address)))?;
        }
    }
    Ok(section.additional())
}

fn start(id: u16, opcode: Opcode) -> QuestionBuilder<Vec<u8>> {
    let mut message = MessageBuilder::new_vec();
    message.header_mut().set_id(id);
    message.header_mut().set_opcode(opcode);
    message.question()
}

/// Data of no length, which stands for a whole set of records.
fn nothing(rtype: Rtype) -> UnknownRecordData<[u8; 0]> {
    UnknownRecordData::from_octets(rtype, []).expect("no data is not too long")
}

/// Whether a message is an answer to a request. A server may leave an update's zone out.
pub(super) fn answers(answer: &Message<Vec<u8>>, request: &Message<&[u8]>) -> bool {
    let (header, asked) = (answer.header(), request.header());
    if header.id() != asked.id() || !header.qr() || header.opcode() != asked.opcode() {
        return false;
    }
    let Ok(question) = request.sole_question() else { return false };
    match answer.header_counts().qdcount() {
        // A server that cannot read a question need not repeat it.
        0 => header.opcode() == Opcode::UPDATE || header.rcode() != Rcode::NOERROR,
        _ => answer.sole_question().is_ok_and(|repeated| repeated == question),
    }
}

/// Reads the addresses out of the answer to a lookup.
pub(super) fn addresses(answer: &Message<Vec<u8>>, name: &HostName) -> Result<Answer, String> {
    let section = answer.answer().map_err(|error| error.to_string())?;
    let (mut addresses, mut smallest) = (Vec::new(), None::<u32>);
    for record in section {
        let record = record.map_err(|error| error.to_string())?;
        let owner = record.owner();
        if !owner.name_eq(name.wire()) || record.class() != Class::IN {
            continue;
        }
        if record.rtype() == Rtype::CNAME {
            return Ok(Answer::Alias);
        }
        let ttl = record.ttl().as_secs();
        let address = record.to_record::<A>().map_err(|error| error.to_string())?;
        if let Some(address) = address {
            addresses.push(address.data().addr());
            smallest = Some(smallest.map_or(ttl, |other| other.min(ttl)));
        }
    }
    addresses.sort_unstable();
    addresses.dedup();
    Ok(Answer::Addresses(addresses, smallest))
}
