//! What machines are made of: processors, disks and adapters as queues, and how busy they were.
//!
//! Work is taken in the order in which it comes; of several cores or disks the first one that is
//! free takes it. What an operation costs is `model::sizing`'s; how long it takes when nothing
//! queues is a setting; here is how long it waits.

use super::plant::Plant;
use crate::base::{IdVec, Instant, MachineId, Span};
use crate::model::sizing::{Costs, megacycles_per_core};
use crate::model::topology::{ClientKind, Topology};
use bevy_ecs::prelude::Resource;

/// Equal servers with one queue.
#[derive(Clone, Debug)]
pub struct Station {
    /// When each has done what it has taken.
    free: Vec<Instant>,
    /// All work taken.
    busy: Span,
}

impl Station {
    /// So many servers, all of them free.
    pub fn new(servers: u32) -> Self {
        Station { free: vec![Instant::ZERO; servers as usize], busy: Span::ZERO }
    }

    /// Takes work that comes at a moment: when it begins.
    pub fn take(&mut self, at: Instant, work: Span) -> Instant {
        let idle = self.free.iter().position(|free| *free <= at);
        let first = || self.free.iter().enumerate().min_by_key(|(_, free)| **free);
        let place = idle.or_else(|| first().map(|(place, _)| place)).unwrap_or(0);
        let begins = self.free[place].max(at);
        self.free[place] = begins + work;
        self.busy += work;
        begins
    }

    /// Work done by a moment.
    fn done(&self, at: Instant) -> Span {
        let left: Span = self.free.iter().map(|free| free.saturating_since(at)).sum();
        self.busy.saturating_sub(left)
    }

    /// What was taken and is not done is gone: the machine lost power.
    fn lose(&mut self, at: Instant) {
        self.busy = self.done(at);
        self.free.fill(at);
    }
}

/// A machine's hardware.
#[derive(Clone, Debug)]
struct Machine {
    /// The machine's life that the queues belong to.
    life: u32,
    processor: Station,
    disks: Station,
    adapter: Station,
    megacycles_per_core: u64,
    /// Parts of a transfer that are due, in millionths, and of a read, by the share's denominator.
    due: (u64, u64),
    /// Use of the processor in the last window, in percent, and where the present one began.
    used: u64,
    window: (Instant, Span),
    gauge: Gauge,
}

/// How busy a machine was since the run began. Differences of two gauges tell of the time between.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Gauge {
    /// Time that cores were busy, all together.
    pub processor: Span,
    /// Time that disks were busy, all together.
    pub disks: Span,
    /// Time that the adapter was busy.
    pub adapter: Span,
    /// Database reads for which a request waited.
    pub reads: u64,
    /// Time of those reads, waiting included.
    pub read_time: Span,
    /// RPC operations of the Store.
    pub store_operations: u64,
    /// Time of those operations, waiting included.
    pub store_time: Span,
    /// RPC operations of RPC Client Access and of the web applications.
    pub client_access_operations: u64,
    /// Time of those operations, that in the Store included.
    pub client_access_time: Span,
    /// Log-ons passed through to a domain controller.
    pub log_ons: u64,
    /// Time that those log-ons took after their turn came.
    pub log_on_time: Span,
    /// Longest wait of a log-on for its turn.
    pub longest_log_on_wait: Span,
    /// Requests that throttling delayed.
    pub throttled: u64,
}

/// The hardware of every machine.
#[derive(Resource)]
pub(super) struct Hardware {
    /// What requests and messages cost.
    pub costs: Costs,
    machines: IdVec<MachineId, Machine>,
}

impl Hardware {
    pub(super) fn new(topology: &Topology) -> Self {
        let machine = |machine: &crate::model::topology::Machine| Machine {
            life: 0,
            processor: Station::new(machine.hardware.cores),
            disks: Station::new(machine.hardware.disks),
            adapter: Station::new(1),
            megacycles_per_core: megacycles_per_core(&machine.hardware).max(1),
            due: (0, 0),
            used: 0,
            window: (Instant::ZERO, Span::ZERO),
            gauge: Gauge::default(),
        };
        let machines = topology.machines.values().map(machine).collect();
        Hardware { costs: Costs::of(&topology.settings), machines }
    }

