//! Why something happened: the chain of causes of a record, in words that say what each link
//! waited for; and what a record led to.

use super::outage::{own_stage, stage_of};
use crate::base::{Instant, OpId, Span};
use crate::failover::seam::{Act, Effect, Input, Note, Timer, Why};
use crate::journal::text::Names;
use crate::journal::{Record, RecordNo, What};

/// A record in a chain of causes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Link {
    /// The record.
    pub record: RecordNo,
    /// When.
    pub at: Instant,
    /// Time since the link before it; none of the first.
    pub passed: Option<Span>,
    /// Who it is about.
    pub who: String,
    /// What happened, and what came of it at once.
    pub text: String,
    /// The stage of an outage that it ends, if it ends one.
    pub stage: Option<&'static str>,
}

/// The chain of causes of a record, from what began the story to the record itself.
pub fn chain(names: &Names, records: &[Record], from: RecordNo) -> Vec<Link> {
    if from.0 as usize >= records.len() {
        return Vec::new();
    }
    let mut numbers = crate::journal::chain(records, from);
    numbers.reverse();
    let mut before = None;
    let links = numbers.into_iter().map(|number| {
        let mut link = link(names, records, number);
        link.passed = before.map(|at| link.at.saturating_since(at));
        before = Some(link.at);
        link
    });
    links.collect()
}

/// One record as a link of a chain.
pub fn link(names: &Names, records: &[Record], number: RecordNo) -> Link {
    let record = &records[number.0 as usize];
    let stage = match &record.what {
        What::Client(_, event) => own_stage(event),
        _ => stage_of(records, number),
    };
    Link {
        record: number,
        at: record.at,
        passed: None,
        who: names.who(&record.what),
        text: text(names, records, number),
        stage,
    }
}

/// The first records that name this one as their cause, at most so many.
pub fn consequences(records: &[Record], of: RecordNo, limit: usize) -> Vec<RecordNo> {
    let after = records.iter().enumerate().skip(of.0 as usize + 1);
    let named = after.filter(|(_, record)| record.cause == Some(of));
    named.map(|(place, _)| RecordNo(place as u32)).take(limit).collect()
}

/// What a record says, for a person: of a wake-up what it was for, of an operation's end which
/// one, and of every step of a node what it told.
fn text(names: &Names, records: &[Record], number: RecordNo) -> String {
    let record = &records[number.0 as usize];
    let (node, input) = match &record.what {
        What::In(node, input) => (node, input),
        What::Out(_, Effect::Do { .. }) => return act(names, &record.what),
        _ => return names.phrase(&record.what),
    };
    let head = match input {
        Input::Wake => match timer(records, number) {
            Some(timer) => due(timer).to_owned(),
            None => names.phrase(&record.what),
        },
        Input::Done { op, .. } => ended(names, records, number, *op),
        _ => names.phrase(&record.what),
    };
    let notes: Vec<String> = effects(records, number)
        .filter_map(|effect| match effect {
            Effect::Note(note) => Some(names.note(*node, note)),
            _ => None,
        })
        .take(MOST_NOTES)
        .collect();
    match notes.is_empty() {
        true => head,
        false => format!("{head}: {}", notes.join("; ")),
    }
}

/// Notes of a step that a link has room for.
const MOST_NOTES: usize = 2;

/// What a node wanted and told in a step, whose effects stand behind it at its moment.
fn effects(records: &[Record], step: RecordNo) -> impl Iterator<Item = &Effect> {
    let place = step.0 as usize;
    let (at, node) = match records.get(place) {
        Some(Record { at, what: What::In(node, _), .. }) => (*at, Some(*node)),
        _ => (Instant::ZERO, None),
    };
    let after = records.get(place + 1..).unwrap_or_default();
    let same = after.iter().take_while(move |record| record.at == at);
    same.filter(move |record| record.cause == Some(step)).filter_map(move |record| {
        match &record.what {
            What::Out(who, effect) if Some(*who) == node => Some(effect),
            _ => None,
        }
    })
}

