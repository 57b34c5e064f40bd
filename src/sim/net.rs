//! Adapters, switches, frames: what reaches whom.

use super::event::Event;
use super::plant::Plant;
use super::{balancer, client, host, lease, mail, resources, storage, witness};
use crate::base::{Address, Instant, MachineId, NetId, NicId, NodeId, Span};
use crate::failover::message::Message;
use crate::failover::seam::{Failure, Input};
use crate::journal::RecordNo;
use crate::journal::record::{Lost, Plant as Change};
use crate::model::topology::NetworkRole;

/// Why something did not get through: what stood in the way, and the record that put it there.
pub(super) type Obstacle = (Lost, RecordNo);

/// The adapter of a machine on a network.
pub(super) fn adapter_on(p: &Plant, machine: MachineId, network: NetId) -> Option<NicId> {
    let nics = &p.setup.topology.machines[machine].nics;
    nics.iter().find(|(_, nic)| nic.network == network).map(|(id, _)| id)
}

/// Whether a machine can send and receive over its adapter on a network.
pub(super) fn attached(
    p: &Plant,
    machine: MachineId,
    network: NetId,
    down: Lost,
) -> Result<NicId, Obstacle> {
    let state = p.machine(machine);
    if !state.up {
        return Err((down, state.since));
    }
    let Some(nic) = adapter_on(p, machine, network) else {
        return Err((Lost::Unresolved, RecordNo(0)));
    };
    let adapter = p.adapter(machine, nic);
    if adapter.up { Ok(nic) } else { Err((down, adapter.since)) }
}

/// Sends something from one machine to another over a network: how long it takes, or why it is
/// lost.
pub(super) fn between(
    p: &mut Plant,
    at: Instant,
    network: NetId,
    from: MachineId,
    to: MachineId,
) -> Result<Span, Obstacle> {
    let span = forward(p, at, network, from, to)?;
    Ok(span + p.segment(network).delay_between(from, to))
}

/// What a switch does with a frame from one machine to another, slow paths aside. It learns where
/// the sender is.
fn forward(
    p: &mut Plant,
    at: Instant,
    network: NetId,
    from: MachineId,
    to: MachineId,
) -> Result<Span, Obstacle> {
    let nic = attached(p, from, network, Lost::SenderDown)?;
    let life = p.settings().ethernet.forwarding_table_life;
    learn(p, at, network, from, nic, life);
    let to_nic = attached(p, to, network, Lost::ReceiverDown)?;
    if let Some(&(port, until)) = p.segment(network).forwarding.get(&to)
        && until > at
        && port != to_nic
    {
        return Err((Lost::WrongMachine, p.segment(network).since));
    }
    if let Some(since) = p.segment(network).cut_from(from, to) {
        return Err((Lost::NetworkDown, since));
    }
    if let Some((share, since)) = p.segment(network).loss_from(from, to)
        && p.segment_mut(network).draws.chance(share)
    {
        return Err((Lost::Chance, since));
    }
    cross(p, network)
}

/// Crosses a switch: latency and jitter, or loss.
pub(super) fn cross(p: &mut Plant, network: NetId) -> Result<Span, Obstacle> {
    let (latency, jitter) = (p.settings().ethernet.latency, p.settings().ethernet.jitter);
    let segment = p.segment_mut(network);
    if segment.holds > 0 {
        return Err((Lost::NetworkDown, segment.since));
    }
    if segment.draws.chance(segment.loss) {
        return Err((Lost::Chance, segment.since));
    }
    let drawn = segment.draws.between(Span::ZERO, jitter);
    Ok(latency + segment.delay + drawn + segment.held_back())
}

/// A frame between members that arrives once more, and how long that takes.
fn once_more(p: &mut Plant, network: NetId, from: MachineId, to: MachineId) -> Option<Span> {
    let (latency, jitter) = (p.settings().ethernet.latency, p.settings().ethernet.jitter);
    let segment = p.segment_mut(network);
    if !segment.disorder.chance(segment.duplication) {
        return None;
    }
    let drawn = segment.disorder.between(Span::ZERO, jitter) + segment.held_back();
    Some(latency + segment.delay + drawn + segment.delay_between(from, to))
}

/// The switch notes behind which port a machine's hardware address was seen.
fn learn(p: &mut Plant, at: Instant, network: NetId, machine: MachineId, nic: NicId, life: Span) {
    p.segment_mut(network).forwarding.insert(machine, (nic, at + life));
}

