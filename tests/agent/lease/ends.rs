//! A lease ends by itself, whatever has become of the process that renewed it.

use crate::lease::bed::{ADDRESS, Bed, DATABASE, FLOATING, NODE, PORT, ms};
use crate::lease::child::{Keeper, policy};
use crate::lease::observer::{Caller, Frame, Observer, Program, Server, Stream};
use dagtwin::agent::lease::{Gate, boottime};
use rustix::process::Signal;
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

/// A tick of the kernel's timers at 100 Hz, and that much again for reading clocks.
const TICK: Duration = ms(20);
/// A frame that was let through may wait that long for the client's side of the cable on a machine
/// that is busy.
const ON_THE_WAY: Duration = ms(30);

/// Asks at least once a second, also if nobody answers. `arping` knows no shorter wait.
const ASK_BY_ARP: &str = "while :; do arping -q -b -c 1 -w 1 -I e0 $1; sleep 0.05; done";

/// A node that is asked for everything that it has, all the time.
struct Scene {
    bed: Bed,
    gate: Gate,
    keeper: Keeper,
    observer: Observer,
    stream: Stream,
    database: Stream,
    _askers: (Vec<Program>, Vec<Caller>, Vec<Server>),
}

impl Scene {
    fn new() -> Option<Scene> {
        let bed = Bed::new()?;
        bed.stale_entry("e0");
        let web = SocketAddr::from((FLOATING, 43080));
        let sql = SocketAddr::from((NODE, PORT));
        let servers = vec![Server::start(&bed, 43080), Server::start(&bed, PORT)];
        let keeper = Keeper::start(&bed);
        keeper.wait_for("renewed", 2);
        let gate = bed.gate();
        let observer = Observer::start(&bed);
        let address = FLOATING.to_string();
        let programs = vec![
            Program::start(&bed.client, &["ping", "-q", "-i", "0.01", &address]),
            Program::start(&bed.client, &["sh", "-c", ASK_BY_ARP, "sh", &address]),
        ];
        let callers = vec![Caller::start(&bed, web), Caller::start(&bed, sql)];
        let (stream, database) = (Stream::open(&bed, web), Stream::open(&bed, sql));
        let _askers = (programs, callers, servers);
        Some(Scene { bed, gate, keeper, observer, stream, database, _askers })
    }

    /// Waits until the client has seen some of each kind; they all come by themselves.
    fn all_is_served(&self) {
        let kinds = [Frame::is_arp, Frame::is_ping, Frame::is_accept, Frame::is_data];
        for _ in 0..1000 {
            let frames = self.observer.frames();
            let seen = kinds.iter().all(|kind| frames.iter().filter(|f| kind(f)).count() >= 5);
            if seen && self.stream.read() > 100 && self.database.read() > 100 {
                return;
            }
            thread::sleep(ms(10));
        }
        panic!("not all is served: {:?}", self.observer.frames().iter().rev().take(20));
    }

    /// When the leases end, as the kernel tells it: not before, and not after.
    fn end(&mut self) -> (Duration, Duration) {
        let before = boottime();
        let live = self.gate.inspect().unwrap();
        let after = boottime();
        let things = live.iter().map(|live| live.thing).collect::<Vec<_>>();
        assert_eq!(things, [ADDRESS, DATABASE]);
        let shortest = live.iter().map(|live| live.remaining).min().unwrap();
        let longest = live.iter().map(|live| live.remaining).max().unwrap();
        (before + shortest, after + longest)
    }

    /// Checks that service went on to the end and that nothing at all came after it.
    fn ends_at(&self, earliest: Duration, latest: Duration) {
        let wait = (latest + ms(1500)).saturating_sub(boottime());
        thread::sleep(wait);
        let read = (self.stream.read(), self.database.read());
        let late = self.observer.after(latest + TICK + ON_THE_WAY);
        assert!(late.is_empty(), "{} frames after the end: {:?}", late.len(), late.first());
        let last = self.observer.frames().last().expect("frames").at;
        assert!(last + ms(1500) > earliest, "service ended {:?} before its end", earliest - last);
        thread::sleep(ms(500));
        assert_eq!((self.stream.read(), self.database.read()), read, "bytes after the end");
        println!("last frame {:?} before the latest end", latest.saturating_sub(last));
    }
}

#[test]
fn frozen_and_thawed() {
    let Some(mut scene) = Scene::new() else { return };
    scene.all_is_served();
    scene.keeper.signal(Signal::STOP);
    let stopped = boottime();
    let (earliest, latest) = scene.end();
    let length = policy().length;
    assert!(latest <= stopped + length + TICK);
    assert!(latest + TICK >= scene.keeper.last_renewal() + length);
    scene.ends_at(earliest, latest);
    // The process is back, finds that it was away for too long, and holds nothing any more.
    let thawed = boottime();
    scene.keeper.signal(Signal::CONT);
    scene.keeper.wait_for("withdrawn a turn took", 1);
    thread::sleep(ms(1000));
    let said = scene.keeper.said();
    assert!(said.last().unwrap().starts_with("withdrawn"), "{said:?}");
    assert_eq!(scene.gate.inspect().unwrap(), []);
    let frames = scene.observer.after(thawed);
    assert!(frames.is_empty(), "after the thaw: {:?}", frames.first());
    assert!(!scene.bed.answers(FLOATING));
}

#[test]
fn frozen_for_less_than_the_lease() {
    let Some(mut scene) = Scene::new() else { return };
    scene.all_is_served();
    scene.keeper.signal(Signal::STOP);
    // Longer than half of the lease, so that it is withdrawn although it is live.
    thread::sleep(policy().longest_turn() + ms(50));
    assert_ne!(scene.gate.inspect().unwrap(), []);
    scene.keeper.signal(Signal::CONT);
    scene.keeper.wait_for("withdrawn a turn took", 1);
    let withdrawn = boottime();
    assert_eq!(scene.gate.inspect().unwrap(), []);
    thread::sleep(ms(500));
    let frames = scene.observer.after(withdrawn + ON_THE_WAY);
    assert!(frames.is_empty(), "after the withdrawal: {:?}", frames.first());
}

#[test]
fn killed() {
    let Some(mut scene) = Scene::new() else { return };
    scene.all_is_served();
    scene.keeper.signal(Signal::KILL);
    let killed = boottime();
    let (earliest, latest) = scene.end();
    assert!(latest <= killed + policy().length + TICK);
    assert!(latest + TICK >= scene.keeper.last_renewal() + policy().length);
    scene.ends_at(earliest, latest);
    assert_eq!(scene.gate.inspect().unwrap(), []);
}

#[test]
fn cut_off_from_the_world() {
    let Some(mut scene) = Scene::new() else { return };
    scene.all_is_served();
    scene.keeper.isolate();
    scene.keeper.wait_for("stale", 1);
    let stale = boottime();
    let (earliest, latest) = scene.end();
    assert!(latest <= stale + policy().length + TICK);
    scene.ends_at(earliest, latest);
    let said = scene.keeper.said();
    assert!(said.last().unwrap().starts_with("stale"), "{said:?}");
}
