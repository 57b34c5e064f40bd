//! Where everything stands on a screen of any size.

use super::command::Pane;
use ratatui::layout::Rect;

/// The smallest screen that something can be read on.
pub(super) const LEAST: (u16, u16) = (40, 10);

/// Where everything stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Layout {
    /// What is shown, the moment, the speed.
    pub(super) header: Rect,
    /// When mail was out and why.
    pub(super) story: Rect,
    /// Panes.
    pub(super) panes: Vec<(Pane, Rect)>,
    /// What is possible now, messages, prompts.
    pub(super) footer: Rect,
}

/// Divides a screen. `story` is how many lines the story would take at its width, `lanes` how many
/// the lanes would with what stands above them.
pub(super) fn layout(
    area: Rect,
    story: u16,
    focus: Pane,
    lower: Pane,
    alone: bool,
    lanes: u16,
) -> Layout {
    let (width, height) = (area.width, area.height);
    let header = Rect { height: 1.min(height), ..area };
    let footer = Rect { y: area.y + height.saturating_sub(1), height: 1.min(height), ..area };
    // The first sentence is the one that nobody may miss.
    let story_height = story.min((height / 8).max(3)).min(height.saturating_sub(2) / 3);
    let story = Rect { y: area.y + 1, height: story_height, ..area };
    let body = Rect {
        y: area.y + 1 + story_height,
        height: height.saturating_sub(2 + story_height),
        ..area
    };
    let panes = if alone {
        vec![(focus, body)]
    } else if width >= 150 && body.height >= 44 {
        large(body, lanes)
    } else if width >= 100 && body.height >= 28 {
        medium(body, focus, lanes)
    } else {
        small(body, focus, lower, lanes)
    };
    Layout { header, story, panes, footer }
}

/// Lanes above one other pane.
fn small(body: Rect, focus: Pane, lower: Pane, lanes: u16) -> Vec<(Pane, Rect)> {
    // Below this nothing can be read in two halves.
    if body.height < 12 {
        return vec![(focus, body)];
    }
    let upper = (lanes + 2).clamp(5, (body.height * 11 / 20).max(5));
    let (top, rest) = cut(body, upper);
    vec![(Pane::Lanes, top), (lower, rest)]
}

/// Scene and budget above the lanes, events and causes below.
fn medium(body: Rect, focus: Pane, lanes: u16) -> Vec<(Pane, Rect)> {
    let middle_height = (lanes + 2).clamp(6, body.height * 2 / 5);
    let top_height = ((body.height - middle_height) * 3 / 5).max(9);
    let (top, rest) = cut(body, top_height);
    let (middle, bottom) = cut(rest, middle_height);
    let (scene, budget) = split(top, 62);
    let (events, right) = split(bottom, 56);
    let right_pane = if focus == Pane::Plots { Pane::Plots } else { Pane::Why };
    vec![
        (Pane::Lanes, middle),
        (Pane::Scene, scene),
        (Pane::Budget, budget),
        (Pane::Events, events),
        (right_pane, right),
    ]
}

/// Everything at once.
fn large(body: Rect, lanes: u16) -> Vec<(Pane, Rect)> {
    let middle_height = (lanes + 2).clamp(8, body.height * 2 / 5);
    let top_height = (body.height - middle_height) / 2;
    let (top, rest) = cut(body, top_height);
    let (middle, bottom) = cut(rest, middle_height);
    let (scene, right) = split(top, 60);
    let (budget, plots) = cut(right, right.height / 2);
    let (events, why) = split(bottom, 52);
    vec![
        (Pane::Lanes, middle),
        (Pane::Scene, scene),
        (Pane::Budget, budget),
        (Pane::Plots, plots),
        (Pane::Events, events),
        (Pane::Why, why),
    ]
}

fn cut(area: Rect, height: u16) -> (Rect, Rect) {
    let height = height.min(area.height);
    (Rect { height, ..area }, Rect { y: area.y + height, height: area.height - height, ..area })
}

fn split(area: Rect, percent: u16) -> (Rect, Rect) {
    let width = u16::try_from(u32::from(area.width) * u32::from(percent) / 100).unwrap_or(0);
    (Rect { width, ..area }, Rect { x: area.x + width, width: area.width - width, ..area })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panes_fill_the_body_and_never_overlap() {
        for (width, height) in [(40, 10), (60, 15), (80, 24), (100, 30), (120, 40), (200, 60)] {
            for focus in Pane::ALL {
                let area = Rect::new(0, 0, width, height);
                let layout = layout(area, 3, focus, Pane::Scene, false, 14);
                let body: u32 = layout.panes.iter().map(|(_, rect)| rect.area()).sum();
                let rest = layout.header.area() + layout.footer.area() + layout.story.area();
                assert_eq!(body + rest, area.area(), "{width}x{height} {focus:?}");
                for (place, (pane, rect)) in layout.panes.iter().enumerate() {
                    assert!(rect.intersection(area) == *rect);
                    for (other, with) in &layout.panes[..place] {
                        assert!(!rect.intersects(*with), "{pane:?} {other:?}");
                    }
                }
            }
        }
    }
}
