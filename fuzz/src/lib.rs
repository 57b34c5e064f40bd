//! What is done with bytes that anybody can hand to a parser: each function takes some, and panics
//! if what it demands of the parser does not hold. It returns whether the parser took them.
//!
//! Fuzz targets call these functions, and so does `tests/it/fuzz.rs` with stock Rust.

use dagtwin::base::{Instant, NodeId, Span};
use dagtwin::failover::seam::{ActivationPolicy, MountDial, SkipChecks};
use dagtwin::import::{copies, same_server};
use dagtwin::journal::{Header, Record, RecordNo, binary, chain, text};
use dagtwin::lab::select::{Copy, Database, Question, Server, select};
use dagtwin::lab::sweep::{Goal, Outcome};
use dagtwin::lab::{timeline, what_if};
use dagtwin::model::builtin::SITES;
use dagtwin::model::settings::Value;
use dagtwin::model::vary::Values;
use dagtwin::model::{Problem, Scenario, Source, Sources, Topology, change, load, order};
use dagtwin::report::select as report;
use std::sync::OnceLock;

/// Files larger than this are no better than smaller ones.
const LONGEST: usize = 1 << 16;

/// The name of the file that is read.
const FILE: &str = "input";

/// A text, if the bytes are one.
fn text_of(bytes: &[u8]) -> Option<&str> {
    (bytes.len() <= LONGEST).then(|| std::str::from_utf8(bytes).ok()).flatten()
}

/// Demands that problems tell where they are and what was expected.
fn told(text: &str, problems: &[Problem]) {
    assert!(!problems.is_empty(), "what is refused has a reason");
    for problem in problems {
        assert!(!problem.expected.is_empty(), "{problem}: something was expected");
        assert!(!problem.file.is_empty(), "{problem}: it is somewhere");
        if let Some(line) = problem.line.filter(|_| problem.file == FILE) {
            let lines = text.matches('\n').count() + 1;
            assert!((1..=lines).contains(&line), "{problem}: the file has {lines} lines");
        }
    }
}

/// The built-in site with which scenarios, orders and changes are read.
fn site() -> &'static (Topology, Scenario) {
    static SITE: OnceLock<(Topology, Scenario)> = OnceLock::new();
    SITE.get_or_init(|| {
        load::site(&sources(SITES[0].scenarios[0].text))
            .map(|(l, s)| (l.topology, s))
            .expect("sound")
    })
}

/// The built-in site's texts with another scenario.
fn sources(scenario: &str) -> Sources {
    let source = |text: &str, file: &str| Source {
        file: file.to_owned(),
        name: "input".to_owned(),
        text: text.to_owned(),
    };
    Sources {
        topology: source(SITES[0].topology.text, "topology.toml"),
        scenario: source(scenario, FILE),
        set: Vec::new(),
        until: None,
    }
}

/// Demands that a journal comes back as it was written.
fn comes_back(header: &Header, records: &[Record]) {
    let mut bytes = Vec::new();
    binary::write(&mut bytes, header, records).expect("memory");
    let back = binary::read(&mut bytes.as_slice()).expect("what was written is read");
    assert!(back.header == *header && back.records == records, "it comes back as it was");
    assert_eq!(back.cut_at, None, "all of it comes back");
}

/// A topology file. One that is sound is so again, and its journal can be kept.
pub fn topology(bytes: &[u8]) -> bool {
    let Some(text) = text_of(bytes) else { return false };
    let loaded = match load::topology(FILE, text, &[]) {
        Ok(loaded) => loaded.topology,
        Err(problems) => {
            told(text, &problems);
            return false;
        }
    };
    let again = load::topology(FILE, text, &[]).expect("what was sound is sound");
    assert!(loaded == again.topology, "equal texts are equal topologies");
    let header = Header::of_run(&loaded, &site().1, 1);
    comes_back(&Header { scenario: None, ..header }, &[]);
    true
}

/// A file of rates.
pub fn rates(bytes: &[u8]) -> bool {
    let Some(text) = text_of(bytes) else { return false };
    match load::rates(FILE, text) {
        Ok(rates) => {
            let again = load::rates(FILE, text).expect("what was sound is sound");
            assert!(rates == again, "equal texts are equal rates");
            true
        }
        Err(problems) => {
            told(text, &problems);
            false
        }
    }
}

