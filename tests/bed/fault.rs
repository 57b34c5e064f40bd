//! The faults that are put upon the site, each on the member that owns everything.

use crate::ground::{ms, wait_for};
use crate::site::{Host, Site};
use crate::switch::{Drops, Network};
use rustix::process::Signal;
use std::thread::sleep;
use std::time::Duration;

/// What clients are to see of a fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    /// The other member serves, once the owner was missed for long enough.
    TakenOver,
    /// The other member serves as soon as the owner has told it to.
    HandedOver,
    /// Nothing at all: it is served where it was.
    Stays,
    /// Nobody serves until it is healed.
    Down,
}

/// What goes wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    NicsDown,
    MapiNicDown,
    CablePulled,
    Blackhole,
    Isolated,
    StopAgent,
    KillAgent,
    FreezeAgent,
    PowerLoss,
    Partition,
    PartitionNoWitness,
    WitnessLost,
    Flapping,
    Loss30,
    OneWayLoss,
    OneWayCut,
    DnsStopped,
    WitnessStopped,
    FullDisk,
    Delay,
}

impl Fault {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Fault::NicsDown => "nics-down",
            Fault::MapiNicDown => "mapi-nic-down",
            Fault::CablePulled => "cable-pulled",
            Fault::Blackhole => "blackhole",
            Fault::Isolated => "isolated",
            Fault::StopAgent => "stop-agent",
            Fault::KillAgent => "kill-agent",
            Fault::FreezeAgent => "freeze-agent",
            Fault::PowerLoss => "power-loss",
            Fault::Partition => "partition",
            Fault::PartitionNoWitness => "partition-no-witness",
            Fault::WitnessLost => "witness-lost",
            Fault::Flapping => "flapping",
            Fault::Loss30 => "loss-30",
            Fault::OneWayLoss => "one-way-loss",
            Fault::OneWayCut => "one-way-cut",
            Fault::DnsStopped => "dns-stopped",
            Fault::WitnessStopped => "witness-stopped",
            Fault::FullDisk => "full-disk",
            Fault::Delay => "delay",
        }
    }

    pub(crate) fn outcome(self) -> Outcome {
        match self {
            Fault::NicsDown
            | Fault::CablePulled
            | Fault::Blackhole
            | Fault::Isolated
            | Fault::KillAgent
            | Fault::FreezeAgent
            | Fault::PowerLoss => Outcome::TakenOver,
            Fault::MapiNicDown | Fault::Flapping | Fault::FullDisk | Fault::StopAgent => {
                Outcome::HandedOver
            }
            Fault::PartitionNoWitness => Outcome::Down,
            // Who owns the core group renews the witness's record and so keeps it.
            Fault::Partition
            | Fault::OneWayCut
            | Fault::WitnessLost
            | Fault::Loss30
            | Fault::OneWayLoss
            | Fault::DnsStopped
            | Fault::WitnessStopped
            | Fault::Delay => Outcome::Stays,
        }
    }

    /// How long it lasts, from when it has struck; a long form is what the issue asks for.
    pub(crate) fn lasts(self, detection: Duration, long: bool) -> Duration {
        let form = |short, in_full| if long { ms(in_full) } else { ms(short) };
        match self {
            Fault::FreezeAgent => form(10_000, 30_000),
            Fault::Loss30 => form(20_000, 60_000),
            Fault::OneWayLoss => form(20_000, 300_000),
            Fault::Flapping => Duration::ZERO,
            Fault::DnsStopped | Fault::Delay => ms(3_000),
            _ => detection + ms(3_000),
        }
    }

    /// Puts it upon the owner.
    pub(crate) fn strike(self, site: &mut Site, owner: usize) {
        let names = [site.hosts[owner].name, site.hosts[1 - owner].name];
        let [from, to] = names;
        match self {
            Fault::NicsDown => links(&site.hosts[owner], &Network::ALL, false),
            Fault::MapiNicDown => links(&site.hosts[owner], &[Network::Mapi], false),
            Fault::CablePulled => site.switch.cables(from, &Network::ALL, false),
            Fault::Blackhole => site.switch.drop_frames(&both(["", from], 100)),
            // Clients reach it all the while.
            Fault::Isolated => {
                site.switch.drop_frames(&[both(names, 100), both([from, "DC01"], 100)].concat());
            }
            Fault::StopAgent => agent(site, owner).signal(Signal::TERM),
            Fault::KillAgent => agent(site, owner).kill(),
            Fault::FreezeAgent => {
                let process = agent(site, owner);
                process.signal(Signal::STOP);
                let stood = || process.stands_still().then_some(()).ok_or("it moves".to_owned());
                wait_for(ms(2_000), stood).expect("it stands still");
            }
            Fault::PowerLoss => power_off(site, owner),
            Fault::Partition => partition(site, true),
            Fault::PartitionNoWitness => {
                let mut drops = both(names, 100);
                for name in names {
                    drops.extend(both([name, "DC01"], 100));
                }
                site.switch.drop_frames(&drops);
            }
            Fault::WitnessLost => site.switch.cables("DC01", &[Network::Mapi], false),
            Fault::Flapping => {
                for turn in 0..14 {
                    links(&site.hosts[owner], &[Network::Mapi], turn % 2 == 1);
                    sleep(ms(700));
                }
            }
            Fault::Loss30 => site.switch.drop_frames(&both(names, 30)),
            Fault::OneWayLoss => site.switch.drop_frames(&[Drops { from, to, percent: 30 }]),
            Fault::OneWayCut => site.switch.drop_frames(&[Drops { from, to, percent: 100 }]),
            Fault::DnsStopped => site.servers.dns = None,
            Fault::WitnessStopped => site.servers.witness = None,
            Fault::FullDisk => fill(&site.hosts[owner], true),
            Fault::Delay => site.slow_down(owner, ms(20)),
        }
    }

    /// Takes it away.
    pub(crate) fn heal(self, site: &mut Site, owner: usize) {
        let name = site.hosts[owner].name;
        match self {
            Fault::NicsDown => links(&site.hosts[owner], &Network::ALL, true),
            Fault::MapiNicDown => links(&site.hosts[owner], &[Network::Mapi], true),
            Fault::CablePulled => site.switch.cables(name, &Network::ALL, true),
            Fault::StopAgent => {
                assert!(agent(site, owner).wait(), "{name}: {}", site.hosts[owner].last_lines());
                site.hosts[owner].start_agent();
            }
            Fault::KillAgent => site.hosts[owner].start_agent(),
            Fault::FreezeAgent => agent(site, owner).signal(Signal::CONT),
            Fault::PowerLoss => {
                site.switch.pass_all();
                let host = &mut site.hosts[owner];
                host.boot();
                links(host, &Network::ALL, true);
                host.start_agent();
            }
            Fault::Blackhole
            | Fault::Isolated
            | Fault::Partition
            | Fault::PartitionNoWitness
            | Fault::Loss30
            | Fault::OneWayLoss
            | Fault::OneWayCut => site.switch.pass_all(),
            Fault::WitnessLost => site.switch.cables("DC01", &[Network::Mapi], true),
            Fault::Flapping => {}
            Fault::DnsStopped => site.start_dns(),
            Fault::WitnessStopped => site.start_witness(),
            Fault::FullDisk => fill(&site.hosts[owner], false),
            Fault::Delay => site.speed_up(owner),
        }
    }
}

