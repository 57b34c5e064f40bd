//! Sizing in closed form: what clients need of processors, disks, memory and networks, by the
//! product's sizing rules (exchange.md §7), and what one request costs, which is the same rule
//! divided by the requests of a day.

use super::settings::{Day, Settings};
use super::topology::{
    ClientGroup, ClientKind, Connection, Database, Hardware, MachineRole, Topology,
};
use crate::base::{DbId, IdVec, MachineId, NodeId, Ratio, Span};

const MILLION: u64 = 1_000_000;
const NANOS: u128 = 1_000_000_000;

/// The server on which the product's megacycles are defined: 3,333 megacycles a core at a
/// SPECint_rate2006 of 18.75 a core (exchange.md §7.1 baseline server).
const BASELINE_MEGACYCLES: u64 = 3_333;
const BASELINE_HUNDREDTHS: u64 = 1_875;

/// Adjusted megacycles of one core, rounded down (exchange.md §7.1 adjusted megacycles/core).
pub fn megacycles_per_core(hardware: &Hardware) -> u64 {
    let rate = u64::from(hardware.spec_int_2006_rate_per_core.hundredths());
    rate * BASELINE_MEGACYCLES / BASELINE_HUNDREDTHS
}

/// The time in which a day's work would be done at the busiest hour's rate.
fn busy_time(settings: &Settings) -> Span {
    match settings.load.day {
        Day::FLAT => settings.load.working_day,
        day => day.busy_time(),
    }
}

/// Mean time between the requests of a client with so many messages a day, in the busiest hour.
pub fn think(settings: &Settings, kind: ClientKind, profile: u32) -> Span {
    let load = &settings.load;
    let (above, below) = match kind {
        ClientKind::Smtp | ClientKind::Autodiscover => (1, 1),
        ClientKind::Outlook | ClientKind::Owa | ClientKind::ActiveSync => {
            (load.operations_per_request, load.operations_per_message)
        }
    };
    let think = busy_time(settings).scaled(above.into(), u64::from(below) * u64::from(profile));
    think.max(Span::from_millis(1))
}

/// What one request and one message cost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Costs {
    /// RPC operations of a request.
    pub operations: u64,
    /// Cycles of an RPC operation on the Mailbox role, without those of further copies.
    pub mailbox: u64,
    /// Cycles of an RPC operation on the Client Access role.
    pub client_access: u64,
    /// Cycles of an RPC operation on a domain controller.
    pub directory: u64,
    /// Cycles of an RPC operation of ActiveSync on the Mailbox role.
    pub active_sync_mailbox: u64,
    /// Cycles of an RPC operation of ActiveSync on the Client Access role.
    pub active_sync_client_access: u64,
    /// Cycles of a message on the Hub Transport role, for each mailbox that it is sent from or
    /// delivered to.
    pub message: u64,
    /// Transfers of an RPC operation on a database's disks, in millionths.
    pub transfers: u64,
}

fn part(whole: u64, ratio: Ratio) -> u64 {
    whole * u64::from(ratio.numerator()) / u64::from(ratio.denominator())
}

impl Costs {
    /// The costs by some settings.
    pub fn of(settings: &Settings) -> Self {
        let load = &settings.load;
        let seconds = load.working_day.as_millis() / 1_000;
        let operations = u64::from(load.operations_per_message);
        let hundredths = u64::from(load.megacycles_per_50_messages.hundredths());
        let message = hundredths * (MILLION / 100) * seconds / 50;
        let mailbox = message / operations;
        let device = |megacycles: crate::base::Decimal| {
            u64::from(megacycles.hundredths()) * (MILLION / 100) * seconds / (100 * operations)
        };
        let iops = u64::from(load.iops_per_50_messages.hundredths());
        Costs {
            operations: u64::from(load.operations_per_request),
            mailbox,
            client_access: part(mailbox, load.client_access_share),
            directory: part(mailbox, load.directory_share),
            active_sync_mailbox: device(load.active_sync_mailbox_megacycles),
            active_sync_client_access: device(load.active_sync_client_access_megacycles),
            message: part(message, load.hub_transport_share),
            transfers: iops * (MILLION / 100) * seconds / (50 * operations),
        }
    }

