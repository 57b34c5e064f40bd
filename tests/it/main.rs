//! The only integration test binary: one file per subject.

#![allow(missing_docs, unreachable_pub)]

mod floors;
mod source;
mod tidy;
