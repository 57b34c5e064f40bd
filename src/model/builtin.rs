//! Topologies and scenarios that come with the program, so that it runs without any file.

/// A file that comes with the program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Builtin {
    /// Name, as the command line takes it.
    pub name: &'static str,
    /// Where it stands in the sources.
    pub path: &'static str,
    /// Its text.
    pub text: &'static str,
}

/// A topology with its scenarios.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BuiltinSite {
    /// The topology.
    pub topology: Builtin,
    /// Its scenarios.
    pub scenarios: &'static [Builtin],
}

macro_rules! site {
    ($folder:literal: $($scenario:literal)*) => {
        BuiltinSite {
            topology: Builtin {
                name: $folder,
                path: concat!("topologies/", $folder, "/topology.toml"),
                text: include_str!(concat!("../../topologies/", $folder, "/topology.toml")),
            },
            scenarios: &[$(Builtin {
                name: $scenario,
                path: concat!("topologies/", $folder, "/scenarios/", $scenario, ".toml"),
                text: include_str!(
                    concat!("../../topologies/", $folder, "/scenarios/", $scenario, ".toml")
                ),
            },)*],
        }
    };
}

/// Every topology that comes with the program; the first one is the default.
pub const SITES: &[BuiltinSite] = &[
    site!("two-node-2010":
        "nic-loss" "nic-loss-core-group-on-ex01" "article" "quiet" "power-off" "mapi-nic-loss"
        "replication-nic-loss" "store-stop" "cluster-service-stop" "dc01-off" "dc01-off-then-nics"
        "forced-move" "nics-back" "nics-back-diverged" "gratuitous-arp-blocked" "windows-7-clients" "switch-hiccup"
        "vm-paused-3s" "vm-paused-6s" "vm-paused-60s" "one-way-loss" "node-paused" "node-drained"
        "resource-failure" "resource-hang" "maintenance-hazard"
        "copy-suspended" "truncation-blocked" "log-corruption-reseed" "shadow-takeover"
        "client-access-stop" "client-access-server-off" "switch-off" "half-off" "site-off"
        "witness-lock-held" "witness-restored" "clock-fast" "clock-step"
        "cluster-service-crash" "store-crash" "mount-fails" "dismount-slow" "frames-in-disorder"
        "one-way-delay" "disk-full" "disk-slow" "dns-refuses-and-is-stale" "reboot"
    ),
    site!("lagged-copy": "lagged-copy"),
    site!("single-server":
        "quiet" "power-off" "store-stop" "client-access-stop" "client-access-server-off"
        "switch-off" "dc01-off" "dc01-off-then-nics" "half-off" "site-off"
    ),
    site!("two-node-load-balancer":
        "quiet" "power-off" "store-stop" "client-access-stop" "client-access-server-off"
        "switch-off" "dc01-off" "dc01-off-then-nics" "half-off" "site-off" "balancer-off"
    ),
    site!("classic-four-node":
        "quiet" "power-off" "store-stop" "client-access-stop" "client-access-server-off"
        "switch-off" "dc01-off" "dc01-off-then-nics" "half-off" "site-off"
    ),
    site!("two-site":
        "quiet" "power-off" "store-stop" "client-access-stop" "client-access-server-off"
        "switch-off" "dc01-off" "dc01-off-then-nics" "half-off" "site-off"
    ),
    site!("dag-four":
        "quiet" "power-off" "store-stop" "client-access-stop" "client-access-server-off"
        "switch-off" "dc01-off" "dc01-off-then-nics" "half-off" "site-off" "balancer-off"
    ),
    site!("dag-sixteen":
        "quiet" "power-off" "store-stop" "client-access-stop" "client-access-server-off"
        "switch-off" "dc01-off" "dc01-off-then-nics" "half-off" "site-off" "balancer-off"
    ),
];

/// The scenario that runs when none is named.
pub const DEFAULT_SCENARIO: &str = "nic-loss";
