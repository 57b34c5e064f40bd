//! One run of a sweep and what is kept of it: whole numbers, no records.

use super::plan::{Case, Whose, name_of};
use crate::base::{DbId, GroupId, Instant, NodeId, Span};
use crate::failover::seam::{Effect, Note, Operation, Why};
use crate::journal::{Record, What};
use crate::lab::fold::{Folded, folded};
use crate::lab::run;
use crate::lab::{accounts, expect};
use crate::model::measure::{self, RECOVERED};
use crate::model::scenario::VerdictKind;
use crate::model::{Scenario, Topology};
use crate::sim::{Recorded, Recording, Run, simulate};
use crate::view::first_disturbance;
use crate::view::outage::{Outage, Who};
use std::collections::BTreeMap;

/// The cluster core group: users do not reach it.
const CORE_GROUP: GroupId = GroupId(0);

/// Stands for a duration that has no end: it is longer than every other.
pub const NEVER: Span = Span::MAX;

/// What is kept of a run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Played {
    /// How it ended, but for what its steps expect.
    pub verdict: VerdictKind,
    /// The promises that it broke.
    pub broken: Vec<String>,
    /// Expectations of its steps that were not met.
    pub unmet: u32,
    /// Groups and databases that were moved without being asked to.
    pub failovers: u32,
    /// Accepted messages that no place has any more.
    pub lost_mail: u64,
    /// Logs that activations lost.
    pub lost_logs: u64,
    /// Clients that lost a request, a connection or a session.
    pub cut_off: u32,
    /// Durations by their names; [`NEVER`] for what does not end.
    pub measures: Vec<(String, Span)>,
    /// The stages of the outage that is asked for, from the first fault on.
    pub stages: Vec<(&'static str, Span)>,
}

/// The stage before an outage begins: nobody has noticed yet.
pub const UNNOTICED: &str = "not noticed yet";

/// Runs a scenario from a seed.
pub(super) fn play(
    topology: &Topology,
    scenario: &Scenario,
    seed: u64,
    (case, whose): (Case, &Whose),
) -> Played {
    let recorded = match case {
        Case::Planned | Case::Hiccup(_) => simulate(topology, scenario, seed, Recording::Memory),
        Case::Fork { at, of } => forked((topology, scenario), of, at, seed),
    };
    let records = recorded.records;
    let Folded { outages, promises, end } = folded(topology, scenario, &records);
    let mail = run::mail(&end);
    let unbalanced = accounts::disagreements(&recorded.account, &mail, &records);
    let verdict = run::verdict(scenario, &promises, &[], unbalanced);
    // What a scenario expects, it expects of the faults that it plans.
    let steps = match case {
        Case::Planned => expect::judge(topology, scenario, &records, &outages),
        Case::Hiccup(_) | Case::Fork { .. } => Vec::new(),
    };
    let marks = steps.iter().flat_map(|step| &step.marks);
    let since = first_disturbance(scenario).unwrap_or(scenario.until);
    let mut broken: Vec<String> = verdict.broken.into_iter().map(|(name, ..)| name).collect();
    broken.sort();
    broken.dedup();
    Played {
        verdict: verdict.kind,
        broken,
        unmet: marks.filter(|mark| mark.held_after.is_none()).count() as u32,
        failovers: failovers(&records, since),
        lost_mail: mail.lost,
        lost_logs: end.databases.values().map(|database| database.lost_logs).sum(),
        cut_off: cut_off(&outages),
        measures: measures(topology, &outages, since),
        stages: stages(topology, &outages, since, whose),
    }
}

/// The durations of a run as it is planned, by their names; [`NEVER`] for what does not end.
pub fn durations(topology: &Topology, scenario: &Scenario, seed: u64) -> Vec<(String, Span)> {
    play(topology, scenario, seed, (Case::Planned, &Whose::Last)).measures
}

/// A run from one seed up to a moment, and from another from there on.
fn forked(
    (topology, scenario): (&Topology, &Scenario),
    of: u64,
    at: Instant,
    seed: u64,
) -> Recorded {
    let mut run = Run::new(topology, scenario, of, Recording::Memory);
    let mut records = run.until(at.min(scenario.until)).records;
    run.draw_anew(seed);
    let rest = run.until(scenario.until);
    records.extend(rest.records);
    Recorded { records, ..rest }
}

/// Groups that users reach, and databases, that went to another server by themselves.
fn failovers(records: &[Record], since: Instant) -> u32 {
    let mut count = 0;
    let mut from_of: BTreeMap<DbId, Option<NodeId>> = BTreeMap::new();
    for record in records.iter().filter(|record| record.at >= since) {
        let What::Out(_, Effect::Note(note)) = &record.what else { continue };
        match note {
            Note::GroupMove { group, from: Some(from), to, why } => {
                let own = *why != Why::Asked && *group != CORE_GROUP;
                count += u32::from(own && from != to);
            }
            Note::DatabaseOperation { database, operation, from, .. } => {
                from_of.remove(database);
                if *operation == Operation::Failover {
                    from_of.insert(*database, *from);
                }
            }
            Note::DatabaseOperationEnded { database, active, success: true, .. } => {
                let from = from_of.remove(database);
                count += u32::from(from.is_some_and(|from| from != *active));
            }
            _ => {}
        }
    }
    count
}

fn cut_off(outages: &[Outage]) -> u32 {
    let mut clients: Vec<_> = outages
        .iter()
        .filter_map(|outage| match outage.who {
            Who::Client(_, client) => Some(client),
            Who::Group(_) | Who::Database(_) => None,
        })
        .collect();
    clients.sort();
    clients.dedup();
    clients.len() as u32
}

/// How long after the first fault each kind of client, group and database was back for good, and
/// the longest outage of one client of each kind.
fn measures(topology: &Topology, outages: &[Outage], since: Instant) -> Vec<(String, Span)> {
    let names = measure::names(topology).into_iter();
    let mut all: BTreeMap<String, Span> = names.map(|name| (name, Span::ZERO)).collect();
    let mut raise = |name: String, span: Span| {
        let known = all.entry(name).or_insert(Span::ZERO);
        *known = (*known).max(span);
    };
    for outage in outages.iter().filter(|outage| outage.hard) {
        let back = outage.to.map_or(NEVER, |to| to.since(since));
        raise(RECOVERED.to_owned(), back);
        let name = name_of(topology, outage.who);
        if let Who::Client(..) = outage.who {
            raise(format!("{name}-outage"), outage.span().unwrap_or(NEVER));
        }
        raise(name, back);
    }
    all.into_iter().collect()
}

/// The stages of the outage that ended last among those asked for; none if one has not ended.
fn stages(
    topology: &Topology,
    outages: &[Outage],
    since: Instant,
    whose: &Whose,
) -> Vec<(&'static str, Span)> {
    let hard = outages.iter().filter(|outage| outage.hard && whose.is(topology, outage.who));
    let Some(last) = hard.max_by_key(|outage| outage.to.unwrap_or(Instant::MAX)) else {
        return Vec::new();
    };
    let mut sums: Vec<(&'static str, Span)> = Vec::new();
    if last.to.is_some() && last.from > since {
        sums.push((UNNOTICED, last.from.since(since)));
    }
    for stage in &last.stages {
        match sums.iter_mut().find(|(name, _)| *name == stage.name) {
            Some((_, span)) => *span += stage.span,
            None => sums.push((stage.name, stage.span)),
        }
    }
    sums
}
