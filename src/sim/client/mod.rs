//! Clients: Outlook, Outlook Web App, Autodiscover, SMTP relays, with the part of TCP, DNS and the
//! neighbour cache that they feel.
//!
//! A client has wishes, served one after the other: the front one is pursued through its name,
//! an address, a connection and a log-on, as far as each is missing. What goes wrong on the way
//! ends in `trouble`, which waits as long as that kind of client does and pursues again.
//! `Asked` and `Answered` of one client come in the same order.

mod active_sync;
mod arp;
mod autodiscover;
mod balanced;
mod ledger;
mod mailbox;
mod names;
mod neighbour;
mod outlook;
mod owa;
mod server;
mod smtp;
mod state;
mod tcp;

#[cfg(test)]
mod tests;

use super::dns::{self, Name};
use super::event::Event as Planned;
use super::mail;
use super::plant::Plant;
use crate::base::{Address, ClientId, Instant, MachineId, MailId, Span};
use crate::journal::record::{ClientEvent, ConnectionState, Refused, Request};
use crate::journal::{RecordNo, What};
use crate::model::Service;
use crate::model::topology::ClientKind;
use ledger::{End, ended};
use state::{Outcome, Ready, Step, Trouble, Wish};

pub use ledger::Requests;
pub(super) use ledger::{Ledger, account};
pub(super) use state::{bytes, waiting};

pub(super) use arp::gratuitous_arp;
pub(super) use balanced::{connections, drop_connections};
pub(super) use server::resumed;
pub(super) use state::Client;

/// Something that happens to a client. `turn` is the client's turn that it belongs to; an event
/// of an earlier turn is void.
#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    /// The client starts to work.
    Start,
    /// The person or program wants something.
    Think,
    /// A pause is over.
    Resume { turn: u32 },
    /// The DNS server answered, or the resolver gave up.
    Named { turn: u32 },
    /// A segment arrives at a machine.
    Arrive { turn: u32, machine: MachineId },
    /// A server acknowledges a segment that it is still working on.
    Acknowledge { turn: u32 },
    /// Throttling has kept a request long enough.
    Begin { turn: u32 },
    /// A server has done its own part and turns to a domain controller or to the Store.
    Turn { turn: u32 },
    /// A server has its answer.
    Reply { turn: u32 },
    /// The answer arrives at the client.
    Answer { turn: u32 },
    /// A reset arrives at the client.
    Reset { turn: u32, machine: MachineId },
    /// A segment was not acknowledged in time.
    Timeout { turn: u32, attempt: u32 },
    /// A request that reached its server was not answered in time.
    Overdue { turn: u32 },
    /// A wish is unanswered for so long that the status bar says so.
    Trying { served: u32 },
    /// The timer of a neighbour cache's entry; void if the entry has another turn by now.
    Neighbour { address: Address, entry: u32 },
}

impl Event {
    /// The client's turn that it belongs to, if it belongs to one.
    fn turn(self) -> Option<u32> {
        match self {
            Event::Start | Event::Think | Event::Trying { .. } | Event::Neighbour { .. } => None,
            Event::Resume { turn }
            | Event::Named { turn }
            | Event::Arrive { turn, .. }
            | Event::Acknowledge { turn }
            | Event::Begin { turn }
            | Event::Turn { turn }
            | Event::Reply { turn }
            | Event::Answer { turn }
            | Event::Reset { turn, .. }
            | Event::Timeout { turn, .. }
            | Event::Overdue { turn } => Some(turn),
        }
    }
}

