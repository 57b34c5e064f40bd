//! Load balancers, seen in the records of whole runs.

use dagtwin::base::{ClientId, Instant, MachineId, Span};
use dagtwin::journal::record::{ClientEvent, Plant};
use dagtwin::journal::{Record, What};
use dagtwin::model::builtin::SITES;
use dagtwin::model::topology::{ClientKind, Topology};
use dagtwin::model::{Service, load};
use dagtwin::sim::{Recording, simulate};
use std::collections::{BTreeMap, BTreeSet};

/// A built-in topology with some of its lines changed.
fn topology(name: &str, changes: &[(&str, &str)]) -> Topology {
    let site = SITES.iter().find(|site| site.topology.name == name).expect("a built-in site");
    let mut text = site.topology.text.to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "{name} has no {from}");
        text = text.replace(from, to);
    }
    let loaded = load::topology(site.topology.path, &text, &[]);
    loaded.unwrap_or_else(|problems| panic!("{problems:#?}")).topology
}

/// Runs five minutes with faults, in a site where everything begins on the first server.
fn run(topology: &Topology, faults: &str) -> Vec<Record> {
    let first = &topology.machines[MachineId(0)].name;
    let databases = topology.databases.values();
    let start: String = databases
        .map(|database| {
            let node = topology.machine_name(database.copies[0].into());
            format!("{} = \"{node}\"\n", database.name)
        })
        .collect();
    let text = format!(
        "title = \"x\"\nuntil = \"5m\"\n[start]\n\"Cluster Group\" = \"{first}\"\n{start}{faults}"
    );
    let scenario = load::scenario("x.toml", "x", &text, topology);
    let scenario = scenario.unwrap_or_else(|problems| panic!("{problems:#?}"));
    simulate(topology, &scenario, 1, Recording::Memory).records
}

fn power_off(machine: &str, lasts: &str) -> String {
    format!("[[fault]]\nat = \"60s\"\n{lasts}kind = \"power-off\"\nmachine = \"{machine}\"\n")
}

fn stop(machine: &str, service: &str) -> String {
    format!(
        "[[fault]]\nat = \"60s\"\nkind = \"service-stop\"\nmachine = \"{machine}\"\n\
         service = \"{service}\"\n"
    )
}

/// The machines that each client was connected to in a stretch of time.
fn connected(
    records: &[Record],
    from: Instant,
    to: Instant,
) -> BTreeMap<ClientId, BTreeSet<MachineId>> {
    let mut machines: BTreeMap<ClientId, BTreeSet<MachineId>> = BTreeMap::new();
    for record in records.iter().filter(|record| from <= record.at && record.at < to) {
        if let What::Client(client, ClientEvent::Connected { machine }) = record.what {
            machines.entry(client).or_default().insert(machine);
        }
    }
    machines
}

/// How many clients each machine has.
fn shares(machines: &BTreeMap<ClientId, BTreeSet<MachineId>>) -> BTreeMap<MachineId, usize> {
    let mut shares = BTreeMap::new();
    for machine in machines.values().flatten() {
        *shares.entry(*machine).or_insert(0) += 1;
    }
    shares
}

fn seconds(seconds: u64) -> Instant {
    Instant::ZERO + Span::from_secs(seconds)
}

fn machine(topology: &Topology, name: &str) -> MachineId {
    let mut machines = topology.machines.iter();
    machines.find(|(_, machine)| machine.name == name).expect("a machine").0
}

/// Outlook clients with an answer in the last minute.
fn outlook_at_work(topology: &Topology, records: &[Record]) -> usize {
    let late = records.iter().filter(|record| record.at > seconds(240));
    let answered: BTreeSet<ClientId> = late
        .filter_map(|record| match record.what {
            What::Client(client, ClientEvent::Answered { .. }) => Some(client),
            _ => None,
        })
        .filter(|client| topology.client_group(*client).kind == ClientKind::Outlook)
        .collect();
    answered.len()
}

