//! Which key moves a percentile most: every key is made smaller and larger by the same share, and
//! the runs are compared pair by pair.

use super::memo::{Ask, Sample};
use super::plan::{Case, Plan, Point};
use super::points::make;
use super::work::{Lab, WorkError};
use crate::base::Span;
use crate::base::draw::{Purpose, Stream};
use crate::lab::assign::{Assignment, value_of};
use crate::lab::statistics::Ranks;
use crate::model::Topology;
use crate::model::settings::PARAMETERS;
use crate::model::vary::Scale;

/// Seeds with which a key is tried first: one that changes nothing in them is left out.
pub const TRIED: u64 = 8;
/// Times that the pairs are drawn anew for an interval.
const RESAMPLED: u64 = 400;

/// How a percentile moves with a key.
#[derive(Clone, PartialEq, Debug)]
pub struct Moved {
    /// The key.
    pub key: String,
    /// Its value.
    pub value: String,
    /// The percentile's move with the smaller value, if there is one.
    pub smaller: Option<Shift>,
    /// Its move with the larger value.
    pub larger: Option<Shift>,
}

/// A percentile's move, in milliseconds.
#[derive(Clone, PartialEq, Debug)]
pub struct Shift {
    /// The value that the key was given.
    pub value: String,
    /// The move; none if the percentile has no end on one side.
    pub by: Option<f64>,
    /// Its interval, from pairs that are drawn anew.
    pub interval: Option<(f64, f64)>,
}

/// What was found.
#[derive(Clone, PartialEq, Debug)]
pub struct Sensitivity {
    /// The share by which keys were made smaller and larger, in thousandths.
    pub share: u32,
    /// Keys that changed something, the one that moves the percentile most first.
    pub moved: Vec<Moved>,
    /// Keys that changed nothing in the runs with the first seeds.
    pub without_effect: Vec<String>,
    /// Keys whose value is no number, or has no neighbour that fits.
    pub not_tried: Vec<String>,
}

impl Moved {
    /// The larger of its two moves; one without end counts most.
    pub fn most(&self) -> f64 {
        let size = |shift: &Option<Shift>| {
            shift.as_ref().map_or(0.0, |shift| shift.by.map_or(f64::INFINITY, f64::abs))
        };
        size(&self.smaller).max(size(&self.larger))
    }
}

/// Tries every key of the plan's axes, or every setting that is a number.
///
/// # Errors
/// If a run could not be kept.
pub fn sensitivity(
    lab: &mut Lab,
    topology: &Topology,
    share: u32,
) -> Result<Sensitivity, WorkError> {
    let plan = lab.plan;
    let base = Point::new();
    make(lab, std::slice::from_ref(&base), 0, plan.runs)?;
    let axes: Vec<String> = plan.axes.iter().map(|axis| axis.key.clone()).collect();
    let every = || PARAMETERS.iter().map(|parameter| parameter.key.to_owned()).collect();
    let keys: Vec<String> = if axes.is_empty() { every() } else { axes };
    let mut found =
        Sensitivity { share, moved: Vec::new(), without_effect: Vec::new(), not_tried: Vec::new() };
    let mut tried: Vec<(String, String, Vec<Point>)> = Vec::new();
    for key in keys {
        match neighbours(plan, topology, &key, share) {
            Some((value, points)) if !points.is_empty() => tried.push((key, value, points)),
            Some(_) | None => found.not_tried.push(key),
        }
    }
    // All first trials together, then all whole ones: so that every core has work.
    let first: Vec<Point> = tried.iter().flat_map(|(_, _, points)| points.clone()).collect();
    make(lab, &first, 0, TRIED.min(plan.runs))?;
    tried.retain(|(key, _, points)| {
        let acts = points.iter().any(|point| differs(lab, &base, point));
        if !acts {
            found.without_effect.push(key.clone());
        }
        acts
    });
    let whole: Vec<Point> = tried.iter().flat_map(|(_, _, points)| points.clone()).collect();
    make(lab, &whole, 0, plan.runs)?;
    for (key, value, points) in tried {
        let shift = |point: &Point| shift(lab, &base, point);
        let larger = points.last().map(shift);
        let smaller = (points.len() == 2).then(|| shift(&points[0]));
        found.moved.push(Moved { key, value, smaller, larger });
    }
    found.moved.sort_by(|a, b| b.most().total_cmp(&a.most()).then_with(|| a.key.cmp(&b.key)));
    Ok(found)
}

