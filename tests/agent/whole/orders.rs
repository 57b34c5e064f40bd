//! What an administrator orders and asks.

use crate::whole::bed::{Bed, FLOATING};
use rustix::process::Signal;
use std::fs;

/// What `dagtwin ctl` says, and whether it says that it was taken by its exit status.
fn ctl(bed: &Bed, words: &[&str]) -> (String, bool) {
    let socket = bed.path("control.sock").display().to_string();
    let words = [&["ctl", "--socket", &socket], words].concat();
    let output = bed.command(&words).output().expect("it starts");
    (String::from_utf8_lossy(&output.stdout).into_owned(), output.status.success())
}

#[test]
fn an_order_that_cannot_be_carried_out_is_refused_with_the_reason() {
    let Some(mut bed) = Bed::new() else { return };
    bed.start();
    bed.hears("READY=1");
    let refused = |words: &[&str], why: &str| {
        let (said, taken) = ctl(&bed, words);
        assert!(said.contains(why) && !taken, "{words:?}: {said}");
    };
    refused(&["order", "Stop-ClusterNode EX02"], "refused: EX02 does that itself");
    refused(&["move", "Cluster Group", "--to", "EX01"], "refused: it is so already");
    refused(&["move", "Cluster Group", "--to", "EX02"], "refused: the node is not up");
    assert_eq!(bed.status()["quorum"], true);
}

#[test]
fn the_status_tells_of_pauses_and_of_the_witness() {
    let Some(mut bed) = Bed::new() else { return };
    bed.start();
    bed.hears("READY=1");
    assert_eq!(bed.status()["paused"].as_array().map(Vec::len), Some(0));
    assert_eq!(bed.status()["witness"], true, "it is alone, and needs that vote");
    assert_eq!(ctl(&bed, &["pause", "EX01"]), ("taken\n".to_owned(), true));
    bed.until("it is paused", || bed.status()["paused"][0] == "EX01");
    let (text, _) = ctl(&bed, &["status"]);
    let rows = ["paused                  EX01\n", "witness                 held by this member\n"];
    assert!(rows.iter().all(|row| text.contains(row)), "{text}");
}

#[test]
fn its_file_is_read_again_when_it_is_told_so() {
    let Some(mut bed) = Bed::new() else { return };
    let file = bed.path("agent.toml");
    let own = fs::read_to_string(&file).expect("its file");
    let changed = |first: &str| fs::write(&file, format!("{first}\n{own}")).expect("a file");
    bed.start();
    bed.hears("READY=1");
    bed.until("it is served", || bed.has(FLOATING));
    changed("log = \"debug\"");
    bed.signal(Signal::HUP);
    bed.until("it is taken over", || {
        bed.log().contains("Reloaded { taken: [\"log\"], at_restart: [] }")
    });
    changed("log = \"info\"\nport = 3344");
    let said = "taken over: log\nat the next start: port\n".to_owned();
    assert_eq!(ctl(&bed, &["reload"]), (said, true));
    changed("log = \"loud\"");
    let (said, taken) = ctl(&bed, &["reload"]);
    assert!(said.starts_with("refused: ") && said.contains("loud") && !taken, "{said}");
    assert!(bed.has(FLOATING), "it serves on: {}", bed.log());
}

#[test]
fn it_hands_over_and_ends_when_it_is_told_to_stop() {
    let Some(mut bed) = Bed::new() else { return };
    bed.start();
    bed.hears("READY=1");
    bed.until("it is served", || bed.has(FLOATING));
    assert_eq!(ctl(&bed, &["stop"]), ("taken\n".to_owned(), true));
    assert_eq!(bed.ended(), Some(0));
    assert!(!bed.has(FLOATING), "{}", bed.log());
}
