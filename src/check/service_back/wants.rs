//! What somebody wants of groups and databases, followed through orders and notes.

use super::super::overlap::notices;
use crate::base::{
    Address, CopyId, DbId, GroupId, IdVec, Instant, NodeId, NodeSet, ResourceId, Span,
};
use crate::failover::seam::{
    ActivationPolicy, Failure, GroupState, Note, Operation, Order, Outcome, Refusal, ResourceState,
    Start, StartQuorum, Why,
};
use crate::model::{Fault, Scenario, Topology};
use crate::view::Scene;
use std::collections::{BTreeMap, BTreeSet};

/// What an order is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Thing {
    Group(GroupId),
    Database(DbId),
}

impl Thing {
    fn of(order: &Order, topology: &Topology) -> Option<Thing> {
        match order {
            Order::CreateGroup(group)
            | Order::OnlineGroup(group)
            | Order::OfflineGroup(group)
            | Order::MoveGroup { group, .. } => Some(Thing::Group(*group)),
            Order::OnlineResource(resource) | Order::OfflineResource(resource) => {
                Some(Thing::Group(topology.resources[*resource].group))
            }
            Order::MountDatabase(database)
            | Order::DismountDatabase(database)
            | Order::MoveDatabase { database, .. } => Some(Thing::Database(*database)),
            Order::StartMaintenance { .. }
            | Order::StopMaintenance { .. }
            | Order::SetServer { .. }
            | Order::SetActivationCoordination(_)
            | Order::SuspendCopy { .. }
            | Order::ResumeCopy { .. }
            | Order::SetWitnessServer(_)
            | Order::MoveServer { .. }
            | Order::RestoreGroup(_)
            | Order::AddMembers(_)
            | Order::StopService
            | Order::SuspendNode { .. }
            | Order::ResumeNode { .. } => None,
        }
    }
}

/// The last order about something.
struct Asked {
    on: NodeId,
    at: Instant,
    /// Who knows of it: who was in one view with the member that took it, or came into one with
    /// somebody who knows.
    known: NodeSet,
}

