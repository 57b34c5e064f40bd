//! Best copy selection and the mount dial: which copy of a database is tried first, whether it
//! may be mounted with what it lacks, and why (exchange.md §1.3, §1.6, §1.7). Pure functions; the
//! Primary Active Manager, the Active Managers of the servers and the calculator all decide here.

mod text;

#[cfg(test)]
mod tests;

pub use text::criteria;

use super::seam::{
    ActivationPolicy, ContentIndex, CopyReport, CopyStatus, Dropped, MountDial, Ranked, SkipChecks,
};
use crate::base::NodeId;
use core::cmp::Reverse;

/// What is known of one copy when the selection begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct Candidate {
    /// Its node.
    pub node: NodeId,
    /// Its activation preference, 1 the most preferred.
    pub preference: u8,
    /// AutoDatabaseMountDial of its server.
    pub dial: MountDial,
    /// Whether it is the copy that is being left.
    pub source: bool,
    /// Whether an attempt on it in this operation did not end in a mount.
    pub tried: bool,
    /// Whether its server can be reached.
    pub reachable: bool,
    /// What its Replication service answered; none if it did not.
    pub report: Option<CopyReport>,
    /// DatabaseCopyAutoActivationPolicy of its server.
    pub policy: ActivationPolicy,
    /// Whether its server is in the site of the copy that is being left.
    pub same_site: bool,
    /// Databases that are active on its server or are being activated there.
    pub active: u16,
    /// MaximumActiveDatabases of its server; none for no limit.
    pub maximum_active: Option<u16>,
}

/// Who asks for the selection.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Asked {
    /// Nobody: the active copy failed.
    Failover,
    /// A switchover that names no target.
    Switchover {
        /// Whether no log may be lost, so that the copies are sorted by preference.
        lossless: bool,
    },
    /// A switchover that names its target. It is not ranked by the sets but checked
    /// (exchange.md §1.7 admin overrides): its state, its queues, its content index.
    Target(LagCheck),
}

/// The longest queues of a named target that the check of queues lets pass.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct LagCheck {
    /// Logs waiting to be copied and inspected.
    pub copy_queue: u64,
    /// Logs waiting to be replayed.
    pub replay_queue: u64,
}

/// What is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct Request {
    /// Who asks.
    pub asked: Asked,
    /// Checks that an administrator leaves out.
    pub skip: SkipChecks,
}

/// Shortest copy queue that is too long for the sets that look at it.
pub const COPY_QUEUE_LIMIT: u64 = 10;
/// Shortest replay queue that is too long for the sets that look at it.
pub const REPLAY_QUEUE_LIMIT: u64 = 50;

/// A queue of this length, or so many missing logs, stand for a number that is not known: no log
/// generation is that high.
pub const UNKNOWN_QUEUE: u64 = 1 << 31;

/// What a criteria set demands of a copy whose status is eligible.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct CriteriaSet {
    /// The state of the content index; none for any.
    pub content_index: Option<ContentIndex>,
    /// Whether the copy queue must be below [`COPY_QUEUE_LIMIT`].
    pub copy_queue: bool,
    /// Whether the replay queue must be below [`REPLAY_QUEUE_LIMIT`].
    pub replay_queue: bool,
}

const fn set(index: Option<ContentIndex>, copy_queue: bool, replay_queue: bool) -> CriteriaSet {
    CriteriaSet { content_index: index, copy_queue, replay_queue }
}

const HEALTHY: Option<ContentIndex> = Some(ContentIndex::Healthy);
const CRAWLING: Option<ContentIndex> = Some(ContentIndex::Crawling);

/// The ten criteria sets, the best first (exchange.md §1.6).
pub const SETS: [CriteriaSet; 10] = [
    set(HEALTHY, true, true),
    set(CRAWLING, true, true),
    set(HEALTHY, false, true),
    set(CRAWLING, false, true),
    set(None, false, true),
    set(HEALTHY, true, false),
    set(CRAWLING, true, false),
    set(HEALTHY, false, false),
    set(CRAWLING, false, false),
    set(None, false, false),
];

