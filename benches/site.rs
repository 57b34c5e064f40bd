//! The site that benches run, and how two loops are compared.

use dagtwin::base::{Instant, Span};
use dagtwin::model::builtin::SITES;
use dagtwin::model::{Scenario, Topology, load};
use std::hint::black_box;

/// Rounds of a comparison.
const ROUNDS: usize = 15;

/// The built-in `nic-loss`, with so many clients in the built-in mix, and so long. The fault
/// strikes half-way.
pub(crate) fn nic_loss(clients: u32, until: Span) -> (Topology, Scenario) {
    let site = SITES[0];
    let file = site.scenarios.iter().find(|file| file.name == "nic-loss").expect("built in");
    let loading = load::topology(site.topology.path, site.topology.text, &[]);
    let mut topology = loading.expect("a sound topology").topology;
    let total: u32 = topology.clients.iter().map(|group| group.count).sum();
    let mut before = 0;
    for group in &mut topology.clients {
        // Shares of the running sum, so that the counts add up.
        let first = before * clients / total;
        before += group.count;
        group.count = before * clients / total - first;
        group.first.0 = first;
    }
    let loading = load::scenario(file.path, file.name, file.text, &topology);
    let mut scenario = loading.expect("a sound scenario");
    scenario.until = Instant::ZERO + until;
    for fault in &mut scenario.faults {
        fault.at = Instant::ZERO + until / 2;
    }
    (topology, scenario)
}

/// Measures two loops in turn and prints what an event costs in each, by the fastest round: the
/// one that the machine's other work disturbed least.
#[expect(clippy::disallowed_types, reason = "a bench measures the wall clock")]
#[allow(dead_code, reason = "not every bench compares")]
pub(crate) fn ratio<A, B>(name: &str, plain: (u64, impl Fn() -> A), ours: (u64, impl Fn() -> B)) {
    let mut best = [u128::MAX; 2];
    for _ in 0..ROUNDS {
        let begin = std::time::Instant::now();
        black_box((plain.1)());
        let middle = std::time::Instant::now();
        black_box((ours.1)());
        best[0] = best[0].min((middle - begin).as_nanos());
        best[1] = best[1].min(middle.elapsed().as_nanos());
    }
    let each = [best[0] as f64 / plain.0 as f64, best[1] as f64 / ours.0 as f64];
    println!(
        "{name}: {:.1} ns an event, the plain loop {:.1} ns, ratio {:.2}; {} events",
        each[1],
        each[0],
        each[1] / each[0],
        ours.0
    );
}
