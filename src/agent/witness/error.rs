//! What keeps the witness from answering.

use super::record::Unfit;
use std::time::Duration;
use thiserror::Error;

/// Why an operation on the witness has no answer. After [`Error::NoAnswer`] and [`Error::Failed`]
/// it is not known whether a write arrived; a later operation of the same
/// [`Witness`](super::Witness) finds out by itself.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// Nothing leads to the place: no route, no link, or the directory is not mounted.
    #[error("{place}: no path ({found}); check the network, or the mount")]
    NoPath {
        /// The directory or share.
        place: String,
        /// What the kernel says.
        found: String,
    },
    /// The host is there, and nothing listens.
    #[error("{place}: the host refuses the connection ({found}); start its file server")]
    NotServed {
        /// The share.
        place: String,
        /// What the kernel says.
        found: String,
    },
    /// The place did not answer in time.
    #[error("{place}: no answer within {limit:?} while {doing}")]
    NoAnswer {
        /// The directory or share.
        place: String,
        /// What was waited for.
        doing: &'static str,
        /// The caller's limit.
        limit: Duration,
    },
    /// Another process had the record open the whole time. It says nothing about who holds the
    /// witness. A member has it open only for the moment of its own change, so if it goes on, it
    /// is a program that has no business there, such as a virus scanner.
    #[error("{place}: another has the record open for {limit:?}; if it stays so, see who has")]
    Busy {
        /// The share.
        place: String,
        /// The caller's limit.
        limit: Duration,
    },
    /// The place is there and refuses this user.
    #[error("{place}: refused while {doing} ({found}); check the user, password and permissions")]
    Denied {
        /// The directory or share.
        place: String,
        /// What was tried.
        doing: &'static str,
        /// What the server or kernel says.
        found: String,
    },
    /// The share, the folder or the file in it, or the record does not exist.
    #[error("{place}: {missing} does not exist ({found}); {remedy}")]
    Missing {
        /// The directory or share.
        place: String,
        /// What is missing.
        missing: &'static str,
        /// What the server or kernel says.
        found: String,
        /// What to do.
        remedy: &'static str,
    },
    /// What is there is not one record that can be used.
    #[error("{place}: {unfit}")]
    Unfit {
        /// The directory or share.
        place: String,
        /// What is wrong with it.
        unfit: Unfit,
    },
    /// The machine, or the file server, failed at what it was asked to do.
    #[error("{place}: failed while {doing} ({found})")]
    Failed {
        /// The directory or share.
        place: String,
        /// What was tried.
        doing: &'static str,
        /// What the server or kernel says.
        found: String,
    },
    /// A claim would write an older epoch than the one that the node knows.
    #[error("a claim of epoch {epoch} by a node that knows epoch {known}; claim at least {known}")]
    Backwards {
        /// The epoch to write.
        epoch: u64,
        /// The epoch that the node knows.
        known: u64,
    },
    /// The times of a watch do not fit each other.
    #[error(
        "a look every {interval:?} and a patience of {patience:?}; look at least 4 times in it"
    )]
    Pace {
        /// How long a record has to stand still.
        patience: Duration,
        /// Time between looks.
        interval: Duration,
    },
    /// The password file cannot be used.
    #[error("{file}: not usable as password file ({found}); {remedy}")]
    Password {
        /// The file.
        file: String,
        /// What is wrong.
        found: String,
        /// What to do.
        remedy: &'static str,
    },
}

/// What the caller has to tell apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Nothing leads there.
    NoPath,
    /// It did not answer in time.
    NoAnswer,
    /// The host is there, and its file server is not.
    NotServed,
    /// Another has it open just now: ask again.
    Busy,
    /// It answers, and cannot be used as it is: somebody has to repair it.
    Refused,
    /// The machine or the server failed.
    Failed,
}

impl Error {
    /// The kind of error.
    pub fn kind(&self) -> Kind {
        match self {
            Error::NoPath { .. } => Kind::NoPath,
            Error::NotServed { .. } => Kind::NotServed,
            Error::NoAnswer { .. } => Kind::NoAnswer,
            Error::Busy { .. } => Kind::Busy,
            Error::Denied { .. }
            | Error::Missing { .. }
            | Error::Unfit { .. }
            | Error::Backwards { .. }
            | Error::Pace { .. }
            | Error::Password { .. } => Kind::Refused,
            Error::Failed { .. } => Kind::Failed,
        }
    }

    /// A place that answers and has no record.
    pub(super) fn no_record(place: &str, remedy: &'static str) -> Error {
        let found = "no file is named like one".to_owned();
        Error::Missing { place: place.to_owned(), missing: "the record", found, remedy }
    }

    /// What an error of the kernel means for a place.
    pub(super) fn of_io(
        place: &str,
        doing: &'static str,
        limit: Duration,
        error: &std::io::Error,
    ) -> Error {
        use std::io::ErrorKind as Io;
        let (place, found) = (place.to_owned(), error.to_string());
        #[expect(clippy::wildcard_enum_match_arm, reason = "not our enum, and it may grow")]
        match error.kind() {
            Io::NetworkUnreachable
            | Io::HostUnreachable
            | Io::NetworkDown
            | Io::AddrNotAvailable
            | Io::NotConnected
            | Io::StaleNetworkFileHandle => Error::NoPath { place, found },
            Io::TimedOut => Error::NoAnswer { place, doing, limit },
            Io::ConnectionRefused => Error::NotServed { place, found },
            Io::PermissionDenied | Io::ReadOnlyFilesystem => Error::Denied { place, doing, found },
            _ => Error::Failed { place, doing, found },
        }
    }
}
