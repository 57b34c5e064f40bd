//! Series for plots: whole numbers over time, folded record by record into buckets of time. When
//! they become too many, each two become one, so that a year takes as much memory as a minute.

use super::{Scene, Subject};
use crate::base::{ClientId, CopyId, IdVec, Instant, MailId, Span};
use crate::journal::record::{ClientEvent, Plant};
use crate::journal::text::Names;
use crate::journal::{Record, What};
use crate::model::Topology;
use crate::model::topology::ClientKind;
use std::collections::{BTreeMap, BTreeSet};

/// The most buckets of a series.
const MOST_BUCKETS: usize = 2_048;
/// The first width of a bucket.
const FIRST_WIDTH: Span = Span::from_millis(50);

/// What a series counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    /// Nanoseconds.
    Time,
    /// Clients.
    Clients,
    /// Transaction logs.
    Logs,
    /// Messages.
    Messages,
}

impl Unit {
    /// What plots call it.
    pub const fn word(self) -> &'static str {
        match self {
            Unit::Time => "ns",
            Unit::Clients => "clients",
            Unit::Logs => "logs",
            Unit::Messages => "messages",
        }
    }
}

/// What a series tells of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Of {
    /// Latency of the requests that were answered: half of them took at most so long.
    Median(ClientKind),
    /// Latency: all but one in a hundred took at most so long.
    Percentile99(ClientKind),
    /// Latency: the longest.
    Longest(ClientKind),
    /// Clients whose request waits for its answer.
    Waiting(ClientKind),
    /// Logs that a copy has not got yet.
    CopyQueue(CopyId),
    /// Logs that a copy has not replayed yet.
    ReplayQueue(CopyId),
    /// Messages that the system has taken and not delivered yet.
    Pending,
}

/// A value over time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Series {
    /// What it tells of.
    pub of: Of,
    /// What people call it.
    pub name: String,
    /// What it counts.
    pub unit: Unit,
    /// Its value from each moment on: the largest within a bucket of time. Of latencies there is
    /// a point where requests were answered, and none elsewhere.
    pub points: Vec<(Instant, u64)>,
}

impl Series {
    /// What it is about, if that has a lane.
    pub fn subject(&self) -> Option<Subject> {
        match self.of {
            Of::Median(kind) | Of::Percentile99(kind) | Of::Longest(kind) | Of::Waiting(kind) => {
                Some(Subject::Clients(kind))
            }
            Of::CopyQueue(copy) | Of::ReplayQueue(copy) => Some(Subject::Copy(copy)),
            Of::Pending => None,
        }
    }
}

/// A value that stands until it changes.
#[derive(Clone, Default, Debug)]
struct Gauge {
    now: u64,
    /// The largest value within each bucket so far.
    buckets: Vec<u64>,
}

impl Gauge {
    fn set(&mut self, bucket: usize, value: u64) {
        if value == self.now && !self.buckets.is_empty() {
            return;
        }
        self.stand(bucket);
        self.buckets[bucket] = self.buckets[bucket].max(value);
        self.now = value;
    }

    /// Fills the buckets up to this one with the value that stands.
    fn stand(&mut self, bucket: usize) {
        if self.buckets.len() <= bucket {
            self.buckets.resize(bucket + 1, self.now);
        }
    }

    fn halve(&mut self) {
        let pairs = self.buckets.chunks(2);
        self.buckets = pairs.map(|pair| pair.iter().copied().max().unwrap_or(0)).collect();
    }

    fn points(&self, width: Span) -> Vec<(Instant, u64)> {
        let mut points: Vec<(Instant, u64)> = Vec::new();
        for (place, value) in self.buckets.iter().enumerate() {
            if points.last().is_none_or(|(_, before)| before != value) {
                points.push((begin(place, width), *value));
            }
        }
        if points.last().is_some_and(|(_, last)| *last != self.now) {
            points.push((begin(self.buckets.len(), width), self.now));
        }
        points
    }
}

fn begin(bucket: usize, width: Span) -> Instant {
    Instant::from_nanos(width.as_nanos().saturating_mul(bucket as u64))
}

/// Latencies of one bucket, in classes a quarter of a doubling wide.
#[derive(Clone, Default, Debug)]
struct Histogram {
    /// Classes with their counts, in ascending order.
    counts: Vec<(u8, u32)>,
    longest: u64,
}

impl Histogram {
    fn class(nanos: u64) -> u8 {
        let octave = 63 - nanos.max(4).leading_zeros();
        // An octave is below 64, and its quarter below 4.
        (octave * 4 + (nanos.max(4) >> (octave - 2) & 3) as u32) as u8
    }

