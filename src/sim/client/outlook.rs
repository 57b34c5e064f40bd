//! Outlook over MAPI/RPC, in cached and online mode (exchange.md §4.1, §4.2).
//!
//! Autodiscover tells the endpoint once, when the profile is made: the array's name if the
//! database names the array, else the server on which the database is active. In cached mode
//! a person reads from the cache while Outlook is not connected, and what is written waits in the
//! Outbox; in online mode the person waits.

use super::super::plant::Plant;
use super::{
    Outcome, Ready, Step, finish, hurry, mailbox, note, pause, plan_think, pursue, refused, show,
    wish, write,
};
use crate::base::{ClientId, Instant, MachineId};
use crate::journal::RecordNo;
use crate::journal::record::{ClientEvent, ConnectionState, Refused, Request, ServiceState};
use crate::model::Service;
use crate::model::topology::Authentication;

/// Unanswered wishes beyond which a person in cached mode reads what is there.
const MOST_WISHES: usize = 16;

/// The person reads, or writes a message. In cached mode that goes on whatever the connection
/// does; pressing Send makes Outlook try at once.
pub(super) fn think(p: &mut Plant, at: Instant, id: ClientId) {
    let client = p.client_mut(id);
    let sends = client.choice.chance(client.send_share);
    let waits = client.shown != ConnectionState::Connected || client.wishes.len() >= MOST_WISHES;
    let reads_cache = client.cached && waits;
    if client.cached {
        plan_think(p, at, id);
    }
    if sends {
        write(p, at, id, None, None);
        hurry(p, at, id);
    } else if !reads_cache {
        wish(p, at, id, Request::Read, None);
    }
}

/// Autodiscover has answered: Outlook opens the mailbox.
pub(super) fn opened(p: &mut Plant, at: Instant, id: ClientId) {
    wish(p, at, id, Request::LogOn, None);
}

/// RPC Client Access or Autodiscover gets a request.
pub(super) fn work(p: &mut Plant, at: Instant, id: ClientId, machine: MachineId) -> Ready {
    let service = p.client(id).service();
    if service == Service::Autodiscover {
        return super::autodiscover::work(p, at, machine);
    }
    let time = p.settings().outlook.client_access_time * p.hardware.costs.operations;
    let time = p.stretched(machine, service, time);
    Ready::Turn(mailbox::client_access(p, at, id, machine, time))
}

/// What came of the request; none if the Store hangs.
pub(super) fn conclude(p: &mut Plant, at: Instant, id: ClientId) -> Option<(Outcome, RecordNo)> {
    let client = p.client_mut(id);
    if client.service() == Service::Autodiscover {
        return Some(super::autodiscover::conclude(p, at, id));
    }
    let (service, machine) = (client.service(), client.link.as_ref()?.machine);
    let behind = *p.service(machine, Service::RpcClientAccess);
    if service == Service::OutlookAnywhere && behind.state != ServiceState::Running {
        // The RPC proxy is there, what it leads to is not.
        return Some((Outcome::Refused(Refused::NotListening), behind.since));
    }
    mailbox::conclude(p, at, id)
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
        Outcome::Refused(why) => {
            p.client_mut(id).session = false;
            refused(p, at, id, why, because);
        }
        Outcome::Settings { .. } => super::autodiscover::answered(p, at, id, outcome, because),
        Outcome::Done | Outcome::LogOnPage => {
            let client = p.client_mut(id);
            if client.step == Step::Work {
                return finish(p, at, id, because);
            }
            let again = client.known;
            client.known = true;
            client.session = true;
            client.last_machine = client.link.as_ref().map(|link| link.machine);
            note(p, at, id, because, ClientEvent::LoggedOn { again });
            if p.client_mut(id).request() == Some(Request::LogOn) {
                finish(p, at, id, because);
            } else {
                show(p, at, id, ConnectionState::Connected);
                pursue(p, at, id);
            }
        }
    }
}

/// Whether the person has to restart Outlook, because it uses NTLM and is connected to another
/// machine than before: reported, and contradicted, so it is a switch (exchange.md §4.2).
pub(super) fn must_restart(p: &mut Plant, at: Instant, id: ClientId) -> bool {
    let settings = p.settings().outlook;
    let client = p.client_mut(id);
    let Some(link) = client.link else { return false };
    let moved = link.service == Service::RpcClientAccess
        && client.last_machine.is_some_and(|last| last != link.machine);
    if !settings.ntlm_needs_restart || client.authentication != Authentication::Ntlm || !moved {
        return false;
    }
    client.last_machine = None;
    client.close();
    let cause = client.last;
    note(p, at, id, cause, ClientEvent::RestartNeeded);
    show(p, at, id, ConnectionState::Disconnected);
    pause(p, at, id, Step::Person, settings.restart_time);
    true
}
