//! A failed resource is restarted where it is only as often as its budget permits.

use super::{Findings, Kind, Promise, Violation, Watch};
use crate::base::{GroupId, Id, IdVec, Instant, MachineId, NodeId, ResourceId, Span};
use crate::failover::seam::{Effect, Input, Note, Order};
use crate::journal::record::{Plant, ServiceState};
use crate::journal::{Record, RecordNo, What};
use crate::model::{Fault, Service, Topology};
use crate::view::Scene;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

pub(super) const PROMISE: Promise = Promise {
    name: "restarts-kept",
    statement: "a resource that fails is restarted on its node as often within RestartPeriod as \
                RestartThreshold says, and no more",
    source: "wsfc.md §4.2 restart budget",
    applies: "whenever a node whose clock is right restarts a resource; an operator who starts a \
              resource or its group begins the count anew",
    not: "that a group which has moved away does not come back, and is restarted there too",
    kind: Kind::Safety,
    sees_traffic: false,
    watch: |topology, _| Box::new(RestartsKept::new(topology)),
};

struct RestartsKept {
    /// Threshold and period of each resource.
    budgets: IdVec<ResourceId, (u32, Span)>,
    /// Moments of the restarts within the period.
    restarts: BTreeMap<(NodeId, ResourceId), VecDeque<Instant>>,
    /// Where an operator's start may not have been heard of yet: that begins the count anew.
    started: BTreeSet<(NodeId, ResourceId)>,
    /// Members whose clock was not always right.
    unclocked: BTreeSet<MachineId>,
    findings: Findings,
}

impl RestartsKept {
    fn new(topology: &Topology) -> Self {
        let resources = topology.config(NodeId::at(0)).resources;
        let budgets = resources.values().map(|it| (it.restart_threshold, it.restart_period));
        RestartsKept {
            budgets: budgets.collect(),
            restarts: BTreeMap::new(),
            started: BTreeSet::new(),
            unclocked: BTreeSet::new(),
            findings: Findings::default(),
        }
    }

    /// An operator starts a group or a resource of it.
    fn start(&mut self, topology: &Topology, group: GroupId) {
        for resource in &topology.groups[group].resources {
            for node in topology.node_ids() {
                self.restarts.remove(&(node, *resource));
                self.started.insert((node, *resource));
            }
        }
    }

    /// A restart; how many there were within the period, if that is one too many.
    fn restarted(&mut self, at: Instant, node: NodeId, resource: ResourceId) -> Option<usize> {
        let (threshold, period) = *self.budgets.get(resource)?;
        let past = self.restarts.entry((node, resource)).or_default();
        while past.front().is_some_and(|before| at.since(*before) >= period) {
            past.pop_front();
        }
        if past.len() >= threshold as usize && self.started.remove(&(node, resource)) {
            past.clear();
        }
        past.push_back(at);
        let over = past.len() > threshold as usize && !self.unclocked.contains(&node.into());
        over.then_some(past.len())
    }
}

impl Watch for RestartsKept {
    fn see(&mut self, number: RecordNo, record: &Record, scene: &Scene<'_>) {
        let topology = scene.topology();
        match &record.what {
            What::Out(node, Effect::Note(Note::ResourceRestart { resource, .. })) => {
                if let Some(count) = self.restarted(record.at, *node, *resource) {
                    let (threshold, period) = self.budgets[*resource];
                    let (name, node) =
                        (&topology.resources[*resource].name, topology.node_name(*node));
                    let why = format!(
                        "{name} is restarted {count} times within {period} on {node}, \
                         {threshold} are permitted"
                    );
                    let (promise, at, record) = (PROMISE.name, record.at, Some(number));
                    self.findings.violations.push(Violation {
                        promise,
                        at,
                        record,
                        why,
                        hazard: None,
                    });
                }
            }
            What::In(_, Input::Order(Order::OnlineGroup(group) | Order::CreateGroup(group))) => {
                self.start(topology, *group);
            }
            What::In(_, Input::Order(Order::OnlineResource(resource))) => {
                self.start(topology, topology.resources[*resource].group);
            }
            What::Plant(Plant::Service { machine, service: Service::Cluster, state })
                if *state == ServiceState::Running =>
            {
                self.restarts.retain(|(node, _), _| MachineId::from(*node) != *machine);
            }
            What::Fault { index, healed: false } => {
                let planned = scene.scenario().faults.get(usize::from(*index));
                if let Some(Fault::ClockRate { machine, .. } | Fault::ClockStep { machine, .. }) =
                    planned.map(|planned| planned.fault)
                {
                    self.unclocked.insert(machine);
                }
            }
            _ => {}
        }
    }

    fn end(self: Box<Self>, _: Instant, _: &Scene<'_>) -> Findings {
        self.findings
    }
}

#[cfg(test)]
mod tests {
    use super::super::story::Story;
    use super::*;

    /// `CASArray IP Address` is restarted.
    fn restarted(story: &mut Story, second: u64, node: &str) {
        let named = |(id, it): (ResourceId, &crate::model::topology::Resource)| {
            (it.name == "CASArray IP Address").then_some(id)
        };
        let resource = story.topology.resources.iter().find_map(named).expect("such a resource");
        story.note(second, node, Note::ResourceRestart { resource, restarts: 1 });
    }

    #[test]
    fn one_restart_too_many_within_the_period_breaks_it() {
        let mut story = Story::new();
        restarted(&mut story, 60, "EX01");
        restarted(&mut story, 70, "EX02");
        assert_eq!(story.judge(&PROMISE), Findings::default(), "one on each node");
        restarted(&mut story, 80, "EX01");
        let broken = story.judge(&PROMISE).violations;
        assert_eq!(broken.len(), 1, "{broken:?}");
        assert!(broken[0].why.contains("restarted 2 times"), "{broken:?}");
    }

    #[test]
    fn the_next_period_an_operator_and_a_new_life_of_the_service_begin_anew() {
        let mut story = Story::new();
        restarted(&mut story, 60, "EX01");
        restarted(&mut story, 60 + 15 * 60, "EX01");
        let group = story.topology.groups.ids().find(|id| *id != GroupId::at(0));
        story.order(1_000, "EX02", Order::OnlineGroup(group.expect("a second group")));
        restarted(&mut story, 1_010, "EX01");
        story.service(1_020, "EX01", Service::Cluster, ServiceState::Stopped);
        story.service(1_030, "EX01", Service::Cluster, ServiceState::Running);
        restarted(&mut story, 1_040, "EX01");
        assert_eq!(story.judge(&PROMISE), Findings::default());
    }
}
