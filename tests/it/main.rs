//! The only integration test binary: one file per subject.

#![allow(missing_docs, unreachable_pub)]

mod cases;
mod cli;
mod contract;
mod corpus;
mod facts;
mod floors;
mod invalid;
mod journal;
mod pair;
mod program;
mod readme;
mod replay;
mod report;
mod scenarios;
mod site;
mod source;
mod tidy;
mod twin;
