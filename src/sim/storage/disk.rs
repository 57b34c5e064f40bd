//! The logs that are kept on a copy's disk: which are truncated, and what happens when no more fit.

use super::super::plant::Plant;
use super::super::{faults, host};
use super::copy::{drain, others, set_status};
use super::log::closed;
use super::{follow, mount, ship};
use crate::base::{CopyId, Instant, NodeId, Span};
use crate::failover::seam::{CopyStatus, Failure, Report};
use crate::failover::truncation::{self, Active, Other};
use crate::journal::RecordNo;
use crate::journal::record::Plant as Change;
use crate::model::Fault;
use std::collections::{BTreeMap, VecDeque};

/// Logs between two records of how many are kept.
const TELLS_EVERY: u64 = 100;

/// The logs of a copy that are on its disk.
#[derive(Clone, Debug, Default)]
pub(super) struct LogDisk {
    /// Logs up to this one are deleted.
    pub(super) deleted: u64,
    /// What may be deleted, and from when on, where TruncationLagTime keeps it longer.
    waits: VecDeque<(Instant, u64)>,
    /// Logs that the last full backup has.
    backed_up: u64,
    /// When that was, in backup intervals since the run began.
    backups: u64,
    /// How far the other copies were when this server last heard of them.
    heard: BTreeMap<NodeId, (u64, u64)>,
    /// Logs kept when that was last told.
    told: u64,
}

impl LogDisk {
    /// A disk without old logs.
    pub(super) fn from(position: u64) -> Self {
        let deleted = closed(position);
        LogDisk { deleted, backed_up: deleted, ..LogDisk::default() }
    }

    /// Logs up to one may be deleted, after a while.
    fn may_delete(&mut self, at: Instant, up_to: u64, lag: Span) {
        let known = self.waits.back().map_or(self.deleted, |(_, log)| *log);
        if up_to > known {
            self.waits.push_back((at.saturating_add(lag), up_to));
        }
        while let Some((_, log)) = self.waits.pop_front_if(|(when, _)| *when <= at) {
            self.deleted = self.deleted.max(log);
        }
    }
}

/// Logs that are kept: those that are closed and not deleted, and the current one.
fn kept(p: &Plant, id: CopyId) -> u64 {
    let copy = p.copy(id);
    closed(copy.log.position).saturating_sub(copy.disk.deleted) + 1
}

/// Whether a copy's disk has room for no more logs.
pub(super) fn is_full(p: &Plant, id: CopyId) -> bool {
    let most = u64::from(p.settings().store.log_disk);
    most > 0 && kept(p, id) > most || is_filled(p, id)
}

/// Whether something else than its logs has filled a copy's disk.
pub(super) fn is_filled(p: &Plant, id: CopyId) -> bool {
    faults::struck(p, Fault::DiskFull { copy: id }).is_some()
}

/// Something fills a copy's disk, or is gone from it. A mounted copy is dismounted; a passive one
/// can copy nothing and has Failed, which its Replication service finds out, as it finds out that
/// there is room again (exchange.md §1.8 Failed).
pub(in crate::sim) fn filled(
    p: &mut Plant,
    at: Instant,
    id: CopyId,
    strikes: bool,
    cause: RecordNo,
) {
    if !p.machine(id.node.into()).up {
        return;
    }
    match p.copy(id).status {
        CopyStatus::Mounted if strikes => fill_up(p, at, id, cause),
        status => {
            let logs = kept(p, id);
            let record = tell(p, at, id, logs, cause);
            if strikes && follow::replicates(status) {
                drain(p, at, id);
                ship::disconnect(p, id);
                set_status(p, at, id, CopyStatus::Failed, record);
            } else if !strikes && status == CopyStatus::Failed {
                follow::initialize(p, at, id, record);
            }
        }
    }
}

/// The active copy has closed a log: if no more fit, that ends the mount.
pub(super) fn log_closed(p: &mut Plant, at: Instant, id: CopyId, cause: RecordNo) {
    truncate(p, at, id, cause);
    if is_full(p, id) && p.copy(id).status == CopyStatus::Mounted {
        fill_up(p, at, id, cause);
    }
}

