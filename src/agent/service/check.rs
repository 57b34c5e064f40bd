//! Settings are checked before anything starts.

use super::metadata::{self, MetaData, Parameter};
use super::ocf::{self, Code};
use super::process::{MARK, Realm};
use super::program::{self, Cancel, Ear, End, Manner, Program, Ran, words};
use super::settings::Bounds;
use super::{Action, Kind, Limits, Ocf, ServiceError, Settings, unit};
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// How long an agent may take to describe itself or to look at its parameters if it does not say
/// (assumed).
const LIMIT: Duration = Duration::from_secs(20);
/// Deepest check that is used unasked; 20 may be intrusive.
const DEPTH: u8 = 10;

/// Settings that were found in order, with what was learned on the way.
#[derive(Clone, Debug)]
pub struct Checked {
    settings: Settings,
    meta_data: Option<MetaData>,
    remarks: Vec<String>,
    pub(super) bounds: Bounds,
    /// OCF_CHECK_LEVEL of IsAlive.
    pub(super) level: u8,
}

impl Checked {
    /// The settings, with programs as absolute paths.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What a resource agent says of itself.
    pub fn meta_data(&self) -> Option<&MetaData> {
        self.meta_data.as_ref()
    }

    /// What is in order but should be known, for the log: a deprecated parameter, a health check
    /// that there is not.
    pub fn remarks(&self) -> &[String] {
        &self.remarks
    }
}

impl Settings {
    /// Checks everything that can be checked without starting the resource. Runs `systemctl show`
    /// for a unit, and the actions `meta-data` and `validate-all` of a resource agent. May be
    /// dropped at an await; takes at most about 45 s, usually a few milliseconds.
    ///
    /// # Errors
    /// The first thing found wrong, with the remedy.
    pub async fn check(mut self) -> Result<Checked, ServiceError> {
        self.check_common()?;
        let mut remarks = Vec::new();
        let (mut meta_data, mut told, mut level) = (None, Limits::default(), 0);
        match self.kind.clone() {
            Kind::Unit(mut unit) => {
                let program = unit.systemctl.to_string_lossy().into_owned();
                unit.systemctl = self.program("systemctl", &program)?.into();
                self.kind = Kind::Unit(unit.clone());
                unit::check(&self, &unit).await?;
            }
            Kind::Command(mut command) => {
                self.argv("start", &mut command.start)?;
                self.argv("stop", &mut command.stop)?;
                self.probes(&mut command.looks_alive, &mut command.is_alive)?;
                if command.looks_alive.is_none() && command.is_alive.is_none() {
                    remarks.push("it has no health check, and is told as alive".to_owned());
                }
                self.kind = Kind::Command(command);
            }
            Kind::Run(mut run) => {
                self.argv("command", &mut run.command)?;
                self.probes(&mut run.looks_alive, &mut run.is_alive)?;
                self.kind = Kind::Run(run);
            }
            Kind::Ocf(mut ocf) => {
                let program = ocf.agent.to_string_lossy().into_owned();
                ocf.agent = self.program("agent", &program)?.into();
                self.kind = Kind::Ocf(ocf.clone());
                let read = self.read_meta_data(&ocf).await?;
                remarks = self.check_parameters(&ocf, &read)?;
                level = ocf.check_level.unwrap_or_else(|| read.depth(DEPTH));
                self.validate(&ocf, &read).await?;
                told = limits(&read, level);
                meta_data = Some(read);
            }
        }
        let bounds = self.limits.closed(&told);
        Ok(Checked { settings: self, meta_data, remarks, bounds, level })
    }

    fn wrong(
        &self,
        setting: &'static str,
        found: impl Into<String>,
        remedy: impl Into<String>,
    ) -> ServiceError {
        let resource = self.name.clone();
        ServiceError::Setting { resource, setting, found: found.into(), remedy: remedy.into() }
    }

