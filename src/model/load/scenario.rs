//! Scenario files.

use super::read::{File, Placed, Section};
use crate::base::{
    ClientId, DbId, GroupId, Id, IdVec, Instant, MachineId, NetId, NicId, NodeId, Ratio, Span,
};
use crate::failover::seam::{GroupState, MountDial, Order};
use crate::model::Problem;
use crate::model::fault::{Fault, Planned, Service};
use crate::model::scenario::{Action, Expectation, Expected, Scenario, Start, Step, Who};
use crate::model::settings::Value;
use crate::model::topology::{ClientKind, Topology};

/// The longest run.
const LONGEST: Span = Span::from_secs(366 * 24 * 3600);

const SERVICES: &[(&str, Service)] = &[
    ("cluster", Service::Cluster),
    ("store", Service::Store),
    ("replication", Service::Replication),
    ("rpc-client-access", Service::RpcClientAccess),
    ("hub-transport", Service::HubTransport),
    ("owa", Service::Owa),
    ("autodiscover", Service::Autodiscover),
    ("directory", Service::Directory),
    ("dns", Service::Dns),
    ("file-server", Service::FileServer),
];
const DIALS: &[(&str, MountDial)] = &[
    ("lossless", MountDial::Lossless),
    ("good-availability", MountDial::GoodAvailability),
    ("best-availability", MountDial::BestAvailability),
    ("best-effort", MountDial::BestEffort),
];
const STATES: &[(&str, GroupState)] = &[
    ("online", GroupState::Online),
    ("offline", GroupState::Offline),
    ("failed", GroupState::Failed),
    ("partial-online", GroupState::PartialOnline),
    ("pending", GroupState::Pending),
];

/// Names of a topology, for look-ups.
struct Names<'t> {
    topology: &'t Topology,
    machines: IdVec<MachineId, String>,
    nodes: IdVec<NodeId, String>,
    networks: IdVec<NetId, String>,
    groups: IdVec<GroupId, String>,
    databases: IdVec<DbId, String>,
}

/// The `[set]` table of a scenario file: settings that it wants, to be given to
/// [`topology`](super::topology) before the command line's.
///
/// Problems of the file are left to [`scenario`].
pub fn wishes(text: &str) -> Vec<(String, String)> {
    let file = File::new("", text);
    let table = file.root();
    let root = Section::new(&file, String::new(), &table);
    let Some(set) = root.table("set") else { return Vec::new() };
    set.entries().into_iter().map(|(key, place)| (key, place.text)).collect()
}

/// Reads a scenario file over a topology. `fallback_name` names it if the file does not.
///
/// # Errors
/// Everything that is wrong with the file.
pub fn scenario(
    file_name: &str,
    fallback_name: &str,
    text: &str,
    topology: &Topology,
) -> Result<Scenario, Vec<Problem>> {
    let file = File::new(file_name, text);
    let table = file.root();
    let root = Section::new(&file, String::new(), &table);
    let built = if file.is_sound() {
        let names = Names::new(topology);
        Some(build(&root, fallback_name, &names))
    } else {
        None
    };
    let sound = file.is_sound();
    match built {
        Some(scenario) if sound => Ok(scenario),
        _ => Err(file.into_problems()),
    }
}

impl<'t> Names<'t> {
    fn new(topology: &'t Topology) -> Self {
        let machines: IdVec<MachineId, String> =
            topology.machines.values().map(|machine| machine.name.clone()).collect();
        Names {
            topology,
            nodes: machines.values().take(topology.nodes).cloned().collect(),
            machines,
            networks: topology.networks.values().map(|network| network.name.clone()).collect(),
            groups: topology.groups.values().map(|group| group.name.clone()).collect(),
            databases: topology.databases.values().map(|db| db.name.clone()).collect(),
        }
    }

    fn machine(&self, section: &Section) -> Option<MachineId> {
        section.find(&section.text("machine"), "a machine", &self.machines)
    }

    fn node(&self, section: &Section, key: &'static str) -> Option<NodeId> {
        section.find(&section.text(key), "a node", &self.nodes)
    }

    fn group(&self, section: &Section) -> Option<GroupId> {
        section.find(&section.text("group"), "a group", &self.groups)
    }

    fn database(&self, section: &Section) -> Option<DbId> {
        section.find(&section.text("database"), "a database", &self.databases)
    }

    fn network(&self, section: &Section) -> Option<NetId> {
        section.find(&section.text("network"), "a network", &self.networks)
    }

