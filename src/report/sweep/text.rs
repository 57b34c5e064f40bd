//! A sweep's points for a person.

use super::table::Table;
use super::{Report, numbers};
use crate::base::Span;
use crate::lab::statistics::{Quantile, rank};
use crate::lab::sweep::{
    Budget, Case, CaseStudy, Event, NEVER, Outcome, PointStudy, Study, Whose, is_enough,
};
use crate::model::settings::Value;
use crate::report::page::{Ink, Page};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// Percentiles that every table shows, in thousandths.
pub(super) const SHOWN: [u32; 3] = [500, 950, 990];

/// Writes the report.
pub(super) fn write(
    report: &Report,
    width: usize,
    color: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    let page = &mut Page::new(out, width, color);
    heading(report, page)?;
    durations(report, page)?;
    probabilities(report, page)?;
    promises(report, page)?;
    frontier(report, page)?;
    if let [only] = report.study.points.as_slice() {
        every_duration(report, only, page)?;
    }
    budgets(report, page)?;
    refused(report, page)?;
    few(report, page)?;
    page.line(Ink::Plain, "")?;
    page.item(Ink::Plain, "", &format!("Repeat: {}", report.repeat))
}

fn heading(report: &Report, page: &mut Page<'_>) -> io::Result<()> {
    let (study, plan) = (report.study, report.study.plan);
    page.item(Ink::Bold, "", report.title)?;
    let cases: Vec<String> = plan.cases().into_iter().map(Case::told).collect();
    let seeds = study.points.iter().flat_map(|point| &point.cases);
    let runs: usize = seeds.map(|case| case.runs.len()).sum();
    let points = match study.points.len() {
        1 => "the site as it is".to_owned(),
        2 => "a point and the site as it is".to_owned(),
        count => format!("{} points and the site as it is", count - 1),
    };
    let of = match cases.as_slice() {
        [_] => String::new(),
        several => format!(", {} cases ({})", several.len(), several.join(", ")),
    };
    let most = study.points.iter().flat_map(|point| &point.cases).map(|case| case.runs.len()).max();
    let facts =
        format!("{points}{of}, {} seeds from {} on, {runs} runs", most.unwrap_or(0), plan.seed);
    page.item(Ink::Plain, "", &facts)?;
    if study.undisturbed {
        let text =
            "the scenario plans no fault and no order: nothing is lost, and durations are zero";
        page.item(Ink::Bad, "note: ", text)?;
    }
    if study.partial {
        page.item(Ink::Bad, "stopped: ", "only the runs that were made by then are counted")?;
    } else if let Some(enough) = plan.enough {
        let text = if is_enough(study, enough) {
            "the intervals are as narrow as asked (--enough)"
        } else {
            "the seeds are used up before the intervals are as narrow as asked (--enough, --runs)"
        };
        page.item(Ink::Plain, "", text)?;
    }
    Ok(())
}

fn planned<'c, 'm>(point: &'c PointStudy<'m>) -> &'c CaseStudy<'m> {
    &point.cases[0]
}

/// A point by its number, which other forms have too, and its values: these may be cut.
fn numbered(study: &Study, place: usize) -> String {
    match study.points.len() {
        1 => study.points[place].label(),
        _ => format!("{place}: {}", study.points[place].label()),
    }
}

/// A percentile with its interval, in seconds.
pub(super) fn quantile(found: Option<Quantile>) -> String {
    let Some(found) = found else { return "-".to_owned() };
    let end = |end: Option<Span>| end.map_or_else(|| "?".to_owned(), numbers::seconds);
    format!("{} [{}, {}]", numbers::seconds(found.value), end(found.low), end(found.high))
}

fn durations(report: &Report, page: &mut Page<'_>) -> io::Result<()> {
    let (study, measure) = (report.study, report.study.plan.measure.as_str());
    page.title(&format!(
        "{}, in seconds after the first fault (percentiles with their 95 % intervals)",
        numbers::of_measure(measure)
    ))?;
    let several = study.points.len() > 1;
    let mut shown: Vec<u32> = SHOWN.to_vec();
    if !shown.contains(&study.plan.percentile) {
        shown.push(study.plan.percentile);
        shown.sort_unstable();
    }
    let names: Vec<String> = shown.iter().map(|p| numbers::percentile(*p)).collect();
    let mut head = vec!["point", "runs"];
    head.extend(names.iter().map(String::as_str));
    head.push("longest");
    if several {
        head.push("against as it is (mean, paired)");
    }
    let mut table = Table::new(&head);
    for (place, point) in study.points.iter().enumerate() {
        let case = planned(point);
        let sorted = case.sorted(measure);
        let mut cells = vec![numbered(study, place), case.runs.len().to_string()];
        cells.extend(shown.iter().map(|p| quantile(Quantile::of(&sorted, *p))));
        cells.push(sorted.last().map_or_else(|| "-".to_owned(), |span| numbers::seconds(*span)));
        if several && place > 0 {
            cells.push(difference(case, planned(&study.points[0]), measure));
        }
        table.row(Ink::Plain, cells);
    }
    table.write(page)
}

