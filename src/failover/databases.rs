//! The local Active Manager: what each node does with its own copies when the primary asks
//! (exchange.md §1.4, §1.5).

use super::config::Flaw;
use super::message::Message;
use super::seam::{Act, CopyStatus, Failure, MountDial, Note, Outcome, Timer};
use super::state::ClusterDatabase;
use super::{Ctx, Pending, best_copy, copies};
use crate::base::{DbId, IdVec, Instant, NodeId, OpId, Span};

/// What is being done with a copy.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
enum Task {
    /// Attempt copy last logs, then the dial decides.
    LastLogs { op: OpId, ask: Ask },
    /// Mount.
    Mounting { op: OpId, ask: Ask },
    /// Dismount, for this operation of the primary; or because a mount took too long, and then the
    /// request that asked for it is answered.
    Dismounting { op: OpId, operation: u32, primary: Option<NodeId>, failed: Option<Ask> },
}

/// A request of the primary to take over or mount.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub(super) struct Ask {
    pub primary: NodeId,
    pub operation: u32,
    pub attempt: u8,
    pub source: Option<NodeId>,
    pub takes_over: bool,
    pub own: MountDial,
    pub over: Option<MountDial>,
}

/// One local copy.
#[derive(Clone, Copy, Debug, Hash, Default)]
struct Local {
    mounted: bool,
    task: Option<Task>,
    /// When the task has taken too long.
    until: Option<Instant>,
    /// The last answer, for a primary that asks again.
    answered: Option<(u32, u8, Result<(), Failure>)>,
    /// Since when the cluster database has it mounted here, and it is not.
    missing: Option<Instant>,
    /// What the Replication service was last told: where to copy from,
    /// and whether the copy is suspended.
    follows: Option<(NodeId, bool)>,
    /// It has been activated here since the service started: until it is mounted elsewhere it is
    /// the former active copy, which the last logs come from.
    was_active: bool,
    /// It was mounted when the Replication service ended: when to ask whether it still is.
    unsure: Option<Instant>,
    /// The question for the copy's state that is under way, who asked it and when.
    status_op: Option<(OpId, NodeId, Instant)>,
}

impl Local {
    /// Whether it is mounted, or about to be, or about to be no more.
    fn busy(&self) -> bool {
        self.mounted || self.task.is_some()
    }

    /// What a request asked for has come to nothing: one that comes again is told so.
    fn over(&mut self, ask: Ask, failure: Failure) {
        self.answered = Some((ask.operation, ask.attempt, Err(failure)));
    }

    /// It is not mounted any more. What was answered with no stays so.
    fn ended(&mut self) {
        self.mounted = false;
        self.answered = self.answered.filter(|(_, _, result)| result.is_err());
    }
}

/// The local Active Manager.
#[derive(Clone, Debug, Hash)]
pub(super) struct Databases {
    locals: IdVec<DbId, Local>,
    /// Whether the Replication service runs here.
    pub running: bool,
    last_log: IdVec<DbId, u64>,
}

impl Databases {
    pub(super) fn new(databases: usize, running: bool) -> Self {
        Databases {
            locals: IdVec::filled(databases, Local::default()),
            running,
            last_log: IdVec::filled(databases, 0),
        }
    }

    fn hosts(ctx: &Ctx, database: DbId) -> bool {
        let copies = ctx.config.databases.get(database).map(|config| &config.copies);
        copies.is_some_and(|copies| copies.iter().any(|(node, _)| *node == ctx.config.me))
    }

    /// Whether the local copy is mounted.
    pub(super) fn mounted(&self, database: DbId) -> bool {
        self.locals[database].mounted
    }

    /// The primary asks how the copy is.
    pub(super) fn ask_copy(&mut self, ctx: &mut Ctx, from: NodeId, database: DbId) {
        if !Self::hosts(ctx, database) || !self.running {
            ctx.send(from, Message::Copy { database, report: None });
            return;
        }
        if !self.waits_for_status(ctx, database, |asker| asker == from) {
            self.ask_status(ctx, database, from);
        }
    }

    /// Whether the copy's state is being asked for. A service that hung may owe an answer for ever;
    /// nobody waits for it any more.
    fn waits_for_status(&self, ctx: &Ctx, database: DbId, by: impl Fn(NodeId) -> bool) -> bool {
        let patience = ctx.config.active_manager.status_timeout;
        let asked = self.locals[database].status_op;
        asked.is_some_and(|(_, asker, since)| by(asker) && ctx.now.since(since) < patience)
    }

    fn ask_status(&mut self, ctx: &mut Ctx, database: DbId, asker: NodeId) {
        let op = ctx.act(Act::CopyStatus(database), Pending::CopyStatus(database));
        self.locals[database].status_op = Some((op, asker, ctx.now));
    }

