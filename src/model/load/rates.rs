//! Files of rates: how often components fail, and for how long.

use super::faults::SERVICES;
use super::read::{File, Section};
use super::scenario::LONGEST;
use crate::base::{Ratio, Span};
use crate::model::Problem;
use crate::model::fault::Service;
use crate::model::rates::{Between, Failure, Quantiles, Rate, Rates};
use crate::model::settings::Value;
use crate::model::target::Target;

/// Most rates of a file.
const MOST: usize = 1_000;
/// The longest mean time between failures: ten thousand years fit no calendar, a hundred do.
const RAREST: Span = Span::from_secs(100 * 366 * 24 * 3600);
/// The shortest: a component that fails more often is out for good.
const OFTENEST: Span = Span::from_secs(3600);

const TABLE: &str = "a duration such as \"10m\", or a table of shares and durations that rise to \
                     100%, such as [[\"50%\", \"10m\"], [\"90%\", \"2h\"], [\"100%\", \"24h\"]]";

/// Reads what a kind of failure needs from its section.
type Reader = fn(&Section) -> Option<Failure>;

const KINDS: &[(&str, Reader)] = &[
    ("nic-down", |_| Some(Failure::NicDown)),
    ("power-off", |_| Some(Failure::PowerOff)),
    ("freeze", |_| Some(Failure::Freeze)),
    ("planned-restart", |_| Some(Failure::PlannedRestart)),
    ("service-stop", |section| Some(Failure::ServiceStop(service(section)?))),
    ("service-hang", |section| {
        let service = service(section)?;
        if service == Service::Cluster {
            let hint = Some("freeze the machine instead: kind = \"freeze\"".to_owned());
            section.wrong("service", "a service other than cluster", hint);
        }
        Some(Failure::ServiceHang(service))
    }),
    ("service-slow", |section| {
        let service = service(section);
        let factor = section.value::<Ratio>("factor");
        if !factor.is_some_and(|factor| factor >= Ratio::ONE && factor.numerator() <= 1_000) {
            section.wrong("factor", "a factor from one to a thousand, such as \"10x\"", None);
        }
        Some(Failure::ServiceSlow(service?, factor?))
    }),
    ("network-down", |_| Some(Failure::NetworkDown)),
    ("frame-loss", |section| {
        let share = section.value::<Ratio>("share");
        if share.is_none_or(|share| share > Ratio::ONE) {
            section.wrong("share", "a share such as \"3%\", at most 100%", None);
        }
        Some(Failure::FrameLoss(share?))
    }),
    ("network-delay", |section| {
        let delay = section.value::<Span>("delay");
        if delay.is_none_or(|delay| delay > Span::from_secs(3600)) {
            section.wrong("delay", "a duration of at most an hour", None);
        }
        Some(Failure::NetworkDelay(delay?))
    }),
    ("log-corruption", |_| Some(Failure::LogCorruption)),
];

fn service(section: &Section) -> Option<Service> {
    if !section.has("service") {
        section.wrong("service", "the name of a service; the key is missing", None);
    }
    section.word("service", SERVICES)
}

/// Reads a file of rates.
///
/// # Errors
/// Everything that is wrong with the file.
pub fn rates(file_name: &str, text: &str) -> Result<Rates, Vec<Problem>> {
    let file = File::new(file_name, text);
    let table = file.root();
    let root = Section::new(&file, String::new(), &table);
    let sections = root.tables("rate");
    if sections.is_empty() || sections.len() > MOST {
        root.wrong("rate", "one to a thousand tables, each begun by [[rate]]", None);
    }
    let mut rates: Vec<Rate> = Vec::new();
    for section in sections.into_iter().take(MOST) {
        let read = rate(&section);
        section.finish();
        let Some(rate) = read else { continue };
        if rates.iter().any(|other| other.name == rate.name) {
            section.wrong("name", "a name that no other rate has", None);
        }
        rates.push(rate);
    }
    root.finish();
    if !file.is_sound() {
        return Err(file.into_problems());
    }
    Ok(Rates { file: file_name.to_owned(), rates })
}

fn rate(section: &Section) -> Option<Rate> {
    let name = section.text("name").text;
    let failure = section.kind("kind", KINDS);
    let keys = ["service", "factor", "share", "delay"];
    let target = section.kind("target", Target::WORDS).map(|(_, target)| target);
    let time_between = time_between(section);
    let time_to_repair = time_to_repair(section);
    let assumed = section.optional_text("assumed").map(|place| place.text);
    let Some((word, read)) = failure else {
        section.expect(&keys);
        return None;
    };
    let failure = read(section)?;
    let target = target?;
    if !fits(failure, target) {
        let expected = format!("a class of what {word} can strike");
        section.wrong("target", &expected, Some(remedy(failure)));
    }
    let (time_between, time_to_repair) = (time_between?, time_to_repair?);
    Some(Rate { name, failure, target, time_between, time_to_repair, assumed })
}

