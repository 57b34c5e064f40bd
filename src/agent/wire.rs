//! Datagrams between members: authenticated with a shared key, proof against replay, versioned.
//!
//! A datagram names the life of its sender's service and the life of its receiver's that it is
//! meant for. Lives only grow, so what was recorded before one of them began fits no life of today;
//! within a life each number is taken once. Who does not know the other's life yet says so in a
//! greeting and has it answered; the heartbeat that the greeting stood in for follows. Nothing
//! depends on a send arriving: whatever else was to be said is said again.
//! docs/AGENT.md has the bytes.

use crate::base::{DbId, IdVec, Instant, NetId, NodeId, Span};
use crate::failover::fencing::Binding;
use crate::failover::message::Message;
use crate::journal::RecordNo;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use std::collections::BTreeMap;
use std::fmt;

/// The first bytes of a datagram.
const MAGIC: &[u8; 4] = b"dagt";
/// The version that this program speaks. Another one is dropped and counted.
const VERSION: u8 = 2;
/// Bytes before the message.
const HEAD: usize = 74;
/// Bytes of the authentication code at the end.
const CODE: usize = 32;
/// Longest datagram: what UDP over IPv4 carries.
const LONGEST: usize = 65_507;
/// Shortest key in bytes: as long as the code that it makes.
const SHORTEST_KEY: usize = 32;

/// The key that all members share. Its bytes are shown nowhere.
#[derive(Clone)]
pub struct Key(Hmac<Sha256>);

impl Key {
    /// A key of these bytes.
    ///
    /// # Errors
    /// If they are fewer than 32.
    pub fn new(bytes: &[u8]) -> Result<Key, String> {
        if bytes.len() < SHORTEST_KEY {
            let found = bytes.len();
            return Err(format!("a key of {found} bytes; expected at least {SHORTEST_KEY}"));
        }
        let code = Hmac::new_from_slice(bytes).map_err(|error| error.to_string())?;
        Ok(Key(code))
    }

    fn code_of(&self, bytes: &[u8]) -> [u8; CODE] {
        let mut code = self.0.clone();
        code.update(bytes);
        code.finalize().into_bytes().into()
    }

    /// In a time that does not depend on where they differ.
    fn verifies(&self, bytes: &[u8], code: &[u8]) -> bool {
        let mut own = self.0.clone();
        own.update(bytes);
        own.verify_slice(code).is_ok()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

/// Why a datagram was dropped.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Dropped {
    /// It is none of ours: too short, or begins otherwise.
    Foreign,
    /// Another version.
    Version,
    /// The code is not that of the shared key.
    Unauthenticated,
    /// It is for another member, from no member, or from this one itself.
    NotForUs,
    /// The sender's topology has other members, networks, groups, resources or databases.
    OtherSite,
    /// It came in over another network than it was sent on.
    WrongNetwork,
    /// Its sender's service, or this one, has begun a new life since it was sent.
    OldLife,
    /// Its number was taken before, or is too far behind.
    Replayed,
    /// It is authentic, and its message cannot be read.
    Malformed,
}

impl Dropped {
    /// Every reason, in the order of their numbers.
    pub const ALL: [Dropped; 9] = [
        Dropped::Foreign,
        Dropped::Version,
        Dropped::Unauthenticated,
        Dropped::NotForUs,
        Dropped::OtherSite,
        Dropped::WrongNetwork,
        Dropped::OldLife,
        Dropped::Replayed,
        Dropped::Malformed,
    ];

    /// Its name in metrics and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Dropped::Foreign => "foreign",
            Dropped::Version => "version",
            Dropped::Unauthenticated => "unauthenticated",
            Dropped::NotForUs => "not-for-us",
            Dropped::OtherSite => "other-site",
            Dropped::WrongNetwork => "wrong-network",
            Dropped::OldLife => "old-life",
            Dropped::Replayed => "replayed",
            Dropped::Malformed => "malformed",
        }
    }
}

/// How far the log of a mounted database goes: what a passive copy needs when that member is dead
/// (linux-ha.md §9, LastLogGenerated).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LogEnd {
    /// The database.
    pub database: DbId,
    /// Its timeline.
    pub timeline: u32,
    /// The end of its log, in bytes.
    pub end: u64,
}

/// What came of a datagram.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Opened {
    /// A message.
    Message {
        /// Who sent it.
        from: NodeId,
        /// The record of the sending, in the sender's journal; none if it has none.
        record: Option<RecordNo>,
        /// When its life began, by its own clock.
        life: Instant,
        /// What binds the sender.
        binding: Binding,
        /// How far the logs of the databases go that are mounted there.
        logs: Vec<LogEnd>,
        /// What it says.
        message: Message,
    },
    /// The sender does not know this life, or was not known: this is to be sent back on the same
    /// network.
    Greeted {
        /// To whom.
        from: NodeId,
        /// When its life began, by its own clock.
        life: Instant,
        /// The answer.
        answer: Vec<u8>,
    },
    /// The sender is known now, and bound so; nothing else.
    Known {
        /// Who it is.
        from: NodeId,
        /// When its life began, by its own clock.
        life: Instant,
        /// What binds it.
        binding: Binding,
    },
    /// It counts for nothing.
    Dropped(Dropped),
}

