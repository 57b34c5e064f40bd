//! The driver of the cores that are explored: does what they want, and lets happen what comes.
//!
//! It keeps to the times of the simulator's plant; where a draw has bounds there, something has a
//! window here.

use super::mark::Marked;
use super::site::Site;
use super::world::{Broken, Cut, Due, Event, Sent, Standing, World};
use crate::base::{DbId, NicId, NodeId, OpId, ResourceId, Span};
use crate::failover::config::ResourceKind;
use crate::failover::message::Message;
use crate::failover::seam::{Act, Effect, Failure, GroupState, Input, Note, Outcome, Report};
use std::sync::Arc;

const STARTS: &[Standing] = &[Standing::Held];
const ARRIVES: &[Standing] = &[Standing::Held, Standing::Undecided];

impl World {
    /// Does what a core wants.
    pub(super) fn perform(&mut self, site: &Site, node: NodeId, effect: Effect) {
        match effect {
            Effect::Send { nic, to, message } => self.send(site, (node, nic), to, message),
            Effect::Do { op, act } => self.begin(site, node, op, act),
            Effect::Note(note) => self.heard(site, node, &note),
        }
    }

    /// A frame leaves, if no cut stops it. Whether it is lost is chosen by whoever explores.
    fn send(&mut self, site: &Site, (from, nic): (NodeId, NicId), to: NodeId, message: Message) {
        self.touched = true;
        let network = site.network(from, nic);
        let Some(nic) = site.adapter(to, network) else { return };
        let stopped = self.cuts.iter().any(|cut| cut.stops(network, from));
        if stopped || !self.member(to).up {
            return;
        }
        let (least, most) = site.flight();
        let what = Event::Frame { to, nic, from, message };
        let due = Due { from: self.now + least, to: self.now + most, what };
        self.sent.push(Sent { network, from, due: Arc::new(Marked::new(due)) });
    }

    /// Answers an operation after a span.
    pub(super) fn answer(&mut self, node: NodeId, op: OpId, after: Span, outcome: Outcome) {
        let life = self.member(node).life;
        self.plan_own(node, after, Event::Answer { node, life, op, outcome });
    }

    fn begin(&mut self, site: &Site, node: NodeId, op: OpId, act: Act) {
        match act {
            Act::ClaimWitness { known, epoch, .. } => {
                self.ask_lock(site, node, op, (known, Some(epoch)));
            }
            Act::TestWitness { known, .. } => self.ask_lock(site, node, op, (known, None)),
            Act::WitnessBoot { .. } => {
                let life = self.member(node).life;
                match self.open_log(site, node) {
                    Ok(window) => {
                        let outcome = Outcome::WitnessBoot(crate::base::Instant::ZERO);
                        self.plan_open(window, Event::Answer { node, life, op, outcome });
                    }
                    Err((after, failure)) => {
                        self.answer(node, op, after, Outcome::Failed(failure));
                    }
                }
            }
            Act::ReleaseWitness { .. } => {
                self.close_log(site, node);
                self.answer(node, op, Span::ZERO, Outcome::Ok);
            }
            Act::Store(durable) => {
                self.note_epoch(site, node, &durable);
                self.member_mut(node).durable = Arc::new(Marked::new(*durable));
                self.answer(node, op, Span::ZERO, Outcome::Ok);
            }
            Act::Online(resource) => {
                self.starts(site, node, |site| site.topology.resources[resource].name.clone());
                self.member_mut(node).newest.insert(resource, op);
                self.online(site, node, op, resource);
            }
            Act::Offline(resource) => {
                self.member_mut(node).newest.insert(resource, op);
                let own = site.topology.resources[resource].own.offline_time;
                let time = own.unwrap_or(site.settings().cluster.offline_time);
                let life = self.member(node).life;
                self.plan_own(node, time, Event::Unbind { node, life, op: Some(op), resource });
            }
            Act::Terminate(resource) => {
                self.touched = true;
                let member = self.member_mut(node);
                member.newest.insert(resource, op);
                member.bound.remove(&resource);
                self.answer(node, op, Span::ZERO, Outcome::Ok);
            }
            Act::LooksAlive(resource) => self.check(site, node, op, resource, false),
            Act::IsAlive(resource) => self.check(site, node, op, resource, true),
            Act::Mount(database) => {
                self.starts(site, node, |site| site.topology.databases[database].name.clone());
                self.begin_copy(site, node, op, &act);
            }
            Act::CopyStatus(_)
            | Act::CopyLastLogs { .. }
            | Act::Dismount(_)
            | Act::Follow { .. } => self.begin_copy(site, node, op, &act),
            Act::Stop { restart } => self.stop(site, node, restart),
        }
    }

