//! When a name is tried, without a server.

use super::super::registration::{Act, Attempt, LONGEST_DELAY, Registration, Status};
use super::super::{Error, Fault, Outcome, Registered, Withdrawn};
use super::{ONE, THREE, TWO, host};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn new(known: Option<Ipv4Addr>) -> Registration {
    Registration::new(host("casarray.example.test"), known)
}

fn server() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 53))
}

fn silence() -> Result<Outcome, Error> {
    Err(Error::NoAnswer { server: server(), waited: at(1), heard: Default::default() })
}

fn changed() -> Result<Outcome, Error> {
    Ok(Outcome::Registered(Registered::Changed { before: vec![] }))
}

fn conflict(addresses: &[Ipv4Addr]) -> Result<Outcome, Error> {
    Ok(Outcome::Registered(Registered::Conflict { addresses: addresses.to_vec() }))
}

fn register(address: Ipv4Addr, known: Option<Ipv4Addr>) -> Act {
    Act::Register { address, ttl: 60, known }
}

fn begin(registration: &mut Registration, now: Duration) -> Attempt {
    assert!(registration.deadline().is_some_and(|due| due <= now));
    let attempt = registration.begin(now).expect("it is due");
    assert_eq!(registration.deadline(), None, "one at a time");
    assert_eq!(registration.begin(now), None, "one at a time");
    attempt
}

#[test]
fn registers_once_and_rests() {
    let mut it = new(None);
    assert_eq!((it.deadline(), it.begin(at(9))), (None, None));
    it.want(at(10), ONE, 60);
    assert_eq!(it.begin(at(9)), None, "early");
    let attempt = begin(&mut it, at(10));
    assert_eq!(attempt.act, register(ONE, None));
    assert_eq!(it.end(at(11), attempt.number + 1, changed()), None, "another's end");
    assert_eq!(it.end(at(11), attempt.number, changed()), Some(&Status::Registered));
    assert_eq!(it.end(at(11), attempt.number, changed()), None, "twice");
    assert_eq!((it.deadline(), it.known()), (None, Some(ONE)));
    it.want(at(20), ONE, 60);
    assert_eq!(it.deadline(), None, "the same again");
    it.again(at(21));
    let attempt = begin(&mut it, at(21));
    assert_eq!(attempt.act, register(ONE, Some(ONE)));
    let already = Ok(Outcome::Registered(Registered::Already));
    assert_eq!(it.end(at(21), attempt.number, already), Some(&Status::Registered));
}

#[test]
fn waits_longer_after_each_failure_and_says_it_once() {
    let mut it = new(Some(TWO));
    let mut now = at(0);
    it.want(now, ONE, 60);
    for (turn, delay) in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600].into_iter().enumerate() {
        let attempt = begin(&mut it, now);
        assert_eq!(attempt.act, register(ONE, Some(TWO)));
        let news = it.end(now, attempt.number, silence()).is_some();
        assert_eq!(news, turn == 0, "turn {turn}");
        assert_eq!(it.deadline(), Some(now + at(delay)));
        now += at(delay);
    }
    let Status::Failing { fault, since, attempts, .. } = it.status() else { panic!() };
    assert_eq!((*fault, *since, *attempts), (Fault::NoAnswer, at(0), 12));
    let attempt = begin(&mut it, now);
    let stopped = Err(Error::NotListening { server: server() });
    assert!(it.end(now, attempt.number, stopped).is_some(), "another kind is news");
    it.again(now + at(1));
    assert_eq!(it.deadline(), Some(now + at(1)), "an order ends the delay");
    let attempt = begin(&mut it, now + at(1));
    assert_eq!(it.end(now, attempt.number, changed()), Some(&Status::Registered));
}

#[test]
fn the_delay_never_overflows() {
    let mut it = new(None);
    let mut now = at(0);
    it.want(now, ONE, 60);
    for _ in 0..5000 {
        let attempt = begin(&mut it, now);
        it.abandon(now, attempt.number);
        let due = it.deadline().expect("tried again");
        assert!(due - now <= LONGEST_DELAY);
        now = due;
    }
}

#[test]
fn a_conflict_is_looked_at_and_not_overwritten() {
    let mut it = new(Some(TWO));
    it.want(at(0), ONE, 60);
    let attempt = begin(&mut it, at(0));
    let status = it.end(at(1), attempt.number, conflict(&[THREE])).cloned();
    let expected = Status::Conflict { addresses: vec![THREE], since: at(1) };
    assert_eq!(status, Some(expected));
    let attempt = begin(&mut it, at(2));
    assert_eq!(attempt.act, register(ONE, Some(TWO)), "still the old knowledge");
    assert_eq!(it.end(at(3), attempt.number, conflict(&[THREE])), None, "no news");
    assert_eq!(it.deadline(), Some(at(5)));
    it.overrule(at(4));
    let attempt = begin(&mut it, at(4));
    assert_eq!(attempt.act, register(ONE, Some(THREE)));
    // A rival is faster once more: overruled is only what was seen.
    assert!(it.end(at(4), attempt.number, conflict(&[TWO, THREE])).is_some());
    it.overrule(at(4));
    let attempt = begin(&mut it, at(4));
    assert_eq!(attempt.act, register(ONE, None), "several cannot be named");
    it.end(at(4), attempt.number, changed());
    assert_eq!(*it.status(), Status::Registered);
    it.overrule(at(5));
    assert_eq!(it.deadline(), None, "without a conflict it does nothing");
}