/// The most steps that a wake-up is followed back through to the one that armed its timer.
const MOST_STEPS_BACK: usize = 8;

/// Which timer a node was woken by, as far as what it did then, or did when the timer was armed,
/// tells.
pub(super) fn timer(records: &[Record], wake: RecordNo) -> Option<Timer> {
    let What::In(node, Input::Wake) = &records.get(wake.0 as usize)?.what else { return None };
    if let Some(timer) = effects(records, wake).find_map(expired) {
        return Some(timer);
    }
    let mut at = wake;
    for _ in 0..MOST_STEPS_BACK {
        let cause = records[at.0 as usize].cause.filter(|cause| *cause < at)?;
        if !matches!(&records[cause.0 as usize].what, What::In(who, _) if who == node) {
            return None;
        }
        if let Some(timer) = effects(records, cause).find_map(armed) {
            return Some(timer);
        }
        at = cause;
    }
    None
}

/// The timer whose end makes a node do this.
fn expired(effect: &Effect) -> Option<Timer> {
    Some(match effect {
        Effect::Note(note) => match note {
            Note::PathLost { .. } | Note::PeerLost { .. } | Note::HeartbeatsMissed { .. } => {
                Timer::Beat
            }
            Note::View { .. } => Timer::Regroup,
            Note::Joining | Note::Forming => Timer::Join,
            Note::WitnessLost { .. } => Timer::Arbitration,
            Note::Stopping { why: Why::QuorumLost } | Note::QuorumLost { .. } => Timer::Termination,
            Note::ResourceRestart { .. } | Note::MonitorEnded { .. } => Timer::Resource,
            Note::GroupMove { .. } | Note::GroupStays { .. } => Timer::Placement,
            Note::DatabaseOperation { .. }
            | Note::CopyChosen { .. }
            | Note::Ranking { .. }
            | Note::DatabaseOperationEnded { .. } => Timer::ActiveManager,
            _ => return None,
        },
        Effect::Do { act, .. } => match act {
            Act::ClaimWitness { .. } | Act::TestWitness { .. } => Timer::Arbitration,
            Act::LooksAlive(_) | Act::IsAlive(_) => Timer::Probe,
            Act::Online(_) | Act::Offline(_) | Act::Terminate(_) => Timer::Resource,
            Act::CopyStatus(_) | Act::CopyLastLogs { .. } => Timer::ActiveManager,
            Act::Dismount(_) => Timer::Database,
            Act::WitnessBoot { .. } => Timer::Coordination,
            _ => return None,
        },
        Effect::Send { message, .. } if message.is_heartbeat() => Timer::Beat,
        Effect::Send { .. } => return None,
    })
}

/// The timer that a node arms with this.
fn armed(effect: &Effect) -> Option<Timer> {
    match effect {
        Effect::Note(note) => match note {
            Note::Regroup { .. } | Note::PeerLost { .. } => Some(Timer::Regroup),
            Note::OneVoteShort { .. } | Note::WitnessLost { .. } => Some(Timer::Arbitration),
            Note::Started | Note::Joining => Some(Timer::Join),
            _ => None,
        },
        Effect::Do { .. } | Effect::Send { .. } => None,
    }
}

/// What is due when a timer ends.
const fn due(timer: Timer) -> &'static str {
    match timer {
        Timer::Beat => "heartbeats are due",
        Timer::Regroup => "regroup tick",
        Timer::Join => "looks for a cluster again",
        Timer::Arbitration => "arbitration delay is over",
        Timer::Termination => "has waited for quorum long enough",
        Timer::Probe => "a health check is due",
        Timer::Resource => "a resource's wait is over",
        Timer::Update => "an update is sent again",
        Timer::ActiveManager => "Active Manager's wait is over",
        Timer::Database => "a task on a copy has taken too long",
        Timer::Coordination => "the witness server is asked again",
        Timer::Placement => "a group's wait is over",
    }
}

