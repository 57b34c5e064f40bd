//! A site: machines, networks, the cluster with its groups, databases, clients.

use super::fault::Service;
pub use super::load_balancer::{Affinity, LoadBalancer, LoadBalancerKind, ServerName};
use super::settings::Settings;
use crate::base::{
    Address, BalancerId, ClientId, DbId, Decimal, GroupId, IdVec, MachineId, NetId, NicId, NodeId,
    NodeSet, ResourceId, SiteId, Span,
};
use crate::failover::config::{ResourceKind, RestartAction};
use crate::failover::quorum::Mode;
use crate::failover::seam::{ActivationPolicy, MountDial};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A checked topology. Cluster members are the first machines, so that [`NodeId`] and
/// [`MachineId`] agree on them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Topology {
    /// Name, by default the folder's.
    pub name: String,
    /// One line that says what it is.
    pub title: String,
    /// DNS domain of the site.
    pub domain: String,
    /// Windows version: property set and defaults.
    pub windows: WindowsVersion,
    /// Exchange version: what transport and replication can do.
    pub exchange: ExchangeVersion,
    /// Every number of the model.
    pub settings: Settings,
    /// Networks.
    pub networks: IdVec<NetId, Network>,
    /// Machines, members first.
    pub machines: IdVec<MachineId, Machine>,
    /// Number of cluster members.
    pub nodes: usize,
    /// Active Directory sites of the members.
    pub sites: IdVec<SiteId, String>,
    /// The database availability group.
    pub dag: Dag,
    /// Groups; group 0 is the core group, "Cluster Group".
    pub groups: IdVec<GroupId, Group>,
    /// Resources of all groups.
    pub resources: IdVec<ResourceId, Resource>,
    /// Mailbox databases.
    pub databases: IdVec<DbId, Database>,
    /// Load balancers.
    pub load_balancers: IdVec<BalancerId, LoadBalancer>,
    /// The client access array, if the topology has one.
    pub client_access_array: Option<ClientAccessArray>,
    /// Clients, group by group; client numbers run through in this order.
    pub clients: Vec<ClientGroup>,
}

/// Windows Server version of the nodes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
pub enum WindowsVersion {
    /// Windows Server 2008 R2 (`2008r2`, the default).
    #[default]
    V2008R2,
    /// Windows Server 2012 (`2012`).
    V2012,
    /// Windows Server 2012 R2 (`2012r2`).
    V2012R2,
    /// Windows Server 2016 (`2016`).
    V2016,
    /// Windows Server 2019 (`2019`), with the properties of 2016.
    V2019,
}

/// Exchange 2010 version.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum ExchangeVersion {
    /// As released (`rtm`): file mode only, early shadow redundancy times.
    Rtm,
    /// Service Pack 1 or later (`sp1`, the default).
    Sp1,
}

/// A network: one switch, and one subnet or several that are routed to each other.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Network {
    /// Name.
    pub name: String,
    /// First address of the subnet.
    pub subnet: Address,
    /// Length of the subnet's prefix.
    pub prefix: u8,
    /// Further subnets, each with the length of its prefix.
    pub routed_subnets: Vec<(Address, u8)>,
    /// Metric: of several live routes the cluster uses the one with the lowest (wsfc.md §1.2).
    pub metric: u32,
    /// What the cluster uses it for.
    pub role: NetworkRole,
}

/// Role of a cluster network (wsfc.md §1.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum NetworkRole {
    /// `none`: not used by the cluster.
    None,
    /// `cluster`: between nodes only, a replication network.
    Cluster,
    /// `cluster-and-client`: nodes and clients, the MAPI network.
    ClusterAndClient,
}

impl NetworkRole {
    /// Metric of the first network of this role, if it is not given: between nodes only before
    /// those of clients (AutoMetric; the numbers are assumed, wsfc.md §7 has one example).
    pub const fn usual_metric(self) -> u32 {
        match self {
            NetworkRole::Cluster => 1_000,
            NetworkRole::ClusterAndClient | NetworkRole::None => 10_000,
        }
    }
}

