//! The instance's process: started as a child, or found again by its `postmaster.pid` after the
//! agent was started anew. It is named by a process descriptor, so that a signal never reaches
//! another process that was given its number.

use super::error::Error;
use super::settings::Settings;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;
use rustix::fs::OFlags;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncWriteExt, Interest};
use tokio::process::Command;
use tokio::time::timeout;

/// Bytes of a server log at which it is begun anew: 16 MB (assumed).
const LOG_MOST: u64 = 16 << 20;
/// Bytes from the end of the log that are looked at for the reason of an end.
const LOG_TAIL: u64 = 16 << 10;
/// Characters of a log that go into a message.
const TOLD: usize = 2000;

/// What the end of a server's log tells of why it ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trouble {
    /// The disk is full.
    DiskFull,
    /// The disk failed.
    Disk,
    /// It was ended, or failed by itself.
    Terminated,
}

impl Trouble {
    /// Reads it from a log.
    pub(super) fn of_log(text: &str) -> Trouble {
        if text.contains("No space left on device") || text.contains("Disk quota exceeded") {
            Trouble::DiskFull
        } else if text.contains("Input/output error") || text.contains("Read-only file system") {
            Trouble::Disk
        } else {
            Trouble::Terminated
        }
    }

    pub(super) fn is_disk(self) -> bool {
        matches!(self, Trouble::DiskFull | Trouble::Disk)
    }
}

/// A running instance.
#[derive(Debug)]
pub(super) struct Process {
    database: String,
    pid: Pid,
    descriptor: AsyncFd<OwnedFd>,
    status: Arc<OnceLock<ExitStatus>>,
    /// Where its log begins.
    log_begin: u64,
    /// Whether its end was asked for.
    asked: AtomicBool,
}

impl Process {
    /// Starts the instance. It blocks for a fork and a few small files.
    ///
    /// # Errors
    /// `File` if it or its log cannot be opened, `Process` if the kernel refuses.
    pub(super) fn start(settings: &Settings) -> Result<Process, Error> {
        let log = open_log(settings)?;
        let at = settings.directory.join("log");
        let begin = log.metadata().map_err(|error| Error::file("read", &at, error))?.len();
        let other = log.try_clone().map_err(|error| Error::file("open", &at, error))?;
        let program = settings.program("postgres");
        let config = settings.directory.join("postgresql.conf");
        let mut command = command(settings, "postgres");
        command
            .arg("-D")
            .arg(settings.data())
            .arg("-c")
            .arg(format!("config_file={}", config.display()))
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(other)
            .process_group(0);
        let mut child = command.spawn().map_err(|error| Error::file("start", &program, error))?;
        let pid = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        let Some(pid) = pid else {
            return Err(Error::file("start", &program, io::Error::other("it ended at once")));
        };
        let process = Process::open(settings, pid, begin)?;
        let status = Arc::clone(&process.status);
        tokio::spawn(async move {
            if let Ok(ended) = child.wait().await {
                let _ = status.set(ended);
            }
        });
        Ok(process)
    }

