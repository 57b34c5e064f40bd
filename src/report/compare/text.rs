//! The comparison for a person.

use super::{Estimate, MINUTES_A_YEAR, Report, all_clients, by_cause, difference};
use super::{letter, minutes, nines, repeat_episode, yearly};
use crate::base::Span;
use crate::lab::compare::Outcomes;
use crate::lab::run::Figures;
use crate::lab::statistics::FEW;
use crate::report::page::{Ink, Page};
use std::collections::BTreeSet;
use std::io::{self, Write};

/// Columns of a design's cell.
const CELL: usize = 22;
/// Columns of a row's name.
const NAME: usize = 30;

/// Writes the report.
pub(super) fn write(
    report: &Report,
    width: usize,
    color: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    let page = &mut Page::new(out, width, color);
    heading(report, page)?;
    cost(report, page)?;
    let results = report.comparison.results.iter();
    if results.map(|result| result.years.len()).min().unwrap_or(0) > 0 {
        year(report, page)?;
        causes(report, page)?;
        differences(report, page)?;
    } else if report.question.years > 0 {
        page.title("A year")?;
        page.item(Ink::Bad, "  ", "no year of every design is complete")?;
    }
    faults(report, page)?;
    scenarios(report, page)?;
    episodes(report, page)?;
    assumed(report, page)?;
    page.line(Ink::Plain, "")?;
    page.line(Ink::Plain, &format!("Repeat: {}", report.repeat))
}

fn heading(report: &Report, page: &mut Page<'_>) -> io::Result<()> {
    for (number, (design, result)) in
        report.designs.iter().zip(&report.comparison.results).enumerate()
    {
        let clients = all_clients(result);
        let text =
            format!("{}: {} ({clients} clients)", design.label, design.loaded.topology.title);
        page.item(Ink::Bold, &format!("{}  ", letter(number)), &text)?;
    }
    let question = report.question;
    let last = question.seed.wrapping_add(question.runs - 1);
    let seeds = match question.runs {
        1 => format!("seed {}", question.seed),
        _ => format!("seeds {} to {last}", question.seed),
    };
    let years = report.comparison.results.iter().map(|result| result.years.len()).min();
    let facts = format!(
        "{} years of each, {seeds}, rates of {}, {} runs",
        years.unwrap_or(0),
        question.rates.file,
        report.comparison.simulated
    );
    page.item(Ink::Plain, "", &facts)?;
    if report.comparison.stopped {
        page.item(Ink::Bad, "stopped: ", "only what was complete by then is shown")?;
    }
    Ok(())
}

/// A row with a cell for each design; what does not fit beside the others follows below.
fn row(page: &mut Page<'_>, ink: Ink, name: &str, cells: &[String]) -> io::Result<()> {
    let fitting = (page.width.saturating_sub(NAME + 2) / CELL).max(1);
    let short: String = name.chars().take(NAME - 1).collect();
    for (number, cells) in cells.chunks(fitting).enumerate() {
        let name = if number == 0 { short.as_str() } else { "" };
        let cells: String = cells.iter().map(|cell| format!("{cell:>CELL$}")).collect();
        page.line(ink, &format!("  {name:<NAME$}{cells}"))?;
    }
    Ok(())
}

fn letters(report: &Report, page: &mut Page<'_>) -> io::Result<()> {
    let letters: Vec<String> = (0..report.designs.len()).map(letter).collect();
    row(page, Ink::Dim, "", &letters)
}

fn cells(report: &Report, cell: impl Fn(&Outcomes) -> String) -> Vec<String> {
    report.comparison.results.iter().map(cell).collect()
}

fn cost(report: &Report, page: &mut Page<'_>) -> io::Result<()> {
    page.title("Cost (prices are inputs: --price KEY=VALUE)")?;
    letters(report, page)?;
    let mut whats: Vec<&'static str> = Vec::new();
    for item in report.comparison.results.iter().flat_map(|result| &result.cost) {
        if !whats.contains(&item.what) {
            whats.push(item.what);
        }
    }
    for what in whats {
        let cells = cells(report, |result| {
            let found = result.cost.iter().find(|item| item.what == what);
            found.map_or_else(
                || "-".to_owned(),
                |item| format!("{} x {} = {}", item.count, item.price, item.total()),
            )
        });
        row(page, Ink::Plain, what, &cells)?;
    }
    let total = |result: &Outcomes| {
        result.cost.iter().map(crate::lab::cost::Item::total).sum::<u64>().to_string()
    };
    row(page, Ink::Bold, "total", &cells(report, total))
}

/// A number of minutes with as many decimals as tell something.
fn shown(minutes: f64) -> String {
    match minutes.abs() {
        0.0 => "0".to_owned(),
        m if m < 1.0 => format!("{minutes:.3}"),
        m if m < 100.0 => format!("{minutes:.2}"),
        _ => format!("{minutes:.1}"),
    }
}

