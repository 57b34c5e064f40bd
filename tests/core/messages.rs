//! Messages that nobody should act on, or not twice: they come late, from a node that may not say
//! it, or about something that is not there.

use crate::pair::{Pair, Setting, span};
use dagtwin::base::{DbId, GroupId, Instant, NicId, NodeId, NodeSet, OpId, ResourceId, Span};
use dagtwin::failover::Node;
use dagtwin::failover::message::{Flags, GroupReport, Message};
use dagtwin::failover::seam::*;

const DATABASE: DbId = DbId(0);

/// Three nodes that have settled; n0 has the database and its group, n1 the core group, and n2 the
/// other copy.
fn settled() -> Pair {
    let mut pair = Pair::new(Setting { nodes: 3, copies: 3, core: 1, ..Setting::default() });
    pair.run(span("60s"));
    pair
}

/// What a node does when another tells it something.
fn hears(pair: &Pair, node: &mut Node, from: u8, message: Message) -> Vec<Effect> {
    let mut out = Vec::new();
    let frame = Input::Frame { nic: NicId(0), from: NodeId(from), message };
    node.step(pair.now, frame, &mut out);
    out
}

fn sees(pair: &Pair, node: &mut Node, input: Input) -> Vec<Effect> {
    let mut out = Vec::new();
    node.step(pair.now, input, &mut out);
    out
}

/// What it says, leaving out what it tells of itself.
fn answers(effects: &[Effect]) -> Vec<&Message> {
    let sent = effects.iter().filter_map(|effect| match effect {
        Effect::Send { message, .. } => Some(message),
        Effect::Do { .. } | Effect::Note(_) => None,
    });
    sent.collect()
}

fn asks_the_store(effects: &[Effect]) -> bool {
    effects.iter().any(|effect| match effect {
        Effect::Do { act, .. } => matches!(
            act,
            Act::CopyStatus(_) | Act::CopyLastLogs { .. } | Act::Mount(_) | Act::Dismount(_)
        ),
        Effect::Send { .. } | Effect::Note(_) => false,
    })
}

fn stops(effects: &[Effect]) -> bool {
    effects.iter().any(|effect| matches!(effect, Effect::Note(Note::Stopping { .. })))
}

fn regroups(effects: &[Effect]) -> bool {
    answers(effects).iter().any(|message| matches!(message, Message::Regroup(_)))
}

fn activate(database: DbId) -> Message {
    Message::Activate {
        database,
        operation: 7,
        attempt: 1,
        source: None,
        takes_over: true,
        own: MountDial::GoodAvailability,
        over: None,
    }
}

/// What a member with quorum tells of itself, newer than all that it has told.
fn flags(view: u64, members: &[u8]) -> Flags {
    let members: NodeSet = members.iter().map(|node| NodeId(*node)).collect();
    Flags {
        life: Instant::ZERO + span("1s"),
        number: 1_000,
        view,
        members,
        reach: NodeSet::first(3),
        quorum: true,
        mapi: true,
        active_manager: true,
        draining: false,
        forced: false,
        witness: false,
        may_mount: false,
    }
}

#[test]
fn without_the_replication_service_no_copy_is_asked() {
    let pair = settled();
    let (mut node, none) = (pair.core(0), Message::Copy { database: DATABASE, report: None });
    assert!(asks_the_store(&hears(&pair, &mut node.clone(), 1, Message::AskCopy(DATABASE))));
    sees(&pair, &mut node, Input::Saw(Report::ReplicationService { running: false }));
    let effects = hears(&pair, &mut node, 1, Message::AskCopy(DATABASE));
    assert!(answers(&effects).contains(&&none) && !asks_the_store(&effects), "{effects:?}");
}

#[test]
fn only_a_server_with_a_passive_copy_has_one_to_suspend() {
    let mut pair = Pair::new(Setting { nodes: 4, copies: 2, core: 1, ..Setting::default() });
    pair.run(span("60s"));
    let refused = |on: u8| {
        let node = NodeId(on);
        let order = Order::SuspendCopy { database: DATABASE, node, activation_only: false };
        let effects = sees(&pair, &mut pair.core(1), Input::Order(order));
        let why = OrderRefusal::NoPassiveCopy;
        effects.contains(&Effect::Note(Note::OrderRefused { order, why }))
    };
    assert_eq!([0, 1, 2, 3].map(refused), [true, false, true, true]);
}

