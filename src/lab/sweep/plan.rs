//! What a sweep is about: texts, what is changed in them, and how often each is run.

use super::memo::Sample;
use super::sample::NEVER;
use crate::base::draw::{Purpose, Stream};
use crate::base::{Instant, Span};
use crate::lab::assign::{Assignment, assigned};
use crate::lab::what_if;
use crate::model::Topology;
use crate::model::fault::Planned;
use crate::model::load::{self, Loaded};
use crate::model::measure;
use crate::model::scenario::Step;
use crate::model::settings::{Settings, Value};
use crate::model::vary::{Axis, MOST_POINTS, Values};
use crate::model::{Change, change};
use crate::model::{Problem, Scenario, Sources};
use crate::view::first_disturbance;
use crate::view::outage::Who;
use serde::{Deserialize, Serialize};

/// Where the runs of a sweep come from.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Plan {
    /// The texts before anything is varied.
    pub sources: Sources,
    /// What is varied.
    pub axes: Vec<Axis>,
    /// Which combinations are run.
    pub design: Design,
    /// Lengths of hiccups: each is a case of its own, in which every fault lasts so long.
    pub hiccups: Vec<Span>,
    /// Seeds of each point: the largest number, where the sweep may stop earlier.
    pub runs: u64,
    /// The first seed.
    pub seed: u64,
    /// When runs are enough.
    pub enough: Option<Enough>,
    /// What is looked at.
    pub measure: String,
    /// Which percentile of it, in thousandths.
    pub percentile: u32,
    /// Whose outage is divided into stages.
    pub whose: Whose,
    /// Lines of changes that are made at the moment of a fork, as `dagtwin what-if` takes them.
    pub changes: Vec<String>,
}

/// What is asked of the runs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Mode {
    /// Figures of every point.
    Points,
    /// Which key moves the percentile most: every key is made smaller and larger by a share, in
    /// thousandths.
    Sensitivity(u32),
    /// At which value of the first axis, a range, an outcome changes.
    Flip(Outcome),
    /// The probability of an outcome when draws are made anew from a moment on.
    Fork(Fork),
    /// Settings that meet goals.
    Tune(Vec<Goal>),
}

/// How a run can end, as a condition.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Outcome {
    /// One of the events.
    Event(Event),
    /// A duration is longer than a limit, or has no end.
    Longer {
        /// The duration's name.
        measure: String,
        /// The limit.
        than: Span,
    },
}

/// Something that a run had or had not.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Event {
    /// A group or a database went to another server by itself.
    Failover,
    /// Something that users reach was not back at the end.
    NotBack,
    /// A promise was broken.
    Broken,
    /// An expectation of a step was not met.
    Unmet,
    /// An accepted message was lost.
    LostMail,
    /// An activation lost logs.
    LostLogs,
}

impl Event {
    /// Every event.
    pub const ALL: [Event; 6] = [
        Event::Failover,
        Event::NotBack,
        Event::Broken,
        Event::Unmet,
        Event::LostMail,
        Event::LostLogs,
    ];

    /// The word in calls and reports.
    pub const fn word(self) -> &'static str {
        match self {
            Event::Failover => "failover",
            Event::NotBack => "not-back",
            Event::Broken => "broken",
            Event::Unmet => "unmet",
            Event::LostMail => "lost-mail",
            Event::LostLogs => "lost-logs",
        }
    }

    /// Whether a run had it.
    pub fn is_in(self, run: &Sample) -> bool {
        match self {
            Event::Failover => run.failovers > 0,
            Event::NotBack => run.measures.iter().any(|(_, span)| *span == NEVER),
            Event::Broken => run.verdict.is_broken(),
            Event::Unmet => run.unmet > 0,
            Event::LostMail => run.lost_mail > 0,
            Event::LostLogs => run.lost_logs > 0,
        }
    }
}

/// Moments at which a run is forked.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Fork {
    /// The moments, rising.
    pub moments: Vec<Instant>,
    /// What is asked.
    pub outcome: Outcome,
}

/// What settings are to come to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Goal {
    /// As it was written.
    pub text: String,
    /// Of which case.
    pub case: Case,
    /// What is demanded.
    pub demand: Demand,
}

/// What a goal demands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Demand {
    /// A percentile of a duration, in thousandths, is at most so long.
    AtMost {
        /// The duration's name.
        measure: String,
        /// The percentile.
        percentile: u32,
        /// The limit.
        limit: Span,
    },
    /// The probability of an event is at most so many millionths.
    Rarer {
        /// The event.
        event: Event,
        /// The limit.
        limit: u64,
    },
}

/// Which combinations of values are run. The texts as they are always are one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Design {
    /// Every combination.
    Grid,
    /// So many, spread evenly over every axis.
    Random(u64),
    /// Every value alone, the other keys as they are.
    OneAtATime,
}

