//! A study of capacity as a picture: how near everything comes to its limit as users become more,
//! and the latency of requests before, during and after the failover.

use crate::base::MachineId;
use crate::lab::capacity::{Kind, Measure, PHASES, Study, Trial, users};
use crate::model::topology::ClientKind;
use crate::report::palette::COLORS;
use plotters::coord::Shift;
use plotters::prelude::*;
use std::collections::BTreeMap;
use std::io::{self, Write};

const SIZE: (u32, u32) = (960, 720);
/// Nothing is drawn higher than this share of its limit, in percent.
const HIGHEST: f64 = 200.0;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

pub(super) fn write(study: &Study, out: &mut dyn Write) -> io::Result<()> {
    let mut picture = String::new();
    draw(study, &mut picture).map_err(io::Error::other)?;
    out.write_all(picture.as_bytes())
}

fn draw(study: &Study, picture: &mut String) -> Result<(), String> {
    let root = SVGBackend::with_string(picture, SIZE).into_drawing_area();
    root.fill(&WHITE).map_err(text)?;
    let title = format!(
        "{}: {} lost",
        study.topology.name,
        study.topology.machine_name(study.question.lost)
    );
    let root = root.titled(&title, ("sans-serif", 22)).map_err(text)?;
    let (upper, lower) = root.split_vertically(400);
    limits(study, &upper)?;
    latencies(study, &lower)?;
    root.present().map_err(text)
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// One line: a kind of value on a machine, by the number of users.
type Lines = BTreeMap<(MachineId, Kind), Vec<(f64, f64)>>;

/// Shares of limits, in percent, by users: of the run itself and of every trial of the first seed.
fn lines(study: &Study) -> Lines {
    let mut lines = Lines::new();
    let mut add = |users: u32, measures: &[Measure]| {
        for measure in measures {
            let Some(share) = measure.of_limit() else { continue };
            let line = lines.entry((measure.machine, measure.kind)).or_default();
            line.push((f64::from(users), (share as f64 / 1e4).min(HIGHEST)));
        }
    };
    add(users(study.topology), &study.one);
    let first = study.search.iter().flat_map(|search| search.brackets.first());
    for Trial { users, measures, .. } in first.flat_map(|bracket| &bracket.tried) {
        add(*users, measures);
    }
    for line in lines.values_mut() {
        line.sort_by(|a, b| a.0.total_cmp(&b.0));
    }
    // What never matters only hides the rest.
    lines.retain(|_, line| line.iter().any(|(_, share)| *share >= 10.0));
    lines
}

fn limits(study: &Study, area: &Area) -> Result<(), String> {
    let lines = lines(study);
    let all = lines.values().flatten().map(|(users, _)| *users);
    let most = all.fold(f64::from(users(study.topology)), f64::max).max(1.0);
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .caption("After the failover, share of each limit by users", ("sans-serif", 16))
        .x_label_area_size(36)
        .y_label_area_size(52)
        .build_cartesian_2d(0.0..most * 1.05, 0.0..HIGHEST)
        .map_err(text)?;
    chart
        .configure_mesh()
        .x_desc("users")
        .y_desc("percent of the limit")
        .light_line_style(TRANSPARENT)
        .draw()
        .map_err(text)?;
    let hundred = [(0.0, 100.0), (most * 1.05, 100.0)];
    chart.draw_series(LineSeries::new(hundred, BLACK.stroke_width(1))).map_err(text)?;
    if let Some(search) = &study.search {
        let (low, high) = search.interval();
        let (low, high) = (f64::from(low), high.map_or(most, f64::from));
        let band = Rectangle::new([(low, 0.0), (high, HIGHEST)], COLORS[4].mix(0.25).filled());
        let legend =
            |(x, y)| Rectangle::new([(x, y - 5), (x + 18, y + 5)], COLORS[4].mix(0.4).filled());
        chart
            .draw_series([band])
            .map_err(text)?
            .label(format!("carried at most: {low} to {high}"))
            .legend(legend);
    }
    for (number, ((machine, kind), line)) in lines.into_iter().enumerate() {
        let color = COLORS[number % COLORS.len()];
        let name = format!("{} {}", study.topology.machine_name(machine), kind.word());
        let dots = line.clone();
        chart
            .draw_series(LineSeries::new(line, color.stroke_width(2)))
            .map_err(text)?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], color.stroke_width(2)));
        let dots = dots.into_iter().map(|at| Circle::new(at, 3, color.filled()));
        chart.draw_series(dots).map_err(text)?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.85))
        .border_style(BLACK.mix(0.3))
        .draw()
        .map_err(text)
}

/// Percentiles that are drawn, lightest first.
const PERCENTS: [u8; 3] = [99, 90, 50];

fn latencies(study: &Study, area: &Area) -> Result<(), String> {
    let windows = &study.run.windows;
    let kinds: Vec<ClientKind> = ClientKind::ALL
        .into_iter()
        .filter(|kind| windows.iter().any(|window| window.latency.contains_key(kind)))
        .collect();
    let ms = |kind: &ClientKind, phase: usize, percent: u8| {
        let figures = windows[phase].latency.get(kind)?;
        Some(figures.percentile(percent).as_nanos() as f64 / 1e6)
    };
    let phases = PHASES.len();
    let all = kinds.iter().flat_map(|kind| (0..phases).filter_map(|phase| ms(kind, phase, 99)));
    let most = all.fold(1.0, f64::max) * 1.5;
    let columns = (kinds.len() * phases).max(1);
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .caption("Latency of requests: median, 90th and 99th percentile", ("sans-serif", 16))
        .x_label_area_size(8)
        .y_label_area_size(52)
        .build_cartesian_2d(0.0..columns as f64, (0.5..most).log_scale())
        .map_err(text)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .x_labels(0)
        .y_desc("ms")
        .light_line_style(TRANSPARENT)
        .draw()
        .map_err(text)?;
    for (phase, name) in PHASES.into_iter().enumerate() {
        let color = COLORS[phase];
        let bars = kinds.iter().enumerate().flat_map(|(place, kind)| {
            PERCENTS.into_iter().enumerate().filter_map(move |(shade, percent)| {
                let left = (place * phases + phase) as f64 + 0.15;
                let top = ms(kind, phase, percent)?.max(0.5);
                let color = color.mix(0.35 + 0.3 * shade as f64);
                Some(Rectangle::new([(left, 0.5), (left + 0.7, top)], color.filled()))
            })
        });
        let square = move |(x, y)| Rectangle::new([(x, y - 5), (x + 10, y + 5)], color.filled());
        chart.draw_series(bars).map_err(text)?.label(name).legend(square);
    }
    let names = kinds.iter().enumerate().map(|(place, kind)| {
        let at = ((place * phases) as f64 + 0.17, most * 0.8);
        Text::new(kind.word(), at, ("sans-serif", 12))
    });
    chart.draw_series(names).map_err(text)?;
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::MiddleRight)
        .background_style(WHITE.mix(0.85))
        .draw()
        .map_err(text)
}
