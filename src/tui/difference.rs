//! What two runs of the same site differ by, in a sentence.

use super::render::in_seconds;
use super::take::Take;
use crate::base::{Instant, Span};
use crate::view::film::first_difference;
use crate::view::outage::{Outage, Who};
use std::collections::BTreeMap;

/// The longest of the outages of each kind that has one, those of clients first; none for one that
/// does not end.
fn longest(take: &Take) -> BTreeMap<(u8, String), Option<Span>> {
    let names = take.film.names();
    let mut longest: BTreeMap<(u8, String), Option<Span>> = BTreeMap::new();
    for outage in take.outages().iter().filter(|outage| outage.hard) {
        let span = Outage::span(outage);
        let rank = match outage.who {
            Who::Client(kind, _) => kind as u8,
            Who::Database(_) => 100,
            Who::Group(_) => 101,
        };
        let known = longest.entry((rank, outage.who.word(&names))).or_insert(span);
        *known = match (*known, span) {
            (Some(known), Some(span)) => Some(known.max(span)),
            _ => None,
        };
    }
    longest
}

fn shown(span: Option<Option<Span>>) -> String {
    match span {
        None => "no outage".to_owned(),
        Some(None) => "not back".to_owned(),
        Some(Some(span)) => format!("{} s", in_seconds(span)),
    }
}

/// What the shown run and the one beside it differ by: where they part, and by how much
/// the longest outage of each kind changed.
pub(super) fn told(here: &Take, beside: &Take) -> String {
    let against = format!("Against \"{}\"", beside.label);
    let (one, other) = (here.film.records(), beside.film.records());
    let parted = match first_difference(one, other) {
        Some(number) => {
            let at = one[number.0 as usize].at.min(other[number.0 as usize].at);
            let at = in_seconds(at.since(Instant::ZERO));
            format!(", equal up to #{} at {at} s", number.0)
        }
        None if one.len() == other.len() => return against + ": the two are equal.",
        None => ", of which one is the beginning of the other".to_owned(),
    };
    let (mine, theirs) = (longest(here), longest(beside));
    let kinds: std::collections::BTreeSet<&(u8, String)> =
        mine.keys().chain(theirs.keys()).collect();
    let mut changes = Vec::new();
    for kind in kinds {
        let (now, before) = (mine.get(kind).copied(), theirs.get(kind).copied());
        // What nobody sees is no change: the figures are those of a screen.
        if shown(now) == shown(before) {
            continue;
        }
        let by = match (now, before) {
            (Some(Some(now)), Some(Some(before))) if now >= before => {
                format!(" (+{} s)", in_seconds(now.saturating_sub(before)))
            }
            (Some(Some(now)), Some(Some(before))) => {
                format!(" (-{} s)", in_seconds(before.saturating_sub(now)))
            }
            _ => String::new(),
        };
        let kind = &kind.1;
        changes.push(format!("{kind} {} instead of {}{by}", shown(now), shown(before)));
    }
    match changes.is_empty() {
        true => format!("{against}{parted}: every longest outage is the same."),
        false => format!("{against}{parted}: {}.", changes.join("; ")),
    }
}
