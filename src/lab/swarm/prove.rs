//! Whether a swarm bites: a bug is planted in the core, and the swarm has to find it.

use super::{Failure, Site, Tally, round};
use crate::failover::config::Flaw;
use crate::lab::pool::Progress;
use crate::lab::shrink::{Shrunk, shrink};
use crate::model::{Problem, Source};
use std::sync::atomic::Ordering;

/// Seeds of a round: whoever waits for the first failure gains nothing by many more.
const ROUND: u64 = 64;

/// A planted bug, and what became of it.
#[derive(Debug)]
pub struct Proof {
    /// The bug.
    pub flaw: Flaw,
    /// Runs up to the one that found it, that one included; all of them if none did.
    pub runs: u64,
    /// The run that found it, made small; none if none did.
    pub found: Option<Found>,
}

/// The run that found a bug.
#[derive(Debug)]
pub struct Found {
    /// Its name.
    pub run: String,
    /// Faults and orders of it.
    pub size: usize,
    /// The smallest scenario that shows it.
    pub shrunk: Shrunk,
}

impl Found {
    /// Faults and orders of the smallest scenario.
    pub fn shrunk_size(&self) -> usize {
        let scenario = &self.shrunk.found.scenario;
        let orders = scenario.steps.iter().filter(|step| step.action.is_some());
        scenario.faults.len() + orders.count()
    }
}

/// Plants a bug at a site and looks for it with the seeds from `first` on, `most` of them at most.
///
/// # Errors
/// What is wrong with the site.
pub fn prove(
    flaw: Flaw,
    (source, set): (&Source, &[(String, String)]),
    (first, most): (u64, u64),
    jobs: usize,
    progress: &Progress,
) -> Result<Proof, Vec<Problem>> {
    let planted = ("test.planted".to_owned(), flaw.word().to_owned());
    let set = set.iter().cloned().chain([planted]).collect();
    let site = Site::new(&source.name, source.clone(), set)?;
    let mut tally = Tally::default();
    let (mut runs, mut failure) = (0, None);
    let mut from = first;
    while failure.is_none() && from < first.saturating_add(most) {
        let to = from.saturating_add(ROUND).min(first.saturating_add(most));
        round(&site, &mut tally, from..to, jobs, progress, &mut |ran| {
            runs += u64::from(failure.is_none());
            if failure.is_none() && !ran.broken.is_empty() {
                failure = Some(Failure { ran: ran.clone(), broken: 0 });
            }
        });
        from = to;
        if progress.stop.load(Ordering::Relaxed) {
            break;
        }
    }
    let found = failure.and_then(|failure| {
        let plan = &failure.ran.plan;
        let promise = failure.ran.broken[failure.broken].promise;
        let sources = site.sources(plan);
        let shrunk = shrink(&sources, plan.seed, Some(promise), &[], progress).ok()?;
        Some(Found { run: plan.name(), size: plan.size(), shrunk })
    });
    Ok(Proof { flaw, runs, found })
}
