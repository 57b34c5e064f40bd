//! What if: a kept run made again from the same seed with changes in its scenario.

pub(in crate::lab) mod edit;
mod saved;

pub use saved::saved;

use super::expect::StepMarks;
use super::{Outcome, Verdict, VerdictKind};
use crate::base::{Instant, Span};
use crate::journal::{Digest, Header, Origin, Record};
use crate::model::load::{self, Loaded};
use crate::model::{Change, Problem, Scenario, Source, Sources};
use crate::view::outage::Outage;
use edit::{Text, problem};

/// A run with changes, and what it came to.
#[derive(Clone, Debug)]
pub struct WhatIf {
    /// The header of its journal; its sources hold the changed text, which says everything:
    /// neither `--set` nor `--until` is left beside it.
    pub header: Header,
    /// Its seed.
    pub seed: u64,
    /// Its records.
    pub records: Vec<Record>,
    /// Their digest.
    pub digest: Digest,
    /// How it ended.
    pub verdict: Verdict,
    /// Its outages.
    pub outages: Vec<Outage>,
    /// The moment of its first fault or order.
    pub disturbed: Option<Instant>,
    /// From then until everything that users can reach is back; none if it never is.
    pub recovered: Option<Span>,
    /// Its steps with their marks.
    pub steps: Vec<StepMarks>,
    /// The changes in words, in their order.
    pub changes: Vec<String>,
    /// How it ended but for what its steps expect.
    kept: VerdictKind,
}

/// A changed scenario that has not been run.
#[derive(Clone, Debug)]
pub struct Planned {
    /// The changed texts.
    pub sources: Sources,
    /// The topology, with the settings.
    pub loaded: Loaded,
    /// The scenario.
    pub scenario: Scenario,
    /// The changes in words, in their order.
    pub changes: Vec<String>,
}

/// Settings that the texts of a run give beside the topology's own: the scenario's `[set]`, and
/// what a command line added to it.
pub fn settings_of(sources: &Sources) -> Vec<(String, String)> {
    let text = Text::new(&sources.scenario.file, &sources.scenario.text);
    let mut set = text.map(|text| text.settings()).unwrap_or_default();
    for (key, value) in &sources.set {
        set.retain(|(known, _)| known != key);
        set.push((key.clone(), value.clone()));
    }
    set
}

/// The texts and the seed that a journal's run was made from.
///
/// # Errors
/// If the journal does not have them; `file` is what the message calls it.
pub fn sources_of<'h>(file: &str, header: &'h Header) -> Result<(&'h Sources, u64), Vec<Problem>> {
    match (&header.sources, &header.origin) {
        (Some(sources), Origin::Sim { seed }) => Ok((sources, *seed)),
        (None, Origin::Sim { .. }) => {
            let expected = "a journal with the texts of its run, as `dagtwin run --journal` writes \
                            it; without them nothing can be changed";
            Err(vec![problem(file, "", "", expected)])
        }
        _ => {
            let expected = "the journal of a simulation; what really happened cannot be run again";
            Err(vec![problem(file, "", "", expected)])
        }
    }
}

/// Changes the texts of a run. Each change is made to what those before it left, and counts
/// faults and steps there.
///
/// # Errors
/// Everything that is wrong with the changed scenario.
pub fn plan(sources: &Sources, changes: &[Change]) -> Result<Planned, Vec<Problem>> {
    let Source { file, text, .. } = &sources.scenario;
    let mut edited = Text::new(file, text)?;
    for (key, value) in &sources.set {
        edited.set(key, value);
    }
    let (mut loaded, mut scenario) = load::site(sources)?;
    if sources.until.is_some() {
        edited.until(scenario.until);
    }
    let with = |text: String| Sources {
        topology: sources.topology.clone(),
        scenario: Source { text, ..sources.scenario.clone() },
        set: Vec::new(),
        until: None,
    };
    let mut told = Vec::new();
    for change in changes {
        told.push(change.describe(&loaded.topology, &scenario));
        edited.apply(change)?;
        // What one change breaks, the next may mend; only the last text has to be sound.
        if let Ok(sound) = load::site(&with(edited.text())) {
            (loaded, scenario) = sound;
        }
    }
    let sources = with(edited.text());
    let (loaded, scenario) = load::site(&sources).map_err(|mut problems| {
        for problem in problems.iter_mut().filter(|problem| problem.file == *file) {
            problem.file = format!("{file} as changed");
        }
        problems
    })?;
    Ok(Planned { sources, loaded, scenario, changes: told })
}

/// Makes a run again with changes, from the same seed.
///
/// # Errors
/// Everything that is wrong with the changed scenario.
pub fn run(sources: &Sources, seed: u64, changes: &[Change]) -> Result<WhatIf, Vec<Problem>> {
    let Planned { sources, loaded, scenario, changes } = plan(sources, changes)?;
    let outcome = super::run(&loaded.topology, &scenario, seed, &loaded.given);
    let kept = without_expectations(&outcome);
    let Outcome { records, digest, verdict, outages, disturbed, recovered, steps, .. } = outcome;
    let header = Header::of_run(&loaded.topology, &scenario, seed).with_sources(sources);
    Ok(WhatIf {
        header,
        seed,
        records,
        digest,
        verdict,
        outages,
        disturbed,
        recovered,
        steps,
        changes,
        kept,
    })
}

/// How a run ended but for what its steps expect.
fn without_expectations(outcome: &Outcome) -> VerdictKind {
    match outcome.verdict.kind {
        VerdictKind::Budget if outcome.promises.unavailable.is_some() => VerdictKind::Unavailable,
        VerdictKind::Budget => VerdictKind::Ok,
        kind => kind,
    }
}