/// A paired difference in words.
fn difference(case: &CaseStudy, from: &CaseStudy, measure: &str) -> String {
    let (found, endless) = case.difference(from, measure);
    let seconds = numbers::signed;
    let Some((low, high)) = found.mean.interval() else { return "-".to_owned() };
    let left = if endless > 0 { format!(", {endless} pairs without end") } else { String::new() };
    format!("{} [{}, {}]{left}", seconds(found.mean.mean), seconds(low), seconds(high))
}

/// A probability with its interval.
pub(super) fn proportion(case: &CaseStudy, event: Event) -> String {
    let found = case.proportion(&Outcome::Event(event));
    numbers::proportion(&found)
}

fn probabilities(report: &Report, page: &mut Page<'_>) -> io::Result<()> {
    let study = report.study;
    page.title("How often (share of the runs with its 95 % interval)")?;
    let mut columns: Vec<(String, usize, Event)> = Vec::new();
    for (place, case) in study.plan.cases().into_iter().enumerate() {
        let events: &[Event] = match case {
            Case::Planned => &Event::ALL,
            Case::Hiccup(_) | Case::Fork { .. } => &[Event::Failover, Event::Broken],
        };
        for event in events {
            // Columns in which nothing ever happened say nothing, but for these.
            let ever = study
                .points
                .iter()
                .any(|point| point.cases[place].proportion(&Outcome::Event(*event)).had > 0);
            let always = matches!(event, Event::Failover | Event::Broken | Event::NotBack);
            if ever || (always && matches!(case, Case::Planned)) || *event == Event::Failover {
                let name = match case {
                    Case::Hiccup(length) => {
                        format!("{}, hiccup {}", numbers::of_event(*event), length.show())
                    }
                    Case::Planned | Case::Fork { .. } => numbers::of_event(*event).to_owned(),
                };
                columns.push((name, place, *event));
            }
        }
    }
    let head: Vec<&str> =
        std::iter::once("point").chain(columns.iter().map(|(name, ..)| name.as_str())).collect();
    let mut table = Table::new(&head);
    for (at, point) in study.points.iter().enumerate() {
        let cells =
            columns.iter().map(|(_, place, event)| proportion(&point.cases[*place], *event));
        table.row(Ink::Plain, std::iter::once(numbered(study, at)).chain(cells).collect());
    }
    table.write(page)
}

/// Which promises were broken, in all runs together.
fn promises(report: &Report, page: &mut Page<'_>) -> io::Result<()> {
    let mut all: BTreeMap<&str, u64> = BTreeMap::new();
    for case in report.study.points.iter().flat_map(|point| &point.cases) {
        for (name, count) in case.broken() {
            *all.entry(name).or_default() += count;
        }
    }
    if all.is_empty() {
        return Ok(());
    }
    let told: Vec<String> = all.iter().map(|(name, count)| format!("{name} in {count}")).collect();
    page.item(Ink::Bad, "  ", &format!("runs that broke a promise: {}", told.join(", ")))
}

fn frontier(report: &Report, page: &mut Page<'_>) -> io::Result<()> {
    let study = report.study;
    let best = study.frontier();
    if study.points.len() < 2 || best.is_empty() {
        return Ok(());
    }
    let of = numbers::percentile(study.plan.percentile);
    let length = study.plan.hiccups.last();
    let length = length.map_or_else(String::new, |length| format!(" of {}", length.show()));
    page.title(&format!(
        "Frontier: no other point is back sooner ({of}) and fails over on fewer hiccups{length}"
    ))?;
    let mut table = Table::new(&["point", &of, "failovers on a hiccup"]);
    let mut rows: Vec<(Span, Vec<String>)> = Vec::new();
    for place in best {
        let point = &study.points[place];
        let found = planned(point).quantile(&study.plan.measure, study.plan.percentile);
        let value = found.map_or(NEVER, |found| found.value);
        let failed =
            point.false_failovers().map_or_else(String::new, |of| numbers::proportion(&of));
        rows.push((value, vec![numbered(study, place), quantile(found), failed]));
    }
    rows.sort();
    for (_, cells) in rows {
        table.row(Ink::Good, cells);
    }
    table.write(page)
}

