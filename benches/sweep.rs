//! What a run of a sweep costs, with one client a group, and how it scales with threads: the same
//! number of runs for each, so that twice the speed is half the time.

#![allow(missing_docs)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dagtwin::lab::pool::Progress;
use dagtwin::lab::sweep::{Design, Lab, Memo, Plan, Point, RECOVERED, Whose, points};
use dagtwin::model::{Source, Sources, builtin};

/// Runs of a measured round.
const RUNS: u64 = 64;

/// The article's failover.
fn plan() -> Plan {
    let site = builtin::SITES.iter().find(|site| site.topology.name == "two-node-2010");
    let site = site.expect("a built-in topology");
    let file = site.scenarios.iter().find(|file| file.name == "nic-loss").expect("a scenario");
    let source = |file: &builtin::Builtin| Source {
        file: file.path.to_owned(),
        name: file.name.to_owned(),
        text: file.text.to_owned(),
    };
    let set = vec![("clients.count".to_owned(), "1".to_owned())];
    let (topology, scenario) = (source(&site.topology), source(file));
    Plan {
        sources: Sources { topology, scenario, set, until: None },
        axes: Vec::new(),
        design: Design::Grid,
        hiccups: Vec::new(),
        runs: RUNS,
        seed: 1,
        enough: None,
        measure: RECOVERED.to_owned(),
        percentile: 950,
        whose: Whose::Last,
        changes: Vec::new(),
    }
}

fn sweep(c: &mut Criterion) {
    let plan = plan();
    let mut group = c.benchmark_group("sweep");
    group.throughput(Throughput::Elements(RUNS));
    for threads in [1, 2, 4] {
        group.bench_function(format!("the article's failover, {threads} at a time"), |b| {
            b.iter(|| {
                let progress = Progress::default();
                let mut lab = Lab::new(&plan, Memo::default(), threads, &progress);
                points(&mut lab, &[Point::new()]).expect("nothing is kept");
                assert_eq!(lab.memo.len() as u64, RUNS, "every run is made");
            });
        });
    }
    group.finish();
}

criterion_group!(benches, sweep);
criterion_main!(benches);
