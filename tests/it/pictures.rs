//! `dagtwin export --to svg`: pictures of lanes and scenes are whole, keep to their frame, and
//! show what happened.

use crate::program::{Folder, told};
use crate::site::{Built, all, named};
use crate::source::{root, updating};
use dagtwin::base::Instant;
use dagtwin::journal::Header;
use dagtwin::report::export::{Show, Wish, svg};
use dagtwin::sim::{Recording, simulate};
use dagtwin::view::film::Film;

fn film(built: &Built) -> Film {
    let (topology, scenario) = (&built.topology, &built.scenario);
    let records = simulate(topology, scenario, 1, Recording::Memory).records;
    Film::of(Header::of_run(topology, scenario, 1), records)
}

fn picture(film: &Film, show: Show, at: Option<Instant>) -> String {
    let mut out = Vec::new();
    let wish = Wish { show, at, from: None, until: None, width: 900 };
    svg(film, wish, &mut out).expect("memory takes it");
    String::from_utf8(out).expect("a picture is a text")
}

/// What is wrong with a picture as XML: tags that are not closed, or a stray character.
pub(crate) fn unbalanced(picture: &str) -> Option<String> {
    let mut open: Vec<&str> = Vec::new();
    for part in picture.split('<').skip(1) {
        let Some((tag, text)) = part.split_once('>') else { return Some(part.to_owned()) };
        if text
            .replace("&amp;", "")
            .replace("&lt;", "")
            .replace("&gt;", "")
            .replace("&quot;", "")
            .replace("&apos;", "")
            .contains('&')
        {
            return Some(text.to_owned());
        }
        let name = tag.split([' ', '/']).next().unwrap_or_default();
        match tag.strip_prefix('/') {
            Some(closed) if open.pop() != Some(closed) => return Some(tag.to_owned()),
            Some(_) => {}
            None if !tag.ends_with('/') => open.push(name),
            None => {}
        }
    }
    open.pop().map(str::to_owned)
}

/// A number that an element has under a name.
fn number(element: &str, name: &str) -> Option<f64> {
    let (_, rest) = element.split_once(&format!(" {name}=\""))?;
    rest.split('"').next()?.parse().ok()
}

/// Texts that are too small, or begin outside of the frame.
pub(crate) fn misplaced(picture: &str) -> Vec<String> {
    let frame = picture.split('>').next().expect("a first element");
    let size = |name| number(frame, name).expect("the frame has a size");
    let (width, height) = (size("width"), size("height"));
    let texts = picture.split('<').filter(|part| part.starts_with("text "));
    texts
        .filter(|text| {
            let at = |name| number(text, name).unwrap_or(-1.0);
            !(0.0..=width).contains(&at("x"))
                || !(0.0..=height).contains(&at("y"))
                || at("font-size") < 8.0
        })
        .map(str::to_owned)
        .collect()
}

#[test]
fn pictures_are_whole_and_keep_to_their_frame() {
    let mut seen = 0;
    for built in all().iter().filter(|built| {
        ["nic-loss", "dc01-off-then-nics", "switch-off", "node-drained", "power-off", "quiet"]
            .contains(&built.name)
    }) {
        let film = film(built);
        for show in [Show::Lanes, Show::Scene] {
            let picture = picture(&film, show, None);
            let place = format!("{} in {}", built.name, built.topology.name);
            assert_eq!(unbalanced(&picture), None, "{place}");
            assert_eq!(misplaced(&picture), [""; 0], "{place}");
            assert!(!picture.contains("<script") && !picture.contains("NaN"), "{place}");
            for machine in built.topology.machines.values() {
                assert!(picture.contains(&format!(">{}<", machine.name)), "{place}");
            }
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen} pictures only");
}

#[test]
fn the_judges_can_fail() {
    assert!(unbalanced("<svg><g></svg>").is_some());
    assert!(unbalanced("<svg>a & b</svg>").is_some());
    assert_eq!(unbalanced("<svg><g/>a &amp; b</svg>"), None);
    let bad =
        "<svg width=\"10\" height=\"10\"><text x=\"11\" y=\"1\" font-size=\"12\">a</text></svg>";
    assert_eq!(misplaced(bad).len(), 1);
}

#[test]
fn a_scene_shows_what_is_down_and_why() {
    let film = film(&named("nic-loss"));
    let picture = picture(&film, Show::Scene, Some(Instant::from_nanos(65_500_000_000)));
    for wanted in [
        "At 65.5 s of ",
        "In force: nic-down on EX01 all NICs",
        "MAPI down",
        "Cluster service stopped",
        "Why VIP is not in service",
        "back in 2.7 s, at 68.2 s",
    ] {
        assert!(picture.contains(wanted), "{wanted}");
    }
}

#[test]
fn the_picture_of_the_readme_is_the_programs_own() {
    let path = root().join("docs/pictures/nic-loss.svg");
    let now = picture(&film(&named("nic-loss")), Show::Lanes, None);
    for wanted in ["Outlook was out for up to 10.5 s", "nic-down on EX01 all NICs", "detection"] {
        assert!(now.contains(wanted), "{wanted}");
    }
    if updating() {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("the folder");
        std::fs::write(&path, now).expect("the picture can be written");
        return;
    }
    let kept = std::fs::read_to_string(&path).expect("docs/pictures/nic-loss.svg");
    assert!(kept == now, "UPDATE=1 cargo test rewrites docs/pictures/nic-loss.svg; look at it");
}

#[test]
fn a_journal_and_its_run_give_the_same_picture() {
    let folder = Folder::new("pictures");
    let (journal, output) = (folder.path("run.dagtwin"), folder.path("lanes.svg"));
    let run = told(&["run", "--quiet", "--journal", &journal]);
    assert_eq!(run.status, 0, "{}", run.err);
    let of_run = told(&["export", "two-node-2010", "--to", "svg", "--width", "1200"]);
    assert_eq!(of_run.status, 0, "{}", of_run.err);
    let call = ["export", &journal, "--to", "svg", "--width", "1200", "--output", &output];
    let of_journal = told(&call);
    assert_eq!((of_journal.status, of_journal.out.as_str()), (0, ""), "{}", of_journal.err);
    let written = std::fs::read_to_string(&output).expect("the file");
    assert!(written == of_run.out && written.starts_with("<svg "), "the same picture");
    let part = told(&["export", &journal, "--to", "svg", "--from", "66s", "--until", "67s"]);
    assert!(part.out.contains(">66.5<") && !part.out.contains(">70<"), "its own ticks");
}

#[test]
fn a_wrong_call_is_told_what_was_expected() {
    let cases: [(&[&str], &str); 5] = [
        (&["export", "--to", "svg", "--show", "scene", "--at", "66"], "such as \"66s\""),
        (&["export", "--to", "svg", "--from", "9s", "--until", "8s"], "a moment after --from"),
        (&["export", "--to", "svg", "--at", "66s"], "`--show scene` only"),
        (&["export", "no-such-site", "--to", "svg"], "topology"),
        (&["export"], "--to <FORM>"),
    ];
    for (call, wanted) in cases {
        let answer = told(call);
        assert_eq!(answer.status, 2, "{call:?}: {}", answer.err);
        assert!(answer.err.contains(wanted), "{call:?}: {}", answer.err);
    }
    let kept = "tests/journals/nic-loss.dagtwin";
    let answer = told(&["export", kept, "--to", "svg", "--scenario", "power-off"]);
    assert!(answer.status == 2 && answer.err.contains("a journal has been"), "{}", answer.err);
}