    /// How busy each machine was up to a moment.
    pub(super) fn gauges(&self, at: Instant) -> IdVec<MachineId, Gauge> {
        let gauge = |machine: &Machine| Gauge {
            processor: machine.processor.done(at),
            disks: machine.disks.done(at),
            adapter: machine.adapter.done(at),
            ..machine.gauge
        };
        self.machines.values().map(gauge).collect()
    }
}

/// A machine's hardware in its present life.
fn machine<'p>(p: &'p mut Plant, at: Instant, id: MachineId) -> &'p mut Machine {
    let life = p.machine(id).life;
    let machine = &mut p.hardware.machines[id];
    if machine.life != life {
        machine.life = life;
        machine.processor.lose(at);
        machine.disks.lose(at);
        machine.adapter.lose(at);
    }
    machine
}

/// A machine works off so many cycles: when that begins, and how long it takes.
pub(super) fn compute(p: &mut Plant, at: Instant, id: MachineId, cycles: u64) -> (Instant, Span) {
    let machine = machine(p, at, id);
    let work = Span::from_nanos(cycles.saturating_mul(1_000) / machine.megacycles_per_core);
    (machine.processor.take(at, work), work)
}

/// A core of a machine is busy for a time: when that begins.
pub(super) fn occupy(p: &mut Plant, at: Instant, id: MachineId, work: Span) -> Instant {
    machine(p, at, id).processor.take(at, work)
}

/// Bytes leave or enter a machine over the adapter that clients use: when the last one has.
pub(super) fn transmit(p: &mut Plant, at: Instant, id: MachineId, bytes: u64) -> Instant {
    let megabits = u64::from(p.settings().ethernet.bandwidth);
    let work = Span::from_nanos(bytes * 8_000 / megabits);
    machine(p, at, id).adapter.take(at, work) + work
}

/// The Store transfers what a request needs between a database and its disks: how long the request
/// waits for its reads. `cold` is the factor on reads of a cold cache, in thousandths; what it adds
/// takes its whole time.
///
/// The transfers of a request follow one another, so they are one piece of work: its wait is the
/// sum of theirs, however many operations a request stands for.
pub(super) fn transfer(p: &mut Plant, at: Instant, id: MachineId, cold: u64) -> Span {
    let share = p.settings().load.read_share;
    let service = p.on_disks(id, p.settings().hardware.disk_service_time);
    let millionths = p.hardware.costs.operations * p.hardware.costs.transfers;
    let (above, below) = (u64::from(share.numerator()), u64::from(share.denominator()));
    let machine = machine(p, at, id);
    machine.due.0 += millionths;
    let transfers = machine.due.0 / 1_000_000;
    machine.due.0 %= 1_000_000;
    machine.due.1 += transfers * above;
    let reads = machine.due.1 / below;
    machine.due.1 %= below;
    let extra = (reads * cold.saturating_sub(1_000)).div_ceil(1_000);
    let all = transfers + extra;
    if all == 0 {
        return Span::ZERO;
    }
    let waited = machine.disks.take(at, service * all).since(at);
    let waited = waited.scaled(reads + extra, all);
    machine.gauge.reads += reads + extra;
    machine.gauge.read_time += waited + service * (reads + extra);
    waited + service * extra
}

/// A passive copy's server does what a request to the active copy leaves it to do.
pub(super) fn follow(p: &mut Plant, at: Instant, id: MachineId, kind: ClientKind) {
    let cycles = p.hardware.costs.of_passive(p.settings(), kind);
    compute(p, at, id, cycles);
    // Nobody waits for it.
    transfer(p, at, id, 0);
}

/// How long throttling keeps a request from being worked on, because the processor of a server is
/// used more than CPUStartPercent (exchange.md §7.4).
pub(super) fn throttled(p: &mut Plant, at: Instant, id: MachineId) -> Span {
    let policy = p.settings().throttling;
    let start = u64::from(policy.cpu_start_percent.min(100));
    let machine = machine(p, at, id);
    let (began, before) = machine.window;
    let window = at.saturating_since(began);
    if window >= policy.window {
        let done = machine.processor.done(at);
        let whole = window * machine.processor.free.len() as u64;
        let used = done.saturating_sub(before).as_nanos() / (whole.as_nanos() / 100).max(1);
        machine.used = used.min(100);
        machine.window = (at, done);
    }
    if !policy.enabled || machine.used <= start {
        return Span::ZERO;
    }
    machine.gauge.throttled += 1;
    policy.back_off.scaled(machine.used - start, 100 - start)
}

