//! The files beside the data: configuration, access rules, the copy's lasting state. None of
//! them is in the data directory, because `pg_basebackup` and `pg_rewind` carry everything in it
//! from one host to the other.

use super::error::Error;
use super::position::LOG_BYTES;
use super::process;
use super::settings::{AGENT_ROLE, Node, Settings, SystemUser};
use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// A number that no process has: above the largest that Linux permits.
const NO_PROCESS: &str = "2147483647";

/// What of the configuration changes while an instance lives.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Configuration {
    /// Where it copies from.
    pub(super) source: Option<Node>,
    /// Whether replay lags as set.
    pub(super) lag: bool,
    /// Copies, one of which must have a commit before it is acknowledged.
    pub(super) acknowledging: Vec<Node>,
}

/// What is known of a copy for good: it outlives the agent.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) enum State {
    /// The data are whole.
    #[default]
    Whole,
    /// `pg_rewind` is at work, or was when the agent ended: the data are a mixture.
    Mending,
    /// The data are whole, but cannot follow the active copy any more.
    CutOff(String),
    /// The data are not whole.
    Broken(String),
}

impl State {
    fn text(&self) -> String {
        let line = |why: &str| why.replace(['\n', '\r'], " ");
        match self {
            State::Whole => "whole\n".to_owned(),
            State::Mending => "mending\n".to_owned(),
            State::CutOff(why) => format!("cut off: {}\n", line(why)),
            State::Broken(why) => format!("broken: {}\n", line(why)),
        }
    }

    fn parse(text: &str) -> State {
        let text = text.trim_end();
        match text.split_once(": ").unwrap_or((text, "")) {
            ("whole" | "", _) => State::Whole,
            ("mending", _) => State::Mending,
            ("cut off", why) => State::CutOff(why.to_owned()),
            ("broken", why) => State::Broken(why.to_owned()),
            _ => State::Broken(format!("its state file says {text:?}")),
        }
    }

    /// The state that was kept; whole if none was. It blocks.
    pub(super) fn load(settings: &Settings) -> Result<State, Error> {
        let path = settings.directory.join("state");
        match std::fs::read(&path) {
            Ok(bytes) => Ok(State::parse(&String::from_utf8_lossy(&bytes))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(State::Whole),
            Err(error) => Err(Error::file("read", path, error)),
        }
    }

    /// Keeps it on disk before it returns. It blocks.
    pub(super) fn store(&self, settings: &Settings) -> Result<(), Error> {
        let path = settings.directory.join("state");
        write(&path, self.text().as_bytes(), 0o600, &settings.user)
    }
}

/// Makes the instance's home, if it is not there. It blocks.
pub(super) fn make_home(settings: &Settings) -> Result<(), Error> {
    for directory in [&settings.directory, &settings.socket_directory()] {
        match std::fs::DirBuilder::new().mode(0o700).create(directory) {
            Ok(()) => own_path(directory, &settings.user)?,
            // A volume of its own, as it was mounted: nobody has put anything there yet.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if is_empty(directory).map_err(|error| Error::file("read", directory, error))? {
                    own_path(directory, &settings.user)?;
                }
            }
            Err(error) => return Err(Error::file("create", directory, error)),
        }
    }
    Ok(())
}

/// Whether a directory has nothing in it but what `mkfs` makes.
fn is_empty(directory: &Path) -> io::Result<bool> {
    let mut entries = std::fs::read_dir(directory)?;
    entries.try_fold(true, |empty, entry| Ok(empty && entry?.file_name() == "lost+found"))
}

fn own_path(path: &Path, user: &SystemUser) -> Result<(), Error> {
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    std::os::unix::fs::lchown(path, Some(user.uid), Some(user.gid))
        .map_err(|error| Error::file("give away", path, error))
}

