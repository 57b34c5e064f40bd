//! The way from a Client Access server to the Store, and the log-on there.

use super::super::plant::Plant;
use super::super::{directory, hardware, mail, net, storage};
use super::{Outcome, Step};
use crate::base::{ClientId, CopyId, DbId, Instant, MachineId, Span};
use crate::failover::seam::Failure;
use crate::journal::RecordNo;
use crate::journal::record::{Lost, Refused, ServiceState};
use crate::model::Service;
use crate::model::topology::Authentication;

/// The Client Access role works on a request, which takes so long if nothing queues: when it has
/// done its part.
pub(super) fn client_access(
    p: &mut Plant,
    at: Instant,
    id: ClientId,
    machine: MachineId,
    time: Span,
) -> Instant {
    let cycles = p.hardware.costs.of_client_access(p.client(id).kind);
    let (begins, work) = hardware::compute(p, at, machine, cycles);
    let directory = p.hardware.costs.operations * p.hardware.costs.directory;
    if let Some(controller) = directory::running(p) {
        hardware::compute(p, at, controller, directory);
    }
    begins + time.max(work)
}

/// The Client Access role turns to the Store: when it has what it wants.
pub(super) fn store_ready(p: &mut Plant, at: Instant, id: ClientId, machine: MachineId) -> Instant {
    let (store, way) = time(p, at, id, machine);
    p.client_mut(id).flight.because = way;
    at + store
}

/// How long the Store takes with a request of a Client Access server, the way there and back
/// included, and the newest record without which that way would not be.
fn time(p: &mut Plant, at: Instant, id: ClientId, machine: MachineId) -> (Span, RecordNo) {
    let (database, kind) = (p.client(id).database, p.client(id).kind);
    let Some(node) = storage::active_location(p, at, machine, database) else {
        return (Span::ZERO, RecordNo(0));
    };
    let store = storage::request_time(p, at, CopyId { database, node }, kind);
    let target = MachineId::from(node);
    if target == machine {
        return (store, RecordNo(0));
    }
    match net::path(p, at, machine, target) {
        Ok((network, span)) => {
            let ends = [machine, target].map(|end| {
                let nic = net::adapter_on(p, end, network);
                nic.map_or(RecordNo(0), |nic| p.adapter(end, nic).since)
            });
            (store + span * 2, ends[0].max(ends[1]).max(p.segment(network).since))
        }
        // The segment is sent again between the servers.
        Err((Lost::Chance, since)) => (store + p.settings().tcp.minimum_rto, since),
        Err(_) => (store, RecordNo(0)),
    }
}

/// What comes of a request to the mailbox: the log-on to it, reading, or a message that the Store
/// takes; none if the Store hangs.
pub(super) fn conclude(p: &mut Plant, at: Instant, id: ClientId) -> Option<(Outcome, RecordNo)> {
    let client = p.client_mut(id);
    let link = client.link.as_ref().expect("a request goes over a connection");
    let (machine, database, step) = (link.machine, client.database, client.step);
    let (copy, since) = match open(p, at, machine, database)? {
        Ok(served) => served,
        Err(because) => return Some((Outcome::Refused(Refused::DatabaseOffline), because)),
    };
    let wish = p.client_mut(id).wishes.front().copied().filter(|_| step == Step::Work);
    if let Some(wish) = wish
        && let Some(mail) = wish.mail
    {
        mail::stored(p, at, mail, copy, wish.record);
    }
    Some((Outcome::Done, since))
}

/// Whether a Client Access server gets at a mailbox: the copy that serves it with the newest
/// record without which it would not, or what stands in the way. None if the Store hangs. That a
/// database is not where Active Manager says is an error at once: RPC Client Access is told of
/// moves and does not wait for a dead server.
fn open(
    p: &mut Plant,
    at: Instant,
    machine: MachineId,
    database: DbId,
) -> Option<Result<(CopyId, RecordNo), RecordNo>> {
    let Some(node) = storage::active_location(p, at, machine, database) else {
        return Some(Err(p.service(machine, Service::Cluster).since));
    };
    let target = MachineId::from(node);
    if target != machine && !net::reachable(p, machine, target) {
        let because = net::path(p, at, machine, target).err().map(|(_, because)| because);
        return Some(Err(because.unwrap_or(RecordNo(0))));
    }
    if p.machine(target).up && p.service(target, Service::Store).state == ServiceState::Hung {
        return None;
    }
    let copy = CopyId { database, node };
    Some(storage::serving(p, target, database).map(|since| (copy, since)))
}

/// The server logs a client on that has not been over this connection: when that is over. The
/// result is left in the client's flight.
pub(super) fn log_on(p: &mut Plant, at: Instant, id: ClientId, forms: bool) -> Instant {
    let client = p.client_mut(id);
    let link = client.link.as_ref().expect("a log-on goes over a connection");
    let (machine, cause) = (link.machine, client.wish_record());
    let ntlm = forms || client.authentication == Authentication::Ntlm;
    if !forms && link.authenticated.is_some() {
        return at;
    }
    if !ntlm && client.ticket {
        client.flight.log_on = Some(Ok(RecordNo(0)));
        return at;
    }
    let answer = if ntlm {
        directory::log_on(p, at, machine, cause)
    } else {
        directory::look_up(p, at, machine, cause)
    };
    let result = answer.result.map_err(|(_, because): (Failure, RecordNo)| because);
    let client = p.client_mut(id);
    client.ticket |= !ntlm && result.is_ok();
    client.flight.log_on = Some(result);
    answer.at
}
