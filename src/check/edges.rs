//! Every change of state is one of the tables'.

use super::{Findings, Kind, Promise, Violation, Watch};
use crate::base::Instant;
use crate::journal::{Record, RecordNo};
use crate::view::Scene;
use crate::view::transitions::Transitions;

pub(super) const PROMISE: Promise = Promise {
    name: "states-follow-their-edges",
    statement: "groups, resources, nodes, copies and quorum change along the edges of their tables",
    source: "docs/STATES.md",
    applies: "at every change of state that a note or the plant tells of",
    not: "that a change was wise, or that it comes in time",
    kind: Kind::Safety,
    sees_traffic: false,
    watch: |_, scenario| {
        let transitions = Transitions::at_start_of(scenario);
        Box::new(Edges { transitions, findings: Findings::default() })
    },
};

struct Edges {
    transitions: Transitions,
    findings: Findings,
}

impl Watch for Edges {
    fn see(&mut self, number: RecordNo, record: &Record, _: &Scene<'_>) {
        for change in self.transitions.apply(record).iter().filter(|change| !change.known) {
            let (from, to) = &change.names;
            let why = format!("{}: {from} to {to} is no transition", change.who);
            let (promise, record_no) = (PROMISE.name, Some(number));
            let violation =
                Violation { promise, at: record.at, record: record_no, why, hazard: None };
            self.findings.violations.push(violation);
        }
    }

    fn end(self: Box<Self>, _: Instant, _: &Scene<'_>) -> Findings {
        self.findings
    }
}

#[cfg(test)]
mod tests {
    use super::super::story::Story;
    use super::*;
    use crate::base::{Id, ResourceId};
    use crate::failover::seam::{Note, ResourceState};

    fn resource(state: ResourceState) -> Note {
        Note::Resource { resource: ResourceId::at(0), state, failure: None }
    }

    #[test]
    fn a_resource_that_skips_a_state_breaks_it() {
        let mut story = Story::new();
        story.note(1, "EX01", resource(ResourceState::OnlinePending));
        story.note(2, "EX01", resource(ResourceState::Online));
        assert_eq!(story.judge(&PROMISE), Findings::default());
        story.note(3, "EX02", resource(ResourceState::Online));
        let broken = story.judge(&PROMISE).violations;
        assert_eq!(broken.len(), 1);
        assert!(broken[0].why.contains("Offline to Online"), "{}", broken[0].why);
    }

    #[test]
    fn a_node_that_starts_again_begins_anew() {
        let mut story = Story::new();
        story.note(1, "EX01", Note::Started);
        story.quorum(2, "EX01", &["EX01"]);
        story.note(3, "EX01", resource(ResourceState::OnlinePending));
        story.note(60, "EX01", Note::Started);
        story.note(61, "EX01", resource(ResourceState::OnlinePending));
        assert_eq!(story.judge(&PROMISE), Findings::default());
    }
}
