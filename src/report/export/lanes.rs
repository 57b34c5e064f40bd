//! The lanes of a stretch of time, with faults across them and the worst outage below.

use super::svg::{Anchor, DIM, FAULT, Font, GRID, INK, Paint, Rect, Svg, lighter};
use super::{MARGIN, Told, style, waterfall};
use crate::base::{Instant, Span};
use crate::view::film::Film;
use crate::view::headline::disturbs;
use crate::view::lanes::{ClientLane, Condition, Lane, Stretch};
use crate::view::{Subject, words};

/// Width of the names of lanes.
const NAMES: f64 = 172.0;
/// Height of a lane, and of a part's.
const LANE: f64 = 19.0;
const PART: f64 = 15.0;
/// Height of a lane of clients.
const CLIENTS: f64 = 42.0;
/// With more lanes than that, parts to which nothing happens are left out.
const MOST_LANES: usize = 24;
/// Rows of faults and orders.
const MOST_ROWS: usize = 4;

/// Where moments are on a picture.
#[derive(Clone, Copy)]
pub(super) struct Axis {
    pub from: Instant,
    pub until: Instant,
    pub left: f64,
    pub right: f64,
}

impl Axis {
    /// Where a moment is, at an end if it is outside.
    pub(super) fn x(&self, at: Instant) -> f64 {
        let at = at.clamp(self.from, self.until);
        let whole = self.until.saturating_since(self.from).as_nanos().max(1) as f64;
        let passed = at.saturating_since(self.from).as_nanos() as f64;
        self.left + (self.right - self.left) * passed / whole
    }

    /// The moment at a place.
    fn at(&self, x: f64) -> Instant {
        let share = ((x - self.left) / (self.right - self.left)).clamp(0.0, 1.0);
        let whole = self.until.saturating_since(self.from).as_nanos() as f64;
        self.from.saturating_add(Span::from_nanos((whole * share) as u64))
    }

    /// Round moments, at most a dozen.
    fn ticks(&self) -> Vec<Instant> {
        const SECOND: u64 = 1_000_000_000;
        let whole = self.until.saturating_since(self.from).as_nanos();
        let small = [SECOND / 1_000, SECOND / 100, SECOND / 10].into_iter();
        let small = small.flat_map(|unit| [1, 2, 5].map(|times| unit * times));
        let large = [SECOND, 60 * SECOND, 3_600 * SECOND, 86_400 * SECOND].into_iter();
        let large = large.flat_map(|unit| [1, 2, 5, 10, 20, 30].map(|times| unit * times));
        let step = small.chain(large).find(|step| whole / step <= 12).unwrap_or(whole.max(1));
        let first = self.from.as_nanos().div_ceil(step);
        let last = self.until.as_nanos() / step;
        (first..=last).map(|number| Instant::from_nanos(number * step)).collect()
    }
}

pub(super) fn draw(
    film: &Film,
    told: &Told<'_>,
    (from, until): (Instant, Instant),
    width: u32,
) -> String {
    let width = f64::from(width);
    let mut svg = Svg::new(width);
    style::define(&mut svg);
    let axis = Axis { from, until, left: MARGIN + NAMES, right: width - MARGIN };
    let mut y = super::title(&mut svg, film, told, None, MARGIN);
    y = faults(&mut svg, film, axis, y);
    let top = y;
    let (shown, left_out) = shown(film, axis);
    // What lies across the lanes is drawn first, so that it is behind them; its height is known.
    let lanes_height: f64 = shown.iter().map(|lane| height(lane)).sum();
    let bottom = top + film.lanes().clients.len() as f64 * (CLIENTS + 4.0) + lanes_height + 4.0;
    across(&mut svg, film, axis, top, bottom);
    for lane in &film.lanes().clients {
        clients(&mut svg, lane, axis, y);
        y += CLIENTS + 4.0;
    }
    y += 2.0;
    for lane in shown {
        one(&mut svg, lane, axis, y);
        y += height(lane);
    }
    y = bottom + time(&mut svg, axis, bottom);
    if left_out > 0 {
        let text =
            format!("{left_out} adapters and copies to which nothing happened are left out.");
        y += 12.0;
        svg.text(MARGIN, y, Font::new(11.0).color(DIM), &text);
        y += 4.0;
    }
    y += 6.0;
    y += waterfall::draw(&mut svg, film, told, axis, y);
    let has_clients = !film.lanes().clients.is_empty();
    y += style::legend(&mut svg, MARGIN, y, width - MARGIN, has_clients);
    svg.finish(y + MARGIN / 2.0, &super::name(film))
}