    /// A client: `"name of its group"` for the first, `"name#7"` for the seventh.
    fn client(&self, section: &Section) -> Option<ClientId> {
        let place = section.text("client");
        if place.text.is_empty() {
            return None;
        }
        let (name, position) = place.text.split_once('#').unwrap_or((&place.text, "1"));
        let groups = &self.topology.clients;
        let group = groups.iter().find(|group| group.name == name);
        let position = position.parse::<u32>().ok().filter(|position| *position > 0);
        match (group, position) {
            (Some(group), Some(position)) if position <= group.count => {
                Some(ClientId(group.first.0 + position - 1))
            }
            (Some(group), _) => {
                let expected = format!("\"{name}#N\" with N from 1 to {}", group.count);
                section.wrong_at(&place, &expected, None);
                None
            }
            (None, _) => {
                let all: Vec<&str> = groups.iter().map(|group| group.name.as_str()).collect();
                let expected = format!("a client group: one of {}", all.join(", "));
                section.wrong_at(&place, &expected, super::near(name, all.iter().copied()));
                None
            }
        }
    }

    /// Every client of a kind (`"owa"`), or one client by its group's name.
    fn who(&self, section: &Section) -> Option<Who> {
        let place = section.text("client");
        let kind = ClientKind::ALL.iter().find(|kind| kind.word() == place.text);
        match kind {
            Some(kind) => Some(Who::Kind(*kind)),
            None => self.client(section).map(Who::One),
        }
    }
}

fn build(root: &Section, fallback_name: &str, names: &Names) -> Scenario {
    let name = root.optional_text("name").map_or_else(|| fallback_name.to_owned(), |p| p.text);
    let title = root.text("title").text;
    let until = root.moment("until");
    if !root.has("until") {
        root.wrong("until", "how long the run is, such as \"5m\"; the key is missing", None);
    }
    let until = until.unwrap_or(Instant::ZERO);
    if until.since(Instant::ZERO) > LONGEST {
        root.wrong("until", "at most 366 days", None);
    }
    let clients_from = root.moment("clients_from").unwrap_or(Instant::from_nanos(20_000_000_000));
    let settle = root.value("settle").unwrap_or(Span::from_secs(120));
    root.expect(&["set"]);
    let start = start(root, names);
    let mut faults = faults(root, names, until);
    faults.sort_by_key(|planned| planned.at);
    let mut steps = steps(root, names, until);
    steps.sort_by_key(|step| step.at);
    root.finish();
    Scenario { name, title, until, clients_from, settle, start, faults, steps }
}

/// `[start]`: owner of each group, place of each database.
fn start(root: &Section, names: &Names) -> Start {
    let topology = names.topology;
    let first = NodeId(0);
    let mut start = Start {
        groups: vec![Some(first); topology.groups.len()],
        databases: topology
            .databases
            .values()
            .map(|database| database.copies.first().copied().unwrap_or(first))
            .collect(),
        client_access_array: topology.client_access_array.is_some(),
    };
    for (id, group) in topology.groups.iter() {
        let owner = group.preferred_owners.first().copied();
        start.groups[id.index()] = owner.or(start.groups[id.index()]);
    }
    let Some(section) = root.table("start") else { return start };
    if let Some(exists) = section.value("client_access_array") {
        start.client_access_array = exists;
    }
    section.expect(&["client_access_array"]);
    for (key, place) in section.entries() {
        if key == "client_access_array" {
            continue;
        }
        place_at_start(&section, names, &mut start, &key, &place);
    }
    start
}

fn place_at_start(section: &Section, names: &Names, start: &mut Start, key: &str, place: &Placed) {
    let group = names.groups.iter().find(|(_, name)| *name == key).map(|(id, _)| id);
    let database = names.databases.iter().find(|(_, name)| *name == key).map(|(id, _)| id);
    if let Some(group) = group {
        if place.text == "none" {
            start.groups[group.index()] = None;
        } else if let Some(node) = section.find(place, "a node, or none", &names.nodes) {
            let resources = names.topology.groups[group].resources.iter();
            let possible = resources.map(|id| names.topology.resources[*id].possible_owners);
            if possible.into_iter().all(|owners| owners.contains(node)) {
                start.groups[group.index()] = Some(node);
            } else {
                section.wrong_at(place, "a possible owner of the group", None);
            }
        }
    } else if let Some(database) = database {
        if let Some(node) = section.find(place, "a node", &names.nodes) {
            if names.topology.databases[database].copies.contains(&node) {
                start.databases[database.index()] = node;
            } else {
                section.wrong_at(place, "a server with a copy of the database", None);
            }
        }
    } else {
        let both = names.groups.values().chain(names.databases.values());
        let all: Vec<&str> = both.map(String::as_str).collect();
        let expected = format!("a group or database: one of {}", all.join(", "));
        let place = Placed { text: key.to_owned(), ..place.clone() };
        section.wrong_at(&place, &expected, super::near(key, all.iter().copied()));
    }
}

