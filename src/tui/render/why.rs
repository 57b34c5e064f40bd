//! Why the event at the cursor happened: its chain of causes, from what began the story. And why
//! the subject of the selected lane is not in service: what stands in its way, and what it waits
//! for.
//!
//! ```text
//! 66.090 EX02: VIP\EX02 mounted                     VIP: dismounted
//!   60.000            fault: nic-down EX01          - no quorum on EX02: 1 vote of 2, since #1680
//!   65.043 +5.043 s   EX02: path to EX01 lost       waits for
//!   65.643 +0.600 s   EX02: view 3 without EX01       66.080 +0.437 s  DC01: witness log locked
//! ```

use super::super::app::App;
use super::budget::in_seconds;
use super::{Pane, scrolled, wrapped};
use crate::base::Instant;
use crate::view::why::{Link, chain};
use crate::view::why_not::why_not;
use crate::view::{Scene, Subject};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

/// The width from which both questions are answered side by side.
const BOTH: u16 = 110;

/// Draws the panel.
pub(super) fn draw(app: &App, scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) {
    if area.width >= BOTH {
        let half = area.width / 2;
        scrolled(
            app,
            Pane::Why,
            &why_lines(app, half - 1),
            Rect { width: half - 1, ..area },
            buffer,
        );
        let right = Rect { x: area.x + half, width: area.width - half, ..area };
        scrolled(app, Pane::Why, &why_not_lines(app, scene, right.width), right, buffer);
    } else if app.why_not {
        scrolled(app, Pane::Why, &why_not_lines(app, scene, area.width), area, buffer);
    } else {
        scrolled(app, Pane::Why, &why_lines(app, area.width), area, buffer);
    }
}

/// A text over as many lines as it needs, the further ones indented.
fn broken<'l>(
    lines: &mut Vec<Line<'l>>,
    lead: &str,
    text: &str,
    width: u16,
    style: ratatui::style::Style,
) {
    let room = usize::from(width).saturating_sub(lead.chars().count()).max(8);
    for (place, part) in wrapped(text, room).into_iter().enumerate() {
        let lead = if place == 0 { lead.to_owned() } else { " ".repeat(lead.chars().count()) };
        lines.push(Line::styled(format!("{lead}{part}"), style));
    }
}

fn links<'l>(app: &App, lines: &mut Vec<Line<'l>>, links: &[Link], width: u16) {
    for link in links {
        let passed = link.passed.filter(|passed| !passed.is_zero());
        let passed = passed.map_or_else(String::new, |passed| format!("+{}", in_seconds(passed)));
        let at = in_seconds(link.at.since(Instant::ZERO));
        let lead = format!("{at:>9} {passed:>8} ");
        let stage = link.stage.map_or_else(String::new, |stage| format!(" [{stage}]"));
        let text = format!("{}: {}{stage}", link.who, link.text);
        let style = match link.at > app.at {
            true => app.theme.dim(),
            false => ratatui::style::Style::new(),
        };
        broken(lines, &lead, &text, width, style);
    }
}

fn why_lines<'l>(app: &App, width: u16) -> Vec<Line<'l>> {
    let film = &app.take().film;
    let Some(number) = app.event() else {
        return vec![Line::styled("no event at the cursor yet", app.theme.dim())];
    };
    let found = chain(&film.names(), film.records(), number);
    let mut lines = vec![Line::styled(
        format!("Why #{}: its causes, the first one first", number.0),
        app.theme.heading(),
    )];
    links(app, &mut lines, &found, width);
    lines
}

fn why_not_lines<'l>(app: &App, scene: &Scene<'_>, width: u16) -> Vec<Line<'l>> {
    let rows = super::lanes::rows(app);
    let Some(row) = rows.get(app.lane) else { return Vec::new() };
    let Some(subject) = row.subject(app) else { return Vec::new() };
    let film = &app.take().film;
    let found = why_not(scene, film.records(), app.records, subject);
    let style = if found.well { app.theme.good() } else { app.theme.bad() };
    let mut lines = Vec::new();
    broken(&mut lines, "", &format!("{}: {}", row.name(app), found.state), width, style);
    for blocker in &found.blockers {
        let record = blocker.record.map_or_else(String::new, |number| format!(" (#{})", number.0));
        let text = format!("{}{record}", blocker.text);
        broken(&mut lines, "- ", &text, width, ratatui::style::Style::new());
    }
    if let (Subject::Clients(_), false) = (subject, found.well) {
        for database in film.topology().databases.ids() {
            let of = why_not(scene, film.records(), app.records, Subject::Database(database));
            if !of.well {
                let name = film.names().database(database);
                broken(&mut lines, "", &format!("{name}: {}", of.state), width, style);
                for blocker in &of.blockers {
                    broken(&mut lines, "- ", &blocker.text, width, ratatui::style::Style::new());
                }
            }
        }
    }
    if !found.awaits.is_empty() {
        lines.push(Line::styled("It waits for, first to last:", app.theme.heading()));
        links(app, &mut lines, &found.awaits, width);
    }
    if let Some(text) = found.prospect(film.is_complete()) {
        broken(&mut lines, "", &text, width, app.theme.heading());
    }
    lines
}
