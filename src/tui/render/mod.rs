//! The screen as a picture of the state: one file for each pane.
//!
//! ```text
//! dagtwin  two-node-2010/nic-loss seed 1    PAUSED x1    66.250 s  +6.250 s after the first fault
//! Outlook was out for up to 10.5 s …                                                    the story
//! ┌ 1 Lanes ───────────────────────────┐
//! │                                    │
//! └────────────────────────────────────┘
//! ┌ 2 Scene ─────────┐┌ 3 Budget ──────┐
//! └──────────────────┘└────────────────┘
//! space play  ←→ scrub  [ ] outage  . , event  b what if  ? help  q quit
//! ```

mod budget;
pub(in crate::tui) use budget::in_seconds;
mod events;
pub(in crate::tui) use events::first as first_event;
mod frame;
mod help;
pub(super) mod lanes;
mod plots;
mod prompt;
pub(in crate::tui) use prompt::place as menu_place;
mod scene;
mod why;

use super::app::{App, Mode};
use super::clock::seconds;
use super::command::{Command, Pane};
use super::keys::key_of;
use super::layout::{LEAST, Layout, layout};
use super::theme::Theme;
use crate::base::{Instant, Span};
use crate::journal::Origin;
use crate::view::first_disturbance;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span as Text};
use ratatui::widgets::{Clear, Widget};

/// Draws everything; where the terminal's own cursor belongs, if a line is being typed.
pub fn draw(app: &mut App, buffer: &mut Buffer) -> Option<Position> {
    let area = buffer.area;
    if area.width < LEAST.0 || area.height < LEAST.1 {
        too_small(app, buffer);
        return None;
    }
    if let Mode::Help(scroll) = app.mode {
        app.page = usize::from(area.height.saturating_sub(4));
        let shown = help::draw(app.theme, scroll, area, buffer);
        app.mode = Mode::Help(shown);
        return None;
    }
    let parts = parts(app, area);
    header(app, parts.header, buffer);
    story(app, parts.story, buffer);
    panes(app, &parts, buffer);
    if let Mode::Prompt(prompt) = &app.mode {
        return Some(prompt::draw(app, prompt, area, buffer));
    }
    footer(app, parts.footer, buffer);
    None
}

fn panes(app: &mut App, parts: &Layout, buffer: &mut Buffer) {
    let find = |wanted| parts.panes.iter().find(|(pane, _)| *pane == wanted);
    if let Some((_, rect)) = find(Pane::Lanes) {
        app.columns = lanes::columns(app, frame::inner(*rect));
    }
    if let Some((_, rect)) = find(app.focus) {
        app.page = usize::from(frame::inner(*rect).height);
    }
    let app = &*app;
    // The way to the cursor's moment is gone once for all panes.
    let scene = app.take().film.scene(app.records);
    for (pane, rect) in &parts.panes {
        let inner = frame::draw(app, *pane, *rect, buffer);
        match pane {
            Pane::Lanes => lanes::draw(app, inner, buffer),
            Pane::Scene => scene::draw(app, &scene, inner, buffer),
            Pane::Budget => budget::draw(app, inner, buffer),
            Pane::Events => events::draw(app, inner, buffer),
            Pane::Why => why::draw(app, &scene, inner, buffer),
            Pane::Plots => plots::draw(app, inner, buffer),
        }
    }
}

/// Where everything stands on a screen of this size.
pub(super) fn parts(app: &App, area: Rect) -> Layout {
    let story = story_lines(app, area.width).len();
    let story = u16::try_from(story).unwrap_or(u16::MAX);
    let lanes = u16::try_from(lanes::rows(app).len()).unwrap_or(u16::MAX).min(1_000);
    let lanes = lanes + lanes::heads(app);
    layout(area, story, app.focus, app.lower, app.maximised, lanes)
}

fn too_small(app: &App, buffer: &mut Buffer) {
    let area = buffer.area;
    let (width, height) = (area.width, area.height);
    let lines = [
        "the window is too small".to_owned(),
        format!("needed {}x{}", LEAST.0, LEAST.1),
        format!("it has {width}x{height}"),
    ];
    for (line, y) in lines.iter().zip(area.y..area.bottom()) {
        let style = if y == area.y { app.theme.bad() } else { Style::new() };
        buffer.set_stringn(area.x, y, line, usize::from(width), style);
    }
}

