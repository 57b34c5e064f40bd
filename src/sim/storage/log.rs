//! The log stream of one database copy, as pure arithmetic: how far it is written, what is known
//! of more, how far it is replayed, and which activations wrote which part of it.
//!
//! A position counts kilobytes from the beginning of the database's life. A generation is a log
//! of 1 MB, numbered from 1, so that the position in generations is the number of closed logs.

use crate::base::{Instant, Span};
use crate::journal::RecordNo;
use std::collections::VecDeque;

/// Size of a log (exchange.md §2.1 log file size).
pub(super) const LOG_KILOBYTES: u64 = 1024;
/// Logs that a database has when a run begins.
const FIRST_GENERATIONS: u64 = 1000;
const SECOND: u128 = 1_000_000_000;

/// The log stream of a copy.
#[derive(Clone, Debug)]
pub(super) struct Log {
    /// Written (active copy), or copied and inspected (passive copy), up to here.
    pub position: u64,
    /// What this server was last told about how far the active copy has written.
    pub told: u64,
    /// Replayed into the database file up to here.
    pub replayed: u64,
    /// From when the next log is being replayed.
    replay_from: Instant,
    /// How long a log waits before it is replayed (ReplayLagTime).
    lag: Span,
    /// With a lag: when logs came, and up to which position, oldest first.
    came: VecDeque<(Instant, u64)>,
    /// With a lag: up to here logs have waited long enough.
    due: u64,
    /// Activations and the position at which each began to write. An activation is named by the
    /// record of its mount.
    history: Vec<(RecordNo, u64)>,
}

/// The generations that a position has touched, the partly filled one included.
pub(super) fn generations(position: u64) -> u64 {
    position.div_ceil(LOG_KILOBYTES)
}

/// The generations that are closed at a position.
pub(super) fn closed(position: u64) -> u64 {
    position / LOG_KILOBYTES
}

impl Log {
    /// Equal logs on every copy, all replayed.
    pub(super) fn new(lag: Span) -> Self {
        let position = FIRST_GENERATIONS * LOG_KILOBYTES;
        Log {
            position,
            told: position,
            replayed: position,
            replay_from: Instant::ZERO,
            lag,
            came: VecDeque::new(),
            due: position,
            history: vec![(RecordNo(0), 0)],
        }
    }

    /// The activation that wrote last.
    pub(super) fn activation(&self) -> RecordNo {
        self.history.last().expect("a history begins with the first activation").0
    }

    /// Where the last activation began to write.
    pub(super) fn activation_start(&self) -> u64 {
        self.history.last().expect("a history begins with the first activation").1
    }

    /// The active copy writes; the new position.
    pub(super) fn append(&mut self, kilobytes: u64) -> u64 {
        self.position += kilobytes;
        (self.replayed, self.due) = (self.position, self.position);
        self.told = self.position;
        self.position
    }

    /// Logs up to a position are copied and inspected.
    pub(super) fn receive(&mut self, at: Instant, position: u64, rate: u32) {
        self.settle(at, rate);
        if self.lag > Span::ZERO && closed(position) > closed(self.position) {
            self.came.push_back((at, closed(position) * LOG_KILOBYTES));
        }
        self.position = self.position.max(position);
        self.told = self.told.max(position);
    }

    /// Replays what there was time for; only closed logs are replayed, and with a lag only those
    /// that have waited for it.
    pub(super) fn settle(&mut self, at: Instant, rate: u32) {
        while let Some((came, position)) = self.came.front().copied()
            && came.saturating_add(self.lag) <= at
        {
            self.replay(came.saturating_add(self.lag), rate);
            self.came.pop_front();
            self.due = self.due.max(position);
        }
        self.replay(at, rate);
    }

    /// Whether logs wait before they are replayed.
    pub(super) fn lags(&self) -> bool {
        self.lag > Span::ZERO
    }

    /// Nothing is replayed meanwhile; the lag goes on.
    pub(super) fn stand(&mut self, at: Instant) {
        self.replay_from = self.replay_from.max(at);
    }

