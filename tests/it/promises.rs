//! docs/PROMISES.md shows every promise as its file in `check` says it.

use crate::program::told;
use crate::source::{root, updating};
use dagtwin::check::hazards::HAZARDS;
use dagtwin::check::{ALL, PHYSICS, Promise};

const PAGE: &str = "docs/PROMISES.md";
const BEGIN: &str = "<!-- promises: UPDATE=1 cargo test --test it promises -->\n";
const END: &str = "<!-- end of promises -->\n";

const HAZARDS_ARE: &str = "What the real design permits though nobody wants it. It breaks a \
                            promise and explains it, or is measured; a swarm counts it apart.";

fn section(promise: &Promise) -> String {
    let mut text = format!("### {}\n\n", promise.name);
    text += &format!("{}.\n\n", upper(promise.statement));
    text += &format!("- source: {}\n- kind: {}\n", promise.source, promise.kind.word());
    text += &format!("- judged: {}\n- not promised: {}\n", promise.applies, promise.not);
    text
}

fn upper(sentence: &str) -> String {
    format!("{}{}", sentence[..1].to_uppercase(), &sentence[1..])
}

fn sections() -> String {
    let list = |promises: &[Promise]| {
        let sections: Vec<String> = promises.iter().map(section).collect();
        sections.join("\n")
    };
    let hazards = HAZARDS.iter().map(|hazard| {
        format!("- **{}**: {} ({}).\n", hazard.name, hazard.statement, hazard.source)
    });
    format!(
        "\n## Of the cluster\n\n{}\n## Of nature\n\n{}\n## Hazards\n\n{HAZARDS_ARE}\n\n{}\n",
        list(ALL),
        list(PHYSICS),
        hazards.collect::<String>()
    )
}

#[test]
fn the_page_shows_every_promise() {
    let path = root().join(PAGE);
    let page = std::fs::read_to_string(&path).expect("the page");
    let (before, rest) = page.split_once(BEGIN).expect("the mark of the beginning");
    let (shown, after) = rest.split_once(END).expect("the mark of the end");
    if updating() {
        let text = format!("{before}{BEGIN}{}{END}{after}", sections());
        std::fs::write(&path, text).expect("writable");
        return;
    }
    assert!(shown == sections(), "{PAGE} is not what the promises say; UPDATE=1 rewrites it");
}

#[test]
fn the_list_tells_what_each_promise_leaves_open() {
    let list = told(&["list", "promises", "--format", "json"]);
    let list: serde_json::Value = serde_json::from_str(&list.out).expect("JSON");
    let rows = list["promises"].as_array().expect("a list");
    assert_eq!(rows.len(), ALL.len() + PHYSICS.len());
    for (row, promise) in rows.iter().zip(ALL.iter().chain(PHYSICS)) {
        assert_eq!(row["name"], promise.name);
        for (key, text) in [("applies", promise.applies), ("not", promise.not)] {
            assert_eq!(row[key], text, "{}", promise.name);
            assert!(!text.is_empty() && !text.ends_with('.'), "{}: {text}", promise.name);
        }
    }
}
