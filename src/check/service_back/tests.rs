use super::super::story::Story;
use super::*;
use crate::base::GroupId;
use crate::failover::seam::GroupState::{self, Offline, Online};
use crate::failover::seam::{MountDial, Note, Order, OrderRefusal};
use crate::journal::record::Request;

/// Both members up, everything on EX01.
fn healthy(scenario: &str) -> Story {
    let mut story = Story::of(scenario);
    for node in ["EX01", "EX02"] {
        story.quorum(1, node, &["EX01", "EX02"]);
    }
    for group in story.topology.groups.ids() {
        story.some_group(2, "EX01", group, Online);
    }
    story.mounted(3, "EX01", 0);
    story
}

fn lost_with_its_adapters(scenario: &str) -> Story {
    let mut story = healthy(scenario);
    story.fault(60, 0, false);
    story.adapters(60, "EX01", false);
    story
}

#[test]
fn a_healthy_site_holds_it() {
    assert_eq!(healthy("quiet").judge(&PROMISE), Findings::default());
}

#[test]
fn a_cluster_that_does_not_come_back_breaks_it() {
    let mut story = lost_with_its_adapters("nic-loss");
    story.quorum_lost(66, "EX01");
    let broken = story.judge(&PROMISE).violations;
    assert!(!broken.is_empty());
    story.quorum(70, "EX02", &["EX02"]);
    let broken = story.judge(&PROMISE).violations;
    assert_eq!(broken.len(), 1 + story.topology.groups.len(), "{broken:?}");
}

#[test]
fn groups_and_databases_on_the_other_node_hold_it() {
    let mut story = lost_with_its_adapters("nic-loss");
    story.quorum(66, "EX02", &["EX02"]);
    for group in story.topology.groups.ids() {
        story.some_group(70, "EX02", group, Online);
    }
    story.mounted(71, "EX02", 0);
    assert_eq!(story.judge(&PROMISE), Findings::default());
}

#[test]
fn without_the_witness_there_is_a_reason() {
    let mut story = healthy("dc01-off-then-nics");
    story.fault(60, 0, false);
    story.machine(60, "DC01", false);
    story.fault(120, 1, false);
    story.adapters(120, "EX01", false);
    story.quorum_lost(130, "EX01");
    story.quorum_lost(130, "EX02");
    let findings = story.judge(&PROMISE);
    assert_eq!(findings.violations, []);
    let why = findings.unavailable.expect("a reason");
    assert!(why.contains("the witness DC01 is off"), "{why}");
}

#[test]
fn a_refusing_dial_is_a_reason() {
    let mut story = lost_with_its_adapters("nic-loss");
    story.quorum(66, "EX02", &["EX02"]);
    for group in story.topology.groups.ids() {
        story.some_group(70, "EX02", group, Online);
    }
    story.last_logs(71, "EX02", 9, MountDial::GoodAvailability, false);
    let findings = story.judge(&PROMISE);
    assert_eq!(findings.violations, []);
    assert!(findings.unavailable.expect("a reason").contains("9 logs missing"));
}

#[test]
fn what_a_node_that_was_left_behind_tells_of_a_group_makes_it_no_owner() {
    let mut story = healthy("quiet");
    story.quorum(60, "EX02", &["EX02"]);
    for group in story.topology.groups.ids() {
        story.some_group(61, "EX02", group, Online);
    }
    story.mounted(62, "EX02", 0);
    story.group(63, "EX01", GroupState::Pending);
    story.service(64, "EX01", Service::Cluster, ServiceState::Stopped);
    assert_eq!(story.judge(&PROMISE).violations, []);
}

#[test]
fn what_was_taken_offline_by_order_need_not_be_back() {
    let mut story = healthy("quiet");
    story.order(60, "EX01", Order::OfflineGroup(GroupId(1)));
    story.group(61, "EX01", Offline);
    story.order(62, "EX01", Order::DismountDatabase(DbId(0)));
    story.dismounted(63, "EX01");
    let findings = story.judge(&PROMISE);
    assert_eq!(findings.violations, []);
    let why = findings.unavailable.expect("a reason");
    assert!(why.contains("VIP: an administrator dismounted it"), "{why}");
}

