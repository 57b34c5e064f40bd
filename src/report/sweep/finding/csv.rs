//! What was found, as a table.

use super::text::{changes, shown};
use super::{Finding, Question};
use crate::base::Instant;
use crate::lab::statistics::Proportion;
use crate::lab::sweep::{Measured, Shift};
use std::io::{self, Write};

/// Writes the table.
pub(super) fn write(question: &Question, out: &mut dyn Write) -> io::Result<()> {
    let (head, rows) = rows(question);
    let mut table = csv::Writer::from_writer(out);
    table.write_record(&head).map_err(io::Error::from)?;
    for row in rows {
        table.write_record(&row).map_err(io::Error::from)?;
    }
    table.flush()
}

fn rows(question: &Question) -> (Vec<String>, Vec<Vec<String>>) {
    let head = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    match question.finding {
        Finding::Sensitivity(found) => {
            let side = |shift: &Option<Shift>| match shift {
                None => vec![String::new(); 4],
                Some(shift) => {
                    let text = |number: Option<f64>| number.map_or(String::new(), |n| n.to_string());
                    let (low, high) = (shift.interval.map(|i| i.0), shift.interval.map(|i| i.1));
                    vec![shift.value.clone(), text(shift.by), text(low), text(high)]
                }
            };
            let row = |moved: &crate::lab::sweep::Moved| {
                let mut row = vec![moved.key.clone(), moved.value.clone()];
                row.extend(side(&moved.smaller).into_iter().chain(side(&moved.larger)));
                row
            };
            let names = head(&[
                "key", "value", "smaller", "smaller_by_ms", "smaller_from_ms", "smaller_to_ms",
                "larger", "larger_by_ms", "larger_from_ms", "larger_to_ms",
            ]);
            (names, found.moved.iter().map(row).collect())
        }
        Finding::Flip(found, _) => {
            let curve = found.curve(usize::MAX).into_iter();
            let rows = curve.map(|(value, at)| row(shown(&found.range.scale, value), &at));
            (head(&["value", "had", "of", "share", "from", "to"]), rows.collect())
        }
        Finding::Fork(found, _) => {
            let ms = |at: &Instant| (at.as_nanos() as f64 / 1e6).to_string();
            let rows = found.iter().map(|(at, of)| row(ms(at), of));
            (head(&["at_ms", "had", "of", "share", "from", "to"]), rows.collect())
        }
        Finding::Tune(found, goals) => {
            let mut names: Vec<String> = head(&["meets", "runs", "changes"]);
            names.extend(goals.iter().map(|goal| goal.text.clone()));
            let row = |one: &crate::lab::sweep::Candidate| {
                let changed = changes(question, one).into_iter();
                let changed = changed.map(|(name, before, after, _)| format!("{name}: {before} -> {after}"));
                let mut row = vec![
                    format!("{:?}", one.all()).to_lowercase(),
                    one.runs.to_string(),
                    changed.collect::<Vec<_>>().join("; "),
                ];
                row.extend(one.goals.iter().map(|(_, measured)| match measured {
                    Measured::Percentile(found) => {
                        found.map_or(String::new(), |found| super::super::numbers::seconds(found.value))
                    }
                    Measured::Share(found) => format!("{}/{}", found.had, found.of),
                }));
                row
            };
            let all = std::iter::once(&found.as_it_is).chain(&found.met).chain(&found.nearest);
            (names, all.map(row).collect())
        }
    }
}

fn row(at: String, found: &Proportion) -> Vec<String> {
    let (low, high) = found.interval();
    let share = found.share().map_or(String::new(), |share| share.to_string());
    vec![at, found.had.to_string(), found.of.to_string(), share, low.to_string(), high.to_string()]
}
