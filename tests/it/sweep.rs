//! Many runs: distributions that are known, intervals that hold what they say, runs that are kept,
//! shared out and put together, and the questions that are asked of them.

use crate::program::{Folder, dagtwin, from, told};
use dagtwin::base::draw::{Purpose, Stream};
use dagtwin::base::{Instant, Span};
use dagtwin::lab::pool::Progress;
use dagtwin::lab::statistics::{Proportion, Quantile};
use dagtwin::lab::sweep::{
    Boundary, Case, Design, Flip, Lab, Memo, Outcome, Plan, Point, RECOVERED, Study, Whose, flip,
    points, read_path,
};
use dagtwin::model::vary::{Axis, Values};
use dagtwin::model::{Source, Sources, builtin};
use dagtwin::sim::Station;
use serde_json::Value;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

/// All adapters of EX01 fail at 60 s: only heartbeats tell EX02 of it.
const SCENARIO: &str = "title = \"EX01 is cut off\"\nuntil = \"80s\"\n[start]\n\"Cluster Group\" = \
                        \"EX02\"\nCASArray = \"EX01\"\nVIP = \"EX01\"\n[[fault]]\nat = \"60s\"\n\
                        kind = \"nic-down\"\nmachine = \"EX01\"\nnic = \"all\"\n";

fn plan(set: &[(&str, &str)], runs: u64) -> Plan {
    let site = builtin::SITES.iter().find(|site| site.topology.name == "two-node-2010");
    let file = &site.expect("a built-in topology").topology;
    let topology = Source {
        file: file.path.to_owned(),
        name: file.name.to_owned(),
        text: file.text.to_owned(),
    };
    let scenario = Source {
        file: "cut-off.toml".to_owned(),
        name: "cut-off".to_owned(),
        text: SCENARIO.to_owned(),
    };
    let pair = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    let set = set.iter().chain(&[("clients.count", "0")]).map(pair).collect();
    Plan {
        sources: Sources { topology, scenario, set, until: None },
        axes: Vec::new(),
        design: Design::Grid,
        hiccups: Vec::new(),
        runs,
        seed: 1,
        enough: None,
        measure: RECOVERED.to_owned(),
        percentile: 950,
        whose: Whose::Named("group:CASArray".to_owned()),
        changes: Vec::new(),
    }
}

/// Runs a plan and hands what is known to a test.
fn swept<T>(plan: &Plan, test: impl FnOnce(&Study) -> T) -> T {
    let progress = Progress::default();
    let mut lab = Lab::new(plan, Memo::default(), 2, &progress);
    let all = plan.points().expect("points");
    let runs = points(&mut lab, &all).expect("nothing is kept");
    test(&Study::of(plan, all, &lab.memo, &lab.refused, runs))
}

/// How long the detection of each run took: heartbeats that are missed, and the phase in which the
/// fault meets them.
fn detections(delay: &str, threshold: &str, runs: u64) -> Vec<Span> {
    let set = [("cluster.same_subnet_delay", delay), ("cluster.same_subnet_threshold", threshold)];
    let plan = plan(&set, runs);
    let found = swept(&plan, |study| study.points[0].cases[0].stage("detection"));
    assert_eq!(found.len() as u64, runs, "every run has a detection");
    found.into_iter().map(|(_, span)| span).collect()
}

fn holds(found: Quantile, truth: Span) -> bool {
    found.low.is_none_or(|low| low <= truth) && found.high.is_none_or(|high| truth <= high)
}

#[test]
fn detection_is_delay_times_threshold_and_a_phase() {
    for (delay, threshold, beat, beats) in [("1s", "5", 1_000, 5), ("500ms", "8", 500, 8)] {
        let mut all = detections(delay, threshold, 400);
        all.sort();
        let beat = Span::from_millis(beat);
        // A heartbeat that is under way, and those that are missed; less or more than a whole
        // phase is not possible, but for what a frame takes.
        let slack = Span::from_millis(2);
        assert!(all[0] + slack >= beat * beats, "{delay}: {}", all[0]);
        assert!(all[all.len() - 1] <= beat * (beats + 1) + slack);
        for thousandths in [100, 500, 900, 950] {
            let found = Quantile::of(&all, thousandths).expect("there are runs");
            let truth = beat * beats + beat.scaled(thousandths.into(), 1_000);
            assert!(holds(found, truth), "{delay}, {thousandths}: {truth} in {found:?}");
        }
    }
}

