//! `dagtwin quorum`: documented outcomes, and what a person may type wrongly.

use crate::program::{Folder, told};
use serde_json::Value;

/// A topology of some nodes `A`, `B`, … and a file server that has the witness or has not; all
/// else is left to the usual.
fn topology(folder: &Folder, nodes: usize, witness: bool) -> String {
    let mut text = "name = \"site\"\n".to_owned();
    for n in 0..nodes {
        text += &format!("[[node]]\nname = \"{}\"\n", char::from(b'A' + n as u8));
    }
    text += "[[machine]]\nname = \"FS\"\nroles = [\"witness\"]\n[dag]\nname = \"DAG\"\n";
    if witness {
        text += "witness_server = \"FS\"\n";
    }
    let path = folder.path(&format!("{nodes}-{witness}.toml"));
    std::fs::write(&path, text).expect("a topology");
    path
}

fn answer(arguments: &[&str]) -> Value {
    let call = [&["quorum"], arguments, &["--format", "json"]].concat();
    let told = told(&call);
    assert_eq!((told.status, told.err.as_str()), (0, ""), "{arguments:?}");
    serde_json::from_str(&told.out).expect("one JSON document")
}

fn survivors(answer: &Value) -> String {
    let names = answer["survivors"].as_array().expect("names");
    let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
    assert_eq!(answer["up"].as_bool(), Some(!names.is_empty()));
    names.join(",")
}

/// Nodes, witness server, what is typed, votes and votes needed at the last event, who is left.
type Row = (usize, bool, &'static str, u64, u64, &'static str);

const STATIC: &[Row] = &[
    (1, false, "", 1, 1, "A"),
    (2, true, "", 3, 2, "A,B"),
    (2, true, "--down A", 3, 2, "B"),
    (2, true, "--down witness", 3, 2, "A,B"),
    (2, true, "--down witness --down A", 3, 2, ""),
    (2, true, "--down witness,A", 3, 2, ""),
    (2, true, "--partition A|B", 3, 2, "A"),
    (2, true, "--partition A|B --owner B", 3, 2, "B"),
    (2, true, "--partition A|B,witness", 3, 2, "B"),
    (2, true, "--partition A,witness|B", 3, 2, "A"),
    (2, true, "--partition witness|A|B", 3, 2, ""),
    (2, false, "", 2, 2, "A,B"),
    (2, false, "--down A", 2, 2, ""),
    (2, false, "--leave A", 2, 2, ""),
    (3, true, "--down A", 3, 2, "B,C"),
    (3, true, "--down A --down B", 3, 2, ""),
    (3, true, "--set cluster.quorum_type=node-and-file-share-majority --down A", 4, 3, "B,C"),
    (3, true, "--set cluster.quorum_type=node-and-file-share-majority --down A,B", 4, 3, ""),
    (4, true, "--down A,B", 5, 3, "C,D"),
    (4, true, "--down A,B,C", 5, 3, ""),
    (4, true, "--partition A,B|C,D --owner C", 5, 3, "C,D"),
    (4, true, "--partition A|B,C,D", 5, 3, "B,C,D"),
    (5, false, "--down A,B", 5, 3, "C,D,E"),
    (5, false, "--down A --down B --down C", 5, 3, ""),
    (6, true, "--down A,B", 7, 4, "C,D,E,F"),
    (6, true, "--down A,B,C", 7, 4, "D,E,F"),
    (6, true, "--down A,B,C,D", 7, 4, ""),
    (8, true, "--down A,B,C,D", 9, 5, "E,F,G,H"),
    (8, true, "--down A,B,C,D,witness", 9, 5, ""),
    (15, true, "--down A,B,C,D,E,F,G", 15, 8, "H,I,J,K,L,M,N,O"),
    (16, true, "--down A,B,C,D,E,F,G,H", 17, 9, "I,J,K,L,M,N,O,P"),
    (16, true, "--down A,B,C,D,E,F,G,H,I", 17, 9, ""),
    (16, false, "--partition A,B,C,D,E,F,G,H|I,J,K,L,M,N,O,P", 16, 9, ""),
    (4, true, "--set cluster.quorum_type=disk-only --down A,B,C", 1, 1, "D"),
    (4, true, "--set cluster.quorum_type=disk-only --down witness", 1, 1, ""),
    (4, true, "--set cluster.quorum_type=node-and-disk-majority --down A,B", 5, 3, "C,D"),
];

