//! A scenario: what happens in a run, and what is expected of it.

use super::fault::Planned;
use super::tested::Tested;
use super::topology::Topology;
use crate::base::{
    Address, ClientId, CopyId, DbId, GroupId, Instant, MachineId, NodeId, NodeSet, Span,
};
use crate::failover::seam::{
    ContentIndex, CopyStatus, GroupState, NodeState, Order, Start as ClusterStart,
};
use serde::{Deserialize, Serialize};

/// A checked scenario over one topology.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Scenario {
    /// Name, by default the file's.
    pub name: String,
    /// One line that says what happens.
    pub title: String,
    /// When the run ends.
    pub until: Instant,
    /// From when clients work; earlier than the first fault. Before it the cluster starts up.
    pub clients_from: Instant,
    /// Local time of day when the run begins.
    pub time_of_day: Span,
    /// How long after the last fault healed (or struck, if it never heals) everything that can be
    /// back must be back.
    pub settle: Span,
    /// Who owned what before the run: the placement that start-up restores.
    pub start: Start,
    /// Faults in the order of their moments.
    pub faults: Vec<Planned>,
    /// Steps in the order of the file, which is that of reports.
    pub steps: Vec<Step>,
    /// How a run of it must end for `dagtwin test` to pass it.
    pub verdict: VerdictKind,
    /// What else `dagtwin test` asks of it.
    #[serde(skip)]
    pub tested: Tested,
}

/// How a run ended, in one word.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum VerdictKind {
    /// Everything held.
    Ok,
    /// A promise that must hold at every moment was broken.
    Safety,
    /// What could have come back did not.
    Liveness,
    /// An expectation of the scenario was not met.
    Budget,
    /// Everything held, and service could not come back.
    Unavailable,
}

impl VerdictKind {
    /// Every verdict.
    pub const ALL: [VerdictKind; 5] = [
        VerdictKind::Ok,
        VerdictKind::Safety,
        VerdictKind::Liveness,
        VerdictKind::Budget,
        VerdictKind::Unavailable,
    ];

    /// The word in reports.
    pub const fn word(self) -> &'static str {
        match self {
            VerdictKind::Ok => "ok",
            VerdictKind::Safety => "safety",
            VerdictKind::Liveness => "liveness",
            VerdictKind::Budget => "budget",
            VerdictKind::Unavailable => "unavailable",
        }
    }

    /// Whether a promise or an expectation was broken.
    pub const fn is_broken(self) -> bool {
        matches!(self, VerdictKind::Safety | VerdictKind::Liveness | VerdictKind::Budget)
    }
}

impl Scenario {
    /// Local time of day at a moment of the run.
    pub fn time_of_day_at(&self, at: Instant) -> Span {
        const DAY: u64 = 24 * 3600 * 1_000_000_000;
        Span::from_nanos((self.time_of_day.as_nanos() % DAY + at.as_nanos() % DAY) % DAY)
    }
}

/// Placement at the start of a run.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Start {
    /// Owner of each group; for a group that an order creates later: none.
    pub groups: Vec<Option<NodeId>>,
    /// Node with the active copy of each database.
    pub databases: Vec<NodeId>,
    /// Whether the client access array object exists in the directory already and the databases
    /// name it.
    pub client_access_array: bool,
}

impl Start {
    /// Groups on their first preferred owner, databases where their first copy is.
    pub fn usual(topology: &Topology) -> Self {
        let first = NodeId(0);
        let owner = |id: GroupId| {
            let possible = topology.possible_owners(id);
            let mut preferred = topology.groups[id].preferred_owners.iter();
            preferred.find(|owner| possible.contains(**owner)).copied().or(possible.lowest())
        };
        let databases = topology.databases.values();
        Start {
            groups: topology.groups.ids().map(owner).collect(),
            databases: databases.map(|db| db.copies.first().copied().unwrap_or(first)).collect(),
            client_access_array: topology.client_access_array.is_some(),
        }
    }
}

