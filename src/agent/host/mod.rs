//! The hands of a real host: what a node wants is sent, begun and told here. Everything that takes
//! time is done by a task of its own, which tells how it ended; this never waits.

mod acknowledge;
mod address;
mod clear;
mod copies;
mod error;
mod name;
mod orders;
mod prepare;
mod renew;
mod services;
mod shadow;
mod start;
mod vigil;
mod words;

pub use clear::clear;
pub use error::StartError;
pub use name::NameServer;
pub use prepare::prepare;
pub use start::start;
pub use vigil::Vigil;

use super::clock::Clock;
use super::control::{Answer, Request};
use super::database::Instance;
use super::driver::Hands;
use super::keeper::Ask;
use super::lease::{self, Gate, Lease, Thing};
use super::paths::Paths;
use super::run::{Datagram, News, Surroundings, Told};
use super::status::{CopyHere, Counts};
use super::store::Kept as Stored;
use super::wire::{Key, Wire};
use crate::base::{DbId, IdVec, Instant, NicId, NodeId, NodeSet, OpId, ResourceId, Span};
use crate::failover::Node;
use crate::failover::config::Config;
use crate::failover::fencing::{Bonds, Fence, Voter, majority};
use crate::failover::message::Message;
use crate::failover::seam::{Act, Boot, Durable, Failure, Input, Note, Order, Outcome, Start};
use crate::journal::record::Plant;
use crate::journal::{RecordNo, What};
use crate::model::Topology;
use orders::Notices;
use shadow::Shadow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{oneshot, watch};

/// Something that is done to a resource or a copy.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Wanted {
    /// The life of the service that wants it, by its count; none: this host does, and nobody is
    /// told.
    pub life: Option<u32>,
    /// The operation.
    pub op: OpId,
    /// What to do.
    pub act: Act,
    /// The record of the wish.
    pub record: RecordNo,
}

impl Wanted {
    /// What is told when it has ended.
    pub(super) fn ended(&self, facts: Vec<Plant>, outcome: Outcome) -> News {
        let input = self.life.map(|_| Input::Done { op: self.op, outcome });
        let cause = self.life.map(|_| self.record);
        News::Told(Told { life: self.life, cause, facts, input })
    }
}

/// Whoever does what is wanted of a resource.
pub(super) enum Worker {
    /// Takes one after the other.
    Task(UnboundedSender<Wanted>),
    /// The witness.
    Witness,
    /// Nothing on this host serves it.
    Nobody,
}

/// What the leases hang on.
pub(super) struct Guard {
    pub gate: Gate,
    /// Another gate is made, in place of one whose table somebody has removed.
    pub making: Option<oneshot::Receiver<Result<Gate, lease::Error>>>,
    pub lease: Lease,
    /// What a lease is asked for of each resource and database.
    pub of_resource: BTreeMap<ResourceId, Thing>,
    pub of_database: BTreeMap<DbId, Thing>,
    /// What is served here, leases permitting.
    pub serves: BTreeSet<Thing>,
    /// What of it is asked for anew since its lease ended, and not granted yet.
    pub again: BTreeSet<Thing>,
    /// Told of every renewal, so that addresses live on.
    pub renewed: tokio::sync::watch::Sender<Renewals>,
}

/// What those who keep an address are told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Renewals {
    /// Renewals of the leases.
    pub count: u64,
    /// How often another host's claim may have ended unheard: a lease was granted, before which
    /// nothing could be announced, or the view is another.
    pub doubts: u64,
}

