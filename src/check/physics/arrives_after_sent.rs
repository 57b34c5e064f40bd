//! Nothing arrives before it was sent, without having been sent, or more often than it was.

use super::flight::{Arrival, Flights};
use crate::base::{Instant, NetId};
use crate::check::{Findings, Kind, Promise, Watch, broken};
use crate::failover::seam::Input;
use crate::journal::{Record, RecordNo, What};
use crate::model::Fault;
use crate::view::Scene;
use std::collections::BTreeMap;

pub(super) const PROMISE: Promise = Promise {
    name: "arrives-after-sent",
    statement: "a frame arrives once, unless a fault doubles it, on the network on which it was \
                sent, and no sooner than the switch takes",
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
    /// Networks that sent frames twice, and until when they did last.
    doubled: BTreeMap<NetId, Instant>,
    findings: Findings,
}

impl ArrivesAfterSent {
    /// Follows the faults that send frames of a network twice.
    fn hear(&mut self, record: &Record, scene: &Scene<'_>) {
        let What::Fault { index, healed } = record.what else { return };
        let planned = scene.scenario().faults.get(usize::from(index));
        if let Some(Fault::FrameDuplication { network, .. }) = planned.map(|one| one.fault) {
            let still = scene.active_faults().any(|fault| match fault {
                Fault::FrameDuplication { network: of, .. } => of == network,
                _ => false,
            });
            let until = if healed && !still { record.at } else { Instant::MAX };
            self.doubled.insert(network, until);
        }
    }

    /// Whether what was sent then on a network may have been sent twice.
    fn is_doubled(&self, network: NetId, sent: Instant) -> bool {
        self.doubled.get(&network).is_some_and(|until| sent <= *until)
    }
}

impl Watch for ArrivesAfterSent {
    fn see(&mut self, number: RecordNo, record: &Record, scene: &Scene<'_>) {
        self.hear(record, scene);
        let latency = scene.topology().settings.ethernet.latency;
        let why = match self.flights.follow(number, record, scene) {
            None => return,
            Some(Arrival::Unsent) => Some("which was never sent"),
            Some(Arrival::Of(flight)) => {
                let early = record.at.saturating_since(flight.sent) < latency;
                let again = std::mem::replace(&mut flight.arrived, true);
                let (network, sent) = (flight.network, flight.sent);
                let doubled = self.is_doubled(network, sent);
                if early {
                    Some("sooner than the switch takes")
                } else if again && !doubled {
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
