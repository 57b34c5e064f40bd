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
    let mut count = 0;
    for step in histogram.iter_quantiles(TICKS_PER_HALF) {
        count += step.count_since_last_iteration();
        let value = step.value_iterated_to() as f64 / SCALE;
        let share = step.quantile_iterated_to();
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
