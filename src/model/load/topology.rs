//! Topology files.

use super::balancers::{Parts, array, load_balancers};
use super::clients;
use super::cluster::{Cluster, Members};
use super::machines::machines;
use super::read::{File, Placed, Section};
use super::resources::Known;
use super::settings::{self, Given, Wish};
use super::versions::{constraints, of_version, priorities, versions};
use crate::base::{Address, DbId, GroupId, Id, IdVec, MachineId, NetId, NodeId, NodeSet, Span};
use crate::model::Problem;
use crate::model::settings::Settings;
use crate::model::topology::*;
use std::collections::BTreeMap;

/// A topology and which of its settings were given and not left at their defaults.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Loaded {
    /// The topology.
    pub topology: Topology,
    /// Keys that a file or the command line gave.
    pub given: Given,
}

/// Reads a topology file. `overrides` are the wishes of a scenario's `[set]` and of `--set`; later
/// ones win.
///
/// # Errors
/// Everything that is wrong with the file and the options.
pub fn topology(name: &str, text: &str, overrides: &[Wish]) -> Result<Loaded, Vec<Problem>> {
    let file = File::new(name, text);
    let table = file.root();
    let root = Section::new(&file, String::new(), &table);
    let mut problems = Vec::new();
    let built = if file.is_sound() { build(&root, overrides, &mut problems) } else { None };
    let sound = file.is_sound() && problems.is_empty();
    let mut all = file.into_problems();
    all.extend(problems);
    match built {
        Some(loaded) if sound => Ok(loaded),
        _ => Err(all),
    }
}

fn build(root: &Section, overrides: &[Wish], problems: &mut Vec<Problem>) -> Option<Loaded> {
    let (windows, exchange) = versions(root, overrides, problems);
    let mut values = Settings::of(windows, exchange);
    let mut given = Given::new();
    settings::tables(root, &mut values, &mut given);
    apply_overrides(overrides, &mut values, &mut given, problems);
    values.follow(|key| given.contains(key));
    let networks = networks(root);
    let net_names: IdVec<NetId, String> = networks.values().map(|n| n.name.clone()).collect();
    let mut places: Vec<(Placed, Address)> = Vec::new();
    let (machines, nodes, sites) = machines(root, &networks, &net_names, &mut places, &values);
    let names: IdVec<MachineId, String> = machines.values().map(|m| m.name.clone()).collect();
    let node_names: IdVec<NodeId, String> = names.values().take(nodes).cloned().collect();
    if nodes == 0 {
        // Everything else would be about members that are not there.
        return None;
    }
    let failover_period = values.cluster.failover_period;
    let mut site = Cluster { failover_period, ..Cluster::default() };
    let members = Members { machines: &machines, nodes, names: &names };
    let dag = site.dag(root, &members, &networks, &net_names, values.cluster.quorum_type);
    site.groups(root, &node_names, &networks, &net_names);
    let known =
        Known { nodes: &node_names, networks: &networks, net_names: &net_names, settings: &values };
    site.resources(root, &known);
    let databases = databases(root, &node_names);
    let group_names: IdVec<GroupId, String> =
        site.groups.values().map(|group| group.name.clone()).collect();
    let parts =
        Parts { members: &members, networks: (&networks, &net_names), groups: &group_names };
    let load_balancers = load_balancers(root, &parts, &mut places);
    let array = array(root, &group_names, &load_balancers);
    let db_names = databases.values().map(|db| db.name.clone()).collect();
    let known =
        clients::Known { parts: &parts, load_balancers: &load_balancers, databases: &db_names };
    let clients = clients::groups(root, &known, &values, overrides, problems);
    places.append(&mut site.addresses);
    unique_addresses(root, &places);
    root.expect(&["name", "title", "domain"]);
    let name = root.text("name").text;
    let title = root.optional_text("title").map_or_else(|| name.clone(), |place| place.text);
    let domain = root.optional_text("domain").map_or("site.local".to_owned(), |place| place.text);
    root.finish();
    constraints(root, &values, exchange);
    of_version(root, windows, &values, &given, &machines);
    priorities(root, windows, &site);
    Some(Loaded {
        topology: Topology {
            name,
            title,
            domain,
            windows,
            exchange,
            settings: values,
            networks,
            machines,
            nodes,
            sites,
            dag: dag?,
            groups: site.groups,
            resources: site.resources,
            databases,
            load_balancers,
            client_access_array: array,
            clients,
        },
        given,
    })
}

