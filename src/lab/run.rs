//! One run and everything that reports say about it.

use super::accounts;
use super::expect::{self, StepMarks};
use super::fold::{Folded, folded};
use super::moves::{self, Move};
use crate::base::{IdVec, Instant, Span};
use crate::check;
use crate::journal::record::ClientEvent;
use crate::journal::text::Names;
use crate::journal::{Digest, Record, What};
use crate::model::load::Given;
use crate::model::scenario::VerdictKind;
use crate::model::topology::ClientKind;
use crate::model::{Assumption, Scenario, Topology, assumed};
use crate::sim::{Account, Recorded, Recording, simulate};
use crate::view::outage::{Outage, Who};
use crate::view::{Scene, first_disturbance};
use hdrhistogram::Histogram;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// A run and its results.
pub struct Outcome<'t> {
    /// The topology.
    pub topology: &'t Topology,
    /// The scenario.
    pub scenario: &'t Scenario,
    /// The seed.
    pub seed: u64,
    /// Every record.
    pub records: Vec<Record>,
    /// Digest of the records.
    pub digest: Digest,
    /// Moment of the first fault or order; times in reports count from it.
    pub disturbed: Option<Instant>,
    /// Every outage.
    pub outages: Vec<Outage>,
    /// From the first disturbance until everything that users can reach is back.
    pub recovered: Option<Span>,
    /// Steps with their marks.
    pub steps: Vec<StepMarks>,
    /// Promises.
    pub promises: check::Verdict,
    /// The site at the end.
    pub end: Scene<'t>,
    /// Mail at the end.
    pub mail: MailCounts,
    /// Clients by kind.
    pub clients: BTreeMap<ClientKind, ClientFigures>,
    /// Database operations.
    pub moves: Vec<Move>,
    /// What the run assumed.
    pub assumed: Vec<Assumption>,
    /// The verdict.
    pub verdict: Verdict,
    /// What the plant itself knows; nothing for a journal that was read.
    pub books: Option<Books>,
}

/// What only the plant knows of a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Books {
    /// What became of every request and message.
    pub account: Account,
    /// Memory of all clients in bytes, and of the largest.
    pub client_bytes: (u64, u64),
}

impl Books {
    /// The books of a whole run.
    pub fn of(recorded: &Recorded) -> Self {
        Books { account: recorded.account, client_bytes: recorded.client_bytes }
    }
}

/// Mail at the end of a run.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct MailCounts {
    /// Messages that the system took responsibility for.
    pub submitted: u64,
    /// Of those, the ones in their recipient's mailbox.
    pub delivered: u64,
    /// Of those, the ones on their way.
    pub pending: u64,
    /// Of those, the ones that no place has any more.
    pub lost: u64,
    /// Deliveries dropped because the mailbox had the message already.
    pub duplicates: u64,
}

/// Figures of all clients of a kind.
#[derive(Clone, Debug)]
pub struct ClientFigures {
    /// How many.
    pub count: u32,
    /// How many lost a request, a connection or a session.
    pub cut_off: u32,
    /// How often one had to log on again.
    pub log_ons_again: u64,
    /// How often one had to be restarted.
    pub restarts_needed: u64,
    /// Longest outage of each client (zero for none; up to the end of the run for one that has
    /// not ended).
    pub outage: Figures,
    /// Latency of requests from the first disturbance on.
    pub latency: Figures,
}

/// Percentiles of a duration, from an HDR histogram with three digits; the maximum is exact.
#[derive(Clone, Debug)]
pub struct Figures {
    histogram: Histogram<u32>,
    /// The longest.
    pub max: Span,
}

impl Figures {
    pub(super) fn new() -> Self {
        // It grows with what it is given: most runs last minutes, some a year.
        let histogram = Histogram::new(3).expect("three digits are allowed");
        Figures { histogram, max: Span::ZERO }
    }

    pub(super) fn add(&mut self, span: Span) {
        self.max = self.max.max(span);
        self.histogram.record(span.as_nanos()).expect("it grows");
    }

    /// The value that this share of the values does not exceed, in percent.
    pub fn percentile(&self, percent: u8) -> Span {
        let value = self.histogram.value_at_percentile(f64::from(percent));
        Span::from_nanos(value.min(self.max.as_nanos()))
    }

    /// How many values there are.
    pub fn count(&self) -> u64 {
        self.histogram.len()
    }

    /// Whether there is no value at all.
    pub fn is_empty(&self) -> bool {
        self.histogram.is_empty()
    }
}

/// How a run ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verdict {
    /// In one word.
    pub kind: VerdictKind,
    /// What was broken: name of the promise or expectation, when, why.
    pub broken: Vec<(String, Instant, String)>,
}

/// Simulates a scenario and judges what happened. `given` are the settings that a file or the
/// command line gave; they are inputs, not assumptions.
pub fn run<'t>(
    topology: &'t Topology,
    scenario: &'t Scenario,
    seed: u64,
    given: &Given,
) -> Outcome<'t> {
    let recorded = simulate(topology, scenario, seed, Recording::Memory);
    let books = Books::of(&recorded);
    judged((topology, scenario), seed, given, recorded.records, Some(books))
}

