//! Orders in a line: the cmdlet's own line, then `on` the node where it is typed, and `at`.

use super::line::Word;
use super::slot::{Choice, Site, Slot, moment};
use crate::base::NodeId;
use crate::model::order::{self, Cmdlet, Names, Takes, Wrong, cmdlets};
use crate::model::topology::Topology;

/// A line taken apart.
pub(super) struct Parts<'w> {
    /// The cmdlet's own words.
    pub line: &'w [Word],
    /// The node after `on`.
    pub on: Option<&'w Word>,
    /// The moment after `at`.
    pub at: Option<&'w Word>,
}

/// Tells the cmdlet's own words from `on NODE` and `at TIME` at the end.
pub(super) fn parts(words: &[Word]) -> Parts<'_> {
    let mut parts = Parts { line: words, on: None, at: None };
    while let [line @ .., name, value] = parts.line {
        match () {
            () if line.is_empty() => break,
            () if name.is("on") && parts.on.is_none() => parts.on = Some(value),
            () if name.is("at") && parts.at.is_none() => parts.at = Some(value),
            () => break,
        }
        parts.line = line;
    }
    parts
}

/// The cmdlet's own words as a line.
pub(super) fn own(words: &[Word]) -> String {
    let shown = |word: &Word| match word.quoted {
        true if word.text.contains('"') => format!("'{}'", word.text),
        true => format!("\"{}\"", word.text),
        false => word.text.clone(),
    };
    words.iter().map(shown).collect::<Vec<_>>().join(" ")
}

/// The node on which a line is typed.
pub(super) fn node(topology: &Topology, name: Option<&str>) -> Option<NodeId> {
    let Some(name) = name else { return Some(NodeId(0)) };
    let mut members = topology.machines.values().take(topology.nodes);
    let found = members.position(|machine| machine.name.eq_ignore_ascii_case(name))?;
    u8::try_from(found).ok().map(NodeId)
}

/// What is wrong with the cmdlet's own words.
pub(super) fn judge(topology: &Topology, words: &[Word], on: NodeId) -> Result<(), Wrong> {
    order::read(&own(words), on, &Names::of(topology)).map(drop)
}

/// What may come after a cmdlet and some words.
pub(super) fn after(site: Site, words: &[Word]) -> Slot {
    let Some(cmdlet) = cmdlets().find(|cmdlet| cmdlet.is(&words[0].text)) else {
        return Slot::of("a kind of fault, a cmdlet, or move, remove, set, until", Vec::new());
    };
    let last = words.last().filter(|_| words.len() > 1);
    let before = parts(&words[..words.len() - 1]);
    let own_is_whole = |words: &[Word]| judge(site.topology, words, NodeId(0)).is_ok();
    match last {
        Some(word) if word.is("on") && own_is_whole(before.line) => return nodes(site.topology),
        Some(word) if word.is("at") && own_is_whole(before.line) => return moment(site),
        _ => {}
    }
    let parts = parts(words);
    let names = Names::of(site.topology);
    let mut choices = Vec::new();
    let options = parts.on.is_some() || parts.at.is_some();
    if !options {
        match last.and_then(|word| wants_value(cmdlet, word)) {
            Some((name, takes)) => {
                let values = values(&names, site.topology, cmdlet, name, takes);
                return Slot::any(format!("a value for -{name}"), values, |_| true);
            }
            None => choices.extend(next(&names, site.topology, cmdlet, parts.line)),
        }
    }
    let may_end = own_is_whole(parts.line);
    if may_end {
        let all = [("on", parts.on, "the node where it is typed"), ("at", parts.at, "when")];
        let left = all.into_iter().filter(|(_, given, _)| given.is_none());
        choices.extend(left.map(|(word, _, help)| Choice::new(word, help)));
    }
    // The cmdlet itself judges its line as a whole.
    Slot { may_end, ..Slot::any("a parameter or its value", choices, |_| true) }
}

fn nodes(topology: &Topology) -> Slot {
    let members = topology.machines.values().take(topology.nodes);
    Slot::of("a node", members.map(|one| Choice::new(one.name.clone(), "a node")).collect())
}

/// The parameter whose value comes after this word.
fn wants_value(cmdlet: &Cmdlet, word: &Word) -> Option<(&'static str, Takes)> {
    let name = word.text.strip_prefix('-').filter(|_| !word.quoted)?;
    let mut all = own_parameters(cmdlet);
    let (name, takes) = all.find(|(known, _)| known.eq_ignore_ascii_case(name))?;
    (takes != Takes::Switch).then_some((name, takes))
}

fn own_parameters(cmdlet: &Cmdlet) -> impl Iterator<Item = (&'static str, Takes)> + use<> {
    cmdlet
        .identity
        .into_iter()
        .chain(cmdlet.parameters.iter().copied())
        .chain(cmdlet.ignored.iter().copied())
}

