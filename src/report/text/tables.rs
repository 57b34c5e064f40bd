//! What stands below the timeline and the budget: steps, the site at the end, clients, promises,
//! assumptions.

use super::seconds;
use crate::base::MachineId;
use crate::failover::seam::CopyStatus;
use crate::journal::text::{Names, group_state};
use crate::lab::Outcome;
use crate::model::topology::ClientKind;
use crate::report::page::{Ink, Page};
use std::io;

pub(super) fn steps(outcome: &Outcome, page: &mut Page<'_>) -> io::Result<()> {
    if outcome.steps.is_empty() {
        return Ok(());
    }
    page.title("Steps")?;
    for step in &outcome.steps {
        page.item(Ink::Plain, &format!("{:>6}  ", step.label), &step.text)?;
        for mark in &step.marks {
            let (ink, word, limit) = match mark.held_after {
                Some(after) if mark.within.is_zero() || after.is_zero() => {
                    (Ink::Good, "ok", String::new())
                }
                Some(after) => {
                    let limit = format!(", after {} s of {}", seconds(after), mark.within);
                    (Ink::Good, "ok", limit)
                }
                None => (Ink::Bad, "NO", format!(", not within {}", mark.within)),
            };
            page.item(ink, &format!("        [{word}] "), &format!("{}{limit}", mark.text))?;
        }
    }
    Ok(())
}

pub(super) fn state(outcome: &Outcome, names: &Names, page: &mut Page<'_>) -> io::Result<()> {
    page.title("At the end")?;
    let mut row = |ink, name: &str, text: &str| page.item(ink, &format!("  {name:<14} "), text);
    let holders = outcome.end.quorum_holders();
    if holders.is_empty() {
        row(Ink::Bad, "quorum", "nobody has it")?;
    } else {
        row(Ink::Plain, "quorum", &names.nodes(holders))?;
    }
    let witness = outcome.end.witness.map_or("not held", |node| names.node(node));
    row(Ink::Plain, "witness", witness)?;
    for (id, group) in outcome.end.groups.iter() {
        let owner = group.owner.map_or("nobody", |node| names.node(node));
        let text = format!("{} on {owner}", group_state(group.state));
        row(Ink::Plain, names.group(id), &text)?;
    }
    for (id, copy) in &outcome.end.copies {
        let text = match copy.status {
            _ if !outcome.end.reachable(id.node.into()) => {
                let machine = MachineId::from(id.node);
                let off = if outcome.end.machines[machine] { "cut off" } else { "off" };
                format!("unknown: {} is {off}", names.node(id.node))
            }
            CopyStatus::Mounted | CopyStatus::Mounting => format!("{:?}", copy.status),
            _ => {
                let (to_copy, to_replay) = (copy.copy_queue, copy.replay_queue);
                format!("{:?}, copy queue {to_copy}, replay queue {to_replay}", copy.status)
            }
        };
        row(Ink::Plain, &names.copy(*id), &text)?;
    }
    let mail = outcome.mail;
    let text = format!(
        "{} submitted, {} delivered, {} pending, {} lost, {} dropped as duplicates",
        mail.submitted, mail.delivered, mail.pending, mail.lost, mail.duplicates
    );
    row(Ink::Plain, "mail", &text)?;
    let Some(books) = outcome.books else { return Ok(()) };
    let requests = books.account.requests;
    let text = format!(
        "{} issued, {} answered, {} refused, {} timed out, {} in flight",
        requests.issued,
        requests.answered,
        requests.refused,
        requests.timed_out,
        requests.in_flight
    );
    row(Ink::Plain, "requests", &text)?;
    let (all, largest) = books.client_bytes;
    let each = all / u64::from(outcome.topology.total_clients()).max(1);
    row(Ink::Plain, "memory", &format!("{each} bytes a client, {largest} the largest"))
}

pub(super) fn clients(outcome: &Outcome, page: &mut Page<'_>) -> io::Result<()> {
    if outcome.clients.values().all(|of| of.count == 0) {
        return Ok(());
    }
    page.title("Clients (how many lost their session; longest outage and latency in seconds)")?;
    let head = ["cut off", "out p50", "p90", "max", "lat p50", "p99", "max", "log-ons"];
    let row = |name: &str, count: &str, cells: [String; 8]| {
        let cells: String = cells.iter().map(|cell| format!(" {cell:>7}")).collect();
        format!("  {name:<12} {count:>6}{cells}")
    };
    let wide = row("", "count", head.map(str::to_owned));
    if wide.chars().count() > page.width {
        return narrow_clients(outcome, page);
    }
    page.line(Ink::Plain, &wide)?;
    for kind in ClientKind::ALL {
        let Some(of) = outcome.clients.get(&kind).filter(|of| of.count > 0) else { continue };
        let cells = [
            of.cut_off.to_string(),
            seconds(of.outage.percentile(50)),
            seconds(of.outage.percentile(90)),
            seconds(of.outage.max),
            seconds(of.latency.percentile(50)),
            seconds(of.latency.percentile(99)),
            seconds(of.latency.max),
            of.log_ons_again.to_string(),
        ];
        page.line(Ink::Plain, &row(kind.word(), &of.count.to_string(), cells))?;
    }
    Ok(())
}

fn narrow_clients(outcome: &Outcome, page: &mut Page<'_>) -> io::Result<()> {
    for (kind, of) in outcome.clients.iter().filter(|(_, of)| of.count > 0) {
        let text = format!(
            "{}, longest outage {}, latency p99 {}, log-ons again {}",
            of.count,
            seconds(of.outage.max),
            seconds(of.latency.percentile(99)),
            of.log_ons_again
        );
        page.item(Ink::Plain, &format!("  {:<12} ", kind.word()), &text)?;
    }
    Ok(())
}

pub(super) fn promises(outcome: &Outcome, page: &mut Page<'_>) -> io::Result<()> {
    page.title("Promises")?;
    let mut row = |ink, word: &str, text: String| page.item(ink, &format!("  {word:<10} "), &text);
    for promise in &outcome.promises.held {
        row(Ink::Good, "held", format!("{}: {}", promise.name, promise.statement))?;
    }
    for (promise, why) in &outcome.promises.not_judged {
        row(Ink::Dim, "not judged", format!("{}: {why}", promise.name))?;
    }
    for (_, violation) in &outcome.promises.violations {
        let text = format!("{} at {}: {}", violation.promise, violation.at, violation.why);
        row(Ink::Bad, "BROKEN", text)?;
    }
    for measure in &outcome.promises.measures {
        let span = seconds(measure.value);
        let text = format!("{}: {} for {span} s", measure.promise, measure.name);
        row(Ink::Plain, "measured", text)?;
    }
    Ok(())
}

pub(super) fn assumed(outcome: &Outcome, page: &mut Page<'_>) -> io::Result<()> {
    page.title("Assumed (no source gives these; change one with --set KEY=VALUE)")?;
    for assumption in &outcome.assumed {
        let lead = format!("  {:<46} {:>6}  ", assumption.key, assumption.value);
        page.cut(&format!("{lead}{}", assumption.why))?;
    }
    Ok(())
}
