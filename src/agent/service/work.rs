//! What is done to a resource of each kind.

use super::check::end_words;
use super::ocf::Code;
use super::process::Realm;
use super::program::{Cancel, Ear, End, Manner, Program, Ran, Rest, words};
use super::settings::Bounds;
use super::supervise::{Keeper, PidFile};
use super::{Action, Checked, Kind, Ocf, Run, ServiceError, Settings, unit};
use std::process::ExitStatus;
use std::time::Duration;
use tokio::time::Instant;

/// How long an earlier life's processes may take from SIGTERM on, where nothing says (assumed).
const GRACE: Duration = Duration::from_secs(2);
/// Shortest pause between two looks whether a child is up (assumed).
const PAUSE: Duration = Duration::from_millis(50);

/// What does not change in a resource's life.
pub(super) struct Shared {
    pub(super) settings: Settings,
    pub(super) bounds: Bounds,
    pub(super) ear: Ear,
    /// OCF_CHECK_LEVEL of IsAlive.
    level: u8,
    realm: Realm,
    file: PidFile,
}

/// What an action may change.
pub(super) struct Body {
    /// The supervised child.
    pub(super) keeper: Option<Keeper>,
    /// What start commands left running.
    rests: Vec<Rest>,
    /// Whether the action has been called off.
    pub(super) cancel: Cancel,
}

impl Body {
    pub(super) fn new(cancel: Cancel) -> Self {
        Body { keeper: None, rests: Vec::new(), cancel }
    }
}

/// How an action ended.
#[derive(Debug)]
pub(super) struct Verdict {
    pub(super) result: Result<(), ServiceError>,
    pub(super) last_lines: Vec<String>,
    pub(super) found: Vec<String>,
    pub(super) remains: Vec<String>,
}

impl Verdict {
    pub(super) fn new(result: Result<(), ServiceError>) -> Self {
        Verdict { result, last_lines: Vec::new(), found: Vec::new(), remains: Vec::new() }
    }

    pub(super) fn called_off(&self) -> bool {
        matches!(self.result, Err(ServiceError::CalledOff { .. }))
    }
}

/// Reads an exit status.
type Meaning = fn(ExitStatus) -> Result<(), String>;

/// Exit status 0 is yes.
pub(super) fn plain(status: ExitStatus) -> Result<(), String> {
    if status.success() { Ok(()) } else { Err(words(status)) }
}

/// A resource agent's answer to `start` and `stop`.
fn of_agent(status: ExitStatus) -> Result<(), String> {
    match status.code().map(Code::new) {
        Some(Code::Success) => Ok(()),
        Some(code) => Err(format!("ended with {}", code.meaning())),
        None => Err(words(status)),
    }
}

/// A resource agent's answer to `monitor`.
fn of_monitor(status: ExitStatus) -> Result<(), String> {
    match status.code().map(Code::new) {
        Some(code) if code.alive() => Ok(()),
        Some(code) => Err(format!("ended with {}", code.meaning())),
        None => Err(words(status)),
    }
}

impl Shared {
    pub(super) fn new(checked: Checked, ear: Ear) -> Self {
        let settings = checked.settings().clone();
        let (realm, file) =
            (settings.realm(), PidFile::new(&settings.run_directory, &settings.name));
        Shared { bounds: checked.bounds, level: checked.level, settings, ear, realm, file }
    }

    fn resource(&self) -> String {
        self.settings.name.clone()
    }

    /// Runs a program that leaves nothing running.
    pub(super) async fn run(
        &self,
        program: &Program,
        action: Action,
        limit: Duration,
        body: &mut Body,
        answers: bool,
    ) -> Ran {
        let manner = Manner { action, limit, cancel: &mut body.cancel, leaves: false, answers };
        program.run(&self.ear, manner).await
    }

    /// What came of a program: `meaning` reads its exit status.
    pub(super) fn judge(
        &self,
        action: Action,
        program: &Program,
        limit: Duration,
        ran: Ran,
        meaning: impl FnOnce(ExitStatus) -> Result<(), String>,
    ) -> Verdict {
        let (resource, title) = (self.resource(), program.title());
        let error = match ran.end {
            End::Exited(status) => match meaning(status) {
                Ok(()) => return Verdict::new(Ok(())),
                Err(found) if action.is_probe() => {
                    let found = format!("{title} {found}");
                    ServiceError::NotAlive { resource, action, found }
                }
                Err(found) => ServiceError::Failed { resource, action, program: title, found },
            },
            End::TimedOut if action.is_probe() => {
                let found = format!("{title} {}", end_words(&End::TimedOut, limit));
                ServiceError::NotAlive { resource, action, found }
            }
            End::TimedOut => ServiceError::TimedOut { resource, action, program: title, limit },
            End::CalledOff(by) => ServiceError::CalledOff { resource, action, by },
            End::CannotRun(cause) => {
                let cause = cause.to_string();
                ServiceError::CannotRun { resource, action, program: title, cause }
            }
        };
        Verdict { last_lines: ran.last, ..Verdict::new(Err(error)) }
    }

