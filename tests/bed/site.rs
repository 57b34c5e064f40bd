//! The site: two members, DC01 and the clients' namespaces, built of what this machine has.

use crate::ground::{POSTGRES, boottime, folder, ms, variable, wait_for};
use crate::machine::{Machine, Process};
use crate::moment::Parts;
use crate::relay::Relay;
use crate::serve;
use crate::servers::{self, Servers};
use crate::space::Space;
use crate::switch::{Network, Switch};
use dagtwin::agent::control::{self, Request};
use dagtwin::agent::database::SystemUser;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio_postgres::{NoTls, SimpleQueryMessage};

/// The databases and their ports.
pub(crate) const DATABASES: [(&str, u16); 2] = [("VIP", 5433), ("STAFF", 5434)];
/// The group's floating address.
pub(crate) const FLOATING: [u8; 4] = [10, 77, 10, 20];
const GROUP: &str = "CASArray";
const CONTROL: &str = "/run/dagtwin/control.sock";
const TOPOLOGY: &str = include_str!("../../topologies/bed/topology.toml");
const AGENT: &str = env!("CARGO_BIN_EXE_dagtwin");
/// Longest that anything here may take that is not measured.
const PATIENCE: Duration = Duration::from_secs(120);

/// Whether a commit waits for the other copy, as `DAGTWIN_BED_SYNCHRONOUS=VIP` asks for.
pub(crate) fn synchronous(database: &str) -> bool {
    variable("DAGTWIN_BED_SYNCHRONOUS").is_some_and(|it| it.split(',').any(|it| it == database))
}

/// How fast the members find each other gone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Profile {
    pub(crate) name: &'static str,
    /// Between two heartbeats.
    pub(crate) delay: Duration,
}

impl Profile {
    /// The one that is asked for.
    pub(crate) fn chosen() -> Profile {
        match variable("DAGTWIN_BED_PROFILE").as_deref() {
            None | Some("5x1s") => Profile { name: "5x1s", delay: ms(1_000) },
            Some("fast") => Profile { name: "5x100ms", delay: ms(100) },
            Some(other) => panic!("DAGTWIN_BED_PROFILE={other}: expected fast, or nothing"),
        }
    }

    /// How long it takes at most until a member is missed: five beats without an answer, the first
    /// of which is sent up to a beat after the fault (wsfc.md §1.2), the last waited for.
    pub(crate) fn detection(&self) -> Duration {
        self.delay * 5 + self.reply_time()
    }

    /// When nobody can have an answer of a member any more that has heard nothing of the others
    /// since a fault: they are bound for so long at most (docs/AGENT.md).
    pub(crate) fn bound(&self) -> Duration {
        self.delay * 4
    }

    /// How long an answer to a beat is waited for.
    fn reply_time(&self) -> Duration {
        self.delay / 4
    }

    fn topology(&self) -> String {
        let mut topology = TOPOLOGY.to_owned();
        for (key, usual, own) in [
            ("same_subnet_delay", ms(1_000), self.delay),
            ("heartbeat_reply_time", ms(250), self.reply_time()),
        ] {
            let line = |value: Duration| format!("{key} = \"{}ms\"", value.as_millis());
            let usual = line(usual).replace("1000ms", "1s");
            assert!(topology.contains(&usual), "topologies/bed/topology.toml says {usual}");
            topology = topology.replace(&usual, &line(own));
        }
        topology
    }
}

/// A member.
pub(crate) struct Host {
    pub(crate) name: &'static str,
    pub(crate) number: u8,
    pub(crate) space: Space,
    pub(crate) machine: Option<Machine>,
    pub(crate) agent: Option<Process>,
    folder: PathBuf,
}

