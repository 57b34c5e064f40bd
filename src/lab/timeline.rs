//! A timeline written into a scenario file, whose comments and layout stay.

use crate::model::Problem;
use toml_edit::{DocumentMut, Item, Table, TableLike, Value, value};

/// The text of a scenario file with the timeline of a seed. A `[timeline]` that is there keeps its
/// place and its other keys; else one is put at the end.
///
/// # Errors
/// If the text is no TOML.
pub fn written(file: &str, text: &str, seed: u64, lines: &str) -> Result<String, Vec<Problem>> {
    let mut document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| {
        vec![Problem {
            file: file.to_owned(),
            line: None,
            key: String::new(),
            value: String::new(),
            expected: format!("valid TOML ({})", error.message()),
            hint: None,
        }]
    })?;
    if !document.contains_key("timeline") {
        let mut table = Table::new();
        table.decor_mut().set_prefix("\n");
        // Seeds above what TOML has numbers for cannot be written, and are not asked for.
        if let Some(seed) = i64::try_from(seed).ok().filter(|seed| *seed != 1) {
            table.insert("seed", value(seed));
        }
        document.insert("timeline", Item::Table(table));
    }
    if let Some(table) = document.get_mut("timeline").and_then(Item::as_table_like_mut) {
        put(table, literal(lines));
    }
    let written = document.to_string();
    Ok(match text.contains("\r\n") {
        true => written.replace("\r\n", "\n").replace('\n', "\r\n"),
        false => written,
    })
}

/// Sets the lines; what stands around the value stays.
fn put(table: &mut dyn TableLike, mut lines: Value) {
    match table.get_mut("lines").and_then(Item::as_value_mut) {
        Some(known) => {
            *lines.decor_mut() = known.decor().clone();
            *known = lines;
        }
        None => drop(table.insert("lines", Item::Value(lines))),
    }
}

/// Lines as they look best in a file: as they are, where TOML can hold that.
fn literal(lines: &str) -> Value {
    let plain = !lines.contains("'''") && !lines.contains(|c: char| c != '\n' && c.is_control());
    let raw = plain.then(|| format!("'''\n{lines}'''").parse::<Value>().ok()).flatten();
    raw.unwrap_or_else(|| Value::from(lines))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::load;
    use crate::model::topology::Topology;

    const SCENARIO: &str = "# About it.\ntitle = \"x\" # short\nuntil  = \"90s\"\n\n[[step]]\n\
                            text = \"y\" # z\nat = \"60s\"\n";

    fn topology() -> Topology {
        let text = crate::model::builtin::SITES[0].topology.text;
        load::topology("t.toml", text, &[]).expect("it is sound").topology
    }

    fn lines_of(text: &str) -> (u64, String) {
        let scenario = load::scenario("s.toml", "s", text, &topology()).expect("it is sound");
        let timeline = scenario.tested.timeline.expect("a timeline");
        (timeline.seed, timeline.lines)
    }

    #[test]
    fn what_is_written_is_read_and_the_rest_stays() {
        let added = written("s.toml", SCENARIO, 1, "1.0 a\\b \"c\"\n").expect("valid");
        assert_eq!(added, format!("{SCENARIO}\n[timeline]\nlines = '''\n1.0 a\\b \"c\"\n'''\n"));
        assert_eq!(lines_of(&added), (1, "1.0 a\\b \"c\"\n".to_owned()));
        let again = written("s.toml", &added, 9, "2.0 d\n").expect("valid");
        assert_eq!(lines_of(&again), (1, "2.0 d\n".to_owned()), "a block keeps its seed");
        assert_eq!(again, added.replace("1.0 a\\b \"c\"", "2.0 d"));
        let seeded = written("s.toml", SCENARIO, 7, "'''\u{7}\n").expect("valid");
        assert_eq!(lines_of(&seeded), (7, "'''\u{7}\n".to_owned()));
        let inline = written("s.toml", &format!("timeline = {{ seed = 3 }}\n{SCENARIO}"), 1, "e\n");
        assert_eq!(lines_of(&inline.expect("valid")), (3, "e\n".to_owned()));
        assert!(written("s.toml", "title = ", 1, "").is_err());
    }

    #[test]
    fn line_ends_are_those_of_the_file() {
        let text = SCENARIO.replace('\n', "\r\n");
        let added = written("s.toml", &text, 1, "1.0 a\n2.0 b\n").expect("valid");
        assert_eq!(added.matches('\n').count(), added.matches("\r\n").count());
        assert!(added.starts_with(&text), "{added:?}");
        let (_, lines) = lines_of(&added);
        assert_eq!(lines.lines().collect::<Vec<_>>(), ["1.0 a", "2.0 b"]);
    }
}
