//! Sizes, words and links: the rules of docs/STYLE.md that a program can judge.

use crate::source::{SourceFile, files, root, tokens};
use std::path::{Component, Path, PathBuf};

const FILE_LINES: usize = 600;
const FUNCTION_LINES: usize = 70;
const COLUMNS: usize = 100;

/// Words that say something is not finished. In two halves, so that this file passes its own test.
const UNFINISHED: &[[&str; 2]] = &[
    ["todo", "!"],
    ["unimplemented", "!"],
    ["dbg", "!"],
    ["FIX", "ME"],
    ["XX", "X"],
    ["for ", "now"],
    ["#[ign", "ore]"],
];

fn rust_files() -> Vec<SourceFile> {
    let mut found = files("src", &[".rs"]);
    found.extend(files("tests", &[".rs"]));
    found.extend(files("benches", &[".rs"]));
    found.extend(files("fuzz", &[".rs"]));
    found
}

fn demand(rule: &str, wrong: &[String]) {
    assert!(wrong.is_empty(), "{rule}:\n{}\n", wrong.join("\n"));
}

/// Functions that are longer than they may be.
fn long_functions(file: &SourceFile) -> Vec<String> {
    let code = tokens(&file.text);
    let mut wrong = Vec::new();
    for (at, token) in code.iter().enumerate() {
        if token.text != "fn" || code.get(at + 1).is_none_or(|next| next.text == "(") {
            continue;
        }
        let mut depth = 0_usize;
        for part in &code[at..] {
            match part.text.as_str() {
                ";" if depth == 0 => break,
                "{" | "(" | "[" => depth += 1,
                "}" | ")" | "]" => depth -= 1,
                _ => {}
            }
            if depth == 0 && part.text == "}" {
                let lines = part.line - token.line + 1;
                if lines > FUNCTION_LINES {
                    let name = &code[at + 1].text;
                    wrong.push(format!(
                        "{}:{}: fn {name} has {lines} lines; split it by duty",
                        file.path, token.line
                    ));
                }
                break;
            }
        }
    }
    wrong
}

/// Lines that are too wide. Rows of tables with texts may be wider than code.
fn wide_lines(file: &SourceFile) -> Vec<String> {
    let wide = |line: &&str| line.chars().count() > COLUMNS && !line.contains('"');
    file.text
        .lines()
        .enumerate()
        .filter(|(_, line)| wide(line) && !line.contains("://"))
        .map(|(at, line)| {
            format!("{}:{}: {} columns; break it", file.path, at + 1, line.chars().count())
        })
        .collect()
}

fn unfinished(file: &SourceFile) -> Vec<String> {
    let found = |line: &str| {
        UNFINISHED.iter().map(|halves| halves.concat()).find(|word| line.contains(word))
    };
    file.text
        .lines()
        .enumerate()
        .filter_map(|(at, line)| {
            let word = found(line)?;
            Some(format!("{}:{}: `{word}`; finish it, or leave it out", file.path, at + 1))
        })
        .collect()
}

#[test]
fn files_are_short() {
    let wrong: Vec<_> = rust_files()
        .iter()
        .filter(|file| file.text.lines().count() > FILE_LINES)
        .map(|file| {
            let lines = file.text.lines().count();
            format!("{}: {lines} lines; split it by duty", file.path)
        })
        .collect();
    demand("a file has at most 600 lines", &wrong);
}

#[test]
fn functions_are_short() {
    let wrong: Vec<_> = rust_files().iter().flat_map(long_functions).collect();
    demand("a function has at most 70 lines", &wrong);
}

#[test]
fn lines_are_narrow() {
    let wrong: Vec<_> = rust_files().iter().flat_map(wide_lines).collect();
    demand("a line has at most 100 columns", &wrong);
}

#[test]
fn nothing_is_left_unfinished() {
    let mut all = rust_files();
    all.extend(files("topologies", &[".toml"]));
    all.extend(files("docs", &[".md"]));
    let wrong: Vec<_> = all.iter().flat_map(unfinished).collect();
    demand("no word says that something is not finished", &wrong);
}

