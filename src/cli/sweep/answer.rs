//! What is made for a question, and how the answer is shown.

use super::super::failure::{Answer, Done, Failure};
use super::super::run::terminal_width;
use super::arguments::{Output, SweepFormat as Typed};
use super::planned::Asked;
use crate::lab::sweep::{Lab, Study, WorkError, points};
use crate::report::sweep::{self as report, Report, SweepFormat};
use std::path::Path;

/// What was made.
pub(super) enum Found {
    /// Figures of points with so many seeds each.
    Points(u64),
}

/// Makes the runs that a question needs.
pub(super) fn work(lab: &mut Lab, asked: &Asked) -> Result<Found, WorkError> {
    points(lab, &asked.points).map(Found::Points)
}

/// The answer of a share: what is kept is for `dagtwin merge`.
pub(super) fn of_a_share(lab: &Lab, known: usize, (i, n): (u32, u32), path: Option<&Path>) -> Done {
    let path = path.map(|path| path.display().to_string()).unwrap_or_default();
    let (made, all) = (lab.memo.len() - known, lab.memo.len());
    super::super::note(&format!("shard {i}/{n}: {made} runs made, {all} in {path}"));
    Done { interrupted: lab.stopped(), ..Done::default() }
}

/// The answer as it was asked for.
pub(super) fn shown(lab: &Lab, asked: &Asked, found: &Found, output: &Output) -> Answer {
    let mut done = Done { interrupted: lab.stopped(), ..Done::default() };
    let Found::Points(runs) = found;
    let study = Study::of(&asked.plan, asked.points.clone(), &lab.memo, &lab.refused, *runs);
    let report = Report { study: &study, title: &asked.title, repeat: &asked.call };
    let written = report::write(&report, format(output), &mut done.output);
    written.map_err(|error| Failure::output(&error))?;
    Ok(done)
}

fn format(output: &Output) -> SweepFormat {
    match output.format {
        Typed::Text => SweepFormat::Text {
            width: usize::from(output.width.unwrap_or_else(terminal_width)),
            color: super::super::colored(),
        },
        Typed::Json => SweepFormat::Json,
        Typed::Csv | Typed::Svg | Typed::Html => SweepFormat::Csv,
    }
}