/// A scenario file. One that is sound takes a timeline and is still the same scenario.
pub fn scenario(bytes: &[u8]) -> bool {
    let Some(text) = text_of(bytes) else { return false };
    let (loaded, scenario) = match load::site(&sources(text)) {
        Ok(site) => site,
        Err(problems) => {
            told(text, &problems);
            return false;
        }
    };
    let header = Header::of_run(&loaded.topology, &scenario, 1).with_sources(sources(text));
    comes_back(&header, &[]);
    let written = timeline::written(FILE, text, 1, "1.0 x\n").expect("sound files are TOML");
    let (_, again) = load::site(&sources(&written)).expect("with a timeline it is still sound");
    let mut same = again.clone();
    let kept = same.tested.timeline.take().expect("the timeline is there");
    assert_eq!(kept.lines.trim(), "1.0 x", "the timeline is the one that was written");
    let mut before = scenario;
    before.tested.timeline = None;
    for scenario in [&mut same, &mut before] {
        // What stands below a timeline moves.
        if let Some(space) = &mut scenario.tested.explore {
            space.line = 0;
        }
    }
    assert!(same == before, "a timeline changes nothing else");
    true
}

/// A plan of a sweep.
pub fn plan(bytes: &[u8]) -> bool {
    let Some(text) = text_of(bytes) else { return false };
    let read = load::plan(FILE, text);
    if let Err(problems) = &read {
        told(text, problems);
    }
    read.is_ok()
}

/// The words of a sweep: values, outcomes, goals. Outcomes are written as they are read.
pub fn words(bytes: &[u8]) -> bool {
    let Some(text) = text_of(bytes).filter(|text| text.len() <= 200) else { return false };
    let outcome = Outcome::read(text);
    if let Some(outcome) = &outcome {
        assert_eq!(Outcome::read(&outcome.told()).as_ref(), Some(outcome), "{text:?}");
    }
    let span = Span::read(text);
    if let Some(span) = span {
        assert_eq!(Span::read(&span.show()), Some(span), "{text:?}");
    }
    let values = Values::read(text).ok();
    if let Some(Values::Range(range)) = &values {
        assert!(range.from <= range.to, "{text:?}: a range rises");
    }
    outcome.is_some() || span.is_some() || values.is_some() || Goal::read(text).is_some()
}

/// An administrator's line. Case decides nothing.
pub fn order(bytes: &[u8]) -> bool {
    let Some(text) = text_of(bytes).filter(|text| text.len() <= 500) else { return false };
    let names = order::Names::of(&site().0);
    match order::read(text, NodeId(0), &names) {
        Ok(action) => {
            let loud = order::read(&text.to_ascii_uppercase(), NodeId(0), &names);
            assert_eq!(loud.ok(), Some(action), "{text:?} in capital letters is the same");
            true
        }
        Err(wrong) => {
            assert!(!wrong.expected.is_empty(), "{text:?}: something was expected");
            false
        }
    }
}

/// A change as a person types it. Blanks around it decide nothing; what it may go on with can be
/// typed; and it can be made, or is refused with reasons.
pub fn change(bytes: &[u8]) -> bool {
    let Some(text) = text_of(bytes).filter(|text| text.len() <= 300) else { return false };
    let (topology, scenario) = site();
    let at = Instant::ZERO + Span::from_secs(65);
    for completion in change::complete(text, topology, scenario) {
        assert!(completion.text.ends_with(' '), "{:?} goes on with a blank", completion.text);
        change::complete(&completion.text, topology, scenario);
    }
    let read = match change::parse(text, at, topology, scenario) {
        Ok(read) => read,
        Err(wrong) => {
            assert!(!wrong.is_empty(), "{text:?}: something was expected");
            return false;
        }
    };
    let spaced = change::parse(&format!(" {text} "), at, topology, scenario);
    assert_eq!(spaced.as_ref(), Ok(&read), "{text:?}: blanks decide nothing");
    assert!(!read.describe(topology, scenario).is_empty(), "{text:?} is told");
    if let Err(problems) = what_if::plan(&sources(SITES[0].scenarios[0].text), &[read]) {
        told("", &problems);
    }
    true
}

/// A journal, whole or damaged. What is read is written again, and it does not matter in which
/// pieces it comes.
pub fn journal(bytes: &[u8]) -> bool {
    let whole = binary::read(&mut &bytes[..]);
    let mut pieces = binary::Reader::default();
    let mut records = Vec::new();
    let (first, second) = bytes.split_at(bytes.len() / 2);
    let mut decode = |part: &[u8]| {
        pieces.feed(part);
        pieces.decode(&mut records)
    };
    let sound = decode(first).and_then(|()| decode(second)).is_ok();
    let Ok(whole) = whole else { return false };
    assert!(sound && records == whole.records, "pieces make the same journal");
    comes_back(&whole.header, &whole.records);
    shown(&whole.header, &whole.records);
    true
}

