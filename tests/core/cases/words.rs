//! The words of a case file.

use crate::pair::{Pair, Setting, span};
use dagtwin::base::{Id, NodeId, Span};
use dagtwin::failover::config::{QuarantineConfig, Rhythm};
use dagtwin::failover::seam::{
    ActivationPolicy, ContentIndex, CopyStatus, Input, MountDial, Report,
};
use dagtwin::model::order;
use dagtwin::model::scenario::Action;

pub(super) fn node(text: &str) -> usize {
    text.trim_start_matches('n').parse().unwrap_or_else(|_| panic!("{text} is not a node"))
}

pub(super) fn dial(text: &str) -> MountDial {
    match text {
        "lossless" => MountDial::Lossless,
        "good" => MountDial::GoodAvailability,
        "best" => MountDial::BestAvailability,
        "effort" => MountDial::BestEffort,
        other => panic!("{other} is not a dial"),
    }
}

fn copy_status(text: &str) -> CopyStatus {
    match text {
        "Healthy" => CopyStatus::Healthy,
        "DisconnectedAndHealthy" => CopyStatus::DisconnectedAndHealthy,
        "DisconnectedAndResynchronizing" => CopyStatus::DisconnectedAndResynchronizing,
        "Failed" => CopyStatus::Failed,
        "FailedAndSuspended" => CopyStatus::FailedAndSuspended,
        "Seeding" => CopyStatus::Seeding,
        "SeedingSource" => CopyStatus::SeedingSource,
        "ServiceDown" => CopyStatus::ServiceDown,
        "Dismounting" => CopyStatus::Dismounting,
        "Dismounted" => CopyStatus::Dismounted,
        other => panic!("{other} is not a copy's state"),
    }
}

/// `set …`: how the site is before its cores start.
pub(super) fn set(setting: &mut Setting, words: &[&str]) {
    match words {
        ["nodes", count] => {
            setting.nodes = count.parse().expect("a count");
            setting.threshold = setting.nodes as u32 - 1;
            setting.copies = setting.nodes;
        }
        [
            "witness"
            | "version"
            | "weights"
            | "lower-priority"
            | "automatic"
            | "two-keep-three"
            | "witness-refusal-ends",
            ..,
        ] => {
            super::quorum::set(setting, words);
        }
        ["core", on] => setting.core = node(on),
        ["casarray", "none"] => setting.casarray = None,
        ["casarray", on] => setting.casarray = Some(node(on)),
        ["active", on] => setting.active = node(on),
        ["databases", count] => setting.databases = count.parse().expect("a count"),
        ["maximum", limits @ ..] => {
            let limit = |text: &&str| (*text != "none").then(|| text.parse().expect("a count"));
            setting.maximum_active = limits.iter().map(limit).collect();
        }
        ["policies", policies @ ..] => {
            let policy = |text: &&str| match *text {
                "unrestricted" => ActivationPolicy::Unrestricted,
                "intrasite-only" => ActivationPolicy::IntrasiteOnly,
                "blocked" => ActivationPolicy::Blocked,
                other => panic!("{other} is not a policy"),
            };
            setting.policies = policies.iter().map(policy).collect();
        }
        ["directory-sites", sites @ ..] => {
            let site = |text: &&str| text.parse().expect("a site's number");
            setting.directory_sites = sites.iter().map(site).collect();
        }
        ["copies", count] => setting.copies = count.parse().expect("a count"),
        ["delay", delay] => setting.delay = span(delay),
        ["failback", on] => setting.failback = *on == "yes",
        ["starts", starts @ ..] => {
            let start = |text: &&str| if *text == "never" { Span::MAX } else { span(text) };
            setting.starts = starts.iter().map(start).collect();
        }
        [kind @ ("group" | "resource"), name, words @ ..] => setting.parts.set(kind, name, words),
        ["placement", words @ ..] => placement(setting, words),
        ["coordination", on] => setting.coordination = *on == "yes",
        ["skip-down-source", on] => setting.skip_down_source = *on == "yes",
        ["dismount-fails-over", on] => setting.dismount_fails_over = *on == "yes",
        ["all-members-suffice", on] => setting.all_members_suffice = *on == "yes",
        ["time-of-day", time] => setting.time_of_day = span(time),
        ["dials", dials @ ..] => setting.dials = dials.iter().map(|text| dial(text)).collect(),
        other => set_networks(setting, other),
    }
}

