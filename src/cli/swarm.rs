//! `dagtwin swarm`: random faults and orders from many seeds, and the promises that they break.

#![expect(clippy::disallowed_types, reason = "the clock on the wall says how long a person waits")]

use super::args::{ListFormat, key_value, number};
use super::failure::{Answer, Done, Failure, plain, refuse_unwritable};
use super::{capsule, input, progress, run::quoted};
use crate::base::Span;
use crate::failover::config::Flaw;
use crate::lab::pool::{self, Progress};
use crate::lab::swarm::{Attacked, PANICS, Proof, ROUND, Ran, Site, Tally, prove, round};
use crate::model::settings::Value as _;
use crate::model::{Problem, builtin};
use crate::report::swarm::{self, Report};
use crate::view::words::counted;
use clap::{Args, ValueHint};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Attack sites with random faults and orders, from many seeds, and tell which promises they break.
///
/// Each seed draws a subset of the kinds of faults and orders, then which of them strike, where,
/// when and for how long; every fault is healed, and then everything has to come back. After every
/// few hundred runs, further ones are aimed at states in which something has not struck yet. A run
/// that breaks a promise leaves a capsule: a journal that can be watched, verified and made small.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Swarm {
    /// Built-in topologies' names, folders with a topology.toml, or such files [default: every
    /// built-in topology].
    #[arg(value_hint = ValueHint::AnyPath, value_name = "TOPOLOGY")]
    pub topologies: Vec<String>,
    /// Seeds of the runs at each site, the last one not included, such as 1..1001.
    #[arg(long, default_value = "1..513", value_name = "A..B", value_parser = seeds)]
    pub seeds: (u64, u64),
    /// Go on with the next seeds for so long, whatever --seeds ends with; the few hundred runs that
    /// are under way then are made.
    #[arg(long = "for", value_name = "TIME", value_parser = length)]
    pub long: Option<Span>,
    /// Give a setting another value in every run; may be given many times.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_value)]
    pub set: Vec<(String, String)>,
    /// Plant each bug of `dagtwin list planted` in turn, and tell after how many runs it is found
    /// and how small it gets; the seeds are tried at one topology after the other. With --set
    /// test.planted=NAME only that one.
    #[arg(long, conflicts_with_all = ["long", "plans", "capsules"])]
    pub prove: bool,
    /// Print every plan before the report, as the scenario that it is, with what came of it.
    #[arg(long)]
    pub plans: bool,
    /// Folder for the capsules of runs that break a promise; none are written without it.
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    pub capsules: Option<PathBuf>,
    /// Runs at a time [default: one for each core].
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024), value_name = "N")]
    pub jobs: Option<u16>,
    /// Form of the report on standard output.
    #[arg(long, value_enum, default_value_t = ListFormat::Text)]
    pub format: ListFormat,
    /// Width of the text report in columns [default: the terminal's, or 120].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(60..=400))]
    pub width: Option<u16>,
}

const EXAMPLES: &str = "\
Exit status: 0 if every promise held; 1 if one was broken; 130 stopped with Ctrl-C, and the report
has the runs that were made.

Examples:
  dagtwin swarm two-node-2010
  dagtwin swarm two-node-2010 --seeds 1..10001 --capsules failures
  dagtwin swarm --for 60s
  dagtwin swarm two-node-2010 --seeds 17..18 --plans
  dagtwin swarm two-node-2010 dag-four --seeds 1..5001 --prove";

/// Clients of each group, unless something else is asked for: promises are about the servers, and
/// one client of each kind sees what many see.
const CLIENTS: (&str, &str) = ("clients.count", "1");

/// The setting that plants a bug.
const PLANTED: &str = "test.planted";

fn seeds(text: &str) -> Result<(u64, u64), String> {
    let wrong = || "expected two numbers and the lower one first, such as 1..1001".to_owned();
    let (from, to) = text.split_once("..").ok_or_else(wrong)?;
    match (number(from.trim()), number(to.trim())) {
        (Ok(from), Ok(to)) if from < to => Ok((from, to)),
        _ => Err(wrong()),
    }
}

fn length(text: &str) -> Result<Span, String> {
    let span = Span::read(text).filter(|span| !span.is_zero());
    span.ok_or_else(|| "expected a duration above zero with its unit, such as 60s".to_owned())
}

