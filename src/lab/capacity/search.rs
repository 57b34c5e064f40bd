//! The largest number of users that stay within the limits after a failover: bisection over real
//! runs, once for each seed.

use super::{Measure, Probe, Question, closed_form, judged, probe, scaled, tightest};
use crate::model::Topology;

/// Most users that are tried.
const MOST: u32 = 1_000_000;

/// What bisection found with one seed.
#[derive(Clone, Debug)]
pub struct Bracket {
    /// The seed.
    pub seed: u64,
    /// The largest number that was tried and stayed within the limits; 0 for none.
    pub carried: u32,
    /// The smallest number that was tried and did not; none if every one did.
    pub refused: Option<u32>,
    /// What was furthest beyond its limit there; none where only clients were without service.
    pub gave_way: Option<Measure>,
    /// Every number that was tried, in the order of the trials.
    pub tried: Vec<Trial>,
}

/// A number of users that was tried.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trial {
    /// The number.
    pub users: u32,
    /// Whether it stayed within the limits after the failover.
    pub holds: bool,
    /// What was measured after it.
    pub measures: Vec<Measure>,
}

/// What was found with every seed.
#[derive(Clone, Debug)]
pub struct Search {
    /// One for each seed.
    pub brackets: Vec<Bracket>,
    /// The closed form's largest number of users.
    pub closed: u32,
}

impl Search {
    /// The interval in which the answer lies whatever the seed: what every seed carried, and what
    /// none did, if there is such a number.
    pub fn interval(&self) -> (u32, Option<u32>) {
        let low = self.brackets.iter().map(|bracket| bracket.carried).min().unwrap_or(0);
        let refused = self.brackets.iter().map(|bracket| bracket.refused);
        // If one seed found no end there is none.
        let high = refused.collect::<Option<Vec<u32>>>();
        (low, high.and_then(|all| all.into_iter().max()))
    }
}

/// Searches with `runs` seeds. `told` is called with the number of runs done so far.
pub fn search(
    topology: &Topology,
    question: &Question,
    runs: u32,
    told: &mut dyn FnMut(u32),
) -> Search {
    let closed = closed_largest(topology, question);
    let mut done = 0;
    let mut brackets = Vec::new();
    for number in 0..runs {
        let seed = question.seed.wrapping_add(u64::from(number));
        let mut one = |users: u32| {
            let found = trial(topology, question, seed, users);
            done += 1;
            told(done);
            found
        };
        brackets.push(bisect(seed, closed.max(1), &mut one));
    }
    Search { brackets, closed }
}

/// Runs so many users through a failover.
fn trial(topology: &Topology, question: &Question, seed: u64, users: u32) -> Trial {
    let topology = scaled(topology, users);
    let form = closed_form(&topology, question.lost);
    let run = probe(&topology, question, seed);
    let measures = judged(&topology, &run.windows[2], &form, question.lost, true);
    Trial { users, holds: form.carried && holds(&run, &measures), measures }
}

/// Whether a run stayed within the limits after its failover, and nobody is without service.
pub(super) fn holds(run: &Probe, measures: &[Measure]) -> bool {
    run.waiting == 0 && measures.iter().all(Measure::holds)
}

/// Finds neighbours of which one is carried and the other is not, to a hundredth.
fn bisect(seed: u64, guess: u32, trial: &mut dyn FnMut(u32) -> Trial) -> Bracket {
    let mut bracket =
        Bracket { seed, carried: 0, refused: None, gave_way: None, tried: Vec::new() };
    let mut next = guess.min(MOST);
    loop {
        let tried = trial(next);
        if tried.holds {
            bracket.carried = next;
        } else {
            bracket.refused = Some(next);
            bracket.gave_way = tightest(&tried.measures).filter(|m| !m.holds()).copied();
        }
        bracket.tried.push(tried);
        next = match bracket.refused {
            None if bracket.carried == MOST => return bracket,
            None => bracket.carried.saturating_add(bracket.carried / 4 + 1).min(MOST),
            Some(refused) => {
                let width = refused - bracket.carried;
                if width <= (refused / 100).max(1) {
                    return bracket;
                }
                if bracket.carried == 0 {
                    refused - refused.div_ceil(4)
                } else {
                    refused - width / 2
                }
            }
        };
    }
}

/// The largest number of users for which no closed form is beyond its limit after the failover.
fn closed_largest(topology: &Topology, question: &Question) -> u32 {
    let limits = &topology.settings.limits;
    let fits = |users: u32| {
        let topology = scaled(topology, users);
        let form = closed_form(&topology, question.lost);
        if !form.carried {
            return false;
        }
        let within = |needed: u64, available: u64, limit: crate::base::Ratio| {
            u128::from(needed) * u128::from(limit.denominator())
                <= u128::from(available) * u128::from(limit.numerator())
        };
        form.one.iter().filter(|(id, _)| *id != question.lost).all(|(_, needs)| {
            within(needs.processor.needed, needs.processor.available, limits.processor)
                && within(needs.memory.needed, needs.memory.available, limits.memory)
                && within(needs.network.needed, needs.network.available, limits.network)
                && needs.replay.needed <= needs.replay.available
                && within(needs.replication.needed, needs.replication.available, limits.network)
                && needs.disks.needed <= needs.disks.available
        })
    };
    let (mut low, mut high) = (0, MOST + 1);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if fits(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(users: u32, holds: bool) -> Trial {
        Trial { users, holds, measures: Vec::new() }
    }

    #[test]
    fn bisection_finds_a_known_boundary_from_either_side() {
        for boundary in [1, 7, 100, 3_277, 65_000, 999_999] {
            for guess in [1, 50, 3_000, 1_000_000] {
                let mut trials = 0;
                let found = bisect(1, guess, &mut |users| {
                    trials += 1;
                    trial(users, users <= boundary)
                });
                let refused = found.refused.expect("there is an end");
                assert!(found.carried <= boundary && boundary < refused, "{boundary}: {found:?}");
                assert!(refused - found.carried <= (refused / 100).max(1));
                assert!(trials < 80, "{boundary} from {guess}: {trials} runs");
            }
        }
        let all = bisect(1, 5, &mut |users| trial(users, true));
        assert_eq!((all.carried, all.refused), (MOST, None));
        let none = bisect(1, 5, &mut |users| trial(users, false));
        assert_eq!((none.carried, none.refused), (0, Some(1)));
    }
}