/// Counts operations that a machine's Store was asked for, and their time.
pub(super) fn count_store(p: &mut Plant, id: MachineId, time: Span) {
    let operations = p.hardware.costs.operations;
    let gauge = &mut p.hardware.machines[id].gauge;
    gauge.store_operations += operations;
    gauge.store_time += time;
}

/// Counts operations that a machine's Client Access was asked for, and their time.
pub(super) fn count_client_access(p: &mut Plant, id: MachineId, time: Span) {
    let operations = p.hardware.costs.operations;
    let gauge = &mut p.hardware.machines[id].gauge;
    gauge.client_access_operations += operations;
    gauge.client_access_time += time;
}

/// Counts a log-on that a machine passed through: how long it waited for its turn, and took.
pub(super) fn count_log_on(p: &mut Plant, id: MachineId, waited: Span, took: Span) {
    let gauge = &mut p.hardware.machines[id].gauge;
    gauge.log_ons += 1;
    gauge.log_on_time += took;
    gauge.longest_log_on_wait = gauge.longest_log_on_wait.max(waited);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::draw::{Purpose, Stream};

    fn at(millis: u64) -> Instant {
        Instant::ZERO + Span::from_millis(millis)
    }

    #[test]
    fn work_waits_for_the_first_core_that_is_free() {
        let mut station = Station::new(2);
        let work = Span::from_millis(10);
        let begins: Vec<Instant> = [0, 1, 2, 3].map(|ms| station.take(at(ms), work)).to_vec();
        assert_eq!(begins, [at(0), at(1), at(10), at(11)]);
        assert_eq!(station.done(at(15)), Span::from_millis(29), "20 by 11, then 5 and 4");
        assert_eq!(station.take(at(30), work), at(30));
        assert_eq!(station.done(at(50)), work * 5);
        station.take(at(60), work);
        station.lose(at(64));
        assert_eq!(station.done(at(100)), work * 5 + Span::from_millis(4));
    }

    /// Mean wait of a queue with Poisson arrivals, in units of the work.
    fn mean_wait(servers: u32, work: impl Fn(&mut Stream) -> Span, load_percent: u64) -> f64 {
        let mut draws = Stream::new(7, 1, Purpose::Service);
        let mut times = Stream::new(7, 2, Purpose::Service);
        let mut station = Station::new(servers);
        let unit = Span::from_millis(10);
        let between = unit.scaled(100, load_percent * u64::from(servers));
        let (mut now, mut waited, count) = (Instant::ZERO, Span::ZERO, 400_000);
        for _ in 0..count {
            now += draws.exponential(between);
            waited += station.take(now, work(&mut times)).since(now);
        }
        waited.as_nanos() as f64 / f64::from(count) / unit.as_nanos() as f64
    }

    #[test]
    fn waits_are_those_of_queueing_theory() {
        // M/D/1: ρ / 2(1 − ρ). The draws are a table whose variance is a little off the
        // exponential's, hence the tolerance.
        let constant = |_: &mut Stream| Span::from_millis(10);
        let found = mean_wait(1, constant, 80);
        assert!((1.9..2.1).contains(&found), "M/D/1 at 80 %: 2, found {found}");
        // M/M/1: ρ / (1 − ρ).
        let drawn = |draws: &mut Stream| draws.exponential(Span::from_millis(10));
        let found = mean_wait(1, drawn, 50);
        assert!((0.94..1.04).contains(&found), "M/M/1 at 50 %: 1, found {found}");
        // M/M/2: ρ² / (1 − ρ²).
        let found = mean_wait(2, drawn, 70);
        assert!((0.90..1.0).contains(&found), "M/M/2 at 70 %: 0.961, found {found}");
    }
}
