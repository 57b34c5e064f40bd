//! What keeps mail from being lost: the transport dumpster, shadow redundancy, the sender's own
//! copy; and the account of what an activation lost.

use super::super::event::Event as Planned;
use super::super::plant::Plant;
use super::super::{client, net, storage};
use super::{Entry, Event, hub, sender_has, tell};
use crate::base::{CopyId, DbId, Instant, MachineId, MailId};
use crate::journal::RecordNo;
use crate::journal::record::MailEvent;

/// A Hub keeps what it delivered in its dumpster for the database, until the log that holds the
/// delivery is copied, and at most up to the dumpster's size.
pub(super) fn keep_delivered(
    p: &mut Plant,
    at: Instant,
    hub: MachineId,
    database: DbId,
    entry: Entry,
) {
    let limit = p.settings().transport.max_dumpster_size_per_database;
    let most = (limit * 1024 / p.settings().transport.message_kilobytes) as usize;
    trim(p, hub, database);
    let dumpster = &mut p.transport.hubs[hub].dumpsters[database];
    dumpster.push_back(entry);
    let over = (dumpster.len() > most).then(|| dumpster.pop_front()).flatten();
    let message = &mut p.transport.messages[entry.mail];
    message.dumpster = message.dumpster.with(hub);
    if let Some(oldest) = over {
        let message = &mut p.transport.messages[oldest.mail];
        message.dumpster = message.dumpster.without(hub);
        let record = message.record;
        judge(p, at, oldest.mail, record);
    }
}

/// Drops from the front of a dumpster what is in copied logs.
fn trim(p: &mut Plant, hub: MachineId, database: DbId) {
    while let Some(first) = p.transport.hubs[hub].dumpsters[database].front().copied()
        && storage::log_copied(p, database, first.activation, first.position)
    {
        p.transport.hubs[hub].dumpsters[database].pop_front();
        let message = &mut p.transport.messages[first.mail];
        message.dumpster = message.dumpster.without(hub);
    }
}

/// A message that no place has any more is lost.
fn judge(p: &mut Plant, at: Instant, mail: MailId, cause: RecordNo) {
    if p.transport.messages[mail].nowhere() && !sender_has(p, mail) {
        tell(p, at, mail, MailEvent::Lost, cause);
    }
}

/// A database is mounted: what the new active copy does not have is lost with the old one's logs;
/// after a lossy activation every Hub is asked for its dumpster. Mail waiting for the database
/// goes on.
pub(in crate::sim) fn database_mounted(
    p: &mut Plant,
    at: Instant,
    copy: CopyId,
    lossy: bool,
    cause: RecordNo,
) {
    account(p, at, copy, cause);
    if lossy {
        // Those that may have delivered to it: in the sites that have a copy.
        let topology = &p.setup.topology;
        let site = |machine: MachineId| topology.machines[machine].site;
        let copies = &topology.databases[copy.database].copies;
        let near = |hub: &MachineId| copies.iter().any(|node| site((*node).into()) == site(*hub));
        let every = p.transport.servers.iter().copied().filter(near).collect();
        p.transport.databases[copy.database].outstanding = Some((every, cause));
        request_dumpsters(p, at, copy.database, cause);
    }
    for place in 0..p.transport.servers.len() {
        hub::news(p, at, p.transport.servers[place], cause);
    }
    submit_pending(p, at, copy.database, Some(copy), cause);
}

/// A mount ended. If the database is mounted elsewhere by a newer activation, what was written
/// here since is lost.
pub(in crate::sim) fn database_dismounted(
    p: &mut Plant,
    at: Instant,
    copy: CopyId,
    cause: RecordNo,
) {
    if let Some(active) = storage::mounted_copy(p, copy.database)
        && storage::activation(p, active) > storage::activation(p, copy)
    {
        account(p, at, active, cause);
    }
}

/// Takes account of what the active copy does not have.
fn account(p: &mut Plant, at: Instant, active: CopyId, cause: RecordNo) {
    let database = active.database;
    let entries = std::mem::take(&mut p.transport.databases[database].entries);
    let (kept, lost): (Vec<Entry>, Vec<Entry>) = entries
        .into_iter()
        .partition(|entry| storage::holds(p, active, entry.activation, entry.position));
    p.transport.databases[database].entries = kept.into();
    for entry in lost {
        if entry.sent {
            lose_sent_item(p, at, entry.mail, database, cause);
        } else {
            lose_delivered(p, at, entry.mail, database, cause);
        }
    }
}

/// The sender's item is gone. If no Hub had taken the message, Outlook sends it again from its
/// own cache, if it has one.
fn lose_sent_item(p: &mut Plant, at: Instant, mail: MailId, database: DbId, cause: RecordNo) {
    let message = &mut p.transport.messages[mail];
    message.sent_item = false;
    if message.handed {
        return judge(p, at, mail, cause);
    }
    let client = message.client;
    let record = tell(p, at, mail, MailEvent::LostFromDatabase { database }, cause);
    if sender_has(p, mail) {
        p.transport.messages[mail].outbox = true;
        client::resend(p, at, client, mail, record);
    } else {
        judge(p, at, mail, record);
    }
}

