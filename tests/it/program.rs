//! Runs the program as a person would.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The program, without colours from the environment, in the package's root.
pub(crate) fn dagtwin(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dagtwin"));
    command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).stdin(Stdio::null());
    for variable in ["NO_COLOR", "CLICOLOR_FORCE", "CLICOLOR", "COLUMNS"] {
        command.env_remove(variable);
    }
    command
}

/// What a call of the program left.
pub(crate) struct Told {
    /// Exit status.
    pub(crate) status: i32,
    /// Standard output.
    pub(crate) out: String,
    /// Standard error.
    pub(crate) err: String,
}

/// Runs the program to its end.
pub(crate) fn told(arguments: &[&str]) -> Told {
    let output = dagtwin(arguments).output().expect("the program starts");
    from(&output)
}

/// The parts of a finished call as text.
pub(crate) fn from(output: &Output) -> Told {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("the program writes UTF-8");
    Told {
        status: output.status.code().expect("an exit status, not a signal"),
        out: text(&output.stdout),
        err: text(&output.stderr),
    }
}

/// A folder of a test's own, removed when dropped.
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// An empty folder; `name` is the test's.
    pub(crate) fn new(name: &str) -> Self {
        let path =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("a folder below the target folder");
        Folder(path)
    }

    /// A path in the folder.
    pub(crate) fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("a path in UTF-8").to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