/// A machine.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Machine {
    /// Host name.
    pub name: String,
    /// What it does.
    pub roles: Vec<MachineRole>,
    /// Its adapters.
    pub nics: IdVec<NicId, Nic>,
    /// AutoDatabaseMountDial, for members.
    pub dial: MountDial,
    /// DatabaseCopyAutoActivationPolicy, for members.
    pub activation_policy: ActivationPolicy,
    /// The Active Directory site of a member, in which IntrasiteOnly keeps activations.
    pub site: SiteId,
    /// MaximumActiveDatabases, for members.
    pub maximum_active: Option<u16>,
    /// Whether it has a vote, for members.
    pub vote: bool,
    /// The cluster's site that it stands in, by number; for members from 2016 on.
    pub cluster_site: u8,
    /// What it is made of.
    pub hardware: Hardware,
}

impl Machine {
    /// Whether it has an Exchange role.
    pub fn is_exchange(&self) -> bool {
        let exchange = [MachineRole::Mailbox, MachineRole::ClientAccess, MachineRole::HubTransport];
        self.roles.iter().any(|role| exchange.contains(role))
    }
}

/// What a machine is made of (exchange.md §7).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Hardware {
    /// Processor cores.
    pub cores: u32,
    /// SPECint_rate2006 of the machine, divided by its cores.
    pub spec_int_2006_rate_per_core: Decimal,
    /// Memory, in gigabytes.
    pub memory_gigabytes: u32,
    /// Disks that hold databases.
    pub disks: u32,
}

impl Hardware {
    /// What the settings say of a machine that says nothing itself.
    pub fn usual(settings: &Settings) -> Self {
        let usual = &settings.hardware;
        Hardware {
            cores: usual.cores,
            spec_int_2006_rate_per_core: usual.spec_int_2006_rate_per_core,
            memory_gigabytes: usual.memory_gigabytes,
            disks: usual.disks,
        }
    }
}

/// What a machine does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MachineRole {
    /// Exchange server with the Mailbox role: every cluster member is one, and no other machine.
    Mailbox,
    /// Exchange server with the Client Access role.
    ClientAccess,
    /// Exchange server with the Hub Transport role.
    HubTransport,
    /// Directory and log-on.
    DomainController,
    /// DNS server.
    Dns,
    /// File server with the witness share.
    Witness,
    /// A device that balances load.
    LoadBalancer,
}

impl MachineRole {
    /// The role that a service belongs to.
    pub const fn of(service: Service) -> Self {
        match service {
            Service::Cluster | Service::Store | Service::Replication => MachineRole::Mailbox,
            Service::RpcClientAccess
            | Service::Owa
            | Service::Autodiscover
            | Service::OutlookAnywhere
            | Service::ActiveSync => MachineRole::ClientAccess,
            Service::HubTransport => MachineRole::HubTransport,
            Service::Directory => MachineRole::DomainController,
            Service::Dns => MachineRole::Dns,
            Service::FileServer => MachineRole::Witness,
        }
    }
}

impl Topology {
    /// Machines with a role, in their order.
    pub fn with_role(&self, role: MachineRole) -> impl Iterator<Item = MachineId> + '_ {
        let machines = self.machines.iter();
        machines.filter(move |(_, machine)| machine.roles.contains(&role)).map(|(id, _)| id)
    }
}

/// A network adapter.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Nic {
    /// Name of the connection.
    pub name: String,
    /// The network that it is attached to.
    pub network: NetId,
    /// Its fixed address.
    pub address: Address,
}

/// The database availability group.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Dag {
    /// DatacenterActivationMode is DagOnly.
    pub activation_coordination: bool,
    /// Name, at most 15 characters.
    pub name: String,
    /// The machine with the witness share. It has a vote only where the quorum mode gives it one.
    pub witness: Option<MachineId>,
    /// Quorum mode.
    pub quorum: Mode,
}

