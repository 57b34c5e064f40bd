//! What is pure is tested by table; the rest against the kernel's file systems and a real Samba.

mod decide;
mod directory;
mod measure;
mod record;
mod samba;
mod share;
mod silent;
mod watch;

use super::{Claim, Record};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Enough for anything that works, on a machine that has other things to do.
const ENOUGH: Duration = Duration::from_secs(60);

/// A directory that is removed with its value.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Scratch {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("witness-test-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).expect("a scratch directory");
        Scratch(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A variable of the environment, with which a test tells its child what to do.
#[expect(clippy::disallowed_methods, reason = "a test, and not a run")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Says why a test did not run; fails if none may be left out.
fn skip(why: &str) {
    assert!(variable("DAGTWIN_NO_SKIP").is_none(), "not run: {why}");
    eprintln!("skipped: {why}");
}

/// Whether a program is there.
fn has(program: &str) -> bool {
    ["/usr/sbin", "/usr/bin", "/sbin", "/bin"].iter().any(|at| Path::new(at).join(program).exists())
}

/// A process of its own that runs one ignored test of this program, and is killed with its value.
struct Process {
    child: Child,
    says: BufReader<ChildStdout>,
    hears: ChildStdin,
}

impl Process {
    /// Starts the child test `name` of a module, possibly through another program.
    fn start(through: &[&str], module: &str, name: &str, environment: &[(&str, &str)]) -> Process {
        let program = std::env::current_exe().expect("this program");
        let test = format!("{}::{name}", module.split_once("::").map_or(module, |(_, rest)| rest));
        let mut words: Vec<std::ffi::OsString> = through.iter().map(Into::into).collect();
        words.push(program.into());
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).args([&test, "--exact", "--ignored", "--nocapture"]);
        command.args(["--test-threads", "1"]).envs(environment.iter().copied());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("a child");
        let says = BufReader::new(child.stdout.take().expect("its output"));
        let hears = child.stdin.take().expect("its input");
        Process { child, says, hears }
    }

    /// The rest of the next line that begins with `>`, which the test's own lines do.
    fn next(&mut self) -> String {
        let mut line = String::new();
        loop {
            line.clear();
            let read = self.says.read_line(&mut line).expect("a line of the child");
            assert_ne!(read, 0, "the child ended before it said what it should");
            // The test program's own words may stand before ours on the same line.
            if let Some((_, said)) = line.split_once('>') {
                return said.trim().to_owned();
            }
        }
    }

    /// Everything that it says until it ends.
    fn rest(&mut self) -> String {
        let mut text = String::new();
        self.says.read_to_string(&mut text).expect("the child's words");
        text
    }

    fn tell(&mut self, line: &str) {
        writeln!(self.hears, "{line}").expect("the child listens");
    }

    fn kill(&mut self) {
        self.child.kill().expect("kill -9");
        self.child.wait().expect("its end");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a child says to whoever started it.
fn say(text: impl std::fmt::Display) {
    println!("> {text}");
    let _ = std::io::stdout().flush();
}

fn claim(me: u8, known: u64, epoch: u64) -> Claim {
    Claim { me, known, epoch, stale: None }
}

fn record(owner: Option<u8>, epoch: u64, counter: u64) -> Record {
    Record { owner, epoch, counter }
}

/// Runs on one thread.
fn run<T>(what: impl Future<Output = T>) -> T {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().expect("a runtime").block_on(what)
}

/// Threads and open files of this process.
fn held() -> (usize, usize) {
    let count = |of: &str| fs::read_dir(of).map_or(0, Iterator::count);
    (count("/proc/self/task"), count("/proc/self/fd"))
}