/// Replaces a file as a whole, or not at all; it is on disk when this returns. A link in its
/// place is replaced, not followed.
pub(super) fn write(path: &Path, bytes: &[u8], mode: u32, user: &SystemUser) -> Result<(), Error> {
    let directory = path.parent().unwrap_or(Path::new("/"));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = directory.join(format!("{name}.new"));
    let written = (|| {
        match std::fs::remove_file(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&beside)?;
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::fchown(&file, Some(user.uid), Some(user.gid))?;
        }
        file.set_permissions(std::fs::Permissions::from_mode(mode))?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&beside, path)?;
        File::open(directory)?.sync_all()
    })();
    written.map_err(|error| Error::file("write", path, error))
}

/// Writes everything that the server reads from outside its data directory. It blocks.
pub(super) fn configure(settings: &Settings, changing: &Configuration) -> Result<(), Error> {
    let user = &settings.user;
    let at = |name: &str| settings.directory.join(name);
    let password = settings.password()?;
    let escaped = password.replace('\\', "\\\\").replace(':', "\\:");
    let entry = format!("*:*:*:{}:{escaped}\n", settings.replication_user);
    write_if_changed(&at("passfile"), entry.as_bytes(), user)?;
    write_if_changed(&at("pg_hba.conf"), access(settings).as_bytes(), user)?;
    write_if_changed(&at("pg_ident.conf"), identities(settings)?.as_bytes(), user)?;
    write_if_changed(&at("postgresql.conf"), parameters(settings, changing).as_bytes(), user)
}

fn write_if_changed(path: &Path, bytes: &[u8], user: &SystemUser) -> Result<(), Error> {
    if std::fs::read(path).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    write(path, bytes, 0o600, user)
}

/// Who may log in: the agent over the local socket, copies with their password from the peers'
/// addresses, clients with one from theirs.
fn access(settings: &Settings) -> String {
    let mut text = format!("local all {AGENT_ROLE} peer map=agent\n");
    let role = &settings.replication_user;
    for address in settings.peers.values().flatten().map(|address| address.ip()) {
        let bits = if address.is_ipv4() { 32 } else { 128 };
        for database in ["replication", "postgres"] {
            let _ = writeln!(text, "host {database} {role} {address}/{bits} scram-sha-256");
        }
    }
    let _ = writeln!(text, "host all {role},{AGENT_ROLE} all reject");
    for (network, bits) in &settings.clients {
        let _ = writeln!(text, "host all all {network}/{bits} scram-sha-256");
    }
    text
}

fn identities(settings: &Settings) -> Result<String, Error> {
    let agent = SystemUser::current()?;
    let mut text = format!("agent \"{}\" {AGENT_ROLE}\n", agent.name);
    if agent != settings.user {
        let _ = writeln!(text, "agent \"{}\" {AGENT_ROLE}", settings.user.name);
    }
    Ok(text)
}

/// Parameters that are ours; the key of each.
fn parameters(settings: &Settings, changing: &Configuration) -> String {
    let mut text = String::new();
    for (key, value) in &settings.parameters {
        let _ = writeln!(text, "{key} = {}", quoted(value));
    }
    for (key, value) in own_parameters(settings, changing) {
        let _ = writeln!(text, "{key} = {}", quoted(&value));
    }
    text
}