    fn check_common(&self) -> Result<(), ServiceError> {
        let fit = |each: u8| each.is_ascii_alphanumeric() || b"_.-".contains(&each);
        let name = &self.name;
        let well = (1..=64).contains(&name.len()) && name.bytes().all(fit);
        if !well || name.starts_with(['.', '-']) {
            let remedy = "use 1 to 64 of A-Z a-z 0-9 _ . - and begin with neither . nor -";
            return Err(self.wrong("name", format!("{name:?}"), remedy));
        }
        for (variable, value) in &self.environment {
            let reserved = variable == MARK || variable == "PATH" || variable.starts_with("OCF_");
            if reserved {
                let remedy = "it is set by the agent; leave it out (`path` sets PATH)";
                return Err(self.wrong("environment", format!("{variable}=..."), remedy));
            }
            if variable.is_empty() || variable.contains(['=', '\0']) || value.contains('\0') {
                let remedy = "a name is not empty and has no `=`, and neither has a zero byte";
                return Err(self.wrong("environment", format!("{variable:?}"), remedy));
            }
        }
        let Limits { online, offline, terminate, looks_alive, is_alive } = self.limits;
        for limit in [online, offline, terminate, looks_alive, is_alive].into_iter().flatten() {
            if limit.is_zero() {
                return Err(self.wrong("limits", "0", "give every action some time"));
            }
        }
        self.check_run_directory()?;
        self.check_cgroup()
    }

    fn check_run_directory(&self) -> Result<(), ServiceError> {
        let directory = &self.run_directory;
        if !directory.is_absolute() {
            let found = format!("{}", directory.display());
            return Err(self.wrong("run_directory", found, "give an absolute path"));
        }
        let trial = directory.join(format!("{}.trial", self.name));
        std::fs::create_dir_all(directory)
            .and_then(|()| std::fs::write(&trial, ""))
            .and_then(|()| std::fs::remove_file(&trial))
            .map_err(|error| {
                let found =
                    format!("{}, where no file can be written: {error}", directory.display());
                self.wrong("run_directory", found, "give the agent a directory of its own")
            })
    }

