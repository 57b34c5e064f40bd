//! Which processes belong to a resource, and their end.
//!
//! A process belongs to a resource if it is in the resource's cgroup; or carries the resource's
//! mark in its environment, which children inherit; or is in a process group that the agent made
//! for the resource; or is a child of one that belongs. One that carries another resource's mark
//! belongs to that one alone.

use rustix::process::{Pid, PidfdFlags, Signal, getpid, pidfd_open, pidfd_send_signal};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::Instant;

/// The variable that marks the processes of a resource.
pub(super) const MARK: &str = "DAGTWIN_RESOURCE";
/// How long a look at /proc may take (assumed). Reading another process's environment waits for
/// its memory map, which a process stuck in the kernel may hold.
const LOOK: Duration = Duration::from_secs(10);
/// How long a process may take to vanish after SIGKILL (assumed). Only one that is stuck in the
/// kernel takes longer.
pub(super) const VANISH: Duration = Duration::from_secs(2);
/// First and longest pause between looks (assumed).
const PAUSES: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(50));

/// What `/proc/<pid>/stat` tells of a process.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Stat {
    pub(super) pid: i32,
    pub(super) name: String,
    state: char,
    parent: i32,
    pub(super) group: i32,
    pub(super) session: i32,
    /// Clock ticks from boot to its start. With the pid it names a process once and for all.
    pub(super) started: u64,
}

impl Stat {
    /// Reads one. None: there is no such process.
    pub(super) fn of(pid: i32) -> Option<Self> {
        Stat::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        // The name may contain spaces and parentheses.
        let (pid, rest) = text.split_once(" (")?;
        let (name, rest) = rest.rsplit_once(") ")?;
        let mut fields = rest.split_ascii_whitespace();
        let state = fields.next()?.chars().next()?;
        let mut number = || fields.next()?.parse().ok();
        let (parent, group, session) = (number()?, number()?, number()?);
        // tty_nr is field 7, starttime field 22.
        let started = fields.nth(15)?.parse().ok()?;
        let (pid, name) = (pid.parse().ok()?, name.to_owned());
        Some(Stat { pid, name, state, parent, group, session, started })
    }

    /// It has ended, and only its parent has not asked how.
    pub(super) fn ended(&self) -> bool {
        matches!(self.state, 'Z' | 'X')
    }

    /// Whether that very process has not ended yet.
    fn runs(&self) -> bool {
        Stat::of(self.pid).is_some_and(|now| now.started == self.started && !now.ended())
    }

    /// Sends a signal to just this process, not to another that got its number.
    fn signal(&self, signal: Signal) {
        let Some(pid) = Pid::from_raw(self.pid) else { return };
        let Ok(process) = pidfd_open(pid, PidfdFlags::empty()) else { return };
        if Stat::of(self.pid).is_some_and(|now| now.started == self.started) {
            // One that has just ended is as it should be.
            let _ = pidfd_send_signal(process, signal);
        }
    }

    /// For the log.
    pub(super) fn describe(&self) -> String {
        let stuck = if self.state == 'D' { ", stuck in the kernel" } else { "" };
        format!("process {} ({}{stuck})", self.pid, self.name)
    }
}

/// Every process that has not ended.
fn all() -> Vec<Stat> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter_map(Stat::of).filter(|stat| !stat.ended()).collect()
}

/// Whether a process is in the network and the process namespace of this one.
fn of_this_host(pid: i32) -> bool {
    ["net", "pid"].iter().all(|kind| {
        let own = fs::read_link(format!("/proc/self/ns/{kind}"));
        let its = fs::read_link(format!("/proc/{pid}/ns/{kind}"));
        own.is_ok_and(|own| its.is_ok_and(|its| own == its))
    })
}

/// A process group that the agent made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Group {
    pub(super) number: i32,
    /// Its session: another group that got the number is in it only if the agent made that too.
    pub(super) session: i32,
}

/// Whose mark a process carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mark {
    Ours,
    Others,
    Nobodys,
}

/// What makes a process the resource's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Realm {
    /// The value of [`MARK`].
    pub(super) mark: String,
    /// Its cgroup, which need not exist.
    pub(super) cgroup: Option<PathBuf>,
}

impl Realm {
    fn mark_of(&self, pid: i32) -> Mark {
        let mut environment = Vec::new();
        let Ok(file) = fs::File::open(format!("/proc/{pid}/environ")) else { return Mark::Nobodys };
        if file.take(1 << 22).read_to_end(&mut environment).is_err() {
            return Mark::Nobodys;
        }
        let name = format!("{MARK}=");
        let mut values = environment
            .split(|byte| *byte == 0)
            .filter_map(|variable| variable.strip_prefix(name.as_bytes()));
        match values.next() {
            // Another host's agent has the same resources: one in a container or a test.
            Some(value) if value == self.mark.as_bytes() && of_this_host(pid) => Mark::Ours,
            Some(_) => Mark::Others,
            None => Mark::Nobodys,
        }
    }

    /// The processes that belong to the resource. May wait; see [`LOOK`].
    pub(super) fn look(&self, groups: &[Group]) -> Vec<Stat> {
        let within = self.cgroup.as_deref().map(cgroup_processes).unwrap_or_default();
        let me = getpid().as_raw_nonzero().get();
        let (mut ours, mut rest) = (Vec::new(), Vec::new());
        // The kernel's own threads are children of process 2 and have no environment.
        for stat in all().into_iter().filter(|each| each.pid != 1 && each.parent != 2) {
            if stat.pid == me {
                continue;
            }
            let of_group = groups.contains(&Group { number: stat.group, session: stat.session });
            match self.mark_of(stat.pid) {
                _ if within.contains(&stat.pid) => ours.push(stat),
                Mark::Ours => ours.push(stat),
                Mark::Nobodys if of_group => ours.push(stat),
                Mark::Nobodys => rest.push(stat),
                Mark::Others => {}
            }
        }
        loop {
            let (children, others): (Vec<_>, Vec<_>) =
                rest.into_iter().partition(|each| ours.iter().any(|of| of.pid == each.parent));
            rest = others;
            if children.is_empty() {
                return ours;
            }
            ours.extend(children);
        }
    }

