//! The driver of one cluster member: lends the core its inputs, journals what it decides and has
//! it done.

use super::event::Event;
use super::plant::Plant;
use super::{faults, lease, net, resources, storage, witness};
use crate::base::{DbId, Instant, MachineId, NicId, NodeId, OpId, ResourceId, Span};
use crate::failover::Node;
use crate::failover::fencing::Binding;
use crate::failover::seam::{
    Act, Boot, Durable, Effect, Effects, Input, Note, Order, Outcome, Report, Start, Timer,
};
use crate::failover::state::DatabaseEntry;
use crate::journal::record::{NotTaken, Plant as Change, ServiceState};
use crate::journal::{RecordNo, What};
use crate::model::Service;
use bevy_ecs::prelude::{Component, Resource};
use std::collections::BTreeMap;

/// One member's Cluster service and what it left on disk.
#[derive(Component)]
pub(super) struct Host {
    /// The core, while the service runs.
    pub node: Option<Node>,
    /// Counts lives of the service.
    pub life: u32,
    /// What earlier lives stored.
    pub durable: Durable,
    generation: u32,
    deadline: Option<Instant>,
    effects: Effects,
    /// The record of the step that armed each timer.
    armed: [Option<RecordNo>; Timer::COUNT],
    /// The first frame lost on each path since something was last heard over it.
    losses: Vec<(NicId, NodeId, RecordNo)>,
    asked: Asked,
    /// Of each resource the newest operation that takes it online or offline: what is under way
    /// from an older one is over.
    pub newest: BTreeMap<ResourceId, OpId>,
    /// How the next start was ordered.
    pub start: Start,
    /// Answers that came while the machine stood still.
    postponed: Vec<(Input, Option<RecordNo>)>,
    /// The process hangs, though the machine goes on: what it would do, and frames that wait.
    hangs: Option<Vec<Event>>,
    /// What made it hang last, or go on.
    pub hung_by: RecordNo,
}

/// Frames that wait for a process that hangs, at most: what a socket's buffer holds.
const BUFFER: usize = 256;

impl Host {
    pub(super) fn new(durable: Durable) -> Self {
        Host {
            node: None,
            life: 0,
            durable,
            generation: 0,
            deadline: None,
            effects: Effects::new(),
            armed: [None; Timer::COUNT],
            losses: Vec::new(),
            asked: Asked::Nothing,
            newest: BTreeMap::new(),
            start: Start::default(),
            postponed: Vec::new(),
            hangs: None,
            hung_by: RecordNo(0),
        }
    }

    /// The first frame that was lost on a path since something was last heard over it.
    pub(super) fn first_loss(&self) -> Option<RecordNo> {
        self.losses.iter().map(|(.., record)| *record).min()
    }

    /// A frame to or from a peer was lost.
    pub(super) fn lost(&mut self, nic: NicId, peer: NodeId, record: RecordNo) {
        if !self.losses.iter().any(|(n, p, _)| (*n, *p) == (nic, peer)) {
            self.losses.push((nic, peer, record));
        }
    }

    /// A frame from a peer arrived.
    pub(super) fn heard(&mut self, nic: NicId, peer: NodeId) {
        self.losses.retain(|(n, p, _)| (*n, *p) != (nic, peer));
    }

    /// What made a step lose a path: the first frame that was lost on it.
    fn behind_lost_path(&self) -> Option<RecordNo> {
        self.effects.iter().find_map(|effect| match effect {
            Effect::Note(Note::PathLost { peer, nic, missed }) if *missed > 0 => {
                let lost = self.losses.iter().find(|(n, p, _)| (n, p) == (nic, peer));
                lost.map(|(_, _, record)| *record)
            }
            _ => None,
        })
    }
}

/// What the present life of a Cluster service was asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    Nothing,
    ToEnd,
    /// To end, and to start as soon as it has.
    ToStartAgain,
}

/// An input with its cause, and what a frame says of bonds.
type Letter = (Input, Option<RecordNo>, Option<Binding>);

/// Inputs that wait for their moment.
#[derive(Resource, Default)]
pub(super) struct Mailbag {
    waiting: Vec<Option<Letter>>,
    free: Vec<u32>,
}

impl Mailbag {
    pub(super) fn put(&mut self, input: Input, cause: Option<RecordNo>) -> u32 {
        self.put_bound(input, cause, None)
    }