#[test]
fn nobody_but_the_coordinator_mounts_and_dismounts() {
    let pair = settled();
    let dismount = Message::Dismount { database: DATABASE, operation: 7 };
    let acts = |on: usize, from: u8, message: &Message| {
        asks_the_store(&hears(&pair, &mut pair.core(on), from, message.clone()))
    };
    assert!(acts(0, 1, &dismount));
    assert!(!acts(0, 2, &dismount), "n2 is not the core group's owner");
    assert!(acts(2, 1, &activate(DATABASE)));
    assert!(!acts(2, 0, &activate(DATABASE)), "n0 is not the core group's owner");
}

#[test]
fn a_database_that_nobody_knows_is_nobodys() {
    let (pair, database) = (settled(), DbId(77));
    let messages = [
        Message::AskCopy(database),
        Message::Dismount { database, operation: 7 },
        activate(database),
        Message::DatabaseFailed { database, failure: Failure::ServiceStopped },
        Message::Copy { database, report: None },
        Message::Dismounted { database, operation: 7 },
        Message::Activated { database, operation: 7, attempt: 1, result: Ok(()), last_log: 1 },
    ];
    for message in messages {
        for (on, from) in [(0, 1), (1, 2), (2, 1)] {
            let effects = hears(&pair, &mut pair.core(on), from, message.clone());
            assert!(answers(&effects).is_empty(), "{message:?}: {effects:?}");
            assert!(!asks_the_store(&effects), "{message:?}");
        }
    }
}

#[test]
fn while_the_membership_is_settled_nothing_is_begun() {
    let mut pair = settled();
    let order = Message::Order { number: 1, order: Order::OfflineGroup(GroupId(1)) };
    let report = Message::Group(Box::new(GroupReport {
        group: GroupId(1),
        state: GroupState::Failed,
        resources: vec![(ResourceId(3), ResourceState::Failed)],
        leaves: None,
    }));
    let does = |pair: &Pair, on: usize, message: &Message| {
        let mut node = pair.core(on);
        let before = node.view().database.version;
        let from = if on == 0 { 1 } else { 0 };
        let effects = hears(pair, &mut node, from, message.clone());
        let acts = asks_the_store(&effects);
        acts || node.view().database.version != before || !answers(&effects).is_empty()
    };
    for message in [&order, &report] {
        assert!(does(&pair, 1, message));
        assert!(!does(&pair, 2, message), "n2 is not the core group's owner");
    }
    assert!(does(&pair, 2, &Message::AskCopy(DATABASE)));
    pair.crash(0);
    pair.run(span("5200ms"));
    let recent =
        pair.effects.iter().rev().take_while(|(at, _, _)| pair.now.since(*at) < span("1s"));
    let recent: Vec<Effect> = recent.map(|(_, _, effect)| effect.clone()).collect();
    assert!(regroups(&recent), "it is under way");
    for message in [&order, &report] {
        let mut node = pair.core(1);
        let before = node.view().database.clone();
        hears(&pair, &mut node, 2, message.clone());
        assert_eq!(*node.view().database, before);
    }
    assert!(!asks_the_store(&hears(&pair, &mut pair.core(2), 1, activate(DATABASE))));
}

#[test]
fn a_member_that_went_on_without_this_node_is_believed_if_its_view_is_newer() {
    let pair = settled();
    let view = pair.core(0).view().view;
    let hears_of = |view: u64| {
        let mut node = pair.core(0);
        stops(&hears(&pair, &mut node, 1, Message::State(flags(view, &[1, 2]))))
    };
    assert_eq!([view - 1, view, view + 1].map(hears_of), [false, false, true]);
}

#[test]
fn a_view_that_evicts_is_believed_if_it_is_newer_and_a_members() {
    let mut pair = settled();
    pair.crash(2);
    pair.run(span("20s"));
    let node = pair.core(0);
    let now = node.view().view;
    let hears_of = |(view, from): (u64, u8)| {
        let message = Message::View {
            view,
            members: NodeSet::only(NodeId(from)),
            lives: vec![Instant::ZERO],
            new: NodeSet::EMPTY,
            database: Box::new(node.view().database.clone()),
        };
        stops(&hears(&pair, &mut node.clone(), from, message))
    };
    let views = [(now - 1, 1), (now, 1), (now + 1, 1), (now + 1, 2)];
    assert_eq!(views.map(hears_of), [false, false, true, false]);
}

