//! Mail flow: Mail Submission, Hub Transport with its queues, shadow redundancy and the transport
//! dumpster (exchange.md §2.4).
//!
//! A message is known by the places that have it: Outbox, sender's mailbox, queues, shadow queues
//! and dumpsters of Hubs, recipient's mailbox. It is lost when no place is left.

mod account;
mod hub;
mod safety;

#[cfg(test)]
mod tests;

use super::event::Event as Planned;
use super::plant::Plant;
use super::{client, net, storage};
use crate::base::draw::Purpose;
use crate::base::{ClientId, CopyId, DbId, IdVec, Instant, MachineId, MachineSet, MailId, Span};
use crate::failover::seam::Failure;
use crate::journal::record::{Lost, MailEvent};
use crate::journal::{RecordNo, What};
use crate::model::sizing;
use crate::model::topology::{ClientGroup, ClientKind, MachineRole, Topology};
use bevy_ecs::prelude::Resource;
use std::collections::VecDeque;

pub use account::Messages;
pub(super) use account::account;
pub(super) use hub::{location_changed, machine_changed, service_changed};
pub(super) use safety::{connectivity_changed, database_dismounted, database_mounted};

/// What happens later to a message or at a Hub.
#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    /// Mail Submission on the active server hands a message to a Hub.
    Submit { mail: MailId },
    /// A Hub has categorized a message but for its look-up in the directory.
    Categorize { mail: MailId, hub: MachineId },
    /// No domain controller answered a Hub.
    NoDirectory { mail: MailId, hub: MachineId, because: RecordNo },
    /// A Hub delivers a message, or hands it to another Hub.
    Deliver { mail: MailId, hub: MachineId },
    /// A message arrives at another Hub.
    Hand { mail: MailId, from: MachineId, to: MachineId },
    /// A message arrives at the Store.
    Arrive { mail: MailId, hub: MachineId, copy: CopyId },
    /// A Hub tries again what waits.
    Resume { hub: MachineId, cause: RecordNo },
    /// The retry interval of a Hub's queues is over.
    Retry { hub: MachineId },
    /// A Hub has not been heard for so long that its shadow is taken over.
    TakeOver { holder: MachineId, primary: MachineId, turn: u32 },
}

/// A message and the places that have it.
struct Message {
    client: ClientId,
    recipient: DbId,
    /// Record of the last thing that happened to it.
    record: RecordNo,
    /// The mail system took responsibility for it.
    submitted: bool,
    /// The copy that took it from the sender.
    stored_on: Option<CopyId>,
    /// In the sender's Outbox, or on the sender's screen.
    outbox: bool,
    /// In the sender's mailbox.
    sent_item: bool,
    /// A Hub has taken it.
    handed: bool,
    /// In the recipient's mailbox.
    delivered: bool,
    /// Hubs with it in a queue.
    queued: MachineSet,
    /// Hubs with a shadow of it.
    shadow: MachineSet,
    /// Hubs with it in the dumpster.
    dumpster: MachineSet,
    /// Why it waits, as last recorded.
    deferred: Option<Failure>,
}

impl Message {
    fn new(client: ClientId, recipient: DbId) -> Self {
        Message {
            client,
            recipient,
            record: RecordNo(0),
            submitted: false,
            stored_on: None,
            outbox: false,
            sent_item: false,
            handed: false,
            delivered: false,
            queued: MachineSet::EMPTY,
            shadow: MachineSet::EMPTY,
            dumpster: MachineSet::EMPTY,
            deferred: None,
        }
    }

    /// Whether no place of the mail system has it.
    fn nowhere(&self) -> bool {
        let hubs = self.queued.union(self.shadow).union(self.dumpster);
        !self.outbox && !self.sent_item && !self.delivered && hubs.is_empty()
    }
}

/// A message in a database's logs.
#[derive(Clone, Copy)]
struct Entry {
    mail: MailId,
    /// As the sender's item, or as the recipient's.
    sent: bool,
    activation: RecordNo,
    position: u64,
}

/// What the mail flow knows of a database.
#[derive(Default)]
struct Mailboxes {
    /// Messages in its logs that not every copy is known to have.
    entries: VecDeque<Entry>,
    /// Messages in it that wait for Mail Submission.
    pending: Vec<MailId>,
    /// Hubs that have not yet answered the request to submit their dumpster again
    /// (exchange.md §8.1 OutstandingDumpsterRequests), and the record that made the request.
    outstanding: Option<(MachineSet, RecordNo)>,
}

