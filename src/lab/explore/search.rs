//! The search: states in the order of their moments, each entered once for the most that may still
//! go wrong.
//!
//! The work is divided into rounds. A round's states are followed on all cores, their successors
//! are taken in order by one thread, so the numbers are the same for any number of jobs.

use super::choice::{Budget, Choices, Pick, Successor};
use super::site::Site;
use super::world::World;
use crate::base::{Instant, Span};
use crate::lab::pool::{self, Progress};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Mutex;
use std::sync::atomic::Ordering;

/// States whose moments are this near are of one round, until none is left.
const SLICE: Span = Span::from_millis(50);

/// Worlds that one piece of work follows.
const PIECE: usize = 32;

/// How a state was come to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trail {
    /// The state before it, by number.
    pub from: u32,
    /// What was chosen there.
    pub pick: Pick,
}

/// A state that waits to be followed.
struct Waiting {
    number: u32,
    depth: u32,
    mark: u128,
    world: World,
    budget: Budget,
}

/// What was found.
#[derive(Default)]
pub(super) struct Found {
    /// Choices that were followed.
    pub transitions: u64,
    /// Successors that had been entered with as much left to go wrong.
    pub merged: u64,
    /// States at the horizon: nothing is left to come before it.
    pub frontier: u64,
    /// The longest way from the first state.
    pub depth: u32,
    /// Moment up to which everything was followed.
    pub reached: Instant,
    /// How each state that was entered was come to; the first is the start.
    pub trails: Vec<Option<Trail>>,
    /// Broken promises, the first of each: the state before and what was chosen there.
    pub broken: Vec<(&'static str, String, Trail)>,
    /// Ways that ended with a broken promise.
    pub broken_ways: u64,
    /// The limit of states was reached.
    pub limited: bool,
    /// A person stopped it.
    pub stopped: bool,
    /// Worlds at the horizon, if they are wanted.
    pub ends: Vec<(u32, World)>,
}

/// The limits of a search.
pub(super) struct Limits {
    pub states: u64,
    pub jobs: usize,
    /// Whether worlds at the horizon are kept.
    pub ends: bool,
}

struct Search<'s> {
    limits: &'s Limits,
    /// For each mark, with the cuts and crashes that are left: the most losses that are left.
    seen: BTreeMap<(u128, u8, u8), u8>,
    waiting: BTreeMap<u64, Vec<Waiting>>,
    found: Found,
}

/// Follows every choice from a world on.
pub(super) fn search(
    site: &Site,
    start: World,
    budget: Budget,
    choices: &Choices,
    limits: &Limits,
    progress: &Progress,
) -> Found {
    let mut search = Search {
        limits,
        seen: BTreeMap::new(),
        waiting: BTreeMap::new(),
        found: Found { reached: start.now, ..Found::default() },
    };
    let begin = start.now;
    let gone = |now: Instant| {
        usize::try_from(now.saturating_since(begin).as_millis()).unwrap_or(usize::MAX)
    };
    progress.total.store(gone(choices.horizon), Ordering::Relaxed);
    let mark = start.mark();
    search.enter((start, mark), budget, None, 0);
    while let Some((slice, round)) = search.waiting.pop_first() {
        let now = Instant::from_nanos(slice * SLICE.as_nanos());
        search.found.reached = search.found.reached.max(now);
        progress.done.store(gone(now), Ordering::Relaxed);
        let round: Vec<Waiting> = round.into_iter().filter(|one| search.is_best(one)).collect();
        let followed = follow(site, choices, &round, limits.jobs, progress);
        for (one, successors) in round.into_iter().zip(followed) {
            let Some(successors) = successors else {
                search.found.stopped = true;
                return search.found;
            };
            search.take(one, successors);
            if search.found.limited {
                return search.found;
            }
        }
    }
    search.found.reached = choices.horizon;
    search.found
}

/// The successors of a round's worlds, in their order; none for those that were not begun when the
/// work was stopped.
fn follow(
    site: &Site,
    choices: &Choices,
    round: &[Waiting],
    jobs: usize,
    progress: &Progress,
) -> Vec<Option<Vec<Successor>>> {
    let pieces = round.len().div_ceil(PIECE);
    let results: Vec<Mutex<Option<Vec<Vec<Successor>>>>> =
        (0..pieces).map(|_| Mutex::new(None)).collect();
    pool::spread(pieces, jobs, &progress.stop, |piece| {
        let last = (piece * PIECE + PIECE).min(round.len());
        let worlds = round[piece * PIECE..last].iter();
        let all = worlds.map(|one| choices.successors(site, &one.world, one.budget)).collect();
        *results[piece].lock().expect("no piece panics") = Some(all);
    });
    let mut followed = Vec::with_capacity(round.len());
    for (piece, result) in results.into_iter().enumerate() {
        let count = PIECE.min(round.len() - piece * PIECE);
        match result.into_inner().expect("no piece panics") {
            Some(all) => followed.extend(all.into_iter().map(Some)),
            None => followed.extend((0..count).map(|_| None)),
        }
    }
    followed
}

impl Search<'_> {
    /// Whether a state was not entered with more left to go wrong since it began to wait.
    fn is_best(&self, one: &Waiting) -> bool {
        let key = (one.mark, one.budget.cuts, one.budget.crashes);
        self.seen.get(&key) == Some(&one.budget.losses)
    }

    /// Takes what was found at a state.
    fn take(&mut self, one: Waiting, successors: Vec<Successor>) {
        self.found.depth = self.found.depth.max(one.depth);
        if successors.is_empty() {
            self.found.frontier += 1;
            if self.limits.ends {
                self.found.ends.push((one.number, one.world));
            }
            return;
        }
        for Successor { world, mark, budget, pick } in successors {
            self.found.transitions += 1;
            let trail = Trail { from: one.number, pick };
            if let Some(broken) = &world.broken {
                self.found.broken_ways += 1;
                let known = self.found.broken.iter().any(|(of, ..)| *of == broken.promise);
                if !known {
                    self.found.broken.push((broken.promise, broken.why.clone(), trail));
                }
                continue;
            }
            self.enter((world, mark), budget, Some(trail), one.depth + 1);
        }
    }

    /// Enters a state, unless it has been entered with as much left to go wrong.
    fn enter(
        &mut self,
        (world, mark): (World, u128),
        budget: Budget,
        trail: Option<Trail>,
        depth: u32,
    ) {
        match self.seen.entry((mark, budget.cuts, budget.crashes)) {
            Entry::Occupied(known) if *known.get() >= budget.losses => {
                self.found.merged += 1;
                return;
            }
            Entry::Occupied(mut known) => {
                known.insert(budget.losses);
            }
            Entry::Vacant(place) => {
                place.insert(budget.losses);
            }
        }
        if self.found.trails.len() as u64 >= self.limits.states {
            self.found.limited = true;
            return;
        }
        let number = u32::try_from(self.found.trails.len()).expect("at most four billion states");
        self.found.trails.push(trail);
        let slice = world.now.as_nanos() / SLICE.as_nanos();
        let waiting = Waiting { number, depth, mark, world, budget };
        self.waiting.entry(slice).or_default().push(waiting);
    }
}
