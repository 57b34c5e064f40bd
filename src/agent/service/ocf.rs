//! What the Open Cluster Framework's resource agent API 1.1 says: codes, actions, environment.

use super::settings::Ocf;
use std::collections::BTreeMap;
use std::time::Duration;

/// What a resource agent's exit code means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Code {
    Success,
    Generic,
    Arguments,
    Unimplemented,
    Permission,
    Installed,
    Configured,
    NotRunning,
    RunningPromoted,
    FailedPromoted,
    Degraded,
    DegradedPromoted,
    Unknown(i32),
}

impl Code {
    pub(super) fn new(code: i32) -> Self {
        match code {
            0 => Code::Success,
            1 => Code::Generic,
            2 => Code::Arguments,
            3 => Code::Unimplemented,
            4 => Code::Permission,
            5 => Code::Installed,
            6 => Code::Configured,
            7 => Code::NotRunning,
            8 => Code::RunningPromoted,
            9 => Code::FailedPromoted,
            190 => Code::Degraded,
            191 => Code::DegradedPromoted,
            other => Code::Unknown(other),
        }
    }

    /// For a message: what it is, and what to do.
    pub(super) fn meaning(self) -> String {
        let text = match self {
            Code::Success => "0 OCF_SUCCESS",
            Code::Generic => "1 OCF_ERR_GENERIC: it failed; see its standard error",
            Code::Arguments => {
                "2 OCF_ERR_ARGS: its parameters do not suit this host; see its standard error"
            }
            Code::Unimplemented => "3 OCF_ERR_UNIMPLEMENTED: the agent does not have this action",
            Code::Permission => {
                "4 OCF_ERR_PERM: it may not do this; give the agent's user the right to"
            }
            Code::Installed => {
                "5 OCF_ERR_INSTALLED: something that it needs is not installed on this host"
            }
            Code::Configured => "6 OCF_ERR_CONFIGURED: its parameters are wrong on every host",
            Code::NotRunning => "7 OCF_NOT_RUNNING: it is cleanly stopped",
            Code::RunningPromoted => "8 OCF_RUNNING_PROMOTED: it runs, promoted",
            Code::FailedPromoted => "9 OCF_FAILED_PROMOTED: it failed while it was promoted",
            Code::Degraded => "190 OCF_DEGRADED: it runs, and is likely to fail soon",
            Code::DegradedPromoted => {
                "191 OCF_DEGRADED_PROMOTED: it runs, promoted, and is likely to fail soon"
            }
            Code::Unknown(code) => return format!("{code}, which the standard does not have"),
        };
        text.to_owned()
    }

    /// As the answer of `monitor`: whether it runs in good health.
    pub(super) fn alive(self) -> bool {
        match self {
            Code::Success | Code::RunningPromoted | Code::Degraded | Code::DegradedPromoted => true,
            Code::Generic
            | Code::Arguments
            | Code::Unimplemented
            | Code::Permission
            | Code::Installed
            | Code::Configured
            | Code::NotRunning
            | Code::FailedPromoted
            | Code::Unknown(_) => false,
        }
    }

    /// As the answer of `monitor` before anything was started: whether there is something to stop.
    /// A failure that does not say "not running" may be half of something.
    pub(super) fn may_run(self) -> bool {
        match self {
            Code::NotRunning | Code::Installed => false,
            Code::Success
            | Code::Generic
            | Code::Arguments
            | Code::Unimplemented
            | Code::Permission
            | Code::Configured
            | Code::RunningPromoted
            | Code::FailedPromoted
            | Code::Degraded
            | Code::DegradedPromoted
            | Code::Unknown(_) => true,
        }
    }
}

/// How a `monitor` is asked: agents tell a first look from a repeated one by the interval.
const REPEATED: &str = "10000";

/// The variables of an action, besides those that every child has.
pub(super) fn environment(
    ocf: &Ocf,
    instance: &str,
    level: u8,
    limit: Duration,
    first_look: bool,
) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let mut set = |name: &str, value: String| all.insert(name.to_owned(), value);
    set("OCF_RA_VERSION_MAJOR", "1".to_owned());
    set("OCF_RA_VERSION_MINOR", "1".to_owned());
    set("OCF_ROOT", ocf.root.to_string_lossy().into_owned());
    set("OCF_RESOURCE_INSTANCE", instance.to_owned());
    let part = |path: Option<&std::ffi::OsStr>| {
        path.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    };
    set("OCF_RESOURCE_TYPE", part(ocf.agent.file_name()));
    set("OCF_RESOURCE_PROVIDER", part(ocf.agent.parent().and_then(|path| path.file_name())));
    set("OCF_CHECK_LEVEL", level.to_string());
    set("OCF_RESKEY_CRM_meta_timeout", limit.as_millis().to_string());
    let interval = if first_look { "0" } else { REPEATED };
    set("OCF_RESKEY_CRM_meta_interval", interval.to_owned());
    for (name, value) in &ocf.parameters {
        set(&format!("OCF_RESKEY_{name}"), value.clone());
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_meaning() {
        // Code, name, alive, may run.
        let table = [
            (0, "OCF_SUCCESS", true, true),
            (1, "OCF_ERR_GENERIC", false, true),
            (2, "OCF_ERR_ARGS", false, true),
            (3, "OCF_ERR_UNIMPLEMENTED", false, true),
            (4, "OCF_ERR_PERM", false, true),
            (5, "OCF_ERR_INSTALLED", false, false),
            (6, "OCF_ERR_CONFIGURED", false, true),
            (7, "OCF_NOT_RUNNING", false, false),
            (8, "OCF_RUNNING_PROMOTED", true, true),
            (9, "OCF_FAILED_PROMOTED", false, true),
            (190, "OCF_DEGRADED", true, true),
            (191, "OCF_DEGRADED_PROMOTED", true, true),
            (42, "42, which the standard does not have", false, true),
            (126, "126, which", false, true),
        ];
        for (number, name, alive, may_run) in table {
            let code = Code::new(number);
            let meaning = code.meaning();
            assert!(
                meaning.contains(name) && meaning.starts_with(&number.to_string()),
                "{meaning}"
            );
            assert_eq!((code.alive(), code.may_run()), (alive, may_run), "{number}");
        }
    }

    #[test]
    fn an_agent_gets_what_the_standard_says() {
        let ocf = Ocf::new("/usr/lib/ocf/resource.d/heartbeat/IPaddr2").with("ip", "10.0.0.1");
        let all = environment(&ocf, "address", 10, Duration::from_secs(20), false);
        let expected = [
            ("OCF_CHECK_LEVEL", "10"),
            ("OCF_RA_VERSION_MAJOR", "1"),
            ("OCF_RA_VERSION_MINOR", "1"),
            ("OCF_RESKEY_CRM_meta_interval", "10000"),
            ("OCF_RESKEY_CRM_meta_timeout", "20000"),
            ("OCF_RESKEY_ip", "10.0.0.1"),
            ("OCF_RESOURCE_INSTANCE", "address"),
            ("OCF_RESOURCE_PROVIDER", "heartbeat"),
            ("OCF_RESOURCE_TYPE", "IPaddr2"),
            ("OCF_ROOT", "/usr/lib/ocf"),
        ];
        let found: Vec<_> =
            all.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(found, expected);
    }
}