/// A cluster group.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Group {
    /// Name.
    pub name: String,
    /// Its resources, providers before dependents.
    pub resources: Vec<ResourceId>,
    /// Preferred owners in order.
    pub preferred_owners: Vec<NodeId>,
    /// Failovers within the period after which it stays failed.
    pub failover_threshold: u32,
    /// The period.
    pub failover_period: Span,
    /// Whether it moves back to a preferred owner that returns.
    pub auto_failback: bool,
    /// Hours of the local day within which it does; none for any time.
    pub failback_window: Option<(u8, u8)>,
    /// Priority; 0: not online by itself.
    pub priority: u16,
    /// Numbers of its AntiAffinityClassNames.
    pub anti_affinity: Vec<u16>,
    /// PersistentState: whether it is brought online when the cluster forms.
    pub persistent_state: bool,
}

/// A cluster resource.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Resource {
    /// Name as the cluster tool shows it.
    pub name: String,
    /// Its group.
    pub group: GroupId,
    /// Type.
    pub kind: ResourceKind,
    /// The address of an IP Address resource.
    pub address: Option<Address>,
    /// The host part of a Network Name resource's name.
    pub dns_name: Option<String>,
    /// Resources that must be online before it: of each list, one.
    pub depends_on: Vec<Vec<ResourceId>>,
    /// Nodes that can host it.
    pub possible_owners: NodeSet,
    /// What happens on failure.
    pub restart_action: RestartAction,
    /// Its own values of properties; none for the section `[cluster]`'s.
    pub own: Properties,
}

/// A resource's own values of properties that every resource has, and what a service, an
/// application or a wait takes (wsfc.md §4.2).
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Properties {
    /// LooksAlivePollInterval.
    pub looks_alive_poll_interval: Option<Span>,
    /// IsAlivePollInterval.
    pub is_alive_poll_interval: Option<Span>,
    /// Whether it signals its own failure, so that LooksAlive is not polled.
    pub signals_failure: bool,
    /// RestartThreshold.
    pub restart_threshold: Option<u32>,
    /// RestartPeriod.
    pub restart_period: Option<Span>,
    /// RestartDelay.
    pub restart_delay: Option<Span>,
    /// RetryPeriodOnFailure; none inside: never.
    pub retry_period_on_failure: Option<Option<Span>>,
    /// PendingTimeout.
    pub pending_timeout: Option<Span>,
    /// DeadlockTimeout.
    pub deadlock_timeout: Option<Span>,
    /// SeparateMonitor.
    pub separate_monitor: bool,
    /// PersistentState: whether it comes online with its group.
    pub stays_offline: bool,
    /// How long it takes to come online.
    pub online_time: Option<Span>,
    /// How long it takes to go offline.
    pub offline_time: Option<Span>,
    /// While it is pending, it tells this often that it is at work.
    pub tells_every: Option<Span>,
}

/// A mailbox database.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Database {
    /// Name.
    pub name: String,
    /// Copies in order of activation preference (the first is 1).
    pub copies: Vec<NodeId>,
    /// ReplayLagTime of the copies that have one, at most 14 days (exchange.md §1.7).
    pub replay_lag_times: BTreeMap<NodeId, Span>,
    /// TruncationLagTime of the copies that have one, at most 14 days (exchange.md §1.7).
    pub truncation_lag_times: BTreeMap<NodeId, Span>,
    /// CircularLoggingEnabled: logs are kept for no restore.
    pub circular_logging_enabled: bool,
}

impl Database {
    /// ReplayLagTime of a copy.
    pub fn replay_lag_time(&self, node: NodeId) -> Span {
        self.replay_lag_times.get(&node).copied().unwrap_or(Span::ZERO)
    }

    /// TruncationLagTime of a copy.
    pub fn truncation_lag_time(&self, node: NodeId) -> Span {
        self.truncation_lag_times.get(&node).copied().unwrap_or(Span::ZERO)
    }
}