    fn agent(&self, ocf: &Ocf, action: &str, level: u8, limit: Duration, first: bool) -> Program {
        self.settings.agent(ocf, action, level, limit, first)
    }

    /// Does one of Online, Offline, Terminate and the clean-up. Ends in bounded time, also when it
    /// is called off.
    pub(super) async fn change(&self, action: Action, body: &mut Body) -> Verdict {
        match action {
            Action::Online => self.online(body).await,
            Action::Offline => self.offline(action, body).await,
            Action::Terminate => self.terminate(body).await,
            Action::LeftOver => self.left_over(body).await,
            Action::Check | Action::LooksAlive | Action::IsAlive => {
                unreachable!("the actor changes nothing for {action}")
            }
        }
    }

    async fn online(&self, body: &mut Body) -> Verdict {
        let limit = self.bounds.online;
        match &self.settings.kind {
            Kind::Unit(unit) => unit::online(self, unit, body).await,
            Kind::Command(command) => {
                self.begin(&self.settings.child(&command.start), plain, body).await
            }
            Kind::Run(run) => self.run_child(run, body).await,
            Kind::Ocf(ocf) => {
                let program = self.agent(ocf, "start", 0, limit, false);
                self.begin(&program, of_agent, body).await
            }
        }
    }

    /// Runs a start command, which may leave something running.
    async fn begin(
        &self,
        program: &Program,
        meaning: impl FnOnce(ExitStatus) -> Result<(), String>,
        body: &mut Body,
    ) -> Verdict {
        let (action, limit) = (Action::Online, self.bounds.online);
        let cancel = &mut body.cancel;
        let manner = Manner { action, limit, cancel, leaves: true, answers: false };
        let mut ran = program.run(&self.ear, manner).await;
        body.rests.retain(|rest| rest.exists());
        body.rests.extend(ran.rest.take().filter(Rest::exists));
        self.judge(action, program, limit, ran, meaning)
    }

    /// Starts the supervised child, or looks at the one that runs, until it is up.
    async fn run_child(&self, run: &Run, body: &mut Body) -> Verdict {
        let (action, limit) = (Action::Online, self.bounds.online);
        let until = Instant::now() + limit;
        let program = self.settings.child(&run.command);
        if body.keeper.as_ref().is_none_or(|keeper| keeper.ended().is_some()) {
            body.keeper = None;
            // A child that ended by itself may have left something that is not in its group.
            let swept = self.swept(action).await;
            if swept.result.is_err() {
                return swept;
            }
            match Keeper::start(&program, &self.ear, &self.realm, self.file.clone()).await {
                Ok(keeper) => body.keeper = Some(keeper),
                Err(cause) => {
                    let (resource, program) = (self.resource(), program.title());
                    let cause = cause.to_string();
                    return Verdict::new(Err(ServiceError::CannotRun {
                        resource,
                        action,
                        program,
                        cause,
                    }));
                }
            }
        }
        let Body { keeper: Some(keeper), cancel, .. } = &mut *body else {
            unreachable!("it was started above")
        };
        let verdict = self.come_up(run, &program, keeper, cancel, until).await;
        if let Some(ended) = keeper.ended()
            && !verdict.called_off()
        {
            body.keeper = None;
            let (resource, program) = (self.resource(), program.title());
            let found = format!("{} after {:?}", ended.how, ended.lived);
            let error = ServiceError::Failed { resource, action, program, found };
            return Verdict { last_lines: ended.last_lines, ..Verdict::new(Err(error)) };
        }
        verdict
    }

