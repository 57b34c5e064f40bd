//! The state machines as data: every way from one state to another, with what takes it and the
//! row of the fact sheets that says so. The core and the plant are held to them: a change that
//! is no edge here is a bug of the program, and stops it.
//!
//! docs/STATES.md shows them; `dagtwin transitions` counts them in journals.

use super::seam::{CopyStatus, GroupState, InterfaceState, NetworkState, NodeState, ResourceState};
use core::fmt::Debug;

/// Which machine.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    /// A group on its owner.
    Group,
    /// A resource on a node.
    Resource,
    /// A node, by its own life.
    Node,
    /// A database copy.
    DatabaseCopy,
    /// How a node stands with quorum.
    Quorum,
    /// A network interface.
    Interface,
    /// A cluster network.
    Network,
}

/// A state of a machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Row<S> {
    /// The state.
    pub state: S,
    /// The product's word for it.
    pub word: &'static str,
    /// Whether a machine may begin in it.
    pub initial: bool,
    /// Whether it can last: nothing is under way in it.
    pub lasting: bool,
}

/// A way from a state to another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Edge<S> {
    /// The state before.
    pub from: S,
    /// The state after.
    pub to: S,
    /// What takes it, in words.
    pub trigger: &'static str,
    /// The row of the fact sheets that says so.
    pub source: &'static str,
}

/// A type whose values are the states of a machine.
pub trait State: Copy + Eq + Debug + 'static {
    /// Which machine.
    const KIND: Kind;
    /// Every state.
    const STATES: &'static [Row<Self>];
    /// Every edge, by the state before.
    const EDGES: &'static [Edge<Self>];

    /// Whether a machine in this state may be in the other next; staying is no change.
    fn may_become(self, next: Self) -> bool {
        self == next || Self::EDGES.iter().any(|edge| (edge.from, edge.to) == (self, next))
    }

    /// Demands that a machine in this state may be in the other next.
    ///
    /// # Panics
    /// If it may not: the program is wrong, or the table is.
    fn demand(self, next: Self) {
        let kind = Self::KIND.name();
        assert!(self.may_become(next), "{kind}: {self:?} to {next:?} is no transition");
    }

    /// The state's place in the table; none if nothing in the model comes into it.
    fn place(self) -> Option<usize> {
        Self::STATES.iter().position(|row| row.state == self)
    }
}

/// A machine without its type: for tables, diagrams and counts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Machine {
    /// Which one.
    pub kind: Kind,
    /// Every state, by its place.
    pub states: Vec<Row<usize>>,
    /// Every edge, between places.
    pub edges: Vec<Edge<usize>>,
}

impl Kind {
    /// Every machine.
    pub const ALL: [Kind; 7] = [
        Kind::Group,
        Kind::Resource,
        Kind::Node,
        Kind::DatabaseCopy,
        Kind::Quorum,
        Kind::Interface,
        Kind::Network,
    ];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Group => "group",
            Kind::Resource => "resource",
            Kind::Node => "node",
            Kind::DatabaseCopy => "database copy",
            Kind::Quorum => "quorum of a node",
            Kind::Interface => "network interface",
            Kind::Network => "network",
        }
    }

    /// Its name as a key of JSON and CSV.
    pub const fn key(self) -> &'static str {
        match self {
            Kind::Group => "group",
            Kind::Resource => "resource",
            Kind::Node => "node",
            Kind::DatabaseCopy => "database_copy",
            Kind::Quorum => "quorum",
            Kind::Interface => "interface",
            Kind::Network => "network",
        }
    }

    /// What has these states, in a sentence.
    pub const fn meaning(self) -> &'static str {
        match self {
            Kind::Group => "A group on its owner. Its state is made from its resources' states.",
            Kind::Resource => {
                "A resource on a node. On a node that does not own it, it is offline."
            }
            Kind::Node => {
                "A node, as its own Cluster service has it. It is down while that does not run."
            }
            Kind::DatabaseCopy => {
                "A database copy, as the Store and the Replication service of its server have it. A run \
                 begins with the active copy dismounted and the others healthy."
            }
            Kind::Quorum => "How a node stands with quorum in its view.",
            Kind::Interface => {
                "A node's adapter on a network that the cluster uses, as the core group's owner works it \
                 out from what all members tell. While nodes come and go no event tells of it."
            }
            Kind::Network => "A network that the cluster uses, made from its interfaces' states.",
        }
    }

    /// The machine.
    pub fn machine(self) -> Machine {
        match self {
            Kind::Group => machine::<GroupState>(),
            Kind::Resource => machine::<ResourceState>(),
            Kind::Node => machine::<NodeState>(),
            Kind::DatabaseCopy => machine::<CopyStatus>(),
            Kind::Quorum => machine::<QuorumState>(),
            Kind::Interface => machine::<InterfaceState>(),
            Kind::Network => machine::<NetworkState>(),
        }
    }
}