fn every_duration(report: &Report, point: &PointStudy, page: &mut Page<'_>) -> io::Result<()> {
    page.title("Every duration (seconds, percentiles with their 95 % intervals)")?;
    let names: Vec<String> = SHOWN.iter().map(|p| numbers::percentile(*p)).collect();
    let mut head = vec!["duration"];
    head.extend(names.iter().map(String::as_str));
    head.push("longest");
    let mut table = Table::new(&head);
    for measure in report.study.measures() {
        let sorted = planned(point).sorted(measure);
        let mut cells = vec![measure.to_owned()];
        cells.extend(SHOWN.iter().map(|p| quantile(Quantile::of(&sorted, *p))));
        cells.push(sorted.last().map_or_else(|| "-".to_owned(), |span| numbers::seconds(*span)));
        table.row(Ink::Plain, cells);
    }
    table.write(page)
}

/// The budget of the site as it is, and of the point that is back soonest.
fn budgets(report: &Report, page: &mut Page<'_>) -> io::Result<()> {
    let study = report.study;
    let value = |point: &PointStudy| {
        let found = planned(point).quantile(&study.plan.measure, study.plan.percentile);
        found.map_or(NEVER, |found| found.value)
    };
    let best = (0..study.points.len()).min_by_key(|place| value(&study.points[*place]));
    for place in std::iter::once(0).chain(best.filter(|best| *best > 0)) {
        let point = &study.points[place];
        let Some(budget) = Budget::of(planned(point)) else { continue };
        let of = if place == 0 { String::new() } else { ", the soonest back".to_owned() };
        let whose = match &study.plan.whose {
            Whose::Last => "what was back last",
            Whose::Named(name) => name,
        };
        page.title(&format!(
            "Outage budget of {whose}, {}{of} (seconds; on the right real runs, whose stages add up)",
            point.label()
        ))?;
        budget_table(&budget).write(page)?;
        if budget.without > 0 {
            let text = format!("{} runs have no outage that ended", budget.without);
            page.item(Ink::Plain, "  ", &text)?;
        }
    }
    Ok(())
}

fn budget_table(budget: &Budget) -> Table {
    let names: Vec<String> =
        budget.rows.iter().map(|row| numbers::percentile(row.thousandths)).collect();
    let mut head = vec!["stage", "p50 of the stage", "p95 of the stage"];
    head.extend(names.iter().map(String::as_str));
    let mut table = Table::new(&head);
    for (place, stage) in budget.stages.iter().enumerate() {
        // What takes no time at any percentile would only make the table longer.
        let least = Span::from_micros(500);
        if stage.p95 < least && budget.rows.iter().all(|row| row.stages[place] < least) {
            continue;
        }
        let mut cells =
            vec![stage.name.clone(), numbers::seconds(stage.p50), numbers::seconds(stage.p95)];
        cells.extend(budget.rows.iter().map(|row| numbers::seconds(row.stages[place])));
        table.row(Ink::Plain, cells);
    }
    let mut whole = vec!["whole".to_owned(), String::new(), String::new()];
    whole.extend(budget.rows.iter().map(|row| numbers::seconds(row.whole)));
    table.row(Ink::Bold, whole);
    let mut seeds = vec!["seed of the run".to_owned(), String::new(), String::new()];
    seeds.extend(budget.rows.iter().map(|row| row.seed.to_string()));
    table.row(Ink::Dim, seeds);
    table
}

fn refused(report: &Report, page: &mut Page<'_>) -> io::Result<()> {
    let wrong: Vec<&PointStudy> =
        report.study.points.iter().filter(|point| !point.refused.is_empty()).collect();
    if wrong.is_empty() {
        return Ok(());
    }
    page.title("Points that cannot be run")?;
    for point in wrong {
        for problem in &point.refused {
            page.item(Ink::Bad, "  ", &format!("{}: {problem}", point.label()))?;
        }
    }
    Ok(())
}

/// A warning where there are too few runs for the percentile that is looked at.
fn few(report: &Report, page: &mut Page<'_>) -> io::Result<()> {
    let plan = report.study.plan;
    let points = report.study.points.iter().filter(|point| point.refused.is_empty());
    let fewest = points.map(|point| planned(point).runs.len() as u64).min().unwrap_or(0);
    let mut wanted = std::iter::once(plan.percentile).chain(SHOWN);
    let Some(too_high) = wanted.find(|p| fewest < rank::fewest(*p)) else {
        return Ok(());
    };
    page.line(Ink::Plain, "")?;
    let text = format!(
        "{fewest} runs are too few for {}: its interval has no upper end before {} (--runs)",
        numbers::percentile(too_high),
        rank::fewest(too_high)
    );
    page.item(Ink::Bad, "few runs: ", &text)
}
