//! What an instance is made of, checked once.

use super::error::Error;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The number of a node, as in the state machine's node identities.
pub type Node = u8;

/// The role that the agent uses inside the instance; over the local socket only.
pub(super) const AGENT_ROLE: &str = "dagtwin";
/// Longest path of a socket in the file system.
const SOCKET_PATH_MAX: usize = 107;

/// The system user that an instance runs as. PostgreSQL refuses to run as root.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SystemUser {
    /// Its name, as in /etc/passwd.
    pub name: String,
    /// Its number.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
}

impl SystemUser {
    /// Looks a user up in /etc/passwd by name. It blocks for one small read.
    ///
    /// # Errors
    /// `File` if that cannot be read, `Setting` if nobody has the name.
    pub fn named(name: &str) -> Result<SystemUser, Error> {
        passwd(|user| user.name == name, name)
    }

    /// The user that the agent itself runs as.
    ///
    /// # Errors
    /// As for [`SystemUser::named`].
    pub fn current() -> Result<SystemUser, Error> {
        let uid = rustix::process::geteuid().as_raw();
        passwd(|user| user.uid == uid, &uid.to_string())
    }
}

fn passwd(wanted: impl Fn(&SystemUser) -> bool, what: &str) -> Result<SystemUser, Error> {
    let path = "/etc/passwd";
    let text = std::fs::read_to_string(path).map_err(|error| Error::file("read", path, error))?;
    text.lines().filter_map(user).find(wanted).ok_or_else(|| Error::Setting {
        setting: "user",
        found: what.to_owned(),
        expected: "a user in /etc/passwd (apt-get install postgresql makes postgres)",
    })
}

fn user(line: &str) -> Option<SystemUser> {
    let mut fields = line.split(':');
    let name = fields.next()?.to_owned();
    let mut numbers = fields.skip(1).map(str::parse);
    let (uid, gid) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    Some(SystemUser { name, uid, gid })
}

/// How long to wait for what. Every one may be changed by the caller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// For an answer of the local instance: 1 s (assumed; measured 0.4 ms, linux-ha.md §9).
    pub answer: Duration,
    /// For a connection to a peer and each answer of it: 2 s (assumed).
    pub peer: Duration,
    /// For an instance that starts, its repair after a crash included: 60 s (assumed).
    pub start: Duration,
    /// For `pg_rewind`: 10 minutes (assumed; measured 0.5 s for a small one, linux-ha.md §9).
    pub mend: Duration,
    /// Until a peer that has fallen silent is taken for disconnected: 5 s (assumed).
    pub silence: Duration,
    /// How long a new copy may be Initializing before it is disconnected: 30 s (exchange.md
    /// §1.8).
    pub initializing: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            answer: Duration::from_secs(1),
            peer: Duration::from_secs(2),
            start: Duration::from_secs(60),
            mend: Duration::from_secs(600),
            silence: Duration::from_secs(5),
            initializing: Duration::from_secs(30),
        }
    }
}

/// A mailbox database's instance on this host.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    /// The database: lower-case letters, digits and `-`, at most 40.
    pub name: String,
    /// This node.
    pub node: Node,
    /// The instance's home, for it alone: `data` (the data directory), `log`, `state` and the
    /// configuration are in it.
    pub directory: PathBuf,
    /// TCP port.
    pub port: u16,
    /// Addresses that it listens on.
    pub listen: Vec<IpAddr>,
    /// Where `postgres`, `initdb`, `pg_basebackup` and `pg_rewind` are.
    pub binaries: PathBuf,
    /// Whom it runs as; another one than the agent's own only if the agent is root.
    pub user: SystemUser,
    /// The role that copies log in as: lower-case letters, digits and `_`.
    pub replication_user: String,
    /// A file with that role's password: one line, for nobody else to read.
    pub password_file: PathBuf,
    /// Where the instances of the other copies are, best address first.
    pub peers: BTreeMap<Node, Vec<SocketAddr>>,
    /// Networks whose hosts may log in with a password, apart from the peers.
    pub clients: Vec<(IpAddr, u8)>,
    /// Whether commits may be made to wait for another copy.
    pub synchronous: bool,
    /// Most log, in MB, that is kept for a copy that does not fetch it
    /// (`max_slot_wal_keep_size`); from 16 up.
    pub keep_for_copies: u32,
    /// How far behind the replay of this copy stays (ReplayLagTime, exchange.md §1.7).
    pub replay_lag: Duration,
    /// Free bytes on the disk under which a full disk is told: 16 MB is a good value (assumed).
    pub least_free: u64,
    /// Other server parameters, such as `shared_buffers`. Those set here win.
    pub parameters: BTreeMap<String, String>,
    /// Time limits.
    pub limits: Limits,
}

