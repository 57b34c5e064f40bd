//! Mounting and dismounting, and what an activation loses.

use super::super::event::Event as Planned;
use super::super::plant::Plant;
use super::super::{faults, host, mail};
use super::act::answer;
use super::copy::{Pending, drain, others, set_status};
use super::log::{Log, closed, generations};
use super::{Event, disk, follow, ship};
use crate::base::{CopyId, Instant, OpId};
use crate::failover::seam::{CopyStatus, Failure, Outcome};
use crate::journal::RecordNo;
use crate::journal::record::{Plant as Change, ServiceState};
use crate::model::Service;

/// Active Manager asks the Store to mount a copy. A Store that hangs does not answer.
pub(super) fn mount(p: &mut Plant, at: Instant, id: CopyId, op: OpId, cause: RecordNo) {
    let machine = id.node.into();
    let (store, caller) =
        (*p.service(machine, Service::Store), *p.service(machine, Service::Replication));
    if caller.state == ServiceState::Stopped {
        let outcome = Outcome::Failed(Failure::ServiceStopped);
        return host::done(p, at, id.node, op, outcome, caller.since.max(cause));
    }
    match store.state {
        ServiceState::Running => {}
        ServiceState::Stopped => {
            let outcome = Outcome::Failed(Failure::ServiceStopped);
            host::done(p, at, id.node, op, outcome, store.since.max(cause));
            return;
        }
        ServiceState::Hung => return,
    }
    let active = CopyId { node: p.copy(id).active.unwrap_or(id.node), ..id };
    disk::truncate(p, at, active, cause);
    if p.copy(id).damaged || disk::is_full(p, id) {
        let outcome = Outcome::Failed(Failure::Disk);
        host::done(p, at, id.node, op, outcome, p.copy(id).since.max(cause));
        return;
    }
    let life = host::life(p, id.node);
    match p.copy(id).status {
        CopyStatus::Mounted => {
            let since = p.copy(id).since.max(cause);
            return host::done(p, at, id.node, op, Outcome::Ok, since);
        }
        CopyStatus::Mounting => {
            p.copy_mut(id).pending = Some(Pending { life, op });
            return;
        }
        CopyStatus::Dismounting => {
            end_mount(p, at, id, true, cause);
        }
        _ => {}
    }
    drain(p, at, id);
    ship::disconnect(p, id);
    let record = set_status(p, at, id, CopyStatus::Mounting, cause);
    let (rate, loses) = (p.replay_rate(machine), lost_logs(p, id));
    let copy = p.copy_mut(id);
    copy.loses = loses;
    copy.active = Some(id.node);
    copy.suspended = false;
    copy.pending = Some(Pending { life, op });
    copy.since = record;
    let (turn, replay) = (copy.turn, copy.log.time_to_replay(rate));
    let work = p.on_disks(machine, p.settings().store.mount_time) + replay;
    let when = at + p.stretched(machine, Service::Store, work);
    p.plan(when, Planned::Storage(Event::MountEnd { copy: id, turn }));
}

/// A mount ends: the database is online here, or stays off where a fault lets mounts fail.
pub(super) fn mounted(p: &mut Plant, at: Instant, id: CopyId, turn: u32) {
    if p.copy(id).turn != turn {
        return;
    }
    let cause = p.copy(id).since;
    if let Some(struck) = faults::mount_fails(p, id) {
        let record = end_mount(p, at, id, false, struck.max(cause));
        if let Some(Pending { life, op }) = p.copy_mut(id).pending.take() {
            answer(p, at, id.node, (life, op), Outcome::Failed(Failure::Disk), record);
        }
        follow::follow_elsewhere(p, at, id, record);
        return;
    }
    let moved = p.copy(id).own != Some(newest(p, id));
    // Who had them may have dropped them while the mount was under way; or still writes.
    let lost_logs = lost_logs(p, id).max(p.copy(id).loses);
    let log = &p.copy(id).log;
    let (copy, replayed_logs) = (id, log.logs_to_replay());
    let record = p.change(at, Some(cause), Change::Mounted { copy, lost_logs, replayed_logs });
    let copy = p.copy_mut(id);
    copy.log.activate(record);
    copy.own = Some(record);
    copy.mounted = Some((record, at));
    let lossy = lost_logs > 0 || moved && !copy.complete;
    let pending = copy.pending.take();
    set_status(p, at, id, CopyStatus::Mounted, record);
    for other in others(p, id) {
        follow::evaluate(p, at, other, record);
    }
    mail::database_mounted(p, at, id, lossy, record);
    if let Some(Pending { life, op }) = pending {
        answer(p, at, id.node, (life, op), Outcome::Ok, record);
    }
}

/// The newest activation that any copy of the database knows of.
fn newest(p: &Plant, id: CopyId) -> RecordNo {
    let copies = others(p, id).map(|other| p.copy(other).log.activation());
    copies.fold(p.copy(id).log.activation(), RecordNo::max)
}

/// Logs of the last active copy that an activation here loses, a partly filled one counted.
fn lost_logs(p: &Plant, id: CopyId) -> u64 {
    let newest = newest(p, id);
    let last = others(p, id).map(|other| p.copy(other)).find(|copy| copy.own == Some(newest));
    last.map_or(0, |last| lost_between(&last.log, &p.copy(id).log))
}

fn lost_between(old: &Log, new: &Log) -> u64 {
    let common = old.common(new);
    if old.position > common { generations(old.position) - closed(common) } else { 0 }
}

