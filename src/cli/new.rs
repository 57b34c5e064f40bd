//! `dagtwin new`: a starter topology, which is the built-in one, in a folder of its own.

use super::args::New;
use super::failure::{Answer, Done, Failure};
use std::fs;
use std::path::Path;

/// The files of the starter: path inside the folder, text.
type Files = Vec<(String, &'static str)>;

pub(super) fn new(args: &New) -> Answer {
    let folder = args.folder.as_path();
    refuse_occupied(folder)?;
    let files = starter();
    for (path, text) in &files {
        let path = folder.join(path);
        let parent = path.parent().unwrap_or(folder);
        fs::create_dir_all(parent).map_err(|error| Failure::at(parent, &error))?;
        fs::write(&path, text).map_err(|error| Failure::at(&path, &error))?;
    }
    let name = folder.display();
    let written = files.len();
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
