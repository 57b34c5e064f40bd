//! One run of a plan: what the promises say of it, and what states it went through.

use super::coverage::{Pair, Visit};
use super::plan::Plan;
use super::site::Site;
use crate::base::{Id, Instant, NodeId, NodeSet, Span};
use crate::check::hazards::{self, Hazard};
use crate::check::{Judge, Kind, Verdict, Watch, is_traffic};
use crate::failover::transitions;
use crate::journal::{Record, RecordNo, What};
use crate::model::{Scenario, Topology};
use crate::sim::{self, Recording};
use crate::view::Scene;
use crate::view::transitions::Transitions;
use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A broken promise.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Broken {
    /// Its name.
    pub promise: &'static str,
    /// Whether it must hold at every moment, or at the end.
    pub kind: Kind,
    /// When.
    pub at: Instant,
    /// How.
    pub why: String,
}

/// What a run came to.
#[derive(Clone, Debug)]
pub struct Ran {
    /// The plan.
    pub plan: Plan,
    /// Broken promises that no hazard explains, each once.
    pub broken: Vec<Broken>,
    /// Why service could not come back, where that breaks no promise.
    pub unavailable: Option<String>,
    /// Hazards that were met, each with its longest.
    pub hazards: Vec<(&'static Hazard, Span)>,
    /// How often each transition was taken.
    pub edges: BTreeMap<(transitions::Kind, usize, usize), u64>,
    /// What struck in which state.
    pub pairs: BTreeMap<Pair, u64>,
    /// The longest stay in every state, by its place.
    pub visits: BTreeMap<(transitions::Kind, usize), Visit>,
    /// How long the run was.
    pub simulated: Span,
    /// How many records it left.
    pub records: u64,
}

/// How often it is looked, after the last fault is healed, whether everything is back.
const LOOK: Span = Span::from_secs(10);

/// One run in so many is judged by physics too, which judges the simulator and not the cluster: it
/// looks at every frame, and would take a quarter of the time.
const PHYSICS_EVERY: u64 = 8;

/// A client that waits longer than this for an answer is not served again yet.
const PATIENCE: Span = Span::from_secs(2);

/// Runs a plan and judges it. The run ends as soon as everything is back, or when that is overdue.
///
/// # Panics
/// If a plan is no scenario: whatever is drawn can be loaded.
pub fn run(site: &Site, plan: Plan) -> Ran {
    let topology = site.topology(&plan);
    let scenario = site.scenario(&plan).unwrap_or_else(|problems| {
        panic!("what is drawn can be loaded: {problems:#?}\n{}", plan.text(&site.set))
    });
    let mut run = sim::Run::new(topology, &scenario, plan.seed, Recording::Memory);
    let mut watched = Watched::new(topology, &scenario, &plan);
    let mut at = plan.calm();
    watched.see(run.until(at).records);
    while at < scenario.until && !(watched.is_back() && run.waiting(at, PATIENCE) == 0) {
        at = (at + LOOK).min(scenario.until);
        watched.see(run.until(at).records);
    }
    let Watched { scene, judge, hazards, states, count } = watched;
    let until = at;
    let verdict = judge.end(until, &scene);
    let watched = hazards.end(until, &scene);
    Ran {
        hazards: hazards::met(&verdict, &watched),
        broken: broken(&verdict),
        unavailable: verdict.unavailable,
        edges: states.seen.counts().clone(),
        pairs: states.pairs,
        visits: states.visits,
        simulated: until.since(Instant::ZERO),
        records: u64::from(count),
        plan,
    }
}

/// The name under which a run is told that stopped because the program was wrong.
pub const PANICS: &str = "no-panic";

/// Runs a plan; a panic of the program is a broken promise too.
pub(super) fn guarded(site: &Site, plan: Plan) -> Ran {
    let again = plan.clone();
    let run = AssertUnwindSafe(move || run(site, plan));
    catch_unwind(run).unwrap_or_else(|panic| Ran {
        broken: vec![Broken {
            promise: PANICS,
            kind: Kind::Safety,
            at: Instant::ZERO,
            why: format!("the program stopped: {}", told(panic.as_ref())),
        }],
        plan: again,
        unavailable: None,
        hazards: Vec::new(),
        edges: BTreeMap::new(),
        pairs: BTreeMap::new(),
        visits: BTreeMap::new(),
        simulated: Span::ZERO,
        records: 0,
    })
}

/// What a panic says.
pub(in crate::lab) fn told(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("without a word").to_owned()
}

/// Everything that watches a run.
struct Watched<'t> {
    scene: Scene<'t>,
    judge: Judge,
    hazards: Box<dyn Watch>,
    states: States,
    count: u32,
}

