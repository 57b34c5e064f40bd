//! `dagtwin witness`: what the witness's host does for the members, once at each of its starts.

use super::failure::{Answer, Done, Failure};
use crate::agent::witness::{Boot, Error, Place, Witness, write_boot};
use clap::{Args, ValueHint};
use std::path::PathBuf;
use std::time::Duration;

/// Longest that an operation on the folder may take (assumed: it is a local disk).
const LIMIT: Duration = Duration::from_secs(10);

/// Make a folder the witness of a site: its record, and when this host started. Run it on the
/// witness's host at each start; the members reach the folder as a share.
///
/// What is there already stays as it is, but for the moment of the start. The folder has to be
/// there: one that is made because its disk is not mounted yet would be a second witness.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Exit status: 0 when it is done; 3 if the folder is not there or could not be written, or if what
it has is no witness's.

Examples:
  dagtwin witness /srv/witness")]
pub(super) struct WitnessArguments {
    /// The folder that is shared.
    #[arg(value_hint = ValueHint::DirPath)]
    pub directory: PathBuf,
}

pub(super) fn witness(args: &WitnessArguments) -> Answer {
    let directory = &args.directory;
    if !directory.is_dir() {
        let name = directory.display();
        let remedy = "expected a folder; mount its disk, or make it once";
        return Err(Failure::Machine(format!("{name}: there is none: {remedy}")));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::at(directory, &error))?;
    let failed = |error: Error| Failure::Machine(error.to_string());
    let mut witness = Witness::new(Place::Directory(directory.clone())).map_err(failed)?;
    let record = runtime.block_on(witness.prepare(LIMIT)).map_err(failed)?;
    let boot = Boot::of_this_host().map_err(failed)?;
    write_boot(directory, &boot).map_err(failed)?;
    let owner = record.owner.map_or_else(|| "nobody".to_owned(), |owner| format!("member {owner}"));
    let text = format!(
        "{}: owned by {owner}, epoch {}, counter {}\nthis host started at {}\n",
        directory.display(),
        record.epoch,
        record.counter,
        boot.started,
    );
    Ok(Done::with(text))
}
