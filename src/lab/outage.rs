//! The outage budget: who was without service, from when to when, and the stages between, which
//! add up to the nanosecond.

use crate::base::{Address, ClientId, DbId, GroupId, IdVec, Instant, Span};
use crate::failover::seam::{CopyStatus, Effect, GroupState, Input, Note};
use crate::journal::record::{ClientEvent, Host, Plant, ServiceState};
use crate::journal::{Record, RecordNo, What};
use crate::model::topology::ClientKind;
use crate::model::{Scenario, Topology};
use crate::view::{Scene, first_disturbance};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Who was without service.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Who {
    /// A client.
    Client(ClientKind, ClientId),
    /// A group.
    Group(GroupId),
    /// A database.
    Database(DbId),
}

/// A stretch of an outage.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stage {
    /// What went on.
    pub name: &'static str,
    /// For how long.
    pub span: Span,
    /// The record that ended it.
    pub record: RecordNo,
}

/// An outage.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outage {
    /// Whose.
    pub who: Who,
    /// When it began.
    pub from: Instant,
    /// When it ended; none if it had not by the end of the run.
    pub to: Option<Instant>,
    /// Whether service was away, and not just a session or an idle connection that had to be
    /// made anew.
    pub hard: bool,
    /// Its stages, first to last; empty if it has not ended.
    pub stages: Vec<Stage>,
}

impl Outage {
    /// How long it was, if it ended.
    pub fn span(&self) -> Option<Span> {
        self.to.map(|to| to.since(self.from))
    }
}

/// A moment on the way back to service, and the stage that it ends.
#[derive(Clone, Copy, Debug)]
struct Point {
    at: Instant,
    stage: &'static str,
    record: RecordNo,
}

/// What a client's present request has met.
#[derive(Clone, Debug, Default)]
struct Tracker {
    /// Requests that wait, first in, first out.
    asked: VecDeque<Instant>,
    hard: bool,
    soft: bool,
    own: Vec<Point>,
    /// The address that it last connected to.
    address: Option<Address>,
    /// The last change of its neighbour cache.
    neighbour: Option<RecordNo>,
}

impl Tracker {
    /// The record that bound the address that it connected to.
    fn bound(&self, bound: &BTreeMap<Address, RecordNo>) -> Option<RecordNo> {
        self.address.and_then(|address| bound.get(&address).copied())
    }

    fn follow(&mut self, at: Instant, event: &ClientEvent) {
        match event {
            ClientEvent::Asked { .. } => {
                if self.asked.is_empty() {
                    self.own.clear();
                }
                self.asked.push_back(at);
            }
            ClientEvent::Retransmitted { .. }
            | ClientEvent::GaveUp
            | ClientEvent::Refused { .. }
            | ClientEvent::RestartNeeded => self.hard = true,
            ClientEvent::Connecting { address, attempt } => {
                self.address = Some(*address);
                self.hard |= *attempt > 1;
            }
            ClientEvent::Reset { .. } | ClientEvent::LogOnPage => self.soft = true,
            ClientEvent::Answered { .. } => {
                (self.hard, self.soft) = (false, false);
                self.own.clear();
            }
            ClientEvent::Started
            | ClientEvent::Connected { .. }
            | ClientEvent::LoggedOn { .. }
            | ClientEvent::Autodiscovered { .. }
            | ClientEvent::TriesAgain
            | ClientEvent::PersonDone
            | ClientEvent::State(_) => {}
        }
    }
}

/// Every outage after the first disturbance, in the order of their beginnings.
pub fn outages(topology: &Topology, scenario: &Scenario, records: &[Record]) -> Vec<Outage> {
    let Some(since) = first_disturbance(scenario) else { return Vec::new() };
    let mut found = clients(topology, records);
    found.extend(services(topology, scenario, records));
    found.retain(|outage| outage.from >= since || outage.to.is_none_or(|to| to > since));
    found.sort_by_key(|outage| (outage.from, outage.who));
    found
}

