//! The directory: log-on, look-ups, and the objects that clients are told.

use super::plant::Plant;
use super::{hardware, net};
use crate::base::{DbId, IdVec, Instant, MachineId, NodeId, NodeSet, Span};
use crate::failover::seam::Failure;
use crate::journal::RecordNo;
use crate::model::Service;
use bevy_ecs::prelude::Resource;

/// Domain controllers and what they hold.
#[derive(Resource)]
pub(super) struct Directory {
    /// Domain controllers.
    pub machines: Vec<MachineId>,
    /// The record that created the client access array object.
    pub array: Option<RecordNo>,
    /// Whether DatacenterActivationMode of the group is DagOnly.
    pub activation_coordination: bool,
    /// StoppedMailboxServers of the group.
    pub stopped_members: NodeSet,
    /// AlternateWitnessServer of the group, by its place among those that there are.
    pub alternate_witness: Option<u8>,
    /// The server that a database names, and the record that made it.
    pub database_names_server: IdVec<DbId, Option<(NodeId, RecordNo)>>,
    /// Databases whose logs are kept for no restore.
    pub circular_logging: IdVec<DbId, bool>,
    /// The record that made a database name the array.
    pub database_names_array: IdVec<DbId, Option<RecordNo>>,
    /// When each pass-through log-on that a server may have in progress is over (NTLM,
    /// MaxConcurrentApi).
    pub pass_through: IdVec<MachineId, Vec<Instant>>,
}

/// An answer of a domain controller: when it comes and what it is.
pub(super) struct Answer {
    /// When the asker has it.
    pub at: Instant,
    /// The record since which the controller answers, or why it does not.
    pub result: Result<RecordNo, (Failure, RecordNo)>,
}

/// A server looks something up, or logs itself on.
pub(super) fn look_up(p: &mut Plant, at: Instant, server: MachineId, cause: RecordNo) -> Answer {
    ask(p, (at, at), server, cause)
}

/// A server asks at a moment that may be still to come. Work is queued at the controller in the
/// order of the moments at which it comes there, so it waits for a core only if that is now.
fn ask(p: &mut Plant, (now, at): (Instant, Instant), server: MachineId, cause: RecordNo) -> Answer {
    let settings = p.settings().directory;
    match controller(p, at, server, cause) {
        Ok((machine, span)) => {
            let work = p.stretched(machine, Service::Directory, settings.log_on_time);
            let waits = hardware::occupy(p, now, machine, work).since(now);
            let waits = if now == at { waits } else { Span::ZERO };
            let since = p.service(machine, Service::Directory).since;
            let result = Ok(since.max(p.machine(machine).since));
            Answer { at: at + waits + work + span * 2, result }
        }
        Err(because) => Answer {
            at: at + settings.timeout,
            result: Err((Failure::NoDomainController, because)),
        },
    }
}

/// A server passes a client's NTLM log-on through; only so many can be in progress, and one that
/// cannot begin in time fails (exchange.md §7.4).
pub(super) fn log_on(p: &mut Plant, at: Instant, server: MachineId, cause: RecordNo) -> Answer {
    let slots = &p.directory.pass_through[server];
    let (slot, free) = slots
        .iter()
        .enumerate()
        .min_by_key(|(_, until)| **until)
        .map(|(slot, until)| (slot, *until))
        .expect("at least one log-on may be in progress");
    let timeout = p.settings().directory.timeout;
    if free > at.saturating_add(timeout) {
        // Its turn would come after it has given up.
        let because = p.machine(server).since.max(cause);
        let result = Err((Failure::NoDomainController, because));
        return Answer { at: at.saturating_add(timeout), result };
    }
    let begins = at.max(free);
    let answer = ask(p, (at, begins), server, cause);
    hardware::count_log_on(p, server, begins.since(at), answer.at.since(begins));
    p.directory.pass_through[server][slot] = answer.at;
    answer
}

/// The first domain controller that runs.
pub(super) fn running(p: &Plant) -> Option<MachineId> {
    let mut machines = p.directory.machines.iter().copied();
    machines.find(|machine| p.answers(*machine, Service::Directory))
}

/// The first domain controller that answers a server, and the time one way.
fn controller(
    p: &mut Plant,
    at: Instant,
    server: MachineId,
    cause: RecordNo,
) -> Result<(MachineId, Span), RecordNo> {
    let mut because = cause;
    for position in 0..p.directory.machines.len() {
        let machine = p.directory.machines[position];
        match net::path(p, at, server, machine) {
            Ok((_, span)) if p.answers(machine, Service::Directory) => return Ok((machine, span)),
            Ok(_) => because = p.service(machine, Service::Directory).since,
            Err((_, record)) => because = record,
        }
    }
    Err(because)
}
