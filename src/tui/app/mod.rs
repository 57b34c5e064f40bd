//! The state of the screen, and what each command does to it. Nothing here knows a terminal or a
//! clock: keys, clicks and passing time come in, pictures are drawn from it.

mod ask;
mod cursor;
mod panes;
mod runs;

use super::clock::{Place, Speed, Window, place, seconds};
use super::command::{Command, Pane};
use super::link::Link;
use super::list::List;
use super::prompt::{Asked, Prompt};
use super::take::Take;
use super::theme::Theme;
use crate::base::{Instant, Span};
use crate::journal::RecordNo;
use crate::view::film::Film;
use crate::view::first_disturbance;
use std::collections::BTreeMap;

/// What the next key means.
pub enum Mode {
    /// The key table.
    Normal,
    /// It names a mark that is set.
    SetMark,
    /// It names a mark to jump to.
    GoToMark,
    /// It goes into a line.
    Prompt(Prompt),
    /// It moves help, which is scrolled so far, or closes it.
    Help(usize),
}

/// Something to say at the foot of the screen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    /// The text.
    pub text: String,
    /// Whether it is bad news.
    pub bad: bool,
}

/// What the terminal has to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Wish {
    /// End.
    Quit,
    /// Suspend until the shell goes on with it.
    Suspend,
    /// Clear and draw everything.
    Redraw,
    /// Hand a text to the clipboard.
    Copy(String),
}

/// The state of the screen.
pub struct App {
    /// Runs: what was opened, then what-ifs.
    pub takes: Vec<Take>,
    /// The one that is shown.
    pub shown: usize,
    /// The one beside it.
    pub beside: Option<usize>,
    /// The cursor's moment.
    pub at: Instant,
    /// How many records there are up to the cursor.
    pub records: usize,
    /// Whether time passes.
    pub playing: bool,
    /// How fast it passes.
    pub speed: Speed,
    /// Whether the cursor stays at the end of a growing journal.
    pub follows: bool,
    /// The stretch that lanes show.
    pub window: Window,
    /// The focused pane.
    pub focus: Pane,
    /// What the lower half of a small screen shows.
    pub lower: Pane,
    /// Whether the focused pane is alone.
    pub maximised: bool,
    /// Whether lanes show their parts.
    pub unfolded: bool,
    /// The selected row of the lanes.
    pub lane: usize,
    /// How far a pane is scrolled, for those that are.
    pub scrolled: BTreeMap<Pane, usize>,
    /// The list of events.
    pub list: List,
    /// Whether the panel of causes asks why not, about the selected lane.
    pub why_not: bool,
    /// Marks.
    pub marks: BTreeMap<char, Instant>,
    /// Where jumps began, the newest last.
    pub jumped_from: Vec<(Instant, usize)>,
    /// What the next key means.
    pub mode: Mode,
    /// What is said at the foot.
    pub message: Option<Message>,
    /// A record that the cursor was sent to though the list may leave it out.
    pub pinned: Option<RecordNo>,
    /// What the two runs differ by, in words.
    pub difference: Option<String>,
    /// What is wrong with the journal that was opened.
    pub flaw: Option<String>,
    /// A run that is under way.
    pub running: Option<String>,
    /// Colours and signs.
    pub theme: Theme,
    /// Columns that the lanes had when they were drawn last.
    pub columns: u16,
    /// Rows that the focused pane had when it was drawn last.
    pub page: usize,
    /// The command that shows the same, without the moment.
    pub command: String,
    wishes: Vec<Wish>,
    link: Link,
    unrefreshed: Span,
    /// Whether something came that the last picture does not show.
    stale: bool,
    /// Where to open, once there is enough to open at.
    wanted: Option<String>,
    /// Whether it was opened, or somebody has gone elsewhere before.
    opened: bool,
    /// Whether every record that is there was taken in.
    caught_up: bool,
}

