//! Best copy selection: ranks the copies of a database and says why (exchange.md §1.6).

use super::seam::{ContentIndex, CopyReport, CopyStatus, Dropped, MountDial, Ranked};
use crate::base::NodeId;

/// What is known of one copy when the selection begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Candidate {
    /// Its node.
    pub node: NodeId,
    /// Its activation preference, 1 the most preferred.
    pub preference: u8,
    /// AutoDatabaseMountDial of its server.
    pub dial: MountDial,
    /// A reason that rules it out before its state is looked at.
    pub barred: Option<Dropped>,
    /// What its Replication service answered; none if it did not.
    pub report: Option<CopyReport>,
}

/// Ranks the copies: those that may be activated first, in the order in which they are tried,
/// then the dropped ones. `lossless_move` is an administrator's lossless switchover without
/// target, which sorts by preference.
pub fn rank(candidates: &[Candidate], lossless_move: bool) -> Vec<Ranked> {
    let by_preference =
        lossless_move || candidates.iter().any(|candidate| candidate.dial == MountDial::Lossless);
    let best_log = candidates.iter().filter_map(|c| c.report).map(|r| r.generated).max();
    let mut order: Vec<Ranked> =
        candidates.iter().map(|candidate| judge(candidate, best_log.unwrap_or(0))).collect();
    order.sort_by_key(|ranked| {
        let key = if by_preference {
            (u64::from(ranked.preference), ranked.copy_queue)
        } else {
            (ranked.copy_queue, u64::from(ranked.preference))
        };
        (ranked.set.is_err(), ranked.set.unwrap_or(u8::MAX), key, ranked.node)
    });
    order
}

/// The first of the ten sets that a copy meets, or why it is dropped. The copy queue is judged
/// against the highest log generation that any reachable server knows of.
fn judge(candidate: &Candidate, best_log: u64) -> Ranked {
    let mut ranked = Ranked {
        node: candidate.node,
        set: Err(Dropped::NoAnswer),
        copy_queue: 0,
        replay_queue: 0,
        preference: candidate.preference,
    };
    if let Some(report) = candidate.report {
        ranked.copy_queue = best_log.max(report.generated).saturating_sub(report.inspected);
        ranked.replay_queue = report.replay_queue();
        ranked.set = if !eligible(report.status) {
            Err(Dropped::Status(report.status))
        } else if report.activation_suspended {
            Err(Dropped::ActivationSuspended)
        } else {
            Ok(set(report.content_index, ranked.copy_queue, ranked.replay_queue))
        };
    }
    if let Some(reason) = candidate.barred {
        ranked.set = Err(reason);
    }
    ranked
}

fn eligible(status: CopyStatus) -> bool {
    match status {
        CopyStatus::Healthy
        | CopyStatus::DisconnectedAndHealthy
        | CopyStatus::DisconnectedAndResynchronizing
        | CopyStatus::SeedingSource => true,
        CopyStatus::Mounted
        | CopyStatus::Mounting
        | CopyStatus::Dismounting
        | CopyStatus::Dismounted
        | CopyStatus::Initializing
        | CopyStatus::Resynchronizing
        | CopyStatus::Failed
        | CopyStatus::Suspended
        | CopyStatus::FailedAndSuspended
        | CopyStatus::Seeding
        | CopyStatus::ServiceDown => false,
    }
}

/// The ten criteria sets; limits are strict.
fn set(index: ContentIndex, copy_queue: u64, replay_queue: u64) -> u8 {
    let (copies, replays) = (copy_queue < 10, replay_queue < 50);
    let healthy = index == ContentIndex::Healthy;
    let crawling = index == ContentIndex::Crawling;
    let sets = [
        healthy && copies && replays,
        crawling && copies && replays,
        healthy && replays,
        crawling && replays,
        replays,
        healthy && copies,
        crawling && copies,
        healthy,
        crawling,
    ];
    sets.iter().position(|met| *met).map_or(10, |position| position as u8 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copy(node: u8, preference: u8, copy_queue: u64, replay_queue: u64) -> Candidate {
        Candidate {
            node: NodeId(node),
            preference,
            dial: MountDial::GoodAvailability,
            barred: None,
            report: Some(CopyReport {
                status: CopyStatus::Healthy,
                content_index: ContentIndex::Healthy,
                generated: 1000,
                inspected: 1000 - copy_queue,
                replayed: 1000 - copy_queue - replay_queue,
                activation_suspended: false,
            }),
        }
    }

    fn nodes(order: &[Ranked]) -> Vec<u8> {
        order.iter().filter(|ranked| ranked.set.is_ok()).map(|ranked| ranked.node.0).collect()
    }

    #[test]
    fn sets_by_table() {
        use ContentIndex::{Crawling, Failed, Healthy};
        let table = [
            (Healthy, 9, 49, 1),
            (Crawling, 9, 49, 2),
            (Healthy, 10, 49, 3),
            (Crawling, 10, 49, 4),
            (Failed, 0, 49, 5),
            (Healthy, 9, 50, 6),
            (Crawling, 9, 50, 7),
            (Healthy, 10, 50, 8),
            (Crawling, 10, 50, 9),
            (Failed, 0, 50, 10),
        ];
        for (index, copies, replays, expected) in table {
            assert_eq!(set(index, copies, replays), expected, "{index:?} {copies} {replays}");
        }
    }

    #[test]
    fn copy_queue_comes_first_unless_a_server_is_lossless() {
        let mut copies = [copy(0, 1, 5, 0), copy(1, 2, 1, 0), copy(2, 3, 1, 0)];
        assert_eq!(nodes(&rank(&copies, false)), [1, 2, 0]);
        assert_eq!(nodes(&rank(&copies, true)), [0, 1, 2]);
        copies[2].dial = MountDial::Lossless;
        assert_eq!(nodes(&rank(&copies, false)), [0, 1, 2]);
    }

    #[test]
    fn a_short_replay_queue_outranks_a_healthy_index() {
        let mut first = copy(0, 1, 0, 60);
        let mut second = copy(1, 2, 0, 10);
        second.report.as_mut().expect("given").content_index = ContentIndex::Failed;
        assert_eq!(nodes(&rank(&[first, second], false)), [1, 0]);
        first.report.as_mut().expect("given").activation_suspended = true;
        let order = rank(&[first, second], false);
        assert_eq!(order[1].set, Err(Dropped::ActivationSuspended));
    }

    #[test]
    fn what_is_not_eligible_is_dropped_with_its_reason() {
        let mut suspended = copy(0, 1, 0, 0);
        suspended.report.as_mut().expect("given").status = CopyStatus::Suspended;
        let mut silent = copy(1, 2, 0, 0);
        silent.report = None;
        let mut gone = copy(2, 3, 0, 0);
        gone.barred = Some(Dropped::Unreachable);
        let order = rank(&[suspended, silent, gone], false);
        let reasons: Vec<_> = order.iter().map(|ranked| ranked.set).collect();
        let expected = [
            Err(Dropped::Status(CopyStatus::Suspended)),
            Err(Dropped::NoAnswer),
            Err(Dropped::Unreachable),
        ];
        for reason in expected {
            assert!(reasons.contains(&reason), "{reason:?}");
        }
    }
}
