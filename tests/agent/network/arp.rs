//! Probes, announcements, conflicts.

use crate::network::lab::{Lab, PATIENCE, SERVICE, assert_error, open, parse_hardware};
use dagtwin::agent::network::{
    Announcements, Announcer, Arp, Error, Form, HardwareAddress, Heard, InterfaceAddress, Listener,
    ProbeAnswer, Schedule,
};
use std::net::{Ipv4Addr, UdpSocket};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use std::{fs, iter};
use tokio::sync::watch::Receiver;
use tokio::time::{Instant, sleep, timeout};

/// A probe's usual wait.
const WAIT: Duration = Duration::from_millis(100);
/// Nobody in the lab has it.
const STRANGE: &str = "02:00:5e:00:53:01";

fn service(interface: &str) -> InterfaceAddress {
    InterfaceAddress::new(interface, SERVICE, 32)
}

async fn heard(listener: &mut Listener) -> Heard {
    timeout(PATIENCE, listener.next()).await.expect("in time").expect("the kernel tells")
}

/// Waits until an announcer has come so far.
async fn until(report: &mut Receiver<Announcements>, so_far: impl Fn(&Announcements) -> bool) {
    let reached = timeout(PATIENCE, report.wait_for(|it| so_far(it))).await;
    drop(reached.expect("in time").expect("the announcer lives"));
}

/// The client's idea of who has the service's address.
fn cached(lab: &Lab) -> HardwareAddress {
    let shown = lab.show("client", &format!("neigh show {SERVICE} dev eth0"));
    let text = shown.split("lladdr ").nth(1).and_then(|rest| rest.split(' ').next());
    parse_hardware(text.unwrap_or_else(|| panic!("an entry was expected: {shown}")))
}

#[test]
fn a_probe_finds_the_holder_or_nobody() {
    let Some(lab) = Lab::new() else { return };
    lab.inside("host", async || {
        let arp = Arp::open(&open()).expect("it opens");
        let silence = arp.probe("eth0", SERVICE, WAIT).await.expect("the interface is up");
        assert_eq!(silence, ProbeAnswer::Silence);
        lab.ip("other", "addr add 10.77.0.100/32 dev eth0");
        let (first, second) = tokio::join!(
            arp.probe("eth0", SERVICE, PATIENCE),
            arp.probe("eth1", Ipv4Addr::new(10, 77, 1, 2), PATIENCE),
        );
        let holder = ProbeAnswer::Holder(lab.hardware("other", "eth0"));
        assert_eq!(first.expect("the interface is up"), holder);
        // Two interfaces at once, each with its own answer.
        let holder = ProbeAnswer::Holder(lab.hardware("other", "eth1"));
        assert_eq!(second.expect("the interface is up"), holder);
        // A probe claims nothing: nobody has learnt of us by it.
        let known = lab.show("other", "neigh show dev eth1");
        assert!(!known.contains("10.77.0.100") && !known.contains("0.0.0.0"), "{known}");
    });
}

#[test]
fn silence_of_an_interface_that_is_not_up_is_no_answer() {
    let Some(lab) = Lab::new() else { return };
    lab.inside("host", async || {
        let arp = Arp::open(&open()).expect("it opens");
        assert_error!(arp.probe("eth7", SERVICE, WAIT).await, Error::NoInterface { .. });
        lab.ip("host", "link set lo up");
        assert_error!(arp.probe("lo", SERVICE, WAIT).await, Error::NotEthernet { .. });
        lab.ip("hub", "link set host1 down");
        assert_error!(arp.probe("eth1", SERVICE, WAIT).await, Error::InterfaceDown { .. });
        let pulled = async {
            sleep(Duration::from_millis(300)).await;
            lab.ip("hub", "link set host0 down");
        };
        let wait = Duration::from_secs(3);
        let (answer, ()) = tokio::join!(arp.probe("eth0", SERVICE, wait), pulled);
        assert_error!(answer, Error::InterfaceDown { .. });
    });
}

#[test]
fn another_one_who_asks_for_the_same_address_is_noticed() {
    let Some(lab) = Lab::new() else { return };
    let (stop, stopped) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let lab = &lab;
        scope.spawn(move || {
            lab.inside("other", async move || {
                let arp = Arp::open(&open()).expect("it opens");
                let short = Duration::from_millis(20);
                while stopped.try_recv() == Err(mpsc::TryRecvError::Empty) {
                    arp.probe("eth0", SERVICE, short).await.expect("the interface is up");
                }
            });
        });
        let answer = lab.inside("host", async || {
            let arp = Arp::open(&open()).expect("it opens");
            let prober = ProbeAnswer::Prober(lab.hardware("other", "eth0"));
            let mut answer = ProbeAnswer::Silence;
            for _ in 0..30 {
                answer = arp.probe("eth0", SERVICE, Duration::from_secs(1)).await.expect("up");
                if answer == prober {
                    break;
                }
            }
            (answer, prober)
        });
        drop(stop);
        assert_eq!(answer.0, answer.1);
    });
}

