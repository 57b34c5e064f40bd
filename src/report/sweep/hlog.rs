//! Every duration of every case as a histogram in HdrHistogram's log, which its own tools read.
//!
//! Histograms are compressed, as the log reader of the Java library wants them. There is no clock
//! in a sweep: every interval begins at 0 and has no length, and its tag says what it is.

use super::{Report, line};
use crate::lab::sweep::Case;
use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};
use std::fmt::Write;
use std::io;
use std::time::{Duration, UNIX_EPOCH};

/// What the columns are, as the Java library writes it.
const LEGEND: &str = "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\
                      \"Interval_Compressed_Histogram\"\n";

/// The log; values are in nanoseconds.
pub(super) fn write(report: &Report) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    let study = report.study;
    let mut builder = IntervalLogWriterBuilder::new();
    builder.add_comment("[Histogram log format version 1.3]");
    builder.add_comment(&line(&format!("[{}]", report.title)));
    builder.add_comment(&line(&format!("[{}]", report.repeat)));
    builder.add_comment("[Values are nanoseconds]");
    for (place, point) in study.points.iter().enumerate() {
        builder.add_comment(&line(&format!("[point{place}: {}]", point.label())));
    }
    builder.with_start_time(UNIX_EPOCH);
    let mut serializer = V2DeflateSerializer::new();
    // The legend stands below the head, and the writer has no word for it.
    builder.begin_log_with(&mut out, &mut serializer)?;
    out.extend(LEGEND.as_bytes());
    let builder = IntervalLogWriterBuilder::new();
    let mut writer = builder.begin_log_with(&mut out, &mut serializer)?;
    let measures = study.measures();
    for (place, point) in study.points.iter().enumerate() {
        for case in &point.cases {
            for measure in &measures {
                let (histogram, endless) = case.histogram(measure);
                if histogram.is_empty() && endless == 0 {
                    continue;
                }
                let tag = tag(place, case.case, measure);
                if endless > 0 {
                    writer.write_comment(&format!("[{tag}: {endless} not back, left out]"))?;
                }
                let tag = Tag::new(&tag).expect("a tag has no character that ends it");
                let written =
                    writer.write_histogram(&histogram, Duration::ZERO, Duration::ZERO, Some(tag));
                written.map_err(|error| io::Error::other(error.to_string()))?;
            }
        }
    }
    Ok(out)
}

/// Point, case and measure; what a tag may not have is written as in a web address.
fn tag(point: usize, case: Case, measure: &str) -> String {
    let mut tag = format!("point{point}/");
    for character in format!("{}/{measure}", case.told()).chars() {
        match character {
            ' ' | '\t' => tag.push('_'),
            '%' | ',' | '_' => {
                let _ = write!(tag, "%{:02X}", character as u32);
            }
            other if other.is_whitespace() || other.is_control() => {
                let _ = write!(tag, "%{:02X}", other as u32);
            }
            other => tag.push(other),
        }
    }
    tag
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Span;

    #[test]
    fn a_tag_has_no_character_that_ends_it() {
        let hiccup = Case::Hiccup(Span::from_millis(2_500));
        assert_eq!(tag(3, hiccup, "owa"), "point3/hiccup_2500ms/owa");
        let odd = tag(0, Case::Planned, "database:A, B_\n%");
        assert_eq!(odd, "point0/as_planned/database:A%2C_B%5F%0A%25");
        assert!(Tag::new(&odd).is_some());
    }
}
