//! The files of a sweep: each is read back by what is not its writer.

use crate::pictures::{misplaced, unbalanced};
use crate::site;
use dagtwin::base::Span;
use dagtwin::journal::Header;
use dagtwin::lab::assign::{Assignment, assigned};
use dagtwin::lab::pool::Progress;
use dagtwin::lab::sweep::{Case, Design, Lab, Memo, NEVER, Plan, RECOVERED, Study, Whose, points};
use dagtwin::model::vary::{Axis, Values};
use dagtwin::model::{Source, Sources, builtin};
use dagtwin::report::export::{Show, Wish, svg};
use dagtwin::report::sweep::{Report, files};
use dagtwin::sim::{Recording, simulate};
use dagtwin::view::film::Film;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;

/// Seeds of each case.
pub(crate) const RUNS: u64 = 8;
/// A value that no site takes, and that would break a page that does not escape it.
const ODD: &str = "<b title='\"'>&</b>";
const KEY: &str = "cluster.same_subnet_threshold";

fn plan() -> Plan {
    let site = builtin::SITES.iter().find(|site| site.topology.name == "two-node-2010");
    let site = site.expect("a built-in topology");
    let file = site.scenarios.iter().find(|file| file.name == "nic-loss").expect("a scenario");
    let source = |file: &builtin::Builtin| Source {
        file: file.path.to_owned(),
        name: file.name.to_owned(),
        text: file.text.to_owned(),
    };
    let (topology, scenario) = (source(&site.topology), source(file));
    let sources = Sources { topology, scenario, set: Vec::new(), until: None };
    let few = Assignment { key: "clients.count".to_owned(), value: "1".to_owned() };
    let sources = assigned(&sources, &[few], "test").expect("a key of the topology");
    let values = ["5", "10", ODD].map(str::to_owned).to_vec();
    Plan {
        sources,
        axes: vec![Axis { key: KEY.to_owned(), values: Values::List(values) }],
        design: Design::Grid,
        hiccups: vec![Span::from_millis(2_500)],
        runs: RUNS,
        seed: 1,
        enough: None,
        measure: RECOVERED.to_owned(),
        percentile: 900,
        whose: Whose::Last,
        changes: Vec::new(),
    }
}

/// Hands a report of a small sweep to a test: four points, of which one is refused, with two
/// cases each. Its runs are made once.
pub(crate) fn with_report<T>(test: impl FnOnce(&Report) -> T) -> T {
    static MADE: OnceLock<(Plan, Memo)> = OnceLock::new();
    let (plan, memo) = MADE.get_or_init(|| {
        let plan = plan();
        let progress = Progress::default();
        let mut lab = Lab::new(&plan, Memo::default(), 2, &progress);
        let all = plan.points().expect("the values are listed");
        points(&mut lab, &all).expect("there is no file to fail");
        let memo = lab.memo;
        (plan, memo)
    });
    let all = plan.points().expect("the values are listed");
    let refused = all.iter().filter_map(|point| {
        let problems = plan.site(point, Case::Planned).err()?;
        Some((memo.place_of(point)?, problems))
    });
    let refused = refused.collect();
    let study = Study::of(plan, all, memo, &refused, RUNS);
    assert!(!study.partial, "every run was made");
    let report = Report {
        study: &study,
        title: "two-node-2010: nic-loss <quick>",
        repeat: "dagtwin sweep two-node-2010 --vary 'a=<b>&c'",
        timeline: Some(timeline()),
    };
    test(&report)
}

/// The lanes of a run.
fn timeline() -> String {
    let built = site::named("nic-loss");
    let (topology, scenario) = (&built.topology, &built.scenario);
    let records = simulate(topology, scenario, 1, Recording::Memory).records;
    let film = Film::of(Header::of_run(topology, scenario, 1), records);
    let wish = Wish { show: Show::Lanes, at: None, from: None, until: None, width: 1000 };
    let mut out = Vec::new();
    svg(&film, wish, &mut out).expect("memory takes it");
    String::from_utf8(out).expect("a picture is a text")
}

/// The one file of a form as a text.
pub(crate) fn text(report: &Report, name: &str) -> String {
    let mut made = files(report, Path::new(name)).unwrap_or_else(|wrong| panic!("{wrong}"));
    assert_eq!((made.len(), made[0].0.as_path()), (1, Path::new(name)));
    String::from_utf8(made.remove(0).1).expect("a text")
}

/// The histograms of a log by their tags.
fn read_log(log: &str) -> BTreeMap<String, Histogram<u64>> {
    let mut deserializer = Deserializer::new();
    let mut found = BTreeMap::new();
    for entry in IntervalLogIterator::new(log.as_bytes()) {
        let LogEntry::Interval(one) = entry.expect("a sound line") else { continue };
        assert!(one.start_timestamp().is_zero() && one.duration().is_zero(), "there is no clock");
        let bytes = base64_of(one.encoded_histogram());
        let histogram = deserializer.deserialize(&mut bytes.as_slice()).expect("a histogram");
        let tag = one.tag().expect("a tag").to_string();
        assert!(found.insert(tag, histogram).is_none(), "every tag once");
    }
    found
}

