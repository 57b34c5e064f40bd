//! What is made for a question, and how the answer is shown.

use super::super::failure::{Answer, Done, Failure};
use super::super::files::replaced;
use super::super::run::terminal_width;
use super::arguments::{Output, SweepFormat as Typed};
use super::planned::Asked;
use crate::journal::Header;
use crate::lab::statistics::Ranks;
use crate::lab::sweep::{
    Case, Flip, Lab, Mode, Moments, Point, Sensitivity, Study, Tuned, WorkError, flip, fork,
    points, sensitivity, tune,
};
use crate::report::export::{self, Show, Wish};
use crate::report::sweep::finding::{self, Finding, Question};
use crate::report::sweep::{self as report, Report, SweepFormat};
use crate::sim::{Recording, simulate};
use crate::view::film::Film;
use std::path::{Path, PathBuf};

/// What was made.
pub(super) enum Found {
    /// Figures of points with so many seeds each.
    Points(u64),
    /// What the percentile is sensitive to.
    Sensitivity(Sensitivity),
    /// Where an outcome changes.
    Flip(Flip),
    /// How likely an outcome is, moment by moment.
    Fork(Moments),
    /// Settings that meet goals.
    Tune(Tuned),
}

/// Makes the runs that a question needs.
pub(super) fn work(lab: &mut Lab, asked: &Asked) -> Result<Found, WorkError> {
    match &asked.mode {
        Mode::Points => points(lab, &asked.points).map(Found::Points),
        Mode::Sensitivity(share) => {
            sensitivity(lab, &asked.topology, *share).map(Found::Sensitivity)
        }
        Mode::Flip(outcome) => flip(lab, outcome).map(Found::Flip),
        Mode::Fork(of) => fork(lab, of).map(Found::Fork),
        Mode::Tune(goals) => tune(lab, &asked.points, goals).map(Found::Tune),
    }
}

/// The answer of a share: what is kept is for `dagtwin merge`.
pub(super) fn of_a_share(lab: &Lab, known: usize, (i, n): (u32, u32), path: Option<&Path>) -> Done {
    let path = path.map(|path| path.display().to_string()).unwrap_or_default();
    let (made, all) = (lab.memo.len() - known, lab.memo.len());
    super::super::note(&format!("shard {i}/{n}: {made} runs made, {all} in {path}"));
    Done { interrupted: lab.stopped(), ..Done::default() }
}

/// The answer as it was asked for, on standard output and in files.
pub(super) fn shown(lab: &Lab, asked: &Asked, found: &Found, output: &Output) -> Answer {
    let mut done = Done { interrupted: lab.stopped(), ..Done::default() };
    let mut files: Vec<(PathBuf, Vec<u8>)> = Vec::new();
    match found {
        Found::Points(runs) => {
            let study =
                Study::of(&asked.plan, asked.points.clone(), &lab.memo, &lab.refused, *runs);
            let pages = output
                .write
                .iter()
                .any(|path| path.extension().is_some_and(|end| end == "html" || end == "htm"));
            let wanted = pages || output.format == Typed::Html;
            let timeline = if wanted { timeline(asked, &study)? } else { None };
            let (title, repeat) = (&asked.title, &asked.call);
            let report = Report { study: &study, title, repeat, timeline };
            report::write(&report, format(output), &mut done.output)
                .map_err(|error| Failure::Call(error.to_string()))?;
            for path in &output.write {
                files.extend(report::files(&report, path).map_err(Failure::Call)?);
            }
        }
        other => {
            let question = question(lab, asked, other);
            finding::write(&question, format(output), &mut done.output)
                .map_err(|error| Failure::Call(error.to_string()))?;
            for path in &output.write {
                let mut bytes = Vec::new();
                finding::write(&question, format_of(path)?, &mut bytes)
                    .map_err(|error| Failure::Call(error.to_string()))?;
                files.push((path.clone(), bytes));
            }
        }
    }
    for (path, bytes) in files {
        if let Err(error) = replaced(&path, &bytes) {
            // What was asked for on standard output should not be lost with the file.
            return Ok(Done { failure: Some(Failure::at(&path, &error)), ..done });
        }
    }
    Ok(done)
}

