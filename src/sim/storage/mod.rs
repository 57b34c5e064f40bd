//! Mailbox databases: logs, their shipping and replay, mounts, and what the Store serves.
//!
//! The core decides where a database is active; here is what that takes, and what is true on the
//! disks meanwhile. Two copies can be mounted at once if two nodes are ordered to; each then
//! writes logs of its own, and the one that loses drops its tail when it follows the other.

mod act;
mod copy;
pub(super) mod disk;
mod follow;
mod log;
mod mount;
pub(super) mod seed;
mod ship;

#[cfg(test)]
pub(super) mod fixture;
#[cfg(test)]
mod tests;

use super::plant::Plant;
use super::{hardware, host, net};
use crate::base::{CopyId, DbId, IdVec, Instant, MachineId, NodeId, OpId, Span};
use crate::failover::seam::CopyStatus;
use crate::failover::state::DatabaseEntry;
use crate::journal::RecordNo;
use crate::journal::record::ServiceState;
use crate::model::Service;
use crate::model::topology::ClientKind;
use bevy_ecs::prelude::Resource;

pub(super) use act::begin;
pub(super) use copy::Copy;
pub(super) use follow::{
    cluster_stopped, connectivity_changed, killed, machine_changed, service_changed, thawed,
};
pub(super) use ship::write;

/// What happens later to a database copy.
#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    /// The Replication service answers for its copy.
    Status { copy: CopyId, life: u32, op: OpId, cause: RecordNo },
    /// The last logs have come from the source.
    LastLogs { copy: CopyId, source: NodeId, life: u32, op: OpId, cause: RecordNo },
    /// The source of last logs has not answered in time.
    LastLogsTimeout { copy: CopyId, life: u32, op: OpId, cause: RecordNo },
    /// A mount ends.
    MountEnd { copy: CopyId, turn: u32 },
    /// A dismount ends.
    DismountEnd { copy: CopyId, turn: u32 },
    /// A copy has initialized.
    Initialized { copy: CopyId, turn: u32 },
    /// A diverged copy has been compared with the active one.
    Resynchronized { copy: CopyId, turn: u32 },
    /// A lost connection has been lost for too long.
    Disconnect { copy: CopyId, link: u32 },
    /// A closed log is copied and inspected.
    Shipped { copy: CopyId, link: u32 },
    /// A seed is over.
    Seeded { copy: CopyId, turn: u32 },
    /// A content index has been crawled.
    Crawled { copy: CopyId, crawl: u32 },
}

impl Event {
    fn copy(self) -> CopyId {
        match self {
            Event::Status { copy, .. }
            | Event::LastLogs { copy, .. }
            | Event::LastLogsTimeout { copy, .. }
            | Event::MountEnd { copy, .. }
            | Event::DismountEnd { copy, .. }
            | Event::Initialized { copy, .. }
            | Event::Resynchronized { copy, .. }
            | Event::Disconnect { copy, .. }
            | Event::Shipped { copy, .. }
            | Event::Seeded { copy, .. }
            | Event::Crawled { copy, .. } => copy,
        }
    }
}

/// Answers of Active Manager to where a database is active, as each member's Client Access and
/// Hub Transport keep them (exchange.md §1.1).
#[derive(Resource)]
pub(super) struct Locations {
    kept: IdVec<MachineId, IdVec<DbId, Option<(NodeId, Instant)>>>,
}

impl Locations {
    pub(super) fn new(machines: usize, databases: usize) -> Self {
        Locations { kept: IdVec::filled(machines, IdVec::filled(databases, None)) }
    }

    /// Has a machine keep an answer for ever.
    #[cfg(test)]
    pub(super) fn pin(&mut self, asker: MachineId, database: DbId, node: NodeId) {
        self.kept[asker][database] = Some((node, Instant::MAX));
    }
}