impl Host {
    fn new(name: &'static str, number: u8, switch: &Switch, folder: &Path) -> Host {
        let space = Space::new(name);
        for network in Network::ALL {
            switch.plug(&space, name, network, number);
        }
        let host =
            Host { name, number, space, machine: None, agent: None, folder: folder.to_owned() };
        let disk = host.disk();
        fs::create_dir(&disk).expect("a folder");
        // A host's disk is memory, so that the machine's disk and its other users are not measured.
        let mount = |options: &str, at: &Path| {
            let at = at.to_str().expect("plain");
            host.space.run(&format!("mount -t tmpfs -o {options} tmpfs {at}"));
        };
        mount("size=2g,mode=755", &disk);
        let user = SystemUser::named("postgres").expect("it comes with the package").uid;
        for (database, _) in DATABASES {
            let home = disk.join(database.to_lowercase());
            fs::create_dir(host.space.path(&home)).expect("a folder");
            mount(&format!("size=512m,mode=700,uid={user}"), &home);
        }
        host
    }

    /// Where its disk is, as it sees it.
    pub(crate) fn disk(&self) -> PathBuf {
        self.folder.join(self.name)
    }

    /// Where a database's volume is, as it sees it.
    pub(crate) fn home(&self, database: &str) -> PathBuf {
        self.disk().join(database.to_lowercase())
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.folder.join(format!("{}.log", self.name))
    }

    fn file(&self) -> PathBuf {
        self.folder.join(format!("{}.toml", self.name))
    }

    /// Its agent's file.
    fn configure(&self) {
        let (at, disk) = (self.folder.display(), self.disk());
        let dc01 = Network::Mapi.address(servers::NUMBER);
        let words: Vec<String> =
            serve::words(self.name).iter().map(|word| format!("{word:?}")).collect();
        let mut text = format!(
            "topology = \"{at}/topology.toml\"\nnode = \"{}\"\nkey_file = \"{at}/site.key\"\n\
             state = \"{}/state\"\ncontrol = \"{CONTROL}\"\n\
             [[adapter]]\nname = \"MAPI\"\ninterface = \"eth0\"\n\
             [[adapter]]\nname = \"Replication\"\ninterface = \"eth1\"\n\
             [witness]\nshare = \"witness\"\nserver = \"{dc01}:445\"\nuser = \"{}\"\n\
             password_file = \"{at}/dc01/witness.password\"\n\
             [names]\nserver = \"{dc01}:53\"\nkey_file = \"{at}/dc01/dns.key\"\n\
             [[service]]\nresource = \"FrontEnd\"\nrun = [{}]\n",
            self.name,
            disk.display(),
            servers::USER,
            words.join(", "),
        );
        for (database, port) in DATABASES {
            let home = self.home(database);
            text += &format!(
                "[[database]]\nname = \"{database}\"\ndata = \"{}\"\nport = {port}\n\
                 programs = \"{POSTGRES}\"\nuser = \"postgres\"\n\
                 password_file = \"{at}/replication.password\"\nsynchronous = {}\n",
                home.display(),
                synchronous(database)
            );
        }
        fs::write(self.file(), text).expect("a file");
    }

    pub(crate) fn boot(&mut self) {
        self.machine = Some(Machine::boot(&self.space));
    }

    fn prepare(&self) {
        let machine = self.machine.as_ref().expect("it has power");
        let file = self.file();
        let words = [AGENT, "agent", file.to_str().expect("plain"), "--prepare"];
        let mut process = machine.start(&words, &self.log());
        assert!(process.wait(), "{} is not prepared: {}", self.name, self.last_lines());
    }

    pub(crate) fn start_agent(&mut self) {
        let machine = self.machine.as_ref().expect("it has power");
        let file = self.file();
        let words = [AGENT, "agent", file.to_str().expect("plain")];
        self.agent = Some(machine.start(&words, &self.log()));
    }

