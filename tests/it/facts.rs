//! Every row of the fact sheets that a source names exists, and every parameter names what it
//! rests on, every property of the product the row that has it.

use crate::source::{files, root};
use dagtwin::check;
use dagtwin::model::powershell::PROPERTIES;
use dagtwin::model::settings::{Basis, PARAMETERS};

const SHEETS: [&str; 2] = ["wsfc", "exchange"];

/// Numbers of a sheet's sections, such as `3` and `3.2`.
fn sections(sheet: &str) -> Vec<String> {
    let path = root().join(format!("docs/facts/{sheet}.md"));
    let text = std::fs::read_to_string(path).expect("the sheet");
    let headings = text.lines().filter_map(|line| line.strip_prefix("##"));
    let numbers = headings.filter_map(|heading| {
        let number = heading.trim_start_matches('#').split_whitespace().next()?;
        let number = number.trim_end_matches('.');
        number.starts_with(|c: char| c.is_ascii_digit()).then(|| number.to_owned())
    });
    numbers.collect()
}

/// Sections that a text names after the sheet's name: `wsfc.md §3.2` or `wsfc.md §4.1, §5`.
fn named(text: &str, sheet: &str) -> Vec<String> {
    let begin = format!("{sheet}.md §");
    let mut found = Vec::new();
    for rest in text.split(begin.as_str()).skip(1) {
        for part in rest.split(", §") {
            let number: String =
                part.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
            found.push(number.trim_end_matches('.').to_owned());
            if part.chars().count() > number.chars().count() {
                break;
            }
        }
    }
    found
}

#[test]
fn every_named_row_exists() {
    let mut sources = files("src", &[".rs"]);
    sources.extend(files("topologies", &[".toml"]));
    let (mut wrong, mut count) = (Vec::new(), 0);
    for sheet in SHEETS {
        let known = sections(sheet);
        assert!(known.len() > 20, "{sheet}: {known:?}");
        for file in &sources {
            for section in named(&file.text, sheet) {
                count += 1;
                if !known.contains(&section) {
                    wrong.push(format!("{}: {sheet}.md §{section} does not exist", file.path));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
    assert!(count > 100, "{count} sources only");
}

#[test]
fn every_number_says_what_it_rests_on() {
    for parameter in PARAMETERS {
        let (source, assumed) = match parameter.basis {
            Basis::Documented(source) | Basis::Reported(source) | Basis::Derived(source) => {
                (source, false)
            }
            Basis::Assumed(source) => (source, true),
        };
        let row = SHEETS.iter().any(|sheet| !named(source, sheet).is_empty());
        let standard = source.contains("RFC ");
        assert!(!source.is_empty(), "{}: no source", parameter.key);
        assert!(assumed || row || standard, "{}: \"{source}\" names no row", parameter.key);
    }
}

#[test]
fn every_property_of_the_product_is_a_fact() {
    for property in PROPERTIES {
        let row = SHEETS.iter().any(|sheet| !named(property.source, sheet).is_empty());
        assert!(row, "{}: \"{}\" names no row", property.key, property.source);
        let texts = SHEETS.map(|sheet| {
            let path = root().join(format!("docs/facts/{sheet}.md"));
            std::fs::read_to_string(path).expect("the sheet")
        });
        let told = texts.iter().any(|text| text.contains(property.name));
        let mode = property.name == "QuorumType";
        assert!(told || mode, "{}: no sheet has {}", property.key, property.name);
    }
}

#[test]
fn every_promise_says_where_it_comes_from() {
    for promise in check::ALL {
        let row = SHEETS.iter().any(|sheet| !named(promise.source, sheet).is_empty());
        let page = promise.source.split([',', ' ']).next().unwrap_or_default();
        let exists = page.starts_with("docs/") && root().join(page).exists();
        assert!(row || exists, "{}: \"{}\"", promise.name, promise.source);
    }
}
