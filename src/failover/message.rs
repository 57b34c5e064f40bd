//! What nodes say to each other. Drivers carry messages and do not look inside. Every message may
//! be lost, doubled or late: whoever needs an answer says it again.

pub use super::networks::Adapter;
use super::seam::{CopyReport, Failure, GroupState, MountDial, Order, ResourceState, Why};
use super::state::ClusterDatabase;
use crate::base::{DbId, GroupId, Instant, NodeId, NodeSet, ResourceId};
use serde::{Deserialize, Serialize};

/// What a node tells of itself with every heartbeat.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
pub struct Flags {
    /// When the sender's life of the Cluster service began: a later one is a new life.
    pub life: Instant,
    /// Counts changes of what follows within a life: of two messages the higher one is newer.
    pub number: u32,
    /// The view that it is in; zero while it is in none.
    pub view: u64,
    /// Members of that view.
    pub members: NodeSet,
    /// Whom it can reach, itself included.
    pub reach: NodeSet,
    /// Whether that view is in force and has quorum as far as it knows.
    pub quorum: bool,
    /// Whether its MAPI adapter has carrier.
    pub mapi: bool,
    /// Whether its Replication service, home of Active Manager, runs.
    pub active_manager: bool,
    /// Whether its Cluster service is being stopped in good order.
    pub draining: bool,
    /// Whether its view holds quorum because it was forced.
    pub forced: bool,
    /// Whether it holds the witness for its view.
    pub witness: bool,
    /// The bit of datacenter activation coordination (exchange.md §3.2): whether its Active Manager
    /// may mount databases.
    pub may_mount: bool,
}

impl Flags {
    /// What a node tells whose life begins.
    pub fn at_start(me: NodeId, life: Instant) -> Flags {
        Flags {
            life,
            number: 0,
            view: 0,
            members: NodeSet::EMPTY,
            reach: NodeSet::only(me),
            quorum: false,
            may_mount: false,
            mapi: true,
            active_manager: false,
            draining: false,
            forced: false,
            witness: false,
        }
    }
}

/// A step of a regroup, as one node sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
pub struct Regroup {
    /// Number of the regroup; the highest one goes on.
    pub round: u64,
    /// Who takes part, whether reachable or not.
    pub candidates: NodeSet,
    /// Whom the sender can reach of those, itself included.
    pub reach: NodeSet,
    /// The full mesh that the sender would cut out; empty while it still hopes for agreement.
    pub mesh: NodeSet,
    /// Epoch and version of the sender's cluster database: the newest issues the view.
    pub newest: (u64, u64),
    /// Whether the sender's quorum is forced: its cluster database goes before all others
    /// (wsfc.md §3.3 ForceQuorum).
    pub forced: bool,
    /// Whether the sender is a member of a view (and not a node that starts).
    pub member: bool,
    /// When the sender's life of the Cluster service began.
    pub life: Instant,
}

/// What the owner of a group tells the core group's owner.
#[derive(Clone, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
pub struct GroupReport {
    /// The group.
    pub group: GroupId,
    /// Its state.
    pub state: GroupState,
    /// Its resources' states.
    pub resources: Vec<(ResourceId, ResourceState)>,
    /// Set if it cannot stay here.
    pub leaves: Option<Why>,
}

