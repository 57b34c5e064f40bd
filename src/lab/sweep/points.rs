//! Figures of every point: a grid, random points, or no point but the site as it is.

use super::memo::Ask;
use super::plan::{Case, Enough, Event, Outcome, Point};
use super::study::Study;
use super::work::{Lab, WorkError};
use crate::base::Span;

/// Seeds that are run together: after so many, every point has as many as the others.
const BLOCK: u64 = 16;
/// Seeds of the first round of a sweep that may stop early; each further round doubles them.
const FIRST_ROUND: u64 = 64;

/// Makes the runs of some points; how many seeds each of them has then. A sweep that may stop
/// early looks at the intervals after each round, always after the same ones.
///
/// # Errors
/// If a run could not be kept.
pub fn points(lab: &mut Lab, points: &[Point]) -> Result<u64, WorkError> {
    let plan = lab.plan;
    let Some(enough) = plan.enough else {
        make(lab, points, 0, plan.runs)?;
        return Ok(plan.runs);
    };
    let mut done = 0;
    loop {
        let next = if done == 0 { FIRST_ROUND } else { done * 2 };
        let next = next.min(plan.runs);
        make(lab, points, done, next)?;
        done = next;
        if done == plan.runs || lab.partial {
            return Ok(done);
        }
        let study = Study::of(plan, points.to_vec(), &lab.memo, &lab.refused, done);
        if is_enough(&study, enough) {
            return Ok(done);
        }
    }
}

/// Makes the runs of some points with the seeds from one place to another.
pub(super) fn make(lab: &mut Lab, points: &[Point], from: u64, to: u64) -> Result<(), WorkError> {
    let places = points.iter().map(|point| lab.point(point)).collect::<Result<Vec<u32>, _>>()?;
    let cases = lab.plan.cases();
    let mut asks = Vec::new();
    let mut block = from;
    while block < to {
        let end = (block + BLOCK).min(to);
        for point in &places {
            for case in &cases {
                let ask = |more| Ask {
                    point: *point,
                    case: *case,
                    seed: lab.plan.seed.wrapping_add(more),
                };
                asks.extend((block..end).map(ask));
            }
        }
        block = end;
    }
    lab.make(&asks)
}

/// Whether every interval that counts is narrow enough.
pub fn is_enough(study: &Study, enough: Enough) -> bool {
    let cases = study.points.iter().filter(|point| point.refused.is_empty());
    let mut cases = cases.flat_map(|point| &point.cases);
    match enough {
        Enough::Width(width) => {
            let (measure, percentile) = (&study.plan.measure, study.plan.percentile);
            let narrow = |found: Option<Span>| found.is_some_and(|found| found <= width);
            cases.filter(|case| case.case == Case::Planned).all(|case| {
                narrow(case.quantile(measure, percentile).and_then(|found| found.width()))
            })
        }
        Enough::Share(millionths) => cases.all(|case| {
            [Event::Failover, Event::Broken, Event::NotBack].into_iter().all(|event| {
                let (low, high) = case.proportion(&Outcome::Event(event)).interval();
                high - low <= millionths as f64 / 1e6
            })
        }),
    }
}
