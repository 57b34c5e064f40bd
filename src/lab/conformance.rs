//! Whether a driver kept its contract with the core (`failover::seam`), judged by the journal that
//! it wrote: the simulator's and the agent's are held to the same six sentences.
//!
//! Of a driver nothing else can be seen than its journal, so each sentence is put as what must be
//! so there. That equal inputs give equal effects is what [`verify`](super::replay::verify) asks.

use super::replay::{self, Difference, Verified};
use crate::base::{Instant, NodeId, OpId, Span};
use crate::failover::seam::{Effect, Input};
use crate::journal::record::{AgentEvent, Plant, ServiceState};
use crate::journal::{Record, RecordNo, What};
use crate::model::{Scenario, Service, Topology};
use std::collections::{BTreeMap, BTreeSet};

/// The contract's sentences.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Sentence {
    /// 1. Moments never go back.
    NowNeverGoesBack,
    /// 2. Effects are recorded in their order, all of a step at its moment and before the member is
    ///    told anything else.
    EffectsAreDoneInOrder,
    /// 3. An operation has at most one outcome, and none in a life that did not ask for it.
    OneOutcome,
    /// 4. A deadline that is over is told before the driver turns to something later.
    DeadlineIsReadAgain,
    /// 5. Equal inputs give equal effects.
    EqualInputsEqualEffects,
    /// 6. No sending waits for anything: what it says has a story of its own.
    NothingWaitsForASend,
}

impl Sentence {
    /// Every sentence, in the order of the contract.
    pub const ALL: [Sentence; 6] = [
        Sentence::NowNeverGoesBack,
        Sentence::EffectsAreDoneInOrder,
        Sentence::OneOutcome,
        Sentence::DeadlineIsReadAgain,
        Sentence::EqualInputsEqualEffects,
        Sentence::NothingWaitsForASend,
    ];

    /// The sentence in a few words.
    pub const fn words(self) -> &'static str {
        match self {
            Sentence::NowNeverGoesBack => "moments never go back",
            Sentence::EffectsAreDoneInOrder => "effects are complete and in order",
            Sentence::OneOutcome => "an operation has at most one outcome",
            Sentence::DeadlineIsReadAgain => "a deadline that is over is told",
            Sentence::EqualInputsEqualEffects => "equal inputs give equal effects",
            Sentence::NothingWaitsForASend => "no sending waits or is waited for",
        }
    }
}

/// Where a driver broke a sentence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Breach {
    /// Which.
    pub sentence: Sentence,
    /// The record that shows it.
    pub record: RecordNo,
    /// How.
    pub why: String,
}

/// What a journal was found to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Judged {
    /// What was compared with the core, or the first difference.
    pub verified: Result<Verified, Box<Difference>>,
    /// Every other breach.
    pub breaches: Vec<Breach>,
}

/// A driver that runs and tells nothing for so long after a deadline has forgotten it (assumed: a
/// busy machine is late by less).
const FORGOTTEN: Span = Span::from_secs(1);

/// Judges a journal.
pub fn judge(topology: &Topology, scenario: Option<&Scenario>, records: &[Record]) -> Judged {
    let mut members: BTreeMap<NodeId, Member> = BTreeMap::new();
    let mut breaches = Vec::new();
    for (number, record) in records.iter().enumerate() {
        let number = RecordNo(number as u32);
        follow(&mut members, records, number, record, &mut breaches);
    }
    // The core itself refuses a moment that goes back.
    let back = breaches.iter().find(|it| it.sentence == Sentence::NowNeverGoesBack);
    let sound = back.map_or(records.len(), |breach| breach.record.0 as usize);
    let excused = excused(records);
    let mut due: BTreeMap<NodeId, Instant> = BTreeMap::new();
    let verified =
        replay::verify_seeing(topology, scenario, &records[..sound], &mut |number, who, node| {
            let record = &records[number.0 as usize];
            let since = due.get(&who).copied().filter(|due| *due + FORGOTTEN < record.at);
            let wake = matches!(record.what, What::In(_, Input::Wake));
            let stood = |due| excused.range((who, due)..=(who, record.at)).next().is_some();
            if let Some(since) = since.filter(|since| !wake && !stood(*since)) {
                let sentence = Sentence::DeadlineIsReadAgain;
                let why = format!("nothing was told for {} after it", record.at.since(since));
                breaches.push(Breach { sentence, record: number, why });
            }
            match node.deadline() {
                Some(deadline) => due.insert(who, deadline.at),
                None => due.remove(&who),
            };
        });
    breaches.sort_by_key(|breach| (breach.record, breach.sentence));
    Judged { verified, breaches }
}