#[test]
fn every_case_says_why() {
    let silent = |file: &&SourceFile| !file.text.lines().any(|line| line.starts_with('#'));
    let wrong: Vec<_> = files("tests/cases", &[".txt"])
        .iter()
        .filter(silent)
        .map(|file| format!("{}: add a line that begins with # and says what it shows", file.path))
        .collect();
    demand("every case has a comment", &wrong);
}

/// A path without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(out.pop()),
            Component::CurDir => {}
            other => out.push(other),
        }
    }
    out
}

/// Files that a page links to, inside the package, with the line of the link.
fn links(page: &SourceFile) -> Vec<(usize, PathBuf)> {
    let folder = Path::new(&page.path).parent().expect("a folder");
    let mut found = Vec::new();
    for (at, line) in page.text.lines().enumerate() {
        for target in line.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = target.split('#').next().unwrap_or_default();
            if !target.is_empty() && !target.contains("://") {
                found.push((at + 1, plain(&folder.join(target))));
            }
        }
    }
    found
}

#[test]
fn pages_are_linked_and_links_lead_somewhere() {
    let pages = files("", &[".md"]);
    let mut wrong = Vec::new();
    let mut linked = Vec::new();
    for page in &pages {
        for (line, target) in links(page) {
            if !root().join(&target).exists() {
                let place = format!("{}:{line}", page.path);
                wrong.push(format!("{place}: {} does not exist", target.display()));
            }
            if target != Path::new(&page.path) {
                linked.push(target);
            }
        }
    }
    for page in pages.iter().filter(|page| page.path != "README.md") {
        if !linked.contains(&PathBuf::from(&page.path)) {
            wrong.push(format!("{}: no page links to it; add it to README.md", page.path));
        }
    }
    demand("every page can be found", &wrong);
}

/// Files of this package that a page names in backticks.
fn named(page: &SourceFile) -> Vec<String> {
    const FOLDERS: [&str; 6] = ["src/", "tests/", "benches/", "docs/", "topologies/", ".ci/"];
    let spans = page.text.split('`').skip(1).step_by(2);
    let paths = spans.filter(|span| FOLDERS.iter().any(|folder| span.starts_with(folder)));
    let plain = |path: &&str| !path.contains([' ', '*', '<', '…', '\n']) && !path.contains("NAME");
    paths.filter(plain).map(str::to_owned).collect()
}

#[test]
fn files_that_pages_name_exist() {
    let mut wrong = Vec::new();
    for page in files("", &[".md"]).iter().filter(|page| !page.path.contains("facts/")) {
        for path in named(page) {
            let here = root().join(path.as_str());
            if !here.exists() && !here.with_extension("rs").exists() {
                wrong.push(format!("{}: {path} does not exist", page.path));
            }
        }
    }
    demand("pages name what is there", &wrong);
    let page = "`src/nothing.rs` and `tests/it/main.rs`".to_owned();
    let page = SourceFile { path: "a.md".into(), text: page };
    assert_eq!(named(&page).len(), 2, "the judge reads names");
}

#[test]
fn the_judge_can_fail() {
    let file = |text: String| SourceFile { path: "src/base/a.rs".into(), text };
    let long = format!("fn long() {{\n{}}}\n", "    a();\n".repeat(FUNCTION_LINES));
    assert_eq!(long_functions(&file(long)).len(), 1);
    let array = format!("fn f(a: [u8; 3]) {{\n{}}}\n", "    a();\n".repeat(FUNCTION_LINES));
    assert_eq!(long_functions(&file(array)).len(), 1);
    let short = format!("fn short();\n{}", "const A: u8 = 1;\n".repeat(FUNCTION_LINES));
    assert_eq!(long_functions(&file(short)).len(), 0);
    assert_eq!(wide_lines(&file("x".repeat(COLUMNS + 1))).len(), 1);
    assert_eq!(wide_lines(&file("x".repeat(COLUMNS))).len(), 0);
    for halves in UNFINISHED {
        assert_eq!(unfinished(&file(format!("    {}", halves.concat()))).len(), 1);
    }
    let page =
        SourceFile { path: "docs/A.md".into(), text: "[a](../b.md#c) [w](https://x.y)".into() };
    assert_eq!(links(&page), [(1, PathBuf::from("b.md"))]);
}
