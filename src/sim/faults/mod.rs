//! Faults of the scenario's plan: each family has a file that makes and mends them.

mod clock;
mod disk;
mod machine;
mod network;
mod nic;
mod resource;
mod service;

use super::event::Event;
use super::plant::Plant;
use super::{dns, storage, witness};
use crate::base::{Instant, MachineId};
use crate::journal::{RecordNo, What};
use crate::model::Fault;
use crate::model::clocks::Clocks;
use bevy_ecs::prelude::Resource;

pub(super) use disk::{dismount_delay, mount_fails};
pub(super) use machine::{power_on, shut_down};
pub(super) use resource::{Hindrance, hindrance};
pub(super) use service::{changed as service_changed, restart};

/// Which faults of the plan are in force.
#[derive(Resource)]
pub(super) struct Active {
    /// Indices into the plan, with the record of each strike.
    pub striking: Vec<(u16, RecordNo)>,
    /// The members' clocks.
    pub clocks: Clocks,
    /// What a machine was about to do when it stood still.
    postponed: Vec<(MachineId, Event)>,
}

impl Active {
    /// Nothing has struck any of so many members.
    pub(super) fn new(nodes: usize) -> Self {
        Active { striking: Vec::new(), clocks: Clocks::right(nodes), postponed: Vec::new() }
    }
}

/// Keeps what a machine that stands still was about to do, until it goes on; whether it does.
pub(super) fn postponed(p: &mut Plant, machine: MachineId, event: Event) -> bool {
    let frozen = p.machine(machine).frozen;
    if frozen {
        p.faults.postponed.push((machine, event));
    }
    frozen
}

/// The record of the strike of a fault that is in force.
pub(super) fn struck(p: &Plant, fault: Fault) -> Option<RecordNo> {
    let plan = &p.setup.scenario.faults;
    let mut striking = p.faults.striking.iter();
    let found = striking.find(|(index, _)| plan[usize::from(*index)].fault == fault);
    found.map(|(_, record)| *record)
}

/// Faults that are in force.
fn in_force(p: &Plant) -> impl Iterator<Item = Fault> {
    let plan = &p.setup.scenario.faults;
    p.faults.striking.iter().map(|(index, _)| plan[usize::from(*index)].fault)
}

/// A fault of the plan strikes.
pub(super) fn strike(p: &mut Plant, at: Instant, index: u16) {
    let cause = p.recorder.record(at, None, What::Fault { index, healed: false });
    p.faults.striking.push((index, cause));
    apply(p, at, index, true, cause);
}

/// A fault of the plan heals.
pub(super) fn heal(p: &mut Plant, at: Instant, index: u16) {
    let cause = p.recorder.record(at, None, What::Fault { index, healed: true });
    p.faults.striking.retain(|(other, _)| *other != index);
    apply(p, at, index, false, cause);
}

fn apply(p: &mut Plant, at: Instant, index: u16, strikes: bool, cause: RecordNo) {
    let fault = p.setup.scenario.faults[usize::from(index)].fault;
    match fault {
        Fault::NicDown { machine, nic } => nic::down(p, at, machine, nic, strikes, cause),
        Fault::PowerOff { machine } => machine::power(p, at, machine, strikes, cause),
        Fault::Freeze { machine } => machine::freeze(p, at, machine, strikes, cause),
        Fault::ServiceStop { machine, service } | Fault::ServiceHang { machine, service } => {
            service::changed(p, at, machine, service, cause);
        }
        Fault::ServiceSlow { machine, service, .. } => service::slow(p, machine, service),
        Fault::ServiceCrash { machine, service } => service::crash(p, at, machine, service, cause),
        Fault::Reboot { machine } => machine::reboot(p, at, machine, cause),
        Fault::ClockRate { .. } | Fault::ClockStep { .. } => clock::changed(p, at, index, !strikes),
        Fault::WitnessLockHeld { .. } if strikes => {}
        Fault::WitnessLockHeld { .. } => witness::connectivity_changed(p, at, cause),
        Fault::WitnessStale { machine } => witness::restore(p, machine),
        Fault::DnsUpdateRefused { .. } => {}
        Fault::DnsStale { machine } => dns::stale(p, machine, strikes),
        Fault::DiskSlow { machine, .. } => disk::slow(p, at, machine),
        Fault::DiskFull { copy } => storage::disk::filled(p, at, copy, strikes, cause),
        Fault::MountFail { .. } | Fault::DismountSlow { .. } => {}
        Fault::ResourceFail { machine, resource } if strikes => {
            resource::fails(p, at, machine, resource, cause);
        }
        Fault::ResourceFail { .. } | Fault::ResourceHang { .. } => {}
        Fault::LogCorruption { copy } if strikes => storage::seed::damage(p, at, copy, cause),
        Fault::LogCorruption { .. } => {}
        Fault::NetworkDown { .. }
        | Fault::PathCut { .. }
        | Fault::PathLoss { .. }
        | Fault::FrameLoss { .. }
        | Fault::NetworkDelay { .. }
        | Fault::FrameDuplication { .. }
        | Fault::FrameReordering { .. }
        | Fault::PathDelay { .. }
        | Fault::GratuitousArpBlocked { .. } => network::apply(p, at, fault, strikes, cause),
    }
}
