//! What no cluster can do, whatever it decides: the simulator itself is judged by it. These
//! promises know cables, power and time, and read records only; nothing of them is the
//! simulator's.

mod answers_were_asked;
mod arrives_after_sent;
mod dead_adapter;
mod flight;
mod off_is_silent;
mod one_place;

use super::{Judge, Promise, Verdict, judged_by};
use crate::journal::Record;
use crate::model::{Scenario, Topology};

/// The laws, in the order of reports. They look at every frame, so runs are judged by them where
/// somebody asks: tests, `dagtwin verify`, every eighth run of a swarm.
pub const PHYSICS: &[Promise] = &[
    arrives_after_sent::PROMISE,
    dead_adapter::PROMISE,
    one_place::PROMISE,
    off_is_silent::PROMISE,
    answers_were_asked::PROMISE,
];

/// Whether the records of a run could have happened.
pub fn physics(topology: &Topology, scenario: &Scenario, records: &[Record]) -> Verdict {
    judged_by(Judge::by(PHYSICS, topology, scenario), topology, scenario, records).0
}