fn at(section: &Section, until: Instant) -> Instant {
    if !section.has("at") {
        section.wrong("at", "a moment of the run, such as \"60s\"; the key is missing", None);
    }
    let at = section.moment("at").unwrap_or(Instant::ZERO);
    if at > until {
        section.wrong("at", "a moment before the run ends (until)", None);
    }
    at
}

fn faults(root: &Section, names: &Names, until: Instant) -> Vec<Planned> {
    let mut faults: Vec<Planned> = Vec::new();
    let sections = root.tables("fault");
    if sections.len() > 10_000 {
        root.wrong("fault", "at most 10000 faults", None);
        return faults;
    }
    for section in sections {
        let at = at(&section, until);
        let lasts = section.value::<Span>("lasts");
        if lasts.is_some_and(Span::is_zero) {
            section.wrong("lasts", "a duration above zero", None);
        }
        if lasts.is_some_and(|lasts| lasts > LONGEST) {
            section.wrong("lasts", "at most 366 days", None);
        }
        let fault = fault(&section, names);
        section.finish();
        if let Some(fault) = fault {
            let ends = |p: &Planned| p.lasts.map_or(Instant::MAX, |l| p.at.saturating_add(l));
            let planned = Planned { at, lasts, fault };
            let overlaps = faults
                .iter()
                .any(|other| other.fault == fault && other.at < ends(&planned) && at < ends(other));
            if overlaps {
                section.wrong("at", "no overlap with the same fault at the same place", None);
            }
            faults.push(planned);
        }
    }
    faults
}

fn fault(section: &Section, names: &Names) -> Option<Fault> {
    const KINDS: &[(&str, u8)] = &[
        ("nic-down", 0),
        ("power-off", 1),
        ("freeze", 2),
        ("service-stop", 3),
        ("service-hang", 4),
        ("service-slow", 5),
        ("network-down", 6),
        ("path-cut", 7),
        ("frame-loss", 8),
        ("network-delay", 9),
        ("gratuitous-arp-blocked", 10),
    ];
    if !section.has("kind") {
        let all: Vec<&str> = KINDS.iter().map(|(word, _)| *word).collect();
        section.wrong("kind", &format!("one of {}", all.join(", ")), None);
    }
    Some(match section.word("kind", KINDS)? {
        0 => nic_down(section, names)?,
        1 => Fault::PowerOff { machine: names.machine(section)? },
        2 => Fault::Freeze { machine: names.machine(section)? },
        3 => {
            let (machine, service) = service(section, names)?;
            Fault::ServiceStop { machine, service }
        }
        4 => {
            let (machine, service) = service(section, names)?;
            if service == Service::Cluster {
                let hint = Some("freeze the machine instead: kind = \"freeze\"".to_owned());
                section.wrong("service", "a service other than cluster", hint);
            }
            Fault::ServiceHang { machine, service }
        }
        5 => {
            let found = service(section, names);
            let factor = section.value::<Ratio>("factor");
            if !factor.is_some_and(|factor| factor >= Ratio::ONE) {
                section.wrong("factor", "a factor of at least one, such as \"10x\"", None);
            }
            let (machine, service) = found?;
            Fault::ServiceSlow { machine, service, factor: factor? }
        }
        6 => Fault::NetworkDown { network: names.network(section)? },
        7 => path_cut(section, names)?,
        8 => {
            let share = section.value::<Ratio>("share");
            if !share.is_some_and(|share| share <= Ratio::ONE) {
                section.wrong("share", "a share such as \"3%\", at most 100%", None);
            }
            Fault::FrameLoss { network: names.network(section)?, share: share? }
        }
        9 => {
            let delay = section.value::<Span>("delay");
            if delay.is_none_or(|delay| delay > Span::from_secs(3600)) {
                section.wrong("delay", "a duration of at most an hour", None);
            }
            Fault::NetworkDelay { network: names.network(section)?, delay: delay? }
        }
        _ => Fault::GratuitousArpBlocked { network: names.network(section)? },
    })
}

