//! The witness: a share with a log that one node at a time may lock, reached over SMB; or a disk
//! that one node at a time may reserve, reached by every node over its own path.

use super::event::Event as Planned;
use super::plant::Plant;
use super::{host, net};
use crate::base::{Instant, MachineId, NodeId, NodeSet, OpId, Span};
use crate::failover::quorum::Witness as Kind;
use crate::failover::seam::{Durable, Failure, Outcome, Refusal};
use crate::journal::RecordNo;
use crate::journal::record::{Lost, Plant as Change};
use crate::model::Service;
use bevy_ecs::prelude::Resource;
use std::collections::BTreeMap;

/// The witness with its lock and tag (wsfc.md §3.2).
#[derive(Resource)]
pub(super) struct Share {
    /// What it is; none for a cluster without witness.
    kind: Option<Kind>,
    /// The file server of a share.
    pub machine: Option<MachineId>,
    /// A disk's copy of the cluster database.
    copy: Durable,
    /// Who holds the lock, and the record of it.
    holder: Option<(NodeId, RecordNo)>,
    /// The holder is not heard: its lease ends then unless it is heard again.
    lease: Option<Instant>,
    /// The newest epoch written.
    tag: u64,
    /// Nodes that have the log open.
    open: NodeSet,
    /// What is asked by the operations under way, by node and life.
    asks: BTreeMap<(NodeId, u32, OpId), Ask>,
}

/// What the file server does later.
#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    /// The log is open: lock it and compare the tag.
    Lock { node: NodeId, life: u32, op: OpId, cause: RecordNo },
    /// The lease of a holder that is not heard ends, if it is still that lock.
    LeaseEnd { taken: RecordNo, when: Instant, cause: RecordNo },
}

/// What a node asks of the lock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ask {
    /// The epoch that it knows.
    known: u64,
    /// The tag to write; none for a mere look.
    write: Option<u64>,
}

impl Share {
    pub(super) fn new(kind: Option<Kind>, machine: Option<MachineId>) -> Self {
        let machine = machine.filter(|_| kind == Some(Kind::FileShare));
        let (holder, lease, copy) = (None, None, Durable::default());
        Share {
            kind,
            machine,
            copy,
            holder,
            lease,
            tag: 0,
            open: NodeSet::EMPTY,
            asks: BTreeMap::new(),
        }
    }
}

/// Opens the witness's log from a node: when that ends, how, and the record that stood in the
/// way.
pub(super) fn open(
    p: &mut Plant,
    at: Instant,
    node: NodeId,
) -> (Instant, Outcome, Option<RecordNo>) {
    let mut settings = p.settings().witness;
    if p.witness.open.contains(node) {
        settings.open_time = Span::ZERO;
    }
    if p.witness.kind == Some(Kind::Disk) {
        return (at + settings.open_time, Outcome::Ok, None);
    }
    let Some(machine) = p.witness.machine else {
        return (at, Outcome::Failed(Failure::NoPath), None);
    };
    match net::path(p, at, node.into(), machine) {
        Err((Lost::SenderDown, because)) => (at, Outcome::Failed(Failure::NoPath), Some(because)),
        Err((_, because)) => {
            (at + settings.smb_timeout, Outcome::Failed(Failure::NoAnswer), Some(because))
        }
        Ok(_) if !p.answers(machine, Service::FileServer) => {
            let because = p.service(machine, Service::FileServer).since;
            (at + settings.smb_timeout, Outcome::Failed(Failure::NoAnswer), Some(because))
        }
        Ok((_, span)) => {
            let work = p.stretched(machine, Service::FileServer, settings.open_time);
            (at + work + span * 2, Outcome::Ok, None)
        }
    }
}

/// When the witness server started, asked over the network.
pub(super) fn boot(p: &mut Plant, at: Instant, node: NodeId, op: OpId, cause: RecordNo) {
    let (when, outcome, because) = open(p, at, node);
    let outcome = match (outcome, p.witness.machine) {
        (Outcome::Ok, Some(machine)) => Outcome::WitnessBoot(p.machine(machine).booted),
        (Outcome::Ok, None) => Outcome::Failed(Failure::NoPath),
        (other, _) => other,
    };
    let life = host::life(p, node);
    let because = because.map_or(cause, |because| because.max(cause));
    let place = p.mailbag.put(crate::failover::seam::Input::Done { op, outcome }, Some(because));
    p.plan(when, super::event::Event::Feed { node, life, place });
}

/// A node claims the witness.
pub(super) fn claim(
    p: &mut Plant,
    at: Instant,
    node: NodeId,
    op: OpId,
    (known, epoch): (u64, u64),
    cause: RecordNo,
) {
    try_lock(p, at, node, op, cause, Ask { known, write: Some(epoch) });
}

/// A node that has to wait looks whether another has won already. The log stays open, so that its
/// claim later takes no time to open it (wsfc.md §6.1: quorum regained 7.09 s after the fault).
pub(super) fn test(
    p: &mut Plant,
    at: Instant,
    node: NodeId,
    op: OpId,
    known: u64,
    cause: RecordNo,
) {
    try_lock(p, at, node, op, cause, Ask { known, write: None });
}