    /// The processes that belong to the resource. May be dropped at an await; takes at most 10 s.
    ///
    /// # Errors
    /// If /proc could not be read within that time.
    pub(super) async fn members(&self, groups: &[Group]) -> Result<Vec<Stat>, String> {
        let (realm, groups) = (self.clone(), groups.to_vec());
        let look = tokio::task::spawn_blocking(move || realm.look(&groups));
        match tokio::time::timeout(LOOK, look).await {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(error)) => Err(format!("its processes could not be looked for: {error}")),
            Err(_) => Err(format!("its processes could not be looked for within {LOOK:?}")),
        }
    }

    /// Sends SIGTERM to what belongs to the resource and waits until nothing is left, at most for
    /// `grace`. May be dropped at an await.
    pub(super) async fn ask_to_end(&self, groups: &[Group], grace: Duration) {
        let until = Instant::now() + grace;
        let Ok(found) = self.members(groups).await else { return };
        for each in &found {
            each.signal(Signal::TERM);
        }
        self.wait_empty(groups, until).await;
    }

    /// Waits until nothing belongs to the resource, at most until a moment.
    pub(super) async fn wait_empty(&self, groups: &[Group], until: Instant) {
        let mut pause = PAUSES.0;
        while Instant::now() < until && self.members(groups).await.is_ok_and(|all| !all.is_empty())
        {
            tokio::time::sleep(pause.min(until.duration_since(Instant::now()))).await;
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    /// Kills what belongs to the resource and waits until it has gone: what could not be ended, in
    /// words. May be dropped at an await; takes at most about 12 s.
    pub(super) async fn sweep(&self, groups: &[Group]) -> Vec<String> {
        let until = Instant::now() + VANISH;
        let mut pause = PAUSES.0;
        // One that dies loses its environment, and with it the mark, before its files.
        let mut killed: Vec<Stat> = Vec::new();
        loop {
            if let Some(cgroup) = &self.cgroup {
                // Older kernels (before 5.14) have no such file, and the signals below suffice.
                let _ = fs::write(cgroup.join("cgroup.kill"), "1");
            }
            let found = match self.members(groups).await {
                Ok(found) => found,
                Err(error) => {
                    // What can be known without reading environments.
                    of_groups(groups).iter().for_each(|each| each.signal(Signal::KILL));
                    return vec![error];
                }
            };
            killed.retain(Stat::runs);
            if found.is_empty() && killed.is_empty() {
                if let Some(cgroup) = &self.cgroup {
                    // Not there, or not empty of other cgroups: it is made again or stays.
                    let _ = fs::remove_dir(cgroup);
                }
                return Vec::new();
            }
            for each in found {
                each.signal(Signal::KILL);
                killed.retain(|other| other.pid != each.pid);
                killed.push(each);
            }
            if Instant::now() >= until {
                return killed.iter().map(Stat::describe).collect();
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSES.1);
        }
    }
}

/// Waits until nothing is left of a group that was killed, at most for as long as a process may
/// take to vanish: on a busy machine one that is killed goes on for a while. May be dropped at an
/// await.
pub(super) async fn vanished(group: Group) {
    let until = Instant::now() + VANISH;
    let mut pause = PAUSES.0;
    while Instant::now() < until {
        let look = tokio::task::spawn_blocking(move || of_groups(&[group]).is_empty());
        match tokio::time::timeout_at(until, look).await {
            Ok(Ok(false)) => tokio::time::sleep(pause).await,
            Ok(Ok(true) | Err(_)) | Err(_) => return,
        }
        pause = (pause * 2).min(PAUSES.1);
    }
}

/// The processes of groups that the agent made.
fn of_groups(groups: &[Group]) -> Vec<Stat> {
    let within =
        |stat: &Stat| groups.contains(&Group { number: stat.group, session: stat.session });
    all().into_iter().filter(within).collect()
}

/// The processes of a cgroup and those below it.
fn cgroup_processes(cgroup: &Path) -> Vec<i32> {
    let procs = fs::read_to_string(cgroup.join("cgroup.procs")).unwrap_or_default();
    let mut found: Vec<i32> = procs.lines().filter_map(|line| line.parse().ok()).collect();
    for entry in fs::read_dir(cgroup).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.extend(cgroup_processes(&entry.path()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_parentheses_are_read() {
        let text = "42 (a) b (c) S 1 40 39 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 1 2 3";
        let stat = Stat::parse(text).expect("it is in order");
        assert_eq!(stat.name, "a) b (c");
        let numbers = (stat.pid, stat.state, stat.parent, stat.group, stat.session, stat.started);
        assert_eq!(numbers, (42, 'S', 1, 40, 39, 987_654));
        for bad in ["", "42", "42 (a", "42 (a) S", "42 (a) S 1 2 3", "x (a) S 1 2 3 0 -1"] {
            assert_eq!(Stat::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn this_process_is_found_and_never_a_member() {
        let me = getpid().as_raw_nonzero().get();
        let stat = Stat::of(me).expect("it runs");
        assert!(!stat.ended() && stat.started > 0);
        let realm = Realm { mark: "nobody's".to_owned(), cgroup: None };
        let group = Group { number: stat.group, session: stat.session };
        assert!(realm.look(&[group]).iter().all(|each| each.pid != me));
    }
}
