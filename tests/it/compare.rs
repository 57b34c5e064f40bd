//! Years of faults and designs compared: plans, pairing, sums, a closed form, what is left out,
//! and `dagtwin compare`.

use crate::program::{Folder, told};
use crate::source::root;
use dagtwin::base::draw::{Purpose, Stream};
use dagtwin::base::{Instant, Span};
use dagtwin::lab::compare::{Comparison, Design, Question, compare};
use dagtwin::lab::pool::Progress;
use dagtwin::lab::statistics::Estimate;
use dagtwin::lab::year::{self, Hit};
use dagtwin::model::builtin::SITES;
use dagtwin::model::rates::{Quantiles, Rates};
use dagtwin::model::{Topology, load};
use serde_json::Value;

const FEW: &str = "tests/rates/few.toml";

fn few() -> Rates {
    let text = std::fs::read_to_string(root().join(FEW)).expect("the rates");
    load::rates(FEW, &text).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

fn rates(text: &str) -> Rates {
    load::rates("rates.toml", text).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

fn loaded(text: &str, wishes: &[(&str, &str)]) -> load::Loaded {
    let wishes = wishes.iter().map(|(key, text)| load::Wish::of_command_line(key, text));
    let wishes: Vec<_> = wishes.collect();
    load::topology("t.toml", text, &wishes).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

/// The article's site with few clients.
fn site() -> load::Loaded {
    loaded(SITES[0].topology.text, &[("clients.count", "2")])
}

/// One server without a partner.
const ALONE: &str = r#"
name = "alone"
[[node]]
name = "ONE"
[[machine]]
name = "DC01"
roles = ["domain-controller", "dns"]
[dag]
name = "DAG1"
[[database]]
name = "DB1"
copies = ["ONE"]
[[clients]]
name = "owa"
kind = "owa"
count = 6
network = "MAPI"
operating_system = "windows-7-kb2582281"
authentication = "ntlm"
database = "DB1"
think = "20s"
"#;

fn compared(designs: Vec<load::Loaded>, rates: Rates, years: u64, exact: bool) -> Comparison {
    let design = |loaded| {
        let (label, call) = ("x".to_owned(), "x".to_owned());
        Design { label, call, loaded, scenarios: Vec::new() }
    };
    let designs: Vec<Design> = designs.into_iter().map(design).collect();
    let question = Question { rates, years, runs: 1, seed: 1, jobs: 2, exact };
    let found = compare(&designs, &question, &Progress::default());
    found.unwrap_or_else(|problems| panic!("{problems:#?}"))
}

#[test]
fn the_quantiles_of_a_table_come_back_from_many_draws() {
    let table = &few().rates[0].time_to_repair.clone();
    let mut draws = Stream::new(7, 1, Purpose::TimeToRepair);
    let spans: Vec<Span> = (0..40_000).map(|_| table.at(draws.share())).collect();
    for (share, span) in table.points() {
        let wanted = 40_000 * u64::from(share.numerator()) / u64::from(share.denominator());
        let found = spans.iter().filter(|drawn| *drawn <= span).count() as u64;
        assert!(found.abs_diff(wanted) < 400, "{share}: {found} of 40000 are up to {span}");
    }
    let mean = spans.iter().map(|span| span.as_nanos() / 40_000).sum::<u64>();
    let wanted = table.mean().as_nanos();
    assert!(mean.abs_diff(wanted) < wanted / 50, "{mean} for {wanted}");
    assert_eq!(Quantiles::fixed(Span::from_secs(5)).at(123), Span::from_secs(5));
}

#[test]
fn equal_seeds_make_equal_years_and_others_do_not() {
    let topology = site().topology;
    let plan = |seed, number| year::plan(&topology, &few(), seed, number);
    assert_eq!(plan(1, 3), plan(1, 3));
    assert!(plan(1, 3).hits.len() > 10, "{}", plan(1, 3).hits.len());
    assert_ne!(plan(1, 3).hits, plan(1, 4).hits);
    assert_ne!(plan(1, 3).hits, plan(2, 3).hits);
}

/// The failures of a named machine from a cause: when, and for how long.
fn of_machine(topology: &Topology, hits: &[Hit], rate: usize, name: &str) -> Vec<(Instant, Span)> {
    let of = hits.iter().filter(|hit| hit.rate == rate && hit.component.name(topology) == name);
    of.map(|hit| (hit.at, hit.repair)).collect()
}

#[test]
fn the_same_part_of_two_designs_fails_at_the_same_moments() {
    let (two, one) = (site().topology, loaded(ALONE, &[]).topology);
    let (of_two, of_one) = (year::plan(&two, &few(), 1, 0), year::plan(&one, &few(), 1, 0));
    for (rate, in_two, in_one) in [(0, "EX01", "ONE"), (1, "DC01", "DC01")] {
        let found = of_machine(&two, &of_two.hits, rate, in_two);
        assert!(!found.is_empty(), "{in_two} never fails");
        assert_eq!(found, of_machine(&one, &of_one.hits, rate, in_one));
    }
    let second = of_machine(&two, &of_two.hits, 0, "EX02");
    assert_ne!(second, of_machine(&two, &of_two.hits, 0, "EX01"));
}

#[test]
fn equal_faults_never_overlap() {
    let topology = site().topology;
    let text = r#"
[[rate]]
name = "one"
kind = "power-off"
target = "exchange-server"
mean_time_between = "2h"
time_to_repair = "3h"
[[rate]]
name = "two"
kind = "power-off"
target = "machine"
mean_time_between = "5h"
time_to_repair = [["0%", "1h"], ["100%", "9h"]]
"#;
    let plan = year::plan(&topology, &rates(text), 1, 0);
    assert!(plan.dropped > 0, "none was left out");
    for (place, one) in plan.struck.iter().enumerate() {
        let mut later = plan.struck[place + 1..].iter().filter(|other| other.fault == one.fault);
        assert!(later.all(|other| other.at > one.until), "{one:?}");
    }
}

#[test]
fn the_shares_of_causes_and_of_kinds_add_up_to_the_whole() {
    let comparison = compared(vec![site()], few(), 3, false);
    let mut most = 0;
    for year in &comparison.results[0].years {
        assert_eq!(year.total(), year.lost_by_kind.values().sum::<u128>());
        most = most.max(year.total());
    }
    assert!(most > 0, "nobody was ever without service");
}

#[test]
fn a_design_does_not_differ_from_itself() {
    let comparison = compared(vec![site(), site()], few(), 2, false);
    let [one, other] = comparison.results.as_slice() else { panic!("two designs") };
    assert_eq!(one.years, other.years);
    assert_eq!(one.cost, other.cost);
}

/// A lone server works for 30 days on average, then is off for six hours. In a year it fails
/// 365 / 30.25 times (the renewal theorem; beginning in order adds less than a thousandth), and
/// its clients wait until it is mended and has booted.
#[test]
fn a_known_rate_and_repair_give_the_outage_of_the_closed_form() {
    let text = r#"
[[rate]]
name = "power"
kind = "power-off"
target = "exchange-server"
mean_time_between = "30d"
time_to_repair = "6h"
"#;
    let comparison = compared(vec![loaded(ALONE, &[])], rates(text), 60, false);
    let result = &comparison.results[0];
    assert_eq!(comparison.simulated, 1, "every episode is the same run");
    let minutes = |lost: u128| lost as f64 / 6e10 / 6.0;
    let years: Vec<f64> = result.years.iter().map(|year| minutes(year.total())).collect();
    let found = Estimate::of(&years);
    let boot_minutes = 1.0;
    let wanted = 365.0 / 30.25 * (360.0 + boot_minutes);
    let (low, high) = found.interval().expect("many years");
    assert!(low < wanted && wanted < high, "{low} to {high}, but {wanted} by the formula");
    assert!(high - low < 0.2 * wanted, "{low} to {high} says little");
    let hours = result.years.iter().map(|year| year.left_out.as_nanos() / 3_600_000_000_000);
    assert!(hours.sum::<u64>() > 60 * 11 * 5, "most of every repair is left out");
}

/// A client tries again on its own schedule, so what is cut off may end that much sooner or later.
#[test]
fn what_is_left_out_changes_no_outage_beyond_a_retry() {
    let text = r#"
[[rate]]
name = "power"
kind = "power-off"
target = "exchange-server"
mean_time_between = "100d"
time_to_repair = [["0%", "10m"], ["100%", "3h"]]
[[rate]]
name = "room"
kind = "power-off"
target = "site"
mean_time_between = "150d"
time_to_repair = [["0%", "1h"], ["100%", "3h"]]
"#;
    let of = |exact| compared(vec![site()], rates(text), 2, exact);
    let (short, whole) = (of(false), of(true));
    let (short, whole) = (&short.results[0], &whole.results[0]);
    let left_out: Span = short.years.iter().map(|year| year.left_out).sum();
    assert!(left_out > Span::from_secs(3_600), "nothing was left out");
    for (short, whole) in short.years.iter().zip(&whole.years) {
        assert_eq!(whole.left_out, Span::ZERO);
        let (a, b) = (short.total(), whole.total());
        let retry = 60_000_000_000_u128 * 10 * short.episodes as u128;
        assert!(b > 0 && a.abs_diff(b) < retry && a.abs_diff(b) < b / 50, "{a} and {b}");
    }
}

fn json(arguments: &[&str]) -> Value {
    let run = told(arguments);
    assert!(run.status < 2, "{}", run.err);
    serde_json::from_str(&run.out).expect("a JSON document")
}

const SMALL: [&str; 10] =
    ["--rates", FEW, "--years", "2", "--runs", "1", "--set", "clients.count=2", "--format", "json"];

fn small<'a>(first: &[&'a str]) -> Vec<&'a str> {
    ["compare"].into_iter().chain(first.iter().copied()).chain(SMALL).collect()
}

