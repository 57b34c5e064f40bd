//! Database copies and the witness's share in the world that is explored. What the simulator's
//! plant does with them is done here, as far as it decides anything without clients: no mail is
//! written, so all copies have the same logs.

use super::site::Site;
use super::world::{Event, MEMBERS, World};
use crate::base::{DbId, Id, Instant, NetId, NodeId, NodeSet, OpId, Span};
use crate::failover::seam::{
    Act, ContentIndex, CopyReport, CopyStatus, Durable, Failure, Outcome, Refusal,
};
use crate::model::topology::NetworkRole;

/// A copy of a database.
#[derive(Clone, Copy, Debug, Hash)]
pub(super) struct Copy {
    pub status: CopyStatus,
    /// Where the database is active, as Active Manager told here.
    active: NodeId,
    /// The operation that waits for a mount or dismount, and its life.
    pending: Option<(u32, OpId)>,
    /// Whether it has its connection to the active copy, and since when not.
    connected: bool,
    lost: Option<Instant>,
}

impl Copy {
    pub(super) fn new(status: CopyStatus, active: NodeId) -> Self {
        let connected = status == CopyStatus::Healthy;
        Copy { status, active, pending: None, connected, lost: None }
    }

    fn is_active(&self) -> bool {
        matches!(
            self.status,
            CopyStatus::Mounted
                | CopyStatus::Mounting
                | CopyStatus::Dismounting
                | CopyStatus::Dismounted
        )
    }

    /// Logs are equal everywhere, and all are replayed; one is as good as any number.
    fn report(&self) -> CopyReport {
        CopyReport {
            status: self.status,
            content_index: ContentIndex::Healthy,
            generated: 1,
            inspected: 1,
            replayed: 1,
            activation_suspended: false,
        }
    }
}

/// The witness's share.
#[derive(Clone, Debug, Hash, Default)]
pub(super) struct Share {
    /// Who holds the lock.
    pub holder: Option<NodeId>,
    /// The holder is not heard: when the lock is let go.
    lease: Option<Instant>,
    tag: u64,
    /// Who has the log open.
    open: NodeSet,
}

impl World {
    fn copy(&self, node: NodeId, database: DbId) -> &Copy {
        &self.copies[database][node.index()]
    }

    fn copy_mut(&mut self, node: NodeId, database: DbId) -> &mut Copy {
        &mut self.copies[database][node.index()]
    }

    fn has_copy(site: &Site, node: NodeId, database: DbId) -> bool {
        site.topology.databases[database].copies.contains(&node)
    }

    /// Begins an operation on a copy.
    pub(super) fn begin_copy(&mut self, site: &Site, node: NodeId, op: OpId, act: &Act) {
        self.touched = true;
        let life = self.member(node).life;
        let settings = site.settings();
        let database = match act {
            Act::CopyStatus(database)
            | Act::CopyLastLogs { database, .. }
            | Act::Mount(database)
            | Act::Dismount(database)
            | Act::Follow { database, .. } => *database,
            _ => unreachable!("only operations on databases come here"),
        };
        if !World::has_copy(site, node, database) {
            let none = match act {
                Act::Follow { .. } => Outcome::Ok,
                _ => Outcome::Failed(Failure::CopyUnusable),
            };
            return self.answer(node, op, Span::ZERO, none);
        }
        match act {
            Act::CopyStatus(_) => {
                let call = settings.active_manager.call_time;
                self.plan_own(node, call, Event::Status { node, life, op, database });
            }
            Act::CopyLastLogs { source, .. } => {
                self.ask_last_logs(site, node, op, database, *source);
            }
            Act::Mount(_) => self.mount(site, node, op, database),
            Act::Dismount(_) => self.dismount(site, node, op, database),
            Act::Follow { active, .. } => {
                self.follow(site, node, database, active.unwrap_or(node));
                self.answer(node, op, Span::ZERO, Outcome::Ok);
            }
            _ => unreachable!("told apart above"),
        }
    }

    /// The Replication service tells the state of its copy.
    pub(super) fn copy_status(&self, node: NodeId, database: DbId) -> Outcome {
        Outcome::Copy(self.copy(node, database).report())
    }

