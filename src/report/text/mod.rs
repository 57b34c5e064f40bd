//! The report for a person who knows Exchange.

mod block;
mod budget;
mod lines;
mod tables;
mod timeline;

pub use block::block;

use super::page::{Ink, Page};
use crate::base::{Instant, Span};
use crate::journal::text::{Names, line};
use crate::journal::{Record, RecordNo};
use crate::lab::Outcome;
use crate::lab::VerdictKind;
use std::io::{self, Write};

/// Writes the report, at least 60 columns wide.
///
/// # Errors
/// If the writer fails.
pub fn write(
    outcome: &Outcome,
    width: usize,
    color: bool,
    repeat: &str,
    out: &mut dyn Write,
) -> io::Result<()> {
    let page = &mut Page::new(out, width, color);
    let names = Names::new(outcome.topology, Some(outcome.scenario));
    heading(outcome, page)?;
    timeline::timeline(outcome, &names, page)?;
    budget::budget(outcome, &names, page)?;
    tables::steps(outcome, page)?;
    tables::state(outcome, &names, page)?;
    tables::clients(outcome, page)?;
    tables::promises(outcome, page)?;
    tables::assumed(outcome, page)?;
    verdict(outcome, page)?;
    page.line(Ink::Plain, "")?;
    page.line(Ink::Plain, &format!("Repeat: {repeat}"))
}

/// Seconds with three decimals, for columns.
fn seconds(span: Span) -> String {
    let nanos = span.as_nanos();
    format!("{}.{:03}", nanos / 1_000_000_000, nanos / 1_000_000 % 1_000)
}

/// A moment in seconds from another, negative before it.
fn relative(at: Instant, zero: Instant) -> String {
    if at >= zero { seconds(at.since(zero)) } else { format!("-{}", seconds(zero.since(at))) }
}

fn heading(outcome: &Outcome, page: &mut Page<'_>) -> io::Result<()> {
    let (topology, scenario) = (outcome.topology, outcome.scenario);
    page.item(Ink::Bold, &format!("{}: ", scenario.name), &scenario.title)?;
    let facts = format!(
        "topology {}, {} clients, seed {}, until {}, {} records, digest {}",
        topology.name,
        topology.total_clients(),
        outcome.seed,
        scenario.until,
        outcome.records.len(),
        outcome.digest
    );
    page.item(Ink::Plain, "", &facts)?;
    if let Some(flaw) = topology.settings.test.planted {
        let text = format!("A bug is planted, {}: {}", flaw.word(), flaw.meaning());
        page.item(Ink::Bold, "", &text)?;
    }
    for system in outcome.assumed.iter().filter(|a| a.key == "clients.operating_system") {
        let text = format!("Neighbour caches of clients, {}: {}", system.value, system.why);
        page.item(Ink::Plain, "", &text)?;
    }
    Ok(())
}

fn verdict(outcome: &Outcome, page: &mut Page<'_>) -> io::Result<()> {
    page.title("Verdict")?;
    let recovered = match outcome.recovered {
        Some(span) if span.is_zero() => "nothing was out".to_owned(),
        Some(span) => {
            let longest = outcome.outages.iter().filter(|outage| outage.hard);
            let longest = longest.filter_map(|outage| outage.span()).max().unwrap_or(Span::ZERO);
            let (back, longest) = (seconds(span), seconds(longest));
            format!("everything back after {back} s, the longest outage {longest} s")
        }
        None => "not everything came back".to_owned(),
    };
    let kind = outcome.verdict.kind;
    let (ink, text) = match kind {
        VerdictKind::Ok => (Ink::Good, format!("all held, {recovered}")),
        VerdictKind::Unavailable => {
            let why = outcome.promises.unavailable.as_deref().unwrap_or_default();
            (Ink::Plain, format!("all held, {recovered}: {why}"))
        }
        VerdictKind::Safety | VerdictKind::Liveness | VerdictKind::Budget => (Ink::Bad, recovered),
    };
    page.item(ink, &format!("{}: ", kind.word()), &text)?;
    for (name, at, why) in &outcome.verdict.broken {
        page.item(Ink::Bad, &format!("  {name} at {at}: "), why)?;
    }
    Ok(())
}

/// The chain of causes of a record, for `why`: the record first, each next one because of.
///
/// # Errors
/// If the writer fails.
pub fn write_why(
    names: &Names,
    records: &[Record],
    from: RecordNo,
    out: &mut dyn Write,
) -> io::Result<()> {
    for (depth, number) in crate::journal::chain(records, from).into_iter().enumerate() {
        let lead = if depth == 0 { "       " } else { "because" };
        writeln!(out, "{lead} {}", line(names, number, &records[number.0 as usize]))?;
    }
    Ok(())
}
