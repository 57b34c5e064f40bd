//! What the gate does to addresses, and its transactions.

use crate::lease::bed::{
    ADDRESS, Bed, DATABASE, FLOATING, NODE, answers, grant, ms, output, run, text,
};
use crate::lease::observer::{Observer, Program};
use dagtwin::agent::lease::{Error, Kept, Lease, Policy, Thing, Why, boottime};
use std::cell::Cell;
use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// Elements of a set as `nft -j` lists them: value and time-out in seconds.
fn listed(bed: &Bed, family: &str, set: &str) -> Vec<(String, u64)> {
    let list = ["nft", "-j", "list", "set", family, "dagtwin", set];
    let json = text(&[&["ip", "netns", "exec", &bed.node][..], &list].concat());
    // Of each element: `{"elem": {"val": VALUE, "timeout": SECONDS, "expires": SECONDS}}`.
    let member = |element: &str, name: &str| {
        let (_, rest) = element.split_once(&format!("\"{name}\": ")).expect(name);
        rest.split([',', '}']).next().unwrap().replace('"', "")
    };
    let elements = json.split("{\"elem\": ").skip(1);
    elements.map(|e| (member(e, "val"), member(e, "timeout").parse().unwrap())).collect()
}

#[test]
fn what_nft_lists_is_what_was_granted() {
    let Some(bed) = Bed::new() else { return };
    let mut gate = bed.installed();
    assert_eq!(gate.inspect().unwrap(), []);
    grant(&mut gate, &[ADDRESS, DATABASE], ms(70_000));
    assert_eq!(listed(&bed, "netdev", "addresses"), [("10.77.0.9".to_owned(), 70)]);
    assert_eq!(listed(&bed, "inet", "addresses"), [("10.77.0.9".to_owned(), 70)]);
    assert_eq!(listed(&bed, "inet", "ports"), [("43432".to_owned(), 70)]);
    let ticket = gate.ticket(ms(5000)).unwrap();
    gate.renew(&[ADDRESS, DATABASE], ms(90_000), ticket).unwrap();
    assert_eq!(listed(&bed, "inet", "ports"), [("43432".to_owned(), 90)]);
    let live = gate.inspect().unwrap();
    assert_eq!(live.iter().map(|live| live.thing).collect::<Vec<_>>(), [ADDRESS, DATABASE]);
    for live in live {
        assert!(live.remaining > ms(60_000) && live.remaining <= ms(90_000), "{live:?}");
    }
    gate.withdraw(DATABASE).unwrap();
    assert_eq!(listed(&bed, "inet", "ports"), []);
    assert_eq!(listed(&bed, "netdev", "addresses").len(), 1);
    // Withdrawing what has ended is no error.
    gate.withdraw(DATABASE).unwrap();
    gate.withdraw_all().unwrap();
    gate.withdraw_all().unwrap();
    assert_eq!(listed(&bed, "netdev", "addresses"), []);
    assert_eq!(listed(&bed, "inet", "addresses"), []);
}

#[test]
fn nothing_enters_or_leaves_without_a_lease() {
    let Some(bed) = Bed::new() else { return };
    bed.stale_entry("e0");
    assert!(bed.answers(FLOATING), "without a gate it answers");
    let mut gate = bed.installed();
    let observer = Observer::start(&bed);
    let address = FLOATING.to_string();
    let client = ["ip", "netns", "exec", &bed.client];
    let arping = ["arping", "-q", "-b", "-c", "2", "-w", "2", "-I", "e0", &address];
    assert!(!bed.answers(FLOATING));
    assert!(!output(&[&client[..], &arping].concat()).status.success());
    // What the node sends by itself, also past the kernel's own ARP and IP: an announcement in both
    // forms, by a packet socket, and a ping from the address.
    let node = ["ip", "netns", "exec", &bed.node];
    for form in ["-U", "-A"] {
        let announce = ["arping", "-q", form, "-c", "1", "-w", "1", "-I", "e0", &address];
        output(&[&node[..], &announce].concat());
    }
    output(&[&node[..], &["ping", "-c", "1", "-W", "1", "-I", &address, "10.77.0.2"]].concat());
    let frames = observer.after(ms(0));
    assert!(frames.is_empty(), "{frames:?}");
    // The node's own address is not concerned.
    assert!(bed.answers(NODE));
    // The same, served.
    grant(&mut gate, &[ADDRESS], ms(60_000));
    assert!(bed.answers(FLOATING));
    run(&[&client[..], &arping].concat());
    let announce = ["arping", "-q", "-U", "-c", "1", "-w", "1", "-I", "e0", &address];
    output(&[&node[..], &announce].concat());
    let frames = observer.after(ms(0));
    assert!(frames.iter().any(|frame| frame.is_ping()));
    assert!(frames.iter().any(|frame| frame.what.contains("Reply 10.77.0.9 is-at")), "{frames:?}");
    let is_announcement = |what: &str| what.contains("who-has 10.77.0.9");
    assert!(frames.iter().any(|frame| is_announcement(&frame.what)), "{frames:?}");
}

