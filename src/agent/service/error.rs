//! What can go wrong, with the remedy where there is one.

use super::Action;
use std::path::PathBuf;
use std::time::Duration;

/// Why a resource's settings were refused, or how an action ended badly.
///
/// Settings are refused by [`Settings::check`](super::Settings::check) before anything starts:
/// the first group of variants. The others end an action.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ServiceError {
    /// A setting cannot be right.
    #[error("resource {resource}: {setting} is {found}; {remedy}")]
    Setting {
        /// The resource.
        resource: String,
        /// The setting's name.
        setting: &'static str,
        /// What it is.
        found: String,
        /// What to do.
        remedy: String,
    },
    /// A program that a setting names is not there or cannot be run.
    #[error("resource {resource}: the program {program} of {setting} {found}; {remedy}")]
    Program {
        /// The resource.
        resource: String,
        /// The setting's name.
        setting: &'static str,
        /// The program as it was written.
        program: String,
        /// What is wrong with it.
        found: String,
        /// What to do.
        remedy: String,
    },
    /// Units need systemd, which does not run this host.
    #[error(
        "resource {resource}: unit {unit} needs systemd as process 1, and {path} is not there; \
         use the kind `command` or `run` on this host"
    )]
    NoSystemd {
        /// The resource.
        resource: String,
        /// The unit.
        unit: String,
        /// The directory that exists where systemd is process 1.
        path: PathBuf,
    },
    /// systemd knows the unit in no state that could be started.
    #[error("resource {resource}: systemd says that unit {unit} is {state}; {remedy}")]
    Unit {
        /// The resource.
        resource: String,
        /// The unit.
        unit: String,
        /// What systemd says of it.
        state: String,
        /// What to do.
        remedy: String,
    },
    /// A resource agent's description of itself is missing, unreadable or lacks something.
    #[error("resource {resource}: the meta-data of {agent} {found}; {remedy}")]
    MetaData {
        /// The resource.
        resource: String,
        /// The agent.
        agent: PathBuf,
        /// What is wrong with it.
        found: String,
        /// What to do.
        remedy: String,
    },
    /// A parameter that the agent does not have.
    #[error("resource {resource}: {agent} has no parameter {parameter}; it has: {known}")]
    UnknownParameter {
        /// The resource.
        resource: String,
        /// The agent.
        agent: PathBuf,
        /// The parameter.
        parameter: String,
        /// Those that there are, the most similar first.
        known: String,
    },
    /// A parameter that the agent requires is missing.
    #[error("resource {resource}: {agent} requires the parameter {parameter} ({about})")]
    MissingParameter {
        /// The resource.
        resource: String,
        /// The agent.
        agent: PathBuf,
        /// The parameter.
        parameter: String,
        /// The agent's own short description of it.
        about: String,
    },
    /// A parameter's value does not fit its type.
    #[error("resource {resource}: parameter {parameter} ({about}) is {found}; it takes {expected}")]
    WrongParameter {
        /// The resource.
        resource: String,
        /// The parameter.
        parameter: String,
        /// The agent's own short description of it.
        about: String,
        /// Its value.
        found: String,
        /// What it takes.
        expected: String,
    },

    /// The machine failed us: a program could not be started.
    #[error("{action} of {resource}: cannot run {program}: {cause}")]
    CannotRun {
        /// The resource.
        resource: String,
        /// What was being done.
        action: Action,
        /// The program.
        program: String,
        /// What the system says.
        cause: String,
    },
    /// It was tried, and answered with no.
    #[error("{action} of {resource}: {program} {found}")]
    Failed {
        /// The resource.
        resource: String,
        /// What was being done.
        action: Action,
        /// The program, unit or agent with its action.
        program: String,
        /// How it ended, with the meaning of its code.
        found: String,
    },
    /// A health check says that the resource does not run, or not rightly.
    #[error("{action} of {resource}: {found}")]
    NotAlive {
        /// The resource.
        resource: String,
        /// Which check.
        action: Action,
        /// What it says.
        found: String,
    },
    /// No answer within the time limit. A health check that ends so says not alive.
    #[error("{action} of {resource}: {program} did not end within {limit:?} and was killed")]
    TimedOut {
        /// The resource.
        resource: String,
        /// What was being done.
        action: Action,
        /// The program, unit or agent with its action.
        program: String,
        /// The time limit.
        limit: Duration,
    },
    /// A newer order took its place: it was ended, or never begun.
    #[error("{action} of {resource}: called off by {by}")]
    CalledOff {
        /// The resource.
        resource: String,
        /// What was being done.
        action: Action,
        /// What took its place.
        by: Action,
    },
    /// The resource's task has ended, so nothing is done any more.
    #[error("{action} of {resource}: the agent has let go of it")]
    LetGo {
        /// The resource.
        resource: String,
        /// What was asked.
        action: Action,
    },
}
