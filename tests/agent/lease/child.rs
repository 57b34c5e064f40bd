//! A process that keeps a lease, to be frozen, killed and cut off by its parent.

use crate::lease::bed::{ADDRESS, Bed, DATABASE, FLOATING, PORT, block_on, ms, variable};
use dagtwin::agent::lease::{Gate, Kept, Lease, Policy, Settings, boottime};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

const VARIABLE: &str = "DAGTWIN_LEASE_CHILD";

/// Its leases: twice the length of the default, since other processes share this machine.
pub(crate) fn policy() -> Policy {
    Policy {
        length: ms(3000),
        age: ms(1000),
        send: ms(300),
        peer_wait: ms(4500),
        ..Policy::default()
    }
}

/// The child. Says `renewed BEFORE` in nanoseconds of the boot-time clock, or what else came of
/// a turn. A line on its input cuts it off: from then on it learns nothing of the world.
#[test]
#[ignore = "a process that other tests start"]
fn process() {
    if !variable(VARIABLE) {
        return;
    }
    let isolated = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&isolated);
    thread::spawn(move || {
        let mut line = String::new();
        if std::io::stdin().read_line(&mut line).is_ok_and(|length| length > 0) {
            seen.store(true, Ordering::SeqCst);
        }
    });
    let settings = Settings {
        interfaces: vec!["e0".to_owned()],
        addresses: vec![FLOATING],
        ports: vec![PORT],
        exempt: vec!["10.77.1.0/24".parse().unwrap()],
        ..Settings::default()
    };
    let mut gate = Gate::open(settings).unwrap();
    block_on(gate.install()).unwrap();
    let mut lease = Lease::new(policy()).unwrap();
    lease.ask(ADDRESS);
    lease.ask(DATABASE);
    let (end, mut known) = (boottime() + Duration::from_secs(60), boottime());
    while boottime() < end {
        let before = boottime();
        if !isolated.load(Ordering::SeqCst) {
            known = before;
        }
        match gate.keep(&mut lease, known, boottime).unwrap() {
            Kept::Renewed => say(&format!("renewed {}", before.as_nanos())),
            Kept::Late => say("late"),
            Kept::Stale { .. } => say("stale"),
            Kept::Withdrawn(why) => say(&format!("withdrawn {why}")),
            Kept::NotDue { .. } | Kept::Idle => {}
        }
        thread::sleep(ms(5));
    }
}

fn say(what: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "child: {what}");
    let _ = out.flush();
}

/// The child as its parent sees it. Killed when dropped.
pub(crate) struct Keeper {
    child: Child,
    said: Arc<Mutex<Vec<String>>>,
}

impl Keeper {
    pub(crate) fn start(bed: &Bed) -> Keeper {
        let program = std::env::current_exe().unwrap();
        let mut child = Command::new("ip")
            .args(["netns", "exec", &bed.node])
            .arg(program)
            .args(["lease::child::process", "--exact", "--ignored", "--nocapture"])
            .env(VARIABLE, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = Arc::new(Mutex::new(Vec::new()));
        let (lines, heard) = (BufReader::new(child.stdout.take().unwrap()), Arc::clone(&said));
        thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                // The harness ends its own line late.
                if let Some((_, what)) = line.split_once("child: ") {
                    heard.lock().unwrap().push(what.to_owned());
                }
            }
        });
        Keeper { child, said }
    }

    pub(crate) fn said(&self) -> Vec<String> {
        self.said.lock().unwrap().clone()
    }

    /// Moment before the last renewal that the child told of.
    pub(crate) fn last_renewal(&self) -> Duration {
        let said = self.said();
        let last = said.iter().rev().find_map(|line| line.strip_prefix("renewed "));
        Duration::from_nanos(last.expect("it has renewed").parse().unwrap())
    }

    /// Waits until it has said something that begins so.
    pub(crate) fn wait_for(&self, what: &str, times: usize) {
        for _ in 0..3000 {
            if self.said().iter().filter(|line| line.starts_with(what)).count() >= times {
                return;
            }
            thread::sleep(ms(10));
        }
        panic!("the child never said {what}, but {:?}", self.said());
    }

    /// Sends a signal and waits until the process has stopped or ended.
    pub(crate) fn signal(&mut self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
        let wanted = match signal {
            Signal::STOP => 'T',
            Signal::KILL => 'Z',
            _ => return,
        };
        for _ in 0..3000 {
            if self.all_threads_are(wanted) {
                return;
            }
            thread::sleep(ms(1));
        }
        panic!("process {} does not come to {wanted}", self.child.id());
    }

    fn all_threads_are(&self, wanted: char) -> bool {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let stat = |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("stat"));
        // A thread that has gone meanwhile does nothing any more.
        tasks
            .filter_map(Result::ok)
            .filter_map(|task| stat(task).ok())
            .all(|stat| stat.rsplit(") ").next().is_some_and(|state| state.starts_with(wanted)))
    }

    /// Cuts it off from the world.
    pub(crate) fn isolate(&mut self) {
        self.child.stdin.as_mut().unwrap().write_all(b"isolated\n").unwrap();
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