#[test]
fn who_took_another_view_regroups_with_its_issuer() {
    let mut pair = settled();
    pair.crash(2);
    pair.run(span("20s"));
    // n0 issued the view that n0 and n1 are in.
    let node = pair.core(1);
    let now = node.view().view;
    let hears_of = |(view, from): (u64, u8)| {
        let message = Message::View {
            view,
            members: NodeSet::first(3),
            lives: vec![Instant::ZERO; 3],
            new: NodeSet::EMPTY,
            database: Box::new(node.view().database.clone()),
        };
        let mut node = node.clone();
        let effects = hears(&pair, &mut node, from, message);
        let takes = answers(&effects).contains(&&Message::ViewTaken { view });
        (takes, regroups(&effects))
    };
    assert_eq!(hears_of((now, 0)), (true, false), "its own, said again");
    assert_eq!(hears_of((now - 1, 0)), (false, false), "an old one that comes late");
    assert_eq!(hears_of((now, 2)), (false, true), "another of the same number");
    assert_eq!(hears_of((now - 1, 2)), (false, true), "of one that is no member");
    assert_eq!(hears_of((now + 1, 0)), (true, false), "a newer one");
}

#[test]
fn a_change_counts_in_its_view_from_a_member_and_once() {
    let mut pair = settled();
    pair.crash(2);
    pair.run(span("20s"));
    let node = pair.core(0);
    let (now, version) = (node.view().view, node.view().database.version);
    let update = |view: u64, from: u8, version: u64| {
        let mut database = node.view().database.clone();
        database.version = version;
        database.activation_coordination = true;
        let mut node = node.clone();
        let message = Message::Update { view, epoch: view, database: Box::new(database) };
        let effects = hears(&pair, &mut node, from, message);
        let confirms = answers(&effects).iter().any(|m| matches!(m, Message::Updated { .. }));
        (confirms, node.view().database.activation_coordination)
    };
    assert_eq!(update(now, 1, version + 1), (true, true));
    assert_eq!(update(now, 1, version), (true, false), "it is known");
    assert_eq!(update(now - 1, 1, version + 1), (false, false), "of another view");
    assert_eq!(update(now, 2, version + 1), (false, false), "n2 is no member");
}

#[test]
fn an_answer_to_nothing_and_a_cable_of_nobody_do_nothing() {
    let pair = settled();
    let mut node = pair.core(0);
    let done = Input::Done { op: OpId(u32::MAX), outcome: Outcome::Ok };
    assert_eq!(sees(&pair, &mut node, done), []);
    assert_eq!(sees(&pair, &mut node, Input::Link { nic: NicId(9), up: false }), []);
}

#[test]
fn only_what_is_mounted_here_fails_here() {
    let pair = settled();
    let failed = |on: usize, database: DbId| {
        let failure = Failure::ServiceStopped;
        let report = Report::DatabaseFailed { database, failure };
        let effects = sees(&pair, &mut pair.core(on), Input::Saw(report));
        answers(&effects).contains(&&Message::DatabaseFailed { database, failure })
    };
    assert!(failed(0, DATABASE));
    assert!(!failed(2, DATABASE), "it is mounted on n0");
    assert!(!failed(0, DbId(77)), "there is no such database");
}

#[test]
fn only_the_active_server_says_that_its_database_failed() {
    let pair = settled();
    let failed = |from: u8| {
        let mut node = pair.core(1);
        let failure = Failure::ServiceStopped;
        hears(&pair, &mut node, from, Message::DatabaseFailed { database: DATABASE, failure });
        !node.view().database.databases[DATABASE].mounted
    };
    assert_eq!([0, 2].map(failed), [true, false]);
}

#[test]
fn a_database_that_is_not_mounted_does_not_fail() {
    let mut pair = settled();
    pair.feed(1, Input::Order(Order::DismountDatabase(DATABASE)));
    pair.run(span("10s"));
    let mut node = pair.core(1);
    let before = node.view().database.clone();
    let message = Message::DatabaseFailed { database: DATABASE, failure: Failure::ServiceStopped };
    hears(&pair, &mut node, 0, message);
    assert_eq!(*node.view().database, before);
}

#[test]
fn who_is_no_member_is_told_of_the_newer_view_and_of_no_other() {
    let mut pair = settled();
    pair.crash(2);
    pair.run(span("20s"));
    let view = pair.core(0).view().view;
    let told = |view: u64| {
        let message = Message::State(flags(view, &[0, 1, 2]));
        let effects = hears(&pair, &mut pair.core(0), 2, message);
        answers(&effects).iter().any(|answer| matches!(answer, Message::State(_)))
    };
    assert_eq!([view - 1, view, view + 1].map(told), [true, false, false]);
}