    /// The instance that runs on the data already, if one does. It blocks for a few small files.
    ///
    /// # Errors
    /// `Process` if the kernel refuses to name it.
    pub(super) fn find(settings: &Settings) -> Result<Option<Process>, Error> {
        let Some(pid) = pid_on(&settings.data()) else { return Ok(None) };
        let log = settings.directory.join("log");
        let begin = std::fs::metadata(log).map_or(0, |log| log.len().saturating_sub(LOG_TAIL));
        let process = Process::open(settings, pid, begin);
        // It may have ended, and its number been given away, before it was opened.
        match process {
            Ok(process) if pid_on(&settings.data()) == Some(pid) => Ok(Some(process)),
            Ok(_) => Ok(None),
            Err(Error::Process { source, .. })
                if source.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error()) =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn open(settings: &Settings, pid: Pid, log_begin: u64) -> Result<Process, Error> {
        let failed = |what, source| Error::Process {
            database: settings.name.clone(),
            pid: pid.as_raw_nonzero().get(),
            what,
            source,
        };
        let descriptor = pidfd_open(pid, PidfdFlags::NONBLOCK)
            .map_err(|error| failed("open its descriptor", error.into()))?;
        let descriptor =
            watch(descriptor).map_err(|error| failed("watch its descriptor", error))?;
        let (database, status) = (settings.name.clone(), Arc::new(OnceLock::new()));
        let asked = AtomicBool::new(false);
        Ok(Process { database, pid, descriptor, status, log_begin, asked })
    }

    /// Its number.
    pub(super) fn pid(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// Waits until it has ended. May be dropped at any time.
    pub(super) async fn ended(&self) {
        // The descriptor becomes readable when the process ends, and stays so.
        while self.descriptor.readable().await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Whether it has ended.
    pub(super) fn has_ended(&self) -> bool {
        let descriptor = self.descriptor.get_ref();
        let mut polled = [PollFd::new(descriptor, PollFlags::IN)];
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut polled, Some(&at_once)).is_ok_and(|ready| ready > 0)
    }

    /// Whether its end was asked for.
    pub(super) fn was_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// How it ended, for a message.
    pub(super) fn status(&self) -> String {
        match self.status.get() {
            Some(status) => status.to_string(),
            None => "status unknown".to_owned(),
        }
    }

    /// Sends a signal; one that has ended is no error.
    pub(super) fn signal(&self, signal: Signal) -> Result<(), Error> {
        match pidfd_send_signal(self.descriptor.get_ref(), signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(error) => Err(Error::Process {
                database: self.database.clone(),
                pid: self.pid(),
                what: "send a signal",
                source: error.into(),
            }),
        }
    }

    /// Stops it: fast within `limit`, else at once, else by force. What was committed is on disk
    /// in each case. When this returns `Ok` it has ended. Whether it stopped in good order is in
    /// the answer. Should not be dropped: the next caller would find it stopping.
    ///
    /// # Errors
    /// `NoAnswer` if not even force ends it, as with a process that hangs in the disk.
    pub(super) async fn stop(&self, limit: Duration) -> Result<bool, Error> {
        self.asked.store(true, Ordering::Relaxed);
        self.signal(Signal::INT)?;
        if timeout(limit, self.ended()).await.is_ok() {
            return Ok(true);
        }
        self.signal(Signal::QUIT)?;
        // The server itself allows its children 5 s; force is quicker.
        if timeout(Duration::from_millis(500), self.ended()).await.is_ok() {
            return Ok(false);
        }
        self.kill(Duration::from_secs(2)).await.map(|()| false)
    }

    /// Ends it and every process of it by force: no write comes from it after this returns `Ok`.
    /// The server is stopped first, so that it makes no new ones. Should not be dropped.
    ///
    /// # Errors
    /// `NoAnswer` if they do not end within `limit`.
    pub(super) async fn kill(&self, limit: Duration) -> Result<(), Error> {
        self.asked.store(true, Ordering::Relaxed);
        self.signal(Signal::STOP)?;
        let children = children(self.pid);
        let result = self.signal(Signal::KILL);
        for child in &children {
            // One that has ended needs no signal.
            let _ = pidfd_send_signal(child, Signal::KILL);
        }
        result?;
        let gone = async {
            self.ended().await;
            for child in children {
                let Ok(child) = watch(child) else { continue };
                let _ = child.readable().await;
            }
        };
        timeout(limit, gone).await.map_err(|_| Error::NoAnswer {
            place: format!("process {} of database {}", self.pid(), self.database),
            what: "end by force",
            limit,
        })
    }

    /// Asks one of its children to end; another process is left alone.
    pub(super) fn end_child(&self, pid: i32) {
        let Some(child) = Pid::from_raw(pid) else { return };
        // The descriptor is opened first, so that it is the child that is looked at.
        let Ok(descriptor) = pidfd_open(child, PidfdFlags::NONBLOCK) else { return };
        if parent_of(pid) == Some(self.pid()) {
            let _ = pidfd_send_signal(descriptor, Signal::TERM);
        }
    }

    /// The end of its log, as far as it has one. It blocks.
    pub(super) fn log(&self, settings: &Settings) -> String {
        tail(&settings.directory.join("log"), self.log_begin)
    }
}

/// A command of PostgreSQL that runs as the instance's user, in its language of messages.
pub(super) fn command(settings: &Settings, program: &str) -> Command {
    let mut command = Command::new(settings.program(program));
    command.env_clear().env("LC_ALL", "C").env("PATH", &settings.binaries).current_dir("/");
    if rustix::process::geteuid().is_root() {
        command.uid(settings.user.uid).gid(settings.user.gid);
    }
    command
}

/// Runs a program of PostgreSQL to its end, with an input if it needs one; what it said. Dropped,
/// it is killed.
///
/// # Errors
/// `File` if it cannot be started, `Program` if it fails, `NoAnswer` if it takes too long.
pub(super) async fn run(
    mut command: Command,
    input: &str,
    what: &'static str,
    limit: Duration,
) -> Result<String, Error> {
    let program = std::path::PathBuf::from(command.as_std().get_program());
    let failed = |error| Error::file("run", &program, error);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(failed)?;
    let whole = async {
        if let Some(mut stdin) = child.stdin.take() {
            // One that ends without reading it tells why by how it ends.
            let _ = stdin.write_all(input.as_bytes()).await;
        }
        child.wait_with_output().await
    };
    let output = timeout(limit, whole)
        .await
        .map_err(|_| Error::NoAnswer { place: program.display().to_string(), what, limit })?
        .map_err(failed)?;
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() {
        return Ok(told);
    }
    Err(Error::Program { program, status: output.status.to_string(), output: shortened(&told) })
}

/// The end of a text, for a message.
pub(super) fn shortened(text: &str) -> String {
    let text = text.trim();
    let skip = text.chars().count().saturating_sub(TOLD);
    text.chars().skip(skip).collect()
}

/// The process that a data directory's `postmaster.pid` names, if it is a server on that data.
pub(super) fn pid_on(data: &Path) -> Option<Pid> {
    let text = std::fs::read_to_string(data.join("postmaster.pid")).ok()?;
    let pid = Pid::from_raw(text.lines().next()?.trim().parse().ok().filter(|pid| *pid > 1)?)?;
    // A server works in its data directory.
    let works_in = std::fs::read_link(format!("/proc/{}/cwd", pid.as_raw_nonzero())).ok()?;
    let data = std::fs::canonicalize(data).ok()?;
    (works_in == data).then_some(pid)
}

/// Watches a process's descriptor, which becomes readable when the process ends.
#[expect(
    deprecated,
    reason = "its successor is unsafe because another type could change its descriptor while it \
              is watched; an OwnedFd cannot, and unsafe code is forbidden here"
)]
fn watch(descriptor: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(descriptor, Interest::READABLE)
}

