//! Why something is not in service at a moment: what stands in its way, and, as later records
//! tell it already, what it waits for.

mod clients;
mod database;
mod group;
mod member;
mod others;

use super::lanes::condition;
use super::why::{Link, chain};
use super::words::{moment, short};
use super::{Scene, Subject};
use crate::base::{Instant, MachineId, NodeId};
use crate::failover::seam::{CopyStatus, Effect, GroupState, NodeState, Note};
use crate::journal::record::{ClientEvent, Plant, ServiceState};
use crate::journal::text::Names;
use crate::journal::{Record, RecordNo, What};

/// Something that stands in the way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Blocker {
    /// In words.
    pub text: String,
    /// The record that brought it about, if one tells of it.
    pub record: Option<RecordNo>,
}

/// Why something is not in service.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WhyNot {
    /// What it is about.
    pub subject: Subject,
    /// Whether it is in service, so that there is nothing to explain.
    pub well: bool,
    /// How it is, in the site's words.
    pub state: String,
    /// What stands in its way, the first thing first; never empty if it is not in service.
    pub blockers: Vec<Blocker>,
    /// What it waits for: of the chain of causes of the record that brings it back, the links that
    /// are still to come. The first is the next thing to happen, and its `passed` counts from now.
    pub awaits: Vec<Link>,
    /// Whether no later record brings it back.
    pub never: bool,
    /// The moment now: that of the last record that is taken in.
    pub now: Instant,
    /// The moment of the last record that there is: nothing is known of what comes after.
    pub known_until: Instant,
}

impl WhyNot {
    /// When it is back, in one sentence; none if it is not away. `complete`: whether all records
    /// are there, and no more will come.
    pub fn prospect(&self, complete: bool) -> Option<String> {
        if self.well {
            return None;
        }
        if let (Some(next), Some(last)) = (self.awaits.first(), self.awaits.last()) {
            let (to_go, at) = (short(last.at.saturating_since(self.now)), moment(last.at));
            let next_in = short(next.at.saturating_since(self.now));
            let next = format!("{}: {}", next.who, next.text);
            return Some(format!("back in {to_go}, at {at} s; next, in {next_in}: {next}"));
        }
        let until = moment(self.known_until);
        Some(match complete {
            true => format!("not back by the end, {until} s"),
            false => format!("not back yet; nothing is known after {until} s"),
        })
    }
}

/// Why a subject is not in service after `upto` records, of which the scene is. Looks through the
/// records before for what was told last, and through those after for what brings it back; a
/// caller that draws keeps the answer while its cursor stands.
pub fn why_not(scene: &Scene<'_>, records: &[Record], upto: usize, subject: Subject) -> WhyNot {
    let upto = upto.min(records.len());
    let names = Names::new(scene.topology(), Some(scene.scenario()));
    let moment_of = |record: Option<&Record>| record.map_or(Instant::ZERO, |record| record.at);
    let now = moment_of(records[..upto].last());
    let search = Search { scene, names, past: &records[..upto], now };
    let well = in_service(scene, subject);
    let mut blockers = if well { Vec::new() } else { search.blockers(subject) };
    let state = condition(scene, &names, subject).1.into_owned();
    if !well && blockers.is_empty() {
        let name = subject.name(&names, scene.topology());
        blockers.push(Blocker { text: format!("{name} is {state}"), record: None });
    }
    blockers.dedup_by(|one, other| one.text == other.text);
    let back = if well { None } else { returns(scene, records, upto, subject) };
    let mut awaits = back.map(|record| chain(&names, records, record)).unwrap_or_default();
    awaits.retain(|link| link.record.0 as usize >= upto);
    if let Some(first) = awaits.first_mut() {
        first.passed = Some(first.at.saturating_since(now));
    }
    let known_until = moment_of(records.last());
    WhyNot {
        subject,
        well,
        state,
        blockers,
        awaits,
        never: !well && back.is_none(),
        now,
        known_until,
    }
}

/// Whether a subject does what it is for.
pub fn in_service(scene: &Scene<'_>, subject: Subject) -> bool {
    let topology = scene.topology();
    match subject {
        Subject::Machine(machine) => {
            let member = (machine.index_below(topology.nodes)).then_some(NodeId(machine.0));
            scene.reachable(machine)
                && member.is_none_or(|node| scene.node_state(node) == NodeState::Up)
                && others::stopped_services(scene, machine).next().is_none()
        }
        Subject::Adapter(machine, nic) => scene.machines[machine] && scene.adapters[machine][nic],
        // A witness resource that failed takes nothing from clients, but its group is not whole.
        Subject::Group(group) => {
            scene.group_served(group) && scene.groups[group].state != GroupState::Failed
        }
        Subject::Database(database) => scene.served_by(database).is_some(),
        Subject::Copy(copy) => scene.copies.get(&copy).is_some_and(|known| {
            let whole = [CopyStatus::Mounted, CopyStatus::Healthy, CopyStatus::SeedingSource];
            scene.machines[MachineId::from(copy.node)] && whole.contains(&known.status)
        }),
        Subject::Witness => others::witness_serves(scene),
        Subject::Name(resource) => {
            let address = scene.dns.get(&resource);
            let machines = address.and_then(|address| scene.addresses.get(address));
            others::dns_serves(scene)
                && machines.is_some_and(|on| on.iter().any(|machine| scene.reachable(*machine)))
        }
        Subject::Clients(kind) => {
            let out = scene
                .clients
                .iter()
                .filter(|(_, client)| client.standing().is_some_and(super::Standing::is_out));
            !out.into_iter().any(|(id, _)| topology.client_group(id).kind == kind)
        }
    }
}

