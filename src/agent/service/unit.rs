//! A systemd unit, by `systemctl`.

use super::program::{End, Program};
use super::work::{Body, Shared, Verdict, plain};
use super::{Action, ServiceError, Settings, Unit};
use std::fmt;
use std::time::Duration;
use tokio::time::Instant;

/// How long systemctl may take to tell a state (assumed; it asks systemd over a socket).
const LOOK: Duration = Duration::from_secs(10);
/// Pause between looks at a unit that is on its way (assumed).
const PAUSE: Duration = Duration::from_millis(100);

/// What systemd says of a unit (systemctl(1) is-active).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum State {
    Active,
    Reloading,
    Refreshing,
    Inactive,
    Failed,
    Activating,
    Deactivating,
    Maintenance,
    /// There is no such unit.
    Missing,
    Other(String),
}

impl State {
    pub(super) fn new(word: &str) -> Self {
        match word.trim() {
            "active" => State::Active,
            "reloading" => State::Reloading,
            "refreshing" => State::Refreshing,
            "inactive" => State::Inactive,
            "failed" => State::Failed,
            "activating" => State::Activating,
            "deactivating" => State::Deactivating,
            "maintenance" => State::Maintenance,
            "unknown" => State::Missing,
            other => State::Other(other.to_owned()),
        }
    }

    /// It runs.
    pub(super) fn alive(&self) -> bool {
        match self {
            State::Active | State::Reloading | State::Refreshing => true,
            State::Inactive
            | State::Failed
            | State::Activating
            | State::Deactivating
            | State::Maintenance
            | State::Missing
            | State::Other(_) => false,
        }
    }

    /// Nothing of it runs.
    pub(super) fn down(&self) -> bool {
        match self {
            State::Inactive | State::Failed | State::Missing => true,
            State::Active
            | State::Reloading
            | State::Refreshing
            | State::Activating
            | State::Deactivating
            | State::Maintenance
            | State::Other(_) => false,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            State::Active => "active",
            State::Reloading => "reloading",
            State::Refreshing => "refreshing",
            State::Inactive => "inactive: it does not run",
            State::Failed => "failed: see `systemctl status`",
            State::Activating => "activating: it is starting, or waits to be restarted by systemd",
            State::Deactivating => "deactivating: it is stopping",
            State::Maintenance => "in maintenance",
            State::Missing => "unknown: systemd has no such unit",
            State::Other(word) => return write!(f, "in the state {word:?}, which is not known"),
        })
    }
}

/// Whether systemd is there and knows the unit.
pub(super) async fn check(settings: &Settings, unit: &Unit) -> Result<(), ServiceError> {
    let (resource, name) = (settings.name.clone(), unit.unit.clone());
    let wrong = |state: String, remedy: String| ServiceError::Unit {
        resource: resource.clone(),
        unit: name.clone(),
        state,
        remedy,
    };
    let known = name.rsplit_once('.').is_some_and(|(before, after)| {
        !before.is_empty() && !after.is_empty() && !before.starts_with('-')
    });
    if !known || name.contains(['/', '\0', '*', '?', '[', ' ']) {
        let remedy = "name one unit with its suffix, as in nginx.service".to_owned();
        return Err(wrong("not a unit's name".to_owned(), remedy));
    }
    if !unit.booted.is_dir() {
        let path = unit.booted.clone();
        return Err(ServiceError::NoSystemd { resource, unit: name, path });
    }
    let asked = ["show", "--property=LoadState,CanStart,Result", name.as_str()];
    let ran = settings.ask(&systemctl(settings, unit, &asked), LOOK).await;
    let said = |key: &str| {
        let mut values = ran.answer.lines().filter_map(|line| line.split_once('='));
        values.find(|(name, _)| *name == key).map_or("", |(_, value)| value.trim())
    };
    match (said("LoadState"), said("CanStart")) {
        ("loaded", "no") => {
            let remedy = "remove RefuseManualStart=, or choose another unit".to_owned();
            Err(wrong("not to be started by hand".to_owned(), remedy))
        }
        ("loaded", _) => Ok(()),
        ("masked", _) => Err(wrong("masked".to_owned(), format!("systemctl unmask {name}"))),
        ("not-found", _) => {
            let remedy = "install it, correct the name, or run systemctl daemon-reload".to_owned();
            Err(wrong("not there".to_owned(), remedy))
        }
        ("", _) => {
            let program = unit.systemctl.to_string_lossy().into_owned();
            let found = super::check::end_words(&ran.end, LOOK);
            let last = ran.last.join("; ");
            Err(ServiceError::Failed {
                resource,
                action: Action::Check,
                program: format!("{program} show {name}"),
                found: format!("{found} and told no LoadState: {last}"),
            })
        }
        (other, _) => {
            Err(wrong(format!("loaded as {other}"), format!("see systemctl status {name}")))
        }
    }
}