    pub(super) fn put_bound(
        &mut self,
        input: Input,
        cause: Option<RecordNo>,
        binding: Option<Binding>,
    ) -> u32 {
        let letter = (input, cause, binding);
        if let Some(place) = self.free.pop() {
            self.waiting[place as usize] = Some(letter);
            return place;
        }
        self.waiting.push(Some(letter));
        (self.waiting.len() - 1) as u32
    }

    pub(super) fn take(&mut self, place: u32) -> (Input, Option<RecordNo>) {
        let (input, cause, _) = self.take_bound(place);
        (input, cause)
    }

    pub(super) fn take_bound(&mut self, place: u32) -> Letter {
        self.free.push(place);
        self.waiting[place as usize].take().expect("each place is taken once")
    }
}

/// The present life of a member's Cluster service.
pub(super) fn life(p: &Plant, node: NodeId) -> u32 {
    p.host(node).life
}

/// What a node's cluster database says about a database; none while its service does not run.
pub(super) fn database_entry(p: &Plant, node: NodeId, database: DbId) -> Option<DatabaseEntry> {
    let view = p.host(node).node.as_ref()?.view();
    view.database.databases.get(database).cloned()
}

/// The Service Control Manager starts the Cluster service.
pub(super) fn start(p: &mut Plant, at: Instant, node: NodeId, life: u32) {
    let machine = MachineId::from(node);
    if p.host(node).life == life && p.host(node).asked == Asked::ToEnd {
        p.host_mut(node).asked = Asked::ToStartAgain;
    }
    if p.host(node).life != life || p.host(node).node.is_some() {
        return;
    }
    let waits = faults::postponed(p, machine, Event::StartClusterService { node, life });
    if waits || !p.machine(machine).up {
        return;
    }
    let since = p.machine(machine).since;
    let cause = (since != RecordNo(0)).then_some(since);
    let record = set_service(p, at, node, ServiceState::Running, cause);
    lease::begin(p, at, node, record);
    let links = p.setup.topology.machines[machine].nics.ids();
    let links = links.map(|nic| p.adapter(machine, nic).up).collect();
    let replication_service = p.answers(machine, Service::Replication);
    let now = p.faults.clocks.local(node, at);
    let time_of_day = p.setup.scenario.time_of_day_at(now);
    let config = p.setup.topology.config(node);
    let host = p.host_mut(node);
    host.life += 1;
    host.losses.clear();
    host.armed = [None; Timer::COUNT];
    let start = std::mem::take(&mut host.start);
    let durable = host.durable.clone();
    let boot = Boot { durable, links, replication_service, start, time_of_day };
    host.node = Some(Node::new(config, boot, now));
    arm(p, at, node);
    lease::begun(p, at, node);
}

/// An administrator orders a start. It is refused for a service that has quorum; one that has none
/// is started anew where the order has switches.
pub(super) fn order_start(p: &mut Plant, at: Instant, node: NodeId, start: Start, cause: RecordNo) {
    let host = p.host(node);
    let quorum = host.node.as_ref().is_some_and(|node| node.view().quorum);
    let runs = host.node.is_some() && host.asked == Asked::Nothing;
    if !p.machine(node.into()).up {
        refuse(p, at, node, NotTaken::MachineOff, cause);
    } else if runs && (quorum || start == Start::default()) {
        refuse(p, at, node, NotTaken::ServiceRuns, cause);
    } else if runs {
        start_anew(p, at, node, start, cause);
    } else {
        let life = host.life;
        start_as(p, at, node, start, cause);
        p.plan(at, Event::StartClusterService { node, life });
    }
}

/// An order is not carried out.
pub(super) fn refuse(p: &mut Plant, at: Instant, node: NodeId, why: NotTaken, cause: RecordNo) {
    p.change(at, Some(cause), Change::OrderRefused { node, why });
}

/// How the next start of a member's Cluster service was ordered.
fn start_as(p: &mut Plant, at: Instant, node: NodeId, start: Start, cause: RecordNo) {
    if start != Start::default() {
        p.change(at, Some(cause), Change::ClusterStart { node, start });
    }
    p.host_mut(node).start = start;
}

