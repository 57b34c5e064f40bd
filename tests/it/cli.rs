//! The face of the program: exit status, streams, messages.

use crate::program::{Folder, dagtwin, from, told};
use std::io::{Read, Write};
use std::process::Stdio;

const QUIET: [&str; 3] = ["run", "--scenario", "quiet"];

fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    QUIET.iter().chain(more).copied().collect()
}

#[test]
fn a_run_with_nothing_given_is_the_articles_failover() {
    let bare = told(&["run"]);
    assert_eq!((bare.status, bare.err.as_str()), (0, ""));
    let spelled = told(&["run", "two-node-2010", "--scenario", "nic-loss", "--seed", "0x1"]);
    assert_eq!(bare.out, spelled.out);
    let last = bare.out.lines().last().expect("a line");
    assert!(last.contains("dagtwin run two-node-2010 --scenario nic-loss --seed 1"), "{last}");
}

#[test]
fn the_last_line_repeats_the_run() {
    let set = ["--set", "cluster.same_subnet_threshold=3", "--seed", "7"];
    let first = told(&[&["run"], &set[..]].concat());
    let last = first.out.lines().last().expect("a line").to_owned();
    let call = &last[last.find("dagtwin ").expect("a command")..];
    let arguments: Vec<&str> = call.split_whitespace().skip(1).collect();
    assert_eq!(told(&arguments).out, first.out);
}

#[test]
fn a_broken_expectation_is_exit_status_1() {
    let folder = Folder::new("broken-expectation");
    let path = folder.path("wrong.toml");
    let text = "title = \"Expects what cannot be\"\nuntil = \"90s\"\n[[step]]\nlabel = \"1\"\n\
                text = \"nothing holds quorum\"\nat = \"60s\"\n\
                expect = [{ what = \"quorum\", held = false, within = \"10s\" }]\n";
    std::fs::write(&path, text).expect("a scenario");
    let run = told(&["run", "--scenario", &path]);
    assert_eq!((run.status, run.err.as_str()), (1, ""));
    assert_eq!(told(&["run", "--scenario", &path, "--quiet"]).status, 1);
}

#[test]
fn quiet_prints_nothing() {
    let run = told(&with(&["--quiet"]));
    assert_eq!((run.status, run.out.as_str(), run.err.as_str()), (0, "", ""));
}

#[test]
fn unknown_names_are_answered_with_what_exists() {
    let scenario = told(&["run", "--scenario", "nicloss"]);
    assert_eq!((scenario.status, scenario.out.as_str()), (2, ""));
    assert!(scenario.err.contains("did you mean \"nic-loss\""), "{}", scenario.err);
    assert!(scenario.err.contains("power-off"), "{}", scenario.err);
    let elsewhere = told(&["run", "--scenario", "lagged-copy"]);
    assert_eq!(elsewhere.status, 2);
    assert!(elsewhere.err.contains("dagtwin run lagged-copy --scenario"), "{}", elsewhere.err);
    let topology = told(&["run", "two-nodes-2010"]);
    assert_eq!(topology.status, 2);
    assert!(topology.err.contains("did you mean \"two-node-2010\""), "{}", topology.err);
}

#[test]
fn every_wrong_setting_is_told_at_once() {
    let set = ["--set", "cluster.same_subnet_dealy=2s", "--set", "cluster.same_subnet_delay=2"];
    let run = told(&[&["run"], &set[..]].concat());
    assert_eq!((run.status, run.out.as_str()), (2, ""));
    assert!(run.err.contains("cluster.same_subnet_dealy"), "{}", run.err);
    assert!(run.err.contains("same_subnet_delay = 2"), "{}", run.err);
    assert!(run.err.contains("--set") && run.err.contains("2 problems"), "{}", run.err);
}

#[test]
fn a_wrong_call_is_exit_status_2() {
    for call in [
        &["run", "--seed", "-1"][..],
        &["run", "--seed", "18446744073709551616"],
        &["run", "--until", "10"],
        &["run", "--until", "400days"],
        &["run", "--set", "nothing"],
        &["run", "--width", "3"],
        &["run", "--format", "xml"],
        &["fly"],
        &[],
        &["run", "no/such/folder"],
        &["run", "--scenario", "no/such/file.toml"],
        &["why", "no-such-journal"],
        &["verify", "Cargo.toml"],
        &["man", "fly"],
    ] {
        let run = told(call);
        assert_eq!((run.status, run.out.as_str()), (2, ""), "{call:?}: {}", run.err);
        assert!(!run.err.is_empty(), "{call:?} says nothing");
    }
}