    fn replay(&mut self, at: Instant, rate: u32) {
        let end = if self.lag > Span::ZERO { self.position.min(self.due) } else { self.position };
        let target = closed(end) * LOG_KILOBYTES;
        if self.replayed >= target {
            self.replay_from = at;
            return;
        }
        let elapsed = u128::from(at.saturating_since(self.replay_from).as_nanos());
        let logs = elapsed * u128::from(rate) / SECOND;
        let to_go = generations(target) - closed(self.replayed);
        if logs >= u128::from(to_go) {
            self.replayed = target;
            self.replay_from = at;
            return;
        }
        let logs = u64::try_from(logs).expect("fewer than the logs to go");
        self.replayed = self.replayed.max((closed(self.replayed) + logs) * LOG_KILOBYTES);
        self.replay_from += Span::from_secs(1).scaled(logs, u64::from(rate));
    }

    /// Time to replay everything that is left, the partly filled log included.
    pub(super) fn time_to_replay(&self, rate: u32) -> Span {
        let left = self.position.saturating_sub(self.replayed);
        Span::from_secs(1).scaled(left, LOG_KILOBYTES * u64::from(rate))
    }

    /// Logs that a mount has to replay.
    pub(super) fn logs_to_replay(&self) -> u64 {
        if self.position > self.replayed {
            generations(self.position) - closed(self.replayed)
        } else {
            0
        }
    }

    /// Logs that this server knows to exist and does not have whole, the active copy's current
    /// log included.
    pub(super) fn missing(&self) -> u64 {
        if self.told > self.position { generations(self.told) - closed(self.position) } else { 0 }
    }

    /// The database is activated here: writing goes on from this position under a new name.
    pub(super) fn activate(&mut self, activation: RecordNo) {
        self.drop_history_from(self.position);
        self.history.push((activation, self.position));
        self.came.clear();
        self.due = self.position;
        self.replayed = self.position;
        self.told = self.position;
    }

    /// The activation ended without a clean dismount: what lies above the checkpoint must be
    /// replayed by the next mount.
    pub(super) fn crash(&mut self, checkpoint_depth: u32) {
        let depth = u64::from(checkpoint_depth) * LOG_KILOBYTES;
        let flushed = self.position.saturating_sub(depth).max(self.activation_start());
        self.replayed = self.replayed.min(flushed);
    }

    /// The position up to which two copies have the same logs.
    pub(super) fn common(&self, other: &Log) -> u64 {
        let same = self.history.iter().zip(&other.history).take_while(|(a, b)| a == b).count();
        let end = |log: &Log| log.history.get(same).map_or(log.position, |(_, start)| *start);
        end(self).min(end(other)).min(self.position).min(other.position)
    }

    /// Whether this copy has something that the other, the active one, has not.
    pub(super) fn diverged_from(&self, active: &Log) -> bool {
        self.common(active) < self.position
    }

    /// Drops what lies above a position.
    pub(super) fn truncate(&mut self, position: u64) {
        self.position = position;
        self.told = position;
        self.replayed = self.replayed.min(position);
        self.came.retain(|(_, end)| *end <= position);
        self.due = self.due.min(position);
        self.drop_history_from(position);
    }

    /// The copy is seeded anew from another: it has what that one has closed, all replayed.
    pub(super) fn seed(&mut self, at: Instant, source: &Log) {
        self.position = closed(source.position) * LOG_KILOBYTES;
        (self.told, self.replayed, self.due) = (source.position, self.position, self.position);
        self.history.clone_from(&source.history);
        self.drop_history_from(self.position);
        self.came.clear();
        self.replay_from = at;
    }

    /// Takes over the activations of the copy that this one copies from.
    pub(super) fn adopt(&mut self, source: &Log) {
        if self.history != source.history {
            self.history.clone_from(&source.history);
        }
        self.told = self.told.max(source.position);
    }

    /// Whether the log has what an activation wrote up to a position.
    pub(super) fn holds(&self, activation: RecordNo, position: u64) -> bool {
        let Some(place) = self.history.iter().rposition(|(name, _)| *name == activation) else {
            return false;
        };
        let end = self.history.get(place + 1).map_or(self.position, |(_, start)| *start);
        position <= end.min(self.position)
    }

