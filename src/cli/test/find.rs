//! Which scenarios a call names.

use super::super::failure::Failure;
use super::super::{input, journal};
use super::{Case, Test};
use crate::model::builtin;
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

/// Deepest folder that is looked into; deeper ones are most likely a link to themselves.
const DEEPEST: usize = 32;

/// Every scenario that the call names, loaded. Mistakes in any of them are told together.
pub(super) fn cases(args: &Test) -> Result<Vec<Case>, Failure> {
    let here = Path::new(".");
    let paths = match args.paths.is_empty() {
        true if here.join("topology.toml").exists() => vec![here.to_owned()],
        true => {
            let folders = ["scenarios", "topologies"].map(PathBuf::from);
            let there: Vec<PathBuf> = folders.into_iter().filter(|path| path.is_dir()).collect();
            if there.is_empty() {
                super::super::note(
                    "no topology.toml and no folder scenarios or topologies here: the built-in \
                     scenarios are run",
                );
                return built_in(args);
            }
            there
        }
        false => args.paths.clone(),
    };
    let (mut files, mut known) = (Vec::new(), BTreeSet::new());
    for path in &paths {
        let mut named = Vec::new();
        find(path, 0, &mut named)?;
        if named.is_empty() {
            let place = path.display();
            return Err(Failure::Call(format!("{place}: no scenario file (.toml) in this folder")));
        }
        // A file that is named twice, or beside its folder, is one case.
        for file in named {
            if known.insert(file.canonicalize().unwrap_or_else(|_| file.clone())) {
                files.push(file);
            }
        }
    }
    let names: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    let wanted = filtered(args, &names)?;
    let (mut found, mut problems) = (Vec::new(), Vec::new());
    for file in files.into_iter().zip(wanted).filter(|(_, wanted)| *wanted).map(|(file, _)| file) {
        match load(args, &file) {
            Ok(case) => found.push(case),
            Err(Failure::Input(more)) => problems.extend(more),
            Err(other) => return Err(other),
        }
    }
    if problems.is_empty() { Ok(found) } else { Err(Failure::Input(problems)) }
}

fn built_in(args: &Test) -> Result<Vec<Case>, Failure> {
    if args.accept {
        let text = "--accept: the built-in scenarios are part of the program; `dagtwin new FOLDER` \
                    writes them as files";
        return Err(Failure::Call(text.to_owned()));
    }
    let all = builtin::SITES.iter().flat_map(|site| {
        let topology = site.topology.name;
        site.scenarios.iter().map(move |file| (topology, file.name))
    });
    let all: Vec<(&str, &str)> = all.collect();
    let name = |(topology, scenario): &(&str, &str)| format!("{topology}/{scenario}");
    let names: Vec<String> = all.iter().map(name).collect();
    let wanted = filtered(args, &names)?;
    let mut cases = Vec::new();
    for (((topology, scenario), name), _) in
        all.into_iter().zip(names).zip(wanted).filter(|(_, wanted)| *wanted)
    {
        let site = input::site(topology, Some(scenario), &args.set, None)?;
        let call = (topology.to_owned(), scenario.to_owned());
        cases.push(Case { name, call, site });
    }
    Ok(cases)
}

/// Which of some scenarios are wanted, by their names.
fn filtered(args: &Test, names: &[String]) -> Result<Vec<bool>, Failure> {
    let Some(text) = &args.filter else { return Ok(vec![true; names.len()]) };
    let wanted: Vec<bool> = names.iter().map(|name| name.contains(text.as_str())).collect();
    if wanted.contains(&true) {
        return Ok(wanted);
    }
    let number = names.len();
    let expected = format!("expected a part of the name of one of the {number} scenarios");
    Err(Failure::Call(format!("--filter {text:?}: {expected}; --list shows them")))
}

fn load(args: &Test, file: &Path) -> Result<Case, Failure> {
    let topology = input::topology_of(file, &args.topology)?;
    let call = (topology, file.display().to_string());
    let site = input::site(&call.0, Some(&call.1), &args.set, None)?;
    Ok(Case { name: call.1.clone(), call, site })
}

/// Files of a site that are no scenarios.
const OTHERS: [&str; 2] = ["topology.toml", "rates.toml"];

/// Scenario files at and below a path, in the order of their names.
fn find(path: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let about = path.metadata().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            Failure::Call(format!("{}: expected an existing file or folder", path.display()))
        }
        _ => Failure::at(path, &error),
    })?;
    if !about.is_dir() && journal::is_one(path) {
        let text = "expected a scenario file (.toml); a journal or a capsule is run again with \
                    `dagtwin run --scenario FILE`";
        return Err(Failure::Call(format!("{}: {text}", path.display())));
    }
    if !about.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    if depth == DEEPEST {
        return Err(Failure::Call(format!("{}: folders deeper than this", path.display())));
    }
    let entries = std::fs::read_dir(path).map_err(|error| Failure::at(path, &error))?;
    let mut below = Vec::new();
    for entry in entries {
        below.push(entry.map_err(|error| Failure::at(path, &error))?.path());
    }
    below.sort();
    for path in below {
        let is_scenario = path.extension().is_some_and(|extension| extension == "toml")
            && path.file_name().is_none_or(|name| !OTHERS.iter().any(|other| name == *other));
        if path.is_dir() || is_scenario {
            find(&path, depth + 1, files)?;
        }
    }
    Ok(())
}
