//! What was found, for a person.

use super::super::numbers;
use super::super::table::Table;
use super::super::text::quantile;
use super::{Finding, Question};
use crate::base::{Instant, Span};
use crate::lab::assign::value_of;
use crate::lab::statistics::Proportion;
use crate::lab::sweep::{
    Boundary, Candidate, Flip, Goal, Measured, Met, Moments, Moved, NEVER, NoReturn, Outcome,
    Place, Sensitivity, Shift, TRIED, Tuned, no_return,
};
use crate::model::powershell;
use crate::model::settings::Value;
use crate::model::vary::Scale;
use crate::report::page::{Ink, Page};
use std::io;

/// Values that a curve is shown at.
const SHOWN: usize = 15;
/// With fewer seeds a report says that they are few.
const FEW: u64 = 30;
/// Columns of a bar.
const BAR: usize = 30;

/// Writes the report.
pub(super) fn write(question: &Question, page: &mut Page<'_>) -> io::Result<()> {
    page.item(Ink::Bold, "", question.title)?;
    let plan = question.plan;
    let facts = format!("{} seeds from {} on, {} runs", plan.runs, plan.seed, question.runs);
    page.item(Ink::Plain, "", &facts)?;
    if plan.runs < FEW {
        let text = format!("intervals over {} seeds are wide: give more --runs", plan.runs);
        page.item(Ink::Bad, "few runs: ", &text)?;
    }
    if question.stopped {
        page.item(Ink::Bad, "stopped: ", "only the runs that were made by then are counted")?;
    }
    match question.finding {
        Finding::Sensitivity(found) => sensitivity(question, found, page)?,
        Finding::Flip(found, outcome) => flip(question, found, outcome, page)?,
        Finding::Fork(found, outcome) => fork(question, found, outcome, page)?,
        Finding::Tune(found, goals) => tune(question, found, goals, page)?,
    }
    page.line(Ink::Plain, "")?;
    page.item(Ink::Plain, "", &format!("Repeat: {}", question.repeat))
}

fn bar(share: f64) -> String {
    "#".repeat((share * BAR as f64).round() as usize)
}

fn share(found: &Proportion) -> String {
    bar(found.share().unwrap_or(0.0))
}

/// An outcome in words.
fn told(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Event(event) => numbers::of_event(*event).to_owned(),
        longer @ Outcome::Longer { .. } => longer.told(),
    }
}

fn sensitivity(question: &Question, found: &Sensitivity, page: &mut Page<'_>) -> io::Result<()> {
    let plan = question.plan;
    let (percentile, share) = (numbers::percentile(plan.percentile), found.share);
    page.title(&format!(
        "What moves {percentile} of \"{}\" most: each key smaller and larger by {}.{} %, or by \
         the least step (seconds, paired, with 95 % intervals from resampled pairs)",
        plan.measure,
        share / 10,
        share % 10
    ))?;
    let mut table = Table::new(&["key", "as it is", "smaller", "moves by", "larger", "moves by"]);
    let side = |shift: &Option<Shift>| match shift {
        Some(shift) => [shift.value.clone(), by(shift)],
        None => [String::from("-"), String::new()],
    };
    // What moves by less than a row can show stands below.
    let moves = |moved: &&Moved| moved.most() >= 0.5;
    for moved in found.moved.iter().filter(moves) {
        let mut cells = vec![moved.key.clone(), moved.value.clone()];
        cells.extend(side(&moved.smaller).into_iter().chain(side(&moved.larger)));
        table.row(Ink::Plain, cells);
    }
    table.write(page)?;
    let still: Vec<&str> =
        found.moved.iter().filter(|moved| !moves(moved)).map(|moved| moved.key.as_str()).collect();
    let lists = [
        (format!("change runs, but not their {percentile}"), still.join(", ")),
        (
            format!(
                "change nothing that is measured in the runs of the first {} seeds",
                TRIED.min(plan.runs)
            ),
            found.without_effect.join(", "),
        ),
        (
            "not tried, being no numbers, zero, or bound to others".to_owned(),
            found.not_tried.join(", "),
        ),
    ];
    for (what, keys) in lists.iter().filter(|(_, keys)| !keys.is_empty()) {
        page.line(Ink::Plain, "")?;
        page.item(Ink::Dim, "  ", &format!("{what}: {keys}"))?;
    }
    Ok(())
}

