//! The life of a passive copy: initializing, resynchronizing, connected or not; and what becomes
//! of copies when services, machines and networks change.

use super::super::event::Event as Planned;
use super::super::plant::Plant;
use super::super::{host, mail};
use super::copy::{drain, set_status, source};
use super::mount::{begin_dismount, end_mount};
use super::{Event, act, disk, seed, ship};
use crate::base::{CopyId, DbId, Instant, MachineId, NodeId};
use crate::failover::seam::{CopyStatus, Failure, Outcome, Report};
use crate::journal::RecordNo;
use crate::journal::record::ServiceState;
use crate::model::Service;

/// Active Manager tells the Replication service where the database is active.
pub(super) fn follow(
    p: &mut Plant,
    at: Instant,
    id: CopyId,
    active: Option<NodeId>,
    cause: RecordNo,
) {
    let changed = p.copy(id).active != active;
    (p.copy_mut(id).active, p.copy_mut(id).told) = (active, active);
    if changed {
        mail::location_changed(p, at, id.node, cause);
    }
    let elsewhere = active.is_some_and(|active| active != id.node);
    match p.copy(id).status {
        CopyStatus::Mounted | CopyStatus::Mounting if elsewhere => {
            begin_dismount(p, at, id, cause);
        }
        CopyStatus::Dismounted if elsewhere => initialize(p, at, id, cause),
        CopyStatus::Mounted
        | CopyStatus::Mounting
        | CopyStatus::Dismounting
        | CopyStatus::Dismounted => {}
        CopyStatus::FailedAndSuspended | CopyStatus::Seeding | CopyStatus::ServiceDown => {}
        status if elsewhere && p.copy(id).suspended != (status == CopyStatus::Suspended) => {
            initialize(p, at, id, cause);
        }
        _ if elsewhere => {
            if changed {
                drain(p, at, id);
                ship::disconnect(p, id);
            }
            evaluate(p, at, id, cause);
        }
        _ => {}
    }
}

/// A copy becomes passive, or its Replication service starts.
pub(super) fn initialize(p: &mut Plant, at: Instant, id: CopyId, cause: RecordNo) {
    drain(p, at, id);
    ship::disconnect(p, id);
    p.copy_mut(id).link.lost = None;
    let machine = MachineId::from(id.node);
    if p.service(machine, Service::Replication).state != ServiceState::Running {
        set_status(p, at, id, CopyStatus::ServiceDown, cause);
        return;
    }
    if p.copy(id).damaged || p.copy(id).suspended {
        let damaged = p.copy(id).damaged;
        let status = if damaged { CopyStatus::FailedAndSuspended } else { CopyStatus::Suspended };
        set_status(p, at, id, status, cause);
        return;
    }
    if disk::is_filled(p, id) {
        set_status(p, at, id, CopyStatus::Failed, cause);
        return;
    }
    set_status(p, at, id, CopyStatus::Initializing, cause);
    let work = p.settings().replication.initializing_time;
    let when = at + p.stretched(machine, Service::Replication, work);
    let turn = p.copy(id).turn;
    p.plan(when, Planned::Storage(Event::Initialized { copy: id, turn }));
    evaluate(p, at, id, cause);
}

/// A copy has initialized: it goes on with the active copy, or waits for its connection.
pub(super) fn initialized(p: &mut Plant, at: Instant, id: CopyId, turn: u32) {
    if p.copy(id).turn != turn {
        return;
    }
    let since = p.copy(id).since;
    evaluate(p, at, id, since);
    if p.copy(id).link.network.is_some() {
        return connect(p, at, id, true, since);
    }
    let (lost, because) = p.copy(id).link.lost.unwrap_or((at, since));
    let gives_up = lost.saturating_add(p.settings().replication.disconnect_after);
    if gives_up <= at {
        let status = CopyStatus::DisconnectedAndHealthy;
        set_status(p, at, id, status, because.max(since));
    } else {
        p.plan(gives_up, Planned::Storage(Event::Initialized { copy: id, turn }));
    }
}

/// The connection has been lost for too long.
pub(super) fn disconnect(p: &mut Plant, at: Instant, id: CopyId, link: u32) {
    let copy = p.copy(id);
    if copy.link.turn != link || copy.link.network.is_some() {
        return;
    }
    let status = match copy.status {
        CopyStatus::Healthy => CopyStatus::DisconnectedAndHealthy,
        CopyStatus::Resynchronizing => CopyStatus::DisconnectedAndResynchronizing,
        _ => return,
    };
    let because = copy.link.lost.map_or(copy.since, |(_, because)| because);
    set_status(p, at, id, status, because);
}

/// Whether a copy in this state looks for the active copy.
pub(super) fn replicates(status: CopyStatus) -> bool {
    matches!(
        status,
        CopyStatus::Healthy
            | CopyStatus::DisconnectedAndHealthy
            | CopyStatus::Resynchronizing
            | CopyStatus::DisconnectedAndResynchronizing
            | CopyStatus::Initializing
    )
}

