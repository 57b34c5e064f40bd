//! Orders as an administrator would type them: a line such as
//! `Move-ClusterGroup CASArray -Node EX02`.
//!
//! Names of cmdlets and parameters are the products' own and are read without regard to case.
//! [`cmdlets()`] are those that are understood; a new order is a row in a table of theirs.

mod active_manager;
mod availability_group;
mod cmdlets;

use super::load::near;
use super::scenario::Action;
use super::topology::{Topology, WindowsVersion};
use super::version::Ability;
use crate::base::{DbId, GroupId, Id, IdVec, MachineId, NodeId, NodeSet, ResourceId};
use crate::failover::quorum::Witness;
use std::collections::BTreeMap;

/// What the value of a parameter is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Takes {
    /// No value: the parameter is a switch. `-Name:$false` is the same as leaving it out.
    Switch,
    /// A member of the cluster.
    Node,
    /// A group.
    Group,
    /// A resource.
    Resource,
    /// A mailbox database.
    Database,
    /// A copy of a mailbox database, as `DATABASE\SERVER`.
    Copy,
    /// A whole number.
    Number,
    /// A whole number, or `$null` for none.
    Limit,
    /// One of these words.
    Word(&'static [&'static str]),
    /// Any text.
    Text,
}

/// Where a cmdlet comes from, which decides what every one of its kind takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shell {
    /// The module FailoverClusters.
    Cluster,
    /// The Exchange Management Shell.
    Exchange,
    /// A script of Exchange, whose name may stand without `.ps1` and behind a path.
    Script,
}

/// What every cmdlet takes; nothing in the model depends on it.
const COMMON: &[(&str, Takes)] = &[
    ("Verbose", Takes::Switch),
    ("Debug", Takes::Switch),
    ("ErrorAction", Takes::Text),
    ("WarningAction", Takes::Text),
    ("ErrorVariable", Takes::Text),
    ("WarningVariable", Takes::Text),
    ("OutVariable", Takes::Text),
    ("OutBuffer", Takes::Number),
];

impl Shell {
    /// What every cmdlet of the kind takes beside what all take.
    const fn parameters(self) -> &'static [(&'static str, Takes)] {
        match self {
            Shell::Cluster => &[("Cluster", Takes::Text)],
            Shell::Exchange => &[
                ("Confirm", Takes::Switch),
                ("DomainController", Takes::Text),
                ("WhatIf", Takes::Switch),
            ],
            Shell::Script => &[("Confirm", Takes::Switch), ("WhatIf", Takes::Switch)],
        }
    }
}

/// A cmdlet that a scenario may use.
#[derive(Clone, Copy, Debug)]
pub struct Cmdlet {
    /// Its name in the product.
    pub name: &'static str,
    /// The parameter whose name may be left out, because its value comes first; it must be given.
    pub identity: Option<(&'static str, Takes)>,
    /// The parameter whose value may come second without its name.
    pub second: Option<&'static str>,
    /// A parameter that may stand in its place.
    pub unless: Option<&'static str>,
    /// The other parameters that are understood.
    pub parameters: &'static [(&'static str, Takes)],
    /// Parameters that are understood and decide nothing in the model.
    pub ignored: &'static [(&'static str, Takes)],
    /// Where it comes from.
    pub shell: Shell,
    /// What it does.
    pub meaning: &'static str,
    /// Turns a line into what is done.
    read: fn(&Line) -> Result<Action, Wrong>,
}

/// Every cmdlet that a scenario may use.
pub fn cmdlets() -> impl Iterator<Item = &'static Cmdlet> + Clone {
    let of_servers = cmdlets::CMDLETS.iter().chain(active_manager::CMDLETS);
    of_servers.chain(availability_group::CMDLETS)
}

/// What is wrong with a line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wrong {
    /// What was expected, with the part of the line that is not so.
    pub expected: String,
    /// The nearest thing that would be right, if there is one.
    pub hint: Option<String>,
}

/// The names that a line may use.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// Members.
    pub nodes: IdVec<NodeId, String>,
    /// Groups.
    pub groups: IdVec<GroupId, String>,
    /// Resources.
    pub resources: IdVec<ResourceId, String>,
    /// Databases, and who has a copy of each.
    pub databases: IdVec<DbId, (String, Vec<NodeId>)>,
    /// The fully qualified name of the client access array, if the site has one.
    pub client_access_array: Option<String>,
    /// The database availability group.
    pub availability_group: String,
    /// DNS domain of the members.
    pub domain: String,
    /// Active Directory sites and the members that are in each.
    pub sites: Vec<(String, NodeSet)>,
    /// Machines that can be witness server, the present one first; none without a share.
    pub witness_servers: Vec<String>,
    /// Why datacenter activation coordination cannot be turned on, if it cannot.
    pub coordination: Option<String>,
    /// The nodes' Windows version: what its cmdlets can do.
    pub windows: WindowsVersion,
}

