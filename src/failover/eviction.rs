//! Eviction: configured nodes that are members of the cluster no more.
//! `Restore-DatabaseAvailabilityGroup` evicts the members that were marked as stopped, so that the
//! others have quorum by themselves, and `Start-DatabaseAvailabilityGroup` takes them back
//! (exchange.md §3.2).

use super::Ctx;
use super::boot::Restore;
use super::quorum::{Mode, Rules, Votes};
use super::seam::Note;
use super::state::ClusterDatabase;
use crate::base::NodeSet;

/// Carries out what a restored group changes in the cluster database.
pub(super) fn restore(ctx: &mut Ctx, database: &mut ClusterDatabase, restore: Restore) {
    let nodes = restore.evicts.minus(database.evicted);
    if !nodes.is_empty() {
        ctx.note(Note::NodesEvicted { nodes });
    }
    if let Some(server) = restore.witness_server {
        ctx.note(Note::WitnessServer { server });
    }
    apply(database, restore);
}

/// The same without a word, for a node that starts from it.
pub(super) fn apply(database: &mut ClusterDatabase, restore: Restore) {
    database.evicted = database.evicted.union(restore.evicts);
    database.witness_server = restore.witness_server.unwrap_or(database.witness_server);
    database.changed();
}

/// Nodes that were evicted may join again.
pub(super) fn add(ctx: &mut Ctx, database: &mut ClusterDatabase, nodes: NodeSet) {
    let back = nodes.intersection(database.evicted);
    if !back.is_empty() {
        database.evicted = database.evicted.minus(back);
        database.changed();
        ctx.note(Note::NodesAdded { nodes: back });
    }
}

/// The rules among those that are left of so many nodes: who was evicted has no vote, and an odd
/// number of members needs no file share witness (exchange.md §3.1).
pub(super) fn rules(rules: Rules, evicted: NodeSet, nodes: usize) -> Rules {
    let mut left = Rules { configured: rules.configured.minus(evicted), ..rules };
    let members = NodeSet::first(nodes).minus(evicted);
    let odd = !members.len().is_multiple_of(2);
    if odd && !evicted.is_empty() && rules.mode == Mode::NodeAndFileShareMajority {
        left.mode = Mode::NodeMajority;
    }
    left
}

/// Votes without those of nodes that were evicted.
pub(super) fn votes(votes: Votes, evicted: NodeSet) -> Votes {
    Votes { nodes: votes.nodes.minus(evicted), ..votes }
}
