//! What stands behind a name that clients use: a group, a load balancer, a machine.

use super::fault::Service;
use crate::base::{Address, BalancerId, GroupId, MachineId, NetId};
use serde::{Deserialize, Serialize};

/// What stands behind a name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum ServerName {
    /// The Network Name of a cluster group.
    Group(GroupId),
    /// A load balancer.
    LoadBalancer(BalancerId),
    /// A machine's own name.
    Machine(MachineId),
}

impl ServerName {
    /// The group, if it is one.
    pub const fn group(self) -> Option<GroupId> {
        match self {
            ServerName::Group(group) => Some(group),
            ServerName::LoadBalancer(_) | ServerName::Machine(_) => None,
        }
    }
}

/// A load balancer: one address before several servers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LoadBalancer {
    /// Its name, which is the host part of the name in DNS.
    pub name: String,
    /// The address that clients connect to.
    pub address: Address,
    /// The network that clients, servers and devices are on.
    pub network: NetId,
    /// The servers; their order is that of ties and of host priorities.
    pub servers: Vec<MachineId>,
    /// How it works.
    pub kind: LoadBalancerKind,
}

/// How a load balancer works.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum LoadBalancerKind {
    /// A device that connections pass.
    Hardware {
        /// The device, and its standby if there is one.
        devices: Vec<MachineId>,
    },
    /// Windows Network Load Balancing: the servers share the address among themselves.
    Network {
        /// Which connections stay together.
        affinity: Affinity,
        /// The services whose connections are shared; others go to the default host.
        port_rules: Vec<Service>,
    },
}

/// Which connections go to the same host (exchange.md §5).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum Affinity {
    /// `none`: each connection by itself.
    None,
    /// `single`: all of a client (the default).
    #[default]
    Single,
    /// `class-c`: all of the clients in a class C network.
    ClassC,
}

impl LoadBalancer {
    /// Services that clients connect to.
    pub const SERVICES: [Service; 6] = [
        Service::RpcClientAccess,
        Service::Owa,
        Service::Autodiscover,
        Service::HubTransport,
        Service::OutlookAnywhere,
        Service::ActiveSync,
    ];

    /// Devices that connections pass; none of Network Load Balancing.
    pub fn devices(&self) -> &[MachineId] {
        match &self.kind {
            LoadBalancerKind::Hardware { devices } => devices,
            LoadBalancerKind::Network { .. } => &[],
        }
    }
}
