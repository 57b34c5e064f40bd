//! Lines for settings of every unit and place, and what has none.

use super::*;
use crate::model::{builtin, load};

/// A site that comes with the program, with texts of its file replaced.
fn site(name: &str, changes: &[(&str, &str)]) -> Topology {
    let found = builtin::SITES.iter().find(|site| site.topology.name == name);
    let file = found.expect("a site of the program").topology;
    let mut text = file.text.to_owned();
    for (old, new) in changes {
        assert!(text.contains(old), "{name} has no {old}");
        text = text.replacen(old, new, 1);
    }
    let loaded = load::topology(file.path, &text, &[]);
    loaded.unwrap_or_else(|problems| panic!("{problems:?}")).topology
}

/// The lines for a setting of the default site, as one text.
fn shown(key: &str, value: &str) -> String {
    lines(&site("two-node-2010", &[]), key, value).expect("lines").join("\n")
}

fn refused(topology: &Topology, key: &str, value: &str) -> String {
    lines(topology, key, value).expect_err("a message")
}

#[test]
fn every_property_belongs_to_a_setting_and_each_setting_has_one_at_most() {
    for (at, property) in PROPERTIES.iter().enumerate() {
        let known = PARAMETERS.iter().any(|parameter| parameter.key == property.key);
        assert!(known, "{} is no setting", property.key);
        let earlier = PROPERTIES[..at].iter().any(|other| other.key == property.key);
        assert!(!earlier, "{} stands twice", property.key);
    }
    assert_eq!(
        property("cluster.same_subnet_threshold").map(|p| p.name),
        Some("SameSubnetThreshold")
    );
    assert_eq!(property("cluster.form_after"), None);
}

#[test]
fn every_default_can_be_set() {
    let sites = [
        site("two-node-2010", &[]),
        site("classic-four-node", &[]),
        site("two-node-2010", &[("\"2008r2\"", "\"2016\"")]),
    ];
    for property in PROPERTIES {
        let mut told = sites.iter().map(|site| {
            let text = site.settings.get(property.key).expect("a value");
            lines(site, property.key, &text)
        });
        assert!(told.any(|lines| lines.is_ok()), "{} has no line anywhere", property.key);
    }
}

#[test]
fn values_are_told_in_the_unit_of_the_property() {
    for (key, value, line) in [
        ("cluster.same_subnet_delay", "500ms", "(Get-Cluster).SameSubnetDelay = 500"),
        (
            "cluster.clus_svc_regroup_stage_timeout",
            "4s",
            "(Get-Cluster).ClusSvcRegroupStageTimeout = 4",
        ),
        ("cluster.witness_restart_interval", "2h", "(Get-Cluster).WitnessRestartInterval = 120"),
        (
            "cluster.failover_period",
            "2h",
            "(Get-ClusterGroup 'Cluster Group').FailoverPeriod = 2\n\
          (Get-ClusterGroup 'CASArray').FailoverPeriod = 2",
        ),
        (
            "cluster.plumb_all_cross_subnet_routes",
            "1",
            "(Get-Cluster).PlumbAllCrossSubnetRoutes = 1",
        ),
        (
            "cluster.disable_group_preferred_owner_randomization",
            "true",
            "cluster.exe /prop DisableGroupPreferredOwnerRandomization=1:DWORD",
        ),
        (
            "transport.message_retry_interval",
            "90s",
            "Set-TransportServer 'EX01' -MessageRetryInterval 00:01:30\n\
          Set-TransportServer 'EX02' -MessageRetryInterval 00:01:30",
        ),
        (
            "transport.shadow_heartbeat_timeout_interval",
            "24h",
            "Set-TransportConfig -ShadowHeartbeatTimeoutInterval 1.00:00:00",
        ),
        (
            "transport.max_dumpster_size_per_database",
            "36",
            "Set-TransportConfig -MaxDumpsterSizePerDatabase 36MB",
        ),
        (
            "throttling.cpu_start_percent",
            "90",
            "Get-ThrottlingPolicy | Where-Object { $_.IsDefault } | \
          Set-ThrottlingPolicy -CPUStartPercent 90",
        ),
        (
            "cluster.quorum_type",
            "exchange",
            r"Set-ClusterQuorum -NodeAndFileShareMajority '\\DC01.contoso.local\PrimaryDAG.contoso.local'",
        ),
        ("cluster.quorum_type", "node-majority", "Set-ClusterQuorum -NodeMajority"),
        ("cluster.quorum_type", "disk-only", "Set-ClusterQuorum -DiskOnly 'Cluster Disk 1'"),
    ] {
        assert_eq!(shown(key, value), line, "{key}");
    }
}