/// One step of a scenario: something done, something expected, or both.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Step {
    /// The label that the report prints, such as the article's step number `"19"`.
    pub label: String,
    /// What the step is, in words.
    pub text: String,
    /// When it is done, and from when its expectations may hold.
    pub at: Instant,
    /// What is done.
    pub action: Option<Action>,
    /// What is expected.
    pub expect: Vec<Expectation>,
}

/// Something that a person does.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Action {
    /// An order to the cluster or Active Manager, given on a node.
    Order {
        /// Where the order is given.
        on: NodeId,
        /// The order.
        order: Order,
    },
    /// Start a stopped service's node again (`Start-ClusterNode`).
    StartClusterService {
        /// The node.
        node: NodeId,
        /// Its switches.
        start: ClusterStart,
    },
    /// `Restore-DatabaseAvailabilityGroup`: without quorum the member's Cluster service is started
    /// with it forced; its Active Manager may mount databases.
    RestoreGroup {
        /// Where the order is given.
        on: NodeId,
        /// The witness server from now on, by its place among those that there are.
        witness_server: Option<u8>,
        /// Whether it stays the present one, whatever alternate one was named before.
        primary_witness: bool,
    },
    /// `Stop-DatabaseAvailabilityGroup`: members are marked as stopped in the directory, and their
    /// Cluster service is stopped.
    StopMembers {
        /// The members.
        nodes: NodeSet,
        /// Only the directory is changed.
        configuration_only: bool,
    },
    /// `Start-DatabaseAvailabilityGroup`: members are no longer marked as stopped, and join again.
    StartMembers {
        /// Where the order is given.
        on: NodeId,
        /// The members.
        nodes: NodeSet,
    },
    /// `New-ClientAccessArray`: the directory object with the array's name.
    NewClientAccessArray,
    /// `Set-MailboxDatabase -RpcClientAccessServer`: the database names the array.
    SetRpcClientAccessServer {
        /// The database.
        database: DbId,
    },
    /// `Set-MailboxDatabase -CircularLoggingEnabled`: whether logs are kept for no restore.
    SetCircularLogging {
        /// The database.
        database: DbId,
        /// Whether they are not.
        enabled: bool,
    },
    /// `Update-MailboxDatabaseCopy`: a copy is seeded anew. The Replication service of its server
    /// does it; the cluster decides nothing.
    UpdateCopy {
        /// Where the order is given.
        on: NodeId,
        /// The copy.
        copy: CopyId,
        /// Where it is seeded from; none for the active copy.
        source: Option<NodeId>,
        /// Whether what the copy has may be deleted.
        delete_existing_files: bool,
        /// Whether it stays suspended afterwards.
        manual_resume: bool,
        /// Whether the content index is left out: it is crawled afterwards.
        database_only: bool,
    },
    /// A person at a client sends a message now.
    SendMessage {
        /// Who sends.
        client: ClientId,
        /// Name by which expectations refer to it.
        message: String,
    },
    /// A person opens or refreshes a client now (a new request).
    Refresh {
        /// The client.
        client: ClientId,
    },
    /// `Set-MailboxDatabase -RpcClientAccessServer` with a server: the database names it.
    NameServer {
        /// The database.
        database: DbId,
        /// The server.
        node: NodeId,
    },
    /// `Set-DatabaseAvailabilityGroup -AlternateWitnessServer`: which server
    /// `Restore-DatabaseAvailabilityGroup` takes as witness if it names none (exchange.md §3.1).
    SetAlternateWitness {
        /// Its place among those that there are.
        server: u8,
    },
    /// An order that changes what decides nothing in the model.
    NoEffect,
}

/// Something expected, which must hold at some moment from the step's on and within `within`, if
/// it is not of those that are judged at the end of `within`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Expectation {
    /// What.
    pub what: Expected,
    /// How long it may take.
    pub within: Span,
}

