//! The list of events, with the cursor at the newest one that has happened. A wide
//! list names the cause of each.
//!
//! ```text
//!   65.643  #1676  ←#1674  EX02      one vote short (1 of 2): claims the witness
//! ▸ 66.080  #1685  ←#1679  DC01      witness log locked by EX02
//!   66.080  #1690  ←#1686  EX02      quorum: 2 votes of 2 needed with the witness
//! ```

use super::super::app::App;
use super::super::list::told;
use super::budget::in_seconds;
use super::{fitted, put};
use crate::base::Instant;
use crate::journal::What;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span as Text};

/// The first row that is shown, so that the selected one stands in the middle if it can.
pub(in crate::tui) fn first(selected: usize, count: usize, rows: usize) -> usize {
    selected.saturating_sub(rows / 2).min(count.saturating_sub(rows))
}

/// Draws the list.
pub(super) fn draw(app: &App, area: Rect, buffer: &mut Buffer) {
    let film = &app.take().film;
    let count = app.list.count(film);
    let next = app.list.place(film, app.records);
    if count == 0 {
        let text = "no event is listed; f lists more, & changes the filter";
        put(app.theme, buffer, (area.x, area.y), area.width, &Line::styled(text, app.theme.dim()));
        return;
    }
    let rows = usize::from(area.height);
    let first = first(next.saturating_sub(1), count, rows);
    for (place, y) in (first..count).zip(area.y..area.bottom()) {
        let Some(number) = app.list.get(film, place) else { break };
        let Some(record) = film.record(number) else { break };
        let (who, phrase) = told(film, number);
        let selected = place + 1 == next;
        let style = match (&record.what, place < next) {
            (What::Fault { .. }, _) => app.theme.bad(),
            (What::Step { .. }, _) => app.theme.accent(),
            (_, true) => Style::new(),
            (_, false) => app.theme.dim(),
        };
        let sign = if selected { app.theme.or("▸", ">") } else { " " };
        let lead = format!("{sign}{:>9} ", in_seconds(record.at.since(Instant::ZERO)));
        let who = fitted(&who, 12, app.theme.unicode);
        let cause = record.cause.map_or_else(String::new, |cause| format!("#{}", cause.0));
        let numbers = match area.width {
            90.. => format!("#{:<7}{}{cause:<9}", number.0, app.theme.or("←", "<")),
            70..90 => format!("#{:<7}", number.0),
            _ => String::new(),
        };
        let text = format!("{numbers}{who:<12} {phrase}");
        let room = usize::from(area.width).saturating_sub(lead.chars().count());
        let line = Line::from(vec![
            Text::styled(lead, app.theme.dim()),
            Text::styled(fitted(&text, room, app.theme.unicode), style),
        ]);
        put(app.theme, buffer, (area.x, y), area.width, &line);
        if selected {
            buffer.set_style(Rect { y, height: 1, ..area }, app.theme.selected());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::first;

    #[test]
    fn the_selected_row_stands_in_the_middle_if_it_can() {
        assert_eq!(first(0, 100, 10), 0);
        assert_eq!(first(50, 100, 10), 45);
        assert_eq!(first(99, 100, 10), 90);
        assert_eq!(first(3, 5, 10), 0);
    }
}
