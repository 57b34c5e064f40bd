//! The key table: keys, what they do, and how the help screen puts it. Nothing else knows a key.

use super::command::{Command, Pane};

/// A key as a person presses it, whatever the terminal sends for it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Key {
    /// A character, as typed.
    Char(char),
    /// A character with the control key.
    Ctrl(char),
    /// An arrow, or with shift.
    Left(bool),
    /// An arrow, or with shift.
    Right(bool),
    /// An arrow.
    Up,
    /// An arrow.
    Down,
    /// Page up.
    PageUp,
    /// Page down.
    PageDown,
    /// Home.
    Home,
    /// End.
    End,
    /// Enter.
    Enter,
    /// Escape.
    Escape,
    /// Tab.
    Tab,
    /// Shift and tab.
    BackTab,
    /// Backspace.
    Backspace,
    /// Delete.
    Delete,
    /// F1.
    Help,
}

impl Key {
    /// What help calls it.
    pub fn name(self) -> String {
        match self {
            Key::Char(' ') => "space".to_owned(),
            Key::Char(c) => c.to_string(),
            Key::Ctrl(c) => format!("Ctrl-{c}"),
            Key::Left(false) => "Left".to_owned(),
            Key::Left(true) => "Shift-Left".to_owned(),
            Key::Right(false) => "Right".to_owned(),
            Key::Right(true) => "Shift-Right".to_owned(),
            Key::Up => "Up".to_owned(),
            Key::Down => "Down".to_owned(),
            Key::PageUp => "PgUp".to_owned(),
            Key::PageDown => "PgDn".to_owned(),
            Key::Home => "Home".to_owned(),
            Key::End => "End".to_owned(),
            Key::Enter => "Enter".to_owned(),
            Key::Escape => "Esc".to_owned(),
            Key::Tab => "Tab".to_owned(),
            Key::BackTab => "Shift-Tab".to_owned(),
            Key::Backspace => "Backspace".to_owned(),
            Key::Delete => "Del".to_owned(),
            Key::Help => "F1".to_owned(),
        }
    }
}

/// A row of the table.
pub struct Binding {
    /// Its keys; the first is the one that short hints name.
    pub keys: &'static [Key],
    /// What they do.
    pub command: Command,
    /// In a few words.
    pub help: &'static str,
}

/// A part of the table, with its title.
pub struct Section {
    /// What it is about.
    pub title: &'static str,
    /// Its rows.
    pub rows: &'static [Binding],
}

const fn row(keys: &'static [Key], command: Command, help: &'static str) -> Binding {
    Binding { keys, command, help }
}

use Key::{BackTab, Backspace, Char, Ctrl, Down, End, Enter, Escape, Home};
use Key::{Left, PageDown, PageUp, Right, Tab, Up};

