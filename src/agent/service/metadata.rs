//! What a resource agent says of itself: the XML that its action `meta-data` prints.

use roxmltree::{Document, Node, ParsingOptions};
use std::time::Duration;

/// Most nodes that are read (assumed; IPaddr2 has about 300).
const NODES: u32 = 100_000;

/// A resource agent's description of itself.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MetaData {
    /// Its name.
    pub name: String,
    /// What it is for, in a line.
    pub about: String,
    /// Its parameters, in its order.
    pub parameters: Vec<Parameter>,
    /// Its actions, in its order.
    pub actions: Vec<AgentAction>,
}

/// A parameter of a resource agent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Parameter {
    /// Its name, without `OCF_RESKEY_`.
    pub name: String,
    /// What it is for, in a line.
    pub about: String,
    /// Whether the resource cannot be without it.
    pub required: bool,
    /// Whether the agent's authors advise against it.
    pub deprecated: bool,
    /// `string`, `integer`, `boolean`, ...
    pub content: String,
    /// What it is if it is not given. Agents see to that themselves.
    pub default: Option<String>,
    /// The values of a `select`.
    pub options: Vec<String>,
}

/// An action of a resource agent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AgentAction {
    /// `start`, `stop`, `monitor`, ...
    pub name: String,
    /// The least time-out that its authors advise.
    pub timeout: Option<Duration>,
    /// How thorough a `monitor` is: the OCF_CHECK_LEVEL.
    pub depth: u8,
}

impl MetaData {
    /// Reads it.
    ///
    /// # Errors
    /// In words that follow "the meta-data of AGENT".
    pub fn parse(text: &str) -> Result<MetaData, String> {
        // The standard's document type is named in every agent's; nothing outside is fetched.
        let options =
            ParsingOptions { allow_dtd: true, nodes_limit: NODES, ..ParsingOptions::default() };
        let document = Document::parse_with_options(text.trim_start(), options)
            .map_err(|error| format!("is not XML ({error})"))?;
        let root = document.root_element();
        if !root.has_tag_name("resource-agent") {
            let found = root.tag_name().name();
            return Err(format!("is a <{found}> and not a <resource-agent>"));
        }
        let within = |list: &str, item: &'static str| {
            let list = root.children().find(|each| each.has_tag_name(list));
            let items = list.into_iter().flat_map(|list| list.children());
            items.filter(move |each| each.has_tag_name(item)).collect::<Vec<_>>()
        };
        let parameters = within("parameters", "parameter");
        let actions = within("actions", "action");
        Ok(MetaData {
            name: attribute(root, "name"),
            about: about(root),
            parameters: parameters.into_iter().map(parameter).collect(),
            actions: actions.into_iter().map(action).collect::<Result<_, _>>()?,
        })
    }

    /// A parameter by its name.
    pub fn parameter(&self, name: &str) -> Option<&Parameter> {
        self.parameters.iter().find(|each| each.name == name)
    }

    /// Whether it has an action.
    pub fn has(&self, action: &str) -> bool {
        self.actions.iter().any(|each| each.name == action)
    }

    /// The advised time-out of an action. Of several monitors, that of the greatest depth up to
    /// `depth`.
    pub fn timeout(&self, action: &str, depth: u8) -> Option<Duration> {
        let fit = self.actions.iter().filter(|each| each.name == action && each.depth <= depth);
        // max_by_key takes the last of equals: of a monitor for each role, the longest.
        fit.max_by_key(|each| (each.depth, each.timeout)).and_then(|each| each.timeout)
    }

    /// The greatest depth of `monitor` up to `most`.
    pub fn depth(&self, most: u8) -> u8 {
        let monitors = self.actions.iter().filter(|each| each.name == "monitor");
        monitors.map(|each| each.depth).filter(|depth| *depth <= most).max().unwrap_or(0)
    }

    /// The parameters' names, the most similar to one first.
    pub(super) fn similar(&self, name: &str) -> String {
        let mut names: Vec<&str> = self.parameters.iter().map(|each| each.name.as_str()).collect();
        names.sort_by_key(|each| std::cmp::Reverse(common(each, name)));
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    }
}

/// How much two names have in common: letters at the beginning and at the end.
fn common(one: &str, other: &str) -> usize {
    let ahead = one.bytes().zip(other.bytes()).take_while(|(one, other)| one == other);
    let behind = one.bytes().rev().zip(other.bytes().rev()).take_while(|(one, other)| one == other);
    ahead.count() + behind.count()
}

fn attribute(node: Node<'_, '_>, name: &str) -> String {
    node.attribute(name).unwrap_or_default().trim().to_owned()
}

/// The short description, in English if there are several, else the first line of the long one.
fn about(node: Node<'_, '_>) -> String {
    let texts = |tag: &'static str| node.children().filter(move |each| each.has_tag_name(tag));
    let english = texts("shortdesc")
        .find(|each| each.attribute("lang").is_none_or(|lang| lang.starts_with("en")));
    let text = english.or_else(|| texts("shortdesc").next()).or_else(|| texts("longdesc").next());
    let text = text.and_then(|each| each.text()).unwrap_or_default();
    text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("no description").to_owned()
}

fn parameter(node: Node<'_, '_>) -> Parameter {
    let content = node.children().find(|each| each.has_tag_name("content"));
    let options = content.into_iter().flat_map(|content| content.children());
    let options = options.filter(|each| each.has_tag_name("option"));
    Parameter {
        name: attribute(node, "name"),
        about: about(node),
        required: is_yes(&attribute(node, "required")),
        deprecated: node.children().any(|each| each.has_tag_name("deprecated"))
            || is_yes(&attribute(node, "deprecated")),
        content: content.map(|each| attribute(each, "type")).unwrap_or_default(),
        default: content.and_then(|each| each.attribute("default")).map(str::to_owned),
        options: options.map(|each| attribute(each, "value")).collect(),
    }
}

