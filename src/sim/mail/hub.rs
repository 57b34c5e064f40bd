//! Mail Submission and the Hubs: from the sender's mailbox to the recipient's.

use super::super::event::Event as Planned;
use super::super::plant::Plant;
use super::super::{directory, hardware, storage};
use super::{Event, keep, on_the_line, safety, sender, tell, way};
use crate::base::{CopyId, Instant, MachineId, MachineSet, MailId, NodeId, SiteId, Span};
use crate::failover::seam::Failure;
use crate::journal::RecordNo;
use crate::journal::record::MailEvent;
use crate::model::{Service, sizing};

/// Whether a Hub answers.
pub(super) fn answers(p: &Plant, hub: MachineId) -> bool {
    p.answers(hub, Service::HubTransport)
}

/// The record since which a Hub answers.
fn since(p: &Plant, hub: MachineId) -> RecordNo {
    p.service(hub, Service::HubTransport).since.max(p.machine(hub).since)
}

/// The Active Directory site of a machine.
fn site(p: &Plant, machine: MachineId) -> SiteId {
    p.setup.topology.machines[machine].site
}

/// Another Hub, in the site of a machine, that can be reached from a server, in turn by message.
fn another(
    p: &mut Plant,
    at: Instant,
    from: MachineId,
    near: MachineId,
    without: MachineSet,
    turn: u32,
) -> Option<(MachineId, Span)> {
    let count = p.transport.servers.len();
    for step in 0..count {
        let hub = p.transport.servers[(turn as usize % count + step) % count];
        if hub == from || site(p, hub) != site(p, near) || without.contains(hub) || !answers(p, hub)
        {
            continue;
        }
        if let Ok(span) = way(p, at, from, hub) {
            return Some((hub, span));
        }
    }
    None
}

/// Mail Submission on the active server picks a Hub: another one in the site, the local one only
/// if there is no other (exchange.md §2.4).
pub(super) fn submit(p: &mut Plant, at: Instant, mail: MailId) {
    let message = &p.transport.messages[mail];
    if message.handed || !message.sent_item {
        return;
    }
    let copy = message.stored_on.expect("a sent item is in a mailbox");
    let record = message.record;
    let served = match storage::serving(p, copy.node.into(), copy.database) {
        Ok(record) => record,
        Err(because) => return wait_for_submission(p, at, mail, copy, because),
    };
    let local = MachineId::from(copy.node);
    let other = another(p, at, local, local, MachineSet::EMPTY, mail.0).map(|(hub, _)| hub);
    let Some(hub) = other.or_else(|| answers(p, local).then_some(local)) else {
        let because = since(p, local);
        return wait_for_submission(p, at, mail, copy, because);
    };
    p.transport.messages[mail].handed = true;
    let cause = record.max(served).max(since(p, hub));
    enqueue(p, at, mail, hub, cause);
}

fn wait_for_submission(p: &mut Plant, at: Instant, mail: MailId, copy: CopyId, because: RecordNo) {
    p.transport.databases[copy.database].pending.push(mail);
    deferred(p, at, mail, Failure::NoAnswer, because);
}

/// Records that a message waits, if that is news.
fn deferred(p: &mut Plant, at: Instant, mail: MailId, why: Failure, because: RecordNo) {
    if p.transport.messages[mail].deferred != Some(why) {
        p.transport.messages[mail].deferred = Some(why);
        let cause = because.max(p.transport.messages[mail].record);
        tell(p, at, mail, MailEvent::Deferred { why }, cause);
    }
}

/// A Hub has a message in its queue.
pub(super) fn enqueue(p: &mut Plant, at: Instant, mail: MailId, hub: MachineId, cause: RecordNo) {
    let message = &mut p.transport.messages[mail];
    message.queued = message.queued.with(hub);
    message.deferred = None;
    tell(p, at, mail, MailEvent::Queued { machine: hub }, cause);
    let work = p.settings().transport.categorize_time;
    let when = at + p.stretched(hub, Service::HubTransport, work);
    p.plan(when, Planned::Mail(Event::Categorize { mail, hub }));
}

