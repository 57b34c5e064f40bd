//! `dagtwin compare --measured` and `dagtwin import`: what agents told on real hosts.

use super::failure::{Answer, Done, Failure};
use super::{input, journal, progress};
use crate::base::{Instant, Span};
use crate::import::agents::{self, Durations, Merged, Observed, Operation, Part, Stretch};
use crate::journal::{Header, Origin};
use crate::lab::measured::{self, Repetition, Sample, Seen, Served};
use crate::lab::pool::Progress;
use crate::model::{Scenario, Topology};
use crate::report::StudyFormat;
use crate::report::measured::{Fault, Report, json, text};
use clap::{Args, ValueHint};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The file of a repetition, in a folder of its own.
const FILE: &str = "result.json";

/// Make one journal of several members' journals, and settings of what their operations took.
///
/// A repetition of a fault in a test bed is a folder with a result.json; in a folder of such
/// folders, however deep, all of them are read.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  dagtwin import ex01.dagtwin ex02.dagtwin --journal both.dagtwin
  dagtwin import results --settings > measured.toml
  dagtwin run topologies/bed --scenario nics-down $(dagtwin import results --settings=arguments)")]
pub(super) struct Import {
    /// Journals of agents, or folders of repetitions.
    #[arg(required = true, value_name = "JOURNAL|FOLDER", value_hint = ValueHint::AnyPath)]
    pub from: Vec<PathBuf>,
    /// Write the journals as one.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub journal: Option<PathBuf>,
    /// Print the settings that were measured: as tables of a topology or scenario file, or as
    /// arguments of a command line.
    #[arg(long, value_enum, value_name = "FORM", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "toml")]
    pub settings: Option<SettingsForm>,
}

/// How settings are printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub(super) enum SettingsForm {
    /// Tables of a file.
    Toml,
    /// `--set KEY=VALUE` for each.
    Arguments,
}

/// One journal as it was read.
struct Read {
    file: String,
    journal: crate::journal::Journal,
}

fn read(path: &Path) -> Result<Read, Failure> {
    // An agent that runs, or was killed, has not ended its own.
    let journal = journal::whole_records(path)?;
    if !matches!(journal.header.origin, Origin::Agent { .. }) {
        let name = path.display();
        return Err(Failure::Call(format!("{name}: expected the journal of an agent")));
    }
    Ok(Read { file: path.display().to_string(), journal })
}

fn parts(reads: &[Read]) -> Vec<Part<'_>> {
    reads.iter().map(|read| Part { file: &read.file, records: &read.journal.records }).collect()
}

fn merged(reads: &[Read], start: Option<i128>) -> Result<Merged, Failure> {
    agents::merge(&parts(reads), start)
        .map_err(|part| Failure::Call(format!("{}: expected {}", part.file, part.lacks)))
}

/// Every repetition below some folders, in the order of their paths.
fn repetitions(from: &[PathBuf]) -> Result<Vec<(PathBuf, Observed)>, Failure> {
    let mut found = Vec::new();
    for path in from {
        below(path, &mut found)?;
    }
    found.sort();
    found
        .into_iter()
        .map(|file| {
            let text = input::text_of(&file)?;
            let seen = agents::observed(&text)
                .map_err(|error| Failure::Call(format!("{}: {error}", file.display())))?;
            Ok((file, seen))
        })
        .collect()
}

fn below(path: &Path, found: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::at(path, &error);
    let file = path.join(FILE);
    if file.is_file() {
        found.push(file);
        return Ok(());
    }
    for entry in std::fs::read_dir(path).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_dir() {
            below(&path, found)?;
        }
    }
    Ok(())
}

/// The journals of a repetition.
fn journals(file: &Path, seen: &Observed) -> Result<Vec<Read>, Failure> {
    let folder = file.parent().unwrap_or(Path::new(""));
    let paths = seen.hosts.values().flat_map(|host| host.paths());
    paths.map(|path| read(&folder.join(path))).collect()
}

