//! Machines in a topology file: nodes and others, with their adapters.

use super::read::{Placed, Section};
use super::topology::{host, in_subnet, name_once};
use crate::base::{Address, Decimal, Id, IdVec, MachineId, NetId, NicId, NodeSet, SiteId};
use crate::failover::seam::{ActivationPolicy, MountDial};
use crate::model::settings::Settings;
use crate::model::topology::*;

const POLICIES: &[(&str, ActivationPolicy)] = &[
    ("unrestricted", ActivationPolicy::Unrestricted),
    ("intrasite-only", ActivationPolicy::IntrasiteOnly),
    ("blocked", ActivationPolicy::Blocked),
];
const DIALS: &[(&str, MountDial)] = &[
    ("lossless", MountDial::Lossless),
    ("good-availability", MountDial::GoodAvailability),
    ("best-availability", MountDial::BestAvailability),
];

/// The number of a node's site in the cluster: sites are numbered as they are met.
fn cluster_site(section: &Section, sites: &mut Vec<String>) -> u8 {
    let Some(place) = section.optional_text("cluster_site") else { return 0 };
    let known = sites.iter().position(|site| *site == place.text);
    let number = known.unwrap_or_else(|| {
        sites.push(place.text);
        sites.len() - 1
    });
    u8::try_from(number + 1).unwrap_or(u8::MAX)
}

const EXCHANGE: [(&str, MachineRole); 3] = [
    ("mailbox", MachineRole::Mailbox),
    ("client-access", MachineRole::ClientAccess),
    ("hub-transport", MachineRole::HubTransport),
];
pub(super) const OTHERS: [(&str, MachineRole); 6] = [
    EXCHANGE[1],
    EXCHANGE[2],
    ("domain-controller", MachineRole::DomainController),
    ("dns", MachineRole::Dns),
    ("witness", MachineRole::Witness),
    ("load-balancer", MachineRole::LoadBalancer),
];

/// The roles that a list names, each once, and whether every one is known.
fn roles(
    section: &Section,
    words: &[(&str, MachineRole)],
    expected: &str,
) -> (Vec<MachineRole>, bool) {
    let (mut roles, mut known) = (Vec::new(), true);
    for place in section.texts("roles") {
        match words.iter().find(|(word, _)| *word == place.text) {
            Some((_, role)) if roles.contains(role) => {
                section.wrong_at(&place, "each role once", None);
            }
            Some((_, role)) => roles.push(*role),
            None => {
                section.wrong_at(&place, expected, None);
                known = false;
            }
        }
    }
    (roles, known)
}

/// The roles of a node: all three of Exchange if it names none.
fn node_roles(section: &Section) -> Vec<MachineRole> {
    if !section.has("roles") {
        return EXCHANGE.map(|(_, role)| role).to_vec();
    }
    let expected = "mailbox, client-access or hub-transport (a DAG member must not be a directory \
                    server, exchange.md §3.1)";
    let (roles, known) = roles(section, &EXCHANGE, expected);
    if known && !section.is_no_list("roles") && !roles.contains(&MachineRole::Mailbox) {
        section.wrong("roles", "mailbox among the roles of a node: a DAG's members have it", None);
    }
    roles
}

fn machine_roles(section: &Section) -> Vec<MachineRole> {
    let expected = "client-access, hub-transport, domain-controller, dns, witness or \
                    load-balancer";
    roles(section, &OTHERS, expected).0
}

pub(super) fn machines(
    root: &Section,
    networks: &IdVec<NetId, Network>,
    net_names: &IdVec<NetId, String>,
    places: &mut Vec<(Placed, Address)>,
    settings: &Settings,
) -> (IdVec<MachineId, Machine>, usize, IdVec<SiteId, String>) {
    let mut machines: IdVec<MachineId, Machine> = IdVec::new();
    let nodes = root.tables("node");
    if nodes.is_empty() || nodes.len() > NodeSet::CAPACITY {
        root.wrong("node", "from 1 to 16 nodes, each begun by [[node]]", None);
    }
    let count = nodes.len().min(NodeSet::CAPACITY);
    let (mut sites, mut cluster_sites) = (IdVec::new(), Vec::new());
    let others = root.tables("machine");
    if others.len() > 64 {
        root.wrong("machine", "at most 64 machines beside the nodes", None);
    }
    let both = nodes.into_iter().take(count).map(|s| (s, true));
    for (section, node) in both.chain(others.into_iter().take(64).map(|s| (s, false))) {
        let name = section.text("name");
        name_once(&section, &name, "machine", &machines, |other| &other.name);
        if node {
            addressable(&section, &name);
        }
        let roles = if node { node_roles(&section) } else { machine_roles(&section) };
        let number = if node { 101 + machines.len() } else { 201 + machines.len() - count };
        let nics = if section.has("nic") {
            nics(&section, networks, net_names, places)
        } else {
            usual_nics(&section, networks, places, number)
        };
        machines.push(Machine {
            name: name.text,
            roles,
            nics,
            dial: section.word("dial", DIALS).unwrap_or(MountDial::GoodAvailability),
            activation_policy: section
                .word("database_copy_auto_activation_policy", POLICIES)
                .unwrap_or_default(),
            site: site(&section, &mut sites),
            maximum_active: section
                .value::<u32>("maximum_active_databases")
                .map(|limit| u16::try_from(limit).unwrap_or(u16::MAX)),
            vote: node_weight(&section, node),
            cluster_site: if node { cluster_site(&section, &mut cluster_sites) } else { 0 },
            hardware: hardware(&section, settings),
        });
        section.finish();
    }
    (machines, count, sites)
}