fn try_lock(p: &mut Plant, at: Instant, node: NodeId, op: OpId, cause: RecordNo, ask: Ask) {
    let (when, outcome, because) = open(p, at, node);
    if outcome == Outcome::Ok {
        let life = host::life(p, node);
        p.witness.asks.insert((node, life, op), ask);
        p.plan(when, Planned::Witness(Event::Lock { node, life, op, cause }));
    } else {
        p.witness.open = p.witness.open.without(node);
        host::later(p, when, node, op, outcome, because.unwrap_or(cause).max(cause));
    }
}

/// A node gives the lock back.
pub(super) fn release(p: &mut Plant, at: Instant, node: NodeId, op: OpId, cause: RecordNo) {
    free(p, at, node, cause);
    p.witness.open = p.witness.open.without(node);
    host::done(p, at, node, op, Outcome::Ok, cause);
}

/// A node's Cluster service ended and closed its file, if the server hears of it.
pub(super) fn service_ended(p: &mut Plant, at: Instant, node: NodeId, cause: RecordNo) {
    free(p, at, node, cause);
    p.witness.open = p.witness.open.without(node);
    connectivity_changed(p, at, cause);
}

fn free(p: &mut Plant, at: Instant, node: NodeId, cause: RecordNo) {
    let holds = p.witness.holder.is_some_and(|(holder, _)| holder == node);
    if holds && reaches(p, node) {
        p.witness.holder = None;
        p.witness.lease = None;
        p.change(at, Some(cause), Change::WitnessLock { holder: None });
    }
}

fn reaches(p: &Plant, node: NodeId) -> bool {
    p.witness.kind == Some(Kind::Disk) && p.machine(node.into()).up
        || p.witness.machine.is_some_and(|machine| {
            p.answers(machine, Service::FileServer) && net::reachable(p, node.into(), machine)
        })
}

/// A node with quorum stored what it knows: the tag follows if the witness can be reached, and a
/// disk keeps a copy.
pub(super) fn note_epoch(p: &mut Plant, node: NodeId, durable: &Durable) {
    let quorum = p.host(node).node.as_ref().is_some_and(|node| node.view().quorum);
    if !quorum || !reaches(p, node) {
        return;
    }
    let share = &mut p.witness;
    share.tag = share.tag.max(durable.epoch);
    let newer =
        (durable.epoch, durable.database.version) > (share.copy.epoch, share.copy.database.version);
    if share.kind == Some(Kind::Disk) && newer {
        share.copy = durable.clone();
    }
}

/// Something changed in who reaches whom: a holder that is no longer heard keeps the lock for
/// its lease only.
pub(super) fn connectivity_changed(p: &mut Plant, at: Instant, cause: RecordNo) {
    let Some((holder, taken)) = p.witness.holder else { return };
    if reaches(p, holder) && p.host(holder).node.is_some() {
        p.witness.lease = None;
    } else if p.witness.lease.is_none() {
        let when = at + p.settings().witness.lease;
        p.witness.lease = Some(when);
        p.plan(when, Planned::Witness(Event::LeaseEnd { taken, when, cause }));
    }
}

/// The file server has worked on a request, or a lease ended.
pub(super) fn handle(p: &mut Plant, at: Instant, event: Event) {
    match event {
        Event::Lock { node, life, op, cause } => {
            let ask = p.witness.asks.remove(&(node, life, op)).expect("it was asked");
            if host::life(p, node) != life {
                return;
            }
            p.witness.open = p.witness.open.with(node);
            let (outcome, record) = lock(p, at, node, cause, ask);
            host::done(p, at, node, op, outcome, record);
        }
        Event::LeaseEnd { taken, when, cause } => {
            let same = p.witness.holder.is_some_and(|(_, record)| record == taken);
            if same && p.witness.lease == Some(when) {
                p.witness.holder = None;
                p.witness.lease = None;
                p.change(at, Some(cause), Change::WitnessLock { holder: None });
            }
        }
    }
}

/// Locks the log and compares the tag. Holding the lock is not enough: a newer tag refuses.
fn lock(
    p: &mut Plant,
    at: Instant,
    node: NodeId,
    cause: RecordNo,
    ask: Ask,
) -> (Outcome, RecordNo) {
    if !reaches(p, node) {
        return (Outcome::Failed(Failure::NoAnswer), cause);
    }
    let disk = p.witness.kind == Some(Kind::Disk);
    // A disk's reservation has to be defended: a node whose service does not run cannot.
    let defends = |holder: NodeId| !disk || p.host(holder).node.is_some();
    let held = p.witness.holder.filter(|(holder, _)| *holder != node && defends(*holder));
    if let Some((holder, since)) = held {
        return (Outcome::Refused(Refusal::WitnessHeld(holder)), since.max(cause));
    }
    if p.witness.tag > ask.known && !disk {
        return (Outcome::Refused(Refusal::WitnessNewer), cause);
    }
    let Some(epoch) = ask.write else { return (Outcome::Ok, cause) };
    if disk && p.witness.copy.epoch > ask.known {
        let copy = p.witness.copy.clone();
        host::learned(p, at, node, copy, cause);
    }
    p.witness.tag = p.witness.tag.max(epoch);
    let record = p.change(at, Some(cause), Change::WitnessLock { holder: Some(node) });
    p.witness.holder = Some((node, record));
    p.witness.lease = None;
    (Outcome::Ok, record)
}
