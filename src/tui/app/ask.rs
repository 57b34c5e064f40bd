//! Keys, and the lines that a person types.

use super::{App, Mode};
use crate::tui::clock::{Place, place};
use crate::tui::command::Command;
use crate::tui::keys::{self, Key};
use crate::tui::prompt::{Asked, Prompt, Typed};
use crate::view::first_disturbance;

impl App {
    pub(super) fn ask(&mut self, asked: Asked, text: String) {
        self.playing = false;
        self.mode = Mode::Prompt(Prompt::new(asked, self.at, text, &self.take().film));
    }

    pub(super) fn ask_save(&mut self) {
        match self.take().changes.is_empty() {
            true => {
                self.say("this is what was opened: b makes a what-if, which can be saved", true)
            }
            false => self.ask(Asked::Save, "what-if.toml".to_owned()),
        }
    }

    /// What a key does.
    pub fn key(&mut self, key: Key) {
        match std::mem::replace(&mut self.mode, Mode::Normal) {
            Mode::Normal => {
                if let Some(command) = keys::command(key) {
                    self.update(command);
                }
            }
            Mode::SetMark => match key {
                Key::Char(c) if c.is_alphanumeric() => {
                    self.marks.insert(c, self.at);
                    self.say(format!("mark {c} is set here"), false);
                }
                _ => self.say("a mark is named by a letter or digit", true),
            },
            Mode::GoToMark => self.go_to_mark(key),
            Mode::Prompt(mut prompt) => {
                self.message = None;
                match prompt.key(key, &self.takes[self.shown].film) {
                    Typed::Goes => self.mode = Mode::Prompt(prompt),
                    Typed::Dropped => {}
                    Typed::Taken(text) => self.answer(prompt, &text),
                }
            }
            Mode::Help(scroll) => match key {
                Key::Down | Key::Char('j') => self.mode = Mode::Help(scroll + 1),
                Key::Up | Key::Char('k') => self.mode = Mode::Help(scroll.saturating_sub(1)),
                Key::PageDown | Key::Ctrl('d') | Key::Char(' ') => {
                    self.mode = Mode::Help(scroll + self.page.max(1));
                }
                Key::PageUp | Key::Ctrl('u') => {
                    self.mode = Mode::Help(scroll.saturating_sub(self.page.max(1)));
                }
                Key::Ctrl('c') => self.update(Command::Quit),
                _ => {}
            },
        }
    }

    pub(super) fn go_to_mark(&mut self, key: Key) {
        match key {
            Key::Char('\'') => self.back(),
            Key::Char(c) => match self.marks.get(&c).copied() {
                Some(at) => self.jump(at),
                None => self.say(format!("no mark {c}: m{c} sets it"), true),
            },
            _ => {}
        }
    }

    pub(super) fn answer(&mut self, mut prompt: Prompt, text: &str) {
        let told = match prompt.asked {
            Asked::Jump => self.answer_jump(text),
            Asked::Filter => {
                self.list.set_filter(text);
                Ok(())
            }
            Asked::Search => {
                if !text.is_empty() {
                    text.clone_into(&mut self.list.search);
                }
                self.find(true);
                Ok(())
            }
            Asked::WhatIf => self.answer_what_if(&prompt, text),
            Asked::Save => self.answer_save(text),
        };
        if let Err(error) = told {
            prompt.error = Some(error);
            self.mode = Mode::Prompt(prompt);
        }
    }

    pub(super) fn answer_jump(&mut self, text: &str) -> Result<(), String> {
        let film = &self.take().film;
        let fault = first_disturbance(film.scenario());
        match place(text, self.at, film.last_moment(), fault)? {
            Place::At(at) => {
                let last = film.last_moment();
                self.jump(at);
                if at > last {
                    let end = crate::tui::clock::seconds(last, crate::base::Span::from_millis(1));
                    self.say(format!("nothing is known after {end} s"), true);
                }
            }
            Place::Record(number) if film.record(number).is_some() => {
                self.remember();
                self.playing = false;
                self.go_to_record(number);
            }
            Place::Record(_) => {
                return Err(format!("expected a record below #{}", film.records().len()));
            }
        }
        Ok(())
    }
}
