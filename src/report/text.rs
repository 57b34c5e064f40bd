//! The report for a person who knows Exchange.

use super::timeline::{Column, Line, lines};
use super::{shown, who_word};
use crate::base::{Instant, MachineId, Span};
use crate::failover::seam::CopyStatus;
use crate::journal::text::{Names, group_state, line};
use crate::lab::Outcome;
use crate::lab::outage::Outage;
use crate::lab::run::VerdictKind;
use crate::model::topology::ClientKind;
use std::io::{self, Write};

/// Narrowest text that is laid out in columns.
const NARROWEST: usize = 60;

/// Colours, or none.
#[derive(Clone, Copy)]
struct Style {
    color: bool,
}

impl Style {
    fn paint(self, code: &str, text: &str) -> String {
        if self.color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
    fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }
    fn good(self, text: &str) -> String {
        self.paint("32", text)
    }
    fn bad(self, text: &str) -> String {
        self.paint("31", text)
    }
    fn dim(self, text: &str) -> String {
        self.paint("2", text)
    }
}

/// Seconds with three decimals, for columns.
fn seconds(span: Span) -> String {
    let nanos = span.as_nanos();
    format!("{}.{:03}", nanos / 1_000_000_000, nanos / 1_000_000 % 1_000)
}

/// Writes the report.
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
    let width = width.max(NARROWEST);
    let style = Style { color };
    let names = Names::new(outcome.topology, Some(outcome.scenario));
    heading(outcome, style, width, out)?;
    timeline(outcome, &names, style, width, out)?;
    budget(outcome, &names, style, width, out)?;
    steps(outcome, style, width, out)?;
    state(outcome, &names, style, out)?;
    clients(outcome, style, out)?;
    promises(outcome, style, width, out)?;
    assumed(outcome, style, width, out)?;
    verdict(outcome, style, width, out)?;
    writeln!(out, "\nRepeat: {repeat}")
}

fn title(style: Style, text: &str, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\n{}", style.bold(text))
}

fn heading(outcome: &Outcome, style: Style, width: usize, out: &mut dyn Write) -> io::Result<()> {
    let (topology, scenario) = (outcome.topology, outcome.scenario);
    writeln!(out, "{}", style.bold(&format!("{}: {}", scenario.name, scenario.title)))?;
    let facts = format!(
        "topology {}, {} clients, seed {}, until {}, {} records, digest {}",
        topology.name,
        topology.total_clients(),
        outcome.seed,
        scenario.until,
        outcome.records.len(),
        outcome.digest
    );
    wrapped(out, "", &facts, width)?;
    for system in outcome.assumed.iter().filter(|a| a.key == "clients.operating_system") {
        let text = format!("{}: {}", system.value, system.why);
        wrapped(out, "Neighbour caches of clients, ", &text, width)?;
    }
    Ok(())
}

/// Writes a text with a lead, broken between words; later lines are indented.
fn wrapped(out: &mut dyn Write, lead: &str, text: &str, width: usize) -> io::Result<()> {
    let mut first = true;
    for line in wrap(&format!("{lead}{text}"), width.saturating_sub(2)) {
        writeln!(out, "{}{line}", if first { "" } else { "  " })?;
        first = false;
    }
    Ok(())
}

/// Breaks a text between words.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    if lines.is_empty() {
        lines.push(String::new());
    }
    lines
}

