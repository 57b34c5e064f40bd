//! The swarm and the shrinker: what a seed draws, what is aimed, that planted bugs are found and
//! made small, and that nothing depends on how many runs are made at a time.

use crate::program::{Folder, told};
use dagtwin::failover::config::Flaw;
use dagtwin::lab::pool::Progress;
use dagtwin::lab::swarm::{Ran, Site, Tally, plan, prove, round};
use dagtwin::model::builtin::SITES;
use dagtwin::model::fault::Fault;
use dagtwin::model::order::cmdlets;
use dagtwin::model::{Source, load};
use serde_json::Value;
use std::collections::BTreeSet;

fn source(name: &str) -> Source {
    let site = SITES.iter().find(|site| site.topology.name == name).expect("a built-in site");
    Source {
        file: site.topology.path.to_owned(),
        name: name.to_owned(),
        text: site.topology.text.to_owned(),
    }
}

fn set() -> Vec<(String, String)> {
    vec![("clients.count".to_owned(), "1".to_owned())]
}

fn site(name: &str) -> Site {
    Site::new(name, source(name), set()).expect("it is sound")
}

#[test]
fn whatever_is_drawn_can_be_loaded_and_everything_is_drawn() {
    let mut drawn: BTreeSet<&str> = BTreeSet::new();
    for known in SITES {
        let site = site(known.topology.name);
        for seed in 0..200 {
            let plan = plan(seed, &site);
            assert_eq!(plan, dagtwin::lab::swarm::plan(seed, &site), "the seed decides");
            let scenario = site.scenario(&plan);
            let scenario =
                scenario.unwrap_or_else(|wrong| panic!("{}\n{wrong:#?}", plan.text(&site.set)));
            assert_eq!(scenario.faults.len(), plan.faults.len());
            assert_eq!(scenario.steps.len(), plan.orders.len());
            drawn.extend(plan.faults.iter().map(|strike| strike.kind));
            drawn.extend(plan.orders.iter().map(|given| given.cmdlet));
        }
    }
    let building = ["Add-ClusterServerRole", "New-ClientAccessArray"];
    let all = Fault::KINDS.iter().map(|kind| kind.word);
    let all: BTreeSet<&str> = all.chain(cmdlets().map(|cmdlet| cmdlet.name)).collect();
    let never: Vec<&&str> =
        all.difference(&drawn).filter(|name| !building.contains(name)).collect();
    assert!(never.is_empty(), "never drawn: {never:?}");
}

#[test]
fn the_settings_of_a_plan_are_in_force() {
    let site = site("two-node-2010");
    let plans: Vec<_> = (0..100).map(|seed| plan(seed, &site)).collect();
    let slow = plans.iter().find(|plan| plan.set.len() > 1).expect("one with settings");
    let sources = site.sources(slow);
    let (again, _) = load::site(&sources).expect("it is sound");
    assert_eq!(site.topology(slow).settings, again.topology.settings, "as in the file of the plan");
    assert_ne!(site.topology(slow).settings, site.loaded.topology.settings);
    let key = slow.set[0].0.to_owned();
    let set = [set(), vec![(key, "100".to_owned())]].concat();
    let given = Site::new("two-node-2010", source("two-node-2010"), set).expect("it is sound");
    let settings = &given.topology(&plan(slow.seed, &given)).settings;
    assert_eq!(settings.store.log_kilobytes_per_message, 100, "what the call gives counts");
}

/// Runs some seeds and says of each run what matters.
fn told_runs(name: &str, seeds: std::ops::Range<u64>, jobs: usize) -> (Vec<String>, Tally) {
    let (site, mut tally, mut runs) = (site(name), Tally::default(), Vec::new());
    round(&site, &mut tally, seeds, jobs, &Progress::default(), &mut |ran: &Ran| {
        runs.push(format!("{} {} {:?} {:?}", ran.plan.name(), ran.records, ran.edges, ran.broken));
    });
    (runs, tally)
}

#[test]
fn runs_do_not_depend_on_how_many_are_made_at_a_time() {
    let (one, tally) = told_runs("two-node-2010", 0..48, 1);
    let (three, _) = told_runs("two-node-2010", 0..48, 3);
    assert_eq!(one, three);
    assert_eq!(tally.drawn, 48);
    assert_eq!(tally.aimed + tally.drawn, one.len() as u64);
    assert!(tally.aimed > 0, "nothing was aimed");
}

#[test]
fn what_is_aimed_at_is_met() {
    let site = site("two-node-2010");
    let (mut tally, mut aimed, mut met) = (Tally::default(), 0_u32, 0_u32);
    round(&site, &mut tally, 0..64, 2, &Progress::default(), &mut |ran: &Ran| {
        if let Some(aim) = ran.plan.aim {
            aimed += 1;
            met += u32::from(ran.pairs.contains_key(&aim.pair));
        }
    });
    // What strikes at a moment of another scenario strikes there as well: the run up to it is the
    // same. Only an order or a fault that another one overlaps may come to nothing.
    assert!(aimed > 8 && met * 10 >= aimed * 9, "{met} of {aimed}");
}

#[test]
fn the_shipped_sites_keep_their_promises() {
    for known in SITES.iter().filter(|site| site.topology.name != "dag-sixteen") {
        let (_, tally) = told_runs(known.topology.name, 1_000..1_024, 2);
        assert_eq!(tally.failed(), 0, "{}: {:#?}", known.topology.name, tally.failures);
    }
}

