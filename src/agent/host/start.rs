//! Makes a host of its settings: everything that can be wrong is found before anything is served.

use super::acknowledge::{self, Acknowledged};
use super::address::AddressWorker;
use super::copies::{CopyWorker, Published, told};
use super::error::StartError;
use super::name::{NameServer, NameWorker};
use super::orders::Notices;
use super::shadow::Shadow;
use super::{Guard, Host, Renewals, Vigil, Wanted, Worker, duration, services};
use crate::agent::clock::Clock;
use crate::agent::database::{self, Instance, logs};
use crate::agent::dns::Registration;
use crate::agent::keeper::{Keeper, Pace};
use crate::agent::lease::{self, Gate, Lease, Policy, Thing};
use crate::agent::network::{self, Addresses, Arp, InterfaceAddress};
use crate::agent::paths::{Adapter, Paths};
use crate::agent::run::{Datagram, News, Told};
use crate::agent::status::Counts;
use crate::agent::store::{Kept, Store};
use crate::agent::wire::{Key, Wire};
use crate::agent::witness::{Place, ShareSettings, Witness};
use crate::base::{DbId, IdVec, Instant, MachineId, NicId, NodeId, NodeSet, ResourceId, Span};
use crate::failover::config::ResourceKind;
use crate::failover::fencing::{Bonds, Bound, Fence, Margins};
use crate::failover::seam::{Durable, Failure, Input, Outcome, Start};
use crate::journal::hash_of;
use crate::journal::record::Plant;
use crate::model::host::{HostSettings, WitnessPlace};
use crate::model::{Scenario, Topology};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc::{self, Sender, UnboundedReceiver, UnboundedSender};
use tokio::sync::watch;

/// Copies of databases here.
#[derive(Default)]
struct Copies {
    /// Who serves each.
    workers: BTreeMap<DbId, UnboundedSender<Wanted>>,
    instances: BTreeMap<DbId, Arc<Instance>>,
    published: Published,
}

/// What is put together.
pub(super) struct Assembly<'a> {
    pub(super) topology: &'a Topology,
    pub(super) settings: &'a HostSettings,
    pub(super) news: &'a UnboundedSender<News>,
    pub(super) key: Vec<u8>,
    pub(super) renewed: watch::Receiver<Renewals>,
    pub(super) names: Option<watch::Receiver<NameServer>>,
    pub(super) life: NonZeroU32,
    pub(super) conflicts: Arc<AtomicU64>,
}

/// Makes a host; nothing is served before its node says so. Names are registered with the server
/// that `names` holds, also when that is replaced.
///
/// # Errors
/// Whatever is wrong with the settings or the machine.
pub async fn start(
    topology: Arc<Topology>,
    scenario: &Scenario,
    settings: &HostSettings,
    names: Option<watch::Receiver<NameServer>>,
    into: Sender<Datagram>,
    news: UnboundedSender<News>,
) -> Result<Host, StartError> {
    let store = Store::open(&settings.state)?;
    let kept = store.load()?;
    let clock = Clock::after(kept.as_ref().map_or(Instant::ZERO, |kept| kept.latest));
    let (secret, key) = keys(settings)?;
    let (renewal, renewed) = watch::channel(Renewals::default());
    let policy = policy(&topology, settings);
    let life = NonZeroU32::new(policy.valid_lft()).unwrap_or(NonZeroU32::MIN);
    let conflicts = Arc::<AtomicU64>::default();
    let assembly = {
        let (topology, news, key, conflicts) = (&*topology, &news, secret, Arc::clone(&conflicts));
        Assembly { topology, settings, news, key, renewed, names, life, conflicts }
    };
    // Before anything of an agent that runs here is taken from it.
    assembly.check_port()?;
    let Parts { guard, links, workers, copies, keeper, viewed } =
        assembly.parts(policy, renewal).await?;
    let config = topology.config(settings.node);
    let (wait, drift) = (Bound::wait(config.heartbeat.same_subnet), settings.lease.drift);
    let (site, members, now) = (fingerprint(&topology, settings), topology.nodes, clock.now());
    Ok(Host {
        me: settings.node,
        wire: Wire::new(settings.node, now, site, key.clone(), members),
        paths: Paths::open(assembly.adapters(), settings.port, into),
        bonds: Bonds::begun(members, wait, drift, now),
        heard: BTreeMap::new(),
        fence: Fence::new(Margins { drift, slack: settings.lease.send }),
        voters: topology.voters_beside(settings.node),
        patience: settings.witness.as_ref().map_or(Span::ZERO, |witness| witness.patience),
        stored: keeping(store, news.clone()),
        kept: kept.map(|kept| kept.durable),
        keeper,
        workers,
        copies: copies.workers,
        notices: Notices::default(),
        instances: copies.instances,
        published: copies.published,
        guard,
        shadow: settings.shadow.then(Shadow::default),
        waits: Vec::new(),
        members: NodeSet::EMPTY,
        view: (NodeSet::EMPTY, false, false, 0),
        viewed,
        counts: Counts::default(),
        first: first(&topology, scenario),
        key,
        site,
        links,
        lives: 0,
        start: Start::default(),
        at_once: false,
        again: Some(now),
        stops: false,
        over: false,
        vigil: Vigil::nobody(),
        conflicts,
        config,
        clock,
        news,
        topology: Arc::clone(&topology),
    })
}

