//! `dagtwin list`: what there is to choose from.

use super::args::{List, ListFormat, Listed};
use super::failure::{Answer, Done};
use crate::check::hazards::{HAZARDS, Hazard};
use crate::check::{self, Promise};
use crate::failover::config::Flaw;
use crate::model::order::{Cmdlet, cmdlets};
use crate::model::settings::{Basis, PARAMETERS, Parameter};
use crate::model::{Fault, builtin, load};
use serde_json::{Map, Value};

/// One thing in a list: its name, one line about it, and more of it by key.
struct Item {
    name: String,
    line: String,
    more: Vec<(&'static str, String)>,
}

const ALL: [Listed; 8] = [
    Listed::Topologies,
    Listed::Scenarios,
    Listed::Faults,
    Listed::Orders,
    Listed::Promises,
    Listed::Hazards,
    Listed::Parameters,
    Listed::Planted,
];

pub(super) fn list(args: &List) -> Answer {
    let chosen: Vec<Listed> = args.what.map_or_else(|| ALL.to_vec(), |what| vec![what]);
    let output = match args.format {
        ListFormat::Text => text(&chosen),
        ListFormat::Json => json(&chosen),
    };
    Ok(Done::with(output))
}

/// One item a line, its name first, so that scripts can cut; headings if there are several lists.
fn text(chosen: &[Listed]) -> String {
    let mut out = String::new();
    for what in chosen {
        if chosen.len() > 1 {
            let gap = if out.is_empty() { "" } else { "\n" };
            out += &format!("{gap}{}:\n", word(*what));
        }
        let items = items(*what);
        let width = items.iter().map(|item| item.name.chars().count()).max().unwrap_or(0);
        for item in items {
            let line = format!("{:width$}  {}", item.name, item.line);
            out += line.trim_end();
            out.push('\n');
        }
    }
    out
}

/// One object with a key for each list; each item's first key is its name.
fn json(chosen: &[Listed]) -> String {
    let mut document = Map::new();
    for what in chosen {
        let rows = items(*what).into_iter().map(|item| {
            let mut row = Map::new();
            row.insert("name".to_owned(), item.name.into());
            row.insert("text".to_owned(), item.line.into());
            for (key, value) in item.more {
                row.insert(key.to_owned(), value.into());
            }
            Value::Object(row)
        });
        document.insert(word(*what).to_owned(), Value::Array(rows.collect()));
    }
    let mut text = format!("{:#}", Value::Object(document));
    text.push('\n');
    text
}

fn word(what: Listed) -> &'static str {
    match what {
        Listed::Topologies => "topologies",
        Listed::Scenarios => "scenarios",
        Listed::Faults => "faults",
        Listed::Orders => "orders",
        Listed::Promises => "promises",
        Listed::Hazards => "hazards",
        Listed::Parameters => "parameters",
        Listed::Planted => "planted",
    }
}

fn items(what: Listed) -> Vec<Item> {
    match what {
        Listed::Topologies => topologies(),
        Listed::Scenarios => scenarios(),
        Listed::Faults => faults(),
        Listed::Orders => orders(),
        Listed::Promises => promises(),
        Listed::Hazards => hazards(),
        Listed::Parameters => parameters(),
        Listed::Planted => planted(),
    }
}

/// A built-in topology as it loads; the built-in files are tested to be sound.
fn loaded(site: &builtin::BuiltinSite) -> Option<load::Loaded> {
    load::topology(site.topology.path, site.topology.text, &[]).ok()
}

fn topologies() -> Vec<Item> {
    let item = |site: &builtin::BuiltinSite| Item {
        name: site.topology.name.to_owned(),
        line: loaded(site).map(|loaded| loaded.topology.title).unwrap_or_default(),
        more: vec![("file", site.topology.path.to_owned())],
    };
    builtin::SITES.iter().map(item).collect()
}

