//! The plant: every component and resource that a handler may touch, borrowed once for a whole
//! stretch of events and found by identifier.

use super::calendar::Calendar;
use super::event::Event;
use super::{
    Account, Recorded, Recording, balancer, client, directory, dns, faults, hardware, host, lease,
    mail, net,
};
use super::{resources, steps, storage, witness};
use crate::base::draw::{Purpose, Stream};
use crate::base::{
    Address, ClientId, CopyId, Id, IdVec, Instant, MachineId, NetId, NicId, NodeId, Ratio, Span,
};
use crate::journal::record::{Plant as Change, ServiceState};
use crate::journal::{Record, RecordNo, What};
use crate::model::{Scenario, Service, Settings, Topology};
use bevy_ecs::component::Mutable;
use bevy_ecs::prelude::*;
use bevy_ecs::system::{SystemParam, SystemState};
use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Unbounded};
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
    /// Factor on the times of its disks.
    pub disks_slow: Ratio,
    /// When it last started.
    pub booted: Instant,
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

/// What lies between two machines on a network.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Path {
    /// One end.
    pub from: MachineId,
    /// The other.
    pub to: MachineId,
    /// Whether only what `from` sends goes by it.
    pub one_way: bool,
}

impl Path {
    /// Whether a frame from one machine to another goes by it.
    pub(super) fn carries(&self, from: MachineId, to: MachineId) -> bool {
        (self.from, self.to) == (from, to) || !self.one_way && (self.from, self.to) == (to, from)
    }
}

impl Segment {
    /// The record of a cut that stops what one machine sends to another.
    pub(super) fn cut_from(&self, from: MachineId, to: MachineId) -> Option<RecordNo> {
        let cut = self.cuts.iter().find(|(path, _)| path.carries(from, to));
        cut.map(|(_, since)| *since)
    }

    /// The record of a cut that keeps a connection, which needs both ways, from two machines.
    pub(super) fn cut_between(&self, a: MachineId, b: MachineId) -> Option<RecordNo> {
        self.cut_from(a, b).or_else(|| self.cut_from(b, a))
    }

    /// The share lost of what one machine sends to another, beside what the whole network loses,
    /// with the record that made it so.
    pub(super) fn loss_from(&self, from: MachineId, to: MachineId) -> Option<(Ratio, RecordNo)> {
        let losses = self.losses.iter().filter(|(path, ..)| path.carries(from, to));
        losses.map(|(_, share, since)| (*share, *since)).max()
    }

    /// The share of a connection's frames, which go both ways, that is lost in the worse direction.
    pub(super) fn loss_between(&self, a: MachineId, b: MachineId) -> Option<(Ratio, RecordNo)> {
        self.loss_from(a, b).max(self.loss_from(b, a))
    }
}

impl Segment {
    /// How much longer what one machine sends to another takes.
    pub(super) fn delay_between(&self, from: MachineId, to: MachineId) -> Span {
        let delays = self.delays.iter().filter(|(a, b, _)| (*a, *b) == (from, to));
        delays.map(|(.., delay)| *delay).sum()
    }

