//! The agent's neighbours in the same bed, with the same clients and the same faults: they have an
//! address to move and nothing else. docs/PERFORMANCE.md holds what they took.

mod keepalived;
mod pacemaker;

use crate::burden::{Account, Burden};
use crate::fault::{links, partition};
use crate::ground::{boottime, fit, ms, nanos, variable, wait_for, wanted};
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

/// A neighbour, and how it is set up.
#[derive(Clone, Copy, Debug)]
enum Peer {
    /// With so much time between two advertisements.
    Keepalived(Duration),
    /// Corosync with a quorum device, and Pacemaker; tuned as linux-ha.md §3 has it, or not.
    Pacemaker { tuned: bool },
}

impl Peer {
    fn name(self) -> &'static str {
        match self {
            Peer::Keepalived(_) => "keepalived",
            Peer::Pacemaker { .. } => "pacemaker",
        }
    }

    fn profile(self) -> String {
        match self {
            Peer::Keepalived(advert) => format!("{}ms", advert.as_millis()),
            Peer::Pacemaker { tuned: true } => "tuned".to_owned(),
            Peer::Pacemaker { tuned: false } => "default".to_owned(),
        }
    }

    /// What it needs, and the package that has it.
    fn programs(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Peer::Keepalived(_) => &[("/usr/sbin/keepalived", "keepalived")],
            Peer::Pacemaker { .. } => &[
                ("/usr/sbin/corosync", "corosync"),
                ("/usr/sbin/corosync-qdevice", "corosync-qdevice"),
                ("/usr/bin/corosync-qnetd", "corosync-qnetd"),
                ("/usr/sbin/pacemakerd", "pacemaker"),
                ("/usr/lib/ocf/resource.d/heartbeat/IPaddr2", "resource-agents"),
            ],
        }
    }

    /// Starts it on a host.
    fn start(self, host: &Host, folder: &Path) -> Vec<Process> {
        match self {
            Peer::Keepalived(advert) => vec![keepalived::start(advert, host, folder)],
            Peer::Pacemaker { .. } => pacemaker::start(host),
        }
    }
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

/// Two hosts with a neighbour and a front end each.
struct Pair {
    site: Site,
    peer: Peer,
    daemons: [Vec<Process>; 2],
    _others: Vec<Process>,
}

impl Pair {
    fn new(peer: Peer) -> Pair {
        let mut site = Site::bare(Profile::chosen());
        site.hosts.iter_mut().for_each(Host::boot);
        let mut others = Vec::new();
        for host in &site.hosts {
            let words = serve::words(host.name);
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            others.push(host.machine.as_ref().expect("it has power").start(&words, &host.log()));
        }
        if let Peer::Pacemaker { tuned } = peer {
            others.push(pacemaker::witness(&site));
            site.hosts.iter().for_each(|host| pacemaker::configure(host, tuned));
        }
        let daemons = [0, 1].map(|n| peer.start(&site.hosts[n], site.folder()));
        if let Peer::Pacemaker { .. } = peer {
            pacemaker::add_address(&site.hosts[0]);
        }
        Pair { site, peer, daemons, _others: others }
    }

    fn signal(&mut self, which: Signal) {
        self.daemons[0].iter_mut().for_each(|daemon| daemon.signal_all(which));
    }

    fn strike(&mut self, fault: Fault) {
        match fault {
            Fault::NicsDown => links(&self.site.hosts[0], &Network::ALL, false),
            Fault::KillAgent => self.signal(Signal::KILL),
            Fault::FreezeAgent => self.signal(Signal::STOP),
            Fault::Partition => partition(&self.site, true),
        }
    }

    fn heal(&mut self, fault: Fault) {
        match fault {
            Fault::NicsDown => links(&self.site.hosts[0], &Network::ALL, true),
            Fault::KillAgent => {
                self.daemons[0] = self.peer.start(&self.site.hosts[0], self.site.folder());
            }
            Fault::FreezeAgent => self.signal(Signal::CONT),
            Fault::Partition => partition(&self.site, false),
        }
    }
}

