//! One owner per group and per address among the sides that clients can reach.

use super::overlap::Overlaps;
use super::{Findings, Kind, Promise, Watch};
use crate::base::{Address, GroupId, Instant, MachineId, NodeId, ResourceId};
use crate::failover::seam::{Effect, GroupState, Note, ResourceState};
use crate::journal::record::{Plant, ServiceState};
use crate::journal::{Record, RecordNo, What};
use crate::model::{Service, Topology};
use crate::view::Scene;
use std::collections::{BTreeMap, BTreeSet};

pub(super) const PROMISE: Promise = Promise {
    name: "one-owner",
    statement: "a group, and an address, is on one node among those that clients can reach",
    source: "wsfc.md §4, §5",
    applies: "whenever a group, an address, power, a cable or a fault changes; an old owner that \
              clients cannot reach is measured, not counted",
    not: "that a machine that stood still lets go before it goes on: nothing fences it off",
    kind: Kind::Safety,
    sees_traffic: false,
    watch: |topology, _| Box::new(OneOwner::new(topology)),
};

struct OneOwner {
    /// How members have the resources of groups. The state of a group is told by its owner, and not
    /// by a member that lets it go because it is another's by now.
    resources: BTreeMap<(GroupId, NodeId, ResourceId), ResourceState>,
    /// Who has brought a group online, in part at least, and has not taken all of it offline since.
    served: BTreeSet<(GroupId, NodeId)>,
    groups: Overlaps<GroupId>,
    addresses: Overlaps<Address>,
}

impl OneOwner {
    fn new(topology: &Topology) -> Self {
        OneOwner {
            resources: BTreeMap::new(),
            served: BTreeSet::new(),
            groups: Overlaps::new(PROMISE.name, topology),
            addresses: Overlaps::new(PROMISE.name, topology),
        }
    }

    /// Nothing is at work on a machine any more.
    fn lets_go(&mut self, machine: MachineId) {
        self.resources.retain(|(_, node, _), _| MachineId::from(*node) != machine);
        self.served.retain(|(_, node)| MachineId::from(*node) != machine);
    }

    /// A member has a resource of a group in another state.
    fn changed(&mut self, group: GroupId, node: NodeId, topology: &Topology) {
        let known = |id: &ResourceId| self.resources.get(&(group, node, *id)).copied();
        let state = |id: &ResourceId| known(id).unwrap_or(ResourceState::Offline);
        let states = || topology.groups[group].resources.iter().map(state);
        let idle = |state| matches!(state, ResourceState::Offline | ResourceState::Failed);
        if states().all(idle) {
            self.served.remove(&(group, node));
        } else if matches!(GroupState::of(states()), GroupState::Online | GroupState::PartialOnline)
        {
            self.served.insert((group, node));
        }
    }

    /// Who has a group: whoever serves it, and whoever begins to while a member of its own view
    /// still does.
    fn owners(&self, group: GroupId, scene: &Scene<'_>) -> BTreeSet<NodeId> {
        let of = |node: NodeId| (group, node);
        let serves = |node: &NodeId| self.served.contains(&of(*node));
        let fellows = |one: NodeId, other: NodeId| {
            let view = |node: NodeId| scene.nodes[node].members;
            one != other && view(one).contains(other) && view(other).contains(one)
        };
        let begins = |node: &NodeId| {
            let mut states =
                self.resources.iter().filter(|((id, on, _), _)| (*id, *on) == of(*node));
            states.any(|(_, state)| *state == ResourceState::OnlinePending)
                && scene.topology().node_ids().any(|other| serves(&other) && fellows(*node, other))
        };
        scene.topology().node_ids().filter(|node| serves(node) || begins(node)).collect()
    }

    /// Whether the record can have changed an owner or whom clients reach.
    fn follow(&mut self, what: &What, topology: &Topology) -> bool {
        match what {
            What::Out(node, Effect::Note(Note::Resource { resource, state, .. })) => {
                let group = topology.resources[*resource].group;
                self.resources.insert((group, *node, *resource), *state);
                self.changed(group, *node, topology);
                true
            }
            What::Out(node, Effect::Note(Note::Stopping { .. })) => {
                self.lets_go((*node).into());
                true
            }
            What::Plant(Plant::Service { machine, service: Service::Cluster, state }) => {
                if *state != ServiceState::Hung {
                    self.lets_go(*machine);
                }
                true
            }
            What::Plant(Plant::Machine { machine, up: false }) => {
                self.lets_go(*machine);
                true
            }
            What::Plant(
                Plant::Machine { .. }
                | Plant::Adapter { .. }
                | Plant::AddressUp { .. }
                | Plant::Lease { .. }
                | Plant::AddressDown { .. },
            )
            | What::Fault { .. } => true,
            _ => false,
        }
    }
}

