//! The outage budget: for each kind of client and each service the worst outage, in stages.

use super::{relative, seconds};
use crate::base::{Instant, Span};
use crate::journal::text::Names;
use crate::lab::Outcome;
use crate::report::page::{Ink, Page};
use crate::view::outage::{Outage, reason, shown};
use std::io;

pub(super) fn budget(outcome: &Outcome, names: &Names, page: &mut Page<'_>) -> io::Result<()> {
    page.title("Outage budget")?;
    let shown = shown(names, outcome.scenario, &outcome.outages);
    if shown.is_empty() {
        return page.item(Ink::Plain, "", "Nobody was without service.");
    }
    let text = "Of each kind of client the worst one; the stages add up to what it saw.";
    page.item(Ink::Plain, "", text)?;
    let longest = shown.iter().filter_map(|outage| outage.span()).max().unwrap_or(Span::ZERO);
    for outage in shown {
        one_outage(outcome, names, outage, longest, page)?;
    }
    Ok(())
}

fn one_outage(
    outcome: &Outcome,
    names: &Names,
    outage: &Outage,
    longest: Span,
    page: &mut Page<'_>,
) -> io::Result<()> {
    let zero = outcome.disturbed.unwrap_or(Instant::ZERO);
    let who = outage.who.word(names);
    let from = relative(outage.from, zero);
    let Some(span) = outage.span() else {
        let text = format!("out since {from} s, not back by the end of the run");
        return page.item(Ink::Bad, &format!("{who}: "), &text);
    };
    let to = relative(outage.from + span, zero);
    let head = format!("{} s, from {from} to {to}", seconds(span));
    page.item(Ink::Bold, &format!("{who}: "), &head)?;
    let bar_width = (page.width.saturating_sub(72)).clamp(10, 40) as u64;
    let scale = u128::from(longest.as_nanos().max(1));
    let place = |nanos: u64| (u128::from(nanos) * u128::from(bar_width) / scale) as usize;
    let mut before = 0u64;
    for stage in &outage.stages {
        let end = before + stage.span.as_nanos();
        let (left, right) = (place(before), place(end).max(place(before) + 1));
        let bar = format!("{:left$}{}", "", "#".repeat(right - left));
        before = end;
        let reason = reason(names, &outcome.records, stage.record);
        let bars = bar_width as usize + 1;
        let lead = format!("  {:<20} {:>8} s |{bar:<bars$}| ", stage.name, seconds(stage.span));
        page.cut(&format!("{lead}{reason}"))?;
    }
    Ok(())
}