    /// Cycles of a request on the Mailbox role of the active copy.
    pub fn of_mailbox(&self, settings: &Settings, kind: ClientKind, database: &Database) -> u64 {
        let further = database.copies.len().saturating_sub(1) as u64;
        let whole = self.operations
            * match kind {
                ClientKind::ActiveSync => self.active_sync_mailbox,
                _ => self.mailbox,
            };
        whole + part(whole, settings.load.further_copy_share) * further
    }

    /// Cycles of a request on the server of a passive copy.
    pub fn of_passive(&self, settings: &Settings, kind: ClientKind) -> u64 {
        let whole = match kind {
            ClientKind::ActiveSync => self.active_sync_mailbox,
            _ => self.mailbox,
        };
        part(self.operations * whole, settings.load.passive_share)
    }

    /// Cycles of a request on the Client Access role.
    pub fn of_client_access(&self, kind: ClientKind) -> u64 {
        match kind {
            ClientKind::Outlook | ClientKind::Owa => self.operations * self.client_access,
            ClientKind::ActiveSync => self.operations * self.active_sync_client_access,
            ClientKind::Autodiscover => self.client_access,
            ClientKind::Smtp => 0,
        }
    }
}

/// Bytes that a request of a client moves over the network, both ways.
pub fn bytes_per_request(settings: &Settings, group: &ClientGroup) -> u64 {
    let load = &settings.load;
    let kilobytes = match (group.kind, group.connection, group.cached) {
        (ClientKind::Outlook, Connection::Http, _) => load.outlook_anywhere_kilobytes,
        (ClientKind::Outlook, Connection::Rpc, true) => load.cached_kilobytes,
        (ClientKind::Outlook, Connection::Rpc, false) => load.online_kilobytes,
        (ClientKind::Owa, ..) => load.owa_kilobytes,
        (ClientKind::ActiveSync, ..) => load.active_sync_kilobytes,
        (ClientKind::Smtp, ..) => return u64::from(settings.transport.message_kilobytes) * 1_024,
        (ClientKind::Autodiscover, ..) => return 0,
    };
    let of_message = u64::from(kilobytes.hundredths()) * 1_024 / 100;
    let (request, message) = (load.operations_per_request, load.operations_per_message);
    of_message * u64::from(request) / u64::from(message)
}

/// The share of a client's requests that send a message.
pub fn send_share(settings: &Settings, group: &ClientGroup) -> Ratio {
    match (group.kind, group.profile) {
        (ClientKind::Smtp, _) => Ratio::ONE,
        (ClientKind::Autodiscover, _) => Ratio::ZERO,
        (ClientKind::Outlook, None) => settings.outlook.send_share,
        (ClientKind::Owa | ClientKind::ActiveSync, None) => Ratio::ZERO,
        (ClientKind::Outlook | ClientKind::Owa | ClientKind::ActiveSync, Some(_)) => {
            let load = &settings.load;
            let above = load.sent_share.numerator().saturating_mul(load.operations_per_request);
            let below = load.sent_share.denominator().saturating_mul(load.operations_per_message);
            Ratio::new(above.min(below), below).unwrap_or(Ratio::ZERO)
        }
    }
}

/// Mailboxes that a message is delivered to, in the mean: of a profile as many as make what it
/// receives of what it sends, else one.
pub fn recipients(settings: &Settings, group: &ClientGroup) -> Ratio {
    let share = settings.load.sent_share;
    let received = share.denominator().saturating_sub(share.numerator());
    match group.profile {
        Some(_) if group.kind.has_mailbox() => {
            Ratio::new(received, share.numerator()).unwrap_or(Ratio::ONE)
        }
        _ => Ratio::ONE,
    }
}

/// A cost for each mailbox that a message has to do with: its sender's, if it is in the site, and
/// those that it is delivered to.
pub fn for_mailboxes(settings: &Settings, group: &ClientGroup, cost: u64) -> u64 {
    cost * u64::from(group.kind.has_mailbox()) + part(cost, recipients(settings, group))
}

/// Mailboxes of every database, for its share of the mail.
pub fn mailboxes_by_database(topology: &Topology) -> IdVec<DbId, u64> {
    let mut mailboxes: IdVec<DbId, u64> = IdVec::filled(topology.databases.len(), 0);
    for group in topology.clients.iter().filter(|group| group.kind.has_mailbox()) {
        mailboxes[group.database] += u64::from(group.count);
    }
    mailboxes
}