fn nic_down(section: &Section, names: &Names) -> Option<Fault> {
    let machine = names.machine(section)?;
    let nics = &names.topology.machines[machine].nics;
    let listed: IdVec<NicId, String> = nics.values().map(|nic| nic.name.clone()).collect();
    let place = section.text("nic");
    let nic = match place.text.as_str() {
        "all" => None,
        _ => Some(section.find(&place, "an adapter of the machine, or all", &listed)?),
    };
    Some(Fault::NicDown { machine, nic })
}

fn path_cut(section: &Section, names: &Names) -> Option<Fault> {
    let network = names.network(section);
    let from = section.find(&section.text("from"), "a machine", &names.machines);
    let to = section.find(&section.text("to"), "a machine", &names.machines);
    let (network, from, to) = (network?, from?, to?);
    for (key, machine) in [("from", from), ("to", to)] {
        let mut nics = names.topology.machines[machine].nics.values();
        if !nics.any(|nic| nic.network == network) {
            section.wrong(key, "a machine that is on the network", None);
        }
    }
    Some(Fault::PathCut { network, from, to })
}

fn service(section: &Section, names: &Names) -> Option<(MachineId, Service)> {
    use crate::model::topology::MachineRole;
    let machine = names.machine(section);
    if !section.has("service") {
        section.wrong("service", "the name of a service; the key is missing", None);
    }
    let service = section.word("service", SERVICES);
    let (machine, service) = (machine?, service?);
    let roles = &names.topology.machines[machine].roles;
    let needs = match service {
        Service::Directory => MachineRole::DomainController,
        Service::Dns => MachineRole::Dns,
        Service::FileServer => MachineRole::Witness,
        Service::Cluster
        | Service::Store
        | Service::Replication
        | Service::RpcClientAccess
        | Service::HubTransport
        | Service::Owa
        | Service::Autodiscover => MachineRole::Exchange,
    };
    if !roles.contains(&needs) {
        section.wrong("service", "a service that the machine runs", None);
        return None;
    }
    Some((machine, service))
}

fn steps(root: &Section, names: &Names, until: Instant) -> Vec<Step> {
    let mut steps = Vec::new();
    let sections = root.tables("step");
    if sections.len() > 10_000 {
        root.wrong("step", "at most 10000 steps", None);
        return steps;
    }
    let mut messages: Vec<String> = Vec::new();
    for (position, section) in sections.into_iter().enumerate() {
        let label = section.optional_text("label").map(|place| place.text);
        let text = section.text("text").text;
        let at = at(&section, until);
        let action = section.table("do").and_then(|part| {
            let action = action(&part, names, &mut messages);
            part.finish();
            action
        });
        let mut expect = Vec::new();
        for part in section.tables("expect") {
            if let Some(what) = expected(&part, names, &messages) {
                let within = part.value("within").unwrap_or(Span::ZERO);
                if at.saturating_add(within) > until {
                    part.wrong("within", "a duration that ends before the run (until)", None);
                }
                expect.push(Expectation { what, within });
            }
            part.finish();
        }
        section.finish();
        let label = label.unwrap_or_else(|| (position + 1).to_string());
        steps.push(Step { label, text, at, action, expect });
    }
    steps
}

fn action(section: &Section, names: &Names, messages: &mut Vec<String>) -> Option<Action> {
    const KINDS: &[(&str, u8)] = &[
        ("create-group", 0),
        ("move-group", 1),
        ("online-group", 2),
        ("offline-group", 3),
        ("move-database", 4),
        ("mount-database", 5),
        ("dismount-database", 6),
        ("stop-cluster-service", 7),
        ("start-cluster-service", 8),
        ("new-client-access-array", 9),
        ("set-rpc-client-access-server", 10),
        ("send-message", 11),
        ("refresh", 12),
    ];
    if !section.has("kind") {
        let all: Vec<&str> = KINDS.iter().map(|(word, _)| *word).collect();
        section.wrong("kind", &format!("one of {}", all.join(", ")), None);
    }
    let kind = section.word("kind", KINDS)?;
    let on = || section.named("on", "a node", &names.nodes).unwrap_or(NodeId(0));
    let order = |order: Order| Some(Action::Order { on: on(), order });
    match kind {
        0 => order(Order::CreateGroup(names.group(section)?)),
        1 => {
            let to = section.named("to", "a node", &names.nodes);
            order(Order::MoveGroup { group: names.group(section)?, to })
        }
        2 => order(Order::OnlineGroup(names.group(section)?)),
        3 => order(Order::OfflineGroup(names.group(section)?)),
        4 => {
            let to = section.named("to", "a node", &names.nodes);
            let dial = section.word("mount_dial_override", DIALS);
            let database = names.database(section)?;
            let copies = &names.topology.databases[database].copies;
            if to.is_some_and(|to| !copies.contains(&to)) {
                section.wrong("to", "a server with a copy of the database", None);
            }
            order(Order::MoveDatabase { database, to, dial })
        }
        5 => order(Order::MountDatabase(names.database(section)?)),
        6 => order(Order::DismountDatabase(names.database(section)?)),
        7 => {
            let on = names.node(section, "node")?;
            Some(Action::Order { on, order: Order::StopService })
        }
        8 => Some(Action::StartClusterService { node: names.node(section, "node")? }),
        9 => {
            if names.topology.client_access_array.is_none() {
                section.wrong("kind", "a topology with a [client_access_array]", None);
            }
            Some(Action::NewClientAccessArray)
        }
        10 => Some(Action::SetRpcClientAccessServer { database: names.database(section)? }),
        11 => {
            let client = names.client(section);
            let message = section.text("message").text;
            messages.push(message.clone());
            Some(Action::SendMessage { client: client?, message })
        }
        _ => Some(Action::Refresh { client: names.client(section)? }),
    }
}

