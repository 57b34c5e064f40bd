//! `dagtwin explore`: every ordering of what may happen to two members and a witness.

use super::args::{ListFormat, key_value};
use super::failure::{Answer, Done, Failure, refuse_unwritable};
use super::{input, progress};
use crate::base::{Instant, Span};
use crate::lab::explore::{self, Bounds, Explored, Named};
use crate::lab::pool::{self, Progress};
use crate::lab::what_if;
use crate::model::settings::Value as _;
use crate::model::{Scenario, load, tested};
use crate::report::explore::{Report, json, text};
use crate::view::words::counted;
use clap::{Args, ValueHint};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Follow every ordering of deliveries, timers, losses and cuts that the timing bounds allow, with
/// two members and a witness, and judge every state by the promises.
///
/// The site has no clients here, and of databases that are alike one is enough. First everything
/// comes online; then every choice is followed up to the horizon. A way that breaks a promise
/// becomes a scenario file, which is run in the simulator at once.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Explore {
    /// A built-in topology's name, a folder with a topology.toml, or such a file.
    #[arg(default_value = "two-node-2010", value_hint = ValueHint::AnyPath)]
    pub topology: String,
    /// Take placement, settings and time of day from this scenario of the topology; its faults and
    /// steps are left out.
    #[arg(long, value_name = "NAME|FILE", value_hint = ValueHint::AnyPath)]
    pub from: Option<String>,
    /// When exploration begins.
    #[arg(long, default_value = "60s", value_name = "TIME", value_parser = span)]
    pub start: Span,
    /// How long after that the space ends.
    #[arg(long, default_value = "20s", value_name = "TIME", value_parser = length)]
    pub horizon: Span,
    /// How long after the start a cut or a loss of power may begin: one heartbeat's time is as any
    /// other.
    #[arg(long, default_value = "1s", value_name = "TIME", value_parser = span)]
    pub within: Span,
    /// Frames between the members that may be lost, each by itself.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=i64::from(tested::MOST_LOSSES)))]
    pub losses: u8,
    /// Cuts that may begin: of one network or of all, both ways or one way, to the end or for a
    /// while.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=i64::from(tested::MOST_CUTS)))]
    pub cuts: u8,
    /// A cut may also leave a member alone, without the witness; clients still reach it.
    #[arg(long)]
    pub alone: bool,
    /// Members that may lose their power.
    #[arg(long, default_value_t = 0, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=i64::from(tested::MOST_CRASHES)))]
    pub crashes: u8,
    /// How late a core may be woken after its deadline, such as `15ms`.
    #[arg(long, default_value = "0s", value_name = "TIME", value_parser = span)]
    pub clock: Span,
    /// Most states that are entered.
    #[arg(long, default_value_t = 2_000_000, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=tested::MOST_STATES))]
    pub states: u64,
    /// Also heal everything at the horizon, from every state there, and demand that service is back
    /// within this time.
    #[arg(long, value_name = "TIME", num_args = 0..=1, default_missing_value = "5m", value_parser = span)]
    pub settle: Option<Span>,
    /// Follow what commutes in every order; the verdict is the same, and it takes longer.
    #[arg(long)]
    pub every_order: bool,
    /// Give a setting another value; may be given many times. Keys: `dagtwin list parameters`.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_value)]
    pub set: Vec<(String, String)>,
    /// States that are followed at a time [default: one for each core].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub jobs: Option<u16>,
    /// Write the first way that breaks a promise here, as a scenario file; others beside it.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub out: Option<PathBuf>,
    /// Form of the report on standard output.
    #[arg(long, value_enum, default_value_t = ListFormat::Text)]
    pub format: ListFormat,
    /// Width of the text report in columns [default: the terminal's, or 120].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(60..=400))]
    pub width: Option<u16>,
}

const EXAMPLES: &str = "\
Exit status: 0 if no promise was broken, exhausted or not: the report says which; 1 if one was;
130 stopped with Ctrl-C, and the report has what is complete.

Examples:
  dagtwin explore
  dagtwin explore --losses 2 --cuts 0 --crashes 1
  dagtwin explore --alone --out alone.toml
  dagtwin explore my-site --from my-site/scenarios/quiet.toml --settle";

fn span(text: &str) -> Result<Span, String> {
    let span = Span::read(text).filter(|span| *span <= tested::LONGEST);
    span.ok_or_else(|| "expected a duration with its unit, such as 20s, at most a day".to_owned())
}

fn length(text: &str) -> Result<Span, String> {
    match span(text)? {
        Span::ZERO => Err("expected a duration above zero".to_owned()),
        length => Ok(length),
    }
}

fn bounds(args: &Explore) -> Bounds {
    Bounds {
        start: Instant::ZERO + args.start,
        horizon: args.horizon,
        within: args.within,
        losses: args.losses,
        cuts: args.cuts,
        alone: args.alone,
        crashes: args.crashes,
        clock: args.clock,
        states: args.states,
        reduces: !args.every_order,
        settle: args.settle,
        jobs: args.jobs.map_or_else(pool::cores, usize::from),
    }
}