    /// How long the next frame is held back.
    pub(super) fn held_back(&mut self) -> Span {
        match self.reordering {
            Some((share, most)) if self.disorder.chance(share) => {
                self.disorder.between(Span::ZERO, most)
            }
            _ => Span::ZERO,
        }
    }
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
    /// Paths by which nothing arrives, each with the record that made it so.
    pub cuts: Vec<(Path, RecordNo)>,
    /// Paths on which a share of the frames is lost, with the record that made it so.
    pub losses: Vec<(Path, Ratio, RecordNo)>,
    /// What one machine sends to another takes longer by that.
    pub delays: Vec<(MachineId, MachineId, Span)>,
    /// Share of the frames between members that arrive twice.
    pub duplication: Ratio,
    /// Share of frames that are held back, and for how long at most.
    pub reordering: Option<(Ratio, Span)>,
    /// The forwarding table: behind which port a machine's hardware address was last seen.
    pub forwarding: BTreeMap<MachineId, (NicId, Instant)>,
    /// Draws for delay and loss.
    pub draws: Stream,
    /// Draws for frames that are doubled or held back.
    pub disorder: Stream,
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

/// The parts of the world as bevy_ecs lends them, for a whole stretch of events.
#[derive(SystemParam)]
pub(super) struct Parts<'w, 's> {
    setup: Res<'w, Setup>,
    index: Res<'w, Index>,
    calendar: ResMut<'w, Calendar<Event>>,
    recorder: ResMut<'w, Recorder>,
    machines: Query<'w, 's, (Entity, &'static mut Machine)>,
    adapters: Query<'w, 's, (Entity, &'static mut Adapter)>,
    segments: Query<'w, 's, (Entity, &'static mut Segment)>,
    hosts: Query<'w, 's, (Entity, &'static mut host::Host)>,
    copies: Query<'w, 's, (Entity, &'static mut storage::Copy)>,
    clients: Query<'w, 's, (Entity, &'static mut client::Client)>,
    mailbag: ResMut<'w, host::Mailbag>,
    witness: ResMut<'w, witness::Shares>,
    dns: ResMut<'w, dns::Server>,
    directory: ResMut<'w, directory::Directory>,
    transport: ResMut<'w, mail::Transport>,
    hardware: ResMut<'w, hardware::Hardware>,
    ledger: ResMut<'w, client::Ledger>,
    locations: ResMut<'w, storage::Locations>,
    balancers: ResMut<'w, balancer::Balancers>,
    leases: ResMut<'w, lease::Leases>,
    faults: ResMut<'w, faults::Active>,
}

/// Components by their entity, from which they are taken by identifier: the order of a query
/// reaches nobody.
struct Lent<'p, C>(BTreeMap<Entity, &'p mut C>);

impl<'p, C: Component<Mutability = Mutable>> Lent<'p, C> {
    fn of(query: &'p mut Query<(Entity, &'static mut C)>) -> Self {
        Lent(query.iter_mut().map(|(entity, component)| (entity, component.into_inner())).collect())
    }

    fn take(&mut self, entity: Entity) -> &'p mut C {
        self.0.remove(&entity).expect("the index has each entity once")
    }
}

impl Parts<'_, '_> {
    /// Lends every component by its identifier, so that a handler finds it without a look-up.
    pub(super) fn lend(&mut self) -> Plant<'_> {
        let index = &*self.index;
        let mut machines = Lent::of(&mut self.machines);
        let mut adapters = Lent::of(&mut self.adapters);
        let mut segments = Lent::of(&mut self.segments);
        let mut hosts = Lent::of(&mut self.hosts);
        let mut copies = Lent::of(&mut self.copies);
        let mut clients = Lent::of(&mut self.clients);
        let of_machine = |nics: &IdVec<NicId, Entity>| {
            let mut adapter = |entity: &Entity| adapters.take(*entity);
            nics.values().map(&mut adapter).collect()
        };
        Plant {
            setup: &self.setup,
            calendar: &mut self.calendar,
            recorder: &mut self.recorder,
            machines: index.machines.values().map(|entity| machines.take(*entity)).collect(),
            adapters: index.adapters.values().map(of_machine).collect(),
            segments: index.segments.values().map(|entity| segments.take(*entity)).collect(),
            hosts: index.hosts.values().map(|entity| hosts.take(*entity)).collect(),
            copies: index.copies.iter().map(|(id, entity)| (*id, copies.take(*entity))).collect(),
            clients: index.clients.values().map(|entity| clients.take(*entity)).collect(),
            mailbag: &mut self.mailbag,
            witness: &mut self.witness,
            dns: &mut self.dns,
            directory: &mut self.directory,
            transport: &mut self.transport,
            hardware: &mut self.hardware,
            ledger: &mut self.ledger,
            locations: &mut self.locations,
            balancers: &mut self.balancers,
            leases: &mut self.leases,
            faults: &mut self.faults,
        }
    }
}

/// Everything that a handler may touch.
pub(super) struct Plant<'p> {
    pub setup: &'p Setup,
    pub calendar: &'p mut Calendar<Event>,
    pub recorder: &'p mut Recorder,
    machines: IdVec<MachineId, &'p mut Machine>,
    adapters: IdVec<MachineId, IdVec<NicId, &'p mut Adapter>>,
    segments: IdVec<NetId, &'p mut Segment>,
    hosts: IdVec<NodeId, &'p mut host::Host>,
    copies: BTreeMap<CopyId, &'p mut storage::Copy>,
    clients: IdVec<ClientId, &'p mut client::Client>,
    pub mailbag: &'p mut host::Mailbag,
    pub witness: &'p mut witness::Shares,
    pub dns: &'p mut dns::Server,
    pub directory: &'p mut directory::Directory,
    pub transport: &'p mut mail::Transport,
    pub hardware: &'p mut hardware::Hardware,
    pub ledger: &'p mut client::Ledger,
    pub locations: &'p mut storage::Locations,
    pub balancers: &'p mut balancer::Balancers,
    pub leases: &'p mut lease::Leases,
    pub faults: &'p mut faults::Active,
}

impl Plant<'_> {
    /// The site's settings.
    pub(super) fn settings(&self) -> &Settings {
        &self.setup.topology.settings
    }

