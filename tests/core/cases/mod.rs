//! Case files: stories over bare cores, told in text. A file is a list of blocks: commands, a
//! line `----`, and what happened, up to an empty line. `UPDATE=1` rewrites what happened; read
//! the difference before you keep it.

use crate::pair::{Pair, Setting};
use dagtwin::view::transitions::Transitions;
use selection::Sheet;
use std::path::{Path, PathBuf};
use words::{command, order, set};

mod quorum;
mod selection;
mod words;

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).expect("a folder of cases");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("readable").path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "txt") {
            found.push(path);
        }
    }
}

/// Plays a case and returns it with what happened in place of what is written, and the cores.
fn play(text: &str) -> (String, Option<Pair>) {
    let mut setting = Setting::default();
    let mut pair: Option<Pair> = None;
    let mut sheet = Sheet::default();
    let mut result = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line == "----" {
            let pair = pair.get_or_insert_with(|| Pair::new(setting.clone()));
            result += "----\n";
            for line in pair.log.drain(..).chain(sheet.log.drain(..)) {
                result += &format!("{line}\n");
            }
            for skipped in lines.by_ref() {
                if skipped.is_empty() {
                    break;
                }
            }
            result += "\n";
            continue;
        }
        result += &format!("{line}\n");
        let line = line.split('#').next().unwrap_or_default();
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [] => {}
            ["set", words @ ..] => set(&mut setting, words),
            words if sheet.command(words) => {}
            [on, ..] if on.ends_with('>') => {
                order(pair.get_or_insert_with(|| Pair::new(setting.clone())), line);
            }
            words => {
                command(pair.get_or_insert_with(|| Pair::new(setting.clone())), words);
            }
        }
    }
    (result, pair)
}

fn all() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut found = Vec::new();
    files(&folder, &mut found);
    found
}

/// The changes of state that the cases show.
#[allow(dead_code, reason = "another test target counts them")]
pub fn transitions() -> Vec<Transitions> {
    let text = |path: PathBuf| std::fs::read_to_string(path).expect("readable");
    let pairs = all().into_iter().filter_map(|path| play(&text(path)).1);
    pairs.map(|pair| pair.transitions).collect()
}

/// Plays every case and demands that it happens as it is written.
#[allow(dead_code, reason = "another test target only counts")]
pub fn every_case_happens_as_it_is_written() {
    let found = all();
    assert!(found.len() >= 25, "only {} cases found", found.len());
    let mut wrong = Vec::new();
    for path in found {
        let text = std::fs::read_to_string(&path).expect("readable");
        let (played, _) = play(&text);
        if played == text {
            continue;
        }
        if updating() {
            std::fs::write(&path, &played).expect("writable");
        } else {
            let place = played.lines().zip(text.lines()).position(|(a, b)| a != b);
            let place = place.unwrap_or(text.lines().count().min(played.lines().count()));
            let line = |text: &str| text.lines().nth(place).unwrap_or("(nothing)").to_owned();
            wrong.push(format!(
                "{}:{}\n  written:  {}\n  happened: {}",
                path.display(),
                place + 1,
                line(&text),
                line(&played),
            ));
        }
    }
    assert!(wrong.is_empty(), "UPDATE=1 rewrites them:\n{}", wrong.join("\n"));
}

/// Whether expected texts are to be rewritten to what happens now.
#[expect(clippy::disallowed_methods, reason = "a switch for people who change expected texts")]
fn updating() -> bool {
    std::env::var_os("UPDATE").is_some()
}