pub(super) fn swarm(args: &Swarm) -> Answer {
    if args.plans && args.format == ListFormat::Json {
        let text = "--plans: expected --format text; the JSON document has the plans of failures";
        return Err(Failure::Call(text.to_owned()));
    }
    if let Some(folder) = &args.capsules {
        std::fs::create_dir_all(folder).map_err(|error| {
            let (name, why) = (folder.display(), plain(&error));
            Failure::Machine(format!("--capsules {name}: expected a folder: {why}"))
        })?;
        refuse_unwritable("--capsules", &folder.join("try.dagtwin"))?;
    }
    let mut sites = sites(args)?;
    let progress = Arc::new(Progress::default());
    super::stop_when_asked(&progress);
    if args.prove {
        return proven(args, &sites, &progress);
    }
    let mut plans = String::new();
    let clock = Clock::start();
    let to = progress::counted("attacking", &progress, || {
        attack(args, &clock, &mut sites, &progress, &mut plans)
    });
    let stopped = progress.stop.load(Ordering::Relaxed);
    let repeat = repeat(args, (args.seeds.0, to));
    // What was found is told, whatever becomes of its capsules.
    let (capsules, failure) = match kept(args, &sites, &repeat) {
        Ok(capsules) => (capsules, None),
        Err(failure) => (Vec::new(), Some(failure)),
    };
    let report = Report {
        sites: &sites,
        seeds: (args.seeds.0, to),
        capsules: &capsules,
        stopped,
        repeat: &repeat,
    };
    let (runs, took) = (report.runs(), clock.milliseconds().max(1));
    let (seconds, tenths, rate) = (took / 1_000, took / 100 % 10, runs * 1_000 / took);
    let made = counted(runs, "run");
    super::note(&format!("{made} in {seconds}.{tenths} s, {rate} a second"));
    let mut output = plans.into_bytes();
    let written = match args.format {
        ListFormat::Text => {
            let width = usize::from(args.width.unwrap_or_else(super::run::terminal_width));
            swarm::text(&report, width, super::colored(), &mut output)
        }
        ListFormat::Json => swarm::json(&report, &mut output),
    };
    written.map_err(|error| Failure::output(&error))?;
    let broken = sites.iter().any(|(_, tally)| tally.failed() > 0);
    Ok(Done { output, broken, interrupted: stopped, failure })
}

/// A planted bug by its word.
fn flaw(word: &str) -> Result<&'static Flaw, Failure> {
    let found = Flaw::ALL.iter().find(|flaw| flaw.word() == word);
    found.ok_or_else(|| {
        let words: Vec<&str> = Flaw::ALL.iter().map(|flaw| flaw.word()).collect();
        let words = words.join(", ");
        Failure::Call(format!("--set {PLANTED}={word}: expected with --prove one of {words}"))
    })
}

/// Plants each bug in turn, at one site after the other until it is found.
fn proven(args: &Swarm, sites: &[(Site, Tally)], progress: &Progress) -> Answer {
    let jobs = args.jobs.map_or_else(pool::cores, usize::from);
    let (from, to) = args.seeds;
    let seeds = (from, to - from);
    let chosen = args.set.iter().rfind(|(key, _)| key == PLANTED);
    let planted = chosen.map(|(_, word)| flaw(word)).transpose()?;
    let sources: Vec<Attacked> = sites.iter().map(|(site, _)| (&site.source, &*site.set)).collect();
    let all = || -> Result<Vec<Proof>, Vec<Problem>> {
        let mut proofs = Vec::new();
        for flaw in planted.map_or(Flaw::ALL, std::slice::from_ref) {
            if progress.stop.load(Ordering::Relaxed) {
                break;
            }
            proofs.push(prove(*flaw, &sources, seeds, jobs, progress)?);
        }
        Ok(proofs)
    };
    let most = usize::try_from(seeds.1).unwrap_or(usize::MAX).saturating_mul(sites.len());
    progress.total.store(most.saturating_mul(Flaw::ALL.len()), Ordering::Relaxed);
    let proofs = progress::counted("planting bugs", progress, all).map_err(Failure::Input)?;
    let repeat = format!("{} --prove", repeat(args, args.seeds));
    let interrupted = progress.stop.load(Ordering::Relaxed);
    let mut output = Vec::new();
    let written = match args.format {
        ListFormat::Text => swarm::proofs_text(&proofs, interrupted, &repeat, &mut output),
        ListFormat::Json => swarm::proofs_json(&proofs, interrupted, &repeat, &mut output),
    };
    written.map_err(|error| Failure::output(&error))?;
    let broken = proofs.iter().any(|proof| proof.found.is_none());
    Ok(Done { output, broken, interrupted, ..Done::default() })
}