impl Names {
    /// What a topology has.
    pub fn of(topology: &Topology) -> Names {
        let name = |machine: MachineId| topology.machines[machine].name.clone();
        let machines = topology.machines.values().take(topology.nodes);
        let databases = topology.databases.values();
        let array = topology.client_access_array.as_ref();
        Names {
            nodes: machines.map(|machine| machine.name.clone()).collect(),
            groups: topology.groups.values().map(|group| group.name.clone()).collect(),
            resources: topology.resources.values().map(|one| one.name.clone()).collect(),
            databases: databases.map(|db| (db.name.clone(), db.copies.clone())).collect(),
            domain: topology.domain.clone(),
            client_access_array: array.map(|array| array.fqdn.clone()),
            witness_servers: match topology.rules().witness() {
                Some(Witness::FileShare) => {
                    topology.witness_servers().into_iter().map(name).collect()
                }
                Some(Witness::Disk) | None => Vec::new(),
            },
            availability_group: topology.dag.name.clone(),
            sites: topology.sites_of_members(),
            coordination: topology.no_coordination(),
            windows: topology.windows,
        }
    }
}

/// A line with its parameters told apart.
#[derive(Debug)]
pub struct Line<'n> {
    cmdlet: &'static Cmdlet,
    names: &'n Names,
    /// Where the order is given.
    on: NodeId,
    values: BTreeMap<&'static str, String>,
}

impl Cmdlet {
    /// How it is written, such as `Move-ClusterGroup [-Name] GROUP [-Node NODE]`.
    pub fn syntax(&self) -> String {
        let mut text = self.name.to_owned();
        if let Some((name, takes)) = self.identity {
            text += &format!(" [-{name}] {}", takes.shown());
        }
        for (name, takes) in self.parameters.iter().chain(self.ignored) {
            let second = self.second == Some(*name);
            match takes {
                _ if second => text += &format!(" [[-{name}] {}]", takes.shown()),
                Takes::Switch => text += &format!(" [-{name}]"),
                _ => text += &format!(" [-{name} {}]", takes.shown()),
            }
        }
        text
    }

    /// The parameters that decide nothing, by name.
    pub fn without_effect(&self) -> Vec<String> {
        self.ignored.iter().map(|(name, _)| format!("-{name}")).collect()
    }

    /// Whether a word names it. A script may stand behind its path and without its ending.
    pub(super) fn is(&self, word: &str) -> bool {
        if self.shell != Shell::Script {
            return self.name.eq_ignore_ascii_case(word);
        }
        let word = word.rsplit(['\\', '/']).next().unwrap_or(word);
        let bare = self.name.trim_end_matches(".ps1");
        [self.name, bare].iter().any(|name| name.eq_ignore_ascii_case(word))
    }

    fn parameter(&self, name: &str) -> Result<(&'static str, Takes), Wrong> {
        let own = || self.identity.iter().chain(self.parameters).chain(self.ignored);
        let all = || own().chain(self.shell.parameters()).chain(COMMON);
        let found = all().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.copied().ok_or_else(|| {
            let known: Vec<String> = all().map(|(known, _)| format!("-{known}")).collect();
            let given = format!("-{name}");
            let hint = near(&given, known.iter().map(String::as_str));
            let known: Vec<String> = own().map(|(known, _)| format!("-{known}")).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            let expected = format!("a parameter of {} ({known}), not {given}", self.name);
            Wrong { expected, hint }
        })
    }
}

impl Takes {
    pub(super) fn shown(self) -> String {
        match self {
            Takes::Switch => String::new(),
            Takes::Node => "NODE".to_owned(),
            Takes::Group => "GROUP".to_owned(),
            Takes::Resource => "RESOURCE".to_owned(),
            Takes::Database => "DATABASE".to_owned(),
            Takes::Copy => "DATABASE\\SERVER".to_owned(),
            Takes::Number => "N".to_owned(),
            Takes::Limit => "N|$null".to_owned(),
            Takes::Word(words) => words.join("|"),
            Takes::Text => "TEXT".to_owned(),
        }
    }
}

impl Wrong {
    fn new(expected: impl Into<String>) -> Self {
        Wrong { expected: expected.into(), hint: None }
    }
}

