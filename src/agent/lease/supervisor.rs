//! The service manager that watches the agent: systemd's notification protocol (sd_notify(3)).

use super::Error;
use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// The way to the service manager; does nothing if there is none.
#[derive(Debug)]
pub struct Supervisor {
    way: Option<Way>,
    watchdog: Option<Duration>,
}

#[derive(Debug)]
struct Way {
    socket: UnixDatagram,
    address: SocketAddr,
    /// As it was given, for messages.
    name: String,
}

impl Supervisor {
    /// From the values of the variables of the environment `NOTIFY_SOCKET`, `WATCHDOG_USEC` and
    /// `WATCHDOG_PID`, which the caller reads, and the number of this process.
    ///
    /// # Errors
    /// [`Error::Supervisor`] if there is a socket that cannot be used, [`Error::SupervisorValue`]
    /// if one of the others is no number.
    pub fn new(
        notify_socket: Option<&OsStr>,
        watchdog_usec: Option<&OsStr>,
        watchdog_pid: Option<&OsStr>,
        process: u32,
    ) -> Result<Supervisor, Error> {
        let way = notify_socket.filter(|name| !name.is_empty()).map(open).transpose()?;
        let for_another = number("WATCHDOG_PID", watchdog_pid)?
            .is_some_and(|watched| watched != u64::from(process));
        let watchdog = number("WATCHDOG_USEC", watchdog_usec)?
            .filter(|microseconds| *microseconds > 0 && way.is_some() && !for_another)
            .map(Duration::from_micros);
        Ok(Supervisor { way, watchdog })
    }

    /// No service manager.
    pub const fn nobody() -> Supervisor {
        Supervisor { way: None, watchdog: None }
    }

    /// The service's `WatchdogSec=`: how often [`alive`](Self::alive) must be called at the least,
    /// half of it is advised; none if nobody watches.
    pub const fn watchdog(&self) -> Option<Duration> {
        self.watchdog
    }

    /// The agent has joined and is at work.
    ///
    /// # Errors
    /// [`Error::Supervisor`], also if the service manager does not read what it is told: nothing
    /// here ever waits for it.
    pub fn ready(&self) -> Result<(), Error> {
        self.tell("READY=1")
    }

    /// The agent's loop turns. To be called from the loop that renews the leases.
    ///
    /// # Errors
    /// As [`ready`](Self::ready).
    pub fn alive(&self) -> Result<(), Error> {
        self.tell("WATCHDOG=1")
    }

    /// The agent ends in good order.
    ///
    /// # Errors
    /// As [`ready`](Self::ready).
    pub fn stopping(&self) -> Result<(), Error> {
        self.tell("STOPPING=1")
    }

    /// One line for `systemctl status`.
    ///
    /// # Errors
    /// As [`ready`](Self::ready).
    pub fn status(&self, line: &str) -> Result<(), Error> {
        // A line break would begin another assignment.
        self.tell(&format!("STATUS={}", line.replace('\n', " ")))
    }

    fn tell(&self, state: &str) -> Result<(), Error> {
        let Some(way) = &self.way else { return Ok(()) };
        match way.socket.send_to_addr(state.as_bytes(), &way.address) {
            Ok(_) => Ok(()),
            Err(source) => Err(Error::Supervisor { socket: way.name.clone(), source }),
        }
    }
}

/// A socket that never waits. It is not connected, so that it outlives the other side's restart.
fn open(name: &OsStr) -> Result<Way, Error> {
    let text = name.to_string_lossy().into_owned();
    let opened = || {
        let address = match name.as_bytes() {
            [b'@', rest @ ..] => SocketAddr::from_abstract_name(rest)?,
            [b'/', ..] => SocketAddr::from_pathname(name)?,
            _ => {
                let what = "expected a path, or @ and an abstract name";
                return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
            }
        };
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        Ok((socket, address))
    };
    match opened() {
        Ok((socket, address)) => Ok(Way { socket, address, name: text }),
        Err(source) => Err(Error::Supervisor { socket: text, source }),
    }
}

