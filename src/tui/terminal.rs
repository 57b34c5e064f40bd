//! The terminal: what it can do, its events, and how it is left as it was found.

#![expect(clippy::disallowed_types, reason = "the clock on the wall paces play, and nothing else")]

use super::app::{App, Wish};
use super::command::Command;
use super::keys::Key;
use super::mouse::Mouse;
use super::render;
use super::theme::{Depth, Theme};
use crate::base::Span;
use crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use crossterm::event::{DisableMouseCapture, EnableMouseCapture};
use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen};
use crossterm::{clipboard::CopyToClipboard, execute};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::{Position, Rect};
use std::io::{self, Stdout};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Time between two pictures while something moves.
const FRAME: Duration = Duration::from_millis(33);
/// How long records are taken in before the next picture.
const HEARING: Duration = Duration::from_millis(25);
/// The longest wait for a key while nothing moves.
const IDLE: Duration = Duration::from_millis(200);
/// A pause longer than this was no play: the machine slept, or the program was suspended.
const LONGEST_STEP: Duration = Duration::from_secs(1);

/// Exit status of a program whose terminal has gone, as shells have it for a hang-up.
const GONE: i32 = 129;

/// Whether the terminal is in our hands; whoever takes it back does it once.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// What of the terminal is used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Manners {
    /// Whether clicks are taken, instead of being left to the terminal for marking text.
    pub mouse: bool,
}

/// What a terminal can do, by its environment.
pub fn theme(variable: impl Fn(&str) -> Option<String>) -> Theme {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    let term = set("TERM").unwrap_or_default();
    let depth = if set("NO_COLOR").is_some() || term == "dumb" {
        Depth::Mono
    } else if set("COLORTERM").is_some_and(|value| value == "truecolor" || value == "24bit") {
        Depth::True
    } else if term.contains("256color") || term.contains("direct") {
        Depth::Indexed
    } else {
        Depth::Sixteen
    };
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set).unwrap_or_default();
    let locale = locale.to_lowercase();
    // The kernel's own console has few signs in its font.
    let unicode = (locale.contains("utf-8") || locale.contains("utf8")) && term != "linux";
    Theme { depth, unicode }
}

type Screen = Terminal<CrosstermBackend<Stdout>>;

fn enter(manners: Manners) -> io::Result<()> {
    crossterm::terminal::enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    execute!(io::stdout(), EnterAlternateScreen, crossterm::cursor::Hide)?;
    if manners.mouse {
        execute!(io::stdout(), EnableMouseCapture)?;
    }
    Ok(())
}

/// Gives the terminal back as it was found; harmless if it was never taken.
pub fn restore() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        // With the terminal gone there is nothing left to restore.
        let _ = execute!(
            io::stdout(),
            DisableMouseCapture,
            crossterm::cursor::Show,
            LeaveAlternateScreen
        );
        let _ = crossterm::terminal::disable_raw_mode();
    }
}

/// Ends the process when its terminal is gone: whoever waits for keys there waits without end.
fn end_with_terminal() -> io::Result<()> {
    const OFTEN: Duration = Duration::from_millis(500);
    // Where the size cannot be asked for, its absence tells nothing.
    if crossterm::terminal::window_size().is_err() {
        return Ok(());
    }
    let watch = || {
        let mut missed = 0;
        while missed < 3 {
            std::thread::sleep(OFTEN);
            missed = if crossterm::terminal::window_size().is_err() { missed + 1 } else { 0 };
        }
        std::process::exit(GONE);
    };
    std::thread::Builder::new().name("terminal".to_owned()).spawn(watch).map(drop)
}

/// Shows a screen until it is quit. `ended` tells that the process was asked to end.
///
/// # Errors
/// If the terminal fails.
pub fn run(app: &mut App, manners: Manners, ended: &AtomicBool) -> io::Result<()> {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        restore();
        before(info);
    }));
    // Colours are ours to leave out: crossterm's own way loses bold and reverse with them.
    crossterm::style::force_color_output(true);
    let shown = enter(manners).and_then(|()| {
        end_with_terminal()?;
        let mut screen = Terminal::new(CrosstermBackend::new(io::stdout()))?;
        turn(app, &mut screen, manners, ended)
    });
    restore();
    drop(std::panic::take_hook());
    shown
}