/// The shared secret, and the key of datagrams that is made of it.
fn keys(settings: &HostSettings) -> Result<(Vec<u8>, Key), StartError> {
    let secret = secret(&settings.key_file)?;
    let wrong = |what| StartError::Key { path: settings.key_file.clone(), what };
    let key = Key::new(&secret).map_err(wrong)?;
    Ok((secret, key))
}

/// What serves on this host.
struct Parts {
    guard: Option<Guard>,
    links: IdVec<NicId, bool>,
    workers: IdVec<ResourceId, Worker>,
    copies: Copies,
    keeper: Option<UnboundedSender<crate::agent::keeper::Ask>>,
    viewed: watch::Sender<acknowledge::View>,
}

/// What a member begins from that never ran.
fn first(topology: &Topology, scenario: &Scenario) -> Durable {
    Durable { epoch: 1, database: topology.boot_database(scenario), ..Durable::default() }
}

/// Keeps one state after the other, each on the disk before its operation ends.
fn keeping(store: Store, news: UnboundedSender<News>) -> std::sync::mpsc::Sender<(Kept, Wanted)> {
    let (sender, receiver) = std::sync::mpsc::channel::<(Kept, Wanted)>();
    std::thread::spawn(move || {
        for (kept, wanted) in receiver {
            let outcome = match store.save(&kept) {
                Ok(()) => Outcome::Ok,
                Err(error) => {
                    tracing::error!(%error, "the state could not be kept");
                    Outcome::Failed(Failure::Disk)
                }
            };
            // Nobody listens any more when everything ends.
            let _ = news.send(wanted.ended(Vec::new(), outcome));
        }
    });
    sender
}

/// The shared key's bytes, written in hexadecimal.
pub(super) fn secret(path: &std::path::Path) -> Result<Vec<u8>, StartError> {
    let wrong = |what: String| StartError::Key { path: path.to_owned(), what };
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let text = text.trim();
    let digits = "expected hexadecimal digits, two for each byte, at least 64: \
                  `head -c 32 /dev/urandom | xxd -p -c 64` makes them";
    if text.len() % 2 != 0 || !text.is_ascii() {
        return Err(wrong(digits.to_owned()));
    }
    let byte = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).ok();
    let bytes: Option<Vec<u8>> = (0..text.len()).step_by(2).map(byte).collect();
    bytes.ok_or_else(|| wrong(digits.to_owned()))
}

