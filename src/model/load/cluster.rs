//! The cluster in a topology file: the DAG, its core group, and the other groups.

use super::read::{Placed, Section};
use super::topology::{host, in_subnet, name_once};
use crate::base::{
    Address, GroupId, Id, IdVec, MachineId, NetId, NodeId, NodeSet, ResourceId, Span,
};
use crate::failover::config::{ResourceKind, RestartAction};
use crate::failover::quorum::{Mode, Witness};
use crate::model::quorum::QuorumType;
use crate::model::topology::*;

/// Groups and resources as they are read.
#[derive(Default)]
pub(super) struct Cluster {
    pub(super) groups: IdVec<GroupId, Group>,
    pub(super) resources: IdVec<ResourceId, Resource>,
    pub(super) addresses: Vec<(Placed, Address)>,
}

/// The machines, of which the first are nodes.
pub(super) struct Members<'m> {
    pub(super) machines: &'m IdVec<MachineId, Machine>,
    pub(super) nodes: usize,
    pub(super) names: &'m IdVec<MachineId, String>,
}

impl Cluster {
    /// `[dag]`, which makes the core group. The quorum type comes from the settings.
    pub(super) fn dag(
        &mut self,
        root: &Section,
        members: &Members,
        networks: &IdVec<NetId, Network>,
        net_names: &IdVec<NetId, String>,
        quorum: QuorumType,
    ) -> Option<Dag> {
        let Members { machines, nodes, names } = *members;
        let Some(section) = root.table("dag") else {
            if !root.has("dag") {
                root.wrong("dag", "a table [dag] with name, members and address", None);
            }
            return None;
        };
        let name = section.text("name");
        if name.text.chars().count() > 15 {
            section.wrong("name", "a DAG name of at most 15 characters (exchange.md §3.1)", None);
        }
        for place in section.texts("members") {
            let found = section.find(&place, "a node", names);
            if found.is_some_and(|id| id.index() >= nodes) {
                section.wrong_at(&place, "a node; a member runs Exchange", None);
            }
        }
        let members = section.texts("members").len();
        if section.has("members") && members != nodes {
            section.wrong("members", &format!("all {nodes} nodes by name"), None);
        }
        let witness = section.optional_text("witness_server").and_then(|place| {
            let found = section.find(&place, "a machine", names)?;
            if found.index() < nodes {
                let expected = "a machine that is not a DAG member (exchange.md §3.1)";
                section.wrong_at(&place, expected, None);
            } else if !machines[found].roles.contains(&MachineRole::Witness) {
                section.wrong_at(&place, "a machine with the role \"witness\"", None);
            }
            Some(found)
        });
        section.expect(&["witness_directory"]);
        let mode = quorum.mode(nodes, witness.is_some());
        if mode == Mode::NodeAndFileShareMajority && witness.is_none() {
            let expected = "a machine with the role \"witness\" for cluster.quorum_type = \
                            \"node-and-file-share-majority\"";
            section.wrong("witness_server", expected, None);
        }
        let voters = machines.values().filter(|machine| machine.vote).count();
        if voters == 0 && mode != Mode::DiskOnly {
            root.wrong("node", "at least one node with node_weight = 1", None);
        }
        self.core_group(&section, &name.text, nodes, mode, networks, net_names);
        section.finish();
        Some(Dag { name: name.text, witness, quorum: mode })
    }

    /// "Cluster Group" with the DAG's address and name, and its witness.
    fn core_group(
        &mut self,
        section: &Section,
        name: &str,
        nodes: usize,
        mode: Mode,
        networks: &IdVec<NetId, Network>,
        net_names: &IdVec<NetId, String>,
    ) {
        let all = NodeSet::first(nodes);
        let clients = |network: &&Network| network.role == NetworkRole::ClusterAndClient;
        let network = if section.has("network") {
            section.find(&section.text("network"), "a network", net_names)
        } else {
            networks.values().position(|network| clients(&network)).map(NetId::at)
        };
        let usual = network.and_then(|id| host(&networks[id], 250));
        let address = match usual {
            Some(address) if !section.has("address") => Some(address),
            Some(_) | None => section.address("address"),
        };
        let group = self.groups.push(Group {
            name: "Cluster Group".to_owned(),
            resources: Vec::new(),
            preferred_owners: Vec::new(),
            failover_threshold: u32::try_from(nodes.saturating_sub(1)).unwrap_or(0),
            failover_period: Span::from_secs(6 * 3600),
            auto_failback: false,
        });
        let place = match section.optional_text("address") {
            Some(place) => place,
            None => Placed { key: section.path("address"), ..section.text("name") },
        };
        let label = ("Cluster IP Address".to_owned(), "Cluster Name".to_owned());
        let at = (network.unwrap_or_default(), address.unwrap_or(Address(0)));
        self.addresses.push((place, at.1));
        self.address_and_name(group, label, at, name, all);
        if let (Some(network), Some(address)) = (network, address) {
            in_subnet(section, &networks[network], address);
        }
        if let Some(witness) = mode.witness() {
            let name = match witness {
                Witness::FileShare => "File Share Witness",
                Witness::Disk => "Cluster Disk 1",
            };
            self.push(Resource {
                name: name.to_owned(),
                group,
                kind: ResourceKind::FileShareWitness,
                address: None,
                dns_name: None,
                depends_on: Vec::new(),
                possible_owners: all,
                restart_action: RestartAction::RestartNoNotify,
            });
        }
    }