#[test]
fn the_hazards_of_the_design_are_found() {
    let (_, tally) = told_runs("two-node-2010", 1..160, 2);
    for hazard in ["isolated-owner-still-mounted", "witness-on-the-only-domain-controller"] {
        let (_, met) = tally.hazards.get(hazard).unwrap_or_else(|| panic!("{hazard} was not met"));
        assert!(met.count > 0 && !met.longest.is_zero(), "{hazard}");
    }
}

#[test]
fn planted_bugs_are_found_and_made_small() {
    let source = source("two-node-2010");
    for flaw in [
        Flaw::SkipWitnessLock,
        Flaw::MissCountOffByOne,
        Flaw::NoGratuitousArp,
        Flaw::RestartBudgetIgnored,
        Flaw::LastLogsIgnored,
    ] {
        let proof = prove(flaw, &[(&source, &set())], (1, 512), 2, &Progress::default());
        let found = proof.expect("the site is sound").found;
        let found = found.unwrap_or_else(|| panic!("{} is not found", flaw.word()));
        assert!(found.shrunk_size() <= 3, "{}", found.shrunk.found.sources.scenario.text);
        assert!(found.shrunk_size() <= found.size);
        // What is left still shows it, and shows nothing once the bug is out.
        let sources = &found.shrunk.found.sources;
        let (loaded, scenario) = load::site(sources).expect("it is sound");
        let again = dagtwin::lab::run(&loaded.topology, &scenario, 1, &loaded.given);
        assert!(again.records.len() > 100);
        let text = sources.scenario.text.replace(flaw.word(), "none");
        let mended = Source { text, ..sources.scenario.clone() };
        let mended = dagtwin::model::Sources { scenario: mended, ..sources.clone() };
        let (loaded, scenario) = load::site(&mended).expect("it is sound");
        let outcome = dagtwin::lab::run(&loaded.topology, &scenario, 1, &loaded.given);
        let promise = found.shrunk.found.violation.promise;
        let broken = outcome.promises.violations.iter();
        assert!(!broken.into_iter().any(|(_, one)| one.promise == promise), "{}", flaw.word());
    }
}

#[test]
fn a_failure_leaves_a_capsule_that_shrinks_to_a_test() {
    let folder = Folder::new("swarm-capsules");
    let capsules = folder.path("failures");
    let seeds = ["--seeds", "1..65", "--set", "test.planted=no-gratuitous-arp"];
    let mut call = vec!["swarm", "two-node-2010", "--format", "json", "--capsules", &capsules];
    call.extend(seeds);
    let swarm = told(&call);
    assert_eq!(swarm.status, 1, "{}", swarm.err);
    let report: Value = serde_json::from_str(&swarm.out).expect("JSON");
    let capsule = report["capsules"][0]["file"].as_str().expect("a capsule").to_owned();
    let verified = told(&["verify", &capsule]);
    assert_eq!(verified.status, 0, "{}{}", verified.out, verified.err);
    assert!(verified.err.contains("was kept because it breaks"), "{}", verified.err);
    let small = folder.path("small.toml");
    let shrunk = told(&["shrink", &capsule, "--out", &small]);
    assert_eq!(shrunk.status, 0, "{}", shrunk.err);
    let text = std::fs::read_to_string(&small).expect("it was written");
    assert!(text.contains("test.planted") && !text.contains("inspect_time"), "{text}");
    let tested = told(&["test", &small]);
    assert_eq!(tested.status, 0, "{}{}", tested.out, tested.err);
    // Whatever its name, it is one; its own seed and topology count.
    let other = folder.path("-other");
    std::fs::copy(&capsule, &other).expect("it can be copied");
    let named = format!("--scenario={other}");
    assert_eq!(told(&["run", &named, "-q"]).status, 1);
    for given in [["--seed", "2"], ["--topology", "dag-four"], ["--capsule", "a.txt"]] {
        let refused = told(&["shrink", &other, given[0], given[1]]);
        assert_eq!(refused.status, 2, "{}", refused.err);
        assert!(refused.err.contains(given[0]), "{}", refused.err);
    }
    let again = told(&["run", "--scenario", &capsule, "--seed", "1", "--format", "json"]);
    let again: Value = serde_json::from_str(&again.out).expect("JSON");
    assert_eq!(again["planted"], "no-gratuitous-arp");
}

#[test]
fn what_breaks_nothing_cannot_be_made_small() {
    let file = "topologies/two-node-2010/scenarios/nic-loss.toml";
    let refused = told(&["shrink", file]);
    assert_eq!(refused.status, 2);
    assert!(refused.err.contains("expected a run that breaks a promise"), "{}", refused.err);
    let unknown = told(&["shrink", file, "--promise", "world-peace"]);
    assert_eq!(unknown.status, 2);
    assert!(unknown.err.contains("expected one of one-owner"), "{}", unknown.err);
    let unknown = ["swarm", "two-node-2010", "--prove", "--set", "test.planted=none"];
    let unknown = told(&unknown);
    assert_eq!(unknown.status, 2);
    assert!(unknown.err.contains("expected with --prove one of skip-"), "{}", unknown.err);
    for wrong in ["5..5", "9..2", "x..9", "7"] {
        let refused = told(&["swarm", "two-node-2010", "--seeds", wrong]);
        assert_eq!(refused.status, 2, "{wrong}");
        assert!(refused.err.contains("expected"), "{}", refused.err);
    }
}
