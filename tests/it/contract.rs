//! The driver's contract at the head of `failover::seam`, sentence by sentence, over the inputs of
//! a whole run: what the cores of EX01 and EX02 were told is told again to fresh ones, with the
//! liberties that a driver has.

use crate::site;
use dagtwin::base::{Id, Instant, NodeId, Span};
use dagtwin::failover::Node;
use dagtwin::failover::seam::{Boot, Durable, Effect, Effects, Input, Outcome, Report, Start};
use dagtwin::journal::record::{Plant, ServiceState};
use dagtwin::journal::{Record, What};
use dagtwin::model::{Scenario, Service, Topology};
use dagtwin::sim::{Recording, simulate};

/// The first life of a node, as a run told it: its start and every input.
struct Life {
    topology: Topology,
    scenario: Scenario,
    node: NodeId,
    start: Instant,
    inputs: Vec<(Instant, Input)>,
}

impl Life {
    fn of(scenario: &str, node: usize) -> Life {
        let built = site::named(scenario);
        let run = simulate(&built.topology, &built.scenario, 1, Recording::Memory);
        let node = NodeId::at(node);
        let machine = node.into();
        let service = |record: &Record, wanted: ServiceState| {
            let service = Service::Cluster;
            record.what == What::Plant(Plant::Service { machine, service, state: wanted })
        };
        let start = run.records.iter().find(|record| service(record, ServiceState::Running));
        let start = start.expect("the service starts").at;
        let mut life =
            run.records.iter().take_while(|record| !service(record, ServiceState::Stopped));
        let inputs = life.by_ref().filter_map(|record| match &record.what {
            What::In(who, input) if *who == node => Some((record.at, input.clone())),
            _ => None,
        });
        let inputs: Vec<_> = inputs.collect();
        assert!(inputs.len() > 100, "{} inputs only", inputs.len());
        Life { topology: built.topology, scenario: built.scenario, node, start, inputs }
    }

    fn fresh(&self) -> Node {
        let database = self.topology.boot_database(&self.scenario);
        let links = vec![true; self.topology.machines[self.node.into()].nics.len()];
        let durable = Durable { epoch: 1, database, ..Durable::default() };
        let time_of_day = self.scenario.time_of_day_at(self.start);
        let start = Start::default();
        let boot = Boot { durable, links, replication_service: true, start, time_of_day };
        Node::new(self.topology.config(self.node), boot, self.start)
    }

    /// The effects of every input; `between` may do more to the node after each.
    fn told(&self, mut between: impl FnMut(&mut Node, Instant, &Input)) -> Vec<Effects> {
        let mut node = self.fresh();
        let told = self.inputs.iter().map(|(at, input)| {
            let mut effects = Effects::new();
            node.step(*at, input.clone(), &mut effects);
            between(&mut node, *at, input);
            effects
        });
        told.collect()
    }
}

#[test]
#[should_panic(expected = "time never goes back")]
fn now_never_goes_back() {
    let life = Life::of("nic-loss", 1);
    let mut node = life.fresh();
    let mut effects = Effects::new();
    node.step(life.start + Span::from_secs(1), Input::Wake, &mut effects);
    node.step(life.start, Input::Wake, &mut effects);
}

#[test]
fn nothing_is_left_inside_when_a_step_returns() {
    let life = Life::of("nic-loss", 1);
    life.told(|node, at, input| {
        // A deadline that is over would be something left to do.
        let due = node.deadline().is_some_and(|deadline| deadline.at <= at);
        assert!(!due, "{at}: {:?} after {input:?}", node.deadline());
    });
}

#[test]
fn an_operation_may_be_answered_late_or_twice_and_only_the_first_answer_counts() {
    let life = Life::of("nic-loss", 1);
    let plain = life.told(|_, _, _| ());
    let doubled = life.told(|node, at, input| {
        if let Input::Done { op, .. } = input {
            let mut effects = Effects::new();
            for outcome in [Outcome::Ok, Outcome::TimedOut] {
                node.step(at, Input::Done { op: *op, outcome }, &mut effects);
            }
            assert_eq!(effects, [], "{at}: an answer to an operation that has ended");
        }
    });
    assert_eq!(plain, doubled);
}

#[test]
fn waking_it_early_or_twice_is_harmless() {
    for node in [0, 1] {
        let life = Life::of("nic-loss", node);
        let plain = life.told(|_, _, _| ());
        let restless = life.told(|node, at, _| {
            for _ in 0..2 {
                let mut effects = Effects::new();
                node.step(at, Input::Wake, &mut effects);
                assert_eq!(effects, [], "{at}");
            }
        });
        assert_eq!(plain, restless);
    }
}

#[test]
fn equal_inputs_give_equal_effects() {
    let life = Life::of("nic-loss", 1);
    assert_eq!(life.told(|_, _, _| ()), life.told(|_, _, _| ()));
}

/// A node that is restless settles at every step; a calm one skips that. Neither may differ.
#[test]
fn a_calm_node_misses_nothing() {
    let life = Life::of("nic-loss", 1);
    let plain = life.told(|_, _, _| ());
    let disturbed = life.told(|node, at, _| {
        // News that is none: it changes nothing, and makes the node settle.
        let mut effects = Effects::new();
        let report = Report::ReplicationService { running: true };
        node.step(at, Input::Saw(report), &mut effects);
        assert_eq!(effects, [], "{at}");
    });
    assert_eq!(plain, disturbed);
}

/// For two minutes, three of ten frames are lost on every network: it takes longer, and it goes on.
#[test]
fn nothing_depends_on_a_send_arriving() {
    let mut built = site::named("forced-move");
    let toml = "[[fault]]\nat = \"25s\"\nlasts = \"120s\"\nkind = \"frame-loss\"\nnetwork = \"MAPI\"\nshare = \"30%\"\n\n\
                [[fault]]\nat = \"25s\"\nlasts = \"120s\"\nkind = \"frame-loss\"\nnetwork = \"Replication\"\nshare = \"30%\"\n";
    let text = format!("title = \"loss\"\nuntil = \"5m\"\n\n{toml}");
    let loss = dagtwin::model::load::scenario("loss", "loss", &text, &built.topology);
    built.scenario.faults = loss.expect("it loads").faults;
    for seed in 1..=5 {
        let run = simulate(&built.topology, &built.scenario, seed, Recording::Memory);
        let sent = |record: &&Record| matches!(record.what, What::Out(_, Effect::Send { .. }));
        let lost = |record: &&Record| matches!(record.what, What::Plant(Plant::FrameLost { .. }));
        let (sent, lost) =
            (run.records.iter().filter(sent).count(), run.records.iter().filter(lost).count());
        assert!(lost * 12 > sent, "{lost} of {sent} lost");
        let outcome = dagtwin::lab::run(
            &built.topology,
            &built.scenario,
            seed,
            &dagtwin::model::load::Given::new(),
        );
        assert!(outcome.promises.violations.is_empty(), "{:?}", outcome.verdict);
        let group = outcome.end.groups.values().last().expect("CASArray");
        assert_eq!(group.owner, Some(NodeId::at(1)), "seed {seed}: the order was carried out");
    }
}
