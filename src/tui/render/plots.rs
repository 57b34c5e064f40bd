//! Latencies and queues over the stretch of time that the lanes show.
//!
//! ```text
//! latency Outlook p99   1200 ms ▁▁▁▁▁▂▇█▇▃▁▁▁▁▁
//! queue VIP\EX02 copy      14   ▁▁▁▁▃▅▇█▁▁▁▁▁▁▁
//! ```
//!
//! A column shows the largest value of its stretch; every row has its own scale, with its largest
//! value and the value at the cursor written beside it.

use super::super::app::App;
use super::{Pane, fitted, more_below, put};
use crate::base::Instant;
use crate::view::plots::{Series, Unit};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

/// Columns of a row before its curve.
const LEAD: u16 = 56;
/// Columns of the figures of a row, and of a narrow one, which has the largest value only.
const FIGURES: (u16, u16) = (26, 12);
/// The width below which a pane is narrow.
const NARROW: u16 = 80;

/// Columns of the figures in a pane.
fn figures(width: u16) -> u16 {
    if width < NARROW { FIGURES.1 } else { FIGURES.0 }
}

/// Draws the plots.
pub(super) fn draw(app: &App, area: Rect, buffer: &mut Buffer) {
    let series = app.take().series();
    let beside = app.other().map(|other| other.series()).unwrap_or_default();
    if series.is_empty() {
        let text = "nothing to plot yet";
        put(app.theme, buffer, (area.x, area.y), area.width, &Line::styled(text, app.theme.dim()));
        return;
    }
    let mut rows: Vec<(&Series, bool)> = Vec::new();
    for one in series {
        rows.push((one, false));
        rows.extend(beside.iter().filter(|other| other.of == one.of).map(|one| (one, true)));
    }
    let most = (rows.len() + 1).saturating_sub(usize::from(area.height));
    let scrolled = app.scrolled.get(&Pane::Plots).copied().unwrap_or(0).min(most);
    more_below(app, most - scrolled, area, buffer);
    let lead = lead(area.width);
    let name_width = usize::from(lead.saturating_sub(figures(area.width)));
    let head = match area.width < NARROW {
        true => format!("{:<name_width$} {:>7}", "", "most"),
        false => format!("{:<name_width$} {:>7} {:>7}", "", "now", "most"),
    };
    put(app.theme, buffer, (area.x, area.y), area.width, &Line::styled(head, app.theme.dim()));
    super::lanes::ruler(app, Rect { x: area.x + lead, width: area.width - lead, ..area }, buffer);
    for ((one, other), y) in rows.iter().skip(scrolled).zip(area.y + 1..area.bottom()) {
        row(app, one, *other, Rect { y, height: 1, ..area }, buffer);
    }
}

/// Columns before the curves of a pane.
fn lead(width: u16) -> u16 {
    LEAD.min(width * 3 / 5).max(figures(width)).min(width)
}

fn row(app: &App, series: &Series, beside: bool, area: Rect, buffer: &mut Buffer) {
    let theme = app.theme;
    let lead = lead(area.width);
    let name_width = usize::from(lead.saturating_sub(figures(area.width)));
    let track = Rect { x: area.x + lead, width: area.width - lead, ..area };
    let columns: Vec<u64> = (0..track.width)
        .map(|column| {
            let from = app.window.moment(column, track.width);
            let to = app.window.moment(column + 1, track.width);
            largest(series, from, to)
        })
        .collect();
    let most = columns.iter().copied().max().unwrap_or(0);
    let now = largest(series, app.at, app.at);
    let name = match beside {
        true => format!("  {} {}", theme.or("┆", ":"), "beside"),
        false => series.name.clone(),
    };
    let name = fitted(&name, name_width, theme.unicode);
    let (unit, now, most_shown) = match series.unit {
        Unit::Time => ("ms", now / 1_000_000, most / 1_000_000),
        other => (other.word(), now, most),
    };
    let text = match area.width < NARROW {
        true => format!("{name:<name_width$} {most_shown:>7} {unit}"),
        false => format!("{name:<name_width$} {now:>7} {most_shown:>7} {unit}"),
    };
    buffer.set_stringn(
        area.x,
        area.y,
        fitted(&text, usize::from(lead), theme.unicode),
        usize::from(lead),
        theme.dim(),
    );
    for (value, x) in columns.iter().zip(track.x..track.right()) {
        if *value > 0 {
            let eighths = (u128::from(*value) * 8).div_ceil(u128::from(most.max(1)));
            let sign = theme.share_sign(u32::try_from(eighths).unwrap_or(8));
            let style = if beside { theme.stage(1) } else { theme.stage(2) };
            buffer[(x, area.y)].set_char(sign).set_style(style);
        }
    }
    if let Some(column) = app.window.column(app.at, track.width)
        && column < track.width
    {
        buffer[(track.x + column, area.y)].set_style(theme.selected());
    }
}

/// The largest value of a stretch of time: what it begins with, and what comes within it.
fn largest(series: &Series, from: Instant, to: Instant) -> u64 {
    let first = series.points.partition_point(|(at, _)| *at <= from);
    let last = series.points.partition_point(|(at, _)| *at < to).max(first);
    let before = first.checked_sub(1).map(|place| series.points[place].1);
    let inside = series.points[first..last].iter().map(|(_, value)| *value);
    inside.chain(before).max().unwrap_or(0)
}
