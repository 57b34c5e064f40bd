//! Questions to an instance about its log.

use super::decide::Source;
use super::error::Error;
use super::position::{History, Position, Timeline, history_name, parse_file_name};
use super::session::{Session, value};
use super::settings::{Node, Settings};
use super::status::{Observed, Stream};
use tokio_postgres::Row;
use tokio_postgres::types::{PgLsn, Type};

/// Everything that a copy's state is judged by, in one round trip.
const OBSERVE: &str = "\
select pg_is_in_recovery() as passive,
  case when pg_is_in_recovery() then null else pg_current_wal_flush_lsn() end as flushed,
  case when pg_is_in_recovery() then null
    else pg_walfile_name(pg_current_wal_flush_lsn()) end as file,
  case when pg_is_in_recovery() then pg_last_wal_receive_lsn() end as received,
  case when pg_is_in_recovery() then pg_last_wal_replay_lsn() end as replayed,
  case when pg_is_in_recovery() then pg_get_wal_replay_pause_state() <> 'not paused'
    else false end as paused,
  coalesce(r.status = 'streaming', false) as streaming, r.pid as receiver,
  r.latest_end_lsn as told,
  greatest(c.timeline_id, m.min_recovery_end_timeline, r.received_tli) as timeline
from pg_control_checkpoint() c cross join pg_control_recovery() m
  left join pg_stat_wal_receiver r on true";

const STREAMS: &str = "\
select application_name as name, flush_lsn as flushed,
  sync_state in ('sync', 'quorum') as acknowledging
from pg_stat_replication
where state = 'streaming' and flush_lsn is not null and application_name like 'copy\\_%'";

/// What a copy has to know of the active one.
const PROBE: &str = "\
select s.system_identifier as system, pg_is_in_recovery() as passive,
  case when pg_is_in_recovery() then null else pg_current_wal_flush_lsn() end as flushed,
  case when pg_is_in_recovery() then null
    else pg_walfile_name(pg_current_wal_flush_lsn()) end as file
from pg_control_system() s";

/// The state of the local copy. May be dropped.
///
/// # Errors
/// Those of [`Session::ask`].
pub(super) async fn observe(session: &Session) -> Result<Observed, Error> {
    let what = "the state of its copy";
    let asked = session.ask(what, OBSERVE, &[]).await;
    // It may be promoted between two expressions of the question: it is asked again.
    let rows = match asked {
        Err(Error::Sql { code, .. }) if code == "55000" => session.ask(what, OBSERVE, &[]).await?,
        other => other?,
    };
    let row = only(&rows)?;
    let passive: bool = value(row, "passive")?;
    let file: Option<String> = value(row, "file")?;
    let control: Option<i32> = value(row, "timeline")?;
    let timeline = match file.as_deref().and_then(parse_file_name) {
        Some((timeline, _)) => timeline,
        None => control.unwrap_or_default().cast_unsigned(),
    };
    let mut streams = Vec::new();
    if !passive {
        for row in session.ask("who copies from it", STREAMS, &[]).await? {
            streams.extend(stream(&row)?);
        }
    }
    Ok(Observed {
        passive,
        timeline,
        flushed: position(row, "flushed")?,
        received: position(row, "received")?,
        replayed: position(row, "replayed")?,
        told: position(row, "told")?,
        streaming: value(row, "streaming")?,
        receiver: value(row, "receiver")?,
        paused: value(row, "paused")?,
        streams,
    })
}

fn stream(row: &Row) -> Result<Option<Stream>, Error> {
    let name: String = value(row, "name")?;
    let Some(node) = name.strip_prefix("copy_").and_then(|node| node.parse::<Node>().ok()) else {
        return Ok(None);
    };
    let flushed = position(row, "flushed")?.unwrap_or_default();
    Ok(Some(Stream { node, flushed, acknowledging: value(row, "acknowledging")? }))
}

/// Whether an instance is passive. May be dropped.
pub(super) async fn is_passive(session: &Session) -> Result<bool, Error> {
    let sql = "select pg_is_in_recovery() as passive";
    let rows = session.ask("whether it is passive", sql, &[]).await?;
    value(only(&rows)?, "passive")
}

