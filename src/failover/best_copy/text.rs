//! Reasons in words, with their numbers.

use super::{COPY_QUEUE_LIMIT, DialWord, REPLAY_QUEUE_LIMIT, SETS, UNKNOWN_QUEUE};
use crate::failover::seam::{ContentIndex, Dropped, MountDial, Ranked};
use core::fmt;

/// What a criteria set demands, in words; `set` is 1 to 10.
///
/// # Panics
/// If there is no such set.
pub fn criteria(set: u8) -> String {
    let set = SETS[usize::from(set) - 1];
    let mut parts = vec!["an eligible status".to_owned()];
    match set.content_index {
        Some(ContentIndex::Healthy) => parts.push("content index Healthy".to_owned()),
        Some(ContentIndex::Crawling) => parts.push("content index Crawling".to_owned()),
        Some(ContentIndex::Failed) | None => {}
    }
    if set.copy_queue {
        parts.push(format!("copy queue below {COPY_QUEUE_LIMIT}"));
    }
    if set.replay_queue {
        parts.push(format!("replay queue below {REPLAY_QUEUE_LIMIT}"));
    }
    parts.join(", ")
}

impl fmt::Display for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Dropped::Unreachable => write!(f, "its server cannot be reached"),
            Dropped::NoAnswer => write!(f, "its server did not tell its state"),
            Dropped::Status(status) => {
                write!(f, "status {status:?} is not eligible for activation")
            }
            Dropped::ActivationSuspended => write!(f, "activation of this copy is suspended"),
            Dropped::PolicyBlocked => {
                write!(f, "DatabaseCopyAutoActivationPolicy of its server is Blocked")
            }
            Dropped::OtherSite => write!(
                f,
                "DatabaseCopyAutoActivationPolicy of its server is IntrasiteOnly, and the former \
                 active copy is in another site"
            ),
            Dropped::MaximumActive { active, limit } => {
                write!(f, "its server has {active} active databases of at most {limit}")
            }
            Dropped::Source => write!(f, "it is the copy that is being left"),
            Dropped::Tried => write!(f, "it was tried in this operation and did not mount"),
            Dropped::ActiveIsSeedingSource => write!(f, "the active copy is the source of a seed"),
            Dropped::SeedingSource => {
                write!(f, "it is the source of a seed, and SkipLagChecks was not given")
            }
            Dropped::CopyQueue { length, longest } => too_long(f, "copy", *length, *longest),
            Dropped::ReplayQueue { length, longest } => too_long(f, "replay", *length, *longest),
            Dropped::ContentIndex(index) => write!(
                f,
                "its content index is {index:?}, and SkipClientExperienceChecks was not given"
            ),
        }
    }
}

/// Why the check of queues lets a target not pass.
fn too_long(f: &mut fmt::Formatter<'_>, queue: &str, length: u64, longest: u64) -> fmt::Result {
    match length {
        UNKNOWN_QUEUE.. => write!(f, "its {queue} queue is not known")?,
        _ => write!(f, "its {queue} queue of {length} is longer than {longest}")?,
    }
    write!(f, ", and SkipLagChecks was not given")
}

impl Ranked {
    /// Why the copy has its rank: the numbers that it was judged by, those that its set does not
    /// look at included.
    pub fn why(&self) -> String {
        let set = match self.set {
            Ok(set) => set,
            Err(reason) => return reason.to_string(),
        };
        let demands = SETS[usize::from(set) - 1];
        let queue = |name: &str, length: u64, limit: u64, demanded: bool| {
            let side = match (length < limit, demanded) {
                (true, _) => "below",
                (false, false) => "not below",
                (false, true) => "check left out, not below",
            };
            match length {
                UNKNOWN_QUEUE.. => format!("{name} queue not known (counts as {side} {limit})"),
                _ => format!("{name} queue {length} ({side} {limit})"),
            }
        };
        let copies = queue("copy", self.copy_queue, COPY_QUEUE_LIMIT, demands.copy_queue);
        let replays = queue("replay", self.replay_queue, REPLAY_QUEUE_LIMIT, demands.replay_queue);
        let preference = self.preference;
        format!("set {set}: {}; {copies}, {replays}, preference {preference}", criteria(set))
    }
}

impl fmt::Display for DialWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let DialWord { dial, missing, mounts } = self;
        let logs = match *missing {
            1 => "1 log missing".to_owned(),
            UNKNOWN_QUEUE.. => "not known how many logs are missing".to_owned(),
            missing => format!("{missing} logs missing"),
        };
        let word = if *mounts { "it mounts" } else { "it does not mount" };
        match dial {
            MountDial::BestEffort => {
                write!(f, "{logs}, BestEffort accepts any loss: {word}")
            }
            MountDial::Lossless | MountDial::GoodAvailability | MountDial::BestAvailability => {
                let permitted = dial.permitted();
                write!(f, "{logs}, {dial:?} accepts {permitted}: {word}")
            }
        }
    }
}