/// What both ends of the wire must agree on: who is who.
/// What members have to have in common: they understand each other's numbers of things, go by the
/// same patience with the witness's record, and serve all or watch all.
fn fingerprint(topology: &Topology, settings: &HostSettings) -> u64 {
    let patience = settings.witness.as_ref().map_or(Span::ZERO, |witness| witness.patience);
    let mut names = format!("patience {patience}\nshadow {}\n", settings.shadow);
    let mut add = |kind: &str, name: &str| names += &format!("{kind} {name}\n");
    topology.machines.values().for_each(|it| add("machine", &it.name));
    topology.networks.values().for_each(|it| add("network", &it.name));
    topology.groups.values().for_each(|it| add("group", &it.name));
    topology.resources.values().for_each(|it| add("resource", &it.name));
    topology.databases.values().for_each(|it| add("database", &it.name));
    hash_of(names.as_bytes())
}

fn policy(topology: &Topology, settings: &HostSettings) -> Policy {
    let wait = Bound::wait(topology.settings.same_subnet());
    let (length, send) = (duration(settings.lease.length), duration(settings.lease.send));
    let age = duration(settings.lease.interval) + send * 2;
    let (interval, clock_error) = (duration(settings.lease.interval), Duration::from_millis(10));
    Policy { length, interval, age, send, clock_error, peer_wait: duration(wait) }
}

