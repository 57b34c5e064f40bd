//! One bare core: what a driver may rely on before anything has happened.

use crate::pair::{Setting, config};
use dagtwin::base::{GroupId, Instant};
use dagtwin::failover::Node;
use dagtwin::failover::config::GroupKind;
use dagtwin::failover::seam::{Boot, Input};

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