impl Settings {
    /// Checks everything that can be checked without the instance.
    ///
    /// # Errors
    /// `Setting`, with what was found and what is expected.
    pub(super) fn check(&self) -> Result<(), Error> {
        let wrong =
            |setting, found: String, expected| Err(Error::Setting { setting, found, expected });
        let name = |name: &str, also: u8, most: usize| {
            let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == also;
            (1..=most).contains(&name.len()) && name.bytes().all(fits)
        };
        if !name(&self.name, b'-', 40) {
            return wrong("name", self.name.clone(), "1 to 40 of a-z, 0-9 and -");
        }
        if !name(&self.replication_user, b'_', 40)
            || self.replication_user == AGENT_ROLE
            || self.replication_user.starts_with("pg_")
        {
            let found = self.replication_user.clone();
            return wrong(
                "replication_user",
                found,
                "1 to 40 of a-z, 0-9 and _, not dagtwin or pg_*",
            );
        }
        for (setting, path) in [
            ("directory", &self.directory),
            ("binaries", &self.binaries),
            ("password_file", &self.password_file),
        ] {
            let plain = path.to_str().is_some_and(|text| !text.contains(['\n', '\r', '\0']));
            if !path.is_absolute() || !plain {
                return wrong(setting, path.display().to_string(), "an absolute path in UTF-8");
            }
        }
        let socket = self.socket_directory().join(format!(".s.PGSQL.{}", self.port));
        if socket.as_os_str().len() > SOCKET_PATH_MAX {
            let found = socket.display().to_string();
            return wrong("directory", found, "a socket's path of at most 107 bytes");
        }
        if self.port == 0 {
            return wrong("port", "0".to_owned(), "1 to 65535");
        }
        if self.listen.is_empty() {
            return wrong("listen", "none".to_owned(), "at least one address");
        }
        if self.peers.contains_key(&self.node) {
            return wrong("peers", self.node.to_string(), "other nodes only");
        }
        if let Some((node, _)) = self.peers.iter().find(|(_, addresses)| addresses.is_empty()) {
            return wrong(
                "peers",
                format!("{node} without an address"),
                "an address for each peer",
            );
        }
        if let Some((network, bits)) =
            self.clients.iter().find(|(ip, bits)| *bits > if ip.is_ipv4() { 32 } else { 128 })
        {
            return wrong("clients", format!("{network}/{bits}"), "a prefix that the address has");
        }
        if self.keep_for_copies < 16 {
            return wrong("keep_for_copies", self.keep_for_copies.to_string(), "16 MB or more");
        }
        if self.replay_lag > Duration::from_secs(14 * 86400) {
            return wrong("replay_lag", format!("{:?}", self.replay_lag), "at most 14 days");
        }
        self.check_user().and_then(|()| self.check_parameters())
    }

    fn check_user(&self) -> Result<(), Error> {
        let own = rustix::process::geteuid().as_raw();
        let found = format!("{} ({})", self.user.name, self.user.uid);
        let expected = if self.user.uid == 0 {
            "not root: PostgreSQL refuses it"
        } else if own != 0 && own != self.user.uid {
            "the agent's own user, as the agent is not root"
        } else {
            return Ok(());
        };
        Err(Error::Setting { setting: "user", found, expected })
    }

    fn check_parameters(&self) -> Result<(), Error> {
        for (key, value) in &self.parameters {
            let plain = |b: u8| b.is_ascii_lowercase() || b == b'_' || b == b'.';
            if key.is_empty() || !key.bytes().all(plain) || value.contains(['\n', '\r', '\0']) {
                return Err(Error::Setting {
                    setting: "parameters",
                    found: format!("{key} = {value}"),
                    expected: "a name of a-z, _ and . and a value on one line",
                });
            }
        }
        Ok(())
    }

