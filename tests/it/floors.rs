//! The floors of docs/ARCHITECTURE.md: who may import whom, and what the lower floors must do
//! without.

use crate::source::{SourceFile, Token, files, tokens};

/// A floor: its module, its height, the modules that it may name, the crates that it may name.
struct Floor {
    name: &'static str,
    height: u8,
    modules: &'static [&'static str],
    crates: &'static [&'static str],
}

const fn floor(
    name: &'static str,
    height: u8,
    modules: &'static [&'static str],
    crates: &'static [&'static str],
) -> Floor {
    Floor { name, height, modules, crates }
}

const TO_VIEW: &[&str] = &["base", "failover", "model", "journal", "view"];
const TO_JOURNAL: &[&str] = &["base", "failover", "model", "journal"];
const TO_TUI: &[&str] = &["base", "model", "journal", "view"];
const TO_LAB: &[&str] = &["base", "failover", "model", "journal", "check", "view", "sim"];
const TO_REPORT: &[&str] = &["base", "failover", "model", "journal", "check", "view", "lab"];
const ALL: &[&str] = &[
    "base", "failover", "model", "journal", "check", "view", "sim", "agent", "import", "lab",
    "report", "tui",
];

/// The table of docs/ARCHITECTURE.md. A floor that is not here may not exist.
const FLOORS: &[Floor] = &[
    floor("base", 0, &[], &["serde", "rand"]),
    floor("failover", 1, &["base"], &["serde"]),
    floor("model", 2, &["base", "failover"], &["serde", "toml", "jiff", "thiserror"]),
    floor("journal", 3, &["base", "failover", "model"], &["serde", "postcard", "thiserror"]),
    floor("view", 4, TO_JOURNAL, &[]),
    floor("check", 5, TO_VIEW, &[]),
    floor("sim", 5, TO_JOURNAL, &["bevy_ecs"]),
    floor(
        "agent",
        5,
        TO_JOURNAL,
        &[
            "tokio",
            "rustix",
            "socket2",
            "nix",
            "netlink_packet_core",
            "netlink_packet_route",
            "hmac",
            "sha2",
            "getrandom",
            "domain",
            "ring",
            "smb2",
            "tokio_postgres",
            "postgres_protocol",
            "crc32c",
            "roxmltree",
            "hyper",
            "hyper_util",
            "tracing",
            "serde",
            "serde_json",
            "postcard",
            "thiserror",
            "jiff",
        ],
    ),
    floor("import", 5, TO_JOURNAL, &["csv", "serde", "serde_json"]),
    floor("lab", 6, TO_LAB, &["hdrhistogram", "toml_edit", "serde", "postcard"]),
    floor(
        "report",
        7,
        TO_REPORT,
        &["csv", "serde", "serde_json", "plotters", "hdrhistogram", "parquet", "similar"],
    ),
    floor("tui", 7, TO_TUI, &["ratatui", "crossterm", "tui_input"]),
    floor(
        "cli",
        8,
        ALL,
        &[
            "clap",
            "clap_complete",
            "clap_mangen",
            "anstream",
            "terminal_size",
            "serde_json",
            "ctrlc",
            "tokio",
            "tracing",
            "tracing_subscriber",
        ],
    ),
];

/// Every crate that the package depends on; one is allowed where the table says so.
const CRATES: &[&str] = &[
    "serde",
    "toml",
    "jiff",
    "rand",
    "postcard",
    "thiserror",
    "bevy_ecs",
    "hdrhistogram",
    "clap",
    "clap_complete",
    "clap_mangen",
    "anstream",
    "terminal_size",
    "csv",
    "serde_json",
    "plotters",
    "similar",
    "parquet",
    "ctrlc",
    "mimalloc",
    "tokio",
    "rustix",
    "socket2",
    "nix",
    "netlink_packet_core",
    "netlink_packet_route",
    "hmac",
    "sha2",
    "getrandom",
    "domain",
    "ring",
    "smb2",
    "tokio_postgres",
    "postgres_protocol",
    "crc32c",
    "roxmltree",
    "tracing",
    "tracing_subscriber",
    "ratatui",
    "crossterm",
    "tui_input",
    "toml_edit",
];

/// Words that the two lowest floors must do without: time, chance, concurrency, floats.
const IMPURE: &[&str] =
    &["HashMap", "HashSet", "async", "await", "f32", "f64", "tokio", "thread", "SystemTime"];

