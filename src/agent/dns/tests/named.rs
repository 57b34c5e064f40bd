//! A BIND of our own on loopback, in a temporary directory.

use super::{OTHER_SECRET, SECRET};
use std::fmt::Write;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

const PROGRAM: &str = "/usr/sbin/named";

/// A running server; dropped, it is ended and its directory removed.
pub(in crate::agent) struct Named {
    child: Child,
    directory: PathBuf,
    pub(in crate::agent) address: SocketAddr,
}

impl Named {
    /// Starts one. None if there is no BIND here.
    pub(in crate::agent) async fn start() -> Option<Named> {
        if !Path::new(PROGRAM).exists() {
            skip("skipped: no /usr/sbin/named; apt-get install bind9");
            return None;
        }
        for _ in 0..20 {
            let address = free_port();
            let directory = directory(address.port());
            let child = run(&directory);
            let mut named = Named { child, directory, address };
            if named.is_ready().await {
                return Some(named);
            }
        }
        panic!("named does not start");
    }

    /// Where its key files are.
    pub(in crate::agent) fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Ends it, as a crash does.
    pub(super) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts it again with what it has on disk.
    pub(super) async fn restart(&mut self) {
        self.kill();
        self.child = run(&self.directory);
        assert!(self.is_ready().await, "{}", self.log());
    }

    pub(super) fn log(&self) -> String {
        fs::read_to_string(self.directory.join("log")).unwrap_or_default()
    }

    /// Waits until it serves; false if it ended instead.
    async fn is_ready(&mut self) -> bool {
        for _ in 0..1200 {
            let log = self.log();
            if log.lines().any(|line| line.ends_with(" running")) {
                return !log.contains("address in use");
            }
            if self.child.try_wait().is_ok_and(|status| status.is_some()) {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("named does not serve after 60 s: {}", self.log());
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        self.kill();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// Says in one line why a test does nothing; fails if that is not allowed.
#[allow(clippy::disallowed_methods, reason = "whether a test may be skipped is no result of it")]
pub(super) fn skip(why: &str) {
    assert!(std::env::var_os("DAGTWIN_NO_SKIP").is_none(), "{why}");
    println!("{why}");
}

/// A port that is free over UDP and TCP, below those that the kernel gives to whoever connects.
fn free_port() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = u16::try_from(std::process::id() % 500).expect("less than 500") * 16;
    loop {
        let port = 12_000 + (first + NEXT.fetch_add(1, Ordering::Relaxed)) % 10_000;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if UdpSocket::bind(address).is_ok() && TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}

fn run(directory: &Path) -> Child {
    let log = fs::File::create(directory.join("log")).expect("a log");
    // setpriv ends it also when this process is killed.
    Command::new("/usr/bin/setpriv")
        .args(["--pdeathsig", "KILL", PROGRAM, "-g", "-n", "1", "-c"])
        .arg(directory.join("named.conf"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("setpriv (util-linux) runs")
}

/// A directory with all that named needs.
fn directory(port: u16) -> PathBuf {
    let directory = std::env::temp_dir().join(format!("dagtwin-dns-{}-{port}", std::process::id()));
    fs::create_dir_all(&directory).expect("a temporary directory");
    let keys = [
        ("ddns", key_file("ddns-key", "hmac-sha256", SECRET)),
        ("ddns512", key_file("ddns512-key", "hmac-sha512", SECRET)),
        ("other", key_file("other-key", "hmac-sha256", OTHER_SECRET)),
    ];
    for (name, text) in &keys {
        let path = directory.join(format!("{name}.key"));
        fs::write(&path, text).expect("a key file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("its mode");
    }
    fs::write(directory.join("named.conf"), configuration(&directory, port)).expect("a file");
    fs::write(directory.join("example.zone"), zone()).expect("a file");
    directory
}

pub(super) fn key_file(name: &str, algorithm: &str, secret: &str) -> String {
    format!("key \"{name}\" {{\n\talgorithm {algorithm};\n\tsecret \"{secret}\";\n}};\n")
}

fn configuration(directory: &Path, port: u16) -> String {
    let directory = directory.display();
    format!(
        r#"include "{directory}/ddns.key";
include "{directory}/ddns512.key";
include "{directory}/other.key";
options {{
    directory "{directory}";
    listen-on port {port} {{ 127.0.0.1; }};
    listen-on-v6 {{ none; }};
    pid-file "named.pid";
    session-keyfile "session.key";
    recursion no;
    dnssec-validation no;
    notify no;
    allow-transfer {{ none; }};
    empty-zones-enable no;
}};
controls {{ }};
zone "example.test" {{
    type primary;
    file "example.zone";
    update-policy {{
        grant ddns-key name casarray.example.test. A;
        grant ddns-key name crowd.example.test. A;
        grant ddns-key name alias.example.test. A;
        grant ddns-key name any.wild.example.test. A;
        grant ddns512-key name casarray.example.test. A;
    }};
}};
zone "broken.test" {{ type primary; file "missing.zone"; allow-update {{ key ddns-key; }}; }};
"#
    )
}

fn zone() -> String {
    let mut zone = "$ORIGIN example.test.\n$TTL 300\n\
        @ SOA ns hostmaster 1 3600 600 86400 60\n@ NS ns\nns A 127.0.0.1\n\
        alias CNAME ns\nchild NS ns.child\nns.child A 127.0.0.9\n*.wild A 10.213.1.11\n"
        .to_owned();
    for last in 1..=60 {
        writeln!(zone, "crowd A 10.213.9.{last}").expect("a string takes it");
    }
    zone
}
