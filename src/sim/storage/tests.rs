//! Storage, told as stories in a site without Cluster services.

use super::fixture::*;
use super::{active_location, request_time, serving, write};
use crate::base::{MachineId, Span};
use crate::failover::seam::{Act, ContentIndex, CopyStatus, Failure, Outcome};
use crate::journal::record::Plant as Change;
use crate::journal::{Record, RecordNo};
use crate::model::fault::Planned;
use crate::model::topology::ClientKind;
use crate::model::topology::{ExchangeVersion, NetworkRole};
use crate::model::{Fault, Service};

const FOLLOW1: Act = Act::Follow { database: VIP, active: Some(EX01), suspended: false };
const FOLLOW2: Act = Act::Follow { database: VIP, active: Some(EX02), suspended: false };
const LAST_LOGS: Act = Act::CopyLastLogs { database: VIP, source: Some(EX01) };

fn store(play: &mut Play, copy: crate::base::CopyId, kilobytes: u64) -> u64 {
    write(&mut play.p, play.now, copy, kilobytes, RecordNo(0))
}

/// How far a copy's logs are now.
fn position(play: &mut Play, copy: crate::base::CopyId) -> u64 {
    super::copy::drain(&mut play.p, play.now, copy);
    play.p.copy(copy).log.position
}

fn status(play: &Play) -> (CopyStatus, CopyStatus) {
    (play.p.copy(VIP1).status, play.p.copy(VIP2).status)
}

fn mounts(records: &[Record]) -> Vec<(crate::base::CopyId, u64, u64)> {
    changes(records)
        .filter_map(|(_, change)| match change {
            Change::Mounted { copy, lost_logs, replayed_logs } => {
                Some((copy, lost_logs, replayed_logs))
            }
            _ => None,
        })
        .collect()
}

#[test]
fn a_mount_takes_its_time_and_then_the_store_serves() {
    let records = play(&topology(), Vec::new(), |play| {
        assert!(serving(&play.p, EX01.into(), VIP).is_err());
        let op = play.begin(EX01, Act::Mount(VIP));
        play.until(millis(1_999));
        assert_eq!(status(play).0, CopyStatus::Mounting);
        assert_eq!(play.outcome(op), None);
        play.until(seconds(2));
        assert_eq!(play.outcome(op), Some((seconds(2), Outcome::Ok)));
        let since = serving(&play.p, EX01.into(), VIP).expect("it is mounted");
        assert_eq!(Some(since), play.p.copy(VIP1).mounted.map(|(record, _)| record));
        assert!(serving(&play.p, EX02.into(), VIP).is_err());
        assert!(serving(&play.p, MachineId(2), VIP).is_err());
    });
    assert_eq!(mounts(&records), [(VIP1, 0, 0)]);
    assert_causes(&records);
}

#[test]
fn block_mode_ships_each_write_after_the_network() {
    play(&topology(), Vec::new(), |play| {
        play.activate(EX01, &[EX01, EX02]);
        let position = store(play, VIP1, 200);
        assert!(play.p.copy(VIP2).log.position < position);
        let (_, outcome) = play.run(EX02, Act::CopyStatus(VIP)).expect("it answers");
        let Outcome::Copy(report) = outcome else { panic!("{outcome:?}") };
        assert_eq!(report.status, CopyStatus::Healthy);
        assert_eq!((report.copy_queue(), report.replay_queue()), (0, 0));
        assert_eq!(play.p.copy(VIP2).log.position, position);
        assert!(play.p.copy(VIP2).link.block);
        let network = play.p.copy(VIP2).link.network.expect("connected");
        assert_eq!(play.p.setup.topology.networks[network].role, NetworkRole::Cluster);
    });
}

