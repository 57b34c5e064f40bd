//! What lines two texts differ by.

use similar::{ChangeTag, TextDiff};

/// Lines on either side of a change that are shown as they are.
const AROUND: usize = 2;

/// What became of a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// It is in both.
    Kept,
    /// Only the first has it.
    Gone,
    /// Only the second has it.
    New,
    /// Lines that are in both are left out here.
    Gap,
}

impl Fate {
    /// The character before such a line.
    pub const fn sign(self) -> char {
        match self {
            Fate::Kept => ' ',
            Fate::Gone => '-',
            Fate::New => '+',
            Fate::Gap => '@',
        }
    }
}

/// The lines by which a text differs from what was expected, with a few around them; none if they
/// are the same. Blanks at the ends of lines do not count, nor empty lines around the text.
pub fn difference(expected: &str, found: &str) -> Vec<(Fate, String)> {
    let (expected, found) = (plain(expected), plain(found));
    if expected == found {
        return Vec::new();
    }
    let diff = TextDiff::from_lines(&expected, &found);
    let mut lines = Vec::new();
    for group in diff.grouped_ops(AROUND) {
        let place = group.first().map_or(0, |op| op.old_range().start);
        if place > 0 {
            lines.push((Fate::Gap, format!("from line {}", place + 1)));
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let fate = match change.tag() {
                ChangeTag::Equal => Fate::Kept,
                ChangeTag::Delete => Fate::Gone,
                ChangeTag::Insert => Fate::New,
            };
            lines.push((fate, change.value().trim_end().to_owned()));
        }
    }
    lines
}

/// A text without what does not count.
fn plain(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let first = lines.iter().position(|line| !line.is_empty()).unwrap_or(lines.len());
    let last = lines.iter().rposition(|line| !line.is_empty()).map_or(first, |last| last + 1);
    lines[first..last].iter().map(|line| format!("{line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_shown_with_a_little_around_it() {
        assert_eq!(difference("\na \r\nb\n\n", "a\nb"), []);
        let lines = |numbers: std::ops::Range<u32>| -> String {
            numbers.map(|number| format!("{number}\n")).collect()
        };
        let (expected, found) = (lines(0..20), lines(0..20).replace("15\n", "fifteen\n"));
        let shown: Vec<String> = difference(&expected, &found)
            .iter()
            .map(|(fate, line)| format!("{}{line}", fate.sign()))
            .collect();
        let wanted = ["@from line 14", " 13", " 14", "-15", "+fifteen", " 16", " 17"];
        assert_eq!(shown, wanted);
        assert_eq!(difference("", "a"), [(Fate::New, "a".to_owned())]);
    }
}
