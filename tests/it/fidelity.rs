//! docs/FIDELITY.md names every row of the fact sheets that could decide something, and what it
//! says of each is so: sources, code, cases and keys exist.

use crate::source::{root, tokens};
use dagtwin::model::settings::PARAMETERS;
use std::collections::BTreeMap;

/// The sections whose rows can decide what happens. The others are published times and formats
/// of logs and objects (wsfc.md §6 to §8; exchange.md §6, §8 to §10).
const DECIDING: [(&str, &[&str]); 2] = [
    (
        "wsfc.md",
        &[
            "1.1", "1.2", "1.3", "1.4", "2", "2.1", "3.1", "3.2", "3.3", "4.1", "4.2", "4.3",
            "4.4", "5.1", "5.2",
        ],
    ),
    (
        "exchange.md",
        &[
            "1.1", "1.2", "1.3", "1.4", "1.5", "1.6", "1.7", "1.8", "2.1", "2.2", "2.3", "2.4",
            "3.1", "3.2", "3.3", "4.1", "4.2", "4.3", "4.4", "5", "7.1", "7.2", "7.3", "7.4",
        ],
    ),
];

/// A section of a fact sheet.
#[derive(Default)]
struct Facts {
    /// The cells of every row, joined by blanks, without marks; and the first cell alone.
    rows: Vec<(String, String)>,
    /// What stands outside tables.
    prose: String,
}

/// Text without emphasis and code marks.
fn plain(text: &str) -> String {
    let text: String = text.chars().filter(|c| !matches!(c, '*' | '`')).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The cells of a table's line.
fn cells(line: &str) -> Vec<String> {
    let inner = line.trim().trim_start_matches('|').trim_end_matches('|');
    inner.split('|').map(|cell| cell.trim().to_owned()).collect()
}

/// The sections of a page by their numbers; a page without numbers has one section, "".
fn sections(text: &str) -> BTreeMap<String, Facts> {
    let mut found: BTreeMap<String, Facts> = BTreeMap::new();
    let mut number = String::new();
    let lines: Vec<&str> = text.lines().collect();
    for (at, line) in lines.iter().enumerate() {
        if line.starts_with('#') {
            let word = line.trim_start_matches('#').split_whitespace().next().unwrap_or_default();
            number = word.trim_end_matches('.').to_owned();
            continue;
        }
        let here = found.entry(number.clone()).or_default();
        let next = lines.get(at + 1).is_some_and(|next| next.starts_with("|--"));
        if !line.starts_with('|') {
            here.prose += &format!("{} ", plain(line));
        } else if !next && !line.starts_with("|--") {
            let cells: Vec<String> = cells(line).iter().map(|cell| plain(cell)).collect();
            here.rows.push((plain(&cells.join(" ")), cells[0].clone()));
        }
    }
    found
}

/// The place of the row that a name means: the only one that begins so, or the only one whose
/// first cell is so.
fn find(facts: &Facts, name: &str) -> Result<usize, String> {
    let rows = || facts.rows.iter().enumerate();
    let begins: Vec<usize> =
        rows().filter(|(_, (all, _))| all.starts_with(name)).map(|(at, _)| at).collect();
    let exact: Vec<usize> =
        rows().filter(|(_, (_, first))| first == name).map(|(at, _)| at).collect();
    match (begins.as_slice(), exact.as_slice()) {
        ([one], _) | (_, [one]) => Ok(*one),
        ([], _) => Err("no row begins so".into()),
        (several, _) => Err(format!("{} rows begin so", several.len())),
    }
}

/// A row of the fidelity page.
struct Claim {
    line: usize,
    source: String,
    status: String,
    code: String,
    case: String,
}

fn page() -> String {
    std::fs::read_to_string(root().join("docs/FIDELITY.md")).expect("docs/FIDELITY.md")
}

fn claims(text: &str) -> Vec<Claim> {
    let mut found = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let cells = cells(line);
        if !line.starts_with('|') || line.starts_with("|--") || cells[0] == "rule" {
            continue;
        }
        let line = at + 1;
        let [_, source, status, code, case] = cells.as_slice() else {
            panic!("docs/FIDELITY.md:{line}: five cells were expected, {} found", cells.len());
        };
        let text = |cell: &String| plain(cell);
        let (source, status) = (text(source), text(status));
        found.push(Claim { line, source, status, code: text(code), case: text(case) });
    }
    found
}

