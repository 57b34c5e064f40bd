//! Keeps the witness's record for a member, as the agent's keeper does: renews it while it is held,
//! and watches it while another holds it (linux-ha.md §10.2).

use super::super::event::Event as Planned;
use super::super::plant::Plant;
use super::super::{host, witness};
use super::{Event, now, when};
use crate::base::{Instant, NodeId, Span};
use crate::failover::fencing::{Voter, Watch};
use crate::journal::RecordNo;
use crate::model::Service;

/// Who holds the record, and how often it has moved.
type Record = (Option<NodeId>, u64);

/// What one life of a member knows of the witness servers, by their places.
pub(super) struct Keeper {
    patience: Span,
    watches: Vec<Watch<Record>>,
    /// Which its core has claimed and not released since.
    claimed: Vec<bool>,
}

impl Keeper {
    pub(super) fn new(servers: usize, patience: Span) -> Self {
        let watches = vec![Watch::new(patience); servers];
        Keeper { patience, watches, claimed: vec![false; servers] }
    }

    /// A new life begins.
    pub(super) fn forget(&mut self) {
        *self = Keeper::new(self.watches.len(), self.patience);
    }

    fn watch(&mut self, server: u8) -> &mut Watch<Record> {
        let last = self.watches.len() - 1;
        &mut self.watches[usize::from(server).min(last)]
    }

    fn claimed(&mut self, server: u8) -> &mut bool {
        let last = self.claimed.len() - 1;
        &mut self.claimed[usize::from(server).min(last)]
    }
}

/// What a claim found.
pub(in crate::sim) enum Judged {
    /// Nobody else holds it, or nobody who lives.
    Free,
    /// Another holds it and lives.
    Held(NodeId, RecordNo),
    /// It is not known yet: it looks again then.
    Again(Instant),
}

/// Whether a member keeps the record also while its votes suffice without: it owns the core group.
pub(in crate::sim) fn reserves(p: &Plant, node: NodeId) -> bool {
    let Some(core) = p.host(node).node.as_ref().filter(|_| p.leases.enabled()) else {
        return false;
    };
    let view = core.view();
    let core_group = p.setup.topology.groups.ids().next();
    let owner = core_group.and_then(|id| view.database.groups.get(id)?.owner);
    view.quorum && owner == Some(node)
}

/// A claim found the record held by another: a look's worth of patience decides. `first` is how
/// often it had moved when the claim found it first; `asked` is of the process's clock.
pub(in crate::sim) fn judge(
    p: &mut Plant,
    at: Instant,
    node: NodeId,
    server: u8,
    (asked, first): (Instant, Option<u64>),
    claims: bool,
) -> Judged {
    let Some((holder, since)) = witness::holder(p, server).filter(|(other, _)| *other != node)
    else {
        return Judged::Free;
    };
    let moved = witness::moved(p, server);
    let (from, to) = (asked, now(p, node, at));
    let left = p.leases.members[node].keeper.watch(server).look((Some(holder), moved), from, to);
    if left.is_zero() {
        return Judged::Free;
    }
    if !claims || first.is_some_and(|first| first != moved) {
        return Judged::Held(holder, since);
    }
    Judged::Again(when(p, node, at, to + left.min(p.leases.look)))
}

/// A claim was won that was asked for when the process's clock showed this.
pub(in crate::sim) fn claimed(p: &mut Plant, node: NodeId, server: u8, asked: Instant) {
    *p.leases.members[node].keeper.claimed(server) = true;
    renewed(p, node, asked);
}

fn renewed(p: &mut Plant, node: NodeId, asked: Instant) {
    let patience = p.leases.patience;
    p.leases.members[node].fence.renewed(asked, patience);
}

/// The core needs the witness no more. Its record goes on vouching for the core group's owner.
pub(in crate::sim) fn released(p: &mut Plant, node: NodeId, server: u8) {
    let keeps = reserves(p, node);
    let member = &mut p.leases.members[node];
    *member.keeper.claimed(server) = false;
    if !keeps {
        member.fence.released(Voter::Witness);
    }
}

/// The process looks at the witness, and does so again an interval later.
pub(super) fn look(p: &mut Plant, at: Instant, node: NodeId) {
    let life = host::life(p, node);
    if !witness::exists(p) {
        return;
    }
    let asked = now(p, node, at);
    let next = when(p, node, at, asked + p.leases.look);
    p.plan(next, Planned::Lease(Event::Look { node, life }));
    let server = witness::known_to(p, node);
    if let Some(answer) = witness::asked(p, at, node, server) {
        p.plan(answer, Planned::Lease(Event::Looked { node, life, server, asked }));
    }
}

/// The file server has answered: what is held is renewed, what is free is taken if it is to be
/// kept, and what another holds is watched.
pub(super) fn looked(p: &mut Plant, at: Instant, node: NodeId, server: u8, asked: Instant) {
    if !witness::answers(p, node, server) {
        return;
    }
    let keeps = reserves(p, node);
    let holder = witness::holder(p, server);
    if let Some((_, since)) = holder.filter(|(holder, _)| *holder == node) {
        if keeps || *p.leases.members[node].keeper.claimed(server) {
            witness::move_on(p, server);
            renewed(p, node, asked);
        } else {
            p.leases.members[node].fence.released(Voter::Witness);
            witness::free(p, at, server, since);
        }
        return;
    }
    let record = (holder.map(|(holder, _)| holder), witness::moved(p, server));
    let (from, to) = (asked, now(p, node, at));
    let member = &mut p.leases.members[node];
    *member.keeper.claimed(server) = false;
    member.fence.released(Voter::Witness);
    let left = member.keeper.watch(server).look(record, from, to);
    let free = record.0.is_none() || left.is_zero();
    if keeps && free {
        let view = p.host(node).node.as_ref().map_or(0, |core| core.view().view);
        let because = holder.map(|(_, since)| since);
        let cause = because.unwrap_or(p.service(node.into(), Service::Cluster).since);
        if witness::take(p, at, (node, server), view, cause) {
            renewed(p, node, asked);
        }
    }
}
