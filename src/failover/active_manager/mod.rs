//! The Primary Active Manager: where each database is active (exchange.md §1).

mod operation;
mod orders;
mod told;

use super::Ctx;
use super::best_copy::{self, Candidate};
use super::config::Flaw;
use super::message::Message;
use super::seam::{MountDial, Note, Operation, SkipChecks, Timer, Why};
use super::state::ClusterDatabase;
use crate::base::{DbId, IdVec, Instant, NodeId, NodeSet};
use operation::{Phase, Running};
pub(super) use orders::set_server;
use std::collections::{BTreeMap, BTreeSet};

/// Who can take part in activations now.
#[derive(Clone, Copy, Debug, Hash)]
pub(super) struct Servers {
    /// Members of the view.
    pub members: NodeSet,
    /// Of those, the ones whose Active Manager runs.
    pub running: NodeSet,
    /// Of those, the ones that have told nothing since they were last out of reach.
    pub silent: NodeSet,
    /// Of those, the ones that have not told that their MAPI network is down; one that cannot be
    /// heard has told nothing.
    pub mapi: NodeSet,
    /// Of those, the ones that are being stopped.
    pub draining: NodeSet,
    /// Of those, the ones that datacenter activation coordination lets mount (exchange.md §3.2).
    pub may_mount: NodeSet,
}

/// What an operation is to come to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub(super) struct Wish {
    pub kind: Operation,
    pub why: Why,
    /// The node that is to take over; none for the best.
    pub to: Option<NodeId>,
    /// The dial that decides; none for the server's own.
    pub dial: Option<MountDial>,
    /// Checks that the administrator leaves out.
    pub skip: SkipChecks,
}

/// The Primary Active Manager's work.
#[derive(Clone, Debug, Hash, Default)]
pub(super) struct Primary {
    operations: BTreeMap<DbId, Running>,
    count: u32,
    retry: BTreeMap<DbId, Instant>,
    /// Databases that could not leave a node that is being stopped.
    stays: BTreeSet<(NodeId, DbId)>,
    again: Option<Instant>,
}

impl Primary {
    /// This node is not primary (any more).
    pub(super) fn resign(&mut self) {
        // The count goes on, so that no answer to what was asked before fits what is asked later.
        self.operations.clear();
        self.retry.clear();
        self.stays.clear();
        self.again = None;
    }

    /// The membership changed: what could not be done may be possible now.
    pub(super) fn membership_changed(&mut self) {
        self.retry.clear();
        self.operations.values_mut().for_each(|running| running.retry = None);
        self.stays.clear();
    }

    /// Whether something is being done with a database.
    pub(super) fn is_under_way(&self, database: DbId) -> bool {
        self.operations.contains_key(&database)
    }

    /// Whether a database is on its way from a node.
    pub(super) fn moves_from(&self, node: NodeId) -> bool {
        self.operations.values().any(|running| running.from == Some(node))
    }

    /// Whether nothing is left to move away from a node that is being stopped.
    pub(super) fn left(&self, database: &ClusterDatabase, node: NodeId) -> bool {
        !self.moves_from(node)
            && database.databases.iter().all(|(id, entry)| {
                entry.active != Some(node) || !entry.mounted || self.stays.contains(&(node, id))
            })
    }

    /// Begins what is needed, and goes on with what has waited long enough.
    pub(super) fn settle(&mut self, ctx: &mut Ctx, shared: &mut ClusterDatabase, servers: Servers) {
        for database in shared.databases.ids() {
            if self.is_under_way(database) {
                self.advance(ctx, shared, database, servers);
            } else {
                self.consider(ctx, shared, database, servers);
            }
        }
        self.arm(ctx);
    }

