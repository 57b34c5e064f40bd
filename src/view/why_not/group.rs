//! Why a group does not serve.

use super::{Blocker, Search, of, told};
use crate::base::{GroupId, NodeId, ResourceId};
use crate::failover::config::ResourceKind;
use crate::failover::seam::{Note, ResourceState};
use crate::journal::RecordNo;

impl Search<'_, '_> {
    pub(super) fn group(&self, group: GroupId) -> Vec<Blocker> {
        let mut blockers = Vec::new();
        let owner = self.scene.groups[group].owner;
        if let Some(owner) = owner {
            blockers.extend(self.away(owner));
        }
        blockers.extend(self.no_quorum());
        let up = self.up_members();
        let possible = self.scene.topology().possible_owners(group);
        if !up.is_empty() && possible.intersection(up.minus(self.scene.paused)).is_empty() {
            let possible = self.names.nodes(possible);
            let text = format!("none of its possible owners is up and takes groups: {possible}");
            blockers.push(told(text, None));
        }
        if let Some((record, true)) = self.stays(group) {
            blockers.push(told(self.words(record), record));
        }
        match owner {
            Some(owner) => {
                let owner_runs = self.scene.nodes[owner].running;
                let resources = self.resources(group, owner);
                blockers.extend(resources.into_iter().filter(|_| owner_runs));
            }
            None => blockers.push(told("no node has it", None)),
        }
        blockers
    }

    /// The last word about where a group goes, and whether it is that it stays.
    fn stays(&self, of: GroupId) -> Option<(RecordNo, bool)> {
        self.noted(None, |_, note| match note {
            Note::GroupStays { group, .. } if *group == of => Some(true),
            Note::GroupMove { group, .. } if *group == of => Some(false),
            _ => None,
        })
    }

    /// Resources of a group that are not online on its owner.
    fn resources(&self, group: GroupId, owner: NodeId) -> Vec<Blocker> {
        let topology = self.scene.topology();
        let state = |id: ResourceId| {
            self.scene.resources[id].get(&owner).copied().unwrap_or(ResourceState::Offline)
        };
        let needed = topology.groups[group].resources.iter().copied().filter(|id| {
            let witness = topology.resources[*id].kind == ResourceKind::FileShareWitness;
            (!witness || state(*id) == ResourceState::Failed)
                && !topology.does_without(owner.into(), *id)
                && state(*id) != ResourceState::Online
        });
        let blockers = needed.map(|id| {
            let name = self.names.resource(id);
            let record = self.resource_noted(id, owner);
            let since = |record: RecordNo| crate::view::words::moment(self.at(record));
            let waits = topology.resources[id]
                .depends_on
                .iter()
                .find(|clause| clause.iter().all(|other| state(*other) != ResourceState::Online));
            match (state(id), waits.and_then(|clause| clause.first()), record) {
                (ResourceState::Offline, Some(provider), _) => {
                    let text = format!("{name} waits for {}", self.names.resource(*provider));
                    told(text, record)
                }
                (ResourceState::OnlinePending, _, Some(record)) => {
                    told(format!("{name} is coming online since {} s", since(record)), record)
                }
                (ResourceState::OfflinePending, _, Some(record)) => {
                    told(format!("{name} is going offline since {} s", since(record)), record)
                }
                (_, _, Some(record)) => told(self.words(record), record),
                (_, _, None) => told(format!("{name} is not online"), None),
            }
        });
        of(self.names.node(owner), blockers.collect()).collect()
    }

    fn resource_noted(&self, id: ResourceId, owner: NodeId) -> Option<RecordNo> {
        let noted = self.noted(Some(owner), |_, note| match note {
            Note::Resource { resource, .. } => (*resource == id).then_some(()),
            _ => None,
        });
        noted.map(|(record, ())| record)
    }
}
