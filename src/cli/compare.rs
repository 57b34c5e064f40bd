//! `dagtwin compare`: designs under the same faults and draws.

use super::args::{StudyFormat, key_value, number};
use super::failure::{Answer, Done, Failure};
use super::{input, measured, progress};
use crate::lab::compare::{self, Comparison, Design, Question};
use crate::lab::pool::{self, Progress};
use crate::model::Rates;
use crate::model::load;
use crate::model::rates::BUILT_IN;
use crate::report::compare::{Report, write};
use clap::{Args, ValueHint};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Compare designs under the same faults and draws: what each costs, what each fault does to its
/// clients, and how long a year of faults leaves them without service.
///
/// A design is a topology, with settings of its own after plus signs:
/// two-node-2010+cluster.same_subnet_threshold=10. Its faults are drawn from rates; the same part
/// of two designs fails at the same moments.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Compare {
    /// A built-in topology's name, a folder with a topology.toml, or such a file; then settings,
    /// each after a plus sign. The first design is what the others are compared with.
    #[arg(required = true, value_name = "DESIGN[+KEY=VALUE]", value_hint = ValueHint::AnyPath)]
    pub designs: Vec<String>,
    /// Also run this scenario in every design: its name in each topology, or a file.
    #[arg(long, short, value_name = "NAME|FILE", value_hint = ValueHint::AnyPath)]
    pub scenario: Vec<String>,
    /// Years of each design.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(0..=100_000), value_name = "N")]
    pub years: u64,
    /// Seeds of every fault alone and of every scenario; the years take turns with them
    /// [default: 2].
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=10_000), value_name = "N")]
    pub runs: Option<u64>,
    /// Seed of every random draw: a number (0x for hexadecimal).
    #[arg(long, default_value = "1", value_parser = number, value_name = "N")]
    pub seed: u64,
    /// How often what fails, and for how long, instead of the rates that come with the program.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub rates: Option<PathBuf>,
    /// Play every quiet stretch to its end; needs much time and memory.
    #[arg(long, conflicts_with = "quiet_limit")]
    pub exact: bool,
    /// Longest quiet stretch that is played, such as `30m`; --set year.quiet_limit in short.
    #[arg(long, value_name = "TIME")]
    pub quiet_limit: Option<String>,
    /// Runs at a time [default: one for each core].
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024), value_name = "N")]
    pub jobs: Option<u16>,
    /// Give a setting another value in every design; may be given many times.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_value)]
    pub set: Vec<(String, String)>,
    /// Give a price, such as server=8000; --set prices.KEY=VALUE in short.
    #[arg(long = "price", value_name = "KEY=VALUE", value_parser = key_value)]
    pub price: Vec<(String, String)>,
    /// Hold the prediction against what was measured: folders with repetitions of faults, as the
    /// test bed of docs/BED.md writes them. Each fault is compared with as many runs of the
    /// scenario of its name as --runs says [default with this: 200].
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    #[arg(conflicts_with_all = ["years", "rates", "exact", "quiet_limit", "price", "keep"])]
    pub measured: Vec<PathBuf>,
    /// With --measured, give settings the values that were measured in the journals of these
    /// folders: those of `dagtwin import FOLDER --settings`. They need not be the same folders.
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath, requires = "measured")]
    pub import: Vec<PathBuf>,
    /// Write the episodes that the report names into this folder, as scenario files.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub keep: Option<PathBuf>,
    /// Form of the report on standard output.
    #[arg(long, value_enum, default_value_t = StudyFormat::Text)]
    pub format: StudyFormat,
    /// Width of the text report in columns [default: the terminal's, or 120].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(60..=400))]
    pub width: Option<u16>,
}

const EXAMPLES: &str = "\
Examples:
  dagtwin compare two-node-2010 lagged-copy
  dagtwin compare two-node-2010 two-node-2010+cluster.same_subnet_threshold=10 --years 30
  dagtwin compare my-site two-node-2010 --rates my-rates.toml --price server=8000
  dagtwin compare two-node-2010 my-site --scenario nic-loss --scenario power-off
  dagtwin compare two-node-2010 my-site --format svg > outage.svg
  dagtwin compare my-site --keep episodes
  dagtwin compare topologies/bed --measured results";

