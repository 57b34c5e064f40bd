//! Seeding a copy anew (Update-MailboxDatabaseCopy), damage that makes it necessary, and the
//! content index that has to be crawled if it was left out (exchange.md §1.8, §2.3).

use super::super::event::Event as Planned;
use super::super::host;
use super::super::plant::Plant;
use super::copy::{Seed, others, set_status, tell};
use super::mount::end_mount;
use super::{Event, follow, ship};
use crate::base::{CopyId, Instant, NodeId, Span};
use crate::failover::seam::{ContentIndex, CopyStatus, Failure, Input, Order, Report};
use crate::journal::RecordNo;
use crate::journal::record::{NotTaken, Plant as Change, ServiceState};
use crate::model::Service;

/// What an administrator asks of a seed.
#[derive(Clone, Copy, Debug)]
pub(in crate::sim) struct Wish {
    /// Where from; none for the active copy.
    pub source: Option<NodeId>,
    /// The copy stays suspended afterwards.
    pub manual_resume: bool,
    /// The content index is left out.
    pub database_only: bool,
}

/// Seeds a copy that is suspended or has failed, if its source can be reached. Any other copy is
/// left as it is: the cmdlet refuses.
pub(in crate::sim) fn update(p: &mut Plant, at: Instant, id: CopyId, wish: Wish, cause: RecordNo) {
    let copy = p.copy(id);
    let stands = matches!(
        copy.status,
        CopyStatus::Suspended | CopyStatus::FailedAndSuspended | CopyStatus::Failed
    );
    let node = wish.source.or(copy.active).filter(|node| *node != id.node);
    let sound = |source: &CopyId| {
        p.has_copy(*source)
            && whole(p, *source)
            && ship::connection(p, None, source.node, id.node).is_ok()
    };
    let source = node.map(|node| CopyId { database: id.database, node }).filter(sound);
    let Some(source) = source.filter(|_| stands) else {
        let why = if stands { NotTaken::NoSource } else { NotTaken::NotSuspended };
        p.change(at, Some(cause), Change::OrderRefused { node: id.node, why });
        return;
    };
    let Wish { manual_resume, database_only, .. } = wish;
    let copy = p.copy_mut(id);
    copy.damaged = true;
    copy.content_index = ContentIndex::Failed;
    let record = set_status(p, at, id, CopyStatus::Seeding, cause);
    p.copy_mut(id).seed = Some(Seed { source, manual_resume, database_only });
    p.copy_mut(source).seeds += 1;
    tell(p, at, source, record);
    let settings = p.settings();
    let megabytes = u64::from(settings.store.database_size) * 1024;
    let work = Span::from_secs(1).scaled(megabytes, u64::from(settings.replication.seed_rate));
    let when = at + p.stretched(id.node.into(), Service::Replication, work);
    let turn = p.copy(id).turn;
    p.plan(when, Planned::Storage(Event::Seeded { copy: id, turn }));
}

/// Whether a copy has a whole database to seed from.
fn whole(p: &Plant, id: CopyId) -> bool {
    let copy = p.copy(id);
    let there = matches!(
        copy.status,
        CopyStatus::Mounted | CopyStatus::Healthy | CopyStatus::DisconnectedAndHealthy
    );
    there && !copy.damaged
}

/// Who reaches whom may have changed: a seed whose source is out of reach has failed.
pub(super) fn look(p: &mut Plant, at: Instant, id: CopyId, cause: RecordNo) {
    let Some(seed) = p.copy(id).seed else { return };
    if let Err(because) = ship::connection(p, None, seed.source.node, id.node) {
        set_status(p, at, id, CopyStatus::FailedAndSuspended, because.max(cause));
    }
}

/// A copy that others are seeded from has changed its state: if it has no whole database to give
/// any more, their seeds have failed.
pub(super) fn source_changed(p: &mut Plant, at: Instant, source: CopyId, cause: RecordNo) {
    if whole(p, source) {
        return;
    }
    for id in others(p, source) {
        if p.copy(id).seed.is_some_and(|seed| seed.source == source) {
            set_status(p, at, id, CopyStatus::FailedAndSuspended, cause);
        }
    }
}

/// A seed is over: the copy goes on as after a suspension.
pub(super) fn seeded(p: &mut Plant, at: Instant, id: CopyId, turn: u32) {
    if p.copy(id).turn != turn {
        return;
    }
    let Some(Seed { source, manual_resume, database_only }) = p.copy(id).seed else { return };
    let cause = p.copy(id).since;
    p.with_copies(id, source, |target, from| {
        target.log.seed(at, &from.log);
        target.damaged = false;
    });
    let suspended = p.copy(id).suspended;
    p.copy_mut(id).suspended |= manual_resume;
    if database_only {
        crawl(p, at, id);
    } else {
        p.copy_mut(id).content_index = ContentIndex::Healthy;
    }
    follow::initialize(p, at, id, cause);
    let (CopyId { database, node }, since) = (id, p.copy(id).since);
    let order = match (suspended, manual_resume) {
        (true, false) => Order::ResumeCopy { database, node, replication_only: true },
        (false, true) => Order::SuspendCopy { database, node, activation_only: false },
        _ => return,
    };
    host::feed(p, at, node, Input::Order(order), Some(since));
}

fn crawl(p: &mut Plant, at: Instant, id: CopyId) {
    let when = at + p.settings().store.crawl_time;
    let copy = p.copy_mut(id);
    copy.content_index = ContentIndex::Crawling;
    copy.crawl += 1;
    let crawl = copy.crawl;
    p.plan(when, Planned::Storage(Event::Crawled { copy: id, crawl }));
}

/// A content index has been crawled.
pub(super) fn crawled(p: &mut Plant, at: Instant, id: CopyId, crawl: u32) {
    let copy = p.copy_mut(id);
    if copy.crawl != crawl || copy.content_index != ContentIndex::Crawling {
        return;
    }
    copy.content_index = ContentIndex::Healthy;
    let since = copy.since;
    let record = tell(p, at, id, since);
    p.copy_mut(id).since = record;
}

/// The logs of a copy are damaged beyond what replication can repair. A mounted database fails
/// with a failure item; a passive copy is FailedAndSuspended, and only a seed helps.
pub(in crate::sim) fn damage(p: &mut Plant, at: Instant, id: CopyId, cause: RecordNo) {
    p.copy_mut(id).damaged = true;
    match p.copy(id).status {
        CopyStatus::Mounted => {
            let record = end_mount(p, at, id, false, cause);
            let when = at + p.settings().active_manager.failure_item_delay;
            let report = Report::DatabaseFailed { database: id.database, failure: Failure::Disk };
            host::saw(p, when, id.node, report, record);
        }
        CopyStatus::Mounting
        | CopyStatus::Dismounting
        | CopyStatus::Dismounted
        | CopyStatus::ServiceDown
        | CopyStatus::FailedAndSuspended => {}
        _ => noticed(p, at, id, cause),
    }
}

/// A Replication service that runs finds that the logs of a passive copy are damaged.
pub(super) fn noticed(p: &mut Plant, at: Instant, id: CopyId, cause: RecordNo) {
    let replication = p.service(id.node.into(), Service::Replication).state;
    let known = p.copy(id).status == CopyStatus::FailedAndSuspended;
    if p.copy(id).damaged && !known && replication == ServiceState::Running {
        ship::disconnect(p, id);
        set_status(p, at, id, CopyStatus::FailedAndSuspended, cause);
    }
}
