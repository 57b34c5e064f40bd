//! Expectations of a scenario's steps: what held, when, and what did not.

use crate::base::{ClientId, Id, Instant, NodeSet, Span};
use crate::failover::seam::NodeState;
use crate::journal::Record;
use crate::journal::record::{ClientEvent, ConnectionState, What};
use crate::journal::text::{Names, group_state};
use crate::model::scenario::{CopyWish, Expectation, Expected, Who, Whom};
use crate::model::topology::ClientGroup;
use crate::model::{Scenario, Topology};
use crate::view::Scene;
use crate::view::outage::{Outage, Who as Out};

/// An expectation and how it ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mark {
    /// What was expected, in words.
    pub text: String,
    /// Within which time.
    pub within: Span,
    /// After which time it held; none if it did not in time.
    pub held_after: Option<Span>,
}

/// A step with the marks of its expectations.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StepMarks {
    /// Its label.
    pub label: String,
    /// Its text.
    pub text: String,
    /// When it was done.
    pub at: Instant,
    /// Its marks.
    pub marks: Vec<Mark>,
}

/// An expectation being watched.
struct Watch<'s> {
    step: usize,
    position: usize,
    at: Instant,
    until: Instant,
    expectation: &'s Expectation,
    /// Something that happens at a moment has happened.
    seen: bool,
    /// Moves of groups and databases when the step began.
    moves: Option<u32>,
    held: Option<Instant>,
    over: bool,
    /// The members that were there instead, when last asked.
    found: Option<NodeSet>,
    /// A client that was not connected when last asked.
    away: Option<ClientId>,
    /// What was other than expected, where that ends the watch.
    instead: Option<String>,
    /// When everything is back that was lost after it began, worked out once; none for never.
    back: Option<Option<Instant>>,
}

/// Judges every expectation.
pub fn judge(
    topology: &Topology,
    scenario: &Scenario,
    records: &[Record],
    outages: &[Outage],
) -> Vec<StepMarks> {
    let names = Names::new(topology, Some(scenario));
    let mut watches: Vec<Watch> = Vec::new();
    for (step, planned) in scenario.steps.iter().enumerate() {
        for (position, expectation) in planned.expect.iter().enumerate() {
            watches.push(Watch {
                step,
                position,
                at: planned.at,
                until: planned.at.saturating_add(expectation.within),
                expectation,
                seen: false,
                moves: None,
                held: None,
                over: false,
                found: None,
                away: None,
                instead: None,
                back: None,
            });
        }
    }
    play(topology, scenario, records, outages, &mut watches);
    let mut steps: Vec<StepMarks> = scenario
        .steps
        .iter()
        .map(|step| StepMarks {
            label: step.label.clone(),
            text: step.text.clone(),
            at: step.at,
            marks: Vec::new(),
        })
        .collect();
    watches.sort_by_key(|watch| (watch.step, watch.position));
    for watch in watches {
        let mut text = told(&names, &watch.expectation.what);
        if let (None, Some(found)) = (watch.held, watch.found) {
            text += &match found.is_empty() {
                true => "; nobody has quorum".to_owned(),
                false => format!("; the view has {}", names.nodes(found)),
            };
        }
        if let Some(instead) = &watch.instead {
            text += &format!(" ({instead})");
        }
        steps[watch.step].marks.push(Mark {
            text,
            within: watch.expectation.within,
            held_after: watch.held.map(|held| held.since(watch.at)),
        });
    }
    steps
}

/// Plays the records and asks each watch at every moment of its window at which something
/// changed, and at both of its ends.
fn play(
    topology: &Topology,
    scenario: &Scenario,
    records: &[Record],
    outages: &[Outage],
    watches: &mut [Watch],
) {
    let mut scene = Scene::new(topology, scenario);
    let mut number = 0;
    while number < records.len() {
        let at = records[number].at;
        settle(&scene, scenario, outages, watches, at);
        while number < records.len() && records[number].at == at {
            let record = &records[number];
            scene.apply(record);
            for watch in watches.iter_mut().filter(|w| !w.over && at >= w.at && at <= w.until) {
                watch.seen |= happened(topology, &watch.expectation.what, &record.what);
            }
            number += 1;
        }
        for watch in watches.iter_mut().filter(|w| !w.over && at >= w.at && at <= w.until) {
            watch.ask(&scene, scenario, outages, at);
        }
    }
    settle(&scene, scenario, outages, watches, Instant::MAX);
}