fn action(node: Node<'_, '_>) -> Result<AgentAction, String> {
    let name = attribute(node, "name");
    let timeout = node.attribute("timeout").map(|text| {
        let wrong = || format!("gives {name} the timeout {text:?}, which is no time");
        duration(text).ok_or_else(wrong)
    });
    let depth = attribute(node, "depth");
    let depth = if depth.is_empty() { Ok(0) } else { depth.parse() };
    let depth = depth.map_err(|_| format!("gives {name} a depth that is not 0 to 255"))?;
    Ok(AgentAction { timeout: timeout.transpose()?, depth, name })
}

fn is_yes(text: &str) -> bool {
    boolean(text) == Some(true)
}

/// How agents and their hosts write yes and no.
pub(super) fn boolean(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" | "y" => Some(true),
        "0" | "false" | "no" | "off" | "n" => Some(false),
        _ => None,
    }
}

/// A time as agents write it: a number of seconds, or with a unit.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let digits = text.len() - text.trim_start_matches(|each: char| each.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    let factor = match unit.trim() {
        "us" | "usec" => return Some(Duration::from_micros(number)),
        "ms" | "msec" => return Some(Duration::from_millis(number)),
        "" | "s" | "sec" => 1,
        "m" | "min" => 60,
        "h" | "hr" => 3600,
        _ => return None,
    };
    number.checked_mul(factor).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        let table = [
            ("20s", Some(20_000)),
            ("20", Some(20_000)),
            (" 5 sec ", Some(5_000)),
            ("1500ms", Some(1_500)),
            ("2min", Some(120_000)),
            ("1h", Some(3_600_000)),
            ("", None),
            ("s", None),
            ("-1", None),
            ("1 day", None),
            ("99999999999999999999", None),
            ("18446744073709551615h", None),
        ];
        for (text, expected) in table {
            assert_eq!(duration(text), expected.map(Duration::from_millis), "{text}");
        }
    }

    const AGENT: &str = r#"<?xml version="1.0"?>
<!DOCTYPE resource-agent SYSTEM "ra-api-1.dtd">
<resource-agent name="thing" version="1.0">
<version>1.1</version>
<longdesc lang="en">Long.</longdesc>
<shortdesc lang="de">Ding</shortdesc>
<shortdesc lang="en">
 A thing
</shortdesc>
<parameters>
<parameter name="ip" unique="1" required="1"><longdesc>
 The address.
 More.</longdesc><content type="string" default=""/></parameter>
<parameter name="mode" required="0"><shortdesc lang="en">Mode &amp; more</shortdesc>
<content type="select" default="a"><option value="a"/><option value="b"/></content></parameter>
<parameter name="old"><deprecated/><content type="boolean"/></parameter>
</parameters>
<actions>
<action name="start" timeout="30s"/>
<action name="monitor" timeout="20s" interval="10s" depth="0"/>
<action name="monitor" timeout="40s" interval="60s" depth="10"/>
<action name="monitor" timeout="25s" interval="9s" role="Promoted"/>
<action name="stop"/>
</actions>
</resource-agent>"#;

    #[test]
    fn a_description_is_read() {
        let read = MetaData::parse(AGENT).expect("it is in order");
        assert_eq!((read.name.as_str(), read.about.as_str()), ("thing", "A thing"));
        let ip = read.parameter("ip").expect("it is there");
        assert_eq!((ip.about.as_str(), ip.required), ("The address.", true));
        assert_eq!(ip.default.as_deref(), Some(""));
        let mode = read.parameter("mode").expect("it is there");
        assert_eq!((mode.about.as_str(), mode.required), ("Mode & more", false));
        assert_eq!(mode.options, ["a", "b"]);
        assert!(read.parameter("old").is_some_and(|old| old.deprecated && old.default.is_none()));
        let seconds = |action, depth| read.timeout(action, depth).map(|found| found.as_secs());
        assert_eq!(seconds("start", 0), Some(30));
        assert_eq!((seconds("monitor", 0), seconds("monitor", 10)), (Some(25), Some(40)));
        assert_eq!((seconds("stop", 0), seconds("promote", 0)), (None, None));
        assert_eq!((read.depth(10), read.depth(9)), (10, 0));
        assert!(read.has("stop") && !read.has("promote"));
        assert!(read.similar("olb").starts_with("old"));
    }

    #[test]
    fn what_is_no_description_is_told() {
        let of_action = |attributes: &str| {
            format!("<resource-agent><actions><action {attributes}/></actions></resource-agent>")
        };
        let table = [
            ("", "is not XML"),
            ("usage: thing start", "is not XML"),
            ("<resource-agent>", "is not XML"),
            ("<html/>", "is a <html>"),
            (&of_action(r#"name="start" timeout="soon""#), "gives start the timeout \"soon\""),
            (&of_action(r#"name="monitor" depth="-1""#), "gives monitor a depth"),
        ];
        for (text, expected) in table {
            let error = MetaData::parse(text).expect_err(text);
            assert!(error.contains(expected), "{text}: {error}");
        }
        let bomb = format!(
            "<!DOCTYPE r [<!ENTITY a \"{}\">{}]><resource-agent>&i;</resource-agent>",
            "x".repeat(100),
            ["ab", "bc", "cd", "de", "ef", "fg", "gh", "hi"]
                .map(|pair| {
                    let (from, to) = pair.split_at(1);
                    format!("<!ENTITY {to} \"{}\">", format!("&{from};").repeat(50))
                })
                .concat()
        );
        assert!(MetaData::parse(&bomb).is_err());
    }
}
