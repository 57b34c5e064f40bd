//! What a node does by itself: timers, and bringing everything to where the tables say.

use super::*;

impl Node {
    /// Every timer that has expired. Whether resources were polled.
    pub(super) fn on_time(&mut self, out: &mut Effects) -> bool {
        let now = self.now;
        // Whoever has ended, by what just came or by one of its timers, does nothing more.
        if self.ended {
            return false;
        }
        if self.started.is_none() {
            self.started = Some(now);
            self.looking_since = now;
            self.calm = false;
            let mut ctx = lend!(self, out);
            ctx.note(Note::Started);
            ctx.note(Note::Joining);
            self.timers.set(Timer::Join, now);
        }
        let beat = self.timers.expired(Timer::Beat, now);
        if beat {
            self.mapi = self.client_carrier();
            let flags = self.flags_anew();
            let changed = self.heartbeat.beat(&mut lend!(self, out), flags);
            self.reach_changed(out, changed);
            self.refresh_ways();
        }
        if self.timers.expired(Timer::Join, now) && !self.membership.is_member() {
            self.look_for_cluster(out);
        }
        if self.timers.expired(Timer::Regroup, now) {
            self.regroup(out);
        }
        if self.timers.expired(Timer::Arbitration, now) {
            self.claim(out);
        }
        if self.timers.expired(Timer::Termination, now)
            && matches!(self.quorum, Quorum::Deciding { .. })
        {
            self.give_up(out);
        }
        if self.ended {
            return false;
        }
        let probe = self.timers.expired(Timer::Probe, now);
        let resource = self.timers.expired(Timer::Resource, now);
        if probe || resource {
            self.calm &= self.groups.wake(&mut lend!(self, out));
        }
        self.timers.expired(Timer::ActiveManager, now);
        self.timers.expired(Timer::Placement, now);
        self.timers.expired(Timer::Coordination, now);
        if self.timers.expired(Timer::Database, now) {
            self.databases.wake(&mut lend!(self, out));
        }
        probe
    }

    /// Plans the next polls, as settling would.
    pub(super) fn poll_on(&mut self, out: &mut Effects) {
        self.groups.arm(&mut lend!(self, out));
    }

    pub(super) fn refresh_ways(&mut self) {
        for peer in self.config.nodes.ids() {
            self.ways[usize::from(peer.0)] = self.heartbeat.way_to(peer);
        }
    }

    fn regroup(&mut self, out: &mut Effects) {
        let reach = self.heartbeat.reach.minus(self.left).minus(self.database.evicted);
        let newest = (self.stored.0, self.database.version);
        let forced = self.database.quorum.forced;
        let decided = self.membership.tick(&mut lend!(self, out), reach, newest, forced);
        let Some(decided) = decided else { return };
        let message = Message::View {
            view: decided.view,
            members: decided.members,
            lives: decided.lives.clone(),
            new: decided.new,
            database: Box::new(self.database.clone()),
        };
        let told = decided.evicted.union(decided.members).without(self.me());
        for peer in told.iter() {
            lend!(self, out).send(peer, message.clone());
        }
        let lives = (decided.lives.as_slice(), decided.new);
        self.enter(out, decided.view, decided.members, lives, self.me());
    }

