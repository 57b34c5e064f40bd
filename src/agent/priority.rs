//! How this process is scheduled: a lease must be renewed also while everything else on the machine
//! is busy.
//!
//! What it starts (databases, services) must not inherit that, nor threads for work that takes
//! long: both begin as usual, by the system's "reset on fork". The system calls have no safe
//! interface, so `chrt` of util-linux is started once.

use rustix::process::{Pid, setpriority_process};
use std::fs;
use std::process::{Output, Stdio};
use std::time::Duration;
use tokio::process::Command;

/// How long `chrt` may take (assumed).
const LIMIT: Duration = Duration::from_secs(5);
/// The least nice.
const LEAST: i32 = -20;

/// How it is scheduled.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Raised {
    /// Real time, round robin, at the lowest priority: before everything that is not real time.
    RealTime,
    /// Before other processes of its autogroup or cgroup, by nice -20.
    Nice,
    /// As any other process, and why.
    No(String),
}

/// Raises the scheduling of all threads that this process has now, as far as the system permits.
/// Bounded by 15 s. May be dropped at an await: then it may be raised or not.
pub async fn raise() -> Raised {
    let why = match change("--rr", "1").await {
        Ok(()) => return Raised::RealTime,
        Err(why) => why,
    };
    // Only with the reset: what it starts would be nice as well.
    match change("--other", "0").await.and_then(|()| less_nice()) {
        Ok(()) => Raised::Nice,
        Err(more) => Raised::No(format!("{why}; {more}")),
    }
}

/// Raises it and says how that went. A host that does not permit it serves all the same.
pub async fn raise_and_tell() {
    match raise().await {
        Raised::RealTime => tracing::info!("its threads run in real time, round robin"),
        Raised::Nice => {
            tracing::info!("its threads run at nice {LEAST}; real time is not permitted")
        }
        Raised::No(why) => {
            tracing::warn!(%why, "it is scheduled as any other process; leases may end under load");
        }
    }
}

async fn change(policy: &str, priority: &str) -> Result<(), String> {
    let process = std::process::id().to_string();
    let words = [policy, "--reset-on-fork", "--all-tasks", "--pid", priority, &process];
    let mut command = Command::new("chrt");
    command.args(words).env("LC_ALL", "C").stdin(Stdio::null()).kill_on_drop(true);
    let told = match tokio::time::timeout(LIMIT, command.output()).await {
        Ok(Ok(Output { status, .. })) if status.success() => return Ok(()),
        Ok(Ok(output)) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("did not end within {LIMIT:?}"),
    };
    Err(format!("chrt {policy}: {told}"))
}

fn less_nice() -> Result<(), String> {
    let failed = |error: std::io::Error| format!("nice {LEAST}: {error}");
    for task in fs::read_dir("/proc/self/task").map_err(failed)?.filter_map(Result::ok) {
        let number = task.file_name().to_str().and_then(|name| name.parse().ok());
        let Some(thread) = number.and_then(Pid::from_raw) else { continue };
        match setpriority_process(Some(thread), LEAST) {
            // One that has gone meanwhile needs nothing.
            Ok(()) | Err(rustix::io::Errno::SRCH) => {}
            Err(error) => return Err(failed(error.into())),
        }
    }
    Ok(())
}