/// Looks whether and over which network a passive copy can reach the active one now, and goes
/// on from there.
pub(super) fn evaluate(p: &mut Plant, at: Instant, id: CopyId, cause: RecordNo) {
    let copy = p.copy(id);
    if copy.status == CopyStatus::Seeding {
        return seed::look(p, at, id, cause);
    }
    if !replicates(copy.status) {
        return;
    }
    let (used, lost) = (copy.link.network, copy.link.lost);
    let found = match source(p, id) {
        Some(source) => ship::connection(p, used, source.node, id.node),
        None => Err(cause),
    };
    match found {
        Ok(network) => {
            let fresh = used != Some(network);
            if fresh {
                drain(p, at, id);
                ship::disconnect(p, id);
                let link = &mut p.copy_mut(id).link;
                link.network = Some(network);
                link.lost = None;
            }
            if p.copy(id).status != CopyStatus::Initializing {
                connect(p, at, id, fresh, cause);
            }
        }
        Err(because) if used.is_some() || lost.is_none() => {
            drain(p, at, id);
            ship::disconnect(p, id);
            let link = &mut p.copy_mut(id).link;
            link.lost = Some((at, because.max(cause)));
            let turn = link.turn;
            let when = at + p.settings().replication.disconnect_after;
            p.plan(when, Planned::Storage(Event::Disconnect { copy: id, link: turn }));
        }
        Err(_) => {}
    }
}

/// A connected copy is compared with the active one and copies what it lacks. Over a fresh
/// connection a comparison that was under way begins again.
fn connect(p: &mut Plant, at: Instant, id: CopyId, fresh: bool, cause: RecordNo) {
    let Some(source) = source(p, id) else { return };
    drain(p, at, id);
    if p.copy(id).log.diverged_from(&p.copy(source).log) {
        if fresh || p.copy(id).status != CopyStatus::Resynchronizing {
            resynchronize(p, at, id, cause);
        }
        return;
    }
    adopt(p, id, source);
    if p.copy(id).status != CopyStatus::Healthy {
        set_status(p, at, id, CopyStatus::Healthy, cause);
    }
    ship::ship(p, at, id);
}

fn adopt(p: &mut Plant, id: CopyId, source: CopyId) {
    p.with_copies(id, source, |target, from| target.log.adopt(&from.log));
}

/// A copy has something that the active one has not (exchange.md §2.3).
fn resynchronize(p: &mut Plant, at: Instant, id: CopyId, cause: RecordNo) {
    ship::hold(p, id);
    set_status(p, at, id, CopyStatus::Resynchronizing, cause);
    let turn = p.copy(id).turn;
    let work = p.settings().replication.resynchronize_time;
    let when = at + p.stretched(id.node.into(), Service::Replication, work);
    p.plan(when, Planned::Storage(Event::Resynchronized { copy: id, turn }));
}

/// The last common log is found: the tail above it is dropped.
pub(super) fn resynchronized(p: &mut Plant, at: Instant, id: CopyId, turn: u32) {
    let copy = p.copy(id);
    if copy.turn != turn || copy.link.network.is_none() {
        return;
    }
    let since = copy.since;
    let Some(source) = source(p, id) else { return };
    let common = p.copy(id).log.common(&p.copy(source).log);
    p.copy_mut(id).log.truncate(common);
    connect(p, at, id, true, since);
}

/// Who reaches whom may have changed: every copy looks again.
pub(in crate::sim) fn connectivity_changed(p: &mut Plant, at: Instant, cause: RecordNo) {
    let mut after = None;
    while let Some(id) = p.copy_after(after) {
        evaluate(p, at, id, cause);
        after = Some(id);
    }
}

/// The copies on a machine.
pub(super) fn on_machine(p: &Plant, machine: MachineId) -> Vec<CopyId> {
    p.copy_ids().filter(|id| MachineId::from(id.node) == machine).collect()
}

/// A service of a machine started, stopped or hangs.
pub(in crate::sim) fn service_changed(
    p: &mut Plant,
    at: Instant,
    machine: MachineId,
    service: Service,
    cause: RecordNo,
) {
    if usize::from(machine.0) >= p.setup.topology.nodes {
        return;
    }
    match (service, p.service(machine, service).state) {
        (Service::Store, ServiceState::Stopped) => store_stopped(p, at, machine, cause),
        (Service::Store, ServiceState::Running) => resume(p, at, machine),
        (Service::Replication, ServiceState::Stopped) => replication(p, at, machine, false, cause),
        (Service::Replication, ServiceState::Running) => replication(p, at, machine, true, cause),
        _ => {}
    }
}

