//! Margins: the value of a key at which an outcome changes, found by bisection for each seed. With
//! the same seed a run differs by nothing but the value, so every seed has a boundary of its own,
//! and how many of them are below a value is the probability of the outcome there.

use super::memo::Ask;
use super::plan::{Case, Outcome, Point};
use super::study::ended_so;
use super::work::{Lab, WorkError};
use crate::base::draw::{Purpose, Stream};
use crate::lab::assign::Assignment;
use crate::lab::statistics::{Proportion, Ranks};
use crate::model::vary::{Range, Values};

/// What bisection found with one seed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Boundary {
    /// The outcome is the same at both ends: whether runs end so.
    None(bool),
    /// It changes between neighbours.
    Between {
        /// The highest value that ends as the range begins.
        below: u64,
        /// The lowest value that ends as the range ends.
        above: u64,
        /// Whether runs end so above it.
        rises: bool,
    },
}

/// Where a boundary is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Place {
    /// Below the range.
    Below,
    /// At this value.
    At(u64),
    /// Beyond the range.
    Beyond,
}

/// What was found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Flip {
    /// The range.
    pub range: Range,
    /// One boundary for each seed that was searched, with the seed.
    pub boundaries: Vec<(u64, Boundary)>,
    /// Values that were tried beside the search.
    pub checked: u64,
    /// Of those, the ones whose outcome contradicts their boundary: there the outcome changes more
    /// than once. Each with seed and value.
    pub contradictions: Vec<(u64, u64)>,
}

/// The search of one seed.
struct Search {
    seed: u64,
    below: u64,
    above: u64,
    /// Outcomes at the two ends.
    ends: Option<(bool, bool)>,
}

/// Searches with every seed, all of them a step at a time.
///
/// # Errors
/// If a run could not be kept.
pub fn flip(lab: &mut Lab, outcome: &Outcome) -> Result<Flip, WorkError> {
    let plan = lab.plan;
    let axis = plan.axes.first().expect("a flip has an axis");
    let Values::Range(range) = &axis.values else { unreachable!("a flip's axis is a range") };
    let step = range.fine_step();
    let last = range.from + (range.to - range.from) / step * step;
    let mut searches: Vec<Search> = (0..plan.runs)
        .map(|more| plan.seed.wrapping_add(more))
        .map(|seed| Search { seed, below: range.from, above: last, ends: None })
        .collect();
    let ends: Vec<(u64, u64)> =
        searches.iter().flat_map(|one| [(one.seed, range.from), (one.seed, last)]).collect();
    let known = outcomes(lab, range, outcome, &ends)?;
    for (place, search) in searches.iter_mut().enumerate() {
        search.ends = known[place * 2].zip(known[place * 2 + 1]);
    }
    loop {
        let open = |one: &Search| {
            one.ends.is_some_and(|(low, high)| low != high) && one.above - one.below > step
        };
        let middle = |one: &Search| one.below + (one.above - one.below) / step / 2 * step;
        let asked: Vec<(u64, u64)> =
            searches.iter().filter(|one| open(one)).map(|one| (one.seed, middle(one))).collect();
        if asked.is_empty() {
            break;
        }
        let mut found = outcomes(lab, range, outcome, &asked)?.into_iter();
        for search in searches.iter_mut().filter(|one| open(one)) {
            let middle = search.below + (search.above - search.below) / step / 2 * step;
            match found.next().flatten() {
                Some(so) if Some(so) == search.ends.map(|(low, _)| low) => search.below = middle,
                Some(_) => search.above = middle,
                // It was not run: the work was stopped.
                None => search.ends = None,
            }
        }
    }
    let boundaries = searches.iter().filter_map(|one| {
        let (low, high) = one.ends?;
        let boundary = if low == high {
            Boundary::None(low)
        } else {
            Boundary::Between { below: one.below, above: one.above, rises: high }
        };
        Some((one.seed, boundary))
    });
    let mut flip = Flip {
        range: range.clone(),
        boundaries: boundaries.collect(),
        checked: 0,
        contradictions: Vec::new(),
    };
    check(lab, outcome, &mut flip, step)?;
    Ok(flip)
}

