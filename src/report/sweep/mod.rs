//! Many runs: text, JSON, CSV, pictures, and files that other tools read.

mod csv;
mod files;
pub mod finding;
mod hgrm;
mod hlog;
pub mod html;
mod json;
mod numbers;
#[cfg(feature = "parquet")]
mod parquet;
pub mod svg;
mod table;
mod text;

pub use files::{files, known};
use numbers::percentile;

use crate::base::Span;
use crate::lab::statistics::{Proportion, Quantile};
use crate::lab::sweep::{NEVER, Study};
#[cfg(feature = "parquet")]
use std::collections::BTreeSet;
use std::io::{self, Write};

/// Everything that a report of a sweep's points shows.
#[derive(Clone, Debug)]
pub struct Report<'s> {
    /// What the sweep came to.
    pub study: &'s Study<'s>,
    /// What the topology and the scenario are called.
    pub title: &'s str,
    /// The command that repeats the sweep.
    pub repeat: &'s str,
    /// The run that stands for the median as a picture of lanes, if there is one.
    pub timeline: Option<String>,
}

impl<'s> Report<'s> {
    /// Every key that a point gives a value, in the order of the plan.
    fn keys(&self) -> Vec<&'s str> {
        let axes = self.study.plan.axes.iter().map(|axis| axis.key.as_str());
        let mut keys: Vec<&str> = Vec::new();
        let points = self.study.points.iter().flat_map(|point| &point.point);
        for key in axes.chain(points.map(|one| one.key.as_str())) {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        keys
    }

    /// Every name of a stage that any run has, in the order of the alphabet.
    #[cfg(feature = "parquet")]
    fn stages(&self) -> Vec<&'s str> {
        let cases = self.study.points.iter().flat_map(|point| &point.cases);
        let names = cases.flat_map(|case| {
            let stages = case.runs.iter().flat_map(|(_, run)| &run.stages);
            stages.map(|(word, _)| case.word(*word))
        });
        let names: BTreeSet<&str> = names.collect();
        names.into_iter().collect()
    }

    /// Whether any case is a hiccup.
    fn has_hiccups(&self) -> bool {
        !self.study.plan.hiccups.is_empty()
    }
}

/// Seconds; nothing for what has no end.
fn seconds(span: Span) -> Option<f64> {
    (span != NEVER).then(|| span.as_nanos() as f64 / 1e9)
}

/// A duration for a table of numbers, in seconds.
fn told(span: Span) -> String {
    seconds(span).map_or_else(|| "not back".to_owned(), |seconds| format!("{seconds:.3}"))
}

/// The ends of a percentile's interval, in seconds; an end that too few runs leave open is `…`.
fn interval(quantile: &Quantile) -> String {
    let end = |end: Option<Span>| end.map_or_else(|| "…".to_owned(), told);
    format!("{} to {}", end(quantile.low), end(quantile.high))
}

/// A share in per cent.
fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// A probability with its interval.
fn probability(found: &Proportion) -> (String, String) {
    let (low, high) = found.interval();
    let share = found.share().map_or_else(|| "–".to_owned(), percent);
    (share, format!("{:.1} to {}", low * 100.0, percent(high)))
}

/// A text of a file without what would break its line.
fn line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
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
    /// Pictures.
    Svg,
    /// A page for a browser.
    Html,
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
        SweepFormat::Svg => text_of(svg::document(report), out),
        SweepFormat::Html => text_of(html::page(report), out),
    }
}

fn text_of(text: Result<String, String>, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(text.map_err(io::Error::other)?.as_bytes())
}