fn expected(section: &Section, names: &Names, messages: &[String]) -> Option<Expected> {
    const KINDS: &[(&str, u8)] = &[
        ("group", 0),
        ("database", 1),
        ("copies", 2),
        ("nodes", 3),
        ("quorum", 4),
        ("dns", 5),
        ("client-access-array", 6),
        ("autodiscover", 7),
        ("connected", 8),
        ("connected-to", 9),
        ("trying", 10),
        ("log-on-again", 11),
        ("message", 12),
        ("recovered", 13),
        ("unmoved", 14),
        ("machine", 15),
    ];
    if !section.has("what") {
        let all: Vec<&str> = KINDS.iter().map(|(word, _)| *word).collect();
        section.wrong("what", &format!("one of {}", all.join(", ")), None);
    }
    section.expect(&["within"]);
    Some(match section.word("what", KINDS)? {
        0 => Expected::Group {
            owner: section.named("owner", "a node", &names.nodes),
            state: section.word("state", STATES).unwrap_or(GroupState::Online),
            group: names.group(section)?,
        },
        1 => Expected::Database {
            active: section.named("active", "a node", &names.nodes),
            mounted: section.value("mounted").unwrap_or(true),
            database: names.database(section)?,
        },
        2 => Expected::CopiesHealthy { database: names.database(section)? },
        3 => {
            let places = section.texts("members");
            let found = places.iter().filter_map(|p| section.find(p, "a node", &names.nodes));
            Expected::Nodes { members: found.collect() }
        }
        4 => Expected::Quorum { held: section.value("held").unwrap_or(true) },
        5 => Expected::Dns {
            exists: section.value("exists").unwrap_or(true),
            group: names.group(section)?,
        },
        6 => Expected::ClientAccessArray { exists: section.value("exists").unwrap_or(true) },
        7 => Expected::Autodiscover { group: section.named("group", "a group", &names.groups) },
        8 => Expected::Connected { who: names.who(section)? },
        9 => {
            let node = names.node(section, "node");
            Expected::ConnectedTo { client: names.client(section)?, node: node? }
        }
        10 => Expected::Trying { client: names.client(section)? },
        11 => Expected::LogOnAgain { who: names.who(section)? },
        12 => sent_message(section, messages),
        13 => Expected::Recovered,
        14 => Expected::Unmoved,
        _ => {
            let up = section.value("up").unwrap_or(true);
            Expected::Machine { machine: names.machine(section)?, up }
        }
    })
}

fn sent_message(section: &Section, messages: &[String]) -> Expected {
    let place = section.text("message");
    if !messages.contains(&place.text) {
        let expected = "a message that an earlier step sends";
        let near = super::near(&place.text, messages.iter().map(String::as_str));
        section.wrong_at(&place, expected, near);
    }
    let delivered = section.word("state", &[("sent", false), ("delivered", true)]);
    Expected::Message { message: place.text, delivered: delivered.unwrap_or(false) }
}

/// A moment as it may be given on the command line for the end of a run.
pub fn until(text: &str) -> Option<Instant> {
    let span = Span::read(text).filter(|span| *span <= LONGEST && !span.is_zero())?;
    Some(Instant::ZERO + span)
}
