//! A run: the site is whole, clients are at work, the fault strikes, is healed, and the site is
//! whole again.

use crate::burden::Account;
use crate::fault::{Fault, Outcome};
use crate::ground::{boottime, ms, nanos, variable};
use crate::judge::{self, Answer, answers, longest, together, unanswered, unwritten};
use crate::moment::last_heartbeat;
use crate::probe::{Asked, Probers, Seen, Write, next_number};
use crate::report::{DatabaseReport, Report, milliseconds, verify};
use crate::site::{DATABASES, Profile, Site, synchronous};
use std::collections::BTreeSet;
use std::thread::sleep;
use std::time::Duration;

/// How long clients are served before the fault, and after everything is whole again.
const QUIET: Duration = ms(700);
/// From detection to service: regroup, witness, moves (linux-ha.md §5), and a busy machine.
const MARGIN: Duration = ms(1_200);
/// A move that nobody has to detect.
const MOVE: Duration = ms(2_000);
/// What a busy machine may cost while everything stays where it is.
const HICCUP: Duration = ms(300);

/// After this time a failover is forgotten (`failover_period` of the site), so that every fault
/// finds the same site.
const FORGOTTEN: Duration = ms(10_000);

/// What was acknowledged this long before the fault is on the other copy too.
const UNDER_WAY: Duration = ms(1_000);

/// The moments of a run.
struct Moments {
    began: u64,
    fault_at: u64,
    healed_at: u64,
    ended: u64,
}

pub(crate) fn run(site: &mut Site, fault: Fault, repetition: u32) -> Report {
    let owner = site.gather();
    let owner = usize::from(owner == site.hosts[1].name);
    let lives = [0, 1].map(|n| site.hosts[n].journals().len());
    let first_number = next_number();
    let since = Duration::from_nanos(boottime() - site.healed_at);
    sleep(FORGOTTEN.saturating_sub(since + QUIET));
    let notices = if fault.outcome() == Outcome::HandedOver { owner } else { 1 - owner };
    let journals = site.hosts[notices].journals();
    let beat = last_heartbeat(journals.last().expect("its agent runs"));
    let probers = Probers::start(site);
    let accounts = [0, 1].map(|n| {
        let agent = site.hosts[n].agent.as_ref().expect("it runs");
        Account::open(agent.own_kind())
    });
    sleep(QUIET);
    let began = boottime();
    sleep(QUIET);
    let burdens = accounts.map(Account::close);
    sleep(site.parts.wait(beat, site.profile.delay, boottime()));
    let fault_at = boottime();
    fault.strike(site, owner);
    let struck_at = boottime();
    let long = variable("DAGTWIN_BED_LONG").is_some();
    sleep(fault.lasts(site.profile.detection(), long));
    let healed_at = boottime();
    site.healed_at = healed_at;
    fault.heal(site, owner);
    let owner_after = site.wait_whole();
    let whole_at = boottime();
    sleep(QUIET);
    let ended = boottime();
    let seen = probers.finish();
    let moments = Moments { began, fault_at, healed_at, ended };
    let journals = [0, 1].map(|n| site.hosts[n].journals().split_off(lives[n] - 1));
    let databases = databases(site, &seen, first_number, &moments);
    let mut report = Report {
        fault,
        profile: site.profile.name,
        repetition,
        owner: site.hosts[owner].name,
        owner_after,
        began,
        fault_at,
        struck_at,
        healed_at,
        whole_at,
        ended,
        http: [None; 2],
        http_lost: Duration::ZERO,
        took: [None; 2],
        databases,
        both_answering: Duration::ZERO,
        stale_answers: 0,
        journals,
        burdens,
        verified: true,
        breaks: Vec::new(),
    };
    look(&mut report, &seen);
    judge_run(&mut report, &seen, &site.profile);
    report
}

