//! Nothing crosses an adapter without carrier, a machine that does not run, or a network or path
//! that is down.

use super::flight::{Arrival, Flights, is_cut};
use crate::base::{ClientId, Id, Instant, MachineId, NodeId};
use crate::check::{Findings, Kind, Promise, Watch, broken};
use crate::failover::quorum::Witness;
use crate::failover::seam::Input;
use crate::journal::record::{ClientEvent, Plant};
use crate::journal::{Record, RecordNo, What};
use crate::model::Topology;
use crate::model::topology::NetworkRole;
use crate::view::Scene;
use std::collections::BTreeMap;

pub(super) const PROMISE: Promise = Promise {
    name: "dead-adapter",
    statement: "nothing crosses an adapter without carrier, a machine that does not run, or a \
                network or path that is down",
    source: "physics",
    applies: "at every frame between nodes, connection of a client and lock on a witness's log",
    not: "anything of what was on its way when a network went down",
    kind: Kind::Safety,
    sees_traffic: true,
    watch: |topology, _| Box::new(DeadAdapter::new(topology)),
};

struct DeadAdapter {
    flights: Flights,
    /// Since when nobody can reach each machine.
    dead: Vec<Option<Instant>>,
    /// When each client began to connect.
    connecting: BTreeMap<ClientId, Instant>,
    findings: Findings,
}

impl DeadAdapter {
    fn new(topology: &Topology) -> Self {
        DeadAdapter {
            flights: Flights::default(),
            dead: vec![None; topology.machines.len()],
            connecting: BTreeMap::new(),
            findings: Findings::default(),
        }
    }

    /// What a frame came through that lets nothing through.
    fn frame(&mut self, number: RecordNo, record: &Record, scene: &Scene<'_>) -> Option<String> {
        let arrival = self.flights.follow(number, record, scene)?;
        let What::In(node, Input::Frame { nic, from, .. }) = &record.what else { return None };
        let machine = MachineId::from(*node);
        let there = if !scene.machines[machine] {
            Some("a machine that does not run")
        } else if !scene.adapters[machine][*nic] {
            Some("an adapter without carrier")
        } else {
            None
        };
        let here = match arrival {
            Arrival::Of(flight) => {
                flight.arrived = true;
                flight.obstacle
            }
            Arrival::Unsent => None,
        };
        let topology = scene.topology();
        let (from, node) = (topology.node_name(*from), topology.node_name(*node));
        let through = here.or(there)?;
        Some(format!("a frame from {from} came to {node} through {through}"))
    }

    fn follow_machines(&mut self, at: Instant, scene: &Scene<'_>) {
        for (place, dead) in self.dead.iter_mut().enumerate() {
            match scene.reachable(MachineId::at(place)) {
                true => *dead = None,
                false => drop(dead.get_or_insert(at)),
            }
        }
    }

    /// A client's connection with a machine that could not be reached all the time meanwhile.
    fn client(&mut self, at: Instant, client: ClientId, event: &ClientEvent) -> Option<MachineId> {
        match event {
            ClientEvent::Connecting { attempt: 1, .. } => {
                self.connecting.insert(client, at);
                None
            }
            ClientEvent::Connected { machine } => {
                let began = self.connecting.get(&client)?;
                let dead = self.dead[machine.index()];
                Some(*machine).filter(|_| dead.is_some_and(|since| since < *began))
            }
            _ => None,
        }
    }
}

/// Whether a member's request can come to a witness server, and the answer back.
fn reaches(scene: &Scene<'_>, node: NodeId, server: u8) -> bool {
    let topology = scene.topology();
    let servers = topology.witness_servers();
    if topology.rules().witness() != Some(Witness::FileShare) {
        return true;
    }
    let (machine, Some(server)) = (node.into(), servers.get(usize::from(server)).copied()) else {
        return true;
    };
    let on = |machine: MachineId, network| {
        let mut nics = topology.machines[machine].nics.iter();
        let up = nics.any(|(nic, at)| at.network == network && scene.adapters[machine][nic]);
        scene.machines[machine] && up
    };
    topology.networks.iter().any(|(id, network)| {
        network.role == NetworkRole::ClusterAndClient
            && scene.networks[id]
            && on(machine, id)
            && on(server, id)
            && !is_cut(scene, id, machine, server)
            && !is_cut(scene, id, server, machine)
    })
}

impl Watch for DeadAdapter {
    fn see(&mut self, number: RecordNo, record: &Record, scene: &Scene<'_>) {
        let name = |machine| scene.topology().machine_name(machine);
        let why = match &record.what {
            What::Fault { .. } | What::Plant(Plant::Machine { .. } | Plant::Adapter { .. }) => {
                self.follow_machines(record.at, scene);
                None
            }
            What::Client(client, event) => {
                let dead = self.client(record.at, *client, event);
                dead.map(|machine| {
                    let name = name(machine);
                    format!("a client connects to {name}, which nobody reaches")
                })
            }
            What::Plant(Plant::WitnessLock { server, holder: Some(node) })
                if !reaches(scene, *node, *server) =>
            {
                let node = name((*node).into());
                Some(format!("{node} locks the witness's log, which it does not reach"))
            }
            _ => self.frame(number, record, scene),
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
    use crate::base::Address;
    use crate::check::story::Story;

    #[test]
    fn a_frame_over_a_dead_adapter_breaks_it_at_either_end() {
        for dead in ["EX01", "EX02"] {
            let mut story = Story::new();
            story.adapters(1, dead, false);
            story.sent(2, "EX01", "EX02");
            story.arrived(3, "EX01", "EX02");
            assert_eq!(story.judge(&PROMISE).violations.len(), 1, "{dead}");
        }
        let mut story = Story::new();
        story.sent(2, "EX01", "EX02");
        story.arrived(3, "EX01", "EX02");
        assert_eq!(story.judge(&PROMISE), Findings::default());
    }

    #[test]
    fn a_frame_to_a_machine_without_power_breaks_it() {
        let mut story = Story::new();
        story.sent(1, "EX01", "EX02");
        story.machine(2, "EX02", false);
        story.arrived(3, "EX01", "EX02");
        assert_eq!(story.judge(&PROMISE).violations.len(), 1);
    }

    #[test]
    fn a_client_and_a_witness_that_nobody_reaches_break_it() {
        let mut story = Story::new();
        story.adapters(1, "EX01", false);
        story.client(2, 0, ClientEvent::Connecting { address: Address(1), attempt: 1 });
        story.client(3, 0, ClientEvent::Connected { machine: story.node("EX01").into() });
        assert_eq!(story.judge(&PROMISE).violations.len(), 1);
        let mut story = Story::new();
        let holder = Some(story.node("EX01"));
        story.push(1, What::Plant(Plant::WitnessLock { server: 0, holder }));
        assert_eq!(story.judge(&PROMISE), Findings::default());
        story.machine(2, "DC01", false);
        story.push(3, What::Plant(Plant::WitnessLock { server: 0, holder }));
        assert_eq!(story.judge(&PROMISE).violations.len(), 1);
    }
}