fn number(variable: &'static str, value: Option<&OsStr>) -> Result<Option<u64>, Error> {
    let Some(value) = value else { return Ok(None) };
    match value.to_str().and_then(|text| text.parse().ok()) {
        Some(number) => Ok(Some(number)),
        None => {
            let value = value.to_string_lossy().into_owned();
            Err(Error::SupervisorValue { variable, value })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsString;

    fn heard(socket: &UnixDatagram) -> String {
        let mut room = [0; 256];
        let length = socket.recv(&mut room).unwrap();
        String::from_utf8(room[..length].to_vec()).unwrap()
    }

    #[test]
    fn without_a_service_manager_nothing_happens() {
        let usec = Some(OsStr::new("1000000"));
        for none in [None, Some(OsStr::new(""))] {
            let supervisor = Supervisor::new(none, usec, None, 1).unwrap();
            assert_eq!(supervisor.watchdog(), None);
            supervisor.ready().unwrap();
            supervisor.alive().unwrap();
            supervisor.stopping().unwrap();
        }
    }

    #[test]
    fn what_is_told_arrives_by_path_and_by_abstract_name() {
        let unique = format!("dagtwin-supervisor-{}", std::process::id());
        let path = std::env::temp_dir().join(&unique);
        let _ = std::fs::remove_file(&path);
        let abstract_name = SocketAddr::from_abstract_name(&unique).unwrap();
        let table = [
            (path.clone().into_os_string(), UnixDatagram::bind(&path)),
            (OsString::from(format!("@{unique}")), UnixDatagram::bind_addr(&abstract_name)),
        ];
        for (name, socket) in table {
            let socket = socket.unwrap();
            let supervisor = Supervisor::new(Some(&name), None, None, 1).unwrap();
            supervisor.ready().unwrap();
            supervisor.alive().unwrap();
            supervisor.status("two\nREADY=0").unwrap();
            supervisor.stopping().unwrap();
            let expected = ["READY=1", "WATCHDOG=1", "STATUS=two READY=0", "STOPPING=1"];
            assert_eq!(expected.map(|_| heard(&socket)), expected);
        }
        std::fs::remove_file(&path).unwrap();
        // Nobody is there any more.
        let supervisor = Supervisor::new(Some(path.as_os_str()), None, None, 1).unwrap();
        assert!(supervisor.ready().unwrap_err().to_string().contains("NOTIFY_SOCKET"));
    }

    #[test]
    fn a_service_manager_that_does_not_read_is_not_waited_for() {
        let name = SocketAddr::from_abstract_name(format!("full-{}", std::process::id())).unwrap();
        let _deaf = UnixDatagram::bind_addr(&name).unwrap();
        let name = OsString::from(format!("@full-{}", std::process::id()));
        let supervisor = Supervisor::new(Some(&name), None, None, 1).unwrap();
        let full = (0..100_000).find_map(|_| supervisor.alive().err()).expect("it takes them all");
        let Error::Supervisor { source, .. } = full else { panic!("{full}") };
        assert_eq!(source.kind(), io::ErrorKind::WouldBlock);
    }

    #[test]
    fn whom_the_watchdog_is_for() {
        let socket = Some(OsStr::new("@nobody"));
        let watchdog = |usec: &str, pid: Option<&str>| {
            let (usec, pid) = (Some(OsStr::new(usec)), pid.map(OsStr::new));
            Supervisor::new(socket, usec, pid, 7).map(|supervisor| supervisor.watchdog())
        };
        assert_eq!(watchdog("1500000", None).unwrap(), Some(Duration::from_millis(1500)));
        assert_eq!(watchdog("1500000", Some("7")).unwrap(), Some(Duration::from_millis(1500)));
        assert_eq!(watchdog("1500000", Some("8")).unwrap(), None);
        assert_eq!(watchdog("0", None).unwrap(), None);
        assert!(watchdog("x", None).unwrap_err().to_string().contains("WATCHDOG_USEC=x"));
        assert!(Supervisor::new(Some(OsStr::new("vsock:2:1")), None, None, 7).is_err());
    }
}
