//! The comparison as one JSON document. docs/COMPARE.md has its keys.

use super::{Estimate, Report, all_clients, by_cause, difference, minutes, nines, yearly};
use super::{MINUTES_A_YEAR, repeat_episode};
use crate::base::Span;
use crate::lab::compare::Outcomes;
use crate::lab::run::Figures;
use serde_json::{Map, Value, json};
use std::io::{self, Write};

/// Writes the document.
pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let question = report.question;
    let designs = report.designs.iter().zip(&report.comparison.results).enumerate();
    let designs: Vec<Value> = designs
        .map(|(number, (design, result))| {
            json!({
                "design": design.label,
                "topology": design.loaded.topology.name,
                "clients": by_kind(result, |kind| json!(result.clients.get(&kind))),
                "cost": cost(result),
                "year": year(report, number, result),
                "faults": faults(report, result),
                "scenarios": scenarios(result),
                "episodes": episodes(report, number, result),
            })
        })
        .collect();
    let assumed = report.comparison.assumed.iter().map(|assumption| {
        json!({ "key": assumption.key, "value": assumption.value, "why": assumption.why })
    });
    let document = json!({
        "seed": question.seed,
        "years": question.years,
        "runs": question.runs,
        "rates": question.rates.file,
        "exact": question.exact,
        "stopped": report.comparison.stopped,
        "simulated": report.comparison.simulated,
        "designs": designs,
        "differences": differences(report),
        "assumed": assumed.collect::<Vec<_>>(),
        "repeat": report.repeat,
    });
    writeln!(out, "{document:#}")
}

fn span(span: Span) -> f64 {
    span.as_nanos() as f64 / 1e6
}

fn by_kind(
    result: &Outcomes,
    value: impl Fn(crate::model::topology::ClientKind) -> Value,
) -> Value {
    let kinds = result.clients.keys();
    Value::Object(kinds.map(|kind| (kind.word().to_owned(), value(*kind))).collect())
}

fn cost(result: &Outcomes) -> Value {
    let items = result.cost.iter().map(|item| {
        json!({
            "what": item.what,
            "key": item.key,
            "count": item.count,
            "price": item.price,
            "total": item.total(),
        })
    });
    let total: u64 = result.cost.iter().map(crate::lab::cost::Item::total).sum();
    json!({ "items": items.collect::<Vec<_>>(), "total": total })
}

fn estimate(estimate: &Estimate) -> Value {
    let interval = estimate.interval();
    json!({
        "mean_ms": estimate.mean * 6e4,
        "from_ms": interval.map(|(low, _)| low * 6e4),
        "to_ms": interval.map(|(_, high)| high * 6e4),
    })
}

fn year(report: &Report, number: usize, result: &Outcomes) -> Value {
    let years = &result.years;
    let count = years.len().max(1) as f64;
    let outage = Estimate::of(&yearly(result));
    let mean = |sum: f64| sum / count;
    let rates = report.question.rates.rates.iter().enumerate();
    let causes: Vec<Value> = rates
        .filter_map(|(rate, named)| {
            let minutes = by_cause(result, rate);
            let share = if outage.mean > 0.0 { minutes / outage.mean } else { 0.0 };
            (minutes > 0.0)
                .then(|| json!({ "cause": named.name, "ms": minutes * 6e4, "share": share }))
        })
        .collect();
    let each = years.iter().map(|year| {
        json!({
            "year": year.year,
            "outage_ms": minutes(year.total(), all_clients(result)) * 6e4,
            "failures": year.failures,
            "dropped": year.dropped,
            "episodes": year.episodes,
            "lost_messages": year.lost_mail,
            "lost_logs": year.lost_logs,
            "still_out": year.still_out,
            "left_out_ms": span(year.left_out),
        })
    });
    json!({
        "letter": super::letter(number),
        "outage": estimate(&outage),
        "unavailability": outage.mean / MINUTES_A_YEAR,
        "nines": nines(outage.mean),
        "outage_by_kind_ms": by_kind(result, |kind| {
            let lost: u128 = years.iter().filter_map(|year| year.lost_by_kind.get(&kind)).sum();
            let clients = result.clients.get(&kind).copied().unwrap_or(0);
            json!(mean(minutes(lost, clients)) * 6e4)
        }),
        "nobody_served_ms": by_kind(result, |kind| {
            let spans = years.iter().filter_map(|year| year.nobody.get(&kind));
            json!(mean(spans.map(|one| span(*one)).sum::<f64>()))
        }),
        "lost_messages": mean(years.iter().map(|year| year.lost_mail as f64).sum::<f64>()),
        "causes": causes,
        "years": each.collect::<Vec<_>>(),
    })
}

fn percentiles(figures: &Figures) -> Value {
    json!({
        "p50": span(figures.percentile(50)),
        "p90": span(figures.percentile(90)),
        "p99": span(figures.percentile(99)),
        "max": span(figures.max),
    })
}

/// Mean milliseconds without service of one client in one run.
fn mean_of(lost: u128, runs: u64, result: &Outcomes) -> f64 {
    minutes(lost, all_clients(result)) * 6e4 / runs.max(1) as f64
}

fn faults(report: &Report, result: &Outcomes) -> Value {
    let faults = result.faults.iter().map(|of| {
        let rate = &report.question.rates.rates[of.rate];
        json!({
            "cause": rate.name,
            "target": rate.target.word(),
            "components": of.components,
            "expected_a_year": of.expected as f64 / 1e3,
            "repair_ms": span(rate.time_to_repair.median()),
            "runs": of.runs,
            "outage_ms": percentiles(&of.outage),
            "mean_ms": mean_of(of.lost, of.runs, result),
            "lost_messages": of.lost_mail as f64 / of.runs.max(1) as f64,
            "broken": of.broken,
        })
    });
    Value::Array(faults.collect())
}

fn scenarios(result: &Outcomes) -> Value {
    let scenarios = result.scenarios.iter().map(|of| {
        json!({
            "scenario": of.name,
            "runs": of.runs,
            "outage_ms": percentiles(&of.outage),
            "mean_ms": mean_of(of.lost, of.runs, result),
            "lost_messages": of.lost_mail as f64 / of.runs.max(1) as f64,
            "broken": of.broken,
        })
    });
    Value::Array(scenarios.collect())
}

fn episodes(report: &Report, design: usize, result: &Outcomes) -> Value {
    let episodes = result.episodes.iter().map(|episode| {
        json!({
            "file": episode.name,
            "year": episode.year,
            "at_ms": episode.at.as_nanos() as f64 / 1e6,
            "title": episode.title,
            "verdict": episode.verdict.word(),
            "broken": episode.broken,
            "outage_ms": minutes(episode.lost, all_clients(result)) * 6e4,
            "repeat": repeat_episode(report, design, episode),
        })
    });
    Value::Array(episodes.collect())
}

fn differences(report: &Report) -> Value {
    let others = 1..report.designs.len();
    let differences = others.map(|design| {
        let found = difference(report.comparison, design);
        let mut row = Map::new();
        row.insert("design".to_owned(), json!(report.designs[design].label));
        row.insert("from".to_owned(), json!(report.designs[0].label));
        row.insert("outage".to_owned(), estimate(&found.mean));
        row.insert("years".to_owned(), json!(found.pairs));
        row.insert("more".to_owned(), json!(found.more));
        row.insert("less".to_owned(), json!(found.less));
        row.insert("clear".to_owned(), json!(found.is_clear()));
        Value::Object(row)
    });
    Value::Array(differences.collect())
}