fn height(lane: &Lane) -> f64 {
    if lane.part { PART } else { LANE }
}

/// The lanes that are shown, and how many are left out.
fn shown(film: &Film, axis: Axis) -> (Vec<&Lane>, usize) {
    let all = &film.lanes().lanes;
    let quiet = |lane: &Lane| {
        let usual = lane.at(axis.from).is_some_and(|stretch| {
            matches!(stretch.condition, Condition::Serving | Condition::Ready)
        });
        let mut inside = lane.stretches.iter();
        usual && !inside.any(|stretch| stretch.from > axis.from && stretch.from <= axis.until)
    };
    let shown: Vec<&Lane> =
        all.iter().filter(|lane| all.len() <= MOST_LANES || !(lane.part && quiet(lane))).collect();
    let left_out = all.len() - shown.len();
    (shown, left_out)
}

/// Something that happens to the site, with its name.
struct Happening {
    from: Instant,
    to: Option<Instant>,
    text: String,
    fault: bool,
}

fn happenings(film: &Film, axis: Axis) -> Vec<Happening> {
    let (names, plan) = (film.names(), film.scenario());
    let mut all: Vec<Happening> = Vec::new();
    for span in &film.lanes().faults {
        let fault = plan.faults.get(usize::from(span.index)).map(|planned| planned.fault);
        let text = fault.map_or_else(
            || format!("fault {}", span.index),
            |fault| {
                let (kind, target) = names.fault_name(&fault);
                format!("{kind} on {target}")
            },
        );
        all.push(Happening { from: span.from, to: span.to, text, fault: true });
    }
    for step in plan.steps.iter().filter(|step| disturbs(step.action.as_ref())) {
        let text = format!("step {}: {}", step.label, step.text);
        all.push(Happening { from: step.at, to: Some(step.at), text, fault: false });
    }
    all.sort_by_key(|one| one.from);
    all.retain(|one| one.from <= axis.until && one.to.is_none_or(|to| to >= axis.from));
    all
}

/// Faults and orders above the lanes, in as many rows as they need; where they end.
fn faults(svg: &mut Svg, film: &Film, axis: Axis, top: f64) -> f64 {
    const ROW: f64 = 18.0;
    let all = happenings(film, axis);
    if all.is_empty() {
        return top;
    }
    let font = Font::new(11.0).bold();
    let mut ends: Vec<f64> = Vec::new();
    let mut left_out = 0;
    for one in &all {
        let (from, to) = (axis.x(one.from), axis.x(one.to.unwrap_or(axis.until)));
        let text = font.cut(&one.text, axis.right - axis.left - 20.0);
        let room = font.width(&text) + 18.0;
        // A text that would leave the picture at its right goes to the left of its moment.
        let left = from.min(axis.right - room).max(axis.left);
        let end = to.max(left + room);
        let row = match ends.iter().position(|end| *end <= left) {
            Some(row) => row,
            None if ends.len() < MOST_ROWS => {
                ends.push(0.0);
                ends.len() - 1
            }
            None => {
                left_out += 1;
                continue;
            }
        };
        ends[row] = end + 6.0;
        let y = top + row as f64 * ROW;
        if one.fault {
            let bar = Rect { x: from, y, width: to - from, height: ROW - 3.0 };
            svg.rect(bar, &Paint::fill(lighter(FAULT, 70)).stroke(FAULT, 1.0), &one.text);
            svg.warning(left + 2.0, y + 2.0, 11.0);
        } else {
            let (x, y) = (left + 7.0, y + 7.5);
            let diamond = [(x - 5.0, y), (x, y - 5.0), (x + 5.0, y), (x, y + 5.0)];
            svg.shape(&diamond, &Paint::fill(INK));
        }
        svg.text(left + 16.0, y + 11.5, font, &text);
    }
    let label = Font::new(12.0).bold().anchor(Anchor::End);
    svg.text(axis.left - 8.0, top + 11.5, label, "Faults and orders");
    if left_out > 0 {
        let text = format!("and {left_out} more");
        let dim = Font::new(11.0).color(DIM).anchor(Anchor::End);
        svg.text(axis.left - 8.0, top + 11.5 + ROW, dim, &text);
    }
    top + ends.len() as f64 * ROW + 6.0
}

