//! What `dagtwin test` asks of a scenario beside its verdict: timelines, budgets; and what is done
//! with a selection of scenarios.

use crate::program::{Folder, Told, told};
use crate::suite::{HEALTHY, site};

/// EX01 loses its power.
const POWER_OFF: &str = "# Why.\ntitle = \"EX01 is off\"\nuntil = \"3m\"\n\n[set]\n\
                         \"clients.count\" = 3\n\n[[fault]] # the only one\nat = \"60s\"\n\
                         kind = \"power-off\"\nmachine = \"EX01\"\n";

/// A folder with these scenarios, and what a call of `test` on it comes to.
fn tested(folder: &Folder, more: &[&str]) -> Told {
    let site = folder.path("site");
    told(&["test", &site].into_iter().chain(more.iter().copied()).collect::<Vec<_>>())
}

fn text_of(folder: &Folder, name: &str) -> String {
    let path = folder.path(&format!("site/scenarios/{name}.toml"));
    std::fs::read_to_string(path).expect("the scenario")
}

fn write(folder: &Folder, name: &str, text: &str) {
    let path = folder.path(&format!("site/scenarios/{name}.toml"));
    std::fs::write(path, text).expect("the scenario can be written");
}

/// Runs the program with the words of a line to repeat.
fn repeated(line: &str) -> Told {
    let words: Vec<&str> =
        line.trim().strip_prefix("repeat: dagtwin ").expect(line).split(' ').collect();
    told(&words)
}

#[test]
fn a_timeline_is_added_kept_shown_where_it_differs_and_taken_over() {
    let folder = site("uses-timeline", &[("off", POWER_OFF), ("quiet", HEALTHY)]);
    let accepted = tested(&folder, &["--accept", "--all", "--filter", "off"]);
    assert_eq!((accepted.status, accepted.err.as_str()), (0, ""), "{}", accepted.out);
    let written = text_of(&folder, "off");
    assert!(written.starts_with(POWER_OFF), "what was there stays: {written}");
    assert!(written.contains("\n[timeline]\nlines = '''\n"), "{written}");
    assert!(written.contains("    0.000           power-off on EX01\n"), "{written}");
    assert_eq!(text_of(&folder, "quiet"), HEALTHY, "the filter leaves others alone");
    assert_eq!(tested(&folder, &[]).status, 0);

    // Five missed beats are told as four.
    let wrong = written.replace("5 beats missed", "4 beats missed");
    assert_ne!(wrong, written);
    write(&folder, "off", &wrong);
    let run = tested(&folder, &[]);
    assert_eq!(run.status, 1, "{}", run.out);
    let lines: Vec<&str> = run.out.lines().collect();
    let place = lines.iter().position(|line| line.contains("FAIL  timeline of seed 1: "));
    let place = place.expect("the timeline is named");
    let signs = |sign: &str| lines.iter().filter(|line| line.trim().starts_with(sign)).count();
    assert_eq!(signs("- "), signs("+ "), "{}", run.out);
    assert!(lines[place..].iter().any(|line| line.contains("+ ") && line.contains("5 beats")));
    let repeat = lines[place..].iter().find(|line| line.contains("repeat: ")).expect("a line");
    assert!(repeated(repeat).out.contains("5 beats missed"));

    let accepted = tested(&folder, &["--accept"]);
    assert_eq!((accepted.status, text_of(&folder, "off")), (0, written), "{}", accepted.out);
    assert!(accepted.out.contains("written, "), "{}", accepted.out);
    assert_eq!(text_of(&folder, "quiet"), HEALTHY, "without --all none is added");
}

#[test]
fn a_timeline_is_kept_whole() {
    let fault = |kind: &str| format!("[[fault]]\nat = \"60s\"\nlasts = \"90s\"\n{kind}\n");
    let faults = fault("kind = \"witness-lock-held\"\nmachine = \"DC01\"")
        + &fault("kind = \"nic-down\"\nmachine = \"EX01\"\nnic = \"all\"");
    let text = format!("title = \"Long\"\nuntil = \"10m\"\n{faults}");
    let folder = site("uses-whole-timeline", &[("long", &text)]);
    tested(&folder, &["--accept", "--all"]);
    let text = text_of(&folder, "long");
    let lines = text.split_once("lines = '''\n").expect("a block").1.lines().count();
    assert!(lines > 60 && !text.contains("more lines"), "{lines} lines:\n{text}");
}

