//! What a person can type.

use crate::failover::seam::{ActivationPolicy, MountDial};
use crate::journal::stream::Place;
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use std::hash::{BuildHasher, RandomState};
use std::path::PathBuf;

/// A deterministic simulator and digital twin of a two-node Exchange 2010 high-availability site.
///
/// Results go to standard output, notes and errors to standard error. Exit status: 0 all held;
/// 1 a promise or an expectation was broken; 2 the input or the call is wrong; 3 the machine
/// failed us (disk, permission); 130 stopped with Ctrl-C, and the output has what was done.
#[derive(Parser, Debug)]
#[command(name = "dagtwin", version, long_version = LONG_VERSION, max_term_width = 100)]
#[command(arg_required_else_help = true, after_help = EXAMPLES)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub command: Command,
    /// Colour of standard output.
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub color: Color,
}

const LONG_VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    "\n",
    env!("CARGO_PKG_DESCRIPTION"),
    "\nlicense: ",
    env!("CARGO_PKG_LICENSE"),
);

const EXAMPLES: &str = "\
Examples:
  dagtwin run                              the article's failover: all NICs of EX01 disabled
  dagtwin run --scenario power-off         another scenario of the built-in topology
  dagtwin watch                            the same, as a time machine in the terminal
  dagtwin list scenarios                   what there is
  dagtwin new my-site                      a topology of your own to start from";

/// The subcommands, in the order of the help.
#[derive(Subcommand, Debug)]
pub(super) enum Command {
    Run(Run),
    Watch(super::watch::Watch),
    Sweep(Box<super::sweep::Sweep>),
    Merge(super::sweep::Merge),
    Swarm(super::swarm::Swarm),
    Shrink(super::shrink::Shrink),
    Test(super::test::Test),
    Capacity(super::capacity::Capacity),
    Select(Select),
    List(List),
    Transitions(Transitions),
    Why(Why),
    Export(super::export::Export),
    Verify(Verify),
    Diff(Diff),
    WhatIf(super::what_if::WhatIfArguments),
    Quorum(super::quorum::Quorum),
    Compare(super::compare::Compare),
    Import(super::measured::Import),
    Explore(super::explore::Explore),
    #[cfg(feature = "agent")]
    Agent(super::agent::Agent),
    #[cfg(feature = "agent")]
    Ctl(super::agent::Ctl),
    #[cfg(feature = "agent")]
    Witness(super::witness::WitnessArguments),
    New(New),
    Completions(Completions),
    Man(Man),
}

/// Run a scenario in a topology and report what happened, second by second.
#[derive(Args, Clone, Debug)]
#[command(after_help = RUN_EXAMPLES)]
pub(super) struct Run {
    /// A built-in topology's name, a folder with a topology.toml, or such a file.
    #[arg(default_value = "two-node-2010", value_hint = ValueHint::AnyPath)]
    pub topology: String,
    /// A scenario's name in the topology's folder, or a scenario file [default: nic-loss].
    #[arg(long, short, value_name = "NAME|FILE", value_hint = ValueHint::AnyPath)]
    pub scenario: Option<String>,
    /// Seed of every random draw: a number (0x for hexadecimal), or `random` [default: 1; of a
    /// journal that is run again, its own].
    #[arg(long, value_parser = seed, value_name = "N")]
    pub seed: Option<Seed>,
    /// End the run at this moment instead of the scenario's, such as `10m`.
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// Give a setting another value; may be given many times. Keys: `dagtwin list parameters`.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_value)]
    pub set: Vec<(String, String)>,
    /// Form of the report on standard output.
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub format: ReportFormat,
    /// Also write the journal, every record with its cause: as text if the name ends in .txt.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub journal: Option<PathBuf>,
    /// Run in real time, so many simulated seconds a second: 1, 10, 0.5. A journal grows as the run
    /// goes on; Ctrl-C ends both at the moment that was reached.
    #[arg(long, value_name = "SPEED", value_parser = super::pace::speed)]
    pub pace: Option<super::pace::Speed>,
    /// Serve the growing journal at tcp:HOST:PORT or unix:PATH: whoever connects is sent it from
    /// its beginning.
    #[arg(long, value_name = "ADDRESS", requires = "pace", value_parser = super::pace::address)]
    pub listen: Option<Place>,
    /// Width of the text report in columns [default: the terminal's, or 120].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(60..=400))]
    pub width: Option<u16>,
    /// Print nothing; the exit status tells whether all held.
    #[arg(long, short)]
    pub quiet: bool,
}

