//! What a node does with what it is told.

use super::*;

impl Node {
    /// A message came in.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the next method takes all others")]
    pub(super) fn frame(&mut self, out: &mut Effects, nic: NicId, from: NodeId, message: Message) {
        let known = self.config.nodes.get(from).is_some() && from != self.me();
        let ours = self.config.nodes[self.me()].nics.get(nic).is_some();
        if !known || !ours {
            lend!(self, out).note(Note::BadFrame { from });
            return;
        }
        if self.started.is_none() {
            return;
        }
        match message {
            Message::Request { sequence, flags } => {
                let reply = Message::Reply { sequence };
                out.push(super::super::seam::Effect::Send { nic, to: from, message: reply });
                self.hear_flags(out, from, flags);
            }
            Message::Reply { sequence } => {
                let changed = self.heartbeat.reply(&mut lend!(self, out), nic, from, sequence);
                self.reach_changed(out, changed);
            }
            other => self.message(out, from, other),
        }
    }

    /// A message that does not depend on the path by which it came.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the two path messages are handled above")]
    pub(super) fn message(&mut self, out: &mut Effects, from: NodeId, message: Message) {
        match message {
            Message::State(flags) => self.hear_flags(out, from, flags),
            Message::Join { clear_quarantine } => self.hear_join(out, from, clear_quarantine),
            Message::Quarantined if !self.membership.is_member() => {
                self.stop(out, Why::Quarantined, true);
            }
            Message::Evicted if !self.database.evicted.contains(self.me()) => self.evicted(out),
            // It stood still, and others had quorum without it meanwhile.
            Message::Regroup(step)
                if self.quorum == Quorum::Held
                    && !step.member
                    && !step.forced
                    && step.newest.0 > self.membership.view =>
            {
                self.stop(out, Why::Evicted, true);
            }
            Message::Regroup(step) if self.may_take_part(from, &step) => {
                self.left = self.left.without(from);
                self.membership.hear(&mut lend!(self, out), from, step);
            }
            Message::View { view, members, lives, new, database } => {
                self.hear_view(out, from, view, members, (&lives, new), *database);
            }
            Message::ViewTaken { view } => self.hear_taken(out, from, view),
            Message::ViewInForce { view } if self.membership.told_in_force(from, view) => {
                self.in_force(out);
            }
            Message::Leave => self.hear_leave(out, from),
            Message::Update { view, epoch, database } => {
                self.hear_update(out, from, (view, epoch), *database);
            }
            Message::Updated { version } => {
                self.confirmed[from] = self.confirmed[from].max(version);
            }
            Message::Group(report) if self.coordinates() && self.may_begin() => {
                let hosts = self.hosts();
                let mut ctx = lend!(self, out);
                self.coordinator.told(&mut ctx, &mut self.database, from, &report, hosts);
            }
            Message::Order { number, order } if self.coordinates() && self.may_begin() => {
                lend!(self, out).send(from, Message::Ordered { number });
                if self.orders_seen[from].insert(number) {
                    self.carry_out(out, from, order);
                }
            }
            Message::Ordered { number } => {
                self.orders.retain(|(other, _)| *other != number);
                if !self.orders.is_empty() {
                    self.timers.set(Timer::Update, self.now);
                }
            }
            Message::Adapters { told, adapters } => {
                self.networks.hear(&mut lend!(self, out), from, told, adapters);
            }
            Message::AdaptersHeard { told } => self.networks.confirm(from, told),
            Message::Drained => self.drained = self.draining,
            other => self.database_message(out, from, other),
        }
    }

    /// A service that was started with PreventQuorum joins a cluster, and forms none with others
    /// that start. With who was evicted nobody regroups.
    fn may_take_part(&self, from: NodeId, step: &Regroup) -> bool {
        let prevented = self.start.quorum == StartQuorum::Prevent;
        let able = step.member || !prevented || self.membership.is_member();
        able && !self.database.evicted.contains(from)
    }

    /// The cluster has evicted this node: it keeps that in mind, and does not start again by
    /// itself.
    fn evicted(&mut self, out: &mut Effects) {
        self.database.evicted = self.database.evicted.with(self.me());
        self.database.changed();
        self.keep(out);
        self.stop(out, Why::NoMember, false);
    }

