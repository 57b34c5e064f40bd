//! Changes in the text of a scenario file, whose comments and layout stay.

use crate::base::{Instant, Span};
use crate::model::settings::Value as _;
use crate::model::{Change, Problem};
use std::collections::BTreeSet;
use toml_edit::{Array, ArrayOfTables, DocumentMut, Item, Table, TableLike, Value, value};

/// A scenario's text taken apart.
pub(in crate::lab) struct Text {
    file: String,
    document: DocumentMut,
}

/// Two settings of which the later one counts.
const RIVALS: [[&str; 2]; 2] =
    [["clients.think", "clients.profile"], ["clients.profile", "clients.think"]];

impl Text {
    /// Takes a text apart; `file` is what messages call it.
    pub(in crate::lab) fn new(file: &str, text: &str) -> Result<Text, Vec<Problem>> {
        match text.parse() {
            Ok(document) => Ok(Text { file: file.to_owned(), document }),
            Err(error) => {
                Err(vec![problem(file, "", "", &format!("valid TOML ({})", error.message()))])
            }
        }
    }

    /// The text.
    pub(in crate::lab) fn text(&self) -> String {
        self.document.to_string()
    }

    /// Makes a change.
    pub(super) fn apply(&mut self, change: &Change) -> Result<(), Vec<Problem>> {
        match change {
            Change::AddFault { at, lasts, kind, keys } => {
                let mut fault = Table::new();
                fault.insert("at", value(shown(*at)));
                if let Some(lasts) = lasts {
                    fault.insert("lasts", value(lasts.show()));
                }
                fault.insert("kind", value(kind.as_str()));
                for (key, text) in keys {
                    fault.insert(key, value(text.as_str()));
                }
                self.add("fault", fault);
            }
            Change::AddOrder { at, order, on } => {
                let mut step = Table::new();
                step.insert("text", value(format!("An administrator: {order}")));
                step.insert("at", value(shown(*at)));
                step.insert("order", value(order.as_str()));
                if let Some(on) = on {
                    step.insert("on", value(on.as_str()));
                }
                self.add("step", step);
            }
            Change::MoveFault { index, at } => {
                let place = self.planned("fault", *index)?;
                self.move_to("fault", place, *at);
            }
            Change::MoveStep { index, at } => {
                let place = self.planned("step", *index)?;
                self.move_to("step", place, *at);
                self.end_expectations();
            }
            Change::RemoveFault { index } => {
                let place = self.planned("fault", *index)?;
                self.remove("fault", place);
            }
            Change::RemoveStep { index } => {
                let place = self.planned("step", *index)?;
                self.remove("step", place);
                self.forget_messages();
            }
            Change::Set { key, value } => self.set(key, value),
            Change::Until { at } => self.until(*at),
        }
        Ok(())
    }

    /// Gives a setting a value in `[set]`.
    pub(in crate::lab) fn set(&mut self, key: &str, text: &str) {
        let root = self.document.as_table_mut();
        if !root.contains_key("set") {
            let mut set = Table::new();
            // Beside what else is said of the beginning, if that stands first.
            let start = root.get("start").and_then(Item::as_table).and_then(Table::position);
            set.set_position(start.filter(|position| *position <= 1));
            root.insert("set", Item::Table(set));
        }
        let Some(set) = root.get_mut("set").and_then(Item::as_table_like_mut) else { return };
        for [_, rival] in RIVALS.iter().filter(|[one, _]| *one == key) {
            set.remove(rival);
        }
        let number = text.parse::<i64>().map(Value::from);
        let word = text.parse::<bool>().map(Value::from);
        put(set, key, number.or(word).unwrap_or_else(|_| Value::from(text)));
    }

    /// What `[set]` gives.
    pub(in crate::lab) fn settings(&self) -> Vec<(String, String)> {
        let set = self.document.get("set").and_then(Item::as_table_like);
        let pairs = set.into_iter().flat_map(|set| set.iter());
        let plain = |item: &Item| match item.as_str() {
            Some(text) => text.to_owned(),
            None => item.to_string().trim().to_owned(),
        };
        pairs.map(|(key, item)| (key.to_owned(), plain(item))).collect()
    }

    /// Ends the run at a moment. What is planned after it is left out, and nothing is expected
    /// after it.
    pub(in crate::lab) fn until(&mut self, at: Instant) {
        put(self.document.as_table_mut(), "until", Value::from(shown(at)));
        for list in ["fault", "step"] {
            for place in (0..self.count(list)).rev() {
                if self.entry(list, place).and_then(moment).is_some_and(|planned| planned > at) {
                    self.remove(list, place);
                }
            }
        }
        self.end_expectations();
        self.forget_messages();
    }

    /// Sets a key of the file.
    pub(in crate::lab) fn key(&mut self, key: &str, text: &str) {
        put(self.document.as_table_mut(), key, Value::from(text));
    }

    /// Takes a key of the file out; whether it was there.
    pub(in crate::lab) fn remove_key(&mut self, key: &str) -> bool {
        self.document.remove(key).is_some()
    }

