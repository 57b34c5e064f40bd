//! `dagtwin export`: a journal in the form of another tool; a picture.

use super::args::{key_value, number};
use super::failure::{Answer, Done, Failure};
use super::{input, journal};
use crate::base::{Instant, Span};
use crate::model::Problem;
use crate::model::settings::Value;
use crate::report::export::{self, Show, Wish};
use crate::view::film::Film;
use clap::{Args, ValueEnum, ValueHint};
use std::path::{Path, PathBuf};

/// Write a journal in a form that other programs read: a picture of its lanes or of a moment.
///
/// A topology's name or file is run first, as `dagtwin run` does.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Export {
    /// A journal that `dagtwin run --journal` wrote; or a built-in topology's name, a folder with
    /// a topology.toml, or such a file.
    #[arg(default_value = "two-node-2010", value_hint = ValueHint::AnyPath, value_name = "JOURNAL|TOPOLOGY")]
    pub source: String,
    /// The form.
    #[arg(long, value_enum, value_name = "FORM")]
    pub to: Form,
    /// What the picture shows.
    #[arg(long, value_enum, default_value_t = Shown::Lanes)]
    pub show: Shown,
    /// Moment of the scene, such as `66s` [default: the worst one of the worst outage].
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,
    /// Where the lanes begin [default: shortly before the first fault or order].
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
    /// Where the lanes end [default: when everything is back].
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// Width of the picture in pixels.
    #[arg(long, default_value_t = 900, value_parser = clap::value_parser!(u32).range(480..=10_000), value_name = "PX")]
    pub width: u32,
    /// A topology's scenario, by its name or file [default: nic-loss].
    #[arg(long, short, value_name = "NAME|FILE", value_hint = ValueHint::AnyPath)]
    pub scenario: Option<String>,
    /// Seed of the run: a number (0x for hexadecimal) [default: 1].
    #[arg(long, value_parser = number, value_name = "N")]
    pub seed: Option<u64>,
    /// Give a setting of the topology another value; may be given many times.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_value)]
    pub set: Vec<(String, String)>,
    /// Write to this file instead of standard output.
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,
}

/// A form that other programs read.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    /// A picture, for browsers and documents.
    Svg,
}

/// What a picture can show.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Shown {
    /// Everything over time, and where the time of the worst outage went.
    Lanes,
    /// The site at a moment.
    Scene,
}

const EXAMPLES: &str = "\
Examples:
  dagtwin export two-node-2010 --to svg > nic-loss.svg
  dagtwin export run.dagtwin --to svg --from 55s --until 90s --output lanes.svg
  dagtwin export dag-sixteen --scenario power-off --to svg --show scene --at 66s > scene.svg";

pub(super) fn export(args: &Export) -> Answer {
    let wish = wish(args)?;
    let film = film(args)?;
    let mut output = Vec::new();
    match args.to {
        Form::Svg => export::svg(&film, wish, &mut output),
    }
    .map_err(|error| Failure::output(&error))?;
    let Some(path) = &args.output else { return Ok(Done::with(output)) };
    std::fs::write(path, output).map_err(|error| Failure::at(path, &error))?;
    Ok(Done::default())
}

/// What was asked for; every moment that is none is told.
fn wish(args: &Export) -> Result<Wish, Failure> {
    let mut problems = Vec::new();
    let mut moment = |option: &str, text: &Option<String>| {
        let text = text.as_ref()?;
        let Some(span) = Span::read(text) else {
            problems.push(problem(option, text, "a duration with its unit, such as \"66s\""));
            return None;
        };
        Some(Instant::ZERO.saturating_add(span))
    };
    let (at, from) = (moment("--at", &args.at), moment("--from", &args.from));
    let until = moment("--until", &args.until);
    if let (Some(from), Some(until), Some(text)) = (from, until, &args.until)
        && until <= from
    {
        problems.push(problem("--until", text, &format!("a moment after --from, {from}")));
    }
    if !problems.is_empty() {
        return Err(Failure::Input(problems));
    }
    if args.show == Shown::Lanes && args.at.is_some() {
        let text = "--at: expected with `--show scene` only; lanes take --from and --until";
        return Err(Failure::Call(text.to_owned()));
    }
    let show = match args.show {
        Shown::Lanes => Show::Lanes,
        Shown::Scene => Show::Scene,
    };
    Ok(Wish { show, at, from, until, width: args.width })
}

fn problem(option: &str, value: &str, expected: &str) -> Problem {
    Problem {
        file: option.to_owned(),
        line: None,
        key: String::new(),
        value: format!("{value:?}"),
        expected: expected.to_owned(),
        hint: None,
    }
}

/// The journal that an argument names, or that of a run of the topology that it names.
fn film(args: &Export) -> Result<Film, Failure> {
    let path = Path::new(&args.source);
    if path.is_file() && path.extension().is_none_or(|ending| ending != "toml") {
        if args.scenario.is_some() || args.seed.is_some() || !args.set.is_empty() {
            let text = "--scenario, --seed and --set are for a topology that is run; a journal \
                        has been";
            return Err(Failure::Call(format!("{}: {text}", args.source)));
        }
        let journal = journal::read(path)?;
        return Ok(Film::of(journal.header, journal.records));
    }
    let site = input::site(&args.source, args.scenario.as_deref(), &args.set, None)?;
    Ok(super::run::film(site, args.seed.unwrap_or(1)))
}
