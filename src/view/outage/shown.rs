//! Which outages are shown to people, and in which words.

use super::{Outage, Who};
use crate::base::{Instant, Span};
use crate::failover::seam::Effect;
use crate::journal::text::Names;
use crate::journal::{Record, RecordNo, What};
use crate::model::Scenario;

impl Who {
    /// What reports call it.
    pub fn word(self, names: &Names) -> String {
        match self {
            Who::Client(kind, _) => kind.word().to_owned(),
            Who::Group(group) => format!("group:{}", names.group(group)),
            Who::Database(database) => format!("database:{}", names.database(database)),
        }
    }
}

/// The outages that reports show: of each kind of client the worst one in each episode, and those
/// of groups and databases. An episode begins with a fault or an order.
pub fn shown<'o>(names: &Names, scenario: &Scenario, outages: &'o [Outage]) -> Vec<&'o Outage> {
    let mut starts: Vec<Instant> = scenario.faults.iter().map(|fault| fault.at).collect();
    starts.extend(scenario.steps.iter().filter(|step| step.action.is_some()).map(|step| step.at));
    starts.sort();
    let episode = |at: Instant| starts.partition_point(|start| *start <= at);
    let mut worst: Vec<(String, usize, &'o Outage)> = Vec::new();
    let length = |outage: &Outage| outage.to.map_or(Span::MAX, |to| to.since(outage.from));
    for outage in outages.iter().filter(|outage| outage.hard) {
        let key = outage.who.word(names);
        let episode = match outage.who {
            Who::Client(..) => 0,
            Who::Group(_) | Who::Database(_) => episode(outage.from),
        };
        let known = worst.iter_mut().find(|(who, e, _)| *who == key && *e == episode);
        match known {
            Some((_, _, other)) if length(outage) > length(other) => *other = outage,
            Some(_) => {}
            None => worst.push((key, episode, outage)),
        }
    }
    let rank = |who: &Who| match who {
        Who::Client(kind, _) => (0, *kind as usize),
        Who::Group(group) => (1, usize::from(group.0)),
        Who::Database(database) => (2, usize::from(database.0)),
    };
    worst.sort_by_key(|(_, episode, outage)| (rank(&outage.who), *episode));
    worst.into_iter().map(|(_, _, outage)| outage).collect()
}

/// What ended a stage, in a few words: of a step of a node what it told of it.
pub fn reason(names: &Names, records: &[Record], number: RecordNo) -> String {
    let Some(record) = records.get(number.0 as usize) else { return String::new() };
    if let What::In(node, _) = &record.what {
        let next = records[number.0 as usize + 1..].iter();
        let notes = next.take_while(|other| other.at == record.at);
        let told =
            notes.filter(|other| other.cause == Some(number)).find_map(|other| match &other.what {
                What::Out(who, Effect::Note(note)) if who == node => Some(names.note(*node, note)),
                _ => None,
            });
        if let Some(told) = told {
            return format!("{}: {told}", names.node(*node));
        }
    }
    format!("{}: {}", names.who(&record.what), names.phrase(&record.what))
}
