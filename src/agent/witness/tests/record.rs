//! The names: which are records, and which are refused.

use super::super::record::{Record, Unfit};
use super::record;

fn of<const N: usize>(names: [&str; N]) -> Result<Option<Record>, Unfit> {
    Record::of_names(names)
}

#[test]
fn the_name_is_readable_and_stays_as_it_is() {
    assert_eq!(record(Some(2), 7, 42).name(), "witness-1.owner-2.epoch-7.counter-42");
    assert_eq!(Record::FIRST.name(), "witness-1.owner-nobody.epoch-0.counter-0");
}

#[test]
fn every_record_is_read_as_it_was_written() {
    for owner in [None, Some(0), Some(1), Some(255)] {
        for epoch in [0, 1, 9, 10, u64::MAX] {
            for counter in [0, 1, 9, 10, u64::MAX] {
                let record = record(owner, epoch, counter);
                let name = record.name();
                assert_eq!(of([&name]), Ok(Some(record)));
                let taken = |letter: char| letter.is_ascii_alphanumeric() || "-.".contains(letter);
                assert!(name.len() < 100 && name.chars().all(taken), "{name}");
            }
        }
    }
}

#[test]
fn what_is_named_otherwise_is_none_of_ours() {
    let record = record(Some(2), 7, 42);
    let others =
        ["", ".", "..", "boot", "boot.new", "witness", "witness_1", "witnesss-1", "wîtness-"];
    for other in others {
        assert_eq!(of([other]), Ok(None), "{other:?}");
        assert_eq!(of([other, &record.name()]), Ok(Some(record)), "{other:?}");
    }
}

#[test]
fn what_is_named_like_a_record_and_is_none_is_refused() {
    let foreign = [
        "witness-",
        "witness-1",
        "witness-1.",
        "witness-notes.txt",
        "witness-1.owner-2.epoch-7",
        "witness-1.owner-2.epoch-7.counter-",
        "witness-1.owner-2.epoch-7.counter-42.",
        "witness-1.owner-2.epoch-7.counter-42.bak",
        "witness-1.owner-2.epoch-7.counter-42 ",
        "witness-1.owner-2.epoch-7.counter-42\n",
        "witness-1.owner-2.epoch-7.counter-042",
        "witness-1.owner-2.epoch-7.counter-+42",
        "witness-1.owner-2.epoch-7.counter--1",
        "witness-1.owner-2.epoch-07.counter-42",
        "witness-1.owner-02.epoch-7.counter-42",
        "witness-1.owner-256.epoch-7.counter-42",
        "witness-1.owner-.epoch-7.counter-42",
        "witness-1.owner-Nobody.epoch-7.counter-42",
        "witness-1.epoch-7.owner-2.counter-42",
        "witness-1.owner-2.epoch-7.counter-18446744073709551616",
        "Witness-1.owner-2.epoch-7.counter-42",
        "WITNESS-1.OWNER-2.EPOCH-7.COUNTER-42",
        "witness-x.owner-2.epoch-7.counter-42",
        "witness-١.owner-2.epoch-7.counter-42",
    ];
    let right = record(Some(2), 7, 42).name();
    for name in foreign {
        let refused = Err(Unfit::Foreign(name.to_owned()));
        assert_eq!(of([name]), refused);
        assert_eq!(of([&right, name]), refused, "beside a record too");
    }
    let told = Unfit::Foreign("witness-\u{7}".to_owned()).to_string();
    assert!(told.contains(r#""witness-\u{7}""#), "{told}");
}

#[test]
fn another_version_is_told() {
    for (name, version) in [
        ("witness-2", "2"),
        ("witness-2.owner-2.epoch-7.counter-42", "2"),
        ("witness-10.everything is different", "10"),
    ] {
        assert_eq!(of([name]), Err(Unfit::Version(version.to_owned())), "{name}");
    }
    assert!(Unfit::Version("2".to_owned()).to_string().contains("version 2"));
}

#[test]
fn of_several_records_the_newest_is_told() {
    let (old, new) = (record(Some(1), 9, 41).name(), record(Some(2), 7, 42).name());
    let first = Record::FIRST.name();
    let several = Unfit::Several { newest: new.clone(), older: vec![first.clone(), old.clone()] };
    for names in [[&first, &old, &new], [&new, &old, &first], [&old, &new, &first]] {
        let names = names.map(String::as_str);
        assert_eq!(of(names), Err(several.clone()));
    }
    let told = several.to_string();
    assert!([&first, &old, &new].iter().all(|name| told.contains(*name)), "{told}");
    // Of one counter, as after a copy by hand.
    let (one, two) = (record(None, 7, 42).name(), record(Some(2), 7, 42).name());
    let several = Unfit::Several { newest: two.clone(), older: vec![one.clone()] };
    assert_eq!(of([&two, &one]), Err(several));
}

#[test]
fn a_listing_during_a_renaming_is_made_again() {
    let (old, new) = (record(Some(1), 7, 41).name(), record(Some(1), 7, 42).name());
    assert!(Record::is_unsettled(&of([])));
    assert!(Record::is_unsettled(&of([&old, &new])));
    assert!(!Record::is_unsettled(&of([&new])));
    assert!(!Record::is_unsettled(&of(["witness-2"])));
    assert!(!Record::is_unsettled(&of(["witness-x"])));
}
