//! dagtwin: a deterministic simulator and digital twin of a two-node Exchange 2010
//! high-availability site. The floors, lowest first; imports only go down
//! (see docs/ARCHITECTURE.md).

pub mod base;
pub mod failover;
pub mod model;

pub mod journal;

pub mod view;

pub mod check;

#[cfg(feature = "agent")]
pub mod agent;

#[cfg(feature = "import")]
pub mod import;

#[cfg(feature = "sim")]
pub mod sim;

#[cfg(feature = "sim")]
pub mod lab;

#[cfg(feature = "cli")]
pub mod report;

#[cfg(feature = "tui")]
pub mod tui;

#[cfg(feature = "cli")]
pub mod cli;
