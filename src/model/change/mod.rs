//! Changes of a scenario as a person types them at a moment of a run: `nic-down EX02 MAPI lasts
//! 30s`, `move fault 1 to 65s`, `Move-ClusterGroup CASArray -Node EX02`, `set
//! cluster.same_subnet_threshold 10`. One grammar (`slot.rs`) reads lines and completes them.

mod drawn;
mod faults;
mod line;
mod order;
mod slot;
#[cfg(test)]
mod tests;

use super::load;
use super::scenario::Scenario;
use super::settings::Value;
use super::show;
use super::topology::Topology;
use crate::base::{Instant, Span};
use crate::model::fault::Fault;
use line::Word;
use slot::Site;

pub use drawn::{Choose, drawn_fault, drawn_order};

/// One change of a scenario. Faults and steps are numbered from 0 by their places in
/// [`Scenario::faults`] and [`Scenario::steps`]; lines number them from 1.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// One more fault.
    AddFault {
        /// When it strikes.
        at: Instant,
        /// How long it lasts; none for the rest of the run.
        lasts: Option<Span>,
        /// Its kind, as files name it.
        kind: String,
        /// The keys of its kind with their values.
        keys: Vec<(String, String)>,
    },
    /// A fault strikes at another moment.
    MoveFault {
        /// Its place in the plan.
        index: usize,
        /// The moment.
        at: Instant,
    },
    /// A fault does not happen.
    RemoveFault {
        /// Its place in the plan.
        index: usize,
    },
    /// One more order of an administrator.
    AddOrder {
        /// When it is given.
        at: Instant,
        /// The cmdlet's line.
        order: String,
        /// The node where it is typed; none for the first.
        on: Option<String>,
    },
    /// A step is done at another moment.
    MoveStep {
        /// Its place in the scenario.
        index: usize,
        /// The moment.
        at: Instant,
    },
    /// A step is left out.
    RemoveStep {
        /// Its place in the scenario.
        index: usize,
    },
    /// A setting has another value.
    Set {
        /// Its key.
        key: String,
        /// The value.
        value: String,
    },
    /// The run ends at another moment.
    Until {
        /// The moment.
        at: Instant,
    },
}

/// A way in which a line can go on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Completion {
    /// The whole line so far with this word taken and a blank after it.
    pub text: String,
    /// What a menu shows: the word.
    pub label: String,
    /// What it is, in one line; may be empty.
    pub help: String,
}

/// Reads a line. What it adds happens at `at`, if it does not say when.
///
/// # Errors
/// What is wrong with the line: the word, what was expected there, and what is near.
pub fn parse(
    line: &str,
    at: Instant,
    topology: &Topology,
    scenario: &Scenario,
) -> Result<Change, String> {
    let site = Site { topology, scenario };
    let words = line::words(line);
    if let Some(open) = words.iter().find(|word| word.open) {
        return Err(format!("`{}`: expected a closing quote", &line[open.start..]));
    }
    for (place, word) in words.iter().enumerate() {
        let slot = slot::after(site, &words[..place]);
        let nothing_more = slot.choices.is_empty() && slot.fits.is_none() && slot.may_end;
        if nothing_more || !slot.takes(word) {
            return Err(slot.refusal(word));
        }
    }
    let slot = slot::after(site, &words);
    let read = read(site, at, &words);
    if !slot.may_end {
        // A cmdlet tells what its line lacks better than its grammar can.
        let wrong = read.as_ref().err().filter(|_| is_order(&words)).cloned();
        return Err(wrong.unwrap_or_else(|| match words.last() {
            Some(last) => format!("after `{}`: expected {}", last.text, slot.what),
            None => format!("expected {}", slot.what),
        }));
    }
    read
}

