//! The state machines: docs/STATES.md shows the tables, their sources exist, and every edge is
//! taken by a scenario or a case, or has a reason why not.

use crate::program::{Folder, told};
use crate::source::{root, updating};
use crate::{cases, corpus, site};
use dagtwin::failover::transitions::{Kind, Machine};
use dagtwin::report::transitions::Coverage;
use dagtwin::sim::{Recording, simulate};
use dagtwin::view::transitions::Transitions;
use std::collections::BTreeMap;

const PAGE: &str = "docs/STATES.md";
const ALLOWED: &str = "tests/transitions/never-taken.txt";

fn machines() -> Vec<Machine> {
    Kind::ALL.iter().map(|kind| kind.machine()).collect()
}

/// The diagram and the table of a machine.
fn section(machine: &Machine) -> String {
    let name = machine.kind.name();
    let mut text = format!("## {}{}\n\n", name[..1].to_uppercase(), &name[1..]);
    text += &format!("{}\n\n```mermaid\nstateDiagram-v2\n", machine.kind.meaning());
    for initial in machine.initial() {
        text += &format!("    [*] --> {}\n", machine.word(initial));
    }
    for edge in &machine.edges {
        text += &format!("    {} --> {}\n", machine.word(edge.from), machine.word(edge.to));
    }
    text += "```\n\n";
    let words = |wanted: &dyn Fn(usize) -> bool| {
        let rows = machine.states.iter().filter(|row| wanted(row.state));
        let words: Vec<&str> = rows.map(|row| row.word).collect();
        if words.is_empty() { "none".to_owned() } else { words.join(", ") }
    };
    let initial: Vec<usize> = machine.initial().collect();
    let reached = machine.reachable(initial.iter().copied());
    text += &format!("- begins in: {}\n", words(&|state| initial.contains(&state)));
    text += &format!("- can last in: {}\n", words(&|state| machine.states[state].lasting));
    text += &format!("- no way leads to: {}\n", words(&|state| !reached[state]));
    text += &format!("- no way leads out of: {}\n\n", words(&|state| machine.is_final(state)));
    text += "| from | to | when | source |\n|---|---|---|---|\n";
    for edge in &machine.edges {
        let (from, to) = (machine.word(edge.from), machine.word(edge.to));
        text += &format!("| {from} | {to} | {} | {} |\n", edge.trigger, edge.source);
    }
    text
}

fn page() -> String {
    let mut text = "# States

Generated from `src/failover/transitions.rs` by `tests/it/states.rs`; `UPDATE=1 cargo test`
rewrites it. The core and the plant refuse a change of state that is not in these tables, and the
promise `states-follow-their-edges` judges every journal by them. `dagtwin transitions` counts how
often each was taken:

```text
dagtwin transitions [JOURNAL]... --format json
schema_version, journals, edges
taken|null, never_taken|null, changes|null     null without a journal
machines  [{ machine: \"group\" | \"resource\" | \"node\" | \"database_copy\" | \"quorum\" |
                      \"interface\" | \"network\",
             states: [{ state, initial, lasting }],
             edges: [{ from, to, trigger, source, taken|null }] }]

dagtwin transitions [JOURNAL]... --format csv
machine,from,to,trigger,source,taken

dagtwin transitions [JOURNAL]... --format dot | mermaid       one diagram, with the counts if any
```
"
    .to_owned();
    for machine in machines() {
        text += &format!("\n{}", section(&machine));
    }
    text
}

#[test]
fn other_tools_get_every_state_and_edge_as_a_diagram() {
    let folder = Folder::new("transitions-diagrams");
    let journal = folder.path("quiet.dagtwin");
    assert_eq!(told(&["run", "--scenario", "quiet", "--quiet", "--journal", &journal]).status, 0);
    for (format, arrow) in [("dot", "->"), ("mermaid", "-->")] {
        let bare = told(&["transitions", "--format", format]).out;
        let counted = told(&["transitions", &journal, "--format", format]).out;
        for machine in machines() {
            let word = |state: usize| machine.word(state).replace([' ', '-'], "_");
            let name = |state: usize| format!("{}_{}", machine.kind.key(), word(state));
            for edge in &machine.edges {
                let line = format!(" {} {arrow} {}", name(edge.from), name(edge.to));
                let ends = [format!("{line} "), format!("{line}:")];
                let is = |l: &&str| ends.iter().any(|end| l.contains(end));
                let found = |text: &str| text.lines().filter(is).count();
                assert_eq!((found(&bare), found(&counted)), (1, 1), "{format}: {line}");
            }
        }
        assert!(!bare.contains("(never)") && counted.contains("(never)"), "{counted}");
        assert!(counted.contains("(1)") || counted.contains("(2)"), "{counted}");
    }
}

