//! `dagtwin test`: scenario files as tests.

use super::args::{ListFormat, Test};
use super::failure::{Answer, Done, Failure};
use super::{input, progress};
use crate::failover::config::Flaw;
use crate::lab::pool::{self, Progress};
use crate::lab::{self, VerdictKind};
use crate::model::Scenario;
use crate::model::builtin;
use crate::model::load::Loaded;
use crate::report::junit;
use serde_json::{Value, json};
use std::io;
use std::path::{Path, PathBuf};

/// Deepest folder that is looked into; deeper ones are most likely a link to themselves.
const DEEPEST: usize = 32;

/// A scenario that is to be run.
struct Case {
    /// Its place: a file, or `two-node-2010/nic-loss` for a built-in one.
    name: String,
    /// How `dagtwin run` is told of the topology and of the scenario.
    call: (String, String),
    loaded: Loaded,
    scenario: Scenario,
}

/// What a run of a case came to.
struct Judged {
    seed: u64,
    verdict: VerdictKind,
    digest: String,
    recovered_ms: Option<f64>,
    broken: Vec<(String, f64, String)>,
}

impl Case {
    fn passed(&self, judged: &Judged) -> bool {
        judged.verdict == self.scenario.verdict
    }

    fn run(&self, seed: u64) -> Judged {
        let (topology, scenario) = (&self.loaded.topology, &self.scenario);
        let outcome = lab::run(topology, scenario, seed, &self.loaded.given);
        let moment = |at: crate::base::Instant| at.as_nanos() as f64 / 1e6;
        let broken = outcome.verdict.broken.iter();
        Judged {
            seed,
            verdict: outcome.verdict.kind,
            digest: outcome.digest.to_string(),
            recovered_ms: outcome.recovered.map(|span| span.as_nanos() as f64 / 1e6),
            broken: broken
                .map(|(what, at, why)| (what.clone(), moment(*at), why.clone()))
                .collect(),
        }
    }

    fn repeat(&self, args: &Test, seed: u64) -> String {
        let (topology, scenario) = &self.call;
        let mut words = vec!["dagtwin run".to_owned(), super::run::quoted(topology)];
        words.push(format!("--scenario {} --seed {seed}", super::run::quoted(scenario)));
        for (key, value) in &args.set {
            words.push(format!("--set {}", super::run::quoted(&format!("{key}={value}"))));
        }
        words.join(" ")
    }
}

pub(super) fn test(args: &Test) -> Answer {
    if let Some(path) = args.junit.as_ref().filter(|path| path.is_dir()) {
        let expected = "expected a file; this is a folder";
        return Err(Failure::Call(format!("--junit {}: {expected}", path.display())));
    }
    let cases = cases(args)?;
    let seeds: Vec<u64> = (0..args.runs).map(|more| args.seed.wrapping_add(more)).collect();
    let runs: Vec<(usize, u64)> =
        (0..cases.len()).flat_map(|case| seeds.iter().map(move |seed| (case, *seed))).collect();
    let note = format!("running {} scenarios, {} runs", cases.len(), runs.len());
    let judged = progress::during(&note, || all(&cases, &runs, args.jobs));
    let failed = runs.iter().zip(&judged).any(|((case, _), judged)| !cases[*case].passed(judged));
    let results: Vec<(&Case, &[Judged])> = cases.iter().zip(judged.chunks(seeds.len())).collect();
    if let Some(path) = &args.junit {
        let written = std::fs::write(path, junit::document(&tests(args, &results)));
        written.map_err(|error| Failure::at(path, &error))?;
    }
    let output = match args.format {
        ListFormat::Text => text(args, &results),
        ListFormat::Json => document(args, &results),
    };
    Ok(Done { output: output.into_bytes(), broken: failed, ..Done::default() })
}

