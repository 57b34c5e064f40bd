//! From what a person typed to a checked topology and scenario.

use super::failure::Failure;
use super::{journal, suggest};
use crate::lab::assign::{Assignment, Holder, assigned, holder};
use crate::lab::what_if;
use crate::model::builtin::{self, BuiltinSite};
use crate::model::{Problem, Scenario, Source, Sources, load};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Longest input file. A topology of thousands of machines is far below it.
const MOST_BYTES: u64 = 16 << 20;

/// Where a topology and its scenarios come from.
enum Origin {
    /// Built into the program.
    Builtin(&'static BuiltinSite),
    /// A topology file; scenarios are in the folder `scenarios` beside it.
    File(PathBuf),
}

/// What a run is about.
pub(super) struct Site {
    pub loaded: load::Loaded,
    pub scenario: Scenario,
    /// What they were loaded from.
    pub sources: Sources,
    /// The seed of the run, if it is one that a journal kept.
    pub seed: Option<u64>,
}

/// Loads a topology and one of its scenarios; settings come from the topology's file, then from
/// the scenario's, then from `--set`.
pub(super) fn site(
    topology: &str,
    scenario: Option<&str>,
    set: &[(String, String)],
    until: Option<&str>,
) -> Result<Site, Failure> {
    if let Some(kept) = scenario.filter(|name| journal::is_one(Path::new(name))) {
        return kept_site(Path::new(kept), set, until);
    }
    let origin = origin(topology)?;
    let topology = topology_text(&origin)?;
    let scenario = scenario_text(&origin, scenario).or_else(|failure| {
        // What is wrong with the topology matters more than that it has no such scenario.
        let set = wished(set);
        load::topology(&topology.file, &topology.text, &set).map_err(Failure::Input)?;
        Err(failure)
    })?;
    assigned_site(Sources { topology, scenario, set: Vec::new(), until: None }, set, until)
}

/// The site of a journal, by the texts that it was made from.
fn kept_site(path: &Path, set: &[(String, String)], until: Option<&str>) -> Result<Site, Failure> {
    let kept = journal::read(path)?;
    let file = path.display().to_string();
    let (sources, seed) = what_if::sources_of(&file, &kept.header).map_err(Failure::Input)?;
    Ok(Site { seed: Some(seed), ..assigned_site(sources.clone(), set, until)? })
}

/// Loads texts, with what the command line adds to their own settings and end.
pub(super) fn assigned_site(
    sources: Sources,
    set: &[(String, String)],
    until: Option<&str>,
) -> Result<Site, Failure> {
    // Keys of the two files are edits of their texts; the rest are settings.
    let (paths, set): (Vec<_>, Vec<_>) =
        set.iter().cloned().partition(|(key, _)| holder(key) != Holder::Settings);
    let set = sources.set.iter().cloned().chain(set).collect();
    let until = until.map(str::to_owned).or_else(|| sources.until.clone());
    let sources = Sources { set, until, ..sources };
    let edits = paths.into_iter().map(|(key, value)| Assignment { key, value });
    let edits: Vec<Assignment> = edits.collect();
    let sources = assigned(&sources, &edits, "--set").map_err(Failure::Input)?;
    let (loaded, scenario) = load::site(&sources).map_err(Failure::Input)?;
    Ok(Site { loaded, scenario, sources, seed: None })
}

/// Loads a topology alone.
pub(super) fn topology(argument: &str, set: &[(String, String)]) -> Result<load::Loaded, Failure> {
    let text = topology_text(&origin(argument)?)?;
    load::topology(&text.file, &text.text, &wished(set)).map_err(Failure::Input)
}

/// The text of the topology that an argument names.
pub(super) fn topology_source(argument: &str) -> Result<Source, Failure> {
    topology_text(&origin(argument)?)
}

fn wished(set: &[(String, String)]) -> Vec<load::Wish> {
    set.iter().map(|(key, text)| load::Wish::of_command_line(key, text)).collect()
}

/// The topology that a scenario file names, if it does: a path from the file's folder, or one that
/// is built in.
pub(super) fn topology_named(scenario: &Path) -> Result<Option<String>, Failure> {
    let Some((named, line)) = load::topology_named(&read(scenario)?.text) else { return Ok(None) };
    let beside = scenario.parent().unwrap_or(Path::new("")).join(&named);
    if beside.exists() {
        return Ok(Some(beside.display().to_string()));
    }
    if builtin::SITES.iter().any(|site| site.topology.name == named) {
        return Ok(Some(named));
    }
    let known: Vec<_> = builtin::SITES.iter().map(|site| site.topology.name).collect();
    Err(Failure::Input(vec![Problem {
        file: scenario.display().to_string(),
        line: Some(line),
        key: "topology".to_owned(),
        value: format!("{named:?}"),
        expected: format!(
            "a path from this file's folder to a topology, or a built-in one: {}",
            known.join(", ")
        ),
        hint: load::near(&named, known.iter().copied()),
    }]))
}

/// Which topology a scenario file is for: the one that it names, the one in whose folder it is, or
/// else `otherwise`.
pub(super) fn topology_of(file: &Path, otherwise: &str) -> Result<String, Failure> {
    if let Some(named) = topology_named(file)? {
        return Ok(named);
    }
    let above = file.ancestors().skip(1);
    if let Some(folder) = above.clone().find(|folder| folder.join("topology.toml").exists()) {
        return Ok(folder.join("topology.toml").display().to_string());
    }
    let names: Vec<_> = above.filter_map(Path::file_name).collect();
    let mut sites = builtin::SITES.iter().map(|site| site.topology.name);
    let named = sites.find(|site| names.iter().any(|name| name.to_str() == Some(*site)));
    Ok(named.unwrap_or(otherwise).to_owned())
}

/// The site that an argument names: a built-in one by name, or a folder, or a file.
fn origin(argument: &str) -> Result<Origin, Failure> {
    let path = Path::new(argument);
    let looks_like_path = argument.contains(['/', '\\', '.']);
    let builtin = builtin::SITES.iter().find(|site| site.topology.name == argument);
    if let (false, Some(site)) = (looks_like_path, builtin) {
        return Ok(Origin::Builtin(site));
    }
    match path.metadata() {
        Ok(found) if found.is_dir() => Ok(Origin::File(path.join("topology.toml"))),
        Ok(_) => Ok(Origin::File(path.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let known: Vec<_> = builtin::SITES.iter().map(|site| site.topology.name).collect();
            let remedy = "or name a folder with a topology.toml; `dagtwin new` writes one";
            Err(Failure::Call(suggest::unknown("topology", argument, &known, remedy)))
        }
        Err(error) => Err(Failure::at(path, &error)),
    }
}

fn builtin_text(file: &builtin::Builtin) -> Source {
    Source { file: file.path.to_owned(), name: file.name.to_owned(), text: file.text.to_owned() }
}

/// The topology's text.
fn topology_text(origin: &Origin) -> Result<Source, Failure> {
    match origin {
        Origin::Builtin(site) => Ok(builtin_text(&site.topology)),
        Origin::File(path) => read(path),
    }
}

/// The text of a scenario by its name in the site, or of a scenario file. A topology file without
/// a scenario of that name takes the built-in one that was asked for: it may use the same names.
fn scenario_text(origin: &Origin, argument: Option<&str>) -> Result<Source, Failure> {
    let name = argument.unwrap_or(builtin::DEFAULT_SCENARIO);
    if name.ends_with(".toml") || name.contains(['/', '\\']) {
        return read(Path::new(name));
    }
    match origin {
        Origin::Builtin(site) => {
            let found = site.scenarios.iter().find(|known| known.name == name);
            let known = site.scenarios.iter().map(|known| known.name);
            let mut others = builtin::SITES.iter();
            let other = others.find(|site| site.scenarios.iter().any(|known| known.name == name));
            found.map(builtin_text).ok_or_else(|| match other {
                Some(other) => scenario_of_another(name, other.topology.name),
                None => unknown_scenario(name, known),
            })
        }
        Origin::File(path) => {
            let folder = path.parent().unwrap_or(Path::new("")).join("scenarios");
            let file = folder.join(format!("{name}.toml"));
            if file.exists() {
                return read(&file);
            }
            let mut names = scenario_names(&folder)?;
            names.sort();
            if argument.is_none() {
                return Err(no_scenario(&folder, &names));
            }
            let mut built_in = builtin::SITES.iter().flat_map(|site| site.scenarios);
            if let Some(found) = built_in.find(|known| known.name == name) {
                return Ok(builtin_text(found));
            }
            Err(unknown_scenario(name, names.iter().map(String::as_str)))
        }
    }
}

fn unknown_scenario<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Failure {
    let known: Vec<_> = known.collect();
    Failure::Call(suggest::unknown("scenario", name, &known, "or name a scenario file (.toml)"))
}

/// Another built-in topology has a scenario of this name.
fn scenario_of_another(name: &str, topology: &str) -> Failure {
    Failure::Call(format!(
        "the scenario `{name}` is for the topology `{topology}`: dagtwin run {topology} --scenario \
         {name}"
    ))
}

/// No scenario was named, and the site has none of the name that is taken then.
fn no_scenario(folder: &Path, names: &[String]) -> Failure {
    let name = builtin::DEFAULT_SCENARIO;
    let known = match names {
        [] => format!(
            "it has none: write one as {}, as docs/SCENARIOS.md tells and `dagtwin new` shows",
            folder.join("NAME.toml").display()
        ),
        some => format!("it has: {}", some.join(", ")),
    };
    Failure::Call(format!(
        "this topology has no scenario `{name}`, and none was named: name one with --scenario\n  \
         {known}"
    ))
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

/// Something wrong with a file as a whole.
fn whole_file(path: &Path, expected: &str) -> Failure {
    Failure::Input(vec![Problem {
        file: path.display().to_string(),
        line: None,
        key: String::new(),
        value: String::new(),
        expected: expected.to_owned(),
        hint: None,
    }])
}

/// A file's text. A file that does not exist or is no text is a wrong call; one that cannot be
/// read is the machine's failure.
pub(super) fn read(path: &Path) -> Result<Source, Failure> {
    let file = path.display().to_string();
    let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let name = name.unwrap_or_else(|| file.clone());
    match String::from_utf8(bytes(path, MOST_BYTES)?) {
        Ok(text) => Ok(Source { file, name, text }),
        Err(_) => Err(whole_file(path, "a text in UTF-8")),
    }
}

/// The text of a file that a person named.
pub(super) fn text_of(path: &Path) -> Result<String, Failure> {
    read(path).map(|read| read.text)
}

/// A file's bytes, at most so many.
pub(super) fn bytes(path: &Path, most: u64) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let file: Box<dyn Read> = match File::open(path) {
        _ if path == Path::new("-") => Box::new(io::stdin()),
        Ok(file) => Box::new(file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(whole_file(path, "an existing file"));
        }
        Err(error) => return Err(Failure::at(path, &error)),
    };
    match file.take(most + 1).read_to_end(&mut bytes) {
        Ok(length) if length as u64 > most => {
            Err(whole_file(path, &format!("a file below {} MiB", most >> 20)))
        }
        Ok(_) => Ok(bytes),
        Err(error) if error.kind() == io::ErrorKind::IsADirectory => {
            Err(whole_file(path, "a file"))
        }
        Err(error) => Err(Failure::at(path, &error)),
    }
}