#[test]
fn a_timeline_is_that_of_its_own_seed() {
    let folder = site("uses-seed", &[("off", &format!("{POWER_OFF}[timeline]\nseed = 5\n"))]);
    let empty = tested(&folder, &["--format", "json"]);
    let document: serde_json::Value = serde_json::from_str(&empty.out).expect("one document");
    let timeline = &document["cases"][0]["timeline"];
    assert_eq!((empty.status, timeline["seed"].as_u64()), (1, Some(5)), "{}", empty.out);
    assert_eq!(timeline["verdict"], "budget");
    assert!(timeline["difference"].as_array().expect("lines").len() > 5, "{}", empty.out);
    assert_eq!(document["cases"][0]["runs"][0]["passed"], true);
    assert_eq!(tested(&folder, &["--accept"]).status, 0);
    for seed in ["1", "4", "5"] {
        let run = tested(&folder, &["--seed", seed, "--runs", "2"]);
        assert_eq!(run.status, 0, "{}", run.out);
    }
    write(&folder, "off", &text_of(&folder, "off").replace("seed = 5", "seed = 6"));
    assert_eq!(tested(&folder, &[]).status, 1, "another seed has another timeline");
}

#[test]
fn what_cannot_be_accepted_says_so() {
    let folder = site("uses-no-accept", &[("quiet", HEALTHY)]);
    let run = tested(&folder, &["--accept"]);
    assert_eq!(run.status, 0);
    assert!(run.err.contains("no scenario has a [timeline]; --all adds one"), "{}", run.err);
    let set = tested(&folder, &["--accept", "--set", "clients.count=3"]);
    assert_eq!(set.status, 2, "{}", set.err);
    let empty = folder.path("empty");
    std::fs::create_dir(&empty).expect("a folder");
    let mut command = crate::program::dagtwin(&["test", "--accept"]);
    let built_in = command.current_dir(&empty).output().expect("it starts");
    let built_in = crate::program::from(&built_in);
    assert_eq!(built_in.status, 2, "{}", built_in.err);
    assert!(built_in.err.contains("`dagtwin new FOLDER`"), "{}", built_in.err);
}

#[test]
fn a_budget_holds_or_names_the_run_that_breaks_it() {
    let budget = |within: &str| {
        format!(
            "{POWER_OFF}[[budget]]\nmeasure = \"recovered\"\npercentile = \"p50\"\n\
             within = \"{within}\"\nruns = 9\n"
        )
    };
    let folder = site("uses-budget", &[("off", &budget("1s"))]);
    let junit = folder.path("result.xml");
    let run = tested(&folder, &["--junit", &junit, "--jobs", "2"]);
    assert_eq!(run.status, 1, "{}", run.out);
    assert!(run.out.contains("      FAIL  p50 of recovered within 1s: "), "{}", run.out);
    assert!(run.out.contains("over 9 runs from seed 1"), "{}", run.out);
    assert!(run.out.ends_with("1 run passed, 0 failed; 0 budgets passed, 1 failed\n"));
    let line = run.out.lines().find(|line| line.contains("repeat: ")).expect("a line");
    let median = repeated(&format!("{line} --format json"));
    let median: serde_json::Value = serde_json::from_str(&median.out).expect("a report");
    let median = median["recovered_ms"].as_f64().expect("it is back");

    // Of the nine runs, four are faster and four are slower.
    let all: Vec<f64> = (1..=9)
        .map(|seed| {
            let seed = seed.to_string();
            let call = line.trim().strip_prefix("repeat: dagtwin ").expect("a line");
            let (call, _) = call.rsplit_once(' ').expect("a seed");
            let words = call.split(' ').chain([seed.as_str(), "--format", "json"]);
            let report = told(&words.collect::<Vec<_>>()).out;
            let report: serde_json::Value = serde_json::from_str(&report).expect("a report");
            report["recovered_ms"].as_f64().expect("it is back")
        })
        .collect();
    assert_eq!(all.iter().filter(|one| **one < median).count(), 4, "{median}: {all:?}");
    let xml = std::fs::read_to_string(&junit).expect("the file");
    assert!(xml.contains("tests=\"2\" failures=\"1\""), "{xml}");
    assert!(xml.contains("EX01 is off, p50 of recovered within 1s"), "{xml}");

    write(&folder, "off", &budget(&format!("{}ms", median.ceil())));
    let run = tested(&folder, &[]);
    assert_eq!(run.status, 0, "{}", run.out);
    assert!(run.out.contains("      ok    p50 of recovered within "), "{}", run.out);
}

