//! A device: it checks every service on every server, and sends a new connection to the server
//! that its client went to last, or else to the one with the fewest connections.

use super::super::plant::Plant;
use super::super::{client, net};
use super::{Event, plan};
use crate::base::{BalancerId, ClientId, IdVec, Instant, MachineId};
use crate::journal::RecordNo;
use crate::journal::record::{Lost, Plant as Change, ServiceState};
use crate::model::Service;
use crate::model::topology::LoadBalancer;
use std::collections::BTreeMap;

/// What a monitor knows of a service on a server.
#[derive(Clone, Copy)]
struct Health {
    /// Whether new connections are sent there.
    up: bool,
    /// The record that marked it.
    since: RecordNo,
    /// Whether a check would succeed now, and the record that made it so.
    real: (bool, RecordNo),
    /// Counts changes of that.
    turn: u32,
}

/// A device's state.
pub(super) struct Device {
    /// The device that has the address.
    active: MachineId,
    /// Whether the standby hears it, and a count of the changes.
    heard: (bool, u32),
    /// By server and service.
    health: Vec<BTreeMap<Service, Health>>,
    /// The server that each client went to last, and when.
    persistence: BTreeMap<ClientId, (MachineId, Instant)>,
}

impl Device {
    pub(super) fn new(active: MachineId, servers: usize) -> Self {
        let zero = RecordNo(0);
        let up = Health { up: true, since: zero, real: (true, zero), turn: 0 };
        let health = LoadBalancer::SERVICES.map(|service| (service, up)).into_iter().collect();
        let health = vec![health; servers];
        Device { active, heard: (true, 0), health, persistence: BTreeMap::new() }
    }
}

fn state<'p>(p: &'p Plant<'_>, balancer: BalancerId) -> &'p Device {
    match &p.balancers.0[balancer] {
        super::Balancer::Device(device) => device,
        super::Balancer::Hosts(_) => unreachable!("a device's functions are given devices"),
    }
}

/// Whether a check of a service would succeed now, and whether its failure is told at once.
fn check(p: &Plant, balancer: BalancerId, server: MachineId, service: Service) -> (bool, bool) {
    let network = p.setup.topology.load_balancers[balancer].network;
    let device = state(p, balancer).active;
    let segment = p.segment(network);
    let reached = segment.holds == 0
        && segment.cut_between(device, server).is_none()
        && net::attached(p, server, network, Lost::ReceiverDown).is_ok();
    let reads = p.settings().hardware_load_balancer.monitor_reads_answer;
    match p.service(server, service).state {
        _ if !reached => (false, false),
        ServiceState::Running => (true, true),
        ServiceState::Stopped => (false, true),
        ServiceState::Hung => (!reads, false),
    }
}

/// Looks what has changed for the monitors, and whether the standby hears the active device.
pub(super) fn changed(p: &mut Plant, at: Instant, balancer: BalancerId, cause: RecordNo) {
    let network = p.setup.topology.load_balancers[balancer].network;
    let attached = |p: &Plant, device| net::attached(p, device, network, Lost::SenderDown).is_ok();
    let works = attached(p, state(p, balancer).active);
    let after = p.settings().hardware_load_balancer.failover_after;
    let (heard, turn) = &mut p.balancers.device(balancer).heard;
    if *heard != works {
        *heard = works;
        *turn += 1;
        let turn = *turn;
        if !works {
            plan(p, at + after, Event::TakeOver { balancer, turn });
        }
    }
    if works {
        look(p, at, balancer, cause);
    }
}

/// Plans when the monitors will know what is so now.
fn look(p: &mut Plant, at: Instant, balancer: BalancerId, cause: RecordNo) {
    let settings = p.settings().hardware_load_balancer;
    let interval = settings.monitor_interval;
    let passed = at.as_nanos() % interval.as_nanos();
    let next = at + (interval - crate::base::Span::from_nanos(passed));
    for place in 0..p.setup.topology.load_balancers[balancer].servers.len() {
        let server = p.setup.topology.load_balancers[balancer].servers[place];
        for service in LoadBalancer::SERVICES {
            let (real, told) = check(p, balancer, server, service);
            let health = p.balancers.device(balancer).health[place].get_mut(&service);
            let health = health.expect("every service is checked");
            if health.real.0 == real {
                continue;
            }
            health.real = (real, cause);
            health.turn += 1;
            if health.up == real {
                continue;
            }
            let turn = health.turn;
            let more = interval * u64::from(settings.monitor_failures - 1);
            let when = match (real, told) {
                (true, _) => next,
                (false, true) => next + more,
                (false, false) => next + more + settings.monitor_timeout,
            };
            let server = u8::try_from(place).expect("at most 80 servers");
            plan(p, when, Event::Judge { balancer, server, service, turn });
        }
    }
}

