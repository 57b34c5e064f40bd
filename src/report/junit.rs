//! Results of tests as JUnit XML, which continuous integration reads.

/// A run as a test.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Test {
    /// The scenario's place.
    pub class: String,
    /// Its title and the seed.
    pub name: String,
    /// The command that repeats it.
    pub repeat: String,
    /// What was wrong, the first line in short; none if it passed.
    pub failure: Option<String>,
}

/// One document with one suite. It has no durations: equal runs make equal files.
pub fn document(tests: &[Test]) -> String {
    let failures = tests.iter().filter(|test| test.failure.is_some()).count();
    let counts = format!("tests=\"{}\" failures=\"{failures}\" errors=\"0\"", tests.len());
    let mut out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned();
    out += &format!("<testsuites name=\"dagtwin\" {counts}>\n");
    out += &format!("  <testsuite name=\"dagtwin test\" {counts} skipped=\"0\">\n");
    for test in tests {
        let (class, name) = (escaped(&test.class), escaped(&test.name));
        out += &format!("    <testcase classname=\"{class}\" name=\"{name}\">\n");
        if let Some(failure) = &test.failure {
            let first = failure.lines().next().unwrap_or_default().trim();
            let text = escaped(failure.trim_end());
            out += &format!("      <failure message=\"{}\">{text}</failure>\n", escaped(first));
        }
        let repeat = escaped(&test.repeat);
        out += &format!("      <system-out>repeat: {repeat}</system-out>\n    </testcase>\n");
    }
    out + "  </testsuite>\n</testsuites>\n"
}

/// A text as XML takes it; characters that XML has no way to write become blanks.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\n' | '\t' => out.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_cannot_hold_is_written_otherwise() {
        assert_eq!(escaped("a<b> & \"c\"\u{1}\n"), "a&lt;b&gt; &amp; &quot;c&quot; \n");
        let (class, name) = ("x".to_owned(), "y".to_owned());
        let failure = Some("  seed 1: \"no\"\n  more\n".to_owned());
        let text = document(&[Test { class, name, repeat: "z".to_owned(), failure }]);
        assert!(text.contains("tests=\"1\" failures=\"1\""), "{text}");
        assert!(text.contains("message=\"seed 1: &quot;no&quot;\">"), "{text}");
    }
}