/// `set placement …`: which node a group goes to.
fn placement(setting: &mut Setting, words: &[&str]) {
    for pair in words.chunks(2) {
        let (yes, placement) = (pair[1] == "yes", &mut setting.placement);
        match pair[0] {
            "ordered" => placement.ordered = yes,
            "enforced" => placement.enforced_anti_affinity = yes,
            "node-down-counts" => placement.node_down_counts = yes,
            "operator-clears" => placement.operator_clears_failovers = yes,
            "wait" => placement.wait_delay = span(pair[1]),
            other => panic!("{other} is no word of placement"),
        }
    }
}

/// The number of a network: `mapi`, `replication`, or `net2` and so on.
fn net(text: &str) -> usize {
    match text {
        "mapi" => 0,
        "replication" => 1,
        other => other.trim_start_matches("net").parse().expect("a network"),
    }
}

/// `set …` about networks and heartbeats.
fn set_networks(setting: &mut Setting, words: &[&str]) {
    let rhythm = |delay: &str, threshold: &str| Rhythm {
        delay: span(delay),
        threshold: threshold.parse().expect("a count"),
    };
    match words {
        ["networks", count] => setting.networks = count.parse().expect("a count"),
        ["unused", on] => setting.unused.push(net(on)),
        ["metric", on, metric] => {
            setting.metrics.insert(net(on), metric.parse().expect("a metric"));
        }
        ["subnet", n, on, subnet] => {
            setting.subnets.insert((node(n), net(on)), subnet.parse().expect("a subnet"));
        }
        ["site", n, site] => {
            setting.sites.insert(node(n), site.parse().expect("a site"));
        }
        ["same-subnet", d, t] => setting.heartbeat.same_subnet = rhythm(d, t),
        ["cross-subnet", d, t] => setting.heartbeat.cross_subnet = rhythm(d, t),
        ["cross-site", d, t] => setting.heartbeat.cross_site = rhythm(d, t),
        ["reply-time", time] => setting.heartbeat.reply_time = span(time),
        ["plumb-all", on] => setting.heartbeat.all_cross_subnet = *on == "yes",
        ["cross-subnet-interfaces-fail", on] => {
            setting.heartbeat.cross_subnet_interfaces_fail = *on == "yes";
        }
        ["quarantine", threshold, duration] => {
            let threshold = threshold.parse().expect("a count");
            setting.quarantine = Some(QuarantineConfig { threshold, duration: span(duration) });
        }
        ["event-1650", on] => setting.heartbeat.tells_misses = *on == "yes",
        other => panic!("unknown setting {other:?}"),
    }
}

/// `n0> Move-ClusterGroup CASArray -Node n1`: an order as an administrator types it on a node.
pub(super) fn order(pair: &mut Pair, line: &str) {
    let (on, line) = line.split_once('>').expect("a node and what is typed there");
    let on = NodeId::at(node(on));
    match order::read(line, on, &pair.names()).unwrap_or_else(|wrong| panic!("{line}: {wrong:?}")) {
        Action::Order { on, order } => pair.feed(on.index(), Input::Order(order)),
        Action::StartClusterService { node, start } => pair.start_as(node.index(), start),
        Action::RestoreGroup { on, witness_server, .. } => pair.restore(on.index(), witness_server),
        Action::StopMembers { nodes, configuration_only } => {
            pair.stop_members(nodes, configuration_only);
        }
        Action::StartMembers { on, nodes } => pair.start_members(on.index(), nodes),
        other => panic!("{line}: {other:?} is nothing for bare cores"),
    }
}

