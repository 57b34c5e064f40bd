//! What may come next in a line: the one grammar that lines are read and completed by.

use super::line::Word;
use super::{faults, order};
use crate::base::{Instant, Span};
use crate::model::fault::Fault;
use crate::model::load;
use crate::model::order::cmdlets;
use crate::model::scenario::Scenario;
use crate::model::settings::{PARAMETERS, Settings, Value};
use crate::model::show;
use crate::model::topology::Topology;

/// What a line is about.
#[derive(Clone, Copy)]
pub(super) struct Site<'s> {
    pub topology: &'s Topology,
    pub scenario: &'s Scenario,
}

/// A word that may come next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Choice {
    pub word: String,
    pub help: String,
}

impl Choice {
    pub(super) fn new(word: impl Into<String>, help: impl Into<String>) -> Self {
        Choice { word: word.into(), help: help.into() }
    }
}

/// Judges a word that is no choice from a list.
type Fits = Box<dyn Fn(&str) -> bool>;

/// The next place in a line.
pub(super) struct Slot {
    /// What is expected there, for messages.
    pub what: String,
    /// The words that may stand there, or examples of them.
    pub choices: Vec<Choice>,
    /// Judges what may stand there beside the choices.
    pub fits: Option<Fits>,
    /// Whether the line may end here.
    pub may_end: bool,
}

impl Slot {
    /// One word of a list.
    pub(super) fn of(what: impl Into<String>, choices: Vec<Choice>) -> Self {
        Slot { what: what.into(), choices, fits: None, may_end: false }
    }

    /// Anything that fits; the choices are examples.
    pub(super) fn any(
        what: impl Into<String>,
        choices: Vec<Choice>,
        fits: impl Fn(&str) -> bool + 'static,
    ) -> Self {
        Slot { what: what.into(), choices, fits: Some(Box::new(fits)), may_end: false }
    }

    /// The end of a line.
    fn end() -> Self {
        Slot { what: "nothing more".to_owned(), choices: Vec::new(), fits: None, may_end: true }
    }

    pub(super) fn takes(&self, word: &Word) -> bool {
        match &self.fits {
            Some(fits) => fits(&word.text),
            None => self.choices.iter().any(|one| one.word.eq_ignore_ascii_case(&word.text)),
        }
    }

    /// Why a word may not stand here.
    pub(super) fn refusal(&self, word: &Word) -> String {
        let known: Vec<&str> = self.choices.iter().map(|choice| choice.word.as_str()).collect();
        let (mut list, mut near) = (String::new(), String::new());
        // Examples are not all that could stand here, so that none of them is the right one.
        if self.fits.is_none() {
            let hint = load::near(&word.text, known.iter().copied());
            near = hint.map_or_else(String::new, |hint| format!("; {hint}"));
            if (1..=12).contains(&known.len()) {
                list = format!(": one of {}", known.join(", "));
            }
        }
        format!("`{}`: expected {}{list}{near}", word.text, self.what)
    }
}

/// What may come after some words. They have been taken one by one before.
pub(super) fn after(site: Site, words: &[Word]) -> Slot {
    let Some((first, rest)) = words.split_first() else { return verbs() };
    if first.is("move") || first.is("remove") {
        return planned(site, first.is("move"), rest);
    }
    if first.is("set") {
        return setting(site, rest);
    }
    if first.is("until") {
        return match rest {
            [] => end_of_run(site),
            _ => Slot::end(),
        };
    }
    match Fault::KINDS.iter().find(|kind| first.is(kind.word)) {
        Some(kind) => faults::after(site, kind, rest),
        None => order::after(site, words),
    }
}

/// Everything that can be done.
fn verbs() -> Slot {
    let kinds = Fault::KINDS.iter().map(|kind| Choice::new(kind.word, kind.meaning));
    let others = [
        ("move", "plan a fault or a step for another moment"),
        ("remove", "take a fault or a step out"),
        ("set", "give a setting another value"),
        ("until", "end the run at another moment"),
    ];
    let others = others.into_iter().map(|(word, help)| Choice::new(word, help));
    let orders = cmdlets().map(|cmdlet| Choice::new(cmdlet.name, cmdlet.meaning));
    let what = "a kind of fault, a cmdlet, or move, remove, set, until";
    Slot::of(what, kinds.chain(others).chain(orders).collect())
}

/// `move fault 1 to 65s`, `remove step 3`.
fn planned(site: Site, moves: bool, words: &[Word]) -> Slot {
    match words {
        [] => {
            let of = [("fault", "of the plan"), ("step", "an order or what is expected")];
            Slot::of("fault or step", of.map(|(word, help)| Choice::new(word, help)).into())
        }
        [of] if of.is("fault") => numbers("a fault", told_faults(site)),
        [_] => numbers("a step", told_steps(site)),
        [_, _] if moves => Slot::of("to", vec![Choice::new("to", "a moment of the run")]),
        [_, _, _] if moves => moment(site),
        _ => Slot::end(),
    }
}