#[test]
fn file_mode_ships_closed_logs_and_loses_the_current_one() {
    let mut site = topology();
    site.exchange = ExchangeVersion::Rtm;
    let faults = vec![isolated(EX01, seconds(10), None)];
    let records = play(&site, faults, |play| {
        play.activate(EX01, &[EX01, EX02]);
        store(play, VIP1, 1_500);
        play.until(seconds(9));
        assert_eq!(play.p.copy(VIP2).log.position, 1_001 * 1_024, "one closed log");
        play.until(seconds(20));
        assert_eq!(status(play).1, CopyStatus::DisconnectedAndHealthy);
        let none = Act::CopyLastLogs { database: VIP, source: None };
        let ended = play.run(EX02, none).expect("it counts");
        assert_eq!(ended, (seconds(20), Outcome::LastLogs { copied: 0, missing: 1 }));
        play.activate(EX02, &[EX02]);
    });
    assert_eq!(mounts(&records)[1], (VIP2, 1, 0));
}

#[test]
fn last_logs_come_from_a_source_that_answers() {
    let mut site = topology();
    site.settings.replication.block_mode = false;
    let records = play(&site, Vec::new(), |play| {
        play.activate(EX01, &[EX01, EX02]);
        store(play, VIP1, 700);
        play.run(EX01, Act::Dismount(VIP)).expect("it ends");
        let (at, outcome) = play.run(EX02, LAST_LOGS).expect("it ends");
        assert_eq!(outcome, Outcome::LastLogs { copied: 1, missing: 0 });
        assert!(at < play.now + Span::from_secs(1));
        play.activate(EX02, &[EX01, EX02]);
        play.until(seconds(60));
        assert_eq!(status(play), (CopyStatus::Healthy, CopyStatus::Mounted));
    });
    assert_eq!(mounts(&records)[1], (VIP2, 0, 1), "the partly filled log is replayed");
}

#[test]
fn last_logs_from_a_source_without_path_take_until_the_time_out() {
    let faults = vec![isolated(EX01, seconds(10), None)];
    play(&topology(), faults, |play| {
        play.activate(EX01, &[EX01, EX02]);
        play.until(seconds(10));
        let ended = play.run(EX02, LAST_LOGS).expect("it times out");
        assert_eq!(ended, (seconds(25), Outcome::LastLogs { copied: 0, missing: 0 }));
    });
}

#[test]
fn what_a_slow_mount_lacked_is_lost_though_its_owner_drops_it_meanwhile() {
    let mut site = topology();
    site.settings.store.mount_time = Span::from_secs(50);
    let faults = vec![isolated(EX01, seconds(60), Some(Span::from_secs(5)))];
    let records = play(&site, faults, |play| {
        play.activate(EX01, &[EX01, EX02]);
        play.until(seconds(61));
        store(play, VIP1, 3_000);
        play.run(EX01, Act::Dismount(VIP)).expect("it ends");
        play.begin(EX02, Act::Mount(VIP));
        play.until(seconds(66));
        let follow = Act::Follow { database: VIP, active: Some(EX02), suspended: false };
        play.begin(EX01, follow);
        play.until(seconds(130));
        assert_eq!(status(play), (CopyStatus::Healthy, CopyStatus::Mounted));
    });
    let (copy, lost, _) = mounts(&records)[1];
    assert_eq!(copy, VIP2);
    assert!(lost > 0, "EX01 had dropped its tail when EX02 had mounted");
}

#[test]
fn what_is_heard_of_while_last_logs_are_waited_for_counts() {
    let mut site = topology();
    site.settings.replication.block_mode = false;
    let faults = vec![isolated(EX01, seconds(10), Some(Span::from_secs(14)))];
    play(&site, faults, |play| {
        play.activate(EX01, &[EX01, EX02]);
        play.until(seconds(10));
        store(play, VIP1, 300_000);
        let ended = play.run(EX02, LAST_LOGS).expect("it times out");
        let Outcome::LastLogs { copied: 0, missing } = ended.1 else { panic!("{ended:?}") };
        assert_eq!(ended.0, seconds(25));
        assert!(missing > 0, "EX02 was told at 24 s of what EX01 wrote");
    });
}

