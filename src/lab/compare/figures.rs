//! From runs to figures: whole numbers of nanoseconds and counts; means and intervals are the
//! report's.

use super::jobs::{Planned, Single};
use super::{Design, Question};
use crate::base::{Instant, Span};
use crate::lab::episode::{self, Episode, Played, Tally};
use crate::lab::run::Figures;
use crate::model::Topology;
use crate::model::scenario::VerdictKind;
use crate::model::topology::ClientKind;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// How many episodes that broke a promise are named, each of other causes.
const MOST_NAMED: usize = 10;

/// What one cause alone does to a design: every component, every seed.
#[derive(Clone, Debug)]
pub struct FaultFigures {
    /// The cause, by its place in the rates.
    pub rate: usize,
    /// Components that it can strike.
    pub components: usize,
    /// Expected failures a year, in thousandths.
    pub expected: u64,
    /// Runs.
    pub runs: u64,
    /// Time without service of each client in each run; zero for one that had none.
    pub outage: Figures,
    /// Nanoseconds without service, summed over clients and runs.
    pub lost: u128,
    /// Lost messages, summed over runs.
    pub lost_mail: u64,
    /// Runs that broke a promise.
    pub broken: u64,
}

/// What a named scenario does to a design, over its seeds.
#[derive(Clone, Debug)]
pub struct ScenarioFigures {
    /// The scenario.
    pub name: String,
    /// Runs.
    pub runs: u64,
    /// Time without service of each client in each run.
    pub outage: Figures,
    /// Nanoseconds without service, summed over clients and runs.
    pub lost: u128,
    /// Lost messages, summed over runs.
    pub lost_mail: u64,
    /// Runs that broke a promise.
    pub broken: u64,
}

/// A year of a design.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct YearFigures {
    /// Its number.
    pub year: u64,
    /// Failures.
    pub failures: usize,
    /// Faults left out because an equal one was in force.
    pub dropped: u32,
    /// Episodes.
    pub episodes: usize,
    /// Nanoseconds without service, summed over clients, by the cause's place in the rates.
    pub lost: BTreeMap<usize, u128>,
    /// The same by kind of client.
    pub lost_by_kind: BTreeMap<ClientKind, u128>,
    /// Time when no client of a kind had service.
    pub nobody: BTreeMap<ClientKind, Span>,
    /// Lost messages.
    pub lost_mail: u64,
    /// Logs that activations lost.
    pub lost_logs: u64,
    /// Clients that an episode left without service until people brought them back.
    pub still_out: u64,
    /// Time of episodes that was not played.
    pub left_out: Span,
}

impl YearFigures {
    /// Nanoseconds without service, summed over clients.
    pub fn total(&self) -> u128 {
        self.lost.values().sum()
    }
}

/// An episode that a report names, with what repeats it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NamedEpisode {
    /// Name of its file.
    pub name: String,
    /// Its year.
    pub year: u64,
    /// When it began, in the year.
    pub at: Instant,
    /// What happened, in words.
    pub title: String,
    /// The scenario file.
    pub text: String,
    /// The seed of its run.
    pub seed: u64,
    /// How the run ended.
    pub verdict: VerdictKind,
    /// The promises that were broken, and why.
    pub broken: Vec<String>,
    /// Nanoseconds without service, summed over clients.
    pub lost: u128,
}

/// The sums over some runs.
struct Sums {
    outage: Figures,
    runs: u64,
    lost: u128,
    lost_mail: u64,
    broken: u64,
}

impl Sums {
    fn new() -> Self {
        Sums { outage: Figures::new(), runs: 0, lost: 0, lost_mail: 0, broken: 0 }
    }

    fn add(&mut self, topology: &Topology, tally: &Tally, played: &Played) {
        self.runs += 1;
        self.lost += tally.lost.values().sum::<u128>();
        self.lost_mail += played.lost_mail;
        self.broken += u64::from(played.verdict.is_broken());
        let whole = (topology.total_clients() as usize).saturating_sub(tally.clients.len());
        for span in tally.clients.iter().copied().chain((0..whole).map(|_| Span::ZERO)) {
            self.outage.add(span);
        }
    }
}

/// What every cause alone did; without those whose runs were not all made.
pub(super) fn faults(
    design: &Design,
    singles: &[Single],
    played: &[Option<Played>],
) -> Vec<FaultFigures> {
    let topology = &design.loaded.topology;
    let of = |single: &Single| {
        let mut sums = Sums::new();
        for (episode, places) in &single.episodes {
            for place in places {
                let played = played[*place].as_ref()?;
                sums.add(topology, &episode::tally(topology, episode, played), played);
            }
        }
        let Sums { outage, runs, lost, lost_mail, broken } = sums;
        let (rate, expected) = (single.rate, single.expected);
        let components = single.episodes.len();
        Some(FaultFigures { rate, components, expected, runs, outage, lost, lost_mail, broken })
    };
    singles.iter().filter_map(of).collect()
}

