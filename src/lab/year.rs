//! A year of faults: what fails when, drawn from rates, and the episodes that are to be played.
//!
//! Every component has a stream of draws of its own for every cause, under a key of the cause's
//! name and the component's place in its class. So the second Exchange server of two designs meets
//! the same failures at the same moments, whatever it is called and whatever else there is.

use super::episode::{self, Episode};
use crate::base::draw::{Purpose, Stream};
use crate::base::{Instant, Span};
use crate::model::rates::{Between, Quantiles, Rate, Rates};
use crate::model::target::Component;
use crate::model::{Fault, Topology};

/// A year without leap day.
pub const YEAR: Span = Span::from_secs(365 * 24 * 3600);

/// A component fails.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hit {
    /// The cause: its place in the rates.
    pub rate: usize,
    /// What fails.
    pub component: Component,
    /// When, in whole seconds of the year.
    pub at: Instant,
    /// How long it takes until it is mended, in whole seconds.
    pub repair: Span,
}

/// A fault that a hit makes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Struck {
    /// The cause: its place in the rates.
    pub rate: usize,
    /// When it strikes, in the year.
    pub at: Instant,
    /// When it heals.
    pub until: Instant,
    /// What it is.
    pub fault: Fault,
}

/// What fails in a year.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    /// Every failure, in the order of their moments.
    pub hits: Vec<Hit>,
    /// Their faults, in the order of their moments; never two equal ones at once.
    pub struck: Vec<Struck>,
    /// Faults that were left out because an equal one was in force to beyond their end.
    pub dropped: u32,
}

/// A number of a text: the streams' keys are made of it, so it never changes (FNV-1a).
fn number_of(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// The key of a component's stream for a cause.
fn key(rate: &Rate, component: &Component) -> u64 {
    let (place, within) = component.ordinal;
    number_of(&format!("{}/{}/{place}/{within}", rate.name, rate.target.word()))
}

/// Whole seconds, at least one.
fn whole_seconds(span: Span) -> Span {
    Span::from_secs((span.as_nanos() / 1_000_000_000).max(1))
}

/// What is left of a stretch in which a year begins: the longer a stretch, the likelier is it to be
/// that one, and the year begins at any moment of it.
fn under_way(table: &Quantiles, draws: &mut Stream) -> Span {
    let longest = table.at(u64::from(u32::MAX));
    loop {
        let whole = table.at(draws.share());
        if draws.between(Span::ZERO, longest) <= whole {
            return draws.between(Span::ZERO, whole);
        }
    }
}

/// How long a component works until it fails; `first` if it has not failed before.
fn works(between: &Between, draws: &mut Stream, first: bool) -> Span {
    let span = match between {
        Between::Exponential(mean) => draws.exponential(*mean),
        // Nobody starts the year with everything just done: a part of the time is over.
        Between::Fixed(mean) if first => draws.between(Span::ZERO, *mean),
        Between::Fixed(mean) => *mean,
        Between::Quantiles(table) if first => under_way(table, draws),
        Between::Quantiles(table) => table.at(draws.share()),
    };
    whole_seconds(span)
}

/// Every failure of a component in a year from one cause: it works, fails, is mended, and works
/// again. It works when the year begins.
fn renewals(rate: &Rate, number: usize, component: &Component, seed: u64) -> Vec<Hit> {
    let key = key(rate, component);
    let mut between = Stream::new(seed, key, Purpose::TimeBetween);
    let mut repairs = Stream::new(seed, key, Purpose::TimeToRepair);
    let mut hits = Vec::new();
    let mut at = Instant::ZERO + works(&rate.time_between, &mut between, true);
    while at < Instant::ZERO + YEAR {
        let repair = whole_seconds(rate.time_to_repair.at(repairs.share()));
        hits.push(Hit { rate: number, component: component.clone(), at, repair });
        at = at + repair + works(&rate.time_between, &mut between, false);
    }
    hits
}

/// What fails in a year.
pub fn plan(topology: &Topology, rates: &Rates, seed: u64, year: u64) -> Plan {
    let seed = Stream::new(seed, year, Purpose::Year).below(u64::MAX);
    let mut hits = Vec::new();
    for (number, rate) in rates.rates.iter().enumerate() {
        for component in rate.components(topology) {
            hits.extend(renewals(rate, number, &component, seed));
        }
    }
    hits.sort_by(|a, b| (a.at, a.rate, &a.component).cmp(&(b.at, b.rate, &b.component)));
    let (struck, dropped) = struck(topology, rates, &hits);
    Plan { hits, struck, dropped }
}

/// The faults that hits make, and how many were left out. Of two equal ones the second begins
/// after the first has healed.
pub fn struck(topology: &Topology, rates: &Rates, hits: &[Hit]) -> (Vec<Struck>, u32) {
    let mut all: Vec<Struck> = Vec::new();
    for hit in hits {
        let faults = rates.rates[hit.rate].faults(topology, &hit.component);
        let last = faults.iter().map(|(before, _)| *before).max().unwrap_or(Span::ZERO);
        let until = hit.at + last + hit.repair;
        let each = faults.into_iter();
        all.extend(each.map(|(before, fault)| Struck {
            rate: hit.rate,
            at: hit.at + before,
            until,
            fault,
        }));
    }
    all.sort_by_key(|one| one.at);
    let mut kept: Vec<Struck> = Vec::new();
    let mut dropped = 0;
    for mut one in all {
        let same = kept.iter().filter(|other| other.fault == one.fault);
        if let Some(end) = same.map(|other| other.until).max().filter(|end| *end >= one.at) {
            one.at = end + Span::from_secs(1);
        }
        if one.at < one.until {
            kept.push(one);
        } else {
            dropped += 1;
        }
    }
    kept.sort_by_key(|one| one.at);
    (kept, dropped)
}

/// The episodes of a year: faults that follow each other before the site has settled are one.
pub fn episodes(topology: &Topology, rates: &Rates, plan: &Plan, exact: bool) -> Vec<Episode> {
    let settle = episode::settle(topology);
    let mut episodes = Vec::new();
    let mut open: Vec<Struck> = Vec::new();
    let mut calm = Instant::ZERO;
    for one in &plan.struck {
        if !open.is_empty() && one.at > calm {
            episodes.push(Episode::new(topology, rates, &open, exact));
            open.clear();
        }
        calm = calm.max(one.until + settle);
        open.push(*one);
    }
    if !open.is_empty() {
        episodes.push(Episode::new(topology, rates, &open, exact));
    }
    episodes
}
