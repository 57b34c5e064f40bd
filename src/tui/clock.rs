//! The speed of play, the stretch of time that lanes show, and moments as people type them.

use crate::base::{Instant, Span};
use crate::journal::RecordNo;
use crate::model::settings::Value;

/// Speeds, as simulated seconds for so many seconds.
const SPEEDS: &[(u64, u64)] = &[
    (1, 10_000),
    (1, 3_000),
    (1, 1_000),
    (1, 300),
    (1, 100),
    (1, 30),
    (1, 10),
    (1, 3),
    (1, 1),
    (3, 1),
    (10, 1),
    (30, 1),
    (100, 1),
    (300, 1),
    (1_000, 1),
];
/// The place of real time.
const REAL_TIME: usize = 8;

/// How fast time passes in play.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Speed(usize);

impl Default for Speed {
    fn default() -> Self {
        Speed(REAL_TIME)
    }
}

impl Speed {
    /// The next higher one, if there is one.
    pub fn faster(self) -> Self {
        Speed((self.0 + 1).min(SPEEDS.len() - 1))
    }

    /// The next lower one, if there is one.
    pub fn slower(self) -> Self {
        Speed(self.0.saturating_sub(1))
    }

    /// The simulated time of a real one.
    pub fn of(self, real: Span) -> Span {
        let (many, few) = SPEEDS[self.0];
        real.scaled(many, few)
    }

    /// What the header calls it.
    pub fn word(self) -> String {
        match SPEEDS[self.0] {
            (many, 1) => format!("x{many}"),
            (many, few) => format!("x{many}/{few}"),
        }
    }
}

/// The stretch of time that the lanes show.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Window {
    /// Its beginning.
    pub from: Instant,
    /// Its end, after its beginning.
    pub to: Instant,
}

/// The shortest stretch that lanes show.
const SHORTEST: Span = Span::from_micros(100);

impl Window {
    /// A stretch of at least the shortest length.
    pub fn new(from: Instant, to: Instant) -> Self {
        Window { from, to: to.max(from.saturating_add(SHORTEST)) }
    }

    /// How long it is.
    pub fn length(self) -> Span {
        self.to.saturating_since(self.from)
    }

    /// The moment at which a column begins, of so many.
    pub fn moment(self, column: u16, columns: u16) -> Instant {
        let columns = u64::from(columns.max(1));
        self.from.saturating_add(self.length().scaled(u64::from(column), columns))
    }

    /// The column of a moment, if it is in sight.
    pub fn column(self, at: Instant, columns: u16) -> Option<u16> {
        if at < self.from || at > self.to {
            return None;
        }
        let length = u128::from(self.length().as_nanos());
        let place = u128::from(at.since(self.from).as_nanos()) * u128::from(columns) / length;
        Some(u16::try_from(place).unwrap_or(columns).min(columns.saturating_sub(1)))
    }

    /// Twice as near or as far, with a moment staying where it is; never before zero.
    pub fn zoomed(self, at: Instant, nearer: bool, last: Instant) -> Self {
        let (many, few) = if nearer { (1, 2) } else { (2, 1) };
        let at = at.clamp(self.from, self.to);
        let before = at.since(self.from).scaled(many, few);
        let after = self.to.since(at).scaled(many, few);
        let from = Instant::from_nanos(at.as_nanos().saturating_sub(before.as_nanos()));
        let to = at.saturating_add(after).min(last.max(at));
        Window::new(from, to)
    }

    /// Moved so far that a moment is in sight, with some room beside it.
    pub fn around(self, at: Instant) -> Self {
        if at >= self.from && at <= self.to {
            return self;
        }
        let length = self.length();
        let before = match at < self.from {
            true => length.scaled(1, 8),
            false => length.scaled(7, 8),
        };
        let from = Instant::from_nanos(at.as_nanos().saturating_sub(before.as_nanos()));
        Window::new(from, from.saturating_add(length))
    }
}

/// A place to jump to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// A moment.
    At(Instant),
    /// A record.
    Record(RecordNo),
}