fn timeline(
    outcome: &Outcome,
    names: &Names,
    style: Style,
    width: usize,
    out: &mut dyn Write,
) -> io::Result<()> {
    let (lines, left_out) = lines(outcome, names);
    title(style, "Timeline", out)?;
    if outcome.disturbed.is_some() {
        writeln!(out, "Seconds from the first fault or order; negative: start-up.")?;
    }
    let shown: Vec<MachineId> = outcome
        .topology
        .machines
        .ids()
        .filter(|machine| lines.iter().any(|line| line.column == Column::Machine(*machine)))
        .collect();
    let columns = shown.len() + 1;
    let time = 9;
    let cell = (width.saturating_sub(time + 1) / columns).saturating_sub(2);
    if cell < 16 {
        return narrow_timeline(outcome, names, &lines, style, out);
    }
    let mut head = format!("{:>time$} ", "s");
    for machine in &shown {
        head += &format!(" {:<cell$} ", outcome.topology.machine_name(*machine));
    }
    head += " Clients";
    writeln!(out, "{}", style.bold(&head))?;
    let zero = outcome.disturbed.unwrap_or(Instant::ZERO);
    let mut before = String::new();
    for line in &lines {
        let at = relative(line.at, zero);
        let label = if at == before { String::new() } else { at.clone() };
        before = at;
        if line.column == Column::Across {
            let text = format!("{label:>time$}  -- {} --", line.text);
            writeln!(out, "{}", style.bold(&text))?;
            continue;
        }
        let place = match line.column {
            Column::Machine(machine) => shown.iter().position(|m| *m == machine).unwrap_or(0),
            Column::Across | Column::Clients => shown.len(),
        };
        for (number, part) in wrap(&line.text, cell).iter().enumerate() {
            let label = if number == 0 { label.as_str() } else { "" };
            let indent = " ".repeat(place * (cell + 2));
            writeln!(out, "{label:>time$}  {indent}{part}")?;
        }
    }
    if left_out > 0 {
        writeln!(out, "{}", style.dim(&format!("... {left_out} more lines, see --journal")))?;
    }
    Ok(())
}

/// For windows that are too narrow for columns: one line after the other, with who it is about.
fn narrow_timeline(
    outcome: &Outcome,
    names: &Names,
    lines: &[Line],
    style: Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let zero = outcome.disturbed.unwrap_or(Instant::ZERO);
    for line in lines {
        let who = match line.column {
            Column::Across => "",
            Column::Machine(machine) => names.machine(machine),
            Column::Clients => "clients",
        };
        let text = format!("{:>9}  {who:<8} {}", relative(line.at, zero), line.text);
        let across = line.column == Column::Across;
        writeln!(out, "{}", if across { style.bold(&text) } else { text })?;
    }
    Ok(())
}

fn relative(at: Instant, zero: Instant) -> String {
    if at >= zero { seconds(at.since(zero)) } else { format!("-{}", seconds(zero.since(at))) }
}

fn budget(
    outcome: &Outcome,
    names: &Names,
    style: Style,
    width: usize,
    out: &mut dyn Write,
) -> io::Result<()> {
    title(style, "Outage budget", out)?;
    let shown = shown(outcome);
    if shown.is_empty() {
        return writeln!(out, "Nobody was without service.");
    }
    writeln!(out, "Of each kind of client the worst one; the stages add up to what it saw.")?;
    let longest = shown.iter().filter_map(|outage| outage.span()).max().unwrap_or(Span::ZERO);
    for outage in shown {
        one_outage(outcome, names, outage, longest, style, width, out)?;
    }
    Ok(())
}

fn one_outage(
    outcome: &Outcome,
    names: &Names,
    outage: &Outage,
    longest: Span,
    style: Style,
    width: usize,
    out: &mut dyn Write,
) -> io::Result<()> {
    let zero = outcome.disturbed.unwrap_or(Instant::ZERO);
    let who = who_word(names, outage.who);
    let from = relative(outage.from, zero);
    let Some(span) = outage.span() else {
        let text = format!("{who}: out since {from} s, not back by the end of the run");
        return writeln!(out, "{}", style.bad(&text));
    };
    let to = relative(outage.from + span, zero);
    let head = format!("{who}: {} s, from {from} to {to}", seconds(span));
    writeln!(out, "{}", style.bold(&head))?;
    let bar_width = (width.saturating_sub(72)).clamp(10, 40) as u64;
    let scale = longest.as_nanos().max(1);
    let mut before = 0u64;
    for stage in &outage.stages {
        let end = before + stage.span.as_nanos();
        let place =
            |nanos: u64| (u128::from(nanos) * u128::from(bar_width) / u128::from(scale)) as usize;
        let (left, right) = (place(before), place(end).max(place(before) + 1));
        let bar = format!("{}{}", " ".repeat(left), "#".repeat(right - left));
        before = end;
        let bar = format!("{bar:<width$}", width = bar_width as usize + 1);
        let reason = reason(outcome, names, stage.record);
        let row = format!("  {:<20} {:>8} s |{bar}| {reason}", stage.name, seconds(stage.span));
        let cut: String = row.chars().take(width).collect();
        writeln!(out, "{}", cut.trim_end())?;
    }
    Ok(())
}

