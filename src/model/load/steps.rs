//! Steps in a scenario file: what is done, what is expected.

use super::read::Section;
use super::scenario::{Names, at};
use crate::base::{CopyId, Instant, NodeId, Span};
use crate::failover::seam::{ContentIndex, CopyStatus, GroupState, NodeState};
use crate::model::order;
use crate::model::scenario::{Action, CopyWish, Expectation, Expected, Step, Whom};

/// Reads what a kind of deed needs from its section.
type Deed = fn(&Section, &Names) -> Option<Action>;

/// Reads what a kind of expectation needs from its section.
type Wish = fn(&Section, &Names) -> Option<Expected>;

const DEEDS: &[(&str, Deed)] = &[
    ("send-message", |section, names| {
        let client = names.client(section);
        let message = section.text("message").text;
        names.messages.borrow_mut().push(message.clone());
        Some(Action::SendMessage { client: client?, message })
    }),
    ("refresh", |section, names| Some(Action::Refresh { client: names.client(section)? })),
];

const WISHES: &[(&str, Wish)] = &[
    ("group", |section, names| {
        Some(Expected::Group {
            owner: section.named("owner", "a node", &names.nodes),
            state: section.word("state", STATES).unwrap_or(GroupState::Online),
            group: names.group(section)?,
        })
    }),
    ("database", |section, names| {
        Some(Expected::Database {
            active: section.named("active", "a node", &names.nodes),
            mounted: section.value("mounted").unwrap_or(true),
            database: names.database(section)?,
        })
    }),
    ("copies", |section, names| {
        Some(Expected::CopiesHealthy { database: names.database(section)? })
    }),
    ("copy", |section, names| {
        let (database, node) = (names.database(section), names.node(section, "node"));
        let status = section.word("status", COPY_STATES);
        let content_index = section.word("content_index", INDEX_STATES);
        let queue = |key| u64::from(section.value::<u32>(key).unwrap_or(0));
        let copy_queue_at_least = queue("copy_queue_at_least");
        let replay_queue_at_least = queue("replay_queue_at_least");
        let copy = CopyId { database: database?, node: node? };
        if !names.topology.databases[copy.database].copies.contains(&copy.node) {
            section.wrong("node", "a node with a copy of the database", None);
        }
        Some(Expected::Copy(CopyWish {
            copy,
            status,
            content_index,
            copy_queue_at_least,
            replay_queue_at_least,
        }))
    }),
    ("nodes", |section, names| {
        let places = section.texts("members");
        if !section.has("members") {
            section.wrong("members", "a list of nodes; the key is missing", None);
        }
        let found = places.iter().filter_map(|p| section.find(p, "a node", &names.nodes));
        Some(Expected::Nodes { members: found.collect() })
    }),
    ("node", |section, names| {
        let state = section.word("state", NODE_STATES).unwrap_or(NodeState::Up);
        Some(Expected::Node { node: names.node(section, "node")?, state })
    }),
    ("quorum", |section, _| Some(Expected::Quorum { held: section.value("held").unwrap_or(true) })),
    ("dns", |section, names| {
        let exists = section.value("exists").unwrap_or(true);
        let address = section.has("address").then(|| section.address("address")).flatten();
        if !exists && section.has("address") {
            section.wrong("address", "no address beside exists = false", None);
        }
        Some(Expected::Dns { exists, address, group: names.group(section)? })
    }),
    ("client-access-array", |section, _| {
        Some(Expected::ClientAccessArray { exists: section.value("exists").unwrap_or(true) })
    }),
    ("autodiscover", |section, names| {
        Some(Expected::Autodiscover { group: section.named("group", "a group", &names.groups) })
    }),
    ("connected", |section, names| Some(Expected::Connected { who: names.who(section)? })),
    ("connected-to", |section, names| {
        let node = names.node(section, "node");
        Some(Expected::ConnectedTo { client: names.client(section)?, node: node? })
    }),
    ("trying", |section, names| Some(Expected::Trying { client: names.client(section)? })),
    ("log-on-again", |section, names| Some(Expected::LogOnAgain { who: names.who(section)? })),
    ("message", |section, names| Some(sent_message(section, &names.messages.borrow()))),
    ("recovered", |_, _| Some(Expected::Recovered)),
    ("unmoved", |_, _| Some(Expected::Unmoved)),
    ("machine", |section, names| {
        let up = section.value("up").unwrap_or(true);
        Some(Expected::Machine { machine: names.machine(section)?, up })
    }),
    (OUTAGE, outage),
];