    fn ask_last_logs(
        &mut self,
        site: &Site,
        node: NodeId,
        op: OpId,
        database: DbId,
        source: Option<NodeId>,
    ) {
        let nothing = Outcome::LastLogs { copied: 0, missing: 0 };
        let known = |source: &NodeId| *source != node && World::has_copy(site, *source, database);
        match source.filter(known) {
            None => self.answer(node, op, Span::ZERO, nothing),
            Some(source) if self.connection(site) => {
                let life = self.member(node).life;
                let time = site.settings().ethernet.latency * 2;
                self.plan_own(node, time, Event::LastLogs { node, life, op, database, source });
            }
            Some(_) => {
                let time = site.settings().active_manager.attempt_copy_last_logs_timeout;
                self.answer(node, op, time, nothing);
            }
        }
    }

    /// Whether logs can go from one member to the other.
    fn connection(&self, site: &Site) -> bool {
        let cut = |network: NetId| {
            let stops = |node| self.cuts.iter().any(|cut| cut.stops(network, node));
            site.nodes().any(stops)
        };
        self.members.iter().all(|member| member.up)
            && site.shared().any(|network| {
                site.topology.networks[network].role != NetworkRole::None && !cut(network)
            })
    }

    fn set_status(&mut self, node: NodeId, database: DbId, status: CopyStatus) {
        self.forget_own(node, |event| match event {
            Event::Mounted { database: of, .. }
            | Event::Dismounted { database: of, .. }
            | Event::Initialized { database: of, .. } => *of == database,
            _ => false,
        });
        self.copy_mut(node, database).status = status;
    }

    fn mount(&mut self, site: &Site, node: NodeId, op: OpId, database: DbId) {
        let life = self.member(node).life;
        match self.copy(node, database).status {
            CopyStatus::Mounted => return self.answer(node, op, Span::ZERO, Outcome::Ok),
            CopyStatus::Mounting => {
                self.copy_mut(node, database).pending = Some((life, op));
                return;
            }
            CopyStatus::Dismounting => self.set_status(node, database, CopyStatus::Dismounted),
            _ => {}
        }
        self.set_status(node, database, CopyStatus::Mounting);
        let copy = self.copy_mut(node, database);
        (copy.active, copy.pending, copy.connected) = (node, Some((life, op)), false);
        let time = site.settings().store.mount_time;
        self.plan_own(node, time, Event::Mounted { node, database });
    }

    /// A mount ends: the database is online here.
    pub(super) fn mounted(&mut self, site: &Site, node: NodeId, database: DbId) {
        self.set_status(node, database, CopyStatus::Mounted);
        self.arrives(site, node, &site.topology.databases[database].name);
        self.answer_pending(node, database);
        self.evaluate(site, site.other(node), database);
    }

    fn answer_pending(&mut self, node: NodeId, database: DbId) {
        let pending = self.copy_mut(node, database).pending.take();
        if let Some((life, op)) = pending.filter(|(life, _)| self.lives(node, *life)) {
            let what = Event::Answer { node, life, op, outcome: Outcome::Ok };
            self.plan_own(node, Span::ZERO, what);
        }
    }

    fn dismount(&mut self, site: &Site, node: NodeId, op: OpId, database: DbId) {
        let life = self.member(node).life;
        match self.copy(node, database).status {
            CopyStatus::Mounted | CopyStatus::Mounting => {
                self.begin_dismount(site, node, database);
                self.copy_mut(node, database).pending = Some((life, op));
            }
            CopyStatus::Dismounting => self.copy_mut(node, database).pending = Some((life, op)),
            _ => self.answer(node, op, Span::ZERO, Outcome::Ok),
        }
    }

    fn begin_dismount(&mut self, site: &Site, node: NodeId, database: DbId) {
        self.set_status(node, database, CopyStatus::Dismounting);
        self.copy_mut(node, database).pending = None;
        let time = site.settings().store.dismount_time;
        self.plan_own(node, time, Event::Dismounted { node, database });
    }

    /// A dismount ends.
    pub(super) fn dismounted(&mut self, site: &Site, node: NodeId, database: DbId) {
        self.set_status(node, database, CopyStatus::Dismounted);
        self.answer_pending(node, database);
        if self.copy(node, database).active != node {
            self.initialize(site, node, database);
        }
    }

