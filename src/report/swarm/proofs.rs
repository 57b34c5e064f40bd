//! Planted bugs, and how soon a swarm found each: a table for a person, JSON.

use crate::lab::swarm::Proof;
use serde_json::{Value, json};
use std::io::{self, Write};

/// A table, in Markdown so that documents can take it as it is.
///
/// # Errors
/// If the writer fails.
pub fn text(proofs: &[Proof], stopped: bool, repeat: &str, out: &mut dyn Write) -> io::Result<()> {
    let head =
        ["bug", "promise", "site", "runs until found", "faults and orders", "made small", "tried"];
    let mut rows: Vec<Vec<String>> = vec![head.map(str::to_owned).to_vec()];
    for proof in proofs {
        let mut row = vec![proof.flaw.word().to_owned()];
        match &proof.found {
            Some(found) => row.extend([
                found.shrunk.found.violation.promise.to_owned(),
                found.site.clone(),
                proof.runs.to_string(),
                found.size.to_string(),
                found.shrunk_size().to_string(),
                found.shrunk.tried.to_string(),
            ]),
            None => row.extend([
                "not found".to_owned(),
                String::new(),
                format!("more than {}", proof.runs),
            ]),
        }
        row.resize(head.len(), String::new());
        rows.push(row);
    }
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    for (place, row) in rows.iter().enumerate() {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        writeln!(out, "| {} |", cells.collect::<Vec<_>>().join(" | "))?;
        if place == 0 {
            let lines = widths.iter().map(|width| "-".repeat(*width));
            writeln!(out, "| {} |", lines.collect::<Vec<_>>().join(" | "))?;
        }
    }
    let found = proofs.iter().filter(|proof| proof.found.is_some()).count();
    let early =
        if stopped { "; stopped before all were looked for, the last one cut short" } else { "" };
    let found = match (found, proofs.len()) {
        (1, 1) => "the planted bug is found".to_owned(),
        (_, 1) => "the planted bug is not found".to_owned(),
        (found, all) => format!("{found} of {all} planted bugs are found"),
    };
    writeln!(out, "\n{found}{early}")?;
    writeln!(out, "\nRepeat: {repeat}")
}

/// One JSON document.
///
/// # Errors
/// If the writer fails.
pub fn json(proofs: &[Proof], stopped: bool, repeat: &str, out: &mut dyn Write) -> io::Result<()> {
    let one = |proof: &Proof| -> Value {
        let found = proof.found.as_ref().map(|found| {
            json!({
                "topology": found.site,
                "run": found.run,
                "promise": found.shrunk.found.violation.promise,
                "why": found.shrunk.found.violation.why,
                "size": found.size,
                "shrunk_size": found.shrunk_size(),
                "shrink_runs": found.shrunk.tried,
                "scenario": found.shrunk.found.sources.scenario.text,
            })
        });
        json!({
            "planted": proof.flaw.word(),
            "meaning": proof.flaw.meaning(),
            "runs": proof.runs,
            "found": found,
        })
    };
    let proofs: Vec<Value> = proofs.iter().map(one).collect();
    let document = json!({ "proofs": proofs, "stopped": stopped, "repeat": repeat });
    writeln!(out, "{document:#}")
}
