//! A database copy as its Replication service and Store see it.

use super::super::plant::Plant;
use super::Event;
use super::disk::LogDisk;
use super::log::{Log, closed, generations};
use super::seed;
use crate::base::{CopyId, Instant, NetId, NodeId, OpId, Span};
use crate::failover::seam::{ContentIndex, CopyReport, CopyStatus};
use crate::failover::transitions::State;
use crate::journal::RecordNo;
use crate::journal::record::Plant as Change;
use bevy_ecs::prelude::Component;
use std::collections::VecDeque;

/// One copy of a database.
#[derive(Component)]
pub(in crate::sim) struct Copy {
    /// State (exchange.md §1.8).
    pub(super) status: CopyStatus,
    /// Record of the last change of state.
    pub(super) since: RecordNo,
    /// Counts changes of state: what was planned in an earlier one is void.
    pub(super) turn: u32,
    /// Where the database is active, as far as is known here: from a mount on, it is here.
    pub(super) active: Option<NodeId>,
    /// Where Active Manager last told the Replication service here that it is.
    pub(super) told: Option<NodeId>,
    /// The logs.
    pub(super) log: Log,
    /// Which of them are on the disk.
    pub(super) disk: LogDisk,
    /// While mounted: the record of the mount and its moment.
    pub(super) mounted: Option<(RecordNo, Instant)>,
    /// The last activation of the database on this copy.
    pub(super) own: Option<RecordNo>,
    /// The operation that waits for a mount or dismount.
    pub(super) pending: Option<Pending>,
    /// Whether the last attempt to copy last logs fetched everything.
    pub(super) complete: bool,
    /// Logs of the last active copy that it lacked when its last mount began.
    pub(super) loses: u64,
    /// The connection to the active copy.
    pub(super) link: Link,
    /// What came while the machine stood still.
    pub(super) postponed: Vec<Event>,
    /// An administrator suspended it.
    pub(super) suspended: bool,
    /// Its files are no whole database: only a seed helps.
    pub(super) damaged: bool,
    /// Its seed, while it is being seeded.
    pub(super) seed: Option<Seed>,
    /// How many copies are being seeded from it.
    pub(super) seeds: u8,
    /// Its content index.
    pub(super) content_index: ContentIndex,
    /// Counts crawls of the content index: an earlier one is void.
    pub(super) crawl: u32,
    /// Queues as they were last told, in tens of logs.
    pub(super) told_tens: (u64, u64),
}

/// A seed under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seed {
    /// Where from.
    pub source: CopyId,
    /// The copy stays suspended afterwards.
    pub manual_resume: bool,
    /// The content index is left out.
    pub database_only: bool,
}

/// An operation that a node waits for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pending {
    /// The node's life that asked.
    pub life: u32,
    /// The operation.
    pub op: OpId,
}

/// The connection over which a passive copy gets its logs (exchange.md §2.1).
#[derive(Default)]
pub(super) struct Link {
    /// The network, while connected.
    pub network: Option<NetId>,
    /// Since when it is lost, and the record that broke it.
    pub lost: Option<(Instant, RecordNo)>,
    /// Counts connections: what was planned over an earlier one is void.
    pub turn: u32,
    /// A closed log is on its way (file mode).
    pub copying: bool,
    /// It has had a queue of several logs since it was connected.
    pub behind: bool,
    /// Block mode: every write is shipped at once.
    pub block: bool,
    /// Block mode: when what was written up to a position arrives.
    pub flight: VecDeque<(Instant, u64)>,
    /// Block mode: when the line is free again.
    pub busy_until: Instant,
}

impl Copy {
    /// A copy on a node when a run begins: the active one is not mounted yet, the others are
    /// Healthy with equal logs.
    pub(in crate::sim) fn new(node: NodeId, active: NodeId, replay_lag: Span) -> Self {
        let here = node == active;
        let log = Log::new(replay_lag);
        Copy {
            status: if here { CopyStatus::Dismounted } else { CopyStatus::Healthy },
            since: RecordNo(0),
            turn: 0,
            active: Some(active),
            told: Some(active),
            disk: LogDisk::from(log.position),
            log,
            mounted: None,
            own: here.then_some(RecordNo(0)),
            pending: None,
            complete: true,
            loses: 0,
            link: Link::default(),
            postponed: Vec::new(),
            suspended: false,
            damaged: false,
            seed: None,
            seeds: 0,
            content_index: ContentIndex::Healthy,
            crawl: 0,
            told_tens: (0, 0),
        }
    }

