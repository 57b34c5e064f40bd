//! What the cores decided in a run, fresh cores decide again from the recorded inputs.

use crate::program::told;
use crate::site;
use dagtwin::failover::seam::{Effect, Note};
use dagtwin::journal::What;
use dagtwin::lab::replay::verify;
use dagtwin::sim::{Recording, simulate};

#[test]
fn every_scenario_verifies() {
    for built in site::all() {
        let recorded = simulate(&built.topology, &built.scenario, 1, Recording::Memory);
        let verified = verify(&built.topology, Some(&built.scenario), &recorded.records);
        let verified = verified.unwrap_or_else(|differs| panic!("{}: {differs:#?}", built.name));
        assert!(verified.inputs > 100, "{}: {verified:?}", built.name);
        assert!(verified.lives >= built.topology.nodes as u64, "{}: {verified:?}", built.name);
    }
}

#[test]
fn a_changed_effect_is_found_where_it_is() {
    let built = site::named("nic-loss");
    let recorded = simulate(&built.topology, &built.scenario, 1, Recording::Memory);
    let is_loss = |what: &What| matches!(what, What::Out(_, Effect::Note(Note::PeerLost { .. })));
    let place = recorded.records.iter().position(|record| is_loss(&record.what));
    let place = place.expect("a node loses its peer");

    let mut changed = recorded.records.clone();
    let What::Out(node, effect) = &mut changed[place].what else { panic!("an effect") };
    *effect = Effect::Note(Note::Started);
    let node = *node;
    let differs =
        verify(&built.topology, Some(&built.scenario), &changed).expect_err("a difference");
    assert_eq!((differs.node, Some(differs.input)), (node, changed[place].cause));
    assert_eq!(differs.recorded, Some(Effect::Note(Note::Started)));

    let mut without = recorded.records;
    without[place].what = What::Step { index: 0 };
    let differs =
        verify(&built.topology, Some(&built.scenario), &without).expect_err("a difference");
    assert_eq!(Some(differs.input), without[place].cause);
}

/// A small journal that is kept, so that a change of the format or of the core's decisions shows.
/// `UPDATE=1` writes it anew; a changed format wants another `Header::FORMAT` as well.
#[test]
fn the_kept_journal_is_read_and_verified() {
    let kept = "tests/journals/nic-loss.dagtwin";
    if crate::source::updating() {
        let small = ["--set", "clients.count=1", "--until", "2m", "--journal", kept, "--quiet"];
        let run = told(&[&["run", "--scenario", "nic-loss"], small.as_slice()].concat());
        assert_eq!(run.status, 0, "{}", run.err);
    }
    let verified = told(&["verify", kept]);
    assert_eq!(verified.status, 0, "{}", verified.err);
    assert!(verified.out.contains("gave the recorded"), "{}", verified.out);
    let why = told(&["why", kept]);
    assert!(why.out.contains("nic-down on EX01") && why.out.contains("mounted"), "{}", why.out);
}