/// What ended a stage, in a few words.
fn reason(outcome: &Outcome, names: &Names, number: crate::journal::RecordNo) -> String {
    use crate::failover::seam::Effect;
    use crate::journal::What;
    let Some(record) = outcome.records.get(number.0 as usize) else { return String::new() };
    if let What::In(node, _) = &record.what {
        let next = outcome.records[number.0 as usize + 1..].iter();
        let notes = next.take_while(|other| other.at == record.at);
        let told =
            notes.filter(|other| other.cause == Some(number)).find_map(|other| match &other.what {
                What::Out(who, Effect::Note(note)) if who == node => Some(names.note(*node, note)),
                _ => None,
            });
        if let Some(told) = told {
            return format!("{}: {told}", names.node(*node));
        }
    }
    format!("{}: {}", names.who(&record.what), names.phrase(&record.what))
}

fn steps(outcome: &Outcome, style: Style, width: usize, out: &mut dyn Write) -> io::Result<()> {
    if outcome.steps.is_empty() {
        return Ok(());
    }
    title(style, "Steps", out)?;
    for step in &outcome.steps {
        let lead = format!("{:>6}  ", step.label);
        wrapped(out, &lead, &step.text, width)?;
        for mark in &step.marks {
            let text = match mark.held_after {
                Some(after) if mark.within.is_zero() || after.is_zero() => {
                    style.good(&format!("        [ok] {}", mark.text))
                }
                Some(after) => {
                    let limit = format!("after {} s of {}", seconds(after), mark.within);
                    style.good(&format!("        [ok] {}, {limit}", mark.text))
                }
                None => {
                    let limit = format!("not within {}", mark.within);
                    style.bad(&format!("        [NO] {}, {limit}", mark.text))
                }
            };
            writeln!(out, "{text}")?;
        }
    }
    Ok(())
}

fn state(outcome: &Outcome, names: &Names, style: Style, out: &mut dyn Write) -> io::Result<()> {
    title(style, "At the end", out)?;
    let holders = outcome.end.quorum_holders();
    if holders.is_empty() {
        writeln!(out, "  {:<14} {}", "quorum", style.bad("nobody has it"))?;
    } else {
        writeln!(out, "  {:<14} {}", "quorum", names.nodes(holders))?;
    }
    let witness = outcome.end.witness.map_or("not held", |node| names.node(node));
    writeln!(out, "  {:<14} {witness}", "witness")?;
    for (id, group) in outcome.end.groups.iter() {
        let owner = group.owner.map_or("nobody", |node| names.node(node));
        let text = format!("{} on {owner}", group_state(group.state));
        writeln!(out, "  {:<14} {text}", names.group(id))?;
    }
    for (id, copy) in &outcome.end.copies {
        let reachable = outcome.end.reachable(id.node.into());
        let note = if reachable { "" } else { ", cut off" };
        let queues = match copy.status {
            CopyStatus::Mounted | CopyStatus::Mounting => String::new(),
            _ => format!(", copy queue {}, replay queue {}", copy.copy_queue, copy.replay_queue),
        };
        writeln!(out, "  {:<14} {:?}{queues}{note}", names.copy(*id), copy.status)?;
    }
    let mail = outcome.mail;
    writeln!(
        out,
        "  {:<14} {} submitted, {} delivered, {} pending, {} lost, {} duplicates",
        "mail", mail.submitted, mail.delivered, mail.pending, mail.lost, mail.duplicates
    )
}

