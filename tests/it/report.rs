//! What scripts rely on: the keys of the JSON report, and the columns of the CSV.

use crate::program::told;
use serde_json::Value;

fn json(arguments: &[&str]) -> Value {
    let run = told(&[arguments, &["--format", "json"]].concat());
    serde_json::from_str(&run.out).unwrap_or_else(|error| panic!("{arguments:?}: {error}"))
}

/// Demands keys at a place, given as a JSON pointer.
fn keys(document: &Value, place: &str, wanted: &[&str]) {
    let found = document.pointer(place).unwrap_or_else(|| panic!("{place} is missing"));
    for key in wanted {
        assert!(found.get(key).is_some(), "{place} has no {key}: {found}");
    }
}

#[test]
fn the_json_report_has_its_keys() {
    let report = json(&["run"]);
    let top = [
        "topology",
        "scenario",
        "seed",
        "digest",
        "until_ms",
        "verdict",
        "faults",
        "planted",
        "recovered_ms",
        "outages",
        "groups",
        "databases",
        "quorum",
        "witness",
        "mail",
        "clients",
        "moves",
        "assumed",
    ];
    keys(&report, "", &top);
    keys(&report, "/verdict", &["kind", "broken"]);
    keys(&report, "/faults/0", &["at_ms", "until_ms", "kind", "target"]);
    keys(&report, "/outages/0", &["who", "from_ms", "to_ms", "ms", "stages"]);
    keys(&report, "/outages/0/stages/0", &["stage", "ms"]);
    keys(&report, "/groups/Cluster Group", &["owner", "state"]);
    keys(&report, "/groups/CASArray", &["owner", "state"]);
    keys(&report, "/databases/VIP", &["active_on", "mounted", "lost_logs", "copies"]);
    let copy = ["status", "copy_queue", "replay_queue", "content_index"];
    keys(&report, "/databases/VIP/copies/EX01", &copy);
    keys(&report, "/quorum", &["votes", "needed", "holders"]);
    keys(&report, "/witness", &["owner"]);
    keys(&report, "/mail", &["submitted", "delivered", "pending", "lost", "duplicates"]);
    for kind in ["outlook", "owa", "smtp", "autodiscover"] {
        let place = format!("/clients/{kind}");
        let wanted = ["count", "logons_again", "restarts_needed", "outage_ms", "latency_ms"];
        keys(&report, &place, &wanted);
        keys(&report, &format!("{place}/outage_ms"), &["p50", "p90", "p99", "max"]);
    }
    let digest = report["digest"].as_str().expect("a text");
    assert!(digest.len() == 16 && digest.chars().all(|c| c.is_ascii_hexdigit()), "{digest}");
}

#[test]
fn every_value_is_in_the_report_even_when_nothing_happened_or_nothing_came_back() {
    let quiet = json(&["run", "--scenario", "quiet"]);
    assert_eq!(
        (&quiet["recovered_ms"], quiet["outages"].as_array().map(Vec::len)),
        (&0.into(), Some(0))
    );
    let down = json(&["run", "--scenario", "dc01-off-then-nics"]);
    assert_eq!(
        (&down["recovered_ms"], &down["verdict"]["kind"]),
        (&Value::Null, &"unavailable".into())
    );
    assert_eq!(down["databases"]["VIP"]["mounted"], false);
    assert_eq!(down["quorum"]["holders"].as_array().map(Vec::len), Some(0));
}

/// Stages are milliseconds with nanoseconds behind the point; as integers they add up.
#[test]
fn stages_in_the_report_add_up() {
    let nanoseconds = |value: &Value| (value.as_f64().expect("a number") * 1e6).round() as i64;
    for scenario in ["nic-loss", "article", "nics-back-diverged", "windows-7-clients"] {
        let report = json(&["run", "--scenario", scenario]);
        for outage in report["outages"].as_array().expect("a list") {
            let stages = outage["stages"].as_array().expect("a list");
            let sum: i64 = stages.iter().map(|stage| nanoseconds(&stage["ms"])).sum();
            assert_eq!(sum, nanoseconds(&outage["ms"]), "{scenario}: {outage}");
        }
    }
}

/// exchange.md §8.5.
const COLUMNS: [&str; 34] = [
    "DatabaseName",
    "TimeRecoveryStarted",
    "TimeRecoveryEnded",
    "ActionInitiator",
    "ActionCategory",
    "ActionReason",
    "Result",
    "DurationOutage",
    "DurationDismount",
    "DurationBcs",
    "DurationAcll",
    "DurationMount",
    "DurationOther",
    "ActiveOnStart",
    "ActiveOnFinish",
    "PAMServer",
    "NumberOfAttempts",
    "ReplayedLogs",
    "LostLogs",
    "LostBytes",
    "DatabaseGuid",
    "UniqueOperationId",
    "ErrorMessage",
    "StoreMountLids",
    "StoreMountProgress",
    "EseMountTiming",
    "EseDismountTiming",
    "BcsTimingDetails",
    "AcllTimingDetails",
    "AcllCopiedLogs",
    "AcllFinalReplayQueue",
    "MountRpcTimingDetails",
    "MoveComment",
    "SubReason",
];

#[test]
fn the_csv_has_the_columns_of_collect_over_metrics_and_so_have_the_moves() {
    let csv = told(&["run", "--format", "csv"]).out;
    let mut lines = csv.lines();
    assert_eq!(lines.next(), Some(COLUMNS.join(",").as_str()));
    assert!(lines.any(|line| line.starts_with("VIP,")), "{csv}");
    let report = json(&["run"]);
    let row = report["moves"][0].as_object().expect("an operation");
    let keys: Vec<&str> = row.keys().map(String::as_str).collect();
    assert_eq!(keys, COLUMNS);
}

#[test]
fn the_report_lists_what_it_assumed_and_which_neighbour_cache() {
    let report = json(&["run"]);
    let listed = report["assumed"].as_array().expect("a list");
    let has = |key: &str| listed.iter().any(|entry| entry.to_string().contains(key));
    assert!(has("cluster.arbitration_delay") && has("clients.operating_system"), "{listed:?}");
    let text = told(&["run"]).out;
    assert!(text.contains("Neighbour caches of clients, windows-7-kb2582281"), "{text}");
}