/// How narrow intervals must be for the runs to be enough.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Enough {
    /// That of the percentile, at every point.
    Width(Span),
    /// Those of probabilities, at every point, in millionths.
    Share(u64),
}

/// Whose outage is divided into stages.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Whose {
    /// Of everything that users can reach, what was back last.
    Last,
    /// A kind of client, a group or a database, by the name that reports use.
    Named(String),
}

impl Whose {
    /// Whether an outage is one of these.
    pub fn is(&self, topology: &Topology, who: Who) -> bool {
        match self {
            Whose::Last => true,
            Whose::Named(name) => name_of(topology, who) == *name,
        }
    }
}

/// The name of whoever is without service, as measures have it; clients by their kind.
pub(super) fn name_of(topology: &Topology, who: Who) -> String {
    match who {
        Who::Client(kind, _) => kind.word().to_owned(),
        Who::Group(group) => measure::of_group(topology, group),
        Who::Database(database) => measure::of_database(topology, database),
    }
}

/// A combination of values.
pub type Point = Vec<Assignment>;

/// The texts as they are, or with hiccups for faults.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Case {
    /// As planned.
    Planned,
    /// Every fault lasts so long.
    Hiccup(Span),
    /// As planned with this seed up to a moment, from which all draws are new.
    Fork {
        /// The moment.
        at: Instant,
        /// The seed up to there.
        of: u64,
    },
}

impl Case {
    /// In words.
    pub fn told(self) -> String {
        match self {
            Case::Planned => "as planned".to_owned(),
            Case::Hiccup(length) => format!("hiccup {}", length.show()),
            Case::Fork { at, .. } => format!("forked at {}", at.since(Instant::ZERO).show()),
        }
    }
}

impl Plan {
    /// Every case.
    pub fn cases(&self) -> Vec<Case> {
        let hiccups = self.hiccups.iter().map(|length| Case::Hiccup(*length));
        std::iter::once(Case::Planned).chain(hiccups).collect()
    }

    /// Every point, the texts as they are first.
    ///
    /// # Errors
    /// Axes whose values cannot be listed, and too many points.
    pub fn points(&self) -> Result<Vec<Point>, Vec<Problem>> {
        let mut points = vec![Point::new()];
        match self.design {
            Design::Grid if self.axes.is_empty() => {}
            Design::Grid => {
                let mut all = vec![Point::new()];
                for (axis, values) in self.axes.iter().zip(self.listed()?) {
                    if (all.len() as u64).saturating_mul(values.len() as u64) > MOST_POINTS {
                        return Err(vec![too_many()]);
                    }
                    let with = |point: &Point, value: &String| {
                        let mut longer = point.clone();
                        longer.push(Assignment { key: axis.key.clone(), value: value.clone() });
                        longer
                    };
                    let longer = all.iter().flat_map(|point| values.iter().map(|v| with(point, v)));
                    all = longer.collect();
                }
                points.extend(all);
            }
            Design::OneAtATime => {
                for (axis, values) in self.axes.iter().zip(self.listed()?) {
                    let key = &axis.key;
                    points.extend(
                        values
                            .into_iter()
                            .map(|value| vec![Assignment { key: key.clone(), value }]),
                    );
                }
            }
            Design::Random(count) => points.extend(self.random(count)),
        }
        Ok(points)
    }

