//! The plant: every component and resource that a handler may touch, borrowed once for a whole
//! stretch of events.

use super::calendar::Calendar;
use super::event::Event;
use super::{Recorded, Recording, client, directory, dns, faults, host, mail, net, resources};
use super::{steps, storage, witness};
use crate::base::draw::{Purpose, Stream};
use crate::base::{
    Address, ClientId, CopyId, IdVec, Instant, MachineId, NetId, NicId, NodeId, Ratio, Span,
};
use crate::journal::record::{Plant as Change, ServiceState};
use crate::journal::{Record, RecordNo, What};
use crate::model::{Scenario, Service, Settings, Topology};
use bevy_ecs::prelude::*;
use bevy_ecs::system::{SystemParam, SystemState};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A machine's power and services.
#[derive(Component)]
pub(super) struct Machine {
    /// Powered and not frozen.
    pub up: bool,
    /// Frozen since then (a paused virtual machine): it is neither up nor restarted.
    pub frozen: bool,
    /// Record of the last change of power.
    pub since: RecordNo,
    /// Counts lives: events of an earlier life are void.
    pub life: u32,
    /// By position in [`Service::ALL`].
    pub services: [ServiceSlot; Service::ALL.len()],
}

/// A service on a machine.
#[derive(Clone, Copy)]
pub(super) struct ServiceSlot {
    /// Whether the machine has it at all.
    pub installed: bool,
    /// Its state.
    pub state: ServiceState,
    /// Factor on its times.
    pub slow: Ratio,
    /// Record of the last change of state.
    pub since: RecordNo,
    /// Record of its last start: connections to it are not older.
    pub started: RecordNo,
}

/// A network adapter.
#[derive(Component)]
pub(super) struct Adapter {
    /// Its network.
    pub network: NetId,
    /// Whether it has carrier.
    pub up: bool,
    /// Faults that hold it down.
    pub holds: u8,
    /// Record of the last change.
    pub since: RecordNo,
    /// Counts changes, so that a late media sense is void.
    pub generation: u32,
    /// Addresses bound to it, with the record that bound each.
    pub bound: Vec<(Address, RecordNo)>,
}

/// A network with its switch.
#[derive(Component)]
pub(super) struct Segment {
    /// Faults that hold it down.
    pub holds: u8,
    /// Record of the last change.
    pub since: RecordNo,
    /// Faults that make it drop gratuitous ARP.
    pub arp_blocks: u8,
    /// Share of frames lost.
    pub loss: Ratio,
    /// Addition to the latency.
    pub delay: Span,
    /// Pairs that cannot reach each other, with the record of the cut.
    pub cuts: Vec<(MachineId, MachineId, RecordNo)>,
    /// The forwarding table: behind which port a machine's hardware address was last seen.
    pub forwarding: BTreeMap<MachineId, (NicId, Instant)>,
    /// Draws for delay and loss.
    pub draws: Stream,
}

/// Where everything is.
#[derive(Resource)]
pub(super) struct Index {
    /// Machines.
    pub machines: IdVec<MachineId, Entity>,
    /// Adapters of each machine.
    pub adapters: IdVec<MachineId, IdVec<NicId, Entity>>,
    /// Networks.
    pub segments: IdVec<NetId, Entity>,
    /// Drivers of the cluster members.
    pub hosts: IdVec<NodeId, Entity>,
    /// Database copies.
    pub copies: BTreeMap<CopyId, Entity>,
    /// Clients.
    pub clients: IdVec<ClientId, Entity>,
}

/// What a run is about.
#[derive(Resource)]
pub(super) struct Setup {
    /// The site.
    pub topology: Arc<Topology>,
    /// What happens.
    pub scenario: Arc<Scenario>,
    /// The run's seed.
    pub seed: u64,
}

/// Writes the journal.
#[derive(Resource)]
pub(super) struct Recorder {
    recording: Recording,
    records: Vec<Record>,
    count: u32,
}

impl Recorder {
    pub(super) fn new(recording: Recording) -> Self {
        Recorder { recording, records: Vec::new(), count: 0 }
    }

    /// Whether records are kept; if not, their contents need not be made.
    pub(super) fn keeps(&self) -> bool {
        self.recording == Recording::Memory
    }

    /// Counts a record whose contents were not made.
    pub(super) fn skip(&mut self) -> RecordNo {
        self.count = self.count.checked_add(1).expect("a run of less than four billion records");
        RecordNo(self.count - 1)
    }

    /// Takes out what was kept.
    pub(super) fn take(&mut self) -> Vec<Record> {
        std::mem::take(&mut self.records)
    }

    /// Writes a record and returns its number.
    pub(super) fn record(&mut self, at: Instant, cause: Option<RecordNo>, what: What) -> RecordNo {
        if self.recording == Recording::Memory {
            self.records.push(Record { at, cause, what });
        }
        self.skip()
    }
}

/// Everything that a handler may touch.
#[derive(SystemParam)]
pub(super) struct Plant<'w, 's> {
    pub setup: Res<'w, Setup>,
    pub index: Res<'w, Index>,
    pub calendar: ResMut<'w, Calendar<Event>>,
    pub recorder: ResMut<'w, Recorder>,
    pub machines: Query<'w, 's, &'static mut Machine>,
    pub adapters: Query<'w, 's, &'static mut Adapter>,
    pub segments: Query<'w, 's, &'static mut Segment>,
    pub hosts: Query<'w, 's, &'static mut host::Host>,
    pub copies: Query<'w, 's, &'static mut storage::Copy>,
    pub clients: Query<'w, 's, &'static mut client::Client>,
    pub mailbag: ResMut<'w, host::Mailbag>,
    pub witness: ResMut<'w, witness::Share>,
    pub dns: ResMut<'w, dns::Server>,
    pub directory: ResMut<'w, directory::Directory>,
    pub transport: ResMut<'w, mail::Transport>,
    pub locations: ResMut<'w, storage::Locations>,
    pub faults: ResMut<'w, faults::Active>,
}

