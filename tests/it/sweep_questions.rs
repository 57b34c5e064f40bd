//! Questions that are asked of many runs: settings that meet goals, what moves a percentile, and
//! forks. Margins are in `sweep.rs`, beside what they must come to.

use crate::program::{Folder, told};
use serde_json::Value;

#[test]
fn settings_that_meet_goals_are_told_in_the_products_words() {
    let call = [
        "sweep",
        "--scenario",
        "vm-paused-60s",
        "--set",
        "clients.count=1",
        "--runs",
        "40",
        "--vary",
        "cluster.same_subnet_threshold=3..10",
        "--goal",
        "no failover on a hiccup of 5500ms",
        "--goal",
        "group:CASArray p95 <= 12s",
    ];
    let text = told(&call);
    assert_eq!((text.status, text.err.as_str()), (0, ""));
    assert!(text.out.contains("(Get-Cluster).SameSubnetThreshold = "), "{}", text.out);
    let found = told(&[&call[..], &["--format", "json"]].concat());
    let found: Value = serde_json::from_str(&found.out).expect("JSON");
    let met = found["tune"]["met"].as_array().expect("a list");
    assert!(!met.is_empty());
    let threshold = |one: &Value| -> u32 {
        let text = one["values"]["cluster.same_subnet_threshold"].as_str().expect("a text");
        text.parse().expect("a number")
    };
    for one in met {
        // Five and a half seconds are five heartbeats and a phase.
        assert!((6..=8).contains(&threshold(one)), "{one}");
        assert!(
            one["goals"]
                .as_array()
                .expect("a list")
                .iter()
                .all(|goal| { goal["met"] == "yes" || goal["met"] == "likely" })
        );
    }
    let none = told(&[&call[..12], &["group:CASArray p95 <= 1s"]].concat());
    assert!(none.out.contains("No point meets every goal"), "{}{}", none.out, none.err);
}

#[test]
fn sensitivity_ranks_what_moves_the_percentile() {
    let call = [
        "sweep",
        "--set",
        "clients.count=1",
        "--runs",
        "40",
        "--hiccup",
        "none",
        "--measure",
        "database:VIP",
        "--vary",
        "store.mount_time=1s..3s",
        "--vary",
        "cluster.same_subnet_threshold=3..7",
        "--vary",
        "cluster.failover_period=1h..2h",
        "--sensitivity",
        "--format",
        "json",
    ];
    let told = told(&call);
    let found: Value = serde_json::from_str(&told.out).unwrap_or_else(|_| panic!("{}", told.err));
    let moved = found["sensitivity"]["moved"].as_array().expect("a list");
    let keys: Vec<&str> = moved.iter().map(|one| one["key"].as_str().expect("a key")).collect();
    // A heartbeat more is a second; a fifth of two seconds of mounting are 0.4.
    assert_eq!(keys, ["cluster.same_subnet_threshold", "store.mount_time"]);
    assert_eq!(moved[0]["larger"]["by_ms"], 1_000.0);
    assert_eq!(moved[1]["larger"]["by_ms"], 400.0);
    assert_eq!(moved[1]["smaller"]["by_ms"], -400.0);
    assert_eq!(found["sensitivity"]["without_effect"][0], "cluster.failover_period");
}

#[test]
fn a_fork_keeps_what_was_and_draws_anew_what_comes() {
    let call = [
        "sweep",
        "--set",
        "clients.count=1",
        "--runs",
        "12",
        "--outcome",
        "recovered>13500ms",
        "--format",
        "json",
        "--fork",
    ];
    let shares = |moments: &str, more: &[&str]| -> Vec<f64> {
        let told = told(&[&call[..], &[moments], more].concat());
        let found: Value =
            serde_json::from_str(&told.out).unwrap_or_else(|_| panic!("{}", told.err));
        let moments = found["fork"]["moments"].as_array().expect("a list");
        moments.iter().map(|one| one["probability"]["share"].as_f64().expect("one")).collect()
    };
    let found = shares("1s,299s", &[]);
    // At the end nothing is open any more: every run ends as the first seed's.
    let first = told(&["run", "--set", "clients.count=1", "--format", "json"]);
    let first: Value = serde_json::from_str(&first.out).expect("JSON");
    let late = first["recovered_ms"].as_f64().expect("one") > 13_500.0;
    assert_eq!(found[1], if late { 1.0 } else { 0.0 });
    assert!(found[0] > 0.0 && found[0] < 1.0, "{found:?}");
    // A change at the moment of the fork counts: without the fault nobody is out. What has
    // happened cannot be changed.
    assert_eq!(shares("59s", &["--change", "remove fault 1"]), [0.0]);
    let late = told(&[&call[..], &["61s", "--change", "remove fault 1"]].concat());
    assert!(late.err.contains("what had happened by then stays"), "{}", late.err);
    // Runs that were kept with one change are not taken for those with another.
    let folder = Folder::new("sweep-forked");
    let store = folder.path("runs.sweep");
    let kept = [&call[..], &["59s", "--store", &store]].concat();
    assert_eq!(told(&kept).status, 0);
    let other = told(&[&kept[..], &["--change", "remove fault 1"]].concat());
    assert_eq!(other.status, 2, "{}", other.out);
    assert!(other.err.contains("another --change"), "{}", other.err);
}