/// Notes a change of the Cluster service's state.
fn set_service(
    p: &mut Plant,
    at: Instant,
    node: NodeId,
    state: ServiceState,
    cause: Option<RecordNo>,
) -> RecordNo {
    let machine = MachineId::from(node);
    let change = Change::Service { machine, service: Service::Cluster, state };
    let record = p.change(at, cause, change);
    let slot = &mut p.machine_mut(machine).services[Service::Cluster as usize];
    slot.state = state;
    slot.since = record;
    record
}

/// Ends the present life of the Cluster service without its help (power loss). What was ordered for
/// its next start is forgotten with it.
pub(super) fn kill(p: &mut Plant, at: Instant, node: NodeId, cause: RecordNo) {
    end(p, at, node, cause);
    p.host_mut(node).start = Start::default();
}

/// Ends the present life of the Cluster service.
fn end(p: &mut Plant, at: Instant, node: NodeId, cause: RecordNo) {
    let host = p.host_mut(node);
    host.life += 1;
    host.asked = Asked::Nothing;
    host.newest.clear();
    host.postponed.clear();
    host.hangs = None;
    host.deadline = None;
    host.generation += 1;
    if host.node.take().is_some() {
        set_service(p, at, node, ServiceState::Stopped, Some(cause));
    }
}

/// The Cluster service ends by its own decision.
fn stop(p: &mut Plant, at: Instant, node: NodeId, restart: bool, cause: RecordNo) {
    let at_once = p.host(node).asked == Asked::ToStartAgain;
    end(p, at, node, cause);
    let record = p.service(node.into(), Service::Cluster).since;
    lease::ended(p, at, node, record);
    resources::service_ended(p, at, node, record);
    storage::cluster_stopped(p, at, node, record);
    witness::service_ended(p, at, node, record);
    let life = life(p, node);
    if restart || at_once {
        let delay = if at_once { Span::ZERO } else { p.settings().cluster.service_restart_delay };
        p.plan(at + delay, Event::StartClusterService { node, life });
    }
}

/// The process of a Cluster service ends. Its resources, its Active Manager and the witness's
/// server notice as if it had stopped; the other members are told nothing.
pub(super) fn crash(p: &mut Plant, at: Instant, node: NodeId, again: bool, cause: RecordNo) {
    if p.host(node).node.is_some() {
        let again = again && p.host(node).asked != Asked::ToEnd;
        if !p.leases.enabled() {
            return stop(p, at, node, again, cause);
        }
        end(p, at, node, cause);
        let record = p.service(node.into(), Service::Cluster).since;
        lease::killed(p, at, node, record);
        let (life, delay) = (life(p, node), p.settings().cluster.service_restart_delay);
        if again {
            p.plan(at + delay, Event::StartClusterService { node, life });
        }
    }
}

/// An administrator stops the Cluster service. A start that was planned is off.
pub(super) fn stop_service(p: &mut Plant, at: Instant, node: NodeId, cause: RecordNo) {
    let host = p.host_mut(node);
    if host.node.is_none() {
        host.life += 1;
    }
    host.asked = if host.node.is_some() { Asked::ToEnd } else { Asked::Nothing };
    feed(p, at, node, Input::Order(Order::StopService), Some(cause));
}

/// The Cluster service of a member starts as ordered, anew if it runs.
pub(super) fn start_anew(p: &mut Plant, at: Instant, node: NodeId, start: Start, cause: RecordNo) {
    stop_service(p, at, node, cause);
    start_as(p, at, node, start, cause);
    if p.host(node).node.is_some() {
        p.host_mut(node).asked = Asked::ToStartAgain;
    } else {
        let life = life(p, node);
        p.plan(at, Event::StartClusterService { node, life });
    }
}

/// A deadline has come.
pub(super) fn wake(p: &mut Plant, at: Instant, node: NodeId, generation: u32) {
    let host = p.host(node);
    if host.generation != generation || !p.machine(node.into()).up || host.hangs.is_some() {
        return;
    }
    let Some(deadline) = host.node.as_ref().and_then(Node::deadline) else { return };
    let cause = host.armed[deadline.why as usize];
    feed(p, at, node, Input::Wake, cause);
}

