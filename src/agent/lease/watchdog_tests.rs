//! No test machine has a watchdog (linux-ha.md): files stand in for the device and what the
//! kernel tells of it, and a script for `wdctl`.

use super::*;
use std::os::unix::fs::PermissionsExt as _;

fn open(settings: &WatchdogSettings) -> Result<Watchdog, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(Watchdog::open(settings))
}

struct Bed {
    directory: PathBuf,
    settings: WatchdogSettings,
}

impl Bed {
    /// A watchdog with a time-out of 60 s, of which `wdctl` makes `takes`.
    fn new(name: &str, takes: &str) -> Bed {
        let directory =
            std::env::temp_dir().join(format!("dagtwin-watchdog-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&directory);
        std::fs::create_dir_all(directory.join("watchdog0")).unwrap();
        std::fs::write(directory.join("watchdog0/timeout"), "60\n").unwrap();
        std::fs::create_dir(directory.join("dev")).unwrap();
        let settings = WatchdogSettings {
            device: directory.join("dev/watchdog0"),
            timeout: None,
            wdctl: directory.join("wdctl"),
            class: directory.clone(),
        };
        std::fs::write(&settings.device, "").unwrap();
        let script = format!(
            "#!/bin/sh\necho \"$@\" >&2\necho {takes} > {}/watchdog0/timeout\n",
            directory.display()
        );
        std::fs::write(&settings.wdctl, script).unwrap();
        std::fs::set_permissions(&settings.wdctl, std::fs::Permissions::from_mode(0o755)).unwrap();
        Bed { directory, settings }
    }

    fn written(&self) -> Vec<u8> {
        std::fs::read(&self.settings.device).unwrap()
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

#[test]
fn the_old_name_of_the_first_one_is_known() {
    let mut bed = Bed::new("old-name", "60");
    bed.settings.device = bed.directory.join("dev/watchdog");
    std::fs::write(&bed.settings.device, "").unwrap();
    bed.settings.timeout = Some(Duration::from_secs(60));
    assert_eq!(open(&bed.settings).unwrap().timeout(), Some(Duration::from_secs(60)));
}

#[test]
fn kept_alive_and_closed() {
    let bed = Bed::new("alive", "60");
    let mut watchdog = open(&bed.settings).unwrap();
    assert_eq!(watchdog.timeout(), Some(Duration::from_secs(60)));
    watchdog.keep_alive().unwrap();
    watchdog.keep_alive().unwrap();
    assert_eq!(bed.written(), b"\0\0");
    watchdog.close().unwrap();
    assert_eq!(bed.written(), b"\0\0V");
}

#[test]
fn dropped_without_the_magic_close() {
    let bed = Bed::new("dropped", "60");
    drop(open(&bed.settings).unwrap());
    assert_eq!(bed.written(), b"");
}

#[test]
fn its_time_out_is_set_and_read_back() {
    let mut bed = Bed::new("set", "10");
    bed.settings.timeout = Some(Duration::from_secs(10));
    let watchdog = open(&bed.settings).unwrap();
    assert_eq!(watchdog.timeout(), bed.settings.timeout);
}

#[test]
fn another_time_out_than_asked_for_is_told_and_it_is_stopped() {
    let mut bed = Bed::new("other", "16");
    bed.settings.timeout = Some(Duration::from_secs(10));
    let said = open(&bed.settings).unwrap_err().to_string();
    assert!(said.contains("10s asked for, 16s in force"), "{said}");
    assert!(said.contains("--settimeout 10"), "{said}");
    assert_eq!(bed.written(), b"V");
}

#[test]
fn what_cannot_be() {
    let mut bed = Bed::new("wrong", "10");
    bed.settings.timeout = Some(Duration::from_millis(1500));
    let error = open(&bed.settings).unwrap_err();
    assert!(matches!(error, Error::Settings { .. }), "{error}");
    bed.settings.timeout = Some(Duration::from_secs(10));
    bed.settings.wdctl = bed.directory.join("none");
    let error = open(&bed.settings).unwrap_err();
    assert!(error.to_string().contains("util-linux"), "{error}");
    bed.settings.device = bed.directory.join("dev/watchdog9");
    let error = open(&bed.settings).unwrap_err();
    assert!(matches!(error, Error::NoWatchdog { .. }), "{error}");
    assert!(error.to_string().contains("softdog"), "{error}");
}

#[test]
fn what_the_system_says() {
    let table = [(Errno::BUSY, "in use"), (Errno::NODEV, "there is none"), (Errno::ACCESS, "open")];
    for (errno, part) in table {
        let said = refused(Path::new("/dev/watchdog0"), errno.into()).to_string();
        assert!(said.contains(part), "{said} does not tell of {part}");
    }
}
