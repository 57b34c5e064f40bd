//! The story of a run in a few sentences, for people who see it the first time: who was without
//! service, from when to when, and what began it.

use super::Subject;
use super::outage::{Outage, Who};
use super::words::{counted, listed, moment, short};
use crate::base::{ClientId, Instant, Span};
use crate::failover::seam::Effect;
use crate::journal::record::{ClientEvent, Plant};
use crate::journal::text::Names;
use crate::journal::{Record, RecordNo, What};
use crate::model::scenario::Action;
use crate::model::topology::ClientKind;
use crate::model::{Scenario, Topology};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// What disturbed a site.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Disturbance {
    /// A fault of the plan strikes, or heals: what comes back can disturb too.
    Fault {
        /// Its place in the plan.
        index: u16,
        /// Whether it heals.
        healed: bool,
    },
    /// Something that a person does, by its step in the scenario.
    Order {
        /// The step.
        index: u16,
    },
}

/// A disturbance and its moment.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Because {
    /// When.
    pub at: Instant,
    /// What.
    pub what: Disturbance,
}

/// A part of an outage.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Share {
    /// The stage.
    pub name: &'static str,
    /// How long it lasted, all its stretches together.
    pub span: Span,
    /// Its share of the outage, in thousandths.
    pub thousandths: u64,
}

/// Somebody who was without service, after one disturbance.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OutOfService {
    /// Who: a kind of client, a database, a group.
    pub subject: Subject,
    /// What began it, if the records or the plan tell.
    pub because: Option<Because>,
    /// When the longest outage began.
    pub from: Instant,
    /// When it ended; none if it had not at the last record.
    pub to: Option<Instant>,
    /// How long it was, up to the last record if it has not ended.
    pub longest: Span,
    /// How many clients were cut off; none of a database or a group.
    pub cut_off: u32,
    /// How many clients of that kind there are; none of a database or a group.
    pub clients: u32,
    /// How many of those that were cut off are out still.
    pub still_out: u32,
    /// Stages of the longest outage, the longest first; empty if it has not ended.
    pub stages: Vec<Share>,
}

/// The story of a run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Headline {
    /// Who was without service: those whom most people noticed first.
    pub out: Vec<OutOfService>,
    sentences: Vec<String>,
}

impl Headline {
    /// The story in one to three short sentences.
    pub fn sentences(&self) -> &[String] {
        &self.sentences
    }
}

/// The story of these records, which may be the first of a run that goes on; `outages` are theirs.
pub fn headline(
    topology: &Topology,
    scenario: Option<&Scenario>,
    records: &[Record],
    outages: &[Outage],
) -> Headline {
    let last = records.last().map_or(Instant::ZERO, |record| record.at);
    let hard: Vec<&Outage> = outages.iter().filter(|outage| outage.hard).collect();
    let began = Beginnings { scenario, records, known: BTreeMap::new() }.of(&hard);
    let began = began.into_iter().zip(&hard);
    // What came later has not begun it, though its end hung on it.
    let began = began.map(|(because, outage)| because.filter(|one| one.at <= outage.from));
    let began = at_once(began.collect());
    let mut out = together(topology, &hard, &began, last);
    out.sort_by_key(|one| {
        let open = one.to.is_none() && one.clients > 0;
        (std::cmp::Reverse((open, one.cut_off, one.longest)), one.subject)
    });
    let softly: BTreeSet<Who> = outages.iter().map(|outage| outage.who).collect();
    let names = Names::new(topology, scenario);
    let teller = Teller { topology, scenario, names, last };
    let sentences = teller.tell(&out, u32::try_from(softly.len()).unwrap_or(u32::MAX));
    Headline { out, sentences }
}

/// What disturbs at one moment is one disturbance to people: the first of the plan stands for all.
fn at_once(began: Vec<Option<Because>>) -> Vec<Option<Because>> {
    let all: BTreeSet<Because> = began.iter().flatten().copied().collect();
    let first = |because: Because| all.iter().find(|other| other.at == because.at).copied();
    began.into_iter().map(|because| because.and_then(first)).collect()
}

