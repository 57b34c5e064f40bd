//! Wrong input: one mistake a file, its message beside it; and no input that makes the program
//! panic. `UPDATE=1` rewrites the messages.

use crate::program::{Told, told};
use crate::source::root;
use dagtwin::base::draw::{Purpose, Stream};
use dagtwin::base::{Instant, Span};
use dagtwin::model::builtin::SITES;
use dagtwin::model::{Problem, load};
use dagtwin::sim::{Recording, simulate};

/// The files with a mistake in a folder of `tests/invalid`.
fn mistakes(kind: &str) -> Vec<String> {
    let folder = root().join("tests/invalid").join(kind);
    let entries = std::fs::read_dir(folder).expect("a folder");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let mut files: Vec<String> = names
        .map(|name| name.into_string().expect("a name in UTF-8"))
        .filter(|name| name.ends_with(".toml"))
        .map(|name| format!("tests/invalid/{kind}/{name}"))
        .collect();
    files.sort();
    files
}

/// Demands that the program refuses a file with the message beside it.
fn refused(file: &str, arguments: &[&str]) -> Option<String> {
    judged(file, &told(arguments))
}

/// Demands that a file was refused with the message beside it.
fn judged(file: &str, run: &Told) -> Option<String> {
    let beside = root().join(file.replace(".toml", ".txt"));
    if crate::source::updating() {
        std::fs::write(&beside, &run.err).expect("the message can be written");
    }
    let wanted = std::fs::read_to_string(&beside).unwrap_or_default();
    let problems = run.err.lines().filter(|line| line.contains(": expected ")).count();
    let wrong = match () {
        () if run.status != 2 => format!("exit status {}", run.status),
        () if !run.out.is_empty() => "it printed a report".to_owned(),
        () if problems != 1 => format!("{problems} problems"),
        () if !run.err.contains(file) => "the file is not named".to_owned(),
        () if run.err != wanted => format!("it should be\n{wanted}"),
        () => return None,
    };
    Some(format!("{file}: {wrong}; it said\n{}", run.err))
}