    pub(super) fn machine(&self, id: MachineId) -> &Machine {
        self.machines[id]
    }

    pub(super) fn machine_mut(&mut self, id: MachineId) -> &mut Machine {
        self.machines[id]
    }

    pub(super) fn adapter(&self, machine: MachineId, nic: NicId) -> &Adapter {
        self.adapters[machine][nic]
    }

    pub(super) fn adapter_mut(&mut self, machine: MachineId, nic: NicId) -> &mut Adapter {
        self.adapters[machine][nic]
    }

    pub(super) fn segment(&self, id: NetId) -> &Segment {
        self.segments[id]
    }

    pub(super) fn segment_mut(&mut self, id: NetId) -> &mut Segment {
        self.segments[id]
    }

    pub(super) fn host(&self, id: NodeId) -> &host::Host {
        self.hosts[id]
    }

    pub(super) fn host_mut(&mut self, id: NodeId) -> &mut host::Host {
        self.hosts[id]
    }

    /// Every database copy, in the order of databases and nodes.
    pub(super) fn copy_ids(&self) -> impl Iterator<Item = CopyId> {
        self.copies.keys().copied()
    }

    /// The copy after another one, in that order.
    pub(super) fn copy_after(&self, after: Option<CopyId>) -> Option<CopyId> {
        let low = after.map_or(Unbounded, Excluded);
        self.copies.range((low, Unbounded)).next().map(|(id, _)| *id)
    }

    pub(super) fn has_copy(&self, id: CopyId) -> bool {
        self.copies.contains_key(&id)
    }

    pub(super) fn copy(&self, id: CopyId) -> &storage::Copy {
        self.copies.get(&id).expect("a copy of the topology")
    }

    pub(super) fn copy_mut(&mut self, id: CopyId) -> &mut storage::Copy {
        self.copies.get_mut(&id).expect("a copy of the topology")
    }

    /// Lends a copy and, beside it, another one of the same database.
    pub(super) fn with_copies<T>(
        &mut self,
        id: CopyId,
        other: CopyId,
        act: impl FnOnce(&mut storage::Copy, &storage::Copy) -> T,
    ) -> T {
        let target = self.copies.remove(&id).expect("a copy of the topology");
        let done = act(target, self.copy(other));
        self.copies.insert(id, target);
        done
    }

