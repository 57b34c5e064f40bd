//! Versions in a topology file: which there are, what only some can do, and rules between
//! settings.

use super::cluster::{Cluster, USUAL_PRIORITY};
use super::read::Section;
use super::settings::{Given, Wish};
use crate::base::{IdVec, MachineId};
use crate::model::Problem;
use crate::model::lease::lease_problem;
use crate::model::quorum::lower_priority_problem;
use crate::model::settings::Settings;
use crate::model::topology::*;
use crate::model::version::{Ability, heartbeat_problems};

pub(super) const WINDOWS: &[(&str, WindowsVersion)] = &WindowsVersion::ALL;
pub(super) const EXCHANGE: &[(&str, ExchangeVersion)] =
    &[("rtm", ExchangeVersion::Rtm), ("sp1", ExchangeVersion::Sp1)];

/// The versions that the file names, or the command line in its place.
pub(super) fn versions(
    root: &Section,
    overrides: &[Wish],
    problems: &mut Vec<Problem>,
) -> (WindowsVersion, ExchangeVersion) {
    let over = |wanted: &str| {
        let mut found = overrides.iter().filter(|wish| wish.key == wanted);
        found.next_back()
    };
    let mut windows = root.word("windows_version", WINDOWS).unwrap_or(WindowsVersion::V2008R2);
    let mut exchange = root.word("exchange_version", EXCHANGE).unwrap_or(ExchangeVersion::Sp1);
    pick(over("windows_version"), WINDOWS, &mut windows, problems);
    pick(over("exchange_version"), EXCHANGE, &mut exchange, problems);
    (windows, exchange)
}

pub(super) fn pick<T: Copy>(
    wish: Option<&Wish>,
    words: &[(&str, T)],
    value: &mut T,
    problems: &mut Vec<Problem>,
) {
    let Some(wish) = wish else { return };
    match words.iter().find(|(word, _)| *word == wish.text) {
        Some((_, found)) => *value = *found,
        None => {
            let all: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            let near = super::near(&wish.text, all.iter().copied());
            problems.push(wish.wrong(format!("one of {}", all.join(", ")), near));
        }
    }
}

/// Rules between settings.
pub(super) fn constraints(root: &Section, values: &Settings, exchange: ExchangeVersion) {
    if values.cluster.retry_period_on_failure < values.cluster.restart_period {
        let expected = "cluster.retry_period_on_failure to be at least cluster.restart_period \
                        (wsfc.md §4.2)";
        root.wrong("cluster", expected, None);
    }
    if exchange == ExchangeVersion::Rtm && values.replication.block_mode {
        let hint = Some("set exchange_version = \"sp1\" or block_mode = false".to_owned());
        root.wrong("replication", "block_mode = false: block mode needs SP1", hint);
    }
}

/// What only some versions can do, and what they allow.
pub(super) fn of_version(
    root: &Section,
    windows: WindowsVersion,
    values: &Settings,
    given: &Given,
    machines: &IdVec<MachineId, Machine>,
) {
    for (key, expected) in heartbeat_problems(windows, values) {
        root.wrong("cluster", &format!("{key} {expected}"), None);
    }
    if let Some((key, expected)) = lease_problem(windows, values) {
        root.wrong("lease", &format!("{key}: {expected}"), None);
    }
    let nodes = machines.values().filter(|m| m.roles.contains(&MachineRole::Mailbox)).count();
    if let Some(expected) = lower_priority_problem(values, nodes) {
        root.wrong("cluster", &expected, None);
    }
    for ability in Ability::ALL.into_iter().filter(|ability| !windows.can(*ability)) {
        for key in ability.settings().iter().filter(|key| given.contains(**key)) {
            wants(root, ability, key);
        }
    }
    if !windows.can(Ability::CrossSite) && machines.values().any(|machine| machine.cluster_site > 0)
    {
        wants(root, Ability::CrossSite, "a node's cluster_site");
    }
}

pub(super) fn priorities(root: &Section, windows: WindowsVersion, site: &Cluster) {
    let given = site.groups.values().any(|group| group.priority != USUAL_PRIORITY);
    if given && !windows.can(Ability::GroupPriority) {
        let groups = root.tables("group");
        for group in groups.iter().filter(|group| group.has("priority")) {
            let (since, source) = Ability::GroupPriority.since();
            let expected = format!(
                "no priority: it needs Windows Server {} or later ({source})",
                since.word()
            );
            let hint = format!("set windows_version = \"{}\" or leave it out", since.word());
            group.wrong("priority", &expected, Some(hint));
        }
    }
}

/// Something needs a later version.
fn wants(root: &Section, ability: Ability, what: &str) {
    let (since, source) = ability.since();
    let hint = format!("set windows_version = \"{}\" or leave the property out", since.word());
    let expected = format!("Windows Server {} or later for {what} ({source})", since.word());
    root.wrong("windows_version", &expected, Some(hint));
}
