//! Why a machine or a member of the cluster is not at work.

use super::{Blocker, Search, of, told};
use crate::base::{Id, MachineId, NicId, NodeId, NodeSet};
use crate::failover::seam::Note;
use crate::journal::record::{Plant, ServiceState};
use crate::journal::text::{service_name, why_name};
use crate::journal::{RecordNo, What};
use crate::model::Service;
use crate::model::fault::Fault;
use crate::model::topology::NetworkRole;
use crate::view::words::moment;

impl Search<'_, '_> {
    pub(super) fn machine(&self, machine: MachineId) -> Vec<Blocker> {
        if let Some(off) = self.power(machine) {
            return vec![off];
        }
        let mut blockers = self.reach(machine);
        if let Some(node) = self.is_member(machine) {
            blockers.extend(self.member(node));
        }
        for (service, state) in super::others::stopped_services(self.scene, machine) {
            // Of a member's Cluster service more is told above.
            if service == Service::Cluster && self.is_member(machine).is_some() {
                continue;
            }
            let how = match state {
                ServiceState::Hung => "hangs",
                ServiceState::Stopped | ServiceState::Running => "does not run",
            };
            let record = self.service_ended(machine, service);
            blockers.push(told(format!("its {} {how}", service_name(service)), record));
        }
        blockers
    }

    /// Whether a machine does not run.
    pub(super) fn power(&self, machine: MachineId) -> Option<Blocker> {
        if self.scene.machines[machine] {
            return None;
        }
        let off = self.last(|record| match record.what {
            What::Plant(Plant::Machine { machine: of, up: false }) => (of == machine).then_some(()),
            _ => None,
        });
        Some(told("it is off or stands still", off.map(|(record, ())| record)))
    }

    /// Why clients do not reach a machine; nothing if they do.
    pub(super) fn reach(&self, machine: MachineId) -> Vec<Blocker> {
        if self.scene.reachable(machine) {
            return Vec::new();
        }
        if let Some(off) = self.power(machine) {
            return vec![off];
        }
        let topology = self.scene.topology();
        let nics = topology.machines[machine].nics.iter();
        let mut blockers: Vec<Blocker> = nics
            .filter(|(_, nic)| topology.networks[nic.network].role == NetworkRole::ClusterAndClient)
            .flat_map(|(nic, _)| self.adapter(machine, nic))
            .collect();
        if blockers.is_empty() {
            blockers.push(told("it has no adapter on a network of clients", None));
        }
        blockers
    }

    /// What keeps an adapter from carrying anything.
    pub(super) fn adapter(&self, machine: MachineId, nic: NicId) -> Vec<Blocker> {
        if let Some(off) = self.power(machine) {
            return vec![off];
        }
        let name = self.names.nic(machine, nic);
        if !self.scene.adapters[machine][nic] {
            let down = self.last(|record| match record.what {
                What::Plant(Plant::Adapter { machine: on, nic: of, up: false }) => {
                    (on == machine && of == nic).then_some(())
                }
                _ => None,
            });
            let text = format!("its adapter {name} has no carrier");
            return vec![told(text, down.map(|(record, ())| record))];
        }
        let network = self.scene.topology().machines[machine].nics[nic].network;
        if self.scene.networks[network] {
            return Vec::new();
        }
        let plan = &self.scene.scenario().faults;
        let down = self.last(|record| match record.what {
            What::Fault { index, healed: false } => {
                let fault = plan.get(usize::from(index)).map(|planned| planned.fault);
                (fault == Some(Fault::NetworkDown { network })).then_some(())
            }
            _ => None,
        });
        let text = format!("network {} forwards nothing", self.names.network(network));
        vec![told(text, down.map(|(record, ())| record))]
    }

    /// Why a member is not up; its machine runs.
    pub(super) fn member(&self, node: NodeId) -> Vec<Blocker> {
        let member = self.scene.nodes[node];
        let mut blockers = Vec::new();
        if let Some((record, until)) = self.quarantined(node) {
            let until = moment(until);
            blockers.push(told(format!("it is quarantined until {until} s"), record));
        }
        if !member.running {
            blockers.push(self.cluster_service_ended(node));
        } else if member.members.is_empty() {
            let looks = self.noted(Some(node), |_, note| {
                matches!(note, Note::Started | Note::Joining | Note::Forming).then_some(())
            });
            let text = "it is in no cluster, and looks for one";
            blockers.push(told(text, looks.map(|(record, ())| record)));
            if !self.scene.quorum_holders().is_empty() {
                let text = "the others have quorum without it";
                blockers.push(told(text, self.gone(node).map(|(record, _)| record)));
            } else {
                blockers.extend(self.votes(node));
            }
        } else if !member.quorum {
            blockers.extend(self.votes(node));
        }
        if self.scene.paused.contains(node) {
            let paused = self.noted(None, |_, note| match note {
                Note::NodePaused { node: of, paused: true } => (*of == node).then_some(()),
                _ => None,
            });
            let text = "it is paused: it takes no group";
            blockers.push(told(text, paused.map(|(record, ())| record)));
        }
        blockers
    }

    fn cluster_service_ended(&self, node: NodeId) -> Blocker {
        let ended = self.service_ended(node.into(), Service::Cluster);
        let why = self.noted(Some(node), |_, note| match note {
            Note::Stopping { why } => Some(Some(*why)),
            // A life that began later ended in another way.
            Note::Started => Some(None),
            _ => None,
        });
        let why = match why {
            Some((_, Some(why))) => format!(": {}", why_name(why)),
            Some((_, None)) | None => String::new(),
        };
        match ended {
            Some(_) => told(format!("its Cluster service does not run{why}"), ended),
            None => told("its Cluster service has not started", None),
        }
    }