    pub(crate) fn last_lines(&self) -> String {
        let text = fs::read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<&str> = text.lines().rev().take(30).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    fn ask(&self, request: &Request) -> Result<Value, String> {
        let machine = self.machine.as_ref().ok_or_else(|| format!("{} is off", self.name))?;
        let answer = control::call(&machine.path(Path::new(CONTROL)), request);
        let answer = answer.map_err(|error| format!("{}: {error}", self.name))?;
        let answer: Value = serde_json::from_str(&answer).map_err(|error| error.to_string())?;
        match answer.get("refused") {
            Some(why) => Err(format!("{} refuses {request:?}: {why}", self.name)),
            None => Ok(answer),
        }
    }

    /// How the member is, by its own words.
    pub(crate) fn status(&self) -> Result<Value, String> {
        let mut answer = self.ask(&Request::Status)?;
        Ok(answer["status"].take())
    }

    pub(crate) fn order(&self, line: &str) -> Result<(), String> {
        self.ask(&Request::Order(line.to_owned())).map(drop)
    }

    /// Asks a database's instance, as its administrator on the host; the rows' first columns.
    pub(crate) fn sql(&self, database: &str, text: &str) -> Result<Vec<String>, String> {
        let (_, port) = DATABASES.iter().find(|it| it.0 == database).expect("a database");
        let socket = self.space.path(&self.home(database).join("socket"));
        let mut config = tokio_postgres::Config::new();
        config.host_path(socket).port(*port).user("dagtwin").dbname("postgres");
        let talk = async {
            let (client, connection) = config.connect(NoTls).await?;
            tokio::spawn(connection);
            client.simple_query(text).await
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let rows = runtime.expect("a runtime").block_on(async {
            tokio::time::timeout(ms(10_000), talk).await.map_err(|error| error.to_string())
        })?;
        let rows = rows.map_err(|error| format!("{} {database}: {error:?}", self.name))?;
        let first = |message: SimpleQueryMessage| match message {
            SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or_default().to_owned()),
            _ => None,
        };
        Ok(rows.into_iter().filter_map(first).collect())
    }

    /// Saves what would be gone with its disk.
    fn keep_evidence(&self) {
        let to = self.folder.join(format!("{}-evidence", self.name));
        let _ = fs::create_dir(&to);
        for journal in self.journals() {
            let _ = fs::copy(&journal, to.join(journal.file_name().unwrap_or_default()));
        }
        for (database, _) in DATABASES {
            let log = self.space.path(&self.home(database).join("log"));
            let _ = fs::copy(log, to.join(format!("{database}.log")));
        }
    }

    /// Journals of its agent's lives, the oldest first.
    pub(crate) fn journals(&self) -> Vec<PathBuf> {
        let folder = self.space.path(&self.disk().join("state/journals"));
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut found: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        found.sort();
        found
    }
}

/// The site.
pub(crate) struct Site {
    pub(crate) profile: Profile,
    pub(crate) hosts: [Host; 2],
    pub(crate) servers: Servers,
    pub(crate) dc01: Machine,
    _dc01_space: Space,
    pub(crate) client: Space,
    /// For each member one that for ever takes the floating address to be that member's.
    pub(crate) stale: [Space; 2],
    pub(crate) switch: Switch,
    /// Cables that take time.
    slow: Vec<Relay>,
    /// When the last fault was healed; 0 before the first.
    pub(crate) healed_at: u64,
    /// When faults strike.
    pub(crate) parts: Parts,
    folder: Folder,
}

struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("logs are in {}", self.0.display());
            return;
        }
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Site {
    /// Builds it and waits until it serves.
    pub(crate) fn new(profile: Profile) -> Site {
        let mut site = Site::bare(profile);
        site.start();
        site
    }

    /// Its folder, which all hosts see.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder.0
    }

    /// Builds it, with DC01 under power and nothing running.
    pub(crate) fn bare(profile: Profile) -> Site {
        let folder = Folder(folder());
        let at = &folder.0;
        fs::write(at.join("topology.toml"), profile.topology()).expect("a file");
        fs::write(at.join("site.key"), "5a".repeat(32)).expect("a file");
        fs::write(at.join("replication.password"), "good enough\n").expect("a file");
        let switch = Switch::new();
        let hosts = [("EX01", 11), ("EX02", 12)].map(|(name, number)| {
            let host = Host::new(name, number, &switch, at);
            host.configure();
            host
        });
        let (dc01_space, client) = (Space::new("DC01"), Space::new("client"));
        switch.plug(&dc01_space, "DC01", Network::Mapi, servers::NUMBER);
        switch.plug(&client, "client", Network::Mapi, 50);
        let stale = [0, 1].map(|n: u8| {
            let space = Space::new("stale");
            switch.plug(&space, &format!("stale{n}"), Network::Mapi, 51 + n);
            // /sys would tell of another network's adapter.
            let link = hosts[usize::from(n)].space.run("ip -o link show eth0");
            let mac = link.split("link/ether ").nth(1).and_then(|it| it.split(' ').next());
            let (mac, [a, b, c, d]) = (mac.expect("it has one"), FLOATING);
            space.ip(&format!(
                "neighbour replace {a}.{b}.{c}.{d} lladdr {mac} dev eth0 nud permanent\n"
            ));
            space
        });
        let servers = Servers::new(at);
        servers.keep_in_memory(&dc01_space);
        let dc01 = Machine::boot(&dc01_space);
        let (slow, healed_at) = (Vec::new(), 0);
        Site {
            profile,
            hosts,
            servers,
            dc01,
            _dc01_space: dc01_space,
            client,
            stale,
            switch,
            slow,
            healed_at,
            parts: Parts::new(),
            folder,
        }
    }

    fn start(&mut self) {
        self.start_dns();
        self.start_witness();
        self.hosts.iter_mut().for_each(Host::boot);
        self.hosts[0].prepare();
        self.hosts[0].start_agent();
        // The second copy is seeded from the first one while that is served.
        self.wait("EX01 serves", |site| site.mounted(&site.hosts[0].status()?));
        self.hosts[1].prepare();
        self.hosts[1].start_agent();
        self.wait_whole();
        for (database, _) in DATABASES {
            let text = "create table writes(n bigint); \
                        create role writer login password 'writes'; \
                        grant insert on writes to writer";
            self.hosts[0].sql(database, text).expect("a table");
        }
    }

    pub(crate) fn start_dns(&mut self) {
        self.servers.start_dns(&self.dc01);
    }

    pub(crate) fn start_witness(&mut self) {
        self.servers.start_witness(&self.dc01);
        let client = &self.client;
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| {
                client.enter();
                Servers::await_witness()
            });
            waits.join().expect("it waits")
        })
        .expect("smbd serves");
    }

    /// Has everything that a member sends or gets take longer.
    pub(crate) fn slow_down(&mut self, member: usize, by: Duration) {
        for network in Network::ALL {
            // A frame is put in again as it is: hosts have to cut theirs themselves.
            for other in &self.hosts {
                let adapter = network.adapter();
                other.space.ip(&format!("link set {adapter} gso_max_size 1514 gso_max_segs 1\n"));
            }
            let name = self.hosts[member].name;
            let (port, inner) = self.switch.lengthen(name, network);
            self.slow.push(Relay::new(self.switch.space.pid(), [&port, &inner], by));
            self.switch.put_between(name, network);
        }
    }

    pub(crate) fn speed_up(&mut self, member: usize) {
        for network in Network::ALL {
            self.switch.take_out(self.hosts[member].name, network);
        }
        self.slow.clear();
    }

    pub(crate) fn host(&self, name: &str) -> &Host {
        self.hosts.iter().find(|host| host.name == name).expect("a member")
    }

    fn wait<T>(&mut self, what: &str, ask: impl Fn(&Site) -> Result<T, String>) -> T {
        let answer = wait_for(PATIENCE, || {
            for host in &mut self.hosts {
                if host.agent.as_mut().is_some_and(|agent| !agent.runs()) {
                    return Ok(Err(format!("the agent of {} has ended", host.name)));
                }
            }
            ask(self).map(Ok)
        });
        answer.and_then(|answer| answer).unwrap_or_else(|why| {
            let [one, two] = [0, 1].map(|n: usize| self.hosts[n].last_lines());
            self.hosts.iter().for_each(Host::keep_evidence);
            panic!("{what}: {why}\nEX01:\n{one}\nEX02:\n{two}")
        })
    }

    fn mounted(&self, status: &Value) -> Result<(), String> {
        let wrong = |what: &str| Err(format!("{what}: {status}"));
        for (database, _) in DATABASES {
            if status["databases"][database]["mounted"] != true {
                return wrong(&format!("{database} is not mounted"));
            }
        }
        if status["groups"][GROUP]["state"] != "Online" {
            return wrong("the group is not online");
        }
        Ok(())
    }

    /// Who owns the group, if the site is as it should be: both members agree, everything is
    /// served, and every passive copy streams.
    pub(crate) fn whole(&self) -> Result<String, String> {
        let states = [self.hosts[0].status()?, self.hosts[1].status()?];
        for status in &states {
            let members = status["members"].as_array().map_or(0, Vec::len);
            if status["quorum"] != true || members != 2 {
                return Err(format!("not both are members: {status}"));
            }
            self.mounted(status)?;
        }
        for key in ["view", "groups", "databases", "paused"] {
            if states[0][key] != states[1][key] {
                return Err(format!("they differ in {key}: {} {}", states[0], states[1]));
            }
        }
        for (database, _) in DATABASES {
            let active = &states[0]["databases"][database]["active_on"];
            let active = self.host(active.as_str().ok_or("it is active nowhere")?);
            let text = "select count(*) from pg_stat_replication where state = 'streaming'";
            if active.sql(database, text)? != ["1"] {
                return Err(format!("no copy of {database} streams from {}", active.name));
            }
        }
        let owner = states[0]["groups"][GROUP]["owner"].as_str();
        owner.map(str::to_owned).ok_or_else(|| "nobody owns the group".to_owned())
    }

    /// Waits until the site is as it should be; who owns the group.
    pub(crate) fn wait_whole(&mut self) -> String {
        self.wait("the site becomes whole", Site::whole)
    }

    /// Waits until everything is on one member; moves what is not.
    pub(crate) fn gather(&mut self) -> String {
        let owner = self.wait_whole();
        let status = self.host(&owner).status().expect("it is whole");
        for (name, database) in status["databases"].as_object().into_iter().flatten() {
            if database["active_on"] != owner.as_str() {
                let line = format!("Move-ActiveMailboxDatabase {name} -ActivateOnServer {owner}");
                self.host(&owner).order(&line).expect("it is taken");
            }
        }
        if status["groups"]["Cluster Group"]["owner"] != owner.as_str() {
            let line = format!("Move-ClusterGroup \"Cluster Group\" -Node {owner}");
            self.host(&owner).order(&line).expect("it is taken");
        }
        self.wait("everything is on one member", |site| {
            site.whole()?;
            let status = site.host(&owner).status()?;
            let databases = status["databases"].as_object().into_iter().flatten();
            let elsewhere = databases.filter(|(_, it)| it["active_on"] != owner.as_str());
            let core = &status["groups"]["Cluster Group"]["owner"];
            if elsewhere.count() > 0 || *core != owner.as_str() {
                return Err(format!("not all is on {owner}: {status}"));
            }
            Ok(())
        });
        owner
    }
}

#[test]
fn a_site_comes_up_and_is_whole() {
    if !crate::ground::fit() {
        return;
    }
    let began = boottime();
    let mut site = Site::new(Profile::chosen());
    eprintln!("up after {} ms, {} owns all", (boottime() - began) / 1_000_000, site.gather());
}