/// What a machine is made of, as far as it says so itself.
fn hardware(section: &Section, settings: &Settings) -> Hardware {
    let usual = Hardware::usual(settings);
    let number = |key: &'static str, usual: u32, most: u32| {
        let Some(value) = section.value::<u32>(key) else { return usual };
        if !(1..=most).contains(&value) {
            section.wrong(key, &format!("a whole number from 1 to {most}"), None);
        }
        value.clamp(1, most)
    };
    const RATE: &str = "spec_int_2006_rate_per_core";
    let (least, most) = (Decimal::from_hundredths(10), Decimal::from_hundredths(100_000));
    let rate = section.value::<Decimal>(RATE).unwrap_or(usual.spec_int_2006_rate_per_core);
    if !(least..=most).contains(&rate) {
        section.wrong(RATE, "a number from 0.1 to 1000, such as 30.12", None);
    }
    Hardware {
        cores: number("cores", usual.cores, 1_024),
        spec_int_2006_rate_per_core: rate.clamp(least, most),
        memory_gigabytes: number("memory_gigabytes", usual.memory_gigabytes, 100_000),
        disks: number("disks", usual.disks, 10_000),
    }
}

/// A node has a name that can stand in lists such as `EX01,EX02|EX03,witness`.
fn addressable(section: &Section, name: &Placed) {
    let splits = |c: char| c.is_whitespace() || [',', '|', '\\'].contains(&c);
    if name.text.eq_ignore_ascii_case("witness") || name.text.contains(splits) {
        let expected = "a host name: no blank, comma, | or \\, and not the word witness";
        section.wrong("name", expected, None);
    }
}

/// The Active Directory site that a section names; those that name none share the one that a
/// directory begins with.
fn site(section: &Section, known: &mut IdVec<SiteId, String>) -> SiteId {
    let name = section.optional_text("site").map(|place| place.text);
    let name = name.unwrap_or_else(|| "Default-First-Site-Name".to_owned());
    let position = known.values().position(|site| *site == name).unwrap_or_else(|| {
        known.push(name);
        known.len() - 1
    });
    SiteId::at(position)
}

/// NodeWeight: 0 takes a node's vote away.
fn node_weight(section: &Section, node: bool) -> bool {
    if !node {
        return false;
    }
    let weight = section.value::<u32>("node_weight").unwrap_or(1);
    if weight > 1 {
        section.wrong("node_weight", "0 or 1 (wsfc.md §3.1)", None);
    }
    weight == 1
}

/// A machine of which no adapter is named has one on every network.
fn usual_nics(
    section: &Section,
    networks: &IdVec<NetId, Network>,
    places: &mut Vec<(Placed, Address)>,
    number: usize,
) -> IdVec<NicId, Nic> {
    let number = u32::try_from(number).unwrap_or(0);
    let mut nics = IdVec::new();
    for (network, there) in networks.iter() {
        let Some(address) = host(there, number) else {
            let expected = format!("adapters by name: {} has room for few addresses", there.name);
            section.wrong("nic", &expected, None);
            continue;
        };
        let place = Placed { key: section.path("nic"), ..section.text("name") };
        places.push((place, address));
        nics.push(Nic { name: there.name.clone(), network, address });
    }
    nics
}

fn nics(
    section: &Section,
    networks: &IdVec<NetId, Network>,
    net_names: &IdVec<NetId, String>,
    places: &mut Vec<(Placed, Address)>,
) -> IdVec<NicId, Nic> {
    let mut nics: IdVec<NicId, Nic> = IdVec::new();
    for part in section.tables("nic").into_iter().take(16) {
        let name = part.text("name");
        name_once(&part, &name, "adapter of this machine", &nics, |other| &other.name);
        let network = part.find(&part.text("network"), "a network", net_names);
        let address = part.address("address");
        if let (Some(network), Some(address)) = (network, address) {
            in_subnet(&part, &networks[network], address);
            if nics.values().any(|nic| nic.network == network) {
                let expected = "a network that no other adapter of this machine is on \
                                (wsfc.md §1.2: one adapter per node and subnet)";
                part.wrong("network", expected, None);
            }
        }
        part.finish();
        let (network, address) = (network.unwrap_or_default(), address.unwrap_or(Address(0)));
        places.push((part.text("address"), address));
        nics.push(Nic { name: name.text, network, address });
    }
    if nics.is_empty() {
        section.wrong("nic", "at least one adapter with name, network and address", None);
    }
    nics
}
