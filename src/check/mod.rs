//! Floor 5: promises, and whether a stream of records breaks one. They read records and the scene
//! that is folded from them, never the simulator's world, so one set judges every journal.

mod address_announced;
mod causes_are_earlier;
mod edges;
pub mod hazards;
mod members_back;
mod mount_dial;
mod no_lost_mail;
mod one_mounted_copy;
mod one_owner;
mod one_primary;
mod one_quorum;
mod overlap;
mod physics;
mod possible;
mod quorum_before_service;
mod restarts_kept;
mod service_back;
mod sides;
#[cfg(test)]
mod story;
mod threshold_kept;

pub use physics::{PHYSICS, physics};

use crate::base::{Instant, Span};
use crate::failover::seam::{Effect, Input};
use crate::journal::{Record, RecordNo, What};
use crate::model::{Scenario, Topology};
use crate::view::Scene;

/// Something that must hold.
#[derive(Clone, Copy)]
pub struct Promise {
    /// Its name, as reports and `dagtwin list promises` show it.
    pub name: &'static str,
    /// What it says, in one sentence.
    pub statement: &'static str,
    /// Where it comes from: the row of the fact sheets.
    pub source: &'static str,
    /// At which records, and under which conditions, it is judged.
    pub applies: &'static str,
    /// What it does not promise.
    pub not: &'static str,
    /// Whether it must hold all the time or at the end.
    pub kind: Kind,
    /// Whether it wants to see the traffic too: what nodes are told, but orders, and what they
    /// send to each other.
    pub sees_traffic: bool,
    /// Makes a watch over one run.
    pub watch: fn(&Topology, &Scenario) -> Box<dyn Watch>,
}

/// When a promise must hold.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    /// Must hold at every moment.
    Safety,
    /// Must hold at the end, after everything had time to settle.
    Liveness,
}

impl Kind {
    /// Its word in lists.
    pub const fn word(self) -> &'static str {
        match self {
            Kind::Safety => "safety",
            Kind::Liveness => "liveness",
        }
    }
}

/// Watches the records of one run for one promise.
pub trait Watch {
    /// Sees the next record; `scene` is the site after it.
    fn see(&mut self, number: RecordNo, record: &Record, scene: &Scene<'_>);
    /// Ends the watch and tells what was found; `scene` is the site at the end.
    fn end(self: Box<Self>, at: Instant, scene: &Scene<'_>) -> Findings;
}

/// What one watch found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Findings {
    /// How the promise was broken; empty if it held.
    pub violations: Vec<Violation>,
    /// What was measured on the way.
    pub measures: Vec<Measure>,
    /// Why service could not come back, where that breaks no promise.
    pub unavailable: Option<String>,
    /// Why the promise could not be judged over these records.
    pub not_judged: Option<String>,
}

/// A broken promise.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// Name of the promise.
    pub promise: &'static str,
    /// When it was broken.
    pub at: Instant,
    /// The record that breaks it; none if it is an absence at the end.
    pub record: Option<RecordNo>,
    /// How.
    pub why: String,
    /// The hazard of the real design that explains it, if one does: see [`hazards`].
    pub hazard: Option<&'static str>,
}

/// A span that is worth knowing, though it breaks no promise.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Measure {
    /// Name of the promise that measured it.
    pub promise: &'static str,
    /// What was measured.
    pub name: String,
    /// How long it was.
    pub value: Span,
    /// When it began.
    pub from: Instant,
}

