//! How a node's service lives: it starts, joins or forms, keeps or loses quorum, and ends.

use super::*;

impl Node {
    /// This node is in a new view.
    pub(super) fn enter(
        &mut self,
        out: &mut Effects,
        view: u64,
        members: NodeSet,
        (lives, new): (&[Instant], NodeSet),
        issuer: NodeId,
    ) {
        let missed = self.membership.members.minus(members).minus(self.left);
        self.missed = self.missed.union(missed);
        self.membership.enter(&mut lend!(self, out), view, members, (lives, new), issuer);
        let came = new.union(self.joiners.intersection(members));
        self.joiners = self.joiners.minus(members);
        self.left = self.left.minus(members);
        self.proposed_at = None;
        self.timers.clear(Timer::Join);
        self.primary.membership_changed();
        self.coordination.membership_changed();
        self.networks.membership_changed(members);
        self.came = self.came.union(came).intersection(members);
        for node in came.iter() {
            self.orders_seen[node].clear();
            self.confirmed[node] = 0;
        }
        if self.membership.in_force() {
            self.judge(out);
        }
    }

    /// Every member has taken the view: only now anybody acts on it. Were it in force at once, a
    /// member that has taken another side's view instead would be counted on both sides.
    pub(super) fn in_force(&mut self, out: &mut Effects) {
        self.membership.put_in_force();
        self.judge(out);
    }

    /// Votes in force, and those that are to come into force.
    pub(super) fn votes(&self) -> (Votes, Option<Votes>) {
        let (rules, entry) = (self.rules(), &self.database.quorum);
        let counted = |votes| eviction::votes(votes, self.database.evicted);
        match rules.counting {
            Counting::Static => (rules.static_votes(), None),
            Counting::Nodes | Counting::NodesAndWitness => {
                let in_force = entry.in_force.unwrap_or_else(|| rules.initial());
                (counted(in_force), entry.proposed.map(counted))
            }
        }
    }

    /// What the view's votes are worth.
    pub(super) fn standing(&self) -> Standing {
        let (in_force, proposed) = self.votes();
        standing(self.membership.members, in_force, proposed)
    }

    /// Judges whether the view has quorum.
    pub(super) fn judge(&mut self, out: &mut Effects) {
        if self.database.quorum.forced {
            self.hold(out, false);
            return;
        }
        match self.standing() {
            Standing::Majority { .. } => {
                self.release_witness(out);
                self.hold(out, false);
            }
            Standing::OneShort { .. } if self.config.has(Flaw::SkipWitnessLock) => {
                self.hold(out, true);
            }
            Standing::OneShort { votes, needed } => self.decide(out, votes, needed),
            Standing::Minority { votes, needed } => {
                lend!(self, out).note(Note::QuorumLost { votes, needed });
                self.without_quorum(out, Why::QuorumLost);
            }
        }
    }

    pub(super) fn release_witness(&mut self, out: &mut Effects) {
        if self.holds_witness {
            self.holds_witness = false;
            let server = self.witness_server;
            lend!(self, out).act(Act::ReleaseWitness { server }, Pending::Nothing);
        }
    }

    /// The cluster database names another witness server: the lock on the old one is given back,
    /// and if the vote is needed the new one has to be won.
    pub(super) fn follow_witness_server(&mut self, out: &mut Effects) {
        if self.witness_server == self.database.witness_server {
            return;
        }
        let held = self.holds_witness;
        self.release_witness(out);
        self.witness_server = self.database.witness_server;
        if held && self.membership.in_force() {
            self.judge(out);
        }
    }

