//! What systemd and the machine's watchdog are told.

use crate::whole::bed::{Bed, RECORD};
use rustix::process::Signal;
use std::fs;

#[test]
fn it_is_ready_when_it_has_quorum_and_says_that_it_lives_and_ends() {
    let Some(mut bed) = Bed::new() else { return };
    fs::write(bed.path("watchdog0"), "").expect("a file for a device");
    bed.settings("[watchdog]\ndevice = \"watchdog0\"\n");
    bed.start();
    let heard = bed.hears("READY=1");
    assert_eq!(heard[0], "STATUS=waits for a view with quorum");
    let quorum = bed.status()["quorum"].clone();
    assert_eq!(quorum, true, "{:?}", bed.status());
    bed.hears("WATCHDOG=1");
    // Whoever stands still gives no sign of life, whatever waits for it.
    bed.signal(Signal::STOP);
    while bed.hear().is_some() {}
    assert_eq!(bed.hear(), None);
    bed.signal(Signal::CONT);
    bed.hears("WATCHDOG=1");
    bed.signal(Signal::TERM);
    let heard = bed.hears("STOPPING=1");
    assert!(heard.iter().all(|said| said != "READY=1"), "{heard:?}");
    assert_eq!(bed.ended(), Some(0), "{}", bed.log());
    let written = fs::read(bed.path("watchdog0")).expect("a file");
    assert!(written.len() > 1 && written.ends_with(b"V"), "stopped in good order: {written:?}");
}

#[test]
fn without_quorum_it_lives_and_is_not_ready() {
    let Some(mut bed) = Bed::new() else { return };
    fs::remove_file(bed.path(RECORD)).expect("it was there");
    bed.start();
    let mut heard = Vec::new();
    let signs = |heard: &[String]| heard.iter().filter(|said| *said == "WATCHDOG=1").count();
    // Longer than it takes to be ready with a witness.
    bed.until("it lives", || {
        heard.extend(bed.hear());
        signs(&heard) >= 40
    });
    assert!(heard.iter().all(|said| said != "READY=1"), "{heard:?}");
    assert_eq!(bed.status()["quorum"], false);
}

#[test]
fn a_watchdog_that_is_not_there_is_an_error_with_a_remedy() {
    let Some(bed) = Bed::new() else { return };
    bed.settings("[watchdog]\ndevice = \"no-such-device\"\n");
    let ended = bed.call(&[]);
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(2), "{said}");
    assert!(said.contains("no-such-device: there is none; load the machine's driver"), "{said}");
}
