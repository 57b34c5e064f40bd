//! The integration tests of everything above the core: one file per subject.

#![allow(missing_docs, unreachable_pub)]

mod balancers;
mod browser;
mod capacity;
#[path = "../core/cases/mod.rs"]
mod cases;
mod cli;
mod compare;
mod conformance;
mod contract;
mod corpus;
mod designs;
mod explore;
mod facts;
mod faults;
mod fidelity;
mod floors;
mod fuzz;
#[path = "../../fuzz/src/lib.rs"]
mod fuzz_bodies;
mod invalid;
mod journal;
mod lease;
mod measured;
mod orders;
#[allow(unused_imports, dead_code, reason = "the cases use a part of it")]
#[path = "../core/pair/mod.rs"]
mod pair;
mod pictures;
mod plant;
mod planted;
mod program;
mod promises;
mod quorum;
mod readme;
mod replay;
mod report;
mod scenarios;
mod select;
mod site;
mod slurm;
mod source;
mod states;
mod stream;
mod suite;
mod suite_uses;
mod swarm;
mod sweep;
mod sweep_files;
mod sweep_questions;
mod terminal;
mod tidy;
mod twin;
mod views;
mod watch;
mod what_if;