#[test]
fn until_ends_a_run_earlier() {
    let json = told(&with(&["--until", "70s", "--format", "json"])).out;
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["until_ms"].as_f64(), Some(70_000.0));
}

#[test]
fn a_random_seed_is_told_and_differs() {
    let seed = || {
        let json = told(&with(&["--seed", "random", "--format", "json"])).out;
        let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        json["seed"].to_string()
    };
    assert_ne!(seed(), seed());
}

#[test]
fn colour_is_asked_for_or_absent() {
    assert!(!told(&with(&[])).out.contains('\x1b'));
    assert!(told(&with(&["--color", "always"])).out.contains('\x1b'));
    let forced = from(&dagtwin(&with(&[])).env("CLICOLOR_FORCE", "1").output().expect("runs"));
    assert!(forced.out.contains('\x1b'));
    let mut both = dagtwin(&with(&["--color", "never"]));
    let never = from(&both.env("CLICOLOR_FORCE", "1").output().expect("runs"));
    assert!(!never.out.contains('\x1b'));
}

#[test]
fn lines_keep_to_the_width() {
    for width in ["60", "80", "120"] {
        let run = told(&["run", "--width", width]);
        let widest = run.out.lines().max_by_key(|line| line.chars().count()).expect("lines");
        let repeats = widest.contains("dagtwin run");
        let limit: usize = width.parse().expect("a number");
        assert!(repeats || widest.chars().count() <= limit, "{width}: {widest}");
    }
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let mut child = dagtwin(&["list", "parameters"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    drop(child.stdout.take());
    let mut err = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut err).expect("readable");
    assert_eq!((child.wait().expect("ends").code(), err.as_str()), (Some(0), ""));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_exit_status_3() {
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").expect("Linux has it");
    let output = dagtwin(&["list", "parameters"]).stdout(full()).output().expect("starts");
    let run = from(&output);
    assert_eq!(run.status, 3);
    assert!(run.err.contains("standard output: No space left"), "{}", run.err);
}

#[test]
fn a_journal_is_written_whole_or_not_at_all() {
    let folder = Folder::new("journal-option");
    let into = folder.path("folder");
    std::fs::create_dir(&into).expect("a folder");
    let refused = told(&with(&["--journal", &into]));
    assert_eq!((refused.status, refused.out.as_str()), (2, ""), "{}", refused.err);
    let nowhere = folder.path("missing/run.dagtwin");
    let failed = told(&with(&["--journal", &nowhere]));
    assert_eq!(failed.status, 3, "{}", failed.err);
    assert!(failed.err.contains("missing"), "{}", failed.err);
    let text = folder.path("run.txt");
    assert_eq!(told(&with(&["--journal", &text, "-q"])).status, 0);
    assert!(std::fs::read_to_string(&text).expect("a text journal").starts_with("dagtwin journal"));
    let left = std::fs::read_dir(folder.path("")).expect("the folder").count();
    assert_eq!(left, 2, "only the folder and the journal are left");
}

#[test]
fn a_journal_can_be_verified_and_asked_why() {
    let folder = Folder::new("journal-why");
    let path = folder.path("run.dagtwin");
    assert_eq!(told(&["run", "--journal", &path, "-q"]).status, 0);
    let verified = told(&["verify", &path]);
    assert_eq!((verified.status, verified.err.as_str()), (0, ""), "{}", verified.out);
    let why = told(&["why", &path]);
    assert_eq!(why.status, 0, "{}", why.err);
    assert!(why.out.contains("nic-down") || why.out.contains("EX01"), "{}", why.out);
    assert!(why.out.lines().count() > 5, "{}", why.out);
    let none = told(&["why", &path, "#4294967295"]);
    assert_eq!(none.status, 2, "{}", none.err);
}

#[test]
fn a_damaged_journal_is_refused_with_its_place() {
    let folder = Folder::new("journal-damaged");
    let path = folder.path("run.dagtwin");
    assert_eq!(told(&with(&["--journal", &path, "-q"])).status, 0);
    let mut bytes = std::fs::read(&path).expect("a journal");
    let middle = bytes.len() / 2;
    bytes[middle..middle + 64].fill(0xff);
    std::fs::write(&path, bytes).expect("writable");
    let run = told(&["verify", &path]);
    assert!(run.status == 2 || run.status == 1, "{}: {}", run.status, run.out);
    assert!(!run.err.contains("panicked"), "{}", run.err);
}

#[test]
fn lists_have_names_first_and_the_same_in_json() {
    for what in ["topologies", "scenarios", "faults", "promises", "parameters"] {
        let text = told(&["list", what]);
        assert_eq!((text.status, text.err.as_str()), (0, ""), "{what}");
        let names: Vec<_> =
            text.out.lines().filter_map(|line| line.split_whitespace().next()).collect();
        assert!(!names.is_empty(), "{what}");
        let json = told(&["list", what, "--format", "json"]).out;
        let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        let rows = json[what].as_array().expect("a list");
        let listed: Vec<_> = rows.iter().filter_map(|row| row["name"].as_str()).collect();
        assert_eq!(names, listed, "{what}");
    }
}

#[test]
fn a_new_topology_runs_like_the_built_in_one() {
    let folder = Folder::new("new-topology");
    let site = folder.path("my-site");
    assert_eq!(told(&["new", &site]).status, 0);
    let again = told(&["new", &site]);
    assert_eq!(again.status, 2, "{}", again.out);
    let digest = |arguments: &[&str]| {
        let json = told(&[arguments, &["--format", "json"]].concat()).out;
        let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        json["digest"].to_string()
    };
    assert_eq!(digest(&["run", &site]), digest(&["run"]));
    let file = format!("{site}/topology.toml");
    assert_eq!(digest(&["run", &file]), digest(&["run"]));
}

#[test]
fn inputs_that_are_no_text_are_refused() {
    let folder = Folder::new("no-text");
    let path = folder.path("topology.toml");
    let mut file = std::fs::File::create(&path).expect("a file");
    file.write_all(&[0xff, 0xfe, 0x00]).expect("writable");
    let run = told(&["run", &path]);
    assert_eq!(run.status, 2);
    assert!(run.err.contains("topology.toml") && run.err.contains("UTF-8"), "{}", run.err);
}

#[test]
fn versions_manual_and_completions() {
    assert!(told(&["-V"]).out.starts_with("dagtwin "));
    assert!(told(&["--version"]).out.lines().count() > 1);
    assert!(told(&["man"]).out.contains(".TH"));
    assert!(told(&["man", "run"]).out.contains("scenario"));
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(told(&["completions", shell]).out.contains("dagtwin"), "{shell}");
    }
    let help = told(&["run", "--help"]);
    assert_eq!(help.status, 0);
    assert!(help.out.contains("Examples:"), "{}", help.out);
}

/// A device is written to and stays what it is; what cannot be written is the machine's failure.
#[cfg(target_os = "linux")]
#[test]
fn a_journal_may_go_to_a_device() {
    let run = |to| told(&["run", "--scenario", "quiet", "--until", "1m", "-q", "--journal", to]);
    assert_eq!(run("/dev/null").status, 0);
    let full = run("/dev/full");
    assert_eq!(full.status, 3, "{}", full.err);
    assert!(full.err.contains("--journal /dev/full"), "{}", full.err);
    assert!(!std::path::Path::new("/dev/full").is_file());
}

#[test]
fn a_topology_without_a_scenario_says_which_can_be_named() {
    let folder = crate::program::Folder::new("no-scenario");
    let least = "name = \"t\"\n[[node]]\nname = \"A\"\n[dag]\nname = \"D\"\n";
    let path = folder.path("topology.toml");
    std::fs::write(&path, least).expect("written");
    let run = told(&["run", &path]);
    assert_eq!((run.status, run.err.lines().count()), (2, 2), "{}", run.err);
    assert!(
        run.err.contains("no scenario `nic-loss`") && run.err.contains("it has none"),
        "{}",
        run.err
    );
    std::fs::create_dir(folder.path("scenarios")).expect("a folder");
    std::fs::write(folder.path("scenarios/calm.toml"), "title = \"c\"\nuntil = \"1m\"\n")
        .expect("written");
    assert!(told(&["run", &path]).err.contains("it has: calm"));
}

#[test]
fn a_partition_is_told_as_it_was_given() {
    let run = told(&["quorum", "two-node-2010", "--partition", "EX01|"]);
    assert!(run.err.contains("--partition \"EX01|\": expected names"), "{}", run.err);
    for version in ["2016", "2019"] {
        let set = format!("windows_version={version}");
        let run = told(&["quorum", "two-node-2010", "--set", &set]);
        assert!(run.out.contains(&format!("Windows Server {version}: ")), "{}", run.out);
        let json = told(&["quorum", "two-node-2010", "--format", "json", "--set", &set]).out;
        assert!(json.contains(&format!("\"{version}\"")), "{json}");
    }
}
