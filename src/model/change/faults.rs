//! Faults in a line: the kind, what its keys name in their order, `at`, `lasts`.

use super::line::Word;
use super::slot::{Choice, Site, Slot, keys_of, lasting, moment};
use crate::base::{MachineId, Ratio, Span};
use crate::model::fault::{CLOCK_RATES, Kind, LONGEST_CLOCK_STEP, Planned, Service};
use crate::model::load::service_word;
use crate::model::settings::Value;
use crate::model::topology::{MachineRole, Topology};

/// What may come after a kind of fault and some words.
pub(super) fn after(site: Site, kind: &Kind, words: &[Word]) -> Slot {
    if words.len() < kind.keys.len() {
        return key(site.topology, kind, words);
    }
    let options = &words[kind.keys.len()..];
    match options.last() {
        Some(word) if options.len() % 2 == 1 && word.is("at") => moment(site),
        Some(_) if options.len() % 2 == 1 => lasting(),
        _ => {
            let given = |name: &str| options.iter().step_by(2).any(|word| word.is(name));
            let all = [("lasts", "for how long"), ("at", "when, if not at the cursor")];
            let all = all.into_iter().filter(|(name, _)| *name == "at" || !kind.is_momentary());
            let left = all.filter(|(name, _)| !given(name));
            let choices: Vec<Choice> = left.map(|(name, help)| Choice::new(name, help)).collect();
            let what = match () {
                () if choices.is_empty() => "nothing more",
                () if kind.is_momentary() => "at, or the end",
                () => "lasts, at, or the end",
            };
            Slot { may_end: true, ..Slot::of(what, choices) }
        }
    }
}

/// What may stand for the next key.
fn key(topology: &Topology, kind: &Kind, before: &[Word]) -> Slot {
    let machine = |place: usize| topology.machine_id(&before.get(place)?.text);
    let network = || {
        let name = &before.first()?.text;
        let found = topology.networks.iter();
        found.into_iter().find(|(_, network)| network.name.eq_ignore_ascii_case(name))
    };
    match kind.keys[before.len()] {
        "machine" => machines(topology, kind),
        "nic" => nics(topology, machine(0)),
        "service" => services(topology, machine(0), kind),
        "resource" => {
            let resources = topology.resources.values();
            named("a cluster resource", resources.map(|one| (one.name.as_str(), "a resource")))
        }
        "network" => {
            let networks = topology.networks.values();
            named("a network", networks.map(|network| (network.name.as_str(), "a network")))
        }
        "from" | "to" => {
            let (other, network) = (machine(1), network().map(|(id, _)| id));
            let on = topology.machines.iter().filter(|(id, one)| {
                Some(*id) != other && one.nics.values().any(|nic| Some(nic.network) == network)
            });
            named("a machine that is on the network", on.map(|(_, one)| (one.name.as_str(), "")))
        }
        "database" => {
            let databases = topology.databases.values();
            named("a database", databases.map(|one| (one.name.as_str(), "a mailbox database")))
        }
        "node" => {
            let name = before.last().map_or("", |word| word.text.as_str());
            let mut all = topology.databases.values();
            let database = all.find(|one| one.name.eq_ignore_ascii_case(name));
            let copies = database.into_iter().flat_map(|database| database.copies.iter());
            let copies = copies.map(|node| (topology.node_name(*node), "has a copy"));
            named("a node with a copy of the database", copies)
        }
        quantity => of(quantity),
    }
}

/// What may stand for a quantity.
fn of(quantity: &str) -> Slot {
    match quantity {
        "factor" => {
            let examples = ["2x", "10x", "100x"].map(|word| Choice::new(word, "as long"));
            Slot::any("a factor from 1x to 1000x, such as 10x", examples.into(), |text| {
                let most = Ratio::new(1_000, 1).expect("its denominator is not zero");
                Ratio::read(text).is_some_and(|factor| (Ratio::ONE..=most).contains(&factor))
            })
        }
        "share" => {
            let examples = ["1%", "5%", "20%", "50%"].map(|word| Choice::new(word, "of them"));
            Slot::any("a share such as 3%, at most 100%", examples.into(), |text| {
                Ratio::read(text).is_some_and(|share| share <= Ratio::ONE)
            })
        }
        "rate" => {
            let examples = [("98%", "slow"), ("102%", "fast")];
            let examples = examples.map(|(word, help)| Choice::new(word, help));
            Slot::any("a rate from 50% to 200%, such as 102%", examples.into(), |text| {
                let (slowest, fastest) = CLOCK_RATES;
                Ratio::read(text).is_some_and(|rate| (slowest..=fastest).contains(&rate))
            })
        }
        "by" => {
            let examples = ["1s", "30s", "5m"].map(|word| Choice::new(word, "later"));
            let what = "a duration above zero and of at most 24 hours, such as 30s";
            Slot::any(what, examples.into(), |text| {
                Span::read(text).is_some_and(|by| !by.is_zero() && by <= LONGEST_CLOCK_STEP)
            })
        }
        _ => {
            let examples = ["50ms", "200ms", "1s"].map(|word| Choice::new(word, "longer"));
            Slot::any("a duration of at most an hour, such as 200ms", examples.into(), |text| {
                Span::read(text).is_some_and(|delay| delay <= Span::from_secs(3_600))
            })
        }
    }
}