#[test]
fn a_client_that_waits_for_ever_breaks_it_and_so_does_mail_on_its_way() {
    let mut story = healthy("quiet");
    story.client(100, 0, ClientEvent::Asked { request: Request::Read });
    assert_eq!(story.judge(&PROMISE).violations.len(), 1);
    story.client(101, 0, ClientEvent::Answered { latency: Span::from_secs(1) });
    assert_eq!(story.judge(&PROMISE), Findings::default());
    let (client, kind) = (ClientId(0), ClientKind::Outlook);
    story.mail(102, 1, MailEvent::Submitted { client, kind });
    let settle_and_retry = Span::from_secs(120 + 300);
    story.scenario.until = Instant::ZERO + Span::from_secs(101) + settle_and_retry;
    assert_eq!(story.judge(&PROMISE), Findings::default(), "the next retry is not due");
    story.scenario.until = Instant::ZERO + Span::from_secs(102) + settle_and_retry;
    assert_eq!(story.judge(&PROMISE).violations.len(), 1);
}

#[test]
fn mail_that_only_a_lost_server_has_waits_for_it() {
    let mut story = lost_with_its_adapters("nic-loss");
    story.quorum(66, "EX02", &["EX02"]);
    for group in story.topology.groups.ids() {
        story.some_group(70, "EX02", group, Online);
    }
    story.mounted(71, "EX02", 0);
    story.scenario.until = Instant::ZERO + Span::from_secs(8 * 3_600);
    let (client, kind) = (ClientId(0), ClientKind::Smtp);
    story.mail(59, 1, MailEvent::Submitted { client, kind });
    story.mail(59, 1, MailEvent::Queued { machine: MachineId(0) });
    let findings = story.judge(&PROMISE);
    assert_eq!(findings.violations, []);
    let why = findings.unavailable.expect("a reason");
    assert!(why.contains("1 accepted message waits on EX01"), "{why}");
    story.mail(60, 1, MailEvent::Shadowed { machine: MachineId(1) });
    assert_eq!(story.judge(&PROMISE).violations.len(), 1, "EX02 has a shadow of it");
}

#[test]
fn a_run_that_ends_too_early_is_not_judged() {
    let mut story = Story::of("nic-loss");
    story.scenario.until = Instant::ZERO + Span::from_secs(70);
    assert!(story.judge(&PROMISE).not_judged.is_some());
}

#[test]
fn what_was_ordered_where_nobody_heard_of_it_need_not_be() {
    let ordered = |on: &str, and_on: Option<&str>| {
        let mut story = healthy("quiet");
        story.group(58, "EX01", Offline);
        story.view(60, "EX02", &["EX02"]);
        if let Some(other) = and_on {
            story.order(61, other, Order::OfflineGroup(GroupId(1)));
        }
        story.order(61, on, Order::OnlineGroup(GroupId(1)));
        story.judge(&PROMISE)
    };
    let died_with = |before: bool| {
        let mut story = healthy("quiet");
        story.group(58, "EX01", Offline);
        if before {
            story.service(61, "EX02", Service::Cluster, ServiceState::Stopped);
        }
        story.order(62, "EX01", Order::OnlineGroup(GroupId(1)));
        if !before {
            story.service(63, "EX02", Service::Cluster, ServiceState::Stopped);
        }
        story.service(64, "EX01", Service::Cluster, ServiceState::Stopped);
        story.service(70, "EX02", Service::Cluster, ServiceState::Running);
        story.quorum(190, "EX02", &["EX02"]);
        story.some_group(191, "EX02", GroupId(0), Online);
        story.mounted(192, "EX02", 0);
        story.judge(&PROMISE)
    };
    assert_eq!(ordered("EX02", None).violations.len(), 1);
    let told = died_with(false);
    assert_eq!(told.violations.len(), 1, "EX02 was told of it: {told:?}");
    for findings in [ordered("EX01", None), ordered("EX02", Some("EX01")), died_with(true)] {
        assert_eq!(findings.violations, []);
        let why = findings.unavailable.expect("a reason");
        assert!(why.contains("CASArray: the last order about it was refused, crossed"), "{why}");
    }
}

/// An order that was refused decides nothing, and a move after it says nothing of whether the group
/// is to be online.
#[test]
fn a_move_does_not_stand_for_an_order_that_was_refused() {
    let judged = |after: Option<Order>| {
        let mut story = healthy("quiet");
        let (group, why) = (GroupId(1), OrderRefusal::NoQuorum);
        story.order(60, "EX01", Order::OfflineGroup(group));
        story.group(61, "EX01", Offline);
        story.order(70, "EX01", Order::OnlineGroup(group));
        let order = Order::OnlineGroup(group);
        story.note(70, "EX01", Note::OrderRefused { order, why });
        if let Some(order) = after {
            story.order(80, "EX01", order);
        }
        story.judge(&PROMISE).violations.len()
    };
    let to = None;
    assert_eq!(judged(None), 0);
    assert_eq!(judged(Some(Order::MoveGroup { group: GroupId(1), to })), 0);
    assert_eq!(judged(Some(Order::OnlineGroup(GroupId(1)))), 1);
}
