//! What a swarm found, as one JSON document.

use super::{Report, all_edges, pairs};
use crate::base::{Instant, Span};
use crate::lab::swarm::{Failure, Site, Tally};
use serde_json::{Map, Value, json};
use std::io::{self, Write};

fn milliseconds(span: Span) -> f64 {
    span.as_nanos() as f64 / 1e6
}

pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let sites = report.sites.iter().map(|(site, tally)| of_site(site, tally));
    let never = report.never_taken();
    let capsules = report.capsules.iter();
    let document = json!({
        "seeds": [report.seeds.0, report.seeds.1],
        "runs": report.runs(),
        "stopped": report.stopped,
        "sites": sites.collect::<Vec<_>>(),
        "transitions": {
            "all": all_edges(),
            "taken": all_edges() - never.len(),
            "never": never,
        },
        "capsules": capsules
            .map(|(file, promise)| json!({ "file": file, "promise": promise }))
            .collect::<Vec<_>>(),
        "repeat": report.repeat,
    });
    writeln!(out, "{document:#}")
}

fn of_site(site: &Site, tally: &Tally) -> Value {
    let struck: Map<String, Value> =
        tally.struck.iter().map(|(word, count)| ((*word).to_owned(), json!(count))).collect();
    let broken = tally.failures.iter().map(|(promise, failures)| {
        let smallest: Vec<Value> = failures.kept.iter().map(|one| failure(site, one)).collect();
        json!({ "promise": promise, "runs": failures.count, "smallest": smallest })
    });
    let unavailable = tally.unavailable.iter();
    let hazards = tally.hazards.iter().map(|(name, (hazard, met))| {
        json!({
            "hazard": name,
            "statement": hazard.statement,
            "runs": met.count,
            "longest_ms": milliseconds(met.longest),
            "longest_in": met.run,
        })
    });
    let (met, possible) = pairs(tally);
    let never = tally.coverage.possible().filter(|pair| !tally.coverage.pairs.contains_key(pair));
    let never = never.map(|pair| {
        let machine = pair.kind.machine();
        json!([pair.word, machine.kind.key(), machine.word(pair.state)])
    });
    json!({
        "name": site.name,
        "topology": site.loaded.topology.name,
        "drawn": tally.drawn,
        "aimed": tally.aimed,
        "simulated_ms": milliseconds(tally.simulated),
        "records": tally.records,
        "struck": struck,
        "broken": broken.collect::<Vec<_>>(),
        "hazards": hazards.collect::<Vec<_>>(),
        "unavailable": unavailable
            .map(|(why, (runs, first))| json!({ "why": why, "runs": runs, "first": first }))
            .collect::<Vec<_>>(),
        "pairs": { "met": met, "possible": possible, "never": never.collect::<Vec<_>>() },
    })
}

fn failure(site: &Site, failure: &Failure) -> Value {
    let (plan, broken) = (&failure.ran.plan, &failure.ran.broken[failure.broken]);
    json!({
        "run": plan.name(),
        "seed": plan.seed,
        "at_ms": milliseconds(broken.at.since(Instant::ZERO)),
        "why": broken.why,
        "scenario": plan.text(&site.set),
    })
}
