//! Settings in the product's own words: which of the [`PARAMETERS`] an administrator can set, under
//! which name, and with which lines of PowerShell.
//!
//! Only what the fact sheets or Microsoft's public pages name has a row. Not in the table, though
//! there is such a property: TcpInitialRtt (one page counts seconds, another milliseconds) and
//! ConnManagerPoll (its place is known for Outlook 2003 only).

use super::load_balancer::LoadBalancerKind;
use super::quorum::QuorumType;
use super::settings::{PARAMETERS, SetError, Settings, Value};
use super::topology::{MachineRole, Resource, Topology, WindowsVersion};
use super::version::{Ability, heartbeat_problems};
use crate::base::{Id, NodeId, Span};
use crate::failover::config::ResourceKind;
use crate::failover::quorum::{Mode, Witness};

/// A property of the product that an administrator can set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Property {
    /// Key of the setting, one of [`PARAMETERS`].
    pub key: &'static str,
    /// The product's name of it.
    pub name: &'static str,
    /// What the product counts it in.
    pub unit: Unit,
    /// What has the property.
    pub place: Place,
    /// The Windows versions that have it, beside what [`Ability`] says.
    pub versions: Versions,
    /// The row of the fact sheets, and the public page where the sheets leave the place open.
    pub source: &'static str,
}

/// What the product counts a property in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    /// Whole milliseconds.
    Milliseconds,
    /// Whole seconds.
    Seconds,
    /// Whole minutes.
    Minutes,
    /// Whole hours.
    Hours,
    /// Whole seconds, written as a time: `00:05:00`, a day as `1.00:00:00`.
    Time,
    /// A number.
    Count,
    /// A number of megabytes, written with its unit.
    Megabytes,
    /// 1 for true, 0 for false.
    Switch,
    /// The number of the node at this place among the nodes of the file.
    Node,
    /// A quorum mode.
    Quorum,
}

