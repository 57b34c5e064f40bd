//! The comparison as a picture: yearly outage by cause, stacked for each design, and below it the
//! paired differences from the first design with their intervals.

use super::{Report, all_clients, by_cause, difference, letter};
use crate::report::palette::COLORS;
use plotters::coord::Shift;
use plotters::prelude::*;
use std::io::{self, Write};

const WIDTH: u32 = 960;
const UPPER: u32 = 480;
const LOWER: u32 = 260;
/// Height of a design's line below the charts.
const LINE: u32 = 20;
/// How far a bar reaches to both sides of its design's place.
const HALF_BAR: f64 = 0.3;
/// Room for the legend beside the bars, as a share of theirs.
const LEGEND: f64 = 0.35;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), Box<dyn std::error::Error>>;

/// Writes the picture.
pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let several = report.designs.len() > 1;
    let charts = if several { UPPER + LOWER } else { UPPER };
    let names = LINE * (u32::try_from(report.designs.len()).unwrap_or(0) + 1);
    let height = charts + names;
    let mut svg = String::new();
    let area = SVGBackend::with_string(&mut svg, (WIDTH, height)).into_drawing_area();
    let drawn = draw(report, &area);
    drop(area);
    drawn.map_err(|error| io::Error::other(error.to_string()))?;
    out.write_all(svg.as_bytes())?;
    out.write_all(b"\n")
}

fn draw(report: &Report, area: &Area) -> Drawn {
    area.fill(&WHITE)?;
    let (upper, rest) = area.split_vertically(UPPER);
    bars(report, &upper)?;
    if report.designs.len() > 1 {
        let (lower, rest) = rest.split_vertically(LOWER);
        whiskers(report, &lower)?;
        names(report, &rest)?;
    } else {
        names(report, &rest)?;
    }
    area.present()?;
    Ok(())
}

/// A named part of every bar, in minutes for each design.
struct Layer {
    name: String,
    minutes: Vec<f64>,
}

/// The causes, those with most outage first; what has no colour of its own is the last.
fn layers(report: &Report) -> Vec<Layer> {
    let results = &report.comparison.results;
    let rates = report.question.rates.rates.iter().enumerate();
    let mut layers: Vec<Layer> = rates
        .map(|(number, rate)| Layer {
            name: rate.name.clone(),
            minutes: results.iter().map(|result| by_cause(result, number)).collect(),
        })
        .filter(|layer| layer.minutes.iter().any(|minutes| *minutes > 0.0))
        .collect();
    let sum = |layer: &Layer| layer.minutes.iter().sum::<f64>();
    layers.sort_by(|a, b| sum(b).total_cmp(&sum(a)));
    if layers.len() > COLORS.len() {
        let rest = layers.split_off(COLORS.len() - 1);
        let mut minutes = vec![0.0; results.len()];
        for layer in &rest {
            for (sum, more) in minutes.iter_mut().zip(&layer.minutes) {
                *sum += more;
            }
        }
        layers.push(Layer { name: format!("{} other causes", rest.len()), minutes });
    }
    layers
}

/// Which letter is which design.
fn names(report: &Report, area: &Area) -> Drawn {
    for (at, design) in report.designs.iter().enumerate() {
        let clients = all_clients(&report.comparison.results[at]);
        let years = report.comparison.results[at].years.len();
        let text = format!("{}: {} ({clients} clients, {years} years)", letter(at), design.label);
        let place = (76, i32::try_from(LINE).unwrap_or(0) * i32::try_from(at).unwrap_or(0));
        area.draw(&Text::new(text, place, ("sans-serif", 16)))?;
    }
    Ok(())
}

/// What stands below a design's place.
fn place_name(report: &Report, at: f64) -> String {
    let place = at.round();
    let design = place as usize;
    let on = (at - place).abs() < 1e-6 && place >= 0.0 && design < report.designs.len();
    if on { letter(design) } else { String::new() }
}

