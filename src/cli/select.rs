//! `dagtwin select`: best copy selection over the copies of a real cluster.

use super::args::{Check, ListFormat, Select};
use super::failure::{Answer, Done, Failure};
use super::input;
use crate::failover::seam::{ActivationPolicy, MountDial, SkipChecks};
use crate::import::copies::{self, Export};
use crate::import::server_key;
use crate::lab::select::{self, Copy, Database, Question, Server};
use crate::model::{Problem, load};
use crate::report::select as report;
use std::collections::BTreeMap;

/// Longest file. A `Format-List` of 100,000 copies is below it.
const MOST_BYTES: u64 = 512 << 20;

pub(super) fn select(args: &Select) -> Answer {
    let file = args.copies.display().to_string();
    let bytes = input::bytes(&args.copies, MOST_BYTES)?;
    let Export { databases, mut notes } = copies::read(&file, &bytes).map_err(Failure::Input)?;
    let mut site = Site::new(&file, &databases);
    site.options(args);
    let databases = site.databases(args, databases, &mut notes);
    if !site.problems.is_empty() {
        return Err(Failure::Input(site.problems));
    }
    let question = Question {
        servers: site.servers,
        databases,
        lossless_move: args.by.is_some(),
        source_answers: args.source_reachable,
        skip: skip(&args.skip),
    };
    let answers = select::select(&question);
    silent_dials(args, &question, &answers, &mut notes);
    let mut output = Vec::new();
    let written = match args.format {
        ListFormat::Json => report::json(&question, &answers, &notes, &mut output),
        ListFormat::Text => {
            notes.iter().for_each(|text| super::note(text));
            let width = usize::from(args.width.unwrap_or_else(super::run::terminal_width));
            report::text(&question, &answers, width, super::colored(), &mut output)
        }
    };
    written.map_err(|error| Failure::output(&error))?;
    Ok(Done::with(output))
}

/// Servers whose dial decided and was not given.
fn silent_dials(
    args: &Select,
    question: &Question,
    answers: &[select::Selected],
    notes: &mut Vec<String>,
) {
    let given = |name: &str| args.dial.iter().any(|(key, _)| server_key(key) == server_key(name));
    let mut silent: Vec<&str> = answers
        .iter()
        .flat_map(|answer| &answer.order)
        .map(|place| question.servers[place.server].name.as_str())
        .filter(|name| !given(name))
        .collect();
    silent.sort_unstable();
    silent.dedup();
    if !silent.is_empty() && !question.lossless_move {
        let dial = MountDial::GoodAvailability;
        notes.push(format!(
            "AutoDatabaseMountDial of {} was not given: {dial:?}, the product's default",
            silent.join(", ")
        ));
    }
}

fn skip(checks: &[Check]) -> SkipChecks {
    let has = |check| checks.contains(&check);
    SkipChecks {
        health_checks: has(Check::Health),
        active_copy_checks: has(Check::ActiveCopy),
        lag_checks: has(Check::Lag),
        client_experience_checks: has(Check::ClientExperience),
        maximum_active_databases_checks: has(Check::MaximumActiveDatabases),
    }
}

/// The servers of the file, and what options say about them.
struct Site<'f> {
    file: &'f str,
    servers: Vec<Server>,
    place: BTreeMap<String, usize>,
    problems: Vec<Problem>,
}

impl<'f> Site<'f> {
    fn new(file: &'f str, databases: &[copies::Database]) -> Self {
        let mut site =
            Site { file, servers: Vec::new(), place: BTreeMap::new(), problems: Vec::new() };
        for database in databases {
            for copy in &database.copies {
                let server = site.add(&copy.server);
                if let Some(policy) = copy.policy {
                    site.servers[server].policy = policy;
                }
            }
            if let Some(active) = &database.active {
                site.add(active);
            }
        }
        site
    }

    fn add(&mut self, name: &str) -> usize {
        *self.place.entry(server_key(name)).or_insert_with(|| {
            self.servers.push(Server {
                name: name.to_owned(),
                dial: MountDial::GoodAvailability,
                policy: ActivationPolicy::default(),
                site: String::new(),
                maximum_active: None,
                reachable: true,
                lost: false,
            });
            self.servers.len() - 1
        })
    }

    fn wrong(&mut self, option: &str, value: &str, expected: String, hint: Option<String>) {
        self.problems.push(Problem {
            file: option.to_owned(),
            line: None,
            key: String::new(),
            value: value.to_owned(),
            expected,
            hint,
        });
    }

    /// The server that an option names.
    fn find(&mut self, option: &str, name: &str) -> Option<usize> {
        let found = self.place.get(&server_key(name)).copied();
        if found.is_none() {
            const MOST: usize = 20;
            let names: Vec<&str> = self.servers.iter().map(|server| server.name.as_str()).collect();
            let more = if names.len() > MOST { ", ..." } else { "" };
            let shown = names[..names.len().min(MOST)].join(", ");
            let expected = format!("a server of {}: {shown}{more}", self.file);
            let hint = load::near(name, names.iter().copied());
            self.wrong(option, name, expected, hint);
        }
        found
    }

