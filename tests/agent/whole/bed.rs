//! One member on a host of its own: the program itself in a namespace, a directory for a witness,
//! and a stranger on the same cable.

use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long anything may take on a busy machine before a test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);
/// The group's address, the DAG's, and that of the member.
pub(crate) const FLOATING: &str = "10.79.0.20";
pub(crate) const OF_DAG: &str = "10.79.0.15";

/// The record of a witness that was prepared and never claimed.
pub(crate) const RECORD: &str = "witness/witness-1.owner-nobody.epoch-0.counter-0";

const TOPOLOGY: &str = r#"
name = "whole"
windows_version = "2008r2"
[[network]]
name = "MAPI"
subnet = "10.79.0.0/24"
role = "cluster-and-client"
[[network]]
name = "Replication"
subnet = "10.79.1.0/24"
role = "cluster"
[[node]]
name = "EX01"
[[node.nic]]
name = "MAPI"
network = "MAPI"
address = "10.79.0.11"
[[node.nic]]
name = "Replication"
network = "Replication"
address = "10.79.1.11"
[[node]]
name = "EX02"
[[node.nic]]
name = "MAPI"
network = "MAPI"
address = "10.79.0.12"
[[node.nic]]
name = "Replication"
network = "Replication"
address = "10.79.1.12"
[[machine]]
name = "DC01"
roles = ["domain-controller", "dns", "witness"]
[[machine.nic]]
name = "MAPI"
network = "MAPI"
address = "10.79.0.10"
[dag]
name = "DAG"
members = ["EX01", "EX02"]
address = "10.79.0.15"
network = "MAPI"
witness_server = "DC01"
[[group]]
name = "CASArray"
network_name = "CASArray"
address = "10.79.0.20"
network = "MAPI"
preferred_owners = ["EX01", "EX02"]
[[resource]]
name = "Web"
group = "CASArray"
type = "generic-application"
[[database]]
name = "VIP"
copies = ["EX01", "EX02"]
"#;

pub(crate) struct Bed {
    name: String,
    pub(crate) folder: TempDir,
    /// What systemd would hear.
    socket: UnixDatagram,
    agent: Option<Child>,
}

