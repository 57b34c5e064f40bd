//! `dagtwin completions` and `dagtwin man`: what packagers expect.

use super::args::{Cli, Completions, Man};
use super::failure::{Answer, Done, Failure};
use super::suggest;
use clap::CommandFactory;

pub(super) fn completions(args: &Completions) -> Answer {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "dagtwin", &mut script);
    Ok(Done::with(script))
}

/// The manual page of the program or of one subcommand.
pub(super) fn man(args: &Man) -> Answer {
    let mut command = Cli::command();
    command.build();
    let command = match &args.command {
        None => command,
        Some(name) => {
            let known: Vec<_> = command.get_subcommands().map(clap::Command::get_name).collect();
            let found = command.find_subcommand(name).cloned();
            found.ok_or_else(|| Failure::Call(suggest::unknown("command", name, &known, "")))?
        }
    };
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page).map_err(|error| Failure::output(&error))?;
    Ok(Done::with(page))
}