/// What all promises together say about a run.
#[derive(Clone, Default)]
pub struct Verdict {
    /// Broken promises.
    pub violations: Vec<(Kind, Violation)>,
    /// Measured spans.
    pub measures: Vec<Measure>,
    /// Why service could not come back, where that breaks no promise.
    pub unavailable: Option<String>,
    /// Promises that held.
    pub held: Vec<&'static Promise>,
    /// Promises that could not be judged, and why.
    pub not_judged: Vec<(&'static Promise, String)>,
}

/// Every promise, in the order of reports.
pub const ALL: &[Promise] = &[
    one_owner::PROMISE,
    one_mounted_copy::PROMISE,
    one_quorum::PROMISE,
    one_primary::PROMISE,
    quorum_before_service::PROMISE,
    threshold_kept::PROMISE,
    restarts_kept::PROMISE,
    address_announced::PROMISE,
    mount_dial::PROMISE,
    no_lost_mail::PROMISE,
    causes_are_earlier::PROMISE,
    edges::PROMISE,
    service_back::PROMISE,
    members_back::PROMISE,
];

/// Whether a record is about what nodes are told and what they send to each other: most are, and
/// no scene changes by them.
pub(crate) fn is_traffic(what: &What) -> bool {
    match what {
        What::In(_, input) => !matches!(input, Input::Order(_)),
        What::Out(_, effect) => matches!(effect, Effect::Send { .. }),
        What::Fault { .. }
        | What::Step { .. }
        | What::Plant(_)
        | What::Client(..)
        | What::Mail(..)
        | What::Agent(..) => false,
    }
}

/// From when on everything that can be back must be back: the settle time after the last fault or
/// order.
fn due(scenario: &Scenario) -> Instant {
    let faults = scenario.faults.iter().map(|planned| match planned.lasts {
        Some(lasts) => planned.at.saturating_add(lasts),
        None => planned.at,
    });
    let steps = scenario.steps.iter().filter(|step| step.action.is_some());
    let calm = faults.chain(steps.map(|step| step.at)).max().unwrap_or(scenario.clients_from);
    calm.max(scenario.clients_from).saturating_add(scenario.settle)
}

/// A promise that this record breaks.
fn broken(promise: &Promise, number: RecordNo, record: &Record, why: String) -> Violation {
    Violation { promise: promise.name, at: record.at, record: Some(number), why, hazard: None }
}

/// The watches of every promise over one run.
pub struct Judge {
    watches: Vec<(&'static Promise, Box<dyn Watch>)>,
}

impl Judge {
    /// Before the first record; judges by every promise.
    pub fn new(topology: &Topology, scenario: &Scenario) -> Self {
        Judge::by(ALL, topology, scenario)
    }

    /// Before the first record; judges by every promise and by physics.
    pub fn with_physics(topology: &Topology, scenario: &Scenario) -> Self {
        let mut judge = Judge::new(topology, scenario);
        judge.watches.extend(Judge::by(PHYSICS, topology, scenario).watches);
        judge
    }

    /// Before the first record; judges by these promises.
    fn by(promises: &'static [Promise], topology: &Topology, scenario: &Scenario) -> Self {
        let watch = |promise: &'static Promise| (promise, (promise.watch)(topology, scenario));
        Judge { watches: promises.iter().map(watch).collect() }
    }

    /// Sees the next record; `scene` is the site after it.
    pub fn see(&mut self, number: RecordNo, record: &Record, scene: &Scene<'_>) {
        let traffic = is_traffic(&record.what);
        for (promise, watch) in &mut self.watches {
            if !traffic || promise.sees_traffic {
                watch.see(number, record, scene);
            }
        }
    }

    /// What all promises say about a run that ended at `until`; `scene` is the site at the end.
    pub fn end(self, until: Instant, scene: &Scene<'_>) -> Verdict {
        let mut verdict = Verdict::default();
        for (promise, watch) in self.watches {
            let findings = watch.end(until, scene);
            verdict.measures.extend(findings.measures);
            verdict.unavailable = verdict.unavailable.or(findings.unavailable);
            match findings.not_judged {
                Some(why) => verdict.not_judged.push((promise, why)),
                None if findings.violations.is_empty() => verdict.held.push(promise),
                None => {}
            }
            let broken = findings.violations.into_iter().map(|violation| (promise.kind, violation));
            verdict.violations.extend(broken);
        }
        verdict
    }
}

/// Judges the records of a whole run; the site at its end beside it.
pub fn judge<'t>(
    topology: &'t Topology,
    scenario: &'t Scenario,
    records: &[Record],
) -> (Verdict, Scene<'t>) {
    judged_by(Judge::new(topology, scenario), topology, scenario, records)
}

/// Judges the records of a whole run by every promise and by physics.
pub fn judge_with_physics(topology: &Topology, scenario: &Scenario, records: &[Record]) -> Verdict {
    judged_by(Judge::with_physics(topology, scenario), topology, scenario, records).0
}

fn judged_by<'t>(
    mut judge: Judge,
    topology: &'t Topology,
    scenario: &'t Scenario,
    records: &[Record],
) -> (Verdict, Scene<'t>) {
    let mut scene = Scene::new(topology, scenario);
    for (number, record) in (0..).map(RecordNo).zip(records) {
        scene.apply(record);
        judge.see(number, record, &scene);
    }
    (judge.end(scenario.until, &scene), scene)
}
