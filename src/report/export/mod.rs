//! A journal as a picture: the lanes of a stretch of time, or the scene of a moment.

mod lanes;
mod scene;
mod style;
mod svg;
mod waterfall;

use crate::base::{Instant, Span};
use crate::report::page::wrap;
use crate::view::film::Film;
use crate::view::first_disturbance;
use crate::view::headline::{Headline, headline};
use crate::view::outage::{Outage, Who};
use crate::view::{Scene, Subject};
use std::io::{self, Write};
use svg::{DIM, Font, Svg};

/// Margin around everything.
const MARGIN: f64 = 16.0;

/// What a picture shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Show {
    /// Everything over time.
    Lanes,
    /// The site at a moment.
    Scene,
}

/// What was asked for; what was not is chosen by what happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wish {
    /// What to show.
    pub show: Show,
    /// The moment of a scene; the worst of the longest outage if not given.
    pub at: Option<Instant>,
    /// Where lanes begin.
    pub from: Option<Instant>,
    /// Where they end.
    pub until: Option<Instant>,
    /// Width in pixels.
    pub width: u32,
}

/// Writes a film's picture.
///
/// # Errors
/// If the writer fails.
pub fn svg(film: &Film, wish: Wish, out: &mut dyn Write) -> io::Result<()> {
    let outages = film.outages();
    let plan = film.header().scenario.as_ref();
    let story = headline(film.topology(), plan, film.records(), &outages);
    let story = Told { worst: worst(&story, &outages), story: &story };
    let picture = match wish.show {
        Show::Lanes => lanes::draw(film, &story, window(film, &outages, wish), wish.width),
        Show::Scene => {
            let at = wish.at.unwrap_or_else(|| worst_moment(film, &story));
            scene::draw(film, &story, at, wish.width)
        }
    };
    out.write_all(picture.as_bytes())
}

/// What happened, as sentences and as outages.
struct Told<'a> {
    story: &'a Headline,
    /// The outage that the first sentence tells of.
    worst: Option<&'a Outage>,
}

/// The outage that the first line of the story tells of.
fn worst<'o>(story: &Headline, outages: &'o [Outage]) -> Option<&'o Outage> {
    let first = story.out.first()?;
    let same = |outage: &&Outage| {
        let subject = match outage.who {
            Who::Client(kind, _) => Subject::Clients(kind),
            Who::Group(group) => Subject::Group(group),
            Who::Database(database) => Subject::Database(database),
        };
        outage.hard
            && subject == first.subject
            && (outage.from, outage.to) == (first.from, first.to)
    };
    outages.iter().find(same)
}

/// Share of a window that is left free before the first thing that happens.
const LEAD: u64 = 20;
/// How long lanes go on after what is not back, at most.
const AFTER: Span = Span::from_secs(60);
/// Shortest window.
const SHORTEST: Span = Span::from_secs(5);

/// The stretch of time that lanes show: from the first fault until everything is back.
fn window(film: &Film, outages: &[Outage], wish: Wish) -> (Instant, Instant) {
    let end = film.last_moment();
    let hard = || outages.iter().filter(|outage| outage.hard);
    let disturbed = first_disturbance(film.scenario());
    let first = hard().map(|outage| outage.from).chain(disturbed).min();
    let first = first.unwrap_or(film.scenario().clients_from).min(end);
    let backs = hard().map(|outage| outage.to.unwrap_or_else(|| outage.from.saturating_add(AFTER)));
    let last = backs.chain([first.saturating_add(SHORTEST)]).max().unwrap_or(end);
    let span = last.saturating_since(first);
    let lead = (span / LEAD).as_nanos();
    let from = Instant::from_nanos(first.as_nanos().saturating_sub(lead));
    let until = last.saturating_add(span / LEAD).min(end);
    let from = wish.from.unwrap_or(from);
    let until = wish.until.unwrap_or(until);
    // An empty stretch has no scale.
    (from, until.max(from.saturating_add(Span::from_millis(1))))
}

/// The moment within the worst outage at which most clients could not work; the middle of the run
/// if nothing was out.
fn worst_moment(film: &Film, told: &Told<'_>) -> Instant {
    let end = film.last_moment();
    let Some(outage) = told.worst else {
        return first_disturbance(film.scenario()).unwrap_or(end).min(end);
    };
    let to = outage.to.unwrap_or(end);
    let lane = match outage.who {
        Who::Client(kind, _) => film.lanes().clients.iter().find(|lane| lane.kind == kind),
        Who::Group(_) | Who::Database(_) => None,
    };
    let counts = lane.map(|lane| lane.counts.as_slice()).unwrap_or_default();
    let inside = counts.iter().filter(|(at, _)| (outage.from..=to).contains(at));
    let most = inside.max_by_key(|(at, counts)| (counts.out(), std::cmp::Reverse(*at)));
    most.map_or(outage.from, |(at, _)| *at)
}

/// What happened, over a picture; where it ends.
fn title(svg: &mut Svg, film: &Film, told: &Told<'_>, moment: Option<Instant>, left: f64) -> f64 {
    let scenario = film.scenario();
    let mut head = format!("{}: {}", film.topology().name, scenario.title);
    if scenario.title.is_empty() {
        head = film.topology().title.clone();
    }
    if let Some(at) = moment {
        head = format!("At {} s of {head}", crate::view::words::moment(at));
    }
    let room = svg.width - 2.0 * left;
    let mut y = 14.0;
    let font = Font::new(12.0).color(DIM);
    y += 10.0;
    svg.text(left, y, font, &font.cut(&head, room));
    for (place, sentence) in told.story.sentences().iter().enumerate() {
        let font = if place == 0 { Font::new(15.0).bold() } else { Font::new(12.5) };
        for line in wrap(sentence, font.fits(room)) {
            y += font.size * 1.32;
            svg.text(left, y, font, &line);
        }
        y += 2.0;
    }
    y + 8.0
}

/// The title of a document.
fn name(film: &Film) -> String {
    match film.scenario().name.as_str() {
        "" => film.topology().name.clone(),
        scenario => format!("{}: {scenario}", film.topology().name),
    }
}

/// The site at a moment, with how many records that are.
fn scene_at(film: &Film, at: Instant) -> (Scene<'_>, usize) {
    let records = film.records_until(at);
    (film.scene(records), records)
}