/// This host.
pub struct Host {
    pub(super) me: NodeId,
    pub(super) topology: Arc<Topology>,
    pub(super) config: Config,
    pub(super) clock: Clock,
    pub(super) wire: Wire,
    pub(super) paths: Paths,
    pub(super) bonds: Bonds,
    /// When the life of each other member's service began that was heard last.
    pub(super) heard: BTreeMap<NodeId, Instant>,
    pub(super) fence: Fence,
    /// Who has a vote beside this member.
    pub(super) voters: Vec<Voter>,
    pub(super) patience: Span,
    /// Keeps states on the disk, one after the other.
    pub(super) stored: std::sync::mpsc::Sender<(Stored, Wanted)>,
    /// What was handed to it last, or was there before.
    pub(super) kept: Option<Durable>,
    pub(super) keeper: Option<UnboundedSender<Ask>>,
    pub(super) workers: IdVec<ResourceId, Worker>,
    pub(super) copies: BTreeMap<DbId, UnboundedSender<Wanted>>,
    /// How far the logs of those that are mounted here go.
    pub(super) published: copies::Published,
    /// The same, for what the node has no part in.
    pub(super) instances: BTreeMap<DbId, Arc<Instance>>,
    pub(super) guard: Option<Guard>,
    /// What it takes for done, if it only watches.
    pub(super) shadow: Option<Shadow>,
    /// What may not begin before this member is bound to those that it would take over from.
    pub(super) waits: Vec<(Instant, Wanted)>,
    /// Who is in its view, as of the last step.
    pub(super) members: NodeSet,
    pub(super) view: (NodeSet, bool, bool, u64),
    /// Told of members and quorum.
    pub(super) viewed: watch::Sender<acknowledge::View>,
    pub(super) news: UnboundedSender<News>,
    pub(super) counts: Counts,
    /// What a node begins from that never ran.
    pub(super) first: Durable,
    pub(super) key: Key,
    pub(super) site: u64,
    /// Whether each adapter has carrier.
    pub(super) links: IdVec<NicId, bool>,
    /// Counts lives of the service, as the driver does.
    pub(super) lives: u32,
    /// How the next life begins.
    pub(super) start: Start,
    /// Whether it begins as soon as the present one has ended.
    pub(super) at_once: bool,
    /// When the next life begins; none: it has begun, or is not to.
    pub(super) again: Option<Instant>,
    /// What administrators are told.
    notices: Notices,
    pub(super) stops: bool,
    pub(super) over: bool,
    /// Who watches this process.
    pub(super) vigil: Vigil,
    /// Claims of other hosts on addresses that are online here.
    pub(super) conflicts: Arc<AtomicU64>,
}

impl Host {
    /// The clock that its moments are of.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Has it watched by these from now on.
    pub fn watched_by(&mut self, vigil: Vigil) {
        self.vigil = vigil;
    }

    /// Everything has ended in good order; whoever watches is told.
    pub fn finish(&mut self) {
        self.vigil.end();
    }

    /// Members that are not in the view: what was theirs may be taken over.
    fn absent(&self) -> NodeSet {
        self.config.nodes.ids().filter(|node| !self.members.contains(*node)).collect()
    }

    /// What bonds go by: also for what the very step wants done that took the view.
    fn take_view(&mut self, node: Option<&Node>) {
        let view = node.map(Node::view);
        let (members, in_force) =
            view.map_or((NodeSet::EMPTY, false), |view| (view.members, view.in_force));
        self.bonds.viewed(members, in_force, self.clock.now());
        self.members = members;
    }

    /// Votes that make a majority.
    fn majority(&self) -> usize {
        let votes = self.topology.machines[self.me.into()].vote;
        majority(self.voters.len(), votes)
    }

    /// Until when nobody can have taken over, as far as is known.
    fn safe_until(&self) -> Option<Instant> {
        let (_, quorum, ..) = self.view;
        self.fence.until(&self.voters, self.majority()).filter(|_| quorum)
    }

    /// Has something done, now or as soon as this member is bound to nobody that it takes over
    /// from.
    fn have_done(&mut self, wanted: Wanted, now: Instant) {
        let takes_over =
            matches!(wanted.act, Act::Online(_) | Act::Mount(_) | Act::ClaimWitness { .. });
        let free = self.bonds.free(self.absent());
        if takes_over && free > now {
            self.waits.push((free, wanted));
        } else {
            self.begin_now(wanted);
        }
    }

    fn begin_now(&mut self, wanted: Wanted) {
        if self.shadow.is_some() {
            return self.would_do(&wanted);
        }
        self.guard_for(&wanted.act);
        let sent = match &wanted.act {
            Act::ClaimWitness { .. }
            | Act::TestWitness { .. }
            | Act::WitnessBoot { .. }
            | Act::ReleaseWitness { .. } => return self.ask_keeper(&wanted),
            Act::Store(durable) => return self.store(&wanted, &durable.clone()),
            Act::Online(id)
            | Act::Offline(id)
            | Act::Terminate(id)
            | Act::LooksAlive(id)
            | Act::IsAlive(id) => match &self.workers[*id] {
                Worker::Task(task) => task.send(wanted.clone()).is_ok(),
                Worker::Witness => return self.witness_resource(&wanted),
                Worker::Nobody => false,
            },
            Act::CopyStatus(database)
            | Act::CopyLastLogs { database, .. }
            | Act::Mount(database)
            | Act::Dismount(database)
            | Act::Follow { database, .. } => {
                let copy = self.copies.get(database);
                copy.is_some_and(|copy| copy.send(wanted.clone()).is_ok())
            }
            Act::Stop { .. } => true,
        };
        if !sent {
            self.tell(wanted.ended(Vec::new(), Outcome::Failed(Failure::Terminated)));
        }
    }

