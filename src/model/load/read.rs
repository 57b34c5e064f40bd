//! Reads tables of a TOML file key by key and collects everything that is wrong, with its line.

use crate::base::{Address, Id, IdVec, Instant, Span};
use crate::model::Problem;
use crate::model::settings::Value;
use std::cell::RefCell;
use std::collections::BTreeSet;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A file being read, and what is wrong with it so far.
pub(super) struct File<'t> {
    name: &'t str,
    text: &'t str,
    problems: RefCell<Vec<Problem>>,
}

impl<'t> File<'t> {
    pub(super) fn new(name: &'t str, text: &'t str) -> Self {
        File { name, text, problems: RefCell::new(Vec::new()) }
    }

    /// The root table; syntax errors are problems.
    pub(super) fn root(&self) -> Spanned<DeTable<'t>> {
        let (table, errors) = DeTable::parse_recoverable(self.text);
        for error in errors {
            let line = error.span().map(|span| self.line(span.start));
            self.problem(line, String::new(), String::new(), "valid TOML", Some(error.message()));
        }
        table
    }

    fn line(&self, at: usize) -> usize {
        let end = at.min(self.text.len());
        self.text.as_bytes()[..end].iter().filter(|byte| **byte == b'\n').count() + 1
    }

    fn problem(
        &self,
        line: Option<usize>,
        key: String,
        value: String,
        expected: &str,
        hint: Option<&str>,
    ) {
        let problem = Problem {
            file: self.name.to_owned(),
            line,
            key,
            value,
            expected: expected.to_owned(),
            hint: hint.map(str::to_owned),
        };
        let mut problems = self.problems.borrow_mut();
        // A key that is read twice is wrong once.
        if !problems.iter().rev().take(64).any(|known| *known == problem) {
            problems.push(problem);
        }
    }

    /// Everything that is wrong.
    pub(super) fn into_problems(self) -> Vec<Problem> {
        self.problems.into_inner()
    }

    pub(super) fn is_sound(&self) -> bool {
        self.problems.borrow().is_empty()
    }
}

/// A table being read.
pub(super) struct Section<'f, 't> {
    file: &'f File<'t>,
    path: String,
    table: &'f DeTable<'t>,
    line: usize,
    known: RefCell<BTreeSet<&'static str>>,
}

/// A name or value with the place where it stands.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    pub text: String,
    /// The value as it stands there, for messages.
    pub shown: String,
    pub line: usize,
    pub key: String,
}

impl<'f, 't> Section<'f, 't> {
    pub(super) fn new(file: &'f File<'t>, path: String, table: &'f Spanned<DeTable<'t>>) -> Self {
        let line = file.line(table.span().start);
        Section { file, path, table: table.get_ref(), line, known: RefCell::default() }
    }

    /// The key path of a key in this table.
    pub(super) fn path(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// The line at which it begins.
    pub(super) fn line(&self) -> usize {
        self.line
    }

    pub(super) fn has(&self, key: &'static str) -> bool {
        self.get(key).is_some()
    }

    fn get(&self, key: &'static str) -> Option<&'f Spanned<DeValue<'t>>> {
        self.known.borrow_mut().insert(key);
        self.table.get(key)
    }

    /// Keys and values in the order of the keys, for tables whose keys are names.
    pub(super) fn entries(&self) -> Vec<(String, Placed)> {
        let entries = self.table.iter().map(|(key, value)| {
            let name = key.get_ref().to_string();
            (name.clone(), self.placed(&name, value))
        });
        entries.collect()
    }

    fn placed(&self, key: &str, value: &Spanned<DeValue<'t>>) -> Placed {
        let line = self.file.line(value.span().start);
        let value = value.get_ref();
        Placed { text: show(value), shown: quoted(value), line, key: self.path(key) }
    }

    /// Something is wrong with a key's value, or it is missing.
    pub(super) fn wrong(&self, key: &str, expected: &str, hint: Option<String>) {
        let value = self.table.get(key);
        let line = value.map_or(self.line, |value| self.file.line(value.span().start));
        let text = value.map(|value| quoted(value.get_ref())).unwrap_or_default();
        self.file.problem(Some(line), self.path(key), text, expected, hint.as_deref());
    }

    /// Something is wrong with a value that was read before.
    pub(super) fn wrong_at(&self, place: &Placed, expected: &str, hint: Option<String>) {
        let (key, value) = (place.key.clone(), place.shown.clone());
        self.file.problem(Some(place.line), key, value, expected, hint.as_deref());
    }

    /// A text that must be there and not be empty.
    pub(super) fn text(&self, key: &'static str) -> Placed {
        self.optional_text(key).unwrap_or_else(|| {
            if self.get(key).is_none() {
                self.wrong(key, "a text; the key is missing", None);
            }
            let (text, shown) = (String::new(), String::new());
            Placed { text, shown, line: self.line, key: self.path(key) }
        })
    }

    pub(super) fn optional_text(&self, key: &'static str) -> Option<Placed> {
        let value = self.get(key)?;
        match value.get_ref().as_str() {
            Some(text) if !text.trim().is_empty() => {
                Some(Placed { text: text.to_owned(), ..self.placed(key, value) })
            }
            _ => {
                self.wrong(key, "a text that is not empty", None);
                None
            }
        }
    }

    /// A text of several lines, which may be empty.
    pub(super) fn lines(&self, key: &'static str) -> Option<String> {
        let text = self.get(key)?.get_ref().as_str();
        if text.is_none() {
            self.wrong(key, "a text, such as ''' ... ''' around lines", None);
        }
        text.map(str::to_owned)
    }

    /// Whether a key is there with something other than a list.
    pub(super) fn is_no_list(&self, key: &'static str) -> bool {
        self.get(key).is_some_and(|value| value.get_ref().as_array().is_none())
    }

    /// A list of texts.
    pub(super) fn texts(&self, key: &'static str) -> Vec<Placed> {
        let Some(value) = self.get(key) else { return Vec::new() };
        let Some(array) = value.get_ref().as_array() else {
            self.wrong(key, "a list of texts, such as [\"EX01\", \"EX02\"]", None);
            return Vec::new();
        };
        let mut texts = Vec::new();
        for item in array.iter() {
            match item.get_ref().as_str() {
                Some(text) => {
                    texts.push(Placed { text: text.to_owned(), ..self.placed(key, item) });
                }
                None => self.wrong(key, "a list of texts, such as [\"EX01\", \"EX02\"]", None),
            }
        }
        texts
    }

    /// A list of pairs of texts, such as a table of quantiles; none if it is anything else.
    pub(super) fn pairs(&self, key: &'static str) -> Option<Vec<(String, String)>> {
        let rows = self.get(key)?.get_ref().as_array()?;
        let pair = |row: &Spanned<DeValue<'t>>| match row.get_ref().as_array()?.as_ref() {
            [first, second] => {
                let text =
                    |value: &Spanned<DeValue<'t>>| Some(value.get_ref().as_str()?.to_owned());
                Some((text(first)?, text(second)?))
            }
            _ => None,
        };
        rows.iter().map(pair).collect()
    }

