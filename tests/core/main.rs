//! The core alone, over bare cables and a clock. Needs no feature, so that a change of
//! `src/failover` is judged within seconds.

#![allow(missing_docs, unreachable_pub)]

mod bare;
mod cases;
mod messages;
mod pair;
mod plans;

#[test]
fn every_case_happens_as_it_is_written() {
    cases::every_case_happens_as_it_is_written();
}