/// A hundred sweeps of thirty runs each: how often does the interval hold what is known?
#[test]
fn intervals_over_repeated_sweeps_cover_what_they_say() {
    let all = detections("1s", "5", 3_000);
    let (mut median, mut share) = (0, 0);
    for group in all.chunks(30) {
        let mut sorted = group.to_vec();
        sorted.sort();
        let found = Quantile::of(&sorted, 500).expect("there are runs");
        median += u32::from(holds(found, Span::from_millis(5_500)));
        let had = group.iter().filter(|span| **span > Span::from_millis(5_700)).count() as u64;
        let (low, high) = Proportion { had, of: group.len() as u64 }.interval();
        share += u32::from(low <= 0.3 && 0.3 <= high);
    }
    // 95 of 100 are expected, three standard deviations are 6.5.
    for covered in [median, share] {
        assert!((88..=100).contains(&covered), "medians {median}, shares {share}");
    }
    assert!(median < 100 || share < 100, "intervals that always hold are too wide");
}

/// The 300th work's wait in a queue of one server, many times: a share of the load waits at all,
/// and the waits of those are exponential.
#[test]
fn the_waits_of_a_queue_are_those_of_theory() {
    // The model's own exponential draws are a table with a short tail; here the tail counts.
    let exponential = |draws: &mut Stream, mean_micros: f64| {
        let place = (draws.below(1 << 53) as f64 + 0.5) / (1_u64 << 53) as f64;
        Span::from_nanos((-place.ln() * mean_micros * 1_000.0) as u64)
    };
    let wait = |seed: u64| {
        let mut draws = Stream::new(seed, 1, Purpose::Service);
        let mut times = Stream::new(seed, 2, Purpose::Service);
        let mut station = Station::new(1);
        let mut now = Instant::ZERO;
        let mut waited = Span::ZERO;
        for _ in 0..300 {
            now += exponential(&mut draws, 20_000.0);
            waited = station.take(now, exponential(&mut times, 10_000.0)).since(now);
        }
        waited
    };
    let mut waits: Vec<Span> = (0..2_000).map(wait).collect();
    waits.sort();
    let had = waits.iter().filter(|wait| !wait.is_zero()).count() as u64;
    let (low, high) = Proportion { had, of: 2_000 }.interval();
    assert!(low <= 0.5 && 0.5 <= high, "half of them wait: {low} to {high}");
    for thousandths in [600_u32, 750, 900, 950] {
        // P(wait > t) = ρ exp(−(1 − ρ) t / service), with ρ = 1/2.
        let share = 1.0 - f64::from(thousandths) / 1_000.0;
        let truth = (0.5_f64 / share).ln() * 2.0 * 10.0;
        let truth = Span::from_micros((truth * 1_000.0) as u64);
        let found = Quantile::of(&waits, thousandths).expect("there are waits");
        assert!(holds(found, truth), "{thousandths}: {truth} in {found:?}");
    }
}

fn flipped(key: &str, values: &str, outcome: &str, runs: u64) -> Flip {
    let mut plan = plan(&[], runs);
    let values = Values::read(values).expect("values");
    plan.axes = vec![Axis { key: key.to_owned(), values }];
    let progress = Progress::default();
    let mut lab = Lab::new(&plan, Memo::default(), 2, &progress);
    flip(&mut lab, &Outcome::read(outcome).expect("an outcome")).expect("nothing is kept")
}