    /// What is to be served from now on is asked for, what is not is withdrawn before it ends.
    fn guard_for(&mut self, act: &Act) {
        let Some(guard) = &mut self.guard else { return };
        let (thing, serves) = match act {
            Act::Online(id) => (guard.of_resource.get(id), true),
            Act::Offline(id) | Act::Terminate(id) => (guard.of_resource.get(id), false),
            Act::Mount(id) => (guard.of_database.get(id), true),
            Act::Dismount(id) => (guard.of_database.get(id), false),
            _ => return,
        };
        let Some(thing) = thing.copied() else { return };
        if serves {
            guard.serves.insert(thing);
            guard.lease.ask(thing);
        } else {
            guard.serves.remove(&thing);
            guard.again.remove(&thing);
            guard.lease.release(thing);
            if let Err(error) = guard.gate.withdraw(thing) {
                tracing::error!(%thing, %error, "a lease could not be withdrawn; it ends by itself");
            }
        }
    }

    pub(super) fn ask_keeper(&mut self, wanted: &Wanted) {
        let asked = (self.lives, wanted.op, wanted.record);
        let ask = match wanted.act {
            Act::ClaimWitness { known, epoch, .. } => Ask::Claim { asked, known, epoch },
            Act::TestWitness { known, .. } => Ask::Test { asked, known },
            Act::WitnessBoot { .. } => Ask::Boot { asked },
            Act::ReleaseWitness { .. } => Ask::Release { asked },
            _ => return,
        };
        let taken = self.keeper.as_ref().is_some_and(|keeper| keeper.send(ask).is_ok());
        if !taken {
            self.tell(wanted.ended(Vec::new(), Outcome::Failed(Failure::NoPath)));
        }
    }

    /// The witness resource is online where the witness answers.
    fn witness_resource(&mut self, wanted: &Wanted) {
        let asked = (self.lives, wanted.op, wanted.record);
        match wanted.act {
            Act::Offline(_) | Act::Terminate(_) => self.tell(wanted.ended(Vec::new(), Outcome::Ok)),
            _ => {
                let ask = Ask::IsAlive { asked };
                if self.keeper.as_ref().is_none_or(|keeper| keeper.send(ask).is_err()) {
                    self.tell(wanted.ended(Vec::new(), Outcome::Failed(Failure::NoPath)));
                }
            }
        }
    }

    /// What the next life begins from, on the disk before the operation ends.
    pub(super) fn store(&mut self, wanted: &Wanted, durable: &Durable) {
        let kept = Stored { durable: durable.clone(), latest: self.clock.now() };
        self.kept = Some(durable.clone());
        if self.stored.send((kept, wanted.clone())).is_err() {
            self.tell(wanted.ended(Vec::new(), Outcome::Failed(Failure::Disk)));
        }
    }

    /// The kernel lets nobody reach anything here from now on.
    fn serve_no_more(&mut self) {
        if let Some(guard) = &mut self.guard {
            guard.serves.clear();
            guard.again.clear();
            guard.lease.release_all();
            if let Err(error) = guard.gate.withdraw_all() {
                tracing::error!(%error, "leases could not be withdrawn; they end by themselves");
            }
        }
    }

    pub(super) fn tell(&self, news: News) {
        // Nobody listens any more when everything ends.
        let _ = self.news.send(news);
    }
}

impl Hands for Host {
    fn stepped(&mut self, node: &Node) {
        self.counts.inputs += 1;
        self.take_view(Some(node));
    }

    fn send(&mut self, nic: NicId, to: NodeId, message: Message, record: RecordNo) {
        self.say(nic, to, &message, record);
    }

    fn begin(&mut self, op: OpId, act: Act, record: RecordNo) {
        let now = self.clock.now();
        let life = Some(self.lives);
        self.have_done(Wanted { life, op, act, record }, now);
    }

    fn note(&mut self, note: &Note) {
        tracing::info!(?note);
        if let Note::OrderRefused { order, why } = note {
            self.notices.refused.push((*order, *why));
        }
    }
}

impl Surroundings for Host {
    fn journal_ended(&mut self, why: &std::io::Error) {
        tracing::error!(%why, "the journal has ended: what this member does is not recorded");
        self.counts.journals_ended += 1;
    }

    fn datagram(&mut self, datagram: &Datagram) -> Option<(Input, Option<What>)> {
        self.hear(datagram)
    }

    fn turn(&mut self, now: Instant, _since_last: Span) {
        self.renew(now);
        self.vigil.turn(now);
        let due: Vec<Wanted> = {
            let (due, waits) =
                std::mem::take(&mut self.waits).into_iter().partition(|it| it.0 <= now);
            self.waits = waits;
            let due: Vec<(Instant, Wanted)> = due;
            due.into_iter().map(|(_, wanted)| wanted).collect()
        };
        due.into_iter().for_each(|wanted| self.have_done(wanted, now));
    }

