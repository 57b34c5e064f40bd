//! `dagtwin select`: files of every shape, every criteria set and boundary through the program,
//! and what it says to files and calls that are wrong.

use crate::program::{Folder, dagtwin, from, told};
use crate::source::root;
use serde_json::Value;
use std::process::Stdio;

/// One answer to files beside the test; every database of it.
fn databases(arguments: &[&str]) -> Vec<Value> {
    let run = told(&[&["select", "--format", "json"], arguments].concat());
    assert_eq!((run.status, run.err.as_str()), (0, ""), "{arguments:?}");
    let answer: Value = serde_json::from_str(&run.out).expect("one JSON document");
    answer["databases"].as_array().expect("a list").clone()
}

#[test]
fn answers_are_as_written() {
    let path = root().join("tests/select/answers.txt");
    let page = std::fs::read_to_string(&path).expect("the answers");
    let mut now = String::new();
    for line in page.lines().filter(|line| line.starts_with(['#', '$'])) {
        if line.starts_with('#') && !now.is_empty() {
            now += "\n";
        }
        now += &format!("{line}\n");
        let Some(call) = line.strip_prefix("$ dagtwin ") else { continue };
        let run = told(&call.split_whitespace().collect::<Vec<_>>());
        assert_eq!(run.status, 0, "{call}: {}", run.err);
        for line in run.out.lines().chain(run.err.lines()) {
            now += format!("  {line}").trim_end();
            now.push('\n');
        }
    }
    if crate::source::updating() {
        std::fs::write(&path, &now).expect("the answers can be written");
    } else {
        let first = page.lines().zip(now.lines()).find(|(written, told)| written != told);
        assert!(page == now, "UPDATE=1 rewrites the answers; first difference: {first:#?}");
    }
}

