//! What a row tells of logs, brought on one scale.

use crate::failover::best_copy::UNKNOWN_QUEUE;

/// Added to every generation, so that no queue that a file may tell makes one negative.
pub(super) const BASE: u64 = UNKNOWN_QUEUE * 4;

/// A number of logs as a file tells it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Count {
    /// There is no such field, or nothing in it.
    Absent,
    /// A value that says that the number is not known: queues of stale copies are told so.
    Unknown,
    /// A number.
    Logs(u64),
}

impl Count {
    pub(super) fn of(number: u64) -> Self {
        if number < UNKNOWN_QUEUE { Count::Logs(number) } else { Count::Unknown }
    }

    /// The higher of two generations; one that is not known says nothing.
    pub(super) fn newer(self, other: Count) -> Count {
        match (self.logs(), other.logs()) {
            (Some(one), Some(two)) => Count::Logs(one.max(two)),
            (Some(one), None) | (None, Some(one)) => Count::Logs(one),
            (None, None) => self,
        }
    }

    fn logs(self) -> Option<u64> {
        match self {
            Count::Logs(number) => Some(number),
            Count::Absent | Count::Unknown => None,
        }
    }
}

/// What a row tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Logs {
    pub copy_queue: Count,
    pub replay_queue: Count,
    pub generated: Count,
    pub inspected: Count,
    pub replayed: Count,
}

impl Logs {
    /// The newest log that the row knows of; 0 if it tells of none.
    pub(super) fn newest(&self) -> u64 {
        self.generated.newer(self.inspected).logs().unwrap_or(0)
    }

    /// The newest log that was inspected here, if the row tells. An active copy tells zeros for
    /// all logs; so does nothing else that has logs.
    fn inspected(&self) -> Option<u64> {
        self.inspected.logs().filter(|_| self.newest() > 0)
    }

    /// The generations known to exist, inspected and replayed, on the scale of [`BASE`]. `newest`
    /// is the newest log that any copy of the database knows of.
    ///
    /// The copy queue is computed from the logs (exchange.md §1.6, §2.1); a queue that the row
    /// itself tells is believed if it is longer, or if there are no logs to compute with. The
    /// replay queue is the one that the row tells, and computed if it tells none.
    pub(super) fn generations(&self, newest: u64) -> (u64, u64, u64) {
        let own = self.newest();
        let generated = BASE + if own > 0 { own } else { newest };
        let by_queue = self.copy_queue.logs().map(|queue| generated - queue);
        let inspected = match (self.inspected().map(|log| BASE + log), by_queue) {
            (Some(log), Some(queue)) => log.min(queue),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => generated - UNKNOWN_QUEUE,
        };
        let computed = self.inspected().zip(self.replayed.logs());
        let computed = computed.map(|(inspected, replayed)| inspected.saturating_sub(replayed));
        let to_replay = self.replay_queue.logs().or(computed).unwrap_or(UNKNOWN_QUEUE);
        (generated, inspected, inspected - to_replay)
    }

    /// What the row says twice and differently.
    pub(super) fn contradiction(&self) -> Option<String> {
        let (queue, inspected) = (self.copy_queue.logs()?, self.inspected()?);
        let generated = self.generated.logs()?;
        let computed = generated.saturating_sub(inspected);
        (computed != queue).then(|| {
            format!(
                "CopyQueueLength is {queue}, but {generated} logs were generated and {inspected} \
                 inspected; the longer queue counts"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Logs = Logs {
        copy_queue: Count::Absent,
        replay_queue: Count::Absent,
        generated: Count::Absent,
        inspected: Count::Absent,
        replayed: Count::Absent,
    };

    /// Copy and replay queue against a newest log.
    fn queues(logs: Logs, newest: u64) -> (u64, u64) {
        let (generated, inspected, replayed) = logs.generations(newest);
        assert!(generated >= inspected && inspected >= replayed, "{logs:?}");
        (BASE + newest - inspected, inspected - replayed)
    }

    #[test]
    fn queues_are_computed_from_logs_or_believed_if_longer() {
        let logs = Logs {
            copy_queue: Count::Logs(3),
            replay_queue: Count::Logs(7),
            generated: Count::Logs(1000),
            inspected: Count::Logs(997),
            replayed: Count::Logs(990),
        };
        assert_eq!(queues(logs, 1000), (3, 7));
        assert_eq!(queues(logs, 1020), (23, 7));
        assert_eq!(logs.contradiction(), None);
        let longer = Logs { copy_queue: Count::Logs(9), ..logs };
        assert_eq!(queues(longer, 1000), (9, 7));
        assert!(longer.contradiction().expect("told").contains("CopyQueueLength is 9"));
        let shorter = Logs { copy_queue: Count::Logs(0), ..logs };
        assert_eq!(queues(shorter, 1000), (3, 7));
        assert!(shorter.contradiction().is_some());
        let unknown = Logs { copy_queue: Count::Unknown, replay_queue: Count::Absent, ..logs };
        assert_eq!(queues(unknown, 1000), (3, 7));
    }

    #[test]
    fn queues_alone_are_enough() {
        let logs = Logs { copy_queue: Count::Logs(5), replay_queue: Count::Logs(60), ..NOTHING };
        assert_eq!(queues(logs, 0), (5, 60));
        // Another copy knows of logs: the queue counts from the newest.
        assert_eq!(queues(logs, 1000), (5, 60));
        // The zeros of an active copy are no logs.
        let zeros = Logs { generated: Count::Logs(0), inspected: Count::Logs(0), ..logs };
        assert_eq!(queues(zeros, 1000), (5, 60));
    }

    #[test]
    fn what_is_not_known_is_long() {
        assert_eq!(queues(NOTHING, 1000), (UNKNOWN_QUEUE, UNKNOWN_QUEUE));
        assert_eq!(Count::of(UNKNOWN_QUEUE - 1), Count::Logs(UNKNOWN_QUEUE - 1));
        assert_eq!(Count::of(UNKNOWN_QUEUE), Count::Unknown);
        assert_eq!(Count::of(u64::MAX), Count::Unknown);
        let most = Logs {
            copy_queue: Count::of(UNKNOWN_QUEUE - 1),
            replay_queue: Count::of(UNKNOWN_QUEUE - 1),
            ..NOTHING
        };
        assert_eq!(queues(most, 0), (UNKNOWN_QUEUE - 1, UNKNOWN_QUEUE - 1));
    }

    #[test]
    fn the_newer_generation_counts() {
        assert_eq!(Count::Logs(5).newer(Count::Logs(7)), Count::Logs(7));
        assert_eq!(Count::Unknown.newer(Count::Logs(7)), Count::Logs(7));
        assert_eq!(Count::Logs(5).newer(Count::Absent), Count::Logs(5));
        assert_eq!(Count::Unknown.newer(Count::Absent), Count::Unknown);
    }
}
