//! What was found, as one JSON document. docs/SWEEP.md has its keys.

use super::super::json::{proportion, quantile};
use super::text::{changes, place, shown};
use super::{Finding, Question};
use crate::base::Instant;
use crate::lab::sweep::{
    Boundary, Candidate, Flip, Goal, Measured, Met, NoReturn, Sensitivity, Shift, Tuned, no_return,
};
use serde_json::{Value, json};
use std::io::{self, Write};

/// Writes the document.
pub(super) fn write(question: &Question, out: &mut dyn Write) -> io::Result<()> {
    let plan = question.plan;
    let (name, found) = match question.finding {
        Finding::Sensitivity(found) => ("sensitivity", sensitivity(found)),
        Finding::Flip(found, outcome) => ("flip", flip(found, &plan.axes[0].key, &outcome.told())),
        Finding::Fork(found, outcome) => {
            let ms = |at: Instant| at.as_nanos() as f64 / 1e6;
            let moments = found
                .iter()
                .map(|(at, of)| json!({ "at_ms": ms(*at), "probability": proportion(of) }));
            let found = json!({
                "outcome": outcome.told(),
                "changes": plan.changes,
                "moments": moments.collect::<Vec<_>>(),
                "no_return_ms": match no_return(found) {
                    NoReturn::At(at) => Some(ms(at)),
                    NoReturn::Before | NoReturn::Never => None,
                },
                "at_every_moment": no_return(found) == NoReturn::Before,
            });
            ("fork", found)
        }
        Finding::Tune(found, goals) => ("tune", tune(question, found, goals)),
    };
    let document = json!({
        "title": question.title,
        "measure": plan.measure,
        "percentile": f64::from(plan.percentile) / 10.0,
        "seed": plan.seed,
        "runs": plan.runs,
        "made": question.runs,
        "stopped": question.stopped,
        name: found,
        "repeat": question.repeat,
    });
    writeln!(out, "{document:#}")
}

fn sensitivity(found: &Sensitivity) -> Value {
    let shift = |shift: &Option<Shift>| {
        shift.as_ref().map(|shift| {
            json!({
                "value": shift.value,
                "by_ms": shift.by,
                "from_ms": shift.interval.map(|(low, _)| low),
                "to_ms": shift.interval.map(|(_, high)| high),
            })
        })
    };
    let moved = found.moved.iter().map(|moved| {
        json!({
            "key": moved.key,
            "value": moved.value,
            "smaller": shift(&moved.smaller),
            "larger": shift(&moved.larger),
        })
    });
    json!({
        "share": f64::from(found.share) / 1_000.0,
        "moved": moved.collect::<Vec<_>>(),
        "without_effect": found.without_effect,
        "not_tried": found.not_tried,
    })
}

fn flip(found: &Flip, key: &str, outcome: &str) -> Value {
    let shown = |value: u64| shown(&found.range.scale, value);
    let median = found.median().map(|(value, low, high)| {
        let told = |at| place(found, at);
        json!({ "value": told(value), "from": low.map(told), "to": high.map(told) })
    });
    let boundaries = found.boundaries.iter().map(|(seed, boundary)| match boundary {
        Boundary::None(so) => json!({ "seed": seed, "same": so }),
        Boundary::Between { below, above, rises } => {
            json!({ "seed": seed, "below": shown(*below), "above": shown(*above), "rises": rises })
        }
    });
    let curve = found.curve(usize::MAX).into_iter();
    let curve =
        curve.map(|(value, at)| json!({ "value": shown(value), "probability": proportion(&at) }));
    let against = found.contradictions.iter();
    json!({
        "key": key,
        "outcome": outcome,
        "median": median,
        "boundaries": boundaries.collect::<Vec<_>>(),
        "curve": curve.collect::<Vec<_>>(),
        "checked": found.checked,
        "contradictions": against.map(|(seed, value)| json!({ "seed": seed, "value": shown(*value) }))
            .collect::<Vec<_>>(),
    })
}

fn tune(question: &Question, found: &Tuned, goals: &[Goal]) -> Value {
    let candidate = |one: &Candidate| {
        let changes = changes(question, one).into_iter().map(|(property, before, after, lines)| {
            json!({ "property": property, "before": before, "after": after, "powershell": lines })
        });
        let goals = one.goals.iter().zip(goals).map(|((met, measured), goal)| {
            let measured = match measured {
                Measured::Percentile(found) => found.map_or(Value::Null, |found| quantile(&found)),
                Measured::Share(found) => proportion(found),
            };
            json!({ "goal": goal.text, "met": word(*met), "measured": measured })
        });
        let values = one.point.iter().map(|one| (one.key.clone(), json!(one.value)));
        json!({
            "values": values.collect::<serde_json::Map<_, _>>(),
            "runs": one.runs,
            "goals": goals.collect::<Vec<_>>(),
            "changes": changes.collect::<Vec<_>>(),
        })
    };
    json!({
        "tried": found.tried,
        "refused": found.refused,
        "meeting": found.meeting,
        "as_it_is": candidate(&found.as_it_is),
        "met": found.met.iter().map(candidate).collect::<Vec<_>>(),
        "nearest": found.nearest.iter().map(candidate).collect::<Vec<_>>(),
    })
}

fn word(met: Met) -> &'static str {
    match met {
        Met::Yes => "yes",
        Met::Likely => "likely",
        Met::Unlikely => "unlikely",
        Met::No => "no",
    }
}
