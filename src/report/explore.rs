//! What exploration came to, as text and as JSON.

use super::page::{Ink, Page};
use crate::base::{Instant, Span};
use crate::lab::explore::{Bounds, CutOff, Explored, JUDGED};
use serde_json::{Value, json};
use std::io::{self, Write};

/// What is reported.
pub struct Report<'r> {
    /// Name and title of the topology.
    pub site: (&'r str, &'r str),
    /// The bounds.
    pub bounds: &'r Bounds,
    /// What it came to.
    pub explored: &'r Explored,
    /// Where counterexamples were written, in their order; fewer than there are if none were.
    pub files: &'r [String],
    /// The command that explores again.
    pub repeat: &'r str,
}

/// A number with its thousands apart.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn many(count: u64, one: &str, more: &str) -> String {
    match count {
        0 => format!("no {one}"),
        1 => format!("1 {one}"),
        _ => format!("{} {more}", thousands(count)),
    }
}

/// What may go wrong, in words.
fn hazards(bounds: &Bounds) -> String {
    let within =
        |count: u8| if count > 0 { format!(" within {}", bounds.within) } else { String::new() };
    let losses = many(bounds.losses.into(), "lost frame", "lost frames");
    let cuts = many(bounds.cuts.into(), "cut", "cuts") + &within(bounds.cuts);
    let crashes = many(bounds.crashes.into(), "loss of power", "losses of power");
    let alone = if bounds.alone && bounds.cuts > 0 { ", a member may be left alone" } else { "" };
    let clock = if bounds.clock.is_zero() {
        String::new()
    } else {
        format!(", a core is woken up to {} late", bounds.clock)
    };
    format!("{losses}, {cuts}{alone}, {crashes}{}{clock}", within(bounds.crashes))
}

/// The result in one sentence, and whether it is good.
fn result(explored: &Explored) -> (Ink, String) {
    let reached = explored.reached;
    match (explored.counterexamples.len(), explored.cut_off) {
        (0, None) => (Ink::Good, format!("exhausted up to {reached}: no promise was broken")),
        (0, Some(why)) => (
            Ink::Bad,
            format!("not exhausted: {}; no promise was broken up to there", cut(why, reached)),
        ),
        (count, None) => {
            let broken = many(count as u64, "promise was broken", "promises were broken");
            (Ink::Bad, format!("exhausted up to {reached}: {broken}"))
        }
        (count, Some(why)) => {
            let broken = many(count as u64, "promise was broken", "promises were broken");
            (Ink::Bad, format!("not exhausted: {}; {broken}", cut(why, reached)))
        }
    }
}

fn cut(why: CutOff, reached: Instant) -> String {
    match why {
        CutOff::States => {
            format!(
                "there are more states than were allowed, every choice was followed up to {reached}"
            )
        }
        CutOff::Stopped => format!("it was stopped, every choice was followed up to {reached}"),
    }
}

/// Writes the report for a person.
///
/// # Errors
/// If the writer fails.
pub fn text(report: &Report, width: usize, color: bool, out: &mut dyn Write) -> io::Result<()> {
    let page = &mut Page::new(out, width, color);
    let Report { bounds, explored, .. } = report;
    let (name, title) = report.site;
    page.item(Ink::Bold, "", &format!("{name}: {title}"))?;
    let until = bounds.start + bounds.horizon;
    let space = format!("every ordering that the bounds allow, from {} to {until}", bounds.start);
    page.item(Ink::Plain, "space       ", &space)?;
    page.item(Ink::Plain, "may happen  ", &hazards(bounds))?;
    let states = format!(
        "{} entered, {} choices followed; {} led to a state that was known",
        thousands(explored.states),
        thousands(explored.transitions),
        thousands(explored.merged)
    );
    page.item(Ink::Plain, "states      ", &states)?;
    let depth = format!(
        "{} choices at most; {} at the horizon",
        thousands(explored.depth.into()),
        many(explored.frontier, "state", "states")
    );
    page.item(Ink::Plain, "depth       ", &depth)?;
    page.item(Ink::Plain, "judged      ", &JUDGED.join(", "))?;
    if let Some(within) = bounds.settle {
        let settled = many(explored.settled, "state", "states");
        let text = format!("{settled} of the horizon: healed, service is back within {within}");
        page.item(Ink::Plain, "settled     ", &text)?;
    }
    if explored.alike > 0 {
        let alike = many(explored.alike as u64, "database", "databases");
        page.item(Ink::Dim, "left out    ", &format!("{alike} like another one"))?;
    }
    let (ink, told) = result(explored);
    page.item(ink, "result      ", &told)?;
    counterexamples(report, page)?;
    page.line(Ink::Plain, "")?;
    page.item(Ink::Dim, "again       ", report.repeat)
}