/// What a member was told and asked for in its present life.
#[derive(Default)]
struct Member {
    latest: Instant,
    /// The step whose effects are being recorded.
    step: Option<RecordNo>,
    asked: BTreeSet<OpId>,
    ended: BTreeSet<OpId>,
}

/// The moments at which a member's driver or machine stood still or began anew: what was due by
/// then could not be told.
fn excused(records: &[Record]) -> BTreeSet<(NodeId, Instant)> {
    let excuse = |record: &Record| match &record.what {
        What::Agent(node, AgentEvent::StoodStill(_) | AgentEvent::Boot(_)) => Some(*node),
        What::Plant(Plant::Machine { machine, .. } | Plant::Service { machine, .. }) => {
            Some(NodeId(machine.0))
        }
        _ => None,
    };
    records.iter().filter_map(|record| Some((excuse(record)?, record.at))).collect()
}

/// Takes in the next record.
fn follow(
    members: &mut BTreeMap<NodeId, Member>,
    records: &[Record],
    number: RecordNo,
    record: &Record,
    breaches: &mut Vec<Breach>,
) {
    let mut broken =
        |sentence, why: String| breaches.push(Breach { sentence, record: number, why });
    match &record.what {
        What::Agent(node, AgentEvent::Boot(_)) => begin(members.entry(*node).or_default()),
        What::Plant(Plant::Service {
            machine,
            service: Service::Cluster,
            state: ServiceState::Running | ServiceState::Stopped,
        }) => begin(members.entry(NodeId(machine.0)).or_default()),
        What::In(node, input) => {
            let member = members.entry(*node).or_default();
            if record.at < member.latest {
                let since = member.latest.saturating_since(record.at);
                broken(Sentence::NowNeverGoesBack, format!("{since} before what was told last"));
            }
            member.latest = member.latest.max(record.at);
            member.step = Some(number);
            if let Input::Done { op, .. } = input {
                if !member.asked.contains(op) {
                    let why = format!("operation {} was not asked for in this life", op.0);
                    broken(Sentence::OneOutcome, why);
                } else if !member.ended.insert(*op) {
                    broken(Sentence::OneOutcome, format!("operation {} had ended", op.0));
                }
            }
        }
        What::Out(node, effect) => {
            let member = members.entry(*node).or_default();
            if record.cause.is_none() || record.cause != member.step {
                let why = "an effect of a step that is not the member's last".to_owned();
                broken(Sentence::EffectsAreDoneInOrder, why);
            } else if record.cause.is_some_and(|step| records[step.0 as usize].at != record.at) {
                let why = "an effect at another moment than its step's".to_owned();
                broken(Sentence::EffectsAreDoneInOrder, why);
            }
            if let Effect::Do { op, .. } = effect
                && !member.asked.insert(*op)
            {
                broken(Sentence::OneOutcome, format!("operation {} was asked for before", op.0));
            }
        }
        _ => {}
    }
    if let Some(why) = waits_for_a_send(records, record) {
        broken(Sentence::NothingWaitsForASend, why);
    }
}

/// What an operation came to is caused by what was asked, never by a message that left.
fn waits_for_a_send(records: &[Record], record: &Record) -> Option<String> {
    let What::In(node, Input::Done { .. }) = &record.what else { return None };
    let cause = records.get(record.cause?.0 as usize)?;
    let sent = matches!(&cause.what, What::Out(who, Effect::Send { .. }) if who == node);
    sent.then(|| "an operation's outcome that a sending caused".to_owned())
}

fn begin(member: &mut Member) {
    member.step = None;
    member.asked.clear();
    member.ended.clear();
}

/// How long after a deadline a member was told of it, each time, shortest first.
pub fn lateness(topology: &Topology, scenario: Option<&Scenario>, records: &[Record]) -> Vec<Span> {
    let mut due: BTreeMap<NodeId, Instant> = BTreeMap::new();
    let mut late = Vec::new();
    // A journal that does not verify is told as such by `judge`.
    let _ = replay::verify_seeing(topology, scenario, records, &mut |number, who, node| {
        let record = &records[number.0 as usize];
        if let (What::In(_, Input::Wake), Some(due)) = (&record.what, due.get(&who)) {
            late.extend((*due <= record.at).then(|| record.at.since(*due)));
        }
        match node.deadline() {
            Some(deadline) => due.insert(who, deadline.at),
            None => due.remove(&who),
        };
    });
    late.sort();
    late
}
