//! An instance and what is known of it.

use super::control::Control;
use super::error::Error;
use super::files::{self, Configuration, State};
use super::observe;
use super::position::{Position, Timeline};
use super::process::{self, Process, Trouble};
use super::session::{Session, is_not_ready};
use super::settings::{Node, Settings};
use super::status::{CopyReport, Found, Goal, Known, Observed, Positions, Task, judge};
use rustix::process::Signal;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

/// Events that may wait to be taken; what is more is dropped, as the state tells it too.
const EVENTS: usize = 64;
/// What a server says that finds another's memory of the same data.
const KEPT: &str = "pre-existing shared memory block";
/// How long it is left alone then (assumed).
const KEPT_PAUSE: Duration = Duration::from_millis(50);
/// How often a starting instance is asked whether it is ready.
const READY_POLL: Duration = Duration::from_millis(5);

/// Something noticed without having been asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// The instance ended, and nobody had asked for it.
    Failed {
        /// What the end of its log tells.
        trouble: Trouble,
        /// Whether it was active.
        was_active: bool,
        /// How it ended and the end of its log.
        why: String,
    },
    /// The disk is nearly full; told once until there is room again.
    DiskLow {
        /// Bytes that are free.
        free: u64,
    },
}

/// One mailbox database's copy on this host. Dropped, it is no longer looked after; the server
/// runs on, and is found again by the next [`Instance::open`].
pub struct Instance {
    pub(super) inner: Arc<Inner>,
    keeper: JoinHandle<()>,
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

pub(super) struct Inner {
    pub(super) settings: Settings,
    pub(super) session: Session,
    /// Held by whoever changes the instance.
    pub(super) work: tokio::sync::Mutex<()>,
    shared: Mutex<Shared>,
    pub(super) poke: Notify,
    events: mpsc::Sender<Event>,
}

/// What is known.
#[derive(Default)]
pub(super) struct Shared {
    pub(super) process: Option<Arc<Process>>,
    pub(super) goal: Goal,
    /// Counts the goals, so that work for an old one is given up.
    pub(super) turn: u64,
    pub(super) since: Option<Instant>,
    pub(super) task: Task,
    pub(super) state: State,
    pub(super) configuration: Configuration,
    /// Whether it ended without having been asked.
    pub(super) ended: bool,
    pub(super) has_streamed: bool,
    pub(super) unreachable: bool,
    pub(super) was_active: bool,
    pub(super) why: Option<String>,
    /// What was heard of the active copy.
    pub(super) heard: (Timeline, Position),
    /// Up to where log was put on disk behind the server's back.
    pub(super) on_disk: Position,
    pub(super) last: (Timeline, Positions),
    pub(super) chores_done: bool,
    pub(super) disk_low: bool,
}

impl Instance {
    /// Opens the copy on this host: checks the settings, makes its home if there is none, finds
    /// the server if one runs already. Nothing is started. Must be called inside a tokio runtime
    /// with time and I/O. May be dropped.
    ///
    /// # Errors
    /// `Setting`, `File`, `Process`.
    pub async fn open(settings: Settings) -> Result<(Instance, mpsc::Receiver<Event>), Error> {
        settings.check()?;
        let (settings, state, configuration) = blocking(move || {
            files::make_home(&settings)?;
            let state = match State::load(&settings)? {
                State::Mending => {
                    let broken = State::Broken("it was being mended when the agent ended".into());
                    broken.store(&settings)?;
                    broken
                }
                State::Whole => State::Whole,
                State::CutOff(why) => State::CutOff(why),
                State::Broken(why) => State::Broken(why),
            };
            let configuration = files::load_configuration(&settings);
            Ok((settings, state, configuration))
        })
        .await?;
        let (events, receiver) = mpsc::channel(EVENTS);
        let inner = Arc::new(Inner {
            session: Session::local(&settings),
            settings,
            work: tokio::sync::Mutex::default(),
            shared: Mutex::new(Shared { state, configuration, ..Shared::default() }),
            poke: Notify::new(),
            events,
        });
        if let Some(process) = Process::find(&inner.settings)? {
            inner.adopt(process);
        }
        let keeper = tokio::spawn(super::keep::keep(Arc::clone(&inner)));
        Ok((Instance { inner, keeper }, receiver))
    }

