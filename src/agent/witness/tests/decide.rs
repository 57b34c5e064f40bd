//! What is done with a record, by table and by story.

use super::super::decide::{GiveUp, Look, Renew, Step, Test, Unsure};
use super::super::watch::{Standing, Watch};
use super::super::{Claim, Error, Place, Release, Renewal, Stale, Verdict, Witness};
use super::{ENOUGH, Scratch, claim, record, run};
use crate::agent::witness::Record;
use std::time::Duration;

/// A witness in memory.
struct Memory(Record);

impl Memory {
    fn take<S: Step>(&mut self, step: S) -> S::Answer {
        let (answer, write) = step.decide(self.0, false);
        if let Some(next) = write {
            assert_eq!(next.counter, self.0.counter + 1, "every write is counted");
            assert!(next.epoch >= self.0.epoch, "the epoch does not go back");
            self.0 = next;
        }
        answer
    }
}

/// What a watch says of a record that it saw stand still.
fn stale(me: u8, found: Record) -> Stale {
    let second = Duration::from_secs;
    let mut watch = Watch::new(me, second(4), second(1)).expect("fits");
    for at in 0..4 {
        let standing = watch.look(found, second(at), second(at));
        assert!(matches!(standing, Standing::Held { .. }), "{standing:?}");
    }
    match watch.look(found, second(4), second(4)) {
        Standing::Stale(stale) => stale,
        other @ (Standing::Free | Standing::Mine | Standing::Held { .. }) => panic!("{other:?}"),
    }
}

#[test]
fn verdicts() {
    let held = |node, record| Verdict::HeldBy { node, record };
    let free = record(None, 5, 10);
    let mine = record(Some(1), 5, 10);
    let theirs = record(Some(2), 5, 10);
    let moved = record(Some(2), 5, 11);
    let won = |epoch| Verdict::Claimed(record(Some(1), epoch, 11));
    let gone = stale(1, theirs);
    // Found, known, claimed, judged stale: the verdict on node 1.
    let table = [
        ("free", free, 5, 6, None, won(6)),
        ("free, same epoch", free, 5, 5, None, won(5)),
        ("free, older than known", free, 9, 9, None, won(9)),
        ("free, newer than known", free, 4, 4, None, Verdict::Newer(5)),
        ("free, newer than known, equal to claimed", free, 4, 5, None, Verdict::Newer(5)),
        ("own", mine, 5, 6, None, won(6)),
        ("own of an earlier life that knew more", mine, 4, 6, None, Verdict::Newer(5)),
        ("held", theirs, 5, 6, None, held(2, theirs)),
        ("held, in an older epoch", theirs, 9, 10, None, held(2, theirs)),
        ("held, in a newer epoch: the lock comes first", theirs, 4, 6, None, held(2, theirs)),
        ("stale", theirs, 5, 6, Some(gone), won(6)),
        ("stale, in a newer epoch", theirs, 4, 6, Some(gone), Verdict::Newer(5)),
        ("stale, and moved since", moved, 5, 6, Some(gone), held(2, moved)),
        ("stale, and released since", record(None, 5, 11), 5, 6, Some(gone), {
            Verdict::Claimed(record(Some(1), 6, 12))
        }),
        ("stale, and taken by a third", record(Some(3), 6, 11), 5, 6, Some(gone), {
            held(3, record(Some(3), 6, 11))
        }),
    ];
    for (name, found, known, epoch, stale, verdict) in table {
        let step = Claim { me: 1, known, epoch, stale };
        assert_eq!(Memory(found).take(step), verdict, "{name}");
        let tested = match verdict {
            Verdict::Claimed(_) => Verdict::Claimed(found),
            refused @ (Verdict::HeldBy { .. } | Verdict::Newer(_)) => refused,
        };
        let mut memory = Memory(found);
        assert_eq!(memory.take(Test { me: 1, known, stale }), tested, "test: {name}");
        assert_eq!(memory.0, found, "a test changes nothing: {name}");
    }
}

#[test]
fn renewals_and_releases_touch_nothing_but_ones_own() {
    let ours = record(Some(1), 5, 10);
    let others = [
        record(None, 5, 10),
        record(Some(2), 5, 10),
        record(Some(1), 4, 10),
        record(Some(1), 6, 10),
        record(Some(2), 6, 10),
    ];
    for found in others {
        let mut memory = Memory(found);
        assert_eq!(memory.take(Renew { me: 1, epoch: 5 }), Renewal::Lost(found));
        assert_eq!(memory.take(GiveUp { me: 1, epoch: 5 }), Release::NotOurs(found));
        assert_eq!(memory.0, found);
    }
    let renewed = record(Some(1), 5, 11);
    assert_eq!(Memory(ours).take(Renew { me: 1, epoch: 5 }), Renewal::Renewed(renewed));
    let released = record(None, 5, 11);
    assert_eq!(Memory(ours).take(GiveUp { me: 1, epoch: 5 }), Release::Released(released));
}

