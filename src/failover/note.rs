//! Decisions and their reasons: what a node tells of itself in a note. Part of the
//! [`seam`](super::seam); drivers find these types there.

use super::networks::{InterfaceState, NetworkState};
use super::quorum::Votes;
use super::seam::{
    ContentIndex, CopyStatus, Failure, GroupState, MountDial, Order, Outcome, ResourceState,
    ServerSettings, Why,
};
use super::state::Drain;
use crate::base::{DbId, GroupId, Instant, NetId, NicId, NodeId, NodeSet, ResourceId, Span};
use serde::{Deserialize, Serialize};

/// Which kind of database operation (exchange.md §8.5).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Serialize, Deserialize)]
pub enum Operation {
    /// Mount where it is.
    Mount,
    /// Dismount where it is.
    Dismount,
    /// Activate another copy, asked for.
    Switchover,
    /// Activate another copy, not asked for.
    Failover,
}

/// Why a copy was not taken.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Serialize, Deserialize)]
pub enum Dropped {
    /// Its server cannot be reached.
    Unreachable,
    /// Its server did not answer for its state.
    NoAnswer,
    /// Its state is not one of the four eligible ones.
    Status(CopyStatus),
    /// Activation of this copy is suspended.
    ActivationSuspended,
    /// Its server's policy blocks activation.
    PolicyBlocked,
    /// Its server already has as many active databases as it may (MaximumActiveDatabases).
    MaximumActive {
        /// How many it has.
        active: u16,
        /// How many it may have.
        limit: u16,
    },
    /// It is the copy that is being left.
    Source,
    /// An attempt on it in this operation did not end in a mount.
    Tried,
    /// Its server's policy allows activation in the site of the former active copy only.
    OtherSite,
    /// The active copy is the source of a seed, and an administrator asked to leave it.
    ActiveIsSeedingSource,
    /// It is the source of a seed, and an administrator named it as target.
    SeedingSource,
    /// More logs wait to be copied than a named target may lack.
    CopyQueue {
        /// How many.
        length: u64,
        /// How many may.
        longest: u64,
    },
    /// More logs wait to be replayed than a named target may have.
    ReplayQueue {
        /// How many.
        length: u64,
        /// How many may.
        longest: u64,
    },
    /// The content index of a named target is not whole.
    ContentIndex(ContentIndex),
}

/// A copy's place in best copy selection.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
pub struct Ranked {
    /// The node.
    pub node: NodeId,
    /// The first criteria set that it meets, 1 to 10 (exchange.md §1.6), or why it was dropped.
    pub set: Result<u8, Dropped>,
    /// Copy queue length that it was judged by.
    pub copy_queue: u64,
    /// Replay queue length that it was judged by.
    pub replay_queue: u64,
    /// Activation preference.
    pub preference: u8,
}

/// Why an order is not carried out.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Serialize, Deserialize)]
pub enum OrderRefusal {
    /// The node where it was given has no quorum.
    NoQuorum,
    /// The Replication service of the core group's owner does not run: nobody is Primary Active
    /// Manager.
    NoPrimaryActiveManager,
    /// Another operation on the database is under way.
    UnderWay,
    /// It is so already.
    AlreadySo,
    /// The server has as many active databases as it may (MaximumActiveDatabases).
    MaximumActive,
    /// Datacenter activation coordination does not let the server mount.
    MayNotMount,
    /// The server has no passive copy of the database.
    NoPassiveCopy,
    /// No database is mounted on the server.
    NothingMounted,
    /// The database is mounted on a server of the cluster where no Active Manager runs that could
    /// be told to dismount it.
    CannotBeDismounted,
    /// The node is not a member, or its Cluster service is being stopped.
    NodeIsDown,
    /// The node is paused.
    NodeIsPaused,
    /// A resource of the group cannot run on the node.
    NoPossibleOwner,
    /// There is no other node that could have the group.
    NoOtherNode,
    /// The group has not been created.
    NotCreated,
    /// The Cluster service where it was given ends, and has not heard that it was taken.
    ServiceEnds,
}

/// Why an Active Manager's bit of datacenter activation coordination is set (exchange.md §3.2).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Serialize, Deserialize)]
pub enum MayMount {
    /// Another member has it set.
    Other(NodeId),
    /// Every member can be reached.
    AllMembers,
    /// Of two members one is away, and the witness server has been up since before it was set.
    WitnessStayedUp,
    /// An administrator restored the group.
    Restored,
}

