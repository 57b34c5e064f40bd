//! Groups and resources that a case makes or changes: `set group NAME KEY VALUE …` and
//! `set resource NAME KEY VALUE …`.

use super::setting::{resource, span};
use dagtwin::base::{GroupId, Id, NodeId, NodeSet, ResourceId, Span};
use dagtwin::failover::config::*;

/// What a case says of one group or resource, in its words.
#[derive(Clone, Debug)]
pub struct Part {
    kind: Kind,
    pub name: String,
    words: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Group,
    Resource,
}

/// Names of the groups and resources that every case has.
const GROUPS: [&str; 2] = ["Cluster-Group", "CASArray"];
const RESOURCES: [&str; 5] =
    ["Cluster-IP-Address", "Cluster-Name", "File-Share-Witness", "CASArray-IP-Address", "CASArray"];

/// The parts of a setting.
#[derive(Clone, Debug, Default)]
pub struct Parts {
    parts: Vec<Part>,
}

impl Parts {
    /// `set group …` or `set resource …`.
    pub fn set(&mut self, kind: &str, name: &str, words: &[&str]) {
        let kind = if kind == "group" { Kind::Group } else { Kind::Resource };
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        self.parts.push(Part { kind, name: name.to_owned(), words });
    }

    fn names(&self, kind: Kind, usual: &[&str]) -> Vec<String> {
        let mut names: Vec<String> = usual.iter().map(|name| (*name).to_owned()).collect();
        for part in self.parts.iter().filter(|part| part.kind == kind) {
            if !names.contains(&part.name) {
                names.push(part.name.clone());
            }
        }
        names
    }

    /// Groups in the order of their numbers; blanks are written `-`.
    pub fn groups(&self) -> Vec<String> {
        self.names(Kind::Group, &GROUPS)
    }

    /// Resources in the order of their numbers.
    pub fn resources(&self) -> Vec<String> {
        self.names(Kind::Resource, &RESOURCES)
    }

    /// The number of a group.
    pub fn group(&self, name: &str) -> GroupId {
        let place = self.groups().iter().position(|known| known == name);
        GroupId::at(place.unwrap_or_else(|| panic!("{name} is no group")))
    }

    /// The number of a resource.
    pub fn resource(&self, name: &str) -> ResourceId {
        let place = self.resources().iter().position(|known| known == name);
        ResourceId::at(place.unwrap_or_else(|| panic!("{name} is no resource")))
    }

    /// The word after a key, of the last part that says it.
    fn said(&self, kind: Kind, name: &str, key: &str) -> Option<&str> {
        let mut parts = self.parts.iter().rev().filter(|p| p.kind == kind && p.name == name);
        parts.find_map(|part| {
            let mut pairs = part.words.chunks(2);
            pairs.find(|pair| pair[0] == key).map(|pair| pair[1].as_str())
        })
    }

    /// Where a group is at the start, if a case says so.
    pub fn owner(&self, name: &str) -> Option<usize> {
        self.said(Kind::Group, name, "on").map(number)
    }

    /// How long a resource takes to come online, if a case says so.
    pub fn online_time(&self, name: &str) -> Option<&str> {
        self.said(Kind::Resource, name, "online")
    }

    /// The subnet of an address, if a case says so.
    pub fn subnet(&self, name: &str) -> Option<u8> {
        self.said(Kind::Resource, name, "subnet").map(|text| text.parse().expect("a subnet"))
    }

    /// How long a resource takes to go offline, if a case says so.
    pub fn offline_time(&self, name: &str) -> Option<&str> {
        self.said(Kind::Resource, name, "offline")
    }

    /// How often a pending resource tells that it is at work.
    pub fn tells(&self, name: &str) -> Option<Span> {
        self.said(Kind::Resource, name, "tells").map(span)
    }

    /// Whether a group or resource is wanted at the start.
    pub fn is_persistent(&self, group: bool, name: &str) -> bool {
        let kind = if group { Kind::Group } else { Kind::Resource };
        self.said(kind, name, "persistent") != Some("no")
    }