/// Whether a machine's number is that of a member.
trait Below {
    fn index_below(self, nodes: usize) -> bool;
}

impl Below for MachineId {
    fn index_below(self, nodes: usize) -> bool {
        usize::from(self.0) < nodes
    }
}

/// The first record from `upto` on that brings a subject back into service. Of clients it is the
/// first answer that one of those gets who are out now.
fn returns(
    scene: &Scene<'_>,
    records: &[Record],
    upto: usize,
    subject: Subject,
) -> Option<RecordNo> {
    let after = records.iter().enumerate().skip(upto);
    if let Subject::Clients(kind) = subject {
        let topology = scene.topology();
        let mut answers = after.filter(|(_, record)| match &record.what {
            What::Client(id, ClientEvent::Answered { .. }) => {
                let standing = scene.clients.get(*id).and_then(super::Client::standing);
                standing.is_some_and(super::Standing::is_out)
                    && topology.client_group(*id).kind == kind
            }
            _ => false,
        });
        return answers.next().map(|(place, _)| RecordNo(place as u32));
    }
    let mut scene = scene.clone();
    for (place, record) in after {
        if matches!(record.what, What::Client(..) | What::Mail(..)) {
            continue;
        }
        scene.apply(record);
        let may_change = match record.what {
            What::Plant(Plant::FrameLost { .. }) => false,
            What::Plant(_) | What::Fault { .. } | What::Out(_, Effect::Note(_)) => true,
            _ => false,
        };
        if may_change && in_service(&scene, subject) {
            return Some(RecordNo(place as u32));
        }
    }
    None
}

/// What is known when somebody asks.
struct Search<'a, 't> {
    scene: &'a Scene<'t>,
    names: Names<'t>,
    /// The records that the scene has taken in.
    past: &'a [Record],
    now: Instant,
}

impl Search<'_, '_> {
    fn blockers(&self, subject: Subject) -> Vec<Blocker> {
        match subject {
            Subject::Machine(machine) => self.machine(machine),
            Subject::Adapter(machine, nic) => self.adapter(machine, nic),
            Subject::Group(group) => self.group(group),
            Subject::Database(database) => self.database(database),
            Subject::Copy(copy) => self.copy(copy),
            Subject::Witness => self.witness(),
            Subject::Name(resource) => self.name(resource),
            Subject::Clients(kind) => self.clients(kind),
        }
    }

    /// The last record that this finds something in.
    fn last<T>(&self, find: impl Fn(&Record) -> Option<T>) -> Option<(RecordNo, T)> {
        let places = self.past.iter().enumerate().rev();
        places
            .filter_map(|(place, record)| find(record).map(|found| (RecordNo(place as u32), found)))
            .next()
    }

    /// The last note of a node, or of any, that this finds something in.
    fn noted<T>(
        &self,
        by: Option<NodeId>,
        find: impl Fn(NodeId, &Note) -> Option<T>,
    ) -> Option<(RecordNo, T)> {
        self.last(|record| match &record.what {
            What::Out(node, Effect::Note(note)) if by.is_none_or(|by| by == *node) => {
                find(*node, note)
            }
            _ => None,
        })
    }

    /// A record's words.
    fn words(&self, record: RecordNo) -> String {
        self.names.phrase(&self.past[record.0 as usize].what)
    }

    fn at(&self, record: RecordNo) -> Instant {
        self.past[record.0 as usize].at
    }

    fn is_member(&self, machine: MachineId) -> Option<NodeId> {
        machine.index_below(self.scene.topology().nodes).then_some(NodeId(machine.0))
    }

    /// The last change of a service to a state in which it does not run.
    fn service_ended(&self, machine: MachineId, of: crate::model::Service) -> Option<RecordNo> {
        let ended = self.last(|record| match record.what {
            What::Plant(Plant::Service { machine: on, service, state })
                if on == machine && service == of && state != ServiceState::Running =>
            {
                Some(())
            }
            _ => None,
        });
        ended.map(|(record, ())| record)
    }
}

/// Something in the way, told by a record.
fn told(text: impl Into<String>, record: impl Into<Option<RecordNo>>) -> Blocker {
    Blocker { text: text.into(), record: record.into() }
}

/// The same, said of somebody.
fn of(who: &str, blockers: Vec<Blocker>) -> impl Iterator<Item = Blocker> {
    let lead = format!("{who}: ");
    blockers.into_iter().map(move |blocker| told(lead.clone() + &blocker.text, blocker.record))
}
