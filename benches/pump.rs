//! Simulated events of the whole site against a plain loop measured in the same process: 1,000
//! clients, ten simulated minutes, one server lost half-way.

#![allow(missing_docs)]

mod workload;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use workload::{Heap, Wheel};

const CLIENTS: u32 = 1_000;
const SECONDS: u64 = 600;

fn plain(c: &mut Criterion) {
    let counts = workload::run(Wheel::default(), CLIENTS, SECONDS);
    assert_eq!(
        counts,
        workload::run(Heap::default(), CLIENTS, SECONDS),
        "both queues keep the same order"
    );
    let mut group = c.benchmark_group("pump");
    group.throughput(Throughput::Elements(counts.events));
    group.bench_function("plain loop, timing wheel", |b| {
        b.iter(|| workload::run(Wheel::default(), CLIENTS, SECONDS));
    });
    group.bench_function("plain loop, std heap", |b| {
        b.iter(|| workload::run(Heap::default(), CLIENTS, SECONDS));
    });
    group.finish();
}

criterion_group!(benches, plain);
criterion_main!(benches);
