//! The calculator: losses, leaves, partitions and returns played over the pure rules, one after
//! the other, with time enough between them for votes to be adapted and told to everybody.

use super::{Counting, Rules, Standing, Votes, Witness};
use crate::base::{Id, NodeId, NodeSet};

/// Something that happens to the cluster.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub enum Event {
    /// Nodes and perhaps the witness are lost at the same moment.
    Down {
        /// The nodes.
        nodes: NodeSet,
        /// Whether the witness is lost with them.
        witness: bool,
    },
    /// The Cluster service is stopped in good order on these nodes.
    Leave(NodeSet),
    /// Nodes can no longer reach each other across sides.
    Partition(Vec<Part>),
    /// Nodes and perhaps the witness return.
    Up {
        /// The nodes.
        nodes: NodeSet,
        /// Whether the witness returns with them.
        witness: bool,
    },
}

/// A side of a partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct Part {
    /// Its nodes.
    pub members: NodeSet,
    /// Whether it can reach the witness.
    pub witness: bool,
}

/// What became of the witness's vote for a side.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Ballot {
    /// There is no witness in this mode.
    NoWitness,
    /// The witness has no vote now (WitnessDynamicWeight 0).
    NoVote,
    /// The witness has failed.
    Failed,
    /// This side cannot reach the witness.
    Unreachable,
    /// A majority without it; whether its vote counts for this side.
    NotNeeded {
        /// This side reaches it.
        counts: bool,
    },
    /// Won by the side that owns the core group: it need not wait.
    WonByOwner,
    /// Won after the arbitration delay, because no side that owns the core group claimed it.
    WonAfterDelay,
    /// A side that was before this one holds the lock.
    Lost {
        /// Whether that side owned the core group.
        to_owner: bool,
    },
    /// Its tag is newer than anything that this side knows.
    Newer,
    /// More than one vote is missing; whether the side could have reached it.
    NotEnough {
        /// This side alone reaches it.
        counts: bool,
    },
}

/// One side and what it came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct Side {
    /// Its nodes.
    pub members: NodeSet,
    /// The votes that these nodes know to be in force.
    pub votes: Votes,
    /// Its nodes' votes and the votes needed.
    pub standing: Standing,
    /// The witness's vote.
    pub ballot: Ballot,
}

impl Side {
    /// Votes that the side holds, the witness's included.
    pub fn held(&self) -> u8 {
        let witness = match self.ballot {
            Ballot::WonByOwner
            | Ballot::WonAfterDelay
            | Ballot::NotNeeded { counts: true }
            | Ballot::NotEnough { counts: true } => 1,
            Ballot::NoWitness
            | Ballot::NoVote
            | Ballot::Failed
            | Ballot::Unreachable
            | Ballot::NotNeeded { counts: false }
            | Ballot::Lost { .. }
            | Ballot::Newer
            | Ballot::NotEnough { counts: false } => 0,
        };
        self.standing.count().0 + witness
    }

    /// Whether the side has quorum.
    pub fn quorum(&self) -> bool {
        match self.standing {
            Standing::Majority { .. } => true,
            Standing::OneShort { .. } => {
                matches!(self.ballot, Ballot::WonByOwner | Ballot::WonAfterDelay)
            }
            Standing::Minority { .. } => false,
        }
    }
}

/// What an event came to.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub struct Judged {
    /// Votes by which the sides were judged.
    pub votes: Votes,
    /// The sides, in the order of the plan.
    pub sides: Vec<Side>,
    /// Votes in force afterwards.
    pub after: Votes,
    /// Who owned the core group when the sides were judged.
    pub owner: Option<NodeId>,
}

impl Judged {
    /// Nodes that still have a cluster.
    pub fn survivors(&self) -> NodeSet {
        let with = self.sides.iter().filter(|side| side.quorum());
        with.fold(NodeSet::EMPTY, |all, side| all.union(side.members))
    }
}

/// A cluster between two events.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub struct Cluster {
    rules: Rules,
    /// Votes of every configuration that ever was in force; nodes and the witness's tag know one.
    history: Vec<Votes>,
    known: [usize; NodeSet::CAPACITY],
    tag: usize,
    /// Nodes that run, with quorum or waiting for it.
    up: NodeSet,
    running: bool,
    witness_up: bool,
    owner: Option<NodeId>,
}

impl Cluster {
    /// Every node is up, the witness works, and `owner` owns the core group.
    pub fn new(rules: Rules, nodes: NodeSet, owner: NodeId) -> Self {
        Cluster {
            rules,
            history: vec![rules.initial()],
            known: [0; NodeSet::CAPACITY],
            tag: 0,
            up: nodes,
            running: true,
            witness_up: true,
            owner: Some(owner),
        }
    }

    /// Nodes that run, with quorum or waiting for it.
    pub fn up(&self) -> NodeSet {
        self.up
    }

    /// Whether the witness works.
    pub fn witness_up(&self) -> bool {
        self.witness_up
    }

    /// The newest votes that any of these nodes knows.
    fn newest(&self, members: NodeSet) -> usize {
        members.iter().map(|node| self.known[usize::from(node.0)]).max().unwrap_or(0)
    }

    /// How it stands while nothing happens.
    pub fn stands(&mut self) -> Judged {
        let all = Part { members: self.up, witness: true };
        self.judge(vec![all])
    }