fn agent(site: &mut Site, owner: usize) -> &mut crate::machine::Process {
    site.hosts[owner].agent.as_mut().expect("its agent runs")
}

/// Cuts the members off from each other, or heals that.
pub(crate) fn partition(site: &Site, cut: bool) {
    let names = [site.hosts[0].name, site.hosts[1].name];
    if cut { site.switch.drop_frames(&both(names, 100)) } else { site.switch.pass_all() }
}

/// Takes adapters of a host down or up, from inside.
pub(crate) fn links(host: &Host, networks: &[Network], up: bool) {
    let state = if up { "up" } else { "down" };
    let lines = networks.iter().map(|it| format!("link set {} {state}\n", it.adapter()));
    host.space.ip(&lines.collect::<String>());
}

/// Nothing of the host is heard any more, and then nothing of it is left.
fn power_off(site: &mut Site, owner: usize) {
    let name = site.hosts[owner].name;
    site.switch.drop_frames(&both(["", name], 100));
    let host = &mut site.hosts[owner];
    host.machine = None;
    host.agent = None;
    links(host, &Network::ALL, false);
    // Rules and floating addresses do not outlive power.
    host.space.run("nft flush ruleset");
    for network in Network::ALL {
        let (adapter, address) = (network.adapter(), network.address(host.number));
        host.space
            .ip(&format!("address flush dev {adapter}\naddress add {address}/24 dev {adapter}\n"));
    }
}

fn both<'a>([one, two]: [&'a str; 2], percent: u32) -> Vec<Drops<'a>> {
    vec![Drops { from: one, to: two, percent }, Drops { from: two, to: one, percent }]
}

/// Fills the volume of the first database to the last byte, or makes room again.
fn fill(host: &Host, full: bool) {
    let file = host.home(crate::site::DATABASES[0].0).join("ballast");
    let file = host.space.path(&file);
    if full {
        let path = file.to_str().expect("plain");
        let status = std::process::Command::new("dd")
            .args(["if=/dev/zero", &format!("of={path}"), "bs=64k", "status=none"])
            .stderr(std::process::Stdio::null())
            .status();
        assert!(
            status.is_ok_and(|it| !it.success()),
            "dd ends with an error when nothing more fits"
        );
    } else {
        std::fs::remove_file(file).expect("it was filled");
    }
}