    /// Brings groups, databases and the other members to where the tables say.
    pub(super) fn settle(&mut self, out: &mut Effects) {
        if self.ended {
            return;
        }
        self.refresh_ways();
        if self.leaves_as_evicted(out) {
            return;
        }
        self.follow_witness_server(out);
        self.check_witness(out);
        let again = self.timers.expired(Timer::Update, self.now);
        self.be_primary(out);
        let begin = self.may_begin();
        self.judge_networks(out, begin, again);
        self.coordinate_activation(out, begin);
        if begin && matches!(self.standing(), Standing::Majority { .. }) {
            self.release_witness(out);
        }
        if begin && self.coordinates() {
            self.adapt_votes(out);
            let (hosts, servers) = (self.hosts(), self.servers());
            self.begin_anew(out);
            let missed = std::mem::take(&mut self.missed);
            let mut ctx = lend!(self, out);
            quarantine::settle(&mut ctx, &mut self.database, missed, hosts.members);
            self.coordinator.settle(&mut ctx, &mut self.database, hosts);
            pause::settle(&mut ctx, &mut self.database, hosts);
            if self.is_primary {
                self.primary.settle(&mut ctx, &mut self.database, servers);
            }
            maintenance::settle(&mut ctx, &mut self.database, &self.primary, hosts);
        } else if begin {
            self.proposed_at = None;
            self.came = NodeSet::EMPTY;
            self.missed = NodeSet::EMPTY;
        }
        self.groups.settle(&mut lend!(self, out), &self.database, begin);
        if begin {
            self.databases.follow(&mut lend!(self, out), &self.database);
        }
        self.tell(out, again);
        self.drain(out, again);
        self.store(out);
        if self.unfinished() && !self.timers.is_set(Timer::Update) {
            self.timers.set(Timer::Update, self.now + self.config.membership.tick);
        }
    }

    /// A member that was evicted leaves; the core group's owner once all others know of it.
    fn leaves_as_evicted(&mut self, out: &mut Effects) -> bool {
        let members = self.membership.members;
        let evicted = members.contains(self.me()) && self.database.evicted.contains(self.me());
        let mut others = members.without(self.me()).iter();
        let told = others.all(|peer| self.confirmed[peer] >= self.database.version);
        if !evicted || self.is_coordinator && !told {
            return false;
        }
        for peer in members.without(self.me()).iter() {
            lend!(self, out).send(peer, Message::Leave);
        }
        self.keep(out);
        self.stop(out, Why::NoMember, false);
        true
    }

    /// A witness whose resource failed for good gives no vote any more: if that vote is needed, the
    /// witness has to be won again, or quorum is lost.
    fn check_witness(&mut self, out: &mut Effects) {
        if self.membership.in_force()
            && self.holds_witness
            && self.groups.witness_failed(&self.config)
        {
            self.release_witness(out);
            self.judge(out);
        }
    }

    /// On members whose service is new nothing is online or mounted, whatever the cluster
    /// database says.
    fn begin_anew(&mut self, out: &mut Effects) {
        let came = std::mem::take(&mut self.came);
        if came.is_empty() {
            return;
        }
        if came.contains_all(self.membership.members) {
            let ctx = lend!(self, out);
            self.coordinator.cluster_starts(&ctx, &mut self.database);
        }
        came_back(&lend!(self, out), &mut self.database, came);
        for entry in self.database.databases.values_mut() {
            entry.mounted &= entry.active.is_some_and(|active| !came.contains(active));
        }
        for entry in self.database.groups.values_mut() {
            if entry.owner.is_some_and(|owner| came.contains(owner)) {
                entry.state = Default::default();
            }
            entry.try_again();
        }
        self.database.changed();
    }

    /// Works out the states of interfaces and networks. An IP Address whose interface has failed
    /// fails with it (wsfc.md §5.1).
    fn judge_networks(&mut self, out: &mut Effects, begin: bool, again: bool) {
        let adapters = self.heartbeat.adapters(&self.config);
        let members = self.membership.members;
        self.networks.tell(&mut lend!(self, out), adapters, members, again);
        if !begin {
            return;
        }
        self.networks.judge(&mut lend!(self, out), members, self.is_coordinator);
        for resource in self.config.resources.ids() {
            if self.networks.is_stranded(&self.config, resource) {
                let failure = Failure::InterfaceDown;
                self.groups.reported(&mut lend!(self, out), resource, failure);
            }
        }
    }

