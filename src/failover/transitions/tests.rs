//! The tables are whole: every state has a row and can be reached, and nothing is a trap.

use super::*;

fn machines() -> Vec<Machine> {
    Kind::ALL.iter().map(|kind| kind.machine()).collect()
}

#[test]
fn every_state_can_be_reached_from_the_initial_ones() {
    for machine in machines() {
        assert!(machine.initial().count() > 0, "{:?} begins somewhere", machine.kind);
        let reached = machine.reachable(machine.initial());
        for row in &machine.states {
            assert!(reached[row.state], "{:?}: {} cannot be reached", machine.kind, row.word);
        }
    }
}

#[test]
fn no_state_is_final_and_from_each_the_initial_ones_can_be_reached_again() {
    for machine in machines() {
        for row in &machine.states {
            assert!(!machine.is_final(row.state), "{:?}: {} is final", machine.kind, row.word);
            let reached = machine.reachable([row.state]);
            let back = machine.initial().any(|initial| reached[initial]);
            assert!(back, "{:?}: nothing leads back from {}", machine.kind, row.word);
        }
    }
}

#[test]
fn what_is_under_way_ends_in_a_state_that_lasts() {
    for machine in machines() {
        for row in machine.states.iter().filter(|row| !row.lasting) {
            let mut next = machine.edges.iter().filter(|edge| edge.from == row.state);
            let lasts = next.any(|edge| machine.states[edge.to].lasting);
            assert!(lasts, "{:?}: {} does not end", machine.kind, row.word);
        }
    }
}

#[test]
fn an_edge_is_named_once_and_changes_the_state() {
    for machine in machines() {
        for (at, edge) in machine.edges.iter().enumerate() {
            let pair = (edge.from, edge.to);
            let text = format!("{:?}: {}", machine.kind, machine.word(edge.from));
            assert_ne!(edge.from, edge.to, "{text} to itself");
            let again = machine.edges[..at].iter().any(|other| (other.from, other.to) == pair);
            assert!(!again, "{text} to {} stands twice", machine.word(edge.to));
            assert!(!edge.trigger.is_empty() && edge.source.contains(" §"), "{text}: no reason");
        }
    }
}

#[test]
fn a_change_that_is_no_edge_is_refused() {
    ResourceState::Offline.demand(ResourceState::OnlinePending);
    ResourceState::Online.demand(ResourceState::Online);
    assert!(!ResourceState::Offline.may_become(ResourceState::Online));
    assert!(!CopyStatus::Mounted.may_become(CopyStatus::Healthy));
    assert!(!NodeState::Down.may_become(NodeState::Up));
    let refused = std::panic::catch_unwind(|| GroupState::Offline.demand(GroupState::Online));
    assert!(refused.is_err());
}
