//! The record: what happened, when, and because of which earlier record.

use crate::base::{
    Address, BalancerId, ClientId, CopyId, DbId, Instant, MachineId, MachineSet, MailId, NicId,
    NodeId, NodeSet, OpId, Span,
};
use crate::failover::seam::{Boot, ContentIndex, CopyStatus, Effect, Failure, Input, Start};
use crate::model::fault::Service;
use crate::model::topology::ClientKind;
use serde::{Deserialize, Serialize};

/// Position of a record in its journal, from 0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RecordNo(pub u32);

/// One record.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Record {
    /// When it happened.
    pub at: Instant,
    /// The earlier record that made it happen. None for what begins a story: a node's start, a
    /// fault, a step, a client's own wish.
    pub cause: Option<RecordNo>,
    /// What happened.
    pub what: What,
}

/// What happened.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum What {
    /// A node is told something. The effects of the step follow at the same moment.
    In(NodeId, Input),
    /// A node wants something done; its cause is the `In` of its step.
    Out(NodeId, Effect),
    /// A fault of the scenario's plan strikes or heals.
    Fault {
        /// Its position in the plan.
        index: u16,
        /// Heals (true) or strikes.
        healed: bool,
    },
    /// A step of the scenario is done.
    Step {
        /// Its position in the scenario.
        index: u16,
    },
    /// Something in the plant changed.
    Plant(Plant),
    /// Something that a client did or saw.
    Client(ClientId, ClientEvent),
    /// Something that happened to a message.
    Mail(MailId, MailEvent),
    /// Something that the agent of a real host tells, and no simulation.
    Agent(NodeId, AgentEvent),
}

/// What the agent of a real host tells of itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum AgentEvent {
    /// A life of the Cluster service begins from this.
    Boot(Box<Boot>),
    /// The frame that is told next was sent by another member's agent.
    Came {
        /// The member.
        from: NodeId,
        /// When the life of its service began, by its own clock.
        life: Instant,
        /// The record of the sending, in that life's journal.
        record: RecordNo,
    },
    /// The process stood still for so long, or its machine slept.
    StoodStill(Span),
    /// What moments of this journal are on the machine's own clock, by which journals of members
    /// are laid beside each other.
    Clock {
        /// The moment at which the machine's CLOCK_BOOTTIME showed 0.
        booted: Instant,
        /// Which boot of which machine it is.
        boot: u128,
    },
}

