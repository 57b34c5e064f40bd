//! Mail, told as stories in a site without Cluster services.

use super::super::storage::fixture::*;
use super::{accept, stored, written};
use crate::base::{ClientId, CopyId, MailId, SiteId, Span};
use crate::failover::seam::{Act, Failure};
use crate::journal::record::MailEvent;
use crate::journal::{Record, RecordNo, What};
use crate::model::fault::Planned;
use crate::model::{Fault, Service};

/// A client sends and the Store takes it at once.
fn send(play: &mut Play, client: ClientId, copy: CopyId) -> MailId {
    let mail = written(&mut play.p, play.now, client, None, Some(RecordNo(0)));
    assert!(stored(&mut play.p, play.now, mail, copy, RecordNo(0)));
    mail
}

/// What happened to a message after it was submitted, in words.
fn story(records: &[Record], mail: MailId) -> Vec<String> {
    let events = records.iter().filter_map(|record| match record.what {
        What::Mail(other, event) if other == mail => Some(event),
        _ => None,
    });
    events
        .map(|event| match event {
            MailEvent::Written { .. } => "written".to_string(),
            MailEvent::Submitted { .. } => "submitted".to_string(),
            MailEvent::Queued { machine } => format!("queued {machine:?}"),
            MailEvent::Shadowed { machine } => format!("shadowed {machine:?}"),
            MailEvent::Delivered { copy } => format!("delivered {copy:?}"),
            MailEvent::LostFromDatabase { .. } => "lost from database".to_string(),
            MailEvent::Resubmitted { machine } => format!("resubmitted {machine:?}"),
            MailEvent::Duplicate => "duplicate".to_string(),
            MailEvent::Lost => "lost".to_string(),
            MailEvent::Deferred { why } => format!("deferred {why:?}"),
        })
        .collect()
}

fn stop(service: Service, machine: u8, at: u64, lasts: u64) -> Planned {
    let machine = crate::base::MachineId(machine);
    let fault = Fault::ServiceStop { machine, service };
    Planned { at: seconds(at), lasts: Some(Span::from_secs(lasts)), fault }
}

#[test]
fn mail_goes_through_the_other_hub() {
    let mut mail = MailId(0);
    let records = play(&topology(), Vec::new(), |play| {
        play.activate(EX01, &[EX01, EX02]);
        mail = send(play, CACHED, VIP1);
        play.until(seconds(10));
        assert!(
            play.p.transport.messages[mail].dumpster.contains(EX02.into()),
            "its log is not closed"
        );
        for _ in 0..20 {
            send(play, CACHED, VIP1);
        }
        play.until(seconds(20));
        send(play, CACHED, VIP1);
        play.until(seconds(21));
        assert!(play.p.transport.messages[mail].dumpster.is_empty(), "its log is copied");
        assert!(play.p.transport.databases[VIP].entries.len() < 3, "old entries are dropped");
    });
    assert_eq!(story(&records, mail), ["written", "submitted", "queued m1", "delivered d0@n0"]);
    assert_causes(&records);
}

#[test]
fn a_store_that_does_not_serve_takes_nothing_and_takes_a_message_once() {
    let mut mail = MailId(0);
    let records = play(&topology(), Vec::new(), |play| {
        mail = written(&mut play.p, play.now, CACHED, Some(3), Some(RecordNo(0)));
        assert!(!stored(&mut play.p, play.now, mail, VIP1, RecordNo(0)));
        play.activate(EX01, &[EX01, EX02]);
        for _ in 0..2 {
            assert!(stored(&mut play.p, play.now, mail, VIP1, RecordNo(0)));
        }
        play.until(seconds(10));
    });
    assert_eq!(story(&records, mail), ["written", "submitted", "queued m1", "delivered d0@n0"]);
}

#[test]
fn a_hub_beside_the_active_copy_hands_on_and_keeps_a_shadow() {
    let mut mail = MailId(0);
    let records = play(&topology(), Vec::new(), |play| {
        play.activate(EX01, &[EX01, EX02]);
        mail = accept(&mut play.p, play.now, EX01.into(), RELAY, RecordNo(0));
        play.until(seconds(10));
        assert!(play.p.transport.messages[mail].shadow.is_empty());
    });
    let expected = ["submitted", "queued m0", "shadowed m0", "queued m1", "delivered d0@n0"];
    assert_eq!(story(&records, mail), expected);
}

#[test]
fn without_another_hub_the_local_one_serves() {
    let mut mail = MailId(0);
    let records = play(&topology(), vec![stop(Service::HubTransport, 1, 1, 60)], |play| {
        play.activate(EX01, &[EX01, EX02]);
        mail = send(play, ONLINE, VIP1);
        play.until(seconds(10));
    });
    assert_eq!(story(&records, mail), ["written", "submitted", "queued m0", "delivered d0@n0"]);
}