fn systemctl(settings: &Settings, unit: &Unit, arguments: &[&str]) -> Program {
    let mut argv = vec![unit.systemctl.to_string_lossy().into_owned()];
    argv.extend(arguments.iter().map(|each| (*each).to_owned()));
    let mut program = settings.child(&argv);
    // It is the agent's own helper, and no part of the resource.
    program.cgroup = None;
    for (name, value) in [("SYSTEMD_PAGER", "cat"), ("SYSTEMD_COLORS", "0")] {
        program.environment.insert(name.to_owned(), value.to_owned());
    }
    program
}

/// The unit's state. Which limit holds is the caller's.
async fn state(
    shared: &Shared,
    unit: &Unit,
    action: Action,
    limit: Duration,
    body: &mut Body,
) -> Result<State, Verdict> {
    let program = systemctl(&shared.settings, unit, &["is-active", &unit.unit]);
    let ran = shared.run(&program, action, limit, body, true).await;
    // Whatever its exit status: it is not 0 for every state but active.
    if let End::Exited(_) = ran.end
        && !ran.answer.trim().is_empty()
    {
        return Ok(State::new(&ran.answer));
    }
    let silent = |_| Err("told no state".to_owned());
    Err(shared.judge(action, &program, limit, ran, silent))
}

/// Waits until a state is as wished, at most until a moment; `going` says for which states it is
/// worth while.
async fn settle(
    (shared, unit, action): (&Shared, &Unit, Action),
    body: &mut Body,
    limit: Duration,
    wished: impl Fn(&State) -> bool,
    going: impl Fn(&State) -> bool,
) -> Verdict {
    let until = Instant::now() + limit;
    let failed = |error| Verdict::new(Err(error));
    let (resource, program) = (shared.settings.name.clone(), format!("unit {}", unit.unit));
    loop {
        let found = match state(shared, unit, action, LOOK, body).await {
            Ok(found) => found,
            Err(verdict) => return verdict,
        };
        if wished(&found) {
            return Verdict::new(Ok(()));
        }
        if !going(&found) {
            let mut found = format!("is {found}");
            if action == Action::Online && found.contains("inactive") {
                found.push_str(" (Type=oneshot needs RemainAfterExit=yes)");
            }
            return failed(ServiceError::Failed { resource, action, program, found });
        }
        if Instant::now() >= until {
            return failed(ServiceError::TimedOut { resource, action, program, limit });
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            by = body.cancel.called() => {
                return failed(ServiceError::CalledOff { resource, action, by });
            }
        }
    }
}

/// One order to systemd.
async fn order(
    shared: &Shared,
    action: Action,
    unit: &Unit,
    arguments: &[&str],
    limit: Duration,
    body: &mut Body,
) -> Verdict {
    let program = systemctl(&shared.settings, unit, arguments);
    let ran = shared.run(&program, action, limit, body, false).await;
    shared.judge(action, &program, limit, ran, plain)
}