/// What somebody wants, and what keeps it from being so.
pub(super) struct Wants {
    /// What somebody wants online.
    pub(super) groups: IdVec<GroupId, bool>,
    /// Of those, resources that somebody took offline.
    pub(super) offline: BTreeSet<ResourceId>,
    pub(super) databases: IdVec<DbId, bool>,
    /// Members whose Cluster service somebody stopped.
    pub(super) stopped: BTreeSet<NodeId>,
    /// Members in maintenance, on which no copy is activated.
    maintained: BTreeSet<NodeId>,
    /// Copies that somebody suspended, or whose activation.
    suspended: BTreeSet<CopyId>,
    /// Activation policies that somebody set.
    policies: BTreeMap<NodeId, ActivationPolicy>,
    /// Names whose update was refused, and when.
    pub(super) unregistered: BTreeMap<ResourceId, Instant>,
    /// Who is in the view that each member took last.
    views: BTreeMap<NodeId, NodeSet>,
    /// The last order about each thing.
    asked: BTreeMap<Thing, Asked>,
    /// Things about which the last order was refused, or crossed another, or was given on a member
    /// that others had removed, or were about to remove, or of which nobody knows who has quorum
    /// now: they need not know of it.
    unheard: BTreeSet<Thing>,
    /// Where the Primary Active Manager has put each database.
    pub(super) located: IdVec<DbId, Option<NodeId>>,
    /// How long others may take to remove a member that is cut off.
    notices: Span,
    /// Whether somebody turned datacenter activation coordination on.
    pub(super) coordinated: bool,
    /// Members whose configuration the witness found to be out of date.
    pub(super) stale: BTreeSet<NodeId>,
    /// How the next start of a member's Cluster service was ordered.
    pub(super) starts: BTreeMap<NodeId, Start>,
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
            maintained: BTreeSet::new(),
            suspended: BTreeSet::new(),
            policies: BTreeMap::new(),
            unregistered: BTreeMap::new(),
            views: BTreeMap::new(),
            asked: BTreeMap::new(),
            unheard: BTreeSet::new(),
            located: IdVec::filled(topology.databases.len(), None),
            notices: notices(topology),
            coordinated: topology.dag.activation_coordination,
            stale: BTreeSet::new(),
            starts: BTreeMap::new(),
            joins_only: BTreeSet::new(),
            names: BTreeMap::new(),
            renamed: None,
            stuck: BTreeMap::new(),
            refused: BTreeMap::new(),
        }
    }

    /// The activation policy under which an administrator put a copy.
    pub(super) fn policy(&self, copy: CopyId) -> Option<ActivationPolicy> {
        let barred = self.maintained.contains(&copy.node) || self.suspended.contains(&copy);
        if barred {
            return Some(ActivationPolicy::Blocked);
        }
        self.policies.get(&copy.node).copied()
    }

    /// Why an order about a thing may have been in vain.
    pub(super) fn in_vain(&self, thing: Thing) -> Option<&'static str> {
        let unheard = self.unheard.contains(&thing);
        unheard.then_some(
            "the last order about it was refused, crossed another, or was given to a server that \
             the others removed or never heard of it from",
        )
    }

    /// Why members form no cluster, though they could.
    pub(super) fn forms_none(&self, side: NodeSet) -> Option<&'static str> {
        let joins = |node: NodeId| self.joins_only.contains(&node);
        let stale = |node: NodeId| self.stale.contains(&node);
        let none = side.iter().any(joins) && side.iter().all(|node| joins(node) || stale(node));
        none.then_some(
            "members that an administrator started so that they only join form no cluster, nor \
             do those whose configuration is out of date",
        )
    }

    /// Why a name may lead nowhere for as long as its owner has it online: of two sides that a
    /// restored witness let have quorum, the one that is gone wrote its record last.
    pub(super) fn written_by_another_side(&self, scene: &Scene<'_>) -> Option<&'static str> {
        let mut faults = scene.scenario().faults.iter();
        let restored = faults.any(|it| matches!(it.fault, Fault::WitnessStale { .. }));
        let nowhere = |address| scene.addresses.get(address).is_none_or(BTreeSet::is_empty);
        (restored && self.names.values().any(nowhere)).then_some(
            "a name's record was written by a side that is gone, which a restored witness let have \
             quorum",
        )
    }

    /// A name has its address, or waits for it until its update is tried again.
    pub(super) fn named(&mut self, resource: ResourceId, address: Option<Address>, at: Instant) {
        let Some(address) = address else {
            self.unregistered.insert(resource, at);
            return;
        };
        self.unregistered.remove(&resource);
        let before = self.names.insert(resource, address);
        if before.is_some_and(|before| before != address) {
            self.renamed = Some(at);
        }
    }

    /// Takes in an order.
    pub(super) fn order(&mut self, at: Instant, node: NodeId, order: &Order, topology: &Topology) {
        if let Some(thing) = Thing::of(order, topology) {
            // Of two orders that are given at two places, the first may come last.
            let together = self.views.iter().filter(|(_, view)| view.contains(node));
            let known = together.map(|(other, _)| *other).collect::<NodeSet>().with(node);
            let before = self.asked.insert(thing, Asked { on: node, at, known });
            let crossed = before
                .is_some_and(|before| before.on != node && at.since(before.at) <= self.notices);
            let removed =
                self.views.iter().any(|(other, view)| *other != node && !view.contains(node));
            // A move says nothing of whether it is to be online.
            let moves = matches!(order, Order::MoveGroup { .. } | Order::MoveDatabase { .. });
            if crossed || removed {
                self.unheard.insert(thing);
            } else if !moves {
                self.unheard.remove(&thing);
            }
        }
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
            Order::StartMaintenance { node } => drop(self.maintained.insert(*node)),
            Order::StopMaintenance { node } => drop(self.maintained.remove(node)),
            Order::SetServer { node, settings } => {
                self.policies.extend(settings.activation_policy.map(|policy| (*node, policy)));
            }
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

    /// The Cluster service of a member starts, as ordered or by itself.
    pub(super) fn started(&mut self, node: NodeId, topology: &Topology) {
        self.stopped.remove(&node);
        let start = self.starts.remove(&node).unwrap_or_default();
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

    /// The Cluster service of a member has ended, whatever it could tell of that.
    pub(super) fn ended(&mut self, node: NodeId) {
        self.views.remove(&node);
    }

    /// A member took a view.
    fn view(&mut self, at: Instant, node: NodeId, members: NodeSet) {
        self.views.insert(node, members);
        for (thing, asked) in &self.asked {
            if !members.contains(asked.on) && at.since(asked.at) <= self.notices {
                self.unheard.insert(*thing);
            }
        }
    }

    /// A member has quorum: what nobody in its view knows of was never ordered.
    fn decides(&mut self, node: NodeId) {
        let Some(view) = self.views.get(&node) else { return };
        for (thing, asked) in &mut self.asked {
            if asked.known.intersection(*view).is_empty() {
                self.unheard.insert(*thing);
            } else {
                asked.known = asked.known.union(*view);
            }
        }
    }

    /// Takes in a note.
    pub(super) fn note(&mut self, at: Instant, node: NodeId, note: &Note, topology: &Topology) {
        match note {
            Note::View { members, .. } => self.view(at, node, *members),
            Note::Stopping { .. } => self.ended(node),
            Note::OrderRefused { order, .. } => self.unheard.extend(Thing::of(order, topology)),
            Note::DatabaseOperationEnded { database, active, .. } => {
                self.located[*database] = *active;
            }
            Note::WitnessLost { outcome: Outcome::Refused(Refusal::WitnessNewer), .. } => {
                self.stale.insert(node);
            }
            Note::QuorumHeld { .. } => {
                self.decides(node);
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
            Note::DatabaseOperation { database, operation, why: Why::Asked, .. } => match operation
            {
                Operation::Mount => self.databases[*database] = true,
                Operation::Dismount => self.databases[*database] = false,
                Operation::Failover | Operation::Switchover => {}
            },
            Note::CopySuspended { database, node, suspended, activation_suspended, .. } => {
                let copy = CopyId { database: *database, node: *node };
                match *suspended || *activation_suspended {
                    true => drop(self.suspended.insert(copy)),
                    false => drop(self.suspended.remove(&copy)),
                }
            }
            Note::LastLogs { database, missing, accepted: false, .. } => {
                self.refused.insert(*database, *missing);
            }
            _ => {}
        }
    }
}