    /// The primary asks to take over or mount.
    pub(super) fn activate(&mut self, ctx: &mut Ctx, database: DbId, ask: Ask) {
        if !Self::hosts(ctx, database) || !self.running {
            self.locals[database].answered =
                Some((ask.operation, ask.attempt, Err(Failure::ServiceStopped)));
        }
        if let Some((operation, attempt, result)) = self.locals[database].answered
            && (operation, attempt) == (ask.operation, ask.attempt)
            && (result.is_err() || self.locals[database].mounted)
        {
            self.answer(ctx, database, ask, result);
            return;
        }
        if self.locals[database].task.is_some() {
            return;
        }
        if self.locals[database].mounted {
            self.answer(ctx, database, ask, Ok(()));
        } else if ask.takes_over {
            let act = Act::CopyLastLogs { database, source: ask.source };
            let op = ctx.act(act, Pending::LastLogs(database));
            let limit = ctx.config.active_manager.last_logs_timeout;
            self.begin(ctx, database, Task::LastLogs { op, ask }, limit);
        } else {
            self.mount(ctx, database, ask);
        }
    }

    fn mount(&mut self, ctx: &mut Ctx, database: DbId, ask: Ask) {
        let (active, status) = (ctx.config.me, CopyStatus::Mounting);
        ctx.note(Note::Database { database, active, status });
        let op = ctx.act(Act::Mount(database), Pending::Mount(database));
        let limit = ctx.config.active_manager.mount_timeout;
        self.begin(ctx, database, Task::Mounting { op, ask }, limit);
        let local = &mut self.locals[database];
        local.follows = None;
        local.was_active = true;
        local.unsure = None;
    }

    /// A task is under way, and for how long it may be.
    fn begin(&mut self, ctx: &mut Ctx, database: DbId, task: Task, limit: Span) {
        self.locals[database].task = Some(task);
        self.locals[database].until = Some(ctx.now.saturating_add(limit));
        self.arm(ctx);
    }

    fn arm(&self, ctx: &mut Ctx) {
        let busy = self.locals.values().filter(|local| local.task.is_some());
        match busy.filter_map(|local| local.until).min() {
            Some(at) => ctx.timers.set(Timer::Database, at),
            None => ctx.timers.clear(Timer::Database),
        }
    }

    /// Tasks that nobody answered in time. What the Store or the Replication service may still do
    /// is called back: a mount that comes too late must not come at all.
    pub(super) fn wake(&mut self, ctx: &mut Ctx) {
        for database in ctx.config.databases.ids() {
            let local = self.locals[database];
            if local.until.is_none_or(|until| until > ctx.now) {
                continue;
            }
            match local.task {
                Some(Task::LastLogs { ask, .. }) => {
                    self.locals[database].task = None;
                    self.answer(ctx, database, ask, Err(Failure::NoAnswer));
                }
                Some(Task::Mounting { ask, .. }) => {
                    self.call_back(ctx, database, ask.operation, None, Some(ask));
                }
                Some(Task::Dismounting { operation, primary, failed, .. }) => {
                    self.call_back(ctx, database, operation, primary, failed);
                }
                None => {}
            }
        }
        self.arm(ctx);
    }

    /// Dismounts, and asks again until the Store answers.
    fn call_back(
        &mut self,
        ctx: &mut Ctx,
        database: DbId,
        operation: u32,
        primary: Option<NodeId>,
        failed: Option<Ask>,
    ) {
        let (active, status) = (ctx.config.me, CopyStatus::Dismounting);
        ctx.note(Note::Database { database, active, status });
        let op = ctx.act(Act::Dismount(database), Pending::Dismount(database));
        let task = Task::Dismounting { op, operation, primary, failed };
        let limit = ctx.config.active_manager.retry;
        self.begin(ctx, database, task, limit);
    }

    fn answer(&mut self, ctx: &mut Ctx, database: DbId, ask: Ask, result: Result<(), Failure>) {
        let Ask { primary, operation, attempt, .. } = ask;
        self.locals[database].answered = Some((operation, attempt, result));
        let last_log = self.last_log[database];
        ctx.send(primary, Message::Activated { database, operation, attempt, result, last_log });
    }

    /// The primary asks to dismount; none: this node's own end of service does.
    pub(super) fn dismount(
        &mut self,
        ctx: &mut Ctx,
        database: DbId,
        operation: u32,
        primary: Option<NodeId>,
    ) {
        let local = self.locals[database];
        match local.task {
            Some(Task::Dismounting { .. }) => {}
            Some(Task::LastLogs { ask, .. }) => {
                self.locals[database].over(ask, Failure::NoAnswer);
                self.locals[database].task = None;
                self.dismissed(ctx, database, operation, primary);
            }
            Some(Task::Mounting { ask, .. }) => {
                self.locals[database].over(ask, Failure::NoAnswer);
                self.call_back(ctx, database, operation, primary, None);
            }
            None if local.mounted => self.call_back(ctx, database, operation, primary, None),
            None => self.dismissed(ctx, database, operation, primary),
        }
    }