pub(super) async fn online(shared: &Shared, unit: &Unit, body: &mut Body) -> Verdict {
    let (limit, begun) = (shared.bounds.online, Instant::now());
    let verdict = order(shared, Action::Online, unit, &["start", &unit.unit], limit, body).await;
    if verdict.result.is_err() {
        return verdict;
    }
    let left = limit.saturating_sub(begun.elapsed());
    let on_its_way = |state: &State| *state == State::Activating;
    settle((shared, unit, Action::Online), body, left, State::alive, on_its_way).await
}

/// Stops it in good order.
pub(super) async fn offline(
    shared: &Shared,
    unit: &Unit,
    action: Action,
    body: &mut Body,
) -> Verdict {
    let (limit, begun) = (shared.bounds.offline, Instant::now());
    let verdict = order(shared, action, unit, &["stop", &unit.unit], limit, body).await;
    if verdict.result.is_err() {
        return verdict;
    }
    let left = limit.saturating_sub(begun.elapsed());
    let on_its_way = |state: &State| *state == State::Deactivating;
    settle((shared, unit, action), body, left, State::down, on_its_way).await
}

/// Kills it. The job that stops it is first, so that systemd does not restart what is killed.
pub(super) async fn terminate(shared: &Shared, unit: &Unit, body: &mut Body) -> Verdict {
    let (action, limit, begun) = (Action::Terminate, shared.bounds.terminate, Instant::now());
    let name = unit.unit.as_str();
    for arguments in [&["stop", "--no-block", name][..], &["kill", "--signal=SIGKILL", name]] {
        // What matters is the state in the end. Of a unit that does not run nothing can be killed.
        let left = limit.saturating_sub(begun.elapsed()).max(PAUSE);
        order(shared, action, unit, arguments, left, body).await;
    }
    let left = limit.saturating_sub(begun.elapsed());
    let verdict = settle((shared, unit, action), body, left, State::down, |_| true).await;
    // A unit that was killed counts as failed, and systemd refuses to start it too often.
    order(shared, action, unit, &["reset-failed", name], LOOK.min(limit), body).await;
    verdict
}

pub(super) async fn probe(
    shared: &Shared,
    unit: &Unit,
    action: Action,
    limit: Duration,
    body: &mut Body,
) -> Verdict {
    match state(shared, unit, action, limit, body).await {
        Ok(state) if state.alive() => Verdict::new(Ok(())),
        Ok(state) => {
            let found = format!("unit {} is {state}", unit.unit);
            let resource = shared.settings.name.clone();
            Verdict::new(Err(ServiceError::NotAlive { resource, action, found }))
        }
        Err(verdict) => verdict,
    }
}

/// Stops what an earlier life left running.
pub(super) async fn left_over(shared: &Shared, unit: &Unit, body: &mut Body) -> Verdict {
    let action = Action::LeftOver;
    let state = match state(shared, unit, action, LOOK, body).await {
        Ok(state) if state.down() => return Verdict::new(Ok(())),
        Ok(state) => state,
        Err(verdict) => return verdict,
    };
    let mut verdict = offline(shared, unit, action, body).await;
    if verdict.result.is_err() && !verdict.called_off() {
        verdict = terminate(shared, unit, body).await;
    }
    verdict.found.push(format!("unit {} was {state}", unit.unit));
    verdict
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_of_a_unit_is_judged() {
        // Word, alive, down.
        let table = [
            ("active\n", true, false),
            ("reloading", true, false),
            ("refreshing", true, false),
            ("inactive", false, true),
            ("failed", false, true),
            ("activating", false, false),
            ("deactivating", false, false),
            ("maintenance", false, false),
            ("unknown", false, true),
            ("new-in-999", false, false),
            ("", false, false),
        ];
        for (word, alive, down) in table {
            let state = State::new(word);
            assert_eq!((state.alive(), state.down()), (alive, down), "{word}");
            assert!(state.to_string().contains(word.trim()), "{state}");
        }
    }
}