    /// Whether a database needs an operation.
    fn consider(
        &mut self,
        ctx: &mut Ctx,
        shared: &mut ClusterDatabase,
        database: DbId,
        servers: Servers,
    ) {
        let entry = &shared.databases[database];
        let waits = self.retry.get(&database).is_some_and(|at| ctx.now < *at);
        if !entry.wanted {
            return;
        }
        let here = entry.active.filter(|active| servers.members.contains(*active));
        let others = copies_on(ctx, database, servers.mapi.intersection(servers.running));
        let begin = match (here, entry.mounted) {
            (None, _) if waits || servers.may_mount.is_empty() => None,
            (None, _) => {
                let known = entry.active.is_some();
                let why = if known { Why::NodeDown } else { Why::Startup };
                Some((Operation::Failover, why, None))
            }
            (Some(active), true) if servers.draining.contains(active) => {
                let tried = self.stays.contains(&(active, database));
                let lossless = Some(MountDial::Lossless);
                (!tried).then_some((Operation::Switchover, Why::Stopping, lossless))
            }
            (Some(_), _) if waits => None,
            // Left dismounted, and tried again, if no copy can take it (exchange.md §1.2).
            (Some(active), _) if !servers.mapi.contains(active) && !others.is_empty() => {
                let dial = Some(MountDial::Lossless);
                Some((Operation::Failover, Why::MapiNetworkDown, dial))
            }
            (Some(_), true) => None,
            (Some(active), false) if !servers.may_mount.contains(active) => None,
            // The Store refuses (exchange.md §1.7 MaximumActiveDatabases).
            (Some(active), false) if self.is_full(ctx, shared, active) => None,
            (Some(active), false) if servers.running.contains(active) => {
                Some((Operation::Mount, Why::Startup, None))
            }
            (Some(_), false) => Some((Operation::Failover, Why::NodeDown, None)),
        };
        if let Some((kind, why, dial)) = begin {
            let wish = Wish { kind, why, to: None, dial, skip: SkipChecks::default() };
            self.begin(ctx, shared, database, wish, servers);
        }
    }

    /// Begins an operation.
    pub(super) fn begin(
        &mut self,
        ctx: &mut Ctx,
        shared: &mut ClusterDatabase,
        database: DbId,
        wish: Wish,
        servers: Servers,
    ) {
        let Wish { kind, why, to, dial, skip } = wish;
        if self.is_under_way(database) {
            return;
        }
        // Numbers grow from one primary, and one life of it, to the next as the version does.
        self.count = self.count.max(shared.version as u32).wrapping_add(1);
        let retry = self.retry.remove(&database);
        let (from, mounted) =
            (shared.databases[database].active, shared.databases[database].mounted);
        ctx.note(Note::DatabaseOperation { database, operation: kind, why, from });
        let running = Running {
            number: self.count,
            kind,
            why,
            from,
            to,
            dial,
            skip,
            phase: Phase::Asking,
            until: ctx.now,
            attempts: 0,
            tried: NodeSet::EMPTY,
            reports: BTreeMap::new(),
            dismounted: !mounted,
            was_mounted: mounted,
            was_wanted: shared.databases[database].wanted,
            came_from: shared.databases[database].came_from,
            gone: None,
            retry,
        };
        self.operations.insert(database, running);
        match kind {
            Operation::Mount => {
                let target = from.expect("a database to be mounted is somewhere");
                self.activate(ctx, shared, database, target, servers);
            }
            Operation::Dismount => self.dismount(ctx, shared, database, servers),
            Operation::Failover => self.dismount(ctx, shared, database, servers),
            Operation::Switchover => self.ask(ctx, shared, database, servers),
        }
    }

    /// The old active copy is dismounted if its server can be told; else the next phase begins.
    fn dismount(
        &mut self,
        ctx: &mut Ctx,
        shared: &mut ClusterDatabase,
        database: DbId,
        servers: Servers,
    ) {
        let running = self.operations.get_mut(&database).expect("an operation is under way");
        let source = running.from.filter(|from| servers.running.contains(*from));
        if running.cannot_let_go(servers) {
            self.none_left(ctx, shared, database, servers);
        } else if let Some(source) = source.filter(|_| !running.dismounted) {
            running.phase = Phase::Dismounting;
            running.until = ctx.now + ctx.config.active_manager.mount_timeout;
            let operation = running.number;
            ctx.send(source, Message::Dismount { database, operation });
            self.again = Some(ctx.now + ctx.config.membership.tick);
        } else {
            self.dismounted(ctx, shared, database, servers);
        }
    }

