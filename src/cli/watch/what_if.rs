//! Runs and saves what the screen asks for, in a thread of its own.

use super::super::failure::Failure;
use super::super::what_if::save;
use crate::journal::Header;
use crate::lab::what_if::{self, WhatIf};
use crate::model::Change;
use crate::tui::link::{Reply, Request};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender};
use std::thread;

/// Answers requests until nobody asks any more.
pub(super) fn serve(what: String, header: Header, asked: Receiver<Request>, tell: Sender<Reply>) {
    thread::spawn(move || {
        for request in asked {
            let reply = match request {
                Request::Run { changes } => again(&what, &header, changes),
                Request::Save { changes, path } => kept(&what, &header, &changes, &path),
            };
            if tell.send(reply.unwrap_or_else(refused)).is_err() {
                return;
            }
        }
    });
}

/// A failure as the foot of a screen has room for it.
fn refused(failure: Failure) -> Reply {
    let text = failure.message().unwrap_or_default();
    let words: Vec<&str> = text.split_whitespace().collect();
    Reply::Refused(words.join(" "))
}

fn made(what: &str, header: &Header, changes: &[Change]) -> Result<WhatIf, Failure> {
    let (sources, seed) = what_if::sources_of(what, header).map_err(Failure::Input)?;
    what_if::run(sources, seed, changes).map_err(Failure::Input)
}

fn again(what: &str, header: &Header, changes: Vec<Change>) -> Result<Reply, Failure> {
    let made = made(what, header, &changes)?;
    Ok(Reply::Ran {
        label: made.changes.join("; "),
        verdict: made.verdict.kind.word().to_owned(),
        journal: Box::new((made.header, made.records)),
        changes,
    })
}

fn kept(what: &str, header: &Header, changes: &[Change], path: &str) -> Result<Reply, Failure> {
    let (path, replace) = match path.strip_suffix('!') {
        Some(path) => (path, true),
        None => (path, false),
    };
    let file = match path.ends_with(".toml") {
        true => path.to_owned(),
        false => format!("{path}.toml"),
    };
    let file = Path::new(&file);
    if file.exists() && !replace {
        let name = file.display();
        return Err(Failure::Call(format!("{name} exists: save as {name}! to replace it")));
    }
    let beside = save(&made(what, header, changes)?, file)?;
    let site = beside.map_or_else(String::new, |site| format!(", with {}", site.display()));
    let name = file.display();
    Ok(Reply::Done(format!("saved as {name}{site}: dagtwin test {name}")))
}
