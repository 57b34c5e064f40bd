//! Designs under the same faults and draws: what each costs, what each fault does to it, and what
//! a year of faults leaves of its service.

mod figures;
mod jobs;

pub use figures::{FaultFigures, NamedEpisode, ScenarioFigures, YearFigures};

use super::cost::{self, Item};
use super::pool::Progress;
use super::year;
use crate::model::load::Loaded;
use crate::model::rates::{Between, Rate, Rates};
use crate::model::settings::{Basis, PARAMETERS, Value};
use crate::model::topology::ClientKind;
use crate::model::{Assumption, Problem, Scenario, Topology, assumed};
use jobs::Jobs;
use std::collections::BTreeMap;

/// One of the designs that are compared.
#[derive(Debug)]
pub struct Design {
    /// What the person called it.
    pub label: String,
    /// How `dagtwin run` is told of it: the topology and its settings.
    pub call: String,
    /// The topology.
    pub loaded: Loaded,
    /// The named scenarios over it, in the order of the call, with their own settings.
    pub scenarios: Vec<(Loaded, Scenario)>,
}

/// What is asked.
#[derive(Debug)]
pub struct Question {
    /// The causes of failure.
    pub rates: Rates,
    /// Years of each design.
    pub years: u64,
    /// Seeds of every distinct run.
    pub runs: u64,
    /// The first seed.
    pub seed: u64,
    /// Runs at a time.
    pub jobs: usize,
    /// Whether quiet stretches are played too.
    pub exact: bool,
}

/// What one design came to.
#[derive(Debug)]
pub struct Outcomes {
    /// What it buys.
    pub cost: Vec<Item>,
    /// Its clients by kind.
    pub clients: BTreeMap<ClientKind, u64>,
    /// Every cause that can strike it, alone.
    pub faults: Vec<FaultFigures>,
    /// Every named scenario.
    pub scenarios: Vec<ScenarioFigures>,
    /// Every year, in the order of their numbers.
    pub years: Vec<YearFigures>,
    /// Episodes that broke a promise, and the one that cost most.
    pub episodes: Vec<NamedEpisode>,
}

/// What the comparison came to.
#[derive(Debug)]
pub struct Comparison {
    /// Each design, in the order of the call.
    pub results: Vec<Outcomes>,
    /// Distinct runs that were simulated.
    pub simulated: usize,
    /// Everything that the answer rests on and no source vouches for.
    pub assumed: Vec<Assumption>,
    /// Whether the work was stopped before its end.
    pub stopped: bool,
}

/// The clients of a topology by kind.
fn clients(topology: &Topology) -> BTreeMap<ClientKind, u64> {
    let mut clients = BTreeMap::new();
    for group in topology.clients.iter().filter(|group| group.count > 0) {
        *clients.entry(group.kind).or_default() += u64::from(group.count);
    }
    clients
}

/// Compares designs.
///
/// # Errors
/// If an episode cannot be written as a scenario of its topology, as when a name holds what no
/// file can.
pub fn compare(
    designs: &[Design],
    question: &Question,
    progress: &Progress,
) -> Result<Comparison, Vec<Problem>> {
    let mut jobs = Jobs::new(designs);
    let scenarios = jobs.scenarios(question);
    let faults = jobs.faults(question)?;
    let years = jobs.years(question)?;
    let assumed = everything_assumed(designs, question, &jobs);
    let played = jobs.play(question.jobs, progress);
    let stopped = played.iter().any(Option::is_none);
    let results = designs.iter().enumerate().map(|(number, design)| {
        let topology = &design.loaded.topology;
        let years = figures::years(design, question, &years[number], &played);
        Outcomes {
            cost: cost::items(topology),
            clients: clients(topology),
            faults: figures::faults(design, &faults[number], &played),
            scenarios: figures::scenarios(design, &scenarios[number], &played),
            episodes: figures::named(number, question, &years),
            years: years.into_iter().map(|(figures, _)| figures).collect(),
        }
    });
    let results = results.collect();
    Ok(Comparison { results, simulated: played.iter().flatten().count(), assumed, stopped })
}

/// What the answer rests on: the runs' assumptions, those of the year and the prices, the rates.
fn everything_assumed(designs: &[Design], question: &Question, jobs: &Jobs) -> Vec<Assumption> {
    let mut list: Vec<Assumption> = Vec::new();
    let mut add = |assumption: Assumption| {
        if !list.contains(&assumption) {
            list.push(assumption);
        }
    };
    for rate in &question.rates.rates {
        let strikes = |design: &Design| !rate.components(&design.loaded.topology).is_empty();
        if let Some(why) = rate.assumed.as_ref().filter(|_| designs.iter().any(strikes)) {
            let (key, why) = (format!("rate \"{}\"", rate.name), why.clone());
            add(Assumption { key, value: told(rate), why });
        }
    }
    for design in designs {
        let (topology, given) = (&design.loaded.topology, &design.loaded.given);
        let bought: Vec<&str> = cost::items(topology).iter().map(|item| item.key).collect();
        for parameter in PARAMETERS {
            let counts = parameter.key.starts_with("year.")
                || parameter.key == "prices.exchange_standard_databases"
                || bought.contains(&parameter.key);
            let Basis::Assumed(why) = parameter.basis else { continue };
            if counts && !given.contains(parameter.key) {
                let (key, why) = (parameter.key.to_owned(), why.to_owned());
                let value = topology.settings.get(parameter.key).unwrap_or_default();
                add(Assumption { key, value, why });
            }
        }
    }
    for (design, scenario) in jobs.scenarios_of_designs() {
        let loaded = &designs[design].loaded;
        assumed(&loaded.topology, scenario, &loaded.given).into_iter().for_each(&mut add);
    }
    list
}

/// A rate in words.
pub fn told(rate: &Rate) -> String {
    let shape = match rate.time_between {
        Between::Exponential(_) => "",
        Between::Fixed(_) => " fixed",
        Between::Quantiles(_) => " by a table",
    };
    let hours = |span: crate::base::Span| match span.as_nanos() / 3_600_000_000_000 {
        hours if hours >= 48 => format!("{}d", hours / 24),
        _ => span.show(),
    };
    let (mean, half) = (hours(rate.time_between.mean()), rate.time_to_repair.median().show());
    format!("every {mean}{shape}, half mended in {half}")
}

/// The expected number of failures of a cause in a year, in thousandths: what the rates say, not
/// what was drawn.
pub fn expected_a_year(rate: &Rate, components: usize) -> u64 {
    let cycle = rate.time_between.mean() + rate.time_to_repair.mean();
    let year = u128::from(year::YEAR.as_nanos()) * 1_000 * components as u128;
    u64::try_from(year / u128::from(cycle.as_nanos().max(1))).unwrap_or(u64::MAX)
}
