//! One row for each point and case.

use super::text::SHOWN;
use super::{Report, numbers};
use crate::base::Span;
use crate::lab::statistics::Quantile;
use crate::lab::sweep::{Case, Event, Outcome};
use std::io::{self, Write};

/// Writes the table. Durations are milliseconds; `never` stands for one without end, an empty
/// cell for what does not exist.
pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let study = report.study;
    let mut table = csv::Writer::from_writer(out);
    let measures = study.measures();
    let mut head = vec!["point".to_owned()];
    head.extend(study.plan.axes.iter().map(|axis| axis.key.clone()));
    head.extend(["case", "runs"].map(str::to_owned));
    head.extend(Event::ALL.map(|event| event.word().to_owned()));
    for measure in &measures {
        for p in SHOWN {
            let name = numbers::percentile(p);
            let ends = ["", "_from", "_to"];
            head.extend(ends.map(|end| format!("{measure} {name}{end}_ms")));
        }
        head.push(format!("{measure} longest_ms"));
    }
    table.write_record(&head).map_err(io::Error::from)?;
    for (place, point) in study.points.iter().enumerate() {
        for case in &point.cases {
            let mut row = vec![place.to_string()];
            row.extend(study.plan.axes.iter().map(|axis| {
                let found = point.point.iter().find(|one| one.key == axis.key);
                found.map_or_else(String::new, |one| one.value.clone())
            }));
            row.push(match case.case {
                Case::Planned => "planned".to_owned(),
                other => other.told(),
            });
            row.push(case.runs.len().to_string());
            row.extend(
                Event::ALL.map(|event| case.proportion(&Outcome::Event(event)).had.to_string()),
            );
            for measure in &measures {
                let sorted = case.sorted(measure);
                for p in SHOWN {
                    let found = Quantile::of(&sorted, p);
                    row.push(cell(found.map(|found| found.value)));
                    row.push(cell(found.and_then(|found| found.low)));
                    row.push(cell(found.and_then(|found| found.high)));
                }
                row.push(cell(sorted.last().copied()));
            }
            table.write_record(&row).map_err(io::Error::from)?;
        }
    }
    table.flush()
}

fn cell(span: Option<Span>) -> String {
    let Some(span) = span else { return String::new() };
    numbers::milliseconds(span).map_or_else(|| "never".to_owned(), |ms| ms.to_string())
}