    /// The largest value of a class.
    fn most(class: u8) -> u64 {
        let (octave, quarter) = (u32::from(class / 4), u64::from(class % 4));
        let step = 1_u64 << (octave - 2);
        (4 + quarter) * step + (step - 1)
    }

    fn add(&mut self, class: u8, count: u32) {
        match self.counts.binary_search_by_key(&class, |(class, _)| *class) {
            Ok(place) => self.counts[place].1 += count,
            Err(place) => self.counts.insert(place, (class, count)),
        }
    }

    fn merge(&mut self, other: &Histogram) {
        for (class, count) in &other.counts {
            self.add(*class, *count);
        }
        self.longest = self.longest.max(other.longest);
    }

    /// The value that so many of a hundred do not exceed.
    fn percentile(&self, percent: u64) -> Option<u64> {
        let all: u64 = self.counts.iter().map(|(_, count)| u64::from(*count)).sum();
        let wanted = (all * percent).div_ceil(100);
        let mut below = 0;
        let class = self.counts.iter().find(|(_, count)| {
            below += u64::from(*count);
            below >= wanted
        });
        class.map(|(class, _)| Self::most(*class).min(self.longest))
    }
}

/// Every series of a site, so far.
#[derive(Clone, Debug)]
pub struct Plots {
    width: Span,
    latency: BTreeMap<ClientKind, Vec<Histogram>>,
    waiting: BTreeMap<ClientKind, Gauge>,
    queues: BTreeMap<CopyId, (Gauge, Gauge)>,
    pending: Gauge,
    waits: IdVec<ClientId, bool>,
    on_their_way: BTreeSet<MailId>,
}

impl Plots {
    /// Before the first record.
    pub fn new(topology: &Topology) -> Self {
        let kinds = ClientKind::ALL.into_iter();
        let kinds = kinds.filter(|kind| topology.clients.iter().any(|group| group.kind == *kind));
        let kinds: Vec<ClientKind> = kinds.collect();
        let copies = topology.databases.iter().flat_map(|(database, config)| {
            config.copies.iter().map(move |node| CopyId { database, node: *node })
        });
        Plots {
            width: FIRST_WIDTH,
            latency: kinds.iter().map(|kind| (*kind, Vec::new())).collect(),
            waiting: kinds.iter().map(|kind| (*kind, Gauge::default())).collect(),
            queues: copies.map(|copy| (copy, Default::default())).collect(),
            pending: Gauge::default(),
            waits: IdVec::filled(topology.total_clients() as usize, false),
            on_their_way: BTreeSet::new(),
        }
    }

    /// Takes in the next record; the scene has it already.
    pub fn see(&mut self, scene: &Scene<'_>, record: &Record) {
        match &record.what {
            What::Client(id, event) => {
                let bucket = self.bucket(record.at);
                self.client(scene, *id, event, bucket);
            }
            What::Mail(id, _) => {
                let mail = scene.mail.get(id);
                let waits =
                    mail.is_some_and(|mail| mail.submitted && !mail.delivered && !mail.lost);
                match waits {
                    true => self.on_their_way.insert(*id),
                    false => self.on_their_way.remove(id),
                };
                let bucket = self.bucket(record.at);
                self.pending.set(bucket, self.on_their_way.len() as u64);
            }
            What::Plant(Plant::Copy { copy, .. } | Plant::Mounted { copy, .. }) => {
                let bucket = self.bucket(record.at);
                if let (Some(known), Some((copies, replays))) =
                    (scene.copies.get(copy), self.queues.get_mut(copy))
                {
                    copies.set(bucket, known.copy_queue);
                    replays.set(bucket, known.replay_queue);
                }
            }
            _ => {}
        }
    }

    fn client(&mut self, scene: &Scene<'_>, id: ClientId, event: &ClientEvent, bucket: usize) {
        let (Some(client), Some(before)) = (scene.clients.get(id), self.waits.get_mut(id)) else {
            return;
        };
        let before = std::mem::replace(before, client.waiting);
        let kind = scene.topology().client_group(id).kind;
        if before != client.waiting
            && let Some(gauge) = self.waiting.get_mut(&kind)
        {
            let now = if before { gauge.now.saturating_sub(1) } else { gauge.now + 1 };
            gauge.set(bucket, now);
        }
        if let (ClientEvent::Answered { latency }, Some(buckets)) =
            (event, self.latency.get_mut(&kind))
        {
            if buckets.len() <= bucket {
                buckets.resize_with(bucket + 1, Histogram::default);
            }
            let histogram = &mut buckets[bucket];
            histogram.add(Histogram::class(latency.as_nanos()), 1);
            histogram.longest = histogram.longest.max(latency.as_nanos());
        }
    }

