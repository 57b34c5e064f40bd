//! `[[group]]` in a topology file.

use super::cluster::{Cluster, USUAL_PRIORITY};
use super::read::Section;
use super::resources::ranged;
use super::topology::{in_subnet, name_once};
use crate::base::{Address, IdVec, NetId, NodeId, NodeSet};
use crate::model::topology::*;

const PRIORITIES: [u32; 4] = [0, 1000, 2000, 3000];

impl Cluster {
    /// Every group beside the core group.
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
            self.group(&section, nodes, networks, net_names);
            section.finish();
        }
    }

    fn group(
        &mut self,
        section: &Section,
        nodes: &IdVec<NodeId, String>,
        networks: &IdVec<NetId, Network>,
        net_names: &IdVec<NetId, String>,
    ) {
        let name = section.text("name");
        name_once(section, &name, "group", &self.groups, |other| &other.name);
        let (preferred_owners, possible) = owners(section, nodes);
        let usual = u32::try_from(nodes.len().saturating_sub(1)).unwrap_or(0);
        let auto_failback = section.value("auto_failback").unwrap_or(false);
        if auto_failback && preferred_owners.is_empty() {
            let expected =
                "preferred_owners beside it; without them it has no effect (wsfc.md §4.3)";
            section.wrong("auto_failback", expected, None);
        }
        let anti_affinity = self.classes(section);
        let group = self.groups.push(Group {
            name: name.text.clone(),
            resources: Vec::new(),
            preferred_owners,
            failover_threshold: section.value("failover_threshold").unwrap_or(usual),
            failover_period: ranged(section, "failover_period").unwrap_or(self.failover_period),
            auto_failback,
            failback_window: window(section),
            priority: priority(section),
            anti_affinity,
            persistent_state: section.value("persistent_state").unwrap_or(true),
        });
        self.possible.push(possible);
        // A group of services only has neither address nor name.
        if !["address", "network", "network_name"].iter().any(|key| section.has(key)) {
            return;
        }
        let dns_name = section.optional_text("network_name").unwrap_or(name.clone());
        if dns_name.text.chars().count() > 15 {
            section.wrong("network_name", "a name of at most 15 characters", None);
        }
        let taken = self
            .resources
            .values()
            .any(|other| other.dns_name.as_deref() == Some(dns_name.text.to_lowercase().as_str()));
        if taken {
            section.wrong_at(&dns_name, "a network name that no other group has", None);
        }
        let network = section.find(&section.text("network"), "a network", net_names);
        let address = section.address("address");
        if let (Some(network), Some(address)) = (network, address) {
            in_subnet(section, &networks[network], address);
            if networks[network].role != NetworkRole::ClusterAndClient {
                let expected = "a network with role = \"cluster-and-client\" (wsfc.md §5.1)";
                section.wrong("network", expected, None);
            }
        }
        let at = (network.unwrap_or_default(), address.unwrap_or(Address(0)));
        self.addresses.push((section.text("address"), at.1));
        let label = (format!("{} IP Address", name.text), name.text.clone());
        self.address_and_name(group, label, at, &dns_name.text, possible);
    }

    /// Numbers of the classes of which a group keeps apart from others.
    fn classes(&mut self, section: &Section) -> Vec<u16> {
        let mut numbers = Vec::new();
        for place in section.texts("anti_affinity_class_names") {
            let known = self.classes.iter().position(|known| *known == place.text);
            let number = known.unwrap_or_else(|| {
                self.classes.push(place.text.clone());
                self.classes.len() - 1
            });
            numbers.push(u16::try_from(number).unwrap_or(u16::MAX));
        }
        numbers
    }
}

/// Preferred owners in their order, and possible owners.
fn owners(section: &Section, nodes: &IdVec<NodeId, String>) -> (Vec<NodeId>, NodeSet) {
    let listed = |key: &'static str| -> Vec<NodeId> {
        let places = section.texts(key);
        places.iter().filter_map(|place| section.find(place, "a node", nodes)).collect()
    };
    let preferred = listed("preferred_owners");
    if (1..preferred.len()).any(|at| preferred[..at].contains(&preferred[at])) {
        section.wrong("preferred_owners", "each node once", None);
    }
    let possible: NodeSet = if section.has("possible_owners") {
        listed("possible_owners").into_iter().collect()
    } else {
        NodeSet::first(nodes.len())
    };
    if possible.is_empty() {
        section.wrong("possible_owners", "at least one node that can own the group", None);
    }
    let impossible = preferred.iter().filter(|owner| !possible.contains(**owner));
    for owner in impossible.take_while(|_| !possible.is_empty()) {
        let expected = format!("possible owners only; {} is not one", nodes[*owner]);
        section.wrong("preferred_owners", &expected, None);
    }
    (preferred, possible)
}

/// FailbackWindowStart and FailbackWindowEnd: both or none.
fn window(section: &Section) -> Option<(u8, u8)> {
    let hour = |key: &'static str| -> Option<u8> {
        let hour = section.value::<u32>(key)?;
        if hour > 23 {
            section.wrong(key, "an hour of the day from 0 to 23", None);
        }
        u8::try_from(hour).ok()
    };
    let (start, end) = (hour("failback_window_start"), hour("failback_window_end"));
    let both = ("failback_window_start", "failback_window_end");
    for (has, other) in [(start.is_some(), both.1), (end.is_some(), both.0)] {
        if has && !section.has(other) {
            section.wrong(
                other,
                "both ends of the window (wsfc.md §4.3); this one is missing",
                None,
            );
        }
    }
    if start.is_some() && start == end {
        section.wrong(both.1, "another hour than failback_window_start", None);
    }
    start.zip(end)
}

fn priority(section: &Section) -> u16 {
    let Some(given) = section.value::<u32>("priority") else { return USUAL_PRIORITY };
    if !PRIORITIES.contains(&given) {
        section.wrong("priority", "0, 1000, 2000 or 3000 (wsfc.md §4.3)", None);
    }
    u16::try_from(given).unwrap_or(USUAL_PRIORITY)
}
