//! `dagtwin what-if`: a kept run made again with changes; a what-if saved as a scenario file.

use super::failure::{Answer, Done, Failure, plain};
use super::{input, journal, progress};
use crate::base::{Instant, Span};
use crate::journal::text::{Names, line};
use crate::journal::{Header, Record, RecordNo};
use crate::lab::VerdictKind;
use crate::lab::what_if::{self, WhatIf};
use crate::model::settings::Value as _;
use crate::model::{Change, Source, Sources, builtin, change};
use clap::{Args, ValueHint};
use std::path::{Component, Path, PathBuf};

/// Make a kept run again from the same seed with something changed, and tell what comes out
/// differently.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct WhatIfArguments {
    /// A journal that `dagtwin run --journal` wrote.
    #[arg(value_hint = ValueHint::FilePath, value_name = "JOURNAL")]
    pub kept: PathBuf,
    /// A change: a fault, an order's line, or what begins with move, remove, set or until. Each is
    /// made to what those before it left.
    #[arg(required = true, value_name = "CHANGE")]
    pub changes: Vec<String>,
    /// When a fault strikes or an order is given that does not say `at`.
    #[arg(long, default_value = "60s", value_name = "TIME", value_parser = moment)]
    pub at: Instant,
    /// Also save it as a scenario file that `dagtwin test` accepts.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub save: Option<PathBuf>,
    /// Also write the journal of the changed run.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub journal: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Exit status: 0 unless the changed run breaks a promise; what its steps expect is not asked for.

Examples:
  dagtwin run --journal run.dagtwin
  dagtwin what-if run.dagtwin 'power-off EX02 at 80s lasts 30s'
  dagtwin what-if run.dagtwin 'move fault 1 to 65s' 'set cluster.same_subnet_threshold 10'
  dagtwin what-if run.dagtwin 'Move-ActiveMailboxDatabase VIP -ActivateOnServer EX02 at 50s'
  dagtwin what-if run.dagtwin 'remove fault 1' --save calm.toml && dagtwin test calm.toml";

fn moment(text: &str) -> Result<Instant, String> {
    let span = Span::read(text).ok_or("expected a duration with its unit, such as 65s")?;
    Ok(Instant::ZERO + span)
}

pub(super) fn what_if(args: &WhatIfArguments) -> Answer {
    let kept = journal::read(&args.kept)?;
    let file = args.kept.display().to_string();
    let (sources, seed) = what_if::sources_of(&file, &kept.header).map_err(Failure::Input)?;
    let changes = changes(sources, args)?;
    let again = |changes: &[Change]| what_if::run(sources, seed, changes).map_err(Failure::Input);
    let note = "running again, with and without what is changed";
    let (before, after) =
        progress::during(note, || again(&[]).and_then(|before| Ok((before, again(&changes)?))))?;
    if let Some(path) = &args.journal {
        journal::write(path, &after.header, &after.records)?;
    }
    let mut output = told(&before, &after);
    if let Some(path) = &args.save {
        output += &format!("saved as {}", path.display());
        let beside = save(&after, path)?;
        output += &beside.map_or_else(String::new, |beside| format!(", {}", beside.display()));
        output.push('\n');
    }
    let broken = matches!(after.verdict.kind, VerdictKind::Safety | VerdictKind::Liveness);
    Ok(Done { output: output.into_bytes(), broken, ..Done::default() })
}

/// The changes of a call, each read over what those before it left.
fn changes(sources: &Sources, args: &WhatIfArguments) -> Result<Vec<Change>, Failure> {
    let mut changes = Vec::new();
    for typed in &args.changes {
        let planned = what_if::plan(sources, &changes).map_err(Failure::Input)?;
        let (topology, scenario) = (&planned.loaded.topology, &planned.scenario);
        let read = change::parse(typed, args.at, topology, scenario);
        changes.push(read.map_err(|wrong| Failure::Call(format!("{typed}: {wrong}")))?);
    }
    Ok(changes)
}

