//! Settings that meet goals: all points with a few seeds, then those that may still meet every
//! goal with more, until the seeds are used up.

use super::plan::{Case, Demand, Goal, Outcome, Plan, Point};
use super::points::make;
use super::study::{PointStudy, Study};
use super::work::{Lab, WorkError};
use crate::base::Span;
use crate::lab::assign::{Assignment, value_of};
use crate::lab::statistics::{Proportion, Quantile};

/// Seeds of the first round; each further round doubles them.
const FIRST: u64 = 16;
/// Most candidates that are shown.
pub const MOST_SHOWN: usize = 5;

/// How sure it is that a goal is met.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Met {
    /// The whole interval misses it.
    No,
    /// The estimate misses it, but its interval does not.
    Unlikely,
    /// The estimate meets it, but its interval reaches beyond.
    Likely,
    /// The whole interval meets it; for what must never be: it was never seen.
    Yes,
}

/// What was measured for a goal.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Measured {
    /// A percentile; none without runs.
    Percentile(Option<Quantile>),
    /// A share.
    Share(Proportion),
}

/// A point with what it comes to.
#[derive(Clone, PartialEq, Debug)]
pub struct Candidate {
    /// The values.
    pub point: Point,
    /// Seeds that it was run with.
    pub runs: u64,
    /// For each goal.
    pub goals: Vec<(Met, Measured)>,
}

/// What was found.
#[derive(Clone, PartialEq, Debug)]
pub struct Tuned {
    /// The site as it is.
    pub as_it_is: Candidate,
    /// Points that meet every goal, best first; the first few of them.
    pub met: Vec<Candidate>,
    /// How many points do.
    pub meeting: usize,
    /// Where none does: those that come nearest, best first.
    pub nearest: Vec<Candidate>,
    /// Points that were tried.
    pub tried: usize,
    /// Points whose values do not fit together.
    pub refused: usize,
}

impl Candidate {
    /// How sure it is that all goals are met.
    pub fn all(&self) -> Met {
        self.goals.iter().map(|(met, _)| *met).min().unwrap_or(Met::Yes)
    }
}

/// Searches.
///
/// # Errors
/// If a run could not be kept.
pub fn tune(lab: &mut Lab, points: &[Point], goals: &[Goal]) -> Result<Tuned, WorkError> {
    let plan = lab.plan;
    let mut left: Vec<Point> = points.to_vec();
    let mut done = 0;
    let mut dropped: Vec<Candidate> = Vec::new();
    while done < plan.runs && !lab.partial {
        let next = if done == 0 { FIRST } else { done * 2 }.min(plan.runs);
        make(lab, &left, done, next)?;
        done = next;
        if done < plan.runs {
            let judged = candidates(lab, &left, goals, done);
            let (out, kept): (Vec<_>, Vec<_>) =
                judged.into_iter().partition(|one| one.all() == Met::No && !one.point.is_empty());
            left = kept.into_iter().map(|one| one.point).collect();
            left.retain(|point| {
                let place = lab.memo.place_of(point);
                place.is_none_or(|place| !lab.refused.contains_key(&place))
            });
            dropped.extend(out);
        }
    }
    let judged = candidates(lab, &left, goals, done);
    let (as_it_is, mut judged): (Vec<_>, Vec<_>) =
        judged.into_iter().partition(|one| one.point.is_empty());
    let as_it_is = as_it_is.into_iter().next().expect("the site as it is is one of the points");
    judged.extend(dropped);
    let current = current(plan);
    // What changes nothing, or nothing of what is asked, is no answer.
    judged.retain(|one| one.runs > 0 && changed(&current, one) > 0 && one.goals != as_it_is.goals);
    judged.sort_by_cached_key(|one| rank(&current, goals, one));
    let met: Vec<&Candidate> = judged.iter().filter(|one| one.all() >= Met::Likely).collect();
    let meeting = met.len();
    let met: Vec<Candidate> = met.into_iter().take(MOST_SHOWN).cloned().collect();
    judged.truncate(3);
    let nearest = if met.is_empty() { judged } else { Vec::new() };
    let refused = lab.refused.len();
    Ok(Tuned { as_it_is, met, meeting, nearest, tried: points.len(), refused })
}

