//! A witness on a share, against a real Samba.

use super::super::directory::NAME;
use super::super::wire::{Open, Wire};
use super::super::{Boot, Error, Kind, Place, Release, Renewal, ShareSettings, Unfit, Verdict};
use super::super::{Witness, write_boot};
use super::samba::Samba;
use super::{ENOUGH, Process, claim, record, run, say, variable};
use smb2::client::Connection;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;
use tokio::time::Instant;

fn with(settings: ShareSettings) -> Witness {
    Witness::new(Place::Share(settings)).expect("a password")
}

#[test]
fn the_life_of_a_witness() {
    let Some(samba) = Samba::start() else { return };
    let (mut one, mut two) = (samba.witness(), samba.witness());
    run(async {
        let blank = one.read(ENOUGH).await.expect_err("not prepared");
        assert!(matches!(blank, Error::Missing { .. }), "{blank}");
        let blank = one.claim(claim(1, 5, 6), ENOUGH).await.expect_err("not prepared");
        assert!(matches!(blank, Error::Missing { .. }), "{blank}");
        let first = one.prepare(ENOUGH).await.expect("prepared");
        let claimed = record(Some(1), 6, first.counter + 1);
        let verdict = one.claim(claim(1, 5, 6), ENOUGH).await;
        assert_eq!(verdict.ok(), Some(Verdict::Claimed(claimed)));
        assert_eq!(two.prepare(ENOUGH).await.ok(), Some(claimed), "what is there stays");
        let refused = Verdict::HeldBy { node: 1, record: claimed };
        assert_eq!(two.claim(claim(2, 6, 7), ENOUGH).await.ok(), Some(refused));
        assert_eq!(two.test(2, 6, None, ENOUGH).await.ok(), Some(refused));
        let renewed = record(Some(1), 6, first.counter + 2);
        assert_eq!(one.renew(1, 6, ENOUGH).await.ok(), Some(Renewal::Renewed(renewed)));
        assert_eq!(two.renew(2, 6, ENOUGH).await.ok(), Some(Renewal::Lost(renewed)));
        assert_eq!(two.release(2, 6, ENOUGH).await.ok(), Some(Release::NotOurs(renewed)));
        assert_eq!(two.read(ENOUGH).await.ok(), Some(renewed));
        let released = record(None, 6, first.counter + 3);
        assert_eq!(one.release(1, 6, ENOUGH).await.ok(), Some(Release::Released(released)));
        assert_eq!(two.test(2, 5, None, ENOUGH).await.ok(), Some(Verdict::Newer(6)));
        assert_eq!(samba.connections(), 2, "one kept session each");
    });
    // The same file, seen by the witness host itself.
    let directory = Place::Directory(samba.shared().join("dag"));
    let mut local = Witness::new(directory).expect("a thread");
    let found = run(local.read(ENOUGH)).expect("a record");
    assert_eq!((found.owner, found.epoch), (None, 6));
}

#[test]
fn the_start_of_the_host_is_told() {
    let Some(samba) = Samba::start() else { return };
    let mut witness = samba.witness();
    let missing = run(witness.boot(ENOUGH)).expect_err("not written");
    assert!(matches!(missing, Error::Missing { .. }), "{missing}");
    let boot = Boot::of_this_host().expect("this host has started");
    write_boot(&samba.shared().join("dag"), &boot).expect("written");
    assert_eq!(run(witness.boot(ENOUGH)).ok(), Some(boot));
}

#[test]
fn what_is_no_record_is_refused_and_closed() {
    let Some(samba) = Samba::start() else { return };
    let file = samba.shared().join("dag/witness");
    let (mut one, mut two) = (samba.witness(), samba.witness());
    fs::write(&file, "dear diary\n").expect("a file");
    fs::set_permissions(&file, Permissions::from_mode(0o666)).expect("open");
    run(async {
        // Each finds it closed by the one before it.
        for witness in [&mut one, &mut two, &mut samba.witness()] {
            match witness.claim(claim(1, 5, 6), ENOUGH).await {
                Err(Error::Unfit { unfit, .. }) => assert_eq!(unfit, Unfit::Foreign),
                other => panic!("{other:?}"),
            }
        }
        fs::write(&file, "").expect("an empty file");
        match one.claim(claim(1, 5, 6), ENOUGH).await {
            Err(Error::Unfit { unfit, .. }) => assert_eq!(unfit, Unfit::Blank),
            other => panic!("{other:?}"),
        }
        two.prepare(ENOUGH).await.expect("prepared");
    });
}