    /// The old active copy is dismounted, or cannot be told.
    fn dismounted(
        &mut self,
        ctx: &mut Ctx,
        shared: &mut ClusterDatabase,
        database: DbId,
        servers: Servers,
    ) {
        if shared.databases[database].mounted {
            shared.databases[database].mounted = false;
            shared.changed();
        }
        let running = self.operations.get_mut(&database).expect("an operation is under way");
        running.dismounted = true;
        match running.kind {
            Operation::Dismount => self.end(ctx, shared, database, true),
            Operation::Failover | Operation::Mount => self.ask(ctx, shared, database, servers),
            Operation::Switchover => self.choose(ctx, shared, database, servers),
        }
    }

    /// Asks every reachable member for the state of its copy.
    fn ask(
        &mut self,
        ctx: &mut Ctx,
        shared: &mut ClusterDatabase,
        database: DbId,
        servers: Servers,
    ) {
        let asked = copies_on(ctx, database, servers.running);
        let running = self.operations.get_mut(&database).expect("an operation is under way");
        running.phase = Phase::Asking;
        running.until = ctx.now + ctx.config.active_manager.status_timeout;
        self.again = Some(ctx.now + ctx.config.membership.tick);
        for node in asked.iter() {
            ctx.send(node, Message::AskCopy(database));
        }
        if asked.is_empty() {
            self.choose(ctx, shared, database, servers);
        }
    }

    /// Best copy selection.
    fn choose(
        &mut self,
        ctx: &mut Ctx,
        shared: &mut ClusterDatabase,
        database: DbId,
        servers: Servers,
    ) {
        let running = &self.operations[&database];
        let counts = self.active_counts(ctx, shared);
        let copies = ctx.config.databases[database].copies.iter();
        let wanted = copies.filter(|(node, _)| {
            running.to.is_none_or(|to| to == *node) || running.from == Some(*node)
        });
        let candidates: Vec<Candidate> = wanted
            .map(|(node, preference)| {
                running.candidate((ctx.config, shared), *node, *preference, servers, counts[*node])
            })
            .collect();
        let order = best_copy::rank(&candidates, running.request(&ctx.config.active_manager));
        let usable = order.iter().filter(|ranked| ranked.set.is_ok());
        let (chosen, candidates) = (usable.clone().next().map(|r| r.node), usable.count() as u8);
        ctx.note(Note::Ranking { database, order });
        let Some(node) = chosen else {
            self.none_left(ctx, shared, database, servers);
            return;
        };
        let dismount_first = {
            let running = &self.operations[&database];
            running.kind == Operation::Switchover
                && !running.dismounted
                && !ctx.config.has(Flaw::DismountForgotten)
        };
        if dismount_first {
            self.dismount(ctx, shared, database, servers);
            return;
        }
        let attempt = self.operations[&database].attempts + 1;
        ctx.note(Note::CopyChosen { database, node, attempt, candidates });
        self.activate(ctx, shared, database, node, servers);
    }

    /// How many databases are active on each node or being activated there.
    fn active_counts(&self, ctx: &Ctx, shared: &ClusterDatabase) -> IdVec<NodeId, u16> {
        let mut counts = IdVec::filled(ctx.config.nodes.len(), 0);
        for (database, entry) in shared.databases.iter() {
            let under_way = self.operations.get(&database).is_some_and(|it| match it.phase {
                Phase::Activating(_) | Phase::Withdrawing(_) => true,
                Phase::Dismounting | Phase::Asking => false,
            });
            if let Some(active) = entry.active.filter(|_| entry.mounted || under_way) {
                counts[active] += 1;
            }
        }
        counts
    }

    /// Whether a server has as many active databases as it may.
    pub(super) fn is_full(&self, ctx: &Ctx, shared: &ClusterDatabase, node: NodeId) -> bool {
        let most = shared.servers[node].maximum_active;
        most.is_some_and(|most| self.active_counts(ctx, shared)[node] >= most)
    }