/// Grid and faults behind the lanes.
fn across(svg: &mut Svg, film: &Film, axis: Axis, top: f64, bottom: f64) {
    for tick in axis.ticks() {
        let x = axis.x(tick);
        svg.line((x, top), (x, bottom), GRID, false);
    }
    for one in happenings(film, axis) {
        let color = if one.fault { FAULT } else { INK };
        for at in [Some(one.from), one.to].into_iter().flatten() {
            if (axis.from..=axis.until).contains(&at) {
                let x = axis.x(at);
                svg.line((x, top - 4.0), (x, bottom), color, true);
            }
        }
    }
}

/// The axis of time; its height.
fn time(svg: &mut Svg, axis: Axis, top: f64) -> f64 {
    svg.line((axis.left, top), (axis.right, top), DIM, false);
    let font = Font::new(11.0).color(DIM).anchor(Anchor::Middle);
    for tick in axis.ticks() {
        let x = axis.x(tick);
        svg.line((x, top), (x, top + 4.0), DIM, false);
        svg.text(x, top + 16.0, font, &seconds(tick));
    }
    let label = Font::new(11.0).color(DIM).anchor(Anchor::End);
    svg.text(axis.left - 8.0, top + 16.0, label, "seconds");
    24.0
}

/// A moment in seconds, with decimals only where it has some.
fn seconds(at: Instant) -> String {
    let text = at.to_string();
    let text = text.trim_end_matches(" s").trim_end_matches('0');
    text.strip_suffix('.').unwrap_or(text).to_owned()
}

/// The clients of a kind: how many of them could not work, as areas.
fn clients(svg: &mut Svg, lane: &ClientLane, axis: Axis, top: f64) {
    let all = lane.counts.iter().map(|(_, counts)| counts.all()).max().unwrap_or(0);
    let worst = lane.worst(axis.from, axis.until).out();
    let label = Font::new(12.0).bold().anchor(Anchor::End);
    let edge = axis.left - 8.0;
    svg.text(edge, top + 16.0, label, lane.kind.label());
    let dim = Font::new(11.0).color(DIM).anchor(Anchor::End);
    let many = match worst {
        0 => words::counted(all, "client"),
        worst => format!("{worst} of {all} not connected"),
    };
    svg.text(edge, top + 31.0, dim, &dim.cut(&many, NAMES - 10.0));
    let frame = Rect { x: axis.left, y: top, width: axis.right - axis.left, height: CLIENTS };
    svg.rect(frame, &Paint::none().stroke(GRID, 1.0), "");
    let columns = (axis.right - axis.left).floor() as usize;
    let counts: Vec<[f64; style::SHOWN.len()]> = (0..columns)
        .map(|column| {
            let x = axis.left + column as f64;
            let counts = lane.worst(axis.at(x), axis.at(x + 1.0));
            style::SHOWN.map(|standing| f64::from(counts.of(standing)))
        })
        .collect();
    // The highest column fills the lane, unless it is a few clients of many: what matters is
    // when, and the number stands beside it.
    let least = (f64::from(all) / 5.0).max(1.0);
    let most = counts.iter().map(|column| column.iter().sum::<f64>()).fold(least, f64::max);
    let mut below = vec![0.0; columns];
    for (place, standing) in style::SHOWN.into_iter().enumerate() {
        let above: Vec<f64> =
            below.iter().zip(&counts).map(|(below, counts)| below + counts[place]).collect();
        let y = |value: f64| top + CLIENTS - 1.0 - (CLIENTS - 4.0) * value / most;
        for (first, last) in runs(&below, &above) {
            let x = |column: usize| axis.left + column as f64;
            let mut points = Vec::new();
            let columns = first..last;
            for (column, value) in columns.clone().zip(&above[columns.clone()]) {
                corner(&mut points, x(column), x(column + 1), y(*value));
            }
            for (column, value) in columns.clone().zip(&below[columns]).rev() {
                corner(&mut points, x(column + 1), x(column), y(*value));
            }
            svg.shape(&points, &style::area(standing));
        }
        below = above;
    }
}

