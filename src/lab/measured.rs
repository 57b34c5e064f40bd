//! A prediction held against what was measured: the same fault in many simulated runs and in
//! repetitions on real hosts, outage beside outage and stage beside stage.

use super::pool::{self, Progress};
use crate::base::{Address, DbId, GroupId, Instant, Span};
use crate::journal::record::Plant;
use crate::journal::{Record, RecordNo, What};
use crate::model::{Scenario, Topology};
use crate::sim::{Recording, simulate};
use crate::view::outage::{self, Outage, Stage, Who};
use crate::view::{Scene, first_disturbance};
use std::collections::BTreeMap;

/// How long after it serves a member may notice that it does (assumed: several looks of a mount).
const NOTICED: Span = Span::from_millis(500);

/// Durations, shortest first.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Sample(Vec<Span>);

impl Sample {
    /// A sample of some durations.
    pub fn new(mut spans: Vec<Span>) -> Sample {
        spans.sort();
        Sample(spans)
    }

    /// The duration that so many in a hundred do not exceed; none of an empty sample.
    pub fn percentile(&self, percent: usize) -> Option<Span> {
        let rank = (self.0.len() * percent).div_ceil(100).max(1);
        self.0.get(rank - 1).copied()
    }

    /// The middle one; none of an empty sample.
    pub fn median(&self) -> Option<Span> {
        self.percentile(50)
    }

    /// All of them, shortest first.
    pub fn all(&self) -> &[Span] {
        &self.0
    }
}

/// Who was without service.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Served {
    /// New connections through the client access array's name.
    Array(GroupId),
    /// Writes to a database.
    Database(DbId),
}

/// What a repetition on real hosts came to for somebody.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Seen {
    /// Whose.
    pub who: Served,
    /// The longest time without an answer.
    pub outage: Span,
    /// From the first request without an answer to the next answer, if there were both.
    pub stretch: Option<(Instant, Instant)>,
}

/// A repetition on real hosts: the journals of all members as one, its moments those of the
/// scenario that predicts it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Repetition {
    /// Every record.
    pub records: Vec<Record>,
    /// What was seen from outside.
    pub seen: Vec<Seen>,
}

/// One outage, as a whole and by stages.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Told {
    outage: Span,
    stages: BTreeMap<&'static str, Span>,
}

impl Told {
    fn add(&mut self, stages: &[Stage]) {
        for stage in stages {
            *self.stages.entry(stage.name).or_default() += stage.span;
        }
    }
}

/// What was predicted beside what was measured.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pair {
    /// In simulated runs.
    pub predicted: Sample,
    /// On real hosts.
    pub measured: Sample,
}

impl Pair {
    fn of(predicted: &[Told], measured: &[Told], part: impl Fn(&Told) -> Span + Copy) -> Pair {
        let sample = |told: &[Told]| Sample::new(told.iter().map(part).collect());
        Pair { predicted: sample(predicted), measured: sample(measured) }
    }

    /// By how much the medians differ; none without either.
    pub fn difference(&self) -> Option<Span> {
        let (predicted, measured) = (self.predicted.median()?, self.measured.median()?);
        Some(predicted.max(measured) - predicted.min(measured))
    }

    /// Whether the medians differ by no more than a tenth of the measured one or 100 ms.
    pub fn agrees(&self) -> Option<bool> {
        let measured = self.measured.median()?;
        let allowed = Span::from_nanos(measured.as_nanos() / 10).max(Span::from_millis(100));
        self.difference().map(|difference| difference <= allowed)
    }
}

/// One fault and somebody who was without service.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// Who.
    pub who: Served,
    /// The whole outage.
    pub outage: Pair,
    /// Its stages, in the order of their names; those that neither has are left out.
    pub stages: Vec<(&'static str, Pair)>,
}

/// The rows of one fault.
///
/// The runs have seeds from `seed` on; none of them is begun after the work was stopped.
pub fn rows(
    (topology, scenario): (&Topology, &Scenario),
    (runs, seed, jobs): (u64, u64, usize),
    repetitions: &[Repetition],
    progress: &Progress,
) -> Vec<Row> {
    let mut whos: Vec<Served> =
        repetitions.iter().flat_map(|repetition| &repetition.seen).map(|seen| seen.who).collect();
    whos.sort();
    whos.dedup();
    let predicted = pool::some(runs as usize, jobs, progress, |place| {
        let run = simulate(topology, scenario, seed.wrapping_add(place as u64), Recording::Memory);
        predicted(topology, scenario, &run.records, &whos)
    });
    let predicted: Vec<BTreeMap<Served, Told>> = predicted.into_iter().flatten().collect();
    let row = |who: &Served| {
        let predicted: Vec<Told> =
            predicted.iter().map(|run| run.get(who).cloned().unwrap_or_default()).collect();
        let of = |repetition| measured(topology, repetition, *who);
        let measured: Vec<Told> = repetitions.iter().filter_map(of).collect();
        let both = predicted.iter().chain(&measured);
        let mut names: Vec<&'static str> =
            both.flat_map(|told| told.stages.keys().copied()).collect();
        names.sort_unstable();
        names.dedup();
        let stages = names.into_iter().map(|name| {
            let part = move |told: &Told| told.stages.get(name).copied().unwrap_or_default();
            (name, Pair::of(&predicted, &measured, part))
        });
        let outage = Pair::of(&predicted, &measured, |told| told.outage);
        Row { who: *who, outage, stages: stages.collect() }
    };
    whos.iter().map(row).collect()
}

