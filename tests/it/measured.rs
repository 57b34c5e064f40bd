//! What agents told on real hosts: their journals as one, settings from them, and predictions held
//! against them. `tests/measured` is a repetition that the test bed left.

use crate::program::{Folder, told};
use dagtwin::base::NodeId;
use dagtwin::journal::{Record, What, binary};
use serde_json::Value;

const MEASURED: &str = "tests/measured";
const REPETITION: &str = "tests/measured/nics-down/01";

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn who(record: &Record) -> Option<NodeId> {
    match record.what {
        What::In(node, _) | What::Out(node, _) | What::Agent(node, _) => Some(node),
        _ => None,
    }
}

#[test]
fn journals_of_both_members_become_one_with_causes_across() {
    let folder = Folder::new("measured-merge");
    let both = folder.path("both.dagtwin");
    let parts = ["ex01.dagtwin", "ex02.dagtwin"].map(|name| format!("{REPETITION}/{name}"));
    let done = told(&["import", &parts[0], &parts[1], "--journal", &both]);
    assert_eq!((done.status, done.out.as_str()), (0, ""), "{}", done.err);
    let bytes = std::fs::read(&both).expect("it is written");
    let records = binary::read(&mut bytes.as_slice()).expect("it is a journal").records;
    assert!(records.windows(2).all(|two| two[0].at <= two[1].at), "in the order of time");
    let across = records.iter().filter(|record| {
        let cause = record.cause.map(|cause| &records[cause.0 as usize]);
        cause.is_some_and(|cause| {
            who(cause).is_some() && who(record).is_some_and(|it| Some(it) != who(cause))
        })
    });
    assert!(across.count() > 10, "what one says makes the other do something");
    let why = told(&["why", &both]);
    assert_eq!(why.status, 0, "{}", why.err);
}

#[test]
fn what_operations_took_becomes_settings_that_a_run_takes() {
    let tables = told(&["import", MEASURED, "--settings"]);
    assert_eq!(tables.status, 0, "{}", tables.err);
    for expected in ["[store]\nmount_time = \"", "[witness]\nopen_time = \"", "# median of "] {
        assert!(tables.out.contains(expected), "{}", tables.out);
    }
    let arguments = told(&["import", MEASURED, "--settings=arguments"]).out;
    let words: Vec<&str> = arguments.split_whitespace().collect();
    let run = ["run", "topologies/bed", "--scenario", "nics-down", "--quiet"];
    let run = told(&[&run[..], &words[..]].concat());
    assert_eq!(run.status, 0, "{}", run.err);
}

#[test]
fn a_prediction_is_held_against_what_was_measured() {
    let call = ["compare", "topologies/bed", "--measured", MEASURED, "--import", MEASURED];
    let told_json = told(&[&call[..], &["--runs", "20", "--format", "json"]].concat());
    let report = json(&told_json.out);
    let fault = &report["faults"][0];
    assert_eq!((&fault["fault"], &fault["runs"]), (&Value::from("nics-down"), &Value::from(20)));
    let rows = fault["rows"].as_array().expect("rows");
    assert_eq!(rows.len(), 3, "the group and two databases");
    let seen = std::fs::read_to_string(format!("{REPETITION}/result.json")).expect("the result");
    let http = &json(&seen)["http"];
    let lasted = |key: &str| http[key].as_u64().expect("a moment");
    let outage = (lasted("first_answer_ns") - lasted("first_missed_ns")) as f64 / 1e6;
    assert_eq!(rows[0]["who"], "group:CASArray");
    assert_eq!(rows[0]["outage"]["measured_ms"]["p50"].as_f64(), Some(outage));
    for row in rows {
        let predicted = row["outage"]["predicted_ms"]["all"].as_array().expect("a sample");
        assert_eq!(predicted.len(), 20);
        let stages = row["stages"].as_object().expect("stages").values();
        let sum: f64 = stages.filter_map(|it| it["measured_ms"]["p50"].as_f64()).sum();
        let whole = row["outage"]["measured_ms"]["p50"].as_f64().expect("an outage");
        assert!((sum - whole).abs() < 1e-3, "{sum} of {whole}: stages add up");
        assert!(row["stages"]["detection"]["measured_ms"]["p50"].as_f64() > Some(4_000.0), "{row}");
    }
    let text = told(&[&call[..], &["--runs", "5", "--width", "100"]].concat()).out;
    assert!(text.contains("nics-down (one repetition, 5 runs)"), "{text}");
    assert!(text.contains("group CASArray"), "{text}");
}

#[test]
fn what_cannot_be_read_is_told_with_its_file() {
    let folder = Folder::new("measured-wrong");
    let empty = told(&["compare", "topologies/bed", "--measured", &folder.path("")]);
    assert_eq!(empty.status, 2);
    assert!(empty.err.contains("expected folders with a result.json"), "{}", empty.err);
    std::fs::write(folder.path("result.json"), "{\"fault\": 5}").expect("it can be written");
    let wrong = told(&["import", &folder.path(""), "--settings"]);
    assert_eq!(wrong.status, 2);
    assert!(wrong.err.contains("result.json: invalid type: integer `5`"), "{}", wrong.err);
    let sim = told(&["import", "tests/journals/nic-loss.dagtwin", "--settings"]);
    assert!(sim.err.contains("expected the journal of an agent"), "{}", sim.err);
    let neither = told(&["import", MEASURED]);
    assert!(neither.err.contains("expected --journal FILE or --settings"), "{}", neither.err);
    let two = told(&["compare", "topologies/bed", "two-node-2010", "--measured", MEASURED]);
    assert!(two.err.contains("expected one design"), "{}", two.err);
    let result = std::fs::read_to_string(format!("{REPETITION}/result.json")).expect("the result");
    let foreign = result.replace("\"nics-down\"", "\"meteorite\"");
    std::fs::write(folder.path("result.json"), foreign).expect("it can be written");
    let foreign = told(&["compare", "topologies/bed", "--measured", &folder.path("")]);
    assert!(foreign.err.contains("meteorite is left out"), "{}", foreign.err);
}
