//! The world that is explored: two cores, what lies between them, a witness, and what is under way.
//! It can be cloned and hashed; parts that are large are shared between worlds until they change.

use super::mark::{self, Marked};
use super::plant::{Copy, Share};
use super::site::Site;
use crate::base::{
    DbId, GroupId, Id, IdVec, Instant, NetId, NicId, NodeId, OpId, ResourceId, Span,
};
use crate::failover::Node;
use crate::failover::message::Message;
use crate::failover::seam::{Boot, Durable, Input, Outcome, Start};
use crate::lab::swarm::{PANICS, told};
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// The members of the clusters that are explored.
pub(super) const MEMBERS: usize = 2;

/// How a member stands with quorum, as it told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Default)]
pub(super) enum Standing {
    /// In no view with quorum.
    #[default]
    None,
    /// In a new view, waiting for the witness.
    Undecided,
    /// Quorum is held.
    Held,
}

/// A member: its machine, its core while the Cluster service runs, and what is on its disk.
#[derive(Clone, Debug, Hash)]
pub(super) struct Member {
    /// Whether it has power.
    pub up: bool,
    /// The core.
    pub core: Option<Arc<Marked<Node>>>,
    /// Counts lives of the Cluster service.
    pub life: u32,
    /// What earlier steps stored.
    pub durable: Arc<Marked<Durable>>,
    /// Of each resource the newest operation that takes it online or offline.
    pub newest: BTreeMap<ResourceId, OpId>,
    /// IP Address resources whose address is bound here.
    pub bound: BTreeSet<ResourceId>,
    /// How it stands with quorum.
    pub standing: Standing,
    /// Groups that it told to be online here, in part at least.
    pub online: BTreeSet<GroupId>,
}

/// Something that is under way, and when it may come.
#[derive(Clone, Debug, Hash)]
pub(super) struct Due {
    /// Not before this moment.
    pub from: Instant,
    /// Not after this one.
    pub to: Instant,
    /// What it is.
    pub what: Event,
}

/// What comes.
#[derive(Clone, Debug, Hash)]
pub(super) enum Event {
    /// A frame between the members arrives.
    Frame { to: NodeId, nic: NicId, from: NodeId, message: Message },
    /// The answer to an operation.
    Answer { node: NodeId, life: u32, op: OpId, outcome: Outcome },
    /// A resource tells that it is at work.
    AtWork { node: NodeId, life: u32, resource: ResourceId },
    /// The witness's log is open: lock it, compare the tag, and write it unless it is a mere look.
    Lock { node: NodeId, life: u32, op: OpId, known: u64, write: Option<u64> },
    /// The lease of a holder that is not heard ends.
    LeaseEnd,
    /// So many ARP requests with a new address are out.
    Arp { node: NodeId, life: u32, op: OpId, resource: ResourceId, sent: u32 },
    /// A resource is down; an operation waits for it, or none.
    Unbind { node: NodeId, life: u32, op: Option<OpId>, resource: ResourceId },
    /// The Replication service tells the state of its copy.
    Status { node: NodeId, life: u32, op: OpId, database: DbId },
    /// The last logs have come.
    LastLogs { node: NodeId, life: u32, op: OpId, database: DbId, source: NodeId },
    /// A mount ends.
    Mounted { node: NodeId, database: DbId },
    /// A dismount ends.
    Dismounted { node: NodeId, database: DbId },
    /// A passive copy has initialized.
    Initialized { node: NodeId, database: DbId },
    /// A passive copy has been without its connection for too long.
    Disconnect { node: NodeId, database: DbId },
    /// The Service Control Manager starts the Cluster service.
    Start { node: NodeId, life: u32 },
    /// A machine has booted.
    PowerOn { node: NodeId },
    /// A cut heals.
    Mend(Cut),
}

