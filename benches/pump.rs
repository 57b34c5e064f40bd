//! Simulated events of the whole site against a plain loop measured in the same process: 1,000
//! clients, ten simulated minutes, one server lost half-way.

#![allow(missing_docs)]

mod site;
mod workload;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dagtwin::base::{Instant, Span};
use dagtwin::sim::{Calendar, Recording, simulate};
use workload::{Counts, Heap, Packed, Queue, Wheel};

const CLIENTS: u32 = 1_000;
const SECONDS: u64 = 600;

/// The simulator's calendar as the plain loop's queue.
#[derive(Default)]
struct Simulators(Calendar<Packed>);

impl Queue for Simulators {
    fn push(&mut self, at: u64, event: Packed) {
        self.0.push(Instant::from_nanos(at), event);
    }
    fn pop(&mut self) -> Option<(u64, Packed)> {
        self.0.pop(Instant::MAX).map(|(at, event)| (at.as_nanos(), event))
    }
}

fn plain<Q: Queue + Default>() -> Counts {
    workload::run(Q::default(), CLIENTS, SECONDS)
}

fn pump(c: &mut Criterion) {
    let counts = plain::<Wheel>();
    assert_eq!(counts, plain::<Heap>(), "every queue keeps the same order");
    assert_eq!(counts, plain::<Simulators>(), "every queue keeps the same order");
    let (topology, scenario) = site::nic_loss(CLIENTS, Span::from_secs(SECONDS));
    let run = |recording| simulate(&topology, &scenario, 1, recording);
    let events = run(Recording::Off).events;
    assert_eq!(events, run(Recording::Memory).events, "recording changes nothing");

    site::ratio(
        "pump, recording off",
        (counts.events, plain::<Wheel>),
        (events, || run(Recording::Off)),
    );
    site::ratio(
        "pump, recording on",
        (counts.events, plain::<Wheel>),
        (events, || run(Recording::Memory)),
    );

    let mut group = c.benchmark_group("pump");
    group.throughput(Throughput::Elements(counts.events));
    group.bench_function("plain loop, timing wheel", |b| b.iter(plain::<Wheel>));
    group.bench_function("plain loop, std heap", |b| b.iter(plain::<Heap>));
    group.bench_function("plain loop, the simulator's calendar", |b| b.iter(plain::<Simulators>));
    group.throughput(Throughput::Elements(events));
    group.bench_function("the site, recording off", |b| b.iter(|| run(Recording::Off)));
    group.bench_function("the site, recording on", |b| b.iter(|| run(Recording::Memory)));
    group.finish();
}

criterion_group!(benches, pump);
criterion_main!(benches);
