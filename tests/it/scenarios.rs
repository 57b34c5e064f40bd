//! Every built-in scenario: its verdict, its expectations, and outages whose stages add up.

use crate::program::told;
use crate::site::{self, Built};
use dagtwin::base::Span;
use dagtwin::lab::{self, Outcome};
use dagtwin::model::builtin::SITES;
use dagtwin::model::load::Given;
use dagtwin::view::outage::Who;

fn run(built: &Built, seed: u64) -> Outcome<'_> {
    lab::run(&built.topology, &built.scenario, seed, &Given::new())
}

/// Whether cables, power and time allow what happened in a run.
pub(crate) fn possible(name: &str, outcome: &Outcome<'_>) {
    let judged = dagtwin::check::physics(outcome.topology, outcome.scenario, &outcome.records);
    let first: Vec<_> = judged.violations.iter().take(5).collect();
    assert!(first.is_empty(), "{name}: {first:#?}");
    assert_eq!(judged.held.len(), dagtwin::check::PHYSICS.len(), "{name}");
}

#[test]
fn every_scenario_ends_as_it_should() {
    let mut wrong = String::new();
    for built in site::all() {
        let wanted = built.scenario.verdict;
        // A large site takes as long as many small ones.
        let seeds = if built.topology.nodes > 8 { 2 } else { 5 };
        for seed in 1..=seeds {
            let verdict = run(&built, seed).verdict;
            if verdict.kind != wanted {
                let place = format!("{}, seed {seed}, wanted {wanted:?}", built.name);
                wrong += &format!("{place}: {verdict:#?}\n");
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn stages_add_up_to_the_nanosecond_and_every_record_is_possible() {
    let mut outages = 0;
    for built in site::all() {
        let outcome = run(&built, 1);
        possible(built.name, &outcome);
        for outage in &outcome.outages {
            let sum: Span = outage.stages.iter().map(|stage| stage.span).sum();
            let place = (built.name, outage.who, outage.from);
            match outage.span() {
                Some(span) => assert_eq!(sum, span, "{place:?}"),
                None => assert!(outage.stages.is_empty(), "{place:?}"),
            }
        }
        outages += outcome.outages.len();
    }
    assert!(outages > 1_000, "{outages} outages only");
}

#[test]
fn the_article_is_met_for_every_seed() {
    let built = site::named("nic-loss");
    let recovered = |seed| run(&built, seed).recovered.expect("everything comes back");
    for seed in 1..=10 {
        let span = recovered(seed);
        assert!(span <= Span::from_secs(20), "seed {seed}: {span}");
        assert!(span >= Span::from_secs(5), "seed {seed}: {span}: before it can be detected");
    }
}

#[test]
fn built_in_texts_are_the_files() {
    for site in SITES {
        for file in site.scenarios.iter().chain([&site.topology]) {
            let path = crate::source::root().join(file.path);
            let text = std::fs::read_to_string(&path).expect("the file");
            assert_eq!(text, file.text, "{}", file.path);
        }
        let folder = crate::source::root().join("topologies").join(site.topology.name);
        let files = std::fs::read_dir(folder.join("scenarios")).expect("a folder").count();
        assert_eq!(files, site.scenarios.len(), "every scenario file is built in");
    }
}

#[test]
fn what_was_given_is_not_listed_as_assumed() {
    let set = ["run", "--scenario", "quiet", "--set", "store.mount_time=3s", "--format", "json"];
    let json: serde_json::Value = serde_json::from_str(&told(&set).out).expect("JSON");
    let text = json["assumed"].to_string();
    assert!(!text.contains("store.mount_time") && text.contains("store.dismount_time"), "{text}");
}

/// The longest outage of a client.
fn worst(built: &Built) -> Span {
    let outcome = run(built, 1);
    let clients = outcome.outages.iter().filter(|outage| outage.hard);
    let clients = clients.filter(|outage| matches!(outage.who, Who::Client(..)));
    clients.map(|outage| outage.span().expect("everything comes back")).max().expect("an outage")
}

/// With gratuitous ARP blocked, a client is out for as long as its entry leads to the old owner:
/// half to one and a half times the base reachable time, the delay before the first probe, three
/// probes, and the wait of TCP that is under way (wsfc.md §5.1). With it, that time is no matter.
#[test]
fn without_gratuitous_arp_the_neighbour_cache_decides() {
    let of = |scenario: &str, base: Span| {
        let mut built = site::named(scenario);
        built.topology.settings.neighbour_cache.base_reachable_time = base;
        worst(&built)
    };
    let mut before = Span::ZERO;
    for seconds in [10, 30, 60] {
        let base = Span::from_secs(seconds);
        let worst = of("gratuitous-arp-blocked", base);
        let longest = base.scaled(3, 2) + Span::from_secs(5 + 3);
        assert!(worst > base.scaled(1, 2) && worst > before, "{base}: {worst}");
        assert!(worst < longest + Span::from_secs(25), "{base}: {worst}");
        assert_eq!(worst, of("windows-7-clients", base), "blocked is as good as ignored");
        before = worst;
    }
    assert_eq!(of("nic-loss", Span::from_secs(10)), of("nic-loss", Span::from_secs(60)));
}