    fn dismissed(&self, ctx: &mut Ctx, database: DbId, operation: u32, primary: Option<NodeId>) {
        if let Some(primary) = primary {
            ctx.send(primary, Message::Dismounted { database, operation });
        }
    }

    /// An operation on a copy ended.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the rest is late or another part's")]
    pub(super) fn done(
        &mut self,
        ctx: &mut Ctx,
        shared: &ClusterDatabase,
        (pending, op): (Pending, OpId),
        outcome: Outcome,
    ) {
        match pending {
            Pending::CopyStatus(database) => self.status(ctx, shared, database, op, outcome),
            Pending::LastLogs(database) => {
                if let Some(Task::LastLogs { op: mine, ask }) = self.locals[database].task
                    && mine == op
                {
                    self.last_logs(ctx, database, ask, outcome);
                }
            }
            Pending::Mount(database) => {
                if let Some(Task::Mounting { op: mine, ask }) = self.locals[database].task
                    && mine == op
                {
                    self.mount_done(ctx, database, ask, outcome);
                }
            }
            Pending::Dismount(database) => {
                if let Some(Task::Dismounting { op: mine, operation, primary, failed }) =
                    self.locals[database].task
                    && mine == op
                {
                    self.locals[database].task = None;
                    self.locals[database].ended();
                    let (active, status) = (ctx.config.me, CopyStatus::Dismounted);
                    ctx.note(Note::Database { database, active, status });
                    self.dismissed(ctx, database, operation, primary);
                    if let Some(ask) = failed {
                        self.answer(ctx, database, ask, Err(Failure::NoAnswer));
                    }
                }
            }
            _ => {}
        }
    }

    /// The copy's state is known. What administrators have set is in the cluster database, and
    /// holds before the Replication service has heard of it.
    fn status(
        &mut self,
        ctx: &mut Ctx,
        shared: &ClusterDatabase,
        database: DbId,
        op: OpId,
        outcome: Outcome,
    ) {
        let Some((mine, asker, _)) = self.locals[database].status_op else { return };
        if mine != op {
            return;
        }
        self.locals[database].status_op = None;
        let report = match outcome {
            Outcome::Copy(report) => Some(report),
            Outcome::Ok
            | Outcome::LastLogs { .. }
            | Outcome::WitnessBoot(_)
            | Outcome::Refused(_)
            | Outcome::Failed(_)
            | Outcome::TimedOut => None,
        };
        self.learn_mounted(ctx, database, report.map(|report| report.status));
        if let Some(report) = report {
            self.last_log[database] = report.generated;
        }
        let me = ctx.config.me;
        let report = report.map(|report| copies::as_ordered(report, shared, database, me));
        ctx.send(asker, Message::Copy { database, report });
    }

    /// Whether what was mounted when the Replication service ended still is. While the Store is at
    /// work on it, that is still open.
    fn learn_mounted(&mut self, ctx: &Ctx, database: DbId, status: Option<CopyStatus>) {
        let local = &mut self.locals[database];
        if local.unsure.is_none() {
            return;
        }
        match status {
            None | Some(CopyStatus::Dismounting | CopyStatus::Mounting) => {
                local.unsure = Some(ctx.now + ctx.config.membership.tick);
            }
            Some(CopyStatus::Dismounted) if local.task.is_none() => {
                local.unsure = None;
                local.mounted = false;
            }
            Some(_) => local.unsure = None,
        }
    }

    /// The missing logs are counted: the dial decides (exchange.md §1.3 step 4).
    fn last_logs(&mut self, ctx: &mut Ctx, database: DbId, ask: Ask, outcome: Outcome) {
        let (copied, missing) = match outcome {
            Outcome::LastLogs { copied, missing } => (copied, missing),
            Outcome::Ok
            | Outcome::Copy(_)
            | Outcome::WitnessBoot(_)
            | Outcome::Refused(_)
            | Outcome::Failed(_)
            | Outcome::TimedOut => {
                self.locals[database].task = None;
                self.answer(ctx, database, ask, Err(Failure::CopyUnusable));
                return;
            }
        };
        let best_copy::DialWord { dial, mounts, .. } =
            best_copy::mount_dial(missing, ask.own, ask.over);
        let best = MountDial::BestAvailability.permitted();
        let mounts = mounts || missing <= best && ctx.config.has(Flaw::WrongMountDial);
        ctx.note(Note::LastLogs { database, copied, missing, dial, accepted: mounts });
        if mounts || ctx.config.has(Flaw::LastLogsIgnored) {
            self.mount(ctx, database, ask);
        } else {
            self.locals[database].task = None;
            self.answer(ctx, database, ask, Err(Failure::CopyUnusable));
        }
    }

