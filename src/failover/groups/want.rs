//! Which resources of a group are to be online.

use crate::base::{GroupId, ResourceId};
use crate::failover::config::Config;
use crate::failover::state::ClusterDatabase;
use std::collections::BTreeSet;

/// The resources of one group that are to be online.
pub(super) struct Wanted(BTreeSet<ResourceId>);

impl Wanted {
    /// All of a wanted group, without what an operator stopped and what cannot be without that.
    /// `spare` tells of a resource that cannot be online on this node: nothing can rely on it.
    pub(super) fn of(
        config: &Config,
        database: &ClusterDatabase,
        group: GroupId,
        wanted: bool,
        spare: impl Fn(ResourceId) -> bool,
    ) -> Wanted {
        let of = config.resources.iter().filter(|(_, resource)| resource.group == group);
        let ids = of.map(|(id, _)| id).filter(|id| wanted && !database.stopped.contains(id));
        let mut wanted = Wanted(ids.collect());
        loop {
            let served = |id: &ResourceId| {
                let mut all = config.resources[*id].depends_on.iter();
                all.all(|any| any.iter().any(|on| wanted.contains(*on) && !spare(*on)))
            };
            let left: BTreeSet<_> = wanted.0.iter().copied().filter(served).collect();
            if left == wanted.0 {
                return wanted;
            }
            wanted = Wanted(left);
        }
    }

    pub(super) fn contains(&self, id: ResourceId) -> bool {
        self.0.contains(&id)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = ResourceId> + '_ {
        self.0.iter().copied()
    }
}
