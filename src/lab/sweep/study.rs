//! The figures of every point, worked out from the runs that are known and nothing else: so it is
//! the same whoever made them, and in which order.

use super::memo::{Ask, Memo, Sample};
use super::plan::{Case, Event, Outcome, Plan, Point};
use super::sample::NEVER;
use crate::base::Span;
use crate::lab::statistics::{Difference, Proportion, Quantile};
use crate::model::Problem;
use crate::view::first_disturbance;
use hdrhistogram::Histogram;
use std::collections::{BTreeMap, BTreeSet};

/// What a sweep came to.
#[derive(Debug)]
pub struct Study<'m> {
    /// The plan.
    pub plan: &'m Plan,
    /// Its points; the first is the site as it is.
    pub points: Vec<PointStudy<'m>>,
    /// Whether runs are missing.
    pub partial: bool,
    /// Whether the site as it is has no fault and no order: then nothing can be lost.
    pub undisturbed: bool,
}

/// What a point came to.
#[derive(Debug)]
pub struct PointStudy<'m> {
    /// The values.
    pub point: Point,
    /// Its cases, in the order of the plan.
    pub cases: Vec<CaseStudy<'m>>,
    /// What is wrong with the point; then it has no runs.
    pub refused: Vec<Problem>,
}

/// What a case of a point came to.
#[derive(Debug)]
pub struct CaseStudy<'m> {
    /// The case.
    pub case: Case,
    /// The runs with their seeds, rising.
    pub runs: Vec<(u64, &'m Sample)>,
    memo: &'m Memo,
}

impl<'m> Study<'m> {
    /// The figures of some points, from all that is known of them with the seeds of the plan.
    pub fn of(
        plan: &'m Plan,
        points: Vec<Point>,
        memo: &'m Memo,
        refused: &BTreeMap<u32, Vec<Problem>>,
        runs: u64,
    ) -> Self {
        let study = |point: Point| {
            let place = memo.place_of(&point);
            let case =
                |case: Case| CaseStudy { case, runs: known(plan, memo, place, case, runs), memo };
            let cases = plan.cases().into_iter().map(case).collect();
            let wrong = place.and_then(|place| refused.get(&place).cloned());
            PointStudy { point, cases, refused: wrong.unwrap_or_default() }
        };
        let points: Vec<PointStudy> = points.into_iter().map(study).collect();
        let whole = |point: &PointStudy| {
            !point.refused.is_empty()
                || point.cases.iter().all(|case| case.runs.len() as u64 == runs)
        };
        let partial = !points.iter().all(whole);
        let as_it_is = plan.site(&Point::new(), Case::Planned);
        let disturbed = as_it_is.map(|(_, scenario)| first_disturbance(&scenario).is_some());
        Study { plan, points, partial, undisturbed: disturbed == Ok(false) }
    }

    /// Every name of a duration that any run has, in the order of the alphabet.
    pub fn measures(&self) -> Vec<&'m str> {
        let cases = self.points.iter().flat_map(|point| &point.cases);
        let names = cases.flat_map(|case| {
            let measures = case.runs.first().map(|(_, run)| run.measures.as_slice());
            measures.unwrap_or_default().iter().map(|(word, _)| case.memo.word_at(*word))
        });
        let names: BTreeSet<&str> = names.collect();
        names.into_iter().collect()
    }

    /// The places of the points that no other is better than, in both: the percentile as planned,
    /// and the share of the longest hiccups that are failed over. Empty without hiccups.
    pub fn frontier(&self) -> Vec<usize> {
        let value = |point: &PointStudy| {
            let planned =
                point.cases.first()?.quantile(&self.plan.measure, self.plan.percentile)?;
            Some((planned.value, point.false_failovers()?.share()?))
        };
        let values: Vec<Option<(Span, f64)>> = self.points.iter().map(value).collect();
        let better =
            |a: &(Span, f64), b: &(Span, f64)| a.0 <= b.0 && a.1 <= b.1 && (a.0 < b.0 || a.1 < b.1);
        let all = || values.iter().flatten();
        let of = |(place, value): (usize, &Option<(Span, f64)>)| {
            let value = value.as_ref()?;
            (!all().any(|other| better(other, value))).then_some(place)
        };
        values.iter().enumerate().filter_map(of).collect()
    }
}

/// The runs of a case that are known, with the first `runs` seeds of the plan.
fn known<'m>(
    plan: &Plan,
    memo: &'m Memo,
    place: Option<u32>,
    case: Case,
    runs: u64,
) -> Vec<(u64, &'m Sample)> {
    let Some(point) = place else { return Vec::new() };
    let seeds = (0..runs).map(|more| plan.seed.wrapping_add(more));
    seeds.filter_map(|seed| Some((seed, memo.run(&Ask { point, case, seed })?))).collect()
}

