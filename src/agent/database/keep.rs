//! Looks after an instance: a passive copy is made to follow, an active one has a slot for each
//! copy, a full disk is noticed.

use super::activate::checkpoint;
use super::control::{Control, Left};
use super::decide::{Local, Source, Step, decide};
use super::error::{Error, Kind};
use super::files::{self, Configuration, State};
use super::instance::{Event, Inner, blocking};
use super::mend;
use super::observe;
use super::position::{History, Position, Timeline};
use super::process;
use super::session::Session;
use super::settings::{Node, Settings};
use super::status::{Found, Goal, Observed, Task};
use super::wal::{Log, newest_history, read_history};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// How often an instance is looked after: 1 s (assumed).
const CALM: Duration = Duration::from_secs(1);
/// How often it is as long as something is to be done: 100 ms (assumed).
const BUSY: Duration = Duration::from_millis(100);
/// How long a copy that becomes passive is given to stop in good order: 5 s (assumed).
const STOP: Duration = Duration::from_secs(5);

/// Looks after an instance for ever.
pub(super) async fn keep(inner: Arc<Inner>) {
    let mut told = None;
    loop {
        inner.look_at_disk().await;
        let wait = match inner.attend().await {
            Ok(true) => {
                told = None;
                CALM
            }
            Ok(false) => BUSY,
            Err(error) => {
                let why = error.to_string();
                if told.as_ref() != Some(&why) {
                    let database = &inner.settings.name;
                    tracing::warn!(%database, %why, "a copy cannot go on; it is tried again");
                    told = Some(why.clone());
                }
                inner.lock().why = Some(why);
                BUSY
            }
        };
        // Whether it was poked or the time is over, it is looked after again.
        let _ = timeout(wait, inner.poke.notified()).await;
    }
}

impl Inner {
    async fn look_at_disk(&self) {
        let settings = self.settings.clone();
        let free = blocking(move || {
            process::trim_log(&settings);
            Ok(rustix::fs::statvfs(&settings.directory).ok())
        })
        .await;
        let Ok(Some(disk)) = free else { return };
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        let low = free < self.settings.least_free;
        let was_low = std::mem::replace(&mut self.lock().disk_low, low);
        if low && !was_low {
            self.tell(Event::DiskLow { free });
        }
    }

    /// Does what is to be done next; whether that was all.
    async fn attend(self: &Arc<Self>) -> Result<bool, Error> {
        let (goal, turn) = self.goal();
        match goal {
            Goal::None | Goal::Hold => Ok(true),
            Goal::Active => self.attend_active(turn).await,
            Goal::Follow { source, suspended } => {
                self.attend_passive(turn, source.filter(|_| !suspended), suspended).await
            }
        }
    }

    async fn attend_active(&self, turn: u64) -> Result<bool, Error> {
        if self.lock().chores_done || self.process().is_none() {
            return Ok(true);
        }
        // Nothing can be done for it while it is being promoted.
        let Ok(_work) = self.work.try_lock() else { return Ok(false) };
        if self.goal().1 != turn || observe::is_passive(&self.session).await? {
            return Ok(false);
        }
        for node in self.settings.peers.keys() {
            observe::ensure_slot(&self.session, *node).await?;
        }
        let acknowledging = self.configuration().acknowledging;
        self.reconfigure(Configuration { acknowledging, ..Configuration::default() }).await?;
        self.lock().chores_done = true;
        Ok(true)
    }