/// Records, and in them the messages of nodes: each piece after its length is the body of one, in
/// a journal whose head is sound.
pub fn records(bytes: &[u8]) -> bool {
    static HEAD: OnceLock<Vec<u8>> = OnceLock::new();
    let head = HEAD.get_or_init(|| {
        let (topology, scenario) = site();
        let mut head = Vec::new();
        let header = Header::of_run(topology, scenario, 1);
        binary::write(&mut head, &header, &[]).expect("memory");
        // The end is a length of zero and a digest.
        head.truncate(head.len() - 12);
        head
    });
    let mut journal = head.clone();
    let mut rest = bytes;
    while let Some((length, more)) = rest.split_first() {
        let (body, more) = more.split_at(usize::from(*length).min(more.len()));
        if !body.is_empty() {
            journal.extend(u32::try_from(body.len()).expect("a byte says it").to_le_bytes());
            journal.extend(body);
        }
        rest = more;
    }
    let (mut reader, mut records) = (binary::Reader::default(), Vec::new());
    reader.feed(&journal);
    let whole = reader.decode(&mut records).is_ok();
    let header = reader.header().expect("the head is sound");
    comes_back(header, &records);
    shown(header, &records);
    whole && !records.is_empty()
}

/// Shows every record in words, whatever it names, and the chain of its causes.
fn shown(header: &Header, records: &[Record]) {
    let names = text::Names::new(&header.topology, header.scenario.as_ref());
    for (place, record) in records.iter().enumerate() {
        let number = RecordNo(u32::try_from(place).expect("journals are shorter"));
        assert!(!text::line(&names, number, record).is_empty(), "record {place} is told");
        assert!(chain(records, number).len() <= place + 1, "causes are earlier");
    }
}

/// An export of database copies as CSV, JSON or list. What is read is answered.
pub fn copies(bytes: &[u8]) -> bool {
    if bytes.len() > LONGEST {
        return false;
    }
    let export = match copies::read(FILE, bytes) {
        Ok(export) => export,
        Err(problems) => {
            told(&String::from_utf8_lossy(bytes), &problems);
            return false;
        }
    };
    // The options of the call follow from the file, so that equal files are equal questions.
    let options = bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(*byte));
    let question = question(&export, options);
    let answers = select(&question);
    assert!(answers.len() <= question.databases.len(), "a database is answered once");
    let mut out = Vec::new();
    report::json(&question, &answers, &export.notes, &mut out).expect("memory");
    let width = 60 + usize::from(options) % 100;
    report::text(&question, &answers, width, false, &mut out).expect("memory");
    true
}

/// The question about an export with its first active server lost.
fn question(export: &copies::Export, options: u8) -> Question {
    let mut names: Vec<&str> = Vec::new();
    for database in &export.databases {
        let servers = database.copies.iter().map(|copy| copy.server.as_str());
        for name in servers.chain(database.active.as_deref()) {
            if !names.iter().any(|known| same_server(known, name)) {
                names.push(name);
            }
        }
    }
    let place = |name: &str| names.iter().position(|known| same_server(known, name));
    let lost = export.databases.iter().find_map(|database| place(database.active.as_deref()?));
    let server = |(at, name): (usize, &&str)| Server {
        name: (*name).to_owned(),
        dial: MountDial::BestAvailability,
        policy: ActivationPolicy::Unrestricted,
        site: String::new(),
        maximum_active: None,
        reachable: true,
        lost: Some(at) == lost,
    };
    let databases = export.databases.iter().filter_map(|database| {
        let copies = database.copies.iter().map(|copy| Copy {
            server: place(&copy.server).expect("it was gathered"),
            preference: copy.preference.unwrap_or(1),
            status: copy.status,
            report: copy.report,
        });
        Some(Database {
            name: database.name.clone(),
            active: place(database.active.as_deref()?)?,
            mounted: database.mounted,
            newest: database.newest,
            copies: copies.collect(),
        })
    });
    let lag_checks = options & 12 == 0;
    Question {
        servers: names.iter().enumerate().map(server).collect(),
        databases: databases.collect(),
        lossless_move: options & 3 == 0,
        source_answers: options & 48 == 0,
        skip: SkipChecks { lag_checks, ..SkipChecks::default() },
    }
}