/// Makes the runs, round by round and site by site; the seed that would have been next.
fn attack(
    args: &Swarm,
    clock: &Clock,
    sites: &mut [(Site, Tally)],
    progress: &Progress,
    plans: &mut String,
) -> u64 {
    let jobs = args.jobs.map_or_else(pool::cores, usize::from);
    let (mut from, end) = args.seeds;
    let end = if args.long.is_some() { u64::MAX } else { end };
    let all = (end - from).saturating_mul(sites.len() as u64);
    progress.total.store(usize::try_from(all).unwrap_or(usize::MAX), Ordering::Relaxed);
    let over = || {
        let late =
            args.long.is_some_and(|long| clock.milliseconds() >= long.as_nanos() / 1_000_000);
        late || progress.stop.load(Ordering::Relaxed)
    };
    while from < end && !over() {
        let to = end.min(from.saturating_add(ROUND));
        for (site, tally) in sites.iter_mut() {
            let set = site.set.clone();
            let mut see = |ran: &Ran| {
                if args.plans {
                    *plans += &told(ran, &set);
                }
            };
            round(site, tally, from..to, jobs, progress, &mut see);
        }
        from = to;
    }
    from
}

/// Writes the smallest failures as capsules; their files, with the promise that each breaks.
fn kept(
    args: &Swarm,
    sites: &[(Site, Tally)],
    call: &str,
) -> Result<Vec<(String, &'static str)>, Failure> {
    let Some(folder) = &args.capsules else { return Ok(Vec::new()) };
    let mut files = Vec::new();
    for (site, tally) in sites {
        for (promise, failures) in &tally.failures {
            for failure in &failures.kept {
                let plan = &failure.ran.plan;
                let site_name = site.name.replace(|c: char| !c.is_alphanumeric(), "-");
                let name = format!("{site_name}-{promise}-{}", plan.name());
                let path = folder.join(format!("{name}.dagtwin"));
                if *promise == PANICS {
                    // What stops the program has no journal.
                    let path = folder.join(format!("{name}.toml"));
                    let written = std::fs::write(&path, plan.text(&site.set));
                    written.map_err(|error| Failure::at(&path, &error))?;
                    files.push((path.display().to_string(), *promise));
                    continue;
                }
                let found_by = format!("{call}: {}", plan.name());
                let run = (&site.sources(plan), plan.seed);
                capsule::write(&path, run, promise, found_by, Vec::new())?;
                files.push((path.display().to_string(), *promise));
            }
        }
    }
    Ok(files)
}

/// A plan and what came of it.
fn told(ran: &Ran, set: &[(String, String)]) -> String {
    let mut out = ran.plan.text(set);
    for broken in &ran.broken {
        out += &format!("# broke {} at {}: {}\n", broken.promise, broken.at, broken.why);
    }
    if ran.broken.is_empty() {
        out += "# every promise held\n";
    }
    if let Some(why) = &ran.unavailable {
        out += &format!("# not back: {why}\n");
    }
    out + "\n"
}

fn sites(args: &Swarm) -> Result<Vec<(Site, Tally)>, Failure> {
    let mut names = args.topologies.clone();
    if names.is_empty() {
        names = builtin::SITES.iter().map(|site| site.topology.name.to_owned()).collect();
    }
    let mut seen = BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    // Of a key that is given twice the last value counts.
    let mut set: Vec<(String, String)> = Vec::new();
    for (key, value) in &args.set {
        set.retain(|(known, _)| known != key);
        set.push((key.clone(), value.clone()));
    }
    if args.prove {
        set.retain(|(key, _)| key != PLANTED);
    }
    if !set.iter().any(|(key, _)| key == CLIENTS.0) {
        set.insert(0, (CLIENTS.0.to_owned(), CLIENTS.1.to_owned()));
    }
    let site = |name: &String| {
        let source = input::topology_source(name)?;
        let site = Site::new(name, source, set.clone()).map_err(Failure::Input)?;
        Ok((site, Tally::default()))
    };
    names.iter().map(site).collect()
}

fn repeat(args: &Swarm, (from, to): (u64, u64)) -> String {
    let mut words = vec!["dagtwin swarm".to_owned()];
    words.extend(args.topologies.iter().map(|name| quoted(name)));
    words.push(format!("--seeds {from}..{to}"));
    for (key, value) in &args.set {
        words.push(format!("--set {}", quoted(&format!("{key}={value}"))));
    }
    words.join(" ")
}

/// How long the work has taken: for --for and for the speed, never for what a run does.
struct Clock(std::time::Instant);

impl Clock {
    fn start() -> Self {
        Clock(std::time::Instant::now())
    }

    fn milliseconds(&self) -> u64 {
        let spent: Duration = self.0.elapsed();
        u64::try_from(spent.as_millis()).unwrap_or(u64::MAX)
    }
}