/// Whether a file defines a function, a type or a constant of that name.
fn has_name(file: &str, name: &str) -> Result<(), String> {
    let text = std::fs::read_to_string(root().join(file)).map_err(|_| "no such file".to_owned())?;
    let words = tokens(&text);
    let mut pairs = words.windows(2);
    let defines = |word: &str| matches!(word, "fn" | "struct" | "enum" | "const" | "static");
    let found = pairs.any(|pair| defines(&pair[0].text) && pair[1].text == name);
    if found { Ok(()) } else { Err(format!("`{name}` is not defined in it")) }
}

/// Every `file: name` of a cell, judged.
fn judge_places(cell: &str, wrong: &mut Vec<String>) {
    for part in cell.split("; ") {
        match part.split_once(": ") {
            Some((file, name)) if file.ends_with(".rs") => {
                if let Err(why) = has_name(file, name) {
                    wrong.push(format!("{part}: {why}"));
                }
            }
            Some(_) => wrong.push(format!("{part}: `file.rs: name` was expected")),
            None if part.ends_with(".rs") || !root().join(part).is_file() => {
                wrong.push(format!("{part}: no such case; `file.rs: test` or a path was expected"));
            }
            None => {}
        }
    }
}

/// Whether a key is a parameter, or one of the topology's that docs/SCENARIOS.md describes.
fn judge_key(key: &str, default: Option<&str>) -> Result<(), String> {
    let known = PARAMETERS.iter().find(|parameter| parameter.key == key);
    match (known, default) {
        (Some(parameter), Some(default)) if parameter.default != default => {
            Err(format!("{key}: its default is {}", parameter.default))
        }
        (Some(_), _) => Ok(()),
        (None, _) => {
            let page = std::fs::read_to_string(root().join("docs/SCENARIOS.md")).expect("a page");
            let described = page.contains(&format!("`{key}`"));
            if described { Ok(()) } else { Err(format!("{key}: no parameter and no key")) }
        }
    }
}

/// What is wrong with a claim, apart from its sources.
fn judge(claim: &Claim) -> Vec<String> {
    let mut wrong = Vec::new();
    let (word, rest) = claim.status.split_once(' ').unwrap_or((&claim.status, ""));
    let (mut code, mut case) = (true, true);
    match word {
        "modelled" | "plant" if rest.is_empty() => {}
        "switch" => match rest.split_once(" = ") {
            Some((key, default)) => wrong.extend(judge_key(key, Some(default)).err()),
            None => wrong.push(format!("switch {rest}: `switch KEY = DEFAULT` was expected")),
        },
        "assumed" => wrong.extend(judge_key(rest, None).err()),
        "no" | "outside:" | "not" => {
            let reason = ["no decision: ", "outside: ", "not built: ", "not met: "];
            if !reason.iter().any(|begin| claim.status.starts_with(begin)) {
                wrong.push(format!("`{}` is no status", claim.status));
            }
            let met = !claim.status.starts_with("not met: ");
            (code, case) = (!met || claim.code != "–", !met || claim.case != "–");
        }
        _ => wrong.push(format!("`{}` is no status", claim.status)),
    }
    for (cell, wanted) in [(&claim.code, code), (&claim.case, case)] {
        if wanted {
            judge_places(cell, &mut wrong);
        }
    }
    wrong
}

/// The sheet, the section and the names of a source.
fn parts(source: &str) -> Option<(&str, &str, Vec<&str>)> {
    let (sheet, rest) = source.split_once(" §")?;
    let (section, names) = rest.split_once(' ')?;
    Some((sheet, section, names.split("; ").collect()))
}

/// Whether a source, such as `wsfc.md §2 Paused`, names a row or prose of its sheet.
pub(crate) fn row(source: &str) -> Result<(), String> {
    let (sheet, section, names) = parts(source).ok_or("`sheet.md §number row` was expected")?;
    let text = std::fs::read_to_string(root().join("docs/facts").join(sheet));
    let facts = sections(&text.map_err(|error| error.to_string())?);
    let facts = facts.get(section).ok_or("no such section")?;
    for name in names.into_iter().filter(|name| !facts.prose.contains(name)) {
        find(facts, name)?;
    }
    Ok(())
}

