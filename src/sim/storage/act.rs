//! Operations on database copies that the core asks for.

use super::super::event::Event as Planned;
use super::super::host;
use super::super::plant::Plant;
use super::copy::drain;
use super::log::{closed, generations};
use super::{Event, follow, mount, ship};
use crate::base::{CopyId, Instant, NodeId, OpId};
use crate::failover::seam::{Act, Failure, Outcome};
use crate::journal::RecordNo;
use crate::journal::record::ServiceState;
use crate::model::Service;

/// Begins an operation.
pub(in crate::sim) fn begin(
    p: &mut Plant,
    at: Instant,
    node: NodeId,
    op: OpId,
    act: Act,
    cause: RecordNo,
) {
    let database = match act {
        Act::CopyStatus(database)
        | Act::CopyLastLogs { database, .. }
        | Act::Mount(database)
        | Act::Dismount(database)
        | Act::Follow { database, .. } => database,
        _ => unreachable!("only operations on databases come here"),
    };
    let copy = CopyId { database, node };
    if !p.has_copy(copy) {
        let none = if matches!(act, Act::Follow { .. }) {
            Outcome::Ok
        } else {
            Outcome::Failed(Failure::CopyUnusable)
        };
        host::done(p, at, node, op, none, cause);
        return;
    }
    match act {
        Act::CopyStatus(_) => ask_status(p, at, copy, op, cause),
        Act::CopyLastLogs { source, .. } => ask_last_logs(p, at, copy, source, op, cause),
        Act::Mount(_) => mount::mount(p, at, copy, op, cause),
        Act::Dismount(_) => mount::dismount(p, at, copy, op, cause),
        Act::Follow { active, suspended, .. } => {
            p.copy_mut(copy).suspended = suspended;
            follow::follow(p, at, copy, active, cause);
            host::done(p, at, node, op, Outcome::Ok, cause);
        }
        _ => unreachable!("told apart above"),
    }
}

/// Answers an operation if the life of the node that asked is not over.
pub(super) fn answer(
    p: &mut Plant,
    at: Instant,
    node: NodeId,
    (life, op): (u32, OpId),
    outcome: Outcome,
    cause: RecordNo,
) {
    if host::life(p, node) == life {
        host::done(p, at, node, op, outcome, cause);
    }
}

/// Asks the local Replication service. A service that hangs does not answer.
fn ask_status(p: &mut Plant, at: Instant, copy: CopyId, op: OpId, cause: RecordNo) {
    let machine = copy.node.into();
    let call = p.settings().active_manager.call_time;
    let when = at + p.stretched(machine, Service::Replication, call);
    let service = *p.service(machine, Service::Replication);
    match service.state {
        ServiceState::Running => {
            let life = host::life(p, copy.node);
            p.plan(when, Planned::Storage(Event::Status { copy, life, op, cause }));
        }
        ServiceState::Stopped => {
            let outcome = Outcome::Failed(Failure::ServiceStopped);
            host::later(p, when, copy.node, op, outcome, service.since.max(cause));
        }
        ServiceState::Hung => {}
    }
}

/// The Replication service answers for its copy.
pub(super) fn status(
    p: &mut Plant,
    at: Instant,
    copy: CopyId,
    asked: (u32, OpId),
    cause: RecordNo,
) {
    drain(p, at, copy);
    let report = p.copy(copy).report();
    answer(p, at, copy.node, asked, Outcome::Copy(report), cause);
}

/// Attempts to copy last logs. Without a source it is only counted what is missing; a source
/// that does not answer is waited for until the time-out (exchange.md §1.3).
fn ask_last_logs(
    p: &mut Plant,
    at: Instant,
    copy: CopyId,
    source: Option<NodeId>,
    op: OpId,
    cause: RecordNo,
) {
    drain(p, at, copy);
    let missing = p.copy(copy).log.missing();
    p.copy_mut(copy).complete = false;
    let nothing = Outcome::LastLogs { copied: 0, missing };
    let known = |source: &NodeId| {
        let from = CopyId { database: copy.database, node: *source };
        *source != copy.node && p.has_copy(from) && !p.copy(from).damaged
    };
    let Some(source) = source.filter(known) else {
        host::done(p, at, copy.node, op, nothing, cause);
        return;
    };
    match ship::connection(p, None, source, copy.node) {
        Ok(network) => {
            let from = CopyId { database: copy.database, node: source };
            let (have, end) = (p.copy(copy).log.position, p.copy(from).log.position);
            let time = ship::time_to_copy(p, network, (source, copy.node), (have, end));
            let life = host::life(p, copy.node);
            let event = Event::LastLogs { copy, source, life, op, cause };
            p.plan(at + time, Planned::Storage(event));
        }
        Err(because) => {
            let when = at + p.settings().active_manager.attempt_copy_last_logs_timeout;
            let (life, cause) = (host::life(p, copy.node), because.max(cause));
            let event = Event::LastLogsTimeout { copy, life, op, cause };
            p.plan(when, Planned::Storage(event));
        }
    }
}

/// Nobody has sent last logs: what is missing is counted by what is known to exist by now, which
/// may be more than was known when they were asked for.
pub(super) fn last_logs_timeout(
    p: &mut Plant,
    at: Instant,
    copy: CopyId,
    asked: (u32, OpId),
    cause: RecordNo,
) {
    drain(p, at, copy);
    let missing = p.copy(copy).log.missing();
    let (life, op) = asked;
    if host::life(p, copy.node) == life {
        // Who asked gives up in the same moment.
        let outcome = Outcome::LastLogs { copied: 0, missing };
        host::at_once(p, at, copy.node, op, outcome, cause);
    }
}

/// The last logs have come, unless the source went away meanwhile.
pub(super) fn last_logs(
    p: &mut Plant,
    at: Instant,
    copy: CopyId,
    source: NodeId,
    asked: (u32, OpId),
    cause: RecordNo,
) {
    drain(p, at, copy);
    if p.copy(copy).is_active() {
        let outcome = Outcome::LastLogs { copied: 0, missing: 0 };
        return answer(p, at, copy.node, asked, outcome, cause);
    }
    if let Err(because) = ship::connection(p, None, source, copy.node) {
        let missing = p.copy(copy).log.missing();
        let outcome = Outcome::LastLogs { copied: 0, missing };
        return answer(p, at, copy.node, asked, outcome, because.max(cause));
    }
    let rate = p.replay_rate(copy.node.into());
    let from = p.copy(CopyId { database: copy.database, node: source }).log.clone();
    let target = p.copy_mut(copy);
    if target.log.diverged_from(&from) {
        let outcome = Outcome::Failed(Failure::CopyUnusable);
        return answer(p, at, copy.node, asked, outcome, cause);
    }
    let copied = if from.position > target.log.position {
        generations(from.position) - closed(target.log.position)
    } else {
        0
    };
    target.log.adopt(&from);
    target.log.receive(at, from.position, rate);
    target.complete = true;
    let outcome = Outcome::LastLogs { copied, missing: 0 };
    answer(p, at, copy.node, asked, outcome, cause);
}
