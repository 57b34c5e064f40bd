//! Outlook Web App: a browser with a cookie that one server encrypted with a key of its own, so
//! that another server asks to log on again (exchange.md §4.2).

use super::super::plant::Plant;
use super::ledger::End;
use super::{Outcome, Ready, Step, ended, finish, mailbox, note, pause, pursue, refused};
use crate::base::{ClientId, Instant, MachineId};
use crate::journal::RecordNo;
use crate::journal::record::{ClientEvent, Request};
use crate::model::Service;

/// Whether the server does not know the key of the browser's cookie.
fn foreign_cookie(p: &mut Plant, id: ClientId, machine: MachineId) -> bool {
    let client = p.client_mut(id);
    client.step == Step::Work && client.cookie != Some(machine)
}

/// Outlook Web App gets a request: a cookie that it cannot read is answered at once.
pub(super) fn work(p: &mut Plant, at: Instant, id: ClientId, machine: MachineId) -> Ready {
    let time = p.settings().owa.request_time;
    let time = p.stretched(machine, Service::Owa, time);
    if foreign_cookie(p, id, machine) {
        return Ready::Answer(at + time);
    }
    Ready::Turn(mailbox::client_access(p, at, id, machine, time))
}

/// What came of the request; none if the Store hangs.
pub(super) fn conclude(p: &mut Plant, at: Instant, id: ClientId) -> Option<(Outcome, RecordNo)> {
    let machine = p.client_mut(id).link.as_ref()?.machine;
    if foreign_cookie(p, id, machine) {
        return Some((Outcome::LogOnPage, RecordNo(0)));
    }
    mailbox::conclude(p, at, id)
}

/// The answer is here. An error leaves the cookie as it is; the log-on page makes the person type.
pub(super) fn answered(
    p: &mut Plant,
    at: Instant,
    id: ClientId,
    outcome: Outcome,
    because: RecordNo,
) {
    match outcome {
        Outcome::Refused(why) => refused(p, at, id, why, because),
        Outcome::LogOnPage => {
            let typing = p.settings().owa.typing_time;
            p.client_mut(id).session = false;
            ended(p, id, End::Refused);
            note(p, at, id, because, ClientEvent::LogOnPage);
            pause(p, at, id, Step::Person, typing);
        }
        Outcome::Done | Outcome::Settings { .. } => {
            let client = p.client_mut(id);
            if client.step == Step::Work {
                return finish(p, at, id, because);
            }
            let again = client.known;
            client.known = true;
            client.session = true;
            client.cookie = client.link.as_ref().map(|link| link.machine);
            note(p, at, id, because, ClientEvent::LoggedOn { again });
            if p.client_mut(id).request() == Some(Request::LogOn) {
                finish(p, at, id, because);
            } else {
                pursue(p, at, id);
            }
        }
    }
}
