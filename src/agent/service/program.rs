//! Running one program: in a process group of its own, with an end in any case.

use super::output::{Pump, Sink};
use super::process::{Group, Stat, VANISH, vanished};
use super::{Action, Notice, Teller};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, kill_process_group, pidfd_open, test_kill_process_group,
    waitpid,
};
use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::watch;
use tokio::time::Instant;

/// How long the system may take to start a program (assumed; a dead file server).
const SPAWN: Duration = Duration::from_secs(10);
/// Puts itself into the cgroup and becomes the program, so that it cannot fork outside before.
/// The arguments are not read by the shell.
const INTO_CGROUP: &str = r#"echo 0 >"$0" && exec "$@""#;

/// A program to be run.
#[derive(Clone, Debug)]
pub(super) struct Program {
    /// The file and its arguments.
    pub(super) argv: Vec<String>,
    /// Its whole environment.
    pub(super) environment: BTreeMap<String, String>,
    /// The cgroup that it lives in.
    pub(super) cgroup: Option<PathBuf>,
}

/// How a program's output is used.
#[derive(Clone)]
pub(super) struct Ear {
    pub(super) teller: Teller,
    pub(super) pending: Arc<AtomicBool>,
}

impl std::fmt::Debug for Ear {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ear").field("pending", &self.pending).finish_non_exhaustive()
    }
}

impl Ear {
    /// Tells the caller something.
    pub(super) fn tell(&self, notice: &Notice) {
        (self.teller)(notice);
    }
}

/// Whether what an action does has been called off.
#[derive(Clone, Debug)]
pub(super) struct Cancel(watch::Receiver<Option<Action>>);

impl Cancel {
    pub(super) fn new() -> (watch::Sender<Option<Action>>, Self) {
        let (sender, receiver) = watch::channel(None);
        (sender, Cancel(receiver))
    }

    /// By what it has been called off already.
    pub(super) fn by(&self) -> Option<Action> {
        *self.0.borrow()
    }

    /// Waits until it is called off: by what. May be dropped at an await; has no end of its own.
    pub(super) async fn called(&mut self) -> Action {
        match self.0.wait_for(Option::is_some).await.map(|by| *by) {
            Ok(Some(by)) => by,
            // Whoever could call it off has gone.
            Ok(None) | Err(_) => std::future::pending().await,
        }
    }
}

/// How a program ended.
#[derive(Debug)]
pub(super) enum End {
    /// By itself, or by somebody else's signal.
    Exited(ExitStatus),
    /// Not within its limit; its group was killed.
    TimedOut,
    /// Called off; its group was killed.
    CalledOff(Action),
    /// It could not be started.
    CannotRun(io::Error),
}

/// What came of a program.
pub(super) struct Ran {
    pub(super) end: End,
    /// Last lines of its standard error.
    pub(super) last: Vec<String>,
    /// Its standard output, if that was asked for.
    pub(super) answer: String,
    /// What it left running, if that was allowed.
    pub(super) rest: Option<Rest>,
}

/// What a program left running: processes of its group, and a reader as long as somebody holds its
/// pipes open (closing them would end a daemon that writes).
pub(super) struct Rest {
    pub(super) group: Group,
    pump: Pump,
}

impl Rest {
    /// Whether there is still something.
    pub(super) fn exists(&self) -> bool {
        let group = Pid::from_raw(self.group.number);
        !self.pump.ended() || group.is_some_and(|group| test_kill_process_group(group).is_ok())
    }
}

/// How a program is run.
pub(super) struct Manner<'a> {
    pub(super) action: Action,
    pub(super) limit: Duration,
    pub(super) cancel: &'a mut Cancel,
    /// What it leaves running stays.
    pub(super) leaves: bool,
    /// Its standard output is an answer.
    pub(super) answers: bool,
}

impl Program {
    /// Its file and arguments for a message.
    pub(super) fn title(&self) -> String {
        self.argv.join(" ")
    }

    /// Runs it to its end. Must not be dropped at an await other than to give up everything: its
    /// group is then killed without being waited for. Takes at most the limit and a few seconds.
    pub(super) async fn run(&self, ear: &Ear, manner: Manner<'_>) -> Ran {
        let Manner { action, limit, cancel, leaves, answers } = manner;
        let sink = Sink::new(Arc::clone(&ear.teller), action, Arc::clone(&ear.pending), answers);
        let sink = Arc::new(sink);
        let nothing = |end| Ran { end, last: Vec::new(), answer: String::new(), rest: None };
        if let Some(by) = cancel.by() {
            return nothing(End::CalledOff(by));
        }
        let deadline = Instant::now() + limit;
        let (mut leader, mut pump) = match self.spawn(Arc::clone(&sink)).await {
            Ok(started) => started,
            Err(error) => return nothing(End::CannotRun(error)),
        };
        let end = tokio::select! {
            biased;
            () = leader.exited() => None,
            by = cancel.called() => Some(End::CalledOff(by)),
            () = tokio::time::sleep_until(deadline) => Some(End::TimedOut),
        };
        if end.is_some() || !leaves {
            leader.kill_group();
        }
        let status = leader.reap().await;
        if end.is_some() {
            vanished(leader.group()).await;
        }
        pump.drain().await;
        let (last, answer) = (sink.last(), sink.answer());
        let end = match (end, status) {
            (Some(end), _) => end,
            (None, Some(status)) => End::Exited(status),
            (None, None) => End::TimedOut,
        };
        let rest = leaves.then(|| Rest { group: leader.group(), pump });
        Ran { end, last, answer, rest }
    }

