//! The page of a sweep in a browser without a window: what its scripts leave in it, that nothing
//! in it fails, and that it asks the network for nothing.

use crate::program::Folder;
use crate::sweep_files::{text, with_report};
use std::path::PathBuf;
use std::process::{Command, Stdio};

const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
/// With it, a browser that is missing is a failure.
const NO_SKIP: &str = "DAGTWIN_NO_SKIP";

/// The browser: `$CHROME`, or the first of the usual names on the path. Without one the test says
/// so and is over, unless nothing may be skipped.
#[allow(clippy::disallowed_methods, reason = "which browser there is, no result depends on it")]
fn browser() -> Option<PathBuf> {
    let own = std::env::var_os("CHROME").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut usual = NAMES
        .iter()
        .flat_map(|name| std::env::split_paths(&path).map(move |folder| folder.join(name)));
    let found = own.or_else(|| usual.find(|file| file.is_file()));
    if found.is_none() {
        let why = format!("none of {} is on the path, and $CHROME is not set", NAMES.join(", "));
        assert!(std::env::var_os(NO_SKIP).is_none(), "{why}; with {NO_SKIP} that is a failure");
        eprintln!("skipped: {why}");
    }
    found
}

/// The page as it is after its scripts have run.
fn opened(browser: &PathBuf, folder: &Folder, name: &str, page: &str) -> String {
    let file = folder.path(name);
    std::fs::write(&file, page).expect("the folder takes it");
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"])
        .args(["--no-first-run", "--disable-background-networking"])
        .args(["--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"])
        .arg(format!("--user-data-dir={}", folder.path(&format!("{name}.profile"))))
        .args(["--dump-dom", &format!("file://{file}")])
        .stdin(Stdio::null())
        .output()
        .expect("the browser starts");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {told}", output.status);
    String::from_utf8(output.stdout).expect("a page is a text")
}

/// What the page's root element has under a name.
fn of_root(dom: &str, name: &str) -> u64 {
    let root = dom.split_once("<html ").and_then(|(_, rest)| rest.split_once('>'));
    let (root, _) = root.expect("a root element");
    let value = root.split_once(&format!("data-{name}=\"")).and_then(|(_, v)| v.split_once('"'));
    value.unwrap_or_else(|| panic!("no data-{name}: {root}")).0.parse().expect("a number")
}

/// Addresses that a page would load or lead to.
fn addresses(page: &str) -> Vec<&str> {
    let starts = ["src=\"", "href=\"", "srcset=\"", "url(", "@import"];
    let all = starts.into_iter().flat_map(|start| page.split(start).skip(1));
    all.map(|rest| rest.split(['"', ')', ';']).next().unwrap_or_default())
        .filter(|address| !address.starts_with('#') && !address.starts_with("data:"))
        .collect()
}

#[test]
fn a_page_names_nothing_outside_of_it() {
    with_report(|report| {
        let page = text(report, "runs.html");
        assert_eq!(addresses(&page), [""; 0]);
        let spaces = page.replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
        assert!(!spaces.contains("http:") && !spaces.contains("https:"), "no other address");
    });
    let bad = "<img src=\"//a.b/c.png\"><a href=\"#d\"></a><p style=\"background:url(e.png)\">";
    assert_eq!(addresses(bad), ["//a.b/c.png", "e.png"], "the judge sees them");
}

#[test]
fn a_browser_shows_every_point_and_nothing_fails() {
    let Some(browser) = browser() else { return };
    let folder = Folder::new("browser");
    with_report(|report| {
        let page = text(report, "runs.html");
        let dom = opened(&browser, &folder, "runs.html", &page);
        let count = |name: &str| of_root(&dom, name);
        assert_eq!((count("errors"), count("violations")), (0, 0));
        let points = &report.study.points;
        let refused = points.iter().filter(|point| !point.refused.is_empty()).count();
        let cases = report.study.plan.cases().len();
        let rows = (points.len() - refused) * cases + refused;
        assert_eq!(count("rows") as usize, rows, "a row for every case of every point");
        assert_eq!(count("curves") as usize, points.len() - refused, "a curve for every point");
        for place in 0..points.len() {
            assert!(dom.contains(&format!("data-value=\"{place}\"")), "point {place}");
        }
        assert!(dom.contains("<th scope=\"col\"><button type=\"button\">point</button></th>"));
        for id in ["curves", "budget", "frontier", "timeline"] {
            assert!(dom.contains(&format!("aria-labelledby=\"{id}-title {id}-told\"")), "{id}");
        }
    });
}

#[test]
fn a_browser_tells_of_a_page_that_fails() {
    let Some(browser) = browser() else { return };
    let folder = Folder::new("browser-bad");
    let page = with_report(|report| text(report, "runs.html"));
    let wrong = "<img alt=\"\" src=\"http://127.0.0.1:9/a.png\"><script>nothing.there()</script>";
    let dom = opened(&browser, &folder, "bad.html", &page.replace("<main>", wrong));
    assert!(of_root(&dom, "errors") > 0 && of_root(&dom, "violations") > 0);
}
