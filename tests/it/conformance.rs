//! The conformance kit: the six sentences of the driver's contract, put to the journals of the
//! simulator. tests/agent/conformance.rs puts them to the agent's driver alone, and the test bed to
//! whole agents, by `dagtwin verify`. Journals that break one are found.

use crate::site;
use dagtwin::base::{Instant, NicId, NodeId, OpId, Span};
use dagtwin::failover::seam::{Effect, Input, Outcome};
use dagtwin::journal::{Record, RecordNo, What};
use dagtwin::lab::conformance::{self, Sentence};
use dagtwin::model::{Scenario, Topology};
use dagtwin::sim::{Recording, simulate};

struct Run {
    topology: Topology,
    scenario: Scenario,
    records: Vec<Record>,
}

fn run(scenario: &str) -> Run {
    let built = site::named(scenario);
    let run = simulate(&built.topology, &built.scenario, 1, Recording::Memory);
    Run { topology: built.topology, scenario: built.scenario, records: run.records }
}

impl Run {
    /// What is broken when the journal was changed so.
    fn broken(mut self, change: impl FnOnce(&mut Vec<Record>)) -> Vec<Sentence> {
        change(&mut self.records);
        let judged = conformance::judge(&self.topology, Some(&self.scenario), &self.records);
        let mut broken: Vec<_> = judged.breaches.iter().map(|breach| breach.sentence).collect();
        if judged.verified.is_err() {
            broken.push(Sentence::EqualInputsEqualEffects);
        }
        broken.sort();
        broken.dedup();
        broken
    }

    fn place(&self, of: impl Fn(&Record) -> bool) -> usize {
        self.records.iter().position(of).expect("there is one")
    }
}

#[test]
fn the_simulator_keeps_every_sentence() {
    for scenario in ["nic-loss", "power-off", "cluster-service-crash", "vm-paused-60s"] {
        assert_eq!(run(scenario).broken(|_| ()), [], "{scenario}");
    }
}

#[test]
fn a_simulated_deadline_is_never_late() {
    let run = run("nic-loss");
    let late = conformance::lateness(&run.topology, Some(&run.scenario), &run.records);
    assert!(late.len() > 100, "{} wake-ups", late.len());
    assert!(late.iter().all(|span| span.is_zero()), "{:?}", late.last());
}

#[test]
fn a_moment_that_goes_back_is_found() {
    let run = run("nic-loss");
    let place = run.records.iter().rposition(|it| matches!(it.what, What::In(..)));
    let place = place.expect("something was told");
    let broken = run.broken(|records| {
        // Its effects went with it, so that nothing else is out of place.
        records.truncate(place + 1);
        records[place].at = Instant::ZERO;
    });
    assert!(broken.contains(&Sentence::NowNeverGoesBack), "{broken:?}");
}

#[test]
fn effects_out_of_order_or_left_out_are_found() {
    let two = |records: &[Record], place: usize| {
        let both = records.get(place..place + 2)?;
        let out = |it: &Record| matches!(it.what, What::Out(..));
        (both.iter().all(out) && both[0].cause == both[1].cause).then_some(place)
    };
    let run_one = run("nic-loss");
    let place = (0..run_one.records.len()).find_map(|place| two(&run_one.records, place));
    let place = place.expect("a step with two effects");
    let swapped = run_one.broken(|records| {
        let what = records[place].what.clone();
        records[place].what = records[place + 1].what.clone();
        records[place + 1].what = what;
    });
    assert_eq!(swapped, [Sentence::EqualInputsEqualEffects], "the core's order is another");
    let strayed = run("nic-loss").broken(|records| records[place + 1].cause = Some(RecordNo(0)));
    assert!(strayed.contains(&Sentence::EffectsAreDoneInOrder), "{strayed:?}");
    let moved = run("nic-loss").broken(|records| records[place + 1].at += Span::from_nanos(1));
    assert!(moved.contains(&Sentence::EffectsAreDoneInOrder), "{moved:?}");
}

#[test]
fn a_second_outcome_and_one_that_nobody_asked_for_are_found() {
    let done = |record: &Record| matches!(record.what, What::In(_, Input::Done { .. }));
    let first = run("nic-loss");
    let place = first.place(done);
    let twice = first.broken(|records| {
        let again = records[place].clone();
        records.push(Record { at: records.last().expect("some").at, ..again });
    });
    assert_eq!(twice, [Sentence::OneOutcome]);
    let foreign = run("nic-loss").broken(|records| {
        let at = records.last().expect("some").at;
        let outcome = Outcome::Ok;
        let what = What::In(NodeId(1), Input::Done { op: OpId(u32::MAX), outcome });
        records.push(Record { at, cause: None, what });
    });
    assert_eq!(foreign, [Sentence::OneOutcome]);
}

#[test]
fn an_outcome_that_waited_for_a_sending_is_found() {
    let run = run("nic-loss");
    let done = |record: &Record| matches!(record.what, What::In(_, Input::Done { .. }));
    let place = run.place(done);
    let What::In(who, _) = run.records[place].what else { panic!("an input") };
    let sent = run.records[..place].iter().position(
        |record| matches!(&record.what, What::Out(node, Effect::Send { .. }) if *node == who),
    );
    let sent = RecordNo(sent.expect("it sent something before") as u32);
    let broken = run.broken(|records| records[place].cause = Some(sent));
    assert_eq!(broken, [Sentence::NothingWaitsForASend]);
}

#[test]
fn a_deadline_that_is_forgotten_is_found() {
    let run = run("quiet");
    let (last, end) = (run.records.len() / 2, run.records[run.records.len() / 2].at);
    let told_after = |seconds: u64| {
        move |records: &mut Vec<Record>| {
            records.truncate(last + 1);
            let what = What::In(NodeId(0), Input::Link { nic: NicId(0), up: true });
            records.push(Record { at: end + Span::from_secs(seconds), cause: None, what });
        }
    };
    let broken = run.broken(told_after(10));
    assert!(broken.contains(&Sentence::DeadlineIsReadAgain), "{broken:?}");
    let soon = self::run("quiet").broken(told_after(0));
    assert!(!soon.contains(&Sentence::DeadlineIsReadAgain), "{soon:?}");
}