    fn online(&mut self, site: &Site, node: NodeId, op: OpId, resource: ResourceId) {
        let life = self.member(node).life;
        match site.kind(resource) {
            ResourceKind::IpAddress { .. } => self.arp(site, node, op, resource, 0),
            ResourceKind::NetworkName => {
                self.touched = true;
                let (directory, cluster) = (&site.settings().directory, &site.settings().cluster);
                if !site.is_controlled() || !self.reaches_others(node) {
                    let outcome = Outcome::Failed(Failure::NoDomainController);
                    return self.answer(node, op, directory.timeout, outcome);
                }
                let (least, most) = site.round(directory.log_on_time);
                let then = cluster.network_name_registration;
                let what = Event::Answer { node, life, op, outcome: Outcome::Ok };
                self.plan_open((least + then, most + then), what);
            }
            ResourceKind::FileShareWitness => self.open_for(site, node, op, None),
            ResourceKind::GenericService
            | ResourceKind::GenericApplication
            | ResourceKind::Wait => {
                let own = &site.topology.resources[resource].own;
                let whole = own.online_time.unwrap_or(site.settings().cluster.generic_online_time);
                let every = own.tells_every.unwrap_or(Span::MAX);
                let mut told = every;
                while told < whole {
                    self.plan_own(node, told, Event::AtWork { node, life, resource });
                    told += every;
                }
                self.answer(node, op, whole, Outcome::Ok);
            }
        }
    }

    /// Opens the witness's log for its resource; `failed` is what a health check answers then.
    fn open_for(&mut self, site: &Site, node: NodeId, op: OpId, failed: Option<Failure>) {
        let life = self.member(node).life;
        match self.open_log(site, node) {
            Ok(window) => {
                let what = Event::Answer { node, life, op, outcome: Outcome::Ok };
                self.plan_open(window, what);
            }
            Err((after, failure)) => {
                self.answer(node, op, after, Outcome::Failed(failed.unwrap_or(failure)));
            }
        }
    }

    /// One more ARP request for an address; after the last one's wait it is bound.
    pub(super) fn arp(
        &mut self,
        site: &Site,
        node: NodeId,
        op: OpId,
        resource: ResourceId,
        sent: u32,
    ) {
        self.touched = true;
        let cluster = &site.settings().cluster;
        let other = self.member(site.other(node));
        if self.is_overtaken(node, op, resource) {
            self.answer(node, op, Span::ZERO, Outcome::TimedOut);
        } else if !site.has_interface(node, resource) {
            self.answer(node, op, Span::ZERO, Outcome::Failed(Failure::NoInterface));
        } else if other.up && other.bound.contains(&resource) {
            self.answer(node, op, Span::ZERO, Outcome::Failed(Failure::DuplicateAddress));
        } else if sent < cluster.arp_retry_count {
            let life = self.member(node).life;
            let what = Event::Arp { node, life, op, resource, sent: sent + 1 };
            self.plan_own(node, cluster.arp_retry_interval, what);
        } else {
            self.member_mut(node).bound.insert(resource);
            self.answer(node, op, Span::ZERO, Outcome::Ok);
        }
    }

    /// Whether the core has begun something else with the resource since.
    fn is_overtaken(&self, node: NodeId, op: OpId, resource: ResourceId) -> bool {
        self.member(node).newest.get(&resource).is_some_and(|newest| *newest != op)
    }

    fn check(&mut self, site: &Site, node: NodeId, op: OpId, resource: ResourceId, thorough: bool) {
        match site.kind(resource) {
            ResourceKind::FileShareWitness if thorough => {
                self.open_for(site, node, op, Some(Failure::NotAlive));
            }
            ResourceKind::IpAddress { .. } if !self.member(node).bound.contains(&resource) => {
                self.answer(node, op, Span::ZERO, Outcome::Failed(Failure::NotAlive));
            }
            ResourceKind::IpAddress { .. }
            | ResourceKind::FileShareWitness
            | ResourceKind::NetworkName
            | ResourceKind::GenericService
            | ResourceKind::GenericApplication
            | ResourceKind::Wait => self.answer(node, op, Span::ZERO, Outcome::Ok),
        }
    }

