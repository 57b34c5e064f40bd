//! The world that is explored beside the simulator; reductions; a flaw that is planted.

use super::search::Limits;
use super::*;
use crate::base::DbId;
use crate::failover::quorum::Mode;
use crate::failover::seam::{Effect, Note};
use crate::journal::What;
use crate::model::{builtin, load};
use crate::sim::{Recording, simulate};

const SECOND: Span = Span::from_secs(1);

fn second(number: u64) -> Instant {
    Instant::ZERO + Span::from_secs(number)
}

fn topology() -> Topology {
    let file = builtin::SITES[0].topology;
    let mut topology = load::topology(file.path, file.text, &[]).expect("it is sound").topology;
    topology.clients.clear();
    topology.settings.set("ethernet.jitter", "0s").expect("no jitter is allowed");
    topology
}

fn scenario(topology: &Topology, faults: &str) -> Scenario {
    let text = format!("title = \"x\"\nuntil = \"130s\"\n{faults}");
    load::scenario("x.toml", "x", &text, topology).expect("it is sound")
}

/// What the simulator's cores tell.
fn simulated(topology: &Topology, scenario: &Scenario) -> Vec<(Instant, NodeId, Note)> {
    let recorded = simulate(topology, scenario, site::SEED, Recording::Memory);
    let notes = recorded.records.into_iter().filter_map(|record| match record.what {
        What::Out(node, Effect::Note(note)) => Some((record.at, node, note)),
        _ => None,
    });
    notes.collect()
}

/// What the explored world's cores tell in the canonical order, with a cut at 60 s.
fn played(
    topology: &Topology,
    scenario: &Scenario,
    cut: Option<Cut>,
) -> Vec<(Instant, NodeId, Note)> {
    let site = Site::new(topology, scenario);
    let mut world = World::new(&site);
    start::play(&site, &mut world, second(60));
    if let Some(cut) = cut {
        world.cut(&site, cut, Some(SECOND * 30));
    }
    start::play(&site, &mut world, second(130));
    world.told
}

fn compare(cut: Option<Cut>, faults: &str) {
    let topology = topology();
    let scenario = scenario(&topology, faults);
    let by_node = |mut told: Vec<(Instant, NodeId, Note)>| {
        // At one moment notes of different steps may come in another order.
        told.sort_by_key(|(at, node, note)| (*node, *at, format!("{note:?}")));
        told
    };
    let one = by_node(simulated(&topology, &scenario));
    let other = by_node(played(&topology, &scenario, cut));
    assert!(one.len() > 30, "{}", one.len());
    for (one, other) in one.iter().zip(&other) {
        assert_eq!(one, other);
    }
    assert_eq!(one.len(), other.len());
}

fn paths(one_way: &str) -> String {
    ["MAPI", "Replication"]
        .map(|network| {
            format!(
                "[[fault]]\nat = \"60s\"\nlasts = \"30s\"\nkind = \"path-cut{one_way}\"\n\
                 network = \"{network}\"\nfrom = \"EX01\"\nto = \"EX02\"\n"
            )
        })
        .concat()
}

#[test]
fn cores_tell_the_same_as_in_the_simulator_when_nothing_happens() {
    compare(None, "");
}

#[test]
fn cores_tell_the_same_as_in_the_simulator_while_the_members_are_cut_off() {
    let cut = Cut::Path { network: None, from: NodeId(0), one_way: false };
    compare(Some(cut), &paths(""));
}

#[test]
fn cores_tell_the_same_as_in_the_simulator_while_one_way_is_cut() {
    let cut = Cut::Path { network: None, from: NodeId(0), one_way: true };
    compare(Some(cut), &paths("-one-way"));
}

#[test]
fn cores_tell_the_same_as_in_the_simulator_while_a_member_is_alone() {
    let dc = "[[fault]]\nat = \"60s\"\nlasts = \"30s\"\nkind = \"path-cut\"\n\
              network = \"MAPI\"\nfrom = \"EX01\"\nto = \"DC01\"\n";
    compare(Some(Cut::Alone { node: NodeId(0) }), &(paths("") + dc));
}