/// Puts a line; one that is too long ends in a sign that it was cut.
fn put(theme: Theme, buffer: &mut Buffer, (x, y): (u16, u16), width: u16, line: &Line<'_>) {
    if y >= buffer.area.bottom() || x >= buffer.area.right() {
        return;
    }
    let width = width.min(buffer.area.right() - x);
    buffer.set_line(x, y, line, width);
    if width > 0 && line.width() > usize::from(width) {
        buffer[(x + width - 1, y)].set_symbol(theme.or("…", "~"));
    }
}

/// Says on the frame below a pane how much of it is out of sight.
fn more_below(app: &App, hidden: usize, inner: Rect, buffer: &mut Buffer) {
    let y = inner.bottom();
    if hidden == 0 || y >= buffer.area.bottom() {
        return;
    }
    let text = format!(" {hidden} more below ");
    let width = u16::try_from(text.len()).unwrap_or(u16::MAX).min(inner.width);
    let x = inner.right() - width;
    buffer.set_stringn(x, y, text, usize::from(width), app.theme.accent());
}

/// Draws lines, scrolled as far as the pane is.
fn scrolled(app: &App, pane: Pane, lines: &[Line<'_>], area: Rect, buffer: &mut Buffer) {
    let room = usize::from(area.height);
    let most = lines.len().saturating_sub(room);
    let scrolled = app.scrolled.get(&pane).copied().unwrap_or(0).min(most);
    for (line, y) in lines.iter().skip(scrolled).zip(area.y..area.bottom()) {
        put(app.theme, buffer, (area.x, y), area.width, line);
    }
    more_below(app, most - scrolled, area, buffer);
}

/// Cuts a text to a width, with a sign that it was cut.
fn fitted(text: &str, width: usize, unicode: bool) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let sign = if unicode { "…" } else { "~" };
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    if width == 0 { String::new() } else { kept + sign }
}

