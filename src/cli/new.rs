//! `dagtwin new`: a starter topology, which is the built-in one, in a folder of its own.

use super::args::New;
use super::failure::{Answer, Done, Failure};
use crate::model::builtin;
use std::fs;
use std::path::Path;

pub(super) fn new(args: &New) -> Answer {
    let folder = args.folder.as_path();
    refuse_occupied(folder)?;
    let site = &builtin::SITES[0];
    let scenarios = folder.join("scenarios");
    fs::create_dir_all(&scenarios).map_err(|error| Failure::at(&scenarios, &error))?;
    let topology = (folder.join("topology.toml"), site.topology.text);
    let scenario =
        |file: &builtin::Builtin| (scenarios.join(format!("{}.toml", file.name)), file.text);
    for (path, text) in site.scenarios.iter().map(scenario).chain([topology]) {
        fs::write(&path, text).map_err(|error| Failure::at(&path, &error))?;
    }
    let name = folder.display();
    let written = 1 + site.scenarios.len();
    Ok(Done::with(format!("wrote {written} files to {name}\ntry: dagtwin run {name}\n")))
}

/// An existing folder is not ours to write into, unless it is empty.
fn refuse_occupied(folder: &Path) -> Result<(), Failure> {
    let occupied = match fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
        Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => true,
        Err(error) => return Err(Failure::at(folder, &error)),
    };
    if occupied {
        let name = folder.display();
        return Err(Failure::Call(format!("{name} exists: expected a new or empty folder")));
    }
    Ok(())
}
