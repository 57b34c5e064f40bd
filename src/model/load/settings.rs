//! Settings: the tables of a topology file, a scenario's `[set]`, and `--set`.

use super::read::{Placed, Section, near, unit_hint};
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