/// The value of a key and the points at which it is smaller and larger, as far as they fit.
fn neighbours(
    plan: &Plan,
    topology: &Topology,
    key: &str,
    share: u32,
) -> Option<(String, Vec<Point>)> {
    let value = value_of(&plan.sources, &topology.settings, key)?;
    let scale = scale_of(&value)?;
    let quantity = scale.read(&value)?;
    let part = (u128::from(quantity) * u128::from(share) / 1_000) as u64;
    let part = part.max(1);
    let smaller = quantity.checked_sub(part).filter(|smaller| *smaller > 0);
    let quantities = smaller.into_iter().chain((quantity > 0).then_some(quantity + part));
    let point = |quantity| vec![Assignment { key: key.to_owned(), value: scale.show(quantity) }];
    let points = quantities.map(point).filter(|point| plan.site(point, Case::Planned).is_ok());
    Some((value.clone(), points.collect()))
}

/// How a value is written; none for what is no number.
fn scale_of(value: &str) -> Option<Scale> {
    if Scale::Span.read(value).is_some() {
        return Some(Scale::Span);
    }
    let end = value.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(value.len());
    let (number, suffix) = value.split_at(end);
    let decimals = number.split_once('.').map_or(0, |(_, part)| part.len() as u32);
    // A part of a thousand of a share or a factor should not be rounded away.
    let digits = if suffix.is_empty() { decimals } else { decimals.max(2) };
    let scale = Scale::Decimal { digits, suffix: suffix.to_owned() };
    scale.read(value).map(|_| scale)
}

/// The runs of two points with the same seeds.
fn pairs<'l>(lab: &'l Lab, a: &Point, b: &Point) -> Vec<(&'l Sample, &'l Sample)> {
    let places = lab.memo.place_of(a).zip(lab.memo.place_of(b));
    let Some((a, b)) = places else { return Vec::new() };
    let run = |point, seed| lab.memo.run(&Ask { point, case: Case::Planned, seed });
    let seeds = (0..lab.plan.runs).map(|more| lab.plan.seed.wrapping_add(more));
    seeds.filter_map(|seed| run(a, seed).zip(run(b, seed))).collect()
}

fn differs(lab: &Lab, a: &Point, b: &Point) -> bool {
    pairs(lab, a, b).iter().any(|(a, b)| a != b)
}

fn shift(lab: &Lab, base: &Point, point: &Point) -> Shift {
    let value = point.last().map(|one| one.value.clone()).unwrap_or_default();
    let word = lab.memo.known_word(&lab.plan.measure);
    let spans: Vec<(Span, Span)> = pairs(lab, base, point)
        .into_iter()
        .filter_map(|(a, b)| Some((a.measure(word?)?, b.measure(word?)?)))
        .collect();
    let thousandths = lab.plan.percentile;
    let Some(ranks) = Ranks::of(spans.len() as u64, thousandths) else {
        return Shift { value, by: None, interval: None };
    };
    let by = moved(&spans, ranks.rank);
    let mut drawn: Vec<f64> = (0..RESAMPLED)
        .filter_map(|round| {
            let mut draws = Stream::new(lab.plan.seed, round, Purpose::Resample);
            let again: Vec<(Span, Span)> =
                spans.iter().map(|_| spans[draws.below(spans.len() as u64) as usize]).collect();
            moved(&again, ranks.rank)
        })
        .collect();
    drawn.sort_by(f64::total_cmp);
    let whole = drawn.len() as u64 == RESAMPLED;
    let at = |thousandths: u64| drawn[(RESAMPLED * thousandths / 1_000) as usize];
    Shift { value, by, interval: whole.then(|| (at(25), at(975).max(at(25)))) }
}

/// The difference of a rank's values, in milliseconds; none if one has no end.
fn moved(spans: &[(Span, Span)], rank: u64) -> Option<f64> {
    let at = |of: fn(&(Span, Span)) -> Span| {
        let mut all: Vec<Span> = spans.iter().map(of).collect();
        let place = rank as usize - 1;
        *all.select_nth_unstable(place).1
    };
    let (before, after) = (at(|pair| pair.0), at(|pair| pair.1));
    let never = super::sample::NEVER;
    (before != never && after != never)
        .then(|| (after.as_nanos() as f64 - before.as_nanos() as f64) / 1e6)
}
