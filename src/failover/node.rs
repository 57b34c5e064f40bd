//! One member: the one big match over inputs, and what holds the parts together.

use super::active_manager::{Primary, Servers, Wish, set_server};
use super::config::{Config, Flaw, GroupKind};
use super::coordination::{Coordination, Seen};
use super::coordinator::{Coordinator, came_back, have_left};
use super::copies;
use super::databases::{Ask, Databases};
use super::groups::Groups;
use super::heartbeat::{Changed, Heartbeat};
use super::membership::Membership;
use super::message::{Flags, Message, Regroup};
use super::networks::Networks;
use super::placement::{Hosts, Placement};
use super::quorum::{Counting, Rules, Standing, Votes, standing};
use super::seam::{
    Act, Boot, Deadline, Durable, Effects, Input, Note, Operation, Order, OrderRefusal, Outcome,
    Refusal, Report, SkipChecks, Start, StartQuorum, Timer, Why,
};
use super::state::{ClusterDatabase, ServerEntry};
use super::timers::Timers;
use super::transitions::{QuorumState, State};
use super::{Ctx, Operations, Pending};
use super::{eviction, maintenance, pause, quarantine};
use crate::base::{DbId, GroupId, IdVec, Instant, NicId, NodeId, NodeSet, OpId, Span};
use crate::failover::seam::Failure;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Epochs of forced clusters are above this one, in milliseconds (wsfc.md §3.2 tag: force quorum
/// switches to time-stamped epochs).
const FORCED_EPOCH: u64 = 1_000_000_000_000;

/// How this node stands with quorum.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
enum Quorum {
    /// In no view, or its view lost.
    None,
    /// One vote short: the witness decides.
    /// Only the claimant tries; before `claim_from` it may only look.
    Deciding { claimant: bool, claim_from: Instant, tries: u32, op: Option<OpId> },
    /// Held.
    Held,
}

impl Quorum {
    fn state(self) -> QuorumState {
        match self {
            Quorum::None => QuorumState::NoQuorum,
            Quorum::Deciding { .. } => QuorumState::OneVoteShort,
            Quorum::Held => QuorumState::Quorum,
        }
    }
}

/// One cluster member's Cluster service and Active Manager.
#[derive(Clone, Debug, Hash)]
pub struct Node {
    config: Config,
    now: Instant,
    started: Option<Instant>,
    /// When it last began to look for a cluster.
    looking_since: Instant,
    timers: Timers,
    operations: Operations,
    heartbeat: Heartbeat,
    networks: Networks,
    membership: Membership,
    quorum: Quorum,
    holds_witness: bool,
    /// The witness server that this node knows, whose lock it holds or may claim.
    witness_server: u8,
    /// The try under way only looks at the witness's lock.
    looking: bool,
    /// The disk witness's copy was taken and the rest of the view does not know it yet.
    learned: bool,
    /// Whether it had quorum in this life.
    served: bool,
    /// How its service was started.
    start: Start,
    /// It formed the view that it is in, or the one that it is forming now.
    forms: bool,
    /// Version of the cluster database that tells of the proposed votes.
    proposed_at: Option<u64>,
    database: ClusterDatabase,
    groups: Groups,
    coordinator: Coordinator,
    primary: Primary,
    coordination: Coordination,
    /// It writes the cluster database, and has told the others what it wrote.
    is_coordinator: bool,
    is_primary: bool,
    /// It was when the present view began to wait for the witness.
    was_primary: bool,
    databases: Databases,
    peers: IdVec<NodeId, Option<Flags>>,
    /// Members whose service is new since this node last brought the cluster database up to it.
    came: NodeSet,
    /// Starting nodes that asked to join since the last view.
    joiners: NodeSet,
    /// Members that left in good order and have not asked to join since.
    left: NodeSet,
    /// Members that were gone without a word from a view that this node entered, not yet counted.
    missed: NodeSet,
    told: Flags,
    /// Counts changes of what this node tells of itself.
    flags_number: u32,
    /// A peer was heard that has not been told yet.
    tell_again: bool,
    /// Whether the MAPI network works here, judged with the heartbeats: when the last adapter
    /// goes a moment after this one, the membership decides and not this.
    mapi: bool,
    /// Version of the cluster database that each member confirmed.
    confirmed: IdVec<NodeId, u64>,
    sent_version: u64,
    stored: (u64, u64),
    stored_since: Option<Instant>,
    orders: VecDeque<(u32, Order)>,
    order_count: u32,
    /// Numbers of orders of each member's present life that were carried out.
    orders_seen: IdVec<NodeId, BTreeSet<u32>>,
    failure_items: BTreeMap<DbId, Failure>,
    draining: bool,
    drained: bool,
    /// Members that the primary has told that nothing is left to move away from them.
    told_drained: NodeSet,
    ended: bool,
    ways: Vec<Option<NicId>>,
    own: VecDeque<Message>,
    /// Everything is where the tables say, and nothing but heartbeats as expected and polls of
    /// resources that are sound has come since: there is nothing to settle.
    calm: bool,
}

/// What can be seen of a node from outside.
#[derive(Clone, Copy, Debug, Hash)]
pub struct View<'a> {
    /// Number of the view; zero before the first.
    pub view: u64,
    /// Members of the view; empty while it is in none.
    pub members: NodeSet,
    /// Whether every member of that view is known to have taken it.
    pub in_force: bool,
    /// Whether that view has quorum.
    pub quorum: bool,
    /// Whether this node holds the witness for that view.
    pub witness: bool,
    /// Whether this node is Primary Active Manager.
    pub primary: bool,
    /// The cluster database as this node has it.
    pub database: &'a ClusterDatabase,
    /// Whether its service has ended: nothing more comes from it.
    pub ended: bool,
}