/// The kind of expectation that lasts for the rest of the run, if it does not say otherwise.
const OUTAGE: &str = "outage";

/// The keys of which one says when something is to hold.
const WHEN: [&str; 3] = ["within", "throughout", "never_within"];

const COPY_STATES: &[(&str, CopyStatus)] = &[
    ("Mounted", CopyStatus::Mounted),
    ("Mounting", CopyStatus::Mounting),
    ("Dismounting", CopyStatus::Dismounting),
    ("Dismounted", CopyStatus::Dismounted),
    ("Healthy", CopyStatus::Healthy),
    ("Initializing", CopyStatus::Initializing),
    ("Resynchronizing", CopyStatus::Resynchronizing),
    ("DisconnectedAndHealthy", CopyStatus::DisconnectedAndHealthy),
    ("DisconnectedAndResynchronizing", CopyStatus::DisconnectedAndResynchronizing),
    ("Suspended", CopyStatus::Suspended),
    ("Failed", CopyStatus::Failed),
    ("FailedAndSuspended", CopyStatus::FailedAndSuspended),
    ("Seeding", CopyStatus::Seeding),
    ("SeedingSource", CopyStatus::SeedingSource),
    ("ServiceDown", CopyStatus::ServiceDown),
];

const INDEX_STATES: &[(&str, ContentIndex)] = &[
    ("Healthy", ContentIndex::Healthy),
    ("Crawling", ContentIndex::Crawling),
    ("Failed", ContentIndex::Failed),
];

const NODE_STATES: &[(&str, NodeState)] = &[
    ("up", NodeState::Up),
    ("down", NodeState::Down),
    ("paused", NodeState::Paused),
    ("joining", NodeState::Joining),
];

const STATES: &[(&str, GroupState)] = &[
    ("online", GroupState::Online),
    ("offline", GroupState::Offline),
    ("failed", GroupState::Failed),
    ("partial-online", GroupState::PartialOnline),
    ("pending", GroupState::Pending),
];

/// Every `[[step]]` of a file.
pub(super) fn steps(root: &Section, names: &Names, until: Instant) -> Vec<Step> {
    let mut steps = Vec::new();
    let sections = root.tables("step");
    if sections.len() > 10_000 {
        root.wrong("step", "at most 10000 steps", None);
        return steps;
    }
    for (position, section) in sections.into_iter().enumerate() {
        let label = section.optional_text("label").map(|place| place.text);
        let text = section.text("text").text;
        let at = at(&section, until);
        let action = action(&section, names);
        let parts = section.tables("expect");
        let expect = parts.iter().filter_map(|part| expectation(part, names, at, until)).collect();
        section.finish();
        let label = label.unwrap_or_else(|| (position + 1).to_string());
        steps.push(Step { label, text, at, action, expect });
    }
    steps
}

/// What a step does: a cmdlet's line (`order`), or what a person at a client does (`do`).
fn action(section: &Section, names: &Names) -> Option<Action> {
    let line = section.optional_text("order");
    let on = section.named("on", "a node", &names.nodes);
    if on.is_some() && line.is_none() {
        section.wrong("on", "an order beside it; without one nothing is typed there", None);
    }
    let deed = section.table("do");
    if line.is_some() && deed.is_some() {
        section.wrong("do", "either an order or do, not both", None);
    }
    if let Some(place) = line {
        let read = order::read(&place.text, on.unwrap_or(NodeId(0)), &names.orders());
        return read.map_err(|wrong| section.wrong_at(&place, &wrong.expected, wrong.hint)).ok();
    }
    let deed = deed?;
    let (_, read) = deed.kind("kind", DEEDS)?;
    let action = read(&deed, names);
    deed.finish();
    action
}