/// Every second of mounting is a second of the database's outage: where it becomes longer than a
/// limit follows from one run with the same seed.
#[test]
fn bisection_finds_the_boundary_that_a_single_run_tells() {
    let runs = 12;
    let base = plan(&[("store.mount_time", "2s")], runs);
    let backs = swept(&base, |study| study.points[0].cases[0].durations("database:VIP"));
    let found = flipped("store.mount_time", "1s..12s:10ms", "database:VIP>12s", runs);
    assert_eq!((found.boundaries.len() as u64, found.contradictions.len()), (runs, 0));
    assert_eq!(found.checked, runs * 2);
    for ((seed, boundary), (of, back)) in found.boundaries.iter().zip(backs) {
        assert_eq!(*seed, of);
        let Boundary::Between { below, above, rises: true } = boundary else {
            panic!("seed {seed}: {boundary:?}");
        };
        let expected = Span::from_secs(12) - back + Span::from_secs(2);
        let (below, above) = (Span::from_nanos(*below), Span::from_nanos(*above));
        assert!(below <= expected && expected < above, "{seed}: {expected} in {below} to {above}");
        assert_eq!(above - below, Span::from_millis(10));
    }
}

/// A stall that is shorter than the heartbeats that may be missed is never failed over, one that
/// is longer by a whole heartbeat always; between them it is a question of the phase.
#[test]
fn the_margin_of_a_stall_is_where_heartbeats_put_it() {
    let args = ["sweep", "--scenario", "vm-paused-6s", "--set", "clients.count=1"];
    let more = ["--flip", "fault.0.lasts=1s..12s:50ms", "--runs", "40", "--format", "json"];
    let told = told(&[&args[..], &more[..]].concat());
    assert_eq!((told.status, told.err.as_str()), (0, ""));
    let found: Value = serde_json::from_str(&told.out).expect("JSON");
    let seconds = |value: &Value| {
        let span = <Span as dagtwin::model::settings::Value>::read(value.as_str().expect("a text"));
        span.expect("a duration").as_millis()
    };
    let median = &found["flip"]["median"];
    let ends = (seconds(&median["from"]), seconds(&median["to"]));
    assert!(ends.0 <= 5_500 && 5_500 <= ends.1, "{ends:?}");
    for boundary in found["flip"]["boundaries"].as_array().expect("a list") {
        assert!((5_000..=6_050).contains(&seconds(&boundary["above"])), "{boundary}");
    }
}

/// A setting that no run uses changes nothing, run by run: draws are keyed by who draws for what.
#[test]
fn pairs_differ_by_nothing_but_the_value() {
    let mut plan = plan(&[], 10);
    plan.axes = vec![Axis {
        key: "cluster.failover_period".to_owned(),
        values: Values::read("1h,2h").expect("values"),
    }];
    swept(&plan, |study| {
        let base = &study.points[0].cases[0];
        for point in &study.points[1..] {
            let (difference, endless) = point.cases[0].difference(base, RECOVERED);
            assert_eq!((difference.pairs, difference.more, difference.less), (10, 0, 0));
            assert_eq!((difference.mean.mean, endless), (0.0, 0));
        }
    });
}

const SMALL: [&str; 9] = [
    "sweep",
    "--set",
    "clients.count=1",
    "--runs",
    "12",
    "--vary",
    "cluster.same_subnet_threshold=4..6",
    "--measure",
    "outlook",
];

