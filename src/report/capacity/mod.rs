//! A study of capacity as text, JSON, CSV and a picture.

mod csv;
mod json;
mod svg;
mod text;

use crate::lab::capacity::{Kind, Measure, Study};
use crate::report::StudyFormat;
use std::io::{self, Write};

/// Writes a study. `repeat` is the command that repeats it.
///
/// # Errors
/// If the writer fails.
pub fn write(
    study: &Study,
    format: StudyFormat,
    repeat: &str,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format {
        StudyFormat::Text { width, color } => text::write(study, width, color, repeat, out),
        StudyFormat::Json => json::write(study, repeat, out),
        StudyFormat::Csv => csv::write(study, out),
        StudyFormat::Svg => svg::write(study, out),
    }
}

/// The unit in which a kind of value is shown.
const fn unit(kind: Kind) -> &'static str {
    if kind.is_share() {
        "percent"
    } else if kind.is_latency() {
        "ms"
    } else {
        "requests"
    }
}

/// A value in the unit in which its kind is shown.
fn shown(kind: Kind, value: u64) -> f64 {
    let value = value as f64;
    if kind.is_share() {
        value / 1e4
    } else if kind.is_latency() {
        value / 1e6
    } else {
        value / 1e3
    }
}

/// The same for people.
fn told(kind: Kind, value: u64) -> String {
    let value = shown(kind, value);
    if kind.is_share() {
        format!("{value:.1} %")
    } else if kind.is_latency() {
        format!("{value:.2} ms")
    } else {
        format!("{value:.2}")
    }
}

/// What is known of one kind of value on one machine, with both servers and with one.
struct Pair<'s> {
    both: Option<&'s Measure>,
    one: Option<&'s Measure>,
}

impl Pair<'_> {
    fn any(&self) -> &Measure {
        self.both.or(self.one).expect("one of both is there")
    }
}

/// Every value of a study, machine by machine.
fn pairs<'s>(study: &'s Study) -> Vec<Pair<'s>> {
    let same = |a: &Measure, b: &Measure| (a.machine, a.kind) == (b.machine, b.kind);
    let pair = |both: &'s Measure| {
        let one = study.one.iter().find(|one| same(both, one));
        Pair { both: Some(both), one }
    };
    study.both.iter().map(pair).collect()
}
