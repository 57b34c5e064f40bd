//! The state of a copy, judged from what is known of it. Pure; the questions are asked elsewhere.

use super::files::State;
use super::position::{Position, Timeline, generation_here};
use super::settings::Node;

/// State of a copy, in the words of exchange.md §1.8.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Status {
    /// Active copy, online.
    Mounted,
    /// Active copy, coming online.
    Mounting,
    /// Active copy, going offline.
    Dismounting,
    /// Not running, and not asked to copy from anywhere.
    Dismounted,
    /// Passive, copying and replaying.
    Healthy,
    /// Replication is starting.
    Initializing,
    /// Being compared with the active copy for divergence, or mended.
    Resynchronizing,
    /// The link to the active copy was lost, or nothing is active; it can be activated.
    DisconnectedAndHealthy,
    /// It was active, and cannot ask the copy that is active now whether it has diverged.
    DisconnectedAndResynchronizing,
    /// Cannot copy or replay; it is tried again.
    Failed,
    /// Suspended by an administrator.
    Suspended,
    /// Cannot go on without a seed.
    FailedAndSuspended,
    /// Being seeded.
    Seeding,
    /// The instance runs and does not answer.
    ServiceDown,
}

/// What a copy reports of itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CopyReport {
    /// Its state.
    pub status: Status,
    /// Highest generation that is known here to exist (LastLogGenerated).
    pub generated: u64,
    /// Highest generation that is here, on disk, as a whole (LastLogInspected). A log of which a
    /// byte is known to be missing does not count, so that an empty copy queue means no loss.
    pub inspected: u64,
    /// Highest generation replayed (LastLogReplayed).
    pub replayed: u64,
    /// The same in bytes, as last known. An active copy publishes `generated` with its
    /// heartbeats (linux-ha.md §9).
    pub positions: Positions,
    /// The timeline it is on; 0 if that is not known.
    pub timeline: Timeline,
    /// Of an active copy: who copies from it.
    pub streams: Vec<Stream>,
    /// Of a seed that is under way: bytes that are here, and bytes that there are, 0 if not known.
    pub seeding: Option<(u64, u64)>,
    /// Why it is not Healthy or Mounted, as far as that is known.
    pub why: Option<String>,
}

/// How far a log goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Positions {
    /// As far as it is known here to exist.
    pub generated: Position,
    /// As far as it is here on disk.
    pub inspected: Position,
    /// As far as it is replayed.
    pub replayed: Position,
}

impl Positions {
    /// As generations: generated, inspected, replayed.
    pub fn generations(&self) -> (u64, u64, u64) {
        let inspected = generation_here(self.inspected, self.generated);
        let replayed = if self.replayed >= self.inspected {
            inspected
        } else {
            generation_here(self.replayed, self.inspected).min(inspected)
        };
        (self.generated.generation(), inspected, replayed)
    }
}

/// A copy that streams from this one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stream {
    /// Whose.
    pub node: Node,
    /// What it has on disk.
    pub flushed: Position,
    /// Whether commits wait for it.
    pub acknowledging: bool,
}

/// What the instance says of itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Observed {
    pub(super) passive: bool,
    pub(super) timeline: Timeline,
    /// Of an active copy.
    pub(super) flushed: Option<Position>,
    /// Of a passive copy: what was streamed to it, since it started.
    pub(super) received: Option<Position>,
    pub(super) replayed: Option<Position>,
    /// What the active copy told that it has.
    pub(super) told: Option<Position>,
    pub(super) streaming: bool,
    /// The process that receives log, streaming or trying to.
    pub(super) receiver: Option<i32>,
    pub(super) paused: bool,
    pub(super) streams: Vec<Stream>,
}

impl Observed {
    /// What a passive copy has on disk, by its own word.
    pub(super) fn have(&self) -> Position {
        self.received.max(self.replayed).unwrap_or_default()
    }

    /// How far the log goes, with what else is known: what was heard of the active copy, and
    /// what was put on disk behind the server's back.
    pub(super) fn positions(&self, heard: Position, on_disk: Position) -> Positions {
        if let Some(flushed) = self.flushed {
            return Positions { generated: flushed, inspected: flushed, replayed: flushed };
        }
        let inspected = self.have().max(on_disk);
        let generated = inspected.max(self.told.unwrap_or_default()).max(heard);
        Positions { generated, inspected, replayed: self.replayed.unwrap_or_default() }
    }
}

/// What is being done to a copy.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Task {
    #[default]
    None,
    Creating,
    Mounting,
    Dismounting,
    Mending,
    /// Bytes that are here, and that there are.
    Seeding(u64, u64),
}

/// What a copy is to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Goal {
    /// Nothing was asked for, or it was dismounted.
    #[default]
    None,
    /// Left alone between the last logs and the mount.
    Hold,
    /// Active.
    Active,
    /// Passive.
    Follow { source: Option<Node>, suspended: bool },
}

/// What the instance is found to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Found {
    /// There are no data.
    NoData,
    /// It does not run.
    Stopped,
    /// It runs, and is starting or stopping.
    NotReady,
    /// It runs, and does not answer.
    Silent,
    /// It answered.
    Observed(Box<Observed>),
}

/// What is known of a copy apart from what its instance says.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Known {
    pub(super) goal: Goal,
    pub(super) task: Task,
    pub(super) state: State,
    /// Its process ended and nobody asked for it.
    pub(super) ended: bool,
    /// It has streamed since it was told to follow.
    pub(super) has_streamed: bool,
    /// It has been told to follow so recently that it may still be starting.
    pub(super) recent: bool,
    /// The copy to follow cannot be asked.
    pub(super) unreachable: bool,
}

