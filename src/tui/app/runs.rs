//! Several runs: what-ifs, the run beside, and records that come in.

use super::App;
use crate::base::Span;
use crate::model::Change;
use crate::model::change::parse;
use crate::tui::difference;
use crate::tui::link::{Reply, Request};
use crate::tui::prompt::Prompt;
use crate::tui::take::Take;
use crate::view::film::{Film, first_difference};

/// How long a growing journal is shown before what depends on all of it is worked out anew.
const REFRESH: Span = Span::from_millis(500);

impl App {
    pub(super) fn answer_what_if(&mut self, prompt: &Prompt, text: &str) -> Result<(), String> {
        if let Some(running) = &self.running {
            return Err(format!("`{running}` still runs"));
        }
        let film = &self.take().film;
        let change = parse(text, prompt.at, film.topology(), film.scenario())?;
        let mut changes: Vec<Change> = self.take().changes.clone();
        changes.push(change);
        self.request(Request::Run { changes })?;
        self.running = Some(text.to_owned());
        Ok(())
    }

    pub(super) fn answer_save(&mut self, text: &str) -> Result<(), String> {
        if text.is_empty() {
            return Err("expected a file's name".to_owned());
        }
        let changes = self.take().changes.clone();
        self.request(Request::Save { changes, path: text.to_owned() })
    }

    pub(super) fn request(&mut self, request: Request) -> Result<(), String> {
        let sent = self.link.requests.send(request);
        sent.map_err(|_| "nobody runs what-ifs for this screen".to_owned())
    }

    pub(super) fn compare(&mut self) {
        if self.takes.len() < 2 {
            self.say("there is one run only: b makes another, or open two with --beside", true);
            return;
        }
        let next = self.beside.map_or(0, |beside| beside + 1);
        let others = (next..self.takes.len()).find(|place| *place != self.shown);
        self.beside = others;
        self.compare_anew();
    }

    pub(super) fn swap(&mut self) {
        match self.beside {
            Some(beside) => {
                self.beside = Some(std::mem::replace(&mut self.shown, beside));
                self.list.restart();
                self.go(self.at);
                self.compare_anew();
            }
            None => self.say("no run is shown beside this one: c shows one", true),
        }
    }

    pub(super) fn difference(&mut self) {
        let Some(other) = self.other() else {
            self.say("no run is shown beside this one: c shows one", true);
            return;
        };
        let (here, there) = (self.take().film.records(), other.film.records());
        match first_difference(here, there) {
            Some(number) => {
                self.remember();
                self.go_to_record(number);
                self.say(format!("#{} is the first record that differs", number.0), false);
            }
            None if here.len() != there.len() => {
                let end = here.len().min(there.len());
                let at = here.get(end).or(there.get(end)).map(|record| record.at);
                self.remember();
                self.go(at.unwrap_or(self.at));
                self.say("one run is the beginning of the other: it ends here", false);
            }
            None => self.say("the two do not differ", false),
        }
    }

    pub(super) fn undo(&mut self) {
        if let Some(running) = &self.running {
            let text = format!("`{running}` still runs: it can be dropped when it is there");
            return self.say(text, true);
        }
        if self.takes.len() < 2 {
            return self.say("there is no what-if to drop", true);
        }
        let dropped = self.takes.pop().map(|take| take.label).unwrap_or_default();
        let last = self.takes.len() - 1;
        self.shown = self.shown.min(last);
        self.beside = self.beside.filter(|beside| *beside <= last && *beside != self.shown);
        self.list.restart();
        self.go(self.at);
        self.compare_anew();
        self.say(format!("dropped: {dropped}"), false);
    }

    /// Shows a journal beside what was opened.
    pub fn set_beside(&mut self, film: Film, label: String) {
        self.takes.push(Take::new(film, label, Vec::new()));
        self.beside = Some(self.takes.len() - 1);
        self.compare_anew();
    }

    /// Shows a run beside what is shown now.
    pub fn add(
        &mut self,
        film: Film,
        label: String,
        changes: Vec<Change>,
        verdict: Option<String>,
    ) {
        let mut take = Take::new(film, label, changes);
        take.verdict = verdict;
        self.takes.push(take);
        self.beside = Some(self.shown);
        self.shown = self.takes.len() - 1;
        self.list.restart();
        self.go(self.at);
        self.compare_anew();
    }

    pub(super) fn tick(&mut self, passed: Span) {
        self.hear();
        self.unrefreshed += passed;
        if self.unrefreshed >= REFRESH {
            self.refresh();
        }
        self.stale |= self.list.work(&self.takes[self.shown].film);
        if !self.opened {
            self.approach();
        }
        let last = self.take().film.last_moment();
        if self.follows {
            self.go(last);
        }
        if self.playing {
            self.go(self.at.saturating_add(self.speed.of(passed)));
            if self.at >= last {
                self.playing = false;
            }
        }
    }

    pub(super) fn refresh(&mut self) {
        self.unrefreshed = Span::ZERO;
        let mut grown = false;
        for take in &mut self.takes {
            grown |= take.refresh();
        }
        if grown {
            self.compare_anew();
        }
    }

    /// Says anew what the two runs differ by.
    fn compare_anew(&mut self) {
        self.difference = self.other().map(|other| difference::told(self.take(), other));
    }

    /// Takes in the next thing that has come; whether there was one.
    pub fn hear(&mut self) -> bool {
        let Ok(reply) = self.link.replies.try_recv() else { return false };
        self.stale = true;
        match reply {
            Reply::Records(records) => self.takes[0].film.push(records),
            Reply::CaughtUp => {
                self.caught_up = true;
                self.refresh();
                self.open();
            }
            Reply::End(note) => {
                self.takes[0].film.end();
                self.refresh();
                self.open();
                self.follows = false;
                self.flaw = note;
            }
            Reply::Ran { changes, label, verdict, journal } => {
                self.running = None;
                let (header, records) = *journal;
                self.add(Film::of(header, records), label, changes, Some(verdict));
            }
            Reply::Done(text) => self.say(text, false),
            Reply::Refused(text) => {
                self.running = None;
                self.say(text, true);
            }
        }
        true
    }
}
