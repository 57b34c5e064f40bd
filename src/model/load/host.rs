//! An agent's own file.

use super::read::{File, Section};
use crate::base::{DbId, IdVec, MachineId, NicId, NodeId, ResourceId, Span};
use crate::failover::config::ResourceKind;
use crate::failover::fencing::{Bound, Misfit};
use crate::failover::quorum::Counting;
use crate::model::host::{
    DatabaseSettings, HostSettings, LeaseSettings, LogLevel, NameSettings, PORT, ServiceKind,
    ServiceSettings, WatchdogSettings, WitnessPlace, WitnessSettings,
};
use crate::model::topology::Resource;
use crate::model::{Problem, Topology, lease};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Name of the table in nftables where the file says none.
const TABLE: &str = "dagtwin";

const ARGUMENTS: &str = "a program and its arguments, such as [\"/usr/sbin/nginx\", \"-t\"]";

/// The topology that an agent's file names, as a path from the file's folder.
///
/// # Errors
/// If it names none.
pub fn host_topology(file_name: &str, text: &str) -> Result<PathBuf, Vec<Problem>> {
    let file = File::new(file_name, text);
    let table = file.root();
    let place = Section::new(&file, String::new(), &table).text("topology");
    if file.is_sound() { Ok(beside(file_name, &place.text)) } else { Err(file.into_problems()) }
}

/// Reads an agent's file for a site.
///
/// # Errors
/// Everything that is wrong with it.
pub fn host(
    file_name: &str,
    text: &str,
    topology: &Topology,
) -> Result<HostSettings, Vec<Problem>> {
    let file = File::new(file_name, text);
    let table = file.root();
    let root = Section::new(&file, String::new(), &table);
    let reader = Reader { file_name, root: &root, topology };
    let settings = reader.settings();
    root.finish();
    match settings {
        Some(settings) if file.is_sound() => Ok(settings),
        _ => Err(file.into_problems()),
    }
}

fn beside(file_name: &str, path: &str) -> PathBuf {
    Path::new(file_name).parent().unwrap_or(Path::new("")).join(path)
}

struct Reader<'r, 'f, 't> {
    file_name: &'r str,
    root: &'r Section<'f, 't>,
    topology: &'r Topology,
}

