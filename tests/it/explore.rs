//! `dagtwin explore`: what is exhausted, what breaks a promise, and what a person may type wrongly.

use crate::program::{Folder, Told, told};
use crate::source::{root, updating};
use serde_json::Value;

fn explore(arguments: &[&str]) -> Told {
    told(&[&["explore"], arguments].concat())
}

fn answer(arguments: &[&str]) -> Value {
    let told = explore(&[arguments, &["--format", "json"]].concat());
    assert_eq!((told.status, told.err.as_str()), (0, ""), "{arguments:?}");
    serde_json::from_str(&told.out).expect("one JSON document")
}

/// A space of a few thousand states.
const SMALL: &[&str] = &["--horizon", "3s", "--within", "200ms", "--losses", "1"];

#[test]
fn a_small_space_is_exhausted_with_the_same_counts_whatever_the_number_of_jobs() {
    let one = answer(&[SMALL, &["--jobs", "1"]].concat());
    let four = answer(&[SMALL, &["--jobs", "4"]].concat());
    assert_eq!(one, four);
    assert_eq!(one["exhausted"], true);
    assert_eq!(one["reached_ms"], 63_000.0);
    let counts =
        ["states", "choices", "merged", "depth", "at_horizon"].map(|key| one[key].as_u64());
    let counts: Vec<u64> = counts.into_iter().map(|count| count.expect("a number")).collect();
    assert_eq!(counts, COUNTS);
    // Every choice leads to a state that is entered or known; the first was chosen by nobody.
    assert_eq!(counts[1] + 1, counts[0] + counts[2]);
}

/// States, choices, merged, depth, states at the horizon. Another number is another core, another
/// world or another search: say which in the changelog.
const COUNTS: [u64; 5] = [1161, 1352, 192, 38, 43];

#[test]
fn what_commutes_changes_no_verdict() {
    let every = answer(&[SMALL, &["--every-order"]].concat());
    assert_eq!(
        (&every["exhausted"], &every["counterexamples"]),
        (&true.into(), &Value::Array(vec![]))
    );
    assert_eq!(every["bounds"]["every_order"], true);
}

#[test]
fn a_limit_of_states_is_told_and_is_no_exhaustion() {
    let limited = answer(&[SMALL, &["--states", "100"]].concat());
    assert_eq!((&limited["exhausted"], &limited["cut_off"]), (&false.into(), &"states".into()));
    assert_eq!(limited["states"], 100);
    let text = explore(&[SMALL, &["--states", "100"]].concat());
    assert_eq!(text.status, 0);
    assert!(
        text.out.contains("not exhausted: there are more states than were allowed"),
        "{}",
        text.out
    );
}

#[test]
fn service_is_back_after_every_end_of_a_small_space() {
    let settled = answer(&["--horizon", "2s", "--losses", "1", "--cuts", "0", "--settle"]);
    assert_eq!(settled["settled"], settled["at_horizon"]);
    assert_ne!(settled["settled"], 0);
    let crash =
        ["--horizon", "100ms", "--losses", "0", "--cuts", "0", "--crashes", "1", "--settle"];
    let settled = answer(&crash);
    assert_eq!(settled["settled"], settled["at_horizon"]);
    let hasty = explore(&[&crash[..], &["3s", "--format", "json"]].concat());
    assert_eq!(hasty.status, 1, "no machine boots within 3 s");
    let hasty: Value = serde_json::from_str(&hasty.out).expect("one JSON document");
    assert_eq!(hasty["counterexamples"][0]["promise"], "service-back");
}

#[test]
fn a_member_that_is_alone_breaks_a_promise_and_its_scenario_does_in_the_simulator() {
    let folder = Folder::new("explore-alone");
    let file = folder.path("alone.toml");
    let call = ["--alone", "--horizon", "16s", "--within", "50ms", "--losses", "0", "--out", &file];
    let found = explore(&call);
    assert_eq!(found.status, 1, "{}", found.err);
    assert!(found.out.contains("the simulator breaks the same promise with it"), "{}", found.out);
    assert!(found.out.contains(&format!("written to {file}")), "{}", found.out);
    let tested = told(&["test", &file]);
    assert_eq!(tested.status, 0, "{}{}", tested.out, tested.err);
    let text = std::fs::read_to_string(&file).expect("it was written");
    let path = root().join("docs/EXPLORE.md");
    let page = std::fs::read_to_string(&path).expect("the page");
    let (before, rest) = page.split_once("```toml\n").expect("the page shows the file");
    let (_, after) = rest.split_once("```\n").expect("a block ends");
    let wanted = format!("{before}```toml\n{text}```\n{after}");
    if updating() {
        std::fs::write(&path, wanted).expect("the page can be written");
    } else {
        assert_eq!(page, wanted, "UPDATE=1 cargo test rewrites the page");
    }
}

#[test]
fn a_counterexample_has_the_settings_that_it_was_found_with() {
    let folder = Folder::new("explore-set");
    let file = folder.path("planted.toml");
    let bounds = ["--horizon", "14s", "--within", "50ms", "--losses", "0"];
    let set = ["--set", "test.planted=skip-witness-lock", "--out", &file];
    let found = explore(&[&bounds[..], &set[..]].concat());
    assert_eq!(found.status, 1, "{}", found.err);
    let tested = told(&["test", &file]);
    assert_eq!(tested.status, 0, "{}{}", tested.out, tested.err);
}

#[test]
fn a_scenario_gives_the_placement_and_what_is_left_out_is_told() {
    let quiet = ["--horizon", "1s", "--cuts", "0", "--from", "quiet"];
    let told = explore(&quiet);
    assert_eq!(told.status, 0, "{}", told.err);
    assert!(told.err.contains("of quiet, 0 faults and 1 step are left out"), "{}", told.err);
}

#[test]
fn wrong_calls_have_messages() {
    for (call, message) in [
        (&["dag-four"][..], "error: dag-four has 4 members: a space is exhausted for two members"),
        (&["single-server"], "error: single-server has 1 member: a space is exhausted for two"),
        (&["--start", "2s"], "error: not everything is online at 2.000 s, when exploration is to"),
        (&["--horizon", "20"], "expected a duration with its unit, such as 20s"),
        (&["--losses", "33"], "33 is not in 0..=32"),
        (&["--states", "0"], "0 is not in 1..="),
        (&["--from", "no-such"], "no-such"),
    ] {
        let told = explore(call);
        assert_eq!((told.status, told.out.as_str()), (2, ""), "{call:?}");
        assert!(told.err.contains(message), "{call:?}: {}", told.err);
    }
}
