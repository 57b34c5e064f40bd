//! Faults of the scenario's plan: each family has a file that makes and mends them.

mod machine;
mod network;
mod nic;
mod resource;
mod service;

use super::plant::Plant;
use super::storage;
use crate::base::Instant;
use crate::journal::{RecordNo, What};
use crate::model::Fault;
use bevy_ecs::prelude::Resource;

pub(super) use machine::power_on;
pub(super) use resource::{Hindrance, hindrance};

/// Which faults of the plan are in force.
#[derive(Resource, Default)]
pub(super) struct Active {
    /// Indices into the plan, with the record of each strike.
    pub striking: Vec<(u16, RecordNo)>,
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
        | Fault::GratuitousArpBlocked { .. } => network::apply(p, at, fault, strikes, cause),
    }
}