fn turn(
    app: &mut App,
    screen: &mut Screen,
    manners: Manners,
    ended: &AtomicBool,
) -> io::Result<()> {
    let mut before = Instant::now();
    let mut drawn = Rect::default();
    loop {
        let passed = before.elapsed();
        before = Instant::now();
        app.update(Command::Tick(span(passed.min(LONGEST_STEP))));
        while before.elapsed() < HEARING && app.hear() {}
        let size: Rect = screen.size()?.into();
        // A picture that would be the same is not drawn.
        if app.take_stale() || app.moves() || size != drawn {
            paint(app, screen)?;
            drawn = size;
        }
        let wait = if app.moves() { FRAME.saturating_sub(before.elapsed()) } else { IDLE };
        let mut touched = false;
        if event::poll(wait)? {
            // Everything that has come is taken in before the next picture.
            while event::poll(Duration::ZERO)? {
                touched = true;
                take(app, &event::read()?, screen)?;
            }
        }
        if touched {
            drawn = Rect::default();
        }
        if ended.load(Ordering::SeqCst) {
            return Ok(());
        }
        for wish in app.wishes() {
            match wish {
                Wish::Quit => return Ok(()),
                Wish::Redraw => screen.clear()?,
                Wish::Copy(text) => {
                    execute!(io::stdout(), CopyToClipboard::to_clipboard_from(text))?;
                }
                Wish::Suspend => {
                    suspend(manners)?;
                    screen.clear()?;
                    before = Instant::now();
                }
            }
        }
    }
}

fn paint(app: &mut App, screen: &mut Screen) -> io::Result<()> {
    screen.draw(|frame| {
        let at = render::draw(app, frame.buffer_mut());
        if let Some(at) = at {
            frame.set_cursor_position(at);
        }
    })?;
    Ok(())
}

fn span(duration: Duration) -> Span {
    Span::from_nanos(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))
}

fn take(app: &mut App, event: &Event, screen: &mut Screen) -> io::Result<()> {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => {
            if let Some(key) = key_of(*key) {
                app.key(key);
            }
        }
        Event::Mouse(mouse) => {
            if let Some((what, at)) = mouse_of(*mouse) {
                app.mouse(what, at, screen.size()?.into());
            }
        }
        Event::Paste(text) => {
            for c in text.chars().filter(|c| !c.is_control()) {
                app.key(Key::Char(c));
            }
        }
        Event::Key(_) | Event::Resize(..) | Event::FocusGained | Event::FocusLost => {}
    }
    Ok(())
}

fn key_of(key: KeyEvent) -> Option<Key> {
    let shift = key.modifiers.contains(KeyModifiers::SHIFT);
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    if key.modifiers.contains(KeyModifiers::ALT) {
        return None;
    }
    Some(match key.code {
        KeyCode::Char(c) if control => Key::Ctrl(c.to_ascii_lowercase()),
        KeyCode::Char(c) => Key::Char(c),
        KeyCode::Left => Key::Left(shift),
        KeyCode::Right => Key::Right(shift),
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Escape,
        KeyCode::Tab => Key::Tab,
        KeyCode::BackTab => Key::BackTab,
        KeyCode::Backspace => Key::Backspace,
        KeyCode::Delete => Key::Delete,
        KeyCode::F(1) => Key::Help,
        _ => return None,
    })
}

fn mouse_of(mouse: MouseEvent) -> Option<(Mouse, Position)> {
    let control = mouse.modifiers.contains(KeyModifiers::CONTROL);
    let what = match mouse.kind {
        MouseEventKind::Down(MouseButton::Left) => Mouse::Press,
        MouseEventKind::Drag(MouseButton::Left) => Mouse::Drag,
        MouseEventKind::ScrollUp => Mouse::Wheel { up: true, control },
        MouseEventKind::ScrollDown => Mouse::Wheel { up: false, control },
        _ => return None,
    };
    Some((what, Position::new(mouse.column, mouse.row)))
}

/// Gives the terminal back, stops until the shell goes on with us, and takes it again.
fn suspend(manners: Manners) -> io::Result<()> {
    restore();
    stop()?;
    enter(manners)
}

/// Stops this process as the terminal's own suspend key would.
#[cfg(unix)]
fn stop() -> io::Result<()> {
    // The language has no call for it; every shell has.
    let id = std::process::id().to_string();
    std::process::Command::new("sh").args(["-c", "kill -TSTP $0", &id]).status().map(drop)
}

#[cfg(not(unix))]
fn stop() -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_can_do_is_read_from_its_environment() {
        let of = |known: &[(&str, &str)]| {
            theme(|name| {
                let found = known.iter().find(|(key, _)| *key == name);
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        let utf8 = ("LANG", "en_US.UTF-8");
        assert_eq!(of(&[("TERM", "xterm"), utf8]), Theme { depth: Depth::Sixteen, unicode: true });
        assert_eq!(
            of(&[("TERM", "xterm-256color")]),
            Theme { depth: Depth::Indexed, unicode: false }
        );
        let full = [("TERM", "xterm-256color"), ("COLORTERM", "truecolor"), utf8];
        assert_eq!(of(&full).depth, Depth::True);
        assert_eq!(of(&[full[0], full[1], ("NO_COLOR", "1")]).depth, Depth::Mono);
        assert_eq!(of(&[full[0], full[1], ("NO_COLOR", "")]).depth, Depth::True);
        assert_eq!(of(&[("TERM", "linux"), utf8]), Theme { depth: Depth::Sixteen, unicode: false });
        assert_eq!(of(&[("TERM", "dumb"), utf8]).depth, Depth::Mono);
        assert!(!of(&[("LC_ALL", "C"), utf8]).unicode, "LC_ALL overrides LANG");
    }
}
