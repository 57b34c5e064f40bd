//! Pictures of a sweep: curves of percentiles, the stages of the outage at each percentile, and
//! outage against false failovers.

pub(super) mod budget;
mod curves;
mod frontier;

use super::{Report, line};
use crate::report::palette::COLORS;
use plotters::coord::Shift;
use plotters::prelude::*;

/// Width of every panel.
const WIDTH: u32 = 960;
/// Height of a line below a chart.
const LINE: u32 = 20;
/// Most points that have a curve and a colour of their own.
pub(super) const MOST_CURVES: usize = 8;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// A part of the picture.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Panel {
    /// Percentiles of the plan's measure, a curve for each point.
    Curves,
    /// The stages of the outage at each percentile.
    Budget,
    /// Outage against false failovers.
    Frontier,
}

impl Panel {
    /// Every panel, in its order.
    pub const ALL: [Panel; 3] = [Panel::Curves, Panel::Budget, Panel::Frontier];

    /// What it is called.
    pub fn title(self, report: &Report) -> String {
        match self {
            Panel::Curves => format!("Percentiles of {}", report.study.plan.measure),
            Panel::Budget => "Where the time of the outage goes".to_owned(),
            Panel::Frontier => "Outage against false failovers".to_owned(),
        }
    }

    /// What it shows, for those who have it read to them.
    pub fn told(self, report: &Report) -> String {
        match self {
            Panel::Curves => curves::told(report),
            Panel::Budget => budget::told(report),
            Panel::Frontier => frontier::told(report),
        }
    }

    /// Its height in pixels; none if there is nothing to show.
    fn height(self, report: &Report) -> Option<u32> {
        match self {
            Panel::Curves => curves::height(report),
            Panel::Budget => budget::height(report),
            Panel::Frontier => frontier::height(report),
        }
    }

    fn draw(self, report: &Report, area: &Area) -> Result<(), String> {
        match self {
            Panel::Curves => curves::draw(report, area),
            Panel::Budget => budget::draw(report, area),
            Panel::Frontier => frontier::draw(report, area),
        }
    }
}

/// All panels below each other.
///
/// # Errors
/// If a chart cannot be drawn.
pub fn document(report: &Report) -> Result<String, String> {
    let there: Vec<Panel> =
        Panel::ALL.into_iter().filter(|panel| panel.height(report).is_some()).collect();
    let told: Vec<String> = there.iter().map(|panel| panel.told(report)).collect();
    let drawn = picture(report, &there, &line(report.title))?;
    Ok(described(&drawn, "sweep", &line(report.title), &told.join(" ")))
}

/// One panel as a document of its own; none if there is nothing to show.
///
/// # Errors
/// If a chart cannot be drawn.
pub fn panel(report: &Report, panel: Panel, id: &str) -> Result<Option<String>, String> {
    if panel.height(report).is_none() {
        return Ok(None);
    }
    let drawn = picture(report, &[panel], "")?;
    Ok(Some(described(&drawn, id, &panel.title(report), &panel.told(report))))
}

/// Draws panels below each other, under a title if there is one.
fn picture(report: &Report, panels: &[Panel], title: &str) -> Result<String, String> {
    let heights: Vec<u32> = panels.iter().filter_map(|panel| panel.height(report)).collect();
    let head = if title.is_empty() { 0 } else { 2 * LINE };
    let size = (WIDTH, head + heights.iter().sum::<u32>().max(LINE));
    let mut svg = String::new();
    let root = SVGBackend::with_string(&mut svg, size).into_drawing_area();
    root.fill(&WHITE).map_err(failed)?;
    let (top, mut rest) = root.split_vertically(head);
    if !title.is_empty() {
        top.draw(&Text::new(title.to_owned(), (16, 12), ("sans-serif", 22))).map_err(failed)?;
    }
    for (panel, height) in panels.iter().zip(heights) {
        let (area, below) = rest.split_vertically(height);
        panel.draw(report, &area)?;
        rest = below;
    }
    root.present().map_err(failed)?;
    drop((root, top, rest));
    Ok(svg)
}

fn failed(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// A picture with its title and description for those who have it read to them; `id` is its own
/// in the page that it stands in.
pub(super) fn described(svg: &str, id: &str, title: &str, told: &str) -> String {
    let Some((open, rest)) = svg.split_once('>') else { return svg.to_owned() };
    // A title that it has already would be read twice.
    let rest =
        match rest.trim_start().strip_prefix("<title>").and_then(|r| r.split_once("</title>")) {
            Some((_, rest)) => rest,
            None => rest,
        };
    format!(
        "{open} role=\"img\" aria-labelledby=\"{id}-title {id}-told\">\n\
         <title id=\"{id}-title\">{}</title>\n<desc id=\"{id}-told\">{}</desc>{rest}",
        escaped(title),
        escaped(told)
    )
}

/// A text as XML and HTML take it.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            control if control.is_control() => out.push(' '),
            other => out.push(other),
        }
    }
    out
}

/// The colour of a point's curve; none for those that have no curve.
pub(super) fn color(curve: usize) -> RGBColor {
    COLORS[curve % COLORS.len()]
}

/// The places of the points that have a curve: those that have runs, the first of them.
pub(super) fn curves(report: &Report) -> Vec<usize> {
    let points = report.study.points.iter().enumerate();
    let measure = &report.study.plan.measure;
    let there = points.filter(|(_, point)| {
        point.cases.first().is_some_and(|case| !case.durations(measure).is_empty())
    });
    there.map(|(place, _)| place).take(MOST_CURVES).collect()
}

/// A text that is cut where it would be wider than some pixels.
fn cut(text: &str, width: u32, size: u32) -> String {
    // More than the mean of usual fonts, so that what fits by it fits.
    let most = (f64::from(width) / (f64::from(size) / 1.24 * 0.56)) as usize;
    if text.chars().count() <= most {
        return line(text);
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    line(&format!("{}…", kept.trim_end()))
}

/// A line of text below a chart, with a square of its colour.
fn legend(area: &Area, row: usize, color: Option<RGBColor>, text: &str) -> Result<(), String> {
    let top = i32::try_from(LINE).unwrap_or(0) * i32::try_from(row).unwrap_or(0);
    if let Some(color) = color {
        let square = Rectangle::new([(64, top + 3), (76, top + 15)], color.filled());
        area.draw(&square).map_err(failed)?;
    }
    let text = Text::new(cut(text, WIDTH - 100, 16), (84, top + 2), ("sans-serif", 16));
    area.draw(&text).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_described_once() {
        let svg = "<svg width=\"1\">\n<title>old</title>\n<g/></svg>";
        let told = described(svg, "a", "new & old", "b");
        assert!(
            told.starts_with("<svg width=\"1\" role=\"img\" aria-labelledby=\"a-title a-told\">")
        );
        assert!(told.contains(">new &amp; old</title>") && !told.contains(">old<"), "{told}");
        assert!(told.ends_with("<desc id=\"a-told\">b</desc>\n<g/></svg>"), "{told}");
    }

    #[test]
    fn long_labels_are_cut() {
        assert_eq!(cut("short", 100, 16), "short");
        assert!(cut(&"long".repeat(100), 100, 16).chars().count() < 20);
    }
}
