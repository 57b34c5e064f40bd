//! `dagtwin test`: scenario files as tests.

mod accept;
mod arguments;
mod explored;
mod find;
mod json;
mod text;
mod trial;
mod work;

pub(super) use arguments::Test;

use super::args::ListFormat;
use super::failure::{Answer, Done, Failure, refuse_unwritable};
use super::input::Site;
use super::progress;
use super::run::quoted;
use crate::lab::pool::{self, Progress};
use crate::report::junit;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use trial::Trial;

/// A scenario that is to be tested.
struct Case {
    /// Its place: a file, or `two-node-2010/nic-loss` for a built-in one.
    name: String,
    /// How `dagtwin run` is told of the topology and of the scenario.
    call: (String, String),
    site: Site,
}

impl Case {
    /// The command that repeats a run of it.
    fn repeat(&self, args: &Test, seed: u64) -> String {
        let (topology, scenario) = &self.call;
        let mut words = vec!["dagtwin run".to_owned(), quoted(topology)];
        words.push(format!("--scenario {} --seed {seed}", quoted(scenario)));
        for (key, value) in &args.set {
            words.push(format!("--set {}", quoted(&format!("{key}={value}"))));
        }
        words.join(" ")
    }
}

/// A case and what came of everything that is asked of it.
struct CaseResult<'c> {
    case: &'c Case,
    trials: Vec<Trial>,
    /// Somebody stopped the work before all of it was known.
    partial: bool,
}

impl CaseResult<'_> {
    fn passed(&self) -> bool {
        self.trials.iter().all(|trial| trial.passed)
    }
}

pub(super) fn test(args: &Test) -> Answer {
    if let Some(path) = &args.junit {
        refuse_unwritable("--junit", path)?;
    }
    if args.seed.checked_add(args.runs - 1).is_none() {
        let (seed, runs) = (args.seed, args.runs);
        let text = format!("--seed {seed}: expected one that leaves room for {runs} below 2^64");
        return Err(Failure::Call(text));
    }
    if args.all && i64::try_from(args.seed).is_err() {
        let text = format!("--seed {}: expected one below 2^63, which a file can hold", args.seed);
        return Err(Failure::Call(text));
    }
    let cases = find::cases(args)?;
    if args.list {
        return Ok(Done::with(match args.format {
            ListFormat::Text => text::list(&cases),
            ListFormat::Json => json::list(&cases),
        }));
    }
    explored::refuse(&cases)?;
    let progress = Arc::new(Progress::default());
    super::stop_when_asked(&progress);
    let jobs = args.jobs.map_or_else(pool::cores, usize::from);
    let work = || work::all(args, &cases, jobs, &progress);
    let mut made = progress::counted("testing", &progress, work);
    explored::explore(&cases, &mut made, jobs, &progress)?;
    let stopped = progress.stop.load(Ordering::Relaxed);
    let mut results = Vec::new();
    for (case, made) in cases.iter().zip(made) {
        let accepted = accept::accept(args, case, &made)?;
        let (trials, partial) = trial::trials(args, case, &made, accepted);
        results.push(CaseResult { case, trials, partial });
    }
    let has_timeline = |case: &Case| case.site.scenario.tested.timeline.is_some();
    if args.accept && !args.all && !cases.iter().any(has_timeline) {
        super::note("no scenario has a [timeline]; --all adds one to those without");
    }
    if let Some(path) = &args.junit {
        let written = std::fs::write(path, junit::document(&tests(&results)));
        written.map_err(|error| Failure::at(path, &error))?;
    }
    let output = match args.format {
        ListFormat::Text => text::text(&results, super::colored()),
        ListFormat::Json => json::document(&results),
    };
    let broken = !results.iter().all(CaseResult::passed);
    Ok(Done { output: output.into_bytes(), broken, interrupted: stopped, ..Done::default() })
}

/// What was tested, as other tools take it.
fn tests(results: &[CaseResult]) -> Vec<junit::Test> {
    let mut tests = Vec::new();
    for result in results {
        tests.extend(result.trials.iter().map(|trial| junit::Test {
            class: result.case.name.clone(),
            name: format!("{}, {}", result.case.site.scenario.title, trial.name),
            repeat: trial.repeat.clone(),
            failure: (!trial.passed).then(|| trial.told().join("\n")),
        }));
    }
    tests
}