/// A decision and its reason. Event numbers are those of wsfc.md §2.1.
#[derive(Clone, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
pub enum Note {
    /// The Cluster service starts.
    Started,
    /// It looks for a cluster to join.
    Joining,
    /// It found none and tries to form one.
    Forming,
    /// It has no connectivity at all and cannot take part in a cluster (event 1553).
    NoConnectivity,
    /// An administrator suspended or resumed a copy: how it stands now.
    CopySuspended {
        /// The database.
        database: DbId,
        /// Whose copy.
        node: NodeId,
        /// Whether it copies and replays nothing.
        suspended: bool,
        /// Whether it may not be activated.
        activation_suspended: bool,
    },
    /// Nodes are evicted from the cluster.
    NodesEvicted {
        /// The nodes.
        nodes: NodeSet,
    },
    /// Nodes that were evicted may join again.
    NodesAdded {
        /// The nodes.
        nodes: NodeSet,
    },
    /// The cluster has another witness server from now on.
    WitnessServer {
        /// Its place among those that there are.
        server: u8,
    },
    /// An order that is not carried out.
    OrderRefused {
        /// The order.
        order: Order,
        /// Why not.
        why: OrderRefusal,
    },
    /// A path to a peer answers.
    PathUp {
        /// The peer.
        peer: NodeId,
        /// This node's adapter.
        nic: NicId,
    },
    /// A path to a peer has missed too many heartbeats, or its own adapter lost carrier.
    PathLost {
        /// The peer.
        peer: NodeId,
        /// This node's adapter.
        nic: NicId,
        /// Heartbeats missed in a row; zero if the adapter lost carrier.
        missed: u32,
    },
    /// A path to a peer has missed two fifths of its threshold in a row (event 1650).
    HeartbeatsMissed {
        /// The peer.
        peer: NodeId,
        /// This node's adapter.
        nic: NicId,
        /// Heartbeats missed in a row.
        missed: u32,
    },
    /// A network interface of the cluster has another state (events 1126, 1127; told by the core
    /// group's owner).
    Interface {
        /// Whose it is.
        node: NodeId,
        /// The network that it is on.
        network: NetId,
        /// Its state.
        state: InterfaceState,
    },
    /// A network of the cluster has another state (events 1128, 1129, 1130; told by the core
    /// group's owner).
    Network {
        /// Which.
        network: NetId,
        /// Its state.
        state: NetworkState,
    },
    /// The last path to a peer is gone.
    PeerLost {
        /// The peer.
        peer: NodeId,
    },
    /// The first path to a peer is back.
    PeerHeard {
        /// The peer.
        peer: NodeId,
    },
    /// A regroup begins.
    Regroup {
        /// Its number.
        round: u64,
        /// Whom this node can reach, itself included.
        reach: NodeSet,
    },
    /// A new view of the membership (events 1135 for who is gone).
    View {
        /// Its number.
        view: u64,
        /// Who is in it.
        members: NodeSet,
        /// Who was in the one before and is not in this.
        gone: NodeSet,
        /// Who is new.
        joined: NodeSet,
    },
    /// The view has a majority.
    QuorumHeld {
        /// Votes that the view has, the witness's included if it was needed or is held.
        votes: u8,
        /// Votes needed.
        needed: u8,
        /// Whether the witness's vote was needed.
        witness: bool,
    },
    /// Quorum was forced: votes do not count, until a majority of them is back.
    Forced {
        /// Votes that the view has.
        votes: u8,
        /// Votes that it would need.
        needed: u8,
    },
    /// Votes were adapted to the membership (dynamic quorum): these are in force now.
    Votes(Votes),
    /// A majority of the votes is back: the forced state ends by itself.
    ForceEnds,
    /// The disk witness's copy of the cluster database is newer than this node's and is taken.
    Learned {
        /// Epoch of the copy.
        epoch: u64,
    },
    /// One vote is missing: the witness decides.
    OneVoteShort {
        /// Votes that the view has.
        votes: u8,
        /// Votes needed.
        needed: u8,
        /// How long this side must wait before it may claim (zero for the core group's owner).
        delay: Span,
        /// Whether this node makes the claim for its side.
        claimant: bool,
    },
    /// The witness was won.
    WitnessWon,
    /// The witness was not won (event 1564).
    WitnessLost {
        /// Why.
        outcome: Outcome,
        /// Tries so far.
        tries: u32,
    },
    /// Quorum is lost (event 1177).
    QuorumLost {
        /// Votes that the view has.
        votes: u8,
        /// Votes needed.
        needed: u8,
    },
    /// A group has an owner (first placement, failover or move).
    GroupMove {
        /// The group.
        group: GroupId,
        /// Who owned it.
        from: Option<NodeId>,
        /// Who owns it now.
        to: NodeId,
        /// Why it moves.
        why: Why,
    },
    /// A group cannot go anywhere and stays failed or offline (event 1254 or 1205).
    GroupStays {
        /// The group.
        group: GroupId,
        /// Why it would have moved.
        why: Why,
    },
    /// A node is paused, or resumed.
    NodePaused {
        /// The node.
        node: NodeId,
        /// Whether it is paused now.
        paused: bool,
    },
    /// A node was not paused: it is no member, or the target named for its groups cannot take any.
    NodeNotPaused {
        /// The node.
        node: NodeId,
    },
    /// How far the drain of a paused node is.
    NodeDrain {
        /// The node.
        node: NodeId,
        /// How far.
        drain: Drain,
    },
    /// A node left the membership too often and may not join for a time (event 1672).
    NodeQuarantined {
        /// The node.
        node: NodeId,
        /// Until when.
        until: Instant,
    },
    /// A node that was quarantined is a member again.
    NodeQuarantineEnds {
        /// The node.
        node: NodeId,
    },
    /// A group's state as its owner sees it.
    Group {
        /// The group.
        group: GroupId,
        /// Its owner.
        owner: NodeId,
        /// Its state.
        state: GroupState,
    },
    /// A resource's state on its owner.
    Resource {
        /// The resource.
        resource: ResourceId,
        /// Its state.
        state: ResourceState,
        /// What is wrong, if it failed.
        failure: Option<Failure>,
    },
    /// A failed resource is restarted in place.
    ResourceRestart {
        /// The resource.
        resource: ResourceId,
        /// Restarts within the period, this one included.
        restarts: u32,
    },
    /// A health check was not answered: the resource monitor was ended and started again (events
    /// 1230 and 1146).
    MonitorEnded {
        /// The resource that did not answer.
        resource: ResourceId,
    },
    /// A mailbox server's settings were changed (`Set-MailboxServer`).
    ServerSet {
        /// The server.
        node: NodeId,
        /// What changed.
        settings: ServerSettings,
    },
    /// Datacenter activation coordination was turned on or off.
    ActivationCoordination {
        /// Whether it is on.
        on: bool,
    },
    /// This node's Active Manager may mount databases: its bit of datacenter activation
    /// coordination is set.
    MayMount {
        /// Why.
        why: MayMount,
    },
    /// Of two members one is away, and the bit was set before the witness server's last start, or
    /// never: it stays 0.
    MayNotMount {
        /// When the witness server started.
        boot: Instant,
        /// When the bit was last set.
        since: Option<Instant>,
    },
    /// This node became Primary Active Manager.
    PrimaryActiveManager,
    /// A database operation begins on the Primary Active Manager.
    DatabaseOperation {
        /// The database.
        database: DbId,
        /// Which kind.
        operation: Operation,
        /// Why.
        why: Why,
        /// Where it was active.
        from: Option<NodeId>,
    },
    /// Best copy selection ended; the first without a drop reason is tried first.
    Ranking {
        /// The database.
        database: DbId,
        /// Every copy in order of preference, with its set or why it was dropped.
        order: Vec<Ranked>,
    },
    /// A copy was chosen and is asked to take over.
    CopyChosen {
        /// The database.
        database: DbId,
        /// The chosen node.
        node: NodeId,
        /// Counted from 1 within the operation.
        attempt: u8,
        /// Copies that could have been chosen.
        candidates: u8,
    },
    /// Attempt copy last logs ended on the chosen node, and the mount dial decided.
    LastLogs {
        /// The database.
        database: DbId,
        /// Logs fetched.
        copied: u64,
        /// Logs missing.
        missing: u64,
        /// The dial that decided.
        dial: MountDial,
        /// Whether it may be mounted.
        accepted: bool,
    },
    /// Where a database is, as its Active Manager acts on it.
    Database {
        /// The database.
        database: DbId,
        /// The node with the active copy.
        active: NodeId,
        /// What is being done there: Mounting, Mounted, Dismounting or Dismounted.
        status: CopyStatus,
    },
    /// A database operation ended on the Primary Active Manager.
    DatabaseOperationEnded {
        /// The database.
        database: DbId,
        /// Where it is active now.
        active: Option<NodeId>,
        /// Whether it ended as wanted.
        success: bool,
        /// Copies tried.
        attempts: u8,
    },
    /// The Cluster service ends on this node.
    Stopping {
        /// Why.
        why: Why,
    },
    /// A message that does not fit was dropped.
    BadFrame {
        /// Who sent it.
        from: NodeId,
    },
    /// What becomes of a database whose operation did not end as it should (exchange.md §1.2).
    DatabaseStays {
        /// The database.
        database: DbId,
        /// Where it is active.
        active: Option<NodeId>,
        /// Whether it is mounted there.
        mounted: bool,
    },
}
