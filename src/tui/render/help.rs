//! The help screen, drawn from the key table.

use super::super::keys::TABLE;
use super::super::theme::Theme;
use super::put;
use crate::view::Standing;
use crate::view::lanes::Condition;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span as Text};
use ratatui::widgets::{Block, Clear, Widget};

/// Draws help, scrolled so far at most as there is text; how far it is.
pub(super) fn draw(theme: Theme, scroll: usize, area: Rect, buffer: &mut Buffer) -> usize {
    let lines = lines(theme);
    let room = usize::from(area.height.saturating_sub(2));
    let scroll = scroll.min(lines.len().saturating_sub(room));
    Clear.render(area, buffer);
    let more = if scroll + room < lines.len() { "j, PgDn: more; " } else { "" };
    let title = format!(" Keys ({more}any other key closes) ");
    let block = Block::bordered().border_style(theme.frame(true)).title(title);
    let inner = block.inner(area);
    block.render(area, buffer);
    for (line, y) in lines.iter().skip(scroll).zip(inner.y..inner.bottom()) {
        put(theme, buffer, (inner.x + 1, y), inner.width.saturating_sub(1), line);
    }
    scroll
}

fn lines(theme: Theme) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for section in TABLE {
        lines.push(Line::styled(section.title, theme.heading()));
        for row in section.rows {
            let keys: Vec<String> = row.keys.iter().map(|key| key.name()).collect();
            lines.push(Line::from(vec![
                Text::styled(format!("  {:<16}", keys.join(", ")), theme.accent()),
                Text::raw(row.help),
            ]));
        }
        lines.push(Line::default());
    }
    lines.push(Line::styled("Mouse", theme.heading()));
    for (what, does) in [
        ("click", "focus a pane; in lanes and events go there"),
        ("drag", "in lanes move through time"),
        ("wheel", "up and down; in lanes with Ctrl zoom"),
    ] {
        lines.push(Line::from(vec![
            Text::styled(format!("  {what:<16}"), theme.accent()),
            Text::raw(does),
        ]));
    }
    lines.push(Line::default());
    lines.push(Line::styled("Signs", theme.heading()));
    for condition in Condition::ALL {
        lines.push(Line::from(vec![
            Text::styled(format!("  {:<4}", theme.sign(condition)), theme.condition(condition)),
            Text::raw(condition.word()),
        ]));
    }
    for standing in Standing::ALL {
        lines.push(Line::from(vec![
            Text::styled(
                format!("  {:<4}", theme.standing_sign(standing)),
                theme.standing(standing),
            ),
            Text::raw(format!("clients {}", standing.word())),
        ]));
    }
    lines
}
