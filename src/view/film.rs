//! A journal that can be looked at from any moment: its records, the site at each of them, and
//! everything that is folded from them once.

use super::lanes::Lanes;
use super::outage::{Fold, Outage};
use super::plots::Plots;
use super::{Scene, State, Weight};
use crate::base::{Instant, Span};
use crate::journal::text::Names;
use crate::journal::{Header, Record, RecordNo, What};
use crate::model::scenario::{Start, VerdictKind};
use crate::model::{Scenario, Tested, Topology};

/// Records between two kept states to begin with: few enough that the way from one of them to any
/// record takes a millisecond or two.
const SPACING: usize = 16_384;
/// The most states that are kept: with more, each second one is let go and the spacing doubled.
const MOST_KEPT: usize = 64;

/// A journal's records and what is folded from them. Records may still come in.
pub struct Film {
    header: Header,
    scenario: Scenario,
    records: Vec<Record>,
    /// How many records are folded: all but those of the last moment, which may be incomplete.
    folded: usize,
    state: State,
    /// The site after 0, `spacing`, 2 × `spacing` … records.
    kept: Vec<State>,
    spacing: usize,
    lanes: Lanes,
    outages: Fold,
    plots: Plots,
    /// Records that tell a turn of the story.
    milestones: Vec<RecordNo>,
    /// Those, and the steps between.
    details: Vec<RecordNo>,
    complete: bool,
}

impl Film {
    /// A journal of which only the header is known.
    pub fn new(header: Header) -> Self {
        let scenario = header.scenario.clone().unwrap_or_else(|| unplanned(&header.topology));
        let state = Scene::new(&header.topology, &scenario).into_state();
        Film {
            lanes: Lanes::new(&header.topology),
            outages: Fold::new(&header.topology),
            plots: Plots::new(&header.topology),
            kept: vec![state.clone()],
            spacing: SPACING,
            state,
            scenario,
            header,
            milestones: Vec::new(),
            details: Vec::new(),
            records: Vec::new(),
            folded: 0,
            complete: false,
        }
    }

    /// A journal with all its records.
    pub fn of(header: Header, records: Vec<Record>) -> Self {
        let mut film = Film::new(header);
        film.push(records);
        film.end();
        film
    }

    /// Takes in the next records.
    pub fn push(&mut self, mut records: Vec<Record>) {
        assert!(!self.complete, "no record comes after the end");
        match self.records.is_empty() {
            true => self.records = records,
            false => self.records.append(&mut records),
        }
        let newest = self.records.last().map_or(Instant::ZERO, |record| record.at);
        self.fold(self.records.partition_point(|record| record.at < newest));
    }

    /// No further record will come.
    pub fn end(&mut self) {
        self.complete = true;
        self.fold(self.records.len());
    }

    fn fold(&mut self, until: usize) {
        // Only the state is taken out; it is put back before anybody can look.
        let placeholder = State::clone(&self.kept[0]);
        let state = std::mem::replace(&mut self.state, placeholder);
        let mut scene = Scene::with(&self.header.topology, &self.scenario, state);
        for place in self.folded..until {
            let (record, number) = (&self.records[place], RecordNo(place as u32));
            scene.apply(record);
            self.lanes.see(&scene, record, number);
            self.outages.see(&scene, &self.records, number);
            self.plots.see(&scene, record);
            match weight(&self.scenario, &record.what) {
                Weight::Traffic => {}
                Weight::Detail => self.details.push(number),
                Weight::Milestone => {
                    self.milestones.push(number);
                    self.details.push(number);
                }
            }
            if (place + 1) % self.spacing == 0 {
                self.kept.push(State::clone(&scene));
                if self.kept.len() > MOST_KEPT {
                    let mut number = 0_usize;
                    self.kept.retain(|_| {
                        number += 1;
                        number % 2 == 1
                    });
                    self.spacing *= 2;
                }
            }
        }
        self.folded = until.max(self.folded);
        self.state = scene.into_state();
    }

    /// What the journal tells about itself.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The site's topology.
    pub fn topology(&self) -> &Topology {
        &self.header.topology
    }

    /// What was planned; nothing for a journal that was not simulated.
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// Names for sentences.
    pub fn names(&self) -> Names<'_> {
        Names::new(&self.header.topology, Some(&self.scenario))
    }

    /// Every record so far.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// A record; none if there is none of that number.
    pub fn record(&self, number: RecordNo) -> Option<&Record> {
        self.records.get(number.0 as usize)
    }

    /// Whether every record is there.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// Lanes of everything.
    pub fn lanes(&self) -> &Lanes {
        &self.lanes
    }

    /// The numbers of all records that tell at least so much; none of traffic, which is all.
    pub fn telling(&self, least: Weight) -> Option<&[RecordNo]> {
        match least {
            Weight::Traffic => None,
            Weight::Detail => Some(&self.details),
            Weight::Milestone => Some(&self.milestones),
        }
    }

    /// Latencies and queues.
    pub fn plots(&self) -> &Plots {
        &self.plots
    }

    /// Outages so far.
    pub fn outages(&self) -> Vec<Outage> {
        self.outages.outages(&self.header.topology, &self.scenario)
    }

    /// The last moment that there is something to see of: the end of the plan, or the last record
    /// of a journal that is still being written or has no plan.
    pub fn last_moment(&self) -> Instant {
        let last = self.records.last().map_or(Instant::ZERO, |record| record.at);
        match self.complete && self.header.scenario.is_some() {
            true => last.max(self.scenario.until),
            false => last,
        }
    }

    /// How many records there are up to and with a moment.
    pub fn records_until(&self, at: Instant) -> usize {
        self.records.partition_point(|record| record.at <= at)
    }

    /// The site after so many records.
    pub fn scene(&self, records: usize) -> Scene<'_> {
        let records = records.min(self.records.len());
        let place = (records / self.spacing).min(self.kept.len() - 1);
        let state = self.kept[place].clone();
        let mut scene = Scene::with(&self.header.topology, &self.scenario, state);
        for record in &self.records[place * self.spacing..records] {
            scene.apply(record);
        }
        scene
    }
}

/// How much a record tells; a step that only expects something is no event of the site.
fn weight(scenario: &Scenario, what: &What) -> Weight {
    match what {
        What::Step { index } => match scenario.steps.get(usize::from(*index)) {
            Some(step) if step.action.is_none() => Weight::Detail,
            _ => Weight::Milestone,
        },
        _ => Weight::of(what),
    }
}

/// The plan of what was not planned.
fn unplanned(topology: &Topology) -> Scenario {
    Scenario {
        name: String::new(),
        title: String::new(),
        until: Instant::ZERO,
        clients_from: Instant::ZERO,
        time_of_day: Span::ZERO,
        settle: Span::ZERO,
        start: Start::usual(topology),
        faults: Vec::new(),
        steps: Vec::new(),
        verdict: VerdictKind::Ok,
        tested: Tested::default(),
    }
}

/// The first record by which two journals differ; none if one is the beginning of the other.
pub fn first_difference(one: &[Record], other: &[Record]) -> Option<RecordNo> {
    let place = one.iter().zip(other).position(|(one, other)| one != other);
    place.map(|place| RecordNo(place as u32))
}