/// A change in the plant.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Plant {
    /// A machine got or lost power, froze or thawed.
    Machine {
        /// The machine.
        machine: MachineId,
        /// Whether it runs now.
        up: bool,
    },
    /// An adapter got or lost carrier.
    Adapter {
        /// The machine.
        machine: MachineId,
        /// The adapter.
        nic: NicId,
        /// Whether it has carrier now.
        up: bool,
    },
    /// A frame between nodes was lost.
    FrameLost {
        /// Who sent it.
        from: NodeId,
        /// Over which of its adapters.
        nic: NicId,
        /// To whom.
        to: NodeId,
        /// Why.
        why: Lost,
    },
    /// A service started, stopped or hangs.
    Service {
        /// The machine.
        machine: MachineId,
        /// The service.
        service: Service,
        /// Its state now.
        state: ServiceState,
    },
    /// An address is bound to an adapter and answers.
    AddressUp {
        /// The address.
        address: Address,
        /// The machine.
        machine: MachineId,
        /// The adapter.
        nic: NicId,
    },
    /// An address is removed from an adapter.
    AddressDown {
        /// The address.
        address: Address,
        /// The machine.
        machine: MachineId,
    },
    /// An address is announced by a gratuitous ARP.
    GratuitousArp {
        /// The address.
        address: Address,
        /// The machine that announces it.
        machine: MachineId,
        /// Whether the switch dropped it.
        blocked: bool,
    },
    /// A neighbour cache entry changed to another machine, or was dropped (none).
    Neighbour {
        /// Whose cache.
        host: Host,
        /// The address.
        address: Address,
        /// The machine that it leads to now.
        machine: Option<MachineId>,
    },
    /// A DNS record was written: this group's name (by its position) now has this address.
    DnsRecord {
        /// The resource that registers the name.
        resource: crate::base::ResourceId,
        /// The address.
        address: Address,
    },
    /// A dynamic update failed.
    DnsUpdateFailed {
        /// The resource that wanted to register its name.
        resource: crate::base::ResourceId,
    },
    /// The lock on the witness's log was taken or released.
    WitnessLock {
        /// Which witness server, by its place among those that there are.
        server: u8,
        /// Who holds it now.
        holder: Option<NodeId>,
    },
    /// The next start of a node's Cluster service was ordered with switches.
    ClusterStart {
        /// The node.
        node: NodeId,
        /// How it starts.
        start: Start,
    },
    /// An operation that a node asked for ended, in so far as no other record says so.
    Operation {
        /// The node.
        node: NodeId,
        /// The operation.
        op: OpId,
    },
    /// A database copy's state, as its Replication service and Store report it.
    Copy {
        /// The copy.
        copy: CopyId,
        /// Its state.
        status: CopyStatus,
        /// Copy queue length.
        copy_queue: u64,
        /// Replay queue length.
        replay_queue: u64,
        /// Its content index.
        content_index: ContentIndex,
    },
    /// An order that nobody takes: what it is for does not run, or is not in a state for it.
    OrderRefused {
        /// Where it was given, or the server that it is for.
        node: NodeId,
        /// Why.
        why: NotTaken,
    },
    /// The logs that are kept on a copy's disk have grown or shrunk by a hundred or so, or no more
    /// fit.
    LogDisk {
        /// The copy.
        copy: CopyId,
        /// Logs kept.
        logs: u64,
        /// Whether no more fit.
        full: bool,
    },
    /// Whether a database keeps logs for a restore was changed.
    CircularLogging {
        /// The database.
        database: DbId,
        /// Whether it does not.
        enabled: bool,
    },
    /// A database was mounted on a copy.
    Mounted {
        /// The copy.
        copy: CopyId,
        /// Logs lost by this activation.
        lost_logs: u64,
        /// Logs replayed by the mount.
        replayed_logs: u64,
    },
    /// A database was dismounted on a copy (by order, by the end of its Store, or its machine's).
    Dismounted {
        /// The copy.
        copy: CopyId,
    },
    /// The client access array object was created in the directory.
    ClientAccessArray,
    /// StoppedMailboxServers of the group: members that an administrator has marked as stopped.
    StoppedMembers {
        /// The members.
        nodes: NodeSet,
    },
    /// A database names the client access array as its RPC Client Access server.
    RpcClientAccessServer {
        /// The database.
        database: DbId,
    },
    /// A database names a server as its RPC Client Access server.
    NamesServer {
        /// The database.
        database: DbId,
        /// The server.
        node: NodeId,
    },
    /// The group names an alternate witness server.
    AlternateWitness {
        /// Its place among those that there are.
        server: u8,
    },
    /// A load balancer's monitor marked a service on a server.
    ServerMarked {
        /// The load balancer.
        balancer: BalancerId,
        /// The server.
        machine: MachineId,
        /// The service.
        service: Service,
        /// Whether it gets new connections from now on.
        up: bool,
    },
    /// The hosts of Network Load Balancing begin a convergence, or have a new distribution.
    Convergence {
        /// The load balancer.
        balancer: BalancerId,
        /// The hosts.
        hosts: MachineSet,
        /// Whether it has ended.
        ended: bool,
    },
    /// Fencing by time: clients reach from now on what floats to a member and is mounted there, or
    /// reach it no more.
    Lease {
        /// The member's machine.
        machine: MachineId,
        /// Whether its lease runs.
        runs: bool,
    },
}

/// State of a service.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum ServiceState {
    /// Runs.
    Running,
    /// Does not run.
    Stopped,
    /// Takes requests and answers none.
    Hung,
}

/// Why an order is not taken.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum NotTaken {
    /// The Cluster service does not run there.
    ServiceStopped,
    /// A copy is seeded only while it is suspended or has failed.
    NotSuspended,
    /// The copy to seed from is not there, not whole, or not reached.
    NoSource,
    /// The Cluster service runs there already, with quorum, or the order has no
    /// switch to start it anew with.
    ServiceRuns,
    /// The machine is off.
    MachineOff,
    /// The member is marked as stopped: only the others can restore the group.
    StoppedMember,
    /// Datacenter activation coordination is off: its cmdlets do not run against such a group.
    CoordinationOff,
    /// No member is marked as stopped, and quorum would be forced beside those that are away.
    NoStoppedMember,
}

