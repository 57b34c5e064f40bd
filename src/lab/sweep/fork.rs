//! The point of no return: a run is taken to a moment, and from there on with draws of other
//! seeds, many times. How many of them end badly is how likely the bad end is by then.

use super::memo::Ask;
use super::plan::{Case, Fork, Point};
use super::study::ended_so;
use super::work::{Lab, WorkError};
use crate::base::Instant;
use crate::lab::statistics::Proportion;

/// The probability of an outcome, moment by moment.
pub type Moments = Vec<(Instant, Proportion)>;

/// Forks the plan's first seed at every moment.
///
/// # Errors
/// If a run could not be kept.
pub fn fork(lab: &mut Lab, fork: &Fork) -> Result<Moments, WorkError> {
    let plan = lab.plan;
    let point = lab.point(&Point::new())?;
    let case = |at: Instant| Case::Fork { at, of: plan.seed };
    let seeds = || (0..plan.runs).map(|more| plan.seed.wrapping_add(more));
    let asks: Vec<Ask> = fork
        .moments
        .iter()
        .flat_map(|at| seeds().map(|seed| Ask { point, case: case(*at), seed }))
        .collect();
    lab.make(&asks)?;
    let of = |at: &Instant| {
        let runs = seeds().filter_map(|seed| lab.memo.run(&Ask { point, case: case(*at), seed }));
        let mut found = Proportion::default();
        for run in runs {
            found.of += 1;
            found.had += u64::from(ended_so(&lab.memo, run, &fork.outcome));
        }
        (*at, found)
    };
    Ok(fork.moments.iter().map(of).collect())
}

/// From when on the bad end is sure, as far as the runs say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoReturn {
    /// Not all runs end so at the last moment.
    Never,
    /// All of them do at every moment that was tried.
    Before,
    /// All of them do from this moment on, and not at the one before.
    At(Instant),
}

/// From when on every run ends so.
pub fn no_return(moments: &Moments) -> NoReturn {
    let all = |found: &Proportion| found.of > 0 && found.had == found.of;
    match moments.iter().rposition(|(_, found)| !all(found)) {
        None => NoReturn::Before,
        Some(place) => moments.get(place + 1).map_or(NoReturn::Never, |(at, _)| NoReturn::At(*at)),
    }
}
