//! How the agent and what it starts are scheduled.

use crate::whole::bed::Bed;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

/// SCHED_OTHER and SCHED_RR (sched(7)).
const OTHER: u32 = 0;
const ROUND_ROBIN: u32 = 2;

/// Nice value and policy of a thread, fields 19 and 41 of its `stat`.
fn scheduled(task: &Path) -> Option<(i32, u32)> {
    let text = fs::read_to_string(task.join("stat")).ok()?;
    let fields: Vec<&str> = text.rsplit_once(") ")?.1.split(' ').collect();
    Some((fields.get(16)?.parse().ok()?, fields.get(38)?.parse().ok()?))
}

#[test]
fn leases_are_renewed_in_real_time_and_what_it_starts_is_not() {
    let Some(mut bed) = Bed::new() else { return };
    let permitted = Command::new("chrt").args(["--rr", "1", "true"]).status();
    if !permitted.is_ok_and(|status| status.success()) {
        println!("skipped: real time is not permitted here");
        return;
    }
    bed.start();
    bed.hears("READY=1");
    let tasks = format!("/proc/{}/task", bed.pid().as_raw_nonzero());
    let policies = || {
        let found = fs::read_dir(&tasks).expect("it runs").filter_map(Result::ok);
        let found = found.filter_map(|task| {
            let name = fs::read_to_string(task.path().join("comm")).ok()?;
            Some((name.trim().to_owned(), scheduled(&task.path())?.1))
        });
        found.collect::<BTreeMap<String, u32>>()
    };
    // The loop, its alarm, and what takes in datagrams and answers.
    let raised = |name: &str| policies().get(name) == Some(&ROUND_ROBIN);
    bed.until("it is raised", || raised("dagtwin") && raised("alarm"));
    assert!(raised("tokio-rt-worker") || raised("tokio-runtime-w"), "{:?}", policies());
    let child = || {
        let host = bed.of("host");
        let found = Command::new("ip").args(["netns", "pids", &host]).output().expect("ip").stdout;
        let pids = String::from_utf8_lossy(&found).into_owned();
        let is_web = |pid: &&str| {
            let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            name.trim() == "sleep"
        };
        pids.lines().find(is_web).map(str::to_owned)
    };
    let mut service = None;
    bed.until("the service runs", || {
        service = child().and_then(|pid| scheduled(Path::new(&format!("/proc/{pid}"))));
        service.is_some()
    });
    assert_eq!(service, Some((0, OTHER)), "what it starts is as any process");
}
