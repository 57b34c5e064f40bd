//! A line that a person types at the foot of the screen, with a menu of what could stand there.

use super::keys::Key;
use crate::base::Instant;
use crate::model::change::{Completion, complete};
use crate::view::film::Film;
use tui_input::{Input, InputRequest};

/// What is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Asked {
    /// A moment.
    Jump,
    /// Words that events must have.
    Filter,
    /// What to search for.
    Search,
    /// A change at the cursor.
    WhatIf,
    /// A file's name.
    Save,
}

impl Asked {
    /// What stands before the line.
    pub const fn label(self) -> &'static str {
        match self {
            Asked::Jump => "jump to: ",
            Asked::Filter => "only events with: ",
            Asked::Search => "search: ",
            Asked::WhatIf => "what if: ",
            Asked::Save => "save as: ",
        }
    }
}

/// A line that is being typed.
pub struct Prompt {
    /// What is asked for.
    pub asked: Asked,
    /// The moment at which it was asked: a what-if's.
    pub at: Instant,
    /// What is wrong with the line.
    pub error: Option<String>,
    /// What could stand there.
    pub menu: Vec<Completion>,
    /// The chosen row of the menu.
    pub chosen: Option<usize>,
    input: Input,
}

/// What a key comes to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Typed {
    /// The line is still being typed.
    Goes,
    /// The line is complete.
    Taken(String),
    /// Nothing is wanted after all.
    Dropped,
}

impl Prompt {
    /// An empty line, or one with a text to begin with.
    pub fn new(asked: Asked, at: Instant, text: String, film: &Film) -> Self {
        let input = Input::new(text);
        let mut prompt = Prompt { asked, at, error: None, menu: Vec::new(), chosen: None, input };
        prompt.offer(film);
        prompt
    }

    /// The line so far.
    pub fn text(&self) -> &str {
        self.input.value()
    }

    /// Where the next character comes, in columns of the line.
    pub fn column(&self) -> usize {
        self.input.visual_cursor()
    }

    fn offer(&mut self, film: &Film) {
        self.chosen = None;
        self.menu = match self.asked {
            Asked::WhatIf => complete(self.input.value(), film.topology(), film.scenario()),
            Asked::Jump | Asked::Filter | Asked::Search | Asked::Save => Vec::new(),
        };
    }

    /// Takes the chosen row of the menu into the line.
    pub fn take(&mut self, row: usize, film: &Film) {
        if let Some(found) = self.menu.get(row) {
            self.input = Input::new(found.text.clone());
            self.error = None;
            self.offer(film);
        }
    }

    /// What a key does to the line.
    pub fn key(&mut self, key: Key, film: &Film) -> Typed {
        let request = match key {
            Key::Escape | Key::Ctrl('c' | 'g') => return Typed::Dropped,
            Key::Enter => match self.chosen {
                Some(row) => {
                    self.take(row, film);
                    return Typed::Goes;
                }
                None => return Typed::Taken(self.input.value().trim().to_owned()),
            },
            Key::Tab if !self.menu.is_empty() => {
                self.take(self.chosen.unwrap_or(0), film);
                return Typed::Goes;
            }
            Key::Down | Key::Up | Key::PageDown | Key::PageUp => {
                self.choose(key);
                return Typed::Goes;
            }
            // An empty line that is deleted further is one that nobody wants.
            Key::Backspace if self.input.value().is_empty() => return Typed::Dropped,
            Key::Char(c) => InputRequest::InsertChar(c),
            Key::Backspace => InputRequest::DeletePrevChar,
            Key::Delete => InputRequest::DeleteNextChar,
            Key::Left(false) => InputRequest::GoToPrevChar,
            Key::Right(false) => InputRequest::GoToNextChar,
            Key::Left(true) => InputRequest::GoToPrevWord,
            Key::Right(true) => InputRequest::GoToNextWord,
            Key::Home | Key::Ctrl('a') => InputRequest::GoToStart,
            Key::End | Key::Ctrl('e') => InputRequest::GoToEnd,
            Key::Ctrl('w') => InputRequest::DeletePrevWord,
            Key::Ctrl('u') => InputRequest::DeleteLine,
            Key::Ctrl('k') => InputRequest::DeleteTillEnd,
            Key::Ctrl(_) | Key::Tab | Key::BackTab | Key::Help => return Typed::Goes,
        };
        if self.input.handle(request).is_some_and(|changed| changed.value) {
            self.error = None;
            self.offer(film);
        }
        Typed::Goes
    }

    fn choose(&mut self, key: Key) {
        if self.menu.is_empty() {
            return;
        }
        let last = self.menu.len() - 1;
        self.chosen = match (key, self.chosen) {
            (Key::Down, None) => Some(0),
            (Key::Down, Some(row)) => Some((row + 1).min(last)),
            (Key::Up, Some(0) | None) => None,
            (Key::Up, Some(row)) => Some(row - 1),
            (Key::PageDown, row) => Some((row.unwrap_or(0) + 8).min(last)),
            (_, row) => row.and_then(|row| row.checked_sub(8)),
        };
    }
}