/// Something planned for a copy happens, unless its machine stands still, or the Store that
/// would have to do it hangs: then it waits.
pub(super) fn handle(p: &mut Plant, at: Instant, event: Event) {
    let copy = event.copy();
    let machine = copy.node.into();
    let by_store = matches!(event, Event::MountEnd { .. } | Event::DismountEnd { .. });
    let hangs = p.service(machine, Service::Store).state == ServiceState::Hung;
    if p.machine(machine).frozen || by_store && hangs {
        p.copy_mut(copy).postponed.push(event);
        return;
    }
    match event {
        Event::Status { copy, life, op, cause } => act::status(p, at, copy, (life, op), cause),
        Event::LastLogs { copy, source, life, op, cause } => {
            act::last_logs(p, at, copy, source, (life, op), cause);
        }
        Event::LastLogsTimeout { copy, life, op, cause } => {
            act::last_logs_timeout(p, at, copy, (life, op), cause);
        }
        Event::MountEnd { copy, turn } => mount::mounted(p, at, copy, turn),
        Event::DismountEnd { copy, turn } => mount::dismounted(p, at, copy, turn),
        Event::Initialized { copy, turn } => follow::initialized(p, at, copy, turn),
        Event::Resynchronized { copy, turn } => follow::resynchronized(p, at, copy, turn),
        Event::Disconnect { copy, link } => follow::disconnect(p, at, copy, link),
        Event::Shipped { copy, link } => ship::shipped(p, at, copy, link),
        Event::Seeded { copy, turn } => seed::seeded(p, at, copy, turn),
        Event::Crawled { copy, crawl } => seed::crawled(p, at, copy, crawl),
    }
}

/// Whether the Store of a machine serves a database: the newest record without which it would
/// not, or the record that stands in the way.
pub(super) fn serving(p: &Plant, machine: MachineId, database: DbId) -> Result<RecordNo, RecordNo> {
    let id = CopyId { database, node: NodeId(machine.0) };
    let state = p.machine(machine);
    if !state.up {
        return Err(state.since);
    }
    let store = p.service(machine, Service::Store).since;
    if !p.has_copy(id) || !p.answers(machine, Service::Store) {
        return Err(store);
    }
    if !p.leases.open(machine) {
        return Err(p.leases.since(machine));
    }
    let copy = p.copy(id);
    match copy.mounted {
        Some((since, _)) if copy.status == CopyStatus::Mounted => {
            Ok(since.max(store).max(p.leases.since(machine)))
        }
        Some(_) | None => Err(copy.since),
    }
}

/// Where a database is active, as Active Manager says on the machine that asks. An answer is
/// kept for a while, and for as long as no newer one can be had.
pub(super) fn active_location(
    p: &mut Plant,
    at: Instant,
    asker: MachineId,
    database: DbId,
) -> Option<NodeId> {
    let kept = p.locations.kept[asker][database];
    if let Some((node, until)) = kept
        && at < until
    {
        return Some(node);
    }
    let member = usize::from(asker.0) < p.setup.topology.nodes;
    let own = member.then(|| host::database_entry(p, NodeId(asker.0), database)).flatten();
    let entry = own.or_else(|| entry_elsewhere(p, at, asker, database));
    let fresh = entry.and_then(|entry| entry.active);
    if let Some(node) = fresh {
        let until = at.saturating_add(p.settings().active_manager.location_cache);
        p.locations.kept[asker][database] = Some((node, until));
    }
    fresh.or(kept.map(|(node, _)| node))
}

/// What the first other member that can be reached and whose Active Manager is in the cluster
/// knows of a database.
fn entry_elsewhere(
    p: &mut Plant,
    at: Instant,
    asker: MachineId,
    database: DbId,
) -> Option<DatabaseEntry> {
    let others: Vec<NodeId> = p.setup.topology.node_ids().collect();
    others.into_iter().filter(|node| MachineId::from(*node) != asker).find_map(|node| {
        let there = p.answers(node.into(), Service::Replication)
            && net::path(p, at, asker, node.into()).is_ok();
        there.then(|| host::database_entry(p, node, database)).flatten()
    })
}

