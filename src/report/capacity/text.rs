//! A study of capacity for a person.

use super::{pairs, told};
use crate::base::Span;
use crate::lab::capacity::{Measure, PHASES, Study, users};
use crate::lab::run::Figures;
use crate::model::sizing::{megacycles_per_core, per_user};
use crate::model::topology::ClientGroup;
use crate::report::page::{Ink, Page};
use std::io::{self, Write};

pub(super) fn write(
    study: &Study,
    width: usize,
    color: bool,
    repeat: &str,
    out: &mut dyn Write,
) -> io::Result<()> {
    let page = &mut Page::new(out, width, color);
    head(study, page)?;
    hardware(study, page)?;
    load(study, page)?;
    utilisation(study, page)?;
    latencies(study, page)?;
    answer(study, page)?;
    accounts(study, page)?;
    page.title("Assumed (no source gives these; change one with --set KEY=VALUE)")?;
    for assumption in &study.assumed {
        let lead = format!("  {:<46} {:>6}  ", assumption.key, assumption.value);
        page.cut(&format!("{lead}{}", assumption.why))?;
    }
    page.line(Ink::Plain, "")?;
    page.item(Ink::Dim, "repeat: ", repeat)
}

fn head(study: &Study, page: &mut Page<'_>) -> io::Result<()> {
    let topology = study.topology;
    page.item(Ink::Bold, "capacity: ", &format!("{}, {}", topology.name, topology.title))?;
    let question = &study.question;
    let text = format!(
        "{} users and {} other clients; {} loses power after {} of work; measured for {} before, \
         and for {} from {} after; seed {}",
        users(topology),
        topology.total_clients() - users(topology),
        topology.machine_name(question.lost),
        brief(question.warm_up + question.before),
        brief(question.before),
        brief(question.after),
        brief(question.during),
        question.seed
    );
    page.item(Ink::Plain, "", &text)
}

/// A span in whole seconds.
fn brief(span: Span) -> String {
    format!("{} s", span.as_millis() / 1_000)
}

fn hardware(study: &Study, page: &mut Page<'_>) -> io::Result<()> {
    page.title("Hardware")?;
    let topology = study.topology;
    for machine in topology.machines.values() {
        let of = &machine.hardware;
        let core = megacycles_per_core(of);
        let mut text = format!(
            "{} cores at a SPECint_rate2006 of {} each: {core} megacycles a core, {} in all",
            of.cores,
            of.spec_int_2006_rate_per_core,
            core * u64::from(of.cores)
        );
        if machine.is_exchange() {
            let (memory, disks) = (of.memory_gigabytes, of.disks);
            let megabits = topology.settings.ethernet.bandwidth;
            text += &format!("; {memory} GB, {disks} disks, {megabits} Mbit/s");
        }
        page.item(Ink::Plain, &format!("  {:<10} ", machine.name), &text)?;
    }
    Ok(())
}

fn load(study: &Study, page: &mut Page<'_>) -> io::Result<()> {
    page.title("Load in the busiest hour")?;
    let topology = study.topology;
    for group in topology.clients.iter().filter(|group| group.count > 0) {
        let text = of_group(study, group);
        page.item(Ink::Plain, &format!("  {:<18} ", group.name), &text)?;
    }
    for (id, database) in topology.databases.iter() {
        let rate = study.form.logs[id];
        let copies = database.copies.len().saturating_sub(1);
        let text = format!(
            "{} logs of 1 MB a day; {:.2} Mbit/s to each of {copies} passive copies",
            rate.logs_per_day,
            rate.bits_per_second as f64 / 1e6
        );
        page.item(Ink::Plain, &format!("  {:<18} ", database.name), &text)?;
    }
    Ok(())
}

