//! The cluster in a topology file: the DAG and its core group. The other groups are read in
//! [`groups`](super::groups), resources of their own in [`resources`](super::resources).

use super::read::{Placed, Section};
use super::topology::{host, in_subnet};
use crate::base::{Address, GroupId, Id, IdVec, MachineId, NetId, NodeSet, ResourceId, Span};
use crate::failover::config::{ResourceKind, RestartAction};
use crate::failover::quorum::{Mode, Witness};
use crate::model::quorum::QuorumType;
use crate::model::topology::*;

/// Priority of a group that does not say (wsfc.md §4.3).
pub(super) const USUAL_PRIORITY: u16 = 2000;

/// Groups and resources as they are read.
#[derive(Default)]
pub(super) struct Cluster {
    pub(super) groups: IdVec<GroupId, Group>,
    pub(super) resources: IdVec<ResourceId, Resource>,
    /// Possible owners that a group's section names, for all its resources.
    pub(super) possible: IdVec<GroupId, NodeSet>,
    pub(super) addresses: Vec<(Placed, Address)>,
    /// AntiAffinityClassNames, numbered as they come.
    pub(super) classes: Vec<String>,
    /// FailoverPeriod of a group that does not say.
    pub(super) failover_period: Span,
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
        let modes = [("off", false), ("dag-only", true)];
        let activation_coordination =
            section.word("datacenter_activation_mode", &modes).unwrap_or(false);
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
        Some(Dag { activation_coordination, name: name.text, witness, quorum: mode })
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
            failover_period: self.failover_period,
            auto_failback: false,
            failback_window: None,
            priority: USUAL_PRIORITY,
            anti_affinity: Vec::new(),
            persistent_state: true,
        });
        self.possible.push(all);
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
                restart_action: RestartAction::RestartNotify,
                own: Properties::default(),
            });
        }
    }

    pub(super) fn push(&mut self, resource: Resource) -> ResourceId {
        let group = resource.group;
        let id = self.resources.push(resource);
        self.groups[group].resources.push(id);
        id
    }

    pub(super) fn address_and_name(
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
            own: Properties::default(),
        };
        let kind = ResourceKind::IpAddress { network };
        let ip = self.push(Resource { address: Some(address), ..resource(ip, kind, vec![]) });
        let dns_name = Some(dns_name.to_lowercase());
        let kind = ResourceKind::NetworkName;
        self.push(Resource { dns_name, ..resource(name, kind, vec![vec![ip]]) });
    }
}
