//! The test bed: the real programs on hosts made of namespaces, faults put upon them, and probers
//! that measure from a client. docs/BED.md tells how to run it and what it judges.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "what is tested here runs in real time on a real machine"
)]

mod burden;
mod dial;
mod fault;
mod faults;
mod ground;
mod judge;
mod machine;
mod moment;
mod neighbours;
mod probe;
mod relay;
mod report;
mod run;
mod serve;
mod servers;
mod site;
mod space;
mod switch;
