//! What clicks, drags and the wheel do.

use super::app::{App, Mode};
use super::command::{Command, Pane};
use super::render;
use ratatui::layout::{Position, Rect};

/// What a mouse does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mouse {
    /// The left button goes down.
    Press,
    /// The mouse moves with the left button down.
    Drag,
    /// The wheel goes up (true) or down; with the control key or without.
    Wheel {
        /// Up.
        up: bool,
        /// With the control key.
        control: bool,
    },
}

impl App {
    /// What the mouse does at a place of a screen of this size.
    pub fn mouse(&mut self, what: Mouse, at: Position, area: Rect) {
        match &mut self.mode {
            Mode::Normal => {}
            Mode::Prompt(_) => return self.mouse_in_menu(what, at, area),
            Mode::Help(_) | Mode::SetMark | Mode::GoToMark => {
                if what == Mouse::Press {
                    self.mode = Mode::Normal;
                }
                return;
            }
        }
        let parts = render::parts(self, area);
        let hit = parts.panes.iter().find(|(_, rect)| rect.contains(at)).copied();
        let Some((pane, rect)) = hit else { return };
        let inner = rect.inner(ratatui::layout::Margin::new(1, 1));
        match what {
            Mouse::Press => {
                self.message = None;
                self.focus_on(pane);
                if inner.contains(at) {
                    self.click(pane, at, inner);
                }
            }
            Mouse::Drag if pane == Pane::Lanes && inner.contains(at) => self.scrub_to(at.x, inner),
            Mouse::Drag => {}
            Mouse::Wheel { up, control } if pane == Pane::Lanes && control => {
                self.scrub_to(at.x, inner);
                self.update(if up { Command::ZoomIn } else { Command::ZoomOut });
            }
            Mouse::Wheel { up, .. } => {
                let focus = std::mem::replace(&mut self.focus, pane);
                self.update(if up { Command::Up } else { Command::Down });
                self.focus = focus;
            }
        }
    }

    fn click(&mut self, pane: Pane, at: Position, inner: Rect) {
        match pane {
            Pane::Lanes => {
                let rows = render::lanes::rows(self).len();
                if let Some(row) = render::lanes::row_at(self, at.y, inner)
                    && row < rows
                {
                    self.lane = row;
                }
                self.scrub_to(at.x, inner);
            }
            Pane::Events => {
                let film = &self.take().film;
                let count = self.list.count(film);
                let selected = self.list.place(film, self.records).saturating_sub(1);
                let first = render::first_event(selected, count, usize::from(inner.height));
                let place = first + usize::from(at.y - inner.y);
                if let Some(number) = self.list.get(film, place) {
                    self.playing = false;
                    self.go_to_record(number);
                }
            }
            Pane::Scene | Pane::Budget | Pane::Why | Pane::Plots => {}
        }
    }

    /// The cursor to the moment of a column of the lanes.
    fn scrub_to(&mut self, x: u16, inner: Rect) {
        let track = inner.right().saturating_sub(self.columns);
        if x >= track && x < inner.right() {
            self.playing = false;
            self.follows = false;
            self.go(self.window.moment(x - track, self.columns));
        }
    }

    fn mouse_in_menu(&mut self, what: Mouse, at: Position, area: Rect) {
        let Mode::Prompt(prompt) = &mut self.mode else { return };
        let (top, first) = render::menu_place(prompt, area);
        let film = &self.takes[self.shown].film;
        match what {
            Mouse::Press if at.y >= top && at.y + 1 < area.bottom() => {
                prompt.take(first + usize::from(at.y - top), film);
            }
            Mouse::Wheel { up, .. } => {
                let key = if up { super::keys::Key::Up } else { super::keys::Key::Down };
                prompt.key(key, film);
            }
            Mouse::Press | Mouse::Drag => {}
        }
    }
}