impl App {
    /// A screen over a journal, at the moment where its trouble begins.
    pub fn new(film: Film, theme: Theme, command: String, link: Link) -> Self {
        let take = Take::new(film, "as run".to_owned(), Vec::new());
        let mut app = App {
            at: Instant::ZERO,
            records: 0,
            playing: false,
            speed: Speed::default(),
            follows: false,
            window: Window::new(Instant::ZERO, take.film.last_moment()),
            focus: Pane::Lanes,
            lower: Pane::Scene,
            maximised: false,
            unfolded: false,
            lane: 0,
            scrolled: BTreeMap::new(),
            list: List::default(),
            why_not: true,
            marks: BTreeMap::new(),
            jumped_from: Vec::new(),
            mode: Mode::Normal,
            message: None,
            pinned: None,
            difference: None,
            flaw: None,
            running: None,
            theme,
            columns: 60,
            page: 10,
            command,
            wishes: Vec::new(),
            link,
            unrefreshed: Span::ZERO,
            stale: true,
            wanted: None,
            opened: false,
            caught_up: false,
            takes: vec![take],
            shown: 0,
            beside: None,
        };
        if app.take().film.is_complete() {
            app.open();
        }
        app
    }

    /// Where to open instead of where the trouble begins, or at the end of what is written.
    pub fn open_at(&mut self, moment: Option<String>, follow: bool) {
        self.wanted = moment;
        self.follows = follow && !self.take().film.is_complete();
        if self.opened && self.wanted.is_some() {
            self.opened = false;
            self.open();
        }
    }

    /// Before there is enough to open at: the lanes show what there is, and the moment that was
    /// asked for is gone to as soon as it has come.
    fn approach(&mut self) {
        const SIGHT: Span = Span::from_secs(60);
        let last = self.take().film.last_moment();
        if self.follows {
            let from = last.as_nanos().saturating_sub(SIGHT.as_nanos());
            let from = Instant::from_nanos(from);
            self.window = Window::new(from, from.saturating_add(SIGHT.scaled(9, 8)));
            self.opened = last > Instant::ZERO.saturating_add(SIGHT);
            return;
        }
        self.window = Window::new(Instant::ZERO, last.max(Instant::ZERO.saturating_add(SIGHT)));
        let Some(text) = self.wanted.as_ref().filter(|text| !text.ends_with('%')) else { return };
        let fault = first_disturbance(self.take().film.scenario());
        let come = match place(text, Instant::ZERO, Instant::MAX, fault) {
            Ok(Place::At(at)) => at < last,
            Ok(Place::Record(number)) => self.take().film.record(number).is_some(),
            Err(_) => false,
        };
        if come {
            self.open();
        }
    }

    /// Puts the cursor to where the trouble begins, and the lanes around it.
    fn open(&mut self) {
        if std::mem::replace(&mut self.opened, true) {
            return;
        }
        let last = self.take().film.last_moment();
        let whole = Window::new(Instant::ZERO, last);
        self.window = match self.take().stretch() {
            Some((from, to)) if from < last => Window::new(from, to),
            _ => whole,
        };
        let first = self.take().trouble();
        if let Some(text) = self.wanted.take() {
            match place(&text, self.at, last, first) {
                Ok(Place::At(at)) => return self.go(at),
                Ok(Place::Record(number)) if self.take().film.record(number).is_some() => {
                    return self.go_to_record(number);
                }
                Ok(Place::Record(_)) => self.say(format!("no record {text}"), true),
                Err(wrong) => self.say(wrong, true),
            }
        }
        self.go(first.unwrap_or(Instant::ZERO).min(last));
    }

    /// The run that is shown.
    pub fn take(&self) -> &Take {
        &self.takes[self.shown]
    }

    /// The run that is shown beside it.
    pub fn other(&self) -> Option<&Take> {
        self.beside.and_then(|beside| self.takes.get(beside))
    }

    /// The event at the cursor: the one that it was sent to, or the last listed one.
    pub fn event(&self) -> Option<RecordNo> {
        let film = &self.take().film;
        if let Some(pinned) = self.pinned.filter(|one| one.0 as usize + 1 == self.records) {
            return Some(pinned);
        }
        let place = self.list.place(film, self.records).checked_sub(1)?;
        self.list.get(film, place)
    }