/// What the active copy has. May be dropped.
///
/// # Errors
/// Those of [`Session::ask`], `Content`.
pub(super) async fn probe(peer: &Session) -> Result<Source, Error> {
    let rows = peer.ask("its timeline", PROBE, &[]).await?;
    let row = only(&rows)?;
    let system: i64 = value(row, "system")?;
    let file: Option<String> = value(row, "file")?;
    let oldest = oldest(peer).await?;
    let flushed = position(row, "flushed")?;
    let active = match (flushed, file.as_deref().and_then(parse_file_name)) {
        (Some(flushed), Some((timeline, _))) => Some((history(peer, timeline).await?, flushed)),
        _ => None,
    };
    Ok(Source { system: system.cast_unsigned(), active, oldest })
}

/// The number of the oldest log file that a peer has.
async fn oldest(peer: &Session) -> Result<u64, Error> {
    let rows = peer.ask("its log files", "select name from pg_ls_waldir()", &[]).await?;
    let mut oldest = u64::MAX;
    for row in &rows {
        let name: String = value(row, "name")?;
        if let Some((_, file)) = parse_file_name(&name) {
            oldest = oldest.min(file);
        }
    }
    Ok(if oldest == u64::MAX { 0 } else { oldest })
}

async fn history(peer: &Session, timeline: Timeline) -> Result<History, Error> {
    if timeline <= 1 {
        return Ok(History { timeline, left: Vec::new() });
    }
    let path = format!("pg_wal/{}", history_name(timeline));
    let sql = "select pg_read_binary_file($1) as content";
    let rows = peer.ask("its history", sql, &[(&path, Type::TEXT)]).await?;
    let content: Vec<u8> = value(only(&rows)?, "content")?;
    History::parse(timeline, &String::from_utf8_lossy(&content))
}

/// Makes sure that a copy's replication slot is there, and anew if its log was removed. `session`
/// speaks to the active copy. May be dropped.
///
/// # Errors
/// Those of [`Session::ask`].
pub(super) async fn ensure_slot(session: &Session, node: Node) -> Result<(), Error> {
    let name = Settings::copy_name(node);
    let drop = "select pg_drop_replication_slot(slot_name) from pg_replication_slots \
                where slot_name = $1::text::name and wal_status = 'lost' and not active";
    session.ask("drop a lost slot", drop, &[(&name, Type::TEXT)]).await?;
    let make = "select pg_create_physical_replication_slot($1::text::name, true) where not exists \
                (select from pg_replication_slots where slot_name = $1::text::name)";
    match session.ask("make a slot", make, &[(&name, Type::TEXT)]).await {
        // 42710: another has made it meanwhile.
        Err(Error::Sql { code, .. }) if code == "42710" => Ok(()),
        other => other.map(drop_rows),
    }
}

fn drop_rows(_: Vec<Row>) {}

/// Ends what still streams to a copy that has let go of it, and waits until its slot is free.
/// May be dropped.
///
/// # Errors
/// Those of [`Session::ask`].
pub(super) async fn free_slot(session: &Session, node: Node) -> Result<(), Error> {
    let name = Settings::copy_name(node);
    let end = "select pg_terminate_backend(active_pid, 1000) from pg_replication_slots \
               where slot_name = $1::text::name and active";
    session.ask("free a slot", end, &[(&name, Type::TEXT)]).await.map(drop_rows)
}

/// Drops every slot of a copy that has become passive: they would keep its log. May be dropped.
///
/// # Errors
/// Those of [`Session::ask`].
pub(super) async fn drop_slots(session: &Session) -> Result<(), Error> {
    let sql = "select pg_drop_replication_slot(slot_name) from pg_replication_slots \
               where slot_name like 'copy\\_%' and not active and pg_is_in_recovery()";
    session.ask("drop its slots", sql, &[]).await.map(drop_rows)
}

/// The first row of an answer that has one by the question's own making.
pub(super) fn only(rows: &[Row]) -> Result<&Row, Error> {
    rows.first().ok_or_else(|| Error::Content {
        path: "a server's answer".to_owned(),
        found: "no row".to_owned(),
        expected: "one row",
    })
}

pub(super) fn position(row: &Row, column: &'static str) -> Result<Option<Position>, Error> {
    let found: Option<PgLsn> = value(row, column)?;
    Ok(found.map(|lsn| Position(lsn.into())))
}
