//! The only integration test binary: one file per subject.

#![allow(missing_docs, unreachable_pub)]

mod cases;
mod floors;
mod journal;
mod pair;
mod source;
mod tidy;