/// What every named scenario did.
pub(super) fn scenarios(
    design: &Design,
    places: &[Vec<usize>],
    played: &[Option<Played>],
) -> Vec<ScenarioFigures> {
    let of = |((loaded, scenario), places): (&(_, crate::model::Scenario), &Vec<usize>)| {
        let loaded: &crate::model::load::Loaded = loaded;
        let topology = &loaded.topology;
        // Nothing of it is cut short.
        let episode = Episode {
            at: Instant::ZERO,
            text: String::new(),
            causes: Vec::new(),
            cuts: Vec::new(),
            title: scenario.title.clone(),
        };
        let mut sums = Sums::new();
        for place in places {
            let played = played[*place].as_ref()?;
            sums.add(topology, &episode::tally(topology, &episode, played), played);
        }
        let Sums { outage, runs, lost, lost_mail, broken } = sums;
        let name = scenario.name.clone();
        Some(ScenarioFigures { name, runs, outage, lost, lost_mail, broken })
    };
    design.scenarios.iter().zip(places).filter_map(of).collect()
}

/// Every year whose runs were all made, with its episodes that are worth a name.
pub(super) fn years(
    design: &Design,
    question: &Question,
    planned: &[Planned],
    played: &[Option<Played>],
) -> Vec<(YearFigures, Vec<NamedEpisode>)> {
    let topology = &design.loaded.topology;
    let years = planned.iter().zip(0..question.years);
    years.filter_map(|(year, number)| one_year(topology, year, number, played)).collect()
}

fn one_year(
    topology: &Topology,
    planned: &Planned,
    year: u64,
    all: &[Option<Played>],
) -> Option<(YearFigures, Vec<NamedEpisode>)> {
    let mut figures = YearFigures {
        year,
        failures: planned.plan.hits.len(),
        dropped: planned.plan.dropped,
        episodes: planned.episodes.len(),
        lost: BTreeMap::new(),
        lost_by_kind: BTreeMap::new(),
        nobody: BTreeMap::new(),
        lost_mail: 0,
        lost_logs: 0,
        still_out: 0,
        left_out: Span::ZERO,
    };
    let mut named = Vec::new();
    for (episode, place) in &planned.episodes {
        let played = all[*place].as_ref()?;
        let tally = episode::tally(topology, episode, played);
        for ((cause, kind), lost) in &tally.lost {
            *figures.lost.entry(*cause).or_default() += lost;
            *figures.lost_by_kind.entry(*kind).or_default() += lost;
        }
        for (kind, span) in &tally.nobody {
            let sum = figures.nobody.entry(*kind).or_default();
            *sum += *span;
        }
        figures.lost_mail += played.lost_mail;
        figures.lost_logs += played.lost_logs;
        figures.still_out += tally.still_out;
        figures.left_out += episode.left_out();
        named.push(NamedEpisode {
            name: String::new(),
            year,
            at: episode.at,
            title: episode.title.clone(),
            text: episode.text.clone(),
            seed: planned.seed,
            verdict: played.verdict,
            broken: played.broken.clone(),
            lost: tally.lost.values().sum(),
        });
    }
    // Those that broke a promise, and the worst.
    named.sort_by_key(|one| Reverse((one.verdict.is_broken(), one.lost)));
    let worst = named.iter().max_by_key(|episode| episode.lost).cloned();
    named.retain(|episode| episode.verdict.is_broken());
    named.extend(worst.filter(|worst| !worst.verdict.is_broken()));
    Some((figures, named))
}

/// The episodes of a design that the report names: some that broke a promise, and the one that
/// cost clients most.
pub(super) fn named(
    design: usize,
    question: &Question,
    years: &[(YearFigures, Vec<NamedEpisode>)],
) -> Vec<NamedEpisode> {
    let all = || years.iter().flat_map(|(_, episodes)| episodes);
    let worst = all().max_by_key(|episode| episode.lost).filter(|worst| worst.lost > 0);
    let mut chosen: Vec<NamedEpisode> = Vec::new();
    for episode in all().filter(|episode| episode.verdict.is_broken()) {
        // One of a sort is enough.
        let same = |other: &NamedEpisode| other.title == episode.title;
        if chosen.len() < MOST_NAMED && !chosen.iter().any(same) {
            chosen.push(episode.clone());
        }
    }
    if let Some(worst) = worst.filter(|worst| !chosen.contains(worst)) {
        chosen.insert(0, worst.clone());
    }
    for episode in &mut chosen {
        let day = episode.at.as_nanos() / 86_400_000_000_000 + 1;
        let second = episode.at.as_nanos() / 1_000_000_000 % 86_400;
        let (design, year, seed) = (design + 1, episode.year, question.seed);
        episode.name = format!("design{design}-seed{seed}-year{year}-day{day}-{second}.toml");
    }
    chosen
}