const RUN_EXAMPLES: &str = "\
Examples:
  dagtwin run
  dagtwin run --scenario gratuitous-arp-blocked
  dagtwin run --set clients.operating_system=windows-7 --set cluster.same_subnet_threshold=10
  dagtwin run --seed random --format json | jq .recovered_ms
  dagtwin run my-site --scenario my-site/scenarios/power-off.toml --journal run.dagtwin
  dagtwin run --pace 10 --journal run.dagtwin --listen unix:/tmp/twin";

/// Tell which database copies are activated when a server is lost: best copy selection and the
/// mount dial, over what Get-MailboxDatabaseCopyStatus printed.
#[derive(Args, Debug)]
#[command(after_help = SELECT_EXAMPLES)]
pub(super) struct Select {
    /// Output of Get-MailboxDatabaseCopyStatus as Export-Csv, ConvertTo-Json or Format-List writes
    /// it; `-` for standard input.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub copies: PathBuf,
    /// The server that is lost, or left with --move; may be given many times.
    #[arg(long, value_name = "SERVER", required = true)]
    pub lost: Vec<String>,
    /// AutoDatabaseMountDial of a server: Lossless, GoodAvailability (if not given) or
    /// BestAvailability.
    #[arg(long, value_name = "SERVER=VALUE", value_parser = server_dial)]
    pub dial: Vec<(String, MountDial)>,
    /// DatabaseCopyAutoActivationPolicy of a server: Unrestricted, IntrasiteOnly or Blocked
    /// [default: the file's AutoActivationPolicy, or Unrestricted].
    #[arg(long, value_name = "SERVER=VALUE", value_parser = server_policy)]
    pub policy: Vec<(String, ActivationPolicy)>,
    /// Active Directory site of a server, for IntrasiteOnly; servers without one share a site.
    #[arg(long, value_name = "SERVER=NAME", value_parser = server_text)]
    pub site: Vec<(String, String)>,
    /// MaximumActiveDatabases of a server; those that the file shows there count.
    #[arg(long = "max-active", value_name = "SERVER=N", value_parser = server_number)]
    pub max_active: Vec<(String, u16)>,
    /// A server that cannot be reached, but whose databases are not to be moved.
    #[arg(long, value_name = "SERVER")]
    pub unreachable: Vec<String>,
    /// A server whose activation policy is Blocked, or DATABASE\SERVER for a copy whose activation
    /// is suspended.
    #[arg(long, value_name = "SERVER")]
    pub blocked: Vec<String>,
    /// Activation preference of a server's copies, or of DATABASE\SERVER [default: the file's, or
    /// the order of the file].
    #[arg(long, value_name = "SERVER=N", value_parser = server_preference)]
    pub preference: Vec<(String, u8)>,
    /// Not a failover, but an administrator's move without target.
    #[arg(long = "move", value_enum, value_name = "HOW")]
    pub by: Option<MoveKind>,
    /// The lost server can still be asked for the logs that the others lack.
    #[arg(long)]
    pub source_reachable: bool,
    /// A check that the move leaves out (the Skip switches of Move-ActiveMailboxDatabase).
    #[arg(long, value_enum, value_name = "CHECK")]
    pub skip: Vec<Check>,
    /// Width of the text in columns [default: the terminal's, or 120].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(60..=400))]
    pub width: Option<u16>,
    /// Form of the answer on standard output.
    #[arg(long, value_enum, default_value_t = ListFormat::Text)]
    pub format: ListFormat,
}

const SELECT_EXAMPLES: &str = "\
Examples:
  Get-MailboxDatabase | Get-MailboxDatabaseCopyStatus | Export-Csv copies.csv    (on a server)
  dagtwin select --copies copies.csv --lost EX01
  dagtwin select --copies copies.csv --lost EX01 --dial EX02=Lossless --max-active EX03=20
  dagtwin select --copies copies.csv --lost EX01 --move lossless --source-reachable
  dagtwin select --copies copies.csv --lost EX01 --format json | jq '.databases[].chosen'";

/// How an administrator moves databases without target.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum MoveKind {
    /// No log may be lost: copies are sorted by preference, and the dial is Lossless.
    Lossless,
}

/// A check of Move-ActiveMailboxDatabase that can be left out.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Check {
    /// SkipHealthChecks: copies that failed or stand still count as eligible.
    Health,
    /// SkipActiveCopyChecks: the active copy may be the source of a seed.
    ActiveCopy,
    /// SkipLagChecks: queues may have any length.
    Lag,
    /// SkipClientExperienceChecks: the content index may be in any state.
    ClientExperience,
    /// SkipMaximumActiveDatabasesChecks: servers may have more than their maximum.
    MaximumActiveDatabases,
}