fn expectation(
    section: &Section,
    names: &Names,
    at: Instant,
    until: Instant,
) -> Option<Expectation> {
    let (kind, read) = section.kind("what", WISHES)?;
    let given: Vec<&'static str> = WHEN.into_iter().filter(|key| section.has(key)).collect();
    if given.len() > 1 {
        section.wrong(given[1], &format!("no {} beside it: one of them says when", given[0]), None);
    }
    let key = given.first().copied().unwrap_or("within");
    let rest = until.saturating_since(at);
    let usual = if kind == OUTAGE { rest } else { Span::ZERO };
    let within = section.value(key).unwrap_or(usual);
    if within > rest {
        section.wrong(key, "a duration that ends before the run (until)", None);
    }
    let what = read(section, names);
    section.finish();
    let what = what?;
    let (lasts, happens) = nature(&what);
    let what = match key {
        "throughout" if lasts => Expected::Throughout(Box::new(what)),
        "never_within" if lasts || happens => Expected::Never(Box::new(what)),
        "within" => what,
        _ => {
            section.wrong(key, "what lasts, such as a group or a database; use within here", None);
            return None;
        }
    };
    Some(Expectation { what, within })
}

/// Whether what is expected is a state that lasts, and whether it is something that happens.
fn nature(what: &Expected) -> (bool, bool) {
    match what {
        Expected::Autodiscover { .. } | Expected::Trying { .. } | Expected::LogOnAgain { .. } => {
            (false, true)
        }
        Expected::Recovered
        | Expected::Unmoved
        | Expected::Outage { .. }
        | Expected::Throughout(_)
        | Expected::Never(_) => (false, false),
        Expected::Group { .. }
        | Expected::Database { .. }
        | Expected::CopiesHealthy { .. }
        | Expected::Copy(_)
        | Expected::Nodes { .. }
        | Expected::Quorum { .. }
        | Expected::Dns { .. }
        | Expected::ClientAccessArray { .. }
        | Expected::Connected { .. }
        | Expected::ConnectedTo { .. }
        | Expected::Message { .. }
        | Expected::Node { .. }
        | Expected::Machine { .. } => (true, false),
    }
}

/// Whose outages, and how long they may be.
fn outage(section: &Section, names: &Names) -> Option<Expected> {
    if !section.has("at_most") {
        section.wrong("at_most", "a duration such as \"20s\"; the key is missing", None);
    }
    let at_most = section.value("at_most");
    let keys = ["client", "group", "database"];
    let given: Vec<&'static str> = keys.into_iter().filter(|key| section.has(key)).collect();
    let whom = match given.as_slice() {
        ["client"] => Whom::Clients(names.who(section)?),
        ["group"] => Whom::Group(names.group(section)?),
        ["database"] => Whom::Database(names.database(section)?),
        [] => {
            let expected = "a kind of client, a client, or instead a group or a database; the key \
                            is missing";
            section.wrong("client", expected, None);
            return None;
        }
        [_, second, ..] => {
            section.wrong(second, "one of client, group and database", None);
            return None;
        }
        [_] => return None,
    };
    Some(Expected::Outage { whom, at_most: at_most? })
}

fn sent_message(section: &Section, messages: &[String]) -> Expected {
    let place = section.text("message");
    if !messages.contains(&place.text) {
        let expected = "a message that an earlier step sends";
        let near = super::near(&place.text, messages.iter().map(String::as_str));
        section.wrong_at(&place, expected, near);
    }
    let delivered = section.word("state", &[("sent", false), ("delivered", true)]);
    Expected::Message { message: place.text, delivered: delivered.unwrap_or(false) }
}
