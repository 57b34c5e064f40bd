//! A client's connection to the address of a load balancer: which machine takes a segment, and how
//! the answer comes back.

use super::super::event::Event as Planned;
use super::super::plant::Plant;
use super::super::{balancer, net};
use super::server::reset;
use super::tcp::lost;
use super::{Event, Step};
use crate::base::{BalancerId, ClientId, Instant, MachineId, Span};
use crate::journal::RecordNo;
use crate::journal::record::Lost;
use crate::model::Service;

/// The load balancer that a connection goes through.
#[derive(Clone, Copy, Debug)]
pub(super) struct Via {
    pub balancer: BalancerId,
    /// The device that it passes and that machine's life; none with Network Load Balancing.
    pub device: Option<(MachineId, u32)>,
    /// The bucket of Network Load Balancing.
    pub bucket: u32,
    /// The record that made it go where it goes.
    pub since: RecordNo,
}

/// The way of a client's connection, or of the one that it asks for.
pub(super) fn via(p: &Plant, id: ClientId) -> Option<Via> {
    let client = p.client(id);
    match client.step {
        Step::Connect => client.flight.via,
        _ => client.link.as_ref().and_then(|link| link.via),
    }
}

/// The machine that takes a segment: where the client's neighbour cache leads or, with Network
/// Load Balancing, the host that has the connection or the bucket.
pub(super) fn receiver(
    p: &mut Plant,
    id: ClientId,
    leads: MachineId,
) -> Result<MachineId, RecordNo> {
    let client = p.client(id);
    let (address, network, service) = (client.flight.address, client.network, client.service());
    let Some(balancer) = balancer::at_address(p, address) else { return Ok(leads) };
    if balancer::has_device(p, balancer) {
        return Ok(leads);
    }
    let connects = client.step == Step::Connect;
    let link = client.link.filter(|_| !connects);
    if let Some(link) = link
        && p.machine(link.machine).life == link.life
        && net::attached(p, link.machine, network, Lost::ReceiverDown).is_ok()
    {
        return Ok(link.machine);
    }
    let kept = link.and_then(|link| link.via).map(|via| via.bucket);
    let bucket = kept.unwrap_or_else(|| balancer::bucket(p, balancer, id, client.turn));
    let (host, since) = balancer::owner(p, balancer, bucket, service)?;
    p.client_mut(id).flight.via = Some(Via { balancer, device: None, bucket, since });
    Ok(host)
}

/// Whether an address is one that several hosts answer for, and one of them is there.
pub(super) fn shared_and_alive(p: &Plant, address: crate::base::Address) -> Option<bool> {
    let balancer = balancer::at_address(p, address).filter(|id| !balancer::has_device(p, *id))?;
    let of = &p.setup.topology.load_balancers[balancer];
    let there = |host: &MachineId| net::attached(p, *host, of.network, Lost::ReceiverDown).is_ok();
    Some(of.servers.iter().any(there))
}

/// A segment for a load balancer's address arrives at its device, and is sent on. True if that was
/// so.
pub(super) fn pass(p: &mut Plant, at: Instant, id: ClientId, device: MachineId) -> bool {
    let client = p.client(id);
    let (address, network, service) = (client.flight.address, client.network, client.service());
    let Some(balancer) = balancer::at_address(p, address) else { return false };
    let devices = p.setup.topology.load_balancers[balancer].devices();
    if !devices.contains(&device) {
        return false;
    }
    let (step, link, obstacle) = (client.step, client.link, client.flight.obstacle);
    match net::attached(p, device, network, Lost::ReceiverDown) {
        Err((_, because)) => lost(p, at, id, because),
        Ok(nic) if net::bound(p, device, nic, address).is_none() => lost(p, at, id, obstacle),
        Ok(_) if step == Step::Connect => match balancer::choose(p, at, balancer, id, service) {
            Ok((server, since)) => {
                let life = p.machine(device).life;
                let via = Via { balancer, device: Some((device, life)), bucket: 0, since };
                p.client_mut(id).flight.via = Some(via);
                send_on(p, at, id, device, server);
            }
            // Nobody is there to connect to: the device refuses.
            Err(because) => reset(p, at, id, device, because),
        },
        Ok(nic) => {
            let link = link.expect("data goes over a connection");
            let here = Some((device, p.machine(device).life));
            if link.via.and_then(|via| via.device) != here {
                let bound = net::bound(p, device, nic, address).unwrap_or(RecordNo(0));
                let because = bound.max(p.machine(device).since);
                reset(p, at, id, device, because);
            } else if let Some(because) =
                balancer::marked_down(p, balancer, link.machine, link.service)
                && p.settings().hardware_load_balancer.resets_when_down
            {
                reset(p, at, id, device, because);
            } else {
                send_on(p, at, id, device, link.machine);
            }
        }
    }
    true
}

fn send_on(p: &mut Plant, at: Instant, id: ClientId, device: MachineId, server: MachineId) {
    let (network, turn) = (p.client(id).network, p.client(id).turn);
    match net::between(p, at, network, device, server) {
        Ok(span) => {
            p.plan(at + span, Planned::Client(id, Event::Arrive { turn, machine: server }));
        }
        Err((_, because)) => lost(p, at, id, because),
    }
}

/// A segment from a machine to the client, by the way that the connection has: the time, or what
/// stands in it.
pub(super) fn to_client(
    p: &mut Plant,
    at: Instant,
    id: ClientId,
    machine: MachineId,
) -> Result<Span, RecordNo> {
    let network = p.client(id).network;
    // What a device says itself goes straight to the client.
    let devices = |via: &Via| p.setup.topology.load_balancers[via.balancer].devices();
    let through = via(p, id).filter(|via| !devices(via).contains(&machine));
    let Some((device, life)) = through.and_then(|via| via.device) else {
        return net::to_client(p, network, machine).map_err(|(_, because)| because);
    };
    if p.machine(device).life != life {
        return Err(p.machine(device).since);
    }
    let there = net::between(p, at, network, machine, device).map_err(|(_, because)| because)?;
    let back = net::to_client(p, network, device).map_err(|(_, because)| because)?;
    Ok(there + back)
}

/// The servers that clients are connected to through a load balancer, once for each connection.
pub(in crate::sim) fn connections(p: &Plant, balancer: BalancerId) -> Vec<MachineId> {
    let links = p.client_ids().filter_map(|id| p.client(id).link);
    let through = links.filter(|link| link.via.is_some_and(|via| via.balancer == balancer));
    through.map(|link| link.machine).collect()
}

/// A device resets every connection to a service on a server. Who waits for an answer hears of it
/// at once, the others when they send something.
pub(in crate::sim) fn drop_connections(
    p: &mut Plant,
    at: Instant,
    balancer: BalancerId,
    server: MachineId,
    service: Service,
    because: RecordNo,
) {
    for id in p.client_ids() {
        let client = p.client(id);
        let Some(link) = client.link else { continue };
        let through = link.via.filter(|via| via.balancer == balancer);
        let waits = matches!(client.step, Step::LogOn | Step::Work);
        let Some((device, _)) = through.and_then(|via| via.device) else { continue };
        if (link.machine, link.service) == (server, service) && waits {
            reset(p, at, id, device, because);
        }
    }
}