    /// Its settings.
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// The number of the server's process, if it runs.
    pub fn process(&self) -> Option<i32> {
        self.inner.process().map(|process| process.pid())
    }

    /// Tells how far the active copy's log goes, as heard with its heartbeats: what a passive
    /// copy needs when the active one is dead (linux-ha.md §9, LastLogGenerated).
    pub fn heard(&self, timeline: Timeline, generated: Position) {
        let mut shared = self.inner.lock();
        shared.heard = shared.heard.max((timeline, generated));
    }

    /// The state of the copy. Takes at most `limits.answer` (twice, if it is active) and never
    /// waits for work that is under way. May be dropped.
    pub async fn status(&self) -> CopyReport {
        let found = self.inner.find().await;
        self.inner.report(&found)
    }

    /// Has the local copy copy from where the database is active now (none: from nowhere), or,
    /// if it is suspended, copy and replay nothing. Returns at once; the state tells how far it
    /// is: a copy that has diverged is mended first, one that cannot be mended becomes
    /// FailedAndSuspended until [`Instance::seed`]. An active copy stops being active.
    ///
    /// # Errors
    /// `Refused` if the node is no peer.
    pub fn follow(&self, active: Option<Node>, suspended: bool) -> Result<(), Error> {
        if let Some(node) = active.filter(|node| !self.inner.settings.peers.contains_key(node)) {
            return Err(self.inner.refused("follow", format!("node {node} is no peer of it")));
        }
        self.inner.set_goal(Goal::Follow { source: active, suspended });
        Ok(())
    }
}

impl Inner {
    pub(super) fn lock(&self) -> MutexGuard<'_, Shared> {
        // Nothing panics while it holds this; if it did, the state is as good as before.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn process(&self) -> Option<Arc<Process>> {
        self.lock().process.clone().filter(|process| !process.has_ended())
    }

    pub(super) fn refused(&self, what: &'static str, why: String) -> Error {
        Error::Refused { database: self.settings.name.clone(), what, why }
    }

    /// Sets what the copy is to be; the same again changes nothing.
    pub(super) fn set_goal(&self, goal: Goal) {
        let mut shared = self.lock();
        if shared.goal != goal {
            shared.goal = goal;
            shared.turn += 1;
            shared.since = Some(Instant::now());
            shared.has_streamed = false;
            shared.unreachable = false;
            shared.chores_done = false;
            shared.why = None;
        }
        drop(shared);
        self.poke.notify_one();
    }

    pub(super) fn goal(&self) -> (Goal, u64) {
        let shared = self.lock();
        (shared.goal, shared.turn)
    }

    /// Marks a task for as long as the answer is kept.
    pub(super) fn begin(self: &Arc<Self>, task: Task) -> Doing {
        self.lock().task = task;
        Doing(Arc::clone(self))
    }

    /// Keeps the lasting state.
    pub(super) async fn set_state(&self, state: State) -> Result<(), Error> {
        let (settings, kept) = (self.settings.clone(), state.clone());
        blocking(move || kept.store(&settings)).await?;
        self.lock().state = state;
        Ok(())
    }

    /// Looks after a process: its end is told if nobody asked for it.
    fn adopt(self: &Arc<Self>, process: Process) -> Arc<Process> {
        let process = Arc::new(process);
        {
            let mut shared = self.lock();
            shared.process = Some(Arc::clone(&process));
            shared.ended = false;
            shared.on_disk = Position::default();
        }
        let (weak, watched) = (Arc::downgrade(self), Arc::clone(&process));
        tokio::spawn(async move {
            watched.ended().await;
            // The kernel tells how it ended a little later.
            sleep(Duration::from_millis(2)).await;
            if let Some(inner) = weak.upgrade() {
                inner.has_ended(&watched).await;
            }
        });
        process
    }

