//! A copy is made active, and stops being it.

use super::control::Left;
use super::error::Error;
use super::files::{self, Configuration, State};
use super::instance::{Inner, Instance, blocking};
use super::observe::{self, only, position};
use super::position::{Position, Timeline};
use super::process::{command, run};
use super::session::{Session, value};
use super::settings::{AGENT_ROLE, Settings};
use super::status::{Goal, Positions, Task};
use rustix::process::Signal;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::MutexGuard;
use tokio::time::{Instant, sleep, timeout};

/// How often a copy that is being promoted is asked whether it is active (linux-ha.md §9, mount).
const PROMOTION_POLL: Duration = Duration::from_millis(1);
/// After how many such polls a server that is still passive is told to look again (assumed).
const PROMOTION_NUDGE: u64 = 10;

/// An active copy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mounted {
    /// Its timeline.
    pub timeline: Timeline,
    /// How far its log goes.
    pub position: Position,
    /// Whether it was passive before.
    pub promoted: bool,
    /// Whether a promotion was found that had been interrupted.
    pub resumed: bool,
}

impl Instance {
    /// Makes an empty database here; it is left dismounted, to be mounted here and seeded to the
    /// other nodes. May be dropped: what was made of it until then is removed by the next try.
    ///
    /// # Errors
    /// `Refused` if there is one already, `Program`, `File`, `NoAnswer` after `limit`.
    pub async fn create(&self, limit: Duration) -> Result<(), Error> {
        let inner = &self.inner;
        let _work = inner.take("create", limit).await?;
        if inner.settings.data().exists() {
            let data = inner.settings.data();
            return Err(inner.refused("create", format!("{} exists already", data.display())));
        }
        let _doing = inner.begin(Task::Creating);
        let fresh = inner.settings.directory.join("data.new");
        let (settings, made) = (inner.settings.clone(), fresh.clone());
        let password = blocking(move || {
            remove_tree(&made)?;
            files::configure(&settings, &Configuration::default())?;
            settings.password()
        })
        .await?;
        let mut initdb = command(&inner.settings, "initdb");
        initdb.arg("-D").arg(&fresh).arg("-U").arg(AGENT_ROLE).args([
            "--wal-segsize=1",
            "--encoding=UTF8",
            "--locale=C",
            "--auth-local=peer",
            "--auth-host=scram-sha-256",
        ]);
        run(initdb, "", "make a database", limit).await?;
        let mut single = command(&inner.settings, "postgres");
        let config = inner.settings.directory.join("postgresql.conf");
        single
            .args(["--single", "-D"])
            .arg(&fresh)
            .arg("-c")
            .arg(format!("config_file={}", config.display()))
            .arg("-c")
            .arg(format!("data_directory={}", fresh.display()))
            .args(["-c", "exit_on_error=on", "postgres"]);
        let roles = roles(&inner.settings, &password);
        let told = run(single, &roles, "make its roles", limit).await?;
        if told.contains("ERROR:") || told.contains("FATAL:") {
            let program = inner.settings.program("postgres");
            return Err(Error::Program { program, status: "it went on".into(), output: told });
        }
        let settings = inner.settings.clone();
        blocking(move || {
            State::Whole.store(&settings)?;
            let data = settings.data();
            std::fs::rename(&fresh, &data).map_err(|error| Error::file("rename", &fresh, error))
        })
        .await?;
        inner.lock().state = State::Whole;
        Ok(())
    }

