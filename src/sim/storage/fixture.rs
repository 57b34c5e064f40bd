//! A site of two members and a domain controller whose Cluster services never start, so that
//! tests can ask storage and mail for operations themselves.

use super::super::event::Event;
use super::super::plant::{Plant, Recorder, lent};
use super::super::{Recording, balancer, build, client, faults, mail};
use super::handle;
use crate::base::{
    Address, ClientId, CopyId, DbId, IdVec, Instant, MachineId, NetId, NicId, NodeId, OpId, SiteId,
    Span,
};
use crate::failover::quorum::Mode;
use crate::failover::seam::{Act, ActivationPolicy, Input, MountDial, Outcome};
use crate::journal::record::Plant as Change;
use crate::journal::{Record, RecordNo, What};
use crate::model::fault::Planned;
use crate::model::scenario::{Start, VerdictKind};
use crate::model::topology::{
    Authentication, ClientGroup, ClientKind, ClientOs, Connection, Dag, Database, ExchangeVersion,
    Hardware, Machine, MachineRole, Network, NetworkRole, Nic, WindowsVersion,
};
use crate::model::{Fault, Scenario, Settings, Tested, Topology};
use std::collections::BTreeMap;

/// The members.
pub(in crate::sim) const EX01: NodeId = NodeId(0);
/// The other one.
pub(in crate::sim) const EX02: NodeId = NodeId(1);
/// The database and its copies.
pub(in crate::sim) const VIP: DbId = DbId(0);
pub(in crate::sim) const VIP1: CopyId = CopyId { database: VIP, node: EX01 };
pub(in crate::sim) const VIP2: CopyId = CopyId { database: VIP, node: EX02 };
/// An Outlook client in cached mode, one in online mode, and a mail relay.
pub(in crate::sim) const CACHED: ClientId = ClientId(0);
pub(in crate::sim) const ONLINE: ClientId = ClientId(1);
pub(in crate::sim) const RELAY: ClientId = ClientId(2);

pub(in crate::sim) fn seconds(seconds: u64) -> Instant {
    Instant::ZERO + Span::from_secs(seconds)
}

pub(in crate::sim) fn millis(millis: u64) -> Instant {
    Instant::ZERO + Span::from_millis(millis)
}

/// Every adapter of a machine is down from `at` on, for a time or for good.
pub(in crate::sim) fn isolated(node: NodeId, at: Instant, lasts: Option<Span>) -> Planned {
    Planned { at, lasts, fault: Fault::NicDown { machine: node.into(), nic: None } }
}

fn machine(number: u8, name: &str, roles: &[MachineRole], networks: u8) -> Machine {
    let nic = |network: u8| Nic {
        name: format!("NIC {network}"),
        network: NetId(network),
        address: Address(0x0a00_0000 + u32::from(network) * 256 + u32::from(number)),
    };
    Machine {
        name: name.to_string(),
        roles: roles.to_vec(),
        nics: (0..networks).map(nic).collect::<IdVec<NicId, Nic>>(),
        dial: MountDial::GoodAvailability,
        activation_policy: ActivationPolicy::Unrestricted,
        site: SiteId(0),
        maximum_active: None,
        vote: true,
        cluster_site: 0,
        hardware: Hardware::usual(&Settings::default()),
    }
}

/// Every role of an Exchange server.
const EXCHANGE: [MachineRole; 3] =
    [MachineRole::Mailbox, MachineRole::ClientAccess, MachineRole::HubTransport];

fn clients(kind: ClientKind, cached: bool, first: u32) -> ClientGroup {
    ClientGroup {
        name: kind.word().to_string(),
        kind,
        cached,
        count: 1,
        first: ClientId(first),
        network: NetId(0),
        operating_system: ClientOs::Windows7,
        authentication: Authentication::Ntlm,
        database: VIP,
        server: None,
        think: Span::from_secs(3_600),
        connection: Connection::Rpc,
        profile: None,
    }
}

/// The site: network 0 is MAPI, network 1 is for replication.
pub(in crate::sim) fn topology() -> Topology {
    let network = |number: u8, role: NetworkRole| Network {
        name: format!("Network {number}"),
        subnet: Address(0x0a00_0000 + u32::from(number) * 256),
        prefix: 24,
        routed_subnets: Vec::new(),
        metric: role.usual_metric(),
        role,
    };
    let networks = [network(0, NetworkRole::ClusterAndClient), network(1, NetworkRole::Cluster)];
    let controller = [MachineRole::DomainController, MachineRole::Dns, MachineRole::Witness];
    Topology {
        name: "fixture".to_string(),
        title: String::new(),
        domain: "contoso.local".to_string(),
        windows: WindowsVersion::V2008R2,
        exchange: ExchangeVersion::Sp1,
        settings: Settings::default(),
        networks: networks.into_iter().collect(),
        machines: [
            machine(1, "EX01", &EXCHANGE, 2),
            machine(2, "EX02", &EXCHANGE, 2),
            machine(3, "DC01", &controller, 1),
        ]
        .into_iter()
        .collect(),
        nodes: 2,
        sites: IdVec::new(),
        dag: Dag {
            activation_coordination: false,
            name: "PrimaryDAG".to_string(),
            witness: Some(MachineId(2)),
            quorum: Mode::NodeAndFileShareMajority,
        },
        groups: IdVec::new(),
        resources: IdVec::new(),
        databases: [Database {
            name: "VIP".to_string(),
            copies: vec![EX01, EX02],
            replay_lag_times: BTreeMap::new(),
            truncation_lag_times: BTreeMap::new(),
            circular_logging_enabled: false,
        }]
        .into_iter()
        .collect(),
        load_balancers: IdVec::new(),
        client_access_array: None,
        clients: vec![
            clients(ClientKind::Outlook, true, 0),
            clients(ClientKind::Outlook, false, 1),
            clients(ClientKind::Smtp, false, 2),
        ],
    }
}

