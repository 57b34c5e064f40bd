//! What somebody wants of groups and databases, followed through orders and notes.

use crate::base::{Address, DbId, GroupId, IdVec, Instant, NodeId, ResourceId};
use crate::failover::seam::{
    ActivationPolicy, Failure, GroupState, Note, Operation, Order, Outcome, Refusal, ResourceState,
    Start, StartQuorum, Why,
};
use crate::model::{Scenario, Topology};
use std::collections::{BTreeMap, BTreeSet};

/// What somebody wants, and what keeps it from being so.
pub(super) struct Wants {
    /// What somebody wants online.
    pub(super) groups: IdVec<GroupId, bool>,
    /// Of those, resources that somebody took offline.
    pub(super) offline: BTreeSet<ResourceId>,
    pub(super) databases: IdVec<DbId, bool>,
    /// Members whose Cluster service somebody stopped.
    pub(super) stopped: BTreeSet<NodeId>,
    /// Members on which somebody keeps copies from being activated.
    pub(super) barred: BTreeSet<NodeId>,
    /// Whether somebody turned datacenter activation coordination on.
    pub(super) coordinated: bool,
    /// Members whose configuration the witness found to be out of date.
    pub(super) stale: BTreeSet<NodeId>,
    /// Members that an administrator started so that they form no cluster.
    pub(super) joins_only: BTreeSet<NodeId>,
    /// The address of each name.
    pub(super) names: BTreeMap<ResourceId, Address>,
    /// When a name had its address changed last: until it has lived out its life, clients know the
    /// old one.
    pub(super) renamed: Option<Instant>,
    /// Groups that stay where they are after too many failures, or for want of a directory.
    pub(super) stuck: BTreeMap<GroupId, &'static str>,
    /// Databases whose activation the dial refused.
    pub(super) refused: BTreeMap<DbId, u64>,
}

impl Wants {
    /// Before the first record: what the scenario places is wanted.
    pub(super) fn new(topology: &Topology, scenario: &Scenario) -> Self {
        let whole = |id: GroupId| {
            let group = &topology.groups[id];
            let mut resources = group.resources.iter().map(|id| &topology.resources[*id]);
            let by_itself = group.persistent_state && group.priority > 0;
            by_itself && !resources.any(|resource| resource.own.stays_offline)
        };
        let placed = topology.groups.ids().zip(&scenario.start.groups);
        let placed = placed.map(|(id, owner)| owner.is_some() && whole(id));
        Wants {
            groups: placed.collect(),
            offline: BTreeSet::new(),
            databases: IdVec::filled(topology.databases.len(), true),
            stopped: BTreeSet::new(),
            barred: BTreeSet::new(),
            coordinated: topology.dag.activation_coordination,
            stale: BTreeSet::new(),
            joins_only: BTreeSet::new(),
            names: BTreeMap::new(),
            renamed: None,
            stuck: BTreeMap::new(),
            refused: BTreeMap::new(),
        }
    }

    /// Takes in an order.
    pub(super) fn order(&mut self, node: NodeId, order: &Order, topology: &Topology) {
        match order {
            Order::CreateGroup(group) | Order::OnlineGroup(group) => {
                self.groups[*group] = true;
                self.offline.retain(|resource| topology.resources[*resource].group != *group);
            }
            Order::OfflineGroup(group) => {
                self.groups[*group] = false;
                self.offline.extend(&topology.groups[*group].resources);
            }
            Order::DismountDatabase(database) => self.databases[*database] = false,
            Order::StopService => drop(self.stopped.insert(node)),
            // Its group is not wanted whole any more, or may be again.
            Order::OfflineResource(resource) => {
                self.groups[topology.resources[*resource].group] = false;
                self.offline.insert(*resource);
            }
            Order::OnlineResource(resource) => {
                self.offline.remove(resource);
                let group = topology.resources[*resource].group;
                let whole = !topology.groups[group]
                    .resources
                    .iter()
                    .any(|other| self.offline.contains(other));
                self.groups[group] |= whole;
            }
            Order::StartMaintenance { node } => drop(self.barred.insert(*node)),
            Order::StopMaintenance { node } => drop(self.barred.remove(node)),
            Order::SetServer { node, settings } => match settings.activation_policy {
                Some(ActivationPolicy::Blocked) => drop(self.barred.insert(*node)),
                Some(_) => drop(self.barred.remove(node)),
                None => {}
            },
            Order::SetActivationCoordination(on) => self.coordinated = *on,
            // Whether it is taken is told by a note.
            Order::MountDatabase(_)
            | Order::SuspendCopy { .. }
            | Order::ResumeCopy { .. }
            | Order::MoveGroup { .. }
            | Order::SetWitnessServer(_)
            | Order::MoveDatabase { .. }
            | Order::MoveServer { .. }
            | Order::RestoreGroup(_)
            | Order::AddMembers(_)
            | Order::SuspendNode { .. }
            | Order::ResumeNode { .. } => {}
        }
    }

    /// Takes in how the Cluster service of a member is started.
    pub(super) fn started(&mut self, node: NodeId, start: &Start, topology: &Topology) {
        match start.quorum {
            StartQuorum::Prevent => drop(self.joins_only.insert(node)),
            StartQuorum::Normal | StartQuorum::Force => drop(self.joins_only.remove(&node)),
        }
        if start.ignore_persistent_state {
            let core = topology.config(node).core_group();
            let roles = self.groups.iter_mut().filter(|(id, _)| *id != core);
            roles.for_each(|(_, wanted)| *wanted = false);
        }
    }

    /// Takes in a note.
    pub(super) fn note(&mut self, node: NodeId, note: &Note, topology: &Topology) {
        match note {
            Note::WitnessLost { outcome: Outcome::Refused(Refusal::WitnessNewer), .. } => {
                self.stale.insert(node);
            }
            Note::QuorumHeld { .. } => {
                self.stale.remove(&node);
                self.joins_only.remove(&node);
            }
            Note::GroupStays { group, why: Why::ThresholdExceeded } => {
                self.stuck.insert(*group, "it failed more often than its failover threshold");
            }
            Note::GroupStays { group, why: Why::ResourceFailed } => {
                self.stuck.insert(*group, "what failed had no other node to go to, and waits");
            }
            Note::GroupStays { group, why: Why::NodePaused } => {
                self.stuck.insert(*group, "the node that could own it is paused");
            }
            Note::Resource { resource, state, failure } => {
                let group = topology.resources[*resource].group;
                if let (ResourceState::Failed, Some(Failure::NoDomainController)) = (state, failure)
                {
                    self.stuck.insert(group, "no domain controller could be reached");
                }
            }
            // That another resource of it is online again, as the witness is, changes nothing.
            Note::Group { group, state: GroupState::Online, .. } => {
                self.stuck.remove(group);
            }
            Note::DatabaseOperation {
                database,
                operation: Operation::Mount,
                why: Why::Asked,
                ..
            } => {
                self.databases[*database] = true;
            }
            Note::CopySuspended { node, activation_suspended, .. } => match activation_suspended {
                true => drop(self.barred.insert(*node)),
                false => drop(self.barred.remove(node)),
            },
            Note::LastLogs { database, missing, accepted: false, .. } => {
                self.refused.insert(*database, *missing);
            }
            _ => {}
        }
    }
}