/// Every run, several at a time; results in the order of the runs.
fn all(cases: &[Case], runs: &[(usize, u64)], jobs: Option<u16>) -> Vec<Judged> {
    let jobs = jobs.map_or_else(pool::cores, usize::from);
    let one = |place: usize| {
        let (case, seed) = runs[place];
        cases[case].run(seed)
    };
    let judged = pool::each(runs.len(), jobs, &Progress::default(), one);
    judged.into_iter().map(|one| one.expect("nobody stops them")).collect()
}

fn text(args: &Test, results: &[(&Case, &[Judged])]) -> String {
    let width = results.iter().map(|(case, _)| case.name.chars().count()).max().unwrap_or(0);
    let mut out = String::new();
    let (mut passed, mut failed) = (0_u64, 0_u64);
    for (case, runs) in results {
        let wrong: Vec<&Judged> = runs.iter().filter(|judged| !case.passed(judged)).collect();
        let good = (runs.len() - wrong.len()) as u64;
        (passed, failed) = (passed + good, failed + wrong.len() as u64);
        let word = if wrong.is_empty() { "ok  " } else { "FAIL" };
        let mut line = format!("{word}  {:width$}  {}", case.name, case.scenario.title);
        if !wrong.is_empty() && runs.len() > 1 {
            line += &format!(" ({} of {} runs failed)", wrong.len(), runs.len());
        }
        if let Some(flaw) = case.loaded.topology.settings.test.planted {
            line += &format!(" (bug planted: {})", flaw.word());
        }
        out += line.trim_end();
        out.push('\n');
        for judged in wrong.iter().take(3) {
            out += &told(case, judged);
            out += &format!("      repeat: {}\n", case.repeat(args, judged.seed));
        }
        if wrong.len() > 3 {
            out += &format!("      and {} more seeds\n", wrong.len() - 3);
        }
    }
    out += &format!("{} scenarios: {passed} runs passed, {failed} failed\n", results.len());
    out
}

/// The runs as other tools take them.
fn tests(args: &Test, results: &[(&Case, &[Judged])]) -> Vec<junit::Test> {
    let mut tests = Vec::new();
    for (case, runs) in results {
        tests.extend(runs.iter().map(|judged| junit::Test {
            class: case.name.clone(),
            name: format!("{}, seed {}", case.scenario.title, judged.seed),
            repeat: case.repeat(args, judged.seed),
            failure: (!case.passed(judged)).then(|| told(case, judged)),
        }));
    }
    tests
}

/// What was wrong with a run.
fn told(case: &Case, judged: &Judged) -> String {
    let mut out = format!(
        "      seed {}: verdict {}, wanted {}\n",
        judged.seed,
        judged.verdict.word(),
        case.scenario.verdict.word()
    );
    for (what, at, why) in &judged.broken {
        out += &format!("      {:.3} s  {what}: {why}\n", at / 1e3);
    }
    out
}

fn document(args: &Test, results: &[(&Case, &[Judged])]) -> String {
    let (mut passed, mut failed) = (0_u64, 0_u64);
    let mut cases = Vec::new();
    for (case, runs) in results {
        let mut shown = Vec::new();
        for judged in *runs {
            let good = case.passed(judged);
            (passed, failed) = (passed + u64::from(good), failed + u64::from(!good));
            let broken = judged
                .broken
                .iter()
                .map(|(what, at, why)| json!({ "promise": what, "at_ms": at, "why": why }));
            shown.push(json!({
                "seed": judged.seed,
                "passed": good,
                "verdict": judged.verdict.word(),
                "digest": judged.digest,
                "recovered_ms": judged.recovered_ms,
                "broken": broken.collect::<Vec<_>>(),
                "repeat": case.repeat(args, judged.seed),
            }));
        }
        cases.push(json!({
            "name": case.name,
            "title": case.scenario.title,
            "topology": case.loaded.topology.name,
            "verdict": case.scenario.verdict.word(),
            "planted": case.loaded.topology.settings.test.planted.map(Flaw::word),
            "runs": shown,
        }));
    }
    let document: Value = json!({ "cases": cases, "passed": passed, "failed": failed });
    format!("{document:#}\n")
}

