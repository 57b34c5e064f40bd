//! TCP as a client feels it: silence, retransmission, resets, connects that time out
//! (exchange.md §4.3).
//!
//! One segment is under way at a time, a [`Flight`]. That it is lost is known here when it
//! happens, so the retransmission timer is planned only then, counted from when it was sent.

use super::super::event::Event as Planned;
use super::super::net;
use super::super::plant::Plant;
use super::balanced::{self, Via};
use super::ledger::End;
use super::{
    Event, Outcome, Step, Trouble, active_sync, arp, autodiscover, ended, note, outlook, owa,
    pursue, refused, server, smtp, trouble, watch,
};
use crate::base::{Address, ClientId, Instant, MachineId, Span};
use crate::journal::RecordNo;
use crate::journal::record::{ClientEvent, Refused};
use crate::model::Service;
use crate::model::settings::TcpSettings;
use crate::model::topology::ClientKind;

/// An established connection. The server's end is gone when the machine's life, the binding of
/// the address or the service's start is another one.
#[derive(Clone, Copy)]
pub(super) struct Connection {
    pub service: Service,
    pub machine: MachineId,
    pub life: u32,
    pub address: Address,
    pub bound: RecordNo,
    pub started: RecordNo,
    /// The record behind the name that led here.
    pub name: RecordNo,
    /// The load balancer that it goes through.
    pub via: Option<Via>,
    /// Logged on over this connection, since when the domain controller answered.
    pub authenticated: Option<RecordNo>,
}

/// The segment under way and what the server makes of it.
pub(super) struct Flight {
    pub address: Address,
    /// The record behind the name that led to the address.
    pub name: RecordNo,
    /// The load balancer that a SYN goes through.
    pub via: Option<Via>,
    /// When it was sent first.
    pub began: Instant,
    /// When it was sent last.
    sent: Instant,
    /// Counted from 1.
    attempt: u32,
    /// It waits for a hardware address.
    pub queued: bool,
    /// Its retransmission timer runs.
    pub waiting: bool,
    /// The server hangs over it, or its machine stands still.
    pub stuck: bool,
    /// The server works on it.
    pub working: bool,
    /// When the server took it up.
    pub taken: Instant,
    /// The client knows that the server has it.
    pub acknowledged: bool,
    /// Answers that the server has sent in vain.
    pub replies: u32,
    /// The connection that a SYN has made.
    pub accepted: Option<Connection>,
    /// How the log-on that belongs to it went.
    pub log_on: Option<Result<RecordNo, RecordNo>>,
    /// What came of it.
    pub outcome: Option<Outcome>,
    /// The newest plant record without which the answer could not be.
    pub because: RecordNo,
    /// The plant record that stood in the way last.
    pub obstacle: RecordNo,
}

impl Flight {
    pub(super) fn new(at: Instant, address: Address) -> Self {
        Flight {
            address,
            name: RecordNo(0),
            via: None,
            began: at,
            sent: at,
            attempt: 1,
            queued: false,
            waiting: false,
            stuck: false,
            working: false,
            taken: at,
            acknowledged: false,
            replies: 0,
            accepted: None,
            log_on: None,
            outcome: None,
            because: RecordNo(0),
            obstacle: RecordNo(0),
        }
    }
}

/// How long an attempt waits for an acknowledgement: the time-out doubles.
pub(super) fn patience(first: Span, attempt: u32) -> Span {
    first * (1 << (attempt - 1).min(31))
}

/// The first time-out and the number of attempts, of a connect or of data.
pub(super) fn attempts(tcp: &TcpSettings, connects: bool) -> (Span, u32) {
    if connects {
        (tcp.initial_rtt, tcp.max_connect_retransmissions + 1)
    } else {
        (tcp.minimum_rto, tcp.max_data_retransmissions + 1)
    }
}

/// Connects to an address.
pub(super) fn connect(p: &mut Plant, at: Instant, id: ClientId, address: Address, name: RecordNo) {
    let client = p.client_mut(id);
    client.begin(Step::Connect);
    client.flight = Flight::new(at, address);
    client.flight.name = name;
    transmit(p, at, id);
}

/// Sends a request over the connection.
pub(super) fn exchange(p: &mut Plant, at: Instant, id: ClientId, step: Step) {
    let client = p.client_mut(id);
    let address = client.link.as_ref().expect("requests go over a connection").address;
    client.begin(step);
    client.flight = Flight::new(at, address);
    transmit(p, at, id);
}

fn transmit(p: &mut Plant, at: Instant, id: ClientId) {
    let client = p.client_mut(id);
    client.flight.sent = at;
    let (address, attempt) = (client.flight.address, client.flight.attempt);
    let counted = u8::try_from(attempt).unwrap_or(u8::MAX);
    let (obstacle, last) = (client.flight.obstacle, client.last);
    if client.step == Step::Connect {
        let cause = if attempt == 1 { last } else { obstacle };
        note(p, at, id, cause, ClientEvent::Connecting { address, attempt: counted });
    } else if attempt > 1 {
        note(p, at, id, obstacle, ClientEvent::Retransmitted { attempt: counted - 1 });
    }
    match arp::route(p, at, id, address) {
        Some((machine, span)) => depart(p, at, id, machine, span),
        None => {
            p.client_mut(id).flight.queued = true;
            await_acknowledgement(p, at, id);
        }
    }
}