fn clients(outcome: &Outcome, style: Style, out: &mut dyn Write) -> io::Result<()> {
    if outcome.clients.is_empty() {
        return Ok(());
    }
    title(style, "Clients", out)?;
    writeln!(
        out,
        "  {:<13} {:>6} {:>8} {:>8} {:>8} {:>8}   {:>8} {:>8} {:>8} {:>7}",
        "", "count", "out p50", "p90", "p99", "max s", "lat p50", "p99", "max s", "log-ons"
    )?;
    for kind in ClientKind::ALL {
        let Some(of) = outcome.clients.get(&kind).filter(|of| of.count > 0) else { continue };
        let row = format!(
            "  {:<13} {:>6} {:>8} {:>8} {:>8} {:>8}   {:>8} {:>8} {:>8} {:>7}",
            kind.word(),
            of.count,
            seconds(of.outage.percentile(50)),
            seconds(of.outage.percentile(90)),
            seconds(of.outage.percentile(99)),
            seconds(of.outage.max),
            seconds(of.latency.percentile(50)),
            seconds(of.latency.percentile(99)),
            seconds(of.latency.max),
            of.log_ons_again,
        );
        writeln!(out, "{row}")?;
    }
    Ok(())
}

fn promises(outcome: &Outcome, style: Style, width: usize, out: &mut dyn Write) -> io::Result<()> {
    title(style, "Promises", out)?;
    for promise in &outcome.promises.held {
        let lead = format!("  {} {}: ", style.good("held"), promise.name);
        wrapped(out, &lead, promise.statement, width + 9)?;
    }
    for (promise, why) in &outcome.promises.not_judged {
        wrapped(out, &format!("  not judged: {}: ", promise.name), why, width)?;
    }
    for (_, violation) in &outcome.promises.violations {
        let text = format!("{} at {}: {}", violation.promise, violation.at, violation.why);
        wrapped(out, &format!("  {} ", style.bad("BROKEN")), &text, width + 9)?;
    }
    for measure in &outcome.promises.measures {
        let text =
            format!("{}: {} for {} s", measure.promise, measure.name, seconds(measure.value));
        wrapped(out, "  measured ", &text, width)?;
    }
    Ok(())
}

fn assumed(outcome: &Outcome, style: Style, width: usize, out: &mut dyn Write) -> io::Result<()> {
    title(style, "Assumed (no source gives these; change one with --set KEY=VALUE)", out)?;
    for assumption in &outcome.assumed {
        let lead = format!("  {:<46} {:>6}  ", assumption.key, assumption.value);
        let text = format!("{lead}{}", assumption.why);
        let cut: String = if text.chars().count() > width {
            text.chars().take(width - 3).chain("...".chars()).collect()
        } else {
            text
        };
        writeln!(out, "{cut}")?;
    }
    Ok(())
}

fn verdict(outcome: &Outcome, style: Style, width: usize, out: &mut dyn Write) -> io::Result<()> {
    title(style, "Verdict", out)?;
    let recovered = match outcome.recovered {
        Some(span) if span.is_zero() => "nothing was out".to_owned(),
        Some(span) => format!("everything back after {} s", seconds(span)),
        None => "not everything came back".to_owned(),
    };
    let kind = outcome.verdict.kind;
    let text = match kind {
        VerdictKind::Ok => style.good(&format!("ok: all held, {recovered}")),
        VerdictKind::Unavailable => {
            let why = outcome.promises.unavailable.as_deref().unwrap_or_default();
            format!("unavailable: all held, {recovered}: {why}")
        }
        VerdictKind::Safety | VerdictKind::Liveness | VerdictKind::Budget => {
            style.bad(&format!("{}: {recovered}", kind.word()))
        }
    };
    wrapped(out, "", &text, width)?;
    for (name, at, why) in &outcome.verdict.broken {
        wrapped(out, "  ", &format!("{name} at {at}: {why}"), width)?;
    }
    Ok(())
}

/// The chain of causes of a record, for `why`: the record first, each next one because of.
///
/// # Errors
/// If the writer fails.
pub fn write_why(
    names: &Names,
    records: &[crate::journal::Record],
    from: crate::journal::RecordNo,
    out: &mut dyn Write,
) -> io::Result<()> {
    for (depth, number) in crate::journal::chain(records, from).into_iter().enumerate() {
        let lead = if depth == 0 { "       " } else { "because" };
        writeln!(out, "{lead} {}", line(names, number, &records[number.0 as usize]))?;
    }
    Ok(())
}