impl Config {
    /// The cluster core group.
    ///
    /// # Panics
    /// If there is none: a configuration has exactly one.
    pub fn core_group(&self) -> GroupId {
        let mut groups = self.groups.iter();
        let core = groups.find(|(_, group)| group.kind == GroupKind::Core);
        core.expect("a configuration has a core group").0
    }
}

impl Node {
    /// A node whose service starts now. Its first wake-up is due at once.
    pub fn new(config: Config, boot: Boot, now: Instant) -> Node {
        let count = config.nodes.len();
        let forced = boot.start.quorum == StartQuorum::Force;
        let database = started(fitted(boot.durable.database, &config), boot.start);
        // A forced cluster's epochs are stamped with the time: newer than any other's.
        let stamp = FORCED_EPOCH + now.as_nanos() / 1_000_000;
        let epoch = if forced { boot.durable.epoch.max(stamp) } else { boot.durable.epoch };
        let mut timers = Timers::new();
        timers.set(Timer::Beat, now);
        let flags = Flags::at_start(config.me, now);
        Node {
            now,
            started: None,
            looking_since: now,
            timers,
            operations: Operations::default(),
            heartbeat: Heartbeat::new(&config, &boot.links, now),
            networks: Networks::new(&config, now),
            membership: Membership::new(epoch, count, now),
            quorum: Quorum::None,
            holds_witness: false,
            witness_server: database.witness_server,
            looking: false,
            learned: false,
            served: false,
            start: boot.start,
            forms: false,
            proposed_at: None,
            groups: Groups::new(&config),
            coordinator: Coordinator::new(boot.time_of_day, now),
            primary: Primary::default(),
            coordination: Coordination::new(
                boot.durable.may_mount_since,
                boot.start.restores.is_some(),
                now,
            ),
            is_coordinator: false,
            is_primary: false,
            was_primary: false,
            databases: Databases::new(config.databases.len(), boot.replication_service),
            peers: IdVec::filled(count, None),
            came: NodeSet::EMPTY,
            joiners: NodeSet::EMPTY,
            left: NodeSet::EMPTY,
            missed: NodeSet::EMPTY,
            told: flags,
            flags_number: 0,
            tell_again: false,
            mapi: true,
            confirmed: IdVec::filled(count, 0),
            sent_version: 0,
            stored: (epoch, database.version),
            stored_since: boot.durable.may_mount_since,
            orders: VecDeque::new(),
            order_count: 0,
            orders_seen: IdVec::filled(count, BTreeSet::new()),
            failure_items: BTreeMap::new(),
            draining: false,
            drained: false,
            told_drained: NodeSet::EMPTY,
            ended: false,
            ways: vec![None; count],
            own: VecDeque::new(),
            calm: false,
            database,
            config,
        }
    }

