//! The outage budget over many runs: what the stages come to where the whole has a percentile.

use super::study::CaseStudy;
use crate::base::Span;
use crate::lab::statistics::Ranks;
use std::collections::BTreeMap;

/// The percentiles that are shown, in thousandths; the last one stands for the longest.
pub const PERCENTILES: [u32; 5] = [500, 750, 900, 950, 990];

/// The budget of a case.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Budget {
    /// The stages in the order of time.
    pub stages: Vec<StageFigures>,
    /// Real runs whose whole outage has each percentile's rank, and the longest: their stages add
    /// up to it.
    pub rows: Vec<Row>,
    /// Runs without an outage that ended.
    pub without: u64,
}

/// A stage over all runs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StageFigures {
    /// Its name.
    pub name: String,
    /// Its sum over all runs, in nanoseconds.
    pub sum: u128,
    /// Its median; runs without the stage count as zero.
    pub p50: Span,
    /// Its 95th percentile.
    pub p95: Span,
}

/// A run that stands for a percentile.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// The percentile, in thousandths; 1,000 for the longest.
    pub thousandths: u32,
    /// The run's seed.
    pub seed: u64,
    /// The whole.
    pub whole: Span,
    /// Its stages, in the order of [`Budget::stages`]; zero for those that it has not.
    pub stages: Vec<Span>,
}

impl Budget {
    /// The budget of a case; none if no run has an outage that ended.
    pub fn of(case: &CaseStudy) -> Option<Budget> {
        let mut wholes: Vec<(Span, u64, usize)> = Vec::new();
        for (place, (seed, run)) in case.runs.iter().enumerate() {
            if !run.stages.is_empty() {
                wholes.push((run.stages.iter().map(|(_, span)| *span).sum(), *seed, place));
            }
        }
        wholes.sort();
        let count = wholes.len() as u64;
        let at = |thousandths: u32| match Ranks::of(count, thousandths) {
            _ if thousandths == 1_000 => wholes.last(),
            ranks => ranks.map(|ranks| &wholes[ranks.rank as usize - 1]),
        };
        let names = order(case, at(500)?.2);
        let of_run = |place: usize, name: &str| {
            let stages = case.runs[place].1.stages.iter();
            stages.filter(|(word, _)| case.word(*word) == name).map(|(_, span)| *span).sum::<Span>()
        };
        let figures = |name: &&str| {
            let mut all: Vec<Span> =
                wholes.iter().map(|(_, _, place)| of_run(*place, name)).collect();
            all.sort();
            let at = |thousandths| {
                Ranks::of(count, thousandths).map_or(Span::ZERO, |r| all[r.rank as usize - 1])
            };
            StageFigures {
                name: (*name).to_owned(),
                sum: all.iter().map(|span| u128::from(span.as_nanos())).sum(),
                p50: at(500),
                p95: at(950),
            }
        };
        let row = |thousandths: u32| {
            let (whole, seed, place) = *at(thousandths)?;
            let stages = names.iter().map(|name| of_run(place, name)).collect();
            Some(Row { thousandths, seed, whole, stages })
        };
        let stages = names.iter().map(figures).collect();
        let rows = PERCENTILES.into_iter().chain([1_000]).filter_map(row).collect();
        Some(Budget { stages, rows, without: case.runs.len() as u64 - count })
    }
}

/// Every stage, in the order of time: where it stands in its runs on average, that of the middle
/// run first.
fn order<'m>(case: &CaseStudy<'m>, middle: usize) -> Vec<&'m str> {
    let mut places: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for (_, run) in &case.runs {
        let last = run.stages.len().max(2) as u64 - 1;
        for (place, (word, _)) in (0_u64..).zip(&run.stages) {
            let entry = places.entry(case.word(*word)).or_default();
            *entry = (entry.0 + place * 1_000 / last, entry.1 + 1);
        }
    }
    let middle: Vec<&str> =
        case.runs[middle].1.stages.iter().map(|(word, _)| case.word(*word)).collect();
    let mean = |name: &str| places.get(name).map_or(0, |(sum, count)| sum / (*count).max(1));
    let mut names = middle.clone();
    for name in places.keys().copied().filter(|name| !middle.contains(name)) {
        let after = names.iter().position(|known| mean(known) > mean(name));
        names.insert(after.unwrap_or(names.len()), name);
    }
    names
}