/// A connection between two machines over a network that clients use too, in the order of the
/// sender's adapters: the network and the time of a segment one way, or the last obstacle met.
/// Replication networks carry heartbeats and logs only (exchange.md §2.1).
pub(super) fn path(
    p: &mut Plant,
    at: Instant,
    from: MachineId,
    to: MachineId,
) -> Result<(NetId, Span), Obstacle> {
    let mut obstacle = (Lost::Unresolved, RecordNo(0));
    for position in 0..p.setup.topology.machines[from].nics.len() {
        let network = p.setup.topology.machines[from].nics[NicId(position as u8)].network;
        let role = p.setup.topology.networks[network].role;
        if role != NetworkRole::ClusterAndClient || adapter_on(p, to, network).is_none() {
            continue;
        }
        if let Some(since) = p.segment(network).cut_between(from, to) {
            obstacle = (Lost::NetworkDown, since);
            continue;
        }
        match delivered(p, at, network, from, to) {
            Ok(span) => return Ok((network, span)),
            Err(met) => obstacle = met,
        }
    }
    Err(obstacle)
}

/// The time that a segment between two servers takes. What bad luck loses, TCP sends again
/// (exchange.md §4.3); no other obstacle goes away by that. Who talks over a connection waits for
/// what comes back, so that of a path that is slow one way each way has half.
fn delivered(
    p: &mut Plant,
    at: Instant,
    network: NetId,
    from: MachineId,
    to: MachineId,
) -> Result<Span, Obstacle> {
    let tcp = p.settings().tcp;
    let mut waited = Span::ZERO;
    for attempt in 0..=tcp.max_data_retransmissions.min(31) {
        match forward(p, at, network, from, to) {
            Ok(span) => {
                let segment = p.segment(network);
                let both = segment.delay_between(from, to) + segment.delay_between(to, from);
                return Ok(waited + span + both / 2);
            }
            Err((Lost::Chance, _)) => waited += tcp.minimum_rto * (1 << attempt),
            Err(met) => return Err(met),
        }
    }
    Err((Lost::Chance, p.segment(network).since))
}

/// Whether two machines can reach each other over some network now, good luck aside.
pub(super) fn reachable(p: &Plant, from: MachineId, to: MachineId) -> bool {
    p.setup.topology.networks.ids().any(|network| {
        let client = p.setup.topology.networks[network].role == NetworkRole::ClusterAndClient;
        let cut = p.segment(network).cut_between(from, to).is_some();
        client
            && !cut
            && p.segment(network).holds == 0
            && attached(p, from, network, Lost::SenderDown).is_ok()
            && attached(p, to, network, Lost::ReceiverDown).is_ok()
    })
}

/// A segment from a client's host to the machine that its neighbour cache names, or back: the
/// time one way, or what stood in the way.
pub(super) fn to_client(
    p: &mut Plant,
    network: NetId,
    machine: MachineId,
) -> Result<Span, Obstacle> {
    attached(p, machine, network, Lost::ReceiverDown)?;
    cross(p, network)
}

/// The machine that answers an ARP request for an address on a network, with the record that
/// bound the address there. With two owners it is the one that bound it last.
pub(super) fn owner(p: &Plant, network: NetId, address: Address) -> Option<(MachineId, RecordNo)> {
    let machines = p.setup.topology.machines.ids();
    machines
        .filter_map(|machine| {
            let nic = attached(p, machine, network, Lost::ReceiverDown).ok()?;
            bound(p, machine, nic, address).map(|since| (machine, since))
        })
        .max_by_key(|(_, since)| *since)
}

/// The record that bound an address to an adapter, if it is bound and answers there: what floats
/// does only while the machine's lease runs.
pub(super) fn bound(
    p: &Plant,
    machine: MachineId,
    nic: NicId,
    address: Address,
) -> Option<RecordNo> {
    let open = p.leases.open(machine);
    has(p, machine, nic, address).filter(|since| open || *since == RecordNo(0))
}

/// The record that bound an address to an adapter, if it is bound there, whoever it answers.
pub(super) fn has(p: &Plant, machine: MachineId, nic: NicId, address: Address) -> Option<RecordNo> {
    let adapter = p.adapter(machine, nic);
    adapter.bound.iter().find(|(other, _)| *other == address).map(|(_, since)| *since)
}

/// Whether an address is bound to any adapter of a machine.
pub(super) fn is_bound(p: &Plant, machine: MachineId, address: Address) -> bool {
    let mut nics = p.setup.topology.machines[machine].nics.ids();
    nics.any(|nic| bound(p, machine, nic, address).is_some())
}

/// Announces an address by a gratuitous ARP: every host on the network hears it, unless the
/// switch drops it.
pub(super) fn announce(
    p: &mut Plant,
    at: Instant,
    machine: MachineId,
    nic: NicId,
    address: Address,
    cause: RecordNo,
) {
    let network = p.adapter(machine, nic).network;
    if attached(p, machine, network, Lost::SenderDown).is_err() || cross(p, network).is_err() {
        return;
    }
    let blocked = p.segment(network).arp_blocks > 0;
    let record = p.change(at, Some(cause), Change::GratuitousArp { address, machine, blocked });
    if !blocked {
        client::gratuitous_arp(p, at, network, address, machine, record);
    }
}

