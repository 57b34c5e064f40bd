//! `dagtwin capacity`: every form, every kind of client, sizing examples, wrong calls.

use crate::program::{Folder, told};
use serde_json::Value;

fn study(arguments: &[&str]) -> (Value, i32) {
    let call = [&["capacity"], arguments, &["--format", "json"]].concat();
    let done = told(&call);
    let report = serde_json::from_str(&done.out).unwrap_or_else(|e| panic!("{e}: {}", done.err));
    (report, done.status)
}

/// The value of something on a machine in one list of a report.
fn value(report: &Value, list: &str, machine: &str, what: &str, form: &str) -> f64 {
    let rows = report[list].as_array().expect("a list").iter();
    let mut rows = rows.filter(|row| row["machine"] == machine && row["what"] == what);
    rows.next().and_then(|row| row[form].as_f64()).unwrap_or_else(|| panic!("{machine} {what}"))
}

#[test]
fn a_sizing_example_gives_its_printed_answers() {
    // 5,000 mailboxes of 100 messages on two servers of eight X5550 cores.
    let (report, _) = study(&[
        "two-node-2010",
        "--users=5000",
        "--runs=0",
        "--window=30s",
        "--set=clients.profile=100",
        "--set=hardware.spec_int_2006_rate_per_core=30.12",
    ]);
    let hardware = &report["hardware"]["EX01"];
    assert_eq!(hardware["megacycles_per_core"], 5_354);
    assert_eq!(hardware["megacycles"], 8 * 5_354);
    let user = &report["load"]["groups"][0]["per_user"];
    let near = |value: &Value, wanted: f64| {
        let value = value.as_f64().expect("a number");
        assert!((value - wanted).abs() <= wanted / 50.0, "{value}, wanted {wanted}");
    };
    near(&user["megacycles_active"], 2.2);
    near(&user["megacycles_passive"], 0.3);
    near(&user["iops"], 0.12);
    near(&user["cache_megabytes"], 6.0);
    near(&user["kilobytes_per_day"], 7_800.0);
    near(&user["logs_per_day"], 20.0);
    let memory = &report["closed_form"]["EX01"]["memory_megabytes"];
    near(&memory["all_up"], 4_096.0 + 5_000.0 * 6.0);
    near(&report["closed_form"]["EX01"]["iops"]["all_up"], 600.0);
}

#[test]
fn simulated_use_is_the_closed_form_in_every_design() {
    for design in ["two-node-2010", "two-node-load-balancer", "classic-four-node", "dag-four"] {
        let (report, status) = study(&[design, "--runs=0"]);
        assert_eq!(status, 0, "{design}: {}", report["bottleneck"]);
        for list in ["all_up", "without_lost"] {
            for row in report[list].as_array().expect("a list") {
                let (Some(simulated), Some(closed)) =
                    (row["simulated"].as_f64(), row["closed_form"].as_f64())
                else {
                    continue;
                };
                // Percent; what is not in the closed form is log-ons, Autodiscover and chance.
                let slack = closed * 0.1 + 0.6;
                assert!((simulated - closed).abs() <= slack, "{design} {list}: {row}");
            }
        }
    }
}

#[test]
fn every_kind_of_client_works_and_is_counted() {
    let text = std::fs::read_to_string("topologies/two-node-2010/topology.toml").expect("a file");
    let text = text.replacen("kind = \"outlook\"", "kind = \"outlook\"\nconnection = \"http\"", 1);
    let text =
        text.replace("name = \"owa\"\nkind = \"owa\"", "name = \"phones\"\nkind = \"active-sync\"");
    let folder = Folder::new("capacity-kinds");
    let file = folder.path("topology.toml");
    std::fs::write(&file, text).expect("a file");
    let (report, status) = study(&[&file, "--runs=0"]);
    assert_eq!(status, 0, "{}", report["bottleneck"]);
    for phase in ["before", "after"] {
        for kind in ["outlook", "active-sync", "smtp", "autodiscover"] {
            let count = report["latency_ms"][phase][kind]["count"].as_u64();
            assert!(count.is_some_and(|count| count > 500), "{phase} {kind}: {count:?}");
        }
    }
    let requests = &report["requests"];
    let of = |key: &str| requests[key].as_u64().expect("a number");
    let ended = of("answered") + of("refused") + of("timed_out") + of("in_flight");
    assert_eq!(of("issued"), ended);
    let phones = &report["load"]["groups"][2]["per_user"];
    let megacycles = phones["megacycles_client_access"].as_f64().expect("a number");
    assert!((2.5..2.7).contains(&megacycles), "1.6 at 100 messages, {megacycles} at 163");
}

#[test]
fn the_search_brackets_what_gives_way() {
    let (report, _) = study(&["--runs=2", "--window=1m", "--set=replication.replay_rate=1000"]);
    let largest = &report["largest"];
    let (low, high) = (largest["low"].as_u64(), largest["high"].as_u64());
    let (low, high) = (low.expect("a number"), high.expect("an end"));
    assert!(0 < low && low < high && high < low * 2, "{largest}");
    assert_eq!(largest["seeds"].as_array().map(Vec::len), Some(2));
    let closed = largest["closed_form"].as_u64().expect("a number");
    assert!(low <= closed * 11 / 10, "{largest}: queues only take away");
    let again = study(&["--runs=2", "--window=1m", "--set=replication.replay_rate=1000"]).0;
    assert_eq!(report, again);
}

#[test]
fn too_many_users_are_told_and_so_is_a_site_that_nothing_is_left_of() {
    let (report, status) = study(&["--users=900", "--runs=0", "--window=30s"]);
    assert_eq!((status, report["within_limits"].as_bool()), (1, Some(false)));
    assert_eq!(report["bottleneck"]["what"], "log replay");
    let replay = value(&report, "without_lost", "EX02", "log replay", "closed_form");
    assert!(replay > 100.0, "{replay}");
    let (report, status) = study(&["single-server", "--runs=1", "--window=30s"]);
    assert_eq!((status, report["within_limits"].as_bool()), (1, Some(false)));
    assert_eq!(report["largest"]["high"], 1, "{}", report["largest"]);
}

#[test]
fn other_forms_are_written_too() {
    let csv = told(&["capacity", "--runs=0", "--window=30s", "--format=csv"]);
    assert!(csv.out.starts_with("phase,machine,what,unit,simulated,closed_form,limit\n"));
    assert!(csv.out.contains("\nafter,EX02,processor,percent,"), "{}", csv.out);
    assert!(csv.out.contains(",outlook latency p99,ms,"), "{}", csv.out);
    let svg = told(&["capacity", "--runs=0", "--window=30s", "--format=svg"]);
    assert!(svg.out.starts_with("<svg ") && svg.out.trim_end().ends_with("</svg>"));
    for word in ["EX02 processor", "percent of the limit", "outlook", "during"] {
        assert!(svg.out.contains(word), "{word}");
    }
}

#[test]
fn wrong_calls_are_told() {
    for (arguments, wanted) in [
        (vec!["--lost=EX09"], "unknown machine `EX09`"),
        (vec!["--window=1s"], "expected a duration from \"10s\" to \"24h\""),
        (vec!["--set=clients.count=0"], "expected clients with a mailbox"),
        (vec!["--set=clients.profile=0"], "a whole number of messages a day from 1 to 10000"),
        (vec!["--users=0"], "0 is not in 1..=1000000"),
    ] {
        let done = told(&[&["capacity"], arguments.as_slice()].concat());
        assert_eq!(done.status, 2, "{arguments:?}");
        assert!(done.err.contains(wanted), "{arguments:?}: {}", done.err);
    }
}