#[test]
fn the_number_of_threads_changes_nothing_and_the_shares_add_up() {
    let designs = ["two-node-2010", "two-node-2010+cluster.same_subnet_threshold=10"];
    let one = json(&small(&[designs[0], designs[1], "--jobs", "1"]));
    assert_eq!(one, json(&small(&[designs[0], designs[1], "--jobs", "3"])));
    let [first, second] = one["designs"].as_array().expect("designs").as_slice() else {
        panic!("two designs")
    };
    assert_ne!(first["year"]["years"], second["year"]["years"], "the setting has an effect");
    for design in [first, second] {
        let of = |key: &str| {
            design["year"]["causes"]
                .as_array()
                .expect("causes")
                .iter()
                .map(|cause| cause[key].as_f64().expect("a number"))
                .sum::<f64>()
        };
        let whole = design["year"]["outage"]["mean_ms"].as_f64().expect("a number");
        assert!((of("ms") - whole).abs() < whole * 1e-9 && (of("share") - 1.0).abs() < 1e-9);
    }
    let difference = &one["differences"][0];
    assert_eq!(difference["years"], 2);
    let keys: Vec<&str> = one["assumed"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|assumption| assumption["key"].as_str())
        .collect();
    for key in ["rate \"others\"", "prices.server", "year.quiet_limit", "power.boot_time"] {
        assert!(keys.contains(&key), "{key} is not listed");
    }
}