pub(super) fn explore(args: &Explore) -> Answer {
    if let Some(path) = &args.out {
        refuse_unwritable("--out", path)?;
    }
    let Begins { loaded, scenario, set } = site(args)?;
    let topology = &loaded.topology;
    if let Some(refusal) = explore::refusal(topology) {
        return Err(Failure::Call(refusal));
    }
    let bounds = bounds(args);
    let done = Arc::new(Progress::default());
    super::stop_when_asked(&done);
    let named = named(&args.topology);
    let found = progress::counted_in("exploring", "ms", &done, || {
        let named = Named { topology: &named, set: &set };
        explore::explore((topology, &scenario), named, &bounds, &done)
    });
    let explored = found.map_err(Failure::Call)?;
    let files = written(args.out.as_deref(), &explored)?;
    let mut repeat = call(&args.topology, args.from.as_deref(), &bounds, &args.set);
    if let Some(out) = &args.out {
        repeat += &format!(" --out {}", super::run::quoted(&out.display().to_string()));
    }
    let report = Report {
        site: (&topology.name, &topology.title),
        bounds: &bounds,
        explored: &explored,
        files: &files,
        repeat: &repeat,
    };
    let mut output = Vec::new();
    let told = match args.format {
        ListFormat::Text => {
            let width = usize::from(args.width.unwrap_or_else(super::run::terminal_width));
            text(&report, width, super::colored(), &mut output)
        }
        ListFormat::Json => json(&report, &mut output),
    };
    told.map_err(|error| Failure::output(&error))?;
    let broken = !explored.counterexamples.is_empty();
    let interrupted = explored.cut_off == Some(explore::CutOff::Stopped);
    Ok(Done { output, broken, interrupted, ..Done::default() })
}

/// What it begins with: the topology, the scenario whose placement it takes, and the settings that
/// the scenario and the command line give.
struct Begins {
    loaded: load::Loaded,
    scenario: Scenario,
    set: Vec<(String, String)>,
}

fn site(args: &Explore) -> Result<Begins, Failure> {
    if let Some(from) = &args.from {
        let site = input::site(&args.topology, Some(from), &args.set, None)?;
        let (faults, steps) = (site.scenario.faults.len(), site.scenario.steps.len());
        if faults + steps > 0 {
            let (faults, steps) = (counted(faults as u64, "fault"), counted(steps as u64, "step"));
            let left = format!("of {from}, {faults} and {steps} are left out");
            super::note(&left);
        }
        let set = what_if::settings_of(&site.sources);
        return Ok(Begins { loaded: site.loaded, scenario: site.scenario, set });
    }
    let loaded = input::topology(&args.topology, &args.set)?;
    let usual = "title = \"The usual placement\"\nuntil = \"5m\"\n";
    let scenario = load::scenario("explore", "explore", usual, &loaded.topology);
    let scenario = scenario.map_err(Failure::Input)?;
    Ok(Begins { loaded, scenario, set: args.set.clone() })
}

/// How a scenario file names the topology: a path is made whole, since the file may be anywhere.
pub(super) fn named(topology: &str) -> String {
    let whole = Path::new(topology).canonicalize().ok();
    whole.and_then(|path| Some(path.to_str()?.to_owned())).unwrap_or_else(|| topology.to_owned())
}

/// Writes counterexamples: the first to the file, others beside it with their number.
fn written(out: Option<&Path>, explored: &Explored) -> Result<Vec<String>, Failure> {
    let Some(out) = out else { return Ok(Vec::new()) };
    let mut files = Vec::new();
    for (place, one) in explored.counterexamples.iter().enumerate() {
        let mut path = out.to_owned();
        if place > 0 {
            let stem = out.file_stem().unwrap_or_default().to_string_lossy();
            path.set_file_name(format!("{stem}-{}.toml", place + 1));
        }
        std::fs::write(&path, &one.text).map_err(|error| Failure::at(&path, &error))?;
        files.push(path.display().to_string());
    }
    Ok(files)
}

/// The command that explores a topology within bounds.
pub(super) fn call(
    topology: &str,
    from: Option<&str>,
    bounds: &Bounds,
    set: &[(String, String)],
) -> String {
    let quoted = super::run::quoted;
    let mut words = vec!["dagtwin explore".to_owned(), quoted(topology)];
    words.extend(from.iter().map(|from| format!("--from {}", quoted(from))));
    let start = bounds.start.since(Instant::ZERO);
    let spans = [("start", start), ("horizon", bounds.horizon), ("within", bounds.within)];
    words.extend(spans.map(|(name, span)| format!("--{name} {}", span.show())));
    let (losses, cuts, crashes) = (bounds.losses, bounds.cuts, bounds.crashes);
    words.push(format!("--losses {losses} --cuts {cuts} --crashes {crashes}"));
    words.extend(bounds.alone.then(|| "--alone".to_owned()));
    words.extend((!bounds.clock.is_zero()).then(|| format!("--clock {}", bounds.clock.show())));
    words.push(format!("--states {}", bounds.states));
    words.extend(bounds.settle.map(|settle| format!("--settle {}", settle.show())));
    words.extend((!bounds.reduces).then(|| "--every-order".to_owned()));
    let set = set.iter().map(|(key, value)| quoted(&format!("{key}={value}")));
    words.extend(set.map(|pair| format!("--set {pair}")));
    words.join(" ")
}