/// Ranks the copies: those that may be activated first, in the order in which they are tried,
/// then the dropped ones.
///
/// The product sorts the copies, passes through the sets, and takes the first copy of the first
/// set that any copy meets; when that one cannot be mounted it does so again without it. The
/// order here is the order in which copies are taken so.
pub fn rank(candidates: &[Candidate], request: Request) -> Vec<Ranked> {
    let by_preference = sorts_by_preference(candidates, request);
    let newest = newest_log(candidates);
    let blocked = blocked_as_a_whole(candidates, request);
    let judged = candidates.iter().map(|candidate| judge(candidate, newest, request, blocked));
    let mut order: Vec<Ranked> = judged.collect();
    order.sort_by_key(|ranked| {
        let key = if by_preference {
            (u64::from(ranked.preference), ranked.copy_queue)
        } else {
            (ranked.copy_queue, u64::from(ranked.preference))
        };
        (Reverse(ranked.set.is_ok()), ranked.set.unwrap_or_default(), key, ranked.node)
    });
    order
}

/// Whether the activation preference is the primary key, and not the copy queue: if any server
/// that hosts a copy, that of the source among them, has the dial Lossless; and for a lossless
/// switchover without target.
pub fn sorts_by_preference(candidates: &[Candidate], request: Request) -> bool {
    let lossless_move = match request.asked {
        Asked::Switchover { lossless } => lossless,
        Asked::Failover | Asked::Target(_) => false,
    };
    lossless_move || candidates.iter().any(|candidate| candidate.dial == MountDial::Lossless)
}

/// The newest log that any answer knows of: what a copy has inspected exists, too. Copy queues
/// are computed against it, so that a copy that has heard nothing for long is not taken for one
/// that lacks nothing.
pub fn newest_log(candidates: &[Candidate]) -> u64 {
    let reports = candidates.iter().filter_map(|candidate| candidate.report);
    reports.map(|report| report.generated.max(report.inspected)).max().unwrap_or(0)
}

/// What rules out a switchover to any copy: the active copy is the source of a seed, which would
/// break off (SkipActiveCopyChecks leaves this out).
fn blocked_as_a_whole(candidates: &[Candidate], request: Request) -> Option<Dropped> {
    let mut sources = candidates.iter().filter(|candidate| candidate.source);
    let seeds = sources.any(|source| {
        source.report.is_some_and(|report| report.status == CopyStatus::SeedingSource)
    });
    let guarded = match request.asked {
        Asked::Failover => false,
        Asked::Switchover { .. } | Asked::Target(_) => !request.skip.active_copy_checks,
    };
    (seeds && guarded).then_some(Dropped::ActiveIsSeedingSource)
}

/// The first of the ten sets that a copy meets, or why it is dropped.
fn judge(candidate: &Candidate, newest: u64, request: Request, blocked: Option<Dropped>) -> Ranked {
    let (copy_queue, replay_queue) = candidate
        .report
        .map_or((0, 0), |report| (newest.saturating_sub(report.inspected), report.replay_queue()));
    Ranked {
        node: candidate.node,
        set: standing(candidate, request, blocked)
            .and_then(|report| match request.asked {
                Asked::Target(lag) => {
                    checked(report, (copy_queue, replay_queue), lag, request.skip)
                }
                Asked::Failover | Asked::Switchover { .. } => Ok(report),
            })
            .map(|report| first_set(report.content_index, copy_queue, replay_queue, request.skip)),
        copy_queue,
        replay_queue,
        preference: candidate.preference,
    }
}

/// The report of a copy that may be activated, or the first reason against it. The order of
/// reasons: what it is in this operation, whether its server can be asked, what an administrator
/// has set, the state that it is in.
fn standing(
    candidate: &Candidate,
    request: Request,
    blocked: Option<Dropped>,
) -> Result<CopyReport, Dropped> {
    if candidate.source {
        return Err(Dropped::Source);
    }
    if let Some(reason) = blocked {
        return Err(reason);
    }
    if candidate.tried {
        return Err(Dropped::Tried);
    }
    if !candidate.reachable {
        return Err(Dropped::Unreachable);
    }
    let report = candidate.report.ok_or(Dropped::NoAnswer)?;
    // Policy and suspended activation bar automatic activation: a target that is named by hand is
    // not judged by them.
    let named = matches!(request.asked, Asked::Target(_));
    match candidate.policy {
        _ if named => {}
        ActivationPolicy::Blocked => return Err(Dropped::PolicyBlocked),
        ActivationPolicy::IntrasiteOnly if !candidate.same_site => {
            return Err(Dropped::OtherSite);
        }
        ActivationPolicy::IntrasiteOnly | ActivationPolicy::Unrestricted => {}
    }
    if report.activation_suspended && !named {
        return Err(Dropped::ActivationSuspended);
    }
    let limit = candidate.maximum_active.filter(|_| !request.skip.maximum_active_databases_checks);
    if let Some(limit) = limit.filter(|limit| candidate.active >= *limit) {
        return Err(Dropped::MaximumActive { active: candidate.active, limit });
    }
    // Who suspended a copy may activate it: so a lagged copy is activated.
    let by_hand = named && report.status == CopyStatus::Suspended;
    if by_hand || eligible(report.status, request.skip) {
        Ok(report)
    } else {
        Err(Dropped::Status(report.status))
    }
}