fn machine<S: State>() -> Machine {
    let rows = S::STATES.iter().enumerate().map(|(state, row)| {
        let Row { word, initial, lasting, .. } = *row;
        Row { state, word, initial, lasting }
    });
    let place = |state: S| state.place().expect("an edge is between states of the table");
    let edges = S::EDGES.iter().map(|edge| {
        let Edge { trigger, source, .. } = *edge;
        Edge { from: place(edge.from), to: place(edge.to), trigger, source }
    });
    Machine { kind: S::KIND, states: rows.collect(), edges: edges.collect() }
}

impl Machine {
    /// The word of a state.
    pub fn word(&self, place: usize) -> &'static str {
        self.states[place].word
    }

    /// The states that can be reached from some, those included.
    pub fn reachable(&self, from: impl IntoIterator<Item = usize>) -> Vec<bool> {
        let mut seen = vec![false; self.states.len()];
        let mut open: Vec<usize> = from.into_iter().collect();
        while let Some(place) = open.pop() {
            if !core::mem::replace(&mut seen[place], true) {
                let next = self.edges.iter().filter(|edge| edge.from == place);
                open.extend(next.map(|edge| edge.to));
            }
        }
        seen
    }

    /// The states in which it may begin.
    pub fn initial(&self) -> impl Iterator<Item = usize> + '_ {
        self.states.iter().filter(|row| row.initial).map(|row| row.state)
    }

    /// Whether no edge leads out of a state.
    pub fn is_final(&self, place: usize) -> bool {
        !self.edges.iter().any(|edge| edge.from == place)
    }
}

/// How a node stands with quorum.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum QuorumState {
    /// It is in no view, or its view has lost.
    NoQuorum,
    /// Its view is one vote short: the witness decides.
    OneVoteShort,
    /// Its view has quorum.
    Quorum,
}

/// A machine's table: states with their properties, and edges by the state before.
macro_rules! machine {
    (
        $type:ident is $kind:ident;
        $($state:ident $word:literal $($property:ident)*;)*
        @edges
        $($from:ident => $($to:ident $trigger:literal $source:literal),*;)*
    ) => {
        impl State for $type {
            const KIND: Kind = Kind::$kind;
            const STATES: &'static [Row<Self>] = &[$({
                let (state, word) = ($type::$state, $word);
                let row = Row { state, word, initial: false, lasting: false };
                $(let row = Row { $property: true, ..row };)*
                row
            },)*];
            const EDGES: &'static [Edge<Self>] = &[$($(
                Edge {
                    from: $type::$from,
                    to: $type::$to,
                    trigger: $trigger,
                    source: $source,
                },
            )*)*];
        }
    };
}

