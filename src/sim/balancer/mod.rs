//! Load balancers: devices that connections pass, and Windows Network Load Balancing, where the
//! servers share an address among themselves (exchange.md §5).
//!
//! Who is healthy and who hears whom is worked out when something changes; what a monitor or a
//! heartbeat would find by then is planned for the moment at which it would.

mod device;
mod hosts;

use super::event::Event as Planned;
use super::plant::Plant;
use crate::base::{Address, BalancerId, IdVec, Instant, MachineId};
use crate::journal::RecordNo;
use crate::model::Service;
use crate::model::topology::{LoadBalancerKind, Topology};
use bevy_ecs::prelude::Resource;

pub(super) use device::{choose, marked_down};
pub(super) use hosts::{bucket, owner};

/// What happens later to a load balancer. An event of an earlier turn is void.
#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    /// A monitor knows that a service on a server is up or down.
    Judge { balancer: BalancerId, server: u8, service: Service, turn: u32 },
    /// The standby device has not heard the active one for long enough.
    TakeOver { balancer: BalancerId, turn: u32 },
    /// Hosts have missed enough heartbeats of a host, or heard one that is new.
    Noticed { balancer: BalancerId, turn: u32 },
    /// A convergence ends.
    Converged { balancer: BalancerId },
}

/// A load balancer's state.
enum Balancer {
    Device(device::Device),
    Hosts(hosts::Hosts),
}

/// Every load balancer.
#[derive(Resource)]
pub(super) struct Balancers(IdVec<BalancerId, Balancer>);

impl Balancers {
    pub(super) fn new(topology: &Topology) -> Self {
        let states = topology.load_balancers.values().map(|of| match &of.kind {
            LoadBalancerKind::Hardware { devices } => {
                Balancer::Device(device::Device::new(devices[0], of.servers.len()))
            }
            LoadBalancerKind::Network { .. } => {
                let buckets = topology.settings.network_load_balancing.buckets;
                Balancer::Hosts(hosts::Hosts::new(&of.servers, buckets as usize))
            }
        });
        Balancers(states.collect())
    }

    fn device(&mut self, id: BalancerId) -> &mut device::Device {
        match &mut self.0[id] {
            Balancer::Device(device) => device,
            Balancer::Hosts(_) => unreachable!("the events of a device are a device's"),
        }
    }

    fn hosts(&self, id: BalancerId) -> &hosts::Hosts {
        match &self.0[id] {
            Balancer::Hosts(hosts) => hosts,
            Balancer::Device(_) => unreachable!("the events of hosts are hosts'"),
        }
    }

    fn hosts_mut(&mut self, id: BalancerId) -> &mut hosts::Hosts {
        match &mut self.0[id] {
            Balancer::Hosts(hosts) => hosts,
            Balancer::Device(_) => unreachable!("the events of hosts are hosts'"),
        }
    }
}

/// The addresses of load balancers that a machine has from the start.
pub(super) fn addresses(topology: &Topology, machine: MachineId) -> impl Iterator<Item = Address> {
    let balancers = topology.load_balancers.values();
    let here = balancers.filter(move |of| match &of.kind {
        LoadBalancerKind::Hardware { devices } => devices.first() == Some(&machine),
        LoadBalancerKind::Network { .. } => of.servers.contains(&machine),
    });
    here.map(|of| of.address)
}

/// The load balancer with an address.
pub(super) fn at_address(p: &Plant, address: Address) -> Option<BalancerId> {
    let mut balancers = p.setup.topology.load_balancers.iter();
    balancers.find(|(_, of)| of.address == address).map(|(id, _)| id)
}

/// Whether connections to a load balancer pass a device.
pub(super) fn has_device(p: &Plant, balancer: BalancerId) -> bool {
    !p.setup.topology.load_balancers[balancer].devices().is_empty()
}

/// Something planned happens.
pub(super) fn handle(p: &mut Plant, at: Instant, event: Event) {
    match event {
        Event::Judge { balancer, server, service, turn } => {
            device::judge(p, at, balancer, (usize::from(server), service), turn);
        }
        Event::TakeOver { balancer, turn } => device::take_over(p, at, balancer, turn),
        Event::Noticed { balancer, turn } => hosts::noticed(p, at, balancer, turn),
        Event::Converged { balancer } => hosts::converged(p, at, balancer),
    }
}

/// Who reaches whom, or which service runs, may have changed.
pub(super) fn connectivity_changed(p: &mut Plant, at: Instant, cause: RecordNo) {
    for balancer in p.setup.topology.load_balancers.ids() {
        if has_device(p, balancer) {
            device::changed(p, at, balancer, cause);
        } else {
            hosts::changed(p, at, balancer, cause);
        }
    }
}

fn plan(p: &mut Plant, at: Instant, event: Event) {
    p.plan(at, Planned::Balancer(event));
}
