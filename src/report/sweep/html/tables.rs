//! The numbers of the page: every case of every point, and the stages of the outage.

use crate::base::Span;
use crate::lab::sweep::{Case, CaseStudy, Event, NEVER, Outcome, PointStudy};
use crate::report::sweep::svg::{budget, color, curves, escaped};
use crate::report::sweep::{Report, interval, percentile, probability, told};
use plotters::style::RGBColor;

/// The percentiles of the table, in thousandths.
const SHOWN: [u32; 3] = [500, 950, 990];
/// What counts.
const EVENTS: [Event; 3] = [Event::Failover, Event::Broken, Event::NotBack];

/// The percentiles of the table with that of the plan.
fn shown(report: &Report) -> Vec<u32> {
    let mut all = SHOWN.to_vec();
    all.push(report.study.plan.percentile);
    all.sort_unstable();
    all.dedup();
    all
}

/// Every case of every point with its numbers.
pub(super) fn points(report: &Report) -> String {
    let keys = report.keys();
    let shown = shown(report);
    let failover = if report.has_hiccups() {
        "failed over <span class=\"range\">after a hiccup: falsely</span>"
    } else {
        "failed over"
    };
    let mut heads = vec!["point".to_owned()];
    heads.extend(keys.iter().map(|key| format!("<code>{}</code>", escaped(key))));
    heads.extend(["case".to_owned(), "runs".to_owned()]);
    heads.extend(shown.iter().map(|one| percentile(*one)));
    heads.extend([failover, "broken", "not back"].map(str::to_owned));
    let mut out = "<div class=\"scroll\">\n<table id=\"points\">\n".to_owned();
    out += &format!(
        "<caption>Percentiles of {} in seconds and shares of runs, each with its 95 % interval; \
         an end that too few runs leave open is …</caption>\n",
        escaped(&report.study.plan.measure)
    );
    let cells: Vec<String> =
        heads.iter().map(|head| format!("<th scope=\"col\">{head}</th>")).collect();
    out += &format!("<thead>\n<tr>{}</tr>\n</thead>\n<tbody>\n", cells.concat());
    let curves = curves(report);
    for (place, point) in report.study.points.iter().enumerate() {
        let curve = curves.iter().position(|known| *known == place);
        let lead = lead(place, point, &keys, curve.map(color));
        if point.refused.is_empty() {
            for case in &point.cases {
                let color = curve.filter(|_| case.case == Case::Planned).map(color);
                out += &row(report, &lead, case, &shown, color);
            }
        } else {
            let why: Vec<String> = point.refused.iter().map(ToString::to_string).collect();
            let why = escaped(&why.join("; "));
            let span = heads.len() - keys.len() - 1;
            out += &format!("<tr>{lead}<td colspan=\"{span}\">refused: {why}</td></tr>\n");
        }
    }
    out + "</tbody>\n</table>\n</div>\n"
}

/// A point's number and values.
fn lead(place: usize, point: &PointStudy, keys: &[&str], color: Option<RGBColor>) -> String {
    let square = color.map_or_else(String::new, |color| {
        let color = hex(color);
        format!("<span class=\"square\" style=\"background:{color}\"></span>")
    });
    let mut out = format!("<th scope=\"row\" data-value=\"{place}\">{square}{place}</th>");
    for key in keys {
        let value = point.point.iter().find(|one| one.key == *key);
        out += &match value {
            Some(one) => format!("<td>{}</td>", escaped(&one.value)),
            None => "<td class=\"dim\">as it is</td>".to_owned(),
        };
    }
    out
}

/// A colour as it stands in the curves, in small letters.
fn hex(RGBColor(red, green, blue): RGBColor) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

fn row(
    report: &Report,
    lead: &str,
    case: &CaseStudy,
    shown: &[u32],
    color: Option<RGBColor>,
) -> String {
    let lit = color.map_or_else(String::new, |color| format!(" data-color=\"{}\"", hex(color)));
    let runs = case.runs.len();
    let mut out = format!("<tr{lit}>{lead}<td class=\"case\">{}</td>", escaped(&case.case.told()));
    out += &number(runs as f64, &runs.to_string(), "");
    let sorted = case.sorted(&report.study.plan.measure);
    for thousandths in shown {
        out += &match crate::lab::statistics::Quantile::of(&sorted, *thousandths) {
            Some(found) => number(order(found.value), &told(found.value), &interval(&found)),
            None => number(-1.0, "–", ""),
        };
    }
    for event in EVENTS {
        let found = case.proportion(&Outcome::Event(event));
        let (share, range) = probability(&found);
        out += &number(found.share().unwrap_or(-1.0), &share, &range);
    }
    out + "</tr>\n"
}

/// Where a duration stands among others: last, if it has no end.
fn order(span: Span) -> f64 {
    if span == NEVER { 1e30 } else { span.as_nanos() as f64 }
}

/// A number with what it is sorted by, and its interval.
fn number(order: f64, text: &str, range: &str) -> String {
    let range = match range {
        "" => String::new(),
        range => format!("<span class=\"range\">{}</span>", escaped(range)),
    };
    format!("<td class=\"number\" data-value=\"{order}\">{}{range}</td>", escaped(text))
}

/// The stages of the outage in the run that stands for each percentile.
pub(super) fn budget(report: &Report) -> String {
    let Some((place, budget)) = budget::budget(report) else { return String::new() };
    let point = &report.study.points[place];
    let mut out = "<div class=\"scroll\">\n<table>\n".to_owned();
    out += &format!(
        "<caption>Seconds by stage, point {place}: {}. On the right the stage alone, over all \
         runs.</caption>\n",
        escaped(&point.label())
    );
    let mut heads = vec!["stage".to_owned()];
    heads.extend(budget.rows.iter().map(|row| percentile(row.thousandths)));
    heads.extend(["alone, p50".to_owned(), "alone, p95".to_owned()]);
    let cells: Vec<String> =
        heads.iter().map(|head| format!("<th scope=\"col\">{}</th>", escaped(head))).collect();
    out += &format!("<thead>\n<tr>{}</tr>\n</thead>\n<tbody>\n", cells.concat());
    let cell = |span: Span| format!("<td class=\"number\">{}</td>", told(span));
    for (number, stage) in budget.stages.iter().enumerate() {
        let spans = budget.rows.iter().map(|row| row.stages[number]);
        let cells: Vec<String> = spans.chain([stage.p50, stage.p95]).map(cell).collect();
        let name = escaped(&stage.name);
        out += &format!("<tr><th scope=\"row\">{name}</th>{}</tr>\n", cells.concat());
    }
    let wholes: Vec<String> = budget.rows.iter().map(|row| cell(row.whole)).collect();
    out += &format!(
        "</tbody>\n<tfoot>\n<tr><th scope=\"row\">the whole</th>{}<td></td><td></td></tr>\n",
        wholes.concat()
    );
    let seeds: Vec<String> = budget
        .rows
        .iter()
        .map(|row| format!("<td class=\"number\">seed {}</td>", row.seed))
        .collect();
    out += &format!(
        "<tr><th scope=\"row\">the run</th>{}<td></td><td></td></tr>\n</tfoot>\n</table>\n</div>\n",
        seeds.concat()
    );
    if budget.without > 0 {
        out += &format!(
            "<p>{} runs have no outage that ended, and are not in it.</p>\n",
            budget.without
        );
    }
    out
}
