//! What-ifs of a kept run: the changed text, the run, the file that is saved.

use crate::program::{Folder, told};
use dagtwin::base::{Instant, Span};
use dagtwin::journal::{Digest, Header, Origin, binary};
use dagtwin::lab::VerdictKind;
use dagtwin::lab::what_if::{self, WhatIf};
use dagtwin::model::change::parse;
use dagtwin::model::{Change, Source, Sources, builtin, load};

/// The texts of a built-in scenario.
fn sources(topology: &str, scenario: &str) -> Sources {
    let site = builtin::SITES.iter().find(|site| site.topology.name == topology);
    let site = site.expect("a built-in topology");
    let file = site.scenarios.iter().find(|file| file.name == scenario).expect("a scenario");
    let source = |file: &builtin::Builtin| Source {
        file: file.path.to_owned(),
        name: file.name.to_owned(),
        text: file.text.to_owned(),
    };
    Sources {
        topology: source(&site.topology),
        scenario: source(file),
        set: Vec::new(),
        until: None,
    }
}

/// Lines typed at the 66th second, one after the other.
fn typed(sources: &Sources, lines: &[&str]) -> Vec<Change> {
    let cursor = Instant::ZERO + Span::from_secs(66);
    let mut changes = Vec::new();
    for line in lines {
        let planned = what_if::plan(sources, &changes).expect("sound so far");
        let change = parse(line, cursor, &planned.loaded.topology, &planned.scenario);
        changes.push(change.unwrap_or_else(|wrong| panic!("{line}: {wrong}")));
    }
    changes
}

fn text(sources: &Sources, lines: &[&str]) -> String {
    let changes = typed(sources, lines);
    let planned = what_if::plan(sources, &changes).unwrap_or_else(|wrong| panic!("{wrong:#?}"));
    planned.sources.scenario.text
}

fn run(sources: &Sources, lines: &[&str]) -> WhatIf {
    let changes = typed(sources, lines);
    what_if::run(sources, 1, &changes).unwrap_or_else(|wrong| panic!("{wrong:#?}"))
}

/// Lines of a text that another one does not have.
fn more<'t>(text: &'t str, than: &str) -> Vec<&'t str> {
    let known: Vec<&str> = than.lines().collect();
    text.lines().filter(|line| !line.is_empty() && !known.contains(line)).collect()
}

#[test]
fn without_a_change_the_run_is_the_same() {
    let folder = Folder::new("what-if-same");
    let kept = folder.path("kept.dagtwin");
    let options = ["--set", "cluster.same_subnet_threshold=7", "--set", "clients.count=3"];
    let call = ["run", "--quiet", "--until", "70s", "--seed", "9", "--journal", kept.as_str()];
    let made = told(&[&call[..], &options[..]].concat());
    assert!(made.err.is_empty(), "{}", made.err);
    let journal = binary::read_file(kept.as_ref()).expect("a journal");
    let (sources, seed) = what_if::sources_of(&kept, &journal.header).expect("its sources");
    assert_eq!((seed, sources.set.len(), sources.until.as_deref()), (9, 2, Some("70s")));
    let again = what_if::run(sources, seed, &[]).expect("it is sound");
    assert_eq!(again.digest, Digest::of(&journal.records));
    assert!(again.records == journal.records);
    // The text alone says what the command line said.
    let alone = again.header.sources.expect("its sources");
    assert!(alone.set.is_empty() && alone.until.is_none());
    for line in ["until = \"70s\"", "\"cluster.same_subnet_threshold\" = 7"] {
        assert!(alone.scenario.text.contains(line), "{}", alone.scenario.text);
    }
    assert_eq!(what_if::run(&alone, 9, &[]).expect("sound").digest, again.digest);
}