impl Assembly<'_> {
    /// Everything that serves; of a member that only watches, what it watches by.
    async fn parts(
        &self,
        policy: Policy,
        renewal: watch::Sender<Renewals>,
    ) -> Result<Parts, StartError> {
        let addresses = Addresses::open(network::DEFAULT_WAIT)?;
        let (viewed, view) = watch::channel((NodeSet::EMPTY, false));
        let (links, keeper) = (self.links(&addresses).await?, self.keeper()?);
        if self.settings.shadow {
            let workers = self.topology.resources.ids().map(|_| Worker::Nobody).collect();
            let copies = Copies::default();
            return Ok(Parts { guard: None, links, workers, copies, keeper, viewed });
        }
        let guard = Some(self.guard(policy, renewal).await?);
        let workers = self.workers(&addresses).await?;
        let copies = self.copies().await?;
        self.acknowledged(&copies.instances, &view);
        Ok(Parts { guard, links, workers, copies, keeper, viewed })
    }

    fn me(&self) -> NodeId {
        self.settings.node
    }

    fn check_port(&self) -> Result<(), StartError> {
        let port = self.settings.port;
        let free = Paths::check_free(&self.adapters(), port);
        free.map_err(|interface| StartError::Port { port, interface })
    }

    fn adapters(&self) -> IdVec<NicId, Adapter> {
        let machines = &self.topology.machines;
        let nics = machines[MachineId::from(self.me())].nics.iter();
        let adapter = |(nic, own): (NicId, &crate::model::topology::Nic)| {
            let others = self.topology.node_ids().filter(|node| *node != self.me());
            let peer = |node: NodeId| {
                let theirs = machines[MachineId::from(node)].nics.values();
                let there = theirs.into_iter().find(|it| it.network == own.network)?;
                Some((node, Ipv4Addr::from(there.address.0)))
            };
            Adapter {
                interface: self.settings.interfaces[nic].clone(),
                address: Ipv4Addr::from(own.address.0),
                peers: others.filter_map(peer).collect(),
            }
        };
        nics.map(adapter).collect()
    }

    /// Watches the adapters' carrier; gives how it is now.
    async fn links(&self, addresses: &Addresses) -> Result<IdVec<NicId, bool>, StartError> {
        let names: Vec<&str> = self.settings.interfaces.values().map(String::as_str).collect();
        let mut watch = network::Watch::open(addresses, &names).await?;
        let first = watch.links();
        let up = |name: &String| first.iter().any(|(other, up)| other == name && *up);
        let links = self.settings.interfaces.values().map(up).collect();
        let (interfaces, news) = (self.settings.interfaces.clone(), self.news.clone());
        let machine = MachineId::from(self.me());
        tokio::spawn(async move {
            loop {
                let event = match watch.next().await {
                    Ok(event) => event,
                    Err(error) => {
                        tracing::error!(%error, "adapters are not watched any more");
                        return;
                    }
                };
                let network::Event::Link { interface, up } = event else {
                    tracing::warn!(?event, "an address was taken away by somebody else");
                    continue;
                };
                let found = interfaces.iter().find(|(_, name)| **name == interface);
                let Some((nic, _)) = found else { continue };
                let facts = vec![Plant::Adapter { machine, nic, up }];
                let input = Some(Input::Link { nic, up });
                let _ = news.send(News::Told(Told { life: None, cause: None, facts, input }));
            }
        });
        Ok(links)
    }

    async fn guard(
        &self,
        policy: Policy,
        renewed: watch::Sender<Renewals>,
    ) -> Result<Guard, StartError> {
        let resources = self.topology.resources.iter();
        let of_resource: BTreeMap<ResourceId, Thing> = resources
            .filter_map(|(id, it)| Some((id, Thing::Address(Ipv4Addr::from(it.address?.0)))))
            .collect();
        let databases = self.settings.databases.iter();
        let of_database: BTreeMap<DbId, Thing> =
            databases.map(|(id, it)| (*id, Thing::Port(it.port))).collect();
        let machines = &self.topology.machines;
        let nics = machines[MachineId::from(self.me())].nics.iter();
        let networks = &self.topology.networks;
        let clients = nics.filter(|(_, nic)| {
            networks[nic.network].role == crate::model::topology::NetworkRole::ClusterAndClient
        });
        let interfaces = clients.map(|(nic, _)| self.settings.interfaces[nic].clone()).collect();
        let adapters = self.adapters();
        let peers = adapters.values().flat_map(|adapter| adapter.peers.values());
        let own = adapters.values().map(|adapter| &adapter.address);
        let exempt = peers
            .chain(own)
            .map(|address| lease::Network { address: IpAddr::V4(*address), prefix: 32 });
        let settings = lease::Settings {
            table: self.settings.lease.table.clone(),
            interfaces,
            addresses: of_resource.values().filter_map(address).collect(),
            ports: self.settings.databases.values().map(|it| it.port).collect(),
            exempt: exempt.collect(),
            ..lease::Settings::default()
        };
        let lease = Lease::new(policy)?;
        let mut gate = Gate::open(settings)?;
        gate.install().await?;
        let serves = BTreeSet::new();
        let again = BTreeSet::new();
        let making = None;
        Ok(Guard { gate, making, lease, of_resource, of_database, serves, again, renewed })
    }

    /// Where the witness is, and how long an operation on it may take.
    pub(super) fn place(&self) -> Option<(Place, Duration)> {
        let settings = self.settings.witness.as_ref()?;
        let place = match &settings.place {
            WitnessPlace::Directory(directory) => Place::Directory(directory.clone()),
            WitnessPlace::Share { server, share, folder, user, domain, password_file } => {
                Place::Share(ShareSettings {
                    server: *server,
                    share: share.clone(),
                    folder: folder.clone(),
                    user: user.clone(),
                    domain: domain.clone(),
                    password_file: password_file.clone(),
                })
            }
        };
        Some((place, duration(settings.limit)))
    }

    fn keeper(&self) -> Result<Option<UnboundedSender<crate::agent::keeper::Ask>>, StartError> {
        let Some(settings) = &self.settings.witness else { return Ok(None) };
        let pace = Pace {
            interval: duration(settings.interval),
            patience: duration(settings.patience),
            limit: duration(settings.limit),
        };
        let Some((place, _)) = self.place() else { return Ok(None) };
        let witness = Witness::new(place)?;
        let keeper = Keeper::new(self.me(), 0, witness, pace, self.news.clone())?;
        let (asks, asked) = mpsc::unbounded_channel();
        tokio::spawn(keeper.run(asked));
        Ok(Some(asks))
    }

    async fn workers(
        &self,
        addresses: &Addresses,
    ) -> Result<IdVec<ResourceId, Worker>, StartError> {
        let arp = Arp::open(addresses)?;
        let mut workers = Vec::new();
        for (id, resource) in self.topology.resources.iter() {
            let (sender, receiver) = mpsc::unbounded_channel();
            let worker = match resource.kind {
                ResourceKind::IpAddress { .. } => match self.address(id, addresses, &arp) {
                    Some(worker) => {
                        tokio::spawn(worker.run(receiver));
                        Worker::Task(sender)
                    }
                    None => Worker::Nobody,
                },
                ResourceKind::NetworkName => {
                    self.name(id, receiver)?;
                    Worker::Task(sender)
                }
                ResourceKind::FileShareWitness => Worker::Witness,
                ResourceKind::GenericService | ResourceKind::GenericApplication => {
                    self.service(id, receiver).await?;
                    Worker::Task(sender)
                }
                ResourceKind::Wait => {
                    let takes = resource.own.online_time.unwrap_or(Span::ZERO);
                    tokio::spawn(wait(duration(takes), self.news.clone(), receiver));
                    Worker::Task(sender)
                }
            };
            workers.push(worker);
        }
        Ok(workers.into_iter().collect())
    }

    fn address(&self, id: ResourceId, addresses: &Addresses, arp: &Arp) -> Option<AddressWorker> {
        let machine = MachineId::from(self.me());
        let nic = self.topology.interface_for(machine, id)?;
        let address = self.topology.resources[id].address?;
        // Of a shorter prefix the kernel takes away all but the first of a subnet with that one.
        let prefix = 32;
        let ip = Ipv4Addr::from(address.0);
        Some(AddressWorker {
            place: InterfaceAddress::new(&self.settings.interfaces[nic], ip, prefix),
            address,
            machine,
            nic,
            addresses: addresses.clone(),
            arp: arp.clone(),
            life: self.life,
            renewed: self.renewed.clone(),
            conflicts: Arc::clone(&self.conflicts),
            news: self.news.clone(),
        })
    }

    /// A name that is registered where there is a server, and else only said to be online.
    fn name(&self, id: ResourceId, receiver: UnboundedReceiver<Wanted>) -> Result<(), StartError> {
        let resource = &self.topology.resources[id];
        let depends = resource.depends_on.iter().flatten();
        let address = depends.filter_map(|on| self.topology.resources[*on].address).next();
        let (Some(settings), Some(server), Some(address), Some(host)) =
            (&self.settings.names, &self.names, address, &resource.dns_name)
        else {
            tokio::spawn(wait(Duration::ZERO, self.news.clone(), receiver));
            return Ok(());
        };
        // The topology has the name alone, as a Network Name's property has it.
        let full =
            if host.contains('.') { host.clone() } else { format!("{host}.{}", settings.zone) };
        let registration = Registration::new(full.parse()?, None);
        let worker = NameWorker {
            resource: id,
            address,
            server: server.clone(),
            registration,
            news: self.news.clone(),
        };
        tokio::spawn(worker.run(receiver));
        Ok(())
    }

    async fn service(
        &self,
        id: ResourceId,
        receiver: UnboundedReceiver<Wanted>,
    ) -> Result<(), StartError> {
        let name = &self.topology.resources[id].name;
        let Some(settings) = self.settings.services.get(&id) else { return Ok(()) };
        let checked = services::settings(name, id, settings).check().await?;
        for remark in checked.remarks() {
            tracing::warn!(resource = %name, %remark);
        }
        tokio::spawn(services::run(id, checked, self.news.clone(), receiver));
        Ok(())
    }

    /// Where the other members are reached at a port.
    fn peers_at(&self, port: u16) -> BTreeMap<u8, Vec<SocketAddr>> {
        let nics = &self.topology.machines[MachineId::from(self.me())].nics;
        let with_clients = |nic: &NicId| {
            let role = self.topology.networks[nics[*nic].network].role;
            role == crate::model::topology::NetworkRole::ClusterAndClient
        };
        let adapters = self.adapters();
        let mut order: Vec<NicId> = adapters.ids().collect();
        // A network for replication goes first (exchange.md §1.2): with the clients' network gone,
        // what waits for a copy would otherwise wait for TCP to find out.
        order.sort_by_key(with_clients);
        let mut peers: BTreeMap<u8, Vec<SocketAddr>> = BTreeMap::new();
        for (node, address) in order.iter().flat_map(|nic| &adapters[*nic].peers) {
            peers.entry(node.0).or_default().push(SocketAddr::from((*address, port)));
        }
        peers
    }

    pub(super) fn instance(&self, id: DbId) -> Result<database::Settings, StartError> {
        let it = &self.settings.databases[&id];
        let clients = self.topology.networks.values();
        let clients = clients.map(|it| (IpAddr::V4(Ipv4Addr::from(it.subnet.0)), it.prefix));
        Ok(database::Settings {
            name: self.topology.databases[id].name.to_lowercase(),
            node: self.me().0,
            directory: it.data.clone(),
            port: it.port,
            // Floating addresses come and go; the leases gate the port.
            listen: vec![IpAddr::V4(Ipv4Addr::UNSPECIFIED)],
            binaries: it.programs.clone(),
            user: database::SystemUser::named(&it.user)?,
            replication_user: "replication".to_owned(),
            password_file: it.password_file.clone(),
            peers: self.peers_at(it.port),
            clients: clients.collect(),
            synchronous: it.synchronous,
            keep_for_copies: 1_024,
            replay_lag: duration(self.topology.databases[id].replay_lag_time(self.me())),
            least_free: 16 << 20,
            parameters: BTreeMap::new(),
            limits: database::Limits::default(),
        })
    }

    /// Has commits of synchronous databases wait for other copies.
    fn acknowledged(
        &self,
        instances: &BTreeMap<DbId, Arc<Instance>>,
        view: &watch::Receiver<acknowledge::View>,
    ) {
        for (id, instance) in
            instances.iter().filter(|(id, _)| self.settings.databases[*id].synchronous)
        {
            let looked_after = Acknowledged {
                database: *id,
                me: self.me(),
                copies: self.topology.databases[*id].copies.clone(),
                instance: Arc::clone(instance),
                view: view.clone(),
            };
            tokio::spawn(looked_after.run());
        }
    }

    async fn copies(&self) -> Result<Copies, StartError> {
        let key = logs::Key::new(&self.key)?;
        let mut copies = Copies::default();
        let look = duration(self.topology.settings.cluster.same_subnet_delay);
        let mut served = BTreeMap::new();
        let limits = &self.topology.config(self.me()).active_manager;
        for id in self.settings.databases.keys() {
            let settings = self.instance(*id)?;
            let name = settings.name.clone();
            served.insert(name.clone(), settings.data());
            let (instance, events) = Instance::open(settings).await?;
            let instance = Arc::new(instance);
            let sources = self.peers_at(self.settings.port).into_iter().map(|(node, addresses)| {
                let limit = duration(limits.last_logs_timeout);
                (NodeId(node), logs::Client::new(addresses, key.clone(), limit))
            });
            let (sender, receiver) = mpsc::unbounded_channel();
            let worker = CopyWorker {
                database: *id,
                me: self.me(),
                instance: Arc::clone(&instance),
                sources: sources.collect(),
                limits: (limits.last_logs_timeout, limits.mount_timeout),
                news: self.news.clone(),
                missing: Arc::new(Mutex::new(0)),
            };
            let (published, news) = (Arc::clone(&copies.published), self.news.clone());
            tokio::spawn(told(Arc::clone(&instance), (*id, self.me()), look, published, news));
            tokio::spawn(worker.run(receiver, events));
            copies.workers.insert(*id, sender);
            copies.instances.insert(*id, instance);
        }
        if !served.is_empty() {
            let place = SocketAddr::from((Ipv4Addr::UNSPECIFIED, self.settings.port));
            let server = logs::Server::start(place, key, served).await?;
            // It serves as long as this process lives.
            std::mem::forget(server);
        }
        Ok(copies)
    }
}

fn address(thing: &Thing) -> Option<Ipv4Addr> {
    match thing {
        Thing::Address(address) => Some(*address),
        Thing::Port(_) => None,
    }
}

/// A resource that takes so long to come online, and does nothing else.
async fn wait(takes: Duration, news: UnboundedSender<News>, mut wanted: UnboundedReceiver<Wanted>) {
    while let Some(next) = wanted.recv().await {
        if let crate::failover::seam::Act::Online(_) = next.act {
            tokio::time::sleep(takes).await;
        }
        let _ = news.send(next.ended(Vec::new(), Outcome::Ok));
    }
}
