//! Log shipping: over which network, log by log (file mode) or write by write (block mode).
//!
//! Losses of single frames are TCP's business and cost time; a network that loses all is down.

use super::super::event::Event as Planned;
use super::super::net;
use super::super::plant::Plant;
use super::copy::{drain, source, tell, tell_queues};
use super::log::{LOG_KILOBYTES, closed, generations};
use super::{Event, disk};
use crate::base::{CopyId, Instant, MachineId, NetId, NodeId, Ratio, Span};
use crate::failover::seam::CopyStatus;
use crate::journal::RecordNo;
use crate::journal::record::Lost;
use crate::model::Service;
use crate::model::topology::{ExchangeVersion, NetworkRole};

/// The network over which a Replication service can copy from another: the one in use as long as
/// it serves, else a replication network, else the MAPI network (exchange.md §2.1 networks). Or
/// the record of what stands in the way.
pub(super) fn connection(
    p: &Plant,
    used: Option<NetId>,
    source: NodeId,
    target: NodeId,
) -> Result<NetId, RecordNo> {
    for node in [target, source] {
        let machine = MachineId::from(node);
        if !p.machine(machine).up {
            return Err(p.machine(machine).since);
        }
        if !p.answers(machine, Service::Replication) {
            return Err(p.service(machine, Service::Replication).since);
        }
    }
    if let Some(network) = used
        && usable(p, network, source, target).is_ok()
    {
        return Ok(network);
    }
    let mut because = RecordNo(0);
    for role in [NetworkRole::Cluster, NetworkRole::ClusterAndClient] {
        for network in p.setup.topology.networks.ids() {
            if p.setup.topology.networks[network].role != role {
                continue;
            }
            match usable(p, network, source, target) {
                Ok(()) => return Ok(network),
                Err(record) => because = because.max(record),
            }
        }
    }
    Err(because)
}

/// Whether a network carries anything between two members.
fn usable(p: &Plant, network: NetId, a: NodeId, b: NodeId) -> Result<(), RecordNo> {
    let (a, b) = (MachineId::from(a), MachineId::from(b));
    net::attached(p, a, network, Lost::SenderDown).map_err(|(_, record)| record)?;
    net::attached(p, b, network, Lost::ReceiverDown).map_err(|(_, record)| record)?;
    let segment = p.segment(network);
    if segment.holds > 0 || lost_share(segment.loss) >= segment.loss.denominator() {
        return Err(segment.since);
    }
    let nothing_left = |(share, _): &(Ratio, RecordNo)| *share >= Ratio::ONE;
    if let Some((_, since)) = segment.loss_between(a, b).filter(nothing_left) {
        return Err(since);
    }
    segment.cut_between(a, b).map_or(Ok(()), Err)
}

fn lost_share(loss: Ratio) -> u32 {
    loss.numerator().min(loss.denominator())
}

/// Time that kilobytes are on the line of a network; what is lost is sent again.
fn on_the_line(p: &Plant, network: NetId, kilobytes: u64) -> Span {
    let nanos = kilobytes * 8_192_000 / u64::from(p.settings().ethernet.bandwidth);
    let loss = p.segment(network).loss;
    let arrives = loss.denominator() - lost_share(loss);
    Span::from_nanos(nanos).scaled(u64::from(loss.denominator()), u64::from(arrives.max(1)))
}

/// Time one way over a network, before the first byte arrives.
fn one_way(p: &Plant, network: NetId, from: NodeId, to: NodeId) -> Span {
    let segment = p.segment(network);
    p.settings().ethernet.latency + segment.delay + segment.delay_between(from.into(), to.into())
}

/// Time to ask for the logs between two positions, copy and inspect them.
pub(super) fn time_to_copy(
    p: &Plant,
    network: NetId,
    (source, target): (NodeId, NodeId),
    (have, end): (u64, u64),
) -> Span {
    let kilobytes = end.saturating_sub(have);
    let logs = if kilobytes > 0 { generations(end) - closed(have) } else { 0 };
    one_way(p, network, source, target)
        + one_way(p, network, target, source)
        + on_the_line(p, network, kilobytes)
        + p.settings().replication.inspect_time * logs
}

/// Whether copies may run in block mode at all.
fn block_mode(p: &Plant) -> bool {
    p.settings().replication.block_mode && p.setup.topology.exchange != ExchangeVersion::Rtm
}