/// Something happens to a client.
pub(super) fn handle(p: &mut Plant, at: Instant, id: ClientId, event: Event) {
    if event.turn().is_some_and(|turn| p.client_mut(id).turn != turn) {
        return;
    }
    match event {
        Event::Start => start(p, at, id),
        Event::Think => think(p, at, id),
        Event::Trying { served } => still_trying(p, at, id, served),
        Event::Neighbour { address, entry } => arp::due(p, at, id, address, entry),
        Event::Resume { .. } => resume(p, at, id),
        Event::Named { .. } => names::named(p, at, id),
        Event::Arrive { machine, .. } => server::arrive(p, at, id, machine),
        Event::Acknowledge { .. } => server::acknowledge(p, at, id),
        Event::Begin { .. } => server::begin(p, at, id),
        Event::Turn { .. } => server::turn(p, at, id),
        Event::Reply { .. } => server::reply(p, at, id),
        Event::Answer { .. } => tcp::answer(p, at, id),
        Event::Reset { machine, .. } => tcp::was_reset(p, at, id, machine),
        Event::Timeout { attempt, .. } => tcp::timed_out(p, at, id, attempt),
        Event::Overdue { .. } => tcp::overdue(p, at, id),
    }
}

/// A person at a client sends a message now, as a step of the scenario says.
pub(super) fn send_message(p: &mut Plant, at: Instant, id: ClientId, step: u16, cause: RecordNo) {
    write(p, at, id, Some(step), Some(cause));
    hurry(p, at, id);
}

/// A person at a client refreshes it now; a program asks out of turn.
pub(super) fn refresh(p: &mut Plant, at: Instant, id: ClientId, cause: RecordNo) {
    match p.client_mut(id).kind {
        ClientKind::Outlook | ClientKind::Owa | ClientKind::ActiveSync => {
            wish(p, at, id, Request::Read, Some(cause))
        }
        ClientKind::Smtp => wish(p, at, id, Request::Send, Some(cause)),
        ClientKind::Autodiscover => wish(p, at, id, Request::Autodiscover, Some(cause)),
    };
    hurry(p, at, id);
}

/// Whether the client itself keeps what it sent: Outlook in cached mode does.
pub(super) fn has_sent_item(p: &Plant, id: ClientId) -> bool {
    p.client(id).cached
}

/// The client has a message that the server lost, and sends it again.
pub(super) fn resend(p: &mut Plant, at: Instant, id: ClientId, mail: MailId, cause: RecordNo) {
    wish(p, at, id, Request::Send, Some(cause));
    put_in_outbox(p, id, mail);
    proceed(p, at, id);
}

/// Writes down something that a client did or saw.
fn note(p: &mut Plant, at: Instant, id: ClientId, cause: RecordNo, event: ClientEvent) -> RecordNo {
    let record = p.recorder.record(at, earlier(cause), What::Client(id, event));
    p.client_mut(id).last = record;
    record
}

/// A record to name as a cause: number 0 stands for how things were at the start.
fn earlier(record: RecordNo) -> Option<RecordNo> {
    (record > RecordNo(0)).then_some(record)
}

fn start(p: &mut Plant, at: Instant, id: ClientId) {
    let (database, server) = {
        let client = p.client_mut(id);
        (client.database, client.server)
    };
    let active = p.setup.scenario.start.databases[usize::from(database.0)];
    let named = server.and_then(|server| dns::name_of(p, server));
    let home = named.unwrap_or(Name::Machine(active.into()));
    p.client_mut(id).home = home;
    note(p, at, id, RecordNo(0), ClientEvent::Started);
    match p.client_mut(id).kind {
        ClientKind::Outlook | ClientKind::Autodiscover => {
            wish(p, at, id, Request::Autodiscover, None);
        }
        ClientKind::Owa => {
            wish(p, at, id, Request::LogOn, None);
        }
        ClientKind::Smtp => {
            wish(p, at, id, Request::Send, None);
        }
        ClientKind::ActiveSync => {
            wish(p, at, id, Request::Read, None);
        }
    }
    proceed(p, at, id);
}

