//! `dagtwin watch`: the screen as a picture of a run, at several sizes and with several
//! terminals; keys and clicks; what a film folds.
//!
//! Expected screens are in `tests/watch/`; `UPDATE=1` rewrites them.

use crate::site;
use dagtwin::base::draw::{Purpose, Stream};
use dagtwin::base::{Instant, Span};
use dagtwin::journal::{Digest, Header, Record};
use dagtwin::sim::{Recording, simulate};
use dagtwin::tui::app::{App, Mode, Wish};
use dagtwin::tui::command::{Command, Pane};
use dagtwin::tui::keys::{Key, TABLE};
use dagtwin::tui::link::{Link, Reply, Request};
use dagtwin::tui::mouse::Mouse;
use dagtwin::tui::render;
use dagtwin::tui::theme::{Depth, Theme};
use dagtwin::view::film::Film;
use dagtwin::view::outage::outages;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Color;
use std::sync::mpsc::{Receiver, Sender, channel};

const COLORED: Theme = Theme { depth: Depth::True, unicode: true };

fn run_of(name: &str) -> (Header, Vec<Record>) {
    let built = site::named(name);
    let recorded = simulate(&built.topology, &built.scenario, 1, Recording::Memory);
    (Header::of_run(&built.topology, &built.scenario, 1), recorded.records)
}

struct Screen {
    app: App,
    requests: Receiver<Request>,
    replies: Sender<Reply>,
}

impl Screen {
    fn of(film: Film, theme: Theme) -> Self {
        let (to, requests) = channel();
        let (replies, from) = channel();
        let link = Link { requests: to, replies: from };
        let command = "dagtwin watch nic-loss.dagtwin".to_owned();
        Screen { app: App::new(film, theme, command, link), requests, replies }
    }

    fn nic_loss() -> Self {
        let (header, records) = run_of("nic-loss");
        Screen::of(Film::of(header, records), COLORED)
    }

    fn keys(&mut self, keys: &str) -> &mut Self {
        for key in keys.chars() {
            self.app.key(match key {
                '\n' => Key::Enter,
                '\t' => Key::Tab,
                '\x1b' => Key::Escape,
                other => Key::Char(other),
            });
        }
        self
    }

    fn buffer(&mut self, width: u16, height: u16) -> Buffer {
        let mut terminal =
            Terminal::new(TestBackend::new(width, height)).expect("a terminal in memory");
        let drawn = terminal.draw(|frame| {
            if let Some(at) = render::draw(&mut self.app, frame.buffer_mut()) {
                frame.set_cursor_position(at);
            }
        });
        drawn.expect("it draws").buffer.clone()
    }

    fn text(&mut self, width: u16, height: u16) -> String {
        text(&self.buffer(width, height))
    }
}

fn text(buffer: &Buffer) -> String {
    let rows = buffer.content().chunks(usize::from(buffer.area.width.max(1)));
    let rows = rows.map(|row| row.iter().map(|cell| cell.symbol()).collect::<String>());
    rows.map(|row| row.trim_end().to_owned() + "\n").collect()
}