    /// What an option says of servers; each may be given once.
    fn each<T>(&mut self, option: &str, given: &[(String, T)], set: fn(&mut Server, &T)) {
        let mut seen = Vec::new();
        for (name, value) in given {
            let Some(server) = self.find(option, name) else { continue };
            if seen.contains(&server) {
                self.wrong(option, name, "each server once".to_owned(), None);
            }
            seen.push(server);
            set(&mut self.servers[server], value);
        }
    }

    fn options(&mut self, args: &Select) {
        if args.by.is_none() && !args.skip.is_empty() {
            let expected = "--move beside it: a failover leaves no check out";
            let given = args.skip.iter().filter_map(clap::ValueEnum::to_possible_value);
            let given: Vec<String> = given.map(|value| value.get_name().to_owned()).collect();
            self.wrong("--skip", &given.join(", "), expected.to_owned(), None);
        }
        let named = |names: &[String]| -> Vec<(String, ())> {
            names.iter().map(|name| (name.clone(), ())).collect()
        };
        self.each("--lost", &named(&args.lost), |server, ()| server.lost = true);
        self.each("--unreachable", &named(&args.unreachable), |server, ()| {
            server.reachable = false;
        });
        self.each("--policy", &args.policy, |server, policy| server.policy = *policy);
        let blocked: Vec<_> =
            args.blocked.iter().filter(|name| !name.contains('\\')).cloned().collect();
        for name in &blocked {
            let other = args.policy.iter().find(|(given, policy)| {
                *policy != ActivationPolicy::Blocked && server_key(given) == server_key(name)
            });
            if let Some((_, policy)) = other {
                let expected = format!("no other --policy of the server; it is {policy:?}");
                self.wrong("--blocked", name, expected, None);
            }
        }
        self.each("--blocked", &named(&blocked), |server, ()| {
            server.policy = ActivationPolicy::Blocked;
        });
        self.each("--dial", &args.dial, |server, dial| server.dial = *dial);
        self.each("--site", &args.site, |server, site| server.site.clone_from(site));
        self.each("--max-active", &args.max_active, |server, most| {
            server.maximum_active = Some(*most);
        });
    }

    /// The databases that are active somewhere, with what options say of single copies.
    fn databases(
        &mut self,
        args: &Select,
        databases: Vec<copies::Database>,
        notes: &mut Vec<String>,
    ) -> Vec<Database> {
        let suspended = self.copies("--blocked", args.blocked.iter(), &databases);
        let preferred: Vec<&String> = args.preference.iter().map(|(name, _)| name).collect();
        self.copies("--preference", preferred.into_iter(), &databases);
        let mut silent = 0_usize;
        let mut read = Vec::new();
        for database in databases {
            let Some(active) = &database.active else { continue };
            let active = self.add(active);
            let preferences = preferences(&database, &args.preference, &mut silent);
            let (name, newest, mounted) = (database.name, database.newest, database.mounted);
            let copies = database.copies.into_iter().zip(preferences);
            let copies = copies.map(|(copy, preference)| {
                let mut report = copy.report;
                report.activation_suspended |= suspended.contains(&copy_key(&name, &copy.server));
                let server = self.add(&copy.server);
                Copy { server, preference, status: copy.status, report }
            });
            let copies = copies.collect();
            read.push(Database { name, active, mounted, newest, copies });
        }
        if silent > 0 {
            notes.push(
                "the file does not tell every ActivationPreference (Exchange 2010 does not): \
                 copies without one follow in the order of the file; --preference gives them"
                    .to_owned(),
            );
        }
        read
    }

    /// The copies that an option names as DATABASE\SERVER; without a database its names are
    /// servers.
    fn copies<'n>(
        &mut self,
        option: &str,
        names: impl Iterator<Item = &'n String>,
        databases: &[copies::Database],
    ) -> Vec<(String, String)> {
        let mut found = Vec::new();
        for name in names {
            let Some((database, server)) = name.rsplit_once('\\') else {
                self.find(option, name);
                continue;
            };
            let key = copy_key(database, server);
            let known = databases.iter().any(|database| {
                database.copies.iter().any(|copy| copy_key(&database.name, &copy.server) == key)
            });
            if !known {
                let expected = format!("a copy of {}, as DATABASE\\SERVER", self.file);
                self.wrong(option, name, expected, None);
            }
            found.push(key);
        }
        found
    }
}

fn copy_key(database: &str, server: &str) -> (String, String) {
    (database.trim().to_lowercase(), server_key(server))
}

/// The activation preference of each copy: as an option says, the copy's before the server's, else
/// as the file says; those that nothing is said of follow in the order of the file.
fn preferences(database: &copies::Database, given: &[(String, u8)], silent: &mut usize) -> Vec<u8> {
    let said = |copy: &copies::Copy| {
        let key = copy_key(&database.name, &copy.server);
        let of = |whole: bool| {
            given.iter().rev().find(|(name, _)| match name.rsplit_once('\\') {
                Some((database, server)) => whole && copy_key(database, server) == key,
                None => !whole && server_key(name) == key.1,
            })
        };
        of(true).or_else(|| of(false)).map(|(_, preference)| *preference).or(copy.preference)
    };
    let known: Vec<Option<u8>> = database.copies.iter().map(said).collect();
    let mut next = known.iter().flatten().max().copied().unwrap_or(0);
    let all = known.into_iter().map(|preference| {
        preference.unwrap_or_else(|| {
            *silent += 1;
            next = next.saturating_add(1);
            next
        })
    });
    all.collect()
}