#[test]
fn a_forced_cluster_yields_to_another_that_was_forced_and_not_to_itself() {
    let mut pair = Pair::new(Setting { nodes: 2, copies: 2, core: 0, ..Setting::default() });
    pair.run(span("60s"));
    pair.crash(0);
    pair.crash(1);
    pair.start_as(0, Start { quorum: StartQuorum::Force, ..Start::default() });
    pair.run(span("10s"));
    let view = pair.core(0).view().view;
    let stops = |(view, members): (u64, &[u8])| {
        let flags = Flags { forced: true, ..flags(view, members) };
        stops(&hears(&pair, &mut pair.core(0), 1, Message::State(flags)))
    };
    let clusters: [(u64, &[u8]); 4] =
        [(view - 1, &[1]), (view, &[0]), (view, &[1]), (view + 1, &[0])];
    assert_eq!(clusters.map(stops), [false, false, true, true]);
}

#[test]
fn the_witness_is_held_for_a_view_and_not_for_the_one_before() {
    let mut pair = Pair::new(Setting { nodes: 4, copies: 4, core: 0, ..Setting::default() });
    pair.run(span("60s"));
    pair.witnesses[0].up = false;
    pair.crash(2);
    pair.crash(3);
    pair.run(span("12s"));
    let view = pair.core(1).view().view;
    assert!(!pair.core(1).view().quorum, "n0 tries to win the witness");
    let holds = |view: u64, witness: bool| {
        let mut node = pair.core(1);
        let flags = Flags { witness, ..flags(view, &[0, 1]) };
        hears(&pair, &mut node, 0, Message::State(flags));
        node.view().quorum
    };
    assert!(holds(view, true));
    assert!(!holds(view, false));
    assert!(!holds(view - 1, true));
}

#[test]
fn a_forced_cluster_needs_nobody_to_hold_the_witness() {
    let mut pair = Pair::new(Setting { nodes: 4, copies: 4, core: 0, ..Setting::default() });
    pair.run(span("60s"));
    (0..4).for_each(|node| pair.crash(node));
    pair.start_as(0, Start { quorum: StartQuorum::Force, ..Start::default() });
    pair.run(span("5s"));
    pair.start(1);
    pair.run(span("10s"));
    let mut node = pair.core(0);
    let view = node.view().view;
    assert_eq!(node.view().members, NodeSet::first(2));
    let life = pair.now;
    let mut says = |number: u32, witness: bool| {
        let flags = Flags { witness, number, life, forced: true, ..flags(view, &[0, 1]) };
        hears(&pair, &mut node, 1, Message::State(flags))
    };
    says(1, true);
    let effects = says(2, false);
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Note(_))), "{effects:?}");
}

#[test]
fn a_failure_of_what_is_not_mounted_undoes_no_answer() {
    let pair = settled();
    let mut node = pair.core(2);
    let service = |running| Input::Saw(Report::ReplicationService { running });
    sees(&pair, &mut node, service(false));
    hears(&pair, &mut node, 1, activate(DATABASE));
    sees(&pair, &mut node, service(true));
    let failure = Failure::ServiceStopped;
    let report = Report::DatabaseFailed { database: DATABASE, failure };
    sees(&pair, &mut node, Input::Saw(report));
    let effects = hears(&pair, &mut node, 1, activate(DATABASE));
    assert!(!asks_the_store(&effects), "the attempt has been answered");
}

#[test]
fn who_has_no_copy_says_so() {
    let mut pair = Pair::new(Setting { nodes: 3, copies: 2, core: 1, ..Setting::default() });
    pair.run(span("60s"));
    let asked = |on: usize, message| {
        let effects = hears(&pair, &mut pair.core(on), 1, message);
        asks_the_store(&effects)
    };
    assert_eq!([0, 2].map(|on| asked(on, Message::AskCopy(DATABASE))), [true, false]);
    assert!(!asked(2, activate(DATABASE)));
}

#[test]
fn a_copy_is_asked_anew_when_its_answer_is_overdue() {
    let pair = settled();
    let asked_again_after = |span: Span| {
        let mut node = pair.core(2);
        hears(&pair, &mut node, 1, Message::AskCopy(DATABASE));
        let mut out = Vec::new();
        let message = Message::AskCopy(DATABASE);
        node.step(
            pair.now + span,
            Input::Frame { nic: NicId(0), from: NodeId(1), message },
            &mut out,
        );
        asks_the_store(&out)
    };
    assert!(!asked_again_after(span("1999ms")));
    assert!(asked_again_after(span("2s")), "the time limit is two seconds");
}
