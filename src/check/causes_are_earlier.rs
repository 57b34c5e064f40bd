//! Time does not go back, and a cause is an earlier record.

use super::{Findings, Kind, Promise, Violation, Watch};
use crate::base::Instant;
use crate::journal::{Record, RecordNo};
use crate::view::Scene;

pub(super) const PROMISE: Promise = Promise {
    name: "causes-are-earlier",
    statement: "records are in the order of time, and each names an earlier one as its cause",
    source: "docs/JOURNAL.md",
    applies: "at every record",
    not: "that the cause is the right one",
    kind: Kind::Safety,
    sees_traffic: true,
    watch: |_, _| Box::new(CausesAreEarlier::default()),
};

#[derive(Default)]
struct CausesAreEarlier {
    latest: Instant,
    findings: Findings,
}

impl Watch for CausesAreEarlier {
    fn see(&mut self, number: RecordNo, record: &Record, _: &Scene<'_>) {
        let mut broken = |why| {
            let (promise, record_no) = (PROMISE.name, Some(number));
            let violation =
                Violation { promise, at: record.at, record: record_no, why, hazard: None };
            self.findings.violations.push(violation);
        };
        if record.at < self.latest {
            broken(format!("it is at {}, after one at {}", record.at, self.latest));
        }
        if let Some(cause) = record.cause.filter(|cause| *cause >= number) {
            broken(format!("it names #{} as its cause", cause.0));
        }
        self.latest = self.latest.max(record.at);
    }

    fn end(self: Box<Self>, _: Instant, _: &Scene<'_>) -> Findings {
        self.findings
    }
}

#[cfg(test)]
mod tests {
    use super::super::story::Story;
    use super::*;

    #[test]
    fn a_record_of_the_past_and_one_caused_by_itself_break_it() {
        let mut story = Story::new();
        story.machine(5, "EX01", false);
        story.machine(6, "EX01", true);
        assert_eq!(story.judge(&PROMISE), Findings::default());
        story.machine(4, "EX01", false);
        story.records[0].cause = Some(RecordNo(0));
        assert_eq!(story.judge(&PROMISE).violations.len(), 2);
    }
}
