//! TCP as a client feels it: silence, retransmission, resets, connects that time out
//! (exchange.md §4.3).
//!
//! One segment is under way at a time, a [`Flight`]. That it is lost is known here when it
//! happens, so the retransmission timer is planned only then, counted from when it was sent.

use super::super::event::Event as Planned;
use super::super::net;
use super::super::plant::Plant;
use super::{
    Event, Outcome, Step, Trouble, arp, autodiscover, note, outlook, owa, pursue, refused, smtp,
    trouble, watch,
};
use crate::base::{Address, ClientId, Instant, MachineId, Span};
use crate::journal::RecordNo;
use crate::journal::record::{ClientEvent, Lost, Refused, ServiceState};
use crate::model::Service;
use crate::model::settings::TcpSettings;
use crate::model::topology::ClientKind;

/// An established connection. The server's end is gone when the machine's life, the binding of
/// the address or the service's start is another one.
#[derive(Clone, Copy)]
pub(super) struct Connection {
    pub service: Service,
    pub machine: MachineId,
    life: u32,
    address: Address,
    bound: RecordNo,
    started: RecordNo,
    /// The record behind the name that led here.
    name: RecordNo,
    /// Logged on over this connection, since when the domain controller answered.
    pub authenticated: Option<RecordNo>,
}

/// The segment under way and what the server makes of it.
pub(super) struct Flight {
    pub address: Address,
    /// The record behind the name that led to the address.
    name: RecordNo,
    /// When it was sent first.
    pub began: Instant,
    /// When it was sent last.
    sent: Instant,
    /// Counted from 1.
    attempt: u32,
    /// It waits for a hardware address.
    pub queued: bool,
    /// Its retransmission timer runs.
    waiting: bool,
    /// The server works on it.
    working: bool,
    /// The client knows that the server has it.
    acknowledged: bool,
    /// Answers that the server has sent in vain.
    replies: u32,
    /// The connection that a SYN has made.
    accepted: Option<Connection>,
    /// How the log-on that belongs to it went.
    pub log_on: Option<Result<RecordNo, RecordNo>>,
    /// What came of it.
    outcome: Option<Outcome>,
    /// The newest plant record without which the answer could not be.
    pub because: RecordNo,
    /// The plant record that stood in the way last.
    obstacle: RecordNo,
}

