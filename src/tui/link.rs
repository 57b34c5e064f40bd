//! What the screen asks of the program around it, and what comes back. The screen itself runs
//! nothing and touches no file.

use crate::journal::{Header, Record};
use crate::model::Change;
use std::sync::mpsc::{Receiver, Sender};

/// Something that the screen cannot do itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Request {
    /// Run what was opened again with these changes, from the same seed.
    Run {
        /// First to last.
        changes: Vec<Change>,
    },
    /// Write what came of these changes as a scenario file.
    Save {
        /// First to last.
        changes: Vec<Change>,
        /// The file's name.
        path: String,
    },
}

/// What the program around the screen tells.
pub enum Reply {
    /// The next records of the journal that was opened.
    Records(Vec<Record>),
    /// Every record that is there was told; more may come.
    CaughtUp,
    /// No more records come; a note if the end was not as it should be.
    End(Option<String>),
    /// A what-if has run.
    Ran {
        /// The changes that were asked for.
        changes: Vec<Change>,
        /// What it is called.
        label: String,
        /// Its verdict, in a word.
        verdict: String,
        /// Its journal.
        journal: Box<(Header, Vec<Record>)>,
    },
    /// Something was done: what to say.
    Done(String),
    /// Something could not be done: what to say.
    Refused(String),
}

/// Both ends that the screen holds.
pub struct Link {
    /// Where requests go.
    pub requests: Sender<Request>,
    /// Where replies come from.
    pub replies: Receiver<Reply>,
}
