//! Lanes: the condition of everything in a site over time, and how its clients stood.

use super::{Scene, Standing, Subject};
use crate::base::{ClientId, DbId, GroupId, Id, IdVec, Instant, MachineId, NodeId};
use crate::failover::seam::{CopyStatus, Effect, GroupState, NodeState};
use crate::journal::record::Plant;
use crate::journal::text::{Names, group_state};
use crate::journal::{Record, RecordNo, What};
use crate::model::Topology;
use crate::model::topology::ClientKind;
use std::collections::BTreeMap;

/// How something is, in so many words that a colour and a sign can be given to each.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Condition {
    /// It does what it is for.
    Serving,
    /// It is whole and could take over.
    Ready,
    /// It is on its way from one state to another.
    Changing,
    /// It runs, but not so that it is of use to everybody.
    Impaired,
    /// It has failed.
    Failed,
    /// It is off, or nobody has it.
    Off,
}

impl Condition {
    /// Every condition.
    pub const ALL: [Condition; 6] = [
        Condition::Serving,
        Condition::Ready,
        Condition::Changing,
        Condition::Impaired,
        Condition::Failed,
        Condition::Off,
    ];

    /// What legends call it.
    pub const fn word(self) -> &'static str {
        match self {
            Condition::Serving => "serves",
            Condition::Ready => "ready",
            Condition::Changing => "changing",
            Condition::Impaired => "impaired",
            Condition::Failed => "failed",
            Condition::Off => "off",
        }
    }
}

/// A stretch of a lane: from a moment to the next stretch's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stretch {
    /// When it begins.
    pub from: Instant,
    /// How the subject is.
    pub condition: Condition,
    /// In the site's words, such as "Online on EX02".
    pub label: String,
    /// The record that brought it about.
    pub record: RecordNo,
}

/// One subject over time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lane {
    /// What it is about.
    pub subject: Subject,
    /// What people call it.
    pub name: String,
    /// Whether it is a part of the lane above: an adapter of a machine, a copy of a database.
    pub part: bool,
    /// Its stretches, in the order of time.
    pub stretches: Vec<Stretch>,
}

impl Lane {
    /// The stretch at a moment; none before the first.
    pub fn at(&self, at: Instant) -> Option<&Stretch> {
        self.stretches.partition_point(|stretch| stretch.from <= at).checked_sub(1).map(|place| {
            // The place is below the length: the partition point is at most that.
            &self.stretches[place]
        })
    }
}

/// How many clients of a kind stood how.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Counts {
    by_standing: [u32; Standing::ALL.len()],
}

impl Counts {
    /// Those that stand so.
    pub fn of(&self, standing: Standing) -> u32 {
        self.by_standing[standing as usize]
    }

    /// Those whose user cannot work.
    pub fn out(&self) -> u32 {
        Standing::ALL.into_iter().filter(|standing| standing.is_out()).map(|s| self.of(s)).sum()
    }

    /// All that have started to work.
    pub fn all(&self) -> u32 {
        self.by_standing.iter().sum()
    }
}

/// The clients of a kind over time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientLane {
    /// Their kind.
    pub kind: ClientKind,
    /// How they stood, from each moment on.
    pub counts: Vec<(Instant, Counts)>,
}

impl ClientLane {
    /// How they stood at a moment.
    pub fn at(&self, at: Instant) -> Counts {
        let after = self.counts.partition_point(|(from, _)| *from <= at);
        after.checked_sub(1).map_or_else(Counts::default, |place| self.counts[place].1)
    }

    /// How they stood when most of them could not work, in `from..to`.
    pub fn worst(&self, from: Instant, to: Instant) -> Counts {
        let first = self.counts.partition_point(|(at, _)| *at <= from);
        let last = self.counts.partition_point(|(at, _)| *at < to).max(first);
        let inside = self.counts[first..last].iter().map(|(_, counts)| *counts);
        inside.chain([self.at(from)]).max_by_key(Counts::out).unwrap_or_default()
    }
}

/// A fault over time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FaultSpan {
    /// Its place in the plan.
    pub index: u16,
    /// When it struck.
    pub from: Instant,
    /// When it was healed, if it was.
    pub to: Option<Instant>,
    /// The record of its strike.
    pub record: RecordNo,
}

/// Every lane of a site, folded record by record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lanes {
    /// Lanes of everything but clients: databases with their copies, groups, machines with their
    /// adapters, the witness, names.
    pub lanes: Vec<Lane>,
    /// Lanes of client kinds.
    pub clients: Vec<ClientLane>,
    /// Faults in the order in which they struck.
    pub faults: Vec<FaultSpan>,
    standings: IdVec<ClientId, Option<Standing>>,
}

