//! Values for keys of a topology or a scenario: settings, and what stands in the two files.
//!
//! A key such as `fault.0.at` is a path into a file: tables by their names, entries of lists by
//! their place from 0, their `name`, or their `kind`.

use crate::model::load::{near, other_keys};
use crate::model::settings::{PARAMETERS, Settings};
use crate::model::{Problem, Source, Sources};
use serde::{Deserialize, Serialize};
use toml_edit::{DocumentMut, InlineTable, Item, Table, TableLike, Value};

/// A key with its value.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Assignment {
    /// The key.
    pub key: String,
    /// The value, as a file or the command line has it.
    pub value: String,
}

/// Which text holds a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Holder {
    /// The settings: `--set`, a scenario's `[set]`, a topology's tables.
    Settings,
    /// The scenario's file.
    Scenario,
    /// The topology's file.
    Topology,
}

/// Keys at the root of a scenario's file.
const OF_SCENARIO: [&str; 9] =
    ["until", "clients_from", "settle", "time_of_day", "start", "fault", "step", "verdict", "set"];

/// Keys at the root of a topology's file that lists stand under.
const OF_TOPOLOGY: [&str; 13] = [
    "network",
    "node",
    "machine",
    "dag",
    "cluster_group",
    "group",
    "resource",
    "database",
    "client_access_array",
    "clients",
    "load_balancer",
    "domain",
    "name",
];

/// Which text holds a key.
pub fn holder(key: &str) -> Holder {
    let setting = PARAMETERS.iter().any(|parameter| parameter.key == key);
    if setting || other_keys().iter().any(|other| other.key == key) {
        return Holder::Settings;
    }
    match path(key).first().map(String::as_str) {
        Some(first) if OF_SCENARIO.contains(&first) => Holder::Scenario,
        Some(first) if OF_TOPOLOGY.contains(&first) => Holder::Topology,
        // What is neither is told as a setting that does not exist.
        _ => Holder::Settings,
    }
}

/// The texts with the values. `named` is what messages call the place of the values, such as
/// `--vary`.
///
/// # Errors
/// Keys that the files have no place for. Whether values fit is for `model::load` to say.
pub fn assigned(
    sources: &Sources,
    assignments: &[Assignment],
    named: &str,
) -> Result<Sources, Vec<Problem>> {
    let mut sources = sources.clone();
    let mut problems = Vec::new();
    for holder_of in [Holder::Scenario, Holder::Topology] {
        let of_file: Vec<_> =
            assignments.iter().filter(|one| holder(&one.key) == holder_of).collect();
        let source = match holder_of {
            Holder::Scenario => &mut sources.scenario,
            _ => &mut sources.topology,
        };
        if !of_file.is_empty() {
            problems.extend(edit(source, &of_file, named));
        }
    }
    problems.extend(overridden(&sources, assignments, named));
    let settings = assignments.iter().filter(|one| holder(&one.key) == Holder::Settings);
    for Assignment { key, value } in settings {
        sources.set.retain(|(known, _)| known != key);
        sources.set.push((key.clone(), value.clone()));
    }
    if problems.is_empty() { Ok(sources) } else { Err(problems) }
}

/// A value for one group of clients has no effect beside one for all of them.
fn overridden(sources: &Sources, assignments: &[Assignment], named: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    for one in assignments {
        let [first, _, last] = path(&one.key).try_into().unwrap_or_default();
        let all = format!("clients.{last}");
        let set = sources.set.iter().map(|(key, _)| key);
        let mut keys = set.chain(assignments.iter().map(|other| &other.key));
        if first == "clients" && keys.any(|key| *key == all) {
            problems.push(Problem {
                file: named.to_owned(),
                line: None,
                key: one.key.clone(),
                value: one.value.clone(),
                expected: format!("no {all} beside it, which counts for every group of clients"),
                hint: Some("give each group its own value".to_owned()),
            });
        }
    }
    problems
}

fn edit(source: &mut Source, assignments: &[&Assignment], named: &str) -> Vec<Problem> {
    // A file that is no TOML is told of when it is loaded.
    let Ok(mut document) = source.text.parse::<DocumentMut>() else { return Vec::new() };
    let mut problems = Vec::new();
    for one in assignments {
        let steps = path(&one.key);
        let placed = put(Place::Table(document.as_table_mut()), &steps, &one.value);
        problems.extend(placed.err().map(|mistake| Problem {
            file: named.to_owned(),
            line: None,
            key: one.key.clone(),
            value: one.value.clone(),
            expected: mistake.expected,
            hint: mistake.hint,
        }));
    }
    source.text = document.to_string();
    problems
}