    /// Active Manager tells the Replication service where the database is active.
    fn follow(&mut self, site: &Site, node: NodeId, database: DbId, active: NodeId) {
        self.copy_mut(node, database).active = active;
        if active == node {
            return;
        }
        match self.copy(node, database).status {
            CopyStatus::Mounted | CopyStatus::Mounting => {
                self.begin_dismount(site, node, database);
            }
            CopyStatus::Dismounted => self.initialize(site, node, database),
            CopyStatus::Dismounting | CopyStatus::ServiceDown => {}
            _ => self.evaluate(site, node, database),
        }
    }

    /// A copy becomes passive, or its machine has booted.
    fn initialize(&mut self, site: &Site, node: NodeId, database: DbId) {
        self.set_status(node, database, CopyStatus::Initializing);
        let time = site.settings().replication.initializing_time;
        self.plan_own(node, time, Event::Initialized { node, database });
        self.evaluate(site, node, database);
    }

    /// A copy has initialized.
    pub(super) fn initialized(&mut self, site: &Site, node: NodeId, database: DbId) {
        self.evaluate(site, node, database);
        let (copy, now) = (*self.copy(node, database), self.now);
        let patience = site.settings().replication.disconnect_after;
        if copy.connected {
            self.set_status(node, database, CopyStatus::Healthy);
        } else if copy.lost.is_none_or(|lost| lost.saturating_add(patience) <= now) {
            self.set_status(node, database, CopyStatus::DisconnectedAndHealthy);
        }
    }

    /// A passive copy has been without its connection for too long.
    pub(super) fn disconnect(&mut self, node: NodeId, database: DbId) {
        if self.copy(node, database).status == CopyStatus::Healthy {
            self.set_status(node, database, CopyStatus::DisconnectedAndHealthy);
        }
    }

    /// Looks whether a passive copy can reach the active one now, and goes on from there.
    fn evaluate(&mut self, site: &Site, node: NodeId, database: DbId) {
        let copy = *self.copy(node, database);
        let follows = matches!(
            copy.status,
            CopyStatus::Healthy | CopyStatus::DisconnectedAndHealthy | CopyStatus::Initializing
        );
        if !follows || !World::has_copy(site, node, database) {
            return;
        }
        let source = copy.active != node && World::has_copy(site, copy.active, database);
        let void = |event: &Event| match event {
            Event::Disconnect { database: of, .. } => *of == database,
            _ => false,
        };
        if source && self.connection(site) {
            self.forget_own(node, void);
            let copy = self.copy_mut(node, database);
            (copy.connected, copy.lost) = (true, None);
            if copy.status != CopyStatus::Initializing {
                copy.status = CopyStatus::Healthy;
            }
        } else if copy.connected || copy.lost.is_none() {
            self.forget_own(node, void);
            let now = self.now;
            let copy = self.copy_mut(node, database);
            (copy.connected, copy.lost) = (false, Some(now));
            let time = site.settings().replication.disconnect_after;
            self.plan_own(node, time, Event::Disconnect { node, database });
        }
    }

    /// The Cluster service ended: its Active Manager dismounts what is mounted there.
    pub(super) fn dismount_all(&mut self, site: &Site, node: NodeId) {
        for database in site.topology.databases.ids() {
            let status = self.copy(node, database).status;
            if matches!(status, CopyStatus::Mounted | CopyStatus::Mounting) {
                self.begin_dismount(site, node, database);
            }
            self.copy_mut(node, database).pending = None;
        }
    }

    /// A machine lost its power, or has booted.
    pub(super) fn copies_of_machine(&mut self, site: &Site, node: NodeId, up: bool) {
        for database in site.topology.databases.ids() {
            if !World::has_copy(site, node, database) {
                continue;
            }
            let copy = self.copy_mut(node, database);
            copy.pending = None;
            let (active, elsewhere) = (copy.is_active(), copy.active != node);
            if up && (!active || elsewhere) {
                self.initialize(site, node, database);
            } else if !up {
                let status = if active { CopyStatus::Dismounted } else { CopyStatus::ServiceDown };
                self.set_status(node, database, status);
            }
        }
    }

    /// Who reaches whom has changed.
    pub(super) fn connectivity_changed(&mut self, site: &Site) {
        for database in site.topology.databases.ids() {
            for node in site.nodes() {
                self.evaluate(site, node, database);
            }
        }
        self.watch_holder(site);
    }
}