    /// Handles one input; what is to be done is appended to `out`, in order.
    ///
    /// # Panics
    /// If `now` is before the moment of an earlier step: that is the driver's contract.
    pub fn step(&mut self, now: Instant, input: Input, out: &mut Effects) {
        assert!(now >= self.now, "time never goes back: {now} after {}", self.now);
        self.now = now;
        if self.ended {
            return;
        }
        self.timers.begin();
        let sound = matches!(&input, Input::Done { op, outcome: Outcome::Ok }
            if self.operations.is_poll(*op));
        let expected = match &input {
            Input::Wake => true,
            Input::Frame { message, .. } => message.is_heartbeat(),
            Input::Done { .. } => sound,
            Input::Link { .. } | Input::Learned(_) | Input::Saw(_) | Input::Order(_) => false,
        };
        self.calm &= expected && !self.timers.any_but_routine(now);
        match input {
            Input::Wake => {}
            Input::Frame { nic, from, message } => self.frame(out, nic, from, message),
            Input::Link { nic, up } => self.link(out, nic, up),
            Input::Done { op, outcome } => self.done(out, op, outcome),
            Input::Learned(durable) => self.learn(out, *durable),
            Input::Saw(report) => self.saw(out, report),
            Input::Order(order) => self.order(out, order),
        }
        let polls = self.on_time(out) || sound;
        // Settling sets these anew each time, and who armed them would be another step.
        self.calm &= !polls || !self.timers.is_set_by_settling();
        if !self.calm {
            let before = out.len();
            self.settle(out);
            self.handle_own(out);
            self.calm = out.len() == before;
        } else if polls {
            self.poll_on(out);
        }
    }

    /// When the node wants to be woken, and why.
    pub fn deadline(&self) -> Option<Deadline> {
        if self.ended { None } else { self.timers.deadline() }
    }

