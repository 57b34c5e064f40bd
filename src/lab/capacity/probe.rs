//! One run with a failover in its middle, measured before, during and after it.

use super::Question;
use crate::base::{IdVec, Instant, MachineId, Span};
use crate::journal::What;
use crate::journal::record::ClientEvent;
use crate::lab::run::Figures;
use crate::model::fault::Planned;
use crate::model::scenario::{Start, VerdictKind};
use crate::model::settings::Day;
use crate::model::topology::ClientKind;
use crate::model::{Fault, Scenario, Tested, Topology};
use crate::sim::{Account, Gauge, Recording, Run};
use std::collections::BTreeMap;

/// What the three windows are called.
pub const PHASES: [&str; 3] = ["before", "during", "after"];

/// From when clients work; before it the cluster starts up.
const CLIENTS_FROM: Instant = Instant::from_nanos(20_000_000_000);
/// Records are looked at and let go this often, so that a run of any length fits into memory.
const PART: Span = Span::from_secs(30);
/// Who waits longer than this at the end is without service.
const PATIENCE: Span = Span::from_secs(60);

/// What a machine did in a window.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Load {
    /// Use of the processor, in millionths.
    pub processor: u64,
    /// Use of the disks, in millionths.
    pub disks: u64,
    /// Use of the adapter that clients use, in millionths.
    pub network: u64,
    /// Use of the log-ons that may be passed through at a time, in millionths.
    pub log_on: u64,
    /// RPC averaged latency of the Store.
    pub store_latency: Span,
    /// RPC Requests of the Store at a time, in thousandths.
    pub store_requests: u64,
    /// RPC averaged latency of Client Access.
    pub client_access_latency: Span,
    /// RPC Requests of Client Access at a time, in thousandths.
    pub client_access_requests: u64,
    /// Latency of a database read.
    pub read_latency: Span,
    /// Log-ons passed through.
    pub log_ons: u64,
    /// Longest wait of a log-on for its turn, since the run began.
    pub longest_log_on_wait: Span,
    /// Requests that throttling delayed.
    pub throttled: u64,
}

/// A stretch of a run.
#[derive(Clone, Debug)]
pub struct Window {
    /// Where it begins.
    pub from: Instant,
    /// Where it ends.
    pub to: Instant,
    /// What every machine did in it.
    pub machines: IdVec<MachineId, Load>,
    /// Latency of requests that were answered in it, by the kind of client.
    pub latency: BTreeMap<ClientKind, Figures>,
}

/// A run.
#[derive(Clone, Debug)]
pub struct Probe {
    /// Users of the run.
    pub users: u32,
    /// Clients of the run, relays and Autodiscover included.
    pub clients: u32,
    /// Before, during and after the failover.
    pub windows: [Window; 3],
    /// Clients that are without service at the end.
    pub waiting: u64,
    /// What became of everything.
    pub account: Account,
    /// Memory of all clients, in bytes, and of the largest.
    pub client_bytes: (u64, u64),
    /// Events of the run.
    pub events: u64,
}

/// The scenario of a question: a machine loses power at the busiest hour.
pub(super) fn scenario(topology: &Topology, question: &Question) -> Scenario {
    let strikes = CLIENTS_FROM + question.warm_up + question.before;
    let end = strikes + question.during + question.after;
    Scenario {
        name: "capacity".to_owned(),
        title: "A machine loses power at the busiest hour".to_owned(),
        until: end,
        clients_from: CLIENTS_FROM,
        time_of_day: Span::ZERO,
        settle: question.during,
        start: Start::usual(topology),
        faults: vec![Planned {
            at: strikes,
            lasts: None,
            fault: Fault::PowerOff { machine: question.lost },
        }],
        steps: Vec::new(),
        verdict: VerdictKind::Ok,
        tested: Tested::default(),
    }
}

/// Runs a topology as it is asked for.
pub fn probe(topology: &Topology, question: &Question, seed: u64) -> Probe {
    // However long it is measured, the hour stays the busiest.
    let mut busiest = topology.clone();
    busiest.settings.load.day = Day::FLAT;
    let topology = &busiest;
    let scenario = scenario(topology, question);
    let begin = CLIENTS_FROM + question.warm_up;
    let strikes = begin + question.before;
    let (settled, end) = (strikes + question.during, scenario.until);
    let mut run = Run::new(topology, &scenario, seed, Recording::Memory);
    let mut events = run.until(begin).events;
    let mut measure = |from: Instant, to: Instant| {
        let before = run.gauges(from);
        let mut latency: BTreeMap<ClientKind, Figures> = BTreeMap::new();
        let mut now = from;
        while now < to {
            now = (now + PART).min(to);
            let part = run.until(now);
            events += part.events;
            for record in &part.records {
                if let What::Client(id, ClientEvent::Answered { latency: span }) = &record.what {
                    let kind = topology.client_group(*id).kind;
                    latency.entry(kind).or_insert_with(Figures::new).add(*span);
                }
            }
        }
        let machines = loads(topology, &before, &run.gauges(to), to.since(from));
        Window { from, to, machines, latency }
    };
    let windows = [measure(begin, strikes), measure(strikes, settled), measure(settled, end)];
    Probe {
        users: super::users(topology),
        clients: topology.total_clients(),
        windows,
        waiting: run.waiting(end, PATIENCE),
        account: run.until(end).account,
        client_bytes: run.client_bytes(),
        events,
    }
}

fn loads(
    topology: &Topology,
    before: &IdVec<MachineId, Gauge>,
    after: &IdVec<MachineId, Gauge>,
    window: Span,
) -> IdVec<MachineId, Load> {
    let slots = u64::from(topology.settings.directory.max_concurrent_api);
    let load = |(id, machine): (MachineId, &crate::model::topology::Machine)| {
        let (from, to) = (&before[id], &after[id]);
        let used =
            |from: Span, to: Span, of: u64| share(to.saturating_sub(from), window * of.max(1));
        let hardware = &machine.hardware;
        let store = to.store_time.saturating_sub(from.store_time);
        let access = to.client_access_time.saturating_sub(from.client_access_time);
        let reads = to.read_time.saturating_sub(from.read_time);
        Load {
            processor: used(from.processor, to.processor, hardware.cores.into()),
            disks: used(from.disks, to.disks, hardware.disks.into()),
            network: used(from.adapter, to.adapter, 1),
            log_on: used(from.log_on_time, to.log_on_time, slots),
            store_latency: each(store, to.store_operations - from.store_operations),
            store_requests: share(store, window) / 1_000,
            client_access_latency: each(
                access,
                to.client_access_operations - from.client_access_operations,
            ),
            client_access_requests: share(access, window) / 1_000,
            read_latency: each(reads, to.reads - from.reads),
            log_ons: to.log_ons - from.log_ons,
            longest_log_on_wait: to.longest_log_on_wait,
            throttled: to.throttled - from.throttled,
        }
    };
    topology.machines.iter().map(load).collect()
}

fn each(whole: Span, count: u64) -> Span {
    if count == 0 { Span::ZERO } else { whole / count }
}

/// A part of a whole, in millionths.
fn share(part: Span, whole: Span) -> u64 {
    let wide = u128::from(part.as_nanos()) * 1_000_000 / u128::from(whole.as_nanos().max(1));
    u64::try_from(wide).unwrap_or(u64::MAX)
}
