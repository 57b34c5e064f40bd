//! Clients in a topology file, and what `--set` changes of all of them.

use super::balancers::{Parts, Servers};
use super::read::{Placed, Section, unit_hint};
use super::settings::Wish;
use super::versions::pick;
use crate::base::{BalancerId, ClientId, DbId, IdVec, Span};
use crate::model::Problem;
use crate::model::settings::{Settings, Value};
use crate::model::sizing;
use crate::model::topology::*;

pub(super) const SYSTEMS: &[(&str, ClientOs)] = &[
    ("windows-xp", ClientOs::WindowsXp),
    ("windows-7", ClientOs::Windows7),
    ("windows-7-kb2582281", ClientOs::Windows7Kb2582281),
];
pub(super) const AUTHENTICATION: &[(&str, Authentication)] =
    &[("ntlm", Authentication::Ntlm), ("kerberos", Authentication::Kerberos)];
const CONNECTIONS: &[(&str, Connection)] = &[("rpc", Connection::Rpc), ("http", Connection::Http)];

/// Mean times between a client's requests that a run can carry out.
const THINK: (Span, Span) = (Span::from_millis(100), Span::from_secs(24 * 3600));
pub(super) const THINK_EXPECTED: &str = "a duration from \"100ms\" to \"24h\"";
/// Messages a day that somebody can send and receive.
const PROFILE: (u32, u32) = (1, 10_000);
pub(super) const PROFILE_EXPECTED: &str = "a whole number of messages a day from 1 to 10000";
const MOST_CLIENTS: u32 = 1_000_000;
pub(super) const COUNT_EXPECTED: &str = "a whole number up to 1000000";

/// What clients can refer to.
pub(super) struct Known<'k> {
    pub parts: &'k Parts<'k>,
    pub load_balancers: &'k IdVec<BalancerId, LoadBalancer>,
    pub databases: &'k IdVec<DbId, String>,
}

/// Every `[[clients]]` of a file, as `--set` and a scenario's `[set]` change them.
pub(super) fn groups(
    root: &Section,
    known: &Known,
    settings: &Settings,
    overrides: &[Wish],
    problems: &mut Vec<Problem>,
) -> Vec<ClientGroup> {
    let servers = Servers::new(known.parts, known.load_balancers);
    let mut clients: Vec<ClientGroup> = Vec::new();
    for section in root.tables("clients").into_iter().take(1000) {
        let name = section.text("name");
        if clients.iter().any(|other| other.name == name.text) {
            section.wrong_at(&name, "a name that no other client group has", None);
        }
        clients.push(group(&section, known, &servers, name));
        section.finish();
    }
    change_as_wished(overrides, &mut clients, problems);
    let mut first = 0u32;
    for group in &mut clients {
        group.first = ClientId(first);
        first = first.saturating_add(group.count);
        if let Some(profile) = group.profile {
            group.think = sizing::think(settings, group.kind, profile);
        }
    }
    clients
}

