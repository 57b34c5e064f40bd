//! A sweep as one JSON document. docs/SWEEP.md has its keys.

use super::text::SHOWN;
use super::{Report, numbers};
use crate::base::Span;
use crate::lab::statistics::{Proportion, Quantile};
use crate::lab::sweep::{Budget, Case, CaseStudy, Event, Outcome, PointStudy};
use serde_json::{Map, Value, json};
use std::io::{self, Write};

/// Writes the document.
pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let (study, plan) = (report.study, report.study.plan);
    let measures = study.measures();
    let points = study
        .points
        .iter()
        .enumerate()
        .map(|(place, point)| of_point(report, &measures, place, point));
    let document = json!({
        "title": report.title,
        "measure": plan.measure,
        "percentile": f64::from(plan.percentile) / 10.0,
        "seed": plan.seed,
        "runs": plan.runs,
        "stopped": study.partial,
        "points": points.collect::<Vec<_>>(),
        "frontier": study.frontier(),
        "repeat": report.repeat,
    });
    writeln!(out, "{document:#}")
}

fn of_point(report: &Report, measures: &[&str], place: usize, point: &PointStudy) -> Value {
    let study = report.study;
    let base = &study.points[0];
    let cases = point.cases.iter().zip(&base.cases).map(|(case, from)| {
        let mut document = of_case(report, measures, case);
        if place > 0 {
            document.insert("difference".to_owned(), differences(measures, case, from));
        }
        Value::Object(document)
    });
    json!({
        "point": place,
        "values": point.point.iter().map(|one| (one.key.clone(), json!(one.value)))
            .collect::<Map<String, Value>>(),
        "cases": cases.collect::<Vec<_>>(),
        "false_failovers": point.false_failovers().map(|of| proportion(&of)),
        "refused": point.refused.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

fn of_case(report: &Report, measures: &[&str], case: &CaseStudy) -> Map<String, Value> {
    let durations = measures.iter().filter_map(|measure| {
        let sorted = case.sorted(measure);
        let longest = *sorted.last()?;
        let shown = SHOWN.iter().chain(Some(&report.study.plan.percentile)).map(|p| {
            (
                numbers::percentile(*p),
                Quantile::of(&sorted, *p).map_or(Value::Null, |q| quantile(&q)),
            )
        });
        let mut document: Map<String, Value> = shown.collect();
        document.insert("longest_ms".to_owned(), json!(numbers::milliseconds(longest)));
        let endless = sorted.iter().filter(|span| numbers::milliseconds(**span).is_none()).count();
        document.insert("never".to_owned(), json!(endless));
        Some(((*measure).to_owned(), Value::Object(document)))
    });
    let events = Event::ALL.map(|event| {
        (event.word().to_owned(), proportion(&case.proportion(&Outcome::Event(event))))
    });
    let mut document = Map::new();
    document.insert("case".to_owned(), json!(told(case.case)));
    document.insert("runs".to_owned(), json!(case.runs.len()));
    document.insert("durations".to_owned(), Value::Object(durations.collect()));
    document.insert("events".to_owned(), Value::Object(events.into_iter().collect()));
    document.insert("broken".to_owned(), json!(case.broken()));
    document.insert("budget".to_owned(), Budget::of(case).map_or(Value::Null, |of| budget(&of)));
    document
}

fn told(case: Case) -> String {
    match case {
        Case::Planned => "planned".to_owned(),
        other => other.told(),
    }
}

fn differences(measures: &[&str], case: &CaseStudy, from: &CaseStudy) -> Value {
    let of = |measure: &str| {
        let (found, endless) = case.difference(from, measure);
        let interval = found.mean.interval();
        json!({
            "mean_ms": found.mean.mean,
            "from_ms": interval.map(|(low, _)| low),
            "to_ms": interval.map(|(_, high)| high),
            "pairs": found.pairs,
            "longer": found.more,
            "shorter": found.less,
            "without_end": endless,
        })
    };
    let of = |measure: &&str| ((*measure).to_owned(), of(measure));
    Value::Object(measures.iter().map(of).collect())
}

/// A percentile with its interval.
pub(super) fn quantile(found: &Quantile) -> Value {
    let end = |span: Option<Span>| span.and_then(numbers::milliseconds);
    json!({
        "ms": numbers::milliseconds(found.value),
        "never": numbers::milliseconds(found.value).is_none(),
        "from_ms": end(found.low),
        "to_ms": end(found.high),
    })
}

/// A share with its interval.
pub(super) fn proportion(found: &Proportion) -> Value {
    let (low, high) = found.interval();
    json!({ "had": found.had, "of": found.of, "share": found.share(), "from": low, "to": high })
}

fn budget(budget: &Budget) -> Value {
    let stages = budget.stages.iter().map(|stage| {
        json!({
            "stage": stage.name,
            "p50_ms": numbers::milliseconds(stage.p50),
            "p95_ms": numbers::milliseconds(stage.p95),
        })
    });
    let rows = budget.rows.iter().map(|row| {
        let named = budget.stages.iter().zip(&row.stages);
        let stages =
            named.map(|(stage, span)| (stage.name.clone(), json!(numbers::milliseconds(*span))));
        json!({
            "percentile": numbers::percentile(row.thousandths),
            "seed": row.seed,
            "ms": numbers::milliseconds(row.whole),
            "stages_ms": stages.collect::<Map<String, Value>>(),
        })
    });
    json!({
        "stages": stages.collect::<Vec<_>>(),
        "runs": rows.collect::<Vec<_>>(),
        "without": budget.without,
    })
}
