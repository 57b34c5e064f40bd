//! What a person can type after `dagtwin sweep`.

use super::super::args::{key_value, number};
use crate::base::Span;
use crate::lab::sweep::{Enough, words};
use crate::model::load::MOST_RUNS;
use crate::model::measure;
use crate::model::settings::Value;
use crate::model::vary::{Axis, MOST_POINTS, Values};
use clap::{Args, ValueEnum, ValueHint};
use std::path::PathBuf;

/// Run a scenario many times with other seeds and other values; tell what changes, by how much,
/// and how sure that is.
///
/// A key that is varied is one of `dagtwin list parameters`, or a path into the topology's or the
/// scenario's file: fault.0.at, fault.nic-down.lasts, clients.owa.count, start.CASArray.
/// The site as it is always is one of the points. Draws are keyed by who draws for what, so runs
/// of two points with one seed differ by nothing but the values.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Sweep {
    /// A built-in topology's name, a folder with a topology.toml, or such a file [default:
    /// two-node-2010].
    #[arg(value_hint = ValueHint::AnyPath)]
    pub topology: Option<String>,
    /// A scenario's name in the topology's folder, or a scenario file [default: nic-loss].
    #[arg(long, short, value_name = "NAME|FILE", value_hint = ValueHint::AnyPath)]
    pub scenario: Option<String>,
    /// Values of a key: 3..20, 1s..5s:500ms, 0%..10%:1%, or a list with commas; may be given many
    /// times.
    #[arg(long, value_name = "KEY=VALUES", value_parser = axis)]
    pub vary: Vec<Axis>,
    /// Take the plan from a file; what is given on the command line counts before it.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub plan: Option<PathBuf>,
    /// Instead of every combination: so many points, spread evenly over the ranges.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=MOST_POINTS))]
    pub random: Option<u64>,
    /// Instead of every combination: every value alone, the other keys as they are.
    #[arg(long, conflicts_with = "random")]
    pub one_at_a_time: bool,
    /// Seeds of each point [default: 100]; at most so many with --enough.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=MOST_RUNS))]
    pub runs: Option<u64>,
    /// Seed of the first run: a number (0x for hexadecimal) [default: 1].
    #[arg(long, value_parser = number, value_name = "N")]
    pub seed: Option<u64>,
    /// Also run every point with every fault lasting so long: whoever fails over then does so in
    /// vain. May be given many times [default: 3s]; none for no such runs.
    #[arg(long, value_name = "LENGTH", value_parser = hiccup)]
    pub hiccup: Vec<Hiccup>,
    /// The duration that is looked at: recovered, outlook, outlook-outage, owa, group:NAME,
    /// database:NAME … [default: recovered].
    #[arg(long, value_name = "NAME")]
    pub measure: Option<String>,
    /// Which percentile of it [default: p95].
    #[arg(long, value_name = "PERCENTILE", value_parser = percentile)]
    pub percentile: Option<u32>,
    /// Whose outage is divided into stages: outlook, group:NAME, database:NAME … [default: of
    /// what users reach, what was back last].
    #[arg(long, value_name = "NAME")]
    pub budget: Option<String>,
    /// Stop when intervals are this narrow: a duration for the percentile, a share such as 2% for
    /// probabilities.
    #[arg(long, value_name = "WIDTH", value_parser = enough)]
    pub enough: Option<Enough>,
    #[command(flatten)]
    pub question: Question,
    /// Give a setting or a key of the files another value in every run; may be given many times.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_value)]
    pub set: Vec<(String, String)>,
    /// End every run at this moment instead of the scenario's, such as `10m`.
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// Runs at a time [default: one for each core].
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024), value_name = "N")]
    pub jobs: Option<u16>,
    /// Keep every run in this file as soon as it is made; runs that are in it are not made again.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub store: Option<PathBuf>,
    /// Make only the I-th of N shares of the runs, into --store; `dagtwin merge` puts them
    /// together.
    #[arg(long, value_name = "I/N", value_parser = shard, requires = "store")]
    pub shard: Option<(u32, u32)>,
    #[command(flatten)]
    pub output: Output,
}

/// What is asked of the runs beside their figures.
#[derive(Args, Clone, Debug)]
#[group(multiple = true)]
#[command(next_help_heading = "Questions")]
pub(crate) struct Question {
    /// Which key moves the percentile most: makes each smaller and larger by a share, such as 20%
    /// (the default), pair by pair. The keys of --vary, or else every setting with a number.
    #[arg(long, value_name = "SHARE", num_args = 0..=1, default_missing_value = "20%",
          value_parser = perturbation, group = "mode")]
    pub sensitivity: Option<u64>,
    /// At which value of a key, from A to B, does the outcome change: KEY=A..B.
    #[arg(long, value_name = "KEY=A..B", value_parser = axis, group = "mode")]
    pub flip: Option<Axis>,
    /// How likely is the outcome when all draws are made anew from a moment on: A..B:STEP.
    #[arg(long, value_name = "MOMENTS", value_parser = moments, group = "mode")]
    pub fork: Option<Values>,
    /// Find settings among the points of --vary that meet a goal; may be given many times:
    /// "outlook p95 <= 12s", "no failover on a hiccup of 4s".
    #[arg(long, value_name = "GOAL", group = "mode")]
    pub goal: Vec<String>,
    /// The outcome of --flip and --fork: failover, not-back, broken, unmet, lost-mail, lost-logs,
    /// or a duration that is too long, such as outlook>12s [default: failover for --flip, not-back
    /// for --fork].
    #[arg(long, value_name = "OUTCOME")]
    pub outcome: Option<String>,
    /// A change that is made at the moment of the fork, as `dagtwin what-if` takes it; may be
    /// given many times.
    #[arg(long, value_name = "CHANGE", requires = "fork")]
    pub change: Vec<String>,
}