#[test]
fn every_row_of_the_sheets_is_named_and_every_name_is_a_row() {
    let claims = claims(&page());
    let mut wrong = Vec::new();
    for (sheet, deciding) in DECIDING {
        let text = std::fs::read_to_string(root().join("docs/facts").join(sheet)).expect("a sheet");
        let facts = sections(&text);
        let mut named: BTreeMap<&str, Vec<bool>> = BTreeMap::new();
        for section in deciding {
            let known = facts.get(*section).unwrap_or_else(|| panic!("{sheet} has no §{section}"));
            named.insert(section, vec![false; known.rows.len()]);
        }
        for claim in &claims {
            let place = format!("docs/FIDELITY.md:{}", claim.line);
            let Some((of, section, names)) = parts(&claim.source) else {
                wrong.push(format!("{place}: `sheet.md §number row` was expected"));
                continue;
            };
            if !DECIDING.iter().any(|(sheet, all)| *sheet == of && all.contains(&section)) {
                wrong.push(format!("{place}: {of} §{section} is no section that decides"));
            }
            let Some(seen) = named.get_mut(section).filter(|_| of == sheet) else { continue };
            for name in names {
                match find(&facts[section], name) {
                    Ok(row) => seen[row] = true,
                    Err(_) if facts[section].prose.contains(name) => {}
                    Err(why) => wrong.push(format!("{place}: {of} §{section} {name}: {why}")),
                }
            }
        }
        for (section, seen) in named {
            let missing = seen.iter().zip(&facts[section].rows).filter(|(seen, _)| !**seen);
            for (_, (_, first)) in missing {
                wrong
                    .push(format!("{sheet} §{section} {first}: docs/FIDELITY.md does not name it"));
            }
            let begin = format!("{sheet} §{section} ");
            if !claims.iter().any(|claim| claim.source.starts_with(&begin)) {
                wrong.push(format!("{sheet} §{section}: docs/FIDELITY.md does not name it"));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn what_the_page_says_of_a_rule_is_so() {
    let mut wrong = Vec::new();
    for claim in claims(&page()) {
        let place = format!("docs/FIDELITY.md:{}: {}", claim.line, claim.source);
        wrong.extend(judge(&claim).into_iter().map(|why| format!("{place}: {why}")));
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn the_judge_can_fail() {
    let claim = |status: &str, code: &str, case: &str| {
        let text = format!("| a | wsfc.md §2 Paused | {status} | {code} | {case} |");
        judge(&claims(&text)[0]).len()
    };
    let code = "src/failover/quorum.rs: standing";
    let case = "tests/cases/quorum/single-node.txt";
    assert_eq!(claim("modelled", code, case), 0);
    assert_eq!(claim("modelled", "–", case), 1, "a rule needs its place");
    assert_eq!(claim("modelled", code, "–"), 1, "and its case");
    assert_eq!(claim("modelled", "src/failover/quorum.rs: nobody", case), 1);
    assert_eq!(claim("modelled", "src/failover/nothing.rs: standing", case), 1);
    assert_eq!(claim("modelled", code, "tests/cases/quorum/nothing.txt"), 1);
    assert_eq!(claim("done", code, case), 1);
    assert_eq!(claim("switch cluster.arbitration_delay = 6s", code, case), 0);
    assert_eq!(claim("switch cluster.arbitration_delay = 7s", code, case), 1);
    assert_eq!(claim("assumed cluster.nothing", code, case), 1);
    assert_eq!(claim("outside: a reason", "–", "–"), 0);
    assert_eq!(claim("not met: a reason", code, case), 0);
    assert_eq!(claim("not met: a reason", "–", "–"), 2, "what is done instead has its place");
    let facts = sections("## 2. A\n| a | b |\n|---|---|\n| x | 1 |\n| x | 2 |\n| `y` | z |\n");
    let facts = &facts["2"];
    assert_eq!(find(facts, "y"), Ok(2));
    assert_eq!(find(facts, "x 2"), Ok(1));
    assert!(find(facts, "x").is_err() && find(facts, "z").is_err());
}
