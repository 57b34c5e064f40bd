//! The lanes: a row for each kind of client, database, group, machine, for the witness and names.
//!
//! ```text
//!                 55        60        65        70        75
//! faults                    ▼nic-down EX01 all NICs━━━━━━━━━━━
//! Outlook        ───────────▂▄▆███████▆▄▂─────────────────────
//! VIP            ██mounted on EX01███╎▒▒▒██mounted on EX02████
//! ```
//!
//! A column shows the worst of its stretch of time, so that nothing short is overlooked.

use super::super::app::App;
use super::super::clock::seconds;
use super::super::take::Take;
use super::{Pane, fitted, more_below};
use crate::base::{Instant, Span};
use crate::view::Subject;
use crate::view::headline::disturbs;
use crate::view::lanes::{ClientLane, Condition, Lane};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use std::collections::BTreeMap;

/// A row of the lanes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::tui) enum Row {
    /// A client kind, by its place.
    Clients(usize),
    /// Another lane, by its place.
    Lane(usize),
}

impl Row {
    /// What it is about.
    pub(super) fn subject(self, app: &App) -> Option<Subject> {
        let lanes = app.take().film.lanes();
        match self {
            Row::Clients(place) => lanes.clients.get(place).map(|lane| Subject::Clients(lane.kind)),
            Row::Lane(place) => lanes.lanes.get(place).map(|lane| lane.subject),
        }
    }

    /// What people call it.
    pub(super) fn name(self, app: &App) -> String {
        let lanes = app.take().film.lanes();
        match self {
            Row::Clients(place) => {
                lanes.clients.get(place).map(|lane| lane.kind.label().to_owned())
            }
            Row::Lane(place) => lanes.lanes.get(place).map(|lane| lane.name.clone()),
        }
        .unwrap_or_default()
    }
}

/// Every row, first to last.
pub(in crate::tui) fn rows(app: &App) -> Vec<Row> {
    let lanes = app.take().film.lanes();
    let clients = (0..lanes.clients.len()).map(Row::Clients);
    let others = lanes.lanes.iter().enumerate();
    let others = others.filter(|(_, lane)| app.unfolded || !lane.part);
    clients.chain(others.map(|(place, _)| Row::Lane(place))).collect()
}

/// The first row that is shown, how many are, and how many lines each takes.
fn sight(app: &App, height: u16, rows: usize) -> (usize, usize, usize) {
    let each = if app.beside.is_some() { 2 } else { 1 };
    let room = usize::from(height.saturating_sub(heads(app))) / each;
    (app.lane.saturating_sub(room.saturating_sub(1)).min(rows), room, each)
}

/// The row at a line of the screen.
pub(in crate::tui) fn row_at(app: &App, y: u16, inner: Rect) -> Option<usize> {
    let (first, _, each) = sight(app, inner.height, rows(app).len());
    let line = y.checked_sub(inner.y + heads(app))?;
    Some(first + usize::from(line) / each)
}

/// Columns that names take.
fn names_width(app: &App, area: Rect) -> u16 {
    let longest = rows(app).iter().map(|row| row.name(app).chars().count()).max().unwrap_or(0);
    u16::try_from(longest + 2).unwrap_or(u16::MAX).clamp(8, (area.width / 4).max(8))
}

/// Columns that time takes.
pub(super) fn columns(app: &App, area: Rect) -> u16 {
    area.width.saturating_sub(names_width(app, area)).max(1)
}