fn databases(
    site: &mut Site,
    seen: &Seen,
    first_number: u64,
    moments: &Moments,
) -> Vec<DatabaseReport> {
    let owner = site.wait_whole();
    let status = site.host(&owner).status().expect("it is whole");
    let reports = DATABASES.iter().zip(&seen.writes).map(|((name, _), writes)| {
        let active = status["databases"][*name]["active_on"].as_str().expect("it is whole");
        let text = format!("select n from writes where n >= {first_number}");
        let there = site.host(active).sql(name, &text).expect("it is whole");
        let there: BTreeSet<u64> = there.iter().filter_map(|number| number.parse().ok()).collect();
        let lost: Vec<_> = writes.iter().filter(|it| !there.contains(&it.number)).collect();
        let Moments { began, fault_at, healed_at, ended } = *moments;
        let outages = unwritten(writes, began, ended);
        let (both_writable, stale_writes) =
            together(&writes.iter().map(answer).collect::<Vec<_>>());
        DatabaseReport {
            name,
            outages: [longest(&outages, began, healed_at), longest(&outages, healed_at, ended)],
            acknowledged: writes.iter().filter(|it| it.got >= fault_at - 1).count(),
            lost: lost.len(),
            lost_early: lost.iter().filter(|it| it.got + nanos(UNDER_WAY) < fault_at).count(),
            without: outages.iter().map(|it| it.length(ended)).sum(),
            both_writable,
            stale_writes,
        }
    });
    reports.collect()
}

fn answer(write: &Write) -> Answer {
    let Write { sent, got, member, .. } = *write;
    Answer { sent, got, member }
}

/// What a member did that others take over from, when it could not be theirs any more.
fn outlived(report: &Report, seen: &Seen, bound: Duration) -> Option<String> {
    let fenced = matches!(report.fault.outcome(), Outcome::TakenOver | Outcome::Down);
    let owner = usize::from(report.owner == "EX02");
    let asked = [&seen.http, &seen.stale[0], &seen.stale[1]].into_iter();
    let all = asked.flat_map(|it| answers(it)).chain(seen.writes.iter().flatten().map(answer));
    let (from, to) = (report.struck_at + nanos(bound), report.healed_at);
    let count = all.filter(|it| it.member == owner && it.sent > from && it.got < to).count();
    let bound = milliseconds(bound);
    let what = format!("the owner answered {count} times later than {bound} ms after the fault");
    (fenced && count > 0).then(|| broken_promise(&what))
}

/// What a busy machine is no excuse for: `.ci/run` tries nothing again that says so.
fn broken_promise(what: &str) -> String {
    format!("broken promise: {what}")
}

/// What the clients of the floating address have seen.
fn look(report: &mut Report, seen: &Seen) {
    let http: Vec<_> = seen.http.iter().copied().filter(|it| it.sent >= report.began).collect();
    let outages = unanswered(&http);
    let (began, healed, ended) = (report.began, report.healed_at, report.ended);
    report.http = [longest(&outages, began, healed), longest(&outages, healed, ended)];
    report.http_lost = outages.iter().map(|it| it.length(ended)).sum();
    let all = [&seen.http, &seen.stale[0], &seen.stale[1]];
    let all: Vec<Answer> = all.into_iter().flat_map(|asked| answers(asked)).collect();
    (report.both_answering, report.stale_answers) = together(&all);
    let mut took: Vec<u64> = answers(&http).map(|it| it.got - it.sent).collect();
    took.sort_unstable();
    report.took = [50, 99].map(|percent| took.get(took.len() * percent / 100).copied());
}

