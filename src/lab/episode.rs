//! An episode of a year: neighbouring faults as a scenario, what its run came to for clients, and
//! what that means for the year.
//!
//! A quiet stretch of an episode can be cut short: then what is out at its end stays out for the
//! part that was left out, and what works there works.

use super::accounts;
use super::run;
use super::year::Struck;
use crate::base::{ClientId, Instant, Span};
use crate::check;
use crate::journal::{Record, RecordNo, What, chain};
use crate::model::fault::{Fault, Planned};
use crate::model::rates::Rates;
use crate::model::scenario::VerdictKind;
use crate::model::topology::ClientKind;
use crate::model::{Scenario, Topology, show};
use crate::sim::{Recording, simulate};
use crate::view::first_disturbance;
use crate::view::outage::{self, Outage, Who};
use std::collections::BTreeMap;

/// How long the site has to start up before an episode's first fault.
const START: Span = Span::from_secs(60);

/// A stretch of time that an episode leaves out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cut {
    /// The moment of the run at which the year goes on.
    pub at: Instant,
    /// How much was left out before it.
    pub left_out: Span,
}

/// Neighbouring faults of a year as a scenario.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Episode {
    /// When its first fault strikes, in the year.
    pub at: Instant,
    /// The scenario file.
    pub text: String,
    /// The cause of each of its faults, by its place in the rates.
    pub causes: Vec<usize>,
    /// What was left out, in the order of time.
    pub cuts: Vec<Cut>,
    /// What happens, in words.
    pub title: String,
}

/// How long after the last repair an episode goes on.
pub fn settle(topology: &Topology) -> Span {
    topology.settings.power.boot_time + topology.settings.year.settle
}

/// When it may end, if all is back.
fn first_look(topology: &Topology) -> Span {
    topology.settings.power.boot_time + topology.settings.year.first_look
}

/// Moments of the year as moments of a run.
struct Clock {
    /// Moments of the year at which something is planned, each with its moment of the run.
    known: BTreeMap<Instant, Instant>,
    cuts: Vec<Cut>,
}

impl Clock {
    fn new(moments: &[Instant], limit: Span) -> Self {
        let mut clock = Clock { known: BTreeMap::new(), cuts: Vec::new() };
        let mut run = Instant::ZERO + START;
        let mut before = moments.first().copied().unwrap_or(Instant::ZERO);
        for moment in moments {
            let quiet = moment.since(before);
            let played = quiet.min(limit);
            run += played;
            if played < quiet {
                clock.cuts.push(Cut { at: run, left_out: quiet - played });
            }
            clock.known.insert(*moment, run);
            before = *moment;
        }
        clock
    }
}

impl Episode {
    /// The episode of some faults. With `exact`, no quiet stretch is cut short.
    pub fn new(topology: &Topology, rates: &Rates, struck: &[Struck], exact: bool) -> Self {
        let limit = if exact { Span::MAX } else { topology.settings.year.quiet_limit };
        let mut moments: Vec<Instant> = struck.iter().flat_map(|s| [s.at, s.until]).collect();
        moments.sort();
        moments.dedup();
        let clock = Clock::new(&moments, limit);
        let run = |moment: &Instant| clock.known[moment];
        let last = clock.known.values().max().copied().unwrap_or(Instant::ZERO);
        let settle = settle(topology);
        let mut title: Vec<String> = Vec::new();
        let (mut faults, mut steps) = (String::new(), String::new());
        for one in struck {
            let planned = Planned {
                at: run(&one.at),
                lasts: Some(run(&one.until).since(run(&one.at))),
                fault: one.fault,
            };
            faults += &format!("\n{}", show::planned(topology, &planned));
            steps += &mend(topology, &one.fault, run(&one.until));
            let name = &rates.rates[one.rate].name;
            if !title.contains(name) {
                title.push(name.clone());
            }
        }
        let title = title.join(", ");
        let text = format!(
            "title = {}\nuntil = {}\nsettle = {}\n{faults}{steps}",
            show::quoted(&title),
            show::moment(last + settle),
            show::span(settle),
        );
        Episode {
            at: moments.first().copied().unwrap_or(Instant::ZERO),
            text,
            causes: struck.iter().map(|one| one.rate).collect(),
            cuts: clock.cuts,
            title,
        }
    }

    /// How much of the year it leaves out.
    pub fn left_out(&self) -> Span {
        self.cuts.iter().map(|cut| cut.left_out).sum()
    }

    /// A moment of the run as time since its beginning with what was left out.
    fn whole(&self, at: Instant) -> Instant {
        let before = self.cuts.iter().filter(|cut| cut.at <= at);
        at + before.map(|cut| cut.left_out).sum::<Span>()
    }
}