    /// A value of a settings type, if the key is there.
    pub(super) fn value<V: Value>(&self, key: &'static str) -> Option<V> {
        let value = self.get(key)?;
        let read = match value.get_ref() {
            DeValue::String(text) if wants_quotes::<V>() => V::read(text),
            DeValue::Integer(_) | DeValue::Boolean(_) | DeValue::Float(_)
                if !wants_quotes::<V>() =>
            {
                V::read(&show(value.get_ref()))
            }
            _ => None,
        };
        if read.is_none() {
            self.wrong(key, V::EXPECTED, unit_hint(V::EXPECTED, &show(value.get_ref())));
        }
        read
    }

    /// A moment of a run, given as the span since its start.
    pub(super) fn moment(&self, key: &'static str) -> Option<Instant> {
        self.value::<Span>(key).map(|span| Instant::ZERO + span)
    }

    pub(super) fn address(&self, key: &'static str) -> Option<Address> {
        let text = self.text(key);
        if text.text.is_empty() {
            return None;
        }
        let address = Address::parse(&text.text);
        if address.is_none() {
            self.wrong(key, "an IPv4 address such as \"192.168.10.20\"", None);
        }
        address
    }

    /// One of the words of a list.
    pub(super) fn word<T: Copy>(&self, key: &'static str, words: &[(&str, T)]) -> Option<T> {
        let value = self.get(key)?.get_ref();
        let found = value.as_str().and_then(|text| words.iter().find(|(word, _)| *word == text));
        if found.is_none() {
            let all: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            let quotes = if value.is_str() { "" } else { ", in quotes" };
            let expected = format!("one of {}{quotes}", all.join(", "));
            self.wrong(key, &expected, near(&show(value), all.iter().copied()));
        }
        found.map(|(_, value)| *value)
    }