fn own_parameters(settings: &Settings, changing: &Configuration) -> Vec<(&'static str, String)> {
    let path = |name: &str| settings.directory.join(name).display().to_string();
    let listen: Vec<_> = settings.listen.iter().map(ToString::to_string).collect();
    let lag = if changing.lag { settings.replay_lag.as_millis() } else { 0 };
    let source = changing.source.and_then(|node| conninfo(settings, node));
    let slot = source.as_ref().map(|_| Settings::copy_name(settings.node));
    let silence = settings.limits.silence.as_millis().max(1000).to_string();
    vec![
        ("data_directory", settings.data().display().to_string()),
        ("hba_file", path("pg_hba.conf")),
        ("ident_file", path("pg_ident.conf")),
        ("external_pid_file", String::new()),
        ("listen_addresses", listen.join(",")),
        ("port", settings.port.to_string()),
        ("unix_socket_directories", quoted_in_list(&path("socket"))),
        ("unix_socket_permissions", "0700".to_owned()),
        ("password_encryption", "scram-sha-256".to_owned()),
        ("cluster_name", format!("{}/{}", settings.name, settings.node)),
        ("logging_collector", "off".to_owned()),
        ("log_destination", "stderr".to_owned()),
        ("log_line_prefix", "%m [%p] ".to_owned()),
        ("lc_messages", "C".to_owned()),
        ("wal_level", "replica".to_owned()),
        ("wal_log_hints", "on".to_owned()),
        ("full_page_writes", "on".to_owned()),
        ("fsync", "on".to_owned()),
        ("hot_standby", "on".to_owned()),
        ("archive_mode", "off".to_owned()),
        ("restore_command", String::new()),
        ("max_wal_senders", "16".to_owned()),
        ("max_replication_slots", "24".to_owned()),
        // The slots keep what copies need; pg_rewind fetches all that is there.
        ("wal_keep_size", format!("{}MB", settings.keep_for_copies.min(16))),
        ("max_slot_wal_keep_size", format!("{}MB", settings.keep_for_copies)),
        // The agent decides what happens after a crash, not the server.
        ("restart_after_crash", "off".to_owned()),
        ("recovery_target_timeline", "latest".to_owned()),
        ("recovery_min_apply_delay", lag.to_string()),
        ("promote_trigger_file", String::new()),
        // How often a copy that lacks log looks for it again; a reload makes it look at once.
        ("wal_retrieve_retry_interval", "500".to_owned()),
        ("wal_receiver_status_interval", "1".to_owned()),
        ("wal_receiver_timeout", silence.clone()),
        ("wal_sender_timeout", silence),
        ("primary_conninfo", source.unwrap_or_default()),
        ("primary_slot_name", slot.unwrap_or_default()),
        ("synchronous_standby_names", synchronous_names(&changing.acknowledging)),
    ]
}

pub(super) fn synchronous_names(nodes: &[Node]) -> String {
    if nodes.is_empty() {
        return String::new();
    }
    let names: Vec<_> = nodes.iter().map(|node| Settings::copy_name(*node)).collect();
    format!("ANY 1 ({})", names.join(", "))
}

/// What of the configuration outlives the agent: which copies commits wait for. The rest is told
/// anew. It blocks.
pub(super) fn load_configuration(settings: &Settings) -> Configuration {
    let text = std::fs::read_to_string(settings.directory.join("postgresql.conf"));
    let acknowledging = text.map(|text| acknowledging(&text)).unwrap_or_default();
    Configuration { acknowledging, ..Configuration::default() }
}

fn acknowledging(text: &str) -> Vec<Node> {
    let line = text.lines().rev().find_map(|line| {
        line.strip_prefix("synchronous_standby_names = 'ANY 1 (")?.strip_suffix(")'")
    });
    let node = |name: &str| name.trim().strip_prefix("copy_")?.parse().ok();
    line.map(|names| names.split(',').filter_map(node).collect()).unwrap_or_default()
}

/// How a program of PostgreSQL reaches a peer's instance; none for a stranger.
pub(super) fn conninfo(settings: &Settings, node: Node) -> Option<String> {
    let addresses = settings.peers.get(&node)?;
    let join = |part: fn(&std::net::SocketAddr) -> String| {
        addresses.iter().map(part).collect::<Vec<_>>().join(",")
    };
    let passfile = settings.directory.join("passfile").display().to_string();
    let passfile = passfile.replace('\\', "\\\\").replace('\'', "\\'");
    let seconds = settings.limits.peer.as_secs().max(2);
    Some(format!(
        "host={} port={} user={} dbname=postgres passfile='{passfile}' application_name={} \
         connect_timeout={seconds} tcp_user_timeout={} sslmode=disable gssencmode=disable",
        join(|address| address.ip().to_string()),
        join(|address| address.port().to_string()),
        settings.replication_user,
        Settings::copy_name(settings.node),
        settings.limits.silence.as_millis(),
    ))
}

fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\\', "\\\\").replace('\'', "''"))
}

fn quoted_in_list(value: &str) -> String {
    format!("\"{}\"", value.replace('"', "\"\""))
}