    fn push(&mut self, resource: Resource) -> ResourceId {
        let group = resource.group;
        let id = self.resources.push(resource);
        self.groups[group].resources.push(id);
        id
    }

    fn address_and_name(
        &mut self,
        group: GroupId,
        (ip, name): (String, String),
        (network, address): (NetId, Address),
        dns_name: &str,
        possible_owners: NodeSet,
    ) {
        let resource = |name, kind, depends_on| Resource {
            name,
            group,
            kind,
            address: None,
            dns_name: None,
            depends_on,
            possible_owners,
            restart_action: RestartAction::RestartNotify,
        };
        let kind = ResourceKind::IpAddress { network };
        let ip = self.push(Resource { address: Some(address), ..resource(ip, kind, vec![]) });
        let dns_name = Some(dns_name.to_lowercase());
        let kind = ResourceKind::NetworkName;
        self.push(Resource { dns_name, ..resource(name, kind, vec![ip]) });
    }

    pub(super) fn groups(
        &mut self,
        root: &Section,
        nodes: &IdVec<NodeId, String>,
        networks: &IdVec<NetId, Network>,
        net_names: &IdVec<NetId, String>,
    ) {
        let sections = root.tables("group");
        if sections.len() > 255 {
            root.wrong("group", "at most 255 groups beside the DAG's", None);
        }
        for section in sections.into_iter().take(255) {
            let name = section.text("name");
            name_once(&section, &name, "group", &self.groups, |other| &other.name);
            let dns_name = section.optional_text("network_name").unwrap_or(name.clone());
            if dns_name.text.chars().count() > 15 {
                section.wrong("network_name", "a name of at most 15 characters", None);
            }
            let taken = self.resources.values().any(|other| {
                other.dns_name.as_deref() == Some(dns_name.text.to_lowercase().as_str())
            });
            if taken {
                section.wrong_at(&dns_name, "a network name that no other group has", None);
            }
            let listed = |key: &'static str| -> Vec<NodeId> {
                let places = section.texts(key);
                places.iter().filter_map(|place| section.find(place, "a node", nodes)).collect()
            };
            let preferred_owners = listed("preferred_owners");
            let possible: NodeSet = if section.has("possible_owners") {
                listed("possible_owners").into_iter().collect()
            } else {
                NodeSet::first(nodes.len())
            };
            if possible.is_empty() {
                let expected = "at least one node that can own the group";
                section.wrong("possible_owners", expected, None);
            }
            let impossible = preferred_owners.iter().filter(|owner| !possible.contains(**owner));
            for owner in impossible.take_while(|_| !possible.is_empty()) {
                let expected = format!("possible owners only; {} is not one", nodes[*owner]);
                section.wrong("preferred_owners", &expected, None);
            }
            let network = section.find(&section.text("network"), "a network", net_names);
            let address = section.address("address");
            if let (Some(network), Some(address)) = (network, address) {
                in_subnet(&section, &networks[network], address);
                if networks[network].role != NetworkRole::ClusterAndClient {
                    let expected = "a network with role = \"cluster-and-client\" (wsfc.md §5.1)";
                    section.wrong("network", expected, None);
                }
            }
            let usual = u32::try_from(nodes.len().saturating_sub(1)).unwrap_or(0);
            let group = self.groups.push(Group {
                name: name.text.clone(),
                resources: Vec::new(),
                preferred_owners,
                failover_threshold: section.value("failover_threshold").unwrap_or(usual),
                failover_period: section
                    .value("failover_period")
                    .unwrap_or(Span::from_secs(6 * 3600)),
                auto_failback: section.value("auto_failback").unwrap_or(false),
            });
            let at = (network.unwrap_or_default(), address.unwrap_or(Address(0)));
            self.addresses.push((section.text("address"), at.1));
            let label = (format!("{} IP Address", name.text), name.text.clone());
            self.address_and_name(group, label, at, &dns_name.text, possible);
            section.finish();
        }
    }
}
