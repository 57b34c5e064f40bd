//! A host under power: all its processes are of one process namespace, whose first process takes
//! them all along when it ends.

use crate::ground::{child_of, ms, wait_for};
use crate::space::{Space, await_line};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A host that runs.
pub(crate) struct Machine {
    starter: Child,
    first: i32,
}

/// A process on a host.
pub(crate) struct Process {
    starter: Child,
    pid: i32,
}

fn signal(pid: i32, signal: Signal) {
    let pid = Pid::from_raw(pid).expect("a process");
    // One that has ended needs none.
    let _ = kill_process(pid, signal);
}

impl Machine {
    /// Starts a host in its place: with an empty /run, as after every start.
    pub(crate) fn boot(space: &Space) -> Machine {
        // The first process goes on after `cat`, so that it is a shell and takes in orphans.
        let script = "mount -t tmpfs tmpfs /run && echo up && cat > /dev/null; exit";
        let mut command = space.command("unshare");
        command.args(["--mount", "--pid", "--fork", "--kill-child=KILL", "--mount-proc"]);
        command.args(["--propagation", "private", "bash", "-c", script]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut starter = command.spawn().expect("nsenter");
        await_line(&mut starter);
        let first = child_of(starter.id()).expect("the first process");
        Machine { starter, first }
    }

    /// A command that runs on it.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        let target = self.first.to_string();
        command.args(["--target", &target, "--net", "--mount", "--uts", "--pid", "--", program]);
        command
    }

    /// Starts a program on it that goes on; what it writes goes to the end of a file.
    pub(crate) fn start(&self, words: &[&str], log: &Path) -> Process {
        let log = File::options().create(true).append(true).open(log).expect("a log");
        // A session of its own, as service managers give it. The kernel shares processors out
        // among sessions: a host has its own, so its sessions go before others' here.
        let script = "echo -15 > /proc/self/autogroup; exec \"$@\"";
        let mut command = self.command("setsid");
        command.args(["sh", "-c", script, "sh"]).args(words).stdin(Stdio::null());
        command.stdout(log.try_clone().expect("a log")).stderr(log);
        let starter = command.spawn().expect("nsenter");
        let pid = wait_for(ms(5_000), || child_of(starter.id())).expect("it starts");
        Process { starter, pid }
    }

    /// A file as its processes see it.
    pub(crate) fn path(&self, path: &Path) -> PathBuf {
        let inside = path.strip_prefix("/").unwrap_or(path);
        PathBuf::from(format!("/proc/{}/root", self.first)).join(inside)
    }

    /// Ends every process on it at once.
    pub(crate) fn power_off(&mut self) {
        signal(self.first, Signal::KILL);
        // The first process is gone only after all others are.
        let _ = self.starter.wait();
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.power_off();
    }
}

impl Process {
    /// Sends a signal. Its number is its own as long as the one that started it waits for it.
    pub(crate) fn signal(&mut self, which: Signal) {
        if self.runs() {
            signal(self.pid, which);
            // The one that waits for it stops with it, but does not go on with it.
            if which != Signal::STOP {
                signal(self.starter.id().cast_signed(), Signal::CONT);
            }
        }
    }

    /// Sends a signal to it and to all that it has started.
    pub(crate) fn signal_all(&mut self, which: Signal) {
        self.family().split_off(1).into_iter().for_each(|pid| signal(pid, which));
        self.signal(which);
    }

    /// It and all that it has started.
    pub(crate) fn family(&self) -> Vec<i32> {
        let mut found = vec![self.pid];
        let mut at = 0;
        while let Some(pid) = found.get(at) {
            let list = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
            let children = list.unwrap_or_default();
            found.extend(children.split_whitespace().filter_map(|pid| pid.parse::<i32>().ok()));
            at += 1;
        }
        found
    }

    /// It and those of its family that are the same program.
    pub(crate) fn own_kind(&self) -> Vec<i32> {
        let program = |pid: &i32| std::fs::read_link(format!("/proc/{pid}/exe")).ok();
        let own = program(&self.pid);
        let mut family = self.family();
        family.retain(|pid| program(pid) == own);
        family
    }

    /// Waits until it has ended; whether it did so in good order.
    pub(crate) fn wait(&mut self) -> bool {
        self.starter.wait().is_ok_and(|status| status.success())
    }

    pub(crate) fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.wait();
    }

    pub(crate) fn runs(&mut self) -> bool {
        self.starter.try_wait().is_ok_and(|ended| ended.is_none())
    }

    /// Whether every thread of it stands still.
    pub(crate) fn stands_still(&self) -> bool {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.pid)).into_iter().flatten();
        let stat = |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("stat"));
        tasks
            .filter_map(|task| stat(task.ok()?).ok())
            .all(|stat| stat.rsplit(") ").next().is_some_and(|state| state.starts_with('T')))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
