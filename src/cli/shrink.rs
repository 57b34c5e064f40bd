//! `dagtwin shrink`: the smallest scenario that breaks the same promise.

use super::args::{key_value, number};
use super::failure::refuse_unwritable;
use super::failure::{Answer, Done, Failure};
use super::{capsule, input, journal, progress, what_if};
use crate::check;
use crate::lab::pool::Progress;
use crate::lab::shrink::{self, FIRST_SEED, Refusal, Shrunk};
use crate::lab::swarm::PANICS;
use crate::lab::what_if::sources_of;
use crate::model::{Source, Sources, builtin};
use crate::view::words::counted;
use clap::{Args, ValueHint};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Make a scenario that breaks a promise small: fewer faults and orders, shorter, at rounder times,
/// fewer clients, a smaller site, as long as the same promise is broken.
///
/// What is left is a scenario file that reads as if written by hand. It goes to standard output, or
/// to a file that `dagtwin test` accepts until the promise holds again.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Shrink {
    /// A capsule of `dagtwin swarm`, a journal of `dagtwin run --journal`, or a scenario file.
    #[arg(value_hint = ValueHint::FilePath, value_name = "FILE")]
    pub file: PathBuf,
    /// The promise [default: the first that is broken; `dagtwin list promises` names them].
    #[arg(long, value_name = "NAME", value_parser = promise)]
    pub promise: Option<String>,
    /// The topology of a scenario file that names none [default: two-node-2010].
    #[arg(long, value_hint = ValueHint::AnyPath)]
    pub topology: Option<String>,
    /// The seed of a scenario file's run: a number, 0x for hexadecimal [default: 1].
    #[arg(long, value_parser = number, value_name = "N")]
    pub seed: Option<u64>,
    /// Give a setting another value; may be given many times.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_value)]
    pub set: Vec<(String, String)>,
    /// Write the scenario into this file.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub out: Option<PathBuf>,
    /// Also write a capsule of the small run, with what was done to it.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub capsule: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Exit status: 0 if the scenario was made as small as it gets; 2 if it breaks no promise.

Examples:
  dagtwin swarm two-node-2010 --capsules failures
  dagtwin shrink failures/two-node-2010-service-back-swarm-17.dagtwin --out small.toml
  dagtwin test small.toml";

/// The topology of a scenario file that names none.
const TOPOLOGY: &str = "two-node-2010";

fn promise(text: &str) -> Result<String, String> {
    let all = || check::ALL.iter().chain(check::PHYSICS).map(|promise| promise.name);
    let names = || all().chain([PANICS]);
    match names().find(|name| *name == text) {
        Some(name) => Ok(name.to_owned()),
        None => Err(format!("expected one of {}", names().collect::<Vec<_>>().join(", "))),
    }
}

