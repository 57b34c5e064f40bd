//! Somebody else on the host: an administrator who flushes rules, another agent.

use crate::whole::bed::{Bed, FLOATING, run};
use std::fs;

#[test]
fn a_table_that_somebody_flushed_is_made_again_and_everything_served_again() {
    let Some(mut bed) = Bed::new() else { return };
    bed.start();
    bed.hears("READY=1");
    let count = |what: &str| bed.status()["counts"][what].as_u64().unwrap_or_default();
    bed.until("it is served", || bed.has(FLOATING) && count("renewals") > 0);
    assert_eq!(count("tables_lost"), 0);
    run(&["ip", "netns", "exec", &bed.of("host"), "nft", "flush", "ruleset"]);
    bed.until("the loss is counted", || count("tables_lost") == 1);
    bed.until("the table is there again", || bed.has_table());
    let renewals = count("renewals");
    bed.until("leases are renewed again", || count("renewals") > renewals + 2);
    assert!(bed.has(FLOATING), "{}", bed.log());
}

#[test]
fn a_second_agent_takes_nothing_from_the_first() {
    let Some(mut bed) = Bed::new() else { return };
    bed.start();
    bed.hears("READY=1");
    bed.until("it is served", || bed.has(FLOATING));
    let own = fs::read_to_string(bed.path("agent.toml")).expect("its file");
    let other = own.replace("control.sock", "other.sock").replace("state\"", "other-state\"");
    assert_ne!(own, other);
    let file = bed.path("other.toml");
    fs::write(&file, other).expect("a file");
    let output = bed.command(&["agent", file.to_str().expect("plain")]).output();
    let output = output.expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{said}");
    assert!(said.contains("port 3343: another process has it on eth0"), "{said}");
    assert!(bed.has(FLOATING) && bed.has_table(), "{}", bed.log());
    assert_eq!(bed.status()["counts"]["tables_lost"], 0);
}