#[test]
fn a_hub_in_another_site_is_only_for_mailboxes_there() {
    let mut site = topology();
    site.machines[EX02.into()].site = SiteId(1);
    let (mut before, mut after) = (MailId(0), MailId(0));
    let records = play(&site, Vec::new(), |play| {
        play.activate(EX01, &[EX01, EX02]);
        before = send(play, ONLINE, VIP1);
        play.until(seconds(10));
        play.run(EX01, Act::Dismount(VIP)).expect("it ends");
        play.activate(EX02, &[EX01, EX02]);
        let ex01 = EX01.into();
        after = accept(&mut play.p, play.now, ex01, ClientId(2), RecordNo(0));
        play.until(seconds(60));
    });
    assert_eq!(story(&records, before), ["written", "submitted", "queued m0", "delivered d0@n0"]);
    let handed = ["submitted", "queued m0", "shadowed m0", "queued m1", "delivered d0@n1"];
    assert_eq!(story(&records, after), handed);
}

#[test]
fn without_a_hub_or_a_domain_controller_mail_waits() {
    let faults = vec![
        stop(Service::HubTransport, 0, 1, 29),
        stop(Service::HubTransport, 1, 1, 29),
        stop(Service::Directory, 2, 1, 99),
    ];
    let mut mail = MailId(0);
    let records = play(&topology(), faults, |play| {
        play.activate(EX01, &[EX01, EX02]);
        mail = send(play, ONLINE, VIP1);
        play.until(seconds(600));
    });
    let expected = [
        "written",
        "submitted",
        "deferred NoAnswer",
        "queued m1",
        "deferred NoDomainController",
        "delivered d0@n0",
    ];
    assert_eq!(story(&records, mail), expected);
    assert_causes(&records);
}

#[test]
fn a_stopped_hub_keeps_its_queue() {
    let mut mail = MailId(0);
    let records = play(&topology(), vec![stop(Service::HubTransport, 1, 3, 60)], |play| {
        play.activate(EX01, &[EX01, EX02]);
        play.until(millis(2_790));
        mail = send(play, ONLINE, VIP1);
        play.until(seconds(62));
        assert!(play.p.transport.messages[mail].queued.contains(EX02.into()));
        play.until(seconds(64));
        assert!(play.p.transport.messages[mail].delivered);
    });
    assert_eq!(story(&records, mail).last().expect("delivered"), "delivered d0@n0");
}

#[test]
fn mail_for_a_dismounted_database_goes_on_when_it_is_mounted_elsewhere() {
    let mut mail = MailId(0);
    let records = play(&topology(), Vec::new(), |play| {
        play.activate(EX01, &[EX01, EX02]);
        play.run(EX01, Act::Dismount(VIP)).expect("it ends");
        mail = accept(&mut play.p, play.now, EX02.into(), RELAY, RecordNo(0));
        play.until(seconds(10));
        let last_logs = Act::CopyLastLogs { database: VIP, source: Some(EX01) };
        play.run(EX02, last_logs).expect("it ends");
        play.activate(EX02, &[EX01, EX02]);
        play.until(seconds(20));
    });
    let expected = [
        "submitted",
        "queued m1",
        "deferred ServiceStopped",
        "shadowed m1",
        "queued m0",
        "delivered d0@n1",
    ];
    assert_eq!(story(&records, mail), expected);
}

/// EX01 does not reach EX02 and has mail that EX02 never saw; EX02 is activated without it.
fn lossy(play: &mut Play, client: ClientId) -> MailId {
    play.activate(EX01, &[EX01, EX02]);
    play.until(seconds(11));
    let mail = send(play, client, VIP1);
    play.until(seconds(12));
    play.run(EX02, Act::CopyLastLogs { database: VIP, source: None });
    play.activate(EX02, &[EX02]);
    mail
}

#[test]
fn what_an_isolated_server_delivered_comes_again_from_its_dumpster() {
    let cut = |network| Planned {
        at: seconds(10),
        lasts: Some(Span::from_secs(50)),
        fault: Fault::PathCut {
            one_way: false,
            network: crate::base::NetId(network),
            from: EX01.into(),
            to: EX02.into(),
        },
    };
    let mut mail = MailId(0);
    let records = play(&topology(), vec![cut(0), cut(1)], |play| {
        mail = lossy(play, ONLINE);
        play.begin(EX01, Act::Follow { database: VIP, active: Some(EX02), suspended: false });
        play.p.locations.pin(EX01.into(), VIP, EX02);
        play.until(seconds(120));
    });
    let expected = [
        "written",
        "submitted",
        "queued m0",
        "delivered d0@n0",
        "lost from database",
        "resubmitted m0",
        "queued m0",
        "delivered d0@n1",
    ];
    assert_eq!(story(&records, mail), expected);
    assert_causes(&records);
}

#[test]
fn a_sent_item_lost_before_a_hub_took_it_is_in_the_cache_or_lost() {
    for (client, last) in [(CACHED, "lost from database"), (ONLINE, "lost")] {
        let faults =
            vec![isolated(EX01, seconds(10), None), stop(Service::HubTransport, 0, 9, 600)];
        let mut mail = MailId(0);
        let records = play(&topology(), faults, |play| mail = lossy(play, client));
        let story = story(&records, mail);
        assert!(story.contains(&"lost from database".to_string()));
        assert_eq!(story.last().expect("an end"), last);
    }
}

