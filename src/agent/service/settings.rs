//! What a resource is, as an administrator writes it down.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// One resource. Nothing is started from settings that were not checked: see
/// [`Settings::check`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    /// The resource's name: 1 to 64 of `A-Z a-z 0-9 _ . -`, not starting with `.` or `-`. A
    /// resource agent gets it as `OCF_RESOURCE_INSTANCE`. Unique on the host.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// How long its actions may take.
    pub limits: Limits,
    /// Directory of the agent's own for what has to outlive it: pid files. On a file system that a
    /// reboot empties. With the name it is the mark that every process of the resource carries in
    /// its environment, so it must stay the same from one life of the agent to the next.
    pub run_directory: PathBuf,
    /// A cgroup (version 2) that the agent may make cgroups in, as systemd's `Delegate=yes` gives
    /// it. Every process of the resource then lives in `<cgroup>/<name>`, which nothing leaves by
    /// forking. None: processes are found by process group, mark and parent, which a daemon that
    /// starts a session of its own *and* overwrites its environment escapes.
    pub cgroup: Option<PathBuf>,
    /// `PATH` of every child, and where programs without a slash are searched.
    pub path: String,
    /// Added to the children's otherwise empty environment; see the module's documentation.
    pub environment: BTreeMap<String, String>,
}

impl Settings {
    /// A resource with everything as usual.
    pub fn new(name: impl Into<String>, kind: Kind) -> Self {
        Settings {
            name: name.into(),
            kind,
            limits: Limits::default(),
            run_directory: PathBuf::from("/run/dagtwin/service"),
            cgroup: None,
            path: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned(),
            environment: BTreeMap::new(),
        }
    }
}

/// What a resource is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A systemd unit.
    Unit(Unit),
    /// Commands that start, stop and probe it.
    Command(Command),
    /// A long-running child of the agent.
    Run(Run),
    /// A resource agent of the Open Cluster Framework, version 1.1.
    Ocf(Ocf),
}

/// A systemd unit, by `systemctl`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unit {
    /// The unit with its suffix: `nginx.service`.
    pub unit: String,
    /// The client.
    pub systemctl: PathBuf,
    /// A directory that exists only where systemd is process 1 (sd_booted(3)).
    pub booted: PathBuf,
}

impl Unit {
    /// A unit of this host.
    pub fn new(unit: impl Into<String>) -> Self {
        Unit {
            unit: unit.into(),
            systemctl: PathBuf::from("systemctl"),
            booted: PathBuf::from("/run/systemd/system"),
        }
    }
}

/// Plain commands. Each is a program and its arguments; no shell reads them. Exit status 0 is yes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Command {
    /// Starts it, and ends when it is up. What it leaves running is part of the resource.
    pub start: Vec<String>,
    /// Stops it, and ends when it is down. Also asked when it is down already.
    pub stop: Vec<String>,
    /// The cheap health check. None: told as alive.
    pub looks_alive: Option<Vec<String>>,
    /// The thorough health check. None: `looks_alive`.
    pub is_alive: Option<Vec<String>>,
}

/// A long-running child: it is the resource as long as it runs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Run {
    /// The program and its arguments; no shell reads them. It must stay in the foreground.
    pub command: Vec<String>,
    /// How long its process group may take from SIGTERM on before it gets SIGKILL.
    pub grace: Duration,
    /// How long it has to run before it is online.
    pub settle: Duration,
    /// A cheap health check besides that it runs.
    pub looks_alive: Option<Vec<String>>,
    /// A thorough health check besides that it runs. If there is one, the resource is online only
    /// once it says yes; it is asked every [`settle`](Run::settle).
    pub is_alive: Option<Vec<String>>,
}

impl Run {
    /// A child with grace 10 s and settle 200 ms (both assumed).
    pub fn new(command: Vec<String>) -> Self {
        Run {
            command,
            grace: Duration::from_secs(10),
            settle: Duration::from_millis(200),
            looks_alive: None,
            is_alive: None,
        }
    }
}

/// A resource agent as it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ocf {
    /// The agent: `/usr/lib/ocf/resource.d/heartbeat/IPaddr2`.
    pub agent: PathBuf,
    /// `OCF_ROOT`.
    pub root: PathBuf,
    /// Its parameters without `OCF_RESKEY_`.
    pub parameters: BTreeMap<String, String>,
    /// `OCF_CHECK_LEVEL` of IsAlive (LooksAlive has 0). None: the deepest monitor that the agent
    /// declares, up to 10; 20 may be intrusive and has to be asked for.
    pub check_level: Option<u8>,
    /// Whether [`Settings::check`] has the agent itself look at the parameters (`validate-all`).
    pub validate: bool,
}

impl Ocf {
    /// An agent without parameters under `/usr/lib/ocf`.
    pub fn new(agent: impl Into<PathBuf>) -> Self {
        Ocf {
            agent: agent.into(),
            root: PathBuf::from("/usr/lib/ocf"),
            parameters: BTreeMap::new(),
            check_level: None,
            validate: true,
        }
    }

    /// The same with one more parameter.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.parameters.insert(name.into(), value.into());
        self
    }
}

/// How long actions may take in all; then the process group of the program that takes too long gets
/// SIGKILL. None: what a resource agent's meta-data says (the `monitor`
/// of depth 0 for LooksAlive, that of the check level for IsAlive, `stop` for Terminate up to the
/// default below), else the default.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Limits {
    /// Default 180 s: PendingTimeout (wsfc.md §4.2).
    pub online: Option<Duration>,
    /// Default 180 s, as for online.
    pub offline: Option<Duration>,
    /// Default 20 s (assumed). Holds for each of the two tries of a stop; see
    /// [`Service::terminate`](super::Service::terminate).
    pub terminate: Option<Duration>,
    /// Default 5 s: LooksAlivePollInterval (wsfc.md §4.2), so that polls do not overtake it.
    pub looks_alive: Option<Duration>,
    /// Default 20 s (assumed; what most resource agents name for `monitor`).
    pub is_alive: Option<Duration>,
}

/// Limits of which none is open.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Bounds {
    pub(super) online: Duration,
    pub(super) offline: Duration,
    pub(super) terminate: Duration,
    pub(super) looks_alive: Duration,
    pub(super) is_alive: Duration,
}

/// PendingTimeout (wsfc.md §4.2).
const PENDING: Duration = Duration::from_secs(180);
/// Assumed.
const TERMINATE: Duration = Duration::from_secs(20);
/// LooksAlivePollInterval (wsfc.md §4.2).
const LOOKS_ALIVE: Duration = Duration::from_secs(5);
/// Assumed.
const IS_ALIVE: Duration = Duration::from_secs(20);

impl Limits {
    /// Closes what is open: by `told`, what the resource says itself, else by the defaults.
    pub(super) fn closed(&self, told: &Limits) -> Bounds {
        let terminate = told.terminate.map_or(TERMINATE, |told| told.min(TERMINATE));
        Bounds {
            online: self.online.or(told.online).unwrap_or(PENDING),
            offline: self.offline.or(told.offline).unwrap_or(PENDING),
            terminate: self.terminate.unwrap_or(terminate),
            looks_alive: self.looks_alive.or(told.looks_alive).unwrap_or(LOOKS_ALIVE),
            is_alive: self.is_alive.or(told.is_alive).unwrap_or(IS_ALIVE),
        }
    }
}