    /// The text of a key of the file.
    pub(in crate::lab) fn of_key(&self, key: &str) -> Option<&str> {
        self.document.get(key)?.as_str()
    }

    /// Adds a table to a list.
    pub(in crate::lab) fn add(&mut self, list: &str, table: Table) {
        let root = self.document.as_table_mut();
        match root.get_mut(list) {
            Some(Item::ArrayOfTables(tables)) => tables.push(table),
            Some(Item::Value(Value::Array(array))) => array.push(table.into_inline_table()),
            _ => {
                let mut tables = ArrayOfTables::new();
                tables.push(table);
                root.insert(list, Item::ArrayOfTables(tables));
            }
        }
    }

    /// Takes an expectation of a step out. `why` is said above the step, if it can be.
    pub(super) fn remove_expectation(&mut self, step: usize, position: usize, why: &str) -> bool {
        if let Some(table) = self.entry_mut("step", step) {
            remove_at(table.get_mut("expect"), position);
            if count_of(table.get("expect")) == 0 {
                table.remove("expect");
            }
        }
        let tables = self.document.get_mut("step").and_then(Item::as_array_of_tables_mut);
        let Some(table) = tables.and_then(|tables| tables.get_mut(step)) else { return false };
        let before = prefix(table).unwrap_or_else(|| "\n".to_owned());
        table.decor_mut().set_prefix(format!("{before}# {why}\n"));
        true
    }

    /// The place in the file of what has a place in the plan: faults by their moments, steps as
    /// they stand.
    fn planned(&self, list: &str, index: usize) -> Result<usize, Vec<Problem>> {
        let count = self.count(list);
        let mut places: Vec<usize> = (0..count).collect();
        if list == "fault" {
            places.sort_by_key(|place| self.entry(list, *place).and_then(moment));
        }
        places.get(index).copied().ok_or_else(|| {
            let expected = match count {
                0 => format!("a {list}; the scenario has none"),
                count => format!("the number of a {list}, from 1 to {count}"),
            };
            vec![problem(&self.file, list, &(index + 1).to_string(), &expected)]
        })
    }

    /// How many entries a list has.
    pub(in crate::lab) fn count(&self, list: &str) -> usize {
        count_of(self.document.get(list))
    }

    fn entry(&self, list: &str, place: usize) -> Option<&dyn TableLike> {
        entries(self.document.get(list)).into_iter().nth(place)
    }

    fn entry_mut(&mut self, list: &str, place: usize) -> Option<&mut dyn TableLike> {
        entries_mut(self.document.get_mut(list)).into_iter().nth(place)
    }

    /// The text of a key of an entry.
    pub(in crate::lab) fn of_entry(&self, list: &str, place: usize, key: &str) -> Option<&str> {
        self.entry(list, place)?.get(key)?.as_str()
    }

    /// Gives a key of an entry another text.
    pub(in crate::lab) fn put_in(&mut self, list: &str, place: usize, key: &str, text: &str) {
        if let Some(entry) = self.entry_mut(list, place) {
            put(entry, key, Value::from(text));
        }
    }

    /// The keys of a table of the file.
    pub(in crate::lab) fn keys_of(&self, table: &str) -> Vec<String> {
        let table = self.document.get(table).and_then(Item::as_table_like);
        let keys = table.into_iter().flat_map(|table| table.iter().map(|(key, _)| key.to_owned()));
        keys.collect()
    }

    /// Takes a key of a table out, and the table with its last key.
    pub(in crate::lab) fn remove_from(&mut self, table: &str, key: &str) {
        let found = self.document.get_mut(table).and_then(Item::as_table_like_mut);
        let Some(found) = found else { return };
        found.remove(key);
        if found.is_empty() {
            self.document.remove(table);
        }
    }

    /// Has other comment lines at its head; each begins with `#`.
    pub(in crate::lab) fn head(&mut self, lines: &str) {
        let root = self.document.as_table_mut();
        let first = root.iter().next().map(|(key, _)| key.to_owned());
        let Some(mut key) = first.and_then(|key| root.key_mut(&key)) else { return };
        key.leaf_decor_mut().set_prefix(format!("{lines}\n"));
    }

    fn move_to(&mut self, list: &str, place: usize, at: Instant) {
        if let Some(entry) = self.entry_mut(list, place) {
            put(entry, "at", Value::from(shown(at)));
        }
    }

    /// Takes an entry out with the comment that stands right above it; what is set off from it by
    /// an empty line belongs to others and stays.
    pub(in crate::lab) fn remove(&mut self, list: &str, place: usize) {
        let tables = self.document.get(list).and_then(Item::as_array_of_tables);
        let above = tables.and_then(|tables| tables.get(place)).and_then(prefix);
        remove_at(self.document.get_mut(list), place);
        if self.count(list) == 0 {
            self.document.remove(list);
        }
        let detached = above.as_deref().and_then(|above| above.rsplit_once("\n\n"));
        let Some((detached, _)) = detached.filter(|(text, _)| text.contains('#')) else { return };
        let detached = format!("{detached}\n");
        let order = [(list, place), ("fault", 0), ("step", 0)];
        let next = order.into_iter().find(|(list, place)| *place < self.count(list));
        let tables = next.and_then(|(list, place)| {
            self.document.get_mut(list)?.as_array_of_tables_mut()?.get_mut(place)
        });
        match tables {
            Some(table) => {
                let before = prefix(table).unwrap_or_else(|| "\n".to_owned());
                table.decor_mut().set_prefix(detached + &before);
            }
            None => {
                let after = self.document.trailing().as_str().unwrap_or_default().to_owned();
                self.document.set_trailing(detached + &after);
            }
        }
    }