/// What a person does at the end of a repair: damaged logs need a seed.
fn mend(topology: &Topology, fault: &Fault, at: Instant) -> String {
    let Fault::LogCorruption { copy } = fault else { return String::new() };
    let database = &topology.databases[copy.database];
    if database.copies.len() < 2 {
        return String::new();
    }
    let copy = format!("{}\\{}", database.name, topology.node_name(copy.node));
    let order = format!("Update-MailboxDatabaseCopy -Identity \"{copy}\" -DeleteExistingFiles");
    let label = "the damaged copy is seeded anew";
    format!(
        "\n[[step]]\ntext = {}\nat = {}\norder = {}\n",
        show::quoted(label),
        show::moment(at),
        show::quoted(&order)
    )
}

/// A client without service in a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Out {
    /// What kind of client.
    pub kind: ClientKind,
    /// Who.
    pub client: ClientId,
    /// From when; of one client they do not overlap.
    pub from: Instant,
    /// Until when; none if it was out at the end of the run.
    pub to: Option<Instant>,
    /// The fault that it is counted to, by its place in the scenario.
    pub fault: usize,
}

/// What a run came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Played {
    /// Who was without service, client by client.
    pub out: Vec<Out>,
    /// When the run ended.
    pub until: Instant,
    /// Accepted messages that no place has any more.
    pub lost_mail: u64,
    /// Logs that activations lost.
    pub lost_logs: u64,
    /// How the run ended.
    pub verdict: VerdictKind,
    /// The promises that were broken, and why.
    pub broken: Vec<String>,
}

/// Plays an episode: to its first look if all is back by then, else to its end. The longer run is
/// the same up to there.
pub fn play_episode(topology: &Topology, scenario: &Scenario, seed: u64) -> Played {
    let spared = settle(topology).saturating_sub(first_look(topology));
    if !spared.is_zero() {
        let mut short = scenario.clone();
        short.until = Instant::ZERO + scenario.until.since(Instant::ZERO).saturating_sub(spared);
        short.settle = first_look(topology);
        let played = play(topology, &short, seed);
        let back = played.out.iter().all(|out| out.to.is_some());
        if back && played.verdict == VerdictKind::Ok {
            return played;
        }
    }
    play(topology, scenario, seed)
}

/// Simulates a scenario and judges it.
pub fn play(topology: &Topology, scenario: &Scenario, seed: u64) -> Played {
    let recorded = simulate(topology, scenario, seed, Recording::Memory);
    let records = recorded.records;
    let (promises, end) = check::judge(topology, scenario, &records);
    let unbalanced = accounts::disagreements(&recorded.account, &run::mail(&end), &records);
    let verdict = run::verdict(scenario, &promises, &[], unbalanced);
    let told = verdict.broken.iter().map(|(name, at, why)| format!("{name} at {at}: {why}"));
    Played {
        out: out(topology, scenario, &records),
        until: scenario.until,
        lost_mail: run::mail(&end).lost,
        lost_logs: end.databases.values().map(|database| database.lost_logs).sum(),
        verdict: verdict.kind,
        broken: told.collect(),
    }
}

/// Every client without service after the first disturbance: stretches that overlap are one.
fn out(topology: &Topology, scenario: &Scenario, records: &[Record]) -> Vec<Out> {
    let Some(since) = first_disturbance(scenario) else { return Vec::new() };
    let mut found: Vec<(ClientKind, ClientId, Outage)> = Vec::new();
    for outage in outage::clients(topology, records) {
        let after = outage.to.is_none_or(|to| to > since);
        if let (Who::Client(kind, client), true, true) = (outage.who, outage.hard, after) {
            found.push((kind, client, outage));
        }
    }
    found.sort_by_key(|(_, client, outage)| (*client, outage.from));
    let mut all: Vec<Out> = Vec::new();
    for (kind, client, outage) in found {
        let mut from = outage.from.max(since);
        if let Some(last) = all.last().filter(|last| last.client == client) {
            match (last.to, outage.to) {
                (None, _) => continue,
                (Some(to), Some(end)) if end <= to => continue,
                (Some(to), _) => from = from.max(to),
            }
        }
        let fault = culprit(scenario, records, &outage);
        all.push(Out { kind, client, from, to: outage.to, fault });
    }
    all
}

/// The fault that an outage is counted to: the one at the head of the chain of causes of its end,
/// else the last one that struck before it was over.
fn culprit(scenario: &Scenario, records: &[Record], outage: &Outage) -> usize {
    let end: Option<RecordNo> = outage.stages.last().map(|stage| stage.record);
    let head = end.and_then(|end| chain(records, end).last().copied());
    if let Some(What::Fault { index, .. }) = head.map(|head| &records[head.0 as usize].what) {
        return usize::from(*index);
    }
    let struck = scenario.faults.iter().rposition(|fault| fault.at <= outage.from);
    struck.unwrap_or(0)
}

