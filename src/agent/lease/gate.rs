//! The table in the kernel and the leases in it.

use super::message::{Family, Messages, Set};
use super::script::{ADDRESSES, PORTS, TICKETS, script};
use super::socket::{Refusals, Socket, general};
use super::{Error, Lease, Settings, Thing, Turn, Why};
use rustix::io::Errno;
use rustix::rand::{GetRandomFlags, getrandom};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

/// How long `nft` may take to set up the rules. It takes 20 to 300 ms on a busy machine; assumed.
const INSTALL: Duration = Duration::from_secs(5);
/// Length of life of the element that only proves that this life's table is there.
const PROOF: Duration = Duration::from_millis(1);

/// The gate: an nftables table that lets through only what has a live lease.
///
/// Its system calls act on the network namespace of the thread that opened it. All of them but
/// [`install`](Self::install) are done within one or two system calls of some ten microseconds and
/// start no process; they wait for other transactions of nf_tables in the namespace.
#[derive(Debug)]
pub struct Gate {
    settings: Settings,
    socket: Socket,
    messages: Messages,
    /// Name of this life's set of tickets.
    tickets: String,
    /// The last ticket.
    ticket: u32,
    /// Whose element the messages of a transaction are about, in their order.
    steps: Vec<Option<Thing>>,
}

/// The right to extend leases for a short time. See [`Gate::ticket`].
#[derive(Debug)]
#[must_use = "a ticket is for a renewal or a grant"]
pub struct Ticket {
    key: u32,
}

/// A live lease.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Live {
    /// What is served.
    pub thing: Thing,
    /// For how long, if nobody renews it.
    pub remaining: Duration,
}

/// How a turn of [`Gate::keep`] ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kept {
    /// Nothing was asked for.
    Idle,
    /// The next renewal is due at this moment.
    NotDue {
        /// The moment.
        at: Duration,
    },
    /// All that was asked for and held is live for the length of a lease from now on.
    Renewed,
    /// Nothing was renewed, as the knowledge was too old; leases are running out.
    Stale {
        /// Its age.
        age: Duration,
        /// Its largest age at the decision.
        limit: Duration,
    },
    /// The kernel refused this once; decide again in the next turn.
    Late,
    /// Everything was withdrawn, and is to be asked for anew.
    Withdrawn(Why),
}

impl Gate {
    /// Opens the way to the kernel; changes nothing yet.
    ///
    /// # Errors
    /// [`Error::Settings`]; [`Error::NoRights`] and [`Error::Unsupported`] if this process or this
    /// kernel is not fit for it.
    pub fn open(settings: Settings) -> Result<Gate, Error> {
        settings.check()?;
        let doing = "open nf_tables";
        let mut life = [0; 8];
        getrandom(&mut life, GetRandomFlags::NONBLOCK).map_err(|error| general(doing, error))?;
        let tickets = format!("{TICKETS}{:016x}", u64::from_ne_bytes(life));
        let (mut socket, mut messages) = (Socket::open()?, Messages::default());
        let asked = messages.get_generation();
        let refusals = socket.exchange(doing, &messages, asked, asked)?;
        if let Some((_, error)) = refusals.first() {
            return Err(general(doing, *error));
        }
        Ok(Gate { settings, socket, messages, tickets, ticket: 0, steps: Vec::new() })
    }

    /// What it guards.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Sets up the rules in one transaction, in place of whatever an earlier life left, and grants
    /// nothing: from here on nothing that is guarded enters or leaves. Starts `nft`; bounded by
    /// 5 s. Needs a tokio runtime with I/O and time.
    ///
    /// May be dropped at its await: then it is done as a whole or not at all, and is to be called
    /// again.
    ///
    /// # Errors
    /// [`Error::NoInterface`], [`Error::NoProgram`], [`Error::NoRights`], [`Error::Unsupported`],
    /// [`Error::Script`] or [`Error::TimedOut`]: what was there before is there still.
    pub async fn install(&mut self) -> Result<(), Error> {
        for name in &self.settings.interfaces {
            self.socket.has_interface(name)?;
        }
        let text = script(&self.settings, &self.tickets);
        let output = match tokio::time::timeout(INSTALL, run(&self.settings, &text)).await {
            Ok(output) => output?,
            Err(_) => {
                return Err(Error::TimedOut { program: self.settings.nft.clone(), limit: INSTALL });
            }
        };
        if output.status.success() {
            return Ok(());
        }
        Err(self.script_refused(&String::from_utf8_lossy(&output.stderr)))
    }