/// The client access array object and what stands behind its name.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ClientAccessArray {
    /// Fully qualified name.
    pub fqdn: String,
    /// What stands behind it.
    pub name: ServerName,
}

/// What kind of client. The words are those of the JSON report.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClientKind {
    /// Outlook over MAPI/RPC.
    Outlook,
    /// Outlook Web App in a browser.
    Owa,
    /// A mail relay that sends and receives over SMTP.
    Smtp,
    /// Autodiscover requests.
    Autodiscover,
    /// A mobile device with ActiveSync.
    ActiveSync,
}

impl ClientKind {
    /// Every kind.
    pub const ALL: [ClientKind; 5] = [
        ClientKind::Outlook,
        ClientKind::Owa,
        ClientKind::Smtp,
        ClientKind::Autodiscover,
        ClientKind::ActiveSync,
    ];

    /// The kind's word in files and reports.
    pub const fn word(self) -> &'static str {
        match self {
            ClientKind::Outlook => "outlook",
            ClientKind::Owa => "owa",
            ClientKind::Smtp => "smtp",
            ClientKind::Autodiscover => "autodiscover",
            ClientKind::ActiveSync => "active-sync",
        }
    }

    /// What people call it.
    pub const fn label(self) -> &'static str {
        match self {
            ClientKind::Outlook => "Outlook",
            ClientKind::Owa => "OWA",
            ClientKind::Smtp => "SMTP",
            ClientKind::Autodiscover => "Autodiscover",
            ClientKind::ActiveSync => "ActiveSync",
        }
    }

    /// Whether it works with a mailbox.
    pub const fn has_mailbox(self) -> bool {
        match self {
            ClientKind::Outlook | ClientKind::Owa | ClientKind::ActiveSync => true,
            ClientKind::Smtp | ClientKind::Autodiscover => false,
        }
    }
}

/// How Outlook gets to RPC Client Access.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum Connection {
    /// `rpc`: MAPI/RPC over TCP.
    #[default]
    Rpc,
    /// `http`: Outlook Anywhere, through the RPC proxy of the web server.
    Http,
}

/// Operating system of a client, as far as its neighbour cache goes (wsfc.md §5.1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClientOs {
    /// Before Vista: a gratuitous ARP overwrites the entry.
    WindowsXp,
    /// Vista to 7 without hotfix: reported to ignore gratuitous ARP.
    Windows7,
    /// Windows 7 with hotfix KB2582281: a gratuitous ARP updates the entry.
    Windows7Kb2582281,
}

/// How a client logs on (exchange.md §4.2, §7.4).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Authentication {
    /// NTLM: every new connection is passed through to a domain controller.
    Ntlm,
    /// Kerberos: a ticket that the client already has is good for the array's name.
    Kerberos,
}

/// Many clients of one make.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ClientGroup {
    /// Name.
    pub name: String,
    /// Kind.
    pub kind: ClientKind,
    /// Outlook in cached mode (false: online mode). False for other kinds.
    pub cached: bool,
    /// How many.
    pub count: u32,
    /// Number of the first.
    pub first: ClientId,
    /// The network that they are on.
    pub network: NetId,
    /// Their operating system.
    pub operating_system: ClientOs,
    /// How they log on.
    pub authentication: Authentication,
    /// The database with their mailboxes.
    pub database: DbId,
    /// The name that they use (OWA address, SMTP host, Autodiscover address); Outlook uses the one
    /// that Autodiscover answered. None: the name of the server on which their database begins.
    pub server: Option<ServerName>,
    /// Mean time between requests, in the busiest hour of the day.
    pub think: Span,
    /// How Outlook connects; [`Connection::Rpc`] for other kinds.
    pub connection: Connection,
    /// Messages that each sends and receives in a day, if the group says so; then `think` follows.
    pub profile: Option<u32>,
}
