//! When a witness's record has stood still for long enough: by the observer's own clock.

use crate::base::{Instant, Span};

/// What was seen last.
#[derive(Clone, Copy, Debug)]
struct Seen<R> {
    record: R,
    /// The record has not moved since then.
    since: Instant,
    /// The last look was answered then.
    looked: Instant,
}

/// Looks at a record of another and tells how long it still has to stand still (linux-ha.md §10
/// items 2 and 3).
#[derive(Clone, Debug)]
pub struct Watch<R> {
    patience: Span,
    seen: Option<Seen<R>>,
}

impl<R: Copy + PartialEq> Watch<R> {
    /// One that has not looked yet. A record is stale that stood still for the patience.
    pub fn new(patience: Span) -> Watch<R> {
        Watch { patience, seen: None }
    }

    /// A look that was begun at `asked` found this record, and was answered at `answered`: how long
    /// the record still has to stand still. A look without an answer is not told.
    ///
    /// A record was read somewhere between the two moments, so it stood still at least from the
    /// answer to its first look until the beginning of its last one.
    pub fn look(&mut self, record: R, asked: Instant, answered: Instant) -> Span {
        // If the clock went back during the look, the later moment is the careful one.
        let looked = answered.max(asked);
        let since = match self.seen {
            Some(seen) if seen.record == record && self.watched(seen, asked, answered) => {
                seen.since
            }
            Some(_) | None => looked,
        };
        self.seen = Some(Seen { record, since, looked });
        self.patience.saturating_sub(asked.saturating_since(since))
    }

    /// Whether the observer was awake between its last look and this one: neither was there too
    /// long a gap, nor did its clock go back.
    fn watched(&self, seen: Seen<R>, asked: Instant, answered: Instant) -> bool {
        let in_order = seen.looked <= asked && asked <= answered;
        in_order && answered.since(seen.looked) <= self.patience.scaled(1, 2)
    }

    /// When the last look was answered; none if there was none.
    pub fn looked(&self) -> Option<Instant> {
        self.seen.map(|seen| seen.looked)
    }

    /// Forgets what was seen, so that the wait begins anew.
    pub fn forget(&mut self) {
        self.seen = None;
    }
}
