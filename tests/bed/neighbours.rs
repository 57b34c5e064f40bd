//! The agent's neighbours in the same bed, with the same clients and the same faults: they have an
//! address to move and nothing else. docs/PERFORMANCE.md holds what they took.

use crate::fault::{links, partition};
use crate::ground::{boottime, fit, ms, nanos, variable, wait_for};
use crate::judge::{Answer, Outage, answers, longest, together, unanswered};
use crate::machine::Process;
use crate::probe::{Probers, Seen};
use crate::report::{milliseconds, whole};
use crate::serve;
use crate::site::{Host, Profile, Site};
use crate::switch::Network;
use rustix::process::Signal;
use serde_json::json;
use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

/// keepalived with so much time between two advertisements.
struct Keepalived {
    profile: &'static str,
    advert: Duration,
}

/// The faults that are tried.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fault {
    NicsDown,
    KillAgent,
    FreezeAgent,
    Partition,
}

impl Fault {
    const ALL: [Fault; 4] =
        [Fault::NicsDown, Fault::KillAgent, Fault::FreezeAgent, Fault::Partition];

    /// As the same fault of the agent is called.
    fn name(self) -> &'static str {
        match self {
            Fault::NicsDown => "nics-down",
            Fault::KillAgent => "kill-agent",
            Fault::FreezeAgent => "freeze-agent",
            Fault::Partition => "partition",
        }
    }
}

/// Two hosts with keepalived and a front end each.
struct Pair {
    site: Site,
    daemons: [Option<Process>; 2],
    _front_ends: [Process; 2],
}

impl Keepalived {
    fn start(&self, host: &Host, folder: &Path) -> Process {
        let seconds = self.advert.as_secs_f64();
        // Only version 3 counts in less than seconds.
        let version = if self.advert < ms(1_000) { 3 } else { 2 };
        let priority = if host.name == "EX01" { 150 } else { 100 };
        let text = format!(
            "global_defs {{\n router_id {}\n vrrp_version {version}\n}}\n\
             vrrp_instance floating {{\n state BACKUP\n interface eth0\n virtual_router_id 51\n \
             priority {priority}\n advert_int {seconds}\n virtual_ipaddress {{\n  \
             10.77.10.20/24 dev eth0\n }}\n}}\n",
            host.name
        );
        let file = folder.join(format!("{}-keepalived.conf", host.name));
        fs::write(&file, text).expect("a file");
        let file = file.to_str().expect("plain");
        let words =
            ["/usr/sbin/keepalived", "--dont-fork", "--log-console", "--use-file", file, "--vrrp"];
        let machine = host.machine.as_ref().expect("it has power");
        machine.start(&words, &host.log())
    }

    fn pair(&self) -> Pair {
        let mut site = Site::bare(Profile::chosen());
        site.hosts.iter_mut().for_each(Host::boot);
        let folder = site.folder().to_owned();
        let front_ends = [0, 1].map(|n| {
            let host = &site.hosts[n];
            let words = serve::words(host.name);
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            host.machine.as_ref().expect("it has power").start(&words, &host.log())
        });
        let daemons = [0, 1].map(|n| Some(self.start(&site.hosts[n], &folder)));
        Pair { site, daemons, _front_ends: front_ends }
    }

    fn strike(&self, pair: &mut Pair, fault: Fault) {
        let daemon = pair.daemons[0].as_mut().expect("it runs");
        match fault {
            Fault::NicsDown => links(&pair.site.hosts[0], &Network::ALL, false),
            Fault::KillAgent => daemon.signal_all(Signal::KILL),
            Fault::FreezeAgent => daemon.signal_all(Signal::STOP),
            Fault::Partition => partition(&pair.site, true),
        }
    }

    fn heal(&self, pair: &mut Pair, fault: Fault) {
        match fault {
            Fault::NicsDown => links(&pair.site.hosts[0], &Network::ALL, true),
            Fault::KillAgent => {
                let folder = pair.site.folder().to_owned();
                pair.daemons[0] = Some(self.start(&pair.site.hosts[0], &folder));
            }
            Fault::FreezeAgent => {
                pair.daemons[0].as_mut().expect("it runs").signal_all(Signal::CONT);
            }
            Fault::Partition => partition(&pair.site, false),
        }
    }
}