/// Where the work of a site is done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Placement {
    /// Machines that are up.
    pub up: Vec<MachineId>,
    /// Where each database is active, if anywhere.
    pub active: IdVec<DbId, Option<NodeId>>,
    /// The Client Access servers of each client group, among which its clients are spread evenly.
    pub access: Vec<Vec<MachineId>>,
}

impl Placement {
    /// Machines that are up and have a role.
    fn with(&self, topology: &Topology, role: MachineRole) -> Vec<MachineId> {
        let up = self.up.iter().copied();
        up.filter(|id| topology.machines[*id].roles.contains(&role)).collect()
    }
}

/// What is needed of something, and what there is of it, in one unit.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Use {
    /// Needed.
    pub needed: u64,
    /// There.
    pub available: u64,
}

/// What a machine needs and has.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Needs {
    /// Processor, in cycles a second.
    pub processor: Use,
    /// Disks of databases, in thousandths of transfers a second.
    pub disks: Use,
    /// Memory, in hundredths of a megabyte.
    pub memory: Use,
    /// The adapter that clients use, in bits a second.
    pub network: Use,
    /// Replay of the busiest passive copy, in thousandths of logs a second.
    pub replay: Use,
    /// Logs that come to its passive copies, in bits a second of an adapter.
    pub replication: Use,
}

/// Logs that a database makes, and what copying them takes.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct LogRate {
    /// Logs of 1 MB in a day.
    pub logs_per_day: u64,
    /// Thousandths of logs in a second of the busiest hour.
    pub per_second: u64,
    /// Bits a second to each passive copy, in the busiest hour.
    pub bits_per_second: u64,
}

/// Per-second rate of something that a client group does, in millionths.
fn rate(group: &ClientGroup) -> u128 {
    u128::from(group.count) * NANOS * u128::from(MILLION) / u128::from(group.think.as_nanos())
}

/// `rate` times a cost, a second.
fn times(rate: u128, cost: u64) -> u64 {
    u64::try_from(rate * u128::from(cost) / u128::from(MILLION)).unwrap_or(u64::MAX)
}

/// What every machine needs with the work placed so.
pub fn needs(topology: &Topology, placement: &Placement) -> IdVec<MachineId, Needs> {
    let settings = &topology.settings;
    let costs = Costs::of(settings);
    let mut needs: IdVec<MachineId, Needs> =
        topology.machines.ids().map(|id| available(topology, id)).collect();
    for (group, access) in topology.clients.iter().zip(&placement.access) {
        let requests = rate(group);
        for machine in access {
            let share = requests / access.len() as u128;
            let need = &mut needs[*machine];
            need.processor.needed += times(share, costs.of_client_access(group.kind));
            need.network.needed += times(share, bytes_per_request(settings, group) * 8);
        }
        transport(topology, placement, (group, access), &costs, &mut needs);
        if group.kind.has_mailbox() {
            mailboxes(topology, placement, group, &costs, &mut needs);
            let controllers = placement.with(topology, MachineRole::DomainController);
            if let Some(controller) = controllers.first() {
                let cost = costs.operations * costs.directory;
                needs[*controller].processor.needed += times(requests, cost);
            }
        }
    }
    for (id, rate) in log_rates(topology).iter() {
        for node in &topology.databases[id].copies {
            let machine = MachineId::from(*node);
            if placement.active[id] != Some(*node) && placement.up.contains(&machine) {
                let need = &mut needs[machine];
                need.replay.needed = need.replay.needed.max(rate.per_second);
                need.replication.needed += rate.bits_per_second;
            }
        }
    }
    needs
}

/// What a machine has, and needs without any client.
fn available(topology: &Topology, id: MachineId) -> Needs {
    let (machine, settings) = (&topology.machines[id], &topology.settings);
    let hardware = &machine.hardware;
    let exchange = machine.is_exchange();
    let service = settings.hardware.disk_service_time.as_nanos().max(1);
    let megabytes = |gigabytes: u32| u64::from(gigabytes) * 1_024 * 100;
    let of = |available| Use { needed: 0, available };
    Needs {
        processor: of(u64::from(hardware.cores) * megacycles_per_core(hardware) * MILLION),
        disks: of(u64::from(hardware.disks) * 1_000_000_000_000 / service),
        memory: Use {
            needed: if exchange { megabytes(settings.load.server_memory_gigabytes) } else { 0 },
            available: megabytes(hardware.memory_gigabytes),
        },
        network: of(u64::from(settings.ethernet.bandwidth) * MILLION),
        replay: of(u64::from(settings.replication.replay_rate) * 1_000),
        replication: of(u64::from(settings.ethernet.bandwidth) * MILLION),
    }
}

