//! How a command can fail, and the exit status that says so.

use crate::model::Problem;
use std::fs::OpenOptions;
use std::io;
use std::path::Path;

/// Why a command did not do what was asked.
#[derive(Debug)]
pub(super) enum Failure {
    /// Input files or options hold mistakes; every one of them is told.
    Input(Vec<Problem>),
    /// The call is wrong.
    Call(String),
    /// The machine failed us: disk, permission.
    Machine(String),
    /// Whoever read our output has gone. Not an error.
    ClosedPipe,
}

/// What a command leaves: its output and its exit status.
pub(super) type Answer = Result<Done, Failure>;

/// What a command printed and how it ended.
#[derive(Debug, Default)]
pub(super) struct Done {
    /// Bytes for standard output.
    pub output: Vec<u8>,
    /// Something that a person expected did not hold.
    pub broken: bool,
    /// A person stopped the work: the output has what was done by then.
    pub interrupted: bool,
    /// What could not be done beside the output.
    pub failure: Option<Failure>,
}

impl Done {
    /// A command that did what was asked.
    pub(super) fn with(output: impl Into<Vec<u8>>) -> Self {
        Done { output: output.into(), ..Done::default() }
    }
}

impl Failure {
    /// A failure of the machine at a file or folder.
    pub(super) fn at(path: &Path, error: &io::Error) -> Self {
        Failure::Machine(format!("{}: {}", path.display(), plain(error)))
    }

    /// A failure to write to standard output.
    pub(super) fn output(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::ClosedPipe,
            _ => Failure::Machine(format!("standard output: {}", plain(error))),
        }
    }

    /// The process's exit status.
    pub(super) fn status(&self) -> u8 {
        match self {
            Failure::ClosedPipe => 0,
            Failure::Input(_) | Failure::Call(_) => 2,
            Failure::Machine(_) => 3,
        }
    }

    /// The message for standard error; none where silence is right.
    pub(super) fn message(&self) -> Option<String> {
        match self {
            Failure::ClosedPipe => None,
            Failure::Call(text) | Failure::Machine(text) => Some(format!("error: {text}\n")),
            Failure::Input(problems) => {
                let mut text = String::new();
                for problem in problems {
                    text += &format!("error: {problem}\n");
                }
                if problems.len() > 1 {
                    text += &format!("{} problems; nothing was run\n", problems.len());
                }
                Some(text)
            }
        }
    }
}

/// Refuses a file that an option names and that cannot be written, before the work is done whose
/// result it is for. What is no file, such as a pipe, is not tried: whoever reads it would see the
/// end.
pub(super) fn refuse_unwritable(option: &str, path: &Path) -> Result<(), Failure> {
    if path.is_dir() {
        let name = path.display();
        return Err(Failure::Call(format!("{option} {name}: expected a file; this is a folder")));
    }
    let there = path.exists();
    if there && !path.is_file() {
        return Ok(());
    }
    let opened = OpenOptions::new().append(true).create(true).open(path);
    opened.map_err(|error| {
        Failure::Machine(format!("{option} {}: {}", path.display(), plain(&error)))
    })?;
    if !there {
        // Only the try is undone: it was made a moment ago, and is empty.
        std::fs::remove_file(path).map_err(|error| Failure::at(path, &error))?;
    }
    Ok(())
}

/// An operating system's message without its error number.
pub(super) fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((words, _)) => words.to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_have_their_status() {
        let gone = io::Error::from(io::ErrorKind::BrokenPipe);
        assert_eq!(Failure::output(&gone).status(), 0);
        assert_eq!(Failure::output(&gone).message(), None);
        let full = io::Error::from_raw_os_error(28);
        let failure = Failure::at(Path::new("a/b"), &full);
        assert_eq!(failure.status(), 3);
        assert_eq!(failure.message().as_deref(), Some("error: a/b: No space left on device\n"));
        assert_eq!(Failure::Call("x".into()).status(), 2);
    }
}