/// List what there is to choose from.
#[derive(Args, Debug)]
pub(super) struct List {
    /// What to list; everything if not given.
    #[arg(value_enum)]
    pub what: Option<Listed>,
    /// Form of the list.
    #[arg(long, value_enum, default_value_t = ListFormat::Text)]
    pub format: ListFormat,
}

/// What can be listed.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Listed {
    /// Built-in topologies.
    Topologies,
    /// Scenarios of the built-in topologies.
    Scenarios,
    /// Faults that a scenario can plan.
    Faults,
    /// Orders that a scenario can give, as the cmdlets' lines.
    Orders,
    /// Promises that every run is judged by.
    Promises,
    /// What the real design permits though nobody wants it: explained or measured, not promised.
    Hazards,
    /// Settings with their default, range, and what the default rests on.
    Parameters,
    /// Bugs that `--set test.planted=NAME` plants, to prove that they are found.
    Planted,
}

/// Show every state of groups, resources, nodes, database copies, quorum, network interfaces and
/// networks with the ways between them, and count how often each was taken in journals.
#[derive(Args, Debug)]
#[command(after_help = TRANSITIONS_EXAMPLES)]
pub(super) struct Transitions {
    /// Journals that `dagtwin run --journal` wrote; without one only the tables are shown.
    #[arg(value_hint = ValueHint::FilePath, value_name = "JOURNAL")]
    pub journals: Vec<PathBuf>,
    /// Form of the tables on standard output.
    #[arg(long, value_enum, default_value_t = TableFormat::Text)]
    pub format: TableFormat,
}

const TRANSITIONS_EXAMPLES: &str = "\
Examples:
  dagtwin transitions
  dagtwin run --journal run.dagtwin && dagtwin transitions run.dagtwin
  dagtwin transitions --format dot | dot -Tsvg > states.svg
  dagtwin transitions *.dagtwin --format json |
    jq -r '.machines[] | .machine as $m | .edges[] | select(.taken == 0) | \"\\($m) \\(.from) \\(.to)\"'";

/// Tell why something happened: the chain of causes back to where it began.
#[derive(Args, Debug)]
pub(super) struct Why {
    /// A journal that `dagtwin run --journal` or an agent wrote.
    #[arg(value_hint = ValueHint::FilePath)]
    pub journal: PathBuf,
    /// The record's number; the end of the last outage if not given.
    #[arg(value_parser = record_number)]
    pub event: Option<u32>,
}

/// Feed a journal's inputs to a fresh failover core and demand the recorded effects; judge by
/// cables, power and time whether the rest is possible.
#[derive(Args, Debug)]
pub(super) struct Verify {
    /// A journal that `dagtwin run --journal` or an agent wrote.
    #[arg(value_hint = ValueHint::FilePath)]
    pub journal: PathBuf,
}

/// Compare two journals and name the first record that differs.
#[derive(Args, Debug)]
#[command(after_help = "Exit status 1 says that they differ.")]
pub(super) struct Diff {
    /// A journal that `dagtwin run --journal` or an agent wrote.
    #[arg(value_hint = ValueHint::FilePath)]
    pub one: PathBuf,
    /// Another.
    #[arg(value_hint = ValueHint::FilePath)]
    pub other: PathBuf,
}

/// Write a starter topology with its scenarios into a new folder.
#[derive(Args, Debug)]
pub(super) struct New {
    /// The folder; it must not exist yet, or be empty.
    #[arg(value_hint = ValueHint::DirPath)]
    pub folder: PathBuf,
}

/// Print completions for a shell.
#[derive(Args, Debug)]
pub(super) struct Completions {
    /// The shell.
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// Print the manual page of the program or of one command, for `man -l -`.
#[derive(Args, Debug)]
pub(super) struct Man {
    /// The command.
    pub command: Option<String>,
}

/// When to use colour.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Color {
    /// If standard output is a terminal, unless NO_COLOR is set; always if CLICOLOR_FORCE is.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Form of a run's report.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ReportFormat {
    /// For a person.
    Text,
    /// One JSON document.
    Json,
    /// Database operations in the columns of CollectOverMetrics.ps1.
    Csv,
}

/// Form of the tables of states.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum TableFormat {
    /// For a person.
    Text,
    /// One JSON document.
    Json,
    /// One row for each way from a state to another.
    Csv,
    /// A diagram for Graphviz.
    Dot,
    /// A diagram for Mermaid.
    Mermaid,
}

/// Form of a list.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ListFormat {
    /// For a person.
    Text,
    /// One JSON document.
    Json,
}

