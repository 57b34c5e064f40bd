//! One page with everything: no file beside it, no network, and nothing that needs a script.

mod tables;

use super::svg::{Panel, described, escaped, panel};
use super::{Report, percentile};
use crate::lab::sweep::VERSION;

const STYLE: &str = include_str!("html/page.css");
/// Counts what goes wrong in the page, from its beginning on.
const WATCH: &str = include_str!("html/watch.js");
/// Sorts the table and lights up curves.
const SCRIPT: &str = include_str!("html/page.js");

/// What the page may load: what stands in it.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
                      img-src data:; base-uri 'none'; form-action 'none'";

/// The page.
///
/// # Errors
/// If a chart cannot be drawn.
pub fn page(report: &Report) -> Result<String, String> {
    let title = escaped(report.title);
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{title}: a sweep</title>\n<style>\n{STYLE}</style>\n\
         <script>\n{WATCH}</script>\n</head>\n<body>\n"
    );
    out += &head(report, &title);
    out += "<main>\n";
    out += &section("points-title", "Points", &tables::points(report));
    let own = |one: Panel, id: &str| panel(report, one, id);
    if let Some(svg) = own(Panel::Curves, "curves")? {
        let words = "Up is worse, and far to the right are the rare runs. The scale gives every \
                     nine more the same room. A row of the table lights up its curve.";
        out += &section("curves-heading", "Percentile curves", &figure("curves", &svg, words));
    }
    if let Some(svg) = own(Panel::Budget, "budget")? {
        let words = "Every bar is one real run, whose outage has the rank of the percentile: its \
                     stages add up to it.";
        let body = figure("budget", &svg, words) + &tables::budget(report);
        out += &section("budget-heading", "Outage budget", &body);
    }
    if let Some(svg) = own(Panel::Frontier, "frontier")? {
        let words = "Left is a site that takes fewer hiccups for failures, low is one that is \
                     back sooner.";
        out += &section(
            "frontier-heading",
            "Outage against false failovers",
            &figure("frontier", &svg, words),
        );
    }
    if let Some(svg) = &report.timeline {
        let title = "Timeline of the run that stands for the median";
        let words = "Lanes over time of the run that stands for the median, with the stages of \
                     its outage below them.";
        let svg = described(svg, "timeline", title, words);
        out += &section("timeline-heading", title, &figure("timeline", &svg, words));
    }
    out += "</main>\n";
    out += &format!(
        "<footer>\n<p>Made by dagtwin {}. This page loads nothing from anywhere.</p>\n</footer>\n\
         <script>\n{SCRIPT}</script>\n</body>\n</html>\n",
        escaped(VERSION)
    );
    Ok(out)
}

/// What the page is about and how it is made again.
fn head(report: &Report, title: &str) -> String {
    let study = report.study;
    let plan = study.plan;
    let runs: usize =
        study.points.iter().flat_map(|point| &point.cases).map(|case| case.runs.len()).sum();
    let points = match study.points.len() {
        1 => "1 point".to_owned(),
        several => format!("{several} points"),
    };
    let mut out = format!("<header>\n<h1>{title}</h1>\n");
    out += &format!(
        "<p>{points}, {runs} runs. The sweep looks at the {} of <b>{}</b>, in seconds.</p>\n",
        percentile(plan.percentile),
        escaped(&plan.measure)
    );
    if study.partial {
        out += "<p class=\"warn\">Runs are missing: the sweep was stopped, or this is a share of \
                it.</p>\n";
    }
    let repeat = escaped(report.repeat);
    out + &format!(
        "<p>This command makes it again:</p>\n<pre tabindex=\"0\"><code>{repeat}</code></pre>\n\
         </header>\n"
    )
}

fn section(id: &str, title: &str, body: &str) -> String {
    let title = escaped(title);
    format!("<section aria-labelledby=\"{id}\">\n<h2 id=\"{id}\">{title}</h2>\n{body}</section>\n")
}

/// A picture with words below it; pictures are black on white whatever the page is.
fn figure(id: &str, svg: &str, words: &str) -> String {
    format!(
        "<figure>\n<div class=\"sheet\" id=\"{id}\">\n{svg}</div>\n\
         <figcaption>{}</figcaption>\n</figure>\n",
        escaped(words)
    )
}