#[test]
fn shares_put_together_are_the_whole_byte_for_byte() {
    let folder = Folder::new("sweep-shares");
    let parts: Vec<String> = (1..=3).map(|i| folder.path(&format!("part.{i}"))).collect();
    for (number, part) in (1..).zip(&parts) {
        let shard = format!("{number}/3");
        let more = ["--shard", &shard, "--store", part];
        let told = told(&[&SMALL[..], &more[..]].concat());
        assert_eq!((told.status, told.out.as_str()), (0, ""));
        assert!(told.err.starts_with(&format!("note: shard {number}/3: ")), "{}", told.err);
    }
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    for format in ["text", "json", "csv", "svg", "html"] {
        let (a, b) = (folder.path("a.hlog"), folder.path("b.hlog"));
        let more = ["--format", format, "--write"];
        let whole = told(&[&SMALL[..], &more[..], &[&a]].concat());
        let merged = told(&[&["merge"], &parts[..], &more[..], &[&b]].concat());
        assert_eq!((whole.status, merged.status, merged.err.as_str()), (0, 0, ""));
        assert!(whole.out == merged.out, "{format}: the merged shares differ from the whole");
        let read = |path: &str| std::fs::read(path).expect("a log");
        assert_eq!(read(&a), read(&b));
    }
    let two = told(&["merge", parts[0], parts[2]]);
    assert_eq!((two.status, two.out.as_str()), (2, ""));
    assert!(two.err.contains("--shard 2/3 --store part.2"), "{}", two.err);
    let twice = told(&[&["merge", parts[0]], &parts[..]].concat());
    assert_eq!(twice.status, 0, "{}", twice.err);
}

/// How many runs a file has.
fn kept(path: &str) -> u64 {
    read_path(Path::new(path), &mut Memo::default()).map_or(0, |kept| kept.runs)
}

#[test]
fn a_sweep_that_was_killed_goes_on_and_loses_no_run() {
    let folder = Folder::new("sweep-killed");
    let store = folder.path("runs.sweep");
    let whole = told(&SMALL);
    let calls: Vec<&str> =
        SMALL.iter().copied().chain(["--jobs", "1", "--store", &store]).collect();
    let mut kills = 0;
    loop {
        let mut child = dagtwin(&calls).stdout(Stdio::null()).spawn().expect("it starts");
        let before = kept(&store);
        // Killed as soon as it has made a few runs more.
        let ended = loop {
            if let Some(status) = child.try_wait().expect("it can be asked") {
                break Some(status);
            }
            if kept(&store) >= before + 15 {
                child.kill().expect("it can be killed");
                child.wait().expect("it ends");
                break None;
            }
            std::thread::sleep(Duration::from_millis(1));
        };
        let after = kept(&store);
        assert!(after >= before, "no run is lost: {before}, then {after}");
        match ended {
            Some(status) => {
                assert!(status.success());
                break;
            }
            None => kills += 1,
        }
    }
    assert!(kills >= 2, "it was killed {kills} times");
    // Four points, two cases, twelve seeds, each of them once.
    assert_eq!(kept(&store), 96);
    let again = told(&calls);
    assert_eq!((again.status, again.out), (0, whole.out));
    assert_eq!(kept(&store), 96);
}

#[test]
fn a_file_that_was_cut_goes_on_and_a_damaged_one_is_told() {
    let folder = Folder::new("sweep-cut");
    let store = folder.path("runs.sweep");
    let calls: Vec<&str> = SMALL.iter().copied().chain(["--store", &store]).collect();
    let whole = told(&calls);
    let bytes = std::fs::read(&store).expect("the file");
    for length in [0, 3, 8, 20, bytes.len() / 2, bytes.len() - 1] {
        std::fs::write(&store, &bytes[..length]).expect("it is written");
        let again = told(&calls);
        assert_eq!((again.status, again.err.as_str()), (0, ""), "cut to {length}");
        assert_eq!(again.out, whole.out, "cut to {length}");
        assert_eq!(kept(&store), 96, "cut to {length}");
    }
    let mut damaged = bytes.clone();
    damaged[bytes.len() / 2] ^= 0x10;
    std::fs::write(&store, &damaged).expect("it is written");
    let refused = told(&calls);
    assert_eq!(refused.status, 2);
    assert!(refused.err.contains("damaged from byte"), "{}", refused.err);
    std::fs::write(&store, "a shopping list").expect("it is written");
    let refused = told(&calls);
    assert!(refused.err.contains("it is something else"), "{}", refused.err);
    std::fs::write(&store, &bytes).expect("it is written");
    let other = told(&["sweep", "--set", "clients.count=2", "--store", &store]);
    assert!(other.err.contains("another topology, scenario or setting"), "{}", other.err);
    // More seeds and other values go on in the same file.
    let more = told(&["sweep", "--set", "clients.count=1", "--runs", "14", "--store", &store]);
    assert_eq!((more.status, kept(&store)), (0, 96 + 4), "{}", more.err);
}

