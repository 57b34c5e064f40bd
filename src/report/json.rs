//! The JSON document that scripts rely on.

use crate::base::{CopyId, Instant, MachineId, Span};
use crate::failover::config::Flaw;
use crate::journal::text::{Names, group_state};
use crate::lab::Outcome;
use crate::lab::moves::COLUMNS;
use crate::lab::run::Figures;
use crate::model::Service;
use crate::model::topology::ClientKind;
use crate::view::outage::{Outage, shown};
use serde_json::{Map, Value, json};
use std::io::{self, Write};

/// Milliseconds as a number. Exact to the nanosecond for runs of up to 104 days: that is how many
/// decimals a double carries.
fn ms(nanos: u64) -> Value {
    let whole = nanos / 1_000_000;
    if nanos.is_multiple_of(1_000_000) {
        return json!(whole);
    }
    json!(nanos as f64 / 1e6)
}

fn at(moment: Instant) -> Value {
    ms(moment.as_nanos())
}

fn span(span: Span) -> Value {
    ms(span.as_nanos())
}

/// Writes the document.
///
/// # Errors
/// If the writer fails.
pub fn write(outcome: &Outcome, repeat: &str, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &document(outcome, repeat))?;
    out.write_all(b"\n")
}

fn document(outcome: &Outcome, repeat: &str) -> Value {
    let names = Names::new(outcome.topology, Some(outcome.scenario));
    let broken = outcome.verdict.broken.iter().map(
        |(promise, moment, why)| json!({ "promise": promise, "at_ms": at(*moment), "why": why }),
    );
    json!({
        "schema_version": 1,
        "topology": outcome.topology.name,
        "scenario": outcome.scenario.name,
        "seed": outcome.seed,
        "digest": outcome.digest.to_string(),
        "planted": outcome.topology.settings.test.planted.map(Flaw::word),
        "until_ms": at(outcome.scenario.until),
        "verdict": {
            "kind": outcome.verdict.kind.word(),
            "broken": broken.collect::<Vec<_>>(),
            "unavailable": outcome.promises.unavailable,
        },
        "faults": faults(outcome, &names),
        "recovered_ms": outcome.recovered.map(span),
        "outages": shown(&names, outcome.scenario, &outcome.outages).into_iter().map(|o| outage(&names, o)).collect::<Vec<_>>(),
        "groups": groups(outcome, &names),
        "databases": databases(outcome, &names),
        "quorum": quorum(outcome, &names),
        "witness": { "owner": outcome.end.witness.map(|node| names.node(node)) },
        "mail": {
            "submitted": outcome.mail.submitted,
            "delivered": outcome.mail.delivered,
            "pending": outcome.mail.pending,
            "lost": outcome.mail.lost,
            "duplicates": outcome.mail.duplicates,
        },
        "requests": requests(outcome),
        "memory": outcome.books.map(|books| json!({
            "bytes_per_client": books.client_bytes.0
                / u64::from(outcome.topology.total_clients()).max(1),
            "bytes_of_largest_client": books.client_bytes.1,
        })),
        "clients": clients(outcome),
        "moves": moves(outcome),
        "steps": steps(outcome),
        "promises": promises(outcome),
        "assumed": outcome
            .assumed
            .iter()
            .map(|a| json!({ "key": a.key, "value": a.value, "why": a.why }))
            .collect::<Vec<_>>(),
        "repeat": repeat,
    })
}

fn faults(outcome: &Outcome, names: &Names) -> Value {
    let faults = outcome.scenario.faults.iter().map(|planned| {
        let (kind, target) = names.fault_name(&planned.fault);
        let until = planned.lasts.map(|lasts| at(planned.at.saturating_add(lasts)));
        json!({ "at_ms": at(planned.at), "until_ms": until, "kind": kind, "target": target })
    });
    faults.collect()
}

fn outage(names: &Names, outage: &Outage) -> Value {
    let stages = outage.stages.iter();
    json!({
        "who": outage.who.word(names),
        "client": match outage.who {
            crate::view::outage::Who::Client(_, client) => Some(client.0),
            _ => None,
        },
        "from_ms": at(outage.from),
        "to_ms": outage.to.map(at),
        "ms": outage.span().map(span),
        "stages": stages
            .map(|stage| json!({ "stage": stage.name, "ms": span(stage.span) }))
            .collect::<Vec<_>>(),
    })
}

fn groups(outcome: &Outcome, names: &Names) -> Value {
    let mut map = Map::new();
    for (id, group) in outcome.end.groups.iter() {
        let owner = group.owner.map(|node| names.node(node));
        let entry = json!({ "owner": owner, "state": group_state(group.state) });
        map.insert(names.group(id).to_owned(), entry);
    }
    Value::Object(map)
}

