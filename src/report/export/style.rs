//! How conditions look: each has a colour, a pattern or a shape, and a letter.

use super::svg::{Color, DIM, FAULT, Font, Paint, Rect, Svg, lighter};
use crate::report::palette::COLORS;
use crate::view::Standing;
use crate::view::lanes::Condition;

/// The colour of a condition.
pub(super) const fn color(condition: Condition) -> Color {
    match condition {
        Condition::Serving => COLORS[2],
        Condition::Ready => COLORS[5],
        Condition::Changing => COLORS[4],
        Condition::Impaired => COLORS[3],
        Condition::Failed => FAULT,
        Condition::Off => DIM,
    }
}

/// The letter of a condition, where its word has no room.
pub(super) fn letter(condition: Condition) -> String {
    condition.word().chars().take(1).flat_map(char::to_uppercase).collect()
}

/// The colour of a standing; none for those whose user can work.
pub(super) const fn standing_color(standing: Standing) -> Option<Color> {
    match standing {
        Standing::Connected | Standing::Waiting => None,
        Standing::LoggingOn => Some(COLORS[0]),
        Standing::Trying => Some(COLORS[4]),
        Standing::Disconnected => Some(FAULT),
    }
}

/// Standings that pictures show as areas, from the ground up.
pub(super) const SHOWN: [Standing; 3] =
    [Standing::Disconnected, Standing::Trying, Standing::LoggingOn];

const CHANGING: &str = "changing";
const FAILED: &str = "failed";
const DISCONNECTED: &str = "disconnected";

/// Defines the patterns that paints name.
pub(super) fn define(svg: &mut Svg) {
    let stripes = |color| (lighter(color, 70), lighter(color, 25));
    let (under, stripe) = stripes(color(Condition::Changing));
    svg.stripes(CHANGING, under, stripe, false);
    let (under, stripe) = stripes(color(Condition::Failed));
    svg.stripes(FAILED, under, stripe, true);
    svg.stripes(DISCONNECTED, lighter(FAULT, 15), lighter(FAULT, 70), false);
}

/// How a condition is painted.
pub(super) fn paint(condition: Condition) -> Paint {
    let own = color(condition);
    match condition {
        Condition::Changing => Paint::pattern(CHANGING).stroke(own, 1.0),
        Condition::Failed => Paint::pattern(FAILED).stroke(own, 1.0),
        Condition::Off => Paint::none().stroke(lighter(own, 40), 1.0).dashed(),
        Condition::Serving | Condition::Ready | Condition::Impaired => {
            Paint::fill(lighter(own, 55)).stroke(own, 1.0)
        }
    }
}

/// How the area of clients that stand so is painted.
pub(super) fn area(standing: Standing) -> Paint {
    match (standing, standing_color(standing)) {
        (Standing::Disconnected, _) => Paint::pattern(DISCONNECTED),
        (_, Some(color)) => Paint::fill(lighter(color, 25)),
        (_, None) => Paint::fill(lighter(color(Condition::Serving), 80)),
    }
}

/// What every colour and letter means; the height that it took.
pub(super) fn legend(svg: &mut Svg, left: f64, top: f64, right: f64, clients: bool) -> f64 {
    const ROW: f64 = 20.0;
    let font = Font::new(11.0);
    let (mut x, mut y) = (left, top);
    let mut entry = |svg: &mut Svg, paint: &Paint, letter: &str, word: &str| {
        let width = 23.0 + font.width(word) + 8.0;
        if x + width > right && x > left {
            (x, y) = (left, y + ROW);
        }
        svg.rect(Rect { x, y, width: 18.0, height: 13.0 }, paint, "");
        svg.text(x + 5.5, y + 10.5, Font::new(10.0), letter);
        svg.text(x + 23.0, y + 10.5, font, word);
        x += width;
    };
    for condition in Condition::ALL {
        entry(svg, &paint(condition), &letter(condition), condition.word());
    }
    if clients {
        for standing in SHOWN {
            entry(svg, &area(standing), "", &format!("clients {}", standing.word()));
        }
    }
    y + ROW - top
}