/// Every outage of a client, whenever it was.
pub(super) fn clients(topology: &Topology, records: &[Record]) -> Vec<Outage> {
    let count = topology.total_clients() as usize;
    let mut trackers: IdVec<ClientId, Tracker> = IdVec::filled(count, Tracker::default());
    let mut found = Vec::new();
    let mut bound: BTreeMap<Address, RecordNo> = BTreeMap::new();
    let mut way = Way::over(records);
    for (number, record) in records.iter().enumerate() {
        let number = RecordNo(number as u32);
        let (id, event) = match &record.what {
            What::Client(id, event) => (id, event),
            What::Plant(Plant::AddressUp { address, .. }) => {
                bound.insert(*address, number);
                continue;
            }
            What::Plant(Plant::Neighbour { host: Host::Client(id), machine: Some(_), .. }) => {
                trackers[*id].neighbour = Some(number);
                continue;
            }
            _ => continue,
        };
        let tracker = &mut trackers[*id];
        if let Some(stage) = own_stage(event) {
            tracker.own.push(Point { at: record.at, stage, record: number });
        }
        if let ClientEvent::Answered { .. } = event {
            let enabling = [record.cause, tracker.bound(&bound), tracker.neighbour];
            let who = Who::Client(topology.client_group(*id).kind, *id);
            found.extend(tracker.asked.pop_front().filter(|_| tracker.hard || tracker.soft).map(
                |from| Outage {
                    who,
                    from,
                    to: Some(record.at),
                    hard: tracker.hard,
                    stages: stages(from, record.at, &way.points(&enabling, &tracker.own)),
                },
            ));
        }
        tracker.follow(record.at, event);
    }
    let open = trackers.iter().filter(|(_, tracker)| tracker.hard);
    found.extend(open.filter_map(|(id, tracker)| {
        let kind = topology.client_group(id).kind;
        let who = Who::Client(kind, id);
        let from = *tracker.asked.front()?;
        Some(Outage { who, from, to: None, hard: true, stages: Vec::new() })
    }));
    found
}

/// What a client's own record ends.
fn own_stage(event: &ClientEvent) -> Option<&'static str> {
    match event {
        ClientEvent::Reset { .. } | ClientEvent::Refused { .. } | ClientEvent::LogOnPage => {
            Some("client notices")
        }
        ClientEvent::GaveUp => Some("client gives up"),
        ClientEvent::Connected { .. } => Some("client reconnect"),
        ClientEvent::LoggedOn { .. } => Some("log-on"),
        ClientEvent::Answered { .. } => Some("answer"),
        ClientEvent::RestartNeeded => Some("client notices"),
        ClientEvent::Retransmitted { .. } | ClientEvent::Connecting { attempt: 2.., .. } => {
            Some("TCP retransmission")
        }
        ClientEvent::TriesAgain => Some("client back-off"),
        ClientEvent::PersonDone => Some("person"),
        ClientEvent::Started
        | ClientEvent::Asked { .. }
        | ClientEvent::Connecting { .. }
        | ClientEvent::Autodiscovered { .. }
        | ClientEvent::State(_) => None,
    }
}

/// Outages of groups and databases: from when none is served where clients reach it until one is.
fn services(topology: &Topology, scenario: &Scenario, records: &[Record]) -> Vec<Outage> {
    let mut scene = Scene::new(topology, scenario);
    let mut found = Vec::new();
    let mut groups: IdVec<GroupId, Watch> = IdVec::filled(topology.groups.len(), Watch::default());
    let mut databases: IdVec<DbId, Watch> =
        IdVec::filled(topology.databases.len(), Watch::default());
    let mut way = Way::over(records);
    for (number, record) in records.iter().enumerate() {
        if matches!(record.what, What::In(..) | What::Client(..) | What::Mail(..)) {
            continue;
        }
        scene.apply(record);
        let number = RecordNo(number as u32);
        for group in topology.groups.ids() {
            let served = scene.group_served(group);
            let who = Who::Group(group);
            groups[group].see(&mut way, (record.at, number), served, who, &mut found);
        }
        for database in topology.databases.ids() {
            let served = scene.served_by(database).is_some();
            let who = Who::Database(database);
            databases[database].see(&mut way, (record.at, number), served, who, &mut found);
        }
    }
    let open = |who, watch: &Watch| {
        let from = watch.lost_at?;
        Some(Outage { who, from, to: None, hard: true, stages: Vec::new() })
    };
    found.extend(groups.iter().filter_map(|(id, watch)| open(Who::Group(id), watch)));
    found.extend(databases.iter().filter_map(|(id, watch)| open(Who::Database(id), watch)));
    found
}