#[test]
fn what_the_server_refuses() {
    let Some(samba) = Samba::start() else { return };
    run(samba.witness().prepare(ENOUGH)).expect("prepared");
    let settings = samba.settings();
    let wrong = samba.wrong_password();
    let nobody = ShareSettings { user: "somebody".to_owned(), ..settings.clone() };
    let share = ShareSettings { share: "nowhere".to_owned(), ..settings.clone() };
    let folder = ShareSettings { folder: "nowhere".to_owned(), ..settings.clone() };
    let read_only = ShareSettings { share: "readonly".to_owned(), ..settings };
    let table = [
        ("wrong password", wrong, "refused while signing in"),
        ("wrong user", nobody, "refused while signing in"),
        ("missing share", share, "the share does not exist"),
        ("missing folder", folder, "the file `witness` does not exist"),
        ("not writable", read_only, "refused while opening the record"),
    ];
    for (name, settings, words) in table {
        let mut witness = with(settings);
        for _ in 0..5 {
            let error = run(witness.claim(claim(1, 5, 6), ENOUGH)).expect_err(name);
            assert_eq!(error.kind(), Kind::Refused, "{name}: {error}");
            assert!(error.to_string().contains(words), "{name}: {error}");
        }
    }
    let open = ShareSettings { password_file: samba.shared().join("pass"), ..samba.settings() };
    fs::write(&open.password_file, "known to all").expect("a file");
    fs::set_permissions(&open.password_file, Permissions::from_mode(0o644)).expect("open");
    let error = Witness::new(Place::Share(open)).expect_err("anybody can read it");
    assert!(error.to_string().contains("mode 644"), "{error}");
}

#[test]
fn of_all_who_race_one_wins() {
    let Some(samba) = Samba::start() else { return };
    let mut witnesses: Vec<Witness> = (0..3).map(|_| samba.witness()).collect();
    let threads =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let threads = threads.expect("a runtime");
    threads.block_on(async {
        witnesses[0].prepare(ENOUGH).await.expect("prepared");
        for round in 1..=300_u64 {
            let races = (1_u8..).zip(witnesses.drain(..)).map(|(me, mut witness)| {
                tokio::spawn(async move {
                    let verdict = witness.claim(claim(me, round - 1, round), ENOUGH).await;
                    (me, verdict.expect("a verdict"), witness)
                })
            });
            let races: Vec<_> = races.collect();
            let mut results = Vec::new();
            for race in races {
                let (me, verdict, witness) = race.await.expect("no panic");
                results.push((me, verdict));
                witnesses.push(witness);
            }
            let won = |(me, verdict): &(u8, Verdict)| match verdict {
                Verdict::Claimed(_) => Some(*me),
                Verdict::HeldBy { .. } | Verdict::Newer(_) => None,
            };
            let winners: Vec<u8> = results.iter().filter_map(won).collect();
            assert_eq!(winners.len(), 1, "round {round}: {results:?}");
            for (me, verdict) in results {
                let sees = matches!(verdict, Verdict::HeldBy { node, .. } if node == winners[0]);
                assert!(me == winners[0] || sees, "round {round}: {verdict:?}");
            }
            let released = witnesses[0].release(winners[0], round, ENOUGH).await;
            assert!(matches!(released, Ok(Release::Released(_))), "{released:?}");
        }
    });
}

/// Opens the record alone and keeps it open.
#[test]
#[ignore = "a child of an_exclusive_open_is_respected_until_its_holder_dies"]
fn child_holds() {
    let server = variable("WITNESS_SERVER").expect("a server");
    let password = fs::read_to_string(variable("WITNESS_PASSWORD").expect("a file")).expect("text");
    run(async {
        let mut connection = Connection::connect(&server, ENOUGH).await.expect("a connection");
        connection.negotiate().await.expect("negotiated");
        let user = ("nobody", password.trim_end(), "");
        let wire = Wire::sign_in(connection, "witness", user).await.expect("signed in");
        let name = format!(r"dag\{NAME}");
        wire.open(&name, Open::Alone, 1).await.expect("opened");
        say("open");
        tokio::time::sleep(ENOUGH).await;
    });
}

#[test]
fn an_exclusive_open_is_respected_until_its_holder_dies() {
    let Some(samba) = Samba::start() else { return };
    let mut witness = samba.witness();
    run(witness.prepare(ENOUGH)).expect("prepared");
    let (server, settings) = (samba.address().to_string(), samba.settings());
    let password = settings.password_file.to_str().expect("a name").to_owned();
    let environment = [("WITNESS_SERVER", &*server), ("WITNESS_PASSWORD", &*password)];
    let mut free = Vec::new();
    for round in 1..=3 {
        let mut child = Process::start(&[], module_path!(), "child_holds", &environment);
        assert_eq!(child.next(), "open");
        let limit = Duration::from_millis(1000);
        let busy = run(witness.claim(claim(1, round, round), limit));
        assert_eq!(busy.map_err(|error| error.kind()), Err(Kind::Busy));
        let busy = run(witness.read(limit));
        assert_eq!(busy.map_err(|error| error.kind()), Err(Kind::Busy));
        let killed = Instant::now();
        child.kill();
        let verdict = run(witness.claim(claim(1, round, round), ENOUGH));
        assert!(matches!(verdict, Ok(Verdict::Claimed(_))), "{verdict:?}");
        free.push(killed.elapsed());
    }
    println!("claimed after the holder's kill -9: {free:?}");
}