    /// The Cluster service ends by its own decision.
    fn stop(&mut self, site: &Site, node: NodeId, restart: bool) {
        self.touched = true;
        self.end_life(node);
        let life = self.member(node).life;
        for resource in site.topology.resources.ids() {
            let time = site.settings().cluster.offline_time;
            self.plan_own(node, time, Event::Unbind { node, life, op: None, resource });
        }
        self.dismount_all(site, node);
        self.close_log(site, node);
        self.connectivity_changed(site);
        if restart {
            let delay = site.settings().cluster.service_restart_delay;
            self.plan_own(node, delay, Event::Start { node, life });
        }
    }

    /// A machine loses its power.
    pub(super) fn crash(&mut self, site: &Site, node: NodeId) {
        self.end_life(node);
        let member = self.member_mut(node);
        member.up = false;
        member.bound.clear();
        self.forget_own(node, |_| true);
        self.copies_of_machine(site, node, false);
        self.connectivity_changed(site);
    }

    /// A cut begins.
    pub(super) fn cut(&mut self, site: &Site, cut: Cut, lasts: Option<Span>) {
        self.cuts.insert(cut);
        if let Some(lasts) = lasts {
            self.plan_open((lasts, lasts), Event::Mend(cut));
        }
        self.connectivity_changed(site);
    }

    /// Everything is mended: cuts, and machines without power.
    pub(super) fn heal(&mut self, site: &Site) {
        self.cuts.clear();
        self.forget_open(|event| matches!(event, Event::Mend(_)));
        for node in site.nodes() {
            if !self.member(node).up {
                let boot = site.settings().power.boot_time;
                self.plan_own(node, boot, Event::PowerOn { node });
            }
        }
        self.connectivity_changed(site);
    }

    /// Lets something happen that was under way.
    pub(super) fn happen(&mut self, site: &Site, event: Event) {
        match event {
            Event::Frame { to, nic, from, message } => {
                self.feed(site, to, Input::Frame { nic, from, message });
            }
            Event::Answer { node, life, op, outcome } if self.lives(node, life) => {
                self.feed(site, node, Input::Done { op, outcome });
            }
            Event::AtWork { node, life, resource } if self.lives(node, life) => {
                self.feed(site, node, Input::Saw(Report::ResourceAtWork { resource }));
            }
            Event::Lock { node, life, op, known, write } if self.lives(node, life) => {
                let outcome = self.lock(site, node, (known, write));
                self.answer(node, op, Span::ZERO, outcome);
            }
            Event::Arp { node, life, op, resource, sent } if self.lives(node, life) => {
                self.arp(site, node, op, resource, sent);
            }
            Event::Status { node, life, op, database } if self.lives(node, life) => {
                let outcome = self.copy_status(node, database);
                self.feed(site, node, Input::Done { op, outcome });
            }
            Event::LastLogs { node, life, op, .. } if self.lives(node, life) => {
                let outcome = Outcome::LastLogs { copied: 0, missing: 0 };
                self.feed(site, node, Input::Done { op, outcome });
            }
            Event::Answer { .. }
            | Event::AtWork { .. }
            | Event::Lock { .. }
            | Event::Arp { .. }
            | Event::Status { .. }
            | Event::LastLogs { .. } => {}
            Event::Unbind { node, op, resource, .. } => self.unbind(node, op, resource),
            Event::LeaseEnd => self.let_go(),
            Event::Mounted { node, database } => self.mounted(site, node, database),
            Event::Dismounted { node, database } => self.dismounted(site, node, database),
            Event::Initialized { node, database } => self.initialized(site, node, database),
            Event::Disconnect { node, database } => self.disconnect(node, database),
            Event::Start { node, life } => self.start(site, node, life),
            Event::PowerOn { node } => {
                self.member_mut(node).up = true;
                self.copies_of_machine(site, node, true);
                self.connectivity_changed(site);
                let life = self.member(node).life;
                self.plan_own(node, Span::ZERO, Event::Start { node, life });
            }
            Event::Mend(cut) => {
                self.cuts.remove(&cut);
                self.connectivity_changed(site);
            }
        }
    }