/// Runs a story in the site: it is lent the plant after every step that it asks for.
pub(in crate::sim) fn play(
    topology: &Topology,
    faults: Vec<Planned>,
    story: impl FnOnce(&mut Play),
) -> Vec<Record> {
    let scenario = Scenario {
        name: "story".to_string(),
        title: String::new(),
        until: Instant::MAX,
        clients_from: seconds(1_000_000),
        time_of_day: Span::ZERO,
        settle: Span::ZERO,
        start: Start {
            groups: vec![None; topology.groups.len()],
            databases: vec![EX01],
            client_access_array: false,
        },
        faults,
        steps: Vec::new(),
        verdict: VerdictKind::Ok,
        tested: Tested::default(),
    };
    let mut world = build::world(topology, &scenario, 1, Recording::Memory);
    lent(&mut world, |plant| {
        let mut play = Play { p: plant, now: Instant::ZERO, ops: 0, outcomes: Vec::new() };
        play.p.recorder.record(Instant::ZERO, None, What::Step { index: 0 });
        story(&mut play);
    });
    world.resource_mut::<Recorder>().take()
}

/// A story being told.
pub(in crate::sim) struct Play<'p> {
    pub p: Plant<'p>,
    pub now: Instant,
    ops: u32,
    outcomes: Vec<(OpId, Instant, Outcome)>,
}

impl Play<'_> {
    /// Goes on until a moment. What the Cluster services would do is left out;
    /// clients start only when a story starts them.
    pub(in crate::sim) fn until(&mut self, until: Instant) {
        while let Some((at, event)) = self.p.calendar.pop(until) {
            match event {
                Event::Storage(event) => handle(&mut self.p, at, event),
                Event::Mail(event) => mail::handle(&mut self.p, at, event),
                Event::Client(id, event) => client::handle(&mut self.p, at, id, event),
                Event::Balancer(event) => balancer::handle(&mut self.p, at, event),
                Event::Strike(index) => faults::strike(&mut self.p, at, index),
                Event::Heal(index) => faults::heal(&mut self.p, at, index),
                Event::PowerOn { machine, life, cause } => {
                    faults::power_on(&mut self.p, at, machine, life, cause);
                }
                Event::ShutDown { machine, life, cause } => {
                    faults::shut_down(&mut self.p, at, machine, life, cause);
                }
                Event::RestartService { machine, service, crash } => {
                    faults::restart(&mut self.p, at, machine, service, crash);
                }
                Event::ServiceChanged { machine, service, cause } => {
                    faults::service_changed(&mut self.p, at, machine, service, cause);
                }
                Event::Feed { place, .. } => {
                    if let (Input::Done { op, outcome }, _) = self.p.mailbag.take(place) {
                        self.outcomes.push((op, at, outcome));
                    }
                }
                _ => {}
            }
        }
        self.now = until;
    }

    /// Begins an operation on a node now.
    pub(in crate::sim) fn begin(&mut self, node: NodeId, act: Act) -> OpId {
        let op = OpId(self.ops);
        self.ops += 1;
        super::begin(&mut self.p, self.now, node, op, act, RecordNo(0));
        op
    }

    /// Begins an operation and goes on for a minute at most: when it ended and how.
    pub(in crate::sim) fn run(&mut self, node: NodeId, act: Act) -> Option<(Instant, Outcome)> {
        let op = self.begin(node, act);
        let limit = self.now + Span::from_secs(60);
        while self.outcome(op).is_none() && self.now < limit {
            let next = self.now + Span::from_millis(1);
            self.until(next);
        }
        self.outcome(op)
    }

    /// How an operation ended, if it did.
    pub(in crate::sim) fn outcome(&self, op: OpId) -> Option<(Instant, Outcome)> {
        let found = self.outcomes.iter().find(|(other, ..)| *other == op);
        found.map(|(_, at, outcome)| (*at, *outcome))
    }

    /// Tells both members where the database is active, and mounts it there.
    pub(in crate::sim) fn activate(&mut self, node: NodeId, tell: &[NodeId]) {
        for other in tell {
            self.begin(*other, Act::Follow { database: VIP, active: Some(node), suspended: false });
        }
        let ended = self.run(node, Act::Mount(VIP)).expect("the mount ends");
        assert_eq!(ended.1, Outcome::Ok);
        for asker in [EX01, EX02] {
            if tell.contains(&asker) {
                self.p.locations.pin(asker.into(), VIP, node);
            }
        }
    }
}

/// The changes of the plant in a journal.
pub(in crate::sim) fn changes(records: &[Record]) -> impl Iterator<Item = (Instant, Change)> {
    records.iter().filter_map(|record| match &record.what {
        What::Plant(change) => Some((record.at, *change)),
        _ => None,
    })
}

/// Every cause is an earlier record.
pub(in crate::sim) fn assert_causes(records: &[Record]) {
    for (number, record) in records.iter().enumerate() {
        let earlier = record.cause.is_none_or(|cause| (cause.0 as usize) < number.max(1));
        assert!(earlier, "record {number} {record:?}");
        if let Some(cause) = record.cause {
            assert!(records[cause.0 as usize].at <= record.at);
        }
    }
}