/// Anything else: what is done to the site.
pub(super) fn command(pair: &mut Pair, words: &[&str]) {
    let pairs = |text: &str| {
        let (n, resource) = text.split_once(':').expect("node:resource");
        let number = resource.strip_prefix('r').and_then(|number| number.parse().ok());
        (node(n), number.unwrap_or_else(|| pair.resource(resource)))
    };
    match words {
        ["run", time] => pair.run(span(time)),
        ["quietly", time] => {
            pair.run(span(time));
            pair.log.clear();
        }
        [
            "link" | "links" | "cut" | "mend" | "cut-one-way" | "mend-one-way" | "lose-every"
            | "lose-next" | "hold-next" | "deliver" | "sent" | "slow",
            ..,
        ] => cables(pair, words),
        ["freeze", n, lasts] => pair.freeze(node(n), span(lasts)),
        ["messages"] => {
            for (net, count) in pair.cables.messages.iter_mut().enumerate() {
                let some = if std::mem::take(count) > 0 { "messages" } else { "none" };
                pair.log.push(format!("network {net}: {some}"));
            }
        }
        ["witness" | "second-witness" | "locks" | "votes" | "holders" | "split" | "unite", ..] => {
            super::quorum::command(pair, words);
        }
        ["witness-boots"] => pair.witness_boot = pair.now,
        ["crash", n] => pair.crash(node(n)),
        ["start", n] => pair.start(node(n)),
        ["drop-every", n] => pair.cables.drop_every = n.parse().expect("a count"),
        ["restless"] => pair.restless = true,
        [
            what
            @ ("fail-online" | "well-online" | "fail-probe" | "well-probe" | "mute" | "signal"),
            which,
        ] => {
            let which = pairs(which);
            match *what {
                "fail-online" => drop(pair.fail_online.insert(which)),
                "well-online" => drop(pair.fail_online.remove(&which)),
                "fail-probe" => drop(pair.fail_probe.insert(which)),
                "well-probe" => drop(pair.fail_probe.remove(&which)),
                "mute" => drop(pair.mute.insert(which)),
                _ => pair.signal(which),
            }
        }
        [
            "fail-mount"
            | "crawling"
            | "index-fails"
            | "queues"
            | "copy-status"
            | "store-fails"
            | "takes"
            | "replication-service"
            | "missing",
            ..,
        ] => copies(pair, words),
        ["wakes"] => pair.tell_wakes(),
        ["state"] => {
            let state = pair.state();
            pair.log.extend(state.lines().map(String::from));
        }
        other => panic!("unknown command {other:?}"),
    }
}

/// What is done to adapters and cables.
fn cables(pair: &mut Pair, words: &[&str]) {
    match words {
        ["link", n, on, up] => pair.link(node(n), net(on), *up == "up"),
        ["links", n, up] => pair.all_links(node(n), *up == "up"),
        ["cut", on, a, b] => pair.cut(net(on), node(a), node(b), true),
        ["mend", on, a, b] => pair.cut(net(on), node(a), node(b), false),
        ["cut-one-way", on, a, b] => pair.cables.cut((net(on), node(a), node(b)), true),
        ["mend-one-way", on, a, b] => pair.cables.cut((net(on), node(a), node(b)), false),
        ["lose-every", n, on, a, b] => {
            let every = n.parse().expect("a count");
            pair.cables.lossy.insert((net(on), node(a), node(b)), every);
        }
        ["sent", kind, a, b] => {
            let way = ((*kind).to_owned(), node(a), node(b));
            if let Some(count) = pair.cables.sent.insert(way, 0) {
                pair.log.push(format!("{kind} from {a} to {b}: {count}"));
            }
        }
        ["deliver"] => pair.deliver_held(),
        ["hold-next", kind, a, b] => {
            pair.cables.hold_next.push(((*kind).to_owned(), node(a), node(b)));
        }
        ["lose-next", kind, a, b] => {
            pair.cables.lost_next.push(((*kind).to_owned(), node(a), node(b)));
        }
        ["slow", on, a, b, time] => {
            pair.cables.slow.insert((net(on), node(a), node(b)), span(time));
        }
        other => panic!("unknown command {other:?}"),
    }
}

/// What is done to the databases' copies and those who keep them.
fn copies(pair: &mut Pair, words: &[&str]) {
    match words {
        ["missing", logs] => pair.missing = logs.parse().expect("a count"),
        ["fail-mount", n] => drop(pair.fail_mount.insert(node(n))),
        ["crawling", n] => drop(pair.index.insert(node(n), ContentIndex::Crawling)),
        ["index-fails", n] => drop(pair.index.insert(node(n), ContentIndex::Failed)),
        ["queues", n, copy, replay] => {
            let count = |text: &str| text.parse::<u64>().expect("a count");
            pair.queues.insert(node(n), (count(copy), count(replay)));
        }
        ["copy-status", n, status] => {
            pair.statuses.insert(node(n), copy_status(status));
        }
        ["store-fails", n] => pair.database_failed(node(n)),
        ["replication-service", n, now] => {
            let report = Report::ReplicationService { running: *now == "runs" };
            pair.feed(node(n), Input::Saw(report));
        }
        ["takes", n, what @ ("copy-status" | "last-logs" | "mount" | "dismount"), time] => {
            pair.takes.insert((node(n), (*what).to_owned()), (*time).to_owned());
        }
        other => panic!("unknown command {other:?}"),
    }
}