#[test]
fn values_between_two_units_are_refused() {
    let site = site("two-node-2010", &[]);
    for (key, value, message) in [
        (
            "cluster.failover_period",
            "90m",
            "cluster.failover_period = \"90m\": expected whole hours, in which FailoverPeriod counts",
        ),
        (
            "cluster.same_subnet_delay",
            "1000500us",
            "cluster.same_subnet_delay = \"1000500us\": expected whole milliseconds, in which SameSubnetDelay counts",
        ),
        (
            "cluster.host_record_ttl",
            "1500ms",
            "cluster.host_record_ttl = \"1500ms\": expected whole seconds, in which HostRecordTTL counts",
        ),
        (
            "transport.message_retry_interval",
            "1500ms",
            "transport.message_retry_interval = \"1500ms\": expected whole seconds, in which MessageRetryInterval counts",
        ),
    ] {
        assert_eq!(refused(&site, key, value), message);
    }
}

#[test]
fn a_heartbeat_between_subnets_is_taken_along_first() {
    assert_eq!(
        shown("cluster.same_subnet_threshold", "8"),
        "(Get-Cluster).CrossSubnetThreshold = 8\n(Get-Cluster).SameSubnetThreshold = 8"
    );
    assert_eq!(
        shown("cluster.same_subnet_threshold", "4"),
        "(Get-Cluster).SameSubnetThreshold = 4"
    );
    let site = site("two-node-2010", &[]);
    assert!(
        refused(&site, "cluster.cross_subnet_threshold", "4").contains("at least cluster.same")
    );
    assert!(refused(&site, "cluster.same_subnet_threshold", "11").contains("3 to 10 on 2008 R2"));
}

#[test]
fn resources_keep_what_is_their_own() {
    let all = shown("cluster.restart_delay", "750ms");
    assert_eq!(
        all,
        "(Get-ClusterResource 'Cluster IP Address').RestartDelay = 750\n\
         (Get-ClusterResource 'Cluster Name').RestartDelay = 750\n\
         (Get-ClusterResource 'File Share Witness').RestartDelay = 750\n\
         (Get-ClusterResource 'CASArray IP Address').RestartDelay = 750\n\
         (Get-ClusterResource 'CASArray').RestartDelay = 750"
    );
    assert!(!shown("cluster.retry_period_on_failure", "2h").contains("Witness"));
    let mut site = site("two-node-2010", &[]);
    let name = site.resources.values_mut().find(|one| one.name == "CASArray").expect("the name");
    name.own.restart_delay = Some(Span::from_millis(500));
    name.name = "Tony's".to_owned();
    let others = lines(&site, "cluster.restart_delay", "750ms").expect("lines");
    assert_eq!(others, all.lines().take(4).collect::<Vec<_>>());
    assert_eq!(
        lines(&site, "cluster.host_record_ttl", "5m").expect("lines"),
        [
            "Get-ClusterResource 'Cluster Name' | Set-ClusterParameter HostRecordTTL 300",
            "Get-ClusterResource 'Tony''s' | Set-ClusterParameter HostRecordTTL 300",
        ]
    );
}

#[test]
fn a_group_with_its_own_period_keeps_it() {
    let own =
        [("network_name = \"CASArray\"", "network_name = \"CASArray\"\nfailover_period = \"1h\"")];
    let site = site("two-node-2010", &own);
    let told = lines(&site, "cluster.failover_period", "3h").expect("lines");
    assert_eq!(told, ["(Get-ClusterGroup 'Cluster Group').FailoverPeriod = 3"]);
}

#[test]
fn a_group_without_its_own_period_takes_the_setting() {
    let wish = [(
        "name = \"two-node-2010\"",
        "name = \"two-node-2010\"\ncluster.failover_period = \"2h\"",
    )];
    let site = site("two-node-2010", &wish);
    let periods: Vec<_> = site.groups.values().map(|group| group.failover_period).collect();
    assert_eq!(periods, [Span::from_secs(7_200), Span::from_secs(7_200)]);
    assert_eq!(lines(&site, "cluster.failover_period", "3h").expect("lines").len(), 2);
}

