//! Everything that crosses between the core and its driver. If a type is not here (or in
//! [`message`](super::message), which drivers only carry), a driver cannot see it.
//!
//! The driver's contract:
//! 1. `now` never goes back.
//! 2. Effects are done in list order; when `step` returns the list is complete.
//! 3. Each `Do` gets at most one `Done`; a crash drops them all.
//! 4. After every step the driver reads `deadline` again; `Wake` may come early, late or twice.
//! 5. Same configuration, boot and inputs at the same moments give the same effects.
//! 6. Nothing depends on a `Send` arriving.

pub use super::boot::{Boot, Durable, Restore, Start, StartQuorum};
pub use super::copies::{ContentIndex, CopyReport, CopyStatus};
use super::message::Message;
pub use super::networks::{InterfaceState, NetworkState};
pub use super::note::{Dropped, MayMount, Note, Operation, OrderRefusal, Ranked};
use crate::base::{DbId, GroupId, Instant, NicId, NodeId, NodeSet, OpId, ResourceId, StepNo};
use serde::{Deserialize, Serialize};

/// What the world tells a node.
#[derive(Clone, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
pub enum Input {
    /// The moment that `deadline` asked for; early or doubled is harmless.
    Wake,
    /// A message from a peer came in over one of this node's adapters.
    Frame {
        /// This node's adapter.
        nic: NicId,
        /// The peer.
        from: NodeId,
        /// What it says.
        message: Message,
    },
    /// Media sense of one of this node's adapters.
    Link {
        /// The adapter.
        nic: NicId,
        /// Whether it has carrier.
        up: bool,
    },
    /// The answer to an [`Effect::Do`].
    Done {
        /// The operation that was asked for.
        op: OpId,
        /// How it ended.
        outcome: Outcome,
    },
    /// What a disk witness has on it is newer than what a claim of it told: its copy of the
    /// cluster database, handed over before the claim's `Done`.
    Learned(Box<Durable>),
    /// Something noticed without having been asked for.
    Saw(Report),
    /// An administrator's order, given on this node.
    Order(Order),
}

/// What a node wants done.
#[derive(Clone, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
pub enum Effect {
    /// Send a message; fire and forget.
    Send {
        /// This node's adapter.
        nic: NicId,
        /// The peer.
        to: NodeId,
        /// What to say.
        message: Message,
    },
    /// Do something that takes time and has an outcome.
    Do {
        /// Names the operation in its `Done`.
        op: OpId,
        /// What to do.
        act: Act,
    },
    /// A decision and its reason; nobody acts on it.
    Note(Note),
}

/// Effects of one step, in order. Reused between steps.
pub type Effects = Vec<Effect>;

/// An operation that a driver performs.
#[derive(Clone, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
pub enum Act {
    /// Lock the witness's log, compare its tag with what this node knows and write the new one
    /// (wsfc.md §3.2): both in one, so that a rival finds either the lock or the newer tag.
    /// Ends `Ok`, `Refused` (held by a peer, newer tag) or `Failed` (no path, share away). A disk
    /// refuses nobody for its tag; see [`Input::Learned`].
    ClaimWitness {
        /// Which witness server, by its place among those that there are.
        server: u8,
        /// The epoch that this node knows: an equal or older tag is overwritten.
        known: u64,
        /// The tag to write: the view's number.
        epoch: u64,
    },
    /// Open the witness's log and try its lock without keeping it: a side that has to wait looks
    /// whether another has won already (wsfc.md §3.2 observed). Ends as `ClaimWitness` does.
    TestWitness {
        /// Which witness server.
        server: u8,
        /// The epoch that this node knows.
        known: u64,
    },
    /// Ask when the witness server started (exchange.md §3.2). Ends `WitnessBoot`, or `Failed`.
    WitnessBoot {
        /// Which witness server.
        server: u8,
    },
    /// Release the lock on the witness's log.
    ReleaseWitness {
        /// Which witness server.
        server: u8,
    },
    /// Keep this on disk, so that a later life of the node starts from it.
    Store(Box<Durable>),
    /// Bring a resource online.
    Online(ResourceId),
    /// Take a resource offline in good order.
    Offline(ResourceId),
    /// Stop a resource at once. Never fails.
    Terminate(ResourceId),
    /// Ask a resource's cheap health check.
    LooksAlive(ResourceId),
    /// Ask a resource's thorough health check.
    IsAlive(ResourceId),
    /// Ask the local Replication service for the state of its copy. Ends `Copy`.
    CopyStatus(DbId),
    /// Attempt copy last logs: fetch what the former active copy still has. `source` none means
    /// that no source can be reached: only count what is missing. Ends `LastLogs`.
    CopyLastLogs {
        /// The database, whose local copy is to be activated.
        database: DbId,
        /// Where the missing logs are.
        source: Option<NodeId>,
    },
    /// Mount the local copy; replays what is left to replay. Ends `Ok` or `Failed`.
    Mount(DbId),
    /// Dismount the local copy.
    Dismount(DbId),
    /// Tell the local Replication service where a database is active now (none: nowhere), so
    /// that the local copy copies from there, resynchronising first if it has diverged; or that
    /// an administrator has suspended the local copy, so that it copies and replays nothing.
    Follow {
        /// The database.
        database: DbId,
        /// The node with the active copy.
        active: Option<NodeId>,
        /// Whether the local copy is suspended.
        suspended: bool,
    },
    /// End this life of the Cluster service: the driver drops the node after this step. With
    /// `restart` the Service Control Manager starts it again after its delay.
    Stop {
        /// Whether to start again.
        restart: bool,
    },
}