#[test]
fn the_page_shows_the_tables() {
    let path = root().join(PAGE);
    if updating() {
        std::fs::write(&path, page()).expect("writable");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page(), "{PAGE} is not what the tables say; UPDATE=1 rewrites it");
}

#[test]
fn every_edge_names_a_row_that_exists() {
    for machine in machines() {
        for edge in &machine.edges {
            let found = crate::fidelity::row(edge.source);
            assert!(found.is_ok(), "{:?}: {}: {}", machine.kind, edge.source, found.unwrap_err());
        }
    }
}

/// Every edge of every machine, as `machine from to`, with how often it was taken.
fn edges(coverage: &Coverage) -> BTreeMap<String, u64> {
    let mut found = BTreeMap::new();
    for machine in machines() {
        for edge in &machine.edges {
            let (from, to) = (machine.word(edge.from), machine.word(edge.to));
            let name = format!("{} {from} {to}", machine.kind.key());
            found.insert(name, coverage.taken(&machine, edge));
        }
    }
    found
}

/// What scenarios, those of the corpus among them, and text cases take together.
fn coverage() -> Coverage {
    let mut coverage = Coverage::default();
    let built = site::all().into_iter().map(|built| (built.topology, built.scenario));
    let corpus = corpus::all().into_iter().map(|(_, topology, scenario)| (topology, scenario));
    for (topology, scenario) in built.chain(corpus) {
        let recorded = simulate(&topology, &scenario, 1, Recording::Memory);
        let mut seen = Transitions::at_start_of(&scenario);
        for record in &recorded.records {
            seen.apply(record);
        }
        coverage.add(seen.counts());
    }
    for seen in cases::transitions() {
        coverage.add(seen.counts());
    }
    coverage
}

#[test]
fn every_edge_is_taken_or_has_its_reason() {
    let text = std::fs::read_to_string(root().join(ALLOWED)).expect("the list");
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let allowed: BTreeMap<&str, &str> =
        lines.map(|line| line.split_once(": ").expect("`machine from to: reason`")).collect();
    let mut wrong = Vec::new();
    let edges = edges(&coverage());
    for (edge, taken) in &edges {
        match (allowed.get(edge.as_str()), taken) {
            (None, 0) => wrong.push(format!("{edge}: never taken; a case, or a reason why not")),
            (Some(_), 1..) => wrong.push(format!("{edge}: taken; take it off the list")),
            (None, _) | (Some(_), 0) => {}
        }
    }
    let unknown = allowed.keys().filter(|edge| !edges.contains_key(**edge));
    wrong.extend(unknown.map(|edge| format!("{edge}: no such edge; take it off the list")));
    assert!(wrong.is_empty(), "{ALLOWED}:\n{}\n", wrong.join("\n"));
}

#[test]
fn the_command_counts_what_a_journal_shows() {
    let folder = Folder::new("transitions");
    let journal = folder.path("run.dagtwin");
    assert_eq!(told(&["run", "--journal", &journal, "-q"]).status, 0);
    let document = |arguments: &[&str]| -> serde_json::Value {
        let told = told(arguments);
        assert_eq!(told.status, 0, "{}", told.err);
        serde_json::from_str(&told.out).expect("JSON")
    };
    let plain = document(&["transitions", "--format", "json"]);
    let counted = document(&["transitions", &journal, "--format", "json"]);
    let twice = document(&["transitions", &journal, &journal, "--format", "json"]);
    for key in
        ["schema_version", "journals", "machines", "edges", "taken", "never_taken", "changes"]
    {
        assert!(counted.get(key).is_some(), "no key {key}");
    }
    assert!(plain["taken"].is_null() && plain["machines"][0]["edges"][0]["taken"].is_null());
    let sum = |document: &serde_json::Value| document["changes"].as_u64().expect("a number");
    assert!(sum(&counted) > 20 && sum(&twice) == 2 * sum(&counted));
    let (all, taken) = (counted["edges"].as_u64(), counted["taken"].as_u64());
    assert_eq!(all, Some(taken.unwrap_or(0) + counted["never_taken"].as_u64().unwrap_or(0)));
    let csv = told(&["transitions", &journal, "--format", "csv"]).out;
    assert!(csv.starts_with("machine,from,to,trigger,source,taken\n"), "{csv}");
    assert_eq!(csv.lines().count() as u64, all.unwrap_or(0) + 1);
    let text = told(&["transitions", &journal]).out;
    assert!(text.contains("never") && text.contains("1 journal: "), "{text}");
    assert_eq!(told(&["transitions", "no-such-journal"]).status, 2);
}
