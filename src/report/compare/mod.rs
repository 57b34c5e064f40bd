//! Designs compared: text, JSON, CSV, a picture.

mod csv;
mod json;
mod picture;
mod text;

use crate::lab::compare::{Comparison, Design, NamedEpisode, Outcomes, Question, YearFigures};
use crate::lab::statistics::{Difference, Estimate};
use crate::report::StudyFormat;
use std::io::{self, Write};

/// Everything that a report of a comparison shows.
#[derive(Clone, Copy, Debug)]
pub struct Report<'c> {
    /// The designs, in the order of the call.
    pub designs: &'c [Design],
    /// What was asked.
    pub question: &'c Question,
    /// What it came to.
    pub comparison: &'c Comparison,
    /// The folder that the named episodes were written to, if they were.
    pub kept: Option<&'c str>,
    /// The command that repeats the comparison.
    pub repeat: &'c str,
}

/// Writes a report.
///
/// # Errors
/// If the writer fails.
pub fn write(report: &Report, format: StudyFormat, out: &mut dyn Write) -> io::Result<()> {
    match format {
        StudyFormat::Text { width, color } => text::write(report, width, color, out),
        StudyFormat::Json => json::write(report, out),
        StudyFormat::Csv => csv::write(report, out),
        StudyFormat::Svg => picture::write(report, out),
    }
}

/// Minutes of a year.
const MINUTES_A_YEAR: f64 = 365.0 * 24.0 * 60.0;

/// The letter of a design in tables.
fn letter(design: usize) -> String {
    let letter = u8::try_from(design % 26).map_or('?', |place| char::from(b'A' + place));
    if design < 26 { letter.to_string() } else { format!("{letter}{}", design / 26) }
}

/// Nanoseconds summed over clients, as minutes of one of them.
fn minutes(lost: u128, clients: u64) -> f64 {
    if clients == 0 { 0.0 } else { lost as f64 / 6e10 / clients as f64 }
}

/// All clients of a design.
fn all_clients(result: &Outcomes) -> u64 {
    result.clients.values().sum()
}

/// Minutes without service of one client, year by year.
fn yearly(result: &Outcomes) -> Vec<f64> {
    let clients = all_clients(result);
    result.years.iter().map(|year| minutes(year.total(), clients)).collect()
}

/// Mean minutes a year of one client that are counted to a cause.
fn by_cause(result: &Outcomes, rate: usize) -> f64 {
    let clients = all_clients(result);
    let lost = |year: &YearFigures| year.lost.get(&rate).copied().unwrap_or_default();
    let sum: u128 = result.years.iter().map(lost).sum();
    minutes(sum, clients) / (result.years.len().max(1)) as f64
}

/// The yearly differences of a design from the first one, for years that both have.
fn difference(comparison: &Comparison, design: usize) -> Difference {
    let base = &comparison.results[0];
    let other = &comparison.results[design];
    let (base_clients, other_clients) = (all_clients(base), all_clients(other));
    let mut differences = Vec::new();
    for year in &other.years {
        let same = base.years.iter().find(|one| one.year == year.year);
        differences.extend(same.map(|same| {
            minutes(year.total(), other_clients) - minutes(same.total(), base_clients)
        }));
    }
    Difference::of(&differences)
}

/// How many nines an availability has: 3 for 99.9 %; none without outage.
fn nines(minutes_a_year: f64) -> Option<f64> {
    (minutes_a_year > 0.0).then(|| -(minutes_a_year / MINUTES_A_YEAR).log10())
}

/// The command that repeats a named episode.
fn repeat_episode(report: &Report, design: usize, episode: &NamedEpisode) -> String {
    let folder = report.kept.unwrap_or("DIR");
    let call = &report.designs[design].call;
    let path = format!("{folder}/{}", episode.name);
    format!("dagtwin run {call} --scenario {path} --seed {}", episode.seed)
}