#[test]
fn a_diverged_copy_resynchronizes_and_drops_its_tail() {
    let faults = vec![isolated(EX01, seconds(10), Some(Span::from_secs(50)))];
    let records = play(&topology(), faults, |play| {
        play.activate(EX01, &[EX01, EX02]);
        store(play, VIP1, 300);
        play.until(seconds(11));
        let diverged = store(play, VIP1, 3_000);
        play.run(EX02, Act::CopyLastLogs { database: VIP, source: None });
        play.activate(EX02, &[EX02]);
        store(play, VIP2, 5_000);
        play.begin(EX01, Act::Dismount(VIP));
        play.until(seconds(61));
        play.begin(EX01, FOLLOW2);
        assert_eq!(status(play).0, CopyStatus::Initializing);
        play.until(seconds(77));
        assert_eq!(status(play).0, CopyStatus::Resynchronizing);
        assert_eq!(play.p.copy(VIP1).log.position, diverged);
        play.until(seconds(82));
        assert_eq!(status(play).0, CopyStatus::Healthy);
        assert_eq!(position(play, VIP1), position(play, VIP2));
    });
    assert_eq!(mounts(&records)[1].1, 4, "the first half log is common, four logs were touched");
    assert_causes(&records);
}

#[test]
fn a_copy_that_is_to_be_activated_while_it_resynchronizes_does_not_go_on() {
    let faults = vec![isolated(EX01, seconds(10), Some(Span::from_secs(10)))];
    play(&topology(), faults, |play| {
        play.activate(EX01, &[EX01, EX02]);
        play.until(seconds(11));
        store(play, VIP1, 3_000);
        play.activate(EX02, &[EX02]);
        play.until(seconds(21));
        play.run(EX01, Act::Dismount(VIP));
        play.begin(EX01, FOLLOW2);
        play.until(seconds(38));
        assert_eq!(status(play).0, CopyStatus::Resynchronizing);
        play.begin(EX01, FOLLOW1);
        play.until(seconds(60));
        assert_eq!(status(play).0, CopyStatus::Resynchronizing);
        play.begin(EX01, FOLLOW2);
        play.until(seconds(80));
        assert_eq!(status(play).0, CopyStatus::Healthy);
    });
}

#[test]
fn a_copy_that_was_merely_away_catches_up() {
    let faults = vec![Planned {
        at: seconds(10),
        lasts: Some(Span::from_secs(20)),
        fault: Fault::ServiceStop { machine: EX02.into(), service: Service::Replication },
    }];
    let records = play(&topology(), faults, |play| {
        play.activate(EX01, &[EX01, EX02]);
        play.until(seconds(15));
        assert_eq!(status(play).1, CopyStatus::ServiceDown);
        store(play, VIP1, 20_000);
        play.until(seconds(44));
        assert_eq!(status(play).1, CopyStatus::Initializing);
        play.until(seconds(46));
        assert_eq!(status(play).1, CopyStatus::Healthy);
        assert_eq!(position(play, VIP1), position(play, VIP2));
        assert!(play.p.copy(VIP2).link.block);
    });
    let queues: Vec<_> = changes(&records)
        .filter_map(|(_, change)| match change {
            Change::Copy { copy: VIP2, status: CopyStatus::Healthy, copy_queue, .. } => {
                Some(copy_queue)
            }
            _ => None,
        })
        .collect();
    assert_eq!(queues, [19, 0], "healthy with a queue, then without");
}

#[test]
fn a_copy_behind_a_slow_line_drops_to_file_mode_and_comes_back() {
    let mut site = topology();
    site.settings.ethernet.bandwidth = 10;
    play(&site, Vec::new(), |play| {
        play.activate(EX01, &[EX01, EX02]);
        assert!(play.p.copy(VIP2).link.block);
        for _ in 0..30 {
            store(play, VIP1, 205);
        }
        assert!(!play.p.copy(VIP2).link.block);
        play.until(seconds(12));
        assert!(play.p.copy(VIP2).link.block);
        assert_eq!(position(play, VIP1), position(play, VIP2));
    });
}