/// A cut: what cannot get through.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub(super) enum Cut {
    /// Between the members, on one network or (none) on every one; one way or both.
    Path {
        /// The network.
        network: Option<NetId>,
        /// The member whose frames are lost.
        from: NodeId,
        /// Whether the other way works.
        one_way: bool,
    },
    /// A member is alone: it reaches neither the other nor the machines beside the cluster. Clients
    /// still reach it.
    Alone {
        /// The member.
        node: NodeId,
    },
}

impl Cut {
    /// Whether it stops a frame between the members.
    pub(super) fn stops(self, network: NetId, sender: NodeId) -> bool {
        match self {
            Cut::Path { network: of, from, one_way } => {
                of.is_none_or(|of| of == network) && (!one_way || from == sender)
            }
            Cut::Alone { .. } => true,
        }
    }

    /// Whether it keeps a member from the machines beside the cluster.
    pub(super) fn isolates(self, member: NodeId) -> bool {
        matches!(self, Cut::Alone { node } if node == member)
    }
}

/// A frame that a step sent, on its way.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    /// The network that it goes over.
    pub network: NetId,
    /// Who sent it.
    pub from: NodeId,
    /// When it may arrive.
    pub due: Arc<Marked<Due>>,
}

/// A promise that was broken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Broken {
    pub promise: &'static str,
    pub why: String,
}

/// Two cores and their surroundings at a moment.
#[derive(Clone, Debug)]
pub(super) struct World {
    pub now: Instant,
    pub members: [Member; MEMBERS],
    /// Copies of each database.
    pub copies: IdVec<DbId, [Copy; MEMBERS]>,
    /// The witness's share.
    pub share: Share,
    /// Cuts in force.
    pub cuts: BTreeSet<Cut>,
    /// What a member's own machine answers, in the order in which it comes: each at one moment, and
    /// at one moment in the order in which it was asked for.
    own: [Vec<Arc<Marked<Due>>>; MEMBERS],
    /// What comes from elsewhere, as it was planned; that order means nothing but to the canonical
    /// schedule.
    open: Vec<Arc<Marked<Due>>>,
    /// The step under way saw or changed something beside its own core.
    pub touched: bool,
    /// Frames of the step under way.
    pub sent: Vec<Sent>,
    /// What the step under way broke.
    pub broken: Option<Broken>,
    /// What was told, for tests that compare it with what the simulator's cores tell.
    #[cfg(test)]
    pub told: Vec<(Instant, NodeId, crate::failover::seam::Note)>,
}

impl std::hash::Hash for World {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        // Taken apart, so that a field that is added is thought about. The last three are of a
        // step under way; between steps they say nothing.
        let World {
            now,
            members,
            copies,
            share,
            cuts,
            own,
            open,
            touched: _,
            sent: _,
            broken: _,
            #[cfg(test)]
                told: _,
        } = self;
        (now, members, copies, share, cuts, own).hash(state);
        // What comes from elsewhere has no order, so its marks are sorted.
        let mut marks: Vec<u128> = open.iter().map(|due| due.mark()).collect();
        marks.sort_unstable();
        marks.hash(state);
    }
}

/// What may come next.
#[derive(Clone, Debug)]
pub(super) enum Next {
    /// A core's deadline.
    Wake(NodeId),
    /// The first of what a member's own machine answers.
    Own(NodeId),
    /// Something from elsewhere, by its mark.
    Open(Arc<Marked<Due>>),
}

/// Something that may come, and when.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub next: Next,
    pub from: Instant,
    pub to: Instant,
}

