//! Makes the runs that are asked for, on all cores.

use super::memo::{Ask, Memo, News};
use super::plan::{Case, Plan, Point};
use super::sample;
use super::store::Store;
use crate::lab::pool::{self, Progress};
use crate::model::load::Loaded;
use crate::model::{Problem, Scenario};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Mutex;
use std::sync::atomic::Ordering;

/// Runs of a point that are made one after the other by a thread: it loads the texts once.
const TOGETHER: usize = 16;

/// Makes and remembers runs.
#[derive(Debug)]
pub struct Lab<'p> {
    /// The plan.
    pub plan: &'p Plan,
    /// What is known.
    pub memo: Memo,
    /// Points whose texts do not fit together, with what is wrong.
    pub refused: BTreeMap<u32, Vec<Problem>>,
    /// Whether a person stopped the work, or a shard leaves runs to others.
    pub partial: bool,
    /// Where nothing is made: how many runs are not known, by the shard that is to make them.
    pub missing: BTreeMap<u32, u64>,
    makes: bool,
    store: Option<Store>,
    jobs: usize,
    shard: (u32, u32),
    progress: &'p Progress,
}

/// Why runs were not made.
#[derive(Debug)]
pub enum WorkError {
    /// The store could not be written; what was written before is whole.
    Store(io::Error),
}

impl<'p> Lab<'p> {
    /// A lab that makes runs with so many threads. `memo` is what is known already.
    pub fn new(plan: &'p Plan, memo: Memo, jobs: usize, progress: &'p Progress) -> Self {
        Lab {
            plan,
            memo,
            refused: BTreeMap::new(),
            partial: false,
            missing: BTreeMap::new(),
            makes: true,
            store: None,
            jobs,
            shard: (1, 1),
            progress,
        }
    }

    /// Adds every run that is made to a file.
    pub fn keep(&mut self, store: Store) {
        self.store = Some(store);
    }

    /// Makes only a share of the runs that are asked for.
    pub fn share(&mut self, shard: (u32, u32)) {
        self.shard = shard;
    }

    /// Makes nothing: what is not known of the runs of so many shards is counted.
    pub fn only_look(&mut self, shards: u32) {
        (self.makes, self.shard) = (false, (1, shards));
    }

    /// Whether a person stopped the work.
    pub fn stopped(&self) -> bool {
        self.progress.stop.load(Ordering::Relaxed)
    }

    /// The place of a point.
    ///
    /// # Errors
    /// If it could not be kept.
    pub fn point(&mut self, point: &Point) -> Result<u32, WorkError> {
        let mut news = Vec::new();
        let place = self.memo.point(point, &mut news);
        if let Some(store) = &mut self.store {
            store.add(news).map_err(WorkError::Store)?;
        }
        Ok(place)
    }

    /// Makes those runs that are not known; a shard makes its share of them. The order is that of
    /// the asks, a few of one point together.
    ///
    /// # Errors
    /// If a run could not be kept.
    pub fn make(&mut self, asks: &[Ask]) -> Result<(), WorkError> {
        if !self.makes {
            self.look(asks);
            return Ok(());
        }
        let pieces = self.pieces(asks, self.shard.0);
        let count: usize = pieces.iter().map(|(_, _, seeds)| seeds.len()).sum();
        let done = self.progress.done.load(Ordering::Relaxed);
        self.progress.total.fetch_max(done + count, Ordering::Relaxed);
        let shared = Mutex::new((&mut self.memo, &mut self.store, None::<io::Error>));
        let (plan, progress) = (self.plan, self.progress);
        let refused: Mutex<BTreeMap<u32, Vec<Problem>>> = Mutex::default();
        pool::spread(pieces.len(), self.jobs, &progress.stop, |place| {
            let (point, case, seeds) = &pieces[place];
            let asked = Ask { point: *point, case: *case, seed: 0 };
            let texts = shared.lock().expect("no run panics").0.point_at(*point).clone();
            match plan.site(&texts, *case) {
                Ok(site) => piece(plan, &site, asked, seeds, progress, &shared),
                Err(problems) => {
                    refused.lock().expect("no run panics").insert(*point, problems);
                }
            }
        });
        let (_, _, failed) = shared.into_inner().expect("no run panics");
        self.refused.extend(refused.into_inner().expect("no run panics"));
        self.partial |= progress.stop.load(Ordering::Relaxed) || self.shard.1 > 1;
        failed.map_or(Ok(()), |error| Err(WorkError::Store(error)))
    }

    /// Counts what is not known.
    fn look(&mut self, asks: &[Ask]) {
        for shard in 1..=self.shard.1 {
            for (point, case, seeds) in self.pieces(asks, shard) {
                match self.plan.site(self.memo.point_at(point), case) {
                    Ok(_) => *self.missing.entry(shard).or_default() += seeds.len() as u64,
                    Err(problems) => drop(self.refused.insert(point, problems)),
                }
            }
        }
    }

    /// What is to be made, in pieces; a shard has its share of them.
    fn pieces(&self, asks: &[Ask], shard: u32) -> Vec<(u32, Case, Vec<u64>)> {
        let mut pieces: Vec<(u32, Case, Vec<u64>)> = Vec::new();
        for ask in asks {
            match pieces.last_mut() {
                Some((point, case, seeds))
                    if *point == ask.point && *case == ask.case && seeds.len() < TOGETHER =>
                {
                    seeds.push(ask.seed);
                }
                _ => pieces.push((ask.point, ask.case, vec![ask.seed])),
            }
        }
        let (number, of) = (shard as usize - 1, self.shard.1 as usize);
        let mine = pieces.into_iter().enumerate().filter(|(place, _)| place % of == number);
        let mut left: Vec<_> = mine.map(|(_, piece)| piece).collect();
        let mut seen: BTreeSet<Ask> = BTreeSet::new();
        for (point, case, seeds) in &mut left {
            let known = |seed: &u64| {
                let ask = Ask { point: *point, case: *case, seed: *seed };
                self.memo.run(&ask).is_none() && seen.insert(ask)
            };
            seeds.retain(known);
        }
        left.retain(|(point, _, seeds)| !seeds.is_empty() && !self.refused.contains_key(point));
        left
    }
}

type Shared<'m> = Mutex<(&'m mut Memo, &'m mut Option<Store>, Option<io::Error>)>;

/// Makes some runs of one point.
fn piece(
    plan: &Plan,
    (loaded, scenario): &(Loaded, Scenario),
    asked: Ask,
    seeds: &[u64],
    progress: &Progress,
    shared: &Shared,
) {
    for seed in seeds {
        if progress.stop.load(Ordering::Relaxed) {
            return;
        }
        let ask = Ask { seed: *seed, ..asked };
        let played = sample::play(&loaded.topology, scenario, *seed, (ask.case, &plan.whose));
        let mut guard = shared.lock().expect("no run panics");
        let (memo, store, failed) = &mut *guard;
        let mut news: Vec<News> = Vec::new();
        memo.insert(ask, played, &mut news);
        if let Some(Err(error)) = store.as_mut().map(|store| store.add(news)) {
            progress.stop.store(true, Ordering::Relaxed);
            failed.get_or_insert(error);
            return;
        }
        drop(guard);
        progress.done.fetch_add(1, Ordering::Relaxed);
    }
}
