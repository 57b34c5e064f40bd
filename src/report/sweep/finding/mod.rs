//! What questions beside the figures of points came to: margins, points of no return, what a
//! percentile is sensitive to, settings that meet goals.

mod csv;
mod json;
mod picture;
mod text;

use super::SweepFormat;
use crate::lab::sweep::{Flip, Goal, Moments, Outcome, Plan, Sensitivity, Tuned};
use crate::model::Topology;
use crate::report::page::Page;
use std::io::{self, Write};

/// Everything that a report of a question shows.
#[derive(Clone, Copy, Debug)]
pub struct Question<'f> {
    /// The plan.
    pub plan: &'f Plan,
    /// What the topology and the scenario are called.
    pub title: &'f str,
    /// The site as it is.
    pub topology: &'f Topology,
    /// What was found.
    pub finding: Finding<'f>,
    /// Whether a person stopped the work.
    pub stopped: bool,
    /// Runs that it rests on.
    pub runs: usize,
    /// The command that repeats it.
    pub repeat: &'f str,
}

/// What was found.
#[derive(Clone, Copy, Debug)]
pub enum Finding<'f> {
    /// What the percentile is sensitive to.
    Sensitivity(&'f Sensitivity),
    /// Where an outcome changes.
    Flip(&'f Flip, &'f Outcome),
    /// How likely an outcome is, moment by moment.
    Fork(&'f Moments, &'f Outcome),
    /// Settings that meet goals.
    Tune(&'f Tuned, &'f [Goal]),
}

/// Writes a report of a question.
///
/// # Errors
/// If the writer fails.
pub fn write(question: &Question, format: SweepFormat, out: &mut dyn Write) -> io::Result<()> {
    match format {
        SweepFormat::Text { width, color } => {
            text::write(question, &mut Page::new(out, width, color))
        }
        SweepFormat::Json => json::write(question, out),
        SweepFormat::Csv => csv::write(question, out),
        SweepFormat::Svg => out.write_all(picture::draw(question).map_err(io::Error::other)?.as_bytes()),
        SweepFormat::Html => Err(io::Error::other(
            "a page shows points; --flip, --fork, --sensitivity and --goal have text, json, csv \
             and svg",
        )),
    }
}
