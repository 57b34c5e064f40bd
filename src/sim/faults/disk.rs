//! Disks that are slow, and copies that do not mount or take long to dismount. A full disk is
//! the storage's business.

use super::super::plant::Plant;
use super::super::storage;
use super::{in_force, struck};
use crate::base::{CopyId, Instant, MachineId, Ratio, Span};
use crate::journal::RecordNo;
use crate::model::Fault;

/// The factor on the times of a machine's disks is the greatest that a fault in force wants.
pub(super) fn slow(p: &mut Plant, at: Instant, machine: MachineId) {
    storage::settle(p, at, machine);
    let factors = in_force(p).filter_map(|fault| match fault {
        Fault::DiskSlow { machine: of, factor } if of == machine => Some(factor),
        _ => None,
    });
    let factor = factors.max().unwrap_or(Ratio::ONE);
    p.machine_mut(machine).disks_slow = factor;
}

/// The record of the fault that lets a copy's mounts fail, if one is in force.
pub(in crate::sim) fn mount_fails(p: &Plant, copy: CopyId) -> Option<RecordNo> {
    struck(p, Fault::MountFail { copy }).or_else(|| struck(p, Fault::DiskFull { copy }))
}

/// How much longer a copy's dismount takes, all faults in force together.
pub(in crate::sim) fn dismount_delay(p: &Plant, copy: CopyId) -> Span {
    let delays = in_force(p).filter_map(|fault| match fault {
        Fault::DismountSlow { copy: of, delay } if of == copy => Some(delay),
        _ => None,
    });
    delays.sum()
}
