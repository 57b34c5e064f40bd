//! How a node's service lives: it starts, joins or forms, keeps or loses quorum, and ends.

use super::*;

impl Node {
    /// This node is in a new view.
    pub(super) fn enter(&mut self, out: &mut Effects, view: u64, members: NodeSet, issued: bool) {
        let before = self.membership.members;
        let came = members.minus(before).union(self.joiners);
        self.membership.enter(&mut lend!(self, out), view, members, issued);
        self.joiners = self.joiners.minus(members);
        self.left = self.left.minus(members);
        self.timers.clear(Timer::Join);
        self.primary.membership_changed();
        for node in self.config.nodes.ids().filter(|node| !members.contains(*node)) {
            self.confirmed[node] = 0;
        }
        self.came = self.came.union(came).intersection(members);
        for node in came.iter() {
            self.orders_seen[node].clear();
        }
        self.judge(out);
    }

    /// Judges whether the view has quorum.
    pub(super) fn judge(&mut self, out: &mut Effects) {
        let members = self.membership.members;
        let standing = standing(members, self.config.voters(), self.config.quorum.witness);
        match standing {
            Standing::Majority { .. } => {
                if self.holds_witness {
                    self.holds_witness = false;
                    lend!(self, out).act(Act::ReleaseWitness, Pending::Nothing);
                }
                self.hold(out, false);
            }
            Standing::OneShort { .. } if self.holds_witness => self.hold(out, true),
            Standing::OneShort { votes, needed } => self.decide(out, votes, needed),
            Standing::Minority { votes, needed } => {
                lend!(self, out).note(Note::QuorumLost { votes, needed });
                self.without_quorum(out, Why::QuorumLost);
            }
        }
    }

    /// One vote is missing: the core group's owner may claim the witness at once, any other side
    /// waits first (wsfc.md §3.2).
    fn decide(&mut self, out: &mut Effects, votes: u8, needed: u8) {
        if self.heartbeat.isolated() {
            self.quorum = Quorum::None;
            self.without_quorum(out, Why::ConnectivityLost);
            return;
        }
        let owner = self.coordinator_node();
        let claims = owner.or(self.membership.members.lowest()) == Some(self.me());
        let delay = if owner.is_some() { Span::ZERO } else { self.config.quorum.arbitration_delay };
        lend!(self, out).note(Note::OneVoteShort { votes, needed, delay, claimant: claims });
        let claim_from = self.now + delay;
        self.quorum = Quorum::Deciding { claimant: claims, claim_from, tries: 0, op: None };
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
            let act = if self.looking { Act::TestWitness } else { Act::ClaimWitness };
            let op = Some(lend!(self, out).act(act, Pending::Claim));
            self.quorum = Quorum::Deciding { claimant: true, claim_from, tries: tries + 1, op };
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
            if outcome == Outcome::Ok && !self.holds_witness {
                lend!(self, out).act(Act::ReleaseWitness, Pending::Nothing);
            }
            return;
        };
        if self.looking && outcome == Outcome::Ok && tries == 1 {
            // The delay is counted from the release of the first lock (wsfc.md §3.2 observed).
            claim_from = self.now + self.config.quorum.arbitration_delay;
        }
        self.quorum = Quorum::Deciding { claimant: true, claim_from, tries, op: None };
        if outcome == Outcome::Ok && !self.looking {
            self.holds_witness = true;
            let mut ctx = lend!(self, out);
            ctx.note(Note::WitnessWon);
            self.groups.witness_works(&ctx);
            self.hold(out, true);
            return;
        }
        if outcome != Outcome::Ok {
            lend!(self, out).note(Note::WitnessLost { outcome, tries });
        }
        let lost = matches!(outcome, Outcome::Refused(_));
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

    /// The witness could not be won in time.
    pub(super) fn give_up(&mut self, out: &mut Effects) {
        let members = self.membership.members;
        let (votes, needed) =
            match standing(members, self.config.voters(), self.config.quorum.witness) {
                Standing::Majority { votes, needed }
                | Standing::OneShort { votes, needed }
                | Standing::Minority { votes, needed } => (votes, needed),
            };
        lend!(self, out).note(Note::QuorumLost { votes, needed });
        self.without_quorum(out, Why::QuorumLost);
    }

    /// Quorum is held.
    pub(super) fn hold(&mut self, out: &mut Effects, witness: bool) {
        let members = self.membership.members;
        let (votes, needed) =
            match standing(members, self.config.voters(), self.config.quorum.witness) {
                Standing::Majority { votes, needed } => (votes, needed),
                Standing::OneShort { votes, needed } => (votes + 1, needed),
                Standing::Minority { votes, needed } => (votes, needed),
            };
        self.quorum = Quorum::Held;
        self.served = true;
        self.timers.clear(Timer::Arbitration);
        self.timers.clear(Timer::Termination);
        lend!(self, out).note(Note::QuorumHeld { votes, needed, witness });
        let core = self.config.core_group();
        if self.coordinator_node().is_none() {
            let from = self.database.groups[core].owner;
            let to = members.lowest().expect("a view has members");
            let entry = &mut self.database.groups[core];
            entry.owner = Some(to);
            entry.moving_to = None;
            entry.exists = true;
            entry.state = Default::default();
            self.database.version += 1;
            if to == self.me() {
                let why = if from.is_some() { Why::NodeDown } else { Why::Startup };
                lend!(self, out).note(Note::GroupMove { group: core, from, to, why });
            }
        }
    }

    /// The view has no quorum and will not get it: a node that served ends its service, one that
    /// was only trying to form looks for a cluster again.
    fn without_quorum(&mut self, out: &mut Effects, why: Why) {
        if self.served {
            self.stop(out, why, true);
            return;
        }
        self.quorum = Quorum::None;
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
        self.groups.terminate(&mut ctx);
        self.databases.dismount_all(&mut ctx);
        if self.holds_witness {
            ctx.act(Act::ReleaseWitness, Pending::Nothing);
        }
        ctx.act(Act::Stop { restart }, Pending::Nothing);
        self.quorum = Quorum::None;
        self.ended = true;
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
        for peer in reach.iter() {
            lend!(self, out).send(peer, Message::Join);
        }
        let running = reach.iter().any(|peer| self.peers[peer].is_some_and(|f| f.view > 0));
        let waited = self.now.since(self.looking_since);
        if !running && waited >= self.config.membership.form_after && !self.membership.regrouping()
        {
            let mut ctx = lend!(self, out);
            ctx.note(Note::Forming);
            self.membership.regroup(&mut ctx, self.joiners.intersection(reach));
        }
        self.timers.set(Timer::Join, self.now + self.config.membership.tick);
    }
}
