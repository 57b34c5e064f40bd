//! Which of the numbers that a run uses rest on an assumption.

use super::fault::Fault;
use super::load::Given;
use super::scenario::{Action, Scenario, Step};
use super::settings::{Basis, PARAMETERS, Parameter, VERSION_DEFAULTS, Version};
use super::topology::{Authentication, ClientKind, ClientOs, LoadBalancerKind, Topology};
use crate::failover::quorum::Counting;
use serde::{Deserialize, Serialize};

/// Something that a run used and that no source vouches for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Assumption {
    /// Key of the parameter, as `--set` takes it.
    pub key: String,
    /// The value used.
    pub value: String,
    /// What is known, and why this value.
    pub why: String,
}

/// Every assumption that a run of this scenario in this topology uses. A value that was given is
/// an input, not an assumption.
pub fn assumed(topology: &Topology, scenario: &Scenario, given: &Given) -> Vec<Assumption> {
    let windows = Version::Windows(topology.windows.properties());
    let versions = [windows, Version::Exchange(topology.exchange)];
    let mut list = Vec::new();
    for parameter in PARAMETERS {
        let of_version = VERSION_DEFAULTS
            .iter()
            .find(|(version, key, ..)| versions.contains(version) && *key == parameter.key);
        let basis = of_version.map_or(parameter.basis, |(.., basis)| *basis);
        let Basis::Assumed(why) = basis else { continue };
        if !given.contains(parameter.key) && used(topology, scenario, parameter.key) {
            let value = topology.settings.get(parameter.key).unwrap_or_default();
            let (key, why) = (parameter.key.to_owned(), why.to_owned());
            list.push(Assumption { key, value, why });
        }
    }
    if !given.contains("clients.operating_system") {
        list.extend(systems(topology));
    }
    list
}

/// Every assumption that sizing makes beside those of its runs: limits, and what is worked out in
/// closed form only.
pub fn assumed_of_sizing(topology: &Topology, given: &Given) -> Vec<Assumption> {
    let of = |parameter: &Parameter| {
        let limit = parameter.key.starts_with("limits.");
        let (Basis::Assumed(why), true) = (parameter.basis, limit) else { return None };
        let value = topology.settings.get(parameter.key).unwrap_or_default();
        let (key, why) = (parameter.key.to_owned(), why.to_owned());
        (!given.contains(parameter.key)).then_some(Assumption { key, value, why })
    };
    PARAMETERS.iter().filter_map(of).collect()
}

/// The neighbour caches of the clients' operating systems.
fn systems(topology: &Topology) -> impl Iterator<Item = Assumption> + '_ {
    let mut seen: Vec<ClientOs> = Vec::new();
    topology.clients.iter().filter(|group| group.count > 0).filter_map(move |group| {
        let system = group.operating_system;
        if seen.contains(&system) {
            return None;
        }
        seen.push(system);
        let (value, why) = system.told();
        let key = "clients.operating_system".to_owned();
        Some(Assumption { key, value: value.to_owned(), why: why.to_owned() })
    })
}

impl ClientOs {
    /// The word in files, and what is assumed of its neighbour cache.
    pub const fn told(self) -> (&'static str, &'static str) {
        match self {
            ClientOs::WindowsXp => (
                "windows-xp",
                "a gratuitous ARP overwrites the neighbour cache entry; the article does not name \
                 its client's system",
            ),
            ClientOs::Windows7 => (
                "windows-7",
                "gratuitous ARP is ignored (wsfc.md §5.1, reported); entries change by expiry and \
                 probes",
            ),
            ClientOs::Windows7Kb2582281 => (
                "windows-7-kb2582281",
                "a gratuitous ARP updates the entry, as the hotfix is for; without it clients are \
                 reported to ignore it (wsfc.md §5.1): try --set \
                 clients.operating_system=windows-7",
            ),
        }
    }
}