/// Draws the lanes.
pub(super) fn draw(app: &App, area: Rect, buffer: &mut Buffer) {
    let rows = rows(app);
    let names = names_width(app, area);
    let columns = area.width.saturating_sub(names);
    if columns < 4 || area.height <= heads(app) {
        return;
    }
    let track = Rect { x: area.x + names, width: columns, ..area };
    ruler(app, track, buffer);
    faults(app, area, track, buffer);
    orders(app, area, track, buffer);
    let (first, room, each) = sight(app, area.height, rows.len());
    for (place, row) in rows.iter().enumerate().skip(first).take(room) {
        let y = area.y + heads(app) + u16::try_from((place - first) * each).unwrap_or(0);
        let mut style = Style::new();
        if place == app.lane {
            style = match app.focus == Pane::Lanes {
                true => app.theme.selected(),
                false => style.add_modifier(Modifier::UNDERLINED),
            };
        }
        let part = matches!(row, Row::Lane(lane) if app.take().film.lanes().lanes[*lane].part);
        let name = format!("{}{}", if part { "  " } else { "" }, row.name(app));
        let name = fitted(&name, usize::from(names - 1), app.theme.unicode);
        buffer.set_stringn(area.x, y, name, usize::from(names - 1), style);
        one(app, app.take(), *row, Rect { y, height: 1, ..track }, buffer);
        if let Some(other) = app.other()
            && y + 1 < area.bottom()
        {
            let sign = app.theme.or("┆", ":");
            let lead = format!("{:>width$} ", sign, width = usize::from(names) - 2);
            buffer.set_stringn(area.x, y + 1, lead, usize::from(names), app.theme.dim());
            one(app, other, *row, Rect { y: y + 1, height: 1, ..track }, buffer);
        }
    }
    strikes(app, track, buffer);
    for (place, row) in rows.iter().enumerate().skip(first).take(room) {
        let y = area.y + heads(app) + u16::try_from((place - first) * each).unwrap_or(0);
        labels_of(app, app.take(), *row, Rect { y, height: 1, ..track }, buffer);
        if let Some(other) = app.other()
            && y + 1 < area.bottom()
        {
            labels_of(app, other, *row, Rect { y: y + 1, height: 1, ..track }, buffer);
        }
    }
    cursor(app, track, buffer);
    more_below(app, rows.len().saturating_sub(first + room), area, buffer);
}

/// Moments along the upper edge.
pub(super) fn ruler(app: &App, track: Rect, buffer: &mut Buffer) {
    let step = tick(app.window.length(), track.width);
    let nanos = step.as_nanos().max(1);
    let mut at = app.window.from.as_nanos().div_ceil(nanos) * nanos;
    while let Some(column) = app.window.column(Instant::from_nanos(at), track.width) {
        let text = format!("{}s", seconds(Instant::from_nanos(at), step));
        let width = u16::try_from(text.len()).unwrap_or(0);
        if column + width <= track.width {
            buffer.set_string(track.x + column, track.y, text, app.theme.dim());
        }
        let Some(next) = at.checked_add(nanos) else { break };
        at = next;
    }
    for (mark, at) in &app.marks {
        if let Some(column) = app.window.column(*at, track.width) {
            buffer.set_string(track.x + column, track.y, mark.to_string(), app.theme.accent());
        }
    }
}

/// A round step between two moments of the ruler, with room for its figures.
fn tick(length: Span, columns: u16) -> Span {
    const ROOM: u64 = 12;
    let least = length.as_nanos().saturating_mul(ROOM) / u64::from(columns.max(1));
    let mut unit: u64 = 1;
    loop {
        for many in [1, 2, 5] {
            let step = unit.saturating_mul(many);
            if step >= least {
                return Span::from_nanos(step.max(1));
            }
        }
        unit = unit.saturating_mul(10);
    }
}

/// Faults and their names, above the lanes.
fn faults(app: &App, area: Rect, track: Rect, buffer: &mut Buffer) {
    let y = track.y + 1;
    let theme = app.theme;
    buffer.set_stringn(area.x, y, "faults", usize::from(track.x - area.x), theme.dim());
    let film = &app.take().film;
    let names = film.names();
    let last = film.last_moment();
    let mut named: BTreeMap<u16, Vec<String>> = BTreeMap::new();
    for fault in &film.lanes().faults {
        let Some(planned) = film.scenario().faults.get(usize::from(fault.index)) else { continue };
        let to = fault.to.unwrap_or(last);
        if to < app.window.from || fault.from > app.window.to {
            continue;
        }
        let start = app.window.column(fault.from, track.width);
        let end = app.window.column(to, track.width).unwrap_or(track.width - 1);
        for column in start.unwrap_or(0)..=end {
            buffer.set_string(track.x + column, y, theme.or("━", "-"), theme.bad());
        }
        let (kind, target) = names.fault_name(&planned.fault);
        let sign = if start.is_some() { theme.or("▼", "v") } else { "<" };
        named.entry(start.unwrap_or(0)).or_default().push(format!("{sign}{kind} {target}"));
    }
    // What strikes in one column is named together, up to the next.
    let columns: Vec<u16> = named.keys().copied().chain([track.width]).collect();
    for ((column, texts), next) in named.iter().zip(columns.iter().skip(1)) {
        let text = match texts.len() {
            1 => texts.join(""),
            many => format!("{}{many} faults: {}", theme.or("▼", "v"), texts.join(" ")),
        };
        let room = usize::from(next.saturating_sub(*column));
        let text = fitted(&text, room, theme.unicode);
        buffer.set_stringn(track.x + column, y, text, room, theme.bad());
    }
}

