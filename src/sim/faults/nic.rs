//! Adapters that are disabled.

use super::super::net;
use super::super::plant::Plant;
use crate::base::{Instant, MachineId, NicId};
use crate::journal::RecordNo;

/// Disables one adapter or all of a machine, or enables them again. An adapter that several
/// faults hold down comes back with the last of them.
pub(super) fn down(
    p: &mut Plant,
    at: Instant,
    machine: MachineId,
    nic: Option<NicId>,
    strikes: bool,
    cause: RecordNo,
) {
    let all = p.setup.topology.machines[machine].nics.ids();
    let chosen: Vec<NicId> = all.filter(|id| nic.is_none_or(|nic| nic == *id)).collect();
    for nic in chosen {
        let adapter = p.adapter_mut(machine, nic);
        let before = adapter.holds;
        adapter.holds = if strikes { before + 1 } else { before - 1 };
        let edge = if strikes { before == 0 } else { before == 1 };
        if edge {
            net::set_carrier(p, at, machine, nic, !strikes, cause);
        }
    }
}