/// What has a property.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// The cluster.
    Cluster,
    /// The cluster, by `cluster.exe`: PowerShell's object does not show it.
    ClusterCommand,
    /// The quorum configuration.
    Quorum,
    /// Every group without its own value.
    Groups,
    /// Every resource without its own value.
    Resources,
    /// Network Names, as a private property.
    NetworkNames,
    /// The File Share Witness, as a private property.
    FileShareWitness,
    /// The registry of the members.
    OfMembers(&'static str),
    /// The registry of Exchange servers.
    OfExchangeServers(&'static str),
    /// The registry of hosts of Network Load Balancing, below which each adapter has its own key.
    OfBalancedAdapters(&'static str),
    /// The registry of clients.
    OfClients(&'static str),
    /// The transport configuration of the organization.
    TransportConfig,
    /// Every server with the Hub Transport role.
    TransportServers,
    /// The default throttling policy.
    ThrottlingPolicy,
}

/// The Windows versions that have a property.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Versions {
    /// All.
    All,
    /// This one and later ones.
    From(WindowsVersion),
    /// This one and earlier ones.
    UpTo(WindowsVersion),
}

const TCP: &str = r"HKLM:\SYSTEM\CurrentControlSet\Services\Tcpip\Parameters";
const DNS: &str = r"HKLM:\SYSTEM\CurrentControlSet\Services\Dnscache\Parameters";
const NETLOGON: &str = r"HKLM:\SYSTEM\CurrentControlSet\Services\Netlogon\Parameters";
const NLB: &str = r"HKLM:\SYSTEM\CurrentControlSet\Services\WLBS\Parameters\Interface";

macro_rules! properties {
    ($($key:literal $name:literal $unit:ident $place:expr, $versions:expr, $source:literal;)*) => {
        /// Every property, in the order of its setting.
        pub const PROPERTIES: &[Property] = &[$(Property {
            key: $key,
            name: $name,
            unit: Unit::$unit,
            place: $place,
            versions: $versions,
            source: $source,
        },)*];
    };
}

use Place::*;
use Versions::{All, From, UpTo};
use WindowsVersion::{V2008R2, V2012};

properties! {
    "cluster.same_subnet_delay" "SameSubnetDelay" Milliseconds Cluster, All, "wsfc.md §1.1 SameSubnetDelay";
    "cluster.same_subnet_threshold" "SameSubnetThreshold" Count Cluster, All, "wsfc.md §1.1 SameSubnetThreshold";
    "cluster.cross_subnet_delay" "CrossSubnetDelay" Milliseconds Cluster, All, "wsfc.md §1.1 CrossSubnetDelay";
    "cluster.cross_subnet_threshold" "CrossSubnetThreshold" Count Cluster, All, "wsfc.md §1.1 CrossSubnetThreshold";
    "cluster.cross_site_delay" "CrossSiteDelay" Milliseconds Cluster, All, "wsfc.md §1.1 CrossSiteDelay";
    "cluster.cross_site_threshold" "CrossSiteThreshold" Count Cluster, All, "wsfc.md §1.1 CrossSiteDelay / CrossSiteThreshold";
    "cluster.plumb_all_cross_subnet_routes" "PlumbAllCrossSubnetRoutes" Count Cluster, All, "wsfc.md §1.1 PlumbAllCrossSubnetRoutes";
    "cluster.clus_svc_regroup_tick" "ClusSvcRegroupTickInMilliseconds" Milliseconds Cluster, All, "wsfc.md §2 ClusSvcRegroupTickInMilliseconds";
    "cluster.clus_svc_regroup_opening_timeout" "ClusSvcRegroupOpeningTimeout" Seconds Cluster, All, "wsfc.md §2 ClusSvcRegroupOpeningTimeout";
    "cluster.clus_svc_regroup_stage_timeout" "ClusSvcRegroupStageTimeout" Seconds Cluster, All, "wsfc.md §2 ClusSvcRegroupStageTimeout";
    "cluster.clus_svc_regroup_pruning_timeout" "ClusSvcRegroupPruningTimeout" Seconds Cluster, All, "wsfc.md §2 ClusSvcRegroupPruningTimeout";
    "cluster.arbitration_delay" "ArbitrationDelay" Seconds FileShareWitness, From(V2012), "wsfc.md §3.2 ArbitrationDelay";
    "cluster.quorum_type" "QuorumType" Quorum Place::Quorum, All, "wsfc.md §3.1 modes; the share's name: exchange.md §3.1 default witness directory";
    "cluster.quarantine_threshold" "QuarantineThreshold" Count Cluster, All, "wsfc.md §2 QuarantineThreshold";
    "cluster.quarantine_duration" "QuarantineDuration" Seconds Cluster, All, "wsfc.md §2 QuarantineDuration";
    "cluster.dynamic_quorum" "DynamicQuorum" Switch Cluster, All, "wsfc.md §3.1 DynamicQuorum";
    "cluster.lower_quorum_priority_node_id" "LowerQuorumPriorityNodeID" Node Cluster, All, "wsfc.md §3.1 LowerQuorumPriorityNodeID";
    "cluster.failover_period" "FailoverPeriod" Hours Groups, All, "wsfc.md §4.3 FailoverPeriod";
    "cluster.looks_alive_poll_interval" "LooksAlivePollInterval" Milliseconds Resources, All, "wsfc.md §4.2 LooksAlivePollInterval; same, per resource";
    "cluster.is_alive_poll_interval" "IsAlivePollInterval" Milliseconds Resources, All, "wsfc.md §4.2 IsAlivePollInterval; same, per resource";
    "cluster.restart_threshold" "RestartThreshold" Count Resources, All, "wsfc.md §4.2 RestartThreshold";
    "cluster.restart_period" "RestartPeriod" Milliseconds Resources, All, "wsfc.md §4.2 RestartPeriod";
    "cluster.restart_delay" "RestartDelay" Milliseconds Resources, All, "wsfc.md §4.2 RestartDelay";
    "cluster.witness_restart_interval" "WitnessRestartInterval" Minutes Cluster, All, "wsfc.md §3.2 witness failed: 15 min (5–1440)";
    "cluster.retry_period_on_failure" "RetryPeriodOnFailure" Milliseconds Resources, All, "wsfc.md §4.2 RetryPeriodOnFailure";
    "cluster.pending_timeout" "PendingTimeout" Milliseconds Resources, All, "wsfc.md §4.2 PendingTimeout";
    "cluster.deadlock_timeout" "DeadlockTimeout" Milliseconds Resources, All, "wsfc.md §4.2 DeadlockTimeout";
    "cluster.cluster_group_wait_delay" "ClusterGroupWaitDelay" Seconds Cluster, All, "wsfc.md §4.3 ClusterGroupWaitDelay";
    "cluster.disable_group_preferred_owner_randomization" "DisableGroupPreferredOwnerRandomization" Switch ClusterCommand, UpTo(V2008R2), "wsfc.md §4.4 node failure, no list; the command: TN-dd197562";
    "cluster.cluster_enforced_anti_affinity" "ClusterEnforcedAntiAffinity" Switch Cluster, All, "wsfc.md §4.3 AntiAffinityClassNames";
    "cluster.arp_retry_count" "ArpRetryCount" Count OfMembers(TCP), All, "wsfc.md §5.1 ARP count and spacing; the place: technet cc957526, windowsreference.com";
    "cluster.host_record_ttl" "HostRecordTTL" Seconds NetworkNames, All, "wsfc.md §5.2 HostRecordTTL";
    "directory.max_concurrent_api" "MaxConcurrentApi" Count OfExchangeServers(NETLOGON), All, "exchange.md §7.4 MaxConcurrentApi; the place: KB326040";
    "dns.max_cache_ttl" "MaxCacheTtl" Seconds OfClients(DNS), All, "exchange.md §4.4 MaxCacheTtl; the place: KB318803";
    "dns.max_negative_cache_ttl" "MaxNegativeCacheTtl" Seconds OfClients(DNS), All, "exchange.md §4.4 MaxNegativeCacheTtl; the place: KB318803";
    "tcp.max_connect_retransmissions" "TcpMaxConnectRetransmissions" Count OfClients(TCP), All, "exchange.md §4.3 TcpMaxConnectRetransmissions, KB170359";
    "tcp.max_data_retransmissions" "TcpMaxDataRetransmissions" Count OfClients(TCP), All, "exchange.md §4.3 TcpMaxDataRetransmissions, KB170359";
    "transport.message_retry_interval" "MessageRetryInterval" Time TransportServers, All, "exchange.md §2.4 MessageRetryInterval";
    "transport.shadow_heartbeat_timeout_interval" "ShadowHeartbeatTimeoutInterval" Time TransportConfig, All, "exchange.md §2.4 ShadowHeartbeatTimeoutInterval";
    "transport.shadow_heartbeat_retry_count" "ShadowHeartbeatRetryCount" Count TransportConfig, All, "exchange.md §2.4 ShadowHeartbeatRetryCount";
    "transport.max_dumpster_size_per_database" "MaxDumpsterSizePerDatabase" Megabytes TransportConfig, All, "exchange.md §2.4 dumpster size";
    "throttling.cpu_start_percent" "CPUStartPercent" Count ThrottlingPolicy, All, "exchange.md §7.4 throttling defaults 2010; PS-Set-ThrottlingPolicy";
    "network_load_balancing.alive_msg_period" "AliveMsgPeriod" Milliseconds OfBalancedAdapters(NLB), All, "exchange.md §5 NLB AliveMsgPeriod; the place: technet cc728235";
    "network_load_balancing.alive_msg_tolerance" "AliveMsgTolerance" Count OfBalancedAdapters(NLB), All, "exchange.md §5 NLB AliveMsgTolerance; the place: technet cc728235";
}

/// The property behind a setting; none for what no administrator of the product can set, such as
/// what hardware or people do, or what only the model has.
pub fn property(key: &str) -> Option<&'static Property> {
    PROPERTIES.iter().find(|property| property.key == key)
}

/// The lines of PowerShell that give a setting a value in a topology. A heartbeat setting within a
/// subnet takes the one between subnets along where that may not stay below it. Groups and
/// resources with a value of their own keep it.
///
/// # Errors
/// If there is no such property, the topology's Windows version does not have it, the text is no
/// value of it, it is no whole number of the property's unit, or nothing in the topology has it.
pub fn lines(topology: &Topology, key: &str, value: &str) -> Result<Vec<String>, String> {
    if !PARAMETERS.iter().any(|parameter| parameter.key == key) {
        return Err(format!("{key}: no such setting"));
    }
    let property = property(key).ok_or_else(|| {
        format!("{key}: no setting of the product: hardware, people or the model have it")
    })?;
    of_version(topology.windows, property)?;
    let mut settings = topology.settings.clone();
    let wrong = |expected: String| format!("{key} = \"{value}\": expected {expected}");
    settings.set(key, value).map_err(|error| match error {
        SetError::UnknownKey => wrong("a setting".to_owned()),
        SetError::NotAValue(expected) => wrong(expected.to_owned()),
        SetError::OutOfRange(low, "") => wrong(format!("a value of at least {low}")),
        SetError::OutOfRange(low, high) => wrong(format!("a value from {low} to {high}")),
    })?;
    settings.follow(|other| other == key);
    let problems = heartbeat_problems(topology.windows, &settings);
    if let Some((other, expected)) = problems.first() {
        return Err(wrong(match *other == key {
            true => expected.clone(),
            false => format!("{other} to be {expected}"),
        }));
    }
    let text = settings.get(key).expect("a property's key is a setting");
    let own = set(topology, property, &text)?;
    let mut lines = Vec::new();
    for other in followers(&topology.settings, &settings, key) {
        let text = settings.get(other.key).expect("a property's key is a setting");
        lines.extend(set(topology, other, &text)?);
    }
    lines.extend(own);
    match lines.is_empty() {
        true => Err(format!("{key}: nothing in this topology has {}", property.name)),
        false => Ok(lines),
    }
}

/// Properties of other settings that had to follow.
fn followers<'s>(
    before: &'s Settings,
    after: &'s Settings,
    key: &'s str,
) -> impl Iterator<Item = &'static Property> + 's {
    let others = PROPERTIES.iter().filter(move |other| other.key != key);
    others.filter(|other| before.get(other.key) != after.get(other.key))
}