impl Reader<'_, '_, '_> {
    fn settings(&self) -> Option<HostSettings> {
        let root = self.root;
        if self.topology.rules().counting != Counting::Static {
            let hint =
                "windows_version = \"2008r2\" in the topology has votes that stay as they are";
            let expected = "a topology whose votes do not follow the membership";
            root.wrong("topology", expected, Some(hint.to_owned()));
        }
        let names: IdVec<NodeId, String> =
            self.topology.node_ids().map(|id| self.topology.node_name(id).to_owned()).collect();
        let node = root.find(&root.text("node"), "a member of the topology", &names);
        let metrics = root.has("metrics").then(|| socket(root, "metrics")).flatten();
        let port = root.value::<u32>("port").map_or(Some(PORT), |port| {
            let port = u16::try_from(port).ok().filter(|port| *port > 0);
            if port.is_none() {
                root.wrong("port", "a port from 1 to 65535", None);
            }
            port
        });
        let topology = self.path(root, "topology");
        let (key_file, state) = (self.path(root, "key_file"), self.path(root, "state"));
        let control = self.path(root, "control");
        let shadow = root.value("shadow").unwrap_or(false);
        let log = self.log();
        if shadow && !root.has("port") {
            let expected = "a port of its own, which the members that watch have in common; on the \
                            usual one those serve that it watches";
            root.wrong("port", expected, None);
        }
        let lease = self.lease();
        let watchdog = lease.as_ref().and_then(|lease| self.watchdog(lease));
        let witness = self.witness(lease.as_ref());
        let dns = root.table("names").and_then(|section| self.names(&section));
        let databases = self.databases(node);
        let services = self.services();
        let interfaces = self.interfaces(node)?;
        Some(HostSettings {
            topology,
            node: node?,
            port: port?,
            key_file,
            state,
            control,
            metrics,
            shadow,
            log,
            interfaces,
            lease: lease?,
            watchdog,
            witness,
            names: dns,
            databases,
            services,
        })
    }

    fn log(&self) -> LogLevel {
        let Some(place) = self.root.optional_text("log") else { return LogLevel::default() };
        match place.text.as_str() {
            "error" => LogLevel::Error,
            "warn" => LogLevel::Warn,
            "info" => LogLevel::Info,
            "debug" => LogLevel::Debug,
            _ => {
                self.root.wrong_at(&place, "error, warn, info or debug", None);
                LogLevel::default()
            }
        }
    }

    fn path(&self, section: &Section, key: &'static str) -> PathBuf {
        beside(self.file_name, &section.text(key).text)
    }

    /// The interface of each adapter; adapters are named as in the topology.
    fn interfaces(&self, node: Option<NodeId>) -> Option<IdVec<NicId, String>> {
        let Some(node) = node else {
            // Whose adapters they are is not known: what can be judged all the same.
            for section in self.root.tables("adapter") {
                let _ = (section.text("name"), section.text("interface"));
                section.finish();
            }
            return None;
        };
        let nics = &self.topology.machines[MachineId::from(node)].nics;
        let names: IdVec<NicId, String> = nics.values().map(|nic| nic.name.clone()).collect();
        let mut found: IdVec<NicId, Option<String>> = nics.ids().map(|_| None).collect();
        let mut unknown = false;
        for section in self.root.tables("adapter") {
            let nic = section.find(&section.text("name"), "an adapter of this member", &names);
            let interface = section.text("interface").text;
            section.finish();
            unknown |= nic.is_none();
            if let Some(nic) = nic
                && found[nic].replace(interface).is_some()
            {
                section.wrong("name", "an adapter that no table before names", None);
            }
        }
        // One with a wrong name may be the one that is missing.
        let missing = found.iter().find(|(_, interface)| interface.is_none() && !unknown);
        if let Some((nic, _)) = missing {
            let expected = format!("a table [[adapter]] for each adapter; {} has none", names[nic]);
            self.root.wrong("adapter", &expected, None);
        }
        found
            .values()
            .cloned()
            .collect::<Option<Vec<String>>>()
            .map(|all| all.into_iter().collect())
    }

    fn lease(&self) -> Option<LeaseSettings> {
        let usual = Bound::usual(Bound::wait(self.topology.settings.same_subnet()));
        let Some(section) = self.root.table("lease") else {
            let Bound { length, interval, send, drift, .. } = usual;
            return Some(LeaseSettings { table: TABLE.to_owned(), length, interval, send, drift });
        };
        let table = section.optional_text("table").map_or(TABLE.to_owned(), |place| place.text);
        let length = section.value("length").unwrap_or(usual.length);
        let interval = section.value("interval").unwrap_or(usual.interval);
        let send = section.value("send").unwrap_or(usual.send);
        let drift = section.value("drift").unwrap_or(usual.drift);
        section.finish();
        if let Err(misfit) = (Bound { length, interval, send, drift, ..usual }).check() {
            let (key, expected) = lease::told(misfit);
            section.wrong(key, &expected, None);
        }
        Some(LeaseSettings { table, length, interval, send, drift })
    }

    fn watchdog(&self, lease: &LeaseSettings) -> Option<WatchdogSettings> {
        let section = self.root.table("watchdog")?;
        let device = self.path(&section, "device");
        let timeout = section.value::<Span>("timeout");
        // A reset is the last resort: leases fence long before it.
        let fits = |timeout: Span| {
            timeout.as_nanos().is_multiple_of(1_000_000_000) && timeout > lease.length
        };
        if timeout.is_some_and(|timeout| !fits(timeout)) {
            let expected = format!("whole seconds, more than a lease's {}", lease.length);
            section.wrong("timeout", &expected, None);
        }
        section.finish();
        Some(WatchdogSettings { device, timeout })
    }

    fn witness(&self, lease: Option<&LeaseSettings>) -> Option<WitnessSettings> {
        let Some(section) = self.root.table("witness") else {
            if self.topology.dag.witness.is_some() {
                let expected = "a table [witness]: the topology has a witness server";
                self.root.wrong("witness", expected, None);
            }
            return None;
        };
        let wait = Bound::wait(self.topology.settings.same_subnet());
        let patience = section.value("patience").unwrap_or(wait);
        let interval = section.value("interval").unwrap_or(lease::usual_look(patience));
        let limit = section.value("limit").unwrap_or(patience.scaled(1, 2));
        let too_short =
            lease.is_some_and(|&LeaseSettings { length, interval, send, drift, .. }| {
                let bound = Bound { length, interval, send, drift, wait: patience };
                matches!(bound.check(), Err(Misfit::TooLong { .. }))
            });
        if section.has("patience") && too_short {
            let expected = "more than a lease takes from its renewal to its end: its length, \
                            interval and send, and how far clocks run apart";
            section.wrong("patience", expected, None);
        }
        if interval.is_zero() || interval * 4 > patience {
            section.wrong("interval", "at most a quarter of the patience, and more than 0", None);
        }
        let place = match (section.has("directory"), section.has("share")) {
            (true, false) => Some(WitnessPlace::Directory(self.path(&section, "directory"))),
            (false, true) => self.share(&section),
            _ => {
                section.wrong("directory", "either a directory or a share", None);
                None
            }
        };
        section.finish();
        Some(WitnessSettings { place: place?, interval, patience, limit })
    }

    fn share(&self, section: &Section) -> Option<WitnessPlace> {
        let server = socket(section, "server");
        Some(WitnessPlace::Share {
            share: section.text("share").text,
            folder: section.optional_text("folder").map(|place| place.text).unwrap_or_default(),
            user: section.text("user").text,
            domain: section.optional_text("domain").map(|place| place.text).unwrap_or_default(),
            password_file: self.path(section, "password_file"),
            server: server?,
        })
    }

    fn names(&self, section: &Section) -> Option<NameSettings> {
        let server = socket(section, "server");
        let zone = section.optional_text("zone");
        let zone = zone.map_or_else(|| self.topology.domain.clone(), |place| place.text);
        let key_file = self.path(section, "key_file");
        let usual = self.topology.settings.cluster.host_record_ttl;
        let ttl = section.value("ttl").unwrap_or(usual);
        section.finish();
        Some(NameSettings { server: server?, zone, key_file, ttl })
    }

    fn databases(&self, node: Option<NodeId>) -> BTreeMap<DbId, DatabaseSettings> {
        let all = &self.topology.databases;
        let names = all.values().map(|database| database.name.clone()).collect();
        let (mut found, mut unknown) = (BTreeMap::new(), false);
        for section in self.root.tables("database") {
            let database = section.find(&section.text("name"), "a database", &names);
            let settings = DatabaseSettings {
                data: self.path(&section, "data"),
                port: port(&section, "port").unwrap_or_default(),
                programs: self.path(&section, "programs"),
                user: section.text("user").text,
                password_file: self.path(&section, "password_file"),
                synchronous: section.value("synchronous").unwrap_or(false),
            };
            section.finish();
            unknown |= database.is_none();
            if let Some(database) = database
                && found.insert(database, settings).is_some()
            {
                section.wrong("name", "a database that no table before names", None);
            }
        }
        let here = |id: &DbId| node.is_some_and(|it| all[*id].copies.contains(&it));
        let lacks = |id: &DbId| !found.contains_key(id) && !unknown;
        if let Some(missing) = all.ids().filter(here).find(lacks) {
            let name = &all[missing].name;
            let expected = format!("a table [[database]] for each copy here; {name} has none");
            self.root.wrong("database", &expected, None);
        }
        found
    }

    fn services(&self) -> BTreeMap<ResourceId, ServiceSettings> {
        let all = &self.topology.resources;
        let serves = |kind: &ResourceKind| {
            matches!(kind, ResourceKind::GenericService | ResourceKind::GenericApplication)
        };
        let names = all.values().map(|resource| resource.name.clone()).collect();
        let (mut found, mut named) = (BTreeMap::new(), Vec::new());
        for section in self.root.tables("service") {
            let place = section.text("resource");
            let resource = section.find(&place, "a resource", &names);
            let kind = self.service(&section);
            let settings = kind.map(|kind| ServiceSettings {
                kind,
                start_limit: section.value("start_limit").unwrap_or(Span::from_secs(180)),
                stop_limit: section.value("stop_limit").unwrap_or(Span::from_secs(60)),
                probe_limit: section.value("probe_limit").unwrap_or(Span::from_secs(20)),
            });
            section.finish();
            named.extend(resource);
            let (Some(resource), Some(settings)) = (resource, settings) else { continue };
            if !serves(&all[resource].kind) {
                let expected = "a Generic Service or a Generic Application of the topology";
                section.wrong_at(&place, expected, None);
            } else if found.insert(resource, settings).is_some() {
                section.wrong_at(&place, "a resource that no table before names", None);
            }
        }
        let lacks = |(id, resource): &(ResourceId, &Resource)| {
            serves(&resource.kind) && !named.contains(id)
        };
        if let Some((_, resource)) = all.iter().find(lacks) {
            let name = &resource.name;
            let expected = format!("a table [[service]] for each service; {name} has none");
            self.root.wrong("service", &expected, None);
        }
        found
    }

    fn service(&self, section: &Section) -> Option<ServiceKind> {
        let looks_alive = words(section, "looks_alive");
        let is_alive = words(section, "is_alive");
        match ["unit", "run", "start", "ocf"].map(|key| section.has(key)) {
            [true, false, false, false] => Some(ServiceKind::Unit(section.text("unit").text)),
            [false, true, false, false] => {
                let command = needed(section, "run");
                Some(ServiceKind::Run { command, looks_alive, is_alive })
            }
            [false, false, true, false] => {
                let (start, stop) = (needed(section, "start"), needed(section, "stop"));
                Some(ServiceKind::Commands { start, stop, looks_alive, is_alive })
            }
            [false, false, false, true] => {
                let parameters = section.table("parameters");
                let entries = parameters.map(|table| table.entries()).unwrap_or_default();
                let parameters = entries.into_iter().map(|(name, place)| (name, place.text));
                let agent = PathBuf::from(section.text("ocf").text);
                Some(ServiceKind::Ocf { agent, parameters: parameters.collect() })
            }
            _ => {
                let expected = "one of unit, run, start (with stop) and ocf";
                section.wrong("unit", expected, None);
                None
            }
        }
    }
}

fn words(section: &Section, key: &'static str) -> Vec<String> {
    section.texts(key).into_iter().map(|place| place.text).collect()
}

fn needed(section: &Section, key: &'static str) -> Vec<String> {
    let words = words(section, key);
    if words.is_empty() {
        section.wrong(key, ARGUMENTS, None);
    }
    words
}

fn port(section: &Section, key: &'static str) -> Option<u16> {
    let port = section.value::<u32>(key).and_then(|port| u16::try_from(port).ok());
    let port = port.filter(|port| *port > 0);
    if port.is_none() {
        section.wrong(key, "a port from 1 to 65535", None);
    }
    port
}

fn socket(section: &Section, key: &'static str) -> Option<SocketAddr> {
    let address = section.text(key).text.parse().ok();
    if address.is_none() {
        section.wrong(key, "an address and a port, such as \"192.168.10.10:53\"", None);
    }
    address
}