    /// Starts it. May be dropped at an await: it is then killed.
    pub(super) async fn spawn(&self, sink: Arc<Sink>) -> io::Result<(Leader, Pump)> {
        let program = self.clone();
        let spawn = tokio::task::spawn_blocking(move || program.spawn_now());
        let spawned = tokio::time::timeout(SPAWN, spawn).await.map_err(|_| {
            let found = format!("the system did not start it within {SPAWN:?}");
            io::Error::new(io::ErrorKind::TimedOut, found)
        })?;
        let mut leader = spawned.map_err(io::Error::other)??;
        leader.listen()?;
        let stdout = leader.child.stdout.take().map(OwnedFd::from);
        let stderr = leader.child.stderr.take().map(OwnedFd::from);
        let pump = Pump::new(stdout, stderr, sink)?;
        Ok((leader, pump))
    }

    fn spawn_now(&self) -> io::Result<Leader> {
        let mut command;
        if let Some(cgroup) = &self.cgroup {
            match std::fs::create_dir(cgroup) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                Ok(()) | Err(_) => {}
            }
            command = std::process::Command::new("/bin/sh");
            command.args(["-c", INTO_CGROUP]).arg(cgroup.join("cgroup.procs"));
            command.args(&self.argv);
        } else {
            let Some((file, arguments)) = self.argv.split_first() else {
                return Err(io::Error::new(io::ErrorKind::InvalidInput, "there is no program"));
            };
            command = std::process::Command::new(file);
            command.args(arguments);
        }
        command.env_clear().envs(&self.environment).current_dir("/").process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Leader::new(command.spawn()?)
    }
}

/// A child that leads its process group. Its number, and with it the group's, is nobody else's
/// until it is reaped; only until then are signals sent to the group.
pub(super) struct Leader {
    child: Child,
    pid: Pid,
    session: i32,
    process: Option<OwnedFd>,
    exit: Option<AsyncFd<OwnedFd>>,
    reaped: bool,
}

impl Leader {
    fn new(child: Child) -> io::Result<Self> {
        let pid = Pid::from_child(&child);
        // The kernel has no number for a session that another process namespace leads: then it is 0
        // there and here.
        let own = Stat::of(std::process::id().cast_signed());
        let session = own.map_or(0, |stat| stat.session);
        let mut leader = Leader { child, pid, session, process: None, exit: None, reaped: false };
        leader.process = Some(pidfd_open(pid, PidfdFlags::NONBLOCK)?);
        Ok(leader)
    }

    /// Has the runtime watch for its end.
    #[expect(
        deprecated,
        reason = "its successor is unsafe, because a type could close its file behind tokio's \
                  back; an OwnedFd that nobody else has does not"
    )]
    fn listen(&mut self) -> io::Result<()> {
        if let Some(process) = self.process.take() {
            self.exit = Some(AsyncFd::with_interest(process, Interest::READABLE)?);
        }
        Ok(())
    }

    pub(super) fn pid(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    pub(super) fn group(&self) -> Group {
        Group { number: self.pid(), session: self.session }
    }

    /// Waits until it has ended; it is not reaped. May be dropped at an await.
    pub(super) async fn exited(&self) {
        match &self.exit {
            Some(exit) => drop(exit.readable().await),
            None => std::future::pending().await,
        }
    }

    /// Sends a signal to its group, unless it is reaped.
    pub(super) fn signal_group(&self, signal: Signal) {
        if !self.reaped {
            // A group without members is as it should be.
            let _ = kill_process_group(self.pid, signal);
        }
    }

    pub(super) fn kill_group(&self) {
        self.signal_group(Signal::KILL);
    }

    /// Waits for its end and reaps it. None: it is stuck in the kernel, and a thread waits for it.
    /// Takes at most 2 s. May be dropped at an await.
    pub(super) async fn reap(&mut self) -> Option<ExitStatus> {
        let until = Instant::now() + VANISH;
        loop {
            tokio::time::timeout_at(until, self.exited()).await.ok()?;
            if let Some(status) = self.child.try_wait().ok()? {
                self.reaped = true;
                return Some(status);
            }
            // It was said to have ended a moment too early.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        if self.reaped {
            return;
        }
        self.kill_group();
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return;
        }
        // The child's handle cannot leave through a drop; a new one of the same number can, for the
        // number stays its own until it is reaped.
        let pid = self.pid;
        let reap = move || {
            // Whatever it says, nobody is left who wants to know.
            let _ = waitpid(Some(pid), WaitOptions::empty());
        };
        // Without a thread it stays a zombie until the agent ends.
        let _ = std::thread::Builder::new().name("reaper".to_owned()).spawn(reap);
    }
}

/// An exit status in words.
pub(super) fn words(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(0), _) => "ended with exit status 0".to_owned(),
        (Some(code), _) => format!("failed with exit status {code}"),
        (None, Some(signal)) => {
            let name = match signal {
                1 => " (SIGHUP)",
                2 => " (SIGINT)",
                6 => " (SIGABRT)",
                9 => " (SIGKILL: killed, or out of memory)",
                11 => " (SIGSEGV)",
                13 => " (SIGPIPE)",
                15 => " (SIGTERM)",
                _ => "",
            };
            format!("was ended by signal {signal}{name}")
        }
        (None, None) => "ended without a status".to_owned(),
    }
}

/// Finds a program as `execvp` does. None: there is none.
pub(super) fn find(program: &str, path: &str) -> Option<PathBuf> {
    if program.contains('/') {
        return Path::new(program).exists().then(|| PathBuf::from(program));
    }
    let directories = path.split(':').filter(|each| !each.is_empty());
    directories.map(|each| Path::new(each).join(program)).find(|each| each.is_file())
}
