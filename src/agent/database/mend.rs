//! A copy that has diverged is mended, or seeded anew.

use super::activate::remove_tree;
use super::error::Error;
use super::files::{self, Configuration, State};
use super::instance::{Inner, Instance, blocking};
use super::observe::{self, only};
use super::position::{Position, Timeline, history_name, parse_file_name};
use super::process::{command, run};
use super::session::{Session, value};
use super::settings::{Node, Settings};
use super::status::{Goal, Task};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{sleep, timeout};
use tokio_postgres::types::Type;

/// How often the progress of a seed is asked for.
const PROGRESS: Duration = Duration::from_millis(200);
/// How long the old copy is given to stop before a seed: 5 s (assumed).
const STOP: Duration = Duration::from_secs(5);

/// Why `pg_rewind` failed, and whether it had changed the data.
pub(super) struct Failed {
    pub(super) untouched: bool,
    pub(super) error: Error,
}

impl From<Error> for Failed {
    fn from(error: Error) -> Failed {
        Failed { untouched: true, error }
    }
}

/// Runs `pg_rewind` on stopped data, and marks them as passive. `timeline` is theirs, `shared`
/// the position up to which the active copy has it.
pub(super) async fn rewind(
    settings: &Settings,
    node: Node,
    timeline: Timeline,
    shared: Position,
) -> Result<(), Failed> {
    let known = settings.clone();
    blocking(move || {
        files::configure(&known, &Configuration::default())?;
        // It starts a server for itself where the last one ended without good order.
        files::clear_lock(&known, &known.data())?;
        files::clear_socket(&known)
    })
    .await?;
    let mut rewind = command(settings, "pg_rewind");
    rewind
        .arg("--target-pgdata")
        .arg(settings.data())
        .arg("--source-server")
        .arg(files::conninfo(settings, node).unwrap_or_default())
        .arg("--config-file")
        .arg(settings.directory.join("postgresql.conf"));
    let told = match run(rewind, "", "mend the copy", settings.limits.mend).await {
        Ok(told) => told,
        Err(error) => return Err(judge(error)),
    };
    let settings = settings.clone();
    blocking(move || {
        let data = settings.data();
        if told.contains("no rewind required") {
            remove_after(&settings.wal(), timeline, shared)?;
        }
        files::clear_auto(&settings, &data)?;
        files::set_standby(&settings, &data)
    })
    .await
    .map_err(|error| Failed { untouched: false, error })
}

/// What a failure of `pg_rewind` means: it says where it rewinds to before it changes anything.
fn judge(error: Error) -> Failed {
    match error {
        Error::Program { program, status, output } => {
            let untouched = !output.contains("rewinding from last common checkpoint");
            let error = if untouched && output.contains("connection to server") {
                Error::NoPath { place: program.display().to_string(), why: output }
            } else {
                Error::Program { program, status, output }
            };
            Failed { untouched, error }
        }
        Error::NoAnswer { .. } => Failed { untouched: false, error },
        other => Failed { untouched: true, error: other },
    }
}

/// Removes log that was received and never replayed, from the file on in which the timeline was
/// left: it would be replayed otherwise. The active copy has what is still needed of it.
fn remove_after(wal: &Path, timeline: Timeline, shared: Position) -> Result<(), Error> {
    remove_logs(wal, |of, file| of == timeline && file >= shared.file())
}

/// Removes a timeline that was never begun. It blocks.
pub(super) fn remove_timeline(wal: &Path, timeline: Timeline) -> Result<(), Error> {
    remove_logs(wal, |of, _| of == timeline)?;
    let history = wal.join(history_name(timeline));
    std::fs::remove_file(&history).map_err(|error| Error::file("remove", &history, error))
}

fn remove_logs(wal: &Path, which: impl Fn(Timeline, u64) -> bool) -> Result<(), Error> {
    let failed = |error| Error::file("read", wal, error);
    for entry in std::fs::read_dir(wal).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        let parsed = name.to_str().and_then(parse_file_name);
        if parsed.is_some_and(|(timeline, file)| which(timeline, file)) {
            let path = wal.join(name);
            std::fs::remove_file(&path).map_err(|error| Error::file("remove", &path, error))?;
        }
    }
    Ok(())
}