    /// One vote is missing: the core group's owner may claim the witness at once, any other side
    /// waits first (wsfc.md §3.2). Who holds the witness already claims it anew for this view: it
    /// may no longer reach it.
    fn decide(&mut self, out: &mut Effects, votes: u8, needed: u8) {
        if self.heartbeat.isolated() {
            self.stand(Quorum::None);
            self.without_quorum(out, Why::ConnectivityLost);
            return;
        }
        let owner = self.coordinator_node();
        let first = owner.unwrap_or_else(|| self.heir()) == self.me();
        let claims = first || self.holds_witness;
        let at_once = owner.is_some() || self.holds_witness;
        let delay = if at_once { Span::ZERO } else { self.config.quorum.arbitration_delay };
        lend!(self, out).note(Note::OneVoteShort { votes, needed, delay, claimant: claims });
        let claim_from = self.now + delay;
        self.stand(Quorum::Deciding { claimant: claims, claim_from, tries: 0, op: None });
        self.timers.set(Timer::Termination, self.now + self.config.quorum.termination);
        self.timers.clear(Timer::Arbitration);
        if claims {
            self.claim(out);
        }
    }

    /// The claimant's next try, or its next look while it has to wait.
    pub(super) fn claim(&mut self, out: &mut Effects) {
        if let Quorum::Deciding { claimant: true, claim_from, tries, op: None } = self.quorum {
            self.looking = self.now < claim_from;
            let newest = self.config.has(Flaw::StaleTagWins);
            let known = if newest { u64::MAX } else { self.stored.0 };
            let epoch = self.membership.view;
            let server = self.witness_server;
            let act = if self.looking {
                Act::TestWitness { server, known }
            } else {
                Act::ClaimWitness { server, known, epoch }
            };
            let op = Some(lend!(self, out).act(act, Pending::Claim));
            self.stand(Quorum::Deciding { claimant: true, claim_from, tries: tries + 1, op });
        }
    }

    /// A claim or a look ended. A lock that another side holds decides against this one.
    pub(super) fn claimed(&mut self, out: &mut Effects, op: OpId, outcome: Outcome) {
        let asked = match self.quorum {
            Quorum::Deciding { op: Some(mine), claim_from, tries, .. } if mine == op => {
                Some((claim_from, tries))
            }
            Quorum::Deciding { .. } | Quorum::None | Quorum::Held => None,
        };
        let Some((mut claim_from, tries)) = asked else {
            // A newer claim lives by the same lock.
            let again = matches!(self.quorum, Quorum::Deciding { op: Some(_), .. });
            if outcome == Outcome::Ok && !self.holds_witness && !again {
                let server = self.witness_server;
                lend!(self, out).act(Act::ReleaseWitness { server }, Pending::Nothing);
            }
            return;
        };
        if self.looking && outcome == Outcome::Ok && tries == 1 {
            // The delay is counted from the release of the first lock (wsfc.md §3.2 observed).
            claim_from = self.now + self.config.quorum.arbitration_delay;
        }
        self.stand(Quorum::Deciding { claimant: true, claim_from, tries, op: None });
        if outcome == Outcome::Ok && !self.looking {
            self.won(out);
            return;
        }
        let held = matches!(outcome, Outcome::Refused(Refusal::WitnessHeld(_)));
        if held && self.config.has(Flaw::DoubleVote) {
            self.hold(out, true);
            return;
        }
        if outcome != Outcome::Ok {
            lend!(self, out).note(Note::WitnessLost { outcome, tries });
        }
        // A lock that a member of this view holds is this side's.
        let members = self.membership.members;
        let ours = matches!(outcome, Outcome::Refused(Refusal::WitnessHeld(node))
            if members.contains(node));
        let refused = matches!(outcome, Outcome::Refused(_));
        let lost = refused && !ours && (!held || self.config.quorum.refusal_ends);
        if lost || tries >= self.config.quorum.claim_tries {
            self.give_up(out);
            return;
        }
        let mut next = self.now + self.config.quorum.claim_retry;
        if self.looking && outcome == Outcome::Ok {
            next = next.min(claim_from.max(self.now));
        }
        self.timers.set(Timer::Arbitration, next);
    }

    /// The witness was won. What was learned from a disk has to be known to the whole view before
    /// it is judged.
    fn won(&mut self, out: &mut Effects) {
        self.holds_witness = true;
        let learned = std::mem::take(&mut self.learned);
        let mut ctx = lend!(self, out);
        ctx.note(Note::WitnessWon);
        self.groups.witness_works(&ctx);
        if learned && self.membership.members.len() > 1 {
            self.membership.regroup(&mut ctx, NodeSet::EMPTY);
            return;
        }
        match self.standing() {
            Standing::OneShort { .. } => self.hold(out, true),
            Standing::Majority { .. } | Standing::Minority { .. } => self.judge(out),
        }
    }

