//! The account of requests: how many were issued, and what became of each.

use super::super::plant::Plant;
use crate::base::ClientId;
use bevy_ecs::prelude::Resource;

/// What became of requests. A request is one attempt at what a client wants, from its first
/// segment to its end; what is wanted again after a failure is another request.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Requests {
    /// Begun.
    pub issued: u64,
    /// Answered as wanted.
    pub answered: u64,
    /// Ended by an error, a reset or a log-on page.
    pub refused: u64,
    /// Given up because nothing, or no answer, came.
    pub timed_out: u64,
    /// Still out.
    pub in_flight: u64,
}

impl Requests {
    /// Whether every request is accounted for.
    pub fn balanced(&self) -> bool {
        self.issued == self.answered + self.refused + self.timed_out + self.in_flight
    }
}

/// How a request ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    Answered,
    Refused,
    TimedOut,
}

/// Counts of what has happened so far.
#[derive(Resource, Default)]
pub(in crate::sim) struct Ledger(Requests);

/// A client sends the first segment for what it wants, unless that is out already.
pub(super) fn issued(p: &mut Plant, id: ClientId) {
    if !std::mem::replace(&mut p.client_mut(id).out, true) {
        p.ledger.0.issued += 1;
    }
}

/// The client's request ended.
pub(super) fn ended(p: &mut Plant, id: ClientId, end: End) {
    let out = std::mem::take(&mut p.client_mut(id).out);
    assert!(out, "what ends was issued");
    let requests = &mut p.ledger.0;
    match end {
        End::Answered => requests.answered += 1,
        End::Refused => requests.refused += 1,
        End::TimedOut => requests.timed_out += 1,
    }
}

/// The account now; what is out is counted client by client.
pub(in crate::sim) fn account(p: &Plant) -> Requests {
    let in_flight = p.client_ids().filter(|id| p.client(*id).out).count() as u64;
    Requests { in_flight, ..p.ledger.0 }
}