/// The end of an operation, by what was asked for.
fn ended(names: &Names, records: &[Record], number: RecordNo, op: OpId) -> String {
    let record = &records[number.0 as usize];
    let phrase = names.phrase(&record.what);
    let What::In(node, _) = &record.what else { return phrase };
    let asked = crate::journal::chain(records, number).into_iter().find_map(|link| match &records
        [link.0 as usize]
        .what
    {
        What::Out(who, Effect::Do { op: other, .. }) if who == node && *other == op => {
            Some(act(names, &records[link.0 as usize].what))
        }
        _ => None,
    });
    match (asked, phrase.split_once(" ended: ")) {
        (Some(asked), Some((_, outcome))) => format!("{asked}: {outcome}"),
        _ => phrase,
    }
}

/// What an operation is, without its number.
fn act(names: &Names, what: &What) -> String {
    let phrase = names.phrase(what);
    phrase.split_once(": ").map_or(phrase.clone(), |(_, act)| act.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{NicId, NodeId, NodeSet};
    use crate::model::{builtin, load};

    fn record(at: u64, cause: Option<u32>, what: What) -> Record {
        let at = Instant::from_nanos(at);
        Record { at, cause: cause.map(RecordNo), what }
    }

    fn told(node: NodeId, note: Note) -> What {
        What::Out(node, Effect::Note(note))
    }

    /// A peer is lost, and two ticks later there is a view without it.
    fn regroup() -> Vec<Record> {
        let node = NodeId(1);
        let wake = || What::In(node, Input::Wake);
        let peer = NodeId(0);
        let reach = NodeSet::only(node);
        let view = Note::View {
            view: 3,
            members: reach,
            gone: NodeSet::only(peer),
            joined: NodeSet::EMPTY,
        };
        vec![
            record(0, None, What::Fault { index: 0, healed: false }),
            record(5, Some(0), wake()),
            record(5, Some(1), told(node, Note::PathLost { peer, nic: NicId(0), missed: 5 })),
            record(5, Some(1), told(node, Note::PeerLost { peer })),
            record(5, Some(1), told(node, Note::Regroup { round: 3, reach })),
            record(8, Some(1), wake()),
            record(11, Some(5), wake()),
            record(11, Some(6), told(node, view)),
        ]
    }

    #[test]
    fn a_wake_up_tells_what_it_was_for() {
        let site = &builtin::SITES[0].topology;
        let loaded = load::topology(site.path, site.text, &[]).expect("a sound topology");
        let names = Names::new(&loaded.topology, None);
        let records = regroup();
        let links = chain(&names, &records, RecordNo(7));
        let texts: Vec<&str> = links.iter().map(|link| link.text.as_str()).collect();
        assert!(texts[1].starts_with("heartbeats are due: path to EX01"), "{texts:#?}");
        assert_eq!(texts[2], "regroup tick");
        assert!(texts[3].starts_with("regroup tick: view 3: EX02"), "{texts:#?}");
        let passed: Vec<_> = links.iter().map(|link| link.passed.map(Span::as_nanos)).collect();
        assert_eq!(passed, [None, Some(5), Some(3), Some(3), Some(0)]);
        assert_eq!(links[1].stage, Some("detection"));
        assert_eq!(links[3].stage, Some("regroup"));
        assert!(chain(&names, &records, RecordNo(99)).is_empty());
    }

    #[test]
    fn consequences_are_the_records_that_name_it() {
        let records = regroup();
        let of = |number, limit| -> Vec<u32> {
            consequences(&records, RecordNo(number), limit).iter().map(|r| r.0).collect()
        };
        assert_eq!(of(1, 9), [2, 3, 4, 5]);
        assert_eq!(of(1, 2), [2, 3]);
        assert_eq!(of(7, 9), [0_u32; 0]);
    }
}
