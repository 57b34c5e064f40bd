//! `dagtwin test`: scenario files as tests.

use crate::program::{Folder, told};

pub(crate) const HEALTHY: &str = "title = \"Nothing happens\"\nuntil = \"90s\"\n[[step]]\ntext = \"all is well\"\n\
                       at = \"60s\"\nexpect = [{ what = \"quorum\" }]\n";

/// A scenario that expects what cannot be.
fn wrong() -> String {
    HEALTHY.replace("what = \"quorum\"", "what = \"quorum\", held = false")
}

/// A folder with a topology and these scenarios.
pub(crate) fn site(name: &str, scenarios: &[(&str, &str)]) -> Folder {
    let folder = Folder::new(name);
    let new = told(&["new", &folder.path("site")]);
    assert_eq!(new.status, 0, "{}", new.err);
    std::fs::remove_dir_all(folder.path("site/scenarios")).expect("the scenarios of the site");
    for (name, text) in scenarios {
        let path = folder.path(&format!("site/scenarios/{name}.toml"));
        let parent = std::path::Path::new(&path).parent().expect("a folder");
        std::fs::create_dir_all(parent).expect("a folder for scenarios");
        std::fs::write(&path, text).expect("a scenario");
    }
    folder
}

#[test]
fn one_that_fails_is_named_with_its_reason_and_repeated_by_its_line() {
    let folder = site("suite-fails", &[("good", HEALTHY), ("deep/wrong", &wrong())]);
    let run = told(&["test", &folder.path("site")]);
    assert_eq!((run.status, run.err.as_str()), (1, ""), "{}", run.out);
    let lines: Vec<&str> = run.out.lines().collect();
    assert!(lines[0].starts_with("FAIL") && lines[0].contains("deep/wrong.toml"), "{}", run.out);
    assert!(run.out.contains("verdict budget, wanted ok"), "{}", run.out);
    assert!(run.out.contains("ok    ") && run.out.contains("good.toml"), "{}", run.out);
    assert_eq!(lines.last(), Some(&"2 scenarios: 1 run passed, 1 failed"));
    let repeat = lines.iter().find_map(|line| line.trim().strip_prefix("repeat: dagtwin "));
    let words: Vec<&str> = repeat.expect("a line to repeat").split(' ').collect();
    assert_eq!(told(&words).status, 1);
}

#[test]
fn a_scenario_can_want_another_verdict() {
    let wanted = wrong().replace("until", "verdict = \"budget\"\nuntil");
    let folder = site("suite-verdict", &[("wanted", &wanted)]);
    assert_eq!(told(&["test", &folder.path("site")]).status, 0);
    let corpus = told(&["test", "tests/corpus", "--format", "json", "--runs", "2", "--jobs", "2"]);
    assert_eq!(corpus.status, 0, "{}", corpus.out);
    let document: serde_json::Value = serde_json::from_str(&corpus.out).expect("one document");
    let cases = document["cases"].as_array().expect("cases");
    // Every case under two seeds, and timelines besides.
    assert!(document["passed"].as_u64() >= Some(2 * cases.len() as u64), "{}", corpus.out);
    assert!(cases.iter().any(|case| case["topology"] == "four-nodes"), "{}", corpus.out);
    assert!(cases.iter().any(|case| case["verdict"] == "unavailable"), "{}", corpus.out);
}

#[test]
fn the_number_of_jobs_changes_nothing() {
    let call = ["test", "--filter", "nic-loss", "--runs", "2", "--format", "json", "--jobs"];
    let with = |jobs: &str| told(&call.iter().copied().chain([jobs]).collect::<Vec<_>>()).out;
    let one = with("1");
    assert!(one.contains("scenarios/nic-loss.toml"));
    assert_eq!(one, with("3"));
}

#[test]
fn everything_that_is_shipped_passes() {
    let run = told(&["test", "--format", "json"]);
    let document: serde_json::Value = serde_json::from_str(&run.out).expect("one document");
    let cases = document["cases"].as_array().expect("cases").iter();
    let of = |key: &str| cases.clone().filter(|case| !case[key].is_null()).count();
    let budgets = cases.clone().filter(|case| case["budgets"] != serde_json::json!([])).count();
    assert_eq!((run.status, run.err.as_str()), (0, ""), "{}", run.out);
    assert!(of("timeline") >= 3 && budgets >= 2 && of("explore") >= 1, "{}", run.out);
}