    fn listed(&self) -> Result<Vec<Vec<String>>, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut listed = Vec::new();
        for axis in &self.axes {
            match axis.values.grid() {
                Ok(values) => listed.push(values),
                Err(expected) => problems.push(Problem {
                    file: "--vary".to_owned(),
                    line: None,
                    key: axis.key.clone(),
                    value: String::new(),
                    expected,
                    hint: None,
                }),
            }
        }
        if problems.is_empty() { Ok(listed) } else { Err(problems) }
    }

    /// A Latin hypercube: each axis is cut into as many strata as there are points, and every
    /// stratum is met once, in an order of the axis's own.
    fn random(&self, count: u64) -> Vec<Point> {
        let mut columns: Vec<Vec<String>> = Vec::new();
        for (number, axis) in (0..).zip(&self.axes) {
            let mut draws = Stream::new(self.seed, number, Purpose::Sample);
            let mut strata: Vec<u64> = (0..count).collect();
            for place in (1..strata.len()).rev() {
                strata.swap(place, draws.below(place as u64 + 1) as usize);
            }
            let column = strata.into_iter().map(|stratum| {
                let mut place = |width: u64| {
                    let (whole, count) = (u128::from(width), u128::from(count));
                    let from = (whole * u128::from(stratum) / count) as u64;
                    let to = (whole * (u128::from(stratum) + 1)).div_ceil(count) as u64;
                    from + draws.below((to - from).max(1))
                };
                match &axis.values {
                    Values::List(list) => list[place(list.len() as u64) as usize].clone(),
                    Values::Range(range) => {
                        let step = range.fine_step();
                        let steps = (range.to - range.from) / step + 1;
                        range.scale.show(range.from + place(steps) * step)
                    }
                }
            });
            columns.push(column.collect());
        }
        let point = |at: usize| {
            let pairs = self.axes.iter().zip(&columns);
            pairs
                .map(|(axis, c)| Assignment { key: axis.key.clone(), value: c[at].clone() })
                .collect()
        };
        (0..count as usize).map(point).collect()
    }

    /// The checked values of a case at a point.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn site(&self, point: &Point, case: Case) -> Result<(Loaded, Scenario), Vec<Problem>> {
        let loaded =
            self.loaded(point, case).and_then(|(loaded, scenario)| {
                match first_disturbance(&scenario) {
                    Some(first) if first < scenario.clients_from => {
                        Err(vec![too_early(first, scenario.clients_from)])
                    }
                    _ => Ok((loaded, scenario)),
                }
            });
        loaded.map_err(|mut problems| {
            for problem in &mut problems {
                // Settings are loaded as if they had been given with --set.
                if problem.file == "--set" && point.iter().any(|one| one.key == problem.key) {
                    "--vary".clone_into(&mut problem.file);
                }
            }
            problems
        })
    }

    fn loaded(&self, point: &Point, case: Case) -> Result<(Loaded, Scenario), Vec<Problem>> {
        let texts = self.texts(point, case)?;
        let Case::Fork { at, .. } = case else { return load::site(&texts) };
        if self.changes.is_empty() {
            return load::site(&texts);
        }
        let mut changes: Vec<Change> = Vec::new();
        for line in &self.changes {
            let planned = what_if::plan(&texts, &changes)?;
            let (topology, scenario) = (&planned.loaded.topology, &planned.scenario);
            let read = change::parse(line, at, topology, scenario);
            changes.push(read.map_err(|wrong| vec![no_change(line, &wrong.to_string())])?);
        }
        let before = load::site(&texts)?;
        let planned = what_if::plan(&texts, &changes)?;
        let after = (planned.loaded, planned.scenario);
        if past(&before, at) != past(&after, at) {
            let told = format!("at {}: what had happened by then stays", show_moment(at));
            return Err(vec![no_change(&self.changes.join(", "), &told)]);
        }
        Ok(after)
    }

    /// The texts of a case at a point.
    ///
    /// # Errors
    /// Keys that the files have no place for.
    pub fn texts(&self, point: &Point, case: Case) -> Result<Sources, Vec<Problem>> {
        let mut all = point.clone();
        all.extend(self.of_case(case));
        assigned(&self.sources, &all, "--vary")
    }

    /// What a case assigns beside its point.
    pub fn of_case(&self, case: Case) -> Point {
        let Case::Hiccup(length) = case else { return Point::new() };
        let count = crate::lab::assign::faults(&self.sources.scenario.text);
        let lasts =
            |place| Assignment { key: format!("fault.{place}.lasts"), value: length.show() };
        (0..count).map(lasts).collect()
    }
}

/// What a run up to a moment rests on.
fn past(
    (loaded, scenario): &(Loaded, Scenario),
    at: Instant,
) -> (&Settings, Vec<&Planned>, Vec<&Step>) {
    let faults = scenario.faults.iter().filter(|fault| fault.at < at).collect();
    let steps = scenario.steps.iter().filter(|step| step.at < at).collect();
    (&loaded.topology.settings, faults, steps)
}

fn show_moment(at: Instant) -> String {
    at.since(Instant::ZERO).show()
}

fn no_change(line: &str, wrong: &str) -> Problem {
    Problem {
        file: "--change".to_owned(),
        line: None,
        key: String::new(),
        value: format!("{line:?}"),
        expected: format!("a change as `dagtwin what-if` takes it: {wrong}"),
        hint: None,
    }
}

/// Before clients work the site starts up: what is lost then has never been there.
fn too_early(first: Instant, from: Instant) -> Problem {
    Problem {
        file: "--vary".to_owned(),
        line: None,
        key: "the first fault".to_owned(),
        value: show_moment(first),
        expected: format!("at or after {}, when clients work (clients_from)", show_moment(from)),
        hint: None,
    }
}

fn too_many() -> Problem {
    Problem {
        file: "--vary".to_owned(),
        line: None,
        key: String::new(),
        value: String::new(),
        expected: format!("at most {MOST_POINTS} points"),
        hint: Some("take wider steps, or --random N points".to_owned()),
    }
}