    fn unbind(&mut self, node: NodeId, op: Option<OpId>, resource: ResourceId) {
        if let Some(op) = op
            && self.is_overtaken(node, op, resource)
        {
            return self.answer(node, op, Span::ZERO, Outcome::TimedOut);
        }
        self.member_mut(node).bound.remove(&resource);
        if let Some(op) = op {
            self.answer(node, op, Span::ZERO, Outcome::Ok);
        }
    }
}

/// What is judged: the promises of `check` that a space can break without clients and mail, in the
/// words of their own watches.
impl World {
    pub(super) fn breaks(&mut self, promise: &'static str, why: String) {
        self.broken.get_or_insert(Broken { promise, why });
    }

    /// Something is started: a node without quorum may not.
    fn starts(&mut self, site: &Site, node: NodeId, name: impl Fn(&Site) -> String) {
        if !STARTS.contains(&self.member(node).standing) {
            let why =
                format!("{} starts {} without quorum", site.topology.node_name(node), name(site));
            self.breaks("quorum-before-service", why);
        }
    }

    /// Something has come up: on a node that has lost quorum it may not.
    pub(super) fn arrives(&mut self, site: &Site, node: NodeId, name: &str) {
        if !ARRIVES.contains(&self.member(node).standing) {
            let why = format!("{name} is up on {} without quorum", site.topology.node_name(node));
            self.breaks("quorum-before-service", why);
        }
    }

    /// A core tells of a decision.
    fn heard(&mut self, site: &Site, node: NodeId, note: &Note) {
        self.touched = true;
        #[cfg(test)]
        self.told.push((self.now, node, note.clone()));
        match note {
            Note::View { .. } if self.member(node).standing == Standing::Held => {
                self.member_mut(node).standing = Standing::Undecided;
            }
            Note::QuorumHeld { .. } => {
                self.member_mut(node).standing = Standing::Held;
                self.judge_quorum(site, node);
            }
            Note::QuorumLost { .. } => self.member_mut(node).standing = Standing::None,
            Note::Group { group, owner, state } if *owner == node => {
                let online = matches!(state, GroupState::Online | GroupState::PartialOnline);
                let groups = &mut self.member_mut(node).online;
                if online {
                    groups.insert(*group);
                } else {
                    groups.remove(group);
                }
                if *state == GroupState::Online {
                    self.arrives(site, node, &site.topology.groups[*group].name);
                }
            }
            Note::Stopping { .. } => self.member_mut(node).online.clear(),
            _ => {}
        }
    }

    /// Two sides that do not know each other do not both have quorum.
    fn judge_quorum(&mut self, site: &Site, node: NodeId) {
        let other = site.other(node);
        let view = |node: NodeId| {
            let core = self.member(node).core.as_ref()?;
            let view = core.value.view();
            view.quorum.then_some(view.members)
        };
        if let (Some(ours), Some(theirs)) = (view(node), view(other))
            && ours.intersection(theirs).is_empty()
        {
            let name = |node| site.topology.node_name(node);
            let why = format!("{} and {} both have quorum apart", name(node), name(other));
            self.breaks("one-quorum", why);
        }
    }

    /// Nothing is at two places that clients reach: they reach every machine that has power.
    pub(super) fn judge(&mut self, site: &Site) {
        let [one, other] = &self.members;
        if !one.up || !other.up {
            return;
        }
        let group = one.online.intersection(&other.online).next().copied();
        let address = one.bound.intersection(&other.bound).next().copied();
        let twice = |database: &DbId| self.mounted_twice(*database);
        let database = site.topology.databases.ids().find(twice);
        if let Some(group) = group {
            let name = &site.topology.groups[group].name;
            self.breaks("one-owner", format!("group {name} is on both members"));
        }
        if let Some(resource) = address {
            let name = &site.topology.resources[resource].name;
            self.breaks("one-owner", format!("the address of {name} is on both members"));
        }
        if let Some(database) = database {
            let name = &site.topology.databases[database].name;
            self.breaks("one-mounted-copy", format!("{name} is mounted on both members"));
        }
    }
}
