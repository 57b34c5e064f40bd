//! `ConvertTo-Json`: a list of objects or a single one.

use super::{Row, Wrong};
use serde_json::{Map, Value};

/// Keys under which PowerShell puts what an object stands for, the text before the number.
const MEANING: [&str; 5] = ["Value", "value", "Name", "DisplayName", "ToString"];

/// Fields that may be objects of which nothing is understood: others tell the same.
const NAMES: [&str; 3] = ["identity", "id", "name"];

/// The objects of a document.
pub(super) fn rows(text: &str, known: &[&str]) -> Result<Vec<Row>, Wrong> {
    let document: Value = serde_json::from_str(text).map_err(|error| {
        let mut wrong = Wrong::new("one JSON document, as ConvertTo-Json writes it");
        wrong.line = Some(error.line().max(1));
        let told = error.to_string();
        let told = told.split(" at line ").next().unwrap_or_default();
        wrong.hint = Some(format!("column {}: {told}", error.column()));
        wrong
    })?;
    let objects = match document {
        Value::Array(objects) => objects.into_iter().enumerate().map(indexed).collect(),
        Value::Object(mut object) => match object.remove("value") {
            // Windows PowerShell wraps a list that it was handed through a pipeline twice.
            Some(Value::Array(objects)) => objects.into_iter().enumerate().map(indexed).collect(),
            other => {
                if let Some(other) = other {
                    object.insert("value".to_owned(), other);
                }
                vec![(String::new(), Value::Object(object))]
            }
        },
        other => vec![(String::new(), other)],
    };
    objects.into_iter().map(|(path, object)| row(path, &object, known)).collect()
}

fn indexed((position, object): (usize, Value)) -> (String, Value) {
    (format!("[{position}]."), object)
}

fn row(path: String, value: &Value, known: &[&str]) -> Result<Row, Wrong> {
    let Value::Object(object) = value else {
        let mut wrong = Wrong::new("an object for each copy");
        path.trim_end_matches('.').clone_into(&mut wrong.key);
        wrong.value = super::super::copies::shown(&value.to_string());
        return Err(wrong);
    };
    let mut row = Row { line: None, path, ..Row::default() };
    for (name, value) in object {
        let lower = name.to_lowercase();
        if !known.contains(&lower.as_str()) {
            continue;
        }
        let text = plain(value);
        if text.is_empty() && value.is_object() && !NAMES.contains(&lower.as_str()) {
            let mut wrong = Wrong::new("a text, a number, or an object with Value or Name");
            wrong.key = format!("{}{name}", row.path);
            wrong.value = super::super::copies::shown(&value.to_string());
            return Err(wrong);
        }
        row.insert(name, &text, None);
    }
    Ok(row)
}

/// What a value stands for, as text: an enumeration may be a word, a number, or an object that
/// has both.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(held) => held.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        Value::Object(object) => meaning(object),
    }
}

fn meaning(object: &Map<String, Value>) -> String {
    let held = || MEANING.iter().filter_map(|key| object.get(*key));
    let text = held().find_map(Value::as_str);
    match text {
        Some(text) => text.to_owned(),
        None => held().find(|value| value.is_number()).map(plain).unwrap_or_default(),
    }
}