/// Reads a line. `on` is the member on which it is typed.
///
/// # Errors
/// What is wrong with the line: an unknown cmdlet or parameter, a name that leads nowhere, a value
/// that is missing or given twice.
pub fn read(line: &str, on: NodeId, names: &Names) -> Result<Action, Wrong> {
    let words = words(line)?;
    let (first, rest) = words.split_first().ok_or_else(|| Wrong::new("a cmdlet"))?;
    let cmdlet = cmdlets().find(|cmdlet| cmdlet.is(&first.text));
    let cmdlet = cmdlet.ok_or_else(|| {
        let hint = near(&first.text, cmdlets().map(|cmdlet| cmdlet.name));
        let expected = "a cmdlet that `dagtwin list orders` knows".to_owned();
        Wrong { expected, hint }
    })?;
    let mut line = Line { cmdlet, names, on, values: BTreeMap::new() };
    line.fill(rest)?;
    line.unasked()?;
    if let Some((name, takes)) = cmdlet.identity
        && !line.values.contains_key(name)
        && cmdlet.unless.is_none_or(|other| !line.values.contains_key(other))
    {
        let expected = format!("{} with -{name} {}", cmdlet.name, takes.shown());
        return Err(Wrong::new(expected));
    }
    (cmdlet.read)(&line)
}

impl Line<'_> {
    /// Tells parameters and values apart.
    fn fill(&mut self, words: &[Word]) -> Result<(), Wrong> {
        let mut words = words.iter().peekable();
        let mut unnamed = Vec::new();
        while let Some(word) = words.next() {
            let Some(named) = word.named() else {
                unnamed.push(word);
                continue;
            };
            let (named, inline) = match named.split_once(':') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (named, None),
            };
            let (name, takes) = self.cmdlet.parameter(named)?;
            let value = match (takes, inline) {
                (Takes::Switch, None) => "$true".to_owned(),
                (_, Some(value)) => value,
                (_, None) => match words.next_if(|word| word.named().is_none()) {
                    Some(value) => value.text.clone(),
                    None => return Err(Wrong::new(format!("{} after -{name}", takes.shown()))),
                },
            };
            if takes == Takes::Number && value.parse::<u32>().is_err() {
                return Err(Wrong::new(format!("a whole number after -{name}, not {value}")));
            }
            if self.values.insert(name, value).is_some() {
                return Err(Wrong::new(format!("-{name} only once")));
            }
        }
        // Values without a name go to the places that no name took.
        let first = self.cmdlet.identity.map(|(name, _)| name);
        let places = first.into_iter().chain(self.cmdlet.second);
        let mut free: Vec<&'static str> =
            places.filter(|name| !self.values.contains_key(name)).rev().collect();
        for word in unnamed {
            let name = free
                .pop()
                .ok_or_else(|| Wrong::new(format!("a parameter's name before {:?}", word.text)))?;
            self.values.insert(name, word.text.clone());
        }
        Ok(())
    }

    /// The member on which the line is typed.
    fn on(&self) -> NodeId {
        self.on
    }

    fn names(&self) -> &Names {
        self.names
    }

    /// Whether a switch is on.
    fn switch(&self, name: &'static str) -> Result<bool, Wrong> {
        match self.values.get(name).map(String::as_str) {
            None => Ok(false),
            Some(text) if text.eq_ignore_ascii_case("$true") => Ok(true),
            Some(text) if text.eq_ignore_ascii_case("$false") => Ok(false),
            Some(text) => Err(Wrong::new(format!("$true or $false after -{name}:, not {text}"))),
        }
    }

    /// The text of a parameter.
    fn text(&self, name: &'static str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// The place of a parameter's value among its words.
    fn word(&self, name: &'static str) -> Result<Option<usize>, Wrong> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let (_, takes) = self.cmdlet.parameter(name)?;
        let Takes::Word(words) = takes else { unreachable!("-{name} takes a word") };
        let found = words.iter().position(|word| word.eq_ignore_ascii_case(text));
        found.map(Some).ok_or_else(|| unknown(name, text, words.iter().copied()))
    }

    /// Refuses a parameter that the nodes' Windows version does not have.
    fn since(&self, name: &'static str, ability: Ability) -> Result<(), Wrong> {
        let (since, source) = ability.since();
        if self.text(name).is_none() || self.names.windows.can(ability) {
            return Ok(());
        }
        let since = since.word();
        Err(Wrong {
            expected: format!("Windows Server {since} or later for -{name} ({source})"),
            hint: Some(format!("set windows_version = \"{since}\" or leave -{name} out")),
        })
    }

    /// Scripts write `-Confirm:$false`; in a scenario nobody is there to answer. With `-WhatIf`
    /// nothing would be done.
    fn unasked(&self) -> Result<(), Wrong> {
        if self.switch("WhatIf")? {
            let expected = "no -WhatIf: with it nothing would be done, so leave the order out";
            return Err(Wrong::new(expected));
        }
        if self.switch("Confirm")? {
            return Err(Wrong::new("-Confirm:$false, or no -Confirm: nobody is there to answer"));
        }
        Ok(())
    }

    fn node(&self, name: &'static str) -> Result<Option<NodeId>, Wrong> {
        self.find(name, self.names.nodes.values().map(String::as_str))
    }

    fn group(&self, name: &'static str) -> Result<Option<GroupId>, Wrong> {
        self.find(name, self.names.groups.values().map(String::as_str))
    }

    fn resource(&self, name: &'static str) -> Result<Option<ResourceId>, Wrong> {
        self.find(name, self.names.resources.values().map(String::as_str))
    }

    fn database(&self, name: &'static str) -> Result<Option<DbId>, Wrong> {
        self.find(name, self.names.databases.values().map(|(name, _)| name.as_str()))
    }

    /// A copy, named by its database and its server.
    fn copy(&self, name: &'static str) -> Result<Option<(DbId, NodeId)>, Wrong> {
        let Some(text) = self.text(name) else { return Ok(None) };
        if self.names.databases.is_empty() {
            return Err(self.nothing_there(name));
        }
        let copies = self.names.databases.iter().flat_map(|(id, (database, copies))| {
            let shown = move |node: &NodeId| {
                (id, *node, format!("{database}\\{}", self.names.nodes[*node]))
            };
            copies.iter().map(shown)
        });
        let copies: Vec<(DbId, NodeId, String)> = copies.collect();
        let found = copies.iter().find(|(.., shown)| shown.eq_ignore_ascii_case(text));
        let all = copies.iter().map(|(.., shown)| shown.as_str());
        found.map(|(id, node, _)| Some((*id, *node))).ok_or_else(|| unknown(name, text, all))
    }

    fn find<'w, I: Id>(
        &self,
        name: &'static str,
        mut known: impl Iterator<Item = &'w str> + Clone,
    ) -> Result<Option<I>, Wrong> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let all = known.clone();
        if all.clone().next().is_none() {
            return Err(self.nothing_there(name));
        }
        let found = known.position(|known| known.eq_ignore_ascii_case(text));
        found.map(|place| Some(I::at(place))).ok_or_else(|| unknown(name, text, all))
    }
}