/// The Hub Transport role of a machine.
struct Hub {
    /// Whether it answered when last looked at.
    up: bool,
    /// Messages that wait.
    waiting: Vec<MailId>,
    /// Whether the end of a retry interval is planned.
    retry: bool,
    /// What it delivered lately, by database, oldest first.
    dumpsters: IdVec<DbId, VecDeque<Entry>>,
    /// Other Hubs that it does not hear: since when if so, and a count of the changes.
    silent: IdVec<MachineId, (Option<Instant>, u32)>,
}

/// The mail system.
#[derive(Resource)]
pub(super) struct Transport {
    messages: IdVec<MailId, Message>,
    /// Messages that the mail system took responsibility for.
    submitted: u64,
    /// Mailboxes of each database; one each if there is none at all.
    mailboxes: IdVec<DbId, u64>,
    /// Machines with the Hub Transport role, in their order.
    servers: Vec<MachineId>,
    /// Of every machine; those without the role have nothing to do.
    hubs: IdVec<MachineId, Hub>,
    databases: IdVec<DbId, Mailboxes>,
    /// Messages that each client has written, for its draws.
    written: IdVec<ClientId, u32>,
}

impl Transport {
    pub(super) fn new(topology: &Topology) -> Self {
        let databases = topology.databases.len();
        let hub = |_: MachineId| Hub {
            up: true,
            waiting: Vec::new(),
            retry: false,
            dumpsters: (0..databases).map(|_| VecDeque::new()).collect(),
            silent: IdVec::filled(topology.machines.len(), (None, 0)),
        };
        let clients = topology.clients.iter().map(|group| group.count as usize).sum();
        let mut mailboxes = sizing::mailboxes_by_database(topology);
        if mailboxes.values().all(|count| *count == 0) {
            mailboxes = IdVec::filled(databases, 1);
        }
        Transport {
            messages: IdVec::new(),
            submitted: 0,
            mailboxes,
            servers: topology.with_role(MachineRole::HubTransport).collect(),
            hubs: topology.machines.ids().map(hub).collect(),
            databases: (0..databases).map(|_| Mailboxes::default()).collect(),
            written: IdVec::filled(clients, 0),
        }
    }
}

/// Something planned happens.
pub(super) fn handle(p: &mut Plant, at: Instant, event: Event) {
    match event {
        Event::Submit { mail } => hub::submit(p, at, mail),
        Event::Categorize { mail, hub } => hub::categorize(p, at, mail, hub),
        Event::NoDirectory { mail, hub, because } => {
            hub::defer(p, at, mail, hub, Failure::NoDomainController, because);
        }
        Event::Deliver { mail, hub } => hub::deliver(p, at, mail, hub),
        Event::Hand { mail, from, to } => hub::hand(p, at, mail, from, to),
        Event::Arrive { mail, hub, copy } => hub::arrive(p, at, mail, hub, copy),
        Event::Resume { hub, cause } => hub::resume(p, at, hub, cause),
        Event::Retry { hub } => hub::retry(p, at, hub),
        Event::TakeOver { holder, primary, turn } => {
            safety::take_over(p, at, holder, primary, turn);
        }
    }
}

/// A person pressed Send.
pub(super) fn written(
    p: &mut Plant,
    at: Instant,
    client: ClientId,
    step: Option<u16>,
    cause: Option<RecordNo>,
) -> MailId {
    let mail = new_message(p, client);
    p.transport.messages[mail].outbox = true;
    let what = What::Mail(mail, MailEvent::Written { client, step });
    p.transport.messages[mail].record = p.recorder.record(at, cause, what);
    mail
}

/// The Store takes a message into the sender's mailbox: it is submitted. A message that it has
/// already is not taken a second time. False if the Store does not serve the database (any more):
/// then the message stays where it is.
pub(super) fn stored(
    p: &mut Plant,
    at: Instant,
    mail: MailId,
    copy: CopyId,
    cause: RecordNo,
) -> bool {
    if !p.transport.messages[mail].outbox {
        return true;
    }
    if storage::serving(p, copy.node.into(), copy.database).is_err() {
        return false;
    }
    let record = submitted(p, at, mail, cause);
    keep(p, at, mail, copy, true, record);
    let message = &mut p.transport.messages[mail];
    message.outbox = false;
    message.sent_item = true;
    message.handed = false;
    message.stored_on = Some(copy);
    let when = at + p.settings().transport.submission_time;
    p.plan(when, Planned::Mail(Event::Submit { mail }));
    true
}

