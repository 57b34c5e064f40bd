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
mod hardware;
mod host;
mod lease;
pub mod mail;
mod members;
mod net;
mod plant;
mod resources;
mod steps;
mod storage;
mod witness;

use crate::base::{IdVec, Instant, MachineId, Span};
use crate::journal::Record;
use crate::model::{Scenario, Topology};

pub use calendar::Calendar;
pub use hardware::{Gauge, Station};

/// Whether a run keeps its records.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Recording {
    /// Counts them only.
    Off,
    /// Keeps them in memory.
    Memory,
}

/// What a run, or a part of it, leaves behind.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The journal's records; empty if recording was off.
    pub records: Vec<Record>,
    /// Events that the calendar handed out.
    pub events: u64,
    /// The account of requests and messages since the run began.
    pub account: Account,
    /// Memory of all clients in bytes, and of the largest, at the end of a whole run; else nothing.
    pub client_bytes: (u64, u64),
}

/// What became of everything that was asked and sent.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Account {
    /// Requests of clients.
    pub requests: client::Requests,
    /// Messages.
    pub messages: mail::Messages,
}

/// A run that is taken part by part, so that its records need not all be kept.
pub struct Run {
    world: bevy_ecs::world::World,
}

impl Run {
    /// A run at moment zero.
    pub fn new(topology: &Topology, scenario: &Scenario, seed: u64, recording: Recording) -> Self {
        Run { world: build::world(topology, scenario, seed, recording) }
    }

    /// Goes on until a moment; the records since the last one.
    pub fn until(&mut self, at: Instant) -> Recorded {
        plant::run(&mut self.world, at, |_| ()).0
    }

    /// From here on every draw is one of another seed's, as if what is to come were still open.
    pub fn draw_anew(&mut self, seed: u64) {
        plant::lent(&mut self.world, |mut plant| plant.draw_anew(seed));
        self.world.resource_mut::<plant::Setup>().seed = seed;
    }

    /// How busy every machine was, from the beginning to a moment.
    pub fn gauges(&self, at: Instant) -> IdVec<MachineId, Gauge> {
        self.world.resource::<hardware::Hardware>().gauges(at)
    }

    /// Clients that have waited longer than a span for what they want.
    pub fn waiting(&mut self, at: Instant, longer_than: Span) -> u64 {
        plant::lent(&mut self.world, |plant| client::waiting(&plant, at, longer_than))
    }

    /// Memory that clients take, in bytes: of all together, and of the largest.
    pub fn client_bytes(&mut self) -> (u64, u64) {
        plant::lent(&mut self.world, |plant| client::bytes(&plant))
    }
}

/// Runs a scenario in a topology from a seed to its end.
pub fn simulate(
    topology: &Topology,
    scenario: &Scenario,
    seed: u64,
    recording: Recording,
) -> Recorded {
    let mut run = Run::new(topology, scenario, seed, recording);
    let (recorded, client_bytes) = plant::run(&mut run.world, scenario.until, client::bytes);
    Recorded { client_bytes, ..recorded }
}