/// What came out, beside what came out before.
fn told(before: &WhatIf, after: &WhatIf) -> String {
    let mut out = String::new();
    for change in &after.changes {
        out += &format!("what if: {change}\n");
    }
    for (when, run) in [("before", before), ("now", after)] {
        let back = match (run.outages.iter().any(|outage| outage.hard), run.recovered) {
            (false, _) => "nothing that users can reach was out".to_owned(),
            (true, Some(span)) => format!("everything back after {span}"),
            (true, None) => "something is not back at the end".to_owned(),
        };
        out += &format!("{when:<7} {}, {back}, digest {}\n", run.verdict.kind.word(), run.digest);
    }
    let longer = before.records.len().max(after.records.len());
    let places = (0..longer).filter(|at| before.records.get(*at) != after.records.get(*at));
    let shown = |place: usize| [before, after].map(|run| record(&run.header, &run.records, place));
    // What only differs in what no line shows, such as the length of a timer, is passed over.
    let Some([before, after]) = places.map(shown).find(|[before, after]| before != after) else {
        return out + "the runs do not differ\n";
    };
    out + &format!("first difference\nbefore  {before}\nnow     {after}\n")
}

fn record(header: &Header, records: &[Record], place: usize) -> String {
    let names = Names::new(&header.topology, header.scenario.as_ref());
    let number = u32::try_from(place).map_or(RecordNo(u32::MAX), RecordNo);
    records.get(place).map_or_else(|| "the end".to_owned(), |one| line(&names, number, one))
}

/// Saves a what-if as a scenario file. Its topology is named as what it is: a built-in one, or a
/// file that has the same text. If it is neither any more, its text is written into a folder
/// beside the scenario; that folder is returned.
pub(super) fn save(what_if: &WhatIf, file: &Path) -> Result<Option<PathBuf>, Failure> {
    let Some(sources) = &what_if.header.sources else { return Ok(None) };
    write_scenario(sources, file, |named| what_if::saved(what_if, named))
}

/// Writes a scenario file; `text` is told how it can name its topology. If that is neither built in
/// nor a file any more, its text is written into a folder beside the scenario; that folder is
/// returned.
pub(super) fn write_scenario(
    sources: &Sources,
    file: &Path,
    text: impl FnOnce(&str) -> String,
) -> Result<Option<PathBuf>, Failure> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |error: std::io::Error| {
            Failure::Machine(format!("{}: {}", path.display(), plain(&error)))
        }
    };
    let folder = match file.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let mut beside = None;
    let named = match topology_named(&sources.topology, folder) {
        Some(named) => named,
        None => {
            let stem = file.file_stem().unwrap_or_default().to_string_lossy();
            let name = format!("{stem}-site");
            let site = folder.join(&name);
            std::fs::create_dir_all(&site).map_err(at(&site))?;
            let path = site.join("topology.toml");
            if input::text_of(&path).is_ok_and(|known| known != sources.topology.text) {
                let text = "expected no other site there; it would be lost";
                return Err(Failure::Call(format!("{}: {text}", path.display())));
            }
            std::fs::write(&path, &sources.topology.text).map_err(at(&path))?;
            beside = Some(site);
            name
        }
    };
    std::fs::write(file, text(&named)).map_err(at(file))?;
    Ok(beside)
}

/// How a scenario file in a folder can name a topology: as a built-in one, or by the path of a
/// file with the same text.
pub(super) fn topology_named(topology: &Source, folder: &Path) -> Option<String> {
    let mut sites = builtin::SITES.iter();
    if let Some(site) = sites.find(|site| site.topology.text == topology.text) {
        return Some(site.topology.name.to_owned());
    }
    let path = Path::new(&topology.file);
    let same = input::text_of(path).is_ok_and(|text| text == topology.text);
    let (path, folder) = (path.canonicalize().ok()?, folder.canonicalize().ok()?);
    same.then(|| relative(&path, &folder)).and_then(|path| Some(path.to_str()?.to_owned()))
}

/// A path as it is seen from a folder; both are whole paths.
fn relative(path: &Path, folder: &Path) -> PathBuf {
    let common = path.components().zip(folder.components()).take_while(|(a, b)| a == b).count();
    if common == 0 {
        return path.to_owned();
    }
    let up = folder.components().skip(common).map(|_| Component::ParentDir);
    up.chain(path.components().skip(common)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_seen_from_the_scenarios_folder() {
        for (path, folder, seen) in [
            ("/a/site/topology.toml", "/a/site/scenarios", "../topology.toml"),
            ("/a/site/topology.toml", "/a", "site/topology.toml"),
            ("/a/topology.toml", "/a", "topology.toml"),
            ("/a/b/topology.toml", "/c", "../a/b/topology.toml"),
        ] {
            assert_eq!(relative(Path::new(path), Path::new(folder)), Path::new(seen));
        }
    }
}