/// Modules of `std` that the two lowest floors must do without.
const IMPURE_STD: &[&str] = &["time", "net", "fs", "io", "env", "process", "thread"];

/// One broken rule, with its place and remedy.
fn complaint(file: &SourceFile, token: &Token, what: &str, remedy: &str) -> String {
    format!("{}:{}: {what}; {remedy}", file.path, token.line)
}

/// The names directly below a path's root: one for `root::a`, several for `root::{a, b::c}`.
fn below_root(code: &[Token], root: usize) -> Vec<&Token> {
    match code.get(root + 2) {
        Some(token) if token.text == "{" => {
            let mut depth = 0;
            let mut first = false;
            let mut found = Vec::new();
            for token in &code[root + 2..] {
                match token.text.as_str() {
                    "{" => {
                        depth += 1;
                        first = depth == 1;
                    }
                    "}" => depth -= 1,
                    "," => first = depth == 1,
                    _ if first => {
                        found.push(token);
                        first = false;
                    }
                    _ => {}
                }
                if depth == 0 {
                    break;
                }
            }
            found
        }
        Some(token) => vec![token],
        None => Vec::new(),
    }
}

/// Whether a path begins at this token with this word.
fn path_begins(code: &[Token], at: usize, word: &str) -> bool {
    code[at].text == word
        && code.get(at + 1).is_some_and(|next| next.text == "::")
        && (at == 0 || code[at - 1].text != "::")
}

/// How deep the module of a file is: 1 for `src/x.rs` and `src/x/mod.rs`.
fn module_depth(path: &str) -> usize {
    path.matches('/').count() - usize::from(path.ends_with("/mod.rs"))
}

/// Everything that a file does against the rules of its floor.
fn judge(file: &SourceFile) -> Vec<String> {
    let name = file.path.split('/').nth(1).unwrap_or_default().trim_end_matches(".rs");
    let Some(floor) = FLOORS.iter().find(|floor| floor.name == name) else {
        return vec![format!(
            "{}: `{name}` is no floor; add it to the table here and in docs/ARCHITECTURE.md",
            file.path
        )];
    };
    let code = tokens(&file.text);
    let mut wrong = Vec::new();
    let mut nesting = vec![];
    for (at, token) in code.iter().enumerate() {
        match token.text.as_str() {
            "{" => nesting.push(at >= 2 && code[at - 2].text == "mod"),
            "}" => drop(nesting.pop()),
            "super" if at == 0 || code[at - 1].text != "::" => {
                let chain = code[at..].chunks(2).take_while(|pair| pair[0].text == "super");
                let inline = nesting.iter().filter(|module| **module).count();
                if chain.count() >= module_depth(&file.path) + inline {
                    let remedy = "write `crate::…`, so that this test can judge it";
                    wrong.push(complaint(file, token, "`super` leaves its floor", remedy));
                }
            }
            _ => {}
        }
        imports(file, floor, &code, at, &mut wrong);
        if floor.height <= 1 {
            purity(file, floor, &code, at, &mut wrong);
        }
    }
    wrong
}

/// Modules and crates that a path beginning here names against the table.
fn imports(file: &SourceFile, floor: &Floor, code: &[Token], at: usize, wrong: &mut Vec<String>) {
    if path_begins(code, at, "crate") {
        for module in below_root(code, at) {
            let known = FLOORS.iter().find(|other| other.name == module.text);
            if module.text == floor.name || floor.modules.contains(&module.text.as_str()) {
                continue;
            }
            let what = format!("`{}` (floor {}) names `{}`", floor.name, floor.height, module.text);
            let remedy = match known {
                Some(other) if other.height == floor.height => {
                    "modules on one floor never import each other: move what both need down"
                }
                Some(_) => {
                    "imports only go down: move it to a lower floor or pass it in as a value"
                }
                None => "name the floor that defines it, not a re-export",
            };
            wrong.push(complaint(file, module, &what, remedy));
        }
    }
    for name in CRATES {
        if path_begins(code, at, name) && !floor.crates.contains(name) {
            let what = format!("`{}` uses the crate `{name}`", floor.name);
            let remedy = "the table of floors does not allow it there";
            wrong.push(complaint(file, &code[at], &what, remedy));
        }
    }
}