/// What is known of another member.
#[derive(Clone, Copy, Default)]
struct Peer {
    life: Option<Instant>,
    /// The highest number taken in that life, and which of the 128 up to it were.
    highest: u64,
    taken: u128,
}

impl Peer {
    /// Takes a number if it was not taken before.
    fn takes(&mut self, number: u64) -> bool {
        if number > self.highest {
            let shift = number - self.highest;
            self.taken = if shift < 128 { self.taken << shift } else { 0 } | 1;
            self.highest = number;
            return true;
        }
        let behind = self.highest - number;
        if behind >= 128 || self.taken >> behind & 1 == 1 {
            return false;
        }
        self.taken |= 1 << behind;
        true
    }
}

/// A heartbeat that a greeting stood in for, with its moment and the record of its sending.
type Held = (Instant, Option<RecordNo>, Message);

/// One member's end of the wire.
pub struct Wire {
    me: NodeId,
    life: Instant,
    /// Fingerprint of what both topologies must agree on.
    site: u64,
    key: Key,
    number: u64,
    peers: IdVec<NodeId, Peer>,
    /// The newest heartbeat to each member whose life is not known, on each network.
    held: BTreeMap<(NodeId, NetId), Held>,
    logs: Vec<LogEnd>,
    dropped: [u64; Dropped::ALL.len()],
}

/// The head of a datagram, after its first bytes.
#[derive(Clone, Copy)]
struct Head {
    greeting: bool,
    from: u8,
    to: u8,
    network: u8,
    site: u64,
    life: u64,
    to_life: u64,
    number: u64,
    binding: Binding,
    record: u32,
}

/// Stands for a record that there is not.
const NO_RECORD: u32 = u32::MAX;

fn number_of(record: Option<RecordNo>) -> u32 {
    record.map_or(NO_RECORD, |record| record.0)
}

impl Head {
    fn write(self, bytes: &mut Vec<u8>) {
        bytes.extend(MAGIC);
        bytes.extend([VERSION, u8::from(self.greeting), self.from, self.to, self.network, 0]);
        let Binding { stamp, echo, bound } = self.binding;
        let moments = [stamp.as_nanos(), echo.as_nanos(), bound.as_nanos()];
        for number in [self.site, self.life, self.to_life, self.number].iter().chain(&moments) {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(self.record.to_le_bytes());
        bytes.extend([0; 4]);
    }

    fn read(bytes: &[u8; HEAD]) -> Head {
        let long = |at: usize| {
            let part: [u8; 8] = bytes[at..at + 8].try_into().expect("eight bytes");
            u64::from_le_bytes(part)
        };
        let record: [u8; 4] = bytes[66..70].try_into().expect("four bytes");
        Head {
            greeting: bytes[5] == 1,
            from: bytes[6],
            to: bytes[7],
            network: bytes[8],
            site: long(10),
            life: long(18),
            to_life: long(26),
            number: long(34),
            binding: Binding {
                stamp: Instant::from_nanos(long(42)),
                echo: Instant::from_nanos(long(50)),
                bound: Span::from_nanos(long(58)),
            },
            record: u32::from_le_bytes(record),
        }
    }
}

impl Wire {
    /// The wire of a life of this member's service.
    pub fn new(me: NodeId, life: Instant, site: u64, key: Key, members: usize) -> Wire {
        let peers = IdVec::filled(members, Peer::default());
        let dropped = [0; Dropped::ALL.len()];
        let (held, logs) = (BTreeMap::new(), Vec::new());
        Wire { me, life, site, key, number: 0, peers, held, logs, dropped }
    }

    /// What every message tells from now on of the databases that are mounted here.
    pub fn publish(&mut self, logs: Vec<LogEnd>) {
        self.logs = logs;
    }

    /// The datagram that carries a message; to a member whose life is not known, a greeting in its
    /// place, and a heartbeat is kept. None if the message is longer than a datagram can be.
    pub fn seal(
        &mut self,
        (to, network): (NodeId, NetId),
        binding: Binding,
        record: Option<RecordNo>,
        message: &Message,
    ) -> Option<Vec<u8>> {
        let Some(life) = self.peers.get(to).and_then(|peer| peer.life) else {
            if message.is_heartbeat() {
                let held = (binding.stamp, record, message.clone());
                self.held.insert((to, network), held);
            }
            return Some(self.greeting(to, network, binding.stamp));
        };
        let head = Head { record: number_of(record), ..self.head(to, network, life, binding) };
        let mut bytes = Vec::with_capacity(HEAD + CODE + 64);
        head.write(&mut bytes);
        let bytes = postcard::to_extend(&(&self.logs, message), bytes).ok()?;
        (bytes.len() + CODE <= LONGEST).then(|| self.signed(bytes))
    }

