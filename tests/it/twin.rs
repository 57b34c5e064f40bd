//! Equal seeds give equal runs; other seeds give other runs with the same verdict.

use crate::program::told;
use crate::site;
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
        let differs = one.records.iter().zip(&two.records).position(|(a, b)| a != b);
        assert_eq!((differs, one.records.len()), (None, two.records.len()), "{name}");
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
