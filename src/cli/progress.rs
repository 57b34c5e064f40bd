//! A note on standard error while a run takes longer than a second and a person is watching.

use crate::lab::pool::Progress;
use std::io::{IsTerminal, Write};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// How long a run may take before the note appears.
const PATIENCE: Duration = Duration::from_secs(1);

/// Columns of the bar.
const BAR: usize = 20;

/// How often a count is shown anew.
const TICK: Duration = Duration::from_millis(500);

/// Does many runs; while a person watches, says how many are done and how long the rest will take
/// if it goes on like that.
pub(super) fn counted<T: Send>(note: &str, progress: &Progress, work: impl FnOnce() -> T) -> T {
    counted_in(note, "runs", progress, work)
}

/// The same for work that is counted in something else than runs.
pub(super) fn counted_in<T: Send>(
    note: &str,
    of: &str,
    progress: &Progress,
    work: impl FnOnce() -> T,
) -> T {
    if !std::io::stderr().is_terminal() {
        return work();
    }
    let (done, wait) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let watcher = scope.spawn(move || {
            let mut ticks = 0_u32;
            while wait.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                ticks += 1;
                let line = progress_line((note, of), progress, TICK * ticks);
                // Nobody is harmed if the note cannot be shown.
                let _ = write!(std::io::stderr(), "\r\x1b[K{line}");
            }
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        });
        let result = work();
        drop(done);
        let _ = watcher.join();
        result
    })
}

/// What is done, and what is left.
fn progress_line((note, of): (&str, &str), progress: &Progress, spent: Duration) -> String {
    let done = progress.done.load(Ordering::Relaxed);
    let total = progress.total.load(Ordering::Relaxed);
    if done == 0 {
        return format!("{note}: {total} {of}");
    }
    let left = spent.as_secs() * (total.saturating_sub(done)) as u64 / done as u64;
    let full = (done * BAR / total.max(done)).min(BAR);
    let bar: String = (0..BAR).map(|place| if place < full { '#' } else { '.' }).collect();
    format!("{note} [{bar}] {done} of {total} {of}, about {} min {} s left", left / 60, left % 60)
}

/// Does some work; says what it is if the work takes long.
pub(super) fn during<T>(note: &str, work: impl FnOnce() -> T) -> T {
    if !std::io::stderr().is_terminal() {
        return work();
    }
    let (done, wait) = mpsc::channel::<()>();
    let note = note.to_owned();
    let watcher = thread::spawn(move || {
        if wait.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            // Nobody is harmed if the note cannot be shown.
            let _ = write!(std::io::stderr(), "{note}…");
            let _ = wait.recv();
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    });
    let result = work();
    drop(done);
    let _ = watcher.join();
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_follows_from_what_is_done() {
        let progress = Progress { done: 30.into(), total: 120.into(), ..Progress::default() };
        let line = progress_line(("comparing", "runs"), &progress, Duration::from_secs(41));
        let bar = "[#####...............]";
        assert_eq!(line, format!("comparing {bar} 30 of 120 runs, about 2 min 3 s left"));
    }
}