/// An input that waited for its moment.
pub(super) fn deliver(p: &mut Plant, at: Instant, node: NodeId, life: u32, place: u32) {
    let (input, cause) = p.mailbag.take(place);
    if p.host(node).life != life {
        return;
    }
    if p.machine(node.into()).frozen {
        p.host_mut(node).postponed.push((input, cause));
        return;
    }
    feed(p, at, node, input, cause);
}

/// A frozen machine goes on: what waited is handed over, and the timers that ran out fire.
pub(super) fn thaw(p: &mut Plant, at: Instant, node: NodeId) {
    let life = p.host(node).life;
    for (input, cause) in std::mem::take(&mut p.host_mut(node).postponed) {
        let place = p.mailbag.put(input, cause);
        p.plan(at, Event::Feed { node, life, place });
    }
    p.host_mut(node).deadline = None;
    arm(p, at, node);
    let machine = MachineId::from(node);
    for nic in p.setup.topology.machines[machine].nics.ids() {
        let generation = p.adapter(machine, nic).generation;
        p.plan(at, Event::MediaSense { machine, nic, generation });
    }
}

/// Whether a member's process hangs while its machine goes on.
pub(super) fn hangs(p: &Plant, node: NodeId) -> bool {
    p.host(node).hangs.is_some()
}

/// Keeps what a process that hangs was about to do, until it goes on; whether it does.
pub(super) fn postponed(p: &mut Plant, node: NodeId, event: Event) -> bool {
    if usize::from(node.0) >= p.setup.topology.nodes {
        return false;
    }
    let hangs = p.host_mut(node).hangs.as_mut();
    hangs.map(|waiting| waiting.push(event)).is_some()
}

/// A frame waits for a process that hangs, if there is room.
pub(super) fn buffers(p: &mut Plant, node: NodeId, event: Event) -> bool {
    let room = p.host(node).hangs.as_ref().is_some_and(|waiting| {
        waiting.iter().filter(|event| matches!(event, Event::Frame { .. })).count() < BUFFER
    });
    room && postponed(p, node, event)
}

/// A member's process hangs from now on, or goes on: then what waited happens. Its service is what
/// it was, and the journal has the fault: a new life it is not.
pub(super) fn hang(p: &mut Plant, at: Instant, node: NodeId, strikes: bool, cause: RecordNo) {
    if p.host(node).node.is_none() || hangs(p, node) == strikes {
        return;
    }
    p.host_mut(node).hung_by = cause;
    if strikes {
        p.host_mut(node).hangs = Some(Vec::new());
        return;
    }
    for event in p.host_mut(node).hangs.take().unwrap_or_default() {
        p.plan(at, event);
    }
    p.host_mut(node).deadline = None;
    arm(p, at, node);
}

/// A member's clock is another from now on: the wake-up that it wants comes at another moment.
pub(super) fn clock_changed(p: &mut Plant, at: Instant, node: NodeId) {
    p.host_mut(node).deadline = None;
    arm(p, at, node);
}

/// Answers an operation at a later moment.
pub(super) fn later(
    p: &mut Plant,
    when: Instant,
    node: NodeId,
    op: OpId,
    outcome: Outcome,
    cause: RecordNo,
) {
    let life = p.host(node).life;
    let place = p.mailbag.put(Input::Done { op, outcome }, Some(cause));
    p.plan(when, Event::Feed { node, life, place });
}

/// Tells a node what a claim found on the witness disk.
pub(super) fn learned(p: &mut Plant, at: Instant, node: NodeId, durable: Durable, cause: RecordNo) {
    let life = p.host(node).life;
    let place = p.mailbag.put(Input::Learned(Box::new(durable)), Some(cause));
    p.plan(at, Event::Feed { node, life, place });
}

/// Answers an operation now.
pub(super) fn done(
    p: &mut Plant,
    at: Instant,
    node: NodeId,
    op: OpId,
    outcome: Outcome,
    cause: RecordNo,
) {
    later(p, at, node, op, outcome, cause);
}

/// Answers an operation before anything else that is due now; where no core runs, there is nobody
/// to be first for.
pub(super) fn at_once(
    p: &mut Plant,
    at: Instant,
    node: NodeId,
    op: OpId,
    outcome: Outcome,
    cause: RecordNo,
) {
    match p.host(node).node.is_some() {
        true => feed(p, at, node, Input::Done { op, outcome }, Some(cause)),
        false => done(p, at, node, op, outcome, cause),
    }
}

