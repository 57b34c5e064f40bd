//! Who watches this process from outside: systemd, and the machine's watchdog. Both hear of it from
//! the loop that owns the node, so that they know when that one hangs (linux-ha.md §10.8).

use crate::agent::lease::{Error, Supervisor, Watchdog};
use crate::base::{Instant, Span};

/// How often a watchdog is written to whose time-out the kernel does not tell (assumed: drivers
/// have 10 s to 60 s).
const UNKNOWN: Span = Span::from_secs(1);

/// How far the member is, as systemd has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// It has never been in a view with quorum.
    Waits,
    /// It was, and is ready.
    Ready,
    /// It ends.
    Stops,
}

/// Those who watch; by default nobody.
#[derive(Debug)]
pub struct Vigil {
    supervisor: Supervisor,
    watchdog: Option<Watchdog>,
    /// Time between two signs of life; none: nobody waits for any.
    pace: Option<Span>,
    /// The last sign of life.
    told: Option<Instant>,
    phase: Phase,
    /// Something could not be told; said once.
    failing: bool,
}

impl Vigil {
    /// With a service manager and a watchdog that runs. A sign of life comes four times in the
    /// shorter of their time-outs, as far as there are turns.
    pub fn new(supervisor: Supervisor, watchdog: Option<Watchdog>) -> Vigil {
        let span = |limit: std::time::Duration| {
            Span::from_nanos(u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX) / 4)
        };
        let machine = watchdog.as_ref().map(|it| it.timeout().map_or(UNKNOWN, span));
        let pace = supervisor.watchdog().map(span).into_iter().chain(machine).min();
        let (told, phase, failing) = (None, Phase::Waits, false);
        let mut vigil = Vigil { supervisor, watchdog, pace, told, phase, failing };
        let told = vigil.supervisor.status("waits for a view with quorum");
        vigil.heard(told);
        vigil
    }

    /// Nobody watches.
    pub fn nobody() -> Vigil {
        Vigil {
            supervisor: Supervisor::nobody(),
            watchdog: None,
            pace: None,
            told: None,
            phase: Phase::Waits,
            failing: false,
        }
    }

    /// The loop turns.
    pub(super) fn turn(&mut self, now: Instant) {
        let Some(pace) = self.pace else { return };
        if self.told.is_some_and(|told| now.saturating_since(told) < pace) {
            return;
        }
        self.told = Some(now);
        let alive = self.supervisor.alive();
        let kept = self.watchdog.as_mut().map_or(Ok(()), Watchdog::keep_alive);
        self.heard(alive.and(kept));
    }

    /// The view has quorum, or not. What systemd is told of readiness it is told once.
    pub(super) fn seen(&mut self, quorum: bool) {
        if quorum && self.phase == Phase::Waits {
            self.phase = Phase::Ready;
            let status = self.supervisor.status("has joined a view with quorum");
            let ready = self.supervisor.ready();
            self.heard(status.and(ready));
        }
    }

    /// The member ends in good order.
    pub(super) fn stopping(&mut self) {
        if self.phase != Phase::Stops {
            self.phase = Phase::Stops;
            let stopping = self.supervisor.stopping();
            self.heard(stopping);
        }
    }

    /// Everything has ended in good order: the watchdog stops too.
    pub(super) fn end(&mut self) {
        self.stopping();
        let closed = self.watchdog.take().map_or(Ok(()), Watchdog::close);
        self.heard(closed);
    }

    fn heard(&mut self, told: Result<(), Error>) {
        match told {
            Ok(()) => self.failing = false,
            Err(error) if !self.failing => {
                self.failing = true;
                tracing::warn!(%error, "whoever watches this process was not told");
            }
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::lease::WatchdogSettings;
    use std::ffi::OsStr;
    use std::os::unix::net::UnixDatagram;

    fn at(milliseconds: u64) -> Instant {
        Instant::ZERO + Span::from_millis(milliseconds)
    }

    fn said(socket: &UnixDatagram) -> Vec<String> {
        let mut room = [0; 256];
        let next = std::iter::from_fn(|| {
            socket
                .recv(&mut room)
                .ok()
                .map(|length| String::from_utf8(room[..length].to_vec()).expect("text"))
        });
        next.collect()
    }

    /// A vigil whose service manager waits 2 s, with a file for a watchdog, and what it hears.
    fn bed(folder: &tempfile::TempDir) -> (Vigil, UnixDatagram) {
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).expect("a socket");
        socket.set_nonblocking(true).expect("it is set");
        let usec = Some(OsStr::new("2000000"));
        let supervisor = Supervisor::new(Some(path.as_os_str()), usec, None, 1).expect("there");
        let device = folder.path().join("watchdog9");
        std::fs::write(&device, "").expect("a file");
        let settings = WatchdogSettings { device, ..WatchdogSettings::default() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let watchdog = runtime.expect("a runtime").block_on(Watchdog::open(&settings));
        (Vigil::new(supervisor, Some(watchdog.expect("it opens"))), socket)
    }

    #[test]
    fn signs_of_life_come_from_turns_and_at_their_pace() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut vigil, socket) = bed(&folder);
        assert_eq!(said(&socket), ["STATUS=waits for a view with quorum"]);
        for milliseconds in [0, 100, 499, 500, 700, 999, 1000, 5000] {
            vigil.turn(at(milliseconds));
        }
        assert_eq!(said(&socket), ["WATCHDOG=1"; 4]);
        let written = || std::fs::read(folder.path().join("watchdog9")).expect("a file");
        assert_eq!(written(), b"\0\0\0\0");
        vigil.end();
        assert_eq!(written(), b"\0\0\0\0V", "it is stopped in good order");
        assert_eq!(said(&socket), ["STOPPING=1"]);
    }

    #[test]
    fn it_is_ready_once_when_a_view_has_quorum() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut vigil, socket) = bed(&folder);
        said(&socket);
        vigil.seen(false);
        vigil.turn(at(0));
        assert_eq!(said(&socket), ["WATCHDOG=1"], "alive, and not ready");
        for quorum in [true, false, true] {
            vigil.seen(quorum);
        }
        assert_eq!(said(&socket), ["STATUS=has joined a view with quorum", "READY=1"]);
        vigil.stopping();
        vigil.seen(true);
        vigil.end();
        assert_eq!(said(&socket), ["STOPPING=1"], "once");
    }

    #[test]
    fn whoever_stops_before_it_joined_is_never_ready() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut vigil, socket) = bed(&folder);
        said(&socket);
        vigil.stopping();
        vigil.seen(true);
        assert_eq!(said(&socket), ["STOPPING=1"]);
    }
}