#[test]
fn a_network_that_loses_every_frame_is_left_and_one_that_loses_some_is_slow() {
    let mut site = topology();
    site.settings.replication.block_mode = false;
    let loss = |at, share| Planned {
        at: seconds(at),
        lasts: Some(Span::from_secs(10)),
        fault: Fault::FrameLoss { network: crate::base::NetId(1), share },
    };
    let half = crate::base::Ratio::new(1, 2).expect("a share");
    let faults = vec![loss(10, half), loss(30, crate::base::Ratio::ONE)];
    play(&site, faults, |play| {
        let network = |play: &Play| play.p.copy(VIP2).link.network.map(|network| network.0);
        play.activate(EX01, &[EX01, EX02]);
        let copies_within = |play: &mut Play| {
            let (began, closes) = (play.now, store(play, VIP1, 1_024));
            while position(play, VIP2) < closes {
                let next = play.now + Span::from_millis(1);
                play.until(next);
            }
            play.now.since(began).as_millis()
        };
        assert_eq!(copies_within(play), 29, "8.4 ms on the line, 20 ms to inspect");
        play.until(seconds(11));
        assert_eq!(copies_within(play), 37, "twice as long on the line");
        play.until(seconds(31));
        copies_within(play);
        assert_eq!(network(play), Some(0));
    });
}

#[test]
fn a_lost_replication_network_falls_back_to_the_mapi_network() {
    let down = |network| Fault::NetworkDown { network: crate::base::NetId(network) };
    let faults = vec![
        Planned { at: seconds(10), lasts: Some(Span::from_secs(10)), fault: down(1) },
        Planned { at: seconds(30), lasts: Some(Span::from_secs(60)), fault: down(0) },
        Planned { at: seconds(40), lasts: Some(Span::from_secs(20)), fault: down(1) },
    ];
    play(&topology(), faults, |play| {
        let network = |play: &Play| play.p.copy(VIP2).link.network.map(|network| network.0);
        play.activate(EX01, &[EX01, EX02]);
        assert_eq!(network(play), Some(1));
        play.until(seconds(11));
        assert_eq!(network(play), Some(0));
        play.until(seconds(25));
        assert_eq!(network(play), Some(0), "the return is manual");
        play.until(seconds(31));
        assert_eq!(network(play), Some(1));
        play.until(millis(44_999));
        assert_eq!((network(play), status(play).1), (None, CopyStatus::Healthy));
        play.until(seconds(45));
        assert_eq!(status(play).1, CopyStatus::DisconnectedAndHealthy);
        play.until(seconds(61));
        assert_eq!((network(play), status(play).1), (Some(1), CopyStatus::Healthy));
    });
}

#[test]
fn a_stopped_store_ends_its_mounts_and_the_next_one_replays() {
    let faults = vec![Planned {
        at: seconds(10),
        lasts: Some(Span::from_secs(5)),
        fault: Fault::ServiceStop { machine: EX01.into(), service: Service::Store },
    }];
    let records = play(&topology(), faults, |play| {
        play.activate(EX01, &[EX01, EX02]);
        store(play, VIP1, 4_096);
        play.until(seconds(11));
        assert_eq!(status(play).0, CopyStatus::Dismounted);
        let ended = play.run(EX01, Act::Mount(VIP)).expect("it is refused");
        assert_eq!(ended.1, Outcome::Failed(Failure::ServiceStopped));
        play.until(seconds(15));
        let (at, _) = play.run(EX01, Act::Mount(VIP)).expect("it ends");
        assert_eq!(at, seconds(19), "2 s and four logs at two a second");
    });
    assert_eq!(mounts(&records)[1], (VIP1, 0, 4));
}

