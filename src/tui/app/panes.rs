//! Panes and lanes: focus, selection, zoom.

use super::App;
use crate::base::Instant;
use crate::tui::clock::Window;
use crate::tui::command::{Command, Pane};
use crate::tui::render;

impl App {
    pub(super) fn lanes_command(&mut self, command: Command) {
        let last = self.take().film.last_moment();
        match command {
            Command::ZoomIn => self.window = self.window.zoomed(self.at, true, last),
            Command::ZoomOut => self.window = self.window.zoomed(self.at, false, last),
            Command::Unfold => self.unfolded = !self.unfolded,
            _ => {
                let whole = Window::new(Instant::ZERO, last);
                let stretch = self.take().stretch().map(|(from, to)| Window::new(from, to));
                self.window = match stretch {
                    Some(stretch) if stretch != self.window => stretch,
                    _ => whole,
                };
            }
        }
    }

    pub(super) fn pane_command(&mut self, command: Command) {
        let place = Pane::ALL.iter().position(|pane| *pane == self.focus).unwrap_or(0);
        let count = Pane::ALL.len();
        match command {
            Command::NextPane => self.focus_on(Pane::ALL[(place + 1) % count]),
            Command::PreviousPane => self.focus_on(Pane::ALL[(place + count - 1) % count]),
            Command::Focus(pane) => self.focus_on(pane),
            Command::Maximise => self.maximised = !self.maximised,
            Command::WhyNot => {
                self.why_not = !self.why_not;
                self.scrolled.remove(&Pane::Why);
            }
            Command::Weight => {
                self.list.least = self.list.least.next();
                self.list.restart();
                self.say(format!("listed: {}", self.list.least.word()), false);
            }
            _ => {
                self.maximised = false;
                self.follows = false;
            }
        }
    }

    /// Focuses a pane.
    pub fn focus_on(&mut self, pane: Pane) {
        self.focus = pane;
        if pane != Pane::Lanes {
            self.lower = pane;
        }
    }

    pub(super) fn page_step(&self) -> i64 {
        i64::try_from(self.page.max(2) - 1).unwrap_or(1)
    }

    pub(super) fn vertical(&mut self, by: i64) {
        let moved = |from: usize, most: usize| -> usize {
            let wanted = i64::try_from(from).unwrap_or(i64::MAX).saturating_add(by).max(0);
            usize::try_from(wanted).unwrap_or(0).min(most)
        };
        match self.focus {
            Pane::Lanes => {
                let most = render::lanes::rows(self).len().saturating_sub(1);
                self.lane = moved(self.lane, most);
                self.scrolled.remove(&Pane::Why);
            }
            Pane::Events => {
                self.playing = false;
                self.follows = false;
                let film = &self.take().film;
                let place = self.list.place(film, self.records);
                let most = self.list.count(film);
                let wanted = moved(place, most);
                match wanted.checked_sub(1).and_then(|place| self.list.get(film, place)) {
                    Some(number) => self.go_to_record(number),
                    None => self.go(Instant::ZERO),
                }
            }
            Pane::Scene | Pane::Budget | Pane::Why | Pane::Plots => {
                let from = self.scrolled.get(&self.focus).copied().unwrap_or(0);
                self.scrolled.insert(self.focus, moved(from, 10_000));
            }
        }
    }
}