fn counterexamples(report: &Report, page: &mut Page) -> io::Result<()> {
    for (place, one) in report.explored.counterexamples.iter().enumerate() {
        page.title(&format!("{} at {}: {}", one.promise, one.at, one.why))?;
        for step in &one.steps {
            page.item(Ink::Plain, "  ", step)?;
        }
        let simulator = if one.reproduced {
            "the simulator breaks the same promise with it"
        } else {
            "the simulator does not break the promise with it"
        };
        let choices = many(one.choices as u64, "choice", "choices");
        page.item(Ink::Plain, "  ", &format!("after {choices}; {simulator}"))?;
        if let Some(file) = report.files.get(place) {
            page.item(Ink::Plain, "  ", &format!("written to {file}"))?;
        }
    }
    let ways = report.explored.broken_ways;
    let told = report.explored.counterexamples.len() as u64;
    if ways > told {
        page.title(&format!(
            "{} choices break a promise; the first of each is shown",
            thousands(ways)
        ))?;
    }
    Ok(())
}

fn milliseconds(span: Span) -> Value {
    json!(span.as_nanos() as f64 / 1e6)
}

/// Writes the report as one JSON document.
///
/// # Errors
/// If the writer fails.
pub fn json(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let Report { bounds, explored, .. } = report;
    let since = |at: Instant| milliseconds(at.since(Instant::ZERO));
    let found = explored.counterexamples.iter().enumerate().map(|(place, one)| {
        json!({
            "promise": one.promise,
            "why": one.why,
            "at_ms": since(one.at),
            "choices": one.choices,
            "steps": one.steps,
            "simulator_breaks_it": one.reproduced,
            "file": report.files.get(place),
            "scenario": one.text,
        })
    });
    let document = json!({
        "schema_version": 1,
        "topology": report.site.0,
        "bounds": {
            "start_ms": since(bounds.start),
            "horizon_ms": milliseconds(bounds.horizon),
            "within_ms": milliseconds(bounds.within),
            "losses": bounds.losses,
            "cuts": bounds.cuts,
            "alone": bounds.alone,
            "crashes": bounds.crashes,
            "clock_ms": milliseconds(bounds.clock),
            "states": bounds.states,
            "every_order": !bounds.reduces,
            "settle_ms": bounds.settle.map(milliseconds),
        },
        "exhausted": explored.cut_off.is_none(),
        "cut_off": explored.cut_off.map(|why| match why {
            CutOff::States => "states",
            CutOff::Stopped => "stopped",
        }),
        "reached_ms": since(explored.reached),
        "states": explored.states,
        "choices": explored.transitions,
        "merged": explored.merged,
        "depth": explored.depth,
        "at_horizon": explored.frontier,
        "settled": bounds.settle.map(|_| explored.settled),
        "databases_left_out": explored.alike,
        "judged": JUDGED,
        "broken_choices": explored.broken_ways,
        "counterexamples": found.collect::<Vec<_>>(),
        "repeat": report.repeat,
    });
    serde_json::to_writer_pretty(&mut *out, &document)?;
    out.write_all(b"\n")
}