    /// The core group's owner is Primary Active Manager, if its Active Manager runs: the role
    /// moves with the group, and with nothing else (exchange.md §1.1).
    fn be_primary(&mut self, out: &mut Effects) {
        self.is_coordinator = self.coordinates();
        let primary = self.is_coordinator && self.databases.running;
        // While the witness decides, nobody else can become it.
        let undecided = matches!(self.quorum, Quorum::Deciding { .. }) && self.databases.running;
        let stays = primary || self.was_primary && undecided;
        if primary && !self.was_primary {
            lend!(self, out).note(Note::PrimaryActiveManager);
        } else if !stays && self.was_primary {
            self.primary.resign();
        }
        self.is_primary = primary;
        self.was_primary = stays;
    }

    /// Tells the others what they need to know, and again until they confirm it.
    fn tell(&mut self, out: &mut Effects, again: bool) {
        let flags = self.flags_anew();
        let heard_anew = std::mem::take(&mut self.tell_again);
        if flags != self.told || heard_anew {
            self.told = flags;
            for peer in self.heartbeat.reach.without(self.me()).iter() {
                lend!(self, out).send(peer, Message::State(flags));
            }
        }
        if again {
            let (view, members) = (self.membership.view, self.membership.members);
            for peer in self.membership.unconfirmed().iter() {
                let (lives, new) = (self.membership.lives(), self.membership.new_members());
                let database = Box::new(self.database.clone());
                lend!(self, out).send(peer, Message::View { view, members, lives, new, database });
            }
            if let Some(issuer) = self.membership.waits_for().filter(|node| *node != self.me()) {
                lend!(self, out).send(issuer, Message::ViewTaken { view });
            }
        }
        if !self.may_begin() {
            return;
        }
        self.tell_groups(out, again);
        let version = self.database.version;
        for peer in self.readers().iter() {
            if self.sent_version != version || again && self.confirmed[peer] < version {
                let database = Box::new(self.database.clone());
                let (view, epoch) = (self.membership.view, self.membership.epoch());
                lend!(self, out).send(peer, Message::Update { view, epoch, database });
            }
        }
        if self.is_coordinator {
            self.sent_version = version;
        }
        if let Some(coordinator) = self.coordinator_node() {
            // One at a time: on its way the second could overtake the first.
            if let Some((number, order)) = self.orders.front().copied().filter(|_| again) {
                lend!(self, out).send(coordinator, Message::Order { number, order });
            }
            let missing = self.databases.missing(&lend!(self, out), &self.database);
            for database in missing {
                self.failure_items.entry(database).or_insert(Failure::Terminated);
            }
            let items = std::mem::take(&mut self.failure_items);
            for (database, failure) in items {
                let entry = &self.database.databases[database];
                if entry.active == Some(self.me()) && entry.mounted {
                    self.failure_items.insert(database, failure);
                    // Without its Active Manager the coordinator would not take it, and here that
                    // would be asked without end.
                    if coordinator != self.me() || self.is_primary {
                        let message = Message::DatabaseFailed { database, failure };
                        lend!(self, out).send(coordinator, message);
                    }
                }
            }
        }
    }

    /// Whom this node has to tell what is in the cluster database: all others, if it writes it; and
    /// if what it wrote last is that another does, that one.
    fn readers(&self) -> NodeSet {
        if self.is_coordinator {
            return self.membership.members.without(self.me());
        }
        let handed_over = self.sent_version == self.database.version;
        let next = self.coordinator_node().filter(|_| handed_over);
        next.map_or(NodeSet::EMPTY, NodeSet::only)
    }

    /// Tells the coordinator of groups that are not as the cluster database has them.
    fn tell_groups(&mut self, out: &mut Effects, again: bool) {
        let Some(coordinator) = self.coordinator_node() else { return };
        let hosts = self.hosts();
        for group in self.config.groups.ids() {
            if self.database.groups[group].owner != Some(self.me()) {
                continue;
            }
            if self.groups.agrees(&self.config, &self.database, group) {
                continue;
            }
            let mut ctx = lend!(self, out);
            let report = self.groups.report(&ctx, group);
            if coordinator == ctx.config.me {
                self.coordinator.told(&mut ctx, &mut self.database, coordinator, &report, hosts);
            } else if again || self.groups.news(&report) {
                ctx.send(coordinator, Message::Group(Box::new(report)));
            }
        }
    }

