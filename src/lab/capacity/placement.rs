//! Where the work of a site is done, before and after a machine is lost.

use crate::base::{GroupId, MachineId, NodeId};
use crate::model::Topology;
use crate::model::scenario::Start;
use crate::model::sizing::Placement;
use crate::model::topology::{ClientGroup, ServerName};

/// Everything up, and everything where it begins.
pub(super) fn healthy(topology: &Topology) -> Placement {
    let start = Start::usual(topology);
    let owner = |id: GroupId| start.groups[usize::from(id.0)];
    let access = |group: &ClientGroup| {
        let active = start.databases[usize::from(group.database.0)];
        match group.server {
            Some(ServerName::Group(id)) => vec![owner(id).unwrap_or(active).into()],
            Some(ServerName::LoadBalancer(id)) => topology.load_balancers[id].servers.clone(),
            Some(ServerName::Machine(machine)) => vec![machine],
            None => vec![MachineId::from(active)],
        }
    };
    Placement {
        up: topology.machines.ids().collect(),
        active: start.databases.iter().copied().map(Some).collect(),
        access: topology.clients.iter().map(access).collect(),
    }
}

/// The same without one machine: what was there goes to the next in preference.
pub(super) fn without(topology: &Topology, healthy: &Placement, lost: MachineId) -> Placement {
    let gone = |node: &NodeId| MachineId::from(*node) == lost;
    let mut placement = healthy.clone();
    placement.up.retain(|machine| *machine != lost);
    for (id, database) in topology.databases.iter() {
        if placement.active[id].as_ref().is_some_and(gone) {
            placement.active[id] = database.copies.iter().find(|node| !gone(node)).copied();
        }
    }
    for (group, access) in topology.clients.iter().zip(&mut placement.access) {
        access.retain(|machine| *machine != lost);
        if !access.is_empty() {
            continue;
        }
        let next = match group.server {
            Some(ServerName::Group(id)) => {
                let possible = topology.possible_owners(id);
                let preferred = topology.groups[id].preferred_owners.iter().copied();
                let mut order = preferred.chain(topology.node_ids());
                order.find(|node| possible.contains(*node) && !gone(node))
            }
            Some(ServerName::LoadBalancer(_) | ServerName::Machine(_)) => None,
            None => placement.active[group.database],
        };
        access.extend(next.map(MachineId::from));
    }
    placement
}