    /// What the terminal has to do since it asked last.
    pub fn wishes(&mut self) -> Vec<Wish> {
        std::mem::take(&mut self.wishes)
    }

    /// The command that shows this moment.
    pub fn here(&self) -> String {
        let exact = seconds(self.at, Span::ZERO);
        let short = exact.trim_end_matches('0').trim_end_matches('.');
        format!("{} --at {short}s", self.command)
    }

    /// Whether every record that is there was taken in.
    pub fn is_caught_up(&self) -> bool {
        self.caught_up
    }

    /// Whether something came that the last picture does not show; it is taken as shown from then
    /// on.
    pub fn take_stale(&mut self) -> bool {
        std::mem::take(&mut self.stale)
    }

    /// Whether the picture changes by itself.
    pub fn moves(&self) -> bool {
        let reading = !self.takes[0].film.is_complete() && !self.caught_up;
        self.playing || self.follows || reading
    }

    /// Says something at the foot of the screen.
    pub fn say(&mut self, text: impl Into<String>, bad: bool) {
        self.message = Some(Message { text: text.into(), bad });
    }

    /// Does what is asked for.
    pub fn update(&mut self, command: Command) {
        if !matches!(command, Command::Tick(_)) {
            self.message = None;
            // Whoever has gone somewhere stays there when the rest of a journal comes.
            self.opened |= !self.take().film.records().is_empty();
        }
        match command {
            Command::Tick(passed) => self.tick(passed),
            Command::Play => self.play(),
            Command::Faster => self.speed = self.speed.faster(),
            Command::Slower => self.speed = self.speed.slower(),
            Command::RealTime => self.speed = Speed::default(),
            Command::Scrub(columns) => self.scrub(columns),
            Command::Event(forward) => self.step_event(forward),
            Command::Record(forward) => self.step_record(forward),
            Command::Edge(forward) => self.step_edge(forward),
            Command::First => self.jump(Instant::ZERO),
            Command::Last => self.jump(self.take().film.last_moment()),
            Command::Mark => self.mode = Mode::SetMark,
            Command::GoToMark => self.mode = Mode::GoToMark,
            Command::Follow => self.follow(),
            Command::Cause => self.cause(),
            Command::Back => self.back(),
            Command::NextMatch => self.find(true),
            Command::PreviousMatch => self.find(false),
            Command::Jump => self.ask(Asked::Jump, String::new()),
            Command::Filter => self.ask(Asked::Filter, self.list.filter()),
            Command::Search => self.ask(Asked::Search, String::new()),
            Command::WhatIf => self.ask(Asked::WhatIf, String::new()),
            Command::Save => self.ask_save(),
            Command::Compare => self.compare(),
            Command::Swap => self.swap(),
            Command::Difference => self.difference(),
            Command::Undo => self.undo(),
            Command::Help => self.mode = Mode::Help(0),
            Command::Copy if !self.take().changes.is_empty() => {
                self.say("a what-if has no command yet: e saves it as a scenario file", true);
            }
            Command::Copy => {
                let here = self.here();
                self.say(format!("copied: {here}"), false);
                self.wishes.push(Wish::Copy(here));
            }
            Command::Redraw => self.wishes.push(Wish::Redraw),
            Command::Suspend => self.wishes.push(Wish::Suspend),
            Command::Quit => self.wishes.push(Wish::Quit),
            Command::ZoomIn | Command::ZoomOut | Command::Fit | Command::Unfold => {
                self.lanes_command(command);
            }
            Command::NextPane
            | Command::PreviousPane
            | Command::Focus(_)
            | Command::Maximise
            | Command::Weight
            | Command::WhyNot
            | Command::Escape => self.pane_command(command),
            Command::Up => self.vertical(-1),
            Command::Down => self.vertical(1),
            Command::PageUp => self.vertical(-self.page_step()),
            Command::PageDown => self.vertical(self.page_step()),
        }
    }
}