/// Mounts on a machine end that nobody answers for any more; a core that runs is told.
pub(in crate::sim) fn killed(
    p: &mut Plant,
    at: Instant,
    node: NodeId,
    ends: impl Fn(&Plant, DbId) -> bool,
    cause: RecordNo,
) {
    for id in on_machine(p, node.into()) {
        let (status, active) = (p.copy(id).status, p.copy(id).is_active());
        if !active || status == CopyStatus::Dismounted || !ends(p, id.database) {
            continue;
        }
        let record = end_mount(p, at, id, false, cause);
        if let Some(pending) = p.copy_mut(id).pending.take() {
            let outcome = match status {
                CopyStatus::Dismounting => Outcome::Ok,
                _ => Outcome::Failed(Failure::Terminated),
            };
            act::answer(p, at, id.node, (pending.life, pending.op), outcome, record);
        } else if status == CopyStatus::Mounted {
            let failure = Failure::Terminated;
            let report = Report::DatabaseFailed { database: id.database, failure };
            host::saw(p, at, id.node, report, record);
        }
        follow_elsewhere(p, at, id, record);
    }
}

/// The Store ended: so do its mounts. Active Manager reads the failure items a little later.
fn store_stopped(p: &mut Plant, at: Instant, machine: MachineId, cause: RecordNo) {
    for id in on_machine(p, machine) {
        let status = p.copy(id).status;
        if !p.copy(id).is_active() || status == CopyStatus::Dismounted {
            continue;
        }
        let failed = matches!(status, CopyStatus::Mounted);
        let record = end_mount(p, at, id, false, cause);
        if let Some(pending) = p.copy_mut(id).pending.take() {
            let outcome = match status {
                CopyStatus::Dismounting => Outcome::Ok,
                _ => Outcome::Failed(Failure::ServiceStopped),
            };
            act::answer(p, at, id.node, (pending.life, pending.op), outcome, record);
        }
        if failed {
            let when = at + p.settings().active_manager.failure_item_delay;
            let failure = Failure::ServiceStopped;
            let report = Report::DatabaseFailed { database: id.database, failure };
            host::saw(p, when, id.node, report, record);
        }
        follow_elsewhere(p, at, id, record);
    }
}

/// A copy that is no longer mounted and has been told that the database is active elsewhere
/// becomes passive.
pub(super) fn follow_elsewhere(p: &mut Plant, at: Instant, id: CopyId, cause: RecordNo) {
    if p.copy(id).active.is_some_and(|active| active != id.node) {
        initialize(p, at, id, cause);
    }
}

/// The Replication service, home of Active Manager, started or ended.
fn replication(p: &mut Plant, at: Instant, machine: MachineId, running: bool, cause: RecordNo) {
    for id in on_machine(p, machine) {
        let passive = !p.copy(id).is_active();
        if passive && running && p.copy(id).status == CopyStatus::ServiceDown {
            initialize(p, at, id, cause);
        } else if passive && running {
            seed::noticed(p, at, id, cause);
        } else if passive {
            drain(p, at, id);
            ship::disconnect(p, id);
            set_status(p, at, id, CopyStatus::ServiceDown, cause);
        } else if !running && p.copy(id).status == CopyStatus::Mounting {
            // It asked for the mount by a call that ends with it, and the Store leaves it.
            end_mount(p, at, id, false, cause);
            p.copy_mut(id).pending = None;
            if !p.copy(id).is_active() {
                set_status(p, at, id, CopyStatus::ServiceDown, cause);
            }
        }
    }
    let report = Report::ReplicationService { running };
    host::saw(p, at, NodeId(machine.0), report, cause);
}

/// A machine lost power, or has booted. What was written to a log is on the disk.
pub(in crate::sim) fn machine_changed(
    p: &mut Plant,
    at: Instant,
    machine: MachineId,
    up: bool,
    cause: RecordNo,
) {
    for id in on_machine(p, machine) {
        let copy = p.copy_mut(id);
        copy.pending = None;
        copy.postponed.clear();
        let active = copy.is_active();
        if up && active {
            follow_elsewhere(p, at, id, cause);
        } else if up {
            initialize(p, at, id, cause);
        } else if !up && !active {
            drain(p, at, id);
            ship::disconnect(p, id);
            set_status(p, at, id, CopyStatus::ServiceDown, cause);
        } else if !up && p.copy(id).status != CopyStatus::Dismounted {
            end_mount(p, at, id, false, cause);
        }
    }
}

/// The Cluster service ended on a node: its Active Manager dismounts what is mounted there.
pub(in crate::sim) fn cluster_stopped(p: &mut Plant, at: Instant, node: NodeId, cause: RecordNo) {
    for id in on_machine(p, node.into()) {
        if matches!(p.copy(id).status, CopyStatus::Mounted | CopyStatus::Mounting) {
            begin_dismount(p, at, id, cause);
        }
        p.copy_mut(id).pending = None;
    }
}

/// A machine that stood still goes on: what came meanwhile happens now.
pub(in crate::sim) fn thawed(p: &mut Plant, at: Instant, machine: MachineId, _: RecordNo) {
    if usize::from(machine.0) < p.setup.topology.nodes {
        resume(p, at, machine);
    }
}

fn resume(p: &mut Plant, at: Instant, machine: MachineId) {
    for id in on_machine(p, machine) {
        for event in std::mem::take(&mut p.copy_mut(id).postponed) {
            p.plan(at, Planned::Storage(event));
        }
    }
}
