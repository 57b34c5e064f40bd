//! What everything here stands on: time, commands, and whether this machine can have a bed.

use rustix::time::{ClockId, clock_gettime};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::Duration;

/// Where PostgreSQL's programs are.
pub(crate) const POSTGRES: &str = "/usr/lib/postgresql/15/bin";
const DIRECTORY: &str = "/tmp/dagtwin-bed";

/// Nanoseconds since the machine was booted: the clock that agents go by.
pub(crate) fn boottime() -> u64 {
    let time = clock_gettime(ClockId::Boottime);
    let (seconds, rest) = (u64::try_from(time.tv_sec), u64::try_from(time.tv_nsec));
    seconds.unwrap_or(0) * 1_000_000_000 + rest.unwrap_or(0)
}

pub(crate) const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

pub(crate) fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).expect("less than centuries")
}

pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Whether a fault is to be tried: `DAGTWIN_BED_FAULTS` names those, or all are.
pub(crate) fn wanted(fault: &str) -> bool {
    let names = variable("DAGTWIN_BED_FAULTS");
    names.is_none_or(|names| names.split(',').any(|name| name == fault))
}

/// Runs a command that has to succeed; gives what it writes.
pub(crate) fn said(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let stderr = String::from_utf8_lossy(&stderr);
    assert!(status.success(), "{command:?}: {status}: {stderr}");
    String::from_utf8_lossy(&stdout).into_owned()
}

/// Runs a command that reads a text and has to succeed.
pub(crate) fn feed(command: &mut Command, text: &str) {
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let mut input = child.stdin.take().expect("its input");
    input.write_all(text.as_bytes()).expect("it reads");
    drop(input);
    let Output { status, stderr, .. } = child.wait_with_output().expect("its end");
    let stderr = String::from_utf8_lossy(&stderr);
    assert!(status.success(), "{command:?} of {text}: {status}: {stderr}");
}

/// Asks until there is an answer; the last reason why there was none if that takes too long.
pub(crate) fn wait_for<T>(
    limit: Duration,
    mut ask: impl FnMut() -> Result<T, String>,
) -> Result<T, String> {
    let end = boottime() + nanos(limit);
    loop {
        match ask() {
            Ok(answer) => return Ok(answer),
            Err(why) if boottime() > end => return Err(format!("not within {limit:?}: {why}")),
            Err(_) => sleep(ms(20)),
        }
    }
}

/// Has the calling thread go before all that is not of real-time priority.
pub(crate) fn goes_first() {
    let thread = rustix::thread::gettid().as_raw_nonzero().to_string();
    let chrt = Command::new("chrt").args(["--fifo", "--pid", "10", &thread]).status();
    assert!(chrt.is_ok_and(|status| status.success()), "root may have real-time priority");
}

/// The only child of a process.
pub(crate) fn child_of(process: u32) -> Result<i32, String> {
    let list = std::fs::read_to_string(format!("/proc/{process}/task/{process}/children"));
    let list = list.map_err(|error| error.to_string())?;
    let child = list.split_whitespace().next().and_then(|pid| pid.parse().ok());
    child.ok_or_else(|| format!("process {process} has no child"))
}

/// Why this machine cannot have a bed.
fn unfit() -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("needs root, for namespaces".to_owned());
    }
    let programs = [
        ("/usr/sbin/named", "bind9"),
        ("/usr/sbin/smbd", "samba"),
        ("/usr/lib/postgresql/15/bin/postgres", "postgresql"),
        ("/usr/sbin/nft", "nftables"),
        ("/usr/bin/nsenter", "util-linux"),
        ("/usr/bin/unshare", "util-linux"),
        ("/usr/bin/chrt", "util-linux"),
    ];
    let missing = programs.iter().find(|(program, _)| !Path::new(program).exists());
    if let Some((program, package)) = missing {
        return Some(format!("needs {program}: apt-get install {package}"));
    }
    let ip = Command::new("ip").arg("-V").output().is_ok();
    (!ip).then(|| "needs ip: apt-get install iproute2".to_owned())
}

/// Whether the tests can run here. Says why not, or fails if nothing may be skipped.
pub(crate) fn fit() -> bool {
    let Some(why) = unfit() else { return true };
    assert!(variable("DAGTWIN_NO_SKIP").is_none(), "not skipped: {why}");
    eprintln!("skipped: {why}");
    false
}

/// A folder of this process's own. Namespaces and processes end with the process that made them;
/// folders of those that were killed are removed here.
pub(crate) fn folder() -> PathBuf {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    for entry in std::fs::read_dir("/tmp").into_iter().flatten().flatten() {
        let path = entry.path();
        let rest = path.to_str().and_then(|path| path.strip_prefix(DIRECTORY));
        let process = rest.and_then(|rest| rest.split('-').nth(1)?.parse::<u32>().ok());
        if process.is_some_and(|process| !Path::new(&format!("/proc/{process}")).exists()) {
            // What another process has just removed is as well.
            let _ = std::fs::remove_dir_all(path);
        }
    }
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let path = PathBuf::from(format!("{DIRECTORY}-{}-{number}", std::process::id()));
    std::fs::create_dir(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    path
}