/// Outages of one kind after one disturbance are one line of the story.
fn together(
    topology: &Topology,
    outages: &[&Outage],
    began: &[Option<Because>],
    last: Instant,
) -> Vec<OutOfService> {
    let mut found: BTreeMap<(Subject, Option<Because>), OutOfService> = BTreeMap::new();
    let mut cut_off: BTreeMap<(ClientKind, Option<Because>), BTreeSet<ClientId>> = BTreeMap::new();
    for (outage, because) in outages.iter().zip(began) {
        let (subject, clients) = match outage.who {
            Who::Client(kind, client) => {
                cut_off.entry((kind, *because)).or_default().insert(client);
                (Subject::Clients(kind), of_kind(topology, kind))
            }
            Who::Group(group) => (Subject::Group(group), 0),
            Who::Database(database) => (Subject::Database(database), 0),
        };
        let span = outage.to.unwrap_or(last).saturating_since(outage.from);
        let entry = found.entry((subject, *because)).or_insert_with(|| OutOfService {
            subject,
            because: *because,
            from: outage.from,
            to: outage.to,
            longest: Span::ZERO,
            cut_off: 0,
            clients,
            still_out: 0,
            stages: Vec::new(),
        });
        entry.still_out += u32::from(outage.to.is_none());
        // What has not ended is worse than what was longer.
        let worse = (outage.to.is_none(), span) > (entry.to.is_none(), entry.longest);
        if worse || entry.longest.is_zero() {
            (entry.from, entry.to, entry.longest) = (outage.from, outage.to, span);
            entry.stages = shares(outage);
        }
    }
    for ((kind, because), clients) in cut_off {
        if let Some(entry) = found.get_mut(&(Subject::Clients(kind), because)) {
            entry.cut_off = u32::try_from(clients.len()).unwrap_or(u32::MAX);
        }
    }
    found.into_values().collect()
}

fn of_kind(topology: &Topology, kind: ClientKind) -> u32 {
    topology.clients.iter().filter(|group| group.kind == kind).map(|group| group.count).sum()
}

/// Stages by name, the longest first.
fn shares(outage: &Outage) -> Vec<Share> {
    let whole = outage.span().unwrap_or(Span::ZERO).as_nanos().max(1);
    let mut shares: Vec<Share> = Vec::new();
    for stage in &outage.stages {
        match shares.iter_mut().find(|share| share.name == stage.name) {
            Some(share) => share.span += stage.span,
            None => shares.push(Share { name: stage.name, span: stage.span, thousandths: 0 }),
        }
    }
    for share in &mut shares {
        let part = u128::from(share.span.as_nanos()) * 1_000 / u128::from(whole);
        share.thousandths = u64::try_from(part).unwrap_or(1_000);
    }
    shares.sort_by_key(|share| std::cmp::Reverse(share.span));
    shares
}

/// Whether what a step does disturbs a site: clients' own wishes do not.
pub fn disturbs(action: Option<&Action>) -> bool {
    let quiet = |action: &Action| {
        matches!(action, Action::SendMessage { .. } | Action::Refresh { .. } | Action::NoEffect)
    };
    action.is_some_and(|action| !quiet(action))
}

/// What began outages, by the chains of causes of the first thing that went wrong in each.
struct Beginnings<'a> {
    scenario: Option<&'a Scenario>,
    records: &'a [Record],
    /// What the chains of causes of these records lead to: many clients meet the same record.
    known: BTreeMap<RecordNo, Option<Because>>,
}

