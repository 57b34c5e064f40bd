//! One bare core: what a driver may rely on before anything has happened.

use crate::pair::{Setting, config};
use dagtwin::base::{GroupId, Instant, NicId, NodeId};
use dagtwin::failover::Node;
use dagtwin::failover::config::GroupKind;
use dagtwin::failover::message::Message;
use dagtwin::failover::seam::{Boot, Effect, Input, Note};

/// The first node of a pair that never ran before.
fn new(config: dagtwin::failover::config::Config) -> Node {
    Node::new(config, Boot { links: vec![true, true], ..Boot::default() }, Instant::ZERO)
}

#[test]
fn a_node_that_never_ran_has_a_place_for_everything() {
    let setting = Setting::default();
    let node = new(config(&setting, 0));
    let (database, config) = (node.view().database, config(&setting, 0));
    assert_eq!(database.nodes.len(), config.nodes.len());
    assert_eq!(database.groups.len(), config.groups.len());
    assert_eq!(database.resources.len(), config.resources.len());
    assert_eq!(database.databases.len(), config.databases.len());
}

#[test]
fn the_core_group_may_stand_anywhere() {
    let mut config = config(&Setting::default(), 0);
    assert_eq!(config.core_group(), GroupId(0));
    config.groups[GroupId(0)].kind = GroupKind::Role;
    config.groups[GroupId(1)].kind = GroupKind::Core;
    assert_eq!(config.core_group(), GroupId(1));
}

#[test]
fn a_step_names_the_timers_that_it_armed() {
    let mut node = new(config(&Setting::default(), 0));
    node.step(Instant::ZERO, Input::Wake, &mut Vec::new());
    let next = node.deadline().expect("it looks for a cluster");
    assert!(node.armed().any(|timer| timer == next.why), "{next:?}");
}

#[test]
fn a_frame_from_nowhere_is_told_and_does_nothing() {
    let mut node = new(config(&Setting::default(), 0));
    let mut say = |nic, from| {
        let message = Message::Reply { sequence: 1 };
        let mut out = Vec::new();
        node.step(Instant::ZERO, Input::Frame { nic, from, message }, &mut out);
        out.contains(&Effect::Note(Note::BadFrame { from }))
    };
    let (nic, other) = (NicId(0), NodeId(1));
    assert!(say(nic, NodeId(7)), "no such node");
    assert!(say(nic, NodeId(0)), "it is itself");
    assert!(say(NicId(7), other), "no such adapter");
    assert!(!say(nic, other));
}

#[test]
fn what_comes_before_the_first_wake_up_is_not_answered() {
    let setting = Setting::default();
    let (mut one, mut other) = (new(config(&setting, 0)), new(config(&setting, 1)));
    let mut out = Vec::new();
    one.step(Instant::ZERO, Input::Wake, &mut out);
    let request = out.into_iter().find_map(|effect| match effect {
        Effect::Send { nic, message, .. } if message.is_heartbeat() => Some((nic, message)),
        _ => None,
    });
    let (nic, message) = request.expect("a heartbeat at once");
    let mut answers = || {
        let mut out = Vec::new();
        let frame = Input::Frame { nic, from: NodeId(0), message: message.clone() };
        other.step(Instant::ZERO, frame, &mut out);
        out.iter().any(|effect| {
            matches!(effect, Effect::Send { message: Message::Reply { sequence: _ }, .. })
        })
    };
    assert!(!answers(), "its service has not started");
    assert!(answers());
}
