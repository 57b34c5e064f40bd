//! Hand-made records for the tests of promises: a site, and what happens in it, in words.

use super::{Findings, Promise, is_traffic};
use crate::base::{
    CopyId, DbId, GroupId, Instant, MachineId, MailId, NicId, NodeId, NodeSet, OpId, Span,
};
use crate::failover::message::Message;
use crate::failover::seam::{
    Act, Effect, GroupState, Input, MountDial, Note, Order, Outcome, Refusal, ResourceState,
};
use crate::journal::record::{ClientEvent, Lost, MailEvent, Plant, ServiceState};
use crate::journal::{Record, RecordNo, What};
use crate::model::builtin::SITES;
use crate::model::{Scenario, Service, Topology, load};
use crate::view::Scene;

/// Records over the built-in site.
pub(super) struct Story {
    pub(super) topology: Topology,
    pub(super) scenario: Scenario,
    pub(super) records: Vec<Record>,
}

impl Story {
    /// In the scenario in which nothing happens.
    pub(super) fn new() -> Self {
        Story::of("quiet")
    }

    /// In a built-in scenario.
    pub(super) fn of(name: &str) -> Self {
        let site = &SITES[0];
        let file = &site.topology;
        let topology = load::topology(file.name, file.text, &[]).expect("it loads").topology;
        let file = site.scenarios.iter().find(|file| file.name == name).expect("it exists");
        let scenario =
            load::scenario(file.path, file.name, file.text, &topology).expect("it loads");
        Story { topology, scenario, records: Vec::new() }
    }

    pub(super) fn node(&self, name: &str) -> NodeId {
        let mut nodes = self.topology.node_ids();
        nodes.find(|id| self.topology.node_name(*id) == name).expect("a member")
    }

    fn machine_id(&self, name: &str) -> MachineId {
        let mut machines = self.topology.machines.iter();
        machines.find(|(_, machine)| machine.name == name).expect("a machine").0
    }

    fn copy(&self, node: &str) -> CopyId {
        CopyId { database: DbId(0), node: self.node(node) }
    }

    fn members(&self, names: &[&str]) -> NodeSet {
        names.iter().map(|name| self.node(name)).collect()
    }

    pub(super) fn push(&mut self, second: u64, what: What) {
        let at = Instant::ZERO + Span::from_secs(second);
        self.records.push(Record { at, cause: None, what });
    }

    pub(super) fn note(&mut self, second: u64, node: &str, note: Note) {
        let node = self.node(node);
        self.push(second, What::Out(node, Effect::Note(note)));
    }

    pub(super) fn order(&mut self, second: u64, node: &str, order: Order) {
        let node = self.node(node);
        self.push(second, What::In(node, Input::Order(order)));
    }

    pub(super) fn fault(&mut self, second: u64, index: u16, healed: bool) {
        self.push(second, What::Fault { index, healed });
    }

    pub(super) fn machine(&mut self, second: u64, name: &str, up: bool) {
        let machine = self.machine_id(name);
        self.push(second, What::Plant(Plant::Machine { machine, up }));
    }

    pub(super) fn adapters(&mut self, second: u64, name: &str, up: bool) {
        let machine = self.machine_id(name);
        for nic in self.topology.machines[machine].nics.ids() {
            self.push(second, What::Plant(Plant::Adapter { machine, nic, up }));
        }
    }

    /// The address of the second group, up or down.
    pub(super) fn address(&mut self, second: u64, name: &str, up: bool) {
        let machine = self.machine_id(name);
        let resources = self.topology.groups[GroupId(1)].resources.iter();
        let address =
            resources.filter_map(|id| self.topology.resources[*id].address).next().expect("one");
        let nic = self.topology.machines[machine].nics.ids().next().expect("an adapter");
        let plant = match up {
            true => Plant::AddressUp { address, machine, nic },
            false => Plant::AddressDown { address, machine },
        };
        self.push(second, What::Plant(plant));
    }

    /// The second group's state and its resources'.
    pub(super) fn group(&mut self, second: u64, node: &str, state: GroupState) {
        self.some_group(second, node, GroupId(1), state);
    }

