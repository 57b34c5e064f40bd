//! DC01: BIND with a zone that takes signed updates, and Samba with the witness's share.

use crate::ground::{feed, ms, wait_for};
use crate::machine::{Machine, Process};
use crate::space::Space;
use crate::switch::Network;
use std::fs::{self, Permissions};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// The number of DC01's address.
pub(crate) const NUMBER: u8 = 10;
pub(crate) const USER: &str = "nobody";
const PASSWORD: &str = "right horse";
const KEY: &str = "key \"agents\" {\n\talgorithm hmac-sha256;\n\tsecret \
                   \"bm8gc2VjcmV0IGF0IGFsbCwgaXQgaXMgZm9yIGEgdGVzdA==\";\n};\n";

/// The servers of DC01.
pub(crate) struct Servers {
    folder: PathBuf,
    pub(crate) dns: Option<Process>,
    pub(crate) witness: Option<Process>,
}

impl Servers {
    /// Makes what they need in a folder, which everybody sees.
    pub(crate) fn new(folder: &Path) -> Servers {
        let folder = folder.join("dc01");
        for name in ["", "dns", "private", "lock", "state", "cache", "pid", "rpc", "shared"] {
            fs::create_dir(folder.join(name)).expect("a folder");
        }
        fs::set_permissions(folder.join("shared"), Permissions::from_mode(0o777)).expect("open");
        let secret = |name: &str, text: &str| {
            fs::write(folder.join(name), text).expect("a file");
            fs::set_permissions(folder.join(name), Permissions::from_mode(0o600)).expect("closed");
        };
        secret("dns.key", KEY);
        secret("witness.password", &format!("{PASSWORD}\n"));
        let servers = Servers { folder, dns: None, witness: None };
        servers.configure_dns();
        servers.configure_witness();
        servers
    }

    /// Keeps the share, and what Samba keeps beside it, in DC01's memory: a record is flushed at
    /// every beat of an owner, and the machine's disk and its other users are not measured.
    pub(crate) fn keep_in_memory(&self, on: &Space) {
        for (name, mode) in [("shared", "777"), ("lock", "755"), ("state", "755"), ("cache", "755")]
        {
            let at = self.file(name);
            let at = at.to_str().expect("a plain path");
            on.run(&format!("mount -t tmpfs -o mode={mode} tmpfs {at}"));
        }
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn configure_dns(&self) {
        let (at, address) = (self.folder.display(), Network::Mapi.address(NUMBER));
        let text = format!(
            "{KEY}options {{\n directory \"{at}/dns\";\n listen-on {{ {address}; }};\n \
             listen-on-v6 {{ none; }};\n pid-file none;\n session-keyfile none;\n recursion no;\n \
             dnssec-validation no;\n notify no;\n empty-zones-enable no;\n}};\ncontrols {{ }};\n\
             zone \"bed.test\" {{\n type primary;\n file \"bed.zone\";\n update-policy {{\n  \
             grant agents name casarray.bed.test. A;\n  grant agents name beddag.bed.test. A;\n \
             }};\n}};\n"
        );
        fs::write(self.file("named.conf"), text).expect("a file");
        let zone = format!(
            "$ORIGIN bed.test.\n$TTL 300\n@ SOA dc01 hostmaster 1 3600 600 86400 60\n@ NS dc01\n\
             dc01 A {address}\n"
        );
        fs::write(self.file("dns/bed.zone"), zone).expect("a file");
    }

    fn configure_witness(&self) {
        let at = self.folder.display();
        let text = format!(
            "[global]\nserver role = standalone server\ndisable netbios = yes\n\
             load printers = no\nprintcap name = /dev/null\ndisable spoolss = yes\n\
             map to guest = never\nprivate dir = {at}/private\nlock directory = {at}/lock\n\
             state directory = {at}/state\ncache directory = {at}/cache\n\
             pid directory = {at}/pid\nncalrpc dir = {at}/rpc\nlog file = {at}/smbd.log\n\
             passdb backend = tdbsam:{at}/private/passdb.tdb\n\
             [witness]\npath = {at}/shared\nread only = no\n"
        );
        let file = self.file("smb.conf");
        fs::write(&file, text).expect("a file");
        let mut command = std::process::Command::new("smbpasswd");
        command.arg("-c").arg(&file).args(["-s", "-a", USER]);
        feed(&mut command, &format!("{PASSWORD}\n{PASSWORD}\n"));
    }

    pub(crate) fn start_dns(&mut self, on: &Machine) {
        let (file, log) = (self.file("named.conf"), self.file("named.log"));
        let file = file.to_str().expect("a plain path");
        // Its log of an earlier life would say that it serves.
        let _ = fs::remove_file(&log);
        let process = on.start(&["/usr/sbin/named", "-g", "-n", "1", "-c", file], &log);
        self.dns = Some(process);
        let serves = wait_for(ms(20_000), || {
            let text = fs::read_to_string(&log).unwrap_or_default();
            let serves = text.lines().any(|line| line.ends_with(" running"));
            if serves { Ok(()) } else { Err(text) }
        });
        serves.expect("named serves");
    }

    /// Starts it; from a client's namespace it can be waited for.
    pub(crate) fn start_witness(&mut self, on: &Machine) {
        let (file, log) = (self.file("smb.conf"), self.file("smbd.out"));
        let file = file.to_str().expect("a plain path");
        let words = ["/usr/sbin/smbd", "--foreground", "--no-process-group", "-s", file];
        self.witness = Some(on.start(&words, &log));
    }

    /// Waits until the witness's share is served; called where its address is reached.
    pub(crate) fn await_witness() -> Result<(), String> {
        let address = format!("{}:445", Network::Mapi.address(NUMBER));
        wait_for(ms(20_000), || {
            TcpStream::connect(&address).map(drop).map_err(|error| error.to_string())
        })
    }
}
