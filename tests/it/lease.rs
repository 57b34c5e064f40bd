//! Fencing by time in the simulator: lengths that fit, and an attack that would find it if they or
//! the bonds were not kept.

use dagtwin::base::{MachineId, NodeId, Span};
use dagtwin::failover::config::Flaw;
use dagtwin::failover::seam::{Effect, Note};
use dagtwin::journal::What;
use dagtwin::journal::record::Plant;
use dagtwin::lab::pool::Progress;
use dagtwin::lab::swarm::{Site, Tally, prove, round};
use dagtwin::model::builtin::SITES;
use dagtwin::model::load::{self, Wish};
use dagtwin::model::settings::Settings;
use dagtwin::model::{Problem, Scenario, Source, Topology};
use dagtwin::sim::{Recording, simulate};

const NAME: &str = "two-node-2010";

fn source() -> Source {
    named(NAME)
}

fn named(name: &str) -> Source {
    let site = SITES.iter().find(|site| site.topology.name == name).expect("a built-in site");
    let (file, text) = (site.topology.path.to_owned(), site.topology.text.to_owned());
    Source { file, name: name.to_owned(), text }
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

fn loaded(source: &Source, text: &str) -> (Topology, Scenario) {
    let wishes = load::wishes("given", text);
    let topology = load::topology(&source.file, &source.text, &wishes).expect("sound").topology;
    let scenario = load::scenario("given", "given", text, &topology).expect("it is sound");
    (topology, scenario)
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
        let proof = prove(flaw, &[(&source(), &set(&[]))], (1, 1_024), 2, &Progress::default());
        let found = proof.expect("the site is sound").found;
        let found = found.unwrap_or_else(|| panic!("{} is not found", flaw.word()));
        assert!(found.shrunk_size() <= 3, "{}", found.shrunk.found.sources.scenario.text);
    }
}

/// Of more than two, any may have bound itself to the one that is lost until it took the new view:
/// whoever takes over keeps that, also in the very step in which it took the view.
#[test]
fn of_four_nobody_takes_over_before_what_others_may_have_said_is_over() {
    let (source, wait) = (named("dag-four"), Span::from_secs(4));
    let text = "title = \"EX01 stands still\"\nuntil = \"90s\"\n[set]\n\"lease.enabled\" = \"true\"\n\
                [[fault]]\nat = \"60s\"\nlasts = \"20s\"\nkind = \"freeze\"\nmachine = \"EX01\"\n";
    let (topology, scenario) = loaded(&source, text);
    for seed in 1..=4 {
        let records = simulate(&topology, &scenario, seed, Recording::Memory).records;
        let views = records.iter().filter(|record| match &record.what {
            What::Out(_, Effect::Note(Note::View { gone, .. })) => gone.contains(NodeId(0)),
            _ => false,
        });
        let taken = views.map(|record| record.at).max().expect("it is missed");
        let claims = records.iter().filter(|record| record.at >= taken);
        let first = claims.filter_map(|record| match record.what {
            What::Plant(Plant::GratuitousArp { .. } | Plant::Mounted { .. }) => Some(record.at),
            _ => None,
        });
        let first = first.min().expect("somebody takes over");
        assert!(first >= taken + wait, "seed {seed}: {first} after a view of {taken}");
    }
}

/// Whoever takes leave has ended to serve: nobody waits for what it was told, and the one that is
/// left serves on while it wins the witness.
#[test]
fn a_member_that_is_stopped_in_good_order_keeps_nobody_waiting() {
    let source = source();
    let text = "title = \"EX01 is stopped\"\nuntil = \"120s\"\n[set]\n\"lease.enabled\" = \"true\"\n\
                [[step]]\ntext = \"stop\"\nat = \"60s\"\norder = \"Stop-ClusterNode EX01\"\n";
    let (topology, scenario) = loaded(&source, text);
    for seed in 1..=4 {
        let records = simulate(&topology, &scenario, seed, Recording::Memory).records;
        let ends = |member: MachineId| {
            records.iter().any(|record| match record.what {
                What::Plant(Plant::Lease { machine, runs }) => machine == member && !runs,
                _ => false,
            })
        };
        assert!(ends(MachineId(0)), "seed {seed}: EX01 serves nothing any more");
        assert!(!ends(MachineId(1)), "seed {seed}: EX02 serves all the while");
    }
}