fn small() -> Bounds {
    Bounds { horizon: SECOND * 2, losses: 1, cuts: 0, ..Bounds::default() }
}

fn explored(topology: &Topology, bounds: &Bounds) -> Explored {
    let scenario = scenario(topology, "");
    let progress = Progress::default();
    let named = Named { topology: "x", set: &[] };
    explore((topology, &scenario), named, bounds, &progress).expect("it can be explored")
}

#[test]
fn what_commutes_comes_in_one_order_and_the_verdict_stays() {
    let topology = topology();
    // Polls so near that those of both members meet, and clocks that may be late.
    let mut topology = topology;
    topology.settings.set("cluster.looks_alive_poll_interval", "50ms").expect("in its range");
    let clock = Span::from_millis(60);
    let bounds = Bounds { horizon: Span::from_millis(150), losses: 0, clock, ..small() };
    let one = explored(&topology, &bounds);
    let every = explored(&topology, &Bounds { reduces: false, ..bounds });
    assert!(one.states < every.states, "{} of {}", one.states, every.states);
    assert_eq!((one.cut_off, every.cut_off), (None, None));
    assert_eq!(one.counterexamples, every.counterexamples);
}

#[test]
fn databases_that_are_alike_are_explored_as_one() {
    let one = topology();
    let mut three = one.clone();
    for name in ["B", "C"] {
        let mut database = one.databases[DbId(0)].clone();
        database.name = name.to_owned();
        three.databases.push(database);
    }
    let (one, three) = (explored(&one, &small()), explored(&three, &small()));
    assert_eq!((three.alike, three.states), (2, one.states));
}

#[test]
fn more_left_to_go_wrong_is_entered_again_and_less_is_not() {
    let topology = topology();
    let none = explored(&topology, &Bounds { losses: 0, ..small() });
    let one = explored(&topology, &small());
    let two = explored(&topology, &Bounds { losses: 2, ..small() });
    assert!(none.states < one.states && one.states < two.states);
    assert!(two.states < one.states * one.states, "losses whose effect is over are forgotten");
}

/// Each member believes that the other has no vote, and that no witness is asked.
fn with_two_quorums(topology: &Topology, scenario: &Scenario) -> Site {
    let mut site = Site::new(topology, scenario);
    for node in [0, 1] {
        let config = site.config_mut(NodeId(node));
        config.quorum.mode = Mode::NodeMajority;
        config.nodes[NodeId(1 - node)].vote = false;
    }
    site
}

#[test]
fn two_quorums_are_found_and_sound_members_have_none() {
    let topology = topology();
    let scenario = scenario(&topology, "");
    let bounds = Bounds { horizon: SECOND * 8, within: Span::ZERO, losses: 0, ..Bounds::default() };
    let found = |site: &Site| {
        let begun = begin(site, bounds.start).expect("everything is online");
        // A frame is sent within a second of any moment.
        let mut choices = choices(site, &bounds);
        choices.begins = bounds.start + SECOND;
        choices.spans = vec![None];
        choices.cuts.retain(|cut| matches!(cut, Cut::Path { network: None, one_way: false, .. }));
        let budget = Budget { losses: 0, cuts: 1, crashes: 0 };
        let limits = Limits { states: 20_000, jobs: 1, ends: false };
        search::search(site, begun, budget, &choices, &limits, &Progress::default())
    };
    let broken: Vec<&str> =
        found(&with_two_quorums(&topology, &scenario)).broken.iter().map(|one| one.0).collect();
    assert!(broken.contains(&"one-quorum"), "{broken:?}");
    let sound = found(&Site::new(&topology, &scenario));
    assert!(sound.broken.is_empty() && !sound.limited, "{:?}", sound.broken);
}

#[test]
fn three_members_are_refused() {
    let file = builtin::SITES.iter().find(|site| site.topology.name == "dag-four");
    let file = file.expect("it is built in").topology;
    let four = load::topology(file.path, file.text, &[]).expect("it is sound").topology;
    assert!(refusal(&four).is_some_and(|why| why.contains("4 members")));
    assert_eq!(refusal(&topology()), None);
}
