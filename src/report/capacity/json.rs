//! A study of capacity as a JSON document; docs/CAPACITY.md has the keys.

use super::{shown, unit};
use crate::base::Span;
use crate::lab::capacity::{Bracket, Measure, PHASES, Study, users};
use crate::model::sizing::{Use, megacycles_per_core, per_user};
use serde_json::{Map, Value, json};
use std::io::{self, Write};

pub(super) fn write(study: &Study, repeat: &str, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &document(study, repeat))?;
    out.write_all(b"\n")
}

fn ms(span: Span) -> Value {
    json!(span.as_nanos() as f64 / 1e6)
}

fn document(study: &Study, repeat: &str) -> Value {
    let topology = study.topology;
    let requests = study.run.account.requests;
    let mail = study.run.account.messages;
    let (bytes, largest) = study.run.client_bytes;
    json!({
        "schema_version": 1,
        "topology": topology.name,
        "lost": topology.machine_name(study.question.lost),
        "seed": study.question.seed,
        "users": users(topology),
        "clients": topology.total_clients(),
        "hardware": hardware(study),
        "load": load(study),
        "closed_form": closed_form(study),
        "all_up": study.both.iter().map(|m| measure(study, m)).collect::<Vec<_>>(),
        "without_lost": study.one.iter().map(|m| measure(study, m)).collect::<Vec<_>>(),
        "latency_ms": latency(study),
        "bottleneck": study.bottleneck().map(|m| measure(study, m)),
        "carried_without_lost": study.form.carried,
        "within_limits": study.holds,
        "waiting": study.run.waiting,
        "largest": largest_users(study),
        "requests": {
            "issued": requests.issued,
            "answered": requests.answered,
            "refused": requests.refused,
            "timed_out": requests.timed_out,
            "in_flight": requests.in_flight,
        },
        "mail": {
            "submitted": mail.submitted,
            "delivered": mail.delivered,
            "pending": mail.pending,
            "lost": mail.lost,
        },
        "memory": {
            "bytes_per_client": bytes / u64::from(study.run.clients).max(1),
            "bytes_of_largest_client": largest,
        },
        "assumed": study
            .assumed
            .iter()
            .map(|a| json!({ "key": a.key, "value": a.value, "why": a.why }))
            .collect::<Vec<_>>(),
        "repeat": repeat,
    })
}

fn hardware(study: &Study) -> Value {
    let mut map = Map::new();
    for machine in study.topology.machines.values() {
        let of = &machine.hardware;
        let core = megacycles_per_core(of);
        let entry = json!({
            "cores": of.cores,
            "spec_int_2006_rate_per_core":
                f64::from(of.spec_int_2006_rate_per_core.hundredths()) / 100.0,
            "megacycles_per_core": core,
            "megacycles": core * u64::from(of.cores),
            "memory_gigabytes": of.memory_gigabytes,
            "disks": of.disks,
        });
        map.insert(machine.name.clone(), entry);
    }
    Value::Object(map)
}

fn load(study: &Study) -> Value {
    let topology = study.topology;
    let groups = topology.clients.iter().map(|group| {
        let of = per_user(topology, group);
        json!({
            "name": group.name,
            "kind": group.kind.word(),
            "count": group.count,
            "messages_per_day": of.messages_per_day,
            "think_ms": ms(group.think),
            "per_user": {
                "megacycles_active": of.active as f64 / 1e6,
                "megacycles_passive": of.passive as f64 / 1e6,
                "megacycles_client_access": of.client_access as f64 / 1e6,
                "megacycles_hub_transport": of.hub_transport as f64 / 1e6,
                "iops": of.transfers as f64 / 1e6,
                "cache_megabytes": of.cache as f64 / 1e2,
                "kilobytes_per_day": of.kilobytes_per_day,
                "logs_per_day": of.logs_per_day as f64 / 1e3,
            },
        })
    });
    let databases = topology.databases.iter().map(|(id, database)| {
        let rate = study.form.logs[id];
        json!({
            "name": database.name,
            "copies": database.copies.len(),
            "logs_per_day": rate.logs_per_day,
            "replication_megabits_per_second": rate.bits_per_second as f64 / 1e6,
        })
    });
    json!({
        "groups": groups.collect::<Vec<_>>(),
        "databases": databases.collect::<Vec<_>>(),
    })
}

fn closed_form(study: &Study) -> Value {
    let mut map = Map::new();
    for (id, machine) in study.topology.machines.iter() {
        let (both, one) = (&study.form.both[id], &study.form.one[id]);
        let pair = |of: fn(&crate::model::sizing::Needs) -> Use, unit: f64| {
            json!({
                "available": of(both).available as f64 / unit,
                "all_up": of(both).needed as f64 / unit,
                "without_lost": (id != study.question.lost).then(|| of(one).needed as f64 / unit),
            })
        };
        let entry = json!({
            "megacycles": pair(|needs| needs.processor, 1e6),
            "iops": pair(|needs| needs.disks, 1e3),
            "memory_megabytes": pair(|needs| needs.memory, 1e2),
            "network_megabits_per_second": pair(|needs| needs.network, 1e6),
        });
        map.insert(machine.name.clone(), entry);
    }
    Value::Object(map)
}

fn measure(study: &Study, of: &Measure) -> Value {
    let show = |value: Option<u64>| value.map(|value| shown(of.kind, value));
    json!({
        "machine": study.topology.machine_name(of.machine),
        "what": of.kind.word(),
        "unit": unit(of.kind),
        "simulated": show(of.simulated),
        "closed_form": show(of.closed),
        "limit": show(of.limit),
        "within_limit": of.holds(),
    })
}

fn latency(study: &Study) -> Value {
    let mut phases = Map::new();
    for (phase, window) in PHASES.iter().zip(&study.run.windows) {
        let mut kinds = Map::new();
        for (kind, figures) in &window.latency {
            let entry = json!({
                "count": figures.count(),
                "p50": ms(figures.percentile(50)),
                "p90": ms(figures.percentile(90)),
                "p99": ms(figures.percentile(99)),
                "max": ms(figures.max),
            });
            kinds.insert(kind.word().to_owned(), entry);
        }
        phases.insert((*phase).to_owned(), Value::Object(kinds));
    }
    Value::Object(phases)
}

fn largest_users(study: &Study) -> Value {
    let Some(search) = &study.search else { return Value::Null };
    let (low, high) = search.interval();
    let bracket = |bracket: &Bracket| {
        json!({
            "seed": bracket.seed,
            "carried": bracket.carried,
            "refused": bracket.refused,
            "gave_way": bracket.gave_way.map(|m| measure(study, &m)),
            "runs": bracket.tried.len(),
        })
    };
    json!({
        "low": low,
        "high": high,
        "closed_form": search.closed,
        "seeds": search.brackets.iter().map(bracket).collect::<Vec<_>>(),
    })
}
