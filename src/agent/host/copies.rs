//! Copies of databases: PostgreSQL instances in the words of the node.

use super::Wanted;
use crate::agent::database::logs::Client;
use crate::agent::database::{Error, Event, Instance, Kind, Status, Trouble};
use crate::agent::run::{News, Told};
use crate::agent::wire::LogEnd;
use crate::base::{CopyId, DbId, NodeId, Span};
use crate::failover::seam::{
    Act, ContentIndex, CopyReport, CopyStatus, Failure, Input, Outcome, Report,
};
use crate::journal::record::Plant;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc::{Receiver, UnboundedReceiver, UnboundedSender};

/// How far the logs of databases that are mounted here go.
pub(super) type Published = Arc<Mutex<BTreeMap<DbId, LogEnd>>>;

/// Looks at a copy again and again: publishes how far its log goes while it is mounted, and tells
/// of every change of what it is.
pub(super) async fn told(
    instance: Arc<Instance>,
    (database, node): (DbId, NodeId),
    look: Duration,
    published: Published,
    news: UnboundedSender<News>,
) {
    let mut known = None;
    loop {
        let report = instance.status().await;
        {
            let mut published = published.lock().unwrap_or_else(PoisonError::into_inner);
            match report.status {
                Status::Mounted => {
                    let (timeline, end) = (report.timeline, report.positions.generated.0);
                    published.insert(database, LogEnd { database, timeline, end });
                }
                _ => drop(published.remove(&database)),
            }
        }
        let fact = Plant::Copy {
            copy: CopyId { database, node },
            status: status(report.status),
            copy_queue: report.generated.saturating_sub(report.inspected),
            replay_queue: report.inspected.saturating_sub(report.replayed),
            content_index: ContentIndex::Healthy,
        };
        if known.replace(fact) != Some(fact) {
            let told = Told { life: None, cause: None, facts: vec![fact], input: None };
            if news.send(News::Told(told)).is_err() {
                return;
            }
        }
        tokio::time::sleep(look).await;
    }
}

/// Serves one copy.
pub(super) struct CopyWorker {
    pub database: DbId,
    pub me: NodeId,
    pub instance: Arc<Instance>,
    /// The log servers of the other hosts.
    pub sources: BTreeMap<NodeId, Client>,
    /// How long attempt copy last logs, and a mount or dismount, may take.
    pub limits: (Span, Span),
    pub news: UnboundedSender<News>,
    /// Logs that the last attempt found missing: an activation loses them.
    pub missing: Arc<Mutex<u64>>,
}

impl CopyWorker {
    /// Begins what is wanted as it comes; the instance does one thing after the other by itself.
    pub(super) async fn run(self, mut wanted: UnboundedReceiver<Wanted>, events: Receiver<Event>) {
        let (database, me, news) = (self.database, self.me, self.news.clone());
        let worker = Arc::new(self);
        tokio::spawn(watch(Arc::clone(&worker), (database, me), events, news));
        while let Some(next) = wanted.recv().await {
            let worker = Arc::clone(&worker);
            // Nobody waits for the word where to copy from.
            if let Act::Follow { active, suspended, .. } = next.act {
                let source = active.map(|node| node.0);
                let followed = worker.instance.follow(source, suspended);
                worker.ends(&next, followed.map(|()| (Vec::new(), Outcome::Ok)));
                continue;
            }
            tokio::spawn(async move {
                let ended = worker.perform(&next.act).await;
                worker.ends(&next, ended);
            });
        }
    }

    fn ends(&self, wanted: &Wanted, ended: Result<(Vec<Plant>, Outcome), Error>) {
        let (facts, outcome) = ended.unwrap_or_else(|error| {
            tracing::warn!(database = ?self.database, act = ?wanted.act, %error, "a copy");
            (Vec::new(), Outcome::Failed(failure(&error)))
        });
        // Nobody listens any more when everything ends.
        let _ = self.news.send(wanted.ended(facts, outcome));
    }