/// How long the Store takes with a request: as long as was measured where nothing queues, at least
/// what its cycles take on these cores, longer where the Store is slow, and what it waits for
/// cores and disks. The servers of passive copies do their share behind it.
pub(super) fn request_time(p: &mut Plant, at: Instant, copy: CopyId, kind: ClientKind) -> Span {
    let machine = MachineId::from(copy.node);
    let costs = p.hardware.costs;
    let time = p.settings().store.request_time * costs.operations;
    let time = p.stretched(machine, Service::Store, time);
    if p.copy(copy).mounted.is_none() {
        return time;
    }
    let topology = p.setup.topology.clone();
    let database = &topology.databases[copy.database];
    let cycles = costs.of_mailbox(&topology.settings, kind, database);
    let (begins, work) = hardware::compute(p, at, machine, cycles);
    let cold = cold_cache(p, at, copy);
    let reads = hardware::transfer(p, at, machine, cold);
    for node in database.copies.iter().filter(|node| **node != copy.node) {
        let other = p.copy(CopyId { node: *node, ..copy });
        let follows = other.active == Some(copy.node) && other.link.network.is_some();
        if follows && p.machine((*node).into()).up {
            hardware::follow(p, at, (*node).into(), kind);
        }
    }
    let whole = begins.since(at) + time.max(work) + reads;
    hardware::count_store(p, machine, whole);
    whole
}

/// The factor on database reads, in thousandths: above 1,000 just after a mount, when the cache is
/// cold (exchange.md §2.1).
fn cold_cache(p: &Plant, at: Instant, copy: CopyId) -> u64 {
    let settings = &p.settings().store;
    let Some((_, mounted)) = p.copy(copy).mounted else { return 1_000 };
    let (age, warm) = (at.saturating_since(mounted), settings.cold_cache_time);
    if age >= warm {
        return 1_000;
    }
    let factor = settings.cold_cache_factor;
    let (above, below) = (u64::from(factor.numerator()), u64::from(factor.denominator()));
    let most = Span::from_nanos(1_000).scaled(above.saturating_sub(below), below);
    1_000 + most.scaled((warm - age).as_nanos(), warm.as_nanos()).as_nanos()
}

/// Takes in what has arrived at the copies of a machine and been replayed there by now.
pub(super) fn settle(p: &mut Plant, at: Instant, machine: MachineId) {
    for id in follow::on_machine(p, machine) {
        copy::drain(p, at, id);
    }
}

/// The activation that a mounted copy writes under, by the record of its mount.
pub(super) fn activation(p: &Plant, copy: CopyId) -> RecordNo {
    p.copy(copy).log.activation()
}

/// Whether a copy's logs have what an activation wrote up to a position.
pub(super) fn holds(p: &Plant, copy: CopyId, activation: RecordNo, position: u64) -> bool {
    p.copy(copy).log.holds(activation, position)
}

/// Whether every copy of a database has what an activation wrote up to a position.
pub(super) fn held_everywhere(
    p: &Plant,
    database: DbId,
    activation: RecordNo,
    position: u64,
) -> bool {
    let copies = &p.setup.topology.databases[database].copies;
    copies.iter().all(|node| holds(p, CopyId { database, node: *node }, activation, position))
}

/// Whether the closed log with a position is copied to every copy of a database.
pub(super) fn log_copied(p: &Plant, database: DbId, activation: RecordNo, position: u64) -> bool {
    let copies = &p.setup.topology.databases[database].copies;
    let whole = log::generations(position) * log::LOG_KILOBYTES;
    copies.iter().all(|node| {
        let copy = CopyId { database, node: *node };
        holds(p, copy, activation, position) && p.copy(copy).log.position >= whole
    })
}

/// The copy that is mounted by the newest activation, if one is.
pub(super) fn mounted_copy(p: &Plant, database: DbId) -> Option<CopyId> {
    let copies = &p.setup.topology.databases[database].copies;
    let mounted = copies.iter().filter_map(|node| {
        let id = CopyId { database, node: *node };
        p.copy(id).mounted.map(|(since, _)| (since, id))
    });
    mounted.max().map(|(_, id)| id)
}
