//! When a held record is stale. Pure: every moment is an argument.

use super::error::Error;
use super::record::Record;
use crate::base::{Instant, Span};
use crate::failover::fencing;
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

/// Judges by the observer's own clock whether the witness's owner lives (linux-ha.md §9 and §10
/// items 2 and 3). Moments are durations since any fixed zero; give them by CLOCK_BOOTTIME, which
/// goes on during suspend.
#[derive(Clone, Debug)]
pub struct Watch {
    me: u8,
    interval: Duration,
    watch: fencing::Watch<Record>,
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
        Ok(Watch { me, interval, watch: fencing::Watch::new(span(patience)) })
    }

    /// A look that was begun at `asked` found this record, and was answered at `answered`. A look
    /// without an answer is not told.
    pub fn look(&mut self, record: Record, asked: Duration, answered: Duration) -> Standing {
        let moment = |at| Instant::ZERO + span(at);
        let left = self.watch.look(record, moment(asked), moment(answered));
        let Some(node) = record.owner else { return Standing::Free };
        if node == self.me {
            return Standing::Mine;
        }
        match left.is_zero() {
            true => Standing::Stale(Stale(record)),
            false => Standing::Held { node, left: Duration::from_nanos(left.as_nanos()) },
        }
    }

    /// When the next look is due; none if there was no look yet, and one is due at once.
    pub fn next_look(&self) -> Option<Duration> {
        let looked = self.watch.looked()?.since(Instant::ZERO);
        Some(Duration::from_nanos(looked.as_nanos()) + self.interval)
    }

    /// Forgets what was seen, so that the wait begins anew.
    pub fn forget(&mut self) {
        self.watch.forget();
    }
}

/// As many nanoseconds as fit: six hundred years.
fn span(duration: Duration) -> Span {
    Span::from_nanos(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))
}