/// Whether a Windows version has a property.
fn of_version(windows: WindowsVersion, property: &Property) -> Result<(), String> {
    let mut abilities = Ability::ALL.into_iter();
    let ability = abilities.find(|ability| ability.settings().contains(&property.key));
    let versions = ability.map_or(property.versions, |ability| From(ability.since().0));
    let (has, wanted) = match versions {
        All => (true, String::new()),
        From(first) => (windows >= first, format!("{} or later", first.word())),
        UpTo(last) => (windows <= last, format!("{} or earlier", last.word())),
    };
    let Property { key, name, .. } = property;
    match has {
        true => Ok(()),
        false => Err(format!("{key}: {name} needs Windows Server {wanted}")),
    }
}

/// A value as the product takes it.
fn amount(topology: &Topology, property: &Property, text: &str) -> Result<String, String> {
    let whole = |nanos: u64, unit: &str| {
        let span = Span::read(text).expect("a checked value is a duration").as_nanos();
        match span.is_multiple_of(nanos) {
            true => Ok(span / nanos),
            false => {
                let Property { key, name, .. } = property;
                Err(format!("{key} = \"{text}\": expected whole {unit}, in which {name} counts"))
            }
        }
    };
    let nanos = Span::from_secs(1).as_nanos();
    Ok(match property.unit {
        Unit::Milliseconds => whole(nanos / 1_000, "milliseconds")?.to_string(),
        Unit::Seconds => whole(nanos, "seconds")?.to_string(),
        Unit::Minutes => whole(60 * nanos, "minutes")?.to_string(),
        Unit::Hours => whole(3_600 * nanos, "hours")?.to_string(),
        Unit::Time => clock(whole(nanos, "seconds")?),
        Unit::Count => text.to_owned(),
        Unit::Megabytes => format!("{text}MB"),
        Unit::Switch => u8::from(text == "true").to_string(),
        Unit::Node => node(topology, text)?,
        Unit::Quorum => quorum(topology, text)?,
    })
}