fn group(section: &Section, known: &Known, servers: &Servers, name: Placed) -> ClientGroup {
    let kinds: Vec<(&str, ClientKind)> =
        ClientKind::ALL.iter().map(|kind| (kind.word(), *kind)).collect();
    let kind = section.word("kind", &kinds);
    if kind.is_none() && !section.has("kind") {
        let words: Vec<&str> = kinds.iter().map(|(word, _)| *word).collect();
        section.wrong("kind", &format!("one of {}", words.join(", ")), None);
    }
    let kind = kind.unwrap_or(ClientKind::Outlook);
    let cached = section.word("mode", &[("cached", true), ("online", false)]);
    let connection = section.word("connection", CONNECTIONS);
    if kind != ClientKind::Outlook {
        if cached.is_some() {
            section.wrong("mode", "no mode: only Outlook has one", None);
        }
        if connection.is_some() {
            section.wrong("connection", "no connection: only Outlook has a choice", None);
        }
    }
    let count = section.value::<u32>("count").unwrap_or(0);
    if !section.has("count") {
        section.wrong("count", "a whole number; the key is missing", None);
    } else if count > MOST_CLIENTS {
        section.wrong("count", "at most 1000000 clients", None);
    }
    let network = section.find(&section.text("network"), "a network", known.parts.networks.1);
    if network.is_some_and(|id| known.parts.networks.0[id].role != NetworkRole::ClusterAndClient) {
        let expected = "a network that clients may use (role = \"cluster-and-client\")";
        section.wrong("network", expected, None);
    }
    let (think, profile) = rate(section, kind);
    let database = section.find(&section.text("database"), "a database", known.databases);
    let server = servers.find(section, "server", network, known.parts, known.load_balancers);
    ClientGroup {
        name: name.text,
        kind,
        cached: kind == ClientKind::Outlook && cached.unwrap_or(true),
        count: count.min(MOST_CLIENTS),
        first: ClientId(0),
        network: network.unwrap_or_default(),
        operating_system: section
            .word("operating_system", SYSTEMS)
            .unwrap_or(ClientOs::Windows7Kb2582281),
        authentication: section
            .word("authentication", AUTHENTICATION)
            .unwrap_or(Authentication::Ntlm),
        database: database.unwrap_or_default(),
        server,
        think,
        connection: connection.unwrap_or_default(),
        profile,
    }
}

/// How often a client of a group wants something: by the mean time between its requests, or by
/// the messages of a day.
fn rate(section: &Section, kind: ClientKind) -> (Span, Option<u32>) {
    let think = section.value("think");
    let profile = section.value::<u32>("profile");
    if think.is_some() && profile.is_some() {
        section.wrong("profile", "either think or profile, not both", None);
    }
    if profile.is_some_and(|profile| !profiled(profile)) {
        section.wrong("profile", PROFILE_EXPECTED, None);
    }
    if profile.is_some() && kind == ClientKind::Autodiscover {
        section.wrong("profile", "no profile: Autodiscover has no messages", None);
    }
    let think = think.unwrap_or(Span::from_secs(20));
    if !thinkable(&think) {
        section.wrong("think", THINK_EXPECTED, None);
    }
    (think, profile.filter(|profile| profiled(*profile)))
}

fn thinkable(think: &Span) -> bool {
    (THINK.0..=THINK.1).contains(think)
}

fn profiled(profile: u32) -> bool {
    (PROFILE.0..=PROFILE.1).contains(&profile)
}

/// How many clients a text says.
pub(super) fn count(text: &str) -> Option<u32> {
    text.parse().ok().filter(|count| *count <= MOST_CLIENTS)
}

/// The mean time between requests that a text says.
pub(super) fn think(text: &str) -> Option<Span> {
    Span::read(text).filter(thinkable)
}

/// The messages a day that a text says.
pub(super) fn profile(text: &str) -> Option<u32> {
    text.parse().ok().filter(|profile| profiled(*profile))
}

/// Changes every client group as `--set` or a scenario's `[set]` says.
fn change_as_wished(overrides: &[Wish], clients: &mut [ClientGroup], problems: &mut Vec<Problem>) {
    for wish in overrides {
        for group in clients.iter_mut() {
            match wish.key.as_str() {
                "clients.operating_system" => {
                    pick(Some(wish), SYSTEMS, &mut group.operating_system, problems);
                }
                "clients.authentication" => {
                    pick(Some(wish), AUTHENTICATION, &mut group.authentication, problems);
                }
                "clients.count" => match count(&wish.text) {
                    Some(count) => group.count = count,
                    None => problems.push(wish.wrong(COUNT_EXPECTED, None)),
                },
                "clients.think" => match think(&wish.text) {
                    Some(think) => (group.think, group.profile) = (think, None),
                    None => {
                        let hint = unit_hint(THINK_EXPECTED, &wish.text);
                        problems.push(wish.wrong(THINK_EXPECTED, hint));
                    }
                },
                "clients.profile" => match profile(&wish.text) {
                    Some(profile) if group.kind.has_mailbox() => {
                        group.profile = Some(profile);
                    }
                    Some(_) => {}
                    None => problems.push(wish.wrong(PROFILE_EXPECTED, None)),
                },
                _ => {}
            }
        }
    }
    problems.dedup();
}
