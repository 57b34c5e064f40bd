//! What a run costs where thousands are made of one scenario: simulate and read the records once,
//! with one client a group, on one core and on two at a time.

#![allow(missing_docs)]

mod site;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dagtwin::base::Span;
use dagtwin::lab::fold::folded;
use dagtwin::sim::{Recording, simulate};
use std::hint::black_box;

/// Runs of each thread in one measured round.
const RUNS: u64 = 20;

fn sweep(c: &mut Criterion) {
    let (topology, scenario) = site::nic_loss(5, Span::from_secs(300));
    let run = |seed| {
        let records = simulate(&topology, &scenario, seed, Recording::Memory).records;
        black_box(folded(&topology, &scenario, &records).outages.len())
    };
    let mut group = c.benchmark_group("sweep");
    for threads in [1, 2] {
        group.throughput(Throughput::Elements(threads * RUNS));
        group.bench_function(format!("nic-loss with 5 clients, {threads} at a time"), |b| {
            b.iter(|| {
                std::thread::scope(|scope| {
                    for thread in 0..threads {
                        let run = &run;
                        scope.spawn(move || {
                            (0..RUNS).for_each(|seed| {
                                run(thread * RUNS + seed);
                            });
                        });
                    }
                });
            });
        });
    }
    group.finish();
}

criterion_group!(benches, sweep);
criterion_main!(benches);
