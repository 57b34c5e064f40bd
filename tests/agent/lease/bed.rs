//! Two namespaces: a node and a client, with two cables between them.

use dagtwin::agent::lease::{Gate, Settings, Thing};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::fs::File;
use std::net::Ipv4Addr;
use std::os::fd::AsFd;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

/// The floating address, and where the node and the client are on both networks.
pub(crate) const FLOATING: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 9);
pub(crate) const NODE: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
pub(crate) const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);
pub(crate) const NODE_REPLICATION: Ipv4Addr = Ipv4Addr::new(10, 77, 1, 1);
pub(crate) const PORT: u16 = 43432;

pub(crate) const ADDRESS: Thing = Thing::Address(FLOATING);
pub(crate) const DATABASE: Thing = Thing::Port(PORT);

pub(crate) const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

pub(crate) struct Bed {
    pub(crate) node: String,
    pub(crate) client: String,
}

impl Bed {
    /// The namespaces; none, with a line that says why, if this machine cannot have them.
    pub(crate) fn new() -> Option<Bed> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        if let Some(why) = unfit() {
            assert!(!variable("DAGTWIN_NO_SKIP"), "{why}");
            println!("skipped: {why}");
            return None;
        }
        let name = format!("lease{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::SeqCst));
        let bed = Bed { node: format!("{name}n"), client: format!("{name}c") };
        run(&["ip", "netns", "add", &bed.node]);
        run(&["ip", "netns", "add", &bed.client]);
        for (number, cable) in ["e0", "e1"].into_iter().enumerate() {
            let (node, client) = (bed.node.as_str(), bed.client.as_str());
            let pair = ["type", "veth", "peer", "name", cable, "netns", client];
            run(&[&["ip", "-n", node, "link", "add", cable][..], &pair].concat());
            for (host, namespace) in [(1, node), (2, client)] {
                let address = format!("10.77.{number}.{host}/24");
                run(&["ip", "-n", namespace, "address", "add", &address, "dev", cable]);
                run(&["ip", "-n", namespace, "link", "set", cable, "up"]);
            }
        }
        for namespace in [&bed.node, &bed.client] {
            run(&["ip", "-n", namespace, "link", "set", "lo", "up"]);
        }
        let floating = format!("{FLOATING}/24");
        run(&["ip", "-n", &bed.node, "address", "add", &floating, "dev", "e0"]);
        Some(bed)
    }

    /// The client keeps a stale entry for the floating address that nothing takes away.
    pub(crate) fn stale_entry(&self, cable: &str) {
        let mac = self.mac(cable);
        let address = FLOATING.to_string();
        let entry = ["lladdr", &mac, "dev", cable, "nud", "permanent"];
        run(&[&["ip", "-n", &self.client, "neighbour", "replace", &address][..], &entry].concat());
    }

    /// Hardware address of the node's end of a cable.
    pub(crate) fn mac(&self, cable: &str) -> String {
        let link = format!("/sys/class/net/{cable}/address");
        text(&["ip", "netns", "exec", &self.node, "cat", &link]).trim().to_owned()
    }

    pub(crate) fn settings(&self) -> Settings {
        Settings {
            interfaces: vec!["e0".to_owned()],
            addresses: vec![FLOATING],
            ports: vec![PORT],
            exempt: vec!["10.77.1.0/24".parse().unwrap()],
            ..Settings::default()
        }
    }

    /// A gate that is not installed.
    pub(crate) fn gate(&self) -> Gate {
        let settings = self.settings();
        self.on_node(|| Gate::open(settings).unwrap())
    }

    /// Sets up the rules of a gate.
    pub(crate) fn install(&self, gate: &mut Gate) {
        self.on_node(|| block_on(gate.install()).unwrap());
    }

    /// A gate that is installed.
    pub(crate) fn installed(&self) -> Gate {
        let mut gate = self.gate();
        self.install(&mut gate);
        gate
    }

    pub(crate) fn on_node<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        inside(&self.node, work)
    }

    pub(crate) fn on_client<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        inside(&self.client, work)
    }

    /// Whether the client gets an answer from an address of the node, by ping.
    pub(crate) fn answers(&self, address: Ipv4Addr) -> bool {
        answers(&self.client, address)
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        for namespace in [&self.node, &self.client] {
            let _ = Command::new("ip").args(["netns", "delete", namespace]).status();
        }
    }
}

pub(crate) fn grant(gate: &mut Gate, things: &[Thing], length: Duration) {
    let ticket = gate.ticket(ms(5000)).unwrap();
    gate.grant(things, length, ticket).unwrap();
}

/// Whether somebody in a namespace gets an answer from an address.
pub(crate) fn answers(namespace: &str, address: Ipv4Addr) -> bool {
    let address = address.to_string();
    let ping = ["ping", "-n", "-c", "2", "-i", "0.1", "-W", "1", &address];
    output(&[&["ip", "netns", "exec", namespace][..], &ping].concat()).status.success()
}

/// Runs work on a thread of its own inside a namespace. What it opens stays there.
pub(crate) fn inside<T: Send>(namespace: &str, work: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let worker = scope.spawn(|| {
            enter(namespace);
            work()
        });
        worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Moves the calling thread into a namespace.
pub(crate) fn enter(namespace: &str) {
    let file = File::open(format!("/run/netns/{namespace}")).unwrap();
    let network = Some(LinkNameSpaceType::Network);
    move_into_link_name_space(file.as_fd(), network).unwrap();
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(future)
}

fn unfit() -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("needs root, for network namespaces".to_owned());
    }
    let programs = ["nft", "ip", "ping", "arping", "tcpdump", "setpriv"];
    let missing = |program: &&&str| {
        let tried = Command::new(program).arg("--version").stdin(Stdio::null()).output();
        tried.is_err()
    };
    programs.iter().find(missing).map(|program| format!("needs the program {program}"))
}

#[expect(clippy::disallowed_methods, reason = "a test may be told how to run")]
pub(crate) fn variable(name: &str) -> bool {
    std::env::var_os(name).is_some()
}

pub(crate) fn output(words: &[&str]) -> Output {
    let command = Command::new(words[0]).args(&words[1..]).stdin(Stdio::null()).output();
    command.unwrap_or_else(|error| panic!("{words:?}: {error}"))
}

pub(crate) fn text(words: &[&str]) -> String {
    let output = output(words);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

pub(crate) fn run(words: &[&str]) {
    text(words);
}