/// Reads a moment as people type it: `65.2s`, `65.2`, `1m5s`, `+3s`, `-500ms`, `50%`, `#4711`,
/// `fault`.
///
/// # Errors
/// What was expected.
pub fn place(
    text: &str,
    now: Instant,
    last: Instant,
    fault: Option<Instant>,
) -> Result<Place, String> {
    const EXPECTED: &str = "expected a moment: 65.2s, 1m 5s, +3s, -500ms, 50%, #4711 or fault";
    let text = text.trim();
    if let Some(digits) = text.strip_prefix('#') {
        let number = digits.parse().map_err(|_| EXPECTED.to_owned())?;
        return Ok(Place::Record(RecordNo(number)));
    }
    if text == "fault" {
        let none = "this run has no fault and no order".to_owned();
        return fault.map(Place::At).ok_or(none);
    }
    if let Some(percent) = text.strip_suffix('%') {
        let percent: u64 = percent.trim().parse().map_err(|_| EXPECTED.to_owned())?;
        let part = last.since(Instant::ZERO).scaled(percent.min(100), 100);
        return Ok(Place::At(Instant::ZERO.saturating_add(part)));
    }
    let (sign, rest) = match text.strip_prefix('+') {
        Some(rest) => (1, rest),
        None => text.strip_prefix('-').map_or((0, text), |rest| (-1, rest)),
    };
    let rest = rest.trim();
    let with_unit = match rest.ends_with(|c: char| c.is_ascii_digit()) {
        true => format!("{rest}s"),
        false => rest.to_owned(),
    };
    let span = Span::read(&with_unit).ok_or_else(|| EXPECTED.to_owned())?;
    Ok(Place::At(match sign {
        1 => now.saturating_add(span),
        -1 => Instant::from_nanos(now.as_nanos().saturating_sub(span.as_nanos())),
        _ => Instant::ZERO.saturating_add(span),
    }))
}

/// A moment as the screen shows it, in seconds, with as many digits as a step of this length
/// needs.
pub fn seconds(at: Instant, step: Span) -> String {
    let nanos = at.as_nanos();
    let digits = match step.as_nanos() {
        0..1_000 => 9,
        1_000..100_000 => 6,
        100_000..10_000_000 => 4,
        10_000_000..100_000_000 => 3,
        100_000_000..1_000_000_000 => 1,
        _ => 0,
    };
    let unit = 10_u64.pow(9 - digits);
    let (whole, part) = (nanos / 1_000_000_000, nanos % 1_000_000_000 / unit);
    match digits {
        0 => format!("{whole}"),
        digits => format!("{whole}.{part:0width$}", width = digits as usize),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::ZERO.saturating_add(Span::from_millis(millis))
    }

    #[test]
    fn moments_are_read_as_people_type_them() {
        let read = |text| place(text, at(10_000), at(300_000), Some(at(60_000)));
        assert_eq!(read("65.2s"), Ok(Place::At(at(65_200))));
        assert_eq!(read("65.2"), Ok(Place::At(at(65_200))));
        assert_eq!(read(" 1m 5s "), Ok(Place::At(at(65_000))));
        assert_eq!(read("+3s"), Ok(Place::At(at(13_000))));
        assert_eq!(read("-500ms"), Ok(Place::At(at(9_500))));
        assert_eq!(read("-60s"), Ok(Place::At(at(0))));
        assert_eq!(read("50%"), Ok(Place::At(at(150_000))));
        assert_eq!(read("#12"), Ok(Place::Record(RecordNo(12))));
        assert_eq!(read("fault"), Ok(Place::At(at(60_000))));
        for wrong in ["", "#", "x", "5 parsec", "%", "+", "99999999999999999999s"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        assert!(place("fault", at(0), at(0), None).is_err());
    }

    #[test]
    fn speeds_go_from_a_ten_thousandth_to_a_thousand() {
        let mut speed = Speed::default();
        assert_eq!(speed.of(Span::from_secs(2)), Span::from_secs(2));
        for _ in 0..100 {
            speed = speed.faster();
        }
        assert_eq!(
            (speed.word().as_str(), speed.of(Span::from_millis(1))),
            ("x1000", Span::from_secs(1))
        );
        for _ in 0..100 {
            speed = speed.slower();
        }
        assert_eq!(
            (speed.word().as_str(), speed.of(Span::from_secs(10))),
            ("x1/10000", Span::from_millis(1))
        );
    }

    #[test]
    fn columns_and_moments_agree() {
        let window = Window::new(at(1_000), at(11_000));
        for column in 0..100 {
            assert_eq!(window.column(window.moment(column, 100), 100), Some(column));
        }
        assert_eq!(window.column(at(999), 100), None);
        assert_eq!(window.column(at(11_000), 100), Some(99));
        let near = window.zoomed(at(6_000), true, at(300_000));
        assert_eq!(near, Window::new(at(3_500), at(8_500)));
        assert_eq!(near.zoomed(at(6_000), false, at(300_000)), window);
        assert_eq!(window.around(at(6_000)), window);
        assert!(window.around(at(100_000)).column(at(100_000), 80).is_some());
    }
}
