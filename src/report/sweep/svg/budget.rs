//! The stages of the outage, stacked, in the runs that stand for each percentile.

use super::{Area, failed};
use crate::lab::sweep::{Budget, Row};
use crate::report::palette::COLORS;
use crate::report::sweep::{Report, percentile, seconds, told as spoken};
use plotters::prelude::*;

const CHART: u32 = 380;
/// How far a bar reaches to both sides of its place.
const HALF_BAR: f64 = 0.3;
/// Width of the chart; the rest has the stages' names.
const BARS: u32 = 680;

/// The place of the first point that has a budget, with it.
pub(in crate::report::sweep) fn budget(report: &Report) -> Option<(usize, Budget)> {
    let points = report.study.points.iter().enumerate();
    let mut all =
        points.filter_map(|(place, point)| Some((place, Budget::of(point.cases.first()?)?)));
    all.next()
}

pub(super) fn height(report: &Report) -> Option<u32> {
    budget(report).map(|_| CHART)
}

pub(super) fn told(report: &Report) -> String {
    let Some((place, budget)) = budget(report) else { return String::new() };
    let row = |row: &Row| format!("{}: {} s", percentile(row.thousandths), spoken(row.whole));
    let rows: Vec<String> = budget.rows.iter().map(row).collect();
    format!("The outage of point {place} by stages, at each percentile: {}.", rows.join(", "))
}

/// A stage, or the rest of them, with its seconds in each row.
struct Layer {
    name: String,
    seconds: Vec<f64>,
}

/// The stages in the order of time. If they are more than the colours, the shortest are one
/// layer, above the others.
fn layers(budget: &Budget) -> Vec<Layer> {
    let mut longest: Vec<usize> = (0..budget.stages.len()).collect();
    longest.sort_by_key(|place| std::cmp::Reverse(budget.stages[*place].sum));
    let own = if longest.len() > COLORS.len() { COLORS.len() - 1 } else { longest.len() };
    let (own, rest) = longest.split_at(own);
    let of = |row: &Row, place: usize| seconds(row.stages[place]).unwrap_or(0.0);
    let mut layers: Vec<Layer> = (0..budget.stages.len())
        .filter(|place| own.contains(place))
        .map(|place| Layer {
            name: budget.stages[place].name.clone(),
            seconds: budget.rows.iter().map(|row| of(row, place)).collect(),
        })
        .collect();
    if !rest.is_empty() {
        let sum = |row: &Row| rest.iter().map(|place| of(row, *place)).sum();
        let seconds = budget.rows.iter().map(sum).collect();
        layers.push(Layer { name: format!("{} shorter stages", rest.len()), seconds });
    }
    layers
}

/// What stands below a bar.
fn place_name(budget: &Budget, at: f64) -> String {
    let place = at.round();
    let row = budget.rows.get(place.max(0.0) as usize);
    let on = (at - place).abs() < 1e-6 && place >= 0.0;
    row.filter(|_| on).map(|row| percentile(row.thousandths)).unwrap_or_default()
}

pub(super) fn draw(report: &Report, area: &Area) -> Result<(), String> {
    let Some((place, budget)) = budget(report) else { return Ok(()) };
    let layers = layers(&budget);
    let (left, right) = area.split_horizontally(BARS);
    let count = budget.rows.len();
    let height = |row: usize| layers.iter().map(|layer| layer.seconds[row]).sum::<f64>();
    let most = (0..count).map(height).fold(0.0, f64::max).max(1e-3) * 1.1;
    let label = super::cut(&report.study.points[place].label(), BARS / 2, 20);
    let title = format!("Where the time of the outage goes, point {place}: {label}");
    let mut chart = ChartBuilder::on(&left)
        .caption(super::cut(&title, BARS, 20), ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(32)
        .y_label_area_size(64)
        .build_cartesian_2d(-0.5..count as f64 - 0.5, 0.0..most)
        .map_err(failed)?;
    let formatter = |at: &f64| place_name(&budget, *at);
    chart
        .configure_mesh()
        .disable_x_mesh()
        .max_light_lines(0)
        .x_labels(2 * count + 1)
        .x_label_formatter(&formatter)
        .y_desc("seconds")
        .draw()
        .map_err(failed)?;
    let mut base = vec![0.0; count];
    for (number, layer) in layers.iter().enumerate() {
        let style = COLORS[number % COLORS.len()].filled();
        let bars = layer.seconds.iter().zip(&mut base).enumerate().map(|(row, (of, base))| {
            let (x, low) = (row as f64, *base);
            *base += of;
            Rectangle::new([(x - HALF_BAR, low), (x + HALF_BAR, *base)], style)
        });
        chart.draw_series(bars).map_err(failed)?;
    }
    let labels = budget.rows.iter().enumerate().map(|(row, of)| {
        let at = (row as f64 - HALF_BAR, height(row) + most * 0.05);
        Text::new(format!("{} s", spoken(of.whole)), at, ("sans-serif", 14))
    });
    chart.draw_series(labels).map_err(failed)?;
    names(&layers, &right)
}

/// The names of the stages, the last on top as in the bars.
fn names(layers: &[Layer], area: &Area) -> Result<(), String> {
    for (row, (number, layer)) in layers.iter().enumerate().rev().enumerate() {
        let top = 48 + 24 * i32::try_from(row).unwrap_or(0);
        let style = COLORS[number % COLORS.len()].filled();
        area.draw(&Rectangle::new([(0, top), (14, top + 14)], style)).map_err(failed)?;
        let name = super::cut(&layer.name, super::WIDTH - BARS - 40, 16);
        area.draw(&Text::new(name, (22, top + 1), ("sans-serif", 16))).map_err(failed)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Span;
    use crate::lab::sweep::StageFigures;

    #[test]
    fn stages_keep_their_order_and_their_sum() {
        let stage = |number: u64| StageFigures {
            name: format!("stage {number}"),
            sum: u128::from(number),
            p50: Span::ZERO,
            p95: Span::ZERO,
        };
        let stages: Vec<StageFigures> = (0..14).map(stage).collect();
        let lengths: Vec<Span> = (0..14).map(Span::from_secs).collect();
        let whole: Span = lengths.iter().copied().sum();
        let rows = vec![Row { thousandths: 500, seed: 1, whole, stages: lengths }];
        let layers = layers(&Budget { stages, rows, without: 0 });
        let names: Vec<&str> = layers.iter().map(|layer| layer.name.as_str()).collect();
        assert_eq!((names[0], names[8], names[9]), ("stage 5", "stage 13", "5 shorter stages"));
        let sum: f64 = layers.iter().map(|layer| layer.seconds[0]).sum();
        assert!((sum - 91.0).abs() < 1e-9, "{sum}");
    }
}
