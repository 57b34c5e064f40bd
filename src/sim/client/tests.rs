//! Clients, told as stories in a site without Cluster services: the stories move the array's
//! address and mount the database themselves.

use super::super::event::Event as Planned;
use super::super::net;
use super::super::storage::fixture::*;
use super::{Event, send_message};
use crate::base::{Address, ClientId, GroupId, Instant, NetId, NicId, NodeId, ResourceId, Span};
use crate::failover::config::{ResourceKind, RestartAction};
use crate::journal::record::{
    ClientEvent, ConnectionState, Host, MailEvent, Plant as Change, Refused, Request,
};
use crate::journal::{Record, RecordNo, What};
use crate::model::fault::Planned as Fault;
use crate::model::topology::{
    Authentication, ClientAccessArray, ClientGroup, ClientKind, ClientOs, Connection, Group,
    Properties, Resource, ServerName,
};
use crate::model::{Service, Topology};

const ARRAY: Address = Address(0x0a00_0014);
const OUTLOOK: ClientId = ClientId(0);
const OWA: ClientId = ClientId(1);
const SMTP: ClientId = ClientId(2);
const AUTODISCOVER: ClientId = ClientId(3);

/// The site with a client access array and one client of each kind.
fn site(system: ClientOs) -> Topology {
    let mut site = topology();
    let resource = |name: &str, kind, address, depends_on: &[ResourceId]| Resource {
        name: name.to_string(),
        group: GroupId(0),
        kind,
        address,
        dns_name: (kind == ResourceKind::NetworkName).then(|| "casarray".to_string()),
        depends_on: depends_on.iter().map(|on| vec![*on]).collect(),
        possible_owners: [EX01, EX02].into_iter().collect(),
        restart_action: RestartAction::RestartNotify,
        own: Properties::default(),
    };
    let address = ResourceKind::IpAddress { network: NetId(0) };
    site.resources = [
        resource("CASArray IP Address", address, Some(ARRAY), &[]),
        resource("CASArray", ResourceKind::NetworkName, None, &[ResourceId(0)]),
    ]
    .into_iter()
    .collect();
    site.groups = [Group {
        name: "CASArray".to_string(),
        resources: vec![ResourceId(0), ResourceId(1)],
        preferred_owners: vec![EX01],
        failover_threshold: 1,
        failover_period: Span::from_secs(21_600),
        auto_failback: false,
        failback_window: None,
        priority: 2000,
        anti_affinity: Vec::new(),
        persistent_state: true,
    }]
    .into_iter()
    .collect();
    let (fqdn, name) = ("casarray.contoso.local".to_string(), ServerName::Group(GroupId(0)));
    site.client_access_array = Some(ClientAccessArray { fqdn, name });
    let group = |(first, kind): (u32, ClientKind)| ClientGroup {
        name: kind.word().to_string(),
        kind,
        cached: kind == ClientKind::Outlook,
        count: 1,
        first: ClientId(first),
        network: NetId(0),
        operating_system: system,
        authentication: Authentication::Ntlm,
        database: VIP,
        server: Some(ServerName::Group(GroupId(0))),
        think: Span::from_secs(10),
        connection: Connection::Rpc,
        profile: None,
    };
    site.clients = (0..).zip(ClientKind::ALL).map(group).collect();
    site
}

/// Binds the array's address on a node as the cluster would, announced three times before.
fn bind(play: &mut Play, node: NodeId, cause: RecordNo) {
    for _ in 0..3 {
        net::announce(&mut play.p, play.now, node.into(), NicId(0), ARRAY, cause);
        let next = play.now + Span::from_millis(500);
        play.until(next);
    }
    let up = Change::AddressUp { address: ARRAY, machine: node.into(), nic: NicId(0) };
    let record = play.p.change(play.now, Some(cause), up);
    play.p.adapter_mut(node.into(), NicId(0)).bound.push((ARRAY, record));
}

/// Removes the array's address from a node.
fn unbind(play: &mut Play, node: NodeId) {
    let bound = &mut play.p.adapter_mut(node.into(), NicId(0)).bound;
    bound.retain(|(address, _)| *address != ARRAY);
}

