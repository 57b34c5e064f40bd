//! Floor 7: an outcome as bytes of one format.

pub mod capacity;
pub mod compare;
pub mod csv;
pub mod diagram;
pub mod json;
pub mod junit;
mod page;
mod palette;
pub mod quorum;
pub mod select;
pub mod text;
pub mod transitions;

use crate::base::{Instant, Span};
use crate::journal::text::Names;
use crate::lab::Outcome;
use crate::view::outage::{Outage, Who};
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

/// What reports call somebody who was without service.
fn who_word(names: &Names, who: Who) -> String {
    match who {
        Who::Client(kind, _) => kind.word().to_owned(),
        Who::Group(group) => format!("group:{}", names.group(group)),
        Who::Database(database) => format!("database:{}", names.database(database)),
    }
}

/// The outages that reports show: of each kind of client the worst one in each episode, and those
/// of groups and databases. An episode begins with a fault or an order.
fn shown<'o>(outcome: &'o Outcome) -> Vec<&'o Outage> {
    let mut starts: Vec<Instant> = outcome.scenario.faults.iter().map(|fault| fault.at).collect();
    starts.extend(
        outcome.scenario.steps.iter().filter(|step| step.action.is_some()).map(|step| step.at),
    );
    starts.sort();
    let episode = |at: Instant| starts.partition_point(|start| *start <= at);
    let mut worst: Vec<(String, usize, &'o Outage)> = Vec::new();
    let names = Names::new(outcome.topology, Some(outcome.scenario));
    let length = |outage: &Outage| outage.to.map_or(Span::MAX, |to| to.since(outage.from));
    for outage in outcome.outages.iter().filter(|outage| outage.hard) {
        let key = who_word(&names, outage.who);
        let episode = match outage.who {
            Who::Client(..) => 0,
            Who::Group(_) | Who::Database(_) => episode(outage.from),
        };
        let known = worst.iter_mut().find(|(who, e, _)| *who == key && *e == episode);
        match known {
            Some((_, _, other)) if length(outage) > length(other) => *other = outage,
            Some(_) => {}
            None => worst.push((key, episode, outage)),
        }
    }
    let rank = |who: &Who| match who {
        Who::Client(kind, _) => (0, *kind as usize),
        Who::Group(group) => (1, usize::from(group.0)),
        Who::Database(database) => (2, usize::from(database.0)),
    };
    worst.sort_by_key(|(_, episode, outage)| (rank(&outage.who), *episode));
    worst.into_iter().map(|(_, _, outage)| outage).collect()
}