#[test]
fn a_shadow_is_taken_over_after_all_retries_and_the_returning_hub_makes_a_duplicate() {
    let mut site = topology();
    site.settings.transport.shadow_heartbeat_timeout_interval = Span::from_secs(30);
    site.settings.transport.shadow_heartbeat_retry_count = 2;
    let mut mail = MailId(0);
    let faults = vec![stop(Service::HubTransport, 1, 3, 200)];
    let records = play(&site, faults, |play| {
        play.activate(EX01, &[EX01, EX02]);
        play.until(millis(2_930));
        mail = accept(&mut play.p, play.now, EX01.into(), RELAY, RecordNo(0));
        play.until(seconds(300));
    });
    let expected = [
        "submitted",
        "queued m0",
        "shadowed m0",
        "queued m1",
        "resubmitted m0",
        "queued m0",
        "delivered d0@n0",
        "duplicate",
    ];
    assert_eq!(story(&records, mail), expected);
}

#[test]
fn a_dumpster_that_overflows_forgets_the_oldest() {
    let mut site = topology();
    site.settings.transport.max_dumpster_size_per_database = 1;
    let faults = vec![Planned {
        at: seconds(3),
        lasts: None,
        fault: Fault::ServiceStop { machine: EX02.into(), service: Service::Replication },
    }];
    play(&site, faults, |play| {
        play.activate(EX01, &[EX01, EX02]);
        play.until(seconds(4));
        let first = send(play, ONLINE, VIP1);
        for _ in 0..20 {
            send(play, ONLINE, VIP1);
        }
        play.until(seconds(10));
        assert!(play.p.transport.messages[first].dumpster.is_empty());
        assert_eq!(play.p.transport.hubs[EX02.into()].dumpsters[VIP].len(), 13, "1 MB of 75 KB");
    });
}

#[test]
fn a_deferred_message_names_why_once() {
    let mut mail = MailId(0);
    let records = play(&topology(), Vec::new(), |play| {
        play.activate(EX01, &[EX01, EX02]);
        play.run(EX01, Act::Dismount(VIP)).expect("it ends");
        mail = accept(&mut play.p, play.now, EX02.into(), RELAY, RecordNo(0));
        play.until(seconds(2_000));
    });
    let why = Failure::ServiceStopped;
    assert_eq!(story(&records, mail)[2..], [format!("deferred {why:?}")]);
}

/// Nobody tells a Hub that the domain controller answers again.
#[test]
fn mail_that_waits_for_no_news_goes_on_after_the_retry_interval() {
    for interval in [Span::from_secs(60), Span::from_secs(300)] {
        let mut site = topology();
        site.settings.transport.message_retry_interval = interval;
        let mut mail = MailId(0);
        let records = play(&site, vec![stop(Service::Directory, 2, 1, 20)], |play| {
            play.activate(EX01, &[EX01, EX02]);
            mail = send(play, ONLINE, VIP1);
            play.until(seconds(500));
        });
        let when = |wanted: fn(&MailEvent) -> bool| {
            let record = records.iter().find(|record| {
                matches!(&record.what, What::Mail(other, event) if *other == mail && wanted(event))
            });
            record.expect("it happens").at
        };
        let waits = when(|event| matches!(event, MailEvent::Deferred { .. }));
        let goes = when(|event| matches!(event, MailEvent::Delivered { .. }));
        let waited = goes.since(waits);
        assert!(waited >= interval && waited < interval + Span::from_secs(1), "{waited}");
    }
}

/// When the shadow of a message is taken over whose primary Hub never comes back: seconds since
/// that Hub was last heard.
fn taken_over(timeout: Span, retries: u32) -> u64 {
    let mut site = topology();
    site.settings.transport.shadow_heartbeat_timeout_interval = timeout;
    site.settings.transport.shadow_heartbeat_retry_count = retries;
    let mut mail = MailId(0);
    let records = play(&site, vec![stop(Service::HubTransport, 1, 3, 100_000)], |play| {
        play.activate(EX01, &[EX01, EX02]);
        play.until(millis(2_930));
        mail = accept(&mut play.p, play.now, EX01.into(), RELAY, RecordNo(0));
        play.until(seconds(20_000));
    });
    let resubmitted = |record: &&Record| {
        let event = MailEvent::Resubmitted { machine: EX01.into() };
        matches!(record.what, What::Mail(other, what) if other == mail && what == event)
    };
    let record = records.iter().find(resubmitted).expect("it is taken over");
    record.at.since(seconds(3)).as_millis() / 1_000
}

#[test]
fn a_dead_hubs_shadow_is_taken_over_after_15_minutes_with_rtm_and_3_hours_from_sp1() {
    assert_eq!(taken_over(Span::from_secs(300), 3), 900);
    assert_eq!(taken_over(Span::from_secs(900), 12), 10_800);
}
