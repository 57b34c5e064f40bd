//! Which node a group goes to (wsfc.md §4.4). Pure: asks the cluster database and decides nothing
//! else.

use super::config::Config;
use super::state::ClusterDatabase;
use crate::base::{GroupId, Id, NodeId, NodeSet};

/// Who can host what now.
#[derive(Clone, Copy, Debug, Hash)]
pub(super) struct Hosts {
    /// Members of the view.
    pub members: NodeSet,
    /// Of those, the ones that are being stopped.
    pub draining: NodeSet,
    /// Nodes that are paused.
    pub paused: NodeSet,
    /// The number of the view.
    pub view: u64,
}

/// A question about places.
#[derive(Clone, Copy)]
pub(super) struct Placement<'a> {
    pub config: &'a Config,
    pub database: &'a ClusterDatabase,
    pub hosts: Hosts,
}

impl Placement<'_> {
    /// Members that can host a group: possible owners of all its resources, neither being stopped
    /// nor paused.
    pub(super) fn able(&self, group: GroupId) -> NodeSet {
        let of = self.config.resources.values().filter(|resource| resource.group == group);
        let able = self.hosts.members.minus(self.hosts.draining).minus(self.hosts.paused);
        of.fold(able, |able, resource| able.intersection(resource.possible_owners))
    }

    /// Of those, the ones that host no group that it is to be kept from; if only such are left the
    /// rule is ignored, unless it is enforced (wsfc.md §4.4 anti-affinity).
    pub(super) fn fits(&self, group: GroupId) -> NodeSet {
        let able = self.able(group);
        let apart = able.minus(self.kept_from(group));
        if apart.is_empty() && !self.config.placement.enforced_anti_affinity { able } else { apart }
    }

    /// Owners of other groups that share a class with this one.
    fn kept_from(&self, group: GroupId) -> NodeSet {
        let classes = &self.config.groups[group].anti_affinity;
        let shares = |other: GroupId| {
            other != group
                && self.config.groups[other]
                    .anti_affinity
                    .iter()
                    .any(|class| classes.contains(class))
        };
        let others = self.database.groups.iter().filter(|(other, _)| shares(*other));
        others.filter_map(|(_, entry)| entry.moving_to.or(entry.owner)).collect()
    }

    /// Where a group goes that cannot stay on `from`: the next node after it in the list, not back
    /// to the top. `down` says that the node is gone; without preferred owners that leads to any
    /// node, unless the order is asked for.
    pub(super) fn next(&self, group: GroupId, from: NodeId, down: bool) -> Option<NodeId> {
        let fits = self.fits(group).without(from);
        if down && self.is_any(group) {
            return self.any(group, fits);
        }
        let list = self.list(group);
        let place = list.iter().position(|node| *node == from)?;
        let round = list.iter().cycle().skip(place).take(list.len());
        round.copied().find(|node| fits.contains(*node))
    }

    /// The best possible owner among some nodes: the first in the list; without preferred owners
    /// any, unless the order is asked for.
    pub(super) fn best(&self, group: GroupId, fits: NodeSet) -> Option<NodeId> {
        if self.is_any(group) {
            return self.any(group, fits);
        }
        self.list(group).into_iter().find(|node| fits.contains(*node))
    }

    /// The first preferred owner that came back, stands before the present owner in the list, and
    /// can host the group now.
    pub(super) fn returned(&self, group: GroupId) -> Option<NodeId> {
        let entry = &self.database.groups[group];
        let fits = self.fits(group).intersection(entry.returned);
        let preferred = self.config.groups[group].preferred.iter().copied();
        preferred.take_while(|node| entry.owner != Some(*node)).find(|node| fits.contains(*node))
    }

    /// Whether a group goes to any node: it has no preferred owners and the order is not asked for.
    fn is_any(&self, group: GroupId) -> bool {
        self.config.groups[group].preferred.is_empty() && !self.config.placement.ordered
    }

    /// Any of some nodes. The core draws nothing: the view's number decides, which nobody chose,
    /// and which every node that asks would read the same.
    fn any(&self, group: GroupId, of: NodeSet) -> Option<NodeId> {
        let nodes: Vec<NodeId> = of.iter().collect();
        let mixed = ((group.index() as u64) << 32)
            .wrapping_add(self.hosts.view)
            .wrapping_add(0x9e37_79b9_7f4a_7c15)
            .wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let place = (mixed >> 33) as usize % nodes.len().max(1);
        nodes.get(place).copied()
    }

    /// Every node in the order of the group's list: preferred owners, then the rest by number.
    fn list(&self, group: GroupId) -> Vec<NodeId> {
        let preferred = &self.config.groups[group].preferred;
        let mut list = preferred.clone();
        list.extend(self.config.nodes.ids().filter(|node| !preferred.contains(node)));
        list
    }
}

/// Whether an hour, counted from the beginning of any day, lies in a failback window: from its
/// first hour up to the beginning of its second, across midnight if that is lower.
pub(super) fn within(window: (u8, u8), hour: u64) -> bool {
    let since_start = |hour: u64| (hour + 24 - u64::from(window.0)) % 24;
    since_start(hour) < since_start(window.1.into())
}

#[cfg(test)]
mod tests {
    use super::within;

    #[test]
    fn a_window_may_cross_midnight() {
        let hours = |window| (0..24).filter(|hour| within(window, *hour)).collect::<Vec<u64>>();
        assert_eq!(hours((2, 5)), [2, 3, 4]);
        assert_eq!(hours((22, 2)), [0, 1, 22, 23]);
        assert_eq!(hours((0, 1)), [0]);
        assert_eq!(hours((23, 0)), [23]);
    }
}