#[test]
fn a_hung_store_answers_nothing_and_goes_on_later() {
    let faults = vec![Planned {
        at: seconds(1),
        lasts: Some(Span::from_secs(9)),
        fault: Fault::ServiceHang { machine: EX01.into(), service: Service::Store },
    }];
    play(&topology(), faults, |play| {
        let op = play.begin(EX01, Act::Mount(VIP));
        play.until(seconds(9));
        assert_eq!((play.outcome(op), status(play).0), (None, CopyStatus::Mounting));
        play.until(seconds(10));
        assert_eq!(play.outcome(op), Some((seconds(10), Outcome::Ok)));
    });
}

#[test]
fn a_machine_without_power_keeps_its_logs_and_starts_initializing() {
    let faults = vec![Planned {
        at: seconds(10),
        lasts: Some(Span::from_secs(10)),
        fault: Fault::PowerOff { machine: EX02.into() },
    }];
    play(&topology(), faults, |play| {
        play.activate(EX01, &[EX01, EX02]);
        let position = store(play, VIP1, 3_000);
        play.until(seconds(11));
        assert_eq!(status(play).1, CopyStatus::ServiceDown);
        assert_eq!(play.p.copy(VIP2).log.position, position);
        play.until(seconds(81));
        assert_eq!(status(play).1, CopyStatus::Initializing);
        play.until(seconds(96));
        assert_eq!(status(play).1, CopyStatus::Healthy);
    });
}

#[test]
fn a_machine_that_stood_still_finishes_what_it_began() {
    let faults = vec![Planned {
        at: seconds(1),
        lasts: Some(Span::from_secs(99)),
        fault: Fault::Freeze { machine: EX01.into() },
    }];
    play(&topology(), faults, |play| {
        let op = play.begin(EX01, Act::Mount(VIP));
        play.until(seconds(99));
        assert_eq!(status(play).0, CopyStatus::Mounting);
        play.until(seconds(100));
        assert_eq!(play.outcome(op), Some((seconds(100), Outcome::Ok)));
    });
}

#[test]
fn the_end_of_the_cluster_service_dismounts() {
    play(&topology(), Vec::new(), |play| {
        play.activate(EX01, &[EX01, EX02]);
        super::cluster_stopped(&mut play.p, seconds(2), EX01, RecordNo(0));
        assert!(serving(&play.p, EX01.into(), VIP).is_err(), "nobody is served from now on");
        play.until(seconds(3));
        assert_eq!(status(play).0, CopyStatus::Dismounted);
        play.begin(EX01, FOLLOW1);
        assert_eq!(status(play).0, CopyStatus::Dismounted, "still the active copy");
    });
}

/// How long the next requests take, so far apart that nothing queues.
fn times(play: &mut Play, from: u64) -> Vec<Span> {
    let one = |n: u64| {
        let at = play.now + Span::from_secs(from) + Span::from_millis(500 * n);
        request_time(&mut play.p, at, VIP1, ClientKind::Outlook)
    };
    (0..8).map(one).collect()
}

#[test]
fn a_cold_cache_costs_extra_reads_until_it_is_warm() {
    play(&topology(), Vec::new(), |play| {
        play.activate(EX01, &[EX01]);
        // Ten operations of 6.5 megacycles and a tenth more for the copy on EX02, at 3,333
        // megacycles a core: longer than the ten times 1.7 ms that were measured elsewhere.
        let warm = Span::from_micros(21_600);
        let read = Span::from_micros(8_700);
        let nearly = |time: Span, reads: u64| {
            let (low, high) = (warm + read * reads, warm + read * reads + Span::from_micros(5));
            (low..high).contains(&time)
        };
        // A request reads two or three times, and just after the mount each read is four.
        let cold = times(play, 0);
        assert!(cold.iter().skip(1).all(|time| nearly(*time, 6) || nearly(*time, 9)), "{cold:?}");
        let half = times(play, 30);
        assert!(half.iter().all(|time| (3..=5).any(|reads| nearly(*time, reads))), "{half:?}");
        let after = times(play, 60);
        assert!(after.iter().skip(1).all(|time| nearly(*time, 0)), "{after:?}");
    });
}