    /// Takes a ticket: without it the kernel extends no lease, and it ends after `within`. To be
    /// taken before the clock is read for the decision to renew. So a process that was frozen
    /// between its decision and its system call cannot renew on what it knew before.
    ///
    /// # Errors
    /// [`Error::Gone`] if this life's table is not there.
    pub fn ticket(&mut self, within: Duration) -> Result<Ticket, Error> {
        let first = self.begin();
        let key = self.new_ticket(within);
        self.commit("take a ticket", first)?;
        Ok(Ticket { key })
    }

    /// Grants leases that are not live. All or none.
    ///
    /// # Errors
    /// [`Error::NotGuarded`], [`Error::AlreadyLive`], [`Error::Late`], [`Error::Gone`]: then
    /// nothing has changed.
    pub fn grant(
        &mut self,
        things: &[Thing],
        length: Duration,
        ticket: Ticket,
    ) -> Result<(), Error> {
        self.extend(&[], things, length, ticket)
    }

    /// Renews leases that are live, to end `length` after now. All or none, and no packet finds
    /// them ended in between.
    ///
    /// # Errors
    /// [`Error::NotGuarded`], [`Error::Lapsed`], [`Error::Late`], [`Error::Gone`]: then nothing has
    /// changed, and the leases run on to their old ends.
    pub fn renew(
        &mut self,
        things: &[Thing],
        length: Duration,
        ticket: Ticket,
    ) -> Result<(), Error> {
        self.extend(things, &[], length, ticket)
    }

    /// Ends a lease at once, if it is live.
    ///
    /// # Errors
    /// [`Error::Gone`] if this life's table is not there.
    pub fn withdraw(&mut self, thing: Thing) -> Result<(), Error> {
        self.must_guard(thing)?;
        let first = self.begin();
        self.new_ticket(PROOF);
        self.each_set(thing, |messages, set, key| {
            // Deleting what has ended would be an error. Nobody sees what is added here.
            messages.add(set, key, PROOF, false);
            messages.delete(set, key);
            2
        });
        self.commit("withdraw a lease", first)
    }

    /// Ends all leases at once.
    ///
    /// # Errors
    /// [`Error::Gone`] if this life's table is not there.
    pub fn withdraw_all(&mut self) -> Result<(), Error> {
        let first = self.begin();
        self.new_ticket(PROOF);
        for set in sets(&self.settings) {
            self.messages.flush(set);
            self.steps.push(None);
        }
        self.commit("withdraw all leases", first)
    }

    /// Removes the table, whoever installed it. From here on NOTHING is held back: take off the
    /// addresses and stop the databases before. No error if it is not there.
    ///
    /// # Errors
    /// [`Error::NoRights`], [`Error::Kernel`].
    pub fn remove(&mut self) -> Result<(), Error> {
        let first = self.begin();
        for family in [Family::Netdev, Family::Inet] {
            self.messages.add_table(family, &self.settings.table);
            self.messages.delete_table(family, &self.settings.table);
            self.steps.extend([None, None]);
        }
        self.commit("remove the table", first)
    }

    /// What is live, and for how long; for status. Any process may ask, also one that installed
    /// nothing.
    ///
    /// # Errors
    /// [`Error::Gone`] if there is no such table.
    pub fn inspect(&mut self) -> Result<Vec<Live>, Error> {
        let mut live: BTreeMap<Thing, (usize, Duration)> = BTreeMap::new();
        let mut needed = BTreeMap::new();
        for set in sets(&self.settings) {
            let Some(elements) = self.socket.elements(&mut self.messages, set)? else {
                return Err(self.gone());
            };
            *needed.entry(set.name).or_insert(0) += 1;
            for element in elements {
                let thing = thing(set.name, &element.key).ok_or_else(|| Error::Answer {
                    doing: "list the leases",
                    what: format!("element {:?} in set {}", element.key, set.name),
                })?;
                let remaining = element.remaining.unwrap_or(Duration::MAX);
                let (count, least) = live.entry(thing).or_insert((0, remaining));
                *count += 1;
                *least = remaining.min(*least);
            }
        }
        // An address is served while both of its elements are live.
        let whole = |thing: &Thing, count| needed.get(set_name(*thing)) == Some(&count);
        let live = live.into_iter().filter(|(thing, (count, _))| whole(thing, *count));
        Ok(live.map(|(thing, (_, remaining))| Live { thing, remaining }).collect())
    }