impl Instance {
    /// Makes the local copy anew from the active one: a full seed (`Update-MailboxDatabaseCopy`).
    /// The copy that is here stays until the new one is whole; then they change places at once.
    /// After it the copy follows `source`. [`CopyReport::seeding`](super::CopyReport) tells how
    /// far it is. May be dropped: the copy that was here is then as it was, stopped.
    ///
    /// # Errors
    /// `Refused` if this copy is active, `NoPath`, `NotAuthentic`, `Program`, `File`, `NoAnswer`
    /// after `limit`.
    pub async fn seed(&self, source: Node, limit: Duration) -> Result<(), Error> {
        let inner = &self.inner;
        if !inner.settings.peers.contains_key(&source) {
            return Err(inner.refused("seed", format!("node {source} is no peer of it")));
        }
        if inner.process().is_some() && !observe::is_passive(&inner.session).await? {
            return Err(inner.refused("seed", "this copy is active: dismount it first".to_owned()));
        }
        inner.set_goal(Goal::Hold);
        let seeded = timeout(limit, inner.seed(source, limit)).await.unwrap_or_else(|_| {
            let place = format!("database {}", inner.settings.name);
            Err(Error::NoAnswer { place, what: "a seed", limit })
        });
        if seeded.is_ok() {
            inner.set_goal(Goal::Follow { source: Some(source), suspended: false });
        }
        seeded
    }
}

impl Inner {
    async fn seed(self: &Arc<Self>, source: Node, limit: Duration) -> Result<(), Error> {
        let _work = self.take("seed", limit).await?;
        let _doing = self.begin(Task::Seeding(0, 0));
        let peer = self.peer(source).await?;
        // Before anything is stopped: whether there is a copy to seed from.
        observe::probe(&peer).await?;
        self.stop(STOP).await?;
        observe::free_slot(&peer, self.settings.node).await?;
        observe::ensure_slot(&peer, self.settings.node).await?;
        let fresh = self.settings.directory.join("data.seed");
        let (settings, made) = (self.settings.clone(), fresh.clone());
        blocking(move || {
            remove_tree(&made)?;
            remove_tree(&settings.directory.join("data.old"))?;
            files::configure(&settings, &Configuration::default())
        })
        .await?;
        let mut backup = command(&self.settings, "pg_basebackup");
        backup
            .arg("-D")
            .arg(&fresh)
            .arg("-d")
            .arg(files::conninfo(&self.settings, source).unwrap_or_default())
            .args(["-X", "stream", "-c", "fast", "--no-password", "-S"])
            .arg(Settings::copy_name(self.settings.node));
        let copied = run(backup, "", "seed the copy", limit);
        tokio::select! {
            result = copied => result?,
            () = self.watch_seed(&peer) => unreachable!("watching has no end"),
        };
        let settings = self.settings.clone();
        blocking(move || change_places(&settings, &fresh)).await?;
        self.set_state(State::Whole).await
    }

    /// Asks for ever how far the seed is. One that cannot be told goes on all the same.
    async fn watch_seed(&self, peer: &Session) {
        let sql = "select p.backup_streamed as here, coalesce(p.backup_total, 0) as all \
                   from pg_stat_progress_basebackup p join pg_stat_replication r using (pid) \
                   where r.application_name = $1";
        let name = Settings::copy_name(self.settings.node);
        loop {
            sleep(PROGRESS).await;
            let Ok(rows) = peer.ask("the seed's progress", sql, &[(&name, Type::TEXT)]).await
            else {
                continue;
            };
            let Ok(row) = only(&rows) else { continue };
            if let (Ok(here), Ok(all)) = (value::<i64>(row, "here"), value::<i64>(row, "all")) {
                let task = Task::Seeding(here.unsigned_abs(), all.unsigned_abs());
                self.lock().task = task;
            }
        }
    }
}

/// Puts new data in the place of the old, at once, and removes the old. It blocks.
fn change_places(settings: &Settings, fresh: &Path) -> Result<(), Error> {
    files::clear_auto(settings, fresh)?;
    files::set_standby(settings, fresh)?;
    let data = settings.data();
    let failed = |error: rustix::io::Errno| Error::file("put in place", fresh, error.into());
    if !data.exists() {
        return renameat_with(CWD, fresh, CWD, &data, RenameFlags::empty()).map_err(failed);
    }
    renameat_with(CWD, fresh, CWD, &data, RenameFlags::EXCHANGE).map_err(failed)?;
    // The old data are at the new one's former place. They are in nobody's way.
    let _ = std::fs::rename(fresh, settings.directory.join("data.old"));
    remove_tree(&settings.directory.join("data.old"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_of_pg_rewind_is_judged() {
        let program = |output: &str| Error::Program {
            program: "pg_rewind".into(),
            status: "exit status: 1".to_owned(),
            output: output.to_owned(),
        };
        for (output, untouched, no_path) in [
            ("pg_rewind: error: connection to server at \"x\" failed: refused", true, true),
            ("pg_rewind: error: could not find common ancestor", true, false),
            ("pg_rewind: rewinding from last common checkpoint at 0/1\nerror: x", false, false),
            (
                "rewinding from last common checkpoint\nerror: connection to server lost",
                false,
                false,
            ),
        ] {
            let failed = judge(program(output));
            assert_eq!(failed.untouched, untouched, "{output}");
            assert_eq!(matches!(failed.error, Error::NoPath { .. }), no_path, "{output}");
        }
    }
}