/// Better ones first: those that meet every goal, then those that miss by less, each with fewer
/// keys changed before others, then sooner.
fn rank(current: &[Assignment], goals: &[Goal], one: &Candidate) -> Rank {
    let measured = one.goals.iter().map(|(_, measured)| match measured {
        Measured::Percentile(found) => found.map_or(u64::MAX, |found| found.value.as_nanos()),
        Measured::Share(found) => found.had * 1_000_000 / found.of.max(1),
    });
    let measured: Vec<u64> = measured.collect();
    // What is beyond each limit, in millionths of it; of a share, in millionths.
    let beyond = measured.iter().zip(goals).map(|(value, goal)| match &goal.demand {
        Demand::AtMost { limit, .. } => {
            let over = u128::from(value.saturating_sub(limit.as_nanos())) * 1_000_000;
            over / u128::from(limit.as_nanos().max(1))
        }
        Demand::Rarer { limit, .. } => u128::from(value.saturating_sub(*limit)),
    });
    let beyond: u128 = beyond.sum();
    (one.all() < Met::Likely, beyond, changed(current, one), measured, one.point.clone())
}

/// Whether a goal is missed, by how much, keys changed, what was measured, the point.
type Rank = (bool, u128, usize, Vec<u64>, Point);

/// How many values of a candidate are not those of the site as it is.
fn changed(current: &[Assignment], one: &Candidate) -> usize {
    one.point.iter().filter(|value| !current.contains(value)).count()
}

/// The values of the plan's keys as they are.
fn current(plan: &Plan) -> Vec<Assignment> {
    let Ok((loaded, _)) = plan.site(&Point::new(), Case::Planned) else { return Vec::new() };
    let settings = &loaded.topology.settings;
    let of = |key: &String| {
        let value = value_of(&plan.sources, settings, key)?;
        Some(Assignment { key: key.clone(), value })
    };
    plan.axes.iter().filter_map(|axis| of(&axis.key)).collect()
}

fn candidates(lab: &Lab, points: &[Point], goals: &[Goal], runs: u64) -> Vec<Candidate> {
    let study = Study::of(lab.plan, points.to_vec(), &lab.memo, &lab.refused, runs);
    study.points.iter().map(|point| candidate(point, goals)).collect()
}

fn candidate(point: &PointStudy, goals: &[Goal]) -> Candidate {
    let runs = point.cases[0].runs.len() as u64;
    let goals = goals.iter().map(|goal| judged(point, goal)).collect();
    Candidate { point: point.point.clone(), runs, goals }
}

fn judged(point: &PointStudy, goal: &Goal) -> (Met, Measured) {
    let case = point.cases.iter().find(|case| case.case == goal.case);
    let case = case.expect("every goal's hiccup is a case of the plan");
    match &goal.demand {
        Demand::AtMost { measure, percentile, limit } => {
            let found = case.quantile(measure, *percentile);
            (
                found.map_or(Met::Unlikely, |found| within(&found, *limit)),
                Measured::Percentile(found),
            )
        }
        Demand::Rarer { event, limit } => {
            let found = case.proportion(&Outcome::Event(*event));
            (rarer(&found, *limit), Measured::Share(found))
        }
    }
}

fn within(found: &Quantile, limit: Span) -> Met {
    match found {
        _ if found.high.is_some_and(|high| high <= limit) => Met::Yes,
        _ if found.low.is_some_and(|low| low > limit) => Met::No,
        _ if found.value <= limit => Met::Likely,
        _ => Met::Unlikely,
    }
}

fn rarer(found: &Proportion, limit: u64) -> Met {
    let limit = limit as f64 / 1e6;
    let (low, high) = found.interval();
    match found.share() {
        // No number of runs shows that something never is; it shows that it was not seen.
        Some(share) if limit == 0.0 => {
            if share == 0.0 {
                Met::Yes
            } else {
                Met::No
            }
        }
        Some(_) if high <= limit => Met::Yes,
        Some(_) if low > limit => Met::No,
        Some(share) if share <= limit => Met::Likely,
        _ => Met::Unlikely,
    }
}
