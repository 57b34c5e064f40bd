//! What a swarm found, for a person.

use super::super::page::{Ink, Page};
use super::{Report, all_edges, pairs};
use crate::lab::swarm::{Failures, Site, Tally};
use crate::view::words::counted;
use std::io::{self, Write};

/// Reasons for what was unavailable that are shown of a site.
const REASONS: usize = 5;

/// Transitions that are named because nobody took them.
const NAMED: usize = 12;

pub(super) fn write(
    report: &Report,
    width: usize,
    color: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    let page = &mut Page::new(out, width, color);
    let (from, to) = report.seeds;
    let sites = report.sites.len();
    let of = if sites == 1 { report.sites[0].0.name.clone() } else { format!("{sites} sites") };
    page.item(Ink::Bold, "Swarm: ", &format!("{of}, seeds {from} to {}", to - 1))?;
    length(report, page)?;
    for (site, tally) in report.sites {
        attacked(site, tally, page)?;
    }
    coverage(report, page)?;
    kept(report, page)?;
    verdict(report, page)?;
    page.line(Ink::Plain, "")?;
    page.line(Ink::Plain, &format!("Repeat: {}", report.repeat))
}

fn length(report: &Report, page: &mut Page<'_>) -> io::Result<()> {
    let seconds = |tally: &Tally| tally.simulated.as_nanos() / 1_000_000_000;
    let hours = report.sites.iter().map(|(_, tally)| seconds(tally)).sum::<u64>() / 3_600;
    let length = format!("{}, {} simulated", counted(report.runs(), "run"), counted(hours, "hour"));
    page.item(Ink::Plain, "", &length)
}

fn attacked(site: &Site, tally: &Tally, page: &mut Page<'_>) -> io::Result<()> {
    page.title(&site.name)?;
    let drawn = counted(tally.drawn, "run");
    let runs = format!("{drawn} drawn, {} aimed at what had not been reached", tally.aimed);
    page.item(Ink::Plain, "  ", &runs)?;
    let struck: Vec<String> =
        tally.struck.iter().map(|(word, count)| format!("{word} {count}")).collect();
    page.item(Ink::Dim, "  struck: ", &struck.join(", "))?;
    for (promise, failures) in &tally.failures {
        broken(promise, failures, page)?;
    }
    for (name, (hazard, met)) in &tally.hazards {
        let text = format!(
            "{} in {}, longest {} ({})",
            hazard.statement,
            counted(met.count, "run"),
            met.longest,
            met.run
        );
        page.item(Ink::Plain, &format!("  hazard {name}: "), &text)?;
    }
    let mut reasons: Vec<_> = tally.unavailable.iter().collect();
    reasons.sort_by_key(|(why, (count, _))| (std::cmp::Reverse(*count), *why));
    let all: u64 = reasons.iter().map(|(_, (count, _))| count).sum();
    if all > 0 {
        let text = format!(
            "{} ended without something, for reasons that break no promise:",
            counted(all, "run")
        );
        page.item(Ink::Plain, "  ", &text)?;
    }
    for (why, (count, run)) in reasons.iter().take(REASONS) {
        page.item(Ink::Dim, "    ", &format!("{count} {why} ({run})"))?;
    }
    if reasons.len() > REASONS {
        let more = counted((reasons.len() - REASONS) as u64, "more reason");
        let more = format!("and {more} (--format json has them)");
        page.item(Ink::Dim, "    ", &more)?;
    }
    Ok(())
}

fn broken(promise: &str, failures: &Failures, page: &mut Page<'_>) -> io::Result<()> {
    let text = format!("broken in {}", counted(failures.count, "run"));
    page.item(Ink::Bad, &format!("  {promise}: "), &text)?;
    for failure in &failures.kept {
        let (ran, broken) = (&failure.ran, &failure.ran.broken[failure.broken]);
        let text = format!("{} at {}: {}", ran.plan.name(), broken.at, broken.why);
        page.item(Ink::Plain, "    ", &text)?;
    }
    Ok(())
}

fn coverage(report: &Report, page: &mut Page<'_>) -> io::Result<()> {
    page.title("Coverage")?;
    let never = report.never_taken();
    let (taken, all) = (all_edges() - never.len(), all_edges());
    page.item(Ink::Plain, "  ", &format!("transitions: {taken} of {all} taken"))?;
    if !never.is_empty() {
        let mut named = never.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
        if never.len() > NAMED {
            named += &format!(", and {} more", never.len() - NAMED);
        }
        page.item(Ink::Dim, "  never: ", &named)?;
    }
    for (site, tally) in report.sites {
        let (met, possible) = pairs(tally);
        let text = format!(
            "{}: {met} of {possible} pairs of a fault or order and a state that it can strike in",
            site.name
        );
        page.item(Ink::Plain, "  ", &text)?;
    }
    Ok(())
}

fn kept(report: &Report, page: &mut Page<'_>) -> io::Result<()> {
    if report.capsules.is_empty() {
        return Ok(());
    }
    page.title("Failures kept")?;
    for (file, promise) in report.capsules {
        page.item(Ink::Plain, "  ", &format!("{file} ({promise})"))?;
    }
    let text = "make one small with `dagtwin shrink FILE`, look at it with `dagtwin watch FILE`";
    page.item(Ink::Dim, "  ", text)
}

fn verdict(report: &Report, page: &mut Page<'_>) -> io::Result<()> {
    page.title("Verdict")?;
    let failed: u64 = report.sites.iter().map(|(_, tally)| tally.failed()).sum();
    let (ink, mut text) = match failed {
        _ if report.runs() == 0 => (Ink::Plain, "nothing was run".to_owned()),
        0 => (Ink::Good, "every promise held in every run".to_owned()),
        1 => (Ink::Bad, "a promise was broken in one run".to_owned()),
        many => (Ink::Bad, format!("promises were broken {many} times")),
    };
    if report.stopped {
        text += "; stopped before all runs were made";
    }
    page.item(ink, "  ", &text)
}