/// What a switchover demands of the target that it names, beyond an eligible state: it is not the
/// source of a seed, its queues are short (SkipLagChecks leaves both out), and its content index
/// is whole (SkipClientExperienceChecks).
fn checked(
    report: CopyReport,
    (copy_queue, replay_queue): (u64, u64),
    lag: LagCheck,
    skip: SkipChecks,
) -> Result<CopyReport, Dropped> {
    let reason = match report.content_index {
        _ if !skip.lag_checks && report.status == CopyStatus::SeedingSource => {
            Some(Dropped::SeedingSource)
        }
        _ if !skip.lag_checks && copy_queue > lag.copy_queue => {
            Some(Dropped::CopyQueue { length: copy_queue, longest: lag.copy_queue })
        }
        _ if !skip.lag_checks && replay_queue > lag.replay_queue => {
            Some(Dropped::ReplayQueue { length: replay_queue, longest: lag.replay_queue })
        }
        ContentIndex::Healthy => None,
        _ if skip.client_experience_checks => None,
        index @ (ContentIndex::Crawling | ContentIndex::Failed) => {
            Some(Dropped::ContentIndex(index))
        }
    };
    reason.map_or(Ok(report), Err)
}

/// Whether a copy in this state may be activated. SkipHealthChecks lets copies pass that have
/// stopped copying or replaying; not one that has no whole database (Seeding), whose Replication
/// service cannot act (ServiceDown), or that is no passive copy.
fn eligible(status: CopyStatus, skip: SkipChecks) -> bool {
    match status {
        CopyStatus::Healthy
        | CopyStatus::DisconnectedAndHealthy
        | CopyStatus::DisconnectedAndResynchronizing
        | CopyStatus::SeedingSource => true,
        CopyStatus::Initializing
        | CopyStatus::Resynchronizing
        | CopyStatus::Failed
        | CopyStatus::Suspended
        | CopyStatus::FailedAndSuspended => skip.health_checks,
        CopyStatus::Mounted
        | CopyStatus::Mounting
        | CopyStatus::Dismounting
        | CopyStatus::Dismounted
        | CopyStatus::Seeding
        | CopyStatus::ServiceDown => false,
    }
}

/// The number of the first set that a copy meets. A check that is left out counts as passed.
fn first_set(index: ContentIndex, copy_queue: u64, replay_queue: u64, skip: SkipChecks) -> u8 {
    let index = if skip.client_experience_checks { ContentIndex::Healthy } else { index };
    let copies = skip.lag_checks || copy_queue < COPY_QUEUE_LIMIT;
    let replays = skip.lag_checks || replay_queue < REPLAY_QUEUE_LIMIT;
    let meets = |set: &CriteriaSet| {
        set.content_index.is_none_or(|wanted| wanted == index)
            && (copies || !set.copy_queue)
            && (replays || !set.replay_queue)
    };
    let first = SETS.iter().position(meets).expect("the last set demands nothing");
    first as u8 + 1
}

/// What the mount dial says after attempt copy last logs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct DialWord {
    /// The dial that decides: the override, or that of the server.
    pub dial: MountDial,
    /// Logs that are missing.
    pub missing: u64,
    /// Whether the copy may be mounted without them.
    pub mounts: bool,
}

/// Whether a copy may be mounted with this many logs missing, by the dial of its server or by the
/// one that the operation brings along (exchange.md §1.3 step 4, §1.7).
pub fn mount_dial(missing: u64, server: MountDial, over: Option<MountDial>) -> DialWord {
    let dial = over.unwrap_or(server);
    DialWord { dial, missing, mounts: missing <= dial.permitted() }
}
