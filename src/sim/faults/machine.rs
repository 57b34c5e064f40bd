//! Machines that lose power or stand still.

use super::super::event::Event;
use super::super::plant::Plant;
use super::super::{client, host, lease, mail, net, resources, storage};
use super::{postponed, service};
use crate::base::{Instant, MachineId, NodeId};
use crate::journal::RecordNo;
use crate::journal::record::{Plant as Change, ServiceState};
use crate::model::Service;

/// The cluster member that a machine is, if it is one.
fn member(p: &Plant, machine: MachineId) -> Option<NodeId> {
    (usize::from(machine.0) < p.setup.topology.nodes).then_some(NodeId(machine.0))
}

fn set_up(p: &mut Plant, at: Instant, machine: MachineId, up: bool, cause: RecordNo) -> RecordNo {
    let record = p.change(at, Some(cause), Change::Machine { machine, up });
    let state = p.machine_mut(machine);
    state.up = up;
    state.since = record;
    record
}

/// Cuts a machine's power, or gives it back: then it boots.
pub(super) fn power(
    p: &mut Plant,
    at: Instant,
    machine: MachineId,
    strikes: bool,
    cause: RecordNo,
) {
    if !strikes {
        let life = p.machine(machine).life;
        let boot = p.settings().power.boot_time;
        p.plan(at + boot, Event::PowerOn { machine, life, cause });
        return;
    }
    off(p, at, machine, cause);
}

/// A machine is off from now on: whatever it did ends.
fn off(p: &mut Plant, at: Instant, machine: MachineId, cause: RecordNo) -> RecordNo {
    let record = set_up(p, at, machine, false, cause);
    let state = p.machine_mut(machine);
    state.life += 1;
    state.frozen = false;
    p.faults.postponed.retain(|(of, _)| *of != machine);
    if let Some(node) = member(p, machine) {
        host::kill(p, at, node, record);
    }
    lease::machine_off(p, at, machine, record);
    resources::machine_off(p, at, machine, record);
    changed(p, at, machine, false, record);
    record
}

/// A machine is told to shut down and boot. A member's Cluster service is stopped in good order
/// meanwhile; whatever has not ended by then ends with the machine.
pub(super) fn reboot(p: &mut Plant, at: Instant, machine: MachineId, cause: RecordNo) {
    if !p.machine(machine).up {
        return;
    }
    if let Some(node) = member(p, machine) {
        host::stop_service(p, at, node, cause);
    }
    let (life, work) = (p.machine(machine).life, p.settings().power.shutdown_time);
    p.plan(at + work, Event::ShutDown { machine, life, cause });
}

/// A machine has shut down to boot.
pub(in crate::sim) fn shut_down(
    p: &mut Plant,
    at: Instant,
    machine: MachineId,
    life: u32,
    cause: RecordNo,
) {
    let same = p.machine(machine).life == life;
    if !same || postponed(p, machine, Event::ShutDown { machine, life, cause }) {
        return;
    }
    let record = off(p, at, machine, cause);
    power(p, at, machine, false, record);
}

/// A machine has booted: its services run again.
pub(in crate::sim) fn power_on(
    p: &mut Plant,
    at: Instant,
    machine: MachineId,
    life: u32,
    cause: RecordNo,
) {
    if p.machine(machine).life != life || p.machine(machine).up {
        return;
    }
    let record = set_up(p, at, machine, true, cause);
    let wanted = Service::ALL.map(|service| service::wanted(p, machine, service));
    let state = p.machine_mut(machine);
    state.booted = at;
    let mut changes = Vec::new();
    for ((service, slot), wanted) in Service::ALL.iter().zip(&mut state.services).zip(wanted) {
        if *service != Service::Cluster && slot.installed {
            changes.extend((slot.state != wanted).then_some((*service, wanted)));
            slot.state = wanted;
            slot.since = record;
            slot.started = record;
        }
    }
    // One that had ended before the machine did starts with it.
    for (service, state) in changes {
        p.change(at, Some(record), Change::Service { machine, service, state });
    }
    changed(p, at, machine, true, record);
    let starts = service::wanted(p, machine, Service::Cluster) == ServiceState::Running;
    if let Some(node) = member(p, machine).filter(|_| starts) {
        let life = host::life(p, node);
        p.plan(at, Event::StartClusterService { node, life });
    }
}

/// Stops a machine's clock, or lets it go on.
pub(super) fn freeze(
    p: &mut Plant,
    at: Instant,
    machine: MachineId,
    strikes: bool,
    cause: RecordNo,
) {
    let state = p.machine(machine);
    if state.frozen == strikes || strikes && !state.up {
        return;
    }
    let record = set_up(p, at, machine, !strikes, cause);
    p.machine_mut(machine).frozen = strikes;
    net::connectivity_changed(p, at, record);
    if !strikes {
        let (due, rest): (Vec<_>, Vec<_>) =
            p.faults.postponed.drain(..).partition(|(of, _)| *of == machine);
        p.faults.postponed = rest;
        for (_, event) in due {
            p.plan(at, event);
        }
        if let Some(node) = member(p, machine) {
            host::thaw(p, at, node);
        }
        storage::thawed(p, at, machine, record);
        client::resumed(p, at);
    }
}

fn changed(p: &mut Plant, at: Instant, machine: MachineId, up: bool, cause: RecordNo) {
    storage::machine_changed(p, at, machine, up, cause);
    mail::machine_changed(p, at, machine, up, cause);
    net::connectivity_changed(p, at, cause);
}
