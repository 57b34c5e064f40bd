//! The cursor: where it is, and every way to another moment.

use super::App;
use crate::base::{Instant, Span};
use crate::journal::RecordNo;
use crate::tui::list::told;

impl App {
    /// The cursor to a moment, after every record of it.
    pub fn go(&mut self, at: Instant) {
        self.at = at.min(self.take().film.last_moment());
        self.records = self.take().film.records_until(self.at);
        self.window = self.window.around(self.at);
    }

    /// The cursor to just after a record.
    pub fn go_to_record(&mut self, number: RecordNo) {
        if let Some(record) = self.take().film.record(number) {
            self.at = record.at;
            self.records = number.0 as usize + 1;
            self.pinned = None;
            self.window = self.window.around(self.at);
        }
    }

    pub(super) fn remember(&mut self) {
        const MOST: usize = 100;
        self.jumped_from.push((self.at, self.records));
        if self.jumped_from.len() > MOST {
            self.jumped_from.remove(0);
        }
    }

    pub(super) fn jump(&mut self, at: Instant) {
        self.remember();
        self.playing = false;
        self.go(at);
    }

    pub(super) fn back(&mut self) {
        match self.jumped_from.pop() {
            Some((at, records)) => {
                // It may have been sent there too.
                self.pinned = records
                    .checked_sub(1)
                    .and_then(|last| u32::try_from(last).ok().map(RecordNo))
                    .filter(|_| self.pinned.is_some());
                self.at = at;
                self.records = records.min(self.take().film.records().len());
                self.window = self.window.around(at);
            }
            None => self.say("no jump to go back from", true),
        }
    }

    pub(super) fn scrub(&mut self, columns: i64) {
        self.playing = false;
        self.follows = false;
        let step = self.window.length().scaled(1, u64::from(self.columns.max(1)));
        let step = Span::from_nanos(step.as_nanos().max(1) * columns.unsigned_abs());
        self.go(match columns < 0 {
            true => Instant::from_nanos(self.at.as_nanos().saturating_sub(step.as_nanos())),
            false => self.at.saturating_add(step),
        });
    }

    pub(super) fn step_event(&mut self, forward: bool) {
        self.playing = false;
        self.follows = false;
        let film = &self.take().film;
        let place = self.list.place(film, self.records);
        let wanted = match forward {
            true => Some(place),
            false => place.checked_sub(2),
        };
        match wanted.and_then(|place| self.list.get(film, place)) {
            Some(number) => self.go_to_record(number),
            None if forward => self.say("no later event is listed", false),
            None => self.go(Instant::ZERO),
        }
    }

    pub(super) fn step_record(&mut self, forward: bool) {
        self.playing = false;
        self.follows = false;
        let wanted = match forward {
            true => Some(self.records),
            false => self.records.checked_sub(2),
        };
        match wanted.and_then(|place| u32::try_from(place).ok()) {
            Some(place) if self.take().film.record(RecordNo(place)).is_some() => {
                self.go_to_record(RecordNo(place));
            }
            _ => self.say("no record there", false),
        }
    }

    pub(super) fn step_edge(&mut self, forward: bool) {
        let edges = self.take().edges();
        let found = match forward {
            true => edges.iter().find(|edge| **edge > self.at),
            false => edges.iter().rev().find(|edge| **edge < self.at),
        };
        match found.copied() {
            Some(at) => self.jump(at),
            None => self.say("no outage or fault begins or ends there", false),
        }
    }

    pub(super) fn play(&mut self) {
        self.follows = false;
        self.playing = !self.playing;
        if self.playing && self.at >= self.take().film.last_moment() {
            self.jump(self.window.from);
            self.playing = true;
        }
    }

    pub(super) fn follow(&mut self) {
        if self.take().film.is_complete() {
            self.say("this journal is complete: there is nothing to follow", false);
            return;
        }
        self.follows = !self.follows;
        self.playing = false;
    }

    pub(super) fn cause(&mut self) {
        let film = &self.take().film;
        let Some(number) = self.event() else { return };
        match film.record(number).and_then(|record| record.cause) {
            Some(cause) => {
                let (who, what) = told(film, cause);
                self.remember();
                self.playing = false;
                self.go_to_record(cause);
                self.pinned = Some(cause);
                self.say(format!("#{} {who}: {what}", cause.0), false);
                self.why_not = false;
            }
            None => self.say("it has no cause: a story begins with it", false),
        }
    }

    pub(super) fn find(&mut self, forward: bool) {
        let film = &self.take().film;
        let here = self.list.place(film, self.records).saturating_sub(1);
        match self.list.find(film, here, forward) {
            Ok(place) => {
                let number = self.list.get(film, place);
                let around = if forward { place <= here } else { place >= here };
                if let Some(number) = number {
                    self.remember();
                    self.playing = false;
                    self.go_to_record(number);
                }
                if around {
                    self.say("the search went around the end", false);
                }
            }
            Err(text) => self.say(text, true),
        }
    }
}