/// Every way in which a line can go on: with an empty line, everything that can be done here.
pub fn complete(line: &str, topology: &Topology, scenario: &Scenario) -> Vec<Completion> {
    let site = Site { topology, scenario };
    let words = line::words(line);
    let (before, typed, start) = match words.split_last() {
        Some((last, before)) if last.end == line.len() && (last.open || !last.quoted) => {
            (before, last.text.to_lowercase(), last.start)
        }
        _ => (words.as_slice(), String::new(), line.len()),
    };
    for (place, word) in before.iter().enumerate() {
        if !slot::after(site, &before[..place]).takes(word) {
            return Vec::new();
        }
    }
    let begun = &line[..start];
    let gap = if begun.is_empty() || begun.ends_with(char::is_whitespace) { "" } else { " " };
    let choices = slot::after(site, before).choices;
    let begins = |word: &str| word.to_lowercase().starts_with(&typed);
    let holds = |word: &str| word.to_lowercase().contains(&typed);
    let mut found: Vec<_> = choices.iter().filter(|choice| begins(&choice.word)).collect();
    if found.is_empty() {
        found = choices.iter().filter(|choice| holds(&choice.word)).collect();
    }
    let completion = |choice: &slot::Choice| Completion {
        text: format!("{begun}{gap}{} ", line::typed(&choice.word)),
        label: choice.word.clone(),
        help: choice.help.clone(),
    };
    found.into_iter().map(completion).collect()
}

/// A fault in words, with its moment: "nic-down on EX01 all NICs for 30 s at 60 s".
pub fn told(topology: &Topology, planned: &super::fault::Planned) -> String {
    format!("{} at {}", faults::told(topology, planned), planned.at)
}

fn is_order(words: &[Word]) -> bool {
    let verbs = ["move", "remove", "set", "until"];
    words.first().is_some_and(|first| {
        !verbs.iter().any(|verb| first.is(verb))
            && !Fault::KINDS.iter().any(|kind| first.is(kind.word))
    })
}

/// What words say that were taken one by one.
fn read(site: Site, at: Instant, words: &[Word]) -> Result<Change, String> {
    let text = |place: usize| words.get(place).map(|word| word.text.as_str());
    let cut = || "expected more words".to_owned();
    let number = |place: usize| {
        let number = text(place).and_then(|text| text.parse::<usize>().ok());
        number.and_then(|number| number.checked_sub(1)).ok_or_else(cut)
    };
    let first = words.first().ok_or_else(cut)?;
    let of_fault = words.get(1).is_some_and(|word| word.is("fault"));
    match first.text.to_ascii_lowercase().as_str() {
        "move" => {
            let (index, at) = (number(2)?, text(4).and_then(moment).ok_or_else(cut)?);
            Ok(match of_fault {
                true => Change::MoveFault { index, at },
                false => Change::MoveStep { index, at },
            })
        }
        "remove" => {
            let index = number(2)?;
            Ok(match of_fault {
                true => Change::RemoveFault { index },
                false => Change::RemoveStep { index },
            })
        }
        "set" => {
            let value = text(2).ok_or_else(cut)?.to_owned();
            Ok(Change::Set { key: slot::spelt(text(1).ok_or_else(cut)?), value })
        }
        "until" => Ok(Change::Until { at: text(1).and_then(moment).ok_or_else(cut)? }),
        _ if is_order(words) => read_order(site, at, words),
        _ => read_fault(site, at, words),
    }
}

fn moment(text: &str) -> Option<Instant> {
    Span::read(text).map(|span| Instant::ZERO + span)
}

fn read_fault(site: Site, at: Instant, words: &[Word]) -> Result<Change, String> {
    let kind = Fault::KINDS.iter().find(|kind| words[0].is(kind.word));
    let kind = kind.ok_or("expected a kind of fault")?;
    let rest = &words[1..];
    if rest.len() < kind.keys.len() {
        return Err(format!("expected {} after {}", kind.keys.join(", "), kind.word));
    }
    let keys = faults::keys(site, kind, rest);
    let options = rest[kind.keys.len()..].chunks_exact(2);
    let option = |name: &str| {
        let pair = options.clone().find(|pair| pair[0].is(name));
        pair.and_then(|pair| Span::read(&pair[1].text))
    };
    let change = Change::AddFault {
        at: option("at").map_or(at, |span| Instant::ZERO + span),
        lasts: option("lasts"),
        kind: kind.word.to_owned(),
        keys,
    };
    loads(site, &change)?;
    Ok(change)
}