    fn check_cgroup(&self) -> Result<(), ServiceError> {
        let (Some(parent), Some(own)) = (&self.cgroup, self.own_cgroup()) else { return Ok(()) };
        let found = |what: &str| format!("{}, {what}", parent.display());
        if !parent.is_absolute() || !parent.join("cgroup.procs").exists() {
            let remedy = "give a directory below /sys/fs/cgroup, or none";
            return Err(self.wrong("cgroup", found("which is no cgroup of version 2"), remedy));
        }
        let made = match std::fs::create_dir(&own) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
            other => other,
        };
        made.map_err(|error| {
            let remedy = "delegate it to the agent (systemd: Delegate=yes), or give none";
            let what = format!("where no cgroup can be made: {error}");
            self.wrong("cgroup", found(&what), remedy)
        })
    }

    /// Its cgroup.
    fn own_cgroup(&self) -> Option<std::path::PathBuf> {
        self.cgroup.as_ref().map(|parent| parent.join(&self.name))
    }

    /// What makes a process the resource's.
    pub(super) fn realm(&self) -> Realm {
        let mark = self.run_directory.join(&self.name).to_string_lossy().into_owned();
        Realm { mark, cgroup: self.own_cgroup() }
    }

    /// A program with the environment of every child.
    pub(super) fn child(&self, argv: &[String]) -> Program {
        let mut environment = BTreeMap::from([
            ("LC_ALL".to_owned(), "C".to_owned()),
            ("HOME".to_owned(), "/".to_owned()),
        ]);
        environment.extend(self.environment.clone());
        environment.insert("PATH".to_owned(), self.path.clone());
        environment.insert(MARK.to_owned(), self.realm().mark);
        Program { argv: argv.to_vec(), environment, cgroup: self.own_cgroup() }
    }

    /// An action of a resource agent.
    pub(super) fn agent(
        &self,
        ocf: &Ocf,
        action: &str,
        level: u8,
        limit: Duration,
        first_look: bool,
    ) -> Program {
        let agent = ocf.agent.to_string_lossy().into_owned();
        let mut program = self.child(&[agent, action.to_owned()]);
        program.environment.extend(ocf::environment(ocf, &self.name, level, limit, first_look));
        program
    }

    /// Finds the program of a setting: its absolute path.
    fn program(&self, setting: &'static str, program: &str) -> Result<String, ServiceError> {
        let wrong = |found: &str, remedy: String| ServiceError::Program {
            resource: self.name.clone(),
            setting,
            program: program.to_owned(),
            found: found.to_owned(),
            remedy,
        };
        if program.contains('/') && !Path::new(program).is_absolute() {
            return Err(wrong("is a relative path", "give an absolute one".to_owned()));
        }
        let Some(path) = program::find(program, &self.path).filter(|_| !program.is_empty()) else {
            let remedy = if program.contains('/') {
                "install it, or correct the path".to_owned()
            } else {
                format!("install it, or give its path (searched: {})", self.path)
            };
            return Err(wrong("is not there", remedy));
        };
        let about = std::fs::metadata(&path).map_err(|error| {
            wrong(&format!("cannot be read ({error})"), "see to that".to_owned())
        })?;
        if !about.is_file() {
            return Err(wrong("is no file", "name the program itself".to_owned()));
        }
        if about.permissions().mode() & 0o111 == 0 {
            return Err(wrong("is not executable", format!("chmod +x {}", path.display())));
        }
        Ok(path.to_string_lossy().into_owned())
    }

    fn argv(&self, setting: &'static str, argv: &mut [String]) -> Result<(), ServiceError> {
        let Some(first) = argv.first() else {
            return Err(self.wrong(setting, "empty", "give a program and its arguments"));
        };
        let path = self.program(setting, first)?;
        if argv.iter().any(|each| each.contains('\0')) {
            let remedy = "an argument cannot contain a zero byte";
            return Err(self.wrong(setting, format!("{argv:?}"), remedy));
        }
        argv[0] = path;
        Ok(())
    }

    fn probes(
        &self,
        looks_alive: &mut Option<Vec<String>>,
        is_alive: &mut Option<Vec<String>>,
    ) -> Result<(), ServiceError> {
        if let Some(argv) = looks_alive {
            self.argv("looks_alive", argv)?;
        }
        if let Some(argv) = is_alive {
            self.argv("is_alive", argv)?;
        }
        Ok(())
    }

    /// Runs a program whose standard output is an answer.
    pub(super) async fn ask(&self, program: &Program, limit: Duration) -> Ran {
        let ear = Ear { teller: Arc::new(|_| {}), pending: Arc::new(AtomicBool::new(false)) };
        let (_never, mut cancel) = Cancel::new();
        let action = Action::Check;
        let manner = Manner { action, limit, cancel: &mut cancel, leaves: false, answers: true };
        program.run(&ear, manner).await
    }

    async fn read_meta_data(&self, ocf: &Ocf) -> Result<MetaData, ServiceError> {
        let wrong = |found: String, remedy: &str| ServiceError::MetaData {
            resource: self.name.clone(),
            agent: ocf.agent.clone(),
            found,
            remedy: remedy.to_owned(),
        };
        let ran = self.ask(&self.agent(ocf, "meta-data", 0, LIMIT, false), LIMIT).await;
        let by_hand = "run it by hand with the argument `meta-data`";
        if !matches!(ran.end, End::Exited(status) if status.success()) {
            let mut found = format!("cannot be had: it {}", end_words(&ran.end, LIMIT));
            found.extend(ran.last.last().map(|line| format!(" ({line})")));
            return Err(wrong(found, by_hand));
        }
        let read = MetaData::parse(&ran.answer).map_err(|found| wrong(found, by_hand))?;
        for needed in ["start", "stop", "monitor"] {
            if !read.has(needed) {
                let found = format!("declares no action `{needed}`");
                return Err(wrong(found, "an agent without it cannot be a resource; use another"));
            }
        }
        Ok(read)
    }

    /// Compares the parameters with those that the agent has: remarks.
    fn check_parameters(&self, ocf: &Ocf, read: &MetaData) -> Result<Vec<String>, ServiceError> {
        let (resource, agent) = (self.name.clone(), ocf.agent.clone());
        let mut remarks = Vec::new();
        for (name, value) in &ocf.parameters {
            let Some(parameter) = read.parameter(name) else {
                let (parameter, known) = (name.clone(), read.similar(name));
                return Err(ServiceError::UnknownParameter { resource, agent, parameter, known });
            };
            if let Some(expected) = misfit(parameter, value) {
                let (parameter, about) = (name.clone(), parameter.about.clone());
                let found = format!("{value:?}");
                return Err(ServiceError::WrongParameter {
                    resource,
                    parameter,
                    about,
                    found,
                    expected,
                });
            }
            if parameter.deprecated {
                remarks.push(format!("parameter {name} is deprecated ({})", parameter.about));
            }
        }
        let given = |name: &str| ocf.parameters.get(name).is_some_and(|value| !value.is_empty());
        let missing = read.parameters.iter().find(|each| each.required && !given(&each.name));
        if let Some(Parameter { name, about, .. }) = missing {
            let (parameter, about) = (name.clone(), about.clone());
            return Err(ServiceError::MissingParameter { resource, agent, parameter, about });
        }
        Ok(remarks)
    }

    /// Has the agent look at its parameters itself.
    async fn validate(&self, ocf: &Ocf, read: &MetaData) -> Result<(), ServiceError> {
        if !ocf.validate || !read.has("validate-all") {
            return Ok(());
        }
        let limit = read.timeout("validate-all", 0).unwrap_or(LIMIT).min(LIMIT);
        let ran = self.ask(&self.agent(ocf, "validate-all", 0, limit, false), limit).await;
        let code = match &ran.end {
            End::Exited(status) => status.code().map(Code::new),
            End::TimedOut | End::CalledOff(_) | End::CannotRun(_) => None,
        };
        if matches!(code, Some(Code::Success | Code::Unimplemented)) {
            return Ok(());
        }
        let mut found = code.map_or_else(|| end_words(&ran.end, limit), Code::meaning);
        found.extend(ran.last.last().map(|line| format!(" ({line})")));
        let found = format!("what its `validate-all` refuses: {found}");
        Err(self.wrong("parameters", found, "correct them, or switch `validate` off"))
    }
}