machine! {
    ResourceState is Resource;
    Offline "Offline" initial lasting;
    OnlinePending "OnlinePending";
    Online "Online" lasting;
    OfflinePending "OfflinePending";
    Failed "Failed" lasting;
    @edges
    Offline =>
        OnlinePending "it is wanted here, and what it depends on is online" "wsfc.md §4.2 dependency order";
    OnlinePending =>
        Online "its online operation ends well" "wsfc.md §4.1 resource",
        Failed "its online operation fails, or is silent for PendingTimeout" "wsfc.md §4.2 PendingTimeout",
        Offline "it is not wanted any more, or what it depends on failed: it is terminated" "wsfc.md §4.4 failover steps";
    Online =>
        OfflinePending "its group goes offline, and nothing that depends on it is online" "wsfc.md §4.2 dependency order",
        Failed "IsAlive says no, or it signals its failure" "wsfc.md §4.2 failure detection",
        Offline "what it depends on failed, or its node's service ends: it is terminated" "wsfc.md §1.4 its resources";
    OfflinePending =>
        Offline "its offline operation ends, or is silent for PendingTimeout and it is terminated" "wsfc.md §4.4 failover steps";
    Failed =>
        OnlinePending "it is restarted, or tried once more after RetryPeriodOnFailure" "wsfc.md §4.2 restart budget",
        Offline "its group goes offline or moves" "wsfc.md §4.4 failover steps";
}

machine! {
    GroupState is Group;
    Offline "Offline" initial lasting;
    Pending "Pending";
    Online "Online" lasting;
    PartialOnline "PartialOnline" lasting;
    Failed "Failed" lasting;
    @edges
    Offline =>
        Pending "a resource begins to come online" "wsfc.md §4.1 group state rule";
    Pending =>
        Online "every resource is online" "wsfc.md §4.1 group state rule",
        PartialOnline "nothing is pending, and some resources are online" "wsfc.md §4.1 group state rule",
        Offline "the last resource is offline" "wsfc.md §4.1 group state rule",
        Failed "a resource failed" "wsfc.md §4.1 group state rule";
    Online =>
        Pending "a resource begins to go offline" "wsfc.md §4.1 group state rule",
        Failed "a resource failed" "wsfc.md §4.1 group state rule";
    PartialOnline =>
        Pending "a resource begins to come online or go offline" "wsfc.md §4.1 group state rule",
        Failed "a resource failed" "wsfc.md §4.1 group state rule",
        Offline "its last address is done without here, and what needs it is terminated at once" "wsfc.md §4.1 group state rule";
    Failed =>
        Pending "the failed resource is restarted, or others go offline" "wsfc.md §4.2 restart budget",
        PartialOnline "an operator stops what failed, others are online" "wsfc.md §4.1 group state rule",
        Offline "it leaves its owner, where nothing is online any more" "wsfc.md §4.4 failover steps";
}

machine! {
    NodeState is Node;
    Down "Down" initial lasting;
    Joining "Joining";
    Up "Up" lasting;
    Paused "Paused" lasting;
    @edges
    Down =>
        Joining "its Cluster service starts and looks for a cluster" "wsfc.md §2 start-up";
    Joining =>
        Up "it is in a view with quorum" "wsfc.md §2 observed join of a rebooted node",
        Paused "the same, and it was paused before" "wsfc.md §2 Paused",
        Down "its service ends" "wsfc.md §2 node states";
    Up =>
        Paused "Suspend-ClusterNode" "wsfc.md §2 Paused",
        Down "its service ends, by order or for lack of quorum" "wsfc.md §2 Cluster service restart after 1135/1177";
    Paused =>
        Up "Resume-ClusterNode" "wsfc.md §2 Paused",
        Down "its service ends, by order or for lack of quorum" "wsfc.md §2 Cluster service restart after 1135/1177";
}

machine! {
    QuorumState is Quorum;
    NoQuorum "NoQuorum" initial lasting;
    OneVoteShort "OneVoteShort";
    Quorum "Quorum" lasting;
    @edges
    NoQuorum =>
        Quorum "its view has a majority" "wsfc.md §3.1 votes needed",
        OneVoteShort "its view is one vote short" "wsfc.md §3.2 when contacted";
    OneVoteShort =>
        Quorum "the witness is won, or a view with a majority comes" "wsfc.md §3.2 who goes first",
        NoQuorum "another side holds the witness, or the time is over" "wsfc.md §3.2 termination timer";
    Quorum =>
        OneVoteShort "a view comes that is one vote short" "wsfc.md §3.2 when contacted",
        NoQuorum "a view comes that is in the minority, or its service ends" "wsfc.md §3.1 votes needed";
}

