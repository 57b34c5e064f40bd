//! Settings: the tables of a topology file, a scenario's `[set]`, and `--set`.

use super::read::{Placed, Section, near, unit_hint};
use super::{clients, versions};
use crate::model::Problem;
use crate::model::settings::{PARAMETERS, SetError, Settings};
use std::collections::BTreeSet;

/// Keys that a file or the command line gave a value.
pub type Given = BTreeSet<String>;

/// The sections of the settings, in order.
pub(super) fn sections() -> Vec<&'static str> {
    let mut sections: Vec<&'static str> = Vec::new();
    for parameter in PARAMETERS {
        let section = parameter.key.split('.').next().unwrap_or_default();
        if sections.last() != Some(&section) {
            sections.push(section);
        }
    }
    sections
}

/// Reads every settings table of a topology file.
pub(super) fn tables(root: &Section, settings: &mut Settings, given: &mut Given) {
    for name in sections() {
        let Some(section) = root.table(name) else { continue };
        for (key, place) in section.entries() {
            set(&section, settings, given, &format!("{name}.{key}"), &place);
        }
    }
}

/// Changes one setting as a file says.
pub(super) fn set(
    section: &Section,
    settings: &mut Settings,
    given: &mut Given,
    key: &str,
    place: &Placed,
) {
    match settings.set(key, &place.text) {
        Ok(()) => drop(given.insert(key.to_owned())),
        Err(error) => {
            let (expected, hint) = explain(key, &place.text, &error);
            section.wrong_at(place, &expected, hint);
        }
    }
}

/// A key that `--set` and a scenario's `[set]` take beside the settings.
#[derive(Clone, Debug)]
pub struct OtherKey {
    /// The key.
    pub key: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// What a value looks like.
    pub expected: &'static str,
    /// The words that it takes; none if it takes something else.
    pub words: Vec<&'static str>,
    /// Whether a text is a value, where it takes no words.
    pub fits: fn(&str) -> bool,
}

/// Every key that is no setting: versions, and what is changed of all clients.
pub fn other_keys() -> Vec<OtherKey> {
    fn all<T>(words: &[(&'static str, T)]) -> Vec<&'static str> {
        words.iter().map(|(word, _)| *word).collect()
    }
    let of_words = |key, meaning, words| OtherKey {
        key,
        meaning,
        expected: "one of its words",
        words,
        fits: |_| false,
    };
    let of_values =
        |key, meaning, expected, fits| OtherKey { key, meaning, expected, words: Vec::new(), fits };
    vec![
        of_words("windows_version", "Windows of the nodes", all(versions::WINDOWS)),
        of_words("exchange_version", "service pack of the servers", all(versions::EXCHANGE)),
        of_words("clients.operating_system", "of all clients", all(clients::SYSTEMS)),
        of_words("clients.authentication", "of all clients", all(clients::AUTHENTICATION)),
        of_values("clients.count", "clients of every group", clients::COUNT_EXPECTED, |text| {
            clients::count(text).is_some()
        }),
        of_values(
            "clients.think",
            "mean time between the requests of a client",
            clients::THINK_EXPECTED,
            |text| clients::think(text).is_some(),
        ),
        of_values(
            "clients.profile",
            "messages sent and received a day",
            clients::PROFILE_EXPECTED,
            |text| clients::profile(text).is_some(),
        ),
    ]
}

/// A setting that is wanted beside the topology's own: by a scenario's `[set]`, or by `--set`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wish {
    /// Its key.
    pub key: String,
    /// The value.
    pub text: String,
    /// The value as it stands there, for messages.
    shown: String,
    /// The scenario's file and the line there; none on the command line.
    place: Option<(String, usize)>,
}

impl Wish {
    /// A wish of the command line.
    pub fn of_command_line(key: &str, text: &str) -> Self {
        let (key, text) = (key.to_owned(), text.to_owned());
        Wish { key, shown: text.clone(), text, place: None }
    }

    /// A wish of a scenario file's `[set]`.
    pub(super) fn of_file(file: &str, key: String, place: Placed) -> Self {
        let Placed { text, shown, line, .. } = place;
        Wish { key, text, shown, place: Some((file.to_owned(), line)) }
    }

    /// What is wrong with it.
    pub(super) fn wrong(&self, expected: impl Into<String>, hint: Option<String>) -> Problem {
        let (file, line, key) = match &self.place {
            Some((file, line)) => (file.clone(), Some(*line), format!("set.{}", self.key)),
            None => ("--set".to_owned(), None, self.key.clone()),
        };
        Problem { file, line, key, value: self.shown.clone(), expected: expected.into(), hint }
    }
}

/// Changes one setting as the command line or a scenario says.
pub(super) fn set_as_wished(
    settings: &mut Settings,
    given: &mut Given,
    wish: &Wish,
    problems: &mut Vec<Problem>,
) {
    match settings.set(&wish.key, &wish.text) {
        Ok(()) => drop(given.insert(wish.key.clone())),
        Err(error) => {
            let (expected, hint) = explain(&wish.key, &wish.text, &error);
            problems.push(wish.wrong(expected, hint));
        }
    }
}

fn explain(key: &str, text: &str, error: &SetError) -> (String, Option<String>) {
    match error {
        SetError::UnknownKey => {
            let section = key.split('.').next().unwrap_or_default();
            let keys = PARAMETERS.iter().map(|parameter| parameter.key);
            let hint = near(key, keys.clone());
            let same: Vec<&str> =
                keys.filter(|other| other.split('.').next() == Some(section)).collect();
            let expected = if same.is_empty() {
                format!("a setting; sections are {}", sections().join(", "))
            } else {
                format!("one of {}", same.join(", "))
            };
            (expected, hint)
        }
        SetError::NotAValue(expected) => ((*expected).to_owned(), unit_hint(expected, text)),
        SetError::OutOfRange(low, high) => (format!("a value from {low} to {high}"), None),
    }
}