    /// Whether a node may not join for a time, and until when.
    fn quarantined(&self, node: NodeId) -> Option<(RecordNo, crate::base::Instant)> {
        let (record, until) = self.noted(None, |_, note| match note {
            Note::NodeQuarantined { node: of, until } if *of == node => Some(Some(*until)),
            Note::NodeQuarantineEnds { node: of } if *of == node => Some(None),
            _ => None,
        })?;
        until.filter(|until| *until > self.now).map(|until| (record, until))
    }

    /// The view that left a node out, and who told of it.
    fn gone(&self, node: NodeId) -> Option<(RecordNo, NodeId)> {
        self.noted(None, |by, note| match note {
            Note::View { gone, .. } => gone.contains(node).then_some(by),
            _ => None,
        })
    }

    /// Which votes a side lacks.
    fn votes(&self, node: NodeId) -> Vec<Blocker> {
        let votes = self.scene.votes;
        let members = match self.scene.nodes[node].members {
            NodeSet::EMPTY => NodeSet::only(node),
            members => members,
        };
        let (held, needed) = (votes.of(members), votes.needed());
        let counted = self.noted(Some(node), |_, note| {
            let counts = matches!(
                note,
                Note::OneVoteShort { .. } | Note::QuorumLost { .. } | Note::View { .. }
            );
            counts.then_some(())
        });
        let side = self.names.nodes(members);
        let text = format!("no quorum: {side} holds {held} of {needed} votes needed");
        let mut blockers = vec![told(text, counted.map(|(record, ())| record))];
        for missing in votes.nodes.minus(members).iter() {
            let lost = self.noted(Some(node), |_, note| match note {
                Note::View { gone, .. } => gone.contains(missing).then_some(()),
                Note::PeerLost { peer } => (*peer == missing).then_some(()),
                _ => None,
            });
            let name = self.names.node(missing);
            let why = self.first_of(missing).map_or_else(String::new, |why| format!(": {why}"));
            let text = format!("the vote of {name} is missing{why}");
            blockers.push(told(text, lost.map(|(record, ())| record)));
        }
        if votes.witness {
            blockers.extend(self.witness_vote(node, members));
        }
        blockers
    }

    /// The plainest reason why a node is not there, in words.
    fn first_of(&self, node: NodeId) -> Option<String> {
        if let Some(off) = self.power(node.into()) {
            return Some(off.text);
        }
        if !self.scene.nodes[node].running {
            return Some(self.cluster_service_ended(node).text);
        }
        self.reach(node.into()).into_iter().next().map(|blocker| blocker.text)
    }

    /// Why a side does not have the witness's vote.
    fn witness_vote(&self, node: NodeId, members: NodeSet) -> Vec<Blocker> {
        if let Some(holder) = self.scene.witness.filter(|holder| !members.contains(*holder)) {
            let locked = self.last(|record| match record.what {
                What::Plant(Plant::WitnessLock { holder: by, .. }) => {
                    (by == Some(holder)).then_some(())
                }
                _ => None,
            });
            let text = format!("the witness's lock is held by {}", self.names.node(holder));
            return vec![told(text, locked.map(|(record, ())| record))];
        }
        let mut blockers = Vec::new();
        if !super::others::witness_serves(self.scene) {
            blockers.extend(of("the witness", self.witness()));
        }
        let story = self.noted(Some(node), |_, note| match note {
            Note::OneVoteShort { delay, claimant, .. } => Some(Some((*delay, *claimant))),
            Note::WitnessLost { .. } => Some(None),
            _ => None,
        });
        let Some((record, short)) = story else { return blockers };
        blockers.push(match short {
            None => told(self.words(record), record),
            Some((delay, true)) if !delay.is_zero() => {
                let from = self.at(record) + delay;
                let text =
                    format!("its arbitration delay runs: it may claim at {} s", moment(from));
                told(text, record)
            }
            Some((_, true)) => told("it claims the witness, and has no answer yet", record),
            Some((_, false)) => told("another node of its side claims the witness", record),
        });
        blockers
    }

    /// If no side has quorum: why each member is not in one that has.
    pub(super) fn no_quorum(&self) -> Vec<Blocker> {
        if !self.scene.quorum_holders().is_empty() {
            return Vec::new();
        }
        let mut blockers = vec![told("no side of the cluster has quorum", None)];
        for node in self.scene.topology().node_ids() {
            let machine = self.power(node.into()).map(|off| vec![off]);
            let why = machine.unwrap_or_else(|| self.member(node));
            blockers.extend(of(self.names.node(node), why));
        }
        blockers
    }

    /// Why a node does not serve clients, and whether the others have noticed.
    pub(super) fn away(&self, node: NodeId) -> Vec<Blocker> {
        let mut why = self.reach(node.into());
        if why.is_empty() && !self.scene.nodes[node].running {
            why.push(self.cluster_service_ended(node));
        }
        if why.is_empty() {
            return why;
        }
        let name = self.names.node(node);
        let mut blockers: Vec<Blocker> = of(name, why).collect();
        let holders = self.scene.quorum_holders().without(node);
        let unaware = holders.iter().find(|other| self.scene.nodes[*other].members.contains(node));
        if let Some(other) = unaware {
            let other = self.names.node(other);
            let text =
                format!("{other} has not missed {name} long enough: it is still in its view");
            blockers.push(told(text, None));
        }
        blockers
    }

    /// The machine's number as a member's, for what is about members only.
    pub(super) fn up_members(&self) -> NodeSet {
        let nodes = self.scene.topology().node_ids();
        let holders = self.scene.quorum_holders();
        nodes.filter(|node| holders.contains(*node) && node.index() < NodeSet::CAPACITY).collect()
    }
}
