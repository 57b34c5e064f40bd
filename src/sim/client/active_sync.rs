//! A mobile device with ActiveSync: one web request after the other over a connection that is
//! logged on to once.

use super::super::plant::Plant;
use super::{Outcome, Ready, finish, mailbox, refused};
use crate::base::{ClientId, Instant, MachineId};
use crate::journal::RecordNo;
use crate::model::Service;

/// The service gets a request: when it turns to the Store.
pub(super) fn work(p: &mut Plant, at: Instant, id: ClientId, machine: MachineId) -> Ready {
    let time = p.settings().active_sync.request_time;
    let time = p.stretched(machine, Service::ActiveSync, time);
    Ready::Turn(mailbox::client_access(p, at, id, machine, time))
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
        Outcome::Done | Outcome::Settings { .. } | Outcome::LogOnPage => {
            finish(p, at, id, because);
        }
    }
}
