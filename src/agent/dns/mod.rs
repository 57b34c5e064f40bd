//! Registers a Network Name's host record by dynamic update (RFC 2136), signed by TSIG (RFC 8945).
//!
//! [`Registrar`] talks to the server that holds the zone. [`Registration`] decides when: it keeps
//! "registered" apart from "online", since the product logs a failed registration, leaves the
//! resource online and tries again later (wsfc.md §5.2, linux-ha.md §10 item 7). Nothing here may
//! be waited for on the failover path.

mod error;
mod exchange;
mod key;
mod message;
mod name;
mod registrar;
mod registration;
mod signature;

pub use error::{Error, Fault};
pub use key::{Algorithm, Key};
pub use name::HostName;
pub use registrar::{Found, HOST_RECORD_TTL, Outcome, Registered, Registrar, TIMEOUT, Withdrawn};
pub use registration::{Act, Attempt, LONGEST_DELAY, Registration, SHORTEST_DELAY, Status};

#[cfg(test)]
pub(in crate::agent) mod tests;