    /// Writes the new location and asks the node to take over or mount.
    fn activate(
        &mut self,
        ctx: &mut Ctx,
        shared: &mut ClusterDatabase,
        database: DbId,
        target: NodeId,
        servers: Servers,
    ) {
        let limits = ctx.config.active_manager;
        let running = self.operations.get_mut(&database).expect("an operation is under way");
        running.phase = Phase::Activating(target);
        running.until = ctx.now + limits.last_logs_timeout + limits.mount_timeout;
        running.attempts += 1;
        let entry = &mut shared.databases[database];
        let before = entry.active.filter(|active| *active != target);
        entry.came_from = entry.came_from.or(before).filter(|from| *from != target);
        entry.active = Some(target);
        // Dismounted by order, and mounted elsewhere: it is not to stay dismounted, though this
        // primary may not live to hear that it is mounted.
        entry.wanted = true;
        shared.changed();
        self.send_activate(ctx, shared, database, target, servers);
        self.again = Some(ctx.now + ctx.config.membership.tick);
    }

    fn send_activate(
        &self,
        ctx: &mut Ctx,
        shared: &ClusterDatabase,
        database: DbId,
        target: NodeId,
        servers: Servers,
    ) {
        let running = &self.operations[&database];
        let came_from = shared.databases[database].came_from;
        let takes_over = running.from != Some(target) || came_from.is_some();
        let source = came_from.or(running.from).filter(|from| {
            takes_over
                && (servers.running.contains(*from) || !ctx.config.active_manager.skip_down_source)
        });
        let own = shared.servers[target].dial;
        let over = running.dial;
        let (operation, attempt) = (running.number, running.attempts);
        let message =
            Message::Activate { database, operation, attempt, source, takes_over, own, over };
        ctx.send(target, message);
    }

    /// No copy is left to try: a failover leaves the database dismounted, a switchover leaves it
    /// as it was, mounted where it was (exchange.md §1.2).
    fn none_left(
        &mut self,
        ctx: &mut Ctx,
        shared: &mut ClusterDatabase,
        database: DbId,
        servers: Servers,
    ) {
        let running = self.operations.get_mut(&database).expect("an operation is under way");
        let back = running.from.filter(|from| servers.running.contains(*from));
        let stopped = running.was_mounted && running.dismounted;
        if let (Operation::Switchover, Some(from), true) = (running.kind, back, stopped) {
            running.kind = Operation::Mount;
            running.attempts = running.attempts.max(1);
            self.activate(ctx, shared, database, from, servers);
            return;
        }
        let entry = &mut shared.databases[database];
        if entry.active != running.from {
            let last = running.gone.or(running.came_from);
            entry.came_from = last.filter(|node| Some(*node) != running.from);
            entry.active = running.from;
            entry.wanted = running.was_wanted;
            shared.changed();
        }
        self.end(ctx, shared, database, false);
    }

    fn end(&mut self, ctx: &mut Ctx, shared: &mut ClusterDatabase, database: DbId, success: bool) {
        let running = self.operations.remove(&database).expect("an operation is under way");
        let active = shared.databases[database].active;
        let wanted = match running.kind {
            Operation::Switchover => running.to.is_none_or(|to| Some(to) == active),
            Operation::Mount => running.from == active && running.attempts == 1,
            Operation::Dismount | Operation::Failover => true,
        };
        let retry = match running.kind {
            // What was to be tried again keeps its time.
            Operation::Switchover => running.retry,
            Operation::Mount | Operation::Dismount | Operation::Failover => {
                let never = ctx.config.has(Flaw::NeverRetriesMount);
                Some(if never { Instant::MAX } else { ctx.now + ctx.config.active_manager.retry })
            }
        };
        if let Some(at) = retry.filter(|_| !success) {
            self.retry.insert(database, at);
        }
        if running.why == Why::Stopping
            && let Some(from) = running.from
            && active == Some(from)
        {
            self.stays.insert((from, database));
        }
        let success = success && wanted;
        if !success {
            let mounted = shared.databases[database].mounted;
            ctx.note(Note::DatabaseStays { database, active, mounted });
        }
        let attempts = running.attempts;
        ctx.note(Note::DatabaseOperationEnded { database, active, success, attempts });
    }