    /// Plays an event.
    pub fn play(&mut self, event: &Event) -> Judged {
        match event {
            Event::Down { nodes, witness } => {
                self.up = self.up.minus(*nodes);
                self.witness_up &= !witness;
                self.stands()
            }
            Event::Leave(nodes) => {
                self.leave(*nodes);
                self.stands()
            }
            Event::Partition(parts) => self.judge(parts.clone()),
            Event::Up { nodes, witness } => {
                self.up = self.up.union(*nodes);
                self.witness_up |= witness;
                if self.running {
                    // A node that joins learns what the cluster knows.
                    let newest = self.newest(self.up);
                    self.learn(self.up, newest);
                }
                self.stands()
            }
        }
    }

    /// With dynamic quorum a node that leaves in good order gives its vote up before it goes.
    fn leave(&mut self, nodes: NodeSet) {
        let staying = self.up.minus(nodes);
        if self.running {
            self.adapt(self.up, staying, true);
        }
        if let Some(owner) = self.owner.filter(|owner| nodes.contains(*owner)) {
            self.owner = next_after(owner, staying);
        }
        self.up = staying;
    }

    fn learn(&mut self, members: NodeSet, version: usize) {
        for node in members.iter() {
            self.known[usize::from(node.0)] = version;
        }
    }

    /// A view with quorum: votes are adapted to those that stay, and its members know it.
    fn adapt(&mut self, view: NodeSet, staying: NodeSet, reaches: bool) {
        let now = self.history[self.newest(view)];
        let works = self.witness_up && reaches;
        let votes = if self.rules.counting == Counting::Static {
            now
        } else {
            self.rules.adapt(now, staying, works)
        };
        self.history.push(votes);
        let version = self.history.len() - 1;
        self.learn(view, version);
        if works {
            self.tag = version;
        }
    }

    fn judge(&mut self, parts: Vec<Part>) -> Judged {
        let everybody = parts.iter().fold(NodeSet::EMPTY, |all, part| all.union(part.members));
        let votes = self.history[self.newest(everybody)];
        let asked: Vec<Part> = parts.into_iter().filter(|part| !part.members.is_empty()).collect();
        let owner = self.owner;
        let sides: Vec<Side> = asked.iter().map(|part| self.side(part, &asked)).collect();
        let winner = sides.iter().position(Side::quorum);
        if let Some(place) = winner {
            let (members, reaches) = (asked[place].members, asked[place].witness);
            self.up = members;
            self.running = true;
            self.owner = self.owner.filter(|owner| members.contains(*owner)).or(members.lowest());
            self.adapt(members, members, reaches);
        } else {
            self.running = false;
            // Sides that cannot reach each other wait, each for itself.
            self.up = if asked.len() == 1 { asked[0].members } else { NodeSet::EMPTY };
        }
        let after = self.history[self.newest(if winner.is_some() { self.up } else { everybody })];
        Judged { votes, sides, after, owner }
    }

    fn side(&self, part: &Part, all: &[Part]) -> Side {
        let members = part.members;
        let mut version = self.newest(members);
        let claims = self.witness_up && part.witness;
        if claims && self.rules.witness() == Some(Witness::Disk) {
            version = version.max(self.tag);
        }
        let standing = self.history[version].standing(members);
        let ballot = match (self.rules.witness(), self.history[version].witness, standing) {
            (None, ..) => Ballot::NoWitness,
            (Some(_), false, _) => Ballot::NoVote,
            (Some(_), true, _) if !self.witness_up => Ballot::Failed,
            (Some(_), true, _) if !part.witness => Ballot::Unreachable,
            (Some(_), true, Standing::Majority { .. }) => Ballot::NotNeeded { counts: true },
            (Some(_), true, Standing::Minority { .. }) => {
                let mut others = all.iter().filter(|other| other.members != members);
                Ballot::NotEnough { counts: !others.any(|other| other.witness) }
            }
            (Some(Witness::FileShare), true, Standing::OneShort { .. }) if self.tag > version => {
                Ballot::Newer
            }
            (Some(_), true, Standing::OneShort { .. }) => self.arbitrate(part, all),
        };
        Side { members, votes: self.history[version], standing, ballot }
    }

    /// The core group's owner claims at once; of others the side with the lowest node is first.
    fn arbitrate(&self, part: &Part, all: &[Part]) -> Ballot {
        let owns = |part: &Part| self.owner.is_some_and(|owner| part.members.contains(owner));
        if owns(part) {
            return Ballot::WonByOwner;
        }
        let votes = |part: &Part| self.history[self.newest(part.members)].standing(part.members);
        let claims =
            |part: &&Part| part.witness && matches!(votes(part), Standing::OneShort { .. });
        let claimants = all.iter().filter(claims);
        let first = claimants.clone().min_by_key(|part| part.members.lowest());
        if claimants.clone().any(owns) {
            Ballot::Lost { to_owner: true }
        } else if first.is_some_and(|first| first.members != part.members) {
            Ballot::Lost { to_owner: false }
        } else {
            Ballot::WonAfterDelay
        }
    }
}

/// The next node by number after one that is not among them, from the first again after the last.
fn next_after(node: NodeId, among: NodeSet) -> Option<NodeId> {
    among.minus(NodeSet::first(node.index())).lowest().or(among.lowest())
}