machine! {
    InterfaceState is Interface;
    Unavailable "Unavailable" initial lasting;
    Up "Up" initial lasting;
    Unreachable "Unreachable" lasting;
    Failed "Failed" lasting;
    @edges
    Unavailable =>
        Up "its node is up, and it reaches every sound interface" "wsfc.md §1.3 meaning Unavailable: its",
        Unreachable "its node is up, and it does not reach some sound interface" "wsfc.md §1.3 meaning Unavailable: its",
        Failed "its node is up, and it reaches none" "wsfc.md §1.3 meaning Unavailable: its";
    Up =>
        Unreachable "heartbeats of a sound interface are missed" "wsfc.md §1.3 meaning Unavailable: its",
        Failed "it has no carrier, or heartbeats of all are missed" "wsfc.md §1.3 meaning Unavailable: its",
        Unavailable "its node is down" "wsfc.md §1.3 meaning Unavailable: its";
    Unreachable =>
        Up "it hears every sound interface" "wsfc.md §1.3 meaning Unavailable: its",
        Failed "it has no carrier, or hears none any more" "wsfc.md §1.3 meaning Unavailable: its",
        Unavailable "its node is down" "wsfc.md §1.3 meaning Unavailable: its";
    Failed =>
        Up "it hears every sound interface" "wsfc.md §1.3 meaning Unavailable: its",
        Unreachable "it hears some again, or has carrier again" "wsfc.md §1.3 meaning Unavailable: its",
        Unavailable "its node is down" "wsfc.md §1.3 meaning Unavailable: its";
}

machine! {
    NetworkState is Network;
    Unavailable "Unavailable" initial lasting;
    Up "Up" initial lasting;
    Partitioned "Partitioned" lasting;
    Down "Down" lasting;
    @edges
    Unavailable =>
        Up "an attached node is up" "wsfc.md §1.3 meaning Unavailable: owning",
        Partitioned "attached nodes are up that do not reach each other" "wsfc.md §1.3 meaning Unavailable: owning",
        Down "attached nodes are up, and no interface of theirs is sound" "wsfc.md §1.3 meaning Unavailable: owning";
    Up =>
        Partitioned "two attached nodes do not reach each other" "wsfc.md §1.3 meaning Unavailable: owning",
        Down "every interface has failed" "wsfc.md §1.3 meaning Unavailable: owning",
        Unavailable "no attached node is up" "wsfc.md §1.3 meaning Unavailable: owning";
    Partitioned =>
        Up "all reach each other, or those that did not are down" "wsfc.md §1.3 meaning Unavailable: owning",
        Down "every interface has failed" "wsfc.md §1.3 meaning Unavailable: owning",
        Unavailable "no attached node is up" "wsfc.md §1.3 meaning Unavailable: owning";
    Down =>
        Up "all reach each other, or those that did not are down" "wsfc.md §1.3 meaning Unavailable: owning",
        Partitioned "an interface is sound again, and does not reach all" "wsfc.md §1.3 meaning Unavailable: owning",
        Unavailable "no attached node is up" "wsfc.md §1.3 meaning Unavailable: owning";
}