fn judge_run(report: &mut Report, seen: &Seen, profile: &Profile) {
    let mut breaks = Vec::new();
    breaks.extend(outlived(report, seen, profile.bound()));
    if report.both_answering > Duration::ZERO || report.stale_answers > 0 {
        let (length, count) = (milliseconds(report.both_answering), report.stale_answers);
        let what = format!("both answered for {length} ms, {count} answers of the old one");
        breaks.push(broken_promise(&what));
    }
    for database in &report.databases {
        if database.both_writable > Duration::ZERO || database.stale_writes > 0 {
            let (length, count) = (milliseconds(database.both_writable), database.stale_writes);
            let name = database.name;
            let what = format!("{name} was writable on both for {length} ms, {count} writes");
            breaks.push(broken_promise(&what));
        }
        let (name, lost) = (database.name, database.lost);
        if lost > 0 && (synchronous(name) || database.lost_early > 0) {
            let early = database.lost_early;
            let what = format!("{name}: {lost} acknowledged writes are lost, {early} old ones");
            breaks.push(broken_promise(&what));
        }
    }
    breaks.extend(late(report, profile.detection()));
    let moved = report.owner != report.owner_after;
    match report.fault.outcome() {
        // The address stays where it is when a database moves.
        Outcome::HandedOver if report.fault == Fault::FullDisk => {}
        Outcome::TakenOver | Outcome::HandedOver if !moved => {
            breaks.push("nothing moved".to_owned());
        }
        Outcome::Stays if moved => breaks.push("it moved".to_owned()),
        _ => {}
    }
    if !seen.http.iter().any(|it| it.sent < report.fault_at && it.answer.is_some()) {
        breaks.push("nobody answered before the fault".to_owned());
    }
    // A prober that is never answered would find nothing.
    let owner = usize::from(report.owner == "EX02");
    let before = |it: &&Asked| it.sent < report.fault_at;
    if !seen.stale[owner].iter().filter(before).any(|it| it.answer.is_some()) {
        breaks.push("the owner did not answer who asks at its hardware address".to_owned());
    }
    for journal in report.journals.iter().flatten() {
        if let Err(why) = verify(journal) {
            report.verified = false;
            breaks.push(format!("{}: {why}", journal.display()));
        }
    }
    report.breaks = breaks;
}

/// What took longer than it may.
fn late(report: &Report, detection: Duration) -> Vec<String> {
    let mut breaks = Vec::new();
    let [first, last] = budgets(report.fault, detection);
    let named = [("http", report.http)].into_iter();
    let named = named.chain(report.databases.iter().map(|it| (it.name, it.outages)));
    for (what, outages) in named {
        for (outage, budget, when) in
            [(outages[0], first, "after the fault"), (outages[1], last, "after healing")]
        {
            let Some(outage) = outage else { continue };
            let lasted = Duration::from_nanos(report.healed_at - report.fault_at);
            let budget = match synchronous(what) && when == "after the fault" {
                true => budget.max(waits_for_the_copy(report.fault, detection, lasted)),
                false => budget,
            };
            // What nobody serves until it is healed is over only then.
            let from = match report.fault.outcome() {
                Outcome::Down if when == "after the fault" => report.healed_at,
                _ => outage.from,
            };
            let length = judge::Outage { from, ..outage }.length(report.ended);
            if length > budget {
                let (length, budget) = (milliseconds(length), milliseconds(budget));
                breaks.push(format!("{what}: {length} ms {when}, at most {budget} ms"));
            }
        }
    }
    breaks
}

/// How long commits may wait for the other copy, beyond what a move takes: until that is missed, or
/// for as long as frames between the members are lost.
fn waits_for_the_copy(fault: Fault, detection: Duration, lasted: Duration) -> Duration {
    match fault {
        Fault::Partition | Fault::OneWayCut => detection + MARGIN,
        Fault::Loss30 | Fault::OneWayLoss => lasted + MARGIN,
        _ => Duration::ZERO,
    }
}

/// How long clients may be without service: after the fault, and after it is healed.
fn budgets(fault: Fault, detection: Duration) -> [Duration; 2] {
    let first = match fault.outcome() {
        Outcome::TakenOver | Outcome::Down => detection + MARGIN,
        Outcome::HandedOver => MOVE,
        // The cable is another one: what was under way comes after TCP's shortest wait.
        Outcome::Stays if fault == Fault::Delay => HICCUP * 2,
        Outcome::Stays => HICCUP,
    };
    [first, HICCUP]
}
