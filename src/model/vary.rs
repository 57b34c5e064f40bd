//! What a sweep changes: a key of a topology or a scenario, and the values that it is given.

use crate::base::Span;
use crate::model::settings::Value;
use serde::{Deserialize, Serialize};

/// Most values of one axis, and most points of a sweep.
pub const MOST_POINTS: u64 = 1_000_000;

/// What values look like, for messages.
pub const VALUES_EXPECTED: &str = "values such as 3..20, 1s..5s:500ms, 0%..10%:1% or 1s,2s,5s";

/// A key with the values that it is given.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Axis {
    /// A key of `dagtwin list parameters`, or of the topology's or the scenario's file.
    pub key: String,
    /// The values.
    pub values: Values,
}

/// The values of an axis.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Values {
    /// These, in their order.
    List(Vec<String>),
    /// From one to another, both among them if the step meets the last.
    Range(Range),
}

/// A stretch of quantities.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Range {
    /// What is counted.
    pub scale: Scale,
    /// The lowest value, in the scale's smallest part.
    pub from: u64,
    /// The highest.
    pub to: u64,
    /// The distance of neighbours, above zero; none where the file or the call gives none.
    pub step: Option<u64>,
}

/// How the numbers of a range are written.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Scale {
    /// Nanoseconds, written as a duration.
    Span,
    /// Numbers with so many decimals and a suffix, such as a per cent sign.
    Decimal {
        /// Digits after the point.
        digits: u32,
        /// What follows the number.
        suffix: String,
    },
}

impl Scale {
    /// A quantity as a file would have it.
    pub fn show(&self, quantity: u64) -> String {
        match self {
            Scale::Span => Span::from_nanos(quantity).show(),
            Scale::Decimal { digits: 0, suffix } => format!("{quantity}{suffix}"),
            Scale::Decimal { digits, suffix } => {
                let one = 10_u64.pow(*digits);
                let text = format!(
                    "{}.{:0width$}",
                    quantity / one,
                    quantity % one,
                    width = *digits as usize
                );
                let text = text.trim_end_matches('0').trim_end_matches('.');
                format!("{text}{suffix}")
            }
        }
    }

    /// A text as a quantity of this scale.
    pub fn read(&self, text: &str) -> Option<u64> {
        match self {
            Scale::Span => Span::read(text).map(Span::as_nanos),
            Scale::Decimal { digits, suffix } => {
                let number = Number::read(text)?;
                (number.suffix == *suffix).then(|| number.at(*digits)).flatten()
            }
        }
    }
}

/// A decimal number with its suffix.
struct Number {
    digits: u64,
    decimals: u32,
    suffix: String,
}

impl Number {
    fn read(text: &str) -> Option<Number> {
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, suffix) = text.split_at(end);
        let (whole, part) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() || part.len() > 6 || suffix.len() > 8 {
            return None;
        }
        let digits = format!("{whole}{part}").parse().ok()?;
        let decimals = part.len() as u32;
        Some(Number { digits, decimals, suffix: suffix.to_owned() })
    }

    fn at(&self, decimals: u32) -> Option<u64> {
        self.digits.checked_mul(10_u64.checked_pow(decimals.checked_sub(self.decimals)?)?)
    }
}

impl Range {
    /// `A..B` or `A..B:STEP`.
    fn read(text: &str) -> Result<Range, String> {
        let (ends, step) = match text.split_once(':') {
            Some((ends, step)) => (ends, Some(step.trim())),
            None => (text, None),
        };
        let wrong = || VALUES_EXPECTED.to_owned();
        let (from, to) = ends.split_once("..").ok_or_else(wrong)?;
        let (from, to) = (from.trim(), to.trim_start_matches('=').trim());
        let spans = Span::read(from).zip(Span::read(to));
        let scale = match spans {
            Some(_) => Scale::Span,
            None => {
                let parts: Option<Vec<Number>> =
                    [from, to].into_iter().chain(step).map(Number::read).collect();
                let parts = parts.ok_or_else(wrong)?;
                let digits = parts.iter().map(|part| part.decimals).max().unwrap_or(0);
                Scale::Decimal { digits, suffix: parts[0].suffix.clone() }
            }
        };
        let read = |text: &str| scale.read(text).ok_or_else(wrong);
        let (from, to, step) = (read(from)?, read(to)?, step.map(read).transpose()?);
        if from > to || step == Some(0) {
            return Err("a range from a lower to a higher value, with a step above zero".to_owned());
        }
        let range = Range { scale, from, to, step };
        if range.step.is_some_and(|step| (to - from) / step >= MOST_POINTS) {
            return Err(format!("at most {MOST_POINTS} values; take a wider step"));
        }
        Ok(range)
    }

