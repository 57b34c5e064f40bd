//! `dagtwin watch`: the terminal time machine over a run, a journal, or one that is being
//! written.

mod plain;
mod source;
mod what_if;

use super::args::{Color, Seed, key_value, seed};
use super::failure::{Answer, Done, Failure, plain as words};
use crate::base::Instant;
use crate::tui::app::App;
use crate::tui::clock;
use crate::tui::link::Link;
use crate::tui::terminal::{self, Manners};
use crate::tui::theme::{Depth, Theme};
use crate::view::film::Film;
use clap::{Args, ValueEnum, ValueHint};
use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

/// Show a failover in the terminal: a time machine over a run or a journal.
///
/// Without a terminal the text report is printed instead.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Watch {
    /// A journal: a file, tcp:HOST:PORT, unix:PATH, or - for standard input; or a topology as
    /// `dagtwin run` takes it, of which a scenario is run first.
    #[arg(default_value = "two-node-2010", value_hint = ValueHint::AnyPath, value_name = "TOPOLOGY|JOURNAL")]
    pub what: String,
    /// A topology's scenario, by its name or file [default: nic-loss].
    #[arg(long, short, value_name = "NAME|FILE", value_hint = ValueHint::AnyPath)]
    pub scenario: Option<String>,
    /// Seed of the run: a number (0x for hexadecimal), or `random` [default: 1].
    #[arg(long, value_parser = seed, value_name = "N")]
    pub seed: Option<Seed>,
    /// End the run at this moment instead of the scenario's, such as `10m`.
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// Give a setting of the topology another value; may be given many times.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_value)]
    pub set: Vec<(String, String)>,
    /// Show a second journal beside it, aligned in time.
    #[arg(long, value_name = "JOURNAL", value_hint = ValueHint::FilePath)]
    pub beside: Option<PathBuf>,
    /// Open at this moment: 65.2s, 50%, #4711, or fault [default: the first fault or order].
    #[arg(long, value_name = "MOMENT", value_parser = moment)]
    pub at: Option<String>,
    /// Stay at the end of a journal that is being written.
    #[arg(long)]
    pub follow: bool,
    /// Colours [default: what the terminal says that it has; none with NO_COLOR].
    #[arg(long, value_enum, value_name = "DEPTH")]
    pub theme: Option<ThemeChoice>,
    /// Draw with ASCII signs only [default: unless the locale is UTF-8].
    #[arg(long)]
    pub ascii: bool,
    /// Leave the mouse to the terminal, so that text can be marked.
    #[arg(long)]
    pub no_mouse: bool,
}

/// How many colours to use.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ThemeChoice {
    /// None: bold and reverse only.
    Mono,
    /// The terminal's own sixteen.
    #[value(name = "16")]
    Sixteen,
    /// 256.
    #[value(name = "256")]
    Indexed,
    /// All.
    True,
}

const EXAMPLES: &str = "\
In the program, ? shows every key.

Examples:
  dagtwin watch                                       the article's failover
  dagtwin watch dag-four --scenario power-off
  dagtwin run --journal run.dagtwin && dagtwin watch run.dagtwin --at 65.2s
  dagtwin run --pace 1 --listen unix:/tmp/twin & dagtwin watch unix:/tmp/twin --follow
  dagtwin run --set cluster.same_subnet_threshold=10 --journal slow.dagtwin
  dagtwin watch run.dagtwin --beside slow.dagtwin";

/// How long the screen has to end in good order when the process is asked to.
const GRACE: Duration = Duration::from_secs(2);

/// A moment that may turn out to be past the end, but is one.
fn moment(text: &str) -> Result<String, String> {
    clock::place(text, Instant::ZERO, Instant::MAX, Some(Instant::ZERO))?;
    Ok(text.to_owned())
}

pub(super) fn watch(args: &Watch, color: Color) -> Answer {
    let dumb = variable("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
    if !std::io::stdout().is_terminal() || dumb {
        if let Some(path) = &args.beside {
            super::journal::read(path)?;
            super::note("--beside is for a terminal; the report is of the first run alone");
        }
        super::note("this is no terminal that a picture can be drawn on; here is the report");
        return plain::report(args);
    }
    let (requests, asked) = mpsc::channel();
    let (tell, replies) = mpsc::channel();
    let opened = source::open(args, &tell)?;
    let beside = args.beside.as_deref().map(super::journal::read).transpose()?;
    let header = opened.film.header().clone();
    what_if::serve(args.what.clone(), header, asked, tell);
    let link = Link { requests, replies };
    let mut app = App::new(opened.film, theme(args, color), command(args), link);
    app.open_at(args.at.clone(), args.follow);
    if let (Some(journal), Some(path)) = (beside, &args.beside) {
        let film = Film::of(journal.header, journal.records);
        app.set_beside(film, path.display().to_string());
    }
    let ended = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&ended);
    // A second handler cannot be set; this is the only place that sets one for this command.
    let _ = ctrlc::set_handler(move || {
        told.store(true, Ordering::SeqCst);
        // A terminal that is gone is one whose keys are waited for without end.
        std::thread::sleep(GRACE);
        terminal::restore();
        std::process::exit(super::INTERRUPTED);
    });
    let shown = terminal::run(&mut app, Manners { mouse: !args.no_mouse }, &ended);
    drop(opened.kept);
    shown.map_err(|error| Failure::Machine(format!("the terminal: {}", words(&error))))?;
    // The way back to where somebody was.
    Ok(Done::with(app.here() + "\n"))
}

/// What the environment says of the terminal.
#[expect(clippy::disallowed_methods, reason = "what a terminal can do is told nowhere else")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn theme(args: &Watch, color: Color) -> Theme {
    let mut theme = terminal::theme(variable);
    if color == Color::Never {
        theme.depth = Depth::Mono;
    }
    match args.theme {
        Some(ThemeChoice::Mono) => theme.depth = Depth::Mono,
        Some(ThemeChoice::Sixteen) => theme.depth = Depth::Sixteen,
        Some(ThemeChoice::Indexed) => theme.depth = Depth::Indexed,
        Some(ThemeChoice::True) => theme.depth = Depth::True,
        None => {}
    }
    theme.unicode &= !args.ascii;
    theme
}

/// The command that shows the same.
fn command(args: &Watch) -> String {
    use super::run::quoted;
    let mut words = vec!["dagtwin".to_owned(), "watch".to_owned(), quoted(&args.what)];
    let mut option = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            words.extend([name.to_owned(), quoted(&value)]);
        }
    };
    option("--scenario", args.scenario.clone());
    if let Some(Seed::Given(seed)) = args.seed {
        option("--seed", Some(seed.to_string()));
    }
    option("--until", args.until.clone());
    for (key, value) in &args.set {
        option("--set", Some(format!("{key}={value}")));
    }
    option("--beside", args.beside.as_ref().map(|path| path.display().to_string()));
    words.join(" ")
}
