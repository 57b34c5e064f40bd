//! Builds the world of a run from its topology: the only place where entities are spawned.

use super::calendar::Calendar;
use super::client::Client;
use super::directory::Directory;
use super::event::Event;
use super::plant::{Adapter, Index, Machine, Recorder, Segment, ServiceSlot, Setup};
use super::{
    Recording, balancer, client, dns, faults, hardware, host, lease, mail, storage, witness,
};
use crate::base::draw::{Purpose, Stream};
use crate::base::{
    CopyId, DbId, Id, IdVec, Instant, MachineId, NetId, NodeId, NodeSet, Ratio, Span,
};
use crate::failover::seam::Durable;
use crate::journal::RecordNo;
use crate::journal::record::ServiceState;
use crate::model::topology::MachineRole;
use crate::model::{Scenario, Service, Topology};
use bevy_ecs::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

/// An adapter is part of a machine.
#[derive(Component)]
#[relationship(relationship_target = Nics)]
struct NicOf(Entity);

/// The adapters of a machine.
#[derive(Component)]
#[relationship_target(relationship = NicOf, linked_spawn)]
struct Nics(Vec<Entity>);

/// An adapter is attached to a network.
#[derive(Component)]
#[relationship(relationship_target = Attached)]
struct OnNet(Entity);

/// The adapters on a network.
#[derive(Component)]
#[relationship_target(relationship = OnNet)]
struct Attached(Vec<Entity>);

/// A database copy lies on a machine.
#[derive(Component)]
#[relationship(relationship_target = Copies)]
struct CopyOn(Entity);

/// The database copies on a machine.
#[derive(Component)]
#[relationship_target(relationship = CopyOn, linked_spawn)]
struct Copies(Vec<Entity>);

/// The world at moment zero, with everything planned that the scenario says.
pub(super) fn world(
    topology: &Topology,
    scenario: &Scenario,
    seed: u64,
    recording: Recording,
) -> World {
    let mut world = World::new();
    let mut calendar = Calendar::default();
    let segments = spawn_segments(&mut world, topology, seed);
    let machines = spawn_machines(&mut world, topology);
    let adapters = spawn_adapters(&mut world, topology, &machines, &segments);
    let hosts = spawn_hosts(&mut world, topology, scenario, seed, &mut calendar);
    let copies = spawn_copies(&mut world, topology, scenario, &machines);
    let clients = spawn_clients(&mut world, topology, scenario, seed, &mut calendar);
    plan(scenario, &mut calendar);
    world.insert_resource(Index { machines, adapters, segments, hosts, copies, clients });
    insert_services(&mut world, topology, scenario);
    world.insert_resource(Setup {
        topology: Arc::new(topology.clone()),
        scenario: Arc::new(scenario.clone()),
        seed,
    });
    world.insert_resource(Recorder::new(recording));
    world.insert_resource(host::Mailbag::default());
    world.insert_resource(faults::Active::new(topology.nodes));
    world.insert_resource(calendar);
    world
}

fn spawn_segments(world: &mut World, topology: &Topology, seed: u64) -> IdVec<NetId, Entity> {
    let spawn = |network: NetId| {
        world
            .spawn(Segment {
                holds: 0,
                since: RecordNo(0),
                arp_blocks: 0,
                loss: Ratio::ZERO,
                delay: Span::ZERO,
                cuts: Vec::new(),
                losses: Vec::new(),
                delays: Vec::new(),
                duplication: Ratio::ZERO,
                reordering: None,
                forwarding: BTreeMap::new(),
                draws: Stream::new(seed, network.index() as u64, Purpose::Network),
                disorder: Stream::new(seed, network.index() as u64, Purpose::Disorder),
            })
            .id()
    };
    topology.networks.ids().map(spawn).collect()
}

fn spawn_machines(world: &mut World, topology: &Topology) -> IdVec<MachineId, Entity> {
    let spawn = |machine: &crate::model::topology::Machine| {
        let services = Service::ALL.map(|service| {
            let installed = machine.roles.contains(&MachineRole::of(service));
            let runs = installed && service != Service::Cluster;
            ServiceSlot {
                installed,
                state: if runs { ServiceState::Running } else { ServiceState::Stopped },
                slow: Ratio::ONE,
                since: RecordNo(0),
                started: RecordNo(0),
            }
        });
        world
            .spawn(Machine {
                up: true,
                frozen: false,
                disks_slow: Ratio::ONE,
                since: RecordNo(0),
                booted: Instant::ZERO,
                life: 0,
                services,
            })
            .id()
    };
    topology.machines.values().map(spawn).collect()
}