fn named<'n>(what: &str, all: impl Iterator<Item = (&'n str, &'n str)>) -> Slot {
    Slot::of(what, all.map(|(name, help)| Choice::new(name, help)).collect())
}

/// The machines that a kind of fault can strike.
fn machines(topology: &Topology, kind: &Kind) -> Slot {
    let member = kind.is_of_members();
    let service = kind.keys.contains(&"service");
    let fits = |id: MachineId| {
        (!member || usize::from(id.0) < topology.nodes)
            && kind.role().is_none_or(|role| topology.machines[id].roles.contains(&role))
            && (!service || !run_by(topology, id, kind).is_empty())
    };
    let machines = topology.machines.iter().filter(|(id, _)| fits(*id));
    let choices = machines.map(|(id, machine)| {
        let help = match topology.nodes > usize::from(id.0) {
            true => "a member of the cluster",
            false => "no member of the cluster",
        };
        Choice::new(machine.name.clone(), help)
    });
    Slot::of(if member { "a node" } else { "a machine" }, choices.collect())
}

fn nics(topology: &Topology, machine: Option<MachineId>) -> Slot {
    let mut choices = vec![Choice::new("all", "every adapter of the machine")];
    if let Some(machine) = machine {
        choices.extend(topology.machines[machine].nics.values().map(|nic| {
            let network = &topology.networks[nic.network].name;
            Choice::new(nic.name.clone(), format!("{} on {network}", nic.address))
        }));
    }
    Slot::of("an adapter of the machine, or all", choices)
}

/// The services of a machine that a kind of fault can strike.
fn run_by(topology: &Topology, machine: MachineId, kind: &Kind) -> Vec<Service> {
    let roles = &topology.machines[machine].roles;
    let runs = |service: &Service| roles.contains(&MachineRole::of(*service));
    // Without leases nothing tells a Cluster service that hangs from a machine that stands still.
    let leases = topology.settings.lease.enabled;
    let hangs =
        |service: &Service| kind.word != "service-hang" || *service != Service::Cluster || leases;
    Service::ALL.into_iter().filter(runs).filter(hangs).collect()
}

fn services(topology: &Topology, machine: Option<MachineId>, kind: &Kind) -> Slot {
    let all = machine.map(|machine| run_by(topology, machine, kind)).unwrap_or_default();
    let choices = all.into_iter().map(|service| Choice::new(service_word(service), ""));
    Slot::of("a service that the machine runs", choices.collect())
}

/// A fault in words, without its moment.
pub(super) fn told(topology: &Topology, planned: &Planned) -> String {
    words(planned.fault.word(), &keys_of(topology, &planned.fault), planned.lasts)
}

/// A kind of fault with its keys in words.
pub(super) fn words(kind: &str, keys: &[(String, String)], lasts: Option<Span>) -> String {
    let mut text = kind.to_owned();
    for (place, (key, value)) in keys.iter().enumerate() {
        text += &match (key.as_str(), value.as_str()) {
            _ if place == 0 => format!(" on {value}"),
            ("nic", "all") => " all NICs".to_owned(),
            ("from", _) => format!(" from {value}"),
            ("to", _) => format!(" to {value}"),
            ("node", _) => format!(" of {value}"),
            ("by", _) => format!(" by {value}"),
            _ => format!(" {value}"),
        };
    }
    text + &lasts.map_or_else(String::new, |lasts| format!(" for {lasts}"))
}

/// A fault of a line that was taken word by word: its keys as the topology spells them.
pub(super) fn keys(site: Site, kind: &Kind, words: &[Word]) -> Vec<(String, String)> {
    let given = kind.keys.iter().enumerate();
    let spelt = |place: usize| {
        let slot = key(site.topology, kind, &words[..place]);
        let text = &words[place].text;
        let found = slot.choices.into_iter().find(|one| one.word.eq_ignore_ascii_case(text));
        found.map_or_else(|| text.clone(), |choice| choice.word)
    };
    given.map(|(place, key)| ((*key).to_owned(), spelt(place))).collect()
}