#[test]
fn faults_are_added_moved_and_removed_in_the_text() {
    let sources = sources("two-node-2010", "nic-loss");
    let before = &sources.scenario.text;
    assert_eq!(&text(&sources, &[]), before);

    let added = text(&sources, &["power-off EX02 at 80s lasts 30s"]);
    let lines = more(&added, before);
    assert_eq!(
        lines,
        ["at = \"80s\"", "lasts = \"30s\"", "kind = \"power-off\"", "machine = \"EX02\""]
    );
    let (fault, step) = (added.find("kind = \"power-off\""), added.find("[[step]]"));
    assert!(fault < step, "it stands beside the other fault:\n{added}");

    let moved = text(&sources, &["move fault 1 to 61500ms"]);
    assert_eq!(more(&moved, before), ["at = \"61500ms\""]);
    assert_eq!(moved.lines().count(), before.lines().count());

    let removed = text(&sources, &["remove fault 1"]);
    assert!(!removed.contains("[[fault]]") && more(&removed, before).is_empty(), "{removed}");
    assert!(removed.starts_with("# Steps 26 to 30 of the article"), "{removed}");
}

#[test]
fn comments_stay_and_a_fault_takes_its_own_along() {
    let mut sources = sources("two-node-2010", "nic-loss");
    sources.scenario.text = "\
# The head.
title = \"x\" # as it is
until = \"5m\"

# About both faults.

# The first.
[[fault]]
at = \"70s\" # late
kind = \"power-off\"
machine = \"EX02\"

# The second, which comes first.
[[fault]]
at = \"60s\"
kind = \"nic-down\"
machine = \"EX01\"
nic = \"all\"
# The end.
"
    .to_owned();
    // Plans are in the order of their moments, whatever the file's.
    let moved = text(&sources, &["move fault 2 to 71s"]);
    assert_eq!(moved, sources.scenario.text.replace("\"70s\"", "\"71s\""));
    let removed = text(&sources, &["remove fault 2"]);
    for kept in ["# The head.", "# as it is", "# About both faults.", "# The second", "# The end."]
    {
        assert!(removed.contains(kept), "{kept} is lost:\n{removed}");
    }
    assert!(!removed.contains("# The first.") && !removed.contains("EX02"), "{removed}");
    let none = text(&sources, &["remove fault 1", "remove fault 1"]);
    assert!(none.contains("# About both faults.") && !none.contains("[[fault]]"), "{none}");
}

#[test]
fn a_removed_fault_leaves_no_outage_and_a_later_one_a_later_outage() {
    let sources = sources("two-node-2010", "nic-loss");
    let before = run(&sources, &[]);
    let moved = run(&sources, &["move fault 1 to 62s"]);
    let second = 1_000_000_000;
    let strikes = |run: &WhatIf| run.disturbed.map(|at| at.as_nanos() / second);
    assert_eq!((strikes(&before), strikes(&moved)), (Some(60), Some(62)));
    let until = |run: &WhatIf| {
        let ended = run.records.iter().take_while(|record| record.at.as_nanos() < 55 * second);
        ended.cloned().collect::<Vec<_>>()
    };
    assert!(until(&before) == until(&moved), "what came before the change is the same");

    let removed = run(&sources, &["remove fault 1"]);
    assert!(removed.outages.iter().all(|outage| !outage.hard), "{:#?}", removed.outages);
    assert_eq!(removed.verdict.kind, VerdictKind::Budget, "nothing moves to EX02");

    let worse = run(&sources, &["power-off EX02 at 62s"]);
    assert_eq!(worse.recovered, None);
    assert_eq!(worse.changes, ["power-off on EX02 at 62.000 s"]);
}

#[test]
fn orders_settings_and_the_end_are_changed() {
    let sources = sources("two-node-2010", "nic-loss");
    let order = "Move-ClusterGroup CASArray -Node EX02 at 30s";
    let moved = run(&sources, &[order, "set cluster.same_subnet_threshold 10", "until 2m"]);
    let header = &moved.header;
    assert_eq!(header.topology.settings.cluster.same_subnet_threshold, 10);
    let scenario = header.scenario.as_ref().expect("a scenario");
    assert_eq!(scenario.until, Instant::ZERO + Span::from_secs(120));
    assert_eq!(moved.disturbed, Some(Instant::ZERO + Span::from_secs(30)));
    // Changes are made one after the other.
    let back = text(&sources, &[order, "remove step 6"]);
    assert_eq!(more(&back, &sources.scenario.text), Vec::<&str>::new());
    // What is expected of a message goes with the step that sends it.
    let without = text(&sources, &["remove step 3"]);
    assert!(!without.contains("message = \"pending\""), "{without}");
    // Nobody waits for what is after the end.
    let short = text(&sources, &["until 70s"]);
    let (short, _) = short.split_once("[[budget]]").expect("budgets stand below the steps");
    assert!(short.contains("within = \"10s\"") && !short.contains("within = \"20s\""), "{short}");
}