/// Why a frame or segment did not arrive.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Lost {
    /// The sender's adapter is down.
    SenderDown,
    /// The receiver's adapter is down or its machine is off.
    ReceiverDown,
    /// The network forwards nothing, or not between these two.
    NetworkDown,
    /// Bad luck on a lossy network.
    Chance,
    /// No hardware address is known for the destination.
    Unresolved,
    /// It reached a machine that does not have the address.
    WrongMachine,
}

/// Whose neighbour cache.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Host {
    /// A machine's.
    Machine(MachineId),
    /// A client's.
    Client(ClientId),
}

/// Something that a client did or saw.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum ClientEvent {
    /// The client started to work. Its kind is in the topology.
    Started,
    /// It wants something: the latency clock of a request starts.
    Asked {
        /// What.
        request: Request,
    },
    /// A SYN leaves.
    Connecting {
        /// To which address.
        address: Address,
        /// Counted from 1 within one connect.
        attempt: u8,
    },
    /// A connection is established.
    Connected {
        /// To which machine.
        machine: MachineId,
    },
    /// A segment was not acknowledged and is sent again.
    Retransmitted {
        /// Counted from 1 within one request.
        attempt: u8,
    },
    /// The other side reset the connection.
    Reset {
        /// Which machine did.
        machine: MachineId,
    },
    /// A connect or an established connection was given up.
    GaveUp,
    /// The request was answered with an error.
    Refused {
        /// What kind of error.
        why: Refused,
    },
    /// It logged on.
    LoggedOn {
        /// For the second time or later because its session was gone.
        again: bool,
    },
    /// OWA shows its log-on page because the session's key is another server's.
    LogOnPage,
    /// The request was answered: the latency clock stops. The cause is the newest plant record
    /// without which it could not have been.
    Answered {
        /// Time since `Asked`.
        latency: Span,
    },
    /// Autodiscover answered: the name of the client access array (true) or of a server.
    Autodiscovered {
        /// Whether the array's name was answered.
        array: bool,
    },
    /// The connection state as the status bar shows it.
    State(ConnectionState),
    /// Outlook must be restarted to reconnect.
    RestartNeeded,
    /// The wait before another try is over.
    TriesAgain,
    /// A person is done: has typed a log-on, or restarted Outlook.
    PersonDone,
}

/// What a client asks for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Request {
    /// Log on and open the mailbox.
    LogOn,
    /// Read, synchronise, browse.
    Read,
    /// Send a message.
    Send,
    /// Ask Autodiscover for the settings.
    Autodiscover,
}

/// Connection state as Outlook's status bar shows it; other kinds use the same words.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum ConnectionState {
    /// "Connected to Microsoft Exchange".
    Connected,
    /// "Trying to connect".
    Trying,
    /// "Disconnected".
    Disconnected,
}

/// An answer that is an error.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Refused {
    /// No service listens.
    NotListening,
    /// The database is not mounted.
    DatabaseOffline,
    /// No domain controller for the log-on.
    NoLogOn,
    /// The name does not resolve.
    NoName,
    /// The service is too busy or did not answer in time.
    ServiceTimeOut,
}

/// Something that happened to a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum MailEvent {
    /// A person pressed Send; it is in the Outbox (cached mode) or waits on the screen. `step` is
    /// the scenario step that names it.
    Written {
        /// Who sends.
        client: ClientId,
        /// The scenario step that sends it, if one does.
        step: Option<u16>,
    },
    /// The system took responsibility: stored in the sender's mailbox, or accepted by SMTP.
    Submitted {
        /// Who sent it.
        client: ClientId,
        /// The kind of the sender.
        kind: ClientKind,
    },
    /// A Hub Transport server has it in a queue.
    Queued {
        /// The server.
        machine: MachineId,
    },
    /// Another Hub Transport server keeps a shadow of it.
    Shadowed {
        /// The server.
        machine: MachineId,
    },
    /// It is in the recipient's mailbox.
    Delivered {
        /// The database copy that took it.
        copy: CopyId,
    },
    /// It was in the logs that an activation lost.
    LostFromDatabase {
        /// The database.
        database: DbId,
    },
    /// A Hub Transport server submits it again from its dumpster or shadow queue.
    Resubmitted {
        /// The server.
        machine: MachineId,
    },
    /// Delivered a second time and dropped by the Store as a duplicate.
    Duplicate,
    /// No place in the system has it any more.
    Lost,
    /// A transport step failed and it waits.
    Deferred {
        /// Why.
        why: Failure,
    },
}
