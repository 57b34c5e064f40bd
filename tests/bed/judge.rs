//! What was seen, judged: when nobody served, and whether ever two did.

use crate::ground::ms;
use crate::probe::{Asked, Write};
use std::time::Duration;

/// So many questions in a row without an answer are an outage.
const MISSED: usize = 5;
/// So long without an acknowledged write is an outage.
const SILENCE: u64 = 50_000_000;
/// A member that answers again within this time has been answering all along.
const TOGETHER: u64 = 200_000_000;

/// A time without service; no end if it has not come back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Outage {
    pub(crate) from: u64,
    pub(crate) to: Option<u64>,
}

impl Outage {
    /// How long it was; until the end of everything if it has none.
    pub(crate) fn length(&self, end: u64) -> Duration {
        Duration::from_nanos(self.to.unwrap_or(end).saturating_sub(self.from))
    }
}

/// The longest of those that began within a time.
pub(crate) fn longest(outages: &[Outage], from: u64, to: u64) -> Option<Outage> {
    let within = outages.iter().filter(|it| (from..to).contains(&it.from));
    within.max_by_key(|it| it.length(u64::MAX)).copied()
}

/// When questions were not answered, from the first of them to the next answer.
pub(crate) fn unanswered(asked: &[Asked]) -> Vec<Outage> {
    let mut outages = Vec::new();
    let mut missed: Option<(u64, usize)> = None;
    for one in asked {
        match one.answer {
            None => {
                let (_, count) = missed.get_or_insert((one.sent, 0));
                *count += 1;
            }
            Some((got, _)) => {
                if let Some((from, MISSED..)) = missed.take() {
                    outages.push(Outage { from, to: Some(got) });
                }
            }
        }
    }
    if let Some((from, MISSED..)) = missed {
        outages.push(Outage { from, to: None });
    }
    outages
}

/// When no write was acknowledged, from the last before to the first after.
pub(crate) fn unwritten(writes: &[Write], begin: u64, end: u64) -> Vec<Outage> {
    let mut moments: Vec<u64> = writes.iter().map(|write| write.got).collect();
    moments.sort_unstable();
    let mut outages = Vec::new();
    let mut last = begin;
    for got in moments {
        if got.saturating_sub(last) > SILENCE {
            outages.push(Outage { from: last, to: Some(got) });
        }
        last = got;
    }
    if end.saturating_sub(last) > SILENCE {
        outages.push(Outage { from: last, to: None });
    }
    outages
}

/// An answer of a member: it was given within this time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Answer {
    pub(crate) sent: u64,
    pub(crate) got: u64,
    pub(crate) member: usize,
}

pub(crate) fn answers(asked: &[Asked]) -> impl Iterator<Item = Answer> {
    asked
        .iter()
        .filter_map(|it| it.answer.map(|(got, member)| Answer { sent: it.sent, got, member }))
}

/// How long two members answered at one time, and how many answers the one gave that had begun
/// earlier while the other did. Only what is certain counts: a member surely answers from when
/// its first answer came until its last was asked for, and one answer alone is an answer.
pub(crate) fn together(answers: &[Answer]) -> (Duration, usize) {
    let stretches = [0, 1].map(|member| stretches(answers, member));
    let (mut length, mut stale) = (0, 0);
    for first in &stretches[0] {
        for second in &stretches[1] {
            let (from, to) = (first.0.max(second.0), first.1.min(second.1));
            if to <= from {
                stale += lone(first, second) + lone(second, first);
                continue;
            }
            length += to - from;
            let earlier = usize::from(first.0 > second.0);
            let within = |it: &&Answer| it.member == earlier && it.sent >= from && it.got <= to;
            stale += answers.iter().filter(within).count();
        }
    }
    (Duration::from_nanos(length), stale)
}

/// Whether a member gave one answer alone, and that while the other answered. A lone answer came
/// after it was asked for, so its stretch ends before it begins.
fn lone((got, sent): &(u64, u64), (from, to): &(u64, u64)) -> usize {
    usize::from(sent < got && from <= sent && got <= to)
}

fn stretches(answers: &[Answer], member: usize) -> Vec<(u64, u64)> {
    let mut own: Vec<&Answer> = answers.iter().filter(|it| it.member == member).collect();
    own.sort_by_key(|it| it.sent);
    let mut found: Vec<(u64, u64)> = Vec::new();
    for answer in own {
        match found.last_mut() {
            Some((from, to)) if answer.sent <= (*from).max(*to) + TOGETHER => {
                *from = (*from).min(answer.got);
                *to = (*to).max(answer.sent);
            }
            _ => found.push((answer.got, answer.sent)),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn asked(sent: u64, who: Option<usize>) -> Asked {
        Asked { sent: sent * MS, answer: who.map(|who| (sent * MS + MS / 2, who)) }
    }

    fn of_both(times: impl Iterator<Item = (u64, usize)>) -> Vec<Answer> {
        answers(&times.map(|(at, who)| asked(at, Some(who))).collect::<Vec<_>>()).collect()
    }

    #[test]
    fn an_outage_is_from_the_first_missed_to_the_next_answer() {
        let served = (0..10).chain(30..40).map(|at| asked(at, Some(0)));
        let mut all: Vec<Asked> = served.chain((10..30).map(|at| asked(at, None))).collect();
        all.push(asked(50, None));
        all.sort_by_key(|it| it.sent);
        let outages = unanswered(&all);
        assert_eq!(outages, [Outage { from: 10 * MS, to: Some(30 * MS + MS / 2) }]);
        assert_eq!(outages[0].length(0), Duration::from_micros(20_500));
        all.extend((51..60).map(|at| asked(at, None)));
        assert_eq!(unanswered(&all)[1], Outage { from: 50 * MS, to: None });
    }

    #[test]
    fn writes_are_missed_between_two_acknowledged_ones() {
        let write = |at: u64| Write { number: at, sent: at * MS, got: at * MS, member: 0 };
        let writes: Vec<Write> = (0..100).chain(300..400).map(write).collect();
        let outages = unwritten(&writes, 0, 400 * MS);
        assert_eq!(outages, [Outage { from: 99 * MS, to: Some(300 * MS) }]);
        let to_the_end = unwritten(&writes, 0, 900 * MS);
        assert_eq!(to_the_end[1], Outage { from: 399 * MS, to: None });
        assert_eq!(longest(&to_the_end, 0, 150 * MS), Some(outages[0]));
    }

    #[test]
    fn one_after_the_other_is_not_together() {
        let moved = of_both((0..100).map(|at| (at, usize::from(at >= 50))));
        assert_eq!(together(&moved), (Duration::ZERO, 0));
    }

    #[test]
    fn one_answer_alone_while_the_other_answers_is_stale() {
        let new = || (100..900).map(|at| (at, 1));
        let old = (0..50).map(|at| (at, 0));
        let both = of_both(old.clone().chain(new()).chain([(600, 0)]));
        assert_eq!(together(&both), (Duration::ZERO, 1));
        let apart = of_both(old.chain(new()).chain([(950, 0)]));
        assert_eq!(together(&apart), (Duration::ZERO, 0));
    }

    #[test]
    fn an_answer_of_the_old_one_after_the_new_one_began_is_stale() {
        let both = of_both((0..100).map(|at| (at, 0)).chain((60..200).map(|at| (at, 1))));
        let (length, stale) = together(&both);
        assert!(length > ms(37) && length < ms(41), "{length:?}");
        assert!((38..=40).contains(&stale), "{stale}");
    }
}