impl Plant<'_, '_> {
    /// The site's settings.
    pub(super) fn settings(&self) -> &Settings {
        &self.setup.topology.settings
    }

    pub(super) fn machine(&self, id: MachineId) -> &Machine {
        self.machines.get(self.index.machines[id]).expect("a machine of the topology")
    }

    pub(super) fn machine_mut(&mut self, id: MachineId) -> &mut Machine {
        let entity = self.index.machines[id];
        self.machines.get_mut(entity).expect("a machine of the topology").into_inner()
    }

    pub(super) fn adapter(&self, machine: MachineId, nic: NicId) -> &Adapter {
        let entity = self.index.adapters[machine][nic];
        self.adapters.get(entity).expect("an adapter of the topology")
    }

    pub(super) fn adapter_mut(&mut self, machine: MachineId, nic: NicId) -> &mut Adapter {
        let entity = self.index.adapters[machine][nic];
        self.adapters.get_mut(entity).expect("an adapter of the topology").into_inner()
    }

    pub(super) fn segment(&self, id: NetId) -> &Segment {
        self.segments.get(self.index.segments[id]).expect("a network of the topology")
    }

    pub(super) fn segment_mut(&mut self, id: NetId) -> &mut Segment {
        let entity = self.index.segments[id];
        self.segments.get_mut(entity).expect("a network of the topology").into_inner()
    }

    pub(super) fn host(&self, id: NodeId) -> &host::Host {
        self.hosts.get(self.index.hosts[id]).expect("a node of the topology")
    }

    pub(super) fn host_mut(&mut self, id: NodeId) -> &mut host::Host {
        let entity = self.index.hosts[id];
        self.hosts.get_mut(entity).expect("a node of the topology").into_inner()
    }

    pub(super) fn copy(&self, id: CopyId) -> &storage::Copy {
        self.copies.get(self.index.copies[&id]).expect("a copy of the topology")
    }

    pub(super) fn copy_mut(&mut self, id: CopyId) -> &mut storage::Copy {
        let entity = self.index.copies[&id];
        self.copies.get_mut(entity).expect("a copy of the topology").into_inner()
    }

    pub(super) fn client_mut(&mut self, id: ClientId) -> &mut client::Client {
        let entity = self.index.clients[id];
        self.clients.get_mut(entity).expect("a client of the topology").into_inner()
    }

    /// A service of a machine.
    pub(super) fn service(&self, machine: MachineId, service: Service) -> &ServiceSlot {
        &self.machine(machine).services[service as usize]
    }

    /// Whether a machine is up and the service on it answers.
    pub(super) fn answers(&self, machine: MachineId, service: Service) -> bool {
        let machine = self.machine(machine);
        machine.up && machine.services[service as usize].state == ServiceState::Running
    }

    /// A service's time on this machine, with its factor for slowness.
    pub(super) fn stretched(&self, machine: MachineId, service: Service, time: Span) -> Span {
        let slow = self.service(machine, service).slow;
        time.scaled(u64::from(slow.numerator()), u64::from(slow.denominator()))
    }

    /// Writes a record of a change in the plant.
    pub(super) fn change(
        &mut self,
        at: Instant,
        cause: Option<RecordNo>,
        change: Change,
    ) -> RecordNo {
        self.recorder.record(at, cause, What::Plant(change))
    }

    /// Plans an event.
    pub(super) fn plan(&mut self, at: Instant, event: Event) {
        self.calendar.push(at, event);
    }

    /// The stream of an entity for a purpose, fresh from the run's seed.
    pub(super) fn stream(&self, entity: u64, purpose: Purpose) -> Stream {
        Stream::new(self.setup.seed, entity, purpose)
    }
}

/// Runs the world until a moment and takes out what was recorded.
pub(super) fn run(world: &mut World, until: Instant) -> Recorded {
    let mut state = SystemState::<Plant>::new(world);
    let events = {
        let mut plant = state.get_mut(world).expect("every resource of the plant exists");
        pump(&mut plant, until)
    };
    let mut recorder = world.resource_mut::<Recorder>();
    Recorded { records: recorder.take(), events }
}

/// Takes events until a moment and hands each to its handler.
fn pump(p: &mut Plant, until: Instant) -> u64 {
    let mut events = 0;
    while let Some((at, event)) = p.calendar.pop(until) {
        events += 1;
        match event {
            Event::Wake { node, generation } => host::wake(p, at, node, generation),
            Event::Feed { node, life, place } => host::deliver(p, at, node, life, place),
            Event::StartClusterService { node, life } => host::start(p, at, node, life),
            Event::Frame { to, nic, place } => net::arrive(p, at, to, nic, place),
            Event::Resource { node, life, op, resource, stage } => {
                resources::proceed(p, at, resources::Running { node, life, op, resource }, stage);
            }
            Event::Witness(event) => witness::handle(p, at, event),
            Event::MediaSense { machine, nic, generation } => {
                net::media_sense(p, at, machine, nic, generation);
            }
            Event::PowerOn { machine, life, cause } => {
                faults::power_on(p, at, machine, life, cause);
            }
            Event::Strike(index) => faults::strike(p, at, index),
            Event::Heal(index) => faults::heal(p, at, index),
            Event::Step(index) => steps::act(p, at, index),
            Event::Storage(event) => storage::handle(p, at, event),
            Event::Mail(event) => mail::handle(p, at, event),
            Event::Client(client, event) => client::handle(p, at, client, event),
        }
    }
    events
}
