//! Scenario files.

use super::read::{File, Placed, Section};
use super::settings::Wish;
use super::{faults, steps, tested};
use crate::base::{
    ClientId, DbId, GroupId, Id, IdVec, Instant, MachineId, NetId, NodeId, ResourceId, Span,
};
use crate::model::scenario::{Scenario, Start, VerdictKind, Who};
use crate::model::settings::Value;
use crate::model::topology::{ClientKind, Topology};
use crate::model::{Problem, order};
use std::cell::RefCell;

/// The longest run.
pub(super) const LONGEST: Span = Span::from_secs(366 * 24 * 3600);

/// Names that a scenario may use.
pub(super) struct Names<'t> {
    pub(super) topology: &'t Topology,
    pub(super) machines: IdVec<MachineId, String>,
    pub(super) nodes: IdVec<NodeId, String>,
    networks: IdVec<NetId, String>,
    pub(super) groups: IdVec<GroupId, String>,
    databases: IdVec<DbId, String>,
    pub(super) resources: IdVec<ResourceId, String>,
    /// Messages that steps send, in the order of the file.
    pub(super) messages: RefCell<Vec<String>>,
}

/// The `[set]` table of a scenario file: settings that it wants, to be given to
/// [`topology`](super::topology) before the command line's.
///
/// Problems of the file are left to [`scenario`].
pub fn wishes(file_name: &str, text: &str) -> Vec<Wish> {
    let file = File::new(file_name, text);
    let table = file.root();
    let root = Section::new(&file, String::new(), &table);
    let Some(set) = root.table("set") else { return Vec::new() };
    let entries = set.entries().into_iter();
    entries.map(|(key, place)| Wish::of_file(file_name, key, place)).collect()
}

/// The topology that a scenario file names with its key `topology`, if it does, and the line there:
/// a built-in one, or a path from the file's folder.
pub fn topology_named(text: &str) -> Option<(String, usize)> {
    let file = File::new("", text);
    let table = file.root();
    let root = Section::new(&file, String::new(), &table);
    root.optional_text("topology").map(|place| (place.text, place.line))
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
            resources: topology.resources.values().map(|one| one.name.clone()).collect(),
            messages: RefCell::default(),
        }
    }

    /// The names that an order may use.
    pub(super) fn orders(&self) -> order::Names {
        order::Names::of(self.topology)
    }

    pub(super) fn machine(&self, section: &Section) -> Option<MachineId> {
        section.find(&section.text("machine"), "a machine", &self.machines)
    }

    pub(super) fn node(&self, section: &Section, key: &'static str) -> Option<NodeId> {
        section.find(&section.text(key), "a node", &self.nodes)
    }

    pub(super) fn group(&self, section: &Section) -> Option<GroupId> {
        section.find(&section.text("group"), "a group", &self.groups)
    }

    pub(super) fn database(&self, section: &Section) -> Option<DbId> {
        section.find(&section.text("database"), "a database", &self.databases)
    }

    pub(super) fn network(&self, section: &Section) -> Option<NetId> {
        section.find(&section.text("network"), "a network", &self.networks)
    }

    /// A client: `"name of its group"` for the first, `"name#7"` for the seventh.
    pub(super) fn client(&self, section: &Section) -> Option<ClientId> {
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
                let expected = match group.count {
                    0 => "a client group with clients; this one has none".to_owned(),
                    count => format!("\"{name}#N\" with N from 1 to {count}"),
                };
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
    pub(super) fn who(&self, section: &Section) -> Option<Who> {
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
    if until.is_some_and(|until| until == Instant::ZERO || until.since(Instant::ZERO) > LONGEST) {
        root.wrong("until", "a duration above zero and of at most 366 days", None);
    }
    let until = until.unwrap_or(Instant::MAX);
    let clients_from = root.moment("clients_from").unwrap_or(Instant::from_nanos(20_000_000_000));
    let time_of_day = time_of_day(root);
    let settle = root.value("settle").unwrap_or(Span::from_secs(120));
    root.table("set");
    let start = start(root, names);
    let mut faults = faults::faults(root, names, until);
    faults.sort_by_key(|planned| planned.at);
    let steps = steps::steps(root, names, until);
    let words = VerdictKind::ALL.map(|kind| (kind.word(), kind));
    let verdict = root.word("verdict", &words).unwrap_or(VerdictKind::Ok);
    root.expect(&["topology"]);
    let struck = faults.first().map(|planned| planned.at);
    let early = struck.is_some_and(|first| first < clients_from);
    let tested = tested::tested(root, names.topology, early);
    root.finish();
    Scenario {
        name,
        title,
        until,
        clients_from,
        time_of_day,
        settle,
        start,
        faults,
        steps,
        verdict,
        tested,
    }
}

/// Local time of day when the run begins; noon, if the file does not say.
fn time_of_day(root: &Section) -> Span {
    let noon = Span::from_secs(12 * 3600);
    let Some(place) = root.optional_text("time_of_day") else { return noon };
    let minutes = place.text.split_once(':').and_then(|(hours, minutes)| {
        let two = |text: &str| text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
        let number =
            |text: &str, most: u64| text.parse::<u64>().ok().filter(|n| two(text) && *n < most);
        Some(number(hours, 24)? * 60 + number(minutes, 60)?)
    });
    if minutes.is_none() {
        root.wrong("time_of_day", "hours and minutes of the day, such as \"22:30\"", None);
    }
    minutes.map_or(noon, |minutes| Span::from_secs(minutes * 60))
}

/// `[start]`: owner of each group, place of each database.
fn start(root: &Section, names: &Names) -> Start {
    let mut start = Start::usual(names.topology);
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
            if names.topology.possible_owners(group).contains(node) {
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
        let expected = format!("the name of a group or database: one of {}", all.join(", "));
        section.wrong_at(place, &expected, super::near(key, all.iter().copied()));
    }
}

/// When something is planned.
pub(super) fn at(section: &Section, until: Instant) -> Instant {
    if !section.has("at") {
        section.wrong("at", "a moment of the run, such as \"60s\"; the key is missing", None);
    }
    let at = section.moment("at").unwrap_or(Instant::ZERO);
    if at > until {
        section.wrong("at", "a moment before the run ends (until)", None);
    }
    at
}

/// A moment as it may be given on the command line for the end of a run.
pub fn until(text: &str) -> Option<Instant> {
    let span = Span::read(text).filter(|span| *span <= LONGEST && !span.is_zero())?;
    Some(Instant::ZERO + span)
}
