//! The server's side of a client's connection, as far as the client feels it: who takes a
//! segment, who works on it, and how the answer gets back.

use super::super::event::Event as Planned;
use super::super::plant::Plant;
use super::super::{hardware, net};
use super::tcp::{Connection, attempts, await_acknowledgement, lost, patience};
use super::{
    Event, Outcome, Ready, Step, active_sync, autodiscover, balanced, mailbox, outlook, owa, smtp,
    watch,
};
use crate::base::{ClientId, Instant, MachineId, Span};
use crate::journal::RecordNo;
use crate::journal::record::{Lost, Refused, ServiceState};
use crate::model::Service;
use crate::model::topology::ClientKind;

/// The segment arrives at a machine.
pub(super) fn arrive(p: &mut Plant, at: Instant, id: ClientId, machine: MachineId) {
    if balanced::pass(p, at, id, machine) {
        return;
    }
    let via = balanced::via(p, id);
    let through = via.is_some_and(|via| via.device.is_some());
    let client = p.client_mut(id);
    let (network, service, address) = (client.network, client.service(), client.flight.address);
    let nic = match net::attached(p, machine, network, Lost::ReceiverDown) {
        Ok(nic) => nic,
        Err((_, because)) => return lost(p, at, id, because),
    };
    // What comes from a device goes to the server's own address.
    let bound = if through { Some(RecordNo(0)) } else { net::bound(p, machine, nic, address) };
    let Some(bound) = bound else {
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
            via,
            authenticated: None,
        });
        return respond(p, at, id, machine);
    }
    let link = client.link.as_ref().expect("data goes over a connection");
    let same = (link.machine, link.life, link.bound) == (machine, life, bound);
    if !same || stopped || link.started != slot.started {
        let moved = client.flight.via.map_or(bound, |via| bound.max(via.since));
        let because = if same { slot.since } else { moved };
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

/// The server takes a request up, unless it hangs; throttling may have it wait first.
fn work(p: &mut Plant, at: Instant, id: ClientId, machine: MachineId, hung: bool) {
    let client = p.client_mut(id);
    client.flight.working = true;
    client.flight.taken = at;
    client.flight.stuck = hung;
    let (turn, mailbox) = (client.turn, client.kind.has_mailbox());
    if hung {
        return acknowledge_after(p, at, id, Instant::MAX);
    }
    let delay = if mailbox { hardware::throttled(p, at, machine) } else { Span::ZERO };
    if delay.is_zero() {
        return begin(p, at, id);
    }
    p.plan(at + delay, Planned::Client(id, Event::Begin { turn }));
    acknowledge_after(p, at, id, at + delay);
}

/// Whether the machine that a request is on has been up since it came there.
fn is_there(p: &Plant, link: &Connection) -> bool {
    let machine = p.machine(link.machine);
    machine.up && machine.life == link.life
}

/// The server begins to work on a request.
pub(super) fn begin(p: &mut Plant, at: Instant, id: ClientId) {
    let client = p.client(id);
    let (kind, turn) = (client.kind, client.turn);
    let link = *client.link.as_ref().expect("a request goes over a connection");
    if !is_there(p, &link) {
        // Nobody is there who could.
        return reply(p, at, id);
    }
    let machine = link.machine;
    let ready = match kind {
        ClientKind::Outlook => outlook::work(p, at, id, machine),
        ClientKind::Owa => owa::work(p, at, id, machine),
        ClientKind::Smtp => smtp::work(p, at, machine),
        ClientKind::Autodiscover => autodiscover::work(p, at, machine),
        ClientKind::ActiveSync => active_sync::work(p, at, id, machine),
    };
    let (ready, event) = match ready {
        Ready::Answer(ready) => (ready, Event::Reply { turn }),
        Ready::Turn(ready) => (ready, Event::Turn { turn }),
    };
    p.plan(ready, Planned::Client(id, event));
    acknowledge_after(p, at, id, ready);
}

/// Plans the acknowledgement of a request if a stage of the work on it outlasts the moment at
/// which it is due.
fn acknowledge_after(p: &mut Plant, at: Instant, id: ClientId, ready: Instant) {
    let delay = p.settings().tcp.delayed_acknowledgement;
    let client = p.client_mut(id);
    let (turn, due) = (client.turn, client.flight.taken + delay);
    if at <= due && due < ready {
        p.plan(due, Planned::Client(id, Event::Acknowledge { turn }));
    }
}

/// The server has done its own part: it logs the client on if it has to, and turns to the Store.
pub(super) fn turn(p: &mut Plant, at: Instant, id: ClientId) {
    let client = p.client(id);
    let (kind, turn, service) = (client.kind, client.turn, client.service());
    let (logs_on, taken) = (client.step == Step::LogOn, client.flight.taken);
    let link = *client.link.as_ref().expect("a request goes over a connection");
    if !is_there(p, &link) {
        return reply(p, at, id);
    }
    let tells = service == Service::Autodiscover;
    if client.flight.log_on.is_none() && (tells || logs_on || kind == ClientKind::ActiveSync) {
        let ready = mailbox::log_on(p, at, id, kind == ClientKind::Owa);
        if ready > at {
            p.plan(ready, Planned::Client(id, Event::Turn { turn }));
            return acknowledge_after(p, at, id, ready);
        }
    }
    if tells || matches!(p.client(id).flight.log_on, Some(Err(_))) {
        return reply(p, at, id);
    }
    let ready = mailbox::store_ready(p, at, id, link.machine);
    hardware::count_client_access(p, link.machine, ready.since(taken));
    p.plan(ready, Planned::Client(id, Event::Reply { turn }));
    acknowledge_after(p, at, id, ready);
}

/// The server acknowledges a request that it has not answered yet. From then on the client does
/// not send it again, and waits for the answer as long as such a client does.
pub(super) fn acknowledge(p: &mut Plant, at: Instant, id: ClientId) {
    if p.client_mut(id).flight.acknowledged {
        return;
    }
    if let Err(because) = way_back(p, at, id) {
        return lost(p, at, id, because);
    }
    let settings = p.settings();
    let (outlook, owa) = (settings.outlook.rpc_timeout, settings.owa.patience);
    let (smtp, autodiscover) = (settings.transport.smtp_timeout, settings.autodiscover.timeout);
    let active_sync = settings.active_sync.timeout;
    let client = p.client_mut(id);
    let longest = match client.kind {
        ClientKind::Outlook => outlook,
        ClientKind::Owa => owa,
        ClientKind::Smtp => smtp,
        ClientKind::Autodiscover => autodiscover,
        ClientKind::ActiveSync => active_sync,
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
pub(super) fn standing(p: &mut Plant, id: ClientId) -> Result<RecordNo, RecordNo> {
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
    let device = link.via.and_then(|via| via.device);
    if device.is_none() && net::bound(p, link.machine, nic, link.address) != Some(link.bound) {
        return Err(p.adapter(link.machine, nic).since.max(p.leases.since(link.machine)));
    }
    let mut passed = link.via.map_or(RecordNo(0), |via| via.since);
    if let Some((device, life)) = device {
        if p.machine(device).life != life {
            return Err(p.machine(device).since);
        }
        let nic = net::attached(p, device, network, Lost::ReceiverDown);
        let nic = nic.map_err(|(_, because)| because)?;
        passed = passed.max(p.machine(device).since).max(p.adapter(device, nic).since);
    }
    let service = p.service(link.machine, link.service).since;
    let (adapter, segment) = (p.adapter(link.machine, nic).since, p.segment(network).since);
    let log_on = link.authenticated.unwrap_or(RecordNo(0));
    let records = [since, link.bound, link.name, leads, service, adapter, segment, log_on, passed];
    Ok(records.into_iter().max().unwrap_or(RecordNo(0)))
}

/// What [`standing`] says, and the time that a segment takes to the client.
fn way_back(p: &mut Plant, at: Instant, id: ClientId) -> Result<(RecordNo, Span), RecordNo> {
    let because = standing(p, id)?;
    let machine = p.client(id).link.as_ref().expect("data goes over a connection").machine;
    let span = balanced::to_client(p, at, id, machine)?;
    Ok((because, span))
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
            p.client_mut(id).flight.stuck = true;
            return acknowledge(p, at, id);
        };
        let flight = &mut p.client_mut(id).flight;
        flight.outcome = Some(outcome);
        flight.because = flight.because.max(because);
    }
    match way_back(p, at, id) {
        Ok((because, span)) => {
            let client = p.client_mut(id);
            client.flight.because = client.flight.because.max(because);
            let bytes = u64::from(client.bytes);
            let sent = hardware::transmit(p, at, link.machine, bytes);
            p.plan(sent + span, Planned::Client(id, Event::Answer { turn }));
        }
        Err(because) => unheard(p, at, id, because),
    }
}

/// The answer did not get to the client. A client that has no acknowledgement sends its request
/// again; otherwise it is the server that sends its answer again.
fn unheard(p: &mut Plant, at: Instant, id: ClientId, because: RecordNo) {
    let tcp = p.settings().tcp;
    let (first, most) = attempts(&tcp, false);
    let client = p.client_mut(id);
    let machine = client.link.as_ref().expect("data goes over a connection").machine;
    let frozen = p.machine(machine).frozen;
    let client = p.client_mut(id);
    let turn = client.turn;
    let flight = &mut client.flight;
    flight.obstacle = because;
    if !flight.acknowledged {
        flight.working = flight.outcome.is_some();
        return await_acknowledgement(p, at, id);
    }
    if frozen && flight.outcome.is_none() {
        flight.stuck = true;
        return;
    }
    flight.replies += 1;
    if flight.replies <= most {
        let when = at + patience(first, flight.replies);
        p.plan(when, Planned::Client(id, Event::Reply { turn }));
    }
}

/// Services that hung go on, or machines that stood still: what waits for them is taken up.
pub(in crate::sim) fn resumed(p: &mut Plant, at: Instant) {
    for id in p.client_ids() {
        let client = p.client_mut(id);
        let Some(link) = client.link.filter(|_| client.flight.stuck) else { continue };
        client.flight.stuck = false;
        client.flight.working = false;
        let event = Event::Arrive { turn: client.turn, machine: link.machine };
        p.plan(at, Planned::Client(id, event));
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
        ClientKind::ActiveSync => mailbox::conclude(p, at, id),
    }
}

/// An answer leaves a machine for the client.
fn respond(p: &mut Plant, at: Instant, id: ClientId, machine: MachineId) {
    let turn = p.client(id).turn;
    match balanced::to_client(p, at, id, machine) {
        Ok(span) => p.plan(at + span, Planned::Client(id, Event::Answer { turn })),
        Err(because) => lost(p, at, id, because),
    }
}

/// A machine has no such connection, or no such service, and says so.
pub(super) fn reset(
    p: &mut Plant,
    at: Instant,
    id: ClientId,
    machine: MachineId,
    because: RecordNo,
) {
    let client = p.client_mut(id);
    let turn = client.turn;
    client.flight.because = because.max(client.neighbours.since(client.flight.address));
    match balanced::to_client(p, at, id, machine) {
        Ok(span) => p.plan(at + span, Planned::Client(id, Event::Reset { turn, machine })),
        Err(because) => lost(p, at, id, because),
    }
}