pub(super) fn shrink(args: &Shrink) -> Answer {
    for (option, path) in [("--out", &args.out), ("--capsule", &args.capsule)] {
        let Some(path) = path else { continue };
        refuse_unwritable(option, path)?;
        let same = path.canonicalize().is_ok_and(|it| args.file.canonicalize().ok() == Some(it));
        if same || option == "--capsule" && args.out.as_ref() == Some(path) {
            let expected = "expected a file of its own: what is in it would be lost";
            return Err(Failure::Call(format!("{option} {}: {expected}", path.display())));
        }
    }
    if let Some(path) =
        args.capsule.as_ref().filter(|path| path.extension() == Some("txt".as_ref()))
    {
        let text = "expected a name such as small.dagtwin; a journal in a .txt file is for people";
        return Err(Failure::Call(format!("--capsule {}: {text}", path.display())));
    }
    let Run { sources, seed, kept_for } = sources(args)?;
    let progress = Arc::new(Progress::default());
    super::stop_when_asked(&progress);
    let sites = builtin::SITES.iter().map(|site| Source {
        file: site.topology.path.to_owned(),
        name: site.topology.name.to_owned(),
        text: site.topology.text.to_owned(),
    });
    let sites: Vec<Source> = sites.collect();
    let promise = args.promise.as_deref().or(kept_for.as_deref());
    let work = || shrink::shrink(&sources, seed, promise, &sites, &progress);
    let shrunk =
        progress::during("making it small", work).map_err(|refusal| refused(args, refusal))?;
    told(&shrunk);
    let interrupted = progress.stop.load(Ordering::Relaxed);
    if interrupted {
        super::note("stopped: it may get smaller");
    }
    let file = args.file.display();
    if let Some(path) = &args.capsule {
        let found_by = format!("dagtwin shrink {file}");
        let promise = shrunk.found.violation.promise;
        let run = (&shrunk.found.sources, shrunk.seed);
        capsule::write(path, run, promise, found_by, shrunk.steps.clone())?;
    }
    let text = &shrunk.found.sources.scenario.text;
    let mut output = Vec::new();
    match &args.out {
        Some(path) => {
            let named = |topology: &str| shrink::naming(text, topology);
            if let Some(site) = what_if::write_scenario(&shrunk.found.sources, path, named)? {
                super::note(&format!("its site is in {}", site.display()));
            }
        }
        None => {
            let topology = &shrunk.found.sources.topology;
            let named = what_if::topology_named(topology, Path::new("."));
            let named = named.unwrap_or_else(|| topology.file.clone());
            output = shrink::naming(text, &named).into_bytes();
        }
    }
    Ok(Done { output, interrupted, ..Done::default() })
}

/// What is made small.
struct Run {
    sources: Sources,
    seed: u64,
    /// The promise that a capsule was kept for.
    kept_for: Option<String>,
}

/// The texts and the seed of the run.
fn sources(args: &Shrink) -> Result<Run, Failure> {
    let file = args.file.display().to_string();
    if journal::is_one(&args.file) {
        let given = [("--topology", args.topology.is_some()), ("--seed", args.seed.is_some())];
        if let Some((option, _)) = given.iter().find(|(_, given)| *given) {
            let text = format!("{option}: expected a scenario file; {file} has its own");
            return Err(Failure::Call(text));
        }
        let kept = journal::read(&args.file)?;
        let (sources, seed) = sources_of(&file, &kept.header).map_err(Failure::Input)?;
        let site = input::assigned_site(sources.clone(), &args.set, None)?;
        let broken = kept.header.capsule.and_then(|capsule| capsule.broken.into_iter().next());
        return Ok(Run { sources: site.sources, seed, kept_for: broken.map(|one| one.promise) });
    }
    let otherwise = args.topology.as_deref().unwrap_or(TOPOLOGY);
    let topology = input::topology_of(&args.file, otherwise)?;
    let site = input::site(&topology, Some(&file), &args.set, None)?;
    Ok(Run { sources: site.sources, seed: args.seed.unwrap_or(1), kept_for: None })
}

fn refused(args: &Shrink, refusal: Refusal) -> Failure {
    let file = args.file.display();
    match refusal {
        Refusal::Input(problems) => Failure::Input(problems),
        Refusal::NothingBroken(None) => Failure::Call(format!(
            "{file}: expected a run that breaks a promise; this one keeps them all, or a hazard \
             of the real design explains what it breaks: name that with --promise"
        )),
        Refusal::NothingBroken(Some(promise)) => Failure::Call(format!(
            "{file}: expected a run that breaks {promise}; this one keeps it"
        )),
    }
}

/// What was done.
fn told(shrunk: &Shrunk) {
    let scenario = &shrunk.found.scenario;
    let orders = scenario.steps.iter().filter(|step| step.action.is_some()).count();
    let (faults, tried) = (scenario.faults.len(), shrunk.tried);
    let (promise, at) = (shrunk.found.violation.promise, shrunk.found.violation.at);
    let (faults, orders) = (counted(faults as u64, "fault"), counted(orders as u64, "order"));
    let tried = counted(u64::from(tried), "run");
    super::note(&format!("{promise} is broken at {at} by {faults} and {orders}; {tried} tried"));
    if shrunk.seed != FIRST_SEED {
        let seed = shrunk.seed;
        super::note(&format!("with seed {seed} only: dagtwin test FILE --seed {seed}"));
    }
}