    /// The bucket of a moment; there may be fewer of twice the width afterwards.
    fn bucket(&mut self, at: Instant) -> usize {
        loop {
            let place = at.as_nanos() / self.width.as_nanos();
            match usize::try_from(place) {
                Ok(place) if place < MOST_BUCKETS => return place,
                _ => self.halve(),
            }
        }
    }

    fn halve(&mut self) {
        self.width = self.width * 2;
        self.waiting.values_mut().for_each(Gauge::halve);
        for (copies, replays) in self.queues.values_mut() {
            copies.halve();
            replays.halve();
        }
        self.pending.halve();
        for buckets in self.latency.values_mut() {
            let pairs = buckets.chunks(2).map(|pair| {
                let mut both = pair[0].clone();
                if let Some(second) = pair.get(1) {
                    both.merge(second);
                }
                both
            });
            *buckets = pairs.collect();
        }
    }

    /// Every series, in the order in which people look for them.
    pub fn series(&self, topology: &Topology) -> Vec<Series> {
        let names = Names::new(topology, None);
        let mut all = Vec::new();
        for (kind, buckets) in &self.latency {
            let label = kind.label();
            let points = |value: &dyn Fn(&Histogram) -> Option<u64>| {
                let values = buckets.iter().enumerate();
                let values = values.filter_map(|(place, histogram)| {
                    value(histogram).map(|value| (begin(place, self.width), value))
                });
                values.collect::<Vec<_>>()
            };
            let mut add = |of, word: &str, points| {
                let name = format!("{label} latency, {word}");
                all.push(Series { of, name, unit: Unit::Time, points });
            };
            add(Of::Median(*kind), "median", points(&|one| one.percentile(50)));
            add(Of::Percentile99(*kind), "99th percentile", points(&|one| one.percentile(99)));
            let longest = |one: &Histogram| (!one.counts.is_empty()).then_some(one.longest);
            add(Of::Longest(*kind), "longest", points(&longest));
        }
        for (kind, gauge) in &self.waiting {
            let name = format!("{} waiting", kind.label());
            let points = gauge.points(self.width);
            all.push(Series { of: Of::Waiting(*kind), name, unit: Unit::Clients, points });
        }
        for (copy, (copies, replays)) in &self.queues {
            let mut add = |of, word: &str, gauge: &Gauge| {
                let name = format!("{} {word} queue", names.copy(*copy));
                all.push(Series { of, name, unit: Unit::Logs, points: gauge.points(self.width) });
            };
            add(Of::CopyQueue(*copy), "copy", copies);
            add(Of::ReplayQueue(*copy), "replay", replays);
        }
        let (name, points) = ("messages pending".to_owned(), self.pending.points(self.width));
        all.push(Series { of: Of::Pending, name, unit: Unit::Messages, points });
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_holds_its_values_and_is_a_quarter_of_a_doubling_wide() {
        for nanos in [4, 5, 7, 8, 1_000, 26_025_000, 10_522_000_000, u64::MAX] {
            let most = Histogram::most(Histogram::class(nanos));
            assert!(most >= nanos && most - nanos <= nanos / 4, "{nanos}: {most}");
        }
        let mut histogram = Histogram::default();
        for nanos in 1..=100_u64 {
            histogram.add(Histogram::class(nanos * 1_000), 1);
            histogram.longest = histogram.longest.max(nanos * 1_000);
        }
        let median = histogram.percentile(50).expect("it has values");
        assert!((50_000..=62_500).contains(&median), "{median}");
        assert_eq!(histogram.percentile(100), Some(100_000));
        assert_eq!(Histogram::default().percentile(50), None);
    }

    #[test]
    fn halving_keeps_maxima_and_the_value_that_stands() {
        let mut gauge = Gauge::default();
        for (bucket, value) in [(0, 0), (3, 7), (3, 1), (9, 4)] {
            gauge.set(bucket, value);
        }
        let width = Span::from_secs(1);
        let at = |seconds: u64| Instant::from_nanos(seconds * 1_000_000_000);
        assert_eq!(gauge.points(width), [(at(0), 0), (at(3), 7), (at(4), 1), (at(9), 4)]);
        gauge.halve();
        let double = width * 2;
        assert_eq!(gauge.points(double), [(at(0), 0), (at(2), 7), (at(4), 1), (at(8), 4)]);
        gauge.set(4, 2);
        assert_eq!(gauge.points(double).last(), Some(&(at(10), 2)));
    }
}
