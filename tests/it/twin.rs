//! Equal seeds give equal runs; other seeds give other runs with the same verdict.

use crate::program::told;
use crate::site;
use dagtwin::journal::binary;
use dagtwin::lab::canary::first_difference;
use dagtwin::sim::{Recording, simulate};
use serde_json::Value;

fn report(scenario: &str, seed: &str) -> Value {
    let run = told(&["run", "--scenario", scenario, "--seed", seed, "--format", "json"]);
    serde_json::from_str(&run.out).unwrap_or_else(|error| panic!("{scenario}: {error}"))
}

#[test]
fn equal_seeds_give_equal_records() {
    for name in ["nic-loss", "article"] {
        let built = site::named(name);
        let run = || simulate(&built.topology, &built.scenario, 7, Recording::Memory);
        let (one, two) = (run(), run());
        assert_eq!(one.events, two.events, "{name}");
        assert_eq!(first_difference(&one.records, &two.records), None, "{name}");
    }
}

#[test]
fn recording_changes_nothing() {
    let built = site::named("nic-loss");
    let run = |recording| simulate(&built.topology, &built.scenario, 1, recording);
    let (off, on) = (run(Recording::Off), run(Recording::Memory));
    assert_eq!(off.events, on.events);
    assert!(off.records.is_empty() && !on.records.is_empty());
}

#[test]
fn equal_seeds_give_equal_digests_in_two_processes() {
    for name in ["nic-loss", "article", "nics-back"] {
        let (one, two) = (report(name, "1"), report(name, "1"));
        assert_eq!(one, two, "{name}");
        assert_eq!(one["digest"].as_str().map(str::len), Some(16), "{name}");
    }
}

#[test]
fn another_seed_gives_another_digest_and_the_same_verdict() {
    let one = report("nic-loss", "1");
    for seed in ["2", "3", "4"] {
        let other = report("nic-loss", seed);
        assert_ne!(one["digest"], other["digest"], "seed {seed}");
        assert_eq!(one["verdict"], other["verdict"], "seed {seed}");
    }
}

/// The canary itself: a journal that was altered in one record is told from the one that was not,
/// by the record's number, moment and text.
#[test]
fn one_altered_record_is_named() {
    let folder = crate::program::Folder::new("canary");
    let paths = ["one", "two", "short"].map(|name| folder.path(name));
    for path in &paths[..2] {
        let kept = ["run", "--set", "clients.count=1", "--quiet", "--journal", path];
        assert_eq!(told(&kept).status, 0);
    }
    let equal = told(&["diff", &paths[0], &paths[1]]);
    assert_eq!(equal.status, 0, "{}", equal.err);
    assert!(equal.out.starts_with("equal: "), "{}", equal.out);

    let read = || binary::read(&mut std::fs::File::open(&paths[0]).expect("it is there"));
    let mut journal = read().expect("a journal");
    let place = journal.records.len() / 2;
    let moment = journal.records[place].at;
    journal.records[place].at = moment + dagtwin::base::Span::from_nanos(1);
    let mut out = std::fs::File::create(&paths[1]).expect("writable");
    binary::write(&mut out, &journal.header, &journal.records).expect("written");
    let altered = told(&["diff", &paths[0], &paths[1]]);
    assert_eq!(altered.status, 1, "{}", altered.err);
    let named = format!("the journals differ from record #{place} on\n");
    assert!(altered.out.starts_with(&named), "{}", altered.out);
    let both = [moment, journal.records[place].at].map(|at| at.to_string());
    assert!(both.iter().all(|at| altered.out.contains(at)), "{both:?}: {}", altered.out);

    let mut out = std::fs::File::create(&paths[2]).expect("writable");
    let some = &read().expect("a journal").records[..place];
    binary::write(&mut out, &journal.header, some).expect("written");
    let short = told(&["diff", &paths[0], &paths[2]]).out;
    assert!(short.contains(&named) && short.contains("short: ends before it"), "{short}");
}

/// Workers share nothing: how many there are changes no digest.
#[test]
fn one_worker_and_many_give_equal_digests() {
    let folder = "tests/corpus/roles";
    let digests = |jobs: &str| {
        let site = format!("{folder}/topology.toml");
        assert!(std::path::Path::new(&site).exists(), "{site}");
        let run = told(&["test", folder, "--runs", "3", "--jobs", jobs, "--format", "json"]);
        assert_eq!(run.status, 0, "{}", run.err);
        run.out
    };
    let one = digests("1");
    assert!(one.contains("\"digest\""), "{one}");
    assert_eq!(one, digests("4"));
}

/// Nobody's way of looking changes what is seen.
#[test]
fn formats_and_quiet_change_nothing() {
    let folder = crate::program::Folder::new("formats");
    let journals: Vec<Vec<u8>> = ["text", "json", "csv"]
        .iter()
        .map(|format| {
            let path = folder.path(format);
            let quiet = if *format == "csv" { "--quiet" } else { "--color=never" };
            let run = told(&["run", "--format", format, quiet, "--journal", &path]);
            assert_eq!(run.status, 0, "{}", run.err);
            std::fs::read(path).expect("the journal")
        })
        .collect();
    assert!(journals.iter().all(|journal| *journal == journals[0]));
}