#[test]
fn other_interfaces_do_not_lead_around_it() {
    let Some(bed) = Bed::new() else { return };
    // The gate is at e0; the client comes by e1, where the kernel serves the address as well.
    run(&["ip", "-n", &bed.client, "route", "add", "10.77.0.9/32", "dev", "e1"]);
    bed.stale_entry("e1");
    assert!(bed.answers(FLOATING), "without a gate it answers");
    let mut gate = bed.installed();
    assert!(!bed.answers(FLOATING));
    grant(&mut gate, &[ADDRESS], ms(60_000));
    assert!(bed.answers(FLOATING));
}

#[test]
fn a_node_without_a_lease_stays_a_client_of_the_holder() {
    let Some(bed) = Bed::new() else { return };
    let _gate = bed.installed();
    // The address moves to the client's side, which announces it.
    run(&["ip", "-n", &bed.node, "address", "delete", "10.77.0.9/24", "dev", "e0"]);
    run(&["ip", "-n", &bed.client, "address", "add", "10.77.0.9/24", "dev", "e0"]);
    assert!(answers(&bed.node, FLOATING));
}

#[test]
fn a_withdrawal_is_immediate() {
    let Some(bed) = Bed::new() else { return };
    bed.stale_entry("e0");
    let mut gate = bed.installed();
    let observer = Observer::start(&bed);
    let address = FLOATING.to_string();
    let _asker = Program::start(&bed.client, &["ping", "-q", "-i", "0.002", &address]);
    for all in [false, true, false, true] {
        let begun = boottime();
        grant(&mut gate, &[ADDRESS], ms(60_000));
        observer.wait_for(|frame| frame.at > begun);
        if all {
            gate.withdraw_all().unwrap()
        } else {
            gate.withdraw(ADDRESS).unwrap()
        }
        let withdrawn = boottime();
        thread::sleep(ms(200));
        let frames = observer.after(begun);
        // Frames that were let through before may still be on their way.
        let late = frames.iter().filter(|frame| frame.at > withdrawn + ms(30)).collect::<Vec<_>>();
        assert!(late.is_empty(), "{late:?}");
    }
}

#[test]
fn a_renewal_loses_nothing() {
    const REQUESTS: u32 = 5000;
    let Some(bed) = Bed::new() else { return };
    bed.stale_entry("e0");
    let mut gate = bed.installed();
    grant(&mut gate, &[ADDRESS, DATABASE], ms(5000));
    let echo = bed.on_node(|| UdpSocket::bind((FLOATING, 43007)).unwrap());
    let client = bed.on_client(|| UdpSocket::bind("0.0.0.0:0").unwrap());
    client.connect((FLOATING, 43007)).unwrap();
    client.set_read_timeout(Some(ms(2000))).unwrap();
    echo.set_read_timeout(Some(ms(100))).unwrap();
    let done = AtomicBool::new(false);
    let renewals = thread::scope(|scope| {
        scope.spawn(|| {
            let mut room = [0; 16];
            while !done.load(Ordering::SeqCst) {
                if let Ok((length, from)) = echo.recv_from(&mut room) {
                    echo.send_to(&room[..length], from).unwrap();
                }
            }
        });
        let renewer = scope.spawn(|| {
            let mut renewals = 0;
            while !done.load(Ordering::SeqCst) {
                let ticket = gate.ticket(ms(5000)).unwrap();
                gate.renew(&[ADDRESS, DATABASE], ms(5000), ticket).unwrap();
                renewals += 1;
            }
            renewals
        });
        let mut lost = 0;
        for number in 0..REQUESTS {
            let mut room = [0; 16];
            client.send(&number.to_be_bytes()).unwrap();
            lost += u32::from(client.recv(&mut room).is_err());
        }
        done.store(true, Ordering::SeqCst);
        assert_eq!(lost, 0, "of {REQUESTS} requests");
        renewer.join().unwrap()
    });
    println!("{REQUESTS} requests, {renewals} renewals, none lost");
    assert!(renewals > 100, "{renewals}");
}

