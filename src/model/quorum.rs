//! The quorum that a topology asks for: its mode, who votes, and how votes are counted.

use super::settings::{Settings, Value};
use super::topology::{Topology, WindowsVersion};
use crate::base::{Id, MachineId, NodeId, NodeSet};
use crate::failover::quorum::{Automatic, Counting, Mode, Rules};
use serde::{Deserialize, Serialize};

/// QuorumType as a topology names it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Debug, Serialize, Deserialize)]
pub enum QuorumType {
    /// `exchange`: as Exchange sets it for the members of a DAG (exchange.md §3.1). An odd number:
    /// Node Majority, even if a witness server is named. An even number: Node and File Share
    /// Majority, if one is.
    Exchange,
    /// One of the four modes.
    Is(Mode),
}

impl QuorumType {
    /// Every type with its word in files.
    pub const ALL: [(&'static str, QuorumType); 5] = [
        ("exchange", QuorumType::Exchange),
        ("node-majority", QuorumType::Is(Mode::NodeMajority)),
        ("node-and-file-share-majority", QuorumType::Is(Mode::NodeAndFileShareMajority)),
        ("node-and-disk-majority", QuorumType::Is(Mode::NodeAndDiskMajority)),
        ("disk-only", QuorumType::Is(Mode::DiskOnly)),
    ];

    /// The mode of a cluster with so many nodes, and a witness server or none.
    pub fn mode(self, nodes: usize, witness_server: bool) -> Mode {
        match self {
            QuorumType::Is(mode) => mode,
            QuorumType::Exchange if nodes.is_multiple_of(2) && witness_server => {
                Mode::NodeAndFileShareMajority
            }
            QuorumType::Exchange => Mode::NodeMajority,
        }
    }
}

impl Mode {
    /// The product's words.
    pub const fn title(self) -> &'static str {
        match self {
            Mode::NodeMajority => "Node Majority",
            Mode::NodeAndFileShareMajority => "Node and File Share Majority",
            Mode::NodeAndDiskMajority => "Node and Disk Majority",
            Mode::DiskOnly => "No Majority: Disk Only",
        }
    }
}

impl Value for QuorumType {
    const EXPECTED: &'static str = "one of \"exchange\", \"node-majority\", \
         \"node-and-file-share-majority\", \"node-and-disk-majority\", \"disk-only\"";
    fn read(text: &str) -> Option<Self> {
        Self::ALL.iter().find(|(word, _)| *word == text).map(|(_, value)| *value)
    }
    fn show(&self) -> String {
        let mut all = Self::ALL.iter();
        all.find(|(_, value)| value == self).map_or_else(String::new, |(word, _)| (*word).into())
    }
}

impl Value for Automatic {
    const EXPECTED: &'static str = "\"highest\" or \"lowest\"";
    fn read(text: &str) -> Option<Self> {
        match text {
            "highest" => Some(Automatic::Highest),
            "lowest" => Some(Automatic::Lowest),
            _ => None,
        }
    }
    fn show(&self) -> String {
        match self {
            Automatic::Highest => "highest".to_owned(),
            Automatic::Lowest => "lowest".to_owned(),
        }
    }
}

impl Topology {
    /// Nodes with NodeWeight 1.
    pub fn voters(&self) -> NodeSet {
        self.node_ids().filter(|node| self.machines[MachineId::from(*node)].vote).collect()
    }

    /// The rules by which the cluster counts votes.
    pub fn rules(&self) -> Rules {
        let set = &self.settings.cluster;
        let named = usize::try_from(set.lower_quorum_priority_node_id).unwrap_or(0);
        Rules {
            mode: self.dag.quorum,
            counting: self.windows.counting(set.dynamic_quorum),
            configured: self.voters(),
            lower_priority: (1..=self.nodes).contains(&named).then(|| NodeId::at(named - 1)),
            automatic: set.automatic_lower_quorum_priority,
            two_keep_three: set.two_nodes_keep_three_votes,
        }
    }
}

impl WindowsVersion {
    /// How a version counts votes, with DynamicQuorum on or off.
    pub fn counting(self, dynamic: bool) -> Counting {
        match self {
            _ if !dynamic => Counting::Static,
            WindowsVersion::V2008R2 => Counting::Static,
            WindowsVersion::V2012 => Counting::Nodes,
            WindowsVersion::V2012R2 | WindowsVersion::V2016 | WindowsVersion::V2019 => {
                Counting::NodesAndWitness
            }
        }
    }
}

/// What is wrong with LowerQuorumPriorityNodeID, if it names no node.
pub fn lower_priority_problem(settings: &Settings, nodes: usize) -> Option<String> {
    let named = usize::try_from(settings.cluster.lower_quorum_priority_node_id).ok()?;
    (named > nodes).then(|| {
        format!(
            "cluster.lower_quorum_priority_node_id from 1 to {nodes}, the place of a node in this \
             file, or 0"
        )
    })
}