pub(super) fn import(args: &Import) -> Answer {
    if args.journal.is_none() && args.settings.is_none() {
        let expected = "expected --journal FILE or --settings: what is to be made of them";
        return Err(Failure::Call(expected.to_owned()));
    }
    let (folders, files): (Vec<_>, Vec<_>) =
        args.from.iter().cloned().partition(|path| path.is_dir());
    let mut reads = files.iter().map(|path| read(path)).collect::<Result<Vec<_>, _>>()?;
    for (file, seen) in repetitions(&folders)? {
        reads.extend(journals(&file, &seen)?);
    }
    let Some(first) = reads.first() else {
        let expected = format!("expected journals, or folders with a {FILE}; there is none");
        return Err(Failure::Call(expected));
    };
    if let Some(path) = &args.journal {
        let same = |read: &&Read| {
            let there = std::fs::canonicalize(&read.file).ok();
            there.is_some() && there == std::fs::canonicalize(path).ok()
        };
        if let Some(read) = reads.iter().find(same) {
            let expected = "expected another file than those that are read";
            return Err(Failure::Call(format!("--journal {}: {expected}", read.file)));
        }
        let records = merged(&reads, None)?.records;
        let files: Vec<&str> = reads.iter().map(|read| read.file.as_str()).collect();
        let origin = Origin::Import { file: files.join(", ") };
        let header = Header { origin, ..first.journal.header.clone() };
        journal::write(path, &header, &records)?;
    }
    let output = args.settings.map(|form| settings(&durations(&reads), form)).unwrap_or_default();
    Ok(Done { output: output.into_bytes(), ..Done::default() })
}

/// The settings that the journals of repetitions below some folders tell.
pub(super) fn imported(folders: &[PathBuf]) -> Result<Vec<(String, String)>, Failure> {
    let mut reads = Vec::new();
    for (file, seen) in repetitions(folders)? {
        reads.extend(journals(&file, &seen)?);
    }
    let all = agents::measured(&durations(&reads));
    Ok(all.into_iter().map(|it| (it.key.to_owned(), it.value)).collect())
}

/// What operations and frames took in some journals.
fn durations(reads: &[Read]) -> Durations {
    let mut durations = Durations::default();
    // Journals that tell of no other's clock tell of their own operations.
    if let Ok(frames) = agents::frames(&parts(reads)) {
        durations.insert(Operation::Frame, frames);
    }
    for read in reads {
        let journal = &read.journal;
        agents::durations(&journal.header.topology, &journal.records, &mut durations);
    }
    durations
}

fn settings(durations: &Durations, form: SettingsForm) -> String {
    let all = agents::measured(durations);
    if form == SettingsForm::Arguments {
        let words = all.iter().map(|it| format!("--set {}={}", it.key, it.value));
        return words.collect::<Vec<_>>().join(" ") + "\n";
    }
    let mut sections: BTreeMap<&str, String> = BTreeMap::new();
    for it in &all {
        let (section, key) = it.key.split_once('.').unwrap_or(("", it.key));
        let quoted =
            if it.value.ends_with('s') { format!("\"{}\"", it.value) } else { it.value.clone() };
        let (least, most) = it.range;
        *sections.entry(section).or_default() +=
            &format!("{key} = {quoted} # median of {}, {least} to {most}\n", it.times);
    }
    let tables = sections.iter().map(|(section, lines)| format!("[{section}]\n{lines}"));
    tables.collect::<Vec<_>>().join("\n")
}

/// What `dagtwin compare --measured` is asked.
pub(super) struct Question<'q> {
    /// The site, as it was typed.
    pub site: &'q str,
    /// Its settings.
    pub set: &'q [(String, String)],
    /// Folders of repetitions.
    pub from: &'q [PathBuf],
    /// Simulated runs of each fault.
    pub runs: u64,
    /// Seed of the first.
    pub seed: u64,
    /// How many at a time.
    pub jobs: usize,
    /// How it is told.
    pub format: StudyFormat,
    /// The command that repeats it.
    pub repeat: &'q str,
}

fn no_such_form() -> Failure {
    Failure::Call("--format: with --measured, expected text or json".to_owned())
}

pub(super) fn compare(question: &Question<'_>) -> Answer {
    if matches!(question.format, StudyFormat::Csv | StudyFormat::Svg) {
        return Err(no_such_form());
    }
    let mut faults: BTreeMap<String, Vec<(PathBuf, Observed)>> = BTreeMap::new();
    for (file, seen) in repetitions(question.from)? {
        faults.entry(seen.fault.clone()).or_default().push((file, seen));
    }
    if faults.is_empty() {
        let expected = format!("--measured: expected folders with a {FILE}; there is none");
        return Err(Failure::Call(expected));
    }
    let done = Arc::new(Progress::default());
    super::stop_when_asked(&done);
    let runs = usize::try_from(question.runs).unwrap_or(usize::MAX);
    done.total.store(runs * faults.len(), std::sync::atomic::Ordering::Relaxed);
    let told: Vec<Result<Option<Fault>, Failure>> = progress::counted("predicting", &done, || {
        faults.iter().map(|(name, all)| fault(question, name, all, &done)).collect()
    });
    let told: Vec<Option<Fault>> = told.into_iter().collect::<Result<_, _>>()?;
    let faults: Vec<Fault> = told.into_iter().flatten().collect();
    if faults.is_empty() {
        let expected = format!("a scenario of {} with the name of a measured fault", question.site);
        return Err(Failure::Call(format!("--measured: expected {expected}; there is none")));
    }
    let topology = input::topology(question.site, question.set)?.topology;
    let report = Report { topology: &topology, faults: &faults, repeat: question.repeat };
    let mut output = Vec::new();
    match question.format {
        StudyFormat::Text { width, color } => text(&report, (width, color), &mut output),
        StudyFormat::Json => {
            output = (json(&report).to_string() + "\n").into_bytes();
            Ok(())
        }
        StudyFormat::Csv | StudyFormat::Svg => return Err(no_such_form()),
    }
    .map_err(|error| Failure::output(&error))?;
    let differs = |fault: &Fault| {
        !fault.breaks.is_empty() || fault.rows.iter().any(|row| row.outage.agrees() == Some(false))
    };
    let broken = faults.iter().any(differs);
    Ok(Done { output, broken, ..Done::default() })
}

