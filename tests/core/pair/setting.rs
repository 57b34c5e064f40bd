//! What a case sets before its cores start, and the configuration that comes of it.

use super::parts::Parts;
use dagtwin::base::{GroupId, Id, IdVec, NetId, NodeId, NodeSet, ResourceId, SiteId, Span};
use dagtwin::failover::config::*;
use dagtwin::failover::quorum::{Automatic, Counting, Mode};
use dagtwin::failover::seam::{ActivationPolicy, MountDial, ResourceState};
use dagtwin::failover::state::{
    ClusterDatabase, DatabaseEntry, GroupEntry, NodeEntry, QuorumEntry,
};
use std::collections::BTreeMap;

/// What a case sets before its cores start.
#[derive(Clone, Debug)]
pub struct Setting {
    pub nodes: usize,
    pub quorum: QuorumConfig,
    /// NodeWeight of each node; 1 where none is given.
    pub weights: Vec<bool>,
    pub core: usize,
    pub casarray: Option<usize>,
    pub active: usize,
    pub copies: usize,
    pub delay: Span,
    pub failback: bool,
    pub threshold: u32,
    pub starts: Vec<Span>,
    pub dials: Vec<MountDial>,
    /// Databases, each with a copy on the same nodes.
    pub databases: usize,
    /// MaximumActiveDatabases of each node; no limit where none is given.
    pub maximum_active: Vec<Option<u16>>,
    pub policies: Vec<ActivationPolicy>,
    /// The Active Directory site of each node; the first where none is given.
    pub directory_sites: Vec<u8>,
    /// Network 0 is MAPI, the others carry no clients.
    pub networks: usize,
    /// Networks that the cluster may not use.
    pub unused: Vec<usize>,
    pub metrics: BTreeMap<usize, u32>,
    /// The subnet of a node's adapter on a network, where it is not the first.
    pub subnets: BTreeMap<(usize, usize), u8>,
    pub sites: BTreeMap<usize, u8>,
    pub heartbeat: HeartbeatConfig,
    pub parts: Parts,
    /// DatacenterActivationMode DagOnly.
    pub coordination: bool,
    pub all_members_suffice: bool,
    pub skip_down_source: bool,
    pub dismount_fails_over: bool,
    pub placement: PlacementConfig,
    pub time_of_day: Span,
    pub quarantine: Option<QuarantineConfig>,
}

impl Default for Setting {
    fn default() -> Self {
        Setting {
            nodes: 2,
            quorum: QuorumConfig {
                mode: Mode::NodeAndFileShareMajority,
                counting: Counting::Static,
                lower_priority: None,
                automatic: Automatic::Highest,
                two_keep_three: true,
                arbitration_delay: span("6s"),
                claim_retry: span("1s"),
                claim_tries: 30,
                refusal_ends: true,
                termination: span("90s"),
            },
            weights: Vec::new(),
            core: 1,
            casarray: Some(0),
            active: 0,
            copies: 2,
            delay: Span::from_secs(6),
            failback: false,
            threshold: 1,
            starts: Vec::new(),
            dials: Vec::new(),
            databases: 1,
            maximum_active: Vec::new(),
            policies: Vec::new(),
            directory_sites: Vec::new(),
            networks: 2,
            unused: Vec::new(),
            metrics: BTreeMap::new(),
            subnets: BTreeMap::new(),
            sites: BTreeMap::new(),
            heartbeat: HeartbeatConfig {
                reply_time: span("4s"),
                same_subnet: Rhythm { delay: span("1s"), threshold: 5 },
                cross_subnet: Rhythm { delay: span("1s"), threshold: 5 },
                cross_site: Rhythm { delay: span("1s"), threshold: 20 },
                cross_subnet_interfaces_fail: true,
                all_cross_subnet: false,
                tells_misses: false,
            },
            parts: Parts::default(),
            coordination: false,
            all_members_suffice: true,
            skip_down_source: true,
            dismount_fails_over: false,
            placement: PlacementConfig {
                ordered: true,
                enforced_anti_affinity: false,
                wait_delay: Span::ZERO,
                node_down_counts: false,
                operator_clears_failovers: true,
            },
            time_of_day: span("12h"),
            quarantine: None,
        }
    }
}

/// A duration as a case writes it.
pub fn span(text: &str) -> Span {
    <Span as dagtwin::model::settings::Value>::read(text).expect("a span")
}

/// A resource with the product's defaults.
pub(super) fn resource(
    possible_owners: NodeSet,
    kind: ResourceKind,
    group: u16,
    depends_on: Vec<ResourceId>,
) -> ResourceConfig {
    ResourceConfig {
        kind,
        group: GroupId(group),
        depends_on: depends_on.into_iter().map(|on| vec![on]).collect(),
        possible_owners,
        looks_alive: Some(span("5s")),
        is_alive: span("60s"),
        restart_action: RestartAction::RestartNotify,
        restart_threshold: 1,
        restart_period: span("15m"),
        restart_delay: span("500ms"),
        retry_period_on_failure: Some(match kind {
            ResourceKind::FileShareWitness => span("15m"),
            ResourceKind::IpAddress { .. }
            | ResourceKind::NetworkName
            | ResourceKind::GenericService
            | ResourceKind::GenericApplication
            | ResourceKind::Wait => span("1h"),
        }),
        pending_timeout: span("3m"),
        deadlock_timeout: span("5m"),
        separate_monitor: false,
    }
}

