//! Faults in a scenario file.

use super::machines::OTHERS;
use super::read::Section;
use super::scenario::{LONGEST, Names, at};
use crate::base::{CopyId, IdVec, Instant, MachineId, NetId, NicId, Ratio, ResourceId, Span};
use crate::model::fault::{CLOCK_RATES, Fault, LONGEST_CLOCK_STEP, Planned, Service};
use crate::model::topology::MachineRole;

/// Reads what a kind of fault needs from its section.
type Reader = fn(&Section, &Names) -> Option<Fault>;

const KINDS: &[(&str, Reader)] = &[
    ("nic-down", nic_down),
    ("power-off", |section, names| Some(Fault::PowerOff { machine: names.machine(section)? })),
    ("freeze", |section, names| Some(Fault::Freeze { machine: names.machine(section)? })),
    ("service-stop", |section, names| {
        let (machine, service) = service(section, names)?;
        Some(Fault::ServiceStop { machine, service })
    }),
    ("service-hang", service_hang),
    ("service-slow", service_slow),
    ("resource-fail", |section, names| {
        let (machine, resource) = resource(section, names)?;
        Some(Fault::ResourceFail { machine, resource })
    }),
    ("resource-hang", |section, names| {
        let (machine, resource) = resource(section, names)?;
        Some(Fault::ResourceHang { machine, resource })
    }),
    ("network-down", |section, names| {
        Some(Fault::NetworkDown { network: names.network(section)? })
    }),
    ("path-cut", |section, names| {
        let (network, from, to) = path(section, names)?;
        Some(Fault::PathCut { network, from, to, one_way: false })
    }),
    ("path-cut-one-way", |section, names| {
        let (network, from, to) = path(section, names)?;
        Some(Fault::PathCut { network, from, to, one_way: true })
    }),
    ("path-loss", |section, names| path_loss(section, names, false)),
    ("path-loss-one-way", |section, names| path_loss(section, names, true)),
    ("frame-loss", frame_loss),
    ("network-delay", network_delay),
    ("log-corruption", |section, names| Some(Fault::LogCorruption { copy: copy(section, names)? })),
    ("gratuitous-arp-blocked", |section, names| {
        Some(Fault::GratuitousArpBlocked { network: names.network(section)? })
    }),
    ("frame-duplication", |section, names| {
        let (network, share) = (names.network(section), share(section));
        Some(Fault::FrameDuplication { network: network?, share: share? })
    }),
    ("frame-reordering", |section, names| {
        let (network, share) = (names.network(section), share(section));
        let delay = delay(section);
        Some(Fault::FrameReordering { network: network?, share: share?, delay: delay? })
    }),
    ("path-delay", |section, names| {
        let (path, delay) = (path(section, names), delay(section));
        let (network, from, to) = path?;
        Some(Fault::PathDelay { network, from, to, delay: delay? })
    }),
    ("service-crash", |section, names| {
        let (machine, service) = service(section, names)?;
        Some(Fault::ServiceCrash { machine, service })
    }),
    ("reboot", |section, names| Some(Fault::Reboot { machine: names.machine(section)? })),
    ("clock-rate", clock_rate),
    ("clock-step", clock_step),
    ("witness-lock-held", |section, names| {
        let machine = with_role(section, names, MachineRole::Witness)?;
        Some(Fault::WitnessLockHeld { machine })
    }),
    ("witness-stale", |section, names| {
        let machine = with_role(section, names, MachineRole::Witness)?;
        Some(Fault::WitnessStale { machine })
    }),
    ("dns-update-refused", |section, names| {
        let machine = with_role(section, names, MachineRole::Dns)?;
        Some(Fault::DnsUpdateRefused { machine })
    }),
    ("dns-stale", |section, names| {
        Some(Fault::DnsStale { machine: with_role(section, names, MachineRole::Dns)? })
    }),
    ("disk-slow", |section, names| {
        let (machine, factor) = (names.node(section, "machine"), factor(section));
        Some(Fault::DiskSlow { machine: machine?.into(), factor: factor? })
    }),
    ("disk-full", |section, names| Some(Fault::DiskFull { copy: copy(section, names)? })),
    ("mount-fail", |section, names| Some(Fault::MountFail { copy: copy(section, names)? })),
    ("dismount-slow", |section, names| {
        let (copy, delay) = (copy(section, names), delay(section));
        Some(Fault::DismountSlow { copy: copy?, delay: delay? })
    }),
];