fn databases(outcome: &Outcome, names: &Names) -> Value {
    let mut map = Map::new();
    for (id, database) in outcome.end.databases.iter() {
        let mut copies = Map::new();
        for node in &outcome.topology.databases[id].copies {
            let copy = &outcome.end.copies[&CopyId { database: id, node: *node }];
            let machine = MachineId::from(*node);
            let unreachable = !outcome.end.machines[machine]
                || !outcome.end.runs(machine, Service::Replication)
                || !outcome.end.reachable(machine);
            // Nobody can ask a server that is cut off, so nobody knows (exchange.md §8.1).
            let entry = if unreachable && !copy.mounted {
                json!({
                    "status": "ServiceDown",
                    "copy_queue": null,
                    "replay_queue": null,
                    "content_index": null,
                })
            } else {
                json!({
                    "status": format!("{:?}", copy.status),
                    "copy_queue": copy.copy_queue,
                    "replay_queue": copy.replay_queue,
                    "content_index": format!("{:?}", copy.content_index),
                })
            };
            copies.insert(names.node(*node).to_owned(), entry);
        }
        let mounted = outcome.end.served_by(id);
        let entry = json!({
            "active_on": mounted.or(database.active).map(|node| names.node(node)),
            "mounted": mounted.is_some(),
            "lost_logs": database.lost_logs,
            "copies": copies,
        });
        map.insert(names.database(id).to_owned(), entry);
    }
    Value::Object(map)
}

fn quorum(outcome: &Outcome, names: &Names) -> Value {
    let holders = outcome.end.quorum_holders();
    let needed = outcome.end.votes.needed();
    let votes = holders.iter().map(|node| outcome.end.nodes[node].votes.0).max().unwrap_or(0);
    json!({
        "votes": votes,
        "needed": needed,
        "holders": holders.iter().map(|node| names.node(node)).collect::<Vec<_>>(),
    })
}

fn figures(figures: &Figures) -> Value {
    json!({
        "p50": span(figures.percentile(50)),
        "p90": span(figures.percentile(90)),
        "p99": span(figures.percentile(99)),
        "max": span(figures.max),
    })
}

fn clients(outcome: &Outcome) -> Value {
    let mut map = Map::new();
    for kind in ClientKind::ALL {
        let Some(of) = outcome.clients.get(&kind) else { continue };
        let entry = json!({
            "count": of.count,
            "logons_again": of.log_ons_again,
            "restarts_needed": of.restarts_needed,
            "outage_ms": figures(&of.outage),
            "latency_ms": figures(&of.latency),
        });
        map.insert(kind.word().to_owned(), entry);
    }
    Value::Object(map)
}

fn requests(outcome: &Outcome) -> Value {
    let Some(books) = outcome.books else { return Value::Null };
    let requests = books.account.requests;
    json!({
        "issued": requests.issued,
        "answered": requests.answered,
        "refused": requests.refused,
        "timed_out": requests.timed_out,
        "in_flight": requests.in_flight,
    })
}

fn moves(outcome: &Outcome) -> Value {
    let rows = outcome.moves.iter().map(|operation| {
        let pairs = COLUMNS.iter().zip(&operation.values);
        let map: Map<String, Value> =
            pairs.map(|(column, value)| ((*column).to_owned(), json!(value))).collect();
        Value::Object(map)
    });
    rows.collect()
}

fn steps(outcome: &Outcome) -> Value {
    let steps = outcome.steps.iter().map(|step| {
        let marks = step.marks.iter().map(|mark| {
            json!({
                "expected": mark.text,
                "within_ms": span(mark.within),
                "held": mark.held_after.is_some(),
                "after_ms": mark.held_after.map(span),
            })
        });
        json!({
            "label": step.label,
            "text": step.text,
            "at_ms": at(step.at),
            "expectations": marks.collect::<Vec<_>>(),
        })
    });
    steps.collect()
}

fn promises(outcome: &Outcome) -> Value {
    let held = outcome.promises.held.iter();
    let measures = outcome.promises.measures.iter().map(|measure| {
        json!({
            "promise": measure.promise,
            "name": measure.name,
            "from_ms": at(measure.from),
            "ms": span(measure.value),
        })
    });
    let not_judged = outcome.promises.not_judged.iter();
    let not_judged = not_judged.map(|(promise, why)| json!({"promise": promise.name, "why": why}));
    json!({
        "held": held.map(|promise| json!(promise.name)).collect::<Vec<_>>(),
        "not_judged": not_judged.collect::<Vec<_>>(),
        "measured": measures.collect::<Vec<_>>(),
    })
}
