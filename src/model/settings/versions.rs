//! Defaults of other versions than Windows Server 2008 R2 and Exchange 2010 SP1.

use super::Basis::{self, *};
use super::Settings;
use crate::model::topology::{ExchangeVersion, WindowsVersion};

/// A version of a product.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Version {
    /// Of Windows Server.
    Windows(WindowsVersion),
    /// Of Exchange.
    Exchange(ExchangeVersion),
}

/// Defaults of other versions, where they differ from those of Windows Server 2008 R2 and Exchange
/// 2010 SP1.
pub const VERSION_DEFAULTS: &[(Version, &str, &str, Basis)] = &[
    (
        Version::Exchange(ExchangeVersion::Rtm),
        "replication.block_mode",
        "false",
        Reported("exchange.md §2.1 block mode"),
    ),
    (
        Version::Exchange(ExchangeVersion::Rtm),
        "transport.shadow_heartbeat_timeout_interval",
        "5m",
        Documented("exchange.md §2.4, RTM"),
    ),
    (
        Version::Exchange(ExchangeVersion::Rtm),
        "transport.shadow_heartbeat_retry_count",
        "3",
        Documented("exchange.md §2.4, RTM"),
    ),
    (
        Version::Windows(WindowsVersion::V2012),
        "cluster.cluster_group_wait_delay",
        "120s",
        Documented("wsfc.md §4.3 ClusterGroupWaitDelay"),
    ),
    (
        Version::Windows(WindowsVersion::V2012R2),
        "cluster.cluster_group_wait_delay",
        "120s",
        Documented("wsfc.md §4.3 ClusterGroupWaitDelay"),
    ),
    (
        Version::Windows(WindowsVersion::V2016),
        "cluster.cluster_group_wait_delay",
        "120s",
        Documented("wsfc.md §4.3 ClusterGroupWaitDelay"),
    ),
    (
        Version::Windows(WindowsVersion::V2012),
        "cluster.arbitration_delay",
        "6s",
        Documented("wsfc.md §3.2 ArbitrationDelay"),
    ),
    (
        Version::Windows(WindowsVersion::V2016),
        "cluster.cross_subnet_threshold",
        "20",
        Documented("wsfc.md §1.1 CrossSubnetThreshold"),
    ),
    (
        Version::Windows(WindowsVersion::V2012),
        "cluster.dynamic_quorum",
        "true",
        Documented("wsfc.md §3.1 DynamicQuorum"),
    ),
    (
        Version::Windows(WindowsVersion::V2012R2),
        "cluster.dynamic_quorum",
        "true",
        Documented("wsfc.md §3.1 DynamicQuorum"),
    ),
    (
        Version::Windows(WindowsVersion::V2016),
        "cluster.dynamic_quorum",
        "true",
        Documented("wsfc.md §3.1 DynamicQuorum"),
    ),
    (
        Version::Windows(WindowsVersion::V2012R2),
        "cluster.arbitration_delay",
        "6s",
        Documented("wsfc.md §3.2 ArbitrationDelay"),
    ),
    (
        Version::Windows(WindowsVersion::V2016),
        "cluster.arbitration_delay",
        "6s",
        Documented("wsfc.md §3.2 ArbitrationDelay"),
    ),
    (
        Version::Windows(WindowsVersion::V2016),
        "cluster.same_subnet_threshold",
        "10",
        Documented("wsfc.md §1.1 SameSubnetThreshold"),
    ),
];

impl Settings {
    /// The defaults of these versions.
    pub fn of(windows: WindowsVersion, exchange: ExchangeVersion) -> Settings {
        let both = [Version::Windows(windows.properties()), Version::Exchange(exchange)];
        let mut settings = Settings::default();
        for (_, key, text, _) in VERSION_DEFAULTS.iter().filter(|(v, ..)| both.contains(v)) {
            settings.set(key, text).expect("a version default is a value of its key");
        }
        settings
    }
}
