//! Members of the availability group that an administrator marks as stopped, and what becomes of
//! the group without them (exchange.md §3.2).

use super::event::Event;
use super::host;
use super::plant::Plant;
use crate::base::{Instant, NodeId, NodeSet};
use crate::failover::seam::{Input, Order, Restore, Start, StartQuorum};
use crate::journal::RecordNo;
use crate::journal::record::{NotTaken, Plant as Change};

fn mark(p: &mut Plant, at: Instant, nodes: NodeSet, cause: RecordNo) -> RecordNo {
    p.directory.stopped_members = nodes;
    p.change(at, Some(cause), Change::StoppedMembers { nodes })
}

/// Whether the group refuses `Stop-`, `Restore-` and `Start-DatabaseAvailabilityGroup`: they are
/// for groups with datacenter activation coordination (exchange.md §3.2 cmdlets of the mode).
fn is_off(p: &mut Plant, at: Instant, on: NodeId, cause: RecordNo) -> bool {
    let off = !p.directory.activation_coordination;
    if off {
        host::refuse(p, at, on, NotTaken::CoordinationOff, cause);
    }
    off
}

/// `Stop-DatabaseAvailabilityGroup`.
pub(super) fn stop(
    p: &mut Plant,
    at: Instant,
    nodes: NodeSet,
    configuration_only: bool,
    cause: RecordNo,
) {
    if nodes.lowest().is_none_or(|on| is_off(p, at, on, cause)) {
        return;
    }
    let record = mark(p, at, p.directory.stopped_members.union(nodes), cause);
    let runs = |p: &Plant, node: NodeId| p.machine(node.into()).up && p.host(node).node.is_some();
    for node in nodes.iter().filter(|_| !configuration_only) {
        if runs(p, node) {
            host::stop_service(p, at, node, record);
        }
    }
}

/// `Restore-DatabaseAvailabilityGroup` on a member: with quorum the cluster is told; without, the
/// member's Cluster service starts anew with quorum forced.
pub(super) fn restore(
    p: &mut Plant,
    at: Instant,
    on: NodeId,
    witness_server: Option<u8>,
    cause: RecordNo,
) {
    if is_off(p, at, on, cause) {
        return;
    }
    let evicts = p.directory.stopped_members;
    if evicts.contains(on) {
        return host::refuse(p, at, on, NotTaken::StoppedMember, cause);
    }
    if !p.machine(on.into()).up {
        return host::refuse(p, at, on, NotTaken::MachineOff, cause);
    }
    let restore = Restore { evicts, witness_server };
    if p.host(on).node.as_ref().is_some_and(|node| node.view().quorum) {
        host::feed(p, at, on, Input::Order(Order::RestoreGroup(restore)), Some(cause));
    } else if evicts.is_empty() {
        host::refuse(p, at, on, NotTaken::NoStoppedMember, cause);
    } else {
        host::start_anew(p, at, on, restoring(restore), cause);
    }
}

/// How a restored group's Cluster service starts.
pub(crate) fn restoring(restore: Restore) -> Start {
    Start { quorum: StartQuorum::Force, restores: Some(restore), ..Start::default() }
}

/// `Start-DatabaseAvailabilityGroup`: the cluster takes them back, and their service starts.
pub(super) fn start(p: &mut Plant, at: Instant, on: NodeId, nodes: NodeSet, cause: RecordNo) {
    if is_off(p, at, on, cause) {
        return;
    }
    if p.host(on).node.is_none() {
        return host::refuse(p, at, on, NotTaken::ServiceStopped, cause);
    }
    let record = mark(p, at, p.directory.stopped_members.minus(nodes), cause);
    host::feed(p, at, on, Input::Order(Order::AddMembers(nodes)), Some(record));
    for node in nodes.iter() {
        let life = host::life(p, node);
        p.plan(at, Event::StartClusterService { node, life });
    }
}