    /// One turn: renews, grants or withdraws as `lease` decides, with the ticket and the clock in
    /// the order that leaves no hole. `known`: the last moment at which this node was known to be
    /// in quorum; `clock`: the moment now, both on the same clock
    /// ([`boottime`](super::boottime)). To be called in every turn of the caller.
    ///
    /// # Errors
    /// As [`renew`](Self::renew) and [`grant`](Self::grant), less what [`Kept`] tells. Whatever
    /// the error: unless the next turn goes well the leases end by themselves. After
    /// [`Error::Gone`] nothing is fenced.
    pub fn keep(
        &mut self,
        lease: &mut Lease,
        known: Duration,
        clock: impl Fn() -> Duration,
    ) -> Result<Kept, Error> {
        let turn = lease.turn(clock(), known);
        if turn != Turn::Renew {
            return self.done(turn);
        }
        let ticket = self.ticket(lease.policy().send)?;
        let now = clock();
        let turn = lease.turn(now, known);
        if turn != Turn::Renew {
            return self.done(turn);
        }
        let (held, asked) = (lease.held().collect::<Vec<_>>(), lease.asked().collect::<Vec<_>>());
        match self.extend(&held, &asked, lease.policy().length, ticket) {
            Ok(()) => {
                lease.renewed(now);
                Ok(Kept::Renewed)
            }
            Err(Error::Late { .. }) => Ok(Kept::Late),
            Err(Error::Lapsed { thing, .. }) => self.done(lease.lapsed(thing)),
            // An earlier grant went well without our hearing of it.
            Err(Error::AlreadyLive { thing, .. }) => self.withdraw(thing).map(|()| Kept::Late),
            Err(error) => Err(error),
        }
    }

    fn done(&mut self, turn: Turn) -> Result<Kept, Error> {
        Ok(match turn {
            Turn::Idle => Kept::Idle,
            Turn::NotDue { at } => Kept::NotDue { at },
            Turn::Renew => Kept::Late,
            Turn::Stale { age, limit } => Kept::Stale { age, limit },
            Turn::Withdraw(why) => {
                self.withdraw_all()?;
                Kept::Withdrawn(why)
            }
        })
    }

    /// One transaction: uses up the ticket, replaces the elements of `held`, adds those of `asked`.
    fn extend(
        &mut self,
        held: &[Thing],
        asked: &[Thing],
        length: Duration,
        ticket: Ticket,
    ) -> Result<(), Error> {
        for thing in held.iter().chain(asked) {
            self.must_guard(*thing)?;
        }
        let first = self.begin();
        let tickets = tickets(&self.settings, &self.tickets);
        self.messages.delete(tickets, &ticket.key.to_ne_bytes());
        self.steps.push(None);
        for thing in held {
            self.each_set(*thing, |messages, set, key| {
                messages.delete(set, key);
                messages.add(set, key, length, true);
                2
            });
        }
        for thing in asked {
            self.each_set(*thing, |messages, set, key| {
                messages.add(set, key, length, true);
                1
            });
        }
        self.commit("extend leases", first)
    }

    fn begin(&mut self) -> u32 {
        self.messages.clear();
        self.steps.clear();
        self.steps.push(None);
        self.messages.begin()
    }

    /// Adds a ticket. That alone fails if the table is not there, or is another life's.
    fn new_ticket(&mut self, within: Duration) -> u32 {
        self.ticket = self.ticket.wrapping_add(1);
        let tickets = tickets(&self.settings, &self.tickets);
        self.messages.add(tickets, &self.ticket.to_ne_bytes(), within, true);
        self.steps.push(None);
        self.ticket
    }

    /// Writes messages for each set that the thing has an element in.
    fn each_set(&mut self, thing: Thing, write: impl Fn(&mut Messages, Set, &[u8]) -> usize) {
        for set in sets(&self.settings).filter(|set| set.name == set_name(thing)) {
            let written = match thing {
                Thing::Address(address) => write(&mut self.messages, set, &address.octets()),
                Thing::Port(port) => write(&mut self.messages, set, &port.to_be_bytes()),
            };
            self.steps.extend(std::iter::repeat_n(Some(thing), written));
        }
    }

