//! A run as the screen has it: its film, and what is worked out of it when it has grown.

use crate::base::{Instant, Span};
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
    /// What began the worst of the outages, and when.
    trouble: Option<Instant>,
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
            trouble: None,
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
        let worst = found.out.first();
        self.trouble = worst.map(|out| out.because.map_or(out.from, |because| because.at));
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

    /// When the worst of the outages was begun; else the first disturbance, if there is one.
    pub fn trouble(&self) -> Option<Instant> {
        self.trouble.or_else(|| crate::view::first_disturbance(self.film.scenario()))
    }

    /// Where people want to look first: from a little before the trouble to a little after
    /// everything that it put out is back.
    pub fn stretch(&self) -> Option<(Instant, Instant)> {
        const LEAST: Span = Span::from_secs(8);
        let first = self.trouble()?;
        let last_moment = self.film.last_moment();
        let hard = self.outages.iter().filter(|outage| outage.hard && outage.from >= first);
        // What begins when the rest is back for long is another story.
        let mut back = first.saturating_add(LEAST);
        for outage in hard {
            let soon = outage.from <= back.saturating_add(Span::from_secs(60));
            if soon {
                back = back.max(outage.to.unwrap_or(last_moment));
            }
        }
        let length = back.saturating_since(first);
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
