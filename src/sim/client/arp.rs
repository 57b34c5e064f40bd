//! A client host's packets for its neighbour cache: broadcasts, probes, gratuitous ARP heard.

use super::super::event::Event as Planned;
use super::super::net;
use super::super::plant::Plant;
use super::neighbour::{Due, Way};
use super::{Event, balanced, earlier, tcp};
use crate::base::{Address, ClientId, Instant, MachineId, NetId, Span};
use crate::journal::RecordNo;
use crate::journal::record::{Host, Lost, Plant as Change};

/// The machine that a packet to an address goes to and how long finding it took; none if the
/// packet has to wait for an answer.
pub(super) fn route(
    p: &mut Plant,
    at: Instant,
    id: ClientId,
    address: Address,
) -> Option<(MachineId, Span)> {
    let times = p.settings().neighbour_cache;
    match p.client_mut(id).neighbours.way(at, address, &times) {
        Way::To(machine) => Some((machine, Span::ZERO)),
        Way::ToWithTimer(machine, when, entry) => {
            p.plan(when, Planned::Client(id, Event::Neighbour { address, entry }));
            Some((machine, Span::ZERO))
        }
        Way::Ask => broadcast(p, at, id, address),
        Way::Wait => None,
    }
}

/// Asks everybody on the network who has an address.
fn broadcast(
    p: &mut Plant,
    at: Instant,
    id: ClientId,
    address: Address,
) -> Option<(MachineId, Span)> {
    let times = p.settings().neighbour_cache;
    let network = p.client_mut(id).network;
    let owner = net::owner(p, network, address);
    let answer = owner.and_then(|(machine, since)| {
        let there = net::to_client(p, network, machine).ok()?;
        let back = net::to_client(p, network, machine).ok()?;
        Some((machine, since, there + back))
    });
    let Some((machine, since, span)) = answer else {
        let timer = p.client_mut(id).neighbours.unanswered(at, address, &times);
        if let Some((when, entry)) = timer {
            p.plan(when, Planned::Client(id, Event::Neighbour { address, entry }));
        }
        return None;
    };
    if p.client_mut(id).neighbours.resolved(at, address, machine, since, &times) {
        changed(p, at, id, address, Some(machine), since);
    }
    Some((machine, span))
}

/// Writes down that an entry leads elsewhere now.
fn changed(
    p: &mut Plant,
    at: Instant,
    id: ClientId,
    address: Address,
    machine: Option<MachineId>,
    cause: RecordNo,
) {
    let change = Change::Neighbour { host: Host::Client(id), address, machine };
    let record = p.change(at, earlier(cause), change);
    p.client_mut(id).neighbours.recorded(address, record);
}

/// The timer of an entry rings.
pub(super) fn due(p: &mut Plant, at: Instant, id: ClientId, address: Address, entry: u32) {
    let times = p.settings().neighbour_cache;
    match p.client_mut(id).neighbours.due(address, entry, &times) {
        Due::Nothing => {}
        Due::Broadcast => {
            if let Some((machine, span)) = broadcast(p, at, id, address) {
                release(p, at, id, address, machine, span);
            }
        }
        Due::Unresolved => p.client_mut(id).flight.queued = false,
        Due::Probe(machine) => {
            if probe(p, id, address, machine).is_ok() {
                p.client_mut(id).neighbours.confirmed(at, address);
                return;
            }
            let timer = p.client_mut(id).neighbours.probed(at, address, &times);
            if let Some((when, entry)) = timer {
                p.plan(when, Planned::Client(id, Event::Neighbour { address, entry }));
            }
        }
        Due::Dropped(machine) => {
            let because = probe(p, id, address, machine).err().unwrap_or(RecordNo(0));
            changed(p, at, id, address, None, because);
        }
    }
}

/// Whether the machine that an entry leads to still has the address and answers; what stands in
/// the way if not.
fn probe(
    p: &mut Plant,
    id: ClientId,
    address: Address,
    machine: MachineId,
) -> Result<(), RecordNo> {
    let network = p.client_mut(id).network;
    if balanced::shared_and_alive(p, address) == Some(true) {
        // Every host answers for the address that they share.
        return net::cross(p, network).map(|_| ()).map_err(|(_, because)| because);
    }
    net::to_client(p, network, machine).map_err(|(_, because)| because)?;
    let nic = net::attached(p, machine, network, Lost::ReceiverDown);
    let nic = nic.map_err(|(_, because)| because)?;
    let removed = p.client_mut(id).neighbours.since(address);
    net::bound(p, machine, nic, address).ok_or(removed)?;
    net::to_client(p, network, machine).map_err(|(_, because)| because)?;
    Ok(())
}

/// Sends the segment that waited for an address.
fn release(
    p: &mut Plant,
    at: Instant,
    id: ClientId,
    address: Address,
    machine: MachineId,
    span: Span,
) {
    let flight = &p.client_mut(id).flight;
    if flight.queued && flight.address == address {
        tcp::depart(p, at, id, machine, span);
    }
}

/// Every client on a network hears that a machine has an address.
pub(in crate::sim) fn gratuitous_arp(
    p: &mut Plant,
    at: Instant,
    network: NetId,
    address: Address,
    machine: MachineId,
    cause: RecordNo,
) {
    let times = p.settings().neighbour_cache;
    for id in p.client_ids() {
        let client = p.client_mut(id);
        if client.network != network {
            continue;
        }
        let elsewhere = client.neighbours.heard(at, address, machine, &times);
        let waits = client.flight.queued && client.flight.address == address;
        if elsewhere {
            changed(p, at, id, address, Some(machine), cause);
        }
        if waits && let Some((machine, span)) = route(p, at, id, address) {
            release(p, at, id, address, machine, span);
        }
    }
}