    /// One of some words, if the key holds one of them; it may hold something else.
    pub(super) fn optional_word<T: Copy>(
        &self,
        key: &'static str,
        words: &[(&str, T)],
    ) -> Option<T> {
        let text = self.get(key)?.get_ref().as_str()?;
        words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value)
    }

    /// Which of some kinds a table is of. Without one, nobody knows what else it may hold, so its
    /// other keys are not judged.
    pub(super) fn kind<T: Copy>(
        &self,
        key: &'static str,
        kinds: &'static [(&'static str, T)],
    ) -> Option<(&'static str, T)> {
        if !self.has(key) {
            let all: Vec<&str> = kinds.iter().map(|(word, _)| *word).collect();
            self.wrong(key, &format!("one of {}; the key is missing", all.join(", ")), None);
        }
        let words: Vec<(&str, usize)> =
            kinds.iter().enumerate().map(|(position, (word, _))| (*word, position)).collect();
        self.word(key, &words).map(|position| kinds[position])
    }

    /// A table in this table.
    pub(super) fn table(&self, key: &'static str) -> Option<Section<'f, 't>> {
        let value = self.get(key)?;
        match value.get_ref().as_table() {
            Some(table) => Some(self.section(self.path(key), value, table)),
            None => {
                self.wrong(key, "a table", None);
                None
            }
        }
    }

    fn section(
        &self,
        path: String,
        value: &Spanned<DeValue<'t>>,
        table: &'f DeTable<'t>,
    ) -> Section<'f, 't> {
        let line = self.file.line(value.span().start);
        Section { file: self.file, path, table, line, known: RefCell::default() }
    }

    /// A list of tables.
    pub(super) fn tables(&self, key: &'static str) -> Vec<Section<'f, 't>> {
        let Some(value) = self.get(key) else { return Vec::new() };
        let Some(array) = value.get_ref().as_array() else {
            self.wrong(key, &format!("tables, each begun by [[{}]]", self.path(key)), None);
            return Vec::new();
        };
        let mut sections = Vec::new();
        for (position, item) in array.iter().enumerate() {
            match item.get_ref().as_table() {
                Some(table) => {
                    let path = self.path(&format!("{key}[{position}]"));
                    sections.push(self.section(path, item, table));
                }
                None => self.wrong(key, "a list of tables", None),
            }
        }
        sections
    }

    /// The position of a name in a list of named things.
    pub(super) fn find<I: Id>(
        &self,
        place: &Placed,
        what: &str,
        names: &IdVec<I, String>,
    ) -> Option<I> {
        if place.text.is_empty() {
            return None;
        }
        let found = names.iter().find(|(_, name)| name.eq_ignore_ascii_case(&place.text));
        if found.is_none() {
            let all: Vec<&str> = names.values().map(String::as_str).collect();
            let expected = match all.as_slice() {
                [] => format!("{what}; the topology has none"),
                some => format!("{what}: one of {}", some.join(", ")),
            };
            self.wrong_at(place, &expected, near(&place.text, all.iter().copied()));
        }
        found.map(|(id, _)| id)
    }

    /// The named thing that a key names, if the key is there.
    pub(super) fn named<I: Id>(
        &self,
        key: &'static str,
        what: &str,
        names: &IdVec<I, String>,
    ) -> Option<I> {
        let place = self.optional_text(key)?;
        self.find(&place, what, names)
    }

    /// Every key that nobody asked for is unknown.
    pub(super) fn finish(&self) {
        let known = self.known.borrow();
        for (key, value) in self.table.iter() {
            let name: &str = key.get_ref();
            if !known.contains(name) {
                let line = self.file.line(key.span().start);
                let all: Vec<&str> = known.iter().copied().collect();
                let expected = format!("one of the keys {}", all.join(", "));
                let hint = near(name, all.iter().copied());
                let value = quoted(value.get_ref());
                self.file.problem(Some(line), self.path(name), value, &expected, hint.as_deref());
            }
        }
    }

    /// Marks keys that are read elsewhere.
    pub(super) fn expect(&self, keys: &[&'static str]) {
        self.known.borrow_mut().extend(keys);
    }
}

/// Whether values of a type are written as text.
fn wants_quotes<V: Value>() -> bool {
    V::EXPECTED.contains('"')
}

/// What to do about a number where a duration was expected.
pub(super) fn unit_hint(expected: &str, text: &str) -> Option<String> {
    let number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (number && expected.contains("duration"))
        .then(|| format!("a duration needs a unit: \"{text}s\" or \"{text}ms\""))
}

/// A value as plain text.
fn show(value: &DeValue) -> String {
    match value {
        DeValue::String(text) => text.to_string(),
        DeValue::Integer(number) => number.as_str().replace('_', ""),
        DeValue::Float(number) => number.as_str().to_owned(),
        DeValue::Boolean(value) => value.to_string(),
        DeValue::Datetime(value) => value.to_string(),
        DeValue::Array(items)
            if !items.is_empty() && items.iter().all(|i| i.get_ref().is_table()) =>
        {
            format!("{} tables", items.len())
        }
        DeValue::Array(items) => {
            let shown: Vec<String> = items.iter().take(8).map(|i| quoted(i.get_ref())).collect();
            let more = if items.len() > shown.len() { ", ..." } else { "" };
            format!("[{}{more}]", shown.join(", "))
        }
        DeValue::Table(_) => "{...}".to_owned(),
    }
}

fn quoted(value: &DeValue) -> String {
    if value.is_str() { format!("\"{}\"", show(value)) } else { show(value) }
}

/// "did you mean": the nearest of some words, if it is near.
pub fn near<'w>(word: &str, words: impl Iterator<Item = &'w str>) -> Option<String> {
    let best = words.map(|other| (distance(word, other), other)).min()?;
    // With every letter another, it is no slip.
    (best.0 <= 2 + word.len() / 5 && best.0 < word.chars().count())
        .then(|| format!("did you mean \"{}\"?", best.1))
}

/// Single-character edits between two words, case aside.
fn distance(a: &str, b: &str) -> usize {
    let (a, b) = (a.to_lowercase(), b.to_lowercase());
    let b: Vec<char> = b.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().take(64).enumerate() {
        let mut before = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let change = before + usize::from(x != *y);
            before = row[j + 1];
            row[j + 1] = change.min(before + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