/// What a simulated run comes to for everybody who was looked at: the longest outage of each. What
/// is not back at its end was away until then.
fn predicted(
    topology: &Topology,
    scenario: &Scenario,
    records: &[Record],
    whos: &[Served],
) -> BTreeMap<Served, Told> {
    let outages = outage::outages(topology, scenario, records);
    let end = scenario.until;
    let told = whos.iter().map(|who| {
        let subject = match *who {
            Served::Array(group) => {
                return (*who, array(topology, scenario, records, group));
            }
            Served::Database(database) => Who::Database(database),
        };
        let span = |outage: &Outage| outage.to.unwrap_or(end).saturating_since(outage.from);
        let own = outages.iter().filter(|outage| outage.who == subject);
        let longest = own.max_by_key(|outage| span(outage));
        let mut told = Told::default();
        if let Some(outage) = longest {
            told.outage = span(outage);
            told.add(&outage.stages);
        }
        (*who, told)
    });
    told.collect()
}

/// The longest time after the first fault in which no machine answered for a group's address:
/// clients need that and the service behind it, not every resource of the group.
fn array(topology: &Topology, scenario: &Scenario, records: &[Record], group: GroupId) -> Told {
    let resources = topology.groups[group].resources.iter();
    let addresses: Vec<Address> =
        resources.filter_map(|id| topology.resources[*id].address).collect();
    let struck = first_disturbance(scenario).unwrap_or(Instant::MAX);
    let mut scene = Scene::new(topology, scenario);
    let mut lost: Option<Instant> = None;
    let mut longest: Option<(Instant, Instant, RecordNo)> = None;
    for (number, record) in records.iter().enumerate() {
        scene.apply(record);
        if record.at < struck || !matches!(record.what, What::Plant(_) | What::Fault { .. }) {
            continue;
        }
        let on = |address: &Address| scene.addresses.get(address).into_iter().flatten();
        let answers = addresses.iter().flat_map(on).any(|machine| scene.serves(*machine));
        if !answers {
            lost.get_or_insert(record.at);
            continue;
        }
        let Some(from) = lost.take() else { continue };
        if longest.is_none_or(|(start, end, _)| record.at.since(from) > end.since(start)) {
            longest = Some((from, record.at, RecordNo(number as u32)));
        }
    }
    if let Some(from) = lost {
        let outage = scenario.until.saturating_since(from);
        return Told { outage, ..Told::default() };
    }
    let mut told = Told::default();
    if let Some((from, to, back)) = longest {
        told.outage = to.since(from);
        told.add(&outage::budget(records, from, to, back));
    }
    told
}

/// What a repetition came to for somebody; none if nobody looked.
fn measured(topology: &Topology, repetition: &Repetition, who: Served) -> Option<Told> {
    let seen = repetition.seen.iter().find(|seen| seen.who == who)?;
    let mut told = Told { outage: seen.outage, ..Told::default() };
    if let Some((from, to)) = seen.stretch {
        let enabling = enabling(topology, &repetition.records, who, to);
        let stages = enabling.map(|record| outage::budget(&repetition.records, from, to, record));
        told.add(&stages.unwrap_or_default());
    }
    Some(told)
}

/// The record that made the answer at a moment possible.
fn enabling(topology: &Topology, records: &[Record], who: Served, at: Instant) -> Option<RecordNo> {
    let is_of = |group: GroupId, address: Address| {
        let resources = topology.groups[group].resources.iter();
        resources.into_iter().any(|id| topology.resources[*id].address == Some(address))
    };
    let serves = |record: &Record| match (who, &record.what) {
        (Served::Array(group), What::Plant(Plant::AddressUp { address, .. })) => {
            is_of(group, *address)
        }
        (Served::Database(id), What::Plant(Plant::Mounted { copy, .. })) => copy.database == id,
        _ => false,
    };
    // A client may have its answer before the member knows that it serves.
    let before = records.iter().take_while(|record| record.at <= at + NOTICED);
    let found = before.enumerate().filter(|(_, record)| serves(record)).last();
    found.map(|(number, _)| RecordNo(number as u32))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(millis: &[u64]) -> Sample {
        Sample::new(millis.iter().map(|ms| Span::from_millis(*ms)).collect())
    }

    #[test]
    fn percentiles_are_members_of_the_sample() {
        let some = sample(&[30, 10, 20, 40]);
        assert_eq!(some.median(), Some(Span::from_millis(20)));
        assert_eq!(some.percentile(100), Some(Span::from_millis(40)));
        assert_eq!(some.percentile(0), Some(Span::from_millis(10)));
        assert_eq!(sample(&[]).median(), None);
    }

    #[test]
    fn medians_agree_within_a_tenth_or_a_hundred_milliseconds() {
        let pair = |predicted: u64, measured: u64| Pair {
            predicted: sample(&[predicted]),
            measured: sample(&[measured]),
        };
        assert_eq!(pair(5_400, 5_000).agrees(), Some(true), "400 ms of 500 allowed");
        assert_eq!(pair(5_600, 5_000).agrees(), Some(false), "600 ms of 500 allowed");
        assert_eq!(pair(0, 100).agrees(), Some(true));
        assert_eq!(pair(0, 101).agrees(), Some(false));
        let none = Pair { predicted: sample(&[]), measured: sample(&[1]) };
        assert_eq!(none.agrees(), None);
    }
}
