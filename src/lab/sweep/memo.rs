//! What is known of runs: every question is answered from here, so that a run that was made, in
//! this process, in an earlier one, or on another machine, is not made again.

use super::plan::{Case, Point};
use super::sample::Played;
use crate::base::Span;
use crate::model::scenario::VerdictKind;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A run that is wanted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Ask {
    /// The point, by its place in the memo.
    pub point: u32,
    /// The case.
    pub case: Case,
    /// The seed.
    pub seed: u64,
}

/// What is kept of a run; names are places in the memo.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Sample {
    /// How it ended, but for what its steps expect.
    pub verdict: VerdictKind,
    /// The promises that it broke.
    pub broken: Vec<u16>,
    /// Expectations that were not met.
    pub unmet: u32,
    /// Groups and databases that were moved without being asked to.
    pub failovers: u32,
    /// Accepted messages that no place has any more.
    pub lost_mail: u64,
    /// Logs that activations lost.
    pub lost_logs: u64,
    /// Clients that lost a request, a connection or a session.
    pub cut_off: u32,
    /// Durations.
    pub measures: Vec<(u16, Span)>,
    /// Stages of an outage.
    pub stages: Vec<(u16, Span)>,
}

impl Sample {
    /// A duration by the place of its name.
    pub fn measure(&self, word: u16) -> Option<Span> {
        self.measures.iter().find(|(known, _)| *known == word).map(|(_, span)| *span)
    }
}

/// Everything that is known.
#[derive(Clone, Debug, Default)]
pub struct Memo {
    words: Vec<String>,
    places: BTreeMap<String, u16>,
    points: Vec<Point>,
    point_places: BTreeMap<Point, u32>,
    runs: BTreeMap<Ask, Sample>,
}

/// Something that was new to the memo.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum News {
    /// The next name.
    Word(String),
    /// The next point.
    Point(Point),
    /// A run.
    Run(Ask, Sample),
}

impl Memo {
    /// The place of a point; what was new is added to the news.
    pub fn point(&mut self, point: &Point, news: &mut Vec<News>) -> u32 {
        if let Some(place) = self.point_places.get(point) {
            return *place;
        }
        let place = self.points.len() as u32;
        self.points.push(point.clone());
        self.point_places.insert(point.clone(), place);
        news.push(News::Point(point.clone()));
        place
    }

    /// A point by its place.
    pub fn point_at(&self, place: u32) -> &Point {
        &self.points[place as usize]
    }

    /// The place of a point that is known.
    pub fn place_of(&self, point: &Point) -> Option<u32> {
        self.point_places.get(point).copied()
    }

    fn word(&mut self, word: &str, news: &mut Vec<News>) -> u16 {
        if let Some(place) = self.places.get(word) {
            return *place;
        }
        let place = u16::try_from(self.words.len()).expect("measures and stages have few names");
        self.words.push(word.to_owned());
        self.places.insert(word.to_owned(), place);
        news.push(News::Word(word.to_owned()));
        place
    }

    /// The place of a name, if any run has it.
    pub fn known_word(&self, word: &str) -> Option<u16> {
        self.places.get(word).copied()
    }

    /// A name by its place.
    pub fn word_at(&self, place: u16) -> &str {
        &self.words[usize::from(place)]
    }

    /// Takes a run in; what was new is added to the news.
    pub fn insert(&mut self, ask: Ask, played: Played, news: &mut Vec<News>) {
        let Played { verdict, unmet, failovers, lost_mail, lost_logs, cut_off, .. } = played;
        let mut places = |names: Vec<(&str, Span)>| -> Vec<(u16, Span)> {
            names.into_iter().map(|(name, span)| (self.word(name, news), span)).collect()
        };
        let measures =
            places(played.measures.iter().map(|(name, span)| (name.as_str(), *span)).collect());
        let stages = places(played.stages);
        let broken = played.broken.iter().map(|name| self.word(name, news)).collect();
        let sample = Sample {
            verdict,
            broken,
            unmet,
            failovers,
            lost_mail,
            lost_logs,
            cut_off,
            measures,
            stages,
        };
        news.push(News::Run(ask, sample.clone()));
        self.runs.insert(ask, sample);
    }

    /// A run, if it is known.
    pub fn run(&self, ask: &Ask) -> Option<&Sample> {
        self.runs.get(ask)
    }

    /// How many runs are known.
    pub fn len(&self) -> usize {
        self.runs.len()
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Takes in the news of another memo, whose places are its own.
    ///
    /// # Errors
    /// If the news name a place that they have not told of.
    pub fn learn(&mut self, news: &News, theirs: &mut Places) -> Result<(), Unknown> {
        let mut new = Vec::new();
        match news {
            News::Word(word) => theirs.words.push(self.word(word, &mut new)),
            News::Point(point) => theirs.points.push(self.point(point, &mut new)),
            News::Run(ask, sample) => {
                let point = *theirs.points.get(ask.point as usize).ok_or(Unknown)?;
                let ours = |list: &[(u16, Span)]| -> Result<Vec<(u16, Span)>, Unknown> {
                    let place = |(word, span): &(u16, Span)| {
                        let ours = theirs.words.get(usize::from(*word)).ok_or(Unknown)?;
                        Ok((*ours, *span))
                    };
                    list.iter().map(place).collect()
                };
                let (measures, stages) = (ours(&sample.measures)?, ours(&sample.stages)?);
                let word = |word: &u16| theirs.words.get(usize::from(*word)).copied();
                let broken: Option<Vec<u16>> = sample.broken.iter().map(word).collect();
                let broken = broken.ok_or(Unknown)?;
                let sample = Sample { broken, measures, stages, ..*sample };
                self.runs.insert(Ask { point, ..*ask }, sample);
            }
        }
        Ok(())
    }
}

/// Where the names and points of another memo are in this one.
#[derive(Clone, Debug, Default)]
pub struct Places {
    words: Vec<u16>,
    points: Vec<u32>,
}

/// A place that was not told of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unknown;