#[test]
fn every_mistake_in_a_topology_is_told() {
    let files = mistakes("topology");
    assert!(files.len() >= 15, "found {} files only", files.len());
    let told = |file: &String| refused(file, &["run", file, "--scenario", "quiet"]);
    let wrong: Vec<String> = files.iter().filter_map(told).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_mistake_in_a_scenario_is_told() {
    let files = mistakes("scenario");
    assert!(files.len() >= 10, "found {} files only", files.len());
    let told = |file: &String| refused(file, &["run", "--scenario", file]);
    let wrong: Vec<String> = files.iter().filter_map(told).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_mistake_in_rates_is_told() {
    let files = mistakes("rates");
    assert!(files.len() >= 10, "found {} files only", files.len());
    let told = |file: &String| refused(file, &["compare", "two-node-2010", "--rates", file]);
    let wrong: Vec<String> = files.iter().filter_map(told).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Loads an agent's file as `dagtwin agent` does, which not every build of the program has.
fn agent(file: &str) -> Result<(), Vec<Problem>> {
    let read = |path: &str| std::fs::read_to_string(root().join(path)).expect("a file");
    let text = read(file);
    let topology = load::host_topology(file, &text)?.display().to_string();
    let topology = load::topology(&topology, &read(&topology), &[])?.topology;
    load::host(file, &text, &topology).map(drop)
}

#[test]
fn every_mistake_in_an_agents_file_is_told() {
    assert_eq!(agent("tests/invalid/agent/site/sound.toml"), Ok(()));
    let files = mistakes("agent");
    assert!(files.len() >= 60, "found {} files only", files.len());
    let refused = |file: &String| {
        let problems = agent(file).err().unwrap_or_default();
        let status = if problems.is_empty() { 0 } else { 2 };
        let err = problems.iter().map(|problem| format!("error: {problem}\n")).collect();
        judged(file, &Told { status, out: String::new(), err })
    };
    let wrong: Vec<String> = files.iter().filter_map(refused).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn all_mistakes_are_told_at_once() {
    let folder = crate::program::Folder::new("mistakes");
    let mut text = SITES[0].topology.text.to_owned();
    for (sound, wrong) in [
        ("witness_server = \"DC01\"", "witness_server = \"EX01\""),
        ("name = \"PrimaryDAG\"", "name = \"AVeryLongDagName\""),
        ("think = \"30s\"", "think = 30"),
        ("address = \"10.0.0.12\"", "address = \"10.0.0.11\""),
    ] {
        assert!(text.contains(sound), "{sound}");
        text = text.replace(sound, wrong);
    }
    let path = folder.path("topology.toml");
    std::fs::write(&path, text).expect("the file can be written");
    let run = told(&["run", &path]);
    let problems = run.err.lines().filter(|line| line.contains(": expected ")).count();
    assert_eq!((run.status, problems), (2, 5), "{}", run.err);
}

#[test]
fn mistakes_in_the_settings_of_a_scenario_hide_no_others() {
    let folder = crate::program::Folder::new("mistakes-in-set");
    let path = folder.path("bad.toml");
    let text = "title = \"x\"\nuntil = \"0s\"\n[set]\n\"cluster.same_subnet_delay\" = 2\n\
                \"outlook.nosuch\" = \"1s\"\n";
    std::fs::write(&path, text).expect("the file can be written");
    let run = told(&["run", "--scenario", &path, "--set", "cluster.nosuch=1"]);
    let told = |words: &str| assert!(run.err.contains(words), "{words}: {}", run.err);
    told("bad.toml:2: until = \"0s\": expected ");
    told("bad.toml:4: set.cluster.same_subnet_delay = 2: expected ");
    told("bad.toml:5: set.outlook.nosuch = \"1s\": expected ");
    told("--set: cluster.nosuch = 1: expected ");
    told("4 problems");
}

/// A text with a few bytes, lines or values changed.
pub(crate) fn mutated(text: &str, draws: &mut Stream) -> String {
    const VALUES: &[&str] = &[
        "0",
        "-1",
        "18446744073709551616",
        "1e400",
        "nan",
        "\"\"",
        "\"0s\"",
        "\"366 d\"",
        "[]",
        "{}",
        "\"99999999999h\"",
        "true",
        "\"\u{fe}\"",
        "1979-05-27",
        "\"100%\"",
        "\"EX02\"",
        "\"all\"",
        "\"255.255.255.255\"",
        "\"0.0.0.0/0\"",
        "16",
        "4294967295",
        "'''",
        "#",
    ];
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for _ in 0..=draws.below(3) {
        let at = draws.below(lines.len() as u64) as usize;
        match draws.below(6) {
            0 => drop(lines.remove(at)),
            1 => lines.insert(at, lines[at].clone()),
            2 => {
                let other = draws.below(lines.len() as u64) as usize;
                lines.swap(at, other);
            }
            3 => {
                let mut characters: Vec<char> = lines[at].chars().collect();
                let place = draws.below(characters.len() as u64 + 1) as usize;
                characters.insert(place, char::from(draws.below(256) as u8));
                lines[at] = characters.into_iter().collect();
            }
            _ => {
                let value = VALUES[draws.below(VALUES.len() as u64) as usize];
                if let Some((key, _)) = lines[at].split_once('=') {
                    lines[at] = format!("{key}= {value}");
                }
            }
        }
        if lines.is_empty() {
            lines.push(String::new());
        }
    }
    lines.join("\n")
}

/// Changed files load or are refused; of those that load, some are run for a while.
#[test]
fn no_input_makes_it_panic() {
    let site = &SITES[0];
    let mut draws = Stream::new(1, 0, Purpose::Choice);
    let (mut loads, mut runs) = (0, 0);
    for round in 0..2_000 {
        let scenario = &site.scenarios[round % site.scenarios.len()];
        let mut texts = [site.topology.text.to_owned(), scenario.text.to_owned()];
        let changed = &mut texts[draws.below(2) as usize];
        *changed = mutated(changed, &mut draws);
        let [topology, scenario] = &texts;
        let mut wishes = load::wishes("s.toml", scenario);
        wishes.push(load::Wish::of_command_line("clients.count", "3"));
        let Ok(loaded) = load::topology("t.toml", topology, &wishes) else { continue };
        let topology = loaded.topology;
        let Ok(mut scenario) = load::scenario("s.toml", "s", scenario, &topology) else { continue };
        loads += 1;
        if loads % 4 == 0 {
            scenario.until = scenario.until.min(Instant::ZERO + Span::from_secs(150));
            simulate(&topology, &scenario, 1, Recording::Off);
            runs += 1;
        }
    }
    assert!(loads > 200 && runs > 50, "{loads} loaded, {runs} ran");
}