/// How an operation ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
pub enum Outcome {
    /// Done.
    Ok,
    /// The answer to [`Act::CopyStatus`].
    Copy(CopyReport),
    /// The answer to [`Act::CopyLastLogs`].
    LastLogs {
        /// Logs fetched from the source.
        copied: u64,
        /// Logs that are known to exist and are not here.
        missing: u64,
    },
    /// The answer to [`Act::WitnessBoot`].
    WitnessBoot(Instant),
    /// Answered with no.
    Refused(Refusal),
    /// Tried and failed.
    Failed(Failure),
    /// No answer within the operation's time limit.
    TimedOut,
}

/// Why something was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
pub enum Refusal {
    /// Another node holds the lock on the witness's log.
    WitnessHeld(NodeId),
    /// The witness's tag is newer than ours: our configuration is out of date.
    WitnessNewer,
    /// This node cannot serve it now (Store at its limit, activation blocked, ...).
    NotHere,
}

/// Why something failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
pub enum Failure {
    /// No adapter leads there.
    NoPath,
    /// The other side did not answer.
    NoAnswer,
    /// A service that it needs is not running.
    ServiceStopped,
    /// The adapter it needs is down.
    InterfaceDown,
    /// Another host answers for the address.
    DuplicateAddress,
    /// No domain controller could be reached.
    NoDomainController,
    /// The resource failed its health check.
    NotAlive,
    /// The copy is not in a state to be used.
    CopyUnusable,
    /// The disk refused.
    Disk,
    /// The service that hosts it ended.
    Terminated,
    /// No adapter of the node is in the address's subnet.
    NoInterface,
}

/// Something a node's driver noticed without having been asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
pub enum Report {
    /// A resource signals its own failure (wsfc.md §4.2 event-driven resources; §5.1).
    ResourceFailed {
        /// The resource.
        resource: ResourceId,
        /// What is wrong with it.
        failure: Failure,
    },
    /// A pending resource tells that it is at work, so that PendingTimeout begins anew
    /// (wsfc.md §4.2).
    ResourceAtWork {
        /// The resource.
        resource: ResourceId,
    },
    /// A failure item: the local Store or disk reports that a mounted database failed
    /// (exchange.md §1.5).
    DatabaseFailed {
        /// The database.
        database: DbId,
        /// What is wrong with it.
        failure: Failure,
    },
    /// The local Replication service (home of Active Manager) started or ended. A node on which
    /// it does not run can be neither PAM's hand nor a target (exchange.md §1.1).
    ReplicationService {
        /// Whether it runs.
        running: bool,
    },
}

