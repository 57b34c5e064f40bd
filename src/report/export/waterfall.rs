//! The outage budget of the worst outage: its stages, one below the other, at their moments.

use super::lanes::Axis;
use super::svg::{Anchor, DIM, Font, Paint, Rect, Svg, lighter};
use super::{MARGIN, Told};
use crate::base::{Instant, Span};
use crate::report::palette::COLORS;
use crate::view::film::Film;
use crate::view::outage::{Outage, Stage, Who, reason};
use crate::view::words::{moment, short};

/// Height of a stage.
const ROW: f64 = 17.0;
/// A stage below this share of the outage is told with its neighbours, in thousandths.
const SMALL: u64 = 10;
/// The most rows.
const MOST_ROWS: usize = 14;

/// A row: a stage, or several short ones after each other.
struct Row {
    name: String,
    from: Instant,
    span: Span,
    /// Why it ended.
    reason: String,
    small: u32,
}

/// Draws it below the lanes, on their axis; its height.
pub(super) fn draw(svg: &mut Svg, film: &Film, told: &Told<'_>, axis: Axis, top: f64) -> f64 {
    let Some(outage) = told.worst else { return 0.0 };
    let Some(span) = outage.span() else { return 0.0 };
    let rows = rows(film, outage);
    let who = match outage.who {
        Who::Client(kind, _) => kind.label().to_owned(),
        Who::Group(group) => film.names().group(group).to_owned(),
        Who::Database(database) => film.names().database(database).to_owned(),
    };
    let (from, to) = (moment(outage.from), moment(outage.from.saturating_add(span)));
    let spent = short(span);
    let head = format!("Where the {spent} went of the longest outage of {who}, {from} to {to} s");
    let axis = scale(axis, outage, span);
    let mut y = top + 14.0;
    svg.text(MARGIN, y, Font::new(12.5).bold(), &head);
    y += 8.0;
    let whole = span.as_nanos().max(1);
    for (place, row) in rows.iter().enumerate() {
        let color = COLORS[place % 6];
        let name = Font::new(11.5).anchor(Anchor::End);
        let room = axis.left - MARGIN - 8.0;
        svg.text(axis.left - 8.0, y + 11.5, name, &name.cut(&row.name, room));
        let (left, right) = (axis.x(row.from), axis.x(row.from.saturating_add(row.span)));
        let bar = Rect { x: left, y, width: (right - left).max(1.5), height: ROW - 3.0 };
        svg.rect(bar, &Paint::fill(lighter(color, 45)).stroke(color, 1.0), &row.reason);
        let percent = (u128::from(row.span.as_nanos()) * 100 / u128::from(whole)) as u64;
        let value = match percent {
            0 => short(row.span),
            percent => format!("{} ({percent} %)", short(row.span)),
        };
        told_beside(svg, axis, (left, right), y + 11.0, &value, &row.reason);
        y += ROW;
    }
    y + 10.0 - top
}

/// The lanes' axis, so that stages stand below what they are about; one of its own where they
/// would be too narrow to be seen.
fn scale(axis: Axis, outage: &Outage, span: Span) -> Axis {
    let whole = axis.until.saturating_since(axis.from);
    let until = outage.from.saturating_add(span);
    let inside = axis.from <= outage.from && until <= axis.until;
    if inside && span.as_nanos() >= whole.as_nanos() / 4 {
        return axis;
    }
    let until = until.saturating_add(span / 4);
    Axis { from: outage.from, until, ..axis }
}

/// The value and the reason of a row, on the side of its bar that has more room.
fn told_beside(
    svg: &mut Svg,
    axis: Axis,
    (left, right): (f64, f64),
    y: f64,
    value: &str,
    reason: &str,
) {
    let (bold, dim) = (Font::new(11.0).bold(), Font::new(10.5).color(DIM));
    let right_room = axis.right - right - 8.0;
    let left_room = left - axis.left - 8.0;
    let after_value = bold.width(value) + 12.0;
    if right_room >= left_room {
        svg.text(right + 5.0, y, bold, value);
        let room = right_room - after_value;
        if room > 60.0 {
            svg.text(right + 5.0 + after_value, y, dim, &dim.cut(reason, room));
        }
    } else {
        svg.text(left - 5.0, y, bold.anchor(Anchor::End), value);
        let room = left_room - after_value;
        if room > 60.0 {
            let text = dim.cut(reason, room);
            svg.text(left - 5.0 - after_value, y, dim.anchor(Anchor::End), &text);
        }
    }
}

/// Stages in order; short ones after each other share a row.
fn rows(film: &Film, outage: &Outage) -> Vec<Row> {
    let whole = outage.span().unwrap_or(Span::ZERO).as_nanos().max(1);
    let is_small = |stage: &Stage| {
        u128::from(stage.span.as_nanos()) * 1_000 / u128::from(whole) < SMALL.into()
    };
    let mut rows: Vec<Row> = Vec::new();
    let mut at = outage.from;
    for stage in &outage.stages {
        let small = u32::from(is_small(stage));
        match rows.last_mut() {
            Some(last) if small > 0 && last.small > 0 => {
                last.span += stage.span;
                last.small += 1;
                last.reason = format!("{}, {}", last.reason, stage.name);
                last.name = format!("{} short stages", last.small);
            }
            _ => {
                let why = reason(&film.names(), film.records(), stage.record);
                // Of short stages their names are told, of others what ended them.
                let reason = if small > 0 { stage.name.to_owned() } else { why };
                let name = stage.name.to_owned();
                rows.push(Row { name, from: at, span: stage.span, reason, small });
            }
        }
        at = at.saturating_add(stage.span);
    }
    if rows.len() > MOST_ROWS {
        let rest = rows.split_off(MOST_ROWS - 1);
        let from = rest[0].from;
        let span = rest.iter().map(|row| row.span).sum();
        let name = format!("{} more", rest.len());
        rows.push(Row { name, from, span, reason: String::new(), small: 0 });
    }
    rows
}
