//! The hands of the agent against a real kernel and real servers, each in namespaces, temporary
//! directories and on ports of its own.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "what is tested here runs in real time on a real machine"
)]

// The kit judges with what replays journals.
#[cfg(feature = "sim")]
mod conformance;
mod database;
mod lease;
mod network;
// It runs the program, which is there with the command line only.
#[cfg(feature = "cli")]
mod whole;
