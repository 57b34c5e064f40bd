//! What is wrong with an input file.

use core::fmt;

/// One thing wrong with an input: where, what, what was expected.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// The file, or the command line option that gave the value.
    pub file: String,
    /// Line in the file, counted from 1, if it is known.
    pub line: Option<usize>,
    /// Key path, such as `group[0].address`; empty for the file as a whole.
    pub key: String,
    /// The value as it stands there; empty if a value is missing.
    pub value: String,
    /// What was expected instead.
    pub expected: String,
    /// What to do about it, if there is an obvious remedy.
    pub hint: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        if !self.value.is_empty() {
            write!(f, " = {}", self.value)?;
        }
        write!(f, ": expected {}", self.expected)?;
        if let Some(hint) = &self.hint {
            write!(f, "\n  help: {hint}")?;
        }
        Ok(())
    }
}
