//! What leases are for, and faults drawn by themselves hardly ever come to: a member that goes on
//! serving clients and is lost to the others, while one of them takes over.

use super::plan::{Draw, GRAIN, Strike};
use crate::base::{Instant, NodeId, Span};

/// How long it lasts, up to one of these.
const LASTS: [Span; 3] = [Span::from_secs(8), Span::from_secs(20), Span::from_secs(60)];
/// How long adapters flap, up to one of these.
const FLAPS: [Span; 2] = [Span::from_millis(200), Span::from_secs(1)];

fn key(key: &str, value: &str) -> (String, String) {
    (key.to_owned(), value.to_owned())
}

impl Draw<'_> {
    /// Two members lose each other: one is killed, hangs or stands still, or nothing passes between
    /// them, perhaps only one way, perhaps with the witness lost to one as well; the other's
    /// adapters may flap meanwhile, and a clock run fast or slow.
    pub(super) fn apart(&mut self, begin: Instant) -> Vec<Strike> {
        let nodes: Vec<NodeId> = self.topology.node_ids().collect();
        let first = self.one_of(&nodes);
        let rest: Vec<NodeId> = nodes.into_iter().filter(|node| *node != first).collect();
        let at = begin + self.span(Span::ZERO, Span::from_secs(10));
        let most = self.one_of(&LASTS);
        let lasts = self.span(GRAIN, most).max(GRAIN);
        let topology = self.topology;
        let machine = topology.node_name(first);
        let process = |kind, lasts| {
            let mut keys = vec![key("machine", machine)];
            keys.extend((kind != "freeze").then(|| key("service", "cluster")));
            Strike { at, lasts, kind, keys }
        };
        let mut strikes = match self.stream.below(5) {
            0 => vec![process("service-hang", Some(lasts))],
            1 => vec![process("service-crash", None)],
            2 => vec![process("freeze", Some(lasts))],
            _ if rest.is_empty() => Vec::new(),
            _ => {
                let other = self.one_of(&rest);
                self.cuts(first, other, at, lasts)
            }
        };
        if self.stream.below(3) == 0 {
            let keys = vec![key("machine", machine), key("rate", self.one_of(&["98%", "102%"]))];
            strikes.push(Strike { at, lasts: Some(lasts), kind: "clock-rate", keys });
        }
        strikes
    }

    /// Nothing passes between two members over any network.
    fn cuts(&mut self, first: NodeId, other: NodeId, at: Instant, lasts: Span) -> Vec<Strike> {
        let topology = self.topology;
        let kind = self.one_of(&["path-cut", "path-cut", "path-cut-one-way"]);
        let witness = topology.dag.witness.filter(|_| self.stream.below(2) == 0);
        let flaps = self.stream.below(2) == 0;
        let (from, to) = (topology.node_name(first), topology.node_name(other));
        let mut ends = vec![(from, to)];
        ends.extend(witness.map(|witness| (from, topology.machine_name(witness))));
        let mut strikes = Vec::new();
        for (from, to) in ends {
            for network in topology.networks.values() {
                let on = |name: &str| {
                    let mut machines = topology.machines.ids();
                    machines.any(|id| {
                        let mut nics = topology.machines[id].nics.values();
                        topology.machine_name(id) == name
                            && nics.any(|nic| topology.networks[nic.network].name == network.name)
                    })
                };
                if on(from) && on(to) {
                    let late = self.span(Span::ZERO, Span::from_secs(1));
                    let keys =
                        vec![key("network", &network.name), key("from", from), key("to", to)];
                    strikes.push(Strike { at: at + late, lasts: Some(lasts), kind, keys });
                }
            }
        }
        if flaps {
            // Brief and at once, it is over while the first is still vouched for.
            let most = self.one_of(&FLAPS);
            let late = self.span(Span::ZERO, most);
            let lasts = Some(self.span(GRAIN, most).max(GRAIN));
            let keys = vec![key("machine", to), key("nic", "all")];
            strikes.push(Strike { at: at + late, lasts, kind: "nic-down", keys });
        }
        strikes
    }
}
