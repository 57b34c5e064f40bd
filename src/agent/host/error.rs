//! What keeps an agent from starting.

use crate::agent::service::ServiceError;
use crate::agent::store::StoreError;
use crate::agent::{database, dns, lease, network, witness};
use std::path::PathBuf;
use thiserror::Error;

/// What keeps an agent from starting.
#[derive(Error, Debug)]
pub enum StartError {
    /// The key's file.
    #[error("{path}: {what}")]
    Key {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The state's folder.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The witness.
    #[error(transparent)]
    Witness(#[from] witness::Error),
    /// Addresses and adapters.
    #[error(transparent)]
    Network(#[from] network::Error),
    /// Names.
    #[error(transparent)]
    Names(#[from] dns::Error),
    /// A service.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// A database.
    #[error(transparent)]
    Database(#[from] database::Error),
    /// The kernel's leases.
    #[error(transparent)]
    Lease(#[from] lease::Error),
    /// Somebody has the members' port: perhaps an agent that serves.
    #[error(
        "port {port}: another process has it on {interface}: expected it free; if that is another \
         agent, end it first, or give this one a port of its own"
    )]
    Port {
        /// The port.
        port: u16,
        /// The interface on which it is taken.
        interface: String,
    },
    /// An agent runs, and is not to lose what it serves.
    #[error("an agent answers on {control}: expected none; `dagtwin ctl stop` ends it", control = control.display())]
    Runs {
        /// Its socket.
        control: PathBuf,
    },
    /// A database runs without an agent.
    #[error(
        "port {port}: database {name} still listens there: expected it stopped; the table {table} \
         stays, for without it clients could write; stop the database, and clear again"
    )]
    Serves {
        /// The database.
        name: String,
        /// Its port.
        port: u16,
        /// The table.
        table: String,
    },
}