/// Mail of a client group through the Hubs: those beside the sender's database only if there is
/// no other (exchange.md §2.4).
fn transport(
    topology: &Topology,
    placement: &Placement,
    (group, access): (&ClientGroup, &[MachineId]),
    costs: &Costs,
    needs: &mut IdVec<MachineId, Needs>,
) {
    let share = send_share(&topology.settings, group);
    let sent = rate(group) * u128::from(share.numerator()) / u128::from(share.denominator());
    let cost = for_mailboxes(&topology.settings, group, costs.message);
    let beside = placement.active[group.database].map(MachineId::from);
    let site = |machine: MachineId| topology.machines[machine].site;
    let mut hubs = placement.with(topology, MachineRole::HubTransport);
    // Mail for a mailbox goes through the Hubs of its site (exchange.md §2.4).
    let near = |hub: &MachineId| beside.is_none_or(|active| site(*hub) == site(active));
    if hubs.iter().any(near) {
        hubs.retain(near);
    }
    let others = hubs.iter().filter(|hub| Some(**hub) != beside).count();
    if others > 0 {
        hubs.retain(|hub| Some(*hub) != beside);
    }
    // A relay's message that comes to the Hub beside the database is handed on, and looked up
    // there again.
    let twice = group.kind == ClientKind::Smtp
        && others > 0
        && access.iter().any(|machine| Some(*machine) == beside);
    let sent_and_handed = sent * if twice { 2 } else { 1 };
    for hub in &hubs {
        needs[*hub].processor.needed += times(sent / hubs.len() as u128, cost);
    }
    // A Hub looks every recipient up (exchange.md §2.4).
    if let Some(controller) = placement.with(topology, MachineRole::DomainController).first() {
        let core = megacycles_per_core(&topology.machines[*controller].hardware) * MILLION;
        let look_up = topology.settings.directory.log_on_time.as_nanos();
        let cycles = u128::from(core) * u128::from(look_up) / NANOS;
        let cycles = u64::try_from(cycles).unwrap_or(0);
        needs[*controller].processor.needed += times(sent_and_handed, cycles);
    }
}

/// Mailboxes of a client group, active and passive.
fn mailboxes(
    topology: &Topology,
    placement: &Placement,
    group: &ClientGroup,
    costs: &Costs,
    needs: &mut IdVec<MachineId, Needs>,
) {
    let settings = &topology.settings;
    let database = &topology.databases[group.database];
    let Some(active) = placement.active[group.database] else { return };
    let requests = rate(group);
    let transfers = costs.operations * costs.transfers / 1_000;
    for node in &database.copies {
        let machine = MachineId::from(*node);
        if !placement.up.contains(&machine) {
            continue;
        }
        let need = &mut needs[machine];
        // The passive copy of 2010 transfers as much as the active one (exchange.md §2.1 effect).
        need.disks.needed += times(requests, transfers);
        if *node == active {
            let cost = costs.of_mailbox(settings, group.kind, database);
            need.processor.needed += times(requests, cost);
            need.memory.needed += u64::from(group.count) * cache(settings, group);
        } else {
            need.processor.needed += times(requests, costs.of_passive(settings, group.kind));
        }
    }
}

/// What the sizing rules say of one client of a group.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PerUser {
    /// Messages sent and received in a day.
    pub messages_per_day: u64,
    /// Cycles a second on the Mailbox role of the active copy, further copies included.
    pub active: u64,
    /// Cycles a second on the server of each passive copy.
    pub passive: u64,
    /// Cycles a second on the Client Access role.
    pub client_access: u64,
    /// Cycles a second on the Hub Transport role.
    pub hub_transport: u64,
    /// Transfers a second of its database, in millionths.
    pub transfers: u64,
    /// Database cache, in hundredths of a megabyte.
    pub cache: u64,
    /// Traffic of its client in a day, in KB.
    pub kilobytes_per_day: u64,
    /// Thousandths of logs of 1 MB in a day.
    pub logs_per_day: u64,
}