/// Changes of the plant from the fault on.
fn changes(records: &[Record]) -> impl Iterator<Item = (Instant, Plant)> {
    records.iter().filter(|record| record.at >= seconds(60)).filter_map(|record| {
        match &record.what {
            What::Plant(change) => Some((record.at, *change)),
            _ => None,
        }
    })
}

#[test]
fn a_device_shares_clients_evenly_and_keeps_each_at_its_server() {
    let topology = topology("two-node-load-balancer", &[]);
    let records = run(&topology, "");
    let machines = connected(&records, seconds(0), seconds(300));
    assert!(machines.values().all(|machines| machines.len() == 1), "a client changed its server");
    let shares: Vec<usize> = shares(&machines).into_values().collect();
    assert_eq!(shares.iter().sum::<usize>(), 900);
    // Which server has fewer connections is judged when a client comes; SMTP hangs up each time.
    assert!(shares.iter().all(|share| (380..=520).contains(share)), "{shares:?}");
}

#[test]
fn a_device_notices_a_stopped_service_and_network_load_balancing_does_not() {
    let faults = stop("EX01", "rpc-client-access");
    let device = topology("two-node-load-balancer", &[]);
    let records = run(&device, &faults);
    let marked: Vec<Instant> = changes(&records)
        .filter_map(|(at, change)| match change {
            Plant::ServerMarked { machine: MachineId(0), service, up: false, .. } => {
                (service == Service::RpcClientAccess).then_some(at)
            }
            _ => None,
        })
        .collect();
    // The checks at 65, 70 and 75 s fail.
    assert_eq!(marked, [seconds(75)]);
    assert!(outlook_at_work(&device, &records) > 450);

    let hosts = topology("classic-four-node", &[]);
    let records = run(&hosts, &stop("CAS01", "rpc-client-access"));
    let seen = changes(&records).any(|(_, change)| {
        matches!(change, Plant::ServerMarked { .. } | Plant::Convergence { .. })
    });
    assert!(!seen, "heartbeats know nothing of services");
    let at_work = outlook_at_work(&hosts, &records);
    assert!((200..=300).contains(&at_work), "{at_work} of 500: half of them have the host");
}

#[test]
fn a_device_checks_whether_a_service_answers_only_if_it_is_set_to() {
    let hang = stop("EX01", "rpc-client-access").replace("service-stop", "service-hang");
    for (reads, notices) in [("false", false), ("true", true)] {
        let setting = format!("[hardware_load_balancer]\nmonitor_reads_answer = {reads}\n");
        let changed = setting + "[client_access_array]";
        let topology = topology("two-node-load-balancer", &[("[client_access_array]", &changed)]);
        let records = run(&topology, &hang);
        let marked = changes(&records)
            .any(|(_, change)| matches!(change, Plant::ServerMarked { up: false, .. }));
        assert_eq!(marked, notices, "monitor_reads_answer = {reads}");
    }
}

#[test]
fn hosts_converge_after_five_heartbeats_and_keep_what_they_have() {
    let topology = topology("classic-four-node", &[]);
    let records = run(&topology, &power_off("CAS01", ""));
    let convergences: Vec<(Instant, usize, bool)> = changes(&records)
        .filter_map(|(at, change)| match change {
            Plant::Convergence { hosts, ended, .. } => Some((at, hosts.len(), ended)),
            _ => None,
        })
        .collect();
    assert_eq!(convergences, [(seconds(65), 1, false), (seconds(68), 1, true)]);
    let (first, second) = (machine(&topology, "CAS01"), machine(&topology, "CAS02"));
    let before = connected(&records, seconds(0), seconds(60));
    let each = shares(&before);
    assert_eq!(each[&first] + each[&second], 900, "with affinity single a client has one host");
    assert!(each[&first].abs_diff(each[&second]) <= 20, "{each:?}");
    let after = connected(&records, seconds(60), seconds(300));
    assert!(after.values().flatten().all(|machine| *machine == second));
    let cut_off = records.iter().filter(|record| record.at >= seconds(60)).find(|record| {
        let What::Client(client, event) = record.what else { return false };
        let of_the_other = before.get(&client).is_some_and(|machines| machines.contains(&second));
        of_the_other && matches!(event, ClientEvent::Reset { .. } | ClientEvent::GaveUp)
    });
    assert_eq!(cut_off, None, "a client of the host that stays is left alone");
}