const ON_2012: &[Row] = &[
    (5, false, "--down A --down B --down C", 3, 2, "D,E"),
    (4, false, "--partition A,B|C,D", 4, 3, ""),
    (4, true, "--down witness --down C,D", 5, 3, ""),
    (2, false, "--leave A", 1, 1, "B"),
];

const ON_2012_R2: &[Row] = &[
    (2, false, "--down B", 1, 1, "A"),
    (2, false, "--down A", 1, 1, ""),
    (2, false, "--leave A", 1, 1, "B"),
    (2, true, "--down A", 3, 2, "B"),
    (2, true, "--down A --down witness", 3, 2, ""),
    (3, false, "--down C", 3, 2, "A,B"),
    (3, false, "--down C --down B", 1, 1, "A"),
    (3, false, "--down B,C", 3, 2, ""),
    (4, false, "--partition A,B|C,D", 3, 2, "A,B"),
    (4, false, "--set cluster.lower_quorum_priority_node_id=1 --partition A,B|C,D", 3, 2, "C,D"),
    (4, true, "", 5, 3, "A,B,C,D"),
    (4, true, "--down A,B", 5, 3, "C,D"),
    (4, true, "--down D --down C --down B", 3, 2, "A"),
    (4, true, "--down D --down C --down B --down witness", 3, 2, ""),
    (4, true, "--down witness --down C,D", 3, 2, "A,B"),
    (4, true, "--set cluster.dynamic_quorum=false --down witness --down C,D", 5, 3, ""),
    (5, false, "--down A,B,C", 5, 3, ""),
    (5, false, "--down A --down B --down C --down D", 1, 1, ""),
    (5, false, "--down E --down D --down C --down B", 1, 1, "A"),
    (16, true, "--down A,B,C,D --down E,F,G --down H,I --down J,K", 7, 4, "L,M,N,O,P"),
];

fn check(rows: &[Row], version: &str) {
    let folder = Folder::new(&format!("quorum-{version}"));
    let version = format!("windows_version={version}");
    for (nodes, witness, options, votes, needed, left) in rows {
        let path = topology(&folder, *nodes, *witness);
        let mut call = vec![path.as_str(), "--set", &version];
        call.extend(options.split_whitespace());
        let answer = answer(&call);
        let numbers = (answer["votes"].as_u64(), answer["needed"].as_u64());
        let what = format!("{nodes} nodes, witness {witness}, {version} {options}: {answer:#}");
        assert_eq!(numbers, (Some(*votes), Some(*needed)), "{what}");
        assert_eq!(survivors(&answer), *left, "{what}");
        for side in answer["sides"].as_array().expect("sides") {
            let enough = side["held"].as_u64() >= Some(*needed);
            assert_eq!(side["quorum"].as_bool(), Some(enough), "{what}");
            let why = side["why"].as_str().expect("a sentence");
            assert!(why.contains(&needed.to_string()), "{what}");
        }
    }
}

#[test]
fn documented_outcomes() {
    check(STATIC, "2008r2");
    check(ON_2012, "2012");
    check(ON_2012_R2, "2012r2");
    check(ON_2012_R2, "2016");
}