fn apply_overrides(
    overrides: &[Wish],
    values: &mut Settings,
    given: &mut Given,
    problems: &mut Vec<Problem>,
) {
    let others = settings::other_keys();
    for wish in overrides {
        if others.iter().any(|other| other.key == wish.key) {
            given.insert(wish.key.clone());
        } else {
            settings::set_as_wished(values, given, wish, problems);
        }
    }
}

pub(super) fn name_once<I: Id, T>(
    section: &Section,
    place: &Placed,
    what: &str,
    earlier: &IdVec<I, T>,
    name: impl Fn(&T) -> &str,
) {
    let taken = earlier.values().any(|other| name(other).eq_ignore_ascii_case(&place.text));
    if taken && !place.text.is_empty() {
        section.wrong_at(place, &format!("a name that no other {what} has"), None);
    }
}

fn networks(root: &Section) -> IdVec<NetId, Network> {
    const ROLES: &[(&str, NetworkRole)] = &[
        ("cluster-and-client", NetworkRole::ClusterAndClient),
        ("cluster", NetworkRole::Cluster),
        ("none", NetworkRole::None),
    ];
    let mut networks: IdVec<NetId, Network> = IdVec::new();
    let sections = root.tables("network");
    if sections.len() > 16 {
        root.wrong("network", "at most 16 networks", None);
        return networks;
    }
    if sections.is_empty() && !root.has("network") {
        networks.push(usual_network());
    }
    for section in sections {
        let name = section.text("name");
        name_once(&section, &name, "network", &networks, |other| &other.name);
        let text = section.text("subnet").text;
        let subnet = subnet(&text);
        if subnet.is_none() && !text.is_empty() {
            section.wrong("subnet", "a subnet such as \"192.168.10.0/24\"", None);
        }
        let (subnet, prefix) = subnet.unwrap_or((Address(0), 1));
        let routed_subnets = routed_subnets(&section);
        let role = section.word("role", ROLES);
        if role.is_none() && !section.has("role") {
            section.wrong("role", "cluster-and-client, cluster or none", None);
        }
        let role = role.unwrap_or(NetworkRole::None);
        let number = u32::try_from(networks.len()).unwrap_or(0);
        let metric = section.value("metric").unwrap_or(role.usual_metric() + number * 100);
        section.finish();
        let name = name.text;
        networks.push(Network { name, subnet, prefix, routed_subnets, metric, role });
    }
    if !networks.values().any(|network| network.role == NetworkRole::ClusterAndClient) {
        let expected = "at least one network with role = \"cluster-and-client\" (the MAPI network)";
        root.wrong("network", expected, None);
    }
    networks
}

/// The one network of a file that names none.
fn usual_network() -> Network {
    let role = NetworkRole::ClusterAndClient;
    Network {
        name: "MAPI".to_owned(),
        subnet: Address::parse("192.168.10.0").expect("an address"),
        prefix: 24,
        routed_subnets: Vec::new(),
        metric: role.usual_metric(),
        role,
    }
}

/// The address with this host number in a network's first subnet, if it is big enough.
pub(super) fn host(network: &Network, number: u32) -> Option<Address> {
    (network.prefix <= 24).then(|| Address(network.subnet.0 + number))
}

/// A subnet in a file: its first address and the length of its prefix.
fn subnet(text: &str) -> Option<(Address, u8)> {
    let (address, prefix) = text.split_once('/')?;
    let prefix: u8 = prefix.parse().ok().filter(|prefix| (1..=30).contains(prefix))?;
    let address = Address::parse(address)?;
    let host = u32::MAX >> prefix;
    (address.0 & host == 0).then_some((address, prefix))
}

/// Further subnets of a network.
fn routed_subnets(section: &Section) -> Vec<(Address, u8)> {
    if !section.has("routed_subnets") {
        return Vec::new();
    }
    let mut subnets = Vec::new();
    for place in section.texts("routed_subnets").into_iter().take(15) {
        match subnet(&place.text) {
            Some(subnet) => subnets.push(subnet),
            None => section.wrong_at(&place, "a subnet such as \"192.168.20.0/24\"", None),
        }
    }
    subnets
}

pub(super) fn in_subnet(section: &Section, network: &Network, address: Address) {
    if network.subnet_of(address).is_none() {
        let Network { name, subnet, prefix, .. } = network;
        section.wrong("address", &format!("an address in {name}'s {subnet}/{prefix}"), None);
    }
}

/// No two things have one address.
fn unique_addresses(root: &Section, places: &[(Placed, Address)]) {
    for (position, (place, address)) in places.iter().enumerate() {
        let mut earlier = places[..position].iter();
        if let Some((other, _)) = earlier.find(|(_, known)| known == address && address.0 != 0) {
            let expected =
                format!("an address of its own; {} (line {}) has it", other.key, other.line);
            root.wrong_at(place, &expected, None);
        }
    }
}