#[test]
fn prices_are_inputs() {
    let report = json(&small(&["two-node-2010", "--price", "server=7"]));
    let items = report["designs"][0]["cost"]["items"].as_array().expect("items");
    let servers = items.iter().find(|item| item["key"] == "prices.server").expect("servers");
    assert_eq!((&servers["count"], &servers["total"]), (&3.into(), &21.into()));
    let assumed = report["assumed"].as_array().expect("a list");
    assert!(assumed.iter().all(|assumption| assumption["key"] != "prices.server"), "it was given");
}

#[test]
fn a_named_episode_can_be_run_again() {
    let folder = Folder::new("episodes");
    let kept = folder.path("kept");
    let report = json(&small(&["two-node-2010", "--keep", &kept]));
    let episodes = report["designs"][0]["episodes"].as_array().expect("a list");
    let worst = episodes.first().expect("the worst episode is named");
    let repeat = worst["repeat"].as_str().expect("a command");
    let words: Vec<&str> = repeat.split_whitespace().skip(1).chain(["--format", "json"]).collect();
    let run = json(&words);
    assert!(run["outages"].as_array().expect("outages").iter().any(|one| one["who"] == "outlook"));
}

#[test]
fn a_comparison_is_told_in_every_form() {
    let call = |format: &'static str| {
        let mut arguments = small(&["two-node-2010", "two-node-2010+store.mount_time=30s"]);
        *arguments.last_mut().expect("a format") = format;
        told(&arguments)
    };
    let svg = call("svg").out;
    assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"), "{svg:.80}");
    assert!(svg.contains("switch") && svg.contains("two-node-2010+store.mount_time=30s"));
    let csv = call("csv").out;
    assert!(csv.starts_with("design,year,cause,clients,outage_ms_per_client,lost_messages\n"));
    assert!(csv.lines().count() > 5, "{csv}");
    let text = call("text").out;
    for words in ["Cost", "By cause", "B - A", "warning", "Repeat: dagtwin compare two-node-2010"] {
        assert!(text.contains(words), "{words}: {text}");
    }
}

#[test]
fn a_wrong_design_is_told() {
    for (design, words) in [
        ("two-node-2011", "did you mean \"two-node-2010\"?"),
        ("two-node-2010+cluster.nosuch=1", "--set: cluster.nosuch = 1: expected one of "),
        ("two-node-2010+cluster.same_subnet_delay=1s+x", "expected KEY=VALUE after the plus sign"),
    ] {
        let run = told(&["compare", design]);
        assert_eq!(run.status, 2, "{design}");
        assert!(run.err.contains(words), "{design}: {}", run.err);
    }
}
