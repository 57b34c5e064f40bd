//! The witness: a share with a log that one node at a time may lock, reached over SMB; or a disk
//! that one node at a time may reserve, reached by every node over its own path.

use super::event::Event as Planned;
use super::plant::Plant;
use super::{faults, host, lease, lease::Judged, net};
use crate::base::{Instant, MachineId, NodeId, NodeSet, OpId, Span};
use crate::failover::quorum::Witness as Kind;
use crate::failover::seam::{Durable, Failure, Outcome, Refusal};
use crate::journal::RecordNo;
use crate::journal::record::{Lost, Plant as Change};
use crate::model::{Fault, Service};
use bevy_ecs::prelude::Resource;
use std::collections::BTreeMap;

/// The witness, and the shares that could be it, by their places among the witness servers.
#[derive(Resource)]
pub(super) struct Shares {
    /// What it is; none for a cluster without witness.
    kind: Option<Kind>,
    all: Vec<Share>,
}

/// A share, or the disk, with its lock and tag (wsfc.md §3.2).
struct Share {
    /// The file server of a share.
    machine: Option<MachineId>,
    /// A disk's copy of the cluster database.
    copy: Durable,
    /// Who holds the lock, and the record of it.
    holder: Option<(NodeId, RecordNo)>,
    /// The holder is not heard: its lease ends then unless it is heard again.
    lease: Option<Instant>,
    /// The newest epoch written.
    tag: u64,
    /// How often the record was written: with leases, whoever holds it counts it up.
    moved: u64,
    /// Nodes that have the log open.
    open: NodeSet,
    /// What is asked by the operations under way, by node and life.
    asks: BTreeMap<(NodeId, u32, OpId), Ask>,
}

/// What the file server does later.
#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    /// The log is open: lock it and compare the tag.
    Lock { server: u8, node: NodeId, life: u32, op: OpId, cause: RecordNo },
    /// The lease of a holder that is not heard ends, if it is still that lock.
    LeaseEnd { server: u8, taken: RecordNo, when: Instant, cause: RecordNo },
}

/// What a node asks of the lock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ask {
    /// The epoch that it knows.
    known: u64,
    /// The tag to write; none for a mere look.
    write: Option<u64>,
    /// When it was asked, by the node's clock that nobody sets.
    asked: Instant,
    /// How often the record had moved when it was first found held.
    first: Option<u64>,
}

impl Share {
    fn new(machine: Option<MachineId>) -> Self {
        Share {
            machine,
            copy: Durable::default(),
            holder: None,
            lease: None,
            tag: 0,
            moved: 0,
            open: NodeSet::EMPTY,
            asks: BTreeMap::new(),
        }
    }
}

impl Shares {
    /// Nobody has locked any of them.
    pub(super) fn new(kind: Option<Kind>, servers: &[MachineId]) -> Self {
        let shares = servers.iter().map(|machine| Share::new(Some(*machine)));
        let all = match kind {
            Some(Kind::FileShare) => shares.collect(),
            Some(Kind::Disk) | None => vec![Share::new(None)],
        };
        Shares { kind, all }
    }

    fn share(&self, server: u8) -> &Share {
        self.all.get(usize::from(server)).unwrap_or(&self.all[0])
    }

    fn share_mut(&mut self, server: u8) -> &mut Share {
        let place = if usize::from(server) < self.all.len() { usize::from(server) } else { 0 };
        &mut self.all[place]
    }

    fn servers(&self) -> std::ops::Range<u8> {
        0..u8::try_from(self.all.len()).expect("a machine has a number of one byte")
    }
}

/// The witness server that a node knows of.
pub(super) fn known_to(p: &Plant, node: NodeId) -> u8 {
    p.host(node).node.as_ref().map_or(0, |node| node.view().database.witness_server)
}

