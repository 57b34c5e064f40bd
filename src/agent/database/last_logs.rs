//! Attempt copy last logs: what the former active copy has and this one has not is fetched before
//! this one is activated, or counted.
//!
//! Fetched logs are placed into `pg_wal`, not handed to a `restore_command`. The manual of
//! PostgreSQL allows that for a standby, at any time (High Availability, Standby Server
//! Operation). It is sound because the receiver is switched off first, so that nobody else writes
//! there, and each file appears as a whole. It needs no process for each log on the way to an
//! activation, the agent knows how far the log goes
//! to the byte instead of waiting until replay seems to stand still, and what is here already is
//! compared with what is fetched before it is replaced.

use super::error::Error;
use super::files::{self, Configuration};
use super::instance::{Inner, Instance, blocking};
use super::keep::passive_log;
use super::logs::{Client, Connection, End};
use super::observe::{self, only, position};
use super::position::{
    History, LOG_BYTES, Position, Timeline, file_name, history_name, logs_missing,
};
use super::session::value;
use super::status::{Found, Goal, Observed};
use super::wal::{read_history, read_newest};
use rustix::process::Signal;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// How often it is looked whether the receiver is off, and replay is through.
const POLL: Duration = Duration::from_millis(2);

/// What came of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LastLogs {
    /// Logs fetched from the source; one that was here in part counts.
    pub copied: u64,
    /// Logs that are known to exist and are not here as a whole.
    pub missing: u64,
    /// Up to where the log is here now.
    pub have: Position,
    /// Up to where it is known to exist.
    pub known: Position,
}

/// What there is before.
struct Before {
    timeline: Timeline,
    have: Position,
    replayed: Position,
    known: Position,
    paused: bool,
}

impl Instance {
    /// Attempts to copy the last logs before the local, passive copy is mounted. `source` is the
    /// agent of the former active copy's host; its instance must not run any more:
    /// it was stopped in good order, and then nothing is left to be fetched as a rule, or it died.
    /// Without a source it only counts what is missing of the newest position that is known, by
    /// the active copy's own word or by [`Instance::heard`].
    ///
    /// The local copy copies from nobody after it, until it is mounted or told to follow. May be
    /// dropped: what has been fetched stays.
    ///
    /// # Errors
    /// `Refused` if this copy is active or the source runs, `NoPath`, `NoAnswer` and
    /// `NotAuthentic` about the source, `Content` if the two logs differ where both have one.
    pub async fn copy_last_logs(
        &self,
        source: Option<&Client>,
        limit: Duration,
    ) -> Result<LastLogs, Error> {
        let inner = &self.inner;
        inner.check_data(false)?;
        inner.set_goal(Goal::Hold);
        timeout(limit, inner.copy_last_logs(source, limit)).await.unwrap_or_else(|_| {
            let place = format!("database {}", inner.settings.name);
            Err(Error::NoAnswer { place, what: "copy last logs", limit })
        })
    }
}

impl Inner {
    async fn copy_last_logs(
        self: &Arc<Self>,
        source: Option<&Client>,
        limit: Duration,
    ) -> Result<LastLogs, Error> {
        let end_by = Instant::now() + limit.mul_f64(0.9);
        let _work = self.take("copy last logs", limit).await?;
        if self.process().is_none() && files::is_standby(&self.settings.data()) {
            self.start(true, self.without_source()).await?;
        }
        let before = self.before().await?;
        let count = |copied, have: Position, known: Position| LastLogs {
            copied,
            missing: logs_missing(have, known),
            have,
            known: known.max(have),
        };
        let Some(source) = source else { return Ok(count(0, before.have, before.known)) };
        let mut connection = source.connect(&self.settings.name).await?;
        let Some(there) = connection.end(before.replayed).await? else {
            let why = "the source still runs: dismount it, or end it, first".to_owned();
            return Err(self.refused("copy last logs", why));
        };
        let system = self.control().await?.system;
        if there.system != system {
            let why = format!("the source has another database (system {})", there.system);
            return Err(self.refused("copy last logs", why));
        }
        if there.timeline == before.timeline && before.have >= there.end {
            return Ok(count(0, before.have, before.known));
        }
        self.switch_receiver_off().await?;
        let before = Before { known: before.known, ..self.before().await? };
        let have = self.fetch(&mut connection, &before, there).await?;
        self.lock().on_disk = have;
        if !before.paused && !self.configuration().lag {
            self.replay(have, end_by).await?;
        }
        Ok(count(logs_missing(before.have, have), have, before.known.max(there.end)))
    }

    fn without_source(&self) -> Configuration {
        let lag = !self.settings.replay_lag.is_zero();
        Configuration { source: None, lag, acknowledging: Vec::new() }
    }

