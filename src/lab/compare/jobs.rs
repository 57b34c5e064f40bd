//! The runs of a comparison. Equal ones are simulated once: an episode that fails the same part
//! for longer than the quiet limit is the same run in every year.

use super::{Design, Question};
use crate::base::Instant;
use crate::lab::episode::{self, Episode, Played};
use crate::lab::pool::{self, Progress};
use crate::lab::year::{self, Hit, Plan};
use crate::model::rates::Rates;
use crate::model::{Problem, Scenario, Topology, load};
use std::collections::BTreeMap;

/// A run that is to be simulated.
struct Job<'d> {
    design: usize,
    topology: &'d Topology,
    scenario: Scenario,
    seed: u64,
    /// Whether it is an episode, over the design's own settings.
    episode: bool,
}

/// The runs, each once.
pub(super) struct Jobs<'d> {
    designs: &'d [Design],
    list: Vec<Job<'d>>,
    known: BTreeMap<(usize, String, u64), usize>,
}

/// One cause in one design: each of its components' episodes with the places of its runs.
pub(super) struct Single {
    pub(super) rate: usize,
    pub(super) expected: u64,
    pub(super) episodes: Vec<(Episode, Vec<usize>)>,
}

/// A year of one design: its plan, and its episodes with the places of their runs.
pub(super) struct Planned {
    pub(super) plan: Plan,
    pub(super) seed: u64,
    pub(super) episodes: Vec<(Episode, usize)>,
}

impl<'d> Jobs<'d> {
    pub(super) fn new(designs: &'d [Design]) -> Self {
        Jobs { designs, list: Vec::new(), known: BTreeMap::new() }
    }

    /// The place of an episode's run.
    fn episode(
        &mut self,
        design: usize,
        episode: &Episode,
        seed: u64,
    ) -> Result<usize, Vec<Problem>> {
        let key = (design, episode.text.clone(), seed);
        if let Some(place) = self.known.get(&key) {
            return Ok(*place);
        }
        let topology = &self.designs[design].loaded.topology;
        let scenario = load::scenario("an episode", "episode", &episode.text, topology)?;
        let place = self.list.len();
        self.list.push(Job { design, topology, scenario, seed, episode: true });
        self.known.insert(key, place);
        Ok(place)
    }

    /// The runs of every named scenario, by design and scenario.
    pub(super) fn scenarios(&mut self, question: &Question) -> Vec<Vec<Vec<usize>>> {
        let mut all = Vec::new();
        for (design, named) in self.designs.iter().enumerate() {
            let mut of_design = Vec::new();
            for (loaded, scenario) in &named.scenarios {
                let from = self.list.len();
                self.list.extend((0..question.runs).map(|more| Job {
                    design,
                    topology: &loaded.topology,
                    scenario: scenario.clone(),
                    seed: question.seed.wrapping_add(more),
                    episode: false,
                }));
                of_design.push((from..self.list.len()).collect());
            }
            all.push(of_design);
        }
        all
    }

    /// Every cause alone at every component, mended after the median time.
    pub(super) fn faults(&mut self, question: &Question) -> Result<Vec<Vec<Single>>, Vec<Problem>> {
        let mut all = Vec::new();
        for design in 0..self.designs.len() {
            let mut of_design = Vec::new();
            for rate in 0..question.rates.rates.len() {
                of_design.extend(self.single(design, question, rate)?);
            }
            all.push(of_design);
        }
        Ok(all)
    }

    fn single(
        &mut self,
        design: usize,
        question: &Question,
        rate: usize,
    ) -> Result<Option<Single>, Vec<Problem>> {
        let topology = &self.designs[design].loaded.topology;
        let rates: &Rates = &question.rates;
        let components = rates.rates[rate].components(topology);
        if components.is_empty() {
            return Ok(None);
        }
        let expected = super::expected_a_year(&rates.rates[rate], components.len());
        let mut episodes = Vec::new();
        for component in components {
            let repair = rates.rates[rate].time_to_repair.median();
            let hit = Hit { rate, component, at: Instant::ZERO, repair };
            let (struck, _) = year::struck(topology, rates, &[hit]);
            let episode = Episode::new(topology, rates, &struck, question.exact);
            let mut places = Vec::new();
            for more in 0..question.runs {
                let seed = question.seed.wrapping_add(more);
                places.push(self.episode(design, &episode, seed)?);
            }
            episodes.push((episode, places));
        }
        Ok(Some(Single { rate, expected, episodes }))
    }

    /// Every year of every design. Years are numbered from 0 and share their draws across designs;
    /// the runs of a year have one of the question's seeds.
    pub(super) fn years(&mut self, question: &Question) -> Result<Vec<Vec<Planned>>, Vec<Problem>> {
        let mut all: Vec<Vec<Planned>> = self.designs.iter().map(|_| Vec::new()).collect();
        for number in 0..question.years {
            for (design, years) in all.iter_mut().enumerate() {
                let topology = &self.designs[design].loaded.topology;
                let plan = year::plan(topology, &question.rates, question.seed, number);
                let seed = question.seed.wrapping_add(number % question.runs.max(1));
                let mut episodes = Vec::new();
                for episode in year::episodes(topology, &question.rates, &plan, question.exact) {
                    let place = self.episode(design, &episode, seed)?;
                    episodes.push((episode, place));
                }
                years.push(Planned { plan, seed, episodes });
            }
        }
        Ok(all)
    }

    /// Every episode's scenario with its design.
    pub(super) fn scenarios_of_designs(&self) -> impl Iterator<Item = (usize, &Scenario)> {
        let episodes = self.list.iter().filter(|job| job.episode);
        episodes.map(|job| (job.design, &job.scenario))
    }

    /// Simulates every run.
    pub(super) fn play(&self, jobs: usize, progress: &Progress) -> Vec<Option<Played>> {
        pool::each(self.list.len(), jobs, progress, |place| {
            let job = &self.list[place];
            let play = if job.episode { episode::play_episode } else { episode::play };
            play(job.topology, &job.scenario, job.seed)
        })
    }
}