/// The site at work: everything on EX01, the array known to DNS and directory, clients started.
fn open(play: &mut Play) {
    play.activate(EX01, &[EX01, EX02]);
    bind(play, EX01, RecordNo(1));
    let change = Change::DnsRecord { resource: ResourceId(1), address: ARRAY };
    let record = play.p.change(play.now, None, change);
    play.p.dns.records[ResourceId(1)] = Some((ARRAY, record));
    play.p.directory.array = Some(record);
    play.p.directory.database_names_array[VIP] = Some(record);
    for id in [OUTLOOK, OWA, SMTP, AUTODISCOVER] {
        play.p.plan(play.now, Planned::Client(id, Event::Start));
    }
}

/// What a client did and saw from a moment on.
fn seen(records: &[Record], id: ClientId, from: Instant) -> Vec<(Instant, ClientEvent)> {
    let of = |record: &Record| match record.what {
        What::Client(other, event) if other == id && record.at >= from => Some((record.at, event)),
        _ => None,
    };
    records.iter().filter_map(of).collect()
}

/// The first moment of an event of a client from a moment on.
fn first(records: &[Record], id: ClientId, from: Instant, event: ClientEvent) -> Option<Instant> {
    let mut seen = seen(records, id, from).into_iter();
    seen.find(|(_, other)| *other == event).map(|(at, _)| at)
}

/// The longest time that a client waited for an answer to what it asked in a stretch of time.
fn longest(records: &[Record], id: ClientId, from: Instant) -> Span {
    let latencies = seen(records, id, from).into_iter().filter_map(|(_, event)| match event {
        ClientEvent::Answered { latency } => Some(latency),
        _ => None,
    });
    latencies.max().expect("it was answered")
}

/// EX01's adapters go down at 60 s; the address is announced from 66 s on and bound at 67.5 s,
/// the database is mounted on EX02 at 69.5 s.
fn nic_loss(system: ClientOs, faults: Vec<Fault>, until: u64) -> Vec<Record> {
    loss_of(&site(system), faults, until)
}

fn loss_of(site: &Topology, faults: Vec<Fault>, until: u64) -> Vec<Record> {
    let faults = [vec![isolated(EX01, seconds(60), None)], faults].concat();
    let records = play(site, faults, |play| {
        open(play);
        play.until(seconds(61));
        send_message(&mut play.p, play.now, OUTLOOK, 7, RecordNo(1));
        play.until(seconds(66));
        bind(play, EX02, RecordNo(1));
        play.activate(EX02, &[EX02]);
        play.until(seconds(until));
    });
    assert_causes(&records);
    records
}

#[test]
fn in_a_healthy_site_a_client_only_asks_and_is_answered() {
    let records = play(&site(ClientOs::Windows7), Vec::new(), |play| {
        open(play);
        play.until(seconds(600));
    });
    assert_causes(&records);
    for id in [OUTLOOK, OWA, SMTP, AUTODISCOVER] {
        assert!(longest(&records, id, seconds(5)) < Span::from_millis(130), "{id:?}");
        assert!(seen(&records, id, seconds(5)).len() > 60, "{id:?}");
    }
    for (id, from) in [(OUTLOOK, 5), (OWA, 5)] {
        let others = seen(&records, id, seconds(from)).into_iter().filter(|(_, event)| {
            !matches!(event, ClientEvent::Asked { .. } | ClientEvent::Answered { .. })
        });
        assert_eq!(others.count(), 0, "{id:?}");
    }
    let begin = seconds(0);
    let told = ClientEvent::Autodiscovered { array: true };
    assert!(first(&records, OUTLOOK, begin, told).is_some());
    let connected = ClientEvent::State(ConnectionState::Connected);
    assert!(first(&records, OUTLOOK, begin, connected).is_some());
    let answered = records.iter().filter(|record| {
        matches!(record.what, What::Client(OUTLOOK, ClientEvent::Answered { .. }))
    });
    assert!(answered.clone().all(|record| record.cause.is_some()));
    let submitted =
        |record: &&Record| matches!(record.what, What::Mail(_, MailEvent::Submitted { .. }));
    assert!(records.iter().filter(submitted).count() > 40);
}

