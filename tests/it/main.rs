//! The only integration test binary: one file per subject.

mod floors;
mod source;
mod tidy;
