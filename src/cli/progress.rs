//! A note on standard error while a run takes longer than a second and a person is watching.

use std::io::{IsTerminal, Write};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// How long a run may take before the note appears.
const PATIENCE: Duration = Duration::from_secs(1);

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