/// Continues an outline by a level from one place to another.
fn corner(points: &mut Vec<(f64, f64)>, from: f64, to: f64, y: f64) {
    // A level that goes on needs no corner.
    if let [.., before, last] = points.as_mut_slice()
        && last.1 == y
        && before.1 == y
    {
        last.0 = to;
        return;
    }
    points.extend([(from, y), (to, y)]);
}

/// Stretches of columns in which an area has a height.
fn runs(below: &[f64], above: &[f64]) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for column in (0..below.len()).filter(|column| above[*column] > below[*column]) {
        match runs.last_mut() {
            Some((_, end)) if *end == column => *end = column + 1,
            _ => runs.push((column, column + 1)),
        }
    }
    runs
}

/// A lane: its name and its stretches.
fn one(svg: &mut Svg, lane: &Lane, axis: Axis, top: f64) {
    let font = match lane.part {
        true => Font::new(11.0).color(DIM),
        false => Font::new(12.0).bold(),
    };
    let tall = height(lane) - 3.0;
    let name = match (lane.part, lane.subject) {
        (false, Subject::Name(_)) => format!("DNS {}", lane.name),
        (false, Subject::Database(_)) => format!("Database {}", lane.name),
        _ => lane.name.clone(),
    };
    let name = font.cut(&name, NAMES - 12.0);
    svg.text(axis.left - 8.0, top + tall - 3.5, font.anchor(Anchor::End), &name);
    let stretches = &lane.stretches;
    for (place, stretch) in stretches.iter().enumerate() {
        let to = stretches.get(place + 1).map_or(axis.until, |next| next.from);
        if to > axis.from && stretch.from < axis.until {
            stretched(svg, stretch, (axis.x(stretch.from), axis.x(to)), top, tall);
        }
    }
}

fn stretched(svg: &mut Svg, stretch: &Stretch, (left, right): (f64, f64), top: f64, tall: f64) {
    let width = right - left;
    let tip = format!("{} (from {})", stretch.label, stretch.from);
    let bar = Rect { x: left, y: top, width, height: tall };
    svg.rect(bar, &style::paint(stretch.condition), &tip);
    let font = Font::new(10.5);
    let y = top + tall - 3.5;
    if font.width(&stretch.label) + 6.0 <= width {
        svg.text(left + 4.0, y, font, &stretch.label);
    } else if width >= 11.0 {
        let anchored = font.anchor(Anchor::Middle);
        svg.text(left + width / 2.0, y, anchored, &style::letter(stretch.condition));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(from: u64, until: u64) -> Axis {
        let at = |millis: u64| Instant::from_nanos(millis * 1_000_000);
        Axis { from: at(from), until: at(until), left: 100.0, right: 500.0 }
    }

    #[test]
    fn moments_have_their_place_and_places_their_moment() {
        let axis = axis(60_000, 80_000);
        let at = |millis: u64| Instant::from_nanos(millis * 1_000_000);
        assert_eq!(axis.x(at(70_000)), 300.0);
        assert_eq!((axis.x(at(0)), axis.x(at(99_000))), (100.0, 500.0));
        assert_eq!(axis.at(300.0), at(70_000));
    }

    #[test]
    fn ticks_are_round_and_few() {
        for (from, until) in [(59_200, 76_300), (0, 300_000), (0, 86_400_000), (1_000, 1_003)] {
            let ticks = axis(from, until).ticks();
            assert!((2..=13).contains(&ticks.len()), "{from} {until}: {ticks:?}");
        }
        let ticks = axis(59_200, 76_300).ticks();
        assert_eq!(seconds(ticks[0]), "60");
        assert_eq!(seconds(Instant::from_nanos(66_500_000_000)), "66.5");
    }

    #[test]
    fn areas_are_runs_of_columns() {
        let below = [0.0, 0.0, 0.0, 0.0, 0.0];
        let above = [0.0, 1.0, 2.0, 0.0, 3.0];
        assert_eq!(runs(&below, &above), [(1, 3), (4, 5)]);
        let mut points = Vec::new();
        for column in 0..3 {
            corner(&mut points, f64::from(column), f64::from(column + 1), 7.0);
        }
        assert_eq!(points, [(0.0, 7.0), (3.0, 7.0)]);
    }
}