    /// Waits until the child has settled, and its thorough check says yes.
    async fn come_up(
        &self,
        run: &Run,
        program: &Program,
        keeper: &Keeper,
        cancel: &mut Cancel,
        until: Instant,
    ) -> Verdict {
        let (action, limit, resource) = (Action::Online, self.bounds.online, self.resource());
        let pause = if run.is_alive.is_some() { run.settle.max(PAUSE) } else { run.settle };
        let mut last_lines = Vec::new();
        loop {
            let next = (Instant::now() + pause).min(until);
            tokio::select! {
                biased;
                by = cancel.called() => {
                    return Verdict::new(Err(ServiceError::CalledOff { resource, action, by }));
                }
                // Its caller says how.
                _ = keeper.end() => return Verdict::new(Ok(())),
                () = tokio::time::sleep_until(next) => {}
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let program = program.title();
                let error = ServiceError::TimedOut { resource, action, program, limit };
                return Verdict { last_lines, ..Verdict::new(Err(error)) };
            }
            let Some(check) = &run.is_alive else { return Verdict::new(Ok(())) };
            let (check, limit) = (self.settings.child(check), self.bounds.is_alive.min(left));
            let manner = Manner { action, limit, cancel, leaves: false, answers: false };
            let ran = check.run(&self.ear, manner).await;
            let verdict = self.judge(action, &check, limit, ran, plain);
            if verdict.result.is_ok() || verdict.called_off() {
                return verdict;
            }
            last_lines = verdict.last_lines;
        }
    }

    /// Stops it in good order.
    async fn offline(&self, action: Action, body: &mut Body) -> Verdict {
        let limit = self.bounds.offline;
        let verdict = match &self.settings.kind {
            Kind::Unit(unit) => unit::offline(self, unit, action, body).await,
            Kind::Run(run) => self.end_child(run, action, body).await,
            Kind::Command(_) | Kind::Ocf(_) => self.stop(action, limit, body).await,
        };
        if verdict.result.is_ok() {
            body.rests.clear();
        }
        verdict
    }

    /// The stop of commands and agents.
    async fn stop(&self, action: Action, limit: Duration, body: &mut Body) -> Verdict {
        let (program, meaning): (_, Meaning) = match &self.settings.kind {
            Kind::Command(command) => (self.settings.child(&command.stop), plain),
            Kind::Ocf(ocf) => (self.agent(ocf, "stop", 0, limit, false), of_agent),
            Kind::Unit(_) | Kind::Run(_) => return Verdict::new(Ok(())),
        };
        let ran = self.run(&program, action, limit, body, false).await;
        self.judge(action, &program, limit, ran, meaning)
    }

    /// Ends the supervised child with SIGTERM, then SIGKILL.
    async fn end_child(&self, run: &Run, action: Action, body: &mut Body) -> Verdict {
        let Body { keeper: Some(keeper), cancel, .. } = &mut *body else {
            return self.swept(action).await;
        };
        let limit = self.bounds.offline;
        keeper.ask_to_end(run.grace.min(limit));
        tokio::select! {
            biased;
            _ = keeper.end() => {}
            by = cancel.called() => {
                // A newer Online needs a new child, not this one on its way down.
                keeper.kill();
                keeper.end().await;
                body.keeper = None;
                let resource = self.resource();
                return Verdict::new(Err(ServiceError::CalledOff { resource, action, by }));
            }
        }
        body.keeper = None;
        self.swept(action).await
    }

    /// Kills every process of the resource.
    async fn swept(&self, action: Action) -> Verdict {
        let remains = self.realm.sweep(&[]).await;
        if remains.is_empty() {
            return Verdict::new(Ok(()));
        }
        let (resource, found) = (self.resource(), "could not be ended".to_owned());
        let program = remains.join(", ");
        Verdict::new(Err(ServiceError::Failed { resource, action, program, found }))
    }

    /// Ends everything at once.
    async fn terminate(&self, body: &mut Body) -> Verdict {
        let (action, limit) = (Action::Terminate, self.bounds.terminate);
        let mut verdict = Verdict::new(Ok(()));
        if let Kind::Unit(unit) = &self.settings.kind {
            let killed = unit::terminate(self, unit, body).await;
            verdict.remains.extend(killed.result.err().map(|error| error.to_string()));
        }
        if let Some(keeper) = body.keeper.take() {
            keeper.kill();
            keeper.end().await;
        }
        let groups: Vec<_> = body.rests.iter().map(|rest| rest.group).collect();
        let first = self.stop(action, limit, body).await;
        let mut remains = self.realm.sweep(&groups).await;
        if first.result.is_err() {
            let second = self.stop(action, limit, body).await;
            remains = self.realm.sweep(&groups).await;
            verdict.last_lines = second.last_lines;
            verdict.remains.extend(second.result.err().map(|error| error.to_string()));
        }
        if remains.is_empty() {
            self.file.remove();
        }
        body.rests.clear();
        verdict.remains.extend(remains);
        verdict
    }