/// The mounted copy writes to its log; the new position. Passive copies that are connected get
/// it at once (block mode) or when a log is closed (file mode).
pub(in crate::sim) fn write(
    p: &mut Plant,
    at: Instant,
    id: CopyId,
    kilobytes: u64,
    cause: RecordNo,
) -> u64 {
    let copy = p.copy_mut(id);
    assert!(copy.status == CopyStatus::Mounted, "only a mounted copy is written to");
    let before = copy.log.position;
    let position = copy.log.append(kilobytes);
    for place in 0..p.setup.topology.databases[id.database].copies.len() {
        let node = p.setup.topology.databases[id.database].copies[place];
        let follower = CopyId { database: id.database, node };
        let copy = p.copy(follower);
        if node == id.node || copy.active != Some(id.node) {
            continue;
        }
        let (stands, lags) = (copy.status == CopyStatus::Suspended, copy.log.lags());
        if stands && connection(p, None, id.node, node).is_ok() {
            p.copy_mut(follower).log.told = position;
        }
        if stands || lags {
            tell_queues(p, at, follower, cause);
        }
        let Some(network) = p.copy(follower).link.network else { continue };
        if let Err(because) = usable(p, network, id.node, node) {
            super::follow::evaluate(p, at, follower, because.max(cause));
        } else if p.copy(follower).link.block {
            stream(p, at, follower, network, before, position);
        } else {
            notify(p, at, follower, before, position);
        }
    }
    if closed(before) != closed(position) {
        disk::log_closed(p, at, id, cause);
    }
    position
}

/// Block mode: what was written is on its way. A copy for which more than a whole log is on the
/// line is behind and drops back to file mode.
fn stream(
    p: &mut Plant,
    at: Instant,
    follower: CopyId,
    network: NetId,
    before: u64,
    position: u64,
) {
    drain(p, at, follower);
    let source = p.copy(follower).active.unwrap_or(follower.node);
    let way = one_way(p, network, source, follower.node);
    let line = on_the_line(p, network, position - before);
    let copy = p.copy_mut(follower);
    let sent = copy.link.busy_until.max(at) + line;
    if position - copy.log.position > LOG_KILOBYTES.max(position - before) {
        copy.link.block = false;
        copy.link.flight.clear();
        copy.log.told = position;
        ship(p, at, follower);
        return;
    }
    copy.link.busy_until = sent;
    copy.link.flight.push_back((sent + way, position));
}

/// File mode: the copy hears of every log that is begun, and fetches it when it is closed.
fn notify(p: &mut Plant, at: Instant, follower: CopyId, before: u64, position: u64) {
    if generations(before) != generations(position) {
        p.copy_mut(follower).log.told = position;
    }
    if closed(before) != closed(position) {
        ship(p, at, follower);
    }
}

/// Fetches the next closed log from the active copy; a copy that has them all goes to block mode
/// if it may.
pub(super) fn ship(p: &mut Plant, at: Instant, id: CopyId) {
    drain(p, at, id);
    let copy = p.copy(id);
    let (Some(network), Some(source)) = (copy.link.network, source(p, id)) else { return };
    if copy.link.copying || copy.link.block || copy.status != CopyStatus::Healthy {
        return;
    }
    let nodes = (source.node, id.node);
    let source = p.copy(source).log.position;
    let (have, turn) = (copy.log.position, copy.link.turn);
    if closed(have) < closed(source) {
        let end = (closed(have) + 1) * LOG_KILOBYTES;
        let when = at + time_to_copy(p, network, nodes, (have, end));
        let link = &mut p.copy_mut(id).link;
        link.copying = true;
        link.behind |= closed(source) - closed(have) > 1;
        p.plan(when, Planned::Storage(Event::Shipped { copy: id, link: turn }));
    } else if block_mode(p) {
        let way = one_way(p, network, nodes.0, nodes.1);
        let line = on_the_line(p, network, source.saturating_sub(have));
        let link = &mut p.copy_mut(id).link;
        link.block = true;
        link.busy_until = at + line;
        link.flight.clear();
        if source > have {
            link.flight.push_back((at + line + way, source));
        }
    }
}

/// A closed log is copied and inspected; when it was the last of a queue, that is told.
pub(super) fn shipped(p: &mut Plant, at: Instant, id: CopyId, turn: u32) {
    let Some(source) = source(p, id).filter(|_| p.copy(id).link.turn == turn) else { return };
    let rate = p.replay_rate(id.node.into());
    let source = p.copy(source).log.position;
    let copy = p.copy_mut(id);
    let end = ((closed(copy.log.position) + 1) * LOG_KILOBYTES).min(source);
    copy.link.copying = false;
    copy.log.receive(at, end, rate);
    copy.log.told = copy.log.told.max(source);
    let caught_up = copy.link.behind && copy.report().copy_queue() == 0;
    let since = copy.since;
    if caught_up {
        copy.link.behind = false;
        let record = tell(p, at, id, since);
        p.copy_mut(id).since = record;
    }
    ship(p, at, id);
}

/// Ends a copy's connection: what has not arrived by now never will.
pub(super) fn disconnect(p: &mut Plant, id: CopyId) {
    let link = &mut p.copy_mut(id).link;
    link.network = None;
    link.turn += 1;
    link.copying = false;
    link.behind = false;
    link.block = false;
    link.flight.clear();
}

/// Stops shipping over a connection that stays.
pub(super) fn hold(p: &mut Plant, id: CopyId) {
    let network = p.copy(id).link.network;
    disconnect(p, id);
    p.copy_mut(id).link.network = network;
}
