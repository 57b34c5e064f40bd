//! A page of text: titles, and texts that keep to its width.

use std::io::{self, Write};

/// Narrowest page that is laid out.
const NARROWEST: usize = 60;

/// How a text is coloured, where colours are wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ink {
    /// As it is.
    Plain,
    /// Stands out.
    Bold,
    /// What held.
    Good,
    /// What did not.
    Bad,
    /// What matters less.
    Dim,
}

/// Where a report is written.
pub(super) struct Page<'w> {
    out: &'w mut dyn Write,
    /// In columns.
    pub width: usize,
    color: bool,
}

impl<'w> Page<'w> {
    pub(super) fn new(out: &'w mut dyn Write, width: usize, color: bool) -> Self {
        Page { out, width: width.max(NARROWEST), color }
    }

    /// A line as it is.
    pub(super) fn line(&mut self, ink: Ink, text: &str) -> io::Result<()> {
        let code = match ink {
            Ink::Bold => "1",
            Ink::Good => "32",
            Ink::Bad => "31",
            Ink::Dim => "2",
            Ink::Plain => "",
        };
        let text = text.trim_end();
        if self.color && !code.is_empty() {
            writeln!(self.out, "\x1b[{code}m{text}\x1b[0m")
        } else {
            writeln!(self.out, "{text}")
        }
    }

    /// An empty line and a title.
    pub(super) fn title(&mut self, text: &str) -> io::Result<()> {
        self.line(Ink::Plain, "")?;
        self.item(Ink::Bold, "", text)
    }

    /// A text after a lead, broken between words; later lines begin where the text does.
    pub(super) fn item(&mut self, ink: Ink, lead: &str, text: &str) -> io::Result<()> {
        let indent = lead.chars().count();
        for (number, part) in wrap(text, self.width.saturating_sub(indent)).iter().enumerate() {
            let lead = if number == 0 { lead } else { "" };
            self.line(ink, &format!("{lead:indent$}{part}"))?;
        }
        Ok(())
    }

    /// A line that is cut at the width: for what is a hint and not the fact itself.
    pub(super) fn cut(&mut self, text: &str) -> io::Result<()> {
        let long = text.chars().count() > self.width;
        let kept: String = text.chars().take(self.width - 3).chain("...".chars()).collect();
        self.line(Ink::Plain, if long { &kept } else { text })
    }
}

/// Breaks a text between words.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    if lines.is_empty() {
        lines.push(String::new());
    }
    lines
}
