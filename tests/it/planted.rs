//! Planted bugs: each has a scenario that a judge fails with it and passes without it.

use crate::program::told;
use crate::source::root;
use dagtwin::failover::config::Flaw;
use dagtwin::lab::{self, Outcome, VerdictKind};
use dagtwin::model::builtin::SITES;
use dagtwin::model::load::{self, Wish};
use std::collections::BTreeSet;
use std::fs::{read_dir, read_to_string};

const FOLDER: &str = "tests/planted";

/// The built-in topology that a scenario's text names.
fn topology(text: &str) -> &'static str {
    let line = text.lines().find_map(|line| line.strip_prefix("topology = "));
    let name = line.expect("the scenario names its topology").trim_matches('"');
    let mut sites = SITES.iter();
    sites.find(|site| site.topology.name == name).expect("a built-in one").topology.text
}

/// Runs the scenario of a flaw, with the flaw or without it, and looks at the outcome.
fn with<T>(flaw: Flaw, planted: Option<Flaw>, look: impl FnOnce(&Outcome<'_>) -> T) -> T {
    let name = flaw.word();
    let path = root().join(FOLDER).join(name).with_extension("toml");
    let text = read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut wishes = load::wishes(name, &text);
    let word = planted.map_or("none", Flaw::word);
    wishes.push(Wish::of_command_line("test.planted", word));
    let loaded = load::topology("topology.toml", topology(&text), &wishes);
    let loaded = loaded.unwrap_or_else(|problems| panic!("{name}: {problems:#?}"));
    let scenario = load::scenario(name, name, &text, &loaded.topology);
    let scenario = scenario.unwrap_or_else(|problems| panic!("{name}: {problems:#?}"));
    assert!(scenario.faults.len() <= 3, "{name}: {} faults", scenario.faults.len());
    look(&lab::run(&loaded.topology, &scenario, 1, &loaded.given))
}

#[test]
fn every_planted_bug_breaks_a_promise_in_its_scenario_and_without_it_none_is_broken() {
    let mut wrong = String::new();
    for flaw in Flaw::ALL {
        let found = with(*flaw, Some(*flaw), |outcome| {
            let safety_or_liveness =
                matches!(outcome.verdict.kind, VerdictKind::Safety | VerdictKind::Liveness);
            assert_eq!(outcome.topology.settings.test.planted, Some(*flaw));
            safety_or_liveness && !outcome.promises.violations.is_empty()
        });
        if !found {
            wrong += &format!("{}: nobody noticed\n", flaw.word());
        }
        with(*flaw, None, |outcome| {
            if outcome.verdict.kind != outcome.scenario.verdict {
                wrong += &format!("{} without it: {:#?}\n", flaw.word(), outcome.verdict);
            }
        });
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn every_scenario_is_a_planted_bugs() {
    let files = read_dir(root().join(FOLDER)).expect("the folder");
    let names = files.map(|file| file.expect("an entry").path());
    let names: BTreeSet<String> = names
        .map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    let flaws: BTreeSet<String> = Flaw::ALL.iter().map(|flaw| flaw.word().to_owned()).collect();
    assert_eq!(names, flaws);
}

#[test]
fn reports_say_that_a_bug_is_planted() {
    let call = |format: &str, set: &str| {
        told(&["run", "--scenario", "quiet", "--format", format, "--set", set]).out
    };
    let text = call("text", "test.planted=never-rejoins");
    assert!(text.contains("A bug is planted, never-rejoins: A node whose"), "{text}");
    assert!(text.contains("--set test.planted=never-rejoins"), "{text}");
    assert!(!call("text", "test.planted=none").contains("bug is planted"));
    let json: serde_json::Value =
        serde_json::from_str(&call("json", "test.planted=never-rejoins")).expect("JSON");
    assert_eq!(json["planted"], "never-rejoins");
    let file = "tests/planted/never-rejoins.toml";
    let tests = told(&["test", file, "--set", "test.planted=never-rejoins"]);
    assert_eq!(tests.status, 1, "{}", tests.err);
    assert!(tests.out.contains("(bug planted: never-rejoins)"), "{}", tests.out);
    assert!(tests.out.contains("members-back: EX02"), "{}", tests.out);
}