#[test]
fn a_host_that_returns_converges_again_and_gets_its_share_of_new_connections() {
    let topology = topology("classic-four-node", &[]);
    let records = run(&topology, &power_off("CAS01", "lasts = \"30s\"\n"));
    let ended: Vec<(Instant, usize)> = changes(&records)
        .filter_map(|(at, change)| match change {
            Plant::Convergence { hosts, ended: true, .. } => Some((at, hosts.len())),
            _ => None,
        })
        .collect();
    // Power at 90 s, booted at 150 s, heard a heartbeat later.
    assert_eq!(ended, [(seconds(68), 1), (seconds(154), 2)]);
    let first = machine(&topology, "CAS01");
    let late = connected(&records, seconds(155), seconds(300));
    let kinds: BTreeSet<ClientKind> = late
        .iter()
        .filter(|(_, machines)| machines.contains(&first))
        .map(|(client, _)| topology.client_group(*client).kind)
        .collect();
    assert!(kinds.contains(&ClientKind::Smtp), "each message is a new connection: {kinds:?}");
    assert!(!kinds.contains(&ClientKind::Owa), "established connections stay: {kinds:?}");
}

#[test]
fn what_no_port_rule_covers_goes_to_the_default_host() {
    let rules = "port_rules = [\"rpc-client-access\", \"owa\", \"autodiscover\"]";
    let all = "port_rules = [\"rpc-client-access\", \"owa\", \"autodiscover\", \"hub-transport\"]";
    let topology = topology("classic-four-node", &[(all, rules)]);
    let records = run(&topology, "");
    let first = machine(&topology, "CAS01");
    for (client, machines) in connected(&records, seconds(0), seconds(300)) {
        if topology.client_group(client).kind == ClientKind::Smtp {
            assert_eq!(machines.into_iter().collect::<Vec<_>>(), [first]);
        }
    }
}

#[test]
fn affinity_says_which_connections_stay_together() {
    let affinity = |word: &str| {
        let to = format!("affinity = \"{word}\"");
        topology("classic-four-node", &[("affinity = \"single\"", &to)])
    };
    let none = affinity("none");
    let machines = connected(&run(&none, ""), seconds(0), seconds(300));
    let smtp = machines.iter().filter(|(id, _)| none.client_group(**id).kind == ClientKind::Smtp);
    assert!(smtp.into_iter().any(|(_, machines)| machines.len() == 2), "each message by itself");
    let class_c = affinity("class-c");
    let machines = connected(&run(&class_c, ""), seconds(0), seconds(300));
    for network in [0..254, 254..508] {
        let together: BTreeSet<MachineId> =
            network.filter_map(|id| machines.get(&ClientId(id))).flatten().copied().collect();
        assert_eq!(together.len(), 1, "the clients of a class C network have one host");
    }
}

#[test]
fn the_standby_device_takes_the_address_of_a_silent_one() {
    let topology = topology("dag-four", &[]);
    let records = run(&topology, &power_off("LB01", ""));
    let standby = machine(&topology, "LB02");
    let up: Vec<(Instant, MachineId)> = changes(&records)
        .filter_map(|(at, change)| match change {
            Plant::AddressUp { machine, .. } => Some((at, machine)),
            _ => None,
        })
        .collect();
    assert_eq!(up, [(seconds(63), standby)]);
    assert!(outlook_at_work(&topology, &records) > 450);
    let alone = self::topology("two-node-load-balancer", &[]);
    let records = run(&alone, &power_off("LB01", ""));
    assert_eq!(outlook_at_work(&alone, &records), 0, "without a standby the device is the end");
}