pub(super) const SERVICES: &[(&str, Service)] = &[
    ("cluster", Service::Cluster),
    ("store", Service::Store),
    ("replication", Service::Replication),
    ("rpc-client-access", Service::RpcClientAccess),
    ("hub-transport", Service::HubTransport),
    ("owa", Service::Owa),
    ("autodiscover", Service::Autodiscover),
    ("directory", Service::Directory),
    ("dns", Service::Dns),
    ("file-server", Service::FileServer),
    ("outlook-anywhere", Service::OutlookAnywhere),
    ("active-sync", Service::ActiveSync),
];

/// The word of a service in files.
pub fn service_word(service: Service) -> &'static str {
    SERVICES.iter().find(|(_, other)| *other == service).map_or("", |(word, _)| word)
}

/// Every `[[fault]]` of a file.
pub(super) fn faults(root: &Section, names: &Names, until: Instant) -> Vec<Planned> {
    let mut faults: Vec<Planned> = Vec::new();
    let sections = root.tables("fault");
    if sections.len() > 10_000 {
        root.wrong("fault", "at most 10000 faults", None);
        return faults;
    }
    for section in sections {
        let at = at(&section, until);
        let lasts = section.value::<Span>("lasts");
        if lasts.is_some_and(Span::is_zero) {
            section.wrong("lasts", "a duration above zero", None);
        }
        if lasts.is_some_and(|lasts| lasts > LONGEST) {
            section.wrong("lasts", "at most 366 days", None);
        }
        let Some((word, read)) = section.kind("kind", KINDS) else { continue };
        section.expect(Fault::KINDS.iter().find(|kind| kind.word == word).map_or(&[], |k| k.keys));
        let fault = read(&section, names);
        section.finish();
        if let Some(fault) = fault {
            if lasts.is_some() && fault.kind().is_momentary() {
                let hint = format!("a {word} is over as soon as it strikes");
                section.wrong("lasts", "no such key for this kind of fault", Some(hint));
            }
            let ends = |p: &Planned| p.lasts.map_or(Instant::MAX, |l| p.at.saturating_add(l));
            let planned = Planned { at, lasts, fault };
            let overlaps = faults
                .iter()
                .any(|other| other.fault == fault && other.at < ends(&planned) && at < ends(other));
            if overlaps {
                section.wrong("at", "no overlap with the same fault at the same place", None);
            }
            faults.push(planned);
        }
    }
    faults
}

fn nic_down(section: &Section, names: &Names) -> Option<Fault> {
    let machine = names.machine(section)?;
    let nics = &names.topology.machines[machine].nics;
    let listed: IdVec<NicId, String> = nics.values().map(|nic| nic.name.clone()).collect();
    let place = section.text("nic");
    let nic = match place.text.as_str() {
        "all" => None,
        _ => Some(section.find(&place, "an adapter of the machine, or all", &listed)?),
    };
    Some(Fault::NicDown { machine, nic })
}

fn service_hang(section: &Section, names: &Names) -> Option<Fault> {
    let (machine, service) = service(section, names)?;
    if service == Service::Cluster && !names.topology.settings.lease.enabled {
        let hint = Some("freeze the machine instead: kind = \"freeze\"".to_owned());
        section.wrong("service", "a service other than cluster", hint);
    }
    Some(Fault::ServiceHang { machine, service })
}

fn service_slow(section: &Section, names: &Names) -> Option<Fault> {
    let (found, factor) = (service(section, names), factor(section));
    let (machine, service) = found?;
    Some(Fault::ServiceSlow { machine, service, factor: factor? })
}

fn factor(section: &Section) -> Option<Ratio> {
    let factor = section.value::<Ratio>("factor");
    const MOST: Ratio = Ratio::new(1_000, 1).expect("its denominator is not zero");
    if !factor.is_some_and(|factor| factor >= Ratio::ONE && factor <= MOST) {
        section.wrong("factor", "a factor from one to a thousand, such as \"10x\"", None);
    }
    factor
}

fn clock_rate(section: &Section, names: &Names) -> Option<Fault> {
    let machine = names.node(section, "machine");
    let rate = section.value::<Ratio>("rate");
    let (slowest, fastest) = CLOCK_RATES;
    if !rate.is_some_and(|rate| (slowest..=fastest).contains(&rate)) {
        section.wrong("rate", "a rate from 50% to 200%, such as \"102%\"", None);
    }
    Some(Fault::ClockRate { machine: machine?.into(), rate: rate? })
}

