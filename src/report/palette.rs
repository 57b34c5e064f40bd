//! The colours of every picture.

use plotters::style::RGBColor;

/// Told apart by people who do not see red and green too: Okabe and Ito's, and three more.
pub(super) const COLORS: [RGBColor; 10] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(0, 0, 0),
    RGBColor(117, 112, 179),
    RGBColor(166, 118, 29),
    RGBColor(102, 102, 102),
];