/// Whether something is served, over time.
#[derive(Clone, Copy, Default, Debug)]
struct Watch {
    served: bool,
    lost_at: Option<Instant>,
}

impl Watch {
    fn see(
        &mut self,
        way: &mut Way,
        (at, number): (Instant, RecordNo),
        served: bool,
        who: Who,
        found: &mut Vec<Outage>,
    ) {
        if served == self.served {
            return;
        }
        self.served = served;
        if !served {
            self.lost_at = Some(at);
        } else if let Some(from) = self.lost_at.take().filter(|from| *from < at) {
            let stages = stages(from, at, &way.points(&[Some(number)], &[]));
            found.push(Outage { who, from, to: Some(at), hard: true, stages });
        }
    }
}

/// The way back to service through the records. What stage a record ends is worked out once: many
/// clients come back by the same records.
struct Way<'r> {
    records: &'r [Record],
    known: BTreeMap<RecordNo, Option<&'static str>>,
}

impl<'r> Way<'r> {
    fn over(records: &'r [Record]) -> Self {
        Way { records, known: BTreeMap::new() }
    }

    /// The moments on the way: the chains of causes of everything that made service possible, in
    /// the order of time, then the client's own. Where two chains run side by side, as an address
    /// and a mount do, a stretch belongs to the one that moves next: it is what the outage would
    /// be shorter by if that were quicker.
    fn points(&mut self, enabling: &[Option<RecordNo>], own: &[Point]) -> Vec<Point> {
        let records = self.records;
        let heads = enabling.iter().flatten();
        let links: BTreeSet<RecordNo> =
            heads.flat_map(|head| crate::journal::chain(records, *head)).collect();
        let points = links.into_iter().filter_map(|number| {
            let stage = *self.known.entry(number).or_insert_with(|| stage_of(records, number));
            Some(Point { at: records[number.0 as usize].at, stage: stage?, record: number })
        });
        let mut points: Vec<Point> = points.collect();
        let last = points.last().map_or(Instant::ZERO, |point| point.at);
        points.extend(own.iter().filter(|point| point.at >= last));
        points
    }
}

/// Cuts an outage at the moments on the way; they end exactly at `to`.
fn stages(from: Instant, to: Instant, points: &[Point]) -> Vec<Stage> {
    let mut stages: Vec<Stage> = Vec::new();
    let mut cursor = from;
    for point in points.iter().filter(|point| point.at > from && point.at <= to) {
        let span = point.at.since(cursor);
        cursor = point.at;
        match stages.last_mut() {
            Some(last) if last.name == point.stage => {
                last.span += span;
                last.record = point.record;
            }
            _ => stages.push(Stage { name: point.stage, span, record: point.record }),
        }
    }
    if cursor < to {
        let record = points.last().map_or(RecordNo(0), |point| point.record);
        stages.push(Stage { name: "answer", span: to.since(cursor), record });
    }
    let sum: Span = stages.iter().map(|stage| stage.span).sum();
    assert!(sum == to.since(from), "stages add up to their outage: {sum} of {}", to.since(from));
    stages
}

/// The stage that a record on the chain ends; none if it ends no stage of its own and belongs to
/// the one that follows.
fn stage_of(records: &[Record], number: RecordNo) -> Option<&'static str> {
    match &records[number.0 as usize].what {
        What::Fault { healed: true, .. } => Some("fault lasts"),
        What::Fault { healed: false, .. } => Some("before the fault"),
        What::Step { .. } => Some("before the order"),
        What::Plant(plant) => plant_stage(plant),
        What::In(_, Input::Order(_)) => Some("order"),
        What::In(node, _) => {
            let notes = records[number.0 as usize + 1..].iter();
            let same = notes.take_while(|record| record.at == records[number.0 as usize].at);
            same.filter(|record| record.cause == Some(number))
                .filter_map(|record| match &record.what {
                    What::Out(who, Effect::Note(note)) if who == node => note_stage(note),
                    _ => None,
                })
                .min_by_key(|(rank, _)| *rank)
                .map(|(_, stage)| stage)
        }
        What::Out(_, Effect::Note(note)) => note_stage(note).map(|(_, stage)| stage),
        What::Out(..) | What::Client(..) | What::Mail(..) => None,
    }
}

