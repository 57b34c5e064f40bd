//! `Format-List`: a name, a colon, a value; long values go on in the next line.

use super::Row;

/// The objects of a text. An object ends where a known field comes again: blank lines stand
/// between objects, but also between lines in texts that went through a mail or a web page.
pub(super) fn rows(text: &str, known: &[&str]) -> Vec<Row> {
    let width = |line: &str| line.len() - line.trim_start().len();
    let indent = text.lines().filter(|line| !line.trim().is_empty()).map(width).min().unwrap_or(0);
    let mut rows = Vec::new();
    let mut row = Row::default();
    let mut last: Option<String> = None;
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            last = None;
            continue;
        }
        let number = Some(number + 1);
        let Some((name, value)) = field(line.get(indent..).unwrap_or(line)) else {
            if let Some(field) = last.as_ref().and_then(|last| row.fields.get_mut(last)) {
                if !field.text.is_empty() {
                    field.text.push(' ');
                }
                field.text.push_str(line.trim());
            }
            continue;
        };
        let key = name.to_lowercase();
        if row.fields.contains_key(&key) {
            if !known.contains(&key.as_str()) {
                last = None;
                continue;
            }
            rows.push(std::mem::take(&mut row));
        }
        if row.fields.is_empty() {
            row.line = number;
        }
        row.insert(name, value, number);
        last = Some(key);
    }
    rows.push(row);
    rows.retain(|row| known.iter().any(|name| row.fields.contains_key(*name)));
    rows
}

/// The name and the value of a line that begins a field. Only the first colon tells them apart:
/// times have some of their own.
fn field(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once(':')?;
    let begins = line.starts_with(|c: char| c.is_ascii_alphabetic());
    let name = name.trim_end();
    let word = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    (begins && word).then_some((name, value.trim()))
}