#[test]
fn the_mode_follows_the_number_of_members() {
    let folder = Folder::new("quorum-modes");
    for nodes in 1..=16 {
        for witness in [false, true] {
            let answer = answer(&[&topology(&folder, nodes, witness)]);
            let share = witness && nodes % 2 == 0;
            let mode = if share { "Node and File Share Majority" } else { "Node Majority" };
            assert_eq!(answer["mode"], mode, "{nodes} members, witness server {witness}");
            let votes = nodes as u64 + u64::from(share);
            assert_eq!(answer["votes"].as_u64(), Some(votes));
            assert_eq!(answer["needed"].as_u64(), Some(votes / 2 + 1));
        }
    }
}

#[test]
fn the_order_of_options_counts() {
    let folder = Folder::new("quorum-order");
    let path = topology(&folder, 2, false);
    let two = |options: &[&str]| {
        let call = [&[path.as_str(), "--set", "windows_version=2012r2"], options].concat();
        survivors(&answer(&call))
    };
    // Node A has the only vote. If it leaves, B has it; if it is lost, nobody has.
    assert_eq!(two(&["--leave", "A", "--up", "A", "--down", "B"]), "A");
    assert_eq!(two(&["--down", "A", "--up", "A", "--down", "B"]), "A");
    assert_eq!(two(&["--down", "A"]), "");
    let path = topology(&folder, 3, false);
    let three = |options: &[&str]| {
        let call = [&[path.as_str(), "--set", "windows_version=2012r2"], options].concat();
        survivors(&answer(&call))
    };
    // After B has left, A has the only vote; after A was lost, B has it and gives it to C.
    assert_eq!(three(&["--leave", "B", "--down", "A"]), "");
    assert_eq!(three(&["--down", "A", "--leave", "B"]), "C");
}

#[test]
fn the_text_has_a_table_and_reasons() {
    let told = told(&["quorum", "two-node-2010", "--down", "ex01"]);
    assert_eq!((told.status, told.err.as_str()), (0, ""));
    for part in [
        "Node and File Share Majority, as Exchange sets it",
        "NodeWeight  DynamicWeight",
        "EX02 with 1 of 3 votes, 2 needed",
        "after the arbitration delay of 6.000 s",
        "the cluster is up on EX02",
    ] {
        assert!(told.out.contains(part), "{part}: {}", told.out);
    }
}

#[test]
fn mistakes_are_told_with_what_was_expected() {
    for (options, expected) in [
        ("--down EX3", "unknown node in --down `EX3`"),
        ("--down EX03", "known: EX01, EX02"),
        ("--down EX01,", "expected names with a comma between them"),
        ("--down EX01,ex01", "expected every name once"),
        ("--down EX01 --down EX01", "EX01 is down"),
        ("--down witness --down witness", "the witness is down"),
        ("--up EX01", "EX01 is up"),
        ("--up witness", "the witness is up"),
        ("--leave witness", "cannot leave in good order"),
        ("--partition EX01,EX02", "at least two sides"),
        ("--partition EX01|", "expected names with a comma between them"),
        ("--partition EX01|EX01,EX02", "EX01 is in two"),
        ("--down EX02 --partition EX01|EX02", "EX02 is down"),
        ("--owner witness", "unknown node in --owner"),
        ("--set cluster.dynamic_quorum=true", "Windows Server 2012 or later"),
        ("--set cluster.quorum_type=majority", "node-majority"),
    ] {
        let call: Vec<&str> =
            ["quorum", "two-node-2010"].into_iter().chain(options.split(' ')).collect();
        let told = told(&call);
        assert_eq!((told.status, told.out.as_str()), (2, ""), "{options}");
        assert!(told.err.contains(expected), "{options}: {}", told.err);
    }
    let empty = told(&["quorum", "two-node-2010", "--down", ""]);
    assert_eq!(empty.status, 2);
    let folder = Folder::new("quorum-no-witness");
    let path = topology(&folder, 3, false);
    let none = told(&["quorum", &path, "--down", "witness"]);
    assert!(none.status == 2 && none.err.contains("this topology has none"), "{}", none.err);
}
