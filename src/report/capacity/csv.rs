//! A study of capacity as a table: a row for each value.

use super::{shown, unit};
use crate::base::Span;
use crate::lab::capacity::{Measure, PHASES, Study};
use std::io::{self, Write};

const HEAD: [&str; 7] = ["phase", "machine", "what", "unit", "simulated", "closed_form", "limit"];

pub(super) fn write(study: &Study, out: &mut dyn Write) -> io::Result<()> {
    let mut table = csv::Writer::from_writer(out);
    table.write_record(HEAD)?;
    for (phase, measures) in [(PHASES[0], &study.both), (PHASES[2], &study.one)] {
        for measure in measures {
            table.write_record(row(study, phase, measure))?;
        }
    }
    for (phase, window) in PHASES.iter().zip(&study.run.windows) {
        for (kind, figures) in &window.latency {
            for percent in [50, 90, 99] {
                let what = format!("{} latency p{percent}", kind.word());
                let value = milliseconds(figures.percentile(percent));
                table.write_record([*phase, "", &what, "ms", &value, "", ""])?;
            }
            let what = format!("{} latency max", kind.word());
            table.write_record([*phase, "", &what, "ms", &milliseconds(figures.max), "", ""])?;
        }
    }
    if let Some(search) = &study.search {
        for bracket in &search.brackets {
            for trial in &bracket.tried {
                for measure in &trial.measures {
                    let phase = format!("after, seed {}, {} users", bracket.seed, trial.users);
                    table.write_record(row(study, &phase, measure))?;
                }
            }
        }
    }
    table.flush()
}

fn milliseconds(span: Span) -> String {
    format!("{:.3}", span.as_nanos() as f64 / 1e6)
}

fn row(study: &Study, phase: &str, measure: &Measure) -> [String; 7] {
    let show = |value: Option<u64>| {
        value.map_or_else(String::new, |value| format!("{:.4}", shown(measure.kind, value)))
    };
    [
        phase.to_owned(),
        study.topology.machine_name(measure.machine).to_owned(),
        measure.kind.word().to_owned(),
        unit(measure.kind).to_owned(),
        show(measure.simulated),
        show(measure.closed),
        show(measure.limit),
    ]
}