impl<'t> Watched<'t> {
    fn new(topology: &'t Topology, scenario: &'t Scenario, plan: &Plan) -> Self {
        Watched {
            scene: Scene::new(topology, scenario),
            judge: match plan.seed % PHYSICS_EVERY {
                0 => Judge::with_physics(topology, scenario),
                _ => Judge::new(topology, scenario),
            },
            hazards: hazards::watch(topology),
            states: States::new(topology, scenario, plan),
            count: 0,
        }
    }

    fn see(&mut self, records: Vec<Record>) {
        for record in &records {
            let number = RecordNo(self.count);
            self.count += 1;
            if is_traffic(&record.what) {
                self.judge.see(number, record, &self.scene);
                continue;
            }
            self.scene.apply(record);
            self.judge.see(number, record, &self.scene);
            self.hazards.see(number, record, &self.scene);
            self.states.see(record);
        }
    }

    /// Whether every member is in one view with quorum, and everything that the site has is in
    /// service.
    fn is_back(&self) -> bool {
        let (scene, topology) = (&self.scene, self.scene.topology());
        let all: NodeSet = topology.node_ids().collect();
        topology.node_ids().all(|node| scene.nodes[node].quorum && scene.nodes[node].members == all)
            && scene.faults.is_empty()
            && topology.groups.ids().all(|group| scene.group_served(group))
            && topology.databases.ids().all(|database| scene.served_by(database).is_some())
    }
}

/// The first violation of each promise that no hazard of the real design explains.
pub fn broken(verdict: &Verdict) -> Vec<Broken> {
    let mut broken: Vec<Broken> = Vec::new();
    let unexplained = verdict.violations.iter().filter(|(_, one)| one.hazard.is_none());
    for (kind, violation) in unexplained {
        if !broken.iter().any(|known| known.promise == violation.promise) {
            let (promise, at, why) = (violation.promise, violation.at, violation.why.clone());
            broken.push(Broken { promise, kind: *kind, at, why });
        }
    }
    broken
}

/// Watches a run for the states that it goes through.
struct States {
    seen: Transitions,
    /// What strikes, by its place in the plan, and the members that it is about.
    faults: Vec<(&'static str, NodeSet)>,
    orders: Vec<(&'static str, NodeSet)>,
    entered: BTreeMap<(transitions::Kind, String), (usize, NodeId, Instant)>,
    visits: BTreeMap<(transitions::Kind, usize), Visit>,
    pairs: BTreeMap<Pair, u64>,
}

impl States {
    fn new(topology: &Topology, scenario: &Scenario, plan: &Plan) -> Self {
        let faults = plan.faults.iter();
        let faults = faults.map(|strike| (strike.kind, strike.about(topology)));
        let orders = plan.orders.iter();
        let orders = orders.map(|given| (given.cmdlet, given.about(topology)));
        States {
            seen: Transitions::at_start_of(scenario),
            faults: faults.collect(),
            orders: orders.collect(),
            entered: BTreeMap::new(),
            visits: BTreeMap::new(),
            pairs: BTreeMap::new(),
        }
    }

    fn see(&mut self, record: &Record) {
        let strikes = match &record.what {
            What::Fault { index, healed: false } => self.faults.get(usize::from(*index)),
            What::Step { index } => self.orders.get(usize::from(*index)),
            _ => None,
        };
        if let Some((word, nodes)) = strikes {
            for (kind, state) in nodes.iter().flat_map(|node| self.seen.on(node)) {
                *self.pairs.entry(Pair { word, kind, state }).or_default() += 1;
            }
        }
        for change in self.seen.apply(record) {
            let (Some((_, to)), Some(node)) = (change.places, change.node) else { continue };
            let key = (change.kind, change.who.clone());
            let Some((state, node, from)) = self.entered.insert(key, (to, node, record.at)) else {
                continue;
            };
            let stay = Visit { node, from, to: record.at };
            let longest = self.visits.entry((change.kind, state)).or_insert(stay);
            if longest.length() < stay.length() {
                *longest = stay;
            }
        }
    }
}

/// The members whose names are among some words; all, if none is.
pub(super) fn members<'w>(
    topology: &Topology,
    words: impl Iterator<Item = &'w str> + Clone,
) -> NodeSet {
    let nodes = (0..topology.nodes).map(NodeId::at);
    let named = nodes.clone().filter(|node| {
        let name = topology.node_name(*node);
        words.clone().any(|word| word.eq_ignore_ascii_case(name))
    });
    let named: NodeSet = named.collect();
    if named.is_empty() { nodes.collect() } else { named }
}