/// Watches whose window begins or ends before the next record.
fn settle(
    scene: &Scene,
    scenario: &Scenario,
    outages: &[Outage],
    watches: &mut [Watch],
    next: Instant,
) {
    for watch in watches.iter_mut().filter(|watch| !watch.over && watch.at < next) {
        let first = watch.moves.is_none();
        if first {
            watch.ask(scene, scenario, outages, watch.at);
        }
        if !watch.over && watch.until < next {
            watch.ask(scene, scenario, outages, watch.until);
            watch.over = true;
        }
    }
}

impl Watch<'_> {
    /// Whether what is expected holds now, where that is a state or has happened.
    fn state(&mut self, scene: &Scene, scenario: &Scenario, what: &Expected) -> bool {
        match what {
            Expected::Connected { who } => self.connected(scene, *who),
            other => self.seen || holds(scene, scenario, other),
        }
    }

    /// The longest outage of those meant that falls into the time that is watched. What has not
    /// ended is out until the end of the run.
    fn longest(&self, topology: &Topology, whom: Whom, outages: &[Outage], end: Instant) -> Span {
        let hard = outages.iter().filter(|outage| outage.hard && of(topology, whom, outage.who));
        let within = hard
            .filter(|outage| outage.from <= self.until && outage.to.is_none_or(|to| to > self.at));
        let spans = within.map(|outage| outage.to.unwrap_or(end).saturating_since(outage.from));
        spans.max().unwrap_or(Span::ZERO)
    }

    /// It cannot hold any more.
    fn failed(&mut self, instead: String) {
        self.instead = Some(instead);
        self.over = true;
    }

    fn ask(&mut self, scene: &Scene, scenario: &Scenario, outages: &[Outage], now: Instant) {
        let moves = scene.groups.values().map(|group| group.moves).sum::<u32>()
            + scene.databases.values().map(|database| database.moves).sum::<u32>();
        let before = *self.moves.get_or_insert(moves);
        let what = &self.expectation.what;
        let holds = match what {
            Expected::Unmoved => {
                if moves != before {
                    self.over = true;
                    return;
                }
                now >= self.until
            }
            Expected::Recovered => {
                let back = *self.back.get_or_insert_with(|| recovered(outages, self.at));
                back.is_some_and(|back| back <= now)
            }
            Expected::Throughout(what) => {
                if !self.state(scene, scenario, what) {
                    return self.failed(format!("not after {}", now.saturating_since(self.at)));
                }
                now >= self.until
            }
            Expected::Never(what) => {
                if self.state(scene, scenario, what) {
                    return self.failed(format!("it was, after {}", now.saturating_since(self.at)));
                }
                now >= self.until
            }
            Expected::Outage { whom, at_most } => {
                let longest = self.longest(scene.topology(), *whom, outages, scenario.until);
                if longest > *at_most {
                    return self.failed(format!("one of {longest}"));
                }
                now >= self.until
            }
            other => self.state(scene, scenario, other),
        };
        if matches!(what, Expected::Nodes { .. }) {
            self.found = Some(view(scene));
        }
        if holds {
            let end = recovered_at(outages, self.at).filter(|_| *what == Expected::Recovered);
            self.held = Some(end.unwrap_or(now).max(self.at));
            self.over = true;
        }
    }

    /// Whether everybody meant is connected. As long as the one who was not still is not, nobody
    /// else needs to be asked.
    fn connected(&mut self, scene: &Scene, who: Who) -> bool {
        if self.away.is_some_and(|id| !is_connected(scene, id)) {
            return false;
        }
        let topology = scene.topology();
        let clients = |group: &ClientGroup| group.first.0..group.first.0 + group.count;
        let meant = topology.clients.iter().flat_map(clients).map(ClientId);
        self.away =
            meant.into_iter().find(|id| is(topology, who, *id) && !is_connected(scene, *id));
        self.away.is_none()
    }
}

/// Whether a client is connected and at work.
fn is_connected(scene: &Scene, id: ClientId) -> bool {
    let client = &scene.clients[id];
    client.answered && client.state.is_none_or(|state| state == ConnectionState::Connected)
}

/// When nothing is out any more of what ended or goes on after a moment; none for never.
fn recovered(outages: &[Outage], since: Instant) -> Option<Instant> {
    let mut last = since;
    for outage in outages.iter().filter(|outage| outage.hard && outage.to != Some(outage.from)) {
        last = last.max(outage.to?);
    }
    Some(last)
}