#[test]
fn ctrl_c_shows_what_is_done_and_keeps_it() {
    let folder = Folder::new("sweep-stopped");
    let store = folder.path("runs.sweep");
    let calls = ["sweep", "--set", "clients.count=1", "--runs", "100000", "--store", &store];
    let child = dagtwin(&calls).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let child = child.expect("it starts");
    while kept(&store) < 20 {
        std::thread::sleep(Duration::from_millis(5));
    }
    let signal = format!("kill -INT {}", child.id());
    let sent = std::process::Command::new("sh").args(["-c", &signal]).status().expect("sh");
    assert!(sent.success());
    let told = from(&child.wait_with_output().expect("it ends"));
    assert_eq!(told.status, 130, "{}", told.err);
    assert!(told.out.contains("stopped: only the runs that were made by then"), "{}", told.out);
    let runs = kept(&store);
    assert!(told.out.contains(&format!(", {runs} runs\n")), "{runs} in {}", told.out);
}

#[test]
fn a_sweep_stops_when_its_intervals_are_narrow() {
    let call = ["sweep", "--set", "clients.count=1", "--hiccup", "none", "--runs", "1000"];
    let runs = |enough: &str| {
        let told = told(&[&call[..], &["--enough", enough, "--format", "json"]].concat());
        let found: Value = serde_json::from_str(&told.out).expect("JSON");
        let case = &found["points"][0]["cases"][0];
        let p95 = &case["durations"][RECOVERED]["p95"];
        let width = p95["to_ms"].as_f64().unwrap_or(1e9) - p95["from_ms"].as_f64().expect("one");
        (case["runs"].as_u64().expect("a number"), width)
    };
    assert_eq!(runs("60%").0, 64);
    let (count, width) = runs("1500ms");
    assert!((128..1_000).contains(&count) && width <= 1_500.0, "{count} runs, {width} ms");
}

#[test]
fn a_plan_file_is_the_call_that_it_stands_for() {
    let folder = Folder::new("sweep-plan");
    let path = folder.path("plan.toml");
    let text = "runs = 12\nmeasure = \"outlook\"\n[set]\n\"clients.count\" = 1\n[vary]\n\
                \"cluster.same_subnet_threshold\" = \"4..6\"\n";
    std::fs::write(&path, text).expect("it is written");
    let planned = told(&["sweep", "--plan", &path, "--format", "json"]);
    let typed = told(&[&SMALL[..], &["--format", "json"]].concat());
    assert_eq!((planned.status, planned.out), (0, typed.out));
    std::fs::write(&path, "runs = \"many\"\n").expect("it is written");
    let wrong = told(&["sweep", "--plan", &path]);
    assert_eq!(wrong.status, 2);
    assert!(wrong.err.contains("plan.toml:1: runs = \"many\": expected a whole number"));
}

#[test]
fn every_run_of_a_report_can_be_repeated() {
    let told_json = told(&[&SMALL[..], &["--format", "json"]].concat());
    let found: Value = serde_json::from_str(&told_json.out).expect("JSON");
    for point in found["points"].as_array().expect("a list") {
        let threshold = point["values"]["cluster.same_subnet_threshold"].as_str().unwrap_or("5");
        let planned = &point["cases"][0];
        let worst = planned["budget"]["runs"].as_array().expect("a list").last().expect("one");
        let set = format!("cluster.same_subnet_threshold={threshold}");
        let seed = worst["seed"].to_string();
        let again = ["run", "--set", "clients.count=1", "--set", &set, "--seed", &seed];
        let run = told(&[&again[..], &["--format", "json"]].concat());
        let run: Value = serde_json::from_str(&run.out).expect("JSON");
        assert_eq!(run["recovered_ms"], worst["ms"], "{set}, seed {seed}");
    }
    // A hiccup is a change of the scenario's file, which `run` makes too.
    let hiccup = ["run", "-q", "--set", "clients.count=1", "--set", "fault.0.lasts=3s"];
    assert_eq!(told(&hiccup).err, "");
}