/// The end of a program in words that follow "it".
pub(super) fn end_words(end: &End, limit: Duration) -> String {
    match end {
        End::Exited(status) => words(*status),
        End::TimedOut => format!("did not end within {limit:?} and was killed"),
        End::CalledOff(by) => format!("was called off by {by}"),
        End::CannotRun(error) => format!("cannot be run: {error}"),
    }
}

/// What a parameter takes, if a value is not that.
fn misfit(parameter: &Parameter, value: &str) -> Option<String> {
    if value.contains('\0') {
        return Some("no zero byte".to_owned());
    }
    match parameter.content.as_str() {
        "integer" if value.trim().parse::<i64>().is_err() => Some("a whole number".to_owned()),
        "boolean" if metadata::boolean(value).is_none() => Some("true or false".to_owned()),
        "time" | "duration" if metadata::duration(value).is_none() => {
            Some("a time such as 20s".to_owned())
        }
        "select" if !parameter.options.iter().any(|each| each == value) => {
            Some(format!("one of {}", parameter.options.join(", ")))
        }
        _ => None,
    }
}

/// The time limits that an agent advises.
fn limits(read: &MetaData, level: u8) -> Limits {
    Limits {
        online: read.timeout("start", 0),
        offline: read.timeout("stop", 0),
        terminate: read.timeout("stop", 0),
        looks_alive: read.timeout("monitor", 0),
        is_alive: read.timeout("monitor", level),
    }
}