fn spawn_adapters(
    world: &mut World,
    topology: &Topology,
    machines: &IdVec<MachineId, Entity>,
    segments: &IdVec<NetId, Entity>,
) -> IdVec<MachineId, IdVec<crate::base::NicId, Entity>> {
    let spawn = |(id, machine): (MachineId, &crate::model::topology::Machine)| {
        let adapter = |nic: &crate::model::topology::Nic| {
            let balanced = balancer::addresses(topology, id)
                .filter(|address| topology.networks[nic.network].subnet_of(*address).is_some());
            let addresses = [nic.address].into_iter().chain(balanced);
            let adapter = Adapter {
                network: nic.network,
                up: true,
                holds: 0,
                since: RecordNo(0),
                generation: 0,
                bound: addresses.map(|address| (address, RecordNo(0))).collect(),
            };
            let parts = (adapter, NicOf(machines[id]), OnNet(segments[nic.network]));
            world.spawn(parts).id()
        };
        machine.nics.values().map(adapter).collect()
    };
    topology.machines.iter().map(spawn).collect()
}

fn spawn_hosts(
    world: &mut World,
    topology: &Topology,
    scenario: &Scenario,
    seed: u64,
    calendar: &mut Calendar<Event>,
) -> IdVec<NodeId, Entity> {
    let database = topology.boot_database(scenario);
    let spawn = |node: NodeId| {
        let mut draws = Stream::new(seed, node.index() as u64, Purpose::Start);
        let starts = Instant::ZERO + draws.between(Span::ZERO, Span::from_secs(1));
        calendar.push(starts, Event::StartClusterService { node, life: 0 });
        let durable = Durable { epoch: 1, database: database.clone(), ..Durable::default() };
        world.spawn(host::Host::new(durable)).id()
    };
    (0..topology.nodes).map(NodeId::at).map(spawn).collect()
}

fn spawn_copies(
    world: &mut World,
    topology: &Topology,
    scenario: &Scenario,
    machines: &IdVec<MachineId, Entity>,
) -> BTreeMap<CopyId, Entity> {
    let mut copies = BTreeMap::new();
    for (database, config) in topology.databases.iter() {
        let active = scenario.start.databases[database.index()];
        for node in &config.copies {
            let copy = storage::Copy::new(*node, active, config.replay_lag_time(*node));
            let on = CopyOn(machines[MachineId::from(*node)]);
            copies.insert(CopyId { database, node: *node }, world.spawn((copy, on)).id());
        }
    }
    copies
}

fn spawn_clients(
    world: &mut World,
    topology: &Topology,
    scenario: &Scenario,
    seed: u64,
    calendar: &mut Calendar<Event>,
) -> IdVec<crate::base::ClientId, Entity> {
    let mut clients = IdVec::new();
    for group in &topology.clients {
        for position in 0..group.count {
            let id = crate::base::ClientId(group.first.0 + position);
            let mut client = Client::new(id, group, &topology.settings, seed);
            let wait = client.first_wait(group.think);
            let from = scenario.time_of_day_at(scenario.clients_from);
            let wait = topology.settings.load.day.time_for(from, wait);
            calendar.push(scenario.clients_from + wait, Event::Client(id, client::Event::Start));
            clients.push(world.spawn(client).id());
        }
    }
    clients
}

fn plan(scenario: &Scenario, calendar: &mut Calendar<Event>) {
    for (index, planned) in scenario.faults.iter().enumerate() {
        let index = u16::try_from(index).expect("a plan of at most 65,536 faults");
        calendar.push(planned.at, Event::Strike(index));
        if let Some(lasts) = planned.lasts {
            calendar.push(planned.at.saturating_add(lasts), Event::Heal(index));
        }
    }
    for (index, step) in scenario.steps.iter().enumerate() {
        let index = u16::try_from(index).expect("a scenario of at most 65,536 steps");
        calendar.push(step.at, Event::Step(index));
    }
}

fn insert_services(world: &mut World, topology: &Topology, scenario: &Scenario) {
    let with = |role: MachineRole| topology.with_role(role).collect();
    let slots = topology.settings.directory.max_concurrent_api as usize;
    let exists = scenario.start.client_access_array.then_some(RecordNo(0));
    world.insert_resource(witness::Shares::new(
        topology.rules().witness(),
        &topology.witness_servers(),
    ));
    world.insert_resource(dns::Server {
        machines: with(MachineRole::Dns),
        records: IdVec::filled(topology.resources.len(), None),
        stale: BTreeMap::new(),
    });
    world.insert_resource(Directory {
        machines: with(MachineRole::DomainController),
        array: exists,
        stopped_members: NodeSet::EMPTY,
        activation_coordination: topology.dag.activation_coordination,
        alternate_witness: None,
        database_names_server: IdVec::filled(topology.databases.len(), None),
        circular_logging: topology
            .databases
            .values()
            .map(|database| database.circular_logging_enabled)
            .collect(),
        database_names_array: topology.databases.ids().map(|_: DbId| exists).collect(),
        pass_through: IdVec::filled(topology.machines.len(), vec![Instant::ZERO; slots]),
    });
    world.insert_resource(mail::Transport::new(topology));
    world.insert_resource(hardware::Hardware::new(topology));
    world.insert_resource(client::Ledger::default());
    world.insert_resource(balancer::Balancers::new(topology));
    world.insert_resource(lease::Leases::new(topology));
    let (machines, databases) = (topology.machines.len(), topology.databases.len());
    world.insert_resource(storage::Locations::new(machines, databases));
}
