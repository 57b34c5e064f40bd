//! What `dagtwin watch` costs: taking records in, going to a moment, drawing a picture. The plain
//! loop, which looks at every record once, is the measure for the first.

#![allow(missing_docs)]

mod site;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use dagtwin::base::Span;
use dagtwin::journal::{Header, What};
use dagtwin::sim::{Recording, simulate};
use dagtwin::tui::app::App;
use dagtwin::tui::command::Command;
use dagtwin::tui::link::Link;
use dagtwin::tui::render;
use dagtwin::tui::theme::{Depth, Theme};
use dagtwin::view::Scene;
use dagtwin::view::film::Film;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use std::hint::black_box;
use std::sync::mpsc::channel;

fn watch(c: &mut Criterion) {
    let (topology, scenario) = site::nic_loss(900, Span::from_secs(300));
    let header = Header::of_run(&topology, &scenario, 1);
    let records = simulate(&topology, &scenario, 1, Recording::Memory).records;
    let mut group = c.benchmark_group("watch");
    group.throughput(Throughput::Elements(records.len() as u64));
    group.bench_function("plain loop over the records", |b| {
        b.iter(|| {
            let plant = records.iter().filter(|record| matches!(record.what, What::Plant(_)));
            black_box(plant.map(|record| record.at.as_nanos()).fold(0_u64, u64::wrapping_add))
        });
    });
    group.bench_function("scene folded from the records", |b| {
        b.iter(|| {
            let mut scene = Scene::new(&topology, &scenario);
            records.iter().for_each(|record| scene.apply(record));
            scene.into_state()
        });
    });
    group.bench_function("film of the records", |b| {
        let given = || (header.clone(), records.clone());
        b.iter_batched(given, |(header, records)| Film::of(header, records), BatchSize::LargeInput);
    });
    group.finish();
    let mut group = c.benchmark_group("watch");
    let film = Film::of(header.clone(), records.clone());
    group.bench_function("the site in the middle of the run", |b| {
        b.iter(|| film.scene(records.len() / 2).into_state());
    });
    let (requests, _asked) = channel();
    let (_tell, replies) = channel();
    let theme = Theme { depth: Depth::True, unicode: true };
    let mut app = App::new(film, theme, "dagtwin watch".to_owned(), Link { requests, replies });
    let mut buffer = Buffer::empty(Rect::new(0, 0, 200, 60));
    let mut step = 1;
    group.bench_function("a step of scrubbing, drawn at 200x60", |b| {
        b.iter(|| {
            if app.at >= app.window.to || app.at <= app.window.from {
                step = -step;
            }
            app.update(Command::Scrub(step));
            buffer.reset();
            render::draw(&mut app, &mut buffer)
        });
    });
    group.finish();
}

criterion_group!(benches, watch);
criterion_main!(benches);