fn recovered_at(outages: &[Outage], since: Instant) -> Option<Instant> {
    let counted = outages.iter().filter(|outage| outage.hard);
    counted.filter_map(|outage| outage.to).filter(|to| *to > since).max()
}

/// Whether somebody without service is meant.
fn of(topology: &Topology, whom: Whom, who: Out) -> bool {
    match (whom, who) {
        (Whom::Clients(meant), Out::Client(_, client)) => is(topology, meant, client),
        (Whom::Group(meant), Out::Group(group)) => meant == group,
        (Whom::Database(meant), Out::Database(database)) => meant == database,
        _ => false,
    }
}

/// Whether something that happens at a moment is what a record tells.
fn happened(topology: &Topology, expected: &Expected, what: &What) -> bool {
    let What::Client(client, event) = what else { return false };
    match expected {
        Expected::Trying { client: wanted } => {
            client == wanted && *event == ClientEvent::State(ConnectionState::Trying)
        }
        Expected::LogOnAgain { who } => {
            let again =
                matches!(event, ClientEvent::LogOnPage | ClientEvent::LoggedOn { again: true });
            again && is(topology, *who, *client)
        }
        Expected::Autodiscover { group } => {
            matches!(event, ClientEvent::Autodiscovered { array } if *array == group.is_some())
        }
        Expected::Never(never) => happened(topology, never, what),
        _ => false,
    }
}

fn is(topology: &Topology, who: Who, client: ClientId) -> bool {
    match who {
        Who::One(one) => one == client,
        Who::Kind(kind) => topology.client_group(client).kind == kind,
    }
}

/// Whether a state holds.
fn holds(scene: &Scene, scenario: &Scenario, expected: &Expected) -> bool {
    let topology = scene.topology();
    match expected {
        Expected::Group { group, owner, state } => {
            let entry = &scene.groups[*group];
            entry.state == *state && owner.is_none_or(|owner| entry.owner == Some(owner))
        }
        Expected::Database { database, active, mounted } => {
            let place = scene
                .served_by(*database)
                .or_else(|| scene.mounted(*database).filter(|node| scene.serves((*node).into())));
            place.is_some() == *mounted && active.is_none_or(|active| place == Some(active))
        }
        Expected::CopiesHealthy { database } => {
            use crate::failover::seam::CopyStatus;
            let copies = scene.copies.iter().filter(|(id, _)| id.database == *database);
            copies.into_iter().all(|(_, copy)| copy.mounted || copy.status == CopyStatus::Healthy)
        }
        Expected::Copy(wish) => copy_holds(scene, wish),
        Expected::Nodes { members } => {
            let view = view(scene);
            !view.is_empty() && view == members.iter().copied().collect()
        }
        Expected::Node { node, state } => scene.node_state(*node) == *state,
        Expected::Quorum { held } => scene.quorum_holders().is_empty() != *held,
        Expected::Dns { group, exists, address } => {
            let record = topology.network_name(*group).and_then(|name| scene.dns.get(&name));
            record.is_some() == *exists && address.is_none_or(|wanted| record == Some(&wanted))
        }
        Expected::ClientAccessArray { exists } => scene.array == *exists,
        Expected::ConnectedTo { client, node } => {
            let client = &scene.clients[*client];
            client.answered && client.machine.is_some_and(|machine| machine.index() == node.index())
        }
        Expected::Message { message, delivered } => {
            let step = scenario.steps.iter().position(|step| {
                matches!(&step.action, Some(crate::model::scenario::Action::SendMessage {
                    message: name, ..
                }) if name == message)
            });
            let mail = step.and_then(|step| scene.message_of_step(step));
            mail.is_some_and(|mail| if *delivered { mail.delivered } else { mail.submitted })
        }
        Expected::Machine { machine, up } => scene.machines[*machine] == *up,
        Expected::Trying { .. }
        | Expected::LogOnAgain { .. }
        | Expected::Autodiscover { .. }
        | Expected::Connected { .. }
        | Expected::Recovered
        | Expected::Throughout(_)
        | Expected::Never(_)
        | Expected::Outage { .. }
        | Expected::Unmoved => false,
    }
}

/// The members of the view with quorum; none if nobody has it.
fn view(scene: &Scene) -> NodeSet {
    let holder = scene.quorum_holders().lowest();
    holder.map_or(NodeSet::EMPTY, |node| scene.nodes[node].members)
}