/// Seconds as a time of the product.
fn clock(seconds: u64) -> String {
    let (days, hours) = (seconds / 86_400, seconds / 3_600 % 24);
    let days = if days == 0 { String::new() } else { format!("{days}.") };
    format!("{days}{hours:02}:{:02}:{:02}", seconds / 60 % 60, seconds % 60)
}

/// The number that the cluster gave to the node at a place, from 1; 0 for none.
fn node(topology: &Topology, text: &str) -> Result<String, String> {
    let Some(at) = text.parse::<usize>().ok().and_then(|place| place.checked_sub(1)) else {
        return Ok("0".to_owned());
    };
    if at >= topology.nodes {
        return Err(format!("node {text}: expected 0 to {}", topology.nodes));
    }
    let name = quoted(&topology.machines[NodeId::at(at).into()].name);
    Ok(format!("(Get-ClusterNode {name}).Id"))
}

/// The parameters of `Set-ClusterQuorum` for a mode.
fn quorum(topology: &Topology, text: &str) -> Result<String, String> {
    let kind = QuorumType::read(text).expect("a checked value is a quorum type");
    let witness = topology.dag.witness;
    let mode = kind.mode(topology.nodes, witness.is_some());
    let word = match mode {
        Mode::NodeMajority => "-NodeMajority",
        Mode::NodeAndFileShareMajority => "-NodeAndFileShareMajority",
        Mode::NodeAndDiskMajority => "-NodeAndDiskMajority",
        Mode::DiskOnly => "-DiskOnly",
    };
    Ok(match mode.witness() {
        None => word.to_owned(),
        Some(Witness::FileShare) => {
            let domain = &topology.domain;
            let server = witness.ok_or("no witness server in this topology")?;
            let server = &topology.machines[server].name;
            let share = format!(r"\\{server}.{domain}\{}.{domain}", topology.dag.name);
            format!("{word} {}", quoted(&share))
        }
        Some(Witness::Disk) => {
            let mut all = topology.resources.values();
            let disk = all
                .find(|one| one.kind == ResourceKind::FileShareWitness && !is_share(topology, one));
            format!("{word} {}", quoted(disk.map_or("Cluster Disk 1", |disk| &disk.name)))
        }
    })
}