/// Sends a message between nodes over one of the sender's adapters.
pub(super) fn send(
    p: &mut Plant,
    at: Instant,
    (from, nic): (NodeId, NicId),
    to: NodeId,
    message: Message,
    sent: RecordNo,
) {
    let network = p.adapter(from.into(), nic).network;
    let binding = lease::binding(p, at, from, to);
    match between(p, at, network, from.into(), to.into()) {
        Ok(span) => {
            let to_nic = adapter_on(p, to.into(), network).expect("the receiver is attached");
            if let Some(span) = once_more(p, network, from.into(), to.into()) {
                let again = Input::Frame { nic: to_nic, from, message: message.clone() };
                let place = p.mailbag.put_bound(again, Some(sent), binding);
                p.plan(at + span, Event::Frame { to, nic: to_nic, place });
            }
            let frame = Input::Frame { nic: to_nic, from, message };
            let place = p.mailbag.put_bound(frame, Some(sent), binding);
            p.plan(at + span, Event::Frame { to, nic: to_nic, place });
        }
        Err((why, because)) => {
            let change = Change::FrameLost { from, nic, to, why };
            let lost = p.change(at, Some(because), change);
            p.host_mut(from).lost(nic, to, lost);
            if p.host(to).node.is_some() {
                let reverse = adapter_on(p, to.into(), network);
                if let Some(reverse) = reverse {
                    p.host_mut(to).lost(reverse, from, lost);
                }
            }
        }
    }
}

/// A frame between nodes arrives, if the receiver still listens.
pub(super) fn arrive(p: &mut Plant, at: Instant, to: NodeId, nic: NicId, place: u32) {
    let (input, cause, binding) = p.mailbag.take_bound(place);
    let state = p.machine(to.into());
    if !state.up || !p.adapter(to.into(), nic).up {
        return;
    }
    if host::hangs(p, to) {
        // It waits in the socket's buffer, if there is room.
        let place = p.mailbag.put_bound(input, cause, binding);
        if !host::buffers(p, to, Event::Frame { to, nic, place }) {
            drop(p.mailbag.take(place));
        }
        return;
    }
    if let Input::Frame { from, message, .. } = &input {
        let from = *from;
        p.host_mut(to).heard(nic, from);
        if let Some(binding) = binding.filter(|_| p.host(to).node.is_some()) {
            lease::came(p, at, to, (from, binding), message);
        }
    }
    host::feed(p, at, to, input, cause);
}

/// Sets an adapter's carrier and everything that follows from it.
pub(super) fn set_carrier(
    p: &mut Plant,
    at: Instant,
    machine: MachineId,
    nic: NicId,
    up: bool,
    cause: RecordNo,
) {
    let sense = p.settings().cluster.media_sense_delay;
    let record = p.change(at, Some(cause), Change::Adapter { machine, nic, up });
    let adapter = p.adapter_mut(machine, nic);
    adapter.up = up;
    adapter.since = record;
    adapter.generation += 1;
    let (generation, network) = (adapter.generation, adapter.network);
    if !up {
        p.segment_mut(network).forwarding.remove(&machine);
    }
    p.plan(at + sense, Event::MediaSense { machine, nic, generation });
    connectivity_changed(p, at, record);
}

/// Tells everybody who keeps a connection that who reaches whom may have changed.
pub(super) fn connectivity_changed(p: &mut Plant, at: Instant, cause: RecordNo) {
    storage::connectivity_changed(p, at, cause);
    mail::connectivity_changed(p, at, cause);
    witness::connectivity_changed(p, at, cause);
    balancer::connectivity_changed(p, at, cause);
}

/// A machine notices that one of its adapters gained or lost carrier.
pub(super) fn media_sense(
    p: &mut Plant,
    at: Instant,
    machine: MachineId,
    nic: NicId,
    generation: u32,
) {
    let adapter = p.adapter(machine, nic);
    if adapter.generation != generation || !p.machine(machine).up {
        return;
    }
    let (up, since) = (adapter.up, adapter.since);
    if host::postponed(p, NodeId(machine.0), Event::MediaSense { machine, nic, generation }) {
        return;
    }
    if machine.0 as usize >= p.setup.topology.nodes {
        return;
    }
    let node = NodeId(machine.0);
    host::feed(p, at, node, Input::Link { nic, up }, Some(since));
    if !up {
        resources::interface_failed(p, at, node, nic, since, Failure::InterfaceDown);
    }
}
