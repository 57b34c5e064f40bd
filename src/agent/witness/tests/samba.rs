//! A Samba server of the test's own: own port on loopback, own configuration, own directory.

use super::super::{Place, ShareSettings, Witness};
use super::{ENOUGH, Scratch, has, skip, variable};
use std::fs::{self, Permissions};
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;
use tokio::time::Instant;

const USER: &str = "nobody";
const PASSWORD: &str = "right horse";

/// The server. It ends with its value, and with the thread that started it.
pub(super) struct Samba {
    scratch: Scratch,
    port: u16,
    server: Option<Child>,
}

impl Samba {
    /// Starts a server; none, with a word why, if that cannot be done here.
    pub(super) fn start() -> Option<Samba> {
        if !["smbd", "smbpasswd", "setpriv"].iter().all(|program| has(program)) {
            skip("smbd, smbpasswd or setpriv is missing: install samba and util-linux");
            return None;
        }
        let root = fs::metadata("/proc/self").is_ok_and(|about| {
            use std::os::unix::fs::MetadataExt;
            about.uid() == 0
        });
        if !root {
            skip("smbd has to be started by root");
            return None;
        }
        let (scratch, port) = (Scratch::new(), free_port());
        let mut samba = Samba { scratch, port, server: None };
        samba.configure();
        samba.restart();
        Some(samba)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.scratch.0.join(name)
    }

    /// The directory that is shared.
    pub(super) fn shared(&self) -> PathBuf {
        self.path("shared")
    }

    fn configure(&self) {
        fs::set_permissions(&self.scratch.0, Permissions::from_mode(0o755)).expect("open to all");
        for name in ["private", "lock", "state", "cache", "pid", "rpc", "shared", "shared/dag"] {
            fs::create_dir(self.path(name)).expect("a directory");
        }
        for name in ["shared", "shared/dag"] {
            fs::set_permissions(self.path(name), Permissions::from_mode(0o777)).expect("open");
        }
        let (at, port) = (self.scratch.0.display(), self.port);
        let text = format!(
            "[global]\nserver role = standalone server\nsmb ports = {port}\ninterfaces = lo\n\
             bind interfaces only = yes\ndisable netbios = yes\nload printers = no\n\
             printcap name = /dev/null\ndisable spoolss = yes\nmap to guest = never\n\
             private dir = {at}/private\nlock directory = {at}/lock\n\
             state directory = {at}/state\ncache directory = {at}/cache\n\
             pid directory = {at}/pid\nncalrpc dir = {at}/rpc\nlog file = {at}/log\n\
             passdb backend = tdbsam:{at}/private/passdb.tdb\n\
             [witness]\npath = {at}/shared\nread only = no\n\
             [readonly]\npath = {at}/shared\nread only = yes\n"
        );
        fs::write(self.path("smb.conf"), text).expect("a configuration");
        let mut command = Command::new("smbpasswd");
        command.arg("-c").arg(self.path("smb.conf")).args(["-s", "-a", USER]);
        command.stdin(Stdio::piped()).stdout(Stdio::null());
        let mut child = command.spawn().expect("smbpasswd");
        let mut to = child.stdin.take().expect("its input");
        write!(to, "{PASSWORD}\n{PASSWORD}\n").expect("it listens");
        drop(to);
        assert!(child.wait().expect("its end").success(), "smbpasswd");
        self.write_password("password", PASSWORD);
        self.write_password("wrong", "wrong horse");
    }

    fn write_password(&self, name: &str, password: &str) {
        fs::write(self.path(name), format!("{password}\n")).expect("a password file");
        fs::set_permissions(self.path(name), Permissions::from_mode(0o600)).expect("closed");
    }

    /// Starts the server and waits until it listens.
    pub(super) fn restart(&mut self) {
        self.stop();
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "smbd", "--foreground", "--no-process-group", "-s"]);
        command.arg(self.path("smb.conf")).process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.server = Some(command.spawn().expect("smbd"));
        let begin = Instant::now();
        while TcpStream::connect(self.address()).is_err() {
            assert!(begin.elapsed() < ENOUGH, "smbd does not listen; see {:?}", self.path("log"));
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Sends a signal to the server and all its children.
    pub(super) fn signal(&self, name: &str) {
        if let Some(server) = &self.server {
            let group = format!("-{}", server.id());
            let sent = Command::new("kill").args(["-s", name, "--", &group]).status();
            assert!(sent.is_ok_and(|status| status.success()), "kill -{name}");
        }
    }

    /// Ends the server with kill -9, and waits until none of its children has its port any more:
    /// one that is slow to die would still take a connection, or keep the next server from it.
    pub(super) fn stop(&mut self) {
        self.signal("KILL");
        let Some(mut server) = self.server.take() else { return };
        let _ = server.wait();
        let begin = Instant::now();
        while TcpListener::bind(self.address()).is_err() && begin.elapsed() < ENOUGH {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    pub(super) fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    pub(super) fn settings(&self) -> ShareSettings {
        ShareSettings {
            server: self.address(),
            share: "witness".to_owned(),
            folder: "dag".to_owned(),
            user: USER.to_owned(),
            domain: String::new(),
            password_file: self.path("password"),
        }
    }

    /// Settings with the wrong password.
    pub(super) fn wrong_password(&self) -> ShareSettings {
        ShareSettings { password_file: self.path("wrong"), ..self.settings() }
    }

    pub(super) fn witness(&self) -> Witness {
        Witness::new(Place::Share(self.settings())).expect("a password")
    }

    /// Connections to the server from this machine that are established.
    pub(super) fn connections(&self) -> usize {
        let remote = format!("0100007F:{:04X}", self.port);
        let table = fs::read_to_string("/proc/net/tcp").expect("/proc/net/tcp");
        let established = |line: &&str| {
            let mut words = line.split_whitespace().skip(2);
            words.next() == Some(&*remote) && words.next() == Some("01")
        };
        table.lines().filter(established).count()
    }
}

impl Drop for Samba {
    fn drop(&mut self) {
        if std::thread::panicking() && variable("WITNESS_KEEP_LOG").is_some() {
            let log = fs::read_to_string(self.path("log")).unwrap_or_default();
            eprintln!("{log}");
        }
        self.stop();
    }
}

/// A port that nobody uses. Below those that the kernel gives to whoever connects: a connection to
/// one of them where nobody listens may come from that same port, and then it is its own answer.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let offset = u16::try_from(std::process::id() % 400).unwrap_or(0) * 20;
    loop {
        let port = 23000 + (offset + NEXT.fetch_add(1, Ordering::Relaxed)) % 8000;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}