/// Whether a kind of failure can strike the components of a class.
fn fits(failure: Failure, target: Target) -> bool {
    match failure {
        Failure::NicDown => target == Target::Adapter,
        Failure::PowerOff => target.is_machine() || target == Target::Site,
        Failure::Freeze
        | Failure::PlannedRestart
        | Failure::ServiceStop(_)
        | Failure::ServiceHang(_)
        | Failure::ServiceSlow(..) => target.is_machine(),
        Failure::NetworkDown | Failure::FrameLoss(_) | Failure::NetworkDelay(_) => {
            target == Target::Network
        }
        Failure::LogCorruption => target == Target::DatabaseCopy,
    }
}

/// The classes that a kind of failure can strike.
fn remedy(failure: Failure) -> String {
    let able = Target::WORDS.iter().filter(|(_, target)| fits(failure, *target));
    let able: Vec<&str> = able.map(|(word, _)| *word).collect();
    format!("it can strike: {}", able.join(", "))
}

/// What a mean time between failures makes.
type Shape = fn(Span) -> Between;

fn time_between(section: &Section) -> Option<Between> {
    const WORDS: &[(&str, Shape)] =
        &[("exponential", Between::Exponential), ("fixed", Between::Fixed)];
    if let Some(pairs) = section.pairs("time_between") {
        let table = quantiles(&pairs);
        if table.is_none() {
            section.wrong("time_between", &format!("exponential, fixed, or {TABLE}"), None);
        }
        if section.has("mean_time_between") {
            let expected = "no mean where time_between is a table: it has its own";
            section.wrong("mean_time_between", expected, None);
        }
        let table = table?;
        if table.mean() < OFTENEST {
            section.wrong("time_between", "a mean of at least an hour", None);
        }
        return Some(Between::Quantiles(table));
    }
    let shape = match section.has("time_between") {
        true => section.word("time_between", WORDS),
        false => Some(Between::Exponential as Shape),
    };
    if !section.has("mean_time_between") {
        section.wrong("mean_time_between", "a duration such as \"365d\"; the key is missing", None);
    }
    let mean = section.value::<Span>("mean_time_between")?;
    if mean < OFTENEST || mean > RAREST {
        let expected = "a duration from an hour to a hundred years (in days, such as \"3650d\")";
        section.wrong("mean_time_between", expected, None);
    }
    shape.map(|shape| shape(mean))
}

fn time_to_repair(section: &Section) -> Option<Quantiles> {
    if !section.has("time_to_repair") {
        section.wrong("time_to_repair", &format!("{TABLE}; the key is missing"), None);
        return None;
    }
    let table = match section.pairs("time_to_repair") {
        Some(pairs) => quantiles(&pairs),
        None if section.is_no_list("time_to_repair") => {
            section.value::<Span>("time_to_repair").map(Quantiles::fixed)
        }
        None => None,
    };
    let longest = |table: &Quantiles| {
        table
            .points()
            .last()
            .is_some_and(|(_, most)| *most >= Span::from_secs(1) && *most <= LONGEST)
    };
    let table = table.filter(longest);
    if table.is_none() {
        let expected = format!("{TABLE}; the longest from a second to 366 days");
        section.wrong("time_to_repair", &expected, None);
    }
    table
}

fn quantiles(pairs: &[(String, String)]) -> Option<Quantiles> {
    let points = pairs.iter().map(|(share, span)| Some((Ratio::read(share)?, Span::read(span)?)));
    Quantiles::new(points.collect::<Option<Vec<_>>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::rates::BUILT_IN;

    #[test]
    fn the_rates_that_come_with_the_program_are_sound_and_say_why() {
        let (file, text) = BUILT_IN;
        let rates = rates(file, text).unwrap_or_else(|problems| panic!("{problems:#?}")).rates;
        assert!(rates.len() > 15);
        assert!(rates.iter().all(|rate| rate.assumed.is_some()));
    }

    #[test]
    fn quantiles_are_read_between_their_points() {
        let texts = [("50%", "10m"), ("90%", "2h"), ("100%", "24h")];
        let pairs = texts.map(|(share, span)| (share.to_owned(), span.to_owned()));
        let table = quantiles(&pairs).expect("it is sound");
        assert_eq!(table.median(), Span::from_secs(600));
        assert_eq!(table.at(0), Span::ZERO);
        assert_eq!(table.at(1 << 32), Span::from_secs(24 * 3600));
        assert_eq!(table.at(1 << 30), Span::from_secs(300));
        // 0.5 × 5 m + 0.4 × 65 m + 0.1 × 780 m.
        assert_eq!(table.mean(), Span::from_secs(60 * 213 / 2));
        let falling = [("50%", "2h"), ("100%", "1h")];
        let pairs = falling.map(|(share, span)| (share.to_owned(), span.to_owned()));
        assert_eq!(quantiles(&pairs), None);
    }
}