/// How many faults a scenario's text plans; none for a text that is no TOML.
pub fn faults(text: &str) -> usize {
    let Ok(mut document) = text.parse::<DocumentMut>() else { return 0 };
    document.get_mut("fault").and_then(entries).map_or(0, |entries| entries.len())
}

/// The value that a key has: a setting's, or what stands in one of the files; none if nothing
/// stands there.
pub fn value_of(sources: &Sources, settings: &Settings, key: &str) -> Option<String> {
    let text = match holder(key) {
        Holder::Settings => return settings.get(key),
        Holder::Scenario => &sources.scenario.text,
        Holder::Topology => &sources.topology.text,
    };
    let mut document = text.parse::<DocumentMut>().ok()?;
    let steps = path(key);
    let (last, before) = steps.split_last()?;
    let mut place = Place::Table(document.as_table_mut());
    for step in before {
        place = match place {
            Place::List(entries) => Place::Table(entry(entries, step).ok()?),
            Place::Table(table) => match table.get_mut(step)? {
                Item::Table(inner) => Place::Table(inner),
                Item::Value(Value::InlineTable(inner)) => Place::Table(inner),
                list => Place::List(entries(list)?),
            },
        };
    }
    let Place::Table(table) = place else { return None };
    let value = table.get(last)?.as_value()?;
    Some(value.as_str().map_or_else(|| value.to_string().trim().to_owned(), str::to_owned))
}

/// A key in its parts: at its points, but those between quotation marks.
fn path(key: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    for c in key.chars() {
        match c {
            '"' => quoted = !quoted,
            '.' if !quoted => parts.push(String::new()),
            _ => parts.iter_mut().last().expect("there is one").push(c),
        }
    }
    parts
}

/// Where a path has come to.
enum Place<'d> {
    Table(&'d mut dyn TableLike),
    List(Vec<&'d mut dyn TableLike>),
}

struct Mistake {
    expected: String,
    hint: Option<String>,
}

/// Puts a value at the end of a path.
fn put(place: Place, steps: &[String], value: &str) -> Result<(), Mistake> {
    let Some((step, rest)) = steps.split_first() else {
        return Err(Mistake {
            expected: "a key of an entry, such as fault.0.at".to_owned(),
            hint: None,
        });
    };
    match place {
        Place::List(entries) => put(Place::Table(entry(entries, step)?), rest, value),
        Place::Table(table) if rest.is_empty() => {
            match table.get_mut(step) {
                Some(Item::Value(old)) => {
                    let decor = old.decor().clone();
                    *old = typed(Some(old), value);
                    *old.decor_mut() = decor;
                }
                Some(_) => {
                    let expected = format!("a path that goes on: `{step}` is a table or a list");
                    return Err(Mistake { expected, hint: None });
                }
                None => drop(table.insert(step, Item::Value(typed(None, value)))),
            }
            Ok(())
        }
        Place::Table(table) => {
            let mut known: Vec<String> = table.iter().map(|(key, _)| key.to_owned()).collect();
            if !table.contains_key(step) {
                if matches!(step.as_str(), "start" | "set") {
                    table.insert(step, Item::Table(Table::new()));
                } else {
                    known.extend(
                        OF_SCENARIO.iter().chain(&OF_TOPOLOGY).map(|key| (*key).to_owned()),
                    );
                    known.extend(PARAMETERS.iter().map(|parameter| parameter.key.to_owned()));
                    let whole = steps.join(".");
                    let known = known.iter().map(String::as_str);
                    let hint = near(&whole, known.clone()).or_else(|| near(step, known));
                    let expected = "a key of `dagtwin list parameters`, or a path into the \
                                    topology's or the scenario's file, such as fault.0.at"
                        .to_owned();
                    return Err(Mistake { expected, hint });
                }
            }
            match table.get_mut(step) {
                Some(Item::Table(inner)) => put(Place::Table(inner), rest, value),
                Some(Item::Value(Value::InlineTable(inner))) => {
                    put(Place::Table(inner), rest, value)
                }
                Some(list) => match entries(list) {
                    Some(entries) => put(Place::List(entries), rest, value),
                    None => {
                        let expected = format!("a path that ends at `{step}`, which is a value");
                        Err(Mistake { expected, hint: None })
                    }
                },
                None => unreachable!("it is there"),
            }
        }
    }
}

/// The entry of a list by its place, its name, or its kind.
fn entry<'d>(
    mut entries: Vec<&'d mut dyn TableLike>,
    step: &str,
) -> Result<&'d mut dyn TableLike, Mistake> {
    let text =
        |entry: &dyn TableLike, key| entry.get(key).and_then(Item::as_str).map(str::to_owned);
    let names: Vec<String> = entries
        .iter()
        .filter_map(|entry| text(&**entry, "name").or_else(|| text(&**entry, "kind")))
        .collect();
    let place = match step.parse::<usize>() {
        Ok(place) => (place < entries.len()).then_some(place),
        Err(_) => entries.iter().position(|entry| {
            let is = |key| text(&**entry, key).is_some_and(|name| name.eq_ignore_ascii_case(step));
            is("name") || is("kind")
        }),
    };
    match place {
        Some(place) => Ok(entries.swap_remove(place)),
        None if entries.is_empty() => {
            Err(Mistake { expected: "a list with an entry; it has none".to_owned(), hint: None })
        }
        None => {
            let last = entries.len() - 1;
            let called = match names.as_slice() {
                [] => String::new(),
                names => format!(", or one of {}", names.join(", ")),
            };
            let hint = near(step, names.iter().map(String::as_str));
            Err(Mistake {
                expected: format!("the place of an entry, from 0 to {last}{called}"),
                hint,
            })
        }
    }
}

