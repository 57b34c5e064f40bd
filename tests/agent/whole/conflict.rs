//! Another host claims an address that is online here.

use crate::whole::bed::{Bed, FLOATING, run};

#[test]
fn a_claim_is_told_counted_and_answered_by_an_announcement() {
    let Some(mut bed) = Bed::new() else { return };
    bed.start();
    bed.hears("READY=1");
    let other = bed.of("other");
    let known = |lladdr: &str| {
        bed.ip("other", &["neighbour", "show", FLOATING, "dev", "eth0"]).contains(lladdr)
    };
    let link = bed.ip("host", &["-o", "link", "show", "eth0"]);
    let ours = link.split("link/ether ").nth(1).and_then(|rest| rest.split(' ').next());
    let ours = ours.expect("an Ethernet adapter").to_owned();
    bed.until("the address answers", || {
        let ping = ["ip", "netns", "exec", &other, "ping", "-c1", "-W1", FLOATING];
        let pinged = std::process::Command::new(ping[0]).args(&ping[1..]).output();
        pinged.is_ok_and(|pinged| pinged.status.success())
    });
    let count = || bed.status()["counts"]["address_conflicts"].as_u64();
    assert_eq!(count(), Some(0));
    // A neighbour was led astray, and nothing but an announcement leads it back: it does not ask.
    let stranger = ["lladdr", "02:00:00:00:00:99", "dev", "eth0", "nud", "stale"];
    bed.ip("other", &[&["neighbour", "replace", FLOATING][..], &stranger].concat());
    assert!(known("02:00:00:00:00:99"));
    bed.ip("other", &["address", "add", &format!("{FLOATING}/32"), "dev", "lo"]);
    run(&["ip", "netns", "exec", &other, "arping", "-U", "-c", "1", "-I", "eth0", FLOATING]);
    bed.ip("other", &["address", "delete", &format!("{FLOATING}/32"), "dev", "lo"]);
    bed.until("it is counted", || count().is_some_and(|count| count >= 1));
    bed.until("the neighbour knows better", || known(&ours));
    let told = "another host claims an address that is online here";
    assert_eq!(bed.log().matches(told).count(), 1, "{}", bed.log());
    assert!(bed.has(FLOATING), "who is to have it is decided by votes");
}