/// The whole table.
pub const TABLE: &[Section] = &[
    Section {
        title: "Time",
        rows: &[
            row(&[Char(' ')], Command::Play, "play, pause"),
            row(&[Char('>')], Command::Faster, "faster, up to 1,000 times"),
            row(
                &[Char('<')],
                Command::Slower,
                "slower, down to 1/10,000; frames are seen from 1/10 on",
            ),
            row(&[Char('r')], Command::RealTime, "a second a second"),
            row(&[Left(false), Char('h')], Command::Scrub(-1), "back by a column of the lanes"),
            row(&[Right(false), Char('l')], Command::Scrub(1), "on by a column of the lanes"),
            row(&[Left(true), Char('H')], Command::Scrub(-10), "back by ten columns"),
            row(&[Right(true), Char('L')], Command::Scrub(10), "on by ten columns"),
            row(&[Char('.')], Command::Event(true), "next event of the list"),
            row(&[Char(',')], Command::Event(false), "previous event of the list"),
            row(&[Char(')')], Command::Record(true), "next record of the journal, whatever it is"),
            row(&[Char('(')], Command::Record(false), "previous record of the journal"),
            row(&[Char(']')], Command::Edge(true), "next beginning or end of an outage, or fault"),
            row(&[Char('[')], Command::Edge(false), "previous one"),
            row(&[Home, Char('g')], Command::First, "to the beginning"),
            row(&[End, Char('G')], Command::Last, "to the end"),
            row(&[Char(':')], Command::Jump, "jump: 65.2s, +3s, 50%, #4711, fault"),
            row(&[Char('m')], Command::Mark, "mark this moment with a letter"),
            row(
                &[Char('\'')],
                Command::GoToMark,
                "jump to a mark; '' is where the last jump began",
            ),
            row(&[Char('F')], Command::Follow, "follow a journal that is being written"),
        ],
    },
    Section {
        title: "Panes",
        rows: &[
            row(&[Tab], Command::NextPane, "next pane"),
            row(&[BackTab], Command::PreviousPane, "previous pane"),
            row(&[Char('1')], Command::Focus(Pane::Lanes), "lanes"),
            row(&[Char('2')], Command::Focus(Pane::Scene), "scene"),
            row(&[Char('3')], Command::Focus(Pane::Budget), "outage budget"),
            row(&[Char('4')], Command::Focus(Pane::Events), "events"),
            row(&[Char('5')], Command::Focus(Pane::Why), "why"),
            row(&[Char('6')], Command::Focus(Pane::Plots), "plots"),
            row(&[Char('z'), Enter], Command::Maximise, "this pane alone, and back"),
            row(&[Up, Char('k')], Command::Up, "up"),
            row(&[Down, Char('j')], Command::Down, "down"),
            row(&[PageUp, Ctrl('u')], Command::PageUp, "a page up"),
            row(&[PageDown, Ctrl('d')], Command::PageDown, "a page down"),
        ],
    },
    Section {
        title: "Lanes",
        rows: &[
            row(&[Char('+')], Command::ZoomIn, "zoom in at the cursor"),
            row(&[Char('-')], Command::ZoomOut, "zoom out"),
            row(&[Char('=')], Command::Fit, "the outage, then the whole run"),
            row(&[Char('o')], Command::Unfold, "show adapters and copies, or hide them"),
        ],
    },
    Section {
        title: "Events and causes",
        rows: &[
            row(&[Char('f')], Command::Weight, "list milestones, details too, or every record"),
            row(&[Char('&')], Command::Filter, "list only what has these words; !word hides"),
            row(&[Char('/')], Command::Search, "search in the list"),
            row(&[Char('n')], Command::NextMatch, "next match"),
            row(&[Char('N')], Command::PreviousMatch, "previous match"),
            row(&[Char('u')], Command::Cause, "to the cause of the event at the cursor"),
            row(&[Backspace], Command::Back, "back to where the last jump began"),
            row(&[Char('w')], Command::WhyNot, "ask why the event, or why not the lane"),
        ],
    },
    Section {
        title: "What if",
        rows: &[
            row(
                &[Char('b')],
                Command::WhatIf,
                "a fault, order or setting at the cursor: run again",
            ),
            row(&[Char('c')], Command::Compare, "show another run beside this one, or none"),
            row(&[Char('x')], Command::Swap, "change the two runs about"),
            row(&[Char('d')], Command::Difference, "to the first difference of the two"),
            row(&[Char('U')], Command::Undo, "drop the newest what-if"),
            row(&[Char('e')], Command::Save, "save the what-if as a scenario file"),
        ],
    },
    Section {
        title: "Program",
        rows: &[
            row(&[Char('?'), Key::Help], Command::Help, "this help"),
            row(&[Char('y')], Command::Copy, "copy the command that shows this moment"),
            row(&[Ctrl('l')], Command::Redraw, "draw the screen anew"),
            row(&[Ctrl('z')], Command::Suspend, "suspend"),
            row(&[Escape], Command::Escape, "one level back"),
            row(&[Char('q'), Ctrl('c')], Command::Quit, "quit"),
        ],
    },
];

/// What a key does outside of prompts.
pub fn command(key: Key) -> Option<Command> {
    let rows = TABLE.iter().flat_map(|section| section.rows);
    rows.into_iter().find(|row| row.keys.contains(&key)).map(|row| row.command)
}

/// The key that hints name for a command.
pub fn key_of(command: Command) -> String {
    let rows = TABLE.iter().flat_map(|section| section.rows);
    let row = rows.into_iter().find(|row| row.command == command);
    row.and_then(|row| row.keys.first()).map(|key| key.name()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_key_does_one_thing_and_every_row_says_what() {
        let mut seen = BTreeSet::new();
        for section in TABLE {
            assert!(!section.title.is_empty());
            for row in section.rows {
                assert!(!row.help.is_empty() && !row.keys.is_empty(), "{:?}", row.command);
                for key in row.keys {
                    assert!(seen.insert(*key), "{} has two meanings", key.name());
                    assert_eq!(command(*key), Some(row.command));
                }
            }
        }
        assert_eq!(command(Key::Char('Q')), None);
    }
}
