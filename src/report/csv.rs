//! Database operations exactly in the columns of CollectOverMetrics.ps1, so that people can lay
//! the twin's file beside their own. Times are seconds since the start of the run.

use crate::lab::Outcome;
use crate::lab::moves::COLUMNS;
use std::io::{self, Write};

/// Writes the table.
///
/// # Errors
/// If the writer fails.
pub fn write(outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
    let mut table = csv::Writer::from_writer(out);
    table.write_record(COLUMNS).map_err(io::Error::from)?;
    for operation in &outcome.moves {
        table.write_record(&operation.values).map_err(io::Error::from)?;
    }
    table.flush()
}
