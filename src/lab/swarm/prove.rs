//! Whether a swarm bites: a bug is planted in the core, and the swarm has to find it.

use super::{Broken, Failure, Site, Tally, round, run};
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
    /// The site.
    pub site: String,
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

/// A site to plant a bug at: its file, and the settings of its runs.
pub type Attacked<'s> = (&'s Source, &'s [(String, String)]);

/// Plants a bug and looks for it at one site after the other, with the seeds from `first` on,
/// `most` of them at most.
///
/// # Errors
/// What is wrong with a site.
pub fn prove(
    flaw: Flaw,
    sites: &[Attacked],
    seeds: (u64, u64),
    jobs: usize,
    progress: &Progress,
) -> Result<Proof, Vec<Problem>> {
    let mut proof = Proof { flaw, runs: 0, found: None };
    for (source, set) in sites {
        let planted = ("test.planted".to_owned(), flaw.word().to_owned());
        let needs = flaw.needs().map(|(key, text)| (key.to_owned(), text.to_owned()));
        let sound: Vec<_> = needs.into_iter().chain(set.iter().cloned()).collect();
        let set = sound.iter().cloned().chain([planted]).collect();
        let sound = Site::new(&source.name, (*source).clone(), sound)?;
        let site = Site::new(&source.name, (*source).clone(), set)?;
        let failure = first_failure((&site, &sound), seeds, jobs, progress, &mut proof.runs);
        proof.found = failure.and_then(|failure| {
            let plan = &failure.ran.plan;
            let promise = failure.ran.broken[failure.broken].promise;
            let sources = site.sources(plan);
            let shrunk = shrink(&sources, plan.seed, Some(promise), &[], progress).ok()?;
            let site = site.name.clone();
            Some(Found { site, run: plan.name(), size: plan.size(), shrunk })
        });
        if proof.found.is_some() || progress.stop.load(Ordering::Relaxed) {
            break;
        }
    }
    Ok(proof)
}

/// The first run of a site that breaks a promise which the same run keeps without the bug; `runs`
/// counts up to it.
fn first_failure(
    (site, sound): (&Site, &Site),
    (first, most): (u64, u64),
    jobs: usize,
    progress: &Progress,
    runs: &mut u64,
) -> Option<Failure> {
    let (mut tally, mut failure) = (Tally::default(), None);
    let end = first.saturating_add(most);
    let mut from = first;
    while failure.is_none() && from < end && !progress.stop.load(Ordering::Relaxed) {
        let to = from.saturating_add(ROUND).min(end);
        round(site, &mut tally, from..to, jobs, progress, &mut |ran| {
            *runs += u64::from(failure.is_none());
            if failure.is_none() && !ran.broken.is_empty() {
                let without = run(sound, ran.plan.clone()).broken;
                let kept = |one: &Broken| !without.iter().any(|it| it.promise == one.promise);
                let broken = ran.broken.iter().position(kept);
                failure = broken.map(|broken| Failure { ran: ran.clone(), broken });
            }
        });
        from = to;
    }
    failure
}