#[test]
fn what_cannot_be_changed_is_told() {
    let sources = sources("two-node-2010", "nic-loss");
    let refused = |changes: &[Change]| {
        let problems = what_if::run(&sources, 1, changes).expect_err("it is wrong");
        problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    let wrong = refused(&[Change::RemoveFault { index: 4 }]);
    assert!(
        wrong.contains("nic-loss.toml: fault = 5: expected") && wrong.contains("from 1 to 1"),
        "{wrong}"
    );
    let late = Change::MoveFault { index: 0, at: Instant::ZERO + Span::from_secs(900) };
    let wrong = refused(&[late]);
    assert!(wrong.contains("as changed:") && wrong.contains("before the run ends"), "{wrong}");
    let bad = Change::Set { key: "cluster.no_such".to_owned(), value: "1".to_owned() };
    let wrong = refused(&[bad]);
    assert!(wrong.contains("set.cluster.no_such"), "{wrong}");

    let loaded = load::site(&sources).expect("it is sound");
    let header = Header::of_run(&loaded.0.topology, &loaded.1, 1);
    let wrong = what_if::sources_of("old.dagtwin", &header).expect_err("no sources");
    assert!(wrong[0].to_string().starts_with("old.dagtwin: expected a journal with the texts"));
    let agent = Header { origin: Origin::Agent { host: "a".into() }, ..header };
    let wrong = what_if::sources_of("a", &agent).expect_err("no simulation");
    assert!(wrong[0].expected.contains("of a simulation"));
}

/// Saves a what-if and has the program test it.
fn saved(name: &str, topology: &str, what_if: &WhatIf) -> String {
    let folder = Folder::new(&format!("what-if-{name}"));
    let file = folder.path("saved.toml");
    let text = what_if::saved(what_if, topology);
    std::fs::write(&file, &text).expect("a file");
    let tested = told(&["test", &file]);
    assert_eq!(tested.status, 0, "{name}: {}{}\n{text}", tested.out, tested.err);
    text
}

#[test]
fn a_saved_file_passes_as_a_test() {
    for (topology, scenario, lines) in [
        ("two-node-2010", "nic-loss", &["power-off EX02 at 80s lasts 30s"][..]),
        ("two-node-2010", "nic-loss", &["remove fault 1"]),
        ("two-node-2010", "nic-loss", &["set cluster.same_subnet_threshold 10"]),
        ("two-node-2010", "nic-loss", &["power-off EX02 at 62s"]),
        ("two-node-2010", "quiet", &["Stop-ClusterNode EX01"]),
        ("lagged-copy", "lagged-copy", &["move fault 1 to 70s"]),
        ("two-site", "power-off", &["until 4m"]),
    ] {
        let what_if = run(&sources(topology, scenario), lines);
        let name = format!("{topology}-{scenario}-{}", lines[0].replace(' ', "-"));
        let text = saved(&name, topology, &what_if);
        assert!(text.starts_with("# What if:\n# - "), "{text}");
        assert!(text.contains(&format!("topology = \"{topology}\"")), "{text}");
    }
}

#[test]
fn a_saved_file_says_what_no_longer_holds_and_fails_when_it_gets_worse() {
    let sources = sources("two-node-2010", "nic-loss");
    let slower = run(&sources, &["set cluster.same_subnet_threshold 10"]);
    let text = saved("slower", "two-node-2010", &slower);
    assert!(text.contains("# Expected was: "), "{text}");
    assert!(text.contains("; what if: cluster.same_subnet_threshold = 10 instead of 5"), "{text}");
    let folder = Folder::new("what-if-worse");
    let file = folder.path("saved.toml");
    std::fs::write(&file, &text).expect("a file");
    let worse = told(&["test", &file, "--set", "cluster.same_subnet_delay=2s"]);
    assert_eq!(worse.status, 1, "{}", worse.out);
    assert!(worse.out.contains("everything back was not so within"), "{}", worse.out);
}

#[test]
fn a_file_saved_from_another_seed_passes_with_that_seed_and_with_the_tests_own() {
    let sources = sources("two-node-2010", "nic-loss");
    let changes = typed(&sources, &["set cluster.same_subnet_threshold 10"]);
    let what_if = what_if::run(&sources, 77, &changes).expect("sound");
    let folder = Folder::new("what-if-seed");
    let file = folder.path("saved.toml");
    std::fs::write(&file, what_if::saved(&what_if, "two-node-2010")).expect("a file");
    for seed in ["1", "77"] {
        let tested = told(&["test", &file, "--seed", seed]);
        assert_eq!(tested.status, 0, "{}", tested.out);
    }
}

#[test]
fn the_program_tells_what_differs_and_names_the_topology_of_what_it_saves() {
    let folder = Folder::new("what-if-program");
    let path = |name: &str| folder.path(name);
    let (kept, saved) = (path("kept.dagtwin"), path("saved.toml"));
    assert_eq!(told(&["run", "--quiet", "--journal", &kept]).status, 0);
    let changed = path("changed.dagtwin");
    let call = ["what-if", &kept, "power-off EX02 lasts 30s", "move fault 2 to 80s"];
    let made = told(&[&call[..], &["--save", &saved, "--journal", &changed]].concat());
    assert_eq!(made.status, 0, "{}{}", made.out, made.err);
    for part in [
        "what if: power-off on EX02 for 30.000 s at 60.000 s",
        "moved from 60.000 s to 80",
        "\nbefore  ok, ",
        "\nnow     ",
        "first difference\n",
        "saved as ",
    ] {
        assert!(made.out.contains(part), "{part}: {}", made.out);
    }
    let text = std::fs::read_to_string(&saved).expect("a file");
    assert!(text.contains("topology = \"two-node-2010\""), "{text}");
    assert_eq!(told(&["test", &saved]).status, 0);
    assert_eq!(told(&["verify", &changed]).status, 0);
    let wrong = told(&["what-if", &kept, "power-of EX02"]);
    assert_eq!(wrong.status, 2);
    assert!(wrong.err.contains("did you mean \"power-off\""), "{}", wrong.err);
    let same = told(&["what-if", &kept, "set cluster.same_subnet_threshold 5"]);
    assert!(same.out.contains("the runs do not differ"), "{}", same.out);

    // A site of one's own is named by its path, and by its text once the file has changed.
    let site = path("site");
    assert_eq!(told(&["new", &site]).status, 0);
    let topology = format!("{site}/topology.toml");
    let with = |comment: &str| {
        let text = std::fs::read_to_string(&topology).expect("a topology");
        std::fs::write(&topology, format!("{comment}\n{text}")).expect("written");
    };
    with("# My own.");
    let options = ["--scenario", "nic-loss", "--quiet", "--journal", &kept];
    assert_eq!(told(&[&["run", &site], &options[..]].concat()).status, 0);
    let inside = format!("{site}/scenarios/later.toml");
    let later = |file: &str| told(&["what-if", &kept, "move fault 1 to 65s", "--save", file]);
    assert_eq!(later(&inside).status, 0);
    let text = std::fs::read_to_string(&inside).expect("a file");
    assert!(text.contains("topology = \"../topology.toml\""), "{text}");
    with("# Changed since.");
    let made = later(&saved);
    assert!(made.out.contains("saved-site"), "{}{}", made.out, made.err);
    let beside = std::fs::read_to_string(path("saved-site/topology.toml")).expect("a topology");
    assert!(beside.starts_with("# My own."));
    for file in [&inside, &saved] {
        let tested = told(&["test", file]);
        assert_eq!(tested.status, 0, "{}{}", tested.out, tested.err);
    }
}