/// Active Manager asks the Store to dismount a copy.
pub(super) fn dismount(p: &mut Plant, at: Instant, id: CopyId, op: OpId, cause: RecordNo) {
    let life = host::life(p, id.node);
    match p.copy(id).status {
        CopyStatus::Mounted | CopyStatus::Mounting => {
            let store = *p.service(id.node.into(), Service::Store);
            if store.state == ServiceState::Hung {
                return;
            }
            begin_dismount(p, at, id, cause);
            p.copy_mut(id).pending = Some(Pending { life, op });
        }
        CopyStatus::Dismounting => p.copy_mut(id).pending = Some(Pending { life, op }),
        _ => {
            let since = p.copy(id).since.max(cause);
            host::done(p, at, id.node, op, Outcome::Ok, since);
        }
    }
}

/// A dismount begins: nobody is served any more.
pub(super) fn begin_dismount(p: &mut Plant, at: Instant, id: CopyId, cause: RecordNo) {
    set_status(p, at, id, CopyStatus::Dismounting, cause);
    let copy = p.copy_mut(id);
    copy.pending = None;
    let turn = copy.turn;
    let work = p.stretched(id.node.into(), Service::Store, p.settings().store.dismount_time);
    let when = at + work + faults::dismount_delay(p, id);
    p.plan(when, Planned::Storage(Event::DismountEnd { copy: id, turn }));
}

/// A dismount ends.
pub(super) fn dismounted(p: &mut Plant, at: Instant, id: CopyId, turn: u32) {
    if p.copy(id).turn != turn {
        return;
    }
    let cause = p.copy(id).since;
    let record = end_mount(p, at, id, true, cause);
    let copy = p.copy_mut(id);
    let elsewhere = copy.active.is_some_and(|active| active != id.node);
    if let Some(Pending { life, op }) = copy.pending.take() {
        answer(p, at, id.node, (life, op), Outcome::Ok, record);
    }
    if elsewhere {
        follow::initialize(p, at, id, record);
    }
}

/// Ends a mount at once. If it was not in good order, the next mount has to replay what lies
/// above the checkpoint. A mount that had not come to its end leaves the database where it was
/// active before.
pub(super) fn end_mount(
    p: &mut Plant,
    at: Instant,
    id: CopyId,
    clean: bool,
    cause: RecordNo,
) -> RecordNo {
    let depth = p.settings().store.checkpoint_depth;
    let copy = p.copy_mut(id);
    let was_mounted = copy.mounted.take().is_some();
    if was_mounted && !clean {
        copy.log.crash(depth);
    }
    if !was_mounted {
        copy.active = copy.told;
    }
    let record = if was_mounted {
        p.change(at, Some(cause), Change::Dismounted { copy: id })
    } else {
        cause
    };
    let record = set_status(p, at, id, CopyStatus::Dismounted, record);
    if was_mounted {
        mail::database_dismounted(p, at, id, record);
    }
    record
}

#[cfg(test)]
mod tests {
    use super::super::fixture::*;
    use crate::base::{Instant, Ratio, Span};
    use crate::failover::seam::{Act, CopyStatus, Failure, Outcome};
    use crate::model::Fault;
    use crate::model::fault::Planned;

    fn planned(fault: Fault, at: u64, lasts: u64) -> Planned {
        Planned { at: seconds(at), lasts: Some(Span::from_secs(lasts)), fault }
    }

    #[test]
    fn a_copy_whose_mount_fails_is_passive_again_and_mounts_later() {
        let fails = planned(Fault::MountFail { copy: VIP2 }, 10, 50);
        play(&topology(), vec![fails], |play| {
            play.activate(EX01, &[EX01, EX02]);
            play.until(seconds(20));
            assert_eq!(play.p.copy(VIP1).status, CopyStatus::Mounted);
            let (at, outcome) = play.run(EX02, Act::Mount(VIP)).expect("it answers");
            assert_eq!((at, outcome), (seconds(22), Outcome::Failed(Failure::Disk)));
            assert_eq!(play.p.copy(VIP2).status, CopyStatus::Initializing);
            play.until(seconds(60));
            assert_eq!(play.p.copy(VIP2).status, CopyStatus::Healthy);
            let (_, outcome) = play.run(EX02, Act::Mount(VIP)).expect("it answers");
            assert_eq!(outcome, Outcome::Ok);
        });
    }

    /// How long a dismount of the copy on EX01 takes that begins at a moment.
    fn dismount(faults: Vec<Planned>, at: Instant) -> Span {
        let mut took = Span::ZERO;
        play(&topology(), faults, |play| {
            play.activate(EX01, &[EX01, EX02]);
            play.until(at);
            let (end, _) = play.run(EX01, Act::Dismount(VIP)).expect("it answers");
            took = end.since(at);
        });
        took
    }

    #[test]
    fn a_dismount_is_slow_while_its_fault_is_in_force() {
        let slow = |copy, delay| Fault::DismountSlow { copy, delay: Span::from_secs(delay) };
        let sound = dismount(Vec::new(), seconds(20));
        let faults = || {
            let both = [slow(VIP1, 20), slow(VIP1, 5), slow(VIP2, 9)];
            both.map(|fault| planned(fault, 10, 20)).to_vec()
        };
        assert_eq!(dismount(faults(), seconds(20)), sound + Span::from_secs(25));
        assert_eq!(dismount(faults(), seconds(40)), sound);
    }

    #[test]
    fn slow_disks_make_mounts_and_replay_slow() {
        let factor = Ratio::new(10, 1).expect("a factor");
        let slow = planned(Fault::DiskSlow { machine: EX01.into(), factor }, 1, 100);
        play(&topology(), vec![slow], |play| {
            play.until(seconds(5));
            let (at, _) = play.run(EX01, Act::Mount(VIP)).expect("it answers");
            assert_eq!(at, seconds(25), "ten times two seconds");
            assert_eq!(play.p.replay_rate(EX01.into()), 1);
            assert_eq!(play.p.replay_rate(EX02.into()), 2);
        });
    }
}
