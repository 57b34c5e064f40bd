//! A run as the screen has it: its film, and what is worked out of it when it has grown.

use crate::base::Instant;
use crate::model::Change;
use crate::view::film::Film;
use crate::view::headline::headline;
use crate::view::outage::{Outage, Who, shown};
use crate::view::plots::Series;

/// A run on the screen.
pub struct Take {
    /// Its journal.
    pub film: Film,
    /// What it is called: the first one "as run", a what-if by what it changed.
    pub label: String,
    /// What was changed, first to last; nothing in what was opened.
    pub changes: Vec<Change>,
    /// How it ended, in a word, if whoever made it said so.
    pub verdict: Option<String>,
    /// How many records were there when the rest was worked out.
    seen: usize,
    outages: Vec<Outage>,
    worst: Vec<Outage>,
    edges: Vec<Instant>,
    series: Vec<Series>,
    story: Vec<String>,
}

impl Take {
    /// A run.
    pub fn new(film: Film, label: String, changes: Vec<Change>) -> Self {
        let mut take = Take {
            film,
            label,
            changes,
            verdict: None,
            seen: usize::MAX,
            outages: Vec::new(),
            worst: Vec::new(),
            edges: Vec::new(),
            series: Vec::new(),
            story: Vec::new(),
        };
        take.refresh();
        take
    }

    /// Works out anew what depends on all records, if there are new ones; whether there were.
    pub fn refresh(&mut self) -> bool {
        if self.seen == self.film.records().len() {
            return false;
        }
        self.seen = self.film.records().len();
        self.outages = self.film.outages();
        self.edges = edges(&self.film, &self.outages);
        let header = self.film.header();
        let scenario = header.scenario.as_ref();
        let found = headline(&header.topology, scenario, self.film.records(), &self.outages);
        self.story = found.sentences().to_vec();
        let worst = shown(&self.film.names(), self.film.scenario(), &self.outages);
        self.series = self.film.plots().series(self.film.topology());
        self.worst = worst.into_iter().cloned().collect();
        true
    }

    /// Every outage.
    pub fn outages(&self) -> &[Outage] {
        &self.outages
    }

    /// The outages that are shown: the worst of each kind.
    pub fn worst(&self) -> &[Outage] {
        &self.worst
    }

    /// Latencies and queues over time.
    pub fn series(&self) -> &[Series] {
        &self.series
    }

    /// The story in a few sentences.
    pub fn story(&self) -> &[String] {
        &self.story
    }

    /// Beginnings and ends of outages and faults, in the order of time.
    pub fn edges(&self) -> &[Instant] {
        &self.edges
    }

    /// Where people want to look first: from a little before the first disturbance to a little
    /// after everything is back.
    pub fn stretch(&self) -> Option<(Instant, Instant)> {
        let first = crate::view::first_disturbance(self.film.scenario())?;
        let last_moment = self.film.last_moment();
        let hard = self.outages.iter().filter(|outage| outage.hard);
        let back = hard.map(|outage| outage.to.unwrap_or(last_moment)).max().unwrap_or(first);
        let length = back.saturating_since(first).max(crate::base::Span::from_secs(8));
        let before = length.as_nanos() / 10;
        let from = Instant::from_nanos(first.as_nanos().saturating_sub(before));
        let to = first.saturating_add(length.scaled(13, 10));
        Some((from, to.min(last_moment.max(from.saturating_add(length)))))
    }
}

fn edges(film: &Film, outages: &[Outage]) -> Vec<Instant> {
    let mut edges: Vec<Instant> = Vec::new();
    let services = outages.iter().filter(|outage| !matches!(outage.who, Who::Client(..)));
    edges.extend(services.flat_map(|outage| [Some(outage.from), outage.to]).flatten());
    for lane in &film.lanes().clients {
        let mut before = false;
        for (at, counts) in &lane.counts {
            let out = counts.out() > 0;
            if out != before {
                edges.push(*at);
            }
            before = out;
        }
    }
    let faults = film.lanes().faults.iter();
    edges.extend(faults.flat_map(|fault| [Some(fault.from), fault.to]).flatten());
    edges.sort();
    edges.dedup();
    edges
}
