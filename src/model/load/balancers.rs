//! `[[load_balancer]]` in a topology file, and what clients' names lead to.

use super::cluster::Members;
use super::read::{Placed, Section};
use super::topology::{in_subnet, name_once};
use crate::base::{Address, BalancerId, GroupId, Id, IdVec, MachineId, NetId, ResourceId};
use crate::model::Service;
use crate::model::topology::*;

/// Hosts of a Network Load Balancing cluster at most (exchange.md §5).
const MOST_HOSTS: usize = 32;

const AFFINITIES: &[(&str, Affinity)] =
    &[("none", Affinity::None), ("single", Affinity::Single), ("class-c", Affinity::ClassC)];
const PORT_RULES: [(&str, Service); 6] = [
    ("rpc-client-access", Service::RpcClientAccess),
    ("owa", Service::Owa),
    ("autodiscover", Service::Autodiscover),
    ("hub-transport", Service::HubTransport),
    ("outlook-anywhere", Service::OutlookAnywhere),
    ("active-sync", Service::ActiveSync),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Hardware,
    Network,
}

/// What load balancers are built from.
pub(super) struct Parts<'p> {
    /// Machines, members first, with their names.
    pub members: &'p Members<'p>,
    /// Networks and their names.
    pub networks: (&'p IdVec<NetId, Network>, &'p IdVec<NetId, String>),
    /// Names of the groups.
    pub groups: &'p IdVec<GroupId, String>,
}

impl Parts<'_> {
    fn attached(&self, machine: MachineId, network: NetId) -> bool {
        self.members.machines[machine].nics.values().any(|nic| nic.network == network)
    }

    fn has(&self, machine: MachineId, role: MachineRole) -> bool {
        self.members.machines[machine].roles.contains(&role)
    }
}

/// Every load balancer.
pub(super) fn load_balancers(
    root: &Section,
    parts: &Parts,
    places: &mut Vec<(Placed, Address)>,
) -> IdVec<BalancerId, LoadBalancer> {
    let mut found: IdVec<BalancerId, LoadBalancer> = IdVec::new();
    let sections = root.tables("load_balancer");
    if sections.len() > 64 {
        root.wrong("load_balancer", "at most 64 load balancers", None);
    }
    for section in sections.into_iter().take(64) {
        let name = section.text("name");
        name_once(&section, &name, "load balancer", &found, |other| &other.name);
        name_once(&section, &name, "machine", parts.members.machines, |other| &other.name);
        name_once(&section, &name, "group", parts.groups, |other| other);
        let network = section.find(&section.text("network"), "a network", parts.networks.1);
        let address = section.address("address");
        if let (Some(network), Some(address)) = (network, address) {
            in_subnet(&section, &parts.networks.0[network], address);
            if parts.networks.0[network].role != NetworkRole::ClusterAndClient {
                let expected = "a network that clients may use (role = \"cluster-and-client\")";
                section.wrong("network", expected, None);
            }
            places.push((section.text("address"), address));
        }
        let (kind, servers) = balanced(&section, parts, network);
        section.finish();
        found.push(LoadBalancer {
            name: name.text,
            address: address.unwrap_or(Address(0)),
            network: network.unwrap_or_default(),
            servers,
            kind,
        });
    }
    found
}

/// How a load balancer works, and its servers.
fn balanced(
    section: &Section,
    parts: &Parts,
    network: Option<NetId>,
) -> (LoadBalancerKind, Vec<MachineId>) {
    let words = [("hardware", Kind::Hardware), ("network-load-balancing", Kind::Network)];
    let kind = section.word("kind", &words);
    if kind.is_none() && !section.has("kind") {
        let expected = "one of hardware, network-load-balancing; the key is missing";
        section.wrong("kind", expected, None);
    }
    let servers = servers(section, parts, network, kind);
    let devices = devices(section, parts, network, kind);
    let affinity = section.word("affinity", AFFINITIES);
    let port_rules = port_rules(section);
    if kind == Some(Kind::Hardware) {
        for key in ["affinity", "port_rules"] {
            if section.has(key) {
                let expected = "no such key: only Network Load Balancing has it";
                section.wrong(key, expected, None);
            }
        }
        return (LoadBalancerKind::Hardware { devices }, servers);
    }
    let affinity = affinity.unwrap_or_default();
    (LoadBalancerKind::Network { affinity, port_rules }, servers)
}

fn servers(
    section: &Section,
    parts: &Parts,
    network: Option<NetId>,
    kind: Option<Kind>,
) -> Vec<MachineId> {
    let mut servers: Vec<MachineId> = Vec::new();
    let places = section.texts("servers");
    if places.is_empty() && !section.is_no_list("servers") {
        section.wrong("servers", "at least one machine with the role client-access", None);
    }
    if kind == Some(Kind::Network) && places.len() > MOST_HOSTS {
        section.wrong("servers", "at most 32 hosts (exchange.md §5)", None);
    }
    for place in &places {
        let Some(server) = section.find(place, "a machine", parts.members.names) else { continue };
        if !parts.has(server, MachineRole::ClientAccess) {
            section.wrong_at(place, "a machine with the role client-access", None);
        } else if servers.contains(&server) {
            section.wrong_at(place, "each server once", None);
        } else if network.is_some_and(|network| !parts.attached(server, network)) {
            section.wrong_at(place, "a machine that is on the load balancer's network", None);
        } else if kind == Some(Kind::Network) && server.index() < parts.members.nodes {
            let expected = "no DAG member: Network Load Balancing and failover clustering exclude \
                            each other on a server (exchange.md §5)";
            let hint = Some("kind = \"hardware\" balances DAG members".to_owned());
            section.wrong_at(place, expected, hint);
        } else {
            servers.push(server);
        }
    }
    servers
}