    pub(super) fn some_group(
        &mut self,
        second: u64,
        node: &str,
        group: GroupId,
        state: GroupState,
    ) {
        let owner = self.node(node);
        for (place, resource) in self.topology.groups[group].resources.clone().iter().enumerate() {
            let state = match (state, place) {
                (GroupState::Online, _) | (GroupState::PartialOnline, 0) => ResourceState::Online,
                _ => ResourceState::Offline,
            };
            self.note(second, node, Note::Resource { resource: *resource, state, failure: None });
        }
        self.note(second, node, Note::Group { group, owner, state });
    }

    /// A heartbeat is sent over the first adapter.
    pub(super) fn sent(&mut self, second: u64, from: &str, to: &str) {
        let (from, to) = (self.node(from), self.node(to));
        let (nic, message) = (NicId(0), Message::Reply { sequence: 1 });
        self.push(second, What::Out(from, Effect::Send { nic, to, message }));
    }

    /// The heartbeat arrives.
    pub(super) fn arrived(&mut self, second: u64, from: &str, to: &str) {
        let (from, to) = (self.node(from), self.node(to));
        let (nic, message) = (NicId(0), Message::Reply { sequence: 1 });
        self.push(second, What::In(to, Input::Frame { nic, from, message }));
    }

    /// The heartbeat is lost.
    pub(super) fn lost(&mut self, second: u64, from: &str, to: &str) {
        let (from, to) = (self.node(from), self.node(to));
        let why = Lost::Chance;
        self.push(second, What::Plant(Plant::FrameLost { from, nic: NicId(0), to, why }));
    }

    pub(super) fn mounted(&mut self, second: u64, node: &str, lost_logs: u64) {
        let copy = self.copy(node);
        self.push(second, What::Plant(Plant::Mounted { copy, lost_logs, replayed_logs: 0 }));
    }

    pub(super) fn dismounted(&mut self, second: u64, node: &str) {
        let copy = self.copy(node);
        self.push(second, What::Plant(Plant::Dismounted { copy }));
    }

    pub(super) fn mount_asked(&mut self, second: u64, node: &str) {
        let node = self.node(node);
        let act = Act::Mount(DbId(0));
        self.push(second, What::Out(node, Effect::Do { op: OpId(0), act }));
    }

    pub(super) fn last_logs(
        &mut self,
        second: u64,
        node: &str,
        missing: u64,
        dial: MountDial,
        accepted: bool,
    ) {
        let database = DbId(0);
        self.note(second, node, Note::LastLogs { database, copied: 0, missing, dial, accepted });
    }

    pub(super) fn view(&mut self, second: u64, node: &str, members: &[&str]) {
        let members = self.members(members);
        let (gone, joined) = (NodeSet::default(), NodeSet::default());
        self.note(second, node, Note::View { view: second, members, gone, joined });
    }

    pub(super) fn quorum(&mut self, second: u64, node: &str, members: &[&str]) {
        self.running(second, node);
        self.view(second, node, members);
        self.note(second, node, Note::QuorumHeld { votes: 2, needed: 2, witness: false });
    }

    pub(super) fn quorum_lost(&mut self, second: u64, node: &str) {
        let other = NodeId(1);
        let outcome = Outcome::Refused(Refusal::WitnessHeld(other));
        self.note(second, node, Note::WitnessLost { outcome, tries: 1 });
        self.note(second, node, Note::QuorumLost { votes: 1, needed: 2 });
    }

    fn running(&mut self, second: u64, node: &str) {
        self.service(second, node, Service::Cluster, ServiceState::Running);
    }

    pub(super) fn service(
        &mut self,
        second: u64,
        node: &str,
        service: Service,
        state: ServiceState,
    ) {
        let machine = self.machine_id(node);
        self.push(second, What::Plant(Plant::Service { machine, service, state }));
    }

    pub(super) fn mail(&mut self, second: u64, id: u32, event: MailEvent) {
        self.push(second, What::Mail(MailId(id), event));
    }

    pub(super) fn client(&mut self, second: u64, id: u32, event: ClientEvent) {
        self.push(second, What::Client(crate::base::ClientId(id), event));
    }

    /// What a promise finds in the records so far, at the end of the scenario.
    pub(super) fn judge(&self, promise: &Promise) -> Findings {
        let mut scene = Scene::new(&self.topology, &self.scenario);
        let mut watch = (promise.watch)(&self.topology, &self.scenario);
        for (number, record) in (0..).zip(&self.records) {
            scene.apply(record);
            if promise.sees_traffic || !is_traffic(&record.what) {
                watch.see(RecordNo(number), record, &scene);
            }
        }
        watch.end(self.scenario.until, &scene)
    }
}