fn scenarios() -> Vec<Item> {
    let mut items = Vec::new();
    for site in builtin::SITES {
        let Some(loaded) = loaded(site) else { continue };
        for file in site.scenarios {
            let scenario = load::scenario(file.path, file.name, file.text, &loaded.topology);
            let mut line = scenario.map(|scenario| scenario.title).unwrap_or_default();
            if site.topology.name != builtin::SITES[0].topology.name {
                line += &format!(" (topology {})", site.topology.name);
            }
            items.push(Item {
                name: file.name.to_owned(),
                line,
                more: vec![
                    ("topology", site.topology.name.to_owned()),
                    ("file", file.path.to_owned()),
                ],
            });
        }
    }
    items
}

fn hazards() -> Vec<Item> {
    let item = |hazard: &Hazard| Item {
        name: hazard.name.to_owned(),
        line: hazard.statement.to_owned(),
        more: vec![
            ("statement", hazard.statement.to_owned()),
            ("source", hazard.source.to_owned()),
        ],
    };
    HAZARDS.iter().map(item).collect()
}

fn faults() -> Vec<Item> {
    let item = |kind: &crate::model::fault::Kind| Item {
        name: kind.word.to_owned(),
        line: format!("({}) {}", kind.keys.join(", "), kind.meaning),
        more: vec![("keys", kind.keys.join(", ")), ("meaning", kind.meaning.to_owned())],
    };
    Fault::KINDS.iter().map(item).collect()
}

fn orders() -> Vec<Item> {
    let item = |cmdlet: &Cmdlet| {
        let syntax = cmdlet.syntax();
        let ignored = cmdlet.without_effect().join(", ");
        let without = if ignored.is_empty() { "" } else { "; without effect: " };
        let line = format!("{}  {}", syntax[cmdlet.name.len()..].trim(), cmdlet.meaning);
        Item {
            name: cmdlet.name.to_owned(),
            line: line + without + &ignored,
            more: vec![
                ("syntax", syntax),
                ("meaning", cmdlet.meaning.to_owned()),
                ("without_effect", ignored),
            ],
        }
    };
    cmdlets().map(item).collect()
}

fn promises() -> Vec<Item> {
    let item = |promise: &Promise| Item {
        name: promise.name.to_owned(),
        line: format!("{} ({})", promise.statement, promise.kind.word()),
        more: vec![
            ("source", promise.source.to_owned()),
            ("kind", promise.kind.word().to_owned()),
            ("applies", promise.applies.to_owned()),
            ("not", promise.not.to_owned()),
        ],
    };
    check::ALL.iter().chain(check::PHYSICS).map(item).collect()
}

fn planted() -> Vec<Item> {
    let item = |flaw: &Flaw| Item {
        name: flaw.word().to_owned(),
        line: flaw.meaning().to_owned(),
        more: Vec::new(),
    };
    Flaw::ALL.iter().map(item).collect()
}

fn parameters() -> Vec<Item> {
    let basis = |basis: &Basis| match basis {
        Basis::Documented(source) => ("documented", *source),
        Basis::Reported(source) => ("reported", *source),
        Basis::Derived(source) => ("derived", *source),
        Basis::Assumed(source) => ("assumed", *source),
    };
    let item = |parameter: &Parameter| {
        let (kind, source) = basis(&parameter.basis);
        let (low, high) = parameter.range;
        let range = if high.is_empty() { String::new() } else { format!(" ({low} to {high})") };
        let meaning = parameter.meaning.trim();
        Item {
            name: parameter.key.to_owned(),
            line: format!("= {}{range}: {meaning} [{kind}: {source}]", parameter.default),
            more: vec![
                ("meaning", meaning.to_owned()),
                ("default", parameter.default.to_owned()),
                ("lowest", low.to_owned()),
                ("highest", high.to_owned()),
                ("basis", kind.to_owned()),
                ("source", source.to_owned()),
            ],
        }
    };
    PARAMETERS.iter().map(item).collect()
}