#[test]
fn either_form_of_announcement_corrects_a_neighbour() {
    let Some(lab) = Lab::new() else { return };
    lab.inside("host", async || {
        let addresses = open();
        let arp = Arp::open(&addresses).expect("it opens");
        let ours = lab.hardware("host", "eth0");
        addresses.add(&service("eth0")).await.expect("it is added");
        for form in Form::BOTH {
            for state in ["stale", "reachable"] {
                let entry =
                    format!("neigh replace {SERVICE} lladdr {STRANGE} dev eth0 nud {state}");
                lab.ip("client", &entry);
                assert_eq!(cached(&lab), parse_hardware(STRANGE));
                arp.announce("eth0", SERVICE, &[form]).await.expect("it is announced");
                until_cached(&lab, ours).await;
            }
        }
        // What is not ours any more is not announced.
        addresses.remove(&service("eth0")).await.expect("it is removed");
        let announced = arp.announce("eth0", SERVICE, &Form::BOTH).await;
        assert_error!(announced, Error::NotHeld { .. });
    });
}

#[test]
fn an_announcer_keeps_to_its_schedule_and_stops_when_dropped() {
    let Some(lab) = Lab::new() else { return };
    let schedule = Schedule {
        first: [100, 250, 600].map(Duration::from_millis).to_vec(),
        every: Duration::from_millis(400),
        retry: Duration::from_millis(50),
    };
    lab.inside("client", async || {
        let mut ear = Arp::open(&open()).expect("it opens").listen();
        let made = lab.inside("host", async || {
            let addresses = open();
            let arp = Arp::open(&addresses).expect("it opens");
            addresses.add(&service("eth0")).await.expect("it is added");
            let start = Instant::now();
            let announcer = Announcer::start(&arp, "eth0", SERVICE, schedule.clone());
            assert!(announcer.first(PATIENCE).await);
            let mut report = announcer.announcements();
            until(&mut report, |it| it.made >= 6).await;
            // Never more than the moments that have come.
            let elapsed = start.elapsed();
            let moments =
                iter::successors(Some(Duration::ZERO), |it| Some(schedule.next_after(*it)));
            let due = moments.take_while(|moment| *moment <= elapsed).count() as u64;
            let made = report.borrow().made;
            assert!(made <= due, "{made} of {due}");
            drop(announcer);
            let made = report.borrow().made;
            sleep(Duration::from_secs(1)).await;
            assert_eq!(report.borrow().made, made);
            made
        });
        let rounds = usize::try_from(made).expect("a few");
        let mut forms = Vec::new();
        while forms.len() < 2 * rounds {
            let Heard::Announcement { interface, address, hardware, form } = heard(&mut ear).await
            else {
                panic!("nothing else is said in the lab")
            };
            assert_eq!((interface.as_str(), address), ("eth0", SERVICE));
            assert_eq!(hardware, lab.hardware("host", "eth0"));
            forms.push(form);
        }
        assert_eq!(forms, Form::BOTH.repeat(rounds));
        let more = timeout(Duration::from_millis(500), ear.next()).await;
        assert!(more.is_err(), "after it was dropped: {more:?}");
    });
}

#[test]
fn an_announcer_can_be_told_and_waits_for_address_and_interface() {
    let Some(lab) = Lab::new() else { return };
    let hour = Duration::from_secs(3600);
    let retry = Duration::from_millis(50);
    let schedule = Schedule { first: Vec::new(), every: hour, retry };
    lab.inside("host", async || {
        let addresses = open();
        let arp = Arp::open(&addresses).expect("it opens");
        let announcer = Announcer::start(&arp, "eth0", SERVICE, schedule);
        let mut report = announcer.announcements();
        assert!(!announcer.first(PATIENCE).await);
        let failure = report.borrow().failure.clone();
        let not_held = failure.is_some_and(|it| matches!(*it, Error::NotHeld { .. }));
        assert!(not_held, "the address is not there yet");
        addresses.add(&service("eth0")).await.expect("it is added");
        until(&mut report, |it| it.made == 1).await;
        // Dual ownership may have ended.
        let entry = format!("neigh replace {SERVICE} lladdr {STRANGE} dev eth0 nud stale");
        lab.ip("client", &entry);
        announcer.announce_again();
        until_cached(&lab, lab.hardware("host", "eth0")).await;
        until(&mut report, |it| it.made == 2).await;
        lab.ip("hub", "link set host0 down");
        // The carrier's loss is told to everybody at one moment: wait for it.
        until_state(&lab, "eth0", "state DOWN").await;
        announcer.announce_again();
        until(&mut report, |it| it.failure.is_some()).await;
        lab.ip("hub", "link set host0 up");
        until(&mut report, |it| it.failure.is_none()).await;
        assert_eq!(report.borrow().made, 3);
    });
}