    async fn attend_passive(
        self: &Arc<Self>,
        turn: u64,
        source: Option<Node>,
        suspended: bool,
    ) -> Result<bool, Error> {
        if self.check_data(true).is_err() {
            return self.rest(turn).await;
        }
        let found = self.find().await;
        let copies = self.configuration().source == source;
        if let Found::Observed(observed) = &found
            && observed.passive
            && copies
            && observed.paused == suspended
            && (if source.is_none() { observed.receiver.is_none() } else { observed.streaming })
        {
            self.lock().unreachable = false;
            return Ok(true);
        }
        let local = match found {
            Found::Observed(observed) => self.local_running(&observed).await?,
            Found::Stopped => self.local_stopped().await?,
            Found::NotReady if source.is_some() && !copies => {
                // Starting it has been waited for already: it may have been taken over from the
                // active copy just before an end of the agent, and be in need of its log.
                let lag = !self.settings.replay_lag.is_zero();
                let copying = Configuration { source, lag, acknowledging: Vec::new() };
                let _work = self.work.lock().await;
                if self.goal().1 == turn && files::is_standby(&self.settings.data()) {
                    self.prepare_source(source).await;
                    self.reconfigure(copying).await?;
                }
                return Ok(false);
            }
            Found::NotReady | Found::Silent | Found::NoData => return Ok(false),
        };
        let there = match source {
            Some(node) => self.probe(node).await,
            None => None,
        };
        let _work = self.work.lock().await;
        if self.goal().1 != turn {
            return Ok(false);
        }
        let step = if source.is_none() { alone(&local) } else { decide(&local, there.as_ref()) };
        self.perform(step, source, suspended).await
    }

    /// A copy that cannot follow asks nobody for log.
    async fn rest(&self, turn: u64) -> Result<bool, Error> {
        if self.configuration().source.is_none() || self.process().is_none() {
            return Ok(true);
        }
        let _work = self.work.lock().await;
        if self.goal().1 == turn {
            self.reconfigure(Configuration::default()).await?;
        }
        Ok(true)
    }

    async fn local_running(&self, observed: &Observed) -> Result<Local, Error> {
        if !observed.passive {
            return Ok(Local::Active);
        }
        let (wal, observed) = (self.settings.wal(), observed.clone());
        let data = self.settings.data();
        blocking(move || {
            let control = Control::read(&data)?;
            let (history, have) = passive_log(&wal, control.timeline, &observed)?;
            let begun = history.timeline == control.timeline;
            Ok(Local::Passive { system: control.system, history, begun, have })
        })
        .await
    }

    async fn local_stopped(&self) -> Result<Local, Error> {
        let settings = self.settings.clone();
        blocking(move || stopped(&settings)).await
    }

    /// What a peer has; none if it cannot be asked.
    async fn probe(&self, node: Node) -> Option<Source> {
        let result = async {
            let session = self.peer(node).await?;
            observe::probe(&session).await
        }
        .await;
        let mut shared = self.lock();
        shared.unreachable = result.is_err();
        match result {
            Ok(source) => {
                shared.why = None;
                Some(source)
            }
            Err(error) => {
                shared.why = Some(error.to_string());
                None
            }
        }
    }

    /// A connection to a peer's instance.
    pub(super) async fn peer(&self, node: Node) -> Result<Session, Error> {
        let settings = self.settings.clone();
        let password = blocking(move || settings.password()).await?;
        Session::peer(&self.settings, node, &password)
            .ok_or_else(|| self.refused("ask a peer", format!("node {node} is no peer of it")))
    }

    /// Does a step; the work is held. Whether it was the last.
    async fn perform(
        self: &Arc<Self>,
        step: Step,
        source: Option<Node>,
        suspended: bool,
    ) -> Result<bool, Error> {
        let lag = !self.settings.replay_lag.is_zero();
        let copying = Configuration { source, lag, acknowledging: Vec::new() };
        match step {
            Step::Wait(why) => {
                let mut shared = self.lock();
                shared.why.get_or_insert_with(|| why.to_owned());
                Ok(false)
            }
            Step::Demote => {
                let _doing = self.begin(Task::Dismounting);
                self.stop(STOP).await.map(|_| false)
            }
            Step::Start | Step::BecomePassive => {
                self.start(true, Configuration { source: None, ..copying }).await?;
                self.pause(suspended).await?;
                observe::drop_slots(&self.session).await?;
                Ok(false)
            }
            Step::Copy => {
                self.prepare_source(source).await;
                if source.is_none() {
                    // Before replay is paused: one that is does not notice.
                    self.switch_receiver_off().await?;
                } else if self.configuration() != copying {
                    self.reconfigure(copying).await?;
                }
                self.pause(suspended).await?;
                observe::drop_slots(&self.session).await?;
                Ok(source.is_none())
            }
            Step::Abandon(timeline) => {
                self.stop(STOP).await?;
                let wal = self.settings.wal();
                blocking(move || mend::remove_timeline(&wal, timeline)).await.map(|()| false)
            }
            Step::Rewind(shared) => {
                let Some(node) = source else { return Ok(true) };
                self.rewind(node, shared).await?;
                if !matches!(self.lock().state, State::Whole) {
                    return Ok(false);
                }
                // What was taken over from an active copy that goes on writing is consistent only
                // with log that it has written since: one that copies from nobody never is.
                self.prepare_source(source).await;
                self.start(true, copying).await?;
                self.pause(suspended).await?;
                observe::drop_slots(&self.session).await?;
                Ok(false)
            }
            Step::CutOff(why) => {
                self.set_state(State::CutOff(why)).await?;
                self.reconfigure(Configuration { source: None, ..copying }).await?;
                Ok(true)
            }
        }
    }