    /// Has every expectation end before the run does.
    fn end_expectations(&mut self) {
        let until = self.document.get("until").and_then(Item::as_str).and_then(Span::read);
        let Some(until) = until.map(|until| Instant::ZERO + until) else { return };
        for step in entries_mut(self.document.get_mut("step")) {
            let Some(at) = moment(&*step) else { continue };
            let most = until.saturating_since(at);
            for expectation in entries_mut(step.get_mut("expect")) {
                for key in ["within", "throughout", "never_within"] {
                    let span = expectation.get(key).and_then(Item::as_str).and_then(Span::read);
                    if span.is_some_and(|span| span > most) {
                        put(expectation, key, Value::from(most.show()));
                    }
                }
            }
        }
    }

    /// Takes out what is expected of messages that no earlier step sends any more.
    fn forget_messages(&mut self) {
        let mut sent: BTreeSet<String> = BTreeSet::new();
        for step in entries_mut(self.document.get_mut("step")) {
            let deed = step.get("do").and_then(Item::as_table_like);
            let message = deed.and_then(|deed| deed.get("message")?.as_str());
            sent.extend(message.map(str::to_owned));
            for position in (0..count_of(step.get("expect"))).rev() {
                let lost = entries(step.get("expect")).get(position).is_some_and(|one| {
                    let text = |key| one.get(key).and_then(Item::as_str);
                    text("what") == Some("message")
                        && text("message").is_some_and(|message| !sent.contains(message))
                });
                if lost {
                    remove_at(step.get_mut("expect"), position);
                }
            }
        }
    }
}

/// A moment as files have it.
pub(in crate::lab) fn shown(at: Instant) -> String {
    at.since(Instant::ZERO).show()
}

pub(super) fn problem(file: &str, key: &str, value: &str, expected: &str) -> Problem {
    Problem {
        file: file.to_owned(),
        line: None,
        key: key.to_owned(),
        value: value.to_owned(),
        expected: expected.to_owned(),
        hint: None,
    }
}

/// When an entry is planned.
fn moment(entry: &dyn TableLike) -> Option<Instant> {
    Some(Instant::ZERO + Span::read(entry.get("at")?.as_str()?)?)
}

/// What stands above a table.
fn prefix(table: &Table) -> Option<String> {
    Some(table.decor().prefix()?.as_str()?.to_owned())
}

/// Gives a key a value; the comment on its line stays.
fn put(table: &mut (impl TableLike + ?Sized), key: &str, mut new: Value) {
    match table.get_mut(key) {
        Some(Item::Value(old)) => {
            *new.decor_mut() = old.decor().clone();
            *old = new;
        }
        _ => drop(table.insert(key, Item::Value(new))),
    }
}

/// The tables of a list, whichever way it is written.
fn entries(list: Option<&Item>) -> Vec<&dyn TableLike> {
    match list {
        Some(Item::ArrayOfTables(tables)) => {
            tables.iter().map(|table| table as &dyn TableLike).collect()
        }
        Some(Item::Value(Value::Array(array))) => {
            let tables = array.iter().filter_map(Value::as_inline_table);
            tables.map(|table| table as &dyn TableLike).collect()
        }
        _ => Vec::new(),
    }
}

fn entries_mut(list: Option<&mut Item>) -> Vec<&mut dyn TableLike> {
    match list {
        Some(Item::ArrayOfTables(tables)) => {
            tables.iter_mut().map(|table| table as &mut dyn TableLike).collect()
        }
        Some(Item::Value(Value::Array(array))) => {
            let tables = array.iter_mut().filter_map(Value::as_inline_table_mut);
            tables.map(|table| table as &mut dyn TableLike).collect()
        }
        _ => Vec::new(),
    }
}

fn count_of(list: Option<&Item>) -> usize {
    match list {
        Some(Item::ArrayOfTables(tables)) => tables.len(),
        Some(Item::Value(Value::Array(array))) => array.len(),
        _ => 0,
    }
}

fn remove_at(list: Option<&mut Item>, place: usize) {
    match list {
        Some(Item::ArrayOfTables(tables)) if place < tables.len() => {
            tables.remove(place);
        }
        Some(Item::Value(Value::Array(array))) if place < array.len() => {
            array.remove(place);
        }
        _ => {}
    }
}

/// An inline list with one table.
pub(super) fn list_of(table: Table) -> Item {
    let mut array = Array::new();
    array.push(table.into_inline_table());
    value(array)
}
