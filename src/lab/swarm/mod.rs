//! A swarm: many runs, each with faults and orders drawn from its seed, that look for broken
//! promises; and further ones aimed at states in which nothing has struck yet.
//!
//! What a run is depends on its seed and, if it was aimed, on the runs of the rounds before it:
//! never on how many are made at a time.

mod apart;
mod coverage;
mod plan;
mod prove;
mod run;
mod site;

pub use coverage::{Coverage, Pair, Visit};
pub use plan::{Aim, Given, Plan, Settings, Strike, plan};
pub use prove::{Attacked, Found, Proof, prove};
pub(super) use run::told;
pub use run::{Broken, PANICS, Ran, broken, run};
pub use site::Site;

use crate::base::Span;
use crate::check::hazards::Hazard;
use crate::lab::pool::{self, Progress};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::Ordering;

/// Seeds of a round.
pub const ROUND: u64 = 512;

/// Of each round's runs, so many as one in this are aimed after it.
const AIMED: usize = 4;

/// Failures that are kept of each promise at a site: those with the fewest faults and orders.
const KEPT: usize = 3;

/// A run that broke a promise.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What it came to.
    pub ran: Ran,
    /// The promise, by its place among those that it broke.
    pub broken: usize,
}

/// How often a promise was broken at a site.
#[derive(Clone, Debug, Default)]
pub struct Failures {
    /// Runs.
    pub count: u64,
    /// The smallest of them.
    pub kept: Vec<Failure>,
}

/// How often a hazard was met at a site.
#[derive(Clone, Debug)]
pub struct Met {
    /// Runs.
    pub count: u64,
    /// The longest.
    pub longest: Span,
    /// The name of the run with the longest.
    pub run: String,
}

/// What became of the runs of a site.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Runs drawn from their seeds.
    pub drawn: u64,
    /// Runs that were aimed.
    pub aimed: u64,
    /// Simulated time.
    pub simulated: Span,
    /// Records.
    pub records: u64,
    /// Runs with each fault and order, and how many there were of each.
    pub struck: BTreeMap<&'static str, u64>,
    /// Broken promises by name.
    pub failures: BTreeMap<&'static str, Failures>,
    /// Why service was not back at the end, where that breaks no promise, with the number of runs
    /// and the name of the first.
    pub unavailable: BTreeMap<String, (u64, String)>,
    /// Hazards by name.
    pub hazards: BTreeMap<&'static str, (&'static Hazard, Met)>,
    /// What was reached.
    pub coverage: Coverage,
}

impl Tally {
    /// Takes in a run.
    fn add(&mut self, ran: &Ran) {
        match ran.plan.aim {
            None => self.drawn += 1,
            Some(_) => self.aimed += 1,
        }
        self.simulated += ran.simulated;
        self.records += ran.records;
        let faults = ran.plan.faults.iter().map(|strike| strike.kind);
        for word in faults.chain(ran.plan.orders.iter().map(|given| given.cmdlet)) {
            *self.struck.entry(word).or_default() += 1;
        }
        for (place, broken) in ran.broken.iter().enumerate() {
            let failures = self.failures.entry(broken.promise).or_default();
            failures.count += 1;
            failures.kept.push(Failure { ran: ran.clone(), broken: place });
            failures.kept.sort_by_key(|failure| failure.ran.plan.size());
            failures.kept.truncate(KEPT);
        }
        if let Some(why) = &ran.unavailable {
            let first = || (0, ran.plan.name());
            self.unavailable.entry(why.clone()).or_insert_with(first).0 += 1;
        }
        for (hazard, length) in &ran.hazards {
            let fresh = || (*hazard, Met { count: 0, longest: Span::ZERO, run: String::new() });
            let (_, met) = self.hazards.entry(hazard.name).or_insert_with(fresh);
            met.count += 1;
            if met.run.is_empty() || *length > met.longest {
                (met.longest, met.run) = (*length, ran.plan.name());
            }
        }
        self.coverage.add(ran);
    }

    /// Runs that broke a promise; one that broke two counts twice.
    pub fn failed(&self) -> u64 {
        self.failures.values().map(|failures| failures.count).sum()
    }
}

/// Makes the runs of some seeds at a site, and aims further ones at what they have not reached.
/// `see` is shown every run, in their order.
///
/// Ends early, after a whole number of runs, once nobody wants the rest.
pub fn round(
    site: &Site,
    tally: &mut Tally,
    seeds: Range<u64>,
    jobs: usize,
    progress: &Progress,
    see: &mut dyn FnMut(&Ran),
) {
    let drawn = usize::try_from(seeds.end - seeds.start).expect("a round has some hundred runs");
    let draw = |place: usize| plan(seeds.start + place as u64, site);
    make(site, tally, (drawn, &draw), jobs, progress, see);
    if !progress.stop.load(Ordering::Relaxed) {
        let aimed = tally.coverage.aimed(site, drawn / AIMED);
        make(site, tally, (aimed.len(), &|place| aimed[place].clone()), jobs, progress, see);
    }
}

/// Makes the runs of some plans; each is drawn where it is run.
fn make(
    site: &Site,
    tally: &mut Tally,
    (count, plan): (usize, &(dyn Fn(usize) -> Plan + Sync)),
    jobs: usize,
    progress: &Progress,
    see: &mut dyn FnMut(&Ran),
) {
    let runs = pool::some(count, jobs, progress, |place| run::guarded(site, plan(place)));
    for ran in runs.iter().map_while(Option::as_ref) {
        tally.add(ran);
        see(ran);
    }
}
