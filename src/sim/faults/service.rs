//! Services that stop, hang or are slow.

use super::super::event::Event;
use super::super::plant::Plant;
use super::super::{client, host, mail, net, storage};
use super::{in_force, postponed};
use crate::base::{Instant, MachineId, NodeId, Ratio};
use crate::journal::RecordNo;
use crate::journal::record::{Plant as Change, ServiceState};
use crate::model::{Fault, Service};

/// A fault of a service strikes or heals: the service is as the faults in force want it.
pub(in crate::sim) fn changed(
    p: &mut Plant,
    at: Instant,
    machine: MachineId,
    service: Service,
    cause: RecordNo,
) {
    if postponed(p, machine, Event::ServiceChanged { machine, service, cause }) {
        return;
    }
    if service == Service::Cluster {
        let node = NodeId(machine.0);
        if hangs(p, at, node, cause) {
            return;
        }
        if wanted(p, machine, service) == ServiceState::Stopped {
            host::stop_service(p, at, node, cause);
        } else {
            let life = host::life(p, node);
            p.plan(at, Event::StartClusterService { node, life });
        }
        return;
    }
    let state = wanted(p, machine, service);
    let now = p.service(machine, service).state;
    if p.machine(machine).up && now != state {
        set(p, at, machine, service, state, cause);
    }
}

/// The process of a Cluster service hangs, or goes on; whether that is all.
fn hangs(p: &mut Plant, at: Instant, node: NodeId, cause: RecordNo) -> bool {
    let wanted = wanted(p, node.into(), Service::Cluster);
    let (hangs, did) = (wanted == ServiceState::Hung, host::hangs(p, node));
    if hangs || did {
        host::hang(p, at, node, hangs, cause);
    }
    hangs || did && wanted == ServiceState::Running
}

/// The state in which the faults in force hold a service.
pub(super) fn wanted(p: &Plant, machine: MachineId, service: Service) -> ServiceState {
    let mut state = ServiceState::Running;
    for fault in in_force(p) {
        match fault {
            Fault::ServiceStop { machine: m, service: s } if (m, s) == (machine, service) => {
                return ServiceState::Stopped;
            }
            Fault::ServiceHang { machine: m, service: s } if (m, s) == (machine, service) => {
                state = ServiceState::Hung;
            }
            _ => {}
        }
    }
    state
}

/// A service's process ends and closes nothing; the Service Control Manager starts it again. The
/// Cluster service's witness lock is let go by the file server, which sees the connection end.
pub(super) fn crash(
    p: &mut Plant,
    at: Instant,
    machine: MachineId,
    service: Service,
    cause: RecordNo,
) {
    if !p.machine(machine).up {
        return;
    }
    if service == Service::Cluster {
        let again = wanted(p, machine, service) == ServiceState::Running;
        return host::crash(p, at, NodeId(machine.0), again, cause);
    }
    if p.service(machine, service).state == ServiceState::Stopped {
        return;
    }
    set(p, at, machine, service, ServiceState::Stopped, cause);
    let crash = p.service(machine, service).since;
    let when = at + p.settings().service_control_manager.restart_delay;
    p.plan(when, Event::RestartService { machine, service, crash });
}

/// The Service Control Manager starts a service after a crash, unless something has happened to it
/// since.
pub(in crate::sim) fn restart(
    p: &mut Plant,
    at: Instant,
    machine: MachineId,
    service: Service,
    crash: RecordNo,
) {
    if postponed(p, machine, Event::RestartService { machine, service, crash }) {
        return;
    }
    let same = p.machine(machine).up && p.service(machine, service).since == crash;
    let state = wanted(p, machine, service);
    if same && state != ServiceState::Stopped {
        set(p, at, machine, service, state, crash);
    }
}

/// The factor on a service's times is the greatest that a fault in force wants.
pub(super) fn slow(p: &mut Plant, machine: MachineId, service: Service) {
    let factors = in_force(p).filter_map(|fault| match fault {
        Fault::ServiceSlow { machine: m, service: s, factor } => {
            ((m, s) == (machine, service)).then_some(factor)
        }
        _ => None,
    });
    let factor = factors.max().unwrap_or(Ratio::ONE);
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
