//! What a person can type after `dagtwin test`.

use super::super::args::{ListFormat, key_value, number};
use clap::{Args, ValueHint};
use std::path::PathBuf;

/// Run scenario files as tests: every expectation must be met, every promise kept, and the verdict
/// must be the one that the file asks for; where the file has a timeline, budgets or a space to
/// explore, they must hold too.
#[derive(Args, Debug)]
#[command(after_help = TEST_EXAMPLES)]
pub(crate) struct Test {
    /// Scenario files, or folders with such files at any depth [default: the folder you are in if
    /// it has a topology.toml, else its folders scenarios and topologies, else the scenarios of
    /// the built-in topologies].
    #[arg(value_hint = ValueHint::AnyPath, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// The topology of files that name none and have no topology.toml beside or above them.
    #[arg(long, default_value = "two-node-2010", value_hint = ValueHint::AnyPath)]
    pub topology: String,
    /// Seed of the first run of each scenario: a number (0x for hexadecimal).
    #[arg(long, default_value = "1", value_parser = number, value_name = "N")]
    pub seed: u64,
    /// Runs of each scenario, each with the next seed.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1_000_000), value_name = "N")]
    pub runs: u64,
    /// Runs at a time [default: one for each core].
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024), value_name = "N")]
    pub jobs: Option<u16>,
    /// Give a setting another value in every run; may be given many times.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_value)]
    pub set: Vec<(String, String)>,
    /// Only scenarios whose name, as the result shows it, has this text in it.
    #[arg(long, value_name = "TEXT")]
    pub filter: Option<String>,
    /// Say which scenarios there are and what is asked of them; run none.
    #[arg(long, conflicts_with_all = ["accept", "junit"])]
    pub list: bool,
    /// Write the timelines that came into the files that have one.
    #[arg(long, conflicts_with = "set")]
    pub accept: bool,
    /// With --accept: add a timeline to files that have none.
    #[arg(long, requires = "accept")]
    pub all: bool,
    /// Form of the result on standard output.
    #[arg(long, value_enum, default_value_t = ListFormat::Text)]
    pub format: ListFormat,
    /// Also write the result as JUnit XML.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub junit: Option<PathBuf>,
}

const TEST_EXAMPLES: &str = "\
Which topology a scenario file is for: the one that it names (topology = \"…\"), else the
topology.toml in its folder or a folder above it, else the built-in one whose name a folder above
it has, else --topology.

Examples:
  dagtwin test
  dagtwin test my-site
  dagtwin test my-site/scenarios/power-off.toml --runs 20
  dagtwin test my-site --filter nic --accept --all
  dagtwin test my-site --junit result.xml

Exit status: 0 all passed; 1 something failed; 130 stopped with Ctrl-C, and the result has what was
done by then.";
