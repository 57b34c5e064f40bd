//! Floor 5: the plant, virtual time and faults; drives the failover core.
//!
//! A bevy_ecs world as store, one calendar, one loop: `pump` takes events and matches them to
//! plain functions that are lent the whole `plant::Plant`.

mod balancer;
mod build;
mod calendar;
pub mod client;
mod directory;
mod dns;
mod event;
mod faults;
mod host;
mod mail;
mod members;
mod net;
mod plant;
mod resources;
mod steps;
mod storage;
mod witness;

use crate::journal::Record;
use crate::model::{Scenario, Topology};

pub use calendar::Calendar;

/// Whether a run keeps its records.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Recording {
    /// Counts them only.
    Off,
    /// Keeps them in memory.
    Memory,
}

/// What a run leaves behind.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The journal's records; empty if recording was off.
    pub records: Vec<Record>,
    /// Events that the calendar handed out.
    pub events: u64,
}

/// Runs a scenario in a topology from a seed to its end.
pub fn simulate(
    topology: &Topology,
    scenario: &Scenario,
    seed: u64,
    recording: Recording,
) -> Recorded {
    let mut world = build::world(topology, scenario, seed, recording);
    plant::run(&mut world, scenario.until)
}