/// Whether a Hub goes on with a message now; if the Hub is away, the message waits in its queue
/// on the disk.
fn goes_on(p: &mut Plant, mail: MailId, hub: MachineId) -> bool {
    if !p.transport.messages[mail].queued.contains(hub) {
        return false;
    }
    let here = answers(p, hub);
    if !here {
        p.transport.hubs[hub].waiting.push(mail);
    }
    here
}

/// A Hub looks a recipient up in the directory.
pub(super) fn categorize(p: &mut Plant, at: Instant, mail: MailId, hub: MachineId) {
    if !goes_on(p, mail, hub) {
        return;
    }
    let record = p.transport.messages[mail].record;
    let answer = directory::look_up(p, at, hub, record);
    let event = match answer.result {
        Ok(_) => Event::Deliver { mail, hub },
        Err((_, because)) => Event::NoDirectory { mail, hub, because },
    };
    p.plan(answer.at, Planned::Mail(event));
}

/// A Hub delivers a message to the server where the recipient's database is active. If that is
/// its own, it hands the message to another Hub in the site, so that the dumpster's copy does not
/// share the database's fate (exchange.md §2.4); if it is in another site, to a Hub there.
pub(super) fn deliver(p: &mut Plant, at: Instant, mail: MailId, hub: MachineId) {
    if !goes_on(p, mail, hub) {
        return;
    }
    let (database, shadow) = {
        let message = &p.transport.messages[mail];
        (message.recipient, message.shadow)
    };
    let Some(node) = storage::active_location(p, at, hub, database) else {
        let because = p.service(hub, Service::Cluster).since;
        return defer(p, at, mail, hub, Failure::NoAnswer, because);
    };
    let server = MachineId::from(node);
    let elsewhere = site(p, server) != site(p, hub);
    let to = (elsewhere || server == hub).then(|| another(p, at, hub, server, shadow, mail.0));
    if let Some((to, span)) = to.flatten() {
        let when = at + span * 2 + on_the_line(p);
        p.plan(when, Planned::Mail(Event::Hand { mail, from: hub, to }));
        return;
    }
    if elsewhere {
        // Only a Hub in its own site gives a message to a Mailbox server.
        let because = since(p, server);
        return defer(p, at, mail, hub, Failure::NoPath, because);
    }
    let span = match way(p, at, hub, server) {
        Ok(span) => span,
        Err(because) => return defer(p, at, mail, hub, Failure::NoPath, because),
    };
    if let Err(because) = storage::serving(p, server, database) {
        return defer(p, at, mail, hub, Failure::ServiceStopped, because);
    }
    let work = p.settings().transport.delivery_time;
    let work = p.stretched(hub, Service::HubTransport, work);
    let cycles = sizing::for_mailboxes(p.settings(), sender(p, mail), p.hardware.costs.message);
    let (begins, least) = hardware::compute(p, at, hub, cycles);
    let line = if server == hub { Span::ZERO } else { span * 2 + on_the_line(p) };
    let copy = CopyId { database, node };
    p.plan(begins + work.max(least) + line, Planned::Mail(Event::Arrive { mail, hub, copy }));
}

/// A message arrives at another Hub; the one that it comes from keeps a shadow of it.
pub(super) fn hand(p: &mut Plant, at: Instant, mail: MailId, from: MachineId, to: MachineId) {
    if !goes_on(p, mail, from) {
        return;
    }
    if !answers(p, to) {
        let because = since(p, to);
        return defer(p, at, mail, from, Failure::NoAnswer, because);
    }
    if let Err(because) = way(p, at, from, to) {
        return defer(p, at, mail, from, Failure::NoPath, because);
    }
    let message = &mut p.transport.messages[mail];
    message.queued = message.queued.without(from);
    message.shadow = message.shadow.with(from);
    let cause = message.record.max(since(p, to));
    let record = tell(p, at, mail, MailEvent::Shadowed { machine: from }, cause);
    enqueue(p, at, mail, to, record);
}