/// The next wish of a person or program.
fn think(p: &mut Plant, at: Instant, id: ClientId) {
    p.client_mut(id).thinking = false;
    match p.client_mut(id).kind {
        ClientKind::Outlook => outlook::think(p, at, id),
        ClientKind::Owa | ClientKind::ActiveSync => {
            let client = p.client_mut(id);
            if client.choice.chance(client.send_share) {
                write(p, at, id, None, None);
            } else {
                wish(p, at, id, Request::Read, None);
            }
        }
        ClientKind::Smtp => {
            wish(p, at, id, Request::Send, None);
        }
        ClientKind::Autodiscover => {
            wish(p, at, id, Request::Autodiscover, None);
        }
    }
    proceed(p, at, id);
}

/// Plans the next wish.
fn plan_think(p: &mut Plant, at: Instant, id: ClientId) {
    let client = p.client_mut(id);
    if client.thinking {
        return;
    }
    client.thinking = true;
    let wait = client.think_draws.exponential(client.think);
    let now = p.setup.scenario.time_of_day_at(at);
    let wait = p.settings().load.day.time_for(now, wait);
    p.plan(at + wait, Planned::Client(id, Event::Think));
}

/// Adds a wish; its clock starts.
fn wish(
    p: &mut Plant,
    at: Instant,
    id: ClientId,
    request: Request,
    cause: Option<RecordNo>,
) -> RecordNo {
    let record = note(p, at, id, cause.unwrap_or(RecordNo(0)), ClientEvent::Asked { request });
    p.client_mut(id).wishes.push_back(Wish { request, asked: at, record, mail: None });
    record
}

/// A person writes a message and presses Send.
fn write(p: &mut Plant, at: Instant, id: ClientId, step: Option<u16>, cause: Option<RecordNo>) {
    let record = wish(p, at, id, Request::Send, cause);
    if p.client_mut(id).kind != ClientKind::Smtp {
        let mail = mail::written(p, at, id, step, Some(record));
        put_in_outbox(p, id, mail);
    }
}

/// The last wish is to send this message.
fn put_in_outbox(p: &mut Plant, id: ClientId, mail: MailId) {
    if let Some(wish) = p.client_mut(id).wishes.back_mut() {
        wish.mail = Some(mail);
    }
}

/// Pursues a wish if nothing else goes on.
fn proceed(p: &mut Plant, at: Instant, id: ClientId) {
    if p.client_mut(id).step == Step::Idle {
        pursue(p, at, id);
    }
}

/// A person does not wait for the end of a pause.
fn hurry(p: &mut Plant, at: Instant, id: ClientId) {
    if matches!(p.client_mut(id).step, Step::Idle | Step::Pause) {
        pursue(p, at, id);
    }
}

/// Does what is next for the front wish.
fn pursue(p: &mut Plant, at: Instant, id: ClientId) {
    let client = p.client_mut(id);
    if client.wishes.is_empty() {
        client.begin(Step::Idle);
        return;
    }
    ledger::issued(p, id);
    let client = p.client_mut(id);
    let service = client.service();
    if client.link.as_ref().is_some_and(|link| link.service == service) {
        let logs_on =
            matches!(service, Service::RpcClientAccess | Service::OutlookAnywhere | Service::Owa);
        let step = if logs_on && !client.session { Step::LogOn } else { Step::Work };
        tcp::exchange(p, at, id, step);
        return;
    }
    client.close();
    names::look(p, at, id);
}

/// A pause is over.
fn resume(p: &mut Plant, at: Instant, id: ClientId) {
    let client = p.client(id);
    let event = match client.step {
        Step::Person => ClientEvent::PersonDone,
        _ => ClientEvent::TriesAgain,
    };
    note(p, at, id, client.last, event);
    pursue(p, at, id);
}

/// Waits, and then pursues the front wish.
fn pause(p: &mut Plant, at: Instant, id: ClientId, step: Step, wait: Span) {
    let turn = p.client_mut(id).begin(step);
    p.plan(at.saturating_add(wait), Planned::Client(id, Event::Resume { turn }));
}

