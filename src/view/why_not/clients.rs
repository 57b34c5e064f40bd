//! What the clients that cannot work wait for.

use super::{Blocker, Search, told};
use crate::base::ClientId;
use crate::journal::record::{ClientEvent, Plant};
use crate::journal::{RecordNo, What};
use crate::model::topology::ClientKind;
use crate::view::Standing;
use crate::view::words::counted;
use std::collections::{BTreeMap, BTreeSet};

/// What a client that is out met last.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Met {
    /// No answer, because of this record.
    Silence(Option<RecordNo>),
    /// An answer that is an error, in words.
    Error(String),
    /// The connection was reset or given up: it waits before it tries again.
    Alone,
    /// It asks for a log-on.
    LogOn,
    /// It must be restarted by its person.
    Restart,
    /// It tries again, and nothing is known of how.
    Tries,
}

/// Reasons that are told of one kind of client.
const MOST_REASONS: usize = 6;

impl Search<'_, '_> {
    pub(super) fn clients(&self, kind: ClientKind) -> Vec<Blocker> {
        let topology = self.scene.topology();
        let out: BTreeSet<ClientId> = self
            .scene
            .clients
            .iter()
            .filter(|(_, client)| client.standing().is_some_and(Standing::is_out))
            .map(|(id, _)| id)
            .filter(|id| topology.client_group(*id).kind == kind)
            .collect();
        let met = self.met(out);
        let mut reasons: Vec<(Met, u32, RecordNo)> =
            met.into_iter().map(|(met, (count, record))| (met, count, record)).collect();
        reasons.sort_by_key(|(_, count, _)| std::cmp::Reverse(*count));
        let more = reasons.len().saturating_sub(MOST_REASONS);
        let mut blockers: Vec<Blocker> = reasons
            .into_iter()
            .take(MOST_REASONS)
            .map(|(met, count, record)| self.reason(&met, count, record))
            .collect();
        if more > 0 {
            blockers.push(told(format!("{} more", counted(more as u32, "reason")), None));
        }
        blockers
    }

    /// What each of these met last: how many, and the last record of it.
    fn met(&self, mut out: BTreeSet<ClientId>) -> BTreeMap<Met, (u32, RecordNo)> {
        let mut found: BTreeMap<Met, (u32, RecordNo)> = BTreeMap::new();
        for (place, record) in self.past.iter().enumerate().rev() {
            if out.is_empty() {
                break;
            }
            let What::Client(id, event) = &record.what else { continue };
            let met = match event {
                ClientEvent::Retransmitted { .. }
                | ClientEvent::Connecting { attempt: 2.., .. } => Met::Silence(record.cause),
                ClientEvent::Refused { .. } => Met::Error(self.names.phrase(&record.what)),
                ClientEvent::GaveUp | ClientEvent::Reset { .. } => Met::Alone,
                ClientEvent::LogOnPage => Met::LogOn,
                ClientEvent::RestartNeeded => Met::Restart,
                ClientEvent::TriesAgain | ClientEvent::Started => Met::Tries,
                ClientEvent::Asked { .. }
                | ClientEvent::Connecting { .. }
                | ClientEvent::Connected { .. }
                | ClientEvent::LoggedOn { .. }
                | ClientEvent::Answered { .. }
                | ClientEvent::Autodiscovered { .. }
                | ClientEvent::State(_)
                | ClientEvent::PersonDone => continue,
            };
            if out.remove(id) {
                let entry = found.entry(met).or_insert((0, RecordNo(place as u32)));
                entry.0 += 1;
            }
        }
        for _ in out {
            found.entry(Met::Tries).or_insert((0, RecordNo(0))).0 += 1;
        }
        found
    }

    fn reason(&self, met: &Met, count: u32, record: RecordNo) -> Blocker {
        let (waits, who) = (if count == 1 { "waits" } else { "wait" }, count);
        match met {
            Met::Silence(Some(cause)) => {
                let what = &self.past[cause.0 as usize].what;
                let stale = matches!(
                    what,
                    What::Plant(Plant::Neighbour { .. } | Plant::GratuitousArp { .. })
                );
                let hint = if stale { " (their neighbour cache leads there)" } else { "" };
                let cause_words = format!("{}: {}", self.names.who(what), self.names.phrase(what));
                told(
                    format!("{who} {waits} for an answer that does not come: {cause_words}{hint}"),
                    *cause,
                )
            }
            Met::Silence(None) => {
                told(format!("{who} {waits} for an answer that does not come"), record)
            }
            Met::Error(words) => {
                told(format!("{who} {waits} before the next try: {words}"), record)
            }
            Met::Alone => {
                let text = format!("{who} {waits} before the next try: the connection was lost");
                told(text, record)
            }
            Met::LogOn => told(format!("{who} {waits} for a person to log on"), record),
            Met::Restart => told(format!("{who} {waits} for a person to restart it"), record),
            Met::Tries => told(format!("{who} {waits} for an answer to the next try"), record),
        }
    }
}
