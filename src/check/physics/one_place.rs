//! One address answers from one place.

use super::flight::is_cut;
use crate::base::{Address, Instant, MachineId, NetId};
use crate::check::{Findings, Kind, Promise, Watch, broken};
use crate::journal::record::Plant;
use crate::journal::{Record, RecordNo, What};
use crate::model::Topology;
use crate::view::Scene;
use std::collections::BTreeSet;

pub(super) const PROMISE: Promise = Promise {
    name: "one-place",
    statement: "an address does not come up where another machine answers for it, and a neighbour \
                cache names only a machine that has it or has announced it",
    source: "physics; wsfc.md §5.1",
    applies: "whenever an address comes up or a neighbour cache changes",
    not: "that a neighbour cache is up to date",
    kind: Kind::Safety,
    sees_traffic: false,
    watch: |_, _| Box::new(OnePlace::default()),
};

#[derive(Default)]
struct OnePlace {
    /// Who has had or announced each address.
    known: BTreeSet<(Address, MachineId)>,
    findings: Findings,
}

/// Another machine that answers for an address on a network, where this one would hear it.
fn other(scene: &Scene<'_>, address: Address, here: MachineId, on: NetId) -> Option<MachineId> {
    let holders = scene.addresses.get(&address)?.iter().copied();
    holders.filter(|machine| *machine != here).find(|machine| {
        let mut nics = scene.topology().machines[*machine].nics.iter();
        let up = |(nic, at): (_, &crate::model::topology::Nic)| {
            at.network == on && scene.adapters[*machine][nic]
        };
        scene.networks[on]
            && scene.machines[*machine]
            && scene.leases[*machine]
            && nics.any(up)
            && !is_cut(scene, on, here, *machine)
            && !is_cut(scene, on, *machine, here)
    })
}

/// Whether a machine has an address that no cluster brings up: an adapter's own, or that of a load
/// balancer which it is, or is behind.
fn has_from_the_start(topology: &Topology, address: Address, machine: MachineId) -> bool {
    let mut own = topology.machines[machine].nics.values();
    let mut balancers = topology.load_balancers.values().filter(|of| of.address == address);
    own.any(|nic| nic.address == address)
        || balancers.any(|of| match of.devices() {
            [] => of.servers.contains(&machine),
            devices => devices.contains(&machine),
        })
}

impl Watch for OnePlace {
    fn see(&mut self, number: RecordNo, record: &Record, scene: &Scene<'_>) {
        let topology = scene.topology();
        let name = |machine| topology.machine_name(machine);
        let why = match record.what {
            What::Plant(Plant::AddressUp { address, machine, nic }) => {
                self.known.insert((address, machine));
                let network = topology.machines[machine].nics[nic].network;
                let other = other(scene, address, machine, network);
                other.map(|other| {
                    let (here, there) = (name(machine), name(other));
                    format!("{address} comes up on {here} while {there} answers for it")
                })
            }
            What::Plant(Plant::GratuitousArp { address, machine, .. }) => {
                self.known.insert((address, machine));
                None
            }
            What::Plant(Plant::Neighbour { address, machine: Some(machine), .. }) => {
                let known = self.known.contains(&(address, machine));
                (!known && !has_from_the_start(topology, address, machine)).then(|| {
                    let name = name(machine);
                    format!("a neighbour cache has {address} at {name}, where it never was")
                })
            }
            _ => None,
        };
        if let Some(why) = why {
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
    use crate::base::{ClientId, Id};
    use crate::check::story::Story;
    use crate::journal::record::Host;

    #[test]
    fn an_address_that_comes_up_beside_another_breaks_it() {
        let mut story = Story::new();
        story.address(1, "EX01", true);
        story.address(2, "EX02", true);
        assert_eq!(story.judge(&PROMISE).violations.len(), 1);
        let mut story = Story::new();
        story.address(1, "EX01", true);
        story.adapters(2, "EX01", false);
        story.address(3, "EX02", true);
        assert_eq!(story.judge(&PROMISE), Findings::default(), "nobody hears EX01");
    }

    #[test]
    fn a_neighbour_that_never_had_it_breaks_it() {
        let mut story = Story::new();
        story.address(1, "EX01", true);
        let What::Plant(Plant::AddressUp { address, .. }) = story.records[0].what else {
            panic!("an address comes up");
        };
        for (second, name) in [(2, "EX01"), (3, "EX02")] {
            let (host, machine) = (Host::Client(ClientId::at(0)), Some(story.node(name).into()));
            story.push(second, What::Plant(Plant::Neighbour { host, address, machine }));
        }
        let broken = story.judge(&PROMISE).violations;
        assert_eq!(broken.len(), 1);
        assert!(broken[0].why.contains("EX02"), "{broken:?}");
    }
}