/// The state of a copy.
pub(super) fn judge(known: &Known, found: &Found) -> Status {
    match known.task {
        Task::Creating => return Status::Initializing,
        Task::Mounting => return Status::Mounting,
        Task::Dismounting => return Status::Dismounting,
        Task::Mending => return Status::Resynchronizing,
        Task::Seeding(..) => return Status::Seeding,
        Task::None => {}
    }
    let active = matches!(found, Found::Observed(observed) if !observed.passive);
    if known.state != State::Whole && !active {
        return Status::FailedAndSuspended;
    }
    match found {
        Found::NoData => Status::Failed,
        Found::Silent => Status::ServiceDown,
        Found::NotReady if known.goal == Goal::Active => Status::Mounting,
        Found::NotReady => Status::Initializing,
        Found::Observed(observed) if observed.passive => passive(known, observed),
        Found::Observed(_) => Status::Mounted,
        Found::Stopped => stopped(known),
    }
}

fn stopped(known: &Known) -> Status {
    match known.goal {
        Goal::None | Goal::Active | Goal::Hold => Status::Dismounted,
        Goal::Follow { suspended: true, .. } => Status::Suspended,
        Goal::Follow { .. } if known.ended => Status::Failed,
        Goal::Follow { source: None, .. } => Status::Dismounted,
        Goal::Follow { .. } if known.unreachable => Status::DisconnectedAndResynchronizing,
        Goal::Follow { .. } => Status::Initializing,
    }
}

fn passive(known: &Known, observed: &Observed) -> Status {
    match known.goal {
        Goal::Follow { suspended: true, .. } => Status::Suspended,
        _ if observed.streaming => Status::Healthy,
        Goal::Follow { source: Some(_), .. } if known.recent && !known.has_streamed => {
            Status::Initializing
        }
        Goal::Follow { .. } | Goal::None | Goal::Hold | Goal::Active => {
            Status::DisconnectedAndHealthy
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observed(passive: bool, streaming: bool) -> Found {
        Found::Observed(Box::new(Observed {
            passive,
            timeline: 1,
            flushed: None,
            received: None,
            replayed: None,
            told: None,
            streaming,
            receiver: None,
            paused: false,
            streams: Vec::new(),
        }))
    }

    #[test]
    fn states_are_judged() {
        let follow = |source, suspended| Goal::Follow { source, suspended };
        let known = |goal| Known { goal, ..Known::default() };
        let passive = || observed(true, false);
        let cut = |goal| Known { state: State::CutOff(String::new()), ..known(goal) };
        let to_one = follow(Some(1), false);
        let table = [
            (known(Goal::Active), observed(false, false), Status::Mounted),
            (known(Goal::None), Found::Stopped, Status::Dismounted),
            (known(Goal::Active), Found::Stopped, Status::Dismounted),
            (known(Goal::Active), Found::NotReady, Status::Mounting),
            (known(Goal::Active), Found::Silent, Status::ServiceDown),
            (known(to_one), observed(true, true), Status::Healthy),
            (known(to_one), passive(), Status::DisconnectedAndHealthy),
            (Known { recent: true, ..known(to_one) }, passive(), Status::Initializing),
            (
                Known { recent: true, has_streamed: true, ..known(to_one) },
                passive(),
                Status::DisconnectedAndHealthy,
            ),
            (known(follow(None, false)), passive(), Status::DisconnectedAndHealthy),
            (known(follow(Some(1), true)), passive(), Status::Suspended),
            (known(follow(Some(1), true)), Found::Stopped, Status::Suspended),
            (Known { ended: true, ..known(to_one) }, Found::Stopped, Status::Failed),
            (
                Known { unreachable: true, ..known(to_one) },
                Found::Stopped,
                Status::DisconnectedAndResynchronizing,
            ),
            (known(to_one), Found::Stopped, Status::Initializing),
            (known(to_one), Found::NotReady, Status::Initializing),
            (known(to_one), Found::NoData, Status::Failed),
            (cut(to_one), passive(), Status::FailedAndSuspended),
            (cut(to_one), Found::Stopped, Status::FailedAndSuspended),
            (cut(Goal::Active), observed(false, false), Status::Mounted),
            (
                Known { task: Task::Mending, ..known(to_one) },
                Found::Stopped,
                Status::Resynchronizing,
            ),
            (Known { task: Task::Seeding(1, 2), ..cut(to_one) }, Found::NoData, Status::Seeding),
            (Known { task: Task::Mounting, ..known(to_one) }, passive(), Status::Mounting),
            (
                Known { task: Task::Dismounting, ..known(Goal::None) },
                Found::NotReady,
                Status::Dismounting,
            ),
        ];
        for (n, (known, found, status)) in table.into_iter().enumerate() {
            assert_eq!(judge(&known, &found), status, "row {n}: {known:?} {found:?}");
        }
    }

    #[test]
    fn queues_are_empty_only_if_nothing_is_missing() {
        let mb = |n: u64, more: u64| Position(n * (1 << 20) + more);
        for (generated, inspected, replayed, expected) in [
            (mb(3, 5), mb(3, 5), mb(3, 5), (4, 4, 4)),
            (mb(3, 5), mb(3, 4), mb(3, 4), (4, 3, 3)),
            (mb(3, 5), mb(3, 5), mb(3, 4), (4, 4, 3)),
            (mb(9, 0), mb(3, 5), mb(2, 0), (9, 3, 2)),
            (mb(9, 0), mb(9, 0), mb(9, 0), (9, 9, 9)),
            (mb(9, 7), mb(8, 7), mb(8, 6), (10, 8, 8)),
        ] {
            let positions = Positions { generated, inspected, replayed };
            assert_eq!(positions.generations(), expected, "{positions:?}");
        }
    }
}