fn of_group(study: &Study, group: &ClientGroup) -> String {
    let of = per_user(study.topology, group);
    let think = group.think.as_nanos() as f64 / 1e9;
    let mut text = format!("{} clients, a request every {think:.1} s each", group.count);
    if of.messages_per_day > 0 {
        text += &format!(", {} messages a day", of.messages_per_day);
    }
    if group.kind.has_mailbox() {
        let megacycles = |cycles: u64| cycles as f64 / 1e6;
        text += &format!(
            "; each {:.2} megacycles active, {:.2} passive, {:.2} Client Access, {:.2} Hub \
             Transport; {:.3} IOPS, {:.1} MB of cache, {} KB and {:.1} logs a day",
            megacycles(of.active),
            megacycles(of.passive),
            megacycles(of.client_access),
            megacycles(of.hub_transport),
            of.transfers as f64 / 1e6,
            of.cache as f64 / 1e2,
            of.kilobytes_per_day,
            of.logs_per_day as f64 / 1e3
        );
    }
    text
}

fn utilisation(study: &Study, page: &mut Page<'_>) -> io::Result<()> {
    let topology = study.topology;
    let lost = topology.machine_name(study.question.lost);
    page.title(&format!("Use, with everything up and without {lost}"))?;
    let wide = page.width >= 100;
    let row = |cells: [&str; 6]| {
        let [what, both, both_closed, one, one_closed, limit] = cells;
        if wide {
            format!(
                "  {what:<44} {both:>11} {both_closed:>11} {one:>11} {one_closed:>11} {limit:>9}"
            )
        } else {
            format!("  {what:<36.36} {both:>10} {one:>10} {limit:>9}")
        }
    };
    let titles = ["", "all up", "closed form", &format!("no {lost}"), "closed form", "limit"];
    page.line(Ink::Dim, &row(titles))?;
    let idle =
        |measure: &Measure| measure.simulated.unwrap_or(0) == 0 && measure.closed.unwrap_or(0) == 0;
    for pair in pairs(study) {
        let of = pair.any();
        if pair.both.into_iter().chain(pair.one).all(idle) {
            continue;
        }
        let what = format!("{} {}", topology.machine_name(of.machine), of.kind.word());
        let simulated = |measure: Option<&Measure>| {
            // A narrow table has no other column for what is worked out in closed form only.
            let value = measure.and_then(|m| m.simulated.or(m.closed.filter(|_| !wide)));
            value.map_or("-".to_owned(), |value| told(of.kind, value))
        };
        let closed = |measure: Option<&Measure>| {
            let value = measure.and_then(|m| m.closed);
            value.map_or("-".to_owned(), |value| told(of.kind, value))
        };
        let limit = of.limit.map_or("-".to_owned(), |limit| told(of.kind, limit));
        let holds = pair.both.into_iter().chain(pair.one).all(Measure::holds);
        let ink = if holds { Ink::Plain } else { Ink::Bad };
        let cells = [
            &what,
            &simulated(pair.both),
            &closed(pair.both),
            &simulated(pair.one),
            &closed(pair.one),
            &limit,
        ];
        page.line(ink, &row(cells.map(String::as_str)))?;
    }
    Ok(())
}

fn ms(span: Span) -> String {
    format!("{:.1}", span.as_nanos() as f64 / 1e6)
}

fn latencies(study: &Study, page: &mut Page<'_>) -> io::Result<()> {
    page.title("Latency of requests in ms, by the phase in which they were answered")?;
    let row = |kind: &str, phase: &str, cells: [String; 5]| {
        let [count, p50, p90, p99, max] = cells;
        format!("  {kind:<14} {phase:<8} {count:>9} {p50:>10} {p90:>10} {p99:>10} {max:>10}")
    };
    let titles = ["count", "p50", "p90", "p99", "max"].map(str::to_owned);
    page.line(Ink::Dim, &row("", "", titles))?;
    for kind in crate::model::topology::ClientKind::ALL {
        for (phase, window) in PHASES.iter().zip(&study.run.windows) {
            let Some(figures) = window.latency.get(&kind) else { continue };
            let at = |percent| ms(Figures::percentile(figures, percent));
            let cells = [figures.count().to_string(), at(50), at(90), at(99), ms(figures.max)];
            page.line(Ink::Plain, &row(kind.word(), phase, cells))?;
        }
    }
    Ok(())
}

/// A value on a machine beside its limit.
fn beside_limit(study: &Study, measure: &Measure) -> String {
    let name = study.topology.machine_name(measure.machine);
    let limit = measure.limit.map_or(0, |limit| limit);
    let (value, limit) = (told(measure.kind, measure.value()), told(measure.kind, limit));
    format!("{name} {}: {value} of {limit}", measure.kind.word())
}