fn with_interval(estimate: &Estimate) -> String {
    match estimate.half {
        Some(half) => format!("{} +/- {}", shown(estimate.mean), shown(half)),
        None => shown(estimate.mean),
    }
}

fn year(report: &Report, page: &mut Page<'_>) -> io::Result<()> {
    page.title(
        "A year (minutes without service of one client, the mean of all clients and years with \
         its 95 % interval)",
    )?;
    letters(report, page)?;
    let estimates = |result: &Outcomes| Estimate::of(&yearly(result));
    let outage = cells(report, |result| with_interval(&estimates(result)));
    row(page, Ink::Bold, "minutes without service", &outage)?;
    let available = cells(report, |result| {
        let mean = estimates(result).mean;
        let percent = 100.0 - 100.0 * mean / MINUTES_A_YEAR;
        match nines(mean) {
            Some(nines) => format!("{percent:.4} % ({nines:.1})"),
            None => "100 %".to_owned(),
        }
    });
    row(page, Ink::Plain, "available (nines)", &available)?;
    let kinds: BTreeSet<_> =
        report.comparison.results.iter().flat_map(|result| result.clients.keys()).collect();
    for kind in kinds {
        let cells = cells(report, |result| {
            let count = result.years.len().max(1) as f64;
            let lost = result.years.iter().filter_map(|year| year.lost_by_kind.get(kind));
            let clients = result.clients.get(kind).copied().unwrap_or(0);
            let nobody = result.years.iter().filter_map(|year| year.nobody.get(kind));
            let nobody: Span = nobody.copied().sum();
            let (lost, nobody) = (
                minutes(lost.sum(), clients) / count,
                minutes(nobody.as_nanos().into(), 1) / count,
            );
            format!("{} ({})", shown(lost), shown(nobody))
        });
        row(page, Ink::Plain, &format!("{} (nobody served)", kind.word()), &cells)?;
    }
    let a_year = |sum: f64, result: &Outcomes| {
        let mean = sum / result.years.len().max(1) as f64;
        if mean == 0.0 { "0".to_owned() } else { format!("{mean:.1}") }
    };
    let sum = |result: &Outcomes, of: fn(&crate::lab::compare::YearFigures) -> u64| {
        a_year(result.years.iter().map(|year| of(year) as f64).sum(), result)
    };
    row(page, Ink::Plain, "lost messages", &cells(report, |r| sum(r, |y| y.lost_mail)))?;
    row(page, Ink::Plain, "lost logs", &cells(report, |r| sum(r, |y| y.lost_logs)))?;
    row(page, Ink::Plain, "failures", &cells(report, |r| sum(r, |y| y.failures as u64)))?;
    let dropped = cells(report, |r| sum(r, |y| u64::from(y.dropped)));
    row(page, Ink::Dim, "not made: in force already", &dropped)?;
    let still_out = cells(report, |r| sum(r, |y| y.still_out));
    row(page, Ink::Dim, "clients left for people", &still_out)?;
    let left_out = cells(report, |result| {
        let spans: Span = result.years.iter().map(|year| year.left_out).sum();
        a_year(spans.as_nanos() as f64 / 3.6e12, result)
    });
    row(page, Ink::Dim, "quiet hours not played", &left_out)
}

fn causes(report: &Report, page: &mut Page<'_>) -> io::Result<()> {
    page.title("By cause (minutes a year of one client, share of the design's outage)")?;
    letters(report, page)?;
    let results = &report.comparison.results;
    let mut rates: Vec<(usize, f64)> = (0..report.question.rates.rates.len())
        .map(|rate| {
            let minutes = results.iter().map(|result| by_cause(result, rate));
            (rate, minutes.fold(0.0, f64::max))
        })
        .filter(|(_, most)| *most > 0.0)
        .collect();
    rates.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    if rates.is_empty() {
        return page.line(Ink::Plain, "  nobody was without service");
    }
    for (rate, _) in rates {
        let cells = cells(report, |result| {
            let (of, all) = (by_cause(result, rate), Estimate::of(&yearly(result)).mean);
            if of == 0.0 {
                return "-".to_owned();
            }
            format!("{}  {:>5.1} %", shown(of), 100.0 * of / all)
        });
        row(page, Ink::Plain, &report.question.rates.rates[rate].name, &cells)?;
    }
    Ok(())
}