/// How a database copy is expected to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CopyWish {
    /// The copy.
    pub copy: CopyId,
    /// Its state, if one is named.
    pub status: Option<CopyStatus>,
    /// Its content index, if one is named.
    pub content_index: Option<ContentIndex>,
    /// Shortest copy queue.
    pub copy_queue_at_least: u64,
    /// Shortest replay queue.
    pub replay_queue_at_least: u64,
}

/// What can be expected.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Expected {
    /// `group`: a group has this owner (if named) and state.
    Group {
        /// The group.
        group: GroupId,
        /// Its owner.
        owner: Option<NodeId>,
        /// Its state.
        state: GroupState,
    },
    /// `database`: a database is active there (if named) and mounted or not.
    Database {
        /// The database.
        database: DbId,
        /// Where.
        active: Option<NodeId>,
        /// Whether it is mounted.
        mounted: bool,
    },
    /// `copies`: every passive copy of the database is Healthy.
    CopiesHealthy {
        /// The database.
        database: DbId,
    },
    /// `copy`: a copy is as wished.
    Copy(CopyWish),
    /// `nodes`: exactly these nodes are in the cluster's view.
    Nodes {
        /// The nodes.
        members: Vec<NodeId>,
    },
    /// `quorum`: some side holds quorum, or none does.
    Quorum {
        /// Whether it is held.
        held: bool,
    },
    /// `dns`: the group's name resolves to its address, or does not exist.
    Dns {
        /// The group whose Network Name is meant.
        group: GroupId,
        /// Whether the record exists.
        exists: bool,
        /// The address that it names, if that matters.
        address: Option<Address>,
    },
    /// `client-access-array`: whether the directory object exists.
    ClientAccessArray {
        /// Whether it exists.
        exists: bool,
    },
    /// `autodiscover`: Autodiscover answered this name to a client since the step.
    Autodiscover {
        /// The group whose name is answered; none for the server's own name.
        group: Option<GroupId>,
    },
    /// `connected`: every client of this kind, or one client, is connected and at work.
    Connected {
        /// Which clients.
        who: Who,
    },
    /// `connected-to`: the client is connected, by the array's address, to this node.
    ConnectedTo {
        /// The client.
        client: ClientId,
        /// The node.
        node: NodeId,
    },
    /// `trying`: the client has shown "Trying to connect" since the step.
    Trying {
        /// The client.
        client: ClientId,
    },
    /// `log-on-again`: the client (or some client of the kind) was asked to log on again since the
    /// step.
    LogOnAgain {
        /// Which clients.
        who: Who,
    },
    /// `message`: the named message has been sent (left the Outbox), or delivered.
    Message {
        /// Its name.
        message: String,
        /// Delivered, not just sent.
        delivered: bool,
    },
    /// `recovered`: everything that users can reach is back.
    Recovered,
    /// `unmoved`: no group and no database has moved since the step; judged at the end of
    /// `within`.
    Unmoved,
    /// `node`: the member is in this state.
    Node {
        /// The member.
        node: NodeId,
        /// The state.
        state: NodeState,
    },
    /// `machine`: the machine is up or not.
    Machine {
        /// The machine.
        machine: MachineId,
        /// Whether it is up.
        up: bool,
    },
    /// `throughout`: what holds at every moment from the step's on, until `within` is over.
    Throughout(Box<Expected>),
    /// `never_within`: what holds or happens at no moment from the step's on, until `within` is
    /// over.
    Never(Box<Expected>),
    /// `outage`: nobody meant is without service for longer than this, of all outages that fall
    /// into the time from the step's moment on until `within` is over.
    Outage {
        /// Who is meant.
        whom: Whom,
        /// The longest outage that may be.
        at_most: Span,
    },
}

/// Whose outages are meant.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Whom {
    /// Those of clients, each by itself.
    Clients(Who),
    /// A group's.
    Group(GroupId),
    /// A database's.
    Database(DbId),
}

/// One client or all of a kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Who {
    /// One client.
    One(ClientId),
    /// Every client of a kind.
    Kind(super::topology::ClientKind),
}