    /// Whether it is the copy that clients are served from, or was.
    pub(super) fn is_active(&self) -> bool {
        matches!(
            self.status,
            CopyStatus::Mounted
                | CopyStatus::Mounting
                | CopyStatus::Dismounting
                | CopyStatus::Dismounted
        )
    }

    /// Whether it replays the logs that it has.
    fn replays(&self) -> bool {
        matches!(
            self.status,
            CopyStatus::Healthy
                | CopyStatus::Initializing
                | CopyStatus::Resynchronizing
                | CopyStatus::DisconnectedAndHealthy
                | CopyStatus::DisconnectedAndResynchronizing
        )
    }

    /// Takes in what has arrived by now.
    pub(super) fn drain(&mut self, at: Instant, rate: u32) {
        while let Some((arrives, position)) = self.link.flight.front().copied()
            && arrives <= at
        {
            self.link.flight.pop_front();
            self.log.receive(arrives, position, rate);
        }
        if self.replays() {
            self.log.settle(at, rate);
        } else {
            self.log.stand(at);
        }
    }

    /// What the Replication service says of the copy.
    pub(super) fn report(&self) -> CopyReport {
        let (generated, inspected, replayed) = if self.is_active() {
            let written = generations(self.log.position);
            (written, written, written)
        } else {
            let inspected = closed(self.log.position);
            let generated = closed(self.log.told).max(inspected);
            (generated, inspected, closed(self.log.replayed))
        };
        let source =
            self.seeds > 0 && matches!(self.status, CopyStatus::Mounted | CopyStatus::Healthy);
        CopyReport {
            status: if source { CopyStatus::SeedingSource } else { self.status },
            content_index: self.content_index,
            generated,
            inspected,
            replayed,
            activation_suspended: false,
        }
    }
}

/// Takes in what has arrived at a copy by now.
pub(super) fn drain(p: &mut Plant, at: Instant, id: CopyId) {
    let rate = p.replay_rate(id.node.into());
    p.copy_mut(id).drain(at, rate);
}

/// Changes a copy's state and writes its record.
pub(super) fn set_status(
    p: &mut Plant,
    at: Instant,
    id: CopyId,
    status: CopyStatus,
    cause: RecordNo,
) -> RecordNo {
    drain(p, at, id);
    let copy = p.copy_mut(id);
    copy.status.demand(status);
    copy.status = status;
    copy.turn += 1;
    let over = if status == CopyStatus::Seeding { None } else { copy.seed.take() };
    let record = tell(p, at, id, cause);
    p.copy_mut(id).since = record;
    if let Some(seed) = over {
        p.copy_mut(seed.source).seeds -= 1;
        tell(p, at, seed.source, record);
    }
    if p.copy(id).seeds > 0 {
        seed::source_changed(p, at, id, record);
    }
    record
}

/// Writes the record of a copy whose queue has grown or shrunk by ten logs or so since the last
/// one, so that a queue that grows for hours can be seen.
pub(super) fn tell_queues(p: &mut Plant, at: Instant, id: CopyId, cause: RecordNo) {
    drain(p, at, id);
    let report = p.copy(id).report();
    if p.copy(id).told_tens != tens(&report) {
        tell(p, at, id, cause);
    }
}

fn tens(report: &CopyReport) -> (u64, u64) {
    (report.copy_queue() / 10, report.replay_queue() / 10)
}

/// Writes the record of a copy's state as it is now.
pub(super) fn tell(p: &mut Plant, at: Instant, id: CopyId, cause: RecordNo) -> RecordNo {
    let report = p.copy(id).report();
    let (copy_queue, replay_queue) = (report.copy_queue(), report.replay_queue());
    let (status, content_index) = (report.status, report.content_index);
    p.copy_mut(id).told_tens = tens(&report);
    let change = Change::Copy { copy: id, status, copy_queue, replay_queue, content_index };
    p.change(at, Some(cause), change)
}

/// The copy that a copy gets its logs from: the active one, if that is another.
pub(super) fn source(p: &Plant, id: CopyId) -> Option<CopyId> {
    let node = p.copy(id).active.filter(|active| *active != id.node)?;
    let source = CopyId { database: id.database, node };
    p.has_copy(source).then_some(source)
}

/// The other copies of a copy's database, one by one.
pub(super) fn others(p: &Plant, id: CopyId) -> impl Iterator<Item = CopyId> + use<> {
    let topology = p.setup.topology.clone();
    let count = topology.databases[id.database].copies.len();
    (0..count).filter_map(move |place| {
        let node = topology.databases[id.database].copies[place];
        (node != id.node).then_some(CopyId { database: id.database, node })
    })
}
