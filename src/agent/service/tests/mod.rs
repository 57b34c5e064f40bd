//! The real thing: small scripts in a temporary directory, real processes, real signals.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "what is tested here runs in real time on a real machine"
)]

mod check;
mod command;
mod cycles;
mod ocf;
mod real;
mod run;
mod unit;

use super::process::{Realm, Stat};
use super::{Action, Checked, Done, Kind, Notice, Service, ServiceError, Settings, Teller};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;

/// How long anything is waited for that has to come; the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// A temporary directory with scripts, and the resources of a test. What still runs at its end is
/// killed, also when the test panics.
struct Bench {
    directory: TempDir,
    notices: Arc<Mutex<Vec<Notice>>>,
    realms: Mutex<Vec<Realm>>,
}

impl Bench {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        Bench { directory, notices: Arc::default(), realms: Mutex::default() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A shell script: its path. `$D` is the temporary directory.
    fn script(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        let text = format!("#!/bin/sh\nD='{}'\n{text}\n", self.directory.path().display());
        // Written aside and by a process of its own: a child that another test forks at this moment
        // would hold it open for writing, and it could not be run.
        let fresh = path.with_extension("new");
        fs::write(&fresh, text).expect("it is writable");
        let copied = std::process::Command::new("cp").arg(&fresh).arg(&path).status();
        assert!(copied.expect("cp").success());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it is ours");
        path.to_string_lossy().into_owned()
    }

    fn argv(&self, name: &str, text: &str) -> Vec<String> {
        vec![self.script(name, text)]
    }

    fn settings(&self, name: &str, kind: Kind) -> Settings {
        let settings = Settings { run_directory: self.path("run"), ..Settings::new(name, kind) };
        self.realms.lock().expect("no panic").push(settings.realm());
        settings
    }

    fn teller(&self) -> Teller {
        let notices = Arc::clone(&self.notices);
        Arc::new(move |notice| notices.lock().expect("no panic").push(notice.clone()))
    }

    async fn start(&self, settings: Settings) -> Service {
        self.realms.lock().expect("no panic").push(settings.realm());
        let checked = settings.check().await.expect("the settings are in order");
        self.start_checked(checked)
    }

    fn start_checked(&self, checked: Checked) -> Service {
        Service::start(checked, self.teller())
    }

    async fn service(&self, kind: Kind) -> Service {
        self.start(self.settings("it", kind)).await
    }

    fn lines(&self) -> Vec<String> {
        let notices = self.notices.lock().expect("no panic");
        let lines = notices.iter().filter_map(|notice| match notice {
            Notice::Line(line) => Some(line.text.clone()),
            Notice::LinesLeftOut { .. } | Notice::AtWork | Notice::Ended(_) => None,
        });
        lines.collect()
    }

    fn count(&self, of: impl Fn(&Notice) -> bool) -> usize {
        self.notices.lock().expect("no panic").iter().filter(|each| of(each)).count()
    }

    /// A pid that a script wrote into a file.
    async fn pid(&self, name: &str) -> i32 {
        let path = self.path(name);
        until("a pid is written", || read_pid(&path).is_some()).await;
        read_pid(&path).expect("it was there")
    }

    /// The processes of a resource.
    fn members(&self, name: &str) -> Vec<Stat> {
        let mark = self.path("run").join(name).to_string_lossy().into_owned();
        let realm = Realm { mark, cgroup: None };
        realm.look(&[])
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let realms = self.realms.lock().map(|realms| realms.clone()).unwrap_or_default();
        for stat in realms.iter().flat_map(|realm| realm.look(&[])) {
            kill(stat.pid, Signal::KILL);
        }
    }
}

fn read_pid(path: &Path) -> Option<i32> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

fn kill(pid: i32, signal: Signal) {
    // One that has ended is as it should be.
    let _ = kill_process(Pid::from_raw(pid).expect("a pid"), signal);
}

fn runs(pid: i32) -> bool {
    Stat::of(pid).is_some_and(|stat| !stat.ended())
}

/// Waits until something holds.
async fn until(what: &str, holds: impl Fn() -> bool) {
    let begun = tokio::time::Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[track_caller]
fn well(done: &Done) {
    assert_eq!(done.result, Ok(()), "{done:?}");
}

#[track_caller]
fn called_off(done: &Done, by: Action) {
    match &done.result {
        Err(ServiceError::CalledOff { by: found, .. }) => assert_eq!(*found, by),
        other => panic!("not called off by {by}: {other:?}"),
    }
}

#[track_caller]
fn not_alive(done: &Done, what: &str) {
    match &done.result {
        Err(error @ ServiceError::NotAlive { .. }) => {
            assert!(error.to_string().contains(what), "{error}");
        }
        other => panic!("not told as not alive: {other:?}"),
    }
}

#[track_caller]
fn failed(done: &Done, what: &str) {
    match &done.result {
        Err(error @ ServiceError::Failed { .. }) => {
            assert!(error.to_string().contains(what), "{error}");
        }
        other => panic!("not told as failed: {other:?}"),
    }
}

/// Says that a test is skipped; fails if it must not be.
fn skip(test: &str, why: &str) {
    let strict = std::env::var_os("DAGTWIN_NO_SKIP").is_some();
    assert!(!strict, "{test} must not be skipped, but {why}");
    println!("{test} skipped: {why}");
}