/// A message between nodes. Small ones are stored in place, the cluster database in a box.
#[derive(Clone, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
pub enum Message {
    /// A heartbeat; the peer answers it.
    Request {
        /// Its number on this path.
        sequence: u32,
        /// What the sender tells of itself.
        flags: Flags,
    },
    /// The answer to a heartbeat.
    Reply {
        /// The number of the heartbeat that it answers.
        sequence: u32,
    },
    /// The sender's flags changed and cannot wait for its next heartbeat.
    State(Flags),
    /// A starting node looks for a cluster.
    Join {
        /// Whether an administrator cleared its quarantine.
        clear_quarantine: bool,
    },
    /// The receiver may not join: it is quarantined.
    Quarantined,
    /// The receiver is no member of the cluster: it was evicted.
    Evicted,
    /// A step of a regroup.
    Regroup(Regroup),
    /// A new view and the cluster database that goes with it.
    View {
        /// Its number.
        view: u64,
        /// Its members.
        members: NodeSet,
        /// The lives of its members, in their order: who has a new one has nothing any more.
        lives: Vec<Instant>,
        /// Members whose service is new, as the one who issues the view knows: one that has just
        /// started takes everybody for new.
        new: NodeSet,
        /// The cluster database.
        database: Box<ClusterDatabase>,
    },
    /// The view came (to the one who issued it); said again until it is in force.
    ViewTaken {
        /// Its number.
        view: u64,
    },
    /// Every member has taken the view: it is in force.
    ViewInForce {
        /// Its number.
        view: u64,
    },
    /// What the sender's adapters reach; said again until it is confirmed.
    Adapters {
        /// The sender's life, and which change in it.
        told: (Instant, u32),
        /// Its adapters on networks that the cluster uses.
        adapters: Vec<Adapter>,
    },
    /// It came.
    AdaptersHeard {
        /// The life and the change that came.
        told: (Instant, u32),
    },
    /// The sender leaves the cluster in good order.
    Leave,
    /// The cluster database changed (from the core group's owner).
    Update {
        /// The view that it belongs to.
        view: u64,
        /// The epoch that it belongs to: the view's number, or above it once a disk has taught one.
        epoch: u64,
        /// The whole of it.
        database: Box<ClusterDatabase>,
    },
    /// The change came.
    Updated {
        /// The version that the sender has now.
        version: u64,
    },
    /// A group's state at its owner.
    Group(Box<GroupReport>),
    /// An order that the core group's owner has to carry out.
    Order {
        /// Counted by the sender, so that a repetition is known.
        number: u32,
        /// The order.
        order: Order,
    },
    /// The order came.
    Ordered {
        /// Its number.
        number: u32,
    },
    /// Nothing is left to move away from the receiver, which is being stopped.
    Drained,
    /// Primary to local Active Manager: how is your copy?
    AskCopy(DbId),
    /// The answer; none if it cannot be told.
    Copy {
        /// The database.
        database: DbId,
        /// Its copy.
        report: Option<CopyReport>,
    },
    /// Primary to local Active Manager: dismount.
    Dismount {
        /// The database.
        database: DbId,
        /// Number of the operation.
        operation: u32,
    },
    /// It is dismounted.
    Dismounted {
        /// The database.
        database: DbId,
        /// Number of the operation.
        operation: u32,
    },
    /// Primary to local Active Manager: become the active copy, or mount where it is.
    Activate {
        /// The database.
        database: DbId,
        /// Number of the operation.
        operation: u32,
        /// Counted within the operation.
        attempt: u8,
        /// Where missing logs may be; none if they need not or cannot be fetched.
        source: Option<NodeId>,
        /// Whether logs may be missing at all (false: it mounts where it was).
        takes_over: bool,
        /// The server's own dial.
        own: MountDial,
        /// The dial to use in its place, if one is.
        over: Option<MountDial>,
    },
    /// How that ended.
    Activated {
        /// The database.
        database: DbId,
        /// Number of the operation.
        operation: u32,
        /// Counted within the operation.
        attempt: u8,
        /// Mounted, or why not.
        result: Result<(), Failure>,
        /// Its newest log.
        last_log: u64,
    },
    /// Local to Primary Active Manager: a mounted database failed.
    DatabaseFailed {
        /// The database.
        database: DbId,
        /// What is wrong.
        failure: Failure,
    },
}

impl Message {
    /// Whether it is a heartbeat or its answer.
    pub fn is_heartbeat(&self) -> bool {
        matches!(self, Message::Request { .. } | Message::Reply { .. })
    }
}