/// Where the answer goes.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Output")]
pub(crate) struct Output {
    /// Form of the answer on standard output.
    #[arg(long, value_enum, default_value_t = SweepFormat::Text)]
    pub format: SweepFormat,
    /// Also write a file in the form that its name ends in: .json, .csv, .svg, .html, .hlog,
    /// .hgrm, .parquet; may be given many times.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub write: Vec<PathBuf>,
    /// Width of the text in columns [default: the terminal's, or 120].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(60..=400))]
    pub width: Option<u16>,
}

/// Form of a sweep's answer.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum SweepFormat {
    /// For a person.
    Text,
    /// One JSON document.
    Json,
    /// A table with a row for each point and case.
    Csv,
    /// Pictures.
    Svg,
    /// A page for a browser.
    Html,
}

/// A length of hiccups as typed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Hiccup {
    /// None at all.
    No,
    /// So long.
    Lasts(Span),
}

const EXAMPLES: &str = "\
Ctrl-C ends the work; the answer then has what is done, and the exit status is 130. With --store,
the same call goes on from there, also after a crash.

Examples:
  dagtwin sweep --runs 1000 --set clients.count=1
  dagtwin sweep --vary cluster.same_subnet_threshold=3..20 --measure outlook
  dagtwin sweep --vary fault.0.at=60s..61s:100ms --hiccup none --format csv
  dagtwin sweep --vary store.mount_time=1s..5s --vary fault.0.at=60s..61s --random 40
  dagtwin sweep --sensitivity --measure outlook
  dagtwin sweep --flip fault.0.lasts=100ms..20s
  dagtwin sweep --fork 60s..75s:1s --outcome 'outlook>12s'
  dagtwin sweep --vary cluster.same_subnet_threshold=3..20 --goal 'outlook p95 <= 12s' \\
      --goal 'no failover on a hiccup of 4s'
  dagtwin sweep --runs 100000 --store runs.sweep --write sweep.html --write sweep.hlog";

/// `KEY=VALUES`.
pub(super) fn axis(text: &str) -> Result<Axis, String> {
    let (key, values) = key_value(text).map_err(|_| {
        "expected KEY=VALUES, such as cluster.same_subnet_threshold=3..20".to_owned()
    })?;
    let values = Values::read(&values).map_err(|expected| format!("expected {expected}"))?;
    Ok(Axis { key, values })
}

pub(super) fn moments(text: &str) -> Result<Values, String> {
    let expected = || "expected moments such as 60s..75s:1s, or 60s,65s,70s".to_owned();
    let values = Values::read(text).map_err(|_| expected())?;
    let grid = values.grid().map_err(|_| expected())?;
    let all = grid.iter().all(|moment| Span::read(moment).is_some());
    all.then_some(values).ok_or_else(expected)
}

fn hiccup(text: &str) -> Result<Hiccup, String> {
    if text == "none" {
        return Ok(Hiccup::No);
    }
    let length = Span::read(text).filter(|span| !span.is_zero());
    length.map(Hiccup::Lasts).ok_or_else(|| "expected a duration such as 3s, or none".to_owned())
}

pub(super) fn percentile(text: &str) -> Result<u32, String> {
    measure::percentile(text).ok_or_else(|| format!("expected {}", measure::PERCENTILE_EXPECTED))
}

pub(super) fn perturbation(text: &str) -> Result<u64, String> {
    let share = words::share(text).filter(|share| (1_000..=900_000).contains(share));
    share.ok_or_else(|| "expected a share from 0.1% to 90%, such as 20%".to_owned())
}

pub(super) fn enough(text: &str) -> Result<Enough, String> {
    let width = Span::read(text).filter(|span| !span.is_zero()).map(Enough::Width);
    let share = words::share(text).filter(|share| *share > 0).map(Enough::Share);
    width
        .or(share)
        .ok_or_else(|| "expected a duration such as 200ms, or a share such as 2%".to_owned())
}

fn shard(text: &str) -> Result<(u32, u32), String> {
    let parts = text.split_once('/').and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
    let sound = parts.filter(|(i, n): &(u32, u32)| *i >= 1 && i <= n && *n <= 100_000);
    sound.ok_or_else(|| "expected I/N with I from 1 to N, such as 2/8".to_owned())
}
