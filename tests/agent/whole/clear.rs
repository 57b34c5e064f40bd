//! What an agent leaves that is killed, and how it is cleared away.

use crate::whole::bed::{Bed, FLOATING, OF_DAG, run};
use rustix::process::Signal;
use std::process::{Command, Stdio};

fn said(output: &std::process::Output) -> String {
    [&output.stdout[..], &output.stderr[..]].map(String::from_utf8_lossy).concat()
}

#[test]
fn what_a_killed_agent_leaves_is_cleared_away_and_what_runs_is_not() {
    let Some(mut bed) = Bed::new() else { return };
    bed.start();
    bed.hears("READY=1");
    bed.until("its addresses are online", || bed.has(FLOATING) && bed.has(OF_DAG));
    let refused = bed.call(&["--clear"]);
    assert_eq!(refused.status.code(), Some(3), "{}", said(&refused));
    assert!(said(&refused).contains("an agent answers on"), "{}", said(&refused));
    assert!(bed.has(FLOATING) && bed.has_table(), "nothing was done");
    // Nor does another agent take away what this one has.
    let second = bed.call(&[]);
    assert!(said(&second).contains("another agent answers"), "{}", said(&second));
    assert_eq!(bed.status()["quorum"], true);
    bed.signal(Signal::KILL);
    assert_eq!(bed.ended(), None);
    // The kernel takes its addresses away by itself; this stands for one that it has not yet.
    bed.ip("host", &["address", "replace", &format!("{FLOATING}/32"), "dev", "eth0"]);
    assert!(bed.has_table());
    let cleared = bed.call(&["--clear"]);
    assert_eq!(cleared.status.code(), Some(0), "{}", said(&cleared));
    let expected = format!("{FLOATING}/32 on eth0 is removed");
    assert!(said(&cleared).contains(&expected), "{}", said(&cleared));
    assert!(!bed.has(FLOATING) && !bed.has(OF_DAG) && !bed.has_table());
    assert!(bed.has("10.79.0.11"), "the host's own address stays");
    let again = bed.call(&["--clear"]);
    assert_eq!(again.status.code(), Some(0), "what is not there is no error: {}", said(&again));
}

#[test]
fn the_table_stays_while_a_database_runs() {
    let Some(bed) = Bed::new() else { return };
    let host = bed.of("host");
    run(&["ip", "netns", "exec", &host, "nft", "add", "table", "inet", "dagtwin"]);
    let script = "import socket,sys\ns=socket.create_server(('',5433))\nprint(1,flush=True)\n\
                  sys.stdin.read()";
    let mut server = Command::new("ip")
        .args(["netns", "exec", &host, "python3", "-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut line = String::new();
    let out = server.stdout.as_mut().expect("its output");
    std::io::BufRead::read_line(&mut std::io::BufReader::new(out), &mut line).expect("it listens");
    bed.ip("host", &["address", "add", &format!("{FLOATING}/32"), "dev", "eth0"]);
    let refused = bed.call(&["--clear"]);
    assert_eq!(refused.status.code(), Some(3), "{}", said(&refused));
    assert!(said(&refused).contains("database VIP still listens"), "{}", said(&refused));
    assert!(bed.has_table() && !bed.has(FLOATING));
    drop(server.stdin.take());
    server.wait().expect("it ends");
    let cleared = bed.call(&["--clear"]);
    assert_eq!(cleared.status.code(), Some(0), "{}", said(&cleared));
    assert!(!bed.has_table());
}