/// Lines above the lanes: moments, faults, and orders if there are some.
pub(in crate::tui) fn heads(app: &App) -> u16 {
    let mut steps = app.take().film.scenario().steps.iter();
    if steps.any(|step| disturbs(step.action.as_ref())) { 3 } else { 2 }
}

/// Orders and their words, below the faults.
fn orders(app: &App, area: Rect, track: Rect, buffer: &mut Buffer) {
    if heads(app) < 3 {
        return;
    }
    let (theme, y) = (app.theme, track.y + 2);
    buffer.set_stringn(area.x, y, "orders", usize::from(track.x - area.x), theme.dim());
    let steps =
        app.take().film.scenario().steps.iter().filter(|step| disturbs(step.action.as_ref()));
    let places = steps.filter_map(|step| Some((app.window.column(step.at, track.width)?, step)));
    let mut places: Vec<_> = places.collect();
    places.sort_by_key(|(column, _)| *column);
    for (place, (column, step)) in places.iter().enumerate() {
        let until = places.get(place + 1).map_or(track.width, |(next, _)| *next);
        let room = usize::from(until.saturating_sub(*column)).max(1);
        let sign = theme.or("◆", "*");
        let text = fitted(&format!("{sign}{}", step.text), room, theme.unicode);
        let text = if room == 1 { sign.to_owned() } else { text };
        buffer.set_stringn(track.x + column, y, text, room, theme.accent());
    }
}

/// The strikes of faults, across the lanes of their run.
fn strikes(app: &App, track: Rect, buffer: &mut Buffer) {
    let theme = app.theme;
    let runs = [Some(app.take()), app.other()];
    let count = runs.iter().flatten().count();
    for (place, take) in runs.into_iter().flatten().enumerate() {
        for fault in &take.film.lanes().faults {
            for (at, sign) in [(Some(fault.from), "╎"), (fault.to, "┊")] {
                let Some(column) = at.and_then(|at| app.window.column(at, track.width)) else {
                    continue;
                };
                let lines = (track.y + heads(app)..track.bottom()).skip(place).step_by(count);
                for y in lines {
                    let cell = &mut buffer[(track.x + column, y)];
                    cell.set_symbol(if theme.unicode { sign } else { "|" });
                    cell.set_style(theme.bad());
                }
            }
        }
    }
}

/// The cursor, across all lanes.
fn cursor(app: &App, track: Rect, buffer: &mut Buffer) {
    if let Some(column) = app.window.column(app.at, track.width) {
        for y in track.y..track.bottom() {
            let cell = &mut buffer[(track.x + column, y)];
            cell.set_style(app.theme.selected());
        }
    }
}

/// One lane of one run. Two runs may be of different sites: lanes go by what they are called.
fn one(app: &App, take: &Take, row: Row, area: Rect, buffer: &mut Buffer) {
    let lanes = take.film.lanes();
    let shown = app.take().film.lanes();
    let last = take.film.last_moment();
    match row {
        Row::Clients(place) => {
            let kind = shown.clients[place].kind;
            if let Some(lane) = lanes.clients.iter().find(|lane| lane.kind == kind) {
                clients(app, lane, last, area, buffer);
            }
        }
        Row::Lane(place) => {
            let name = &shown.lanes[place].name;
            if let Some(lane) = lanes.lanes.iter().find(|lane| lane.name == *name) {
                conditions(app, lane, last, area, buffer);
            }
        }
    }
}

