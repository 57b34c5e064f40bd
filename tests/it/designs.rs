//! What survives what: the table of docs/DESIGNS.md is made from runs of the built-in designs with
//! the same users and the same faults. `UPDATE=1` rewrites it.

use crate::source::{root, updating};
use dagtwin::base::Span;
use dagtwin::lab::{self, Outcome, VerdictKind};
use dagtwin::model::builtin::{BuiltinSite, SITES};
use dagtwin::model::load::{self, Given};
use dagtwin::view::outage::{Outage, Who};

const DESIGNS: [&str; 7] = [
    "single-server",
    "two-node-2010",
    "two-node-load-balancer",
    "classic-four-node",
    "two-site",
    "dag-four",
    "dag-sixteen",
];
const SCENARIOS: [&str; 10] = [
    "quiet",
    "power-off",
    "store-stop",
    "client-access-stop",
    "client-access-server-off",
    "switch-off",
    "dc01-off",
    "dc01-off-then-nics",
    "half-off",
    "site-off",
];

fn site(design: &str) -> &'static BuiltinSite {
    SITES.iter().find(|site| site.topology.name == design).expect("a built-in design")
}

/// What a run came to for its users: how long after the last fault everybody was served again, and
/// the longest that one of them was not; or how many were not at the end.
fn told(outcome: &Outcome) -> String {
    let kind = outcome.verdict.kind;
    assert!(matches!(kind, VerdictKind::Ok | VerdictKind::Unavailable), "{kind:?}");
    let clients = outcome.outages.iter().filter(|outage| outage.hard);
    let clients: Vec<&Outage> =
        clients.filter(|outage| matches!(outage.who, Who::Client(..))).collect();
    let out = clients.iter().filter(|outage| outage.to.is_none()).count();
    if out > 0 {
        return format!("**{out} of {} out**", outcome.topology.total_clients());
    }
    let Some(end) = clients.iter().filter_map(|outage| outage.to).max() else {
        return "nobody cut off".to_owned();
    };
    let longest = clients.iter().filter_map(|outage| outage.span()).max().unwrap_or(Span::ZERO);
    let faults = outcome.scenario.faults.iter().map(|planned| planned.at);
    let back = end.saturating_since(faults.max().expect("without a fault nobody is cut off"));
    let seconds = |span: Span| span.as_nanos().div_ceil(1_000_000_000);
    format!("{} s, longest {} s", seconds(back), seconds(longest))
}

fn cell(design: &str, scenario: &str) -> String {
    let site = site(design);
    let file = site.scenarios.iter().find(|file| file.name == scenario);
    let file = file.unwrap_or_else(|| panic!("{design} has no scenario {scenario}"));
    let wishes = load::wishes(file.path, file.text);
    let loaded = load::topology(site.topology.path, site.topology.text, &wishes);
    let topology = loaded.unwrap_or_else(|problems| panic!("{problems:#?}")).topology;
    let scenario = load::scenario(file.path, file.name, file.text, &topology);
    let scenario = scenario.unwrap_or_else(|problems| panic!("{problems:#?}"));
    told(&lab::run(&topology, &scenario, 1, &Given::new()))
}

fn table() -> String {
    let mut table = format!("| | {} |\n", DESIGNS.map(|name| format!("`{name}`")).join(" | "));
    table += &format!("|---|{}\n", "---|".repeat(DESIGNS.len()));
    for scenario in SCENARIOS {
        let cells = DESIGNS.map(|design| cell(design, scenario));
        table += &format!("| `{scenario}` | {} |\n", cells.join(" | "));
    }
    table
}

#[test]
fn the_table_of_designs_is_what_their_runs_come_to() {
    let path = root().join("docs/DESIGNS.md");
    let page = std::fs::read_to_string(&path).expect("the page");
    let begin = page.find("| | `single-server`").expect("the table begins");
    let end = begin + page[begin..].find("\n\n").expect("a blank line after the table") + 1;
    let now = format!("{}{}{}", &page[..begin], table(), &page[end..]);
    if updating() {
        return std::fs::write(&path, &now).expect("the page can be written");
    }
    assert_eq!(page, now, "docs/DESIGNS.md is out of date: UPDATE=1 rewrites it");
}

/// The designs are compared with the same users: names, kinds, numbers and rhythm.
#[test]
fn every_design_has_the_same_users() {
    let users = |design: &str| {
        let topology = load::topology("t.toml", site(design).topology.text, &[]);
        let groups = topology.unwrap_or_else(|problems| panic!("{problems:#?}")).topology.clients;
        let user = |group: dagtwin::model::topology::ClientGroup| {
            let system = (group.operating_system, group.authentication);
            (group.name, group.kind, group.cached, group.count, group.think, system)
        };
        groups.into_iter().map(user).collect::<Vec<_>>()
    };
    for design in DESIGNS {
        assert_eq!(users(design), users("two-node-2010"), "{design}");
    }
}