/// Who holds the floating address.
fn holders(site: &Site) -> Vec<&'static str> {
    let holds = |host: &&Host| host.space.run("ip -4 -o address").contains(" 10.77.10.20/");
    site.hosts.iter().filter(holds).map(|host| host.name).collect()
}

fn tried(peer: &Keepalived) {
    if !fit() {
        return;
    }
    if !Path::new("/usr/sbin/keepalived").exists() {
        eprintln!("skipped: needs /usr/sbin/keepalived: apt-get install keepalived");
        return;
    }
    let repetitions =
        variable("DAGTWIN_BED_REPETITIONS").map_or(1, |it| it.parse().expect("a number"));
    let mut pair = peer.pair();
    for fault in Fault::ALL {
        for repetition in 1..=repetitions {
            // The one with the higher priority takes it back.
            wait_for(ms(30_000), || match holders(&pair.site)[..] {
                ["EX01"] => Ok(()),
                _ => Err(format!("{:?}", holders(&pair.site))),
            })
            .expect("EX01 holds the address");
            run(peer, &mut pair, fault, repetition);
        }
    }
}

fn run(peer: &Keepalived, pair: &mut Pair, fault: Fault, repetition: u32) {
    let probers = Probers::start(&pair.site);
    sleep(ms(1_400));
    let fault_at = boottime();
    peer.strike(pair, fault);
    sleep(ms(10_000));
    let healed_at = boottime();
    peer.heal(pair, fault);
    sleep(ms(6_000));
    let ended = boottime();
    let seen = probers.finish();
    keep(peer, fault, repetition, (fault_at, healed_at, ended), &seen);
}

fn keep(
    peer: &Keepalived,
    fault: Fault,
    repetition: u32,
    (fault_at, healed_at, ended): (u64, u64, u64),
    seen: &Seen,
) {
    let began = fault_at - nanos(ms(500));
    let http: Vec<_> = seen.http.iter().copied().filter(|it| it.sent >= began).collect();
    let outages = unanswered(&http);
    let [before, after] =
        [longest(&outages, began, healed_at), longest(&outages, healed_at, ended)];
    let length =
        |outage: Option<Outage>| milliseconds(outage.map_or(Duration::ZERO, |it| it.length(ended)));
    let lost: Duration = outages.iter().map(|it| it.length(ended)).sum();
    let all = [&seen.http, &seen.stale[0], &seen.stale[1]];
    let all: Vec<Answer> = all.into_iter().flat_map(|asked| answers(asked)).collect();
    let (both, stale) = together(&all);
    eprintln!(
        "keepalived {} {} #{repetition}: http {} and {} ms, both answered for {} ms",
        peer.profile,
        fault.name(),
        length(before),
        length(after),
        milliseconds(both),
    );
    let Some(results) = variable("DAGTWIN_BED_RESULTS") else { return };
    let folder = format!("keepalived-{}-{repetition:02}", peer.profile);
    let folder = Path::new(&results).join(fault.name()).join(folder);
    fs::create_dir_all(&folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let text = json!({
        "fault": fault.name(),
        "site": "bed",
        "peer": "keepalived",
        "profile": peer.profile,
        "repetition": repetition,
        "owner": "EX01",
        "fault_at_boottime_ns": fault_at,
        "healed_at_boottime_ns": healed_at,
        "http": {
            "outage_ns": nanos(lost),
            "outage_ms": length(before),
            "heal_outage_ms": length(after),
            "first_missed_ns": before.map(|it| it.from),
            "first_answer_ns": before.and_then(|it| it.to),
        },
        "both_answering_ms": whole(both),
        "stale_answers": stale,
    });
    fs::write(folder.join("result.json"), format!("{text:#}\n")).expect("a file");
}

#[test]
#[ignore = "takes 2 minutes; see docs/PERFORMANCE.md"]
fn keepalived_each_second() {
    tried(&Keepalived { profile: "1s", advert: ms(1_000) });
}

#[test]
#[ignore = "takes 2 minutes; see docs/PERFORMANCE.md"]
fn keepalived_each_100_ms() {
    tried(&Keepalived { profile: "100ms", advert: ms(100) });
}
