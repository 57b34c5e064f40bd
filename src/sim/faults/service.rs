//! Services that stop, hang or are slow.

use super::super::event::Event;
use super::super::plant::Plant;
use super::super::{client, host, mail, net, storage};
use crate::base::{Instant, MachineId, NodeId, Ratio};
use crate::failover::seam::{Input, Order};
use crate::journal::RecordNo;
use crate::journal::record::{Plant as Change, ServiceState};
use crate::model::Service;

/// Stops a service as an administrator does, or starts it again.
pub(super) fn stop(
    p: &mut Plant,
    at: Instant,
    machine: MachineId,
    service: Service,
    strikes: bool,
    cause: RecordNo,
) {
    if service == Service::Cluster {
        let node = NodeId(machine.0);
        if strikes {
            host::feed(p, at, node, Input::Order(Order::StopService), Some(cause));
        } else {
            let life = host::life(p, node);
            p.plan(at, Event::StartClusterService { node, life });
        }
        return;
    }
    let state = if strikes { ServiceState::Stopped } else { ServiceState::Running };
    set(p, at, machine, service, state, cause);
}

/// A service takes requests and answers none, or comes back to itself.
pub(super) fn hang(
    p: &mut Plant,
    at: Instant,
    machine: MachineId,
    service: Service,
    strikes: bool,
    cause: RecordNo,
) {
    let state = if strikes { ServiceState::Hung } else { ServiceState::Running };
    set(p, at, machine, service, state, cause);
}

/// Changes the factor on a service's times.
pub(super) fn slow(p: &mut Plant, machine: MachineId, service: Service, factor: Ratio) {
    p.machine_mut(machine).services[service as usize].slow = factor;
}

fn set(
    p: &mut Plant,
    at: Instant,
    machine: MachineId,
    service: Service,
    state: ServiceState,
    cause: RecordNo,
) {
    let record = p.change(at, Some(cause), Change::Service { machine, service, state });
    let slot = &mut p.machine_mut(machine).services[service as usize];
    let hung = slot.state == ServiceState::Hung;
    if slot.state == ServiceState::Stopped {
        slot.started = record;
    }
    slot.state = state;
    slot.since = record;
    storage::service_changed(p, at, machine, service, record);
    mail::service_changed(p, at, machine, record);
    net::connectivity_changed(p, at, record);
    if hung && state == ServiceState::Running {
        client::resumed(p, at);
    }
}
