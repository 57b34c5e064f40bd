//! A witness in a directory, against the kernel.

use super::super::{Boot, Error, Kind, Place, Release, Renewal, Unfit, Verdict};
use super::super::{Witness, write_boot};
use super::{ENOUGH, Process, Scratch, claim, held, record, run, say, skip, variable};
use std::fs::{self, OpenOptions};
use std::io::BufRead;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

fn at(directory: &Path) -> Witness {
    Witness::new(Place::Directory(directory.to_path_buf())).expect("a thread")
}

fn prepared(directory: &Path) -> Witness {
    let mut witness = at(directory);
    run(witness.prepare(ENOUGH)).expect("prepared");
    witness
}

/// The directory that a parent gave to its child.
fn given() -> std::path::PathBuf {
    variable("WITNESS_DIRECTORY").expect("a directory").into()
}

fn child(name: &str, directory: &Path) -> Process {
    let directory = directory.to_str().expect("a name");
    Process::start(&[], module_path!(), name, &[("WITNESS_DIRECTORY", directory)])
}

/// What is in a directory, in order.
fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("a directory");
    let name = |entry: fs::DirEntry| entry.file_name().into_string().expect("a name");
    let mut names: Vec<String> = entries.map(|entry| name(entry.expect("an entry"))).collect();
    names.sort_unstable();
    names
}

#[test]
fn the_life_of_a_witness() {
    let scratch = Scratch::new();
    let (mut one, mut two) = (at(&scratch.0), at(&scratch.0));
    let blank = run(one.read(ENOUGH)).expect_err("not prepared");
    assert!(matches!(blank, Error::Missing { .. }), "{blank}");
    let first = run(one.prepare(ENOUGH)).expect("prepared");
    assert_eq!((first.owner, first.epoch), (None, 0));
    let claimed = record(Some(1), 6, first.counter + 1);
    assert_eq!(run(one.claim(claim(1, 5, 6), ENOUGH)).ok(), Some(Verdict::Claimed(claimed)));
    assert_eq!(run(two.prepare(ENOUGH)).ok(), Some(claimed), "what is there stays");
    let refused = Verdict::HeldBy { node: 1, record: claimed };
    assert_eq!(run(two.claim(claim(2, 6, 7), ENOUGH)).ok(), Some(refused));
    assert_eq!(run(two.test(2, 6, None, ENOUGH)).ok(), Some(refused));
    let renewed = record(Some(1), 6, first.counter + 2);
    assert_eq!(run(one.renew(1, 6, ENOUGH)).ok(), Some(Renewal::Renewed(renewed)));
    assert_eq!(run(two.renew(2, 6, ENOUGH)).ok(), Some(Renewal::Lost(renewed)));
    assert_eq!(run(two.release(2, 6, ENOUGH)).ok(), Some(Release::NotOurs(renewed)));
    assert_eq!(run(two.read(ENOUGH)).ok(), Some(renewed));
    let released = record(None, 6, first.counter + 3);
    assert_eq!(run(one.release(1, 6, ENOUGH)).ok(), Some(Release::Released(released)));
    assert_eq!(run(two.test(2, 5, None, ENOUGH)).ok(), Some(Verdict::Newer(6)));
    assert_eq!(run(two.test(2, 6, None, ENOUGH)).ok(), Some(Verdict::Claimed(released)));
    assert_eq!(
        names(&scratch.0),
        [format!("witness-1.owner-nobody.epoch-6.counter-{}", first.counter + 3)]
    );
}

#[test]
fn the_start_of_the_host_is_told() {
    let scratch = Scratch::new();
    let mut witness = at(&scratch.0);
    let missing = run(witness.boot(ENOUGH)).expect_err("not written");
    assert!(matches!(missing, Error::Missing { .. }), "{missing}");
    let boot = Boot::of_this_host().expect("this host has started");
    write_boot(&scratch.0, &boot).expect("written");
    assert_eq!(run(witness.boot(ENOUGH)).ok().as_ref(), Some(&boot));
    // The clock was set: it is the same start, and does not move.
    let second = jiff::SignedDuration::from_secs(100);
    let moved = Boot { started: boot.started + second, id: boot.id.clone() };
    write_boot(&scratch.0, &moved).expect("written");
    assert_eq!(run(witness.boot(ENOUGH)).ok().as_ref(), Some(&boot));
    let next = Boot { started: boot.started + second, id: "another".to_owned() };
    write_boot(&scratch.0, &next).expect("written");
    assert_eq!(run(witness.boot(ENOUGH)).ok(), Some(next));
    let text = fs::read(scratch.0.join("boot")).expect("text");
    for bytes in 0..text.len() {
        assert_eq!(Boot::of_text(&text[..bytes]), None, "cut after {bytes} bytes");
    }
    fs::write(scratch.0.join("boot"), &text[..20]).expect("cut");
    assert_eq!(run(witness.boot(ENOUGH)).map_err(|error| error.kind()), Err(Kind::Failed));
}