fn base64_of(text: &str) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = text.bytes().filter_map(|byte| DIGITS.iter().position(|digit| *digit == byte));
    let digits: Vec<usize> = digits.collect();
    let four = |part: &[usize]| {
        let bits = (0..4).fold(0, |bits, at| bits << 6 | part.get(at).copied().unwrap_or(0));
        [bits >> 16, bits >> 8, bits]
            .map(|byte| (byte & 0xff) as u8)
            .into_iter()
            .take(part.len() - 1)
    };
    digits.chunks(4).flat_map(four).collect()
}

#[test]
fn a_log_holds_every_duration_of_every_case() {
    with_report(|report| {
        let log = text(report, "runs.hlog");
        assert!(log.starts_with("#[Histogram log format version 1.3]\n"), "{}", &log[..200]);
        let found = read_log(&log);
        let mut wanted = 0;
        for (place, point) in report.study.points.iter().enumerate() {
            for case in point.cases.iter().filter(|case| !case.runs.is_empty()) {
                for measure in report.study.measures() {
                    let words = case.case.told().replace(' ', "_");
                    let tag = format!(
                        "point{place}/{words}/{}",
                        measure.replace('_', "%5F").replace(' ', "_")
                    );
                    let read = found.get(&tag).unwrap_or_else(|| panic!("{tag} is missing"));
                    let (own, endless) = case.histogram(measure);
                    assert_eq!(read.len() + endless, RUNS, "{tag}");
                    assert_eq!((read.len(), read.max()), (own.len(), own.max()), "{tag}");
                    for share in [0.1, 0.5, 0.9, 1.0] {
                        let values = [read, &own].map(|one| one.value_at_quantile(share));
                        assert_eq!(values[0], values[1], "{tag}");
                    }
                    wanted += 1;
                }
            }
        }
        assert!(wanted > 20 && wanted == found.len(), "{wanted} of {}", found.len());
    });
}

/// A line of a distribution: value, share, count and `1/(1-share)`.
fn line_of(line: &str) -> (f64, f64, u64, Option<f64>) {
    let parts: Vec<&str> = line.split_whitespace().collect();
    let number = |at: usize| parts[at].parse::<f64>().expect("a number");
    let count = parts[2].parse().expect("a count");
    (number(0), number(1), count, parts.get(3).map(|_| number(3)))
}

#[test]
fn a_distribution_rises_to_all_runs() {
    with_report(|report| {
        let made = files(report, Path::new("a/runs.hgrm")).expect("the form is known");
        assert_eq!(made.len(), report.study.points.len());
        for (place, (path, bytes)) in made.iter().enumerate() {
            assert_eq!(path, Path::new(&format!("a/runs.{place}.hgrm")));
            let text = std::str::from_utf8(bytes).expect("a text");
            let mut lines = text.lines();
            let head = "       Value     Percentile TotalCount 1/(1-Percentile)";
            assert_eq!((lines.next(), lines.next()), (Some(head), Some("")));
            let rows: Vec<_> = lines.filter(|line| !line.starts_with('#')).map(line_of).collect();
            let sorted = report.study.points[place].cases[0].sorted(RECOVERED);
            let back = sorted.iter().filter(|span| **span != NEVER).count() as u64;
            assert!(text.contains("#[Mean    = ") && text.contains("#[Buckets = "), "{text}");
            assert!(text.contains(&format!("Total count    = {back:>12}]")), "{text}");
            if sorted.is_empty() {
                assert!(rows.is_empty(), "a point that is refused has no runs");
                continue;
            }
            assert!(rows.windows(2).all(|two| two[0].0 <= two[1].0 && two[0].2 <= two[1].2));
            for (_, share, _, odds) in &rows {
                let same = odds.is_none_or(|odds| (odds * (1.0 - share) - 1.0).abs() < 0.01);
                assert!(same && (odds.is_none() == (*share == 1.0)), "{text}");
            }
            let last = rows.last().expect("there are runs");
            assert_eq!((last.1, last.2), (1.0, back), "{text}");
            let longest = sorted[back as usize - 1].as_nanos() as f64 / 1e6;
            assert!((last.0 / longest - 1.0).abs() < 0.001, "{} is not {longest}", last.0);
        }
    });
}

#[test]
fn a_picture_has_its_panels_and_keeps_to_its_frame() {
    with_report(|report| {
        let picture = text(report, "runs.svg");
        assert_eq!(unbalanced(&picture), None);
        assert_eq!(misplaced(&picture), [""; 0]);
        for wanted in [
            "two-node-2010: nic-loss &lt;quick&gt;",
            "Percentiles of recovered, as planned",
            "2: cluster.same_subnet_threshold=10",
            "one more point has no curve here",
            "Where the time of the outage goes, point 0: as it is",
            "not noticed yet",
            "Outage against false failovers",
        ] {
            assert!(picture.contains(wanted), "{wanted}");
        }
        assert!(!picture.contains("NaN") && !picture.contains("<script"));
        // Two points with a value of their own and the site as it is, and the frontier's line.
        let thick = picture.lines().filter(|line| line.starts_with("<polyline "));
        assert_eq!(thick.filter(|line| line.contains("stroke-width=\"2\"")).count(), 4);
    });
}

