//! Many runs: text, JSON, CSV, pictures, and files that other tools read.

mod csv;
mod json;
mod numbers;
mod table;
mod text;

use crate::lab::sweep::Study;
use std::io::{self, Write};

/// Everything that a report of a sweep's points shows.
#[derive(Clone, Copy, Debug)]
pub struct Report<'s> {
    /// What the sweep came to.
    pub study: &'s Study<'s>,
    /// What the topology and the scenario are called.
    pub title: &'s str,
    /// The command that repeats the sweep.
    pub repeat: &'s str,
}

/// A format of a sweep's report on standard output.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SweepFormat {
    /// For a person; width in columns, and whether colour may be used.
    Text {
        /// Columns.
        width: usize,
        /// ANSI colours.
        color: bool,
    },
    /// One JSON document.
    Json,
    /// A table.
    Csv,
}

/// Writes a report of points.
///
/// # Errors
/// If the writer fails.
pub fn write(report: &Report, format: SweepFormat, out: &mut dyn Write) -> io::Result<()> {
    match format {
        SweepFormat::Text { width, color } => text::write(report, width, color, out),
        SweepFormat::Json => json::write(report, out),
        SweepFormat::Csv => csv::write(report, out),
    }
}