#[test]
fn scenarios_are_listed_and_chosen_by_name() {
    let text = format!("{POWER_OFF}[timeline]\n[[budget]]\nmeasure = \"owa\"\nwithin = \"1m\"\n");
    let folder = site("uses-list", &[("off", &text), ("quiet", HEALTHY), ("bad", "title = 1")]);
    let listed = tested(&folder, &["--list", "--filter", "o"]);
    assert_eq!(listed.status, 2, "a mistake in a chosen file is told: {}", listed.out);
    let listed = tested(&folder, &["--list", "--filter", "off.toml"]);
    assert_eq!((listed.status, listed.err.as_str()), (0, ""));
    for asked in
        ["off.toml  EX01 is off", "- timeline of seed 1", "- p95 of owa within 1m over 100 runs"]
    {
        assert!(listed.out.contains(asked), "{asked}: {}", listed.out);
    }
    let call = ["--list", "--filter", "quiet", "--format", "json"];
    let document = tested(&folder, &call).out;
    let document: serde_json::Value = serde_json::from_str(&document).expect("one document");
    assert_eq!(document["cases"].as_array().expect("cases").len(), 1);
    // A file that is named twice, or beside its folder, is one case.
    let (quiet, again) =
        (folder.path("site/scenarios/quiet.toml"), folder.path("site/./scenarios"));
    let twice = told(&["test", &quiet, &quiet, &again, "--list", "--filter", "quiet"]);
    assert_eq!(twice.out.matches("quiet.toml").count(), 1, "{}", twice.out);
    let nothing = tested(&folder, &["--filter", "no such"]);
    assert_eq!(nothing.status, 2);
    assert!(nothing.err.contains("one of the 3 scenarios"), "{}", nothing.err);
}

/// A saved what-if keeps to what it can: a timeline and budgets were of the run before the change.
#[test]
fn a_saved_what_if_has_no_timeline_of_another_run() {
    let text = format!(
        "{POWER_OFF}[timeline]\nlines = \"x\"\n[[budget]]\nmeasure = \"owa\"\nwithin = \"1s\"\n"
    );
    let folder = site("uses-what-if", &[("off", &text)]);
    let (journal, later) = (folder.path("run.dagtwin"), folder.path("later.toml"));
    let (topology, scenario) = (folder.path("site"), folder.path("site/scenarios/off.toml"));
    assert_eq!(told(&["run", &topology, "--scenario", &scenario, "--journal", &journal]).status, 0);
    let saved = told(&["what-if", &journal, "move fault 1 to 65s", "--save", &later]);
    assert_eq!(saved.status, 0, "{}", saved.err);
    let text = std::fs::read_to_string(&later).expect("the file");
    assert!(!text.contains("[timeline]") && !text.contains("[[budget]]"), "{text}");
    assert!(text.contains("# Its timeline was of the run before"), "{text}");
    let run = told(&["test", &later]);
    assert_eq!(run.status, 0, "{}", run.out);
}