    async fn perform(&self, act: &Act) -> Result<(Vec<Plant>, Outcome), Error> {
        let copy = CopyId { database: self.database, node: self.me };
        let (last_logs, mount) = (duration(self.limits.0), duration(self.limits.1));
        match act {
            Act::CopyLastLogs { source, .. } => {
                let client = source.and_then(|node| self.sources.get(&node));
                let found = self.instance.copy_last_logs(client, last_logs).await?;
                let (copied, missing) = (found.copied, found.missing);
                *self.missing.lock().unwrap_or_else(|it| it.into_inner()) = missing;
                Ok((Vec::new(), Outcome::LastLogs { copied, missing }))
            }
            Act::Mount(_) => {
                self.instance.mount(mount).await?;
                let mut missing = self.missing.lock().unwrap_or_else(|it| it.into_inner());
                let (lost_logs, replayed_logs) = (std::mem::take(&mut *missing), 0);
                let fact = Plant::Mounted { copy, lost_logs, replayed_logs };
                Ok((vec![fact, self.reported(CopyStatus::Mounted)], Outcome::Ok))
            }
            Act::Dismount(_) => {
                self.instance.dismount(mount).await?;
                let fact = Plant::Dismounted { copy };
                Ok((vec![fact, self.reported(CopyStatus::Dismounted)], Outcome::Ok))
            }
            _ => {
                let report = self.instance.status().await;
                let content_index = ContentIndex::Healthy;
                let report = CopyReport {
                    status: status(report.status),
                    content_index,
                    generated: report.generated,
                    inspected: report.inspected,
                    replayed: report.replayed,
                    activation_suspended: false,
                };
                Ok((Vec::new(), Outcome::Copy(report)))
            }
        }
    }

    fn reported(&self, status: CopyStatus) -> Plant {
        let copy = CopyId { database: self.database, node: self.me };
        let content_index = ContentIndex::Healthy;
        Plant::Copy { copy, status, copy_queue: 0, replay_queue: 0, content_index }
    }
}

/// Tells what is noticed of an instance.
async fn watch(
    worker: Arc<CopyWorker>,
    (database, me): (DbId, NodeId),
    mut events: Receiver<Event>,
    news: UnboundedSender<News>,
) {
    while let Some(event) = events.recv().await {
        let failure = match event {
            Event::DiskLow { free } => {
                tracing::warn!(?database, free, "the disk of a copy is full");
                if worker.instance.status().await.status != Status::Mounted {
                    continue;
                }
                // It would refuse every write and yet be there: another copy can do better.
                if let Err(error) = worker.instance.dismount(duration(worker.limits.1)).await {
                    tracing::warn!(?database, %error, "a copy on a full disk");
                    continue;
                }
                Failure::Disk
            }
            Event::Failed { trouble, was_active, why } => {
                tracing::warn!(?database, ?trouble, %why, "an instance ended that nobody had stopped");
                if !was_active {
                    continue;
                }
                match trouble {
                    Trouble::Disk | Trouble::DiskFull => Failure::Disk,
                    Trouble::Terminated => Failure::Terminated,
                }
            }
        };
        let facts = vec![Plant::Dismounted { copy: CopyId { database, node: me } }];
        let input = Some(Input::Saw(Report::DatabaseFailed { database, failure }));
        let _ = news.send(News::Told(Told { life: None, cause: None, facts, input }));
    }
}

fn status(status: Status) -> CopyStatus {
    match status {
        Status::Mounted => CopyStatus::Mounted,
        Status::Mounting => CopyStatus::Mounting,
        Status::Dismounting => CopyStatus::Dismounting,
        Status::Dismounted => CopyStatus::Dismounted,
        Status::Healthy => CopyStatus::Healthy,
        Status::Initializing => CopyStatus::Initializing,
        Status::Resynchronizing => CopyStatus::Resynchronizing,
        Status::DisconnectedAndHealthy => CopyStatus::DisconnectedAndHealthy,
        Status::DisconnectedAndResynchronizing => CopyStatus::DisconnectedAndResynchronizing,
        Status::Failed => CopyStatus::Failed,
        Status::Suspended => CopyStatus::Suspended,
        Status::FailedAndSuspended => CopyStatus::FailedAndSuspended,
        Status::Seeding => CopyStatus::Seeding,
        Status::ServiceDown => CopyStatus::ServiceDown,
    }
}

fn failure(error: &Error) -> Failure {
    match error.kind() {
        Kind::NoPath => Failure::NoPath,
        Kind::NoAnswer => Failure::NoAnswer,
        Kind::Refused | Kind::Unusable => Failure::CopyUnusable,
        Kind::Disk | Kind::Machine => Failure::Disk,
    }
}

fn duration(span: Span) -> Duration {
    Duration::from_nanos(span.as_nanos())
}