/// Opens the witness's log from a node: when that ends, how, and the record that stood in the
/// way.
pub(super) fn open(
    p: &mut Plant,
    at: Instant,
    node: NodeId,
    server: u8,
) -> (Instant, Outcome, Option<RecordNo>) {
    let mut settings = p.settings().witness;
    if p.witness.share(server).open.contains(node) {
        settings.open_time = Span::ZERO;
    }
    if p.witness.kind == Some(Kind::Disk) {
        return (at + settings.open_time, Outcome::Ok, None);
    }
    let Some(machine) = p.witness.share(server).machine else {
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
pub(super) fn boot(
    p: &mut Plant,
    at: Instant,
    node: NodeId,
    server: u8,
    op: OpId,
    cause: RecordNo,
) {
    let (when, outcome, because) = open(p, at, node, server);
    let outcome = match (outcome, p.witness.share(server).machine) {
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
    (server, known, epoch): (u8, u64, u64),
    cause: RecordNo,
) {
    let ask = Ask { known, write: Some(epoch), asked: lease::now(p, node, at), first: None };
    try_lock(p, at, (node, op), server, cause, ask);
}

/// A node that has to wait looks whether another has won already. The log stays open, so that its
/// claim later takes no time to open it (wsfc.md §6.1: quorum regained 7.09 s after the fault).
pub(super) fn test(
    p: &mut Plant,
    at: Instant,
    node: NodeId,
    op: OpId,
    (server, known): (u8, u64),
    cause: RecordNo,
) {
    let ask = Ask { known, write: None, asked: lease::now(p, node, at), first: None };
    try_lock(p, at, (node, op), server, cause, ask);
}

fn try_lock(
    p: &mut Plant,
    at: Instant,
    (node, op): (NodeId, OpId),
    server: u8,
    cause: RecordNo,
    ask: Ask,
) {
    let (when, outcome, because) = open(p, at, node, server);
    if outcome == Outcome::Ok {
        let life = host::life(p, node);
        p.witness.share_mut(server).asks.insert((node, life, op), ask);
        p.plan(when, Planned::Witness(Event::Lock { server, node, life, op, cause }));
    } else {
        let share = p.witness.share_mut(server);
        share.open = share.open.without(node);
        host::later(p, when, node, op, outcome, because.unwrap_or(cause).max(cause));
    }
}

/// A node gives the lock back.
pub(super) fn release(
    p: &mut Plant,
    at: Instant,
    node: NodeId,
    server: u8,
    op: OpId,
    cause: RecordNo,
) {
    if p.leases.enabled() {
        lease::released(p, node, server);
    }
    // Its record goes on vouching for the owner of the core group.
    if holds(p, node, server) && !lease::reserves(p, node) {
        free(p, at, server, cause);
    }
    close(p, node, server);
    host::done(p, at, node, op, Outcome::Ok, cause);
}

/// A node's Cluster service ended and closed its files, if the servers hear of it.
pub(super) fn service_ended(p: &mut Plant, at: Instant, node: NodeId, cause: RecordNo) {
    for server in p.witness.servers() {
        if holds(p, node, server) && !keeps_lock(p, server) {
            free(p, at, server, cause);
        }
        close(p, node, server);
    }
    connectivity_changed(p, at, cause);
}

/// Whether a node has the lock and the server hears what it does.
fn holds(p: &Plant, node: NodeId, server: u8) -> bool {
    let holder = p.witness.share(server).holder;
    holder.is_some_and(|(holder, _)| holder == node) && reaches(p, node, server)
}

/// Whether a fault in force lets a file server keep the lock of a holder that is gone.
fn keeps_lock(p: &Plant, server: u8) -> bool {
    let machine = p.witness.share(server).machine;
    machine.is_some_and(|machine| faults::struck(p, Fault::WitnessLockHeld { machine }).is_some())
}

/// The witness's log on a server is put back to what it was when the run began: its tag is old.
/// Who has the lock keeps it.
pub(super) fn restore(p: &mut Plant, machine: MachineId) {
    for share in p.witness.all.iter_mut().filter(|share| share.machine == Some(machine)) {
        share.tag = 0;
    }
}

fn close(p: &mut Plant, node: NodeId, server: u8) {
    let share = p.witness.share_mut(server);
    share.open = share.open.without(node);
}

pub(super) fn free(p: &mut Plant, at: Instant, server: u8, cause: RecordNo) {
    let share = p.witness.share_mut(server);
    (share.holder, share.lease) = (None, None);
    share.moved += 1;
    p.change(at, Some(cause), Change::WitnessLock { server, holder: None });
}

fn reaches(p: &Plant, node: NodeId, server: u8) -> bool {
    p.witness.kind == Some(Kind::Disk) && p.machine(node.into()).up
        || p.witness.share(server).machine.is_some_and(|machine| {
            p.answers(machine, Service::FileServer) && net::reachable(p, node.into(), machine)
        })
}

/// A node with quorum stored what it knows: the tag follows if the witness can be reached, and a
/// disk keeps a copy.
pub(super) fn note_epoch(p: &mut Plant, node: NodeId, durable: &Durable) {
    let quorum = p.host(node).node.as_ref().is_some_and(|node| node.view().quorum);
    let server = durable.database.witness_server;
    if !quorum || !reaches(p, node, server) {
        return;
    }
    let disk = p.witness.kind == Some(Kind::Disk);
    let share = p.witness.share_mut(server);
    share.tag = share.tag.max(durable.epoch);
    let newer =
        (durable.epoch, durable.database.version) > (share.copy.epoch, share.copy.database.version);
    if disk && newer {
        share.copy = durable.clone();
    }
}

/// Something changed in who reaches whom: a holder that is no longer heard keeps the lock for
/// its lease only.
pub(super) fn connectivity_changed(p: &mut Plant, at: Instant, cause: RecordNo) {
    if p.leases.enabled() {
        // Who has it shows that it lives by counting its record up.
        return;
    }
    for server in p.witness.servers() {
        let Some((holder, taken)) = p.witness.share(server).holder else { continue };
        if reaches(p, holder, server) && p.host(holder).node.is_some() {
            p.witness.share_mut(server).lease = None;
        } else if p.witness.share(server).lease.is_none() && !keeps_lock(p, server) {
            let when = at + p.settings().witness.lease;
            p.witness.share_mut(server).lease = Some(when);
            p.plan(when, Planned::Witness(Event::LeaseEnd { server, taken, when, cause }));
        }
    }
}

/// The file server has worked on a request, or a lease ended.
pub(super) fn handle(p: &mut Plant, at: Instant, event: Event) {
    match event {
        Event::Lock { server, node, life, op, cause } => {
            let share = p.witness.share_mut(server);
            let ask = share.asks.remove(&(node, life, op)).expect("it was asked");
            if host::life(p, node) != life {
                return;
            }
            let share = p.witness.share_mut(server);
            share.open = share.open.with(node);
            if p.leases.enabled() && waits(p, at, (node, life, op), server, cause, ask) {
                return;
            }
            let (outcome, record) = lock(p, at, node, server, cause, ask);
            host::done(p, at, node, op, outcome, record);
        }
        Event::LeaseEnd { server, taken, when, cause } => {
            let share = p.witness.share(server);
            let same = share.holder.is_some_and(|(_, record)| record == taken);
            if !same || share.lease != Some(when) {
            } else if keeps_lock(p, server) {
                // A new lease begins when the fault heals.
                p.witness.share_mut(server).lease = None;
            } else {
                free(p, at, server, cause);
            }
        }
    }
}

/// Locks the log and compares the tag. Holding the lock is not enough: a newer tag refuses.
fn lock(
    p: &mut Plant,
    at: Instant,
    node: NodeId,
    server: u8,
    cause: RecordNo,
    ask: Ask,
) -> (Outcome, RecordNo) {
    if !reaches(p, node, server) {
        return (Outcome::Failed(Failure::NoAnswer), cause);
    }
    let disk = p.witness.kind == Some(Kind::Disk);
    // A disk's reservation has to be defended: a node whose service does not run cannot.
    let defends = |holder: NodeId| !disk || p.host(holder).node.is_some();
    let share = p.witness.share(server);
    let held = share.holder.filter(|(holder, _)| *holder != node && defends(*holder));
    if let Some((holder, since)) = held {
        return (Outcome::Refused(Refusal::WitnessHeld(holder)), since.max(cause));
    }
    // Whoever has the lock wrote the tag.
    let own = share.holder.is_some_and(|(holder, _)| holder == node);
    if share.tag > ask.known && !disk && !own {
        return (Outcome::Refused(Refusal::WitnessNewer), cause);
    }
    let Some(epoch) = ask.write else { return (Outcome::Ok, cause) };
    if disk && share.copy.epoch > ask.known {
        let copy = share.copy.clone();
        host::learned(p, at, node, copy, cause);
    }
    let record = p.change(at, Some(cause), Change::WitnessLock { server, holder: Some(node) });
    let share = p.witness.share_mut(server);
    share.tag = share.tag.max(epoch);
    share.holder = Some((node, record));
    share.lease = None;
    share.moved += 1;
    if p.leases.enabled() {
        lease::claimed(p, node, server, ask.asked);
    }
    (Outcome::Ok, record)
}

/// With leases, a record that another holds is taken only after it has stood still. Whether the
/// claim looks again later, or was refused.
fn waits(
    p: &mut Plant,
    at: Instant,
    (node, life, op): (NodeId, u32, OpId),
    server: u8,
    cause: RecordNo,
    ask: Ask,
) -> bool {
    if !reaches(p, node, server) {
        return false;
    }
    let looks = (ask.asked, ask.first);
    match lease::judge(p, at, node, server, looks, ask.write.is_some()) {
        Judged::Free => {
            let share = p.witness.share_mut(server);
            share.holder = share.holder.filter(|(holder, _)| *holder == node);
            false
        }
        Judged::Held(holder, since) => {
            let outcome = Outcome::Refused(Refusal::WitnessHeld(holder));
            host::done(p, at, node, op, outcome, since.max(cause));
            true
        }
        Judged::Again(when) => {
            let first = Some(ask.first.unwrap_or(moved(p, server)));
            let share = p.witness.share_mut(server);
            share.asks.insert((node, life, op), Ask { first, ..ask });
            p.plan(when, Planned::Lease(lease::Event::Claim { server, node, life, op, cause }));
            true
        }
    }
}

/// A claim looks at the record once more.
pub(super) fn claim_again(
    p: &mut Plant,
    at: Instant,
    (node, op): (NodeId, OpId),
    server: u8,
    cause: RecordNo,
) {
    let life = host::life(p, node);
    if let Some(ask) = p.witness.share_mut(server).asks.remove(&(node, life, op)) {
        try_lock(p, at, (node, op), server, cause, Ask { asked: lease::now(p, node, at), ..ask });
    }
}

/// Who claimed has ended.
pub(super) fn forgotten(p: &mut Plant, server: u8, node: NodeId, life: u32, op: OpId) {
    p.witness.share_mut(server).asks.remove(&(node, life, op));
}

/// Who holds the record, and since which record.
pub(super) fn holder(p: &Plant, server: u8) -> Option<(NodeId, RecordNo)> {
    p.witness.share(server).holder
}

/// How often the record was written.
pub(super) fn moved(p: &Plant, server: u8) -> u64 {
    p.witness.share(server).moved
}

/// Whoever holds the record counts it up.
pub(super) fn move_on(p: &mut Plant, server: u8) {
    p.witness.share_mut(server).moved += 1;
}

/// Whether there is a witness.
pub(super) fn exists(p: &Plant) -> bool {
    p.witness.kind.is_some()
}

/// A node asks a witness server for its record: when it is answered, if it is.
pub(super) fn asked(p: &mut Plant, at: Instant, node: NodeId, server: u8) -> Option<Instant> {
    let (when, outcome, _) = open(p, at, node, server);
    let share = p.witness.share_mut(server);
    let answers = outcome == Outcome::Ok;
    share.open = if answers { share.open.with(node) } else { share.open.without(node) };
    answers.then_some(when)
}

/// Whether a witness server answers a node now.
pub(super) fn answers(p: &Plant, node: NodeId, server: u8) -> bool {
    reaches(p, node, server)
}

/// A record that nobody holds, or that has stood still, is taken by the owner of the core group,
/// which has quorum in this view; not if it knows of a newer one. Whether it was.
pub(super) fn take(
    p: &mut Plant,
    at: Instant,
    (node, server): (NodeId, u8),
    view: u64,
    cause: RecordNo,
) -> bool {
    if p.witness.share(server).tag > view {
        return false;
    }
    let record = p.change(at, Some(cause), Change::WitnessLock { server, holder: Some(node) });
    let share = p.witness.share_mut(server);
    (share.holder, share.tag) = (Some((node, record)), view);
    share.moved += 1;
    true
}
