//! An address that comes up is announced, so that neighbour caches can follow it.

use super::{Findings, Kind, Promise, Violation, Watch};
use crate::base::{Address, Instant, MachineId, NetId, Span};
use crate::journal::record::Plant;
use crate::journal::{Record, RecordNo, What};
use crate::model::{Fault, Topology};
use crate::view::Scene;
use std::collections::BTreeSet;

pub(super) const PROMISE: Promise = Promise {
    name: "address-announced",
    statement: "a cluster's address is announced on its network before it answers there",
    source: "wsfc.md §5.1 ARP count and spacing",
    applies: "whenever an address of a resource comes up, but for `cluster.arp_retry_count = 0` \
              and while its network forwards nothing or loses frames",
    not: "that anybody takes the announcement: a switch may drop it, and some clients ignore it",
    kind: Kind::Safety,
    sees_traffic: false,
    watch: |topology, _| Box::new(AddressAnnounced::new(topology)),
};

/// While its network forwards nothing or loses frames, and while a machine or an adapter comes
/// back, an announcement may reach nobody.
struct AddressAnnounced {
    /// Addresses of resources; none where no announcement is asked for.
    ours: BTreeSet<Address>,
    announced: BTreeSet<(Address, MachineId)>,
    /// How long announcements go on before the address answers.
    announces: Span,
    /// When a machine, an adapter or a network last changed.
    changed: Instant,
    findings: Findings,
}

impl AddressAnnounced {
    fn new(topology: &Topology) -> Self {
        let asked = topology.settings.cluster.arp_retry_count > 0;
        let ours = topology.resources.values().filter_map(|resource| resource.address);
        let cluster = &topology.settings.cluster;
        AddressAnnounced {
            ours: ours.filter(|_| asked).collect(),
            announced: BTreeSet::new(),
            announces: cluster.arp_retry_interval * u64::from(cluster.arp_retry_count),
            changed: Instant::ZERO,
            findings: Findings::default(),
        }
    }
}

/// Whether something keeps announcements from being heard on a network.
fn is_disturbed(scene: &Scene<'_>, on: NetId) -> bool {
    !scene.networks[on]
        || scene.active_faults().any(|fault| match fault {
            Fault::FrameLoss { network, .. } => network == on,
            _ => false,
        })
}

impl Watch for AddressAnnounced {
    fn see(&mut self, number: RecordNo, record: &Record, scene: &Scene<'_>) {
        match record.what {
            What::Plant(Plant::GratuitousArp { address, machine, .. }) => {
                self.announced.insert((address, machine));
            }
            What::Plant(Plant::AddressUp { address, machine, nic }) => {
                let announced = self.announced.remove(&(address, machine));
                let network = scene.topology().machines[machine].nics[nic].network;
                let settled = record.at.since(self.changed) >= self.announces;
                let heard = settled && !is_disturbed(scene, network);
                if announced || !self.ours.contains(&address) || !heard {
                    return;
                }
                let name = scene.topology().machine_name(machine);
                let why = format!("{address} answers on {name} and was announced to nobody");
                let (promise, record_no) = (PROMISE.name, Some(number));
                let violation =
                    Violation { promise, at: record.at, record: record_no, why, hazard: None };
                self.findings.violations.push(violation);
            }
            What::Plant(Plant::AddressDown { address, machine }) => {
                self.announced.remove(&(address, machine));
            }
            What::Fault { .. } | What::Plant(Plant::Machine { .. } | Plant::Adapter { .. }) => {
                self.changed = record.at
            }
            _ => {}
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

    /// An announcement of the second group's address.
    fn announced(story: &mut Story, second: u64, name: &str) {
        let mut other = Story::new();
        other.address(second, name, true);
        let What::Plant(Plant::AddressUp { address, machine, .. }) = other.records[0].what else {
            panic!("an address comes up");
        };
        let arp = Plant::GratuitousArp { address, machine, blocked: true };
        story.push(second, What::Plant(arp));
    }

    #[test]
    fn an_address_that_nobody_was_told_of_breaks_it() {
        let mut story = Story::new();
        story.address(2, "EX01", true);
        assert_eq!(story.judge(&PROMISE).violations.len(), 1);
        let mut story = Story::new();
        announced(&mut story, 1, "EX02");
        story.address(2, "EX01", true);
        assert_eq!(story.judge(&PROMISE).violations.len(), 1, "told of another server");
    }

    #[test]
    fn each_time_it_comes_up_it_is_announced_anew() {
        let mut story = Story::new();
        announced(&mut story, 1, "EX01");
        story.address(2, "EX01", true);
        assert_eq!(story.judge(&PROMISE), Findings::default());
        story.address(3, "EX01", false);
        story.address(4, "EX01", true);
        assert_eq!(story.judge(&PROMISE).violations.len(), 1);
    }
}
