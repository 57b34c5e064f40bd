//! A mail relay that hands messages to Hub Transport, one connection for each.

use super::super::mail;
use super::super::plant::Plant;
use super::{Outcome, Ready, finish, refused};
use crate::base::{ClientId, Instant, MachineId};
use crate::journal::RecordNo;
use crate::model::Service;

/// Hub Transport takes a message in: when it has it.
pub(super) fn work(p: &mut Plant, at: Instant, machine: MachineId) -> Ready {
    let time = p.settings().transport.accept_time;
    Ready::Answer(at + p.stretched(machine, Service::HubTransport, time))
}

/// Hub Transport is responsible for the message from now on. A relay that does not get to know
/// sends it again, and the Hub has two.
pub(super) fn conclude(p: &mut Plant, at: Instant, id: ClientId) -> (Outcome, RecordNo) {
    let client = p.client_mut(id);
    let machine = client.link.as_ref().expect("a message goes over a connection").machine;
    let cause = client.wish_record();
    mail::accept(p, at, machine, id, cause);
    (Outcome::Done, RecordNo(0))
}

/// The answer is here; the relay hangs up.
pub(super) fn answered(
    p: &mut Plant,
    at: Instant,
    id: ClientId,
    outcome: Outcome,
    because: RecordNo,
) {
    p.client_mut(id).close();
    match outcome {
        Outcome::Refused(why) => refused(p, at, id, why, because),
        Outcome::Done | Outcome::Settings { .. } | Outcome::LogOnPage => {
            finish(p, at, id, because);
        }
    }
}
