//! Percentiles on the scale of HdrHistogram's plots: every nine more has the same room.

use super::{Area, LINE, color, curves, failed, legend};
use crate::base::Span;
use crate::lab::statistics::Ranks;
use crate::lab::sweep::NEVER;
use crate::report::sweep::{Report, percentile, seconds, told as spoken};
use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, ValueFormatter};
use plotters::prelude::*;
use std::ops::Range;

const CHART: u32 = 420;
/// Steps of a curve along its axis.
const STEPS: u32 = 480;
/// Percentiles with a mark, where the axis reaches them.
const MARKS: [f64; 9] = [0.0, 50.0, 75.0, 90.0, 95.0, 99.0, 99.9, 99.99, 99.999];

/// Where a share stands on the axis: the number of its nines.
fn nines(share: f64) -> f64 {
    -(1.0 - share).log10()
}

/// The axis of percentiles, from none to so many nines.
struct Nines(f64);

impl Ranged for Nines {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (from, to): (i32, i32)) -> i32 {
        from + (f64::from(to - from) * value / self.0).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        let marks = MARKS.iter().map(|mark| nines(mark / 100.0));
        marks.filter(|mark| *mark <= self.0).collect()
    }

    fn range(&self) -> Range<f64> {
        0.0..self.0
    }
}

impl ValueFormatter<f64> for Nines {
    fn format_ext(&self, value: &f64) -> String {
        let share = format!("{:.3}", (1.0 - 10_f64.powf(-value)) * 100.0);
        format!("{} %", share.trim_end_matches('0').trim_end_matches('.'))
    }
}

/// The values of a point, sorted.
fn sorted(report: &Report, place: usize) -> Vec<Span> {
    let case = report.study.points[place].cases.first();
    case.map(|case| case.sorted(&report.study.plan.measure)).unwrap_or_default()
}

pub(super) fn height(report: &Report) -> Option<u32> {
    let places = curves(report);
    let lines = places.len() as u32 + 1;
    (!places.is_empty()).then_some(CHART + LINE * lines + LINE / 2)
}

/// What the lines below the chart say beside the curves.
fn note(report: &Report, curves: usize) -> String {
    let all = report.study.points.len();
    let rest = match all - curves {
        0 => String::new(),
        1 => "; one more point has no curve here".to_owned(),
        more => format!("; {more} more points have no curve here"),
    };
    format!("the band is the 95 % interval of the first curve's percentiles{rest}")
}

pub(super) fn told(report: &Report) -> String {
    let plan = &report.study.plan;
    let curves = curves(report);
    let one = |place: &usize| {
        let point = &report.study.points[*place];
        let found = point.cases.first()?.quantile(&plan.measure, plan.percentile)?;
        Some(format!("point {place}, {}: {} s", point.label(), spoken(found.value)))
    };
    let values: Vec<String> = curves.iter().filter_map(one).collect();
    format!("{} of {}: {}.", percentile(plan.percentile), plan.measure, values.join("; "))
}

/// A curve: at every step of the axis the value of the rank that stands there, up to the first
/// run that was not back.
fn steps(sorted: &[Span], most: f64) -> Vec<(f64, f64)> {
    let count = sorted.len();
    let mut points: Vec<(f64, f64)> = Vec::new();
    for step in 0..=STEPS {
        let x = most * f64::from(step) / f64::from(STEPS);
        let share = 1.0 - 10_f64.powf(-x);
        let rank = ((share * count as f64).ceil() as usize).clamp(1, count);
        let Some(value) = seconds(sorted[rank - 1]) else { break };
        // A step goes straight up.
        if let Some((_, last)) = points.last()
            && *last != value
        {
            points.push((x, *last));
        }
        points.push((x, value));
    }
    points
}

/// The interval around a curve, as the corners of an area: the lower ends to the right, the upper
/// ones back. It ends where too few runs leave one of them open.
fn band(sorted: &[Span], most: f64) -> Vec<(f64, f64)> {
    let (mut lower, mut upper) = (Vec::new(), Vec::new());
    for thousandths in 1..1_000_u32 {
        let x = nines(f64::from(thousandths) / 1_000.0);
        let Some(ranks) = Ranks::of(sorted.len() as u64, thousandths) else { break };
        let at = |rank: u64| seconds(sorted[rank as usize - 1]);
        match (ranks.low.and_then(at), ranks.high.and_then(at)) {
            (Some(low), Some(high)) if x <= most => {
                lower.push((x, low));
                upper.push((x, high));
            }
            // Below, the interval has not begun; above, it has ended.
            _ if lower.is_empty() => {}
            _ => break,
        }
    }
    upper.reverse();
    lower.extend(upper);
    lower
}