/// Whether a copy is as wished.
fn copy_holds(scene: &Scene, wish: &CopyWish) -> bool {
    let found = &scene.copies[&wish.copy];
    wish.status.is_none_or(|status| found.status == status)
        && wish.content_index.is_none_or(|index| found.content_index == index)
        && found.copy_queue >= wish.copy_queue_at_least
        && found.replay_queue >= wish.replay_queue_at_least
}

fn copy_told(names: &Names, wish: &CopyWish) -> String {
    let mut text = names.copy(wish.copy);
    if let Some(status) = wish.status {
        text += &format!(" {status:?}");
    }
    if let Some(index) = wish.content_index {
        text += &format!(", content index {index:?}");
    }
    let queues = [("copy", wish.copy_queue_at_least), ("replay", wish.replay_queue_at_least)];
    for (queue, least) in queues.into_iter().filter(|(_, least)| *least > 0) {
        text += &format!(", {queue} queue of {least} or more");
    }
    text
}

fn whom_told(names: &Names, whom: Whom) -> String {
    match whom {
        Whom::Clients(Who::One(client)) => names.client(client),
        Whom::Clients(Who::Kind(kind)) => kind.word().to_owned(),
        Whom::Group(group) => names.group(group).to_owned(),
        Whom::Database(database) => names.database(database).to_owned(),
    }
}

/// An expectation in words.
fn told(names: &Names, expected: &Expected) -> String {
    let who = |who: &Who| whom_told(names, Whom::Clients(*who));
    match expected {
        Expected::Group { group, owner, state } => {
            let on = owner.map_or_else(String::new, |owner| format!(" on {}", names.node(owner)));
            format!("{} {}{on}", names.group(*group), group_state(*state))
        }
        Expected::Database { database, active, mounted } => {
            let on = active.map_or_else(String::new, |node| format!(" on {}", names.node(node)));
            let state = if *mounted { "mounted" } else { "not mounted" };
            format!("{} {state}{on}", names.database(*database))
        }
        Expected::CopiesHealthy { database } => {
            format!("every copy of {} healthy", names.database(*database))
        }
        Expected::Copy(wish) => copy_told(names, wish),
        Expected::Nodes { members } => {
            let members: Vec<&str> = members.iter().map(|node| names.node(*node)).collect();
            format!("members {}", members.join(", "))
        }
        Expected::Quorum { held: true } => "quorum held".to_owned(),
        Expected::Quorum { held: false } => "no quorum".to_owned(),
        Expected::Dns { group, exists, address } => {
            let state = if *exists { "a DNS record" } else { "no DNS record" };
            let to = address.map_or_else(String::new, |address| format!(" with {address}"));
            format!("{state} of {}{to}", names.group(*group))
        }
        Expected::ClientAccessArray { exists: true } => "a client access array".to_owned(),
        Expected::ClientAccessArray { exists: false } => "no client access array".to_owned(),
        Expected::Autodiscover { group: Some(group) } => {
            format!("Autodiscover answers {}", names.group(*group))
        }
        Expected::Autodiscover { group: None } => "Autodiscover answers a server".to_owned(),
        Expected::Connected { who: of } => format!("{} connected", who(of)),
        Expected::ConnectedTo { client, node } => {
            format!("{} connected to {}", names.client(*client), names.node(*node))
        }
        Expected::Trying { client } => {
            format!("{} shows \"Trying to connect\"", names.client(*client))
        }
        Expected::LogOnAgain { who: of } => format!("{} logs on again", who(of)),
        Expected::Message { message, delivered } => {
            let state = if *delivered { "delivered" } else { "sent" };
            format!("message \"{message}\" {state}")
        }
        Expected::Recovered => "everything back".to_owned(),
        Expected::Unmoved => "nothing moved".to_owned(),
        Expected::Throughout(what) => format!("{} all the time", told(names, what)),
        Expected::Never(what) => format!("never {}", told(names, what)),
        Expected::Outage { whom, at_most } => {
            format!("no outage of {} longer than {at_most}", whom_told(names, *whom))
        }
        Expected::Node { node, state } => {
            let word = match state {
                NodeState::Up => "up",
                NodeState::Down => "down",
                NodeState::Paused => "paused",
                NodeState::Joining => "joining",
            };
            format!("{} is {word}", names.node(*node))
        }
        Expected::Machine { machine, up } => {
            format!("{} {}", names.machine(*machine), if *up { "up" } else { "down" })
        }
    }
}