impl Watch for OneOwner {
    fn see(&mut self, number: RecordNo, record: &Record, scene: &Scene<'_>) {
        self.groups.follow(record, scene);
        self.addresses.follow(record, scene);
        if !self.follow(&record.what, scene.topology()) {
            return;
        }
        let moment = (number, record.at);
        for group in scene.topology().groups.ids() {
            let machines = self.owners(group, scene).into_iter().map(MachineId::from);
            self.groups.see(moment, scene, group, machines, || group_name(scene, group));
        }
        for (address, machines) in &scene.addresses {
            let machines = machines.iter().copied();
            self.addresses.see(moment, scene, *address, machines, || address_name(*address));
        }
    }

    fn end(self: Box<Self>, at: Instant, scene: &Scene<'_>) -> Findings {
        let mut findings = self.groups.end(at, scene, |group| group_name(scene, group));
        let addresses = self.addresses.end(at, scene, address_name);
        findings.violations.extend(addresses.violations);
        findings.measures.extend(addresses.measures);
        findings
    }
}

fn group_name(scene: &Scene<'_>, group: GroupId) -> String {
    format!("group {}", scene.topology().groups[group].name)
}

fn address_name(address: Address) -> String {
    format!("address {address}")
}

#[cfg(test)]
mod tests {
    use super::super::hazards::REMOVED_OWNER;
    use super::super::story::Story;
    use super::*;
    use crate::base::Span;

    #[test]
    fn two_reachable_owners_of_an_address_break_it() {
        let mut story = Story::new();
        story.address(1, "EX01", true);
        story.address(5, "EX02", true);
        let broken = story.judge(&PROMISE).violations;
        assert_eq!(broken.len(), 1, "{broken:?}");
        assert!(broken[0].why.contains("EX01 and EX02"), "{broken:?}");
    }

    #[test]
    fn an_isolated_old_owner_is_measured() {
        let mut story = Story::new();
        story.address(1, "EX01", true);
        story.adapters(60, "EX01", false);
        story.address(65, "EX02", true);
        story.address(68, "EX01", false);
        let findings = story.judge(&PROMISE);
        assert_eq!(findings.violations, []);
        assert_eq!(findings.measures.len(), 1);
        assert_eq!(findings.measures[0].value.as_nanos(), 3_000_000_000);
    }

    #[test]
    fn an_old_owner_that_comes_back_still_holding_breaks_it() {
        let mut story = Story::new();
        story.address(1, "EX01", true);
        story.adapters(60, "EX01", false);
        story.address(65, "EX02", true);
        story.adapters(70, "EX01", true);
        assert_eq!(story.judge(&PROMISE).violations.len(), 1);
    }

    #[test]
    fn a_group_online_on_two_nodes_breaks_it() {
        let mut story = Story::new();
        story.group(1, "EX01", GroupState::Online);
        story.group(2, "EX02", GroupState::Online);
        assert_eq!(story.judge(&PROMISE).violations.len(), 1);
        let mut story = Story::new();
        story.group(1, "EX01", GroupState::PartialOnline);
        story.group(2, "EX02", GroupState::Online);
        assert_eq!(story.judge(&PROMISE).violations.len(), 1, "a part of it runs");
        let mut story = Story::new();
        story.group(1, "EX01", GroupState::Online);
        story.group(2, "EX01", GroupState::Offline);
        story.group(3, "EX02", GroupState::Online);
        assert_eq!(story.judge(&PROMISE), Findings::default());
    }

    /// Both sides hold the address until EX01 has found out, after this many seconds.
    fn held_by_both(story: &mut Story, seconds: u64) -> Option<&'static str> {
        story.address(1, "EX01", true);
        story.view(60, "EX02", &["EX02"]);
        story.address(61, "EX02", true);
        story.address(61 + seconds, "EX01", false);
        let broken = story.judge(&PROMISE).violations;
        assert_eq!(broken.len(), 1, "{broken:?}");
        broken[0].hazard
    }

    #[test]
    fn a_removed_owner_that_holds_on_for_longer_than_it_needs_to_notice_breaks_it() {
        assert_eq!(held_by_both(&mut Story::new(), 2), Some(REMOVED_OWNER));
        assert_eq!(held_by_both(&mut Story::new(), 60), None);
        // The others had quorum, and wait for their witness: nobody tells it.
        let waits = |story: &mut Story| {
            let (votes, needed) = (1, 2);
            let short = Note::OneVoteShort { votes, needed, delay: Span::ZERO, claimant: true };
            story.note(61, "EX02", short);
        };
        let mut story = Story::new();
        story.quorum(50, "EX02", &["EX02"]);
        waits(&mut story);
        assert_eq!(held_by_both(&mut story, 60), Some(REMOVED_OWNER));
        let mut story = Story::new();
        waits(&mut story);
        assert_eq!(held_by_both(&mut story, 60), None, "one that never had it tells nobody anyway");
    }
}