/// Whether a run uses a parameter at all.
fn used(topology: &Topology, scenario: &Scenario, key: &str) -> bool {
    let (section, name) = key.split_once('.').unwrap_or((key, ""));
    let kind = |kind: ClientKind| {
        topology.clients.iter().any(|group| group.kind == kind && group.count > 0)
    };
    let any = |system: &[ClientOs]| {
        let mut groups = topology.clients.iter().filter(|group| group.count > 0);
        groups.any(|group| system.contains(&group.operating_system))
    };
    let isolating = scenario.faults.iter().any(|planned| isolates(&planned.fault));
    let several = topology.nodes > 1;
    match section {
        "cluster" => match name {
            "arbitration_delay" | "witness_claim_interval" | "termination_timer" => {
                topology.rules().witness().is_some() && several && isolating
            }
            "automatic_lower_quorum_priority" => {
                topology.rules().counting != Counting::Static
                    && topology.rules().lower_priority.is_none()
                    && several
            }
            "service_restart_delay" => several && isolating,
            _ => true,
        },
        "witness" => topology.rules().witness().is_some(),
        "power" => scenario.faults.iter().any(|p| match p.fault {
            Fault::Reboot { .. } => true,
            Fault::PowerOff { .. } => name == "boot_time" && p.lasts.is_some(),
            _ => false,
        }),
        "service_control_manager" => scenario.faults.iter().any(|p| match p.fault {
            Fault::ServiceCrash { service, .. } => service != super::Service::Cluster,
            _ => false,
        }),
        "store" if matches!(name, "database_size" | "crawl_time") => {
            let seeds = |step: &Step| matches!(step.action, Some(Action::UpdateCopy { .. }));
            scenario.steps.iter().any(seeds)
        }
        "replication" => topology.databases.values().any(|db| db.copies.len() > 1),
        "outlook" => match name {
            "ntlm_needs_restart" => topology.clients.iter().any(|group| {
                group.kind == ClientKind::Outlook
                    && group.count > 0
                    && group.authentication == Authentication::Ntlm
            }),
            _ => kind(ClientKind::Outlook),
        },
        "owa" => kind(ClientKind::Owa),
        "active_sync" => kind(ClientKind::ActiveSync),
        "hardware" | "throttling" => topology.clients.iter().any(|group| group.count > 0),
        "load" => loads(topology, name),
        // They judge a study of capacity, not a run.
        "limits" => false,
        "autodiscover" => kind(ClientKind::Autodiscover) || kind(ClientKind::Outlook),
        "transport" => match name {
            "smtp_retry" => kind(ClientKind::Smtp),
            _ => kind(ClientKind::Outlook) || kind(ClientKind::Smtp) || kind(ClientKind::Owa),
        },
        "neighbour_cache" => match name {
            "xp_lifetime" => any(&[ClientOs::WindowsXp]),
            _ => any(&[ClientOs::Windows7, ClientOs::Windows7Kb2582281]),
        },
        "network_load_balancing" | "hardware_load_balancer" => balances(topology, section, name),
        "tcp" | "dns" | "directory" => topology.total_clients() > 0,
        // A single run costs nothing and is no year; of a planted bug reports say themselves.
        "year" | "prices" | "test" => false,
        "lease" => topology.settings.lease.enabled,
        _ => true,
    }
}

/// Whether a run uses a parameter of the load.
fn loads(topology: &Topology, name: &str) -> bool {
    let mut mailboxes = topology.clients.iter().filter(|g| g.count > 0 && g.kind.has_mailbox());
    match name {
        "active_sync_kilobytes" => mailboxes.any(|group| group.kind == ClientKind::ActiveSync),
        "further_copy_share" => topology.databases.values().any(|db| db.copies.len() > 1),
        _ => mailboxes.next().is_some(),
    }
}

/// Whether a run uses a parameter of load balancers.
fn balances(topology: &Topology, section: &str, name: &str) -> bool {
    let mut balancers = topology.load_balancers.values();
    if section == "network_load_balancing" {
        return balancers.any(|of| matches!(of.kind, LoadBalancerKind::Network { .. }));
    }
    let devices = balancers.map(|of| of.devices().len()).max().unwrap_or(0);
    devices > usize::from(name == "failover_after")
}

/// Whether a fault can leave a side one vote short.
fn isolates(fault: &Fault) -> bool {
    match fault {
        Fault::NicDown { .. }
        | Fault::PowerOff { .. }
        | Fault::Freeze { .. }
        | Fault::NetworkDown { .. }
        | Fault::PathCut { .. }
        | Fault::PathLoss { .. }
        | Fault::FrameLoss { .. }
        | Fault::NetworkDelay { .. }
        | Fault::FrameReordering { .. }
        | Fault::PathDelay { .. }
        | Fault::Reboot { .. }
        | Fault::ClockRate { .. }
        | Fault::ClockStep { .. } => true,
        Fault::ServiceStop { service, .. } | Fault::ServiceCrash { service, .. } => {
            *service == super::Service::Cluster
        }
        Fault::ServiceHang { .. }
        | Fault::ServiceSlow { .. }
        | Fault::ResourceFail { .. }
        | Fault::ResourceHang { .. }
        | Fault::LogCorruption { .. }
        | Fault::GratuitousArpBlocked { .. }
        | Fault::FrameDuplication { .. }
        | Fault::WitnessLockHeld { .. }
        | Fault::WitnessStale { .. }
        | Fault::DnsUpdateRefused { .. }
        | Fault::DnsStale { .. }
        | Fault::DiskSlow { .. }
        | Fault::DiskFull { .. }
        | Fault::MountFail { .. }
        | Fault::DismountSlow { .. } => false,
    }
}
