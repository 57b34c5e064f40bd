//! Events of the calendar: small values; what is large waits in a slab.

use super::{balancer, client, lease, mail, storage};
use crate::base::{ClientId, MachineId, NicId, NodeId, OpId, ResourceId};
use crate::journal::RecordNo;
use crate::model::Service;

/// Something that happens at a moment.
#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    /// A node's deadline; ignored if the node has another one by now.
    Wake { node: NodeId, generation: u32 },
    /// An input for a node's present life waits in the slab.
    Feed { node: NodeId, life: u32, place: u32 },
    /// The Service Control Manager starts the Cluster service.
    StartClusterService { node: NodeId, life: u32 },
    /// A frame between nodes arrives.
    Frame { to: NodeId, nic: NicId, place: u32 },
    /// Part of a resource's way online, offline or through a check.
    Resource {
        node: NodeId,
        life: u32,
        op: OpId,
        resource: ResourceId,
        stage: super::resources::Stage,
    },
    /// The witness's file server has worked on a request, or its lease ran out.
    Witness(super::witness::Event),
    /// An adapter's change of carrier is noticed by its own machine.
    MediaSense { machine: MachineId, nic: NicId, generation: u32 },
    /// A machine that got its power back has booted.
    PowerOn { machine: MachineId, life: u32, cause: RecordNo },
    /// A machine has shut down to boot.
    ShutDown { machine: MachineId, life: u32, cause: RecordNo },
    /// The Service Control Manager starts a service that has crashed.
    RestartService { machine: MachineId, service: Service, crash: RecordNo },
    /// A machine goes on after a fault of one of its services came or went while it stood still.
    ServiceChanged { machine: MachineId, service: Service, cause: RecordNo },
    /// A fault of the plan strikes.
    Strike(u16),
    /// A fault of the plan heals.
    Heal(u16),
    /// A step of the scenario.
    Step(u16),
    /// Storage: logs, copies, mounts.
    Storage(storage::Event),
    /// Mail flow.
    Mail(mail::Event),
    /// Leases.
    Lease(lease::Event),
    /// A load balancer.
    Balancer(balancer::Event),
    /// A client.
    Client(ClientId, client::Event),
}

/// Events travel through the calendar's wheel several times each, so they stay small.
const _: () = assert!(size_of::<Event>() <= 32, "an event is small; let a slab hold the rest");
