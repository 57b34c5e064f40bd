//! Makes the runs that tests need, several at a time.

use super::{Case, Test};
use crate::base::Instant;
use crate::lab::explore::Explored;
use crate::lab::percentile::Measured;
use crate::lab::pool::{self, Progress};
use crate::lab::{self, VerdictKind, sweep};
use crate::report;

/// What a run of a case came to.
pub(super) struct Judged {
    pub(super) seed: u64,
    pub(super) verdict: VerdictKind,
    pub(super) digest: String,
    pub(super) recovered_ms: Option<f64>,
    /// What was broken: its name, when, why.
    pub(super) broken: Vec<(String, Instant, String)>,
    /// How it went, where that is asked for.
    timeline: Option<String>,
}

/// What was made for a case.
#[derive(Default)]
pub(super) struct Made {
    /// Runs that are judged, in the order of their seeds.
    pub(super) runs: Vec<Judged>,
    /// How the run of the timeline's seed went; none if it was not made.
    pub(super) timeline: Option<String>,
    /// Durations of runs, in the order of their seeds.
    pub(super) measured: Vec<Measured>,
    /// What exploring came to.
    pub(super) explored: Option<Explored>,
    /// Somebody stopped the work before all of it was made.
    pub(super) partial: bool,
}

/// A run that is wanted.
enum Job {
    /// One that is judged.
    Judge(u64),
    /// One for its timeline alone.
    Timeline(u64),
    /// One for its durations.
    Measure(u64),
}

/// What a job came to.
enum Product {
    Judged(Box<Judged>),
    Timeline(Option<String>),
    Measured(Measured),
}

/// The seed whose timeline is asked for: the file's, or that of a timeline that is to be added.
pub(super) fn timeline_seed(args: &Test, case: &Case) -> Option<u64> {
    let timeline = &case.site.scenario.tested.timeline;
    timeline.as_ref().map(|timeline| timeline.seed).or(args.all.then_some(args.seed))
}

/// Everything that is wanted of the cases, made; in the order of the cases.
pub(super) fn all(args: &Test, cases: &[Case], jobs: usize, progress: &Progress) -> Vec<Made> {
    let mut wanted: Vec<(usize, Job)> = Vec::new();
    for (place, case) in cases.iter().enumerate() {
        wanted.extend(seeds(args.seed, args.runs).map(|seed| (place, Job::Judge(seed))));
        let timeline = timeline_seed(args, case);
        let extra = timeline.filter(|seed| !seeds(args.seed, args.runs).any(|one| one == *seed));
        wanted.extend(extra.map(|seed| (place, Job::Timeline(seed))));
        let budgets = &case.site.scenario.tested.budgets;
        let most = budgets.iter().map(|budget| budget.runs).max().unwrap_or(0);
        wanted.extend(seeds(args.seed, most).map(|seed| (place, Job::Measure(seed))));
    }
    let products = pool::each(wanted.len(), jobs, progress, |number| {
        let (place, job) = &wanted[number];
        done(args, &cases[*place], job)
    });
    let mut made: Vec<Made> = cases.iter().map(|_| Made::default()).collect();
    for ((place, _), product) in wanted.iter().zip(products) {
        let made = &mut made[*place];
        match product {
            Some(Product::Judged(mut judged)) => {
                made.timeline = judged.timeline.take().or(made.timeline.take());
                made.runs.push(*judged);
            }
            Some(Product::Timeline(timeline)) => made.timeline = timeline,
            Some(Product::Measured(measured)) => made.measured.push(measured),
            None => made.partial = true,
        }
    }
    made
}

/// Some seeds, one after the other.
fn seeds(first: u64, count: u64) -> impl Iterator<Item = u64> {
    (0..count).map(move |more| first.wrapping_add(more))
}

fn done(args: &Test, case: &Case, job: &Job) -> Product {
    let (topology, scenario) = (&case.site.loaded.topology, &case.site.scenario);
    match job {
        Job::Measure(seed) => {
            Product::Measured((*seed, sweep::durations(topology, scenario, *seed)))
        }
        Job::Timeline(seed) => Product::Timeline(judged(args, case, *seed).timeline),
        Job::Judge(seed) => Product::Judged(Box::new(judged(args, case, *seed))),
    }
}

fn judged(args: &Test, case: &Case, seed: u64) -> Judged {
    let (loaded, scenario) = (&case.site.loaded, &case.site.scenario);
    let outcome = lab::run(&loaded.topology, scenario, seed, &loaded.given);
    let wanted = timeline_seed(args, case) == Some(seed);
    Judged {
        seed,
        verdict: outcome.verdict.kind,
        digest: outcome.digest.to_string(),
        recovered_ms: outcome.recovered.map(|span| span.as_nanos() as f64 / 1e6),
        timeline: wanted.then(|| report::text::block(&outcome)),
        broken: outcome.verdict.broken,
    }
}
