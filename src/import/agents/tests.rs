//! Two members' journals, made by hand.

use super::*;
use crate::base::{CopyId, DbId, Instant, NicId, NodeId, OpId, Span};
use crate::failover::seam::{
    Act, Boot, ContentIndex, CopyStatus, Durable, Effect, Input, Outcome, Start,
};
use crate::journal::record::{AgentEvent, Plant};
use crate::journal::{Record, RecordNo, What};
use crate::model::{Topology, builtin, load};

const ONE: NodeId = NodeId(0);
const OTHER: NodeId = NodeId(1);

fn at(millis: u64) -> Instant {
    Instant::ZERO + Span::from_millis(millis)
}

fn record(millis: u64, cause: Option<u32>, what: What) -> Record {
    Record { at: at(millis), cause: cause.map(RecordNo), what }
}

fn clock(node: NodeId, booted: u64, boot: u128) -> Record {
    record(booted, None, What::Agent(node, AgentEvent::Clock { booted: at(booted), boot }))
}

fn begins(node: NodeId, millis: u64) -> Record {
    let boot = Boot {
        durable: Durable::default(),
        links: vec![true],
        replication_service: true,
        start: Start::default(),
        time_of_day: Span::ZERO,
    };
    record(millis, None, What::Agent(node, AgentEvent::Boot(Box::new(boot))))
}

fn link(node: NodeId, millis: u64) -> Record {
    record(millis, None, What::In(node, Input::Link { nic: NicId(0), up: true }))
}

fn came(to: NodeId, millis: u64, from: NodeId, life: u64, number: u32) -> Record {
    let came = AgentEvent::Came { from, life: at(life), record: RecordNo(number) };
    record(millis, None, What::Agent(to, came))
}

fn part<'j>(file: &'j str, records: &'j [Record]) -> Part<'j> {
    Part { file, records }
}

fn millis(merged: &Merged) -> Vec<u64> {
    merged.records.iter().map(|record| record.at.as_nanos() / 1_000_000).collect()
}

#[test]
fn journals_of_one_boot_are_laid_by_its_clock() {
    // The first counts from 1,000 ms before its boot's zero, the other from 5,000 ms.
    let one = [clock(ONE, 1_000, 7), begins(ONE, 1_010), link(ONE, 1_030)];
    let other = [clock(OTHER, 5_000, 7), begins(OTHER, 5_020), came(OTHER, 5_040, ONE, 1_010, 2)];
    let merged = merge(&[part("one", &one), part("other", &other)], None).expect("both are placed");
    assert_eq!(millis(&merged), [0, 0, 10, 20, 30, 40]);
    assert_eq!(merged.records[5].cause, Some(RecordNo(4)), "what came was sent by the first");
    assert_eq!(merged.zero, 0);
    let later = merge(&[part("one", &one), part("other", &other)], Some(25_000_000));
    assert_eq!(millis(&later.expect("both")), [0, 0, 0, 0, 5, 15], "what was before stands at 0");
}

#[test]
fn clocks_of_two_machines_are_told_by_frames_both_ways() {
    // The other machine's boottime is 300 ms ahead; a frame takes 2 ms at the least.
    let one = [
        clock(ONE, 0, 1),
        begins(ONE, 10),
        link(ONE, 100),
        came(ONE, 152, OTHER, 310, 2),
        link(ONE, 200),
    ];
    let other = [
        clock(OTHER, 0, 2),
        begins(OTHER, 310),
        link(OTHER, 450),
        came(OTHER, 452, ONE, 10, 2),
        came(OTHER, 502, ONE, 10, 4),
    ];
    let merged = merge(&[part("one", &one), part("other", &other)], None).expect("both are placed");
    // Of the frames 100 -> 452 and 200 -> 502 (302) and 450 -> 152 (-298) the middle is 300.
    let placed: Vec<(u64, NodeId)> = merged
        .records
        .iter()
        .filter_map(|record| match record.what {
            What::In(node, _) => Some((record.at.as_nanos() / 1_000_000, node)),
            _ => None,
        })
        .collect();
    // The other's clock record stands at its boot, 300 ms before the first one's.
    assert_eq!(placed, [(400, ONE), (450, OTHER), (500, ONE)]);
    let silent = [clock(OTHER, 0, 2), begins(OTHER, 310)];
    let failed = merge(&[part("one", &one), part("other", &silent)], None);
    assert_eq!(failed.expect_err("no frames").file, "other");
    let took = frames(&[part("one", &one), part("other", &other)]).expect("both are placed");
    assert_eq!(
        took,
        [2, 2, 52].map(Span::from_millis),
        "two took as long as they can at the least"
    );
    assert!(frames(&[part("one", &one), part("other", &silent)]).is_err());
    let foreign = [link(OTHER, 1)];
    assert!(merge(&[part("foreign", &foreign)], None).is_err(), "no agent's journal");
}