/// Tries a value below and one above each boundary, wherever the draw falls.
fn check(lab: &mut Lab, outcome: &Outcome, flip: &mut Flip, step: u64) -> Result<(), WorkError> {
    let range = flip.range.clone();
    let mut asked: Vec<(u64, u64)> = Vec::new();
    for (seed, boundary) in &flip.boundaries {
        let mut draws = Stream::new(*seed, 0, Purpose::Check);
        let mut between = |from: u64, to: u64| from + draws.below((to - from) / step + 1) * step;
        match boundary {
            Boundary::None(_) => asked.push((*seed, between(range.from, range.to))),
            Boundary::Between { below, above, .. } => {
                asked.push((*seed, between(range.from, *below)));
                asked.push((*seed, between(*above, range.to.max(*above))));
            }
        }
    }
    let found = outcomes(lab, &range, outcome, &asked)?;
    for ((seed, value), so) in asked.into_iter().zip(found) {
        let Some(so) = so else { continue };
        flip.checked += 1;
        let boundary = flip.boundaries.iter().find(|(known, _)| *known == seed);
        if boundary.is_some_and(|(_, boundary)| boundary.at(value) != so) {
            flip.contradictions.push((seed, value));
        }
    }
    Ok(())
}

/// Whether runs end so, each with a seed at a value; none for those that were not made.
fn outcomes(
    lab: &mut Lab,
    range: &Range,
    outcome: &Outcome,
    asked: &[(u64, u64)],
) -> Result<Vec<Option<bool>>, WorkError> {
    let key = &lab.plan.axes[0].key;
    let mut asks = Vec::new();
    for (seed, value) in asked {
        let value = range.scale.show(*value);
        let point: Point = vec![Assignment { key: key.clone(), value }];
        asks.push(Ask { point: lab.point(&point)?, case: Case::Planned, seed: *seed });
    }
    // Runs of one value together: their texts are loaded once.
    let mut order = asks.clone();
    order.sort();
    lab.make(&order)?;
    let ended = |ask: &Ask| Some(ended_so(&lab.memo, lab.memo.run(ask)?, outcome));
    Ok(asks.iter().map(ended).collect())
}

impl Boundary {
    /// Whether a run ends so at a value.
    pub fn at(&self, value: u64) -> bool {
        match self {
            Boundary::None(so) => *so,
            Boundary::Between { above, rises, .. } => (value >= *above) == *rises,
        }
    }
}

impl Flip {
    /// The values above each boundary, sorted.
    pub fn values(&self) -> Vec<u64> {
        let mut values: Vec<u64> = self
            .boundaries
            .iter()
            .filter_map(|(_, boundary)| match boundary {
                Boundary::Between { above, .. } => Some(*above),
                Boundary::None(_) => None,
            })
            .collect();
        values.sort_unstable();
        values
    }

    /// Every seed's boundary in order; those without one in the range are beyond one of its ends.
    pub fn places(&self) -> Vec<Place> {
        let rise = |(_, boundary): &&(u64, Boundary)| {
            matches!(boundary, Boundary::Between { rises: true, .. })
        };
        let rising = self.boundaries.iter().filter(rise).count() * 2 >= self.values().len();
        let place = |(_, boundary): &(u64, Boundary)| match boundary {
            Boundary::Between { above, .. } => Place::At(*above),
            Boundary::None(so) if *so == rising => Place::Below,
            Boundary::None(_) => Place::Beyond,
        };
        let mut places: Vec<Place> = self.boundaries.iter().map(place).collect();
        places.sort();
        places
    }

    /// The median boundary of all seeds with its interval; none without seeds.
    pub fn median(&self) -> Option<(Place, Option<Place>, Option<Place>)> {
        let places = self.places();
        let ranks = Ranks::of(places.len() as u64, 500)?;
        let at = |rank: u64| places[rank as usize - 1];
        Some((at(ranks.rank), ranks.low.map(at), ranks.high.map(at)))
    }

    /// How many seeds end so at a value.
    pub fn at(&self, value: u64) -> Proportion {
        let had = self.boundaries.iter().filter(|(_, boundary)| boundary.at(value)).count() as u64;
        Proportion { had, of: self.boundaries.len() as u64 }
    }

    /// Values at which the probability is shown: where it changes, at most so many, and a step on
    /// both sides.
    pub fn curve(&self, most: usize) -> Vec<(u64, Proportion)> {
        let mut places = self.values();
        places.dedup();
        if places.len() > most {
            let last = places.len() - 1;
            places = (0..most).map(|n| places[n * last / (most - 1).max(1)]).collect();
            places.dedup();
        }
        let step = self.range.fine_step();
        let mut values = Vec::new();
        values.extend(places.first().map(|first| first.saturating_sub(step).max(self.range.from)));
        values.extend(&places);
        values.dedup();
        if values.is_empty() {
            values = vec![self.range.from, self.range.to];
        }
        values.into_iter().map(|value| (value, self.at(value))).collect()
    }
}