impl Lanes {
    /// Before the first record.
    pub fn new(topology: &Topology) -> Self {
        let names = Names::new(topology, None);
        let lanes = subjects(topology).into_iter().map(|(subject, part)| Lane {
            subject,
            name: subject.name(&names, topology),
            part,
            stretches: Vec::new(),
        });
        let kinds = ClientKind::ALL.into_iter();
        let kinds = kinds.filter(|kind| topology.clients.iter().any(|group| group.kind == *kind));
        Lanes {
            lanes: lanes.collect(),
            clients: kinds.map(|kind| ClientLane { kind, counts: Vec::new() }).collect(),
            faults: Vec::new(),
            standings: IdVec::filled(topology.total_clients() as usize, None),
        }
    }

    /// Takes in the next record; the scene has it already.
    pub fn see(&mut self, scene: &Scene<'_>, record: &Record, number: RecordNo) {
        match &record.what {
            What::Client(client, _) => self.client(scene, *client, record.at),
            What::Fault { index, healed } => {
                self.fault(*index, *healed, record.at, number);
                self.conditions(scene, record.at, number);
            }
            What::Plant(Plant::FrameLost { .. } | Plant::Neighbour { .. }) => {}
            What::Out(_, Effect::Note(_)) | What::Plant(_) => {
                self.conditions(scene, record.at, number);
            }
            What::In(..) | What::Out(..) | What::Step { .. } | What::Mail(..) | What::Agent(..) => {
            }
        }
    }

    fn client(&mut self, scene: &Scene<'_>, id: ClientId, at: Instant) {
        let (Some(client), Some(before)) = (scene.clients.get(id), self.standings.get_mut(id))
        else {
            return;
        };
        let now = client.standing();
        let before = std::mem::replace(before, now);
        if before == now {
            return;
        }
        let kind = scene.topology().client_group(id).kind;
        let Some(lane) = self.clients.iter_mut().find(|lane| lane.kind == kind) else { return };
        let mut counts = lane.counts.last().map(|(_, counts)| *counts).unwrap_or_default();
        if let Some(before) = before {
            counts.by_standing[before as usize] -= 1;
        }
        if let Some(now) = now {
            counts.by_standing[now as usize] += 1;
        }
        match lane.counts.last_mut() {
            Some(last) if last.0 == at => last.1 = counts,
            _ => lane.counts.push((at, counts)),
        }
    }

    fn fault(&mut self, index: u16, healed: bool, at: Instant, record: RecordNo) {
        if !healed {
            self.faults.push(FaultSpan { index, from: at, to: None, record });
        } else if let Some(span) =
            self.faults.iter_mut().rev().find(|span| span.index == index && span.to.is_none())
        {
            span.to = Some(at);
        }
    }

    fn conditions(&mut self, scene: &Scene<'_>, at: Instant, record: RecordNo) {
        let names = Names::new(scene.topology(), Some(scene.scenario()));
        for lane in &mut self.lanes {
            let (condition, label) = condition(scene, &names, lane.subject);
            let last = lane.stretches.last_mut();
            match last {
                Some(last) if last.condition == condition && last.label == *label => {}
                Some(last) if last.from == at => {
                    *last = Stretch { from: at, condition, label: label.into_owned(), record };
                }
                _ => {
                    let label = label.into_owned();
                    lane.stretches.push(Stretch { from: at, condition, label, record });
                }
            }
        }
    }
}

/// What has a lane, in the order in which people look for it, and whether it is a part of the one
/// above.
fn subjects(topology: &Topology) -> Vec<(Subject, bool)> {
    let mut subjects = Vec::new();
    for (database, config) in topology.databases.iter() {
        subjects.push((Subject::Database(database), false));
        let copies = config.copies.iter().map(|node| crate::base::CopyId { database, node: *node });
        subjects.extend(copies.map(|copy| (Subject::Copy(copy), true)));
    }
    subjects.extend(topology.groups.ids().map(|group| (Subject::Group(group), false)));
    for (machine, config) in topology.machines.iter() {
        subjects.push((Subject::Machine(machine), false));
        subjects.extend(config.nics.ids().map(|nic| (Subject::Adapter(machine, nic), true)));
    }
    if topology.dag.witness.is_some() {
        subjects.push((Subject::Witness, false));
    }
    let named = topology.resources.iter().filter(|(_, resource)| resource.dns_name.is_some());
    subjects.extend(named.map(|(resource, _)| (Subject::Name(resource), false)));
    subjects
}

