//! From what a person typed to a checked topology and scenario.

use super::failure::Failure;
use super::suggest;
use crate::base::{Instant, Span};
use crate::model::settings::Value;
use crate::model::{Problem, Scenario, Topology, builtin, load};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Longest input file. A topology of thousands of machines is far below it.
const MOST_BYTES: u64 = 16 << 20;
/// Latest end of a run that a person may ask for.
const LONGEST_RUN: Span = Span::from_secs(366 * 24 * 3600);
/// The scenario that a run plays if none is named.
const DEFAULT_SCENARIO: &str = "nic-loss";

/// Where a topology and its scenarios come from.
pub(super) enum Origin {
    /// Built into the program.
    Builtin(&'static builtin::Site),
    /// A topology file; scenarios are in the folder `scenarios` beside it.
    File(PathBuf),
}

/// A text to be loaded, and what messages call it.
pub(super) struct Text {
    pub name: String,
    pub text: String,
}

/// The site that an argument names: a built-in one by name, or a folder, or a file.
pub(super) fn origin(argument: &str) -> Result<Origin, Failure> {
    let path = Path::new(argument);
    let looks_like_path = argument.contains(['/', '\\', '.']);
    if !looks_like_path && let Some(site) = builtin::site(argument) {
        return Ok(Origin::Builtin(site));
    }
    match path.metadata() {
        Ok(found) if found.is_dir() => Ok(Origin::File(path.join("topology.toml"))),
        Ok(_) => Ok(Origin::File(path.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let known: Vec<_> = builtin::SITES.iter().map(|site| site.name).collect();
            let remedy = "or name a folder with a topology.toml; `dagtwin new` writes one";
            Err(Failure::Call(suggest::unknown("topology", argument, &known, remedy)))
        }
        Err(error) => Err(Failure::at(path, &error)),
    }
}

/// The topology's text.
pub(super) fn topology_text(origin: &Origin) -> Result<Text, Failure> {
    match origin {
        Origin::Builtin(site) => Ok(Text {
            name: format!("{}/topology.toml", site.name),
            text: site.topology.to_owned(),
        }),
        Origin::File(path) => read(path),
    }
}

/// The text of a scenario by its name in the site, or of a scenario file.
pub(super) fn scenario_text(origin: &Origin, argument: Option<&str>) -> Result<Text, Failure> {
    let name = argument.unwrap_or(DEFAULT_SCENARIO);
    if name.ends_with(".toml") || name.contains(['/', '\\']) {
        return read(Path::new(name));
    }
    match origin {
        Origin::Builtin(site) => match site.scenarios.iter().find(|known| known.0 == name) {
            Some((name, text)) => Ok(Text {
                name: format!("{}/scenarios/{name}.toml", site.name),
                text: (*text).to_owned(),
            }),
            None => Err(unknown_scenario(name, site.scenarios.iter().map(|known| known.0))),
        },
        Origin::File(path) => {
            let folder = path.parent().unwrap_or(Path::new("")).join("scenarios");
            let file = folder.join(format!("{name}.toml"));
            if file.exists() {
                return read(&file);
            }
            let mut names = scenario_names(&folder)?;
            names.sort();
            Err(unknown_scenario(name, names.iter().map(String::as_str)))
        }
    }
}

fn unknown_scenario<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Failure {
    let known: Vec<_> = known.collect();
    Failure::Call(suggest::unknown("scenario", name, &known, "or name a scenario file (.toml)"))
}

fn scenario_names(folder: &Path) -> Result<Vec<String>, Failure> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Failure::at(folder, &error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.map_err(|error| Failure::at(folder, &error))?.file_name();
        if let Some(name) = name.to_string_lossy().strip_suffix(".toml") {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

/// A file's text. A file that does not exist or is no text is a wrong call; one that cannot be
/// read is the machine's failure.
pub(super) fn read(path: &Path) -> Result<Text, Failure> {
    let name = path.display().to_string();
    let problem = |expected: &str| {
        Failure::Input(vec![Problem {
            file: name.clone(),
            line: None,
            key: String::new(),
            value: String::new(),
            expected: expected.to_owned(),
            hint: None,
        }])
    };
    let mut bytes = Vec::new();
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(problem("an existing file"));
        }
        Err(error) => return Err(Failure::at(path, &error)),
    };
    match file.take(MOST_BYTES + 1).read_to_end(&mut bytes) {
        Ok(length) if length as u64 > MOST_BYTES => Err(problem("a file below 16 MiB")),
        Ok(_) => match String::from_utf8(bytes) {
            Ok(text) => Ok(Text { name, text }),
            Err(_) => Err(problem("a text in UTF-8")),
        },
        Err(error) if error.kind() == io::ErrorKind::IsADirectory => Err(problem("a file")),
        Err(error) => Err(Failure::at(path, &error)),
    }
}

/// Ends a scenario at the moment that `--until` names. Steps after it are left out: nobody will
/// be there to see them.
pub(super) fn end_at(scenario: &mut Scenario, until: Option<&str>) -> Result<(), Failure> {
    let Some(text) = until else { return Ok(()) };
    let span = Span::read(text).filter(|span| !span.is_zero() && *span <= LONGEST_RUN);
    let Some(span) = span else {
        return Err(Failure::Input(vec![Problem {
            file: "--until".to_owned(),
            line: None,
            key: String::new(),
            value: format!("{text:?}"),
            expected: format!("{}, above zero and at most 366 days", Span::EXPECTED),
            hint: None,
        }]));
    };
    scenario.until = Instant::ZERO + span;
    scenario.steps.retain(|step| step.at <= scenario.until);
    scenario.faults.retain(|fault| fault.at <= scenario.until);
    Ok(())
}