#[test]
fn with_the_hotfix_outlook_learns_from_the_gratuitous_arp_and_a_reset() {
    let records = nic_loss(ClientOs::Windows7Kb2582281, Vec::new(), 120);
    let fault = seconds(60);
    let moment = |event| first(&records, OUTLOOK, fault, event).expect("it happened");
    let reset = moment(ClientEvent::Reset { machine: EX02.into() });
    assert!(seconds(67) < reset && reset < seconds(72), "{reset}");
    let trying = moment(ClientEvent::State(ConnectionState::Trying));
    assert!(seconds(61) < trying && trying <= seconds(62), "{trying}");
    assert!(moment(ClientEvent::LoggedOn { again: true }) >= reset);
    assert!(longest(&records, OUTLOOK, fault) < Span::from_secs(12));
    let sent = records.iter().find(|record| {
        record.at > fault
            && matches!(record.what, What::Mail(_, MailEvent::Submitted { client: OUTLOOK, .. }))
    });
    assert!(sent.is_some_and(|record| record.at < seconds(75)), "{sent:?}");
}

#[test]
fn an_answer_names_the_newest_record_that_it_needed() {
    let records = nic_loss(ClientOs::Windows7Kb2582281, Vec::new(), 120);
    let answered = records.iter().find(|record| {
        record.at > seconds(61)
            && matches!(record.what, What::Client(OUTLOOK, ClientEvent::Answered { .. }))
    });
    let cause = answered.and_then(|record| record.cause).expect("a cause");
    let cause = &records[cause.0 as usize];
    assert!(matches!(cause.what, What::Plant(Change::Mounted { copy: VIP2, .. })), "{cause:?}");
}

#[test]
fn without_the_hotfix_the_entry_has_to_fail_first() {
    let quick = nic_loss(ClientOs::Windows7Kb2582281, Vec::new(), 240);
    let slow = nic_loss(ClientOs::Windows7, Vec::new(), 240);
    for id in [OUTLOOK, OWA, SMTP, AUTODISCOVER] {
        let (quick, slow) = (longest(&quick, id, seconds(60)), longest(&slow, id, seconds(60)));
        assert!(quick < Span::from_secs(20), "{id:?} {quick}");
        assert!(slow < Span::from_secs(80), "{id:?} {slow}");
        assert!(slow >= quick, "{id:?} {quick} {slow}");
    }
    let leads = |machine| {
        changes(&slow).find(|(at, change)| {
            let here = Change::Neighbour { host: Host::Client(OUTLOOK), address: ARRAY, machine };
            *at > seconds(60) && *change == here
        })
    };
    let (dropped, _) = leads(None).expect("the entry is dropped");
    let (found, _) = leads(Some(EX02.into())).expect("the new owner is found");
    assert!(seconds(68) < dropped && dropped < seconds(130), "{dropped}");
    assert!(dropped <= found);
}

#[test]
fn an_entry_that_retransmissions_make_stale_fails_in_time_for_the_one_at_9_3_seconds() {
    let mut site = site(ClientOs::Windows7);
    site.settings.neighbour_cache.retransmission_makes_stale = true;
    let records = loss_of(&site, Vec::new(), 120);
    let reset = ClientEvent::Reset { machine: EX02.into() };
    let reset = first(&records, OUTLOOK, seconds(60), reset).expect("a reset");
    let sent = records.iter().filter(|record| {
        let asked = ClientEvent::Asked { request: Request::Send };
        record.at > seconds(60) && record.what == What::Client(OUTLOOK, asked)
    });
    let sent = sent.map(|record| record.at).min().expect("it sends");
    assert_eq!(reset.since(sent).as_millis(), 9_300);
}

#[test]
fn before_vista_a_gratuitous_arp_is_followed() {
    let records = nic_loss(ClientOs::WindowsXp, Vec::new(), 120);
    assert!(longest(&records, OUTLOOK, seconds(60)) < Span::from_secs(12));
}