type Told = (Condition, std::borrow::Cow<'static, str>);

/// How something is at a moment, and in which words.
pub fn condition(scene: &Scene<'_>, names: &Names, subject: Subject) -> Told {
    match subject {
        Subject::Machine(machine) => machine_condition(scene, machine),
        Subject::Adapter(machine, nic) => match scene.adapters[machine][nic] {
            _ if !scene.machines[machine] => (Condition::Off, "off".into()),
            true => (Condition::Ready, "up".into()),
            false => (Condition::Failed, "down".into()),
        },
        Subject::Group(group) => group_condition(scene, names, group),
        Subject::Database(database) => database_condition(scene, names, database),
        Subject::Copy(copy) => {
            let Some(known) = scene.copies.get(&copy) else { return (Condition::Off, "".into()) };
            let condition = match known.status {
                _ if !scene.machines[MachineId::from(copy.node)] => Condition::Off,
                CopyStatus::Mounted => Condition::Serving,
                CopyStatus::Healthy | CopyStatus::SeedingSource => Condition::Ready,
                CopyStatus::Mounting
                | CopyStatus::Dismounting
                | CopyStatus::Initializing
                | CopyStatus::Resynchronizing
                | CopyStatus::DisconnectedAndResynchronizing
                | CopyStatus::Seeding => Condition::Changing,
                CopyStatus::DisconnectedAndHealthy => Condition::Impaired,
                CopyStatus::Failed | CopyStatus::FailedAndSuspended => Condition::Failed,
                CopyStatus::Dismounted | CopyStatus::Suspended | CopyStatus::ServiceDown => {
                    Condition::Off
                }
            };
            (condition, format!("{:?}", known.status).into())
        }
        Subject::Witness => match scene.witness {
            Some(node) => (Condition::Serving, format!("held by {}", names.node(node)).into()),
            None => (Condition::Ready, "free".into()),
        },
        Subject::Name(resource) => match scene.dns.get(&resource) {
            Some(address) => (Condition::Serving, address.to_string().into()),
            None => (Condition::Off, "not registered".into()),
        },
        Subject::Clients(kind) => {
            let topology = scene.topology();
            let of = scene.clients.iter().filter(|(id, _)| topology.client_group(*id).kind == kind);
            let standings: BTreeMap<Standing, u32> = of
                .filter_map(|(_, client)| client.standing())
                .fold(BTreeMap::new(), |mut counts, standing| {
                    *counts.entry(standing).or_default() += 1;
                    counts
                });
            let out = standings.iter().filter(|(standing, _)| standing.is_out());
            let out: u32 = out.map(|(_, count)| count).sum();
            let all: u32 = standings.values().sum();
            let condition = match out {
                _ if all == 0 => Condition::Off,
                0 => Condition::Serving,
                out if out < all => Condition::Impaired,
                _ => Condition::Failed,
            };
            (condition, format!("{out} of {all} out").into())
        }
    }
}

fn machine_condition(scene: &Scene<'_>, machine: MachineId) -> Told {
    let topology = scene.topology();
    if !scene.machines[machine] {
        return (Condition::Off, "off".into());
    }
    let carrier = scene.adapters[machine].values().any(|up| *up);
    if machine.index() < topology.nodes {
        let node = NodeId(machine.0);
        return match scene.node_state(node) {
            NodeState::Up if !scene.reachable(machine) => {
                (Condition::Impaired, "Up, cut off".into())
            }
            NodeState::Up => (Condition::Serving, "Up".into()),
            NodeState::Paused => (Condition::Impaired, "Paused".into()),
            NodeState::Joining => (Condition::Changing, "Joining".into()),
            NodeState::Down if !carrier => (Condition::Failed, "Down, cut off".into()),
            NodeState::Down => (Condition::Failed, "Down".into()),
        };
    }
    match scene.reachable(machine) {
        true => (Condition::Serving, "up".into()),
        false => (Condition::Failed, "cut off".into()),
    }
}

fn group_condition(scene: &Scene<'_>, names: &Names, id: GroupId) -> Told {
    let group = &scene.groups[id];
    let condition = match group.state {
        GroupState::Online if scene.group_served(id) => Condition::Serving,
        GroupState::Online | GroupState::PartialOnline => Condition::Impaired,
        GroupState::Pending => Condition::Changing,
        GroupState::Offline => Condition::Off,
        GroupState::Failed => Condition::Failed,
    };
    let state = group_state(group.state);
    let label = match group.owner {
        Some(owner) => format!("{state} on {}", names.node(owner)).into(),
        None => state.into(),
    };
    (condition, label)
}

fn database_condition(scene: &Scene<'_>, names: &Names, id: DbId) -> Told {
    if let Some(node) = scene.served_by(id) {
        return (Condition::Serving, format!("mounted on {}", names.node(node)).into());
    }
    if let Some(node) = scene.mounted(id) {
        let label = format!("mounted on {}, not reachable", names.node(node));
        return (Condition::Impaired, label.into());
    }
    let copies = scene.copies.iter().filter(|(copy, _)| copy.database == id);
    let changing = copies.into_iter().find_map(|(copy, known)| match known.status {
        CopyStatus::Mounting => Some(("mounting", copy.node)),
        CopyStatus::Dismounting => Some(("dismounting", copy.node)),
        _ => None,
    });
    match changing {
        Some((what, node)) => {
            (Condition::Changing, format!("{what} on {}", names.node(node)).into())
        }
        None => (Condition::Off, "dismounted".into()),
    }
}