#[test]
fn an_ended_lease_is_not_renewed() {
    let Some(bed) = Bed::new() else { return };
    let mut gate = bed.installed();
    let ticket = gate.ticket(ms(5000)).unwrap();
    let error = gate.renew(&[ADDRESS], ms(1000), ticket).unwrap_err();
    assert!(matches!(error, Error::Lapsed { thing: ADDRESS, .. }), "{error}");
    grant(&mut gate, &[ADDRESS], ms(60_000));
    grant(&mut gate, &[DATABASE], ms(20));
    thread::sleep(ms(60));
    let ticket = gate.ticket(ms(5000)).unwrap();
    let error = gate.renew(&[ADDRESS, DATABASE], ms(90_000), ticket).unwrap_err();
    assert!(matches!(error, Error::Lapsed { thing: DATABASE, .. }), "{error}");
    // All or none: the other one runs on to its old end.
    let live = gate.inspect().unwrap();
    assert!(live.len() == 1 && live[0].remaining <= ms(60_000), "{live:?}");
    // Granted anew it is renewed again; granted twice it is not.
    grant(&mut gate, &[DATABASE], ms(60_000));
    let ticket = gate.ticket(ms(5000)).unwrap();
    let error = gate.grant(&[DATABASE], ms(60_000), ticket).unwrap_err();
    assert!(matches!(error, Error::AlreadyLive { thing: DATABASE, .. }), "{error}");
    let ticket = gate.ticket(ms(5000)).unwrap();
    gate.renew(&[ADDRESS, DATABASE], ms(90_000), ticket).unwrap();
    let ticket = gate.ticket(ms(5000)).unwrap();
    let error = gate.grant(&[Thing::Port(1)], ms(1000), ticket).unwrap_err();
    assert!(matches!(error, Error::NotGuarded { .. }), "{error}");
}

/// Between the decision and the system call the process stands still.
#[test]
fn a_late_ticket_renews_nothing() {
    let Some(bed) = Bed::new() else { return };
    let mut gate = bed.installed();
    grant(&mut gate, &[ADDRESS], ms(60_000));
    for _ in 0..20 {
        let ticket = gate.ticket(ms(20)).unwrap();
        thread::sleep(ms(41));
        let error = gate.renew(&[ADDRESS], ms(90_000), ticket).unwrap_err();
        assert!(matches!(error, Error::Late { .. }), "{error}");
        let ticket = gate.ticket(ms(20)).unwrap();
        thread::sleep(ms(41));
        let error = gate.grant(&[DATABASE], ms(90_000), ticket).unwrap_err();
        assert!(matches!(error, Error::Late { .. }), "{error}");
    }
    let live = gate.inspect().unwrap();
    assert!(live.len() == 1 && live[0].remaining <= ms(60_000), "{live:?}");
}

#[test]
fn one_turn_of_both() {
    let Some(bed) = Bed::new() else { return };
    let mut gate = bed.installed();
    let (length, peer_wait) = (ms(20_000), ms(30_000));
    let policy = Policy { length, peer_wait, age: ms(6000), send: ms(5000), ..Policy::default() };
    let mut lease = Lease::new(policy).unwrap();
    let now = Cell::new(ms(100_000));
    let mut turn = |lease: &mut Lease, passed: Duration, age: Duration| {
        now.set(now.get() + passed);
        gate.keep(lease, now.get().saturating_sub(age), || now.get()).unwrap()
    };
    assert_eq!(turn(&mut lease, ms(0), ms(0)), Kept::Idle);
    lease.ask(ADDRESS);
    assert_eq!(turn(&mut lease, ms(10), ms(1001)), Kept::Stale { age: ms(1001), limit: ms(1000) });
    assert_eq!(turn(&mut lease, ms(10), ms(1000)), Kept::Renewed);
    assert_eq!(turn(&mut lease, ms(10), ms(0)), Kept::NotDue { at: ms(100_270) });
    lease.ask(DATABASE);
    assert_eq!(turn(&mut lease, ms(10), ms(0)), Kept::Renewed);
    assert_eq!(turn(&mut lease, ms(250), ms(0)), Kept::Renewed);
    let why = Why::TurnTooLong { took: ms(10_001), limit: ms(10_000) };
    assert_eq!(turn(&mut lease, ms(10_001), ms(0)), Kept::Withdrawn(why));
    assert_eq!(turn(&mut lease, ms(1), ms(0)), Kept::Idle);
    lease.ask(ADDRESS);
    assert_eq!(turn(&mut lease, ms(1), ms(0)), Kept::Renewed);
    gate.withdraw(ADDRESS).unwrap();
    let lapsed = Kept::Withdrawn(Why::Lapsed(ADDRESS));
    assert_eq!(gate.keep(&mut lease, ms(110_600), || ms(110_600)).unwrap(), lapsed);
    // Live, but not to its knowledge: it is withdrawn first, and granted in the next turn.
    grant(&mut gate, &[ADDRESS], ms(60_000));
    lease.ask(ADDRESS);
    assert_eq!(gate.keep(&mut lease, ms(110_700), || ms(110_700)).unwrap(), Kept::Late);
    assert_eq!(gate.inspect().unwrap(), []);
    assert_eq!(gate.keep(&mut lease, ms(110_700), || ms(110_700)).unwrap(), Kept::Renewed);
}