    /// Makes the slot at the active copy. If that cannot be asked, it makes the slot itself when
    /// it is mounted.
    async fn prepare_source(&self, source: Option<Node>) {
        let Some(node) = source else { return };
        let Ok(peer) = self.peer(node).await else { return };
        let made = observe::ensure_slot(&peer, self.settings.node).await;
        if let Err(error) = made {
            self.lock().why = Some(error.to_string());
        }
    }

    async fn pause(&self, suspended: bool) -> Result<(), Error> {
        let sql = if suspended {
            "select pg_wal_replay_pause() where pg_get_wal_replay_pause_state() = 'not paused'"
        } else {
            "select pg_wal_replay_resume() where pg_get_wal_replay_pause_state() <> 'not paused'"
        };
        self.session.ask("pause or resume replay", sql, &[]).await.map(drop)
    }

    /// Has `pg_rewind` take back what the active copy does not have; the work is held.
    async fn rewind(self: &Arc<Self>, node: Node, shared: Position) -> Result<(), Error> {
        let _doing = self.begin(Task::Mending);
        if !self.stop(STOP).await? && files::is_standby(&self.settings.data()) {
            // A passive copy must have stopped in good order: it is started and stopped again.
            self.start(true, Configuration::default()).await?;
            self.stop(STOP).await?;
        }
        let peer = self.peer(node).await?;
        checkpoint(&peer, self.settings.limits.mend).await?;
        let control = self.control().await?;
        self.set_state(State::Mending).await?;
        match mend::rewind(&self.settings, node, control.timeline, shared).await {
            Ok(()) => self.set_state(State::Whole).await,
            Err(mend::Failed { untouched: true, error }) if error.kind() == Kind::NoPath => {
                self.set_state(State::Whole).await?;
                Err(error)
            }
            Err(mend::Failed { untouched: true, error }) => {
                self.set_state(State::CutOff(error.to_string())).await
            }
            Err(mend::Failed { untouched: false, error }) => {
                self.set_state(State::Broken(error.to_string())).await
            }
        }
    }
}

/// What a copy does that copies from nobody.
fn alone(local: &Local) -> Step {
    match local {
        Local::Active => Step::Wait("it is active, and was told that the database is nowhere"),
        Local::Passive { .. } => Step::Copy,
        Local::Stopped { marked: true, .. }
        | Local::Stopped { left: Left::Passive | Left::StoppedPassive, .. } => Step::Start,
        Local::Stopped { .. } => Step::Wait("it was active, and nothing is active now"),
    }
}

/// The timeline of a passive copy and how far its log goes, to the byte: what is on disk and not
/// replayed yet counts, as it would be replayed. It blocks.
pub(super) fn passive_log(
    wal: &Path,
    known: Timeline,
    observed: &Observed,
) -> Result<(History, Position), Error> {
    let known = known.max(observed.timeline);
    let history = newest_history(wal, known, observed.have())?;
    let replayed = observed.replayed.unwrap_or_default();
    let have = Log::new(wal, &history).end(replayed)?.max(observed.have());
    Ok((history, have))
}

fn stopped(settings: &Settings) -> Result<Local, Error> {
    let data = settings.data();
    let control = Control::read(&data)?;
    let wal = settings.wal();
    let history = read_history(&wal, control.timeline)?;
    let end = Log::new(&wal, &history).end(control.redo)?;
    Ok(Local::Stopped {
        system: control.system,
        history,
        marked: files::is_standby(&data),
        left: control.left,
        end,
    })
}