impl Line<'_> {
    /// The topology has nothing that a parameter could name.
    fn nothing_there(&self, name: &'static str) -> Wrong {
        let kind = match self.cmdlet.parameter(name) {
            Ok((_, Takes::Copy)) => "database copy".to_owned(),
            Ok((_, takes)) => takes.shown().to_lowercase(),
            Err(wrong) => return wrong,
        };
        Wrong::new(format!("a topology with a {kind} for -{name}; this one has none"))
    }
}

/// A value that leads nowhere.
fn unknown<'w>(name: &str, given: &str, known: impl Iterator<Item = &'w str> + Clone) -> Wrong {
    let all: Vec<&str> = known.clone().collect();
    let all = if all.is_empty() { "none".to_owned() } else { all.join(", ") };
    Wrong {
        expected: format!("-{name} to be one of {all}, not {given:?}"),
        hint: near(given, known),
    }
}

/// A word of a line; in quotes it is never a parameter's name.
#[derive(Debug)]
struct Word {
    text: String,
    quoted: bool,
}

impl Word {
    /// The name of a parameter, if it is one; `-5` is a number.
    fn named(&self) -> Option<&str> {
        let name = self.text.strip_prefix('-').filter(|_| !self.quoted)?;
        (!name.starts_with(|c: char| c.is_ascii_digit())).then_some(name)
    }
}

/// The words of a line; `"…"` and `'…'` hold blanks.
fn words(line: &str) -> Result<Vec<Word>, Wrong> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while let Some(first) = rest.chars().next() {
        let (text, quoted, after) = if first == '"' || first == '\'' {
            let inside = &rest[1..];
            let end = inside.find(first);
            let end = end.ok_or_else(|| Wrong::new(format!("a closing {first}")))?;
            (&inside[..end], true, &inside[end + 1..])
        } else {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            (&rest[..end], false, &rest[end..])
        };
        words.push(Word { text: text.to_owned(), quoted });
        rest = after.trim_start();
    }
    Ok(words)
}

#[cfg(test)]
mod tests;