/// A message arrives at the Store.
pub(super) fn arrive(p: &mut Plant, at: Instant, mail: MailId, hub: MachineId, copy: CopyId) {
    if !goes_on(p, mail, hub) {
        return;
    }
    if let Err(because) = way(p, at, hub, copy.node.into()) {
        return defer(p, at, mail, hub, Failure::NoPath, because);
    }
    let served = match storage::serving(p, copy.node.into(), copy.database) {
        Ok(record) => record,
        Err(because) => return defer(p, at, mail, hub, Failure::ServiceStopped, because),
    };
    let message = &mut p.transport.messages[mail];
    message.queued = message.queued.without(hub);
    let cause = message.record.max(served);
    if message.delivered {
        tell(p, at, mail, MailEvent::Duplicate, cause);
        return;
    }
    message.delivered = true;
    message.shadow = MachineSet::EMPTY;
    message.deferred = None;
    let record = tell(p, at, mail, MailEvent::Delivered { copy }, cause);
    let entry = keep(p, at, mail, copy, false, record);
    safety::keep_delivered(p, at, hub, copy.database, entry);
}

/// A transport step failed: the message waits for news or for the retry interval.
pub(super) fn defer(
    p: &mut Plant,
    at: Instant,
    mail: MailId,
    hub: MachineId,
    why: Failure,
    because: RecordNo,
) {
    if !goes_on(p, mail, hub) {
        return;
    }
    deferred(p, at, mail, why, because);
    let queue = &mut p.transport.hubs[hub];
    queue.waiting.push(mail);
    if !queue.retry {
        queue.retry = true;
        let when = at + p.settings().transport.message_retry_interval;
        p.plan(when, Planned::Mail(Event::Retry { hub }));
    }
}

/// The retry interval of a Hub's queues is over.
pub(super) fn retry(p: &mut Plant, at: Instant, hub: MachineId) {
    p.transport.hubs[hub].retry = false;
    try_again(p, at, hub);
}

/// A Hub has news and tries again what waits.
pub(super) fn resume(p: &mut Plant, at: Instant, hub: MachineId, cause: RecordNo) {
    for place in 0..p.transport.hubs[hub].waiting.len() {
        let mail = p.transport.hubs[hub].waiting[place];
        let message = &mut p.transport.messages[mail];
        message.record = message.record.max(cause);
    }
    try_again(p, at, hub);
}

fn try_again(p: &mut Plant, at: Instant, hub: MachineId) {
    if !answers(p, hub) {
        return;
    }
    for mail in std::mem::take(&mut p.transport.hubs[hub].waiting) {
        p.plan(at, Planned::Mail(Event::Categorize { mail, hub }));
    }
}

/// A Hub's Active Manager answers with another place for a database now.
pub(in crate::sim) fn location_changed(p: &mut Plant, at: Instant, node: NodeId, cause: RecordNo) {
    news(p, at, node.into(), cause);
}

/// Has a Hub try again once it no longer uses an old answer of Active Manager.
pub(super) fn news(p: &mut Plant, at: Instant, hub: MachineId, cause: RecordNo) {
    if !p.transport.hubs[hub].waiting.is_empty() {
        let when = at + p.settings().active_manager.location_cache;
        p.plan(when, Planned::Mail(Event::Resume { hub, cause }));
    }
}

/// A service of a machine changed.
pub(in crate::sim) fn service_changed(
    p: &mut Plant,
    at: Instant,
    machine: MachineId,
    cause: RecordNo,
) {
    look(p, at, machine, cause);
}

/// A machine lost power, or has booted: queues are on the disk.
pub(in crate::sim) fn machine_changed(
    p: &mut Plant,
    at: Instant,
    machine: MachineId,
    _: bool,
    cause: RecordNo,
) {
    service_changed(p, at, machine, cause);
}

/// Looks whether a Hub came back: then its queues go on.
pub(super) fn look(p: &mut Plant, at: Instant, hub: MachineId, cause: RecordNo) {
    let up = answers(p, hub);
    let was = std::mem::replace(&mut p.transport.hubs[hub].up, up);
    if up && !was {
        resume(p, at, hub, cause);
    }
}
