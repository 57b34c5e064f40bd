//! Makes a scenario that breaks a promise small: fewer faults and orders, shorter, at rounder
//! times, with fewer clients and on a smaller site, as long as the same promise is broken in the
//! same way.

mod passes;
mod site;

use crate::base::Instant;
use crate::check::{Kind, Violation, judge_with_physics};
use crate::journal::Record;
use crate::lab::pool::Progress;
use crate::lab::swarm::{PANICS, told};
use crate::lab::what_if::edit::Text;
use crate::model::load::{self, Loaded};
use crate::model::{Problem, Scenario, Source, Sources};
use crate::sim::{Recording, simulate};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;

/// Longest title that tells every fault and order whole.
const TITLE: usize = 100;

/// The seed that `dagtwin test` runs first.
pub const FIRST_SEED: u64 = 1;

/// A run that breaks the promise.
#[derive(Clone, Debug)]
pub struct Found {
    /// The texts that it was made from.
    pub sources: Sources,
    /// What was loaded from them.
    pub loaded: Loaded,
    /// The scenario.
    pub scenario: Scenario,
    /// Its records.
    pub records: Vec<Record>,
    /// How the promise was broken first.
    pub violation: Violation,
    /// Whether it must hold at every moment, or at the end.
    pub kind: Kind,
}

/// A scenario that was made small.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// Its seed: the first that `dagtwin test` runs, if that breaks the promise too.
    pub seed: u64,
    /// The smallest run.
    pub found: Found,
    /// What was done, in words.
    pub steps: Vec<String>,
    /// Runs that were tried.
    pub tried: u32,
}

/// Why nothing was made small.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// The texts are not sound.
    Input(Vec<Problem>),
    /// The run keeps every promise; or the one that is named, if one is.
    NothingBroken(Option<String>),
}

/// Where it is looked for something smaller.
struct Search<'p> {
    seed: u64,
    promise: &'static str,
    kind: Kind,
    best: Found,
    steps: Vec<String>,
    tried: u32,
    progress: &'p Progress,
}

/// Makes a scenario small that breaks a promise, the one that is named or else the first that it
/// breaks. `sites` are topologies on which it may happen too.
///
/// # Errors
/// If the texts are not sound or break no such promise.
pub fn shrink(
    sources: &Sources,
    seed: u64,
    promise: Option<&str>,
    sites: &[Source],
    progress: &Progress,
) -> Result<Shrunk, Refusal> {
    let best = broken(sources, seed, promise).map_err(Refusal::Input)?;
    let best = best.ok_or_else(|| Refusal::NothingBroken(promise.map(str::to_owned)))?;
    let (promise, kind) = (best.violation.promise, best.kind);
    let tested = broken(sources, FIRST_SEED, Some(promise)).ok().flatten();
    let tested = tested.filter(|found| {
        found.kind == kind && found.violation.hazard.is_none() == best.violation.hazard.is_none()
    });
    let (seed, best) = tested.map_or((seed, best), |tested| (FIRST_SEED, tested));
    let mut search = Search { seed, promise, kind, best, steps: Vec::new(), tried: 0, progress };
    search.inline();
    loop {
        let before = search.best.sources.clone();
        search.passes(sites);
        if search.best.sources == before || search.is_over() {
            break;
        }
    }
    search.describe();
    Ok(Shrunk { seed, found: search.best, steps: search.steps, tried: search.tried })
}

/// Runs texts; the first violation of the promise that is named or else of any, of which a safety
/// one counts before a liveness one. None if there is none.
fn broken(
    sources: &Sources,
    seed: u64,
    promise: Option<&str>,
) -> Result<Option<Found>, Vec<Problem>> {
    let (loaded, scenario) = load::site(sources)?;
    let run = || simulate(&loaded.topology, &scenario, seed, Recording::Memory).records;
    let records = match catch_unwind(AssertUnwindSafe(run)) {
        Ok(records) => records,
        Err(panic) => {
            let why = format!("the program stops: {}", told(panic.as_ref()));
            let at = scenario.until;
            let violation = Violation { promise: PANICS, at, record: None, why, hazard: None };
            let found = promise.is_none_or(|promise| promise == PANICS).then(|| Found {
                sources: sources.clone(),
                loaded,
                scenario,
                records: Vec::new(),
                violation,
                kind: Kind::Safety,
            });
            return Ok(found);
        }
    };
    let mut violations = judge_with_physics(&loaded.topology, &scenario, &records).violations;
    violations
        .retain(|(_, one)| promise.map_or(one.hazard.is_none(), |promise| one.promise == promise));
    violations.sort_by_key(|(kind, one)| (*kind, one.at));
    let first = violations.into_iter().next();
    let sources = sources.clone();
    Ok(first.map(|(kind, violation)| Found { sources, loaded, scenario, records, violation, kind }))
}