/// Whether every file can be written, as far as that can be told before the work.
pub(super) fn writable(output: &Output, mode: &Mode, runs: &[&Path]) -> Result<(), Failure> {
    for path in &output.write {
        let whole = std::fs::canonicalize(path).ok();
        let same = |runs: &&Path| {
            path == *runs || (whole.is_some() && std::fs::canonicalize(runs).ok() == whole)
        };
        if runs.iter().any(same) {
            return Err(Failure::Call(format!(
                "{}: expected another file than the one that keeps the runs",
                path.display()
            )));
        }
        match mode {
            Mode::Points => report::known(path).map_err(Failure::Call)?,
            _ => drop(format_of(path)?),
        }
        let folder = path.parent().filter(|folder| *folder != Path::new(""));
        if let Some(Err(error)) = folder.map(std::fs::metadata) {
            return Err(Failure::at(path, &error));
        }
    }
    let pictures = matches!(mode, Mode::Sensitivity(_) | Mode::Tune(_));
    match (output.format, mode) {
        (Typed::Html, Mode::Points) | (Typed::Text | Typed::Json | Typed::Csv, _) => Ok(()),
        (Typed::Svg, _) if !pictures => Ok(()),
        (Typed::Svg | Typed::Html, _) => {
            let text = "--format: this question has text, json and csv; --flip and --fork have svg \
                        too, points html";
            Err(Failure::Call(text.to_owned()))
        }
    }
}

fn question<'f>(lab: &Lab, asked: &'f Asked, found: &'f Found) -> Question<'f> {
    let finding = match (found, &asked.mode) {
        (Found::Sensitivity(found), _) => Finding::Sensitivity(found),
        (Found::Flip(found), Mode::Flip(outcome)) => Finding::Flip(found, outcome),
        (Found::Fork(found), Mode::Fork(fork)) => Finding::Fork(found, &fork.outcome),
        (Found::Tune(found), Mode::Tune(goals)) => Finding::Tune(found, goals),
        _ => unreachable!("what is found is what was asked"),
    };
    Question {
        plan: &asked.plan,
        title: &asked.title,
        topology: &asked.topology,
        finding,
        stopped: lab.stopped(),
        runs: lab.memo.len(),
        repeat: &asked.call,
    }
}

/// The lanes of the run that stands for the median of the site as it is.
fn timeline(asked: &Asked, study: &Study) -> Result<Option<String>, Failure> {
    let mut all = study.points[0].cases[0].durations(&asked.plan.measure);
    all.sort_by_key(|(seed, span)| (*span, *seed));
    let Some(ranks) = Ranks::of(all.len() as u64, 500) else { return Ok(None) };
    let (seed, _) = all[ranks.rank as usize - 1];
    let site = asked.plan.site(&Point::new(), Case::Planned).map_err(Failure::Input)?;
    let (topology, scenario) = (&site.0.topology, &site.1);
    let recorded = simulate(topology, scenario, seed, Recording::Memory);
    let film = Film::of(Header::of_run(topology, scenario, seed), recorded.records);
    let wish = Wish { show: Show::Lanes, at: None, from: None, until: None, width: 960 };
    let mut svg = Vec::new();
    export::svg(&film, wish, &mut svg).map_err(|error| Failure::output(&error))?;
    Ok(String::from_utf8(svg).ok())
}

fn format(output: &Output) -> SweepFormat {
    match output.format {
        Typed::Text => SweepFormat::Text {
            width: usize::from(output.width.unwrap_or_else(terminal_width)),
            color: super::super::colored(),
        },
        Typed::Json => SweepFormat::Json,
        Typed::Csv => SweepFormat::Csv,
        Typed::Svg => SweepFormat::Svg,
        Typed::Html => SweepFormat::Html,
    }
}

/// The form that a file's name ends in, for questions.
fn format_of(path: &Path) -> Result<SweepFormat, Failure> {
    let end = path.extension().and_then(|end| end.to_str()).map(str::to_ascii_lowercase);
    match end.as_deref() {
        Some("json") => Ok(SweepFormat::Json),
        Some("csv") => Ok(SweepFormat::Csv),
        Some("svg") => Ok(SweepFormat::Svg),
        _ => Err(Failure::Call(format!(
            "`{}`: expected a name that ends in .json, .csv or .svg, which this question has",
            path.display()
        ))),
    }
}
