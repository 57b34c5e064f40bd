//! Several members' journals as one.
//!
//! Members on one machine share its clock. Between machines the clocks' difference is what the
//! frames tell that went both ways: the quickest one in each direction took the same time, as near
//! as anybody can know.

use crate::base::{Instant, NodeId, Span};
use crate::journal::record::AgentEvent;
use crate::journal::{Record, RecordNo, What};
use std::collections::BTreeMap;

/// One journal of an agent.
#[derive(Clone, Copy, Debug)]
pub struct Part<'j> {
    /// Its file's name, for messages.
    pub file: &'j str,
    /// Its records.
    pub records: &'j [Record],
}

/// A journal that cannot be laid beside the others.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unplaced {
    /// Its file's name.
    pub file: String,
    /// What it lacks.
    pub lacks: &'static str,
}

/// Journals as one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Merged {
    /// Every record in the order of time; causes are of this journal.
    pub records: Vec<Record>,
    /// What the first part's CLOCK_BOOTTIME showed at moment 0; below zero if that was before its
    /// machine was booted.
    pub zero: i128,
}

/// When a part's clock began, on the first part's clock, in nanoseconds.
type Shift = i128;

/// Lays journals beside each other. `start` is what the first one's CLOCK_BOOTTIME showed at the
/// moment that is to be 0, in nanoseconds; what happened before stands at 0. Without one, the first
/// record is at 0.
///
/// # Errors
/// If a journal does not tell which clock its moments are of, or no frames between its member and
/// the others tell how its machine's clock went.
pub fn merge(parts: &[Part<'_>], start: Option<i128>) -> Result<Merged, Unplaced> {
    let clocks: Vec<Own> = parts.iter().map(Own::of).collect::<Result<_, _>>()?;
    let shifts = shifts(parts, &clocks)?;
    let mut all: Vec<(i128, usize, usize)> = Vec::new();
    for (place, part) in parts.iter().enumerate() {
        let (own, shift) = (&clocks[place], shifts[place]);
        let moments = part.records.iter().enumerate();
        all.extend(moments.map(|(number, it)| (own.boottime(it.at) + shift, place, number)));
    }
    all.sort();
    let zero = start.or_else(|| all.first().map(|it| it.0)).unwrap_or(0);
    let mut places: Vec<Vec<RecordNo>> =
        parts.iter().map(|part| vec![RecordNo(0); part.records.len()]).collect();
    for (place, (_, part, number)) in all.iter().enumerate() {
        places[*part][*number] = RecordNo(place as u32);
    }
    let lives = Lives::of(parts);
    let records = all.iter().enumerate().map(|(place, (at, part, number))| {
        let record = &parts[*part].records[*number];
        let sent = lives.sending(parts, &record.what).map(|(part, number)| places[part][number]);
        let own = record.cause.and_then(|cause| places[*part].get(cause.0 as usize).copied());
        // A cause is always an earlier record, also where a clock is known to a millisecond only.
        let cause = sent.or(own).filter(|cause| (cause.0 as usize) < place);
        let at = u64::try_from(at - zero).unwrap_or(0);
        Record { at: Instant::from_nanos(at), cause, what: record.what.clone() }
    });
    Ok(Merged { records: records.collect(), zero })
}

/// A part's own clock.
#[derive(Clone, Copy)]
struct Own {
    booted: Instant,
    boot: u128,
}

impl Own {
    fn of(part: &Part<'_>) -> Result<Own, Unplaced> {
        let clock = part.records.iter().find_map(|record| match record.what {
            What::Agent(_, AgentEvent::Clock { booted, boot }) => Some(Own { booted, boot }),
            _ => None,
        });
        let lacks = "a record of which clock its moments are of: it is no agent's journal";
        clock.ok_or_else(|| Unplaced { file: part.file.to_owned(), lacks })
    }

    fn boottime(&self, at: Instant) -> i128 {
        i128::from(at.as_nanos()) - i128::from(self.booted.as_nanos())
    }
}

/// By how much each part's boottime is behind the first one's.
fn shifts(parts: &[Part<'_>], clocks: &[Own]) -> Result<Vec<Shift>, Unplaced> {
    let mut known: Vec<Option<Shift>> = vec![None; parts.len()];
    if let Some(first) = known.first_mut() {
        *first = Some(0);
    }
    let quickest = quickest(parts, clocks);
    // Each round places what is next to something placed.
    for _ in 0..parts.len() {
        for part in 0..parts.len() {
            if known[part].is_some() {
                continue;
            }
            let placed = (0..parts.len()).filter(|other| known[*other].is_some());
            known[part] = placed
                .filter_map(|other| {
                    let shift = known[other]?;
                    if clocks[part].boot == clocks[other].boot && clocks[part].boot != 0 {
                        return Some(shift);
                    }
                    let to = quickest.get(&(other, part))?;
                    let back = quickest.get(&(part, other))?;
                    // What a frame seems to take is its time plus the clocks' difference.
                    Some(shift - (to - back) / 2)
                })
                .next();
        }
    }
    let lacks = "frames both ways between its member and another: how its clock went is not known";
    let place = |(part, shift): (usize, Option<Shift>)| {
        shift.ok_or_else(|| Unplaced { file: parts[part].file.to_owned(), lacks })
    };
    known.into_iter().enumerate().map(place).collect()
}

/// The shortest time that a frame from one part to another seems to have taken.
fn quickest(parts: &[Part<'_>], clocks: &[Own]) -> BTreeMap<(usize, usize), i128> {
    let mut quickest = BTreeMap::new();
    for (from, to, took) in crossings(parts, clocks) {
        let least = quickest.entry((from, to)).or_insert(took);
        *least = took.min(*least);
    }
    quickest
}

/// What frames from one part to another seem to have taken, by the clock of each end.
fn crossings(parts: &[Part<'_>], clocks: &[Own]) -> Vec<(usize, usize, i128)> {
    let lives = Lives::of(parts);
    let ends = parts
        .iter()
        .enumerate()
        .flat_map(|(to, part)| part.records.iter().map(move |record| (to, record)));
    let crossing = ends.filter_map(|(to, record)| {
        let (from, number) = lives.sending(parts, &record.what)?;
        let sent = clocks[from].boottime(parts[from].records[number].at);
        Some((from, to, clocks[to].boottime(record.at) - sent))
    });
    crossing.collect()
}

/// What frames from one member to another took, from the sender's decision until the receiver took
/// them in; shortest first. Heartbeats are not among them: nothing tells which one came.
///
/// # Errors
/// If a journal cannot be laid beside the others.
pub fn frames(parts: &[Part<'_>]) -> Result<Vec<Span>, Unplaced> {
    let clocks: Vec<Own> = parts.iter().map(Own::of).collect::<Result<_, _>>()?;
    let shifts = shifts(parts, &clocks)?;
    let all = crossings(parts, &clocks).into_iter().filter_map(|(from, to, took)| {
        u64::try_from(took + shifts[to] - shifts[from]).ok().map(Span::from_nanos)
    });
    let mut all: Vec<Span> = all.collect();
    all.sort();
    Ok(all)
}

/// In which part each life of each member is.
struct Lives(BTreeMap<(NodeId, Instant), usize>);

impl Lives {
    fn of(parts: &[Part<'_>]) -> Lives {
        let mut lives = BTreeMap::new();
        for (place, part) in parts.iter().enumerate() {
            for record in part.records {
                if let What::Agent(node, AgentEvent::Boot(_)) = record.what {
                    lives.insert((node, record.at), place);
                }
            }
        }
        Lives(lives)
    }

    /// The record of the sending of what came, by its part and number.
    fn sending(&self, parts: &[Part<'_>], what: &What) -> Option<(usize, usize)> {
        let What::Agent(_, AgentEvent::Came { from, life, record }) = what else { return None };
        let place = *self.0.get(&(*from, *life))?;
        let number = record.0 as usize;
        parts[place].records.get(number).map(|_| (place, number))
    }
}
