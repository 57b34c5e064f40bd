//! A long-running child that the agent supervises, and the file that names it to a later life.

use super::output::{Pump, Sink};
use super::process::{Group, Realm, Stat};
use super::program::{Ear, Leader, Program, words};
use super::{Action, Ended};
use rustix::process::Signal;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// How a child is to end.
enum Stop {
    /// SIGTERM to its group, and SIGKILL after a time.
    Grace(Duration),
    /// SIGKILL to its group.
    Kill,
}

/// A running child. When it is dropped the child's group is killed.
pub(super) struct Keeper {
    stop: mpsc::UnboundedSender<Stop>,
    life: watch::Receiver<Option<Ended>>,
    task: JoinHandle<()>,
}

impl Keeper {
    /// Starts a child and writes its pid file. May be dropped at an await: the child is then
    /// killed.
    ///
    /// # Errors
    /// If it cannot be started, or the file cannot be written.
    pub(super) async fn start(
        program: &Program,
        ear: &Ear,
        realm: &Realm,
        file: PidFile,
    ) -> io::Result<Keeper> {
        let (teller, pending) = (Arc::clone(&ear.teller), Arc::clone(&ear.pending));
        let sink = Arc::new(Sink::new(teller, Action::Online, pending, false));
        let (leader, pump) = program.spawn(Arc::clone(&sink)).await?;
        file.write(leader.pid())?;
        let (stop, stops) = mpsc::unbounded_channel();
        let (tell, life) = watch::channel(None);
        let child = Child { leader, pump, sink, realm: realm.clone(), file, born: Instant::now() };
        let task = tokio::spawn(async move {
            // Whoever wanted to know has gone, if nobody hears it.
            let _ = tell.send(Some(child.keep(stops).await));
        });
        Ok(Keeper { stop, life, task })
    }

    /// How it ended, if it has.
    pub(super) fn ended(&self) -> Option<Ended> {
        self.life.borrow().clone()
    }

    /// Waits for its end. May be dropped at an await; has no end of its own.
    pub(super) async fn end(&self) -> Ended {
        let mut life = self.life.clone();
        let gone = || Ended {
            how: "was let go of".to_owned(),
            lived: Duration::ZERO,
            last_lines: Vec::new(),
        };
        match life.wait_for(Option::is_some).await {
            Ok(ended) => ended.clone().unwrap_or_else(gone),
            Err(_) => gone(),
        }
    }

    /// Has its group end with SIGTERM, and with SIGKILL after a time.
    pub(super) fn ask_to_end(&self, grace: Duration) {
        // If its task has ended, so has the child.
        let _ = self.stop.send(Stop::Grace(grace));
    }

    /// Kills its group.
    pub(super) fn kill(&self) {
        let _ = self.stop.send(Stop::Kill);
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Child {
    leader: Leader,
    pump: Pump,
    sink: Arc<Sink>,
    realm: Realm,
    file: PidFile,
    born: Instant,
}

impl Child {
    /// Waits for its end or brings it about.
    async fn keep(mut self, mut stops: mpsc::UnboundedReceiver<Stop>) -> Ended {
        let stop = tokio::select! {
            biased;
            () = self.leader.exited() => None,
            stop = stops.recv() => stop,
        };
        if let Some(Stop::Grace(grace)) = stop {
            self.leader.signal_group(Signal::TERM);
            tokio::select! {
                biased;
                () = killed(&mut stops) => {}
                () = self.wait_group(Instant::now() + grace) => {}
            }
        }
        self.leader.kill_group();
        let lived = self.born.elapsed();
        let status = self.leader.reap().await;
        self.pump.drain().await;
        if status.is_some() {
            self.file.remove();
        }
        let how = status.map_or_else(|| "is stuck in the kernel".to_owned(), words);
        Ended { how, lived, last_lines: self.sink.last() }
    }

    /// Waits until it and what is in its group or carries its mark has ended.
    async fn wait_group(&self, until: Instant) {
        if tokio::time::timeout_at(until, self.leader.exited()).await.is_ok() {
            self.realm.wait_empty(&[self.leader.group()], until).await;
        }
    }
}

/// Waits for the order to kill.
async fn killed(stops: &mut mpsc::UnboundedReceiver<Stop>) {
    loop {
        match stops.recv().await {
            Some(Stop::Kill) | None => return,
            Some(Stop::Grace(_)) => {}
        }
    }
}

/// The file that names a supervised child: pid, start in clock ticks since boot, and the boot.
#[derive(Clone, Debug)]
pub(super) struct PidFile(PathBuf);

impl PidFile {
    pub(super) fn new(run_directory: &Path, name: &str) -> Self {
        PidFile(run_directory.join(format!("{name}.pid")))
    }

    fn write(&self, pid: i32) -> io::Result<()> {
        let stat = Stat::of(pid).ok_or_else(|| io::Error::other("its start is not in /proc"))?;
        let text = format!("{pid} {} {}\n", stat.started, boot()?);
        let fresh = self.0.with_extension("pid.new");
        fs::write(&fresh, text)?;
        fs::rename(&fresh, &self.0)
    }

    pub(super) fn remove(&self) {
        // One that is not there, or cannot be removed, names nobody who runs.
        let _ = fs::remove_file(&self.0);
    }

    /// The child that it names, if that very process runs in this boot.
    pub(super) fn named(&self) -> Option<Stat> {
        let text = fs::read_to_string(&self.0).ok()?;
        let mut words = text.split_ascii_whitespace();
        let pid = words.next()?.parse().ok()?;
        let started: u64 = words.next()?.parse().ok()?;
        let same_boot = words.next()? == boot().ok()?;
        let stat = Stat::of(pid)?;
        (same_boot && stat.started == started && !stat.ended()).then_some(stat)
    }

    /// The group of the child that it names.
    pub(super) fn group(&self) -> Option<Group> {
        let stat = self.named()?;
        (stat.group == stat.pid).then_some(Group { number: stat.group, session: stat.session })
    }
}

fn boot() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pid_file_names_one_process_and_no_other() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let file = PidFile::new(directory.path(), "x");
        assert!(file.named().is_none());
        let me = i32::try_from(std::process::id()).expect("a pid");
        file.write(me).expect("it is writable");
        assert_eq!(file.named().map(|stat| stat.pid), Some(me));
        let (path, good) = (&file.0, fs::read_to_string(&file.0).expect("it was written"));
        let started = Stat::of(me).expect("it runs").started;
        let others = [
            good.replacen(&started.to_string(), &(started + 1).to_string(), 1),
            good.replacen(&boot().expect("a boot"), "another-boot", 1),
            good.replacen(&me.to_string(), "4194305", 1),
            format!("{me}"),
            String::new(),
            "nonsense here too".to_owned(),
        ];
        for other in others {
            fs::write(path, &other).expect("it is writable");
            assert!(file.named().is_none(), "{other}");
        }
        file.remove();
        assert!(!path.exists());
    }
}