impl Bed {
    /// A host without an agent yet; none, with a line that says why, if that cannot be here.
    pub(crate) fn new() -> Option<Bed> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        if let Some(why) = unfit() {
            assert!(std::env::var_os("DAGTWIN_NO_SKIP").is_none(), "not skipped: {why}");
            println!("skipped: {why}");
            return None;
        }
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("whole{}-{number}", std::process::id());
        let folder = tempfile::tempdir().expect("a folder");
        let socket = UnixDatagram::bind(folder.path().join("notify")).expect("a socket");
        socket.set_read_timeout(Some(Duration::from_millis(200))).expect("it is set");
        let bed = Bed { name, folder, socket, agent: None };
        for role in ["host", "other"] {
            run(&["ip", "netns", "add", &bed.of(role)]);
        }
        for number in ["0", "1"] {
            let (eth, other) = (format!("eth{number}"), bed.of("other"));
            bed.ip("host", &["link", "add", &eth, "type", "veth", "peer", &eth, "netns", &other]);
            for (role, last) in [("host", "11"), ("other", "99")] {
                let address = format!("10.79.{number}.{last}/24");
                bed.ip(role, &["address", "add", &address, "dev", &eth]);
                bed.ip(role, &["link", "set", &eth, "up"]);
            }
        }
        bed.ip("host", &["link", "set", "lo", "up"]);
        bed.write("topology.toml", TOPOLOGY);
        bed.write("site.key", &"5a".repeat(32));
        bed.write("password", "replication");
        fs::create_dir(bed.path("witness")).expect("a folder");
        bed.settings("");
        let prepared = bed.call(&["--prepare"]);
        // The database cannot be made here, and nothing here needs it; the witness comes first.
        assert!(bed.path(RECORD).exists(), "{prepared:?}");
        Some(bed)
    }

    /// Writes the agent's file, with more at its end.
    pub(crate) fn settings(&self, more: &str) {
        let at = self.folder.path().display();
        let text = format!(
            "topology = \"topology.toml\"\nnode = \"EX01\"\nkey_file = \"site.key\"\n\
             state = \"state\"\ncontrol = \"control.sock\"\n\
             [[adapter]]\nname = \"MAPI\"\ninterface = \"eth0\"\n\
             [[adapter]]\nname = \"Replication\"\ninterface = \"eth1\"\n\
             [witness]\ndirectory = \"witness\"\n\
             [[database]]\nname = \"VIP\"\ndata = \"{at}/vip\"\nport = 5433\n\
             programs = \"{at}\"\nuser = \"nobody\"\npassword_file = \"password\"\n\
             [[service]]\nresource = \"Web\"\nrun = [\"/bin/sleep\", \"100000\"]\n{more}"
        );
        self.write("agent.toml", &text);
    }

    fn write(&self, name: &str, text: &str) {
        use std::os::unix::fs::PermissionsExt;
        fs::write(self.path(name), text).expect("a file");
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o600)).expect("closed");
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn of(&self, role: &str) -> String {
        format!("{}-{role}", self.name)
    }

    pub(crate) fn ip(&self, role: &str, words: &[&str]) -> String {
        run(&[&["ip", "-n", &self.of(role)][..], words].concat())
    }

    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.of("host"), env!("CARGO_BIN_EXE_dagtwin")]);
        command.args(words).stdin(Stdio::null());
        command
    }

    /// Calls `dagtwin agent FILE` with more words, to its end.
    pub(crate) fn call(&self, more: &[&str]) -> Output {
        let file = self.path("agent.toml").display().to_string();
        self.command(&[&["agent", &file][..], more].concat()).output().expect("it starts")
    }

    /// Starts the agent; what it logs is in the file `log`.
    pub(crate) fn start(&mut self) {
        let file = self.path("agent.toml").display().to_string();
        let log = File::create(self.path("log")).expect("a file");
        let mut command = self.command(&["agent", &file]);
        command.env("NOTIFY_SOCKET", self.path("notify")).env("WATCHDOG_USEC", "3000000");
        self.agent = Some(command.stderr(log).spawn().expect("it starts"));
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(self.agent.as_ref().expect("it was started"))
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("it is there");
    }

    /// Waits for the agent's end; its exit status, if no signal ended it.
    pub(crate) fn ended(&mut self) -> Option<i32> {
        let mut agent = self.agent.take().expect("it was started");
        let mut status = None;
        self.until("the agent has ended", || {
            status = agent.try_wait().expect("it is a child");
            status.is_some()
        });
        status.and_then(|status| status.code())
    }

    /// Hears what systemd is told until that was said; gives all of it.
    pub(crate) fn hears(&self, wanted: &str) -> Vec<String> {
        let mut heard = Vec::new();
        self.until(wanted, || {
            heard.extend(self.hear());
            heard.iter().any(|said| said == wanted)
        });
        heard
    }

    /// The next word, if one comes soon.
    pub(crate) fn hear(&self) -> Option<String> {
        let mut room = [0; 256];
        let length = self.socket.recv(&mut room).ok()?;
        Some(String::from_utf8_lossy(&room[..length]).into_owned())
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// The agent's status.
    pub(crate) fn status(&self) -> serde_json::Value {
        let socket = self.path("control.sock").display().to_string();
        let output =
            self.command(&["ctl", "--socket", &socket, "status", "--format", "json"]).output();
        serde_json::from_slice(&output.expect("it starts").stdout).unwrap_or_default()
    }

    /// Whether the host has an address.
    pub(crate) fn has(&self, address: &str) -> bool {
        self.ip("host", &["-4", "-o", "address", "show"]).contains(&format!(" {address}/"))
    }

    /// Whether the host has the leases' table.
    pub(crate) fn has_table(&self) -> bool {
        let host = self.of("host");
        run(&["ip", "netns", "exec", &host, "nft", "list", "tables"]).contains("dagtwin")
    }

    /// Waits until something holds.
    pub(crate) fn until(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let begun = Instant::now();
        while !holds() {
            assert!(begun.elapsed() < PATIENCE, "not in time: {what}; it said\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        if let Some(mut agent) = self.agent.take() {
            let _ = agent.kill();
            let _ = agent.wait();
        }
        for role in ["host", "other"] {
            // What the agent has left running there, and nothing else.
            let found = Command::new("ip").args(["netns", "pids", &self.of(role)]).output();
            let text = found.map(|found| found.stdout).unwrap_or_default();
            let pids = String::from_utf8_lossy(&text).into_owned();
            for pid in pids.lines().filter_map(|pid| Pid::from_raw(pid.trim().parse().ok()?)) {
                let _ = kill_process(pid, Signal::KILL);
            }
            let _ = Command::new("ip").args(["netns", "delete", &self.of(role)]).status();
        }
    }
}

fn unfit() -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("needs root, for network namespaces".to_owned());
    }
    let missing = |program: &&&str| Command::new(program).arg("--version").output().is_err();
    ["nft", "ip", "arping", "chrt"].iter().find(missing).map(|it| format!("needs {it}"))
}

/// Runs a program to its end, which has to be good; what it wrote.
pub(crate) fn run(words: &[&str]) -> String {
    let output = Command::new(words[0]).args(&words[1..]).stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("{words:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?}: {said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
