//! Settings: the tables of a topology file, a scenario's `[set]`, and `--set`.

use super::read::{Placed, Section, near};
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
            let (expected, hint) = explain(key, &error);
            section.wrong_at(place, &expected, hint);
        }
    }
}

/// Changes one setting as the command line says.
pub(super) fn set_from_command_line(
    settings: &mut Settings,
    given: &mut Given,
    key: &str,
    text: &str,
    problems: &mut Vec<Problem>,
) {
    match settings.set(key, text) {
        Ok(()) => drop(given.insert(key.to_owned())),
        Err(error) => {
            let (expected, hint) = explain(key, &error);
            problems.push(Problem {
                file: "--set".to_owned(),
                line: None,
                key: key.to_owned(),
                value: text.to_owned(),
                expected,
                hint,
            });
        }
    }
}

fn explain(key: &str, error: &SetError) -> (String, Option<String>) {
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
        SetError::NotAValue(expected) => ((*expected).to_owned(), None),
        SetError::OutOfRange(low, high) => (format!("a value from {low} to {high}"), None),
    }
}