    async fn has_ended(&self, process: &Arc<Process>) {
        self.session.forget().await;
        let (settings, ended) = (self.settings.clone(), Arc::clone(process));
        let log = blocking(move || Ok(ended.log(&settings))).await.unwrap_or_default();
        let event = {
            let mut shared = self.lock();
            if shared.process.as_ref().is_some_and(|current| Arc::ptr_eq(current, process)) {
                shared.process = None;
            }
            if process.was_asked() {
                return;
            }
            let why = format!("{}; its log ends: {}", process.status(), process::shortened(&log));
            shared.ended = true;
            shared.why = Some(why.clone());
            Event::Failed { trouble: Trouble::of_log(&log), was_active: shared.was_active, why }
        };
        self.tell(event);
        self.poke.notify_one();
    }

    pub(super) fn tell(&self, event: Event) {
        // With nobody there to hear it, it need not be told.
        let _ = self.events.try_send(event);
    }

    /// What is in the way of using the data; none if they are there and whole.
    pub(super) fn check_data(&self, also_cut_off: bool) -> Result<(), Error> {
        let unusable = |why: String| Error::Unusable {
            database: self.settings.name.clone(),
            why,
            remedy: "seed this copy",
        };
        match &self.lock().state {
            State::Broken(why) => return Err(unusable(why.clone())),
            State::CutOff(why) if also_cut_off => return Err(unusable(why.clone())),
            State::Mending => return Err(unusable("it is being mended".to_owned())),
            State::CutOff(_) | State::Whole => {}
        }
        if self.settings.data().join("PG_VERSION").is_file() {
            return Ok(());
        }
        let data = self.settings.data();
        Err(unusable(format!("there is no database in {}", data.display())))
    }

    /// Starts the server, passive or active, and waits until it answers. The work is held by the
    /// caller. Dropped, the server runs on.
    ///
    /// # Errors
    /// `Ended` if it ends instead, `NoAnswer` if it is not ready in time, `File`, `Process`.
    pub(super) async fn start(
        self: &Arc<Self>,
        passive: bool,
        configuration: Configuration,
    ) -> Result<(), Error> {
        let begin = Instant::now();
        loop {
            match self.start_once(passive, configuration.clone()).await {
                // The children of a server that was killed end a little later than it does, and
                // keep its memory until then.
                Err(Error::Ended { output, .. })
                    if output.contains(KEPT) && begin.elapsed() < self.settings.limits.start =>
                {
                    sleep(KEPT_PAUSE).await;
                }
                ended => return ended,
            }
        }
    }

    async fn start_once(
        self: &Arc<Self>,
        passive: bool,
        configuration: Configuration,
    ) -> Result<(), Error> {
        self.configure(configuration).await?;
        let settings = self.settings.clone();
        blocking(move || {
            let data = settings.data();
            files::clear_auto(&settings, &data)?;
            files::clear_lock(&settings, &data)?;
            files::clear_socket(&settings)?;
            if passive { files::set_standby(&settings, &data) } else { Ok(()) }
        })
        .await?;
        self.session.forget().await;
        let process = self.adopt(Process::start(&self.settings)?);
        let begin = Instant::now();
        loop {
            match observe::is_passive(&self.session).await {
                Ok(is_passive) => {
                    self.lock().was_active = !is_passive;
                    return Ok(());
                }
                Err(_) if process.has_ended() => {
                    sleep(Duration::from_millis(5)).await;
                    let output = process::shortened(&process.log(&self.settings));
                    let (database, status) = (self.settings.name.clone(), process.status());
                    return Err(Error::Ended { database, status, output });
                }
                Err(error) if begin.elapsed() > self.settings.limits.start => return Err(error),
                Err(_) => sleep(READY_POLL).await,
            }
        }
    }

    /// Writes the configuration if it has changed.
    pub(super) async fn configure(&self, configuration: Configuration) -> Result<(), Error> {
        let (settings, wanted) = (self.settings.clone(), configuration.clone());
        blocking(move || files::configure(&settings, &wanted)).await?;
        self.lock().configuration = configuration;
        Ok(())
    }