/// Breaks a text into lines of a width, at spaces if there are some.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let length = line.chars().count();
        if length > 0 && length + 1 + word.chars().count() > width {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line += word;
        while width > 0 && line.chars().count() > width {
            let rest: String = line.chars().skip(width).collect();
            lines.push(line.chars().take(width).collect());
            line = rest;
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

fn header(app: &App, area: Rect, buffer: &mut Buffer) {
    let theme = app.theme;
    let take = app.take();
    let header = take.film.header();
    let mut name = header.topology.name.clone();
    if let Some(scenario) = &header.scenario {
        name = format!("{name}/{}", scenario.name);
    }
    match &header.origin {
        Origin::Sim { seed } => name += &format!(" seed {seed}"),
        Origin::Agent { host } => name += &format!(" agent {host}"),
        Origin::Import { file } => name += &format!(" import {file}"),
    }
    let state = match () {
        () if app.running.is_some() => "RUNNING".to_owned(),
        () if app.follows => "LIVE".to_owned(),
        () if app.playing => format!("{} PLAYING {}", theme.or("▶", ">"), app.speed.word()),
        () => format!("PAUSED {}", app.speed.word()),
    };
    let step = app.window.length().scaled(1, u64::from(app.columns.max(1)));
    let mut moment = format!("{} s", seconds(app.at, step.min(Span::from_millis(99))));
    if let Some(first) = first_disturbance(take.film.scenario()).filter(|first| app.at >= *first) {
        let since = Instant::ZERO.saturating_add(app.at.since(first));
        moment += &format!(" (+{} s)", seconds(since, step.min(Span::from_millis(99))));
    }
    let count = take.film.records().len();
    let growing = match (take.film.is_complete(), app.is_caught_up()) {
        (true, _) => String::new(),
        (false, true) => format!(" no end yet, {count} records "),
        (false, false) => format!(" reading, {count} records so far "),
    };
    let mut spans = vec![
        Text::styled(" dagtwin ", theme.heading()),
        Text::styled(format!(" {state} "), theme.accent()),
        Text::styled(format!(" {moment} "), theme.heading()),
        Text::styled(growing, theme.accent()),
    ];
    if let Some(flaw) = app.flaw.as_ref().filter(|_| app.shown == 0) {
        spans.push(Text::styled(format!(" {flaw} "), theme.bad()));
    }
    if app.takes.len() > 1 {
        let label = format!(" [{} of {}: {}] ", app.shown + 1, app.takes.len(), take.label);
        spans.push(Text::styled(label, theme.accent()));
    }
    spans.push(Text::raw(format!(" {name}")));
    put(app.theme, buffer, (area.x, area.y), area.width, &Line::from(spans));
}

/// The story; beside another run its first sentence, and what the two differ by.
fn story_lines(app: &App, width: u16) -> Vec<(String, bool)> {
    let width = usize::from(width.saturating_sub(2)).max(10);
    let mut lines = Vec::new();
    if !app.take().film.is_complete() && !app.is_caught_up() {
        // What is told of a part of the records may be wrong of them all.
        return vec![("The story comes when the journal is read.".to_owned(), false)];
    }
    let story = app.take().story();
    let sentences = if app.difference.is_some() { &story[..story.len().min(1)] } else { story };
    for (place, sentence) in sentences.iter().enumerate() {
        let so_far = place == 0 && !app.take().film.is_complete();
        let sentence = if so_far { &format!("So far: {sentence}") } else { sentence };
        lines.extend(wrapped(sentence, width).into_iter().map(|line| (line, false)));
    }
    if let Some(text) = &app.difference {
        lines.extend(wrapped(text, width).into_iter().map(|line| (line, true)));
    }
    lines
}

fn story(app: &App, area: Rect, buffer: &mut Buffer) {
    let lines = story_lines(app, area.width);
    let hidden = lines.len() > usize::from(area.height);
    for ((line, differs), y) in lines.iter().zip(area.y..area.bottom()) {
        let style = if *differs { app.theme.accent() } else { Style::new() };
        let room = usize::from(area.width.saturating_sub(2));
        let more = hidden && y + 1 == area.bottom();
        let sign = app.theme.or("…", "~");
        let line = match more && line.chars().count() < room {
            true => format!("{line} {sign}"),
            false if more => fitted(&format!("{line}.."), room, app.theme.unicode),
            false => line.clone(),
        };
        buffer.set_stringn(area.x + 1, y, line, room, style);
    }
}

fn footer(app: &App, area: Rect, buffer: &mut Buffer) {
    let theme = app.theme;
    if let Some(message) = &app.message {
        let style = if message.bad { theme.bad() } else { theme.heading() };
        // A long message covers what is above, until the next key.
        let room = area.width.saturating_sub(2);
        let lines = wrapped(&message.text, usize::from(room));
        let height = u16::try_from(lines.len()).unwrap_or(1).clamp(1, area.y.max(1));
        let top = area.bottom().saturating_sub(height);
        Clear.render(Rect { y: top, height, ..area }, buffer);
        for (line, y) in lines.iter().zip(top..area.bottom()) {
            buffer.set_stringn(area.x + 1, y, line, usize::from(room), style);
        }
        return;
    }
    let waits = match app.mode {
        Mode::SetMark => Some("mark: press a letter"),
        Mode::GoToMark => Some("to mark: press its letter, or ' for where the last jump began"),
        Mode::Normal | Mode::Prompt(_) | Mode::Help(_) => None,
    };
    if let Some(text) = waits {
        buffer.set_stringn(area.x + 1, area.y, text, usize::from(area.width), theme.accent());
        return;
    }
    let live = !app.take().film.is_complete();
    let mut hints: Vec<(String, &str)> = vec![
        (key_of(Command::Help), "help"),
        (key_of(Command::Play), if app.playing { "pause" } else { "play" }),
        (theme.or("←→", "h l").to_owned(), "scrub"),
        ("[ ]".to_owned(), "outage edge"),
        (", .".to_owned(), "event"),
        (key_of(Command::NextPane), "pane"),
    ];
    if live {
        hints.push((key_of(Command::Follow), if app.follows { "hold" } else { "follow" }));
    }
    hints.extend([(key_of(Command::WhatIf), "what if"), (key_of(Command::Maximise), "alone")]);
    if app.takes.len() > 1 {
        hints.push((key_of(Command::Difference), "first difference"));
        hints.push((key_of(Command::Save), "save"));
    }
    hints.extend([
        ("+ -".to_owned(), "zoom"),
        ("< >".to_owned(), "speed"),
        (key_of(Command::Search), "search"),
        (key_of(Command::Quit), "quit"),
    ]);
    let mut spans = vec![Text::raw(" ")];
    for (key, what) in hints {
        spans.push(Text::styled(key, theme.accent()));
        spans.push(Text::styled(format!(" {what}  "), theme.dim()));
    }
    put(app.theme, buffer, (area.x, area.y), area.width, &Line::from(spans));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_and_broken_to_a_width() {
        assert_eq!(fitted("abc", 3, true), "abc");
        assert_eq!(fitted("abcd", 3, true), "ab…");
        assert_eq!(fitted("abcd", 3, false), "ab~");
        assert_eq!(fitted("abcd", 0, true), "");
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("abcdefgh", 3), ["abc", "def", "gh"]);
        assert!(wrapped("", 3).is_empty());
    }
}