fn bars(report: &Report, area: &Area) -> Drawn {
    let layers = layers(report);
    let count = report.designs.len();
    let height = |design: usize| layers.iter().map(|layer| layer.minutes[design]).sum::<f64>();
    let most = (0..count).map(height).fold(0.0, f64::max).max(1e-3);
    let range = -0.5..count as f64 - 0.5 + LEGEND * count as f64;
    let title = "Minutes a year without service of one client, by cause";
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(32)
        .y_label_area_size(64)
        .build_cartesian_2d(range, 0.0..most * 1.1)?;
    let formatter = |at: &f64| place_name(report, *at);
    chart
        .configure_mesh()
        .disable_x_mesh()
        .max_light_lines(0)
        .x_labels(2 * count + 1)
        .x_label_formatter(&formatter)
        .y_desc("minutes")
        .draw()?;
    let mut base = vec![0.0; count];
    for (number, layer) in layers.iter().enumerate() {
        let color = COLORS[number % COLORS.len()];
        let rectangles = layer.minutes.iter().zip(&mut base).enumerate().map(|(at, (of, base))| {
            let (x, low) = (at as f64, *base);
            *base += of;
            Rectangle::new([(x - HALF_BAR, low), (x + HALF_BAR, *base)], color.filled())
        });
        chart
            .draw_series(rectangles)?
            .label(layer.name.clone())
            .legend(move |(x, y)| Rectangle::new([(x, y - 5), (x + 10, y + 5)], color.filled()));
    }
    let labels = (0..count).map(|at| {
        let place = (at as f64 - HALF_BAR, height(at) + most * 0.05);
        Text::new(format!("{:.2}", height(at)), place, ("sans-serif", 14))
    });
    chart.draw_series(labels)?;
    if !layers.is_empty() {
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperRight)
            .background_style(WHITE.mix(0.85))
            .border_style(BLACK.mix(0.4))
            .draw()?;
    }
    Ok(())
}

fn whiskers(report: &Report, area: &Area) -> Drawn {
    let count = report.designs.len();
    let found: Vec<_> = (1..count).map(|at| (at, difference(report.comparison, at).mean)).collect();
    let ends =
        |estimate: &super::Estimate| estimate.interval().unwrap_or((estimate.mean, estimate.mean));
    let low = found.iter().map(|(_, one)| ends(one).0).fold(0.0, f64::min);
    let high = found.iter().map(|(_, one)| ends(one).1).fold(0.0, f64::max);
    let room = ((high - low) * 0.1).max(1e-3);
    let range = -0.5..count as f64 - 0.5 + LEGEND * count as f64;
    let mut chart = ChartBuilder::on(area)
        .caption("Difference from A, paired by year, with its 95 % interval", ("sans-serif", 16))
        .margin(12)
        .x_label_area_size(32)
        .y_label_area_size(64)
        .build_cartesian_2d(range.clone(), low - room..high + room)?;
    let formatter = |at: &f64| place_name(report, *at);
    chart
        .configure_mesh()
        .disable_x_mesh()
        .max_light_lines(0)
        .x_labels(2 * count + 1)
        .x_label_formatter(&formatter)
        .y_desc("minutes")
        .draw()?;
    let zero = [(range.start, 0.0), (range.end, 0.0)];
    chart.draw_series([PathElement::new(zero, BLACK.mix(0.6))])?;
    for (at, estimate) in &found {
        let (x, (low, high)) = (*at as f64, ends(estimate));
        let lines = [
            [(x, low), (x, high)],
            [(x - 0.05, low), (x + 0.05, low)],
            [(x - 0.05, high), (x + 0.05, high)],
        ];
        let style = BLACK.stroke_width(2);
        chart.draw_series(lines.map(|line| PathElement::new(line, style)))?;
        chart.draw_series([Circle::new((x, estimate.mean), 5, COLORS[3].filled())])?;
    }
    Ok(())
}
