//! Colours and signs. A colour never stands alone: every condition has a sign of its own too.

use crate::view::Standing;
use crate::view::lanes::Condition;
use ratatui::style::{Color, Modifier, Style};

/// How many colours the terminal has.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Depth {
    /// None: bold, dim and reverse only.
    Mono,
    /// The 16 of the user's own theme.
    Sixteen,
    /// 256.
    Indexed,
    /// All.
    True,
}

/// Colours and signs of a screen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Theme {
    /// How many colours there are.
    pub depth: Depth,
    /// Whether signs beyond ASCII may be used.
    pub unicode: bool,
}

/// A colour of Okabe and Ito's palette, told apart by people who do not see red and green too: as
/// it is, its nearest of 256, and of 16.
#[derive(Clone, Copy)]
struct Ink(u8, u8, u8, u8, Color);

const GREEN: Ink = Ink(0, 158, 115, 36, Color::Green);
const SKY: Ink = Ink(86, 180, 233, 74, Color::Cyan);
const ORANGE: Ink = Ink(230, 159, 0, 178, Color::Yellow);
const VERMILION: Ink = Ink(213, 94, 0, 166, Color::Red);
const PURPLE: Ink = Ink(204, 121, 167, 175, Color::Magenta);
const GREY: Ink = Ink(128, 128, 128, 244, Color::DarkGray);
const BLUE: Ink = Ink(0, 114, 178, 31, Color::Blue);

impl Theme {
    /// A sign of a condition.
    pub fn sign(self, condition: Condition) -> char {
        match (condition, self.unicode) {
            (Condition::Serving, true) => '█',
            (Condition::Ready, true) => '▄',
            (Condition::Changing, true) => '▒',
            (Condition::Impaired, true) => '▚',
            (Condition::Failed, true) => '╳',
            (Condition::Off, true) => '·',
            (Condition::Serving, false) => '#',
            (Condition::Ready, false) => '=',
            (Condition::Changing, false) => '~',
            (Condition::Impaired, false) => '%',
            (Condition::Failed, false) => 'x',
            (Condition::Off, false) => '.',
        }
    }

    /// The style of a condition.
    pub fn condition(self, condition: Condition) -> Style {
        let plain = Style::new();
        match condition {
            Condition::Serving => self.ink(GREEN, plain),
            Condition::Ready => self.ink(SKY, plain),
            Condition::Changing => self.ink(ORANGE, plain.add_modifier(Modifier::BOLD)),
            Condition::Impaired => self.ink(PURPLE, plain.add_modifier(Modifier::BOLD)),
            Condition::Failed => self.ink(VERMILION, plain.add_modifier(Modifier::BOLD)),
            Condition::Off => self.ink(GREY, plain),
        }
    }

    /// A sign of a client's standing.
    pub fn standing_sign(self, standing: Standing) -> char {
        match (standing, self.unicode) {
            (Standing::Connected, true) => '█',
            (Standing::Waiting, true) => '▓',
            (Standing::LoggingOn, true) => '▒',
            (Standing::Trying, true) => '░',
            (Standing::Disconnected, true) => '╳',
            (Standing::Connected, false) => '#',
            (Standing::Waiting, false) => '=',
            (Standing::LoggingOn, false) => '~',
            (Standing::Trying, false) => '?',
            (Standing::Disconnected, false) => 'x',
        }
    }

    /// The style of a client's standing.
    pub fn standing(self, standing: Standing) -> Style {
        let plain = Style::new();
        match standing {
            Standing::Connected => self.ink(GREEN, plain),
            Standing::Waiting => self.ink(SKY, plain),
            Standing::LoggingOn => self.ink(BLUE, plain),
            Standing::Trying => self.ink(ORANGE, plain.add_modifier(Modifier::BOLD)),
            Standing::Disconnected => self.ink(VERMILION, plain.add_modifier(Modifier::BOLD)),
        }
    }

    /// A sign for a share of clients that are out, in eighths from 1 to 8.
    pub fn share_sign(self, eighths: u32) -> char {
        let signs = match self.unicode {
            true => ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'],
            false => ['1', '2', '3', '4', '5', '6', '7', '8'],
        };
        signs[(eighths.clamp(1, 8) - 1) as usize]
    }

    /// A stage of an outage, by its place.
    pub fn stage(self, place: usize) -> Style {
        let inks = [VERMILION, ORANGE, SKY, GREEN, PURPLE, BLUE];
        self.ink(inks[place % inks.len()], Style::new())
    }

    /// A heading.
    pub fn heading(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// What is less important.
    pub fn dim(self) -> Style {
        self.ink(GREY, Style::new())
    }

    /// What is wrong.
    pub fn bad(self) -> Style {
        self.ink(VERMILION, Style::new().add_modifier(Modifier::BOLD))
    }

    /// What is as it should be.
    pub fn good(self) -> Style {
        self.ink(GREEN, Style::new())
    }

    /// What is to be looked at: a fault, a key.
    pub fn accent(self) -> Style {
        self.ink(ORANGE, Style::new().add_modifier(Modifier::BOLD))
    }

    /// What is selected, and the cursor.
    pub fn selected(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// The frame of a pane.
    pub fn frame(self, focused: bool) -> Style {
        match focused {
            true => self.ink(SKY, Style::new().add_modifier(Modifier::BOLD)),
            false => self.dim(),
        }
    }

    /// A sign, or what stands for it in ASCII.
    pub fn or(self, sign: &'static str, ascii: &'static str) -> &'static str {
        if self.unicode { sign } else { ascii }
    }

    fn ink(self, ink: Ink, style: Style) -> Style {
        match self.depth {
            Depth::Mono => style,
            Depth::Sixteen => style.fg(ink.4),
            Depth::Indexed => style.fg(Color::Indexed(ink.3)),
            Depth::True => style.fg(Color::Rgb(ink.0, ink.1, ink.2)),
        }
    }
}