impl Beginnings<'_> {
    fn of(mut self, outages: &[&Outage]) -> Vec<Option<Because>> {
        let troubles = first_troubles(self.records, outages);
        let began = outages.iter().zip(troubles).map(|(outage, trouble)| match trouble {
            Some(trouble) => self.root(trouble).or_else(|| {
                let at = self.records[trouble.0 as usize].at;
                self.latest(at)
            }),
            None => self.at(outage.from).or_else(|| self.latest(outage.from)),
        });
        began.collect()
    }

    /// What the first cause of a record is, if it is a disturbance.
    fn root(&mut self, record: RecordNo) -> Option<Because> {
        let head = self.records[record.0 as usize].cause.unwrap_or(record);
        if let Some(known) = self.known.get(&head) {
            return *known;
        }
        let first = crate::journal::chain(self.records, head).pop().unwrap_or(head);
        let first = &self.records[first.0 as usize];
        let what = match first.what {
            What::Fault { index, healed } => Some(Disturbance::Fault { index, healed }),
            What::Step { index } => self.is_order(index).then_some(Disturbance::Order { index }),
            _ => None,
        };
        let because = what.map(|what| Because { at: first.at, what });
        self.known.insert(head, because);
        because
    }

    fn is_order(&self, index: u16) -> bool {
        let step = self.scenario.and_then(|plan| plan.steps.get(usize::from(index)));
        step.is_none_or(|step| disturbs(step.action.as_ref()))
    }

    /// What a change of the site at exactly this moment leads to: what takes a service away has
    /// the moment of its outage.
    fn at(&mut self, moment: Instant) -> Option<Because> {
        let first = self.records.partition_point(|record| record.at < moment);
        let same = self.records[first..].iter().take_while(|record| record.at == moment);
        let changes: Vec<usize> = same
            .enumerate()
            .filter(|(_, record)| match record.what {
                What::Plant(Plant::FrameLost { .. }) => false,
                What::Fault { .. } | What::Plant(_) | What::Out(_, Effect::Note(_)) => true,
                _ => false,
            })
            .map(|(place, _)| first + place)
            .collect();
        changes.into_iter().find_map(|place| self.root(RecordNo(place as u32)))
    }

    /// The last disturbance of the plan up to a moment.
    fn latest(&self, moment: Instant) -> Option<Because> {
        let plan = self.scenario?;
        let faults = plan.faults.iter().enumerate().map(|(place, fault)| {
            (fault.at, Disturbance::Fault { index: place as u16, healed: false })
        });
        let orders = plan.steps.iter().enumerate();
        let orders = orders.filter(|(_, step)| disturbs(step.action.as_ref()));
        let orders =
            orders.map(|(place, step)| (step.at, Disturbance::Order { index: place as u16 }));
        let before = faults.chain(orders).filter(|(at, _)| *at <= moment);
        before.max_by_key(|(at, _)| *at).map(|(at, what)| Because { at, what })
    }
}

/// Of each client's outage the first record that tells of trouble.
fn first_troubles(records: &[Record], outages: &[&Outage]) -> Vec<Option<RecordNo>> {
    let mut found = vec![None; outages.len()];
    let mut waiting: BTreeMap<ClientId, VecDeque<usize>> = BTreeMap::new();
    for (place, outage) in outages.iter().enumerate() {
        if let Who::Client(_, client) = outage.who {
            waiting.entry(client).or_default().push_back(place);
        }
    }
    for list in waiting.values_mut() {
        list.make_contiguous().sort_by_key(|place| outages[*place].from);
    }
    let clients = waiting.values().flatten().map(|place| outages[*place].from);
    let since = clients.min().unwrap_or(Instant::MAX);
    let first = records.partition_point(|record| record.at < since);
    for (place, record) in records.iter().enumerate().skip(first) {
        if waiting.is_empty() {
            break;
        }
        let What::Client(client, event) = &record.what else { continue };
        if !is_trouble(event) {
            continue;
        }
        let Some(list) = waiting.get_mut(client) else { continue };
        while list
            .front()
            .is_some_and(|outage| outages[*outage].to.is_some_and(|to| to < record.at))
        {
            list.pop_front();
        }
        if let Some(outage) = list.front().copied()
            && outages[outage].from <= record.at
        {
            found[outage] = Some(RecordNo(place as u32));
            list.pop_front();
        }
        if list.is_empty() {
            waiting.remove(client);
        }
    }
    found
}

fn is_trouble(event: &ClientEvent) -> bool {
    matches!(
        event,
        ClientEvent::Retransmitted { .. }
            | ClientEvent::Connecting { attempt: 2.., .. }
            | ClientEvent::Reset { .. }
            | ClientEvent::GaveUp
            | ClientEvent::Refused { .. }
            | ClientEvent::RestartNeeded
    )
}

/// A stage below this share is not worth a word in the story, in thousandths.
const LEAST_SHARE: u64 = 50;
/// Stages, and others that were out too, that a sentence has room for.
const MOST_STAGES: usize = 3;
const MOST_OTHERS: usize = 6;
/// Other faults and orders that are told of.
const MOST_STORIES: usize = 2;

