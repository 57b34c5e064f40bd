//! A distribution of percentiles, as HdrHistogram's `outputPercentileDistribution` prints it and
//! its plotter reads it.

use super::{Report, line};
use crate::lab::sweep::{CaseStudy, PointStudy};
use hdrhistogram::Histogram;
use std::fmt::Write;

/// Lines from one half of what is left to the next.
const TICKS_PER_HALF: u32 = 5;
/// Values are nanoseconds, the text has milliseconds.
const SCALE: f64 = 1e6;

/// One text for each point, of the plan's measure, as planned.
pub(super) fn write(report: &Report) -> Vec<String> {
    let points = report.study.points.iter().enumerate();
    points.map(|(place, point)| text(report, place, point)).collect()
}

fn text(report: &Report, place: usize, point: &PointStudy) -> String {
    let measure = &report.study.plan.measure;
    let none = || (Histogram::new(3).expect("three digits are allowed"), 0);
    let (histogram, endless) =
        point.cases.first().map_or_else(none, |case: &CaseStudy| case.histogram(measure));
    let mut out = String::new();
    distribution(&histogram, &mut out);
    let mut note =
        format!("#[{}, point {place}, {}: {measure} in milliseconds", report.title, point.label());
    if endless > 0 {
        let _ = write!(note, "; {endless} runs that were not back are left out");
    }
    out + &line(&note) + "]\n"
}

/// The lines of a histogram; its marks are those of the Java library.
fn distribution(histogram: &Histogram<u64>, out: &mut String) {
    let digits = usize::from(histogram.sigfig());
    let (value, share) = ("Value", "Percentile");
    let _ =
        writeln!(out, "{value:>12} {share:>14} {:>10} {:>14}\n", "TotalCount", "1/(1-Percentile)");
    for Step { value, share, count } in steps(histogram) {
        let value = value as f64 / SCALE;
        let _ = write!(out, "{value:>12.digits$} {share:.12} {count:>10}");
        let _ = match share {
            1.0 => writeln!(out),
            _ => writeln!(out, " {:>14.2}", 1.0 / (1.0 - share)),
        };
    }
    let (mean, deviation) = (histogram.mean() / SCALE, histogram.stdev() / SCALE);
    let _ =
        writeln!(out, "#[Mean    = {mean:>12.digits$}, StdDeviation   = {deviation:>12.digits$}]");
    let longest = histogram.max() as f64 / SCALE;
    let _ = writeln!(
        out,
        "#[Max     = {longest:>12.digits$}, Total count    = {:>12}]",
        histogram.len()
    );
    let buckets = usize::from(histogram.buckets());
    // Every bucket but the first has half of its parts in common with the one before.
    let parts = histogram.distinct_values() * 2 / (buckets + 1);
    let _ = writeln!(out, "#[Buckets = {buckets:>12}, SubBuckets     = {parts:>12}]");
}

/// A line: the value, the share that it is asked for, and how many values are not above it.
struct Step {
    value: u64,
    share: f64,
    count: u64,
}

/// The lines. Shares are counted in per cent, as the Java library does: the crate's own iterator
/// counts parts of one, and its rounding puts a value that stands exactly at a share below it.
fn steps(histogram: &Histogram<u64>) -> Vec<Step> {
    let all = histogram.len();
    let (mut steps, mut count, mut level) = (Vec::new(), 0, 0.0_f64);
    for recorded in histogram.iter_recorded() {
        let value = recorded.value_iterated_to();
        count += recorded.count_at_value();
        while 100.0 * count as f64 / all as f64 >= level {
            steps.push(Step { value, share: level / 100.0, count });
            let halves = (100.0 / (100.0 - level)).log2().floor() as i32 + 1;
            level += 100.0 / (f64::from(TICKS_PER_HALF) * 2_f64.powi(halves));
            // Of the last value there is one line more, for all of them.
            if count == all {
                steps.push(Step { value, share: 1.0, count });
                break;
            }
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the Java library's log processor, version 2.1.11, prints for the same values.
    #[test]
    fn lines_are_those_of_the_java_library() {
        let mut histogram = Histogram::new(3).expect("three digits are allowed");
        for value in [10, 20, 20, 20, 30, 40, 50, 60] {
            histogram.record(value).expect("it grows");
        }
        let steps = steps(&histogram);
        let lines: Vec<_> = steps.iter().map(|step| (step.value, step.share, step.count)).collect();
        assert_eq!(lines[..3], [(10, 0.0, 1), (10, 0.1, 1), (20, 0.2, 4)]);
        assert_eq!(lines[10..12], [(40, 0.75, 6), (50, 0.775, 7)]);
        assert_eq!(lines[16..], [(60, 0.8875, 8), (60, 1.0, 8)]);
    }
}
