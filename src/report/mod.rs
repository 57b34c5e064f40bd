//! Floor 7: an outcome as bytes of one format.

pub mod capacity;
pub mod compare;
pub mod csv;
pub mod diagram;
pub mod difference;
pub mod explore;
pub mod export;
pub mod json;
pub mod junit;
pub mod measured;
mod page;
mod palette;
pub mod quorum;
pub mod select;
pub mod swarm;
pub mod sweep;
pub mod text;
pub mod transitions;

use crate::lab::Outcome;
use std::io::{self, Write};

/// A format of a report.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// For a person; width in columns, and whether colour may be used.
    Text {
        /// Columns.
        width: usize,
        /// ANSI colours.
        color: bool,
    },
    /// One JSON document.
    Json,
    /// Database operations in the columns of CollectOverMetrics.ps1.
    Csv,
}

/// A format of what can be a picture too.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StudyFormat {
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
    /// A picture.
    Svg,
}

/// Writes a report. `repeat` is the command that repeats the run.
///
/// # Errors
/// If the writer fails.
pub fn write(
    outcome: &Outcome,
    format: Format,
    repeat: &str,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format {
        Format::Text { width, color } => text::write(outcome, width, color, repeat, out),
        Format::Json => json::write(outcome, repeat, out),
        Format::Csv => csv::write(outcome, out),
    }
}
