//! How long the outage is against how often a hiccup is failed over: what no other point is
//! better than in both is the frontier.

use super::{Area, LINE, color, failed};
use crate::report::sweep::{Report, percent, percentile, seconds, told as spoken};
use plotters::prelude::*;

const CHART: u32 = 380;
/// Most numbers beside the frontier's points: more would hide each other.
const MOST_NUMBERS: usize = 20;
/// A point of the frontier, and any other.
const FRONTIER: usize = 1;
const OTHERS: usize = 0;

/// A point: its place, the share of hiccups that are failed over in per cent, and seconds.
type Dot = (usize, f64, f64);

/// Every point that has both.
fn dots(report: &Report) -> Vec<Dot> {
    let plan = &report.study.plan;
    let dot = |(place, point): (usize, &crate::lab::sweep::PointStudy)| {
        let found = point.cases.first()?.quantile(&plan.measure, plan.percentile)?;
        let share = point.false_failovers()?.share()?;
        Some((place, share * 100.0, seconds(found.value)?))
    };
    report.study.points.iter().enumerate().filter_map(dot).collect()
}

/// Those of the frontier, by their share.
fn frontier(report: &Report, dots: &[Dot]) -> Vec<Dot> {
    let places = report.study.frontier();
    let mut some: Vec<Dot> =
        dots.iter().filter(|(place, ..)| places.contains(place)).copied().collect();
    some.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
    some
}

pub(super) fn height(report: &Report) -> Option<u32> {
    (report.has_hiccups() && !dots(report).is_empty()).then_some(CHART + 2 * LINE)
}

pub(super) fn told(report: &Report) -> String {
    let all = frontier(report, &dots(report));
    let one = |(place, share, _): &Dot| {
        let point = &report.study.points[*place];
        let plan = &report.study.plan;
        let found = point.cases.first().and_then(|c| c.quantile(&plan.measure, plan.percentile));
        let value = found.map(|found| spoken(found.value)).unwrap_or_default();
        format!("point {place}, {}: {} and {value} s", point.label(), percent(share / 100.0))
    };
    let told: Vec<String> = all.iter().map(one).collect();
    format!("No point is better in both than these: {}.", told.join("; "))
}

pub(super) fn draw(report: &Report, area: &Area) -> Result<(), String> {
    let dots = dots(report);
    let best = frontier(report, &dots);
    let plan = &report.study.plan;
    let (upper, lower) = area.split_vertically(CHART);
    let widest = dots.iter().map(|dot| dot.1).fold(1.0, f64::max) * 1.08;
    let highest = dots.iter().map(|dot| dot.2).fold(1e-3, f64::max) * 1.12;
    let mut chart = ChartBuilder::on(&upper)
        .caption("Outage against false failovers", ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(64)
        .build_cartesian_2d(-widest * 0.02..widest, 0.0..highest)
        .map_err(failed)?;
    chart
        .configure_mesh()
        .max_light_lines(0)
        .x_desc("hiccups that are failed over, per cent")
        .y_desc(format!("{} of {}, seconds", percentile(plan.percentile), plan.measure))
        .draw()
        .map_err(failed)?;
    let line = best.iter().map(|(_, x, y)| (*x, *y));
    let line = LineSeries::new(line, color(FRONTIER).stroke_width(2));
    chart.draw_series(line).map_err(failed)?;
    let others = dots.iter().filter(|dot| !best.contains(dot));
    let others = others.map(|(_, x, y)| Circle::new((*x, *y), 4, color(OTHERS).filled()));
    chart.draw_series(others).map_err(failed)?;
    let squares =
        best.iter().map(|(_, x, y)| TriangleMarker::new((*x, *y), 7, color(FRONTIER).filled()));
    chart.draw_series(squares).map_err(failed)?;
    let numbers = best.iter().take(MOST_NUMBERS).map(|(place, x, y)| {
        let at = (x + widest * 0.01, y + highest * 0.04);
        Text::new(place.to_string(), at, ("sans-serif", 14))
    });
    chart.draw_series(numbers).map_err(failed)?;
    let words = "triangles: no other point is better in both; circles: the others";
    super::legend(&lower, 0, None, words)
}
