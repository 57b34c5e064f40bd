//! Which logs of a copy may be deleted (exchange.md §2.3 truncation). The Replication service
//! decides that on each server, for its own copy; the same rule holds in the simulator and on real
//! servers.

/// How far another copy is done with the logs, as far as this server knows: a copy that is away or
/// suspended stands where it was last known to be.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Other {
    /// A copy that replays at once: up to this log it has replayed.
    Replayed(u64),
    /// A lagged copy: up to this log it has inspected.
    Inspected(u64),
}

/// What is known when the logs of an active copy are judged. Logs are counted from 1; a number says
/// that this log and all before it are meant.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub struct Active<'a> {
    /// Logs that are closed.
    pub closed: u64,
    /// Whether logs are kept for no restore (CircularLoggingEnabled).
    pub circular: bool,
    /// Logs that the last full backup has.
    pub backed_up: u64,
    /// Logs below the checkpoint: a mount after a crash does not need them.
    pub checkpoint: u64,
    /// The other copies.
    pub others: &'a [Other],
}

/// The highest log of an active copy that may be deleted: backed up or needed for no restore, below
/// the checkpoint, replayed by all other copies and inspected by lagged ones.
pub fn active(known: &Active<'_>) -> u64 {
    let spare = if known.circular { known.closed } else { known.backed_up };
    let others = known.others.iter().map(|other| match other {
        Other::Replayed(log) | Other::Inspected(log) => *log,
    });
    others.fold(spare.min(known.checkpoint), u64::min)
}

/// The highest log of a passive copy that may be deleted: replayed here, and deleted at the active
/// copy.
pub fn passive(replayed: u64, deleted_at_the_active: u64) -> u64 {
    replayed.min(deleted_at_the_active)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(circular: bool, backed_up: u64, others: &[Other]) -> u64 {
        active(&Active { closed: 1_000, circular, backed_up, checkpoint: 900, others })
    }

    #[test]
    fn without_a_backup_or_circular_logging_nothing_goes() {
        assert_eq!(known(false, 0, &[Other::Replayed(1_000)]), 0);
    }

    #[test]
    fn what_is_backed_up_goes_and_not_one_log_more() {
        assert_eq!(known(false, 700, &[Other::Replayed(1_000)]), 700);
    }

    #[test]
    fn circular_logging_stops_at_the_checkpoint() {
        assert_eq!(known(true, 0, &[Other::Replayed(1_000)]), 900);
        assert_eq!(known(true, 0, &[]), 900, "a single copy too");
        let shallow =
            Active { closed: 850, circular: true, backed_up: 0, checkpoint: 900, others: &[] };
        assert_eq!(active(&shallow), 850, "a log that is not closed stays");
    }

    #[test]
    fn the_copy_that_is_furthest_behind_decides() {
        assert_eq!(known(true, 0, &[Other::Replayed(800), Other::Replayed(650)]), 650);
    }

    #[test]
    fn a_lagged_copy_need_not_have_replayed_it() {
        assert_eq!(known(true, 0, &[Other::Inspected(890)]), 890);
    }

    #[test]
    fn a_passive_copy_deletes_what_it_replayed_and_the_active_deleted() {
        assert_eq!(passive(500, 600), 500);
        assert_eq!(passive(600, 500), 500);
    }
}