    /// The disk witness's copy of the cluster database, if it is newer than this node's.
    pub(super) fn learn(&mut self, out: &mut Effects, durable: Durable) {
        let newer = (durable.epoch, durable.database.version) > self.stored;
        if !newer || !matches!(self.quorum, Quorum::Deciding { .. }) {
            return;
        }
        lend!(self, out).note(Note::Learned { epoch: durable.epoch });
        self.stored = (durable.epoch, durable.database.version);
        // What is written from now on is newer than all that anybody has.
        self.membership.begin_epoch(durable.epoch + 1);
        self.database = fitted(durable.database, &self.config);
        self.database.quorum.forced = false;
        self.learned = true;
    }

    /// The witness could not be won in time.
    pub(super) fn give_up(&mut self, out: &mut Effects) {
        let (votes, needed) = self.standing().count();
        lend!(self, out).note(Note::QuorumLost { votes, needed });
        self.without_quorum(out, Why::QuorumLost);
    }

    /// Quorum is held.
    pub(super) fn hold(&mut self, out: &mut Effects, witness: bool) {
        let (votes, needed) = self.standing().count();
        let votes = votes + u8::from(witness);
        self.stand(Quorum::Held);
        self.membership.goes_on();
        self.served = true;
        self.timers.clear(Timer::Arbitration);
        self.timers.clear(Timer::Termination);
        if self.database.quorum.forced {
            lend!(self, out).note(Note::Forced { votes, needed });
        }
        lend!(self, out).note(Note::QuorumHeld { votes, needed, witness });
        let core = self.config.core_group();
        if self.coordinator_node().is_none() {
            let from = self.database.groups[core].owner;
            let to = self.heir();
            let entry = &mut self.database.groups[core];
            entry.owner = Some(to);
            entry.moving_to = None;
            entry.exists = true;
            entry.state = Default::default();
            self.database.changed();
            if to == self.me() {
                let why = if from.is_some() { Why::NodeDown } else { Why::Startup };
                lend!(self, out).note(Note::GroupMove { group: core, from, to, why });
            }
        }
        let first = std::mem::take(&mut self.forms);
        if first && self.start.ignore_persistent_state && self.coordinates() {
            for (group, entry) in self.database.groups.iter_mut() {
                entry.wanted &= group == core;
            }
            self.database.changed();
        }
    }

    /// Dynamic quorum: the coordinator adapts the votes to those who stay in the view, in two
    /// steps, so that no member can be left behind with votes that still make a majority.
    pub(super) fn adapt_votes(&mut self, out: &mut Effects) {
        if self.database.quorum.forced {
            self.end_force(out);
            return;
        }
        let (in_force, proposed) = self.votes();
        let wish = self.wished_votes();
        if proposed.is_none() && wish == in_force {
            return;
        }
        let at = match self.proposed_at.filter(|_| proposed == Some(wish)) {
            Some(at) => at,
            None => {
                self.database.quorum.proposed = Some(wish);
                self.database.changed();
                self.database.version
            }
        };
        self.proposed_at = Some(at);
        let mut others = self.membership.members.without(self.me()).iter();
        if others.all(|peer| self.confirmed[peer] >= at) {
            self.database.quorum.in_force = Some(wish);
            self.database.quorum.proposed = None;
            self.database.changed();
            self.proposed_at = None;
            lend!(self, out).note(Note::Votes(wish));
        }
    }

    /// The votes that the members that stay should have.
    fn wished_votes(&self) -> Votes {
        let staying = self.membership.members.minus(self.flagged(|flags| flags.draining));
        let works = !self.groups.witness_failed(&self.config);
        self.rules().adapt(self.votes().0, staying, works)
    }

    /// Whether no member that leaves takes a vote with it that another could have.
    pub(super) fn votes_are_settled(&self) -> bool {
        self.database.quorum.forced || self.votes() == (self.wished_votes(), None)
    }