#[test]
fn a_blocked_gratuitous_arp_is_as_good_as_an_ignored_one() {
    let network = NetId(0);
    let fault = crate::model::Fault::GratuitousArpBlocked { network };
    let blocked = vec![Fault { at: seconds(50), lasts: None, fault }];
    let blocked = nic_loss(ClientOs::Windows7Kb2582281, blocked, 240);
    let ignored = nic_loss(ClientOs::Windows7, Vec::new(), 240);
    for id in [OUTLOOK, OWA] {
        let times = [&blocked, &ignored].map(|records| longest(records, id, seconds(60)));
        assert_eq!(times[0], times[1], "{id:?}");
    }
}

#[test]
fn owa_asks_to_log_on_again_at_another_server() {
    let records = nic_loss(ClientOs::Windows7Kb2582281, Vec::new(), 240);
    let page = first(&records, OWA, seconds(60), ClientEvent::LogOnPage).expect("it is shown");
    let again = ClientEvent::LoggedOn { again: true };
    let again = first(&records, OWA, seconds(60), again).expect("it logs on");
    assert!(again >= page + Span::from_secs(5), "{page} {again}");
    assert!(first(&records, OWA, again, ClientEvent::LogOnPage).is_none());
}

#[test]
fn a_service_that_stops_resets_and_refuses_and_a_hung_one_is_silent() {
    let machine = EX01.into();
    let stop = crate::model::Fault::ServiceStop { machine, service: Service::RpcClientAccess };
    let hang = crate::model::Fault::ServiceHang { machine, service: Service::RpcClientAccess };
    let plan = |fault| vec![Fault { at: seconds(60), lasts: Some(Span::from_secs(100)), fault }];
    let story = |faults| {
        play(&site(ClientOs::Windows7), faults, |play| {
            open(play);
            play.until(seconds(61));
            send_message(&mut play.p, play.now, OUTLOOK, 0, RecordNo(1));
            play.until(seconds(200));
        })
    };
    let records = story(plan(stop));
    let moment = |event| first(&records, OUTLOOK, seconds(60), event).expect("it happened");
    let reset = moment(ClientEvent::Reset { machine });
    let refused = moment(ClientEvent::Refused { why: Refused::NotListening });
    assert!(reset < refused && refused < seconds(62), "{reset} {refused}");
    let answered = longest(&records, OUTLOOK, seconds(60));
    assert!(Span::from_secs(98) < answered && answered < Span::from_secs(103), "{answered}");

    let records = story(plan(hang));
    let moment = |event| first(&records, OUTLOOK, seconds(60), event).expect("it happened");
    let refused = moment(ClientEvent::Refused { why: Refused::ServiceTimeOut });
    assert!(seconds(120) < refused && refused < seconds(122), "{refused}");
    let resets = seen(&records, OUTLOOK, seconds(60)).into_iter();
    assert_eq!(resets.filter(|(_, e)| matches!(e, ClientEvent::Reset { .. })).count(), 0);
    assert!(longest(&records, OUTLOOK, seconds(60)) >= Span::from_secs(98));
}

#[test]
fn an_address_that_is_cleanly_removed_leaves_the_client_in_silence() {
    let records = play(&site(ClientOs::Windows7Kb2582281), Vec::new(), |play| {
        open(play);
        play.until(seconds(60));
        unbind(play, EX01);
        send_message(&mut play.p, play.now, OUTLOOK, 0, RecordNo(1));
        play.until(seconds(64));
        bind(play, EX02, RecordNo(1));
        play.until(seconds(120));
    });
    let retransmitted = ClientEvent::Retransmitted { attempt: 4 };
    let at = first(&records, OUTLOOK, seconds(60), retransmitted).expect("silence");
    assert!(seconds(64) < at && at < seconds(65), "{at}");
    let reset = ClientEvent::Reset { machine: EX02.into() };
    let reset = first(&records, OUTLOOK, seconds(60), reset).expect("a reset");
    assert!(seconds(69) < reset && reset < seconds(70), "{reset}");
    let answered = longest(&records, OUTLOOK, seconds(60));
    assert!(answered < Span::from_secs(10), "the other server reaches the Store: {answered}");
}