#[test]
fn requests_queue_for_the_cores_of_their_server() {
    let mut site = topology();
    site.machines[MachineId(0)].hardware.cores = 2;
    site.machines[MachineId(0)].hardware.disks = 100;
    play(&site, Vec::new(), |play| {
        play.activate(EX01, &[EX01]);
        let at = play.now + Span::from_secs(100);
        let mut time = || request_time(&mut play.p, at, VIP1, ClientKind::Outlook);
        let times = [time(), time(), time(), time(), time()];
        assert_eq!(times[0], times[1]);
        assert!(times[2] > times[0].scaled(19, 10) && times[3] == times[2], "{times:?}");
        assert!(times[4] > times[0].scaled(29, 10), "{times:?}");
    });
}

#[test]
fn an_answer_of_active_manager_is_kept_when_no_newer_one_can_be_had() {
    play(&topology(), Vec::new(), |play| {
        let ex01 = MachineId::from(EX01);
        assert_eq!(active_location(&mut play.p, seconds(1), ex01, VIP), None);
        play.p.locations.kept[ex01][VIP] = Some((EX02, seconds(1)));
        assert_eq!(active_location(&mut play.p, seconds(9), ex01, VIP), Some(EX02));
        assert_eq!(active_location(&mut play.p, seconds(9), MachineId(2), VIP), None);
    });
}

/// Tells the Replication service of EX02 to stand, or to go on.
fn suspend(play: &mut Play, suspended: bool) {
    play.begin(EX02, Act::Follow { database: VIP, active: Some(EX01), suspended });
}

#[test]
fn a_suspended_copy_stands_while_its_queue_grows_and_goes_on_through_initializing() {
    play(&topology(), Vec::new(), |play| {
        play.activate(EX01, &[EX01, EX02]);
        suspend(play, true);
        assert_eq!(status(play).1, CopyStatus::Suspended);
        let before = position(play, VIP2);
        store(play, VIP1, 20 * 1_024);
        play.until(seconds(60));
        assert_eq!(position(play, VIP2), before, "nothing is copied");
        let (_, outcome) = play.run(EX02, Act::CopyStatus(VIP)).expect("it answers");
        let Outcome::Copy(report) = outcome else { panic!("{outcome:?}") };
        assert_eq!((report.status, report.copy_queue()), (CopyStatus::Suspended, 20));
        let from = play.now;
        suspend(play, false);
        assert_eq!(status(play).1, CopyStatus::Initializing);
        play.until(from + Span::from_millis(14_999));
        assert_eq!(status(play).1, CopyStatus::Initializing);
        play.until(from + Span::from_secs(20));
        assert_eq!(status(play).1, CopyStatus::Healthy);
        assert_eq!(position(play, VIP2), position(play, VIP1));
    });
}

#[test]
fn a_suspended_copy_stays_suspended_over_a_restart_of_its_service() {
    let faults = vec![Planned {
        at: seconds(10),
        lasts: Some(Span::from_secs(10)),
        fault: Fault::ServiceStop { machine: EX02.into(), service: Service::Replication },
    }];
    play(&topology(), faults, |play| {
        play.activate(EX01, &[EX01, EX02]);
        suspend(play, true);
        play.until(seconds(11));
        assert_eq!(status(play).1, CopyStatus::ServiceDown);
        play.until(seconds(60));
        assert_eq!(status(play).1, CopyStatus::Suspended);
    });
}

