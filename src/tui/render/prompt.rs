//! A line that is being typed, with its menu above it.

use super::super::app::App;
use super::super::prompt::{Asked, Prompt};
use super::budget::in_seconds;
use super::{fitted, put};
use crate::base::Instant;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span as Text};
use ratatui::widgets::{Clear, Widget};

/// The most rows of the menu that are shown at once.
const MOST_ROWS: usize = 10;

/// Rows of the menu that are shown at once on a screen.
fn rows(area: Rect) -> usize {
    usize::from(area.height.saturating_sub(5)).clamp(1, MOST_ROWS)
}

/// Draws the line at the foot; where the next character comes.
pub(super) fn draw(app: &App, prompt: &Prompt, area: Rect, buffer: &mut Buffer) -> Position {
    let theme = app.theme;
    let y = area.bottom() - 1;
    let label = match prompt.asked {
        Asked::WhatIf => format!("what if, at {} s: ", in_seconds(prompt.at.since(Instant::ZERO))),
        other => other.label().to_owned(),
    };
    let foot = Rect { y, height: 1, ..area };
    Clear.render(foot, buffer);
    let label_width = u16::try_from(label.chars().count()).unwrap_or(0);
    let room = usize::from(area.width.saturating_sub(label_width + 1));
    let skipped = prompt.column().saturating_sub(room.saturating_sub(1));
    let typed: String = prompt.text().chars().skip(skipped).collect();
    let line = Line::from(vec![Text::styled(label, theme.accent()), Text::raw(typed)]);
    put(app.theme, buffer, (area.x, y), area.width, &line);
    menu(app, prompt, area, buffer);
    let column = label_width.saturating_add(u16::try_from(prompt.column() - skipped).unwrap_or(0));
    Position::new((area.x + column).min(area.right().saturating_sub(1)), y)
}

/// Where the menu's first row is on a screen, and which row of the menu that is.
pub(in crate::tui) fn place(prompt: &Prompt, area: Rect) -> (u16, usize) {
    let first = prompt.chosen.unwrap_or(0).saturating_sub(rows(area) - 1);
    let rows = prompt.menu.len().saturating_sub(first).min(rows(area));
    let below = usize::from(!prompt.menu.is_empty());
    let height = u16::try_from(rows + below).unwrap_or(0).min(area.height.saturating_sub(2));
    (area.bottom().saturating_sub(1 + height), first)
}

/// What could stand there, and what is wrong, above the line.
fn menu(app: &App, prompt: &Prompt, area: Rect, buffer: &mut Buffer) {
    let theme = app.theme;
    let mut lines = Vec::new();
    let first = prompt.chosen.unwrap_or(0).saturating_sub(rows(area) - 1);
    let longest = prompt.menu.iter().map(|found| found.label.chars().count()).max().unwrap_or(0);
    let longest = longest.min(usize::from(area.width) * 2 / 3);
    for (row, found) in prompt.menu.iter().enumerate().skip(first).take(rows(area)) {
        let label = fitted(&found.label, longest, theme.unicode);
        let style = match prompt.chosen == Some(row) {
            true => theme.selected(),
            false => theme.heading(),
        };
        lines.push(Line::from(vec![
            Text::styled(format!(" {label:<longest$} "), style),
            Text::styled(format!(" {}", found.help), theme.dim()),
        ]));
    }
    if prompt.menu.len() > first + rows(area) {
        let text = format!(" {} more: type on, or Down", prompt.menu.len() - first - rows(area));
        lines.push(Line::styled(text, theme.dim()));
    } else if !prompt.menu.is_empty() {
        lines.push(Line::styled(" Tab takes a word, Enter runs it, Esc drops it", theme.dim()));
    }
    if let Some(error) = &prompt.error {
        let broken = super::wrapped(error, usize::from(area.width.saturating_sub(2)));
        lines.extend(broken.into_iter().map(|line| Line::styled(format!(" {line}"), theme.bad())));
    }
    let height = u16::try_from(lines.len()).unwrap_or(0).min(area.height.saturating_sub(2));
    let top = area.bottom() - 1 - height;
    Clear.render(Rect { y: top, height, ..area }, buffer);
    let skipped = lines.len() - usize::from(height);
    for (line, y) in lines.iter().skip(skipped).zip(top..area.bottom()) {
        put(app.theme, buffer, (area.x, y), area.width, line);
    }
}
