//! When a held record is stale. Pure: every moment is an argument.

use super::error::Error;
use super::record::Record;
use std::time::Duration;

/// A record of another node that did not move for long enough. Only a [`Watch`] makes one; a claim
/// needs it to take the witness from its owner.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stale(Record);

impl Stale {
    /// The record that did not move.
    pub const fn record(self) -> Record {
        self.0
    }
}

/// How a record stands with the node that looks at it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// Nobody holds the witness.
    Free,
    /// The record names the node itself. It proves nothing: it may be of an earlier life. Only a
    /// claim or a renewal that this life made, and that was answered, counts.
    Mine,
    /// Another node holds it, and is respected.
    Held {
        /// The node.
        node: u8,
        /// How long its record still has to stand still until it is stale.
        left: Duration,
    },
    /// Another node held it, and its record stood still for long enough.
    Stale(Stale),
}

/// What was seen last.
#[derive(Clone, Copy, Debug)]
struct Seen {
    record: Record,
    /// The record has not moved since then.
    since: Duration,
    /// The last look was answered then.
    looked: Duration,
}

/// Judges by the observer's own clock whether the witness's owner lives (linux-ha.md §9 and §10
/// items 2 and 3). Moments are durations since any fixed zero; give them by CLOCK_BOOTTIME, which
/// goes on during suspend.
#[derive(Clone, Debug)]
pub struct Watch {
    me: u8,
    patience: Duration,
    interval: Duration,
    seen: Option<Seen>,
}

impl Watch {
    /// A watch of node `me` that has not looked yet. `patience` is how long a record has to stand
    /// still; a look is due every `interval`.
    ///
    /// # Errors
    /// If `interval` is zero or longer than a quarter of `patience`: one late look would be taken
    /// for a frozen observer, which begins anew whenever half of `patience` passes between looks.
    pub fn new(me: u8, patience: Duration, interval: Duration) -> Result<Watch, Error> {
        if interval.is_zero() || interval > patience / 4 {
            return Err(Error::Pace { patience, interval });
        }
        Ok(Watch { me, patience, interval, seen: None })
    }

    /// A look that was begun at `asked` found this record, and was answered at `answered`. A look
    /// without an answer is not told.
    ///
    /// A record was read somewhere between the two moments, so it stood still at least from the
    /// answer to its first look until the beginning of its last one.
    pub fn look(&mut self, record: Record, asked: Duration, answered: Duration) -> Standing {
        // If the clock went back during the look, the later moment is the careful one.
        let looked = answered.max(asked);
        let since = match self.seen {
            Some(seen) if seen.record == record && self.watched(seen, asked, answered) => {
                seen.since
            }
            Some(_) | None => looked,
        };
        self.seen = Some(Seen { record, since, looked });
        let Some(node) = record.owner else { return Standing::Free };
        if node == self.me {
            return Standing::Mine;
        }
        let left = self.patience.saturating_sub(asked.saturating_sub(since));
        if left.is_zero() { Standing::Stale(Stale(record)) } else { Standing::Held { node, left } }
    }

    /// Whether the observer was awake between its last look and this one: neither was there too
    /// long a gap, nor did its clock go back.
    fn watched(&self, seen: Seen, asked: Duration, answered: Duration) -> bool {
        let in_order = seen.looked <= asked && asked <= answered;
        in_order && answered - seen.looked <= self.patience / 2
    }

    /// When the next look is due; none if there was no look yet, and one is due at once.
    pub fn next_look(&self) -> Option<Duration> {
        self.seen.map(|seen| seen.looked + self.interval)
    }

    /// Forgets what was seen, so that the wait begins anew.
    pub fn forget(&mut self) {
        self.seen = None;
    }
}
