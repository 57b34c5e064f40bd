//! The outage budget as a waterfall: of each kind of client the worst outage, in stages.
//!
//! ```text
//! outlook 10.522 s, from 61.000 to 71.522 s
//!   detection            4.043 s ████████████
//!   regroup              0.600 s             ██
//! ```

use super::super::app::App;
use super::super::take::Take;
use super::{Pane, fitted, scrolled};
use crate::base::{Instant, Span};
use crate::view::outage::{Outage, reason};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span as Text};

/// A span in seconds with three digits.
pub(in crate::tui) fn in_seconds(span: Span) -> String {
    let millis = span.as_nanos() / 1_000_000;
    format!("{}.{:03}", millis / 1_000, millis % 1_000)
}

/// Draws the waterfalls.
pub(super) fn draw(app: &App, area: Rect, buffer: &mut Buffer) {
    let mut lines = Vec::new();
    of_take(app, app.take(), area.width, &mut lines);
    if let Some(other) = app.other() {
        lines.push(Line::styled(format!("Beside it: {}", other.label), app.theme.accent()));
        of_take(app, other, area.width, &mut lines);
    }
    scrolled(app, Pane::Budget, &lines, area, buffer);
}

fn of_take(app: &App, take: &Take, width: u16, lines: &mut Vec<Line<'_>>) {
    let worst = take.worst();
    if worst.is_empty() {
        let text = "Nobody was without service.";
        lines.push(Line::styled(text, app.theme.good()));
        return;
    }
    let longest = worst.iter().filter_map(|outage| outage.span()).max().unwrap_or(Span::ZERO);
    for outage in worst {
        one(app, take, outage, longest, width, lines);
    }
}

fn moment(at: Instant) -> String {
    in_seconds(at.since(Instant::ZERO))
}

fn one(
    app: &App,
    take: &Take,
    outage: &Outage,
    longest: Span,
    width: u16,
    lines: &mut Vec<Line<'_>>,
) {
    let theme = app.theme;
    let names = take.film.names();
    let who = outage.who.word(&names);
    let now = app.at >= outage.from && outage.to.is_none_or(|to| app.at < to);
    let style = if now { theme.bad() } else { theme.heading() };
    let Some(span) = outage.span() else {
        let text = format!("{who} out since {} s, not back yet", moment(outage.from));
        lines.push(Line::styled(text, theme.bad()));
        return;
    };
    let to = outage.from.saturating_add(span);
    let head =
        format!("{who} {} s, from {} to {} s", in_seconds(span), moment(outage.from), moment(to));
    lines.push(Line::styled(head, style));
    let bars = usize::from(width.saturating_sub(34)).clamp(6, 60);
    let scale = u128::from(longest.as_nanos().max(1));
    let place = |nanos: u64| {
        usize::try_from(u128::from(nanos) * bars as u128 / scale).unwrap_or(bars).min(bars)
    };
    let mut before = 0;
    for (number, stage) in outage.stages.iter().enumerate() {
        let end = before + stage.span.as_nanos();
        let left = place(before).min(bars.saturating_sub(1));
        let right = place(end).max(left + 1);
        let started = outage.from.saturating_add(Span::from_nanos(before));
        let here = app.at >= started && app.at < outage.from.saturating_add(Span::from_nanos(end));
        let lead = if here { theme.or("▸", ">") } else { " " };
        let name = fitted(stage.name, 19, theme.unicode);
        let mut spans = vec![
            Text::styled(
                format!("{lead} {name:<19}"),
                if here { theme.bad() } else { Style::new() },
            ),
            Text::raw(format!("{:>8} s ", in_seconds(stage.span))),
            Text::raw(" ".repeat(left)),
            Text::styled(theme.or("█", "#").repeat(right - left), theme.stage(number)),
        ];
        let used = 32 + right;
        let room = usize::from(width).saturating_sub(used + 1);
        if room > 12 {
            let why = reason(&names, take.film.records(), stage.record);
            spans
                .push(Text::styled(format!(" {}", fitted(&why, room, theme.unicode)), theme.dim()));
        }
        lines.push(Line::from(spans));
        before = end;
    }
}
