//! A whole `nic-loss` run with 100 clients: simulate, record, judge, divide the outages.

#![allow(missing_docs)]

mod site;

use criterion::{Criterion, criterion_group, criterion_main};
use dagtwin::base::Span;
use dagtwin::lab;
use dagtwin::model::load::Given;
use dagtwin::sim::{Recording, simulate};

fn run(c: &mut Criterion) {
    let (topology, scenario) = site::nic_loss(100, Span::from_secs(300));
    let given = Given::new();
    let mut group = c.benchmark_group("run");
    group.bench_function("nic-loss with 100 clients, simulated only", |b| {
        b.iter(|| simulate(&topology, &scenario, 1, Recording::Off));
    });
    group.bench_function("nic-loss with 100 clients, whole", |b| {
        b.iter(|| lab::run(&topology, &scenario, 1, &given).digest);
    });
    group.finish();
}

criterion_group!(benches, run);
criterion_main!(benches);