/// What nobody needs any more is deleted on the active copy's server and on every server that
/// hears of it.
pub(super) fn truncate(p: &mut Plant, at: Instant, id: CopyId, cause: RecordNo) {
    let store = &p.settings().store;
    let (interval, limited) = (store.backup_interval, store.log_disk > 0);
    let circular = p.directory.circular_logging[id.database];
    if !circular && interval == Span::ZERO && !limited {
        return;
    }
    back_up(p, at, id, interval);
    let mut known = Vec::new();
    for other in others(p, id).collect::<Vec<_>>() {
        drain(p, at, other);
        if ship::connection(p, None, id.node, other.node).is_ok() {
            let log = &p.copy(other).log;
            let state = (closed(log.position), closed(log.replayed));
            p.copy_mut(id).disk.heard.insert(other.node, state);
        }
        let deleted = p.copy(id).disk.deleted;
        let heard = p.copy(id).disk.heard.get(&other.node).copied();
        let (inspected, replayed) = heard.unwrap_or((deleted, deleted));
        let lags = p.copy(other).log.lags();
        known.push(if lags { Other::Inspected(inspected) } else { Other::Replayed(replayed) });
    }
    let copy = p.copy(id);
    let checkpoint = u64::from(p.settings().store.checkpoint_depth);
    let closed_logs = closed(copy.log.position);
    let may_go = truncation::active(&Active {
        closed: closed_logs,
        circular,
        backed_up: copy.disk.backed_up,
        checkpoint: closed_logs.saturating_sub(checkpoint),
        others: &known,
    });
    delete(p, at, id, may_go, cause);
    let deleted = p.copy(id).disk.deleted;
    for other in others(p, id).collect::<Vec<_>>() {
        let stands = p.copy(other).suspended;
        if !stands && ship::connection(p, None, id.node, other.node).is_ok() {
            let replayed = closed(p.copy(other).log.replayed);
            delete(p, at, other, truncation::passive(replayed, deleted), cause);
        }
    }
}

/// A full backup at every interval: what was closed by then is on it.
fn back_up(p: &mut Plant, at: Instant, id: CopyId, interval: Span) {
    if interval == Span::ZERO {
        return;
    }
    let count = at.as_nanos() / interval.as_nanos();
    let copy = p.copy_mut(id);
    if count > copy.disk.backups {
        copy.disk.backups = count;
        copy.disk.backed_up = closed(copy.log.position).saturating_sub(1);
    }
}

/// Deletes what may be deleted, and tells of it now and then.
fn delete(p: &mut Plant, at: Instant, id: CopyId, up_to: u64, cause: RecordNo) {
    let lag = p.setup.topology.databases[id.database].truncation_lag_time(id.node);
    p.copy_mut(id).disk.may_delete(at, up_to, lag);
    let logs = kept(p, id);
    if logs / TELLS_EVERY != p.copy(id).disk.told / TELLS_EVERY {
        tell(p, at, id, logs, cause);
    }
}

fn tell(p: &mut Plant, at: Instant, id: CopyId, logs: u64, cause: RecordNo) -> RecordNo {
    p.copy_mut(id).disk.told = logs;
    let full = is_full(p, id);
    p.change(at, Some(cause), Change::LogDisk { copy: id, logs, full })
}

/// No more logs fit: the Store dismounts the database and says why.
fn fill_up(p: &mut Plant, at: Instant, id: CopyId, cause: RecordNo) {
    let logs = kept(p, id);
    let record = tell(p, at, id, logs, cause);
    let record = mount::end_mount(p, at, id, false, record);
    let when = at + p.settings().active_manager.failure_item_delay;
    let report = Report::DatabaseFailed { database: id.database, failure: Failure::Disk };
    host::saw(p, when, id.node, report, record);
}

#[cfg(test)]
mod tests {
    use super::super::fixture::*;
    use super::super::write;
    use super::*;
    use crate::failover::seam::{Act, Outcome};
    use crate::model::Topology;
    use crate::model::fault::Planned;

    fn circular() -> Topology {
        let mut site = topology();
        site.databases[VIP].circular_logging_enabled = true;
        site
    }

    /// The active copy writes so many logs, one every ten seconds.
    fn logs(play: &mut Play, count: u64) {
        for _ in 0..count {
            let next = play.now + Span::from_secs(10);
            play.until(next);
            write(&mut play.p, play.now, VIP1, 1_024, RecordNo(0));
        }
    }

    fn both(play: &Play) -> (u64, u64) {
        (kept(&play.p, VIP1), kept(&play.p, VIP2))
    }

    fn suspend(play: &mut Play, suspended: bool) {
        play.begin(EX02, Act::Follow { database: VIP, active: Some(EX01), suspended });
    }

    #[test]
    fn circular_logging_keeps_what_the_checkpoint_needs_and_no_more() {
        play(&circular(), Vec::new(), |play| {
            play.activate(EX01, &[EX01, EX02]);
            logs(play, 100);
            assert_eq!(both(play).0, 101, "nothing is below the checkpoint yet");
            logs(play, 300);
            assert_eq!(both(play).0, 101, "a hundred below the checkpoint, and the current one");
            assert!((100..=101).contains(&both(play).1), "{:?}", both(play));
        });
    }