/// The front wish is answered.
fn finish(p: &mut Plant, at: Instant, id: ClientId, because: RecordNo) {
    let client = p.client_mut(id);
    let wish = client.wishes.pop_front().expect("an answer has its wish");
    client.served += 1;
    client.begin(Step::Idle);
    ended(p, id, End::Answered);
    let answered = ClientEvent::Answered { latency: at.since(wish.asked) };
    note(p, at, id, because, answered);
    show(p, at, id, ConnectionState::Connected);
    if wish.request == Request::Autodiscover && p.client_mut(id).kind == ClientKind::Outlook {
        outlook::opened(p, at, id);
    }
    if p.client_mut(id).wishes.is_empty() {
        plan_think(p, at, id);
    } else {
        pursue(p, at, id);
    }
}

/// The server's answer was an error.
fn refused(p: &mut Plant, at: Instant, id: ClientId, why: Refused, because: RecordNo) {
    let late = why == Refused::ServiceTimeOut;
    ended(p, id, if late { End::TimedOut } else { End::Refused });
    note(p, at, id, because, ClientEvent::Refused { why });
    trouble(p, at, id, Trouble::Refused);
}

/// Something went wrong: shows it, and tries again when this kind of client does.
fn trouble(p: &mut Plant, at: Instant, id: ClientId, trouble: Trouble) {
    let client = p.client_mut(id);
    let (kind, shown) = (client.kind, client.shown);
    let shown = match (shown, trouble) {
        (ConnectionState::Connected, _) => ConnectionState::Trying,
        (ConnectionState::Trying, Trouble::Lost) => ConnectionState::Trying,
        (ConnectionState::Trying, Trouble::Unanswered | Trouble::Refused)
        | (ConnectionState::Disconnected, _) => ConnectionState::Disconnected,
    };
    show(p, at, id, shown);
    let settings = p.settings();
    let wait = match (kind, trouble) {
        (ClientKind::Smtp, _) => settings.transport.smtp_retry,
        (_, Trouble::Lost) => Span::ZERO,
        (ClientKind::Outlook, Trouble::Unanswered) => settings.outlook.conn_manager_poll,
        (ClientKind::Outlook, Trouble::Refused) => settings.outlook.back_off,
        (ClientKind::Owa, Trouble::Unanswered | Trouble::Refused) => settings.owa.retry,
        (ClientKind::Autodiscover, Trouble::Unanswered | Trouble::Refused) => {
            settings.autodiscover.retry
        }
        (ClientKind::ActiveSync, Trouble::Unanswered | Trouble::Refused) => {
            settings.active_sync.retry
        }
    };
    if wait.is_zero() {
        pursue(p, at, id);
    } else {
        pause(p, at, id, Step::Pause, wait);
    }
}

/// Shows the connection state if it is another one.
fn show(p: &mut Plant, at: Instant, id: ClientId, state: ConnectionState) {
    let client = p.client_mut(id);
    if client.shown == state {
        return;
    }
    client.shown = state;
    let because = client.last;
    note(p, at, id, because, ClientEvent::State(state));
}

/// Plans that the status bar says so if the front wish stays unanswered for much longer.
fn watch(p: &mut Plant, at: Instant, id: ClientId) {
    let after = p.settings().outlook.trying_after;
    let client = p.client_mut(id);
    if client.kind != ClientKind::Outlook || client.shown != ConnectionState::Connected {
        return;
    }
    let (served, sent) = (client.served, client.flight.began);
    let when = sent.saturating_add(after).max(at);
    p.plan(when, Planned::Client(id, Event::Trying { served }));
}

fn still_trying(p: &mut Plant, at: Instant, id: ClientId, served: u32) {
    let client = p.client_mut(id);
    if client.served == served && client.shown == ConnectionState::Connected {
        show(p, at, id, ConnectionState::Trying);
    }
}
