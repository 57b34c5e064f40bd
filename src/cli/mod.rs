//! Floor 8: arguments in, one call, an exit status out. One file per subcommand.

#[cfg(feature = "agent")]
mod agent;
mod args;
mod capacity;
mod capsule;
mod compare;
mod completions;
mod diff;
mod explore;
mod export;
mod failure;
mod files;
mod input;
mod journal;
mod list;
mod measured;
mod new;
mod pace;
mod progress;
mod quorum;
mod run;
mod select;
mod shrink;
mod suggest;
mod swarm;
mod sweep;
mod test;
mod transitions;
mod verify;
mod watch;
mod what_if;
mod why;
#[cfg(feature = "agent")]
mod witness;

use crate::lab::pool::Progress;
use crate::report::StudyFormat;
use args::{Cli, Color, Command};
use clap::Parser;
use failure::{Answer, Done, Failure};
use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Exit status of a program that a person interrupted, as shells have it.
const INTERRUPTED: i32 = 130;

/// The program: reads its arguments, does what they say, returns its exit status.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let color = cli.color;
    choose_color(color);
    let status = match answer(cli.command, color).and_then(print) {
        Ok(status) => status,
        Err(failure) => {
            if let Some(message) = failure.message() {
                // With standard error gone there is nobody left to tell.
                let _ = anstream::stderr().write_all(message.as_bytes());
            }
            failure.status()
        }
    };
    ExitCode::from(status)
}

fn answer(command: Command, color: Color) -> Answer {
    match command {
        Command::Run(args) => run::run(&args),
        Command::Watch(args) => watch::watch(&args, color),
        Command::Test(args) => test::test(&args),
        Command::Capacity(args) => capacity::capacity(&args),
        Command::Select(args) => select::select(&args),
        Command::List(args) => list::list(&args),
        Command::Transitions(args) => transitions::transitions(&args),
        Command::Why(args) => why::why(&args),
        Command::Export(args) => export::export(&args),
        Command::Verify(args) => verify::verify(&args),
        Command::Diff(args) => diff::diff(&args),
        Command::WhatIf(args) => what_if::what_if(&args),
        Command::Quorum(args) => quorum::quorum(&args),
        Command::Compare(args) => compare::compare(&args),
        Command::Import(args) => measured::import(&args),
        Command::Explore(args) => explore::explore(&args),
        Command::Sweep(args) => sweep::sweep(&args),
        Command::Merge(args) => sweep::merge(&args),
        Command::Swarm(args) => swarm::swarm(&args),
        Command::Shrink(args) => shrink::shrink(&args),
        #[cfg(feature = "agent")]
        Command::Agent(args) => agent::agent(&args),
        #[cfg(feature = "agent")]
        Command::Ctl(args) => agent::ctl(&args),
        #[cfg(feature = "agent")]
        Command::Witness(args) => witness::witness(&args),
        Command::New(args) => new::new(&args),
        Command::Completions(args) => completions::completions(&args),
        Command::Man(args) => completions::man(&args),
    }
}

fn choose_color(color: Color) {
    let choice = match color {
        Color::Auto => anstream::ColorChoice::Auto,
        Color::Always => anstream::ColorChoice::Always,
        Color::Never => anstream::ColorChoice::Never,
    };
    choice.write_global();
}

/// The format that was asked for; the width of a text is the terminal's if none was given.
fn study_format(format: args::StudyFormat, width: Option<u16>) -> StudyFormat {
    match format {
        args::StudyFormat::Text => StudyFormat::Text {
            width: usize::from(width.unwrap_or_else(run::terminal_width)),
            color: colored(),
        },
        args::StudyFormat::Json => StudyFormat::Json,
        args::StudyFormat::Csv => StudyFormat::Csv,
        args::StudyFormat::Svg => StudyFormat::Svg,
    }
}

/// Whether standard output takes colour.
fn colored() -> bool {
    anstream::AutoStream::choice(&std::io::stdout()) != anstream::ColorChoice::Never
}

/// A note on standard error that is no error.
fn note(text: &str) {
    // A note that nobody can read harms nobody.
    let _ = writeln!(anstream::stderr(), "note: {text}");
}

/// The first Ctrl-C ends the work after the runs that have begun, and the report shows what is
/// complete; the second one ends the program.
fn stop_when_asked(progress: &Arc<Progress>) {
    let progress = Arc::clone(progress);
    let asked = ctrlc::set_handler(move || {
        if progress.stop.swap(true, Ordering::Relaxed) {
            std::process::exit(INTERRUPTED);
        }
    });
    if asked.is_err() {
        note("Ctrl-C ends the work without a report");
    }
}

/// Writes a command's output; the exit status that goes with it.
fn print(done: Done) -> Result<u8, Failure> {
    let mut stdout = std::io::stdout().lock();
    let written = stdout.write_all(&done.output).and_then(|()| stdout.flush());
    written.map_err(|error| Failure::output(&error))?;
    if let Some(failure) = done.failure {
        return Err(failure);
    }
    // What a person stopped is no answer that a script should take for one.
    Ok(if done.interrupted { INTERRUPTED as u8 } else { u8::from(done.broken) })
}