    /// What Active Managers say to each other.
    #[expect(clippy::wildcard_enum_match_arm, reason = "all others are handled above, or late")]
    fn database_message(&mut self, out: &mut Effects, from: NodeId, message: Message) {
        // Who went on without this node, or is about to be gone on without, has no say here.
        if self.membership.is_member() && !self.membership.members.contains(from) {
            return;
        }
        let (servers, may_begin) = (self.servers(), self.may_begin());
        let coordinator = self.coordinator_node().unwrap_or(from);
        let valid = |database: DbId| self.config.databases.get(database).is_some();
        let mut ctx = lend!(self, out);
        match message {
            Message::AskCopy(database) if valid(database) => {
                self.databases.ask_copy(&mut ctx, from, database);
            }
            Message::Copy { database, report } if self.is_primary => {
                self.primary.told_copy(from, database, report);
            }
            Message::Dismount { database, operation } if valid(database) && coordinator == from => {
                self.databases.dismount(&mut ctx, database, operation, Some(from));
            }
            Message::Dismounted { database, operation } if self.is_primary => {
                let shared = &mut self.database;
                self.primary.told_dismounted(&mut ctx, shared, database, operation, servers);
            }
            Message::Activate { database, operation, attempt, source, takes_over, own, over }
                if valid(database) && may_begin && coordinator == from =>
            {
                let ask = Ask { primary: from, operation, attempt, source, takes_over, own, over };
                self.databases.activate(&mut ctx, database, ask);
            }
            Message::Activated { database, operation, attempt, result, last_log }
                if self.is_primary =>
            {
                let count = (operation, attempt);
                let shared = &mut self.database;
                let primary = &mut self.primary;
                primary.told_activated(
                    &mut ctx, shared, from, database, count, result, last_log, servers,
                );
            }
            Message::DatabaseFailed { database, failure: _ }
                if self.is_primary && valid(database) =>
            {
                let entry = &mut self.database.databases[database];
                if entry.active == Some(from) && entry.mounted {
                    entry.mounted = false;
                    let wanted = entry.wanted;
                    self.database.changed();
                    if !wanted {
                        return;
                    }
                    let wish = Wish {
                        kind: Operation::Failover,
                        why: Why::DatabaseFailed,
                        to: None,
                        dial: None,
                        skip: SkipChecks::default(),
                    };
                    self.primary.begin(&mut ctx, &mut self.database, database, wish, servers);
                }
            }
            _ => {}
        }
    }

    fn hear_flags(&mut self, out: &mut Effects, from: NodeId, flags: Flags) {
        let known = self.peers[from].map_or((flags.life, 0), |known| (known.life, known.number));
        if (flags.life, flags.number) < known {
            return;
        }
        self.calm &= self.peers[from] == Some(flags);
        let before = self.peers[from].replace(flags);
        if flags.view > 0 && self.sends_away(out, from) {
            return;
        }
        let member = self.membership.members.contains(from);
        if flags.view == 0 && self.membership.began_anew(from, flags.life) {
            // It was gone for less time than anybody needs to notice.
            self.calm = false;
            self.joiners = self.joiners.with(from);
            self.left = self.left.without(from);
            self.membership.regroup(&mut lend!(self, out), NodeSet::only(from));
        }
        let same_view = member && flags.view == self.membership.view;
        let confirms = same_view && flags.quorum && flags.witness;
        if same_view && !flags.witness && before.is_some_and(|flags| flags.witness) {
            self.without_its_holder(out);
        }
        let without_me = flags.quorum && !flags.members.contains(self.me());
        if member && without_me && flags.view > self.membership.view {
            self.stop(out, Why::Evicted, true);
            return;
        }
        let forced = flags.quorum && flags.forced && !member;
        let mine = (self.membership.view, self.membership.members.lowest());
        // Two that were forced in the same moment: the one with the lower node yields.
        let yields = !self.database.quorum.forced || (flags.view, flags.members.lowest()) > mine;
        if forced && yields && self.membership.is_member() {
            self.stop(out, Why::ForcedElsewhere, true);
            return;
        }
        // Two sides that do not know each other have quorum, as a witness that was put back to an
        // older state lets them: one has to go.
        let apart = flags.quorum && self.holds_quorum() && !member && without_me;
        if apart && (flags.view, flags.members.lowest()) > mine {
            self.stop(out, Why::Evicted, true);
            return;
        }
        let behind = flags.view < self.membership.view && flags.members.contains(self.me());
        match self.quorum {
            Quorum::Deciding { .. } if confirms => self.hold(out, true),
            // It stood still and has not heard yet that this side went on without it.
            Quorum::Deciding { .. } if !member && behind && flags.quorum => {}
            Quorum::Deciding { .. } if !member && flags.quorum => {
                self.stop(out, Why::Evicted, true);
            }
            Quorum::Deciding { .. } if !member && flags.view > 0 => {
                self.calm = false;
                self.membership.regroup(&mut lend!(self, out), NodeSet::only(from));
            }
            // It is told at once: until it knows, it serves beside this side.
            Quorum::Held if !member && behind && self.membership.in_force() => {
                let mine = self.flags();
                lend!(self, out).send(from, Message::State(mine));
            }
            Quorum::Deciding { .. } | Quorum::None | Quorum::Held => {}
        }
    }

