//! Figures, printed. To be run by name, with `--ignored --nocapture`.

use crate::lease::bed::{ADDRESS, Bed, DATABASE, FLOATING, block_on, grant, ms};
use dagtwin::agent::alarm::Alarm;
use dagtwin::agent::clock::Clock;
use dagtwin::agent::lease::boottime;
use dagtwin::agent::priority;
use dagtwin::base::{Instant, Span};
use std::net::UdpSocket;
use std::time::Duration;

fn quantiles(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |part: usize| times[(times.len() - 1) * part / 100];
    format!("min {:?}, median {:?}, 99% {:?}, max {:?}", at(0), at(50), at(99), at(100))
}

#[test]
#[ignore = "a measurement"]
fn cost() {
    let Some(bed) = Bed::new() else { return };
    let mut gate = bed.installed();
    grant(&mut gate, &[ADDRESS, DATABASE], ms(60_000));
    let (mut tickets, mut renewals) = (Vec::new(), Vec::new());
    for _ in 0..10_000 {
        let start = boottime();
        let ticket = gate.ticket(ms(5000)).unwrap();
        let taken = boottime();
        gate.renew(&[ADDRESS, DATABASE], ms(60_000), ticket).unwrap();
        renewals.push(boottime() - taken);
        tickets.push(taken - start);
    }
    println!("ticket: {}", quantiles(tickets));
    println!("renewal of an address and a port: {}", quantiles(renewals));
    let inspections = (0..1000).map(|_| {
        let start = boottime();
        gate.inspect().unwrap();
        boottime() - start
    });
    println!("inspect: {}", quantiles(inspections.collect()));
    let installs = (0..20).map(|_| {
        let start = boottime();
        bed.install(&mut gate);
        boottime() - start
    });
    println!("install: {}", quantiles(installs.collect()));
}

/// When the first datagram does not get through any more, after a grant of 1500 ms. Rounds in which
/// the machine left the prober too little time to tell are left out.
#[test]
#[ignore = "a measurement"]
fn precision() {
    const ROUNDS: usize = 40;
    let Some(bed) = Bed::new() else { return };
    bed.stale_entry("e0");
    let mut gate = bed.installed();
    let server = bed.on_node(|| UdpSocket::bind((FLOATING, 43007)).unwrap());
    let client = bed.on_client(|| UdpSocket::bind("0.0.0.0:0").unwrap());
    client.connect((FLOATING, 43007)).unwrap();
    server.set_nonblocking(true).unwrap();
    let (mut passed, mut refused) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let ticket = gate.ticket(ms(5000)).unwrap();
        let before = boottime();
        gate.grant(&[ADDRESS], ms(1500), ticket).unwrap();
        let (mut last, mut first) = (before, None);
        let mut room = [0; 16];
        while boottime() < before + ms(1550) {
            // Over the cable within the same system call.
            let sent = boottime();
            client.send(b"x").unwrap();
            let back = boottime();
            match server.recv(&mut room) {
                Ok(_) => (last, first) = (sent, None),
                Err(_) => first = first.or(Some(back)),
            }
        }
        let Some(first) = first else { continue };
        if first - last < ms(1) {
            passed.push(last - before);
            refused.push(first - before);
        }
    }
    println!("{} of {ROUNDS} rounds", passed.len());
    println!("last datagram that passed: {}", quantiles(passed));
    println!("first that did not, ever after: {}", quantiles(refused));
}

/// How late the loop's alarm wakes it while two loops on each core do nothing but spin, before and
/// after this process is raised. It stays so until it ends.
#[test]
#[ignore = "a measurement"]
fn jitter() {
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let spin = || {
        let words = ["--pdeathsig", "KILL", "sh", "-c", "while :; do :; done"];
        // A session of its own, and so a group of its own to the scheduler, as a service has.
        std::process::Command::new("setsid").arg("setpriv").args(words).spawn().unwrap()
    };
    let mut busy: Vec<_> = (0..2 * cores).map(|_| spin()).collect();
    let lateness = || async {
        let clock = Clock::after(Instant::ZERO);
        let mut alarm = Alarm::new().unwrap();
        let mut late = Vec::new();
        for _ in 0..400 {
            let at = clock.now() + Span::from_millis(50);
            alarm.set(&clock, Some(at)).unwrap();
            alarm.rings().await;
            late.push(Duration::from_nanos(clock.now().saturating_since(at).as_nanos()));
        }
        late
    };
    block_on(async {
        println!("as any process: {}", quantiles(lateness().await));
        let late = async {
            tokio::time::sleep(ms(200)).await;
            println!("{:?}", priority::raise().await);
        };
        let (raised, ()) = tokio::join!(biased; lateness(), late);
        println!("raised after 0.2 s: {}", quantiles(raised[10..].to_vec()));
    });
    for process in &mut busy {
        process.kill().unwrap();
        process.wait().unwrap();
    }
}
