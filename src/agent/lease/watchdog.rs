//! The machine's watchdog: it resets the machine unless it is written to in time (the kernel's
//! watchdog-api). For what no lease covers: a kernel that runs no timers and drops no packets.

use super::Error;
use rustix::io::Errno;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::process::Command;

/// How long `wdctl` may take. Assumed.
const LIMIT: Duration = Duration::from_secs(5);
/// Says before a close that it is meant, and that the watchdog shall stop.
const MAGIC_CLOSE: &[u8] = b"V";
/// Any other byte keeps it alive.
const KEEP_ALIVE: &[u8] = b"\0";

/// Which watchdog, and how.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WatchdogSettings {
    /// The device.
    pub device: PathBuf,
    /// Its time-out, in whole seconds of at least 1; none leaves the driver's own. It should be
    /// much longer than a lease: a reset is the last resort.
    pub timeout: Option<Duration>,
    /// The `wdctl` program of util-linux; used once if there is a time-out to set. (The system call
    /// for it has no safe interface, and only one process may have the device open.)
    pub wdctl: PathBuf,
    /// Where the kernel tells of its watchdogs.
    pub class: PathBuf,
}

impl Default for WatchdogSettings {
    /// The first watchdog, with its driver's time-out.
    fn default() -> WatchdogSettings {
        WatchdogSettings {
            device: PathBuf::from("/dev/watchdog0"),
            timeout: None,
            wdctl: PathBuf::from("wdctl"),
            class: PathBuf::from("/sys/class/watchdog"),
        }
    }
}

/// A watchdog that runs. Dropped without [`close`](Self::close) it goes on running, and resets
/// the machine: that is what it is for.
#[derive(Debug)]
pub struct Watchdog {
    file: File,
    device: PathBuf,
    timeout: Option<Duration>,
}

impl Watchdog {
    /// Sets the time-out, if one is asked for, and opens the watchdog, which starts it. Bounded by
    /// 5 s. May be dropped at its await: then the watchdog is not open.
    ///
    /// # Errors
    /// [`Error::NoWatchdog`], [`Error::WatchdogInUse`], [`Error::Watchdog`],
    /// [`Error::WatchdogTimeout`] if it took another time-out; it is stopped then, unless its
    /// driver knows no stopping. [`Error::NoProgram`], [`Error::TimedOut`] of `wdctl`.
    pub async fn open(settings: &WatchdogSettings) -> Result<Watchdog, Error> {
        let device = &settings.device;
        if !device.exists() {
            return Err(Error::NoWatchdog { device: device.clone() });
        }
        let mut said = String::new();
        if let Some(timeout) = settings.timeout {
            said = set_timeout(settings, timeout).await?;
        }
        let file = OpenOptions::new().write(true).open(device);
        let file = file.map_err(|source| refused(device, source))?;
        let timeout = timeout_in_force(settings);
        let watchdog = Watchdog { file, device: device.clone(), timeout };
        match settings.timeout {
            Some(asked) if timeout != Some(asked) => {
                watchdog.close()?;
                let found =
                    timeout.map_or("an unknown one".to_owned(), |found| format!("{found:?}"));
                Err(Error::WatchdogTimeout { device: device.clone(), asked, found, said })
            }
            Some(_) | None => Ok(watchdog),
        }
    }

    /// The time-out in force; none if the kernel does not tell (CONFIG_WATCHDOG_SYSFS).
    pub const fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// Keeps the machine alive for another time-out. To be called from the loop that renews the
    /// leases, not from a task beside it.
    ///
    /// # Errors
    /// [`Error::Watchdog`].
    pub fn keep_alive(&mut self) -> Result<(), Error> {
        self.write("keep alive", KEEP_ALIVE)
    }

    /// Stops the watchdog, in good order. A driver without magic close, or with nowayout, does not
    /// stop it: then the machine is reset unless it is opened again in time.
    ///
    /// # Errors
    /// [`Error::Watchdog`].
    pub fn close(mut self) -> Result<(), Error> {
        self.write("close", MAGIC_CLOSE)
    }

    fn write(&mut self, doing: &'static str, bytes: &[u8]) -> Result<(), Error> {
        self.file.write_all(bytes).map_err(|source| Error::Watchdog {
            device: self.device.clone(),
            doing,
            source,
        })
    }
}

fn refused(device: &Path, source: io::Error) -> Error {
    let device = device.to_owned();
    match source.raw_os_error() {
        Some(code) if code == Errno::BUSY.raw_os_error() => Error::WatchdogInUse { device },
        // What a node of the file system says that no driver is behind.
        Some(code) if [Errno::NODEV, Errno::NXIO].iter().any(|e| e.raw_os_error() == code) => {
            Error::NoWatchdog { device }
        }
        _ => Error::Watchdog { device, doing: "open", source },
    }
}

/// Lets `wdctl` set the time-out; gives what it said.
async fn set_timeout(settings: &WatchdogSettings, timeout: Duration) -> Result<String, Error> {
    if timeout.is_zero() || timeout.subsec_nanos() != 0 {
        let what = format!("watchdog time-out {timeout:?}: expected whole seconds, 1 or more");
        return Err(Error::Settings { what });
    }
    let program = settings.wdctl.clone();
    let running = Command::new(&program)
        .args(["--settimeout", &timeout.as_secs().to_string()])
        .arg(&settings.device)
        .env("LC_ALL", "C")
        .kill_on_drop(true)
        .output();
    match tokio::time::timeout(LIMIT, running).await {
        // Whether it went well is read from the kernel afterwards.
        Ok(Ok(output)) => Ok(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Ok(Err(source)) => Err(Error::NoProgram { program, package: "util-linux", source }),
        Err(_) => Err(Error::TimedOut { program, limit: LIMIT }),
    }
}

fn timeout_in_force(settings: &WatchdogSettings) -> Option<Duration> {
    let name = settings.device.file_name()?;
    // The old name of the first one, which the kernel's list does not have.
    let name = if name == "watchdog" { "watchdog0".as_ref() } else { name };
    let told = settings.class.join(name).join("timeout");
    let seconds = std::fs::read_to_string(told).ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
#[path = "watchdog_tests.rs"]
mod tests;