#[test]
fn an_answer_that_was_lost_does_not_make_ones_own_claim_a_stranger() {
    let written = record(Some(1), 6, 11);
    let again = claim(1, 5, 6);
    assert_eq!(again.decide(written, false).0, Verdict::Newer(6), "of an earlier life");
    let (verdict, write) = again.decide(written, true);
    let next = record(Some(1), 6, 12);
    assert_eq!((verdict, write), (Verdict::Claimed(next), Some(next)));
    let test = Test { me: 1, known: 5, stale: None };
    assert_eq!(test.decide(written, true).0, Verdict::Claimed(written));
    // What was written meanwhile by a rival in the same epoch is not ours.
    let rival = record(Some(2), 6, 11);
    let verdict = again.decide(rival, false).0;
    assert_eq!(verdict, Verdict::HeldBy { node: 2, record: rival });
    // An older epoch is not written over a newer one.
    let older = claim(1, 5, 5);
    assert_eq!(older.decide(written, true), (Verdict::Newer(6), None));
}

#[test]
fn what_may_still_arrive_is_remembered_until_it_cannot() {
    let before = record(None, 5, 10);
    let (claimed, later) = (record(Some(1), 6, 11), record(Some(1), 7, 11));
    let sent = || {
        let mut unsure = Unsure::default();
        for record in [claimed, later, claimed] {
            assert!(!unsure.found(before), "nothing has come yet, and all may come");
            unsure.writing(record);
        }
        assert!(!unsure.found(before));
        unsure
    };
    for arrived in [claimed, later] {
        let mut unsure = sent();
        assert!(unsure.found(arrived) && unsure.found(arrived), "{arrived:?}");
        let other = if arrived == claimed { later } else { claimed };
        assert!(!unsure.found(other), "only one of them can have come");
    }
    for strange in [record(Some(2), 6, 11), record(Some(1), 8, 11), record(Some(2), 7, 12)] {
        let mut unsure = sent();
        assert!(!unsure.found(strange), "another was faster: {strange:?}");
        assert!(!unsure.found(claimed) && !unsure.found(later), "an earlier life's, then");
    }
    let mut unsure = sent();
    unsure.arrived();
    assert!(!unsure.found(claimed) && !unsure.found(later));
}

/// The fault of linux-ha.md §3: the former owner wakes up and takes the key back.
#[test]
fn an_owner_that_thaws_does_not_take_the_witness_back() {
    let mut witness = Memory(Record::FIRST);
    assert!(matches!(witness.take(claim(1, 5, 6)), Verdict::Claimed(_)));
    // Node 1 freezes; node 2 sees the record stand still and takes it.
    let judged = stale(2, witness.0);
    let taken = Claim { me: 2, known: 6, epoch: 7, stale: Some(judged) };
    assert!(matches!(witness.take(taken), Verdict::Claimed(_)));
    let theirs = witness.0;
    // Node 1 thaws.
    assert_eq!(witness.take(Renew { me: 1, epoch: 6 }), Renewal::Lost(theirs));
    assert_eq!(witness.take(GiveUp { me: 1, epoch: 6 }), Release::NotOurs(theirs));
    let held = Verdict::HeldBy { node: 2, record: theirs };
    assert_eq!(witness.take(claim(1, 6, 7)), held);
    assert_eq!(witness.take(claim(1, 6, 99)), held, "a high epoch alone takes nothing");
    assert_eq!(witness.0, theirs);
    // Node 2 releases it: node 1 knows too little.
    assert!(matches!(witness.take(GiveUp { me: 2, epoch: 7 }), Release::Released(_)));
    assert_eq!(witness.take(claim(1, 6, 7)), Verdict::Newer(7));
    assert!(matches!(witness.take(claim(1, 7, 8)), Verdict::Claimed(_)));
}

#[test]
fn an_owner_that_thaws_just_in_time_keeps_it() {
    let mut witness = Memory(record(Some(1), 6, 3));
    let judged = stale(2, witness.0);
    assert!(matches!(witness.take(Renew { me: 1, epoch: 6 }), Renewal::Renewed(_)));
    let late = Claim { me: 2, known: 6, epoch: 7, stale: Some(judged) };
    let held = Verdict::HeldBy { node: 1, record: witness.0 };
    assert_eq!(witness.take(late), held);
}

#[test]
fn of_two_challengers_that_judged_the_same_record_one_wins() {
    let mut witness = Memory(record(Some(1), 6, 3));
    let (second, third) = (stale(2, witness.0), stale(3, witness.0));
    let won = witness.take(Claim { me: 3, known: 6, epoch: 7, stale: Some(third) });
    assert!(matches!(won, Verdict::Claimed(_)));
    let lost = witness.take(Claim { me: 2, known: 6, epoch: 7, stale: Some(second) });
    assert_eq!(lost, Verdict::HeldBy { node: 3, record: witness.0 });
    assert_eq!(witness.take(Look).owner, Some(3));
}

#[test]
fn a_claim_does_not_go_back_in_epochs() {
    let scratch = Scratch::new();
    let mut witness = Witness::new(Place::Directory(scratch.0.clone())).expect("a thread");
    let refused = run(witness.claim(claim(1, 5, 4), ENOUGH));
    assert!(matches!(refused, Err(Error::Backwards { epoch: 4, known: 5 })), "{refused:?}");
}