    /// The member that held the witness for this view holds it no longer: if that vote is needed,
    /// quorum has to be decided again.
    fn without_its_holder(&mut self, out: &mut Effects) {
        let short = matches!(self.standing(), Standing::OneShort { .. });
        let held = self.quorum == Quorum::Held && !self.database.quorum.forced;
        if held && short && !self.holds_witness {
            self.judge(out);
        }
    }

    /// Tells a node that was evicted that it is no member.
    fn sends_away(&mut self, out: &mut Effects, from: NodeId) -> bool {
        let away = self.quorum == Quorum::Held && self.database.evicted.contains(from);
        if away {
            lend!(self, out).send(from, Message::Evicted);
        }
        away
    }

    fn hear_join(&mut self, out: &mut Effects, from: NodeId, clear_quarantine: bool) {
        if self.membership.just_entered(self.now, self.config.membership.tick, from) {
            return;
        }
        if self.sends_away(out, from) {
            return;
        }
        let quarantined = quarantine::until(&self.database, from, self.now).is_some();
        if self.quorum == Quorum::Held && quarantined && !clear_quarantine {
            lend!(self, out).send(from, Message::Quarantined);
            return;
        }
        self.joiners = self.joiners.with(from);
        self.left = self.left.without(from);
        if self.quorum == Quorum::Held && self.fits_in(from) {
            self.membership.regroup(&mut lend!(self, out), NodeSet::only(from));
        }
    }

    /// Whether a node that asks to join and every member reach each other. One that does not fit
    /// into a full mesh would be cut out of it again, and a regroup with it keeps all others from
    /// their work.
    fn fits_in(&self, from: NodeId) -> bool {
        let members = self.membership.members.intersection(self.heartbeat.reach).without(from);
        let reach = |node: NodeId| match node == self.me() {
            true => self.heartbeat.reach,
            false => self.peers[node].map_or(NodeSet::EMPTY, |flags| flags.reach),
        };
        reach(from).contains_all(members) && members.iter().all(|node| reach(node).contains(from))
    }

    fn hear_leave(&mut self, out: &mut Effects, from: NodeId) {
        self.left = self.left.with(from);
        if self.membership.members.contains(from) {
            self.membership.regroup(&mut lend!(self, out), NodeSet::EMPTY);
        }
    }

    fn hear_view(
        &mut self,
        out: &mut Effects,
        from: NodeId,
        view: u64,
        members: NodeSet,
        lives: (&[Instant], NodeSet),
        database: ClusterDatabase,
    ) {
        if members.contains(self.me()) {
            if view > self.membership.view {
                self.database = database;
                self.enter(out, view, members, lives, from);
            }
            if self.membership.issued_by(from, view) {
                lend!(self, out).send(from, Message::ViewTaken { view });
            } else if view == self.membership.view || !self.membership.members.contains(from) {
                // Another view was taken here: the two sides have to agree on one.
                self.membership.regroup(&mut lend!(self, out), NodeSet::only(from));
            }
        } else if view > self.membership.view && self.membership.members.contains(from) {
            self.stop(out, Why::Evicted, true);
        }
    }

    /// A member took the view that this node issued.
    fn hear_taken(&mut self, out: &mut Effects, from: NodeId, view: u64) {
        if !self.membership.confirmed(self.me(), from, view) {
            return;
        }
        let others = self.membership.members.without(self.me());
        let told = if self.membership.in_force() { NodeSet::only(from) } else { others };
        for peer in told.iter() {
            lend!(self, out).send(peer, Message::ViewInForce { view });
        }
        if !self.membership.in_force() {
            self.in_force(out);
        }
    }