    /// Whether something has to be said again.
    fn unfinished(&self) -> bool {
        if !self.membership.unconfirmed().is_empty() || self.membership.waits_for().is_some() {
            return true;
        }
        if !self.networks.unconfirmed(&self.config, self.membership.members).is_empty() {
            return true;
        }
        if !self.may_begin() {
            return false;
        }
        let behind = |peer| self.confirmed[peer] < self.database.version;
        let groups = self.config.groups.ids().any(|group| {
            self.database.groups[group].owner == Some(self.me())
                && !self.groups.agrees(&self.config, &self.database, group)
        });
        self.readers().iter().any(behind)
            || !self.is_coordinator && groups
            || !self.orders.is_empty()
            || !self.failure_items.is_empty()
            || self.databases.misses()
            || self.is_coordinator && !self.told_drained.is_empty()
    }

    /// A node that is being stopped leaves once nothing can be moved away any more.
    fn drain(&mut self, out: &mut Effects, again: bool) {
        let draining = self.flagged(|flags| flags.draining);
        self.told_drained = self.told_drained.intersection(draining);
        if self.is_coordinator {
            let hosts = self.hosts();
            for node in draining.iter() {
                let (config, database) = (&self.config, &self.database);
                let placement = Placement { config, database, hosts };
                let groups = have_left(placement, node);
                let core_left = node != self.me() || placement.fits(config.core_group()).is_empty();
                if !groups
                    || !core_left
                    || !self.votes_are_settled()
                    || self.is_primary && !self.primary.left(&self.database, node)
                {
                    continue;
                }
                if node == self.me() {
                    self.drained = true;
                } else if again || !self.told_drained.contains(node) {
                    self.told_drained = self.told_drained.with(node);
                    lend!(self, out).send(node, Message::Drained);
                }
            }
        }
        // While the witness decides, a claim may be under way for those that stay.
        let alone = self.quorum == Quorum::None;
        if self.draining && (self.drained || alone) {
            if self.databases.dismount_all(&mut lend!(self, out)) {
                return;
            }
            for peer in self.membership.members.without(self.me()).iter() {
                lend!(self, out).send(peer, Message::Leave);
            }
            self.stop(out, Why::Stopping, false);
        }
    }

    /// Keeps what a later life has to start from.
    fn store(&mut self, out: &mut Effects) {
        let state = (self.membership.epoch(), self.database.version);
        let since = self.coordination.since;
        let changed = state != self.stored || since != self.stored_since;
        if self.holds_quorum() && changed && !self.ended {
            self.keep(out);
        }
    }

    /// Keeps what this node knows now.
    pub(super) fn keep(&mut self, out: &mut Effects) {
        let (epoch, may_mount_since) = (self.membership.epoch(), self.coordination.since);
        self.stored = (epoch, self.database.version);
        self.stored_since = may_mount_since;
        let durable = Durable { epoch, database: self.database.clone(), may_mount_since };
        lend!(self, out).act(Act::Store(Box::new(durable)), Pending::Store);
    }

    /// Whether this node's Active Manager may mount databases.
    fn coordinate_activation(&mut self, out: &mut Effects, begin: bool) {
        let seen = Seen {
            on: self.database.activation_coordination,
            runs: begin && self.databases.running,
            members: self.membership.members,
            nodes: self.config.nodes.len() - self.database.evicted.len(),
            witness_server: self.witness_server,
            other: self.flagged(|flags| flags.may_mount).without(self.me()).lowest(),
        };
        self.coordination.settle(&mut lend!(self, out), seen);
    }

    /// Messages of this node to itself, until there are none.
    pub(super) fn handle_own(&mut self, out: &mut Effects) {
        for handled in 0.. {
            let Some(message) = self.own.pop_front().filter(|_| !self.ended) else { return };
            assert!(handled < 10_000, "what a node tells itself comes to an end");
            let me = self.me();
            self.message(out, me, message);
            if self.own.is_empty() {
                self.settle(out);
            }
        }
    }
}
