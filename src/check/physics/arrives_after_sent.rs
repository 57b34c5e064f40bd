//! Nothing arrives before it was sent, without having been sent, or more often than it was.

use super::flight::{Arrival, Flights};
use crate::base::{Instant, NetId};
use crate::check::{Findings, Kind, Promise, Watch, broken};
use crate::failover::seam::Input;
use crate::journal::{Record, RecordNo, What};
use crate::model::Fault;
use crate::view::Scene;

pub(super) const PROMISE: Promise = Promise {
    name: "arrives-after-sent",
    statement: "a frame arrives once, on the network on which it was sent, and no sooner than the \
                switch takes",
    source: "physics",
    applies: "at every frame between nodes",
    not: "that frames keep their order",
    kind: Kind::Safety,
    sees_traffic: true,
    watch: |_, _| Box::new(ArrivesAfterSent::default()),
};

#[derive(Default)]
struct ArrivesAfterSent {
    flights: Flights,
    findings: Findings,
}

/// Whether a fault in force sends frames of a network twice.
fn is_doubled(scene: &Scene<'_>, _: NetId) -> bool {
    scene.active_faults().any(|fault| match fault {
        Fault::NicDown { .. }
        | Fault::PowerOff { .. }
        | Fault::Freeze { .. }
        | Fault::ServiceStop { .. }
        | Fault::ServiceHang { .. }
        | Fault::ServiceSlow { .. }
        | Fault::ResourceFail { .. }
        | Fault::ResourceHang { .. }
        | Fault::NetworkDown { .. }
        | Fault::PathCut { .. }
        | Fault::PathLoss { .. }
        | Fault::FrameLoss { .. }
        | Fault::NetworkDelay { .. }
        | Fault::LogCorruption { .. }
        | Fault::GratuitousArpBlocked { .. } => false,
    })
}

impl Watch for ArrivesAfterSent {
    fn see(&mut self, number: RecordNo, record: &Record, scene: &Scene<'_>) {
        let latency = scene.topology().settings.ethernet.latency;
        let why = match self.flights.follow(number, record, scene) {
            None => return,
            Some(Arrival::Unsent) => Some("which was never sent"),
            Some(Arrival::Of(flight)) => {
                let early = record.at.saturating_since(flight.sent) < latency;
                let again = std::mem::replace(&mut flight.arrived, true);
                if early {
                    Some("sooner than the switch takes")
                } else if again && !is_doubled(scene, flight.network) {
                    Some("a second time")
                } else {
                    None
                }
            }
        };
        let What::In(node, Input::Frame { from, .. }) = &record.what else { return };
        if let Some(why) = why {
            let topology = scene.topology();
            let (node, from) = (topology.node_name(*node), topology.node_name(*from));
            let why = format!("a frame from {from} arrives at {node}, {why}");
            self.findings.violations.push(broken(&PROMISE, number, record, why));
        }
    }

    fn end(self: Box<Self>, _: Instant, _: &Scene<'_>) -> Findings {
        self.findings
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::story::Story;

    #[test]
    fn a_frame_that_was_sent_arrives_once() {
        let mut story = Story::new();
        story.sent(1, "EX01", "EX02");
        story.arrived(2, "EX01", "EX02");
        assert_eq!(story.judge(&PROMISE), Findings::default());
        story.arrived(3, "EX01", "EX02");
        assert_eq!(story.judge(&PROMISE).violations.len(), 1, "once more");
    }

    #[test]
    fn one_that_comes_from_nowhere_or_at_once_breaks_it() {
        let mut story = Story::new();
        story.sent(1, "EX02", "EX01");
        story.arrived(2, "EX01", "EX02");
        assert_eq!(story.judge(&PROMISE).violations.len(), 1, "the other one sent");
        let mut story = Story::new();
        story.sent(1, "EX01", "EX02");
        story.arrived(1, "EX01", "EX02");
        assert_eq!(story.judge(&PROMISE).violations.len(), 1, "no time passes");
    }

    #[test]
    fn one_that_was_lost_breaks_it_when_it_arrives() {
        let mut story = Story::new();
        story.sent(1, "EX01", "EX02");
        story.lost(1, "EX01", "EX02");
        story.arrived(2, "EX01", "EX02");
        assert_eq!(story.judge(&PROMISE).violations.len(), 1);
    }
}
