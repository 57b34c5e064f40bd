//! What faults do, seen in the records of whole runs.

use crate::site::{self, Built};
use dagtwin::base::{Instant, MachineId, NetId, NodeId, Ratio, Span};
use dagtwin::failover::message::Message;
use dagtwin::failover::seam::{Effect, Input, Note};
use dagtwin::journal::record::{Lost, Plant, ServiceState};
use dagtwin::journal::{Record, RecordNo, What};
use dagtwin::model::{Fault, Service};
use dagtwin::sim::{Recording, simulate};
use std::collections::BTreeMap;

const EX01: NodeId = NodeId(0);
const EX02: NodeId = NodeId(1);

fn records(built: &Built) -> Vec<Record> {
    simulate(&built.topology, &built.scenario, 1, Recording::Memory).records
}

fn seconds(seconds: u64) -> Instant {
    Instant::ZERO + Span::from_secs(seconds)
}

/// Every frame that arrived: who has it, when, how long it took, and the record of its sending.
fn arrivals(
    built: &Built,
    records: &[Record],
    network: NetId,
) -> Vec<(NodeId, Instant, Span, RecordNo)> {
    let nics = |node: NodeId| &built.topology.machines[MachineId::from(node)].nics;
    let arrived = records.iter().filter_map(|record| match &record.what {
        What::In(to, Input::Frame { nic, .. }) if nics(*to)[*nic].network == network => {
            let sent = record.cause?;
            let took = record.at.since(records[sent.0 as usize].at);
            Some((*to, record.at, took, sent))
        }
        _ => None,
    });
    arrived.collect()
}

#[test]
fn frames_are_doubled_and_held_back_while_the_switch_is_faulty_and_no_longer() {
    let built = site::named("frames-in-disorder");
    let records = records(&built);
    let found = arrivals(&built, &records, NetId(0));
    let mut copies: BTreeMap<RecordNo, usize> = BTreeMap::new();
    for (.., sent) in &found {
        *copies.entry(*sent).or_default() += 1;
    }
    let sent = |no: &RecordNo| records[no.0 as usize].at;
    let faulty = |at: Instant| (seconds(60)..seconds(240)).contains(&at);
    let (during, outside): (Vec<_>, Vec<_>) = copies.iter().partition(|(no, _)| faulty(sent(no)));
    let doubled = during.iter().filter(|(_, count)| **count == 2).count();
    let share = doubled * 100 / during.len();
    assert!((6..=14).contains(&share), "{doubled} of {} came twice", during.len());
    assert!(outside.iter().all(|(_, count)| **count == 1));
    let most = Span::from_millis(1);
    let late = |during: bool| {
        let late = found.iter().filter(|(.., took, _)| *took > most);
        late.filter(|(.., no)| faulty(sent(no)) == during).count()
    };
    let share = late(true) * 100 / found.iter().filter(|(.., no)| faulty(sent(no))).count();
    assert!((40..=60).contains(&share), "{share} % were held back");
    assert_eq!(late(false), 0);
    let overtaken = found.windows(2).any(|pair| {
        pair[0].0 == pair[1].0 && sent(&pair[0].3) > sent(&pair[1].3).saturating_add(most)
    });
    assert!(overtaken, "a later frame comes first");
    let (_, elsewhere): (Vec<_>, Vec<_>) =
        arrivals(&built, &records, NetId(1)).into_iter().partition(|(.., took, _)| *took <= most);
    assert!(elsewhere.is_empty(), "the other network is sound");
}

#[test]
fn a_slow_path_is_slow_one_way() {
    let built = site::named("one-way-delay");
    let found = arrivals(&built, &records(&built), NetId(0));
    let within = |to: NodeId| {
        let there = found
            .iter()
            .filter(move |(node, at, ..)| *node == to && (seconds(61)..seconds(240)).contains(at));
        there.map(|(_, _, took, _)| *took)
    };
    assert!(within(EX02).count() > 100 && within(EX01).count() > 100);
    let (slow, fast) = (Span::from_millis(250), Span::from_millis(1));
    assert!(within(EX02).all(|took| took >= slow && took <= slow + fast));
    assert!(within(EX01).all(|took| took <= fast));
}

