//! Where the records come from: a run that is made now, or a journal wherever it is.

use super::super::failure::{Failure, plain};
use super::super::input;
use super::{Seed, Watch};
use crate::journal::binary::MAGIC;
use crate::journal::stream::{Follow, News, Place};
use crate::tui::link::Reply;
use crate::view::film::Film;
use std::io::{ErrorKind, IsTerminal, Read};
use std::path::Path;
use std::str::FromStr;
use std::sync::mpsc::{RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

/// What was opened.
pub(super) struct Opened {
    /// Its film, which may still grow.
    pub(super) film: Film,
    /// Who brings more records; dropped, they stop.
    pub(super) kept: Option<thread::JoinHandle<()>>,
}

/// A silence after which everything that there is has come.
const QUIET: Duration = Duration::from_millis(150);
/// A piece with fewer records than this has just been written.
const SMALL: usize = 500;

/// Whether an argument names a journal, not a topology.
pub(super) fn journal_of(args: &Watch) -> Result<Option<Place>, Failure> {
    let place = Place::from_str(&args.what).map_err(Failure::Call)?;
    let is_journal = match &place {
        Place::File(path) => begins_as_journal(path),
        Place::Tcp(_) | Place::Unix(_) | Place::Stdin => true,
    };
    if !is_journal {
        return Ok(None);
    }
    if args.scenario.is_some()
        || args.seed.is_some()
        || args.until.is_some()
        || !args.set.is_empty()
    {
        let text = "--scenario, --seed, --until and --set are for a topology that is run; a \
                    journal has been";
        return Err(Failure::Call(format!("{}: {text}", args.what)));
    }
    Ok(Some(place))
}

fn begins_as_journal(path: &Path) -> bool {
    let mut first = Vec::new();
    let file = std::fs::File::open(path);
    let read = file.and_then(|file| file.take(MAGIC.len() as u64).read_to_end(&mut first));
    // A file that is only just being begun is a journal if it is named as no topology is.
    let begun = first.is_empty() && path.extension().is_some_and(|ending| ending == "dagtwin");
    read.is_ok() && (first == MAGIC || begun)
}

/// Opens what is to be watched. Records of a journal are told as they are read.
pub(super) fn open(args: &Watch, tell: &Sender<Reply>) -> Result<Opened, Failure> {
    match journal_of(args)? {
        Some(place) => followed(&place, tell.clone()),
        None => Ok(Opened { film: run(args)?, kept: None }),
    }
}

/// A run that is made now.
fn run(args: &Watch) -> Result<Film, Failure> {
    let scenario = args.scenario.as_deref();
    let site = input::site(&args.what, scenario, &args.set, args.until.as_deref())?;
    Ok(super::super::run::film(site, args.seed.unwrap_or(Seed::Given(1)).number()))
}

/// A journal: its header is waited for, its records come when they come.
fn followed(place: &Place, tell: Sender<Reply>) -> Result<Opened, Failure> {
    if *place == Place::Stdin && std::io::stdin().is_terminal() {
        let text = "-: expected a journal on standard input; it is the terminal";
        return Err(Failure::Call(text.to_owned()));
    }
    let follow = Follow::new(place).map_err(|error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::InvalidInput => {
            Failure::Call(format!("{place}: expected a journal; {}", plain(&error)))
        }
        _ => Failure::Machine(format!("{place}: {}", plain(&error))),
    })?;
    let header = loop {
        match follow.news().recv() {
            Ok(News::Header(header)) => break header,
            Ok(News::CaughtUp) => super::super::note(&format!("waiting for {place} to begin")),
            Ok(News::Records(_)) => {}
            Ok(News::Damaged { at_byte, what }) => {
                let text = format!("{place}: expected a journal; byte {at_byte}: {what}");
                return Err(Failure::Call(text));
            }
            Ok(News::Failed(why)) => return Err(Failure::Machine(format!("{place}: {why}"))),
            Ok(News::Ended { .. } | News::Cut { .. }) | Err(_) => {
                let text = format!("{place}: expected a journal; it ends before its header");
                return Err(Failure::Call(text));
            }
        }
    };
    let kept = thread::spawn(move || bring(&follow, &tell));
    Ok(Opened { film: Film::new(*header), kept: Some(kept) })
}

/// Hands on what a journal tells, until its end or until nobody wants it any more.
fn bring(follow: &Follow, tell: &Sender<Reply>) {
    let mut caught_up = false;
    loop {
        let news = match follow.news().recv_timeout(QUIET) {
            Ok(news) => news,
            Err(RecvTimeoutError::Timeout) if caught_up => continue,
            Err(RecvTimeoutError::Timeout) => News::CaughtUp,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let (reply, last) = match news {
            News::Header(_) => continue,
            News::Records(records) => {
                // A socket does not say that it has told all there is; what was kept back comes
                // in large pieces, what has just happened in small ones.
                if records.len() < SMALL && !caught_up {
                    caught_up = true;
                    if tell.send(Reply::CaughtUp).is_err() {
                        return;
                    }
                }
                (Reply::Records(records), false)
            }
            News::CaughtUp => {
                caught_up = true;
                (Reply::CaughtUp, false)
            }
            News::Ended { .. } => (Reply::End(None), true),
            News::Cut { at_byte } => {
                let text = format!("the journal was cut off at byte {at_byte}");
                (Reply::End(Some(text)), true)
            }
            News::Damaged { at_byte, what } => {
                let text = format!("the journal is damaged at byte {at_byte}: {what}");
                (Reply::End(Some(text)), true)
            }
            News::Failed(why) => {
                (Reply::End(Some(format!("the journal cannot be read: {why}"))), true)
            }
        };
        if tell.send(reply).is_err() || last {
            return;
        }
    }
}