fn by(shift: &Shift) -> String {
    let seconds = numbers::signed;
    match (shift.by, shift.interval) {
        (None, _) => "without end".to_owned(),
        (Some(by), None) => seconds(by),
        (Some(by), Some((low, high))) => {
            format!("{} [{}, {}]", seconds(by), seconds(low), seconds(high))
        }
    }
}

fn flip(
    question: &Question,
    found: &Flip,
    outcome: &Outcome,
    page: &mut Page<'_>,
) -> io::Result<()> {
    let scale = &found.range.scale;
    let key = &question.plan.axes[0].key;
    let shown = |value: u64| shown(scale, value);
    page.title(&format!(
        "Where the outcome \"{}\" changes as {key} goes from {} to {}",
        told(outcome),
        shown(found.range.from),
        shown(found.range.to)
    ))?;
    let values = found.values();
    let never = found.boundaries.iter();
    let (mut always, mut not) = (0, 0);
    for (_, boundary) in never {
        match boundary {
            Boundary::None(true) => always += 1,
            Boundary::None(false) => not += 1,
            Boundary::Between { .. } => {}
        }
    }
    if let (Some((median, low, high)), Some(first), Some(last)) =
        (found.median(), values.first(), values.last())
    {
        let end = |end: Option<Place>| end.map_or_else(|| "?".to_owned(), |at| place(found, at));
        let text = format!(
            "median of all seeds {} [{}, {}]; {} of {} have their boundary in the range, from {} \
             to {}, each to {}",
            place(found, median),
            end(low),
            end(high),
            values.len(),
            found.boundaries.len(),
            shown(*first),
            shown(*last),
            shown(found.range.fine_step())
        );
        page.item(Ink::Plain, "  ", &text)?;
    }
    if always + not > 0 {
        let text = format!("the same at both ends: {always} seeds end so, {not} do not");
        page.item(Ink::Plain, "  ", &text)?;
    }
    let held = found.checked - found.contradictions.len() as u64;
    let text = format!("{held} of {} values tried beside the search end as it says", found.checked);
    page.item(Ink::Plain, "  ", &text)?;
    if let Some((seed, value)) = found.contradictions.first() {
        let text = format!(
            "the outcome changes more than once, as with seed {seed} at {}: what stands here is \
             one of its boundaries",
            shown(*value)
        );
        page.item(Ink::Bad, "not monotone: ", &text)?;
    }
    page.title("Probability (with its 95 % interval)")?;
    let mut table = Table::new(&[key.as_str(), "probability", ""]);
    for (value, at) in found.curve(SHOWN) {
        let cells = vec![shown(value), numbers::proportion(&at), format!("{:<BAR$}", share(&at))];
        table.row(Ink::Plain, cells);
    }
    table.write(page)
}

/// Where a boundary is, for a person.
pub(super) fn place(found: &Flip, at: Place) -> String {
    let scale = &found.range.scale;
    match at {
        Place::Below => format!("below {}", shown(scale, found.range.from)),
        Place::At(value) => shown(scale, value),
        Place::Beyond => format!("beyond {}", shown(scale, found.range.to)),
    }
}

/// A value of a scale for a person: durations in seconds.
pub(super) fn shown(scale: &Scale, value: u64) -> String {
    match scale {
        Scale::Span => Span::from_nanos(value).show(),
        Scale::Decimal { .. } => scale.show(value),
    }
}

/// A moment in seconds.
pub(super) fn moment(at: Instant) -> String {
    numbers::seconds(at.since(Instant::ZERO))
}

fn fork(
    question: &Question,
    found: &Moments,
    outcome: &Outcome,
    page: &mut Page<'_>,
) -> io::Result<()> {
    let changes = match question.plan.changes.as_slice() {
        [] => String::new(),
        changes => format!(", with \"{}\" at that moment", changes.join("\", \"")),
    };
    page.title(&format!(
        "How likely \"{}\" is when the run of seed {} goes on with other draws from a moment \
         on{changes}",
        told(outcome),
        question.plan.seed
    ))?;
    let mut table = Table::new(&["moment", "probability", ""]);
    for (at, proportion) in found {
        let cells = vec![
            moment(*at),
            numbers::proportion(proportion),
            format!("{:<BAR$}", share(proportion)),
        ];
        table.row(Ink::Plain, cells);
    }
    table.write(page)?;
    let text = match no_return(found) {
        NoReturn::At(at) => {
            format!("point of no return: {} s; from there on every run ends so", moment(at))
        }
        NoReturn::Before => "every run ends so, at the first moment already".to_owned(),
        NoReturn::Never => "no moment from which every run ends so".to_owned(),
    };
    page.item(Ink::Plain, "  ", &text)
}

