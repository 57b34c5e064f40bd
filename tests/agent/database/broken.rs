//! What is wrong is told, and does not make it worse.

use crate::database::bed::{
    Bed, Copy, Directory, LONG, deliver, end_servers, fill, free_port, ground, settings,
};
use dagtwin::agent::database::{Error, Event, Kind, Settings, Status, Trouble};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_whose_log_was_removed_is_seeded() {
    let small = |settings: &mut Settings| settings.keep_for_copies = 16;
    let Some(bed) = Bed::with(small).await else { return };
    let (first, second) = (bed.first(), bed.second());
    second.instance.dismount(LONG).await.expect("stopped");
    let sql = first.sql().await;
    for _ in 0..3 {
        fill(&sql, 16).await;
        sql.batch_execute("checkpoint").await.expect("a checkpoint");
    }
    let rows = first.count().await;
    second.follow(0);
    let report = second.reaches(Status::FailedAndSuspended).await;
    assert!(report.why.expect("why").contains("it needs log from"));
    // It stays so: also for an agent that starts again.
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(second.instance.status().await.status, Status::FailedAndSuspended);
    let seed = second.instance.seed(0, LONG);
    tokio::pin!(seed);
    let mut seen = Vec::new();
    loop {
        tokio::select! {
            seeded = &mut seed => break seeded.expect("seeded"),
            () = tokio::time::sleep(Duration::from_millis(20)) => {
                seen.push(second.instance.status().await);
            }
        }
    }
    assert!(seen.iter().any(|report| report.status == Status::Seeding), "{seen:?}");
    assert!(seen.iter().any(|report| report.seeding.is_some_and(|(here, _)| here > 0)));
    second.reaches(Status::Healthy).await;
    bed.caught_up().await;
    assert_eq!(second.count().await, rows);
    assert!(!second.instance.settings().directory.join("data.old").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_and_a_stranger_are_told() {
    let Some(bed) = Bed::new().await else { return };
    let active = bed.first().instance.seed(1, LONG).await.expect_err("it is active");
    assert_eq!(active.kind(), Kind::Refused);
    let stranger = bed.second().instance.seed(9, LONG).await.expect_err("no peer");
    assert_eq!(stranger.kind(), Kind::Refused);
    assert!(bed.second().instance.follow(Some(9), false).is_err());
    // It is read anew for each connection.
    let password = &bed.second().instance.settings().password_file;
    std::fs::write(password, "wrong\n").expect("written");
    let refused = bed.second().instance.seed(0, LONG).await.expect_err("a wrong password");
    assert!(matches!(refused, Error::NotAuthentic { .. }), "{refused}");
    assert!(refused.to_string().contains("password"), "{refused}");
    assert!(bed.second().instance.process().is_some(), "nothing was stopped for it");
    std::fs::write(password, "").expect("written");
    let none = bed.second().instance.seed(0, LONG).await.expect_err("no password");
    assert!(matches!(none, Error::Content { .. }), "{none}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_that_is_taken_and_data_that_are_missing_are_told() {
    let Some(ground) = ground() else { return };
    let directory = Directory::new();
    let ports = [free_port(), free_port()];
    let mut copy = Copy::open(settings(&directory.0, &ground, "db1", 0, &ports)).await;
    let missing = copy.instance.mount(LONG).await.expect_err("nothing is there");
    assert_eq!(missing.kind(), Kind::Unusable, "{missing}");
    assert!(missing.to_string().contains("seed this copy"), "{missing}");
    copy.follow(1);
    copy.reaches(Status::Failed).await;
    copy.instance.create(LONG).await.expect("created");
    let taken = TcpListener::bind(("127.0.0.1", ports[0])).expect("free until now");
    let refused = copy.instance.mount(LONG).await.expect_err("the port is taken");
    assert!(matches!(refused, Error::Ended { .. }), "{refused}");
    assert!(refused.to_string().contains("Address already in use"), "{refused}");
    drop(taken);
    // It ended by itself: that is told too.
    assert!(matches!(copy.event().await, Event::Failed { trouble: Trouble::Terminated, .. }));
    copy.instance.mount(LONG).await.expect("mounted");
    copy.instance.dismount(LONG).await.expect("dismounted");
    // A directory that was taken away while it was stopped.
    let data = copy.instance.settings().data();
    std::fs::rename(&data, directory.0.join("away")).expect("moved");
    let missing = copy.instance.mount(LONG).await.expect_err("it is gone");
    assert_eq!(missing.kind(), Kind::Unusable, "{missing}");
    std::fs::rename(directory.0.join("away"), &data).expect("moved back");
    // A control file that is damaged.
    let control = data.join("global/pg_control");
    let mut bytes = std::fs::read(&control).expect("it is there");
    bytes[40] ^= 1;
    std::fs::write(&control, bytes).expect("damaged");
    let damaged = copy.instance.mount(LONG).await.expect_err("damaged");
    assert!(damaged.to_string().contains("checksum"), "{damaged}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_of_another_database_does_not_follow() {
    let Some(ground) = ground() else { return };
    let directory = Directory::new();
    let ports = [free_port(), free_port()];
    let mut copies = Vec::new();
    for node in 0..2 {
        let copy = Copy::open(settings(&directory.0, &ground, "db1", node, &ports)).await;
        copy.instance.create(LONG).await.expect("created");
        copies.push(copy);
    }
    copies[0].instance.mount(LONG).await.expect("mounted");
    copies[1].follow(0);
    let report = copies[1].reaches(Status::FailedAndSuspended).await;
    assert!(report.why.expect("why").contains("another database"));
    // Its data are whole: it may be mounted by whoever knows better.
    copies[1].instance.mount(LONG).await.expect("mounted");
    copies[1].instance.dismount(LONG).await.expect("dismounted");
    // Data that are not whole may not.
    let state = copies[1].instance.settings().directory.join("state");
    let settings = copies[1].instance.settings().clone();
    drop(copies.pop());
    std::fs::write(state, "mending\n").expect("written");
    let copy = Copy::open(settings).await;
    assert_eq!(copy.instance.status().await.status, Status::FailedAndSuspended);
    let half = copy.instance.mount(LONG).await.expect_err("not whole");
    assert_eq!(half.kind(), Kind::Unusable, "{half}");
    copy.instance.seed(0, LONG).await.expect("seeded");
    copy.reaches(Status::Healthy).await;
}

/// A file system of its own, taken away when dropped.
struct Disk<'a>(&'a Path);

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        end_servers(self.0);
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_told_apart() {
    let Some(ground) = ground() else { return };
    let directory = Directory::new();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=80m,mode=755", "dagtwin-test"])
        .arg(&directory.0)
        .status();
    if !mounted.is_ok_and(|status| status.success()) {
        assert!(std::env::var_os("DAGTWIN_NO_SKIP").is_none(), "not skipped: no right to mount");
        eprintln!("skipped: a full disk needs the right to mount a tmpfs (root)");
        return;
    }
    let _disk = Disk(&directory.0);
    let mut settings = settings(&directory.0, &ground, "db1", 0, &[free_port(), free_port()]);
    settings.least_free = 4 << 20;
    let mut copy = Copy::open(settings).await;
    copy.instance.create(LONG).await.expect("created");
    copy.instance.mount(LONG).await.expect("mounted");
    let sql = copy.sql().await;
    sql.batch_execute("create table mail(id serial primary key, body text)").await.expect("made");
    deliver(&sql, 1).await;
    // Something else takes the rest; the log has no room to grow.
    let rest = vec![0; 1 << 20];
    for n in 0.. {
        if std::fs::write(directory.0.join(format!("rest{n}")), &rest).is_err() {
            break;
        }
    }
    let filled = async {
        // Log alone: a table that cannot grow fails its statement and not the server.
        let log = "select pg_logical_emit_message(false, 'test', repeat(md5('x'), 20000))";
        while sql.query(log, &[]).await.is_ok() {}
    };
    let _ = tokio::time::timeout(LONG, filled).await;
    let mut events = vec![copy.event().await];
    while !matches!(events.last(), Some(Event::Failed { .. })) {
        events.push(copy.event().await);
    }
    let Some(Event::Failed { trouble, was_active, why }) = events.last() else { unreachable!() };
    assert_eq!((*trouble, *was_active), (Trouble::DiskFull, true), "{why}");
    let refused = copy.instance.mount(LONG).await.expect_err("there is no room");
    assert_eq!(refused.kind(), Kind::Disk, "{refused}");
    for n in 0.. {
        if std::fs::remove_file(directory.0.join(format!("rest{n}"))).is_err() {
            break;
        }
    }
    copy.instance.mount(LONG).await.expect("there is room");
    assert!(copy.count().await >= 1);
    copy.instance.dismount(LONG).await.expect("dismounted");
}