/// Has a fault read by the loader, whose rules are the ones that count.
fn loads(site: Site, change: &Change) -> Result<(), String> {
    let Change::AddFault { at, lasts, kind, keys } = change else { return Ok(()) };
    if *at > site.scenario.until {
        return Err(format!(
            "{at}: expected a moment before the run ends, {}",
            site.scenario.until
        ));
    }
    let end = show::moment(Instant::MAX.min(site.scenario.until));
    let mut text = format!("title = \"x\"\nuntil = {end}\n[[fault]]\nat = {}\n", show::moment(*at));
    if let Some(lasts) = lasts {
        text += &format!("lasts = {}\n", show::span(*lasts));
    }
    text += &format!("kind = {}\n", show::quoted(kind));
    for (key, value) in keys {
        text += &format!("{key} = {}\n", show::quoted(value));
    }
    load::scenario("", "x", &text, site.topology).map(drop).map_err(|problems| {
        let told = |problem: &super::Problem| {
            let value = problem.value.trim_matches('"');
            format!("`{value}`: expected {}", problem.expected)
        };
        problems.iter().map(told).collect::<Vec<_>>().join("; ")
    })
}

fn read_order(site: Site, at: Instant, words: &[Word]) -> Result<Change, String> {
    let parts = order::parts(words);
    let node = order::node(site.topology, parts.on.map(|on| on.text.as_str()));
    let node = node.ok_or("expected a node after on")?;
    order::judge(site.topology, parts.line, node).map_err(|wrong| {
        let hint = wrong.hint.map_or_else(String::new, |hint| format!("; {hint}"));
        format!("`{}`: expected {}{hint}", order::own(parts.line), wrong.expected)
    })?;
    let at =
        parts.at.map_or(Some(at), |at| moment(&at.text)).ok_or("expected a moment after at")?;
    if at > site.scenario.until {
        return Err(format!(
            "{at}: expected a moment before the run ends, {}",
            site.scenario.until
        ));
    }
    let on = parts.on.map(|_| site.topology.node_name(node).to_owned());
    Ok(Change::AddOrder { at, order: order::own(parts.line), on })
}

impl Change {
    /// The change in words, over the scenario that it changes: "nic-down on EX01 all NICs at
    /// 66.000 s".
    pub fn describe(&self, topology: &Topology, scenario: &Scenario) -> String {
        let fault = |index: usize| match scenario.faults.get(index) {
            Some(planned) => (faults::told(topology, planned), format!(" from {}", planned.at)),
            None => (format!("fault {}", index + 1), String::new()),
        };
        let step = |index: usize| match scenario.steps.get(index) {
            Some(step) => {
                (format!("step {} ({})", step.label, step.text), format!(" from {}", step.at))
            }
            None => (format!("step {}", index + 1), String::new()),
        };
        let moved =
            |(what, from): (String, String), at: Instant| format!("{what} moved{from} to {at}");
        match self {
            Change::AddFault { at, lasts, kind, keys } => {
                format!("{} at {at}", faults::words(kind, keys, *lasts))
            }
            Change::MoveFault { index, at } => moved(fault(*index), *at),
            Change::RemoveFault { index } => {
                let (what, _) = fault(*index);
                let at = scenario.faults.get(*index).map(|planned| planned.at);
                format!("no {what}{}", at.map_or_else(String::new, |at| format!(" at {at}")))
            }
            Change::AddOrder { at, order, on } => {
                let on = on.as_ref().map_or_else(String::new, |on| format!(" on {on}"));
                format!("{order}{on} at {at}")
            }
            Change::MoveStep { index, at } => moved(step(*index), *at),
            Change::RemoveStep { index } => format!("no {}", step(*index).0),
            Change::Set { key, value } => {
                let before = topology.settings.get(key).filter(|before| before != value);
                let before = before.map_or_else(String::new, |was| format!(" instead of {was}"));
                format!("{key} = {value}{before}")
            }
            Change::Until { at } => format!("the run ends at {at} instead of {}", scenario.until),
        }
    }
}
