//! Autodiscover: tells the name that Outlook connects to (exchange.md §4.1).

use super::super::dns::{self, Name};
use super::super::hardware;
use super::super::plant::Plant;
use super::super::storage;
use super::{Outcome, Ready, finish, note, refused};
use crate::base::{ClientId, Instant, MachineId};
use crate::journal::RecordNo;
use crate::journal::record::ClientEvent;
use crate::model::Service;
use crate::model::topology::ClientKind;

/// The service gets a request: when it logs the client on.
pub(super) fn work(p: &mut Plant, at: Instant, machine: MachineId) -> Ready {
    let time = p.settings().autodiscover.request_time;
    let cycles = p.hardware.costs.of_client_access(ClientKind::Autodiscover);
    let (begins, work) = hardware::compute(p, at, machine, cycles);
    let ready = begins + p.stretched(machine, Service::Autodiscover, time).max(work);
    Ready::Turn(ready)
}

/// The name for the client's database: the server's or the array's if the database names one, else
/// the server on which it is active, if that has the Client Access role.
pub(super) fn conclude(p: &mut Plant, at: Instant, id: ClientId) -> (Outcome, RecordNo) {
    let client = p.client_mut(id);
    let machine = client.link.as_ref().expect("a request goes over a connection").machine;
    let (database, home) = (client.database, client.home);
    if let Some((node, named)) = p.directory.database_names_server[database] {
        let endpoint = Name::Machine(node.into());
        return (Outcome::Settings { endpoint, array: false }, named);
    }
    let named = p.directory.database_names_array[database];
    let behind = p.setup.topology.client_access_array.as_ref().map(|array| array.name);
    if let (Some(array), Some(named)) = (p.directory.array, named)
        && let Some(endpoint) = behind.and_then(|behind| dns::name_of(p, behind))
    {
        return (Outcome::Settings { endpoint, array: true }, array.max(named));
    }
    let active = storage::active_location(p, at, machine, database).map(MachineId::from);
    let serves = |server: &MachineId| p.service(*server, Service::RpcClientAccess).installed;
    let endpoint = active.filter(serves).map_or(home, Name::Machine);
    (Outcome::Settings { endpoint, array: false }, RecordNo(0))
}

/// The answer is here.
pub(super) fn answered(
    p: &mut Plant,
    at: Instant,
    id: ClientId,
    outcome: Outcome,
    because: RecordNo,
) {
    match outcome {
        Outcome::Refused(why) => refused(p, at, id, why, because),
        Outcome::Settings { endpoint, array } => {
            p.client_mut(id).endpoint = Some(endpoint);
            note(p, at, id, because, ClientEvent::Autodiscovered { array });
            finish(p, at, id, because);
        }
        Outcome::Done | Outcome::LogOnPage => finish(p, at, id, because),
    }
}
