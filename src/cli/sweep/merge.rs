//! `dagtwin merge`: the shares of a sweep put together.

use super::super::failure::{Answer, Failure};
use super::arguments::Output;
use super::planned::Asked;
use super::{answer, failed, quoted, wrong_store};
use crate::lab::pool::Progress;
use crate::lab::sweep::{Kept, Lab, Memo, VERSION, read_path};
use clap::{Args, ValueHint};
use std::path::{Path, PathBuf};

/// Put the files of a sweep's shares together: the answer is the one that the whole sweep would
/// have given, byte for byte.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Merge {
    /// Files that `dagtwin sweep --store` wrote.
    #[arg(required = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub parts: Vec<PathBuf>,
    #[command(flatten)]
    pub output: Output,
}

const EXAMPLES: &str = "\
The file of a sweep without shares is one share of one.

Examples:
  dagtwin sweep --runs 1000 --shard 1/2 --store part.1
  dagtwin sweep --runs 1000 --shard 2/2 --store part.2
  dagtwin merge part.1 part.2 --write sweep.html";

pub(crate) fn merge(args: &Merge) -> Answer {
    let mut memo = Memo::default();
    let mut parts: Vec<(&Path, Kept)> = Vec::new();
    for path in &args.parts {
        let kept = read_path(path, &mut memo).map_err(|error| wrong_store(path, &error))?;
        parts.push((path, kept));
    }
    let (_, first) = &parts[0];
    for (path, kept) in &parts {
        agree((parts[0].0, first), (path, kept))?;
    }
    let manifest = &first.manifest;
    let of = manifest.shard.1;
    let asked = Asked::of(manifest)?;
    let paths: Vec<&Path> = args.parts.iter().map(PathBuf::as_path).collect();
    answer::writable(&args.output, &asked.mode, &paths)?;
    let progress = Progress::default();
    let mut lab = Lab::new(&asked.plan, memo, 1, &progress);
    lab.only_look(of);
    let found = answer::work(&mut lab, &asked).map_err(|error| failed(error, None))?;
    if !lab.missing.is_empty() {
        return Err(missing(&parts, &lab, &asked));
    }
    answer::shown(&lab, &asked, &found, &args.output)
}

/// Whether a file belongs to the sweep of the first.
fn agree((first_path, first): (&Path, &Kept), (path, kept): (&Path, &Kept)) -> Result<(), Failure> {
    let told = |what: &str| {
        Failure::Call(format!(
            "{}: expected a share of the sweep of {}; {what}\n  it was made by: {}",
            path.display(),
            first_path.display(),
            kept.manifest.call
        ))
    };
    if kept.manifest.version != VERSION {
        return Err(told(&format!(
            "it was made by dagtwin {}, this is {VERSION}",
            kept.manifest.version
        )));
    }
    if kept.manifest.plan != first.manifest.plan || kept.manifest.mode != first.manifest.mode {
        return Err(told("it is of another one"));
    }
    if kept.manifest.shard.1 != first.manifest.shard.1 {
        let (a, b) = (kept.manifest.shard.1, first.manifest.shard.1);
        return Err(told(&format!("it is one of {a} shares, that one of {b}")));
    }
    Ok(())
}

/// What is missing, with the commands that make it.
fn missing(parts: &[(&Path, Kept)], lab: &Lab, asked: &Asked) -> Failure {
    let mut text = "runs are missing; make them and merge again:".to_owned();
    for (shard, count) in &lab.missing {
        let known = parts.iter().find(|(_, kept)| kept.manifest.shard.0 == *shard);
        let (i, n) = (*shard, parts[0].1.manifest.shard.1);
        let file = match known {
            Some((path, _)) => path.display().to_string(),
            None => format!("part.{i}"),
        };
        let share = if n > 1 { format!(" --shard {i}/{n}") } else { String::new() };
        text += &format!("\n  {count} runs: {}{share} --store {}", asked.call, quoted(&file));
    }
    Failure::Call(text)
}
