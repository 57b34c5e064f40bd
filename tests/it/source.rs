//! Reads the package's own files for the tests that hold the house rules.

use std::path::{Path, PathBuf};

/// A file of the package.
pub(crate) struct SourceFile {
    /// Path inside the package, with `/`.
    pub(crate) path: String,
    /// Its text.
    pub(crate) text: String,
}

/// The package's root.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file under a folder of the package whose name ends in one of these, in path order.
pub(crate) fn files(under: &str, endings: &[&str]) -> Vec<SourceFile> {
    let mut found = Vec::new();
    walk(&root().join(under), endings, &mut found);
    found.sort();
    found
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(&path)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let inside = path.strip_prefix(root()).expect("a path inside the package");
            let parts: Vec<_> = inside.iter().map(|part| part.to_string_lossy()).collect();
            SourceFile { path: parts.join("/"), text }
        })
        .collect()
}

fn walk(folder: &Path, endings: &[&str], found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() {
            // Build output and version control are not ours to judge.
            if name != ".git" && !path.join("CACHEDIR.TAG").exists() {
                walk(&path, endings, found);
            }
        } else if endings.iter().any(|ending| name.ends_with(ending)) {
            found.push(path);
        }
    }
}

/// One word or sign of Rust code.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Token {
    /// Line, counted from 1.
    pub(crate) line: usize,
    /// The word, number, `::`, or single sign. Text in quotes is `""`.
    pub(crate) text: String,
}

/// Rust code as words and signs, without comments and without what stands in quotes.
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let mut out: Vec<Token> = Vec::new();
    let (mut at, mut line) = (0, 1);
    while at < chars.len() {
        let end = skip(&chars, at).unwrap_or_else(|| token_end(&chars, at, out.last()));
        let piece: String = chars[at..end].iter().collect();
        let first = chars[at];
        let comment = piece.starts_with("//") || piece.starts_with("/*");
        if !first.is_whitespace() && !comment {
            let quoted = piece.ends_with(['"', '#']) && piece.contains('"');
            let quoted = quoted || first == '\'' && piece.len() > 2 && piece.ends_with('\'');
            out.push(Token { line, text: if quoted { "\"\"".into() } else { piece.clone() } });
        }
        line += piece.matches('\n').count();
        at = end;
    }
    out
}

/// End of the comment, string or character literal that begins here, if one does.
fn skip(chars: &[char], at: usize) -> Option<usize> {
    let rest = &chars[at..];
    if rest.starts_with(&['/', '/']) {
        return Some(at + rest.iter().position(|c| *c == '\n').unwrap_or(rest.len()));
    }
    if rest.starts_with(&['/', '*']) {
        let (mut depth, mut i) = (1, 2);
        while i < rest.len() && depth > 0 {
            let pair = &rest[i..rest.len().min(i + 2)];
            depth = depth + usize::from(pair == ['/', '*']) - usize::from(pair == ['*', '/']);
            i += if pair == ['/', '*'] || pair == ['*', '/'] { 2 } else { 1 };
        }
        return Some(at + i);
    }
    let prefix = rest.iter().take_while(|c| matches!(c, 'b' | 'r' | 'c')).count();
    let raw = rest[..prefix].contains(&'r');
    let hashes = if raw { rest[prefix..].iter().take_while(|c| **c == '#').count() } else { 0 };
    if prefix <= 2 && rest.get(prefix + hashes) == Some(&'"') {
        return Some(at + string_end(rest, prefix + hashes + 1, raw, hashes));
    }
    if rest[0] == '\'' {
        // A character, not a lifetime: closed by a quote after one character or an escape.
        if rest.get(1) == Some(&'\\') {
            let close = rest.iter().skip(3).position(|c| *c == '\'')?;
            return Some(at + close + 4);
        }
        if rest.get(2) == Some(&'\'') {
            return Some(at + 3);
        }
    }
    None
}

fn string_end(rest: &[char], from: usize, raw: bool, hashes: usize) -> usize {
    let mut i = from;
    while i < rest.len() {
        if rest[i] == '\\' && !raw {
            i += 2;
            continue;
        }
        if rest[i] == '"' && rest[i + 1..].iter().take_while(|c| **c == '#').count() >= hashes {
            return i + 1 + hashes;
        }
        i += 1;
    }
    rest.len()
}

/// End of the word, number or sign that begins here.
fn token_end(chars: &[char], at: usize, before: Option<&Token>) -> usize {
    let word = |c: &char| c.is_alphanumeric() || *c == '_';
    let run = |from: usize| from + chars[from..].iter().take_while(|c| word(c)).count();
    if chars[at].is_whitespace() {
        return at + 1;
    }
    if !word(&chars[at]) {
        return if chars[at..].starts_with(&[':', ':']) { at + 2 } else { at + 1 };
    }
    let end = run(at);
    let number = chars[at].is_ascii_digit() && before.is_none_or(|token| token.text != ".");
    if number
        && chars.get(end) == Some(&'.')
        && chars.get(end + 1).is_some_and(char::is_ascii_digit)
    {
        return run(end + 1);
    }
    end
}

/// Whether expected texts are to be rewritten to what the program says now.
#[expect(clippy::disallowed_methods, reason = "a switch for people who change expected texts")]
pub fn updating() -> bool {
    std::env::var_os("UPDATE").is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_leave_out_comments_and_quotes() {
        let code = "let a = \"x // y\"; // HashMap\n/* f64 /* */ */ 'a' b'\\n' r#\"q\"w\"# &'a T 1.5 x.0.1 a::b";
        let words: Vec<_> = tokens(code).into_iter().map(|token| token.text).collect();
        let wanted = [
            "let", "a", "=", "\"\"", ";", "\"\"", "b", "\"\"", "\"\"", "&", "'", "a", "T", "1.5",
            "x", ".", "0", ".", "1", "a", "::", "b",
        ];
        assert_eq!(words, wanted);
    }

    #[test]
    fn lines_are_counted_through_strings() {
        let last = tokens("\"a\nb\"\n/*\n*/ end").pop().expect("a token");
        assert_eq!((last.line, last.text.as_str()), (4, "end"));
    }
}