/// Makes sentences.
struct Teller<'a> {
    topology: &'a Topology,
    scenario: Option<&'a Scenario>,
    names: Names<'a>,
    last: Instant,
}

impl Teller<'_> {
    fn tell(&self, out: &[OutOfService], softly: u32) -> Vec<String> {
        let cut_off = out.iter().any(|one| one.cut_off > 0);
        let mut sentences = Vec::new();
        if !cut_off && !self.topology.clients.is_empty() {
            sentences.push(match softly {
                0 => "Nobody was without mail.".to_owned(),
                // Groups and databases are counted too; with one of them out it is told below.
                some if out.is_empty() => format!(
                    "Nobody was without mail; {} had to connect or log on again.",
                    counted(some, "client")
                ),
                _ => "No client was cut off.".to_owned(),
            });
        } else if out.is_empty() {
            sentences.push("Nothing was out of service.".to_owned());
        }
        let Some((worst, others)) = out.split_first() else { return sentences };
        let first = self.first(worst);
        match sentences.last_mut() {
            Some(last) => *last += &format!(" {first}"),
            None => sentences.push(first),
        }
        let stages: Vec<String> = worst
            .stages
            .iter()
            .filter(|share| share.thousandths >= LEAST_SHARE)
            .take(MOST_STAGES)
            .map(|share| format!("{} {}", share.name, short(share.span)))
            .collect();
        if !stages.is_empty() {
            sentences.push(format!("Most of it: {}.", stages.join(", ")));
        }
        let others = self.others(worst, others);
        if !others.is_empty() {
            sentences.push(others);
        }
        sentences
    }

    /// Who was out, when, how many, and why.
    fn first(&self, one: &OutOfService) -> String {
        let who = self.subject(one.subject);
        let mut many = match one.clients {
            0 => String::new(),
            of => format!("{} of {}", one.cut_off, counted(of, "client")),
        };
        if one.still_out > 0 && one.still_out < one.cut_off {
            many += &format!(", {} of them still", one.still_out);
        }
        let because = one.because.map(|because| format!(", because of {}", self.because(because)));
        let because = because.unwrap_or_default();
        let from = moment(one.from);
        let Some(to) = one.to else {
            let many = if many.is_empty() { many } else { format!(" ({many})") };
            let last = moment(self.last);
            return format!(
                "{who} is out since {from} s and still out at {last} s{many}{because}."
            );
        };
        let up_to = if one.cut_off > 1 { "up to " } else { "" };
        let many = if many.is_empty() { many } else { format!(", {many}") };
        let span = short(one.longest);
        let to = moment(to);
        format!("{who} was out for {up_to}{span} ({from} to {to} s{many}){because}.")
    }

    fn because(&self, because: Because) -> String {
        format!("{} at {} s", self.disturbance(because.what), moment(because.at))
    }

    /// A disturbance in words.
    fn disturbance(&self, what: Disturbance) -> String {
        match what {
            Disturbance::Fault { index, healed } => {
                let words = self.names.phrase(&What::Fault { index, healed: false });
                if healed {
                    return format!("the end of {words}");
                }
                let faults = self.scenario.map_or(&[][..], |plan| &plan.faults);
                let at = faults.get(usize::from(index)).map(|planned| planned.at);
                match faults.iter().filter(|planned| Some(planned.at) == at).count() {
                    0 | 1 => words,
                    2 => format!("{words} and another fault"),
                    more => format!("{words} and {} other faults", more - 1),
                }
            }
            Disturbance::Order { index } => {
                let step = self.scenario.and_then(|plan| plan.steps.get(usize::from(index)));
                step.map_or_else(
                    || format!("step {index}"),
                    |step| format!("step {} (\"{}\")", step.label, step.text),
                )
            }
        }
    }

    fn subject(&self, subject: Subject) -> String {
        let name = subject.name(&self.names, self.topology);
        match subject {
            Subject::Group(_) if !name.contains("Group") => format!("Group {name}"),
            Subject::Database(_) => format!("Database {name}"),
            _ => name,
        }
    }

    /// Who else was out, by what began it.
    fn others(&self, worst: &OutOfService, others: &[OutOfService]) -> String {
        let mut by: BTreeMap<Option<Because>, Vec<&OutOfService>> = BTreeMap::new();
        for one in others {
            by.entry(one.because).or_default().push(one);
        }
        let same = by.remove(&worst.because);
        let mut sentences: Vec<String> =
            same.iter().map(|all| format!("Also out: {}.", self.list(all))).collect();
        let more = by.len().saturating_sub(MOST_STORIES);
        for (because, all) in by.iter().take(MOST_STORIES) {
            let lead = match because {
                Some(because) => format!("After {}", self.because(*because)),
                None => "Another time".to_owned(),
            };
            sentences.push(format!("{lead}: {}.", self.list(all)));
        }
        if more > 0 {
            sentences.push(format!("Service was away after {more} more faults or orders."));
        }
        sentences.join(" ")
    }

    /// Who was out for how long.
    fn list(&self, all: &[&OutOfService]) -> String {
        let told = |one: &&OutOfService| {
            let who = self.subject(one.subject);
            let many = match one.clients {
                0 => String::new(),
                of => format!(" ({} of {of})", one.cut_off),
            };
            match (one.to, one.cut_off > 1) {
                (None, _) => format!("{who} still out{many}"),
                (Some(_), true) => format!("{who} up to {}{many}", short(one.longest)),
                (Some(_), false) => format!("{who} {}{many}", short(one.longest)),
            }
        };
        let more = all.len().saturating_sub(MOST_OTHERS);
        let mut words: Vec<String> = all.iter().take(MOST_OTHERS).map(told).collect();
        if more > 0 {
            words.push(format!("{more} more"));
        }
        listed(&words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::DbId;
    use crate::model::{builtin, load};
    use crate::view::outage::Stage;

    fn at(millis: u64) -> Instant {
        Instant::from_nanos(millis * 1_000_000)
    }

    /// An outage of two stages, or one that has not ended.
    fn outage(who: Who, from: u64, to: Option<u64>) -> Outage {
        let stage =
            |name, millis| Stage { name, span: Span::from_millis(millis), record: RecordNo(0) };
        let stages = to.map_or_else(Vec::new, |to| {
            vec![stage("detection", to - from - 20), stage("mount", 20)]
        });
        Outage { who, from: at(from), to: to.map(at), hard: true, stages }
    }

    #[test]
    fn outages_are_told_by_what_began_them() {
        let site = &builtin::SITES[0];
        let topology = load::topology(site.topology.path, site.topology.text, &[]);
        let topology = topology.expect("a sound topology").topology;
        let file = site.scenarios.iter().find(|file| file.name == "dc01-off-then-nics");
        let file = file.expect("a built-in scenario");
        let scenario = load::scenario(file.path, file.name, file.text, &topology);
        let scenario = scenario.expect("a sound scenario");
        let outlook = |number| Who::Client(ClientKind::Outlook, ClientId(number));
        let outages = [
            outage(outlook(0), 61_000, Some(71_500)),
            outage(outlook(1), 61_000, Some(63_000)),
            outage(Who::Database(DbId(0)), 121_000, None),
        ];
        let told = |scenario, outages: &[Outage]| {
            headline(&topology, scenario, &[], outages).sentences().to_vec()
        };
        assert_eq!(
            told(Some(&scenario), &outages),
            [
                "Outlook was out for up to 10.5 s (61.0 to 71.5 s, 2 of 500 clients), because of \
                 power-off on DC01 at 60.0 s.",
                "Most of it: detection 10.5 s.",
                "After nic-down on EX01 all NICs at 120.0 s: Database VIP still out.",
            ]
        );
        assert_eq!(
            told(None, &outages[1..2]),
            [
                "Outlook was out for 2.0 s (61.0 to 63.0 s, 1 of 500 clients).",
                "Most of it: detection 2.0 s."
            ]
        );
        let mut soft = outages[0].clone();
        soft.hard = false;
        assert_eq!(
            told(Some(&scenario), &[soft]),
            ["Nobody was without mail; 1 client had to connect or log on again."]
        );
        assert_eq!(told(Some(&scenario), &[]), ["Nobody was without mail."]);
    }
}