/// The process stands still after it has taken its ticket and before it reads its clock, or
/// between its two looks at it.
#[test]
fn a_gap_within_a_turn_is_noticed() {
    let Some(bed) = Bed::new() else { return };
    let mut gate = bed.installed();
    let mut lease = Lease::new(Policy::default()).unwrap();
    lease.ask(ADDRESS);
    let mut jumping = |gap: Duration| {
        let now = Cell::new(ms(1000));
        let clock = || now.replace(now.get() + gap);
        gate.keep(&mut lease, ms(1000), clock).unwrap()
    };
    assert_eq!(jumping(ms(251)), Kept::Stale { age: ms(251), limit: ms(250) });
    assert_eq!(jumping(ms(249)), Kept::Withdrawn(Why::ClockWentBack { by: ms(251) }));
    let mut lease = Lease::new(Policy::default()).unwrap();
    lease.ask(ADDRESS);
    let now = Cell::new(ms(1000));
    let clock = || now.replace(now.get() + ms(751));
    let why = Why::TurnTooLong { took: ms(751), limit: ms(750) };
    assert_eq!(gate.keep(&mut lease, ms(1000), clock).unwrap(), Kept::Withdrawn(why));
    assert_eq!(gate.inspect().unwrap(), []);
}

#[test]
fn left_overs_are_replaced_and_grant_nothing() {
    let Some(bed) = Bed::new() else { return };
    bed.stale_entry("e0");
    let mut earlier = bed.installed();
    grant(&mut earlier, &[ADDRESS, DATABASE], ms(60_000));
    let old_ticket = earlier.ticket(ms(60_000)).unwrap();
    assert!(bed.answers(FLOATING));
    let mut later = bed.installed();
    assert_eq!(later.inspect().unwrap(), []);
    assert!(!bed.answers(FLOATING));
    // Whatever the earlier life asks for, and with its number of a ticket live in the later one.
    grant(&mut later, &[ADDRESS], ms(60_000));
    let _ticket = later.ticket(ms(60_000)).unwrap();
    let gone = |result: Result<(), Error>| assert!(matches!(result, Err(Error::Gone { .. })));
    gone(earlier.renew(&[ADDRESS], ms(90_000), old_ticket));
    gone(earlier.ticket(ms(5000)).map(drop));
    gone(earlier.withdraw(ADDRESS));
    gone(earlier.withdraw_all());
    let mut lease = Lease::new(Policy::default()).unwrap();
    lease.ask(ADDRESS);
    gone(earlier.keep(&mut lease, boottime(), boottime).map(drop));
    let live = later.inspect().unwrap();
    assert!(live.len() == 1 && live[0].remaining <= ms(60_000), "{live:?}");
    assert!(bed.answers(FLOATING));
}

#[test]
fn nothing_slips_through_while_the_rules_are_replaced() {
    let Some(bed) = Bed::new() else { return };
    bed.stale_entry("e0");
    let mut gate = bed.installed();
    let observer = Observer::start(&bed);
    let address = FLOATING.to_string();
    let _asker = Program::start(&bed.client, &["ping", "-q", "-i", "0.001", &address]);
    for _ in 0..30 {
        bed.install(&mut gate);
    }
    let frames = observer.after(ms(0));
    assert!(frames.is_empty(), "{} frames: {:?}", frames.len(), frames.first());
}

#[test]
fn removed_and_flushed_by_others() {
    let Some(bed) = Bed::new() else { return };
    let mut gate = bed.gate();
    let gone = |result: Result<(), Error>| assert!(matches!(result, Err(Error::Gone { .. })));
    // Not installed yet.
    gone(gate.inspect().map(drop));
    gone(gate.withdraw_all());
    gate.remove().unwrap();
    bed.install(&mut gate);
    let tables = ["ip", "netns", "exec", &bed.node, "nft", "list", "tables"];
    assert_eq!(text(&tables).lines().count(), 2);
    // Tables of others stay.
    run(&["ip", "netns", "exec", &bed.node, "nft", "add", "table", "inet", "other"]);
    gate.remove().unwrap();
    assert_eq!(text(&tables).trim(), "table inet other");
    gate.remove().unwrap();
    bed.install(&mut gate);
    grant(&mut gate, &[ADDRESS, DATABASE], ms(60_000));
    // Half of it is gone.
    run(&["ip", "netns", "exec", &bed.node, "nft", "delete", "table", "netdev", "dagtwin"]);
    gone(gate.inspect().map(drop));
    let ticket = gate.ticket(ms(5000)).unwrap();
    gone(gate.renew(&[ADDRESS], ms(60_000), ticket));
    gone(gate.withdraw(ADDRESS));
    bed.install(&mut gate);
    run(&["ip", "netns", "exec", &bed.node, "nft", "flush", "ruleset"]);
    gone(gate.ticket(ms(5000)).map(drop));
    gone(gate.withdraw(DATABASE));
}
