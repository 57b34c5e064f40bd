//! Creating, seeding, streaming, moving; finding a server again.

use crate::database::bed::{Bed, Copy, LONG, deliver};
use dagtwin::agent::database::{CopyReport, Kind, Status};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_is_created_seeded_and_moved_without_loss() {
    let Some(bed) = Bed::new().await else { return };
    let again = bed.first().instance.create(LONG).await.expect_err("it is there already");
    assert_eq!(again.kind(), Kind::Refused);
    bed.second().instance.seed(0, LONG).await.expect("seeded");
    bed.second().reaches(Status::Healthy).await;
    deliver(&bed.first().sql().await, 50).await;
    bed.caught_up().await;
    let first = bed.first().reaches(Status::Mounted).await;
    assert_eq!((first.streams.len(), first.streams[0].node), (1, 1));
    let second = bed.second().instance.status().await;
    assert_eq!((second.status, second.timeline), (Status::Healthy, 1));
    assert_eq!((second.generated, second.inspected), (second.replayed, second.replayed));

    // There, and back again.
    for (from, to, timeline) in [(0, 1, 2), (1, 0, 3)] {
        let (old, new) = (&bed.copies[from], &bed.copies[to]);
        assert!(old.instance.dismount(LONG).await.expect("dismounted"), "in good order");
        assert_eq!(old.instance.status().await.status, Status::Dismounted);
        let last = new.instance.copy_last_logs(Some(&old.logs()), LONG).await.expect("compared");
        assert_eq!((last.copied, last.missing), (0, 0), "nothing is left behind");
        let mounted = new.instance.mount(LONG).await.expect("mounted");
        assert_eq!((mounted.timeline, mounted.promoted, mounted.resumed), (timeline, true, false));
        let twice = new.instance.mount(LONG).await.expect("mounted already");
        assert_eq!((twice.timeline, twice.promoted), (timeline, false));
        old.follow(u8::try_from(to).expect("small"));
        assert_eq!(new.count().await, 50);
        let follows =
            |report: &CopyReport| report.status == Status::Healthy && report.timeline == timeline;
        old.reaches_that("Healthy on the new timeline", follows).await;
    }
    let log = std::fs::read_to_string(bed.first().instance.settings().directory.join("log"));
    assert!(!log.expect("a log").contains("rewind"), "it rejoined without trouble");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_is_suspended_and_resumed() {
    let Some(bed) = Bed::new().await else { return };
    bed.second().instance.follow(Some(0), true).expect("suspended");
    bed.second().reaches_that("still", |report| report.status == Status::Suspended).await;
    // The receiver is off when nobody streams any more.
    bed.first().reaches_that("without a stream", |report| report.streams.is_empty()).await;
    // What had come by then may still be on its way to the disk.
    let mut before = bed.second().instance.status().await;
    loop {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let later = bed.second().instance.status().await;
        if std::mem::replace(&mut before, later).positions == before.positions {
            break;
        }
    }
    deliver(&bed.first().sql().await, 20).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let after = bed.second().instance.status().await;
    assert_eq!(after.status, Status::Suspended);
    assert_eq!(after.positions, before.positions, "it copies and replays nothing");
    bed.second().follow(0);
    bed.second().reaches(Status::Healthy).await;
    bed.caught_up().await;
    assert_eq!(bed.second().count().await, 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_starts_again_finds_its_servers() {
    let Some(mut bed) = Bed::new().await else { return };
    let acknowledging = bed.first().instance.require_acknowledgement(&[1], LONG).await;
    acknowledging.expect("in force");
    for node in [1, 0] {
        let copy = bed.copies.remove(node);
        let (settings, process) = (copy.instance.settings().clone(), copy.instance.process());
        drop(copy);
        let copy = Copy::open(settings).await;
        assert!(process.is_some());
        assert_eq!(copy.instance.process(), process);
        bed.copies.insert(node, copy);
    }
    let first = bed.first().reaches_that("mounted", |report| !report.streams.is_empty()).await;
    assert_eq!(first.status, Status::Mounted);
    assert!(first.streams[0].acknowledging, "commits wait as before");
    bed.second().follow(0);
    bed.second().reaches(Status::Healthy).await;
    // One that it did not start itself is looked after all the same.
    let server = bed.first().instance.process().expect("it runs");
    crate::database::bed::signal(server, rustix::process::Signal::KILL);
    let event = bed.copies[0].event().await;
    assert!(matches!(event, dagtwin::agent::database::Event::Failed { .. }), "{event:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lagged_copy_replays_everything_when_it_is_mounted() {
    let lag = |settings: &mut dagtwin::agent::database::Settings| {
        if settings.node == 1 {
            settings.replay_lag = Duration::from_secs(3600);
        }
    };
    let Some(bed) = Bed::with(lag).await else { return };
    deliver(&bed.first().sql().await, 30).await;
    let end = bed.first().instance.status().await.positions.generated;
    let lagging =
        |report: &CopyReport| report.positions.inspected >= end && report.positions.replayed < end;
    bed.second().reaches_that("lagging", lagging).await;
    // Started anew it does not know what was streamed to it; it is on disk all the same.
    bed.second().instance.dismount(LONG).await.expect("stopped");
    bed.first().instance.kill_now(LONG).await.expect("ended");
    bed.second().instance.heard(1, end);
    let last = bed.second().instance.copy_last_logs(None, LONG).await.expect("counted");
    assert_eq!((last.copied, last.missing), (0, 0), "{last:?}");
    bed.second().instance.mount(LONG).await.expect("mounted");
    assert_eq!(bed.second().count().await, 30);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_databases_live_beside_each_other() {
    let name = |name: &'static str| {
        Bed::with(move |settings: &mut dagtwin::agent::database::Settings| {
            name.clone_into(&mut settings.name);
        })
    };
    let (Some(one), Some(two)) = tokio::join!(name("db1"), name("db2")) else { return };
    let moved = async |bed: &Bed, messages| {
        deliver(&bed.first().sql().await, messages).await;
        bed.first().instance.dismount(LONG).await.expect("dismounted");
        bed.second().instance.mount(LONG).await.expect("mounted");
        bed.first().follow(1);
        bed.first().reaches(Status::Healthy).await;
        bed.second().count().await
    };
    assert_eq!(tokio::join!(moved(&one, 10), moved(&two, 20)), (10, 20));
}
