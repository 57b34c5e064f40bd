//! Parsers under thousands of damaged inputs: shipped files and calls with bytes, lines and words
//! changed. What is demanded of each parser is in `fuzz/src/lib.rs`, which fuzz targets share.

use crate::fuzz_bodies as bodies;
use crate::source::root;
use dagtwin::base::draw::{Purpose, Stream};
use dagtwin::base::{Instant, Span};
use dagtwin::journal::{Header, binary};
use dagtwin::model::builtin::SITES;
use dagtwin::model::load;
use dagtwin::sim::{Recording, simulate};

/// Pieces that files hold, and some that they should not.
const PIECES: &[&str] = &[
    "\\",
    "\"",
    "\"\"",
    "'''",
    ",",
    ";",
    "\t",
    "\r\n",
    "\n\n",
    "{",
    "}",
    "[",
    "]",
    ":",
    " : ",
    "=",
    "..",
    ">",
    "%",
    "0",
    "-1",
    "9",
    "1s",
    "18446744073709551615",
    "4294967296",
    "99999999999h",
    "null",
    "true",
    "#TYPE",
    "sep=",
    "\u{feff}",
    "\u{a0}",
    "é",
    "\u{1f4a3}",
    "\0",
    "EX01",
    "all",
    "DB\\EX02",
    "Healthy",
    "Status : ",
];

fn one_of<T>(list: &[T], draws: &mut Stream) -> usize {
    draws.below(list.len() as u64) as usize
}

/// An input with bytes turned, left out, doubled or replaced, or with a stretch of another input.
fn changed(bytes: &[u8], others: &[Vec<u8>], draws: &mut Stream) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    // A short line does not survive many changes.
    let most = if bytes.len() < 100 { 1 } else { 4 };
    for _ in 0..=draws.below(most) {
        let mut place = || draws.below(bytes.len() as u64 + 1) as usize;
        let (one, other) = (place(), place());
        let (from, to) = (one.min(other), one.max(other));
        let short = to.min(from + 40);
        match draws.below(8) {
            0 => drop(bytes.drain(from..short)),
            1 => bytes.truncate(to),
            2 => {
                let part = bytes[from..short].to_vec();
                bytes.splice(to..to, part);
            }
            3 if from < bytes.len() => bytes[from] = draws.below(256) as u8,
            4 if from < bytes.len() => bytes[from] ^= 1 << draws.below(8),
            5 => {
                let donor = &others[one_of(others, draws)];
                let begin = draws.below(donor.len() as u64 + 1) as usize;
                let end = donor.len().min(begin + draws.below(40) as usize);
                bytes.splice(from..short, donor[begin..end].iter().copied());
            }
            _ => {
                let piece = PIECES[one_of(PIECES, draws)].as_bytes();
                let end = if draws.below(2) == 0 { from } else { short.min(from + piece.len()) };
                bytes.splice(from..end, piece.iter().copied());
            }
        }
    }
    bytes
}

/// Hands a parser every input as it is and many changed ones; some must be taken, and some
/// refused, or the test would say nothing.
fn tried(name: &str, body: fn(&[u8]) -> bool, inputs: &[Vec<u8>], rounds: usize) {
    let mut draws = Stream::new(1, 0, Purpose::Choice);
    let sound: Vec<&Vec<u8>> = inputs.iter().filter(|input| body(input)).collect();
    assert!(!sound.is_empty(), "{name}: no input is sound as it is");
    let mut taken = 0;
    for round in 0..rounds {
        let input = sound[round % sound.len()];
        let text = std::str::from_utf8(input).ok().filter(|text| text.lines().count() > 3);
        let input = match text {
            Some(text) if round % 2 == 0 => crate::invalid::mutated(text, &mut draws).into_bytes(),
            _ => changed(input, inputs, &mut draws),
        };
        taken += usize::from(body(&input));
    }
    let few = rounds / 100;
    assert!(taken > few && rounds - taken > few, "{name}: {taken} of {rounds} were taken");
}

/// The files of a folder with one of these endings.
fn files(folder: &str, endings: &[&str]) -> Vec<Vec<u8>> {
    let entries = std::fs::read_dir(root().join(folder)).expect("a folder");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|path| {
        path.extension().and_then(|end| end.to_str()).is_some_and(|end| endings.contains(&end))
    });
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).expect("a file")).collect()
}