    /// Makes and changes what the case says.
    pub fn apply(&self, config: &mut Config) {
        for part in &self.parts {
            assert!(part.words.len().is_multiple_of(2), "{part:?}: a key without a value");
            match part.kind {
                Kind::Group => {
                    let id = self.group(&part.name);
                    if id.index() == config.groups.len() {
                        let usual = config.groups[GroupId(1)].clone();
                        config.groups.push(usual);
                    }
                    for pair in part.words.chunks(2) {
                        set_group(&mut config.groups[id], &pair[0], &pair[1]);
                    }
                }
                Kind::Resource => {
                    let id = self.resource(&part.name);
                    if id.index() == config.resources.len() {
                        let all = NodeSet::first(config.nodes.len());
                        config.resources.push(resource(all, ResourceKind::Wait, 1, vec![]));
                    }
                    for pair in part.words.chunks(2) {
                        let one = &mut config.resources[id];
                        self.set_resource(one, &pair[0], &pair[1]);
                    }
                }
            }
        }
    }

    fn set_resource(&self, one: &mut ResourceConfig, key: &str, value: &str) {
        match key {
            "in" => one.group = self.group(value),
            "kind" => one.kind = kind(value),
            "depends" => {
                let any = |any: &str| any.split('|').map(|name| self.resource(name)).collect();
                one.depends_on = value.split(',').map(any).collect();
            }
            "owners" => one.possible_owners = nodes(value).into_iter().collect(),
            "looks-alive" => one.looks_alive = (value != "signals").then(|| span(value)),
            "is-alive" => one.is_alive = span(value),
            "action" => {
                one.restart_action = match value {
                    "dont-restart" => RestartAction::DontRestart,
                    "restart-no-notify" => RestartAction::RestartNoNotify,
                    "restart-notify" => RestartAction::RestartNotify,
                    other => panic!("{other} is no restart action"),
                }
            }
            "restarts" => one.restart_threshold = value.parse().expect("a count"),
            "period" => one.restart_period = span(value),
            "restart-delay" => one.restart_delay = span(value),
            "retry" => one.retry_period_on_failure = (value != "never").then(|| span(value)),
            "pending" => one.pending_timeout = span(value),
            "deadlock" => one.deadlock_timeout = span(value),
            "monitor" => one.separate_monitor = value == "separate",
            "online" | "offline" | "tells" | "persistent" | "subnet" => {}
            other => panic!("{other} is no key of a resource"),
        }
    }
}

fn set_group(one: &mut GroupConfig, key: &str, value: &str) {
    match key {
        "preferred" => one.preferred = nodes(value),
        "threshold" => one.failover_threshold = value.parse().expect("a count"),
        "period" => one.failover_period = span(value),
        "failback" => one.auto_failback = value == "yes",
        "window" => {
            let (start, end) = value.split_once('-').expect("two hours");
            let hour = |text: &str| text.parse().expect("an hour");
            one.failback_window = Some((hour(start), hour(end)));
        }
        "priority" => one.priority = value.parse().expect("a priority"),
        "apart" => {
            let class = |text: &str| text.parse().expect("a class's number");
            one.anti_affinity = value.split(',').map(class).collect();
        }
        "on" | "persistent" => {}
        other => panic!("{other} is no key of a group"),
    }
}

fn kind(word: &str) -> ResourceKind {
    match word {
        "ip-address" => ResourceKind::IpAddress { network: Id::at(0) },
        "network-name" => ResourceKind::NetworkName,
        "generic-service" => ResourceKind::GenericService,
        "generic-application" => ResourceKind::GenericApplication,
        "wait" => ResourceKind::Wait,
        other => panic!("{other} is no kind of resource"),
    }
}

fn number(text: &str) -> usize {
    text.trim_start_matches('n').parse().unwrap_or_else(|_| panic!("{text} is not a node"))
}

fn nodes(text: &str) -> Vec<NodeId> {
    if text == "none" {
        return Vec::new();
    }
    text.split(',').map(|one| NodeId::at(number(one))).collect()
}