/// Judges what happened by its records: of a run, however it was simulated, or of a journal that
/// was read.
pub fn judged<'t>(
    (topology, scenario): (&'t Topology, &'t Scenario),
    seed: u64,
    given: &Given,
    records: Vec<Record>,
    books: Option<Books>,
) -> Outcome<'t> {
    let Folded { outages, promises, end } = folded(topology, scenario, &records);
    let disturbed = first_disturbance(scenario);
    let steps = expect::judge(topology, scenario, &records, &outages);
    let names = Names::new(topology, Some(scenario));
    let moves = moves::moves(&names, &records);
    let mail = mail(&end);
    let unbalanced = books
        .map_or_else(Vec::new, |books| accounts::disagreements(&books.account, &mail, &records));
    let verdict = verdict(scenario, &promises, &steps, unbalanced);
    Outcome {
        digest: Digest::of(&records),
        recovered: recovered(disturbed, &outages),
        mail,
        clients: clients(topology, scenario, &records, &outages, &end),
        assumed: assumed(topology, scenario, given),
        topology,
        scenario,
        seed,
        records,
        disturbed,
        outages,
        steps,
        promises,
        end,
        moves,
        verdict,
        books,
    }
}

fn recovered(disturbed: Option<Instant>, outages: &[Outage]) -> Option<Span> {
    let Some(disturbed) = disturbed else { return Some(Span::ZERO) };
    let mut latest = disturbed;
    for outage in outages.iter().filter(|outage| outage.hard) {
        latest = latest.max(outage.to?);
    }
    Some(latest.since(disturbed))
}

pub(super) fn mail(end: &Scene) -> MailCounts {
    let mut counts = MailCounts { duplicates: end.duplicates, ..MailCounts::default() };
    for mail in end.mail.values().filter(|mail| mail.submitted) {
        counts.submitted += 1;
        counts.delivered += u64::from(mail.delivered);
        counts.lost += u64::from(mail.lost && !mail.delivered);
        counts.pending += u64::from(!mail.delivered && !mail.lost);
    }
    counts
}

fn clients(
    topology: &Topology,
    scenario: &Scenario,
    records: &[Record],
    outages: &[Outage],
    end: &Scene,
) -> BTreeMap<ClientKind, ClientFigures> {
    let mut figures: BTreeMap<ClientKind, ClientFigures> = BTreeMap::new();
    let empty = || ClientFigures {
        count: 0,
        cut_off: 0,
        log_ons_again: 0,
        restarts_needed: 0,
        outage: Figures::new(),
        latency: Figures::new(),
    };
    let count = topology.total_clients() as usize;
    let mut longest: IdVec<crate::base::ClientId, Span> = IdVec::filled(count, Span::ZERO);
    let mut cut_off: BTreeSet<crate::base::ClientId> = BTreeSet::new();
    for outage in outages {
        if let Who::Client(_, client) = outage.who {
            cut_off.insert(client);
            if !outage.hard {
                continue;
            }
            let until = outage.to.unwrap_or(scenario.until);
            let span = until.saturating_since(outage.from);
            longest[client] = longest[client].max(span);
        }
    }
    for group in &topology.clients {
        let entry = figures.entry(group.kind).or_insert_with(empty);
        entry.count += group.count;
        for id in (group.first.0..group.first.0 + group.count).map(crate::base::ClientId) {
            entry.outage.add(longest[id]);
            entry.cut_off += u32::from(cut_off.contains(&id));
            entry.log_ons_again += u64::from(end.clients[id].log_ons_again);
            entry.restarts_needed += u64::from(end.clients[id].restarts);
        }
    }
    let since = first_disturbance(scenario).unwrap_or(scenario.clients_from);
    let mut asked: IdVec<crate::base::ClientId, VecDeque<Instant>> =
        IdVec::filled(count, VecDeque::new());
    for record in records {
        let What::Client(client, event) = &record.what else { continue };
        match event {
            ClientEvent::Asked { .. } => asked[*client].push_back(record.at),
            ClientEvent::Answered { latency } => {
                let from = asked[*client].pop_front();
                let kind = topology.client_group(*client).kind;
                if from.is_some_and(|from| from >= since)
                    && let Some(entry) = figures.get_mut(&kind)
                {
                    entry.latency.add(*latency);
                }
            }
            _ => {}
        }
    }
    figures
}

pub(super) fn verdict(
    scenario: &Scenario,
    promises: &check::Verdict,
    steps: &[StepMarks],
    unbalanced: Vec<String>,
) -> Verdict {
    let mut kind = if unbalanced.is_empty() { VerdictKind::Ok } else { VerdictKind::Safety };
    let told = |why| ("everything-accounted-for".to_owned(), scenario.until, why);
    let mut broken: Vec<_> = unbalanced.into_iter().map(told).collect();
    for (of, violation) in &promises.violations {
        let worse = match of {
            check::Kind::Safety => VerdictKind::Safety,
            check::Kind::Liveness => VerdictKind::Liveness,
        };
        if kind == VerdictKind::Ok || worse == VerdictKind::Safety {
            kind = worse;
        }
        let name = violation.promise.to_owned();
        let hazard = violation.hazard.map(|name| format!("; a hazard of the real design: {name}"));
        broken.push((name, violation.at, violation.why.clone() + &hazard.unwrap_or_default()));
    }
    for step in steps {
        for mark in step.marks.iter().filter(|mark| mark.held_after.is_none()) {
            let why =
                format!("{} was not so within {} (step {})", mark.text, mark.within, step.label);
            broken.push(("expectation".to_owned(), step.at, why));
            if kind == VerdictKind::Ok {
                kind = VerdictKind::Budget;
            }
        }
    }
    if kind == VerdictKind::Ok && promises.unavailable.is_some() {
        kind = VerdictKind::Unavailable;
    }
    Verdict { kind, broken }
}
