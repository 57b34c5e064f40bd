//! What is done with a record that was found. Pure.

use super::record::Record;
use super::watch::Stale;

/// One compare-and-swap: sees the record that is there, and says what to write in its stead.
pub(super) trait Step: Copy + Send + 'static {
    /// What the caller is told.
    type Answer: Send + 'static;
    /// Given the record that was found, and whether this process wrote it without having been
    /// told so: what to answer, and what to write. It is asked anew if another was faster.
    fn decide(&self, found: Record, own: bool) -> (Self::Answer, Option<Record>);
}

/// What this process has written without knowing whether it arrived. It may still arrive, on a
/// connection that was given up, for as long as the record is the one that it was to replace.
#[derive(Debug, Default)]
pub(super) struct Unsure(Vec<Record>);

impl Unsure {
    /// This record is about to be written. A refusal does not take it back: an earlier try of the
    /// same may be under way.
    pub(super) fn writing(&mut self, record: Record) {
        if !self.0.contains(&record) {
            self.0.push(record);
        }
    }

    /// The last write was answered, and has replaced what all of these were to replace.
    pub(super) fn arrived(&mut self) {
        self.0.clear();
    }

    /// This record was found: whether it is one of these. Those that it leaves behind can arrive
    /// no more.
    pub(super) fn found(&mut self, record: Record) -> bool {
        self.0.retain(|sent| *sent == record || sent.counter > record.counter);
        self.0.contains(&record)
    }
}

/// A node's wish to hold the witness.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Claim {
    /// The node's number.
    pub me: u8,
    /// The newest epoch that the node knows: a witness that has a newer one refuses it.
    pub known: u64,
    /// The epoch to write; at least `known`.
    pub epoch: u64,
    /// The rival's record that was judged stale. Only this very record may be overwritten: if the
    /// rival has moved it since, it is held.
    pub stale: Option<Stale>,
}

/// The answer to a claim or a test.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Claimed: the record that is there now. Of a test: the record that was found, and that a
    /// claim could have replaced.
    Claimed(Record),
    /// Another node holds it, and this record was not judged stale.
    HeldBy {
        /// The node.
        node: u8,
        /// The record, to be watched.
        record: Record,
    },
    /// The witness's epoch is newer than the one that the node knows: its configuration is out
    /// of date.
    Newer(u64),
}

/// The answer to a renewal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Renewal {
    /// Still held: the record that is there now.
    Renewed(Record),
    /// Not held any more, and nothing was written: the record that was found.
    Lost(Record),
}

/// The answer to a release.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Release {
    /// Nobody holds it now: the record that is there.
    Released(Record),
    /// It was not held in this epoch, and nothing was written: the record that was found.
    NotOurs(Record),
}

/// Whether a record may be replaced. The lock comes before the tag, as for a file share witness
/// (wsfc.md §3.2): a node that is refused because another holds it learns nothing of the epoch.
fn verdict(found: Record, me: u8, known: u64, stale: Option<Stale>, own: bool) -> Verdict {
    match found.owner {
        Some(node) if node != me && stale.map(Stale::record) != Some(found) => {
            Verdict::HeldBy { node, record: found }
        }
        Some(_) | None if found.epoch > known && !own => Verdict::Newer(found.epoch),
        Some(_) | None => Verdict::Claimed(found),
    }
}

impl Step for Claim {
    type Answer = Verdict;

    fn decide(&self, found: Record, own: bool) -> (Verdict, Option<Record>) {
        // The answer to an earlier try of this process was lost, but the try was not.
        let own = own && found.epoch <= self.epoch;
        match verdict(found, self.me, self.known, self.stale, own) {
            Verdict::Claimed(_) => {
                let next = found.followed_by(Some(self.me), self.epoch);
                (Verdict::Claimed(next), Some(next))
            }
            refused @ (Verdict::HeldBy { .. } | Verdict::Newer(_)) => (refused, None),
        }
    }
}

/// A claim that writes nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Test {
    pub(super) me: u8,
    pub(super) known: u64,
    pub(super) stale: Option<Stale>,
}

impl Step for Test {
    type Answer = Verdict;

    fn decide(&self, found: Record, own: bool) -> (Verdict, Option<Record>) {
        (verdict(found, self.me, self.known, self.stale, own), None)
    }
}

/// Counts the counter up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Renew {
    pub(super) me: u8,
    pub(super) epoch: u64,
}

impl Step for Renew {
    type Answer = Renewal;

    fn decide(&self, found: Record, _: bool) -> (Renewal, Option<Record>) {
        if (found.owner, found.epoch) != (Some(self.me), self.epoch) {
            return (Renewal::Lost(found), None);
        }
        let next = found.followed_by(found.owner, found.epoch);
        (Renewal::Renewed(next), Some(next))
    }
}

/// Gives the witness up.
#[derive(Clone, Copy, Debug)]
pub(super) struct GiveUp {
    pub(super) me: u8,
    pub(super) epoch: u64,
}

impl Step for GiveUp {
    type Answer = Release;

    fn decide(&self, found: Record, _: bool) -> (Release, Option<Record>) {
        if (found.owner, found.epoch) != (Some(self.me), self.epoch) {
            return (Release::NotOurs(found), None);
        }
        let next = found.followed_by(None, found.epoch);
        (Release::Released(next), Some(next))
    }
}

/// Looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look;

impl Step for Look {
    type Answer = Record;

    fn decide(&self, found: Record, _: bool) -> (Record, Option<Record>) {
        (found, None)
    }
}