    /// The timers that the last step armed.
    pub fn armed(&self) -> impl Iterator<Item = Timer> + '_ {
        self.timers.armed()
    }

    /// What can be seen of it.
    pub fn view(&self) -> View<'_> {
        View {
            view: self.membership.view,
            members: self.membership.members,
            in_force: self.membership.in_force(),
            quorum: self.quorum == Quorum::Held,
            witness: self.holds_witness,
            primary: self.is_primary,
            database: &self.database,
            ended: self.ended,
        }
    }

    fn me(&self) -> NodeId {
        self.config.me
    }

    fn stand(&mut self, quorum: Quorum) {
        self.quorum.state().demand(quorum.state());
        self.quorum = quorum;
        self.calm = false;
    }

    /// Whether this node writes the cluster database.
    fn coordinates(&self) -> bool {
        self.has_quorum() && self.coordinator_node() == Some(self.me())
    }

    fn has_quorum(&self) -> bool {
        let early = self.config.has(Flaw::MountBeforeArbitration)
            && matches!(self.quorum, Quorum::Deciding { .. });
        self.quorum == Quorum::Held || early
    }

    /// Whether its view is in force and has quorum.
    fn holds_quorum(&self) -> bool {
        self.has_quorum() && self.membership.in_force()
    }

    /// Whether anything new may be begun: with quorum, and not while the membership is being
    /// settled. What runs goes on running.
    fn may_begin(&self) -> bool {
        self.holds_quorum() && !self.membership.regrouping()
    }

    fn coordinator_node(&self) -> Option<NodeId> {
        let owner = self.database.groups[self.config.core_group()].owner;
        owner.filter(|owner| self.membership.members.contains(*owner))
    }

    /// The rules by which votes are counted among those that are members of the cluster.
    fn rules(&self) -> Rules {
        eviction::rules(self.config.rules(), self.database.evicted, self.config.nodes.len())
    }

    /// The member that is given the core group when its owner is gone: the first that is not
    /// paused, or the first. Every member of a view starts from the same cluster database, so they
    /// agree.
    fn heir(&self) -> NodeId {
        if self.config.has(Flaw::TwoCoordinators) {
            return self.me();
        }
        let members = self.membership.members;
        let able = members.minus(pause::paused(&self.database));
        able.lowest().or(members.lowest()).expect("a view has members")
    }

    fn flags(&self) -> Flags {
        Flags {
            life: self.membership.life(),
            number: self.flags_number,
            view: if self.membership.is_member() { self.membership.view } else { 0 },
            members: self.membership.members,
            reach: self.heartbeat.reach,
            quorum: self.holds_quorum(),
            mapi: self.mapi,
            active_manager: self.databases.running,
            draining: self.draining,
            forced: self.holds_quorum() && self.database.quorum.forced,
            witness: self.holds_witness,
            may_mount: self.coordination.may_mount,
        }
    }

    /// What this node tells of itself now; a change is counted.
    fn flags_anew(&mut self) -> Flags {
        let now = self.flags();
        if now != self.told {
            self.flags_number += 1;
            self.calm = false;
        }
        self.flags()
    }

    /// Whether an adapter on a network that clients use has carrier.
    fn client_carrier(&self) -> bool {
        let mut nics = self.config.nodes[self.me()].nics.iter();
        nics.any(|(nic, on)| {
            self.config.networks[on.network].client_access && self.heartbeat.link(nic)
        })
    }

    fn hosts(&self) -> Hosts {
        Hosts {
            members: self.membership.members,
            draining: self.flagged(|flags| flags.draining),
            paused: pause::paused(&self.database),
            view: self.membership.view,
        }
    }

    fn servers(&self) -> Servers {
        Servers {
            members: self.membership.members,
            running: self.flagged(|flags| flags.active_manager),
            silent: self.membership.members.minus(self.flagged(|_| true)),
            mapi: self.membership.members.minus(self.flagged(|flags| !flags.mapi)),
            draining: self.flagged(|flags| flags.draining),
            may_mount: match self.database.activation_coordination {
                true => self.flagged(|flags| flags.may_mount),
                false => self.membership.members,
            },
        }
    }

    /// Members that told something of themselves.
    fn flagged(&self, told: impl Fn(&Flags) -> bool) -> NodeSet {
        let mine = self.flags();
        let members = self.membership.members.iter();
        members
            .filter(|node| {
                if *node == self.me() {
                    told(&mine)
                } else {
                    self.peers[*node].as_ref().is_some_and(&told)
                }
            })
            .collect()
    }
}

/// A cluster database with what the start of a service changes in it.
fn started(mut database: ClusterDatabase, start: Start) -> ClusterDatabase {
    database.quorum.forced = start.quorum == StartQuorum::Force;
    if let Some(restore) = start.restores {
        eviction::apply(&mut database, restore);
    }
    database
}

/// A cluster database with a place for everything that is configured.
fn fitted(mut database: ClusterDatabase, config: &Config) -> ClusterDatabase {
    database.nodes = fit(database.nodes, config.nodes.len());
    for node in config.nodes.values().skip(database.servers.len()) {
        database.servers.push(ServerEntry::of(node));
    }
    database.groups = fit(database.groups, config.groups.len());
    database.resources = fit(database.resources, config.resources.len());
    database.databases = fit(database.databases, config.databases.len());
    database
}

fn fit<I: crate::base::Id, T: Default>(mut values: IdVec<I, T>, count: usize) -> IdVec<I, T> {
    while values.len() < count {
        values.push(T::default());
    }
    values
}

/// Lends the parts of a node to a method of one part.
macro_rules! lend {
    ($node:ident, $out:ident) => {
        Ctx {
            now: $node.now,
            config: &$node.config,
            out: $out,
            timers: &mut $node.timers,
            operations: &mut $node.operations,
            own: &mut $node.own,
            ways: &$node.ways,
        }
    };
}

mod drive;
mod hear;
mod life;
