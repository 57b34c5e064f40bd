//! The output that README.md and pages of docs/ show is the program's own.
//! `UPDATE=1` rewrites it.
//!
//! A block begins with ```` ```console ```` and a line `$ dagtwin …` or `$ cargo run --release --
//! …`, which may end in `| head -N`, `| tail -N` or `| sed -n '/^From/,/^To/p'`. A row of a
//! table that begins with ``| `dagtwin run`` is what that run comes to.

use crate::program::told;
use crate::source::root;
use dagtwin::model::{Fault, load};

/// What a shown command prints.
fn output_of(command: &str) -> Option<String> {
    let mut stages = command.split('|').map(str::trim);
    let call = stages.next()?;
    let arguments =
        call.strip_prefix("dagtwin").or_else(|| call.strip_prefix("cargo run --release --"))?;
    let arguments = words(arguments);
    let run = told(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(run.status, 0, "{command}: {}", run.err);
    let mut lines: Vec<String> = run.out.lines().map(str::to_owned).collect();
    for stage in stages {
        if let Some(range) = stage.strip_prefix("sed -n '/^").and_then(|s| s.strip_suffix("/p'")) {
            let (from, to) = range.split_once("/,/^")?;
            let begin = lines.iter().position(|line| line.starts_with(from)).expect(from);
            let rest = lines[begin..].iter();
            let length = rest.take_while(|line| !line.starts_with(to)).count() + 1;
            lines = lines[begin..].iter().take(length).cloned().collect();
            continue;
        }
        let (cut, count) = stage.split_once(" -")?;
        let count: usize = count.parse().ok()?;
        match cut {
            "head" => lines.truncate(count),
            "tail" => drop(lines.drain(..lines.len().saturating_sub(count))),
            _ => return None,
        }
    }
    Some(lines.iter().map(|line| format!("{}\n", line.trim_end())).collect())
}

/// The words of a call as a shell has them; quotation marks are single ones.
fn words(call: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (number, part) in call.split('\'').enumerate() {
        if number % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

/// The page with every block's output as the program prints it now, and the number of blocks.
fn rewritten(page: &str) -> (String, usize) {
    let mut out = String::new();
    let mut count = 0;
    let mut lines = page.lines().peekable();
    while let Some(line) = lines.next() {
        if line.starts_with("| `dagtwin run") {
            out += &row(line.split('|').nth(1).unwrap_or_default());
            out.push('\n');
            continue;
        }
        out += line;
        out.push('\n');
        if line != "```console" {
            continue;
        }
        let command = lines.next().and_then(|line| line.strip_prefix("$ ")).unwrap_or_default();
        let Some(output) = output_of(command) else {
            panic!("`{command}` is no command that this test knows how to run");
        };
        out += &format!("$ {command}\n{output}");
        count += 1;
        while lines.peek().is_some_and(|line| *line != "```") {
            lines.next();
        }
    }
    (out, count)
}

#[test]
fn shown_output_is_the_programs_own() {
    let docs = "SCENARIOS JOURNAL CALCULATORS COMPARE CAPACITY SWEEP EXPLORE SWARM".split(' ');
    let docs = docs.map(|name| format!("docs/{name}.md"));
    for name in ["README.md".to_owned()].into_iter().chain(docs) {
        let path = root().join(&name);
        let page = std::fs::read_to_string(&path).expect("the page");
        let (wanted, blocks) = rewritten(&page);
        assert!(name != "README.md" || blocks > 0, "README.md shows no output");
        if crate::source::updating() {
            std::fs::write(&path, wanted).expect("the page can be written");
        } else {
            let shown: Vec<_> = page.lines().collect();
            let now: Vec<_> = wanted.lines().collect();
            let first = shown.iter().zip(&now).position(|(a, b)| a != b);
            let first = first.unwrap_or(shown.len().min(now.len()));
            assert!(
                page == wanted,
                "{name}:{}: shows\n{:?}\nthe program prints\n{:?}\nUPDATE=1 cargo test rewrites it",
                first + 1,
                shown.get(first),
                now.get(first)
            );
        }
    }
}

/// A span as the table shows it.
fn seconds(milliseconds: f64) -> String {
    format!("{:.1} s", milliseconds / 1e3)
}

/// A row of the table in README.md: what the run of its first cell comes to.
fn row(command: &str) -> String {
    let call = command.trim().trim_matches('`').strip_prefix("dagtwin ").expect("a command");
    let mut arguments: Vec<&str> = call.split_whitespace().collect();
    arguments.extend(["--format", "json"]);
    let report: serde_json::Value =
        serde_json::from_str(&told(&arguments).out).expect("a JSON report");
    let outages = report["outages"].as_array().expect("a list").iter();
    let outlook = outages.filter(|outage| outage["who"] == "outlook");
    let outlook = outlook.filter_map(|outage| outage["ms"].as_f64()).fold(0.0, f64::max);
    let back = seconds(report["recovered_ms"].as_f64().expect("everything comes back"));
    format!("|{command}| {back} | {} |", seconds(outlook))
}

/// The blocks of a page in this language.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let begin = format!("```{language}\n");
    let rest = page.split(begin.as_str()).skip(1);
    rest.filter_map(|rest| rest.split("\n```").next()).map(|text| format!("{text}\n")).collect()
}

#[test]
fn the_examples_of_the_scenario_page_load() {
    let name = "docs/SCENARIOS.md";
    let page = std::fs::read_to_string(root().join(name)).expect("the page");
    let examples = blocks(&page, "toml");
    let [topology, balancers, least, scenario] = examples.as_slice() else {
        panic!("{} examples", examples.len())
    };
    let balanced = format!("{topology}{balancers}");
    load::topology(name, &balanced, &[]).unwrap_or_else(|problems| panic!("{problems:#?}"));
    load::topology(name, least, &[]).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let loaded = load::topology(name, topology, &load::wishes(name, scenario));
    let topology = loaded.unwrap_or_else(|problems| panic!("{problems:#?}")).topology;
    let scenario = load::scenario(name, "example", scenario, &topology);
    scenario.unwrap_or_else(|problems| panic!("{problems:#?}"));
    for kind in Fault::KINDS {
        assert!(page.contains(kind.word), "{name} does not tell of {}", kind.word);
    }
}
