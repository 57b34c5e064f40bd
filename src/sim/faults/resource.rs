//! Cluster resources that fail or hang.

use super::super::host;
use super::super::plant::Plant;
use crate::base::{Instant, MachineId, NodeId, ResourceId};
use crate::failover::seam::{Failure, Report};
use crate::journal::RecordNo;
use crate::model::Fault;

/// What keeps a resource on a node from its work.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::sim) enum Hindrance {
    /// It does not come online and fails its health checks.
    Fails,
    /// It answers nothing before then; none: for the rest of the run.
    Hangs(Option<Instant>),
}

/// What a fault in force does to a resource on a node, and the record of its strike. A hang hides
/// a failure.
pub(in crate::sim) fn hindrance(
    p: &Plant,
    node: NodeId,
    resource: ResourceId,
) -> Option<(Hindrance, RecordNo)> {
    let place = (MachineId::from(node), resource);
    let plan = &p.setup.scenario.faults;
    let mut found = None;
    for (index, struck) in &p.faults.striking {
        let planned = &plan[usize::from(*index)];
        match planned.fault {
            Fault::ResourceHang { machine, resource } if (machine, resource) == place => {
                let until = planned.lasts.map(|lasts| planned.at.saturating_add(lasts));
                return Some((Hindrance::Hangs(until), *struck));
            }
            Fault::ResourceFail { machine, resource } if (machine, resource) == place => {
                found = Some((Hindrance::Fails, *struck));
            }
            _ => {}
        }
    }
    found
}

/// A resource begins to fail: one that signals its own failure does so at once, if it runs there.
pub(super) fn fails(
    p: &mut Plant,
    at: Instant,
    machine: MachineId,
    resource: ResourceId,
    cause: RecordNo,
) {
    if p.setup.topology.resources[resource].own.signals_failure {
        let report = Report::ResourceFailed { resource, failure: Failure::NotAlive };
        host::saw(p, at, NodeId(machine.0), report, cause);
    }
}