#[test]
fn a_connect_that_nobody_answers_waits_for_the_poll_unless_a_person_sends() {
    let story = |sends: bool| {
        let faults = vec![isolated(EX01, seconds(60), Some(Span::from_secs(55)))];
        let records = play(&site(ClientOs::Windows7), faults, |play| {
            open(play);
            play.until(seconds(61));
            send_message(&mut play.p, play.now, OUTLOOK, 0, RecordNo(1));
            play.until(seconds(116));
            if sends {
                send_message(&mut play.p, play.now, OUTLOOK, 1, RecordNo(1));
            }
            play.until(seconds(200));
        });
        let mut seen = seen(&records, OUTLOOK, seconds(60)).into_iter();
        let answered = seen.find(|(_, event)| matches!(event, ClientEvent::Answered { .. }));
        answered.expect("it ends").0
    };
    let (patient, sent) = (story(false), story(true));
    assert!(sent <= patient, "{sent} {patient}");
    assert!(sent < seconds(117), "{sent}");
}

#[test]
fn without_a_domain_controller_nobody_new_is_logged_on() {
    let machine = crate::base::MachineId(2);
    let stop = crate::model::Fault::ServiceStop { machine, service: Service::Directory };
    let lasts = Some(Span::from_secs(60));
    let faults = vec![Fault { at: seconds(50), lasts, fault: stop }];
    let records = nic_loss(ClientOs::Windows7Kb2582281, faults, 240);
    let why = Refused::NoLogOn;
    let refused = first(&records, OUTLOOK, seconds(60), ClientEvent::Refused { why });
    assert!(refused.is_some());
    let again = ClientEvent::LoggedOn { again: true };
    let again = first(&records, OUTLOOK, seconds(60), again).expect("it comes back");
    assert!(again > seconds(110), "{again}");
}

#[test]
fn outlook_with_ntlm_needs_a_restart_if_the_switch_says_so() {
    let mut site = site(ClientOs::Windows7Kb2582281);
    site.settings.outlook.ntlm_needs_restart = true;
    let records = play(&site, vec![isolated(EX01, seconds(60), None)], |play| {
        open(play);
        play.until(seconds(61));
        send_message(&mut play.p, play.now, OUTLOOK, 0, RecordNo(1));
        play.until(seconds(66));
        bind(play, EX02, RecordNo(1));
        play.activate(EX02, &[EX02]);
        play.until(seconds(180));
    });
    let restart = first(&records, OUTLOOK, seconds(60), ClientEvent::RestartNeeded);
    let restart = restart.expect("the person restarts");
    let again = ClientEvent::LoggedOn { again: true };
    let again = first(&records, OUTLOOK, seconds(60), again).expect("it logs on");
    assert!(again >= restart + Span::from_secs(30), "{restart} {again}");
}

#[test]
fn outlook_asks_autodiscover_first_then_opens_the_mailbox_then_works() {
    let records = play(&site(ClientOs::Windows7), Vec::new(), |play| {
        open(play);
        play.until(seconds(300));
    });
    let mut asked =
        seen(&records, OUTLOOK, seconds(0)).into_iter().filter_map(|(_, event)| match event {
            ClientEvent::Asked { request } => Some(request),
            _ => None,
        });
    assert_eq!(asked.next(), Some(Request::Autodiscover));
    assert_eq!(asked.next(), Some(Request::LogOn));
    assert!(asked.all(|request| matches!(request, Request::Read | Request::Send)));
}

#[test]
fn a_machine_that_stands_still_for_a_while_keeps_its_connections() {
    let fault = crate::model::Fault::Freeze { machine: EX01.into() };
    let frozen = Fault { at: seconds(60), lasts: Some(Span::from_secs(8)), fault };
    let records = play(&site(ClientOs::Windows7), vec![frozen], |play| {
        open(play);
        play.until(seconds(61));
        send_message(&mut play.p, play.now, OUTLOOK, 0, RecordNo(1));
        play.until(seconds(100));
    });
    let met = seen(&records, OUTLOOK, seconds(60))
        .into_iter()
        .filter(|(_, event)| matches!(event, ClientEvent::Reset { .. } | ClientEvent::GaveUp));
    assert_eq!(met.count(), 0);
    let answered = longest(&records, OUTLOOK, seconds(60));
    assert!(answered < Span::from_secs(11), "{answered}");
}