    /// Every client's number.
    pub(super) fn client_ids(&self) -> impl Iterator<Item = ClientId> + use<> {
        (0..self.clients.len()).map(ClientId::at)
    }

    pub(super) fn client(&self, id: ClientId) -> &client::Client {
        self.clients[id]
    }

    pub(super) fn client_mut(&mut self, id: ClientId) -> &mut client::Client {
        self.clients[id]
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
        if slow == Ratio::ONE {
            return time;
        }
        time.scaled(u64::from(slow.numerator()), u64::from(slow.denominator()))
    }

    /// A time of a machine's disks, with its factor for slowness.
    pub(super) fn on_disks(&self, machine: MachineId, time: Span) -> Span {
        let slow = self.machine(machine).disks_slow;
        if slow == Ratio::ONE {
            return time;
        }
        time.scaled(u64::from(slow.numerator()), u64::from(slow.denominator()))
    }

    /// Logs that a machine replays in a second; at least one.
    pub(super) fn replay_rate(&self, machine: MachineId) -> u32 {
        let (rate, slow) =
            (self.settings().replication.replay_rate, self.machine(machine).disks_slow);
        if slow == Ratio::ONE {
            return rate;
        }
        let slower = u64::from(rate) * u64::from(slow.denominator()) / u64::from(slow.numerator());
        u32::try_from(slower).map_or(rate, |rate| rate.max(1))
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

    /// Every stream that is drawn from later begins anew, from another seed.
    pub(super) fn draw_anew(&mut self, seed: u64) {
        for (network, segment) in self.segments.iter_mut() {
            segment.draws = Stream::new(seed, network.index() as u64, Purpose::Network);
            segment.disorder = Stream::new(seed, network.index() as u64, Purpose::Disorder);
        }
        for (id, client) in self.clients.iter_mut() {
            client.draw_anew(|purpose| Stream::new(seed, u64::from(id.0), purpose));
        }
    }

    /// The stream of an entity for a purpose, fresh from the run's seed.
    pub(super) fn stream(&self, entity: u64, purpose: Purpose) -> Stream {
        Stream::new(self.setup.seed, entity, purpose)
    }
}

/// Runs the world until a moment and takes out what was recorded; what is asked of the plant then
/// is beside it.
pub(super) fn run<T>(
    world: &mut World,
    until: Instant,
    ask: impl FnOnce(&Plant) -> T,
) -> (Recorded, T) {
    lent(world, |mut plant| {
        let events = pump(&mut plant, until);
        let (requests, messages) = (client::account(&plant), mail::account(&plant));
        let account = Account { requests, messages };
        let records = plant.recorder.take();
        (Recorded { records, events, account, client_bytes: (0, 0) }, ask(&plant))
    })
}

/// Borrows the world once for whatever is done with the plant.
pub(super) fn lent<T>(world: &mut World, act: impl FnOnce(Plant) -> T) -> T {
    let mut state = SystemState::<Parts>::new(world);
    let mut parts = state.get_mut(world).expect("every resource of the plant exists");
    act(parts.lend())
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
            Event::ShutDown { machine, life, cause } => {
                faults::shut_down(p, at, machine, life, cause);
            }
            Event::RestartService { machine, service, crash } => {
                faults::restart(p, at, machine, service, crash);
            }
            Event::ServiceChanged { machine, service, cause } => {
                faults::service_changed(p, at, machine, service, cause);
            }
            Event::Strike(index) => faults::strike(p, at, index),
            Event::Heal(index) => faults::heal(p, at, index),
            Event::Step(index) => steps::act(p, at, index),
            Event::Storage(event) => storage::handle(p, at, event),
            Event::Mail(event) => mail::handle(p, at, event),
            Event::Lease(event) => lease::handle(p, at, event),
            Event::Balancer(event) => balancer::handle(p, at, event),
            Event::Client(client, event) => client::handle(p, at, client, event),
        }
    }
    events
}