impl Search<'_> {
    fn is_over(&self) -> bool {
        self.progress.stop.load(Ordering::Relaxed)
    }

    /// Tries other texts; takes them if the same promise is broken, and as plainly as before.
    fn try_sources(&mut self, sources: Sources, step: &str) -> bool {
        if self.is_over() { false } else { self.attempt(sources, step) }
    }

    fn attempt(&mut self, sources: Sources, step: &str) -> bool {
        if sources == self.best.sources {
            return false;
        }
        self.tried += 1;
        self.progress.done.fetch_add(1, Ordering::Relaxed);
        let Ok(Some(found)) = broken(&sources, self.seed, Some(self.promise)) else { return false };
        let same = found.kind == self.kind
            && found.violation.hazard.is_none() == self.best.violation.hazard.is_none();
        if same {
            self.best = found;
            self.steps.push(step.to_owned());
        }
        same
    }

    /// Tries an edit of the scenario's text.
    fn try_edit(&mut self, step: &str, edit: impl FnOnce(&mut Text)) -> bool {
        let sources = self.edited(edit);
        self.try_sources(sources, step)
    }

    /// The texts with the scenario's edited.
    fn edited(&self, edit: impl FnOnce(&mut Text)) -> Sources {
        let mut text = self.text();
        edit(&mut text);
        let sources = self.best.sources.clone();
        let scenario = Source { text: text.text(), ..sources.scenario };
        Sources { scenario, ..sources }
    }

    /// The scenario's text taken apart.
    fn text(&self) -> Text {
        let scenario = &self.best.sources.scenario;
        Text::new(&scenario.file, &scenario.text).expect("it was loaded")
    }

    /// Writes what the command line gave into the scenario's text, so that the text says
    /// everything.
    fn inline(&mut self) {
        let sources = self.best.sources.clone();
        let mut text = self.text();
        for (key, value) in &sources.set {
            text.set(key, value);
        }
        // What a test asks beside its verdict says nothing of the promise.
        for key in ["timeline", "budget", "explore"] {
            text.remove_key(key);
        }
        if sources.until.is_some() {
            text.until(self.best.scenario.until);
        }
        let scenario = Source { text: text.text(), ..sources.scenario };
        let whole = Sources { scenario, set: Vec::new(), until: None, ..sources };
        self.try_sources(whole, "settings written into the file");
    }

    /// Says in the file what it shows.
    fn describe(&mut self) {
        let Found { violation, kind, loaded, scenario, .. } = &self.best;
        let faults = scenario.faults.iter();
        let told = faults.map(|planned| crate::model::change::told(&loaded.topology, planned));
        let orders = scenario.steps.iter().filter(|step| step.action.is_some());
        let told: Vec<String> = told.chain(orders.map(|step| step.text.clone())).collect();
        let title = match told.as_slice() {
            [] => format!("{} is broken with no fault at all", violation.promise),
            told if told.iter().map(String::len).sum::<usize>() <= TITLE => told.join("; "),
            _ => {
                let mut words: Vec<String> =
                    scenario.faults.iter().map(|it| it.fault.word().to_owned()).collect();
                let orders = scenario.steps.iter().filter(|step| step.action.is_some());
                words.extend(orders.filter_map(|step| cmdlet(&step.text)));
                words.dedup();
                format!("{} after {}", violation.promise, words.join(", "))
            }
        };
        let (promise, at, why, seed) = (violation.promise, violation.at, &violation.why, self.seed);
        let head = format!(
            "# Seed {seed} breaks {promise} at {at}:\n# {}\n",
            why.replace(char::is_control, " ")
        );
        let word = match kind {
            Kind::Safety => "safety",
            Kind::Liveness => "liveness",
        };
        // Also where somebody stopped the search: the file says what it shows.
        let described = self.edited(|text| {
            text.key("title", &title);
            text.key("verdict", word);
            text.head(&head);
        });
        self.attempt(described, "described");
        self.steps.retain(|step| step != "described");
    }

    /// The moment at which the promise is broken.
    fn broken_at(&self) -> Instant {
        self.best.violation.at
    }
}

/// The cmdlet of an order that a swarm or a what-if gave.
fn cmdlet(text: &str) -> Option<String> {
    let line = text.strip_prefix("An administrator: ")?;
    line.split(' ').next().map(str::to_owned)
}

/// The text of a scenario with the name of its topology in it.
pub fn naming(scenario: &str, topology: &str) -> String {
    let Ok(mut text) = Text::new("", scenario) else { return scenario.to_owned() };
    text.key("topology", topology);
    text.text()
}
