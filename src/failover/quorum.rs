//! Who has a majority: votes, how they are adapted after a survived loss, and what a view's votes
//! are worth (wsfc.md §3.1). Pure functions; the core and the calculator call the same.

use crate::base::{NodeId, NodeSet};
use serde::{Deserialize, Serialize};

pub mod plan;

/// Quorum mode (QuorumType).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Node Majority: the nodes alone.
    NodeMajority,
    /// Node and File Share Majority: the nodes and a file share witness.
    NodeAndFileShareMajority,
    /// Node and Disk Majority: the nodes and a disk witness.
    NodeAndDiskMajority,
    /// No Majority, Disk Only: whoever holds the disk.
    DiskOnly,
}

/// What kind of witness a mode has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
pub enum Witness {
    /// A share that keeps a tag: whoever knows less than the tag is refused.
    FileShare,
    /// A disk that keeps a copy of the cluster database: whoever knows less learns it there.
    Disk,
}

impl Mode {
    /// The witness that takes part; none for Node Majority.
    pub const fn witness(self) -> Option<Witness> {
        match self {
            Mode::NodeMajority => None,
            Mode::NodeAndFileShareMajority => Some(Witness::FileShare),
            Mode::NodeAndDiskMajority | Mode::DiskOnly => Some(Witness::Disk),
        }
    }
}

/// How votes are counted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Serialize, Deserialize)]
pub enum Counting {
    /// Configured votes, down nodes included (2008 R2, or DynamicQuorum 0).
    Static,
    /// DynamicQuorum of 2012: nodes' votes follow the membership, the witness's does not. Of the
    /// last two nodes without a witness one loses its vote.
    Nodes,
    /// DynamicQuorum of 2012 R2 and later: the witness votes iff the number of node votes is even,
    /// and without a working witness an even number loses one node's vote.
    NodesAndWitness,
}

/// Whose vote an even number drops when LowerQuorumPriorityNodeID names nobody. The product
/// chooses at random.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Serialize, Deserialize)]
pub enum Automatic {
    /// The voting node with the highest number.
    Highest,
    /// The voting node with the lowest number.
    Lowest,
}

/// The rules of one cluster.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct Rules {
    /// Mode.
    pub mode: Mode,
    /// Static or dynamic.
    pub counting: Counting,
    /// Nodes with NodeWeight 1. An explicit 0 is never overridden.
    pub configured: NodeSet,
    /// LowerQuorumPriorityNodeID (2012 R2 and later).
    pub lower_priority: Option<NodeId>,
    /// The choice where it names nobody who votes.
    pub automatic: Automatic,
    /// Whether the last two nodes keep three votes when their witness fails, as the last one does;
    /// if not, the witness and one of them lose theirs.
    pub two_keep_three: bool,
}

/// Votes in force: DynamicWeight of every node and WitnessDynamicWeight.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
pub struct Votes {
    /// Nodes that have a vote.
    pub nodes: NodeSet,
    /// Whether the witness has one.
    pub witness: bool,
}

impl Votes {
    /// Number of votes.
    pub fn total(self) -> u8 {
        self.nodes.len() as u8 + u8::from(self.witness)
    }

    /// Votes that make a majority: half of them, rounded down, and one.
    pub fn needed(self) -> u8 {
        self.total() / 2 + 1
    }

    /// Votes of some nodes.
    pub fn of(self, members: NodeSet) -> u8 {
        members.intersection(self.nodes).len() as u8
    }

    /// What a view's votes are worth.
    pub fn standing(self, members: NodeSet) -> Standing {
        let (votes, needed) = (self.of(members), self.needed());
        if votes >= needed {
            Standing::Majority { votes, needed }
        } else if self.witness && votes + 1 == needed {
            Standing::OneShort { votes, needed }
        } else {
            Standing::Minority { votes, needed }
        }
    }
}

impl Rules {
    /// Whether a witness takes part.
    pub fn witness(&self) -> Option<Witness> {
        self.mode.witness()
    }

