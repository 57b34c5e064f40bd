//! States of a neighbour cache's entry, by table.

use super::*;
use crate::base::draw::Purpose;
use crate::model::Settings;

const ADDRESS: Address = Address(0xc0a8_0a14);
const EX01: MachineId = MachineId(0);
const EX02: MachineId = MachineId(1);

fn secs(seconds: u64) -> Instant {
    Instant::ZERO + Span::from_secs(seconds)
}

fn times() -> NeighbourCacheSettings {
    Settings::default().neighbour_cache
}

/// A cache that has just resolved the address to EX01.
fn cache(system: ClientOs) -> Cache {
    let mut cache = Cache::new(system, Stream::new(1, 1, Purpose::Reachable));
    assert_eq!(cache.way(secs(0), ADDRESS, &times()), Way::Ask);
    assert!(!cache.resolved(secs(0), ADDRESS, EX01, RecordNo(7), &times()));
    cache
}

#[test]
fn what_a_gratuitous_arp_does_depends_on_the_system() {
    for (system, follows) in [
        (ClientOs::WindowsXp, true),
        (ClientOs::Windows7, false),
        (ClientOs::Windows7Kb2582281, true),
    ] {
        let mut cache = cache(system);
        assert_eq!(cache.heard(secs(5), ADDRESS, EX02, &times()), follows, "{system:?}");
        let machine = match cache.way(secs(6), ADDRESS, &times()) {
            Way::To(machine) | Way::ToWithTimer(machine, ..) => machine,
            Way::Ask | Way::Wait => panic!("the entry leads somewhere"),
        };
        assert_eq!(machine, if follows { EX02 } else { EX01 }, "{system:?}");
    }
}

#[test]
fn hosts_without_an_entry_learn_nothing_from_a_gratuitous_arp() {
    let draws = Stream::new(1, 1, Purpose::Reachable);
    let mut cache = Cache::new(ClientOs::Windows7Kb2582281, draws);
    assert!(!cache.heard(secs(1), ADDRESS, EX02, &times()));
    assert_eq!(cache.way(secs(1), ADDRESS, &times()), Way::Ask);
}

#[test]
fn an_entry_is_reachable_for_15_to_45_seconds_then_probed_then_dropped() {
    let mut shortest = secs(100);
    let mut longest = secs(0);
    for key in 0..200 {
        let draws = Stream::new(1, key, Purpose::Reachable);
        let mut cache = Cache::new(ClientOs::Windows7, draws);
        cache.way(secs(0), ADDRESS, &times());
        cache.resolved(secs(0), ADDRESS, EX01, RecordNo(7), &times());
        let State::Reachable { until } = cache.entries[0].state else { panic!("reachable") };
        shortest = shortest.min(until);
        longest = longest.max(until);
    }
    assert!(secs(15) <= shortest && shortest < secs(16), "{shortest}");
    assert!(secs(44) < longest && longest <= secs(45), "{longest}");

    let mut cache = cache(ClientOs::Windows7);
    let Way::ToWithTimer(EX01, first, turn) = cache.way(secs(50), ADDRESS, &times()) else {
        panic!("a stale entry is used and doubted");
    };
    assert_eq!(first, secs(55));
    assert_eq!(cache.way(secs(51), ADDRESS, &times()), Way::To(EX01));
    let (mut at, mut turn) = (first, turn);
    for second in [56, 57, 58] {
        assert_eq!(cache.due(ADDRESS, turn, &times()), Due::Probe(EX01));
        (at, turn) = cache.probed(at, ADDRESS, &times()).expect("an entry");
        assert_eq!(at, secs(second));
    }
    assert_eq!(cache.due(ADDRESS, turn, &times()), Due::Dropped(EX01));
    assert_eq!(cache.way(at, ADDRESS, &times()), Way::Ask);
    assert!(cache.resolved(at, ADDRESS, EX02, RecordNo(9), &times()));
    assert_eq!(cache.way(at, ADDRESS, &times()), Way::To(EX02));
}

#[test]
fn progress_of_tcp_confirms_an_entry_and_voids_its_timer() {
    let mut cache = cache(ClientOs::Windows7);
    let Way::ToWithTimer(_, _, turn) = cache.way(secs(50), ADDRESS, &times()) else {
        panic!("a stale entry is used and doubted");
    };
    cache.confirmed(secs(51), ADDRESS);
    assert_eq!(cache.due(ADDRESS, turn, &times()), Due::Nothing);
    assert_eq!(cache.way(secs(65), ADDRESS, &times()), Way::To(EX01));
}

#[test]
fn broadcasts_are_repeated_and_a_gratuitous_arp_answers_them() {
    let mut cache = Cache::new(ClientOs::Windows7, Stream::new(1, 1, Purpose::Reachable));
    assert_eq!(cache.way(secs(0), ADDRESS, &times()), Way::Ask);
    let (mut at, mut turn) = cache.unanswered(secs(0), ADDRESS, &times()).expect("an entry");
    assert_eq!(at, secs(1));
    assert_eq!(cache.way(secs(0), ADDRESS, &times()), Way::Wait);
    for second in [2, 3] {
        assert_eq!(cache.due(ADDRESS, turn, &times()), Due::Broadcast);
        (at, turn) = cache.unanswered(at, ADDRESS, &times()).expect("an entry");
        assert_eq!(at, secs(second));
    }
    assert!(!cache.heard(at, ADDRESS, EX02, &times()), "it led nowhere before");
    assert_eq!(cache.due(ADDRESS, turn, &times()), Due::Nothing);
    assert!(matches!(cache.way(at, ADDRESS, &times()), Way::ToWithTimer(EX02, ..)));
}

#[test]
fn broadcasts_end_after_the_third() {
    let mut cache = Cache::new(ClientOs::Windows7, Stream::new(1, 1, Purpose::Reachable));
    cache.way(secs(0), ADDRESS, &times());
    let mut timer = cache.unanswered(secs(0), ADDRESS, &times()).expect("an entry");
    for _ in 0..2 {
        assert_eq!(cache.due(ADDRESS, timer.1, &times()), Due::Broadcast);
        timer = cache.unanswered(timer.0, ADDRESS, &times()).expect("an entry");
    }
    assert_eq!(cache.due(ADDRESS, timer.1, &times()), Due::Unresolved);
    assert_eq!(cache.way(timer.0, ADDRESS, &times()), Way::Ask);
}

#[test]
fn an_entry_of_windows_xp_lives_its_life_whatever_tcp_says() {
    let mut cache = cache(ClientOs::WindowsXp);
    cache.confirmed(secs(599), ADDRESS);
    assert_eq!(cache.way(secs(599), ADDRESS, &times()), Way::To(EX01));
    assert_eq!(cache.way(secs(600), ADDRESS, &times()), Way::Ask);
}