/// The device of a hardware load balancer, and its standby.
fn devices(
    section: &Section,
    parts: &Parts,
    network: Option<NetId>,
    kind: Option<Kind>,
) -> Vec<MachineId> {
    let mut devices: Vec<MachineId> = Vec::new();
    for key in ["machine", "standby"] {
        let place = match kind {
            Some(Kind::Hardware) if key == "machine" => Some(section.text(key)),
            _ => section.optional_text(key),
        };
        let Some(place) = place else { continue };
        if kind == Some(Kind::Network) {
            section.wrong_at(&place, "no such key: only a hardware load balancer has it", None);
            continue;
        }
        let Some(device) = section.find(&place, "a machine", parts.members.names) else { continue };
        if !parts.has(device, MachineRole::LoadBalancer) {
            section.wrong_at(&place, "a machine with the role load-balancer", None);
        } else if network.is_some_and(|network| !parts.attached(device, network)) {
            section.wrong_at(&place, "a machine that is on the load balancer's network", None);
        } else if devices.contains(&device) {
            section.wrong_at(&place, "another machine than the active one", None);
        } else {
            devices.push(device);
        }
    }
    devices
}

fn port_rules(section: &Section) -> Vec<Service> {
    if !section.has("port_rules") {
        return PORT_RULES.map(|(_, service)| service).to_vec();
    }
    let mut rules = Vec::new();
    for place in section.texts("port_rules") {
        match PORT_RULES.iter().find(|(word, _)| *word == place.text) {
            Some((_, service)) => rules.push(*service),
            None => {
                let words = PORT_RULES.map(|(word, _)| word).join(", ");
                section.wrong_at(&place, &format!("one of {words}"), None);
            }
        }
    }
    rules
}

/// What the names that clients may use lead to: groups, load balancers, machines.
pub(super) struct Servers {
    names: IdVec<ResourceId, String>,
    what: Vec<ServerName>,
}

impl Servers {
    pub(super) fn new(parts: &Parts, balancers: &IdVec<BalancerId, LoadBalancer>) -> Self {
        let groups = parts.groups.iter().map(|(id, name)| (name, ServerName::Group(id)));
        let balancers = balancers.iter().map(|(id, of)| (&of.name, ServerName::LoadBalancer(id)));
        let machines = parts.members.names.iter().map(|(id, name)| (name, ServerName::Machine(id)));
        let serving = |what: &ServerName| match what {
            ServerName::Machine(machine) => {
                parts.has(*machine, MachineRole::ClientAccess)
                    || parts.has(*machine, MachineRole::HubTransport)
            }
            ServerName::Group(_) | ServerName::LoadBalancer(_) => true,
        };
        let all = groups.chain(balancers).chain(machines).filter(|(_, what)| serving(what));
        let (names, what) = all.map(|(name, what)| (name.clone(), what)).unzip::<_, _, Vec<_>, _>();
        Servers { names: names.into_iter().collect(), what }
    }

    /// What a key's name leads to, if the key is there; clients on a network reach it.
    pub(super) fn find(
        &self,
        section: &Section,
        key: &'static str,
        network: Option<NetId>,
        parts: &Parts,
        balancers: &IdVec<BalancerId, LoadBalancer>,
    ) -> Option<ServerName> {
        let place = section.optional_text(key)?;
        let found = section.find(&place, "a group, load balancer or server", &self.names)?;
        let what = self.what[found.index()];
        let reached = match (what, network) {
            (ServerName::LoadBalancer(id), Some(network)) => balancers[id].network == network,
            (ServerName::Machine(machine), Some(network)) => parts.attached(machine, network),
            (ServerName::Group(_), _) | (_, None) => true,
        };
        if !reached {
            section.wrong_at(&place, "one that is on the clients' network", None);
        }
        Some(what)
    }
}

/// `[client_access_array]`: the object and the group or load balancer behind its name.
pub(super) fn array(
    root: &Section,
    groups: &IdVec<GroupId, String>,
    balancers: &IdVec<BalancerId, LoadBalancer>,
) -> Option<ClientAccessArray> {
    let section = root.table("client_access_array")?;
    let fqdn = section.text("fqdn").text;
    let names: IdVec<BalancerId, String> = balancers.values().map(|of| of.name.clone()).collect();
    let name = if section.has("load_balancer") {
        if section.has("group") {
            section.wrong("group", "either group or load_balancer, not both", None);
        }
        let place = section.text("load_balancer");
        section.find(&place, "a load balancer", &names).map(ServerName::LoadBalancer)
    } else {
        section.find(&section.text("group"), "a group", groups).map(ServerName::Group)
    };
    section.finish();
    Some(ClientAccessArray { fqdn, name: name? })
}
