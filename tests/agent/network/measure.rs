//! How long an address takes to move. Asserts nothing about speed; prints it (`--nocapture`).

use crate::network::lab::{Lab, PATIENCE, SERVICE, open};
use dagtwin::agent::network::{Arp, Form, InterfaceAddress, ProbeAnswer};
use std::fs;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use tokio::time::Instant;

/// Rounds, and after how long there are no more of them.
const ROUNDS: usize = 40;
const ENOUGH: Duration = Duration::from_secs(20);

fn spread(name: &str, mut times: Vec<Duration>) {
    times.sort();
    let (least, median, most) = (times[0], times[times.len() / 2], times[times.len() - 1]);
    let ninth = times[times.len() * 9 / 10];
    println!(
        "{name}, {} times: {least:?} .. median {median:?} .. 90% {ninth:?} .. {most:?}",
        times.len()
    );
}

#[test]
fn the_time_from_adding_an_address_to_the_neighbours_right_entry() {
    let Some(lab) = Lab::new() else { return };
    let ours = lab.hardware("host", "eth0").to_string();
    let (order, orders) = mpsc::channel::<()>();
    let (seen, sight) = mpsc::channel::<Instant>();
    thread::scope(|scope| {
        let (lab, ours) = (&lab, &ours);
        scope.spawn(move || {
            lab.inside("client", async move || {
                let right = |table: &str| {
                    let mut lines = table.lines();
                    lines.any(|line| line.starts_with("10.77.0.100 ") && line.contains(ours))
                };
                // Its own entry is what this thread's namespace has.
                for () in orders {
                    let table = || fs::read_to_string("/proc/thread-self/net/arp");
                    let deadline = Instant::now() + PATIENCE;
                    while !right(&table().expect("Linux has it")) {
                        assert!(Instant::now() < deadline, "the entry stays wrong");
                    }
                    seen.send(Instant::now()).expect("somebody waits for it");
                }
            });
        });
        lab.inside("host", async move || {
            let addresses = open();
            let arp = Arp::open(&addresses).expect("it opens");
            let service = InterfaceAddress::new("eth0", SERVICE, 32);
            let (mut silent, mut added, mut returned, mut right) = (vec![], vec![], vec![], vec![]);
            let begin = Instant::now();
            for round in 0..ROUNDS {
                if round > 0 && begin.elapsed() > ENOUGH {
                    break;
                }
                let entry =
                    format!("neigh replace {SERVICE} lladdr 02:00:5e:00:53:01 dev eth0 nud stale");
                lab.ip("client", &entry);
                let wait = Duration::from_millis(50);
                let probe = arp.probe("eth0", SERVICE, wait).await.expect("it is up");
                assert_eq!(probe, ProbeAnswer::Silence);
                order.send(()).expect("the client waits for it");
                tokio::time::sleep(Duration::from_millis(20)).await;
                let start = Instant::now();
                addresses.add(&service).await.expect("it is added");
                added.push(start.elapsed());
                arp.announce("eth0", SERVICE, &Form::BOTH).await.expect("it is announced");
                returned.push(start.elapsed());
                let moment = sight.recv_timeout(PATIENCE).expect("the client learns of it");
                right.push(moment - start);
                addresses.remove(&service).await.expect("it is removed");
                let start = Instant::now();
                arp.probe("eth0", [10, 77, 0, 2].into(), PATIENCE).await.expect("it is up");
                silent.push(start.elapsed());
            }
            spread("a probe that is answered", silent);
            spread("add returns", added);
            spread("add and announce return", returned);
            spread("the neighbour's entry is right", right);
        });
    });
}