impl Flight {
    pub(super) fn new(at: Instant, address: Address) -> Self {
        Flight {
            address,
            name: RecordNo(0),
            began: at,
            sent: at,
            attempt: 1,
            queued: false,
            waiting: false,
            working: false,
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
fn patience(first: Span, attempt: u32) -> Span {
    first * (1 << (attempt - 1).min(31))
}

/// The first time-out and the number of attempts, of a connect or of data.
fn attempts(tcp: &TcpSettings, connects: bool) -> (Span, u32) {
    if connects {
        (tcp.initial_rtt, tcp.max_connect_retransmissions + 1)
    } else {
        (tcp.minimum_rto, tcp.max_data_retransmissions + 1)
    }
}

/// Connects to an address.
pub(super) fn connect(
    p: &mut Plant,
    at: Instant,
    id: ClientId,
    address: Address,
    name: RecordNo,
) {
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
    let client = p.client_mut(id);
    client.flight.queued = false;
    let (network, turn) = (client.network, client.turn);
    match net::to_client(p, network, machine) {
        Ok(span) => {
            p.plan(at + found + span, Planned::Client(id, Event::Arrive { turn, machine }));
        }
        Err((_, because)) => lost(p, at, id, because),
    }
}

/// The segment or its acknowledgement is lost.
fn lost(p: &mut Plant, at: Instant, id: ClientId, because: RecordNo) {
    p.client_mut(id).flight.obstacle = because;
    await_acknowledgement(p, at, id);
}

fn await_acknowledgement(p: &mut Plant, at: Instant, id: ClientId) {
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
    note(p, at, id, because, ClientEvent::GaveUp);
    trouble(p, at, id, if connects { Trouble::Unanswered } else { Trouble::Lost });
}

/// The segment arrives at a machine.
pub(super) fn arrive(p: &mut Plant, at: Instant, id: ClientId, machine: MachineId) {
    let client = p.client_mut(id);
    let (network, service, address) = (client.network, client.service(), client.flight.address);
    let nic = match net::attached(p, machine, network, Lost::ReceiverDown) {
        Ok(nic) => nic,
        Err((_, because)) => return lost(p, at, id, because),
    };
    let Some(bound) = net::bound(p, machine, nic, address) else {
        let because = p.client_mut(id).flight.obstacle;
        return lost(p, at, id, because);
    };
    let life = p.machine(machine).life;
    let slot = *p.service(machine, service);
    let stopped = slot.state == ServiceState::Stopped;
    let client = p.client_mut(id);
    if client.step == Step::Connect {
        if stopped {
            return reset(p, at, id, machine, slot.since);
        }
        client.flight.accepted = Some(Connection {
            service,
            machine,
            life,
            address,
            bound,
            started: slot.started,
            name: client.flight.name,
            authenticated: None,
        });
        return respond(p, at, id, machine);
    }
    let link = client.link.as_ref().expect("data goes over a connection");
    let same = (link.machine, link.life, link.bound) == (machine, life, bound);
    if !same || stopped || link.started != slot.started {
        let because = if same { slot.since } else { bound };
        return reset(p, at, id, machine, because);
    }
    client.flight.waiting = false;
    if client.flight.outcome.is_some() {
        reply(p, at, id);
    } else if client.flight.working {
        acknowledge(p, at, id);
    } else {
        work(p, at, id, machine, slot.state == ServiceState::Hung);
    }
}

/// The server begins to work on a request.
fn work(p: &mut Plant, at: Instant, id: ClientId, machine: MachineId, hung: bool) {
    let delay = p.settings().tcp.delayed_acknowledgement;
    let client = p.client_mut(id);
    client.flight.working = true;
    let turn = client.turn;
    if !hung {
        let ready = match client.kind {
            ClientKind::Outlook => outlook::work(p, at, id, machine),
            ClientKind::Owa => owa::work(p, at, id, machine),
            ClientKind::Smtp => smtp::work(p, at, machine),
            ClientKind::Autodiscover => autodiscover::work(p, at, id, machine),
        };
        p.plan(ready, Planned::Client(id, Event::Reply { turn }));
        if ready <= at + delay {
            return;
        }
    }
    p.plan(at + delay, Planned::Client(id, Event::Acknowledge { turn }));
}

/// The server acknowledges a request that it has not answered yet. From then on the client does
/// not send it again, and waits for the answer as long as such a client does.
pub(super) fn acknowledge(p: &mut Plant, at: Instant, id: ClientId) {
    if p.client_mut(id).flight.acknowledged {
        return;
    }
    if let Err(because) = heard_from(p, id) {
        return lost(p, at, id, because);
    }
    let settings = p.settings();
    let (outlook, owa) = (settings.outlook.rpc_timeout, settings.owa.patience);
    let (smtp, autodiscover) = (settings.transport.smtp_timeout, settings.autodiscover.timeout);
    let client = p.client_mut(id);
    let longest = match client.kind {
        ClientKind::Outlook => outlook,
        ClientKind::Owa => owa,
        ClientKind::Smtp => smtp,
        ClientKind::Autodiscover => autodiscover,
    };
    client.flight.acknowledged = true;
    client.flight.waiting = false;
    let (address, turn) = (client.flight.address, client.turn);
    client.neighbours.confirmed(at, address);
    let when = client.flight.began.saturating_add(longest).max(at);
    p.plan(when, Planned::Client(id, Event::Overdue { turn }));
    watch(p, at, id);
}

/// Whether the machine behind the connection can still send from its address to the client: the
/// newest record without which it could not, or what stands in the way.
fn heard_from(p: &mut Plant, id: ClientId) -> Result<RecordNo, RecordNo> {
    let client = p.client_mut(id);
    let link = *client.link.as_ref().expect("data goes over a connection");
    let network = client.network;
    let leads = client.neighbours.since(link.address);
    let machine = p.machine(link.machine);
    let (life, since) = (machine.life, machine.since);
    if life != link.life {
        return Err(since);
    }
    let nic = net::attached(p, link.machine, network, Lost::ReceiverDown);
    let nic = nic.map_err(|(_, because)| because)?;
    let bound = net::bound(p, link.machine, nic, link.address);
    if bound != Some(link.bound) {
        return Err(p.adapter(link.machine, nic).since);
    }
    net::to_client(p, network, link.machine).map_err(|(_, because)| because)?;
    let service = p.service(link.machine, link.service).since;
    let (adapter, segment) = (p.adapter(link.machine, nic).since, p.segment(network).since);
    let log_on = link.authenticated.unwrap_or(RecordNo(0));
    let records = [since, link.bound, link.name, leads, service, adapter, segment, log_on];
    Ok(records.into_iter().max().unwrap_or(RecordNo(0)))
}

/// The server has its answer, and sends it.
pub(super) fn reply(p: &mut Plant, at: Instant, id: ClientId) {
    let client = p.client_mut(id);
    let link = *client.link.as_ref().expect("data goes over a connection");
    let turn = client.turn;
    let new = client.flight.outcome.is_none();
    if new && p.machine(link.machine).up && p.machine(link.machine).life == link.life {
        let slot = *p.service(link.machine, link.service);
        if slot.state == ServiceState::Stopped || slot.started != link.started {
            return reset(p, at, id, link.machine, slot.since);
        }
        let hung = slot.state == ServiceState::Hung;
        let Some((outcome, because)) = (!hung).then(|| conclude(p, at, id)).flatten() else {
            return acknowledge(p, at, id);
        };
        let flight = &mut p.client_mut(id).flight;
        flight.outcome = Some(outcome);
        flight.because = flight.because.max(because);
    }
    match heard_from(p, id) {
        Ok(because) => {
            let flight = &mut p.client_mut(id).flight;
            flight.because = flight.because.max(because);
            respond(p, at, id, link.machine);
        }
        Err(because) => {
            let tcp = p.settings().tcp;
            let flight = &mut p.client_mut(id).flight;
            flight.obstacle = because;
            if !flight.acknowledged {
                flight.working = flight.outcome.is_some();
                return await_acknowledgement(p, at, id);
            }
            flight.replies += 1;
            let (first, most) = attempts(&tcp, false);
            if flight.replies <= most {
                let when = at + patience(first, flight.replies);
                p.plan(when, Planned::Client(id, Event::Reply { turn }));
            }
        }
    }
}

/// What the server made of the request; none if it hangs over it.
fn conclude(p: &mut Plant, at: Instant, id: ClientId) -> Option<(Outcome, RecordNo)> {
    let client = p.client_mut(id);
    match client.flight.log_on {
        Some(Err(because)) => return Some((Outcome::Refused(Refused::NoLogOn), because)),
        Some(Ok(since)) => {
            let link = client.link.as_mut().expect("data goes over a connection");
            link.authenticated = Some(since);
        }
        None => {}
    }
    match client.kind {
        ClientKind::Outlook => outlook::conclude(p, at, id),
        ClientKind::Owa => owa::conclude(p, at, id),
        ClientKind::Smtp => Some(smtp::conclude(p, at, id)),
        ClientKind::Autodiscover => Some(autodiscover::conclude(p, at, id)),
    }
}

/// An answer leaves a machine for the client.
fn respond(p: &mut Plant, at: Instant, id: ClientId, machine: MachineId) {
    let client = p.client_mut(id);
    let (network, turn) = (client.network, client.turn);
    match net::to_client(p, network, machine) {
        Ok(span) => p.plan(at + span, Planned::Client(id, Event::Answer { turn })),
        Err((_, because)) => lost(p, at, id, because),
    }
}

/// A machine has no such connection, or no such service, and says so.
fn reset(p: &mut Plant, at: Instant, id: ClientId, machine: MachineId, because: RecordNo) {
    let client = p.client_mut(id);
    let (network, turn) = (client.network, client.turn);
    client.flight.because = because.max(client.neighbours.since(client.flight.address));
    match net::to_client(p, network, machine) {
        Ok(span) => p.plan(at + span, Planned::Client(id, Event::Reset { turn, machine })),
        Err((_, because)) => lost(p, at, id, because),
    }
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
    }
}

fn connected(p: &mut Plant, at: Instant, id: ClientId) {
    let client = p.client_mut(id);
    let link = client.flight.accepted.expect("a connect was accepted");
    client.link = Some(link);
    let because = heard_from(p, id).unwrap_or(link.bound);
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
