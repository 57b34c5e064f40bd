//! What can go wrong with a mailbox database, told apart as the caller needs it.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why something could not be done. Every message names the place, what was found and what was
/// expected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting is wrong.
    #[error("database setting {setting}: found {found:?}, expected {expected}")]
    Setting {
        /// Which.
        setting: &'static str,
        /// What it is.
        found: String,
        /// What it may be.
        expected: &'static str,
    },
    /// It was answered with no: the database is in no state for it.
    #[error("database {database}: {what} refused: {why}")]
    Refused {
        /// The database.
        database: String,
        /// What was asked for.
        what: &'static str,
        /// Why not, and what to do first.
        why: String,
    },
    /// The copy's data are not whole, or are not there.
    #[error("database {database}: its data are not usable: {why}; remedy: {remedy}")]
    Unusable {
        /// The database.
        database: String,
        /// What is wrong.
        why: String,
        /// What mends it.
        remedy: &'static str,
    },
    /// Nobody answered in time.
    #[error("{place}: {what}: no answer within {limit:?}")]
    NoAnswer {
        /// Who was asked.
        place: String,
        /// What for.
        what: &'static str,
        /// How long was waited.
        limit: Duration,
    },
    /// Nobody can be reached there.
    #[error("{place}: cannot be reached: {why}")]
    NoPath {
        /// Who was asked.
        place: String,
        /// What the system said.
        why: String,
    },
    /// Somebody answered who could not prove that he knows the key, or was not believed.
    #[error("{place}: not authentic: {why}; expected the same key and password on both hosts")]
    NotAuthentic {
        /// Who was asked.
        place: String,
        /// What was wrong.
        why: String,
    },
    /// A server reported an error.
    #[error("{place}: {what}: the server says {message} (SQLSTATE {code})")]
    Sql {
        /// Who was asked.
        place: String,
        /// What for.
        what: &'static str,
        /// Its message.
        message: String,
        /// Its code.
        code: String,
    },
    /// A program of PostgreSQL failed.
    #[error("{program} failed ({status}): {output}")]
    Program {
        /// The program.
        program: PathBuf,
        /// How it ended.
        status: String,
        /// The end of what it said.
        output: String,
    },
    /// The instance ended while it started.
    #[error("database {database}: the instance ended while it started ({status}): {output}")]
    Ended {
        /// The database.
        database: String,
        /// How it ended.
        status: String,
        /// The end of its log.
        output: String,
    },
    /// A file could not be used.
    #[error("{what} {path}: {source}")]
    File {
        /// What was tried, as a verb.
        what: &'static str,
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file does not have the content that it must have.
    #[error("{path}: found {found}, expected {expected}")]
    Content {
        /// Which file, or whose message.
        path: String,
        /// What was found.
        found: String,
        /// What was expected.
        expected: &'static str,
    },
    /// The kernel refused something about a process.
    #[error("process {pid} of database {database}: {what}: {source}")]
    Process {
        /// The database.
        database: String,
        /// The process.
        pid: i32,
        /// What was tried.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

/// What an [`Error`] means to the state machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Nobody can be reached there.
    NoPath,
    /// Nobody answered in time.
    NoAnswer,
    /// Answered with no.
    Refused,
    /// The copy is not in a state to be used.
    Unusable,
    /// The disk refused, or is full.
    Disk,
    /// A program or this machine failed us, or a setting is wrong.
    Machine,
}

impl Error {
    /// What it means to the caller.
    pub fn kind(&self) -> Kind {
        match self {
            Error::NoPath { .. } => Kind::NoPath,
            Error::NoAnswer { .. } => Kind::NoAnswer,
            Error::Refused { .. } | Error::NotAuthentic { .. } => Kind::Refused,
            Error::Unusable { .. } => Kind::Unusable,
            Error::File { source, .. } if is_disk(source) => Kind::Disk,
            Error::Sql { code, .. } if code == "53100" || code == "58030" => Kind::Disk,
            Error::Program { output, .. } | Error::Ended { output, .. }
                if super::process::Trouble::of_log(output).is_disk() =>
            {
                Kind::Disk
            }
            Error::Setting { .. }
            | Error::Sql { .. }
            | Error::Program { .. }
            | Error::Ended { .. }
            | Error::File { .. }
            | Error::Content { .. }
            | Error::Process { .. } => Kind::Machine,
        }
    }

    pub(super) fn file(what: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Error {
        Error::File { what, path: path.into(), source }
    }
}

fn is_disk(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::ReadOnlyFilesystem
    ) || error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error())
}