fn tune(question: &Question, found: &Tuned, goals: &[Goal], page: &mut Page<'_>) -> io::Result<()> {
    page.title("Goals")?;
    for (place, goal) in goals.iter().enumerate() {
        let cell = measured(&found.as_it_is, place);
        page.item(Ink::Plain, "  ", &format!("{}. {}; as it is: {cell}", place + 1, goal.text))?;
    }
    let refused = match found.refused {
        0 => String::new(),
        count => format!(", {count} of them with values that do not fit together"),
    };
    let text = format!("{} points were tried{refused}", found.tried);
    page.item(Ink::Plain, "  ", &text)?;
    if found.as_it_is.all() >= Met::Likely {
        page.item(Ink::Good, "  ", "the site as it is meets every goal already")?;
    }
    if found.met.is_empty() {
        page.title("No point meets every goal; these come nearest")?;
    } else {
        let text = format!(
            "Settings that meet every goal, the fewest changes first ({} of {})",
            found.met.len(),
            found.meeting
        );
        page.title(&text)?;
    }
    for candidate in found.met.iter().chain(&found.nearest) {
        shown_candidate(question, candidate, goals, page)?;
    }
    let text = "They were chosen by the runs that are shown, and the best of many looks better \
                than it is: run them again with other seeds (--seed).";
    page.line(Ink::Plain, "")?;
    page.item(Ink::Dim, "", text)
}

fn word(met: Met) -> &'static str {
    match met {
        Met::Yes => "met",
        Met::Likely => "met, but its interval reaches beyond",
        Met::Unlikely => "missed, but its interval reaches it",
        Met::No => "missed",
    }
}

fn measured(candidate: &Candidate, place: usize) -> String {
    let (met, measured) = &candidate.goals[place];
    let number = match measured {
        Measured::Percentile(Some(found)) if found.value == NEVER => "never".to_owned(),
        Measured::Percentile(found) => format!("{} s", quantile(*found)),
        Measured::Share(found) => numbers::proportion(found),
    };
    format!("{number}, {}", word(*met))
}

/// A candidate: the difference to the site as it is in the product's words, and the lines that
/// make it.
fn shown_candidate(
    question: &Question,
    candidate: &Candidate,
    goals: &[Goal],
    page: &mut Page<'_>,
) -> io::Result<()> {
    page.line(Ink::Plain, "")?;
    page.item(Ink::Dim, "  ", &format!("{} seeds", candidate.runs))?;
    let ink = if candidate.all() >= Met::Likely { Ink::Good } else { Ink::Bad };
    for (place, goal) in goals.iter().enumerate() {
        page.item(ink, "  ", &format!("{}: {}", goal.text, measured(candidate, place)))?;
    }
    let mut lines: Vec<String> = Vec::new();
    for (name, before, after, told) in changes(question, candidate) {
        page.item(Ink::Bold, "    ", &format!("{name}: {before} -> {after}"))?;
        lines.extend(told);
    }
    for line in lines {
        page.line(Ink::Plain, &format!("      {line}"))?;
    }
    Ok(())
}

/// What a candidate changes: name, value before, value after, and the lines that make it so, or
/// why there are none.
pub(super) fn changes(
    question: &Question,
    candidate: &Candidate,
) -> Vec<(String, String, String, Vec<String>)> {
    let sources = &question.plan.sources;
    let mut all = Vec::new();
    for one in &candidate.point {
        let before = value_of(sources, &question.topology.settings, &one.key);
        let before = before.unwrap_or_else(|| "-".to_owned());
        if before == one.value {
            continue;
        }
        let (name, lines) = match powershell::property(&one.key) {
            Some(property) => {
                let told = powershell::lines(question.topology, &one.key, &one.value);
                (property.name.to_owned(), told.unwrap_or_else(|why| vec![format!("# {why}")]))
            }
            None => {
                let why = format!("# {}: no line is known that sets it", one.key);
                (one.key.clone(), vec![why])
            }
        };
        all.push((name, before, one.value.clone(), lines));
    }
    all
}