/// States over a span of time, and outages.
#[test]
fn what_must_last_or_may_never_be_is_judged_over_its_whole_time() {
    let step = |at: &str, expect: &str| {
        format!("{POWER_OFF}[[step]]\ntext = \"so\"\nat = \"{at}\"\nexpect = [{{ {expect} }}]\n")
    };
    let folder = site("uses-lasting", &[("off", HEALTHY)]);
    let database = "what = \"database\", database = \"VIP\"";
    let group = "what = \"group\", group = \"CASArray\"";
    let outage = "what = \"outage\", client = \"outlook\"";
    for (at, expect, instead) in [
        ("50s", format!("{database}, active = \"EX01\", throughout = \"9s\""), None),
        (
            "50s",
            format!("{database}, throughout = \"11s\""),
            Some("VIP mounted all the time (not after 10"),
        ),
        ("50s", format!("{group}, owner = \"EX02\", never_within = \"10s\""), None),
        (
            "50s",
            format!("{group}, owner = \"EX02\", never_within = \"1m\""),
            Some("(it was, after 2"),
        ),
        (
            "50s",
            "what = \"trying\", client = \"outlook-cached\", never_within = \"9s\"".to_owned(),
            None,
        ),
        (
            "50s",
            "what = \"trying\", client = \"outlook-cached\", never_within = \"1m\"".to_owned(),
            Some("never outlook-cached#1 shows \"Trying to connect\" (it was, after "),
        ),
        ("50s", "what = \"connected\", client = \"outlook\", throughout = \"9s\"".to_owned(), None),
        ("50s", format!("{outage}, at_most = \"1m\""), None),
        ("50s", format!("{outage}, at_most = \"1s\", within = \"9s\""), None),
        (
            "50s",
            format!("{outage}, at_most = \"1s\""),
            Some("no outage of outlook longer than 1.000 s (one of "),
        ),
        (
            "50s",
            "what = \"outage\", database = \"VIP\", at_most = \"100ms\"".to_owned(),
            Some("no outage of VIP longer than 0.100 s (one of "),
        ),
    ] {
        write(&folder, "off", &step(at, &expect));
        let run = tested(&folder, &[]);
        assert_eq!(run.status, i32::from(instead.is_some()), "{expect}: {}{}", run.out, run.err);
        assert!(instead.is_none_or(|words| run.out.contains(words)), "{expect}: {}", run.out);
    }
}

/// A space that is exhausted passes; one that is not, or in which a promise is broken, does not.
#[test]
fn a_space_is_exhausted_or_names_what_breaks_it() {
    let space = |keys: &str| {
        let head = "title = \"Orderings\"\nuntil = \"90s\"\n\n[explore]\nwithin = \"50ms\"\n";
        format!("{head}{keys}\n")
    };
    let folder = site("uses-explore", &[]);
    let scenarios = folder.path("site/scenarios");
    std::fs::create_dir_all(&scenarios).expect("a folder");
    let run = |keys: &str| {
        write(&folder, "space", &space(keys));
        tested(&folder, &["--format", "json"])
    };
    let explored = |run: &Told| -> serde_json::Value {
        let document: serde_json::Value = serde_json::from_str(&run.out).expect("one document");
        document["cases"][0]["explore"].clone()
    };
    let sound = run("horizon = \"3s\"\nlosses = 1\ncuts = 0");
    let found = explored(&sound);
    assert_eq!((sound.status, &found["exhausted"]), (0, &true.into()), "{}", sound.out);
    assert!(found["states"].as_u64().is_some_and(|states| states > 50), "{found}");

    let few = run("horizon = \"3s\"\nlosses = 1\ncuts = 0\nstates = 20");
    let found = explored(&few);
    assert_eq!((few.status, &found["verdict"]), (1, &"budget".into()), "{}", few.out);

    let alone = "horizon = \"16s\"\nlosses = 0\nalone = true";
    let broken = run(alone);
    let found = explored(&broken);
    assert_eq!((broken.status, &found["verdict"]), (1, &"safety".into()), "{}", broken.out);
    let scenario = found["broken"][0]["scenario"].as_str().expect("a scenario");
    let path = folder.path("found.toml");
    std::fs::write(&path, scenario).expect("the file can be written");
    assert_eq!(told(&["test", &path]).status, 0, "the simulator breaks the same promise");

    let path = folder.path("wide.toml");
    let wide = format!("topology = \"dag-four\"\n{}", space(alone));
    std::fs::write(&path, wide).expect("the file can be written");
    let refused = told(&["test", &path]);
    assert_eq!((refused.status, refused.out.as_str()), (2, ""), "{}", refused.out);
    assert!(refused.err.contains("wide.toml:5: explore"), "{}", refused.err);
}
