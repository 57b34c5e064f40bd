//! Floor 5: the production driver. It drives the same [`Node`](crate::failover::Node) as the
//! simulator, in real time on a Linux host: sockets, addresses, names, witness, databases,
//! services. docs/AGENT.md is for those who run it.

pub mod alarm;
pub mod clock;
pub mod control;
pub mod database;
pub mod dns;
pub mod driver;
pub mod host;
pub mod keeper;
pub mod lease;
pub mod metrics;
pub mod network;
pub mod paths;
pub mod priority;
pub mod recorder;
pub mod run;
pub mod service;
pub mod status;
pub mod store;
pub mod wire;
pub mod witness;