async fn until_cached(lab: &Lab, expected: HardwareAddress) {
    let deadline = Instant::now() + PATIENCE;
    while cached(lab) != expected {
        assert!(Instant::now() < deadline, "the client still has {}", cached(lab));
        sleep(Duration::from_millis(5)).await;
    }
}

async fn until_state(lab: &Lab, interface: &str, state: &str) {
    let deadline = Instant::now() + PATIENCE;
    while !lab.show("host", &format!("link show {interface}")).contains(state) {
        assert!(Instant::now() < deadline, "{interface} is not in {state}");
        sleep(Duration::from_millis(5)).await;
    }
}

#[test]
fn a_conflict_is_heard_and_ourselves_are_none() {
    let Some(lab) = Lab::new() else { return };
    // Our second adapter hears our first.
    lab.ip("hub", "link set host1 master br0");
    lab.inside("host", async || {
        let addresses = open();
        let arp = Arp::open(&addresses).expect("it opens");
        let mut ear = arp.listen();
        addresses.add(&service("eth0")).await.expect("it is added");
        arp.announce("eth0", SERVICE, &Form::BOTH).await.expect("it is announced");
        let theirs = lab.hardware("other", "eth0");
        let free = Ipv4Addr::new(10, 77, 0, 101);
        lab.inside("other", async || {
            let addresses = open();
            let arp = Arp::open(&addresses).expect("it opens");
            for address in [free, SERVICE] {
                let place = InterfaceAddress::new("eth0", address, 32);
                addresses.add(&place).await.expect("it is added");
                arp.announce("eth0", address, &Form::BOTH).await.expect("it is announced");
            }
        });
        let mut events = Vec::new();
        // Both adapters hear both forms of both; only one of them holds the address.
        while events.len() < 8 {
            events.push(heard(&mut ear).await);
        }
        let count = |wanted: &dyn Fn(&&Heard) -> bool| events.iter().filter(wanted).count();
        let interface = "eth0".to_owned();
        let conflict = Heard::Conflict { interface, address: SERVICE, hardware: theirs };
        assert_eq!(count(&|it| **it == conflict), 2, "{events:?}");
        for form in Form::BOTH {
            let (interface, hardware) = ("eth0".to_owned(), theirs);
            let told = Heard::Announcement { interface, address: free, hardware, form };
            assert_eq!(count(&|it| **it == told), 1, "{events:?}");
        }
        assert!(events.iter().all(|it| match it {
            Heard::Conflict { hardware, .. } | Heard::Announcement { hardware, .. } =>
                *hardware == theirs,
            Heard::Lost { .. } => false,
        }));
        // Whoever only uses the address gives himself away, too.
        lab.inside("other", async || {
            let socket = UdpSocket::bind((SERVICE, 0)).expect("it has the address");
            let sent = socket.send_to(b"hello", (Ipv4Addr::new(10, 77, 0, 9), 9));
            sent.expect("it asks for the client first");
        });
        assert_eq!(heard(&mut ear).await, conflict);
    });
}

/// How long this thread has run so far, in hundredths of a second.
fn ticks() -> u64 {
    let stat = fs::read_to_string("/proc/thread-self/stat").expect("Linux has it");
    let fields = stat.rsplit(')').next().expect("after the name").split(' ');
    fields.skip(12).take(2).map(|field| field.parse::<u64>().expect("a number")).sum()
}

#[test]
fn an_interface_that_goes_costs_nothing_and_its_successor_is_used() {
    let Some(lab) = Lab::new() else { return };
    lab.inside("host", async || {
        let addresses = open();
        let arp = Arp::open(&addresses).expect("it opens");
        let mut ear = arp.listen();
        let asked = Ipv4Addr::new(10, 77, 0, 2);
        let holder = ProbeAnswer::Holder(lab.hardware("other", "eth0"));
        assert_eq!(arp.probe("eth0", asked, PATIENCE).await.expect("it is up"), holder);
        lab.ip("host", "link set eth0 down\nlink del eth0");
        let before = ticks();
        assert!(timeout(Duration::from_secs(2), ear.next()).await.is_err(), "nobody speaks");
        assert!(ticks() - before < 100, "it spins");
        assert_error!(arp.probe("eth0", asked, WAIT).await, Error::NoInterface { .. });
        assert_error!(arp.announce("eth0", SERVICE, &Form::BOTH).await, Error::NoInterface { .. });
        lab.plug("host", 0, 1);
        assert_eq!(arp.probe("eth0", asked, PATIENCE).await.expect("it is up"), holder);
    });
}
