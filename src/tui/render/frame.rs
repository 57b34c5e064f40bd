//! The frame of a pane with its number and title.

use super::super::app::App;
use super::super::command::Pane;
use super::fitted;
use ratatui::buffer::Buffer;
use ratatui::layout::{Margin, Rect};
use ratatui::widgets::{Block, BorderType, Widget};

/// What a frame leaves inside.
pub(super) fn inner(area: Rect) -> Rect {
    area.inner(Margin::new(1, 1))
}

/// Draws the frame; what is left inside.
pub(super) fn draw(app: &App, pane: Pane, area: Rect, buffer: &mut Buffer) -> Rect {
    let theme = app.theme;
    let focused = pane == app.focus;
    let number = Pane::ALL.iter().position(|known| *known == pane).unwrap_or(0) + 1;
    let mut title = format!(" {number} {} ", pane.title());
    if let Some(more) = more(app, pane) {
        title += &format!("{} {more} ", theme.or("·", "-"));
    }
    let room = usize::from(area.width.saturating_sub(2));
    let mut block = Block::bordered().border_style(theme.frame(focused)).title(fitted(
        &title,
        room,
        theme.unicode,
    ));
    block = match theme.unicode {
        true => block.border_type(if focused { BorderType::Thick } else { BorderType::Plain }),
        false => block.border_set(ASCII),
    };
    block.render(area, buffer);
    inner(area)
}

const ASCII: ratatui::symbols::border::Set<'static> = ratatui::symbols::border::Set {
    top_left: "+",
    top_right: "+",
    bottom_left: "+",
    bottom_right: "+",
    vertical_left: "|",
    vertical_right: "|",
    horizontal_top: "-",
    horizontal_bottom: "-",
};

/// What a title says beside its pane's name.
fn more(app: &App, pane: Pane) -> Option<String> {
    match pane {
        Pane::Events => {
            let film = &app.take().film;
            let mut text = format!("{}, {}", app.list.least.word(), app.list.count(film));
            if !app.list.filter().is_empty() {
                text += &format!(" with `{}`, {} hidden", app.list.filter(), app.list.hidden());
            }
            Some(text)
        }
        Pane::Why => Some(match app.why_not {
            true => format!("why not, of {}; w asks why the event", selected_name(app)),
            false => "of the event at the cursor; w asks why not, of the lane".to_owned(),
        }),
        Pane::Lanes => {
            app.other().map(|other| format!("upper: {}, lower: {}", app.take().label, other.label))
        }
        Pane::Scene | Pane::Budget | Pane::Plots => None,
    }
}

/// The name of the selected lane.
fn selected_name(app: &App) -> String {
    let rows = super::lanes::rows(app);
    rows.get(app.lane).map(|row| row.name(app)).unwrap_or_default()
}