/// An administrator's order.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
pub enum Order {
    /// Make a configured group exist and bring it online.
    CreateGroup(GroupId),
    /// Move a group: to a node, or to the best possible owner.
    MoveGroup {
        /// The group.
        group: GroupId,
        /// Where to.
        to: Option<NodeId>,
    },
    /// Bring a group online.
    OnlineGroup(GroupId),
    /// Take a group offline.
    OfflineGroup(GroupId),
    /// Bring a resource online, and what it depends on.
    OnlineResource(ResourceId),
    /// Take a resource offline, and what depends on it.
    OfflineResource(ResourceId),
    /// Switch a database over (`Move-ActiveMailboxDatabase`).
    MoveDatabase {
        /// The database.
        database: DbId,
        /// Where to; none lets Active Manager choose.
        to: Option<NodeId>,
        /// The dial that decides: `-MountDialOverride`, Lossless without it; none for the server's
        /// own (`-MountDialOverride None`, exchange.md §1.7).
        dial: Option<MountDial>,
        /// Checks that are left out.
        skip: SkipChecks,
    },
    /// Switch every database of a server over (`Move-ActiveMailboxDatabase -Server`).
    MoveServer {
        /// The server that they leave.
        from: NodeId,
        /// Where to; none lets Active Manager choose.
        to: Option<NodeId>,
        /// As for one database.
        dial: Option<MountDial>,
        /// Checks that are left out.
        skip: SkipChecks,
    },
    /// `Set-MailboxServer`.
    SetServer {
        /// The server.
        node: NodeId,
        /// What changes.
        settings: ServerSettings,
    },
    /// `Set-DatabaseAvailabilityGroup -DatacenterActivationMode`: on for DagOnly.
    SetActivationCoordination(bool),
    /// `Set-DatabaseAvailabilityGroup -WitnessServer`: the share of another witness server, by its
    /// place among those that there are. Every member learns of it with the cluster database.
    SetWitnessServer(u8),
    /// `Restore-DatabaseAvailabilityGroup` on a cluster with quorum: databases may be mounted, and
    /// stopped members are evicted.
    RestoreGroup(Restore),
    /// `Start-DatabaseAvailabilityGroup`: members that were evicted may join again.
    AddMembers(NodeSet),
    /// `StartDagServerMaintenance.ps1` for a server.
    StartMaintenance {
        /// The server.
        node: NodeId,
    },
    /// `StopDagServerMaintenance.ps1` for a server.
    StopMaintenance {
        /// The server.
        node: NodeId,
    },
    /// Mount a database where it is.
    MountDatabase(DbId),
    /// Dismount a database.
    DismountDatabase(DbId),
    /// Suspend a copy (`Suspend-MailboxDatabaseCopy`).
    SuspendCopy {
        /// The database.
        database: DbId,
        /// Whose copy.
        node: NodeId,
        /// Only its activation: it goes on copying and replaying.
        activation_only: bool,
    },
    /// Let a suspended copy go on (`Resume-MailboxDatabaseCopy`).
    ResumeCopy {
        /// The database.
        database: DbId,
        /// Whose copy.
        node: NodeId,
        /// Only its copying and replaying: its activation stays suspended.
        replication_only: bool,
    },
    /// Stop the Cluster service on this node in good order.
    StopService,
    /// Pause a node (`Suspend-ClusterNode`).
    SuspendNode {
        /// The node.
        node: NodeId,
        /// Whether its groups are moved away (from 2012 on), and to which node if one is named.
        drain: Option<Option<NodeId>>,
    },
    /// Let a paused node host groups again (`Resume-ClusterNode`).
    ResumeNode {
        /// The node.
        node: NodeId,
        /// What comes back to it.
        failback: Failback,
    },
}

/// What comes back to a node that is resumed (`Resume-ClusterNode -Failback`, from 2012 on).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Serialize, Deserialize)]
pub enum Failback {
    /// The groups that its drain moved away, at once.
    Immediate,
    /// Nothing.
    NoFailback,
    /// What the failback settings of each group say.
    Policy,
}

/// State of a node (wsfc.md §2 node states).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Serialize, Deserialize)]
pub enum NodeState {
    /// A member of the cluster.
    Up,
    /// Not a member.
    Down,
    /// A member that hosts no new groups.
    Paused,
    /// On its way into the cluster.
    Joining,
}

/// Which copies may be mounted with how many logs missing (exchange.md §1.7).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MountDial {
    /// No log may be missing.
    Lossless,
    /// At most 6 logs.
    GoodAvailability,
    /// At most 12 logs.
    BestAvailability,
    /// Any loss is accepted. Only as an override.
    BestEffort,
}

impl MountDial {
    /// Most logs that may be missing.
    pub const fn permitted(self) -> u64 {
        match self {
            MountDial::Lossless => 0,
            MountDial::GoodAvailability => 6,
            MountDial::BestAvailability => 12,
            MountDial::BestEffort => u64::MAX,
        }
    }
}

/// DatabaseCopyAutoActivationPolicy of a Mailbox server: whether its copies may be activated
/// without an administrator who names them (exchange.md §1.7).
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum ActivationPolicy {
    /// They may.
    #[default]
    Unrestricted,
    /// They may in the site of the copy that was active.
    IntrasiteOnly,
    /// They may not.
    Blocked,
}

/// What `Set-MailboxServer` changes; none: it stays.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Default, Serialize, Deserialize)]
pub struct ServerSettings {
    /// AutoDatabaseMountDial.
    pub dial: Option<MountDial>,
    /// DatabaseCopyAutoActivationPolicy.
    pub activation_policy: Option<ActivationPolicy>,
    /// MaximumActiveDatabases; none inside: no limit.
    pub maximum_active: Option<Option<u16>>,
}

