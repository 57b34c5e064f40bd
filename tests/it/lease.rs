//! Fencing by time in the simulator: lengths that fit, and an attack that would find it if they or
//! the bonds were not kept.

use dagtwin::failover::config::Flaw;
use dagtwin::lab::pool::Progress;
use dagtwin::lab::swarm::{Site, Tally, prove, round};
use dagtwin::model::builtin::SITES;
use dagtwin::model::load::{self, Wish};
use dagtwin::model::settings::Settings;
use dagtwin::model::{Problem, Source};

const NAME: &str = "two-node-2010";

fn source() -> Source {
    let site = SITES.iter().find(|site| site.topology.name == NAME).expect("a built-in site");
    let (file, text) = (site.topology.path.to_owned(), site.topology.text.to_owned());
    Source { file, name: NAME.to_owned(), text }
}

fn settings(wishes: &[(&str, &str)]) -> Result<Settings, Vec<Problem>> {
    let wishes: Vec<Wish> =
        wishes.iter().map(|(key, text)| Wish::of_command_line(key, text)).collect();
    let source = source();
    load::topology(&source.file, &source.text, &wishes).map(|loaded| loaded.topology.settings)
}

#[test]
fn lengths_follow_the_heartbeats_and_must_fit_them() {
    let usual = settings(&[]).expect("it is sound");
    assert!(!usual.lease.enabled, "Windows has none");
    assert_eq!(usual.get("lease.length").as_deref(), Some("1500ms"));
    let fast = settings(&[("cluster.same_subnet_delay", "250ms"), ("lease.enabled", "true")]);
    let fast = fast.expect("it is sound");
    for (key, text) in [
        ("lease.length", "375ms"),
        ("lease.interval", "62500us"),
        ("lease.send", "12500us"),
        ("lease.witness_patience", "1s"),
        ("lease.witness_interval", "125ms"),
    ] {
        assert_eq!(fast.get(key).as_deref(), Some(text), "{key}");
    }
    for (key, text, expected) in [
        ("lease.length", "3700ms", "below 4s"),
        ("lease.interval", "701ms", "at most half of the length"),
        ("lease.witness_interval", "1001ms", "at most a quarter"),
    ] {
        assert!(settings(&[(key, text)]).is_ok(), "{key}: not without leases");
        let wrong = settings(&[("lease.enabled", "true"), (key, text)]).expect_err("it misfits");
        assert!(wrong[0].expected.contains(expected), "{key}: {wrong:?}");
    }
}

fn set(more: &[(&str, &str)]) -> Vec<(String, String)> {
    // The clocks that a swarm draws are 4 % apart at most.
    let all = [("clients.count", "1"), ("lease.drift", "50000")];
    let all = all.iter().chain(more);
    all.map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect()
}

#[test]
fn members_that_are_taken_apart_never_both_answer() {
    for delay in ["1s", "250ms"] {
        let set = set(&[("lease.enabled", "true"), ("cluster.same_subnet_delay", delay)]);
        let site = Site::new(NAME, source(), set).expect("it is sound");
        let mut tally = Tally::default();
        round(&site, &mut tally, 5_000..5_064, 2, &Progress::default(), &mut |_| {});
        assert_eq!(tally.failed(), 0, "{delay}: {:#?}", tally.failures);
    }
}

#[test]
fn a_lease_that_is_too_long_and_bonds_that_are_not_kept_are_found() {
    for flaw in [Flaw::LeaseOutlivesBound, Flaw::BondsNotKept] {
        let proof = prove(flaw, &[(&source(), &set(&[]))], (1, 256), 2, &Progress::default());
        let found = proof.expect("the site is sound").found;
        let found = found.unwrap_or_else(|| panic!("{} is not found", flaw.word()));
        assert!(found.shrunk_size() <= 3, "{}", found.shrunk.found.sources.scenario.text);
    }
}