machine! {
    CopyStatus is DatabaseCopy;
    Mounted "Mounted" lasting;
    Mounting "Mounting";
    Dismounting "Dismounting";
    Dismounted "Dismounted" initial lasting;
    Healthy "Healthy" initial lasting;
    Initializing "Initializing";
    Resynchronizing "Resynchronizing";
    DisconnectedAndHealthy "DisconnectedAndHealthy" lasting;
    DisconnectedAndResynchronizing "DisconnectedAndResynchronizing" lasting;
    ServiceDown "ServiceDown" lasting;
    Suspended "Suspended" lasting;
    Failed "Failed" lasting;
    FailedAndSuspended "FailedAndSuspended" lasting;
    Seeding "Seeding";
    SeedingSource "SeedingSource";
    @edges
    Dismounted =>
        Mounting "Active Manager mounts it" "exchange.md §1.3 Missing logs after ACLL compared",
        Initializing "the database is active elsewhere: it becomes passive" "exchange.md §1.8 Initializing",
        ServiceDown "the same, and its Replication service does not run" "exchange.md §1.8 ServiceDown",
        Suspended "an administrator has suspended it" "exchange.md §1.8 Suspended",
        FailedAndSuspended "its logs are damaged" "exchange.md §1.8 FailedAndSuspended",
        Failed "the disk with its logs is full" "exchange.md §1.8 Failed";
    Mounting =>
        Mounted "the Store has mounted it" "exchange.md §1.8 Mounted / Mounting",
        Dismounting "Active Manager takes the order back, or the Cluster service ends" "exchange.md §1.8 Mounted / Mounting",
        Dismounted "its Store or its machine stops" "exchange.md §1.2 Store service stopped";
    Mounted =>
        Dismounting "Active Manager dismounts it, or the Cluster service ends" "exchange.md §1.2 quorum lost",
        Dismounted "its Store or its machine stops" "exchange.md §1.2 Store service stopped",
        SeedingSource "another copy is seeded from it" "exchange.md §1.8 Seeding / SeedingSource";
    Dismounting =>
        Dismounted "the Store has dismounted it, or stops" "exchange.md §1.8 Mounted / Mounting";
    Initializing =>
        Healthy "it is connected and has not diverged" "exchange.md §1.8 Initializing",
        Resynchronizing "it is connected and has diverged" "exchange.md §2.3 returning copy",
        DisconnectedAndHealthy "it has no connection" "exchange.md §1.8 DisconnectedAndHealthy",
        ServiceDown "its Replication service or its machine stops" "exchange.md §1.8 ServiceDown",
        Mounting "Active Manager mounts it" "exchange.md §1.3 Missing logs after ACLL compared",
        Suspended "an administrator has suspended it" "exchange.md §1.8 Suspended",
        FailedAndSuspended "its logs are damaged" "exchange.md §1.8 FailedAndSuspended",
        Failed "the disk with its logs is full" "exchange.md §1.8 Failed";
    Healthy =>
        Mounting "Active Manager activates it" "exchange.md §1.3 Missing logs after ACLL compared",
        DisconnectedAndHealthy "its connection is lost for too long" "exchange.md §1.8 DisconnectedAndHealthy",
        Resynchronizing "it meets an active copy from which it has diverged" "exchange.md §2.3 returning copy",
        ServiceDown "its Replication service or its machine stops" "exchange.md §1.8 ServiceDown",
        Suspended "an administrator has suspended it" "exchange.md §1.8 Suspended",
        FailedAndSuspended "its logs are damaged" "exchange.md §1.8 FailedAndSuspended",
        SeedingSource "another copy is seeded from it" "exchange.md §1.8 Seeding / SeedingSource",
        Failed "the disk with its logs is full" "exchange.md §1.8 Failed";
    Resynchronizing =>
        Healthy "its tail is replaced" "exchange.md §2.3 returning copy",
        DisconnectedAndResynchronizing "its connection is lost for too long" "exchange.md §1.8 DisconnectedAndHealthy",
        Mounting "Active Manager mounts it" "exchange.md §1.3 Missing logs after ACLL compared",
        ServiceDown "its Replication service or its machine stops" "exchange.md §1.8 ServiceDown",
        Suspended "an administrator has suspended it" "exchange.md §1.8 Suspended",
        FailedAndSuspended "its logs are damaged" "exchange.md §1.8 FailedAndSuspended",
        Failed "the disk with its logs is full" "exchange.md §1.8 Failed";
    DisconnectedAndHealthy =>
        Healthy "it is connected again and has not diverged" "exchange.md §1.8 DisconnectedAndHealthy",
        SeedingSource "the same, and another copy is seeded from it" "exchange.md §1.8 Seeding / SeedingSource",
        Resynchronizing "it is connected again and has diverged" "exchange.md §2.3 returning copy",
        Mounting "Active Manager activates it" "exchange.md §1.6 eligible status",
        ServiceDown "its Replication service or its machine stops" "exchange.md §1.8 ServiceDown",
        Suspended "an administrator has suspended it" "exchange.md §1.8 Suspended",
        FailedAndSuspended "its logs are damaged" "exchange.md §1.8 FailedAndSuspended",
        Failed "the disk with its logs is full" "exchange.md §1.8 Failed";
    DisconnectedAndResynchronizing =>
        Resynchronizing "it is connected again and has diverged" "exchange.md §2.3 returning copy",
        Healthy "it is connected again to a copy from which it has not diverged" "exchange.md §2.3 returning copy",
        Mounting "Active Manager activates it" "exchange.md §1.6 eligible status",
        ServiceDown "its Replication service or its machine stops" "exchange.md §1.8 ServiceDown",
        Suspended "an administrator has suspended it" "exchange.md §1.8 Suspended",
        FailedAndSuspended "its logs are damaged" "exchange.md §1.8 FailedAndSuspended",
        Failed "the disk with its logs is full" "exchange.md §1.8 Failed";
    ServiceDown =>
        Initializing "its Replication service starts" "exchange.md §1.8 Initializing",
        Suspended "an administrator has suspended it" "exchange.md §1.8 Suspended",
        FailedAndSuspended "its logs are damaged" "exchange.md §1.8 FailedAndSuspended",
        Failed "the disk with its logs is full" "exchange.md §1.8 Failed";
    Suspended =>
        Initializing "it is resumed" "exchange.md §1.8 Initializing",
        Mounting "Active Manager activates it: an administrator left its state out of account" "exchange.md §1.7 admin overrides",
        Seeding "it is seeded anew" "exchange.md §1.8 Seeding / SeedingSource",
        FailedAndSuspended "its logs are damaged" "exchange.md §1.8 FailedAndSuspended",
        ServiceDown "its Replication service or its machine stops" "exchange.md §1.8 ServiceDown",
        Failed "the disk with its logs is full" "exchange.md §1.8 Failed";
    Failed =>
        Initializing "there is room for its logs again" "exchange.md §1.8 Initializing",
        Suspended "an administrator has suspended it" "exchange.md §1.8 Suspended",
        Seeding "it is seeded anew" "exchange.md §1.8 Seeding / SeedingSource",
        FailedAndSuspended "its logs are damaged" "exchange.md §1.8 FailedAndSuspended",
        ServiceDown "its Replication service or its machine stops" "exchange.md §1.8 ServiceDown";
    FailedAndSuspended =>
        Seeding "it is seeded anew" "exchange.md §1.8 Seeding / SeedingSource",
        ServiceDown "its Replication service or its machine stops" "exchange.md §1.8 ServiceDown";
    Seeding =>
        Initializing "the seed is over" "exchange.md §1.8 Initializing",
        Suspended "the seed is over, and an administrator has to resume it" "exchange.md §1.8 Suspended",
        FailedAndSuspended "its source cannot be reached any more" "exchange.md §1.8 FailedAndSuspended",
        ServiceDown "its Replication service or its machine stops" "exchange.md §1.8 ServiceDown",
        Failed "the seed is over, and the disk with its logs is full" "exchange.md §1.8 Failed";
    SeedingSource =>
        Mounted "the seed is over" "exchange.md §1.8 Seeding / SeedingSource",
        Healthy "the seed is over" "exchange.md §1.8 Seeding / SeedingSource",
        Mounting "Active Manager activates it" "exchange.md §1.6 eligible status",
        Dismounting "Active Manager dismounts it, or the Cluster service ends" "exchange.md §1.2 quorum lost",
        Dismounted "its Store or its machine stops" "exchange.md §1.2 Store service stopped",
        DisconnectedAndHealthy "its connection is lost for too long" "exchange.md §1.8 DisconnectedAndHealthy",
        Resynchronizing "it meets an active copy from which it has diverged" "exchange.md §2.3 returning copy",
        Suspended "an administrator has suspended it" "exchange.md §1.8 Suspended",
        FailedAndSuspended "its logs are damaged" "exchange.md §1.8 FailedAndSuspended",
        ServiceDown "its Replication service or its machine stops" "exchange.md §1.8 ServiceDown",
        Failed "the disk with its logs is full" "exchange.md §1.8 Failed";
}

#[cfg(test)]
mod tests;