    /// One of the health checks. `runs` says whether the supervised child does.
    pub(super) async fn probe(&self, action: Action, runs: bool, body: &mut Body) -> Verdict {
        let (limit, level) = match action {
            Action::LooksAlive => (self.bounds.looks_alive, 0),
            Action::IsAlive
            | Action::Check
            | Action::LeftOver
            | Action::Online
            | Action::Offline
            | Action::Terminate => (self.bounds.is_alive, self.level),
        };
        let choose = |cheap: &Option<Vec<String>>, thorough: &Option<Vec<String>>| {
            let cheap = cheap.clone();
            if action == Action::LooksAlive { cheap } else { thorough.clone().or(cheap) }
        };
        let chosen = match &self.settings.kind {
            Kind::Unit(unit) => return unit::probe(self, unit, action, limit, body).await,
            Kind::Ocf(ocf) => {
                let program = self.agent(ocf, "monitor", level, limit, false);
                let ran = self.run(&program, action, limit, body, false).await;
                return self.judge(action, &program, limit, ran, of_monitor);
            }
            Kind::Run(_) if !runs => {
                let (resource, found) = (self.resource(), "its child does not run".to_owned());
                return Verdict::new(Err(ServiceError::NotAlive { resource, action, found }));
            }
            Kind::Run(run) => choose(&run.looks_alive, &run.is_alive),
            Kind::Command(command) => choose(&command.looks_alive, &command.is_alive),
        };
        let Some(argv) = chosen else { return Verdict::new(Ok(())) };
        let program = self.settings.child(&argv);
        let ran = self.run(&program, action, limit, body, false).await;
        self.judge(action, &program, limit, ran, plain)
    }

    /// Stops what an earlier life of the agent left running.
    async fn left_over(&self, body: &mut Body) -> Verdict {
        let action = Action::LeftOver;
        if let Kind::Unit(unit) = &self.settings.kind {
            return unit::left_over(self, unit, body).await;
        }
        let named: Vec<_> = self.file.group().into_iter().collect();
        let mut found = match self.realm.members(&named).await {
            Ok(members) => members.iter().map(|each| each.describe()).collect(),
            Err(error) => vec![error],
        };
        found.extend(self.seems_to_run(body).await);
        let mut verdict = Verdict::new(Ok(()));
        let by_command = matches!(self.settings.kind, Kind::Command(_) | Kind::Ocf(_));
        if !found.is_empty() && by_command {
            verdict = self.stop(action, self.bounds.offline, body).await;
        }
        if verdict.called_off() {
            return verdict;
        }
        let grace = match &self.settings.kind {
            Kind::Run(run) => run.grace,
            Kind::Unit(_) | Kind::Command(_) | Kind::Ocf(_) => GRACE,
        };
        if !found.is_empty() {
            tokio::select! {
                biased;
                () = self.realm.ask_to_end(&named, grace) => {}
                by = body.cancel.called() => {
                    let resource = self.resource();
                    return Verdict::new(Err(ServiceError::CalledOff { resource, action, by }));
                }
            }
        }
        let mut remains = self.realm.sweep(&named).await;
        if verdict.result.is_err() && by_command {
            verdict = self.stop(action, self.bounds.offline, body).await;
            remains.extend(verdict.result.as_ref().err().map(|error| error.to_string()));
        } else if let Some(program) = (!remains.is_empty()).then(|| remains.join(", ")) {
            let (resource, found) = (self.resource(), "could not be ended".to_owned());
            verdict.result = Err(ServiceError::Failed { resource, action, program, found });
        }
        if remains.is_empty() {
            self.file.remove();
        }
        Verdict { found, remains, ..verdict }
    }

    /// Whether commands or the agent say that it runs before anything was started: what they say.
    async fn seems_to_run(&self, body: &mut Body) -> Option<String> {
        let (action, limit) = (Action::LeftOver, self.bounds.is_alive);
        let program = match &self.settings.kind {
            Kind::Ocf(ocf) => self.agent(ocf, "monitor", 0, limit, true),
            Kind::Command(command) => {
                let argv = command.is_alive.as_ref().or(command.looks_alive.as_ref())?;
                self.settings.child(argv)
            }
            Kind::Unit(_) | Kind::Run(_) => return None,
        };
        let ran = self.run(&program, action, limit, body, false).await;
        let of_agent = matches!(self.settings.kind, Kind::Ocf(_));
        match &ran.end {
            End::Exited(status) if of_agent => {
                let code = status.code().map(Code::new);
                let may_run = code.is_none_or(Code::may_run);
                let said = code.map_or_else(|| words(*status), Code::meaning);
                may_run.then(|| format!("monitor says {said}"))
            }
            End::Exited(status) if !status.success() => None,
            // A check that hangs or cannot be run does not say that there is nothing.
            end @ (End::Exited(_) | End::TimedOut | End::CalledOff(_) | End::CannotRun(_)) => {
                Some(format!("{} {}", program.title(), end_words(end, limit)))
            }
        }
    }
}