    #[test]
    fn without_circular_logging_nothing_is_deleted_before_a_backup() {
        let mut site = topology();
        site.settings.store.backup_interval = Span::from_secs(3_000);
        play(&site, Vec::new(), |play| {
            play.activate(EX01, &[EX01, EX02]);
            logs(play, 290);
            assert_eq!(both(play), (291, 290), "the last one is on its way to EX02");
            logs(play, 110);
            let kept = both(play).0;
            assert!((101..=105).contains(&kept), "the backup at 3000 s has the rest: {kept}");
        });
    }

    #[test]
    fn a_suspended_copy_stops_truncation_on_every_server_until_it_goes_on() {
        play(&circular(), Vec::new(), |play| {
            play.activate(EX01, &[EX01, EX02]);
            logs(play, 150);
            suspend(play, true);
            logs(play, 200);
            assert!((200..=203).contains(&both(play).0), "{:?}", both(play));
            suspend(play, false);
            logs(play, 60);
            assert_eq!(both(play).0, 101);
        });
    }

    #[test]
    fn a_truncation_lag_keeps_logs_longer_on_its_copy_only() {
        let mut site = circular();
        site.databases[VIP].truncation_lag_times.insert(EX02, Span::from_secs(1_000));
        play(&site, Vec::new(), |play| {
            play.activate(EX01, &[EX01, EX02]);
            logs(play, 400);
            let (active, lagged) = both(play);
            assert_eq!(active, 101);
            assert!((199..=201).contains(&lagged), "a hundred more in 1000 s: {lagged}");
        });
    }

    #[test]
    fn a_lagged_copy_holds_back_nobody_but_itself() {
        let mut site = circular();
        site.databases[VIP].replay_lag_times.insert(EX02, Span::from_secs(86_400));
        play(&site, Vec::new(), |play| {
            play.activate(EX01, &[EX01, EX02]);
            logs(play, 300);
            let (active, lagged) = both(play);
            assert_eq!(active, 101, "inspected is enough");
            assert!(lagged >= 299, "what it has not replayed it keeps: {lagged}");
        });
    }

    #[test]
    fn a_full_disk_ends_the_mount_and_refuses_the_next() {
        let mut site = topology();
        site.settings.store.log_disk = 50;
        site.settings.store.checkpoint_depth = 10;
        let records = play(&site, Vec::new(), |play| {
            play.activate(EX01, &[EX01, EX02]);
            logs(play, 49);
            assert_eq!(play.p.copy(VIP1).status, CopyStatus::Mounted, "the fiftieth is current");
            logs(play, 1);
            assert_eq!(play.p.copy(VIP1).status, CopyStatus::Dismounted);
            let (_, outcome) = play.run(EX01, Act::Mount(VIP)).expect("it answers");
            assert_eq!(outcome, Outcome::Failed(Failure::Disk));
            play.p.directory.circular_logging[VIP] = true;
            let (_, outcome) = play.run(EX01, Act::Mount(VIP)).expect("it answers");
            assert_eq!(outcome, Outcome::Ok, "circular logging has made room");
        });
        let full = |change: Change| matches!(change, Change::LogDisk { full: true, .. });
        assert!(changes(&records).any(|(_, change)| full(change)));
    }

    #[test]
    fn a_disk_that_something_fills_fails_a_passive_copy_for_as_long() {
        let full = |copy, at, lasts| Planned {
            at: seconds(at),
            lasts: Some(Span::from_secs(lasts)),
            fault: Fault::DiskFull { copy },
        };
        play(&topology(), vec![full(VIP2, 10, 20), full(VIP1, 100, 20)], |play| {
            play.activate(EX01, &[EX01, EX02]);
            play.until(seconds(10));
            assert_eq!(play.p.copy(VIP2).status, CopyStatus::Failed);
            write(&mut play.p, play.now, VIP1, 3_000, RecordNo(0));
            suspend(play, true);
            assert_eq!(play.p.copy(VIP2).status, CopyStatus::Suspended);
            suspend(play, false);
            assert_eq!(play.p.copy(VIP2).status, CopyStatus::Failed, "it is full yet");
            play.until(seconds(30));
            assert_eq!(play.p.copy(VIP2).status, CopyStatus::Initializing);
            play.until(seconds(60));
            assert_eq!(play.p.copy(VIP2).status, CopyStatus::Healthy);
            play.until(seconds(100));
            assert_eq!(play.p.copy(VIP1).status, CopyStatus::Dismounted);
            let (_, outcome) = play.run(EX01, Act::Mount(VIP)).expect("it answers");
            assert_eq!(outcome, Outcome::Failed(Failure::Disk));
            play.until(seconds(120));
            let (_, outcome) = play.run(EX01, Act::Mount(VIP)).expect("it answers");
            assert_eq!(outcome, Outcome::Ok);
        });
    }
}
