//! Writes a picture: vector shapes and real text, every text escaped, nothing that runs.

use crate::report::palette::COLORS;
use plotters::style::RGBColor;
use std::fmt::Write;

/// A colour and how it is written.
pub(super) type Color = RGBColor;

/// Ink of texts and axes.
pub(super) const INK: Color = RGBColor(34, 34, 34);
/// What matters less.
pub(super) const DIM: Color = RGBColor(96, 96, 96);
/// Lines of a grid.
pub(super) const GRID: Color = RGBColor(222, 222, 222);
/// Behind everything.
pub(super) const PAPER: Color = RGBColor(255, 255, 255);
/// What goes wrong.
pub(super) const FAULT: Color = COLORS[1];

/// Width of a character in parts of the size of its font: more than the mean of usual fonts, so
/// that what fits by it fits.
const CHARACTER: f64 = 0.56;

/// Where a text is anchored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// How a text looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Font {
    pub size: f64,
    pub bold: bool,
    pub color: Color,
    pub anchor: Anchor,
}

impl Font {
    pub(super) const fn new(size: f64) -> Self {
        Font { size, bold: false, color: INK, anchor: Anchor::Start }
    }

    pub(super) const fn bold(mut self) -> Self {
        self.bold = true;
        self
    }

    pub(super) const fn color(mut self, color: Color) -> Self {
        self.color = color;
        self
    }

    pub(super) const fn anchor(mut self, anchor: Anchor) -> Self {
        self.anchor = anchor;
        self
    }

    /// About how wide a text is.
    pub(super) fn width(self, text: &str) -> f64 {
        let wider = if self.bold { 1.08 } else { 1.0 };
        text.chars().count() as f64 * self.size * CHARACTER * wider
    }

    /// About how many characters have room.
    pub(super) fn fits(self, width: f64) -> usize {
        let wider = if self.bold { 1.08 } else { 1.0 };
        (width / (self.size * CHARACTER * wider)).max(1.0) as usize
    }

    /// A text that is cut where it would be wider.
    pub(super) fn cut(self, text: &str, width: f64) -> String {
        let most = self.fits(width);
        if text.chars().count() <= most {
            return text.to_owned();
        }
        let kept: String = text.chars().take(most.saturating_sub(1)).collect();
        format!("{}…", kept.trim_end())
    }
}

/// A rectangle.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rect {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

/// How a shape is painted.
#[derive(Clone, Debug)]
pub(super) struct Paint {
    pub fill: String,
    pub stroke: Option<Color>,
    pub dashed: bool,
    pub thick: f64,
}

impl Paint {
    pub(super) fn fill(color: Color) -> Self {
        Paint { fill: hex(color), stroke: None, dashed: false, thick: 1.0 }
    }

    pub(super) fn none() -> Self {
        Paint { fill: "none".to_owned(), stroke: None, dashed: false, thick: 1.0 }
    }

    /// Painted with a pattern that was defined.
    pub(super) fn pattern(id: &str) -> Self {
        Paint { fill: format!("url(#{id})"), stroke: None, dashed: false, thick: 1.0 }
    }

    pub(super) fn stroke(mut self, color: Color, thick: f64) -> Self {
        (self.stroke, self.thick) = (Some(color), thick);
        self
    }

    pub(super) fn dashed(mut self) -> Self {
        self.dashed = true;
        self
    }

    fn attributes(&self) -> String {
        let mut text = format!("fill=\"{}\"", self.fill);
        if let Some(color) = self.stroke {
            text += &format!(" stroke=\"{}\" stroke-width=\"{}\"", hex(color), num(self.thick));
        }
        if self.dashed {
            text += " stroke-dasharray=\"3 2\"";
        }
        text
    }
}

/// A colour as pictures write it.
pub(super) fn hex(RGBColor(red, green, blue): Color) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// A colour with so many percent of white.
pub(super) fn lighter(RGBColor(red, green, blue): Color, percent: u32) -> Color {
    let mixed = |part: u8| {
        let part = u32::from(part) * (100 - percent) + 255 * percent;
        // A mean of two bytes is one.
        (part / 100) as u8
    };
    RGBColor(mixed(red), mixed(green), mixed(blue))
}

/// A number with at most one decimal.
fn num(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// A text as XML takes it.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            control if control.is_control() => out.push(' '),
            other => out.push(other),
        }
    }
    out
}

/// A picture that grows downwards as it is drawn.
pub(super) struct Svg {
    body: String,
    definitions: String,
    pub width: f64,
}

impl Svg {
    pub(super) fn new(width: f64) -> Self {
        Svg { body: String::new(), definitions: String::new(), width }
    }