impl World {
    /// Both members off, about to start.
    pub(super) fn new(site: &Site) -> Self {
        let member = |_| Member {
            up: true,
            core: None,
            life: 0,
            durable: Arc::new(Marked::new(site.durable())),
            newest: BTreeMap::new(),
            bound: BTreeSet::new(),
            standing: Standing::None,
            online: BTreeSet::new(),
        };
        let mut world = World {
            now: Instant::ZERO,
            members: [0, 1].map(member),
            copies: site.copies(),
            share: Share::default(),
            cuts: BTreeSet::new(),
            own: [Vec::new(), Vec::new()],
            open: Vec::new(),
            touched: false,
            sent: Vec::new(),
            broken: None,
            #[cfg(test)]
            told: Vec::new(),
        };
        for node in site.nodes() {
            let what = Event::Start { node, life: 0 };
            world.plan_own(node, site.starts(node).since(Instant::ZERO), what);
        }
        world
    }

    /// Its mark.
    pub(super) fn mark(&self) -> u128 {
        mark::mark(self)
    }

    pub(super) fn member(&self, node: NodeId) -> &Member {
        &self.members[node.index()]
    }

    pub(super) fn member_mut(&mut self, node: NodeId) -> &mut Member {
        &mut self.members[node.index()]
    }

    /// Plans what a member's own machine will answer after a span.
    pub(super) fn plan_own(&mut self, node: NodeId, after: Span, what: Event) {
        let at = self.now.saturating_add(after);
        let queue = &mut self.own[node.index()];
        let place = queue.partition_point(|due| due.value.from <= at);
        queue.insert(place, Arc::new(Marked::new(Due { from: at, to: at, what })));
    }

    /// Plans something that comes from elsewhere within a window.
    pub(super) fn plan_open(&mut self, (after, before): (Span, Span), what: Event) {
        let (from, to) = (self.now.saturating_add(after), self.now.saturating_add(before));
        self.open.push(Arc::new(Marked::new(Due { from, to, what })));
    }

    /// A frame is on its way.
    pub(super) fn travel(&mut self, frame: &Sent) {
        self.open.push(Arc::clone(&frame.due));
    }

    /// Takes back what a member's own machine was to answer.
    pub(super) fn forget_own(&mut self, node: NodeId, void: impl Fn(&Event) -> bool) {
        self.own[node.index()].retain(|due| !void(&due.value.what));
    }

    /// Takes back what was to come from elsewhere.
    pub(super) fn forget_open(&mut self, void: impl Fn(&Event) -> bool) {
        self.open.retain(|due| !void(&due.value.what));
    }

    /// What may come next: everything whose earliest moment is not after the smallest latest
    /// moment of all.
    pub(super) fn candidates(&self, clock: Span) -> Vec<Candidate> {
        let mut all = self.pending(clock);
        let place = |one: &Candidate| match &one.next {
            Next::Wake(node) => (0, Instant::ZERO, u128::from(node.0)),
            Next::Own(node) => (1, Instant::ZERO, u128::from(node.0)),
            Next::Open(due) => (2, due.value.from, due.mark()),
        };
        // In an order that does not depend on how the state was come to. Of equal frames, sent
        // twice in one step, one stands for both.
        all.sort_by_key(place);
        all.dedup_by_key(|one| place(one));
        let bound = all.iter().map(|candidate| candidate.to).min().unwrap_or(Instant::MAX);
        all.retain(|candidate| candidate.from <= bound);
        all
    }

    /// What comes next if everything comes as early as it can, at one moment in the order in which
    /// it was planned.
    pub(super) fn earliest(&self) -> Option<Candidate> {
        self.pending(Span::ZERO).into_iter().min_by_key(|candidate| candidate.from)
    }

    /// The first of each line, and everything that is in none.
    fn pending(&self, clock: Span) -> Vec<Candidate> {
        let mut all = Vec::new();
        for (place, member) in self.members.iter().enumerate() {
            let node = NodeId::at(place);
            if let Some(due) = self.own[place].first() {
                let (from, to) = (due.value.from, due.value.to);
                all.push(Candidate { next: Next::Own(node), from, to });
            }
            let deadline = member.core.as_ref().and_then(|core| core.value.deadline());
            if let Some(deadline) = deadline {
                let from = deadline.at.max(self.now);
                let to = deadline.at.saturating_add(clock).max(self.now);
                all.push(Candidate { next: Next::Wake(node), from, to });
            }
        }
        for due in &self.open {
            let (from, to) = (due.value.from, due.value.to);
            all.push(Candidate { next: Next::Open(Arc::clone(due)), from, to });
        }
        all
    }

