//! dagtwin: a deterministic simulator and digital twin of a two-node Exchange 2010
//! high-availability site. The floors, lowest first; imports only go down
//! (see docs/ARCHITECTURE.md).

pub mod base;
#[cfg(feature = "cli")]
pub mod cli;
pub mod failover;
pub mod journal;
pub mod model;
#[cfg(feature = "sim")]
pub mod sim;