    /// Writes the configuration, and has a running server read it.
    pub(super) async fn reconfigure(&self, configuration: Configuration) -> Result<(), Error> {
        self.configure(configuration).await?;
        self.process().map_or(Ok(()), |process| process.signal(Signal::HUP))
    }

    pub(super) fn configuration(&self) -> Configuration {
        self.lock().configuration.clone()
    }

    /// Stops the server if it runs; whether in good order. The work is held by the caller.
    pub(super) async fn stop(&self, limit: Duration) -> Result<bool, Error> {
        let Some(process) = self.process() else { return Ok(true) };
        let clean = process.stop(limit).await?;
        self.session.forget().await;
        self.lock().was_active = false;
        Ok(clean)
    }

    /// What the instance is found to be. Bounded by the limit of an answer.
    pub(super) async fn find(&self) -> Found {
        if self.process().is_none() {
            return match self.settings.data().join("PG_VERSION").is_file() {
                true => Found::Stopped,
                false => Found::NoData,
            };
        }
        match observe::observe(&self.session).await {
            Ok(observed) => {
                self.note(&observed);
                Found::Observed(Box::new(observed))
            }
            Err(_) if self.process().is_none() => Found::Stopped,
            Err(error) if is_not_ready(&error) => Found::NotReady,
            // Its socket is not there yet: it has only begun to start.
            Err(Error::NoPath { .. }) => Found::NotReady,
            Err(error) => {
                self.lock().why = Some(error.to_string());
                Found::Silent
            }
        }
    }

    fn note(&self, observed: &Observed) {
        let mut shared = self.lock();
        shared.was_active = !observed.passive;
        shared.has_streamed |= observed.streaming;
        // What the active copy told counts also after the connection to it is gone.
        let told = observed.told.map(|told| (observed.timeline, told));
        shared.heard = told.map_or(shared.heard, |told| shared.heard.max(told));
        let heard = match shared.heard {
            (timeline, position) if timeline >= observed.timeline => position,
            _ => Position::default(),
        };
        let positions = observed.positions(heard, shared.on_disk);
        shared.last = (observed.timeline, positions);
    }

    pub(super) fn report(&self, found: &Found) -> CopyReport {
        let shared = self.lock();
        let recent =
            shared.since.is_some_and(|since| since.elapsed() < self.settings.limits.initializing);
        let known = Known {
            goal: shared.goal,
            task: shared.task,
            state: shared.state.clone(),
            ended: shared.ended,
            has_streamed: shared.has_streamed,
            recent,
            unreachable: shared.unreachable,
        };
        let status = judge(&known, found);
        let (timeline, positions) = shared.last;
        let (generated, inspected, replayed) = positions.generations();
        let streams = match found {
            Found::Observed(observed) => observed.streams.clone(),
            Found::NoData | Found::Stopped | Found::NotReady | Found::Silent => Vec::new(),
        };
        let seeding = match shared.task {
            Task::Seeding(here, all) => Some((here, all)),
            Task::None | Task::Creating | Task::Mounting | Task::Dismounting | Task::Mending => {
                None
            }
        };
        let why = match &shared.state {
            State::CutOff(why) | State::Broken(why) => Some(why.clone()),
            State::Whole | State::Mending => shared.why.clone(),
        };
        CopyReport {
            status,
            generated,
            inspected,
            replayed,
            positions,
            timeline,
            streams,
            seeding,
            why,
        }
    }

    /// What the control file says.
    pub(super) async fn control(&self) -> Result<Control, Error> {
        let data = self.settings.data();
        blocking(move || Control::read(&data)).await
    }
}

/// A task that is under way; over when dropped.
pub(super) struct Doing(Arc<Inner>);

impl Drop for Doing {
    fn drop(&mut self) {
        self.0.lock().task = Task::None;
    }
}

/// Runs what blocks on a thread that may. It runs to its end also if nobody waits for it.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            // Our own broken invariant: it goes on to who called.
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(error) => Err(Error::file("run", "a blocking task", std::io::Error::other(error))),
        },
    }
}
