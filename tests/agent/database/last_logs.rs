//! Attempt copy last logs: what is fetched, and what is counted.

use crate::database::bed::{Bed, Copy, LONG, deliver, fill};
use dagtwin::agent::database::logs::{Client, Key};
use dagtwin::agent::database::{Kind, Position, Status, logs_missing};
use std::time::Duration;

/// Where pg_waldump says that the last record of a log is, and how long it is.
fn last_record(copy: &Copy, from: Position, timeline: u32) -> (Position, u64) {
    let settings = copy.instance.settings();
    let dump = std::process::Command::new(settings.binaries.join("pg_waldump"))
        .arg("-p")
        .arg(settings.data().join("pg_wal"))
        .args(["-t", &timeline.to_string(), "-s", &from.to_string()])
        .output()
        .expect("pg_waldump");
    let text = String::from_utf8_lossy(&dump.stdout).into_owned();
    let line = text.lines().rev().find(|line| line.contains("lsn:")).expect("a record");
    let word = |after: &str| {
        let rest = line.split_once(after).expect("a field").1.trim_start();
        rest.split([',', ' ']).next().expect("a word").to_owned()
    };
    let lengths = line.split_once("(rec/tot):").expect("lengths").1;
    let total = lengths.split_once('/').expect("two").1.trim_start();
    let total = total.split(',').next().expect("one").trim().parse().expect("a number");
    (word("lsn:").parse().expect("a position"), total)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logs_of_a_dead_instance_are_fetched_to_the_byte() {
    let Some(bed) = Bed::new().await else { return };
    let (first, second) = (bed.first(), bed.second());
    deliver(&first.sql().await, 20).await;
    bed.caught_up().await;
    let logs = first.logs();
    let early = second.instance.copy_last_logs(Some(&logs), LONG).await;
    assert_eq!(early.expect_err("the source runs").kind(), Kind::Refused);
    second.cut().await;
    let sql = first.sql().await;
    fill(&sql, 6).await;
    deliver(&sql, 20).await;
    let rows = first.count().await;
    let active = first.instance.status().await;
    let have = second.instance.status().await.positions.inspected;
    first.instance.kill_now(LONG).await.expect("ended");

    let stranger = Key::new(b"another key of any length").expect("a key");
    let stranger = Client::new(vec![first.server.address()], stranger, Duration::from_secs(20));
    let refused = second.instance.copy_last_logs(Some(&stranger), LONG).await;
    assert_eq!(refused.expect_err("another key").kind(), Kind::Refused);

    // (c) first: without a source it is counted by what was heard.
    second.instance.heard(1, active.positions.generated);
    let counted = second.instance.copy_last_logs(None, LONG).await.expect("counted");
    assert_eq!((counted.copied, counted.have), (0, have));
    assert_eq!(counted.missing, logs_missing(have, active.positions.generated));
    assert!(counted.missing >= 6, "{counted:?}");

    // (b) then: with the source everything is there, to the byte.
    let (lsn, length) = last_record(first, have, 1);
    let fetched = second.instance.copy_last_logs(Some(&logs), LONG).await.expect("fetched");
    assert_eq!(fetched.missing, 0, "{fetched:?}");
    assert_eq!(fetched.copied, logs_missing(have, fetched.have));
    assert!(fetched.copied >= 6, "{fetched:?}");
    let end = lsn.0 + length.next_multiple_of(8);
    let headers = (length / 8168 + 2) * 40;
    assert!((end..=end + headers).contains(&fetched.have.0), "{fetched:?}, last at {lsn}");
    assert!(fetched.have >= active.positions.generated);
    let again = second.instance.copy_last_logs(Some(&logs), LONG).await.expect("fetched");
    assert_eq!((again.copied, again.missing), (0, 0));
    second.instance.mount(LONG).await.expect("mounted");
    assert_eq!(second.count().await, rows, "every message is there");
    // Nothing of the old one has diverged: it follows without being mended.
    deliver(&second.sql().await, 5).await;
    first.follow(1);
    first.reaches(Status::Healthy).await;
    let end = second.instance.status().await.positions.generated;
    first.reaches_that("caught up", |report| report.positions.replayed >= end).await;
    assert_eq!(first.count().await, rows + 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logs_that_are_gone_are_counted_as_missing() {
    let Some(bed) = Bed::new().await else { return };
    let (first, second) = (bed.first(), bed.second());
    second.cut().await;
    let sql = first.sql().await;
    fill(&sql, 5).await;
    first.instance.kill_now(LONG).await.expect("ended");
    let have = second.instance.status().await.positions.inspected;
    // The disk of the dead host has lost its last logs but one.
    let wal = first.instance.settings().data().join("pg_wal");
    let mut files: Vec<_> = std::fs::read_dir(&wal)
        .expect("logs")
        .filter_map(|entry| entry.expect("an entry").file_name().into_string().ok())
        .filter(|name| name.len() == 24)
        .collect();
    files.sort();
    let name = |file: u64| format!("{:08X}{:08X}{:08X}", 1, file / 4096, file % 4096);
    let lost: Vec<_> = files.into_iter().filter(|file| *file > name(have.file() + 1)).collect();
    assert!(lost.len() >= 3);
    for file in lost {
        std::fs::remove_file(wal.join(file)).expect("removed");
    }
    second.instance.heard(1, Position((have.file() + 6) * (1 << 20)));
    let last = second.instance.copy_last_logs(Some(&first.logs()), LONG).await.expect("fetched");
    assert!(last.copied >= 1, "{last:?}");
    assert!(last.missing >= 4, "{last:?}");
    assert_eq!(last.missing, logs_missing(last.have, last.known));
    second.instance.mount(LONG).await.expect("with a dial that lets it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_is_away_is_told_apart() {
    let Some(bed) = Bed::new().await else { return };
    let (first, second) = (bed.first(), bed.second());
    first.instance.kill_now(LONG).await.expect("ended");
    let key = Key::new(b"sixteen bytes or more").expect("a key");
    let nobody = ([127, 0, 0, 1], crate::database::bed::free_port()).into();
    let nobody = Client::new(vec![nobody], key.clone(), Duration::from_secs(20));
    let away = second.instance.copy_last_logs(Some(&nobody), LONG).await.expect_err("away");
    assert_eq!(away.kind(), Kind::NoPath, "{away}");
    // One that accepts and says nothing, as a frozen host.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    let address = silent.local_addr().expect("its address");
    let silent_one = Client::new(vec![address], key, Duration::from_millis(300));
    let late = second.instance.copy_last_logs(Some(&silent_one), LONG).await.expect_err("silent");
    assert_eq!(late.kind(), Kind::NoAnswer, "{late}");
    second.instance.mount(LONG).await.expect("mounted");
    let active = second.instance.copy_last_logs(None, LONG).await.expect_err("it is active");
    assert_eq!(active.kind(), Kind::Refused);
}