    /// Votes as they are configured.
    pub fn static_votes(&self) -> Votes {
        match self.mode {
            Mode::DiskOnly => Votes { nodes: NodeSet::EMPTY, witness: true },
            Mode::NodeMajority => Votes { nodes: self.configured, witness: false },
            Mode::NodeAndFileShareMajority | Mode::NodeAndDiskMajority => {
                Votes { nodes: self.configured, witness: true }
            }
        }
    }

    /// Votes while every node is up and the witness works.
    pub fn initial(&self) -> Votes {
        self.wish(self.configured, true)
    }

    /// Votes once a view has quorum: those `now` in force, adapted to the nodes that stay in it and
    /// to whether the witness works.
    pub fn adapt(&self, now: Votes, staying: NodeSet, witness_works: bool) -> Votes {
        let voting = self.configured.intersection(staying);
        if voting.is_empty() {
            return now;
        }
        let wish = self.wish(voting, witness_works);
        // With a witness, votes are not reduced below three (wsfc.md §3.1 last node + witness).
        let keeps = self.witness().is_some() && (self.two_keep_three || voting.len() == 1);
        if keeps && wish.total() < now.total().min(3) {
            return now;
        }
        wish
    }

    /// The votes that these nodes should have between them.
    fn wish(&self, voting: NodeSet, witness_works: bool) -> Votes {
        let majority = self.mode != Mode::DiskOnly;
        match self.counting {
            Counting::Nodes if majority && self.witness().is_none() && voting.len() == 2 => {
                Votes { nodes: self.without_one(voting), witness: false }
            }
            Counting::Nodes if majority => {
                Votes { nodes: voting, witness: self.witness().is_some() }
            }
            Counting::NodesAndWitness if majority => {
                let even = voting.len().is_multiple_of(2);
                let witness = self.witness().is_some() && witness_works && even;
                let drops = even && !witness;
                Votes { nodes: if drops { self.without_one(voting) } else { voting }, witness }
            }
            Counting::Static | Counting::Nodes | Counting::NodesAndWitness => self.static_votes(),
        }
    }

    /// An even number of votes loses one.
    fn without_one(&self, voting: NodeSet) -> NodeSet {
        let named = self.lower_priority.filter(|node| voting.contains(*node));
        let chosen = match self.automatic {
            Automatic::Highest => voting.iter().next_back(),
            Automatic::Lowest => voting.lowest(),
        };
        named.or(chosen).map_or(voting, |node| voting.without(node))
    }
}

/// What a view's votes are worth.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Standing {
    /// Enough without the witness.
    Majority {
        /// Votes of the view.
        votes: u8,
        /// Votes needed.
        needed: u8,
    },
    /// One short, and there is a witness to ask.
    OneShort {
        /// Votes of the view.
        votes: u8,
        /// Votes needed.
        needed: u8,
    },
    /// Not enough, with or without the witness.
    Minority {
        /// Votes of the view.
        votes: u8,
        /// Votes needed.
        needed: u8,
    },
}

impl Standing {
    /// Votes of the view, and votes needed.
    pub fn count(self) -> (u8, u8) {
        match self {
            Standing::Majority { votes, needed }
            | Standing::OneShort { votes, needed }
            | Standing::Minority { votes, needed } => (votes, needed),
        }
    }

    fn rank(self) -> u8 {
        match self {
            Standing::Majority { .. } => 2,
            Standing::OneShort { .. } => 1,
            Standing::Minority { .. } => 0,
        }
    }
}

/// Judges a view. While a change of the votes is proposed and not yet known to everybody in the
/// view, it must stand by both: of two sides, one that knows of the change and one that does not,
/// only one can.
pub fn standing(members: NodeSet, in_force: Votes, proposed: Option<Votes>) -> Standing {
    let old = in_force.standing(members);
    match proposed.map(|votes| votes.standing(members)) {
        Some(new) if new.rank() < old.rank() => new,
        Some(_) | None => old,
    }
}

#[cfg(test)]
mod tests;
