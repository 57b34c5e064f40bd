//! The probability of an outcome as a curve, over values or moments.

use super::{Finding, Question};
use crate::base::Instant;
use crate::lab::statistics::Proportion;
use crate::model::vary::Scale;
use crate::report::palette::COLORS;
use plotters::prelude::*;

/// Width and height of the picture.
const SIZE: (u32, u32) = (960, 420);
/// Most values of a margin that are drawn.
const MOST: usize = 400;

/// Draws the picture.
///
/// # Errors
/// If there is nothing to draw.
pub(super) fn draw(question: &Question) -> Result<String, String> {
    match question.finding {
        Finding::Flip(found, outcome) => {
            let (unit, of): (&str, f64) = match &found.range.scale {
                Scale::Span => (" (s)", 1e9),
                Scale::Decimal { digits, .. } => ("", 10_f64.powi(*digits as i32)),
            };
            let points: Vec<(f64, Proportion)> =
                found.curve(MOST).into_iter().map(|(value, at)| (value as f64 / of, at)).collect();
            let name = format!("{}{unit}", question.plan.axes[0].key);
            curve(&format!("Probability of {} by {name}", outcome.told()), &name, &points, true)
        }
        Finding::Fork(found, outcome) => {
            let second = |at: &Instant| at.as_nanos() as f64 / 1e9;
            let points: Vec<(f64, Proportion)> =
                found.iter().map(|(at, of)| (second(at), *of)).collect();
            let caption = format!("Probability of {} with draws made anew", outcome.told());
            curve(&caption, "moment (s)", &points, false)
        }
        Finding::Sensitivity(_) | Finding::Tune(..) => Err(
            "--format svg: --flip and --fork have a picture; --sensitivity and --goal have text, \
             json and csv"
                .to_owned(),
        ),
    }
}

/// A curve with the band of its intervals; in steps where nothing happens between the values.
fn curve(
    caption: &str,
    name: &str,
    points: &[(f64, Proportion)],
    steps: bool,
) -> Result<String, String> {
    let known: Vec<(f64, f64, (f64, f64))> = points
        .iter()
        .filter_map(|(at, found)| Some((*at, found.share()?, found.interval())))
        .collect();
    let (Some(first), Some(last)) = (known.first(), known.last()) else {
        return Err("there is no run to draw".to_owned());
    };
    let room = ((last.0 - first.0) / 20.0).max(1e-6);
    let (low, high) = (first.0 - if steps { room } else { 0.0 }, last.0 + room);
    let mut line: Vec<(f64, f64)> = Vec::new();
    let mut band: Vec<(f64, (f64, f64))> = Vec::new();
    for (at, share, ends) in &known {
        if let (true, Some((_, before)), Some((_, ends_before))) =
            (steps, line.last().copied(), band.last().copied())
        {
            line.push((*at, before));
            band.push((*at, ends_before));
        }
        line.push((*at, *share));
        band.push((*at, *ends));
    }
    let mut text = String::new();
    let failed = |error: &dyn std::fmt::Display| error.to_string();
    {
        let root = SVGBackend::with_string(&mut text, SIZE).into_drawing_area();
        root.fill(&WHITE).map_err(|error| failed(&error))?;
        let mut chart = ChartBuilder::on(&root)
            .caption(caption, ("sans-serif", 18))
            .margin(15)
            .x_label_area_size(45)
            .y_label_area_size(60)
            .build_cartesian_2d(low..high, 0.0..1.0)
            .map_err(|error| failed(&error))?;
        chart
            .configure_mesh()
            .x_desc(name)
            .y_desc("probability")
            .y_label_formatter(&|share| format!("{:.0} %", share * 100.0))
            .draw()
            .map_err(|error| failed(&error))?;
        let color = COLORS[0];
        let above = band.iter().map(|(at, ends)| (*at, ends.1));
        let below = band.iter().rev().map(|(at, ends)| (*at, ends.0));
        let area = Polygon::new(above.chain(below).collect::<Vec<_>>(), color.mix(0.2).filled());
        chart.draw_series([area]).map_err(|error| failed(&error))?;
        chart
            .draw_series(LineSeries::new(line, color.stroke_width(2)))
            .map_err(|error| failed(&error))?;
        root.present().map_err(|error| failed(&error))?;
    }
    Ok(text)
}