    /// A forced state ends once the nodes' votes are a majority again.
    fn end_force(&mut self, out: &mut Effects) {
        if matches!(self.standing(), Standing::Majority { .. }) {
            self.database.quorum.forced = false;
            self.database.changed();
            lend!(self, out).note(Note::ForceEnds);
        }
    }

    /// The view has no quorum and will not get it: a node that served ends its service, one that
    /// was only trying to form looks for a cluster again.
    pub(super) fn without_quorum(&mut self, out: &mut Effects, why: Why) {
        if self.served && !self.config.has(Flaw::KeepServiceWithoutQuorum) {
            self.stop(out, why, !self.config.has(Flaw::NeverRejoins));
            return;
        }
        self.release_witness(out);
        self.stand(Quorum::None);
        self.timers.clear(Timer::Arbitration);
        self.timers.clear(Timer::Termination);
        self.membership.leave(&mut lend!(self, out));
        self.looking_since = self.now;
        lend!(self, out).note(Note::Joining);
        self.timers.set(Timer::Join, self.now + self.config.membership.tick);
    }

    /// Ends this life of the service: everything here is taken down first.
    pub(super) fn stop(&mut self, out: &mut Effects, why: Why, restart: bool) {
        let mut ctx = lend!(self, out);
        ctx.note(Note::Stopping { why });
        for (_, order) in std::mem::take(&mut self.orders) {
            ctx.note(Note::OrderRefused { order, why: OrderRefusal::ServiceEnds });
        }
        self.groups.terminate(&mut ctx);
        self.databases.dismount_all(&mut ctx);
        if self.holds_witness {
            let server = self.witness_server;
            ctx.act(Act::ReleaseWitness { server }, Pending::Nothing);
        }
        self.take_leave(out);
        lend!(self, out).act(Act::Stop { restart }, Pending::Nothing);
        self.stand(Quorum::None);
        self.ended = true;
    }

    /// Who goes on without this node may be in a regroup with it, and need not wait for it there.
    /// Members of its own view find out by their heartbeats: they take over what ran here, and that
    /// takes a while to end.
    fn take_leave(&mut self, out: &mut Effects) {
        let me = self.me();
        let apart = self.heartbeat.reach.minus(self.membership.members).without(me);
        let goes_on = |peer: &NodeId| {
            self.peers[*peer].is_some_and(|flags| flags.view > 0 && !flags.members.contains(me))
        };
        let told: Vec<NodeId> = apart.iter().filter(goes_on).collect();
        for peer in told {
            lend!(self, out).send(peer, Message::Leave);
        }
    }

    /// A starting node looks for a cluster, and forms one if it finds none.
    ///
    /// Without carrier on any adapter it can do neither, and waits for one (wsfc.md §1.4).
    pub(super) fn look_for_cluster(&mut self, out: &mut Effects) {
        if self.heartbeat.isolated() {
            lend!(self, out).note(Note::NoConnectivity);
            return;
        }
        let reach = self.heartbeat.reach.without(self.me());
        let evicted = self.database.evicted.contains(self.me());
        let (force, prevent) = match self.start.quorum {
            StartQuorum::Normal => (false, evicted),
            StartQuorum::Force => (!self.served, false),
            StartQuorum::Prevent => (false, true),
        };
        for peer in reach.iter() {
            let cluster = self.peers[peer].is_some_and(|flags| flags.quorum);
            if !force && (cluster || !prevent) {
                let clear_quarantine = self.start.clear_quarantine;
                lend!(self, out).send(peer, Message::Join { clear_quarantine });
            }
        }
        let running = reach.iter().any(|peer| self.peers[peer].is_some_and(|f| f.view > 0));
        let waited = self.now.since(self.looking_since) >= self.config.membership.form_after;
        let forms = force || !prevent && !running && waited;
        if forms && !self.membership.regrouping() {
            self.forms = true;
            let with = if force { NodeSet::EMPTY } else { self.joiners.intersection(reach) };
            let mut ctx = lend!(self, out);
            ctx.note(Note::Forming);
            self.membership.regroup(&mut ctx, with);
        }
        self.timers.set(Timer::Join, self.now + self.config.membership.tick);
    }
}