fn differences(report: &Report, page: &mut Page<'_>) -> io::Result<()> {
    let fewest = report.comparison.results.iter().map(|result| result.years.len()).min();
    if report.designs.len() > 1 {
        page.title("Differences from A (minutes a year of one client, paired year by year)")?;
        for design in 1..report.designs.len() {
            let found = difference(report.comparison, design);
            let between = match found.mean.interval() {
                Some((low, high)) => format!(", 95 % from {} to {}", shown(low), shown(high)),
                None => String::new(),
            };
            let word = match found.mean.interval() {
                None => "one year has no interval",
                Some(_) if found.is_clear() => "clear",
                Some(_) => "not clear: zero is within",
            };
            let text = format!(
                "{}{between} ({word}); more in {} and less in {} of {} years",
                shown(found.mean.mean),
                found.more,
                found.less,
                found.pairs
            );
            page.item(Ink::Plain, &format!("  {} - A  ", letter(design)), &text)?;
        }
    }
    if fewest.is_some_and(|years| years < FEW) {
        let text = format!(
            "an interval over fewer than {FEW} years is not to be trusted: give more --years"
        );
        page.item(Ink::Bad, "  warning: ", &text)?;
    }
    Ok(())
}

/// Seconds of clients in three percentiles, and the mean.
fn outage(figures: &Figures, lost: u128, runs: u64, clients: u64) -> String {
    let seconds = |span: Span| format!("{:.1}", span.as_nanos() as f64 / 1e9);
    let mean = minutes(lost, clients) * 60.0 / runs.max(1) as f64;
    let (half, most) = (figures.percentile(50), figures.max);
    format!("{mean:.1} {} {}", seconds(half), seconds(most))
}

fn faults(report: &Report, page: &mut Page<'_>) -> io::Result<()> {
    page.title(
        "Each fault alone, mended after the median time (seconds without service of one client: \
         mean, p50, max; how often a year it is expected)",
    )?;
    letters(report, page)?;
    for (number, rate) in report.question.rates.rates.iter().enumerate() {
        let of = |result: &Outcomes| {
            let found = result.faults.iter().find(|of| of.rate == number)?;
            Some(found.clone())
        };
        if report.comparison.results.iter().all(|result| of(result).is_none()) {
            continue;
        }
        let told = cells(report, |result| match of(result) {
            Some(found) => outage(&found.outage, found.lost, found.runs, all_clients(result)),
            None => "-".to_owned(),
        });
        row(page, Ink::Plain, &rate.name, &told)?;
        let often = cells(report, |result| match of(result) {
            Some(found) => {
                let often = found.expected as f64 / 1e3;
                let mail = match found.lost_mail {
                    0 => String::new(),
                    lost => format!("{lost} lost mail, "),
                };
                let broken = if found.broken > 0 { "promise broken, " } else { "" };
                format!("{broken}{mail}{often:.2}/y")
            }
            None => String::new(),
        });
        row(page, Ink::Dim, "", &often)?;
    }
    Ok(())
}

fn scenarios(report: &Report, page: &mut Page<'_>) -> io::Result<()> {
    let Some(first) = report.designs.first().filter(|design| !design.scenarios.is_empty()) else {
        return Ok(());
    };
    page.title("Scenarios (seconds without service of one client: mean, p50, max; lost mail)")?;
    letters(report, page)?;
    for (_, scenario) in &first.scenarios {
        let told = cells(report, |result| {
            match result.scenarios.iter().find(|of| of.name == scenario.name) {
                Some(of) => {
                    let figures = outage(&of.outage, of.lost, of.runs, all_clients(result));
                    format!("{figures}; {}", of.lost_mail)
                }
                None => "-".to_owned(),
            }
        });
        row(page, Ink::Plain, &scenario.name, &told)?;
    }
    Ok(())
}

fn episodes(report: &Report, page: &mut Page<'_>) -> io::Result<()> {
    let results = report.comparison.results.iter().enumerate();
    let named: Vec<_> =
        results.flat_map(|(n, r)| r.episodes.iter().map(move |e| (n, r, e))).collect();
    if named.is_empty() {
        return Ok(());
    }
    let how = match report.kept {
        Some(_) => String::new(),
        None => "; --keep DIR writes their files".to_owned(),
    };
    page.title(&format!("Episodes that cost most or broke a promise{how}"))?;
    for (design, result, episode) in named {
        let lost = shown(minutes(episode.lost, all_clients(result)));
        let day = episode.at.as_nanos() / 86_400_000_000_000 + 1;
        let text = format!("year {}, day {day}: {lost} minutes, {}", episode.year, episode.title);
        let ink = if episode.verdict.is_broken() { Ink::Bad } else { Ink::Plain };
        page.item(ink, &format!("  {}  ", letter(design)), &text)?;
        for broken in &episode.broken {
            page.item(Ink::Bad, "       broken: ", broken)?;
        }
        page.line(Ink::Dim, &format!("       {}", repeat_episode(report, design, episode)))?;
    }
    Ok(())
}

fn assumed(report: &Report, page: &mut Page<'_>) -> io::Result<()> {
    page.title(
        "Assumed (no source gives these; change a rate with --rates FILE, a price with --price, \
         anything else with --set)",
    )?;
    for assumption in &report.comparison.assumed {
        let lead = format!("  {:<46} {:>6}  ", assumption.key, assumption.value);
        page.cut(&format!("{lead}{}", assumption.why))?;
    }
    Ok(())
}
