//! Whether a percentile of a duration over many runs keeps to its budget.

use super::statistics::{Quantile, Ranks};
use crate::base::Span;
use crate::lab::sweep::NEVER;
use crate::model::tested::Budget;

/// What runs came to, by their seeds: durations by their names.
pub type Measured = (u64, Vec<(String, Span)>);

/// A budget beside what runs came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Kept {
    /// The percentile and its interval; [`NEVER`] where something was not back.
    pub quantile: Quantile,
    /// The seed of a run that stands for the percentile.
    pub seed: u64,
    /// How many runs there were.
    pub runs: u64,
    /// In how many of them the duration had no end.
    pub endless: u64,
    /// Whether the percentile is within the budget.
    pub held: bool,
}

/// Judges a budget; none without a run.
pub fn judge(budget: &Budget, runs: &[Measured]) -> Option<Kept> {
    let mut spans: Vec<(Span, u64)> = runs
        .iter()
        .filter_map(|(seed, all)| {
            let (_, span) = all.iter().find(|(name, _)| *name == budget.measure)?;
            Some((*span, *seed))
        })
        .collect();
    spans.sort();
    let sorted: Vec<Span> = spans.iter().map(|(span, _)| *span).collect();
    let quantile = Quantile::of(&sorted, budget.percentile)?;
    let ranks = Ranks::of(sorted.len() as u64, budget.percentile)?;
    let (_, seed) = spans[ranks.rank as usize - 1];
    Some(Kept {
        quantile,
        seed,
        runs: sorted.len() as u64,
        endless: sorted.iter().filter(|span| **span == NEVER).count() as u64,
        held: quantile.value <= budget.within,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A hundred runs: the one with seed `n` takes `n` seconds, but the last two never end.
    fn runs() -> Vec<Measured> {
        let span = |seed| if seed > 98 { NEVER } else { Span::from_secs(seed) };
        (1..=100).rev().map(|seed| (seed, vec![("outlook".to_owned(), span(seed))])).collect()
    }

    fn budget(percentile: u32, within: u64) -> Budget {
        let within = Span::from_secs(within);
        Budget { measure: "outlook".to_owned(), percentile, within, runs: 100 }
    }

    #[test]
    fn the_run_at_the_rank_decides() {
        let kept = judge(&budget(950, 95), &runs()).expect("there are runs");
        assert_eq!((kept.held, kept.seed, kept.runs, kept.endless), (true, 95, 100, 2));
        assert_eq!(kept.quantile.value, Span::from_secs(95));
        assert!(!judge(&budget(950, 94), &runs()).expect("there are runs").held);
        let never = judge(&budget(990, 1_000_000), &runs()).expect("there are runs");
        assert_eq!((never.held, never.quantile.value), (false, NEVER));
        assert_eq!(judge(&budget(950, 95), &[]), None);
    }
}
