//! A line as it is being typed: its words, with where they stand.

/// A word of a line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Word {
    /// Without its quotes.
    pub text: String,
    /// Where it begins, with its quote.
    pub start: usize,
    /// Where it ends, with its quote.
    pub end: usize,
    /// Whether it stands in quotes; then it is a value, whatever it says.
    pub quoted: bool,
    /// Whether the closing quote is not there yet.
    pub open: bool,
}

impl Word {
    /// Whether it is this word of the language.
    pub(super) fn is(&self, word: &str) -> bool {
        !self.quoted && self.text.eq_ignore_ascii_case(word)
    }
}

/// The words of a line; `"…"` and `'…'` hold blanks.
pub(super) fn words(line: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut start = 0;
    loop {
        let rest = &line[start..];
        start += rest.len() - rest.trim_start().len();
        let rest = &line[start..];
        let Some(first) = rest.chars().next() else { return words };
        let quoted = first == '"' || first == '\'';
        let (inside, closed) = match quoted {
            true => {
                let inside = &rest[1..];
                let end = inside.find(first);
                (&inside[..end.unwrap_or(inside.len())], end.is_some())
            }
            false => (&rest[..rest.find(char::is_whitespace).unwrap_or(rest.len())], false),
        };
        let quotes = usize::from(quoted) + usize::from(closed);
        let end = start + inside.len() + quotes;
        let open = quoted && !closed;
        words.push(Word { text: inside.to_owned(), start, end, quoted, open });
        start = end;
    }
}

/// A word as a line takes it.
pub(super) fn typed(word: &str) -> String {
    match word {
        _ if !word.is_empty() && !word.contains([' ', '\t', '"', '\'']) => word.to_owned(),
        _ if word.contains('"') => format!("'{word}'"),
        _ => format!("\"{word}\""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_know_where_they_stand() {
        let line = "  move \"Cluster Group\"  'a b' \"open one";
        let found = words(line);
        let texts: Vec<&str> = found.iter().map(|word| word.text.as_str()).collect();
        assert_eq!(texts, ["move", "Cluster Group", "a b", "open one"]);
        assert_eq!(&line[found[1].start..found[1].end], "\"Cluster Group\"");
        assert!(found[3].open && !found[2].open && found[2].quoted && !found[0].quoted);
        assert_eq!(found[3].end, line.len());
        for text in ["EX01", "Cluster Group", "say \"yes\"", "VIP\\EX02"] {
            let again = words(&typed(text));
            assert_eq!((again.len(), again[0].text.as_str()), (1, text));
        }
    }
}
