//! The same scenario on another site: names become those of what is alike there.

use super::Found;
use crate::base::{Id, IdVec};
use crate::model::topology::{MachineRole, NetworkRole, Topology};
use crate::model::{Source, Sources, load};

/// The scenario on every site with fewer machines, from the one with the fewest, by the name of
/// the site.
pub(super) fn smaller(found: &Found, sites: &[Source]) -> Vec<(String, Sources)> {
    let here = &found.loaded.topology;
    let mut smaller: Vec<(usize, String, Sources)> = Vec::new();
    for site in sites {
        let Ok(there) = load::topology(&site.file, &site.text, &[]) else { continue };
        let machines = there.topology.machines.len();
        if machines >= here.machines.len() {
            continue;
        }
        let names = names(here, &there.topology);
        let scenario = &found.sources.scenario;
        let scenario = Source { text: renamed(&scenario.text, &names), ..scenario.clone() };
        let sources = Sources { topology: site.clone(), scenario, ..found.sources.clone() };
        smaller.push((machines, there.topology.name, sources));
    }
    smaller.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    smaller.into_iter().map(|(_, name, sources)| (name, sources)).collect()
}

/// What each name of a site is called on another: what has the same role, by its place among
/// those; with fewer there, they are counted round.
fn names(here: &Topology, there: &Topology) -> Vec<(String, String)> {
    let mut names = Vec::new();
    let mut pair = |ours: Vec<&str>, theirs: Vec<&str>| {
        if theirs.is_empty() {
            return;
        }
        for (place, name) in ours.into_iter().enumerate() {
            let same = theirs.iter().find(|their| **their == name);
            let other = same.copied().unwrap_or(theirs[place % theirs.len()]);
            names.push((name.to_owned(), other.to_owned()));
        }
    };
    pair(members(here), members(there));
    for role in [MachineRole::DomainController, MachineRole::Witness, MachineRole::LoadBalancer] {
        pair(others(here, role), others(there, role));
    }
    pair(others(here, MachineRole::ClientAccess), members(there));
    for role in [NetworkRole::ClusterAndClient, NetworkRole::Cluster] {
        let of = |topology: &'_ Topology| -> Vec<String> {
            let networks = topology.networks.values().filter(|network| network.role == role);
            networks.map(|network| network.name.clone()).collect()
        };
        let (ours, theirs) = (of(here), of(there));
        pair(
            ours.iter().map(String::as_str).collect(),
            theirs.iter().map(String::as_str).collect(),
        );
    }
    pair(named(&here.databases, |one| &one.name), named(&there.databases, |one| &one.name));
    pair(named(&here.groups, |one| &one.name), named(&there.groups, |one| &one.name));
    pair(named(&here.resources, |one| &one.name), named(&there.resources, |one| &one.name));
    names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    names.dedup_by(|a, b| a.0 == b.0);
    names
}

fn named<I: Id, T>(all: &IdVec<I, T>, name: impl Fn(&T) -> &String) -> Vec<&str> {
    all.values().map(|one| name(one).as_str()).collect()
}

fn members(topology: &Topology) -> Vec<&str> {
    let members = topology.machines.values().take(topology.nodes);
    members.map(|machine| machine.name.as_str()).collect()
}

/// Machines with a role that are no members.
fn others(topology: &Topology, role: MachineRole) -> Vec<&str> {
    let others = topology.with_role(role).filter(|id| usize::from(id.0) >= topology.nodes);
    others.map(|id| topology.machine_name(id)).collect()
}

/// A text with other names, where they stand as whole words.
fn renamed(text: &str, names: &[(String, String)]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut before = ' ';
    while let Some(first) = rest.chars().next() {
        let part = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
        let found = names.iter().find(|(name, _)| {
            let after = rest.strip_prefix(name.as_str()).map(|after| after.chars().next());
            !part(before) && after.is_some_and(|after| !after.is_some_and(part))
        });
        let taken = match found {
            Some((name, other)) => {
                out += other;
                name.len()
            }
            None => {
                out.push(first);
                first.len_utf8()
            }
        };
        before = rest[..taken].chars().next_back().unwrap_or(' ');
        rest = &rest[taken..];
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_whole_words() {
        let names = [("EX10", "EX02"), ("EX1", "EX01"), ("DB1", "VIP")];
        let names = names.map(|(a, b)| (a.to_owned(), b.to_owned()));
        let text = "machine = \"EX1\" order = \"Move DB1\\EX10 -Node EX1\" EX11 DB1x";
        let other = "machine = \"EX01\" order = \"Move VIP\\EX02 -Node EX01\" EX11 DB1x";
        assert_eq!(renamed(text, &names), other);
    }
}