/// What an episode means for the year.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Nanoseconds without service, summed over clients, by cause and kind of client.
    pub lost: BTreeMap<(usize, ClientKind), u128>,
    /// Time when no client of a kind had service.
    pub nobody: BTreeMap<ClientKind, Span>,
    /// Clients that were out at the end, until people brought them back.
    pub still_out: u64,
    /// Time without service of each client that was out, in the order of clients.
    pub clients: Vec<Span>,
}

/// The stretches of an episode's run as they are in the year.
pub fn tally(topology: &Topology, episode: &Episode, played: &Played) -> Tally {
    let restored = episode.whole(played.until) + topology.settings.year.restore;
    let mut tally = Tally::default();
    let mut edges: BTreeMap<ClientKind, Vec<(Instant, i32)>> = BTreeMap::new();
    let mut last: Option<ClientId> = None;
    for out in &played.out {
        let from = episode.whole(out.from);
        let to = out.to.map_or(restored, |to| episode.whole(to));
        let span = to.since(from);
        let cause = episode.causes.get(out.fault).copied().unwrap_or(0);
        *tally.lost.entry((cause, out.kind)).or_default() += u128::from(span.as_nanos());
        tally.still_out += u64::from(out.to.is_none());
        if last == Some(out.client) {
            let total = tally.clients.last_mut().expect("the client was out before");
            *total += span;
        } else {
            tally.clients.push(span);
        }
        last = Some(out.client);
        edges.entry(out.kind).or_default().extend([(from, 1), (to, -1)]);
    }
    for (kind, mut edges) in edges {
        let groups = topology.clients.iter().filter(|group| group.kind == kind);
        let all: i64 = groups.map(|group| i64::from(group.count)).sum();
        // One that comes back as another goes is counted before it.
        edges.sort();
        let mut out = 0_i64;
        let mut span = Span::ZERO;
        for two in 0..edges.len() {
            out += i64::from(edges[two].1);
            if out == all
                && let Some((next, _)) = edges.get(two + 1)
            {
                span += next.since(edges[two].0);
            }
        }
        tally.nobody.insert(kind, span);
    }
    tally
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(number: u64) -> Instant {
        Instant::ZERO + Span::from_secs(number)
    }

    #[test]
    fn a_clock_leaves_out_what_is_quiet_for_too_long() {
        let moments = [second(1_000), second(1_100), second(5_000), second(5_100)];
        let clock = Clock::new(&moments, Span::from_secs(600));
        let runs: Vec<Instant> = clock.known.values().copied().collect();
        assert_eq!(runs, [second(60), second(160), second(760), second(860)]);
        assert_eq!(clock.cuts, [Cut { at: second(760), left_out: Span::from_secs(3_300) }]);
        let exact = Clock::new(&moments, Span::MAX);
        assert_eq!(exact.known[&second(5_100)], second(4_160));
        assert_eq!(exact.cuts, []);
    }

    #[test]
    fn what_is_out_at_a_cut_is_out_for_what_was_left_out() {
        let cuts = vec![Cut { at: second(760), left_out: Span::from_secs(3_300) }];
        let (text, title) = (String::new(), String::new());
        let episode = Episode { at: second(1_000), text, causes: vec![3], cuts, title };
        let topology = {
            let file = crate::model::builtin::SITES[0].topology;
            crate::model::load::topology(file.path, file.text, &[]).expect("sound").topology
        };
        let out = |client, from, to: Option<u64>| Out {
            kind: ClientKind::Owa,
            client: ClientId(client),
            from: second(from),
            to: to.map(second),
            fault: 0,
        };
        let out = vec![
            out(500, 100, Some(200)),
            out(500, 750, Some(770)),
            out(501, 760, Some(770)),
            out(502, 900, None),
        ];
        let played = Played {
            out,
            until: second(1_000),
            lost_mail: 0,
            lost_logs: 0,
            verdict: VerdictKind::Ok,
            broken: Vec::new(),
        };
        let tally = tally(&topology, &episode, &played);
        let seconds = [100 + 20 + 3_300, 10, 100 + 3_600];
        assert_eq!(tally.clients, seconds.map(Span::from_secs));
        let lost: u64 = seconds.iter().sum();
        assert_eq!(tally.lost[&(3, ClientKind::Owa)], u128::from(lost) * 1_000_000_000);
        assert_eq!(tally.still_out, 1);
        assert_eq!(tally.nobody[&ClientKind::Owa], Span::ZERO);
    }
}
