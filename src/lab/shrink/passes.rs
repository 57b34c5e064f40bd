//! What is tried, in the order in which it pays.

use super::{Search, site};
use crate::base::{Instant, Span};
use crate::check::Kind;
use crate::lab::what_if::edit::{Text, shown};
use crate::model::Source;
use crate::model::settings::Value as _;

/// Lengths that a fault may be given, from the shortest.
const LENGTHS: [Span; 11] = [
    Span::from_millis(100),
    Span::from_millis(500),
    Span::from_secs(1),
    Span::from_secs(2),
    Span::from_secs(5),
    Span::from_secs(10),
    Span::from_secs(20),
    Span::from_secs(30),
    Span::from_secs(60),
    Span::from_secs(120),
    Span::from_secs(180),
];

/// What times are rounded to, the roundest first.
const GRAINS: [Span; 5] = [
    Span::from_secs(10),
    Span::from_secs(5),
    Span::from_secs(1),
    Span::from_millis(500),
    Span::from_millis(100),
];

/// When the first thing happens in a scenario that a person writes.
const FIRST: Span = Span::from_secs(60);

/// The lists of a scenario in which something happens.
const LISTS: [&str; 2] = ["fault", "step"];

/// An entry of a list.
type Entry = (&'static str, usize);

/// Every entry of a scenario's lists.
fn entries(text: &Text) -> Vec<Entry> {
    let of = |list: &'static str| (0..text.count(list)).map(move |place| (list, place));
    LISTS.into_iter().flat_map(of).collect()
}

/// A time of an entry.
fn time(text: &Text, (list, place): Entry, key: &str) -> Option<Span> {
    Span::read(text.of_entry(list, place, key)?)
}

impl Search<'_> {
    /// Every pass once.
    pub(super) fn passes(&mut self, sites: &[Source]) {
        self.fewer();
        self.placement();
        self.smaller_site(sites);
        self.clients();
        self.settings();
        self.first_at_a_minute();
        self.shorter();
        self.rounder();
        self.orders();
        self.end();
    }

    /// Faults and steps are left out, first halves of them, at last each alone.
    fn fewer(&mut self) {
        let mut size = entries(&self.text()).len();
        while size > 0 {
            let mut from = 0;
            loop {
                let all = entries(&self.text());
                if from >= all.len() {
                    break;
                }
                let part = &all[from..all.len().min(from + size)];
                let step = match part {
                    [(list, place)] => format!("{list} {} left out", place + 1),
                    part => format!("{} faults and steps left out", part.len()),
                };
                let part: Vec<Entry> = part.iter().rev().copied().collect();
                let gone = self.try_edit(&step, |text| {
                    part.iter().for_each(|(list, place)| text.remove(list, *place));
                });
                if !gone {
                    from += size;
                }
            }
            size /= 2;
        }
    }

    /// Where things are at the start is left to the topology.
    fn placement(&mut self) {
        for key in self.text().keys_of("start") {
            self.try_edit(&format!("[start] {key} left out"), |text| {
                text.remove_from("start", &key)
            });
        }
        for key in ["time_of_day", "clients_from", "name"] {
            if self.text().of_key(key).is_some() {
                self.try_edit(&format!("{key} left out"), |text| {
                    text.remove_key(key);
                });
            }
        }
    }

    /// The same on a site with fewer machines.
    fn smaller_site(&mut self, sites: &[Source]) {
        for (topology, moved) in site::smaller(&self.best, sites) {
            let step = format!("on the site {topology}");
            if self.try_sources(moved, &step) {
                break;
            }
        }
    }

    /// One client of each group; or none at all.
    fn clients(&mut self) {
        let now = self.best.loaded.topology.total_clients();
        let groups = u32::try_from(self.best.loaded.topology.clients.len()).unwrap_or(u32::MAX);
        if now > groups {
            self.try_edit("one client of each group", |text| text.set("clients.count", "1"));
        }
        if now > 0 {
            self.try_edit("no clients", |text| text.set("clients.count", "0"));
        }
    }

    /// Settings that have nothing to do with it are left out; more clients are nothing smaller.
    fn settings(&mut self) {
        for key in self.text().keys_of("set") {
            if key != "clients.count" {
                let step = format!("[set] {key} left out");
                self.try_edit(&step, |text| text.remove_from("set", &key));
            }
        }
    }

    /// Everything is moved by the same time, so that the first thing happens after a minute.
    fn first_at_a_minute(&mut self) {
        let text = self.text();
        let all = entries(&text);
        let first = all.iter().filter_map(|entry| time(&text, *entry, "at")).min();
        let Some(first) = first.filter(|first| *first != FIRST) else { return };
        let moved = |at: Span| at.saturating_sub(first) + FIRST;
        let until = text.of_key("until").and_then(Span::read).map(moved);
        self.try_edit("the first fault after a minute", |text| {
            for (list, place) in all {
                if let Some(at) = time(text, (list, place), "at") {
                    text.put_in(list, place, "at", &moved(at).show());
                }
            }
            if let Some(until) = until {
                text.key("until", &until.show());
            }
        });
    }

    /// Faults last no longer than they need to.
    fn shorter(&mut self) {
        for (list, place) in entries(&self.text()) {
            let Some(now) = time(&self.text(), (list, place), "lasts") else { continue };
            for length in LENGTHS.into_iter().filter(|length| *length < now) {
                let step = format!("{list} {} lasts {}", place + 1, length.show());
                if self.try_edit(&step, |text| text.put_in(list, place, "lasts", &length.show())) {
                    break;
                }
            }
        }
    }

    /// Times become round numbers.
    fn rounder(&mut self) {
        for (list, place) in entries(&self.text()) {
            for key in ["at", "lasts"] {
                let Some(now) = time(&self.text(), (list, place), key) else { continue };
                for grain in GRAINS {
                    let below = now.as_nanos() / grain.as_nanos() * grain.as_nanos();
                    let round = [below, below + grain.as_nanos()].map(Span::from_nanos);
                    if now.as_nanos() == below
                        || round.into_iter().any(|round| {
                            let step = format!("{list} {} {key} {}", place + 1, round.show());
                            !round.is_zero()
                                && self.try_edit(&step, |text| {
                                    text.put_in(list, place, key, &round.show());
                                })
                        })
                    {
                        break;
                    }
                }
            }
        }
    }

    /// Orders without what decides nothing.
    fn orders(&mut self) {
        for place in 0..self.text().count("step") {
            let mut word = 1;
            loop {
                let text = self.text();
                let Some(line) = text.of_entry("step", place, "order") else { break };
                let words: Vec<&str> = line.split(' ').collect();
                if word >= words.len() {
                    break;
                }
                let named = words[word].starts_with('-');
                let value = words.get(word + 1).is_some_and(|next| !next.starts_with('-'));
                let lengths = if named && value { [2, 1].as_slice() } else { [1].as_slice() };
                let without = lengths.iter().map(|length| {
                    let kept = words.iter().enumerate();
                    let kept = kept.filter(|(at, _)| *at < word || *at >= word + length);
                    kept.map(|(_, word)| *word).collect::<Vec<_>>().join(" ")
                });
                let without: Vec<String> = without.collect();
                let shorter = without.into_iter().any(|line| {
                    self.try_edit(&format!("step {} without a parameter", place + 1), |text| {
                        text.put_in("step", place, "order", &line);
                        text.put_in("step", place, "text", &format!("An administrator: {line}"));
                    })
                });
                if !shorter {
                    word += 1;
                }
            }
        }
    }

    /// The run ends as soon as the promise is broken, or as soon as that can be judged.
    fn end(&mut self) {
        if self.kind == Kind::Safety && self.text().of_key("settle").is_some() {
            self.try_edit("does not say how long it settles", |text| {
                text.remove_key("settle");
            });
        }
        let scenario = &self.best.scenario;
        let second = |at: Instant| Span::from_secs(at.as_nanos().div_ceil(1_000_000_000));
        let until = match self.kind {
            Kind::Safety => second(self.broken_at()) + Span::from_secs(1),
            Kind::Liveness => {
                let faults = scenario.faults.iter();
                let ends = faults.map(|one| one.at.saturating_add(one.lasts.unwrap_or(Span::ZERO)));
                let calm = ends.chain(scenario.steps.iter().map(|step| step.at)).max();
                second(calm.unwrap_or(scenario.clients_from)) + scenario.settle
            }
        };
        let until = Instant::ZERO + until;
        if until < scenario.until {
            self.try_edit("ends earlier", |text| text.key("until", &shown(until)));
        }
    }
}
