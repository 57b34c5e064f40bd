//! `dagtwin transitions`: the tables of states and edges, counted in journals.

use super::args::{TableFormat, Transitions};
use super::failure::{Answer, Done, Failure};
use super::journal;
use crate::report::diagram::{dot, mermaid};
use crate::report::transitions::{Coverage, csv, json, text};
use crate::view::transitions;

pub(super) fn transitions(args: &Transitions) -> Answer {
    let mut coverage = Coverage::default();
    for path in &args.journals {
        let journal = journal::read(path)?;
        let scenario = journal.header.scenario.as_ref();
        let mut seen =
            scenario.map_or_else(Default::default, transitions::Transitions::at_start_of);
        for record in &journal.records {
            seen.apply(record);
        }
        coverage.add(seen.counts());
    }
    let mut output = Vec::new();
    let written = match args.format {
        TableFormat::Text => text(&coverage, &mut output),
        TableFormat::Json => json(&coverage, &mut output),
        TableFormat::Csv => csv(&coverage, &mut output),
        TableFormat::Dot => dot(&coverage, &mut output),
        TableFormat::Mermaid => mermaid(&coverage, &mut output),
    };
    written.map_err(|error| Failure::output(&error))?;
    Ok(Done::with(output))
}