/// A text of PowerShell that means just itself.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The lines for one property.
fn set(topology: &Topology, property: &Property, text: &str) -> Result<Vec<String>, String> {
    let value = amount(topology, property, text)?;
    let name = property.name;
    let machines = |chosen: &dyn Fn(usize) -> bool| -> Vec<String> {
        let all = topology.machines.iter().filter(|(id, _)| chosen(id.index()));
        all.map(|(_, machine)| quoted(&machine.name)).collect()
    };
    let registry = |path: &str| format!("Set-ItemProperty {path} {name} {value} -Type DWord");
    let remote = |hosts: Vec<String>, command: String| -> Vec<String> {
        let line = format!("Invoke-Command -ComputerName {} {{ {command} }}", hosts.join(", "));
        Vec::from_iter((!hosts.is_empty()).then_some(line))
    };
    let roles = |at: usize| &topology.machines[Id::at(at)];
    Ok(match property.place {
        Cluster => vec![format!("(Get-Cluster).{name} = {value}")],
        ClusterCommand => vec![format!("cluster.exe /prop {name}={value}:DWORD")],
        Place::Quorum => vec![format!("Set-ClusterQuorum {value}")],
        Groups => {
            let usual = topology.settings.cluster.failover_period;
            let groups = topology.groups.values().filter(|group| group.failover_period == usual);
            let groups = groups.map(|group| quoted(&group.name));
            groups.map(|group| format!("(Get-ClusterGroup {group}).{name} = {value}")).collect()
        }
        Resources => of_resources(topology, |one| follows(one, property.key))
            .map(|one| format!("(Get-ClusterResource {one}).{name} = {value}"))
            .collect(),
        NetworkNames => of_resources(topology, |one| one.kind == ResourceKind::NetworkName)
            .map(|one| format!("Get-ClusterResource {one} | Set-ClusterParameter {name} {value}"))
            .collect(),
        FileShareWitness => of_resources(topology, |one| is_share(topology, one))
            .map(|one| format!("Get-ClusterResource {one} | Set-ClusterParameter {name} {value}"))
            .collect(),
        OfMembers(path) => remote(machines(&|at| at < topology.nodes), registry(&quoted(path))),
        OfExchangeServers(path) => {
            remote(machines(&|at| roles(at).is_exchange()), registry(&quoted(path)))
        }
        OfBalancedAdapters(path) => {
            let adapters = quoted(&format!(r"{path}\*"));
            remote(machines(&|at| balanced(topology, at)), registry(&adapters))
        }
        OfClients(path) => vec![format!("{}  # on every client", registry(&quoted(path)))],
        TransportConfig => vec![format!("Set-TransportConfig -{name} {value}")],
        TransportServers => machines(&|at| roles(at).roles.contains(&MachineRole::HubTransport))
            .iter()
            .map(|server| format!("Set-TransportServer {server} -{name} {value}"))
            .collect(),
        ThrottlingPolicy => vec![format!(
            "Get-ThrottlingPolicy | Where-Object {{ $_.IsDefault }} | \
             Set-ThrottlingPolicy -{name} {value}"
        )],
    })
}

