//! Messages between nodes that are on their way at a moment.

use crate::base::{Instant, NicId, NodeId, Span};
use crate::failover::seam::{Effect, Input};
use crate::journal::record::Plant;
use crate::journal::{Record, RecordNo, What};

/// How a message's journey ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// It arrives then.
    Arrives(Instant),
    /// It is lost: the moment at which it was recorded as such.
    Lost(Instant),
    /// The records do not tell (yet).
    Open,
}

/// A message on its way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Frame {
    /// The record of its sending.
    pub sent: RecordNo,
    /// When it was sent.
    pub at: Instant,
    /// Who sent it.
    pub from: NodeId,
    /// Over which of its adapters.
    pub nic: NicId,
    /// To whom.
    pub to: NodeId,
    /// Whether it is a heartbeat or its answer.
    pub heartbeat: bool,
    /// How its journey ends.
    pub fate: Fate,
}

impl Frame {
    /// How far it is on its way at a moment, in thousandths; none if it is not. A journey that is
    /// shorter than `at_least` is shown that long: the eye does not see a millisecond.
    pub fn way(&self, at: Instant, at_least: Span) -> Option<u64> {
        let passed = at.as_nanos().checked_sub(self.at.as_nanos())?;
        let takes = match self.fate {
            Fate::Arrives(there) | Fate::Lost(there) => there.saturating_since(self.at),
            Fate::Open => at_least,
        };
        let takes = takes.max(at_least).as_nanos().max(1);
        let way = u128::from(passed) * 1_000 / u128::from(takes);
        u64::try_from(way).ok().filter(|way| *way <= 1_000)
    }
}

/// The most records that are looked through for frames at a moment.
const MOST_RECORDS: usize = 20_000;

/// Messages that were sent in the `back` before a moment, first to last.
pub fn frames(records: &[Record], at: Instant, back: Span) -> Vec<Frame> {
    let since = Instant::from_nanos(at.as_nanos().saturating_sub(back.as_nanos()));
    let end = records.partition_point(|record| record.at <= at);
    let first =
        records.partition_point(|record| record.at < since).max(end.saturating_sub(MOST_RECORDS));
    let mut frames: Vec<Frame> = Vec::new();
    for (place, record) in records.iter().enumerate().take(end).skip(first) {
        if let What::Out(from, Effect::Send { nic, to, message }) = &record.what {
            frames.push(Frame {
                sent: RecordNo(place as u32),
                at: record.at,
                from: *from,
                nic: *nic,
                to: *to,
                heartbeat: message.is_heartbeat(),
                fate: Fate::Open,
            });
        }
    }
    let Some(earliest) = frames.first().map(|frame| frame.sent.0 as usize) else { return frames };
    // What arrives after the longest delay that is still seen as one journey is told as open.
    for record in records[earliest..].iter().take(MOST_RECORDS) {
        let fate = match &record.what {
            What::In(_, Input::Frame { .. }) => Fate::Arrives(record.at),
            What::Plant(Plant::FrameLost { .. }) => Fate::Lost(record.at),
            _ => continue,
        };
        let sent = record
            .cause
            .and_then(|cause| frames.binary_search_by_key(&cause, |frame| frame.sent).ok());
        if let Some(frame) = sent.map(|place| &mut frames[place])
            && frame.fate == Fate::Open
        {
            frame.fate = fate;
        }
    }
    frames
}