/// The sizing rules for one client of a group, in the busiest hour.
pub fn per_user(topology: &Topology, group: &ClientGroup) -> PerUser {
    let settings = &topology.settings;
    let costs = Costs::of(settings);
    let mut one = group.clone();
    one.count = 1;
    let requests = rate(&one);
    let share = send_share(settings, group);
    let sent = requests * u128::from(share.numerator()) / u128::from(share.denominator());
    let database = &topology.databases[group.database];
    let seconds = busy_time(settings).as_nanos() / 1_000_000_000;
    let mailbox = |cost: u64| if group.kind.has_mailbox() { times(requests, cost) } else { 0 };
    let kilobytes = times(
        sent * u128::from(seconds),
        for_mailboxes(settings, group, settings.store.log_kilobytes_per_message.into()),
    );
    PerUser {
        messages_per_day: messages_per_day(settings, group),
        active: mailbox(costs.of_mailbox(settings, group.kind, database)),
        passive: mailbox(costs.of_passive(settings, group.kind)),
        client_access: times(requests, costs.of_client_access(group.kind)),
        hub_transport: times(sent, for_mailboxes(settings, group, costs.message)),
        transfers: mailbox(costs.operations * costs.transfers),
        cache: if group.kind.has_mailbox() { cache(settings, group) } else { 0 },
        kilobytes_per_day: times(
            requests * u128::from(seconds),
            bytes_per_request(settings, group),
        ) / 1_024,
        logs_per_day: kilobytes * 1_000 / 1_024,
    }
}

/// Messages a day of each client: its profile, or what its requests come to.
pub fn messages_per_day(settings: &Settings, group: &ClientGroup) -> u64 {
    if let Some(profile) = group.profile {
        return profile.into();
    }
    let load = &settings.load;
    let requests = busy_time(settings).as_nanos() / group.think.as_nanos().max(1);
    match group.kind {
        ClientKind::Autodiscover => 0,
        ClientKind::Smtp => requests,
        ClientKind::Outlook | ClientKind::Owa | ClientKind::ActiveSync => {
            requests * u64::from(load.operations_per_request)
                / u64::from(load.operations_per_message)
        }
    }
}

/// Database cache of a mailbox, in hundredths of a megabyte.
fn cache(settings: &Settings, group: &ClientGroup) -> u64 {
    let of_50 = u64::from(settings.load.cache_megabytes_per_50_messages.hundredths());
    messages_per_day(settings, group) * of_50 / 50
}

