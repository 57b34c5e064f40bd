//! The outage budget: who was without service, from when to when, and the stages between, which
//! add up to the nanosecond.

mod shown;
mod stage;

use crate::base::{Address, ClientId, DbId, GroupId, IdVec, Instant, Span};
use crate::failover::seam::Effect;
use crate::journal::record::{ClientEvent, Host, Plant};
use crate::journal::{Record, RecordNo, What};
use crate::model::topology::ClientKind;
use crate::model::{Scenario, Topology};
use crate::view::{Scene, first_disturbance};
pub use shown::{reason, shown};
pub use stage::{own_stage, stage_of};
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
    let mut fold = Fold::new(topology);
    let mut scene = Scene::new(topology, scenario);
    for (number, record) in records.iter().enumerate() {
        scene.apply(record);
        fold.see(&scene, records, RecordNo(number as u32));
    }
    fold.into_outages(topology, scenario)
}

/// Every outage of a client, whenever it was.
pub fn clients(topology: &Topology, records: &[Record]) -> Vec<Outage> {
    let mut fold = Fold::new(topology);
    for number in 0..records.len() {
        fold.client(topology, records, RecordNo(number as u32));
    }
    fold.open_clients(topology);
    fold.found
}

/// Outages as they are found, record by record.
#[derive(Clone, Debug)]
pub struct Fold {
    trackers: IdVec<ClientId, Tracker>,
    /// The records that bound each address last.
    bound: BTreeMap<Address, RecordNo>,
    groups: IdVec<GroupId, Watch>,
    databases: IdVec<DbId, Watch>,
    way: Way,
    found: Vec<Outage>,
}

impl Fold {
    /// Before the first record.
    pub fn new(topology: &Topology) -> Self {
        let clients = topology.total_clients() as usize;
        Fold {
            trackers: IdVec::filled(clients, Tracker::default()),
            bound: BTreeMap::new(),
            groups: IdVec::filled(topology.groups.len(), Watch::default()),
            databases: IdVec::filled(topology.databases.len(), Watch::default()),
            way: Way::default(),
            found: Vec::new(),
        }
    }

    /// Takes in the next record; the scene has it already. All records of its moment must be
    /// known: what a step came to stands behind it.
    pub fn see(&mut self, scene: &Scene<'_>, records: &[Record], number: RecordNo) {
        self.client(scene.topology(), records, number);
        self.services(scene, records, number);
    }

    /// Every outage so far after the first disturbance, in the order of their beginnings.
    pub fn outages(&self, topology: &Topology, scenario: &Scenario) -> Vec<Outage> {
        self.clone().into_outages(topology, scenario)
    }

    /// Every outage after the first disturbance, when all records have been taken in.
    pub fn into_outages(mut self, topology: &Topology, scenario: &Scenario) -> Vec<Outage> {
        let Some(since) = first_disturbance(scenario) else { return Vec::new() };
        self.open_clients(topology);
        self.open_services();
        let mut found = self.found;
        found.retain(|outage| outage.from >= since || outage.to.is_none_or(|to| to > since));
        found.sort_by_key(|outage| (outage.from, outage.who));
        found
    }

    fn client(&mut self, topology: &Topology, records: &[Record], number: RecordNo) {
        let record = &records[number.0 as usize];
        let (id, event) = match &record.what {
            What::Client(id, event) => (id, event),
            What::Plant(Plant::AddressUp { address, .. }) => {
                self.bound.insert(*address, number);
                return;
            }
            What::Plant(Plant::Neighbour { host: Host::Client(id), machine: Some(_), .. }) => {
                self.trackers[*id].neighbour = Some(number);
                return;
            }
            _ => return,
        };
        let tracker = &mut self.trackers[*id];
        if let Some(stage) = own_stage(event) {
            tracker.own.push(Point { at: record.at, stage, record: number });
        }
        if let ClientEvent::Answered { .. } = event {
            let enabling = [record.cause, tracker.bound(&self.bound), tracker.neighbour];
            let who = Who::Client(topology.client_group(*id).kind, *id);
            let from = tracker.asked.pop_front().filter(|_| tracker.hard || tracker.soft);
            self.found.extend(from.map(|from| Outage {
                who,
                from,
                to: Some(record.at),
                hard: tracker.hard,
                stages: stages(from, record.at, &self.way.points(records, &enabling, &tracker.own)),
            }));
        }
        tracker.follow(record.at, event);
    }