/// Words and paths that make a low floor depend on the machine that it runs on.
fn purity(file: &SourceFile, floor: &Floor, code: &[Token], at: usize, wrong: &mut Vec<String>) {
    let token = &code[at];
    let word = token.text.as_str();
    let remedy = "it must give the same effects for the same inputs on every machine";
    let float = word.starts_with(|c: char| c.is_ascii_digit())
        && !word.starts_with("0x")
        && (word.contains('.') || word.ends_with("f32") || word.ends_with("f64"));
    if IMPURE.contains(&word) || float || word.starts_with("bevy") {
        wrong.push(complaint(file, token, &format!("`{}` has `{word}`", floor.name), remedy));
    }
    if path_begins(code, at, "std") || path_begins(code, at, "core") {
        for module in below_root(code, at) {
            if IMPURE_STD.contains(&module.text.as_str()) {
                let what = format!("`{}` uses `std::{}`", floor.name, module.text);
                wrong.push(complaint(file, module, &what, remedy));
            }
        }
    }
    let draws = word == "draw" || word == "rand" || word == "Stream";
    if floor.name == "failover" && draws {
        let what = format!("`failover` names `{word}`");
        wrong.push(complaint(file, token, &what, "the core draws no random number"));
    }
}

#[test]
fn imports_only_go_down() {
    let files = files("src", &[".rs"]);
    assert!(files.len() > 20, "found {} source files only", files.len());
    let wrong: Vec<_> = files
        .iter()
        .filter(|file| file.path != "src/lib.rs" && file.path != "src/main.rs")
        .flat_map(judge)
        .collect();
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn lib_names_the_floors_and_nothing_else() {
    let lib = files("src", &["lib.rs"]).pop().expect("src/lib.rs");
    let code = tokens(&lib.text);
    let modules: Vec<_> =
        code.windows(2).filter(|w| w[0].text == "mod").map(|w| w[1].text.as_str()).collect();
    let unknown: Vec<_> =
        modules.iter().filter(|name| !FLOORS.iter().any(|f| f.name == **name)).collect();
    assert!(unknown.is_empty(), "src/lib.rs: {unknown:?} are not in the table of floors");
    for word in ["fn", "struct", "enum", "use"] {
        let extra = code.iter().find(|token| token.text == word);
        assert!(extra.is_none(), "src/lib.rs has a `{word}`; it holds the floors and nothing else");
    }
}

#[test]
fn the_judge_can_fail() {
    let bad = [
        ("src/base/a.rs", "use std::collections::HashMap;", "HashMap"),
        ("src/base/a.rs", "use crate::failover::seam::Input;", "imports only go down"),
        ("src/failover/a.rs", "use std::{fmt, time::Duration};", "std::time"),
        ("src/failover/a.rs", "fn f() -> f64 { 0.5 }", "f64"),
        ("src/failover/a.rs", "const X: u8 = 0.5 as u8;", "0.5"),
        ("src/failover/a.rs", "use crate::base::{Instant, draw::Stream};", "no random number"),
        ("src/failover/a.rs", "use crate::{base::Id, model::Topology};", "`model`"),
        ("src/failover/a.rs", "use super::super::journal::Record;", "leaves its floor"),
        ("src/failover/mod.rs", "use super::journal::Record;", "leaves its floor"),
        ("src/check/mod.rs", "use crate::sim::Recorded;", "never import each other"),
        ("src/check/a.rs", "use bevy_ecs::prelude::World;", "bevy_ecs"),
        ("src/engine/a.rs", "", "is no floor"),
    ];
    for (path, text, wanted) in bad {
        let file = SourceFile { path: path.into(), text: text.into() };
        let wrong = judge(&file).join("\n");
        assert!(wrong.contains(wanted), "{path}: `{text}` should be refused for {wanted}: {wrong}");
    }
    let good = [
        ("src/failover/a.rs", "// HashMap\nuse super::seam; const X: &str = \"f64\";"),
        ("src/failover/a.rs", "mod tests { use super::super::seam::Input; } let a = b.0.1;"),
        ("src/check/a.rs", "use crate::view; use crate::base::{Id, ids::NodeId};"),
    ];
    for (path, text) in good {
        let file = SourceFile { path: path.into(), text: text.into() };
        assert_eq!(judge(&file), Vec::<String>::new());
    }
}