impl World {
    /// Whether a member can reach the machines beside the cluster.
    pub(super) fn reaches_others(&self, node: NodeId) -> bool {
        self.member(node).up && !self.cuts.iter().any(|cut| cut.isolates(node))
    }

    /// Whether a member can reach the witness's share.
    fn reaches_share(&self, site: &Site, node: NodeId) -> bool {
        site.topology.dag.witness.is_some() && self.reaches_others(node)
    }

    /// Opens the witness's log from a member: when that ends at the earliest and the latest, or why
    /// it fails and when.
    pub(super) fn open_log(
        &mut self,
        site: &Site,
        node: NodeId,
    ) -> Result<(Span, Span), (Span, Failure)> {
        self.touched = true;
        let witness = &site.settings().witness;
        if site.topology.dag.witness.is_none() {
            return Err((Span::ZERO, Failure::NoPath));
        }
        if !self.reaches_share(site, node) {
            return Err((witness.smb_timeout, Failure::NoAnswer));
        }
        let open = self.share.open.contains(node);
        Ok(site.round(if open { Span::ZERO } else { witness.open_time }))
    }

    /// A member claims the lock or, without an epoch to write, looks whether it is free.
    pub(super) fn ask_lock(
        &mut self,
        site: &Site,
        node: NodeId,
        op: OpId,
        (known, write): (u64, Option<u64>),
    ) {
        let life = self.member(node).life;
        match self.open_log(site, node) {
            Ok(window) => self.plan_open(window, Event::Lock { node, life, op, known, write }),
            Err((after, failure)) => {
                self.share.open = self.share.open.without(node);
                self.answer(node, op, after, Outcome::Failed(failure));
            }
        }
    }

    /// The log is open: locks it and compares the tag.
    pub(super) fn lock(
        &mut self,
        site: &Site,
        node: NodeId,
        (known, write): (u64, Option<u64>),
    ) -> Outcome {
        self.share.open = self.share.open.with(node);
        if !self.reaches_share(site, node) {
            return Outcome::Failed(Failure::NoAnswer);
        }
        if let Some(holder) = self.share.holder.filter(|of| *of != node) {
            return Outcome::Refused(Refusal::WitnessHeld(holder));
        }
        let own = self.share.holder == Some(node);
        if self.share.tag > known && !own {
            return Outcome::Refused(Refusal::WitnessNewer);
        }
        if let Some(epoch) = write {
            let share = &mut self.share;
            share.tag = share.tag.max(epoch);
            (share.holder, share.lease) = (Some(node), None);
            self.forget_open(|event| matches!(event, Event::LeaseEnd));
        }
        Outcome::Ok
    }

    /// A member gives the lock back or closes its files.
    pub(super) fn close_log(&mut self, site: &Site, node: NodeId) {
        self.touched = true;
        if self.share.holder == Some(node) && self.reaches_share(site, node) {
            self.let_go();
        }
        self.share.open = self.share.open.without(node);
    }

    /// Nobody holds the lock any more.
    pub(super) fn let_go(&mut self) {
        (self.share.holder, self.share.lease) = (None, None);
        self.forget_open(|event| matches!(event, Event::LeaseEnd));
    }

    /// A member with quorum stored what it knows: the tag follows.
    pub(super) fn note_epoch(&mut self, site: &Site, node: NodeId, durable: &Durable) {
        self.touched = true;
        let core = self.member(node).core.as_ref();
        if core.is_some_and(|core| core.value.view().quorum) && self.reaches_share(site, node) {
            self.share.tag = self.share.tag.max(durable.epoch);
        }
    }

    /// A holder that is no longer heard keeps the lock for its lease only.
    fn watch_holder(&mut self, site: &Site) {
        let Some(holder) = self.share.holder else { return };
        if self.reaches_share(site, holder) && self.member(holder).core.is_some() {
            self.share.lease = None;
            self.forget_open(|event| matches!(event, Event::LeaseEnd));
        } else if self.share.lease.is_none() {
            let lease = site.settings().witness.lease;
            self.share.lease = Some(self.now.saturating_add(lease));
            self.plan_open((lease, lease), Event::LeaseEnd);
        }
    }

    /// Whether a database is mounted on both members.
    pub(super) fn mounted_twice(&self, database: DbId) -> bool {
        let copies = &self.copies[database];
        (0..MEMBERS).all(|place| copies[place].status == CopyStatus::Mounted)
    }
}