    /// The distance of neighbours where values are drawn or searched: a step if one is given, else
    /// a millisecond, or the smallest part of the numbers.
    pub fn fine_step(&self) -> u64 {
        self.step.unwrap_or(match self.scale {
            Scale::Span => 1_000_000,
            Scale::Decimal { .. } => 1,
        })
    }

    /// The step that is taken if none is given: one, for whole numbers.
    pub fn usual_step(&self) -> Option<u64> {
        let whole = matches!(&self.scale, Scale::Decimal { digits: 0, .. });
        self.step.or(whole.then_some(1))
    }
}

impl Values {
    /// Reads a text: a range, or a list with commas.
    ///
    /// # Errors
    /// What was expected.
    pub fn read(text: &str) -> Result<Values, String> {
        let text = text.trim();
        let words = split(text);
        if words.iter().any(|word| word.is_empty()) {
            return Err(VALUES_EXPECTED.to_owned());
        }
        // A path may have two points in a row too.
        let range = words.len() == 1 && text.contains("..") && !text.contains(['/', '"']);
        if range {
            return Range::read(text).map(Values::Range);
        }
        Ok(Values::List(words))
    }

    /// Every value of a grid.
    ///
    /// # Errors
    /// What was expected, where a range has no step.
    pub fn grid(&self) -> Result<Vec<String>, String> {
        match self {
            Values::List(list) => Ok(list.clone()),
            Values::Range(range) => {
                let Some(step) = range.usual_step() else {
                    return Err("a step for the range, such as 1s..5s:500ms".to_owned());
                };
                if (range.to - range.from) / step >= MOST_POINTS {
                    return Err(format!("at most {MOST_POINTS} values; take a wider step"));
                }
                let count = (range.to - range.from) / step;
                Ok((0..=count).map(|n| range.scale.show(range.from + n * step)).collect())
            }
        }
    }
}

/// A list at its commas, save those within brackets or quotation marks.
fn split(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let (mut depth, mut quoted) = (0_u32, false);
    for c in text.chars() {
        match c {
            '"' => quoted = !quoted,
            '[' | '{' if !quoted => depth += 1,
            ']' | '}' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        if c == ',' && depth == 0 && !quoted {
            words.push(String::new());
        } else if let Some(word) = words.last_mut() {
            word.push(c);
        }
    }
    words.into_iter().map(|word| unquoted(word.trim()).to_owned()).collect()
}

/// A word without the quotation marks around the whole of it.
fn unquoted(word: &str) -> &str {
    let inner = word.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inner.filter(|inner| !inner.contains('"')).unwrap_or(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(text: &str) -> Vec<String> {
        Values::read(text).and_then(|values| values.grid()).expect(text)
    }

    #[test]
    fn grids_are_those_that_are_written() {
        assert_eq!(grid("3..6"), ["3", "4", "5", "6"]);
        assert_eq!(grid("0..10:4"), ["0", "4", "8"]);
        assert_eq!(grid("500ms..2s:500ms"), ["500ms", "1s", "1500ms", "2s"]);
        assert_eq!(grid("0%..1%:0.5%"), ["0%", "0.5%", "1%"]);
        assert_eq!(grid("1x..2x:0.5x"), ["1x", "1.5x", "2x"]);
        assert_eq!(grid("EX01, EX02"), ["EX01", "EX02"]);
        assert_eq!(grid("[\"A\",\"B\"],[\"B\"]"), ["[\"A\",\"B\"]", "[\"B\"]"]);
    }

    #[test]
    fn what_is_no_grid_is_told() {
        for text in
            ["", "1..", "..2", "5..3", "1..2:0", "1s..2", "1%..2x:1%", "a,,b", "0..9:0.0000001"]
        {
            assert!(Values::read(text).is_err(), "{text}");
        }
        assert!(Values::read("1s..2s").expect("a range").grid().is_err());
        assert!(Values::read("0..9999999").expect("a range").grid().is_err());
    }
}
