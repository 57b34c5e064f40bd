//! `Export-Csv`, with or without its line of types, in any culture's delimiter.

use super::{Row, Wrong};

/// Where a table's heading is and how its cells are told apart.
pub(super) struct Heading {
    delimiter: u8,
    /// Lines before it.
    before: usize,
}

/// Finds the heading: the first line that is not empty and does not speak about the file.
pub(super) fn heading(text: &str, known: &[&str]) -> Option<Heading> {
    let mut lines = text.lines().enumerate();
    let (before, line) = lines.find(|(_, line)| {
        let line = line.trim();
        !line.is_empty() && !line.starts_with("#TYPE") && !line.starts_with("sep=")
    })?;
    [b',', b';', b'\t'].into_iter().find_map(|delimiter| {
        let mut reader = ::csv::ReaderBuilder::new()
            .has_headers(false)
            .delimiter(delimiter)
            .from_reader(line.as_bytes());
        let cells = reader.records().next()?.ok()?;
        let found = |cell: &str| known.contains(&cell.trim().to_lowercase().as_str());
        (cells.len() > 1 && cells.iter().any(found)).then_some(Heading { delimiter, before })
    })
}

/// The objects below the heading. Headings and lines of types that come again, as in files that
/// were put together, are passed over.
pub(super) fn rows(text: &str, heading: &Heading, known: &[&str]) -> Result<Vec<Row>, Wrong> {
    let skip: usize = text.split_inclusive('\n').take(heading.before).map(str::len).sum();
    let mut reader = ::csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(heading.delimiter)
        .from_reader(&text.as_bytes()[skip..]);
    let mut records = reader.records();
    let line_of = |record: &::csv::StringRecord| {
        record.position().map(|at| heading.before + at.line() as usize)
    };
    let wrong = |error: &::csv::Error| {
        let mut wrong = Wrong::new("rows of comma-separated values in UTF-8");
        wrong.line = error.position().map(|at| heading.before + at.line() as usize);
        wrong
    };
    let Some(names) = records.next() else { return Ok(Vec::new()) };
    let names = names.map_err(|error| wrong(&error))?;
    let heads: Vec<String> = names.iter().map(|name| name.trim().to_lowercase()).collect();
    let twice = (1..heads.len())
        .find(|at| known.contains(&heads[*at].as_str()) && heads[..*at].contains(&heads[*at]));
    if let Some(at) = twice {
        let mut wrong = Wrong::new("each heading once");
        (wrong.line, wrong.value) = (line_of(&names), super::super::copies::shown(&names[at]));
        return Err(wrong);
    }
    let mut rows = Vec::new();
    for record in records {
        let record = record.map_err(|error| wrong(&error))?;
        let line = line_of(&record);
        let first = record.get(0).unwrap_or_default();
        let blank = record.len() == 1 && first.trim().is_empty();
        if blank || first.starts_with("#TYPE") || record == names {
            continue;
        }
        if record.len() != names.len() {
            let (have, want) = (record.len(), names.len());
            return Err(Wrong {
                key: String::new(),
                line,
                value: super::super::copies::shown(first),
                expected: format!("{want} cells, as in the heading; this row has {have}"),
                hint: Some("a file that was cut off, or a quote that is not closed?".to_owned()),
            });
        }
        let mut row = Row { line, ..Row::default() };
        for (name, cell) in names.iter().map(str::trim).zip(&record) {
            if known.contains(&name.to_lowercase().as_str()) {
                row.insert(name, cell, line);
            }
        }
        rows.push(row);
    }
    Ok(rows)
}