    fn commit(&mut self, doing: &'static str, first: u32) -> Result<(), Error> {
        let last = self.messages.end();
        let refusals = self.socket.exchange(doing, &self.messages, first, last)?;
        if refusals.is_empty() { Ok(()) } else { Err(self.refused(doing, first, &refusals)) }
    }

    /// What the refusals of a transaction mean.
    fn refused(&mut self, doing: &'static str, first: u32, refusals: &Refusals) -> Error {
        match self.is_installed() {
            Ok(true) => {}
            Ok(false) => return self.gone(),
            Err(error) => return error,
        }
        let table = self.settings.table.clone();
        let whose = |number: u32| {
            let step = usize::try_from(number.wrapping_sub(first)).unwrap_or(usize::MAX);
            self.steps.get(step).copied().flatten()
        };
        let of_a_thing =
            refusals.iter().find_map(|(number, error)| whose(*number).map(|thing| (thing, *error)));
        match of_a_thing {
            Some((thing, Errno::NOENT)) => Error::Lapsed { table, thing },
            Some((thing, Errno::EXIST)) => Error::AlreadyLive { table, thing },
            Some((_, error)) => general(doing, error),
            None => Error::Late { table },
        }
    }

    fn gone(&self) -> Error {
        Error::Gone { table: self.settings.table.clone() }
    }

    /// Whether all of this life's sets are there.
    fn is_installed(&mut self) -> Result<bool, Error> {
        let own = tickets(&self.settings, &self.tickets);
        for set in sets(&self.settings).chain([own]) {
            self.messages.clear();
            let asked = self.messages.get_set(set);
            let refusals =
                self.socket.exchange("look for the table", &self.messages, asked, asked)?;
            if !refusals.is_empty() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn must_guard(&self, thing: Thing) -> Result<(), Error> {
        if self.settings.guards(thing) {
            return Ok(());
        }
        Err(Error::NotGuarded { table: self.settings.table.clone(), thing })
    }

    fn script_refused(&self, said: &str) -> Error {
        let doing = "set up the rules";
        let said = said.trim().to_owned();
        if said.contains("Operation not permitted") {
            return Error::NoRights { doing };
        }
        // What libnftables says if the kernel lacks nf_tables, a family, a hook or an expression.
        if ["not supported", "cache initialization failed"].iter().any(|part| said.contains(part)) {
            return Error::Unsupported { doing, said };
        }
        Error::Script { table: self.settings.table.clone(), said }
    }
}

async fn run(settings: &Settings, text: &str) -> Result<std::process::Output, Error> {
    use std::process::Stdio;
    let failed =
        |source| Error::NoProgram { program: settings.nft.clone(), package: "nftables", source };
    let mut child = Command::new(&settings.nft)
        .args(["-f", "-"])
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        // If it has ended before it has read all, its own words tell more than a broken pipe.
        let _ = stdin.write_all(text.as_bytes()).await;
    }
    child.wait_with_output().await.map_err(failed)
}

/// The sets that leases are in.
fn sets(settings: &Settings) -> impl Iterator<Item = Set<'_>> {
    let table = settings.table.as_str();
    let netdev = Set { family: Family::Netdev, table, name: ADDRESSES };
    let inet = [ADDRESSES, PORTS].map(|name| Set { family: Family::Inet, table, name });
    (!settings.addresses.is_empty()).then_some(netdev).into_iter().chain(inet)
}

fn tickets<'a>(settings: &'a Settings, name: &'a str) -> Set<'a> {
    Set { family: Family::Inet, table: &settings.table, name }
}

const fn set_name(thing: Thing) -> &'static str {
    match thing {
        Thing::Address(_) => ADDRESSES,
        Thing::Port(_) => PORTS,
    }
}

/// Whose element of a set this is.
fn thing(set: &str, key: &[u8]) -> Option<Thing> {
    if set == PORTS {
        return key.try_into().ok().map(|key| Thing::Port(u16::from_be_bytes(key)));
    }
    <[u8; 4]>::try_from(key).ok().map(|key| Thing::Address(Ipv4Addr::from(key)))
}