#[test]
fn a_lagged_copy_replays_a_log_when_it_has_waited_and_a_mount_replays_all_of_them() {
    let mut site = topology();
    let lag = Span::from_secs(3_600);
    site.databases[VIP].replay_lag_times.insert(EX02, lag);
    let records = play(&site, Vec::new(), |play| {
        play.activate(EX01, &[EX01, EX02]);
        let came = play.now;
        store(play, VIP1, 60 * 1_024);
        let replayed = |play: &mut Play| {
            super::copy::drain(&mut play.p, play.now, VIP2);
            super::log::closed(play.p.copy(VIP2).log.replayed)
        };
        play.until(came + (lag - Span::from_secs(1)));
        assert_eq!(replayed(play), 1_000);
        let (_, outcome) = play.run(EX02, Act::CopyStatus(VIP)).expect("it answers");
        let Outcome::Copy(report) = outcome else { panic!("{outcome:?}") };
        assert_eq!((report.copy_queue(), report.replay_queue()), (0, 60));
        play.until(came + lag + Span::from_secs(10));
        let some = replayed(play);
        assert!((1_010..1_030).contains(&some), "two a second since: {some}");
        let began = play.now;
        let left = 1_060 - some;
        play.run(EX01, Act::Dismount(VIP)).expect("it ends");
        play.begin(EX02, LAST_LOGS);
        let (at, _) = play.run(EX02, Act::Mount(VIP)).expect("it ends");
        assert!(at.since(began) > Span::from_secs(left / 2 - 1), "it replays {left} logs first");
    });
    let (_, _, replayed) = mounts(&records)[1];
    assert!((30..=50).contains(&replayed), "{replayed}");
}

#[test]
fn damaged_logs_need_a_seed_that_takes_as_long_as_the_database_is_big() {
    let mut site = topology();
    site.settings.store.database_size = 2;
    let fault = Fault::LogCorruption { copy: VIP2 };
    let faults = vec![Planned { at: seconds(10), lasts: None, fault }];
    let records = play(&site, faults, |play| {
        play.activate(EX01, &[EX01, EX02]);
        play.until(seconds(40));
        assert_eq!(status(play).1, CopyStatus::FailedAndSuspended, "it does not recover by itself");
        let wish = super::seed::Wish { source: None, manual_resume: false, database_only: true };
        super::seed::update(&mut play.p, play.now, VIP2, wish, RecordNo(0));
        assert_eq!(status(play).1, CopyStatus::Seeding);
        assert_eq!(play.p.copy(VIP1).report().status, CopyStatus::SeedingSource);
        store(play, VIP1, 5 * 1_024);
        play.until(seconds(40) + Span::from_millis(102_399));
        assert_eq!(status(play).1, CopyStatus::Seeding, "2 GB at 20 MB/s");
        play.until(seconds(40) + Span::from_millis(102_400));
        assert_eq!(status(play).1, CopyStatus::Initializing);
        play.until(seconds(200));
        assert_eq!(status(play).1, CopyStatus::Healthy);
        assert_eq!(play.p.copy(VIP1).report().status, CopyStatus::Mounted);
        assert_eq!(position(play, VIP2), position(play, VIP1));
        assert_eq!(play.p.copy(VIP2).report().content_index, ContentIndex::Crawling);
        play.until(seconds(3_800));
        assert_eq!(play.p.copy(VIP2).report().content_index, ContentIndex::Healthy);
    });
    assert_causes(&records);
}

#[test]
fn a_healthy_copy_is_not_seeded_and_a_seed_without_its_source_fails() {
    let faults = vec![isolated(EX01, seconds(30), None)];
    play(&topology(), faults, |play| {
        play.activate(EX01, &[EX01, EX02]);
        let wish = super::seed::Wish { source: None, manual_resume: false, database_only: false };
        super::seed::update(&mut play.p, play.now, VIP2, wish, RecordNo(0));
        assert_eq!(status(play).1, CopyStatus::Healthy);
        suspend(play, true);
        super::seed::update(&mut play.p, play.now, VIP2, wish, RecordNo(0));
        assert_eq!(status(play).1, CopyStatus::Seeding);
        play.until(seconds(31));
        assert_eq!(status(play).1, CopyStatus::FailedAndSuspended);
    });
}