fn answer(study: &Study, page: &mut Page<'_>) -> io::Result<()> {
    page.title("Answer")?;
    let mut row = |ink, lead: &str, text: &str| page.item(ink, &format!("  {lead:<18} "), text);
    let nearest = study.bottleneck().map(|measure| beside_limit(study, measure));
    let nearest = nearest.filter(|_| study.form.carried).unwrap_or_else(|| {
        let lost = study.topology.machine_name(study.question.lost);
        format!(
            "nothing takes the place of {lost}: a database, a role or the directory has no other"
        )
    });
    row(Ink::Plain, "first bottleneck", &nearest)?;
    let asked = users(study.topology);
    let (ink, text) = match (study.holds, study.run.waiting) {
        (true, _) => (Ink::Good, format!("{asked} users stay within the limits")),
        (false, 0) => (Ink::Bad, format!("{asked} users do not stay within the limits")),
        (false, waiting) => {
            (Ink::Bad, format!("{waiting} of {} clients are without service", study.run.clients))
        }
    };
    row(ink, "after the failover", &text)?;
    let Some(search) = &study.search else { return Ok(()) };
    let (low, high) = search.interval();
    let seeds = search.brackets.len();
    let most = match high {
        Some(high) => format!("between {low} and {high} users, whatever the seed of {seeds}"),
        None => format!("{low} users at least: no limit was met"),
    };
    row(Ink::Bold, "carried at most", &most)?;
    row(Ink::Plain, "closed form", &format!("{} users", search.closed))?;
    for bracket in &search.brackets {
        let why = match &bracket.gave_way {
            Some(measure) => format!("; first beyond: {}", beside_limit(study, measure)),
            None if bracket.refused.is_some() => "; clients stay without service".to_owned(),
            None => String::new(),
        };
        let refused = bracket.refused.map_or(String::new(), |n| format!(", {n} are too many"));
        let text = format!(
            "{} are carried{refused}, after {} runs{why}",
            bracket.carried,
            bracket.tried.len()
        );
        row(Ink::Plain, &format!("seed {}", bracket.seed), &text)?;
    }
    Ok(())
}

fn accounts(study: &Study, page: &mut Page<'_>) -> io::Result<()> {
    page.title("Accounts of the run")?;
    let mut row = |lead: &str, text: &str| page.item(Ink::Plain, &format!("  {lead:<18} "), text);
    let requests = study.run.account.requests;
    let text = format!(
        "{} issued = {} answered + {} refused + {} timed out + {} in flight",
        requests.issued,
        requests.answered,
        requests.refused,
        requests.timed_out,
        requests.in_flight
    );
    row("requests", &text)?;
    let mail = study.run.account.messages;
    let text = format!(
        "{} submitted = {} delivered + {} pending + {} lost",
        mail.submitted, mail.delivered, mail.pending, mail.lost
    );
    row("messages", &text)?;
    let during = &study.run.windows[1].machines;
    for (id, load) in during.iter().filter(|(_, load)| waits(load)) {
        let text = format!(
            "{} log-ons passed through during the failover, the longest wait for a turn since the run \
             began {} ms",
            load.log_ons,
            ms(load.longest_log_on_wait)
        );
        row(study.topology.machine_name(id), &text)?;
    }
    let throttled: u64 = study.run.windows.iter().map(|w| throttled(w.machines.values())).sum();
    row("throttling", &format!("{throttled} requests were delayed"))?;
    let (all, largest) = study.run.client_bytes;
    let each = all / u64::from(study.run.clients).max(1);
    row("memory", &format!("{each} bytes for each client, {largest} for the largest"))
}

fn throttled<'l>(loads: impl Iterator<Item = &'l crate::lab::capacity::Load>) -> u64 {
    loads.map(|load| load.throttled).sum()
}

/// Whether log-ons had to wait for their turn on a machine.
fn waits(load: &crate::lab::capacity::Load) -> bool {
    load.log_ons > 0 && !load.longest_log_on_wait.is_zero()
}
