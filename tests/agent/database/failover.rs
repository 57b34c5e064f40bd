//! The active copy is lost; what comes back is mended.

use crate::database::bed::{Bed, LONG, deliver, fill, mark, processes, signal};
use dagtwin::agent::database::{Event, Kind, Limits, Settings, Status, Trouble};
use rustix::process::Signal;
use std::time::Duration;
use tokio::time::{Instant, timeout};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_acknowledgement_nothing_is_lost_and_commits_wait() {
    let Some(bed) = Bed::new().await else { return };
    let not_yet = bed.first().instance.require_acknowledgement(&[7], LONG).await;
    assert_eq!(not_yet.expect_err("no such copy streams").kind(), Kind::Refused);
    bed.first().instance.require_acknowledgement(&[1], LONG).await.expect("in force");
    bed.first()
        .reaches_that("acknowledged", |report| {
            report.streams.iter().any(|stream| stream.acknowledging)
        })
        .await;
    let sql = bed.first().sql().await;
    deliver(&sql, 200).await;
    // With nobody to acknowledge them, commits hang until they are released.
    bed.second().instance.kill_now(LONG).await.expect("ended");
    let late = deliver(&sql, 1);
    tokio::pin!(late);
    timeout(Duration::from_millis(500), &mut late).await.expect_err("it hangs");
    bed.first().instance.release_acknowledgement(LONG).await.expect("released");
    timeout(LONG, late).await.expect("it goes on");
    bed.second().follow(0);
    bed.second().reaches(Status::Healthy).await;
    bed.first().instance.require_acknowledgement(&[1], LONG).await.expect("in force again");
    bed.first()
        .reaches_that("acknowledged", |report| {
            report.streams.iter().any(|stream| stream.acknowledging)
        })
        .await;
    deliver(&sql, 100).await;
    bed.first().instance.kill_now(LONG).await.expect("ended");
    let last = bed.second().instance.copy_last_logs(None, LONG).await.expect("counted");
    let mounted = bed.second().instance.mount(LONG).await.expect("mounted");
    assert!(mounted.promoted && last.copied == 0);
    assert_eq!(bed.second().count().await, 301, "every acknowledged one is there");
    // The new active copy waits for nobody until it is told to.
    deliver(&bed.second().sql().await, 1).await;
    bed.first().follow(1);
    bed.first().reaches(Status::Healthy).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_has_diverged_is_mended() {
    let Some(bed) = Bed::new().await else { return };
    // Once it crashed, once it was stopped in good order; the second time the other way round.
    for (from, to, crash) in [(0, 1, true), (1, 0, false)] {
        let (old, new) = (&bed.copies[from], &bed.copies[to]);
        new.reaches(Status::Healthy).await;
        deliver(&old.sql().await, 10).await;
        let common = old.count().await;
        let end = old.instance.status().await.positions.generated;
        new.reaches_that("caught up", |report| report.positions.replayed >= end).await;
        new.cut().await;
        let sql = old.sql().await;
        fill(&sql, 3).await;
        deliver(&sql, 5).await;
        drop(sql);
        if crash {
            old.instance.kill_now(LONG).await.expect("ended");
            let other = new.instance.process().expect("it runs");
            its_lock_names(old.instance.settings(), other);
        } else {
            old.instance.dismount(LONG).await.expect("dismounted");
        }
        new.instance.mount(LONG).await.expect("mounted");
        assert_eq!(new.count().await, common);
        deliver(&new.sql().await, 7).await;
        old.follow(u8::try_from(to).expect("small"));
        old.reaches(Status::Healthy).await;
        let end = new.instance.status().await.positions.generated;
        old.reaches_that("caught up", |report| report.positions.replayed >= end).await;
        assert_eq!(old.count().await, common + 7, "what diverged is gone");
        assert!(!old.instance.settings().data().join("postgresql.auto.conf.new").exists());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_was_active_stops_being_it() {
    let Some(bed) = Bed::new().await else { return };
    deliver(&bed.first().sql().await, 10).await;
    bed.caught_up().await;
    // Both are active, as after a partition that nobody fenced; then the first is told.
    bed.second().instance.mount(LONG).await.expect("mounted");
    deliver(&bed.first().sql().await, 3).await;
    deliver(&bed.second().sql().await, 4).await;
    bed.first().follow(1);
    bed.first().reaches(Status::Healthy).await;
    let end = bed.second().instance.status().await.positions.generated;
    bed.first().reaches_that("caught up", |report| report.positions.replayed >= end).await;
    assert_eq!(bed.first().count().await, 14);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_ends_by_itself_is_noticed() {
    let Some(mut bed) = Bed::new().await else { return };
    deliver(&bed.first().sql().await, 25).await;
    signal(bed.first().instance.process().expect("it runs"), Signal::KILL);
    let event = bed.copies[0].event().await;
    let Event::Failed { trouble, was_active, why } = event else { panic!("{event:?}") };
    assert_eq!((trouble, was_active), (Trouble::Terminated, true));
    assert!(why.contains("signal: 9"), "{why}");
    let report = bed.first().instance.status().await;
    assert_eq!(report.status, Status::Dismounted);
    assert!(report.generated > 0, "what was known last is told");
    // Its children end a little later than it does: the data are free then.
    let mounted = bed.first().instance.mount(LONG).await.expect("mounted where it was");
    assert_eq!((mounted.promoted, mounted.timeline), (false, 1));
    assert_eq!(bed.first().count().await, 25);
    // A passive one that ends starts again by itself.
    bed.second().reaches(Status::Healthy).await;
    signal(bed.second().instance.process().expect("it runs"), Signal::KILL);
    let event = bed.copies[1].event().await;
    assert!(matches!(event, Event::Failed { was_active: false, .. }), "{event:?}");
    bed.second().reaches(Status::Healthy).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_server_holds_nobody_up() {
    let short = |settings: &mut Settings| {
        settings.limits.answer = Duration::from_secs(3);
    };
    let Some(bed) = Bed::with(short).await else { return };
    deliver(&bed.first().sql().await, 10).await;
    bed.caught_up().await;
    let frozen = processes(&bed.first().instance);
    for pid in &frozen {
        signal(*pid, Signal::STOP);
    }
    let begin = Instant::now();
    assert_eq!(bed.first().instance.status().await.status, Status::ServiceDown);
    let limit = Duration::from_secs(2);
    bed.first().instance.mount(limit).await.expect_err("it does not answer");
    assert!(begin.elapsed() < Duration::from_secs(20), "bounded: {:?}", begin.elapsed());
    // The log server does not hand out what may still grow.
    let logs = bed.first().logs();
    let early = bed.second().instance.copy_last_logs(Some(&logs), LONG).await;
    assert_eq!(early.expect_err("it runs").kind(), Kind::Refused);
    bed.first().instance.kill_now(LONG).await.expect("ended");
    for pid in frozen {
        let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let gone = state.is_empty() || state.contains(") Z");
        assert!(gone, "process {pid} lives: {state}");
    }
    let last = bed.second().instance.copy_last_logs(Some(&logs), LONG).await.expect("fetched");
    assert_eq!(last.missing, 0);
    bed.second().instance.mount(LONG).await.expect("mounted");
    assert_eq!(bed.second().count().await, 10);
    // One that is frozen is stopped within its time too.
    for pid in processes(&bed.second().instance) {
        signal(pid, Signal::STOP);
    }
    let clean = bed.second().instance.dismount(Duration::from_secs(1)).await.expect("by force");
    assert!(!clean);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_promotion_that_was_interrupted_is_done_again() {
    let Some(bed) = Bed::new().await else { return };
    deliver(&bed.first().sql().await, 10).await;
    bed.caught_up().await;
    bed.first().instance.kill_now(LONG).await.expect("ended");
    // As a promotion leaves it that ends between taking its mark away and writing its record.
    let second = &bed.second().instance;
    second.dismount(LONG).await.expect("stopped");
    std::fs::remove_file(second.settings().data().join("standby.signal")).expect("unmarked");
    let mounted = second.mount(LONG).await.expect("mounted");
    assert!(mounted.resumed && mounted.promoted);
    assert_eq!(mounted.timeline, 2, "not the timeline of the other copy");
    // And for real, at any moment of it.
    let mut timeline = mounted.timeline;
    for delay in [0, 2, 5, 9, 14, 20] {
        second.dismount(LONG).await.expect("stopped");
        mark(second.settings());
        let mount = second.mount(LONG);
        let kill = async {
            let passive = async {
                while second.process().is_none() {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            };
            passive.await;
            tokio::time::sleep(Duration::from_millis(60 + delay * 5)).await;
            second.kill_now(LONG).await.expect("ended");
        };
        let (_, ()) = tokio::join!(timeout(LONG, mount), kill);
        let again = second.mount(LONG).await.expect("mounted");
        assert!(again.timeline > timeline, "{} after {timeline}", again.timeline);
        timeline = again.timeline;
        assert_eq!(bed.second().count().await, 10);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_file_that_names_nobody_keeps_nobody_from_starting() {
    let Some(bed) = Bed::new().await else { return };
    let first = &bed.first().instance;
    first.kill_now(LONG).await.expect("ended");
    // As a server leaves it that is killed before it has written its number.
    std::fs::write(first.settings().data().join("postmaster.pid"), "").expect("a file");
    let mounted = first.mount(LONG).await.expect("mounted");
    assert!(!mounted.promoted);
}

/// After a power loss the number in the lock of a server is another's: here that of the other
/// copy's server.
fn its_lock_names(settings: &Settings, other: i32) {
    let path = settings.data().join("postmaster.pid");
    let text = std::fs::read_to_string(&path).expect("it was killed");
    let (_, rest) = text.split_once('\n').expect("lines");
    std::fs::write(&path, format!("{other}\n{rest}")).expect("a file");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_file_that_names_another_keeps_nobody_from_starting() {
    let Some(bed) = Bed::new().await else { return };
    let first = &bed.first().instance;
    first.kill_now(LONG).await.expect("ended");
    its_lock_names(first.settings(), bed.second().instance.process().expect("it runs"));
    let mounted = first.mount(LONG).await.expect("mounted");
    assert!(!mounted.promoted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_lock_that_names_another_keeps_nobody_from_starting() {
    let Some(bed) = Bed::new().await else { return };
    let first = &bed.first().instance;
    first.kill_now(LONG).await.expect("ended");
    // After a power loss the number is another's: here that of the other copy's server.
    let other = bed.second().instance.process().expect("it runs");
    let settings = first.settings();
    let lock = settings.socket_directory().join(format!(".s.PGSQL.{}.lock", settings.port));
    std::fs::write(lock, format!("{other}\n/elsewhere\n0\n5432\n\n\n")).expect("a file");
    let mounted = first.mount(LONG).await.expect("mounted");
    assert!(!mounted.promoted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_active_copy_makes_it_disconnected() {
    let short = |settings: &mut Settings| {
        settings.limits = Limits { silence: Duration::from_secs(1), ..settings.limits };
    };
    let Some(bed) = Bed::with(short).await else { return };
    let frozen = processes(&bed.first().instance);
    for pid in &frozen {
        signal(*pid, Signal::STOP);
    }
    let report = bed.second().reaches(Status::DisconnectedAndHealthy).await;
    assert!(report.inspected > 0);
    for pid in &frozen {
        signal(*pid, Signal::CONT);
    }
    bed.second().reaches(Status::Healthy).await;
}