/// Who holds the floating address.
fn holders(site: &Site) -> Vec<&'static str> {
    let holds = |host: &&Host| host.space.run("ip -4 -o address").contains(" 10.77.10.20/");
    site.hosts.iter().filter(holds).map(|host| host.name).collect()
}

fn tried(peer: Peer) {
    if !fit() {
        return;
    }
    let missing = peer.programs().iter().find(|(program, _)| !Path::new(program).exists());
    if let Some((program, package)) = missing {
        eprintln!("skipped: needs {program}: apt-get install {package}");
        return;
    }
    let repetitions =
        variable("DAGTWIN_BED_REPETITIONS").map_or(1, |it| it.parse().expect("a number"));
    let mut pair = Pair::new(peer);
    for fault in Fault::ALL.into_iter().filter(|fault| wanted(fault.name())) {
        for repetition in 1..=repetitions {
            // The one that is preferred takes it back.
            let held = wait_for(ms(90_000), || match holders(&pair.site)[..] {
                ["EX01"] => Ok(()),
                _ => Err(format!("{:?}", holders(&pair.site))),
            });
            held.unwrap_or_else(|why| {
                panic!("EX01 does not hold the address: {why}\n{}", pair.site.hosts[0].last_lines())
            });
            run(&mut pair, fault, repetition);
        }
    }
}

fn run(pair: &mut Pair, fault: Fault, repetition: u32) {
    let probers = Probers::start(&pair.site);
    let daemons = pair.daemons[0].iter().flat_map(Process::family).collect();
    let account = Account::open(daemons);
    sleep(ms(1_400));
    let burden = account.close();
    let fault_at = boottime();
    pair.strike(fault);
    sleep(ms(15_000));
    let healed_at = boottime();
    pair.heal(fault);
    sleep(ms(8_000));
    let ended = boottime();
    let seen = probers.finish();
    keep((pair.peer, fault, repetition), (fault_at, healed_at, ended), &seen, burden);
}

fn keep(
    (peer, fault, repetition): (Peer, Fault, u32),
    (fault_at, healed_at, ended): (u64, u64, u64),
    seen: &Seen,
    burden: Burden,
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
        "{} {} {} #{repetition}: http {} and {} ms, both answered for {} ms, EX01 at rest {}",
        peer.name(),
        peer.profile(),
        fault.name(),
        length(before),
        length(after),
        milliseconds(both),
        burden.text(),
    );
    let Some(results) = variable("DAGTWIN_BED_RESULTS") else { return };
    let folder = format!("{}-{}-{repetition:02}", peer.name(), peer.profile());
    let folder = Path::new(&results).join(fault.name()).join(folder);
    fs::create_dir_all(&folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let text = json!({
        "fault": fault.name(),
        "site": "bed",
        "peer": peer.name(),
        "profile": peer.profile(),
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
        "daemons_of_ex01": burden.json(),
    });
    fs::write(folder.join("result.json"), format!("{text:#}\n")).expect("a file");
}

#[test]
#[ignore = "takes 2 minutes; see docs/PERFORMANCE.md"]
fn keepalived_each_second() {
    tried(Peer::Keepalived(ms(1_000)));
}

#[test]
#[ignore = "takes 2 minutes; see docs/PERFORMANCE.md"]
fn keepalived_each_100_ms() {
    tried(Peer::Keepalived(ms(100)));
}

#[test]
#[ignore = "takes 3 minutes; see docs/PERFORMANCE.md"]
fn pacemaker_as_it_comes() {
    tried(Peer::Pacemaker { tuned: false });
}

#[test]
#[ignore = "takes 3 minutes; see docs/PERFORMANCE.md"]
fn pacemaker_tuned() {
    tried(Peer::Pacemaker { tuned: true });
}