    /// The member whose core is stepped, if that is all that the candidate does.
    pub(super) fn stepped(&self, next: &Next) -> Option<NodeId> {
        match next {
            Next::Wake(node) => Some(*node),
            Next::Own(node) => match self.own[node.index()].first()?.value.what {
                Event::Answer { .. } | Event::AtWork { .. } => Some(*node),
                _ => None,
            },
            Next::Open(due) => match &due.value.what {
                Event::Frame { to, .. } => Some(*to),
                Event::Answer { node, .. } => Some(*node),
                _ => None,
            },
        }
    }

    /// The member that a candidate happens to, at once or by an answer at the same moment.
    pub(super) fn happens_to(&self, next: &Next) -> Option<NodeId> {
        match next {
            Next::Wake(node) | Next::Own(node) => Some(*node),
            Next::Open(due) => match &due.value.what {
                Event::Lock { node, .. } => Some(*node),
                _ => self.stepped(next),
            },
        }
    }

    /// Lets something happen, at its earliest moment or now if that is later.
    pub(super) fn take(&mut self, site: &Site, candidate: &Candidate) {
        self.now = self.now.max(candidate.from);
        (self.touched, self.broken) = (false, None);
        self.sent.clear();
        match &candidate.next {
            Next::Wake(node) => self.feed(site, *node, Input::Wake),
            Next::Own(node) => {
                let due = self.own[node.index()].remove(0);
                self.happen(site, due.value.what.clone());
            }
            Next::Open(due) => {
                let same = |other: &Arc<Marked<Due>>| other.mark() == due.mark();
                let place = self.open.iter().position(same).expect("it is under way");
                self.open.remove(place);
                self.happen(site, due.value.what.clone());
            }
        }
        self.judge(site);
    }

    /// Whether a member's Cluster service is in this life.
    pub(super) fn lives(&self, node: NodeId, life: u32) -> bool {
        self.member(node).life == life
    }

    /// Steps a core and does what it wants.
    pub(super) fn feed(&mut self, site: &Site, node: NodeId, input: Input) {
        let now = self.now;
        let member = self.member_mut(node);
        let Some(core) = member.core.as_ref().filter(|_| member.up) else { return };
        let mut core = core.value.clone();
        let mut effects = Vec::new();
        let step = AssertUnwindSafe(|| core.step(now, input, &mut effects));
        if let Err(panic) = catch_unwind(step) {
            let why = format!("the program stops: {}", told(panic.as_ref()));
            self.end_life(node);
            return self.breaks(PANICS, why);
        }
        let member = self.member_mut(node);
        member.core = Some(Arc::new(Marked::new(core)));
        for effect in effects {
            self.perform(site, node, effect);
        }
    }

    /// The Cluster service starts.
    pub(super) fn start(&mut self, site: &Site, node: NodeId, life: u32) {
        let now = self.now;
        let member = self.member_mut(node);
        if member.life != life || member.core.is_some() || !member.up {
            return;
        }
        member.life += 1;
        let boot = Boot {
            durable: member.durable.value.clone(),
            links: site.links(node),
            replication_service: true,
            start: Start::default(),
            time_of_day: site.time_of_day(now),
        };
        member.core = Some(Arc::new(Marked::new(Node::new(site.config(node), boot, now))));
    }

    /// The present life of a Cluster service ends.
    pub(super) fn end_life(&mut self, node: NodeId) {
        let member = self.member_mut(node);
        member.life += 1;
        member.core = None;
        member.newest.clear();
        member.online.clear();
        member.standing = Standing::None;
    }
}