/// Checks that an administrator leaves out of a `Move-ActiveMailboxDatabase` (exchange.md §1.7).
/// What each one does to the selection is in `best_copy`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Default, Serialize, Deserialize)]
pub struct SkipChecks {
    /// `-SkipHealthChecks`: copies that have failed or stand still may be activated.
    pub health_checks: bool,
    /// `-SkipActiveCopyChecks`: the active copy may be the source of a seed.
    pub active_copy_checks: bool,
    /// `-SkipLagChecks`: copy and replay queue may have any length.
    pub lag_checks: bool,
    /// `-SkipClientExperienceChecks`: the content index may be in any state.
    pub client_experience_checks: bool,
    /// `-SkipMaximumActiveDatabasesChecks`: the server may have as many as it is allowed already.
    pub maximum_active_databases_checks: bool,
}

impl SkipChecks {
    /// Whether any check is left out.
    pub const fn any(self) -> bool {
        self.health_checks
            || self.active_copy_checks
            || self.lag_checks
            || self.client_experience_checks
            || self.maximum_active_databases_checks
    }
}

/// When a node wants to be woken, and why.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
pub struct Deadline {
    /// The moment.
    pub at: Instant,
    /// The timer that will expire.
    pub why: Timer,
    /// The step that armed it.
    pub armed: StepNo,
}

/// The timers of a node: one slot each.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Serialize, Deserialize)]
pub enum Timer {
    /// The next heartbeat is due on some path; also judges the ones before it.
    Beat,
    /// The next round of a regroup.
    Regroup,
    /// A starting node looks for a cluster again, or forms one.
    Join,
    /// The challenger's delay before it may claim the witness, or the next try.
    Arbitration,
    /// One vote short for too long: the service ends.
    Termination,
    /// The next LooksAlive or IsAlive poll of an online resource.
    Probe,
    /// A resource's restart delay, retry after failure or pending time-out.
    Resource,
    /// A change of the cluster database that has not been confirmed is sent again.
    Update,
    /// A step of a database operation takes too long, or is to be tried again.
    ActiveManager,
    /// A task on a local copy takes too long.
    Database,
    /// The witness server is asked again when it started.
    Coordination,
    /// A group's wait for its owner ends, or a failback window may open.
    Placement,
}

impl Timer {
    /// Number of timers.
    pub const COUNT: usize = 12;
    /// Every timer in slot order.
    pub const ALL: [Timer; Timer::COUNT] = [
        Timer::Beat,
        Timer::Regroup,
        Timer::Join,
        Timer::Arbitration,
        Timer::Termination,
        Timer::Probe,
        Timer::Resource,
        Timer::Update,
        Timer::ActiveManager,
        Timer::Database,
        Timer::Coordination,
        Timer::Placement,
    ];
}

/// State of a resource (wsfc.md §4.1).
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Default, Serialize, Deserialize,
)]
pub enum ResourceState {
    /// Not running.
    #[default]
    Offline,
    /// Coming online.
    OnlinePending,
    /// Running.
    Online,
    /// Going offline.
    OfflinePending,
    /// Failed and not restarted.
    Failed,
}

/// State of a group, made from its resources' (wsfc.md §4.1 group state rule).
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Default, Serialize, Deserialize,
)]
pub enum GroupState {
    /// No resource is online.
    #[default]
    Offline,
    /// Some resource is pending.
    Pending,
    /// Every resource is online.
    Online,
    /// Some resources are online.
    PartialOnline,
    /// Some resource failed.
    Failed,
}

/// Why a group moves or a service ends.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Serialize, Deserialize)]
pub enum Why {
    /// Its owner left the membership.
    NodeDown,
    /// One of its resources failed beyond its restarts.
    ResourceFailed,
    /// An administrator asked.
    Asked,
    /// The owner's Cluster service is being stopped.
    Stopping,
    /// Quorum was lost.
    QuorumLost,
    /// The node lost all connectivity (event 1554).
    ConnectivityLost,
    /// The cluster's view went on without this node.
    Evicted,
    /// It met a side whose quorum was forced, and yields to it (event 5396).
    ForcedElsewhere,
    /// The owner's MAPI network failed.
    MapiNetworkDown,
    /// The database failed on its server (failure item).
    DatabaseFailed,
    /// The cluster has formed and brings up what it owns.
    Startup,
    /// Its owner is paused and is being drained.
    NodePaused,
    /// The node is quarantined and may not join (wsfc.md §2 QuarantineThreshold).
    Quarantined,
    /// The node was evicted from the cluster: its service does not start again by itself.
    NoMember,
    /// A preferred owner is back, and the group is set to go back to it.
    Failback,
    /// The failover threshold was exceeded (event 1254).
    ThresholdExceeded,
}