fn numbers(what: &str, told: Vec<String>) -> Slot {
    let what = match told.len() {
        0 => format!("the number of {what}; the scenario has none"),
        count => format!("the number of {what}, from 1 to {count}"),
    };
    let told = told.into_iter().enumerate();
    Slot::of(what, told.map(|(place, help)| Choice::new((place + 1).to_string(), help)).collect())
}

fn told_faults(site: Site) -> Vec<String> {
    let faults = site.scenario.faults.iter();
    faults.map(|fault| format!("{} at {}", faults::told(site.topology, fault), fault.at)).collect()
}

fn told_steps(site: Site) -> Vec<String> {
    let steps = site.scenario.steps.iter();
    steps.map(|step| format!("{}: {} at {}", step.label, step.text, step.at)).collect()
}

/// A moment of the run.
pub(super) fn moment(site: Site) -> Slot {
    let until = site.scenario.until;
    let faults = site.scenario.faults.iter().zip(told_faults(site));
    let steps = site.scenario.steps.iter().zip(told_steps(site));
    let mut known: Vec<(Instant, String)> = faults.map(|(fault, told)| (fault.at, told)).collect();
    known.extend(steps.map(|(step, told)| (step.at, told)));
    known.sort_by_key(|(at, _)| *at);
    known.dedup_by_key(|(at, _)| *at);
    let shown = |at: Instant| at.since(Instant::ZERO).show();
    let known = known.into_iter().map(|(at, told)| Choice::new(shown(at), told));
    let what = format!("a moment of the run with its unit, such as 65s, at most {}", shown(until));
    Slot::any(what, known.collect(), move |text| {
        Span::read(text).is_some_and(|span| Instant::ZERO + span <= until)
    })
}

/// How long something lasts.
pub(super) fn lasting() -> Slot {
    let examples = ["10s", "30s", "60s", "5m"].map(|word| Choice::new(word, "then it is healed"));
    Slot::any("a duration with its unit, such as 30s", examples.into(), |text| {
        Span::read(text).is_some_and(|span| !span.is_zero())
    })
}

fn end_of_run(site: Site) -> Slot {
    let now = site.scenario.until.since(Instant::ZERO);
    let example = |span: Span, help: &str| Choice::new(span.show(), help);
    let examples = vec![example(now, "as it is"), example(now * 2, "twice as long")];
    let what = "a duration above zero and of at most 366 days, such as 10m";
    Slot::any(what, examples, |text| load::until(text).is_some())
}

/// `set cluster.same_subnet_threshold 10`.
fn setting(site: Site, words: &[Word]) -> Slot {
    match words {
        [] => {
            let now = |key: &str, default: &str| {
                site.topology.settings.get(key).unwrap_or_else(|| default.to_owned())
            };
            let rows = PARAMETERS.iter().map(|row| {
                let meaning = row.meaning.trim();
                Choice::new(row.key, format!("{} ({meaning})", now(row.key, row.default)))
            });
            let others = load::other_keys();
            let others = others.iter().map(|other| Choice::new(other.key, other.meaning));
            Slot::of(
                "the key of a setting (`dagtwin list parameters`)",
                rows.chain(others).collect(),
            )
        }
        [key] => value(site, &key.text),
        _ => Slot::end(),
    }
}

/// The value of a setting.
fn value(site: Site, key: &str) -> Slot {
    if let Some(other) = load::other_keys().into_iter().find(|other| key_is(key, other.key)) {
        let words = other.words.iter().map(|word| Choice::new(*word, other.meaning)).collect();
        return match other.words.is_empty() {
            true => Slot::any(other.expected, words, other.fits),
            false => Slot::of(other.expected, words),
        };
    }
    let Some(row) = PARAMETERS.iter().find(|row| key_is(key, row.key)) else {
        return Slot::of("the key of a setting before it", Vec::new());
    };
    let mut examples = Vec::new();
    if let Some(now) = site.topology.settings.get(row.key) {
        examples.push(Choice::new(now, "as it is"));
    }
    let (low, high) = row.range;
    let bounds = [(row.default, "the default"), (low, "the lowest"), (high, "the highest")];
    for (word, help) in bounds.into_iter().filter(|(word, _)| !word.is_empty()) {
        if !examples.iter().any(|known| known.word == word) {
            examples.push(Choice::new(word, help));
        }
    }
    let range = match row.range {
        ("", "") => String::new(),
        (low, high) => format!(" from {low} to {high}"),
    };
    let what = format!("a value{range} such as {}", row.default);
    let settings: Settings = site.topology.settings.clone();
    let key = row.key;
    Slot::any(what, examples, move |text| settings.clone().set(key, text).is_ok())
}

fn key_is(typed: &str, key: &str) -> bool {
    typed.eq_ignore_ascii_case(key)
}

/// A key as it is spelt.
pub(super) fn spelt(key: &str) -> String {
    let rows = PARAMETERS.iter().map(|row| row.key);
    let mut all = rows.chain(load::other_keys().into_iter().map(|other| other.key));
    all.find(|known| key_is(key, known)).unwrap_or(key).to_owned()
}

/// The keys of a planned fault, as files have them.
pub(super) fn keys_of(topology: &Topology, fault: &Fault) -> Vec<(String, String)> {
    let keys = show::keys(topology, fault);
    keys.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}
