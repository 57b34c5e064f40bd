//! `dagtwin sweep`: many runs, and what they say.

mod answer;
mod arguments;
mod from_file;
mod merge;
mod planned;
mod question;

pub(super) use arguments::Sweep;
pub(super) use merge::{Merge, merge};

use super::failure::{Answer, Failure};
use super::{progress, run::quoted};
use crate::lab::pool::{self, Progress};
use crate::lab::sweep::{Lab, Manifest, Memo, Store, StoreError, VERSION, WorkError};
use planned::{Asked, asked};
use std::path::Path;
use std::sync::Arc;

pub(super) fn sweep(args: &Sweep) -> Answer {
    let asked = asked(args)?;
    let store: Vec<&Path> = args.store.as_deref().into_iter().collect();
    answer::writable(&args.output, &asked.mode, &store)?;
    let progress = Arc::new(Progress::default());
    super::stop_when_asked(&progress);
    let shard = args.shard.unwrap_or((1, 1));
    if shard.1 > 1 {
        asked.divisible()?;
        if !args.output.write.is_empty() {
            let text = "--write: a share of the runs has no answer; `dagtwin merge` writes it";
            return Err(Failure::Call(text.to_owned()));
        }
    }
    let jobs = args.jobs.map_or_else(pool::cores, usize::from);
    let mut memo = Memo::default();
    let store =
        args.store.as_deref().map(|path| open(path, &asked, shard, &mut memo)).transpose()?;
    let known = memo.len();
    let mut lab = Lab::new(&asked.plan, memo, jobs, &progress);
    lab.share(shard);
    if let Some(store) = store {
        lab.keep(store);
    }
    let worked = progress::counted("sweeping", &progress, || answer::work(&mut lab, &asked));
    let found = worked.map_err(|failure| failed(failure, args.store.as_deref()))?;
    if shard.1 > 1 {
        return Ok(answer::of_a_share(&lab, known, shard, args.store.as_deref()));
    }
    answer::shown(&lab, &asked, &found, &args.output)
}

/// A store that could not be written: what stands in it is whole.
fn failed(error: WorkError, path: Option<&Path>) -> Failure {
    let WorkError::Store(error) = error;
    let failure = path.map(|path| Failure::at(path, &error));
    match failure {
        Some(Failure::Machine(text)) => Failure::Machine(format!(
            "{text}\n  the runs that are in it are whole: the same call goes on from there"
        )),
        Some(other) => other,
        None => Failure::output(&error),
    }
}

/// Opens the file of runs, which may have some already.
fn open(path: &Path, asked: &Asked, shard: (u32, u32), memo: &mut Memo) -> Result<Store, Failure> {
    let manifest = Manifest {
        version: VERSION.to_owned(),
        plan: asked.plan.clone(),
        mode: asked.mode.clone(),
        shard,
        call: asked.call.clone(),
    };
    let opened = Store::open(path, &manifest, memo, |kept| fits(path, kept, &manifest));
    opened.map_err(|error| wrong_store(path, &error))?
}

/// Whether the runs of a file are of use to a sweep.
fn fits(path: &Path, kept: &Manifest, wanted: &Manifest) -> Result<(), Failure> {
    let file = path.display();
    let other = |what: &str| {
        Failure::Call(format!(
            "{file}: the runs in it have {what}; give another file, or remove it\n  it was made by: \
             {}",
            kept.call
        ))
    };
    if kept.version != wanted.version {
        return Err(other(&format!("been made by dagtwin {}, this is {}", kept.version, VERSION)));
    }
    if kept.plan.sources != wanted.plan.sources {
        return Err(other("another topology, scenario or setting"));
    }
    // Forked runs are kept by moment and seed: what was changed in them is not part of that.
    if kept.plan.changes != wanted.plan.changes {
        return Err(other("another --change"));
    }
    if kept.plan.whose != wanted.plan.whose {
        return Err(other("another --budget"));
    }
    if kept.shard != wanted.shard {
        let (i, n) = kept.shard;
        return Err(other(&format!("another --shard, {i}/{n}")));
    }
    Ok(())
}

/// What is wrong with a file of runs.
fn wrong_store(path: &Path, error: &StoreError) -> Failure {
    let file = path.display();
    match error {
        StoreError::Io(error) if error.kind() == std::io::ErrorKind::NotFound => Failure::Call(
            format!("{file}: expected an existing file of runs, and a folder that exists"),
        ),
        StoreError::Io(error) => Failure::at(path, error),
        StoreError::NotOne => Failure::Call(format!(
            "{file}: expected a file of runs that `dagtwin sweep --store` wrote; it is something \
             else"
        )),
        StoreError::Busy => Failure::Call(format!("{file}: another sweep is writing it")),
        StoreError::Damaged(at) => Failure::Call(format!(
            "{file}: expected whole entries; it is damaged from byte {at} on: restore it, or \
             remove it"
        )),
    }
}

/// A word of a call that repeats something.
fn option(name: &str, value: &str) -> String {
    format!("--{name} {}", quoted(value))
}