    /// Makes the local copy active: promotes a passive one, which first replays what it has; or
    /// starts one that was active before, where it was. One that is active stays so. A promotion
    /// that was interrupted is found by what it left behind, and is done again. Who may be active
    /// is for the caller to decide.
    ///
    /// Should not be dropped: a promotion that was begun goes on, and the next call takes it up.
    ///
    /// # Errors
    /// `Unusable` if the data are not whole, `Refused` if they are being changed, `NoAnswer` after
    /// `limit` (it may become active later), and those of the start.
    pub async fn mount(&self, limit: Duration) -> Result<Mounted, Error> {
        let inner = &self.inner;
        inner.check_data(false)?;
        if let task @ (Task::Mending | Task::Seeding(..) | Task::Creating) = inner.lock().task {
            return Err(inner.refused("mount", format!("its data are being changed ({task:?})")));
        }
        inner.set_goal(Goal::Active);
        let mounted = timeout(limit, inner.mount(limit)).await.unwrap_or_else(|_| {
            let place = format!("database {}", inner.settings.name);
            Err(Error::NoAnswer { place, what: "mount", limit })
        });
        if mounted.is_err() {
            inner.set_goal(Goal::Hold);
        }
        inner.poke.notify_one();
        mounted
    }

    /// Stops the local copy: in good order within `limit`, so that every copy that streams has
    /// all of the log; otherwise at once. Answers whether it stopped in good order. One that does
    /// not run is dismounted already. Should not be dropped.
    ///
    /// # Errors
    /// `NoAnswer` if not even force ends it.
    pub async fn dismount(&self, limit: Duration) -> Result<bool, Error> {
        let inner = &self.inner;
        inner.set_goal(Goal::None);
        let (work, forced) = match inner.take("dismount", limit).await {
            Ok(work) => (work, false),
            // Whoever works waits for a server that does not answer, and would for longer.
            Err(_) => {
                if let Some(process) = inner.process() {
                    process.kill(limit).await?;
                }
                (inner.take("dismount", limit).await?, true)
            }
        };
        let _doing = inner.begin(Task::Dismounting);
        let clean = inner.stop(limit).await? && !forced;
        drop(work);
        Ok(clean)
    }

    /// Ends every process of the local copy by force, also frozen ones, without waiting for work
    /// that is under way: for fencing. Nothing is written by it after this returns `Ok`. What was
    /// acknowledged is on disk. Should not be dropped.
    ///
    /// # Errors
    /// `NoAnswer` if they do not end within `limit`.
    pub async fn kill_now(&self, limit: Duration) -> Result<(), Error> {
        self.inner.set_goal(Goal::None);
        let Some(process) = self.inner.process() else { return Ok(()) };
        process.kill(limit).await
    }
}