#[test]
fn a_file_names_its_topology() {
    let folder = site("suite-topology", &[]);
    let path = folder.path("elsewhere.toml");
    let named = |topology: &str| {
        std::fs::write(&path, format!("topology = \"{topology}\"\n{HEALTHY}")).expect("a scenario");
        told(&["test", &path])
    };
    assert_eq!(named("site").status, 0);
    assert_eq!(named("two-node-2010").status, 0);
    let unknown = named("three-node-2010");
    assert_eq!(unknown.status, 2);
    assert!(
        unknown.err.contains("elsewhere.toml:1: topology = \"three-node-2010\": expected "),
        "{}",
        unknown.err
    );
}

#[test]
fn every_mistake_is_told_and_nothing_is_run() {
    let folder =
        site("suite-mistakes", &[("a", "title = 1"), ("b", "until = \"5\""), ("c", HEALTHY)]);
    let run = told(&["test", &folder.path("site")]);
    assert_eq!((run.status, run.out.as_str()), (2, ""));
    for name in ["a.toml", "b.toml", "nothing was run"] {
        assert!(run.err.contains(name), "{name}: {}", run.err);
    }
    let empty = folder.path("site/empty");
    std::fs::create_dir_all(&empty).expect("a folder");
    for (path, expected) in [(empty.as_str(), "no scenario file"), ("no/such/path", "existing")] {
        let run = told(&["test", path]);
        assert_eq!(run.status, 2);
        assert!(run.err.contains(expected), "{}", run.err);
    }
}

#[test]
fn junit_names_each_run_with_its_line_to_repeat() {
    let folder = site("suite-junit", &[("good", HEALTHY), ("wrong", &wrong())]);
    let path = folder.path("result.xml");
    let run = told(&["test", &folder.path("site"), "--runs", "2", "--junit", &path]);
    assert_eq!(run.status, 1, "{}", run.err);
    let text = std::fs::read_to_string(&path).expect("the file");
    assert!(text.contains("tests=\"4\" failures=\"2\" errors=\"0\""), "{text}");
    assert_eq!(text.matches("<testcase classname=").count(), 4, "{text}");
    assert_eq!(text.matches("message=\"seed 2: verdict budget, wanted ok\"").count(), 1, "{text}");
    let repeat = text.matches("<system-out>repeat: dagtwin run ").count();
    assert!(repeat == 4 && text.contains("Nothing happens, seed 2"), "{text}");
    let nowhere = told(&["test", &folder.path("site"), "--junit", &folder.path("no/such.xml")]);
    assert_eq!(nowhere.status, 3, "{}", nowhere.err);
}

#[test]
fn without_a_path_the_scenarios_at_hand_are_run() {
    let folder = site("suite-here", &[("good", HEALTHY)]);
    let run = |below: &str| {
        let mut command = crate::program::dagtwin(&["test"]);
        let output = command.current_dir(folder.path(below)).output().expect("it starts");
        crate::program::from(&output)
    };
    let inside = run("site");
    assert_eq!((inside.status, inside.err.as_str()), (0, ""), "{}", inside.out);
    assert!(inside.out.contains("1 scenario: 1 run passed"), "{}", inside.out);
    std::fs::create_dir(folder.path("topologies")).expect("a folder");
    std::fs::rename(folder.path("site"), folder.path("topologies/site")).expect("renamed");
    let above = run(".");
    assert!(above.out.contains("topologies/site/scenarios/good.toml"), "{}", above.out);
}

#[test]
fn unmet_members_are_told_beside_those_that_were_found() {
    let wish = HEALTHY.replace("what = \"quorum\"", "what = \"nodes\", members = [\"EX02\"]");
    let folder = site("suite-members", &[("members", &wish)]);
    let run = told(&["test", &folder.path("site")]);
    assert!(run.out.contains("members EX02; the view has EX01, EX02"), "{}", run.out);
    let both =
        HEALTHY.replace("what = \"quorum\"", "what = \"nodes\", members = [\"EX02\", \"EX01\"]");
    let folder = site("suite-members-in-any-order", &[("members", &both)]);
    assert_eq!(told(&["test", &folder.path("site")]).status, 0);
}