    fn hear_update(
        &mut self,
        out: &mut Effects,
        from: NodeId,
        (view, epoch): (u64, u64),
        new: ClusterDatabase,
    ) {
        if view != self.membership.view || !self.membership.members.contains(from) {
            return;
        }
        self.membership.begin_epoch(epoch);
        if new.version > self.database.version {
            self.database = new;
            let majority = matches!(self.standing(), Standing::Majority { .. });
            if majority && matches!(self.quorum, Quorum::Deciding { .. }) {
                self.judge(out);
            }
        }
        let version = self.database.version;
        lend!(self, out).send(from, Message::Updated { version });
    }

    /// An adapter of this node gained or lost carrier.
    pub(super) fn link(&mut self, out: &mut Effects, nic: NicId, up: bool) {
        if self.config.nodes[self.me()].nics.get(nic).is_none() {
            return;
        }
        let alone = self.heartbeat.isolated();
        let changed = self.heartbeat.media(&mut lend!(self, out), nic, up);
        self.reach_changed(out, changed);
        if alone && up {
            self.looking_since = self.now;
            self.timers.set(Timer::Join, self.now);
        }
    }

    /// Who can be reached changed.
    pub(super) fn reach_changed(&mut self, out: &mut Effects, changed: Changed) {
        self.calm &= changed == Changed::default();
        for peer in changed.lost.iter() {
            self.peers[peer] = None;
        }
        let members = self.membership.members.intersection(changed.lost);
        if !members.is_empty() || self.membership.regrouping() {
            let joiners = self.joiners.intersection(self.heartbeat.reach).iter();
            let joiners = joiners.filter(|node| self.fits_in(*node)).collect();
            self.membership.regroup(&mut lend!(self, out), joiners);
        }
        if !changed.heard.is_empty() {
            self.tell_again = true;
        }
    }

    /// An operation ended.
    pub(super) fn done(&mut self, out: &mut Effects, op: OpId, outcome: Outcome) {
        let Some(pending) = self.operations.pending.remove(&op) else { return };
        match pending {
            Pending::Nothing | Pending::Store => {}
            Pending::Claim => self.claimed(out, op, outcome),
            Pending::WitnessBoot => {
                self.coordination.answered(&mut lend!(self, out), op, outcome);
            }
            Pending::Online(_)
            | Pending::Offline(_)
            | Pending::LooksAlive(_)
            | Pending::IsAlive(_) => {
                self.groups.done(&mut lend!(self, out), pending, op, outcome);
            }
            Pending::CopyStatus(_)
            | Pending::LastLogs(_)
            | Pending::Mount(_)
            | Pending::Dismount(_) => {
                // Without quorum nothing is mounted: it has to be asked for again.
                let in_vain = matches!(pending, Pending::LastLogs(_)) && !self.holds_quorum();
                let outcome = match in_vain {
                    true => Outcome::Failed(Failure::Terminated),
                    false => outcome,
                };
                let mut ctx = lend!(self, out);
                self.databases.done(&mut ctx, &self.database, (pending, op), outcome);
            }
        }
    }

    /// Something was noticed.
    pub(super) fn saw(&mut self, out: &mut Effects, report: Report) {
        match report {
            Report::ResourceFailed { resource, failure } => {
                self.groups.reported(&mut lend!(self, out), resource, failure);
            }
            Report::ResourceAtWork { resource } => self.groups.at_work(self.now, resource),
            Report::DatabaseFailed { database, failure } => {
                if self.config.databases.get(database).is_some() && self.databases.mounted(database)
                {
                    self.databases.failed(database);
                    self.failure_items.insert(database, failure);
                }
            }
            Report::ReplicationService { running } => {
                self.databases.service(self.now, running);
                if !running {
                    self.coordination.forget();
                }
            }
        }
    }

    /// An administrator's order was given here.
    pub(super) fn order(&mut self, out: &mut Effects, order: Order) {
        if order == Order::StopService {
            self.draining = true;
        } else if self.quorum == Quorum::Held {
            self.order_count += 1;
            self.orders.push_back((self.order_count, order));
            self.timers.set(Timer::Update, self.now);
        } else {
            let why = OrderRefusal::NoQuorum;
            lend!(self, out).note(Note::OrderRefused { order, why });
        }
    }