#[test]
fn a_path_that_loses_one_way_loses_a_share_of_that_way_only() {
    let mut built = site::named("one-way-delay");
    let lost = |built: &Built| {
        let records = records(built);
        let heartbeats = [EX01, EX02].map(|node| heartbeats(&records, node, 61, 240));
        let lost = [EX01, EX02].map(|node| {
            let by_chance = |record: &&Record| {
                matches!(record.what, What::Plant(Plant::FrameLost { from, why: Lost::Chance, .. })
                    if from == node)
            };
            records.iter().filter(by_chance).count() as u64
        });
        (heartbeats, lost)
    };
    let [planned] = &mut built.scenario.faults[..] else { panic!("one fault") };
    let (network, from, to) = (NetId(0), EX01.into(), EX02.into());
    let share = Ratio::new(30, 100).expect("a share");
    planned.fault = Fault::PathLoss { network, from, to, share, one_way: true };
    let (sent, found) = lost(&built);
    assert!(found[0] > sent[0] / 5, "{found:?} lost, {sent:?} heartbeats sent");
    assert_eq!(found[1], 0);
    built.scenario.faults[0].fault = Fault::PathLoss { network, from, to, share, one_way: false };
    assert!(lost(&built).1.iter().all(|lost| *lost > sent[0] / 5));
}

/// Heartbeats that a node sends in a stretch of a run.
fn heartbeats(records: &[Record], node: NodeId, from: u64, to: u64) -> u64 {
    let sent = records.iter().filter(|record| {
        let request = matches!(
            &record.what,
            What::Out(by, Effect::Send { message: Message::Request { .. }, .. }) if *by == node
        );
        request && (seconds(from)..seconds(to)).contains(&record.at)
    });
    sent.count() as u64
}

#[test]
fn a_fast_clock_sends_more_heartbeats_until_it_is_right_again() {
    let records = records(&site::named("clock-fast"));
    let during = [EX01, EX02].map(|node| heartbeats(&records, node, 60, 660));
    let after = [EX01, EX02].map(|node| heartbeats(&records, node, 670, 870));
    assert!(during[1].abs_diff(during[0] * 110 / 100) <= 4, "{during:?}");
    assert!(after[1].abs_diff(after[0]) <= 4, "{after:?}");
}

/// When a service of a machine became what, as long as a run.
fn states(records: &[Record], of: NodeId, service: Service) -> Vec<(Instant, ServiceState)> {
    let changes = records.iter().filter_map(|record| match record.what {
        What::Plant(Plant::Service { machine, service: which, state }) => {
            ((machine, which) == (of.into(), service)).then_some((record.at, state))
        }
        _ => None,
    });
    changes.collect()
}

#[test]
fn a_crashed_service_is_started_again_after_its_delay() {
    let crash = |name: &str, service| {
        let built = site::named(name);
        let settings = built.topology.settings.clone();
        let states = states(&records(&built), EX01, service);
        (settings, states.into_iter().filter(|(at, _)| *at >= seconds(60)).collect::<Vec<_>>())
    };
    let both = |delay| {
        vec![(seconds(60), ServiceState::Stopped), (seconds(60) + delay, ServiceState::Running)]
    };
    let (settings, found) = crash("store-crash", Service::Store);
    assert_eq!(found, both(settings.service_control_manager.restart_delay));
    let (settings, found) = crash("cluster-service-crash", Service::Cluster);
    assert_eq!(found, both(settings.cluster.service_restart_delay));
}

/// A service that stops in good order says so; one that crashes does not.
#[test]
fn a_crash_is_told_to_nobody_and_a_reboot_is() {
    let lost = |name: &str| {
        let records = records(&site::named(name));
        let lost = records.iter().find(|record| {
            matches!(&record.what, What::Out(node, Effect::Note(Note::PeerLost { .. }))
                if *node == EX02)
                && record.at >= seconds(60)
        });
        lost.map(|record| record.at.since(seconds(60)))
    };
    let crash = lost("cluster-service-crash").expect("EX02 misses heartbeats");
    assert!(crash >= Span::from_secs(4), "{crash}: as long as heartbeats are missed");
    let reboot = site::named("reboot");
    let records = records(&reboot);
    let stopped = states(&records, EX01, Service::Cluster);
    let (at, _) = stopped.into_iter().find(|(at, _)| *at >= seconds(60)).expect("it stops");
    assert!(at < seconds(60) + reboot.topology.settings.power.shutdown_time, "before it is off");
}

#[test]
fn a_dns_server_that_refuses_is_asked_again() {
    let built = site::named("dns-refuses-and-is-stale");
    let records = records(&built);
    let failed = records
        .iter()
        .filter(|record| matches!(record.what, What::Plant(Plant::DnsUpdateFailed { .. })));
    let failed: Vec<Instant> = failed.map(|record| record.at).collect();
    assert!(!failed.is_empty(), "EX02 registers the name");
    assert!(failed.iter().all(|at| (seconds(30)..seconds(210)).contains(at)), "{failed:?}");
}