/// Names of resources, ready for a line.
fn of_resources<'t>(
    topology: &'t Topology,
    chosen: impl Fn(&Resource) -> bool + 't,
) -> impl Iterator<Item = String> + 't {
    topology.resources.values().filter(move |one| chosen(one)).map(|one| quoted(&one.name))
}

/// Whether a resource is the File Share Witness, and not the disk that takes its part.
fn is_share(topology: &Topology, resource: &Resource) -> bool {
    let share = topology.dag.quorum.witness() == Some(Witness::FileShare);
    share && resource.kind == ResourceKind::FileShareWitness
}

/// Whether a machine is a host of Network Load Balancing.
fn balanced(topology: &Topology, at: usize) -> bool {
    let mut balancers = topology.load_balancers.values();
    balancers.any(|balancer| {
        let network = matches!(balancer.kind, LoadBalancerKind::Network { .. });
        network && balancer.servers.iter().any(|server| server.index() == at)
    })
}

/// Whether a resource takes the section's value of a property.
fn follows(resource: &Resource, key: &str) -> bool {
    let own = &resource.own;
    match key {
        "cluster.looks_alive_poll_interval" => {
            own.looks_alive_poll_interval.is_none() && !own.signals_failure
        }
        "cluster.is_alive_poll_interval" => own.is_alive_poll_interval.is_none(),
        "cluster.restart_threshold" => own.restart_threshold.is_none(),
        "cluster.restart_period" => own.restart_period.is_none(),
        "cluster.restart_delay" => own.restart_delay.is_none(),
        // The witness has an interval of its own: cluster.witness_restart_interval.
        "cluster.retry_period_on_failure" => {
            let witness = resource.kind == ResourceKind::FileShareWitness;
            own.retry_period_on_failure.is_none() && !witness
        }
        "cluster.pending_timeout" => own.pending_timeout.is_none(),
        "cluster.deadlock_timeout" => own.deadlock_timeout.is_none(),
        other => unreachable!("{other} is no property of every resource"),
    }
}

#[cfg(test)]
mod tests;