fn lose_delivered(p: &mut Plant, at: Instant, mail: MailId, database: DbId, cause: RecordNo) {
    p.transport.messages[mail].delivered = false;
    let record = tell(p, at, mail, MailEvent::LostFromDatabase { database }, cause);
    judge(p, at, mail, record);
}

/// Asks the Hubs that have not answered yet to submit their dumpster for a database again.
fn request_dumpsters(p: &mut Plant, at: Instant, database: DbId, cause: RecordNo) {
    let Some((mut hubs, request)) = p.transport.databases[database].outstanding else { return };
    let Some(active) = storage::mounted_copy(p, database) else { return };
    for hub in hubs.iter() {
        let server = MachineId::from(active.node);
        let reached = hub == server || net::reachable(p, server, hub);
        if reached && hub::answers(p, hub) {
            hubs = hubs.without(hub);
            submit_dumpster(p, at, hub, database, request.max(cause));
        }
    }
    let left = (!hubs.is_empty()).then_some((hubs, request));
    p.transport.databases[database].outstanding = left;
}

/// A Hub submits its dumpster for a database again; the Store will drop what it has.
fn submit_dumpster(p: &mut Plant, at: Instant, hub: MachineId, database: DbId, cause: RecordNo) {
    for entry in std::mem::take(&mut p.transport.hubs[hub].dumpsters[database]) {
        let message = &mut p.transport.messages[entry.mail];
        message.dumpster = message.dumpster.without(hub);
        if !message.queued.contains(hub) {
            resubmit(p, at, hub, entry.mail, cause);
        }
    }
}

fn resubmit(p: &mut Plant, at: Instant, hub: MachineId, mail: MailId, cause: RecordNo) {
    let event = MailEvent::Resubmitted { machine: hub };
    let record = tell(p, at, mail, event, cause);
    hub::enqueue(p, at, mail, hub, record);
}

/// Mail Submission goes on with what waits in a database, from the copy that is mounted now.
fn submit_pending(
    p: &mut Plant,
    at: Instant,
    database: DbId,
    copy: Option<CopyId>,
    cause: RecordNo,
) {
    let Some(copy) = copy else { return };
    let when = at + p.settings().transport.submission_time;
    for mail in std::mem::take(&mut p.transport.databases[database].pending) {
        let message = &mut p.transport.messages[mail];
        if message.sent_item && !message.handed {
            message.stored_on = Some(copy);
            message.record = message.record.max(cause);
            p.plan(when, Planned::Mail(Event::Submit { mail }));
        }
    }
}

/// Who reaches whom may have changed: Hubs that are back go on, those that are not heard are
/// watched, requests that are outstanding are made again.
pub(in crate::sim) fn connectivity_changed(p: &mut Plant, at: Instant, cause: RecordNo) {
    let servers = p.transport.servers.clone();
    for hub in servers.iter().copied() {
        hub::look(p, at, hub, cause);
    }
    for database in p.setup.topology.databases.ids() {
        request_dumpsters(p, at, database, cause);
        if !p.transport.databases[database].pending.is_empty() {
            let copy = storage::mounted_copy(p, database);
            submit_pending(p, at, database, copy, cause);
        }
    }
    for holder in servers.iter().copied() {
        for primary in servers.iter().copied().filter(|primary| *primary != holder) {
            watch(p, at, holder, primary);
        }
    }
}

/// Shadow redundancy's heartbeat between two Hubs.
fn watch(p: &mut Plant, at: Instant, holder: MachineId, primary: MachineId) {
    let heard =
        hub::answers(p, holder) && hub::answers(p, primary) && net::reachable(p, holder, primary);
    let settings = p.settings().transport;
    let (since, turn) = &mut p.transport.hubs[holder].silent[primary];
    if heard == since.is_none() {
        return;
    }
    *turn += 1;
    *since = (!heard).then_some(at);
    if !heard {
        let turn = *turn;
        let missed = u64::from(settings.shadow_heartbeat_retry_count);
        let when = at + settings.shadow_heartbeat_timeout_interval * missed;
        p.plan(when, Planned::Mail(Event::TakeOver { holder, primary, turn }));
    }
}

/// A Hub has not been heard through all its retries: its messages are submitted from the shadow.
pub(super) fn take_over(
    p: &mut Plant,
    at: Instant,
    holder: MachineId,
    primary: MachineId,
    turn: u32,
) {
    if p.transport.hubs[holder].silent[primary].1 != turn {
        return;
    }
    if !hub::answers(p, holder) {
        let when = at + p.settings().transport.shadow_heartbeat_timeout_interval;
        p.plan(when, Planned::Mail(Event::TakeOver { holder, primary, turn }));
        return;
    }
    for mail in p.transport.messages.ids() {
        let message = &mut p.transport.messages[mail];
        if !message.shadow.contains(holder) || !message.queued.contains(primary) {
            continue;
        }
        message.shadow = message.shadow.without(holder);
        let record = message.record;
        resubmit(p, at, holder, mail, record);
    }
}
