//! `dagtwin run`: one run and its report.

use super::args::{ReportFormat, Run, Seed};
use super::failure::{Answer, Done, Failure, refuse_unwritable};
use super::{input, journal, pace, progress};
use crate::journal::Header;
use crate::lab;
use crate::model::builtin;
use crate::report::{self, Format};
use crate::sim::{Recording, simulate};
use crate::view::film::Film;
use std::path::Path;

/// Width of a text report that goes to no terminal.
const WIDTH: u16 = 120;
/// Widths that a report can make good use of.
const USEFUL_WIDTHS: std::ops::RangeInclusive<u16> = 60..=200;

pub(super) fn run(args: &Run) -> Answer {
    let scenario = args.scenario.as_deref();
    let args = &Run { topology: topology(args)?, ..args.clone() };
    let site = input::site(&args.topology, scenario, &args.set, args.until.as_deref())?;
    if let Some(path) = &args.journal {
        refuse_unwritable("--journal", path)?;
    }
    let seed = args.seed.map_or_else(|| site.seed.unwrap_or(1), Seed::number);
    let (topology, scenario) = (&site.loaded.topology, &site.scenario);
    let header = || Header::of_run(topology, scenario, seed).with_sources(site.sources.clone());
    let outcome = match args.pace {
        Some(speed) => {
            let paced = pace::run(args, speed, &header(), scenario.until)?;
            match paced {
                pace::Paced::Whole(recorded) => {
                    let books = Some(lab::Books::of(&recorded));
                    let site_of = (topology, scenario);
                    lab::judged(site_of, seed, &site.loaded.given, recorded.records, books)
                }
                pace::Paced::Interrupted => return Ok(Done { broken: true, ..Done::default() }),
            }
        }
        None => {
            let note = format!("running {} in {}, seed {seed}", scenario.name, topology.name);
            progress::during(&note, || lab::run(topology, scenario, seed, &site.loaded.given))
        }
    };
    if let (Some(path), None) = (&args.journal, args.pace) {
        journal::write(path, &header(), &outcome.records)?;
    }
    let mut done =
        Done { output: Vec::new(), broken: outcome.verdict.kind.is_broken(), ..Done::default() };
    if !args.quiet {
        let repeat = repeat(args, seed);
        let written = report::write(&outcome, format(args), &repeat, &mut done.output);
        written.map_err(|error| Failure::output(&error))?;
    }
    Ok(done)
}

/// The topology that was asked for; if that is the one that nobody has to ask for, the one that the
/// scenario's file names.
fn topology(args: &Run) -> Result<String, Failure> {
    let file = args.scenario.as_deref().map(Path::new).filter(|file| file.is_file());
    let usual = args.topology == builtin::SITES[0].topology.name;
    if let Some(kept) = file.filter(|file| journal::is_one(file)) {
        let kept = kept.display();
        let text = format!("{}: expected no topology; {kept} has its own", args.topology);
        return if usual { Ok(args.topology.clone()) } else { Err(Failure::Call(text)) };
    }
    match file.filter(|_| usual) {
        Some(file) => Ok(input::topology_named(file)?.unwrap_or_else(|| args.topology.clone())),
        None => Ok(args.topology.clone()),
    }
}

/// A site's run as a film.
pub(super) fn film(site: input::Site, seed: u64) -> Film {
    let (topology, scenario) = (&site.loaded.topology, &site.scenario);
    let note = format!("running {} in {}, seed {seed}", scenario.name, topology.name);
    let recorded =
        progress::during(&note, || simulate(topology, scenario, seed, Recording::Memory));
    let header = Header::of_run(topology, scenario, seed).with_sources(site.sources);
    Film::of(header, recorded.records)
}

fn format(args: &Run) -> Format {
    match args.format {
        ReportFormat::Text => Format::Text {
            width: usize::from(args.width.unwrap_or_else(terminal_width)),
            color: super::colored(),
        },
        ReportFormat::Json => Format::Json,
        ReportFormat::Csv => Format::Csv,
    }
}

/// Width of the terminal that standard output is, within reason.
pub(super) fn terminal_width() -> u16 {
    let size = terminal_size::terminal_size_of(std::io::stdout());
    size.map_or(WIDTH, |(width, _)| width.0.clamp(*USEFUL_WIDTHS.start(), *USEFUL_WIDTHS.end()))
}

/// The command that repeats this run.
fn repeat(args: &Run, seed: u64) -> String {
    let scenario = args.scenario.as_deref().unwrap_or(crate::model::builtin::DEFAULT_SCENARIO);
    let mut words = vec!["dagtwin".to_owned(), "run".to_owned()];
    // A journal has its topology with it.
    words.extend((!journal::is_one(Path::new(scenario))).then(|| quoted(&args.topology)));
    // A file's name must not be taken for an option.
    let here = if scenario.starts_with('-') { "./" } else { "" };
    words.extend(["--scenario".to_owned(), quoted(&format!("{here}{scenario}"))]);
    words.extend(["--seed".to_owned(), seed.to_string()]);
    for (key, value) in &args.set {
        words.extend(["--set".to_owned(), quoted(&format!("{key}={value}"))]);
    }
    if let Some(until) = &args.until {
        words.extend(["--until".to_owned(), quoted(until)]);
    }
    words.join(" ")
}

/// A word as a shell takes it.
pub(super) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_would_break_them() {
        assert_eq!(quoted("clients.count=10"), "clients.count=10");
        assert_eq!(quoted("my site"), "'my site'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}