pub(super) fn draw(report: &Report, area: &Area) -> Result<(), String> {
    let places = curves(report);
    let values: Vec<Vec<Span>> = places.iter().map(|place| sorted(report, *place)).collect();
    let runs = values.iter().map(Vec::len).max().unwrap_or(1);
    let most_nines = nines(1.0 - 0.5 / runs.max(1) as f64);
    let finite = values.iter().flatten().filter_map(|span| seconds(*span));
    let most = finite.fold(0.0, f64::max).max(1e-3) * 1.08;
    let (upper, lower) = area.split_vertically(CHART);
    let title = format!("Percentiles of {}, as planned", report.study.plan.measure);
    let mut chart = ChartBuilder::on(&upper)
        .caption(title, ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(64)
        .build_cartesian_2d(Nines(most_nines), 0.0..most)
        .map_err(failed)?;
    chart
        .configure_mesh()
        .max_light_lines(0)
        .x_labels(MARKS.len())
        .x_desc("percentile, on a scale of 1/(1-percentile)")
        .y_desc("seconds")
        .draw()
        .map_err(failed)?;
    if let Some(corners) = values.first().map(|first| band(first, most_nines))
        && !corners.is_empty()
    {
        let shape = Polygon::new(corners, color(0).mix(0.18).filled());
        chart.draw_series([shape]).map_err(failed)?;
    }
    for (curve, (place, sorted)) in places.iter().zip(&values).enumerate() {
        let line = LineSeries::new(steps(sorted, most_nines), color(curve).stroke_width(2));
        chart.draw_series(line).map_err(failed)?;
        let endless = sorted.iter().filter(|span| **span == NEVER).count();
        let mut text = format!("{place}: {}", report.study.points[*place].label());
        if endless > 0 {
            text += &format!(" ({endless} of {} runs not back)", sorted.len());
        }
        legend(&lower, curve, Some(color(curve)), &text)?;
    }
    legend(&lower, places.len(), None, &note(report, places.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(seconds: std::ops::RangeInclusive<u64>) -> Vec<Span> {
        seconds.map(Span::from_secs).collect()
    }

    #[test]
    fn every_nine_has_the_same_room() {
        for (share, place) in [(0.0, 0.0), (0.9, 1.0), (0.99, 2.0), (0.999, 3.0)] {
            assert!((nines(share) - place).abs() < 1e-9, "{share}");
        }
        let mark = |share| Nines(4.0).format_ext(&nines(share));
        assert_eq!([mark(0.0), mark(0.9), mark(0.995)], ["0 %", "90 %", "99.5 %"]);
        assert_eq!(Nines(2.0).map(&1.0, (100, 300)), 200);
    }

    #[test]
    fn a_curve_goes_through_the_ranks_and_ends_where_a_run_is_not_back() {
        let curve = steps(&spans(1..=10), nines(0.95));
        assert_eq!((curve[0], curve.last().map(|at| at.1)), ((0.0, 1.0), Some(10.0)));
        assert!(curve.windows(2).all(|two| two[0].0 <= two[1].0 && two[0].1 <= two[1].1));
        let at = |share: f64| {
            let x = nines(share);
            curve.iter().rfind(|(known, _)| *known <= x + 1e-9).map(|(_, value)| *value)
        };
        assert_eq!([at(0.45), at(0.75)], [Some(5.0), Some(8.0)]);
        let mut some = spans(1..=5);
        some.extend([NEVER; 5]);
        let curve = steps(&some, nines(0.95));
        assert!(curve.last().is_some_and(|(x, value)| *x <= nines(0.5) + 0.01 && *value == 5.0));
        assert!(steps(&[NEVER], 1.0).is_empty());
    }

    #[test]
    fn the_band_is_around_the_curve_and_ends_where_it_is_open() {
        assert!(band(&spans(1..=3), 2.0).is_empty(), "three runs have no interval");
        let corners = band(&spans(1..=100), 3.0);
        let (lower, upper) = corners.split_at(corners.len() / 2);
        for ((x, low), (same, high)) in lower.iter().zip(upper.iter().rev()) {
            assert_eq!(x, same);
            assert!(low < high);
        }
        let last = lower.last().map_or(0.0, |at| at.0);
        assert!(last > nines(0.95) && last < nines(0.99), "{last}");
    }
}