/// Form of what can be a picture too.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum StudyFormat {
    /// For a person.
    Text,
    /// One JSON document.
    Json,
    /// A table.
    Csv,
    /// A picture.
    Svg,
}

/// A seed as typed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Seed {
    /// This one.
    Given(u64),
    /// One that the operating system draws; the report says which.
    Random,
}

impl Seed {
    /// The seed itself.
    pub(super) fn number(self) -> u64 {
        match self {
            Seed::Given(seed) => seed,
            // The operating system keys every new RandomState.
            Seed::Random => RandomState::new().hash_one("dagtwin"),
        }
    }
}

pub(super) fn seed(text: &str) -> Result<Seed, String> {
    if text == "random" {
        return Ok(Seed::Random);
    }
    let number = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    number.map(Seed::Given).map_err(|_| {
        "expected a whole number below 2^64, in decimals or with 0x, or `random`".to_owned()
    })
}

pub(super) fn number(text: &str) -> Result<u64, String> {
    match seed(text) {
        Ok(Seed::Given(number)) => Ok(number),
        Ok(Seed::Random) | Err(_) => {
            Err("expected a whole number below 2^64, in decimals or with 0x".to_owned())
        }
    }
}

pub(super) fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => {
            Ok((key.trim().to_owned(), value.trim().to_owned()))
        }
        _ => Err("expected KEY=VALUE, such as cluster.same_subnet_delay=2s".to_owned()),
    }
}

/// `SERVER=VALUE`, with the value read.
fn server_value<T>(
    text: &str,
    expected: &str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<(String, T), String> {
    let parts = text.split_once('=').map(|(server, value)| (server.trim(), value.trim()));
    let found = parts.filter(|(server, _)| !server.is_empty());
    let found = found.and_then(|(server, value)| Some((server.to_owned(), read(value)?)));
    found.ok_or_else(|| format!("expected SERVER={expected}"))
}

/// A word of the product, with or without hyphens, in upper or lower case.
fn word<T: Copy>(words: &[(&str, T)], text: &str) -> Option<T> {
    let text = text.replace('-', "");
    words.iter().find(|(word, _)| word.eq_ignore_ascii_case(&text)).map(|(_, value)| *value)
}

fn server_dial(text: &str) -> Result<(String, MountDial), String> {
    let words = [
        ("Lossless", MountDial::Lossless),
        ("GoodAvailability", MountDial::GoodAvailability),
        ("BestAvailability", MountDial::BestAvailability),
    ];
    let expected = "Lossless, GoodAvailability or BestAvailability";
    server_value(text, expected, |value| word(&words, value))
}

fn server_policy(text: &str) -> Result<(String, ActivationPolicy), String> {
    let words = [
        ("Unrestricted", ActivationPolicy::Unrestricted),
        ("IntrasiteOnly", ActivationPolicy::IntrasiteOnly),
        ("Blocked", ActivationPolicy::Blocked),
    ];
    let expected = "Unrestricted, IntrasiteOnly or Blocked";
    server_value(text, expected, |value| word(&words, value))
}

fn server_text(text: &str) -> Result<(String, String), String> {
    let some = |value: &str| (!value.is_empty()).then(|| value.to_owned());
    server_value(text, "a name that is not empty", some)
}

fn server_number(text: &str) -> Result<(String, u16), String> {
    server_value(text, "a whole number from 0 to 65535", |value| value.parse().ok())
}

fn server_preference(text: &str) -> Result<(String, u8), String> {
    let number = |value: &str| value.parse().ok().filter(|number| *number > 0);
    server_value(text, "a whole number from 1 to 255, 1 the most preferred", number)
}

fn record_number(text: &str) -> Result<u32, String> {
    let digits = text.strip_prefix('#').unwrap_or(text);
    digits.parse().map_err(|_| "expected a record's number, such as 412 or #412".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_grammar_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn seeds() {
        assert_eq!(seed("0xff"), Ok(Seed::Given(255)));
        assert_eq!(seed("18446744073709551615"), Ok(Seed::Given(u64::MAX)));
        assert_eq!(seed("random"), Ok(Seed::Random));
        assert!(seed("18446744073709551616").is_err());
        assert!(seed("-1").is_err());
        assert!(seed("").is_err());
    }

    #[test]
    fn settings_and_record_numbers() {
        assert_eq!(key_value("a.b = 2s"), Ok(("a.b".into(), "2s".into())));
        assert_eq!(key_value("a=b=c"), Ok(("a".into(), "b=c".into())));
        assert!(key_value("=2s").is_err());
        assert!(key_value("a").is_err());
        assert_eq!(record_number("#12"), Ok(12));
        assert!(record_number("twelve").is_err());
    }
}