    /// Carries out an order; `on` is where it was given.
    fn carry_out(&mut self, out: &mut Effects, on: NodeId, order: Order) {
        if asks_primary(&order) && !self.is_primary {
            let why = OrderRefusal::NoPrimaryActiveManager;
            lend!(self, out).note(Note::OrderRefused { order, why });
            return;
        }
        let (hosts, servers) = (self.hosts(), self.servers());
        let mut ctx = lend!(self, out);
        match order {
            Order::CreateGroup(group)
            | Order::MoveGroup { group, .. }
            | Order::OnlineGroup(group)
            | Order::OfflineGroup(group) => {
                if ctx.config.groups.get(group).is_some() {
                    self.coordinator.order(&mut ctx, &mut self.database, on, order, hosts);
                }
            }
            Order::OnlineResource(resource) | Order::OfflineResource(resource) => {
                if ctx.config.resources.get(resource).is_some() {
                    self.coordinator.order(&mut ctx, &mut self.database, on, order, hosts);
                }
            }
            Order::MoveDatabase { database, to, dial, skip } => {
                let how = (to, dial, skip);
                self.primary.switch_over(&mut ctx, &mut self.database, database, how, servers);
            }
            Order::MoveServer { from, to, dial, skip } => {
                let how = (to, dial, skip);
                self.primary.switch_server_over(&mut ctx, &mut self.database, from, how, servers);
            }
            Order::MountDatabase(database) | Order::DismountDatabase(database) => {
                let mount = matches!(order, Order::MountDatabase(_));
                self.primary.mount(&mut ctx, &mut self.database, database, mount, servers);
            }
            Order::SetServer { node, settings } => {
                set_server(&mut ctx, &mut self.database, node, settings);
            }
            Order::SetWitnessServer(_) | Order::SetActivationCoordination(_) => {
                set_group(&mut ctx, &mut self.database, &order);
            }
            Order::RestoreGroup(restore) => {
                self.coordination.restore(&mut ctx);
                eviction::restore(&mut ctx, &mut self.database, restore);
            }
            Order::AddMembers(nodes) => eviction::add(&mut ctx, &mut self.database, nodes),
            Order::StartMaintenance { node } => {
                let shared = &mut self.database;
                let primary = self.is_primary.then_some(&mut self.primary);
                maintenance::start(&mut ctx, shared, primary, node, (hosts, servers));
            }
            Order::StopMaintenance { node } => {
                maintenance::stop(&mut ctx, &mut self.database, node, hosts);
            }
            Order::SuspendCopy { database, node, activation_only } => {
                copies::suspend(&mut ctx, &mut self.database, database, node, activation_only);
            }
            Order::ResumeCopy { database, node, replication_only } => {
                copies::resume(&mut ctx, &mut self.database, database, node, replication_only);
            }
            Order::StopService => {}
            Order::SuspendNode { node, drain } => {
                pause::suspend(&mut ctx, &mut self.database, node, drain, hosts);
            }
            Order::ResumeNode { node, failback } => {
                pause::resume(&mut ctx, &mut self.database, node, failback, hosts);
            }
        }
    }
}

/// `Set-DatabaseAvailabilityGroup`: what is the group's and not one server's.
#[expect(clippy::wildcard_enum_match_arm, reason = "the caller takes all others")]
fn set_group(ctx: &mut Ctx, database: &mut ClusterDatabase, order: &Order) {
    match *order {
        Order::SetWitnessServer(server) => {
            ctx.note(Note::WitnessServer { server });
            database.witness_server = server;
        }
        Order::SetActivationCoordination(on) => {
            ctx.note(Note::ActivationCoordination { on });
            database.activation_coordination = on;
        }
        _ => unreachable!("told apart by the caller"),
    }
    database.changed();
}

/// Whether an order is the Primary Active Manager's to carry out: without one, nobody does
/// (exchange.md §1.1).
fn asks_primary(order: &Order) -> bool {
    matches!(
        order,
        Order::MoveDatabase { .. }
            | Order::MoveServer { .. }
            | Order::MountDatabase(_)
            | Order::DismountDatabase(_)
    )
}