fn nic(setting: &Setting, node: usize, net: usize) -> NicConfig {
    let subnet = setting.subnets.get(&(node, net)).copied().unwrap_or(0);
    NicConfig { network: NetId::at(net), subnet }
}

fn network(setting: &Setting, net: usize) -> NetworkConfig {
    NetworkConfig {
        cluster_use: !setting.unused.contains(&net),
        client_access: net == 0,
        metric: setting.metrics.get(&net).copied().unwrap_or(if net == 0 { 10_000 } else { 1_000 }),
    }
}

/// The configuration of a node in a setting.
pub fn config(setting: &Setting, me: usize) -> Config {
    let node = |n: usize| NodeConfig {
        nics: (0..setting.networks).map(|net| nic(setting, n, net)).collect(),
        cluster_site: setting.sites.get(&n).copied().unwrap_or(0),
        vote: setting.weights.get(n).copied().unwrap_or(true),
        dial: setting.dials.get(n).copied().unwrap_or(MountDial::GoodAvailability),
        activation_policy: setting.policies.get(n).copied().unwrap_or_default(),
        site: SiteId(setting.directory_sites.get(n).copied().unwrap_or(0)),
        maximum_active: setting.maximum_active.get(n).copied().flatten(),
    };
    let all = NodeSet::first(setting.nodes);
    let group = |kind| GroupConfig {
        kind,
        preferred: if setting.failback { vec![NodeId(0)] } else { vec![] },
        failover_threshold: setting.threshold,
        failover_period: span("6h"),
        auto_failback: setting.failback && kind == GroupKind::Role,
        failback_window: None,
        priority: 2000,
        anti_affinity: Vec::new(),
        exists: true,
    };
    let resource = |kind, group, depends_on| resource(all, kind, group, depends_on);
    let ip = ResourceKind::IpAddress { network: NetId(0) };
    let mut config = Config {
        me: NodeId::at(me),
        nodes: (0..setting.nodes).map(node).collect(),
        networks: (0..setting.networks).map(|net| network(setting, net)).collect(),
        heartbeat: setting.heartbeat,
        membership: MembershipConfig {
            tick: span("300ms"),
            minimum_ticks: 2,
            opening: span("5s"),
            stage: span("5s"),
            pruning: span("5s"),
            form_after: span("5s"),
            quarantine: setting.quarantine,
        },
        quorum: QuorumConfig { arbitration_delay: setting.delay, ..setting.quorum },
        groups: [group(GroupKind::Core), group(GroupKind::Role)].into_iter().collect(),
        placement: setting.placement,
        resources: [
            resource(ip, 0, vec![]),
            resource(ResourceKind::NetworkName, 0, vec![ResourceId(0)]),
            resource(ResourceKind::FileShareWitness, 0, vec![]),
            resource(ip, 1, vec![]),
            resource(ResourceKind::NetworkName, 1, vec![ResourceId(3)]),
        ]
        .into_iter()
        .collect(),
        databases: (0..setting.databases)
            .map(|_| DatabaseConfig {
                copies: (0..setting.copies).map(|n| (NodeId::at(n), n as u8 + 1)).collect(),
            })
            .collect(),
        active_manager: active_manager(setting),
        flaw: None,
    };
    setting.parts.apply(&mut config);
    config
}

fn active_manager(setting: &Setting) -> ActiveManagerConfig {
    ActiveManagerConfig {
        status_timeout: span("2s"),
        last_logs_timeout: span("15s"),
        mount_timeout: span("5m"),
        retry: span("30s"),
        skip_down_source: setting.skip_down_source,
        all_members_suffice: setting.all_members_suffice,
        switchover_copy_queue: 9,
        switchover_replay_queue: 6,
        dismount_fails_over: setting.dismount_fails_over,
    }
}

/// The cluster database that every core starts from.
pub fn boot_database(setting: &Setting) -> ClusterDatabase {
    let (parts, resources) = (&setting.parts, setting.parts.resources());
    let names = parts.groups();
    let groups = names.iter().enumerate().map(|(place, name)| {
        let usual = [Some(setting.core), setting.casarray].get(place).copied();
        let owner = parts.owner(name).or(usual.unwrap_or(Some(0)));
        GroupEntry {
            exists: owner.is_some(),
            owner: owner.map(NodeId::at),
            wanted: parts.is_persistent(true, name),
            ..GroupEntry::default()
        }
    });
    let stopped = resources.iter().enumerate();
    let stopped = stopped.filter(|(_, name)| !parts.is_persistent(false, name));
    ClusterDatabase {
        witness_server: 0,
        version: 1,
        quorum: QuorumEntry::default(),
        nodes: IdVec::filled(setting.nodes, NodeEntry::default()),
        groups: groups.collect(),
        resources: IdVec::filled(resources.len(), ResourceState::Offline),
        stopped: stopped.map(|(place, _)| ResourceId::at(place)).collect(),
        servers: IdVec::new(),
        evicted: NodeSet::EMPTY,
        isolations: BTreeMap::new(),
        activation_coordination: setting.coordination,
        databases: (0..setting.databases)
            .map(|_| DatabaseEntry {
                active: Some(NodeId::at(setting.active)),
                mounted: false,
                wanted: true,
                last_log: 0,
                ..DatabaseEntry::default()
            })
            .collect(),
    }
}

/// The rules by which a setting's cores count votes.
pub fn rules(setting: &Setting) -> dagtwin::failover::quorum::Rules {
    config(setting, 0).rules()
}