    /// What a passive copy has, to the byte: also what is on disk and not replayed.
    async fn before(&self) -> Result<Before, Error> {
        let observed: Observed = match self.find().await {
            Found::Observed(observed) if observed.passive => *observed,
            Found::Observed(_) => {
                return Err(self.refused("copy last logs", "this copy is active".to_owned()));
            }
            other @ (Found::NoData | Found::Stopped | Found::NotReady | Found::Silent) => {
                let why = format!("its instance is not ready ({other:?})");
                return Err(self.refused("copy last logs", why));
            }
        };
        let (wal, seen) = (self.settings.wal(), observed.clone());
        let control = self.control().await?;
        let (history, have) = blocking(move || passive_log(&wal, control.timeline, &seen)).await?;
        let known = self.lock().last.1.generated.max(have);
        let (timeline, replayed) = (history.timeline, observed.replayed.unwrap_or_default());
        Ok(Before { timeline, have, replayed, known, paused: observed.paused })
    }

    /// Has the local copy copy from nobody; nothing is written to its log after this. A server
    /// whose replay is paused, or waits, reads its configuration and leaves the receiver as it is:
    /// that one is ended by name.
    pub(super) async fn switch_receiver_off(&self) -> Result<(), Error> {
        self.reconfigure(self.without_source()).await?;
        let sql = "select pid from pg_stat_wal_receiver";
        loop {
            let rows = self.session.ask("whether it receives", sql, &[]).await?;
            let Some(row) = rows.first() else { return Ok(()) };
            let receiver: Option<i32> = value(row, "pid")?;
            if let (Some(pid), Some(process)) = (receiver, self.process()) {
                process.end_child(pid);
            }
            sleep(POLL).await;
        }
    }

    /// Fetches every log from the one on that is not here as a whole; up to where the log is here
    /// then.
    async fn fetch(
        &self,
        connection: &mut Connection,
        before: &Before,
        there: End,
    ) -> Result<Position, Error> {
        let history = self.fetch_history(connection, before, there.timeline).await?;
        if before.have >= there.end {
            return Ok(before.have);
        }
        for file in before.have.file()..=Position(there.end.0 - 1).file() {
            let Some(mut bytes) = connection.log(file).await? else {
                // Not a whole log behind what is here: that much is fetched.
                return Ok(Position::of_file(file).max(before.have));
            };
            // What comes after the end in a log file that was used before is no log.
            bytes.resize(LOG_BYTES as usize, 0);
            if file == there.end.file() {
                bytes[there.end.offset()..].fill(0);
            }
            let settings = self.settings.clone();
            let (history, have) = (history.clone(), before.have);
            blocking(move || {
                let here = read_newest(&settings.wal(), &history, file)?;
                let same = if file == have.file() { have.offset() } else { 0 };
                if here.is_some_and(|here| here[..same] != bytes[..same]) {
                    return Err(Error::Content {
                        path: file_name(history.timeline, file),
                        found: format!("a log at the source that differs before {have}"),
                        expected: "the same log; this copy has diverged",
                    });
                }
                // The newest timeline that can have this file.
                let timeline = history.candidates(file).first().copied();
                let name = file_name(timeline.unwrap_or(history.timeline), file);
                files::place_log(&settings, &name, &bytes)
            })
            .await?;
        }
        Ok(there.end.max(before.have))
    }

    /// The history of the source's timeline; placed first, if that is not the one here, so that
    /// replay changes over to it.
    async fn fetch_history(
        &self,
        connection: &mut Connection,
        before: &Before,
        timeline: Timeline,
    ) -> Result<History, Error> {
        let wal = self.settings.wal();
        if timeline == before.timeline {
            return blocking(move || read_history(&wal, timeline)).await;
        }
        let bytes = connection.history(timeline).await?.unwrap_or_default();
        let history = History::parse(timeline, &String::from_utf8_lossy(&bytes))?;
        if history.shared(before.timeline).is_none_or(|shared| before.have > shared) {
            let why = format!(
                "this copy has log of timeline {} up to {}, which timeline {timeline} of the \
                 source has not",
                before.timeline, before.have
            );
            return Err(self.refused("copy last logs", why));
        }
        let settings = self.settings.clone();
        blocking(move || {
            let path = settings.wal().join(history_name(timeline));
            files::write(&path, &bytes, 0o600, &settings.user)
        })
        .await?;
        Ok(history)
    }

    /// Waits until it is replayed. If that takes too long the mount replays the rest.
    async fn replay(&self, end: Position, end_by: Instant) -> Result<(), Error> {
        if let Some(process) = self.process() {
            // A server that reads its configuration looks for log at once.
            process.signal(Signal::HUP)?;
        }
        let sql = "select pg_last_wal_replay_lsn() as replayed";
        while Instant::now() < end_by {
            let rows = self.session.ask("how far it has replayed", sql, &[]).await?;
            if position(only(&rows)?, "replayed")?.unwrap_or_default() >= end {
                break;
            }
            sleep(POLL).await;
        }
        observe::observe(&self.session).await.map(drop)
    }
}