/// Every scenario that the call names, loaded. Mistakes in any of them are told together.
fn cases(args: &Test) -> Result<Vec<Case>, Failure> {
    let here = Path::new(".");
    let paths = match args.paths.is_empty() {
        true if here.join("topology.toml").exists() => vec![here.to_owned()],
        true => {
            let folders = ["scenarios", "topologies"].map(PathBuf::from);
            let there: Vec<PathBuf> = folders.into_iter().filter(|path| path.is_dir()).collect();
            if there.is_empty() {
                super::note(
                    "no topology.toml and no folder scenarios or topologies here: the built-in \
                     scenarios are run",
                );
                return built_in(args);
            }
            there
        }
        false => args.paths.clone(),
    };
    let mut files = Vec::new();
    for path in &paths {
        let before = files.len();
        find(path, 0, &mut files)?;
        if files.len() == before {
            let place = path.display();
            return Err(Failure::Call(format!("{place}: no scenario file (.toml) in this folder")));
        }
    }
    let (mut found, mut problems) = (Vec::new(), Vec::new());
    for file in files {
        match load(args, &file) {
            Ok(case) => found.push(case),
            Err(Failure::Input(more)) => problems.extend(more),
            Err(other) => return Err(other),
        }
    }
    if problems.is_empty() { Ok(found) } else { Err(Failure::Input(problems)) }
}

fn built_in(args: &Test) -> Result<Vec<Case>, Failure> {
    let mut cases = Vec::new();
    for site in builtin::SITES {
        for file in site.scenarios {
            let topology = site.topology.name;
            let found = input::site(topology, Some(file.name), &args.set, None)?;
            cases.push(Case {
                name: format!("{topology}/{}", file.name),
                call: (topology.to_owned(), file.name.to_owned()),
                loaded: found.loaded,
                scenario: found.scenario,
            });
        }
    }
    Ok(cases)
}

fn load(args: &Test, file: &Path) -> Result<Case, Failure> {
    let topology = topology_of(args, file)?;
    let call = (topology, file.display().to_string());
    let site = input::site(&call.0, Some(&call.1), &args.set, None)?;
    Ok(Case { name: call.1.clone(), call, loaded: site.loaded, scenario: site.scenario })
}

/// Which topology a scenario file is for.
fn topology_of(args: &Test, file: &Path) -> Result<String, Failure> {
    if let Some(named) = input::topology_named(file)? {
        return Ok(named);
    }
    let above = file.ancestors().skip(1);
    if let Some(folder) = above.clone().find(|folder| folder.join("topology.toml").exists()) {
        return Ok(folder.join("topology.toml").display().to_string());
    }
    let names: Vec<_> = above.filter_map(Path::file_name).collect();
    let mut sites = builtin::SITES.iter().map(|site| site.topology.name);
    let named = sites.find(|site| names.iter().any(|name| name.to_str() == Some(*site)));
    Ok(named.map_or_else(|| args.topology.clone(), str::to_owned))
}

/// Files of a site that are no scenarios.
const OTHERS: [&str; 2] = ["topology.toml", "rates.toml"];

/// Scenario files at and below a path, in the order of their names.
fn find(path: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let about = path.metadata().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            Failure::Call(format!("{}: expected an existing file or folder", path.display()))
        }
        _ => Failure::at(path, &error),
    })?;
    if !about.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    if depth == DEEPEST {
        return Err(Failure::Call(format!("{}: folders deeper than this", path.display())));
    }
    let entries = std::fs::read_dir(path).map_err(|error| Failure::at(path, &error))?;
    let mut below = Vec::new();
    for entry in entries {
        below.push(entry.map_err(|error| Failure::at(path, &error))?.path());
    }
    below.sort();
    for path in below {
        let is_scenario = path.extension().is_some_and(|extension| extension == "toml")
            && path.file_name().is_none_or(|name| !OTHERS.iter().any(|other| name == *other));
        if path.is_dir() || is_scenario {
            find(&path, depth + 1, files)?;
        }
    }
    Ok(())
}