#[test]
fn equal_runs_give_equal_files() {
    with_report(|report| {
        for name in ["a.svg", "a.html", "a.hlog", "a.hgrm"] {
            let once = files(report, Path::new(name)).expect("the form is known");
            assert!(once == files(report, Path::new(name)).expect("again"), "{name}");
        }
    });
}

#[test]
fn a_page_escapes_what_it_was_given() {
    with_report(|report| {
        let page = text(report, "runs.html");
        assert!(page.contains("&lt;quick&gt;") && !page.contains("<quick>"));
        assert!(page.contains("a=&lt;b&gt;&amp;c") && !page.contains("a=<b>"));
        let odd = "&lt;b title=&apos;&quot;&apos;&gt;&amp;&lt;/b&gt;";
        assert!(page.contains(odd) && !page.contains("<b title"), "the refused point is there");
        assert!(page.contains("refused: "), "and says why");
    });
}

#[test]
fn an_unknown_name_is_told_the_known_ones() {
    with_report(|report| {
        for name in ["runs", "runs.xlsx", ".hlog"] {
            let wrong = files(report, Path::new(name)).expect_err("no such form");
            assert!(wrong.starts_with(&format!("`{name}`: expected")), "{wrong}");
            assert!(wrong.contains(".hgrm or .parquet"), "{wrong}");
        }
    });
}

#[cfg(not(feature = "parquet"))]
#[test]
fn a_program_without_parquet_says_how_to_get_it() {
    with_report(|report| {
        let wrong = files(report, Path::new("runs.parquet")).expect_err("it is not built in");
        assert!(wrong.contains("--features parquet"), "{wrong}");
    });
}

#[cfg(feature = "parquet")]
#[test]
fn a_parquet_file_has_a_row_for_every_run() {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::{Field, Row};
    with_report(|report| {
        let made = files(report, Path::new("runs.parquet")).expect("the form is built in");
        assert!(made == files(report, Path::new("runs.parquet")).expect("again"), "equal bytes");
        let bytes = bytes_of(made);
        let reader = SerializedFileReader::new(bytes).expect("a Parquet file");
        let metadata = reader.metadata().file_metadata();
        let told = metadata.key_value_metadata().expect("what columns mean");
        assert!(told.iter().any(|one| one.value.as_deref().is_some_and(|v| v.contains("null if"))));
        let rows: Vec<Row> = reader.into_iter().map(|row| row.expect("a row")).collect();
        let get = |row: &Row, name: &str| {
            let found = row.get_column_iter().find(|(known, _)| *known == name);
            found.unwrap_or_else(|| panic!("no column {name}")).1.clone()
        };
        let mut at = rows.iter();
        for (place, point) in report.study.points.iter().enumerate() {
            for case in &point.cases {
                for (seed, run) in &case.runs {
                    let row = at.next().expect("a row for every run");
                    assert_eq!(get(row, "point"), Field::Long(place as i64));
                    let value = point.point.first().map(|one| Field::Str(one.value.clone()));
                    assert_eq!(get(row, KEY), value.unwrap_or(Field::Null));
                    assert_eq!(get(row, "case"), Field::Str(case.case.told()));
                    assert_eq!(get(row, "seed"), Field::ULong(*seed));
                    assert_eq!(get(row, "verdict"), Field::Str(run.verdict.word().to_owned()));
                    assert_eq!(get(row, "failovers"), Field::Long(run.failovers.into()));
                    for (word, span) in &run.measures {
                        let found = get(row, &format!("measure:{}", case.word(*word)));
                        let wanted = match *span {
                            NEVER => Field::Null,
                            span => Field::Long(span.as_nanos() as i64),
                        };
                        assert_eq!(found, wanted);
                    }
                    let stages: u64 = (row.get_column_iter())
                        .filter(|(name, _)| name.starts_with("stage:"))
                        .map(|(_, field)| if let Field::Long(n) = field { *n as u64 } else { 0 })
                        .sum();
                    let whole: Span = run.stages.iter().map(|(_, span)| *span).sum();
                    assert_eq!(stages, whole.as_nanos());
                }
            }
        }
        assert!(at.next().is_none() && rows.len() as u64 == 6 * RUNS);
    });
}

/// The bytes of the one file, as the reader takes them.
#[cfg(feature = "parquet")]
fn bytes_of(mut made: Vec<(std::path::PathBuf, Vec<u8>)>) -> std::fs::File {
    use std::io::{Seek, Write};
    let folder = crate::program::Folder::new("parquet");
    let mut file = std::fs::File::create_new(folder.path("runs.parquet")).expect("a new file");
    file.write_all(&made.remove(0).1).expect("the folder takes it");
    file.rewind().expect("a file goes back");
    std::fs::File::open(folder.path("runs.parquet")).expect("it is there")
}