#[test]
fn our_own_late_update_is_no_conflict() {
    let mut it = new(Some(THREE));
    it.want(at(0), ONE, 60);
    let attempt = begin(&mut it, at(0));
    it.end(at(1), attempt.number, silence());
    it.want(at(1), TWO, 60);
    let attempt = begin(&mut it, at(1));
    assert_eq!(attempt.act, register(TWO, Some(THREE)));
    assert_eq!(it.end(at(1), attempt.number, conflict(&[ONE])), None);
    let attempt = begin(&mut it, at(1));
    assert_eq!(attempt.act, register(TWO, Some(ONE)));
    // Should it be refused all the same, it is a conflict and waits.
    assert!(it.end(at(1), attempt.number, conflict(&[ONE])).is_some());
    assert_eq!(it.deadline(), Some(at(2)));
}

#[test]
fn what_changes_while_an_attempt_runs_follows_it() {
    let mut it = new(None);
    it.want(at(0), ONE, 60);
    let attempt = begin(&mut it, at(0));
    it.want(at(1), TWO, 60);
    assert_eq!(it.deadline(), None, "one at a time");
    assert_eq!(it.end(at(2), attempt.number, changed()), None, "nobody asks any more");
    assert_eq!((it.known(), it.status()), (Some(ONE), &Status::Pending));
    let attempt = begin(&mut it, at(2));
    assert_eq!(attempt.act, register(TWO, Some(ONE)));
    it.withdraw(at(3));
    it.end(at(4), attempt.number, silence());
    assert_eq!(it.deadline(), Some(at(3)), "a failure for what is no more delays nothing");
    // Either may be there: the first that we know of, or the second that nobody answered for.
    let attempt = begin(&mut it, at(4));
    assert_eq!(attempt.act, Act::Withdraw { address: ONE });
    let other = Ok(Outcome::Withdrawn(Withdrawn::NotOurs { addresses: vec![TWO] }));
    assert_eq!(it.end(at(4), attempt.number, other), None);
    let attempt = begin(&mut it, at(4));
    assert_eq!(attempt.act, Act::Withdraw { address: TWO });
    let removed = Ok(Outcome::Withdrawn(Withdrawn::Removed));
    assert_eq!(it.end(at(4), attempt.number, removed), Some(&Status::Withdrawn));
    assert_eq!((it.deadline(), it.known()), (None, None));
}

#[test]
fn withdraws_only_what_it_wrote() {
    let mut it = new(Some(THREE));
    it.withdraw(at(0));
    assert_eq!((it.status(), it.deadline()), (&Status::Withdrawn, None));
    it.want(at(1), ONE, 60);
    let attempt = begin(&mut it, at(1));
    it.end(at(1), attempt.number, changed());
    it.withdraw(at(2));
    let attempt = begin(&mut it, at(2));
    assert_eq!(attempt.act, Act::Withdraw { address: ONE });
    let other = Ok(Outcome::Withdrawn(Withdrawn::NotOurs { addresses: vec![TWO] }));
    assert_eq!(it.end(at(2), attempt.number, other), Some(&Status::Withdrawn));
    // Wanted again it replaces what it saw there and nothing else.
    it.want(at(3), ONE, 60);
    assert_eq!(begin(&mut it, at(3)).act, register(ONE, Some(TWO)));
}

#[test]
fn a_dropped_attempt_is_tried_again() {
    let mut it = new(None);
    it.want(at(0), ONE, 60);
    let attempt = begin(&mut it, at(0));
    it.abandon(at(1), attempt.number + 1);
    assert_eq!(it.deadline(), None, "another's");
    it.abandon(at(1), attempt.number);
    assert_eq!((it.deadline(), it.status()), (Some(at(2)), &Status::Pending));
    let attempt = begin(&mut it, at(2));
    it.withdraw(at(3));
    it.abandon(at(4), attempt.number);
    assert_eq!(it.deadline(), Some(at(3)));
}

#[test]
fn whoever_rests_registers_nothing_until_it_is_wanted_again() {
    let mut it = new(None);
    it.want(at(0), ONE, 60);
    let attempt = begin(&mut it, at(0));
    it.end(at(1), attempt.number, silence());
    it.rest();
    assert_eq!((it.deadline(), it.status()), (None, &Status::Idle), "no retry is left");
    it.want(at(2), ONE, 60);
    let attempt = begin(&mut it, at(2));
    it.end(at(2), attempt.number, changed());
    it.rest();
    // The same as before, and yet looked at again.
    it.want(at(3), ONE, 60);
    assert_eq!(begin(&mut it, at(3)).act, register(ONE, Some(ONE)));
}

#[test]
fn an_attempt_that_ends_during_rest_is_remembered_and_begins_nothing() {
    let mut it = new(Some(THREE));
    it.want(at(0), TWO, 60);
    let attempt = begin(&mut it, at(0));
    it.end(at(0), attempt.number, silence());
    it.want(at(1), ONE, 60);
    let attempt = begin(&mut it, at(1));
    it.rest();
    // Its own late update: without rest this is tried on at once.
    assert_eq!(it.end(at(1), attempt.number, conflict(&[TWO])), None);
    assert_eq!((it.deadline(), it.known()), (None, Some(TWO)));
    let mut dropped = new(None);
    dropped.want(at(0), ONE, 60);
    let attempt = begin(&mut dropped, at(0));
    dropped.rest();
    dropped.abandon(at(1), attempt.number);
    assert_eq!(dropped.deadline(), None);
}

#[test]
fn a_rival_that_is_always_faster_is_overruled_less_and_less_often() {
    let mut it = new(Some(TWO));
    let mut now = at(0);
    it.want(now, ONE, 60);
    for delay in [1, 2, 4, 8, 16] {
        let attempt = begin(&mut it, now);
        it.end(now, attempt.number, conflict(&[THREE]));
        assert_eq!(it.deadline(), Some(now + at(delay)));
        now += at(delay);
        it.overrule(now);
    }
}
