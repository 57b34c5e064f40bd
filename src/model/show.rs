//! A fault as it stands in a scenario file: what `load` reads again.

use super::fault::{Fault, Planned};
use super::load::service_word;
use super::settings::Value;
use super::topology::Topology;
use crate::base::{CopyId, Instant, Span};

/// A text as a TOML string.
pub fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out += &format!("\\u{:04X}", u32::from(c)),
            c => out.push(c),
        }
    }
    out + "\""
}

/// A moment of a run as files have it.
pub fn moment(at: Instant) -> String {
    quoted(&at.since(Instant::ZERO).show())
}

/// A span as files have it.
pub fn span(span: Span) -> String {
    quoted(&span.show())
}

/// A `[[fault]]` of a scenario.
pub fn planned(topology: &Topology, planned: &Planned) -> String {
    let mut out = format!("[[fault]]\nat = {}\n", moment(planned.at));
    if let Some(lasts) = planned.lasts {
        out += &format!("lasts = {}\n", span(lasts));
    }
    out += &format!("kind = {}\n", quoted(planned.fault.word()));
    for (key, value) in keys(topology, &planned.fault) {
        out += &format!("{key} = {}\n", quoted(&value));
    }
    out
}

/// The keys of a fault beside its kind and its times.
pub fn keys(topology: &Topology, fault: &Fault) -> Vec<(&'static str, String)> {
    let machine = |id| ("machine", topology.machine_name(id).to_owned());
    let network = |id| ("network", topology.networks[id].name.clone());
    let service = |service| ("service", service_word(service).to_owned());
    let resource = |id| ("resource", topology.resources[id].name.clone());
    let ends = |from, to| [("from", machine(from).1), ("to", machine(to).1)];
    let of_copy = |copy: CopyId| {
        let database = topology.databases[copy.database].name.clone();
        vec![("database", database), ("node", topology.node_name(copy.node).to_owned())]
    };
    let with = |mut keys: Vec<_>, key, value| {
        keys.push((key, value));
        keys
    };
    match *fault {
        Fault::NicDown { machine: id, nic } => {
            let nics = &topology.machines[id].nics;
            let name = nic.map_or("all".to_owned(), |nic| nics[nic].name.clone());
            vec![machine(id), ("nic", name)]
        }
        Fault::PowerOff { machine: id }
        | Fault::Freeze { machine: id }
        | Fault::Reboot { machine: id }
        | Fault::WitnessLockHeld { machine: id }
        | Fault::WitnessStale { machine: id }
        | Fault::DnsUpdateRefused { machine: id }
        | Fault::DnsStale { machine: id } => vec![machine(id)],
        Fault::ClockRate { machine: id, rate } => vec![machine(id), ("rate", rate.show())],
        Fault::ClockStep { machine: id, by } => vec![machine(id), ("by", by.show())],
        Fault::DiskSlow { machine: id, factor } => vec![machine(id), ("factor", factor.show())],
        Fault::ServiceStop { machine: id, service: of }
        | Fault::ServiceHang { machine: id, service: of }
        | Fault::ServiceCrash { machine: id, service: of } => vec![machine(id), service(of)],
        Fault::ServiceSlow { machine: id, service: of, factor } => {
            vec![machine(id), service(of), ("factor", factor.show())]
        }
        Fault::ResourceFail { machine: id, resource: of }
        | Fault::ResourceHang { machine: id, resource: of } => vec![machine(id), resource(of)],
        Fault::NetworkDown { network: id } | Fault::GratuitousArpBlocked { network: id } => {
            vec![network(id)]
        }
        Fault::PathCut { network: id, from, to, .. } => {
            [network(id)].into_iter().chain(ends(from, to)).collect()
        }
        Fault::PathLoss { network: id, from, to, share, .. } => {
            let keys = [network(id)].into_iter().chain(ends(from, to)).collect();
            with(keys, "share", share.show())
        }
        Fault::PathDelay { network: id, from, to, delay } => {
            let keys = [network(id)].into_iter().chain(ends(from, to)).collect();
            with(keys, "delay", delay.show())
        }
        Fault::FrameReordering { network: id, share, delay } => {
            vec![network(id), ("share", share.show()), ("delay", delay.show())]
        }
        Fault::FrameLoss { network: id, share }
        | Fault::FrameDuplication { network: id, share } => {
            vec![network(id), ("share", share.show())]
        }
        Fault::NetworkDelay { network: id, delay } => vec![network(id), ("delay", delay.show())],
        Fault::LogCorruption { copy } | Fault::DiskFull { copy } | Fault::MountFail { copy } => {
            of_copy(copy)
        }
        Fault::DismountSlow { copy, delay } => with(of_copy(copy), "delay", delay.show()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{DbId, MachineId, NetId, NicId, NodeId, Ratio, ResourceId};
    use crate::model::{Service, builtin, load};

    fn of_every_kind() -> Vec<Fault> {
        let (machine, network, resource) = (MachineId(1), NetId(0), ResourceId(1));
        let service = Service::Owa;
        let share = Ratio::new(1, 200).expect("a share");
        let factor = Ratio::new(10, 1).expect("a factor");
        let (from, to) = (MachineId(0), MachineId(2));
        let copy = CopyId { database: DbId(0), node: NodeId(1) };
        vec![
            Fault::NicDown { machine, nic: Some(NicId(1)) },
            Fault::PowerOff { machine },
            Fault::Freeze { machine },
            Fault::ServiceStop { machine, service },
            Fault::ServiceHang { machine, service },
            Fault::ServiceSlow { machine, service, factor },
            Fault::ResourceFail { machine, resource },
            Fault::ResourceHang { machine, resource },
            Fault::NetworkDown { network },
            Fault::PathCut { network, from, to, one_way: false },
            Fault::PathCut { network, from, to, one_way: true },
            Fault::PathLoss { network, from, to, share, one_way: false },
            Fault::PathLoss { network, from, to, share, one_way: true },
            Fault::FrameLoss { network, share },
            Fault::NetworkDelay { network, delay: Span::from_millis(3) },
            Fault::LogCorruption { copy },
            Fault::GratuitousArpBlocked { network },
            Fault::FrameDuplication { network, share },
            Fault::FrameReordering { network, share, delay: Span::from_millis(3) },
            Fault::PathDelay { network, from, to, delay: Span::from_millis(3) },
            Fault::ServiceCrash { machine, service: Service::Cluster },
            Fault::Reboot { machine: to },
            Fault::ClockRate { machine, rate: Ratio::new(99, 100).expect("a rate") },
            Fault::ClockStep { machine, by: Span::from_secs(5) },
            Fault::WitnessLockHeld { machine: to },
            Fault::WitnessStale { machine: to },
            Fault::DnsUpdateRefused { machine: to },
            Fault::DnsStale { machine: to },
            Fault::DiskSlow { machine, factor },
            Fault::DiskFull { copy },
            Fault::MountFail { copy },
            Fault::DismountSlow { copy, delay: Span::from_secs(90) },
        ]
    }

    #[test]
    fn what_is_shown_is_read_again() {
        let file = builtin::SITES[0].topology;
        let topology = load::topology(file.path, file.text, &[]).expect("it is sound").topology;
        let faults = of_every_kind();
        let words: Vec<&str> = faults.iter().map(Fault::word).collect();
        let all: Vec<&str> = Fault::KINDS.iter().map(|kind| kind.word).collect();
        assert_eq!(words, all, "one of every kind");
        for fault in faults {
            let at = Instant::from_nanos(60_000_000_001);
            let lasts = (!fault.kind().is_momentary()).then_some(Span::from_secs(90));
            let shown = Planned { at, lasts, fault };
            let text = format!("title = \"x\"\nuntil = \"5m\"\n{}", planned(&topology, &shown));
            let read = load::scenario("x.toml", "x", &text, &topology);
            let read = read.unwrap_or_else(|problems| panic!("{text}\n{problems:#?}"));
            assert_eq!(read.faults, [shown], "{text}");
        }
    }

    #[test]
    fn every_text_is_quoted() {
        assert_eq!(quoted("VIP\\EX01 \"a\"\n"), "\"VIP\\\\EX01 \\\"a\\\"\\u000A\"");
    }
}