/// One fault: its repetitions, and as many simulated runs as were asked for. None, with a note, if
/// no scenario predicts it.
fn fault(
    question: &Question<'_>,
    name: &str,
    all: &[(PathBuf, Observed)],
    done: &Progress,
) -> Result<Option<Fault>, Failure> {
    let site = match input::site(question.site, Some(name), question.set, None) {
        Ok(site) => site,
        Err(Failure::Call(message)) => {
            super::note(&format!("{name} is left out, for nothing predicts it: {message}"));
            return Ok(None);
        }
        Err(failure) => return Err(failure),
    };
    let (topology, scenario) = (site.loaded.topology, site.scenario);
    let own = all.iter().filter(|(_, seen)| seen.peer.is_none());
    let repetitions: Vec<Repetition> = own
        .clone()
        .map(|(file, seen)| repetition(&topology, &scenario, file, seen))
        .collect::<Result<_, _>>()?;
    let asked = (question.runs, question.seed, question.jobs);
    let rows = measured::rows((&topology, &scenario), asked, &repetitions, done);
    let mut peers: BTreeMap<String, Vec<Span>> = BTreeMap::new();
    for (_, seen) in all {
        let Some(peer) = &seen.peer else { continue };
        let peer = format!("{peer} {}", seen.profile).trim().to_owned();
        peers.entry(peer).or_default().push(seen.http.longest());
    }
    let breaks = own.flat_map(|(_, seen)| {
        let number = seen.repetition;
        let counted = [
            (seen.both_answering_ms, "ms with two hosts answering"),
            (seen.both_writable_ms, "ms with two copies taking writes"),
        ];
        let counted = counted.into_iter().filter(|(length, _)| *length > 0);
        let counted = counted.map(|(length, what)| format!("{length} {what}"));
        let all: Vec<String> = seen.breaks.iter().cloned().chain(counted).collect();
        all.into_iter().map(move |why| format!("repetition {number}: {why}"))
    });
    let fault = Fault {
        name: name.to_owned(),
        repetitions: repetitions.len(),
        runs: question.runs as usize,
        rows,
        breaks: breaks.collect(),
        peers: peers.into_iter().map(|(name, spans)| (name, Sample::new(spans))).collect(),
    };
    Ok(Some(fault))
}

/// A repetition at the moments of its scenario.
fn repetition(
    topology: &Topology,
    scenario: &Scenario,
    file: &Path,
    seen: &Observed,
) -> Result<Repetition, Failure> {
    let struck = crate::view::first_disturbance(scenario).unwrap_or(Instant::ZERO);
    let start = i128::from(seen.fault_at_boottime_ns) - i128::from(struck.as_nanos());
    let records = merged(&journals(file, seen)?, Some(start))?.records;
    let moment = |boottime: u64| {
        let since = u64::try_from(i128::from(boottime) - start).unwrap_or(0);
        Instant::from_nanos(since)
    };
    let told = |who: Served, stretch: &Stretch| {
        let ends = stretch.first_missed_ns.zip(stretch.first_answer_ns);
        let stretch_of = ends.map(|(from, to)| (moment(from), moment(to)));
        let outage = stretch.longest();
        Seen { who, outage, stretch: stretch_of.filter(|(from, to)| from < to) }
    };
    let mut all = Vec::new();
    let array = topology.client_access_array.as_ref().and_then(|array| array.name.group());
    all.extend(array.map(|group| told(Served::Array(group), &seen.http)));
    for (name, stretch) in &seen.databases {
        let found = topology.databases.iter().find(|(_, database)| database.name == *name);
        let (id, _) = found.ok_or_else(|| {
            let file = file.display();
            Failure::Call(format!("{file}: databases: {name}: expected a database of the site"))
        })?;
        all.push(told(Served::Database(id), stretch));
    }
    Ok(Repetition { records, seen: all })
}
