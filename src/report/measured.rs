//! Predicted and measured outages side by side: text and JSON.

use super::page::{Ink, Page};
use crate::base::Span;
use crate::lab::measured::{Pair, Row, Sample, Served};
use crate::model::Topology;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// Columns of a row's name.
const NAME: usize = 26;
/// Columns in which a distribution is drawn.
const DRAWN: usize = 32;
/// Marks of a distribution, from nothing to all.
const MARKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// One fault.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Its name, which is its scenario's.
    pub name: String,
    /// Repetitions on real hosts.
    pub repetitions: usize,
    /// Simulated runs.
    pub runs: usize,
    /// What it did to whom.
    pub rows: Vec<Row>,
    /// What broke in the repetitions, in words.
    pub breaks: Vec<String>,
    /// What other programs' outages were in the same bed, by their names.
    pub peers: BTreeMap<String, Sample>,
}

/// Everything that a report shows.
#[derive(Clone, Copy, Debug)]
pub struct Report<'r> {
    /// The site.
    pub topology: &'r Topology,
    /// The faults.
    pub faults: &'r [Fault],
    /// The command that repeats it.
    pub repeat: &'r str,
}

/// Writes the report for a person.
///
/// # Errors
/// If the writer fails.
pub fn text(
    report: &Report<'_>,
    (width, color): (usize, bool),
    out: &mut dyn Write,
) -> io::Result<()> {
    let page = &mut Page::new(out, width, color);
    let topology = report.topology;
    page.item(Ink::Bold, "", &format!("{}: predicted and measured outages", topology.name))?;
    page.item(
        Ink::Dim,
        "",
        "milliseconds: median [shortest to longest]; the curves are on one axis",
    )?;
    for fault in report.faults {
        let (repetitions, runs) = (fault.repetitions, fault.runs);
        let repetitions = match repetitions {
            1 => "one repetition".to_owned(),
            several => format!("{several} repetitions"),
        };
        page.title(&format!("{} ({repetitions}, {runs} runs)", fault.name))?;
        heading(page)?;
        for row in &fault.rows {
            line(page, &served(topology, row.who), &row.outage, Ink::Bold)?;
            for (name, stage) in &row.stages {
                line(page, &format!("  {name}"), stage, Ink::Plain)?;
            }
            curves(page, &row.outage)?;
        }
        for (peer, sample) in &fault.peers {
            page.line(Ink::Plain, &format!("  {peer:<NAME$}{:>24}{:>24}", "", shown(sample)))?;
        }
        for why in &fault.breaks {
            page.item(Ink::Bad, "  broke: ", why)?;
        }
    }
    page.line(Ink::Plain, "")?;
    page.line(Ink::Plain, &format!("Repeat: {}", report.repeat))
}

fn heading(page: &mut Page<'_>) -> io::Result<()> {
    let text = format!("  {:<NAME$}{:>24}{:>24}{:>12}", "", "predicted", "measured", "differ by");
    page.line(Ink::Dim, &text)
}

fn line(page: &mut Page<'_>, name: &str, pair: &Pair, ink: Ink) -> io::Result<()> {
    let differ = pair.difference().map_or_else(String::new, |span| span.as_millis().to_string());
    let text = format!(
        "  {name:<NAME$}{:>24}{:>24}{differ:>12}",
        shown(&pair.predicted),
        shown(&pair.measured),
    );
    // Only the whole is promised; stages tell where a difference comes from.
    let ink = match pair.agrees().filter(|_| ink == Ink::Bold) {
        Some(true) => Ink::Good,
        Some(false) => Ink::Bad,
        None => ink,
    };
    page.line(ink, &text)
}

fn shown(sample: &Sample) -> String {
    let all = sample.all();
    match (sample.median(), all.first(), all.last()) {
        (Some(median), Some(first), Some(last)) => {
            let (median, first) = (median.as_millis(), first.as_millis());
            format!("{median} [{first} to {}]", last.as_millis())
        }
        _ => "-".to_owned(),
    }
}

/// Both distributions over one axis.
fn curves(page: &mut Page<'_>, pair: &Pair) -> io::Result<()> {
    let both = pair.predicted.all().iter().chain(pair.measured.all());
    let (Some(least), Some(most)) = (both.clone().min(), both.max()) else { return Ok(()) };
    for (name, sample) in [("predicted", &pair.predicted), ("measured", &pair.measured)] {
        let curve = curve(sample, *least, *most);
        let text = format!(
            "  {:<NAME$}{name:>9} {:>7} ms {curve} {} ms",
            "",
            least.as_millis(),
            most.as_millis()
        );
        page.line(Ink::Dim, &text)?;
    }
    Ok(())
}

fn curve(sample: &Sample, least: Span, most: Span) -> String {
    let width = (most - least).as_nanos().max(1);
    let mut counts = [0_usize; DRAWN];
    for span in sample.all() {
        let place =
            u128::from((*span - least).as_nanos()) * (DRAWN as u128 - 1) / u128::from(width);
        counts[place as usize] += 1;
    }
    let highest = counts.iter().copied().max().unwrap_or(0).max(1);
    counts.iter().map(|count| MARKS[(count * (MARKS.len() - 1)).div_ceil(highest)]).collect()
}

fn served(topology: &Topology, who: Served) -> String {
    match who {
        Served::Array(group) => format!("group {}", topology.groups[group].name),
        Served::Database(database) => format!("database {}", topology.databases[database].name),
    }
}

/// The report as one JSON document.
pub fn json(report: &Report<'_>) -> Value {
    let faults = report.faults.iter().map(|fault| {
        let rows = fault.rows.iter().map(|row| {
            let stages = row.stages.iter().map(|(name, pair)| ((*name).to_owned(), of_pair(pair)));
            json!({
                "who": served(report.topology, row.who).replace(' ', ":"),
                "outage": of_pair(&row.outage),
                "agrees": row.outage.agrees(),
                "stages": stages.collect::<serde_json::Map<String, Value>>(),
            })
        });
        let peers = fault.peers.iter().map(|(name, sample)| (name.clone(), of_sample(sample)));
        json!({
            "fault": fault.name,
            "repetitions": fault.repetitions,
            "runs": fault.runs,
            "rows": rows.collect::<Vec<_>>(),
            "breaks": fault.breaks,
            "peers": peers.collect::<serde_json::Map<String, Value>>(),
        })
    });
    json!({
        "topology": report.topology.name,
        "faults": faults.collect::<Vec<_>>(),
        "repeat": report.repeat,
    })
}

fn of_pair(pair: &Pair) -> Value {
    json!({
        "predicted_ms": of_sample(&pair.predicted),
        "measured_ms": of_sample(&pair.measured),
        "difference_ms": pair.difference().map(millis),
    })
}

fn of_sample(sample: &Sample) -> Value {
    json!({
        "p50": sample.median().map(millis),
        "p90": sample.percentile(90).map(millis),
        "max": sample.percentile(100).map(millis),
        "all": sample.all().iter().map(|span| millis(*span)).collect::<Vec<_>>(),
    })
}

fn millis(span: Span) -> f64 {
    span.as_nanos() as f64 / 1e6
}