    fn mount_done(&mut self, ctx: &mut Ctx, database: DbId, ask: Ask, outcome: Outcome) {
        self.locals[database].task = None;
        let active = ctx.config.me;
        let result = match outcome {
            Outcome::Ok | Outcome::Copy(_) | Outcome::LastLogs { .. } | Outcome::WitnessBoot(_) => {
                Ok(())
            }
            Outcome::Failed(failure) => Err(failure),
            Outcome::Refused(_) => Err(Failure::CopyUnusable),
            Outcome::TimedOut => Err(Failure::NoAnswer),
        };
        self.locals[database].mounted = result.is_ok();
        let status = if result.is_ok() { CopyStatus::Mounted } else { CopyStatus::Dismounted };
        ctx.note(Note::Database { database, active, status });
        self.answer(ctx, database, ask, result);
    }

    /// Compares with what the cluster database has mounted here. What is not, and has not been for
    /// longer than an answer takes, nobody knows of: the primary that asked for it is none any
    /// more, or the Replication service ended meanwhile.
    pub(super) fn missing(&mut self, ctx: &Ctx, shared: &ClusterDatabase) -> Vec<DbId> {
        let mut missing = Vec::new();
        for (database, entry) in shared.databases.iter() {
            let local = &mut self.locals[database];
            let here = entry.active == Some(ctx.config.me) && entry.mounted;
            if !here || !self.running || local.busy() {
                local.missing = None;
                continue;
            }
            let since = *local.missing.get_or_insert(ctx.now);
            if ctx.now.since(since) >= ctx.config.active_manager.status_timeout {
                missing.push(database);
            }
        }
        missing
    }

    /// Whether the cluster database has something mounted here that is not, or may not be.
    pub(super) fn misses(&self) -> bool {
        let unsure = |local: &Local| self.running && local.unsure.is_some();
        self.locals.values().any(|local| local.missing.is_some() || unsure(local))
    }

    /// A mounted database failed here: it is not mounted any more.
    pub(super) fn failed(&mut self, database: DbId) {
        self.locals[database].ended();
    }

    /// The Replication service started or ended here; without it nothing is under way.
    pub(super) fn service(&mut self, now: Instant, running: bool) {
        self.running = running;
        if !running {
            for local in self.locals.values_mut() {
                local.unsure = local.mounted.then_some(now).or(local.unsure);
                if let Some(Task::LastLogs { ask, .. } | Task::Mounting { ask, .. }) = local.task {
                    local.over(ask, Failure::ServiceStopped);
                }
                local.task = None;
                local.status_op = None;
                local.follows = None;
                local.was_active = false;
            }
        }
    }

    /// Passive copies are told where the active copy is, and whether they are suspended.
    pub(super) fn follow(&mut self, ctx: &mut Ctx, shared: &ClusterDatabase) {
        let me = ctx.config.me;
        for (database, entry) in shared.databases.iter() {
            let local = self.locals[database];
            if !Self::hosts(ctx, database) || !self.running || local.task.is_some() {
                continue;
            }
            let ask = local.unsure.is_some_and(|at| at <= ctx.now);
            if ask && !self.waits_for_status(ctx, database, |_| true) {
                self.ask_status(ctx, database, me);
            }
            let elsewhere = entry.active.filter(|active| *active != me && entry.mounted);
            if elsewhere.is_some() && local.mounted {
                if !ctx.config.has(Flaw::DismountForgotten) {
                    self.dismount(ctx, database, 0, None);
                }
                continue;
            }
            // Of a database that is mounted nowhere the copy stays with the one it follows; if it
            // has just started, with the one that is to be mounted, whose logs are there.
            let known = local.follows.map(|(active, _)| active);
            let named = entry.active.filter(|active| *active != me && !local.was_active);
            let Some(active) = elsewhere.or(known).or(named) else { continue };
            let suspended = entry.suspended.contains(me);
            if local.follows != Some((active, suspended)) {
                self.locals[database].follows = Some((active, suspended));
                let act = Act::Follow { database, active: Some(active), suspended };
                ctx.act(act, Pending::Nothing);
            }
        }
    }

    /// Dismounts everything that is mounted here or about to be; whether anything still is.
    pub(super) fn dismount_all(&mut self, ctx: &mut Ctx) -> bool {
        for database in ctx.config.databases.ids() {
            if self.locals[database].busy() {
                self.dismount(ctx, database, 0, None);
            }
        }
        self.locals.values().any(Local::busy)
    }
}