#[test]
fn wrong_calls_are_told_before_anything_is_run() {
    let message = |more: &[&str], status: i32, part: &str| {
        let told = told(&[&["sweep", "--set", "clients.count=1"], more].concat());
        assert_eq!((told.status, told.out.as_str()), (status, ""), "{more:?}: {}", told.err);
        assert!(told.err.contains(part), "{more:?}: {}", told.err);
    };
    message(&["--vary", "cluster.same_subnet_treshold=3..5"], 2, "did you mean \"cluster.same_");
    message(
        &["--vary", "cluster.same_subnet_threshold=1..2"],
        2,
        "--vary: cluster.same_subnet_thr",
    );
    message(&["--vary", "fault.7.at=60s"], 2, "from 0 to 0, or one of nic-down");
    message(&["--vary", "fault.0.at=60s..70s"], 2, "a step for the range");
    message(&["--vary", "fault.0.at=60s", "--vary", "fault.0.at=70s"], 2, "every key once");
    message(&["--measure", "outlok"], 2, "did you mean \"outlook\"");
    message(&["--goal", "outlook soon"], 2, "\"outlook p95 <= 12s\"");
    message(&["--flip", "fault.0.lasts=1s,2s"], 2, "a range");
    message(&["--fork", "60s", "--change", "fly"], 2, "--change");
    message(&["--outcome", "failover"], 2, "--flip or --fork");
    message(&["--random", "3"], 2, "--vary KEY=VALUES");
    message(&["--shard", "1/2"], 2, "--store");
    message(&["--enough", "1s", "--shard", "1/2", "--store", "x"], 2, "--enough looks at all runs");
    message(&["--write", "sweep.doc", "--runs", "1"], 2, "ends in .json");
    message(&["--write", "/nowhere/sweep.csv", "--runs", "1"], 3, "/nowhere");
    message(&["--scenario", "quiet", "--hiccup", "3s"], 2, "a scenario with faults");
}

/// Some of a range's values may not fit: the others are run.
#[test]
fn a_point_that_cannot_be_run_has_a_row_that_says_so() {
    let few = ["sweep", "--set", "clients.count=1", "--runs", "2", "--hiccup", "none"];
    let vary = ["--vary", "cluster.same_subnet_threshold=9..12"];
    let told = told(&[&few[..], &vary[..]].concat());
    assert_eq!((told.status, told.err.as_str()), (0, ""));
    assert!(told.out.contains("Points that cannot be run\n  cluster.same_subnet_threshold=11: "));
    assert!(!told.out.contains("stopped"), "{}", told.out);
}

#[test]
fn few_runs_are_told() {
    let few = told(&["sweep", "--set", "clients.count=1", "--runs", "20"]);
    let expected = "20 runs are too few for p95: its interval has no upper end before 72";
    assert!(few.out.contains(expected), "{}", few.out);
}

/// Points of a random design are spread over the whole range, and are the same every time.
#[test]
fn random_points_meet_every_stratum_once() {
    let mut plan = plan(&[], 1);
    plan.axes = vec![Axis {
        key: "store.mount_time".to_owned(),
        values: Values::read("1s..11s").expect("values"),
    }];
    plan.design = Design::Random(10);
    let all: Vec<Point> = plan.points().expect("points");
    assert_eq!(all, plan.points().expect("points"));
    let mut seconds: Vec<u64> = all[1..]
        .iter()
        .map(|point| {
            let span = <Span as dagtwin::model::settings::Value>::read(&point[0].value);
            span.expect("a duration").as_nanos() / 1_000_000_000
        })
        .collect();
    seconds.sort_unstable();
    seconds.dedup();
    assert!(seconds.len() >= 9, "one in each second, but for the ends: {seconds:?}");
    assert!(plan.site(&all[1], Case::Planned).is_ok());
}
