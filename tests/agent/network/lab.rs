//! Three hosts in network namespaces of their own, on the bridges of a fourth.

use dagtwin::agent::network::{Addresses, Error, Event, HardwareAddress, Watch};
use nix::sched::{CloneFlags, setns};
use std::fs::File;
use std::io::Write;
use std::net::Ipv4Addr;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;
use tokio::time::timeout;

/// How long anything may take on a busy machine before a test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// How long a test may take before it is taken to hang. A starved machine takes minutes.
const HANG: Duration = Duration::from_secs(900);
/// The address that moves.
pub(crate) const SERVICE: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 100);

/// The namespaces; dropped, they are removed. `host` and `other` have eth0 on br0 and eth1 on br1,
/// `client` has eth0 on br0. The ports of the bridges are called host0, host1 and so on.
pub(crate) struct Lab {
    prefix: String,
}

const ROLES: [&str; 4] = ["hub", "host", "other", "client"];
const CABLES: [(&str, u8, u8); 5] =
    [("host", 0, 1), ("host", 1, 1), ("other", 0, 2), ("other", 1, 2), ("client", 0, 9)];

impl Lab {
    /// Makes it; none if this machine does not let us.
    pub(crate) fn new() -> Option<Lab> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let lab = Lab { prefix: format!("dagtwin-{}-{number}", std::process::id()) };
        if let Err(why) = run("ip", &["netns", "add", &lab.name("hub")], "") {
            return skip(&format!("no network namespace can be made (root? iproute2?): {why}"));
        }
        for role in &ROLES[1..] {
            run("ip", &["netns", "add", &lab.name(role)], "").expect("as the first one");
        }
        lab.ip("hub", "link add br0 type bridge\nlink add br1 type bridge");
        lab.ip("hub", "link set br0 up\nlink set br1 up");
        for (role, number, last) in CABLES {
            lab.plug(role, number, last);
        }
        Some(lab)
    }

    /// Lays the cable between an interface and its bridge, and gives it its address.
    pub(crate) fn plug(&self, role: &str, number: u8, last: u8) {
        let (name, port) = (self.name(role), format!("{role}{number}"));
        self.ip(
            "hub",
            &format!(
                "link add {port} type veth peer name eth{number} netns {name}\n\
                 link set {port} master br{number}\nlink set {port} up"
            ),
        );
        self.ip(
            role,
            &format!("link set eth{number} up\naddr add 10.77.{number}.{last}/24 dev eth{number}"),
        );
        // Until its carrier is there it is no use to a test.
        let up = || self.show(role, &format!("link show eth{number}")).contains("state UP");
        assert!((0..3000).any(|_| up() || pause()), "eth{number} of {role} did not come up");
    }

    /// The name of a namespace.
    pub(crate) fn name(&self, role: &str) -> String {
        format!("{}-{role}", self.prefix)
    }

    /// Does lines of `ip` in a namespace.
    pub(crate) fn ip(&self, role: &str, lines: &str) {
        let name = self.name(role);
        run("ip", &["-n", &name, "-batch", "-"], lines)
            .unwrap_or_else(|why| panic!("ip in {role}: {lines}: {why}"));
    }

    /// What `ip` shows in a namespace.
    pub(crate) fn show(&self, role: &str, what: &str) -> String {
        let name = self.name(role);
        let mut words = vec!["-n", &name];
        words.extend(what.split(' '));
        run("ip", &words, "").unwrap_or_else(|why| panic!("ip in {role}: {what}: {why}"))
    }

    /// The hardware address of an interface.
    pub(crate) fn hardware(&self, role: &str, interface: &str) -> HardwareAddress {
        let shown = self.show(role, &format!("link show {interface}"));
        let text = shown.split("link/ether ").nth(1).and_then(|rest| rest.split(' ').next());
        parse_hardware(text.expect("it is an Ethernet interface"))
    }

    /// Runs something in a namespace, on a thread of its own with a runtime of its own.
    pub(crate) fn inside<T: Send, F: Future<Output = T>>(
        &self,
        role: &str,
        work: impl FnOnce() -> F + Send,
    ) -> T {
        let name = self.name(role);
        let body = move || {
            let namespace = File::open(format!("/run/netns/{name}")).expect("the lab made it");
            setns(namespace, CloneFlags::CLONE_NEWNET).expect("root may");
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("tokio");
            runtime.block_on(async { timeout(HANG, work()).await.expect("it hangs") })
        };
        let joined = thread::scope(|scope| scope.spawn(body).join());
        joined.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for role in ROLES {
            let _ = run("ip", &["netns", "del", &self.name(role)], "");
        }
    }
}

/// Says why a test is skipped, or fails it if none may be.
fn skip<T>(why: &str) -> Option<T> {
    #[allow(clippy::disallowed_methods, reason = "a test may be told not to skip")]
    let forbidden = std::env::var_os("DAGTWIN_NO_SKIP").is_some();
    assert!(!forbidden, "skipped: {why}");
    println!("skipped: {why}");
    None
}

/// Runs a program to its end; what it wrote, or its complaint.
fn run(program: &str, words: &[&str], input: &str) -> Result<String, String> {
    let mut child = Command::new(program)
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| error.to_string())?;
    // Its stdin is closed at the end of the statement. If it does not read, its status tells.
    let _ = child.stdin.take().map(|mut stdin| stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().map_err(|error| error.to_string())?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
    }
}

/// A moment between two looks; false, so that it can stand behind a condition.
fn pause() -> bool {
    thread::sleep(Duration::from_millis(10));
    false
}

/// Reads `02:00:00:00:00:01`.
pub(crate) fn parse_hardware(text: &str) -> HardwareAddress {
    let bytes: Vec<u8> =
        text.split(':').map(|part| u8::from_str_radix(part, 16).expect("hexadecimal")).collect();
    HardwareAddress(bytes.try_into().expect("six bytes"))
}

/// The addresses of the namespace we are in. Patient, as the kernel is shared with other tests.
pub(crate) fn open() -> Addresses {
    Addresses::open(PATIENCE).expect("a socket and a thread")
}

/// The next event, within our patience.
pub(crate) async fn next(watch: &mut Watch) -> Event {
    let event = timeout(PATIENCE, watch.next()).await;
    event.expect("an event in time").expect("the kernel tells")
}

/// A change of a link.
pub(crate) fn link(interface: &str, up: bool) -> Event {
    Event::Link { interface: interface.to_owned(), up }
}

/// Whether something is an error of the given form.
macro_rules! assert_error {
    ($result:expr, $pattern:pat) => {{
        let result: Result<_, Error> = $result;
        assert!(matches!(result, Err($pattern)), "{result:?}");
    }};
}
pub(crate) use assert_error;

/// The text of an error.
pub(crate) fn text<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    result.expect_err("it should not succeed").to_string()
}