fn databases(root: &Section, nodes: &IdVec<NodeId, String>) -> IdVec<DbId, Database> {
    let mut databases: IdVec<DbId, Database> = IdVec::new();
    let sections = root.tables("database");
    if sections.len() > 1_000 {
        root.wrong("database", "at most 1000 databases", None);
    }
    for section in sections.into_iter().take(1_000) {
        let name = section.text("name");
        name_once(&section, &name, "database", &databases, |other| &other.name);
        let circular = section.value::<bool>("circular_logging_enabled").unwrap_or(false);
        let found = copies(&section, nodes);
        section.finish();
        databases.push(Database {
            name: name.text,
            copies: found.copies,
            replay_lag_times: found.replay_lag_times,
            truncation_lag_times: found.truncation_lag_times,
            circular_logging_enabled: circular,
        });
    }
    databases
}

/// The copies of a database.
struct Copies {
    /// In the order of activation preference.
    copies: Vec<NodeId>,
    replay_lag_times: BTreeMap<NodeId, Span>,
    truncation_lag_times: BTreeMap<NodeId, Span>,
}

/// A lag of a copy, if it has one.
fn lag_time(part: &Section, key: &'static str) -> Option<Span> {
    const LONGEST: Span = Span::from_secs(14 * 24 * 3_600);
    let lag = part.value::<Span>(key).filter(|lag| *lag > Span::ZERO)?;
    if lag > LONGEST {
        part.wrong(key, "at most 14 days (exchange.md §1.7)", None);
    }
    Some(lag)
}

/// The copies of a database, in the order of activation preference: a list of servers (`copies`),
/// or a section for each (`[[database.copy]]`).
fn copies(section: &Section, nodes: &IdVec<NodeId, String>) -> Copies {
    let mut found: Vec<(u8, NodeId)> = Vec::new();
    let (mut lags, mut truncation_lags) = (BTreeMap::new(), BTreeMap::new());
    let parts = section.tables("copy");
    if !parts.is_empty() && section.has("copies") {
        section.wrong("copies", "either copies or [[database.copy]], not both", None);
    }
    if parts.len() > NodeSet::CAPACITY {
        section.wrong("copy", "at most 16 copies", None);
    }
    for (next, part) in (1u8..).zip(parts.iter().take(NodeSet::CAPACITY)) {
        let node = section_node(part, nodes, &found);
        let preference = part.value::<u32>("activation_preference").unwrap_or(next.into());
        let most = parts.len() as u32;
        if preference == 0 || preference > most {
            let expected = format!("a number from 1 to {most}, the number of copies");
            part.wrong("activation_preference", &expected, None);
        }
        let preference = u8::try_from(preference.min(most)).unwrap_or(u8::MAX);
        if found.iter().any(|(other, _)| *other == preference) {
            let expected = "a number that no other copy of the database has";
            part.wrong("activation_preference", expected, None);
        }
        let (replay, truncation) =
            (lag_time(part, "replay_lag_time"), lag_time(part, "truncation_lag_time"));
        part.finish();
        if let Some(node) = node {
            found.push((preference, node));
            lags.extend(replay.map(|lag| (node, lag)));
            truncation_lags.extend(truncation.map(|lag| (node, lag)));
        }
    }
    found.sort_unstable();
    let mut copies: Vec<NodeId> = found.into_iter().map(|(_, node)| node).collect();
    if parts.is_empty() {
        for place in section.texts("copies") {
            match section.find(&place, "a DAG member", nodes) {
                Some(node) if copies.contains(&node) => {
                    section.wrong_at(&place, "each server once", None);
                }
                Some(node) => copies.push(node),
                None => {}
            }
        }
        if copies.is_empty() && !section.is_no_list("copies") {
            section.wrong("copies", "at least one server with a copy", None);
        }
    }
    Copies { copies, replay_lag_times: lags, truncation_lag_times: truncation_lags }
}

/// The server of a `[[database.copy]]`.
fn section_node(
    part: &Section,
    nodes: &IdVec<NodeId, String>,
    found: &[(u8, NodeId)],
) -> Option<NodeId> {
    let place = part.text("node");
    let node = part.find(&place, "a DAG member", nodes)?;
    if found.iter().any(|(_, other)| *other == node) {
        part.wrong_at(&place, "each server once", None);
        return None;
    }
    Some(node)
}