fn plant_stage(plant: &Plant) -> Option<&'static str> {
    Some(match plant {
        Plant::Machine { up: true, .. } => "boot",
        Plant::Adapter { up: true, .. } => "fault lasts",
        Plant::Machine { up: false, .. }
        | Plant::Adapter { up: false, .. }
        | Plant::FrameLost { .. } => "detection",
        Plant::ClusterStart { .. } | Plant::Service { state: ServiceState::Running, .. } => {
            "service restart"
        }
        Plant::Service { .. } => "service stop",
        Plant::AddressUp { .. } => "address online",
        Plant::AddressDown { .. } => "group offline",
        Plant::GratuitousArp { .. } | Plant::Neighbour { .. } => "address propagation",
        Plant::DnsRecord { .. } | Plant::DnsUpdateFailed { .. } => "name registration",
        Plant::WitnessLock { .. } => "arbitration",
        Plant::ServerMarked { .. } => "balancer monitor",
        Plant::Convergence { ended: true, .. } => "NLB convergence",
        Plant::Convergence { ended: false, .. } => "detection",
        Plant::Mounted { .. } => "mount",
        Plant::Dismounted { .. } => "dismount",
        Plant::LogDisk { full: true, .. } => "log disk full",
        Plant::Operation { .. }
        | Plant::LogDisk { .. }
        | Plant::CircularLogging { .. }
        | Plant::OrderRefused { .. }
        | Plant::ClientAccessArray
        | Plant::StoppedMembers { .. }
        | Plant::NamesServer { .. }
        | Plant::AlternateWitness { .. }
        | Plant::RpcClientAccessServer { .. } => {
            return None;
        }
        Plant::Copy { status, .. } => match status {
            CopyStatus::Dismounting => return None,
            CopyStatus::Dismounted => "dismount",
            _ => return None,
        },
    })
}

/// A note's stage, and its rank among the notes of one step.
fn note_stage(note: &Note) -> Option<(u8, &'static str)> {
    Some(match note {
        Note::QuorumHeld { .. }
        | Note::WitnessWon
        | Note::WitnessLost { .. }
        | Note::Learned { .. } => (0, "arbitration"),
        Note::View { .. } => (1, "regroup"),
        Note::PathLost { .. } | Note::PeerLost { .. } => (2, "detection"),
        Note::LastLogs { .. } => (3, "ACLL"),
        Note::CopyChosen { .. } | Note::Ranking { .. } => (4, "best copy selection"),
        Note::Group { state: GroupState::Online, .. } => (5, "name online"),
        Note::Database { status: CopyStatus::Dismounted, .. } => (6, "dismount"),
        Note::Database { status: CopyStatus::Mounted, .. } => (6, "mount"),
        Note::Group { state: GroupState::Offline, .. } => (7, "group offline"),
        Note::DatabaseOperation { .. } | Note::GroupMove { .. } => (8, "decision"),
        Note::Started | Note::Joining | Note::Forming | Note::NoConnectivity => (9, "start-up"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::draw::{Purpose, Stream};

    #[test]
    fn stages_add_up_whatever_the_points_are() {
        let names = ["a", "b", "c"];
        for seed in 0..500 {
            let mut draws = Stream::new(seed, 0, Purpose::Choice);
            let mut at = 0;
            let points: Vec<Point> = (0..draws.below(12))
                .map(|number| {
                    at += draws.below(40);
                    Point {
                        at: Instant::from_nanos(at),
                        stage: names[draws.below(3) as usize],
                        record: RecordNo(number as u32),
                    }
                })
                .collect();
            let from = Instant::from_nanos(draws.below(200));
            let to = from + Span::from_nanos(draws.below(200));
            let sum: Span = stages(from, to, &points).iter().map(|stage| stage.span).sum();
            assert_eq!(sum, to.since(from));
        }
    }
}
