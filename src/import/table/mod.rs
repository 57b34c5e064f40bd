//! Objects that PowerShell exported, whatever the form: rows of fields with names.

mod csv;
mod json;
mod list;

use crate::model::Problem;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// A field of a row: its text and the line that it stands on, if lines mean something.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Field {
    pub name: String,
    pub text: String,
    pub line: Option<usize>,
}

/// One object.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Row {
    /// The line that it begins on.
    pub line: Option<usize>,
    /// What messages put before the names of its fields, such as `[2].`.
    pub path: String,
    /// By name in lower case.
    pub fields: BTreeMap<String, Field>,
}

impl Row {
    fn insert(&mut self, name: &str, text: &str, line: Option<usize>) {
        let field = Field { name: name.to_owned(), text: text.trim().to_owned(), line };
        self.fields.insert(name.to_lowercase(), field);
    }

    /// A field that is there and not empty.
    pub(super) fn get(&self, name: &str) -> Option<&Field> {
        self.fields.get(&name.to_lowercase()).filter(|field| !field.text.is_empty())
    }
}

/// What is wrong with a file as a whole, or with a line of it.
pub(super) struct Wrong {
    /// The path of what is wrong; empty for the file.
    pub key: String,
    pub line: Option<usize>,
    pub value: String,
    pub expected: String,
    pub hint: Option<String>,
}

impl Wrong {
    pub(super) fn new(expected: &str) -> Self {
        let (key, value) = (String::new(), String::new());
        Wrong { key, line: None, value, expected: expected.to_owned(), hint: None }
    }

    pub(super) fn problem(self, file: &str) -> Problem {
        let Wrong { key, line, value, expected, hint } = self;
        Problem { file: file.to_owned(), line, key, value, expected, hint }
    }
}

/// Reads the objects of a text in whichever form it is. `known` are the names of fields, in lower
/// case, by which a heading and the beginning of the next object are recognised.
pub(super) fn rows(text: &str, known: &[&str]) -> Result<Vec<Row>, Wrong> {
    const FORMS: &str = "output of Get-MailboxDatabaseCopyStatus as Export-Csv, ConvertTo-Json or \
                         Format-List writes it";
    let text = &*without_prompts(text);
    let Some(first) = text.lines().find(|line| !line.trim().is_empty()) else {
        return Err(Wrong::new(&format!("{FORMS}; the file is empty")));
    };
    if first.trim_start().starts_with(['[', '{']) {
        return json::rows(text, known);
    }
    if let Some(heading) = csv::heading(text, known) {
        return csv::rows(text, &heading, known);
    }
    let listed = list::rows(text, known);
    if !listed.is_empty() {
        return Ok(listed);
    }
    let mut wrong = Wrong::new(FORMS);
    wrong.line = Some(1 + text.lines().take_while(|line| line.trim().is_empty()).count());
    wrong.value = super::copies::shown(first);
    wrong.hint = Some(if first.contains("ClassId2e4f51ef21dd47e99d3c952918aff9cd") {
        "Format-List and Format-Table write layout, not objects: leave them out before Export-Csv"
            .to_owned()
    } else {
        "a table on the screen has too few columns: use `| Format-List`, or `| Export-Csv FILE`"
            .to_owned()
    });
    Err(wrong)
}

/// A text that was copied from a console without the lines that were typed there; the others keep
/// their numbers.
fn without_prompts(text: &str) -> Cow<'_, str> {
    if !text.lines().any(is_prompt) {
        return Cow::Borrowed(text);
    }
    let lines = text.split_inclusive('\n').map(|line| if is_prompt(line) { "\n" } else { line });
    Cow::Owned(lines.collect())
}

/// Whether a line begins with a prompt such as `[PS] C:\Windows\system32>`, that of a session on
/// another machine (`[ex01]: PS C:\>`) among them, or goes on with `>>`.
fn is_prompt(line: &str) -> bool {
    let line = line.trim_start();
    let remote = line.strip_prefix('[').and_then(|line| line.split_once("]: "));
    let line = remote.map_or(line, |(_, line)| line);
    let shell = line.strip_prefix("[PS]").or_else(|| line.strip_prefix("PS "));
    let drive = shell.map(str::trim_start).is_some_and(|place| {
        let mut letters = place.chars();
        let drive = letters.next().is_some_and(|c| c.is_ascii_alphabetic());
        drive && letters.next() == Some(':') && place.contains('>')
    });
    drive || line.starts_with(">>")
}
