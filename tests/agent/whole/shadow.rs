//! A member that only watches.

use crate::whole::bed::{Bed, FLOATING, OF_DAG, RECORD, run};
use rustix::process::Signal;
use std::fs;
use std::process::Command;

#[test]
fn a_shadow_decides_as_a_member_and_touches_nothing() {
    let Some(mut bed) = Bed::new() else { return };
    let own = fs::read_to_string(bed.path("agent.toml")).expect("its file");
    let (file, home) = (bed.path("agent.toml"), bed.path("vip"));
    fs::write(&file, format!("shadow = true\nport = 4343\n{own}")).expect("a file");
    let data = || run(&["ls", "-lR", "--full-time", home.to_str().expect("plain")]);
    let before = data();
    bed.start();
    bed.until("it would serve", || {
        let status = bed.status();
        status["groups"]["CASArray"]["state"] == "Online"
            && status["databases"]["VIP"]["mounted"] == true
    });
    assert_eq!(bed.status()["shadow"], true);
    assert!(!bed.has(FLOATING) && !bed.has(OF_DAG), "addresses stay away");
    assert!(!bed.has_table(), "nothing is fenced");
    assert!(bed.path(RECORD).exists(), "nobody has claimed the witness");
    assert_eq!(data(), before, "no database was touched");
    let there = Command::new("ip").args(["netns", "pids", &bed.of("host")]).output();
    let there = String::from_utf8_lossy(&there.expect("ip runs").stdout).into_owned();
    assert_eq!(there.lines().count(), 1, "the agent, and no service: {there}");
    bed.signal(Signal::TERM);
    assert_eq!(bed.ended(), Some(0));
    let journals = fs::read_dir(bed.path("state/journals")).expect("a folder");
    let journals: Vec<_> = journals.map(|entry| entry.expect("readable").path()).collect();
    assert_eq!(journals.len(), 1);
    let verified = bed.command(&["verify", journals[0].to_str().expect("plain")]).output();
    let verified = verified.expect("it starts");
    assert!(verified.status.success(), "{verified:?}");
}