/// Runs of every fault if none are asked for, and where they are held against measurements.
const RUNS: u64 = 2;
const PREDICTED: u64 = 200;

pub(super) fn compare(args: &Compare) -> Answer {
    if !args.measured.is_empty() {
        return held_against(args);
    }
    let rates = rates(args.rates.as_deref())?;
    let designs = designs(args)?;
    if let Some(folder) = &args.keep {
        std::fs::create_dir_all(folder).map_err(|error| Failure::at(folder, &error))?;
    }
    let question = Question {
        rates,
        years: args.years,
        runs: args.runs.unwrap_or(RUNS),
        seed: args.seed,
        jobs: args.jobs.map_or_else(pool::cores, usize::from),
        exact: args.exact,
    };
    let done = Arc::new(Progress::default());
    super::stop_when_asked(&done);
    let found =
        progress::counted("comparing", &done, || compare::compare(&designs, &question, &done));
    let comparison = found.map_err(Failure::Input)?;
    if let Some(folder) = &args.keep {
        keep(folder, &designs, &comparison)?;
    }
    let kept = args.keep.as_ref().map(|folder| super::run::quoted(&folder.display().to_string()));
    let report = Report {
        designs: &designs,
        question: &question,
        comparison: &comparison,
        kept: kept.as_deref(),
        repeat: &repeat(args),
    };
    let mut output = Vec::new();
    write(&report, super::study_format(args.format, args.width), &mut output)
        .map_err(|error| Failure::output(&error))?;
    let broken = broken(&comparison);
    Ok(Done { output, broken, interrupted: comparison.stopped, ..Done::default() })
}

/// The prediction of one design beside what was measured.
fn held_against(args: &Compare) -> Answer {
    let [design] = args.designs.as_slice() else {
        let expected = "--measured: expected one design, the one that the measured site has";
        return Err(Failure::Call(expected.to_owned()));
    };
    let (site, own) = parts(design)?;
    let imported = measured::imported(&args.import)?;
    let set: Vec<_> = imported.into_iter().chain(args.set.iter().cloned()).chain(own).collect();
    measured::compare(&measured::Question {
        site: &site,
        set: &set,
        from: &args.measured,
        runs: args.runs.unwrap_or(PREDICTED),
        seed: args.seed,
        jobs: args.jobs.map_or_else(pool::cores, usize::from),
        format: super::study_format(args.format, args.width),
        repeat: &repeat(args),
    })
}

/// Whether a promise was broken anywhere.
fn broken(comparison: &Comparison) -> bool {
    comparison.results.iter().any(|result| {
        let episodes = result.episodes.iter().any(|episode| episode.verdict.is_broken());
        let faults = result.faults.iter().map(|of| of.broken);
        episodes || faults.chain(result.scenarios.iter().map(|of| of.broken)).any(|of| of > 0)
    })
}

/// The rates of a file, or those that come with the program.
fn rates(path: Option<&Path>) -> Result<Rates, Failure> {
    let (file, text) = match path {
        Some(path) => (path.display().to_string(), input::text_of(path)?),
        None => (BUILT_IN.0.to_owned(), BUILT_IN.1.to_owned()),
    };
    load::rates(&file, &text).map_err(Failure::Input)
}

/// A design as typed: its topology, and settings after plus signs. A plus sign that no setting
/// follows is part of the path.
fn parts(argument: &str) -> Result<(String, Vec<(String, String)>), Failure> {
    let mut topology = String::new();
    let mut set = Vec::new();
    for (number, part) in argument.split('+').enumerate() {
        match part.split_once('=') {
            Some((key, value)) if number > 0 && key.contains('.') => {
                set.push((key.trim().to_owned(), value.trim().to_owned()));
            }
            _ if set.is_empty() => {
                topology += if number > 0 { "+" } else { "" };
                topology += part;
            }
            _ => {
                let expected = "expected KEY=VALUE after the plus sign, with a key of `dagtwin \
                                list parameters`";
                return Err(Failure::Call(format!("the design `{argument}`: {expected}")));
            }
        }
    }
    Ok((topology, set))
}

