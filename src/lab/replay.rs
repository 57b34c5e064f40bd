//! Verifies a journal: feeds the recorded inputs to fresh nodes and demands the recorded effects.
//! The plant is not run again; what it did is in the records. An agent's journal tells itself what
//! each life of its node began from.

use crate::base::{Id, IdVec, Instant, NodeId};
use crate::failover::Node;
use crate::failover::seam::{Act, Boot, Durable, Effect, Effects, Start};
use crate::journal::record::{AgentEvent, Plant, ServiceState};
use crate::journal::{Record, RecordNo, What};
use crate::model::clocks::Clocks;
use crate::model::{Scenario, Service, Topology};

/// What a verified journal held.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Verified {
    /// Lives of Cluster services.
    pub lives: u64,
    /// Inputs fed.
    pub inputs: u64,
    /// Effects compared, all equal.
    pub effects: u64,
}

/// The first effect that differs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// The record of the input.
    pub input: RecordNo,
    /// When.
    pub at: Instant,
    /// Which node.
    pub node: NodeId,
    /// Position of the effect in its step.
    pub position: usize,
    /// What the journal has; none if the step recorded no further effect.
    pub recorded: Option<Effect>,
    /// What the core does now; none if it does no further thing.
    pub decided: Option<Effect>,
}

/// One member as the records tell of it.
struct Member {
    node: Option<Node>,
    durable: Durable,
    links: Vec<bool>,
    replication_service: bool,
    start: Start,
}

/// Feeds every recorded input to fresh nodes.
///
/// # Errors
/// At the first effect that is not the recorded one, or an input to a node that does not run.
pub fn verify(
    topology: &Topology,
    scenario: Option<&Scenario>,
    records: &[Record],
) -> Result<Verified, Box<Difference>> {
    verify_seeing(topology, scenario, records, &mut |_, _, _| ())
}

/// The same; `seen` sees each node after every input, with the input's record.
///
/// # Errors
/// As [`verify`].
pub fn verify_seeing(
    topology: &Topology,
    scenario: Option<&Scenario>,
    records: &[Record],
    seen: &mut dyn FnMut(RecordNo, NodeId, &Node),
) -> Result<Verified, Box<Difference>> {
    let mut members = members(topology, scenario);
    let mut clocks = Clocks::right(topology.nodes);
    let mut verified = Verified::default();
    for (index, record) in records.iter().enumerate() {
        match &record.what {
            What::Plant(change) => {
                let shown = |node| clocks.local(node, record.at);
                verified.lives +=
                    u64::from(follow((topology, scenario), &mut members, shown, change));
            }
            What::Agent(node, AgentEvent::Boot(boot)) if node.index() < topology.nodes => {
                let begun = Node::new(topology.config(*node), (**boot).clone(), record.at);
                members[*node].node = Some(begun);
                verified.lives += 1;
            }
            What::In(node, input) if node.index() < topology.nodes => {
                let decided = step(&mut members[*node], clocks.local(*node, record.at), input);
                let number = RecordNo(index as u32);
                if let Some(stepped) = &members[*node].node {
                    seen(number, *node, stepped);
                }
                let recorded = effects_of(&records[index..], number, *node);
                let differs = |position| Difference {
                    input: number,
                    at: record.at,
                    node: *node,
                    position,
                    recorded: recorded.get(position).map(|effect| (*effect).clone()),
                    decided: decided.get(position).cloned(),
                };
                let longest = decided.len().max(recorded.len());
                let first = (0..longest).find(|at| decided.get(*at) != recorded.get(*at).copied());
                if let Some(position) = first {
                    return Err(Box::new(differs(position)));
                }
                keep_stored(&mut members[*node], &decided);
                verified.inputs += 1;
                verified.effects += decided.len() as u64;
            }
            What::Fault { index, healed } => {
                let faults = scenario.map_or(&[][..], |scenario| &scenario.faults);
                clocks.follow(faults, *index, *healed, record.at);
            }
            What::In(..)
            | What::Out(..)
            | What::Step { .. }
            | What::Client(..)
            | What::Mail(..)
            | What::Agent(..) => {}
        }
    }
    Ok(verified)
}

/// Every member before the first record.
fn members(topology: &Topology, scenario: Option<&Scenario>) -> IdVec<NodeId, Member> {
    let durable = scenario.map_or_else(Durable::default, |scenario| {
        let database = topology.boot_database(scenario);
        Durable { epoch: 1, database, ..Durable::default() }
    });
    let member = |index| Member {
        node: None,
        durable: durable.clone(),
        links: vec![true; topology.machines[NodeId::at(index).into()].nics.len()],
        replication_service: true,
        start: Start::default(),
    };
    (0..topology.nodes).map(member).collect()
}

/// Takes over what a change in the plant means for a member's next start; tells whether a life
/// of its service begins. `shown` is what a member's clock shows.
fn follow(
    (topology, scenario): (&Topology, Option<&Scenario>),
    members: &mut IdVec<NodeId, Member>,
    shown: impl Fn(NodeId) -> Instant,
    change: &Plant,
) -> bool {
    match *change {
        Plant::Adapter { machine, nic, up } if machine.index() < topology.nodes => {
            if let Some(link) = members[NodeId(machine.0)].links.get_mut(nic.index()) {
                *link = up;
            }
        }
        Plant::ClusterStart { node, start } => members[node].start = start,
        Plant::Service { machine, service, state } if machine.index() < topology.nodes => {
            let node = NodeId(machine.0);
            let member = &mut members[node];
            let running = state == ServiceState::Running;
            if service == Service::Replication {
                member.replication_service = running;
            }
            if service == Service::Cluster {
                let begins = scenario.filter(|_| running);
                member.node = begins.map(|scenario| {
                    let boot = Boot {
                        durable: member.durable.clone(),
                        links: member.links.clone(),
                        replication_service: member.replication_service,
                        start: std::mem::take(&mut member.start),
                        time_of_day: scenario.time_of_day_at(shown(node)),
                    };
                    Node::new(topology.config(node), boot, shown(node))
                });
                return begins.is_some();
            }
        }
        _ => {}
    }
    false
}

/// What the node does now; nothing if it does not run.
fn step(member: &mut Member, at: Instant, input: &crate::failover::seam::Input) -> Effects {
    let mut effects = Effects::new();
    if let Some(node) = &mut member.node {
        node.step(at, input.clone(), &mut effects);
    }
    effects
}

/// The recorded effects of a step: they follow their input at the same moment.
fn effects_of(records: &[Record], step: RecordNo, node: NodeId) -> Vec<&Effect> {
    let at = records[0].at;
    let same_moment = records.iter().take_while(|record| record.at == at);
    same_moment
        .filter(|record| record.cause == Some(step))
        .filter_map(|record| match &record.what {
            What::Out(who, effect) if *who == node => Some(effect),
            _ => None,
        })
        .collect()
}

/// What a step stored is what the next life starts from.
fn keep_stored(member: &mut Member, effects: &[Effect]) {
    for effect in effects {
        if let Effect::Do { act: Act::Store(durable), .. } = effect {
            member.durable = (**durable).clone();
        }
    }
}