/// Values that need no name, and names of parameters that are not given yet.
fn next(names: &Names, topology: &Topology, cmdlet: &Cmdlet, words: &[Word]) -> Vec<Choice> {
    let mut unnamed = 0;
    let mut given: Vec<&str> = Vec::new();
    let mut at = 1;
    while let Some(word) = words.get(at) {
        match word.text.strip_prefix('-').filter(|_| !word.quoted) {
            Some(name) => {
                given.push(name.split(':').next().unwrap_or(name));
                let takes_next = !name.contains(':') && wants_value(cmdlet, word).is_some();
                at += usize::from(takes_next);
            }
            None => unnamed += 1,
        }
        at += 1;
    }
    let is_given = |name: &str| given.iter().any(|known| known.eq_ignore_ascii_case(name));
    let stands = |name: &str| cmdlet.unless == Some(name);
    let second = cmdlet
        .second
        .and_then(|second| cmdlet.parameters.iter().copied().find(|(name, _)| *name == second));
    let excused = given.iter().any(|name| stands(name));
    let identity = cmdlet.identity.filter(|_| !excused);
    let places: Vec<_> =
        identity.into_iter().chain(second).filter(|(name, _)| !is_given(name)).collect();
    let mut choices = Vec::new();
    if let Some((name, takes)) = places.get(unnamed) {
        choices.extend(values(names, topology, cmdlet, name, *takes));
    }
    let taken: Vec<&str> = places.iter().take(unnamed).map(|(name, _)| *name).collect();
    let left = own_parameters(cmdlet).filter(|(name, _)| !is_given(name) && !taken.contains(name));
    choices.extend(left.map(|(name, takes)| {
        let ignored = cmdlet.ignored.iter().any(|(known, _)| *known == name);
        let effect = if ignored { "; without effect" } else { "" };
        let shown = takes.shown();
        let help = if shown.is_empty() { "a switch".to_owned() } else { shown };
        Choice::new(format!("-{name}"), format!("{help}{effect}"))
    }));
    choices
}

/// What may stand as the value of a parameter.
fn values(
    names: &Names,
    topology: &Topology,
    cmdlet: &Cmdlet,
    name: &str,
    takes: Takes,
) -> Vec<Choice> {
    let all = |words: Vec<String>, help: &str| {
        words.into_iter().map(|word| Choice::new(word, help)).collect::<Vec<_>>()
    };
    let nodes = || names.nodes.values().cloned().collect::<Vec<_>>();
    match takes {
        Takes::Switch => Vec::new(),
        Takes::Node => all(nodes(), "a node"),
        Takes::Group => all(names.groups.values().cloned().collect(), "a group"),
        Takes::Resource => all(names.resources.values().cloned().collect(), "a resource"),
        Takes::Database => {
            let databases = names.databases.values().map(|(name, _)| name.clone());
            all(databases.collect(), "a database")
        }
        Takes::Copy => {
            let copies = names.databases.values().flat_map(|(database, copies)| {
                copies.iter().map(move |node| format!("{database}\\{}", names.nodes[*node]))
            });
            all(copies.collect(), "a database copy")
        }
        Takes::Number => all(vec!["0".to_owned()], "a whole number"),
        Takes::Limit => all(vec!["1".to_owned(), "$null".to_owned()], "a whole number, or none"),
        Takes::Word(words) => all(words.iter().map(|word| (*word).to_owned()).collect(), ""),
        Takes::Text => texts(names, topology, cmdlet, name),
    }
}

/// What may stand as a text: some of them name something too.
fn texts(names: &Names, topology: &Topology, cmdlet: &Cmdlet, name: &str) -> Vec<Choice> {
    let array = names.client_access_array.iter().cloned();
    let array = array.map(|name| Choice::new(name, "the client access array"));
    match name {
        "Identity" => {
            vec![Choice::new(names.availability_group.clone(), "the database availability group")]
        }
        "WitnessServer" | "AlternateWitnessServer" => {
            let servers = names.witness_servers.iter().cloned();
            servers.map(|name| Choice::new(name, "can be witness server")).collect()
        }
        "ActiveDirectorySite" => {
            let sites = names.sites.iter();
            sites.map(|(name, _)| Choice::new(name.clone(), "an Active Directory site")).collect()
        }
        "Fqdn" => array.collect(),
        "RpcClientAccessServer" => {
            let servers = names.nodes.values();
            let full = servers.map(|node| format!("{node}.{}", topology.domain));
            array.chain(full.map(|name| Choice::new(name, "a server"))).collect()
        }
        "WitnessDirectory" | "AlternateWitnessDirectory" => {
            vec![Choice::new("C:\\DAGWitness", "a directory; it decides nothing")]
        }
        _ => vec![Choice::new("text", format!("any text for {}", cmdlet.name))],
    }
}