/// A monitor knows: a server is marked. One that is down gets no new connection, and those that
/// it has are reset.
pub(super) fn judge(
    p: &mut Plant,
    at: Instant,
    balancer: BalancerId,
    (place, service): (usize, Service),
    turn: u32,
) {
    let network = p.setup.topology.load_balancers[balancer].network;
    let machine = p.setup.topology.load_balancers[balancer].servers[place];
    let works = net::attached(p, state(p, balancer).active, network, Lost::SenderDown).is_ok();
    let health = p.balancers.device(balancer).health[place].get_mut(&service);
    let health = health.expect("every service is checked");
    if health.turn != turn {
        return;
    }
    if !works {
        // The device does not check anything; it begins anew when it is back.
        health.real.0 = health.up;
        return;
    }
    let (up, cause) = health.real;
    let change = Change::ServerMarked { balancer, machine, service, up };
    let record = p.change(at, Some(cause), change);
    let health = p.balancers.device(balancer).health[place].get_mut(&service);
    let health = health.expect("every service is checked");
    health.up = up;
    health.since = record;
    if !up && p.settings().hardware_load_balancer.resets_when_down {
        client::drop_connections(p, at, balancer, machine, service, record);
    }
}

/// The record that marked a service on a server as down, if it is.
pub(in crate::sim) fn marked_down(
    p: &Plant,
    balancer: BalancerId,
    server: MachineId,
    service: Service,
) -> Option<RecordNo> {
    let servers = &p.setup.topology.load_balancers[balancer].servers;
    let place = servers.iter().position(|other| *other == server)?;
    let health = state(p, balancer).health[place].get(&service)?;
    (!health.up).then_some(health.since)
}

/// The server for a new connection, with the newest record that the choice rests on; or the
/// record since which there is none.
pub(in crate::sim) fn choose(
    p: &mut Plant,
    at: Instant,
    balancer: BalancerId,
    client: ClientId,
    service: Service,
) -> Result<(MachineId, RecordNo), RecordNo> {
    let topology = p.setup.topology.clone();
    let servers = &topology.load_balancers[balancer].servers;
    let device = state(p, balancer);
    let since = device.health.iter().map(|of| of[&service].since).max().unwrap_or(RecordNo(0));
    let healthy: Vec<MachineId> = servers
        .iter()
        .zip(&device.health)
        .filter(|(_, of)| of[&service].up)
        .map(|(server, _)| *server)
        .collect();
    let lasts = p.settings().hardware_load_balancer.persistence_timeout;
    let kept = device.persistence.get(&client).copied();
    let kept = kept.filter(|(server, last)| healthy.contains(server) && at < *last + lasts);
    let chosen = match kept {
        Some((server, _)) => server,
        None => fewest(p, balancer, &healthy).ok_or(since)?,
    };
    p.balancers.device(balancer).persistence.insert(client, (chosen, at));
    Ok((chosen, since))
}

/// The server with the fewest connections, of several the first.
fn fewest(p: &Plant, balancer: BalancerId, servers: &[MachineId]) -> Option<MachineId> {
    if servers.len() < 2 {
        return servers.first().copied();
    }
    let mut counts: IdVec<MachineId, u32> = IdVec::filled(p.setup.topology.machines.len(), 0);
    for server in client::connections(p, balancer) {
        counts[server] += 1;
    }
    servers.iter().copied().min_by_key(|server| counts[*server])
}

/// The standby takes the address of a device that it does not hear.
pub(super) fn take_over(p: &mut Plant, at: Instant, balancer: BalancerId, turn: u32) {
    let device = p.balancers.device(balancer);
    let former = device.active;
    if device.heard != (false, turn) {
        return;
    }
    let topology = p.setup.topology.clone();
    let of = &topology.load_balancers[balancer];
    let ready = |p: &Plant, device: MachineId| {
        net::attached(p, device, of.network, Lost::ReceiverDown).ok().map(|nic| (device, nic))
    };
    let standby = of.devices().iter().copied().filter(|device| *device != former);
    let Some((machine, nic)) = standby.into_iter().find_map(|device| ready(p, device)) else {
        return;
    };
    let mut cause = p.machine(former).since;
    if let Some(nic) = net::adapter_on(p, former, of.network) {
        cause = cause.max(p.adapter(former, nic).since);
        p.adapter_mut(former, nic).bound.retain(|(address, _)| *address != of.address);
    }
    let change = Change::AddressDown { address: of.address, machine: former };
    p.change(at, Some(cause), change);
    let change = Change::AddressUp { address: of.address, machine, nic };
    let record = p.change(at, Some(cause), change);
    p.adapter_mut(machine, nic).bound.push((of.address, record));
    let device = p.balancers.device(balancer);
    device.active = machine;
    device.heard = (true, turn + 1);
    device.persistence.clear();
    net::announce(p, at, machine, nic, of.address, record);
    look(p, at, balancer, record);
}