/// A Hub accepted a message from an SMTP client: it is submitted, and in the Hub's queue.
pub(super) fn accept(
    p: &mut Plant,
    at: Instant,
    machine: MachineId,
    client: ClientId,
    cause: RecordNo,
) -> MailId {
    let mail = new_message(p, client);
    let record = submitted(p, at, mail, cause);
    p.transport.messages[mail].handed = true;
    hub::enqueue(p, at, mail, machine, record);
    mail
}

/// A new message to one of the site's mailboxes.
fn new_message(p: &mut Plant, client: ClientId) -> MailId {
    let count = p.transport.written[client];
    p.transport.written[client] = count + 1;
    let mailboxes: u64 = p.transport.mailboxes.values().sum();
    let mut recipient = DbId(0);
    if p.transport.mailboxes.len() > 1 {
        let key = 1 << 56 | u64::from(client.0) << 24 | u64::from(count & 0xff_ffff);
        let mut place = p.stream(key, Purpose::Choice).below(mailboxes);
        for (id, here) in p.transport.mailboxes.iter() {
            recipient = id;
            if place < *here {
                break;
            }
            place -= here;
        }
    }
    p.transport.messages.push(Message::new(client, recipient))
}

fn submitted(p: &mut Plant, at: Instant, mail: MailId, cause: RecordNo) -> RecordNo {
    let client = p.transport.messages[mail].client;
    let kind = kind(p, client);
    if !std::mem::replace(&mut p.transport.messages[mail].submitted, true) {
        p.transport.submitted += 1;
    }
    tell(p, at, mail, MailEvent::Submitted { client, kind }, cause)
}

/// The kind of a client.
fn kind(p: &Plant, client: ClientId) -> ClientKind {
    p.setup.topology.client_group(client).kind
}

/// Records something that happened to a message.
fn tell(p: &mut Plant, at: Instant, mail: MailId, event: MailEvent, cause: RecordNo) -> RecordNo {
    let record = p.recorder.record(at, Some(cause), What::Mail(mail, event));
    p.transport.messages[mail].record = record;
    record
}

/// The group of a message's sender.
fn sender<'p>(p: &'p Plant<'_>, mail: MailId) -> &'p ClientGroup {
    p.setup.topology.client_group(p.transport.messages[mail].client)
}

/// Writes a message into a mounted copy, as its sender's item or for its recipients, and keeps
/// account of where. Its recipients stand for each other: it goes to all or none.
fn keep(
    p: &mut Plant,
    at: Instant,
    mail: MailId,
    copy: CopyId,
    sent: bool,
    cause: RecordNo,
) -> Entry {
    let one = p.settings().store.log_kilobytes_per_message;
    let recipients = sizing::recipients(p.settings(), sender(p, mail));
    let kilobytes = match sent {
        true => one.into(),
        false => {
            let (above, below) = (recipients.numerator(), recipients.denominator());
            (u64::from(one) * u64::from(above) / u64::from(below)).max(1)
        }
    };
    let position = storage::write(p, at, copy, kilobytes, cause);
    let entry = Entry { mail, sent, activation: storage::activation(p, copy), position };
    while let Some(first) = p.transport.databases[copy.database].entries.front().copied()
        && storage::held_everywhere(p, copy.database, first.activation, first.position)
    {
        p.transport.databases[copy.database].entries.pop_front();
    }
    p.transport.databases[copy.database].entries.push_back(entry);
    entry
}

/// The way between two servers: the time one way, or the record that stands in it. Lost frames
/// are sent again as TCP does.
fn way(p: &mut Plant, at: Instant, from: MachineId, to: MachineId) -> Result<Span, RecordNo> {
    if from == to {
        return Ok(Span::ZERO);
    }
    let tcp = p.settings().tcp;
    let (mut waited, mut wait) = (Span::ZERO, tcp.minimum_rto);
    for tried in 0..=tcp.max_data_retransmissions {
        match net::path(p, at, from, to) {
            Ok((_, span)) => return Ok(waited + span),
            Err((Lost::Chance, _)) if tried < tcp.max_data_retransmissions => {
                waited += wait;
                wait = wait * 2;
            }
            Err((_, because)) => return Err(because),
        }
    }
    unreachable!("the last try ends one way or the other")
}

/// Time that a message is on the line.
fn on_the_line(p: &Plant) -> Span {
    let kilobytes = u64::from(p.settings().transport.message_kilobytes);
    let bandwidth = u64::from(p.settings().ethernet.bandwidth);
    Span::from_nanos(kilobytes * 8_192_000 / bandwidth)
}

/// Whether the sender's own program still has a message that was sent.
fn sender_has(p: &Plant, mail: MailId) -> bool {
    let client = p.transport.messages[mail].client;
    kind(p, client) == ClientKind::Outlook && client::has_sent_item(p, client)
}