/// A copy for a table of two or three: index, copy queue, replay queue.
type Shape = (&'static str, u64, u64);

/// Writes an export in which DB is active on EX01 and the others hold these copies, in the order
/// of their preference, EX02 first.
fn export(folder: &Folder, copies: &[Shape]) -> String {
    let mut text = String::from(
        "Identity,Status,ActiveDatabaseCopy,ActivationPreference,ContentIndexState,\
         CopyQueueLength,ReplayQueueLength,LastLogGenerated,LastLogInspected,LastLogReplayed\n\
         DB\\EX01,Mounted,ex01,1,Healthy,0,0,0,0,0\n",
    );
    for (at, (index, copy, replay)) in copies.iter().enumerate() {
        let (number, inspected) = (at + 2, 5000 - copy);
        let replayed = inspected - replay;
        text += &format!(
            "DB\\EX0{number},Healthy,ex01,{number},{index},{copy},{replay},5000,{inspected},\
             {replayed}\n"
        );
    }
    let path = folder.path("copies.csv");
    std::fs::write(&path, text).expect("the file can be written");
    path
}

/// Nobody can see in a file who dismounted the active copy.
#[test]
fn a_database_that_was_dismounted_already_is_told_with_what_that_may_mean() {
    let folder = Folder::new("select-dismounted");
    let file = export(&folder, &[("Healthy", 0, 0)]);
    let call = ["--copies", &file, "--lost", "EX01"];
    let mounted = &databases(&call)[0];
    assert_eq!(mounted["active_copy_dismounted"], false);
    assert_eq!(mounted["note"], Value::Null);
    let text = std::fs::read_to_string(&file).expect("the file").replace("Mounted", "Dismounted");
    std::fs::write(&file, text).expect("the file can be written");
    let dismounted = &databases(&call)[0];
    assert_eq!(dismounted["active_copy_dismounted"], true);
    assert_eq!(dismounted["chosen"], mounted["chosen"]);
    let note = dismounted["note"].as_str().expect("a note");
    assert!(note.contains("if an administrator dismounted it, no failover happens"), "{note}");
    let moved = &databases(&[&call, ["--move", "lossless"].as_slice()].concat())[0];
    let note = moved["note"].as_str().expect("a note");
    assert!(note.contains("takes mounted databases only"), "{note}");
    let told = told(&[&["select"], call.as_slice()].concat());
    assert!(told.out.contains("note: the active copy was Dismounted"), "{}", told.out);
}

fn servers(database: &Value) -> Vec<&str> {
    let order = database["order"].as_array().expect("a list").iter();
    order.map(|place| place["server"].as_str().expect("a name")).collect()
}

/// The shapes that just meet each set, with the set: (below, below), (10, below), (below, 50)…
const SETS: [(Shape, u64); 12] = [
    (("Healthy", 9, 49), 1),
    (("Crawling", 9, 49), 2),
    (("Healthy", 10, 49), 3),
    (("Crawling", 10, 49), 4),
    (("Failed", 9, 49), 5),
    (("Failed", 10, 49), 5),
    (("Healthy", 9, 50), 6),
    (("Crawling", 9, 50), 7),
    (("Healthy", 10, 50), 8),
    (("Crawling", 10, 50), 9),
    (("Failed", 9, 50), 10),
    (("Failed", 10, 50), 10),
];

#[test]
fn every_set_wins_over_every_later_one_by_either_sort() {
    let folder = Folder::new("select-sets");
    for (better, (first, first_set)) in SETS.iter().enumerate() {
        let path = export(&folder, &[*first]);
        let alone = &databases(&["--copies", &path, "--lost", "EX01"])[0];
        assert_eq!(alone["order"][0]["set"].as_u64(), Some(*first_set), "{first:?}");
        let Some((second, second_set)) = SETS.get(better + 1) else { continue };
        if first_set == second_set {
            continue;
        }
        // The copy of the worse set is preferred, and once more it has the shorter queue or as
        // long a one: both sorts alone would take it.
        let path = export(&folder, &[*second, *first]);
        for by in [&[][..], &["--dial", "EX02=Lossless"], &["--move", "lossless"]] {
            let call = [&["--copies", &path, "--lost", "EX01"], by].concat();
            let database = &databases(&call)[0];
            assert_eq!(servers(database), ["EX03", "EX02"], "{first:?} before {second:?} {by:?}");
            assert_eq!(database["order"][1]["set"].as_u64(), Some(*second_set));
        }
    }
}

#[test]
fn within_a_set_the_sort_decides() {
    let folder = Folder::new("select-sort");
    let path = export(&folder, &[("Healthy", 6, 0), ("Healthy", 5, 0), ("Healthy", 5, 40)]);
    let call = ["--copies", &path, "--lost", "EX01"];
    let sorted = |more: &[&str]| {
        let database = &databases(&[&call, more].concat())[0];
        let by = database["sorted_by"].as_str().expect("a word").to_owned();
        (servers(database).join(" "), by)
    };
    let by_queue = ("EX03 EX04 EX02".to_owned(), "copy_queue".to_owned());
    let by_preference = ("EX02 EX03 EX04".to_owned(), "activation_preference".to_owned());
    assert_eq!(sorted(&[]), by_queue);
    assert_eq!(sorted(&["--dial", "EX04=BestAvailability"]), by_queue);
    for server in ["EX01", "EX02", "EX03", "EX04"] {
        assert_eq!(sorted(&["--dial", &format!("{server}=Lossless")]), by_preference);
    }
    assert_eq!(sorted(&["--move", "lossless"]), by_preference);
    let preferred =
        ["--preference", "EX04=1", "--preference", "DB\\EX03=2", "--preference", "EX02=9"];
    assert_eq!(sorted(&preferred).0, "EX04 EX03 EX02");
}

#[test]
fn the_dial_accepts_its_number_of_logs_and_not_one_more() {
    let folder = Folder::new("select-dial");
    for (dial, most) in [("Lossless", 0), ("GoodAvailability", 6), ("BestAvailability", 12)] {
        for (missing, mounts) in [(most, true), (most + 1, false)] {
            let path = export(&folder, &[("Healthy", missing, 0)]);
            let dial_of = format!("EX02={dial}");
            let database =
                &databases(&["--copies", &path, "--lost", "EX01", "--dial", &dial_of])[0];
            assert_eq!(database["mounts"].as_bool(), Some(mounts), "{dial} {missing}");
            assert_eq!(database["missing_logs"].as_u64(), Some(missing));
            assert_eq!(database["dial"].as_str(), Some(dial));
            let chosen = mounts.then_some("EX02");
            assert_eq!(database["chosen"].as_str(), chosen);
            let why = database["why"].as_str().expect("a text");
            assert!(why.contains(dial) && why.contains(&missing.to_string()), "{why}");
        }
    }
}

#[test]
fn the_same_copies_in_every_form_get_the_same_answer() {
    let csv = databases(&["--copies", "tests/select/2016.csv", "--lost", "EX01"]);
    let json = databases(&["--copies", "tests/select/2016.json", "--lost", "ex01.contoso.local"]);
    assert_eq!(csv[0], json[0]);
    let mut piped = dagtwin(&["select", "--copies", "-", "--lost", "EX01", "--format", "json"]);
    let file = std::fs::File::open(root().join("tests/select/2016.json")).expect("the sample");
    let output = piped.stdin(Stdio::from(file)).output().expect("starts");
    let answer: Value = serde_json::from_str(&from(&output).out).expect("JSON");
    assert_eq!(answer["databases"][0], csv[0]);
}

#[test]
fn every_mistake_in_a_file_is_told() {
    let folder = root().join("tests/invalid/select");
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
        .filter(|name| !name.ends_with(".message"))
        .collect();
    names.sort();
    assert!(names.len() >= 15, "found {} files only", names.len());
    for name in names {
        let file = format!("tests/invalid/select/{name}");
        let run = told(&["select", "--copies", &file, "--lost", "EX01"]);
        let problems = run.err.lines().filter(|line| line.contains(": expected ")).count();
        assert_eq!((run.status, run.out.as_str(), problems), (2, "", 1), "{name}: {}", run.err);
        assert!(run.err.contains(&file), "{}", run.err);
        let (stem, _) = name.rsplit_once('.').expect("an extension");
        let beside = folder.join(format!("{stem}.message"));
        if crate::source::updating() {
            std::fs::write(&beside, &run.err).expect("the message can be written");
        }
        let wanted = std::fs::read_to_string(&beside).unwrap_or_default();
        assert_eq!(run.err, wanted, "{name}");
    }
}

#[test]
fn a_wrong_call_is_told() {
    let file = ["select", "--copies", "tests/select/2016.csv"];
    let lost = [&file[..], &["--lost", "EX01"]].concat();
    let calls: [(&[&str], &[&str], &str); 18] = [
        (&file, &[], "--lost"),
        (&["select", "--lost", "EX01"], &[], "--copies"),
        (&file, &["--lost", "EX10"], "--lost = EX10: expected a server of tests/select/2016.csv"),
        (&file, &["--lost", "EXO1"], "did you mean \"EX01\""),
        (&file, &["--lost", "EX01", "--lost", "ex01.a.b"], "expected each server once"),
        (&lost, &["--dial", "EX02"], "expected SERVER=Lossless"),
        (&lost, &["--dial", "EX02=BestEffort"], "GoodAvailability or BestAvailability"),
        (&lost, &["--dial", "EX09=Lossless"], "--dial = EX09: expected a server"),
        (&lost, &["--policy", "EX02=Never"], "IntrasiteOnly or Blocked"),
        (&lost, &["--max-active", "EX02=-1"], "a whole number from 0 to 65535"),
        (&lost, &["--preference", "EX02=0"], "a whole number from 1 to 255"),
        (&lost, &["--preference", "DB09\\EX02=1"], "expected a copy of"),
        (&lost, &["--blocked", "DB01\\EX09"], "expected a copy of"),
        (&lost, &["--unreachable", "EX09"], "--unreachable = EX09"),
        (&lost, &["--move", "lossy"], "lossless"),
        (&lost, &["--site", "EX02="], "a name that is not empty"),
        (&lost, &["--skip", "lag"], "--skip = lag: expected --move beside it"),
        (&lost, &["--blocked", "EX02", "--policy", "ex02=Unrestricted"], "it is Unrestricted"),
    ];
    for (call, more, words) in calls {
        let run = told(&[call, more].concat());
        assert_eq!((run.status, run.out.as_str()), (2, ""), "{more:?}: {}", run.err);
        assert!(run.err.contains(words), "{more:?}: {}", run.err);
    }
    for (path, words) in [("tests/select", "expected a file"), ("no/such.csv", "an existing file")]
    {
        let run = told(&["select", "--copies", path, "--lost", "EX01"]);
        assert_eq!(run.status, 2, "{}", run.err);
        assert!(run.err.contains(words), "{}", run.err);
    }
}

#[test]
fn lines_keep_to_the_width() {
    for (width, limit) in [("60", 60), ("100", 100), ("200", 200)] {
        let call = ["--copies", "tests/select/2016.csv", "--lost", "EX01", "--width", width];
        let run = told(&[&["select"], &call[..]].concat());
        let widest = run.out.lines().map(|line| line.chars().count()).max();
        assert!(widest.is_some_and(|widest| widest <= limit), "{width}: {}", run.out);
    }
}

#[test]
fn checks_that_are_left_out_count_as_passed() {
    let folder = Folder::new("select-skip");
    let path = export(&folder, &[("Failed", 10, 50)]);
    let text = std::fs::read_to_string(&path).expect("readable").replace("02,Healthy", "02,Failed");
    std::fs::write(&path, text).expect("writable");
    let call =
        ["--copies", &path, "--lost", "EX01", "--max-active", "EX02=0", "--move", "lossless"];
    let set = |more: &[&str]| {
        let database = &databases(&[&call, more].concat())[0];
        database["order"][0]["set"].as_u64()
    };
    let both = ["--skip", "health", "--skip", "maximum-active-databases"];
    assert_eq!(set(&both[..2]), None);
    assert_eq!(set(&both[2..]), None);
    assert_eq!(set(&both), Some(10));
    let with = |more: &[&'static str]| set(&[&both, more].concat());
    assert_eq!(with(&["--skip", "lag"]), Some(5));
    assert_eq!(with(&["--skip", "client-experience"]), Some(8));
    assert_eq!(with(&["--skip", "lag", "--skip", "client-experience"]), Some(1));
}
