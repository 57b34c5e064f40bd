//! The list of events: which records it has, filters and searches.

use crate::journal::RecordNo;
use crate::view::Weight;
use crate::view::film::Film;

/// Records that are put into words at one go: a hundredth of a second or so.
const AT_ONE_GO: usize = 20_000;
/// Records that one search looks at before it asks to go on.
const SEARCHED: usize = 400_000;

/// The list of events.
#[derive(Default)]
pub struct List {
    /// How much a record must tell to be listed.
    pub least: Least,
    /// Words that a record must have, or with `!` must not have.
    filter: Vec<(bool, String)>,
    /// Records that pass the filter, as far as it has looked.
    found: Vec<RecordNo>,
    /// How far it has looked, in the list without filter.
    looked: usize,
    /// What was searched last.
    pub search: String,
}

/// How much a record must tell to be listed.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Least {
    /// A turn of the story.
    #[default]
    Milestones,
    /// Steps between them too.
    Details,
    /// Every record.
    Everything,
}

impl Least {
    /// The next one.
    pub fn next(self) -> Self {
        match self {
            Least::Milestones => Least::Details,
            Least::Details => Least::Everything,
            Least::Everything => Least::Milestones,
        }
    }

    /// What the title calls it.
    pub const fn word(self) -> &'static str {
        match self {
            Least::Milestones => "milestones",
            Least::Details => "details",
            Least::Everything => "every record",
        }
    }

    const fn weight(self) -> Weight {
        match self {
            Least::Milestones => Weight::Milestone,
            Least::Details => Weight::Detail,
            Least::Everything => Weight::Traffic,
        }
    }
}

/// A record in words: who, and what.
pub fn told(film: &Film, number: RecordNo) -> (String, String) {
    let names = film.names();
    film.record(number).map_or_else(Default::default, |record| {
        (names.who(&record.what), names.phrase(&record.what))
    })
}

impl List {
    /// The filter as it was typed.
    pub fn filter(&self) -> String {
        let words = self.filter.iter().map(|(has, word)| match has {
            true => word.clone(),
            false => format!("!{word}"),
        });
        words.collect::<Vec<_>>().join(" ")
    }

    /// Lists only what has these words; words with `!` hide what has them.
    pub fn set_filter(&mut self, text: &str) {
        let words = text.split_whitespace().map(str::to_lowercase);
        let words = words.map(|word| match word.strip_prefix('!') {
            Some(word) => (false, word.to_owned()),
            None => (true, word),
        });
        self.filter = words.filter(|(_, word)| !word.is_empty()).collect();
        self.restart();
    }

    /// Looks through another film, or with another weight, from the beginning.
    pub fn restart(&mut self) {
        self.found.clear();
        self.looked = 0;
    }

    fn source(&self, film: &Film, place: usize) -> Option<RecordNo> {
        match film.telling(self.least.weight()) {
            Some(numbers) => numbers.get(place).copied(),
            None => (place < film.records().len()).then_some(RecordNo(place as u32)),
        }
    }

    fn source_count(&self, film: &Film) -> usize {
        film.telling(self.least.weight()).map_or(film.records().len(), <[RecordNo]>::len)
    }

    /// Goes on filtering; whether there is more to do.
    pub fn work(&mut self, film: &Film) -> bool {
        if self.filter.is_empty() {
            return false;
        }
        let end = self.source_count(film).min(self.looked + AT_ONE_GO);
        while self.looked < end {
            if let Some(number) = self.source(film, self.looked)
                && self.passes(film, number)
            {
                self.found.push(number);
            }
            self.looked += 1;
        }
        self.looked < self.source_count(film)
    }

    fn passes(&self, film: &Film, number: RecordNo) -> bool {
        let (who, phrase) = told(film, number);
        let text = format!("{who} {phrase}").to_lowercase();
        self.filter.iter().all(|(has, word)| text.contains(word.as_str()) == *has)
    }

    /// How many events are listed.
    pub fn count(&self, film: &Film) -> usize {
        match self.filter.is_empty() {
            true => self.source_count(film),
            false => self.found.len(),
        }
    }

    /// How many are hidden by the filter, so far.
    pub fn hidden(&self) -> usize {
        match self.filter.is_empty() {
            true => 0,
            false => self.looked - self.found.len(),
        }
    }

    /// The event at a place of the list.
    pub fn get(&self, film: &Film, place: usize) -> Option<RecordNo> {
        match self.filter.is_empty() {
            true => self.source(film, place),
            false => self.found.get(place).copied(),
        }
    }

    /// How many listed events are among the first so many records.
    pub fn place(&self, film: &Film, records: usize) -> usize {
        if !self.filter.is_empty() {
            return self.found.partition_point(|number| (number.0 as usize) < records);
        }
        match film.telling(self.least.weight()) {
            Some(numbers) => numbers.partition_point(|number| (number.0 as usize) < records),
            None => records.min(film.records().len()),
        }
    }

    /// The place of the next match from a place on, forwards or back, around the end if need be.
    ///
    /// # Errors
    /// What to say if there is none.
    pub fn find(&self, film: &Film, from: usize, forward: bool) -> Result<usize, String> {
        let count = self.count(film);
        if self.search.is_empty() {
            return Err("nothing was searched yet: / asks for it".to_owned());
        }
        let wanted = self.search.to_lowercase();
        for step in 1..=count.min(SEARCHED) {
            let place = match forward {
                true => (from + step) % count,
                false => (from + count - step % count) % count,
            };
            let Some(number) = self.get(film, place) else { continue };
            let (who, phrase) = told(film, number);
            if format!("{who} {phrase}").to_lowercase().contains(&wanted) {
                return Ok(place);
            }
        }
        match count > SEARCHED {
            true => Err(format!("`{}` is not in the next {SEARCHED} events", self.search)),
            false => {
                Err(format!("`{}` is in none of the listed events; f lists more", self.search))
            }
        }
    }
}