/// The entries of a list of tables; none if it is none.
fn entries(item: &mut Item) -> Option<Vec<&mut dyn TableLike>> {
    match item {
        Item::ArrayOfTables(tables) => {
            Some(tables.iter_mut().map(|table| table as &mut dyn TableLike).collect())
        }
        Item::Value(Value::Array(array)) if array.iter().all(Value::is_inline_table) => {
            let tables = array.iter_mut().filter_map(Value::as_inline_table_mut);
            Some(tables.map(|table: &mut InlineTable| table as &mut dyn TableLike).collect())
        }
        _ => None,
    }
}

/// A text as a value: a number, a list or a word of TOML, else a string. What was a string stays
/// one.
fn typed(old: Option<&Value>, text: &str) -> Value {
    let string = || Value::from(text.trim_matches('"'));
    match text.parse::<Value>() {
        Ok(new) if !old.is_some_and(Value::is_str) || new.is_array() => new,
        _ => string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::builtin::SITES;
    use crate::model::load;

    fn sources() -> Sources {
        let site = SITES
            .iter()
            .find(|site| site.topology.name == "two-node-2010")
            .expect("it is built in");
        let scenario =
            site.scenarios.iter().find(|one| one.name == "nic-loss").expect("it is there");
        let source = |file: &crate::model::builtin::Builtin| Source {
            file: file.path.to_owned(),
            name: file.name.to_owned(),
            text: file.text.to_owned(),
        };
        let (topology, scenario) = (source(&site.topology), source(scenario));
        Sources { topology, scenario, set: Vec::new(), until: None }
    }

    fn with(pairs: &[(&str, &str)]) -> Result<Sources, Vec<Problem>> {
        let all: Vec<Assignment> = pairs
            .iter()
            .map(|(key, value)| Assignment { key: (*key).to_owned(), value: (*value).to_owned() })
            .collect();
        assigned(&sources(), &all, "--vary")
    }

    #[test]
    fn every_kind_of_key_reaches_its_place() {
        let sources = with(&[
            ("cluster.same_subnet_threshold", "7"),
            ("fault.0.at", "70s"),
            ("fault.nic-down.lasts", "3s"),
            ("start.Cluster Group", "EX01"),
            ("clients.owa.count", "3"),
            ("database.VIP.copies", "[\"EX02\", \"EX01\"]"),
        ])
        .expect("all are known");
        let (loaded, scenario) = load::site(&sources).expect("all fit");
        assert_eq!(loaded.topology.settings.cluster.same_subnet_threshold, 7);
        let fault = &scenario.faults[0];
        assert_eq!(fault.at.as_nanos(), 70_000_000_000);
        assert_eq!(fault.lasts.map(|span| span.as_millis()), Some(3_000));
        assert_eq!(loaded.topology.clients[2].count, 3);
        assert_eq!(loaded.topology.databases.values().next().expect("one").copies[0].0, 1);
    }

    #[test]
    fn what_has_no_place_is_told_with_what_would() {
        let told = |key: &str| {
            let problems = with(&[(key, "1")]).expect_err(key);
            problems[0].to_string()
        };
        // What is no key of the files is left to the settings, which know better.
        assert!(with(&[("cluster.same_subnet_treshold", "1")]).is_ok());
        assert!(told("fault.3.at").contains("from 0 to 0, or one of nic-down"));
        assert!(told("clients.ova.count").contains("owa"));
        assert!(told("until.x").contains("`until`, which is a value"));
        assert!(told("fault").contains("goes on"));
        assert!(
            told("fault.0").contains("goes on") || told("fault.0").contains("a key of an entry")
        );
    }
}