fn compare(name: &str, screen: &str) {
    let path = crate::source::root().join("tests/watch").join(format!("{name}.txt"));
    if crate::source::updating() {
        std::fs::write(&path, screen).expect("the expected screen is written");
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(expected == screen, "{name}: the screen is another; UPDATE=1 shows how:\n{screen}");
}

#[test]
fn the_first_screen_tells_when_mail_was_out_and_why() {
    let mut screen = Screen::nic_loss();
    for (width, height) in [(60, 15), (80, 24), (120, 40), (200, 60)] {
        let shown = screen.text(width, height);
        compare(&format!("first-{width}x{height}"), &shown);
        let story: String = shown.lines().skip(1).take(5).collect::<Vec<_>>().join(" ");
        let story = story.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(story.contains("Outlook was out"), "{width}x{height}: {story}");
        assert!(story.contains("nic-down on EX01"), "{width}x{height}: {story}");
    }
}

#[test]
fn every_pane_at_every_size() {
    for (width, height) in [(60, 15), (80, 24), (200, 60)] {
        for pane in Pane::ALL {
            let mut screen = Screen::nic_loss();
            // A moment in the middle: the copy on EX02 is being mounted.
            screen.keys(":67s\n");
            screen.app.update(Command::Focus(pane));
            screen.app.update(Command::Maximise);
            let name = format!("{pane:?}-{width}x{height}").to_lowercase();
            compare(&name, &screen.text(width, height));
        }
    }
}

#[test]
fn a_terminal_without_colours_gets_none_and_loses_nothing() {
    let (header, records) = run_of("nic-loss");
    let film = Film::of(header, records);
    let mut screen = Screen::of(film, Theme { depth: Depth::Mono, unicode: false });
    screen.keys(":67s\n");
    let buffer = screen.buffer(120, 40);
    for cell in buffer.content() {
        assert_eq!((cell.fg, cell.bg), (Color::Reset, Color::Reset));
        assert!(cell.symbol().is_ascii(), "{:?}", cell.symbol());
    }
    compare("mono-120x40", &text(&buffer));
}

#[test]
fn a_terminal_of_sixteen_colours_gets_those_of_its_own_theme() {
    let (header, records) = run_of("nic-loss");
    let mut screen =
        Screen::of(Film::of(header, records), Theme { depth: Depth::Sixteen, unicode: true });
    let buffer = screen.buffer(120, 40);
    let colors = buffer.content().iter().map(|cell| cell.fg);
    let of_more = colors.filter(|color| matches!(color, Color::Rgb(..) | Color::Indexed(_)));
    assert_eq!(of_more.count(), 0);
    assert!(buffer.content().iter().any(|cell| cell.fg != Color::Reset));
}

#[test]
fn a_window_that_is_too_small_says_so_and_recovers() {
    let mut screen = Screen::nic_loss();
    assert!(screen.text(39, 9).contains("needed 40x10"));
    for (width, height) in [(1, 1), (2, 1), (1, 30), (300, 2), (40, 10), (41, 11)] {
        screen.text(width, height);
    }
    assert!(screen.text(80, 24).contains("Lanes"));
}

#[test]
fn help_has_every_row_of_the_key_table() {
    let mut screen = Screen::nic_loss();
    let help = screen.keys("?").text(120, 120);
    for row in TABLE.iter().flat_map(|section| section.rows) {
        assert!(help.contains(row.help), "{}", row.help);
        for key in row.keys {
            assert!(help.contains(&key.name()), "{}", key.name());
        }
    }
    screen.keys("x");
    assert!(matches!(screen.app.mode, Mode::Normal), "any key closes it");
    // On a small screen it scrolls, to its end and no further.
    screen.keys("?");
    for _ in 0..50 {
        screen.app.key(Key::PageDown);
        screen.text(60, 15);
    }
    assert!(screen.text(60, 15).contains("clients disconnected"));
}

/// A page has a text between two marks; `UPDATE=1` writes it there.
fn page_has(name: &str, mark: &str, text: &str) {
    let path = crate::source::root().join(name);
    let page = std::fs::read_to_string(&path).expect("the page");
    let (first, last) = (format!("<!-- {mark} -->\n"), format!("<!-- end of {mark} -->\n"));
    let (before, rest) = page.split_once(&first).expect("where it begins");
    let (_, after) = rest.split_once(&last).expect("where it ends");
    let wanted = format!("{before}{first}{text}{last}{after}");
    if crate::source::updating() {
        std::fs::write(&path, &wanted).expect("the page is written");
    }
    assert!(page == wanted || crate::source::updating(), "{name}: UPDATE=1 writes its {mark}");
}

#[test]
fn pages_show_the_keys_and_the_first_screen() {
    let mut keys = String::new();
    for section in TABLE {
        keys += &format!("| {} | |\n|---|---|\n", section.title);
        for row in section.rows {
            let names = row.keys.iter().map(|key| format!("`{}`", key.name()));
            let names: Vec<String> = names.collect();
            keys += &format!("| {} | {} |\n", names.join(" "), row.help);
        }
        keys.push('\n');
    }
    page_has("docs/WATCH.md", "keys", &keys);
    let screen = Screen::nic_loss().text(80, 24);
    page_has("README.md", "watch", &format!("```text\n{screen}```\n"));
}

#[test]
fn watching_changes_nothing() {
    let (header, records) = run_of("nic-loss");
    let before = Digest::of(&records);
    let mut screen = Screen::of(Film::of(header, records), COLORED);
    screen.keys("..,]][>>: 70s\n4jj5w2");
    screen.app.update(Command::Play);
    for _ in 0..50 {
        screen.app.update(Command::Tick(Span::from_millis(40)));
        screen.text(120, 40);
    }
    assert_eq!(Digest::of(screen.app.take().film.records()), before);
}

#[test]
fn a_film_is_the_same_however_its_records_come_in() {
    let (header, records) = run_of("nics-back-diverged");
    let whole = Film::of(header.clone(), records.clone());
    let mut parts = Film::new(header);
    let mut draws = Stream::new(7, 0, Purpose::Choice);
    let mut rest = records.clone();
    while !rest.is_empty() {
        let length = draws.below(rest.len() as u64 / 3 + 2) as usize;
        let later = rest.split_off(length.min(rest.len()));
        parts.push(std::mem::replace(&mut rest, later));
    }
    parts.end();
    assert!(whole.lanes() == parts.lanes(), "lanes");
    assert_eq!(whole.outages(), parts.outages());
    let at_once = outages(whole.topology(), whole.scenario(), &records);
    assert_eq!(whole.outages(), at_once);
    for records in [0, 1, 16_383, 16_384, 16_385, records.len()] {
        let (one, other) = (whole.scene(records), parts.scene(records));
        assert_eq!(format!("{one:?}"), format!("{other:?}"), "after {records} records");
    }
}

#[test]
fn the_scene_at_a_record_is_the_one_that_records_fold_to() {
    let (header, records) = run_of("nic-loss");
    let film = Film::of(header, records);
    let mut folded = film.scene(0);
    for (place, record) in film.records().iter().enumerate() {
        if place % 4_999 == 0 {
            assert_eq!(format!("{folded:?}"), format!("{:?}", film.scene(place)), "#{place}");
        }
        folded.apply(record);
    }
}

#[test]
fn time_can_be_walked_in_every_way() {
    let mut screen = Screen::nic_loss();
    let at = |millis: u64| Instant::ZERO.saturating_add(Span::from_millis(millis));
    screen.text(80, 24);
    assert_eq!(screen.app.at, at(60_000), "it opens where the trouble begins");
    screen.keys(":65.2s\n");
    assert_eq!(screen.app.at, at(65_200));
    screen.keys("ma:+3s\n");
    assert_eq!(screen.app.at, at(68_200));
    screen.keys("'a");
    assert_eq!(screen.app.at, at(65_200));
    screen.keys("''");
    assert_eq!(screen.app.at, at(68_200), "back to where the jump began");
    screen.keys("l");
    let step = screen.app.at;
    assert!(step > at(68_200));
    screen.keys("h");
    assert_eq!(screen.app.at, at(68_200));
    screen.keys("[");
    assert!(screen.app.take().edges().contains(&screen.app.at));
    screen.keys("G");
    assert_eq!(screen.app.at, at(300_000));
    screen.keys("g.");
    let number = screen.app.event().expect("an event");
    screen.keys(".,");
    assert_eq!(screen.app.event(), Some(number));
    screen.keys(":#1754\n");
    assert_eq!(screen.app.records, 1_755);
    screen.keys(":#99999999\n");
    assert!(matches!(screen.app.mode, Mode::Prompt(_)), "a wrong line stays to be mended");
    screen.keys("\x1b:60s\n ");
    screen.app.update(Command::Tick(Span::from_millis(500)));
    assert_eq!(screen.app.at, at(60_500), "a second a second");
    screen.keys(">");
    screen.app.update(Command::Tick(Span::from_millis(500)));
    assert_eq!(screen.app.at, at(62_000), "three seconds a second");
}

#[test]
fn events_are_filtered_and_searched() {
    let mut screen = Screen::nic_loss();
    screen.keys("&ex02 mounted\n");
    while screen.app.list.work(&screen.app.takes[0].film) {}
    let film = &screen.app.take().film;
    let count = screen.app.list.count(film);
    assert!(count > 0 && count < 20, "{count}");
    screen.keys("g.");
    assert!(screen.text(120, 40).contains("with `ex02 mounted`"));
    screen.keys("&");
    for _ in 0..20 {
        screen.app.key(Key::Backspace);
    }
    screen.keys("\n");
    // The prompt of an empty line that is deleted further is dropped; the filter stays.
    screen.keys("&");
    screen.app.key(Key::Ctrl('u'));
    screen.keys("\n/witness\n");
    let first = screen.app.event().expect("a match");
    screen.keys("n");
    let second = screen.app.event().expect("another match");
    assert_ne!(first, second);
    screen.keys("N");
    assert_eq!(screen.app.event(), Some(first));
    screen.keys("/no such words\n");
    assert!(screen.app.message.as_ref().is_some_and(|message| message.bad));
}

#[test]
fn the_cause_of_an_event_is_one_key_away() {
    let mut screen = Screen::nic_loss();
    screen.keys(":#1754\nff");
    let record = screen.app.event().expect("an event");
    let cause = screen.app.take().film.record(record).and_then(|record| record.cause);
    screen.keys("u");
    assert_eq!(screen.app.event(), cause);
    screen.app.key(Key::Backspace);
    assert_eq!(screen.app.event(), Some(record));
}

#[test]
fn clicks_and_the_wheel_do_what_keys_do() {
    let mut screen = Screen::nic_loss();
    let area = Rect::new(0, 0, 120, 40);
    screen.text(120, 40);
    let press = |screen: &mut Screen, x, y| {
        screen.app.mouse(Mouse::Press, Position::new(x, y), area);
    };
    let shown = screen.text(120, 40);
    let row = |name: &str| {
        let place = shown.lines().position(|line| line.contains(name)).expect(name);
        u16::try_from(place).expect("a row")
    };
    press(&mut screen, 60, row("CASArray  "));
    assert_eq!(screen.app.focus, Pane::Lanes);
    let middle = screen.app.at;
    screen.app.mouse(Mouse::Drag, Position::new(90, row("CASArray  ")), area);
    assert!(screen.app.at > middle);
    press(&mut screen, 20, row("4 Events") + 3);
    assert_eq!(screen.app.focus, Pane::Events);
    let at = screen.app.records;
    let down = Mouse::Wheel { up: false, control: false };
    screen.app.mouse(down, Position::new(20, row("4 Events") + 3), area);
    assert!(screen.app.records > at);
    let before = screen.app.window;
    let nearer = Mouse::Wheel { up: true, control: true };
    screen.app.mouse(nearer, Position::new(60, row("CASArray  ")), area);
    assert!(screen.app.window.length() < before.length());
    assert_eq!(screen.app.focus, Pane::Events, "the wheel moves no focus");
    press(&mut screen, 119, 39);
}

#[test]
fn ten_thousand_random_keys_and_clicks_do_no_harm() {
    let all: Vec<Key> = TABLE
        .iter()
        .flat_map(|section| section.rows)
        .flat_map(|row| row.keys)
        .copied()
        .chain("abcxyz0159 #%.+-".chars().map(Key::Char))
        .chain([Key::Enter, Key::Backspace, Key::Delete, Key::Ctrl('w'), Key::Ctrl('x')])
        .collect();
    let sizes = [(1, 1), (39, 9), (40, 10), (60, 15), (80, 24), (120, 40), (200, 60), (250, 12)];
    let mut screen = Screen::nic_loss();
    let mut draws = Stream::new(2026, 0, Purpose::Choice);
    let mut size = (80, 24);
    for number in 0..10_000 {
        match draws.below(20) {
            0 => size = sizes[draws.below(sizes.len() as u64) as usize],
            1 => {
                let (x, y) = (draws.below(size.0.into()), draws.below(size.1.into()));
                let what = match draws.below(4) {
                    0 => Mouse::Press,
                    1 => Mouse::Drag,
                    2 => Mouse::Wheel { up: true, control: draws.below(2) == 0 },
                    _ => Mouse::Wheel { up: false, control: draws.below(2) == 0 },
                };
                let at = Position::new(x as u16, y as u16);
                screen.app.mouse(what, at, Rect::new(0, 0, size.0, size.1));
            }
            2 => screen.app.update(Command::Tick(Span::from_millis(draws.below(500)))),
            _ => screen.app.key(all[draws.below(all.len() as u64) as usize]),
        }
        screen.app.wishes();
        // Nobody runs what-ifs here: they are refused, as if the run had failed.
        while screen.requests.try_recv().is_ok() {
            screen.replies.send(Reply::Refused("no".to_owned())).expect("it listens");
        }
        if number % 10 == 0 {
            screen.buffer(size.0, size.1);
        }
    }
    assert!(screen.app.at <= screen.app.take().film.last_moment());
}

#[test]
fn every_scenario_can_be_watched() {
    for built in site::all() {
        let recorded = simulate(&built.topology, &built.scenario, 1, Recording::Memory);
        let header = Header::of_run(&built.topology, &built.scenario, 1);
        let mut screen = Screen::of(Film::of(header, recorded.records), COLORED);
        screen.text(80, 24);
        assert!(screen.text(200, 60).contains(built.name), "{}", built.name);
        assert!(!screen.app.take().story().is_empty(), "{} has a story", built.name);
        screen.keys("]]");
        screen.text(200, 60);
    }
}

#[test]
fn quitting_is_asked_of_the_terminal() {
    let mut screen = Screen::nic_loss();
    screen.keys("q");
    assert_eq!(screen.app.wishes(), [Wish::Quit]);
    screen.keys("y");
    let copied = "dagtwin watch nic-loss.dagtwin --at 60s".to_owned();
    assert_eq!(screen.app.wishes(), [Wish::Copy(copied)]);
}

#[test]
fn a_journal_that_grows_is_followed() {
    let (header, records) = run_of("nic-loss");
    let mut screen = Screen::of(Film::new(header), COLORED);
    assert!(screen.text(80, 24).contains("reading"));
    screen.keys("F");
    let mut rest = records.clone();
    while !rest.is_empty() {
        let later = rest.split_off(rest.len().min(5_000));
        let part = std::mem::replace(&mut rest, later);
        screen.replies.send(Reply::Records(part)).expect("it listens");
        screen.app.update(Command::Tick(Span::from_millis(600)));
        assert_eq!(screen.app.at, screen.app.take().film.last_moment());
        screen.text(80, 24);
    }
    screen.replies.send(Reply::End(None)).expect("it listens");
    screen.app.update(Command::Tick(Span::from_millis(600)));
    assert!(screen.app.take().film.is_complete());
    assert_eq!(screen.app.take().film.records(), records);
    assert!(screen.text(80, 24).contains("Outlook was out"));
}
