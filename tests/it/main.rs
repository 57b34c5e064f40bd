//! The only integration test binary: one file per subject.

#![allow(missing_docs, unreachable_pub)]

mod cases;
mod floors;
mod journal;
mod pair;
mod program;
mod readme;
mod replay;
mod site;
mod source;
mod tidy;