    /// The data directory.
    pub fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// The directory of its local socket.
    pub fn socket_directory(&self) -> PathBuf {
        self.directory.join("socket")
    }

    /// The directory of its log files.
    pub(super) fn wal(&self) -> PathBuf {
        self.data().join("pg_wal")
    }

    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.binaries.join(name)
    }

    /// What a copy calls itself to the active one; its replication slot has the same name.
    pub(super) fn copy_name(node: Node) -> String {
        format!("copy_{node}")
    }

    /// The password of the role that copies log in as. It blocks for one small read.
    ///
    /// # Errors
    /// `File`, or `Content` if it is not one line.
    pub(super) fn password(&self) -> Result<String, Error> {
        read_secret(&self.password_file)
    }
}

fn read_secret(path: &Path) -> Result<String, Error> {
    let text = std::fs::read_to_string(path).map_err(|error| Error::file("read", path, error))?;
    let line = text.trim_end_matches(['\r', '\n']);
    if line.is_empty() || line.contains(['\n', '\r', '\0']) {
        return Err(Error::Content {
            path: path.display().to_string(),
            found: format!("{} lines", text.lines().count()),
            expected: "a password on one line",
        });
    }
    Ok(line.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings {
            name: "db1".to_owned(),
            node: 0,
            directory: "/var/lib/dagtwin/db1".into(),
            port: 43000,
            listen: vec![IpAddr::from([127, 0, 0, 1])],
            binaries: "/usr/lib/postgresql/15/bin".into(),
            user: SystemUser {
                name: "x".to_owned(),
                uid: rustix::process::geteuid().as_raw().max(1),
                gid: 1,
            },
            replication_user: "replication".to_owned(),
            password_file: "/etc/dagtwin/password".into(),
            peers: BTreeMap::from([(1, vec![SocketAddr::from(([127, 0, 0, 2], 43001))])]),
            clients: vec![(IpAddr::from([10, 0, 0, 0]), 8)],
            synchronous: true,
            keep_for_copies: 1024,
            replay_lag: Duration::ZERO,
            least_free: 16 << 20,
            parameters: BTreeMap::new(),
            limits: Limits::default(),
        }
    }

    #[test]
    fn wrong_settings_are_named() {
        settings().check().expect("right ones");
        type Change = fn(&mut Settings);
        let table: [(&str, Change); 17] = [
            ("name", |s| s.name = "DB 1".to_owned()),
            ("name", |s| s.name = String::new()),
            ("replication_user", |s| s.replication_user = "dagtwin".to_owned()),
            ("replication_user", |s| s.replication_user = "pg_x".to_owned()),
            ("replication_user", |s| s.replication_user = "a'b".to_owned()),
            ("directory", |s| s.directory = "db1".into()),
            ("directory", |s| s.directory = format!("/{}", "x".repeat(90)).into()),
            ("password_file", |s| s.password_file = "/a\nb".into()),
            ("port", |s| s.port = 0),
            ("listen", |s| s.listen.clear()),
            ("peers", |s| s.node = 1),
            ("peers", |s| s.peers.get_mut(&1).expect("a peer").clear()),
            ("clients", |s| s.clients[0].1 = 33),
            ("keep_for_copies", |s| s.keep_for_copies = 15),
            ("replay_lag", |s| s.replay_lag = Duration::from_secs(15 * 86400)),
            ("user", |s| s.user.uid = 0),
            ("parameters", |s| drop(s.parameters.insert("a\nb".to_owned(), String::new()))),
        ];
        for (expected, change) in table {
            let mut changed = settings();
            change(&mut changed);
            match changed.check() {
                Err(Error::Setting { setting, .. }) => assert_eq!(setting, expected),
                other => panic!("{expected}: {other:?}"),
            }
        }
    }

    #[test]
    fn users_are_found_by_name_and_number() {
        assert_eq!(SystemUser::named("root").expect("root").uid, 0);
        assert!(SystemUser::named("no such user").is_err());
        assert!(SystemUser::current().is_ok());
        assert_eq!(user("broken:x"), None);
    }
}