fn bytes_of(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

#[test]
fn topologies() {
    let mut inputs: Vec<Vec<u8>> =
        SITES.iter().map(|site| site.topology.text.as_bytes().to_vec()).collect();
    inputs.extend(files("tests/invalid/topology", &["toml"]));
    tried("topology", bodies::topology, &inputs, 400);
}

#[test]
fn scenarios() {
    let mut inputs = files("topologies/two-node-2010/scenarios", &["toml"]);
    inputs.extend(files("tests/invalid/scenario", &["toml"]));
    tried("scenario", bodies::scenario, &inputs, 500);
}

#[test]
fn rates() {
    let mut inputs = files("topologies", &["toml"]);
    inputs.extend(files("tests/invalid/rates", &["toml"]));
    tried("rates", bodies::rates, &inputs, 500);
}

#[test]
fn plans_and_words_of_sweeps() {
    let plan = "scenario = \"nic-loss\"\nuntil = \"5m\"\nruns = 20\nseed = 3\nrandom = 5\n\
                hiccup = [\"3s\"]\nmeasure = \"outlook\"\npercentile = \"p95\"\n\
                goal = [\"outlook p95 <= 12s\"]\n[set]\n\"clients.count\" = 3\n[vary]\n\
                \"fault.0.at\" = \"60s..61s:100ms\"\n\"cluster.same_subnet_threshold\" = [3, 5]\n";
    let small = "runs = 5\n[vary]\n\"clients.count\" = \"1..3\"\n";
    tried("plan", bodies::plan, &bytes_of(&[plan, small, "runs = 5\n"]), 800);
    let words = [
        "outlook>12s",
        "failover",
        "3..20",
        "1s..5s:500ms",
        "60s,65s,70s",
        "outlook p95 <= 12s",
        "no failover on a hiccup of 4s",
        "lost-mail <= 0.5%",
        "1h 30m",
        "1500ms",
        "7d",
    ];
    tried("words", bodies::words, &bytes_of(&words), 3_000);
}

#[test]
fn orders_and_changes() {
    let mut orders: Vec<String> = Vec::new();
    for line in SITES[0].scenarios.iter().flat_map(|scenario| scenario.text.lines()) {
        let order = line.strip_prefix("order = ").map(|order| order.trim_matches(['"', '\'']));
        orders.extend(order.map(str::to_owned));
    }
    orders.extend(
        ["Move-ClusterGroup CASArray -Node EX02", "Mount-Database VIP", "Stop-ClusterNode 'EX01'"]
            .map(str::to_owned),
    );
    let orders: Vec<Vec<u8>> = orders.into_iter().map(String::into_bytes).collect();
    tried("order", bodies::order, &orders, 3_000);
    let mut changes = bytes_of(&[
        "nic-down EX02 MAPI",
        "power-off EX01 at 65s lasts 30s",
        "path-cut MAPI EX01 EX02",
        "Mount-Database VIP on EX02 at 80s",
        "set cluster.same_subnet_threshold 10",
        "until 4m",
        "move step 1 to 70s",
        "remove step 1",
        "service-stop EX01 \"store\" lasts 20s",
    ]);
    changes.extend(orders.into_iter().take(3));
    tried("change", bodies::change, &changes, 1_500);
}

/// A small journal of a whole run.
fn small_journal() -> Vec<u8> {
    let site = &SITES[0];
    let few = [load::Wish::of_command_line("clients.count", "1")];
    let loaded = load::topology("t.toml", site.topology.text, &few).expect("it is sound");
    let scenario = site.scenarios.iter().find(|scenario| scenario.name == "nic-loss");
    let text = scenario.expect("it is built in").text;
    let mut scenario = load::scenario("s.toml", "s", text, &loaded.topology).expect("it is sound");
    scenario.until = Instant::ZERO + Span::from_secs(8);
    let recorded = simulate(&loaded.topology, &scenario, 1, Recording::Memory);
    let mut bytes = Vec::new();
    let header = Header::of_run(&loaded.topology, &scenario, 1);
    binary::write(&mut bytes, &header, &recorded.records).expect("memory");
    bytes
}

#[test]
fn journals_and_their_records() {
    let whole = small_journal();
    tried("journal", bodies::journal, std::slice::from_ref(&whole), 200);
    // The bodies of the frames after the head, each behind its length in one byte.
    let head = {
        let journal = binary::read(&mut whole.as_slice()).expect("it is whole");
        let mut bytes = Vec::new();
        binary::write(&mut bytes, &journal.header, &[]).expect("memory");
        bytes.len() - 12
    };
    let mut frames: Vec<Vec<u8>> = Vec::new();
    let mut rest = &whole[head..];
    while let Some((length, more)) = rest.split_first_chunk::<4>() {
        let length = u32::from_le_bytes(*length) as usize;
        if length == 0 {
            break;
        }
        let (body, more) = more.split_at(length);
        if let Ok(short) = u8::try_from(length) {
            frames.push([&[short][..], body].concat());
        }
        rest = more;
    }
    assert!(frames.len() > 200, "{} frames", frames.len());
    // A cause is the number of an earlier record, so a story has to be told from its beginning.
    let inputs: Vec<Vec<u8>> = [5, 20, 60, 120, 200].map(|count| frames[..count].concat()).into();
    tried("records", bodies::records, &inputs, 600);
}

#[test]
fn exports_of_copies() {
    let inputs = files("tests/select", &["csv", "json", "txt"]);
    tried("copies", bodies::copies, &inputs, 4_000);
}