fn clients(app: &App, lane: &ClientLane, last: Instant, area: Rect, buffer: &mut Buffer) {
    let theme = app.theme;
    for column in 0..area.width {
        let (from, to) = cell(app, column, area.width);
        if from > last {
            break;
        }
        let counts = lane.worst(from, to);
        let (out, all) = (counts.out(), counts.all());
        let (sign, style) = match (out, all) {
            (_, 0) => (' ', Style::new()),
            (0, _) => (if theme.unicode { '─' } else { '-' }, theme.good()),
            (out, all) => {
                let eighths = (u64::from(out) * 8).div_ceil(u64::from(all));
                (theme.share_sign(u32::try_from(eighths).unwrap_or(8)), theme.bad())
            }
        };
        buffer[(area.x + column, area.y)].set_char(sign).set_style(style);
    }
}

fn cell(app: &App, column: u16, columns: u16) -> (Instant, Instant) {
    (app.window.moment(column, columns), app.window.moment(column + 1, columns))
}

/// How much a condition wants to be seen.
fn urgency(condition: Condition) -> u8 {
    match condition {
        Condition::Serving => 0,
        Condition::Ready => 1,
        Condition::Changing => 2,
        Condition::Impaired => 3,
        Condition::Off => 4,
        Condition::Failed => 5,
    }
}

fn conditions(app: &App, lane: &Lane, last: Instant, area: Rect, buffer: &mut Buffer) {
    let theme = app.theme;
    let mut at: usize = 0;
    for column in 0..area.width {
        let (from, to) = cell(app, column, area.width);
        if from > last {
            break;
        }
        while lane.stretches.get(at + 1).is_some_and(|next| next.from <= from) {
            at += 1;
        }
        let inside = lane.stretches[at.min(lane.stretches.len())..].iter();
        let inside = inside.take_while(|stretch| stretch.from < to || stretch.from <= from);
        let Some(worst) = inside.map(|stretch| stretch.condition).max_by_key(|c| urgency(*c))
        else {
            continue;
        };
        if lane.stretches[at].from >= to {
            continue;
        }
        let cell = &mut buffer[(area.x + column, area.y)];
        cell.set_char(theme.sign(worst)).set_style(theme.condition(worst));
    }
}

fn labels_of(app: &App, take: &Take, row: Row, area: Rect, buffer: &mut Buffer) {
    let Row::Lane(place) = row else { return };
    let name = &app.take().film.lanes().lanes[place].name;
    let lane = take.film.lanes().lanes.iter().find(|lane| lane.name == *name);
    if let Some(lane) = lane {
        labels(app, lane, take.film.last_moment(), area, buffer);
    }
}

/// What each stretch is called, where there is room for it.
fn labels(app: &App, lane: &Lane, last: Instant, area: Rect, buffer: &mut Buffer) {
    for (place, stretch) in lane.stretches.iter().enumerate() {
        let until = lane.stretches.get(place + 1).map_or(last, |next| next.from);
        if until <= app.window.from || stretch.from > app.window.to {
            continue;
        }
        let start = app.window.column(stretch.from.max(app.window.from), area.width);
        let end = app.window.column(until.min(app.window.to), area.width);
        let (Some(start), Some(end)) = (start, end) else { continue };
        let room = usize::from(end.saturating_sub(start)).saturating_sub(2);
        // A few letters of a label say nothing.
        const TELLING: usize = 10;
        if room < TELLING.min(stretch.label.chars().count()) {
            continue;
        }
        let text = fitted(&stretch.label, room, app.theme.unicode);
        let style = Style::new().add_modifier(Modifier::BOLD);
        buffer.set_stringn(area.x + start + 1, area.y, text, room, style);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_of_the_ruler_are_round_and_wide_enough() {
        assert_eq!(tick(Span::from_secs(60), 60), Span::from_secs(20));
        assert_eq!(tick(Span::from_secs(300), 100), Span::from_secs(50));
        assert_eq!(tick(Span::from_micros(100), 60), Span::from_micros(20));
        assert_eq!(tick(Span::ZERO, 60), Span::from_nanos(1));
        assert!(tick(Span::MAX, 1) > Span::ZERO);
    }
}
