//! Every number of the model, in one table: key, meaning, default, range, and what it rests on.
//! A topology or scenario file or `--set` may give another value under the same key.

mod day;
#[macro_use]
mod table;
mod value;
mod versions;

pub use day::Day;
pub use value::Value;
pub use versions::{VERSION_DEFAULTS, Version};

use super::quorum::QuorumType;
use crate::base::{Decimal, Ratio, Span};
use crate::failover::config::Flaw;
use crate::failover::quorum::Automatic;
use serde::{Deserialize, Serialize};

/// What a default rests on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Basis {
    /// Product documentation; names the row of the fact sheets.
    Documented(&'static str),
    /// A blog, a posted log, a vendor paper; names the row of the fact sheets.
    Reported(&'static str),
    /// Arithmetic over other rows; names them.
    Derived(&'static str),
    /// Not found anywhere: says what is known and why this value.
    Assumed(&'static str),
}

/// One parameter of the model.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Parameter {
    /// Section and key, such as `cluster.same_subnet_delay`.
    pub key: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// Default as it would stand in a file.
    pub default: &'static str,
    /// Lowest and highest allowed value, as text; empty for no bound.
    pub range: (&'static str, &'static str),
    /// What the default rests on.
    pub basis: Basis,
}

/// How a change of a setting by its key can fail.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SetError {
    /// There is no such key.
    UnknownKey,
    /// The text is not such a value; says what was expected.
    NotAValue(&'static str),
    /// Below the lowest or above the highest allowed value.
    OutOfRange(&'static str, &'static str),
}

use Basis::{Assumed, Derived, Documented, Reported};

settings! {
    /// The failover cluster.
    cluster: ClusterSettings {
        /// Time between heartbeats on a path.
        same_subnet_delay: Span = "1s", "100ms".."2s", Documented("wsfc.md §1.1 SameSubnetDelay");
        /// Heartbeats missed in a row after which a path is down.
        same_subnet_threshold: u32 = "5", "3".."120", Documented("wsfc.md §1.1 SameSubnetThreshold");
        /// Time between heartbeats on a path between subnets; at least that within a subnet, which
        /// it follows if it is not given.
        cross_subnet_delay: Span = "1s", "250ms".."4s", Documented("wsfc.md §1.1 CrossSubnetDelay");
        /// Heartbeats missed in a row after which a path between subnets is down; at least that
        /// within a subnet, which it follows if it is not given.
        cross_subnet_threshold: u32 = "5", "3".."120", Documented("wsfc.md §1.1 CrossSubnetThreshold");
        /// Time between heartbeats on a path between sites; from 2016 on.
        cross_site_delay: Span = "1s", "250ms".."4s", Reported("wsfc.md §1.1 CrossSiteDelay");
        /// Heartbeats missed in a row after which a path between sites is down; from 2016 on.
        cross_site_threshold: u32 = "20", "3".."120", Reported("wsfc.md §1.1 CrossSiteThreshold");
        /// Whether paths across subnets are kept to a peer with which a subnet is shared (1), or
        /// not (0; what 2 does beyond that was not found).
        plumb_all_cross_subnet_routes: u32 = "0", "0".."2", Documented("wsfc.md §1.1 PlumbAllCrossSubnetRoutes");
        /// How long the reply to a heartbeat is waited for before the heartbeat counts as missed;
        /// never beyond the next one.
        heartbeat_reply_time: Span = "4s", "1ms".."4s", Assumed("wsfc.md §1.2 form: when a reply counts as missing is not found; until the next heartbeat");
        /// Whether two interfaces on different subnets that do not hear each other both fail.
        cross_subnet_interfaces_fail: bool = "true", "".."", Reported("wsfc.md §1.3 same on 2008 and later: one support case");
        /// Time between membership messages.
        clus_svc_regroup_tick: Span = "300ms", "50ms".."1s", Documented("wsfc.md §2 ClusSvcRegroupTickInMilliseconds");
        /// Ticks that a regroup lasts at least.
        regroup_minimum_ticks: u32 = "2", "1".."100", Derived("wsfc.md §2 observed regroup, two nodes, one lost: 0.623 s");
        /// How long a regroup waits for nodes that do not answer.
        clus_svc_regroup_opening_timeout: Span = "5s", "1s".."20s", Documented("wsfc.md §2 ClusSvcRegroupOpeningTimeout");
        /// How long reachable nodes may disagree before the best full mesh is cut out.
        clus_svc_regroup_stage_timeout: Span = "5s", "2s".."30s", Documented("wsfc.md §2 ClusSvcRegroupStageTimeout");
        /// How long a node then waits for the others of its full mesh before it goes on alone.
        clus_svc_regroup_pruning_timeout: Span = "5s", "1s".."30s", Documented("wsfc.md §2 ClusSvcRegroupPruningTimeout");
        /// How long a starting node looks for a cluster before it tries to form one.
        form_after: Span = "5s", "0s".."10m", Assumed("order documented in wsfc.md §2 start-up, time not found");
        /// How long a side that does not own the core group waits before it claims the witness.
        arbitration_delay: Span = "6s", "0s".."60s", Assumed("wsfc.md §3.2: 6 s from 2012 on; on 2008 R2 the property is absent and a fixed delay may exist");
        /// Quorum mode; exchange: an odd number of members has Node Majority, an even one Node and
        /// File Share Majority if the DAG has a witness server.
        quorum_type: QuorumType = "exchange", "".."", Documented("exchange.md §3.1 odd members, even members");
        /// QuarantineThreshold: with so many isolations within an hour a node is quarantined; from
        /// 2016 on.
        quarantine_threshold: u32 = "3", "1".."1000", Documented("wsfc.md §2 QuarantineThreshold");
        /// QuarantineDuration: how long a quarantined node may not join; from 2016 on.
        quarantine_duration: Span = "2h", "0s".."720h", Documented("wsfc.md §2 QuarantineDuration");
        /// DynamicQuorum: whether votes follow the membership; from 2012 on.
        dynamic_quorum: bool = "false", "".."", Derived("wsfc.md §3.1 static counting on 2008 R2");
        /// LowerQuorumPriorityNodeID: whose vote an even number drops, by its place among the nodes
        /// of the file, from 1; 0 for the automatic choice; from 2012 R2 on.
        lower_quorum_priority_node_id: u32 = "0", "0".."16", Reported("wsfc.md §3.1 LowerQuorumPriorityNodeID");
        /// The automatic choice of whose vote an even number drops: the voting node with the
        /// highest or with the lowest number.
        automatic_lower_quorum_priority: Automatic = "highest", "".."", Assumed("wsfc.md §3.1: full tie-break algorithm not found; the product is reported to choose at random");
        /// Whether the last two nodes keep three votes when their witness fails, as the last one
        /// does; if not, the witness and one of the two lose theirs.
        two_nodes_keep_three_votes: bool = "true", "".."", Assumed("wsfc.md §3.1: last node + witness says that votes are never reduced below three, Dynamic witness that a failed witness gets 0");
        /// Tries to claim the witness before a side gives up.
        witness_claim_tries: u32 = "30", "1".."1000", Reported("wsfc.md §3.2 lock attempts, try 1 of 30");
        /// Time between tries to claim the witness.
        witness_claim_interval: Span = "1s", "10ms".."60s", Assumed("wsfc.md §3.2: interval between tries not found");
        /// Whether a side that finds the witness's lock held by another gives up at once; if not,
        /// it tries again until its tries or its time are used up.
        witness_refusal_ends: bool = "true", "".."", Assumed("wsfc.md §3.2 lock attempts: what a held lock means to the challenger not found");
        /// How long a side may stay one vote short before its Cluster service ends.
        termination_timer: Span = "90s", "1s".."10m", Assumed("wsfc.md §3.2: 90 s in later logs, 2008 R2 not found");
        /// Delay after which the Service Control Manager restarts the Cluster service.
        service_restart_delay: Span = "60s", "0s".."30m", Assumed("wsfc.md §2 restart delay not found; one log hints at 65 s");
        /// How soon a node's own stack notices that an adapter lost carrier.
        media_sense_delay: Span = "16ms", "0s".."10s", Reported("wsfc.md §1.2 local loss is event driven");
        /// Period of a group's failover threshold.
        failover_period: Span = "6h", "0s".."1193h", Documented("wsfc.md §4.3 FailoverPeriod");
        /// Time between cheap health checks of a resource.
        looks_alive_poll_interval: Span = "5s", "10ms".."24h", Documented("wsfc.md §4.2 LooksAlivePollInterval");
        /// Time between thorough health checks of a resource.
        is_alive_poll_interval: Span = "60s", "10ms".."24h", Documented("wsfc.md §4.2 IsAlivePollInterval");
        /// Restarts of a failed resource in place within the period.
        restart_threshold: u32 = "1", "0".."1000", Documented("wsfc.md §4.2 RestartThreshold, the live sample (the API page says 3)");
        /// The period of the restart threshold.
        restart_period: Span = "15m", "0s".."24h", Documented("wsfc.md §4.2 RestartPeriod");
        /// Time before a failed resource is restarted.
        restart_delay: Span = "500ms", "0s".."24h", Documented("wsfc.md §4.2 RestartDelay");
        /// When a witness that stayed failed is tried again.
        witness_restart_interval: Span = "15m", "5m".."24h", Documented("wsfc.md §3.2 WitnessRestartInterval");
        /// When a resource that stayed failed is tried once more.
        retry_period_on_failure: Span = "1h", "0s".."1000h", Documented("wsfc.md §4.2 RetryPeriodOnFailure");
        /// How long a resource may be pending.
        pending_timeout: Span = "3m", "10ms".."24h", Documented("wsfc.md §4.2 PendingTimeout");
        /// How long a health check may go without an answer before the resource monitor is ended
        /// and started again.
        deadlock_timeout: Span = "5m", "1s".."24h", Documented("wsfc.md §4.2 DeadlockTimeout");
        /// How long a group waits for its owner, or for its first preferred owner, when the cluster
        /// starts.
        cluster_group_wait_delay: Span = "0s", "0s".."1h", Assumed("wsfc.md §4.3 ClusterGroupWaitDelay: 120 s later, 2008 R2 value not found");
        /// Whether a group without preferred owners goes to the next node by number after a node
        /// failure, and not to any.
        disable_group_preferred_owner_randomization: bool = "false", "".."", Documented("wsfc.md §4.4 node failure, no list");
        /// Whether a group stays offline rather than beside one that it is to be kept from; from
        /// 2012 on.
        cluster_enforced_anti_affinity: bool = "false", "".."", Documented("wsfc.md §4.3 AntiAffinityClassNames");
        /// Whether a move because the owner went down counts towards a group's failover threshold.
        node_down_counts_as_failover: bool = "false", "".."", Assumed("wsfc.md §4.4 do node-down moves count: not found; a log prints failoverCount=0 for one");
        /// Whether an operator who starts or moves a group begins a new count of its failovers.
        operator_clears_failovers: bool = "true", "".."", Assumed("wsfc.md §4.3 FailoverThreshold: what clears the count not found");
        /// Time that a Generic Service, a Generic Application or a Wait takes to come online,
        /// unless it says otherwise.
        generic_online_time: Span = "500ms", "0s".."24h", Documented("wsfc.md §4.2 recommended entry-point time");
        /// ARP requests with the new address as source before an IP Address is online.
        arp_retry_count: u32 = "3", "0".."3", Reported("wsfc.md §5.1 ARP count and spacing, Vista/2008");
        /// Time between those ARP requests.
        arp_retry_interval: Span = "500ms", "1ms".."10s", Assumed("wsfc.md §5.1: documented for NT4, spacing on 2008 R2 not found");
        /// Time for a Network Name to register with redirector and NetBIOS, beside directory and
        /// DNS.
        network_name_registration: Span = "500ms", "0s".."3m", Assumed("wsfc.md §5.2: time to online not found");
        /// Time after which a Network Name whose DNS record could not be written tries again, as
        /// often as it takes.
        dns_update_retry: Span = "10m", "1s".."24h", Assumed("wsfc.md §5.2 DNS failure while online: registration retried later, interval not found");
        /// Life of the DNS record that a Network Name registers.
        host_record_ttl: Span = "20m", "1s".."24h", Documented("wsfc.md §5.2 HostRecordTTL 1200 s");
        /// Time to take an IP Address or Network Name offline.
        offline_time: Span = "100ms", "0s".."3m", Assumed("wsfc.md §6.1: 0.437 s for a larger resource; for these not found");
    }
    /// Machines.
    power: PowerSettings {
        /// Time from power to running services.
        boot_time: Span = "60s", "0s".."1h", Assumed("not in the fact sheets");
        /// How long a machine takes to shut down: what its services have not done by then ends.
        shutdown_time: Span = "30s", "0s".."1h", Assumed("not in the fact sheets");
    }
    /// The Service Control Manager of a machine.
    service_control_manager: ServiceControlManagerSettings {
        /// How long after a service's process has crashed it is started again, the Cluster service
        /// but for.
        restart_delay: Span = "60s", "0s".."1h", Assumed("recovery actions of the Exchange services are not in the fact sheets; as long as the Cluster service's");
    }
    /// The file share witness.
    witness: WitnessSettings {
        /// Time to get a token, open the witness's log over SMB and lock it.
        open_time: Span = "437ms", "0s".."60s", Reported("wsfc.md §6.1 single-node view to witness file opened");
        /// How long an SMB request to a server that does not answer takes to fail.
        smb_timeout: Span = "15s", "100ms".."10m", Assumed("not in the fact sheets");
        /// How long the file server keeps the lock of a holder that it no longer hears.
        lease: Span = "20s", "0s".."1h", Assumed("wsfc.md §3.2: kept until explicitly released; life after a crash not found");
    }
    /// Active Manager.
    active_manager: ActiveManagerSettings {
        /// How long the Primary Active Manager waits for copy states.
        copy_status_timeout: Span = "2s", "10ms".."60s", Assumed("exchange.md §9");
        /// How long attempt copy last logs may take.
        attempt_copy_last_logs_timeout: Span = "15s", "100ms".."10m", Assumed("exchange.md §1.3 ACLL time-out not found");
        /// How long a mount or dismount may take before the next copy is tried.
        mount_timeout: Span = "5m", "1s".."1h", Assumed("exchange.md §9");
        /// When an operation that found no copy is tried again.
        retry: Span = "30s", "1s".."1h", Assumed("exchange.md §9 AM retry period not found");
        /// Whether attempt copy last logs skips a source that the cluster counts as down.
        skip_down_source: bool = "true", "".."", Assumed("exchange.md §1.3: what ACLL does with a dead source is not found; the cluster has already told Active Manager");
        /// With datacenter activation coordination: whether a node that reaches every member may
        /// mount although no member's bit is set.
        all_members_suffice: bool = "true", "".."", Assumed("exchange.md §3.2: absent from the document read, widely told elsewhere; without it a group that was off as a whole never mounts");
        /// Longest copy queue of the target that a switchover names; SkipLagChecks leaves it out.
        switchover_copy_queue: u32 = "9", "0".."1000000", Assumed("exchange.md §1.7: a queue outside the configured criteria blocks, no number is told for it; the criteria sets demand fewer than 10");
        /// Longest replay queue of the target that a switchover names; SkipLagChecks leaves it out.
        switchover_replay_queue: u32 = "6", "0".."1000000", Documented("exchange.md §1.7 check of queues in a switchover");
        /// Whether a database that an administrator dismounts fails over to another copy.
        dismount_fails_over: bool = "false", "".."", Assumed("exchange.md §1.2: a table says failover unless blocked, the page of Dismount-Database that the database is dismounted; taken at the command's word");
        /// Time of one call between Active Managers or to a Replication service.
        call_time: Span = "10ms", "0s".."10s", Assumed("exchange.md §9");
        /// How long Client Access and Hub Transport may use an old answer to where a database is
        /// active.
        location_cache: Span = "1s", "0s".."1h", Assumed("exchange.md §1.1 AM client cache lifetime not found");
        /// Time from a failure in the Store to Active Manager reading the failure item.
        failure_item_delay: Span = "500ms", "0s".."60s", Assumed("exchange.md §1.5: order documented, time not found");
    }
    /// Continuous replication.
    replication: ReplicationSettings {
        /// Block mode (parallel shipping of log buffers); needs SP1.
        block_mode: bool = "true", "".."", Reported("exchange.md §2.1 block mode");
        /// Time to inspect a copied log.
        inspect_time: Span = "20ms", "0s".."60s", Assumed("not in the fact sheets");
        /// Logs replayed per second.
        replay_rate: u32 = "2", "1".."10000", Documented("exchange.md §2.1 replay speed, planning floor");
        /// Megabytes of a database that a seed copies in a second.
        seed_rate: u32 = "20", "1".."10000", Documented("exchange.md §2.2 seeding: about 20 MB/s");
        /// How long a copy is Initializing.
        initializing_time: Span = "15s", "0s".."10m", Documented("exchange.md §1.8 Initializing");
        /// Time to compare a diverged copy with the active one, beside copying.
        resynchronize_time: Span = "5s", "0s".."1h", Assumed("exchange.md §2.3: steps documented, time not found");
        /// How long a copy retries a lost connection to the active copy before it says
        /// Disconnected.
        disconnect_after: Span = "5s", "0s".."10m", Assumed("not in the fact sheets");
    }
    /// The Information Store.
    store: StoreSettings {
        /// Time of a mount, beside replaying what is left.
        mount_time: Span = "2s", "0s".."30m", Assumed("exchange.md §10: Store mount not found");
        /// Size of a database in gigabytes: how long a seed takes.
        database_size: u32 = "100", "1".."65536", Assumed("not in the fact sheets");
        /// Logs that fit on the disk of a copy; 0 for any number.
        log_disk: u32 = "0", "0".."100000000", Assumed("the size of a disk is an input");
        /// Time between full backups, which let logs be deleted; 0s for none.
        backup_interval: Span = "0s", "0s".."365d", Assumed("an input");
        /// How long a content index is crawled that a seed left out.
        crawl_time: Span = "1h", "0s".."30d", Assumed("not in the fact sheets");
        /// Time of a dismount.
        dismount_time: Span = "1s", "0s".."30m", Assumed("exchange.md §10: time not found");
        /// Logs that a mount replays at most when the active copy did not end in good order.
        checkpoint_depth: u32 = "100", "0".."10000", Documented("exchange.md §2.1 checkpoint depth target, DAG active 100 MB");
        /// Time that the Store works on an RPC operation, as long as nothing queues.
        request_time: Span = "1700us", "1us".."60s", Reported("exchange.md §6 RPC averaged latency, Dell BP1013");
        /// Factor on the database reads just after a mount, when the cache is cold.
        cold_cache_factor: Ratio = "4x", "1x".."1000x", Assumed("exchange.md §2.1: cold cache documented, size not found");
        /// How long the cache takes to warm up.
        cold_cache_time: Span = "60s", "0s".."24h", Assumed("exchange.md §2.1: size not found");
        /// Log that a message makes, in KB.
        log_kilobytes_per_message: u32 = "205", "1".."100000", Derived("exchange.md §2.2: 0.2 log of 1 MB per message at 75 KB");
    }
    /// Directory and log-on.
    directory: DirectorySettings {
        /// Time of one log-on or look-up at the domain controller.
        log_on_time: Span = "5ms", "0s".."60s", Assumed("not in the fact sheets");
        /// NTLM pass-through log-ons in progress per server.
        max_concurrent_api: u32 = "2", "1".."150", Reported("exchange.md §7.4 MaxConcurrentApi");
        /// How long a log-on waits for a domain controller.
        timeout: Span = "15s", "100ms".."10m", Assumed("exchange.md §8.4 has ActiveDirectoryTimeout 15 s for a test command only");
    }
    /// DNS server and resolver.
    dns: DnsSettings {
        /// Time of a query at the server.
        query_time: Span = "1ms", "0s".."60s", Assumed("not in the fact sheets");
        /// Time of a dynamic update at the server.
        update_time: Span = "50ms", "0s".."60s", Assumed("not in the fact sheets");
        /// How long a resolver waits before it asks again.
        retry: Span = "1s", "10ms".."60s", Assumed("not in the fact sheets");
        /// Queries before a resolver gives up.
        tries: u32 = "4", "1".."20", Assumed("not in the fact sheets");
        /// Longest life of a record in a client's cache.
        max_cache_ttl: Span = "24h", "1s".."1000h", Documented("exchange.md §4.4 MaxCacheTtl");
        /// Life of a negative answer in a client's cache.
        max_negative_cache_ttl: Span = "15m", "0s".."24h", Documented("exchange.md §4.4 MaxNegativeCacheTtl");
    }
    /// TCP of clients and servers.
    tcp: TcpSettings {
        /// Wait after the first SYN; doubles.
        initial_rtt: Span = "3s", "100ms".."60s", Documented("exchange.md §4.3 TcpInitialRtt");
        /// SYNs sent again before a connect gives up.
        max_connect_retransmissions: u32 = "2", "0".."10", Documented("exchange.md §4.3 TcpMaxConnectRetransmissions");
        /// Segments sent again before a connection is given up.
        max_data_retransmissions: u32 = "5", "0".."15", Documented("exchange.md §4.3 TcpMaxDataRetransmissions");
        /// Shortest retransmission time-out; doubles.
        minimum_rto: Span = "300ms", "10ms".."10s", Assumed("exchange.md §4.3: commonly told, not found");
        /// How long a receiver waits for an answer to carry its acknowledgement.
        delayed_acknowledgement: Span = "200ms", "0s".."500ms", Assumed("not in the fact sheets; RFC 1122 §4.2.3.2 allows up to 0.5 s");
    }
    /// Neighbour (ARP) caches.
    neighbour_cache: NeighbourCacheSettings {
        /// Mean time that an entry stays Reachable without confirmation; times a draw of 0.5 to
        /// 1.5.
        base_reachable_time: Span = "30s", "1s".."1h", Documented("wsfc.md §5.1 Reachable time 15-45 s, KB949589");
        /// From the first packet on a Stale entry to the first probe.
        delay_first_probe_time: Span = "5s", "0s".."60s", Assumed("RFC 4861 §10; that Windows uses it for IPv4 is not in the fact sheets");
        /// Time between probes.
        retransmit_timer: Span = "1s", "10ms".."60s", Assumed("RFC 4861 §10");
        /// Probes to the old hardware address before the entry is dropped.
        max_unicast_solicit: u32 = "3", "1".."10", Assumed("RFC 4861 §10");
        /// Broadcasts before an address is given up.
        max_multicast_solicit: u32 = "3", "1".."10", Assumed("RFC 4861 §10");
        /// Whether a TCP retransmission makes an entry stale at once, from Vista on.
        retransmission_makes_stale: bool = "false", "".."", Assumed("RFC 4861 leaves it open; the 9 s of wsfc.md §5.1 (KB2582281) would follow from it: 5 s of delay, 3 probes, the retransmission at 9.3 s");
        /// Life of an entry in use before Vista, unless a gratuitous ARP changes it.
        xp_lifetime: Span = "10m", "1s".."24h", Assumed("not in the fact sheets");
    }
    /// Networks.
    ethernet: EthernetSettings {
        /// Time that a frame takes, one way.
        latency: Span = "100us", "0s".."10s", Assumed("a switched local network");
        /// Most that a draw adds to the latency.
        jitter: Span = "50us", "0s".."10s", Assumed("a switched local network");
        /// Transfer rate in Mbit/s.
        bandwidth: u32 = "1000", "1".."400000", Assumed("Gigabit Ethernet");
        /// How long a switch keeps a learned hardware address.
        forwarding_table_life: Span = "5m", "1s".."24h", Assumed("a common switch default");
    }
    /// Outlook.
    outlook: OutlookSettings {
        /// Wait after a connect that was not answered, before the next.
        conn_manager_poll: Span = "15s", "100ms".."10m", Documented("exchange.md §4.2 ConnManagerPoll (Outlook 2003 text)");
        /// Wait after an attempt that was answered with an error, before the next.
        back_off: Span = "2s", "10ms".."10m", Reported("exchange.md §4.2 RPC client back-off up to 2,000 ms");
        /// How long a request is unanswered before the status bar says "Trying to connect".
        trying_after: Span = "1s", "0s".."10m", Assumed("not in the fact sheets");
        /// Share of requests that send a message.
        send_share: Ratio = "10%", "0%".."100%", Assumed("load is an input");
        /// How long a call that reached its server may be unanswered.
        rpc_timeout: Span = "60s", "1s".."1h", Assumed("exchange.md §4.2 RPC call time-out not found");
        /// Time that RPC Client Access works on an RPC operation, beside the Store.
        client_access_time: Span = "500us", "0s".."60s", Assumed("exchange.md §6 has the Store's latency only");
        /// How long a person takes to restart Outlook.
        restart_time: Span = "30s", "0s".."1h", Assumed("a person");
        /// Whether Outlook with NTLM must be restarted after its server changed.
        ntlm_needs_restart: bool = "false", "".."", Assumed("exchange.md §4.2: the article says Outlook recovers unaided, Kemp says it must be restarted");
    }
    /// Outlook Web App.
    owa: OwaSettings {
        /// Time of a person to type name and password.
        typing_time: Span = "5s", "0s".."10m", Assumed("a person");
        /// Time that the web application works on a request.
        request_time: Span = "20ms", "0s".."60s", Assumed("not in the fact sheets");
        /// How long a browser waits before it tries again after an error.
        retry: Span = "2s", "10ms".."10m", Assumed("a person presses refresh");
        /// How long a person waits for a page whose request reached its server.
        patience: Span = "30s", "1s".."1h", Assumed("a person");
    }
    /// Autodiscover.
    autodiscover: AutodiscoverSettings {
        /// Time that the service works on a request.
        request_time: Span = "20ms", "0s".."60s", Assumed("not in the fact sheets");
        /// How long a program waits before it asks again after an error.
        retry: Span = "5s", "10ms".."24h", Assumed("not in the fact sheets");
        /// How long a request that reached its server may be unanswered.
        timeout: Span = "25s", "1s".."1h", Assumed("not in the fact sheets");
    }
    /// Hub Transport.
    transport: TransportSettings {
        /// From a message in the Outbox to a Hub Transport server picking it up.
        submission_time: Span = "200ms", "0s".."60s", Assumed("not in the fact sheets");
        /// Time to categorize a message.
        categorize_time: Span = "50ms", "0s".."60s", Assumed("not in the fact sheets");
        /// Time to deliver a message to a mailbox.
        delivery_time: Span = "20ms", "0s".."60s", Assumed("not in the fact sheets");
        /// When a delivery that met an error is tried again.
        message_retry_interval: Span = "5m", "1s".."24h", Documented("exchange.md §2.4 MessageRetryInterval");
        /// Shadow redundancy: time between heartbeats to the primary Hub.
        shadow_heartbeat_timeout_interval: Span = "15m", "1s".."24h", Documented("exchange.md §2.4, SP1");
        /// Shadow redundancy: heartbeats missed before the shadow takes over.
        shadow_heartbeat_retry_count: u32 = "12", "1".."15", Documented("exchange.md §2.4, SP1");
        /// Size of the transport dumpster per database, in MB.
        max_dumpster_size_per_database: u32 = "18", "0".."100000", Documented("exchange.md §2.4 MaxDumpsterSizePerDatabase");
        /// Size of a message, in KB.
        message_kilobytes: u32 = "75", "1".."100000", Documented("exchange.md §2.2 message of 75 KB");
        /// Time to take a message over SMTP.
        accept_time: Span = "20ms", "0s".."60s", Assumed("not in the fact sheets");
        /// How long an SMTP client waits for the answer to a message that reached the server.
        smtp_timeout: Span = "10m", "1s".."24h", Assumed("RFC 5321 §4.5.3.2.6: 10 min after the end of a message");
        /// How long an SMTP client waits before it tries again.
        smtp_retry: Span = "5s", "10ms".."24h", Assumed("a relay's first retry; an input");
    }
    /// Hardware of an Exchange server or domain controller, unless the machine says otherwise.
    hardware: HardwareSettings {
        /// Processor cores.
        cores: u32 = "8", "1".."1024", Documented("exchange.md §7.1 baseline server: 2 × 4 cores");
        /// SPECint_rate2006 of the server, divided by its cores.
        spec_int_2006_rate_per_core: Decimal = "18.75", "0.1".."1000", Documented("exchange.md §7.1 baseline server");
        /// Memory, in gigabytes.
        memory_gigabytes: u32 = "32", "1".."100000", Assumed("the size of a server is an input");
        /// Disks that hold databases.
        disks: u32 = "12", "1".."10000", Assumed("the size of a server is an input");
        /// Time that a disk is busy with one random transfer.
        disk_service_time: Span = "8700us", "1us".."1s", Reported("exchange.md §6 database read latency ms, Dell BP1013");
    }
    /// The work that a mailbox makes, by messages sent and received in a day.
    load: LoadSettings {
        /// Hours over which the messages of a day are spread while `load.day` is flat.
        working_day: Span = "8h", "1h".."24h", Reported("exchange.md §6 Dell BP1013: 8 h");
        /// How busy people are in each hour of the day, from midnight, in percent of the busiest:
        /// 24 numbers, or flat for the same at every hour.
        day: Day = "flat", "".."", Assumed("an input");
        /// Share of a day's messages that a person sends; the rest is received.
        sent_share: Ratio = "20%", "1%".."90%", Reported("exchange.md §7.3 KB/user/day at 75 KB: 5 sent of 25 to 30 of 150");
        /// RPC operations for each message sent or received.
        operations_per_message: u32 = "88", "1".."100000", Derived("exchange.md §6 RPC Requests 1.3 at RPC averaged latency 1.7 ms (Little's law) for 2,500 mailboxes of 100 messages in 8 h");
        /// RPC operations that one request of a client stands for, sent one after the other.
        operations_per_request: u32 = "10", "1".."100", Assumed("how finely a run is simulated; the mean wait of an operation does not depend on it, the size of a reconnect storm does");
        /// Megacycles a second of an active mailbox for each 50 messages a day, on the Mailbox
        /// role.
        megacycles_per_50_messages: Decimal = "1", "0.01".."1000", Assumed("exchange.md §7.1 per-profile table 2010: recollection, the table itself was not found");
        /// Work of a passive mailbox, as a share of that of an active one.
        passive_share: Ratio = "15%", "0%".."100%", Documented("exchange.md §7.1 passive mailbox");
        /// Work that each further copy of its database adds to an active mailbox.
        further_copy_share: Ratio = "10%", "0%".."100%", Assumed("exchange.md §7.1 per-profile table 2010: recollection");
        /// Work of the Client Access role, as a share of that of the Mailbox role.
        client_access_share: Ratio = "3/4", "0%".."1000%", Reported("exchange.md §7.1 ratios in cores: MBX:CAS 4:3");
        /// Work of the Hub Transport role, as a share of that of the Mailbox role.
        hub_transport_share: Ratio = "1/7", "0%".."1000%", Reported("exchange.md §7.1 ratios in cores: MBX:HUB 7:1");
        /// Work of domain controllers, as a share of that of the Mailbox role.
        directory_share: Ratio = "1/8", "0%".."1000%", Reported("exchange.md §7.1 ratios in cores: MBX:GC 8:1, 64-bit");
        /// Megacycles a second of the Mailbox role for an ActiveSync device, at 100 messages a day.
        active_sync_mailbox_megacycles: Decimal = "1.25", "0".."1000", Reported("exchange.md §7.1 ActiveSync per user");
        /// Megacycles a second of the Client Access role for an ActiveSync device, at 100 messages
        /// a day.
        active_sync_client_access_megacycles: Decimal = "1.6", "0".."1000", Reported("exchange.md §7.1 ActiveSync per user");
        /// Transfers a second of a mailbox's database for each 50 messages a day.
        iops_per_50_messages: Decimal = "0.06", "0".."100", Derived("exchange.md §7.2 rule 0.06 IOPS per 50 messages");
        /// Share of those transfers that are reads, for which a request waits.
        read_share: Ratio = "60%", "0%".."100%", Assumed("not in the fact sheets");
        /// Database cache of a mailbox for each 50 messages a day, in megabytes.
        cache_megabytes_per_50_messages: Decimal = "3", "0".."1000", Derived("exchange.md §7.2 rule 0.06 IOPS per 50 messages: 3 MB per 50");
        /// Memory of an Exchange server beside the database cache, in gigabytes.
        server_memory_gigabytes: u32 = "4", "0".."1000", Reported("exchange.md §7.2 mailbox server memory");
        /// Network traffic of Outlook in cached mode for each message, in KB.
        cached_kilobytes: Decimal = "78", "0".."100000", Derived("exchange.md §7.3 Outlook cached: 1,950 KB for 25 messages to 11,700 for 150");
        /// Network traffic of Outlook in online mode for each message, in KB.
        online_kilobytes: Decimal = "162", "0".."100000", Derived("exchange.md §7.3 Outlook online: 4,050 KB for 25 messages to 24,315 for 150");
        /// Network traffic of Outlook Anywhere for each message, in KB.
        outlook_anywhere_kilobytes: Decimal = "92.5", "0".."100000", Derived("exchange.md §7.3 Outlook Anywhere: 2,310 KB for 25 messages to 13,875 for 150");
        /// Network traffic of Outlook Web App for each message, in KB.
        owa_kilobytes: Decimal = "364", "0".."100000", Derived("exchange.md §7.3 OWA: 9,285 KB for 25 messages to 54,495 for 150");
        /// Network traffic of an ActiveSync device for each message, in KB.
        active_sync_kilobytes: Decimal = "78", "0".."100000", Assumed("not in the fact sheets; as Outlook in cached mode");
    }
    /// What must not be exceeded after a failover.
    limits: LimitSettings {
        /// Use of the processor.
        processor: Ratio = "80%", "1%".."100%", Documented("exchange.md §7.1 users = 0.80 × megacycles");
        /// RPC averaged latency of the Store.
        store_rpc_averaged_latency: Span = "10ms", "1us".."60s", Documented("exchange.md §7.4 Store RPC averaged latency");
        /// RPC Requests of the Store at a time.
        store_rpc_requests: u32 = "70", "1".."1000000", Documented("exchange.md §7.4 Store RPC Requests < 70");
        /// RPC averaged latency of RPC Client Access.
        client_access_rpc_averaged_latency: Span = "250ms", "1us".."60s", Documented("exchange.md §7.4 RpcClientAccess averaged latency < 250 ms");
        /// RPC Requests of RPC Client Access at a time.
        client_access_rpc_requests: u32 = "40", "1".."1000000", Documented("exchange.md §7.4 RPC Requests ≤ 40");
        /// Latency of a database read.
        database_read_latency: Span = "20ms", "1us".."60s", Reported("exchange.md §6 database read latency, limit 20");
        /// Use of memory.
        memory: Ratio = "100%", "1%".."100%", Derived("exchange.md §7.2 mailbox server memory");
        /// Use of a network adapter.
        network: Ratio = "80%", "1%".."100%", Assumed("not in the fact sheets");
        /// Use of the log-ons that a server may pass through to a domain controller at a time.
        log_on: Ratio = "100%", "1%".."100%", Derived("exchange.md §7.4 MaxConcurrentApi");
    }
    /// Client throttling.
    throttling: ThrottlingSettings {
        /// Whether policies are enforced.
        enabled: bool = "true", "".."", Reported("exchange.md §7.4 throttling defaults 2010");
        /// CPUStartPercent: use of a Client Access or Mailbox server's processor, in percent, from
        /// which on clients are delayed.
        cpu_start_percent: u32 = "75", "0".."100", Reported("exchange.md §7.4 throttling defaults 2010: CPUStartPercent 75");
        /// Longest delay of a request, where the processor is used up.
        back_off: Span = "2s", "0s".."60s", Reported("exchange.md §4.2 RPC client back-off up to 2,000 ms");
        /// Over which time the use of the processor is measured.
        window: Span = "10s", "100ms".."10m", Assumed("not in the fact sheets; so is that the delay grows in proportion above the start");
    }
    /// ActiveSync.
    active_sync: ActiveSyncSettings {
        /// Time that the service works on a request.
        request_time: Span = "20ms", "0s".."60s", Assumed("not in the fact sheets");
        /// How long a device waits before it tries again after an error.
        retry: Span = "15s", "10ms".."24h", Assumed("not in the fact sheets");
        /// How long a request that reached its server may be unanswered.
        timeout: Span = "60s", "1s".."1h", Assumed("not in the fact sheets");
    }
    /// Windows Network Load Balancing.
    network_load_balancing: NetworkLoadBalancingSettings {
        /// Time between the heartbeats of a host.
        alive_msg_period: Span = "1s", "100ms".."10s", Documented("exchange.md §5 AliveMsgPeriod");
        /// Heartbeats missed in a row after which a host is left out.
        alive_msg_tolerance: u32 = "5", "5".."100", Documented("exchange.md §5 AliveMsgTolerance");
        /// How long a convergence takes, from its beginning to the new distribution.
        convergence_time: Span = "3s", "0s".."10m", Assumed("exchange.md §5: what happens is documented, the time of a convergence was not found; some heartbeats");
        /// Parts into which clients are divided among the hosts.
        buckets: u32 = "60", "32".."1024", Assumed("exchange.md §5: clients are mapped to hosts by a hash, into how many parts was not found");
    }
    /// Load balancers that are devices.
    hardware_load_balancer: HardwareLoadBalancerSettings {
        /// Time between two checks of a service on a server.
        monitor_interval: Span = "5s", "100ms".."10m", Assumed("exchange.md §5: a device checks services; vendors differ, an input");
        /// Checks failed in a row after which a server gets no new connection to the service.
        monitor_failures: u32 = "3", "1".."100", Assumed("exchange.md §5: vendors differ, an input");
        /// How long a check waits for an answer.
        monitor_timeout: Span = "1s", "10ms".."10m", Assumed("exchange.md §5: vendors differ, an input");
        /// Whether a check waits for an answer of the service; if not, it only connects, and does
        /// not notice one that hangs.
        monitor_reads_answer: bool = "false", "".."", Assumed("exchange.md §5: vendors differ, an input");
        /// Whether connections to a service are reset when its server is marked down.
        resets_when_down: bool = "true", "".."", Assumed("exchange.md §5: an option of the devices, an input");
        /// How long a client goes to the server that it went to last, since it last sent something.
        persistence_timeout: Span = "1h", "0s".."30d", Assumed("exchange.md §5: an option of the devices, an input");
        /// How long the standby device does not hear the active one before it takes the address.
        failover_after: Span = "3s", "10ms".."10m", Assumed("exchange.md §5: vendors differ, an input");
    }
    /// A year of faults, as `dagtwin compare` plays it.
    year: YearSettings {
        /// The longest quiet stretch between two planned events of an episode that is played; what
        /// is out at its end stays out for what is left of it.
        quiet_limit: Span = "70m", "1m".."8784h", Assumed("above every retry: cluster.retry_period_on_failure is 1h; what is still out by then waits for a repair");
        /// How long after its last repair and the boot that follows it an episode may end, if all
        /// is back.
        first_look: Span = "10m", "2m".."24h", Assumed("several times a boot and the longest retry of a client");
        /// How long an episode goes on in which something is not back by then.
        settle: Span = "70m", "2m".."24h", Assumed("above every retry: cluster.retry_period_on_failure is 1h");
        /// How long people take to bring back what an episode leaves out.
        restore: Span = "1h", "0s".."720h", Assumed("a person is called; an input");
        /// How long before a planned restart the server's Cluster service is stopped in good order.
        drain: Span = "2m", "0s".."1h", Assumed("an administrator waits until the databases have moved; an input");
    }
    /// Prices in units of one currency, and the rule that chooses the edition of Exchange.
    prices: PriceSettings {
        /// A server.
        server: u32 = "5000", "0".."1000000", Assumed("a price is an input; a round figure");
        /// A load balancer.
        load_balancer: u32 = "4000", "0".."1000000", Assumed("a price is an input; a round figure");
        /// Windows Server, Standard edition.
        windows_standard: u32 = "750", "0".."1000000", Assumed("a price is an input; a round figure");
        /// Windows Server, Enterprise edition: failover clustering needs it before 2012.
        windows_enterprise: u32 = "2500", "0".."1000000", Assumed("a price is an input; a round figure");
        /// Exchange Server, Standard edition.
        exchange_standard: u32 = "700", "0".."1000000", Assumed("a price is an input; a round figure");
        /// Exchange Server, Enterprise edition.
        exchange_enterprise: u32 = "4000", "0".."1000000", Assumed("a price is an input; a round figure");
        /// Databases that a server of the Standard edition can have, copies included.
        exchange_standard_databases: u32 = "5", "0".."1000", Assumed("the limit of Exchange 2010 Standard; not in the fact sheets");
        /// Client access licences of one person, for Windows and Exchange together.
        client_access: u32 = "100", "0".."1000000", Assumed("a price is an input; a round figure");
    }
    /// Fencing by time (linux-ha.md §10.1), as `dagtwin agent` does it; Windows has none.
    lease: LeaseSettings {
        /// Whether what a member serves is reachable only while its lease runs.
        enabled: bool = "false", "".."", Derived("wsfc.md §1.4 what an isolated node does: no lease is told of");
        /// How long a lease holds from its renewal on; 3/8 of what members wait, at most this.
        length: Span = "1500ms", "1ms".."10m", Assumed("linux-ha.md §10.1: 1500 ms was measured");
        /// Time between renewals; 1/16 of what members wait, at most this.
        interval: Span = "250ms", "1ms".."10m", Assumed("linux-ha.md §10.1: 250 ms was measured");
        /// Longest time from the decision to renew to the kernel; in a run it takes all of it.
        send: Span = "50ms", "1ms".."10m", Assumed("linux-ha.md §10.1: not measured");
        /// How far clocks run apart at most, in parts of a million.
        drift: u32 = "1000", "0".."100000", Assumed("not in the fact sheets; quartz has 100");
        /// How long a witness's record stands still before it is taken; as long as members wait.
        witness_patience: Span = "4s", "10ms".."10m", Assumed("linux-ha.md §10.2: no number");
        /// Time between looks at it, or renewals; 1/8 of the patience, at most this.
        witness_interval: Span = "250ms", "1ms".."10m", Assumed("linux-ha.md §10.2: no number");
    }
    /// Tests of the program itself.
    test: TestSettings {
        /// A bug that is planted to prove that it is found (`dagtwin list planted`); never for a
        /// site.
        planted: Option<Flaw> = "none", "".."", Assumed("no site has one");
    }
}
