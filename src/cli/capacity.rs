//! `dagtwin capacity`: who can be carried before and after a failover, and what gives way first.

use super::args::{StudyFormat, key_value};
use super::failure::{Answer, Done, Failure};
use super::{input, progress, suggest};
use crate::base::Span;
use crate::lab::capacity::{self, Question};
use crate::lab::pool::Progress;
use crate::model::settings::Value;
use crate::model::{Problem, Topology};
use crate::report::capacity as report;
use clap::{Args, ValueHint};
use std::sync::atomic::Ordering;

/// Tell who can be carried before and after a failover, and what gives way first: use of every
/// resource, latency percentiles, and the largest number of users within the limits.
///
/// The closed form of the product's sizing rules stands beside what real runs measure. The largest
/// number of users is found by bisection over real runs; every client group changes in proportion.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Capacity {
    /// A built-in topology's name, a folder with a topology.toml, or such a file.
    #[arg(default_value = "two-node-2010", value_hint = ValueHint::AnyPath)]
    pub topology: String,
    /// Study so many users instead of the topology's; every client group in proportion.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub users: Option<u32>,
    /// The machine that loses power [default: the member with the most active databases].
    #[arg(long, value_name = "MACHINE")]
    pub lost: Option<String>,
    /// Seeds with which the largest number of users is searched; 0 for no search.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(0..=1_000), value_name = "N")]
    pub runs: u32,
    /// Seed of the first run: a number (0x for hexadecimal).
    #[arg(long, default_value = "1", value_parser = super::args::number, value_name = "N")]
    pub seed: u64,
    /// How long is measured before the failover, and again after it [default: 5m].
    #[arg(long, value_name = "TIME")]
    pub window: Option<String>,
    /// Give a setting another value; may be given many times. Keys: `dagtwin list parameters`.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_value)]
    pub set: Vec<(String, String)>,
    /// Form of the study on standard output.
    #[arg(long, value_enum, default_value_t = StudyFormat::Text)]
    pub format: StudyFormat,
    /// Width of the text in columns [default: the terminal's, or 120].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(60..=400))]
    pub width: Option<u16>,
}

const EXAMPLES: &str = "\
Exit status 1 says that the users do not stay within the limits after the failover.

Examples:
  dagtwin capacity
  dagtwin capacity two-node-2010 --users 2000 --set clients.profile=100
  dagtwin capacity my-site --lost EX02 --set hardware.cores=12 --format svg > capacity.svg
  dagtwin capacity my-site --runs 0 --format json | jq .closed_form";

/// Shortest and longest window.
const WINDOW: (Span, Span) = (Span::from_secs(10), Span::from_secs(24 * 3_600));

pub(super) fn capacity(args: &Capacity) -> Answer {
    let loaded = input::topology(&args.topology, &args.set)?;
    let users = args.users.unwrap_or_else(|| capacity::users(&loaded.topology));
    let topology = capacity::scaled(&loaded.topology, users);
    if capacity::users(&loaded.topology) == 0 {
        return Err(Failure::Call(format!(
            "{}: expected clients with a mailbox (outlook, owa or active-sync) to study",
            args.topology
        )));
    }
    let question = question(args, &topology)?;
    let note = format!("studying {}", topology.name);
    let progress = Progress::default();
    // A bisection to a hundredth from a guess within a factor of two takes about so many runs.
    let runs = 1 + args.runs as usize * 9;
    progress.total.store(runs, Ordering::Relaxed);
    let study = progress::counted(&note, &progress, || {
        capacity::study(&topology, question, args.runs, &loaded.given, &mut |done| {
            progress.done.store(done as usize, Ordering::Relaxed);
            progress.total.fetch_max(done as usize + 1, Ordering::Relaxed);
        })
    });
    let format = super::study_format(args.format, args.width);
    let mut done = Done { output: Vec::new(), broken: !study.holds, ..Done::default() };
    let written = report::write(&study, format, &repeat(args), &mut done.output);
    written.map_err(|error| Failure::output(&error))?;
    Ok(done)
}

fn question(args: &Capacity, topology: &Topology) -> Result<Question, Failure> {
    let mut question = Question::usual(topology);
    question.seed = args.seed;
    if let Some(name) = &args.lost {
        let mut machines = topology.machines.iter();
        let found = machines.find(|(_, machine)| machine.name.eq_ignore_ascii_case(name));
        question.lost = match found {
            Some((id, _)) => id,
            None => {
                let known: Vec<&str> =
                    topology.machines.values().map(|machine| machine.name.as_str()).collect();
                return Err(Failure::Call(suggest::unknown("machine", name, &known, "")));
            }
        };
    }
    if let Some(text) = &args.window {
        let window = Span::read(text).filter(|span| (WINDOW.0..=WINDOW.1).contains(span));
        let Some(window) = window else {
            return Err(Failure::Input(vec![Problem {
                file: "--window".to_owned(),
                line: None,
                key: String::new(),
                value: format!("{text:?}"),
                expected: "a duration from \"10s\" to \"24h\"".to_owned(),
                hint: None,
            }]));
        };
        (question.before, question.after) = (window, window);
    }
    Ok(question)
}

/// The command that repeats the study.
fn repeat(args: &Capacity) -> String {
    let mut words = vec!["dagtwin capacity".to_owned(), super::run::quoted(&args.topology)];
    words.extend(args.users.map(|users| format!("--users {users}")));
    words.extend(args.lost.iter().map(|lost| format!("--lost {}", super::run::quoted(lost))));
    words.push(format!("--runs {} --seed {}", args.runs, args.seed));
    words.extend(args.window.iter().map(|window| format!("--window {window}")));
    for (key, value) in &args.set {
        words.push(format!("--set {}", super::run::quoted(&format!("{key}={value}"))));
    }
    words.join(" ")
}