    fn drop_history_from(&mut self, position: u64) {
        let keep = self.history.iter().skip(1).take_while(|(_, start)| *start < position).count();
        self.history.truncate(1 + keep);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: u64 = FIRST_GENERATIONS * LOG_KILOBYTES;

    fn seconds(seconds: u64) -> Instant {
        Instant::ZERO + Span::from_secs(seconds)
    }

    #[test]
    fn a_lossy_activation_makes_the_old_active_copy_diverge() {
        let (mut old, mut new) = (Log::new(Span::ZERO), Log::new(Span::ZERO));
        old.activate(RecordNo(5));
        let kept = old.append(2_000);
        new.adopt(&old);
        new.receive(seconds(1), kept, 2);
        let lost = old.append(700);
        assert!(new.holds(RecordNo(5), kept) && !new.holds(RecordNo(5), lost));
        new.activate(RecordNo(9));
        let later = new.append(100);
        assert!(old.diverged_from(&new));
        assert!(!new.holds(RecordNo(5), lost), "written up to there, but by another activation");
        old.truncate(old.common(&new));
        old.adopt(&new);
        assert_eq!(old.position, kept);
        assert!(!old.diverged_from(&new));
        old.receive(seconds(2), later, 2);
        assert!(old.holds(RecordNo(9), later) && old.holds(RecordNo(5), kept));
    }

    #[test]
    fn a_lossless_activation_leaves_no_divergence() {
        let (mut old, mut new) = (Log::new(Span::ZERO), Log::new(Span::ZERO));
        old.activate(RecordNo(5));
        let end = old.append(1_500);
        new.adopt(&old);
        new.receive(seconds(1), end, 2);
        new.activate(RecordNo(9));
        new.append(10);
        assert!(!old.diverged_from(&new));
    }

    #[test]
    fn an_activation_below_the_start_of_a_later_one_forgets_it() {
        let (mut old, mut new) = (Log::new(Span::ZERO), Log::new(Span::ZERO));
        old.activate(RecordNo(5));
        old.append(3_000);
        old.activate(RecordNo(7));
        let lost = old.append(50);
        new.adopt(&old);
        new.receive(seconds(1), START + 1_000, 2);
        new.activate(RecordNo(9));
        assert_eq!(
            new.history,
            [(RecordNo(0), 0), (RecordNo(5), START), (RecordNo(9), START + 1_000)]
        );
        assert_eq!(old.common(&new), START + 1_000);
        assert!(!new.holds(RecordNo(7), lost));
    }

    #[test]
    fn replay_takes_closed_logs_at_its_rate() {
        let mut log = Log::new(Span::ZERO);
        log.receive(seconds(10), START + 4 * LOG_KILOBYTES + 500, 2);
        log.settle(seconds(11), 2);
        assert_eq!(closed(log.replayed), FIRST_GENERATIONS + 2);
        assert_eq!(log.logs_to_replay(), 3, "two closed logs and the partly filled one");
        log.settle(Instant::ZERO + Span::from_millis(11_400), 2);
        assert_eq!(closed(log.replayed), FIRST_GENERATIONS + 2);
        log.settle(Instant::ZERO + Span::from_millis(11_500), 2);
        assert_eq!(closed(log.replayed), FIRST_GENERATIONS + 3, "a look in between costs nothing");
        log.settle(seconds(100), 2);
        assert_eq!(log.replayed, START + 4 * LOG_KILOBYTES);
        assert_eq!(log.time_to_replay(2), Span::from_secs(1).scaled(500, 2_048));
    }

    #[test]
    fn missing_logs_are_those_that_were_told_and_not_copied() {
        let mut log = Log::new(Span::ZERO);
        assert_eq!(log.missing(), 0);
        log.told = START + 1;
        assert_eq!(log.missing(), 1, "the current log of the active copy");
        log.told = START + 6 * LOG_KILOBYTES + 1;
        assert_eq!(log.missing(), 7);
        log.receive(seconds(1), START + 6 * LOG_KILOBYTES + 1, 2);
        assert_eq!(log.missing(), 0);
    }

    #[test]
    fn a_crash_costs_at_most_the_checkpoint_depth() {
        let mut log = Log::new(Span::ZERO);
        log.activate(RecordNo(5));
        log.append(3 * LOG_KILOBYTES);
        log.crash(100);
        assert_eq!(log.logs_to_replay(), 3, "nothing from before the mount");
        log.activate(RecordNo(6));
        log.append(300 * LOG_KILOBYTES);
        log.crash(100);
        assert_eq!(log.logs_to_replay(), 100);
    }
}