    fn open_clients(&mut self, topology: &Topology) {
        let open = self.trackers.iter().filter(|(_, tracker)| tracker.hard);
        self.found.extend(open.filter_map(|(id, tracker)| {
            let who = Who::Client(topology.client_group(id).kind, id);
            let from = *tracker.asked.front()?;
            Some(Outage { who, from, to: None, hard: true, stages: Vec::new() })
        }));
    }

    /// Groups and databases: from when none is served where clients reach it until one is.
    fn services(&mut self, scene: &Scene<'_>, records: &[Record], number: RecordNo) {
        let record = &records[number.0 as usize];
        if !may_change_service(&record.what) {
            return;
        }
        let topology = scene.topology();
        for group in topology.groups.ids() {
            let (who, served) = (Who::Group(group), scene.group_served(group));
            let found = self.groups[group].see(&mut self.way, records, number, served, who);
            self.found.extend(found);
        }
        for database in topology.databases.ids() {
            let (who, served) = (Who::Database(database), scene.served_by(database).is_some());
            let found = self.databases[database].see(&mut self.way, records, number, served, who);
            self.found.extend(found);
        }
    }

    fn open_services(&mut self) {
        let open = |who, watch: &Watch| {
            let from = watch.lost_at?;
            Some(Outage { who, from, to: None, hard: true, stages: Vec::new() })
        };
        let groups = self.groups.iter();
        self.found.extend(groups.filter_map(|(id, watch)| open(Who::Group(id), watch)));
        let databases = self.databases.iter();
        self.found.extend(databases.filter_map(|(id, watch)| open(Who::Database(id), watch)));
    }
}

/// Whether a record can change what a group or a database is to clients.
fn may_change_service(what: &What) -> bool {
    match what {
        What::Plant(Plant::FrameLost { .. }) => false,
        What::Out(_, Effect::Note(_)) | What::Plant(_) | What::Fault { .. } => true,
        What::In(..)
        | What::Out(..)
        | What::Step { .. }
        | What::Client(..)
        | What::Mail(..)
        | What::Agent(..) => false,
    }
}

/// Whether something is served, over time.
#[derive(Clone, Copy, Default, Debug)]
struct Watch {
    served: bool,
    lost_at: Option<Instant>,
}

impl Watch {
    /// Takes in whether it is served now; the outage that has ended by it.
    fn see(
        &mut self,
        way: &mut Way,
        records: &[Record],
        number: RecordNo,
        served: bool,
        who: Who,
    ) -> Option<Outage> {
        if served == self.served {
            return None;
        }
        let at = records[number.0 as usize].at;
        self.served = served;
        if !served {
            self.lost_at = Some(at);
            return None;
        }
        let from = self.lost_at.take().filter(|from| *from < at)?;
        let stages = stages(from, at, &way.points(records, &[Some(number)], &[]));
        Some(Outage { who, from, to: Some(at), hard: true, stages })
    }
}

/// The way back to service through the records. What stage a record ends is worked out once: many
/// clients come back by the same records.
#[derive(Clone, Debug, Default)]
struct Way {
    known: BTreeMap<RecordNo, Option<&'static str>>,
}

impl Way {
    /// The moments on the way: the chains of causes of everything that made service possible, in
    /// the order of time, then the client's own. Where two chains run side by side, as an address
    /// and a mount do, a stretch belongs to the one that moves next: it is what the outage would
    /// be shorter by if that were quicker.
    fn points(
        &mut self,
        records: &[Record],
        enabling: &[Option<RecordNo>],
        own: &[Point],
    ) -> Vec<Point> {
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

/// The stages of an outage that was seen from outside, by the record that ended it; they add up to
/// it.
pub fn budget(records: &[Record], from: Instant, to: Instant, enabling: RecordNo) -> Vec<Stage> {
    let points = Way::default().points(records, &[Some(enabling)], &[]);
    stages(from, to, &points)
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