fn topology() -> Topology {
    let site = &builtin::SITES[0].topology;
    load::topology(site.path, site.text, &[]).expect("it is built in").topology
}

#[test]
fn operations_that_succeeded_tell_settings() {
    let ask =
        |millis, op, act| record(millis, None, What::Out(ONE, Effect::Do { op: OpId(op), act }));
    let done = |millis, op, outcome| {
        record(millis, None, What::In(ONE, Input::Done { op: OpId(op), outcome }))
    };
    let mount = || Act::Mount(DbId(0));
    let copy = CopyId { database: DbId(0), node: ONE };
    let is = |millis, status| {
        let (copy_queue, replay_queue, content_index) = (0, 0, ContentIndex::Healthy);
        let what = Plant::Copy { copy, status, copy_queue, replay_queue, content_index };
        record(millis, None, What::Plant(what))
    };
    let records = [
        ask(10, 1, mount()),
        done(35, 1, Outcome::Ok),
        ask(40, 2, mount()),
        done(41, 2, Outcome::TimedOut),
        ask(50, 3, mount()),
        done(95, 3, Outcome::Ok),
        ask(100, 4, mount()),
        begins(ONE, 110),
        done(120, 4, Outcome::Ok),
    ];
    let mut found = Durations::default();
    durations(&topology(), &records, &mut found);
    let expected = [25, 45].map(Span::from_millis);
    assert_eq!(found[&Operation::Mount], expected, "one timed out, one was another life's");
    let settings = measured(&found);
    assert_eq!((settings[0].key, settings[0].value.as_str()), ("store.mount_time", "45000us"));
    assert_eq!(settings[0].times, 2);
    let promoted = [
        is(200, CopyStatus::Healthy),
        ask(210, 5, mount()),
        is(211, CopyStatus::Mounted),
        done(217, 5, Outcome::Ok),
        ask(220, 6, mount()),
        done(299, 6, Outcome::Ok),
    ];
    durations(&topology(), &promoted, &mut found);
    let settings = measured(&found);
    assert_eq!((settings[0].value.as_str(), settings[0].times), ("7000us", 1), "one of three");
    assert_eq!(settings.len(), 1);
}

#[test]
fn every_measured_setting_is_one_of_the_model() {
    let all = [
        Operation::ClaimWitness,
        Operation::AddressOnline,
        Operation::NameOnline,
        Operation::ServiceOnline,
        Operation::Offline,
        Operation::Promote,
        Operation::Mount,
        Operation::Dismount,
        Operation::CopyStatus,
        Operation::Frame,
    ];
    let durations: Durations =
        all.iter().map(|operation| (*operation, vec![Span::from_micros(12_345)])).collect();
    let site = &builtin::SITES[0].topology;
    for setting in measured(&durations) {
        let wish = load::Wish::of_command_line(setting.key, &setting.value);
        let loaded = load::topology(site.path, site.text, &[wish]);
        assert!(loaded.is_ok(), "{} = {}", setting.key, setting.value);
    }
}

#[test]
fn a_result_has_one_journal_or_several() {
    let text = r#"{"fault": "nics-down", "fault_at_boottime_ns": 5,
        "hosts": {"EX01": {"journal": "a"}, "EX02": {"journals": ["b", "c"]}},
        "http": {"outage_ns": 1, "first_missed_ns": null, "first_answer_ns": null}}"#;
    let seen = observed(text).expect("it is right");
    let paths: Vec<_> = seen.hosts.values().flat_map(Journals::paths).collect();
    assert_eq!(paths, ["a", "b", "c"]);
    let wrong = observed(&text.replace("\"fault\"", "\"fehler\"")).expect_err("no fault");
    assert!(wrong.contains("missing field `fault`"), "{wrong}");
}