/// Everything that is set in every design.
fn common(args: &Compare) -> Vec<(String, String)> {
    let mut set = args.set.clone();
    let prices = args.price.iter();
    set.extend(prices.map(|(key, value)| (format!("prices.{key}"), value.clone())));
    set.extend(args.quiet_limit.iter().map(|limit| ("year.quiet_limit".to_owned(), limit.clone())));
    set
}

fn designs(args: &Compare) -> Result<Vec<Design>, Failure> {
    let mut designs: Vec<Design> = Vec::new();
    for argument in &args.designs {
        let (topology, own) = parts(argument)?;
        let mut set = common(args);
        set.extend(own);
        let loaded = input::topology(&topology, &set)?;
        let mut call = super::run::quoted(&topology);
        for (key, value) in &set {
            call += &format!(" --set {}", super::run::quoted(&format!("{key}={value}")));
        }
        let mut scenarios = Vec::new();
        for name in &args.scenario {
            let site = input::site(&topology, Some(name), &set, None)?;
            scenarios.push((site.loaded, site.scenario));
        }
        designs.push(Design { label: argument.clone(), call, loaded, scenarios });
    }
    Ok(designs)
}

/// Writes the named episodes.
fn keep(folder: &Path, designs: &[Design], comparison: &Comparison) -> Result<(), Failure> {
    for (design, result) in designs.iter().zip(&comparison.results) {
        for episode in &result.episodes {
            let path = folder.join(&episode.name);
            let head = format!(
                "# An episode of year {} of {}, written by `dagtwin compare`.\n",
                episode.year, design.label
            );
            std::fs::write(&path, head + &episode.text)
                .map_err(|error| Failure::at(&path, &error))?;
        }
    }
    Ok(())
}

/// The command that repeats the comparison.
fn repeat(args: &Compare) -> String {
    let quoted = super::run::quoted;
    let mut words = vec!["dagtwin compare".to_owned()];
    words.extend(args.designs.iter().map(|design| quoted(design)));
    words.extend(args.scenario.iter().map(|name| format!("--scenario {}", quoted(name))));
    let (years, seed) = (args.years, args.seed);
    if args.measured.is_empty() {
        words.push(format!("--years {years} --runs {} --seed {seed}", args.runs.unwrap_or(RUNS)));
    } else {
        let folders = args.measured.iter().map(|path| quoted(&path.display().to_string()));
        words.extend(folders.map(|path| format!("--measured {path}")));
        let folders = args.import.iter().map(|path| quoted(&path.display().to_string()));
        words.extend(folders.map(|path| format!("--import {path}")));
        words.push(format!("--runs {} --seed {seed}", args.runs.unwrap_or(PREDICTED)));
    }
    let rates = args.rates.iter().map(|path| quoted(&path.display().to_string()));
    words.extend(rates.map(|path| format!("--rates {path}")));
    if args.exact {
        words.push("--exact".to_owned());
    }
    words.extend(args.quiet_limit.iter().map(|limit| format!("--quiet-limit {}", quoted(limit))));
    for (option, pairs) in [("--set", &args.set), ("--price", &args.price)] {
        let pairs = pairs.iter().map(|(key, value)| quoted(&format!("{key}={value}")));
        words.extend(pairs.map(|pair| format!("{option} {pair}")));
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_design_has_its_settings_after_plus_signs() {
        let read = |text: &str| parts(text).expect("a design");
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(read("a"), ("a".to_owned(), Vec::new()));
        let set = vec![pair("b.c", "1"), pair("d.e", "2s")];
        assert_eq!(read("./my+site+b.c=1+d.e=2s"), ("./my+site".to_owned(), set));
        assert!(parts("a+b.c=1+d").is_err());
    }
}