#[test]
fn what_is_no_record_is_refused_and_left() {
    let first = "witness-1.owner-nobody.epoch-0.counter-0";
    let claimed = "witness-1.owner-2.epoch-7.counter-42";
    let several = || Unfit::Several { newest: claimed.to_owned(), older: vec![first.to_owned()] };
    let places: [(&[&str], Unfit); 4] = [
        (&["witness-2.owner-1"], Unfit::Version("2".to_owned())),
        (&["witness-notes.txt"], Unfit::Foreign("witness-notes.txt".to_owned())),
        (&[claimed, first], several()),
        (&["boot", claimed, first, "zebra"], several()),
    ];
    for (there, expected) in places {
        let scratch = Scratch::new();
        for name in there {
            fs::write(scratch.0.join(name), "").expect("a file");
        }
        let mut witness = at(&scratch.0);
        let refusals = [
            run(witness.claim(claim(1, 5, 6), ENOUGH)).map(drop),
            run(witness.prepare(ENOUGH)).map(drop),
            run(witness.read(ENOUGH)).map(drop),
        ];
        for refused in refusals {
            match refused {
                Err(Error::Unfit { unfit, .. }) => assert_eq!(unfit, expected),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(names(&scratch.0), there);
    }
}

#[test]
fn what_another_has_open_or_locked_is_changed_all_the_same() {
    let scratch = Scratch::new();
    let mut witness = prepared(&scratch.0);
    let name = names(&scratch.0).remove(0);
    let other = OpenOptions::new().read(true).write(true).open(scratch.0.join(name));
    let other = other.expect("the record");
    other.lock().expect("a lock");
    assert!(matches!(run(witness.claim(claim(1, 5, 6), ENOUGH)), Ok(Verdict::Claimed(_))));
    drop(other);
}

/// A pipe in the place of a file: opening it for reading waits until somebody opens it for
/// writing, as if the file system did not answer. None if no pipe can be made here.
fn pipe(file: &Path) -> Option<()> {
    let made = Command::new("mkfifo").arg(file).status().is_ok_and(|status| status.success());
    if !made {
        skip("mkfifo (coreutils) does not work here");
    }
    made.then_some(())
}

/// Has whoever waits at a pipe go on.
fn unblock(file: &Path) {
    let pipe = OpenOptions::new().write(true).open(file).expect("somebody waits at the pipe");
    fs::remove_file(file).expect("no pipe any more");
    drop(pipe);
}

#[test]
fn a_claim_that_is_dropped_while_it_waits_writes_nothing_later() {
    let scratch = Scratch::new();
    let mut witness = prepared(&scratch.0);
    let before = run(witness.read(ENOUGH)).expect("a record");
    let file = scratch.0.join("boot");
    let Some(()) = pipe(&file) else { return };
    let patience = Duration::from_millis(50);
    let silent = run(witness.boot(patience));
    assert_eq!(silent.map_err(|error| error.kind()), Err(Kind::NoAnswer));
    run(async {
        let dropped = tokio::time::timeout(patience, witness.claim(claim(1, 5, 6), ENOUGH)).await;
        assert!(dropped.is_err());
    });
    unblock(&file);
    for _ in 0..5 {
        assert_eq!(run(witness.read(ENOUGH)).ok(), Some(before));
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_file_system_that_does_not_answer() {
    let scratch = Scratch::new();
    let file = scratch.0.join("boot");
    let Some(()) = pipe(&file) else { return };
    let mut witness = at(&scratch.0);
    for _ in 0..20 {
        let silent = run(witness.boot(Duration::from_millis(10)));
        assert_eq!(silent.map_err(|error| error.kind()), Err(Kind::NoAnswer));
        let silent = run(witness.read(Duration::from_millis(10)));
        assert_eq!(silent.map_err(|error| error.kind()), Err(Kind::NoAnswer));
    }
    unblock(&file);
    run(witness.prepare(ENOUGH)).expect("works again");
}

/// The directory is not there: told at once, a thousand times, with one thread.
#[test]
fn no_path() {
    let scratch = Scratch::new();
    let mut child = child("child_without_path", &scratch.0.join("not mounted"));
    assert_eq!(child.next(), "cheap");
}

#[test]
#[ignore = "a child of no_path"]
fn child_without_path() {
    let mut witness = at(&given());
    run(async {
        let mut before = None;
        for _ in 0..1000 {
            let result = witness.claim(claim(1, 5, 6), ENOUGH).await;
            assert_eq!(result.map_err(|error| error.kind()), Err(Kind::NoPath));
            let now = held();
            assert_eq!(*before.get_or_insert(now), now, "threads and files");
        }
    });
    say("cheap");
}

/// Two processes and two threads, a thousand times: one of them wins, and the rest see who.
#[test]
fn of_all_who_race_one_wins() {
    const ROUNDS: u64 = 1000;
    let scratch = Scratch::new();
    let mut judge = prepared(&scratch.0);
    let mut processes = [child("child_races", &scratch.0), child("child_races", &scratch.0)];
    for (process, node) in processes.iter_mut().zip([3, 4]) {
        process.tell(&node.to_string());
        assert_eq!(process.next(), "ready");
    }
    let mut threads = [at(&scratch.0), at(&scratch.0)];
    for round in 1..=ROUNDS {
        for process in &mut processes {
            process.tell(&round.to_string());
        }
        let [one, two] = &mut threads;
        let (one, two) = run(async {
            let (one, two) = (one.claim(claim(1, round - 1, round), ENOUGH), async {
                two.claim(claim(2, round - 1, round), ENOUGH).await
            });
            tokio::join!(one, two)
        });
        let words = [one, two].map(|verdict| word(&verdict.expect("a verdict")));
        let words: Vec<String> =
            words.into_iter().chain(processes.iter_mut().map(Process::next)).collect();
        let found = run(judge.read(ENOUGH)).expect("a record");
        let winner = found.owner.expect("an owner");
        assert_eq!(found.epoch, round);
        for (word, node) in words.iter().zip(1_u8..) {
            let expected = if node == winner { "won".to_owned() } else { winner.to_string() };
            assert_eq!(*word, expected, "round {round}, node {node}: {words:?}");
        }
        let released = run(judge.release(winner, round, ENOUGH));
        assert!(matches!(released, Ok(Release::Released(_))), "{released:?}");
    }
}

fn word(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Claimed(_) => "won".to_owned(),
        Verdict::HeldBy { node, .. } => node.to_string(),
        Verdict::Newer(epoch) => format!("newer: {epoch}"),
    }
}

#[test]
#[ignore = "a child of of_all_who_race_one_wins"]
fn child_races() {
    let mut witness = at(&given());
    let mut lines = std::io::stdin().lock().lines();
    let me = lines.next().expect("a line").expect("text").parse().expect("a node");
    say("ready");
    for line in lines {
        let round: u64 = line.expect("text").parse().expect("a round");
        let verdict = run(witness.claim(claim(me, round - 1, round), ENOUGH));
        say(word(&verdict.expect("a verdict")));
    }
}

#[test]
fn killed_at_any_moment_of_its_renewals() {
    let scratch = Scratch::new();
    let mut witness = prepared(&scratch.0);
    for round in 1..=25_u64 {
        let mut child = child("child_renews", &scratch.0);
        child.tell(&round.to_string());
        for _ in 0..=round % 5 {
            child.next();
        }
        std::thread::sleep(Duration::from_micros(round * 97));
        child.kill();
        let said =
            child.rest().lines().filter_map(|line| line.strip_prefix("> ")?.parse().ok()).max();
        let found = run(witness.read(ENOUGH)).expect("a record, and one only");
        assert_eq!((found.owner, found.epoch), (Some(7), round));
        assert!(
            said.unwrap_or(0) <= found.counter,
            "what was answered is there: {said:?} {found:?}"
        );
    }
}

#[test]
#[ignore = "a child of killed_at_any_moment_of_its_renewals"]
fn child_renews() {
    let mut witness = at(&given());
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).expect("a line");
    let epoch = line.trim().parse().expect("an epoch");
    assert!(matches!(run(witness.claim(claim(7, epoch, epoch), ENOUGH)), Ok(Verdict::Claimed(_))));
    run(async {
        loop {
            match witness.renew(7, epoch, ENOUGH).await {
                Ok(Renewal::Renewed(record)) => say(record.counter),
                other => panic!("{other:?}"),
            }
        }
    });
}