/// The logs of each database, from the messages that its mailboxes send and receive.
pub fn log_rates(topology: &Topology) -> IdVec<DbId, LogRate> {
    let settings = &topology.settings;
    let mut kilobytes: IdVec<DbId, u64> = IdVec::filled(topology.databases.len(), 0);
    let mailboxes = mailboxes_by_database(topology);
    let all = mailboxes.values().sum::<u64>().max(1);
    for group in &topology.clients {
        let share = send_share(settings, group);
        let day = busy_time(settings).as_nanos();
        let sent = rate(group) * u128::from(day) / NANOS * u128::from(share.numerator())
            / u128::from(share.denominator());
        let of_message = u64::from(settings.store.log_kilobytes_per_message);
        if group.kind.has_mailbox() {
            kilobytes[group.database] += times(sent, of_message);
        }
        let received = times(sent, part(of_message, recipients(settings, group)));
        for (id, mailboxes) in mailboxes.iter() {
            kilobytes[id] += received * mailboxes / all;
        }
    }
    let seconds = (busy_time(settings).as_nanos() / 1_000_000_000).max(1);
    let of = |kilobytes: &u64| LogRate {
        logs_per_day: kilobytes / 1_024,
        per_second: kilobytes * 1_000 / (1_024 * seconds),
        bits_per_second: kilobytes * 1_024 * 8 / seconds,
    };
    kilobytes.values().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Decimal;
    use crate::model::{builtin, load};

    fn site() -> Topology {
        let file = builtin::SITES[0].topology;
        let mut site = load::topology(file.path, file.text, &[]).expect("sound").topology;
        site.clients.truncate(1);
        site.clients[0].count = 1_000;
        site.clients[0].profile = Some(100);
        site.clients[0].think = think(&site.settings, ClientKind::Outlook, 100);
        site
    }

    fn placed(site: &Topology, active: u8) -> Placement {
        Placement {
            up: site.machines.ids().collect(),
            active: IdVec::filled(site.databases.len(), Some(NodeId(active))),
            access: vec![vec![MachineId(active)]],
        }
    }

    fn hardware(hundredths: u32) -> Hardware {
        let rate = Decimal::from_hundredths(hundredths);
        Hardware { spec_int_2006_rate_per_core: rate, ..Hardware::usual(&Settings::default()) }
    }

    #[test]
    fn megacycles_follow_from_spec_int_as_the_published_example_says() {
        assert_eq!(megacycles_per_core(&hardware(1_875)), 3_333);
        assert_eq!(megacycles_per_core(&hardware(3_012)), 5_354, "X5550 (exchange.md §7.1)");
    }

    #[test]
    fn a_thousand_mailboxes_of_100_messages_need_what_the_rules_say() {
        let site = site();
        let needs = needs(&site, &placed(&site, 0));
        let megacycles = |machine: u8| needs[MachineId(machine)].processor.needed / MILLION;
        // 1,000 × 2 megacycles, a tenth more for the passive copy, and three quarters for Client
        // Access; the Hub works on the other server, beside the passive copy.
        assert!((3_690..=3_700).contains(&megacycles(0)), "{}", megacycles(0));
        assert!((580..=586).contains(&megacycles(1)), "300 and 1/7 of 2,000: {}", megacycles(1));
        // An eighth of 2,000, and 16.7 megacycles to look up each of 0.7 messages a second.
        assert!((260..=262).contains(&megacycles(2)), "{}", megacycles(2));
        let disks = needs[MachineId(0)].disks;
        assert!((119_900..=120_000).contains(&disks.needed), "0.12 each: {disks:?}");
        assert_eq!(disks.available, 1_379_310, "12 disks of 8.7 ms: 114.9 a second each");
        let memory = needs[MachineId(0)].memory;
        assert_eq!(memory.needed, (4 * 1_024 + 1_000 * 6) * 100, "4 GB and 6 MB each");
    }

    #[test]
    fn one_mailbox_needs_what_the_tables_print() {
        let mut site = site();
        // Profile, megacycles, passive ones, IOPS, cache in MB, cached traffic in KB, logs.
        let rows = [(50, 1, 15, 60, 3, 3_900, 10), (150, 3, 45, 180, 9, 11_700, 30)];
        for (profile, active, passive, iops, cache, traffic, logs) in rows {
            site.clients[0].profile = Some(profile);
            site.clients[0].think = think(&site.settings, ClientKind::Outlook, profile);
            let of = per_user(&site, &site.clients[0]);
            let near = |found: u64, wanted: u64| found.abs_diff(wanted) <= wanted / 50 + 1;
            assert!(near(of.active, active * 1_100_000), "{of:?}: a tenth for the passive copy");
            assert!(near(of.passive, passive * 10_000), "{of:?}");
            assert!(near(of.transfers, iops * 1_000), "{of:?}");
            assert_eq!(of.cache, cache * 100);
            assert!(near(of.kilobytes_per_day, traffic), "{of:?} (exchange.md §7.3)");
            assert!(near(of.logs_per_day, logs * 1_000), "{of:?} (exchange.md §2.2)");
        }
    }

    #[test]
    fn logs_follow_from_messages() {
        let rates = log_rates(&site());
        // 100 messages a day are 20 logs of 1 MB (exchange.md §2.2); a message's 205 KB are a
        // little above a fifth of one.
        let logs = rates[DbId(0)].logs_per_day;
        assert!((19_900..=20_050).contains(&logs), "{logs}");
    }

    #[test]
    fn a_profile_is_a_time_between_requests_and_back() {
        let site = site();
        // 28,800 s ÷ (100 × 88 ÷ 10) requests.
        assert_eq!(site.clients[0].think, Span::from_nanos(32_727_272_727));
        let mut same = site.clients[0].clone();
        same.profile = None;
        assert_eq!(messages_per_day(&site.settings, &same), 100);
    }

    #[test]
    fn one_server_alone_carries_everything_but_the_lost_copy() {
        let site = site();
        let mut placement = placed(&site, 1);
        placement.up.retain(|machine| *machine != MachineId(0));
        let needs = needs(&site, &placement);
        let megacycles = needs[MachineId(1)].processor.needed / MILLION;
        assert!((3_975..=3_990).contains(&megacycles), "with the Hub beside it: {megacycles}");
        assert_eq!(needs[MachineId(0)].processor.needed, 0);
    }
}
