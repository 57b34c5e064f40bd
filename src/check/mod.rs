//! stub
use crate::base::*;
use crate::journal::*;
use crate::model::*;
pub struct Violation {
    pub promise: &'static str,
    pub at: Instant,
    pub record: Option<RecordNo>,
    pub why: String,
}
pub struct Measure {
    pub promise: &'static str,
    pub name: String,
    pub value: Span,
    pub from: Instant,
}
pub enum Kind {
    Safety,
    Liveness,
}
pub struct Verdict {
    pub violations: Vec<(Kind, Violation)>,
    pub measures: Vec<Measure>,
    pub unavailable: Option<String>,
    pub held: Vec<(&'static str, &'static str)>,
}
pub fn judge(_: &Topology, _: &Scenario, _: Instant, _: &[Record]) -> Verdict {
    Verdict { violations: vec![], measures: vec![], unavailable: None, held: vec![] }
}