    /// A time-out passed, a node left, or it is time to say it again.
    fn advance(
        &mut self,
        ctx: &mut Ctx,
        shared: &mut ClusterDatabase,
        database: DbId,
        servers: Servers,
    ) {
        let running = &self.operations[&database];
        let late = ctx.now >= running.until;
        let again = self.again.is_some_and(|at| ctx.now >= at);
        let (phase, operation) = (running.phase, running.number);
        match phase {
            Phase::Dismounting => {
                let from = running.from.filter(|from| servers.running.contains(*from));
                match from {
                    // A Store that has not let go may go on to serve: a move waits for it, a
                    // failover takes the database from it.
                    Some(from) if !late || running.kind != Operation::Failover => {
                        if again {
                            ctx.send(from, Message::Dismount { database, operation });
                        }
                    }
                    None if !late && running.cannot_let_go(servers) => {}
                    _ => self.dismounted(ctx, shared, database, servers),
                }
            }
            Phase::Asking => {
                let asked = copies_on(ctx, database, servers.running);
                let silent: NodeSet =
                    asked.iter().filter(|node| !running.reports.contains_key(node)).collect();
                if silent.is_empty() || late {
                    self.choose(ctx, shared, database, servers);
                } else if again {
                    for node in silent.iter() {
                        ctx.send(node, Message::AskCopy(database));
                    }
                }
            }
            // One that tells nothing may be at work on it.
            Phase::Activating(target) => {
                let at_work = servers.running.union(servers.silent).contains(target);
                if !servers.members.contains(target) {
                    self.not_activated(ctx, shared, database, target, servers);
                } else if late || !at_work {
                    // What its Active Manager had begun is over when its service has ended, but
                    // not what it was asked for since, if that service is back.
                    let running = self.operations.get_mut(&database).expect("it is under way");
                    running.phase = Phase::Withdrawing(target);
                    ctx.send(target, Message::Dismount { database, operation });
                    self.again = Some(ctx.now + ctx.config.membership.tick);
                } else if again {
                    self.send_activate(ctx, shared, database, target, servers);
                }
            }
            Phase::Withdrawing(target) => {
                if !servers.members.contains(target) {
                    self.not_activated(ctx, shared, database, target, servers);
                } else if again {
                    ctx.send(target, Message::Dismount { database, operation });
                }
            }
        }
    }

    fn not_activated(
        &mut self,
        ctx: &mut Ctx,
        shared: &mut ClusterDatabase,
        database: DbId,
        target: NodeId,
        servers: Servers,
    ) {
        let running = self.operations.get_mut(&database).expect("an operation is under way");
        running.tried = running.tried.with(target);
        if !servers.running.contains(target) {
            running.gone = Some(target);
        }
        match running.kind {
            // It may have mounted and written before it was gone: the last logs have to be asked
            // for, also where the database came from.
            Operation::Switchover if !servers.members.contains(target) => {
                running.kind = Operation::Failover;
                running.from = Some(target);
                running.to = None;
                running.dial = None;
                running.dismounted = true;
                running.tried = NodeSet::EMPTY;
                running.reports.clear();
                self.ask(ctx, shared, database, servers);
            }
            Operation::Mount => {
                // What cannot be mounted where it is fails over, unless it was put back there.
                let put_back = running.attempts > 1;
                if put_back {
                    self.end(ctx, shared, database, false);
                } else {
                    running.kind = Operation::Failover;
                    self.ask(ctx, shared, database, servers);
                }
            }
            Operation::Dismount | Operation::Failover | Operation::Switchover => {
                self.choose(ctx, shared, database, servers);
            }
        }
    }

    fn arm(&mut self, ctx: &mut Ctx) {
        if self.again.is_some_and(|at| ctx.now >= at) {
            let outstanding = !self.operations.is_empty();
            self.again = outstanding.then(|| ctx.now + ctx.config.membership.tick);
        }
        let limits = self.operations.values().map(|running| running.until);
        let next = limits.chain(self.again).chain(self.retry.values().copied());
        match next.filter(|at| *at > ctx.now).min() {
            Some(at) => ctx.timers.set(Timer::ActiveManager, at),
            None => ctx.timers.clear(Timer::ActiveManager),
        }
    }
}

/// Members of a set that have a copy of a database.
fn copies_on(ctx: &Ctx, database: DbId, of: NodeSet) -> NodeSet {
    let copies = ctx.config.databases[database].copies.iter();
    copies.map(|(node, _)| *node).filter(|node| of.contains(*node)).collect()
}