impl PointStudy<'_> {
    /// The values in words.
    pub fn label(&self) -> String {
        label(&self.point)
    }

    /// Runs of the longest hiccup that were failed over, of all of them; none without hiccups.
    pub fn false_failovers(&self) -> Option<Proportion> {
        let longest = self.cases.iter().rfind(|case| matches!(case.case, Case::Hiccup(_)))?;
        Some(longest.proportion(&Outcome::Event(Event::Failover)))
    }
}

/// The values of a point in words.
pub fn label(point: &Point) -> String {
    if point.is_empty() {
        return "as it is".to_owned();
    }
    let pairs = point.iter().map(|one| format!("{}={}", one.key, one.value));
    pairs.collect::<Vec<_>>().join(" ")
}

impl<'m> CaseStudy<'m> {
    /// A duration of every run that has it, with its seed.
    pub fn durations(&self, measure: &str) -> Vec<(u64, Span)> {
        let Some(word) = self.memo.known_word(measure) else { return Vec::new() };
        self.runs.iter().filter_map(|(seed, run)| Some((*seed, run.measure(word)?))).collect()
    }

    /// A stage of the outage of every run that has it, with its seed.
    pub fn stage(&self, name: &str) -> Vec<(u64, Span)> {
        let Some(word) = self.memo.known_word(name) else { return Vec::new() };
        let of = |(seed, run): &(u64, &Sample)| {
            let found = run.stages.iter().find(|(known, _)| *known == word);
            found.map(|(_, span)| (*seed, *span))
        };
        self.runs.iter().filter_map(of).collect()
    }

    /// A duration of every run that has it, sorted.
    pub fn sorted(&self, measure: &str) -> Vec<Span> {
        let mut all: Vec<Span> =
            self.durations(measure).into_iter().map(|(_, span)| span).collect();
        all.sort();
        all
    }

    /// A percentile of a duration, in thousandths.
    pub fn quantile(&self, measure: &str, thousandths: u32) -> Option<Quantile> {
        Quantile::of(&self.sorted(measure), thousandths)
    }

    /// How many runs ended so.
    pub fn proportion(&self, outcome: &Outcome) -> Proportion {
        let had = self.runs.iter().filter(|(_, run)| self.ended_so(run, outcome)).count() as u64;
        Proportion { had, of: self.runs.len() as u64 }
    }

    /// Whether a run of this case ended so.
    fn ended_so(&self, run: &Sample, outcome: &Outcome) -> bool {
        ended_so(self.memo, run, outcome)
    }

    /// The promises that runs broke, with how many runs broke each, in the order of the alphabet.
    pub fn broken(&self) -> BTreeMap<&'m str, u64> {
        let mut all = BTreeMap::new();
        for name in self.runs.iter().flat_map(|(_, run)| &run.broken) {
            *all.entry(self.memo.word_at(*name)).or_default() += 1;
        }
        all
    }

    /// A duration of every run as a histogram with three digits, and how many runs are left out
    /// because it has no end.
    pub fn histogram(&self, measure: &str) -> (Histogram<u64>, u64) {
        let mut histogram = Histogram::new(3).expect("three digits are allowed");
        let mut endless = 0;
        for (_, span) in self.durations(measure) {
            if span == NEVER {
                endless += 1;
            } else {
                histogram.record(span.as_nanos()).expect("it grows");
            }
        }
        (histogram, endless)
    }

    /// How a duration differs from that of another case, seed by seed, in milliseconds, and how
    /// many pairs are left out because it has no end in one of them.
    pub fn difference(&self, from: &CaseStudy, measure: &str) -> (Difference, u64) {
        let before: BTreeMap<u64, Span> = from.durations(measure).into_iter().collect();
        let mut endless = 0;
        let mut differences = Vec::new();
        for (seed, span) in self.durations(measure) {
            let Some(other) = before.get(&seed) else { continue };
            if span == NEVER || *other == NEVER {
                endless += 1;
                continue;
            }
            differences.push((span.as_nanos() as f64 - other.as_nanos() as f64) / 1e6);
        }
        (Difference::of(&differences), endless)
    }

    /// What a duration or a stage is called.
    pub fn word(&self, place: u16) -> &'m str {
        self.memo.word_at(place)
    }
}

/// Whether a run ended so.
pub(super) fn ended_so(memo: &Memo, run: &Sample, outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Event(event) => event.is_in(run),
        Outcome::Longer { measure, than } => {
            let span = memo.known_word(measure).and_then(|word| run.measure(word));
            span.is_some_and(|span| span > *than)
        }
    }
}