fn clock_step(section: &Section, names: &Names) -> Option<Fault> {
    let machine = names.node(section, "machine");
    let by = section.value::<Span>("by");
    if by.is_none_or(|by| by.is_zero() || by > LONGEST_CLOCK_STEP) {
        section.wrong("by", "a duration above zero and of at most 24 hours", None);
    }
    Some(Fault::ClockStep { machine: machine?.into(), by: by? })
}

/// A machine with a role.
fn with_role(section: &Section, names: &Names, role: MachineRole) -> Option<MachineId> {
    let machine = names.machine(section)?;
    if !names.topology.machines[machine].roles.contains(&role) {
        let mut words = OTHERS.iter();
        let word = words.find(|(_, other)| *other == role).map_or("", |(word, _)| word);
        let expected = format!("a machine with the role {word}");
        section.wrong("machine", &expected, None);
    }
    Some(machine)
}

/// A copy of a database.
fn copy(section: &Section, names: &Names) -> Option<CopyId> {
    let (database, node) = (names.database(section), names.node(section, "node"));
    let copy = CopyId { database: database?, node: node? };
    if !names.topology.databases[copy.database].copies.contains(&copy.node) {
        section.wrong("node", "a node with a copy of the database", None);
    }
    Some(copy)
}

fn path_loss(section: &Section, names: &Names, one_way: bool) -> Option<Fault> {
    let (path, share) = (path(section, names), share(section));
    let (network, from, to) = path?;
    Some(Fault::PathLoss { network, from, to, share: share?, one_way })
}

fn frame_loss(section: &Section, names: &Names) -> Option<Fault> {
    let (network, share) = (names.network(section), share(section));
    Some(Fault::FrameLoss { network: network?, share: share? })
}

fn share(section: &Section) -> Option<Ratio> {
    let share = section.value::<Ratio>("share");
    if share.is_none_or(|share| share > Ratio::ONE) {
        section.wrong("share", "a share such as \"3%\", at most 100%", None);
    }
    share
}

fn network_delay(section: &Section, names: &Names) -> Option<Fault> {
    let (network, delay) = (names.network(section), delay(section));
    Some(Fault::NetworkDelay { network: network?, delay: delay? })
}

fn delay(section: &Section) -> Option<Span> {
    let delay = section.value::<Span>("delay");
    if delay.is_none_or(|delay| delay > Span::from_secs(3600)) {
        section.wrong("delay", "a duration of at most an hour", None);
    }
    delay
}

/// A network and the two machines between which something is wrong.
fn path(section: &Section, names: &Names) -> Option<(NetId, MachineId, MachineId)> {
    let network = names.network(section);
    let from = section.find(&section.text("from"), "a machine", &names.machines);
    let to = section.find(&section.text("to"), "a machine", &names.machines);
    let (network, from, to) = (network?, from?, to?);
    for (key, machine) in [("from", from), ("to", to)] {
        let mut nics = names.topology.machines[machine].nics.values();
        if !nics.any(|nic| nic.network == network) {
            section.wrong(key, "a machine that is on the network", None);
        }
    }
    if from == to {
        section.wrong("to", "another machine", None);
    }
    Some((network, from, to))
}

/// A cluster resource on a member.
fn resource(section: &Section, names: &Names) -> Option<(MachineId, ResourceId)> {
    let node = names.node(section, "machine");
    let resource = section.find(&section.text("resource"), "a cluster resource", &names.resources);
    Some((node?.into(), resource?))
}

fn service(section: &Section, names: &Names) -> Option<(MachineId, Service)> {
    let machine = names.machine(section);
    if !section.has("service") {
        section.wrong("service", "the name of a service; the key is missing", None);
    }
    let service = section.word("service", SERVICES);
    let (machine, service) = (machine?, service?);
    let roles = &names.topology.machines[machine].roles;
    if !roles.contains(&MachineRole::of(service)) {
        section.wrong("service", "a service that the machine runs", None);
        return None;
    }
    Some((machine, service))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_fault_can_be_read() {
        let read: Vec<&str> = KINDS.iter().map(|(word, _)| *word).collect();
        let told: Vec<&str> = Fault::KINDS.iter().map(|kind| kind.word).collect();
        assert_eq!(read, told);
    }

    #[test]
    fn every_service_has_a_word() {
        let read: Vec<Service> = SERVICES.iter().map(|(_, service)| *service).collect();
        assert_eq!(read, Service::ALL);
    }
}