impl Inner {
    /// The right to change the instance.
    pub(super) async fn take(
        &self,
        what: &'static str,
        limit: Duration,
    ) -> Result<MutexGuard<'_, ()>, Error> {
        timeout(limit, self.work.lock()).await.map_err(|_| {
            let task = self.lock().task;
            self.refused(what, format!("other work is under way ({task:?}); try again later"))
        })
    }

    async fn mount(self: &Arc<Self>, limit: Duration) -> Result<Mounted, Error> {
        let _work = self.take("mount", limit).await?;
        self.check_data(false)?;
        let _doing = self.begin(Task::Mounting);
        let mut resumed = false;
        if self.process().is_none() {
            resumed = self.start_for_mount().await?;
        }
        let state = "select pg_is_in_recovery() as passive, case when pg_is_in_recovery() \
                     then pg_get_wal_replay_pause_state() <> 'not paused' else false end as paused";
        let rows = self.session.ask("whether it is passive", state, &[]).await?;
        let (promoted, paused) = (value(only(&rows)?, "passive")?, value(only(&rows)?, "paused")?);
        if promoted {
            self.promote(paused).await?;
        }
        let end = "select pg_current_wal_flush_lsn() as flushed, \
                   pg_walfile_name(pg_current_wal_insert_lsn()) as file";
        let rows = self.session.ask("its position", end, &[]).await?;
        let file: String = value(only(&rows)?, "file")?;
        let position = position(only(&rows)?, "flushed")?.unwrap_or_default();
        let timeline = super::position::parse_file_name(&file).map_or(0, |(timeline, _)| timeline);
        let mut shared = self.lock();
        shared.was_active = true;
        // It may end before anybody asks for its status.
        let positions = Positions { generated: position, inspected: position, replayed: position };
        shared.last = (timeline, positions);
        drop(shared);
        Ok(Mounted { timeline, position, promoted, resumed })
    }

    /// Starts a stopped copy; whether it was in the middle of a promotion.
    async fn start_for_mount(self: &Arc<Self>) -> Result<bool, Error> {
        let left = self.control().await?.left;
        let marked = files::is_standby(&self.settings.data());
        // Without its mark, and yet passive by its control file: it would start as active on the
        // timeline of the copy that it followed. It is marked again, and promoted properly.
        let interrupted = !marked && matches!(left, Left::Passive | Left::StoppedPassive);
        let passive = marked || interrupted;
        let acknowledging = if passive { Vec::new() } else { self.configuration().acknowledging };
        let configuration = Configuration { source: None, lag: false, acknowledging };
        self.start(passive, configuration).await?;
        Ok(interrupted)
    }

    async fn promote(&self, paused: bool) -> Result<(), Error> {
        let configuration = self.configuration();
        if configuration.lag || !configuration.acknowledging.is_empty() {
            let source = configuration.source;
            self.reconfigure(Configuration { source, ..Configuration::default() }).await?;
        }
        if paused {
            self.session.ask("resume replay", "select pg_wal_replay_resume()", &[]).await?;
        }
        self.session.ask("promote", "select pg_promote(false)", &[]).await?;
        let mut polls = 0_u64;
        loop {
            match observe::is_passive(&self.session).await {
                Ok(false) => return Ok(()),
                Ok(true) => {
                    // A request that comes just as replay has found the end of the log is taken,
                    // and waits for as long as replay does before it looks again; that ends when
                    // the configuration is read.
                    polls += 1;
                    if polls.is_multiple_of(PROMOTION_NUDGE)
                        && let Some(process) = self.process()
                    {
                        process.signal(Signal::HUP)?;
                    }
                    sleep(PROMOTION_POLL).await;
                }
                Err(error) if self.process().is_none() => return Err(error),
                Err(_) => sleep(PROMOTION_POLL).await,
            }
        }
    }
}

/// The roles of a new database. The copies' one may read what `pg_rewind` and the checks need.
fn roles(settings: &Settings, password: &str) -> String {
    let role = &settings.replication_user;
    let verifier = postgres_protocol::password::scram_sha_256(password.as_bytes());
    let mut text = format!("create role \"{role}\" login replication password '{verifier}'\n");
    for granted in ["pg_monitor", "pg_checkpoint"] {
        text.push_str(&format!("grant {granted} to \"{role}\"\n"));
    }
    for function in [
        "pg_ls_dir(text, boolean, boolean)",
        "pg_stat_file(text, boolean)",
        "pg_read_binary_file(text)",
        "pg_read_binary_file(text, bigint, bigint, boolean)",
    ] {
        text.push_str(&format!("grant execute on function pg_catalog.{function} to \"{role}\"\n"));
    }
    text
}

/// Removes a directory and what is in it; one that is not there is no error. It blocks.
pub(super) fn remove_tree(path: &std::path::Path) -> Result<(), Error> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::file("remove", path, error))
        }
        _ => Ok(()),
    }
}

/// Starts a checkpoint at a peer and waits for it, so that its control file is on its timeline.
pub(super) async fn checkpoint(peer: &Session, limit: Duration) -> Result<(), Error> {
    let begin = Instant::now();
    peer.ask_within(limit, "a checkpoint", "checkpoint", &[]).await?;
    let sql = "select c.timeline_id = ('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), \
               1, 8))::bit(32)::int as there from pg_control_checkpoint() c";
    loop {
        let rows = peer.ask("its control file", sql, &[]).await?;
        if value(only(&rows)?, "there")? {
            return Ok(());
        }
        if begin.elapsed() > limit {
            let place = "the active copy".to_owned();
            return Err(Error::NoAnswer { place, what: "a checkpoint on its timeline", limit });
        }
        sleep(Duration::from_millis(20)).await;
    }
}