/// Tells a node what was noticed.
pub(super) fn saw(p: &mut Plant, at: Instant, node: NodeId, report: Report, cause: RecordNo) {
    let life = p.host(node).life;
    let place = p.mailbag.put(Input::Saw(report), Some(cause));
    p.plan(at, Event::Feed { node, life, place });
}

/// Steps a node and has its effects done.
pub(super) fn feed(
    p: &mut Plant,
    at: Instant,
    node: NodeId,
    input: Input,
    cause: Option<RecordNo>,
) {
    if !p.machine(node.into()).up || p.host(node).node.is_none() {
        return;
    }
    if hangs(p, node) {
        let life = life(p, node);
        let place = p.mailbag.put(input, cause);
        postponed(p, node, Event::Feed { node, life, place });
        return;
    }
    let kept = p.recorder.keeps().then(|| input.clone());
    let now = p.faults.clocks.local(node, at);
    let host = p.host_mut(node);
    let core = host.node.as_mut().expect("checked above");
    core.step(now, input, &mut host.effects);
    let cause = host.behind_lost_path().or(cause);
    let mut effects = std::mem::take(&mut host.effects);
    let step = match kept {
        Some(input) => p.recorder.record(at, cause, What::In(node, input)),
        None => p.recorder.skip(),
    };
    let host = p.host_mut(node);
    for timer in host.node.as_ref().expect("checked above").armed() {
        host.armed[timer as usize] = Some(step);
    }
    lease::stepped(p, at, node);
    for effect in effects.drain(..) {
        perform(p, at, node, effect, step);
    }
    p.host_mut(node).effects = effects;
    lease::seen(p, at, node, step);
    arm(p, at, node);
}

/// Journals one effect and has it done.
fn perform(p: &mut Plant, at: Instant, node: NodeId, effect: Effect, step: RecordNo) {
    let record = if p.recorder.keeps() {
        p.recorder.record(at, Some(step), What::Out(node, effect.clone()))
    } else {
        p.recorder.skip()
    };
    match effect {
        Effect::Send { nic, to, message } => net::send(p, at, (node, nic), to, message, record),
        Effect::Do { op, act } => begin(p, at, node, op, act, record),
        Effect::Note(_) => {}
    }
}

/// Begins an operation, now or when this member is bound to nobody any more.
pub(super) fn begin(p: &mut Plant, at: Instant, node: NodeId, op: OpId, act: Act, cause: RecordNo) {
    if lease::waits(p, at, node, op, &act, cause) {
        return;
    }
    match act {
        Act::ClaimWitness { server, known, epoch } => {
            witness::claim(p, at, node, op, (server, known, epoch), cause);
        }
        Act::TestWitness { server, known } => {
            witness::test(p, at, node, op, (server, known), cause);
        }
        Act::WitnessBoot { server } => witness::boot(p, at, node, server, op, cause),
        Act::ReleaseWitness { server } => witness::release(p, at, node, server, op, cause),
        Act::Store(durable) => {
            witness::note_epoch(p, node, &durable);
            p.host_mut(node).durable = *durable;
            done(p, at, node, op, Outcome::Ok, cause);
        }
        Act::Online(_)
        | Act::Offline(_)
        | Act::Terminate(_)
        | Act::LooksAlive(_)
        | Act::IsAlive(_) => resources::begin(p, at, node, op, &act, cause),
        Act::CopyStatus(_)
        | Act::CopyLastLogs { .. }
        | Act::Mount(_)
        | Act::Dismount(_)
        | Act::Follow { .. } => storage::begin(p, at, node, op, act, cause),
        Act::Stop { restart } => stop(p, at, node, restart, cause),
    }
}

/// Plans the wake-up that a node wants now, if it wants another one than before.
fn arm(p: &mut Plant, now: Instant, node: NodeId) {
    let host = p.host_mut(node);
    let wanted = host.node.as_ref().and_then(Node::deadline).map(|deadline| deadline.at);
    if wanted == host.deadline {
        return;
    }
    host.deadline = wanted;
    host.generation += 1;
    let generation = host.generation;
    if let Some(at) = wanted {
        let at = p.faults.clocks.at(node, at);
        // After a machine stood still, the moment may be over.
        p.plan(at.max(now), Event::Wake { node, generation });
    }
}