/// Takes our parameters out of `postgresql.auto.conf`, which comes with the data of another host
/// and would win over ours. What else an administrator has set there stays. It blocks.
pub(super) fn clear_auto(settings: &Settings, data: &Path) -> Result<(), Error> {
    let path = data.join("postgresql.auto.conf");
    let Ok(text) = std::fs::read_to_string(&path) else { return Ok(()) };
    let ours: Vec<&str> =
        own_parameters(settings, &Configuration::default()).iter().map(|(key, _)| *key).collect();
    let keep = |line: &&str| {
        let key = line.split(['=', ' ', '\t']).next().unwrap_or_default();
        !ours.contains(&key)
    };
    let kept: String = text.lines().filter(keep).flat_map(|line| [line, "\n"]).collect();
    if kept == text { Ok(()) } else { write(&path, kept.as_bytes(), 0o600, &settings.user) }
}

/// Makes a lock file harmless that names no server on these data: one without content, which a
/// server leaves that is killed between making it and writing it, and one whose number is another
/// process's by now, as after a power loss. No server starts over either. The rest of the file
/// stays, by which a server finds that children of an earlier one still use its memory. The caller
/// knows that no server runs. It blocks.
pub(super) fn clear_lock(settings: &Settings, data: &Path) -> Result<(), Error> {
    let path = data.join("postmaster.pid");
    let Ok(text) = std::fs::read_to_string(&path) else { return Ok(()) };
    if text.is_empty() {
        return std::fs::remove_file(&path).map_err(|error| Error::file("remove", &path, error));
    }
    let (number, rest) = text.split_once('\n').unwrap_or((&text, ""));
    if number == NO_PROCESS || process::pid_on(data).is_some() {
        return Ok(());
    }
    write(&path, format!("{NO_PROCESS}\n{rest}").as_bytes(), 0o600, &settings.user)
}

/// Removes the socket, and its lock, that a server left which ended without good order: after a
/// power loss the number in the lock may be another process's, and no server starts beside that.
/// The directory is this instance's alone, and the caller knows that its server does not run. It
/// blocks.
pub(super) fn clear_socket(settings: &Settings) -> Result<(), Error> {
    let socket = format!(".s.PGSQL.{}", settings.port);
    for name in [format!("{socket}.lock"), socket] {
        let path = settings.socket_directory().join(name);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Error::file("remove", &path, error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Makes data those of a passive copy. It blocks.
pub(super) fn set_standby(settings: &Settings, data: &Path) -> Result<(), Error> {
    let path = data.join("standby.signal");
    if path.exists() { Ok(()) } else { write(&path, b"", 0o600, &settings.user) }
}

/// Whether data are marked as those of a passive copy.
pub(super) fn is_standby(data: &Path) -> bool {
    data.join("standby.signal").exists()
}

/// Puts a log file in its place. It blocks.
pub(super) fn place_log(settings: &Settings, name: &str, bytes: &[u8]) -> Result<(), Error> {
    debug_assert_eq!(bytes.len() as u64, LOG_BYTES, "a log has 1 MB");
    write(&settings.wal().join(name), bytes, 0o600, &settings.user)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_read_as_it_is_written() {
        for state in [
            State::Whole,
            State::Mending,
            State::CutOff("the log it needs: removed".to_owned()),
            State::Broken("x".to_owned()),
        ] {
            assert_eq!(State::parse(&state.text()), state);
        }
        assert_eq!(State::parse(""), State::Whole);
        assert!(matches!(State::parse("half"), State::Broken(_)));
        assert_eq!(State::parse(&State::CutOff("a\nb".into()).text()), State::CutOff("a b".into()));
    }

    #[test]
    fn values_are_quoted_as_the_server_reads_them() {
        assert_eq!(quoted(r"it's a \ "), r"'it''s a \\ '");
        assert_eq!(synchronous_names(&[]), "");
        assert_eq!(synchronous_names(&[1, 2]), "ANY 1 (copy_1, copy_2)");
        for nodes in [vec![], vec![1], vec![1, 2]] {
            let names = quoted(&synchronous_names(&nodes));
            assert_eq!(acknowledging(&format!("synchronous_standby_names = {names}\n")), nodes);
        }
    }
}
