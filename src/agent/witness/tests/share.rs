//! A witness on a share, against a real Samba.

use super::super::record::Record;
use super::super::{Boot, Error, Kind, Place, Release, Renewal, ShareSettings, Unfit, Verdict};
use super::super::{Witness, write_boot};
use super::samba::Samba;
use super::{ENOUGH, claim, record, run};
use smb2::client::Connection;
use smb2::msg::create::{CreateDisposition, CreateRequest, ImpersonationLevel, ShareAccess};
use smb2::types::flags::FileAccessMask;
use smb2::types::status::NtStatus;
use smb2::types::{Command, OplockLevel};
use smb2::{Session, Tree};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

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
fn of_all_who_prepare_at_once_one_makes_the_record() {
    let Some(samba) = Samba::start() else { return };
    let folder = samba.shared().join("dag");
    let (mut one, mut two) = (samba.witness(), samba.witness());
    run(async {
        for _ in 0..50 {
            let (one, two) = tokio::join!(one.prepare(ENOUGH), two.prepare(ENOUGH));
            assert_eq!((one.ok(), two.ok()), (Some(Record::FIRST), Some(Record::FIRST)));
            let entries = fs::read_dir(&folder).expect("a folder");
            let names: Vec<_> = entries.map(|entry| entry.expect("an entry").file_name()).collect();
            assert_eq!(names, ["witness-1.owner-nobody.epoch-0.counter-0"]);
            fs::remove_file(folder.join(&names[0])).expect("it was there");
        }
    });
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
fn what_is_no_record_is_refused() {
    let Some(samba) = Samba::start() else { return };
    let folder = samba.shared().join("dag");
    let mut witness = samba.witness();
    run(async {
        let first = witness.prepare(ENOUGH).await.expect("prepared").name();
        let claimed = "witness-1.owner-2.epoch-7.counter-42".to_owned();
        let table = [
            ("Witness-notes.txt", Unfit::Foreign("Witness-notes.txt".to_owned())),
            ("witness-2", Unfit::Version("2".to_owned())),
            (&*claimed, Unfit::Several { newest: claimed.clone(), older: vec![first] }),
        ];
        for (name, expected) in table {
            fs::write(folder.join(name), "").expect("a file");
            match witness.claim(claim(1, 5, 6), ENOUGH).await {
                Err(Error::Unfit { unfit, .. }) => assert_eq!(unfit, expected),
                other => panic!("{other:?}"),
            }
            fs::remove_file(folder.join(name)).expect("it was there");
        }
        // More than fits into a listing is too much in any case.
        for counter in 1..300 {
            let name = record(Some(255), u64::MAX, u64::MAX - counter).name();
            fs::write(folder.join(name), "").expect("a file");
        }
        match witness.claim(claim(1, 5, 6), ENOUGH).await {
            Err(Error::Unfit { unfit: Unfit::Several { older, .. }, .. }) => {
                assert!(older.len() > 10, "{older:?}");
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(samba.connections(), 1, "the session is kept");
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
        ("missing folder", folder, "the folder does not exist"),
        ("not writable", read_only, "refused while renaming the record"),
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

/// Two sessions and the witness host itself, each claiming, counting up and releasing as fast as
/// it can: what was written is counted, and no count is given twice.
#[test]
fn no_two_writes_have_the_same_count() {
    const ROUNDS: u64 = 300;
    let Some(samba) = Samba::start() else { return };
    let local = Place::Directory(samba.shared().join("dag"));
    let local = Witness::new(local).expect("a thread");
    let mut judge = samba.witness();
    let first = run(judge.prepare(ENOUGH)).expect("prepared").counter;
    let threads =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let mut written = threads.expect("a runtime").block_on(async {
        let works = (1_u8..).zip([samba.witness(), samba.witness(), local]);
        let works: Vec<_> = works
            .map(|(me, mut witness)| {
                tokio::spawn(async move {
                    let mut written = Vec::new();
                    for _ in 0..ROUNDS {
                        written.extend(turn(&mut witness, me).await);
                    }
                    written
                })
            })
            .collect();
        let mut written = Vec::new();
        for work in works {
            written.extend(work.await.expect("no panic"));
        }
        written
    });
    written.sort_unstable();
    let last = run(judge.read(ENOUGH)).expect("a record").counter;
    assert_eq!(written, (first + 1..=last).collect::<Vec<u64>>());
    assert!(written.len() > ROUNDS as usize, "{} writes", written.len());
}

/// Claims, counts up and releases: the counts that this wrote.
async fn turn(witness: &mut Witness, me: u8) -> Vec<u64> {
    let claimed = match witness.claim(claim(me, 1, 1), ENOUGH).await.expect("a verdict") {
        Verdict::Claimed(record) => record,
        Verdict::HeldBy { node, .. } => {
            assert_ne!(node, me);
            return Vec::new();
        }
        Verdict::Newer(epoch) => panic!("newer: {epoch}"),
    };
    assert_eq!(claimed.owner, Some(me));
    let Ok(Renewal::Renewed(renewed)) = witness.renew(me, 1, ENOUGH).await else {
        panic!("lost");
    };
    let Ok(Release::Released(released)) = witness.release(me, 1, ENOUGH).await else {
        panic!("lost");
    };
    vec![claimed.counter, renewed.counter, released.counter]
}

/// Opens a file alone, and says what the server said.
async fn open_alone(connection: &mut Connection, tree: &Tree, name: String) -> NtStatus {
    let create = CreateRequest {
        requested_oplock_level: OplockLevel::None,
        impersonation_level: ImpersonationLevel::Impersonation,
        desired_access: FileAccessMask::new(FileAccessMask::FILE_READ_DATA),
        file_attributes: 0,
        share_access: ShareAccess(0),
        create_disposition: CreateDisposition::FileOpen,
        create_options: 0,
        name,
        create_contexts: Vec::new(),
    };
    let opened = connection.execute(Command::Create, &create, Some(tree.tree_id)).await;
    opened.expect("an answer").header.status
}

/// A program that has no business there.
#[test]
fn what_another_program_has_open_can_be_looked_at_and_not_changed() {
    let Some(samba) = Samba::start() else { return };
    let (mut witness, settings) = (samba.witness(), samba.settings());
    let password = fs::read_to_string(settings.password_file).expect("text");
    run(async {
        let first = witness.prepare(ENOUGH).await.expect("prepared");
        let server = samba.address().to_string();
        let mut other = Connection::connect(&server, ENOUGH).await.expect("a connection");
        other.negotiate().await.expect("negotiated");
        let session = Session::setup(&mut other, "nobody", password.trim_end(), "").await;
        session.expect("signed in");
        let tree = Tree::connect(&mut other, "witness").await.expect("the share");
        let name = format!(r"dag\{}", first.name());
        assert_eq!(open_alone(&mut other, &tree, name).await, NtStatus::SUCCESS);
        let limit = Duration::from_millis(1000);
        let busy = witness.claim(claim(1, 1, 1), limit).await;
        assert_eq!(busy.map_err(|error| error.kind()), Err(Kind::Busy));
        assert_eq!(witness.read(limit).await.ok(), Some(first));
        drop((tree, other));
        let verdict = witness.claim(claim(1, 1, 1), ENOUGH).await;
        assert!(matches!(verdict, Ok(Verdict::Claimed(_))), "{verdict:?}");
    });
}
