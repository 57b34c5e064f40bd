//! Dense identifiers. A letter tells them apart in `Debug`; names live in `model`.

use core::fmt;
use serde::{Deserialize, Serialize};

/// A dense identifier that can index an [`IdVec`](super::IdVec).
pub trait Id: Copy + Ord {
    /// Position of this identifier in a dense vector.
    fn index(self) -> usize;
    /// The identifier at a position.
    ///
    /// # Panics
    /// If the position does not fit the identifier's integer.
    fn at(index: usize) -> Self;
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident($int:ty) $letter:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        #[derive(Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $int);

        impl Id for $name {
            fn index(self) -> usize {
                self.0 as usize
            }
            fn at(index: usize) -> Self {
                Self(<$int>::try_from(index).expect("identifier in range"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($letter, "{}"), self.0)
            }
        }
    )*};
}

ids! {
    /// A member of the failover cluster, 0 to 15. The same number as its [`MachineId`].
    NodeId(u8) "n";
    /// Any machine: the cluster members first, then domain controllers and others.
    MachineId(u8) "m";
    /// An adapter of one machine, counted within that machine.
    NicId(u8) "nic";
    /// A cluster network (one subnet).
    NetId(u8) "net";
    /// An Active Directory site.
    SiteId(u8) "site";
    /// A cluster group.
    GroupId(u16) "g";
    /// A cluster resource, counted over all groups.
    ResourceId(u16) "r";
    /// A mailbox database.
    DbId(u16) "d";
    /// A load balancer.
    BalancerId(u8) "lb";
    /// A client (one person's program or one mail relay).
    ClientId(u32) "c";
    /// A message in the mail flow.
    MailId(u32) "mail";
    /// An operation that a node asked its driver to perform.
    OpId(u32) "op";
    /// A call of `Node::step`, counted per life of a node.
    StepNo(u32) "step";
}

impl From<NodeId> for MachineId {
    fn from(node: NodeId) -> Self {
        MachineId(node.0)
    }
}

/// One copy of a database: the database and the node that hosts the copy.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CopyId {
    /// The database.
    pub database: DbId,
    /// The node that hosts this copy.
    pub node: NodeId,
}

impl fmt::Debug for CopyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}@{:?}", self.database, self.node)
    }
}

/// A set of cluster members (at most 16).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeSet(u16);

impl NodeSet {
    /// The set without members.
    pub const EMPTY: NodeSet = NodeSet(0);
    /// Most members that a set can hold.
    pub const CAPACITY: usize = 16;

    /// The set of one node.
    pub fn only(node: NodeId) -> Self {
        NodeSet::EMPTY.with(node)
    }
    /// The first `count` nodes.
    ///
    /// # Panics
    /// If `count` is above [`NodeSet::CAPACITY`].
    pub fn first(count: usize) -> Self {
        (0..count).map(NodeId::at).collect()
    }
    /// This set and one node more.
    #[must_use]
    pub fn with(self, node: NodeId) -> Self {
        assert!(node.index() < Self::CAPACITY, "a cluster has at most 16 nodes");
        NodeSet(self.0 | 1 << node.0)
    }
    /// This set without one node.
    #[must_use]
    pub fn without(self, node: NodeId) -> Self {
        NodeSet(self.0 & !(1 << node.0))
    }
    /// Whether the node is in the set.
    pub fn contains(self, node: NodeId) -> bool {
        self.0 & 1 << node.0 != 0
    }
    /// Whether every member of `other` is in this set.
    pub fn contains_all(self, other: NodeSet) -> bool {
        self.0 & other.0 == other.0
    }
    /// Members of either set.
    #[must_use]
    pub fn union(self, other: NodeSet) -> Self {
        NodeSet(self.0 | other.0)
    }
    /// Members of both sets.
    #[must_use]
    pub fn intersection(self, other: NodeSet) -> Self {
        NodeSet(self.0 & other.0)
    }
    /// Members of this set that are not in `other`.
    #[must_use]
    pub fn minus(self, other: NodeSet) -> Self {
        NodeSet(self.0 & !other.0)
    }
    /// Number of members.
    pub fn len(self) -> usize {
        self.0.count_ones() as usize
    }
    /// Whether there is no member.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
    /// The member with the lowest number.
    pub fn lowest(self) -> Option<NodeId> {
        (!self.is_empty()).then(|| NodeId(self.0.trailing_zeros() as u8))
    }
    /// Members in ascending order.
    pub fn iter(self) -> impl DoubleEndedIterator<Item = NodeId> {
        (0..Self::CAPACITY as u8).map(NodeId).filter(move |n| self.contains(*n))
    }
}

impl FromIterator<NodeId> for NodeSet {
    fn from_iter<T: IntoIterator<Item = NodeId>>(iter: T) -> Self {
        iter.into_iter().fold(NodeSet::EMPTY, NodeSet::with)
    }
}

impl fmt::Debug for NodeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// A set of machines (at most 80: 16 cluster members and 64 others).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct MachineSet([u64; 2]);

impl MachineSet {
    /// The set without machines.
    pub const EMPTY: MachineSet = MachineSet([0; 2]);

    const fn place(machine: MachineId) -> (usize, u64) {
        assert!(machine.0 < 128, "a site has at most 80 machines");
        ((machine.0 / 64) as usize, 1 << (machine.0 % 64))
    }
    /// This set and one machine more.
    #[must_use]
    pub fn with(mut self, machine: MachineId) -> Self {
        let (word, bit) = Self::place(machine);
        self.0[word] |= bit;
        self
    }
    /// This set without one machine.
    #[must_use]
    pub fn without(mut self, machine: MachineId) -> Self {
        let (word, bit) = Self::place(machine);
        self.0[word] &= !bit;
        self
    }
    /// Whether the machine is in the set.
    pub fn contains(self, machine: MachineId) -> bool {
        let (word, bit) = Self::place(machine);
        self.0[word] & bit != 0
    }
    /// Machines of either set.
    #[must_use]
    pub fn union(self, other: MachineSet) -> Self {
        MachineSet([self.0[0] | other.0[0], self.0[1] | other.0[1]])
    }
    /// Number of machines.
    pub fn len(self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }
    /// Whether there is no machine.
    pub fn is_empty(self) -> bool {
        self.0 == [0; 2]
    }
    /// Machines in ascending order.
    pub fn iter(self) -> impl Iterator<Item = MachineId> {
        (0..128).map(MachineId).filter(move |machine| self.contains(*machine))
    }
}

impl FromIterator<MachineId> for MachineSet {
    fn from_iter<T: IntoIterator<Item = MachineId>>(iter: T) -> Self {
        iter.into_iter().fold(MachineSet::EMPTY, MachineSet::with)
    }
}

impl fmt::Debug for MachineSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_of_machines_holds_what_was_put_in() {
        let machines = [0, 15, 63, 64, 79].map(MachineId);
        let set: MachineSet = machines.into_iter().collect();
        assert_eq!(set.iter().collect::<Vec<_>>(), machines);
        assert_eq!(set.len(), 5);
        let less = set.without(MachineId(64));
        assert!(set.contains(MachineId(64)) && !less.contains(MachineId(64)));
        assert_eq!(less.union(MachineSet::EMPTY.with(MachineId(64))), set);
    }
}