    fn seen(&mut self, node: Option<&Node>) {
        self.take_view(node);
        let view = node.map(Node::view);
        if let Some(view) = &view {
            self.give_up(view);
        }
        let me = self.me;
        let core = self.config.core_group();
        let now = view.map_or((NodeSet::EMPTY, false, false, 0), |view| {
            let owner = view.database.groups.get(core).and_then(|group| group.owner);
            (view.members, view.quorum, view.quorum && owner == Some(me), view.view)
        });
        if now != self.view {
            self.view = now;
            let (members, quorum, owns, number) = now;
            self.viewed.send_replace((members, quorum));
            self.vigil.seen(quorum);
            if let Some(guard) = &self.guard {
                guard.renewed.send_modify(|it| it.doubts += 1);
            }
            if let Some(keeper) = self.keeper.as_ref().filter(|_| self.shadow.is_none()) {
                // One that has ended is told of by what it does not answer.
                let _ = keeper.send(Ask::Reserve(owns.then_some(number)));
            }
        }
    }

    fn happened(&mut self, fact: &Plant) {
        match *fact {
            Plant::Adapter { nic, up, .. } => {
                self.links[nic] = up;
                if up {
                    self.paths.renew(nic);
                }
            }
            // Also one that nobody asked for ends what clients reach.
            Plant::Dismounted { copy } if copy.node == self.me => {
                self.guard_for(&Act::Dismount(copy.database));
            }
            Plant::Copy { copy, status, copy_queue, replay_queue, .. } if copy.node == self.me => {
                let status = format!("{status:?}");
                let copy = (copy.database, CopyHere { status, copy_queue, replay_queue });
                self.notices.copies.extend([copy]);
            }
            _ => {}
        }
    }

    fn witness(&mut self, vouches_since: Option<Span>) {
        match vouches_since {
            Some(began) => self.fence.renewed(self.clock.at(began), self.patience),
            None => self.fence.released(Voter::Witness),
        }
    }

    fn asked(&mut self, node: Option<&Node>, request: Request) -> (Answer, Option<Order>) {
        self.notices.refused.clear();
        match request {
            Request::Status => (Answer::Status(Box::new(self.status(node))), None),
            Request::Order(line) => self.order(node, &line),
            Request::Reload => {
                (Answer::Refused("a member itself has no file to read again".to_owned()), None)
            }
            Request::Stop => {
                self.stops = true;
                self.vigil.stopping();
                let order = node.map(|_| Order::StopService);
                self.over |= order.is_none();
                (Answer::Taken, order)
            }
        }
    }

    fn refusal(&mut self, of: Order) -> Option<String> {
        self.notices.refusal(of)
    }

    fn ended(&mut self, now: Instant, restart: bool) {
        self.waits.clear();
        self.wire.fall_silent();
        self.serve_no_more();
        let own = |act| Wanted { life: None, op: OpId(0), act, record: RecordNo(0) };
        for id in self.topology.resources.ids() {
            if let Worker::Task(task) = &self.workers[id] {
                let _ = task.send(own(Act::Terminate(id)));
            }
        }
        for (database, copy) in &self.copies {
            let _ = copy.send(own(Act::Dismount(*database)));
        }
        let at_once = std::mem::take(&mut self.at_once);
        let delay = match at_once {
            true => Span::ZERO,
            false => self.topology.settings.cluster.service_restart_delay,
        };
        // A service that was stopped is started again by an order.
        self.again = ((restart || at_once) && !self.stops).then(|| now + delay);
        self.over |= self.stops;
    }

    fn deadline(&self) -> Option<Instant> {
        let waits = self.waits.iter().map(|(at, _)| *at);
        // Also with nothing to renew: that is how it is noticed that the process stood still.
        let renewal = self.guard.as_ref().map(|guard| {
            let interval = guard.lease.policy().interval.as_nanos() as u64;
            self.clock.now() + Span::from_nanos(interval)
        });
        waits.chain(renewal).chain(self.again).min()
    }

    fn begins(&mut self, now: Instant) -> Option<(Config, Boot)> {
        self.again.take_if(|at| *at <= now)?;
        self.lives += 1;
        self.counts.lives += 1;
        let members = self.config.nodes.len();
        self.wire = Wire::new(self.me, now, self.site, self.key.clone(), members);
        let durable = self.kept.clone().unwrap_or_else(|| self.first.clone());
        let links = self.links.values().copied().collect();
        let (start, time_of_day) = (std::mem::take(&mut self.start), Span::ZERO);
        let replication_service = true;
        let boot = Boot { durable, links, replication_service, start, time_of_day };
        Some((self.config.clone(), boot))
    }

    fn over(&self) -> bool {
        self.over
    }
}

fn duration(span: Span) -> Duration {
    Duration::from_nanos(span.as_nanos())
}