/// The segment leaves for a machine, after what finding it took.
pub(super) fn depart(p: &mut Plant, at: Instant, id: ClientId, machine: MachineId, found: Span) {
    p.client_mut(id).flight.queued = false;
    let machine = match balanced::receiver(p, id, machine) {
        Ok(machine) => machine,
        Err(because) => return lost(p, at, id, because),
    };
    let (network, turn) = (p.client(id).network, p.client(id).turn);
    match net::to_client(p, network, machine) {
        Ok(span) => {
            p.plan(at + found + span, Planned::Client(id, Event::Arrive { turn, machine }));
        }
        Err((_, because)) => lost(p, at, id, because),
    }
}

/// The segment or its acknowledgement is lost.
pub(super) fn lost(p: &mut Plant, at: Instant, id: ClientId, because: RecordNo) {
    p.client_mut(id).flight.obstacle = because;
    await_acknowledgement(p, at, id);
}

pub(super) fn await_acknowledgement(p: &mut Plant, at: Instant, id: ClientId) {
    let tcp = p.settings().tcp;
    let client = p.client_mut(id);
    let (first, _) = attempts(&tcp, client.step == Step::Connect);
    let (turn, attempt) = (client.turn, client.flight.attempt);
    let when = client.flight.sent + patience(first, attempt);
    client.flight.waiting = true;
    p.plan(when.max(at), Planned::Client(id, Event::Timeout { turn, attempt }));
}

/// The segment was not acknowledged in time: it is sent again, or given up.
pub(super) fn timed_out(p: &mut Plant, at: Instant, id: ClientId, attempt: u32) {
    let tcp = p.settings().tcp;
    let doubts = p.settings().neighbour_cache.retransmission_makes_stale;
    let client = p.client_mut(id);
    if !client.flight.waiting || client.flight.attempt != attempt {
        return;
    }
    client.flight.waiting = false;
    let connects = client.step == Step::Connect;
    let (_, most) = attempts(&tcp, connects);
    if attempt < most {
        client.flight.attempt += 1;
        if doubts {
            let address = client.flight.address;
            client.neighbours.doubted(at, address);
        }
        transmit(p, at, id);
        if attempt == 1 {
            watch(p, at, id);
        }
        return;
    }
    let because = client.flight.obstacle;
    client.close();
    ended(p, id, End::TimedOut);
    note(p, at, id, because, ClientEvent::GaveUp);
    trouble(p, at, id, if connects { Trouble::Unanswered } else { Trouble::Lost });
}

/// The reset arrives.
pub(super) fn was_reset(p: &mut Plant, at: Instant, id: ClientId, machine: MachineId) {
    let client = p.client_mut(id);
    let because = client.flight.because;
    let connects = client.step == Step::Connect;
    client.close();
    if connects {
        refused(p, at, id, Refused::NotListening, because);
    } else {
        ended(p, id, End::Refused);
        note(p, at, id, because, ClientEvent::Reset { machine });
        trouble(p, at, id, Trouble::Lost);
    }
}

/// An answer arrives.
pub(super) fn answer(p: &mut Plant, at: Instant, id: ClientId) {
    let client = p.client_mut(id);
    let address = client.flight.address;
    client.neighbours.confirmed(at, address);
    if client.step == Step::Connect {
        return connected(p, at, id);
    }
    let outcome = client.flight.outcome.expect("an answer says something");
    let because = client.flight.because;
    match client.kind {
        ClientKind::Outlook => outlook::answered(p, at, id, outcome, because),
        ClientKind::Owa => owa::answered(p, at, id, outcome, because),
        ClientKind::Smtp => smtp::answered(p, at, id, outcome, because),
        ClientKind::Autodiscover => autodiscover::answered(p, at, id, outcome, because),
        ClientKind::ActiveSync => active_sync::answered(p, at, id, outcome, because),
    }
}

fn connected(p: &mut Plant, at: Instant, id: ClientId) {
    let client = p.client_mut(id);
    let link = client.flight.accepted.expect("a connect was accepted");
    client.link = Some(link);
    let because = server::standing(p, id).unwrap_or(link.bound);
    note(p, at, id, because, ClientEvent::Connected { machine: link.machine });
    if p.client_mut(id).kind == ClientKind::Outlook && outlook::must_restart(p, at, id) {
        return;
    }
    pursue(p, at, id);
}

/// A request that reached its server was not answered for too long.
pub(super) fn overdue(p: &mut Plant, at: Instant, id: ClientId) {
    let client = p.client_mut(id);
    let Some(link) = client.link else { return };
    let obstacle = client.flight.obstacle;
    client.close();
    let service = p.service(link.machine, link.service);
    let machine = p.machine(link.machine).since;
    let because = if obstacle > RecordNo(0) { obstacle } else { service.since.max(machine) };
    refused(p, at, id, Refused::ServiceTimeOut, because);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Settings;

    /// When segments leave and when the last is given up, in milliseconds.
    fn table(connects: bool) -> Vec<u64> {
        let (first, most) = attempts(&Settings::default().tcp, connects);
        let mut at = Span::ZERO;
        let mut moments = vec![0];
        for attempt in 1..=most {
            at += patience(first, attempt);
            moments.push(at.as_millis());
        }
        moments
    }

    #[test]
    fn a_connect_gives_up_after_21_seconds() {
        assert_eq!(table(true), [0, 3_000, 9_000, 21_000]);
    }

    #[test]
    fn an_established_connection_is_aborted_after_18_9_seconds() {
        assert_eq!(table(false), [0, 300, 900, 2_100, 4_500, 9_300, 18_900]);
    }
}