    fn put(&mut self, text: &str) {
        self.body += text;
        self.body.push('\n');
    }

    pub(super) fn rect(&mut self, rect: Rect, paint: &Paint, tip: &str) {
        let Rect { x, y, width, height } = rect;
        let shape = format!(
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" {}",
            num(x),
            num(y),
            num(width.max(0.5)),
            num(height),
            paint.attributes()
        );
        match tip {
            "" => self.put(&format!("{shape}/>")),
            tip => self.put(&format!("{shape}><title>{}</title></rect>", escaped(tip))),
        }
    }

    pub(super) fn line(&mut self, from: (f64, f64), to: (f64, f64), color: Color, dashed: bool) {
        let dashes = if dashed { " stroke-dasharray=\"4 3\"" } else { "" };
        let text = format!(
            "<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\" stroke=\"{}\"{dashes}/>",
            num(from.0),
            num(from.1),
            num(to.0),
            num(to.1),
            hex(color)
        );
        self.put(&text);
    }

    /// A closed shape.
    pub(super) fn shape(&mut self, points: &[(f64, f64)], paint: &Paint) {
        let points: Vec<String> =
            points.iter().map(|(x, y)| format!("{},{}", num(*x), num(*y))).collect();
        self.put(&format!("<polygon points=\"{}\" {}/>", points.join(" "), paint.attributes()));
    }

    pub(super) fn text(&mut self, x: f64, y: f64, font: Font, text: &str) {
        if text.is_empty() {
            return;
        }
        let mut attributes = format!("font-size=\"{}\"", num(font.size));
        if font.bold {
            attributes += " font-weight=\"bold\"";
        }
        if font.color != INK {
            let _ = write!(attributes, " fill=\"{}\"", hex(font.color));
        }
        match font.anchor {
            Anchor::Start => {}
            Anchor::Middle => attributes += " text-anchor=\"middle\"",
            Anchor::End => attributes += " text-anchor=\"end\"",
        }
        self.put(&format!(
            "<text x=\"{}\" y=\"{}\" {attributes}>{}</text>",
            num(x),
            num(y),
            escaped(text)
        ));
    }

    /// A triangle with an exclamation mark: here is a fault.
    pub(super) fn warning(&mut self, x: f64, y: f64, size: f64) {
        let points = [(x, y + size), (x + size / 2.0, y), (x + size, y + size)];
        self.shape(&points, &Paint::fill(FAULT));
        let font = Font::new(size * 0.8).bold().color(PAPER).anchor(Anchor::Middle);
        self.text(x + size / 2.0, y + size * 0.92, font, "!");
    }

    /// A pattern of stripes over a colour, by which those know it too who do not see the colour.
    pub(super) fn stripes(&mut self, id: &str, under: Color, stripe: Color, both_ways: bool) {
        let mut lines = "<path d=\"M0,6 L6,0\" stroke-width=\"1.2\"/>".to_owned();
        if both_ways {
            lines += "<path d=\"M0,0 L6,6\" stroke-width=\"1.2\"/>";
        }
        self.definitions += &format!(
            "<pattern id=\"{id}\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\">\
             <rect width=\"6\" height=\"6\" fill=\"{}\"/><g stroke=\"{}\">{lines}</g></pattern>\n",
            hex(under),
            hex(stripe)
        );
    }

    /// The whole document; `title` is for those who have it read to them.
    pub(super) fn finish(self, height: f64, title: &str) -> String {
        let Svg { body, definitions, width } = self;
        let (width, height) = (num(width), num(height));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" font-family=\"Segoe UI, Helvetica, Arial, \
             DejaVu Sans, sans-serif\" fill=\"{}\">\n<title>{}</title>\n<defs>\n{definitions}\
             </defs>\n<rect width=\"{width}\" height=\"{height}\" fill=\"{}\"/>\n{body}</svg>\n",
            hex(INK),
            escaped(title),
            hex(PAPER)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped_and_numbers_are_short() {
        assert_eq!(escaped("a<b & \"c\"\u{7}"), "a&lt;b &amp; &quot;c&quot; ");
        assert_eq!(
            (num(3.0).as_str(), num(7.14).as_str(), num(-0.5).as_str()),
            ("3", "7.1", "-0.5")
        );
        assert_eq!(lighter(RGBColor(0, 100, 255), 50), RGBColor(127, 177, 255));
    }

    #[test]
    fn what_does_not_fit_is_cut() {
        let font = Font::new(10.0);
        assert_eq!(font.cut("short", 100.0), "short");
        let cut = font.cut("a text that is much too long for it", 60.0);
        assert!(cut.ends_with('…') && font.width(&cut) <= 60.0, "{cut}");
    }
}