    /// The heartbeats that were kept for a member until its life is known, with their networks:
    /// what remains to be said once anything of it has been [opened](Wire::open).
    /// Those from before `since` are dropped.
    pub fn take_held(
        &mut self,
        to: NodeId,
        since: Instant,
    ) -> Vec<(NetId, Option<RecordNo>, Message)> {
        let kept = self.held.extract_if(.., |(member, _), _| *member == to);
        let young = kept.filter(|(_, (at, ..))| *at >= since);
        young.map(|((_, network), (_, record, message))| (network, record, message)).collect()
    }

    /// The life has ended: nothing that it had to say is said any more.
    pub fn fall_silent(&mut self) {
        self.held.clear();
    }

    fn greeting(&mut self, to: NodeId, network: NetId, stamp: Instant) -> Vec<u8> {
        let life = self.peers.get(to).and_then(|peer| peer.life).unwrap_or(Instant::ZERO);
        let binding = Binding { stamp, ..Binding::default() };
        let head = Head { greeting: true, ..self.head(to, network, life, binding) };
        let mut bytes = Vec::with_capacity(HEAD + CODE);
        head.write(&mut bytes);
        self.signed(bytes)
    }

    fn head(&mut self, to: NodeId, network: NetId, to_life: Instant, binding: Binding) -> Head {
        self.number += 1;
        Head {
            greeting: false,
            from: self.me.0,
            to: to.0,
            network: network.0,
            site: self.site,
            life: self.life.as_nanos(),
            to_life: to_life.as_nanos(),
            number: self.number,
            binding,
            record: NO_RECORD,
        }
    }

    fn signed(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        let code = self.key.code_of(&bytes);
        bytes.extend(code);
        bytes
    }

    /// Takes in a datagram that came over a network; `now` stands in an answer.
    pub fn open(&mut self, network: NetId, now: Instant, bytes: &[u8]) -> Opened {
        match self.judge(network, now, bytes) {
            Ok(opened) => opened,
            Err(why) => {
                self.dropped[why as usize] += 1;
                Opened::Dropped(why)
            }
        }
    }

    fn judge(&mut self, network: NetId, now: Instant, bytes: &[u8]) -> Result<Opened, Dropped> {
        let (signed, code) = bytes.split_last_chunk::<CODE>().ok_or(Dropped::Foreign)?;
        let (first, body) = signed.split_first_chunk::<HEAD>().ok_or(Dropped::Foreign)?;
        if !first.starts_with(MAGIC) {
            return Err(Dropped::Foreign);
        }
        if first[4] != VERSION {
            return Err(Dropped::Version);
        }
        if !self.key.verifies(signed, code) {
            return Err(Dropped::Unauthenticated);
        }
        let head = Head::read(first);
        let from = NodeId(head.from);
        if head.to != self.me.0 || from == self.me || self.peers.get(from).is_none() {
            return Err(Dropped::NotForUs);
        }
        if head.site != self.site {
            return Err(Dropped::OtherSite);
        }
        if head.network != network.0 {
            return Err(Dropped::WrongNetwork);
        }
        let life = Instant::from_nanos(head.life);
        let known = self.peers[from].life;
        if known.is_some_and(|known| life < known) {
            return Err(Dropped::OldLife);
        }
        if known != Some(life) {
            self.peers[from] = Peer { life: Some(life), ..Peer::default() };
        }
        if head.to_life != self.life.as_nanos() {
            // Whoever that was meant for is gone; the sender, if it is there, shall know.
            let answer = self.greeting(from, network, now);
            return Ok(Opened::Greeted { from, life, answer });
        }
        if !self.peers[from].takes(head.number) {
            return Err(Dropped::Replayed);
        }
        let binding = head.binding;
        if head.greeting {
            return Ok(Opened::Known { from, life, binding });
        }
        let body = postcard::from_bytes(body).map_err(|_| Dropped::Malformed)?;
        let (logs, message): (Vec<LogEnd>, Message) = body;
        let record = (head.record != NO_RECORD).then_some(RecordNo(head.record));
        Ok(Opened::Message { from, record, life, binding, logs, message })
    }

    /// How many datagrams were dropped, by reason.
    pub fn dropped(&self) -> impl Iterator<Item = (Dropped, u64)> + '_ {
        Dropped::ALL.into_iter().zip(self.dropped)
    }
}

#[cfg(test)]
mod tests;