fn parent_of(pid: i32) -> Option<i32> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name is in parentheses and may contain anything.
    text.rsplit_once(')')?.1.split_ascii_whitespace().nth(1)?.parse().ok()
}

fn children(parent: Pid) -> Vec<OwnedFd> {
    let parent = parent.as_raw_nonzero().get();
    let list = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children"));
    let numbers: Vec<i32> = match list {
        Ok(list) => list.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).collect(),
        Err(_) => std::fs::read_dir("/proc")
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .collect(),
    };
    let open = |pid: i32| {
        let descriptor = pidfd_open(Pid::from_raw(pid)?, PidfdFlags::NONBLOCK).ok()?;
        (parent_of(pid)? == parent).then_some(descriptor)
    };
    numbers.into_iter().filter_map(open).collect()
}

fn open_log(settings: &Settings) -> Result<File, Error> {
    let path = settings.directory.join("log");
    if std::fs::metadata(&path).is_ok_and(|log| log.len() > LOG_MOST) {
        let old = settings.directory.join("log.1");
        std::fs::rename(&path, old).map_err(|error| Error::file("rename", &path, error))?;
    }
    let flags = OFlags::NOFOLLOW.bits().cast_signed();
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(0o600).custom_flags(flags);
    let log = options.open(&path).map_err(|error| Error::file("open", &path, error))?;
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::fchown(&log, Some(settings.user.uid), Some(settings.user.gid))
            .map_err(|error| Error::file("give away", &path, error))?;
    }
    Ok(log)
}

/// Begins a running server's log anew if it has grown too long. It blocks.
pub(super) fn trim_log(settings: &Settings) {
    let path = settings.directory.join("log");
    let long =
        std::fs::symlink_metadata(&path).is_ok_and(|log| log.is_file() && log.len() > LOG_MOST);
    if long {
        // The server appends, so that it goes on at the new end. A log that stays is no harm.
        let flags = OFlags::NOFOLLOW.bits().cast_signed();
        let log = OpenOptions::new().write(true).custom_flags(flags).open(&path);
        let _ = log.and_then(|log| log.set_len(0));
    }
}

fn tail(path: &Path, begin: u64) -> String {
    let read = || -> io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        let begin = if length < begin { 0 } else { begin };
        file.seek(SeekFrom::Start(begin.max(length.saturating_sub(LOG_TAIL))))?;
        let mut bytes = Vec::new();
        file.take(LOG_TAIL).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    read().map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_tells_a_full_disk_apart() {
        for (log, trouble) in [
            ("PANIC:  could not write to file: No space left on device", Trouble::DiskFull),
            ("FATAL:  could not fsync file: Input/output error", Trouble::Disk),
            ("LOG:  received immediate shutdown request", Trouble::Terminated),
            ("", Trouble::Terminated),
        ] {
            assert_eq!(Trouble::of_log(log), trouble, "{log}");
        }
    }

    #[test]
    fn a_message_has_the_end_of_a_long_text() {
        let text = format!("{}\u{e9}nd", "x".repeat(5000));
        assert_eq!(shortened(&text).chars().count(), TOLD);
        assert!(shortened(&text).ends_with("\u{e9}nd"));
    }
}