#[test]
fn the_registry_is_that_of_the_machines_concerned() {
    let tcp = r"'HKLM:\SYSTEM\CurrentControlSet\Services\Tcpip\Parameters'";
    let nlb = r"'HKLM:\SYSTEM\CurrentControlSet\Services\WLBS\Parameters\Interface\*'";
    let netlogon = r"'HKLM:\SYSTEM\CurrentControlSet\Services\Netlogon\Parameters'";
    assert_eq!(
        shown("cluster.arp_retry_count", "2"),
        format!(
            "Invoke-Command -ComputerName 'EX01', 'EX02' {{ Set-ItemProperty {tcp} ArpRetryCount 2 -Type DWord }}"
        )
    );
    assert_eq!(
        shown("tcp.max_data_retransmissions", "4"),
        format!(
            "Set-ItemProperty {tcp} TcpMaxDataRetransmissions 4 -Type DWord  # on every client"
        )
    );
    let classic = site("classic-four-node", &[]);
    assert_eq!(
        lines(&classic, "network_load_balancing.alive_msg_period", "500ms").expect("lines"),
        [format!(
            "Invoke-Command -ComputerName 'CAS01', 'CAS02' {{ Set-ItemProperty {nlb} AliveMsgPeriod 500 -Type DWord }}"
        )]
    );
    let servers = "'MBX01', 'MBX02', 'CAS01', 'CAS02'";
    assert_eq!(
        lines(&classic, "directory.max_concurrent_api", "5").expect("lines"),
        [format!(
            "Invoke-Command -ComputerName {servers} {{ Set-ItemProperty {netlogon} MaxConcurrentApi 5 -Type DWord }}"
        )]
    );
}

#[test]
fn what_a_version_does_not_have_is_refused() {
    let old = site("two-node-2010", &[]);
    let new = site("two-node-2010", &[("\"2008r2\"", "\"2016\"")]);
    for (key, value, wanted) in [
        ("cluster.arbitration_delay", "3s", "2012 or later"),
        ("cluster.dynamic_quorum", "true", "2012 or later"),
        ("cluster.quarantine_duration", "1h", "2016 or later"),
        ("cluster.lower_quorum_priority_node_id", "2", "2012r2 or later"),
    ] {
        assert!(refused(&old, key, value).ends_with(wanted), "{key}");
        assert!(lines(&new, key, value).is_ok(), "{key}");
    }
    let gone = "cluster.disable_group_preferred_owner_randomization";
    assert!(refused(&new, gone, "true").ends_with("2008r2 or earlier"));
    assert_eq!(
        lines(&new, "cluster.lower_quorum_priority_node_id", "2").expect("lines"),
        ["(Get-Cluster).LowerQuorumPriorityNodeID = (Get-ClusterNode 'EX02').Id"]
    );
    assert_eq!(
        lines(&new, "cluster.arbitration_delay", "3s").expect("lines"),
        ["Get-ClusterResource 'File Share Witness' | Set-ClusterParameter ArbitrationDelay 3"]
    );
    assert_eq!(
        lines(&new, "cluster.dynamic_quorum", "false").expect("lines"),
        ["(Get-Cluster).DynamicQuorum = 0"]
    );
}

#[test]
fn what_is_no_setting_of_the_product_says_so() {
    let site = site("two-node-2010", &[]);
    for (key, value, message) in [
        (
            "cluster.form_after",
            "5s",
            "cluster.form_after: no setting of the product: hardware, people or the model have it",
        ),
        (
            "prices.server",
            "1",
            "prices.server: no setting of the product: hardware, people or the model have it",
        ),
        ("cluster.nothing", "1", "cluster.nothing: no such setting"),
        (
            "network_load_balancing.alive_msg_tolerance",
            "6",
            "network_load_balancing.alive_msg_tolerance: nothing in this topology has AliveMsgTolerance",
        ),
        (
            "cluster.arp_retry_count",
            "many",
            "cluster.arp_retry_count = \"many\": expected a whole number",
        ),
        (
            "cluster.arp_retry_count",
            "9",
            "cluster.arp_retry_count = \"9\": expected a value from 0 to 3",
        ),
    ] {
        assert_eq!(refused(&site, key, value), message);
    }
}
